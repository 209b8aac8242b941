"""Reader of Interactive Brokers Flex Query files, XML and text with header and trailer records.

Belongs here: which elements are rows of which entity, levels of detail, accounts and dates of a
statement. Does not belong here: casting and rules on values. Source of the rules:
`ibkr_flex.yaml`; the sections and levels are those of IBKR's Flex Query reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from data_contracts.contract import AsOfSource, Entity, FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.decoding import decode
from python_steps.feeds.flex_corporate_actions import stated_actions
from python_steps.feeds.flex_csv import CsvNames, letters, parse_csv_document
from python_steps.feeds.flex_dates import DateFormat, date_format_of, split_time
from python_steps.feeds.flex_document import (
    Element,
    FlexDocument,
    FlexDocumentError,
    Statement,
    parse_document,
)
from python_steps.feeds.headers import fingerprint
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import (
    FileReading,
    ReceivedFile,
    refused,
    status_of,
)
from python_steps.feeds.recognition import beginning
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_CONSOLIDATED = "-"
_OPTIONS = ("OPT", "FOP", "WAR", "IOPT")
_SUMMED = {
    "quantity": "position",
    "market_value": "positionValue",
    "cost_basis": "costBasisMoney",
    "accrued_interest": "accruedInt",
}

Values = dict[str, str | None]


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one Flex document, of one or of many accounts.

    Args:
        file: as received.
        contract: of the feed ibkr_flex.

    Returns:
        Accounts, securities, positions, lots, transactions, cash, rates and corporate actions as
        text, and what is wrong with the file.
    """
    violations: list[Violation] = []
    try:
        document = _document(file, contract, violations)
    except FlexDocumentError as error:
        broken = contract.violation(
            error.rule, file_name=file.file_name, row=error.line, observed=error.observed
        )
        return refused(contract, [*violations, broken])
    if document is None:
        return refused(contract, violations)
    violations += [
        contract.violation(
            doubt.rule, file_name=file.file_name, row=doubt.line, observed=doubt.observed
        )
        for doubt in document.doubts
    ]
    violations += _count_violations(document, file, contract)
    form = _date_format(document, contract)
    if isinstance(form, str):
        broken = contract.violation(
            "date_format_unambiguous", file_name=file.file_name, observed=form
        )
        return refused(contract, [*violations, broken])
    walk = _Walk(file, contract, form)
    walk.violations += violations
    for statement in document.statements:
        walk.statement(statement)
    return walk.reading(document)


def _document(
    file: ReceivedFile, contract: FeedContract, violations: list[Violation]
) -> FlexDocument | None:
    """The document of either format; None where its text cannot be decoded."""
    maximum = int(contract.mappings["limits"]["maximum_bytes"])
    if beginning(file).lstrip().startswith("<"):
        return parse_document(file.content, maximum_bytes=maximum)
    decoded = decode(file, contract)
    violations += decoded.violations
    if decoded.content is None:
        return None
    names = CsvNames(
        sections=contract.mappings["csv_sections"],
        columns={
            **{letters(name): name for name in sorted(_known_attributes(contract))},
            **contract.mappings["csv_columns"],
        },
    )
    return parse_csv_document(decoded.content.decode("utf-8"), names, maximum_bytes=maximum)


def _known_attributes(contract: FeedContract) -> set[str]:
    """Attributes that are loaded, and those that the contract leaves out on purpose."""
    loaded = {
        alias.partition("@")[2]
        for entity in contract.entities.values()
        for column in entity.columns
        for alias in column.aliases
    }
    return loaded | set(contract.ignored_columns)


def _count_violations(
    document: FlexDocument, file: ReceivedFile, contract: FeedContract
) -> list[Violation]:
    found = len(document.statements)
    if found and document.stated_count in (None, found):
        return []
    stated = "at least one" if document.stated_count is None else str(document.stated_count)
    return [
        contract.violation(
            "control_count",
            file_name=file.file_name,
            observed=f"{found} statements",
            expected=f"{stated} statements, as FlexStatements@count says",
        )
    ]


def _date_format(document: FlexDocument, contract: FeedContract) -> DateFormat | str:
    """The one format of all dates; the moment of generation is heard where they leave two."""
    texts = list(_date_texts(document, contract))
    form = date_format_of(texts, contract.date_formats)
    if isinstance(form, DateFormat):
        return form
    generated = [
        statement.element.attributes.get("whenGenerated", "") for statement in document.statements
    ]
    settled = date_format_of([*texts, *generated], contract.date_formats)
    return settled if isinstance(settled, DateFormat) else form


def _date_texts(document: FlexDocument, contract: FeedContract) -> Iterable[str]:
    """Every text that stands in an attribute where the contract expects a date."""
    wanted = {"fromDate", "toDate"} | {
        alias.partition("@")[2]
        for entity in contract.entities.values()
        for column in entity.columns
        if column.type == "date"
        for alias in column.aliases
    }
    for statement in document.statements:
        rows = [row for section in statement.sections.values() for row in section]
        for element in (statement.element, *rows):
            for name in wanted & element.attributes.keys():
                yield element.attributes[name]


class _Walk:
    """Collects the rows of all statements."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, form: DateFormat) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.violations: list[Violation] = []
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.accounts: list[str] = []
        self.report_dates: dict[date, int] = {}
        self.row_count = 0
        self.securities_seen: set[tuple[str, ...]] = set()
        self.rates_seen: set[tuple[str | None, ...]] = set()
        self.known_attributes = _known_attributes(contract)
        self.unknown_attributes: dict[str, set[str]] = {}

    # One statement

    def statement(self, statement: Statement) -> None:
        """All sections of one account's statement."""
        account = statement.element.attributes.get("accountId", "").strip()
        if not account or account == _CONSOLIDATED:
            self._broken(
                "account_reference_present",
                f"a statement of account {account!r}",
                statement.element,
            )
            return
        self.accounts.append(account)
        self._sections(statement, account)
        positions = self._rows(statement, "OpenPositions", account)
        base_currency = self._account(statement, account, positions)
        self._open_positions(positions, account)
        self._trades(self._rows(statement, "Trades", account), account)
        self._cash_transactions(self._rows(statement, "CashTransactions", account), account)
        self._transfers(self._rows(statement, "Transfers", account), account)
        self._cash_report(statement, account, base_currency)
        self._rates(statement, positions, base_currency)
        self._corporate_actions(self._rows(statement, "CorporateActions", account), account)
        self._securities(statement)

    def _sections(self, statement: Statement, account: str) -> None:
        """Say which sections with rows are not loaded."""
        known = self.contract.mappings["sections"]
        for name, rows in statement.sections.items():
            if not rows or known.get(name) == "loaded":
                continue
            rule = "section_left_out" if name in known else "section_understood"
            self._broken(rule, f"section {name} with {len(rows)} rows", rows[0], account=account)
        for name, rows in statement.sections.items():
            if known.get(name) == "loaded":
                self._attributes(name, rows)

    def _attributes(self, section: str, rows: Sequence[Element]) -> None:
        """Say once for each section and file which attributes the contract does not know."""
        seen = self.unknown_attributes.setdefault(section, set())
        fresh: dict[str, Element] = {}
        for row in rows:
            for name in row.attributes:
                if name not in self.known_attributes and name not in seen:
                    fresh.setdefault(name, row)
        if fresh:
            seen |= fresh.keys()
            self._broken(
                "unknown_column",
                f"in section {section} the attributes {', '.join(sorted(fresh))}",
                next(iter(fresh.values())),
            )

    def _rows(self, statement: Statement, section: str, account: str) -> list[Element]:
        """The rows of a section that are the account's own, not the consolidated ones."""
        rows = statement.sections.get(section, [])
        own = [row for row in rows if row.attributes.get("accountId", "") != _CONSOLIDATED]
        self.row_count += len(own)
        if len(own) < len(rows):
            rule = "consolidated_rows" if own else "consolidated_rows_only"
            self._broken(
                rule,
                f"{len(rows) - len(own)} consolidated rows in section {section}",
                rows[0],
                account=account,
            )
        return own

    def _account(self, statement: Statement, account: str, positions: list[Element]) -> str | None:
        """The accounts row; returns the base currency where it is stated or certain."""
        rows = statement.sections.get("AccountInformation", [])
        entity = self.contract.entity("accounts")
        element = rows[0] if rows else statement.element
        values = self._bound(entity, element)
        base = values.get("base_currency") or None
        if base is None:
            base = _currency_at_rate_one(positions)
            reason = (
                f"no base currency; {base} is the one whose rate to base is always 1"
                if base
                else "no base currency"
            )
            self._broken("base_currency_stated", reason, element, account=account)
        kind, capabilities = values.get("registration_type"), values.get("is_margin")
        registrations = self.contract.mappings["registration_types"]
        kept = {alias.partition("@")[2] for column in entity.columns for alias in column.aliases}
        self.collectors["accounts"].add(
            {
                **values,
                "account_number": account,
                "base_currency": base,
                "registration_type": registrations.get(kind, "OTHER") if kind else kind,
                "is_margin": _yes_no("Margin" in capabilities) if capabilities else capabilities,
            },
            line=element.line,
            # Names and addresses stand in this element: only what the contract names is kept.
            text=element.text(sorted(kept)),
        )
        return base

    def _open_positions(self, rows: Sequence[Element], account: str) -> None:
        levels = self.contract.mappings["levels"]
        by_level: dict[str, list[Element]] = {"summary": [], "lot": []}
        for row in rows:
            level = levels.get(row.attributes.get("levelOfDetail", "").upper())
            if level is None:
                self._unknown_level(row, account)
                continue
            by_level[level].append(row)
            reported = self.form.value(row.attributes.get("reportDate", ""))
            if reported is not None:
                self.report_dates.setdefault(reported, row.line)
        lots, summaries = by_level["lot"], by_level["summary"]
        for row in lots:
            self._lot(row, account)
        if lots and not summaries:
            self._positions_from_lots(lots, account)
        elif summaries and not lots:
            self._broken(
                "lots_present",
                f"{len(summaries)} positions and no lot rows",
                summaries[0],
                account=account,
            )
        for row in summaries:
            self._add("positions", row, self._position(row, account))

    def _position(self, row: Element, account: str) -> Values:
        values = self._bound(self.contract.entity("positions"), row)
        return {
            **values,
            **_identifiers(values, row),
            "account_number": _account_of(row, account),
            "long_short": self._translated("sides", values.get("long_short")),
        }

    def _lot(self, row: Element, account: str) -> None:
        values = self._bound(self.contract.entity("tax_lots"), row)
        code = values.get("term")
        is_washed = code is not None and "LD" in _codes(code)
        if is_washed and not values.get("holding_period_start_date"):
            self._broken(
                "holding_period_stated",
                f"code {code} and no holdingPeriodDateTime",
                row,
                account=account,
                entity="tax_lots",
                security=row.attributes.get("conid") or row.attributes.get("symbol"),
            )
        self._add(
            "tax_lots",
            row,
            {
                **values,
                **_identifiers(values, row),
                "account_number": _account_of(row, account),
                "term": self._term(code),
                "wash_sale_flag": None if code is None else _yes_no(is_washed),
            },
        )

    def _positions_from_lots(self, lots: Sequence[Element], account: str) -> None:
        """Positions as exact sums of lots, where the file has no summary rows at all."""
        groups: dict[tuple[str | None, ...], list[Element]] = {}
        for row in lots:
            values = self._position(row, account)
            key = tuple(
                values.get(name)
                for name in (
                    "account_number",
                    "custodian_security_id",
                    "isin",
                    "ticker",
                    "long_short",
                    "currency",
                )
            )
            groups.setdefault(key, []).append(row)
        for members in groups.values():
            sums = {name: _sum(members, source) for name, source in _SUMMED.items()}
            self._add("positions", members[0], {**self._position(members[0], account), **sums})
        self._broken(
            "positions_from_lots",
            f"{len(lots)} lot rows and no summary rows; {len(groups)} positions are sums of lots",
            lots[0],
            account=account,
        )

    # Transactions

    def _trades(self, rows: Sequence[Element], account: str) -> None:
        conversions = wash_sales = 0
        for row in rows:
            kind = self._trade_kind(row)
            notes = _codes(row.attributes.get("notes", ""))
            is_conversion = row.attributes.get("assetCategory") == "CASH" or "AFx" in notes
            if kind is None:
                self._unknown_level(row, account)
            elif kind == "wash sale":
                wash_sales += 1
            elif kind == "closed lot":
                self._closed_lot(row, account)
            elif kind == "execution" and is_conversion:
                conversions += 1
            elif kind == "execution":
                self._trade(row, account)
        for count, rule, words in (
            (conversions, "fx_conversions_left_out", "currency conversions"),
            (wash_sales, "wash_sale_rows_left_out", "wash sale rows"),
        ):
            if count:
                self._broken(rule, f"{count} {words} in section Trades", rows[0], account=account)

    def _trade_kind(self, row: Element) -> str | None:
        """What a row of Trades is: by its level where it states one, else by its element."""
        level = row.attributes.get("levelOfDetail", "").upper()
        if level:
            return self.contract.mappings["trade_levels"].get(level)
        return self.contract.mappings["trade_elements"].get(row.tag)

    def _trade(self, row: Element, account: str) -> None:
        values = self._bound(self.contract.entity("transactions"), row)
        side = row.attributes.get("buySell", "")
        is_cancel = side.endswith("(Ca.)")
        time = values.get("transaction_time")
        self._add(
            "transactions",
            row,
            {
                **values,
                **_identifiers(values, row),
                "account_number": _account_of(row, account),
                "transaction_type": self._trade_type(row, side, account),
                "transaction_time": None
                if time is None
                else (time if "tradeTime" in row.attributes else split_time(time)[1]),
                "is_cancel": _yes_no(is_cancel),
                "reversal_of": values.get("reversal_of") if is_cancel else None,
            },
        )

    def _trade_type(self, row: Element, side: str, account: str) -> str:
        """By option event, side and indicator; a query may leave the side out, then by the sign."""
        if not side:
            quantity = parse_amount(row.attributes.get("quantity", "")) or Decimal(0)
            side = "BUY" if quantity > 0 else "SELL" if quantity < 0 else ""
        notes = _codes(row.attributes.get("notes", ""))
        types = self.contract.mappings["trade_types"]
        if row.attributes.get("assetCategory") in _OPTIONS:
            for note, event in self.contract.mappings["option_events"].items():
                if note in notes:
                    return event
        opened = row.attributes.get("openCloseIndicator", "")
        reinvested = [event for note, event in self._reinvestments() if note in notes]
        if side == "BUY" and reinvested:
            return reinvested[0]
        found = types.get(f"{side} {opened}") or types.get(side)
        return found or self._unknown_type(f"trade side {side!r}", row, account)

    def _reinvestments(self) -> list[tuple[str, str]]:
        return list(self.contract.mappings["purchase_notes"].items())

    def _closed_lot(self, row: Element, account: str) -> None:
        values = self._bound(self.contract.entity("closed_lots"), row)
        self._add(
            "closed_lots",
            row,
            {
                **values,
                **_identifiers(values, row),
                "account_number": _account_of(row, account),
                "term": self._term(values.get("term")),
            },
        )

    def _cash_transactions(self, rows: Sequence[Element], account: str) -> None:
        """One level only: details where there are any, since summaries repeat them."""
        detailed = [row for row in rows if _level(row) == "DETAIL"]
        unlevelled = [row for row in rows if _level(row) == ""]
        summaries = [row for row in rows if _level(row) == "SUMMARY"]
        for row in rows:
            if _level(row) not in ("DETAIL", "", "SUMMARY"):
                self._unknown_level(row, account)
        if summaries and not detailed and not unlevelled:
            self._broken(
                "cash_transactions_summary_only",
                f"{len(summaries)} summary rows of cash transactions and no detail rows",
                summaries[0],
                account=account,
            )
        for row in (detailed + unlevelled) or summaries:
            values = self._bound(self.contract.entity("transactions"), row)
            self._add(
                "transactions",
                row,
                {
                    **values,
                    **_identifiers(values, row),
                    "account_number": _account_of(row, account),
                    "transaction_type": self._cash_type(row, account),
                },
            )

    def _cash_type(self, row: Element, account: str) -> str:
        kind = row.attributes.get("type", "")
        amount = parse_amount(row.attributes.get("amount", "")) or Decimal(0)
        types = self.contract.mappings["cash_types"]
        found = types.get(kind) or types.get(f"{kind} {'out' if amount < 0 else 'in'}")
        return found or self._unknown_type(f"cash transaction type {kind!r}", row, account)

    def _transfers(self, rows: Sequence[Element], account: str) -> None:
        types = self.contract.mappings["transfer_types"]
        for row in rows:
            direction = row.attributes.get("direction", "")
            values = self._bound(self.contract.entity("transactions"), row)
            kind = types.get(direction.upper()) or self._unknown_type(
                f"transfer direction {direction!r}", row, account
            )
            quantity = parse_amount(values.get("quantity") or "") or Decimal(0)
            if (kind == "TRANSFER_OUT" and quantity > 0) or (
                kind == "TRANSFER_IN" and quantity < 0
            ):
                self._broken(
                    "quantity_sign",
                    f"quantity {quantity} of direction {direction}",
                    row,
                    account=account,
                )
            self._add(
                "transactions",
                row,
                {
                    **values,
                    **_identifiers(values, row),
                    "account_number": _account_of(row, account),
                    "transaction_type": kind,
                },
            )

    # Cash, rates, corporate actions, securities

    def _cash_report(self, statement: Statement, account: str, base: str | None) -> None:
        """One balance for each currency; the summary in base currency only where it is alone."""
        rows = self._rows(statement, "CashReport", account)
        by_currency = [row for row in rows if row.attributes.get("currency") != "BASE_SUMMARY"]
        summaries = [row for row in rows if row.attributes.get("currency") == "BASE_SUMMARY"]
        entity = self.contract.entity("cash_balances")
        if not by_currency:
            found = "only the summary in base currency" if summaries else "no Cash Report"
            self._broken(
                "cash_report_present",
                found,
                summaries[0] if summaries else statement.element,
                account=account,
            )
        chosen = by_currency or (summaries if base else [])
        for row in chosen:
            values = self._bound(entity, row)
            currency = values.get("currency") if by_currency else base
            self._add(
                "cash_balances",
                row,
                {**values, "account_number": _account_of(row, account), "currency": currency},
            )

    def _rates(self, statement: Statement, positions: Sequence[Element], base: str | None) -> None:
        entity = self.contract.entity("fx_rates")
        rows = [*statement.sections.get("ConversionRates", []), *(positions if base else [])]
        for row in rows:
            values = self._bound(entity, row)
            if row.tag != "ConversionRate":
                values["to_currency"] = base
            identity = tuple(
                values.get(name) for name in ("from_currency", "to_currency", "rate_date", "rate")
            )
            is_useless = values.get("from_currency") == values.get("to_currency")
            if is_useless or not values.get("rate") or identity in self.rates_seen:
                continue
            self.rates_seen.add(identity)
            self._add("fx_rates", row, values)

    def _corporate_actions(self, rows: Sequence[Element], account: str) -> None:
        detailed = [row for row in rows if _level(row) in ("DETAIL", "")]
        stated, unread = stated_actions(detailed or rows)
        for action in stated:
            values = self._bound(self.contract.entity("corporate_actions"), action.element)
            self._add(
                "corporate_actions",
                action.element,
                {**values, **_identifiers(values, action.element), **action.values},
            )
        for row in unread:
            words = row.attributes.get("description", "")
            self._broken(
                "corporate_action_stated",
                f"type {row.attributes.get('type', '')!r}: {words[:120]}",
                row,
                account=account,
                entity="corporate_actions",
                security=row.attributes.get("conid") or row.attributes.get("symbol"),
            )

    def _securities(self, statement: Statement) -> None:
        """Each security once: from the securities section first, else from a row that names it."""
        entity = self.contract.entity("securities")
        rows = [
            row
            for section in ("SecuritiesInfo", "OpenPositions", "Trades", "CashTransactions")
            for row in statement.sections.get(section, [])
            if row.attributes.get("symbol") and row.attributes.get("assetCategory", "") != "CASH"
        ]
        for row in rows:
            values = self._bound(entity, row)
            values |= _identifiers(values, row)
            conid = values.get("custodian_security_id") or ""
            identity = (conid,) if conid else (values.get("isin") or "", values.get("ticker") or "")
            if identity in self.securities_seen:
                continue
            self.securities_seen.add(identity)
            category = row.attributes.get("assetCategory", "")
            underlying = values.get("underlying_ticker")
            self._add(
                "securities",
                row,
                {
                    **values,
                    "security_type": self._security_type(row, category),
                    "put_call": self._translated("put_call", values.get("put_call")),
                    "expiration_date": values.get("expiration_date")
                    if category in _OPTIONS
                    else None,
                    "price_factor": self.contract.mappings["price_factors"].get(category),
                    "underlying_ticker": None if underlying == values.get("ticker") else underlying,
                },
            )

    def _security_type(self, row: Element, category: str) -> str:
        types = self.contract.mappings["security_types"]
        sub_category = row.attributes.get("subCategory", "")
        found = types.get(f"{category}/{sub_category}") or types.get(category)
        if found:
            return found
        self._broken(
            "security_type_known",
            f"asset category {category!r} of {row.attributes.get('symbol', '')}",
            row,
            entity="securities",
            security=row.attributes.get("conid") or row.attributes.get("symbol"),
        )
        return "OTHER"

    # Common parts

    def _bound(self, entity: Entity, element: Element) -> Values:
        """The columns that the element has: the first filled alias counts, '' where all are empty.

        A column none of whose attributes the element has stays out, so that it becomes null.
        """
        values: Values = {}
        for column in entity.columns:
            for alias in column.aliases:
                tag, _, name = alias.partition("@")
                if tag not in ("*", element.tag) or name not in element.attributes:
                    continue
                text = element.attributes[name]
                if text or column.name not in values:
                    values[column.name] = (
                        self.form.restated(text) if column.type == "date" else text
                    )
                if text:
                    break
        return values

    def _add(self, entity: str, element: Element, values: Values) -> None:
        self.collectors[entity].add(values, line=element.line, text=element.text())

    def _translated(self, table: str, text: str | None) -> str | None:
        return None if text is None else self.contract.mappings[table].get(text, text)

    def _term(self, code: str | None) -> str | None:
        """SHORT or LONG where the code says so, '' where it is silent, null without a code."""
        if code is None:
            return None
        terms = self.contract.mappings["terms"]
        return next((terms[part] for part in _codes(code) if part in terms), "")

    def _unknown_level(self, row: Element, account: str) -> None:
        level = row.attributes.get("levelOfDetail", "")
        self._broken(
            "level_of_detail_known", f"{row.tag} with level {level!r}", row, account=account
        )

    def _unknown_type(self, words: str, row: Element, account: str) -> str:
        self._broken("transaction_type_known", words, row, account=account, entity="transactions")
        return "OTHER"

    def _broken(
        self,
        rule: str,
        observed: str,
        element: Element,
        *,
        account: str | None = None,
        entity: str | None = None,
        security: str | None = None,
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=element.line,
                observed=observed,
                account_number=account,
                entity=entity,
                security_key=security,
            )
        )

    # The whole file

    def _stated(self, document: FlexDocument) -> tuple[date | None, AsOfSource | None]:
        """The report date of the positions, else the last day of the statements."""
        if len(self.report_dates) > 1:
            shown = ", ".join(str(day) for day in sorted(self.report_dates))
            self.violations.append(
                self.contract.violation(
                    "one_report_date",
                    file_name=self.file.file_name,
                    row=max(self.report_dates.values()),
                    observed=f"open positions of {shown}",
                )
            )
        if self.report_dates:
            return max(self.report_dates), "FIELD"
        ends = [
            day
            for statement in document.statements
            if (day := self.form.value(statement.element.attributes.get("toDate", "")))
        ]
        if ends:
            return max(ends), "HEADER"
        self.violations.append(
            self.contract.violation(
                "as_of_date_present",
                file_name=self.file.file_name,
                observed="no reportDate of open positions and no toDate of a statement",
            )
        )
        return None, None

    def reading(self, document: FlexDocument) -> FileReading:
        """The reading of the whole file."""
        stated, source = self._stated(document)
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.collectors.items()
        }
        for name, table in tables.items():
            self.violations += duplicate_keys(
                table, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        status = status_of(self.violations)
        covered_from, covered_to = self._covered(document)
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=stated,
            as_of_source=source,
            session_date=None,
            header_fingerprint=_fingerprint(document),
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables={name: table for name, table in tables.items() if table.num_rows}
            if status == "LOADED"
            else {},
            covered_accounts=tuple(sorted(set(self.accounts))),
            row_count=self.row_count,
            control_row_count=document.stated_count,
            control_amount=None,
            violations=tuple(self.violations),
            status=status,
            covered_from_date=covered_from,
            covered_to_date=covered_to,
        )

    def _covered(self, document: FlexDocument) -> tuple[date | None, date | None]:
        """The days that every statement covers, where the file has sections of transactions."""
        if not any(
            section in statement.sections
            for statement in document.statements
            for section in ("Trades", "CashTransactions", "Transfers")
        ):
            return None, None
        starts, ends = (
            [
                self.form.value(statement.element.attributes.get(name, ""))
                for statement in document.statements
            ]
            for name in ("fromDate", "toDate")
        )
        known = [day for day in starts if day is not None]
        return (
            max(known) if known and len(known) == len(starts) else None,
            min((day for day in ends if day is not None), default=None),
        )


def _fingerprint(document: FlexDocument) -> str:
    """Names which attributes the client's Flex query delivers, whatever their order."""
    names = {
        f"{row.tag}@{name}"
        for statement in document.statements
        for rows in statement.sections.values()
        for row in rows
        for name in row.attributes
    }
    return fingerprint(sorted(names))


def _level(row: Element) -> str:
    return row.attributes.get("levelOfDetail", "").upper()


def _codes(text: str) -> list[str]:
    """The codes of an attribute such as `ST;LD`."""
    return [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]


def _account_of(row: Element, account: str) -> str:
    return row.attributes.get("accountId") or account


def _yes_no(value: bool) -> str:
    return "true" if value else "false"


def _identifiers(values: Values, row: Element) -> Values:
    """Fill an empty CUSIP or ISIN from securityID where securityIDType says what it is."""
    kind = row.attributes.get("securityIDType", "").lower()
    if kind in ("cusip", "isin") and not values.get(kind) and row.attributes.get("securityID"):
        return {kind: row.attributes["securityID"]}
    return {}


def _currency_at_rate_one(positions: Sequence[Element]) -> str | None:
    """The only currency whose rate to base is 1 on every row, which then is the base."""
    rates: dict[str, set[Decimal | None]] = {}
    for row in positions:
        rate = parse_amount(row.attributes.get("fxRateToBase", ""))
        rates.setdefault(row.attributes.get("currency", ""), set()).add(rate)
    at_one = [currency for currency, found in rates.items() if currency and found == {Decimal(1)}]
    return at_one[0] if len(at_one) == 1 else None


def _sum(rows: Sequence[Element], name: str) -> str | None:
    """The exact sum of an attribute; null where no row has it, '' where a row's is no number."""
    if not any(name in row.attributes for row in rows):
        return None
    amounts = [parse_amount(row.attributes.get(name, "")) for row in rows]
    if any(amount is None for amount in amounts):
        return ""
    return format(sum((amount for amount in amounts if amount is not None), Decimal(0)), "f")
