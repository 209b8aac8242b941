"""No violation of a client export quotes a line that it cannot place: it may name a person.

Every line of every invented export is followed once by a line that holds a name and a number, and
once replaced by it; whatever the reader says of the file, neither is in it.
"""

from __future__ import annotations

import pytest

from python_steps.feeds.reading import read_file
from tests.python_steps.feeds import schwab_files
from tests.python_steps.feeds.client_files import CLIENT_FILES
from tests.python_steps.feeds.files import SESSION, received

NAME, NUMBER = "Ann Q. Example-Smith", "987654321"
LINES = (f"{NUMBER} {NAME}", f"{NAME},{NUMBER},{NAME} {NUMBER}", f'"{NUMBER} paid to {NAME}","4"')
FILES = CLIENT_FILES | {
    "schwab_realized_gains of all accounts": (
        "SCHWAB",
        schwab_files.GAINS_NAME,
        schwab_files.gains_of_all({"Joint ...178": [schwab_files.WASHED]}),
    ),
}


@pytest.mark.parametrize("feed", FILES)
def test_a_line_out_of_place_is_told_by_its_shape(feed):
    custodian, name, content = FILES[feed]
    kept = content.splitlines()
    assert read_file(received(custodian, name, content), SESSION).feed == feed.partition(" ")[0]
    told = 0
    for place in range(len(kept) + 1):
        for line in LINES:
            for damaged in (
                [*kept[:place], line, *kept[place:]],
                [*kept[:place], line, *kept[place + 1 :]],
            ):
                file = received(custodian, name, "\r\n".join(damaged) + "\r\n")
                for found in read_file(file, SESSION).violations:
                    said = f"{found.message} {found.observed} {found.expected}"
                    assert NAME not in said, (place, line, found)
                    assert NUMBER not in said, (place, line, found)
                    told += 1
    assert told, "lines out of place are told"
