"""A layout that cannot be read by is refused when contracts load, by file, field and remedy."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_contracts.contract import ContractError, load_contracts, parse_canonical
from data_contracts.layout import layout_of
from tests.python_steps.feeds.mapped_files import contract_text, lot_record, lots_file, mapped

FIXED = {
    "file_names": "^daily",
    "format": "fixed_width",
    "record_length": 40,
    "record_type": {"start": 1, "end": 1},
    "date_formats": ["%Y%m%d"],
    "records": {
        "header": {
            "role": "header",
            "type": "H",
            "fields": {"day": {"start": 2, "end": 9, "type": "date"}},
            "as_of_date": "day",
        },
        "cash": {
            "type": "C",
            "fields": {
                "account": {"start": 2, "end": 7},
                "amount": {"start": 8, "end": 17, "type": "number", "decimals": 2},
                "side": {"start": 18, "end": 18},
            },
            "entities": {
                "cash_balances": {
                    "columns": {
                        "account_number": "account",
                        "currency": {"constant": "USD"},
                        "trade_date_balance": "amount",
                    }
                }
            },
        },
        "more": {
            "role": "continuation",
            "type": "D",
            "continues": "cash",
            "match": {"account_again": "account"},
            "fields": {"account_again": {"start": 2, "end": 7}},
        },
        "trailer": {
            "role": "trailer",
            "type": "T",
            "fields": {"lines": {"start": 2, "end": 7, "type": "number"}},
            "record_count": {"field": "lines"},
        },
    },
}
LOTS = lots_file()
COLUMNS = "records.lot.entities.tax_lots.columns"
CASH = "records.cash.entities.cash_balances.columns"


def changed(file: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a kind of file with one place changed; ... takes the place out."""
    copied = copy.deepcopy(file)
    *parents, last = path.split(".")
    place = copied
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copied


@pytest.mark.parametrize("file", [LOTS, FIXED], ids=["delimited", "fixed_width"])
def test_the_layouts_that_are_made_wrong_below_are_right(file: dict[str, Any]) -> None:
    assert layout_of(mapped({"one": file})).files["one"].format == file["format"]


@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        (LOTS, "format", "csv", "format: 'csv' is not one of delimited, fixed_width"),
        (LOTS, "file_names", "^lots(", "file_names: is not a regular expression"),
        (LOTS, "file_names", ..., "file_names: give file_names, first_line, or both"),
        (LOTS, "separator", "||", "separator: '||' is not one character"),
        (LOTS, "separator", "a", "separator: 'a' is not one character"),
        (LOTS, "quote", ",", "quote: ',' is not one character"),
        (LOTS, "encoding", "ebcdic", "encoding: 'ebcdic' is not one of utf-8, utf-16"),
        (LOTS, "decimal_mark", ";", "decimal_mark: ';' with thousands_mark ''"),
        (LOTS, "delivery_mode", "HALF", "delivery_mode: 'HALF' is not one of FULL, DELTA"),
        (LOTS, "file_date_format", "%Y%m%d", "file_date_format: is given where file_names has"),
        (LOTS, "file_names", r"^lots(?P<date>\d+)", "file_date_format: is given where file_names"),
        (LOTS, "date_formats", ..., "fields.acquired.formats: is missing: a date needs"),
        (LOTS, "date_formats", ["%m/%d"], "formats: '%m/%d' does not say year, month and day"),
        (LOTS, "date_formats", ["YYYY"], "formats: 'YYYY' does not say year, month and day"),
        (LOTS, "colour", "red", "colour: is not a field of a contract"),
        (LOTS, "records", {}, "records: at least one record of role rows is needed"),
        (LOTS, "records.lot.role", "detail", "role: 'detail' is not one of rows, header"),
        (LOTS, "records.lot.type", "L", "record_type: is missing; record lot is told by its type"),
        (LOTS, "record_type", {"cell": 1}, "record_type: is given, but no record has a type"),
        (LOTS, "record_type", {"start": 1, "end": 2}, "record_type: needs the number of its cell"),
        (LOTS, "records.other", lot_record(), "records.other: has no type or starts_with, as lot"),
        (LOTS, "records.note", {"role": "ignored", "starts_with": "#"}, "note.reason: is missing"),
        (LOTS, "records.lot.cells", -1, "cells: must not be negative, but is -1"),
        (LOTS, "records.lot.fields.cost.start", 4, "start: start, end and sign_at are of fixed"),
        (LOTS, "records.lot.fields.cost.names", ..., "names: is missing: under which names"),
        (LOTS, "records.lot.fields.cost.type", "money", "type: 'money' is not one of text, number"),
        (LOTS, "line_of_names", False, "records.lot.cells: is missing: how many cells"),
        (LOTS, f"{COLUMNS}.cost_basis", "price", "field: 'price' is not a field of the record"),
        (LOTS, f"{COLUMNS}.cost_basis", "symbol", "field 'symbol' is of type text; this column of"),
        (LOTS, f"{COLUMNS}.acquisition_date", "cost", "this column of type date needs date"),
        (LOTS, f"{COLUMNS}.yield", "cost", "tax_lots.columns.yield: is not a column of tax_lots"),
        (LOTS, f"{COLUMNS}.account_number", ..., "columns: account_number is missing; no row is"),
        (LOTS, f"{COLUMNS}.ticker", ..., "columns: at least one of custodian_security_id, cusip"),
        (LOTS, f"{COLUMNS}.term", {"constant": "MEDIUM"}, "constant: 'MEDIUM' is not one of SHORT"),
        (LOTS, f"{COLUMNS}.term", {"field": "code", "map": {"S": "Short"}}, "map: 'Short' is not"),
        (
            LOTS,
            f"{COLUMNS}.term",
            {"field": "code", "map": "terms"},
            "not one of the contract's map",
        ),
        (
            LOTS,
            f"{COLUMNS}.term",
            {"field": "code", "map": {1: "SHORT"}},
            "the name 1 must be text",
        ),
        (
            LOTS,
            f"{COLUMNS}.term",
            {"field": "code", "otherwise": "SHORT"},
            "otherwise: is for what",
        ),
        (
            LOTS,
            f"{COLUMNS}.term",
            {"field": "code", "constant": "LONG"},
            "needs exactly one of field",
        ),
        (
            LOTS,
            f"{COLUMNS}.term",
            {"constant": "LONG", "map": {"L": "LONG"}},
            "map: maps a field or",
        ),
        (LOTS, f"{COLUMNS}.currency", {"constant": "usd"}, "'usd' is not of the form ^[A-Z]{3}$"),
        (LOTS, f"{COLUMNS}.unit_cost", {"constant": "1,5"}, "constant: '1,5' is no number"),
        (LOTS, f"{COLUMNS}.wash_sale_flag", {"constant": "no"}, "'no' is not one of true, false"),
        (LOTS, f"{COLUMNS}.term", {"as_of_date": True}, "as_of_date: is a date; this column is of"),
        (LOTS, f"{COLUMNS}.term", {"as_of_date": False}, "as_of_date: can only be true"),
        (LOTS, f"{COLUMNS}.ticker", {"join": ["symbol", "cost"]}, "field 'cost' is of type number"),
        (
            LOTS,
            f"{COLUMNS}.ticker",
            {"field": "symbol", "sign": {"field": "code", "minus": ["S"], "plus": ["B"]}},
            "sign: sign and negate_when are for a number",
        ),
        (
            LOTS,
            f"{COLUMNS}.quantity",
            {"field": "quantity", "sign": {"field": "code", "minus": ["S"], "plus": ["S"]}},
            "sign.plus: 'S' is among minus too",
        ),
        (
            LOTS,
            f"{COLUMNS}.quantity",
            {"field": "quantity", "negate_when": {"field": "code"}},
            "negate_when: needs field and exactly one of in, not_in",
        ),
        (
            LOTS,
            f"{COLUMNS}.quantity",
            {"field": "quantity", "negate_when": {"field": "side", "in": ["S"]}},
            "negate_when: 'side' is not a field",
        ),
        (
            LOTS,
            "records.lot.entities.tax_lots.when",
            [{"field": "cost", "in": ["1"]}],
            "when: field 'cost' is of type number, needed is text",
        ),
        (LOTS, "records.lot.entities.dividends", {"columns": {}}, "dividends: is not an entity of"),
        (
            LOTS,
            "records.lot.entities",
            {},
            "entities: is empty; a record that fills nothing is of role ignored",
        ),
        (
            LOTS,
            "records.lot.as_of_date",
            "symbol",
            "field 'symbol' is of type text, needed is date",
        ),
        (FIXED, "separator", ",", "separator: is not a field of a contract"),
        (FIXED, "records.cash.fields.amount.end", 7, "end: columns 8 to 7 are no range"),
        (FIXED, "records.cash.fields.amount.end", 41, "end: 41 is beyond the record_length 40"),
        (FIXED, "records.cash.fields.amount.sign_at", 10, "sign_at: 10 is inside the number"),
        (FIXED, "records.cash.fields.amount.end", ..., "start: start and end are missing"),
        (
            FIXED,
            "records.cash.fields.amount.names",
            ["A"],
            "names: names and cell are of delimited",
        ),
        (FIXED, "records.cash.cells", 4, "cells: only delimited records have cells"),
        (FIXED, "records.more.type", "C", "more.type: 'C' tells cash already"),
        (FIXED, "records.more.starts_with", "D", "more: is told by type or by starts_with"),
        (FIXED, "records.more.continues", "lot", "continues: 'lot' is no record of rows: cash"),
        (FIXED, "records.more.match", {}, "match: is empty"),
        (FIXED, "records.more.match", {"x": "account"}, "match: 'x' is not a field of the cont"),
        (FIXED, "records.more.match", {"account_again": "x"}, "match: 'x' is not a field of cash"),
        (
            FIXED,
            "records.more.fields.side",
            {"start": 9, "end": 9},
            "fields.side: is a field of a c",
        ),
        (FIXED, "records.more.entities", {}, "entities: is not a field of a contract"),
        (FIXED, "records.trailer.type", "H", "trailer.type: 'H' tells header already"),
        (FIXED, "records.trailer.role", "header", "trailer: is a second header, after header"),
        (FIXED, "records.trailer.record_count.field", "day", "'day' is not a field of the record"),
        (FIXED, "records.trailer.record_count.counts", "some", "'some' is not one of detail_lines"),
        (FIXED, "records.trailer.record_count.counts", ["lot"], "counts: 'lot' is not a record"),
        (
            FIXED,
            "records.trailer.control_amounts",
            [{"field": "lines", "record": "cash", "sum_of": "side"}],
            "sum_of: field 'side' is of type text",
        ),
        (
            FIXED,
            "records.trailer.control_amounts",
            [{"field": "lines", "record": "more", "sum_of": "side"}],
            "'more' is no record of rows: cash",
        ),
        (
            FIXED,
            "records.header.delivery_mode",
            {"field": "day", "values": {"F": "ALL"}},
            "'ALL' is not one of FULL, DELTA",
        ),
        (
            FIXED,
            "records.header.fields.day.type",
            "text",
            "field 'day' is of type text, needed is date",
        ),
        (
            FIXED,
            f"{CASH}.trade_date_balance",
            {
                "field": "amount",
                "sign": {"field": "side", "minus": ["D"], "plus": ["C"]},
                "negate_when": {"field": "side", "in": ["D"]},
            },
            "given beside negate_when",
        ),
    ],
)
def test_a_wrong_layout_is_refused_by_file_and_field(
    file: dict[str, Any], path: str, value: Any, message: str
) -> None:
    with pytest.raises(ContractError) as error:
        mapped({"one": changed(file, path, value)})
    assert str(error.value).startswith("quarry.yaml: ")
    assert message in str(error.value)


def test_a_place_is_named_from_the_root_of_the_contract() -> None:
    with pytest.raises(ContractError) as error:
        mapped({"one": changed(LOTS, "records.lot.fields.cost.type", "money")})
    assert str(error.value) == (
        "quarry.yaml: layout.files.one.records.lot.fields.cost.type: "
        "'money' is not one of text, number, date"
    )


def test_a_file_whose_date_stands_nowhere_is_refused() -> None:
    with pytest.raises(ContractError, match="no as-of date: the contract's as_of_date_sources"):
        mapped({"one": LOTS}, as_of_date_sources=["HEADER", "FILE_NAME"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layout": {"fields": []}}, "layout.fields: is not a field of a contract"),
        ({"entities": {"tax_lots": {"grain": "lots", "columns": [{"name": "size"}]}}}, "account"),
        ({"rules": {"value_mapped": {"severity": "grave"}}}, "rules.value_mapped.severity"),
    ],
)
def test_other_parts_of_a_mapped_contract_are_checked(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        mapped({"one": LOTS}, **changes)


def test_a_mapped_contract_without_a_layout_is_refused() -> None:
    without = yaml.safe_load(contract_text({"one": LOTS}))
    del without["layout"]
    without["entities"] = {"tax_lots": {"grain": "lots", "columns": [{"name": "quantity"}]}}
    without["file_name_patterns"] = ["^lots"]
    with pytest.raises(ContractError, match="layout: is missing; reader mapped_feed needs it"):
        parse_canonical(yaml.safe_dump(without), file_name="quarry.yaml")


def test_what_a_mapped_contract_leaves_out_is_as_in_the_standard_feed() -> None:
    contract, standard = mapped({"one": LOTS}), load_contracts()["standard_feed"]
    assert contract.entities == {"tax_lots": standard.entities["tax_lots"]}
    assert contract.type_patterns == standard.type_patterns
    assert contract.file_name_patterns == (LOTS["file_names"],)
    assert {"value_mapped", "record_type_known", "control_amount"} <= set(contract.rules)


def test_a_mapped_contract_may_state_an_entity_and_a_rule_itself() -> None:
    own = {
        "grain": "one row per lot",
        "severity": "warn",
        "columns": [
            {"name": name} for name in ("account_number", "ticker", "quantity")
        ] + [{"name": "acquisition_date", "type": "date"}, {"name": "cost_basis"}],
    }  # fmt: skip
    file = changed(LOTS, "records.lot.fields.quantity.type", "text")
    file = changed(file, "records.lot.fields.cost.type", "text")
    rule = {"severity": "warn", "scope": "lot", "expected": "a word", "action": "Look it up."}
    contract = mapped({"one": file}, entities={"tax_lots": own}, rules={"value_mapped": rule})
    assert contract.entity("tax_lots").severity == "warn"
    assert contract.rules["value_mapped"].severity == "warn"


def test_a_broken_contract_of_the_firms_folder_stops_the_load_by_name(tmp_path: Path) -> None:
    broken = contract_text({"one": changed(LOTS, "format", "csv")})
    (tmp_path / "quarry.yaml").write_text(broken, encoding="utf-8")
    code = "from data_contracts.contract import load_contracts; load_contracts()"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PATH": "",
            "EVENKEEL_CONTRACTS": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "ContractError: quarry.yaml: layout.files.one.format: 'csv'" in found.stderr
