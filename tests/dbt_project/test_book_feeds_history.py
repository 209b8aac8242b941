"""What is to be recognised from night to night: lots without ids, and transactions.

Belongs here: the identity of lots over three sessions, of which the second brings no files, and the
merging of transactions over files and feeds. What holds within one night stands in
test_book_feeds.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.feeds_fixture import FeedFile, Row, cash, lot, lots_of, position, write_files
from tests.dbt_project.warehouse_fixture import create_warehouse, query, run_dbt

FIRST, SILENT, LAST = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)
NUMBER, OTHER = "7600001", "7600002"
MODELS = (
    "build",
    "--exclude-resource-type",
    "unit_test",
    "--exclude-resource-type",
    "test",
    "--select",
    "+fct_tax_lots",
    "+dim_accounts",
    "int_lots__matched",
    "int_lots__gone",
    "int_transactions__cancels",
    "int_transactions__coverage",
    "int_corporate_actions__identified",
)

LOTS_BEFORE = [
    # Three like lots.
    lot(NUMBER, "VTI", "10", "100"),
    lot(NUMBER, "VTI", "6", "60"),
    lot(NUMBER, "VTI", "5", "50"),
    # Cents that do not divide; a cost and a date that are corrected; one with a wash sale to come.
    lot(NUMBER, "BND", "3", "100.00"),
    lot(NUMBER, "BND", "7", "280.00", acquisition_date="2021-03-04"),
    lot(NUMBER, "BND", "8", "320.00", acquisition_date="2021-05-06"),
    lot(NUMBER, "BND", "9", "360.00", acquisition_date="2021-07-08", cost_basis_unadjusted="360"),
    # Split, merged, and split by a transaction.
    lot(NUMBER, "SCHB", "10", "90.00"),
    lot(NUMBER, "SCHB", "10", "90.00"),
    lot(NUMBER, "SCHB", "4", "50.00", acquisition_date="2022-02-02"),
    lot(NUMBER, "OLDX", "30", "600.00"),
    lot(NUMBER, "ZZZQ", "5", "45.00"),
    lot(OTHER, "ZZZQ", "5", "45.00"),
    # With an id, and one that goes.
    lot(NUMBER, "OLDX", "2", "40.00", source_lot_id="X-1"),
    lot(NUMBER, "OLDX", "3", "60.00", source_lot_id="X-2"),
]
LOTS_AFTER = [
    lot(NUMBER, "VTI", "5", "50"),
    lot(NUMBER, "VTI", "7", "70"),
    # The same share bought again since.
    lot(NUMBER, "VTI", "5", "50", acquisition_date="2026-11-18", term="SHORT"),
    lot(NUMBER, "BND", "2", "66.67"),
    lot(NUMBER, "BND", "7", "281.50", acquisition_date="2021-03-04"),
    lot(NUMBER, "BND", "8", "320.00", acquisition_date="2021-05-09"),
    lot(
        NUMBER,
        "BND",
        "9",
        "375.00",
        acquisition_date="2021-07-08",
        cost_basis_unadjusted="360",
        wash_sale_adjustment="15",
    ),
    lot(NUMBER, "SCHB", "20", "90.00"),
    lot(NUMBER, "SCHB", "20", "90.00"),
    lot(NUMBER, "SCHB", "8", "50.00", acquisition_date="2022-02-02"),
    lot(NUMBER, "NEWX", "10", "600.00"),
    lot(NUMBER, "ZZZQ", "15", "45.00"),
    # No action of this account says that three became of one.
    lot(OTHER, "ZZZQ", "15", "45.00"),
    lot(NUMBER, "OLDX", "1", "20.00", source_lot_id="X-1"),
]


def _trade(day: str, quantity: str, amount: str, **changes: str) -> Row:
    return {
        "account_number": NUMBER,
        "ticker": "VTI",
        "transaction_type": "BUY" if float(quantity) > 0 else "SELL",
        "source_type": "Buy",
        "transaction_date": day,
        "quantity": quantity,
        "net_amount": amount,
        "currency": "USD",
    } | changes


TWICE = [_trade("2026-10-01", "1", "-100"), _trade("2026-10-01", "1", "-100")]
TRADES_BEFORE = [
    *TWICE,
    _trade("2026-10-02", "4", "-400", transaction_id="T-1"),
    _trade("2026-10-05", "2", "-200"),
    _trade("2026-10-06", "3", "-300", transaction_id="T-2"),
    _trade("2026-10-07", "6", "-600", transaction_id="T-3"),
]
TRADES_AFTER = [
    TWICE[0],
    # Corrected; cancelled without an id; by its name; under its id, and corrected.
    _trade("2026-10-02", "4", "-404", transaction_id="T-1"),
    _trade("2026-10-05", "2", "-200"),
    _trade("2026-10-05", "-2", "200", is_cancel="true"),
    _trade("2026-10-06", "-3", "300", transaction_id="T-9", is_cancel="true", reversal_of="T-2"),
    _trade("2026-10-07", "-6", "600", transaction_id="T-3", is_cancel="true"),
    _trade("2026-10-07", "6", "-606", transaction_id="T-3"),
    # Entered late; and a cancel of what nobody told.
    _trade("2026-10-08", "9", "-900", entry_date="2026-11-18"),
    _trade("2026-10-09", "-7", "700", is_cancel="true"),
    # Two more for each one, in this account.
    _trade("2026-11-18", "10", "0", ticker="ZZZQ", transaction_type="SPLIT"),
]


def _session(day: date, lots: list[Row], trades: list[Row]) -> list[FeedFile]:
    number_of = {number: f"...{number[3:]}" for number in (NUMBER, OTHER)}
    holdings: dict[tuple[str, str], float] = {}
    for row in lots:
        key = row["account_number"], row["ticker"]
        holdings[key] = holdings.get(key, 0) + float(row["quantity"])
    return [
        FeedFile(
            day,
            "custodian_files",
            {
                "positions": [
                    position(number, ticker, str(quantity), "10")
                    for (number, ticker), quantity in holdings.items()
                ],
                "cash_balances": [cash(number, "0") for number in number_of],
                "tax_lots": lots,
            },
        ),
        # The history of one account writes it masked, and says since when.
        FeedFile(
            day,
            "schwab_transactions",
            {"transactions": [row | {"account_number": number_of[NUMBER]} for row in trades]},
            covered_from_date=date(2026, 9, 1) if day == FIRST else date(2026, 9, 15),
        ),
    ]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[object]]]:
    """The last night's warehouse, and the lots as the first night had named them."""
    path = tmp_path_factory.mktemp("nights") / "warehouse.duckdb"
    create_warehouse(path)
    for day, lots, trades in (
        (FIRST, LOTS_BEFORE, TRADES_BEFORE),
        (LAST, LOTS_AFTER, TRADES_AFTER),
    ):
        book = Book(day)
        book.household("LOTS")
        for number in (NUMBER, OTHER):
            book.account(number, "LOTS", cash=None)
        book.delivery.add(
            "prices",
            *(
                {"ticker": ticker, "price": "10", "currency": "USD", "price_type": "CLOSE"}
                | {"price_date": day.isoformat()}
                for ticker in ("OLDX", "NEWX")
            ),
        )
        book.delivery.add(
            "corporate_actions",
            {"ticker": "SCHB", "action_type": "SPLIT", "ex_date": "2026-11-19"}
            | {"ratio_new": "2", "ratio_old": "1"},
            {"ticker": "OLDX", "action_type": "MERGER", "ex_date": "2026-11-18"}
            | {"ratio_new": "1", "ratio_old": "3", "new_ticker": "NEWX"},
        )
        # The files of the account come of another feed.
        for entity in ("positions", "tax_lots", "transactions", "cash_balances"):
            book.delivery.files.pop(("ALPINE", entity), None)
        book.delivery.write(path)
        write_files(path, *_session(day, lots, trades))
        run_dbt(path, *MODELS, as_of_date=day)
        if day == FIRST:
            named = {
                f"{number} {ticker}": [row[0] for row in lots_of(path, number, ticker)]
                for number, ticker in (
                    *((NUMBER, ticker) for ticker in ("VTI", "BND", "SCHB", "OLDX", "ZZZQ")),
                    (OTHER, "ZZZQ"),
                )
            }
            run_dbt(path, *MODELS, as_of_date=SILENT)
    return path, named


def test_night_without_files_has_no_lots(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, _ = nights
    rows = query(path, "select as_of_date, count(*) from marts.fct_tax_lots group by 1 order by 1")
    assert [day for day, _ in rows] == [FIRST, LAST]
    states = query(
        path, "select distinct account_state from marts.dim_accounts where as_of_date = ?", SILENT
    )
    assert states == [("waiting_for_feed",)]


@pytest.mark.parametrize(
    ("number", "ticker", "places"),
    [
        # Which lot of the first night each lot is, and how it was recognised.
        (NUMBER, "VTI", [(2, "attributes"), (0, "attributes"), (None, "new")]),
        (
            NUMBER,
            "BND",
            [(0, "attributes"), (1, "quantity"), (2, "quantity"), (3, "attributes")],
        ),
        (NUMBER, "SCHB", [(0, "split"), (1, "split"), (2, "split")]),
        (NUMBER, "ZZZQ", [(0, "split")]),
        (OTHER, "ZZZQ", [(None, "new")]),
    ],
)
def test_lot_without_an_id_keeps_the_one_it_was_given(
    nights: tuple[Path, dict[str, list[object]]],
    number: str,
    ticker: str,
    places: list[tuple[int | None, str]],
) -> None:
    path, named = nights
    before = named[f"{number} {ticker}"]
    assert len(set(before)) == len(before)
    for (lot_id, _, matched_by), (place, expected) in zip(
        lots_of(path, number, ticker), places, strict=True
    ):
        assert matched_by == expected
        assert lot_id not in before if place is None else lot_id == before[place]


def test_lot_of_a_merger_is_the_lot_it_was_made_of(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, named = nights
    assert lots_of(path, NUMBER, "NEWX") == [(named[f"{NUMBER} OLDX"][0], 10, "split")]
    rows = query(
        path,
        """
        select previous_quantity, previous_cost_basis, previous_acquisition_date,
            previous_as_of_date, security_id <> previous_security_id
        from intermediate.int_lots__matched where lot_id = ?
        """,
        named[f"{NUMBER} OLDX"][0],
    )
    assert rows == [(30, 600, date(2020, 1, 2), FIRST, True)]


def test_lot_with_an_id_is_known_by_it_and_one_that_went_is_listed(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, named = nights
    ((lot_id, quantity, matched_by),) = lots_of(path, NUMBER, "OLDX")
    assert (quantity, matched_by) == (1, "source_id")
    assert str(lot_id).endswith(":X-1")
    gone = query(
        path,
        "select lot_id, previous_quantity, is_account_delivered from intermediate.int_lots__gone",
    )
    assert sorted(gone) == sorted(
        [
            (named[f"{NUMBER} VTI"][1], 6, True),
            (named[f"{OTHER} ZZZQ"][0], 5, True),
            (named[f"{NUMBER} OLDX"][2], 3, True),
        ]
    )


def test_running_the_night_again_names_the_lots_alike(
    nights: tuple[Path, dict[str, list[object]]], tmp_path: Path
) -> None:
    path, _ = nights
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(path.read_bytes())
    statement = """
        select lot_id, source_row_number, quantity from marts.fct_tax_lots
        where as_of_date = ? order by all
    """
    run_dbt(copy, *MODELS, as_of_date=LAST)
    assert query(copy, statement, LAST) == query(path, statement, LAST)


def test_transactions_of_overlapping_files_are_each_there_once(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, _ = nights
    rows = query(
        path,
        """
        select transaction_date, quantity, net_amount, first_known_date
        from intermediate.int_transactions__merged
        where transaction_type <> 'SPLIT' order by all
        """,
    )
    assert rows == [
        (date(2026, 10, 1), 1, -100, FIRST),
        (date(2026, 10, 1), 1, -100, FIRST),
        (date(2026, 10, 2), 4, -404, FIRST),
        (date(2026, 10, 7), 6, -606, FIRST),
        (date(2026, 10, 8), 9, -900, LAST),
    ]


def test_cancel_says_how_what_it_cancels_was_found(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, _ = nights
    rows = query(
        path,
        """
        select transaction_date, matched_by from intermediate.int_transactions__cancels order by 1
        """,
    )
    assert rows == [
        (date(2026, 10, 5), "content"),
        (date(2026, 10, 6), "reversal_of"),
        (date(2026, 10, 7), "transaction_id"),
        (date(2026, 10, 9), None),
    ]


def test_history_begins_where_the_files_of_the_account_say(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, _ = nights
    rows = query(
        path,
        """
        select a.account_number, c.history_from_date
        from intermediate.int_transactions__coverage as c
        inner join intermediate.int_accounts__identified as a on c.account_id = a.account_id
        where a.account_number in (?, ?) order by 1
        """,
        NUMBER,
        OTHER,
    )
    assert rows == [(NUMBER, date(2026, 9, 1)), (OTHER, None)]


def test_action_of_the_account_has_its_ratio_from_what_it_held(
    nights: tuple[Path, dict[str, list[object]]],
) -> None:
    path, _ = nights
    rows = query(
        path,
        """
        select action_type, ratio, ratio_source, account_id is null
        from intermediate.int_corporate_actions__identified order by all
        """,
    )
    assert [
        (kind, round(float(ratio), 4), source, for_all) for kind, ratio, source, for_all in rows
    ] == [
        ("MERGER", 0.3333, "corporate_actions", True),
        ("SPLIT", 2.0, "corporate_actions", True),
        ("SPLIT", 3.0, "transactions_and_holding", False),
    ]
