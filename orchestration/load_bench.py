"""What the raw load costs, beside DuckDB's own reader on the same files, in the same run.

Belongs here: generating one big standard-feed delivery, timing both ways into a database file, each
in a process of its own so that its memory is its own. Does not belong here: how files are loaded
(orchestration.intake). The files are invented and the same every time; making them is not timed.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.home import PROJECT_ROOT, Home
from orchestration.warehouse import Warehouse

SESSION = date(2026, 11, 19)
FEED = "standard_feed"
CUSTODIAN = "alpine"
LOTS_OF_A_POSITION = 15
POSITIONS_OF_AN_ACCOUNT = 10
SECURITIES = 1_000
REPEATS = 3

# A lot is row `i`; every 15 lots are a position, every 10 positions an account.
_DELIVERY: dict[str, str] = {
    "securities": """
        select
            'AL' || lpad(i::varchar, 6, '0') as custodian_security_id,
            lpad(i::varchar, 6, '0') || '109' as cusip,
            'US' || lpad(i::varchar, 6, '0') || '1098' as isin,
            'T' || i as ticker, 'Company number ' || i as security_name,
            'EQUITY' as security_type, 'false' as is_cash_equivalent, 'USD' as currency,
            1 as price_factor, 1 as contract_multiplier, '' as pool_factor, '' as maturity_date,
            '' as underlying_ticker
        from range($securities) as numbers(i)
    """,
    "accounts": """
        select
            41000000 + i as account_number, 'Joint taxable' as account_title,
            'JTWROS' as registration_type, 'TAXABLE' as tax_status, 'OPEN' as account_status,
            'USD' as base_currency, '2009-01-02' as opened_date, '' as closed_date,
            'MIN_TAX' as default_disposal_method, 'false' as is_margin
        from range($accounts) as numbers(i)
    """,
    "positions": """
        select
            41000000 + i // $of_account as account_number,
            'AL' || lpad((i * 7 % $securities)::varchar, 6, '0') as custodian_security_id,
            lpad((i * 7 % $securities)::varchar, 6, '0') || '109' as cusip,
            'US' || lpad((i * 7 % $securities)::varchar, 6, '0') || '1098' as isin,
            'T' || (i * 7 % $securities) as ticker, 'CASH' as sub_account_type,
            'LONG' as long_short, 100 + i % 900 as quantity, 100 + i % 900 as settled_quantity,
            (20 + i % 4000 / 10)::decimal(18, 2) as price, '2026-11-19' as price_date,
            ((100 + i % 900) * (20 + i % 4000 / 10))::decimal(18, 2) as market_value,
            '0.00' as accrued_interest, ((100 + i % 900) * 17.35)::decimal(18, 2) as cost_basis,
            'USD' as currency, 1 as fx_rate_to_base, 'false' as is_held_away
        from range($positions) as numbers(i)
    """,
    "tax_lots": """
        select
            41000000 + i // ($of_account * $of_position) as account_number,
            'AL' || lpad((i // $of_position * 7 % $securities)::varchar, 6, '0')
                as custodian_security_id,
            lpad((i // $of_position * 7 % $securities)::varchar, 6, '0') || '109' as cusip,
            'US' || lpad((i // $of_position * 7 % $securities)::varchar, 6, '0') || '1098' as isin,
            'T' || (i // $of_position * 7 % $securities) as ticker,
            (8566000000 + i // 97)::varchar || '.' || i as source_lot_id, 1 + i % 211 as quantity,
            (date '2012-01-03' + (i * 31 % 5000)::integer)::varchar as acquisition_date,
            '10:' || (10 + i % 50) || ':' || (10 + i % 49) as acquisition_time,
            (date '2012-01-03' + (i * 31 % 5000)::integer)::varchar as holding_period_start_date,
            if(i * 31 % 5000 > 4700, 'SHORT', 'LONG') as term,
            ((1 + i % 211) * (17 + i % 4001 / 13))::decimal(18, 2) as cost_basis,
            ((1 + i % 211) * (17 + i % 4001 / 13))::decimal(18, 2) as cost_basis_unadjusted,
            (17 + i % 4001 / 13)::decimal(18, 2) as unit_cost, '0.00' as wash_sale_adjustment,
            'false' as wash_sale_flag, 'COVERED' as covered_status,
            'PURCHASE' as acquisition_type, 'MIN_TAX' as basis_method, 'USD' as currency
        from range($lots) as numbers(i)
    """,
}


def measure_load(lots: int) -> dict[str, Any]:
    """Generate a delivery and load it in turns with DuckDB's reader and with ours.

    Args:
        lots: open tax lots of the delivery.

    Raises:
        ValueError: one of the two did not load every row.
    """
    with tempfile.TemporaryDirectory(prefix="evenkeel-bench-") as made:
        folder = Path(made)
        rows = write_delivery(folder / "delivery", lots)
        size = sum(path.stat().st_size for path in (folder / "delivery").iterdir())
        runs: dict[str, list[dict[str, Any]]] = {"read_csv": [], "load": []}
        for _ in range(REPEATS):
            for way, measured in runs.items():
                measured.append(_in_a_process(way, folder))
    for way, measured in runs.items():
        for one in measured:
            if one["rows"] != rows:
                raise ValueError(f"{way} loaded {one['rows']}, of the files' {rows}")
    medians = {way: _median(measured, sum(rows.values())) for way, measured in runs.items()}
    return {
        "lots": lots,
        "rows": rows,
        "megabytes": round(size / 1e6, 1),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "processors": os.cpu_count() or 1,
        "repeats": REPEATS,
        **medians,
        "ratio": round(_seconds(runs["load"]) / _seconds(runs["read_csv"]), 2),
        "ratios": [
            round(ours["seconds"] / theirs["seconds"], 2)
            for ours, theirs in zip(runs["load"], runs["read_csv"], strict=True)
        ],
    }


def write_delivery(folder: Path, lots: int) -> dict[str, int]:
    """Write securities, accounts, positions and tax lots as a custodian would deliver them.

    Returns:
        The number of rows of each file, by entity.
    """
    folder.mkdir(parents=True)
    positions = -(-lots // LOTS_OF_A_POSITION)
    sizes = {
        "securities": SECURITIES,
        "accounts": -(-positions // POSITIONS_OF_AN_ACCOUNT),
        "positions": positions,
        "lots": lots,
        "of_account": POSITIONS_OF_AN_ACCOUNT,
        "of_position": LOTS_OF_A_POSITION,
    }
    counts = {}
    with duckdb.connect() as connection:
        for entity, query in _DELIVERY.items():
            for name in sorted(sizes, key=len, reverse=True):
                query = query.replace(f"${name}", str(sizes[name]))
            path = folder / f"{entity}.csv"
            (counts[entity],) = connection.execute(
                f"copy ({query}) to '{path}' (format csv, header true)"
            ).fetchone() or (0,)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"#rows={counts[entity]},as_of_date={SESSION}\n")
    return counts


def _in_a_process(way: str, folder: Path) -> dict[str, Any]:
    target = folder / "target"
    finished = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "orchestration.load_bench", way, str(folder / "delivery"), target],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
    )
    shutil.rmtree(target, ignore_errors=True)
    if finished.returncode != 0:
        raise ValueError(f"the load by {way} failed: {finished.stderr.strip()}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def _median(runs: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    seconds = _seconds(runs)
    found: dict[str, Any] = {
        "seconds": round(seconds, 2),
        "processor_seconds": round(statistics.median(one["processor_seconds"] for one in runs), 2),
        "rows_per_second": round(rows / seconds),
        "peak_memory_mb": round(statistics.median(one["peak_memory_mb"] for one in runs)),
    }
    for part in runs[0]["parts"]:
        found.setdefault("parts", {})[part] = round(
            statistics.median(one["parts"][part] for one in runs), 2
        )
    return found


def _seconds(runs: list[dict[str, Any]]) -> float:
    return statistics.median(float(one["seconds"]) for one in runs)


def _by_read_csv(delivery: Path, target: Path) -> dict[str, Any]:
    """DuckDB's reader at its best: every cell as text, straight into tables of a file."""
    target.mkdir(parents=True)
    parts = {}
    with Warehouse(target / "warehouse.duckdb").open() as connection:
        for entity in _DELIVERY:
            started = time.perf_counter()
            connection.execute(
                f"create table {entity} as from read_csv('{delivery / entity}.csv', "
                "all_varchar = true, header = true, delim = ',', quote = '\"', comment = '#')"
            )
            parts[entity] = time.perf_counter() - started
        rows = {entity: _count(connection, entity) for entity in _DELIVERY}
    return {"parts": parts, "rows": rows}


def _by_our_load(delivery: Path, target: Path) -> dict[str, Any]:
    """From the landing folder to the raw tables, with the contracts and their checks."""
    from data_contracts.contract import load_contracts
    from data_contracts.suites import check_table
    from orchestration.intake import load_feed, raw_entities, receive_files

    home = Home(target).activate()
    landing = home.landing / SESSION.isoformat() / CUSTODIAN
    landing.parent.mkdir(parents=True)
    landing.symlink_to(delivery, target_is_directory=True)
    warehouse = Warehouse(home.warehouse)
    warehouse.prepare(raw_entities())
    _start_of_the_night(load_contracts()[FEED], check_table)
    parts = {}
    started = time.perf_counter()
    receive_files(home, warehouse, SESSION)
    parts["receive"] = time.perf_counter() - started
    started = time.perf_counter()
    load = load_feed(home, warehouse, FEED, SESSION)
    parts["load"] = time.perf_counter() - started
    if load.violations_by_severity:
        raise ValueError(f"the delivery is not clean: {dict(load.violations_by_severity)}")
    return {"parts": parts, "rows": {entity: load.rows_by_entity[entity] for entity in _DELIVERY}}


def _start_of_the_night(contract: Any, check_table: Any) -> None:
    """Import what every night imports once, whatever the size of its files."""
    import pyarrow as pa

    names = [column.name for column in contract.entity("accounts").columns]
    one = {name: pa.array(["1"]) for name in names} | {"source_row_number": pa.array([2])}
    check_table(contract, "accounts", pa.table(one))


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = connection.execute(f"select count(*) from {table}").fetchone() or (0,)
    return int(count)


def _main(way: str, delivery: str, target: str) -> None:
    measure = {"read_csv": _by_read_csv, "load": _by_our_load}[way]
    found = measure(Path(delivery), Path(target))
    found["seconds"] = sum(found["parts"].values())
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Of the whole process, its start included: it tells the two apart on a machine that others use.
    found["processor_seconds"] = used.ru_utime + used.ru_stime
    # Linux counts kilobytes.
    found["peak_memory_mb"] = used.ru_maxrss / 1024
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
