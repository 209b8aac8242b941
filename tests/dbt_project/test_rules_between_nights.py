"""The rules about changes: three nights of one book, and what each finds in the last two.

Belongs here: for every rule that compares nights a case that breaks it and like cases that
transactions, corporate actions or the custodian's own words explain. Each case is an account, so
that one cannot hide another. Rules that need one night stand in test_rules_of_one_night.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import (
    Delivery,
    create_warehouse,
    insert_rows,
    query,
    record_file,
    run_dbt,
)

FIRST, SECOND, THIRD = date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)
NIGHTS = (FIRST, SECOND, THIRD)
BEFORE = date(2026, 11, 17)
BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")

EQUITY = {"security_type": "EQUITY", "currency": "USD"}
SECURITIES = {
    "PLAIN": EQUITY,
    "JUMP": EQUITY,
    "CALM": EQUITY,
    "SPLT": EQUITY,
    "FUNDJ": {"security_type": "MUTUAL_FUND", "currency": "USD"},
    "MMF": {"security_type": "MONEY_MARKET", "currency": "USD"},
}
# Prices of the three nights.
PRICES = {
    "PLAIN": ("80", "80", "80"),
    "JUMP": ("10", "14", "14"),
    "CALM": ("10", "12", "12"),
    "SPLT": ("160", "80", "80"),
    "FUNDJ": ("10", "11.60", "11.60"),
    "MMF": ("1", "1", "1"),
}
GAMMA = [str(number) for number in range(4000001, 4000026)]


class Night:
    """One session of the book: `index` is 0 on the first night, 1 on the second, 2 on the third."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.day = NIGHTS[index]
        self.book = Book(self.day)
        for ticker, described in SECURITIES.items():
            security = {"ticker": ticker, "security_name": ticker} | described
            self.book.delivery.add("securities", security)
            self.book.delivery.add(
                "prices",
                {"ticker": ticker, "price": PRICES[ticker][index], "price_date": str(self.day)}
                | {"price_type": "CLOSE", "currency": "USD"},
            )
        self.book.household("CHANGES")

    def hold(
        self, number: str, ticker: str, quantity: str, *lots: dict[str, str], **changes: str
    ) -> None:
        """A holding and its lots (one of the whole at 80 where none is given)."""
        price = PRICES[ticker][self.index]
        factor = float(changes.pop("factor", "1"))
        stated = {"price": price, "market_value": f"{float(quantity) * float(price) * factor:.2f}"}
        self.book.position(number, ticker, quantity, lots=(), **(stated | changes))
        for lot in lots or ({"id": f"{ticker}-1", "quantity": quantity},):
            facts = dict(lot)
            self.book.lot(number, ticker, facts.pop("quantity"), facts.pop("id"), **facts)

    def trade(self, number: str, kind: str, **facts: str) -> None:
        """A transaction of the session, unless it says another date."""
        self.book.delivery.add(
            "transactions",
            {"account_number": number, "transaction_type": kind, "currency": "USD"}
            | {"transaction_date": str(self.day)}
            | facts,
        )

    def close(self, number: str, ticker: str, lot_id: str, quantity: str) -> None:
        """A part of a lot that was sold on the session."""
        self.book.delivery.add(
            "closed_lots",
            {"account_number": number, "ticker": ticker, "source_lot_id": lot_id}
            | {"acquisition_date": "2020-01-02", "disposal_date": str(self.day)}
            | {"quantity": quantity, "proceeds": "800.00", "realized_gain_loss": "0.00"},
        )


def _night(index: int) -> Book:
    night = Night(index)
    is_first, is_second = index == 0, index == 1
    numbers = [str(number) for number in range(1000300, 1000326)]
    cash = {"1000307": "200" if is_first else "150", "1000308": "200" if is_first else "150"}
    cash["1000309"] = "200" if is_first else "0"
    kinds = {"1000323": "roth_ira"}
    for number in numbers:
        kind = kinds.get(number, "taxable_individual")
        night.book.account(number, "CHANGES", cash=cash.get(number, "200"), account_type=kind)
    _quantities_and_cash(night, is_first, is_second)
    _lots_and_costs(night, is_first, is_second)
    _other_custodians(night, is_first)
    if not is_first:
        night.book.delivery.add(
            "corporate_actions",
            {"ticker": "SPLT", "action_type": "SPLIT", "ex_date": str(SECOND)}
            | {"ratio_new": "2", "ratio_old": "1"},
        )
    return night.book


def _quantities_and_cash(night: Night, is_first: bool, is_second: bool) -> None:
    more = "60" if is_first else "70"
    grown = ({"id": "A", "quantity": "60"},) + (
        () if is_first else ({"id": "B", "quantity": "10"},)
    )
    night.hold("1000300", "PLAIN", "60")
    for ticker in ("JUMP", "CALM", "FUNDJ"):
        night.hold(
            "1000300", ticker, "10", {"id": ticker, "quantity": "10", "cost_basis": "100.00"}
        )
    night.hold("1000301", "PLAIN", more, *grown)
    night.hold("1000302", "PLAIN", more, *grown)
    night.hold("1000303", "PLAIN", "60")
    night.hold("1000306", "PLAIN", more, *grown)
    if is_second:
        for number in ("1000302", "1000303"):
            night.trade(number, "BUY", ticker="PLAIN", quantity="10")
        # Dated before the first night and told only now.
        night.trade("1000306", "BUY", ticker="PLAIN", quantity="10", transaction_date=str(BEFORE))
        night.trade("1000308", "FEE", net_amount="-50.00")
        night.trade("1000309", "SWEEP", ticker="MMF", quantity="200", net_amount="-200.00")
    for number in ("1000307", "1000308"):
        night.hold(number, "PLAIN", "60")
    swept = "100" if is_first else "300"
    night.hold("1000309", "MMF", swept, {"id": "M", "quantity": swept, "cost_basis": f"{swept}.00"})
    # A split: the cost is kept, or it is doubled with the shares.
    for number, cost in (("1000304", "4800.00"), ("1000305", "9600.00")):
        shares = "60" if is_first else "120"
        basis = "4800.00" if is_first else cost
        night.hold(number, "SPLT", shares, {"id": "S", "quantity": shares, "cost_basis": basis})


def _lots_and_costs(night: Night, is_first: bool, is_second: bool) -> None:
    alike = {"id": "", "quantity": "5"}
    night.hold("1000311", "PLAIN", "10", *((alike, alike) if is_first else (alike,)))
    night.hold("1000312", "PLAIN", "10", alike, alike)
    night.hold("1000313", "PLAIN", *(("10", alike, alike) if is_first else ("5", alike)))
    if is_second:
        night.trade("1000313", "SELL", ticker="PLAIN", quantity="-5")

    def costs(number: str, *basis: str, ticker: str = "PLAIN", **facts: str) -> None:
        lot = {"id": "L", "quantity": "60", "cost_basis": basis[night.index]}
        night.hold(number, ticker, "60", lot | ({} if is_first else facts))

    costs("1000314", "4800.00", "4900.00", "4900.00")
    costs("1000315", "4800.00", "4850.00", "4850.00", wash_sale_adjustment="50.00")
    costs("1000316", "4800.00", "4790.00", "4790.00")
    costs("1000317", "4800.00", "4800.00", "4800.00", acquisition_date="2021-01-04")
    costs("1000320", "4800.00", "4900.00", "4800.00")
    costs("1000323", "4800.00", "4900.00", "4900.00")
    costs("1000324", "4800.00", "4790.00", "4790.00")
    if is_second:
        night.trade("1000316", "RETURN_OF_CAPITAL", ticker="PLAIN")
    if night.index == 2:
        # The distribution of yesterday comes a day late.
        night.trade("1000324", "RETURN_OF_CAPITAL", ticker="PLAIN", transaction_date=str(SECOND))
    bond = {"id": "L", "quantity": "1000", "cost_basis": "990.00" if is_first else "991.00"}
    night.book.position("1000322", "BOND1", "1000", lots=())
    night.book.lot("1000322", "BOND1", "1000", "L", cost_basis=bond["cost_basis"])
    # Ten of lot A are sold: taken off lot A, or off lot B until the third night.
    for number in ("1000318", "1000319"):
        left = {"A": "30", "B": "20"}
        if is_first:
            left = {"A": "40", "B": "20"}
        elif is_second and number == "1000319":
            left = {"A": "40", "B": "10"}
        lots = [{"id": name, "quantity": quantity} for name, quantity in left.items()]
        night.hold(number, "PLAIN", "60" if is_first else "50", *lots)
        if is_second:
            night.trade(number, "SELL", ticker="PLAIN", quantity="-10")
            night.close(number, "PLAIN", "A", "10")


def _other_custodians(night: Night, is_first: bool) -> None:
    """GAMMA loses accounts; SAME repeats a file; DELTAS send changes, one with a link missing."""
    book = night.book
    for place, number in enumerate(GAMMA):
        book.account(number, "CHANGES", custodian="GAMMA", cash=None)
        if is_first or place < 18:
            book.delivery.add(
                "cash_balances",
                {"account_number": number, "currency": "USD", "trade_date_balance": "200"},
                custodian="GAMMA",
            )
            book.position(number, "VTI", "60", custodian="GAMMA")
    if not is_first:
        book.delivery.add("transactions", custodian="GAMMA")
    for custodian, number in (("SAME", "5000001"), ("DELTAOK", "6000001"), ("DELTAGAP", "6000002")):
        book.account(number, "CHANGES", custodian=custodian)
        # SAME's file is repeated in the later nights; DELTAGAP sent a full file the day before.
        if (is_first, custodian) not in ((False, "SAME"), (True, "DELTAGAP")):
            book.position(number, "VTI", "60", custodian=custodian)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changes") / "warehouse.duckdb"
    create_warehouse(path)
    _deliver_before(path)
    for index, day in enumerate(NIGHTS):
        _night(index).delivery.write(path)
        with duckdb.connect(str(path)) as connection:
            if index:
                _repeat_file(connection, day)
                _second_opinion(connection, day)
                connection.execute(
                    "update ops.source_files set delivery_mode = 'DELTA' "
                    "where custodian like 'DELTA%' and as_of_date = ?",
                    [day],
                )
        run_dbt(path, *BOOK_PASS, as_of_date=day)
        # The marts that the next night is compared with are those of the pass after the decisions.
        run_dbt(path, "run", "--select", "fct_tax_lots", "fct_positions", as_of_date=day)
    return path


def _deliver_before(path: Path) -> None:
    """A full file of DELTAGAP and a day of GAMMA's transactions, two sessions before the second."""
    delivery = Delivery(BEFORE)
    book = Book(BEFORE)
    book.delivery = delivery
    book.position("6000002", "VTI", "60", custodian="DELTAGAP")
    delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        meta = {"as_of_date": BEFORE, "custodian": "GAMMA", "feed": "standard_feed"}
        meta |= {"source_file_id": "transactions-of-gamma"}
        record_file(connection, meta, "transactions.csv", {"transactions": 0})


def _repeat_file(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """SAME sends the very file of the first night again."""
    for table in ("raw.positions", "ops.source_files", "ops.file_entities"):
        files = "select source_file_id from raw.positions where custodian = 'SAME'"
        connection.execute(
            f"insert into {table} select * replace (cast(? as date) as as_of_date) from {table} "
            f"where custodian = 'SAME' and as_of_date = ? and source_file_id in ({files})",
            [day, FIRST],
        )


def _second_opinion(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """A statement of two accounts beside the feed: one says otherwise, one says the same."""
    for number, quantity, balance in (("1000306", "71", "250"), ("1000302", "70", "200")):
        meta = {"as_of_date": day, "custodian": "ALPINE", "feed": "ofx"}
        meta |= {"source_file_id": f"statement-{number}-{day}"}
        row = {"source_row_number": 7, "account_number": number, "currency": "USD"}
        held = {"ticker": "PLAIN", "quantity": quantity, "price": "80"}
        insert_rows(connection, "raw.positions", [meta | row | held])
        insert_rows(connection, "raw.cash_balances", [meta | row | {"trade_date_balance": balance}])
        record_file(connection, meta, f"{number}.ofx", {"positions": 1, "cash_balances": 1})
    connection.execute("update ops.source_files set feed_role = 'cross_check' where feed = 'ofx'")


Found = set[tuple[str, str]]
GAMMA_ALONE: Found = {("GAMMA", "")}
# rule: what it finds on the second and the third night, as (account or custodian, lot or ticker).
EXPECTED: dict[str, tuple[Found, Found]] = {
    "quantity_rolls_forward": ({("1000301", "PLAIN"), ("1000303", "PLAIN")}, set()),
    "cash_rolls_forward": ({("1000307", "")}, set()),
    "price_moves_within_reason": ({("", "JUMP"), ("", "FUNDJ")}, set()),
    "alike_lots_keep_their_number": ({("1000311", "PLAIN")}, set()),
    # What nobody explains stands on; what is taken back, or explained a day late, is released.
    "basis_change_is_explained": (
        {("1000314", "L"), ("1000320", "L"), ("1000324", "L")},
        {("1000314", "L")},
    ),
    "acquisition_date_is_unchanged": ({("1000317", "L")}, set()),
    "sold_lots_add_up": ({("1000319", "PLAIN")}, set()),
    "basis_is_kept_through_an_action": ({("1000305", "SPLT")}, set()),
    "row_count_is_near_the_last": (GAMMA_ALONE, set()),
    "market_value_is_near_the_last": (GAMMA_ALONE, set()),
    "delivery_has_no_gap": (GAMMA_ALONE, set()),
    "positions_file_is_new": ({("5000001", "")}, {("5000001", "")}),
    "delta_chain_is_unbroken": ({("6000002", "")}, {("6000002", "")}),
    "second_source_agrees_on_positions": ({("1000306", "PLAIN")}, {("1000306", "PLAIN")}),
    "second_source_agrees_on_cash": ({("1000306", "")}, {("1000306", "")}),
}


def _found(path: Path, rule: str, day: date) -> Found:
    rows = query(
        path,
        """
        select coalesce(a.account_number, case v.scope when 'feed' then v.custodian end, ''),
            coalesce(l.source_lot_id, s.ticker, '')
        from ops.violations as v
        left join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        left join intermediate.int_lots__keyed as l on v.lot_id = l.lot_id
        left join intermediate.int_securities__described as s on v.security_id = s.security_id
        where v.rule = ? and v.as_of_date = ?
        """,
        rule,
        day,
    )
    return set(rows)


@pytest.mark.parametrize("rule", sorted(EXPECTED))
def test_rule_finds_the_change_that_nothing_explains(nights: Path, rule: str) -> None:
    assert _found(nights, rule, FIRST) == set()
    assert _found(nights, rule, SECOND) == EXPECTED[rule][0]
    assert _found(nights, rule, THIRD) == EXPECTED[rule][1]


def test_every_change_is_told_with_what_was_and_what_is(nights: Path) -> None:
    rows = query(
        nights,
        "select rule, observed, message from ops.violations where as_of_date = ? and rule in "
        "('quantity_rolls_forward', 'cash_rolls_forward', 'basis_change_is_explained')",
        SECOND,
    )
    assert len(rows) == 6
    for rule, observed, message in rows:
        assert "2026-11-18" in observed, rule
        assert "now" in observed, rule
        assert "ask the custodian" in message, rule


def test_a_basis_that_changed_without_a_reason_freezes_its_lot_until_there_is_one(
    nights: Path,
) -> None:
    rows = query(
        nights,
        """
        select a.account_number, l.as_of_date, l.is_frozen from marts.fct_tax_lots as l
        inner join intermediate.int_accounts__identified as a on l.account_id = a.account_id
        where a.account_number in ('1000314', '1000324') order by all
        """,
    )
    assert rows == [
        ("1000314", FIRST, False),
        ("1000314", SECOND, True),
        ("1000314", THIRD, True),
        ("1000324", FIRST, False),
        ("1000324", SECOND, True),
        ("1000324", THIRD, False),
    ]


def test_rules_about_changes_are_evaluated_from_the_second_night_on(nights: Path) -> None:
    unanswered = query(
        nights,
        "select rule, reason from intermediate.int_rules__asked "
        "where custodian = 'ALPINE' and asked_account_count = 0",
    )
    assert not [rule for rule, reason in unanswered if reason.startswith("There is no earlier")]
    # That no file states what a rule compares is no pass either.
    assert ("lot_gains_add_up_to_position", "No file states the unrealized gain of a lot.") in (
        unanswered
    )


def test_metrics_say_how_good_each_custodian_is(nights: Path) -> None:
    rows = query(
        nights,
        """
        select custodian, account_count, complete_basis_weight, unknown_covered_weight,
            open_exception_count > 0, oldest_exception_days, positions_age_days,
            is_positions_overdue
        from marts.fct_data_quality_metrics where as_of_date = ? order by custodian
        """,
        THIRD,
    )
    measured = {row[0]: row[1:] for row in rows}
    assert set(measured) == {"ALPINE", "DELTAGAP", "DELTAOK", "GAMMA", "SAME"}
    assert measured["DELTAOK"] == (1, 1, 0, False, None, 0, False)
    # Seven of the 25 accounts are not in the files any more, since the second night.
    accounts, basis, unknown, has_exceptions, age, positions_age, is_overdue = measured["GAMMA"]
    assert (accounts, basis, unknown, has_exceptions, age) == (25, 1, 0, True, 1)
    assert (positions_age, is_overdue) == (0, False)
    # SAME's lots came on the first night only.
    assert measured["SAME"][1:3] == (0, None)
    accounts, basis, *_ = measured["ALPINE"]
    assert 0 < basis < 1
