"""Required minimum distributions and contribution limits of retirement accounts.

Belongs here: the life table, start ages, each owner's requirement by aggregation group, what is
left to take and by when; yearly limits. Does not belong here: which holdings raise the cash.
Sources: IRC 401(a)(9); Reg. 1.401(a)(9)-9(c) Uniform Lifetime Table (2022 on), 1.401(a)(9)-2 and
T.D. 10001 (applicable age), 1.408-8 and 1.403(b)-6(e)(7) (aggregation), IRC 401(a)(9)(C)(i)(II)
and (ii) (the plan of the employer one works for, unless a 5 % owner); Notices 2024-80 and 2025-67
(limits).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple

NOTHING = Decimal(0)
CENT = Decimal("0.01")

FIRST_TABLE_AGE = 72
LAST_TABLE_AGE = 120
# Distribution periods for ages 72 to 120 and over, in order.
_DISTRIBUTION_PERIODS = (
    "27.4 26.5 25.5 24.6 23.7 22.9 22.0 21.1 20.2 19.4 18.5 17.7 16.8 16.0 15.2 14.4 13.7 12.9 "
    "12.2 11.5 10.8 10.1 9.5 8.9 8.4 7.8 7.3 6.8 6.4 6.0 5.6 5.2 4.9 4.6 4.3 4.1 3.9 3.7 3.5 "
    "3.4 3.3 3.1 3.0 2.9 2.8 2.7 2.5 2.3 2.0"
)
UNIFORM_LIFETIME_TABLE: dict[int, Decimal] = {
    FIRST_TABLE_AGE + position: Decimal(period)
    for position, period in enumerate(_DISTRIBUTION_PERIODS.split())
}

# Account types whose owner takes lifetime distributions. Roth accounts of the owner take none.
AGGREGATED_IRA_TYPES = frozenset({"traditional_ira", "sep_ira", "simple_ira"})
AGGREGATED_ANNUITY_TYPES = frozenset({"403b"})
SEPARATE_PLAN_TYPES = frozenset({"401k"})
EMPLOYER_PLAN_TYPES = AGGREGATED_ANNUITY_TYPES | SEPARATE_PLAN_TYPES
INHERITED_TYPES = frozenset({"inherited_ira"})


def applicable_age(birth_date: date) -> int:
    """Age whose year is the first distribution year.

    75 for those born in 1960 or later, 73 for 1951 to 1959, 72 before. (Those born before July
    1949 began at 70 1/2; for every year since 2021 that makes no difference to age or amount.)
    """
    if birth_date.year >= 1960:
        return 75
    if birth_date.year >= 1951:
        return 73
    return 72


def distribution_period(age: int) -> Decimal | None:
    """Uniform Lifetime Table factor for the age attained in the year; None under 72."""
    if age < FIRST_TABLE_AGE:
        return None
    return UNIFORM_LIFETIME_TABLE[min(age, LAST_TABLE_AGE)]


class MinimumDistribution(NamedTuple):
    """One balance's requirement for one year. `amount` is dollars and cents; None: none due."""

    age_in_year: int
    applicable_age: int
    divisor: Decimal | None
    amount: Decimal | None
    due: date | None


def minimum_distribution(
    birth_date: date, tax_year: int, prior_year_end_balance: Decimal
) -> MinimumDistribution:
    """The required minimum distribution of one balance for one year.

    Args:
        birth_date: the owner's.
        tax_year: the distribution year.
        prior_year_end_balance: fair value on 31 December of the year before, dollars.

    Returns:
        The requirement, rounded half up to the cent. The first year's is due on 1 April of the
        next year, every later one on 31 December of its own.
    """
    age, start = tax_year - birth_date.year, applicable_age(birth_date)
    divisor = distribution_period(age) if age >= start else None
    if divisor is None:
        return MinimumDistribution(age, start, None, None, None)
    amount = (prior_year_end_balance / divisor).quantize(CENT, rounding=ROUND_HALF_UP)
    due = date(tax_year + 1, 4, 1) if age == start else date(tax_year, 12, 31)
    return MinimumDistribution(age, start, divisor, amount, due)


PlanEmployment = Literal["current_employer", "former_employer", "five_percent_owner"]


class RetirementAccount(NamedTuple):
    """One retirement account and its owner. Dollars; None where the figure is not known.

    `plan_employment` is what the owner of an employer plan is to that employer; None where it is
    not known.
    """

    account_id: str
    account_type: str
    owner_person_id: str
    owner_birth_date: date | None
    prior_year_end_balance: Decimal | None
    distributed_this_year: Decimal
    plan_employment: PlanEmployment | None = None
    has_much_younger_sole_spouse: bool = False

    @property
    def is_exempt(self) -> bool:
        """Whether nothing is required yet because the owner still works for the employer."""
        is_plan = self.account_type in EMPLOYER_PLAN_TYPES
        return is_plan and self.plan_employment == "current_employer"

    @property
    def is_employment_unknown(self) -> bool:
        """Whether an exemption can neither be given nor refused."""
        return self.account_type in EMPLOYER_PLAN_TYPES and self.plan_employment is None


class DistributionRequirement(NamedTuple):
    """What one owner must take from one aggregation group in one year. Dollars.

    `reason` names why `required` is None although the accounts belong to the kind that
    distributes; None of both means that nothing is due this year.
    """

    owner_person_id: str
    group: str
    account_ids: tuple[str, ...]
    tax_year: int
    required: Decimal | None
    distributed: Decimal
    remaining: Decimal | None
    due: date | None
    reason: str | None


def distribution_requirements(
    accounts: Iterable[RetirementAccount], tax_year: int
) -> list[DistributionRequirement]:
    """Requirements by owner and aggregation group.

    All traditional, SEP and SIMPLE IRAs of one owner are one group, all 403(b)s another; each other
    employer plan stands alone; nothing is aggregated across owners. A plan of the employer that the
    owner still works for requires nothing; what is taken from a 403(b) of that kind counts for the
    others. Inherited accounts follow the beneficiary rules and an owner whose much younger spouse
    is sole beneficiary the Joint Life Table: both come back without an amount and with the reason.

    Returns:
        Sorted by owner and group; owners of Roth and other exempt accounts do not appear. Without a
        word on the owner's employment the amount of a plan is unknown from the first year on.
    """
    groups: dict[tuple[str, str], list[RetirementAccount]] = {}
    for account in accounts:
        group = _aggregation_group(account)
        if group is not None:
            groups.setdefault((account.owner_person_id, group), []).append(account)
    return [
        _requirement(owner, group, sorted(members), tax_year)
        for (owner, group), members in sorted(groups.items())
        if not all(account.is_exempt for account in members)
    ]


def _aggregation_group(account: RetirementAccount) -> str | None:
    if account.account_type in AGGREGATED_IRA_TYPES:
        return "ira"
    if account.account_type in INHERITED_TYPES:
        return f"inherited:{account.account_id}"
    if account.account_type in AGGREGATED_ANNUITY_TYPES:
        return "403b"
    if account.account_type in SEPARATE_PLAN_TYPES:
        return f"plan:{account.account_id}"
    return None


def _requirement(
    owner: str, group: str, members: list[RetirementAccount], tax_year: int
) -> DistributionRequirement:
    distributed = sum((account.distributed_this_year for account in members), NOTHING)
    reason = _why_unknown(group, members, tax_year)
    required = due = None
    birth_date = members[0].owner_birth_date
    if reason is None and birth_date is not None:
        results = [
            minimum_distribution(birth_date, tax_year, account.prior_year_end_balance)
            for account in members
            if account.prior_year_end_balance is not None and not account.is_exempt
        ]
        amounts = [result.amount for result in results if result.amount is not None]
        required = sum(amounts, NOTHING) if amounts else None
        due = results[0].due
    return DistributionRequirement(
        owner_person_id=owner,
        group=group,
        account_ids=tuple(account.account_id for account in members),
        tax_year=tax_year,
        required=required,
        distributed=distributed,
        remaining=None if required is None else max(NOTHING, required - distributed),
        due=due,
        reason=reason,
    )


def _why_unknown(group: str, members: list[RetirementAccount], tax_year: int) -> str | None:
    if group.startswith("inherited:"):
        return "inherited account: the beneficiary's schedule is set by the firm"
    if any(account.has_much_younger_sole_spouse for account in members):
        return "sole beneficiary spouse more than 10 years younger: Joint Life Table applies"
    if any(account.owner_birth_date is None for account in members):
        return "the owner's birth date is not known"
    born = members[0].owner_birth_date
    is_of_age = born is not None and tax_year - born.year >= applicable_age(born)
    unknown = [account.account_id for account in members if account.is_employment_unknown]
    if is_of_age and unknown:
        return (
            f"whether the owner still works for the employer of {', '.join(unknown)} is not known"
        )
    missing = [
        account.account_id
        for account in members
        if account.prior_year_end_balance is None and not account.is_exempt
    ]
    if missing:
        return f"prior year-end balance is not known for {', '.join(missing)}"
    return None


class ContributionLimits(NamedTuple):
    """Yearly limits, dollars (Notices 2024-80 and 2025-67; Rev. Proc. 2024-25 and 2025-19)."""

    elective_deferral: Decimal
    catch_up_from_50: Decimal
    catch_up_60_to_63: Decimal
    total_additions: Decimal
    ira: Decimal
    ira_catch_up: Decimal
    hsa_self: Decimal
    hsa_family: Decimal
    hsa_catch_up: Decimal
    charitable_distribution: Decimal


CONTRIBUTION_LIMITS: dict[int, ContributionLimits] = {
    2025: ContributionLimits(
        *map(Decimal, (23500, 7500, 11250, 70000, 7000, 1000, 4300, 8550, 1000, 108000))
    ),
    2026: ContributionLimits(
        *map(Decimal, (24500, 8000, 11250, 72000, 7500, 1100, 4400, 8750, 1000, 111000))
    ),
}
