"""The ordinary households of the demo book: who they are and what they hold.

Belongs here: the kinds of households, how wealth is spread over accounts and classes, how a
position came about, routine flows. Does not belong here: the named households, the showcases and
the unusual data, which are laid over these in modules of their own. Mixes follow what a US adviser
sees: about four accounts, forty-odd positions and 165 taxable lots a household.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from python_steps.demo_book.activity import cash_on, reinvest_distributions
from python_steps.demo_book.building import (
    MODELS,
    add_group,
    add_tax_profile,
    model_targets,
    new_household,
    open_account,
    whole_units,
)
from python_steps.demo_book.draws import Draws
from python_steps.demo_book.ledger import SHARE_UNITS, Position, amount_in_cents
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import (
    ASSET_CLASSES,
    Account,
    AllocationGroup,
    CashFlow,
    Household,
    OpenOrder,
    Person,
    Restriction,
)
from python_steps.taxes.retirement import (
    AGGREGATED_IRA_TYPES,
    INHERITED_TYPES,
    minimum_distribution,
)

SURNAMES = (
    "Abernathy", "Ashdown", "Barlow", "Beckett", "Bellweather", "Bergstrom", "Blackwood",
    "Bonneville", "Brandt", "Calloway", "Carrow", "Castellane", "Chandra", "Cheng", "Colfax",
    "Corvin", "Dacosta", "Dalgaard", "Delacroix", "Dempsey", "Dragomir", "Duval", "Eastlake",
    "Eberhardt", "Ellery", "Esposito", "Fairbanks", "Farrow", "Feldman", "Ferreira", "Finch",
    "Galloway", "Gambetta", "Grantham", "Greenhalgh", "Gupta", "Halloran", "Hargrove", "Hawthorne",
    "Hidalgo", "Hollis", "Ibarra", "Iwasaki", "Jankowski", "Jarvis", "Kapoor", "Karlsson",
    "Kendrick", "Kimura", "Kowalczyk", "Lachance", "Langford", "Larkin", "Leclerc", "Lockhart",
    "Mahoney", "Marchetti", "Mbeki", "Mendoza", "Merriweather", "Montague", "Nakamura", "Navarro",
    "Nightingale", "Novak", "Oduya", "Okonkwo", "Olander", "Osterberg", "Pacheco", "Pemberton",
    "Petrakis", "Pham", "Quintero", "Radcliffe", "Rasmussen", "Redfern", "Rosenthal", "Rutherford",
    "Sandoval", "Sato", "Sauvage", "Schaefer", "Silvestri", "Sorensen", "Stavros", "Strand",
    "Tanaka", "Thackeray", "Tolliver", "Underhill", "Valdez", "Vasquez", "Villanueva", "Wadsworth",
    "Wentworth", "Whitfield", "Winslow", "Yamada", "Zamora",
)  # fmt: skip
FIRST_NAMES = (
    "Adele", "Amara", "Anton", "Beatrice", "Boris", "Camille", "Cedric", "Clara", "Dario", "Delia",
    "Dominic", "Edith", "Elias", "Esther", "Felix", "Fiona", "Gideon", "Greta", "Hector", "Helena",
    "Ingrid", "Isaac", "Jasper", "Joanna", "Julian", "Katya", "Kenji", "Leona", "Linus", "Lucia",
    "Magnus", "Mina", "Nadia", "Nolan", "Odette", "Oscar", "Paloma", "Percy", "Quentin", "Renata",
    "Rohan", "Sabine", "Selma", "Silas", "Tamsin", "Theo", "Ursula", "Victor", "Wanda", "Yusuf",
)  # fmt: skip


class AccountPlan(NamedTuple):
    """One account of a kind of household."""

    account_type: str
    name: str
    owner: str  # first, second, both, child
    share: float  # of the household's wealth
    is_held_away: bool = False


class HouseholdKind(NamedTuple):
    """A kind of household: who lives in it and which accounts they have."""

    persons: str  # couple, single, retired, family, heir
    plans: tuple[AccountPlan, ...]


COUPLE = HouseholdKind(
    "couple",
    (
        AccountPlan("taxable_joint", "Joint taxable", "both", 0.38),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.27),
        AccountPlan("roth_ira", "Roth IRA", "second", 0.12),
        AccountPlan("401k", "401(k)", "first", 0.23),
    ),
)
COUPLE_WITH_TWO_IRAS = HouseholdKind(
    "couple",
    (
        AccountPlan("taxable_joint", "Joint taxable", "both", 0.30),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.22),
        AccountPlan("traditional_ira", "Spouse's traditional IRA", "second", 0.18),
        AccountPlan("roth_ira", "Roth IRA", "first", 0.10),
        AccountPlan("401k", "401(k)", "second", 0.20),
    ),
)
SINGLE = HouseholdKind(
    "single",
    (
        AccountPlan("taxable_individual", "Individual taxable", "first", 0.42),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.26),
        AccountPlan("roth_ira", "Roth IRA", "first", 0.14),
        AccountPlan("401k", "401(k)", "first", 0.18),
    ),
)
RETIRED = HouseholdKind(
    "retired",
    (
        AccountPlan("trust", "Revocable trust", "first", 0.44),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.32),
        AccountPlan("traditional_ira", "Spouse's traditional IRA", "second", 0.12),
        AccountPlan("roth_ira", "Roth IRA", "second", 0.12),
    ),
)
FAMILY = HouseholdKind(
    "family",
    (
        AccountPlan("taxable_joint", "Joint taxable", "both", 0.40),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.22),
        AccountPlan("401k", "Employer 401(k) (held away)", "second", 0.24, is_held_away=True),
        AccountPlan("roth_ira", "Roth IRA", "second", 0.10),
        AccountPlan("utma", "UTMA", "child", 0.04),
    ),
)
HEIR = HouseholdKind(
    "heir",
    (
        AccountPlan("taxable_individual", "Individual taxable", "first", 0.38),
        AccountPlan("inherited_ira", "Inherited IRA", "first", 0.20),
        AccountPlan("traditional_ira", "Traditional IRA", "first", 0.24),
        AccountPlan("roth_ira", "Roth IRA", "first", 0.18),
    ),
)
SELF_EMPLOYED = HouseholdKind(
    "single",
    (
        AccountPlan("taxable_individual", "Individual taxable", "first", 0.30),
        AccountPlan("sep_ira", "SEP IRA", "first", 0.40),
        AccountPlan("roth_ira", "Roth IRA", "first", 0.22),
        AccountPlan("hsa", "Health savings account", "first", 0.08),
    ),
)
_KINDS: tuple[tuple[float, HouseholdKind], ...] = (
    (0.28, COUPLE),
    (0.18, COUPLE_WITH_TWO_IRAS),
    (0.14, SINGLE),
    (0.14, RETIRED),
    (0.10, FAMILY),
    (0.08, HEIR),
    (0.08, SELF_EMPLOYED),
)

# How readily an account takes a class, in the order of ASSET_CLASSES.
_APPETITE = {
    "taxable": (1.2, 1.0, 1.2, 0.8, 0.4, 0.15, 0.3, 0.3, 1.2),
    "deferred": (0.7, 0.8, 0.7, 0.7, 1.8, 2.0, 2.0, 1.5, 0.5),
    "free": (1.0, 1.5, 0.7, 1.6, 0.3, 1.0, 0.3, 1.5, 0.3),
    "401k": (1.2, 0.0, 1.0, 0.0, 1.2, 0.0, 0.0, 0.0, 0.0),
}
_CORE = ("VTI", "ITOT", "SCHB", "VOO", "SCHX", "VV", "IWB")
_STYLES = (
    "VTV", "SCHV", "IVE", "VUG", "SCHG", "IWF", "QQQ", "VIG", "DGRO", "SCHD", "VYM", "XLE", "VDE",
)  # fmt: skip
STOCKS = (
    "AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "JPM", "JNJ", "XOM", "PG", "HD", "KO", "PFE", "INTC",
    "DIS",
)  # fmt: skip
_CHOICES: dict[str, tuple[str, ...]] = {
    "US Small/Mid Cap": ("VB", "IJR", "SCHA", "VBR", "IJS", "IWN", "VOE", "IWS", "FNDA"),
    "International Developed": ("VEA", "IEFA", "VXUS", "IXUS"),
    "Emerging Markets": ("VWO", "IEMG", "SPEM"),
    "Investment Grade Bonds": (
        "BND", "IUSB", "VCIT", "LQD", "BNDX", "IAGG", "VGSH", "SHY", "TLT", "VGLT",
    ),
    "High Yield / Credit": ("HYG", "JNK", "SPHY", "EMB", "VWOB"),
    "TIPS / Inflation Protected": ("SCHP", "TIP", "VTIP", "STIP"),
    "Alternatives": ("VNQ", "SCHH", "USRT", "GLD", "IAU"),
    "Cash": ("SWVXX", "SPAXX", "VMFXX", "SGOV", "BIL"),
}  # fmt: skip
_TAXABLE_BONDS = ("VTEB", "MUB", "VCIT", "VGSH")
_MENU_FUNDS: dict[str, dict[str, tuple[str, ...]]] = {
    "MENU-CORE": {
        "US Large Cap Equity": ("VFIAX",),
        "International Developed": ("VTIAX",),
        "Investment Grade Bonds": ("VBTLX",),
    },
    "MENU-PLUS": {
        "US Large Cap Equity": ("FXAIX", "VTSAX"),
        "International Developed": ("VTIAX",),
        "Investment Grade Bonds": ("VBTLX",),
    },
}
_BANDS: tuple[tuple[float, dict[str, object]], ...] = (
    (0.70, {}),
    (0.15, {"absolute_band": Decimal("0.03"), "relative_band": Decimal("0.15")}),
    (0.10, {"relative_band": Decimal("0.25"), "band_rule": "looser"}),
    (0.05, {"band_floor": "0.02"}),
)
_UTMA_TARGETS = tuple(Decimal(weight) for weight in (75, 0, 25, 0, 0, 0, 0, 0, 0))
_DRIFTS: tuple[tuple[float, float], ...] = ((0.55, 0.05), (0.30, 0.11), (0.15, 0.22))
_IRAS_WITH_DISTRIBUTIONS = AGGREGATED_IRA_TYPES | INHERITED_TYPES
_SMALLEST_POSITION = 2_500  # dollars
_SUBSTITUTES = {
    "VTI": "ITOT", "ITOT": "VTI", "SCHB": "VTI", "VOO": "SCHX", "SCHX": "VOO", "VV": "VOO",
    "IWB": "VOO", "VTV": "SCHV", "SCHV": "VTV", "IVE": "VTV", "VUG": "SCHG", "SCHG": "VUG",
    "IWF": "VUG", "QQQ": "VUG", "VB": "IJR", "IJR": "VB", "SCHA": "VB", "VBR": "IJS",
    "IJS": "VBR", "IWN": "VBR", "VOE": "IWS", "IWS": "VOE", "VEA": "IEFA", "IEFA": "VEA",
    "VXUS": "IXUS", "IXUS": "VXUS", "VWO": "IEMG", "IEMG": "VWO", "SPEM": "VWO", "VTEB": "MUB",
    "MUB": "VTEB", "VCIT": "LQD", "HYG": "JNK", "JNK": "HYG", "VNQ": "SCHH", "SCHH": "VNQ",
    "USRT": "VNQ",
}  # fmt: skip


def ordinary_household(
    number: int, seed: int, market: Market, kind: HouseholdKind | None = None
) -> Household:
    """Household `number` of the book, as the seed draws it; of a stated kind where one is given."""
    return _Maker(number, seed, market).household(kind)


class _Maker:
    """Makes one household; every draw comes from one stream in a fixed order."""

    def __init__(self, number: int, seed: int, market: Market) -> None:
        self.draws = Draws(seed, number)
        self.market = market
        self.number = number
        self.first = market.index_on_or_before(date(2012, 6, 1))
        self.summer = market.index_on_or_before(date(2026, 6, 30))
        self.history_start = market.index_on_or_before(date(2025, 10, 1))

    def household(self, given: HouseholdKind | None) -> Household:
        draws, number = self.draws, self.number
        surname = draws.one_of(SURNAMES)
        household = new_household(number, f"HH-{number:04d}", surname)
        drawn = draws.weighted(_KINDS)
        kind, plans = given or drawn
        household.persons = self._persons(kind, surname)
        model = draws.weighted(
            (
                (0.10, "Conservative"),
                (0.20, "Moderately Conservative"),
                (0.35, "Balanced"),
                (0.25, "Growth"),
                (0.10, "Aggressive"),
            )
        )
        self._add_groups(household, kind, model)
        self._add_tax_profiles(household, kind)
        household.allows_short_term_gains = draws.chance(0.08)
        household.harvests_losses = not draws.chance(0.10)
        wealth = min(max(draws.around(1_150_000, 0.7), 220_000), 14_000_000)
        home = "alpine" if draws.chance(0.6) else "summit"
        for plan in plans:
            self._open(household, plan, home)
        self._fill_group(household, household.accounts, plans, model, wealth)
        for account in household.accounts:
            if account.account_type == "utma":
                self._buy(account, "VTI", int(wealth * 0.03))
                self._buy(account, "VEA", int(wealth * 0.01))
        if draws.chance(0.12):
            self._harvest(household)
        self._add_routine_flows(household)
        self._add_restriction(household)
        self._add_open_order(household)
        return household

    def _persons(self, kind: str, surname: str) -> list[Person]:
        draws = self.draws
        low, high = (1938, 1953) if kind == "retired" else (1955, 1986)
        names = draws.some_of(FIRST_NAMES, 3)
        count = {"single": 1, "heir": 1, "family": 3}.get(kind, 2)
        born = draws.integer(low, high)
        persons = []
        for place, name in enumerate(names[:count], start=1):
            year = born + draws.integer(0, 6) if place < 3 else draws.integer(2009, 2018)
            birth = date(year, draws.integer(1, 12), draws.integer(1, 28))
            persons.append(Person(f"P-{self.number:04d}-{place}", f"{name} {surname}", birth))
        return persons

    def _add_groups(self, household: Household, kind: str, model: str) -> None:
        draws = self.draws
        band = draws.weighted(_BANDS)
        group = add_group(household, f"{household.name} household", model_targets(model, **band))
        self._schedule_review(group)
        if kind == "family":
            growth = add_group(household, "UTMA growth", model_targets(_UTMA_TARGETS))
            growth.review_frequency = "annual"
            growth.last_review_date = date(2026, 3, 31)

    def _schedule_review(self, group: AllocationGroup) -> None:
        frequency, last = self.draws.weighted(
            (
                (0.15, ("monthly", date(2026, 10, 30))),
                (0.55, ("quarterly", date(2026, 9, 30))),
                (0.05, ("quarterly", date(2026, 8, 14))),
                (0.15, ("semiannual", date(2026, 6, 30))),
                (0.10, ("annual", date(2026, 3, 31))),
            )
        )
        group.review_frequency, group.last_review_date = frequency, last

    def _add_tax_profiles(self, household: Household, kind: str) -> None:
        draws = self.draws
        filing = "single" if len(household.persons) == 1 else "MFJ"
        if filing == "single" and draws.chance(0.2):
            filing = "HoH"
        income = int(draws.around(120_000 if filing != "MFJ" else 210_000, 0.5)) // 100 * 100
        carries = draws.chance(0.15)
        add_tax_profile(
            household,
            filing,
            income,
            state_rate=draws.one_of(("0", "0.0425", "0.05", "0.0575", "0.066", "0.093")),
            long_term_carryforward=draws.integer(10, 400) * 100 if carries else 0,
            short_term_carryforward=draws.integer(5, 120) * 100 if carries else 0,
            profile_status="confirmed" if draws.chance(0.3) else "estimated",
        )
        if kind == "family":
            add_tax_profile(household, "single", 0)

    def _open(self, household: Household, plan: AccountPlan, home: str) -> None:
        persons = [person.person_id for person in household.persons]
        first, second = persons[0], persons[min(1, len(persons) - 1)]
        owners = {
            "first": [(first, "owner")],
            "second": [(second, "owner")],
            "both": [(first, "joint"), (second, "joint")],
            "child": [(persons[-1], "owner"), (first, "trustee")],
        }[plan.owner]
        if plan.account_type == "trust":
            owners = [(first, "trustee")]
        if plan.account_type == "inherited_ira":
            owners = [(first, "beneficiary")]
        folder = home
        if plan.account_type == "401k" and self.draws.chance(0.5):
            folder = "summit" if home == "alpine" else "alpine"
        is_child = plan.account_type == "utma"
        account = open_account(
            household,
            folder,
            plan.account_type,
            plan.name,
            owners,
            group=2 if is_child else 1,
            tax_unit=2 if is_child else 1,
            wash_sale_group=2 if is_child else 1,
        )
        account.lot_method = "MIN_TAX" if account.is_taxable and self.draws.chance(0.4) else "FIFO"
        if plan.account_type == "401k" and not plan.is_held_away:
            account.permitted_list = self.draws.one_of(tuple(_MENU_FUNDS))
        if plan.is_held_away:
            account.is_held_away = True
            account.is_tradable = False
            account.is_discretionary = False
        if account.is_taxable and not is_child and self.draws.chance(0.25):
            account.minimum_cash = self.draws.one_of((100_000, 250_000, 500_000))

    def _fill_group(
        self,
        household: Household,
        accounts: list[Account],
        plans: Sequence[AccountPlan],
        model: str,
        wealth: float,
    ) -> None:
        """Spread the wealth over the accounts so that the classes are about on target."""
        draws = self.draws
        drift = draws.weighted(_DRIFTS)
        members = [
            (account, plan)
            for account, plan in zip(accounts, plans, strict=True)
            if account.account_type != "utma"
        ]
        weights = [weight * draws.around(1.0, drift) if weight else 0.0 for weight in MODELS[model]]
        shares = [plan.share * draws.around(1.0, 0.2) for _, plan in members]
        amounts = _fitted(
            [
                [appetite * draws.around(1.0, 0.35) for appetite in _APPETITE[_treatment(account)]]
                for account, _ in members
            ],
            [wealth * share / sum(shares) for share in shares],
            [wealth * weight / sum(weights) for weight in weights],
        )
        house_list = {name: draws.some_of(tickers, 3) for name, tickers in _CHOICES.items()}
        house_list["US Large Cap Equity"] = [
            *draws.some_of(_CORE, 2),
            *draws.some_of(_STYLES, 4),
        ]
        stocks = draws.some_of(STOCKS, draws.integer(2, 5)) if draws.chance(0.45) else []
        for (account, _), row in zip(members, amounts, strict=True):
            for asset_class, dollars in zip(ASSET_CLASSES, row, strict=True):
                self._fill_cell(account, asset_class, dollars, house_list[asset_class], stocks)

    def _fill_cell(
        self,
        account: Account,
        asset_class: str,
        dollars: float,
        house_list: list[str],
        stocks: list[str],
    ) -> None:
        draws = self.draws
        if dollars < _SMALLEST_POSITION and asset_class != "Cash":
            return
        if asset_class == "Cash":
            swept = dollars * draws.between(0.3, 0.7) if dollars > 8_000 else 0.0
            account.cash = round((dollars - swept) * 100)
            if swept and not account.is_held_away:
                self._buy(account, house_list[0], int(swept))
            return
        if account.account_type == "401k":
            menu = _MENU_FUNDS[account.permitted_list or "MENU-CORE"]
            tickers = list(menu[asset_class])
        elif asset_class == "Investment Grade Bonds" and account.is_taxable:
            tickers = draws.some_of(_TAXABLE_BONDS, 1 + (dollars > 40_000))
        else:
            wide = asset_class == "US Large Cap Equity"
            count = 1 + (dollars > 22_000) + (dollars > 90_000 and account.is_taxable)
            count += 2 * (wide and dollars > 60_000)
            tickers = draws.some_of(house_list, count)
        if asset_class == "US Large Cap Equity" and account.is_taxable:
            tickers += [ticker for ticker in stocks if dollars > 40_000]
        parts = [draws.between(0.5, 1.5) for _ in tickers]
        for ticker, part in zip(tickers, parts, strict=True):
            amount = int(dollars * part / sum(parts))
            if amount >= _SMALLEST_POSITION // 2:
                self._buy(account, ticker, amount)

    def _buy(self, account: Account, ticker: str, dollars: int) -> None:
        """Make a position worth about `dollars` on the demo session, with its history."""
        market, draws = self.market, self.draws
        demo = market.demo_index
        total = whole_units(ticker, dollars * 100 / market.price(ticker, demo))
        if not total or account.holds(ticker):
            return
        position = account.position(ticker)
        if account.account_type == "401k":
            self._contribute_monthly(position, total)
            return
        mean = 6.6 if account.is_taxable else 0.7
        count = min(1 + draws.count(mean), max(1, total // (3 * SHARE_UNITS)), 24)
        indices = self._purchase_dates(account, count)
        parts = [draws.between(0.4, 1.6) for _ in indices]
        left = total
        for place, (index, part) in enumerate(zip(indices, parts, strict=True), start=1):
            wanted = whole_units(ticker, total / SHARE_UNITS * part / sum(parts))
            quantity = left if place == count else min(left, wanted)
            if quantity:
                kind = "INHERITED" if account.account_type == "inherited_ira" else "PURCHASE"
                position.buy(index, quantity, market.price(ticker, index), acquisition_type=kind)
                left -= quantity
        if account.is_taxable and draws.chance(0.14):
            self._sell_some(position)
        elif market.distributions[ticker] and draws.chance(0.3):
            months = draws.integer(10, 22)
            reinvest_distributions(position, market, demo - months * 21)

    def _purchase_dates(self, account: Account, count: int) -> list[int]:
        """Sessions of purchases, oldest first; some fell into the summer before the correction."""
        market, draws = self.market, self.draws
        demo = market.demo_index
        latest = demo - 45
        if account.account_type == "inherited_ira":
            return sorted(
                draws.integer(self.history_start - 900, self.history_start - 300)
                for _ in range(count)
            )
        start = draws.integer(self.first, self.history_start)
        indices = [draws.integer(start, latest) for _ in range(count)]
        if draws.chance(0.22):
            indices[-1] = draws.integer(self.summer, latest)
        if account.is_taxable and draws.chance(0.05):
            indices[0] = draws.integer(demo - 20, demo - 1)
        return sorted(indices)

    def _contribute_monthly(self, position: Position, total: int) -> None:
        """A plan balance: one opening lot, then contributions on the 15th or the session after."""
        market, ticker = self.market, position.ticker
        share = self.draws.between(0.004, 0.012)
        contribution = whole_units(ticker, total / SHARE_UNITS * share)
        indices = self._contribution_sessions()
        past = sum(1 for index in indices if index <= market.demo_index)
        opening = total - past * contribution
        index = self.history_start - self.draws.integer(200, 1200)
        position.buy(index, opening, market.price(ticker, index), acquisition_type="TRANSFER")
        if contribution:
            for index in indices:
                position.buy(index, contribution, market.price(ticker, index), is_funded=True)

    def _contribution_sessions(self) -> list[int]:
        market = self.market
        return [
            market.index_on_or_before(date(year, month, 14)) + 1
            for year in (2025, 2026, 2027)
            for month in range(1, 13)
            if date(2025, 10, 14) < date(year, month, 14) < market.sessions[-1]
        ]

    def _sell_some(self, position: Position) -> None:
        """A sale of the oldest shares in the past year, unless it would be a wash sale."""
        market, draws = self.market, self.draws
        index = market.demo_index - draws.integer(12, 230)
        held = position.quantity(index)
        sold = whole_units(position.ticker, held / SHARE_UNITS * draws.between(0.1, 0.6))
        if not sold:
            return
        taken = position.first_in_first_out(index, sold)
        price = market.price(position.ticker, index)
        numbers = frozenset(number for number, _ in taken)
        is_loss = any(price < position.purchases[number - 1].price for number in numbers)
        day = market.sessions[index]
        if is_loss and position.was_bought_near(day, market.sessions, leaving_out=numbers):
            return
        position.sell(index, price, taken)

    def _harvest(self, household: Household) -> None:
        """Sell loss lots within the last month and buy a substitute: arms wash-sale windows."""
        market = self.market
        index = market.demo_index - self.draws.integer(2, 17)
        for account in household.accounts:
            if not account.is_taxable or account.account_type == "utma":
                continue
            for position in list(account.positions):
                if position.ticker in _SUBSTITUTES and harvest_losses(
                    account, position, market, index, _SUBSTITUTES[position.ticker]
                ):
                    return

    def _add_routine_flows(self, household: Household) -> None:
        draws = self.draws
        taxable = next(account for account in household.accounts if account.is_taxable)
        value = account_value(taxable, self.market, self.market.demo_index)
        flows = household.cash_flows
        if draws.chance(0.35):
            self._flow(flows, taxable, "fee", value // 400, "planned", date(2026, 11, 30))
        if draws.chance(0.12):
            amount = value * draws.integer(2, 8) // 100
            self._flow(flows, taxable, "contribution", amount, "requested", date(2026, 12, 1))
        elif draws.chance(0.12):
            amount = value * draws.integer(1, 5) // 100
            self._flow(flows, taxable, "withdrawal", amount, "requested", date(2026, 11, 27))
        state_year_end_balances(household, self.market)
        due = date(2026, 11, 30) if draws.chance(0.3) else date(2026, 12, 31)
        flows += required_distributions(household, due, "planned")

    def _add_restriction(self, household: Household) -> None:
        draws = self.draws
        if not draws.chance(0.15):
            return
        account = next(account for account in household.accounts if account.is_taxable)
        kind, reason = draws.one_of(
            (
                ("hold", "Wishes to keep it"),
                ("no_gains", "No gains this year"),
                ("do_not_buy", "Enough of it"),
                ("esg", "Values of the family"),
            )
        )
        household.restrictions.append(
            Restriction(
                f"R-{self.number:04d}-01",
                "account" if kind in ("hold", "no_gains") else "household",
                f"{account.custodian}:{account.number}"
                if kind in ("hold", "no_gains")
                else household.household_id,
                "XOM" if kind == "esg" else draws.one_of(account.positions).ticker,
                kind,
                reason,
                "client letter",
            )
        )

    def _add_open_order(self, household: Household) -> None:
        if self.draws.chance(0.02):
            account = next(account for account in household.accounts if account.is_taxable)
            entered = date(2026, 11, 17)
            order = OpenOrder(
                f"O-{self.number:05d}", "VTI", "BUY", 5 * SHARE_UNITS, 0, "MARKET", None, entered
            )
            account.open_orders.append(order)

    def _flow(
        self,
        flows: list[CashFlow],
        account: Account,
        flow_type: str,
        cents: int,
        state: str,
        due: date,
    ) -> None:
        if cents < 10_000:
            return
        amount = cents // 10_000 * 10_000
        number = f"CF-{self.number:04d}-{len(flows) + 1:02d}"
        recurrence = "quarterly" if flow_type == "fee" else "once"
        flows.append(CashFlow(number, account, flow_type, amount, state, due, recurrence))


def harvest_losses(
    account: Account, position: Position, market: Market, index: int, substitute: str
) -> bool:
    """Sell the lots of a position that stand at a loss of 3 percent or more; buy a substitute.

    Returns:
        False where nothing is sold: no such lot, or a purchase within the window, or shares that
        reinvest their distributions.
    """
    price = market.price(position.ticker, index)
    if position.reinvests_from is not None:
        return False
    taken = [
        (lot.purchase.number, lot.quantity)
        for lot in position.open_lots(index)
        if price * 100 < lot.purchase.price * 97
    ]
    numbers = frozenset(number for number, _ in taken)
    day = market.sessions[index]
    if not taken or position.was_bought_near(day, market.sessions, leaving_out=numbers):
        return False
    sale = position.sell(index, price, taken)
    proceeds = amount_in_cents(sale.quantity, price)
    substitute_price = market.price(substitute, index)
    quantity = whole_units(substitute, proceeds // substitute_price)
    if quantity:
        account.position(substitute).buy(index, quantity, substitute_price)
        account.cash += proceeds - amount_in_cents(quantity, substitute_price)
    return True


def state_year_end_balances(household: Household, market: Market) -> None:
    """Give every IRA with required distributions its value at the end of 2025 and of 2026."""
    for account in household.accounts:
        if account.account_type in _IRAS_WITH_DISTRIBUTIONS:
            account.year_end_balances = {
                year: account_value(account, market, market.index_on_or_before(date(year, 12, 31)))
                for year in (2025, 2026)
            }


def required_distributions(household: Household, due: date, state: str) -> list[CashFlow]:
    """The distributions of 2026 that the owners' ages ask for, one for each of their own IRAs."""
    births = {person.person_id: person.birth_date for person in household.persons}
    flows: list[CashFlow] = []
    for account in household.accounts:
        if account.account_type not in AGGREGATED_IRA_TYPES:
            continue
        balance = Decimal(account.year_end_balances[2025]) / 100
        required = minimum_distribution(births[account.owners[0][0]], 2026, balance).amount
        if required:
            number = f"CF-{household.number:04d}-R{len(flows) + 1}"
            cents = int(required * 100)
            flows.append(CashFlow(number, account, "rmd", cents, state, due, "annual"))
    return flows


def account_value(account: Account, market: Market, session_index: int) -> int:
    """Positions and cash of an account in cents, in the currency of the securities."""
    return cash_on(account, market, session_index) + sum(
        amount_in_cents(
            position.quantity(session_index), market.price(position.ticker, session_index)
        )
        for position in account.positions
    )


def _treatment(account: Account) -> str:
    if account.account_type == "401k":
        return "401k"
    if account.is_taxable:
        return "taxable"
    return "free" if account.account_type in ("roth_ira", "hsa") else "deferred"


def _fitted(
    start: list[list[float]], row_sums: list[float], column_sums: list[float]
) -> list[list[float]]:
    """Scale a table to given row and column sums (iterative proportional fitting)."""
    table = [row[:] for row in start]
    for _ in range(12):
        for place, wanted in enumerate(column_sums):
            total = sum(row[place] for row in table)
            factor = wanted / total if total else 0.0
            for row in table:
                row[place] *= factor
        for row, wanted in zip(table, row_sums, strict=True):
            factor = wanted / sum(row)
            row[:] = [cell * factor for cell in row]
    return table
