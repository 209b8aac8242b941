"""Words and numbers as an advisor would say them to a client.

Belongs here: dollars, weights, dates and lots in words, and the sentence of each trade. Does not
belong here: any decision or amount that is not already in the plan. English; the reports translate
labels, not these sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    Banded,
    CashFlow,
    HouseholdIndex,
    Security,
)
from python_steps.planning.ledger import LotSale, PlanLedger
from python_steps.planning.plan import (
    HARVEST_LOSS,
    HARVEST_REPLACEMENT,
    INVEST_CASH,
    RAISE_CASH,
    RESTRICTION,
    SELL,
    Order,
    Purpose,
)

NOTHING = Decimal(0)
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
) -> str:
    """The sentence that explains one order.

    Args:
        index: the household.
        start: the ledger before any trade (for today's weights).
        order: the finished order.
        reason_code: the trade's reason.
        sales: the lots of a sale, empty for a purchase.
        tax_cost: marginal tax of the sale, dollars.
    """
    account = index.accounts[order.account_id]
    security = index.securities[order.security_id]
    if order.action == SELL:
        parts = [
            _sale_reason(index, start, order, reason_code),
            _tax_words(account, sales, tax_cost),
        ]
    else:
        parts = [_purchase_reason(index, start, order, reason_code)]
    unit = "share" if order.quantity == 1 else "shares"
    head = (
        f"{order.action.capitalize()} {shares(order.quantity)} {unit} of {security.label} "
        f"({dollars(order.notional)}) in {account.account_name}: "
    )
    return head + " ".join(part for part in parts if part)


def class_words(start: PlanLedger, group: AllocationGroup, asset_class: str) -> str:
    """Where a class stands: weight, target and band, as a clause."""
    value = start.class_values[group.allocation_group_id].get(asset_class, NOTHING)
    row = group.target_of(asset_class)
    if row is None:
        return f"the portfolio holds {dollars(value)} of {asset_class}, which has no target"
    return _standing_words(start, group, row, value)


def part_words(start: PlanLedger, group: AllocationGroup, name: str) -> str:
    """Where a sub-class or security with a target of its own stands, as a clause."""
    part = next(part for part in group.parts if part.name == name)
    value = start.part_values[group.allocation_group_id][part.key]
    return _standing_words(start, group, part, value)


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
            ("margin debit of", cash.margin_debit),
        ]
        outgoing += [f"{words} {dollars(amount)}" for words, amount in reserves if amount > 0]
    return listed(outgoing) or "overdrawn cash"


def _sale_reason(index: HouseholdIndex, start: PlanLedger, order: Order, reason_code: str) -> str:
    purpose = order.main_purpose
    account = index.accounts[order.account_id]
    if reason_code == RAISE_CASH:
        return f"raises the cash this account needs for its {_need(index, account)}."
    if reason_code == RESTRICTION:
        limit = index.limits[order.security_id]
        return f"brings it toward its limit of {percent(limit.limit_weight)} of the household."
    reason = _class_reason(index, start, purpose, purpose.sold_class)
    if purpose.bought_class is not None and not _stands_over(index, start, purpose, above=True):
        reason = (
            f"makes room for {purpose.bought_class}: "
            f"{_class_reason(index, start, purpose, purpose.bought_class)}"
        )
    if not account.is_taxable:
        where = TREATMENT_WORDS[account.tax_treatment]
        return f"{reason}; sold in this {where} account, where no tax falls due."
    if reason_code == HARVEST_LOSS:
        return f"{reason}; the shares sold stand at a loss that offsets gains."
    return f"{reason}."


def _purchase_reason(
    index: HouseholdIndex, start: PlanLedger, order: Order, reason_code: str
) -> str:
    purpose = order.main_purpose
    account = index.accounts[order.account_id]
    reason = _class_reason(index, start, purpose, purpose.bought_class)
    if reason_code == INVEST_CASH:
        return f"{reason}; paid from cash above its target."
    if purpose.sold_class is not None and not _stands_over(index, start, purpose, above=False):
        reason = (
            f"takes up what leaves {purpose.sold_class}: "
            f"{_class_reason(index, start, purpose, purpose.sold_class)}"
        )
    if reason_code == HARVEST_REPLACEMENT:
        return (
            f"{reason}; it takes the place of the shares sold at a loss and is not substantially "
            "identical to them."
        )
    where = TREATMENT_WORDS[account.tax_treatment]
    other = "other " if purpose.part_name else ""
    return f"{reason}; paid from {other}{purpose.sold_class} sold in this {where} account."


def _class_reason(
    index: HouseholdIndex, start: PlanLedger, purpose: Purpose, asset_class: str | None
) -> str:
    group = index.groups.get(purpose.allocation_group_id or "")
    if group is None or asset_class is None:
        return f"moves money out of {asset_class or CASH}"
    if purpose.part_name is not None:
        return part_words(start, group, purpose.part_name)
    return class_words(start, group, asset_class)


def _stands_over(
    index: HouseholdIndex, start: PlanLedger, purpose: Purpose, *, above: bool
) -> bool:
    """Whether the sold class stood above (the bought class below) its target before the plan.

    Where it did not, it moves for the sake of the other class, and the other class is the reason.
    """
    group = index.groups.get(purpose.allocation_group_id or "")
    name = purpose.sold_class if above else purpose.bought_class
    row = None if group is None or name is None else group.target_of(name)
    if group is None or row is None or purpose.part_name is not None:
        return True
    value = start.class_values[group.allocation_group_id].get(row.asset_class, NOTHING)
    target = row.target_weight * start.group_value(group.allocation_group_id)
    return value > target if above else value < target


def _standing_words(start: PlanLedger, group: AllocationGroup, row: Banded, value: Decimal) -> str:
    total = start.group_value(group.allocation_group_id)
    weight = value / total if total > 0 else NOTHING
    return (
        f"the weight of {row.name} is {percent(weight)} against a target of "
        f"{percent(row.target_weight)} (band {percent(row.lower_band_weight)} to "
        f"{percent(row.upper_band_weight)})"
    )


def _need(index: HouseholdIndex, account: Account) -> str:
    return need_words(index.household.cash_flows, account)


def _tax_words(account: Account, sales: Sequence[LotSale], tax_cost: Decimal) -> str:
    if not account.is_taxable or not sales:
        return ""
    effect = (
        f"about {dollars(tax_cost)} of tax at the marginal rate"
        if tax_cost > 0
        else f"worth about {dollars(-tax_cost)} of tax at the marginal rate"
        if tax_cost < 0
        else "no tax"
    )
    return f"Uses {lots_words(sales)}: {_result_words(sales)}, {effect}."


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
