"""What the law leaves open about wash sales, as named settings of the firm.

Belongs here: one setting per contested point, its default, what the default rests on. Does not
belong here: the algorithm (`engine`). Not settings: the 61-day window, one disallowance per
acquired share, purchases in a spouse's or a retirement account.
Sources: IRC 1091; Reg. 1.1091-1 and -2; Rev. Rul. 2008-5, 56-602; IRS Pub. 550.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from python_steps.taxes.holding_period import HoldingMethod


@dataclass(frozen=True)
class WashSalePolicy:
    """One reading of the wash-sale rules. The defaults are the conservative mainstream.

    Attributes:
        window_days: days before and after the loss sale, IRC 1091(a).
        older_than_sold: whether shares bought inside the window but before the sold lot replace it
            ("include": the literal text).
        disposed_before_loss: whether shares bought inside the window and already sold before the
            loss replace it ("include_retro" reopens the earlier sale).
        same_day_liquidation: "as_one": lots that leave the household on the day of the loss do not
            replace each other; "separate": they do while not yet sold.
        same_purchase: what is one purchase (Rev. Rul. 56-602): the whole "order" with all its
            fills, or each "lot".
        spouse_replacement: where a spouse's purchase puts the disallowed loss:
            "basis_to_replacement" (IRC 1091(d) speaks of the property) or "permanent". Spouses are
            told apart by the accounts' owners, filing jointly or not; a joint account is both's.
        employer_plan: purchases in 401(k) and 403(b) plans: as an IRA's ("permanent") or "ignore".
        health_savings: the same for health savings accounts.
        outside_accounts: purchases of a minor's account, a non-grantor trust or a parent: "flag"
            (no wash sale) or "include".
        holding_method: holding-period start of replacement shares, see `taxes.holding_period`.
        tie: who replaces first among purchases of one date and unknown time.
        share_classes: different securities of one identity group are matched by "equal_exposure"
            (the conversion ratio given) or "share_for_share".
        in_kind_distribution: a distribution in kind from a retirement account is an "acquisition"
            at fair value, or is left out ("ignore").
    """

    window_days: int = 30
    older_than_sold: Literal["include", "exclude"] = "include"
    disposed_before_loss: Literal["exclude", "include_retro"] = "exclude"
    same_day_liquidation: Literal["as_one", "separate"] = "as_one"
    same_purchase: Literal["order", "lot"] = "order"
    spouse_replacement: Literal["basis_to_replacement", "permanent"] = "basis_to_replacement"
    employer_plan: Literal["permanent", "ignore"] = "permanent"
    health_savings: Literal["permanent", "ignore"] = "permanent"
    outside_accounts: Literal["flag", "include"] = "flag"
    holding_method: HoldingMethod = "no_overlap"
    tie: Literal["retirement_first", "taxable_first"] = "retirement_first"
    share_classes: Literal["equal_exposure", "share_for_share"] = "equal_exposure"
    in_kind_distribution: Literal["acquisition", "ignore"] = "acquisition"


DEFAULT_POLICY = WashSalePolicy()


_CONTESTED: tuple[tuple[str, str, str], ...] = (
    ("older_than_sold", "include", "shares bought before the sold lot count"),
    ("older_than_sold", "exclude", "shares bought before the sold lot do not count"),
    ("disposed_before_loss", "include_retro", "shares already sold again count"),
    ("same_day_liquidation", "separate", "lots sold on the same day replace each other"),
    ("same_purchase", "lot", "another fill of the same order is another purchase"),
    ("employer_plan", "permanent", "a purchase in an employer plan counts"),
    ("employer_plan", "ignore", "a purchase in an employer plan does not count"),
    ("health_savings", "permanent", "a purchase in a health savings account counts"),
    ("health_savings", "ignore", "a purchase in a health savings account does not count"),
    ("outside_accounts", "include", "a purchase of a minor or a trust counts"),
    ("in_kind_distribution", "acquisition", "a distribution in kind counts"),
)


def contested_readings(policy: WashSalePolicy) -> tuple[tuple[str, WashSalePolicy], ...]:
    """Every other reading of the contested points, each with the words that name it.

    One point is changed at a time, then all to the severest side together. Readings under which
    less is washed belong too: what did not wash an earlier loss leaves it open for a later buy.
    """
    readings = [
        (words, replace(policy, **{setting: value}))  # type: ignore[arg-type]
        for setting, value, words in _CONTESTED
    ]
    severest = replace(
        policy,
        older_than_sold="include",
        disposed_before_loss="include_retro",
        same_day_liquidation="separate",
        same_purchase="lot",
        employer_plan="permanent",
        health_savings="permanent",
        outside_accounts="include",
        in_kind_distribution="acquisition",
    )
    readings.append(("several contested points together are read severely", severest))
    return tuple((words, reading) for words, reading in readings if reading != policy)
