"""From frames to one household's values.

Belongs here: joining a household's rows into `Household`, and saying why a holding, lot or account
may not be traded before any planning starts. Does not belong here: decisions, tax, wash-sale
matching (lots arrive restated). Source: the column documentation of the marts and of `tax.*`; a
fact that is missing blocks the narrowest thing it concerns and is never read as zero or as free.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from python_steps.lot_selection.instructions import CustodianLot
from python_steps.planning.book_tables import BookTables, Row
from python_steps.planning.fund_distributions import Distribution, distributions_of_lots
from python_steps.planning.household import (
    RELEASED,
    TAX_TREATMENTS,
    TRADED_TYPES,
    UNMAPPED,
    Account,
    AccountCash,
    AllocationGroup,
    Block,
    BuyOption,
    CashFlow,
    ClassIncome,
    ClassTarget,
    ConcentrationLimit,
    Household,
    Lot,
    MarketAssumptions,
    PartTarget,
    Position,
    Security,
    TaxUnit,
    TradeTerms,
    WashSaleWindow,
)
from python_steps.planning.plan import TradeException
from python_steps.planning.settings_in_force import left_alone
from python_steps.policy import FirmPolicy, PolicyError, household_policy
from python_steps.taxes.holding_period import is_long_term
from python_steps.taxes.special_basis import PooledLot, average_unit_costs

MICRO_DOLLAR = Decimal("0.000001")
BASIS_POINTS = Decimal(10000)
TRUSTED_SUBSTITUTES = frozenset({"H", "M"})
CENT = Decimal("0.01")
AVERAGE = "AVERAGE"
AFTER_TAX = "after_tax"
# How far a class that is not checked tonight may move beyond where it stands when costs and
# payments change the whole that it is a share of.
REST_SLACK = Decimal("0.002")
GIFT = "GIFT"

_AVERAGE_NOT_STATED = Block(
    "frozen", "it is held at average cost, and the custodian's lots do not state the average"
)
_GIFT_AT_A_LOSS = Block(
    "frozen", "it was a gift, and no file says what it was worth that day, which bounds its loss"
)
_KIND_NOT_SAID = Block(
    "frozen", "nobody has said whether its long-term gain is taxed as gain from collectibles"
)


class HouseholdBuilder:
    """Builds households of one batch; the book-wide lookups are made once."""

    def __init__(self, tables: BookTables, policy: FirmPolicy, planned_trade_date: date) -> None:
        self._tables = tables
        self._policy = policy
        self._planned_trade_date = planned_trade_date
        self._securities = _securities(tables)
        self._by_ticker = {
            security.ticker: security.security_id
            for _, security in sorted(self._securities.items(), reverse=True)
            if security.ticker
        }
        self._model = _grouped(tables.book["dim_model_securities"], "allocation_group_id")
        self._terms = {
            (row["security_id"], row["custodian"]): _trade_terms(row)
            for row in tables.book["dim_security_custodians"]
        }
        self._substitutes = _substitutes(tables.book["seed_substitutes"])

    def policy_of(self, household_id: str) -> FirmPolicy:
        """The firm's policy with the settings that hold in a household.

        A household that is not released trades nothing, whatever its settings: where they cannot be
        used, its plan is to say why, and is made with the firm's.

        Raises:
            PolicyError: a setting of a released household is missing or outside its range.
        """
        rows = self._tables.of_household(household_id)
        stated = {
            row["setting"]: row["setting_value"]
            for row in rows["fct_household_settings"]
            if row["subject_type"] == "household"
        }
        try:
            return household_policy(self._policy, stated, household_id=household_id)
        except PolicyError:
            if any(row["household_state"] == RELEASED for row in rows["dim_households"]):
                raise
            return self._policy

    def left_alone(self, household_id: str) -> list[TradeException]:
        """Targets outside their band that the household's settings leave alone tonight."""
        return left_alone(self._tables.of_household(household_id))

    def build(self, household_id: str, as_of_date: date) -> Household:
        """One household's problem.

        Raises:
            ValueError: the household has no row in `dim_households`.
        """
        rows = self._tables.of_household(household_id)
        if len(rows["dim_households"]) != 1:
            found = len(rows["dim_households"])
            raise ValueError(f"household {household_id}: {found} rows in dim_households, not one")
        head = rows["dim_households"][0]
        accounts = _accounts(rows)
        constraints = _Constraints(rows["fct_position_constraints"])
        lots = self._lots(rows, accounts, constraints)
        taxable = {account.account_id for account in accounts if account.is_taxable}
        positions = self._positions(rows["int_positions__valued"], constraints, lots, taxable)
        options = self._buy_options(accounts, constraints)
        used = {position.security_id for position in positions}
        used |= {option.security_id for option in options}
        return Household(
            household_id=household_id,
            household_state=head["household_state"],
            state_reason=(head["state_reason"] or "").strip().rstrip("."),
            allows_short_term_gains=bool(head["allows_short_term_gains"]),
            harvests_losses=bool(head["harvests_losses"]),
            minimum_trade_amount=(
                self._policy.minimum_trade_amount
                if head["minimum_trade_amount"] is None
                else head["minimum_trade_amount"]
            ),
            annual_gains_budget=head["annual_gains_budget"],
            market_value=head["market_value"],
            as_of_date=as_of_date,
            planned_trade_date=self._planned_trade_date,
            accounts=tuple(accounts),
            securities=tuple(self._securities[key] for key in sorted(used)),
            positions=tuple(positions),
            groups=_groups(rows),
            buy_options=tuple(options),
            trade_terms=self._terms_used(accounts, used),
            wash_sale_windows=_windows(rows["wash_sale_windows"]),
            tax_units=_tax_units(rows["tax_unit_states"]),
            cash_flows=_cash_flows(rows["int_cash_flows__due"]),
            concentration_limits=_limits(rows["fct_concentration_limits"]),
        )

    def _lots(
        self, rows: dict[str, list[Row]], accounts: list[Account], constraints: _Constraints
    ) -> dict[tuple[str, str], list[Lot]]:
        taxable = {account.account_id for account in accounts if account.is_taxable}
        pooled = self._unstated_averages(rows["int_lots__identified"], accounts)
        restated = _grouped(rows["lot_adjustments"], "parent_lot_id")
        whole = {row["lot_id"]: row for row in rows["lot_adjustments"]}
        found: dict[tuple[str, str], list[Lot]] = defaultdict(list)
        for row in sorted(rows["int_lots__identified"], key=lambda each: str(each["lot_id"])):
            own = whole.get(row["lot_id"])
            parts = [part for part in restated.get(row["lot_id"], []) if part is not own]
            parts += [own] if own is not None else []
            lots = _restated_lots(
                row,
                parts,
                row["account_id"] in taxable,
                constraints.of_lot(row),
                self._planned_trade_date,
            )
            pool_block = pooled.get(row["lot_id"])
            if pool_block is not None:
                lots = [replace(lot, block=lot.block or pool_block) for lot in lots]
            if row["account_id"] in taxable and self._is_kind_unknown(row["security_id"]):
                lots = [_blocked_if_long_term(lot, _KIND_NOT_SAID) for lot in lots]
            if row["account_id"] in taxable and row["acquisition_type"] == GIFT:
                lots = [self._blocked_if_at_a_loss(lot, _GIFT_AT_A_LOSS) for lot in lots]
            found[(row["account_id"], row["security_id"])] += lots
        for key, paid in _distributions(rows["int_distributions__recent"], taxable).items():
            found[key] = _with_distributions(found[key], paid, self._planned_trade_date)
        return found

    def _blocked_if_at_a_loss(self, lot: Lot, block: Block) -> Lot:
        """The loss of a gift counts from its value on that day at most (IRC 1015(a))."""
        security = self._securities.get(lot.security_id)
        price = None if security is None else security.price
        if price is None or lot.cost_basis is None or price * lot.quantity >= lot.cost_basis:
            return lot
        return replace(lot, block=lot.block or block)

    def _is_kind_unknown(self, security_id: str) -> bool:
        security = self._securities.get(security_id)
        return security is not None and security.is_collectible is None

    def _unstated_averages(self, rows: list[Row], accounts: list[Account]) -> dict[str, Block]:
        """Lots held at average cost whose own basis is not the average of their pool.

        Their sale would be reported at the pool's average (Reg. 1.1012-1(e)), which is not what
        the lot says; the gain of a part of the holding cannot be told from it.
        """
        taxable = {account.account_id: account for account in accounts if account.is_taxable}
        pools: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            account, security = taxable.get(row["account_id"]), row["security_id"]
            kind = self._securities[security].security_type if security in self._securities else ""
            is_elected = (
                account is not None and account.lot_method == AVERAGE and kind == "MUTUAL_FUND"
            )
            if account is not None and (row["basis_method"] == AVERAGE or is_elected):
                pools[(row["account_id"], security)].append(row)
        found: dict[str, Block] = {}
        for pool in pools.values():
            averages = average_unit_costs(
                PooledLot(
                    row["quantity"], row["custodian_cost_basis"], row["covered_status"] == "COVERED"
                )
                for row in pool
            )
            for row in pool:
                average = averages[row["covered_status"] == "COVERED"]
                stated = row["custodian_cost_basis"]
                if average is None or abs(average * row["quantity"] - stated) > CENT:
                    found[row["lot_id"]] = _AVERAGE_NOT_STATED
        return found

    def _positions(
        self,
        rows: list[Row],
        constraints: _Constraints,
        lots: dict[tuple[str, str], list[Lot]],
        taxable: set[str],
    ) -> list[Position]:
        positions = []
        for row in sorted(rows, key=lambda each: (each["account_id"], each["security_id"])):
            key = (row["account_id"], row["security_id"])
            security = self._securities.get(row["security_id"])
            if security is None:
                raise ValueError(f"security {row['security_id']} is held but not in dim_securities")
            constraint = constraints.of_position(*key)
            own_lots = tuple(lots.get(key, []))
            if not own_lots and row["account_id"] not in taxable:
                own_lots = (_whole_position(row),)
            positions.append(
                Position(
                    account_id=row["account_id"],
                    security_id=row["security_id"],
                    quantity=row["quantity"],
                    market_value=row["market_value"],
                    sellable_quantity=_sellable(constraint),
                    is_gain_allowed=bool(constraint["is_gain_allowed"]) if constraint else False,
                    block=_position_block(
                        row, security, constraint, own_lots, row["account_id"] in taxable
                    ),
                    lots=own_lots,
                )
            )
        return positions

    def _buy_options(self, accounts: list[Account], constraints: _Constraints) -> list[BuyOption]:
        options: dict[tuple[str, str, str], BuyOption] = {}
        for account in accounts:
            if account.block is not None or account.allocation_group_id is None:
                continue
            for option in self._ranked(account):
                key = (option.account_id, option.asset_class, option.security_id)
                if key not in options and self._is_buyable(account, option, constraints):
                    options[key] = option
        return sorted(
            options.values(),
            key=lambda each: (each.account_id, each.asset_class, each.rank, each.security_id),
        )

    def _ranked(self, account: Account) -> list[BuyOption]:
        """The model's securities for an account, each class's substitutes after them."""
        listed = self._model_rows(account)
        options = [
            BuyOption(account.account_id, row["asset_class"], int(row["rank"]), row["security_id"])
            for row in listed
        ]
        for row in listed:
            primary = self._securities.get(row["security_id"])
            for rank, ticker in self._substitutes.get(primary.ticker if primary else None, ()):
                substitute = self._by_ticker.get(ticker)
                if substitute is not None:
                    place = 100 * int(row["rank"]) + rank
                    options.append(
                        BuyOption(account.account_id, row["asset_class"], place, substitute)
                    )
        return sorted(options, key=lambda each: (each.asset_class, each.rank, each.security_id))

    def _model_rows(self, account: Account) -> list[Row]:
        own = self._model.get(account.allocation_group_id, [])
        own_classes = {row["asset_class"] for row in own}
        shared = [row for row in self._model.get("*", []) if row["asset_class"] not in own_classes]
        return [
            row
            for row in [*own, *shared]
            if row["account_types"] in ("*", "", None)
            or account.account_type in row["account_types"].split("|")
        ]

    def _is_buyable(self, account: Account, option: BuyOption, constraints: _Constraints) -> bool:
        security = self._securities.get(option.security_id)
        constraint = constraints.of_position(account.account_id, option.security_id)
        terms = self._term(account, option.security_id)
        return (
            security is not None
            and constraint is not None
            and bool(constraint["is_buyable"])
            and (terms is None or terms.is_available)
            and security_block(security) is None
        )

    def _term(self, account: Account, security_id: str) -> TradeTerms | None:
        own = self._terms.get((security_id, account.custodian))
        return own if own is not None else self._terms.get((security_id, "*"))

    def _terms_used(
        self, accounts: list[Account], used: Iterable[str]
    ) -> tuple[tuple[tuple[str, str], TradeTerms], ...]:
        return tuple(
            ((account.account_id, security_id), terms)
            for account in accounts
            for security_id in sorted(used)
            if (terms := self._term(account, security_id)) is not None
        )


def market_assumptions(tables: BookTables) -> MarketAssumptions:
    """Volatilities, correlations (both directions), location ranks and income from the seeds."""
    correlation: dict[tuple[str, str], float] = {}
    for row in tables.book["seed_class_correlations"]:
        pair = (row["asset_class"], row["other_asset_class"])
        correlation[pair] = correlation[pair[::-1]] = float(row["correlation"])
    volatility = {
        row["asset_class"]: float(row["volatility"])
        for row in tables.book["seed_capital_market_assumptions"]
    }
    ranks = {
        (row["asset_class"], treatment): int(row[column])
        for row in tables.asset_location
        for treatment in TAX_TREATMENTS
        for column in [_rank_column(row, treatment)]
    }
    returns = {
        row["asset_class"]: float(row["expected_return"])
        for row in tables.book["seed_capital_market_assumptions"]
    }
    income = {
        row["asset_class"]: ClassIncome(
            expected_return=returns[row["asset_class"]],
            annual_yield=float(row["annual_yield"]),
            turnover=float(row["turnover"]),
            qualified_share=float(row["qualified_share"]),
        )
        for row in tables.asset_location
        if row["asset_class"] in returns
    }
    return MarketAssumptions(volatility, correlation, ranks, income)


def security_block(security: Security) -> Block | None:
    """Why a security may not be traded by the planner at all, None when it may."""
    if security.is_illiquid:
        return Block("illiquid", "it is illiquid and has no daily market")
    if security.security_type not in TRADED_TYPES:
        kind = security.security_type.replace("_", " ").lower()
        return Block("excluded", f"holdings of type {kind} are traded by a person only")
    if security.currency != "USD":
        return Block("excluded", f"it trades in {security.currency}")
    if security.price is None or security.price <= 0:
        return Block("frozen", "it has no price today")
    if security.half_spread is None:
        return Block("excluded", "its trading cost is not known")
    return None


def _rank_column(row: Row, treatment: str) -> str:
    found = sorted(name for name in row if "rank" in name and name.endswith(f"_{treatment}"))
    if not found:
        raise ValueError(f"seed_asset_location has no rank column for {treatment}")
    return found[0]


def _grouped(rows: Iterable[Row], key: str) -> dict[str | None, list[Row]]:
    grouped: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[key]].append(row)
    return grouped


def _securities(tables: BookTables) -> dict[str, Security]:
    weights: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in tables.book["dim_security_asset_classes"]:
        weights[row["security_id"]].append((row["asset_class"], row["weight"]))
    return {
        row["security_id"]: Security(
            security_id=row["security_id"],
            ticker=row["ticker"] or None,
            security_name=row["security_name"] or "",
            security_type=row["security_type"],
            sub_class=row["sub_class"],
            identity_group_id=row["identity_group_id"] or row["security_id"],
            is_cash_equivalent=bool(row["is_cash_equivalent"]),
            is_illiquid=bool(row["is_illiquid"]),
            is_mapped=bool(row["is_mapped"]),
            currency=row["currency"],
            price=row["price"],
            half_spread=(
                None if row["half_spread_bps"] is None else row["half_spread_bps"] / BASIS_POINTS
            ),
            average_daily_dollar_volume=row["average_daily_dollar_volume"],
            class_weights=tuple(sorted(weights.get(row["security_id"], [(UNMAPPED, Decimal(1))]))),
            is_collectible=row["is_collectible"],
            is_half_spread_assumed=row["half_spread_source"] == "security_type",
        )
        for row in tables.book["dim_securities"]
    }


def _trade_terms(row: Row) -> TradeTerms:
    return TradeTerms(
        is_available=bool(row["is_available"]),
        is_fractional=bool(row["is_fractional"]),
        trades_in=row["trades_in"] or "shares",
        minimum_amount=row["minimum_amount"] or Decimal(0),
        transaction_fee=row["transaction_fee"],
    )


def _substitutes(rows: Iterable[Row]) -> dict[str | None, list[tuple[int, str]]]:
    found: dict[str | None, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        if row["confidence"] in TRUSTED_SUBSTITUTES:
            found[row["ticker"]].append((int(row["rank"]), row["substitute_ticker"]))
    return {ticker: sorted(pairs) for ticker, pairs in found.items()}


def _accounts(rows: dict[str, list[Row]]) -> list[Account]:
    cash = {row["account_id"]: _account_cash(row) for row in rows["fct_account_cash"]}
    return [
        Account(
            account_id=row["account_id"],
            account_name=row["account_name"] or row["account_id"],
            account_type=row["account_type"],
            tax_treatment=row["tax_treatment"],
            custodian=row["custodian"],
            allocation_group_id=row["allocation_group_id"] or None,
            tax_unit_id=row["tax_unit_id"],
            wash_sale_group_id=row["wash_sale_group_id"],
            counts_toward_allocation=bool(row["counts_toward_allocation"]),
            counts_for_wash_sales=bool(row["counts_for_wash_sales"]),
            lot_method=row["lot_method"] or "FIFO",
            cash=cash.get(row["account_id"]),
            block=_account_block(row, cash.get(row["account_id"]) is not None),
            custodian_lot_method=row["custodian_lot_method"] or None,
            basis_factor=Decimal(1) if row["basis_factor"] is None else row["basis_factor"],
        )
        for row in sorted(rows["dim_accounts"], key=lambda each: str(each["account_id"]))
    ]


def _account_cash(row: Row) -> AccountCash | None:
    names = AccountCash.__dataclass_fields__
    if any(row[name] is None for name in names):
        return None
    return AccountCash(**{name: row[name] for name in names})


def _account_block(row: Row, has_cash: bool) -> Block | None:
    if row["tax_treatment"] not in TAX_TREATMENTS:
        return Block("excluded", f"its tax treatment {row['tax_treatment']!r} is not known")
    if not row["is_tradable"]:
        return Block("excluded", "it is held away and cannot be traded by us")
    if row["is_trading_blocked"]:
        return Block("frozen", _words(row["trading_blocked_reason"]) or "trading in it is blocked")
    if not has_cash:
        return Block("frozen", "its cash balance is not known")
    if row["basis_factor"] is None:
        return Block("frozen", "what it counts after tax is not known")
    return None


class _Constraints:
    """`fct_position_constraints` by position and by lot."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._positions: dict[tuple[str, str], Row] = {}
        self._lots: dict[str, Row] = {}
        for row in rows:
            if row["lot_id"] is None:
                self._positions[(row["account_id"], row["security_id"])] = row
            else:
                self._lots[row["lot_id"]] = row

    def of_position(self, account_id: str, security_id: str) -> Row | None:
        return self._positions.get((account_id, security_id))

    def of_lot(self, row: Row) -> Row | None:
        return self._lots.get(row["lot_id"])


def _sellable(constraint: Row | None) -> Decimal:
    if constraint is None or constraint["sellable_quantity"] is None:
        return Decimal(0)
    return Decimal(constraint["sellable_quantity"])


def _words(reason: str | None) -> str:
    """A reason of the book without underscores and final stop, to stand inside a sentence."""
    return (reason or "").replace("_", " ").strip().rstrip(".")


def _restriction_words(constraint: Row) -> str:
    """The restriction in the firm's own words, which may begin with a capital letter."""
    until = constraint["until_date"]
    words = [_words(constraint["reason"]), f"until {until.isoformat()}" if until else ""]
    remark = ", ".join(word for word in words if word)
    return f"it is restricted ({remark})" if remark else "it is restricted"


def _position_block(
    row: Row,
    security: Security,
    constraint: Row | None,
    lots: tuple[Lot, ...],
    is_taxable: bool,
) -> Block | None:
    # Lots that are still to come, or do not tie, matter only where a sale is taxed.
    waits_for_lots = row["position_state"] == "lots_pending" and not is_taxable
    if row["position_state"] != "complete" and not waits_for_lots:
        return Block("frozen", _words(row["state_reason"]) or f"it is {row['position_state']}")
    if row["is_illiquid"]:
        return Block("illiquid", "it is illiquid and has no daily market")
    if not row["is_mapped"] or not security.is_mapped:
        return Block("unmapped", "it is not mapped to an asset class")
    if row["quantity"] <= 0:
        return Block("excluded", "short positions are not traded")
    by_security = security_block(security)
    if by_security is not None:
        return by_security
    if constraint is None:
        return Block("frozen", "its restrictions are not known")
    if _sellable(constraint) <= 0:
        # A position that is itself free is blocked by its lots: the reason stands with them.
        by_lot = next((lot.block for lot in lots if lot.block is not None), None)
        is_free = constraint["reason"] in (None, "none")
        return by_lot if by_lot and is_free else Block("restricted", _restriction_words(constraint))
    if not lots:
        return Block("frozen", "its tax lots are not known")
    return None


def _restated_lots(
    row: Row,
    parts: list[Row],
    is_taxable: bool,
    constraint: Row | None,
    planned_trade_date: date,
) -> list[Lot]:
    """The lots that a custodian's lot became in our ledger, with our basis and term."""
    known = _custodian_lot(row, planned_trade_date)
    if not parts:
        if is_taxable:
            return [_unrestated(row, known, Block("frozen", "it is not in the tax ledger"))]
        return [_unrestated(row, known, _lot_block(row, None, None, False, constraint), constraint)]
    sellable = row["quantity"] if constraint is None else _sellable(constraint)
    lots = []
    for part in sorted(parts, key=lambda each: str(each["lot_id"])):
        basis = _adjusted_basis(row, part)
        start = part["holding_period_start_date"]
        term = _is_long_term(part["term"], start, planned_trade_date)
        quantity = min(part["quantity"], max(sellable, Decimal(0)))
        sellable -= quantity
        lots.append(
            Lot(
                lot_id=part["lot_id"],
                account_id=row["account_id"],
                security_id=row["security_id"],
                quantity=part["quantity"],
                sellable_quantity=quantity,
                acquisition_date=row["acquisition_date"],
                holding_period_start_date=start,
                is_long_term=term,
                cost_basis=basis,
                is_gain_allowed=True if constraint is None else bool(constraint["is_gain_allowed"]),
                block=_lot_block(row, basis, term, is_taxable, constraint),
                custodian=known,
            )
        )
    return lots


def _custodian_lot(row: Row, planned_trade_date: date) -> CustodianLot:
    start = row["holding_period_start_date"] or row["acquisition_date"]
    return CustodianLot(
        lot_id=row["lot_id"],
        source_lot_id=row["source_lot_id"],
        acquisition_date=row["acquisition_date"],
        quantity=row["quantity"],
        cost_basis=row["custodian_cost_basis"],
        is_long_term=_is_long_term(
            (row["custodian_term"] or "").lower() or None, start, planned_trade_date
        ),
    )


def _unrestated(
    row: Row, known: CustodianLot, block: Block | None, constraint: Row | None = None
) -> Lot:
    return Lot(
        lot_id=row["lot_id"],
        account_id=row["account_id"],
        security_id=row["security_id"],
        quantity=row["quantity"],
        sellable_quantity=row["quantity"] if constraint is None else _sellable(constraint),
        acquisition_date=row["acquisition_date"],
        holding_period_start_date=row["holding_period_start_date"],
        is_long_term=None,
        cost_basis=row["custodian_cost_basis"],
        is_gain_allowed=True,
        block=block,
        custodian=known,
    )


def _blocked_if_long_term(lot: Lot, block: Block) -> Lot:
    return replace(lot, block=lot.block or block) if lot.is_long_term else lot


def _distributions(
    rows: Iterable[Row], taxable: set[str]
) -> dict[tuple[str, str], list[Distribution]]:
    found: dict[tuple[str, str], list[Distribution]] = defaultdict(list)
    for row in rows:
        if row["account_id"] in taxable:
            found[row["account_id"], row["security_id"]].append(
                Distribution(row["paid_date"], row["distribution_kind"], row["amount"])
            )
    return {key: sorted(found[key]) for key in sorted(found)}


def _with_distributions(
    lots: list[Lot], paid: list[Distribution], planned_trade_date: date
) -> list[Lot]:
    known = distributions_of_lots(lots, paid, planned_trade_date)
    return [replace(lot, distributions=known.get(lot.lot_id)) for lot in lots]


def _whole_position(row: Row) -> Lot:
    return Lot(
        lot_id=f"{row['account_id']}:{row['security_id']}:position",
        account_id=row["account_id"],
        security_id=row["security_id"],
        quantity=row["quantity"],
        sellable_quantity=row["quantity"],
        acquisition_date=None,
        holding_period_start_date=None,
        is_long_term=None,
        cost_basis=None,
        is_gain_allowed=True,
        block=None,
        is_whole_position=True,
    )


def _adjusted_basis(row: Row, part: Row) -> Decimal | None:
    basis = row["custodian_cost_basis"]
    if basis is None or row["basis_status"] in ("missing", "foreign_currency"):
        return None
    adjustment = part["wash_sale_adjustment"] or Decimal(0)
    if part["quantity"] == row["quantity"]:
        return Decimal(basis + adjustment)
    share = basis * part["quantity"] / row["quantity"]
    return Decimal(share.quantize(MICRO_DOLLAR, rounding=ROUND_HALF_EVEN) + adjustment)


@lru_cache(maxsize=65_536)
def _is_long_term(term: str | None, start: date | None, sold: date) -> bool | None:
    """Long when the ledger says so (inherited lots) or when the start makes it so by then."""
    if term == "long":
        return True
    if start is not None:
        return is_long_term(start, sold)
    return False if term == "short" else None


def _lot_block(
    row: Row,
    basis: Decimal | None,
    term: bool | None,
    is_taxable: bool,
    constraint: Row | None,
) -> Block | None:
    if row["is_frozen"]:
        return Block("frozen", _words(row["frozen_reason"]) or "the lot is frozen")
    if constraint is not None and _sellable(constraint) <= 0:
        return Block("restricted", _restriction_words(constraint))
    if is_taxable and basis is None:
        return Block("frozen", "its cost basis is not known")
    if is_taxable and term is None:
        return Block("frozen", "its holding period is not known")
    return None


def _groups(rows: dict[str, list[Row]]) -> tuple[AllocationGroup, ...]:
    drift = _grouped(rows["fct_household_drift"], "allocation_group_id")
    parts = _grouped(rows["fct_target_drift"], "allocation_group_id")
    return tuple(
        AllocationGroup(
            allocation_group_id=row["allocation_group_id"],
            is_rebalance_due=bool(row["is_rebalance_due"]),
            classes=_classes(drift.get(row["allocation_group_id"], [])),
            parts=_parts(parts.get(row["allocation_group_id"], [])),
        )
        for row in sorted(
            rows["fct_drift_summary"], key=lambda each: str(each["allocation_group_id"])
        )
    )


def _classes(rows: list[Row]) -> tuple[ClassTarget, ...]:
    names = ClassTarget.__dataclass_fields__
    ordered = sorted(rows, key=lambda each: (_rank(each), str(each["asset_class"])))
    return tuple(
        ClassTarget(**{**_tonight(row, names), "asset_class_rank": _rank(row)}) for row in ordered
    )


def _parts(rows: list[Row]) -> tuple[PartTarget, ...]:
    names = PartTarget.__dataclass_fields__
    ordered = sorted(rows, key=lambda each: (each["target_level"], each["target_key"]))
    return tuple(PartTarget(**_tonight(row, names)) for row in ordered)


def _tonight(row: Row, names: Iterable[str]) -> Row:
    """A target's fields as they count tonight.

    What is not checked tonight is in nobody's way: it is no breach, and its band reaches to where
    it stands now and after the flows in sight, so that a plan may leave it there but not take it
    further out.
    """
    found = {name: row[name] for name in names}
    if row["value_basis"] == AFTER_TAX:
        found["market_value"] = row["after_tax_value"]
    if not row["is_check_due"]:
        stands = (row["actual_weight"], row["projected_weight"])
        found |= {
            "is_breach": False,
            "is_breach_projected": False,
            "breach_severity_rank": None,
            "lower_band_weight": max(
                Decimal(0), min(row["lower_band_weight"], *(each - REST_SLACK for each in stands))
            ),
            "upper_band_weight": max(
                row["upper_band_weight"], *(each + REST_SLACK for each in stands)
            ),
        }
    return found


def _rank(row: Row) -> int:
    """Rank of a class; one that the seed does not list (Unmapped) stands last."""
    return 10_000 if row["asset_class_rank"] is None else int(row["asset_class_rank"])


def _windows(rows: list[Row]) -> tuple[WashSaleWindow, ...]:
    return tuple(
        WashSaleWindow(
            wash_sale_group_id=row["wash_sale_group_id"],
            identity_group_id=row["identity_group_id"],
            no_buy_until_date=row["no_buy_until_date"],
            no_loss_sale_until_date=row["no_loss_sale_until_date"],
            caused_by=row["caused_by"] or "",
            is_coverage_known=row["coverage"] == "known",
            is_exit_possible=bool(row["is_exit_possible"]),
        )
        for row in sorted(
            rows, key=lambda each: (each["wash_sale_group_id"], each["identity_group_id"])
        )
    )


def _tax_units(rows: list[Row]) -> tuple[TaxUnit, ...]:
    names = TaxUnit.__dataclass_fields__
    return tuple(
        TaxUnit(**{name: row[name] for name in names})
        for row in sorted(rows, key=lambda each: (each["tax_unit_id"], each["tax_year"] or 0))
    )


def _cash_flows(rows: list[Row]) -> tuple[CashFlow, ...]:
    flows = (
        CashFlow(
            account_id=row["account_id"],
            flow_type=row["flow_type"],
            amount=row["amount"],
            state=row["state"],
            required_by_date=row["required_by_date"],
        )
        for row in rows
    )
    return tuple(
        sorted(
            flows,
            key=lambda each: (
                each.account_id,
                each.required_by_date or date.max,
                each.flow_type,
                each.amount,
                each.state,
            ),
        )
    )


def _limits(rows: list[Row]) -> tuple[ConcentrationLimit, ...]:
    """The tightest limit of each security."""
    tightest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda each: (each["limit_weight"], str(each["source"]))):
        tightest.setdefault(row["security_id"], row)
    return tuple(
        ConcentrationLimit(security_id, row["limit_weight"], row["source"] or "")
        for security_id, row in sorted(tightest.items())
    )
