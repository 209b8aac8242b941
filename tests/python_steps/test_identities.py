"""Which references mean the same account or security, and which number a new one gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.feeds.identifiers import is_cusip
from python_steps.identities import (
    RegisteredAccount,
    RegisteredIdentifier,
    SecurityReference,
    identifiers_of,
    register_accounts,
    resolve_securities,
)


def reference(custodian="ALPINE", custodian_security_id="", cusip="", isin="", ticker=""):
    return SecurityReference(custodian, custodian_security_id, cusip, isin, ticker)


def security_of(identifiers, id_type, value):
    found = {
        entry.security_id
        for entry in identifiers
        if (entry.id_type, entry.id_value) == (id_type, value)
    }
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("cusip", "is_valid"),
    [
        ("037833100", True),  # Apple common stock
        ("922042742", True),  # Vanguard Total World Stock ETF
        ("464285105", True),  # iShares Gold Trust before its reverse split
        ("037833101", False),
        ("03783310", False),
        ("USD999997", True),  # the pseudo-CUSIP of dollars is well formed
        ("59515R40!", False),
    ],
)
def test_check_digit_of_cusip(cusip, is_valid):
    assert is_cusip(cusip) is is_valid


def test_accounts_are_numbered_in_sorted_order_after_the_known_ones():
    known = [RegisteredAccount("A-000001", "SUMMIT", "9")]
    new = register_accounts(known, [("SUMMIT", "9"), ("SUMMIT", "10"), ("ALPINE", "2")])
    assert new == [
        RegisteredAccount("A-000002", "ALPINE", "2"),
        RegisteredAccount("A-000003", "SUMMIT", "10"),
    ]


def test_same_number_at_two_custodians_is_two_accounts():
    new = register_accounts([], [("SUMMIT", "1"), ("ALPINE", "1")])
    assert len({account.account_id for account in new}) == 2


def test_bare_ticker_finds_the_security_that_another_file_names_by_cusip_and_ticker():
    resolution = resolve_securities(
        [], [reference(ticker="VT"), reference(custodian="IBKR", cusip="922042742", ticker="VT")]
    )
    identifiers = resolution.new_identifiers
    assert security_of(identifiers, "TICKER", "VT") == security_of(
        identifiers, "CUSIP", "922042742"
    )
    assert resolution.violations == []


def test_known_identifier_keeps_its_surrogate():
    known = [RegisteredIdentifier("S-000007", "TICKER", "VT", "")]
    resolution = resolve_securities(known, [reference(cusip="922042742", ticker="vt ")])
    assert resolution.new_identifiers == [
        RegisteredIdentifier("S-000007", "CUSIP", "922042742", "")
    ]


def test_custodian_ids_of_two_custodians_do_not_meet():
    resolution = resolve_securities(
        [],
        [
            reference(custodian="IBKR", custodian_security_id="100"),
            reference(custodian="SUMMIT", custodian_security_id="100"),
        ],
    )
    assert len({entry.security_id for entry in resolution.new_identifiers}) == 2


def test_cusip_with_wrong_check_digit_identifies_nothing():
    assert identifiers_of(reference(cusip="922042743", ticker="VT")) == (("TICKER", "VT", ""),)


def test_null_words_are_no_identifiers():
    assert identifiers_of(reference(cusip="--", ticker="NO NUMBER", isin=" ")) == ()


def test_contradiction_is_reported_and_the_registry_stays():
    known = [
        RegisteredIdentifier("S-000001", "CUSIP", "922042742", ""),
        RegisteredIdentifier("S-000002", "TICKER", "VT", ""),
    ]
    resolution = resolve_securities(known, [reference(cusip="922042742", ticker="VT")])
    assert resolution.new_identifiers == []
    assert [violation.rule for violation in resolution.violations] == [
        "identifier_means_one_security"
    ]


references = st.builds(
    SecurityReference,
    st.sampled_from(["ALPINE", "IBKR"]),
    st.sampled_from(["", "1", "2"]),
    st.sampled_from(["", "037833100", "922042742"]),
    st.sampled_from(["", "US0378331005", "US9220427424"]),
    st.sampled_from(["", "AAPL", "VT", "--"]),
)


@given(st.lists(references, max_size=12), st.randoms())
def test_resolution_does_not_depend_on_row_order_and_never_gives_one_identifier_twice(
    given_references, random
):
    shuffled = list(given_references)
    random.shuffle(shuffled)
    first = resolve_securities([], given_references).new_identifiers
    assert resolve_securities([], shuffled).new_identifiers == first
    keys = [(entry.id_type, entry.id_value, entry.custodian) for entry in first]
    assert len(keys) == len(set(keys))
    assert resolve_securities(first, given_references).new_identifiers == []


@pytest.mark.parametrize(
    ("ticker", "spelled"),
    [
        ("BRK/B", "BRK.B"),
        ("brk b ", "BRK.B"),
        ("BRK.B", "BRK.B"),
        ("SPAXX**", "SPAXX"),
        ("BAC PRL", "BAC PRL"),  # a preferred share is no class share
        ("various", None),
    ],
)
def test_ticker_has_one_spelling(ticker, spelled):
    expected = () if spelled is None else (("TICKER", spelled, ""),)
    assert identifiers_of(reference(ticker=ticker)) == expected


def test_class_share_without_cusip_is_one_security_however_it_is_spelled():
    resolution = resolve_securities(
        [],
        [
            reference(custodian=custodian, ticker=ticker)
            for custodian, ticker in (("A", "BRK/B"), ("B", "BRK B"), ("C", "BRK.B"))
        ],
    )
    assert resolution.new_identifiers == [RegisteredIdentifier("S-000001", "TICKER", "BRK.B", "")]
