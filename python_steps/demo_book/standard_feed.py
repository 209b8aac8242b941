"""The demo book as one custodian's standard feed: one CSV per entity in the canonical columns.

Belongs here: the columns and rows of the standard feed's files for one custodian and session.
Does not belong here: other custodians' layouts, the firm's own policy files. The last line of
each file states its row count and its session.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta

from python_steps.demo_book.activity import (
    Transaction,
    cash_on,
    transactions_between,
    unsettled_amount,
)
from python_steps.demo_book.ledger import (
    SHARE_UNITS,
    OpenLot,
    Position,
    amount_in_cents,
)
from python_steps.demo_book.market import RATES_TO_DOLLAR, Market
from python_steps.demo_book.model import REGISTRATIONS, Account, Household
from python_steps.demo_book.text_files import (
    CsvFile,
    boolean_text,
    date_text,
    field_text,
    money_text,
    quantity_text,
    rate_text,
)
from python_steps.demo_book.universe import DemoSecurity, universe
from python_steps.taxes.holding_period import is_long_term

HISTORY_DAYS = 400

_IDS = ("custodian_security_id", "cusip", "isin", "ticker")
STANDARD_COLUMNS: dict[str, tuple[str, ...]] = {
    "accounts": (
        "account_number",
        "account_title",
        "registration_type",
        "tax_status",
        "account_status",
        "base_currency",
        "opened_date",
        "closed_date",
        "default_disposal_method",
        "is_margin",
    ),
    "persons": ("person_id", "display_name", "birth_date", "death_date"),
    "account_owners": ("account_number", "person_id", "owner_role"),
    "securities": (
        *_IDS,
        "security_name",
        "security_type",
        "is_cash_equivalent",
        "currency",
        "price_factor",
        "contract_multiplier",
        "pool_factor",
        "maturity_date",
        "underlying_ticker",
    ),
    "positions": (
        "account_number",
        *_IDS,
        "sub_account_type",
        "long_short",
        "quantity",
        "settled_quantity",
        "price",
        "price_date",
        "market_value",
        "accrued_interest",
        "cost_basis",
        "currency",
        "fx_rate_to_base",
        "is_held_away",
    ),
    "tax_lots": (
        "account_number",
        *_IDS,
        "source_lot_id",
        "quantity",
        "acquisition_date",
        "acquisition_time",
        "holding_period_start_date",
        "term",
        "cost_basis",
        "cost_basis_unadjusted",
        "unit_cost",
        "wash_sale_adjustment",
        "wash_sale_flag",
        "covered_status",
        "acquisition_type",
        "basis_method",
        "currency",
    ),
    "closed_lots": (
        "account_number",
        *_IDS,
        "source_lot_id",
        "acquisition_date",
        "disposal_date",
        "quantity",
        "proceeds",
        "cost_basis",
        "realized_gain_loss",
        "term",
        "disallowed_loss",
        "covered_status",
        "transaction_id",
        "currency",
    ),
    "transactions": (
        "account_number",
        *_IDS,
        "transaction_id",
        "transaction_date",
        "transaction_time",
        "settlement_date",
        "entry_date",
        "transaction_type",
        "source_type",
        "quantity",
        "price",
        "gross_amount",
        "commission",
        "fees",
        "net_amount",
        "currency",
        "is_cancel",
        "reversal_of",
        "description",
    ),
    "cash_balances": (
        "account_number",
        "currency",
        "trade_date_balance",
        "settlement_date_balance",
        "margin_debit",
    ),
    "prices": (*_IDS, "price_date", "price", "price_type", "currency"),
    "fx_rates": ("from_currency", "to_currency", "rate_date", "rate"),
    "open_orders": (
        "account_number",
        *_IDS,
        "order_id",
        "side",
        "quantity",
        "filled_quantity",
        "order_type",
        "limit_price",
        "status",
        "entered_date",
    ),
    "corporate_actions": (
        *_IDS,
        "action_type",
        "ex_date",
        "new_ticker",
        "new_cusip",
        "ratio_new",
        "ratio_old",
        "cash_per_share",
    ),
    "prior_year_end_balances": ("account_number", "balance_year", "balance"),
}

_COVERED_FROM = {"EQUITY": date(2011, 1, 1), "OPTION": date(2014, 1, 1)}
_FUNDS_COVERED_FROM = date(2012, 1, 1)


class StandardFeed:
    """The files of one custodian for one session, filled account by account."""

    def __init__(
        self,
        folder: str,
        market: Market,
        session_index: int,
        *,
        cut_off: frozenset[str] = frozenset(),
    ) -> None:
        self.folder = folder
        self.cut_off = cut_off  # entities whose file loses its second half on the way
        self.market = market
        self.session_index = session_index
        self.session = market.sessions[session_index]
        self.first_index = bisect_left(market.sessions, self.session - timedelta(days=HISTORY_DAYS))
        self.files = {entity: CsvFile(columns) for entity, columns in STANDARD_COLUMNS.items()}
        # Alpine numbers its securities and lots itself; the others leave that to their readers.
        self.states_own_ids = folder == "alpine"
        self._ids_of: dict[str, tuple[str, str, str, str]] = {}
        self._unpriced: set[str] = set()

    def add(self, household: Household) -> None:
        """Add the household's accounts at this custodian, with their owners."""
        accounts = [one for one in household.accounts if one.folder == self.folder]
        named = {person_id for one in accounts for person_id, _ in one.owners}
        for person in household.persons:
            if person.person_id in named:
                self.files["persons"].add(
                    (
                        person.person_id,
                        field_text(person.display_name),
                        date_text(person.birth_date),
                        date_text(person.death_date),
                    )
                )
        for account in accounts:
            self._add_account(account)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """File name and content of each entity, securities and prices included.

        Each file is let go when it has been handed out, so this can be asked for once.
        """
        self._add_securities()
        for entity in STANDARD_COLUMNS:
            file = self.files.pop(entity)
            written = file.row_count // 2 if entity in self.cut_off else None
            yield f"{entity}.csv", file.content(self.session, rows_written=written)

    def _add_account(self, account: Account) -> None:
        registration, tax_status = REGISTRATIONS[account.account_type]
        self._write(
            account,
            "accounts",
            "",
            0,
            (
                account.number,
                field_text(account.name),
                registration,
                tax_status,
                "CLOSED" if account.account_status == "closed" else "OPEN",
                account.base_currency,
                date_text(account.opened_date),
                "",
                account.lot_method,
                boolean_text(account.is_margin),
            ),
        )
        for row, (person_id, role) in enumerate(account.owners):
            self._write(account, "account_owners", "", row, (account.number, person_id, role))
        for position in account.positions:
            self._add_position(account, position)
            self._add_closed_lots(account, position)
        self._add_transactions(account)
        self._add_cash(account)
        self._add_orders(account)
        years = sorted(account.year_end_balances.items())
        for row, (year, balance) in enumerate(years):
            if year < self.session.year:
                values = (account.number, str(year), money_text(balance))
                self._write(account, "prior_year_end_balances", "", row, values)

    def _write(
        self, account: Account, entity: str, ticker: str, row: int, values: tuple[str, ...]
    ) -> None:
        """Write a row as it is, or as an edit of the account says."""
        copies = 1
        for edit in account.row_edits:
            if (edit.entity, edit.ticker, edit.row) == (entity, ticker, row):
                changed = dict(zip(STANDARD_COLUMNS[entity], values, strict=True))
                changed.update(edit.changes)
                values, copies = tuple(changed.values()), edit.copies
        for _ in range(copies):
            self.files[entity].add(values)

    def _ids(self, security: DemoSecurity) -> tuple[str, str, str, str]:
        """The four identifiers of a security; what is asked for is listed in `securities`."""
        known = self._ids_of.get(security.ticker)
        if known is None:
            own = f"AL{security.number:06d}" if self.states_own_ids else ""
            known = (own, security.cusip, security.isin, security.ticker)
            self._ids_of[security.ticker] = known
        return known

    def _add_position(self, account: Account, position: Position) -> None:
        lots = position.open_lots(self.session_index)
        if not lots:
            return
        security = universe()[position.ticker]
        quantity = sum(lot.quantity for lot in lots)
        price = self.market.price(position.ticker, self.session_index)
        value = amount_in_cents(quantity, price * security.contract_multiplier)
        is_priced = position.ticker not in account.unpriced_tickers
        if not is_priced:
            self._unpriced.add(position.ticker)
        rate = RATES_TO_DOLLAR.get(security.currency)
        is_local = security.currency == account.base_currency
        self._write(
            account,
            "positions",
            position.ticker,
            0,
            (
                account.number,
                *self._ids(security),
                "MARGIN" if account.is_margin else "CASH",
                "LONG" if quantity > 0 else "SHORT",
                quantity_text(quantity),
                quantity_text(position.quantity(self.session_index - 1)),
                money_text(price) if is_priced else "",
                self.session.isoformat() if is_priced else "",
                money_text(value) if is_priced else "",
                "0.00",
                money_text(sum(lot.cost_basis for lot in lots)),
                security.currency,
                "1" if is_local else rate_text(rate) if rate else "",
                boolean_text(account.is_held_away),
            ),
        )
        for row, lot in enumerate(lots):
            self._add_lot(account, position, security, row, lot)

    def _add_lot(
        self, account: Account, position: Position, security: DemoSecurity, row: int, lot: OpenLot
    ) -> None:
        purchase = lot.purchase
        acquired = self.market.sessions[purchase.session_index]
        held_since = position.holding_starts.get(purchase.number, acquired)
        term = "LONG" if self._is_long(purchase.acquisition_type, held_since) else "SHORT"
        unit_cost = money_text(purchase.price // security.contract_multiplier)
        if lot.disallowed_loss:
            unit_cost = _unit_cost_text(lot.cost_basis, lot.quantity)
        self._write(
            account,
            "tax_lots",
            position.ticker,
            row,
            (
                account.number,
                *self._ids(security),
                self._lot_id(account, position, purchase.number),
                quantity_text(lot.quantity),
                acquired.isoformat(),
                _time_text(position.number, purchase.number) if self.states_own_ids else "",
                held_since.isoformat(),
                term,
                money_text(lot.cost_basis),
                money_text(lot.cost_basis - lot.disallowed_loss),
                unit_cost,
                money_text(lot.disallowed_loss),
                boolean_text(lot.disallowed_loss > 0),
                covered_status(account, security, acquired),
                purchase.acquisition_type,
                account.lot_method,
                security.currency,
            ),
        )

    def _is_long(self, acquisition_type: str, acquired: date) -> bool:
        return acquisition_type == "INHERITED" or is_long_term(acquired, self.session)

    def _lot_id(self, account: Account, position: Position, number: int) -> str:
        return lot_id(account, position, number) if self.states_own_ids else ""

    def _add_closed_lots(self, account: Account, position: Position) -> None:
        security = universe()[position.ticker]
        row = 0
        for lot in position.closed_lots(self.session_index):
            if lot.sale.session_index < self.first_index:
                continue
            acquired = self.market.sessions[lot.purchase.session_index]
            disposed = self.market.sessions[lot.sale.session_index]
            transaction = f"{account.reference}-{position.number:03d}-S{lot.sale.number:03d}"
            values = (
                account.number,
                *self._ids(security),
                self._lot_id(account, position, lot.purchase.number),
                acquired.isoformat(),
                disposed.isoformat(),
                quantity_text(lot.quantity),
                money_text(lot.proceeds),
                money_text(lot.cost_basis),
                money_text(lot.proceeds - lot.cost_basis),
                "LONG" if is_long_term(acquired, disposed) else "SHORT",
                money_text(lot.disallowed_loss),
                covered_status(account, security, acquired),
                transaction if self.states_own_ids else "",
                security.currency,
            )
            self._write(account, "closed_lots", position.ticker, row, values)
            row += 1

    def _add_transactions(self, account: Account) -> None:
        rows: dict[str, int] = {}
        for one in transactions_between(account, self.market, self.first_index, self.session_index):
            row = rows.get(one.ticker, 0)
            rows[one.ticker] = row + 1
            values = self._transaction_values(account, one)
            self._write(account, "transactions", one.ticker, row, values)

    def _transaction_values(self, account: Account, one: Transaction) -> tuple[str, ...]:
        sessions = self.market.sessions
        traded = sessions[one.session_index].isoformat()
        is_trade = one.transaction_type in ("BUY", "SELL")
        settled = sessions[one.session_index + 1].isoformat() if is_trade else traded
        security = universe()[one.ticker] if one.ticker else None
        multiplier = security.contract_multiplier if security else 1
        return (
            account.number,
            *(self._ids(security) if security else ("", "", "", "")),
            one.transaction_id if self.states_own_ids else "",
            traded,
            "",
            settled,
            traded,
            one.transaction_type,
            one.description,
            quantity_text(one.quantity) if one.quantity else "",
            money_text(one.price // multiplier) if one.quantity else "",
            money_text(abs(one.net_amount)),
            "0.00",
            "0.00",
            money_text(one.net_amount),
            security.currency if security else account.base_currency,
            "false",
            "",
            one.description,
        )

    def _add_cash(self, account: Account) -> None:
        balance = cash_on(account, self.market, self.session_index)
        margin_debit = account.margin_debit
        if margin_debit:
            # What activity moves is the loan: cash stays at nothing while money is owed.
            owed = margin_debit - balance
            balance, margin_debit = max(-owed, 0), max(owed, 0)
        unsettled = unsettled_amount(account, self.market, self.session_index)
        values = (
            account.number,
            account.base_currency,
            money_text(balance),
            money_text(balance - unsettled),
            money_text(margin_debit),
        )
        self._write(account, "cash_balances", "", 0, values)

    def _add_orders(self, account: Account) -> None:
        for row, order in enumerate(account.open_orders):
            if order.entered_date > self.session:
                continue
            values = (
                account.number,
                *self._ids(universe()[order.ticker]),
                order.order_id,
                order.side,
                quantity_text(order.quantity),
                quantity_text(order.filled_quantity),
                order.order_type,
                money_text(order.limit_price) if order.limit_price is not None else "",
                "PARTIALLY_FILLED" if order.filled_quantity else "OPEN",
                date_text(order.entered_date),
            )
            self._write(account, "open_orders", order.ticker, row, values)

    def _add_securities(self) -> None:
        currencies = set()
        for security in universe().values():
            if security.ticker not in self._ids_of:
                continue
            ids = self._ids(security)
            currencies.add(security.currency)
            is_option = security.security_type == "OPTION"
            self.files["securities"].add(
                (
                    *ids,
                    field_text(security.name),
                    security.security_type,
                    boolean_text(security.is_cash_equivalent),
                    security.currency,
                    "1",
                    str(security.contract_multiplier),
                    "",
                    "2027-01-15" if is_option else "",
                    security.ticker.split(" ", maxsplit=1)[0] if is_option else "",
                )
            )
            if security.ticker not in self._unpriced:
                price = self.market.price(security.ticker, self.session_index)
                is_net_asset_value = security.trades_fractionally
                self.files["prices"].add(
                    (
                        *ids,
                        self.session.isoformat(),
                        money_text(price),
                        "NAV" if is_net_asset_value else "CLOSE",
                        security.currency,
                    )
                )
        for currency in sorted(currencies & set(RATES_TO_DOLLAR)):
            rate = rate_text(RATES_TO_DOLLAR[currency])
            self.files["fx_rates"].add((currency, "USD", self.session.isoformat(), rate))


def lot_id(account: Account, position: Position, purchase_number: int) -> str:
    """The lot id of a custodian that states one: account, position and purchase."""
    return f"{account.reference}.{position.number:03d}.{purchase_number:03d}"


def covered_status(account: Account, security: DemoSecurity, acquired: date) -> str:
    """Whether the custodian must report the basis (IRC 6045(g); retirement accounts never)."""
    if not account.is_taxable:
        return "NONCOVERED"
    covered_from = _COVERED_FROM.get(security.security_type, _FUNDS_COVERED_FROM)
    return "COVERED" if acquired >= covered_from else "NONCOVERED"


def _unit_cost_text(cost_basis: int, quantity: int) -> str:
    """Basis per share in dollars with six decimals, from cents and ten-thousandths."""
    micros = cost_basis * SHARE_UNITS * 10_000 // quantity
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{rest:06d}"


def _time_text(position_number: int, purchase_number: int) -> str:
    """A time of day within trading hours, told by the lot's numbers so that it never changes."""
    minute = (position_number * 37 + purchase_number * 17) % 385
    hour, minute = divmod(9 * 60 + 31 + minute, 60)
    return f"{hour:02d}:{minute:02d}:{(purchase_number * 7) % 60:02d}"
