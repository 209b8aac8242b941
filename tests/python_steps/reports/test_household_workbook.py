"""The household's workbook says what the marts say: to the cent, in every cell, or n/a."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from python_steps.policy import FirmPolicy
from python_steps.reports import layout
from python_steps.reports.household_workbook import render_household_workbook
from python_steps.reports.report_frames import (
    HouseholdReportFrames,
    ReportRecords,
    ReportTables,
    records,
)
from python_steps.reports.texts import MissingTextError
from tests.python_steps.reports import made_frames, reading_back
from tests.python_steps.reports.made_frames import AS_OF, Rows, bare_household, busy_household
from tests.python_steps.reports.reading_back import as_shown, opened, sheet, table_rows

ACCOUNT_NAMES = {
    "A-IRA": "Elena's Traditional IRA (…4400)",
    "A-ROTH": "Marco's Roth IRA (…4401)",
    "A-JOINT": "Joint brokerage (…4402)",
}


def rendered(rows: Rows, household_id: str = "H-GARCIA") -> bytes:
    tables = made_frames.tables(rows)
    frames = HouseholdReportFrames.from_tables(household_id, tables, firm_policy=FirmPolicy())
    return render_household_workbook(frames)


@pytest.fixture(scope="module")
def garcia() -> Any:
    return opened(rendered(busy_household()))


def test_it_has_the_ten_sheets_in_reading_order(garcia):
    assert garcia.sheetnames == [
        "Summary",
        "Drift",
        "Trades",
        "Tax impact",
        "Before and after",
        "Asset location",
        "Lots",
        "Wash sales",
        "Exceptions",
        "Compliance",
        "evenkeel_plan",
    ]
    assert garcia["evenkeel_plan"].sheet_state == "veryHidden"


# Table, mart, and the columns that say which cells belong to which row of the mart.
COMPARED = [
    ("drift", layout.DRIFT, "fct_household_drift", {"asset_class": "asset_class"}),
    ("drift", layout.TARGET_DRIFT, "fct_target_drift", {"target_key": "target_key"}),
    ("drift", layout.DRIFT_SUMMARY, "fct_drift_summary", {"group": "allocation_group_id"}),
    ("trades", layout.TRADES, "fct_recommended_trades", {"sequence": "trade_sequence"}),
    ("trades", layout.TRADE_TAX, "fct_recommended_trades", {"sequence": "trade_sequence"}),
    ("trades", layout.TRADE_LOTS, "fct_trade_lots", {"lot_id": "lot_id"}),
    ("tax_impact", layout.TAX_IMPACT, "fct_tax_impact", {"tax_unit": "tax_unit_id"}),
    (
        "tax_impact",
        layout.GAINS_SCHEDULE,
        "fct_capital_gains_schedule",
        {"total_amount": "total_amount"},
    ),
    ("tax_impact", layout.TAX_BUDGETS, "fct_tax_budget_frontier", {"tax_budget": "tax_budget"}),
    ("comparison", layout.COMPARISON, "fct_allocation_comparison", {"asset_class": "asset_class"}),
    (
        "location",
        layout.LOCATION,
        "fct_asset_location",
        {"account": "account_id", "asset_class": "asset_class"},
    ),
    ("lots", layout.LOTS, "fct_tax_lots", {"lot_id": "lot_id"}),
    ("wash_sales", layout.MATCHES, "fct_wash_sale_matches", {"disallowed_loss": "disallowed_loss"}),
    ("exceptions", layout.EXCEPTIONS, "fct_trade_exceptions", {"subject": "subject"}),
]


@pytest.mark.parametrize(("sheet_id", "table", "mart", "keys"), COMPARED)
def test_every_number_and_date_is_the_marts(garcia, sheet_id, table, mart, keys):
    kinds = {column.key: column.kind for column in table.columns}
    wanted = {}
    for row in made_frames.tables(busy_household())[mart].to_pylist():
        name = tuple(_key(kinds[shown], row[column]) for shown, column in keys.items())
        wanted[name] = row
    compared_cells = 0
    shown_rows = [
        row
        for row in table_rows(sheet(garcia, sheet_id), table)
        if "Total" not in (row.get("account"), row.get("tax_unit"), row.get("loss_account"))
    ]
    assert len(shown_rows) == len(wanted)
    for shown in shown_rows:
        row = wanted.pop(tuple(_cell_key(shown[key]) for key in keys))
        for key, kind in kinds.items():
            if key not in row or kind in ("text", "wrapped", "code", "link"):
                continue
            if row[key] is None and shown[key] in (None, ""):
                assert key in NOTHING_MEANS_NONE, f"{key} is missing and shows nothing"
                continue
            expected = as_shown(kind, row[key])
            value = shown[key].date() if isinstance(shown[key], datetime) else shown[key]
            assert value == expected, f"{mart}.{key}: {value!r} is not {expected!r}"
            compared_cells += 1
    assert not wanted
    assert compared_cells > 0


def test_the_lots_of_a_trade_stand_with_what_the_custodian_must_be_told(garcia):
    rows = table_rows(sheet(garcia, "trades"), layout.TRADE_LOTS)
    said = {
        lot_id: next(
            (row["lots_named_by_date"], row["lot_instruction"])
            for row in rows
            if row["lot_id"] == f"A-JOINT:LOT-{lot_id}"
        )
        for lot_id in ("01-1", "09-1", "09-2", "11-1")
    }
    assert said["09-1"] == (
        datetime(2026, 11, 23),
        "The custodian's standing method is not known. Name these lots: 60 bought 2024-03-01; "
        "60 bought 2024-03-02. So it is.",
    )
    assert said["11-1"][0] in (None, "")
    assert said["11-1"][1].startswith("The custodian's standing method is FIFO. The account's")
    # Said once a trade, and not at all where no lot matters for tax.
    assert {value or "" for place in ("01-1", "09-2") for value in said[place]} == {""}


# Columns where null is an answer (no limit, no amount, period not carried over), not a gap.
NOTHING_MEANS_NONE = {
    "limit_price",
    "amount",
    "holding_period_start_date",
    "short_term_amount",
    "long_term_amount",
}


def _key(kind: str, value: Any) -> Any:
    shown = as_shown(kind, value)
    return ACCOUNT_NAMES.get(shown, shown) if isinstance(shown, str) else shown


def _cell_key(value: Any) -> Any:
    return re.sub(r" \(part of .*\)", "", value) if isinstance(value, str) else value


def test_totals_are_exact_sums_and_an_unknown_part_makes_them_unknown(garcia):
    taxes = table_rows(sheet(garcia, "trades"), layout.TRADE_TAX)[-1]
    assert taxes["account"] == "Total"
    assert taxes["realized_short_term_loss"] == -2.01  # -1.005 twice, rounded once
    assert taxes["commission"] == 59.40
    lots = table_rows(sheet(garcia, "trades"), layout.TRADE_LOTS)[-1]
    assert lots["cost_basis"] == "n/a"
    assert lots["proceeds"] == 59154.84


def test_the_total_gain_of_lots_is_that_of_taxable_accounts(garcia):
    worksheet = sheet(garcia, "trades")
    *lots, total = table_rows(worksheet, layout.TRADE_LOTS)
    taxable = [row for row in lots if row["sequence"] in (9, 11)]
    assert len(taxable) == 4
    assert total["realized_gain"] == -4282.22  # four times -1,072.055, and 6 more
    note = "The total gain is that of taxable accounts only"
    assert any(text.startswith(note) for text in reading_back.all_texts(worksheet))


def test_only_sales_of_tax_advantaged_accounts_have_a_total_gain_of_nothing():
    rows = busy_household()
    taxable = {"T-09", "T-10", "T-11", "T-12"}
    for mart in ("fct_recommended_trades", "fct_trade_lots"):
        rows[mart] = [row for row in rows[mart] if row["trade_id"] not in taxable]
    total = table_rows(sheet(opened(rendered(rows)), "trades"), layout.TRADE_LOTS)[-1]
    assert total["realized_gain"] == 0


def test_the_first_sheet_names_the_household_by_its_id_as_well(garcia):
    """Two households of one advisor may bear the same name."""
    texts = reading_back.all_texts(sheet(garcia, "summary"))
    assert any(text.startswith("Household H-GARCIA · advisor ") for text in texts)


def test_the_summary_answers_the_advisors_questions(garcia):
    facts = reading_back.facts(sheet(garcia, "summary"))
    assert facts["Market value"] == 1482345.67
    assert facts["Classes outside their band"] == 4
    assert facts["Trades proposed"] == 12
    assert facts["Estimated tax"] == -412.39
    assert facts["Short-term gains realised"] == 0
    assert facts["Transaction cost"] == 83.11
    assert facts["Breakeven, years"] == "n/a"
    assert facts["Tracking error before"] == 0.0193
    assert facts["Planned trade date"] == datetime(2026, 11, 20)
    assert facts["Valid until"] == datetime(2026, 11, 23)
    texts = reading_back.all_texts(sheet(garcia, "summary"))
    assert "Garcia Family" in texts
    assert any(text.startswith("Four asset classes are outside") for text in texts)
    assert any("Dana Whitfield" in text for text in texts)
    assert "6 sells, 6 buys; 8 in tax-advantaged accounts, 4 in taxable" in texts
    needs = table_rows(sheet(garcia, "summary"), layout.ATTENTION)
    assert [row["attention_subject"] for row in needs] == [
        "GLD in Garcia Family Trust",
        "Cash",
        "Basis is known",
    ]


def test_who_must_act_is_whom_the_book_names_and_else_the_advisor():
    rows = unreleased("waiting_for_feed")
    rows["dim_households"][0]["who_must_act"] = "operations"
    account = rows["dim_accounts"][0]
    account["who_must_act"] = "portfolio operations"
    told = {"household_id": account["household_id"], "rationale": "Why.", "asset_class": None}
    rows["fct_trade_exceptions"] = [
        told | {"subject": "Household", "reason_code": "waiting_for_feed"},
        told
        | {"subject": "An account", "reason_code": "frozen"}
        | {"account_id": account["account_id"]},
        told
        | {"subject": "A holding", "reason_code": "illiquid"}
        | {"account_id": account["account_id"], "security_id": "S-GLD"},
    ]
    needs = table_rows(sheet(opened(rendered(rows)), "summary"), layout.ATTENTION)
    named = {row["attention_subject"]: row["attention_who"] for row in needs}
    assert named["Household"] == "Operations"
    assert named["An account"] == "Portfolio operations"
    assert named["A holding"] == "Advisor"


def test_bands_are_said_in_words(garcia):
    rows = {row["asset_class"]: row for row in table_rows(sheet(garcia, "drift"), layout.DRIFT)}
    assert rows["US Large Cap Equity"]["band_flag"] == "▲ OVER band"
    assert rows["Investment Grade Bonds"]["band_flag"] == "▼ UNDER band"
    assert rows["Alternatives"]["band_flag"] == "In band"
    assert rows["Cash"]["band_flag_projected"] == "▲ OVER, cured by flows due"


def test_trades_keep_the_order_of_execution_and_their_lots(garcia):
    trades = table_rows(sheet(garcia, "trades"), layout.TRADES)
    assert [row["sequence"] for row in trades] == list(range(1, 13))
    assert trades[0]["account"] == "Elena's Traditional IRA (…4400)"
    assert trades[8]["reason"] == "Harvest a loss"
    lots = table_rows(sheet(garcia, "trades"), layout.TRADE_LOTS)
    assert [row["sequence"] for row in lots[:-1]] == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11]


def test_an_account_of_another_household_is_not_named(garcia):
    matches = table_rows(sheet(garcia, "wash_sales"), layout.MATCHES)
    assert {row["replacement_account"] for row in matches[:-1]} == {
        "account of another household",
        "Marco's Roth IRA (…4401)",
    }
    assert {row["replacement_security"] for row in matches[:-1]} == {"S-GONE"}


def test_only_sales_that_the_custodian_reports_otherwise_are_listed_with_both_results(garcia):
    (sale, total) = table_rows(sheet(garcia, "wash_sales"), layout.REALIZED_DIFFERENCES)
    assert (sale["ticker"], sale["disposal_date"]) == ("VTI", datetime(2026, 10, 28))
    assert (sale["custodian_gain"], sale["recognized_gain"], sale["difference"]) == (
        -330.36,
        0,
        330.36,
    )
    assert "in Roth IRA disallows" in sale["difference_reason"]
    assert total["difference"] == sale["difference"]


def test_an_unknown_window_is_unknown_and_a_known_one_without_date_is_open(garcia):
    rows = {
        row["identity_group"]: row
        for row in table_rows(sheet(garcia, "wash_sales"), layout.WINDOWS)
    }
    assert rows["BND"]["no_buy_until_date"] == "n/a"
    assert rows["VTI"]["no_buy_until_date"] == datetime(2026, 12, 9)
    assert rows["VTI"]["no_loss_sale_until_date"] in (None, "")


def test_compliance_names_the_households_files_with_hashes_and_the_policy(garcia):
    worksheet = sheet(garcia, "compliance")
    files = table_rows(worksheet, layout.FILES)
    assert [(row["file_name"], row["file_hash"]) for row in files] == [
        ("Lot_Details.csv", "b" * 64),
        ("Positions-2026-11-19.csv", "a" * 64),
        ("ips_targets.csv", "e" * 64),
    ]
    settings = {row["setting"]: row["value"] for row in table_rows(worksheet, layout.POLICY)}
    assert settings["Default absolute band"] == "0.05"
    assert not [name for name in settings if name.startswith("Alert")]
    record = {row["item"]: row["value"] for row in table_rows(worksheet, layout.PLAN_RECORD)}
    assert record["Plan id"] == "P-0123456789abcdef0123"
    assert record["Hash of the inputs"] == "9f" * 32
    checks = table_rows(worksheet, layout.CHECKS)
    assert [row["is_passed"] for row in checks] == ["Passed"] * 3


def test_a_failed_check_stands_first_and_in_words():
    rows = busy_household()
    rows["fct_compliance_checks"].append(
        {
            "household_id": "H-GARCIA",
            "check_name": "tax_equals_lots",
            "requirement": "Tax of trades equals tax of lots.",
            "is_passed": False,
            "detail": "$1.00 apart",
        }
    )
    checks = table_rows(sheet(opened(rendered(rows)), "compliance"), layout.CHECKS)
    assert checks[0]["check_name"] == "Tax equals lots"
    assert checks[0]["is_passed"] == "✕ FAILED"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("withheld", "Withheld – a person must look at it"),
        ("waiting_for_feed", "Waiting for custodian data"),
    ],
)
def test_a_household_that_is_not_released_says_why_and_shows_no_drift_and_no_trades(state, words):
    rows = busy_household()
    rows["dim_households"][0] |= {
        "household_state": state,
        "state_reason": "Lots of …4402 do not tie to its position in VTI.",
        "market_value": None,
    }
    plan_marts = ("fct_rebalance_plans", "fct_recommended_trades", "fct_trade_lots")
    for mart in (*plan_marts, "fct_tax_budget_frontier"):
        rows[mart] = []
    workbook = opened(rendered(rows))
    budgets = reading_back.all_texts(sheet(workbook, "tax_impact"))
    assert not any("costs no tax" in text for text in budgets)  # nobody has worked it out
    texts = reading_back.all_texts(sheet(workbook, "summary"))
    assert words in texts
    assert "Lots of …4402 do not tie to its position in VTI." in texts
    facts = reading_back.facts(sheet(workbook, "summary"))
    assert facts["Market value"] == "n/a"
    assert facts["Classes outside their band"] == "n/a"
    assert facts["Trades proposed"] == 0
    for sheet_id in ("drift", "comparison"):
        numbers = [
            cell.value
            for row in sheet(workbook, sheet_id).iter_rows()
            for cell in row
            if isinstance(cell.value, (int, float))
        ]
        assert numbers == []
    assert not sheet(workbook, "summary")._charts
    shown = reading_back.all_texts(sheet(workbook, "trades"))
    assert any(text.startswith("No trades are proposed: Lots of …4402") for text in shown)


def fact_notes(worksheet: Any) -> dict[str, str]:
    """The remarks of the list of facts, by label."""
    notes: dict[str, str] = {}
    for label, _, note in worksheet.iter_rows(max_col=3, values_only=True):
        if label and note:
            notes.setdefault(label, note)
    return notes


def unreleased(state: str) -> Rows:
    rows = busy_household()
    rows["dim_households"][0] |= {"household_state": state, "state_reason": "Two orders are open."}
    for mart in ("fct_rebalance_plans", "fct_recommended_trades", "fct_trade_lots"):
        rows[mart] = []
    return rows


@pytest.mark.parametrize("state", ["withheld", "waiting_for_feed", "awaiting_execution"])
def test_no_account_of_a_household_that_is_not_released_is_said_to_be_tradable(state):
    worksheet = sheet(opened(rendered(unreleased(state))), "summary")
    notes = fact_notes(worksheet)
    assert notes["Accounts"].startswith("None is traded until the household is released")
    words = {row["trading"] for row in table_rows(worksheet, layout.ACCOUNTS)}
    assert "Open for trading" not in words
    assert "Not traded until the household is released" in words


def test_a_reason_is_told_once_on_the_summary_and_every_sheet_says_not_released():
    workbook = opened(rendered(unreleased("withheld")))
    texts = reading_back.all_texts(sheet(workbook, "summary"))
    assert sum("Two orders are open." in text for text in texts) == 1
    assert "Not shown, because the household is not released" in texts
    assert "Not confirmed, because the household is not released" in texts
    for name in workbook.sheetnames[1:]:
        assert "not released" in workbook[name]["A2"].value
    drift = reading_back.all_texts(sheet(workbook, "drift"))
    assert sum("Two orders are open." in text for text in drift) == 1


@pytest.mark.parametrize("state", ["withheld", "waiting_for_feed"])
def test_what_was_never_computed_is_not_shown_as_zero(state):
    """The plan of a household that is not released has no trades: its zeros are no estimates."""
    rows = unreleased(state)
    rows["fct_rebalance_plans"] = busy_household()["fct_rebalance_plans"]
    rows["fct_rebalance_plans"][0] |= {
        "plan_status": state,
        "estimated_tax": Decimal(0),
        "transaction_cost": Decimal(0),
        "tracking_error_before": 0.0007,
    }
    facts = reading_back.facts(sheet(opened(rendered(rows)), "summary"))
    assert "Plan" in facts
    assert facts.keys().isdisjoint({"Estimated tax", "Transaction cost", "Tracking error before"})


def test_a_household_with_orders_in_flight_is_not_said_to_trade_on_a_day():
    rows = busy_household()
    rows["dim_households"][0] |= {
        "household_state": "awaiting_execution",
        "state_reason": "Two orders are open.",
    }
    for mart in ("fct_recommended_trades", "fct_trade_lots"):
        rows[mart] = []
    workbook = opened(rendered(rows))
    for name in workbook.sheetnames:
        assert "for trading on" not in workbook[name]["A2"].value
    facts = reading_back.facts(sheet(workbook, "summary"))
    assert "Estimated tax" in facts
    assert "Planned trade date" not in facts
    assert "Valid until" not in facts
    assert "for trading on 2026-11-20" in opened(rendered(busy_household()))["Lots"]["A2"].value


def test_a_banner_is_as_high_as_its_larger_print_needs():
    rows = unreleased("withheld")
    rows["dim_households"][0]["state_reason"] = "The value of the joint account is not known. " * 3
    worksheet = sheet(opened(rendered(rows)), "comparison")
    row = next(
        cell.row for (cell,) in worksheet.iter_rows(max_col=1) if "not known" in str(cell.value)
    )
    # About 165 characters of 14 points in 131 widths: two lines at least, of 19 points each.
    assert worksheet.row_dimensions[row].height >= 2 * 19


def test_the_taxes_of_trades_and_plan_are_explained_only_where_they_differ(garcia):
    def explained(workbook: Any) -> list[str]:
        texts = reading_back.all_texts(sheet(workbook, "trades"))
        return [text for text in texts if "nets all gains and losses" in text]

    assert explained(garcia) == []
    rows = busy_household()
    rows["fct_rebalance_plans"][0]["estimated_tax"] = Decimal("-1400.5")
    (sentence,) = explained(opened(rendered(rows)))
    assert "add up to -$412.39," in sentence
    assert "estimated tax is -$1,400.50:" in sentence
    rows["fct_rebalance_plans"][0]["estimated_tax"] = None
    assert explained(opened(rendered(rows))) == []


@pytest.mark.parametrize(
    ("planner", "reason"),
    [
        ("waterfall", "the waterfall itself made the plan."),
        ("optimizer", "the plan was not compared with the waterfall's."),
    ],
)
def test_what_is_not_known_of_a_tax_return_has_its_reason_under_the_table(planner, reason):
    rows = busy_household()
    rows["fct_rebalance_plans"][0]["planner"] = planner
    texts = reading_back.all_texts(sheet(opened(rendered(rows)), "tax_impact"))
    assert f"Saved against waterfall: n/a, because {reason}" in texts
    unknown = "a basis, a tax rate or a carryforward it needs is not known."
    assert f"Estimated tax: n/a, because {unknown}" in texts


def test_what_is_known_of_every_tax_return_needs_no_reason():
    rows = busy_household()
    for row in rows["fct_tax_impact"]:
        row |= {"tax_saved_vs_waterfall": Decimal(5), "estimated_tax": Decimal(1)}
    for mart in ("fct_plan_values", "fct_tax_budget_frontier", "fct_capital_gains_schedule"):
        rows[mart] = []
    texts = reading_back.all_texts(sheet(opened(rendered(rows)), "tax_impact"))
    assert not any("n/a" in text for text in texts)


def test_unknown_sums_on_the_summary_say_why():
    rows = busy_household()
    rows["fct_tax_impact"] = []
    rows["fct_rebalance_plans"][0]["transaction_cost"] = None
    rows["dim_households"][0]["market_value"] = None
    worksheet = sheet(opened(rendered(rows)), "summary")
    notes = fact_notes(worksheet)
    assert notes["Market value"] == "Not known; see What needs a person"
    assert notes["Short-term gains realised"] == "No sale is proposed that reaches a tax return"
    assert notes["Transaction cost"] == "Not known for this plan"


def test_trades_of_a_household_that_must_not_trade_are_refused():
    rows = busy_household()
    rows["dim_households"][0] |= {"household_state": "withheld", "state_reason": "Lots do not tie."}
    with pytest.raises(ValueError, match="is withheld, yet 12 trades"):
        rendered(rows)


def test_two_plans_are_refused():
    rows = busy_household()
    rows["fct_rebalance_plans"] = rows["fct_rebalance_plans"] * 2
    with pytest.raises(ValueError, match="2 plans"):
        rendered(rows)


def test_a_lot_of_a_trade_that_is_not_there_is_refused():
    rows = busy_household()
    rows["fct_trade_lots"][0]["trade_id"] = "T-99"
    with pytest.raises(ValueError, match="T-99"):
        rendered(rows)


def test_an_unknown_reason_code_is_refused_by_name():
    rows = busy_household()
    rows["fct_recommended_trades"][0]["reason_code"] = "WHIM"
    with pytest.raises(MissingTextError, match=r"reason_code\.WHIM"):
        rendered(rows)


def test_a_plan_without_trades_says_so():
    rows = busy_household()
    for mart in ("fct_recommended_trades", "fct_trade_lots", "fct_tax_impact"):
        rows[mart] = []
    rows["fct_rebalance_plans"][0] |= {
        "plan_status": "no_trade",
        "run_mode": "no_trade",
        "explanation": "Every class is inside its band; nothing is to be done.",
        "estimated_tax": None,
    }
    workbook = opened(rendered(rows))
    facts = reading_back.facts(sheet(workbook, "summary"))
    assert facts["Trades proposed"] == 0
    assert facts["Estimated tax"] == "n/a"
    assert facts["Short-term gains realised"] == "n/a"
    assert "No trade needed" in reading_back.all_texts(sheet(workbook, "summary"))
    shown = reading_back.all_texts(sheet(workbook, "trades"))
    assert "No trades are proposed: Every class is inside its band; nothing is to be done." in shown


def test_a_household_with_nothing_but_its_name_gets_a_workbook():
    workbook = opened(rendered(bare_household("H-NEW"), "H-NEW"))
    texts = reading_back.all_texts(sheet(workbook, "summary"))
    assert "No plan was made" in texts
    assert reading_back.facts(sheet(workbook, "summary"))["Market value"] == "n/a"
    for name in workbook.sheetnames:
        assert reading_back.all_texts(workbook[name])


def test_five_thousand_lots_all_arrive():
    rows = busy_household()
    rows["fct_tax_lots"] = [
        {"household_id": "H-GARCIA", **made_frames.lot(number)} for number in range(1, 5001)
    ]
    workbook = opened(rendered(rows))
    lots = table_rows(sheet(workbook, "lots"), layout.LOTS)[:-1]
    assert len(lots) == 5000
    assert len({row["lot_id"] for row in lots}) == 5000
    assert sum(Decimal(str(row["market_value"])) for row in lots) == sum(
        (Decimal("5100.55") + number for number in range(1, 5001)), Decimal(0)
    )


DANGEROUS = [
    '=HYPERLINK("http://example.invalid","x")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    " =1+1",
    "＝1+1",
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_text_that_looks_like_a_formula_stays_text(text):
    rows = busy_household()
    rows["dim_households"][0]["household_name"] = text
    rows["dim_accounts"][0]["account_name"] = text
    rows["fct_recommended_trades"][0]["rationale"] = text
    content = rendered(rows)
    workbook = opened(content)
    for name in workbook.sheetnames:
        for row in workbook[name].iter_rows():
            for cell in row:
                assert cell.data_type != "f"
    rationale = [
        cell for row in sheet(workbook, "trades").iter_rows() for cell in row if cell.value == text
    ]
    assert len(rationale) == 1
    assert rationale[0].data_type == "s"
    assert rationale[0].quotePrefix
    with zipfile.ZipFile(BytesIO(content)) as archive:
        for part in archive.namelist():
            if part.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(part)


def test_characters_that_no_xml_may_hold_are_left_out_and_all_others_stay():
    rows = busy_household()
    name = "A\x00B\x1f\ufffe <&>\"' 张伟 שלום 😀 e\u0301 _x0041_"
    rows["dim_households"][0]["household_name"] = name
    rows["fct_trade_exceptions"][0]["rationale"] = "line one\r\nline two"
    workbook = opened(rendered(rows))
    title = sheet(workbook, "summary")["A1"].value
    # The escape keeps Excel from reading _x0041_ as the letter A.
    assert title == "AB <&>\"' 张伟 שלום 😀 e\u0301 _x005F_x0041_"
    assert "line one\nline two" in reading_back.all_texts(sheet(workbook, "exceptions"))


def test_a_text_longer_than_a_cell_is_cut_with_an_ellipsis():
    rows = busy_household()
    rows["fct_trade_exceptions"][0]["rationale"] = "😀" * 20_000
    workbook = opened(rendered(rows))
    longest = max(reading_back.all_texts(sheet(workbook, "exceptions")), key=len)
    assert longest.endswith("😀…")
    assert len(longest.encode("utf-16-le")) // 2 <= 32_767


def test_the_same_rows_give_the_same_bytes_whatever_their_order():
    rows = busy_household()
    turned = {name: list(reversed(given)) for name, given in rows.items()}
    assert rendered(rows) == rendered(rows) == rendered(turned)


def test_the_same_rows_give_the_same_bytes_in_another_process():
    program = (
        "import hashlib\n"
        "from tests.python_steps.reports.test_household_workbook import rendered\n"
        "from tests.python_steps.reports.made_frames import busy_household\n"
        "print(hashlib.sha256(rendered(busy_household())).hexdigest())\n"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert hashes == {hashlib.sha256(rendered(busy_household())).hexdigest()}


def test_a_changed_cent_changes_the_bytes():
    rows = busy_household()
    rows["fct_rebalance_plans"][0]["transaction_cost"] += Decimal("0.01")
    assert rendered(rows) != rendered(busy_household())


def test_the_documents_dates_are_the_nights(garcia):
    assert garcia.properties.created == garcia.properties.modified == datetime(2026, 11, 19)
    with zipfile.ZipFile(BytesIO(rendered(busy_household()))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_sheet_is_ready_to_print(garcia):
    for name in garcia.sheetnames:
        worksheet = garcia[name]
        wanted = "portrait" if name == "Summary" else "landscape"
        assert worksheet.page_setup.orientation == wanted
        if name == "Summary":  # too long for one page: its chart begins the next
            assert worksheet.page_setup.scale >= 75
        else:
            assert worksheet.page_setup.fitToWidth == 1
            assert worksheet.sheet_properties.pageSetUpPr.fitToPage
        # LibreOffice prints a hidden sheet, too, where it has a print area.
        assert bool(worksheet.print_area) == (worksheet.sheet_state == "visible")
        assert worksheet.print_title_rows
        assert worksheet.freeze_panes
        assert "&P" in worksheet.oddFooter.right.text
    assert sheet(garcia, "lots").freeze_panes == "C6"
    assert sheet(garcia, "lots").auto_filter.ref == "A5:Q45"


def test_the_summarys_chart_stands_under_its_tables_and_is_no_wider(garcia):
    worksheet = sheet(garcia, "summary")
    (chart,) = worksheet._charts
    start = chart.anchor._from
    last_text = max(
        cell.row for row in worksheet.iter_rows() for cell in row if cell.value is not None
    )
    assert start.col == 0
    assert start.row + 1 > last_text
    columns = [worksheet.column_dimensions[letter].width for letter in "ABCD"]
    assert worksheet.print_area.startswith("'Summary'!$A$1:$D$")
    table_cm = sum(width * 7 + 5 for width in columns) / 96 * 2.54
    assert chart.anchor.ext.width / 360_000 <= table_cm
    # Portrait letter has 7.7 inches between its margins: the print is at least three quarters.
    assert 7.7 * 2.54 / table_cm > 0.75
    last_row = int(worksheet.print_area.rsplit("$", 1)[1])
    assert last_row * 0.529 * 360_000 >= start.row * 0.529 * 360_000 + chart.anchor.ext.height


def test_a_short_summary_fits_one_page_with_its_chart():
    rows = busy_household()
    rows["fct_trade_exceptions"] = []
    rows["fct_data_quality_results"] = []
    worksheet = sheet(opened(rendered(rows)), "summary")
    assert worksheet.sheet_properties.pageSetUpPr.fitToPage
    assert (worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight) == (1, 1)
    assert worksheet.row_breaks.brk == []


def test_a_long_summary_gives_its_charts_a_page_of_their_own():
    rows = busy_household()
    rows["fct_trade_exceptions"] = [
        row | {"subject": f"{row['subject']} {number}", "rationale": "Held back, and why. " * 20}
        for number in range(20)
        for row in rows["fct_trade_exceptions"][:1]
    ]
    worksheet = sheet(opened(rendered(rows)), "summary")
    (chart,) = worksheet._charts
    assert [found.id for found in worksheet.row_breaks.brk] == [chart.anchor._from.row - 1]
    assert not worksheet.sheet_properties.pageSetUpPr.fitToPage
    assert worksheet.page_setup.scale >= 75


def test_numbers_have_the_formats_of_their_kinds(garcia):
    worksheet = sheet(garcia, "trades")
    first = next(row for row in worksheet.iter_rows() if row[0].value == 1)
    formats = {
        column.key: cell.number_format
        for column, cell in zip(layout.TRADES.columns, first, strict=False)
    }
    assert formats["notional"] == '"$"#,##0.00;-"$"#,##0.00'
    assert formats["quantity"] == "#,##0"
    drift = next(
        row for row in sheet(garcia, "drift").iter_rows() if row[1].value == "US Large Cap Equity"
    )
    # A drift that rounds to nothing shows no sign.
    assert drift[5].number_format == "[>=0.00005]+0.00%;[<=-0.00005]-0.00%;0.00%"
    third = next(row for row in worksheet.iter_rows() if row[0].value == 3)
    assert third[5].number_format == "#,##0.00####"


def test_charts_carry_their_values():
    with zipfile.ZipFile(BytesIO(rendered(busy_household()))) as archive:
        charts = [
            archive.read(name).decode()
            for name in sorted(archive.namelist())
            if name.startswith("xl/charts/chart")
        ]
    assert len(charts) == 3
    comparison = charts[2]
    cached = re.findall(r"<(?:c:)?v>([^<]*)</(?:c:)?v>", comparison)
    assert "US Large Cap Equity" in cached
    assert "0.3712345678" in cached
    assert "'Before and after'!$E$6:$E$14" in comparison


def test_two_portfolios_get_a_chart_each_and_are_named():
    rows = busy_household()
    second = [
        row | {"allocation_group_id": "G2", "is_breach": False, "breach_severity_rank": None}
        for row in rows["fct_household_drift"]
    ]
    rows["fct_household_drift"] += second
    rows["fct_drift_summary"].append(
        rows["fct_drift_summary"][0] | {"allocation_group_id": "G2", "breach_count": 0}
    )
    workbook = opened(rendered(rows))
    assert len(sheet(workbook, "drift")._charts) == 2
    facts = reading_back.facts(sheet(workbook, "summary"))
    assert facts["Classes outside their band – G1"] == 4
    assert facts["Classes outside their band – G2"] == 0
    assert "Every class is inside its band" in reading_back.all_texts(sheet(workbook, "summary"))


def test_a_language_without_texts_is_said_on_the_first_sheet():
    rows = busy_household()
    rows["dim_households"][0]["report_language"] = "xx"
    texts = reading_back.all_texts(sheet(opened(rendered(rows)), "summary"))
    assert any("(xx) is not available yet" in text for text in texts)


def test_a_float_in_a_dollar_column_is_refused():
    tables = made_frames.tables(busy_household())
    trades = tables["fct_recommended_trades"]
    place = trades.column_names.index("notional")
    tables["fct_recommended_trades"] = trades.set_column(
        place, "notional", trades.column("notional").cast(pa.float64())
    )
    frames = HouseholdReportFrames.from_tables("H-GARCIA", tables, firm_policy=FirmPolicy())
    with pytest.raises(TypeError, match="exact decimal"):
        render_household_workbook(frames)


def test_a_tracking_error_that_is_not_a_number_is_missing():
    rows = busy_household()
    rows["fct_rebalance_plans"][0]["tracking_error_after"] = float("nan")
    facts = reading_back.facts(sheet(opened(rendered(rows)), "summary"))
    assert facts["Tracking error after"] == "n/a"


def test_what_the_marts_may_leave_out_is_shown_as_missing():
    rows = busy_household()
    rows["dim_households"][0] |= {
        "household_name": None,
        "advisor_id": None,
        "advisor_name": None,
        "report_language": None,
    }
    rows["dim_accounts"][0] |= {"account_name": None, "account_type": None, "tax_treatment": None}
    for row in rows["fct_recommended_trades"]:
        row |= {"asset_class": None, "order_type": None, "tax_cost": None}
    for row in rows["fct_trade_lots"]:
        row |= {"term": None, "acquisition_date": None, "tax_cost": None}
    rows["fct_wash_sale_matches"][0] |= {"rule": None, "provisional_until_date": None}
    rows["fct_data_quality_results"][0] |= {"who_must_act": None, "message": None}
    rows["fct_trade_exceptions"][0]["rationale"] = None
    rows["fct_tax_lots"][0] |= {"covered_status": None, "term": None, "market_value": None}
    rows["dim_securities"][0] |= {"ticker": None, "security_name": None}
    workbook = opened(rendered(rows))
    assert sheet(workbook, "summary")["A1"].value == "H-GARCIA"
    assert table_rows(sheet(workbook, "summary"), layout.ATTENTION)[-1]["attention_who"] == "n/a"
    trades = table_rows(sheet(workbook, "trades"), layout.TRADES)
    assert {(row["asset_class"], row["order_type"], row["tax_cost"]) for row in trades} == {
        ("n/a", "n/a", "n/a")
    }
    assert {row["limit_price"] for row in trades} <= {None, "", 88.2345}
    accounts = table_rows(sheet(workbook, "summary"), layout.ACCOUNTS)
    assert accounts[-1]["account_type"] == "n/a"
    assert accounts[-1]["account"] == "SCHWAB (…4400)"


def test_a_verdict_without_a_plan_says_that_no_plan_stands_behind_it():
    rows = bare_household("H-1")
    rows["fct_rebalance_plans"] = [
        {
            "household_id": "H-1",
            "run_mode": "no_trade",
            "plan_status": "withheld",
            "explanation": "The planner returned no plan for this household.",
        }
    ]
    worksheet = sheet(opened(rendered(rows, "H-1")), "summary")
    texts = reading_back.all_texts(worksheet)
    assert "Withheld – a person must look at it" in texts
    assert "The planner returned no plan for this household." in texts
    assert "No plan stands behind this workbook" in texts
    assert reading_back.facts(worksheet)["Plan"] == "n/a"
    assert reading_back.facts(worksheet)["Transaction cost"] == "n/a"


def test_many_exceptions_are_counted_on_the_summary_and_listed_on_their_sheet():
    rows = busy_household()
    rows["fct_trade_exceptions"] = [
        {
            "household_id": "H-GARCIA",
            "subject": f"Lot {number:03d}",
            "reason_code": "frozen",
            "rationale": "Its basis is not known.",
        }
        for number in range(60)
    ]
    workbook = opened(rendered(rows))
    assert "and 46 more" in reading_back.all_texts(sheet(workbook, "summary"))
    listed = table_rows(sheet(workbook, "exceptions"), layout.EXCEPTIONS)
    assert len(listed) == 60


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed here"
)
@pytest.mark.slow
def test_libreoffice_opens_it_and_prints_every_sheet(tmp_path: Path):
    (tmp_path / "garcia.xlsx").write_bytes(rendered(busy_household()))
    subprocess.run(
        [
            "soffice",
            "--headless",
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--convert-to",
            "pdf",
            "--outdir",
            str(tmp_path),
            str(tmp_path / "garcia.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    pdf = (tmp_path / "garcia.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    if shutil.which("pdftotext"):
        text = subprocess.run(
            ["pdftotext", str(tmp_path / "garcia.pdf"), "-"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for heading in (
            "Recommended trades",
            "Estimated tax impact",
            "Open tax lots",
            "Compliance record",
        ):
            assert heading in text


def test_tables_are_cut_per_household_and_checked():
    book = made_frames.together(busy_household("H-1"), bare_household("H-2"))
    tables = made_frames.tables(book)
    checked = ReportTables.checked(tables)
    assert checked.between("fct_tax_lots", "H-0", "H-1").num_rows == 40
    assert checked.between("fct_tax_lots", "H-2", "H-3").num_rows == 0
    rows = ReportRecords.of(checked)
    assert len(rows.of_household("fct_tax_lots", "H-1")) == 40
    assert not rows.of_household("fct_tax_lots", "H-2")
    assert len(rows.of_household("dim_households", "H-2")) == 1
    assert not rows.of_household("dim_households", "H-0")


def test_rows_hold_what_arrow_holds():
    for name, table in made_frames.tables(busy_household()).items():
        assert records(table) == table.to_pylist(), name


def test_unsorted_tables_are_refused():
    tables = made_frames.tables(made_frames.together(bare_household("H-1"), bare_household("H-2")))
    tables["dim_households"] = tables["dim_households"].take([1, 0])
    with pytest.raises(ValueError, match="dim_households is not sorted by household_id"):
        ReportTables.checked(tables)


def test_a_missing_mart_and_a_missing_column_are_named():
    tables = made_frames.tables(busy_household())
    with pytest.raises(ValueError, match="fct_tax_lots lacks the column covered_status"):
        ReportTables.checked(
            tables | {"fct_tax_lots": tables["fct_tax_lots"].drop_columns(["covered_status"])}
        )
    del tables["fct_tax_impact"]
    with pytest.raises(ValueError, match="need the table fct_tax_impact"):
        ReportTables.checked(tables)


def test_rows_of_two_nights_are_refused():
    tables = made_frames.tables(busy_household())
    drift = tables["fct_household_drift"]
    days = pa.array([AS_OF] * (drift.num_rows - 1) + [date(2026, 11, 18)], type=pa.date32())
    tables["fct_household_drift"] = drift.set_column(0, "as_of_date", days)
    with pytest.raises(ValueError, match="several nights"):
        ReportTables.checked(tables)


def test_a_household_that_is_not_there_is_named():
    tables = made_frames.tables(busy_household())
    with pytest.raises(ValueError, match="H-NONE has 0 rows"):
        HouseholdReportFrames.from_tables("H-NONE", tables, firm_policy=FirmPolicy())


def test_lot_with_a_value_that_the_firm_states_says_so():
    rows = busy_household()
    rows["fct_tax_lots"][0] |= {"override_id": "O-1"}
    workbook = opened(rendered(rows))
    shown = [row["lot_id"] for row in table_rows(sheet(workbook, "lots"), layout.LOTS)]
    stated = [lot for lot in shown if lot and "override O-1" in lot]
    assert len(stated) == 1
    assert stated[0].startswith(rows["fct_tax_lots"][0]["lot_id"])
