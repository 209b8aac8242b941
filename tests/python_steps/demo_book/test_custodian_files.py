"""The custodians' files agree with themselves: lots, positions, transactions, cash, sessions."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from python_steps.demo_book.book import DEMO_SESSION
from python_steps.demo_book.universe import cusip_with_check_digit, isin_with_check_digit, universe
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
from tests.python_steps.demo_book.conftest import SESSIONS, Book, Row, number

HISTORY_FROM = (DEMO_SESSION - timedelta(days=399)).isoformat()
# Households whose lots are made not to tie, or whose rows are changed or lost on the way.
NOT_TYING = {"HH-0005", "HH-0007", "HH-0021", "HH-0023", "HH-0029"}
DATES_CHANGED = {"HH-0005", "HH-0025", "HH-0027"}


def key(row: Row) -> tuple[str, str]:
    return row["account_number"], row["ticker"]


def test_lots_tie_to_positions_in_quantity_and_basis(book: Book) -> None:
    left_out = book.accounts_of(*NOT_TYING)
    compared = 0
    for session in SESSIONS:
        for folder in ("alpine", "summit", "mesa", "harbor_trust"):
            lots: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 2)
            for row in book.rows(session, folder, "tax_lots"):
                if row["account_number"] not in left_out:
                    quantity, basis = lots[key(row)]
                    basis += number(row["cost_basis"])
                    lots[key(row)] = [quantity + number(row["quantity"]), basis]
            positions = {
                key(row): [number(row["quantity"]), number(row["cost_basis"])]
                for row in book.rows(session, folder, "positions")
                if row["account_number"] not in left_out
            }
            assert dict(lots) == positions
            compared += len(positions)
    assert compared > 6_000


def test_market_value_is_quantity_times_price(book: Book) -> None:
    multipliers = {
        row["ticker"]: number(row["contract_multiplier"])
        for row in book.standard_rows(DEMO_SESSION, "securities")
    }
    for row in book.standard_rows(DEMO_SESSION, "positions"):
        if row["price"]:
            value = number(row["quantity"]) * number(row["price"]) * multipliers[row["ticker"]]
            assert abs(value - number(row["market_value"])) <= Decimal("0.005"), row


def test_lot_basis_is_cost_plus_what_the_custodian_disallowed(book: Book) -> None:
    adjusted = 0
    for row in book.standard_rows(DEMO_SESSION, "tax_lots"):
        if row["cost_basis"]:
            added = number(row["wash_sale_adjustment"])
            assert number(row["cost_basis"]) == number(row["cost_basis_unadjusted"]) + added
            assert (row["wash_sale_flag"] == "true") == (added > 0)
            adjusted += added > 0
    assert adjusted == 1


def test_every_lot_of_the_last_400_days_has_its_purchase(book: Book) -> None:
    left_out = book.accounts_of(*DATES_CHANGED)
    for folder in ("alpine", "summit"):
        bought: Counter[tuple[str, ...]] = Counter()
        for row in book.rows(DEMO_SESSION, folder, "transactions"):
            if row["transaction_type"] in ("BUY", "REINVEST"):
                bought[(*key(row), row["transaction_date"])] += number(row["quantity"])
        lots: Counter[tuple[str, ...]] = Counter()
        for entity in ("tax_lots", "closed_lots"):
            for row in book.rows(DEMO_SESSION, folder, entity):
                if row["acquisition_date"] >= HISTORY_FROM:
                    lots[(*key(row), row["acquisition_date"])] += number(row["quantity"])
        recent = {k: q for k, q in lots.items() if k[0] not in left_out}
        assert len(recent) > 500
        within = {k: q for k, q in bought.items() if k[2] >= HISTORY_FROM and k[0] not in left_out}
        assert within == recent


def test_every_sale_has_its_closed_lots(book: Book) -> None:
    for folder in ("alpine", "summit"):
        sold: Counter[tuple[str, ...]] = Counter()
        proceeds: Counter[tuple[str, ...]] = Counter()
        for row in book.rows(DEMO_SESSION, folder, "transactions"):
            if row["transaction_type"] == "SELL":
                sold[(*key(row), row["transaction_date"])] -= number(row["quantity"])
                proceeds[(*key(row), row["transaction_date"])] += number(row["net_amount"])
        for row in book.rows(DEMO_SESSION, folder, "closed_lots"):
            sold[(*key(row), row["disposal_date"])] -= number(row["quantity"])
            proceeds[(*key(row), row["disposal_date"])] -= number(row["proceeds"])
            gain = number(row["proceeds"]) - number(row["cost_basis"])
            assert number(row["realized_gain_loss"]) == gain
        assert len(sold) > 20
        assert not any(sold.values())
        assert not any(proceeds.values())


def test_quantities_and_cash_roll_forward_from_session_to_session(book: Book) -> None:
    moved = 0
    for before, after in pairwise(SESSIONS):
        for folder in ("alpine", "summit", "harbor_trust"):
            shares: Counter[tuple[str, str]] = Counter()
            cash: Counter[str] = Counter()
            for row in book.rows(after, folder, "transactions"):
                if row["transaction_date"] == after.isoformat():
                    cash[row["account_number"]] += number(row["net_amount"])
                    if row["quantity"]:
                        shares[key(row)] += number(row["quantity"])
                    moved += 1
            held = [
                {key(row): number(row["quantity"]) for row in book.rows(day, folder, "positions")}
                for day in (before, after)
            ]
            for one in held[0].keys() | held[1].keys():
                assert held[0].get(one, 0) + shares[one] == held[1].get(one, 0), (one, after)
            balances = [
                {
                    row["account_number"]: number(row["trade_date_balance"])
                    for row in book.rows(day, folder, "cash_balances")
                }
                for day in (before, after)
            ]
            assert balances[0].keys() == balances[1].keys()
            for account, balance in balances[0].items():
                assert balance + cash[account] == balances[1][account], (account, after)
    assert moved > 0


def test_sessions_share_one_history(book: Book) -> None:
    """What one session tells of the past, the next tells in the same words."""
    before, after = SESSIONS[0], SESSIONS[2]
    for folder in ("alpine", "summit", "harbor_trust"):
        start = (after - timedelta(days=390)).isoformat()
        earlier, later = (
            Counter(
                tuple(row.values())
                for row in book.rows(session, folder, "transactions")
                if start <= row["transaction_date"] <= before.isoformat()
            )
            for session in (before, after)
        )
        assert earlier
        assert earlier == later


def test_prices_move_between_sessions(book: Book) -> None:
    prices = [
        {row["ticker"]: row["price"] for row in book.rows(session, "alpine", "prices")}
        for session in SESSIONS
    ]
    assert prices[0]["VTI"] != prices[1]["VTI"] != prices[2]["VTI"]
    assert prices[2]["VTI"] == "318.42"


def test_reader_accepts_every_file_but_those_that_are_wrong(book: Book) -> None:
    refused = {}
    for path, content in book.files.items():
        session, folder, name = path.split("/")
        if session != DEMO_SESSION.isoformat():
            continue
        reading = read_file(ReceivedFile(folder.upper(), name, content), DEMO_SESSION)
        blocking = {one.rule for one in reading.violations if one.severity == "block"}
        if reading.status != "LOADED":
            refused[f"{folder}/{name}"] = blocking
    cut_off = refused.pop("ridge/positions.csv")
    assert "control_count" in cut_off
    assert refused
    assert all(name.startswith("mesa/") for name in refused)
    assert all(rules == {"as_of_date_is_session"} for rules in refused.values())
    assert "mesa/positions.csv" in refused


def test_one_custodian_sends_no_lots(book: Book) -> None:
    for session in SESSIONS:
        assert f"{session}/harbor/tax_lots.csv" not in book.files
        assert f"{session}/harbor/positions.csv" in book.files
    required = {
        row["entity"]
        for row in book.rows(DEMO_SESSION, "policy", "expected_feeds")
        if row["custodian"] == "HARBOR" and row["is_required"] == "true"
    }
    assert "tax_lots" in required


@pytest.mark.parametrize(
    ("household", "entity", "column", "value"),
    [
        ("HH-0009", "positions", "ticker", "LARKPC2"),
        ("HH-0013", "accounts", "base_currency", "CAD"),
        ("HH-0021", "tax_lots", "cost_basis", ""),
        ("HH-0023", "tax_lots", "cost_basis", ""),
        ("HH-0025", "tax_lots", "acquisition_date", "1900-01-01"),
        ("HH-0027", "tax_lots", "acquisition_date", "2027-12-15"),
        ("HH-0031", "positions", "price", ""),
        ("HH-0033", "positions", "ticker", "HALCRE4"),
        ("HH-0035", "positions", "ticker", "AAPL 270115C00280000"),
    ],
)
def test_unusual_value_stands_in_its_household_only(
    book: Book, household: str, entity: str, column: str, value: str
) -> None:
    accounts = book.accounts_of(household)
    allowed = accounts | book.accounts_of("HH-0021", "HH-0023") if value == "" else accounts
    with_it = {
        row["account_number"]
        for row in book.standard_rows(DEMO_SESSION, entity)
        if row[column] == value
    }
    assert with_it & accounts
    assert with_it <= allowed


def test_missing_basis_is_once_noncovered_and_once_covered(book: Book) -> None:
    found = {
        household: [
            row["covered_status"]
            for row in book.standard_rows(DEMO_SESSION, "tax_lots")
            if not row["cost_basis"] and row["account_number"] in book.accounts_of(household)
        ]
        for household in ("HH-0021", "HH-0023")
    }
    assert found == {"HH-0021": ["NONCOVERED"], "HH-0023": ["COVERED"]}


def test_lots_of_two_households_do_not_tie(book: Book) -> None:
    for household, column in (("HH-0005", "quantity"), ("HH-0007", "cost_basis")):
        accounts = book.accounts_of(household)
        totals: Counter[tuple[str, str]] = Counter()
        for entity, sign in (("positions", 1), ("tax_lots", -1)):
            for row in book.standard_rows(DEMO_SESSION, entity):
                if row["account_number"] in accounts:
                    totals[key(row)] += sign * number(row[column])
        assert {ticker for (_, ticker), difference in totals.items() if difference} == {"IWB"}


def test_one_position_row_stands_twice(book: Book) -> None:
    rows = Counter(tuple(row.values()) for row in book.standard_rows(DEMO_SESSION, "positions"))
    twice = [row for row, times in rows.items() if times > 1]
    assert [row[0] in book.accounts_of("HH-0029") for row in twice] == [True]


def test_euro_has_a_rate_and_canadian_dollar_has_none(book: Book) -> None:
    rates = {row["from_currency"] for row in book.standard_rows(DEMO_SESSION, "fx_rates")}
    assert "CAD" not in rates
    flex = ET.fromstring(book.files[f"{DEMO_SESSION}/ibkr/Nightly_Flex_20261119.xml"])  # noqa: S314
    euro = [one for one in flex.iter("OpenPosition") if one.get("currency") == "EUR"]
    assert {one.get("fxRateToBase") for one in euro} == {"1.1583"}
    assert {one.get("accountId") for one in euro} <= book.accounts_of("HH-0037")


def test_spouse_buys_at_another_custodian_what_was_sold_at_a_loss(book: Book) -> None:
    accounts = book.accounts_of("HH-0012")

    def rows(folder: str, entity: str) -> list[dict[str, str]]:
        return [
            row
            for row in book.rows(DEMO_SESSION, folder, entity)
            if row["account_number"] in accounts and row["ticker"] == "HYG"
        ]

    (sold,) = rows("alpine", "closed_lots")
    assert number(sold["realized_gain_loss"]) < 0
    assert not number(sold["disallowed_loss"] or "0"), "the custodian sees no purchase"
    sold_on = date.fromisoformat(sold["disposal_date"])
    bought = {
        row["transaction_type"]: number(row["quantity"])
        for row in rows("summit", "transactions")
        if row["transaction_type"] in ("BUY", "REINVEST")
        and abs(date.fromisoformat(row["transaction_date"]) - sold_on) <= timedelta(days=30)
    }
    assert set(bought) == {"BUY", "REINVEST"}
    assert bought["BUY"] > 100


def test_losses_were_realised_in_several_households_within_thirty_days(book: Book) -> None:
    since = (DEMO_SESSION - timedelta(days=30)).isoformat()
    accounts = {
        row["account_number"]
        for row in book.standard_rows(DEMO_SESSION, "closed_lots")
        if row["disposal_date"] >= since and number(row["realized_gain_loss"]) < 0
    }
    assert len(accounts) >= 4


def test_flex_lots_sum_to_their_summary_and_join_their_trades(book: Book) -> None:
    flex = ET.fromstring(book.files[f"{DEMO_SESSION}/ibkr/Nightly_Flex_20261119.xml"])  # noqa: S314
    sums: Counter[tuple[str | None, ...]] = Counter()
    for one in flex.iter("OpenPosition"):
        sign = 1 if one.get("levelOfDetail") == "SUMMARY" else -1
        for column in ("position", "costBasisMoney"):
            sums[one.get("accountId"), one.get("symbol"), column] += sign * number(
                one.attrib[column]
            )
    assert len(sums) > 20
    assert not any(sums.values())
    trades = {one.get("transactionID"): one for one in flex.iter("Trade")}
    lots = [one for one in flex.iter("OpenPosition") if one.get("levelOfDetail") == "LOT"]
    recent = [one for one in lots if one.attrib["openDateTime"] > "20251120"]
    assert recent
    assert all(one.get("originatingTransactionID") in trades for one in recent)
    assert any("LD" in one.attrib["code"].split(";") for one in lots)
    closed = list(flex.iter("Lot"))
    assert closed
    sales = Counter[tuple[str | None, ...]]()
    for one in flex.iter("Trade"):
        if one.get("buySell") == "SELL":
            sales[one.get("accountId"), one.get("symbol"), one.get("tradeDate")] += number(
                one.attrib["quantity"]
            )
    for one in closed:
        sales[one.get("accountId"), one.get("symbol"), one.get("tradeDate")] += number(
            one.attrib["quantity"]
        )
    assert not any(sales.values())


def test_schwab_lots_sum_to_their_positions_in_both_layouts(book: Book) -> None:
    def table(content: bytes) -> list[Row]:
        return list(csv.DictReader(io.StringIO(content.decode().split("\r\n", 2)[2])))

    def plain(text: str) -> Decimal:
        return number(text.replace("$", "").replace(",", ""))

    folder = f"{DEMO_SESSION}/schwab/"
    names = [path.removeprefix(folder) for path in book.files if path.startswith(folder)]
    layouts = set()
    for name in names:
        if "-Positions-" not in name:
            continue
        stem = name.split("-Positions-")[0]
        for row in table(book.files[folder + name]):
            if row["Symbol"] in ("Cash & Cash Investments", "Account Total", "Positions Total"):
                continue
            quantity = row.get("Quantity") or row["Qty (Quantity)"]
            layouts.add("2020" if "Quantity" in row else "2026")
            lot_file = f"{row['Symbol']}-Lot-Details-{stem}-{DEMO_SESSION}.csv"
            lots = [
                one for one in table(book.files[folder + lot_file]) if one["Open Date"] != "Total"
            ]
            assert sum(plain(one["Quantity"]) for one in lots) == plain(quantity)
            assert sum(plain(one["Cost Basis"]) for one in lots) == plain(row["Cost Basis"])
    assert layouts == {"2020", "2026"}


def test_check_digits_are_those_of_the_standards() -> None:
    assert cusip_with_check_digit("03783310") == "037833100"
    assert isin_with_check_digit("US037833100") == "US0378331005"
    with pytest.raises(ValueError, match="eight characters"):
        cusip_with_check_digit("0378331")


def test_identifiers_are_unique_and_of_the_private_range() -> None:
    cusips = [security.cusip for security in universe().values() if security.cusip]
    assert len(set(cusips)) == len(cusips)
    assert all(cusip[3:5] == "99" for cusip in cusips)
