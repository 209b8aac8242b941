"""From the landing folder to raw tables: archived, loaded once, refused with a reason."""

from __future__ import annotations

from datetime import date

import pytest

from orchestration.home import Home
from orchestration.intake import landed_files, load_feed, raw_entities, receive_files
from orchestration.warehouse import Warehouse

DAY = date(2026, 11, 19)

HEADER = "account_number,account_title,base_currency"


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("EVENKEEL_DATA", "EVENKEEL_WAREHOUSE", "DAGSTER_HOME", "DBT_LOG_PATH"):
        monkeypatch.setenv(name, "set by the fixture, put back afterwards")
    return Home(tmp_path / "data").activate()


@pytest.fixture
def warehouse(home):
    made = Warehouse(home.warehouse)
    made.prepare(raw_entities())
    return made


def land(home, relative, text):
    target = home.landing / DAY.isoformat() / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def accounts_file(*numbers, as_of=DAY):
    rows = "".join(f"{number},Account {number},USD\n" for number in numbers)
    return f"{HEADER}\n{rows}#rows={len(numbers)},as_of_date={as_of.isoformat()}\n"


def load(home, warehouse, feed="standard_feed"):
    receive_files(home, warehouse, DAY)
    return load_feed(home, warehouse, feed, DAY)


def loaded_accounts(warehouse):
    rows = warehouse.read(
        "select custodian, account_number, source_row_number from raw.accounts order by all"
    )
    return [tuple(row.values()) for row in rows.to_pylist()]


def violations(warehouse):
    return warehouse.read(
        "select rule, severity, scope, file_name, message from ops.contract_violations order by all"
    ).to_pylist()


def test_the_names_of_all_rules_are_told_for_people_who_decide_about_one(home, warehouse):
    for _ in range(2):
        receive_files(home, warehouse, DAY)
    rules = warehouse.read("select rule from ops.contract_rules")["rule"].to_pylist()
    assert rules == sorted(set(rules))
    assert {
        "account_in_one_file",
        "quantity_is_present",
        "identifier_means_one_security",
    } <= set(rules)


def test_rows_arrive_as_text_with_custodian_file_and_line(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("0012", "7"))
    assert load(home, warehouse).rows_by_entity["accounts"] == 2
    assert loaded_accounts(warehouse) == [("ALPINE", "0012", 2), ("ALPINE", "7", 3)]


def test_loading_the_same_file_twice_changes_nothing(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1", "2"))
    load(home, warehouse)
    first = warehouse.read("select * from raw.accounts order by all")
    load(home, warehouse)
    assert warehouse.read("select * from raw.accounts order by all").equals(first)


def test_a_changed_file_replaces_the_rows_of_its_session(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1", "2"))
    load(home, warehouse)
    land(home, "alpine/accounts.csv", accounts_file("3"))
    load(home, warehouse)
    assert loaded_accounts(warehouse) == [("ALPINE", "3", 2)]


def test_a_withdrawn_file_leaves_no_rows(home, warehouse):
    path = land(home, "alpine/accounts.csv", accounts_file("1"))
    load(home, warehouse)
    path.unlink()
    load(home, warehouse)
    assert loaded_accounts(warehouse) == []


def test_bytes_are_archived_by_their_hash_and_never_changed(home, warehouse):
    path = land(home, "alpine/accounts.csv", accounts_file("1"))
    receive_files(home, warehouse, DAY)
    archived = [file for file in home.archive.rglob("*") if file.is_file()]
    assert [file.read_bytes() for file in archived] == [path.read_bytes()]
    assert archived[0].stat().st_mode & 0o277 == 0


def test_the_same_bytes_from_two_custodians_are_two_deliveries(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1"))
    land(home, "summit/accounts.csv", accounts_file("1"))
    summary = load(home, warehouse)
    assert summary.duplicate_files == 0
    assert [row[0] for row in loaded_accounts(warehouse)] == ["ALPINE", "SUMMIT"]


def test_an_unknown_file_is_named_and_the_rest_is_loaded(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1"))
    land(home, "alpine/holiday-photos.txt", "nothing of ours")
    assert load(home, warehouse).rows_by_entity["accounts"] == 1
    found = violations(warehouse)
    assert [(row["severity"], row["scope"], row["file_name"]) for row in found] == [
        ("block", "feed", "holiday-photos.txt")
    ]
    assert "holiday-photos.txt" in found[0]["message"]


def test_a_file_of_another_session_is_refused_with_both_dates(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1", as_of=date(2026, 11, 18)))
    summary = load(home, warehouse)
    assert summary.quarantined_files == 1
    assert loaded_accounts(warehouse) == []
    (found,) = [row for row in violations(warehouse) if row["severity"] == "block"]
    assert "2026-11-18" in found["message"]
    assert "2026-11-19" in found["message"]


def test_a_truncated_file_is_refused_with_both_counts(home, warehouse):
    whole = accounts_file("1", "2", "3")
    land(home, "alpine/accounts.csv", whole.replace("2,Account 2,USD\n", ""))
    assert load(home, warehouse).quarantined_files == 1
    (found,) = [row for row in violations(warehouse) if row["severity"] == "block"]
    assert "3 rows" in found["message"]


def test_hidden_and_partial_files_are_left_alone(home):
    land(home, "alpine/.accounts.csv.swp", "x")
    land(home, "alpine/accounts.csv.part", "x")
    land(home, "alpine/accounts.csv", accounts_file("1"))
    assert [path.name for path in landed_files(home, DAY)] == ["accounts.csv"]


def cash_file(*rows):
    header = "account_number,currency,trade_date_balance,settlement_date_balance"
    lines = "".join(f"{number},USD,{amount},{amount}\n" for number, amount in rows)
    return f"{header}\n{lines}#rows={len(rows)},as_of_date={DAY.isoformat()}\n"


def test_a_corrected_file_under_another_name_does_not_count_twice_in_silence(home, warehouse):
    land(home, "alpine/cash_balances.csv", cash_file(("A1", "100.00"), ("A2", "5.00")))
    land(home, "alpine/cash_balances_20261119.csv", cash_file(("A1", "101.00")))
    land(home, "summit/cash_balances.csv", cash_file(("A1", "7.00")))
    load(home, warehouse)
    found = [each for each in violations(warehouse) if each["rule"] == "account_in_one_file"]
    assert [(each["file_name"], each["severity"], each["scope"]) for each in found] == [
        ("cash_balances.csv", "block", "account"),
        ("cash_balances_20261119.csv", "block", "account"),
    ]
    for each in found:
        assert "cash balances of account A1 (row 2) also in cash_balances" in each["message"]
        assert "take the others out" in each["message"]


def test_an_account_in_two_files_is_one_exception_of_each_not_one_of_each_row(home, warehouse):
    header = "account_number,ticker,long_short,quantity,market_value,currency"
    rows = [f"A{n % 2},T{n},LONG,1,10,USD" for n in range(14)]
    for name, value in (("positions.csv", "10"), ("positions_20261119.csv", "11")):
        lines = [header, *(row.replace(",10,", f",{value},") for row in rows)]
        land(home, f"alpine/{name}", "\n".join([*lines, "#rows=14,as_of_date=2026-11-19", ""]))
    load(home, warehouse)
    found = [each for each in violations(warehouse) if each["rule"] == "account_in_one_file"]
    assert [each["file_name"] for each in found] == ["positions.csv"] * 2 + [
        "positions_20261119.csv"
    ] * 2
    assert "of account A0 (row 2, 4, 6, 8, 10 and 2 more) also in" in found[0]["message"]


def files_told(warehouse, day=DAY):
    rows = warehouse.read(
        "select file_name, status, row_count, replaced_by from ops.source_files "
        "where as_of_date = $1 order by all",
        [day],
    ).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_a_copy_of_a_file_is_recorded_and_told_with_both_names(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1", "2"))
    land(home, "alpine/accounts_20261119.csv", accounts_file("1", "2"))
    assert load(home, warehouse).duplicate_files == 1
    assert files_told(warehouse) == [
        ("accounts.csv", "LOADED", 2, None),
        ("accounts_20261119.csv", "DUPLICATE", 0, "accounts.csv"),
    ]
    assert [row[1] for row in loaded_accounts(warehouse)] == ["1", "2"]
    (found,) = [row for row in violations(warehouse) if row["severity"] != "info"]
    assert (found["rule"], found["severity"]) == ("file_is_not_a_duplicate", "warn")
    assert found["message"].startswith("accounts_20261119.csv: rule file_is_not_a_duplicate")
    assert "the file accounts.csv" in found["message"]


def test_a_copy_under_a_name_that_no_feed_knows_is_a_copy_and_not_an_unknown_file(home, warehouse):
    land(home, "alpine/accounts.csv", accounts_file("1", "2"))
    land(home, "alpine/accounts (1).csv", accounts_file("1", "2"))
    assert load(home, warehouse).duplicate_files == 1
    assert files_told(warehouse) == [
        ("accounts (1).csv", "DUPLICATE", 0, "accounts.csv"),
        ("accounts.csv", "LOADED", 2, None),
    ]
    assert [row["rule"] for row in violations(warehouse) if row["severity"] != "info"] == [
        "file_is_not_a_duplicate"
    ]


def test_yesterdays_bytes_under_todays_date_are_told_with_name_and_session(home, warehouse):
    undated = cash_file(("A1", "100.00")).split("#")[0]
    land(home, "alpine/cash_balances.csv", undated)
    load(home, warehouse)
    next_day = date(2026, 11, 20)
    folder = home.landing / next_day.isoformat() / "alpine"
    folder.mkdir(parents=True)
    (folder / "cash.csv").write_text("not of this feed", encoding="utf-8")
    (folder / "cash_balances_20261120.csv").write_text(undated, encoding="utf-8")
    receive_files(home, warehouse, next_day)
    load_feed(home, warehouse, "standard_feed", next_day)
    told = {row["rule"]: row for row in violations(warehouse)}
    found = told["file_is_not_of_an_earlier_session"]
    assert found["severity"] == "warn"
    assert "the file cash_balances.csv of 2026-11-19" in found["message"]
    assert files_told(warehouse, next_day) == [("cash_balances_20261120.csv", "LOADED", 1, None)]
    # The first of the two stays what it was, whenever its night is run again.
    load(home, warehouse)
    told = [row for row in violations(warehouse) if row["rule"] == found["rule"]]
    assert [row["file_name"] for row in told] == ["cash_balances_20261120.csv"]


def test_a_later_download_supersedes_the_earlier_one_of_the_same_account(home, warehouse):
    from tests.python_steps.feeds.files import HOLDINGS, SCHWAB_2025, schwab_single

    for clock, name in (("06:30 PM", "a.csv"), ("04:05 PM", "b.csv")):
        title = f"Positions for account Individual ...234 as of {clock} ET, 2026/11/19"
        land(home, f"schwab/{name}", schwab_single(SCHWAB_2025, title))
    summary = load(home, warehouse, "schwab_positions")
    assert summary.rows_by_entity["positions"] == len(HOLDINGS)
    assert files_told(warehouse) == [
        ("a.csv", "LOADED", 6, None),
        ("b.csv", "SUPERSEDED", 0, "a.csv"),
    ]
    assert [(row["rule"], row["severity"]) for row in violations(warehouse)] == [
        ("file_is_the_latest_of_its_accounts", "info")
    ]
    entities = warehouse.read(
        "select distinct source_file_id from ops.file_entities "
        "inner join ops.source_files using (source_file_id) where status <> 'LOADED'"
    )
    assert entities.num_rows == 0


def test_a_corrected_file_under_another_name_settles_the_refused_one(home, warehouse):
    whole = accounts_file("1", "2", "3")
    land(home, "alpine/accounts.csv", whole.replace("2,Account 2,USD\n", ""))
    assert load(home, warehouse).quarantined_files == 1
    assert "block" in {row["severity"] for row in violations(warehouse)}
    land(home, "alpine/accounts_20261119.csv", whole)
    load(home, warehouse)
    assert files_told(warehouse) == [
        ("accounts.csv", "QUARANTINED", 0, "accounts_20261119.csv"),
        ("accounts_20261119.csv", "LOADED", 3, None),
    ]
    assert {row["severity"] for row in violations(warehouse)} == {"info"}


def test_messages_for_logs_and_events_show_no_whole_account_number(home, warehouse):
    header = "account_number,cusip,ticker,long_short,quantity,market_value,currency"
    rows = ["41000020,,VTI,LONG,1,10,USD", "41000020,,VTI,LONG,1,10,USD", "41000021,,,LONG,x,1,USD"]
    land(home, "alpine/positions.csv", "\n".join([header, *rows, "41000022,VTI", ""]))
    summary = load(home, warehouse)
    told = " ".join(summary.messages)
    assert "XXXX0020" in told
    assert "4100002" not in told
    # The working tables keep the number: what a message is about must be found again.
    kept = warehouse.read("select distinct account_number from ops.contract_violations")
    assert "41000020" in kept["account_number"].to_pylist()


def test_a_row_that_cannot_be_read_is_not_quoted(home, warehouse):
    broken = accounts_file("1", "2").replace("Account 2", "Ada, Lovelace, 078-05-1120")
    land(home, "alpine/accounts.csv", broken)
    load(home, warehouse)
    found = [row for row in violations(warehouse) if row["rule"] == "ragged_row"]
    assert "5 cells" in found[0]["message"]
    assert not any("Lovelace" in str(row) or "1120" in str(row) for row in found)


def test_an_account_number_in_a_file_name_is_masked_where_names_are_told(home, warehouse):
    from python_steps.demo_book.book import DEMO_SEED, demo_files

    files = demo_files(households=12, seed=DEMO_SEED, sessions=[DAY])
    statement = next(content for name, content in files if name.endswith(".xml")).decode()
    account = statement.split('accountId="')[1].split('"')[0]
    land(home, f"ibkr/{account}_daily.xml", statement)
    load(home, warehouse, "ibkr_flex")
    told = warehouse.read("select file_name from ops.source_files")["file_name"].to_pylist()
    assert told == [f"XXXX{account[-4:]}_daily.xml"]
    # What has arrived is found again by its true name; that table is not published.
    kept = warehouse.read("select file_name from ops.received_files")["file_name"].to_pylist()
    assert kept == [f"{account}_daily.xml"]


def test_a_refused_file_is_told_without_the_number_in_its_name(home, warehouse):
    land(home, "alpine/letter_41000020.txt", "Dear Ann Example, account 41000020")
    load(home, warehouse)
    (found,) = warehouse.read(
        "select file_name, observed, message from ops.contract_violations"
    ).to_pylist()
    assert found["file_name"] == "letter_XXXX0020.txt"
    for told in found.values():
        assert "41000020" not in told
        assert "Example" not in told


def test_a_custodians_folder_may_be_a_link_to_where_it_delivers(home, tmp_path):
    delivered = tmp_path / "delivered"
    delivered.mkdir()
    (delivered / "accounts.csv").write_text("account_number,base_currency\n", encoding="utf-8")
    folder = home.landing / DAY.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alpine").symlink_to(delivered, target_is_directory=True)
    assert [path.name for path in landed_files(home, DAY)] == ["accounts.csv"]


def test_a_link_to_a_file_of_another_place_is_not_received(home, tmp_path):
    landed = land(home, "alpine/accounts.csv", accounts_file("41000020"))
    secret = tmp_path / "secret.csv"
    secret.write_text(accounts_file("1"), encoding="utf-8")
    landed.with_name("accounts_2.csv").symlink_to(secret)
    assert landed_files(home, DAY) == [landed]
