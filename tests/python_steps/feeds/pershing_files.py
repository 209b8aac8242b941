"""Invented files in Pershing's frame, for the tests of the readers.

Belongs here: builders of records. Does not belong here: assertions. All accounts, names and amounts
are made up. The builders place fields by the columns of the published descriptions, not by the
contracts, so that a wrong column in a contract fails a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def placed(length: int, end: str, fields: dict[int, str]) -> str:
    """A record: texts at their first columns (1-based), the end mark in the last."""
    cells = [" "] * length
    for start, text in fields.items():
        cells[start - 1 : start - 1 + len(text)] = text
    assert len(cells) == length
    cells[-1] = end
    return "".join(cells)


def digits(amount: str, width: int, decimals: int) -> str:
    """An unsigned amount with implied decimals."""
    return str(int(abs(Decimal(amount)) * 10**decimals)).rjust(width, "0")


def sign(amount: str) -> str:
    return "-" if Decimal(amount) < 0 else "+"


def header(
    length: int = 750,
    title: str = "GLOBAL CUST POS",
    day: str = "11/19/2026",
    mode: str = "REFRESHED",
) -> str:
    return placed(
        length,
        "A",
        {
            1: "BOF      PERSHING ",
            19: title.ljust(18),
            37: " DATA OF  ",
            47: day,
            57: " TO REMOTE ",
            68: "R123",
            72: " BEGINS HERE  ",
            86: "11/20/2026",
            97: "02:15:00",
            119: mode,
        },
    )


def trailer(
    count: int,
    length: int = 750,
    title: str = "GLOBAL CUST POS",
    day: str = "11/19/2026",
    mode: str = "REFRESHED",
) -> str:
    return placed(
        length,
        "Z",
        {
            1: "EOF      PERSHING ",
            19: title.ljust(18),
            37: " DATA OF  ",
            47: day,
            57: " TO REMOTE ",
            68: "R123",
            72: " ENDS HERE. ",
            84: "TOTAL DETAIL RECORDS: ",
            106: f"{count:010d}",
            119: mode,
        },
    )


def whole(records: Sequence[str], end: str = "\r\n", **frame: str) -> str:
    """Header, records and trailer with the right count."""
    length = len(records[0]) if records else 750
    lines = [header(length, **frame), *records, trailer(len(records), length, **frame)]
    return end.join(lines) + end


def gcus_a(
    account: str = "ABC123456",
    kind: str = "1",
    cusip: str = "922908769",
    quantity: str = "10",
    value: str = "2500",
    settled: str | None = None,
    pending: str = "0",
    indicator: str = "S",
    currency: str = "USD",
    position_currency: str | None = None,
    symbol: str = "VTI",
    name: str = "VANGUARD TOTAL",
    isin: str = "US9229087690",
    number: int = 1,
    pool: str = "0",
    expiry: str = "00000000",
    strike: str = "0",
    size: str = "0",
) -> str:
    at_settlement = quantity if settled is None else settled
    return placed(
        750,
        "X",
        {
            1: "GCA",
            4: f"{number:08d}",
            12: account,
            21: kind,
            22: cusip,
            48: "IP7",
            54: indicator,
            55: currency,
            58: "20261118",
            66: "20261118",
            74: digits(quantity, 18, 5),
            92: sign(quantity),
            93: digits(at_settlement, 18, 5),
            111: sign(at_settlement),
            283: digits(pending, 18, 5),
            301: sign(pending),
            435: symbol,
            444: "6",
            451: digits(strike, 18, 9),
            469: "+",
            470: expiry,
            478: digits(size, 18, 5),
            514: "EXAMPLE AN",
            538: name.ljust(20) + "STOCK INDEX FUND",
            662: currency if position_currency is None else position_currency,
            665: digits(value, 18, 3),
            683: sign(value),
            684: digits(pool, 10, 8),
            714: digits(value, 18, 3),
            732: sign(value),
            736: "I" if isin else " ",
            737: isin,
        },
    )


def gcus_b(
    account: str = "ABC123456",
    kind: str = "1",
    cusip: str = "922908769",
    put_call: str = " ",
    accrued: str = "0",
    pending_value: str | None = None,
    number: int = 1,
) -> str:
    fields = {
        1: "GCB",
        4: f"{number:08d}",
        12: account,
        21: kind,
        22: cusip,
        104: put_call,
        417: digits(accrued, 18, 3),
        435: "+",
    }
    if pending_value is not None:
        fields |= {454: digits(pending_value, 18, 3), 472: sign(pending_value)}
    return placed(750, "X", fields)


def dollars(amount: str, account: str = "ABC123456", kind: str = "1", **more: str) -> str:
    return gcus_a(
        account,
        kind,
        "USD999997",
        quantity=amount,
        value=more.pop("value", amount),
        indicator="C",
        symbol="",
        name="US DOLLAR",
        isin="",
        **more,
    )


def isca(
    cusip: str = "922908769",
    symbol: str = "VTI",
    price: str = "250.1234",
    expanded: str | None = None,
    day: str = "2026323",
    currency: str = "USD",
    year: str = "2011",
    maturity: str = "0000000",
    kinds: str = "ABEF",
) -> list[str]:
    long_price = price if expanded is None else expanded
    bodies = {
        "A": {21: "0000000", 28: maturity, 62: symbol},
        "B": {20: "Y", 48: digits(price, 9, 4), 87: day},
        "C": {21: "DESCRIPTION"},
        "E": {93: "VANGUARD INDEX FUNDS", 125: currency},
        "F": {75: digits(long_price, 18, 9), 128: year},
    }
    return [placed(132, "X", {1: kind, 2: "000001", 8: cusip, **bodies[kind]}) for kind in kinds]


def gmon(
    account: str = "ABC123456",
    traded: str = "1500.25",
    settled: str = "1400.25",
    all_in: str | None = None,
    fund: str = "20.00",
) -> list[str]:
    everything = traded if all_in is None else all_in
    first = {
        1: "GMA",
        4: "00000001",
        12: account,
        29: digits(everything, 18, 2),
        47: sign(everything),
        48: digits(traded, 18, 2),
        66: sign(traded),
        181: digits(fund, 18, 2),
        199: "+",
        242: "20261119",
    }
    second = {
        1: "GMB",
        4: "00000001",
        12: account,
        48: digits(settled, 18, 2),
        66: sign(settled),
        208: "USD",
    }
    return [placed(250, "X", first), placed(250, "X", second)]


def acct(account: str = "ABC123456", closed: str = "00000000", kinds: str = "AB") -> list[str]:
    first = {
        1: "CIA",
        4: "00000001",
        12: account,
        25: "IP7",
        29: "EXAMPLE AN",
        44: "JTWR",
        50: "ANN EXAMPLE AND BEN EXAMPLE",
        82: "1 PRIVATE ROAD",
        263: "20150302",
        279: "O",
        288: closed,
        686: "19610704",
    }
    second = {1: "CIB", 4: "00000002", 12: account, 50: "123-45-6789"}
    return [placed(750, "X", {"A": first, "B": second}[kind]) for kind in kinds]
