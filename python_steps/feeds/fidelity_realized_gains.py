"""Reader of Fidelity's realized gains download: the closed lots of one account.

Belongs here: the fused identifier, and the term that follows from the column of the gain. Does not
belong here: casting and tax rules. Source of the rules: `fidelity_realized_gains.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.fidelity_exports import (
    SheetReader,
    account_in_name,
    download_of,
    identical_rows,
    missing_footer,
    sheet_of,
    stated_date,
    sum_of,
)
from python_steps.feeds.fidelity_securities import security_id
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_cusip
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_FUSED = re.compile(r"^\s*(?P<symbol>[^()]*?)\s*\((?P<cusip>[^()]*)\)\s*$")


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one download of realized gains.

    Args:
        file: as received.
        contract: of the feed fidelity_realized_gains.

    Returns:
        Closed lots as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    sheet, found = sheet_of(decoded.content, contract.entity("closed_lots"), contract, file)
    violations = [*decoded.violations, *found]
    if sheet is None:
        return refused(contract, violations)
    reader = SheetReader(file, contract, sheet, violations, ("closed_lots",))
    account = account_in_name(file.file_name)
    if not account:
        reader.broken("account_reference_present", f"the file name {file.file_name!r}", None)
    _check_gain_columns(reader)
    if reader.is_readable:
        for record, cells in reader.fitting_rows():
            texts = reader.reader.texts("closed_lots", cells)
            gains = {
                kind: reader.reader.named(cells, name)
                for name, kind in contract.mappings["gain_columns"].items()
            }
            _add(reader, record, account, texts, gains)
        reader.violations += identical_rows(reader, "closed_lots")
    as_of = stated_date(download_of(sheet.footer), file, contract)
    return reader.reading(as_of, [account], later=missing_footer(reader, "footer_present"))


def _check_gain_columns(reader: SheetReader) -> None:
    names = {normalised(cell) for cell in reader.sheet.header.cells}
    for name in reader.contract.mappings["gain_columns"]:
        if name not in names:
            reader.is_readable = False
            reader.broken(
                "required_column",
                f"no column {name!r}",
                reader.sheet.header,
                expected=f"a column {name!r}",
                entity="closed_lots",
            )


def _add(
    reader: SheetReader,
    record: Record,
    account: str,
    texts: Mapping[str, str],
    gains: Mapping[str, str],
) -> None:
    identifiers = _identifiers(reader, record, account, texts["ticker"])
    gain, term = _gain(gains, reader.contract)
    expected = _proceeds_less_basis(texts)
    stated = parse_amount(gain)
    if (
        stated is not None
        and expected is not None
        and abs(stated - expected) > reader.contract.tolerance("gain_agrees")
    ):
        reader.broken(
            "gain_agrees",
            f"a gain of {gain} for {texts['ticker'].strip()}",
            record,
            expected=f"{expected}, proceeds less cost basis",
            account=account,
            entity="closed_lots",
        )
    reader.collectors["closed_lots"].add(
        {
            **texts,
            **identifiers,
            "account_number": account,
            "realized_gain_loss": gain,
            "term": term,
            "currency": reader.contract.mappings["constants"]["currency"],
        },
        line=record.line,
        text=record.text,
    )


def _identifiers(reader: SheetReader, record: Record, account: str, cell: str) -> dict[str, str]:
    """Symbol and CUSIP of `VEA(921943858)`; a number with a wrong check digit is left out.

    Where there is no symbol beside it, such a number is kept as Fidelity's own code, or nothing
    would name the security. An option's number is Fidelity's own too, and says nothing that the
    symbol does not say.
    """
    fused = _FUSED.match(cell)
    found = security_id(fused["symbol"] if fused else cell, account, reader.contract)
    columns = found.columns
    number = fused["cusip"].strip() if fused else ""
    if is_cusip(number):
        columns["cusip"] = number
    elif (number and not found.is_option) or found.problem:
        reader.broken(
            "cusip_check_digit",
            f"{cell.strip()!r}",
            record,
            account=account,
            security=found.key,
            entity="closed_lots",
        )
        if not found.key:
            columns["custodian_security_id"] = number
    for rule, observed in found.option.doubts if found.option else ():
        reader.broken(
            rule, observed, record, account=account, security=found.key, entity="closed_lots"
        )
    return columns


def _gain(gains: Mapping[str, str], contract: FeedContract) -> tuple[str, str]:
    """The gain and its term: the column that is filled, both together where both are."""
    filled = {kind: text for kind, text in gains.items() if text not in contract.null_words}
    telling = {kind: text for kind, text in filled.items() if parse_amount(text) != 0}
    if len(telling) == 1:
        kind, text = next(iter(telling.items()))
        return text, kind
    if len(filled) == 1:
        kind, text = next(iter(filled.items()))
        return text, kind
    return (sum_of(list(filled.values())) if filled else ""), "UNKNOWN"


def _proceeds_less_basis(texts: Mapping[str, str]) -> Decimal | None:
    proceeds, basis = parse_amount(texts["proceeds"]), parse_amount(texts["cost_basis"])
    return proceeds - basis if proceeds is not None and basis is not None else None
