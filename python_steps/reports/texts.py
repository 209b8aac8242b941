"""Every text that a workbook shows, keyed by id, in English.

Belongs here: headings, notes, display names of the closed vocabularies (statuses, reason codes,
asset classes, account types) and the lookup that refuses an unknown id. Does not belong here: any
layout, any number, any sentence that a mart already carries (explanations, rationales, messages).
Other languages translate the English, these texts and the marts' sentences alike (translation).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from python_steps.reports.translation import LANGUAGES, MARKS, SOURCE_LANGUAGE, Translator

# Texts without a word of their own: nothing in them is translated.
NAMES_ONLY: Final = frozenset({"account.label"})


class MissingTextError(KeyError):
    """A text id, or a value of a closed vocabulary, has no entry in the catalogue."""


class Texts:
    """The texts of one workbook in one language."""

    def __init__(self, language: str) -> None:
        """Take a language of `translation.LANGUAGES`.

        Raises:
            MissingTextError: there is no such language.
        """
        if language not in LANGUAGES:
            raise MissingTextError(f"no catalogue of texts for language {language!r}")
        self.language = language
        self.translator = Translator(language)

    def text(self, text_id: str, **values: object) -> str:
        """The text of an id, with its `{name}` places filled, in the language.

        Raises:
            MissingTextError: the id is unknown, or a place of the text is not given.
        """
        template = ENGLISH.get(text_id)
        if template is None:
            raise MissingTextError(f"no text for {text_id!r}")
        try:
            text = template.format(**values) if values else template
        except KeyError as error:
            raise MissingTextError(f"{text_id!r} needs a value for {error}") from error
        return text if text_id in NAMES_ONLY else self.translator.translated(text)

    def name(self, vocabulary: str, value: str) -> str:
        """The display name of a value of a closed vocabulary, such as plan_status.

        Raises:
            MissingTextError: the value is not in the vocabulary. It is never shown raw, because a
                value that nobody named is a value that nobody explained to the reader.
        """
        return self.text(f"{vocabulary}.{value}")

    def asset_class(self, value: str) -> str:
        """The display name of an asset class, else the words that stand in the firm's own file.

        An IPS that misspells a class is withheld and told by the rules of the book; the sheets
        show what the firm wrote, so that it can be found, and no other household loses its sheet.
        """
        name = ENGLISH.get(f"asset_class.{value}")
        return value if name is None else self.translator.translated(name)

    def clauses(self, parts: Iterable[str]) -> str:
        """Parts of a sentence in a row, with the mark that the language puts between them."""
        return MARKS[self.language].between_clauses.join(parts)

    def counted(self, text_id: str, count: int) -> str:
        """The singular or plural form of a text, `<id>.one` or `<id>.other`, with its count."""
        form = "one" if count == 1 else "other"
        return self.text(f"{text_id}.{form}", count=f"{count:,}")


def texts_for(language: str) -> Texts:
    """The texts of a language, for one workbook.

    Raises:
        MissingTextError: there is no catalogue of this language.
    """
    return Texts(language)


def texts_and_notice(
    wanted: str | None, default: str = SOURCE_LANGUAGE
) -> tuple[Texts, str | None]:
    """The texts of the wanted language, or of the default and a sentence that says so.

    No wish (None) is the default without a sentence. A household whose language has no catalogue
    still gets its workbook; the sentence stands on its first sheet, so that nobody takes the
    language for a choice.
    """
    if wanted is None or wanted in LANGUAGES:
        return Texts(wanted or default), None
    texts = Texts(default)
    return texts, texts.text("language.not_available", language=wanted)


def name_or_none(texts: Texts, vocabulary: str, value: str | None) -> str | None:
    """The display name of a value that a mart may not know; None is shown as n/a."""
    return None if value is None else texts.name(vocabulary, value)


def words_or_none(value: str | None) -> str | None:
    """`in_words` of a value that a mart may not know; None is shown as n/a."""
    return None if value is None else in_words(value)


def in_words(value: str) -> str:
    """A value of an open vocabulary (a rule's or check's name) as words: `lot_sum` -> `Lot sum`."""
    words = value.replace("_", " ").replace(":", ": ").strip()
    return words[:1].upper() + words[1:]


_GENERAL: Final[dict[str, str]] = {
    "missing": "n/a",
    "missing.because": "n/a: {reason}",
    "yes": "Yes",
    "no": "No",
    "total": "Total",
    "language.not_available": (
        "The report language asked for ({language}) is not available yet; this workbook is in the "
        "firm's language."
    ),
    "document.household_title": "{household} – rebalancing review",
    "document.book_title": "Book review",
    "document.author": "Evenkeel",
    "document.subject": "As of {as_of_date}",
    "header.confidential": "Confidential",
    "footer.page": "Page",
    "footer.of": "of",
    "footer.as_of": "As of {as_of_date}",
    "subtitle.household": "{household} · as of close {as_of_date}",
    "subtitle.household_planned": (
        "{household} · as of close {as_of_date} · for trading on {planned_trade_date}"
    ),
    "subtitle.household_not_current": (
        "{household} · as of close {as_of_date} · not released: what is shown may be incomplete"
    ),
    "subtitle.book": "Whole book · as of close {as_of_date}",
    "account.other_household": "account of another household",
    "account.label": "{name} ({number})",
    "note.not_current": (
        "Nothing is shown here as current, because the household is not released: {reason}"
    ),
    "lots.parent": "part of {lot}",
    "lots.stated": "the firm states a value of it: override {override}",
}

_VOCABULARIES: Final[dict[str, str]] = {
    # plan_status, household_state and the one status that only a report can see
    "plan_status.no_trade": "No trade needed",
    "plan_status.proposed": "Trades proposed",
    "plan_status.partial": "Trades proposed, part left undone",
    "plan_status.deferred": "Deferred",
    "plan_status.infeasible_cash": "Cash cannot be raised in full",
    "plan_status.awaiting_execution": "Waiting for orders in flight",
    "plan_status.waiting_for_feed": "Waiting for custodian data",
    "plan_status.withheld": "Withheld – a person must look at it",
    "plan_status.not_planned": "No plan was made",
    "run_mode.rebalance": "Rebalance",
    "run_mode.cash_only": "Cash only",
    "run_mode.tlh_only": "Loss harvesting only",
    "run_mode.no_trade": "No trade",
    "night_state.complete": "Complete",
    "night_state.degraded": "Degraded",
    "night_state.failed": "Failed",
    "action.buy": "Buy",
    "action.sell": "Sell",
    "tax_character.short_term_gain": "Short-term gain",
    "tax_character.long_term_gain": "Long-term gain",
    "tax_character.short_term_loss": "Short-term loss",
    "tax_character.long_term_loss": "Long-term loss",
    "tax_character.mixed": "Mixed",
    "tax_character.none": "None",
    "term.short": "Short",
    "term.long": "Long",
    "term.unknown": "Unknown",
    "order_type.market": "Market",
    "order_type.limit": "Limit",
    "asset_class.US Large Cap Equity": "US Large Cap Equity",
    "asset_class.US Small/Mid Cap": "US Small/Mid Cap",
    "asset_class.International Developed": "International Developed",
    "asset_class.Emerging Markets": "Emerging Markets",
    "asset_class.Investment Grade Bonds": "Investment Grade Bonds",
    "asset_class.High Yield / Credit": "High Yield / Credit",
    "asset_class.TIPS / Inflation Protected": "TIPS / Inflation Protected",
    "asset_class.Alternatives": "Alternatives",
    "asset_class.Cash": "Cash",
    "asset_class.Unmapped": "Unmapped",
    "target_level.class": "Asset class",
    "target_level.sub_class": "Sub-class",
    "target_level.security": "Security",
    "account_type.taxable_individual": "Taxable individual",
    "account_type.taxable_joint": "Taxable joint",
    "account_type.trust": "Trust",
    "account_type.utma": "UTMA",
    "account_type.traditional_ira": "Traditional IRA",
    "account_type.roth_ira": "Roth IRA",
    "account_type.sep_ira": "SEP IRA",
    "account_type.simple_ira": "SIMPLE IRA",
    "account_type.inherited_ira": "Inherited IRA",
    "account_type.401k": "401(k)",
    "account_type.roth_401k": "Roth 401(k)",
    "account_type.403b": "403(b)",
    "account_type.roth_403b": "Roth 403(b)",
    "account_type.hsa": "HSA",
    "account_type.529": "529",
    "tax_treatment.taxable": "Taxable",
    "tax_treatment.tax_deferred": "Tax-deferred",
    "tax_treatment.tax_free": "Tax-free",
    "account_state.complete": "Complete",
    "account_state.lots_pending": "Lots pending",
    "account_state.frozen": "Frozen",
    "account_state.waiting_for_feed": "Waiting for custodian data",
    "account_state.withheld": "Withheld",
    # reason_code of trades and of exceptions
    "reason_code.RAISE_CASH": "Raise cash",
    "reason_code.INVEST_CASH": "Invest cash",
    "reason_code.REBALANCE": "Rebalance",
    "reason_code.HARVEST_LOSS": "Harvest a loss",
    "reason_code.HARVEST_REPLACEMENT": "Replace a harvested position",
    "reason_code.RESTRICTION": "Restriction",
    "reason_code.LOCATE": "Better location",
    "reason_code.out_of_tolerance": "Left out of tolerance",
    "reason_code.excluded": "Excluded",
    "reason_code.deferred": "Deferred",
    "reason_code.restricted": "Restricted",
    "reason_code.unmapped": "Unmapped holding",
    "reason_code.illiquid": "Illiquid holding",
    "reason_code.frozen": "Frozen",
    "reason_code.wash_sale_window": "Wash-sale window",
    "reason_code.unknown_coverage": "Transaction history unknown",
    "reason_code.rates_missing": "Tax rates missing",
    "reason_code.related_purchase": "Purchase of a related taxpayer",
    "reason_code.cost_assumed": "Assumed trading cost",
    "reason_code.limited_loss": "Loss limited by distributions",
    "reason_code.cash_shortfall": "Cash shortfall",
    "reason_code.below_minimum": "Below the minimum trade",
    "reason_code.no_ips": "No investment policy",
    "reason_code.sale_result_unknown": "Result of a sale not known",
    "reason_code.result_unknown": "Result of a sale not known",
    "reason_code.sold_more_than_held": "More sold than held",
    "reason_code.short_position": "Short position",
    "reason_code.same_day_sale_and_purchase": "Sold and bought on one day",
    "reason_code.purchase_outside_wash_group": "Purchase outside the household's group",
    "reason_code.replacement_owner_unknown": "Owner of a replacement not known",
    "reason_code.custodian_adjustment_replaced": "Custodian's wash-sale adjustment replaced",
    "reason_code.custodian_adjustment_untraced": "Custodian's wash-sale adjustment not traced",
    "reason_code.custodian_adjustment_without_loss": "Custodian's adjustment without a loss",
    "reason_code.fund_held_six_months": "Loss on a fund held six months or less",
    "reason_code.withheld": "Withheld",
    "reason_code.no_plan": "No plan",
    "reason_code.waiting_for_feed": "Waiting for custodian data",
    "reason_code.awaiting_execution": "Waiting for orders in flight",
    "severity.block": "Blocking",
    "severity.warn": "Warning",
    "severity.info": "Information",
    "coverage.known": "Known",
    "coverage.unknown": "Unknown – history too short",
    "covered_status.covered": "Covered",
    "covered_status.noncovered": "Noncovered",
    "covered_status.unknown": "Unknown",
    "scope.feed": "File",
    "scope.account": "Account",
    "scope.position": "Position",
    "scope.lot": "Lot",
    "scope.household": "Household",
    "file_status.LOADED": "Loaded",
    "file_status.QUARANTINED": "Quarantined",
    "file_status.DUPLICATE": "Duplicate, already loaded",
    "file_status.SUPERSEDED": "Superseded by a later one",
}

_BANDS: Final[dict[str, str]] = {
    "band.over": "▲ OVER band",
    "band.under": "▼ UNDER band",
    "band.inside": "In band",
    "band.over_cured": "▲ OVER, cured by flows due",
    "band.under_cured": "▼ UNDER, cured by flows due",
    "band.after.inside": "In band",
    "band.after.outside": "✕ Outside band",
    "band.review_due": "● Due",
    "band.not_due": "Not due",
    "location.well": "Well placed",
    "location.misplaced": "✕ Misplaced",
    "check.passed": "Passed",
    "check.failed": "✕ FAILED",
}

_SUMMARY: Final[dict[str, str]] = {
    "sheet.summary.name": "Summary",
    "summary.advisor": "Household {household_id} · advisor {advisor} · as of close {as_of_date}",
    "summary.advisor_planned": (
        "Household {household_id} · advisor {advisor} · as of close {as_of_date} "
        "· for trading on {planned_trade_date}"
    ),
    "summary.market_value": "Market value",
    "summary.market_value.missing": "Not known; see What needs a person",
    "summary.market_value.not_current": "Not confirmed, because the household is not released",
    "summary.accounts": "Accounts",
    "summary.accounts.note": "{tradable} can be traded, {others} cannot",
    "summary.accounts.held": (
        "None is traded until the household is released; then {tradable} can be, {others} cannot"
    ),
    "trading.open": "Open for trading",
    "trading.held": "Not traded until the household is released",
    "trading.held_away": "Held away: counts, but cannot be traded here",
    "trading.blocked": "Blocked: {reason}",
    "summary.breaches": "Classes outside their band",
    "summary.breaches.of_group": "Classes outside their band – {group}",
    "summary.breaches.none": "Every class is inside its band",
    "summary.breaches.not_current": "Not shown, because the household is not released",
    "summary.breaches.item": "{asset_class} {drift} points",
    "summary.trades": "Trades proposed",
    "summary.trades.note": (
        "{sells} sells, {buys} buys; {sheltered} in tax-advantaged accounts, {taxable} in taxable"
    ),
    "summary.trades.none": "Nothing is to be traded: {status}",
    "summary.tax": "Estimated tax",
    "summary.tax.note": "Positive is tax due, negative is tax saved; estimate, see Tax impact",
    "summary.tax.missing": "No tax estimate could be made for this household",
    "summary.short_term_gains": "Short-term gains realised",
    "summary.short_term_gains.note": "Sum over the tax returns on the sheet Tax impact",
    "summary.short_term_gains.none": "No sale is proposed that reaches a tax return",
    "summary.short_term_gains.missing": "Not known for every tax return; see Tax impact",
    "summary.cost": "Transaction cost",
    "summary.cost.missing": "Not known for this plan",
    "summary.cost.note": "Commissions, half spreads and market impact",
    "summary.breakeven": "Breakeven, years",
    "summary.breakeven.note": "Time in which the benefit pays for tax and cost",
    "summary.breakeven.missing": "Not calculated for this plan",
    "summary.tracking_before": "Tracking error before",
    "summary.tracking_after": "Tracking error after",
    "summary.tracking.note": "Expected yearly deviation from the targets",
    "summary.tracking.missing": "Not calculated for this plan",
    "summary.planned_trade_date": "Planned trade date",
    "summary.planned_trade_date.note": (
        "Holding terms, wash-sale windows and the tax year are judged on this day"
    ),
    "summary.valid_until": "Valid until",
    "summary.valid_until.note": "After this day the plan must be made anew",
    "summary.plan": "Plan",
    "summary.plan.note": "Version {version} · {run_mode} · planner {planner}",
    "summary.plan.missing": "No plan stands behind this workbook",
    "summary.glance": "At a glance",
    "table.attention.heading": "What needs a person",
    "table.attention.empty": "Nothing needs a person.",
    "table.accounts.heading": "Accounts",
    "table.accounts.empty": "No account of this household is known.",
    "column.attention_subject": "What",
    "column.attention_kind": "Kind",
    "column.attention_why": "Why, and what to do",
    "column.attention_who": "Who must act",
    "attention.unassigned": "Advisor",
    "attention.more.one": "and {count} more",
    "attention.more.other": "and {count} more",
    "attention.more.where": "All of them are on the sheet Exceptions.",
    "chart.drift": "Target and current share of each asset class",
    "chart.drift_of_group": "Target and current share of each asset class – {group}",
    "chart.comparison": "Share of each asset class before and after the trades",
    "chart.comparison_of_group": (
        "Share of each asset class before and after the trades – {group}"
    ),
}

_SHEETS: Final[dict[str, str]] = {
    "sheet.drift.name": "Drift",
    "sheet.drift.title": "Drift from the investment policy",
    "sheet.drift.note": (
        "Current is today's share; projected is after orders in flight and cash flows due. A share "
        "on the edge of its band is inside."
    ),
    "table.drift.heading": "Asset classes",
    "table.drift.empty": "No asset class of this household can be compared with a target.",
    "table.target_drift.heading": "Targets below asset class",
    "table.target_drift.empty": "The investment policy sets no target below asset class.",
    "table.drift_summary.heading": "Portfolios",
    "table.drift_summary.empty": "No account of this household has an investment policy.",
    "sheet.trades.name": "Trades",
    "sheet.trades.title": "Recommended trades",
    "sheet.trades.note": (
        "In order of execution: tax-advantaged accounts first, sells before buys. Estimates; an "
        "advisor decides. Tax: positive is due, negative is saved."
    ),
    "table.trades.heading": "Trades",
    "table.trades.empty": "No trades are proposed: {reason}",
    "table.trade_tax.heading": "Gains, losses and costs of each trade",
    "table.trade_tax.empty": "No trades, so no gains, losses or costs.",
    "trades.how_to_decide": (
        "To decide, fill in the last columns and return this file: Approve, Reject (with a date to "
        "ask again, if you like) or Override (with another quantity). All other cells are the plan."
    ),
    "trades.tax_differs": (
        "The taxes of the trades add up to {trades}, the plan's estimated tax is {plan}: the plan "
        "nets all gains and losses over each whole tax return, a trade alone cannot."
    ),
    "decision.approve": "Approve",
    "decision.reject": "Reject",
    "decision.override": "Override",
    "table.trade_lots.heading": "Lots to deliver",
    "trade_lots.standing_method": "The custodian's standing method is {method}. {instruction}",
    "trade_lots.no_standing_method": "The custodian's standing method is not known. {instruction}",
    "trade_lots.gain_of_taxable_accounts": (
        "The total gain is that of taxable accounts only: what tax-advantaged accounts realise is "
        "no taxable gain. The other totals are of all lots."
    ),
    "table.trade_lots.empty": "No lots are to be delivered.",
    "sheet.tax_impact.name": "Tax impact",
    "sheet.tax_impact.title": "Estimated tax impact",
    "sheet.tax_impact.note": (
        "Per tax return. Gains are positive, losses negative; estimated tax: positive is due, "
        "negative is saved. Estimates, not tax advice."
    ),
    "table.tax_impact.heading": "Tax returns",
    "table.tax_impact.empty": "No tax effect: {reason}",
    "tax_impact.missing": "{columns}: n/a, because {reason}.",
    "tax_impact.waterfall_only": "the waterfall itself made the plan",
    "tax_impact.not_compared": "the plan was not compared with the waterfall's",
    "tax_impact.not_known": "a basis, a tax rate or a carryforward it needs is not known",
    "table.gains_schedule.heading": "The year's gains and losses, netted as on Schedule D",
    "table.gains_schedule.empty": "No tax return is known: {reason}",
    "schedule_line.realized_so_far": "Realised so far this year",
    "schedule_line.carried_in": "Losses carried in from last year",
    "schedule_line.net_without_plan": "Net without the trades",
    "schedule_line.gains_of_plan": "Gains of the trades",
    "schedule_line.losses_of_plan": "Losses of the trades",
    "schedule_line.net_with_plan": "Net with the trades",
    "schedule_line.taxed": "Taxed this year",
    "schedule_line.deducted_from_income": "Deducted from other income",
    "schedule_line.carried_out": "Losses carried into next year",
    "table.plan_values.heading": "What the plan is worth, beside the waterfall's plan",
    "table.plan_values.empty": "There is no plan that has a value.",
    "value_term.tax_change": "Tax of this year",
    "value_term.transaction_cost": "Commission, spread and market impact",
    "value_term.drift_penalty": "Drift that stays, at the policy's prices",
    "value_term.shortfall_penalty": "Cash that is missing",
    "value_term.location_cost": "Asset location",
    "value_term.basis_reset": "Lower basis, taxed in later years",
    "value_term.carried_losses": "Losses carried into later years",
    "value_term.turnover": "Trading at all, at the policy's price",
    "value_term.concentration": "Above concentration limits",
    "value_term.idle_cash": "Money left uninvested by trades",
    "table.tax_budgets.heading": "What a budget for this year's tax would buy",
    "table.tax_budgets.empty": "No drift is cured tonight that adds to this year's tax.",
    "tax_budgets.note": (
        "Each line is the best that keeps to its budget, before small trades and whole shares are "
        "settled; the last has no budget."
    ),
    "sheet.comparison.name": "Before and after",
    "sheet.comparison.title": "Allocation before and after the trades",
    "sheet.comparison.note": "Shares of the allocation base at the prices of the close.",
    "table.comparison.heading": "Asset classes",
    "table.comparison.empty": "There is no plan to compare with: {reason}",
    "sheet.location.name": "Asset location",
    "sheet.location.title": "Asset location",
    "sheet.location.note": (
        "Where each asset class is held, where it is best held, and what misplacing it costs."
    ),
    "table.location.heading": "Asset classes by account",
    "table.location.empty": "No holdings to place.",
    "sheet.lots.name": "Lots",
    "sheet.lots.title": "Open tax lots",
    "sheet.lots.note": (
        "Cost basis = the custodian's basis + our wash-sale adjustment. The custodian's own "
        "wash-sale adjustment is already inside its basis. n/a: the custodian gave no basis. "
        "What the firm states in the custodian's place is marked beside the lot."
    ),
    "table.lots.heading": "Lots",
    "table.lots.empty": "No open lots are known.",
    "sheet.wash_sales.name": "Wash sales",
    "sheet.wash_sales.title": "Wash sales",
    "sheet.wash_sales.note": (
        "Over all accounts that count for the household's wash sales. The dates are the last days "
        "on which a buy, or a sale at a loss, is not allowed; no date: nothing is forbidden."
    ),
    "table.windows.heading": "Open windows",
    "table.windows.empty": "No window is open.",
    "table.matches.heading": "Disallowed losses and their replacements",
    "table.matches.empty": "No loss is disallowed.",
    "table.realized_differences.heading": (
        "Sales of this tax year and the last that the custodian reports otherwise"
    ),
    "table.realized_differences.empty": "No sale differs from what the custodian reports.",
    "sheet.exceptions.name": "Exceptions",
    "sheet.exceptions.title": "Exceptions",
    "sheet.exceptions.note": "What was left out of tolerance, deferred or held back, and why.",
    "table.exceptions.heading": "Left undone, with the reason",
    "table.exceptions.empty": "Nothing was left undone.",
    "table.findings.heading": "Data that did not pass its rules",
    "table.findings.empty": "All data of this household passed its rules.",
    "sheet.compliance.name": "Compliance",
    "sheet.compliance.title": "Compliance record",
    "sheet.compliance.note": "What this workbook was made from, and what it was checked against.",
    "table.checks.heading": "Independent checks of the plan",
    "table.checks.empty": "There is no plan to check: {reason}",
    "table.plan_record.heading": "Plan",
    "table.files.heading": "Input files",
    "table.files.empty": "No input file is known.",
    "table.policy.heading": "Firm policy in force",
    "compliance.plan_id": "Plan id",
    "compliance.version": "Plan version",
    "compliance.input_hash": "Hash of the inputs",
    "compliance.planner": "Planner",
    "compliance.solver_status": "Solver status",
    "compliance.run_mode": "Run mode",
    "compliance.objective_value": "Objective value",
    "compliance.waterfall_objective_value": "Objective value of the waterfall",
    "compliance.optimality_gap": "Optimality gap",
    "compliance.disclaimer.heading": "Disclaimer",
    "compliance.disclaimer": (
        "This workbook supports an advisor's decision; it is not an order and not tax or legal "
        "advice. Values are those of the close of the date shown, taken from the files listed "
        "above. Tax figures are estimates from the profile and the lots known on that date; the "
        "custodian's Form 1099-B and the client's tax return decide. Holdings outside the accounts "
        "shown may change the wash-sale result."
    ),
}

_BOOK_SHEETS: Final[dict[str, str]] = {
    "sheet.book_summary.name": "Book summary",
    "sheet.book_summary.title": "Book summary",
    "book.night_state": "State of the night",
    "book.night_version": "Version of the night",
    "book.manifest_hash": "Hash of the input manifest",
    "book.households": "Households",
    "book.market_value": "Market value",
    "book.left_out": "Without {households} for which it is not known",
    "book.breached_households": "Households with a class outside its band",
    "book.trades": "Recommended trades",
    "book.buy_amount": "Buys",
    "book.sell_amount": "Sells",
    "book.estimated_tax": "Estimated tax",
    "book.transaction_cost": "Transaction cost",
    "book.blocking_findings": "Blocking data findings",
    "book.quarantined_files": "Files in quarantine",
    "book.households_counted.one": "{count} household",
    "book.households_counted.other": "{count} households",
    "table.night.heading": "The night",
    "table.book_totals.heading": "In total",
    "table.statuses.heading": "Households by plan status",
    "table.statuses.empty": "There are no households.",
    "sheet.households.name": "Households",
    "sheet.households.title": "Households by urgency",
    "sheet.households.note": (
        "Order: what a person must act on first (withheld, cash, waiting), then proposals; within "
        "each by number of blocking findings, classes outside their band and largest drift."
    ),
    "table.households.heading": "Households",
    "table.households.empty": "There are no households.",
    "sheet.drift_map.name": "Drift map",
    "sheet.drift_map.title": "Drift of every household, class by class",
    "sheet.drift_map.note": (
        "Percentage points above (+) or below (-) target; marked where the band is left. The most "
        "urgent household first; none whose numbers are not current."
    ),
    "table.drift_map.heading": "Drift by class",
    "table.drift_map.empty": "No household's drift is known tonight.",
    "sheet.breaches.name": "Drift breaches",
    "sheet.breaches.title": "Asset classes outside their band",
    "sheet.breaches.note": "Largest drift first.",
    "table.breaches.heading": "Breaches",
    "table.breaches.empty": "Every asset class of every household is inside its band.",
    "sheet.blocks.name": "Trades by security",
    "sheet.blocks.title": "Trades in total by security",
    "sheet.blocks.note": "Sums over all households' proposed trades; largest amount first.",
    "table.blocks.heading": "Securities",
    "table.blocks.empty": "No trades are proposed.",
    "sheet.taxes.name": "Taxes",
    "sheet.taxes.title": "Estimated tax impact by tax return",
    "sheet.taxes.note": (
        "Gains are positive, losses negative; estimated tax: positive is due, negative is saved. "
        "A total leaves out what is n/a."
    ),
    "table.taxes.heading": "Tax returns",
    "table.taxes.empty": "No plan has a tax effect.",
    "sheet.open_exceptions.name": "Open exceptions",
    "sheet.open_exceptions.title": "Open exceptions",
    "sheet.open_exceptions.note": (
        "What is wrong and open, by who must act: first what holds up the most money. What one "
        "file has caused is one line; each of its findings stands on the sheet Data quality. Two "
        "lines may hold up the same money; n/a: no night knows the value."
    ),
    "exceptions.of_one_cause": (
        "{count} findings of one file and rule, in {households} and {accounts}; the first: {first}"
    ),
    "exceptions.accounts_counted.one": "{count} account",
    "exceptions.accounts_counted.other": "{count} accounts",
    "table.open_exceptions.heading": "Open",
    "table.open_exceptions.empty": "Nothing is open.",
    "sheet.closed_exceptions.name": "Closed exceptions",
    "sheet.closed_exceptions.title": "Exceptions closed within the last 30 sessions",
    "sheet.closed_exceptions.note": "What is no longer open, since when, and what closed it.",
    "table.closed_exceptions.heading": "Closed",
    "table.closed_exceptions.empty": "Nothing was closed within the last 30 sessions.",
    "closed_by.corrected_file": "Corrected file",
    "closed_by.override": "Override",
    "closed_by.rule_no_longer_broken": "Rule no longer broken",
    "sheet.quality.name": "Data quality",
    "sheet.quality.title": "Data quality and quarantine",
    "sheet.quality.note": "What did not pass, how far it reaches, and who must act.",
    "table.rule_counts.heading": "By rule",
    "table.rule_counts.empty": "All data passed its rules.",
    "table.unanswered_rules.heading": "Rules that could not be asked, and of whom",
    "table.unanswered_rules.empty": "Every rule could be asked of every custodian.",
    "table.book_findings.heading": "Blocking findings and warnings",
    "table.book_findings.empty": "There are no blocking findings and no warnings.",
    "sheet.files.name": "Files received",
    "sheet.files.title": "Files received",
    "sheet.files.note": "Every file of the night, with the hash of its bytes.",
    "table.book_files.heading": "Files",
    "table.book_files.empty": "No file was received.",
    "sheet.workbooks.name": "Workbooks",
    "sheet.workbooks.title": "Workbooks",
    "sheet.workbooks.note": "Each household's workbook, with the hash of its bytes.",
    "table.workbooks.heading": "Workbooks",
    "table.workbooks.empty": "No workbook was written.",
}

_COLUMNS: Final[dict[str, str]] = {
    "column.account": "Account",
    "column.account_type": "Type",
    "column.tax_treatment": "Tax treatment",
    "column.custodian": "Custodian",
    "column.trading": "Trading",
    "column.group": "Portfolio",
    "column.asset_class": "Asset class",
    "column.target_level": "Level",
    "column.target_key": "Target",
    "column.target_weight": "Target %",
    "column.actual_weight": "Current %",
    "column.projected_weight": "Projected %",
    "column.drift_us_large_cap": "US Large Cap Equity",
    "column.drift_us_small_mid_cap": "US Small/Mid Cap",
    "column.drift_international": "International Developed",
    "column.drift_emerging": "Emerging Markets",
    "column.drift_investment_grade": "Investment Grade Bonds",
    "column.drift_high_yield": "High Yield / Credit",
    "column.drift_inflation": "TIPS / Inflation Protected",
    "column.drift_alternatives": "Alternatives",
    "column.drift_cash": "Cash",
    "column.absolute_drift": "Drift, % points",
    "column.over_under_amount": "$ over / under",
    "column.lower_band_weight": "Band low",
    "column.upper_band_weight": "Band high",
    "column.band_flag": "Band today",
    "column.band_flag_projected": "After flows due",
    "column.market_value": "Market value",
    "column.breach_count": "Outside band",
    "column.max_absolute_drift": "Largest drift",
    "column.trigger_reasons": "Reasons to review",
    "column.is_rebalance_due": "Rebalance",
    "column.next_review_date": "Next review",
    "column.sequence": "No.",
    "column.action": "Action",
    "column.ticker": "Ticker",
    "column.security": "Security",
    "column.quantity": "Shares",
    "column.price": "Price",
    "column.notional": "Amount",
    "column.reason": "Reason",
    "column.rationale": "Why",
    "column.tax_character": "Tax character",
    "column.realized_short_term_gain": "Short-term gain",
    "column.realized_short_term_loss": "Short-term loss",
    "column.realized_long_term_gain": "Long-term gain",
    "column.realized_long_term_loss": "Long-term loss",
    "column.realized_collectibles_gain": "of it collectibles (28 % at most)",
    "column.realized_collectibles_loss": "of it collectibles' loss",
    "column.tax_cost": "Tax",
    "column.commission": "Commission",
    "column.spread_cost": "Half spread",
    "column.market_impact": "Market impact",
    "column.decision": "Decision",
    "column.quantity_override": "Quantity override",
    "column.snooze_until": "Snooze until",
    "column.trade_id": "Trade id",
    "column.order_type": "Order",
    "column.limit_price": "Limit",
    "column.lots_named_by_date": "Name by",
    "column.lot_instruction": "Instruction to the custodian",
    "column.lot_id": "Lot",
    "column.acquisition_date": "Acquired",
    "column.holding_period_start_date": "Held since",
    "column.term": "Term",
    "column.proceeds": "Proceeds",
    "column.cost_basis": "Cost basis",
    "column.realized_gain": "Gain / loss",
    "column.tax_unit": "Tax return",
    "column.tax_year": "Year",
    "column.carryforward_used": "Carryforward used",
    "column.estimated_tax": "Estimated tax",
    "column.harvested_loss": "Harvested loss",
    "column.tax_saved_vs_waterfall": "Saved against waterfall",
    "column.wash_sale_exposure": "Wash-sale exposure",
    "column.pre_trade_weight": "Before %",
    "column.post_trade_weight": "After %",
    "column.pre_trade_drift": "Drift before",
    "column.post_trade_drift": "Drift after",
    "column.band_flag_after": "Band after",
    "column.preferred_tax_treatment": "Best held in",
    "column.is_well_located": "Placed",
    "column.annual_tax_drag": "Cost a year",
    "column.recommendation": "Recommendation",
    "column.custodian_cost_basis": "Custodian's basis",
    "column.custodian_wash_sale_adjustment": "of which wash sales",
    "column.wash_sale_adjustment": "Our wash-sale adj.",
    "column.unrealized_gain": "Unrealised gain",
    "column.covered_status": "Covered",
    "column.source_file": "File (hash)",
    "column.source_row_number": "Row",
    "column.identity_group": "Substantially identical group",
    "column.no_buy_until_date": "No buy until",
    "column.no_loss_sale_until_date": "No loss sale until",
    "column.caused_by": "Caused by",
    "column.coverage": "History",
    "column.loss_sale_date": "Loss sold",
    "column.loss_account": "Loss account",
    "column.loss_security": "Loss security",
    "column.replacement_date": "Replaced",
    "column.replacement_account": "Replacement account",
    "column.replacement_security": "Replacement",
    "column.matched_quantity": "Shares matched",
    "column.disallowed_loss": "Disallowed loss",
    "column.is_permanent": "Lost for good",
    "column.basis_added": "Basis added",
    "column.provisional_until_date": "Provisional until",
    "column.disposal_date": "Sold",
    "column.difference_reason": "Why ours differs",
    "column.custodian_gain": "Custodian's result",
    "column.recognized_gain": "Our result",
    "column.custodian_term": "Custodian's term",
    "column.difference": "Difference",
    "column.rule": "Rule",
    "column.subject": "Subject",
    "column.amount": "Amount",
    "column.severity": "Severity",
    "column.scope": "Scope",
    "column.observed": "Observed",
    "column.expected": "Expected",
    "column.message": "Message",
    "column.who_must_act": "Who must act",
    "column.file_name": "File",
    "column.check_name": "Check",
    "column.is_passed": "Result",
    "column.requirement": "What must hold",
    "column.detail": "What was found",
    "column.feed": "Feed",
    "column.stated_as_of_date": "States date",
    "column.file_hash": "SHA-256",
    "column.row_count": "Rows",
    "column.file_status": "Status",
    "column.setting": "Setting",
    "column.value": "Value",
    "column.meaning": "Meaning",
    "column.item": "Item",
    "column.note": "Note",
    "column.rank": "Rank",
    "column.household": "Household",
    "column.household_id": "Household id",
    "column.advisor": "Advisor",
    "column.status": "Status",
    "column.status_reason": "In one sentence",
    "column.trade_count": "Trades",
    "column.transaction_cost": "Cost",
    "column.value_term": "Term (negative is a gain)",
    "column.waterfall_amount": "Waterfall's amount",
    "column.schedule_line": "Line",
    "column.short_term_amount": "Short-term",
    "column.long_term_amount": "Long-term",
    "column.total_amount": "Total",
    "column.tax_budget": "Budget for the tax",
    "column.drift_outside_bands": "Outside the bands",
    "column.tracking_error": "Tracking error",
    "column.exception_count": "Exceptions",
    "column.blocking_count": "Blocking findings",
    "column.household_count": "Households",
    "column.unanswered_reason": "Why it could not be asked",
    "column.unanswered_custodians": "Custodians",
    "column.finding_count": "Findings",
    "column.market_value_held_up": "Value held up",
    "column.age_sessions": "Sessions open",
    "column.opened_date": "Open since",
    "column.closed_date": "Closed on",
    "column.closed_by": "Closed by",
    "column.override_id": "Override",
    "column.buy_quantity": "Buy shares",
    "column.buy_amount": "Buy amount",
    "column.sell_quantity": "Sell shares",
    "column.sell_amount": "Sell amount",
    "column.workbook_path": "Path",
    "column.workbook_status": "Status",
}

ENGLISH: Final[Mapping[str, str]] = {
    **_GENERAL,
    **_VOCABULARIES,
    **_BANDS,
    **_SUMMARY,
    **_SHEETS,
    **_BOOK_SHEETS,
    **_COLUMNS,
}
