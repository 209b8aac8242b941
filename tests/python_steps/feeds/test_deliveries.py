"""Which of several files of one feed and session holds: by what they say of themselves."""

from __future__ import annotations

from datetime import datetime

import pytest

from data_contracts.contract import load_contracts
from data_contracts.yaml_node import ContractError
from python_steps.feeds.deliveries import (
    DeliveredFile,
    MadeAt,
    Moment,
    copy_of_an_earlier_session,
    fates_of,
    is_later,
    made_at,
)
from python_steps.feeds.reading import read_file
from tests.python_steps.feeds.fidelity_files import DISCLAIMERS
from tests.python_steps.feeds.fidelity_files import HOLDINGS as FIDELITY_HOLDINGS
from tests.python_steps.feeds.fidelity_files import positions as fidelity_positions
from tests.python_steps.feeds.files import (
    HOLDINGS,
    SCHWAB_2025,
    SESSION,
    received,
    schwab_section,
    schwab_single,
    standard,
)

CONTRACTS = load_contracts()
SCHWAB = CONTRACTS["schwab_positions"]
STANDARD = CONTRACTS["standard_feed"]


def delivered(feed: str, custodian: str, name: str, content: str) -> DeliveredFile:
    file = received(custodian, name, content)
    contract = CONTRACTS[feed]
    return DeliveredFile(custodian, name, read_file(file, SESSION), made_at(file, contract))


def schwab(clock: str, name: str, account: str = "...234", **settings: object) -> DeliveredFile:
    title = f"Positions for account Individual {account} as of {clock} ET, 2026/11/19"
    content = schwab_single(SCHWAB_2025, title, **settings)
    return delivered("schwab_positions", "SCHWAB", name, content)


def all_accounts(clock: str, name: str, *accounts: str) -> DeliveredFile:
    section = schwab_section(SCHWAB_2025, HOLDINGS, value_total="$3,400.00", basis_total="--")
    lines = [f'"Positions for All-Accounts as of {clock} ET, 11/19/2026"', ""]
    for account in accounts:
        lines += [f'"Individual {account}"', *section, "", ""]
    return delivered("schwab_positions", "SCHWAB", name, "\r\n".join(lines))


def fates(*files: DeliveredFile, contract=SCHWAB) -> list[tuple[str, str | None]]:
    return [(fate.status, fate.replaced_by) for fate in fates_of(files, contract)]


def accounts_file(name: str, *numbers: str, rows: int | None = None) -> DeliveredFile:
    lines = ["account_number,account_title,base_currency", *(f"{n},Title,USD" for n in numbers)]
    trailer = f"#rows={len(numbers) if rows is None else rows},as_of_date=2026-11-19"
    return delivered("standard_feed", "ALPINE", name, standard(lines, trailer=trailer))


# Two downloads of one evening


def test_the_later_download_of_an_account_holds_and_the_older_says_so():
    older = schwab("04:05 PM", "first.csv")
    newer = schwab("06:30 PM", "second.csv")
    for files in ((older, newer), (newer, older)):
        found = dict(zip((file.file_name for file in files), fates(*files), strict=True))
        assert found == {"first.csv": ("SUPERSEDED", "second.csv"), "second.csv": ("LOADED", None)}
    (told,) = fates_of([older, newer], SCHWAB)[0].violations
    assert (told.rule, told.severity) == ("file_is_the_latest_of_its_accounts", "info")
    assert "second.csv" in told.message


def test_a_holding_that_the_later_download_leaves_out_is_a_warning():
    older = schwab("04:05 PM", "first.csv")
    newer = schwab("06:30 PM", "second.csv", holdings=HOLDINGS[:1], value_total="$2,600.00")
    (told,) = fates_of([older, newer], SCHWAB)[0].violations
    assert told.severity == "warn"
    assert "leaves out 1 of its positions" in told.message
    assert "HD" in told.message


def test_what_is_wrong_in_a_superseded_file_stops_nothing():
    older = schwab("04:05 PM", "first.csv", value_total="$1.00")
    assert [found.severity for found in older.reading.violations] == ["warn"]
    newer = schwab("06:30 PM", "second.csv")
    found = fates_of([older, newer], SCHWAB)[0].violations
    assert {each.severity for each in found} == {"info"}
    assert "Settled: second.csv is loaded in its place." in found[0].message


def test_of_three_the_last_holds_in_the_place_of_both():
    files = [schwab(f"0{hour}:00 PM", f"{hour}.csv") for hour in (5, 4, 6)]
    assert fates(*files) == [("SUPERSEDED", "6.csv"), ("SUPERSEDED", "6.csv"), ("LOADED", None)]


def test_a_file_of_more_accounts_is_not_replaced_by_one_of_fewer():
    older = all_accounts("04:05 PM", "all.csv", "...234", "...987")
    newer = schwab("06:30 PM", "one.csv")
    assert fates(older, newer) == [("LOADED", None), ("LOADED", None)]
    wider = all_accounts("06:30 PM", "all_later.csv", "...234", "...987")
    assert fates(schwab("04:05 PM", "one.csv"), wider)[0] == ("SUPERSEDED", "all_later.csv")


def test_files_of_other_accounts_do_not_replace_each_other():
    files = [schwab("04:05 PM", "a.csv"), schwab("06:30 PM", "b.csv", account="...987")]
    assert fates(*files) == [("LOADED", None), ("LOADED", None)]


def test_the_same_minute_is_told_apart_by_the_seconds_of_the_names():
    early = schwab("04:05 PM", "Individual-Positions-2026-11-19-160510.csv")
    late = schwab("04:05 PM", "Individual-Positions-2026-11-19-160531 (1).csv")
    assert [status for status, _ in fates(early, late)] == ["SUPERSEDED", "LOADED"]
    nameless = schwab("04:05 PM", "positions.csv")
    assert [status for status, _ in fates(early, nameless)] == ["LOADED", "LOADED"]


def at(hour: int, minute: int, second: int | None = None) -> Moment:
    moment = datetime(2026, 11, 19, hour, minute, second or 0)
    return Moment(moment, second is not None)


@pytest.mark.parametrize(
    ("newer", "older", "is_known_to_be_later"),
    [
        (MadeAt(at(16, 6)), MadeAt(at(16, 5)), True),
        (MadeAt(at(16, 5)), MadeAt(at(16, 5)), False),
        (MadeAt(at(16, 5, 30)), MadeAt(at(16, 5)), False),
        (MadeAt(at(16, 5, 30)), MadeAt(at(16, 5, 10)), True),
        # The title and the name contradict each other.
        (MadeAt(at(16, 6), at(16, 5, 0)), MadeAt(at(16, 5), at(16, 6, 0)), False),
        # One minute by the title, three hours apart by the names: clocks of two time zones.
        (MadeAt(at(16, 5), at(16, 5, 12)), MadeAt(at(16, 5), at(13, 5, 40)), False),
        (MadeAt(None, at(16, 5, 12)), MadeAt(None, at(13, 5, 40)), True),
        (MadeAt(at(16, 6)), MadeAt(), False),
        (MadeAt(), MadeAt(), False),
    ],
)
def test_later_is_what_the_files_say_without_contradiction(newer, older, is_known_to_be_later):
    assert is_later(newer, older) is is_known_to_be_later
    assert not is_later(older, newer)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"Date downloaded Nov-19-2026 at 7:04 p.m ET"', at(19, 4)),
        ("Date downloaded 11/19/2026 9:51 am", at(9, 51)),
        ('"Date downloaded Nov-19-2026 12:10 a.m. ET"', at(0, 10)),
        ('"Date downloaded Nov-19-2026"', None),
    ],
)
def test_fidelitys_last_line_tells_when_a_file_was_made(line, expected):
    content = fidelity_positions(*FIDELITY_HOLDINGS, footer=(*DISCLAIMERS, line))
    file = received("FIDELITY", "Portfolio_Positions_Nov-19-2026.csv", content)
    assert made_at(file, CONTRACTS["fidelity_positions"]) == MadeAt(expected, None)


def test_nothing_holds_before_another_where_the_contract_does_not_say_so():
    assert CONTRACTS["schwab_lot_details"].account_statement is None
    lots = received(
        "SCHWAB", "x as of 04:05 PM ET, 2026/11/19.csv", "as of 04:05 PM ET, 2026/11/19"
    )
    assert made_at(lots, CONTRACTS["schwab_lot_details"]) == MadeAt()
    files = [accounts_file("accounts.csv", "1"), accounts_file("accounts_20261119.csv", "1")]
    assert fates(*files, contract=STANDARD) == [("LOADED", None), ("LOADED", None)]


def test_a_pattern_without_a_time_is_no_contract():
    from importlib.resources import files

    from data_contracts.contract import common_rules_text, parse_contract

    text = (files("data_contracts") / "feeds" / "schwab_positions.yaml").read_text("utf-8")
    with pytest.raises(ContractError, match="lacks the group date or the group time"):
        parse_contract(
            text.replace("(?P<time>", "(?P<moment>"),
            file_name="schwab_positions.yaml",
            common_rules=common_rules_text(),
        )


# A refused file and the corrected one


def test_a_corrected_file_of_the_same_accounts_settles_the_refused_one():
    cut = accounts_file("accounts_20261119.csv", "1", "2", rows=3)
    assert cut.reading.status == "QUARANTINED"
    whole = accounts_file("accounts.csv", "1", "2", "3")
    assert fates(cut, whole, contract=STANDARD) == [
        ("QUARANTINED", "accounts.csv"),
        ("LOADED", None),
    ]
    found = fates_of([cut, whole], STANDARD)[0].violations
    assert {each.severity for each in found} == {"info"}
    assert all("Settled: accounts.csv is loaded" in each.message for each in found)


def test_a_file_of_fewer_accounts_or_of_another_entity_settles_nothing():
    cut = accounts_file("accounts_20261119.csv", "1", "2", rows=3)
    fewer = accounts_file("accounts.csv", "1")
    header = "account_number,currency,trade_date_balance,settlement_date_balance"
    lines = [header, "1,USD,5.00,5.00", "2,USD,5.00,5.00"]
    trailer = "#rows=2,as_of_date=2026-11-19"
    cash = delivered(
        "standard_feed", "ALPINE", "cash_balances.csv", standard(lines, trailer=trailer)
    )
    assert cash.reading.status == fewer.reading.status == "LOADED"
    refused = fates_of([cut, fewer, cash], STANDARD)[0]
    assert refused.replaced_by is None
    assert refused.violations == cut.reading.violations


def test_a_file_of_another_custodian_or_day_settles_nothing():
    whole = accounts_file("accounts.csv", "1", "2")
    other = DeliveredFile("SUMMIT", whole.file_name, whole.reading, whole.made_at)
    cut = accounts_file("accounts_20261119.csv", "1", "2", rows=3)
    assert fates(cut, other, contract=STANDARD)[0] == ("QUARANTINED", None)
    lines = ["account_number,account_title,base_currency", "1,Title,USD"]
    trailer = "#rows=1,as_of_date=2026-11-18"
    earlier = delivered("standard_feed", "ALPINE", "a.csv", standard(lines, trailer=trailer))
    assert fates(earlier, whole, contract=STANDARD)[0] == ("QUARANTINED", None)


def test_a_refused_file_that_names_no_account_stays_open_and_says_so():
    name = "Individual-Positions-2026-11-19-160500.csv"
    broken = delivered("schwab_positions", "SCHWAB", name, "\r\n")
    assert broken.reading.status == "QUARANTINED"
    assert broken.reading.covered_accounts == ()
    good = schwab("06:30 PM", "second.csv")
    fate = fates_of([broken, good], SCHWAB)[0]
    assert (fate.status, fate.replaced_by) == ("QUARANTINED", None)
    assert "block" in {each.severity for each in fate.violations}
    for each in fate.violations:
        assert "second.csv of the same feed is loaded" in each.message
        assert "take this file out of the landing folder" in each.message


# The bytes of another session


def test_the_bytes_of_an_earlier_session_are_told_where_something_moves_daily():
    again = schwab("04:05 PM", "first.csv")
    told = copy_of_an_earlier_session(again, "first.csv", "2026-11-18", SCHWAB)
    assert (told.rule, told.severity) == ("file_is_not_of_an_earlier_session", "warn")
    assert "byte for byte the file first.csv of 2026-11-18" in told.message
    of_accounts = accounts_file("accounts.csv", "1")
    told = copy_of_an_earlier_session(of_accounts, "accounts.csv", "2026-11-18", STANDARD)
    assert told.severity == "info"
    empty = accounts_file("accounts.csv")
    assert copy_of_an_earlier_session(empty, "accounts.csv", "2026-11-18", STANDARD) is None
