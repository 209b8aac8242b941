"""Policy: every number a firm may set, its unit, default and allowed range.

Belongs here: the settings of the firm, the check of a file's values against their ranges, and the
policy of one household, which is the firm's with the settings that the household has of its own.
Does not belong here: which row of which file a household's settings come from (the book resolves
that, `fct_household_settings`), or anything computed. Sources of the defaults are named per field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any


class PolicyError(ValueError):
    """A policy file holds a field that is unknown or outside its allowed range."""


def _setting(
    default: Any,
    description: str,
    *,
    low: str | None = None,
    high: str | None = None,
    choices: tuple[str, ...] = (),
    unit: str | None = None,
) -> Any:
    """One setting; one with a unit may also be set for a single household."""
    metadata = {
        "description": description,
        "low": low,
        "high": high,
        "choices": choices,
        "unit": unit,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class FirmPolicy:
    """One firm's settings. Every field carries its description, unit and allowed range."""

    reporting_currency: str = _setting(
        "USD", "Currency of every mart and workbook.", choices=("USD",)
    )
    report_language: str = _setting(
        "en",
        "Language of workbooks, unless a household has its own.",
        choices=("en", "zh-Hans"),
    )
    flow_horizon_sessions: int = _setting(
        10, "Sessions ahead within which cash flows count as due.", low="0", high="60"
    )
    default_absolute_band: Decimal = _setting(
        Decimal("0.05"),
        "Absolute band half-width, share of the base.",
        low="0",
        high="1",
        unit="share of the base",
    )
    default_relative_band: Decimal = _setting(
        Decimal("0.20"),
        "Relative band half-width, share of the target.",
        low="0",
        high="5",
        unit="share of the target",
    )
    default_band_rule: str = _setting(
        "tighter",
        "Which of the absolute and the relative band holds.",
        choices=("tighter", "looser"),
        unit="word",
    )
    default_band_floor: Decimal = _setting(
        Decimal("0.01"),
        "Smallest band half-width, share of the base.",
        low="0",
        high="0.25",
        unit="share of the base",
    )
    trade_to: str = _setting(
        "target",
        "Where a rebalance stops: at the target, half-way inside the band, or at its edge.",
        choices=("target", "inner", "edge"),
        unit="word",
    )
    inner_share: Decimal = _setting(
        Decimal("0.5"),
        "Where inside the band a rebalance stops that trades to inner, share of the half-width.",
        low="0",
        high="1",
        unit="share of the half-width",
    )
    check_frequency: str = _setting(
        "nightly",
        "How often the classes' drift is checked; a class that is not due triggers no trades.",
        choices=("nightly", "weekly", "monthly", "quarterly"),
        unit="word",
    )
    rebalance_trigger: str = _setting(
        "both",
        "What makes a rebalance due: a class outside its band, the review date, or either.",
        choices=("threshold", "calendar", "both"),
        unit="word",
    )
    partial_rebalance: str = _setting(
        "may_be_part",
        "Whether a rebalance that leaves a class outside its band is proposed all the same.",
        choices=("may_be_part", "always_whole"),
        unit="word",
    )
    allocation_basis: str = _setting(
        "pre_tax",
        "Whether weights count market values, or tax-deferred accounts after the tax that the "
        "owner expects to pay in retirement.",
        choices=("pre_tax", "after_tax"),
        unit="word",
    )
    allows_short_term_gains: bool = _setting(
        False,
        "Whether short-term gains may be realised, at what they cost in tax, to bring a class "
        "back into its band.",
        unit="true or false",
    )
    harvests_losses: bool = _setting(False, "Whether losses are harvested.", unit="true or false")
    minimum_trade_amount: Decimal = _setting(
        Decimal("250"),
        "Smallest trade proposed, dollars.",
        low="0",
        high="1000000",
        unit="dollars",
    )
    execution_buffer: Decimal = _setting(
        Decimal("0.005"),
        "Price move that a buy must survive without overdrawing cash, share of price.",
        low="0",
        high="0.2",
    )
    wide_spread_bps: Decimal = _setting(
        Decimal("5"),
        "Half-spread from which an order carries a limit, basis points.",
        low="0",
        high="1000",
    )
    commission_per_trade: Decimal = _setting(
        Decimal("0"),
        "Commission of an ordinary equity or fund order, dollars.",
        low="0",
        high="500",
    )
    impact_coefficient: Decimal = _setting(
        Decimal("1"), "Y of the square-root impact law.", low="0", high="5"
    )
    loss_price_buffer: Decimal = _setting(
        Decimal("0.01"),
        "A lot this close above its basis is treated as a loss lot by the wash-sale rules.",
        low="0",
        high="0.2",
    )
    wash_sale_window_days: int = _setting(
        30, "Days before and after a loss sale (IRC 1091(a)); not negotiable.", low="30", high="30"
    )
    wash_sale_older_than_sold: str = _setting(
        "include",
        "Whether shares bought inside the window before the sold lot replace it.",
        choices=("include", "exclude"),
    )
    wash_sale_disposed_before_loss: str = _setting(
        "exclude",
        "Whether shares bought inside the window and sold before the loss replace it.",
        choices=("exclude", "include_retro"),
    )
    wash_sale_same_day_liquidation: str = _setting(
        "as_one",
        "Whether lots sold on the day of the loss replace each other.",
        choices=("as_one", "separate"),
    )
    wash_sale_same_purchase: str = _setting(
        "order",
        "What is one purchase: the order with all its fills, or each lot.",
        choices=("order", "lot"),
    )
    wash_sale_spouse_replacement: str = _setting(
        "basis_to_replacement",
        "Where a spouse's purchase puts the disallowed loss.",
        choices=("basis_to_replacement", "permanent"),
    )
    wash_sale_employer_plan: str = _setting(
        "permanent", "Purchases in 401(k) and 403(b) plans.", choices=("permanent", "ignore")
    )
    wash_sale_health_savings: str = _setting(
        "permanent", "Purchases in health savings accounts.", choices=("permanent", "ignore")
    )
    wash_sale_outside_accounts: str = _setting(
        "flag",
        "Purchases of a minor's account, a non-grantor trust or a parent.",
        choices=("flag", "include"),
    )
    wash_sale_holding_method: str = _setting(
        "no_overlap",
        "Start of the holding period of replacement shares.",
        choices=("no_overlap", "tack", "holding_date"),
    )
    wash_sale_tie: str = _setting(
        "retirement_first",
        "Who replaces first among purchases of one date and unknown time.",
        choices=("retirement_first", "taxable_first"),
    )
    wash_sale_share_classes: str = _setting(
        "equal_exposure",
        "How different securities of one identity group are matched.",
        choices=("equal_exposure", "share_for_share"),
    )
    wash_sale_in_kind_distribution: str = _setting(
        "acquisition",
        "A distribution in kind from a retirement account.",
        choices=("acquisition", "ignore"),
    )
    allow_full_exit_of_recent_lots: bool = _setting(
        False,
        "Whether a loss may be taken inside the window of a purchase where the same plan sells "
        "every share bought in it: then none is held that replaces the loss (IRC 1091(a)).",
    )
    allow_trades_near_related_purchases: bool = _setting(
        False,
        "Whether a loss near a purchase of a minor's account, a non-grantor trust or a parent, or "
        "a purchase near a loss of theirs, is proposed with a warning instead of barred.",
    )
    rates_when_missing: str = _setting(
        "block",
        "A tax year without rates: block taxable trades, or use the latest year, labelled.",
        choices=("block", "provisional"),
    )
    long_term_gains_allowed: bool = _setting(
        True, "Whether long-term gains may be realised to bring a class back into its band."
    )
    breakeven_years_limit: Decimal = _setting(
        Decimal("3"),
        "Longest acceptable breakeven of tax and cost, years.",
        low="0",
        high="50",
        unit="years",
    )
    risk_aversion: Decimal = _setting(
        Decimal("6"),
        "Risk aversion of the certainty-equivalent cost of drift.",
        low="0",
        high="50",
        unit="number",
    )
    gain_deferral_years: Decimal = _setting(
        Decimal("10"),
        "Years for which a deferred gain would have stayed unrealised.",
        low="0",
        high="60",
    )
    discount_rate: Decimal = _setting(
        Decimal("0.05"), "Discount rate of later taxes, a year.", low="0", high="0.5"
    )
    drift_price_inside_band: Decimal = _setting(
        Decimal("0.01"),
        "Price of a dollar between inner and outer band, dollars.",
        low="0",
        high="1",
    )
    drift_price_outside_band: Decimal = _setting(
        Decimal("0.12"),
        "Price of a dollar outside the band, up to 1.5 bands, dollars.",
        low="0",
        high="2",
    )
    drift_price_far_outside: Decimal = _setting(
        Decimal("0.40"), "Price of a dollar beyond 1.5 bands, dollars.", low="0", high="5"
    )
    location_years: Decimal = _setting(
        Decimal("1"),
        "Years of lower tax that a better asset location is credited with; 0 ignores location.",
        low="0",
        high="20",
        unit="years",
    )
    basis_reset_worth: Decimal = _setting(
        Decimal("0.35"),
        "Worth of a dollar of basis gained (or lost), share of the long-term rate: 0 where a "
        "step-up at death is expected, about a third for ten years of deferral.",
        low="0",
        high="1",
        unit="share of the long-term rate",
    )
    carried_loss_worth: Decimal = _setting(
        Decimal("0.6"),
        "Worth of a dollar of loss carried into later years, share of the long-term rate.",
        low="0",
        high="1",
    )
    concentration_price: Decimal = _setting(
        Decimal("0.05"),
        "Price of a dollar above a concentration limit, dollars.",
        low="0",
        high="1",
    )
    harvest_threshold: Decimal = _setting(
        Decimal("250"),
        "Net benefit from which losses are harvested when nothing else is due, dollars.",
        low="0",
        high="1000000",
        unit="dollars",
    )
    idle_cash_price: Decimal = _setting(
        Decimal("0.03"),
        "Price of a dollar that trades leave uninvested in an account beyond the cash it had and "
        "needs, dollars.",
        low="0",
        high="0.5",
    )
    turnover_price: Decimal = _setting(
        Decimal("0.001"),
        "What a traded dollar must bring beyond its costs and tax, dollars: it keeps a plan from "
        "trading much for little.",
        low="0",
        high="0.05",
        unit="dollars per dollar",
    )
    planner: str = _setting(
        "optimizer",
        "Who makes the plans: the optimiser, with the waterfall as baseline and fallback, or the "
        "waterfall alone.",
        choices=("optimizer", "waterfall"),
    )
    minimum_trade_benefit: Decimal = _setting(
        Decimal("25"),
        "What a trade must improve the plan by to be worth proposing, dollars.",
        low="0",
        high="10000",
        unit="dollars",
    )
    quantity_tolerance: Decimal = _setting(
        Decimal("0.0001"),
        "Largest difference of lots against position, shares (custodians round to 4 places).",
        low="0",
        high="1",
    )
    basis_tolerance_per_lot: Decimal = _setting(
        Decimal("0.01"),
        "Largest basis difference per lot, dollars (cent rounding).",
        low="0",
        high="10",
    )
    value_tolerance_bps: Decimal = _setting(
        Decimal("5"),
        "Largest difference of market value and quantity x price, basis points.",
        low="0",
        high="1000",
    )
    withhold_uncertain_share: Decimal = _setting(
        Decimal("0.25"),
        "Share of a household's value that may be frozen before the household is withheld.",
        low="0",
        high="1",
    )
    lots_pending_days: int = _setting(
        15,
        "Days that tax lots may take to follow a position before somebody is asked "
        "(Treas. Reg. 1.6045A-1: the statement of a transfer is due within 15 days).",
        low="0",
        high="365",
    )
    plan_valid_sessions: int = _setting(
        1,
        "Sessions after the planned trade date for which a plan may be approved.",
        low="0",
        high="20",
    )
    approval_price_move_limit: Decimal = _setting(
        Decimal("0.03"),
        "Price move since the plan beyond which a trade cannot be approved any more, share of "
        "price.",
        low="0",
        high="1",
    )
    override_increase_share: Decimal = _setting(
        Decimal("0"),
        "How much more than proposed an override of a quantity may be, share of the quantity.",
        low="0",
        high="1",
    )
    longest_snooze_days: int = _setting(
        366, "Longest time for which a rejected trade may be put off, days.", low="1", high="3660"
    )
    history_daily_sessions: int = _setting(
        90,
        "Sessions for which lots and positions are kept daily; then month ends.",
        low="1",
        high="5000",
    )
    feed_cut_off_time: str = _setting(
        "23:30", "New York time at which a night starts with the files it has (HH:MM)."
    )
    alert_channel: str = _setting("log", "Where alerts go.", choices=("log", "webhook", "email"))
    alert_target: str = _setting("", "Webhook address or e-mail recipient of alerts.")
    alert_smtp_host: str = _setting("", "Mail server for e-mail alerts.")
    # Names of the settings that the firm's own file states; all others are the documented defaults.
    stated: tuple[str, ...] = field(default=(), compare=False)

    @property
    def stopping_share(self) -> Decimal:
        """Where a rebalance stops, share of the half-width: 0 at the target, 1 at the edge."""
        return {"target": Decimal(0), "inner": self.inner_share, "edge": Decimal(1)}[self.trade_to]

    def dbt_vars(self) -> dict[str, Any]:
        """The settings that SQL needs, as plain JSON values (decimals as text)."""
        return {
            setting.name: str(value) if isinstance(value, Decimal) else value
            for setting in firm_settings()
            if (value := getattr(self, setting.name)) is not None
            and not setting.name.startswith(("alert_", "wash_sale_"))
        } | {"settings_stated_by_firm": ",".join(self.stated)}

    def wash_sale_settings(self) -> dict[str, Any]:
        """The firm's reading of the wash-sale rules, under the names of `WashSalePolicy`."""
        prefix = "wash_sale_"
        return {
            setting.name.removeprefix(prefix): getattr(self, setting.name)
            for setting in firm_settings()
            if setting.name.startswith(prefix)
        }


def firm_settings() -> tuple[Field[Any], ...]:
    """Every setting of the firm's policy file, in the order of the file."""
    return tuple(setting for setting in fields(FirmPolicy) if setting.metadata)


def household_settings() -> tuple[Field[Any], ...]:
    """The settings that a household may have of its own, instead of the firm's."""
    return tuple(setting for setting in firm_settings() if setting.metadata["unit"] is not None)


def firm_policy_from_mapping(given: dict[str, Any], *, source: str) -> FirmPolicy:
    """Build a FirmPolicy from a parsed policy file.

    Args:
        given: field name to value, as read from the firm's file.
        source: the file's name, for error messages.

    Returns:
        The policy; fields that are not given keep their documented defaults.

    Raises:
        PolicyError: naming the file, the field, the value and what is allowed.
    """
    known = {setting.name: setting for setting in firm_settings()}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise PolicyError(
            f"{source}: unknown setting {unknown[0]!r}; known settings: {', '.join(sorted(known))}"
        )
    checked = {name: _checked(known[name], value, source) for name, value in given.items()}
    return FirmPolicy(**checked, stated=tuple(sorted(checked)))


def household_policy(
    firm: FirmPolicy, stated: Mapping[str, str | None], *, household_id: str
) -> FirmPolicy:
    """The policy of one household: the firm's, with the values that hold for the household.

    Args:
        firm: the firm's policy.
        stated: each of `household_settings` as text, as the book has resolved it.
        household_id: for error messages.

    Raises:
        PolicyError: naming the household, the setting, the value and what is allowed; also where
            a setting is missing: nothing is assumed for it.
    """
    checked = {}
    for setting in household_settings():
        value = stated.get(setting.name)
        if value is None:
            raise PolicyError(f"household {household_id}: {setting.name} is not known")
        given = {"true": True, "false": False}.get(value, value) if _is_flag(setting) else value
        checked[setting.name] = _checked(setting, given, f"household {household_id}")
    return replace(firm, **checked)


def _is_flag(setting: Field[Any]) -> bool:
    return isinstance(setting.default, bool)


def allowed_words(setting: Field[Any]) -> str:
    """What a setting may be, in words."""
    allowed = setting.metadata
    if allowed["choices"]:
        return "one of " + ", ".join(allowed["choices"])
    if allowed["low"] is not None:
        return f"{allowed['low']} to {allowed['high']}"
    return "true or false" if _is_flag(setting) else "text"


def _checked(setting: Any, value: Any, source: str) -> Any:
    default, allowed = setting.default, setting.metadata
    where = f"{source}: {setting.name} = {value!r}"
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise PolicyError(f"{where}: must be true or false")
        return value
    if isinstance(default, str):
        if allowed["choices"] and value not in allowed["choices"]:
            raise PolicyError(f"{where}: must be one of {', '.join(allowed['choices'])}")
        return str(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise PolicyError(f"{where}: must be a number") from error
    if not number.is_finite():
        raise PolicyError(f"{where}: must be a number")
    if not Decimal(allowed["low"]) <= number <= Decimal(allowed["high"]):
        raise PolicyError(f"{where}: must be between {allowed['low']} and {allowed['high']}")
    if isinstance(default, int):
        if number != int(number):
            raise PolicyError(f"{where}: must be a whole number")
        return int(number)
    return number


def documented_settings() -> str:
    """The firm policy file with every default, ready to be written and edited (YAML)."""
    lines = [
        "# Firm-wide policy of Evenkeel. Every line below is a default: delete the leading '#'",
        "# of a line to change it. A value outside its range is refused by name.",
    ]
    for setting in firm_settings():
        limits, value = allowed_words(setting), setting.default
        shown = str(value).lower() if isinstance(value, bool) else value
        quoted = f'"{shown}"' if isinstance(value, str) else shown
        described = setting.metadata["description"]
        lines += ["", f"# {described} ({limits})", f"# {setting.name}: {quoted}"]
    return "\n".join(lines) + "\n"
