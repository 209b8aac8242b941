"""Files of several feeds in a test warehouse, beside the standard feed of `Delivery`.

Belongs here: writing one file of any feed, role and mode into raw and ops, and the queries that
several tests ask of the book. Does not belong here: any expected result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt_project.warehouse_fixture import insert_rows, query, register

Row = Mapping[str, str]


@dataclass(frozen=True)
class FeedFile:
    """One file as a reader would deliver it: rows by entity, and what is recorded of the file."""

    as_of_date: date
    feed: str
    entities: Mapping[str, Sequence[Row]]
    custodian: str = "ALPINE"
    role: str = "source"
    mode: str = "FULL"
    received: str = "22:00:00"
    covered_from_date: date | None = None

    @property
    def source_file_id(self) -> str:
        """SHA-256 over what the file says."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def write_files(path: Path, *files: FeedFile) -> None:
    """Put files into the warehouse and give what they name its surrogates."""
    with duckdb.connect(str(path)) as connection:
        for file in files:
            _write_file(connection, file)
        register(connection, max(file.as_of_date for file in files))


def _write_file(connection: duckdb.DuckDBPyConnection, file: FeedFile) -> None:
    meta: dict[str, Any] = {
        "as_of_date": file.as_of_date,
        "custodian": file.custodian,
        "feed": file.feed,
        "source_file_id": file.source_file_id,
    }
    for entity, rows in file.entities.items():
        insert_rows(
            connection,
            f"raw.{entity}",
            (
                meta | {"source_row_number": number, "row_as_received": repr(row)} | dict(row)
                for number, row in enumerate(rows, start=2)
            ),
        )
    insert_rows(
        connection,
        "ops.source_files",
        [
            meta
            | {
                "file_name": f"{file.feed}-{file.received[:2]}.csv",
                "stated_as_of_date": file.as_of_date,
                "as_of_source": "FIELD",
                "parser_version": "1",
                "delivery_mode": file.mode,
                "feed_role": file.role,
                "covered_from_date": file.covered_from_date,
                "row_count": sum(len(rows) for rows in file.entities.values()),
                "received_at": f"{file.as_of_date} {file.received}",
                "status": "LOADED",
            }
        ],
    )
    insert_rows(
        connection,
        "ops.file_entities",
        [meta | {"entity": name, "row_count": len(rows)} for name, rows in file.entities.items()],
    )


def position(number: str, ticker: str, quantity: str, price: str = "100", **changes: str) -> Row:
    """A position of a file, in dollars."""
    return {
        "account_number": number,
        "ticker": ticker,
        "quantity": quantity,
        "price": price,
        "market_value": f"{float(quantity) * float(price):.2f}",
        "currency": "USD",
    } | changes


def lot(number: str, ticker: str, quantity: str, cost_basis: str, **changes: str) -> Row:
    """A lot of a file, bought on 2020-01-02, without an id unless `changes` name one."""
    return {
        "account_number": number,
        "ticker": ticker,
        "quantity": quantity,
        "acquisition_date": "2020-01-02",
        "cost_basis": cost_basis,
        "covered_status": "COVERED",
        "term": "LONG",
        "acquisition_type": "PURCHASE",
        "currency": "USD",
    } | changes


def cash(number: str, balance: str) -> Row:
    """A balance in dollars."""
    return {"account_number": number, "currency": "USD", "trade_date_balance": balance}


def held(path: Path, number: str) -> dict[str, Any]:
    """Units by ticker that the book holds in the account of this number."""
    return dict(
        query(
            path,
            """
            select s.ticker, p.quantity
            from intermediate.int_positions__aggregated as p
            inner join intermediate.int_accounts__identified as a on p.account_id = a.account_id
            inner join intermediate.int_securities__described as s on p.security_id = s.security_id
            where a.account_number = ?
            order by 1
            """,
            number,
        )
    )


def lots_of(path: Path, number: str, ticker: str) -> list[tuple[Any, ...]]:
    """(lot id, units, how it was recognised) of the account's lots of a security."""
    return query(
        path,
        """
        select m.lot_id, l.quantity, m.matched_by
        from intermediate.int_lots__matched as m
        inner join intermediate.int_lots__keyed as l on m.lot_id = l.lot_id
        inner join intermediate.int_accounts__identified as a on l.account_id = a.account_id
        inner join intermediate.int_securities__described as s on l.security_id = s.security_id
        where a.account_number = ? and s.ticker = ?
        order by l.source_row_number
        """,
        number,
        ticker,
    )
