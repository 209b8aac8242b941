"""The contracts load, say what they must, and a malformed one is refused by file and field."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from data_contracts.contract import (
    ContractError,
    canonical_entities,
    entity_columns,
    load_contracts,
    parse_contract,
)

COMMON = """
ragged_row: {severity: block, scope: feed, expected: whole rows, action: Ask for it again.}
"""
SMALL = """
feed: small_feed
title: Small
owner: operations
custodians: ["*"]
parser_version: "1"
delivery_mode: FULL
file_name_patterns: ['^small\\.csv$']
content_sign: '(?!)'
as_of_date_sources: [LANDING_FOLDER]
null_words: [""]
date_formats: ["%Y-%m-%d"]
type_patterns: {decimal: '^[0-9]+$'}
control_totals: {row_count: trailer}
rules:
  own_rule:
    {severity: warn, scope: lot, expected: x, action: y, tolerance: "0.01",
    tolerance_reason: cents, tolerance_date: 2026-01-31}
entities:
  positions:
    grain: one row per position
    key: [account_number]
    columns:
      - {name: account_number, required: true}
      - {name: quantity, type: decimal}
"""


def small(text: str = SMALL):
    return parse_contract(text, file_name="small.yaml", common_rules=COMMON)


def test_every_feed_of_the_package_loads():
    """Each YAML of the package is one feed, under its own name."""
    folder = Path(__file__).parents[2] / "data_contracts" / "feeds"
    assert set(load_contracts()) == {path.stem for path in folder.glob("*.yaml")}
    assert {"standard_feed", "policy_files", "ibkr_flex"} <= set(load_contracts())


def test_canonical_columns_in_order():
    assert entity_columns("account_owners") == ["account_number", "person_id", "owner_role"]
    assert entity_columns("tax_lots") == [
        "account_number", "custodian_security_id", "cusip", "isin", "ticker", "source_lot_id",
        "quantity", "acquisition_date", "acquisition_time", "holding_period_start_date", "term",
        "cost_basis", "cost_basis_unadjusted", "unit_cost", "wash_sale_adjustment",
        "wash_sale_flag", "covered_status", "acquisition_type", "basis_method", "currency",
        "sub_account_type", "original_quantity", "amortization_adjustment",
        "return_of_capital_adjustment", "source_transaction_id", "unrealized_gain_loss",
    ]  # fmt: skip
    assert entity_columns("restrictions")[-2:] == ["valid_from", "valid_to"]
    assert len(canonical_entities()) == 29


def test_unknown_entity_is_named():
    with pytest.raises(KeyError, match="no canonical entity dividends"):
        entity_columns("dividends")


def test_policy_entities_are_effective_dated():
    policy = load_contracts()["policy_files"]
    for entity in policy.entities.values():
        assert entity.column_names[-2:] == ("valid_from", "valid_to"), entity.name
        assert "valid_from" in entity.key


@pytest.mark.parametrize("feed", sorted(load_contracts()))
def test_each_rule_tells_a_person_what_to_do(feed):
    for rule in load_contracts()[feed].rules.values():
        assert rule.action.endswith("."), rule.name
        assert rule.expected, rule.name
        assert rule.who_must_act, rule.name
        if rule.tolerance is not None:
            assert rule.tolerance_reason, rule.name
            assert rule.tolerance_date, rule.name


def test_rules_used_by_readers_exist():
    """A rule that a reader names and a contract lacks would raise while a bad file is read."""
    readers = {
        "ibkr_flex": [
            "ibkr_flex",
            "flex_accounts",
            "flex_landing",
            "flex_positions",
            "flex_transactions",
            "flex_document",
            "flex_csv",
            "decoding",
        ],
        "ibkr_activity_csv": [
            "ibkr_activity_csv",
            "activity_positions",
            "activity_rows",
            "activity_transactions",
            "headers",
            "decoding",
            "keys",
        ],
        "standard_feed": ["standard_feed", "reading", "headers", "decoding", "keys"],
        "policy_files": ["standard_feed", "reading", "headers", "decoding", "keys"],
    }
    skipped = {"dates_not_after_session"}  # only entities that name a newest date column
    folder = files("python_steps.feeds")
    named = re.compile(r'(?:violation|broken|FlexDocumentError)\(\s*"(\w+)"')
    for feed, modules in readers.items():
        rules = load_contracts()[feed].rules
        for module in modules:
            used = set(named.findall((folder / f"{module}.py").read_text())) - skipped
            assert used <= set(rules), (feed, module, used - set(rules))
    dated = [
        contract.feed
        for contract in load_contracts().values()
        if any(entity.newest_date_column for entity in contract.entities.values())
    ]
    assert all("dates_not_after_session" in load_contracts()[feed].rules for feed in dated)


def test_contracts_load_from_any_folder(tmp_path):
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from data_contracts.contract import *; print(len(load_contracts()))",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(found.stdout) == len(load_contracts())


def test_small_contract_is_read():
    contract = small()
    assert contract.entity("positions").column("account_number").is_required
    assert contract.rules["ragged_row"].who_must_act == "operations"
    assert str(contract.tolerance("own_rule")) == "0.01"
    with pytest.raises(KeyError, match="no tolerance"):
        contract.tolerance("ragged_row")
    with pytest.raises(KeyError, match="no entity prices"):
        contract.entity("prices")
    with pytest.raises(KeyError, match="no column price"):
        contract.entity("positions").column("price")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("feed: small_feed\n", "", "feed: is missing"),
        ("owner: operations", "owner: 7", "owner: must be text"),
        ("delivery_mode: FULL", "delivery_mode: ALL", "delivery_mode: 'ALL' is not one of"),
        ("[LANDING_FOLDER]", "[GUESS]", "as_of_date_sources: 'GUESS' is not one of"),
        ("'^[0-9]+$'", "'^[0-9+$'", "type_patterns.decimal: is not a regular expression"),
        ("severity: warn", "severity: loud", "rules.own_rule.severity: 'loud' is not one of"),
        ('"0.01"', '"a cent"', "rules.own_rule.tolerance: must be a number"),
        ("tolerance_reason: cents, ", "", "rules.own_rule.tolerance_reason: is missing"),
        ("2026-01-31", "lately", "rules.own_rule.tolerance_date: must be a date"),
        ("type: decimal", "type: money", "entities.positions.columns[1].type: 'money' is not"),
        ("required: true", "required: sure", "columns[0].required: must be true or false"),
        ("name: quantity", "name: account_number", "columns: a column is named twice"),
        ("key: [account_number]", "key: [lot]", "'lot' is used as key or date but is not"),
        ("title: Small", "title: Small\nsurplus: 1", "surplus: is not a field of a contract"),
        ("grain: one row per position\n", "grain: x\n    colour: red\n", "colour: is not a field"),
        ('custodians: ["*"]', 'custodians: "*"', "custodians: must be a list"),
        ("entities:\n", "entities: []\nother:\n", "entities: must be a mapping"),
        ("feed: small_feed", "feed: [", "not readable as YAML"),
    ],
)
def test_a_malformed_contract_is_refused_by_file_and_field(old, new, field):
    assert old in SMALL
    with pytest.raises(ContractError) as refusal:
        small(SMALL.replace(old, new, 1))
    assert str(refusal.value).startswith("small.yaml: ")
    assert field in str(refusal.value)


def test_a_violation_says_place_finding_and_what_to_do():
    found = small().violation("own_rule", file_name="a.csv", row=7, observed="2", lot_key="L1")
    assert found.message == "a.csv, row 7: rule own_rule: found 2; expected x. y"
    assert (found.severity, found.scope, found.lot_key) == ("warn", "lot", "L1")
    assert (
        small()
        .violation("ragged_row", file_name="a.csv", observed="2")
        .message.startswith("a.csv: rule ragged_row")
    )


def test_custodians_of_a_feed():
    contracts = load_contracts()
    assert contracts["standard_feed"].accepts_custodian("ALPINE")
    assert not contracts["standard_feed"].accepts_custodian("POLICY")
    assert contracts["policy_files"].accepts_custodian("POLICY")
    assert not contracts["ibkr_flex"].accepts_custodian("SCHWAB")
