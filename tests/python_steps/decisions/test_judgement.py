"""What an advisor decides is taken whole or not at all, each refusal with its cell and reason."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import Workbook, load_workbook

from python_steps.decisions.plan_facts import EarlierReturn, KnownPrice, TradeDecision
from python_steps.decisions.refusals import RefusedFileError
from python_steps.decisions.returned_workbook import read_returned_workbook
from python_steps.policy import FirmPolicy
from python_steps.sessions import NEW_YORK
from tests.python_steps.decisions import small_plan
from tests.python_steps.decisions.small_plan import (
    MORNING,
    STAMP,
    accounts,
    approve_all,
    facts,
    identity,
    judged,
    written,
)


def decided(judgement):
    assert judgement.refusals == (), [one.sentence() for one in judgement.refusals]
    return {one.trade_id: one for one in judgement.decisions}


def refused(judgement, check, column=None, trade_id=None):
    """The one refusal of a check, which names the cell of a trade's column."""
    found = [one for one in judgement.refusals if one.check == check]
    assert len(found) == 1, [one.sentence() for one in judgement.refusals]
    assert judgement.decisions == ()
    (refusal,) = found
    assert refusal.reason
    assert refusal.what_to_do
    if column is not None:
        table = small_plan.Table(load_workbook(io.BytesIO(small_plan.workbook_bytes())))
        assert refusal.sheet == "Trades"
        assert refusal.cell == table.cell(trade_id, column).coordinate
    return refusal


def some_of_each(table):
    table.decide("T-1", "Approve")
    table.decide("T-2", "override", quantity_override=60, note="leave some cash")
    table.decide("T-4", " REJECT ", snooze_until=datetime(2026, 12, 15))


def taken_of_each(judgement):
    found = decided(judgement)
    assert {key: (one.decision, one.quantity) for key, one in found.items()} == {
        "T-1": ("approve", Decimal(100)),
        "T-2": ("override", Decimal(60)),
        "T-4": ("reject", Decimal(0)),
    }
    assert found["T-2"].note == "leave some cash"
    assert found["T-4"].snooze_until_date == date(2026, 12, 15)


def test_decisions_are_taken_as_they_were_written():
    taken_of_each(judged(written(some_of_each)))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed here")
def test_a_workbook_saved_by_libreoffice_is_read_as_well(tmp_path):
    sent = tmp_path / "sent.xlsx"
    sent.write_bytes(written(some_of_each))
    subprocess.run(
        [
            "soffice",
            "--headless",
            f"-env:UserInstallation=file://{tmp_path / 'profile'}",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(tmp_path / "saved"),
            str(sent),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    content = (tmp_path / "saved" / "sent.xlsx").read_bytes()
    saved = load_workbook(io.BytesIO(content))
    assert saved["evenkeel_plan"].sheet_state != "visible"
    assert saved["Trades"].protection.sheet
    taken_of_each(judged(content))


def test_the_words_and_headers_of_another_language_are_read():
    def decide(table):
        words = table.sheet.data_validations.dataValidation[0].formula1.strip('"').split(",")
        table.decide("T-1", words[0])
        table.decide("T-2", words[2], quantity_override=60, note="leave some cash")
        table.decide("T-4", words[1], snooze_until="2026-12-15")

    content = written(decide, small_plan.LANGUAGE_OF_CHINA)
    assert "Trades" not in load_workbook(io.BytesIO(content)).sheetnames
    taken_of_each(judged(content))


def test_columns_are_found_by_their_headers_where_their_names_are_lost():
    def without_names(table):
        some_of_each(table)
        for name in list(table.workbook.defined_names):
            del table.workbook.defined_names[name]

    taken_of_each(judged(written(without_names)))


def test_columns_stand_in_any_order_and_rows_are_sorted_or_gone():
    def shuffle(table):
        some_of_each(table)
        for name in list(table.workbook.defined_names):
            del table.workbook.defined_names[name]
        sheet, top = table.sheet, table.header
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(top, top + 5)]
        header, trades = rows[0], rows[1:]
        order = list(range(len(header)))[::-1]
        for row in sheet.iter_rows(min_row=top):
            for cell in row:
                cell.value = None
        kept = [trades[3], trades[1], trades[0]]
        for down, values in enumerate([header, *kept]):
            for place, index in enumerate(order, 1):
                sheet.cell(top + down, place).value = values[index]

    taken_of_each(judged(written(shuffle)))


def test_what_is_not_decided_is_left_open():
    found = decided(judged(written(lambda table: table.decide("T-5", "Approve"))))
    assert list(found) == ["T-5"]
    assert found["T-5"].quantity == Decimal("10.5")


def test_only_the_cells_to_fill_in_are_open_and_the_plan_stands_in_the_file():
    workbook = load_workbook(io.BytesIO(small_plan.workbook_bytes()))
    table = small_plan.Table(workbook)
    assert table.sheet.protection.sheet
    assert not table.sheet.protection.password
    assert not table.sheet.protection.formatColumns  # false: not locked
    assert not table.sheet.protection.autoFilter
    unlocked = {
        cell.column for row in table.sheet.iter_rows() for cell in row if not cell.protection.locked
    }
    wanted = ("decision", "quantity_override", "snooze_until", "note")
    assert unlocked == {table.cell("T-1", column).column for column in wanted}
    (choice,) = table.sheet.data_validations.dataValidation
    assert choice.formula1 == '"Approve,Reject,Override"'
    assert table.cell("T-1", "decision").coordinate in choice.sqref
    line = next(str(cell.value) for cell in table.sheet["A"] if STAMP.plan_id in str(cell.value))
    assert all(word in line for word in STAMP)
    assert workbook["evenkeel_plan"].sheet_state == "veryHidden"


# --- files that are not ours, tampered with, stale


def test_a_file_that_is_no_workbook_is_refused():
    for content in (
        b"",
        b"a,b\n1,2\n",
        b"PK\x03\x04 cut off",
        b"\xd0\xcf\x11\xe0 old or encrypted",
    ):
        with pytest.raises(RefusedFileError) as error:
            read_returned_workbook(content)
        assert error.value.refusals[0].check == "file_is_a_workbook"


def test_a_foreign_workbook_is_refused():
    saved = io.BytesIO()
    Workbook().save(saved)
    with pytest.raises(RefusedFileError) as error:
        read_returned_workbook(saved.getvalue())
    assert error.value.refusals[0].check == "workbook_names_its_plan"


def test_a_workbook_without_its_decision_column_is_refused():
    def delete(table):
        approve_all(table)
        for name in list(table.workbook.defined_names):
            del table.workbook.defined_names[name]
        table.sheet.delete_cols(table.cell("T-1", "decision").column)

    with pytest.raises(RefusedFileError) as error:
        read_returned_workbook(written(delete))
    (refusal,) = error.value.refusals
    assert refusal.check == "trades_can_be_found"
    assert "Decision" in refusal.reason


def test_a_plan_that_was_never_issued_here_is_refused():
    refusal = refused(judged(written(approve_all), known=identity(issued=None)), "plan_was_issued")
    assert (refusal.sheet, refusal.cell, refusal.value) == ("evenkeel_plan", "B3", STAMP.plan_id)


@pytest.mark.parametrize(
    ("field", "cell"), [("household_id", "B2"), ("version", "B4"), ("input_hash", "B5")]
)
def test_a_stamp_that_is_not_the_issued_one_is_refused(field, cell):
    issued = STAMP._replace(**{field: "other"})
    known = identity(issued=issued, current=issued)
    refusal = refused(judged(written(approve_all), known=known), "stamp_is_unchanged")
    assert refusal.cell == cell


def test_the_visible_line_must_name_the_same_plan():
    def rename(table):
        approve_all(table)
        cell = next(one for one in table.sheet["A"] if STAMP.plan_id in str(one.value))
        cell.value = str(cell.value).replace(STAMP.plan_id, "P-ffffffffffffffffffff")

    refusal = refused(judged(written(rename)), "stamp_is_unchanged")
    assert refusal.sheet == "Trades"
    assert refusal.cell == "A5"


def test_a_plan_that_another_version_supersedes_is_refused():
    newer = STAMP._replace(plan_id="P-new", version="4")
    refusal = refused(
        judged(written(approve_all), known=identity(current=newer)), "plan_is_current"
    )
    assert refusal.value == "3"
    assert "version 4" in refusal.reason
    assert (
        "no plan"
        in refused(
            judged(written(approve_all), known=identity(current=None)), "plan_is_current"
        ).reason
    )


def test_a_plan_that_is_withheld_or_of_an_older_night_is_refused():
    known = identity(plan_status="withheld")
    assert (
        "withheld" in refused(judged(written(approve_all), known=known), "plan_is_current").reason
    )
    known = identity(latest_night=date(2026, 11, 20))
    assert (
        "2026-11-20" in refused(judged(written(approve_all), known=known), "plan_is_current").reason
    )


def test_a_plan_is_decided_until_the_close_of_its_last_day():
    content = written(lambda table: table.decide("T-5", "Reject"))
    last_minute = datetime(2026, 11, 23, 15, 59, tzinfo=NEW_YORK)
    assert decided(judged(content, decided_at=last_minute))
    too_late = datetime(2026, 11, 23, 16, 0, tzinfo=NEW_YORK)
    refusal = refused(judged(content, decided_at=too_late), "plan_is_in_time")
    assert "valid until 2026-11-23" in refusal.reason
    too_early = datetime(2026, 11, 19, 9, 0, tzinfo=NEW_YORK)
    refused(judged(content, decided_at=too_early), "plan_is_in_time")


def test_trades_left_open_are_told_by_number_and_name():
    """A row that was left empty or deleted is not lost in silence."""
    (notice,) = [one for one in judged(written(some_of_each)).notices if "not decided" in one]
    open_trades = [
        f"{row['trade_sequence']} ({row['action']} {row['security_id'][2:]})"
        for trade_id, row in small_plan.TRADES.items()
        if trade_id not in {"T-1", "T-2", "T-4"}
    ]
    assert open_trades
    assert notice == f"not decided, so not released: trades {', '.join(open_trades)}"
    assert not any("not decided" in one for one in judged(written(approve_all)).notices)


def test_a_refusal_says_what_the_cell_says_first():
    def wrong_word(table):
        table.decide("T-1", "Approved!")

    (refusal,) = judged(written(wrong_word)).refusals
    assert refusal.sentence().startswith(f"Trades!{refusal.cell} says 'Approved!': this is no")
    assert refusal._replace(value="").sentence().startswith(f"Trades!{refusal.cell} is empty: ")


def test_only_the_households_advisor_decides():
    refusal = refused(judged(written(approve_all), advisor_id="A-02"), "advisor_is_entitled")
    assert "A-02" in refusal.sentence()
    refused(judged(written(approve_all), known=identity(advisor_id=None)), "advisor_is_entitled")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("account", "Joint brokerage (…4402)"),
        ("action", "Buy"),
        ("ticker", "VTI"),
        ("quantity", 1000),
        ("quantity", "100"),
        ("quantity", "=50*2"),
        ("price", 50.01),
        ("notional", 5000.5),
        ("limit_price", 49),
        ("order_type", "Limit"),
        ("rationale", "My own reason"),
        ("tax_cost", None),
        ("sequence", 2),
    ],
)
def test_a_protected_cell_that_was_changed_is_refused(column, value):
    def tamper(table):
        approve_all(table)
        table.cell("T-1", column).value = value

    refusal = refused(judged(written(tamper)), "protected_cells_are_unchanged", column, "T-1")
    assert "only Decision" in refusal.what_to_do


def test_a_changed_cell_of_a_trade_that_is_not_decided_is_refused_too():
    def tamper(table):
        table.decide("T-5", "Approve")
        table.cell("T-1", "quantity").value = 99

    judgement = judged(written(tamper))
    refusal = refused(judgement, "protected_cells_are_unchanged", "quantity", "T-1")
    assert "issued was '100'" in refusal.reason


@pytest.mark.parametrize(("lot", "quantity"), [("L-OTHER", 30), ("L-OLD", 29)])
def test_other_lots_cannot_be_named_in_the_workbook(lot, quantity):
    def rename(table):
        approve_all(table)
        table.lot_cell("L-OLD", "quantity").value = quantity
        table.lot_cell("L-OLD", "lot_id").value = lot

    refusal = refused(judged(written(rename)), "protected_cells_are_unchanged")
    assert refusal.value == (lot if lot != "L-OLD" else str(quantity))


def test_a_published_trade_that_is_not_the_one_on_record_is_refused():
    known = identity()
    trades = {
        **known.issued_trades,
        "T-1": known.issued_trades["T-1"]._replace(quantity=Decimal(9)),
    }
    judgement = judged(written(approve_all), known=identity(issued_trades=trades))
    assert "quantity" in refused(judgement, "trade_is_on_record", "trade_id", "T-1").reason


def test_a_trade_that_is_not_of_the_plan_or_stands_twice_is_refused():
    def foreign(table):
        approve_all(table)
        table.cell("T-1", "trade_id").value = "T-other"

    assert refused(judged(written(foreign)), "trade_is_of_the_plan").value == "T-other"

    def twice(table):
        approve_all(table)
        cell = table.cell("T-2", "trade_id")
        cell.value = "T-1"

    judgement = judged(written(twice))
    assert "T-1" in refused(judgement, "trade_is_decided_once", "trade_id", "T-2").value


def test_a_decision_without_a_trade_beside_it_is_refused():
    def lone(table):
        approve_all(table)
        table.cell("T-1", "trade_id").value = None

    refused(judged(written(lone)), "trade_is_of_the_plan", "trade_id", "T-1")


# --- cells that cannot be read


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("decision", {"decision": "yes"}),
        ("decision", {"decision": 1}),
        ("decision", {"decision": "=A1"}),
        ("quantity_override", {"decision": "Override"}),
        ("quantity_override", {"decision": "Override", "quantity_override": 0}),
        ("quantity_override", {"decision": "Override", "quantity_override": -5}),
        ("quantity_override", {"decision": "Override", "quantity_override": "50,5"}),
        ("quantity_override", {"decision": "Override", "quantity_override": "half"}),
        ("quantity_override", {"decision": "Override", "quantity_override": True}),
        ("quantity_override", {"decision": "Override", "quantity_override": "=100/2"}),
        ("quantity_override", {"decision": "Approve", "quantity_override": 50}),
        ("quantity_override", {"decision": None, "quantity_override": 50}),
        ("snooze_until", {"decision": "Approve", "snooze_until": "2026-12-01"}),
        ("snooze_until", {"decision": "Reject", "snooze_until": "01/12/2026"}),
        ("snooze_until", {"decision": "Reject", "snooze_until": "soon"}),
        ("note", {"decision": "Reject", "note": "x" * 2001}),
    ],
)
def test_a_cell_that_can_be_read_in_two_ways_or_none_is_refused(column, wrong):
    judgement = judged(written(lambda table: table.decide("T-1", **wrong)))
    refused(judgement, f"{column}_is_clear", column, "T-1")


@pytest.mark.parametrize("until", ["2026-11-20", "2025-01-01", "2028-01-01"])
def test_a_snooze_is_to_come_and_not_for_ever(until):
    content = written(lambda table: table.decide("T-1", "Reject", snooze_until=until))
    refused(judged(content), "snooze_is_to_come", "snooze_until", "T-1")


def test_a_workbook_without_a_decision_is_refused():
    refused(judged(small_plan.workbook_bytes()), "something_is_decided")


def test_one_wrong_cell_refuses_the_whole_file():
    def one_wrong(table):
        approve_all(table)
        table.decide("T-4", "perhaps")

    refused(judged(written(one_wrong)), "decision_is_clear", "decision", "T-4")


# --- what is approved must stand without what is not


def override(trade_id, quantity):
    def edit(table):
        approve_all(table)
        table.decide(trade_id, "Override", quantity_override=quantity)

    return written(edit)


def test_an_override_must_not_be_larger_than_proposed_unless_the_firm_allows_it():
    content = override("T-2", 69)
    refused(judged(content), "override_quantity_is_allowed", "quantity_override", "T-2")
    around = facts(cash={**facts().cash, "A-IRA": {"investable": Decimal(500)}})
    allowed = FirmPolicy(override_increase_share=Decimal("0.05"))
    assert decided(judged(content, policy=allowed, around=around))["T-2"].quantity == 69


def test_a_larger_sale_must_have_its_shares_and_its_lots():
    policy = FirmPolicy(override_increase_share=Decimal("0.5"))
    refusal = refused(
        judged(override("T-1", 101), policy=policy),
        "override_quantity_is_allowed",
        "quantity_override",
        "T-1",
    )
    assert "100 shares may be sold" in refusal.reason
    key = ("A-JOINT", "S-VTI")
    more = {**facts().constraints, key: {**facts().constraints[key], "sellable_quantity": 60}}
    judgement = judged(override("T-3", 41), policy=policy, around=facts(constraints=more))
    assert "names lots for 40" in judgement.refusals[0].reason


def test_shares_are_whole_where_the_custodian_wants_them_so():
    refusal = refused(
        judged(override("T-2", 60.5)), "override_quantity_is_allowed", "quantity_override", "T-2"
    )
    assert "whole shares" in refusal.reason
    assert decided(judged(override("T-5", 10.25)))["T-5"].quantity == Decimal("10.25")
    terms = {"is_fractional": True, "trades_in": "shares", "minimum_amount": None}
    around = facts(terms={**facts().terms, "T-2": terms})
    assert decided(judged(override("T-2", 60.5), around=around))["T-2"].quantity == Decimal("60.5")


def test_a_purchase_below_the_custodians_minimum_is_refused():
    terms = {"is_fractional": False, "trades_in": "shares", "minimum_amount": Decimal(3000)}
    around = facts(terms={**facts().terms, "T-2": terms})
    refusal = refused(
        judged(override("T-2", 40), around=around),
        "override_quantity_is_allowed",
        "quantity_override",
        "T-2",
    )
    assert "$2,920.00 is less" in refusal.reason


def test_a_buy_without_the_sell_that_pays_for_it_is_refused():
    def buy_only(table):
        table.decide("T-1", "Reject")
        table.decide("T-2", "Approve")

    refusal = refused(judged(written(buy_only)), "account_cash_is_sufficient", "decision", "T-2")
    # 68 x 73 and a dollar of costs, half a per cent for moving prices; the account has nothing.
    assert "$4,989.82 is missing" in refusal.reason


def test_a_smaller_sell_must_still_pay_for_the_buy():
    judgement = judged(override("T-1", 90))
    refusal = refused(judgement, "account_cash_is_sufficient", "decision", "T-2")
    # 4,500 less nine tenths of a dollar come in, 4,989.82 are needed.
    assert "$490.72 is missing" in refusal.reason
    assert decided(judged(override("T-1", 100)))


def test_cash_that_is_not_known_pays_for_nothing():
    around = facts(cash={})
    judgement = judged(override("T-2", 60), around=around)
    assert "no cash is known" in refused(judgement, "account_cash_is_sufficient").reason


def test_the_sell_alone_needs_nobody_elses_approval():
    content = written(lambda table: table.decide("T-1", "Approve"))
    assert decided(judged(content))["T-1"].quantity == 100


def test_a_loss_that_the_whole_plan_leaves_unwashed_is_washed_by_a_part_of_it():
    assert decided(judged(written(approve_all)))["T-3"].quantity == 40
    refusal = refused(judged(override("T-3", 30)), "no_loss_is_washed", "quantity_override", "T-3")
    assert "wash a loss" in refusal.reason


def test_a_loss_is_screened_again_when_it_is_sold_on_another_day():
    window = {
        "no_buy_until_date": None,
        "no_loss_sale_until_date": date(2026, 12, 1),
        "caused_by": "a purchase that was planned meanwhile",
        "coverage": "known",
    }
    screens = {**facts().screens}
    screens["T-3"] = replace(screens["T-3"], window=window)
    around = facts(screens=screens)
    assert decided(judged(written(approve_all), around=around))
    monday = datetime(2026, 11, 23, 9, 0, tzinfo=NEW_YORK)
    judgement = judged(written(approve_all), around=around, decided_at=monday)
    assert "planned meanwhile" in refused(judgement, "no_loss_is_washed", "decision", "T-3").reason


def test_a_purchase_is_screened_against_what_is_approved_and_not_what_is_rejected():
    """Selling VTI at a loss and buying it elsewhere: harmless only while one is rejected."""
    trades = {**facts().trades}
    screens = {**facts().screens}
    planned = [*screens["T-3"].planned, {**screens["T-5"].planned[0], "security_id": "S-VTI"}]
    security = screens["T-3"].security
    for trade_id in ("T-3", "T-5"):
        screens[trade_id] = replace(screens[trade_id], planned=planned, security=security)
    screens["T-5"] = replace(screens["T-5"], securities={"S-VTI": Decimal(100)})
    around = facts(screens=screens, trades=trades)

    def both(table):
        table.decide("T-3", "Approve")
        table.decide("T-5", "Override", quantity_override=9)

    def one(table):
        table.decide("T-3", "Reject")
        table.decide("T-5", "Override", quantity_override=9)

    checks = {one.check for one in judged(written(both), around=around).refusals}
    assert checks == {"no_loss_is_washed"}
    assert decided(judged(written(one), around=around))["T-5"].quantity == 9


def test_prices_that_moved_too_far_make_the_plan_stale():
    around = facts(prices={"S-VEA": KnownPrice(Decimal("51.4"), "noon.csv")})
    assert decided(judged(written(approve_all), around=around))
    around = facts(prices={"S-VEA": KnownPrice(Decimal("48.4"), "noon.csv")})
    refusal = refused(
        judged(written(approve_all), around=around), "price_is_near_the_plans", "price", "T-1"
    )
    assert "-3.20%" in refusal.reason
    assert "noon.csv" in refusal.reason
    calm = FirmPolicy(approval_price_move_limit=Decimal("0.05"))
    assert decided(judged(written(approve_all), around=around, policy=calm))
    rejected = written(lambda table: table.decide("T-1", "Reject"))
    assert decided(judged(rejected, around=around))


def test_prices_that_nobody_knows_are_said():
    judgement = judged(written(approve_all))
    assert "5 securities" in judgement.notices[0]
    known = {row["security_id"]: KnownPrice(row["price"], "x") for row in facts().trades.values()}
    assert judged(written(approve_all), around=facts(prices=known)).notices == ()


@pytest.mark.parametrize("discretion", [False, None])
def test_an_account_without_discretion_needs_a_recorded_consent(discretion):
    changed = accounts()
    changed["A-ROTH"]["is_discretionary"] = discretion
    around = facts(accounts=changed)
    refusal = refused(
        judged(written(approve_all), around=around), "client_has_consented", "decision", "T-5"
    )
    assert f"evenkeel consent {STAMP.plan_id} --account A-ROTH" in refusal.what_to_do
    agreed = replace(around, accounts_with_consent=frozenset({"A-ROTH"}))
    assert decided(judged(written(approve_all), around=agreed))
    assert decided(judged(written(lambda table: table.decide("T-5", "Reject")), around=around))


def test_an_account_that_may_not_trade_and_a_security_that_may_not_be_bought_are_refused():
    changed = accounts()
    changed["A-ROTH"] |= {"is_trading_blocked": True, "trading_blocked_reason": "legal hold"}
    judgement = judged(written(approve_all), around=facts(accounts=changed))
    assert refused(judgement, "account_may_trade", "decision", "T-5").reason == "legal hold"
    key = ("A-IRA", "S-BND")
    barred = {"sellable_quantity": None, "is_buyable": False, "reason": "firm list"}
    around = facts(constraints={**facts().constraints, key: barred})
    judgement = judged(written(approve_all), around=around)
    assert refused(judgement, "security_may_be_bought", "decision", "T-2").reason == "firm list"


def test_a_budget_for_gains_is_not_kept_without_its_losses():
    lots = {**facts().trade_lots}
    lots["T-1"] = [{**lots["T-1"][0], "realized_gain": Decimal(500)}]
    changed = accounts()
    changed["A-IRA"]["tax_treatment"] = "taxable"
    household = {"annual_gains_budget": Decimal(100), "market_value": Decimal(100_000)}
    around = facts(trade_lots=lots, accounts=changed, household=household)

    def with_the_gain(table):
        approve_all(table)
        table.lot_cell("L-1", "realized_gain").value = 500

    assert decided(judged(written(with_the_gain), around=around))

    def without_the_loss(table):
        table.lot_cell("L-1", "realized_gain").value = 500
        table.decide("T-1", "Approve")
        table.decide("T-3", "Reject")

    judgement = judged(written(without_the_loss), around=around)
    refusal = refused(judgement, "gains_stay_inside_the_budget", "decision", "T-1")
    assert "$500.00 net, the plan -$100.00" in refusal.reason


def test_a_concentration_is_not_worsened_by_a_part_of_the_plan():
    trades = {**facts().trades}
    trades["T-1"] = {**trades["T-1"], "security_id": "S-BND", "ticker": "BND"}
    issued = identity().issued_trades
    issued = {**issued, "T-1": issued["T-1"]._replace(security_id="S-BND")}
    around = facts(
        trades=trades,
        limit_weights={"S-BND": Decimal("0.05")},
        household_held_values={"S-BND": Decimal(5000)},
        cash={**facts().cash, "A-IRA": {"investable": Decimal(9000)}},
    )

    def edit(table):
        table.cell("T-1", "ticker").value = "BND"
        table.lot_cell("L-1", "ticker").value = "BND"
        table.decide("T-2", "Approve")

    judgement = judged(written(edit), around=around, known=identity(issued_trades=issued))
    assert "5.00%" in refused(judgement, "concentration_limits_are_kept", "decision", "T-2").reason


@pytest.mark.parametrize("edit", [{"decision": "Reject"}, {"decision": None}])
def test_a_trade_that_has_left_as_an_order_is_not_decided_otherwise(edit):
    def changed(table):
        approve_all(table)
        table.decide("T-5", **edit)

    around = facts(ordered={"T-5": Decimal("10.5")})
    assert decided(judged(written(approve_all), around=around))
    refusal = refused(judged(written(changed), around=around), "order_has_not_left")
    assert "10.5 shares" in refusal.reason
    assert bool(refusal.cell) == (edit["decision"] is not None)


# --- several returns of one plan


def earlier(*decisions):
    return EarlierReturn("first.xlsx", "aa", MORNING.astimezone(UTC), decisions)


def said(trade_id, decision, quantity):
    return TradeDecision(trade_id, decision, Decimal(quantity), None, "", "O9")


def test_a_return_that_decides_otherwise_conflicts_and_names_the_cell():
    first = earlier(said("T-5", "approve", "10.5"))
    content = written(lambda table: table.decide("T-5", "Reject"))
    judgement = judged(content, earlier=(first,))
    refusal = refused(judgement, "returns_agree", "decision", "T-5")
    assert "first.xlsx, returned at 2026-11-20 09:15," in refusal.reason
    assert "Nothing of the plan is released" in refusal.reason
    assert [one.decision for one in judgement.conflicting] == ["reject"]


def test_silence_about_a_decided_trade_conflicts_too():
    first = earlier(said("T-5", "approve", "10.5"))
    content = written(lambda table: table.decide("T-1", "Approve"))
    refused(judged(content, earlier=(first,)), "returns_agree")


def test_a_return_that_agrees_adds_what_is_new():
    first = earlier(said("T-5", "approve", "10.50"))

    def more(table):
        table.decide("T-5", "Approve")
        table.decide("T-1", "Approve")

    assert list(decided(judged(written(more), earlier=(first,)))) == ["T-1"]
