"""Column lineage: what a mart's columns are made of, derived once per version of the code."""

from __future__ import annotations

import pytest

from orchestration import column_lineage
from orchestration.column_lineage import derived_lineage, kept_lineage

COLUMNS = {
    ("intermediate", "lots"): ["lot_id", "quantity", "price"],
    ("intermediate", "rules"): ["lot_id", "rule"],
    ("marts", "facts"): ["lot_id", "market_value", "as_of_date"],
    ("marts", "findings"): ["rule", "lot_id", "note"],
}


def node(name: str, sql: str, raw: str = "") -> dict[str, str]:
    return {
        "unique_id": f"model.evenkeel.{name}",
        "resource_type": "model",
        "schema": "marts",
        "name": name,
        "raw_code": raw or sql,
        "compiled_code": sql,
    }


def manifest(*nodes: dict[str, str]) -> dict:
    return {"nodes": {one["unique_id"]: one for one in nodes}, "macros": {}}


FACTS = node(
    "facts",
    """
    with held as (select * from "warehouse"."intermediate"."lots"),
    valued as (select * exclude (price), quantity * price as market_value from held)
    select lot_id, market_value, date '2026-11-19' as as_of_date from valued
    """,
)
FINDINGS = node(
    "findings",
    """
    select rule, lot_id from "warehouse"."intermediate"."rules"
    union all by name
    select 'a constant' as note, lot_id, 'broken' as rule from "warehouse"."intermediate"."lots"
    """,
)
LOT, RULE = ("intermediate", "lots"), ("intermediate", "rules")


def test_columns_are_followed_through_stars_and_common_tables():
    found, problems = derived_lineage({"facts": FACTS}, COLUMNS)
    assert problems == {}
    assert found == {
        "facts": {
            "lot_id": [(*LOT, "lot_id")],
            "market_value": [(*LOT, "price"), (*LOT, "quantity")],
            "as_of_date": [],
        }
    }


def test_a_union_by_name_is_followed_by_name():
    found, problems = derived_lineage({"findings": FINDINGS}, COLUMNS)
    assert problems == {}
    assert found == {
        "findings": {
            "rule": [(*RULE, "rule")],
            "lot_id": [(*LOT, "lot_id"), (*RULE, "lot_id")],
            "note": [],
        }
    }


def test_sql_that_cannot_be_followed_is_told_and_hides_no_other_model(tmp_path):
    broken = node("findings", "select rule from (")
    lineage, told = kept_lineage(manifest(FACTS, broken), COLUMNS, tmp_path / "kept.json")
    assert list(lineage) == ["model.evenkeel.facts"]
    assert [sentence.split(":")[0] for sentence in told] == ["findings"]


def test_it_is_derived_once_per_version_of_the_code(tmp_path, monkeypatch):
    file = tmp_path / "kept.json"
    first = kept_lineage(manifest(FACTS), COLUMNS, file)

    def refuse(*arguments):
        raise AssertionError("derived a second time")

    with monkeypatch.context() as patched:
        patched.setattr(column_lineage, "derived_lineage", refuse)
        # Another night: the same model, compiled for another date.
        tomorrow = FACTS | {"compiled_code": FACTS["compiled_code"].replace("11-19", "11-20")}
        assert kept_lineage(manifest(tomorrow), COLUMNS, file) == first
        changed = manifest(FACTS | {"raw_code": "changed"})
        with pytest.raises(AssertionError, match="second time"):
            kept_lineage(changed, COLUMNS, file)
