"""Required minimum distributions of the book against the rules of python_steps.taxes.retirement.

The SQL model computes them for the book; the Python rules, which stand under the published cases,
are written apart from it. Sources: IRC 401(a)(9); Reg. 1.401(a)(9)-9(c); Reg. 1.408-8.
"""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from python_steps.taxes.retirement import (
    UNIFORM_LIFETIME_TABLE,
    RetirementAccount,
    distribution_requirements,
)
from tests.dbt_project.warehouse_fixture import DBT_PROJECT, create_warehouse, query, run_dbt

TONIGHT = date(2026, 11, 19)
TYPES = (
    "traditional_ira", "sep_ira", "simple_ira", "401k", "403b", "roth_ira", "inherited_ira",
)  # fmt: skip
EMPLOYMENTS = ("former_employer", "former_employer", "current_employer", "five_percent_owner", None)
MODELS = ("int_required_distributions__computed", "int_cash_flows__expected")
Row = dict[str, Any]


def _account(account_id: str, person: str, born: str | None, **more: Any) -> Row:
    return {
        "account_id": account_id,
        "person": person,
        "birth_date": date.fromisoformat(born) if born else None,
        "account_type": "traditional_ira",
        "balance": Decimal(100000),
        "distributed": Decimal(0),
        "planned": Decimal(0),
        "planned_by": date(2026, 12, 15),
        "history_from": date(2024, 1, 1),
        "death_date": None,
        "name": account_id,
        "status": "open",
        "in_kind": None,
        "employment": None,
    } | more


def _kind(
    quantity: int, kind: str = "TRANSFER_OUT", amount: Decimal | None = Decimal(0), day: int = 2
) -> tuple[Any, ...]:
    """Shares that leave or enter in kind in March."""
    return (kind, Decimal(quantity), amount, date(2026, 3, day))


def _write(path: Path, accounts: list[Row], later: list[Row]) -> None:
    """Put the accounts into the models that the distributions are computed from."""
    create_warehouse(path)
    tables: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "staging.stg_account_owners": (
            "custodian varchar, account_number varchar, person_id varchar, owner_role varchar",
            [("ALPINE", row["account_id"], row["person"], "owner") for row in accounts],
        ),
        "staging.stg_persons": (
            "custodian varchar, person_id varchar, birth_date date, death_date date",
            sorted(
                {
                    ("ALPINE", row["person"], row["birth_date"], row["death_date"])
                    for row in accounts
                },
                key=lambda row: row[1],
            ),
        ),
        "staging.stg_prior_year_end_balances": (
            "as_of_date date, custodian varchar, account_number varchar, balance_year integer,"
            " balance decimal(24, 6), source_file_id varchar, source_row_number bigint",
            [
                (date(2026, 1, 5), "ALPINE", row["account_id"], year, row["balance"], "f", 2)
                for row in accounts
                for year in (2024, 2025)
                if row["balance"] is not None
            ],
        ),
        "intermediate.int_account_references__resolved": (
            "custodian varchar, account_number varchar, account_id varchar",
            [("ALPINE", row["account_id"], row["account_id"]) for row in accounts],
        ),
        "intermediate.int_accounts__identified": (
            "account_id varchar, household_id varchar, allocation_group_id varchar,"
            " account_name varchar, account_type varchar, account_status varchar,"
            " plan_employment varchar",
            [
                (
                    row["account_id"], "H1", "G1", row["name"], row["account_type"], row["status"],
                    row["employment"],
                )
                for row in accounts
            ],
        ),
        "intermediate.int_transactions__merged": (
            "account_id varchar, transaction_date date, transaction_type varchar,"
            " quantity decimal(28, 10), net_amount decimal(24, 6), security_id varchar,"
            " transaction_key varchar",
            [
                (
                    row["account_id"], date(2026, 3, 2), "WITHDRAWAL", None, -row["distributed"],
                    None, "W",
                )
                for row in accounts
                if row["distributed"]
            ]
            # Neither dividends nor last year's withdrawals count to this year.
            + [
                (row["account_id"], date(2026, 3, 2), "DIVIDEND", None, Decimal(50), None, "D")
                for row in accounts
            ]
            + [
                (row["account_id"], day, kind, quantity, amount, "VTI", f"K{number}")
                for row in accounts
                for number, (kind, quantity, amount, day) in enumerate(row["in_kind"] or ())
            ]
            + [
                (row["account_id"], row["day"], "WITHDRAWAL", None, -row["amount"], None, "L")
                for row in later
            ],
        ),
        "intermediate.int_transactions__coverage": (
            "account_id varchar, history_from_date date",
            [(row["account_id"], row["history_from"]) for row in accounts],
        ),
        "intermediate.int_cash_flows__identified": (
            "cash_flow_id varchar, account_id varchar, household_id varchar,"
            " allocation_group_id varchar, flow_type varchar, amount decimal(24, 6), state varchar,"
            " required_by_date date, recurrence varchar, matched_transaction_id varchar,"
            " is_due boolean, is_open boolean",
            [
                ("CF-" + row["account_id"], row["account_id"], "H1", "G1", "rmd", row["planned"],
                 "planned", row["planned_by"], "annual", None, False, True)
                for row in accounts
                if row["planned"]
            ],
        ),
    }  # fmt: skip
    with duckdb.connect(str(path)) as connection:
        for name, (columns, rows) in tables.items():
            connection.execute(f"create or replace table {name} ({columns})")
            if rows:
                places = ", ".join("?" * len(rows[0]))
                connection.executemany(f"insert into {name} values ({places})", rows)


def _run(path: Path, as_of_date: date = TONIGHT) -> tuple[dict[tuple[str, str, int], Row], Any]:
    run_dbt(path, "seed", "--select", "seed_distribution_periods", as_of_date=as_of_date)
    run_dbt(path, "run", "--select", "int_accounts__owners", *MODELS, as_of_date=as_of_date)
    names = (
        "owner_person_id", "aggregation_group", "tax_year", "required_amount",
        "distributed_amount", "remaining_amount", "due_date", "unknown_reason",
        "distribution_period", "planned_amount",
    )  # fmt: skip
    rows = query(path, f"select {', '.join(names)} from intermediate.{MODELS[0]}")
    found = {row[:3]: dict(zip(names, row, strict=True)) for row in rows}
    flows = query(
        path,
        f"select account_id, amount, required_by_date, is_due from intermediate.{MODELS[1]} "
        "where flow_source = 'required_distribution' order by all",
    )
    return found, flows


def _random_accounts(count: int) -> list[Row]:
    draw = Random(11)  # noqa: S311 - cases, not secrets
    accounts = []
    for number in range(count):
        person = f"P{number // 3:03d}"
        # Not 1952: of a first year of 2025 something would be left, which the rule is not told.
        year = 1925 + (number // 3 * 7) % 45
        born = f"{1951 if year == 1952 else year}-06-15"
        accounts.append(
            _account(
                f"A{number:04d}",
                person,
                born,
                account_type=draw.choice(TYPES),
                balance=None if draw.random() < 0.05 else Decimal(draw.randrange(10**9)) / 100,
                distributed=Decimal(draw.choice((0, 0, 250000, 100000000))) / 100,
                employment=draw.choice(EMPLOYMENTS),
            )
        )
    return accounts


@pytest.fixture(scope="module")
def random_book(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], Any, Any]:
    path = tmp_path_factory.mktemp("distributions") / "warehouse.duckdb"
    accounts = _random_accounts(300)
    _write(path, accounts, [])
    return accounts, *_run(path)


def test_the_seed_is_the_table_of_the_rules() -> None:
    with (DBT_PROJECT / "seeds" / "seed_distribution_periods.csv").open(encoding="utf-8") as file:
        rows = {int(row["age"]): row["distribution_period"] for row in csv.DictReader(file)}
    assert rows == {age: str(period) for age, period in UNIFORM_LIFETIME_TABLE.items()}


def test_the_book_agrees_with_the_rules_on_every_owner_and_group(
    random_book: tuple[list[Row], Any, Any],
) -> None:
    accounts, rows, _ = random_book
    found = dict(rows)
    expected = distribution_requirements(
        [
            RetirementAccount(
                row["account_id"], row["account_type"], row["person"], row["birth_date"],
                row["balance"], row["distributed"], row["employment"],
            )
            for row in accounts
        ],
        2026,
    )  # fmt: skip
    compared = 0
    for rule in expected:
        row = found.pop((rule.owner_person_id, rule.group, 2026), None)
        if rule.required is None and rule.due is None and row is None:
            continue  # not of age yet, or of age with an unknown balance of one not of age
        assert row is not None, rule
        if rule.reason is not None:
            assert row["required_amount"] is None or row["unknown_reason"], rule
            continue
        assert row["required_amount"] == rule.required, rule
        assert row["remaining_amount"] == rule.remaining, rule
        assert row["due_date"] == rule.due, rule
        compared += 1
    assert not [key for key in found if key[2] == 2026]
    assert compared > 60


def test_what_is_left_becomes_flows_that_add_up_to_the_cent(
    random_book: tuple[list[Row], Any, Any],
) -> None:
    accounts, found, flows = random_book
    owner_and_group = {
        row["account_id"]: (
            row["person"],
            f"plan:{row['account_id']}"
            if row["account_type"] == "401k"
            else "403b"
            if row["account_type"] == "403b"
            else "ira",
        )
        for row in accounts
    }
    sums: dict[tuple[str, str], Decimal] = {}
    for account_id, amount, required_by, is_due in flows:
        key = owner_and_group[account_id]
        sums[key] = sums.get(key, Decimal(0)) + amount
        assert amount > 0
        assert (required_by, is_due) in ((date(2026, 12, 31), False), (date(2027, 4, 1), False))
    left = {
        key[:2]: row["remaining_amount"]
        for key, row in found.items()
        if row["remaining_amount"] and not row["unknown_reason"]
    }
    assert sums == left


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("cases") / "warehouse.duckdb"
    # fmt: off
    accounts = [
        # Born 1950: age 76 in 2026, period 23.7.
        _account("PLANNED", "P1", "1950-05-01", balance=Decimal(237000), planned=Decimal(4000)),
        _account("NO HISTORY", "P2", "1950-05-01", history_from=date(2026, 3, 1)),
        _account("DIED", "P3", "1950-05-01", death_date=date(2026, 2, 1)),
        _account("NO BIRTH DATE", "P4", None),
        _account("YOUNG", "P5", "1990-05-01"),
        _account("INHERITED", "P6", "1990-05-01", account_type="inherited_ira"),
        # Born 1953: 73 in 2026, the first year, due on 1 April 2027.
        _account("FIRST YEAR", "P7", "1953-05-01", balance=Decimal(265000)),
        # The same, and the firm has planned it for the spring.
        _account(
            "SPRING", "P8", "1953-05-01", balance=Decimal(265000), planned=Decimal(10000),
            planned_by=date(2027, 3, 15),
        ),
        # Closed in the year: 237,000 / 23.7 = 10,000 beside the 10,000 of the other; 10,000 taken.
        _account(
            "CLOSED", "P9", "1950-05-01", balance=Decimal(237000), distributed=Decimal(10000),
            status="closed",
        ),
        _account("OPEN", "PA", "1950-05-01", balance=Decimal(237000)),
        _account("SHUT", "PA", "1950-05-01", balance=Decimal(237000), status="closed"),
        _account("LONG SHUT", "PB", "1950-05-01", balance=None, status="closed"),
        _account("TOOK SHARES", "PC", "1950-05-01", in_kind=[_kind(-5, "WITHDRAWAL", None)]),
        _account("MOVED", "PD", "1950-05-01", in_kind=[_kind(-5)]),
        # 60 shares went from one IRA to another, at another custodian a week later.
        _account("FROM", "PF", "1950-05-01", balance=Decimal(237000), in_kind=[_kind(-60)]),
        _account(
            "TO", "PF", "1950-05-01", balance=None, account_type="sep_ira",
            in_kind=[_kind(60, "TRANSFER_IN", day=9)],
        ),
        # To the spouse's IRA, to a plan, another quantity, too late, and twice out for once in.
        _account("TO SPOUSE", "PG", "1950-05-01", in_kind=[_kind(-60)]),
        _account("SPOUSE", "PH", "1990-05-01", in_kind=[_kind(60, "TRANSFER_IN")]),
        _account("TO PLAN", "PI", "1950-05-01", in_kind=[_kind(-60)]),
        _account(
            "PLAN", "PI", "1950-05-01", account_type="401k", employment="current_employer",
            in_kind=[_kind(60, "TRANSFER_IN")],
        ),
        _account("FEWER", "PJ", "1950-05-01", in_kind=[_kind(-60)]),
        _account("FEWER IN", "PJ", "1950-05-01", in_kind=[_kind(59, "TRANSFER_IN")]),
        _account("LATE", "PK", "1950-05-01", in_kind=[_kind(-60)]),
        _account("LATE IN", "PK", "1950-05-01", in_kind=[_kind(60, "TRANSFER_IN", day=13)]),
        _account("TWICE", "PL", "1950-05-01", in_kind=[_kind(-60), _kind(-60, day=3)]),
        _account("ONCE IN", "PL", "1950-05-01", in_kind=[_kind(60, "TRANSFER_IN")]),
        # Two like moves of one day are two moves.
        _account("BOTH", "PM", "1950-05-01", balance=Decimal(237000),
                 in_kind=[_kind(-60), _kind(-60)]),
        _account("BOTH IN", "PM", "1950-05-01", balance=Decimal(237000),
                 in_kind=[_kind(60, "TRANSFER_IN"), _kind(60, "TRANSFER_IN")]),
        _account("WORK UNKNOWN", "PN", "1950-05-01", account_type="401k"),
        _account("WORKING", "PO", "1950-05-01", account_type="401k", employment="current_employer"),
        _account(
            "SCHOOL", "PP", "1950-05-01", account_type="403b", balance=Decimal(237000),
            employment="former_employer", distributed=Decimal(4000),
        ),
        _account(
            "COLLEGE", "PP", "1950-05-01", account_type="403b", balance=Decimal(474000),
            employment="former_employer",
        ),
        _account(
            "HOSPITAL", "PP", "1950-05-01", account_type="403b", balance=None,
            employment="current_employer",
        ),
        _account("NAMELESS", "PE", "1950-05-01", balance=None, name=None),
    ]
    # fmt: on
    _write(path, accounts, [])
    # A session's second row of one file about the same year is what was said last.
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update staging.stg_prior_year_end_balances "
            "set balance = 1000000, source_row_number = 1 where account_number = 'PLANNED'"
        )
        connection.execute(
            "insert into staging.stg_prior_year_end_balances values "
            "('2026-01-05', 'ALPINE', 'PLANNED', 2025, 237000, 'f', 2)"
        )
    return _run(path)


def test_only_what_the_firm_has_not_planned_becomes_a_flow(cases: Any) -> None:
    found, flows = cases
    assert found["P1", "ira", 2026]["required_amount"] == 10000
    others = {"BOTH", "BOTH IN", "SCHOOL", "COLLEGE"}
    assert [flow for flow in flows if flow[0] not in others] == [
        ("FIRST YEAR", 10000, date(2027, 4, 1), False),
        ("OPEN", 20000, date(2026, 12, 31), False),
        ("PLANNED", 6000, date(2026, 12, 31), False),
    ]


def test_a_closed_account_counts_by_its_balance_and_by_what_was_taken_from_it(cases: Any) -> None:
    found, _ = cases
    closed = found["P9", "ira", 2026]
    assert (closed["required_amount"], closed["remaining_amount"]) == (10000, 0)
    assert found["PA", "ira", 2026]["required_amount"] == 20000
    assert ("PB", "ira", 2026) not in found


def test_shares_that_move_between_accounts_of_one_group_are_no_distribution(cases: Any) -> None:
    """IRC 408(d)(3)(A) and Rev. Rul. 78-406: what goes from trustee to trustee is not paid out."""
    found, _ = cases
    for owner in ("PF", "PM"):
        row = found[owner, "ira", 2026]
        assert row["unknown_reason"] is None or "balance" in row["unknown_reason"]
        assert row["distributed_amount"] == 0
    assert found["PM", "ira", 2026]["remaining_amount"] == 20000


def test_a_plan_of_the_employer_one_works_for_requires_nothing_yet(cases: Any) -> None:
    found, flows = cases
    assert not [key for key in found if key[0] == "PO"]
    assert ("PI", "plan:PLAN", 2026) not in found
    annuities = found["PP", "403b", 2026]
    # 237,000 / 23.7 + 474,000 / 23.7, wherever it is taken: Reg. 1.403(b)-6(e)(7).
    assert (annuities["required_amount"], annuities["remaining_amount"]) == (30000, 26000)
    assert sum(amount for account, amount, *_ in flows if account in ("SCHOOL", "COLLEGE")) == 26000
    assert not [flow for flow in flows if flow[0] == "HOSPITAL"]


@pytest.mark.parametrize(
    ("owner", "group", "reason"),
    [
        ("P2", "ira", "transactions are not known from 1 January 2026"),
        ("P3", "ira", "the owner has died"),
        ("P4", "ira", "the owner's birth date is not known"),
        ("P6", "inherited:INHERITED", "set by the firm"),
        ("PC", "ira", "something without a stated value left TOOK SHARES in 2026"),
        ("PD", "ira", "something without a stated value left MOVED in 2026"),
        ("PE", "ira", "not known for an account without a name"),
        ("PG", "ira", "something without a stated value left TO SPOUSE in 2026"),
        ("PI", "ira", "something without a stated value left TO PLAN in 2026"),
        ("PJ", "ira", "something without a stated value left FEWER in 2026"),
        ("PK", "ira", "something without a stated value left LATE in 2026"),
        ("PL", "ira", "something without a stated value left TWICE in 2026"),
        ("PN", "plan:WORK UNKNOWN", "the owner still works for the employer of WORK UNKNOWN is"),
    ],
)
def test_what_cannot_be_known_says_why(cases: Any, owner: str, group: str, reason: str) -> None:
    row = cases[0][owner, group, 2026]
    assert reason in row["unknown_reason"]
    assert row["remaining_amount"] is None


def test_an_unknown_age_has_no_distribution_period(cases: Any) -> None:
    assert cases[0]["P4", "ira", 2026]["distribution_period"] is None


def test_what_is_planned_by_april_is_the_first_distribution_and_then_the_second(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.duckdb"
    # Of 10,000 for 2026 4,000 were taken; of the 10,000 planned for March 4,000 are of 2027.
    account = _account(
        "A", "P1", "1953-05-01", balance=Decimal(265000), distributed=Decimal(4000),
        planned=Decimal(10000), planned_by=date(2027, 3, 15),
    )  # fmt: skip
    _write(path, [account], [])
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into staging.stg_prior_year_end_balances "
            "select '2027-01-04', custodian, account_number, 2026, balance, 'g', 2 "
            "from staging.stg_prior_year_end_balances where balance_year = 2025"
        )
    found, flows = _run(path, date(2027, 2, 18))
    assert found["P1", "ira", 2026]["remaining_amount"] == 6000
    assert found["P1", "ira", 2026]["planned_amount"] == 6000
    assert found["P1", "ira", 2027]["planned_amount"] == 4000
    assert flows == [("A", Decimal("6392.16"), date(2027, 12, 31), False)]


def test_who_is_not_of_age_takes_nothing(cases: Any) -> None:
    assert ("P5", "ira", 2026) not in cases[0]


def test_a_first_distribution_is_open_until_april_and_is_taken_before_the_second(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.duckdb"
    # 73 in 2026: 265,000 / 26.5 = 10,000 for 2026; at 74 in 2027 265,000 / 25.5 = 10,392.16.
    accounts = [_account("A", "P1", "1953-05-01", balance=Decimal(265000))]
    accounts[0]["distributed"] = Decimal(4000)
    _write(path, accounts, [{"account_id": "A", "day": date(2027, 2, 1), "amount": Decimal(7500)}])
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into staging.stg_prior_year_end_balances "
            "select '2027-01-04', custodian, account_number, 2026, balance, 'g', 2 "
            "from staging.stg_prior_year_end_balances where balance_year = 2025"
        )
    found, flows = _run(path, date(2027, 2, 18))
    first, second = found["P1", "ira", 2026], found["P1", "ira", 2027]
    assert (first["required_amount"], first["remaining_amount"]) == (10000, 0)
    assert first["distributed_amount"] == 10000
    assert (second["required_amount"], second["distributed_amount"]) == (Decimal("10392.16"), 1500)
    assert flows == [("A", Decimal("8892.16"), date(2027, 12, 31), False)]
    # After 1 April the first year is not asked for any more.
    assert ("P1", "ira", 2026) not in _run(path, date(2027, 4, 5))[0]
