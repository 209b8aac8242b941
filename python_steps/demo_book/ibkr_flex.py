"""The demo book as an Interactive Brokers Flex Query: one XML, one statement per account.

Belongs here: the elements and attributes of the Flex layout (AccountInformation, CashReport,
OpenPositions in SUMMARY and LOT detail, Trades with their closed lots, CashTransactions,
SecuritiesInfo, ConversionRates). Does not belong here: any other custodian. All values are text;
an empty attribute is a missing value; dates are yyyymmdd, times after a semicolon.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from html import escape

from python_steps.demo_book.activity import (
    Transaction,
    cash_on,
    transactions_between,
    unsettled_amount,
)
from python_steps.demo_book.ledger import OpenLot, Position, Purchase, amount_in_cents
from python_steps.demo_book.market import RATES_TO_DOLLAR, Market
from python_steps.demo_book.model import Account, Household
from python_steps.demo_book.standard_feed import HISTORY_DAYS
from python_steps.demo_book.text_files import money_text, quantity_text, rate_text
from python_steps.demo_book.universe import DemoSecurity, universe
from python_steps.taxes.holding_period import is_long_term

_CUSTOMER_TYPES = {"taxable_individual": "Individual", "roth_ira": "IRA Roth New"}
_CASH_TYPES = {
    "DIVIDEND": "Dividends",
    "INTEREST": "Broker Interest Received",
    "DEPOSIT": "Deposits/Withdrawals",
    "WITHDRAWAL": "Deposits/Withdrawals",
}
_KIND_DIGITS = {"P": 1, "S": 2, "R": 3, "D": 4, "I": 5, "C": 6, "W": 7}


class FlexFile:
    """The Flex file of one session, filled account by account."""

    def __init__(self, market: Market, session_index: int) -> None:
        self.market = market
        self.session_index = session_index
        self.session = market.sessions[session_index]
        start = self.session - timedelta(days=HISTORY_DAYS)
        self.first_index = bisect_left(market.sessions, start)
        self._statements: list[str] = []

    def add(self, household: Household) -> None:
        """Add a statement for each of the household's accounts at this custodian."""
        for account in household.accounts:
            if account.folder == "ibkr":
                self._statements.append(self._statement(account))

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """The one file."""
        text = "".join(
            (
                '<FlexQueryResponse queryName="Nightly" type="AF">\n',
                f'<FlexStatements count="{len(self._statements)}">\n',
                *self._statements,
                "</FlexStatements>\n</FlexQueryResponse>\n",
            )
        )
        yield f"Nightly_Flex_{self.session:%Y%m%d}.xml", text.encode()

    def _statement(self, account: Account) -> str:
        first = self.market.sessions[self.first_index]
        head = _attributes(
            accountId=account.number,
            fromDate=f"{first:%Y%m%d}",
            toDate=f"{self.session:%Y%m%d}",
            period="",
            whenGenerated=f"{self.session:%Y%m%d};193205",
        )
        held = [one for one in account.positions if one.quantity(self.session_index)]
        activity = transactions_between(account, self.market, self.first_index, self.session_index)
        sections = (
            self._information(account),
            _section("CashReport", self._cash_report(account, activity)),
            _section("OpenPositions", self._open_positions(account, held)),
            _section("Trades", self._trades(account, activity)),
            _section("CashTransactions", self._cash_transactions(account, activity)),
            _section("SecuritiesInfo", self._securities(held)),
            _section("ConversionRates", self._conversion_rates(held)),
        )
        return f"<FlexStatement{head}>\n{''.join(sections)}</FlexStatement>\n"

    def _information(self, account: Account) -> str:
        customer = _CUSTOMER_TYPES.get(account.account_type, "IRA Traditional Rollover")
        return _element(
            "AccountInformation",
            accountId=account.number,
            acctAlias="",
            model="",
            currency=account.base_currency,
            name=account.name,
            accountType="Advisor Client",
            customerType=customer,
            accountCapabilities="Margin" if account.is_margin else "Cash",
            tradingPermissions="Stocks",
            dateOpened=f"{account.opened_date:%Y%m%d}",
            dateFunded=f"{account.opened_date:%Y%m%d}",
            dateClosed="",
            ibEntity="IBLLC-US",
        )

    def _cash_report(self, account: Account, activity: list[Transaction]) -> Iterator[str]:
        ending = cash_on(account, self.market, self.session_index)
        settled = ending - unsettled_amount(account, self.market, self.session_index)
        starting = ending - sum(one.net_amount for one in activity)
        first = self.market.sessions[self.first_index]
        for currency, level in (("BASE_SUMMARY", "BaseCurrency"), ("USD", "Currency")):
            yield _element(
                "CashReportCurrency",
                accountId=account.number,
                currency=currency,
                levelOfDetail=level,
                fromDate=f"{first:%Y%m%d}",
                toDate=f"{self.session:%Y%m%d}",
                startingCash=money_text(starting),
                endingCash=money_text(ending),
                endingSettledCash=money_text(settled),
            )

    def _open_positions(self, account: Account, held: list[Position]) -> Iterator[str]:
        for position in held:
            lots = position.open_lots(self.session_index)
            quantity = sum(lot.quantity for lot in lots)
            basis = sum(lot.cost_basis for lot in lots)
            yield self._open_position(account, position, quantity, basis, None)
            for lot in lots:
                yield self._open_position(account, position, lot.quantity, lot.cost_basis, lot)

    def _open_position(
        self, account: Account, position: Position, quantity: int, basis: int, lot: OpenLot | None
    ) -> str:
        security = universe()[position.ticker]
        price = self.market.price(position.ticker, self.session_index)
        value = amount_in_cents(quantity, price)
        opened = held_since = originating = code = ""
        if lot:
            acquired = self.market.sessions[lot.purchase.session_index]
            start = position.holding_starts.get(lot.purchase.number, acquired)
            opened, held_since = f"{acquired:%Y%m%d};101500", f"{start:%Y%m%d};101500"
            originating = _opening_id(account, position, lot.purchase)
            code = "LT" if is_long_term(start, self.session) else "ST"
            code += ";LD" if lot.disallowed_loss else ""
        return _element(
            "OpenPosition",
            accountId=account.number,
            acctAlias="",
            model="",
            **self._security_attributes(security),
            fxRateToBase=_rate_to_base(security),
            reportDate=f"{self.session:%Y%m%d}",
            position=quantity_text(quantity),
            markPrice=money_text(price),
            positionValue=money_text(value),
            openPrice=_per_share(basis, quantity),
            costBasisPrice=_per_share(basis, quantity),
            costBasisMoney=money_text(basis),
            percentOfNAV="",
            fifoPnlUnrealized=money_text(value - basis),
            side="Long",
            levelOfDetail="LOT" if lot else "SUMMARY",
            openDateTime=opened,
            holdingPeriodDateTime=held_since,
            vestingDate="",
            code=code,
            originatingOrderID="",
            originatingTransactionID=originating,
            accruedInt="",
        )

    def _trades(self, account: Account, activity: list[Transaction]) -> Iterator[str]:
        positions = {position.ticker: position for position in account.positions}
        for one in activity:
            if one.transaction_type not in ("BUY", "SELL", "REINVEST"):
                continue
            yield self._execution(account, one)
            if one.transaction_type == "SELL":
                yield from self._lots_closed_by(account, positions[one.ticker], one)

    def _execution(self, account: Account, one: Transaction) -> str:
        traded = self.market.sessions[one.session_index]
        settled = self.market.sessions[one.session_index + 1]
        number = _numeric_id(one.transaction_id)
        is_sale = one.transaction_type == "SELL"
        return _element(
            "Trade",
            accountId=account.number,
            acctAlias="",
            model="",
            **self._security_attributes(universe()[one.ticker]),
            fxRateToBase=_rate_to_base(universe()[one.ticker]),
            tradeID=number,
            transactionID=number,
            ibExecID=f"0000.{number}",
            reportDate=f"{traded:%Y%m%d}",
            tradeDate=f"{traded:%Y%m%d}",
            dateTime=f"{traded:%Y%m%d};101500",
            settleDateTarget=f"{settled:%Y%m%d}",
            transactionType="ExchTrade",
            exchange="ARCA",
            quantity=quantity_text(one.quantity),
            tradePrice=money_text(one.price),
            tradeMoney=money_text(-one.net_amount),
            proceeds=money_text(one.net_amount),
            taxes="0",
            ibCommission="0",
            ibCommissionCurrency="USD",
            netCash=money_text(one.net_amount),
            openCloseIndicator="C" if is_sale else "O",
            notes="R" if one.transaction_type == "REINVEST" else "",
            buySell="SELL" if is_sale else "BUY",
            levelOfDetail="EXECUTION",
        )

    def _lots_closed_by(
        self, account: Account, position: Position, one: Transaction
    ) -> Iterator[str]:
        for lot in position.closed_lots(self.session_index):
            if not one.transaction_id.endswith(f"-S{lot.sale.number:03d}"):
                continue
            acquired = self.market.sessions[lot.purchase.session_index]
            disposed = self.market.sessions[lot.sale.session_index]
            code = "LT" if is_long_term(acquired, disposed) else "ST"
            yield _element(
                "Lot",
                accountId=account.number,
                acctAlias="",
                model="",
                **self._security_attributes(universe()[position.ticker]),
                fxRateToBase=_rate_to_base(universe()[position.ticker]),
                reportDate=f"{disposed:%Y%m%d}",
                tradeDate=f"{disposed:%Y%m%d}",
                dateTime=f"{disposed:%Y%m%d};101500",
                openDateTime=f"{acquired:%Y%m%d};101500",
                holdingPeriodDateTime=f"{acquired:%Y%m%d};101500",
                transactionID=_opening_id(account, position, lot.purchase),
                quantity=quantity_text(lot.quantity),
                tradePrice=money_text(lot.purchase.price),
                cost=money_text(lot.cost_basis),
                fifoPnlRealized=money_text(lot.proceeds - lot.cost_basis),
                openCloseIndicator="C",
                notes=f"{code};W" if lot.disallowed_loss else code,
                buySell="SELL",
                levelOfDetail="CLOSED_LOT",
            )

    def _cash_transactions(self, account: Account, activity: list[Transaction]) -> Iterator[str]:
        for one in activity:
            kind = _CASH_TYPES.get(one.transaction_type)
            if kind is None:
                continue
            paid = self.market.sessions[one.session_index]
            security = self._security_attributes(universe()[one.ticker]) if one.ticker else {}
            yield _element(
                "CashTransaction",
                accountId=account.number,
                acctAlias="",
                model="",
                **{"currency": account.base_currency, **security},
                fxRateToBase=_rate_to_base(universe()[one.ticker]) if one.ticker else "1",
                dateTime=f"{paid:%Y%m%d};202000",
                settleDate=f"{paid:%Y%m%d}",
                amount=money_text(one.net_amount),
                type=kind,
                tradeID="",
                code="",
                transactionID=_numeric_id(one.transaction_id),
                reportDate=f"{paid:%Y%m%d}",
                levelOfDetail="DETAIL",
            )

    def _securities(self, held: list[Position]) -> Iterator[str]:
        for position in held:
            yield _element(
                "SecurityInfo",
                **self._security_attributes(universe()[position.ticker]),
                principalAdjustFactor="",
                maturity="",
                issueDate="",
                type="",
                code="",
            )

    def _conversion_rates(self, held: list[Position]) -> Iterator[str]:
        currencies = {universe()[position.ticker].currency for position in held}
        for currency in sorted(currencies & set(RATES_TO_DOLLAR)):
            yield _element(
                "ConversionRate",
                reportDate=f"{self.session:%Y%m%d}",
                fromCurrency=currency,
                toCurrency="USD",
                rate=rate_text(RATES_TO_DOLLAR[currency]),
            )

    def _security_attributes(self, security: DemoSecurity) -> dict[str, str]:
        is_fund = security.security_type in ("MUTUAL_FUND", "MONEY_MARKET")
        return {
            "currency": security.currency,
            "assetCategory": "FUND" if is_fund else "STK",
            "subCategory": "ETF" if security.security_type == "ETF" else "COMMON",
            "symbol": security.ticker,
            "description": security.name.upper(),
            "conid": str(700_000_000 + security.number),
            "securityID": security.isin,
            "securityIDType": "ISIN",
            "cusip": security.cusip if security.currency == "USD" else "",
            "isin": security.isin,
            "listingExchange": "ARCA" if security.currency == "USD" else "IBIS",
            "underlyingConid": "",
            "underlyingSymbol": "",
            "issuer": "",
            "multiplier": "1",
            "strike": "",
            "expiry": "",
            "putCall": "",
        }


def _element(tag: str, /, **attributes: str) -> str:
    return f"<{tag}{_attributes(**attributes)} />\n"


def _attributes(**attributes: str) -> str:
    return "".join(f' {name}="{escape(text)}"' for name, text in attributes.items())


def _section(name: str, elements: Iterator[str]) -> str:
    return f"<{name}>\n{''.join(elements)}</{name}>\n"


def _rate_to_base(security: DemoSecurity) -> str:
    """Rate to the account's dollars, as every row of the layout carries it."""
    return "1" if security.currency == "USD" else rate_text(RATES_TO_DOLLAR[security.currency])


def _per_share(basis: int, quantity: int) -> str:
    """Cents and ten-thousandths of a share as dollars a share with six decimals."""
    micros = basis * 100_000_000 // quantity
    whole, rest = divmod(micros, 1_000_000)
    return f"{whole}.{rest:06d}"


def _opening_id(account: Account, position: Position, purchase: Purchase) -> str:
    """The transaction that opened a lot, as its trade states it."""
    kind = "R" if purchase.acquisition_type == "REINVEST" else "P"
    return _numeric_id(f"{account.reference}-{position.number:03d}-{kind}{purchase.number:03d}")


def _numeric_id(transaction_id: str) -> str:
    """A transaction id of the book as the digits that this custodian uses."""
    account, *position, event = transaction_id.split("-")
    number = int(position[0]) if position else 0  # pure cash has no position
    return f"{account}{number:03d}{_KIND_DIGITS[event[0]]}{int(event[1:]):05d}"
