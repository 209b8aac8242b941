"""From a draft to the `Household` a planner receives: values, weights, bands, windows, tax rates.

Belongs here: everything that follows from what is held and due, worked out as the book's models and
the household builder do it. Does not belong here: what is held (`typical`, `stress`). Bands are the
firm's defaults; windows reach 30 days from a purchase or a loss (IRC 1091(a)).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from python_steps.lot_selection.instructions import CustodianLot
from python_steps.planning.household import (
    CASH,
    FUND_TYPES,
    TAXABLE,
    UNMAPPED,
    Account,
    AccountCash,
    AllocationGroup,
    Banded,
    Block,
    BuyOption,
    ClassTarget,
    Household,
    Lot,
    PartTarget,
    Position,
    Security,
    TaxUnit,
    TradeTerms,
    WashSaleWindow,
)
from python_steps.planning.household_frames import security_block
from python_steps.policy import FirmPolicy
from python_steps.sample_households.drafts import (
    FAMILY,
    AccountDraft,
    HoldingDraft,
    HouseholdDraft,
    LotDraft,
    TaxDraft,
)
from python_steps.sample_households.market import AS_OF_DATE, CLASSES, sample_market
from python_steps.sessions import next_session
from python_steps.taxes.holding_period import is_long_term
from python_steps.taxes.rates import RateTables, TaxUnitProfile, marginal_rates
from python_steps.taxes.special_basis import held_six_months_or_less

NOTHING = Decimal(0)
CENT = Decimal("0.01")
WEIGHT_STEP = Decimal("0.0000000001")
PLANNED_TRADE_DATE = next_session(AS_OF_DATE)
WINDOW = timedelta(days=30)
LOCKED_UNTIL = date(2027, 6, 30)
BASIS_POINTS_OF_MINIMUM = Decimal("0.0005")

_LOCKED = Block("restricted", f"it is restricted (lockup, until {LOCKED_UNTIL.isoformat()})")
_DO_NOT_SELL = Block("restricted", "it is restricted (do not sell)")
_NO_BASIS = Block("frozen", "its cost basis is not known")
_KIND_NOT_SAID = Block(
    "frozen", "nobody has said whether its long-term gain is taxed as gain from collectibles"
)
_NO_CASH = Block("frozen", "its cash balance is not known")


def assemble(draft: HouseholdDraft, rates: RateTables, policy: FirmPolicy) -> Household:
    """The finished problem of a draft.

    Args:
        draft: what is held, due, allowed and known.
        rates: statutory rates; they give the tax units' marginal rates.
        policy: bands and the smallest trade.
    """
    securities = _securities(draft)
    accounts = sorted(draft.accounts, key=lambda each: each.account_id)
    positions = [
        _position(account, holding, securities[holding.security_id])
        for account in accounts
        for holding in sorted(account.holdings, key=lambda each: each.security_id)
    ]
    options = _buy_options(accounts, securities)
    used = {each.security_id for each in positions} | {each.security_id for each in options}
    groups = tuple(
        _group(draft, name, accounts, positions, securities, policy)
        for name in sorted(draft.targets)
    )
    value = sum((row.market_value for group in groups for row in group.classes), NOTHING)
    return Household(
        household_id=draft.household_id,
        household_state=draft.state,
        state_reason="" if draft.state == "released" else "its data is in doubt",
        allows_short_term_gains=draft.allows_short_term_gains,
        harvests_losses=draft.harvests_losses,
        minimum_trade_amount=_minimum_trade(draft, value, policy),
        annual_gains_budget=draft.annual_gains_budget,
        market_value=value,
        as_of_date=AS_OF_DATE,
        planned_trade_date=PLANNED_TRADE_DATE,
        accounts=tuple(_account(each) for each in accounts),
        securities=tuple(securities[name] for name in sorted(used)),
        positions=tuple(positions),
        groups=groups,
        buy_options=options,
        trade_terms=tuple(
            ((account.account_id, name), _terms(account, securities[name]))
            for account in accounts
            for name in sorted(used)
        ),
        wash_sale_windows=_windows(draft, securities),
        tax_units=tuple(
            _tax_unit(each, rates)
            for each in sorted(draft.tax_units, key=lambda unit: unit.tax_unit_id)
        ),
        cash_flows=tuple(
            sorted(
                (flow for account in accounts for flow in account.flows),
                key=lambda each: (each.account_id, each.required_by_date or date.max, each.amount),
            )
        ),
        concentration_limits=tuple(sorted(draft.limits, key=lambda each: each.security_id)),
    )


def _securities(draft: HouseholdDraft) -> dict[str, Security]:
    names = {holding.security_id for holding in draft.held}
    names |= {entry[2] for account in draft.accounts for entry in account.menu}
    listed = sample_market().securities
    return {name: draft.securities.get(name) or listed[name].security for name in names}


def _minimum_trade(draft: HouseholdDraft, value: Decimal, policy: FirmPolicy) -> Decimal:
    if draft.minimum_trade_amount is not None:
        return draft.minimum_trade_amount
    by_value = (value * BASIS_POINTS_OF_MINIMUM).quantize(Decimal(1))
    return max(policy.minimum_trade_amount, by_value)


def _account(draft: AccountDraft) -> Account:
    cash = AccountCash(
        trade_date=draft.cash,
        pending=NOTHING,
        margin_debit=draft.margin_debit,
        fee_reserve=draft.fee_reserve,
        flow_reserve=draft.flow_reserve,
        minimum=draft.minimum,
        investable=_after_flows(draft) - draft.minimum,
    )
    return Account(
        account_id=draft.account_id,
        account_name=f"{draft.account_type.replace('_', ' ')} {draft.account_id}",
        account_type=draft.account_type,
        tax_treatment=draft.tax_treatment,
        custodian="ALPINE",
        allocation_group_id=draft.allocation_group_id,
        tax_unit_id=draft.tax_unit_id,
        wash_sale_group_id=draft.wash_sale_group_id,
        counts_toward_allocation=draft.allocation_group_id is not None,
        counts_for_wash_sales=True,
        lot_method=draft.lot_method,
        cash=cash if draft.is_cash_known else None,
        block=draft.block or (None if draft.is_cash_known else _NO_CASH),
        custodian_lot_method="FIFO",
    )


def _after_flows(draft: AccountDraft) -> Decimal:
    return draft.cash - draft.margin_debit - draft.fee_reserve - draft.flow_reserve


def _position(account: AccountDraft, holding: HoldingDraft, security: Security) -> Position:
    lots = _lots(account, holding, security)
    quantity = holding.quantity
    sellable = NOTHING if holding.is_restricted else sum((_free(lot) for lot in lots), NOTHING)
    if not security.is_mapped:
        block: Block | None = Block("unmapped", "it is not mapped to an asset class")
    else:
        block = security_block(security)
    if block is None and sellable <= 0:
        block = _DO_NOT_SELL if holding.is_restricted else lots[0].block
    return Position(
        account_id=account.account_id,
        security_id=security.security_id,
        quantity=quantity,
        market_value=None if security.price is None else quantity * security.price,
        sellable_quantity=sellable,
        is_gain_allowed=holding.is_gain_allowed,
        block=block,
        lots=lots,
    )


def _free(lot: Lot) -> Decimal:
    return lot.sellable_quantity if lot.block is None else NOTHING


def _lots(account: AccountDraft, holding: HoldingDraft, security: Security) -> tuple[Lot, ...]:
    if account.tax_treatment != TAXABLE and not account.sends_lots:
        return (_stand_in(account, holding),)
    return tuple(
        _lot(account, security, draft, f"{account.account_id}:{security.security_id}:{number:03d}")
        for number, draft in enumerate(holding.lots, start=1)
    )


def _stand_in(account: AccountDraft, holding: HoldingDraft) -> Lot:
    """The one lot of a tax-advantaged holding whose custodian sends none."""
    return Lot(
        lot_id=f"{account.account_id}:{holding.security_id}:position",
        account_id=account.account_id,
        security_id=holding.security_id,
        quantity=holding.quantity,
        sellable_quantity=holding.quantity,
        acquisition_date=None,
        holding_period_start_date=None,
        is_long_term=None,
        cost_basis=None,
        is_gain_allowed=True,
        block=None,
        is_whole_position=True,
    )


def _lot(account: AccountDraft, security: Security, draft: LotDraft, lot_id: str) -> Lot:
    is_taxable = account.tax_treatment == TAXABLE
    is_long = is_long_term(draft.acquired, PLANNED_TRADE_DATE)
    basis = (
        None
        if draft.unit_cost is None
        else (draft.unit_cost * draft.quantity).quantize(CENT, rounding=ROUND_HALF_UP)
    )
    block = _LOCKED if draft.is_locked else None
    if block is None and is_taxable and basis is None:
        block = _NO_BASIS
    if block is None and is_taxable and is_long and security.is_collectible is None:
        block = _KIND_NOT_SAID
    return Lot(
        lot_id=lot_id,
        account_id=account.account_id,
        security_id=security.security_id,
        quantity=draft.quantity,
        sellable_quantity=NOTHING if draft.is_locked else draft.quantity,
        acquisition_date=draft.acquired,
        holding_period_start_date=draft.acquired,
        is_long_term=is_long,
        cost_basis=basis,
        is_gain_allowed=True,
        block=block,
        custodian=CustodianLot(lot_id, lot_id, draft.acquired, draft.quantity, basis, is_long),
        distributions=(
            draft.distributions
            if is_taxable and held_six_months_or_less(draft.acquired, PLANNED_TRADE_DATE)
            else None
        ),
    )


def _buy_options(
    accounts: Iterable[AccountDraft], securities: dict[str, Security]
) -> tuple[BuyOption, ...]:
    options = [
        BuyOption(account.account_id, asset_class, rank, name)
        for account in accounts
        if account.block is None
        and account.is_cash_known
        and account.allocation_group_id is not None
        for asset_class, rank, name in account.menu
        if security_block(securities[name]) is None
    ]
    return tuple(
        sorted(
            options,
            key=lambda each: (each.account_id, each.asset_class, each.rank, each.security_id),
        )
    )


def _terms(account: AccountDraft, security: Security) -> TradeTerms:
    is_fund = security.security_type in FUND_TYPES
    return TradeTerms(
        is_available=True,
        is_fractional=is_fund or account.is_fractional,
        trades_in="dollars" if is_fund else "shares",
        minimum_amount=Decimal(100) if is_fund else NOTHING,
        # Funds trade without a ticket; the firm's commission holds for what is listed.
        transaction_fee=NOTHING if is_fund else None,
    )


def _windows(draft: HouseholdDraft, securities: dict[str, Security]) -> tuple[WashSaleWindow, ...]:
    """Windows of recent lots, and of the family what was sold at a loss or will be bought."""
    no_loss: dict[tuple[str, str], date] = {}
    stays: set[tuple[str, str]] = set()
    for account in draft.accounts:
        for holding in account.holdings:
            key = (account.wash_sale_group_id, securities[holding.security_id].identity_group_id)
            for lot in holding.lots:
                if lot.acquired + WINDOW >= PLANNED_TRADE_DATE:
                    no_loss[key] = max(no_loss.get(key, date.min), lot.acquired + WINDOW)
                    if account.tax_treatment != TAXABLE or not account.sends_lots:
                        stays.add(key)
    for group, day in draft.scheduled_purchases.items():
        key = (FAMILY, group)
        no_loss[key] = max(no_loss.get(key, date.min), day + WINDOW)
        stays.add(key)
    stays |= {(FAMILY, name) for name in draft.unknown_coverage}
    keys = {*no_loss, *((FAMILY, name) for name in (*draft.recent_losses, *draft.unknown_coverage))}
    return tuple(
        WashSaleWindow(
            wash_sale_group_id=group,
            identity_group_id=name,
            no_buy_until_date=(
                draft.recent_losses[name] + WINDOW
                if group == FAMILY and name in draft.recent_losses
                else None
            ),
            no_loss_sale_until_date=no_loss.get((group, name)),
            caused_by="a purchase or a loss of the last weeks, or a purchase that is due",
            is_coverage_known=group != FAMILY or name not in draft.unknown_coverage,
            is_exit_possible=(group, name) in no_loss and (group, name) not in stays,
        )
        for group, name in sorted(keys)
    )


def _tax_unit(draft: TaxDraft, rates: RateTables) -> TaxUnit:
    profile = TaxUnitProfile(
        tax_unit_id=draft.tax_unit_id,
        tax_year=PLANNED_TRADE_DATE.year if draft.has_rates else 2099,
        filing_status=draft.filing_status,
        ordinary_taxable_income=draft.income,
        magi=(draft.income * Decimal("1.12")).quantize(CENT),
        state_rate=draft.state_rate,
        state_gains_rate=draft.state_rate,
        short_term_carryforward=draft.short_carryforward,
        long_term_carryforward=draft.long_carryforward,
        year_to_date_short_term_gain=draft.short_gain,
        year_to_date_long_term_gain=draft.long_gain,
        year_to_date_collectibles_gain=draft.collectibles_gain,
    )
    is_told = draft.is_known and rates.find(profile.tax_year, profile.filing_status) is not None
    marginal = marginal_rates(profile, rates) if is_told else None
    return TaxUnit(
        tax_unit_id=draft.tax_unit_id,
        tax_year=PLANNED_TRADE_DATE.year,
        filing_status=draft.filing_status,
        marginal_ordinary_rate=None if marginal is None else marginal.ordinary,
        marginal_short_term_rate=None if marginal is None else marginal.short_term,
        marginal_long_term_rate=None if marginal is None else marginal.long_term,
        marginal_collectibles_rate=None if marginal is None else marginal.collectibles,
        short_term_carryforward=profile.short_term_carryforward if draft.is_known else None,
        long_term_carryforward=profile.long_term_carryforward if draft.is_known else None,
        year_to_date_short_term_gain=(
            profile.year_to_date_short_term_gain if draft.is_known else None
        ),
        year_to_date_long_term_gain=(
            profile.year_to_date_long_term_gain if draft.is_known else None
        ),
        year_to_date_collectibles_gain=(
            profile.year_to_date_collectibles_gain if draft.is_known else None
        ),
        ordinary_taxable_income=profile.ordinary_taxable_income if draft.is_known else None,
        magi=profile.magi if draft.is_known else None,
        state_rate=profile.state_rate if draft.is_known else None,
        state_gains_rate=profile.state_gains_rate if draft.is_known else None,
        rates_status="missing" if marginal is None else marginal.status,
        profile_status="confirmed" if draft.is_known else None,
    )


def _group(
    draft: HouseholdDraft,
    name: str,
    accounts: Iterable[AccountDraft],
    positions: Iterable[Position],
    securities: dict[str, Security],
    policy: FirmPolicy,
) -> AllocationGroup:
    members = {each.account_id: each for each in accounts if each.allocation_group_id == name}
    held = [each for each in positions if each.account_id in members]
    targets = draft.targets[name]
    values: dict[str, Decimal] = {**dict.fromkeys(targets, NOTHING), CASH: NOTHING}
    reserve = NOTHING
    for account in members.values():
        values[CASH] += account.cash - account.margin_debit - account.fee_reserve
        reserve += account.flow_reserve
    for position in held:
        for asset_class, weight in securities[position.security_id].class_weights:
            value = weight * (position.market_value or NOTHING)
            values[asset_class] = values.get(asset_class, NOTHING) + value
    rows = [
        _class_target(asset_class, value, targets, sum(values.values(), NOTHING), reserve, policy)
        for asset_class, value in values.items()
    ]
    parts = _part_targets(draft, held, securities, sum(values.values(), NOTHING), policy)
    judged: list[Banded] = [*rows, *parts]
    is_breached = any(row.is_breach or row.is_breach_projected for row in judged)
    return AllocationGroup(
        allocation_group_id=name,
        is_rebalance_due=is_breached or draft.is_due_by_calendar,
        classes=tuple(sorted(rows, key=lambda row: (row.asset_class_rank, row.asset_class))),
        parts=parts,
    )


def _class_target(
    name: str,
    value: Decimal,
    targets: dict[str, Decimal],
    total: Decimal,
    reserve: Decimal,
    policy: FirmPolicy,
) -> ClassTarget:
    target = targets.get(name, NOTHING)
    low, high = _band(target, policy)
    actual = _weight(value, total)
    projected = _weight(value - reserve if name == CASH else value, total - reserve)
    is_judged = name != UNMAPPED
    return ClassTarget(
        asset_class=name,
        asset_class_rank=CLASSES.index(name) + 1 if name in CLASSES else 10_000,
        target_weight=target,
        actual_weight=actual,
        projected_weight=projected,
        lower_band_weight=low,
        upper_band_weight=high,
        is_breach=is_judged and not low <= actual <= high,
        is_breach_projected=is_judged and not low <= projected <= high,
        breach_severity_rank=None,
        market_value=value,
    )


def _part_targets(
    draft: HouseholdDraft,
    held: Iterable[Position],
    securities: dict[str, Security],
    total: Decimal,
    policy: FirmPolicy,
) -> tuple[PartTarget, ...]:
    found = []
    for name, target in sorted(draft.part_targets.items()):
        if name not in securities:
            continue
        value = sum(
            (each.market_value or NOTHING for each in held if each.security_id == name), NOTHING
        )
        low, high = _band(target, policy)
        actual = _weight(value, total)
        is_breach = not low <= actual <= high
        found.append(
            PartTarget(
                target_level="security",
                target_key=name,
                asset_class=securities[name].primary_class,
                security_id=name,
                target_weight=target,
                actual_weight=actual,
                projected_weight=actual,
                lower_band_weight=low,
                upper_band_weight=high,
                is_breach=is_breach,
                is_breach_projected=is_breach,
                breach_severity_rank=None,
                market_value=value,
            )
        )
    return tuple(found)


def _band(target: Decimal, policy: FirmPolicy) -> tuple[Decimal, Decimal]:
    """The firm's default: the tighter of the absolute and the relative band, with its floor."""
    width = min(policy.default_absolute_band, target * policy.default_relative_band)
    half = max(policy.default_band_floor, width)
    return max(NOTHING, target - half), target + half


def _weight(value: Decimal, total: Decimal) -> Decimal:
    return NOTHING if total <= 0 else (value / total).quantize(WEIGHT_STEP)
