"""The transactions of an OFX statement as canonical columns.

Belongs here: the kinds of transaction of the standard and what each of their elements means. Does
not belong here: positions, cash. Rules: the type comes from the element, never from the memo; units
that leave the account are negative; a reinvestment moves no cash.
"""

from __future__ import annotations

import re
from decimal import Decimal

from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.ofx_document import Element
from python_steps.feeds.ofx_findings import Findings, Values
from python_steps.feeds.ofx_securities import SecurityList
from python_steps.feeds.ofx_values import amount_text, negated, stamp

# The words inside a transaction that tell more than its element does.
_DETAILS = (
    "BUYTYPE",
    "SELLTYPE",
    "OPTBUYTYPE",
    "OPTSELLTYPE",
    "INCOMETYPE",
    "TFERACTION",
    "OPTACTION",
)
_INCOMING = ("BUY", "BUY_COVER")
_OUTGOING = ("SELL", "SELL_SHORT", "TRANSFER_OUT")


class TransactionReader:
    """Reads the transactions of one account."""

    def __init__(
        self, findings: Findings, securities: SecurityList, account: str, currency: str
    ) -> None:
        self.findings = findings
        self.securities = securities
        self.account = account
        self.currency = currency
        self.mappings = findings.contract.mappings

    def values(self, element: Element) -> Values:
        """The canonical columns of one transaction."""
        self.findings.check_once(element)
        bank = element.first("STMTTRN")
        # Purchases and sales wrap their values once more; everything else holds them itself.
        inner = element.first("INVBUY") or element.first("INVSELL") or bank or element
        words = self._words(element, bank)
        kind = self._type(words, inner, bank, element)
        security = (
            self.securities.of(inner, kind=_position_kind(element.tag), currency=self.currency)
            if inner.first("SECID")
            else {"custodian_security_id": None, "cusip": None, "isin": None, "ticker": None}
        )
        values: Values = {
            **security,
            "account_number": self.account,
            "transaction_type": kind,
            "source_type": words,
            **self._dates(inner, bank),
            **self._amounts(inner, bank, kind, element),
            **self._corrections(inner, bank),
            **self.findings.currency_of(inner, self.currency),
            "sub_account_type": self._sub_account(inner, element),
            "description": self._description(inner, bank),
        }
        return values

    # What it is

    def _words(self, element: Element, bank: Element | None) -> str:
        """The element and the word inside it, such as `BUYSTOCK/BUY`."""
        if bank is not None:
            return f"{element.tag}/{(bank.value('TRNTYPE') or '').strip().upper()}".rstrip("/")
        for name in _DETAILS:
            found = next(element.descendants(name), None)
            if found is not None:
                return f"{element.tag}/{found.text.strip().upper()}".rstrip("/")
        return element.tag

    def _type(self, words: str, inner: Element, bank: Element | None, element: Element) -> str:
        types = self.mappings["transaction_types"]
        found = self._bank_type(words, bank) if bank is not None else None
        found = found or types.get(words) or types.get(element.tag)
        if found is None:
            self.findings.add(
                "transaction_type_known", f"transaction {words}", inner, entity="transactions"
            )
        return found or "OTHER"

    def _bank_type(self, words: str, bank: Element) -> str | None:
        name = (bank.value("NAME") or "").lower()
        for word, kind in self.mappings["bank_words"].items():
            if re.search(rf"\b{re.escape(word)}s?\b", name):
                return kind
        amount = parse_amount(amount_text(bank.value("TRNAMT") or "")) or Decimal(0)
        direction = "in" if amount > 0 else "out"
        kind = words.partition("/")[2]
        return self.mappings["bank_types"].get(f"{kind} {direction}")

    # When, how much

    def _dates(self, inner: Element, bank: Element | None) -> Values:
        traded = inner.value("INVTRAN", "DTTRADE")
        posted = bank.value("DTPOSTED") if bank is not None else None
        written = traded if traded is not None else posted
        given = stamp(written or "")
        settled = inner.value("INVTRAN", "DTSETTLE")
        if given.is_doubled:
            self.findings.add("timestamp_form", f"date {written}", inner, entity="transactions")
        return {
            "transaction_date": given.text,
            "transaction_time": given.time or None,
            "settlement_date": None if settled is None else stamp(settled).text,
            "entry_date": None if posted is None else stamp(posted).text,
        }

    def _amounts(self, inner: Element, bank: Element | None, kind: str, element: Element) -> Values:
        def text(name: str) -> str | None:
            found = inner.value(name)
            return None if found is None else amount_text(found)

        net = text("TRNAMT") if bank is not None else text("TOTAL")
        values: Values = {
            "quantity": self._units(inner, kind, element, text("UNITS"), net),
            "price": text("UNITPRICE"),
            "commission": text("COMMISSION"),
            "fees": text("FEES"),
            "accrued_interest": text("ACCRDINT"),
            "gross_amount": None,
            "net_amount": net,
        }
        if kind == "REINVEST" and net is not None:
            values |= {"gross_amount": net, "net_amount": "0.00"}
        return values

    def _units(
        self, inner: Element, kind: str, element: Element, units: str | None, net: str | None
    ) -> str | None:
        """Units with the sign of the movement; a split adds what is new beyond what was old."""
        if element.tag == "SPLIT":
            new = parse_amount(amount_text(inner.value("NEWUNITS") or ""))
            old = parse_amount(amount_text(inner.value("OLDUNITS") or ""))
            return None if new is None or old is None else format(new - old, "f")
        amount, cash = parse_amount(units or ""), parse_amount(net or "")
        is_wrong_in = kind in _INCOMING and (
            (amount is not None and amount < 0) or (cash is not None and cash > 0)
        )
        is_wrong_out = kind in _OUTGOING and (
            (amount is not None and amount > 0) or (cash is not None and cash < 0)
        )
        if is_wrong_in or is_wrong_out:
            self.findings.add(
                "transaction_signs_agree",
                f"{element.tag} with units {units} and total {net or 'not stated'}",
                inner,
                entity="transactions",
            )
        leaves = kind in _OUTGOING and amount is not None and amount > 0
        return negated(units) if leaves and units is not None else units

    def _corrections(self, inner: Element, bank: Element | None) -> Values:
        place = bank if bank is not None else inner.first("INVTRAN")
        if place is None:
            return {"transaction_id": ""}
        taken_back = place.value("REVERSALFITID")
        corrected = place.value("CORRECTFITID")
        is_cancel = None
        if taken_back is not None or corrected is not None:
            action = (place.value("CORRECTACTION") or "").strip().upper()
            is_cancel = "true" if taken_back is not None or action == "DELETE" else "false"
        return {
            "transaction_id": (place.value("FITID") or "").strip(),
            "reversal_of": taken_back if taken_back is not None else corrected,
            "is_cancel": is_cancel,
        }

    def _sub_account(self, inner: Element, element: Element) -> str | None:
        for place in (inner, element):
            for name in ("SUBACCTSEC", "SUBACCTFUND"):
                word = (place.value(name) or "").strip().upper()
                if word:
                    return self.mappings["sub_accounts"].get(word, word)
        return None

    def _description(self, inner: Element, bank: Element | None) -> str | None:
        place = bank if bank is not None else inner.first("INVTRAN")
        if place is None:
            return None
        parts = [(place.value(name) or "").strip() for name in ("NAME", "MEMO")]
        distinct = list(dict.fromkeys(part for part in parts if part))
        return " ".join(distinct) or None


def _position_kind(tag: str) -> str:
    """The kind of position that a purchase or sale changes: POSSTOCK for BUYSTOCK."""
    return f"POS{tag.removeprefix('BUY').removeprefix('SELL')}"
