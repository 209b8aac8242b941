"""The analysts' questions of `dbt_project/analyses`, made ready for the published snapshot.

Belongs here: which analyses there are, what each asks, its SQL as the snapshot takes it. Does not
belong here: the SQL itself, running it (`questions.Snapshot`).
"""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from orchestration.questions import QuestionError

_MACRO_FILES = ("arithmetic.sql",)


class Analysis(NamedTuple):
    """One question: the name of its file, its words, and its SQL for the published snapshot."""

    name: str
    question: str
    query: str


def analyses_of(dbt_project: Path) -> list[Analysis]:
    """All analyses of a dbt project, by name."""
    return [_read(dbt_project, path) for path in sorted((dbt_project / "analyses").glob("*.sql"))]


def analysis_named(dbt_project: Path, name: str) -> Analysis:
    """One analysis.

    Raises:
        QuestionError: there is none of that name; the names are told.
    """
    known = {analysis.name: analysis for analysis in analyses_of(dbt_project)}
    wanted = name.strip().lower().replace("-", "_")
    if wanted not in known:
        raise QuestionError(f"there is no analysis {name!r}; there are {', '.join(known)}")
    return known[wanted]


def _read(dbt_project: Path, path: Path) -> Analysis:
    from jinja2 import Environment, StrictUndefined

    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    asked = list(takewhile(lambda line: line.startswith("--"), lines))
    if not asked:
        raise QuestionError(f"the analysis {path.name} does not begin with its question")
    macros = "".join(
        (dbt_project / "macros" / name).read_text(encoding="utf-8") for name in _MACRO_FILES
    )
    # As dbt does it, but for the snapshot: all that an analysis may read stands in schema marts.
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - SQL
    query = environment.from_string(macros + text).render(ref=lambda model: f"marts.{model}")
    question = " ".join(line.removeprefix("--").strip() for line in asked)
    return Analysis(path.stem, question, query.strip() + "\n")
