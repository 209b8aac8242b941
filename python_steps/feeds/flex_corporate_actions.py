"""Corporate actions of a Flex document that can be stated without inference.

Belongs here: splits, identifier changes, mergers and spin-offs, read from IBKR's type, its
description and the paired rows of one action. Does not belong here: applying them to lots. What
cannot be read is handed back, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.flex_document import Element

_SPLIT = re.compile(r"\bSPLIT\s+(?P<new>\d+(?:\.\d+)?)\s+FOR\s+(?P<old>\d+(?:\.\d+)?)")
_SPIN_OFF = re.compile(
    r"^(?P<parent>[^\s(]+)\(.*?\bSPINOFF\s+(?P<new>\d+(?:\.\d+)?)\s+FOR\s+(?P<old>\d+(?:\.\d+)?)"
)
# `FOR USD 10.00 PER SHARE`; beside shares `ACQ 1 FOR 2 AND USD 25.00`, with those words or without.
_CASH = re.compile(
    r"\b(?:FOR\s+[A-Z]{3}\s+(?P<alone>\d+(?:\.\d+)?)\s+PER\s+SHARE"
    r"|AND\s+[A-Z]{3}\s+(?P<beside>\d+(?:\.\d+)?)(?![\d.]))"
)
_PLACEHOLDER = re.compile(r"\.(NEW|OLD)$")
_US_ISIN_LENGTH = 12

_SPLIT_TYPES = {"FS": "SPLIT", "RS": "REVERSE_SPLIT"}
_PAIR_TYPES = {"IC": "NAME_CHANGE", "TC": "MERGER"}


@dataclass(frozen=True)
class StatedAction:
    """One action: the row it is read from and what it says beside the row's own columns."""

    element: Element
    values: dict[str, str]


def stated_actions(rows: Sequence[Element]) -> tuple[list[StatedAction], list[Element]]:
    """Actions that can be stated, and the rows that say nothing that can be stated.

    Args:
        rows: CorporateAction elements of accounts, one level of detail.
    """
    stated: list[StatedAction] = []
    unread: list[Element] = []
    pairs: dict[tuple[str, str, str], list[Element]] = {}
    for row in rows:
        kind = row.attributes.get("type", "")
        if kind in _PAIR_TYPES:
            account = row.attributes.get("accountId", "")
            pairs.setdefault((kind, row.attributes.get("actionID", ""), account), []).append(row)
            continue
        values = _single(row, kind)
        if values:
            stated.append(StatedAction(row, values))
        else:
            unread.append(row)
    for (kind, _, _), members in pairs.items():
        action = _pair(kind, members)
        if action:
            stated.append(action)
        else:
            unread += members
    stated.sort(key=lambda action: action.element.line)
    unread.sort(key=lambda element: element.line)
    return stated, unread


def _single(row: Element, kind: str) -> dict[str, str] | None:
    words = row.attributes.get("actionDescription") or row.attributes.get("description", "")
    split = _SPLIT.search(words) if kind in _SPLIT_TYPES else None
    if split:
        return {
            "action_type": _SPLIT_TYPES[kind],
            "ratio_new": split["new"],
            "ratio_old": split["old"],
        }
    spin_off = _SPIN_OFF.search(words) if kind == "SO" else None
    if spin_off:
        return {
            "action_type": "SPINOFF",
            "custodian_security_id": "",
            "cusip": "",
            "isin": "",
            "ticker": spin_off["parent"],
            "new_ticker": row.attributes.get("symbol", ""),
            "new_cusip": _cusip(row),
            "ratio_new": spin_off["new"],
            "ratio_old": spin_off["old"],
        }
    return None


def _pair(kind: str, members: Sequence[Element]) -> StatedAction | None:
    """Old shares out, new shares in (or cash): one row each, of one action."""
    out = [row for row in members if (_quantity(row) or 0) < 0]
    into = [row for row in members if (_quantity(row) or 0) > 0]
    if len(out) != 1 or len(into) > 1 or len(out) + len(into) != len(members):
        return None
    old = out[0]
    words = old.attributes.get("actionDescription") or old.attributes.get("description", "")
    cash = _CASH.search(words) if kind == "TC" else None
    if not into and not cash:
        return None
    values = {"action_type": _PAIR_TYPES[kind]}
    if cash:
        values["cash_per_share"] = cash["alone"] or cash["beside"]
    if into:
        new = into[0]
        symbol = new.attributes.get("symbol", "")
        values |= {
            # IBKR shows a placeholder while the new ticker is not assigned.
            "new_ticker": "" if _PLACEHOLDER.search(symbol) else symbol,
            "new_cusip": _cusip(new),
            "ratio_new": _shown(_quantity(new)),
            "ratio_old": _shown(_quantity(old)),
        }
    return StatedAction(old, values)


def _cusip(row: Element) -> str:
    """The CUSIP attribute, else the nine characters that a US or Canadian ISIN holds."""
    stated = row.attributes.get("cusip", "")
    isin = row.attributes.get("isin", "")
    if stated or len(isin) != _US_ISIN_LENGTH or isin[:2] not in ("US", "CA"):
        return stated
    return isin[2:11]


def _quantity(row: Element) -> Decimal | None:
    return parse_amount(row.attributes.get("quantity", ""))


def _shown(quantity: Decimal | None) -> str:
    return "" if quantity is None else format(abs(quantity), "f")
