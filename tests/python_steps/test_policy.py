"""The firm's policy file: defaults, ranges, refusals."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from python_steps.policy import (
    FirmPolicy,
    PolicyError,
    allowed_words,
    documented_settings,
    firm_policy_from_mapping,
    firm_settings,
    household_settings,
)
from python_steps.wash_sales.policy import WashSalePolicy

README = Path(__file__).parents[2] / "README.md"


def test_documented_file_is_all_defaults():
    text = documented_settings()
    assert yaml.safe_load(text) is None
    for setting in firm_settings():
        assert f"# {setting.name}: " in text


def test_every_default_is_inside_its_own_range():
    text = documented_settings().replace("\n# ", "\n")
    lines = [line for line in text.splitlines() if line.split(":")[0] in FirmPolicy.__annotations__]
    given = yaml.safe_load("\n".join(lines))
    assert firm_policy_from_mapping(given, source="firm_policy.yaml") == FirmPolicy()


def test_values_keep_their_exact_decimals():
    policy = firm_policy_from_mapping({"default_absolute_band": 0.03}, source="f")
    assert policy.default_absolute_band == Decimal("0.03")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"default_absolut_band": 0.03}, "unknown setting 'default_absolut_band'"),
        ({"default_absolute_band": 3}, "default_absolute_band = 3: must be between 0 and 1"),
        ({"default_band_rule": "widest"}, "must be one of tighter, looser"),
        ({"flow_horizon_sessions": 2.5}, "must be a whole number"),
        ({"minimum_trade_amount": "much"}, "must be a number"),
        ({"minimum_trade_amount": "NaN"}, "must be a number"),
        ({"long_term_gains_allowed": "yes"}, "must be true or false"),
        ({"wash_sale_window_days": 10}, "must be between 30 and 30"),
    ],
)
def test_bad_value_is_refused_by_name_with_what_is_allowed(given, words):
    with pytest.raises(PolicyError, match=r"^firm_policy\.yaml: ") as refused:
        firm_policy_from_mapping(given, source="firm_policy.yaml")
    assert words in str(refused.value)


def test_dbt_gets_numbers_as_text_and_no_alert_address():
    variables = FirmPolicy().dbt_vars()
    assert variables["default_relative_band"] == "0.20"
    assert not any(name.startswith("alert_") for name in variables)


def test_every_contested_wash_sale_point_is_a_setting_with_the_engines_default():
    assert WashSalePolicy(**FirmPolicy().wash_sale_settings()) == WashSalePolicy()
    names = {setting.name for setting in fields(WashSalePolicy)}
    assert set(FirmPolicy().wash_sale_settings()) == names


def test_the_settings_that_a_file_states_are_told_apart_from_defaults():
    given = {"trade_to": "target", "location_years": 2}
    policy = firm_policy_from_mapping(given, source="f")
    assert policy.stated == ("location_years", "trade_to")
    assert policy.dbt_vars()["settings_stated_by_firm"] == "location_years,trade_to"
    assert policy == FirmPolicy(location_years=Decimal(2))
    assert FirmPolicy().dbt_vars()["settings_stated_by_firm"] == ""
    with pytest.raises(PolicyError, match="unknown setting 'stated'"):
        firm_policy_from_mapping({"stated": "trade_to"}, source="f")


def test_where_a_rebalance_stops_is_a_share_of_the_half_width():
    assert FirmPolicy(trade_to="target", inner_share=Decimal("0.3")).stopping_share == 0
    assert FirmPolicy(trade_to="inner", inner_share=Decimal("0.3")).stopping_share == Decimal("0.3")
    assert FirmPolicy(trade_to="edge").stopping_share == 1


def test_every_table_of_the_readme_begins_with_its_header():
    """Rows that stand alone after a paragraph are no table: they are shown as bars and text."""
    lines = README.read_text(encoding="utf-8").splitlines()
    starts = [
        number
        for number, line in enumerate(lines)
        if line.startswith("|") and not lines[number - 1].startswith("|")
    ]
    assert starts
    assert [lines[n] for n in starts if not lines[n + 1].startswith("|---")] == []


def test_the_readme_documents_every_setting_of_a_household():
    """Unit, what is allowed and the default, as the code has them."""
    rows = {}
    for line in README.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            rows[cells[0].strip("`")] = cells[1:4]
    for setting in household_settings():
        unit, allowed, default = rows[setting.name]
        assert unit == setting.metadata["unit"]
        assert allowed == allowed_words(setting).removeprefix("one of ")
        assert default == str(setting.default).lower()
