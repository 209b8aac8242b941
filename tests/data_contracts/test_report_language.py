"""The language of a household's workbook: the same few in contract, policy and catalogues."""

from __future__ import annotations

import pyarrow as pa

from data_contracts.contract import load_contracts
from data_contracts.suites import SuiteResult, check_table
from python_steps.policy import FirmPolicy, firm_settings
from python_steps.reports.translation import LANGUAGES

CONTRACT = load_contracts()["policy_files"]


def judged(language: str) -> SuiteResult:
    entity = CONTRACT.entity("households")
    row = {
        "household_id": "HH-0002",
        "household_name": "Lin",
        "advisor_id": "A",
        "report_language": language,
        "valid_from": "2026-01-01",
    }
    columns = {name: pa.array([row.get(name, "")]) for name in entity.column_names}
    place = {"file_name": pa.array(["households.csv"]), "source_row_number": pa.array([2])}
    return check_table(CONTRACT, "households", pa.table(columns | place))


def test_contract_policy_and_catalogues_have_the_same_languages():
    assert CONTRACT.entity("households").column("report_language").allowed == LANGUAGES
    (setting,) = (each for each in firm_settings() if each.name == "report_language")
    assert setting.metadata["choices"] == LANGUAGES
    assert FirmPolicy().report_language == "en"


def test_a_language_of_the_list_and_none_are_taken():
    for language in (*LANGUAGES, ""):
        assert judged(language).violations == []


def test_another_language_is_told_with_household_field_and_what_is_allowed():
    (found,) = judged("fr").violations
    # A household is not kept from trading because nobody can read its workbook to it.
    assert (found.severity, found.scope, found.household_id) == ("warn", "household", "HH-0002")
    assert found.message == (
        "households.csv, row 2, household HH-0002: rule report_language_is_allowed: found "
        "report_language = 'fr'; expected one of en, zh-Hans. Ask the sender for a corrected row; "
        "until then the household is flagged."
    )
