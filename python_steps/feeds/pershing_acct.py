"""Reader of Pershing's accounts (ACCT, ACCF): allow-listed columns of record A and nothing else.

Belongs here: which columns may be read. Does not belong here: names, addresses, tax ids and birth
dates, which the other records hold and which never leave the received file. Source of the rules:
`pershing_acct.yaml`.
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.pershing_frame import (
    RecordReader,
    fields_of,
    read_frame,
    reading_of,
    shown,
)
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.tables import RowCollector


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one ACCT or ACCF file.

    Args:
        file: as received.
        contract: of the feed pershing_acct.

    Returns:
        Accounts as text, and what is wrong with the file.
    """
    frame = read_frame(file, contract)
    if not frame.is_usable:
        return reading_of(frame, file, contract)
    layout = contract.layout or {}
    code, fields = str(layout["record_code"]), fields_of(layout, "CIA")
    reader = RecordReader(file.file_name, contract, frame.problems)
    accounts = RowCollector(contract.entity("accounts"))
    unmapped: set[str] = set()
    for record in frame.records:
        if not record.text.startswith(code):
            frame.problems.append(
                contract.violation(
                    "record_understood",
                    file_name=file.file_name,
                    row=record.line,
                    observed=f"a record {record.text[:3]!r}",
                )
            )
        elif record.text.startswith(f"{code}A"):
            account = record.text[11:20].strip()
            values = reader.values(record, fields, account=account or None)
            mapped = contract.mappings["registration_types"].get(values["registration"])
            if values["registration"] and mapped is None:
                unmapped.add(values["registration"])
            accounts.add(
                {
                    "account_number": values["account"],
                    "registration_type": mapped,
                    "account_status": "CLOSED" if values["closed"] else None,
                    "opened_date": values["opened"],
                    "closed_date": values["closed"],
                    "advisor_code": values["advisor"],
                },
                line=record.line,
                text=shown(record, fields),
            )
    if unmapped:
        frame.problems.append(
            contract.violation(
                "registration_type_unmapped",
                file_name=file.file_name,
                observed=f"the codes {', '.join(sorted(unmapped))}",
            )
        )
    names = [row["account_number"] for row in accounts.rows if row["account_number"]]
    return reading_of(frame, file, contract, {"accounts": accounts}, names)
