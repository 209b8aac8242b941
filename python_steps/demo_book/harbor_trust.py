"""The demo book as Harbor Trust delivers it: an invented custodian whose files are mapped by YAML.

Belongs here: the spelling of the standard feed's rows in that custodian's five files. Does not
belong here: amounts (they are the standard feed's) and the reading, which is the layout of
`data_contracts/feeds/harbor_trust.yaml`. Some purchases stand there as custodians correct
themselves: entered wrongly, cancelled, entered again.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from python_steps.demo_book.market import Market
from python_steps.demo_book.model import Household
from python_steps.demo_book.standard_feed import StandardFeed

FOLDER = "harbor_trust"
_RECORD_LENGTH = 160
# One of so many purchases was entered wrongly; its reference tells, so every night says the same.
_ONE_IN = 12

_REGISTRATIONS = {
    "INDIVIDUAL": "IND", "JTWROS": "JTW", "TRUST": "TRU", "IRA_TRAD": "IRA", "IRA_SEP": "SEP",
    "IRA_INHERITED": "INH", "IRA_ROTH": "ROT", "401K": "PLN", "HSA": "HSA", "UTMA": "UTM",
}  # fmt: skip
_TAX_CODES = {"TAXABLE": "T", "TAX_DEFERRED": "D", "TAX_FREE": "F"}
_LOT_METHODS = {
    "FIFO": "FIF", "LIFO": "LIF", "HIFO": "HIF", "AVERAGE": "AVG", "SPEC_ID": "SPC",
    "MIN_TAX": "MTX",
}  # fmt: skip
_ROLES = {"owner": "O", "joint": "J", "trustee": "T", "beneficiary": "B", "decedent": "X"}
_YES_NO = {"true": "Y", "false": "N"}
_ASSET_CODES = {
    "EQUITY": "01", "ETF": "02", "MUTUAL_FUND": "03", "MONEY_MARKET": "04", "OPTION": "05",
    "ALTERNATIVE": "09",
}  # fmt: skip
_ACTIVITY = {
    "BUY": "BUY", "SELL": "SEL", "DIVIDEND": "DIV", "INTEREST": "INT", "REINVEST": "REI",
    "DEPOSIT": "DEP", "WITHDRAWAL": "WDL", "ADVISORY_FEE": "ADV", "FEE": "FEE",
}  # fmt: skip
_ACQUIRED = {"PURCHASE": "P", "REINVEST": "R", "TRANSFER": "T", "GIFT": "G", "INHERITED": "I"}

_LOT_NAMES = (
    "Branch", "Account", "CUSIP", "Symbol", "Lot No", "Quantity", "Acquired", "Held Since", "Term",
    "Adjusted Cost", "Original Cost", "Unit Cost", "Wash Sale Adjustment", "Wash Sale", "Covered",
    "How Acquired", "Method", "Currency", "Desk",
)  # fmt: skip
_CLOSED_NAMES = (
    "Branch", "Account", "CUSIP", "Symbol", "Lot No", "Acquired", "Closed", "Quantity", "Proceeds",
    "Adjusted Cost", "Gain Or Loss", "Term", "Disallowed Loss", "Covered", "Reference", "Currency",
)  # fmt: skip
_TRANSACTION_NAMES = (
    "Branch", "Account", "Reference", "Original Reference", "Status", "Code", "Trade Date",
    "Settle Date", "Entry Date", "CUSIP", "Symbol", "Quantity", "Price", "Gross", "Commission",
    "Fees", "Net", "D/C", "Currency", "Text",
)  # fmt: skip
_SECURITY_NAMES = (
    "CUSIP", "Symbol", "ISIN", "Name", "Asset Code", "Currency", "Cash Equivalent", "Price Factor",
    "Multiplier", "Price", "Price Date", "Price Kind",
)  # fmt: skip

Row = Mapping[str, str]


class HarborTrust:
    """The files of Harbor Trust for one session, filled household by household."""

    def __init__(self, market: Market, session_index: int) -> None:
        self.session = market.sessions[session_index]
        self._facts = StandardFeed(FOLDER, market, session_index)
        self._facts.states_own_ids = True
        self._history_from = market.sessions[self._facts.first_index]

    def add(self, household: Household) -> None:
        """Add the household's accounts at this custodian, with their owners."""
        self._facts.add(household)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """File name and content of the five files. Can be asked for once."""
        facts = {name[:-4]: _rows(content) for name, content in self._facts.contents()}
        stamp = self.session.strftime("%Y%m%d")
        yield f"ht_daily_{stamp}.dat", self._daily(facts)
        lots = [_lot_cells(row) for row in facts["tax_lots"]]
        total = sum((Decimal(row["quantity"]) for row in facts["tax_lots"]), Decimal(0))
        yield f"ht_lots_{stamp}.psv", self._delimited("LOTS", _LOT_NAMES, lots, f"|{total}")
        closed = [_closed_cells(row) for row in facts["closed_lots"]]
        yield f"ht_closed_{stamp}.psv", self._delimited("CLOSED", _CLOSED_NAMES, closed)
        transactions = list(_with_corrections(facts["transactions"]))
        yield (
            f"ht_transactions_{stamp}.psv",
            self._delimited(
                "TRANSACTIONS",
                _TRANSACTION_NAMES,
                transactions,
                header=f"|{self._history_from:%Y%m%d}",
            ),
        )
        prices = {row["ticker"]: row for row in facts["prices"]}
        securities = [_security_cells(row, prices) for row in facts["securities"]]
        yield (
            f"ht_securities_{stamp}.psv",
            self._delimited("SECURITIES", _SECURITY_NAMES, securities),
        )

    def _delimited(
        self,
        kind: str,
        names: Sequence[str],
        rows: Sequence[Sequence[str]],
        totals: str = "",
        *,
        header: str = "",
    ) -> bytes:
        lines = [f"#HARBOR TRUST|{kind}|{self.session:%Y%m%d}|F{header}", "|".join(names)]
        lines += ["|".join(cells) for cells in rows]
        lines.append(f"#END|{len(rows)}{totals}")
        return ("\r\n".join(lines) + "\r\n").encode()

    def _daily(self, facts: Mapping[str, Sequence[Row]]) -> bytes:
        stamp = self.session.strftime("%Y%m%d")
        details = [
            *(_account_line(row, place) for place, row in enumerate(facts["accounts"])),
            *self._owner_lines(facts),
            *_position_lines(facts["positions"]),
            *(_cash_line(row) for row in facts["cash_balances"]),
            *(_order_line(row) for row in facts["open_orders"]),
            *(_year_end_line(row) for row in facts["prior_year_end_balances"]),
            "MSGQuarter-end statements are sent on the fifth business day",
        ]
        values = [Decimal(row["market_value"] or 0) for row in facts["positions"]]
        total = _number(str(sum(values, Decimal("0.00"))), 17, 2)
        lines = [
            f"HDR{'HARBOR TRUST CO':<20}{stamp}F",
            *details,
            f"TRL{stamp}{len(details):09d}{total}",
        ]
        return "".join(f"{line:<{_RECORD_LENGTH}}\n" for line in lines).encode()

    def _owner_lines(self, facts: Mapping[str, Sequence[Row]]) -> Iterator[str]:
        persons = {row["person_id"]: row for row in facts["persons"]}
        for place, row in enumerate(facts["account_owners"]):
            person = persons[row["person_id"]]
            yield (
                f"OWN{_parts(row)}{row['person_id']:<12}{_ROLES[row['owner_role']]}"
                f"{person['display_name']:<40}{_day(person['birth_date']):<8}"
                f"{_day(person['death_date']):<8}{_invented_tax_id(place)}"
            )


def _rows(content: bytes) -> list[Row]:
    """The rows of a standard feed's file, without its last line."""
    lines = content.decode().splitlines()[:-1]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def _parts(row: Row) -> str:
    """Branch and base of an account number, side by side."""
    return row["account_number"].replace("-", "")


def _account_cells(row: Row) -> list[str]:
    return row["account_number"].split("-")


def _day(text: str) -> str:
    return text.replace("-", "")


def _us_day(text: str) -> str:
    return f"{date.fromisoformat(text):%m/%d/%Y}" if text else "N/A"


def _number(text: str, width: int, decimals: int, *, has_sign: bool = True) -> str:
    """Digits without a point, and the sign behind them; blanks where nothing is known."""
    if not text:
        return " " * (width + has_sign)
    number = Decimal(text)
    digits = f"{int(abs(number).scaleb(decimals)):0{width}d}"
    return digits + (("-" if number < 0 else "+") if has_sign else "")


def _side(text: str) -> str:
    """An amount of 15 digits without sign, and D or C behind it."""
    return _number(text, 15, 2, has_sign=False) + ("D" if text.startswith("-") else "C")


def _invented_tax_id(place: int) -> str:
    """Nine digits that no tax authority gives out (the group is 00)."""
    return f"90000{place % 10_000:04d}"


def _account_line(row: Row, place: int) -> str:
    return (
        f"ACC{_parts(row)}{row['account_title']:<40}{_REGISTRATIONS[row['registration_type']]}"
        f"{_TAX_CODES[row['tax_status']]}{'C' if row['account_status'] == 'CLOSED' else 'O'}"
        f"{row['base_currency']}{_day(row['opened_date'])}"
        f"{_LOT_METHODS[row['default_disposal_method']]}{_YES_NO[row['is_margin']]}"
        f"{_invented_tax_id(place)}{f'{place + 1} Invented Lane, Harborton':<60}"
    )


def _position_lines(rows: Sequence[Row]) -> Iterator[str]:
    for place, row in enumerate(rows, start=1):
        key = f"{_parts(row)}{place:05d}"
        yield (
            f"POA{key}{row['cusip']:<9}{row['ticker']:<20}{row['isin']:<12}"
            f"{_number(row['quantity'], 15, 4)}{_YES_NO[row['is_held_away']]}"
            f"{row['long_short'][0]}{row['sub_account_type'][0]}"
        )
        yield (
            f"POB{key}{_number(row['price'], 13, 4, has_sign=False)}{_day(row['price_date']):<8}"
            f"{_number(row['market_value'], 15, 2)}{_number(row['cost_basis'], 15, 2)}"
            f"{_number(row['settled_quantity'], 15, 4)}{row['currency']}"
            f"{_number(row['accrued_interest'], 13, 2, has_sign=False)}"
        )


def _cash_line(row: Row) -> str:
    return (
        f"CSH{_parts(row)}{row['currency']}{_side(row['trade_date_balance'])}"
        f"{_side(row['settlement_date_balance'])}"
        f"{_number(row['margin_debit'], 15, 2, has_sign=False)}"
    )


def _order_line(row: Row) -> str:
    return (
        f"ORD{_parts(row)}{row['order_id']:<20}{row['cusip']:<9}{row['ticker']:<20}"
        f"{row['side'][0]}{_number(row['quantity'], 15, 4, has_sign=False)}"
        f"{_number(row['filled_quantity'], 15, 4, has_sign=False)}{row['order_type'][0]}"
        f"{_number(row['limit_price'], 13, 4, has_sign=False)}{row['status'][0]}"
        f"{_day(row['entered_date'])}"
    )


def _year_end_line(row: Row) -> str:
    balance = _number(row["balance"], 15, 2, has_sign=False)
    return f"YEB{_parts(row)}{row['balance_year']}{balance}"


def _lot_cells(row: Row) -> list[str]:
    return [
        *_account_cells(row),
        row["cusip"],
        row["ticker"],
        row["source_lot_id"],
        row["quantity"],
        _us_day(row["acquisition_date"]),
        _us_day(row["holding_period_start_date"]),
        row["term"][:1],
        row["cost_basis"],
        row["cost_basis_unadjusted"],
        row["unit_cost"],
        row["wash_sale_adjustment"],
        _YES_NO[row["wash_sale_flag"]],
        row["covered_status"][0],
        _ACQUIRED[row["acquisition_type"]],
        _LOT_METHODS[row["basis_method"]],
        row["currency"],
        "07",
    ]


def _closed_cells(row: Row) -> list[str]:
    return [
        *_account_cells(row),
        row["cusip"],
        row["ticker"],
        row["source_lot_id"],
        _us_day(row["acquisition_date"]),
        _us_day(row["disposal_date"]),
        row["quantity"],
        row["proceeds"],
        row["cost_basis"],
        row["realized_gain_loss"],
        row["term"][:1],
        row["disallowed_loss"],
        row["covered_status"][0],
        row["transaction_id"],
        row["currency"],
    ]


def _with_corrections(rows: Sequence[Row]) -> Iterator[list[str]]:
    """Each transaction; some purchases with the mistake that was cancelled and corrected."""
    for row in rows:
        reference = row["transaction_id"]
        if row["transaction_type"] != "BUY" or zlib.crc32(reference.encode()) % _ONE_IN:
            yield _transaction_cells(row, reference, "N")
            continue
        doubled = {
            **row,
            "quantity": str(Decimal(row["quantity"]) * 2),
            "gross_amount": str(Decimal(row["gross_amount"]) * 2),
            "net_amount": str(Decimal(row["net_amount"]) * 2),
        }
        mistaken = f"{reference}-E"
        yield _transaction_cells(doubled, mistaken, "N")
        yield _transaction_cells(doubled, f"{reference}-X", "X", original=mistaken)
        yield _transaction_cells(row, reference, "R")


def _transaction_cells(row: Row, reference: str, status: str, original: str = "") -> list[str]:
    return [
        *_account_cells(row),
        reference,
        original,
        status,
        _ACTIVITY[row["transaction_type"]],
        _us_day(row["transaction_date"]),
        _us_day(row["settlement_date"]),
        _us_day(row["entry_date"]),
        row["cusip"],
        row["ticker"],
        row["quantity"].removeprefix("-"),
        row["price"],
        row["gross_amount"],
        row["commission"],
        row["fees"],
        row["net_amount"].removeprefix("-"),
        "D" if row["net_amount"].startswith("-") else "C",
        row["currency"],
        row["description"],
    ]


def _security_cells(row: Row, prices: Mapping[str, Row]) -> list[str]:
    price = prices.get(row["ticker"])
    return [
        row["cusip"],
        row["ticker"],
        row["isin"],
        row["security_name"],
        _ASSET_CODES[row["security_type"]],
        row["currency"],
        _YES_NO[row["is_cash_equivalent"]],
        row["price_factor"],
        row["contract_multiplier"],
        price["price"] if price else "",
        _us_day(price["price_date"]) if price else "N/A",
        price["price_type"][0] if price else "",
    ]
