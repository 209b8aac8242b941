"""Reader of Pershing's positions (GCUS): records A and B to positions and currency balances.

Belongs here: what the records mean, and the test of the implied decimals that the file itself
allows. Does not belong here: the frame (`pershing_frame.py`) and the columns (the contract's
layout). Source of the rules: `pershing_gcus.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.pershing_frame import (
    Frame,
    PershingRecord,
    RecordReader,
    fields_of,
    read_frame,
    reading_of,
    security_identifiers,
    shown,
)
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.tables import RowCollector

_CURRENCY, _SECURITY = "C", "S"
_ISIN = "I"


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one GCUS file.

    Args:
        file: as received.
        contract: of the feed pershing_gcus.

    Returns:
        Securities, positions and cash balances as text, and what is wrong with the file.
    """
    frame = read_frame(file, contract)
    if not frame.is_usable:
        return reading_of(frame, file, contract)
    walk = _Walk(file, contract, frame)
    walk.records()
    return reading_of(frame, file, contract, walk.collectors, walk.accounts)


@dataclass
class _Holding:
    """One record A and, where it has one, its record B."""

    record: PershingRecord
    values: dict[str, str]
    more: dict[str, str] | None = None
    more_record: PershingRecord | None = None


@dataclass
class _Cash:
    """A balance of one account and currency, summed over the account's types."""

    record: PershingRecord
    texts: list[str]
    trade: Decimal = Decimal(0)
    settled: Decimal = Decimal(0)
    margin: Decimal = Decimal(0)
    is_certain: bool = True


class _Walk:
    """Collects the holdings of a file."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, frame: Frame) -> None:
        self.file = file
        self.contract = contract
        self.frame = frame
        layout = contract.layout or {}
        self.main = fields_of(layout, "GCA")
        self.further = fields_of(layout, "GCB")
        self.reader = RecordReader(file.file_name, contract, frame.problems)
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.accounts: set[str] = set()
        self.securities_seen: set[str] = set()
        self.cash: dict[tuple[str, str], _Cash] = {}
        self.dollar_tests = 0

    def records(self) -> None:
        """Read every record, pair A with B, and land what they say."""
        for holding in self._holdings():
            self.accounts.add(holding.values["account"])
            kind = holding.values["indicator"]
            if kind == _CURRENCY:
                self._add_cash(holding)
            elif kind == _SECURITY:
                self._add_position(holding)
            else:
                self._broken("record_understood", f"the indicator {kind!r}", holding)
        self._land_cash()
        if not self.dollar_tests and self.frame.records:
            self._broken("implied_decimals_unconfirmed", "no US dollar balance", None)

    def _holdings(self) -> list[_Holding]:
        found: list[_Holding] = []
        for record in self.frame.records:
            code = record.text[:3]
            account = record.text[11:20].strip() or None
            if code == "GCA":
                values = self.reader.values(record, self.main, account=account)
                found.append(_Holding(record, values))
            elif code == "GCB":
                self._attach(record, found, account)
            else:
                self._broken("record_understood", f"a record {code!r}", _Holding(record, {}))
        return found

    def _attach(self, record: PershingRecord, found: list[_Holding], account: str | None) -> None:
        values = self.reader.values(record, self.further, account=account)
        last = found[-1] if found else None
        same = ("account", "account_type", "cusip")
        if (
            last is None
            or last.more is not None
            or any(last.values[name] != values[name] for name in same)
        ):
            shown_key = " ".join(values[name] for name in same)
            self._broken(
                "records_belong_together", f"a record B of {shown_key}", _Holding(record, values)
            )
            return
        last.more, last.more_record = values, record

    # Cash

    def _add_cash(self, holding: _Holding) -> None:
        """One account type's balance of a currency."""
        values = holding.values
        currency = self._currency(holding)
        account = values["account"]
        cash = self.cash.setdefault((account, currency), _Cash(holding.record, []))
        cash.texts.append(shown(holding.record, self.main))
        trade, settled = _amount(values["trade_quantity"]), _amount(values["settled_quantity"])
        if trade is None:
            self._broken("field_readable", "a currency balance without a quantity", holding)
            cash.is_certain = False
            return
        cash.trade += trade
        cash.settled += trade if settled is None else settled
        constants = self.contract.mappings["constants"]
        if values["account_type"] == constants["margin_type"]:
            cash.margin += trade
        if currency == constants["base_currency"]:
            self._test_decimals(holding, trade)

    def _test_decimals(self, holding: _Holding, quantity: Decimal) -> None:
        """A dollar is worth a dollar, whatever the implied decimals of quantity and value."""
        value = _amount(holding.values["trade_value"])
        if value is None or (not quantity and not value):
            return
        self.dollar_tests += 1
        if abs(value - quantity) > self.contract.tolerance("implied_decimals_agree"):
            self._broken(
                "implied_decimals_agree",
                f"a dollar balance of {quantity} with a value of {value}",
                holding,
            )

    def _land_cash(self) -> None:
        for (account, currency), cash in self.cash.items():
            if self.frame.mode == "DELTA":
                self.frame.problems.append(
                    self.contract.violation(
                        "cash_of_changes",
                        file_name=self.file.file_name,
                        row=cash.record.line,
                        observed=f"a balance of {currency} in a file of changes",
                        entity="cash_balances",
                        account_number=account,
                    )
                )
            elif cash.is_certain:
                self.collectors["cash_balances"].add(
                    {
                        "account_number": account,
                        "currency": currency,
                        "trade_date_balance": format(cash.trade, "f"),
                        "settlement_date_balance": format(cash.settled, "f"),
                        "margin_debit": format(-cash.margin, "f") if cash.margin < 0 else None,
                    },
                    line=cash.record.line,
                    text=" ".join(cash.texts),
                )

    def _currency(self, holding: _Holding) -> str:
        """The currency that both columns agree on, one of which may be blank; else '', no guess."""
        stated = {
            holding.values[name]
            for name in ("position_currency", "issue_currency")
            if holding.values[name]
        }
        if holding.values["indicator"] == _SECURITY and holding.values["position_currency"]:
            # A security may be issued in another currency than the position is kept in.
            return holding.values["position_currency"]
        if len(stated) != 1:
            found = " and ".join(sorted(stated)) or "no currency"
            self._broken("currency_is_stated", found, holding)
            return ""
        return stated.pop()

    # Positions

    def _add_position(self, holding: _Holding) -> None:
        values = holding.values
        currency = self._currency(holding)
        identifiers = security_identifiers(values["cusip"])
        types = self.contract.mappings["account_types"]
        digit = values["account_type"]
        if digit not in types:
            self._broken("account_type_known", f"account type {digit!r}", holding)
        pending = _amount(values["pending_split"])
        quantity = _plus(values["trade_quantity"], pending)
        amount = _amount(quantity)
        side = None if not amount else ("LONG" if amount > 0 else "SHORT")
        if pending:
            self._broken("pending_split_added", f"{pending} pending shares", holding)
        self._add_security(holding, identifiers, currency)
        self.collectors["positions"].add(
            {
                **identifiers,
                "isin": values["identifier"] if values["identifier_type"] == _ISIN else "",
                "ticker": values["symbol"],
                "account_number": values["account"],
                "sub_account_type": types.get(digit, "OTHER"),
                "long_short": side,
                "quantity": quantity,
                "settled_quantity": _plus(values["settled_quantity"], pending),
                "pending_quantity": values["pending_split"] if pending else None,
                "quantity_basis": "TRADE_DATE",
                "market_value": self._market_value(holding, currency, pending),
                "accrued_interest": (holding.more or {}).get("accrued_interest"),
                "currency": currency,
            },
            line=holding.record.line,
            text=self._text(holding),
        )

    def _market_value(
        self, holding: _Holding, currency: str, pending: Decimal | None
    ) -> str | None:
        """The value with that of the pending split; null where it is not certain."""
        if currency != self.contract.mappings["constants"]["base_currency"]:
            self._broken("value_currency_known", f"a position in {currency or 'nothing'}", holding)
            return None
        value = holding.values["trade_value"]
        if not pending:
            return value
        further = _amount((holding.more or {}).get("pending_split_value", ""))
        if further is None:
            self._broken("pending_split_value_known", "no value of the pending split", holding)
            return None
        return _plus(value, further)

    def _add_security(self, holding: _Holding, identifiers: dict[str, str], currency: str) -> None:
        values, number = holding.values, holding.values["cusip"]
        if number in self.securities_seen:
            return
        self.securities_seen.add(number)
        put_call = self.contract.mappings["put_call"].get((holding.more or {}).get("put_call", ""))
        is_option = put_call is not None
        self.collectors["securities"].add(
            {
                **identifiers,
                "isin": values["identifier"] if values["identifier_type"] == _ISIN else "",
                "ticker": values["symbol"],
                "security_name": " ".join(values["description"].split()),
                "security_type": "OPTION" if is_option else None,
                "currency": values["issue_currency"] or currency,
                "contract_multiplier": _filled(values["contract_size"]) if is_option else None,
                "pool_factor": _filled(values["pool_factor"]),
                "put_call": put_call,
                "strike_price": _filled(values["strike"]) if is_option else None,
                "expiration_date": values["expiry"] if is_option else None,
                "maturity_date": None if is_option else values["expiry"],
            },
            line=holding.record.line,
            text=self._text(holding),
        )

    def _text(self, holding: _Holding) -> str:
        text = shown(holding.record, self.main)
        if holding.more_record is not None:
            text += " " + shown(holding.more_record, self.further)
        return text

    def _broken(self, rule: str, observed: str, holding: _Holding | None) -> None:
        values = holding.values if holding else {}
        self.frame.problems.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=holding.record.line if holding else None,
                observed=observed,
                entity="positions" if values.get("indicator") == _SECURITY else None,
                account_number=values.get("account") or None,
                security_key=values.get("cusip") or None,
            )
        )


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _plus(text: str, further: Decimal | None) -> str:
    """The sum; a blank stays a blank, whatever is added."""
    return format(Decimal(text) + further, "f") if text and further else text


def _filled(text: str) -> str | None:
    """The number; a field of zeros is one that does not apply."""
    return text if text and Decimal(text) else None
