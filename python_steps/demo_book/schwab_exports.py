"""The demo book as Schwab's own exports: a positions CSV per account, a lot CSV per symbol.

Belongs here: the layouts of 2020 (account XXXX-1234) and of 2026 (account ...234). Does not belong
here: any other custodian. The exports carry no CUSIP, no transactions and no persons; accounts are
masked; every row but the title ends with a comma, lines end with CR LF.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from python_steps.demo_book.activity import cash_on
from python_steps.demo_book.ledger import OpenLot, Position, amount_in_cents
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import Account, Household
from python_steps.demo_book.text_files import quantity_text
from python_steps.demo_book.universe import universe
from python_steps.taxes.holding_period import is_long_term

_MASKED_IN_2026 = "..."
_TITLES = {
    "taxable_joint": "Joint Tenant",
    "taxable_individual": "Individual",
    "traditional_ira": "Contributory IRA",
    "roth_ira": "Roth Contributory IRA",
}
_KINDS = {
    "ETF": "ETFs & Closed End Funds",
    "EQUITY": "Equity",
    "MUTUAL_FUND": "Mutual Fund",
    "MONEY_MARKET": "Cash and Money Market",
}
_POSITIONS_2020 = (
    "Symbol", "Description", "Quantity", "Price", "Price Change $", "Price Change %",
    "Market Value", "Day Change $", "Day Change %", "Cost Basis", "Gain/Loss $", "Gain/Loss %",
    "Reinvest Dividends?", "Capital Gains?", "% Of Account", "Dividend Yield", "Last Dividend",
    "Ex-Dividend Date", "P/E Ratio", "52 Week Low", "52 Week High", "Volume", "Intrinsic Value",
    "In The Money", "Security Type",
)  # fmt: skip
_POSITIONS_2026 = (
    "Symbol", "Description", "Price", "Qty (Quantity)", "Price Chng $ (Price Change $)",
    "Price Chng % (Price Change %)", "Mkt Val (Market Value)", "Day Chng $ (Day Change $)",
    "Day Chng % (Day Change %)", "Cost Basis", "Gain $ (Gain/Loss $)", "Gain % (Gain/Loss %)",
    "Reinvest?", "Reinvest Capital Gains?", "% of Acct (% of Account)", "Asset Type",
)  # fmt: skip
_LOTS_2020 = (
    "Open Date", "Quantity", "Price", "Cost/Share", "Market Value", "Cost Basis", "Gain/Loss $",
    "Gain/Loss %", "Holding Period",
)  # fmt: skip
_LOTS_2026 = (
    "Open Date", "Transaction Open", "Quantity", "Price", "Cost/Share", "Transaction CPS",
    "Market Value", "Cost Basis", "Transaction CB", "Gain/Loss $", "Transaction G/L $",
    "Gain/Loss %", "Transaction G/L %", "Holding Period", "Disallowed Loss",
)  # fmt: skip
_NONE = "--"
_LAST_YEAR = 252  # sessions


class SchwabExports:
    """The exports of one session, one positions file per account and one lot file per symbol."""

    def __init__(self, market: Market, session_index: int) -> None:
        self.market = market
        self.session_index = session_index
        self.session = market.sessions[session_index]
        self._files: list[tuple[str, bytes]] = []

    def add(self, household: Household) -> None:
        """Add the files of the household's accounts at this custodian."""
        for account in household.accounts:
            if account.folder == "schwab":
                self._add_account(account)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """File names with content, in the order of the accounts."""
        yield from self._files

    def _add_account(self, account: Account) -> None:
        held = [one for one in account.positions if one.quantity(self.session_index)]
        title = _TITLES[account.account_type]
        stem = f"{title.replace(' ', '_')}_{account.number.strip('.')}"
        day = self.session.isoformat()
        lines = [
            _line(
                (f"Positions for account {title} {account.number} as of {self._moment(account)}",)
            ),
            "",
            _line(_POSITIONS_2026 if _is_2026(account) else _POSITIONS_2020, comma=True),
        ]
        values = [self._value(position, self.session_index) for position in held]
        cash = cash_on(account, self.market, self.session_index)
        total = sum(values) + cash
        for position, value in zip(held, values, strict=True):
            lines.append(_line(self._position_row(account, position, value, total), comma=True))
        lines.append(_line(_cash_row(account, cash, total), comma=True))
        basis = sum(
            lot.cost_basis for position in held for lot in position.open_lots(self.session_index)
        )
        lines.append(_line(_total_row(account, total, basis, sum(values)), comma=True))
        self._files.append((f"{stem}-Positions-{day}-180452.csv", _file(lines)))
        for position in held:
            name = f"{position.ticker}-Lot-Details-{stem}-{day}.csv"
            self._files.append((name, _file(self._lot_lines(account, position))))

    def _moment(self, account: Account) -> str:
        shape = "%Y/%m/%d" if _is_2026(account) else "%m/%d/%Y"
        return f"06:04 PM ET, {self.session:{shape}}"

    def _value(self, position: Position, session_index: int) -> int:
        """Today's shares at a session's price, in cents."""
        price = self.market.price(position.ticker, session_index)
        return amount_in_cents(position.quantity(self.session_index), price)

    def _position_row(
        self, account: Account, position: Position, value: int, total: int
    ) -> tuple[str, ...]:
        ticker = position.ticker
        security = universe()[ticker]
        price = self.market.price(ticker, self.session_index)
        change = price - self.market.price(ticker, self.session_index - 1)
        day_change = value - self._value(position, self.session_index - 1)
        basis = sum(lot.cost_basis for lot in position.open_lots(self.session_index))
        name = security.name.upper()
        quantity = _grouped(position.quantity(self.session_index))
        change_share = _percent(change, price - change)
        figures = (
            _dollars(change),
            change_share,
            _dollars(value),
            _dollars(day_change),
            change_share,
            _dollars(basis),
            _dollars(value - basis),
            _percent(value - basis, basis),
        )
        reinvests = "Yes" if position.reinvests_from is not None else "No"
        share = _percent(value, total)
        kind = _KINDS[security.security_type]
        if _is_2026(account):
            plain_price = _dollars(price).removeprefix("$")
            head = (ticker, name, plain_price, quantity)
            return (*head, *figures, reinvests, "N/A", share, kind)
        year = self.market.prices[ticker][self.session_index - _LAST_YEAR : self.session_index + 1]
        return (
            *(ticker, name, quantity, _dollars(price)),
            *figures,
            *(reinvests, _NONE, share),
            f"+{security.distribution_bps / 100:g}%" if security.distribution_bps else _NONE,
            *(_NONE, _NONE, _NONE),
            *(_dollars(min(year)), _dollars(max(year))),
            *(_NONE, _NONE, _NONE),
            kind,
        )

    def _lot_lines(self, account: Account, position: Position) -> list[str]:
        lots = position.open_lots(self.session_index)
        newest_first = sorted(lots, key=lambda lot: lot.purchase.session_index, reverse=True)
        title = f"{position.ticker} Lot Details for {account.number} as of {self._moment(account)}"
        wide = _is_2026(account)
        lines = [_line((title,)), "", _line(_LOTS_2026 if wide else _LOTS_2020, comma=True)]
        for lot in newest_first:
            row = self._wide_lot(position, lot) if wide else self._lot(position, lot)
            lines.append(_line(row, comma=True))
        quantity = sum(lot.quantity for lot in lots)
        basis = sum(lot.cost_basis for lot in lots)
        value = self._value(position, self.session_index)
        gain = (_dollars(value - basis), _percent(value - basis, basis))
        if wide:
            added = sum(lot.disallowed_loss for lot in lots)
            row = (
                *("Total", _NONE, _grouped(quantity), _NONE, _NONE, _NONE, _dollars(value)),
                *(_dollars(basis), _dollars(basis - added), gain[0]),
                *(_dollars(value - basis + added), gain[1], _NONE, _NONE, _dollars(added)),
            )
        else:
            row = (
                *("Total", _grouped(quantity), _NONE, _NONE, _dollars(value), _dollars(basis)),
                *(*gain, _NONE),
            )
        lines.append(_line(row, comma=True))
        return lines

    def _lot(self, position: Position, lot: OpenLot) -> tuple[str, ...]:
        price = self.market.price(position.ticker, self.session_index)
        value = amount_in_cents(lot.quantity, price)
        return (
            self._opened(position, lot),
            _grouped(lot.quantity),
            _dollars(price),
            _dollars(lot.purchase.price),
            _dollars(value),
            _dollars(lot.cost_basis),
            _dollars(value - lot.cost_basis),
            _percent(value - lot.cost_basis, lot.cost_basis),
            self._term(position, lot),
        )

    def _wide_lot(self, position: Position, lot: OpenLot) -> tuple[str, ...]:
        price = self.market.price(position.ticker, self.session_index)
        value = amount_in_cents(lot.quantity, price)
        paid = lot.cost_basis - lot.disallowed_loss
        per_share = lot.cost_basis * 10_000 // lot.quantity
        opened = self._opened(position, lot)
        return (
            *(opened, opened, _grouped(lot.quantity), _dollars(price)),
            *(_dollars(per_share), _dollars(lot.purchase.price), _dollars(value)),
            *(_dollars(lot.cost_basis), _dollars(paid)),
            *(_dollars(value - lot.cost_basis), _dollars(value - paid)),
            _percent(value - lot.cost_basis, lot.cost_basis),
            _percent(value - paid, paid),
            self._term(position, lot),
            _dollars(lot.disallowed_loss) if lot.disallowed_loss else _NONE,
        )

    def _opened(self, position: Position, lot: OpenLot) -> str:
        acquired = self.market.sessions[lot.purchase.session_index]
        minute = (position.number * 23 + lot.purchase.number * 11) % 60
        return f"{acquired:%m/%d/%Y} 10:{minute:02d}:{lot.purchase.number % 60:02d}"

    def _term(self, position: Position, lot: OpenLot) -> str:
        acquired = self.market.sessions[lot.purchase.session_index]
        start = position.holding_starts.get(lot.purchase.number, acquired)
        return "Long Term" if is_long_term(start, self.session) else "Short Term"


def _is_2026(account: Account) -> bool:
    return account.number.startswith(_MASKED_IN_2026)


def _cash_row(account: Account, cash: int, total: int) -> tuple[str, ...]:
    head = ("Cash & Cash Investments", *(_NONE,) * 4)
    money = (_dollars(cash), "$0.00", "0%")
    share, kind = _percent(cash, total), "Cash and Money Market"
    if _is_2026(account):
        return (*head, _NONE, *money, *(_NONE,) * 5, share, kind)
    return (*head, _NONE, *money, *(_NONE,) * 5, share, *(_NONE,) * 9, kind)


def _total_row(account: Account, total: int, basis: int, invested: int) -> tuple[str, ...]:
    gain = (_dollars(invested - basis), _percent(invested - basis, basis))
    if _is_2026(account):
        head = ("Positions Total", "", *(_NONE,) * 4, _dollars(total), _NONE, _NONE)
        return (*head, _dollars(basis), *gain, *(_NONE,) * 4)
    head = ("Account Total", *(_NONE,) * 5, _dollars(total), _NONE, _NONE)
    return (*head, _dollars(basis), *gain, *(_NONE,) * 11)


def _line(cells: Sequence[str], *, comma: bool = False) -> str:
    joined = ",".join(f'"{cell}"' for cell in cells)
    return f"{joined}," if comma else joined


def _file(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


def _dollars(cents: int) -> str:
    """Cents as Schwab writes them: $1,234.56 and -$1.00."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}${whole:,}.{rest:02d}"


def _grouped(quantity: int) -> str:
    whole, point, rest = quantity_text(quantity).partition(".")
    return f"{int(whole):,}{point}{rest}"


def _percent(part: int, whole: int) -> str:
    """A share in percent with two decimals; N/A where there is nothing to divide by."""
    if not whole:
        return "N/A"
    hundredths = part * 10_000 // whole
    sign = "-" if hundredths < 0 else ""
    percent, rest = divmod(abs(hundredths), 100)
    return f"{sign}{percent}.{rest:02d}%"
