"""What Fidelity's symbols and descriptions say of a security, and its holdings as rows.

Belongs here: options, CUSIPs, codes of plans' funds, types by form and by words, and the unit of a
price as far as a row proves it. Does not belong here: which rows are holdings. Source of the rules:
the contracts `fidelity_*.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.delimited import Record
from python_steps.feeds.fidelity_exports import day_in_words
from python_steps.feeds.identifiers import is_cusip, looks_like_cusip
from python_steps.feeds.options import OptionTerms, option_terms
from python_steps.feeds.tables import RowCollector

# A price is shown in cents or less: five basis points of the value are rounding, not another unit.
_SHARE_OF_VALUE = Decimal("0.0005")
_NAMED_IN_WORDS = re.compile(r"\(([0-9A-Z]{9})\)")
_COUPON_AND_MATURITY = re.compile(
    r"(?P<coupon>\d{1,2}\.\d{3,5})%\s+(?P<maturity>\d{2}/\d{2}/\d{4})"
)


@dataclass(frozen=True)
class SecurityId:
    """What a symbol names; absent parts are empty text.

    `problem` says what is odd about a symbol that could be read all the same.
    """

    ticker: str = ""
    cusip: str = ""
    custodian_security_id: str = ""
    option: OptionTerms | None = None
    underlying_ticker: str = ""
    problem: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """The identifier columns that positions, lots and transactions have."""
        return {
            "ticker": self.ticker,
            "cusip": self.cusip,
            "custodian_security_id": self.custodian_security_id,
        }

    @property
    def key(self) -> str:
        """The first identifier, in the order of precedence of identities."""
        return self.custodian_security_id or self.cusip or self.ticker

    @property
    def doubts(self) -> list[tuple[str, str]]:
        """Rules that the symbol breaks though it could be read, and what they say."""
        odd = [("cusip_check_digit", self.problem)] if self.problem else []
        return odd + (self.option.doubts if self.option else [])

    @property
    def is_option(self) -> bool:
        """True where the symbol is that of an option."""
        return self.option is not None


def security_id(symbol: str, account: str, contract: FeedContract) -> SecurityId:
    """Read a Symbol cell: ticker, option, CUSIP, or the code of a plan's fund.

    Args:
        symbol: as received; footnote stars are taken off.
        account: the row's account; those of plans have numbers of another form.
        contract: for its null words, aliases of symbols and the form of plans' account numbers.
    """
    text = symbol.strip().rstrip("*").strip()
    if text.casefold() in {word.casefold() for word in contract.null_words}:
        return SecurityId()
    option = option_terms(text, "fidelity")
    if option is not None:
        return _option(option, text, contract.mappings["symbol_aliases"])
    text = contract.mappings["symbol_aliases"].get(text, text)
    if not looks_like_cusip(text):
        return SecurityId(ticker=text)
    if re.fullmatch(contract.mappings["forms"]["plan_account"], account):
        return SecurityId(custodian_security_id=text)
    if is_cusip(text):
        return SecurityId(cusip=text)
    return SecurityId(
        custodian_security_id=text, problem=f"symbol {text!r}, nine characters that are no CUSIP"
    )


def cusip_in_words(words: str) -> str:
    """The last CUSIP with a valid check digit that stands in parentheses in free text."""
    proven = [text for text in _NAMED_IN_WORDS.findall(words) if is_cusip(text)]
    return str(proven[-1]) if proven else ""


def _option(option: OptionTerms, text: str, aliases: Mapping[str, str]) -> SecurityId:
    """The 21 characters of the Options Clearing Corporation, from Fidelity's short spelling."""
    return SecurityId(
        ticker=option.symbol or text,
        option=option,
        underlying_ticker=aliases.get(option.underlying, option.underlying),
    )


def security_columns(
    found: SecurityId, description: str, unit_factor: str, contract: FeedContract
) -> dict[str, str | None]:
    """The master data of a security, as far as its symbol and description prove them.

    Args:
        found: from the Symbol cell.
        description: as received.
        unit_factor: '0.01' or '1' where the row's own value proves the unit of its price.
        contract: for its tables of words and forms.
    """
    columns: dict[str, str | None] = {
        **found.columns,
        "security_name": description,
        "currency": contract.mappings["constants"]["currency"],
        "security_type": security_type(found, description, unit_factor, contract),
    }
    if found.option is not None:
        columns |= {
            **found.option.columns,
            "underlying_ticker": found.underlying_ticker,
            "contract_multiplier": contract.mappings["constants"]["option_multiplier"],
        }
    if unit_factor and (found.cusip or _is_debt(found, unit_factor)):
        columns["price_factor"] = unit_factor
    is_stated = found.cusip or _is_debt(found, unit_factor)
    terms = _COUPON_AND_MATURITY.search(description) if is_stated else None
    if terms:
        maturity = day_in_words(terms["maturity"])
        columns["coupon_rate"] = terms["coupon"]
        columns["maturity_date"] = maturity.isoformat() if maturity else None
    return columns


def _is_debt(found: SecurityId, unit_factor: str) -> bool:
    """A code of Fidelity's own whose price is proven to be per 100 of face."""
    return bool(found.custodian_security_id) and unit_factor == "0.01"


def security_type(
    found: SecurityId, description: str, unit_factor: str, contract: FeedContract
) -> str:
    """The type by the form of the symbol, then by words of the description (tables)."""
    if found.is_option:
        return "OPTION"
    if found.cusip or _is_debt(found, unit_factor):
        words = contract.mappings["debt_types_by_words"]
        return _by_words(description, words) or "OTHER" if unit_factor == "0.01" else "OTHER"
    if found.custodian_security_id:
        return "OTHER"
    for form, kind in contract.mappings["security_types_by_symbol"].items():
        if re.fullmatch(form, found.ticker):
            return kind
    by_words = _by_words(description, contract.mappings["security_types_by_words"])
    return by_words or contract.mappings["constants"]["listed_security_type"]


def _by_words(description: str, table: Mapping[str, str]) -> str:
    padded = f" {' '.join(description.upper().split())} "
    return next((kind for words, kind in table.items() if f" {words} " in padded), "")


def unit_factor_of(quantity: str, price: str, value: str, contract: FeedContract) -> str:
    """'0.01' or '1', whichever makes quantity times price the stated value; '' where neither."""
    amounts = [parse_amount(text) for text in (quantity, price, value)]
    held, unit_price, stated = amounts
    if held is None or unit_price is None or not stated:
        return ""
    least = contract.tolerance("price_unit_proved")
    allowed = max(least, abs(stated) * _SHARE_OF_VALUE)
    factors = ("1", "0.01")
    products = {factor: held * unit_price * Decimal(factor) for factor in factors}
    return next((f for f in factors if abs(products[f] - stated) <= allowed), "")


@dataclass
class Holdings:
    """Positions of one file on their way into its tables, each security once.

    Attributes:
        contract: of the feed.
        collectors: of positions and securities.
        price_date: of the file, as text.
        quantity_basis: what the layout says of its quantities.
        broken: says that a rule is broken; takes rule, record, words, and by name account,
            security and entity.
    """

    contract: FeedContract
    collectors: Mapping[str, RowCollector]
    price_date: str | None
    quantity_basis: str
    broken: Callable[..., None]
    securities: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, record: Record, account: str, texts: Mapping[str, str], description: str) -> None:
        """Add one holding, and its security where it is new.

        Args:
            record: the row.
            account: number of the account.
            texts: cells by canonical column of positions.
            description: of the security, as received.
        """
        found = security_id(texts["ticker"], account, self.contract)
        for rule, observed in found.doubts:
            self._broken(rule, record, observed, account, found, "positions")
        self.collectors["positions"].add(
            {
                **texts,
                **found.columns,
                "account_number": account,
                "price_date": self.price_date,
                "currency": self.contract.mappings["constants"]["currency"],
                "quantity_basis": self.quantity_basis,
            },
            line=record.line,
            text=record.text,
        )
        identity = tuple(found.columns.values())
        if identity not in self.securities:
            self.securities.add(identity)
            self._security(record, account, found, texts, description)

    def _security(
        self,
        record: Record,
        account: str,
        found: SecurityId,
        texts: Mapping[str, str],
        description: str,
    ) -> None:
        factor = unit_factor_of(
            texts["quantity"], texts["price"], texts["market_value"], self.contract
        )
        if found.cusip and not factor:
            shown = f"{texts['quantity']} of {found.cusip} at {texts['price']}"
            worth = f"{shown} worth {texts['market_value']}"
            self._broken("price_unit_proved", record, worth, account, found, "securities")
        self.collectors["securities"].add(
            security_columns(found, description, factor, self.contract),
            line=record.line,
            text=record.text,
        )

    def _broken(
        self,
        rule: str,
        record: Record,
        observed: str,
        account: str,
        found: SecurityId,
        entity: str,
    ) -> None:
        self.broken(rule, observed, record, account=account, security=found.key, entity=entity)
