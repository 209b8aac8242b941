"""Every text that is asked for exists, in every language, and unknown ones are refused."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from python_steps.planning.plan import EXCEPTION_CODES, REASON_CODES, PlanValue
from python_steps.reports import layout
from python_steps.reports.sheet_builder import LONGEST_SHEET_NAME, sheet_name
from python_steps.reports.texts import (
    ENGLISH,
    MissingTextError,
    in_words,
    texts_and_notice,
    texts_for,
)
from python_steps.reports.totals import URGENCY
from python_steps.reports.trade_sheets import SCHEDULE_LINES, VALUE_TERMS
from python_steps.reports.translation import LANGUAGES
from python_steps.wash_sales.tables import FINDING_RULES

MODULES = sorted((Path(__file__).parents[3] / "python_steps" / "reports").glob("*.py"))


def test_every_text_has_words():
    empty = {text_id for text_id, text in ENGLISH.items() if not text.strip()}
    assert empty == set()


def test_texts_named_in_the_modules_exist():
    named = set()
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "text"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                named.add(node.args[0].value)
    assert len(named) > 50
    assert named <= set(ENGLISH), named - set(ENGLISH)


@pytest.mark.parametrize("sheet", [*layout.HOUSEHOLD_SHEETS, *layout.BOOK_SHEETS])
def test_every_sheet_table_and_column_has_its_texts(sheet):
    assert ENGLISH[f"sheet.{sheet.sheet_id}.name"]
    for table in sheet.tables:
        for column in table.columns:
            assert f"column.{column.key}" in ENGLISH
        if len(sheet.tables) > 1:
            assert ENGLISH[f"table.{table.table_id}.heading"]


def test_sheet_names_are_what_excel_accepts_and_differ():
    for language in LANGUAGES:
        texts = texts_for(language)
        for sheets in (layout.HOUSEHOLD_SHEETS, layout.BOOK_SHEETS):
            names = [texts.text(f"sheet.{sheet.sheet_id}.name") for sheet in sheets]
            assert len({name.casefold() for name in names}) == len(names)
            for name in names:
                assert len(name) <= LONGEST_SHEET_NAME
                assert sheet_name(name) == name
                assert "'" not in name  # names stand in quotes in the charts' references


def test_a_sheet_name_is_made_acceptable():
    assert sheet_name("a/b:c" * 20) == ("a b c" * 20)[:31]
    assert sheet_name("[]") == "-"


def test_every_code_of_the_planner_has_a_name():
    texts = texts_for("en")
    for code in (*REASON_CODES, *EXCEPTION_CODES):
        assert texts.name("reason_code", code)
    for status in URGENCY:
        assert texts.name("plan_status", status)


def test_an_unknown_text_a_missing_place_and_an_unknown_language_are_refused():
    texts = texts_for("en")
    with pytest.raises(MissingTextError, match=r"no\.such\.text"):
        texts.text("no.such.text")
    with pytest.raises(MissingTextError, match="of_date"):
        texts.text("footer.as_of", as_of="2026-11-19")
    with pytest.raises(MissingTextError, match="xx"):
        texts_for("xx")


def test_a_wanted_language_without_texts_gives_the_firms_and_says_so():
    texts, notice = texts_and_notice("xx")
    assert texts.language == "en"
    assert notice is not None
    assert "xx" in notice
    assert texts_and_notice("en")[1] is None
    texts, notice = texts_and_notice("xx", default="zh-Hans")
    assert texts.language == "zh-Hans"
    assert notice == "所要求的报告语言（xx）尚未提供；本工作簿采用公司的语言。"


def test_no_wish_is_the_firms_language():
    assert texts_and_notice(None)[0].language == "en"
    assert texts_and_notice(None, default="zh-Hans")[0].language == "zh-Hans"
    assert texts_and_notice("en", default="zh-Hans")[0].language == "en"


def test_counts_take_the_right_form():
    texts = texts_for("en")
    assert texts.counted("book.households_counted", 1) == "1 household"
    assert texts.counted("book.households_counted", 1200) == "1,200 households"


def test_open_vocabularies_become_words():
    assert in_words("lot_sum_ties") == "Lot sum ties"
    assert in_words("") == ""


def test_no_text_stands_unused():
    source = "\n".join(module.read_text(encoding="utf-8") for module in MODULES)
    sheets = (*layout.HOUSEHOLD_SHEETS, *layout.BOOK_SHEETS)
    tables = {table.table_id: table for sheet in sheets for table in sheet.tables}
    columns = {column.key for table in tables.values() for column in table.columns}
    closed = ("plan_status", "household_state", "run_mode", "night_state", "action", "term")
    closed += ("tax_character", "order_type", "asset_class", "target_level", "account_type")
    closed += ("tax_treatment", "account_state", "severity", "coverage", "covered_status")
    closed += (
        "value_term",
        "schedule_line",
        "closed_by",
        "scope",
        "file_status",
        "reason_code",
        "band",
        "compliance",
        "language",
        "decision",
    )
    for text_id in ENGLISH:
        first, _, rest = text_id.partition(".")
        if first in closed:
            continue
        if first == "column":
            assert rest in columns, f"{text_id} is used nowhere"
        elif first == "table" and rest.endswith(".empty"):
            assert rest.removesuffix(".empty") in tables, f"{text_id} is used nowhere"
        elif first == "sheet":
            assert rest.split(".")[0] in {sheet.sheet_id for sheet in sheets}, text_id
        else:
            stem = re.sub(r"\.(one|other|missing|note)$|_of_group$|_planned$", "", text_id)
            named = stem in source.replace(f'"{text_id}":', "")
            assert named or rest.removesuffix(".heading") in tables, f"{text_id} is used nowhere"


@pytest.mark.parametrize("term", [field.name for field in fields(PlanValue)])
def test_every_term_of_a_plans_value_has_its_words_and_its_place(term):
    assert f"value_term.{term}" in ENGLISH
    assert term in VALUE_TERMS


def test_every_line_of_the_schedule_of_gains_has_its_words():
    lines = {text_id for text_id in ENGLISH if text_id.startswith("schedule_line.")}
    assert lines == {f"schedule_line.{line}" for line in SCHEDULE_LINES}


@pytest.mark.parametrize("rule", FINDING_RULES)
def test_every_finding_of_the_tax_ledger_has_its_words(rule):
    assert f"reason_code.{rule}" in ENGLISH


def test_a_class_that_only_the_firm_knows_is_shown_as_the_firm_wrote_it():
    for language in LANGUAGES:
        texts = texts_for(language)
        assert texts.asset_class("US Large Cap Equities") == "US Large Cap Equities"
        assert texts.asset_class("Cash") == texts.name("asset_class", "Cash")
