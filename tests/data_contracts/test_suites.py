"""Great Expectations suites from the contracts: good and bad data, broken checks, many files."""

import pyarrow as pa
import pytest

from data_contracts import suites
from data_contracts.contract import entity_columns, load_contracts
from data_contracts.suites import PlannedExpectation, check_table, planned_expectations

STANDARD = load_contracts()["standard_feed"]

GOOD = {
    "account_number": "A1",
    "ticker": "VTI",
    "long_short": "LONG",
    "quantity": "10.5",
    "price": "250.00",
    "price_date": "2026-11-19",
    "market_value": "2625.00",
    "currency": "USD",
}


def table(entity: str, rows: list[dict[str, str]], **common: str) -> pa.Table:
    names = [name for name in entity_columns(entity) if any(name in row for row in rows)]
    columns = {name: [row.get(name, "") for row in rows] for name in names}
    absent = [name for name in entity_columns(entity) if name not in names]
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            **{name: pa.nulls(len(rows), pa.string()) for name in absent},
            **{name: pa.array([value] * len(rows)) for name, value in common.items()},
            "source_row_number": pa.array(range(2, 2 + len(rows)), pa.int64()),
        }
    )


def rules(result) -> list[tuple[str, int | None]]:
    return [(found.rule, found.source_row_number) for found in result.violations]


def test_good_rows_meet_every_expectation():
    result = check_table(STANDARD, "positions", table("positions", [GOOD, GOOD]))
    assert result.violations == []
    assert result.expectations_failed == 0
    assert result.broken == []
    planned = planned_expectations(
        STANDARD, STANDARD.entity("positions"), [*GOOD, "custodian_security_id"]
    )
    assert result.expectations_evaluated == len(planned) == len(result.summary)
    assert all(found["success"] for found in result.summary)


@pytest.mark.parametrize(
    ("column", "value", "rule", "severity"),
    [
        ("quantity", "", "quantity_is_present", "block"),
        ("quantity", "1,000", "quantity_is_decimal", "block"),
        ("price", "n/a", "price_is_decimal", "block"),
        ("price_date", "11/19/2026", "price_date_is_date", "warn"),
        ("long_short", "SIDEWAYS", "long_short_is_allowed", "warn"),
        ("currency", "usd", "currency_has_form", "block"),
        ("account_number", "", "account_number_is_present", "block"),
        ("ticker", "", "security_id_is_present", "block"),
    ],
)
def test_a_bad_value_is_named_with_its_row(column, value, rule, severity):
    rows = [GOOD, {**GOOD, column: value}, GOOD]
    result = check_table(STANDARD, "positions", table("positions", rows))
    assert rules(result) == [(rule, 3)]
    (found,) = result.violations
    assert found.severity == severity
    assert found.scope == "position"
    assert found.account_number == (None if column == "account_number" else "A1")
    assert found.security_key == (None if column == "ticker" else "VTI")
    assert "row 3" in found.message
    assert (repr(value) in found.message) or "all empty" in found.message


def test_enumerations_are_compared_without_regard_to_case():
    result = check_table(
        STANDARD, "positions", table("positions", [{**GOOD, "long_short": "Long"}])
    )
    assert result.violations == []


def test_a_column_that_must_have_values_is_judged_even_where_it_is_absent():
    ibkr = load_contracts()["ibkr_flex"]
    row = {"account_number": "U1", "ticker": "VT", "currency": "USD"}
    result = check_table(ibkr, "positions", table("positions", [row]))
    assert rules(result) == [("quantity_is_present", 2)]


def test_rows_without_any_identifier_are_named():
    row = {name: value for name, value in GOOD.items() if name != "ticker"}
    result = check_table(STANDARD, "positions", table("positions", [row]))
    assert rules(result) == [("security_id_is_present", 2)]


def test_words_for_nothing_are_null_in_their_feed_only():
    schwab = load_contracts()["schwab_positions"]
    row = {**GOOD, "price_date": "11/19/2026", "cost_basis": "Incomplete"}
    del row["long_short"]
    assert check_table(schwab, "positions", table("positions", [row])).violations == []
    row["quantity"] = "--"
    result = check_table(schwab, "positions", table("positions", [row]))
    assert rules(result) == [("quantity_is_present", 2)]
    standard = table("positions", [{**GOOD, "cost_basis": "Incomplete"}])
    assert rules(check_table(STANDARD, "positions", standard)) == [("cost_basis_is_decimal", 2)]


@pytest.mark.parametrize("text", ["$1,234.56", "-$20.00", "$-20.00", "($1.00)", "222.185", "0"])
def test_schwab_amounts_have_the_form_of_their_contract(text):
    schwab = load_contracts()["schwab_positions"]
    row = {"account_number": "...234", "ticker": "VTI", "quantity": "1", "currency": "USD"}
    result = check_table(schwab, "positions", table("positions", [{**row, "market_value": text}]))
    assert result.violations == []


def test_a_weight_in_percent_is_refused():
    policy = load_contracts()["policy_files"]
    row = {
        "allocation_group_id": "G1",
        "target_level": "class",
        "target_key": "Cash",
        "target_weight": "60",
        "valid_from": "2026-01-01",
        "valid_to": "",
    }
    result = check_table(policy, "ips_targets", table("ips_targets", [row]))
    assert rules(result) == [("target_weight_has_form", 2)]
    good = table("ips_targets", [{**row, "target_weight": "0.60"}])
    assert check_table(policy, "ips_targets", good).violations == []


def test_files_are_told_apart():
    first = table("positions", [GOOD, {**GOOD, "quantity": "x"}], source_file_id="f1")
    second = table("positions", [{**GOOD, "quantity": "y"}], source_file_id="f2")
    result = check_table(STANDARD, "positions", pa.concat_tables([first, second]))
    assert result.source_file_ids == ["f1", "f2"]
    assert [found.source_row_number for found in result.violations] == [3, 2]


def test_a_column_that_is_wrong_throughout_is_one_violation_of_the_feed():
    rows = [{**GOOD, "price_date": "19.11.2026", "ticker": f"T{i}"} for i in range(30)]
    result = check_table(
        STANDARD, "positions", table("positions", rows, source_file_id="f1", file_name="p.csv")
    )
    (found,) = result.violations
    assert (found.rule, found.scope, found.severity) == ("systematic_break", "feed", "warn")
    assert "p.csv, row 2" in found.message
    assert "30 of 30 rows" in found.message


def test_an_empty_table_is_no_failure():
    result = check_table(STANDARD, "positions", table("positions", [GOOD]).slice(0, 0))
    assert (result.violations, result.expectations_evaluated) == ([], 0)


def test_an_expectation_that_raises_is_a_broken_check_not_bad_data(monkeypatch):
    honest = suites.planned_expectations

    def with_a_broken_one(contract, entity, columns):
        broken = PlannedExpectation(
            "nowhere_is_present", "nowhere", "is_present", "a value", "block", "position"
        )
        return [*honest(contract, entity, columns), broken]

    original = suites._frame

    def frame_without(contract, entity, received, planned):
        known = [item for item in planned if item.column != "nowhere"]
        return original(contract, entity, received, known)

    monkeypatch.setattr(suites, "planned_expectations", with_a_broken_one)
    monkeypatch.setattr(suites, "_frame", frame_without)
    result = check_table(STANDARD, "positions", table("positions", [GOOD]))
    assert [name.split(":")[0] for name in result.broken] == ["nowhere_is_present"]
    (found,) = result.violations
    assert (found.rule, found.severity) == ("expectation_check_ran", "warn")
    assert "nothing is said of the data" in found.message
    assert result.expectations_failed == 0
    assert result.expectations_evaluated == len(result.summary) - 1


@pytest.mark.parametrize("feed", sorted(load_contracts()))
def test_every_entity_of_every_contract_has_a_suite(feed):
    contract = load_contracts()[feed]
    for entity in contract.entities.values():
        planned = planned_expectations(contract, entity, entity.column_names)
        assert planned, entity.name
        named = [item.rule for item in planned]
        assert len(set(named)) == len(named), entity.name


def test_a_big_table_is_judged_by_its_values_with_the_same_result(monkeypatch):
    rows = [
        {**GOOD, "account_number": f"A{number % 7}", "quantity": f"{number}.5"}
        for number in range(400)
    ]
    rows[17] |= {"quantity": "1,000", "ticker": ""}
    rows[18] |= {"currency": "usd", "long_short": ""}
    rows[399] |= {"account_number": "", "price_date": "11/19/2026"}
    whole = check_table(STANDARD, "positions", table("positions", rows))
    monkeypatch.setattr(suites, "_BIG_TABLE_ROWS", 100)
    framed: list[int] = []
    plain = suites._frame

    def counted(contract, entity, rows, planned):
        framed.append(rows.num_rows)
        return plain(contract, entity, rows, planned)

    monkeypatch.setattr(suites, "_frame", counted)
    by_value = check_table(STANDARD, "positions", table("positions", rows))
    assert by_value == whole
    assert {row for _, row in rules(whole)} == {19, 20, 401}
    # First the few values of most columns, then the rows of the others, then what is broken.
    assert framed == [8, 400, 400]


def test_in_a_big_table_one_identifier_of_every_row_answers_for_all(monkeypatch):
    monkeypatch.setattr(suites, "_BIG_TABLE_ROWS", 100)
    complete = [{**GOOD, "cusip": ""} for _ in range(300)]
    assert check_table(STANDARD, "positions", table("positions", complete)).violations == []
    alternating = [
        {**GOOD, "ticker": "" if number % 2 else "VTI", "cusip": "922908769" if number % 2 else ""}
        for number in range(300)
    ]
    assert check_table(STANDARD, "positions", table("positions", alternating)).violations == []
    alternating[5] |= {"cusip": ""}
    broken = check_table(STANDARD, "positions", table("positions", alternating))
    assert rules(broken) == [("security_id_is_present", 7)]
