"""Invented OFX statements, version 1 and 2, for the tests of the reader.

Belongs here: builders of file text. Does not belong here: assertions. All numbers are made up.
"""

from __future__ import annotations

from collections.abc import Iterable

HEADER_1 = "\r\n".join(
    [
        "OFXHEADER:100",
        "DATA:OFXSGML",
        "VERSION:102",
        "SECURITY:NONE",
        "ENCODING:USASCII",
        "CHARSET:1252",
        "COMPRESSION:NONE",
        "OLDFILEUID:NONE",
        "NEWFILEUID:NONE",
        "",
        "",
    ]
)
HEADER_2 = (
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
    '<?OFX OFXHEADER="200" VERSION="203" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n'
)
AS_OF = "20261119160000.000[-5:EST]"
VTI, BND, NOTE = "922908769", "921937835", "912810RW0"


class Writer:
    """Writes elements: version 1 leaves the end tags of values out, version 2 has them all."""

    def __init__(self, *, closes: bool) -> None:
        self.closes = closes

    def value(self, tag: str, text: str) -> str:
        end = f"</{tag}>" if self.closes else ""
        return f"<{tag}>{text}{end}"

    def values(self, **given: str) -> str:
        return "\n".join(self.value(tag, text) for tag, text in given.items())

    def aggregate(self, tag: str, *parts: str) -> str:
        return "\n".join([f"<{tag}>", *(part for part in parts if part), f"</{tag}>"])

    def security_id(self, code: str, kind: str = "CUSIP") -> str:
        return self.aggregate("SECID", self.values(UNIQUEID=code, UNIQUEIDTYPE=kind))

    def position(
        self,
        tag: str = "POSSTOCK",
        code: str = VTI,
        units: str = "10",
        price: str = "250.00",
        worth: str = "2500.00",
        side: str = "LONG",
        held: str = "CASH",
        kind: str = "CUSIP",
        source: str = "",
        more: str = "",
    ) -> str:
        inner = self.aggregate(
            "INVPOS",
            self.security_id(code, kind),
            self.values(
                HELDINACCT=held,
                POSTYPE=side,
                UNITS=units,
                UNITPRICE=price,
                MKTVAL=worth,
                DTPRICEASOF=AS_OF,
            ),
            more,
            self.value("INV401KSOURCE", source) if source else "",
        )
        return self.aggregate(tag, inner)

    def trade(
        self,
        tag: str = "BUYSTOCK",
        word: str = "BUY",
        units: str = "4",
        price: str = "250.00",
        total: str = "-1000.00",
        number: str = "T1",
        code: str = VTI,
        traded: str = "20261118",
        memo: str = "YOU BOUGHT",
    ) -> str:
        side = "BUY" if tag.startswith("BUY") else "SELL"
        inner = self.aggregate(
            f"INV{side}",
            self.aggregate(
                "INVTRAN",
                self.values(FITID=number, DTTRADE=traded, DTSETTLE="20261119", MEMO=memo),
            ),
            self.security_id(code),
            self.values(
                UNITS=units,
                UNITPRICE=price,
                COMMISSION="0",
                TOTAL=total,
                SUBACCTSEC="CASH",
                SUBACCTFUND="CASH",
            ),
        )
        return self.aggregate(tag, inner, self.value(f"{side}TYPE", f"{word}   "))

    def income(
        self, word: str, total: str = "12.50", number: str = "T2", tag: str = "INCOME"
    ) -> str:
        return self.aggregate(
            tag,
            self.aggregate("INVTRAN", self.values(FITID=number, DTTRADE="20261118")),
            self.security_id(VTI),
            self.values(INCOMETYPE=word, TOTAL=total, SUBACCTSEC="CASH", SUBACCTFUND="CASH"),
            self.values(UNITS="0.05", UNITPRICE="250.00") if tag == "REINVEST" else "",
        )

    def bank(self, word: str, amount: str, name: str, number: str = "T3", more: str = "") -> str:
        entry = self.aggregate(
            "STMTTRN",
            self.values(TRNTYPE=word, DTPOSTED="20261118", TRNAMT=amount, FITID=number, NAME=name),
            more,
        )
        return self.aggregate("INVBANKTRAN", entry, self.value("SUBACCTFUND", "CASH"))

    def cash(self, available: str = "500.00", margin: str = "0", total: str = "") -> str:
        listed = self.aggregate(
            "BALLIST",
            self.aggregate(
                "BAL",
                self.values(NAME="Networth", DESC="all", BALTYPE="DOLLAR", VALUE=total),
            ),
        )
        return self.aggregate(
            "INVBAL",
            self.values(AVAILCASH=available, MARGINBALANCE=margin, SHORTBALANCE="0"),
            listed if total else "",
        )

    def info(self, tag: str, code: str, name: str, ticker: str, more: str = "") -> str:
        return self.aggregate(
            tag,
            self.aggregate(
                "SECINFO", self.security_id(code), self.values(SECNAME=name, TICKER=ticker)
            ),
            more,
        )

    def statement(
        self,
        positions: Iterable[str] | None = None,
        transactions: Iterable[str] | None = None,
        balance: str | None = None,
        account: str = "X1234567",
        as_of: str = AS_OF,
        start: str = "20261001",
        more: str = "",
    ) -> str:
        held = [self.position()] if positions is None else positions
        done = [self.trade()] if transactions is None else transactions
        return self.aggregate(
            "INVSTMTRS",
            self.values(DTASOF=as_of, CURDEF="USD"),
            self.aggregate("INVACCTFROM", self.values(BROKERID="example.com", ACCTID=account)),
            self.aggregate("INVTRANLIST", self.values(DTSTART=start, DTEND="20261119"), *done),
            self.aggregate("INVPOSLIST", *held),
            self.cash() if balance is None else balance,
            more,
        )

    def document(
        self, *statements: str, infos: Iterable[str] | None = None, code: str = "0", head: str = ""
    ) -> str:
        listed = (
            [
                self.info("STOCKINFO", VTI, "TOTAL STOCK &amp; MORE", "VTI"),
                self.info("MFINFO", BND, "TOTAL BOND FUND", "BND"),
            ]
            if infos is None
            else list(infos)
        )
        status = self.aggregate("STATUS", self.values(CODE=code, SEVERITY="INFO"))
        body = [
            self.aggregate("INVSTMTTRNRS", self.value("TRNUID", "1"), status, each)
            for each in (statements or (self.statement(),))
        ]
        root = self.aggregate(
            "OFX",
            self.aggregate("INVSTMTMSGSRSV1", *body),
            self.aggregate("SECLISTMSGSRSV1", self.aggregate("SECLIST", *listed)),
        )
        return (head or (HEADER_2 if self.closes else HEADER_1)) + root + "\n"


ONE = Writer(closes=False)
TWO = Writer(closes=True)
