"""Every row of a file has a number of its own, by which facts, violations and people find it again.

Documents are often sent on one line: the line would then be every row's number, and what is wrong
with one row would be said of another.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts.contract import load_contracts
from python_steps.feeds.reading import reader_of
from python_steps.feeds.received import ROW_NUMBER, FileReading, ReceivedFile
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import (
    facts,
    flex,
    open_position,
    read,
    serious,
    statement,
)
from tests.python_steps.feeds.ofx_files import BND, ONE, TWO

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
CUSTODIANS = {
    "schwab": "SCHWAB",
    "fidelity": "FIDELITY",
    "ibkr": "IBKR",
    "vanguard": "VANGUARD",
    "tdameritrade": "TDAMERITRADE",
}


def repeated_numbers(reading: FileReading) -> dict[str, int]:
    """Of each entity, how many rows have a number that another row has too."""
    numbers = {name: table[ROW_NUMBER].to_pylist() for name, table in reading.tables.items()}
    return {
        name: len(found) - len(set(found))
        for name, found in numbers.items()
        if len(set(found)) < len(found)
    }


def on_one_line(content: str) -> str:
    return content.replace("\r", "").replace("\n", "")


def two_lots() -> str:
    lots = [
        open_position("LOT", openDateTime="2020-01-02;093000", holdingPeriodDateTime="2020-01-02"),
        open_position(
            "LOT",
            openDateTime="2021-03-04;093000",
            holdingPeriodDateTime="2021-03-04",
            position="5",
            positionValue="1250",
            costBasisMoney="1000",
        ),
    ]
    return flex(statement("<OpenPositions>\n" + "\n".join(lots) + "\n</OpenPositions>"))


def test_lots_of_a_flex_document_on_one_line_are_told_apart():
    usual, dense = (
        read("IBKR", "daily.xml", content) for content in (two_lots(), on_one_line(two_lots()))
    )
    assert usual.status == dense.status == "LOADED"
    assert dense.tables["tax_lots"].num_rows == 2
    assert repeated_numbers(usual) == repeated_numbers(dense) == {}
    assert facts(usual) == facts(dense)
    # Where rows have lines of their own, the number is the line.
    lines = two_lots().split("\n")
    for number in usual.tables["tax_lots"][ROW_NUMBER].to_pylist():
        assert lines[number - 1].startswith("<OpenPosition ")


@pytest.mark.parametrize("writer", [ONE, TWO])
def test_rows_of_an_ofx_document_on_one_line_are_told_apart(writer):
    held = [
        writer.position(),
        writer.position(code=BND, units="20", price="50.00", worth="1000.00"),
    ]
    done = [writer.trade(number="T1"), writer.trade(number="T2", total="-1001.00")]
    document = writer.document(writer.statement(positions=held, transactions=done))
    head, begin, body = document.partition("<OFX>")
    usual = read("FIDELITY", "statement.ofx", head + begin + body)
    dense = read("FIDELITY", "statement.ofx", head + begin + on_one_line(body))
    assert dense.tables["positions"].num_rows == dense.tables["transactions"].num_rows == 2
    assert repeated_numbers(usual) == repeated_numbers(dense) == {}
    assert facts(usual) == facts(dense)
    assert serious(usual) == serious(dense)


def test_what_is_wrong_with_one_of_two_rows_on_a_line_is_said_of_that_row():
    broken = on_one_line(two_lots()).replace('costBasisMoney="1000"', 'costBasisMoney="about 9"')
    reading = read("IBKR", "daily.xml", broken)
    table = reading.tables["tax_lots"].to_pylist()
    (wrong,) = [row[ROW_NUMBER] for row in table if row["cost_basis"] == "about 9"]
    (right,) = [row[ROW_NUMBER] for row in table if row["cost_basis"] != "about 9"]
    assert wrong != right


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodians' sample files are not beside the project"
)
def test_rows_of_every_sample_have_numbers_of_their_own():
    contracts = load_contracts()
    read_files, repeated = 0, {}
    for path in sorted(SAMPLES.rglob("*")):
        if not path.is_file():
            continue
        custodian = CUSTODIANS.get(path.relative_to(SAMPLES).parts[0], "BROKER")
        file = ReceivedFile(custodian, path.name, path.read_bytes())
        feed = recognise(file, contracts)
        if feed is not None:
            reading = reader_of(contracts[feed])(file, contracts[feed])
            read_files += 1
            repeated[path.name] = repeated_numbers(reading)
    assert read_files > 20
    assert {name: found for name, found in repeated.items() if found} == {}
