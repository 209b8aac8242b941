"""Words and numbers as an advisor would say them to a client.

Belongs here: dollars, weights, dates and lots in words, and the sentence of each trade. Does not
belong here: any decision or amount that is not already in the plan. English; the reports translate
labels, not these sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    Banded,
    CashFlow,
    HouseholdIndex,
    PartTarget,
    Security,
)
from python_steps.planning.ledger import LotSale, PlanLedger
from python_steps.planning.plan import (
    BUY,
    HARVEST_LOSS,
    HARVEST_REPLACEMENT,
    INVEST_CASH,
    LOCATE,
    RAISE_CASH,
    RESTRICTION,
    SELL,
    Order,
    RationaleComponent,
    Untraded,
    telling_dollars,
)
from python_steps.planning.tax_effect import LossUse

NOTHING = Decimal(0)
# IRC 1091(a): a purchase within 30 days after the sale washes its loss.
AFTER_WINDOW = timedelta(days=31)
TREATMENT_WORDS = {
    "taxable": "taxable",
    "tax_deferred": "tax-deferred",
    "tax_free": "tax-free",
}
FLOW_WORDS = {
    "rmd": "required minimum distribution",
    "capital_call": "capital call",
    "income_distribution": "income distribution",
    "withdrawal": "withdrawal",
    "contribution": "contribution",
    "fee": "fee",
}


def dollars(amount: Decimal) -> str:
    """Dollars with thousands parted, "$12,345"; cents only below a hundred dollars."""
    unit = Decimal(1) if abs(amount) >= 100 else Decimal("0.01")
    rounded = amount.quantize(unit, rounding=ROUND_HALF_UP)
    return f"-${abs(rounded):,}" if rounded < 0 else f"${rounded:,}"


def percent(weight: Decimal) -> str:
    """A weight as "12.3%"."""
    return f"{(weight * 100).quantize(Decimal('0.1'), rounding=ROUND_HALF_UP)}%"


def shares(quantity: Decimal) -> str:
    """A quantity without trailing zeros, thousands parted."""
    whole, _, fraction = f"{quantity:,f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def count_of(number: int, noun: str) -> str:
    """A count with its noun, "1 trade" or "12 trades"."""
    plural = f"{noun}es" if noun.endswith(("s", "sh", "ch")) else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence as a list, "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def tax_clause(tax: Decimal | None, *, is_one: bool) -> str:
    """What trades do to the year's tax, as a verb phrase: "save an estimated $756 of tax"."""
    s = "s" if is_one else ""
    if tax is None:
        return f"cause{s} a tax that cannot be estimated"
    if tax == 0:
        return f"cause{s} no tax"
    return f"{'cost' if tax > 0 else 'save'}{s} an estimated {dollars(abs(tax))} of tax"


def trade_rationale(
    index: HouseholdIndex,
    start: PlanLedger,
    order: Order,
    reason_code: str,
    sales: Sequence[LotSale],
    tax_cost: Decimal,
    paid_from: Sequence[str],
    use_of_losses: LossUse | None,
    bought_in: Collection[str],
) -> str:
    """The sentence that explains one order.

    Args:
        index: the household.
        start: the ledger before any trade (for today's weights).
        order: the finished order.
        reason_code: the trade's reason.
        sales: the lots of a sale, empty for a purchase.
        tax_cost: the sale's share of the plan's true tax, dollars.
        paid_from: the classes whose sales in the account pay for its purchases.
        use_of_losses: what becomes of the plan's losses in the account's tax unit.
        bought_in: the accounts in which the plan buys the security's class.
    """
    account = index.accounts[order.account_id]
    security = index.securities[order.security_id]
    if order.action == SELL:
        parts = [
            _sale_reason(index, start, order, reason_code, use_of_losses, bought_in),
            _tax_words(account, sales, tax_cost),
        ]
    else:
        parts = [_purchase_reason(index, start, order, reason_code, paid_from)]
    unit = "share" if order.quantity == 1 else "shares"
    head = (
        f"{order.action.capitalize()} {shares(order.quantity)} {unit} of {security.label} "
        f"({dollars(order.notional)}) in {account.account_name}: "
    )
    return head + " ".join(part for part in parts if part)


def value_words(value: Decimal | None) -> str:
    """What a plan loses without a trade, as the sentence that ends its reason."""
    if value is None:
        return "No plan could do without it."
    return f"Without it the plan would be worth about {dollars(value)} less."


# What a component is called where it speaks for a trade, and where it speaks against it.
_COMPONENT_WORDS = {
    "drift": ("less drift of {}", "more drift of {}"),
    "tax": ("less tax", "tax"),
    "basis_reset": ("later tax spared by a higher basis", "later tax on a lower basis"),
    "location": ("tax spared by its place", "tax on its place"),
    "trading_cost": ("spread and impact saved", "spread and impact"),
    "turnover": ("less turnover", "turnover"),
    "concentration": ("less above a limit", "room under a limit"),
    "cash_need": ("the cash that is needed", "cash beyond the need"),
    "account_cash": ("cash that it frees", "cash that it uses up"),
    "gains_budget": ("room in the gains budget", "room of the gains budget"),
    "tax_budget": ("room in the stage's tax", "room of the stage's tax"),
    "lot_order": ("lots behind it in the standing order", "its place in the standing order"),
    "wash_sale": ("the wash-sale rule", "the wash-sale rule"),
    "minimum_trade": ("the smallest trade allowed", "the smallest trade allowed"),
    "preference": ("an earlier choice of the buy list", "a later choice of the buy list"),
}
_TOLD_COMPONENTS = 3


def components_words(components: Sequence[RationaleComponent]) -> str:
    """The biggest dollars for and against a trade, as a sentence; empty below a dollar.

    Such as: In this plan $630 of less drift of Bonds speaks for it; $120 of tax speaks against it.
    """
    amounts = telling_dollars(components)
    largest = sorted(
        zip(components, amounts, strict=True),
        key=lambda pair: (-abs(pair[1]), pair[0].component, pair[0].subject or ""),
    )
    told = [(each, amount) for each, amount in largest[:_TOLD_COMPONENTS] if abs(amount) >= 1]
    sides = []
    for is_for in (True, False):
        parts = [
            f"{dollars(abs(amount))} of "
            + _COMPONENT_WORDS[each.component][0 if is_for else 1].format(each.subject)
            for each, amount in told
            if (amount > 0) == is_for
        ]
        if parts:
            verb = "speaks" if len(parts) == 1 else "speak"
            sides.append(f"{listed(parts)} {verb} {'for' if is_for else 'against'} it")
    return f"In this plan {'; '.join(sides)}." if sides else ""


def untraded_words(
    row: Untraded,
    security: Security,
    account: Account,
    reason: str,
    turning: Decimal,
) -> str:
    """Why a holding stays or a purchase is not made, as a sentence.

    Args:
        row: what is not traded.
        security: the security.
        account: the account.
        reason: the rule that keeps it, empty where prices alone do.
        turning: dollars of it that turn long-term.
    """
    where = security_words(security, account)
    cents = row.reduced_cost_cents
    cost = "" if cents is None else f"{cents:.2f} cents a dollar more than it brings"
    if row.action == BUY:
        return f"{where} is not bought: buying would cost {cost}."
    head = f"{dollars(row.amount or NOTHING)} of {where} is not sold: "
    if cents is not None:
        reason = f"the cheapest of it would cost {cost}"
    words = f"{head}{reason}."
    if row.trade_price is not None:
        words += (
            f" Selling some of it would pay at a price below {dollars(row.trade_price)} "
            f"(today {dollars(security.price or NOTHING)})."
        )
    if row.long_term_date is not None and row.waiting_saves is not None:
        words += (
            f" {dollars(turning)} of it turns long-term by {row.long_term_date.isoformat()}; "
            f"waiting saves {dollars(row.waiting_saves)} of tax on it."
        )
    return words


def lots_words(sales: Sequence[LotSale]) -> str:
    """How many lots are used, and their acquisition dates."""
    known = [sale.lot.acquisition_date for sale in sales if sale.lot.acquisition_date is not None]
    count = count_of(len(sales), "lot")
    if not known:
        return count
    first, last = min(known).isoformat(), max(known).isoformat()
    return f"{count} acquired {first}" + ("" if first == last else f" to {last}")


def need_words(flows: Sequence[CashFlow], account: Account) -> str:
    """What an account's cash is needed for."""
    outgoing = [
        f"{FLOW_WORDS.get(flow.flow_type, flow.flow_type)} of {dollars(flow.amount)}"
        + (f" due {flow.required_by_date.isoformat()}" if flow.required_by_date else "")
        for flow in flows
        if flow.account_id == account.account_id and flow.flow_type != "contribution"
    ]
    if account.cash is not None:
        cash = account.cash
        reserves = [
            ("payments due of", cash.flow_reserve if not outgoing else NOTHING),
            ("fees due of", cash.fee_reserve if not outgoing else NOTHING),
            ("minimum cash of", cash.minimum),
            # Nobody lends on margin to a retirement account: it is overdrawn.
            ("margin debit of" if account.is_taxable else "overdraft of", cash.margin_debit),
        ]
        outgoing += [f"{words} {dollars(amount)}" for words, amount in reserves if amount > 0]
    return listed(outgoing) or "overdrawn cash"


def _sale_reason(
    index: HouseholdIndex,
    start: PlanLedger,
    order: Order,
    reason_code: str,
    use_of_losses: LossUse | None,
    bought_in: Collection[str],
) -> str:
    account = index.accounts[order.account_id]
    if reason_code == RAISE_CASH:
        return f"raises the cash this account needs for its {_need(index, account)}."
    if reason_code == RESTRICTION:
        limit = index.limits[order.security_id]
        return f"brings it toward its limit of {percent(limit.limit_weight)} of the household."
    where = TREATMENT_WORDS[account.tax_treatment]
    if reason_code == LOCATE:
        reason = _place_reason(index, order, bought_in)
    else:
        reason = _target_reason(index, start, order)
    if not account.is_taxable:
        return f"{reason}; sold in this {where} account, where no tax falls due."
    if reason_code == HARVEST_LOSS:
        return (
            f"{reason}; the shares sold stand at a loss{_loss_words(use_of_losses)}. "
            f"{index.securities[order.security_id].label} may be bought again from "
            f"{(index.household.planned_trade_date + AFTER_WINDOW).isoformat()} on."
        )
    return f"{reason}."


def _place_reason(index: HouseholdIndex, order: Order, bought_in: Collection[str]) -> str:
    """How a sale saves tax by place: its class moves, changes its holdings, or makes room."""
    sold = index.securities[order.security_id].primary_class
    other = order.main_purpose.bought_class
    if any(account_id != order.account_id for account_id in bought_in):
        return f"{sold} is moved to accounts where it costs less tax"
    if bought_in:
        return f"{sold} stays in this account in holdings that cost less tax"
    if other is None or other == sold:
        return f"moves money out of {sold}, so that holdings stand where they cost less tax"
    return f"makes room for {other}, so that holdings stand where they cost less tax"


def _purchase_reason(
    index: HouseholdIndex,
    start: PlanLedger,
    order: Order,
    reason_code: str,
    paid_from: Sequence[str],
) -> str:
    purpose = order.main_purpose
    account = index.accounts[order.account_id]
    where = TREATMENT_WORDS[account.tax_treatment]
    if reason_code == LOCATE:
        reason = f"{purpose.bought_class} costs less tax in this {where} account than elsewhere"
    else:
        reason = _target_reason(index, start, order)
    if reason_code == INVEST_CASH:
        return f"{reason}; paid from cash above its target."
    if reason_code == HARVEST_REPLACEMENT:
        return (
            f"{reason}; it takes the place of the shares sold at a loss and is not substantially "
            "identical to them."
        )
    payers = f"other {purpose.sold_class}" if purpose.is_part_swap else listed(paid_from)
    if not payers:
        # Sales that raise needed cash pay for nothing else; whole shares leave some of it over.
        is_free = account.cash is not None and account.cash.investable >= order.notional
        payer = "free cash" if is_free else "cash that is free once what is needed has been raised"
        return f"{reason}; paid from {payer}."
    return f"{reason}; paid from {payers} sold in this {where} account."


def _target_reason(index: HouseholdIndex, start: PlanLedger, order: Order) -> str:
    """The target that an order serves: its own, or the one for whose sake it gives or takes."""
    purpose, is_sale = order.main_purpose, order.action == SELL
    group = index.groups.get(purpose.allocation_group_id or "")
    sides = (purpose.sold_class, purpose.bought_class)
    own, other = sides if is_sale else sides[::-1]
    if group is None or own is None:
        return f"moves money out of {own or CASH}"
    part = next((part for part in group.parts if part.name == purpose.part_name), None)
    if part is not None:
        standing = _part_standing(start, group, part)
        if part.weight_of(index.securities[order.security_id]) > 0:
            return f"the weight of {part.name} is {standing}"
        name = part.name
    elif other == own:
        return f"what is held of {own} stays invested"
    elif other is None or other == CASH or _moves_home(start, group, own, is_sale):
        return f"the weight of {own} is {_class_standing(start, group, own)}"
    else:
        name, standing = other, _class_standing(start, group, other)
    return (
        f"{'makes room for' if is_sale else 'takes up what leaves'} {name}, whose weight is "
        f"{standing}"
    )


def _moves_home(start: PlanLedger, group: AllocationGroup, asset_class: str, is_sale: bool) -> bool:
    """Whether the class stood above its target before it is sold, or below it before bought."""
    row = group.target_of(asset_class)
    value = start.class_values[group.allocation_group_id].get(asset_class, NOTHING)
    target = NOTHING if row is None else row.target_weight
    amount = target * start.group_value(group.allocation_group_id)
    return value > amount if is_sale else value < amount


def _class_standing(start: PlanLedger, group: AllocationGroup, asset_class: str) -> str:
    value = start.class_values[group.allocation_group_id].get(asset_class, NOTHING)
    return _standing(start, group, group.target_of(asset_class), value)


def _part_standing(start: PlanLedger, group: AllocationGroup, part: PartTarget) -> str:
    return _standing(start, group, part, start.part_values[group.allocation_group_id][part.key])


def _standing(start: PlanLedger, group: AllocationGroup, row: Banded | None, value: Decimal) -> str:
    """A weight against its target and band, such as: 42.9% against a target of 35.0% (band ...).

    Where payments due move it away from the weight that the drift report shows, that is said.
    """
    total = start.group_value(group.allocation_group_id)
    weight = percent(value / total if total > 0 else NOTHING)
    if row is None:
        return f"{weight} without a target"
    after = "" if weight == percent(row.actual_weight) else " after payments due"
    return (
        f"{weight}{after} against a target of {percent(row.target_weight)} "
        f"(band {percent(row.lower_band_weight)} to {percent(row.upper_band_weight)})"
    )


def _need(index: HouseholdIndex, account: Account) -> str:
    return need_words(index.household.cash_flows, account)


def _tax_words(account: Account, sales: Sequence[LotSale], tax_cost: Decimal) -> str:
    if not account.is_taxable or not sales:
        return ""
    effect = (
        f"about {dollars(tax_cost)} of the plan's tax"
        if tax_cost > 0
        else f"saves about {dollars(-tax_cost)} of tax"
        if tax_cost < 0
        else "no tax this year"
    )
    return f"Uses {lots_words(sales)}: {_result_words(sales)}, {effect}."


def _loss_words(use: LossUse | None) -> str:
    """What becomes of a loss, as the end of a sentence; nothing where it is not known."""
    if use is None:
        return ""
    if use.kind == "offsets":
        return " that offsets gains"
    if use.kind == "deducts":
        return f" that is deducted from income (up to {dollars(use.yearly_limit)} a year)"
    return " that is carried forward to later years"


def _result_words(sales: Sequence[LotSale]) -> str:
    """Gains and losses by term, such as: short-term loss of $120 and long-term gain of $80."""
    amounts: dict[str, Decimal] = {}
    for sale in sales:
        term = "long-term" if sale.lot.is_long_term else "short-term"
        kind = f"{term} {'gain' if sale.gain > 0 else 'loss'}"
        amounts[kind] = amounts.get(kind, NOTHING) + sale.gain
    parts = [
        f"{kind} of {dollars(abs(amount))}" for kind, amount in sorted(amounts.items()) if amount
    ]
    return listed(parts) or "neither gain nor loss"


def security_words(security: Security, account: Account) -> str:
    """A holding as the subject of an exception, such as VTI in Joint taxable."""
    return f"{security.label} in {account.account_name}"
