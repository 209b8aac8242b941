"""Numbers of a plan are the same to the last bit under every Python that runs it.

Belongs here: the rule that sums of floating numbers are exactly rounded (`math.fsum`): since Python
3.12 the built-in `sum` rounds otherwise than before. Does not belong here: what is summed.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from python_steps.optimizer import search

FOLDER = Path(search.__file__).parent


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_optimiser_sums_floats_exactly_and_says_what_else_it_sums(path: Path) -> None:
    """A built-in sum names its start, which no float sum does."""
    calls = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sum"
        and len(node.args) == 1
    ]
    assert calls == [], "use math.fsum for floats, and sum(..., Decimal(0)) for amounts"
