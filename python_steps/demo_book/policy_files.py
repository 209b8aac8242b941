"""The demo firm's own book of record: the files of the policy folder for one session.

Belongs here: the columns and rows of the policy entities. Does not belong here: anything that a
custodian states. Every row is effective-dated; `valid_to` empty means in force until changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from python_steps.demo_book.market import DEMO_SESSION, Market
from python_steps.demo_book.model import (
    ASSET_CLASSES,
    Account,
    Household,
    Restriction,
    Target,
    TaxProfile,
)
from python_steps.demo_book.text_files import (
    CsvFile,
    boolean_text,
    date_text,
    field_text,
    money_text,
)
from python_steps.demo_book.universe import METAL_TRUSTS, PRIVATE_FUND_MAPPED, universe
from python_steps.taxes.holding_period import is_long_term

_VALIDITY = ("valid_from", "valid_to")
_SINCE_START = ("2024-01-02", "")

POLICY_COLUMNS: dict[str, tuple[str, ...]] = {
    "households": (
        "household_id",
        "household_name",
        "advisor_id",
        "advisor_name",
        "report_language",
        "allows_short_term_gains",
        "harvests_losses",
        "minimum_trade_amount",
        "annual_gains_budget",
        *_VALIDITY,
    ),
    "household_settings": (
        "household_id",
        "default_band_rule",
        "trade_to",
        "inner_share",
        "check_frequency",
        "allocation_basis",
        *_VALIDITY,
    ),
    "allocation_groups": (
        "allocation_group_id",
        "household_id",
        "group_name",
        "review_frequency",
        "last_review_date",
        "ips_changed_date",
        *_VALIDITY,
    ),
    "account_settings": (
        "custodian",
        "account_number",
        "account_name",
        "household_id",
        "allocation_group_id",
        "tax_unit_id",
        "wash_sale_group_id",
        "account_type",
        "counts_toward_allocation",
        "is_tradable",
        "counts_for_wash_sales",
        "account_status",
        "minimum_cash",
        "permitted_list",
        "lot_method",
        "is_discretionary",
        "plan_employment",
        *_VALIDITY,
    ),
    "ips_targets": (
        "allocation_group_id",
        "target_level",
        "target_key",
        "target_weight",
        "absolute_band",
        "relative_band",
        "band_rule",
        "band_floor",
        *_VALIDITY,
    ),
    "model_securities": (
        "allocation_group_id",
        "asset_class",
        "sub_class",
        "rank",
        "ticker",
        "cusip",
        "account_types",
        *_VALIDITY,
    ),
    "permitted_securities": ("permitted_list", "ticker", "cusip", *_VALIDITY),
    "security_custodians": (
        "ticker",
        "cusip",
        "custodian",
        "is_available",
        "is_fractional",
        "trades_in",
        "minimum_amount",
        "transaction_fee",
        "redemption_days",
        "cut_off_time",
        *_VALIDITY,
    ),
    "security_classifications": (
        "ticker",
        "cusip",
        "asset_class",
        "sub_class",
        "weight",
        "is_collectible",
        *_VALIDITY,
    ),
    "restrictions": (
        "restriction_id",
        "scope",
        "scope_id",
        "ticker",
        "cusip",
        "restriction_type",
        "limit_weight",
        "until_date",
        "reason",
        "source",
        *_VALIDITY,
    ),
    "cash_flows": (
        "cash_flow_id",
        "custodian",
        "account_number",
        "flow_type",
        "amount",
        "state",
        "required_by_date",
        "recurrence",
        "matched_transaction_id",
        *_VALIDITY,
    ),
    "tax_profiles": (
        "tax_unit_id",
        "household_id",
        "tax_year",
        "filing_status",
        "ordinary_taxable_income",
        "magi",
        "state_rate",
        "state_gains_rate",
        "short_term_carryforward",
        "long_term_carryforward",
        "year_to_date_short_term_gain",
        "year_to_date_long_term_gain",
        "expected_retirement_rate",
        "profile_status",
        *_VALIDITY,
    ),
    "expected_feeds": ("custodian", "entity", "is_required", "cut_off_time", *_VALIDITY),
}

_TAXABLE_TYPES = "taxable_individual|taxable_joint|trust|utma"
# The firm's buy list: class, sub-class, ticker, account types; ranks count within a class.
_BUY_LIST = (
    (0, "US total market", "VTI", "*"),
    (0, "US total market", "ITOT", "*"),
    (0, "US large cap", "VOO", "*"),
    (0, "US large cap", "SCHX", "*"),
    (0, "US large cap", "VFIAX", "401k"),
    (1, "US small cap", "VB", "*"),
    (1, "US small cap", "IJR", "*"),
    (2, "Developed ex-US", "VEA", "*"),
    (2, "Developed ex-US", "IEFA", "*"),
    (2, "Total international", "VTIAX", "401k"),
    (3, "Emerging markets", "VWO", "*"),
    (3, "Emerging markets", "IEMG", "*"),
    (4, "US aggregate bond", "BND", "traditional_ira|inherited_ira|sep_ira|roth_ira|hsa"),
    (4, "US aggregate bond", "IUSB", "traditional_ira|inherited_ira|sep_ira|roth_ira|hsa"),
    (4, "Municipal", "VTEB", _TAXABLE_TYPES),
    (4, "Municipal", "MUB", _TAXABLE_TYPES),
    (4, "US aggregate bond", "VBTLX", "401k"),
    (5, "High yield", "HYG", "*"),
    (5, "High yield", "JNK", "*"),
    (6, "TIPS", "SCHP", "*"),
    (6, "TIPS", "TIP", "*"),
    (7, "US REIT", "VNQ", "*"),
    (7, "US REIT", "SCHH", "*"),
)
_MENUS = {
    "MENU-CORE": ("VFIAX", "VTIAX", "VBTLX", "VTTHX"),
    "MENU-PLUS": ("FXAIX", "VTSAX", "VTIAX", "VBTLX", "VTTHX"),
}
_REQUIRED_ENTITIES = {
    "ibkr": ("accounts", "positions", "tax_lots", "cash_balances"),
    "schwab": ("positions", "tax_lots", "cash_balances"),
}
_STANDARD_REQUIRED = (
    "accounts",
    "positions",
    "tax_lots",
    "transactions",
    "cash_balances",
    "securities",
    "prices",
)
_STANDARD_OPTIONAL = ("persons", "account_owners", "closed_lots", "open_orders")


class PolicyFiles:
    """The policy folder of one session, filled household by household."""

    def __init__(self, market: Market, session_index: int) -> None:
        self.market = market
        self.session_index = session_index
        self.session = market.sessions[session_index]
        self.files = {entity: CsvFile(columns) for entity, columns in POLICY_COLUMNS.items()}
        self._folders: set[str] = set()

    def add(self, household: Household) -> None:
        """Add what the firm has written down of one household."""
        self.files["households"].add(
            (
                household.household_id,
                field_text(household.name),
                household.advisor_id,
                field_text(household.advisor_name),
                household.report_language,
                boolean_text(household.allows_short_term_gains),
                boolean_text(household.harvests_losses),
                household.minimum_trade_amount,
                household.annual_gains_budget,
                *_SINCE_START,
            )
        )
        if household.settings:
            self._add_settings(household)
        for group in household.groups:
            self.files["allocation_groups"].add(
                (
                    group.group_id,
                    household.household_id,
                    field_text(group.name),
                    group.review_frequency,
                    date_text(group.last_review_date),
                    date_text(group.ips_changed_date),
                    *_SINCE_START,
                )
            )
            for target in group.targets:
                self._add_target(group.group_id, target)
        for account in household.accounts:
            self._add_account(household, account)
        for profile in household.tax_profiles:
            self._add_tax_profile(household, profile)
        for flow in household.cash_flows:
            self.files["cash_flows"].add(
                (
                    flow.cash_flow_id,
                    flow.account.custodian,
                    flow.account.number,
                    flow.flow_type,
                    money_text(flow.amount),
                    flow.state,
                    date_text(flow.required_by_date),
                    flow.recurrence,
                    flow.matched_transaction_id,
                    *_SINCE_START,
                )
            )
        for restriction in household.restrictions:
            self.add_restriction(restriction)

    def add_restriction(self, restriction: Restriction) -> None:
        """Add a row of the restriction book."""
        security = universe()[restriction.ticker] if restriction.ticker else None
        self.files["restrictions"].add(
            (
                restriction.restriction_id,
                restriction.scope,
                restriction.scope_id,
                restriction.ticker,
                security.cusip if security else "",
                restriction.restriction_type,
                restriction.limit_weight,
                restriction.until_date,
                field_text(restriction.reason),
                field_text(restriction.source),
                *_SINCE_START,
            )
        )

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """File name and content of each entity, the firm-wide lists included."""
        self._add_buy_list()
        self._add_menus()
        self._add_availability()
        self._add_classifications()
        self._add_expected_feeds()
        for entity, file in self.files.items():
            yield f"{entity}.csv", file.content(self.session)

    def _add_settings(self, household: Household) -> None:
        names = POLICY_COLUMNS["household_settings"][1 : -len(_VALIDITY)]
        unknown = sorted(set(household.settings) - set(names))
        if unknown:
            raise ValueError(f"{household.household_id}: the demo book writes no {unknown[0]}")
        self.files["household_settings"].add(
            (
                household.household_id,
                *(household.settings.get(name, "") for name in names),
                *_SINCE_START,
            )
        )

    def _add_target(self, group_id: str, target: Target) -> None:
        self.files["ips_targets"].add(
            (
                group_id,
                target.level,
                target.key,
                _weight_text(target.weight),
                _weight_text(target.absolute_band),
                _weight_text(target.relative_band),
                target.band_rule,
                target.band_floor,
                date_text(target.valid_from),
                date_text(target.valid_to),
            )
        )

    def _add_account(self, household: Household, account: Account) -> None:
        self._folders.add(account.folder)
        self.files["account_settings"].add(
            (
                account.custodian,
                account.number,
                field_text(account.name),
                household.household_id,
                account.allocation_group_id,
                account.tax_unit_id,
                account.wash_sale_group_id,
                account.account_type,
                boolean_text(account.counts_toward_allocation),
                boolean_text(account.is_tradable),
                "true",
                account.account_status,
                money_text(account.minimum_cash),
                account.permitted_list,
                account.lot_method,
                boolean_text(account.is_discretionary),
                _plan_employment(household, account),
                *_SINCE_START,
            )
        )

    def _add_tax_profile(self, household: Household, profile: TaxProfile) -> None:
        accounts = [
            one
            for one in household.accounts
            if one.is_taxable and one.tax_unit_id == profile.tax_unit_id
        ]
        # In December the next year's return is estimated too: orders may trade in January.
        years = [self.session.year]
        if self.session.month == 12:
            years.append(self.session.year + 1)
        for year in years:
            short_term, long_term = self._realized_in(year, accounts)
            self.files["tax_profiles"].add(
                (
                    profile.tax_unit_id,
                    household.household_id,
                    str(year),
                    profile.filing_status,
                    f"{profile.ordinary_taxable_income}.00",
                    f"{profile.magi}.00",
                    _weight_text(profile.state_rate),
                    _weight_text(profile.state_gains_rate),
                    f"{profile.short_term_carryforward}.00",
                    f"{profile.long_term_carryforward}.00",
                    money_text(short_term),
                    money_text(long_term),
                    profile.expected_retirement_rate,
                    profile.profile_status,
                    *_SINCE_START,
                )
            )

    def _realized_in(self, year: int, accounts: Sequence[Account]) -> tuple[int, int]:
        """Net short-term and long-term gains of a year so far in cents, as custodians report."""
        short_term = long_term = 0
        sessions = self.market.sessions
        for account in accounts:
            for position in account.positions:
                if not position.sales:
                    continue
                for lot in position.closed_lots(self.session_index):
                    disposed = sessions[lot.sale.session_index]
                    if disposed.year != year:
                        continue
                    gain = lot.proceeds - lot.cost_basis + lot.disallowed_loss
                    if is_long_term(sessions[lot.purchase.session_index], disposed):
                        long_term += gain
                    else:
                        short_term += gain
        return short_term, long_term

    def _add_buy_list(self) -> None:
        ranks: dict[int, int] = {}
        for asset_class, sub_class, ticker, account_types in _BUY_LIST:
            rank = ranks.get(asset_class, 0) + 1
            ranks[asset_class] = rank
            security = universe()[ticker]
            self.files["model_securities"].add(
                (
                    "*",
                    ASSET_CLASSES[asset_class],
                    sub_class,
                    str(rank),
                    ticker,
                    security.cusip,
                    account_types,
                    *_SINCE_START,
                )
            )

    def _add_menus(self) -> None:
        for menu, tickers in _MENUS.items():
            for ticker in tickers:
                self.files["permitted_securities"].add(
                    (menu, ticker, universe()[ticker].cusip, *_SINCE_START)
                )

    def _add_availability(self) -> None:
        for security in universe().values():
            if security.security_type == "OPTION":
                continue
            is_fund = security.trades_fractionally
            is_private = security.security_type == "ALTERNATIVE"
            self.files["security_custodians"].add(
                (
                    security.ticker,
                    security.cusip,
                    "*",
                    boolean_text(not is_private),
                    boolean_text(is_fund),
                    "dollars" if is_fund else "shares",
                    "100.00" if security.security_type == "MUTUAL_FUND" else "",
                    "0.00",
                    "90" if is_private else "1",
                    "16:00" if is_fund else "",
                    *_SINCE_START,
                )
            )

    def _add_classifications(self) -> None:
        fund = universe()[PRIVATE_FUND_MAPPED]
        self.files["security_classifications"].add(
            (fund.ticker, fund.cusip, "Alternatives", "Private real estate", "1", "", *_SINCE_START)
        )
        for ticker in METAL_TRUSTS:
            trust = universe()[ticker]
            self.files["security_classifications"].add(
                (ticker, trust.cusip, "Alternatives", "Gold", "1", "true", *_SINCE_START)
            )

    def _add_expected_feeds(self) -> None:
        for folder in sorted(self._folders):
            required = _REQUIRED_ENTITIES.get(folder, _STANDARD_REQUIRED)
            optional = () if folder in _REQUIRED_ENTITIES else _STANDARD_OPTIONAL
            for entity in (*required, *optional):
                self.files["expected_feeds"].add(
                    (
                        folder.upper(),
                        entity,
                        boolean_text(entity in required),
                        "23:30",
                        *_SINCE_START,
                    )
                )


def _weight_text(weight: Decimal) -> str:
    return format(weight.normalize(), "f") if weight else "0"


def _plan_employment(household: Household, account: Account) -> str:
    """Whoever has a plan with an employer works there until 70; empty for other accounts."""
    if account.account_type != "401k":
        return ""
    births = {person.person_id: person.birth_date.year for person in household.persons}
    born = min(births[person_id] for person_id, role in account.owners if role == "owner")
    return "former_employer" if DEMO_SESSION.year - born >= 70 else "current_employer"
