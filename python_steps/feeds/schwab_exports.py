"""What Schwab's exports have in common: title lines, dates of titles and names, symbols.

Belongs here: the title's date and period, the account in a file's name, and what a Symbol cell
holds. Does not belong here: the layout of one export, and what other custodians' downloads share
with these (client_exports). Source of the rules: the contracts `schwab_*.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from data_contracts.contract import FeedContract
from python_steps.feeds.client_exports import StatedDate, unquoted_text
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_cusip, looks_like_cusip
from python_steps.feeds.options import option_terms
from python_steps.feeds.received import ReceivedFile
from python_steps.findings import Violation

_DATE = re.compile(r"\b(\d{1,2}/\d{1,2}/\d{4}|\d{4}/\d{1,2}/\d{1,2})\b")
_NAME_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
# `..._Transactions_20250309-115444.csv`: the moment of the export stands last in the name.
# Browsers and Schwab itself may put a number behind it.
_NAME_STAMP = re.compile(r"_(\d{8})(?:-\d{6})?(?:_\d+)?(?: ?\(\d+\))?\.[A-Za-z]+$")
_NOTHING_FOUND = "there are no transactions"
# `Tue Mar 03  19:13:09 EDT 2026`, in titles of realized gains.
_WORDED_DATE = re.compile(
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+([A-Z][a-z]{2}\s+\d{1,2})\s+[\d:]+\s+[A-Z]{2,4}\s+(\d{4})\b"
)
_PERIOD = re.compile(
    r"\b(?:from|for)\s+(\d{1,2}/\d{1,2}/\d{4}|\d{4}/\d{1,2}/\d{1,2})\s+to\s+"
    r"(\d{1,2}/\d{1,2}/\d{4}|\d{4}/\d{1,2}/\d{1,2})",
    re.IGNORECASE,
)
# In file names a reference is masked or a number; words with a digit are the client's own.
_NAME_ACCOUNT = re.compile(
    r"(?:^|[_ ])(?P<account>(?:[Xx*]+-?|\.{2,3})\d{2,}|\d[\d-]{4,}\d)_Transactions_", re.IGNORECASE
)


def first_line(lines: Sequence[Record]) -> Record:
    """The line where a title stands; an empty one where a file has no line with text."""
    return lines[0] if lines else Record([], 1, "")


def title_of(record: Record) -> str:
    """The title line's words; an unquoted title is split at its commas and joined again."""
    return ", ".join(cell.strip() for cell in record.cells if cell.strip()) or record.text


def stated_date(title: str, file: ReceivedFile, contract: FeedContract) -> StatedDate:
    """The date of the title, else of the file name; the title wins where they differ."""
    in_title = _title_date(title, contract.date_formats)
    in_name = _name_date(file.file_name)
    if in_title is not None:
        if in_name is None or in_name[1] == in_title[1]:
            return StatedDate(*in_title, "TITLE", ())
        contradiction = contract.violation(
            "as_of_dates_agree",
            file_name=file.file_name,
            observed=f"{in_name[1]} in the file name",
            expected=f"{in_title[1]}, as the title line says",
        )
        return StatedDate(*in_title, "TITLE", (contradiction,))
    if in_name is not None:
        return StatedDate(*in_name, "FILE_NAME", ())
    absent = contract.violation(
        "as_of_date_present",
        file_name=file.file_name,
        row=1,
        observed=f"a title line of {unquoted_text(title)} without a date"
        if title
        else "no title line, and a file name without a date",
    )
    return StatedDate(None, None, None, (absent,))


def says_nothing_found(record: Record) -> bool:
    """True of the line that stands where an account has no rows for the chosen period."""
    filled = [cell for cell in record.cells if cell.strip()]
    return len(filled) == 1 and normalised(filled[0]).startswith(_NOTHING_FOUND)


def _title_date(title: str, formats: Sequence[str]) -> tuple[str, date] | None:
    """The moment of the export: what follows "as of", before any period."""
    stated = title.lower().rpartition(" as of ")[2]
    # The days of a period are not the day of the export.
    words = _PERIOD.sub(" ", title[len(title) - len(stated) :])
    worded = _WORDED_DATE.search(words)
    if worded:
        text = f"{worded[1]} {worded[2]}"
        return _first_date([" ".join(text.split())], ("%b %d %Y",))
    return _first_date(_DATE.findall(words), formats)


def _name_date(file_name: str) -> tuple[str, date] | None:
    in_name = _first_date(_NAME_DATE.findall(file_name), ("%Y-%m-%d",))
    return in_name or _first_date(_NAME_STAMP.findall(file_name), ("%Y%m%d",))


def covered_period(title: str, formats: Sequence[str]) -> tuple[date, date] | None:
    """First and last day of a title's `from 01/01/2026 to 03/03/2026`; None without one."""
    match = _PERIOD.search(title)
    if not match:
        return None
    days = [_first_date([text], formats) for text in match.groups()]
    found = [day[1] for day in days if day is not None]
    return (found[0], found[1]) if len(found) == len(days) else None


def day_of(text: str, formats: Sequence[str]) -> date | None:
    """The calendar date of a cell, None where it is no date of these formats."""
    found = _first_date([text.strip()], formats)
    return found[1] if found else None


def account_of_file_name(file_name: str) -> str | None:
    """The reference in `Individual_XXX178_Transactions_20250309-115444.csv`; None without one."""
    match = _NAME_ACCOUNT.search(file_name)
    return match["account"] if match else None


def _first_date(texts: Sequence[str], formats: Sequence[str]) -> tuple[str, date] | None:
    for text in texts:
        for form in formats:
            try:
                return text, datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date
            except ValueError:
                continue
    return None


def security_columns(
    symbol: str, contract: FeedContract, *, file_name: str, entity: str, row: int, account: str
) -> tuple[dict[str, str], list[Violation]]:
    """`cusip` and `ticker` of a Symbol cell: a CUSIP where the check digit proves it.

    An option's ticker is its symbol of 21 characters, as other custodians' files have it.
    """
    text = symbol.strip()
    option = option_terms(text, "schwab")
    if option is not None:
        ticker = option.symbol or text
        return {"cusip": "", "ticker": ticker}, [
            contract.violation(
                rule,
                file_name=file_name,
                entity=entity,
                row=row,
                observed=observed,
                account_number=account,
                security_key=ticker,
            )
            for rule, observed in option.doubts
        ]
    if is_cusip(text):
        return {"cusip": text, "ticker": ""}, []
    if not looks_like_cusip(text):
        return {"cusip": "", "ticker": text}, []
    doubtful = contract.violation(
        "cusip_check_digit",
        file_name=file_name,
        entity=entity,
        row=row,
        observed=f"symbol {text!r}, nine characters with a wrong check digit",
        account_number=account,
        security_key=text,
    )
    return {"cusip": "", "ticker": text}, [doubtful]
