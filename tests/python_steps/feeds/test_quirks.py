"""The catalogue of quirks of custodians' files, one test for each number: those that readers meet.

Each test drives the readers of the feeds in which the quirk occurs with every spelling that the
catalogue names. Quirks that live in the casting of text and in the book stand in
tests/dbt_project/test_quirks_in_the_warehouse.py; the last test here sees to it that every number
has its one test in one of the two.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from data_contracts.contract import load_contracts
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ROW_TEXT, FileReading
from tests.python_steps.feeds import (
    etrade_files,
    fidelity_files,
    ibkr_files,
    ofx_files,
    pershing_files,
    schwab_files,
)
from tests.python_steps.feeds.client_files import CLIENT_FILES, LOTS
from tests.python_steps.feeds.files import (
    CASH_REPORT,
    SCHWAB_2020,
    SCHWAB_2023,
    SCHWAB_2025,
    SCHWAB_2026,
    SESSION,
    element,
    facts,
    flex,
    lot_details,
    open_position,
    read,
    received,
    rows,
    rules,
    schwab_section,
    schwab_single,
    section,
    serious,
    standard,
    statement,
)

MARK = "\ufeff"
FLEX = flex(statement(section("OpenPositions", open_position()) + CASH_REPORT))
GCUS = pershing_files.whole(
    [pershing_files.gcus_a(), pershing_files.gcus_b(), pershing_files.dollars("1000")]
)
STANDARD = standard(
    ["account_number,ticker,quantity,price,price_date,currency", "A1,VTI,10,250,2026-11-19,USD"]
)
FILES = CLIENT_FILES | {
    "ibkr_flex": ("IBKR", "flex.xml", FLEX),
    "ofx": ("FIDELITY", "statement.ofx", ofx_files.ONE.document()),
    "pershing_gcus": ("PERSHING", "111926.GCUS", GCUS),
    "standard_feed": ("ALPINE", "positions.csv", STANDARD),
}


def of(feed: str, content: str | bytes | None = None, name: str | None = None) -> FileReading:
    """What the reader of a feed makes of its good file, or of another content or name."""
    custodian, own_name, own = FILES[feed]
    return read(custodian, own_name if name is None else name, own if content is None else content)


def behind_mark(lines: str, content: str) -> str:
    """Lines before a file's first one; a byte order mark stays first."""
    return MARK + lines + content[1:] if content.startswith(MARK) else lines + content


def only(reading: FileReading, rule: str) -> None:
    """The rule is broken and stops the whole file."""
    assert rule in serious(reading)
    assert (reading.status, dict(reading.tables)) == ("QUARANTINED", {})


def without(items: list[str], known: list[str]) -> list[str]:
    return sorted((Counter(items) - Counter(known)).elements())


def test_quirk_01_encodings_and_line_ends_do_not_change_what_a_file_says():
    accents = {
        "schwab_positions": "VTI NAME",
        "schwab_realized_gains": "VANGUARD",
        "fidelity_positions": "VANGUARD",
        "fidelity_history": "VANGUARD",
        "fidelity_statement": "VANGUARD",
        "etrade_transactions": "NEOS",
        "vanguard_download": "VANGUARD",
        "ibkr_activity_csv": "VANGUARD",
    }
    for feed, (custodian, name, content) in FILES.items():
        truth = of(feed)
        assert truth.status == "LOADED", feed
        lines = content.removeprefix(MARK).splitlines()
        mixed = "".join(line + ("\n", "\r\n")[place % 2] for place, line in enumerate(lines))
        for changed in (MARK + content.removeprefix(MARK), mixed):
            file = received(custodian, name, changed)
            reading = read_file(file, SESSION)
            assert (facts(reading), rules(reading)) == (facts(truth), rules(truth)), feed
            assert file.content == changed.encode(), "the bytes are kept"
            assert file.source_file_id == hashlib.sha256(changed.encode()).hexdigest()
    for feed, word in accents.items():
        accented = FILES[feed][2].removeprefix(MARK).replace(word, f"{word} Zoë")
        assert "Zoë" in accented, feed
        unicode, windows = of(feed, accented), of(feed, accented.encode("cp1252"))
        assert facts(windows) == facts(unicode), feed
        assert without(rules(windows), rules(unicode)) == ["encoding_utf8"], feed


def test_quirk_02_the_header_is_found_behind_titles_blank_and_comma_padded_lines():
    for feed, (_, _, content) in CLIENT_FILES.items():
        for lines in ("\r\n\r\n \r\n", "\r\n,,,,,\r\n,,,,,,,,,,,,,,,,,\r\n"):
            reading = of(feed, behind_mark(lines, content))
            assert (facts(reading), rules(reading)) == (facts(of(feed)), rules(of(feed))), feed
    first, *others = schwab_single().splitlines()
    titled = "\r\n".join([first, "", ",,,,,", " ", *others]) + "\r\n"
    assert facts(of("schwab_positions", titled)) == facts(of("schwab_positions"))
    for blank in ("", ",,,,,,,,,,,,"):
        for count, is_found in ((5, True), (39, True), (40, False)):
            reading = of("fidelity_history", fidelity_files.history(leading=[blank] * count))
            assert (reading.status == "LOADED") is is_found, (blank, count)
            if is_found:
                assert facts(reading) == facts(of("fidelity_history"))
            else:
                only(reading, "header_present")


def test_quirk_03_sections_are_told_apart_and_an_unknown_one_stops_the_file():
    one = schwab_section(
        SCHWAB_2020,
        [("VTI", "10", "$250.00", "$2,500.00", "$2,000.00", "Equity")],
        value_total="$2,600.00",
        basis_total="--",
        comma=",",
    )
    every = "\r\n".join(
        [
            '"Positions for All-Accounts as of 04:05 PM ET, 11/19/2026"',
            "",
            '"Brokerage XXXX-1234"',
            *one,
            "",
            "",
            '"Roth IRA XXXX-5678"',
            *one,
        ]
    )
    reading = of("schwab_positions", every + "\r\n")
    assert serious(reading) == []
    assert rows(reading, "positions", "account_number", "ticker") == [
        ("XXXX-1234", "VTI"),
        ("XXXX-5678", "VTI"),
    ]
    both = schwab_files.gains_of_all(
        {"Joint ...178": [schwab_files.WASHED], "IRA ...999": [schwab_files.UNKNOWN]}
    )
    assert rows(of("schwab_realized_gains", both), "closed_lots", "account_number", "ticker") == [
        ("...178", "VTI"),
        ("...999", "BRK/B"),
    ]
    stacked = of("vanguard_download")
    assert {name for name, table in stacked.tables.items() if table.num_rows} >= {
        "positions",
        "transactions",
    }
    unknown = ("Moon Rocks,Weight,Colour\r\nRock A,5,grey\r\n", "Moon Rocks\r\nRock A,5,grey\r\n")
    for feed, (_, _, content) in CLIENT_FILES.items():
        for table in unknown:
            stopped = of(feed, f"{content}\r\n\r\n{table}")
            assert (stopped.status, dict(stopped.tables)) == ("QUARANTINED", {}), (feed, table)
    moon = section("MoonRocks", element("MoonRock", accountId="U100", weight="1"))
    only(of("ibkr_flex", flex(statement(moon + CASH_REPORT))), "section_understood")


def _with_commas(content: str, headers: tuple[str, ...], *, on_header: bool, on_data: bool) -> str:
    """The file with one more comma behind its headers, behind the rows below them, or both."""
    lines, is_below = [], False
    for line in content.split("\r\n" if "\r\n" in content else "\n"):
        bare = line.replace('"', "").lstrip(MARK)
        is_header = any(bare.startswith(header) for header in headers)
        is_below |= is_header
        ends = on_header if is_header else on_data and is_below and line.count(",") > 1
        lines.append(line + "," * ends)
    return "\r\n".join(lines)


def test_quirk_04_a_comma_more_is_nothing_and_a_cell_more_rejects_the_row():
    headers = {
        "schwab_positions": ("Symbol,Description",),
        "schwab_lot_details": ("Open Date",),
        "schwab_realized_gains": ("Symbol,Name",),
        "schwab_transactions": ("Date,Action",),
        "fidelity_positions": ("Account Number",),
        "fidelity_history": ("Run Date",),
        "fidelity_realized_gains": ("Symbol(CUSIP)",),
        "fidelity_statement": ("Account Type", "Symbol/CUSIP"),
        "etrade_portfolio": ("Symbol,Qty",),
        "etrade_gains": ("Symbol,Quantity",),
        "etrade_transactions": ("Activity/Trade",),
        "vanguard_download": ("Account Number",),
        "ibkr_activity_csv": ("Statement,Header",),
    }
    spoilt = {
        "schwab_positions": '"VTI"',
        "schwab_lot_details": '"01/02/2024"',
        "schwab_realized_gains": '"VTI"',
        "schwab_transactions": '"11/18/2026"',
        "fidelity_positions": "Z12345678,Family,VTI",
        "fidelity_history": "11/18/2026,Family",
        "fidelity_realized_gains": "VEA(",
        "fidelity_statement": "VTI,",
        "etrade_portfolio": "VTI,",
        "etrade_gains": "    Sell,567",
        "etrade_transactions": "11/18/26",
        "vanguard_download": "12345678,VANGUARD TOTAL",
        "ibkr_activity_csv": "Open Positions,Data,Summary,Stocks,USD,VTI",
    }
    assert headers.keys() == spoilt.keys() == CLIENT_FILES.keys()
    for feed, (_, _, content) in CLIENT_FILES.items():
        for on_header, on_data in ((False, True), (True, False), (True, True)):
            changed = _with_commas(content, headers[feed], on_header=on_header, on_data=on_data)
            reading = of(feed, changed)
            assert facts(reading) == facts(of(feed)), (feed, on_header, on_data)
        lines = content.splitlines()
        place = next(i for i, line in enumerate(lines) if line.startswith(spoilt[feed]))
        width = len(next(iter(lines[place : place + 1])).split(","))
        lines[place] = lines[place] + "," * 30 + "surplus 1"
        assert width
        rejected = of(feed, "\r\n".join(lines) + "\r\n")
        told = [each for each in rejected.violations if each.rule == "ragged_row"]
        assert [(each.severity, each.source_row_number) for each in told] == [
            ("block", place + 1)
        ], feed
        texts = [text for table in rejected.tables.values() for text in table[ROW_TEXT].to_pylist()]
        assert not any("surplus" in text for text in texts), feed


def _moved(content: str, header_start: str, seed: int) -> str:
    """The columns of a plain table in another order."""
    lines = content.removeprefix(MARK).split("\r\n" if "\r\n" in content else "\n")
    start = next(
        i for i, line in enumerate(lines) if line.replace('"', "").startswith(header_start)
    )
    width = lines[start].count(",") + 1
    order = list(range(width))
    order = [order[::-1], order[1::2] + order[::2], order[7:] + order[:7]][seed]
    moved = []
    for place, line in enumerate(lines):
        cells = line.split('","') if line.startswith('"') else line.split(",")
        if place < start or len(cells) != width:
            moved.append(line)
            continue
        bare = [cell.strip('"') for cell in cells]
        moved.append(",".join(f'"{bare[each]}"' for each in order))
    return "\r\n".join(moved)


def test_quirk_05_columns_are_found_by_name_and_an_unknown_header_is_told():
    headers = {
        "schwab_positions": "Symbol,Description",
        "schwab_realized_gains": "Symbol,Name",
        "etrade_transactions": "Activity/Trade",
    }
    for feed, start in headers.items():
        for seed in range(3):
            moved = of(feed, _moved(CLIENT_FILES[feed][2], start, seed))
            assert facts(moved) == facts(of(feed)), (feed, seed)
            assert without(serious(moved), serious(of(feed))) == ["header_known"], (feed, seed)
            assert moved.header_fingerprint != of(feed).header_fingerprint
    eras = []
    for header, settings in (
        (SCHWAB_2020, {"comma": ","}),
        (SCHWAB_2023, {}),
        (SCHWAB_2025, {}),
        (SCHWAB_2026, {"total_word": "Positions Total"}),
    ):
        reading = of("schwab_positions", schwab_single(header, **settings))
        assert serious(reading) == []
        eras.append(facts(reading))
    assert eras == [eras[0]] * 4
    for header in (fidelity_files.POSITIONS, fidelity_files.POSITIONS_2026):
        content = fidelity_files.positions(
            fidelity_files.position(
                header,
                symbol="VTI",
                quantity="1",
                price="$2.00",
                value="$2.00",
                basis="$1.00",
                words="VTI NAME",
            ),
            fidelity_files.position(header, symbol="SPAXX**", words="CASH", value="$1.00"),
            header=header,
        )
        reading = of("fidelity_positions", content)
        assert serious(reading) == []
        assert rows(reading, "positions", "ticker", "cost_basis") == [("VTI", "$1.00")]
    new = schwab_single().replace('"Ratings"', '"Moon Phase"')
    assert serious(of("schwab_positions", new)) == ["unknown_column", "header_known"]
    gone = schwab_single().replace('"Mkt Val (Market Value)"', '"Moon Phase"')
    only(of("schwab_positions", gone), "required_column")


def test_quirk_09_total_rows_are_control_totals_and_no_data():
    words = ("Account Total", "Positions Total", "Total", "Transactions Total")
    lots_total = lot_details(LOTS, basis_total="$2,000.00")
    gains_total = schwab_files.gains([schwab_files.WASHED]).rstrip("\r\n") + (
        '\r\n"Total","","","","","","","$480.00","$500.00","","","","","","","","","","",""\r\n'
    )
    # Content; the total as the file states it, and a stale one; what is stored of it.
    cases = {
        "schwab_positions": (schwab_single(), ("$3,400.00", "$3,900.00"), Decimal(3400)),
        "schwab_lot_details": (lots_total, ("$2,000.00", "$2,900.00"), Decimal(2000)),
        "schwab_realized_gains": (gains_total, ('"$480.00"', '"$490.00"'), Decimal(480)),
        "schwab_transactions": (
            CLIENT_FILES["schwab_transactions"][2],
            ('"-$2,200.01"', '"-$2,900.01"'),
            Decimal("-2200.01"),
        ),
        "etrade_portfolio": (
            etrade_files.portfolio(),
            ("TOTAL,,27000.00", "TOTAL,,29000.00"),
            Decimal(27000),
        ),
        "etrade_gains": (etrade_files.gains(), (",53981.27,", ",59981.27,"), Decimal("53485.84")),
        "fidelity_statement": (
            fidelity_files.statement(),
            ("Subtotal of Stocks,,,,,3500.00", "Subtotal of Stocks,,,,,3900.00"),
            Decimal("4100.50"),
        ),
        "ibkr_activity_csv": (
            ibkr_files.whole(),
            ("Stocks,USD,,,,,,2800,,3500", "Stocks,USD,,,,,,2800,,3900"),
            None,
        ),
    }
    for feed, (content, (total, other), amount) in cases.items():
        good = of(feed, content)
        assert "control_total" not in rules(good), feed
        assert (good.control_amount, good.status) == (amount, "LOADED"), feed
        place = content.rindex(total)
        stale = of(feed, content[:place] + other + content[place + len(total) :])
        found = [each for each in stale.violations if each.rule == "control_total"]
        assert [each.severity for each in found] == ["warn"], feed
        assert facts(stale) == facts(good), "a stale total changes no fact"
        for table in good.tables.values():
            named = {
                str(row.get(name)).strip().lower()
                for row in table.to_pylist()
                for name in ("ticker", "transaction_date", "acquisition_date")
            }
            assert not any(word.startswith(("total", "subtotal")) for word in named), feed
            assert not named & {word.lower() for word in words}, feed
    for word in ("Account Total", "Positions Total"):
        assert serious(of("schwab_positions", schwab_single(total_word=word))) == [], word


def test_quirk_10_footers_state_the_date_and_end_the_data():
    downloaded = (
        '"Date downloaded Nov-19-2026 at 7:04 p.m ET"',
        "Date downloaded 11/19/2026 7:04 PM ET",
    )
    for line in downloaded:
        content = fidelity_files.positions(
            *fidelity_files.HOLDINGS, footer=[*fidelity_files.DISCLAIMERS, line]
        )
        reading = of("fidelity_positions", content, "Portfolio_Positions.csv")
        assert (reading.stated_as_of_date, reading.as_of_source) == (SESSION, "FOOTER"), line
        assert facts(reading) == facts(of("fidelity_positions"))
        more = content + "\r\n" + fidelity_files.HOLDINGS[0] + "\r\n"
        only(of("fidelity_positions", more, "Portfolio_Positions.csv"), "section_understood")
    for feed in ("etrade_portfolio", "etrade_gains"):
        content = CLIENT_FILES[feed][2]
        reading = of(feed)
        assert (reading.stated_as_of_date, reading.as_of_source) == (SESSION, "FOOTER"), feed
        more = f"{content}VTI,1.0000,250.00,180.00\r\n"
        only(of(feed, more), "section_understood")


def test_quirk_11_the_date_is_where_the_layout_has_it_and_a_file_without_one_is_refused():
    dated = {
        "schwab_positions": ("TITLE", ", 2026/11/19", "", "positions.csv"),
        "schwab_lot_details": ("TITLE", ", 11/19/2026", "", "lots.csv"),
        "schwab_realized_gains": ("TITLE", "Thu Nov 19  19:13:09 EST 2026", "now", "gains.csv"),
        "fidelity_positions": ("FOOTER", "Nov-19-2026", "today", "Portfolio_Positions.csv"),
        "etrade_portfolio": ("FOOTER", "Nov 19 2026 06:25 PM", "", "PortfolioDownload.csv"),
        "etrade_gains": ("FOOTER", "Nov 19 2026 06:25 PM", "", "GainsAndLosses.csv"),
        "etrade_transactions": ("TITLE", " from 10/20/2026 to 11/19/2026", "", "Download.csv"),
        "ofx": ("FIELD", "<DTASOF>20261119160000.000[-5:EST]", "<DTASOF>", "x.ofx"),
        "pershing_gcus": ("HEADER", "11/19/2026", "          ", "051710.GCUS"),
    }
    for feed, (source, text, nothing, bare_name) in dated.items():
        content = FILES[feed][2]
        stated = of(feed, content, bare_name)
        assert (stated.stated_as_of_date, stated.as_of_source) == (SESSION, source), feed
        assert text in content, feed
        only(of(feed, content.replace(text, nothing), bare_name), "as_of_date_present")
    by_name = {
        "schwab_transactions": (
            schwab_files.transactions([schwab_files.BOUGHT]),
            schwab_files.NAME,
            "Individual_XXX178_Transactions_export.csv",
        ),
        "fidelity_statement": (
            fidelity_files.statement(),
            "Statement11192026.csv",
            "Statement.csv",
        ),
        "vanguard_download": (
            etrade_files.vanguard(),
            "OfxDownload-2026-11-19.csv",
            "OfxDownload.csv",
        ),
    }
    for feed, (content, name, bare_name) in by_name.items():
        stated = of(feed, content, name)
        assert (stated.stated_as_of_date, stated.as_of_source) == (SESSION, "FILE_NAME"), feed
        only(of(feed, content, bare_name), "as_of_date_present")
    # 02:45 AM Eastern is the calendar day written, whatever day it is in London or in UTC.
    late = schwab_single(
        title="Positions for account Individual ...234 as of 11:45 PM ET, 2026/11/19"
    )
    assert of("schwab_positions", late).stated_as_of_date == SESSION


def test_quirk_13_account_numbers_are_text():
    numbers = ("0012345", "43X-40L72", "Z12345678", "000-12-345")
    for number in numbers:
        files = {
            "fidelity_positions": fidelity_files.positions(
                fidelity_files.holding("VTI", "1", "$2.00", "$2.00", account=number),
                fidelity_files.core("$1.00", account=number),
            ),
            "fidelity_history": fidelity_files.history(
                rows=[{**fidelity_files.ACTIVITY[0], "account": number}]
            ),
            "vanguard_download": etrade_files.vanguard().replace("12345678", number),
            "ofx": ofx_files.ONE.document(ofx_files.ONE.statement(account=number)),
            "ibkr_flex": FLEX.replace("U100", number),
            "standard_feed": STANDARD.replace("A1,", f"{number},"),
        }
        for feed, content in files.items():
            reading = of(feed, content)
            assert number in reading.covered_accounts, (feed, number)
            table = reading.tables["transactions" if feed == "fidelity_history" else "positions"]
            assert table.schema.field("account_number").type == pa.string(), feed
            assert number in table["account_number"].to_pylist(), (feed, number)
    padded = pershing_files.whole([pershing_files.gcus_a(account="001000456")])
    assert rows(of("pershing_gcus", padded), "positions", "account_number") == [("001000456",)]


def test_quirk_15_what_has_not_settled_stands_apart():
    content = fidelity_files.positions(*fidelity_files.HOLDINGS, fidelity_files.pending("-$250.00"))
    balances = ("trade_date_balance", "settlement_date_balance")
    reading = of("fidelity_positions", content)
    assert rows(reading, "cash_balances", *balances) == [("750.00", "$1,000.00")]
    assert "Pending activity" not in [row[0] for row in rows(reading, "positions", "ticker")]
    parts = ("quantity", "settled_quantity", "pending_quantity")
    unsettled = pershing_files.whole(
        [
            pershing_files.gcus_a(quantity="10", settled="7", pending="10"),
            pershing_files.dollars("900", settled="1000"),
        ]
    )
    reading = of("pershing_gcus", unsettled)
    found = rows(reading, "positions", *parts)
    assert [tuple(Decimal(str(each)) for each in row) for row in found] == [(20, 17, 10)], (
        "a split that is pending counts in both"
    )
    cash = rows(reading, "cash_balances", *balances)
    assert [tuple(Decimal(str(each)) for each in row) for row in cash] == [(900, 1000)]
    assert rows(of("ibkr_flex"), "cash_balances", *balances) == [("50.5", "40.25")]
    assert rows(of("ibkr_activity_csv"), "cash_balances", *balances) == [("50.5", "40.25")]


def test_quirk_18_options_become_one_symbol_with_their_underlying():
    schwab = schwab_single(
        holdings=[("XYZ 06/20/2026 10.00 P", "1", "$2.00", "$200.00", "$150.00", "Option")],
        value_total="--",
    )
    fidelity = fidelity_files.positions(
        fidelity_files.holding(" -XYZ260620P10", "1", "$2.00", "$200.00"),
        fidelity_files.core("$1.00"),
    )
    ibkr = flex(
        statement(
            section(
                "OpenPositions",
                open_position(
                    assetCategory="OPT",
                    subCategory="P",
                    symbol="XYZ   260620P00010000",
                    cusip="",
                    isin="",
                    multiplier="100",
                    strike="10",
                    expiry="2026-06-20",
                    putCall="P",
                    underlyingSymbol="XYZ",
                ),
            )
            + CASH_REPORT
        )
    )
    etrade = etrade_files.portfolio(
        [
            row.replace("XYZ Jan 15 '27 $35 Put", "XYZ Jun 20 '26 $10 Put")
            for row in etrade_files.ROWS
        ]
    )
    vanguard = etrade_files.vanguard(["12345678,XYZ PUT,XYZ   260620P00010000,1,2.0,200.0,"])
    files = {
        "schwab_positions": schwab,
        "fidelity_positions": fidelity,
        "ibkr_flex": ibkr,
        "etrade_portfolio": etrade,
        "vanguard_download": vanguard,
    }
    terms = ("ticker", "security_type", "underlying_ticker", "put_call", "expiration_date")
    wanted = ("XYZ   260620P00010000", "OPTION", "XYZ", "PUT", "2026-06-20")
    for feed, content in files.items():
        reading = of(feed, content)
        assert wanted in rows(reading, "securities", *terms), feed
        strikes = [
            row[1]
            for row in rows(reading, "securities", "ticker", "strike_price")
            if row[0] == wanted[0]
        ]
        assert [Decimal(str(strike)) for strike in strikes] == [10], feed
        assert wanted[0] in [row[0] for row in rows(reading, "positions", "ticker")], feed
    traded = schwab_files.transactions(
        [schwab_files.transaction("Buy to Open", symbol="XYZ 06/20/2026 10.00 P", quantity="1")]
    )
    assert rows(of("schwab_transactions", traded), "transactions", "ticker") == [(wanted[0],)]
    lots = lot_details(
        LOTS, title="XYZ 06/20/2026 10.00 P Lot Details for XXXX-4321 as of 04:05 PM ET, 11/19/2026"
    )
    assert rows(of("schwab_lot_details", lots), "tax_lots", "ticker") == [(wanted[0],)]


def test_quirk_25_a_full_file_replaces_and_a_file_of_changes_merges():
    for word, mode in (("REFRESHED", "FULL"), ("UPDATED", "DELTA")):
        content = pershing_files.whole([pershing_files.gcus_a()], mode=word)
        assert of("pershing_gcus", content).delivery_mode == mode
        accounts = pershing_files.whole(
            pershing_files.acct(), title="CUSTOMER ACCT INFO", mode=word
        )
        reading = read("PERSHING", f"111926.{'ACCF' if mode == 'FULL' else 'ACCT'}", accounts)
        assert (reading.feed, reading.delivery_mode) == ("pershing_acct", mode)
    unclear = pershing_files.whole([pershing_files.gcus_a()], mode="REPLAYED ")
    assert of("pershing_gcus", unclear).status == "QUARANTINED", "neither word: no mode is guessed"


def test_quirk_26_one_level_of_detail_is_taken():
    both = section(
        "OpenPositions",
        open_position(),
        open_position("LOT", position="6", costBasisMoney="1200", originatingTransactionID="1"),
        open_position("LOT", position="4", costBasisMoney="800", originatingTransactionID="2"),
    )
    paid = {"currency": "USD", "type": "Dividends", "symbol": "VTI", "dateTime": "2026-11-19"}
    cash = section(
        "CashTransactions",
        element("CashTransaction", accountId="-", amount="9", levelOfDetail="SUMMARY", **paid),
        element("CashTransaction", accountId="U100", amount="9", levelOfDetail="SUMMARY", **paid),
        element("CashTransaction", accountId="U100", amount="4", levelOfDetail="DETAIL", **paid),
        element("CashTransaction", accountId="U100", amount="5", levelOfDetail="DETAIL", **paid),
    )
    reading = of("ibkr_flex", flex(statement(both + cash + CASH_REPORT)))
    assert rows(reading, "positions", "quantity", "cost_basis") == [("10", "2000")]
    assert rows(reading, "tax_lots", "quantity", "cost_basis") == [("6", "1200"), ("4", "800")]
    assert rows(reading, "transactions", "net_amount") == [("4",), ("5",)]
    assert reading.covered_accounts == ("U100",), "the consolidated account is none"
    assert rows(reading, "cash_balances", "currency") == [("USD",)], "BASE_SUMMARY repeats it"
    statement_csv = of("ibkr_activity_csv")
    assert rows(statement_csv, "positions", "ticker", "quantity")[0] == ("VTI", "10")
    assert [row[1] for row in rows(statement_csv, "tax_lots", "ticker", "quantity")] == ["6", "4"]


def test_quirk_29_personal_data_is_not_loaded():
    accounts = pershing_files.whole(pershing_files.acct(), title="CUSTOMER ACCT INFO")
    private = {
        "pershing_acct": (
            read("PERSHING", "111926.ACCF", accounts),
            accounts,
            ("ANN EXAMPLE", "BEN EXAMPLE", "1 PRIVATE ROAD", "123-45-6789", "19610704"),
        ),
        "pershing_gcus": (of("pershing_gcus"), GCUS, ("EXAMPLE AN",)),
        "ibkr_flex": (of("ibkr_flex"), FLEX, ("1 Private Road",)),
    }
    for feed, (reading, content, secrets) in private.items():
        assert reading.status == "LOADED", feed
        assert any(table.num_rows for table in reading.tables.values()), feed
        told = " ".join(each.message for each in reading.violations)
        for secret in secrets:
            assert secret in content, f"{feed}: the file holds {secret}"
            assert secret not in told, (feed, secret)
            for name, table in reading.tables.items():
                assert secret not in str(table.to_pylist()), (feed, name, secret)
    # The allow-list: no contract names a column of a person, whatever the custodian writes.
    forbidden = ("birth", "ssn", "tax_id", "social", "street", "address", "phone", "email", "owner")
    for feed, contract in load_contracts().items():
        if feed == "policy_files":
            continue
        for entity in contract.entities.values():
            # Who owns an account and was born when, distributions and wash sales depend on.
            is_person = entity.name in ("persons", "account_owners")
            names = () if is_person else entity.column_names
            for column in names:
                assert not any(word in column for word in forbidden), (feed, entity.name, column)


def _numbers(module: Path) -> list[int]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [
        int(node.name.split("_")[2])
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_quirk_")
    ]


def test_every_quirk_has_one_test():
    here = Path(__file__)
    other = here.parents[2] / "dbt_project" / "test_quirks_in_the_warehouse.py"
    assert sorted([*_numbers(here), *_numbers(other)]) == list(range(1, 30))
