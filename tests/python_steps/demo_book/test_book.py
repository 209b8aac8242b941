"""What the demo book promises as a whole: the same for the same seed, complete, consistent."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal

import pytest

from python_steps.demo_book.book import (
    DEMO_HOUSEHOLDS,
    DEMO_SEED,
    DEMO_SESSION,
    DIRTY_CASES,
    demo_files,
    demo_household,
)
from python_steps.demo_book.market import demo_market
from python_steps.demo_book.policy_files import POLICY_COLUMNS
from python_steps.demo_book.standard_feed import STANDARD_COLUMNS
from tests.python_steps.demo_book.conftest import (
    HOUSEHOLDS,
    SESSIONS,
    STANDARD_FOLDERS,
    Book,
    number,
)


def digest(households: int, seed: int, sessions: tuple[date, ...] = (DEMO_SESSION,)) -> str:
    found = hashlib.sha256()
    for path, content in demo_files(households=households, seed=seed, sessions=sessions):
        found.update(path.encode() + b"\0" + content + b"\0")
    return found.hexdigest()


def test_same_seed_gives_the_same_bytes() -> None:
    assert digest(14, 7) == digest(14, 7)


def test_another_seed_gives_another_book() -> None:
    assert digest(14, 7) != digest(14, 8)


def test_a_session_is_the_same_alone_and_among_others(book: Book) -> None:
    alone = dict(demo_files(households=HOUSEHOLDS, seed=DEMO_SEED, sessions=[SESSIONS[1]]))
    among = {p: c for p, c in book.files.items() if p.startswith(SESSIONS[1].isoformat())}
    assert alone == among


def test_a_household_does_not_depend_on_how_many_there_are(book: Book) -> None:
    small = Book(dict(demo_files(households=9, seed=DEMO_SEED, sessions=[DEMO_SESSION])))
    for folder in ("alpine", "summit"):
        of_small = small.rows(DEMO_SESSION, folder, "tax_lots")
        assert of_small
        assert of_small == book.rows(DEMO_SESSION, folder, "tax_lots")[: len(of_small)]


@pytest.mark.parametrize("households", [2, 3, 25])
def test_there_are_exactly_as_many_households_as_asked(households: int) -> None:
    files = dict(demo_files(households=households, seed=3, sessions=[DEMO_SESSION]))
    rows = Book(files).rows(DEMO_SESSION, "policy", "households")
    ids = [row["household_id"] for row in rows]
    assert len(ids) == len(set(ids)) == households
    assert ids[:2] == ["HH-GARCIA", "HH-THOMPSON"]
    assert [row["household_name"] for row in rows[:2]] == ["Garcia", "Thompson"]


def test_fewer_than_two_households_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 households, not 1"):
        list(demo_files(households=1, seed=7, sessions=[DEMO_SESSION]))


def test_a_day_without_a_session_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-11-21 is not a session"):
        list(demo_files(households=2, seed=7, sessions=[date(2026, 11, 21)]))


def test_named_households_are_the_same_under_every_seed() -> None:
    market = demo_market()
    for household in (1, 2):
        lots = [
            [
                position.open_lots(market.demo_index)
                for account in demo_household(household, seed).accounts
                for position in account.positions
            ]
            for seed in (7, 8)
        ]
        assert lots[0] == lots[1]


def test_headers_are_exactly_the_canonical_columns(book: Book) -> None:
    checked = Counter[str]()
    for path, content in book.files.items():
        _, folder, name = path.split("/")
        if folder in ("ibkr", "schwab", "harbor_trust"):
            continue
        columns = (POLICY_COLUMNS if folder == "policy" else STANDARD_COLUMNS)[name[:-4]]
        assert content.split(b"\n", 1)[0].decode() == ",".join(columns), path
        checked[folder] += 1
    assert checked["policy"] == len(POLICY_COLUMNS) * len(SESSIONS)
    assert checked["alpine"] == len(STANDARD_COLUMNS) * len(SESSIONS)


def test_last_line_states_rows_and_session(book: Book) -> None:
    for folder in ("alpine", "summit", "policy"):
        for path, content in book.files.items():
            session, in_folder, _ = path.split("/")
            if in_folder == folder:
                *rows, last = content.decode().splitlines()[1:]
                assert last == f"#rows={len(rows)},as_of_date={session}", path


def test_every_policy_entity_has_rows(book: Book) -> None:
    for entity in POLICY_COLUMNS:
        assert book.rows(DEMO_SESSION, "policy", entity), entity


def test_every_account_of_a_custodian_has_settings_and_the_reverse(book: Book) -> None:
    settings = {
        (row["custodian"], row["account_number"])
        for row in book.rows(DEMO_SESSION, "policy", "account_settings")
    }
    listed = {
        (folder.upper(), row["account_number"])
        for folder in STANDARD_FOLDERS
        for row in book.rows(DEMO_SESSION, folder, "accounts")
    }
    elsewhere = {one for one in settings if one[0] in ("IBKR", "SCHWAB")}
    assert listed | elsewhere == settings
    assert len({number for _, number in settings}) == len(settings)


def test_policy_rows_refer_to_what_exists(book: Book) -> None:
    def keys(entity: str, column: str) -> set[str]:
        return {row[column] for row in book.rows(DEMO_SESSION, "policy", entity)}

    households, groups = (
        keys("households", "household_id"),
        keys("allocation_groups", "allocation_group_id"),
    )
    assert keys("account_settings", "household_id") == households
    assert keys("account_settings", "allocation_group_id") - {""} == groups
    assert keys("ips_targets", "allocation_group_id") == groups
    assert keys("account_settings", "tax_unit_id") == keys("tax_profiles", "tax_unit_id")
    assert keys("account_settings", "permitted_list") - {""} <= keys(
        "permitted_securities", "permitted_list"
    )
    assert keys("cash_flows", "account_number") <= keys("account_settings", "account_number")


def test_restrictions_name_accounts_lots_and_people_that_exist(book: Book) -> None:
    accounts = {
        f"{row['custodian']}:{row['account_number']}"
        for row in book.rows(DEMO_SESSION, "policy", "account_settings")
    }
    lots = {
        f"ALPINE:{row['account_number']}:{row['source_lot_id']}"
        for row in book.rows(DEMO_SESSION, "alpine", "tax_lots")
    }
    persons = {row["person_id"] for row in book.standard_rows(DEMO_SESSION, "persons")}
    households = {row["household_id"] for row in book.rows(DEMO_SESSION, "policy", "households")}
    known = {"account": accounts, "lot": lots, "person": persons, "household": households}
    rows = book.rows(DEMO_SESSION, "policy", "restrictions")
    assert len({row["restriction_id"] for row in rows}) == len(rows)
    for row in rows:
        if row["scope"] in known:
            assert row["scope_id"] in known[row["scope"]], row


def test_distributions_are_required_of_the_old_only(book: Book) -> None:
    births = {
        row["person_id"]: date.fromisoformat(row["birth_date"])
        for row in book.standard_rows(DEMO_SESSION, "persons")
    }
    owners = {
        row["account_number"]: births[row["person_id"]]
        for row in book.standard_rows(DEMO_SESSION, "account_owners")
        if row["owner_role"] == "owner"
    }
    stated = {
        row["account_number"]: number(row["balance"])
        for row in book.standard_rows(DEMO_SESSION, "prior_year_end_balances")
        if row["balance_year"] == "2025"
    }
    flows = book.rows(DEMO_SESSION, "policy", "cash_flows")
    required = [row for row in flows if row["flow_type"] == "rmd"]
    assert len(required) >= 3
    for row in required:
        assert owners[row["account_number"]].year <= 1953
        share = number(row["amount"]) / stated[row["account_number"]]
        assert Decimal("0.037") < share < Decimal("0.1"), row


def test_class_targets_in_force_sum_to_one(book: Book) -> None:
    for session in SESSIONS:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in book.rows(session, "policy", "ips_targets"):
            in_force = row["valid_from"] <= session.isoformat() and (
                not row["valid_to"] or session.isoformat() <= row["valid_to"]
            )
            if row["target_level"] == "class" and in_force:
                sums[row["allocation_group_id"]] += number(row["target_weight"])
        assert sums
        assert set(sums.values()) == {Decimal(1)}


@pytest.mark.parametrize(
    ("entity", "column", "values"),
    [
        ("restrictions", "restriction_type",
         {"hold", "sell_only", "no_gains", "do_not_buy", "esg", "lockup", "blackout",
          "concentration_cap"}),
        ("restrictions", "scope", {"firm", "household", "person", "account", "issuer", "lot"}),
        ("cash_flows", "flow_type",
         {"contribution", "withdrawal", "rmd", "fee", "capital_call", "income_distribution"}),
        ("cash_flows", "state", {"planned", "requested", "posted", "cancelled"}),
        ("ips_targets", "target_level", {"class", "sub_class", "security"}),
        ("ips_targets", "band_rule", {"tighter", "looser"}),
        ("households", "report_language", {"en", "zh-Hans"}),
        ("account_settings", "account_type",
         {"taxable_individual", "taxable_joint", "trust", "utma", "traditional_ira", "roth_ira",
          "sep_ira", "inherited_ira", "401k", "hsa"}),
        ("account_settings", "account_status",
         {"open", "frozen", "legal_hold", "deceased", "pledged", "transferring"}),
        ("account_settings", "custodian",
         {"ALPINE", "SUMMIT", "HARBOR", "RIDGE", "MESA", "IBKR", "SCHWAB", "HARBOR_TRUST"}),
        ("tax_profiles", "filing_status", {"single", "MFJ", "MFS", "HoH"}),
    ],
)  # fmt: skip
def test_every_value_occurs(book: Book, entity: str, column: str, values: set[str]) -> None:
    rows = book.rows(DEMO_SESSION, "policy", entity)
    assert {row[column] for row in rows} == values


def test_sizes_are_those_of_an_advisers_book() -> None:
    """About four accounts, 44 positions and 165 taxable lots a household."""
    demo = demo_market().demo_index
    book = [demo_household(number, DEMO_SEED) for number in range(3, DEMO_HOUSEHOLDS + 1)]
    accounts = [account for household in book for account in household.accounts]
    held = [
        (account.is_taxable, len(lots))
        for account in accounts
        for position in account.positions
        if (lots := position.open_lots(demo))
    ]
    assert 3.8 < len(accounts) / len(book) < 4.8
    assert 40 < len(held) / len(book) < 50
    assert 145 < sum(lots for taxable, lots in held if taxable) / len(book) < 185


def test_garcia_holds_two_point_four_million_in_four_accounts(book: Book) -> None:
    accounts = book.accounts_of("HH-GARCIA")
    settings = book.rows(DEMO_SESSION, "policy", "account_settings")
    types = [row["account_type"] for row in settings if row["household_id"] == "HH-GARCIA"]
    assert types == ["taxable_joint", "traditional_ira", "roth_ira", "401k"]
    value = sum(
        number(row[column])
        for entity, column in (
            ("positions", "market_value"),
            ("cash_balances", "trade_date_balance"),
        )
        for row in book.standard_rows(DEMO_SESSION, entity)
        if row["account_number"] in accounts
    )
    assert 2_380_000 < value < 2_420_000


def test_thompson_waits_for_a_contribution(book: Book) -> None:
    accounts = book.accounts_of("HH-THOMPSON")
    flows = book.rows(DEMO_SESSION, "policy", "cash_flows")
    (flow,) = (row for row in flows if row["account_number"] in accounts)
    assert (flow["flow_type"], flow["state"]) == ("contribution", "requested")
    assert DEMO_SESSION < date.fromisoformat(flow["required_by_date"]) <= date(2026, 12, 4)


def test_unusual_data_never_touches_the_named_households(book: Book) -> None:
    assert not {"HH-GARCIA", "HH-THOMPSON"} & set(DIRTY_CASES)
    assert len(DIRTY_CASES) == len({what for what, _ in DIRTY_CASES.values()})
