"""A whole workbook in Simplified Chinese: no English but names, the same numbers, its look."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from python_steps.policy import FirmPolicy
from python_steps.reports.book_workbook import BookReportFrames, book_sheets
from python_steps.reports.household_workbook import (
    household_sheets,
    render_household_workbook,
)
from python_steps.reports.report_frames import HouseholdReportFrames
from python_steps.reports.workbook_writer import workbook_bytes
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import AS_OF, Rows, busy_household
from tests.python_steps.reports.reading_back import opened

CHINESE = "zh-Hans"
# What planner, ledger and book really say, column by column; a column's rows take them in turn.
SAID: dict[tuple[str, str], tuple[str, ...]] = {
    ("fct_rebalance_plans", "explanation"): (
        "12 trades bring every asset class inside its band and save an estimated $870 of tax. The "
        "contribution of $13,800 due 2026-12-01 takes Cash to 4.3%, outside its band, and is "
        "invested when it posts.",
    ),
    ("fct_recommended_trades", "rationale"): (
        "Sell 153 shares of HYG ($12,027) in Elena's Traditional IRA: the weight of High Yield / "
        "Credit is 4.5% against a target of 4.0% (band 3.0% to 5.0%); sold in this tax-deferred "
        "account, where no tax falls due. Without it the plan would be worth about $250 less.",
        "Buy 1 share of VTI ($318) in Marco's Roth IRA: takes up what leaves TIPS / Inflation "
        "Protected, whose weight is 5.2% against a target of 5.0% (band 4.0% to 6.0%); paid from "
        "Alternatives and US Small/Mid Cap sold in this tax-free account.",
        "Sell 169 shares of VOO ($101,275) in Joint brokerage: raises the cash this account needs "
        "for its withdrawal of $700 due 2026-11-30 and minimum cash of $5,000. Uses 2 lots "
        "acquired 2016-05-04 to 2026-08-20: long-term gain of $187 and short-term loss of $64.36, "
        "saves about $29.40 of tax. No plan could do without it.",
    ),
    ("fct_recommended_trades", "lot_instruction_text"): (
        "Name these lots: 12 bought 2024-10-04 at $269.39; 25 of an unknown date. {method}",
    ),
    ("fct_asset_location", "recommendation"): (
        "Would gain by changing places with US Large Cap Equity in tax-deferred accounts, which "
        "would gain too: use new money and replacements, realize no gain for it alone.",
        "Cash stays where it is needed.",
    ),
    ("fct_wash_sale_windows", "caused_by"): (
        "VTI was sold at a loss on 2026-11-09 in Joint brokerage. Dividends of VOO are reinvested "
        "quarterly in Marco's Roth IRA, last on 2026-09-22; next about 2026-12-22, as estimated "
        "from its history.",
    ),
    ("fct_trade_exceptions", "subject"): ("Cash", "VTI in Joint brokerage", "VTI concentration"),
    ("fct_trade_exceptions", "rationale"): (
        "The weight of Cash stays at 5.2%, $1,530 above its band of 0.0% to 4.0%.",
        "VTI in Joint brokerage is not sold: a loss would be a wash sale until 2027-01-20 (VTI was "
        "bought on 2026-11-16 in Joint brokerage); it is frozen.",
    ),
    ("fct_compliance_checks", "check_name"): ("no_wash_sale_within_the_plan",),
    ("fct_compliance_checks", "requirement"): ("No trade is stated twice.",),
    ("fct_compliance_checks", "detail"): (
        "Holds for the 12 trades of the plan.",
        "Joint brokerage: VTI is in 3 trades",
    ),
    ("fct_data_quality_results", "rule"): ("lot_has_basis",),
    ("fct_data_quality_results", "observed"): ("no lots",),
    ("fct_data_quality_results", "expected"): ("a cost for every taxable lot",),
    ("fct_data_quality_results", "message"): (
        "tax_lots.csv, row 12: VTI in Joint brokerage (XXXX0020): The cost of this lot is not "
        "known; enter it from the client's records. The lot is not sold.",
    ),
    ("fct_target_drift", "target_key"): ("US Treasury bills",),
    ("dim_accounts", "trading_blocked_reason"): ("it is under a legal hold",),
}
METHOD = "The account's standing method MIN_TAX would deliver other lots or chooses among equals."
WORD = re.compile(r"[A-Za-z']*[a-z]{3,}[A-Za-z']*")


def told_household() -> Rows:
    """The busy household with the sentences that people really read."""
    rows = busy_household()
    for (mart, column), texts in SAID.items():
        for number, row in enumerate(rows[mart]):
            if row.get(column) is not None:
                row[column] = texts[number % len(texts)].replace("{method}", METHOD)
    return rows


def frames_of(rows: Rows, language: str) -> HouseholdReportFrames:
    rows["dim_households"][0]["report_language"] = language
    return HouseholdReportFrames.from_tables(
        "H-GARCIA", made_frames.tables(rows), firm_policy=FirmPolicy()
    )


@pytest.fixture(scope="module")
def chinese() -> Any:
    return opened(render_household_workbook(frames_of(told_household(), CHINESE)))


@pytest.fixture(scope="module")
def english() -> Any:
    return opened(render_household_workbook(frames_of(told_household(), "en")))


def shown(workbook: Any) -> list[Any]:
    return [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]


def texts_of(workbook: Any) -> Iterator[str]:
    for sheet in shown(workbook):
        yield sheet.title
        for row in sheet.iter_rows():
            yield from (cell.value for cell in row if isinstance(cell.value, str))


def names() -> set[str]:
    """Words of names and codes, which are the same in every language."""
    rows = told_household()
    given = ["Evenkeel", "Roth", "Form 1099-B", "Treas. Reg.", "Schwab"]
    given += [str(getattr(FirmPolicy(), field.name)) for field in fields(FirmPolicy)]
    for mart, columns in {
        "dim_households": ("household_name", "advisor_name"),
        "dim_accounts": ("account_name", "custodian"),
        "dim_securities": ("security_name",),
        "fct_tax_impact": ("tax_unit_id",),
        "source_files": ("file_name", "custodian"),
        "fct_data_quality_results": ("file_name", "observed"),
        "fct_recommended_trades": ("standing_lot_method",),
    }.items():
        given += [str(row.get(column)) for row in rows[mart] for column in columns]
    given += [row["allocation_group_id"] for row in rows["fct_drift_summary"]]
    return {word for text in given for word in re.findall(r"[A-Za-z']+", text)}


def test_nothing_stays_english_but_names(chinese):
    known = names() | {"tax_lots", "csv"}
    left = {
        word
        for text in texts_of(chinese)
        for word in WORD.findall(text)
        if not set(re.findall(r"[A-Za-z']+", word)) <= known
    }
    # Ids and file hashes are no words.
    assert {word for word in left if not re.fullmatch(r"[0-9a-f]+", word)} == set()


def test_the_catalogue_knows_every_sentence():
    _, _, texts = household_sheets(frames_of(told_household(), CHINESE))
    assert texts.translator.unknown == {}


def test_both_languages_show_the_same_numbers_in_the_same_places(chinese, english):
    assert [sheet.title for sheet in shown(chinese)] != [sheet.title for sheet in shown(english)]
    count = 0
    for ours, theirs in zip(shown(chinese), shown(english), strict=True):
        assert ours.dimensions == theirs.dimensions
        for our_row, their_row in zip(ours.iter_rows(), theirs.iter_rows(), strict=True):
            for our, their in zip(our_row, their_row, strict=True):
                assert isinstance(our.value, str) == isinstance(their.value, str), our.coordinate
                if not isinstance(our.value, str):
                    assert our.value == their.value
                    assert our.number_format == their.number_format
                    count += our.value is not None
    assert count > 500


def test_names_stand_as_they_are(chinese):
    said = set(texts_of(chinese))
    assert "Garcia Family" in said
    assert "US Large Cap Equity Fund" in said
    assert any("Elena's Traditional IRA 卖出 HYG 153 股" in text for text in said)


def test_wide_letters_have_a_font_that_has_them_and_narrow_ones_the_usual(chinese, english):
    fonts: dict[bool, set[str]] = {True: set(), False: set()}
    for sheet in shown(chinese):
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    is_wide = bool(re.search("[\u4e00-\u9fff]", str(cell.value)))
                    fonts[is_wide].add(cell.font.name)
    assert fonts == {True: {"Microsoft YaHei"}, False: {"Calibri", "Consolas"}}
    assert b"YaHei" not in part(render_household_workbook(frames_of(told_household(), "en")))


def part(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("xl/styles.xml")


def test_rows_are_as_high_as_their_wide_text(chinese):
    trades = chinese["交易"]
    heights = {
        row[0].row: max(len(str(cell.value or "")) for cell in row) for row in trades.iter_rows()
    }
    row, letters = max(heights.items(), key=lambda item: item[1])
    assert letters > 100
    # Fewer letters than the English sentence, each more than twice as wide.
    assert trades.row_dimensions[row].height > 50


def test_charts_point_to_the_sheets_of_their_language():
    content = render_household_workbook(frames_of(told_household(), CHINESE))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        charts = [
            archive.read(name).decode() for name in archive.namelist() if "charts/chart" in name
        ]
    assert charts
    for chart in charts:
        assert set(re.findall(r"<(?:c:)?f>'([^']+)'!", chart)) <= {"偏离度", "交易前后对比"}
        assert "美国大盘股" in chart
        assert "US Large Cap" not in chart


def test_headers_footers_and_properties_are_chinese(chinese):
    first = shown(chinese)[0]
    assert first.oddFooter.center.text == "机密"
    assert first.oddFooter.left.text == "截至2026年11月19日"
    assert first.oddHeader.right.text == "摘要"
    assert chinese.properties.language == CHINESE
    assert chinese.properties.title == "Garcia Family – 再平衡检视"


def test_an_english_workbook_does_not_depend_on_a_chinese_one_before_it():
    before = render_household_workbook(frames_of(told_household(), "en"))
    render_household_workbook(frames_of(told_household(), CHINESE))
    assert render_household_workbook(frames_of(told_household(), "en")) == before


def test_the_books_workbook_is_chinese_where_the_firm_is():
    rows = told_household()
    rows["nights"] = [{"version": 2, "state": "degraded", "note": "2 plans withheld"}]
    frames = BookReportFrames.from_tables(AS_OF, made_frames.tables(rows))
    sheets, facts, texts = book_sheets(frames, CHINESE)
    workbook = opened(workbook_bytes(sheets, facts, texts))
    assert workbook.sheetnames[:2] == ["全部客户摘要", "家庭"]
    assert "2 个方案被暂扣" in set(texts_of(workbook))
    assert texts.translator.unknown == {}
