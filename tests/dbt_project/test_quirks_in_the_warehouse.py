"""The catalogue of quirks of custodians' files, one test for each number: those of the warehouse.

Files are read by their own readers and land as a night lands them; one book pass then says what
they mean. Quirks that the readers alone meet stand in tests/python_steps/feeds/test_quirks.py,
which also sees to it that every number has its test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.received import ROW_NUMBER, ROW_TEXT, FileReading
from tests.dbt_project.book_fixture import Book
from tests.dbt_project.feeds_fixture import FeedFile, write_files
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    DBT_PROJECT,
    create_warehouse,
    query,
    run_dbt,
)
from tests.python_steps.feeds import (
    etrade_files,
    fidelity_files,
    ofx_files,
    pershing_files,
    schwab_files,
)
from tests.python_steps.feeds.files import (
    CASH_REPORT,
    flex,
    lot_details,
    open_position,
    read,
    schwab_single,
    section,
    statement,
)

EARLIER = date(2026, 11, 18)
BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
# Every null word of the catalogue, with why the value is absent.
NULL_WORDS = {
    "--": "missing",
    "N/A": "not_applicable",
    "n/a": "not_applicable",
    "not applicable": "not_applicable",
    "": "missing",
    "-": "missing",
    "Incomplete": "incomplete",
    "Missing": "missing",
    "Various": "various",
    "VARIOUS": "various",
    "Unknown": "unknown",
    " ": "missing",
}
AMOUNTS = {
    "$1,234.56": "1234.56",
    "-$1.23": "-1.23",
    "$-1.23": "-1.23",
    "+$1": "1",
    "($1.00)": "-1",
    "$12.00 ": "12",
    "-2.6E-4": "-0.00026",
}


@dataclass(frozen=True)
class Landed:
    """One file as its reader landed it."""

    custodian: str
    name: str
    reading: FileReading
    received: str = "22:00:00"

    @property
    def file(self) -> FeedFile:
        """The file as the warehouse receives it."""
        assert self.reading.status == "LOADED", (self.name, self.reading.violations)
        return FeedFile(
            self.reading.session_date or AS_OF_DATE,
            str(self.reading.feed),
            {name: _rows(table.to_pylist()) for name, table in self.reading.tables.items()},
            custodian=self.custodian,
            role=load_contracts()[str(self.reading.feed)].role,
            mode=str(self.reading.delivery_mode),
            received=self.received,
            covered_from_date=self.reading.covered_from_date,
        )


def _rows(rows: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, str]]:
    """Rows without the columns that the file does not have."""
    return [
        {
            name: str(text)
            for name, text in row.items()
            if text is not None and name not in (ROW_NUMBER, ROW_TEXT)
        }
        for row in rows
    ]


def land(custodian: str, name: str, content: str | bytes, day: date = AS_OF_DATE) -> Landed:
    return Landed(custodian, name, read(custodian, name, content, day))


# The files, by quirk


def _schwab(
    account: str, *holdings: tuple[str, str, str, str, str, str], name: str = "x"
) -> Landed:
    title = f"Positions for account Individual {account} as of 04:05 PM ET, 2026/11/19"
    content = schwab_single(title=title, holdings=list(holdings), value_total="--")
    return land("SCHWAB", f"{name}-Positions-2026-11-19-160500.csv", content)


def _schwab_lots(account: str, symbol: str, *lots: dict[str, str]) -> Landed:
    title = f"{symbol} Lot Details for {account} as of 04:05 PM ET, 11/19/2026"
    content = lot_details(list(lots), title=title, quantity_total="--", basis_total="--")
    return land("SCHWAB", f"{symbol.partition(' ')[0]}-{account[-4:]}-lots.csv", content)


def _lot(opened: str, quantity: str, basis: str) -> dict[str, str]:
    return {"Open Date": opened, "Quantity": quantity, "Cost Basis": basis}


def _fidelity(
    account: str, *rows: str, name: str = "Portfolio_Positions_Nov-19-2026.csv"
) -> Landed:
    return land("FIDELITY", name, fidelity_files.positions(*rows))


def _fidelity_row(
    account: str, symbol: str, quantity: str, price: str, value: str, **more: str
) -> str:
    return fidelity_files.holding(symbol, quantity, price, value, account=account, **more)


def _fidelity_core(account: str, value: str, symbol: str = "SPAXX**") -> str:
    return fidelity_files.core(value, symbol, account=account)


def _ibkr(account: str, *sections: str, cash: str = CASH_REPORT) -> Landed:
    """One statement; positions and cash that name U100 are of `account`."""
    content = flex(statement("\n".join([*sections, cash]).replace("U100", account), account))
    return land("IBKR", f"{account}.xml", content)


def _ofx(
    account: str, *positions: str, infos: Sequence[str] | None = None, cash: str = "0"
) -> Landed:
    one = ofx_files.ONE
    content = one.document(
        one.statement(positions, [], one.cash(cash), account=account), infos=infos
    )
    return land("OTHERBANK", f"{account}.ofx", content)


def _pershing(*records: str) -> Landed:
    return land("PERSHING", "111926.GCUS", pershing_files.whole(records))


def _null_word_files() -> list[Landed]:
    words = list(NULL_WORDS)
    plain = [f"NW{chr(ord('A') + place)}" for place in range(len(words))]
    found = [
        _schwab(
            "...9601",
            *(
                (symbol, "1", "$1.00", "$1.00", word, "Equity")
                for symbol, word in zip(plain, words, strict=True)
            ),
            name="null",
        ),
        _fidelity(
            "Z96000002",
            *(
                _fidelity_row("Z96000002", symbol, "1", "$1.00", "$1.00", basis=word)
                for symbol, word in zip(plain, words, strict=True)
            ),
            _fidelity_core("Z96000002", "$0.00"),
            name="Portfolio_Positions_Nov-19-2026 (6).csv",
        ),
        land(
            "ETRADE",
            "PortfolioDownload-null.csv",
            etrade_files.portfolio(
                [
                    line
                    for symbol, word in zip(plain, words, strict=True)
                    for line in (
                        f"{symbol},1.0000,1.00,{word}",
                        f"     {word.strip() or '--'},1.0000,1.00,{word}",
                    )
                ]
                + ["CASH,,0.00,"],
                account="Individual Brokerage -9603",
                net="12.00",
            ),
        ),
    ]
    found += [
        _schwab_lots("XXXX-9601", symbol, _lot(word, "1", word))
        for symbol, word in zip(plain, words, strict=True)
    ]
    return found


def _closed_lots_of_null_words() -> Landed:
    lots = [
        schwab_files.UNKNOWN
        | {"Symbol": f"NW{chr(ord('A') + place)}", "Opened Date": word, "Cost Basis (CB)": word}
        | {"Unadjusted Cost Basis": word, "Disallowed Loss": word}
        for place, word in enumerate(NULL_WORDS)
    ]
    content = schwab_files.gains(lots, title=schwab_files.GAINS_TITLE.replace("...178", "...9601"))
    return land("SCHWAB", schwab_files.GAINS_NAME, content)


def _amount_files() -> list[Landed]:
    return [
        _schwab(
            "...9701",
            *(
                (f"AM{chr(ord('A') + place)}", "1", "$1.00", "$1.00", text, "Equity")
                for place, text in enumerate(AMOUNTS)
            ),
            name="amounts",
        ),
        land(
            "FIDELITY",
            "Realized_Gain_Loss_Account_Z97000002.csv",
            fidelity_files.sheet(
                fidelity_files.GAINS,
                [
                    fidelity_files.gain(
                        proceeds="$1,234.56 ", basis="$12.00 ", long="$1,222.56 ", quantity="1"
                    )
                ],
            ),
        ),
        _ibkr(
            "U9703",
            section("OpenPositions", open_position(fifoPnlUnrealized="-2.6E-4")),
        ),
        _ofx("97040000", ofx_files.ONE.position(units="+0000000000010.00000")),
    ]


def _date_files() -> list[Landed]:
    ibkr = flex(
        statement(
            section(
                "OpenPositions",
                open_position(),
                open_position(
                    "LOT",
                    openDateTime="20251201;093000",
                    holdingPeriodDateTime="20251103;093000",
                    originatingTransactionID="1",
                ),
            )
            + CASH_REPORT,
            "U9803",
        )
    )
    return [
        _schwab_lots(
            "XXXX-9801",
            "VTI",
            _lot("09/24/2020 13:42:07", "1", "$1.00"),
            _lot("09/25/2020", "2", "$2.00"),
            _lot("2020/09/26", "3", "$3.00"),
        ),
        land(
            "SCHWAB",
            "Individual_XXX9801_Transactions_20261119-115444.csv",
            schwab_files.transactions(
                [
                    schwab_files.transaction(
                        "Buy",
                        date="11/18/2026 as of 11/16/2026",
                        symbol="VTI",
                        quantity="1",
                        amount="-$1.00",
                    )
                ]
            ),
        ),
        land(
            "FIDELITY",
            "Accounts_History_dates.csv",
            fidelity_files.history(
                rows=[
                    {"action": f"INTEREST EARNED as of {day} (Cash)", "amount": amount}
                    | {"account": "Z98000002", "symbol": " "}
                    for day, amount in (("Feb-18-2026", "0.01"), ("03-20-26", "0.02"))
                ]
            ),
        ),
        land("IBKR", "U9803.xml", ibkr.replace("U100", "U9803").replace("2026-11-19", "20261119")),
        land(
            "ETRADE",
            "DownloadTxnHistory-dates.csv",
            etrade_files.history(
                [
                    "11/18/26,11/17/26,,Bought,VTI,VTI,--,3.0,35.517,-106.55,0.0,--,--",
                ],
                activity="Account Activity for Trading -9804 from 10/20/2026 to 11/19/2026",
            ),
        ),
        land(
            "OTHERBANK",
            "dates.ofx",
            ofx_files.ONE.document(
                ofx_files.ONE.statement(
                    transactions=[
                        ofx_files.ONE.trade(number="D1", traded="20261101011111.111[-5:EST]"),
                        ofx_files.ONE.trade(
                            number="D2",
                            traded="20261102160000.000[-5:EST]160000.000[-5:EST]",
                            total="-1001.00",
                        ),
                        ofx_files.ONE.trade(number="D3", traded="20261103", total="-1002.00"),
                    ],
                    account="98050000",
                )
            ),
        ),
    ]


def _cash_files() -> list[Landed]:
    return [
        _schwab(
            "...9141",
            ("SWVXX", "5", "$1.00", "$5.00", "$5.00", "Cash and Money Market"),
            name="cash",
        ),
        *(
            _fidelity(
                account,
                _fidelity_row(account, "VTI", "1", "$2.00", "$2.00"),
                _fidelity_core(account, "$70.00", symbol),
                name=f"Portfolio_Positions_Nov-19-2026 ({account[-2:]}).csv",
            )
            for account, symbol in CORE_SYMBOLS.items()
        ),
        _pershing(
            pershing_files.gcus_a(account="PER914001"),
            pershing_files.dollars("1500.25", account="PER914001"),
            pershing_files.gcus_a(
                account="PER917001",
                cusip="31402RUN7",
                symbol="",
                name="FNMA POOL",
                isin="",
                quantity="1000",
                value="400",
                pool="0.5",
            ),
            pershing_files.gcus_a(
                account="PER921001", kind="3", cusip="922908769", quantity="-10", value="-2500"
            ),
        ),
        _ofx("91450000", ofx_files.ONE.position(), cash="88.00"),
        _ibkr("U9146", section("OpenPositions", open_position())),
    ]


CORE_SYMBOLS = {
    "Z91420001": "SPAXX**",
    "Z91420002": "CORE**",
    "Z91420003": "FCASH**",
    "Z91420004": "FZFXX**",
    "Z91420005": "USD***",
}


def _security_files() -> list[Landed]:
    one = ofx_files.ONE
    return [
        # 12: masks; two accounts end with 1299.
        _schwab("XXXX-1234", ("VTI", "12", "$250", "$3,000.00", "--", "Equity"), name="mask1"),
        _schwab("...235", ("VTI", "13", "$250", "$3,250.00", "--", "Equity"), name="mask2"),
        _schwab("...1299", ("VTI", "14", "$250", "$3,500.00", "--", "Equity"), name="mask3"),
        land(
            "SCHWAB",
            "Individual_XXX236_Transactions_20261119-115444.csv",
            schwab_files.transactions([schwab_files.BOUGHT]),
        ),
        # 16: a plan's window on another account of the file.
        _wrapped("$70.00"),
        # 17: prices per 100 of face, contracts of 100 shares.
        _schwab(
            "...9171",
            ("912828YW4", "5,000", "$98.50", "$4,925.00", "$4,900.00", "Fixed Income"),
            ("XYZ 06/20/2027 10.00 P", "2", "$1.50", "$300.00", "$250.00", "Option"),
            name="factors",
        ),
        _fidelity(
            "Z91720001",
            _fidelity_row("Z91720001", "912828YW4", "5,000", "$98.50", "$4,925.00"),
            _fidelity_row("Z91720001", " -XYZ270620P10", "2", "$1.50", "$300.00"),
            _fidelity_core("Z91720001", "$0.00"),
            name="Portfolio_Positions_Nov-19-2026 (17).csv",
        ),
        _ibkr(
            "U9173",
            section(
                "OpenPositions",
                open_position(
                    assetCategory="BOND",
                    subCategory="Govt",
                    symbol="T 1 5/8 12/15/26",
                    conid="917301",
                    cusip="912828YW4",
                    isin="",
                    position="5000",
                    markPrice="98.5",
                    positionValue="4925",
                ),
                open_position(
                    assetCategory="OPT",
                    subCategory="P",
                    symbol="XYZ   270620P00010000",
                    conid="917302",
                    cusip="",
                    isin="",
                    multiplier="100",
                    position="2",
                    markPrice="1.5",
                    positionValue="300",
                    strike="10",
                    expiry="2027-06-20",
                    putCall="P",
                    underlyingSymbol="XYZ",
                ),
            ),
        ),
        _ofx(
            "91740000",
            one.position("POSDEBT", ofx_files.NOTE, "5000", "98.50", "4925.00"),
            infos=[one.info("DEBTINFO", ofx_files.NOTE, "US TREASURY BOND", "")],
        ),
        # 19: identifiers of every kind.
        _schwab(
            "...9191",
            ("BRK/B", "1", "$500.00", "$500.00", "--", "Equity"),
            ("912828YW4", "100", "$98.50", "$98.50", "--", "Fixed Income"),
            ("912828YW0", "1", "$1.00", "$1.00", "--", "Fixed Income"),
            name="ids",
        ),
        _ibkr(
            "U9192",
            section(
                "OpenPositions",
                open_position(symbol="BRK B", conid="", cusip="", isin="", position="2"),
            ),
        ),
        _fidelity(
            "Z91930001",
            _fidelity_row("Z91930001", "BRKB", "3", "$500.00", "$1,500.00"),
            _fidelity_core("Z91930001", "$0.00"),
            name="Portfolio_Positions_Nov-19-2026 (19).csv",
        ),
        _fidelity(
            "19194",
            _fidelity_row("19194", "59515R401", "4", "$10.00", "$40.00"),
            name="Portfolio_Positions_Nov-19-2026 (191).csv",
        ),
        land(
            "SCHWAB",
            "Individual_XXX9191_Transactions_20261119-115444.csv",
            schwab_files.transactions(
                [schwab_files.transaction("Wire Received", symbol="NO NUMBER", amount="$9.00")]
            ),
        ),
        # 20: one symbol in two parts of an account.
        _fidelity(
            "Z92010001",
            _fidelity_row("Z92010001", "VTI", "10", "$250.00", "$2,500.00", type="Cash"),
            _fidelity_row("Z92010001", "VTI", "5", "$250.00", "$1,250.00", type="Margin"),
            _fidelity_core("Z92010001", "$0.00"),
            name="Portfolio_Positions_Nov-19-2026 (20).csv",
        ),
        land(
            "VANGUARD",
            "OfxDownload-2026-11-19.csv",
            etrade_files.vanguard().replace("12345678", "92020001"),
        ),
        # 21: short positions and lots.
        _ibkr(
            "U9211",
            section(
                "OpenPositions",
                open_position(
                    position="-10", positionValue="-2500", costBasisMoney="-2000", side="Short"
                ),
                open_position(
                    "LOT",
                    position="-10",
                    positionValue="-2500",
                    costBasisMoney="-2000",
                    side="Short",
                    openDateTime="2026-01-05",
                    holdingPeriodDateTime="2026-01-05",
                    originatingTransactionID="7",
                ),
            ),
        ),
        _ofx("92120000", one.position(units="10", worth="2500.00", side="SHORT")),
    ]


def _wrapped(value: str) -> Landed:
    """A plan with the row of its window, and the brokerage account behind it, worth $70."""
    return _fidelity(
        "16161",
        _fidelity_row("16161", "VTI", "1", "$10.00", "$10.00"),
        _fidelity_row("16161", "BROKERAGELINK", "1", "--", value),
        _fidelity_row("Z91600002", "VTI", "2", "$10.00", "$20.00", name="BrokerageLink"),
        fidelity_files.core("$50.00", account="Z91600002", name="BrokerageLink"),
        name="Portfolio_Positions_Nov-19-2026 (16).csv",
    )


def _lot_files() -> list[Landed]:
    fund = ("SWPPX", "30", "$20.00", "$600.00", "$375.00", "Mutual Fund")
    share = ("HD", "30", "$400.00", "$12,000.00", "$375.00", "Equity")
    return [
        # 22: the averaged price stands on every lot of the fund; the shares' lots have their own.
        _schwab("...9221", fund, share, name="average"),
        _schwab_lots(
            "XXXX-9221",
            "SWPPX",
            _lot("01/05/2024", "10", "$125.00"),
            _lot("03/05/2024", "15", "$187.50"),
            _lot("07/05/2024", "5", "$62.50"),
        ),
        _schwab_lots(
            "XXXX-9221",
            "HD",
            _lot("01/05/2024", "10", "$125.00"),
            _lot("03/05/2024", "15", "$187.50"),
            _lot("07/05/2024", "5", "$62.51"),
        ),
        # 23: dates that stand for no date.
        _schwab("...9231", ("VTI", "10", "$250.00", "$2,500.00", "--", "Equity"), name="sentinel"),
        _schwab_lots(
            "XXXX-9231",
            "VTI",
            _lot("04/01/1960", "1", "$10.00"),
            _lot("01/01/1900", "2", "$20.00"),
            _lot("11/19/2026", "3", "$30.00"),
            _lot("11/10/2026", "2", "$40.00"),
            _lot("11/11/2026", "2", "$50.00"),
        ),
        land(
            "SCHWAB",
            "Individual_XXX9231_Transactions_20261119-115444.csv",
            schwab_files.transactions(
                [
                    schwab_files.transaction(
                        "Security Transfer", date="11/10/2026", symbol="VTI", quantity="8"
                    ),
                    schwab_files.transaction(
                        "Buy", date="11/11/2026", symbol="VTI", quantity="2", amount="-$50.00"
                    ),
                ]
            ),
        ),
        # 24: identical lots, and identical transactions in two files that overlap.
        _schwab("...9241", ("VTI", "6", "$250.00", "$1,500.00", "--", "Equity"), name="identical"),
        _schwab_lots("XXXX-9241", "VTI", *[_lot("09/24/2024", "3", "$300.00")] * 2),
        *(
            land(
                "SCHWAB",
                f"Individual_XXX9241_Transactions_20261119-11544{number}.csv",
                schwab_files.transactions([*[schwab_files.PAID] * 2, *others]),
            )
            for number, others in ((1, []), (2, [schwab_files.SOLD]))
        ),
        # 27: a late entry, a cancelled purchase.
        land(
            "SCHWAB",
            "Individual_XXX9271_Transactions_20261119-115444.csv",
            schwab_files.transactions(
                [
                    schwab_files.transaction(
                        action, date=day, symbol="VTI", quantity=quantity, amount=amount
                    )
                    for action, day, quantity, amount in (
                        ("Buy", "11/18/2026 as of 10/30/2026", "4", "-$1,000.00"),
                        ("Buy", "11/17/2026", "2", "-$500.00"),
                        ("Cancel Buy", "11/18/2026 as of 11/17/2026", "-2", "$500.00"),
                    )
                ]
            ),
        ),
        # 28: corporate actions beside lots that the custodian restates, or not yet.
        _schwab("...9281", ("VTI", "20", "$250.00", "$5,000.00", "--", "Equity"), name="actions"),
        _schwab_lots("XXXX-9281", "VTI", _lot("09/24/2020", "10", "$100.00")),
        land(
            "SCHWAB",
            "Individual_XXX9281_Transactions_20261119-115444.csv",
            schwab_files.transactions(
                [
                    schwab_files.transaction("Stock Split", symbol="VTI", quantity="10"),
                    schwab_files.transaction("Reverse Split", symbol="00206R102", quantity="-100"),
                    schwab_files.transaction("Reverse Split", symbol="HD", quantity="10"),
                    schwab_files.transaction("Cash Merger", symbol="BND", amount="$75.00"),
                    schwab_files.transaction("Cash Merger Adj", symbol="BND", quantity="-1"),
                ]
            ),
        ),
    ]


ACCOUNTS: dict[str, tuple[str, ...]] = {
    "SCHWAB": (
        *("55509601", "55509701", "55509801", "55509141", "55501234", "55500235", "55500236"),
        *("55501299", "66601299", "55509171", "55509191", "55509221", "55509231", "55509241"),
        *("55509271", "55509281"),
    ),
    "FIDELITY": (
        *("Z96000002", "Z97000002", "Z98000002", *CORE_SYMBOLS, "16161", "Z91600002"),
        *("Z91720001", "Z91930001", "19194", "Z92010001"),
    ),
    "ETRADE": ("55509603", "55509804"),
    "IBKR": ("U9703", "U9803", "U9146", "U9173", "U9192", "U9211"),
    "OTHERBANK": ("97040000", "98050000", "91450000", "91740000", "92120000"),
    "PERSHING": ("PER914001", "PER917001", "PER921001"),
    "VANGUARD": ("92020001",),
}


@pytest.fixture(scope="module")
def received() -> list[Landed]:
    """Every file, read by its reader."""
    return [
        *_null_word_files(),
        _closed_lots_of_null_words(),
        *_amount_files(),
        *_date_files(),
        *_cash_files(),
        *_security_files(),
        *_lot_files(),
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, received: list[Landed]) -> Path:
    """The book after one night with all of them."""
    path = tmp_path_factory.mktemp("quirks") / "warehouse.duckdb"
    create_warehouse(path)
    book = Book()
    for custodian, numbers in ACCOUNTS.items():
        book.household(custodian)
        for number in numbers:
            book.account(number, custodian, custodian=custodian, cash=None)
    # The night before, the holding of which a lot says tonight's date was there already.
    before = Book(EARLIER)
    before.household("SCHWAB")
    before.account("55509231", "SCHWAB", custodian="SCHWAB", cash="0")
    before.position("55509231", "VTI", "10", custodian="SCHWAB", lots=())
    before.delivery.write(path)
    book.delivery.write(path)
    write_files(path, *(each.file for each in received))
    run_dbt(path, *BOOK_PASS, as_of_date=EARLIER)
    run_dbt(path, "run", "--select", "fct_tax_lots", "fct_positions", as_of_date=EARLIER)
    run_dbt(path, *BOOK_PASS)
    return path


def _held(path: Path, number: str, columns: str) -> list[tuple[Any, ...]]:
    """Columns of the positions (p) and securities (s) of an account, by its own number."""
    return query(
        path,
        f"""
        select {columns}
        from intermediate.int_positions__aggregated as p
        inner join intermediate.int_accounts__identified as a on p.account_id = a.account_id
        inner join intermediate.int_securities__described as s on p.security_id = s.security_id
        where a.account_number = ?
        order by all
        """,
        number,
    )


def _lots(path: Path, number: str, columns: str) -> list[tuple[Any, ...]]:
    return query(
        path,
        f"""
        select {columns}
        from intermediate.int_lots__keyed as l
        inner join intermediate.int_accounts__identified as a on l.account_id = a.account_id
        inner join intermediate.int_securities__described as s on l.security_id = s.security_id
        where a.account_number = ?
        order by all
        """,
        number,
    )


def _told(path: Path, number: str, columns: str) -> list[tuple[Any, ...]]:
    return query(
        path,
        f"""
        select {columns}
        from intermediate.int_transactions__told as t
        inner join intermediate.int_accounts__identified as a on t.account_id = a.account_id
        where a.account_number = ?
        order by all
        """,
        number,
    )


def test_quirk_06_null_words_are_null_with_a_reason(
    warehouse: Path, received: list[Landed]
) -> None:
    wanted = sorted(NULL_WORDS.values())
    for entity, columns, files in (
        ("positions", ["cost_basis"], 3),
        ("tax_lots", ["cost_basis", "acquisition_date"], 1 + len(NULL_WORDS)),
    ):
        for column in columns:
            found = query(
                warehouse,
                f"""
                select feed, {column}, {column}_status, rejected_values
                from staging.stg_{entity}
                where account_number in ('...9601', 'XXXX-9601', 'Z96000002', '-9603')
                """,
            )
            by_feed: dict[str, list[str]] = {}
            for feed, value, status, rejected in found:
                assert (value, rejected) == (None, None), (feed, column, status)
                by_feed.setdefault(feed, []).append(status)
            assert files >= len(by_feed) >= 2
            for feed, statuses in by_feed.items():
                assert sorted(statuses) == wanted or (feed, column) == (
                    "etrade_portfolio",
                    "acquisition_date",
                ), (feed, column)
    # A word that is nothing to a contract is nothing to the casts too: else its rows are rejects.
    macros = (DBT_PROJECT / "macros" / "casting.sql").read_text(encoding="utf-8")
    listed = macros.partition("macro is_null_word")[2].partition("endmacro")[0]
    for feed, contract in load_contracts().items():
        for word in contract.null_words:
            assert f"'{word.strip().lower()}'" in listed, (feed, word)
    # Nor does it break an expectation.
    for landed in received[: 3 + len(NULL_WORDS)]:
        contract = load_contracts()[str(landed.reading.feed)]
        for entity, table in landed.reading.tables.items():
            found = check_table(contract, entity, table).violations
            assert [each for each in found if "cost_basis" in each.rule] == [], landed.name
    casts = query(
        warehouse,
        "select distinct cost_basis_status from staging.stg_positions where feed like 'schwab%'"
        " and cost_basis = 0",
    )
    assert casts == [], "no null word became 0"


def test_quirk_07_amounts_are_exact_decimals_or_rejects(warehouse: Path) -> None:
    for text, amount in AMOUNTS.items():
        parsed = parse_amount(text)
        assert parsed == Decimal(amount), text
    found = query(
        warehouse,
        "select ticker, cost_basis, rejected_values from staging.stg_positions"
        " where account_number = '...9701' order by ticker",
    )
    assert found == [
        (f"AM{chr(ord('A') + place)}", Decimal(amount), None)
        for place, amount in enumerate(AMOUNTS.values())
    ]
    sold = query(
        warehouse,
        "select proceeds, cost_basis, rejected_values from staging.stg_closed_lots"
        " where account_number = 'Z97000002'",
    )
    assert sold == [(Decimal("1234.56"), Decimal(12), None)]
    assert query(
        warehouse,
        "select unrealized_gain_loss from staging.stg_positions where account_number = 'U9703'",
    ) == [(Decimal("-0.00026"),)]
    assert query(
        warehouse, "select quantity from staging.stg_positions where account_number = '97040000'"
    ) == [(10,)], "zero-padded and signed"
    assert query(
        warehouse,
        "select quantity, market_value from staging.stg_positions"
        " where account_number = 'PER914001'",
    ) == [(10, 2500)], "implied decimals"
    types = query(
        warehouse,
        "select data_type from information_schema.columns where table_schema = 'staging'"
        " and table_name = 'stg_positions' and column_name in ('cost_basis', 'quantity')",
    )
    assert all(kind.startswith("DECIMAL") for (kind,) in types)
    cells = ("+0.32%", "$0.00 0.00%", "1,23", "1.234,56", "$", "12.34.56", "ten")
    assert [parse_amount(text) for text in cells] == [None] * len(cells)


def test_quirk_08_dates_are_read_by_their_format_or_rejected(warehouse: Path) -> None:
    lots = query(
        warehouse,
        "select acquisition_date, acquisition_time from staging.stg_tax_lots"
        " where account_number = 'XXXX-9801' order by 1",
    )
    assert lots == [
        (date(2020, 9, 24), "13:42:07"),
        (date(2020, 9, 25), None),
        (date(2020, 9, 26), None),
    ]
    days = "t.transaction_date, t.entry_date"
    assert _told(warehouse, "55509801", days) == [(date(2026, 11, 16), EARLIER)]
    assert _told(warehouse, "Z98000002", days) == [
        (date(2026, 2, 18), EARLIER),
        (date(2026, 3, 20), EARLIER),
    ]
    assert _told(warehouse, "55509804", "t.transaction_date")[0] in (
        (EARLIER,),
        (date(2026, 11, 17),),
    )
    assert _told(warehouse, "98050000", "t.transaction_date") == [
        (date(2026, 11, day),) for day in (1, 2, 3)
    ]
    assert _lots(warehouse, "U9803", "l.acquisition_date, l.holding_period_start_date") == [
        (date(2025, 12, 1), date(2025, 11, 3))
    ]
    ambiguous = flex(
        statement(
            section("OpenPositions", open_position(reportDate="05/06/2026")),
            start="05/06/2026",
            end="05/06/2026",
        )
    )
    reading = read("IBKR", "flex.xml", ambiguous)
    assert "date_format_unambiguous" in [each.rule for each in reading.violations]
    assert reading.status == "QUARANTINED"


def test_quirk_12_masks_mean_the_one_account_they_fit_or_none(warehouse: Path) -> None:
    for number, quantity in (("55501234", 12), ("55500235", 13)):
        assert _held(warehouse, number, "s.ticker, p.quantity") == [("VTI", quantity)]
    assert _told(warehouse, "55500236", "t.quantity") == [(10,)], "by the file's name alone"
    assert _held(warehouse, "55501299", "1") == _held(warehouse, "66601299", "1") == []
    stopped = query(
        warehouse,
        """
        select r.account_number, r.is_ambiguous, v.severity
        from intermediate.int_account_references__resolved as r
        inner join intermediate.int_violations__found as v
            on v.rule = 'account_reference_is_unambiguous'
        where r.account_number = '...1299'
        """,
    )
    assert stopped == [("...1299", True, "block")]


def test_quirk_14_cash_is_one_balance_and_a_sweep_fund_a_security(warehouse: Path) -> None:
    wanted = {
        "55509141": Decimal(100),
        **dict.fromkeys(CORE_SYMBOLS, Decimal(70)),
        "PER914001": Decimal("1500.25"),
        "91450000": Decimal(88),
        "U9146": Decimal("50.5"),
    }
    for number, amount in wanted.items():
        found = query(
            warehouse,
            """
            select c.trade_date
            from intermediate.int_cash__by_account as c
            inner join intermediate.int_accounts__identified as a on c.account_id = a.account_id
            where a.account_number = ?
            """,
            number,
        )
        assert found == [(amount,)], number
        names = {row[0] for row in _held(warehouse, number, "s.ticker")}
        assert not names & {"CASH", "CORE", "SPAXX", "FCASH", "USD", "USD999997"}, number
    fund = _held(warehouse, "55509141", "s.ticker, s.security_type, s.is_cash_equivalent")
    assert fund == [("SWVXX", "MONEY_MARKET", True)]


def test_quirk_16_a_wrapper_row_is_not_counted_beside_its_account(warehouse: Path) -> None:
    assert _held(warehouse, "16161", "s.ticker, p.quantity") == [("VTI", 1)]
    assert _held(warehouse, "Z91600002", "s.ticker, p.quantity") == [("VTI", 2)]
    wrapped = query(warehouse, "select wrapped_value from intermediate.int_accounts__wrappers")
    assert wrapped == [(Decimal(70),)]
    differs = _wrapped("$75.00").reading
    told = [each for each in differs.violations if each.rule == "wrapper_agrees"]
    assert [each.expected for each in told] == ["70.00, the sum of account Z91600002"], (
        "the row is the control total of the account"
    )


def test_quirk_17_a_unit_is_worth_its_price_times_its_factors(warehouse: Path) -> None:
    columns = (
        "s.unit_factor, p.quantity * p.checked_price * s.unit_factor, p.custodian_market_value"
    )
    option, bond = (100, 300, 300), (Decimal("0.01"), 4925, 4925)
    assert _held(warehouse, "55509171", columns) == sorted([bond, option])
    assert _held(warehouse, "Z91720001", columns) == sorted([bond, option])
    assert _held(warehouse, "U9173", columns) == sorted([bond, option])
    assert _held(warehouse, "91740000", columns) == [bond]
    # A pool's remaining face counts; what its price is quoted on, GCUS does not say.
    assert _held(warehouse, "PER917001", "s.unit_factor") == [(Decimal("0.5"),)]
    wrong = query(
        warehouse,
        """
        select a.account_number
        from intermediate.int_positions__aggregated as p
        inner join intermediate.int_accounts__identified as a on p.account_id = a.account_id
        where
            p.is_value_wrong
            and a.account_number in ('55509171', 'Z91720001', 'U9173', '91740000')
        """,
    )
    assert wrong == []


def test_quirk_19_securities_are_one_however_they_are_named(warehouse: Path) -> None:
    shares = [
        _held(warehouse, number, "s.ticker, p.security_id")[-1] for number in ("U9192", "Z91930001")
    ]
    at_schwab = dict(_held(warehouse, "55509191", "s.ticker, p.security_id"))
    assert {*shares, ("BRK.B", at_schwab["BRK.B"])} == {("BRK.B", at_schwab["BRK.B"])}
    cusips = _held(warehouse, "55509191", "s.cusip, p.security_id")
    at_fidelity = dict(_held(warehouse, "Z91720001", "s.cusip, p.security_id"))
    assert ("912828YW4", at_fidelity["912828YW4"]) in cusips, "a CUSIP under Symbol"
    told = query(
        warehouse,
        "select cusip, ticker from staging.stg_positions where account_number = '...9191'"
        " order by 1, 2",
    )
    assert (None, "912828YW0") in told, "nine characters with a wrong check digit are no CUSIP"
    plan = query(
        warehouse,
        "select cusip, ticker, security_key from staging.stg_positions"
        " where account_number = '19194'",
    )
    assert plan[0][:2] == (None, None)
    assert "59515R401" in plan[0][2], "a plan's code is the custodian's own"
    assert _told(warehouse, "55509191", "t.security_id, t.net_amount") == [(None, 9)], "NO NUMBER"


def test_quirk_20_parts_of_a_holding_are_kept_and_summed_to_report(warehouse: Path) -> None:
    parts = query(
        warehouse,
        "select sub_account_type, quantity from staging.stg_positions"
        " where account_number = 'Z92010001' order by 1",
    )
    assert parts == [("CASH", 10), ("MARGIN", 5)]
    assert _held(warehouse, "Z92010001", "s.ticker, p.quantity, p.row_count") == [("VTI", 15, 2)]
    sweep = [row for row in _held(warehouse, "92020001", "s.ticker, p.quantity") if row[0] != "VTI"]
    assert sweep == [("VMFXX", Decimal("600.25"))]


def test_quirk_21_short_is_negative_by_its_side(warehouse: Path) -> None:
    for number in ("U9211", "92120000", "PER921001"):
        assert _held(
            warehouse, number, "p.quantity, p.custodian_market_value, p.is_short, p.is_side_wrong"
        ) == [(-10, -2500, True, False)], number
    assert _lots(warehouse, "U9211", "l.quantity, l.custodian_cost_basis") == [(-10, -2000)]


def test_quirk_22_a_fund_whose_lots_all_cost_the_same_is_at_average_cost(warehouse: Path) -> None:
    lots = _lots(warehouse, "55509221", "s.ticker, l.basis_method, l.quantity")
    assert lots == [
        *(("HD", None, quantity) for quantity in (5, 10, 15)),
        *(("SWPPX", "AVERAGE", quantity) for quantity in (5, 10, 15)),
    ]


def test_quirk_23_dates_that_stand_for_no_date_are_none(warehouse: Path) -> None:
    columns = "l.quantity, l.acquisition_date, l.acquisition_date_status, l.stated_cost_basis"
    lots = {row[3]: row[1:3] for row in _lots(warehouse, "55509231", columns)}
    days = "l.stated_cost_basis, l.stated_acquisition_date"
    assert (Decimal(30), AS_OF_DATE) in _lots(warehouse, "55509231", days), "as received"
    assert lots == {
        Decimal(10): (None, "sentinel"),
        Decimal(20): (None, "sentinel"),
        Decimal(30): (None, "sentinel"),
        Decimal(40): (None, "sentinel"),
        Decimal(50): (date(2026, 11, 11), "present"),
    }


def test_quirk_24_what_is_alike_to_the_letter_is_kept_apart(warehouse: Path) -> None:
    lots = _lots(warehouse, "55509241", "l.lot_id, l.quantity, l.stated_cost_basis")
    assert [row[1:] for row in lots] == [(3, 300), (3, 300)]
    assert len({row[0] for row in lots}) == 2
    paid = [
        key
        for key, amount in _told(warehouse, "55509241", "t.transaction_key, t.net_amount")
        if amount == Decimal("12.34")
    ]
    assert len(paid) == len(set(paid)) == 2, "two payments, each told by two files"


def test_quirk_27_late_entries_and_cancels_keep_both_dates(warehouse: Path) -> None:
    told = _told(
        warehouse,
        "55509271",
        "t.transaction_date, t.entry_date, t.first_known_date, t.is_cancel, t.is_cancelled",
    )
    assert told == [
        (date(2026, 10, 30), EARLIER, AS_OF_DATE, False, False),
        (date(2026, 11, 17), date(2026, 11, 17), AS_OF_DATE, False, True),
        (date(2026, 11, 17), EARLIER, AS_OF_DATE, True, False),
    ]
    happened = query(
        warehouse,
        """
        select t.quantity
        from intermediate.int_transactions__merged as t
        inner join intermediate.int_accounts__identified as a on t.account_id = a.account_id
        where a.account_number = '55509271'
        """,
    )
    assert happened == [(4,)], "a purchase and its cancel both fall away"


def test_quirk_28_no_lot_is_restated_by_a_corporate_action(warehouse: Path) -> None:
    told = _told(warehouse, "55509281", "t.transaction_type, t.quantity, t.net_amount")
    assert sorted(told, key=str) == sorted(
        [
            ("SPLIT", Decimal(10), None),
            ("SPLIT", Decimal(-100), None),
            ("SPLIT", Decimal(10), None),
            ("MERGER", None, Decimal(75)),
            ("MERGER", Decimal(-1), None),
        ],
        key=str,
    )
    lots = _lots(warehouse, "55509281", "s.ticker, l.quantity, l.stated_cost_basis")
    assert lots == [("VTI", 10, 100)], "as the custodian states them, until it states others"
    assert _held(warehouse, "55509281", "s.ticker, p.quantity") == [("VTI", 20)]
    awaited = query(
        warehouse,
        """
        select v.rule
        from intermediate.int_violations__found as v
        inner join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        where a.account_number = '55509281' and v.scope = 'position'
        """,
    )
    assert awaited, "that lots and position differ by the split is told"
