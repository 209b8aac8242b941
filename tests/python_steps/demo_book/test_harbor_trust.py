"""The custodian that is mapped by its layout lands the facts of the standard feed, to the cent."""

from __future__ import annotations

import csv
import io
from decimal import Decimal, InvalidOperation

import pytest

from data_contracts.contract import load_contracts
from python_steps.demo_book.book import (
    DEMO_SEED,
    DEMO_SESSION,
    DIRTY_CASES,
    HARBOR_TRUST_HOUSEHOLDS,
    demo_household,
)
from python_steps.demo_book.harbor_trust import FOLDER, HarborTrust
from python_steps.demo_book.market import demo_market
from python_steps.demo_book.showcases import SHOWCASES
from python_steps.demo_book.standard_feed import STANDARD_COLUMNS, StandardFeed
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
from tests.python_steps.demo_book.conftest import Book, Row

# What Harbor Trust does not tell, in its files' layout.
NOT_TOLD = {"custodian_security_id", "acquisition_time", "fx_rate_to_base", "closed_date"}
NOT_TOLD_OF = {
    "securities": {"pool_factor", "maturity_date", "underlying_ticker"},
    "tax_lots": {"isin"},
    "closed_lots": {"isin"},
    "transactions": {"isin", "transaction_time", "source_type"},
    "open_orders": {"isin"},
}
NOT_DELIVERED = {"fx_rates", "corporate_actions"}


def standard_rows(entity: str) -> list[Row]:
    """The same accounts as the standard feed writes them."""
    market = demo_market()
    feed = StandardFeed(FOLDER, market, market.demo_index)
    feed.states_own_ids = True
    for number in HARBOR_TRUST_HOUSEHOLDS:
        feed.add(demo_household(number, DEMO_SEED))
    content = dict(feed.contents())[f"{entity}.csv"].decode()
    return list(csv.DictReader(io.StringIO("\n".join(content.splitlines()[:-1]))))


def plain(value: str | None) -> str | Decimal:
    try:
        return Decimal(value or "")
    except InvalidOperation:
        return value or ""


@pytest.mark.parametrize("entity", sorted(set(STANDARD_COLUMNS) - NOT_DELIVERED))
def test_mapped_rows_are_those_of_the_standard_feed(book: Book, entity: str) -> None:
    untold = NOT_TOLD | NOT_TOLD_OF.get(entity, set())
    told = [name for name in STANDARD_COLUMNS[entity] if name not in untold]
    mapped = book.rows(DEMO_SESSION, FOLDER, entity)
    standard = standard_rows(entity)
    assert standard
    found = [[[plain(row[name]) for name in told] for row in rows] for rows in (mapped, standard)]
    assert sorted(found[0], key=str) == sorted(found[1], key=str)
    assert all(
        row[name] is None for row in mapped for name in untold - {"source_type"} if name in row
    )


def test_cancelled_and_corrected_transactions_are_told() -> None:
    market = demo_market()
    writer = HarborTrust(market, market.demo_index)
    for number in HARBOR_TRUST_HOUSEHOLDS:
        writer.add(demo_household(number, DEMO_SEED))
    name = "ht_transactions_20261119.psv"
    reading = read_file(
        ReceivedFile("HARBOR_TRUST", name, dict(writer.contents())[name]), DEMO_SESSION
    )
    rows = reading.tables["transactions"].to_pylist()
    cancels = [row for row in rows if row["is_cancel"] == "true"]
    by_id = {row["transaction_id"]: row for row in rows}
    assert len(cancels) > 5
    for cancel in cancels:
        mistaken = by_id[cancel["reversal_of"]]
        corrected = by_id[cancel["reversal_of"].removesuffix("-E")]
        assert Decimal(mistaken["quantity"]) == 2 * Decimal(corrected["quantity"])
        assert (mistaken["is_cancel"], corrected["is_cancel"]) == ("false", "false")


def test_only_ordinary_households_are_there_with_all_they_hold() -> None:
    for number in HARBOR_TRUST_HOUSEHOLDS:
        household = demo_household(number, DEMO_SEED)
        assert number > 2
        assert number not in SHOWCASES
        assert household.household_id not in DIRTY_CASES
        assert {account.folder for account in household.accounts} == {FOLDER}
        custodians = {flow.account.custodian for flow in household.cash_flows}
        assert custodians <= {"HARBOR_TRUST"}


def test_no_tax_id_and_no_address_is_kept(book: Book) -> None:
    name = "ht_daily_20261119.dat"
    content = book.files[f"{DEMO_SESSION}/{FOLDER}/{name}"]
    assert b"Invented Lane" in content
    assert b"90000" in content
    reading = read_file(ReceivedFile("HARBOR_TRUST", name, content), DEMO_SESSION)
    for entity in ("accounts", "persons", "account_owners"):
        kept = str(reading.tables[entity].to_pylist())
        assert "Invented Lane" not in kept
        assert "90000" not in kept


def test_its_contract_fills_only_what_its_layout_maps() -> None:
    contract = load_contracts()["harbor_trust"]
    assert set(STANDARD_COLUMNS) - NOT_DELIVERED == set(contract.entities)
