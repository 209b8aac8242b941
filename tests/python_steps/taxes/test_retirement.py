from datetime import date
from decimal import Decimal

from python_steps.taxes.retirement import (
    CONTRIBUTION_LIMITS,
    RetirementAccount,
    distribution_requirements,
    minimum_distribution,
)


def _account(account_id, account_type="traditional_ira", owner="P1", born=date(1950, 3, 1), **more):
    given = {"prior_year_end_balance": Decimal(100000), "distributed_this_year": Decimal(0)}
    return RetirementAccount(account_id, account_type, owner, born, **(given | more))


def test_iras_of_one_owner_are_one_requirement_and_plans_stand_alone():
    found = distribution_requirements(
        [
            _account("B", "sep_ira", distributed_this_year=Decimal(1000)),
            _account("A"),
            _account("K", "401k", plan_employment="former_employer"),
            _account("R", "roth_ira"),
            _account("S", owner="P2"),
        ],
        2026,
    )
    assert [(r.owner_person_id, r.group, r.account_ids) for r in found] == [
        ("P1", "ira", ("A", "B")),
        ("P1", "plan:K", ("K",)),
        ("P2", "ira", ("S",)),
    ]
    assert found[0].required == 2 * (Decimal(100000) / Decimal("23.7")).quantize(Decimal("0.01"))
    assert found[0].remaining == found[0].required - 1000
    assert found[0].due == date(2026, 12, 31)


def test_missing_balance_is_a_reason_not_a_zero():
    (found,) = distribution_requirements(
        [_account("A"), _account("B", prior_year_end_balance=None)], 2026
    )
    assert found.required is None
    assert found.reason == "prior year-end balance is not known for B"


def test_inherited_and_joint_life_cases_are_named_not_computed():
    found = distribution_requirements(
        [_account("I", "inherited_ira"), _account("A", has_much_younger_sole_spouse=True)], 2026
    )
    assert all(r.required is None and r.reason for r in found)


def test_still_working_owner_of_a_current_plan_has_no_requirement():
    """IRC 401(a)(9)(C)(i)(II); an IRA knows no such exemption."""
    working = {"plan_employment": "current_employer"}
    assert distribution_requirements([_account("K", "401k", **working)], 2026) == []
    assert distribution_requirements([_account("B", "403b", **working)], 2026) == []
    (found,) = distribution_requirements([_account("S", "sep_ira", **working)], 2026)
    assert found.required


def test_a_five_percent_owner_is_not_exempt():
    """IRC 401(a)(9)(C)(ii)(I)."""
    (found,) = distribution_requirements(
        [_account("K", "401k", plan_employment="five_percent_owner")], 2026
    )
    assert found.required == (Decimal(100000) / Decimal("23.7")).quantize(Decimal("0.01"))


def test_an_unknown_employment_is_a_reason_from_the_first_year_on():
    (found,) = distribution_requirements([_account("K", "401k")], 2026)
    assert (found.required, found.remaining) == (None, None)
    assert found.reason == "whether the owner still works for the employer of K is not known"
    (young,) = distribution_requirements([_account("K", "401k", born=date(1960, 1, 1))], 2026)
    assert young.reason is None


def test_403bs_of_one_owner_are_one_requirement_apart_from_the_iras():
    """Reg. 1.403(b)-6(e)(7): what is taken from any counts; never an IRA's or a 401(k)'s."""
    left = {"plan_employment": "former_employer"}
    found = distribution_requirements(
        [
            _account("B1", "403b", distributed_this_year=Decimal(3000), **left),
            _account("B2", "403b", **left),
            # Still working there: no requirement of its own, even without a balance.
            _account(
                "B3",
                "403b",
                prior_year_end_balance=None,
                distributed_this_year=Decimal(500),
                plan_employment="current_employer",
            ),
            _account("B4", "roth_403b", **left),
            _account("A", distributed_this_year=Decimal(9999)),
            _account("K", "401k", **left),
        ],
        2026,
    )
    by_group = {row.group: row for row in found}
    assert sorted(by_group) == ["403b", "ira", "plan:K"]
    one = (Decimal(100000) / Decimal("23.7")).quantize(Decimal("0.01"))
    annuities = by_group["403b"]
    assert (annuities.required, annuities.distributed) == (2 * one, 3500)
    assert annuities.remaining == 2 * one - 3500


def test_too_young_owner_owes_nothing_for_no_reason():
    (found,) = distribution_requirements([_account("A", born=date(1960, 1, 1))], 2026)
    assert (found.required, found.remaining, found.due, found.reason) == (None, None, None, None)


def test_first_distribution_may_wait_until_april():
    assert minimum_distribution(date(1953, 11, 30), 2026, Decimal(530000)).due == date(2027, 4, 1)


def test_limits_of_2026():
    assert CONTRIBUTION_LIMITS[2026].ira == 7500
    assert CONTRIBUTION_LIMITS[2026].charitable_distribution == 111000
