"""The security list of an OFX document, and the identifiers of a security that a row names.

Belongs here: SECLIST, SECID, and what the codes in them are. Does not belong here: positions and
transactions. Rules: a text that is called a CUSIP and fails the check digit is the institution's
own code (plans write theirs there); a TICKER that repeats the CUSIP is no ticker.
"""

from __future__ import annotations

import re

from python_steps.feeds.identifiers import is_cusip
from python_steps.feeds.ofx_document import Element, OfxDocument
from python_steps.feeds.ofx_findings import Findings, Values
from python_steps.feeds.ofx_values import amount_text, stamp
from python_steps.feeds.tables import RowCollector

IDENTIFIERS = ("custodian_security_id", "cusip", "isin", "ticker")
_ISIN_LENGTH = 12


class SecurityList:
    """Securities by their code, from the list first, else from the row that names one."""

    def __init__(self, document: OfxDocument, findings: Findings, collector: RowCollector) -> None:
        self.document = document
        self.findings = findings
        self.collector = collector
        self.mappings = findings.contract.mappings
        self.by_code: dict[str, Values] = {}
        self.tickers: dict[str, str] = {}

    def read_list(self) -> None:
        """Take every security of the document's list."""
        infos = [
            (info, security)
            for listed in self.document.root.descendants("SECLIST")
            for info in listed.children
            if (security := info.first("SECINFO")) is not None
        ]
        for _, security in infos:
            self.tickers[_code(security)] = (security.value("TICKER") or "").strip()
        for info, security in infos:
            self.findings.check_once(security)
            self._take(info, security)

    def of(self, element: Element, *, kind: str, currency: str) -> Values:
        """The identifiers of the security that an element names.

        Args:
            element: with a SECID.
            kind: tag of the position or transaction, which tells what kind of security it is.
            currency: of the statement, for a security that the list does not have.
        """
        code = _code(element)
        if code in self.by_code:
            return dict(self.by_code[code])
        identifiers = self._identifiers(element, "")
        if not code:
            return identifiers
        self.findings.add(
            "security_list_present",
            f"security {code}, which no list names",
            element,
            entity="securities",
            security=code,
        )
        self._add(
            element,
            identifiers,
            {
                "security_type": self._type_by_prefix(
                    self.mappings["position_types"].get(kind, "OTHER"), identifiers
                ),
                "currency": currency,
                "price_factor": self.mappings["price_factors"].get(kind),
                "contract_multiplier": self.mappings["contract_multipliers"].get(kind),
            },
        )
        self.by_code[code] = identifiers
        return dict(identifiers)

    def _take(self, info: Element, security: Element) -> None:
        code = _code(security)
        identifiers = self._identifiers(security, self.tickers.get(code, ""))
        detail = (info.value("MFTYPE") or info.value("DEBTCLASS") or "").strip().upper()
        types = self.mappings["security_types"]
        kind = types.get(f"{info.tag}/{detail}") or types.get(info.tag)
        if kind is None:
            self.findings.add(
                "security_type_known",
                f"security {code} of kind {info.tag}",
                info,
                entity="securities",
                security=code,
            )
        underlying = info.value("SECID", "UNIQUEID")
        self._add(
            info,
            identifiers,
            {
                "security_name": (security.value("SECNAME") or "").strip(),
                "security_type": self._money_market(
                    self._type_by_prefix(kind or "OTHER", identifiers), identifiers
                ),
                "currency": (security.value("CURRENCY", "CURSYM") or "").strip() or None,
                "price_factor": self.mappings["price_factors"].get(info.tag),
                "contract_multiplier": info.value("SHPERCTRCT")
                or self.mappings["contract_multipliers"].get(info.tag),
                "maturity_date": _day(info.value("DTMAT")),
                "coupon_rate": _amount(info.value("COUPONRT")),
                "put_call": self.mappings["put_call"].get(
                    (info.value("OPTTYPE") or "").strip().upper()
                ),
                "strike_price": _amount(info.value("STRIKEPRICE")),
                "expiration_date": _day(info.value("DTEXPIRE")),
                "underlying_ticker": self.tickers.get((underlying or "").strip()) or None,
            },
        )
        self.by_code.setdefault(code, identifiers)

    def _add(self, element: Element, identifiers: Values, values: Values) -> None:
        text = " ".join(self.document.source(element).split())
        self.collector.add({**identifiers, **values}, line=element.line, text=text)

    def _identifiers(self, element: Element, ticker: str) -> Values:
        """One identifier of the code, by its type and its check digit, and the ticker."""
        code = _code(element)
        kind = (element.value("SECID", "UNIQUEIDTYPE") or "").strip().upper()
        found: Values = {"custodian_security_id": "", "cusip": "", "isin": "", "ticker": ticker}
        if is_cusip(code):
            found["cusip"] = code
        elif kind == "ISIN" and len(code) == _ISIN_LENGTH:
            found["isin"] = code
        elif code:
            found["custodian_security_id"] = code
            if kind == "CUSIP" and code not in self.by_code:
                self.findings.add(
                    "cusip_check_digit",
                    f"{code!r} called a CUSIP",
                    element,
                    entity="securities",
                    security=code,
                )
        if is_cusip(ticker) or ticker == code:
            found["ticker"] = ""
        return found

    def _type_by_prefix(self, kind: str, identifiers: Values) -> str:
        by_prefix = self.mappings["security_types_by_cusip_prefix"]
        return by_prefix.get((identifiers["cusip"] or "")[:6], kind) if kind == "OTHER" else kind

    def _money_market(self, kind: str, identifiers: Values) -> str:
        pattern = str((self.findings.contract.layout or {})["money_market_ticker"])
        is_fund = kind == "MUTUAL_FUND" and re.match(pattern, identifiers["ticker"] or "")
        return "MONEY_MARKET" if is_fund else kind


def _code(element: Element) -> str:
    return (element.value("SECID", "UNIQUEID") or "").strip()


def _day(text: str | None) -> str | None:
    return None if text is None else stamp(text).text


def _amount(text: str | None) -> str | None:
    return None if text is None else amount_text(text)
