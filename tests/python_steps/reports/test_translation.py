"""Every text of a workbook is known in every language, and translated by its sense."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

import pytest
import yaml
from babel.messages.pofile import read_po

from data_contracts.contract import load_contracts
from python_steps.policy import FirmPolicy
from python_steps.reports import layout
from python_steps.reports.sentence_patterns import UnknownPlaceError, compiled, places_of
from python_steps.reports.texts import ENGLISH, NAMES_ONLY, in_words, texts_for
from python_steps.reports.translation import (
    LANGUAGES,
    MARKS,
    MIXED_COLUMNS,
    NAME_COLUMNS,
    SOURCE_LANGUAGE,
    Catalogue,
    Translator,
    catalogue,
)

ROOT = Path(__file__).parents[3]
LOCALES = ROOT / "python_steps" / "reports" / "locales"
TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
CHINESE = "zh-Hans"
WIDE = re.compile("[\u4e00-\u9fff]")

# Packages whose sentences are read in workbooks, and modules of them that write for others: closed
# lists and their meaning, what a checker found, answers to questions that are asked on the way.
SPEAKING = ("lot_selection", "planning", "wash_sales")
NOT_SPEAKING = {
    "planning/certificate_check.py",
    "planning/objective_check.py",
    "planning/plan.py",
    "planning/plan_check.py",
    "wash_sales/order_screen.py",
    "wash_sales/policy.py",
    "wash_sales/screen.py",
}
MODULES = [
    "optimizer/planner.py",
    *sorted(
        f"{package}/{module.name}"
        for package in SPEAKING
        for module in (ROOT / "python_steps" / package).glob("*.py")
        if f"{package}/{module.name}" not in NOT_SPEAKING
    ),
]
# What is said in the course of the work and reaches no cell.
NOT_SHOWN = {
    "only purchase",
    "create or replace view marts",
    "current as select * from marts",
    "positions|tax lots|cash balances",
}
# Values of the column Observed, which may be what a file holds.
OBSERVED = {
    "an unknown day",
    "changes of",
    "listed holdings as on",
    "no full file",
    "no scope",
    "no state",
    "no type",
    "none in the first source",
    "the last full file of",
    "the prices of all",
    "without an id",
    "without their day",
    "(none, in a file of changes)",
    "an account without a name",
}
WORDS = re.compile(r"[A-Za-z]{2,},? [a-z]{2,}")


@lru_cache
def messages(language: str) -> list[tuple[tuple[str, ...], str]]:
    """The English forms of each message, and what is said for them."""
    place = LOCALES / language.replace("-", "_") / "LC_MESSAGES" / "evenkeel.po"
    with place.open("rb") as stream:
        read = [message for message in read_po(stream) if message.id]
    return [
        (
            (message.id,) if isinstance(message.id, str) else tuple(message.id),
            message.string if isinstance(message.string, str) else message.string[0],
        )
        for message in read
    ]


def unknown_of(texts: Iterator[str] | list[str], language: str) -> list[str]:
    known = catalogue(language)
    return sorted({text for text in texts if known.translated(text) is None})


# ------------------------------------------------------------------ the catalogues themselves


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_message_keeps_the_places_of_its_english(language):
    for forms, said in messages(language):
        for form in forms:
            assert set(places_of(form)) == set(places_of(said)), form


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_message_stands_twice(language):
    forms = [form for forms, _ in messages(language) for form in forms]
    assert len(forms) == len(set(forms))


def test_chinese_is_chinese():
    """What has no wide letter is a name or an abbreviation that the field writes so."""
    same = {forms[0] for forms, said in messages(CHINESE) if not WIDE.search(said)}
    same = {form for form in same if re.search("[A-Za-z]{2}", re.sub(r"{\w+}", "", form))}
    kept = {"Evenkeel", "SHA-256", "TIPS", "Roth IRA", "SEP IRA", "SIMPLE IRA", "etf", "of"}
    kept |= {"Roth 401(k)", "Roth 403(b)", "Harbor trust", "Ofx"}
    assert {form for form in same - kept if not re.match("Ibkr|Pershing", form)} == set()


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Asset class", "资产类别"),
        ("Target %", "目标占比"),
        ("Current %", "当前占比"),
        ("Drift", "偏离度"),
        ("$ over / under", "超配/低配金额"),
        ("Rebalance", "再平衡"),
        ("Harvest a loss", "税损收割"),
        ("Wash sales", "洗售"),
        ("Short-term gain", "短期收益"),
        ("Long-term gain", "长期收益"),
        ("Cost basis", "成本基准"),
        ("Taxable", "应税账户"),
        ("Tax-deferred", "延税账户"),
        ("US Large Cap Equity", "美国大盘股"),
        ("US Small/Mid Cap", "美国中小盘股"),
        ("International Developed", "发达国际市场"),
        ("Emerging Markets", "新兴市场"),
        ("Investment Grade Bonds", "投资级债券"),
        ("High Yield / Credit", "高收益/信用债"),
        ("TIPS / Inflation Protected", "TIPS/通胀保护类"),
        ("Alternatives", "另类资产"),
        ("Cash", "现金"),
    ],
)
def test_the_terms_of_the_field_are_those_of_the_firm(english, chinese):
    assert catalogue(CHINESE).translated(english) == chinese


# ---------------------------------------------------------- every text that a workbook can show


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_workbooks_is_translated(language):
    forms = {form for forms, _ in messages(language) for form in forms}
    shown = {text for text_id, text in ENGLISH.items() if text_id not in NAMES_ONLY}
    assert {text for text in shown if re.search("[A-Za-z]{3}|n/a", text)} - forms == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_setting_of_the_firm_is_translated(language):
    settings = [setting for setting in fields(FirmPolicy) if setting.metadata]
    shown = [setting for setting in settings if not setting.name.startswith("alert_")]
    texts = [in_words(setting.name) for setting in shown]
    texts += [setting.metadata["description"] for setting in shown]
    assert unknown_of(texts, language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_rule_of_the_book_is_translated(language):
    with (ROOT / "dbt_project" / "seeds" / "seed_data_quality_rules.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    texts = [in_words(row["rule"]) for row in rows]
    texts += [row["expected"] for row in rows] + [in_words(row["who_must_act"]) for row in rows]
    texts += [row["reason"].replace("{observed}", "EUR") for row in rows]
    assert len(texts) > 400
    assert unknown_of(texts, language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_rule_of_the_contracts_is_translated(language):
    texts = []
    for name in ("common_rules.yaml", "mapped_feed_rules.yaml"):
        rules = yaml.safe_load((ROOT / "data_contracts" / name).read_text())
        texts += [in_words(rule) for rule in rules]
    for feed, contract in load_contracts().items():
        texts.append(in_words(feed))
        for name, rule in contract.rules.items():
            texts += [in_words(name), rule.expected, rule.action]
    assert len(texts) > 500
    assert unknown_of([text for text in texts if text], language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_check_of_a_plan_is_translated(language):
    models = ROOT / "dbt_project" / "models" / "plan" / "verification"
    source = (models / "int_verification__checks.sql").read_text(encoding="utf-8")
    listed = re.search(r"values(.*?)\n\),", source, re.DOTALL)
    assert listed is not None
    rules = re.findall(r"\(\s*'(\w+)',\s*((?:'(?:[^']|'')*'[\s|]*)+)\)", listed.group(1))
    assert len(rules) > 30
    texts = [in_words(name) for name, _ in rules]
    texts += ["".join(re.findall(r"'((?:[^']|'')*)'", words)) for _, words in rules]
    assert unknown_of([text.replace("''", "'") for text in texts], language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sub_class_is_translated(language):
    with (ROOT / "dbt_project" / "seeds" / "seed_security_asset_classes.csv").open() as stream:
        names = {row["sub_class"] for row in csv.DictReader(stream)}
    assert unknown_of(sorted(names), language) == []


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("module", MODULES)
def test_every_sentence_of_the_modules_stands_in_the_catalogue(language, module):
    source = (ROOT / "python_steps" / module).read_text(encoding="utf-8")
    assert unspoken(pieces_of_module(source), language) == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_of_the_models_stands_in_the_catalogue(language):
    models = sorted((ROOT / "dbt_project" / "models").rglob("*.sql"))
    assert len(models) > 150
    found = {
        (model.name, piece)
        for model in models
        for piece in unspoken(pieces_of_model(model.read_text(encoding="utf-8")), language)
    }
    assert found == set()


def unspoken(pieces: Iterator[str], language: str) -> set[str]:
    """Pieces of sentences of which the catalogue has no message."""
    spoken = "\n".join(form for forms, _ in messages(language) for form in forms).casefold()
    found = set()
    for piece in pieces:
        words = " ".join(piece.split()).strip(" .:;,$_%")
        is_known = words.casefold() in spoken or words in NOT_SHOWN | OBSERVED
        if WORDS.search(words) and not is_known:
            found.add(words)
    return found


def pieces_of_module(source: str) -> Iterator[str]:
    """What stands between the values in the texts of a module, but for comments and errors."""
    tree = ast.parse(source)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def is_shown(node: ast.AST) -> bool:
        while node in above:
            if isinstance(above[node], ast.Raise | ast.Expr) and isinstance(
                node, ast.Constant | ast.Call
            ):
                return False
            node = above[node]
        return True

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_shown(node):
            yield from re.split(r"\{\w*\}", node.value)


def pieces_of_model(source: str) -> Iterator[str]:
    """The texts of a model, but for comments and what builds its SQL."""
    without_comments = re.sub(r"--.*|\{#.*?#\}", "", source)
    for found in re.finditer(r"'((?:[^'\n]|'')*)'", without_comments):
        text = found.group(1).replace("''", "'")
        if "{" not in text and "=" not in text:
            yield from re.split(r"[$%]", text)


def test_a_sentence_that_nobody_translated_is_found():
    module = 'def words(x):\n    """Said."""\n    return f"{x} is a sentence of tomorrow."\n'
    assert unspoken(pieces_of_module(module), CHINESE) == {"is a sentence of tomorrow"}
    model = "select 'The lot is ' || name || ' made of cheese.' as message -- a remark of ours"
    assert unspoken(pieces_of_model(model), CHINESE) == {"made of cheese"}


# ------------------------------------------------------------------------ reading sentences


def said(english: str) -> str | None:
    return catalogue(CHINESE).translated(english)


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "Sell 139 shares of VTV ($25,498) in Traditional IRA: the weight of US Large Cap "
            "Equity is 49.8% against a target of 42.0% (band 37.0% to 47.0%); sold in this "
            "tax-deferred account, where no tax falls due.",
            "在 Traditional IRA 卖出 VTV 139 股（$25,498）：美国大盘股的占比为 49.8%，目标占比为 "
            "42.0%（区间 37.0% 至 47.0%）；在此延税账户卖出，不产生税款。",
        ),
        # One share and many; a class of the firm's own; a list of classes.
        (
            "Buy 1 share of VTI ($318) in Roth IRA: moves money out of Real Estate; paid from "
            "Emerging Markets, Alternatives and Real Estate sold in this tax-free account.",
            "在 Roth IRA 买入 VTI 1 股（$318）：将资金移出 Real Estate；"
            "以在此免税账户卖出新兴市场、另类资产和 Real Estate 所得支付。",
        ),
        # Sentences in a row, and dates in words.
        (
            "IXUS was bought on 2026-11-03 in Joint, fund (2). The transactions of Old 401(k) "
            "are not known.",
            "Joint, fund (2) 于2026年11月3日买入 IXUS。Old 401(k) 的交易不详。",
        ),
        # A sentence in brackets, semicolons inside it, and a second cause behind it.
        (
            "$9,553 of VTI is not sold: a loss would be a wash sale until 2027-01-20 (VTI is "
            "bought monthly in 401(k), last on 2026-11-16; next about 2026-12-16, as estimated "
            "from its history. No loss sale is clean while this goes on); it has no price today.",
            "VTI 中有 $9,553 未予卖出：",
        ),
        # Two sentences behind a colon are not the parts of a list.
        (
            "Sell 5 shares of VUG ($2,313) in Joint, old: raises the cash this account needs for "
            "its fee of $700 due 2026-11-30 and minimum cash of $5,000. Uses 2 lots acquired "
            "2026-05-26 to 2026-08-12: short-term loss of $162, saves about $53.83 of tax.",
            "在 Joint, old 卖出 VUG 5 股（$2,313）：筹措该账户所需现金，用于2026年11月30日到期的"
            "费用 $700 和最低现金 $5,000。使用2026年5月26日至2026年8月12日取得的 2 个税务批次："
            "短期亏损 $162，约节省税款 $53.83。",
        ),
        ("no tax effect at all", None),
        # The rest of a sentence must be known too.
        ("No tax effect: the moon is made of cheese.", None),
        # An "and" that belongs to a part of a list.
        (
            "In this plan $630 of less drift of Alternatives and $12.50 of spread and impact "
            "saved speak for it; $120 of turnover speaks against it.",
            "在本方案中，支持该交易的有：另类资产偏离减少 $630 和节省的价差和冲击 $12.50；"
            "不利于该交易的有：换手 $120。",
        ),
    ],
)
def test_sentences_are_translated_by_their_parts(english, chinese):
    known = said(english)
    if chinese is not None and chinese.endswith("："):
        assert known is not None
        assert known.startswith(chinese)
        assert "2027年1月20日之前的亏损将构成洗售（" in known
        assert known.endswith("）；它今日没有价格。")
    else:
        assert known == chinese


def test_texts_without_words_are_their_own_translation():
    for text in ("VTI", "$12,345", "HH-0007", "2026-11-19", "▲", "", "陈氏家族"):
        assert said(text) == text


def test_a_name_is_never_taken_for_a_sentence():
    assert said("AAPL in What is left of it is not sold: it has no price today.") is None


def test_an_unknown_sentence_stays_english_and_is_counted():
    translator = Translator(CHINESE)
    text = "No window is open. The moon is made of cheese. The moon is made of cheese."
    shown = translator.translated(text)
    assert shown.startswith("没有尚未结束的窗口期。")
    assert shown.endswith("The moon is made of cheese.")
    assert translator.unknown == {"The moon is made of cheese": 2}


def test_what_is_known_around_an_unknown_part_is_translated():
    translator = Translator(CHINESE)
    shown = translator.translated("No trades are proposed: The moon is made of cheese.")
    assert shown == "没有建议交易：The moon is made of cheese。"
    assert translator.unknown == {"The moon is made of cheese": 1}


def test_what_was_translated_once_is_not_translated_again():
    translator = Translator(CHINESE)
    once = translator.translated("The transactions of my old fund are not known.")
    assert once == "my old fund 的交易不详。"
    assert translator.translated(once) == once
    assert translator.unknown == {}


def test_names_stay_whatever_they_say():
    translator = Translator(CHINESE)
    assert translator.cell("household", "Cash") == "Cash"
    assert translator.cell("asset_class", "Cash") == "现金"
    assert translator.cell("asset_class", "Timber of the north") == "Timber of the north"
    assert translator.cell("rationale", "Timber of the north") == "Timber of the north"
    assert translator.unknown == {"Timber of the north": 1}


def test_english_is_as_it_was():
    translator = Translator("en")
    assert translator.translated("The moon is made of cheese.") == "The moon is made of cheese."
    assert translator.unknown == {}
    assert texts_for("en").text("subtitle.book", as_of_date="2026-11-19").endswith("2026-11-19")


def test_texts_of_a_language_are_translated_with_their_values():
    texts = texts_for(CHINESE)
    assert (
        texts.text("subtitle.book", as_of_date="2026-11-19") == "全部客户 · 截至2026年11月19日收盘"
    )
    assert texts.counted("book.households_counted", 1200) == "1,200 个家庭"
    status = texts.name("plan_status", "no_trade")
    assert texts.text("summary.trades.none", status=status) == "不进行任何交易：无需交易"
    assert texts.translator.unknown == {}
    assert texts.clauses(["甲", "乙"]) == "甲；乙"
    assert texts_for("en").clauses(["a", "b"]) == "a; b"


def test_columns_of_names_and_of_words_are_columns():
    sheets = (*layout.HOUSEHOLD_SHEETS, *layout.BOOK_SHEETS)
    keys = {column.key for sheet in sheets for table in sheet.tables for column in table.columns}
    assert not (NAME_COLUMNS | MIXED_COLUMNS) - keys
    assert not NAME_COLUMNS & MIXED_COLUMNS


def test_a_place_of_no_known_kind_is_refused():
    with pytest.raises(UnknownPlaceError, match="colour"):
        compiled("It is {colour}.", "{colour}")


def test_a_language_without_a_catalogue_is_refused():
    with pytest.raises(ValueError, match="'en'"):
        catalogue("en")
    with pytest.raises(ValueError, match="'xx'"):
        Translator("xx")


def test_the_most_exact_message_is_taken():
    made = Catalogue(
        "zh-Hans",
        [("{name} is sold", "甲{name}"), ("{name} in {name2} is sold", "乙{name2}{name}")],
        MARKS[CHINESE],
    )
    assert made.translated("VTI in IRA is sold") == "乙 IRAVTI"
    assert made.translated("VTI is sold") == "甲 VTI"
    assert made.translated("VTI is sold.") == "甲 VTI。"
