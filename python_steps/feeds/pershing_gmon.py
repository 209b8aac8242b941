"""Reader of Pershing's balances (GMON): records A (trade date) and B (settlement date).

Belongs here: what the two records of an account mean. Does not belong here: the frame, the columns,
and the comparison with GCUS, which is a rule of the warehouse. Source of the rules:
`pershing_gmon.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass

from data_contracts.contract import FeedContract
from python_steps.feeds.pershing_frame import (
    Frame,
    PershingRecord,
    RecordReader,
    fields_of,
    read_frame,
    reading_of,
    shown,
)
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.tables import RowCollector

_CURRENCY = "USD"


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one GMON file.

    Args:
        file: as received.
        contract: of the feed pershing_gmon.

    Returns:
        Cash balances as text, and what is wrong with the file.
    """
    frame = read_frame(file, contract)
    if not frame.is_usable:
        return reading_of(frame, file, contract)
    walk = _Walk(file, contract, frame)
    walk.records()
    return reading_of(frame, file, contract, walk.collectors, walk.accounts)


@dataclass
class _Balance:
    """The two records of one account."""

    account: str
    record: PershingRecord
    traded: dict[str, str]
    settled: dict[str, str] | None = None


class _Walk:
    """Collects the balances of a file."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, frame: Frame) -> None:
        self.file = file
        self.contract = contract
        self.frame = frame
        layout = contract.layout or {}
        self.traded_fields = fields_of(layout, "GMA")
        self.settled_fields = fields_of(layout, "GMB")
        self.reader = RecordReader(file.file_name, contract, frame.problems)
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.accounts: set[str] = set()

    def records(self) -> None:
        """Pair the records of each account and land its balance."""
        for balance in self._balances():
            self._land(balance)

    def _balances(self) -> list[_Balance]:
        found: list[_Balance] = []
        for record in self.frame.records:
            code, account = record.text[:3], record.text[11:20].strip()
            if code == "GMA":
                values = self.reader.values(record, self.traded_fields, account=account)
                found.append(_Balance(account, record, values))
                self.accounts.add(account)
            elif code != "GMB":
                self._broken("record_understood", f"a record {code!r}", account, record)
            elif not found or found[-1].account != account or found[-1].settled is not None:
                self._broken("records_belong_together", f"a record B of {account}", account, record)
            else:
                found[-1].settled = self.reader.values(record, self.settled_fields, account=account)
        return found

    def _land(self, balance: _Balance) -> None:
        traded = balance.traded
        if traded["all_in_dollars"] != traded["dollars"]:
            self._broken(
                "other_currencies_present",
                f"{traded['dollars']} dollars of {traded['all_in_dollars']} in all currencies",
                balance.account,
                balance.record,
            )
        self.collectors["cash_balances"].add(
            {
                "account_number": balance.account,
                "currency": _CURRENCY,
                "trade_date_balance": traded["dollars"],
                "settlement_date_balance": None
                if balance.settled is None
                else balance.settled["dollars"],
                "sweep_value": traded["money_fund"],
            },
            line=balance.record.line,
            text=shown(balance.record, self.traded_fields),
        )

    def _broken(self, rule: str, observed: str, account: str, record: PershingRecord) -> None:
        self.frame.problems.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=record.line,
                observed=observed,
                entity="cash_balances",
                account_number=account or None,
            )
        )
