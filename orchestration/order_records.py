"""Released orders as records that cannot be rebuilt: which trade left, when, in which order.

Belongs here: the append-only tables of releases and their trades in `records.duckdb`. Does not
belong here: which trades may be released (`orders`). A trade leaves once: its id is a key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from orchestration.records import Records

_TABLES = (
    """
    create table if not exists order_releases (
        release_number integer primary key, released_at timestamp not null,
        as_of_date date not null, files json not null
    )
    """,
    """
    create table if not exists released_trades (
        trade_id varchar primary key, release_number integer not null, block_id varchar not null,
        wave integer not null, plan_id varchar not null, household_id varchar not null,
        account_id varchar not null, custodian varchar not null, security_id varchar not null,
        action varchar not null, quantity decimal(28, 10) not null, price decimal(28, 10) not null,
        limit_price decimal(28, 10), lots json not null
    )
    """,
)


class ReleasedTrade(NamedTuple):
    """One trade as it left; `lots` as pairs of lot id and shares."""

    trade_id: str
    block_id: str
    wave: int
    plan_id: str
    household_id: str
    account_id: str
    custodian: str
    security_id: str
    action: str
    quantity: Decimal
    price: Decimal
    limit_price: Decimal | None
    lots: tuple[tuple[str, Decimal], ...]


class OrderRecords:
    """What the records hold about orders."""

    def __init__(self, path: Path) -> None:
        self._records = Records(path, _TABLES)

    def released(self) -> set[str]:
        """Ids of all trades that ever left."""
        with self._records.open() as connection:
            rows = connection.execute("select trade_id from released_trades").fetchall()
        return {row[0] for row in rows}

    def released_of_plan(self, plan_id: str) -> dict[str, Decimal]:
        """Shares by trade of a plan's trades that ever left."""
        with self._records.open() as connection:
            rows = connection.execute(
                "select trade_id, quantity from released_trades where plan_id = ?", [plan_id]
            ).fetchall()
        return dict(rows)

    def next_release(self) -> int:
        """The number that the next release will have."""
        with self._records.open() as connection:
            return _next_release(connection)

    def has_release(self, number: int) -> bool:
        """Whether a release of this number is on record."""
        return number < self.next_release()

    def append_release(
        self,
        number: int,
        released_at: datetime,
        as_of_date: date,
        files: Mapping[str, str],
        trades: Sequence[ReleasedTrade],
    ) -> None:
        """Record a release and its trades together, or nothing.

        Args:
            number: as `next_release` gave it.
            released_at: when, with a time zone.
            as_of_date: the night whose plans are traded.
            files: sha256 of every file by its name.
            trades: what left.

        Raises:
            ValueError: the moment has no time zone, or another release was recorded meanwhile.
            duckdb.ConstraintException: a trade left before.
        """
        if released_at.tzinfo is None:
            raise ValueError(f"{released_at} has no time zone")
        with self._records.open() as connection:
            connection.execute("begin")
            if _next_release(connection) != number:
                raise ValueError(f"release {number} was recorded meanwhile: release again")
            moment = released_at.astimezone(UTC).replace(tzinfo=None)
            connection.execute(
                "insert into order_releases values (?, ?, ?, ?)",
                [number, moment, as_of_date, json.dumps(files, sort_keys=True)],
            )
            for trade in trades:
                lots = json.dumps([[lot_id, str(quantity)] for lot_id, quantity in trade.lots])
                values = [trade.trade_id, number, *trade[1:-1], lots]
                connection.execute(
                    f"insert into released_trades values ({', '.join('?' * len(values))})", values
                )
            connection.execute("commit")


def _next_release(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(
        "select coalesce(max(release_number), 0) + 1 from order_releases"
    ).fetchone()
    return int(row[0]) if row else 1
