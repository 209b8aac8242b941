"""Stable surrogates of accounts and securities.

Belongs here: which references from custodians and policy files mean the same account or
security, and which new surrogate a reference gets. Does not belong here: where the registry is
kept (records), or lots (their identity is a fact of SQL). Rules: an account is (custodian, account
number as text); a security is found by custodian id, then CUSIP with a valid check digit, then
ISIN, then ticker (class shares in one spelling). Surrogates are running numbers, never hashes: a
hash of an account number can be reversed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from python_steps.feeds.identifiers import is_cusip
from python_steps.findings import Violation

# The words for nothing of dbt_project/macros/casting.sql, which reads the same columns.
NULL_WORDS = frozenset(
    {"", "--", "-", "N/A", "NA", "NONE", "NULL", "NO NUMBER"}
    | {"NOT APPLICABLE", "INCOMPLETE", "MISSING", "VARIOUS", "UNKNOWN", "UNAVAILABLE"}
)
_CLASS_SHARE = re.compile(r"([A-Z]{1,5})[/ ]([A-Z])")
# Broken where a file names a security by identifiers of two.
IDENTITY_RULE = "identifier_means_one_security"
_PRECEDENCE = ("CUSTODIAN_ID", "CUSIP", "ISIN", "TICKER")


class RegisteredAccount(NamedTuple):
    """One account of the registry."""

    account_id: str
    custodian: str
    account_number: str


class SecurityReference(NamedTuple):
    """How one row of one file names a security; absent parts are empty text."""

    custodian: str
    custodian_security_id: str
    cusip: str
    isin: str
    ticker: str


class RegisteredIdentifier(NamedTuple):
    """One identifier of one security; `custodian` is filled for CUSTODIAN_ID only."""

    security_id: str
    id_type: str
    id_value: str
    custodian: str


class SecurityResolution(NamedTuple):
    """Identifiers to append to the registry, and what contradicts it."""

    new_identifiers: list[RegisteredIdentifier]
    violations: list[Violation]


def register_accounts(
    known: Iterable[RegisteredAccount], observed: Iterable[tuple[str, str]]
) -> list[RegisteredAccount]:
    """The accounts among `observed` (custodian, number) that the registry lacks, numbered.

    Numbers follow the sorted order of custodian and account number, so the same first night gives
    the same surrogates.
    """
    held = list(known)
    seen = {(account.custodian, account.account_number) for account in held}
    missing = sorted({pair for pair in observed if pair[1].strip()} - seen)
    return [
        RegisteredAccount(f"A-{number:06d}", custodian, account_number)
        for number, (custodian, account_number) in enumerate(missing, start=len(held) + 1)
    ]


def resolve_securities(
    known: Iterable[RegisteredIdentifier], references: Iterable[SecurityReference]
) -> SecurityResolution:
    """Find or create the security of every reference.

    References with the most identifiers are taken first, so that a bare ticker finds the security
    that another file names by CUSIP and ticker. A lower-ranked identifier that already belongs to
    another security is left where it is and reported: one identifier never means two securities.
    """
    registered = list(known)
    owner = {
        (entry.id_type, entry.id_value, entry.custodian): entry.security_id for entry in registered
    }
    next_number = len({entry.security_id for entry in registered}) + 1
    new_identifiers: list[RegisteredIdentifier] = []
    violations: list[Violation] = []
    described = {identifiers_of(reference): reference for reference in sorted(set(references))}
    ordered = sorted(described, key=lambda identifiers: (-len(identifiers), identifiers))
    for identifiers in ordered:
        if not identifiers:
            continue
        security_id = next((owner[key] for key in identifiers if key in owner), None)
        if security_id is None:
            security_id = f"S-{next_number:06d}"
            next_number += 1
        for key in identifiers:
            holder = owner.setdefault(key, security_id)
            if holder != security_id:
                violations.append(_contradiction(described[identifiers], key, holder, security_id))
            else:
                new_identifiers.append(RegisteredIdentifier(security_id, *key))
    already = set(registered)
    fresh = [entry for entry in dict.fromkeys(new_identifiers) if entry not in already]
    return SecurityResolution(sorted(fresh), violations)


def identifiers_of(reference: SecurityReference) -> tuple[tuple[str, str, str], ...]:
    """(id type, value, custodian) of a reference, by precedence, null words dropped."""
    values = {
        "CUSTODIAN_ID": _cleaned(reference.custodian_security_id),
        "CUSIP": _cleaned(reference.cusip),
        "ISIN": _cleaned(reference.isin),
        "TICKER": _cleaned_ticker(reference.ticker),
    }
    if values["CUSIP"] and not is_cusip(values["CUSIP"]):
        values["CUSIP"] = ""
    return tuple(
        (id_type, values[id_type], reference.custodian if id_type == "CUSTODIAN_ID" else "")
        for id_type in _PRECEDENCE
        if values[id_type]
    )


def _cleaned(value: str) -> str:
    text = value.strip().upper()
    return "" if text in NULL_WORDS else text


def _cleaned_ticker(value: str) -> str:
    """A ticker without footnote stars, class shares with a dot: BRK/B and BRK B are BRK.B."""
    text = _cleaned(value).rstrip("*")
    class_share = _CLASS_SHARE.fullmatch(text)
    return ".".join(class_share.groups()) if class_share else text


def _contradiction(
    reference: SecurityReference, key: tuple[str, str, str], holder: str, security_id: str
) -> Violation:
    return Violation(
        rule=IDENTITY_RULE,
        severity="warn",
        scope="position",
        security_key=key[1],
        observed=f"{key[0]} {key[1]} on {security_id}",
        expected=f"{key[0]} {key[1]} on {holder}",
        message=(
            f"{reference.custodian} names {key[0]} {key[1]} together with identifiers of another "
            f"security ({security_id}); the registry has it on {holder} and keeps it there. "
            "Check the security master and correct the file or the registry."
        ),
    )
