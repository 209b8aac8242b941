"""Sample households by seed: the package's entrance.

Belongs here: the three kinds of households under given rules. Does not belong here: their making.
"""

from __future__ import annotations

from python_steps.planning.household import Household
from python_steps.sample_households.assembly import assemble
from python_steps.sample_households.rules import SampleRules
from python_steps.sample_households.stress import stress_draft
from python_steps.sample_households.typical import large_draft, typical_draft


def typical_household(seed: int, rules: SampleRules) -> Household:
    """An ordinary client: about four accounts, 44 holdings, 165 taxable lots, 73 buy options."""
    return assemble(typical_draft(seed), rules.rates, rules.policy)


def large_household(seed: int, rules: SampleRules) -> Household:
    """Twelve accounts, two of them direct indexing: about 490 holdings and 3,300 taxable lots."""
    return assemble(large_draft(seed), rules.rates, rules.policy)


def stress_household(seed: int, rules: SampleRules) -> tuple[Household, tuple[str, ...]]:
    """An absurd household, and the names of the twists that made it so."""
    draft, twists = stress_draft(seed)
    return assemble(draft, rules.rates, rules.policy), twists
