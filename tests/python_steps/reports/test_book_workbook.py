"""The book's workbook: order of urgency, totals that equal the rows, links that lead somewhere."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from python_steps.reports import layout
from python_steps.reports.book_workbook import BookReportFrames, render_book_workbook
from python_steps.reports.file_names import household_workbook_path, link_target
from tests.python_steps.reports import made_frames, reading_back
from tests.python_steps.reports.made_frames import AS_OF, Rows, bare_household, busy_household
from tests.python_steps.reports.reading_back import all_texts, opened, sheet, table_rows


def book() -> Rows:
    second = busy_household("H-2")
    second["dim_securities"] = second["source_files"] = []
    rows = made_frames.together(
        busy_household("H-1"),
        second,
        bare_household(
            "H-W", household_state="withheld", state_reason="Lots do not tie.", market_value=None
        ),
        bare_household("H-F", household_state="waiting_for_feed", state_reason="No file."),
        bare_household("H-N", household_name="=1+1 & Co", market_value=Decimal("10.005")),
    )
    rows["nights"] = [
        {"version": 2, "manifest_hash": "3c" * 32, "state": "degraded", "note": "1 withheld"}
    ]
    rows["workbooks"] = [
        {"household_id": "H-1", "path": "ignored", "sha256": "1" * 64, "status": "written"},
        {"household_id": "H-2", "path": "ignored", "sha256": None, "status": "failed"},
        {"household_id": "H-N", "path": "ignored", "sha256": "2" * 64, "status": "written"},
    ]
    rows["fct_data_quality_results"].append(
        {
            "household_id": None,
            "scope": "feed",
            "scope_id": "ALPINE",
            "rule": "control_total",
            "severity": "block",
            "is_passed": False,
            "observed": "119",
            "expected": "120",
            "message": "positions.csv holds 119 of 120 rows; ask the custodian to send it again.",
            "who_must_act": "custodian",
            "file_name": "positions.csv",
        }
    )
    return rows


def rendered(rows: Rows) -> bytes:
    return render_book_workbook(BookReportFrames.from_tables(AS_OF, made_frames.tables(rows)))


@pytest.fixture(scope="module")
def workbook() -> Any:
    return opened(rendered(book()))


def test_households_stand_by_urgency(workbook):
    rows = table_rows(sheet(workbook, "households"), layout.HOUSEHOLDS)
    assert [(row["rank"], row["status"]) for row in rows] == [
        (1, "Withheld – a person must look at it"),
        (2, "Waiting for custodian data"),
        (3, "No plan was made"),
        (4, "Trades proposed"),
        (5, "Trades proposed"),
    ]
    assert rows[0]["status_reason"] == "Lots do not tie."
    assert rows[3]["trade_count"] == 12
    assert rows[3]["breach_count"] == 4
    assert rows[3]["max_absolute_drift"] == 0.0712345678
    assert rows[3]["estimated_tax"] == -412.39
    assert rows[0]["market_value"] == "n/a"
    assert rows[0]["estimated_tax"] == "n/a"


def test_households_of_one_name_are_told_apart_by_their_ids():
    rows = book()
    for row in rows["dim_households"]:
        row["household_name"] = "Martin"
    found = table_rows(sheet(opened(rendered(rows)), "households"), layout.HOUSEHOLDS)
    assert {row["household"] for row in found} == {"Martin"}
    assert sorted(row["household_id"] for row in found) == sorted(
        row["household_id"] for row in rows["dim_households"]
    )


def test_households_link_to_their_workbooks_where_there_is_one(workbook):
    links = {
        row[1].value: row[1].hyperlink.target if row[1].hyperlink else None
        for row in sheet(workbook, "households").iter_rows(min_row=6)
        if row[0].value in (3, 4, 5)
    }
    assert links["=1+1 & Co"] == "A-01/H-N.xlsx"
    targets = [
        row[1].hyperlink.target
        for row in sheet(workbook, "workbooks").iter_rows(min_row=6)
        if row[1].hyperlink
    ]
    assert targets == ["A-01/H-1.xlsx", "A-01/H-N.xlsx"]
    listed = table_rows(sheet(workbook, "workbooks"), layout.WORKBOOKS)
    assert listed[1]["workbook_path"] == "n/a"
    assert listed[1]["workbook_status"] == "Failed"


def test_the_summary_counts_and_says_what_it_leaves_out(workbook):
    worksheet = sheet(workbook, "book_summary")
    facts = reading_back.facts(worksheet)
    assert facts["State of the night"] == "Degraded"
    assert facts["Households"] == 5
    assert facts["Market value"] == 2964701.35
    assert facts["Recommended trades"] == 24
    assert facts["Estimated tax"] == -824.77
    assert facts["Blocking data findings"] == 1
    assert facts["Files in quarantine"] == 1
    assert facts["Households with a class outside its band"] == 2
    assert "Without 2 households for which it is not known" in reading_back.all_texts(worksheet)
    statuses = table_rows(worksheet, layout.STATUSES)
    assert statuses[-1] == {"status": "Total", "household_count": 5}


def test_blocks_add_up_to_the_trades(workbook):
    rows = table_rows(sheet(workbook, "blocks"), layout.BLOCKS)
    trades = made_frames.tables(book())["fct_recommended_trades"].to_pylist()
    wanted: dict[str, dict[str, Decimal]] = {}
    for trade in trades:
        block = wanted.setdefault(
            trade["security_id"].removeprefix("S-"), {"buy": Decimal(0), "sell": Decimal(0)}
        )
        block[trade["action"]] += trade["notional"]
    shown = {row["ticker"]: row for row in rows[:-1]}
    assert set(shown) == set(wanted)
    for ticker, block in wanted.items():
        for action in ("buy", "sell"):
            assert shown[ticker][f"{action}_amount"] == reading_back.as_shown(
                "money", block[action]
            )
    total = rows[-1]
    assert total["trade_count"] == 24
    assert total["household_count"] == 2
    assert total["buy_amount"] == reading_back.as_shown(
        "money", sum(block["buy"] for block in wanted.values())
    )


def test_the_drift_map_has_every_class_of_every_portfolio_and_marks_what_left_its_band(workbook):
    worksheet = sheet(workbook, "drift_map")
    lines = table_rows(worksheet, layout.DRIFT_MAP)
    drift = book()["fct_household_drift"]
    assert [line["household"] for line in lines] == ["Garcia Family", "Garcia Family"]
    for row in drift:
        key = layout.DRIFT_MAP_CLASSES[row["asset_class"]]
        line = next(line for line in lines if line["group"] == row["allocation_group_id"])
        assert line[key] == reading_back.as_shown("drift", row["absolute_drift"])
    bold = sum(cell.font.b for line in worksheet.iter_rows(min_row=6, min_col=3) for cell in line)
    assert bold == sum(row["is_breach"] is True for row in drift)


def test_breaches_stand_largest_first(workbook):
    rows = table_rows(sheet(workbook, "breaches"), layout.BREACHES)
    sizes = [abs(row["absolute_drift"]) for row in rows]
    assert len(sizes) == 8
    assert sizes == sorted(sizes, reverse=True)


def test_taxes_total_leaves_unknown_unknown(workbook):
    rows = table_rows(sheet(workbook, "taxes"), layout.TAXES)
    assert len(rows) == 5
    assert rows[-1]["household"] == "Total"
    assert rows[-1]["realized_long_term_gain"] == 1002.0
    assert rows[-1]["estimated_tax"] == "n/a"


def test_taxes_say_why_what_is_not_known_is_not_known(workbook):
    texts = all_texts(sheet(workbook, "taxes"))
    assert "Saved against waterfall: n/a, because the waterfall itself made the plan." in texts


def test_drift_of_a_household_that_is_not_released_is_not_told_as_current():
    rows = book()
    next(row for row in rows["dim_households"] if row["household_id"] == "H-2").update(
        household_state="withheld", state_reason="Lots do not tie."
    )
    for mart in ("fct_recommended_trades", "fct_trade_lots"):
        rows[mart] = [row for row in rows[mart] if row["household_id"] != "H-2"]
    made = opened(rendered(rows))
    breaches = table_rows(sheet(made, "breaches"), layout.BREACHES)
    assert len(breaches) == 4
    held = [
        row
        for row in table_rows(sheet(made, "households"), layout.HOUSEHOLDS)
        if row["status"].startswith("Withheld")
    ]
    assert [row["breach_count"] for row in held] == ["n/a", "n/a"]
    assert [row["max_absolute_drift"] for row in held] == ["n/a", "n/a"]
    # H-2 has a plan: without trades its tax and cost are zero, which would read as estimates.
    assert [row["estimated_tax"] for row in held] == ["n/a", "n/a"]
    assert [row["transaction_cost"] for row in held] == ["n/a", "n/a"]


def test_quality_counts_by_rule_and_lists_who_must_act(workbook):
    worksheet = sheet(workbook, "quality")
    counts = table_rows(worksheet, layout.RULE_COUNTS)
    assert [(row["rule"], row["severity"], row["finding_count"]) for row in counts] == [
        ("Control total", "Blocking", 1),
        ("Basis is known", "Warning", 2),
    ]
    findings = table_rows(worksheet, layout.BOOK_FINDINGS)
    assert findings[0]["who_must_act"] == "Custodian"
    assert findings[0]["household"] in (None, "")
    assert len(findings) == 3


def test_quality_says_which_rules_could_not_be_asked_of_whom(workbook):
    assert "Every rule could be asked of every custodian." in all_texts(sheet(workbook, "quality"))
    told = book()
    told["fct_data_quality_results"] += [
        {
            "household_id": None,
            "scope": "custodian",
            "scope_id": custodian,
            "custodian": custodian,
            "rule": rule,
            "severity": "warn",
            "is_passed": None,
            "outcome": "not_evaluated",
            "message": f"{custodian}: {reason}",
        }
        for custodian, rule, reason in (
            ("BETA", "cash_rolls_forward", "No transactions."),
            ("ALPINE", "cash_rolls_forward", "No transactions."),
            ("CEDAR", "cash_rolls_forward", "No earlier night."),
            ("CEDAR", "cusip_is_valid", "No CUSIP."),
        )
    ]
    again = opened(rendered(told))
    rows = table_rows(sheet(again, "quality"), layout.UNANSWERED_RULES)
    assert [tuple(row.values()) for row in rows] == [
        ("Cash rolls forward", "No earlier night.", "CEDAR"),
        ("Cash rolls forward", "No transactions.", "ALPINE, BETA"),
        ("Cusip is valid", "No CUSIP.", "CEDAR"),
    ]
    # What could not be asked is no finding.
    counts = table_rows(sheet(again, "quality"), layout.RULE_COUNTS)
    assert counts == table_rows(sheet(workbook, "quality"), layout.RULE_COUNTS)


def test_files_show_quarantine_first(workbook):
    rows = table_rows(sheet(workbook, "files"), layout.BOOK_FILES)
    assert rows[0]["file_status"] == "Quarantined"
    assert [row["file_hash"][0] for row in rows] == ["c", "d", "e", "b", "a"]


def test_the_same_book_gives_the_same_bytes_whatever_its_order():
    turned = {name: list(reversed(given)) for name, given in book().items()}
    assert rendered(book()) == rendered(book()) == rendered(turned)


def test_an_empty_book_has_its_sheets():
    rows: Rows = {"nights": [{"version": 1, "state": "complete"}]}
    workbook = opened(rendered(rows))
    assert len(workbook.sheetnames) == len(layout.BOOK_SHEETS)
    assert "There are no households." in reading_back.all_texts(sheet(workbook, "households"))


def test_a_night_without_its_row_is_refused():
    rows = book()
    rows["nights"] = []
    with pytest.raises(ValueError, match="one row of the night"):
        rendered(rows)


def test_a_missing_table_is_named():
    tables = made_frames.tables(book())
    del tables["workbooks"]
    with pytest.raises(ValueError, match="workbooks"):
        BookReportFrames.from_tables(AS_OF, tables)


@pytest.mark.parametrize(
    ("advisor", "household", "path", "target"),
    [
        ("A-01", "garcia", "A-01/garcia.xlsx", "A-01/garcia.xlsx"),
        ("A 1", "x/y", "A 1/x%2Fy.xlsx", "A%201/x%252Fy.xlsx"),
        ("..", "a:b", "%2E%2E/a%3Ab.xlsx", "%252E%252E/a%253Ab.xlsx"),
        ("张", "h", "%E5%BC%A0/h.xlsx", "%25E5%25BC%25A0/h.xlsx"),
    ],
)
def test_paths_are_safe_and_links_lead_to_them(advisor, household, path, target):
    made = household_workbook_path(advisor, household)
    assert made.as_posix() == path
    assert link_target(made) == target


def test_a_household_without_advisor_has_a_folder_that_no_advisor_can_have():
    assert household_workbook_path(None, "h").as_posix() == "(no advisor)/h.xlsx"
    assert household_workbook_path("", "h") == household_workbook_path(None, "h")
    assert household_workbook_path("(no advisor)", "h") != household_workbook_path(None, "h")


def test_an_empty_household_id_has_no_path():
    with pytest.raises(ValueError, match="household_id is empty"):
        household_workbook_path("A-01", "")
