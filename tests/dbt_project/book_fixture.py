"""A small book in which each household has one thing wrong, and one has nothing wrong.

Belongs here: the rows of that book, as custodians and the firm would deliver them. Does not belong
here: what the book must make of them (test_book.py). Prices are round so that the arithmetic can be
followed: VTI 100, BND 50, SCHB 20.
"""

from __future__ import annotations

from datetime import date

from tests.dbt_project.warehouse_fixture import AS_OF_DATE, Delivery

ETF = {"security_type": "ETF", "currency": "USD"}
SECURITIES = [
    ETF | {"ticker": "VTI", "cusip": "922908769", "security_name": "Total US stock market"},
    ETF | {"ticker": "BND", "security_name": "Total US bond market"},
    ETF | {"ticker": "SCHB", "security_name": "US broad market"},
    ETF | {"ticker": "ZZZQ", "security_name": "Nobody knows"},
    {
        "ticker": "BOND1",
        "security_name": "Corporate bond 5 %",
        "security_type": "BOND_CORP",
        "currency": "USD",
        "price_factor": "0.01",
    },
    {"ticker": "SAPX", "security_name": "Foreign", "security_type": "EQUITY", "currency": "EUR"},
]
PRICES = {"VTI": "100", "BND": "50", "SCHB": "20", "ZZZQ": "10", "BOND1": "98.5"}


class Book:
    """Rows of one session, added household by household."""

    def __init__(self, as_of_date: date = AS_OF_DATE) -> None:
        self.delivery = Delivery(as_of_date)
        self.as_of_date = as_of_date
        self.delivery.add("securities", *SECURITIES)
        self.delivery.add(
            "prices",
            *(
                {
                    "ticker": ticker,
                    "price": price,
                    "price_date": as_of_date.isoformat(),
                    "price_type": "CLOSE",
                    "currency": "USD",
                }
                for ticker, price in PRICES.items()
            ),
        )
        for entity in ("positions", "tax_lots", "cash_balances", "transactions", "restrictions"):
            self.delivery.add(entity)
        for entity in ("open_orders", "fx_rates", "cash_flows", "security_classifications"):
            self.delivery.add(entity)
        self.delivery.add(
            "expected_feeds",
            *(
                {"custodian": custodian, "entity": entity, "is_required": "true"}
                for custodian in ("ALPINE", "BETA")
                for entity in ("positions", "tax_lots", "cash_balances")
            ),
        )
        for place, (asset_class, ticker) in enumerate(
            (("US Large Cap Equity", "VTI"), ("Investment Grade Bonds", "BND")), start=1
        ):
            self.delivery.add(
                "model_securities",
                {
                    "allocation_group_id": "*",
                    "asset_class": asset_class,
                    "rank": str(place),
                    "ticker": ticker,
                    "account_types": "*",
                },
            )

    def household(
        self,
        name: str,
        *,
        stocks: str = "0.60",
        bonds: str = "0.38",
        cash: str = "0.02",
        **settings: str,
    ) -> None:
        """A household with one group; the three targets are of classes."""
        self.delivery.add(
            "households",
            {"household_id": name, "household_name": name.title(), "advisor_id": "ADV-1"}
            | {"report_language": "en", "allows_short_term_gains": "false"}
            | settings,
        )
        self.delivery.add(
            "allocation_groups",
            {"allocation_group_id": f"G-{name}", "household_id": name}
            | {"review_frequency": "annual", "last_review_date": "2026-06-01"},
        )
        self.delivery.add(
            "tax_profiles",
            {"tax_unit_id": name, "household_id": name, "tax_year": "2026", "filing_status": "MFJ"}
            | {"ordinary_taxable_income": "200000", "magi": "210000", "state_rate": "0.05"},
        )
        for key, weight in (
            ("US Large Cap Equity", stocks),
            ("Investment Grade Bonds", bonds),
            ("Cash", cash),
        ):
            self.delivery.add(
                "ips_targets",
                {"allocation_group_id": f"G-{name}", "target_level": "class"}
                | {"target_key": key, "target_weight": weight},
            )

    def account(
        self,
        number: str,
        household: str,
        *,
        custodian: str = "ALPINE",
        cash: str | None = "200",
        currency: str = "USD",
        **settings: str,
    ) -> None:
        """An account with its settings and its cash (None: no cash row)."""
        self.delivery.add(
            "account_settings",
            {
                "custodian": custodian,
                "account_number": number,
                "account_name": f"Account {number[-2:]}",
                "household_id": household,
                "allocation_group_id": f"G-{household}",
                "tax_unit_id": household,
                "wash_sale_group_id": household,
                "account_type": "taxable_individual",
                "counts_toward_allocation": "true",
                "is_tradable": "true",
                "counts_for_wash_sales": "true",
                "account_status": "open",
                "minimum_cash": "0",
                "lot_method": "HIFO",
                "is_discretionary": "true",
            }
            | settings,
        )
        if cash is not None:
            self.delivery.add(
                "cash_balances",
                {"account_number": number, "currency": currency, "trade_date_balance": cash},
                custodian=custodian,
            )

    def position(
        self,
        number: str,
        ticker: str,
        quantity: str,
        *,
        lots: tuple[str, ...] | None = None,
        custodian: str = "ALPINE",
        **changes: str,
    ) -> None:
        """A holding with its lots: one of the whole quantity unless told; () for none."""
        price = PRICES.get(ticker, "10")
        factor = 0.01 if ticker == "BOND1" else 1
        self.delivery.add(
            "positions",
            {
                "account_number": number,
                "ticker": ticker,
                "sub_account_type": "CASH",
                "long_short": "LONG",
                "quantity": quantity,
                "price": price,
                "price_date": self.as_of_date.isoformat(),
                "market_value": f"{float(quantity) * float(price) * factor:.2f}",
                "currency": "USD",
            }
            | changes,
            custodian=custodian,
        )
        for place, lot_quantity in enumerate((quantity,) if lots is None else lots, start=1):
            self.lot(number, ticker, lot_quantity, f"{ticker}-{place}", custodian=custodian)

    def lot(
        self,
        number: str,
        ticker: str,
        quantity: str,
        lot_id: str,
        *,
        custodian: str = "ALPINE",
        **changes: str,
    ) -> None:
        """A lot bought at 80 a share on 2020-01-02."""
        self.delivery.add(
            "tax_lots",
            {
                "account_number": number,
                "ticker": ticker,
                "source_lot_id": lot_id,
                "quantity": quantity,
                "acquisition_date": "2020-01-02",
                "covered_status": "COVERED",
                "term": "LONG",
                "acquisition_type": "PURCHASE",
                "currency": "USD",
            }
            | ({} if "cost_basis" in changes else {"cost_basis": f"{float(quantity) * 80:.2f}"})
            | changes,
            custodian=custodian,
        )


def small_book(as_of_date: date = AS_OF_DATE) -> Book:
    """The book: per household 60 VTI, 76 BND and $200 (10,000 in all), and its one trouble."""
    book = Book(as_of_date)

    def sound(name: str, number: str, **household: str) -> None:
        book.household(name, **household)
        book.account(number, name)
        book.position(number, "VTI", "60", lots=("40", "20"))
        book.position(number, "BND", "76")

    sound("CLEAN", "1000001")
    book.account("1000002", "CLEAN", account_type="roth_ira", cash="0")
    book.position("1000002", "VTI", "6", lots=())
    book.delivery.add(
        "ips_targets",
        {"allocation_group_id": "G-CLEAN", "target_level": "sub_class"}
        | {"target_key": "US total market", "target_weight": "0.60"},
    )
    book.delivery.add("persons", {"person_id": "P-1", "display_name": "Casey Clean"})
    book.delivery.add(
        "account_owners",
        {"account_number": "1000001", "person_id": "P-1", "owner_role": "owner"},
    )
    book.delivery.add(
        "restrictions",
        {"restriction_id": "R-1", "scope": "person", "scope_id": "P-1", "ticker": "BND"}
        | {"restriction_type": "hold", "reason": "pledged", "until_date": "2026-11-20"},
        {"restriction_id": "R-2", "scope": "person", "scope_id": "P-1", "ticker": "VTI"}
        | {"restriction_type": "hold", "reason": "lockup", "until_date": "2026-11-18"},
        {"restriction_id": "R-3", "scope": "household", "scope_id": "CLEAN", "ticker": "VTI"}
        | {"restriction_type": "concentration_cap", "limit_weight": "0.70"},
        {"restriction_id": "R-4", "scope": "household", "scope_id": "NOBODY", "ticker": "VTI"}
        | {"restriction_type": "hold"},
    )
    book.delivery.add(
        "security_custodians",
        {"ticker": "SCHB", "custodian": "*", "is_available": "true", "trades_in": "shares"},
    )

    # Cash that is not stated: in a small account, in a large one, and in one that is held away.
    sound("NOCASH", "1000151")
    book.account("1000152", "NOCASH", account_type="roth_ira", cash=None)
    book.position("1000152", "VTI", "5", lots=())
    sound("NOCASH2", "1000161")
    book.account("1000162", "NOCASH2", account_type="roth_ira", cash=None)
    book.position("1000162", "VTI", "50", lots=())
    sound("AWAY", "1000171")
    book.account("1000172", "AWAY", account_type="401k", cash=None, is_tradable="false")
    book.position("1000172", "VTI", "50", lots=(), is_held_away="true")

    # One class share in three spellings, and no CUSIP.
    sound("SHARES", "1000181")
    for number, ticker in (("1000181", "BRK/B"), ("1000182", "BRK B"), ("1000183", "BRK.B")):
        if number != "1000181":
            book.account(number, "SHARES", cash="0", account_type="roth_ira")
        book.position(number, ticker, "1")

    sound("LOTS", "1000011")
    book.position("1000011", "SCHB", "10", lots=("9",))

    sound("UNMAPPED", "1000021")
    book.position("1000021", "ZZZQ", "5")

    sound("NOIPS", "1000031")
    book.account("1000032", "NOIPS", allocation_group_id="")
    book.position("1000032", "VTI", "5")

    sound("FOREIGN", "1000041")
    book.account("1000042", "FOREIGN", cash="100", currency="SEK")

    sound("TARGETS", "1000051", bonds="0.30")

    sound("ORDERS", "1000061")
    book.delivery.add(
        "open_orders",
        {"account_number": "1000061", "ticker": "VTI", "order_id": "O-1", "side": "BUY"}
        | {"quantity": "10", "filled_quantity": "4", "status": "OPEN"},
    )

    sound("WAITING", "1000071")
    book.account("2000071", "WAITING", custodian="BETA", cash="10")

    sound("UNCERTAIN", "1000081")
    book.position("1000081", "SCHB", "250", market_value="9000.00")

    sound("ABSENT", "1000091")
    book.account("1000092", "ABSENT", cash=None)

    sound("FROZENLOT", "1000101")
    book.position("1000101", "SCHB", "10", lots=())
    book.lot("1000101", "SCHB", "6", "S-1")
    book.lot("1000101", "SCHB", "4", "S-2", cost_basis="")

    sound("FLOWS", "1000111")
    book.delivery.add(
        "cash_flows",
        {"cash_flow_id": "F-1", "custodian": "ALPINE", "account_number": "1000111"}
        | {"flow_type": "withdrawal", "amount": "1000", "state": "requested"}
        | {"required_by_date": "2026-11-25"},
        {"cash_flow_id": "F-2", "custodian": "ALPINE", "account_number": "1000111"}
        | {
            "flow_type": "fee",
            "amount": "20",
            "state": "planned",
            "required_by_date": "2026-11-30",
        },
    )

    sound("BONDS", "1000121")
    book.position("1000121", "BOND1", "1000", lots=())
    book.lot("1000121", "BOND1", "1000", "B-1", cost_basis="990.00")

    sound("EURO", "1000131")
    book.position(
        "1000131", "SAPX", "2", lots=(), currency="EUR", price="100", market_value="200.00"
    )
    book.lot("1000131", "SAPX", "2", "E-1", currency="EUR", cost_basis="150.00")
    book.delivery.add(
        "fx_rates",
        {"from_currency": "EUR", "to_currency": "USD", "rate": "1.1"}
        | {"rate_date": as_of_date.isoformat()},
    )

    sound("TEXT", "1000141")
    book.position("1000141", "SCHB", "10", lots=())
    book.lot("1000141", "SCHB", "ten", "T-1", cost_basis="800.00")

    # An account that the custodian sends and the firm has no settings for.
    book.position("1000999", "VTI", "7")
    return book


CONTRACT_VIOLATIONS = [
    {
        "as_of_date": AS_OF_DATE,
        "custodian": "ALPINE",
        "feed": "standard_feed",
        "entity": "positions",
        "file_name": "positions.csv",
        "rule": "unique_key",
        "severity": "warn",
        "scope": "position",
        "account_number": "1000001",
        "observed": "the key (account_number=1000001, ticker=VTI) more than once",
        "expected": "each key once",
        "message": "positions.csv: found account_number=1000001 and lot 1000002.014.001; which?",
        "who_must_act": "operations",
    }
]
