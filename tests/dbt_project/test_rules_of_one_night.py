"""The rules about one night's files: each finds what is wrong, and nothing beside it.

Belongs here: for every rule that needs no earlier night a case that breaks it and like cases that
do not, all in one book of one household, and what the rules of the book say of them. Rules about
changes stand in test_rules_between_nights.py, those of files and columns in tests/data_contracts.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import AS_OF_DATE, create_warehouse, query, run_dbt

EQUITY = {"security_type": "EQUITY", "currency": "USD"}
SECURITIES = {
    # ticker: what the custodian's list says of it beside the ticker
    "PLAIN": EQUITY,
    "ZERO": EQUITY,
    "STALE": EQUITY,
    "DAYOLD": EQUITY,
    "SIGN": EQUITY,
    "OLDPRICE": EQUITY,
    "FUNDOLD": {"security_type": "ALTERNATIVE", "currency": "USD"},
    "FUNDNEW": {"security_type": "ALTERNATIVE", "currency": "USD"},
    "OPT": {
        "security_type": "OPTION",
        "currency": "USD",
        "underlying_ticker": "VTI",
        "expiration_date": "2027-01-15",
    },
    "OPTOLD": {
        "security_type": "OPTION",
        "currency": "USD",
        "underlying_ticker": "VTI",
        "expiration_date": "2026-11-10",
    },
    "DUE": {"security_type": "CD", "currency": "USD", "maturity_date": "2026-11-10"},
    "JUSTDUE": {"security_type": "CD", "currency": "USD", "maturity_date": "2026-11-16"},
    "BADC": EQUITY | {"cusip": "037833101"},
    "GOODC": EQUITY | {"cusip": "037833100"},
    "METAL": {"security_type": "ETF", "currency": "USD", "security_name": "Physical Gold Shares"},
    "MINER": {"security_type": "ETF", "currency": "USD", "security_name": "Gold Miners ETF"},
    "GLD": {"security_type": "ETF", "currency": "USD", "security_name": "Gold Trust"},
    "COIN": {"security_type": "ETF", "currency": "USD", "security_name": "Silver Coin Trust"},
    "TORN": {"security_type": "ETF", "currency": "USD", "security_name": "Basket"},
    "SPLT": EQUITY,
    "OLDCO": EQUITY,
    "NEWCO": EQUITY,
    "MFUND": {"security_type": "MUTUAL_FUND", "currency": "USD"},
    "LATECOV": EQUITY | {"covered_from_year": "2019"},
    "WASH1": EQUITY,
    "WASH2": EQUITY,
    "WASH3": EQUITY,
    "WRAP": EQUITY,
}
TODAY = AS_OF_DATE.isoformat()
ORDINARY_ACCOUNTS = [
    *(str(number) for number in range(1000200, 1000222)),
    *(str(number) for number in range(1000224, 1000240)),
    # Two accounts that end alike.
    "2000241",
    "3000241",
]
# Priced by the row of the position alone.
UNLISTED = {"STALE", "DAYOLD", "ZERO", "SIGN", "OPT", "OPTOLD", "DUE", "JUSTDUE"}
UNLISTED |= {"OLDPRICE", "FUNDOLD", "FUNDNEW"}
CASH = {"1000224": "-50", "1000225": "-50", "1000229": "a lot"}


def _book() -> Book:
    book = Book()
    for ticker, described in SECURITIES.items():
        book.delivery.add("securities", {"ticker": ticker, "security_name": ticker} | described)
        if ticker not in UNLISTED:
            book.delivery.add("prices", _price(ticker, "80", TODAY))
    book.delivery.add("prices", _price("STALE", "80", "2026-11-17"))
    book.delivery.add("prices", _price("DAYOLD", "80", "2026-11-18"))
    book.household("RULES")
    # Activity is known since June.
    book.delivery.add(
        "transactions",
        _transaction("1000200", "PLAIN", "2026-06-01", "BUY", "1"),
        _transaction("1000205", "PLAIN", TODAY, "BUY", "10") | {"settlement_date": "2026-11-20"},
    )
    for number in ORDINARY_ACCOUNTS:
        book.account(number, "RULES", cash=CASH.get(number, "200"))
    book.account("1000222", "RULES", account_type="roth_ira")
    book.account("1000223", "RULES", account_type="roth_ira")
    _prices_and_quantities(book)
    _lots_against_positions(book)
    _facts_of_lots(book)
    _wrappers_and_masters(book)
    _values_and_references(book)
    return book


def _price(ticker: str, price: str, day: str) -> dict[str, str]:
    return {
        "ticker": ticker,
        "price": price,
        "price_date": day,
        "price_type": "CLOSE",
        "currency": "USD",
    }


def _transaction(number: str, ticker: str, day: str, kind: str, quantity: str) -> dict[str, str]:
    return {
        "account_number": number,
        "ticker": ticker,
        "transaction_date": day,
        "transaction_type": kind,
        "quantity": quantity,
        "currency": "USD",
    }


def _plain(book: Book, number: str, ticker: str, quantity: str = "10", **changes: str) -> None:
    """A holding of one covered lot of 2020 at 80, of a price of 80: nothing is wrong with it."""
    value = f"{float(quantity) * 80:.2f}"
    book.position(number, ticker, quantity, **({"price": "80", "market_value": value} | changes))


def _prices_and_quantities(book: Book) -> None:
    _plain(book, "1000200", "PLAIN")
    _plain(book, "1000201", "ZERO", price="0", market_value="0")
    _plain(book, "1000202", "STALE", price_date="2026-11-17")
    _plain(book, "1000202", "DAYOLD", price_date="2026-11-18")
    # Six days old; private valuations of 36 and of 35 days.
    _plain(book, "1000202", "OLDPRICE", price_date="2026-11-13")
    _plain(book, "1000202", "FUNDOLD", price_date="2026-10-14")
    _plain(book, "1000202", "FUNDNEW", price_date="2026-10-15")
    _plain(book, "1000203", "SIGN", price="", market_value="-200.00")
    # Settled and traded quantity: without a trade, and with one of today that settles tomorrow.
    _plain(book, "1000204", "PLAIN", "60", settled_quantity="50")
    _plain(book, "1000205", "PLAIN", "60", settled_quantity="50")
    book.position("1000206", "OPT", "1.5", price="2", market_value="300.00", lots=())
    book.position("1000206", "OPTOLD", "1", price="0", market_value="0", lots=())
    _plain(book, "1000206", "PLAIN", "10.5")
    book.position("1000207", "DUE", "1000", price="100", market_value="1000.00", lots=())
    book.position("1000207", "JUSTDUE", "1000", price="100", market_value="1000.00", lots=())
    _plain(book, "1000208", "BADC", cusip="037833101")
    _plain(book, "1000208", "GOODC", cusip="037833100")
    for ticker in ("METAL", "MINER", "GLD", "COIN", "TORN"):
        _plain(book, "1000208", ticker)
    book.delivery.add(
        "security_classifications",
        {"ticker": "COIN", "asset_class": "Alternatives", "sub_class": "Silver"}
        | {"weight": "1", "is_collectible": "true"},
        {"ticker": "TORN", "asset_class": "Alternatives", "sub_class": "Basket"}
        | {"weight": "0.5", "is_collectible": "true"},
        {"ticker": "TORN", "asset_class": "Cash", "weight": "0.5", "is_collectible": "false"},
    )
    _plain(book, "1000209", "PLAIN", currency="USX")


def _lots_against_positions(book: Book) -> None:
    # The lots tie to what is settled; to nothing; to what a split of yesterday made of them.
    _plain(book, "1000210", "PLAIN", "100", settled_quantity="60", lots=("60",))
    book.delivery.add(
        "transactions",
        _transaction("1000210", "PLAIN", TODAY, "BUY", "40") | {"settlement_date": "2026-11-20"},
    )
    _plain(book, "1000211", "PLAIN", "100", lots=("90",))
    _plain(book, "1000212", "SPLT", "200", lots=("60", "40"))
    _plain(book, "1000213", "SPLT", "200", lots=("110",))
    _plain(book, "1000214", "NEWCO", "50", lots=())
    book.lot("1000214", "OLDCO", "100", "OLD-1")
    _plain(book, "1000214", "PLAIN")
    book.delivery.add(
        "corporate_actions",
        {"ticker": "SPLT", "action_type": "SPLIT", "ex_date": "2026-11-18"}
        | {"ratio_new": "2", "ratio_old": "1"},
        {"ticker": "OLDCO", "action_type": "MERGER", "ex_date": "2026-11-18"}
        | {"new_ticker": "NEWCO", "ratio_new": "1", "ratio_old": "2"},
    )
    for number, gains in (("1000215", ("20.00", "30.00")), ("1000216", ("20.00", "29.95"))):
        _plain(book, number, "PLAIN", "10", lots=(), unrealized_gain_loss="50.00")
        for place, gain in enumerate(gains, start=1):
            book.lot(
                number, "PLAIN", "5", f"G-{place}", cost_basis="400.00", unrealized_gain_loss=gain
            )


def _facts_of_lots(book: Book) -> None:
    number = "1000217"
    facts: dict[str, tuple[str, dict[str, str]]] = {
        "unit-wrong": ("PLAIN", {"unit_cost": "8"}),
        "unit-right": ("PLAIN", {"unit_cost": "80"}),
        "unit-rounded": ("PLAIN", {"unit_cost": "80.01", "cost_basis": "800.06"}),
        "basis-zero": ("PLAIN", {"cost_basis": "0"}),
        "basis-zero-spin-off": ("PLAIN", {"cost_basis": "0", "acquisition_type": "CORP_ACTION"}),
        "basis-negative": ("PLAIN", {"cost_basis": "-800.00"}),
        "basis-missing": ("PLAIN", {"cost_basis": ""}),
        "basis-missing-noncovered": (
            "PLAIN",
            {"cost_basis": "", "covered_status": "NONCOVERED", "acquisition_type": "TRANSFER"},
        ),
        "covered-too-early": ("PLAIN", {"acquisition_date": "2009-03-02"}),
        "covered-first-day": ("PLAIN", {"acquisition_date": "2011-01-03"}),
        "noncovered-purchase": ("PLAIN", {"covered_status": "NONCOVERED"}),
        "noncovered-transfer": (
            "PLAIN",
            {"covered_status": "NONCOVERED", "acquisition_type": "TRANSFER"},
        ),
        "fund-too-early": ("MFUND", {"acquisition_date": "2011-06-01"}),
        "fund-noncovered": (
            "MFUND",
            {"acquisition_date": "2011-06-01", "covered_status": "NONCOVERED"},
        ),
        "stated-year-too-early": ("LATECOV", {"acquisition_date": "2018-06-01"}),
        "stated-year-noncovered": (
            "LATECOV",
            {"acquisition_date": "2018-06-01", "covered_status": "NONCOVERED"},
        ),
        "held-later": ("PLAIN", {"holding_period_start_date": "2020-02-03"}),
        "held-earlier": ("PLAIN", {"holding_period_start_date": "2019-02-01"}),
        "held-earlier-gift": (
            "PLAIN",
            {"holding_period_start_date": "2019-02-01", "acquisition_type": "GIFT"},
        ),
        "parts-right": (
            "PLAIN",
            {"cost_basis": "855.00", "cost_basis_unadjusted": "800.00"}
            | {"wash_sale_adjustment": "50.00", "amortization_adjustment": "10.00"}
            | {"return_of_capital_adjustment": "5.00", "acquisition_date": "2020-01-03"},
        ),
        "parts-wrong": (
            "PLAIN",
            {"cost_basis": "860.00", "cost_basis_unadjusted": "800.00"}
            | {"wash_sale_adjustment": "50.00", "acquisition_date": "2020-01-03"},
        ),
        "parts-unsaid": ("PLAIN", {"cost_basis": "790.00", "cost_basis_unadjusted": "800.00"}),
        "wash-negative": (
            "PLAIN",
            {"wash_sale_adjustment": "-5.00", "cost_basis_unadjusted": "805.00"},
        ),
        "unit-error": ("PLAIN", {"cost_basis": "8.00"}),
        "unit-low": ("PLAIN", {"cost_basis": "17.00"}),
        "sentinel": ("PLAIN", {"acquisition_date": "1960-04-01"}),
        "sentinel-1900": ("PLAIN", {"acquisition_date": "1900-01-01"}),
        "sentinel-1970": ("PLAIN", {"acquisition_date": "1970-01-01"}),
        "old-but-real": (
            "PLAIN",
            {"acquisition_date": "1960-04-04", "covered_status": "NONCOVERED"},
        ),
        "future": ("PLAIN", {"acquisition_date": "2026-11-20", "term": "SHORT"}),
        "date-missing": ("PLAIN", {"acquisition_date": ""}),
        "term-wrong": ("PLAIN", {"term": "SHORT"}),
        "twice": ("PLAIN", {}),
        "wash-unknown": ("PLAIN", {"wash_sale_flag": "true"}),
    }
    held: dict[str, int] = {}
    for name, (ticker, changes) in facts.items():
        book.lot(number, ticker, "10", name, **changes)
        held[ticker] = held.get(ticker, 0) + 10
    book.lot(number, "PLAIN", "10", "twice", acquisition_date="2020-01-06")
    for ticker, quantity in held.items():
        _plain(book, number, ticker, str(quantity + 10 * (ticker == "PLAIN")), lots=())
    _wash_sales(book, "1000218")
    # Every lot of the account bought today: without a purchase, and with the purchases.
    for account in ("1000219", "1000220"):
        for ticker, lots in (("PLAIN", ("5", "5")), ("MFUND", ("10",))):
            _plain(book, account, ticker, lots=())
            for place, quantity in enumerate(lots, start=1):
                new = {"acquisition_date": TODAY, "term": "SHORT"}
                book.lot(account, ticker, quantity, f"N-{ticker}-{place}", **new)
    for ticker in ("PLAIN", "MFUND"):
        book.delivery.add("transactions", _transaction("1000220", ticker, TODAY, "BUY", "10"))
    # An account without tax on gains: what is known of its lots matters less.
    _plain(book, "1000222", "PLAIN", lots=())
    book.lot("1000222", "PLAIN", "10", "R-1", cost_basis="", acquisition_date="")
    _plain(book, "1000223", "PLAIN", lots=())
    book.lot("1000223", "PLAIN", "10", "R-2", covered_status="NONCOVERED")


def _wash_sales(book: Book, number: str) -> None:
    """Losses of 60 and of 10 beside adjustments of 50, and no loss beside a third."""
    for ticker, loss in (("WASH1", "-60.00"), ("WASH2", "-10.00"), ("WASH3", "")):
        _plain(book, number, ticker, lots=())
        bought = {"acquisition_date": "2026-10-15", "term": "SHORT", "wash_sale_flag": "true"}
        costs = {"cost_basis": "850.00", "cost_basis_unadjusted": "800.00"}
        book.lot(number, ticker, "10", ticker, wash_sale_adjustment="50.00", **bought, **costs)
        if loss:
            book.delivery.add(
                "closed_lots",
                {"account_number": number, "ticker": ticker, "source_lot_id": f"C-{ticker}"}
                | {"acquisition_date": "2026-03-02", "disposal_date": "2026-10-20"}
                | {"quantity": "10", "proceeds": "700.00", "realized_gain_loss": loss}
                | {"disposal_method": "LIFO" if ticker == "WASH1" else "FIFO"},
            )


def _wrappers_and_masters(book: Book) -> None:
    # Of two wrappers one shows as a holding what its account is worth, one holds something else.
    _plain(book, "1000230", "WRAP", "75")
    _plain(book, "1000231", "PLAIN", "75")
    _plain(book, "1000232", "WRAP", "5")
    _plain(book, "1000233", "PLAIN", "75")
    wrapped = {"1000231": "1000230", "1000233": "1000232"}
    # Two that show the account they hold by its name: with its value, and with another.
    for parent, child, value in (("1000234", "1000235", "6000"), ("1000236", "1000237", "5000")):
        stated = {"price": "1", "market_value": f"{value}.00"}
        book.position(parent, "BROKERAGELINK", value, lots=(), **stated)
        _plain(book, child, "PLAIN", "72.5")
        wrapped[child] = parent
    for number in [*ORDINARY_ACCOUNTS, "1000222", "1000223"]:
        if number != "1000221":
            book.delivery.add(
                "accounts",
                {"account_number": number, "base_currency": "USD", "account_status": "OPEN"}
                | {"parent_account_number": wrapped.get(number, "")}
                | {"is_margin": "true" if number == "1000225" else "false"}
                | {"default_disposal_method": "FIFO"},
            )
    # Told twice, an account is not worth twice as much.
    book.delivery.add(
        "accounts",
        {"account_number": "1000231", "base_currency": "USD", "account_status": "OPEN"}
        | {"parent_account_number": "1000230"},
    )
    # A lot of an account, and one of a security, that the custodian's own lists do not hold.
    _plain(book, "1000221", "PLAIN")
    book.position("1000200", "NOWHERE", "10", price="80", market_value="800.00")


def _values_and_references(book: Book) -> None:
    _plain(book, "1000226", "PLAIN", price="81", market_value="810.00")
    _plain(book, "1000227", "PLAIN", long_short="SHORT")
    _plain(book, "1000228", "PLAIN", accrued_interest="some")
    _plain(book, "1000224", "PLAIN")
    _plain(book, "1000224", "WHATSIT", lots=())
    _plain(book, "1000225", "PLAIN")
    _plain(book, "1000229", "PLAIN")
    _plain(book, "XXXX0241", "PLAIN", lots=())
    _plain(book, "1000238", "PLAIN", lots=())
    book.lot("1000238", "PLAIN", "10", "unread", unit_cost="eighty")
    order = {"account_number": "1000239", "ticker": "PLAIN", "order_id": "O-1", "side": "BUY"}
    book.delivery.add("open_orders", order | {"quantity": "some", "filled_quantity": "0"})
    _plain(book, "1000239", "PLAIN")
    book.delivery.add(
        "transactions", _transaction("1000239", "PLAIN", "2026-06-02", "BUY", "a few")
    )
    book.delivery.add("prices", _price("PLAIN", "eighty", TODAY))


LOT = "1000217"
EXPECTED: dict[str, set[tuple[str, str]]] = {
    # rule: (account, lot id or ticker) of every violation
    "price_is_above_zero": {("1000201", "ZERO")},
    "listed_price_is_of_the_session": {("1000202", "STALE")},
    "price_is_recent": {("1000202", "OLDPRICE")},
    "valuation_is_recent": {("1000202", "FUNDOLD")},
    "market_value_agrees_with_quantity": {("1000203", "SIGN")},
    "settled_quantity_awaits_a_trade": {("1000204", "PLAIN")},
    "fractions_are_of_divisible_securities": {("1000206", "OPT")},
    "matured_holding_is_gone": {("1000206", "OPTOLD"), ("1000207", "DUE")},
    "cusip_is_valid": {("", "BADC")},
    "collectible_status_is_known": {("", "METAL"), ("", "TORN")},
    "currency_is_known": {("1000209", "PLAIN")},
    "lots_follow_at_settlement": {("1000210", "PLAIN")},
    "lots_add_up_to_position": {("1000211", "PLAIN"), ("1000213", "SPLT")},
    "lots_follow_an_action": {("1000212", "SPLT"), ("1000214", "NEWCO")},
    "lots_have_a_position": set(),
    # What has come tonight is not late; late lots stand in test_quarantine_states.py.
    "lots_arrive_in_time": set(),
    "lot_gains_add_up_to_position": {("1000216", "PLAIN")},
    "lot_basis_is_unit_cost_times_quantity": {(LOT, "unit-wrong")},
    "lot_basis_is_above_zero": {(LOT, "basis-zero")},
    "lot_basis_is_not_negative": {(LOT, "basis-negative")},
    "covered_lot_has_basis": {(LOT, "basis-missing")},
    "lot_has_basis": {(LOT, "basis-missing-noncovered")},
    "covered_status_agrees_with_date": {
        (LOT, "covered-too-early"),
        (LOT, "noncovered-purchase"),
        (LOT, "fund-too-early"),
        (LOT, "stated-year-too-early"),
    },
    "covered_status_agrees_with_account": {("1000222", "")},
    "holding_period_start_is_explained": {(LOT, "held-later"), (LOT, "held-earlier")},
    "lot_basis_is_the_sum_of_its_parts": {
        (LOT, "parts-wrong"),
        (LOT, "parts-unsaid"),
        (LOT, "wash-negative"),
    },
    "wash_sale_has_its_loss": {("1000218", "WASH2"), ("1000218", "WASH3")},
    "unit_cost_is_near_the_price": {(LOT, "unit-error")},
    "acquisition_date_is_real": {
        (LOT, "sentinel"),
        (LOT, "sentinel-1900"),
        (LOT, "sentinel-1970"),
    },
    "acquisition_date_is_not_in_the_future": {(LOT, "future")},
    "acquisition_date_is_known": {(LOT, "date-missing")},
    "acquisition_dates_are_not_all_new": {
        ("1000219", "N-PLAIN-1"),
        ("1000219", "N-PLAIN-2"),
        ("1000219", "N-MFUND-1"),
    },
    "term_agrees_with_dates": {(LOT, "term-wrong")},
    "lot_id_is_unique": {(LOT, "twice")},
    "lot_is_in_the_masters": {("1000200", "NOWHERE-1"), ("1000221", "PLAIN-1")},
    "wrapper_is_not_counted_twice": {("1000230", "")},
    "security_is_resolved": {("1000224", "WHATSIT")},
    "wrapper_is_worth_its_accounts": {("1000236", "")},
    "account_reference_is_unambiguous": {("XXXX0241", "")},
    "cash_is_negative_in_margin_accounts_only": {("1000224", "")},
    "price_sources_agree": {("1000226", "PLAIN")},
    "quantity_agrees_with_side": {("1000227", "PLAIN")},
    "position_values_can_be_read": {("1000228", "PLAIN")},
    "cash_values_can_be_read": {("1000229", "")},
    "lot_values_can_be_read": {("1000238", "unread")},
    "order_values_can_be_read": {("1000239", "")},
    "activity_values_can_be_read": {("1000239", "")},
    "reference_values_can_be_read": {("", "")},
    "wash_sale_amount_is_known": {(LOT, "wash-unknown")},
    "closed_lot_follows_the_lot_method": {("1000218", "WASH1")},
}


@pytest.fixture(scope="module")
def rules_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "warehouse.duckdb"
    create_warehouse(path)
    _book().delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        # A name that the registry of identities could not settle.
        connection.execute("delete from raw.security_registry where id_value = 'WHATSIT'")
    run_dbt(path, "build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
    return path


def _found(path: Path) -> dict[str, set[tuple[str, str]]]:
    rows = query(
        path,
        """
        select
            v.rule,
            coalesce(a.account_number, ''),
            coalesce(l.source_lot_id, s.ticker, '')
        from ops.violations as v
        left join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        left join intermediate.int_lots__keyed as l on v.lot_id = l.lot_id
        left join intermediate.int_securities__described as s on v.security_id = s.security_id
        where v.severity <> 'info' or v.rule in (
            'fractions_are_of_divisible_securities', 'currency_is_known'
        )
        """,
    )
    found: dict[str, set[tuple[str, str]]] = {}
    for rule, account, thing in rows:
        found.setdefault(rule, set()).add((account, thing))
    return found


@pytest.mark.parametrize("rule", sorted(EXPECTED))
def test_rule_finds_what_is_wrong_and_nothing_else(rules_book: Path, rule: str) -> None:
    assert _found(rules_book).get(rule, set()) == EXPECTED[rule]


def test_an_account_says_the_custodians_standing_lot_method(rules_book: Path) -> None:
    stated = "select custodian_lot_method from marts.dim_accounts where account_number_masked "
    rows = query(rules_book, stated + "like '%0218' union all " + stated + "like '%0221'")
    assert rows == [("FIFO",), (None,)]


def test_a_security_says_whether_its_gain_is_gain_from_collectibles(rules_book: Path) -> None:
    rows = query(
        rules_book,
        """
        select ticker, is_collectible, half_spread_bps, half_spread_source
        from marts.dim_securities
        where ticker in ('METAL', 'MINER', 'GLD', 'COIN', 'TORN')
        """,
    )
    assert {row[0]: row[1] for row in rows} == {
        "METAL": None,
        "MINER": False,
        "GLD": True,
        "COIN": True,
        "TORN": None,
    }
    sources = {row[0]: row[2:] for row in rows}
    assert sources["GLD"][1] == "security"
    assert sources["METAL"] == (2, "security_type")


def test_each_violation_says_severity_scope_place_and_what_to_do(rules_book: Path) -> None:
    rows = query(
        rules_book,
        """
        select v.rule, v.severity, v.scope, r.severity, r.scope, v.household_id, v.observed,
            v.expected, v.message, v.who_must_act, v.source_file_id, v.source_row_number
        from ops.violations as v
        inner join staging.seed_data_quality_rules as r on v.rule = r.rule
        inner join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        where r.expectation is not null and a.is_in_policy
        """,
    )
    assert len(rows) > 50
    for rule, severity, scope, stated_severity, stated_scope, household, *told in rows:
        observed, expected, message, owner, file_id, row_number = told
        assert (severity, scope) == (stated_severity, stated_scope), rule
        assert observed, rule
        assert expected, rule
        assert owner, rule
        assert message.endswith("."), rule
        assert household == "RULES", rule
        if scope in ("lot", "position"):
            assert file_id, rule
            assert row_number, rule


def test_lots_of_a_late_action_are_no_lots_without_a_position(rules_book: Path) -> None:
    """One late file of a merger stops the holding that it is about, not the account."""
    rows = query(
        rules_book,
        """
        select a.account_number, a.account_state, s.ticker, p.position_state
        from intermediate.int_accounts__states as a
        inner join intermediate.int_positions__valued as p on a.account_id = p.account_id
        inner join intermediate.int_securities__described as s on p.security_id = s.security_id
        where a.account_number in ('1000212', '1000214') order by all
        """,
    )
    assert rows == [
        ("1000212", "complete", "SPLT", "frozen"),
        ("1000214", "complete", "NEWCO", "frozen"),
        ("1000214", "complete", "PLAIN", "complete"),
    ]


def test_rules_that_need_an_earlier_night_are_not_evaluated(rules_book: Path) -> None:
    named = {
        rule
        for (rule,) in query(
            rules_book,
            "select rule from intermediate.int_rules__asked "
            "where custodian = 'ALPINE' and asked_account_count = 0",
        )
    }
    assert named == {
        "acquisition_date_is_unchanged",
        "alike_lots_keep_their_number",
        "basis_change_is_explained",
        "basis_is_kept_through_an_action",
        "cash_rolls_forward",
        "delivery_has_no_gap",
        # No position of this book states its cost.
        "lot_basis_adds_up_to_position",
        "market_value_is_near_the_last",
        "named_lots_are_delivered",
        "positions_file_is_new",
        "price_moves_within_reason",
        "quantity_rolls_forward",
        "row_count_is_near_the_last",
        # Nobody sends a second opinion either.
        "second_source_agrees_on_cash",
        "second_source_agrees_on_positions",
        "sold_lots_add_up",
        "undated_prices_have_moved",
    }


@pytest.mark.parametrize(
    ("cusip", "is_valid"),
    [
        ("037833100", True),  # Apple
        ("922908769", True),  # Vanguard Total Stock Market
        ("38259P508", True),  # a letter among the digits
        ("78468R663", True),
        ("037833101", False),
        ("03783310", False),
        ("0378331OO", False),
        ("", False),
    ],
)
def test_check_digit_of_a_cusip(cusip: str, is_valid: bool) -> None:
    macro = (Path(__file__).parents[2] / "dbt_project" / "macros" / "changes.sql").read_text()
    body = macro.split("{% macro has_cusip_check_digit(cusip) -%}")[1].split("{%- endmacro %}")[0]
    statement = "select coalesce(" + body.replace("{{ cusip }}", "$1") + ", false)"
    with duckdb.connect() as connection:
        assert connection.execute(statement, [cusip]).fetchall() == [(is_valid,)]
