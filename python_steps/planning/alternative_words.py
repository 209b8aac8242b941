"""Trade tonight or take another path: the comparison in words.

Belongs here: the sentences of the verdict. Does not belong here: the numbers (`alternatives`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from python_steps.planning.household import Household
from python_steps.planning.plan import DEFER_GAINS, PARTIAL, TRADE_NOW, WAIT, Alternative
from python_steps.planning.wording import dollars, listed, percent

NOTHING = Decimal(0)
_ADVICE = {
    TRADE_NOW: "Trade now.",
    WAIT: "Wait.",
    PARTIAL: "Trade a part now.",
    DEFER_GAINS: "Put the short-term gains off.",
}
_NAMES = {
    TRADE_NOW: "trading now",
    WAIT: "waiting",
    PARTIAL: "trading a part",
    DEFER_GAINS: "putting short-term gains off until they are long-term",
}


def verdict_words(
    household: Household, alternatives: Sequence[Alternative], best: Alternative | None
) -> str:
    """The advice and its reason, such as: Wait. Waiting is better by $90 than trading now: ...

    Args:
        household: the household, for the contributions in sight.
        alternatives: the paths, tonight's plan first.
        best: the recommended one, None where their worth is not known.
    """
    own = {each.name: each for each in alternatives}
    now, wait = own[TRADE_NOW], own[WAIT]
    if best is None:
        return (
            "The paths cannot be compared, since a tax or a risk is not known: "
            f"{_path_words(now)}; {_path_words(wait)}."
        )
    if not now.trade_count and best is wait:
        return f"{_ADVICE[WAIT]} Tonight's plan has no trade: {_path_words(wait)}."
    others = [
        each for each in alternatives if each.same_as is None and each.objective_value is not None
    ]
    rivals = [each for each in others if each is not best]
    if not rivals:
        return f"{_ADVICE[best.name]} There is nothing to choose: {_path_words(now)}."
    rival = now
    if best is now:
        rival = min(rivals, key=lambda each: each.objective_value or NOTHING)
    reason = _reason(best, rival)
    words = f"{_ADVICE[best.name]} {_arrival_words(household)}{reason}"
    return f"{words} {_path_words(wait, is_start=True)}." if wait not in (best, rival) else words


def _arrival_words(household: Household) -> str:
    flows = [
        flow
        for flow in household.cash_flows
        if flow.flow_type == "contribution" and flow.required_by_date is not None
    ]
    if not flows:
        return "No contribution is in sight; "
    named = listed([f"{dollars(flow.amount)} on {flow.required_by_date}" for flow in flows])
    is_one = len(flows) == 1
    noun, has = ("contribution", "has") if is_one else ("contributions", "have")
    return f"Counting what is planned when the {noun} of {named} {has} arrived, "


def _reason(best: Alternative, rival: Alternative) -> str:
    if best.objective_value is None or rival.objective_value is None:
        raise ValueError("a path whose worth is not known is not recommended")
    gain = rival.objective_value - best.objective_value
    paths = f"{_path_words(best)}; {_path_words(rival)}."
    if gain > 0:
        return (
            f"{_NAMES[best.name]} is better by {dollars(gain)} than {_NAMES[rival.name]}: {paths}"
        )
    return (
        f"{_NAMES[best.name]} and {_NAMES[rival.name]} come to the same: the {dollars(-gain)} "
        "between them are less than the plans' distance to the best ones or too little to wait "
        f"for, and the drift ends tonight: {paths}"
    )


def _path_words(path: Alternative, *, is_start: bool = False) -> str:
    """What a path costs and leaves, such as: waiting costs $12 and no tax and leaves ..."""
    tax = path.estimated_tax
    taxed = (
        "an unknown tax"
        if tax is None
        else "no tax"
        if not tax
        else f"{dollars(tax)} of tax"
        if tax > 0
        else ""
    )
    name = _NAMES[path.name]
    costs = f"{name.capitalize() if is_start else name} costs {dollars(path.transaction_cost)}"
    costs += f" and {taxed}" if taxed else f", saves {dollars(-(tax or NOTHING))} of tax"
    waiting = path.waiting_cost
    if waiting is not None and waiting >= 1:
        costs += f", bears {dollars(waiting)} of risk until then"
    left = (
        f"no target outside its band (largest drift {percent(path.largest_drift)})"
        if path.breach_count == 0
        else f"{path.breach_count} {'target' if path.breach_count == 1 else 'targets'} outside the "
        f"band by {dollars(path.drift_outside_bands)}"
    )
    return f"{costs} and leaves {left}"
