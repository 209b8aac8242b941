"""Approved trades become orders: none is lost or crossed, nothing is bought before it is paid."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.order_layouts import order_layout_text
from python_steps.orders.approved import ApprovedTrade, LotToDeliver, OrderError, Tradable
from python_steps.orders.blocks import FIRST_WAVE, SECOND_WAVE, blocks_of
from python_steps.orders.order_files import order_files, order_layout

BUFFER = Decimal("0.005")


def fund(ticker="VTSAX", cut_off="16:00"):
    return Tradable(ticker, ticker, None, f"{ticker} fund", True, None, cut_off)


def listed(ticker="VTI", volume="1000000000"):
    known = None if volume is None else Decimal(volume)
    return Tradable(ticker, ticker, "922908769", f"{ticker} shares", False, known, None)


def trade(trade_id, action="buy", account="A1", quantity="10", security=None, **changed):
    values = {
        "trade_id": trade_id,
        "plan_id": "P1",
        "household_id": "H1",
        "account_id": account,
        "account_number": f"000-{account}",
        "custodian": "ALPINE",
        "security": security or listed(),
        "action": action,
        "quantity": Decimal(quantity),
        "price": Decimal(100),
        "is_in_dollars": False,
        "limit_price": None,
        "estimated_cost": Decimal(0),
        "estimated_tax": Decimal(0),
    }
    return ApprovedTrade(**(values | changed))


def blocks(*trades, cash=None):
    known = dict.fromkeys((one.account_id for one in trades), Decimal(10**9))
    return blocks_of(trades, known if cash is None else cash, execution_buffer=BUFFER)


def test_trades_of_one_security_side_and_custodian_make_one_order():
    made = blocks(
        trade("1"), trade("2", account="A2"), trade("3", account="A3", custodian="SUMMIT")
    )

    assert [[one.trade_id for one in block.trades] for block in made] == [["1", "2"], ["3"]]
    assert made[0].quantity == 20


def test_purchases_and_sales_are_never_crossed():
    made = blocks(trade("1"), trade("2", "sell", account="A2"))

    assert [(block.action, block.quantity) for block in made] == [("sell", 10), ("buy", 10)]
    assert all("not to be crossed" in " ".join(block.advice) for block in made)


@pytest.mark.parametrize(
    ("cash", "wave"),
    [
        ("1005.00", FIRST_WAVE),  # ten shares at 100 dollars, and half a percent
        ("1004.99", SECOND_WAVE),
    ],
)
def test_a_purchase_waits_for_the_sales_that_pay_for_it(cash, wave):
    sale, purchase = trade("1", "sell", security=listed("BND")), trade("2")

    made = blocks(sale, purchase, cash={"A1": Decimal(cash)})

    assert [(block.action, block.wave) for block in made] == [("sell", 1), ("buy", wave)]


def test_a_purchase_of_unknown_cost_waits_and_one_of_unknown_cash_is_refused():
    (block,) = blocks(trade("1", estimated_cost=None))
    assert block.wave == SECOND_WAVE

    with pytest.raises(OrderError, match="cash of account A1 is not known"):
        blocks(trade("1"), cash={})


def test_limits_and_amounts_stay_orders_of_their_own():
    made = blocks(
        trade("1"),
        trade("2", limit_price=Decimal("101.50")),
        trade("3", limit_price=Decimal("99.5")),
        trade("5", limit_price=Decimal(100)),
        trade("4", security=fund(), is_in_dollars=True),
    )

    assert [(block.limit_price, block.is_in_dollars) for block in made] == [
        (None, False),
        (Decimal("99.50"), False),
        (Decimal(100), False),
        (Decimal("101.50"), False),
        (None, True),
    ]


@pytest.mark.parametrize(
    ("security", "advice"),
    [
        (listed(volume="1000000"), "not in the first or last half hour"),
        (listed(volume="100000"), "1.0 % of an average day's volume: work it"),
        (listed(volume="20000"), "5.0 % of an average day's volume: ask the desk"),
        (listed(volume=None), "volume is not known"),
        (fund(), "cut-off at 16:00 New York"),
        (fund(cut_off=None), "cut-off is not known"),
    ],
)
def test_the_trader_is_told_how(security, advice):
    (block,) = blocks(trade("1", security=security))

    assert advice in " ".join(block.advice)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"account_number": ""}, "account number is not known"),
        ({"quantity": "0"}, "is no order"),
        ({"action": "hold"}, "neither buy nor sell"),
        (
            {
                "action": "sell",
                "lots": (LotToDeliver("L1", None, date(2020, 1, 2), Decimal(9)),),
            },
            "deliver 9 shares of 10",
        ),
        ({"lots": (LotToDeliver("L1", None, None, Decimal(10)),)}, "purchase delivers no lots"),
    ],
)
def test_a_trade_that_is_not_whole_is_no_order(broken, told):
    with pytest.raises(OrderError, match=told):
        blocks(trade("1", **broken))


def test_a_trade_is_ordered_once():
    with pytest.raises(OrderError, match="approved twice"):
        blocks(trade("1"), trade("1"))


_TRADES = st.lists(
    st.builds(
        lambda number, action, account, ticker, quantity, limit: trade(
            f"T{number}",
            action,
            account,
            str(quantity),
            listed(ticker),
            limit_price=Decimal(limit) if limit else None,
            custodian="ALPINE" if account < "A3" else "SUMMIT",
        ),
        st.integers(0, 10**6),
        st.sampled_from(["buy", "sell"]),
        st.sampled_from(["A1", "A2", "A3", "A4"]),
        st.sampled_from(["VTI", "BND", "MUB"]),
        st.integers(1, 1000),
        st.sampled_from([None, 99, 101]),
    ),
    max_size=30,
    unique_by=lambda one: one.trade_id,
)


@given(_TRADES, st.randoms(use_true_random=False))
def test_every_share_is_in_one_order_whatever_order_the_trades_come_in(trades, random):
    cash = {account: Decimal(20_000) for account in ("A1", "A2", "A3", "A4")}
    made = blocks_of(trades, cash, execution_buffer=BUFFER)
    shuffled = list(trades)
    random.shuffle(shuffled)

    assert sorted(one.trade_id for block in made for one in block.trades) == sorted(
        one.trade_id for one in trades
    )
    assert sum(block.quantity for block in made) == sum(one.quantity for one in trades)
    assert blocks_of(shuffled, cash, execution_buffer=BUFFER) == made
    for block in made:
        assert len({(one.custodian, one.security, one.action) for one in block.trades}) == 1
    # What is bought in the first wave is paid from cash at hand.
    for account, dollars in cash.items():
        at_once = sum(
            one.notional * (1 + BUFFER)
            for block in made
            if block.wave == FIRST_WAVE and block.action == "buy"
            for one in block.trades
            if one.account_id == account
        )
        assert at_once <= dollars


@dataclass
class Written:
    """The files of the generic layout, as rows by header."""

    orders: list[dict[str, str]]
    allocations: list[dict[str, str]]
    lots: list[dict[str, str]]


GENERIC = yaml.safe_load(order_layout_text("ALPINE", Path("no-such-folder"))[1])


def written(*trades) -> Written:
    files = order_files(blocks(*trades), order_layout(GENERIC, "generic.yaml"))
    return Written(
        **{kind: list(csv.DictReader(io.StringIO(text))) for kind, text in files.items()}
    )


def test_the_generic_files_say_what_to_trade_for_whom_and_which_lots():
    lots = (
        LotToDeliver("L1", "77-1", date(2020, 1, 2), Decimal("6.5")),
        LotToDeliver("L2", None, None, Decimal("3.5")),
    )
    made = written(
        trade("1", "sell", lots=lots, lot_instruction="Deliver the lots named."),
        trade("2", "sell", account="A2", limit_price=Decimal("99.50")),
        trade("3", security=fund(), is_in_dollars=True, quantity="12.3456", account="A2"),
    )

    assert [
        (row["Side"], row["Shares"], row["Dollars"], row["Order type"], row["Limit price"])
        for row in made.orders
    ] == [
        ("SELL", "10", "", "MARKET", ""),
        ("SELL", "10", "", "LIMIT", "99.5"),
        ("BUY", "", "1234.56", "NAV", ""),
    ]
    assert [(row["Account"], row["Shares"], row["Dollars"]) for row in made.allocations] == [
        ("000-A1", "10", ""),
        ("000-A2", "10", ""),
        ("000-A2", "", "1234.56"),
    ]
    assert [(row["Lot"], row["Acquired"], row["Shares"]) for row in made.lots] == [
        ("77-1", "2020-01-02", "6.5"),
        ("L2", "", "3.5"),
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"date_format": 7}, "date_format must be given as a str"),
        ({"words": {"buy": "B"}}, "words lacks sell, market"),
        ({"files": {"orders": [{"header": "X", "value": "nonsense"}]}}, "asks for 'nonsense'"),
        ({"files": {"notes": []}}, "notes is no file"),
        ({"files": {"orders": [{"header": "X", "value": "ticker"}]}}, "allocations, lots"),
        ({"files": {"orders": [{"header": "X"}]}}, "needs header and value"),
    ],
)
def test_a_layout_that_cannot_be_followed_is_refused_by_file_and_key(change, told):
    with pytest.raises(OrderError, match=told) as refused:
        order_layout(GENERIC | change, "mine.yaml")

    assert "mine.yaml" in str(refused.value)


def test_a_firms_own_layout_goes_before_the_generic_one(tmp_path):
    (tmp_path / "ALPINE.yaml").write_text("name: own")

    assert order_layout_text("ALPINE", tmp_path) == ("ALPINE.yaml", "name: own")
    assert order_layout_text("SUMMIT", tmp_path)[0] == "generic.yaml"


def test_a_file_cannot_ask_for_what_its_lines_do_not_have():
    files = dict(GENERIC["files"], orders=[{"header": "Account", "value": "account_number"}])

    with pytest.raises(OrderError, match="ask for it among the allocations"):
        order_files(blocks(trade("1")), order_layout(GENERIC | {"files": files}, "mine.yaml"))
