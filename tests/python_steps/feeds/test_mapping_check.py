"""What a person sees of a new mapping before its first night."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib.resources import files

import pytest

from data_contracts.contract import ContractError, canonical_entities, entity_columns
from python_steps.feeds.mapping_check import CONSEQUENCES, AbsentColumn, check_mapping
from tests.python_steps.feeds.mapped_files import contract_text, lot_record, lots_file, lots_text

LOT = "A1,VTI,10,03/13/2018,1234.50"
FILE = lots_file(file_names=r"^quarry_lots_(?P<date>\d{8})\.csv$", file_date_format="%Y%m%d")
CONTRACT = contract_text({"lots": FILE}, as_of_date_sources=["FILE_NAME"])
NAME = "quarry_lots_20261119.csv"


def test_a_good_file_is_shown_whole() -> None:
    text = lots_text(LOT, "A2,BND,2.5,03/14/2018,", names="Account,Symbol,Qty,Open Date,Cost")
    check = check_mapping(CONTRACT, "quarry.yaml", [(NAME, text.encode())])
    (file,) = check.files
    assert not check.is_blocked
    assert (file.recognised_feed, file.file_layout, file.status) == (
        "quarry_bank",
        "lots",
        "LOADED",
    )
    assert (file.stated_as_of_date, file.as_of_source) == (date(2026, 11, 19), "FILE_NAME")
    assert file.session_date == date(2026, 11, 19)
    assert (file.delivery_mode, file.accounts, file.rows) == ("FULL", 2, {"tax_lots": 2})
    assert file.lines == {"lot": 2}
    sources = {one.column: one.source for one in file.bound}
    assert sources["cost_basis"] == "Cost"
    first, second = file.first_rows
    assert (first.entity, first.row) == ("tax_lots", 2)
    values = {cell.column: cell.value for cell in first.cells}
    assert values["cost_basis"] == Decimal("1234.50")
    assert values["acquisition_date"] == date(2018, 3, 13)
    assert {cell.column: cell.value for cell in second.cells}["cost_basis"] is None


def test_absent_columns_come_with_what_follows() -> None:
    record = lot_record()
    del record["entities"]["tax_lots"]["columns"]["cost_basis"]
    contract = contract_text({"lots": {**FILE, "records": {"lot": record}}})
    check = check_mapping(contract, "quarry.yaml", [(NAME, lots_text(LOT).encode())])
    assert AbsentColumn("tax_lots", "cost_basis", CONSEQUENCES["tax_lots", "cost_basis"]) in (
        check.absent
    )
    assert AbsentColumn("positions", "", CONSEQUENCES["positions", ""]) in check.absent
    assert not any(one.column == "quantity" for one in check.absent)
    assert "not traded" in CONSEQUENCES["tax_lots", "cost_basis"]


def test_problems_of_every_kind_block() -> None:
    text = lots_text(LOT, "A1,BND,x,03/13/2018,1", "A1,GLD,,03/13/2018,1")
    check = check_mapping(CONTRACT, "quarry.yaml", [(NAME, text.encode())])
    assert check.is_blocked
    found = {(one.rule, one.source_row_number) for one in check.files[0].violations}
    assert ("field_readable", 3) in found
    assert ("quantity_is_present", 4) in found
    missing = check.files[0].first_rows[2].cells
    assert [cell.problem for cell in missing if cell.column == "quantity"] == ["is missing"]


def test_a_refused_file_still_shows_its_rows() -> None:
    text = lots_text(LOT)[:-1]
    check = check_mapping(CONTRACT, "quarry.yaml", [(NAME, text.encode())])
    (file,) = check.files
    assert (file.status, file.rows) == ("QUARANTINED", {"tax_lots": 1})
    assert file.first_rows


def test_unbound_columns_are_named() -> None:
    text = lots_text(f"{LOT},9", names="Account,Symbol,Qty,Open Date,Cost,Rep")
    check = check_mapping(CONTRACT, "quarry.yaml", [(NAME, text.encode())])
    assert check.files[0].unbound == ("Rep",)
    assert not check.is_blocked


@pytest.mark.parametrize(
    ("name", "observed"),
    [
        ("lots.txt", "no feed recognises it"),
        ("tax_lots.csv", "feed standard_feed claims it"),
    ],
)
def test_a_file_of_another_feed_is_blocked(name: str, observed: str) -> None:
    check = check_mapping(CONTRACT, "quarry.yaml", [(name, lots_text(LOT).encode())])
    (violation,) = check.files[0].violations
    assert (violation.rule, violation.observed) == ("file_recognised", observed)
    assert check.is_blocked


def test_another_session_than_the_file_states_is_blocked() -> None:
    check = check_mapping(
        CONTRACT, "q.yaml", [(NAME, lots_text(LOT).encode())], as_of_date=date(2026, 11, 18)
    )
    assert "as_of_date_is_session" in {one.rule for one in check.files[0].violations}
    assert check.is_blocked


def test_a_malformed_contract_and_no_file_are_told() -> None:
    with pytest.raises(ContractError, match=r"quarry\.yaml: owner: is missing"):
        check_mapping("title: x", "quarry.yaml", [(NAME, b"x")])
    with pytest.raises(ValueError, match="none is given"):
        check_mapping(CONTRACT, "quarry.yaml", [])


def test_every_consequence_is_of_a_canonical_column() -> None:
    for entity, column in CONSEQUENCES:
        assert entity in canonical_entities()
        assert not column or column in entity_columns(entity), (entity, column)


def test_a_contract_of_another_reader_can_be_checked_too() -> None:
    text = (files("data_contracts") / "feeds/standard_feed.yaml").read_text(encoding="utf-8")
    content = b"account_number,base_currency\nA1,USD\n#rows=1,as_of_date=2026-11-19\n"
    check = check_mapping(text, "standard_feed.yaml", [("accounts.csv", content)])
    assert not check.is_blocked
    assert check.files[0].rows == {"accounts": 1}
    assert (check.files[0].bound, check.absent) == ((), ())
