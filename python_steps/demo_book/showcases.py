"""Ordinary households laid out to show one thing each: languages, flows, rules, custodians.

Belongs here: which household shows what, and how it differs from the ordinary. Does not belong
here: data that is wrong or cannot be placed (`unusual_data`). The households are numbered, so the
same one shows the same under every seed.

| Household | Shows |
|---|---|
| HH-0004 | workbook in Chinese, names in Chinese characters |
| HH-0006 | accounts in Interactive Brokers Flex XML, a lot adjusted for a wash sale |
| HH-0008 | Schwab exports in the layout of 2020 |
| HH-0010 | Schwab exports in the layout of 2026, wide lot details |
| HH-0012 | a loss at one custodian, the spouse's IRA at another buys the fund a week later |
| HH-0014 | required minimum distribution due within the horizon |
| HH-0016 | margin loan in one account, overdrawn cash in another |
| HH-0018 | open orders, one partly filled |
| HH-0020 | capital call, income distribution and withdrawal due |
| HH-0022 | IPS with sub-class targets |
| HH-0024 | IPS with a security target |
| HH-0026 | every type of restriction |
| HH-0028 | IPS changed a week ago |
| HH-0030 | UTMA of a child, held-away 401(k) that does not count toward the IPS |
| HH-0032 | concentrated stock with a very low basis, capped and not to be sold at a gain |
| HH-0034 | far too much cash |
| HH-0036 | standard feed lot whose basis the custodian raised for a wash sale |
| HH-0038 | accounts frozen, pledged, in transfer and of a person who died |
| HH-0040 | spouses who file separately |
| HH-0042 | head of household; short-term gains allowed, gains budget, larger minimum trade |
| HH-0044 | withdrawal posted and matched, contribution planned, another cancelled |
| HH-0046 | two allocation groups with different IPS |
| HH-0052 | a rebalance stops a third of the way inside the band |
| HH-0074 | classes are checked once a quarter: a breach waits for the next check |
| HH-0078 | weights after tax: tax-deferred accounts count what tax leaves of them |
| HH-0082 | the looser of the absolute and the relative band |
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from python_steps.demo_book.activity import reinvest_distributions
from python_steps.demo_book.building import (
    add_group,
    add_tax_profile,
    buy_in_lots,
    model_targets,
    move_account,
)
from python_steps.demo_book.households import (
    COUPLE,
    COUPLE_WITH_TWO_IRAS,
    FAMILY,
    RETIRED,
    SINGLE,
    HouseholdKind,
    account_value,
    required_distributions,
)
from python_steps.demo_book.ledger import SHARE_UNITS
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import (
    Account,
    CashEvent,
    CashFlow,
    Household,
    OpenOrder,
    Restriction,
    Target,
)
from python_steps.demo_book.standard_feed import lot_id


class Showcase(NamedTuple):
    """The kind that a numbered household is of, and how it differs from the ordinary."""

    kind: HouseholdKind | None
    arrange: Callable[[Household, Market], None]


def taxable_account(household: Household) -> Account:
    """The household's first taxable account that is not a child's."""
    return next(one for one in household.accounts if one.is_taxable and one.account_type != "utma")


def account_of_type(household: Household, account_type: str) -> Account:
    """The household's first account of a type."""
    return next(one for one in household.accounts if one.account_type == account_type)


def _chinese(household: Household, market: Market) -> None:
    household.report_language = "zh-Hans"
    household.name = "Lin"
    household.groups[0].name = "林家"
    names = ("林美华", "林国栋")
    household.persons = [
        person._replace(display_name=name)
        for person, name in zip(household.persons, names, strict=True)
    ]
    titles = {
        "taxable_joint": "联名应税账户",
        "roth_ira": "罗斯 IRA",
        "traditional_ira": "传统 IRA",
    }
    for account in household.accounts:
        account.name = titles.get(account.account_type, account.name)


def _interactive_brokers(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    move_account(household, taxable, "ibkr")
    move_account(household, account_of_type(household, "roth_ira"), "ibkr")
    _wash_sale_adjusted_lot(taxable, market, "IEMG")


def _schwab_2020(household: Household, market: Market) -> None:
    move_account(household, taxable_account(household), "schwab")
    move_account(household, account_of_type(household, "traditional_ira"), "schwab")


def _schwab_2026(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    for account in (taxable, account_of_type(household, "roth_ira")):
        place = household.accounts.index(account)
        move_account(household, account, "schwab", f"...{household.number * 20 + place:03d}")
    _wash_sale_adjusted_lot(taxable, market, "VWO")


def _dearest_session(market: Market, ticker: str) -> int:
    """The session of late summer with the highest price: whoever bought then has a loss now."""
    prices, demo = market.prices[ticker], market.demo_index
    return max(range(demo - 75, demo - 45), key=lambda index: (prices[index], index))


def _wash_sale_adjusted_lot(account: Account, market: Market, ticker: str) -> None:
    """Shares sold at a loss and bought back ten days later: the custodian adjusts the new lot."""
    demo = market.demo_index
    account.forget(ticker)
    position = account.position(ticker)
    bought, sold, again = _dearest_session(market, ticker), demo - 12, demo - 5
    quantity = 300 * SHARE_UNITS
    first = position.buy(bought, quantity, market.price(ticker, bought))
    sale = position.sell(sold, market.price(ticker, sold), [(first.number, quantity)])
    second = position.buy(again, quantity, market.price(ticker, again))
    loss = (first.price - sale.price) * quantity // SHARE_UNITS
    if loss > 0:
        position.reported_disallowed[sale.number, first.number] = loss
        position.basis_additions[second.number] = loss
        held = market.sessions[sold] - market.sessions[bought]
        position.holding_starts[second.number] = market.sessions[again] - held


def _loss_and_spouse_reinvests(household: Household, market: Market) -> None:
    """Each custodian's own numbers are right for what it sees, and wrong together."""
    taxable = taxable_account(household)
    spouse = household.accounts[2]
    move_account(household, taxable, "alpine")
    move_account(household, spouse, "summit")
    demo = market.demo_index
    for account in (taxable, spouse):
        account.forget("HYG")
    sold_position = taxable.position("HYG")
    bought, sold = _dearest_session(market, "HYG"), demo - 11
    lot = sold_position.buy(bought, 520 * SHARE_UNITS, market.price("HYG", bought))
    sold_position.sell(sold, market.price("HYG", sold), [(lot.number, 520 * SHARE_UNITS)])
    lots = ((date(2023, 6, 13), 60), (market.sessions[sold + 5], 40))
    kept = buy_in_lots(spouse, market, "HYG", 36_000, lots)
    reinvest_distributions(kept, market, demo - 300)


def _required_distribution(household: Household, market: Market) -> None:
    for place, year in enumerate((1949, 1951)):
        household.persons[place] = household.persons[place]._replace(birth_date=date(year, 5, 4))
    others = [flow for flow in household.cash_flows if flow.flow_type != "rmd"]
    required = required_distributions(household, date(2026, 11, 30), "requested")
    household.cash_flows = others + required


def _margin_and_overdraft(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    taxable.is_margin = True
    taxable.cash, taxable.margin_debit = 0, 45_000_00
    account_of_type(household, "roth_ira").cash = -1_250_34


def _open_orders(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    entered = date(2026, 11, 17)
    demo = market.demo_index
    position = max(taxable.positions, key=lambda one: one.quantity(demo))
    price = market.price(position.ticker, demo)
    taxable.open_orders = [
        OpenOrder(
            "O-77120", "VTI", "BUY", 60 * SHARE_UNITS, 20 * SHARE_UNITS, "MARKET", None, entered
        ),
        OpenOrder(
            "O-77121",
            position.ticker,
            "SELL",
            min(40 * SHARE_UNITS, position.quantity(demo)),
            0,
            "LIMIT",
            price * 103 // 100,
            entered,
        ),
    ]


def _capital_call(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    flows = (
        ("capital_call", 40_000_00, "requested", date(2026, 12, 1), "once"),
        ("income_distribution", 6_500_00, "planned", date(2026, 11, 30), "monthly"),
        ("withdrawal", 12_000_00, "requested", date(2026, 11, 24), "once"),
    )
    household.cash_flows = [
        CashFlow(f"CF-{household.number:04d}-{place:02d}", taxable, *flow[:4], flow[4])
        for place, flow in enumerate(flows, start=1)
    ]


def _sub_class_targets(household: Household, market: Market) -> None:
    household.groups[0].targets += [
        Target("sub_class", "US large value", Decimal("0.06")),
        Target("sub_class", "Municipal", Decimal("0.08")),
        Target("sub_class", "US aggregate bond", Decimal("0.12")),
    ]


def _security_target(household: Household, market: Market) -> None:
    household.groups[0].targets.append(
        Target("security", "VTI", Decimal("0.15"), absolute_band=Decimal("0.03"))
    )


def _every_restriction(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    if taxable.folder != "alpine":  # only Alpine states lot ids, which one restriction names
        move_account(household, taxable, "alpine")
    taxable.forget("DIS")
    lots = ((date(2016, 4, 12), 50), (date(2021, 2, 9), 50))
    stock = buy_in_lots(taxable, market, "DIS", 30_000, lots)
    lot = stock.open_lots(market.demo_index)[0].purchase.number
    account = f"{taxable.custodian}:{taxable.number}"
    household_id, person = household.household_id, household.persons[0].person_id
    held = [one.ticker for one in taxable.positions if one.ticker != "DIS"][:3]
    rows = (
        ("account", account, held[0], "hold", "Held for sentimental reasons", "client letter"),
        (
            "household",
            household_id,
            held[1],
            "sell_only",
            "Being wound down",
            "investment committee",
        ),
        ("account", account, held[2], "no_gains", "No gains before retirement", "tax adviser"),
        ("person", person, "JPM", "do_not_buy", "Employee of the issuer", "compliance"),
        ("household", household_id, "XOM", "esg", "No fossil fuels", "client letter"),
        (
            "lot",
            f"{account}:{lot_id(taxable, stock, lot)}",
            "DIS",
            "lockup",
            "Grant not vested",
            "employer",
        ),
        ("issuer", "INTC", "INTC", "blackout", "The firm advises the issuer", "compliance"),
        ("household", household_id, "MSFT", "concentration_cap", "At most five percent", "IPS"),
    )
    until = {"lockup": "2027-02-15", "blackout": "2026-12-04"}
    household.restrictions = [
        Restriction(
            f"R-{household.number:04d}-{place:02d}",
            scope,
            scope_id,
            ticker,
            kind,
            reason,
            source,
            limit_weight="0.05" if kind == "concentration_cap" else "",
            until_date=until.get(kind, ""),
        )
        for place, (scope, scope_id, ticker, kind, reason, source) in enumerate(rows, start=1)
    ]


def _policy_changed(household: Household, market: Market) -> None:
    changed = date(2026, 11, 12)
    group = household.groups[0]
    group.ips_changed_date = changed
    former = [
        target._replace(valid_to=changed - timedelta(days=1)) for target in model_targets("Growth")
    ]
    present = [
        target._replace(valid_from=changed) for target in model_targets("Moderately Conservative")
    ]
    group.targets = former + present


def _concentrated_stock(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    taxable.forget("NVDA")
    worth = account_value(taxable, market, market.demo_index) // 100
    buy_in_lots(
        taxable,
        market,
        "NVDA",
        worth // 2,
        ((date(2010, 3, 9), 30), (date(2012, 8, 14), 40), (date(2015, 1, 13), 30)),
    )
    household.restrictions = [
        Restriction(
            f"R-{household.number:04d}-{place:02d}",
            "household",
            household.household_id,
            "NVDA",
            kind,
            "Founder stock, to be reduced by gifts only",
            "IPS",
            limit_weight="0.1" if kind == "concentration_cap" else "",
        )
        for place, kind in enumerate(("concentration_cap", "no_gains"), start=1)
    ]


def _much_cash(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    taxable.cash = account_value(taxable, market, market.demo_index) // 3 // 100 * 100


def _adjusted_lot(household: Household, market: Market) -> None:
    _wash_sale_adjusted_lot(taxable_account(household), market, "SPEM")


def _account_statuses(household: Household, market: Market) -> None:
    statuses = ("legal_hold", "deceased", "pledged", "transferring", "frozen")
    for account, status in zip(household.accounts, statuses, strict=True):
        account.account_status = status
    late = household.persons[0]
    household.persons[0] = late._replace(death_date=date(2026, 10, 20))
    household.accounts[1].owners = [(late.person_id, "decedent")]


def _separate_returns(household: Household, market: Market) -> None:
    first = household.tax_profiles[0]
    household.tax_profiles[0] = first._replace(filing_status="MFS")
    add_tax_profile(household, "MFS", 96_000)
    own = taxable_account(household)
    own.account_type, own.name = "taxable_individual", "Individual taxable"
    own.owners = own.owners[:1]
    own.owners = [(own.owners[0][0], "owner")]
    for account in household.accounts:
        if account.owners[0][0] == household.persons[1].person_id:
            account.tax_unit_id = household.tax_profiles[1].tax_unit_id


def _gains_allowed(household: Household, market: Market) -> None:
    household.tax_profiles[0] = household.tax_profiles[0]._replace(filing_status="HoH")
    household.allows_short_term_gains = True
    household.annual_gains_budget = "25000.00"
    household.minimum_trade_amount = "1000.00"


def _matched_flows(household: Household, market: Market) -> None:
    taxable = taxable_account(household)
    if taxable.folder != "alpine":  # only Alpine states transaction ids, which the match names
        move_account(household, taxable, "alpine")
    paid = "WIRE-000001"
    taxable.cash_events.append(
        CashEvent(market.demo_index - 3, "WITHDRAWAL", -15_000_00, paid, "Wire to bank")
    )
    stem = f"CF-{household.number:04d}"
    due = date(2026, 11, 16)
    household.cash_flows = [
        CashFlow(f"{stem}-01", taxable, "withdrawal", 15_000_00, "posted", due, "once", paid),
        CashFlow(f"{stem}-02", taxable, "contribution", 8_000_00, "planned", date(2026, 12, 15)),
        CashFlow(f"{stem}-03", taxable, "contribution", 5_000_00, "cancelled", date(2026, 11, 25)),
    ]


def _two_groups(household: Household, market: Market) -> None:
    retirement = add_group(household, "Retirement growth", model_targets("Growth"))
    for account in household.accounts:
        if not account.is_taxable:
            account.allocation_group_id = retirement.group_id


def _child_and_held_away(household: Household, market: Market) -> None:
    """The kind shows the UTMA; the plan of an employer is seen but not counted in the IPS."""
    account_of_type(household, "401k").counts_toward_allocation = False


def _weights_after_tax(household: Household, market: Market) -> None:
    household.settings["allocation_basis"] = "after_tax"
    household.tax_profiles = [
        profile._replace(expected_retirement_rate="0.22") for profile in household.tax_profiles
    ]


def _stops_inside_the_band(household: Household, market: Market) -> None:
    household.settings |= {"trade_to": "inner", "inner_share": "0.33"}


def _checked_by_the_quarter(household: Household, market: Market) -> None:
    """The last check was at the end of September, the next is at the end of December."""
    household.settings["check_frequency"] = "quarterly"
    for group in household.groups:
        group.last_review_date = date(2026, 9, 30)


def _looser_bands(household: Household, market: Market) -> None:
    """The statement leaves the rule open, so that the household's own holds."""
    household.settings["default_band_rule"] = "looser"
    for group in household.groups:
        group.targets = [target._replace(band_rule="") for target in group.targets]


SHOWCASES: dict[int, Showcase] = {
    4: Showcase(COUPLE, _chinese),
    6: Showcase(SINGLE, _interactive_brokers),
    8: Showcase(COUPLE, _schwab_2020),
    10: Showcase(COUPLE, _schwab_2026),
    12: Showcase(COUPLE_WITH_TWO_IRAS, _loss_and_spouse_reinvests),
    14: Showcase(RETIRED, _required_distribution),
    16: Showcase(COUPLE, _margin_and_overdraft),
    18: Showcase(None, _open_orders),
    20: Showcase(COUPLE, _capital_call),
    22: Showcase(None, _sub_class_targets),
    24: Showcase(None, _security_target),
    26: Showcase(COUPLE, _every_restriction),
    28: Showcase(None, _policy_changed),
    30: Showcase(FAMILY, _child_and_held_away),
    32: Showcase(COUPLE, _concentrated_stock),
    34: Showcase(None, _much_cash),
    36: Showcase(None, _adjusted_lot),
    38: Showcase(COUPLE_WITH_TWO_IRAS, _account_statuses),
    40: Showcase(COUPLE_WITH_TWO_IRAS, _separate_returns),
    42: Showcase(SINGLE, _gains_allowed),
    44: Showcase(COUPLE, _matched_flows),
    46: Showcase(COUPLE, _two_groups),
    52: Showcase(None, _stops_inside_the_band),
    74: Showcase(None, _checked_by_the_quarter),
    78: Showcase(None, _weights_after_tax),
    82: Showcase(None, _looser_bands),
}
