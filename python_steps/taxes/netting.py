"""Netting of capital gains and losses of one year and one tax unit.

Belongs here: the Schedule D netting of short and long, the part of a long-term gain that is
28-percent rate gain, the deduction against ordinary income and the carryforward by character. Does
not belong here: what a gain is taxed at (`rates`), or which losses are allowed (`wash_sales`).
Sources: IRC 1222, 1211(b), 1212(b), 1(h)(4)-(5); Schedule D, its 28% Rate Gain Worksheet (line 18)
and its Capital Loss Carryover Worksheet.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

NOTHING = Decimal(0)


class NettedGains(NamedTuple):
    """One tax unit's year after netting. All amounts are dollars.

    `net_short` and `net_long` are signed and include the carryforwards that came in; the other
    fields are never negative. `deduction_used` is the part of `ordinary_deduction` that consumed a
    loss: it is smaller only where taxable income was too small to absorb it.
    `taxed_collectibles_gain` is the part of `taxed_long_gain` that is 28-percent rate gain.
    """

    net_short: Decimal
    net_long: Decimal
    taxed_short_gain: Decimal
    taxed_long_gain: Decimal
    ordinary_deduction: Decimal
    deduction_used: Decimal
    carry_short: Decimal
    carry_long: Decimal
    taxed_collectibles_gain: Decimal = NOTHING


def net_capital_gains(
    *,
    short_term: Decimal,
    long_term: Decimal,
    short_term_carryforward: Decimal,
    long_term_carryforward: Decimal,
    annual_deduction: Decimal,
    taxable_income_before_deduction: Decimal | None = None,
    collectibles: Decimal = NOTHING,
) -> NettedGains:
    """Net a year's recognised gains and losses.

    Args:
        short_term: the year's recognised short-term result, gains minus losses.
        long_term: the same for long-term.
        short_term_carryforward: short-term loss carried in, positive.
        long_term_carryforward: long-term loss carried in, positive.
        annual_deduction: the limit of IRC 1211(b) for the filing status, positive.
        taxable_income_before_deduction: taxable income before the capital loss deduction, for the
            limit of IRC 1212(b)(2)(B); None where it is known to absorb the deduction.
        collectibles: the part of `long_term` that comes from collectibles, gains minus losses. Net
            short-term losses and the long-term carryforward reduce this group before any other
            long-term gain.

    Returns:
        The netted year.

    Raises:
        ValueError: a carryforward or the deduction limit is negative.
    """
    if min(short_term_carryforward, long_term_carryforward, annual_deduction) < 0:
        raise ValueError("carryforwards and the annual deduction are given as positive amounts")
    net_short = short_term - short_term_carryforward
    net_long = long_term - long_term_carryforward
    overall = net_short + net_long
    taxed_short = max(NOTHING, min(net_short, overall))
    taxed_long = max(NOTHING, min(net_long, overall))
    deduction = min(annual_deduction, max(NOTHING, -overall))
    used = deduction
    if taxable_income_before_deduction is not None:
        used = min(deduction, max(NOTHING, taxable_income_before_deduction))
    short_loss, long_loss = max(NOTHING, -net_short), max(NOTHING, -net_long)
    short_gain, long_gain = max(NOTHING, net_short), max(NOTHING, net_long)
    collectibles_left = collectibles - long_term_carryforward + min(NOTHING, net_short)
    used_beyond_short = max(NOTHING, used - max(NOTHING, short_loss - long_gain))
    return NettedGains(
        net_short=net_short,
        net_long=net_long,
        taxed_short_gain=taxed_short,
        taxed_long_gain=taxed_long,
        ordinary_deduction=deduction,
        deduction_used=used,
        carry_short=max(NOTHING, short_loss - long_gain - used),
        carry_long=max(NOTHING, long_loss - short_gain - used_beyond_short),
        taxed_collectibles_gain=max(NOTHING, min(collectibles_left, taxed_long)),
    )
