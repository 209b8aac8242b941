from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import DEFAULT_POLICY, WashSalePolicy
from python_steps.wash_sales.tables import (
    FINDINGS,
    LOT_ADJUSTMENTS,
    REALIZED_LOTS,
    WASH_SALE_MATCHES,
    WASH_SALE_WINDOWS,
)
from tests.python_steps.wash_sales.book_frames import ACCOUNTS, AS_OF, TRADE_DATE, frames


def _reconcile(policy=DEFAULT_POLICY, **tables):
    return reconcile_book(frames(**tables), policy, AS_OF, TRADE_DATE)


def _rows(result, name):
    return result[name].to_pylist()


def _loss(day="2026-11-05", proceeds=9000, basis=10000, **more):
    row = {"closed_lot_key": "C1", "disposal_date": day, "proceeds": proceeds, "cost_basis": basis}
    return row | {"realized_gain": proceeds - basis} | more


def _lot(lot_id, day, basis=9500, **more):
    return {"lot_id": lot_id, "acquisition_date": day, "custodian_cost_basis": basis} | more


def _buy(day, quantity=100, key="T1", **more):
    row = {"transaction_date": day, "quantity": quantity, "transaction_key": key}
    return row | more


def _rules(result):
    return [row["rule"] for row in _rows(result, "findings")]


def test_tables_have_the_declared_schemas_even_when_empty():
    result = _reconcile()
    assert result["wash_sale_matches"].schema == WASH_SALE_MATCHES
    assert result["wash_sale_windows"].schema == WASH_SALE_WINDOWS
    assert result["lot_adjustments"].schema == LOT_ADJUSTMENTS
    assert result["realized_lots"].schema == REALIZED_LOTS
    assert result["findings"].schema == FINDINGS


def test_loss_at_one_custodian_and_purchase_at_another_is_one_match():
    result = _reconcile(
        closed=[_loss()], lots=[_lot("L1", "2026-11-10", account_id="OTHER", quantity=40)]
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["loss_lot_key"] == "C1"
    assert match["replacement_lot_key"] == "L1"
    assert match["matched_quantity"] == 40
    assert match["disallowed_loss"] == match["basis_added"] == 400
    assert match["holding_period_start_date"] == date(2024, 2, 6)
    assert match["provisional_until_date"] == date(2026, 12, 5)
    (lot,) = _rows(result, "lot_adjustments")
    assert lot["wash_sale_adjustment"] == 400
    assert lot["holding_period_start_date"] == date(2024, 2, 6)
    assert lot["term"] == "long"
    assert lot["parent_lot_id"] is None


def test_reinvestment_in_the_roth_loses_the_loss_for_good_and_leaves_the_lot_alone():
    result = _reconcile(
        closed=[_loss()],
        lots=[
            _lot("R1", "2026-10-30", account_id="ROTH", quantity=10, acquisition_type="REINVEST")
        ],
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["is_permanent"]
    assert match["disallowed_loss"] == 100
    assert match["basis_added"] == 0
    (lot,) = _rows(result, "lot_adjustments")
    assert lot["wash_sale_adjustment"] == 0
    assert lot["holding_period_start_date"] == date(2026, 10, 30)


def test_lot_larger_than_the_loss_is_divided_and_its_parts_add_up():
    result = _reconcile(
        closed=[_loss(quantity=30, proceeds=2700, basis=3000)], lots=[_lot("L1", "2026-11-10")]
    )
    parts = _rows(result, "lot_adjustments")
    assert [(p["lot_id"], p["parent_lot_id"], p["quantity"]) for p in parts] == [
        ("L1/1", "L1", 30),
        ("L1/2", "L1", 70),
    ]
    assert [p["wash_sale_adjustment"] for p in parts] == [300, 0]


def test_lot_and_the_transaction_that_made_it_are_one_purchase():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("L1", "2026-11-10", quantity=40)],
        moves=[_buy("2026-11-10", 40)],
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["matched_quantity"] == 40


def test_purchase_whose_lot_is_gone_still_disallows_the_loss():
    result = _reconcile(closed=[_loss()], moves=[_buy("2026-11-10", 40, account_id="ROTH")])
    (match,) = _rows(result, "wash_sale_matches")
    assert match["replacement_lot_key"] == "T1"
    assert match["replacement_account_id"] == "ROTH"
    assert match["matched_quantity"] == 40
    assert match["is_permanent"]


def test_ira_purchase_sold_again_before_the_loss_is_no_replacement():
    result = _reconcile(
        closed=[_loss()],
        moves=[
            _buy("2026-10-20", 40, account_id="ROTH"),
            _buy("2026-10-25", 40, "T2", account_id="ROTH", transaction_type="SELL"),
        ],
    )
    assert _rows(result, "wash_sale_matches") == []


def test_old_purchase_outside_every_window_is_not_taken_for_a_vanished_one():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("OLD", "2026-03-02")],
        moves=[_buy("2026-03-02")],
    )
    assert _rows(result, "wash_sale_matches") == []


def test_transferred_lot_is_followed_to_the_account_that_bought_it():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("L1", "2026-11-10", account_id="OTHER", acquisition_type="TRANSFER")],
        moves=[_buy("2026-11-10")],
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["replacement_lot_key"] == "L1"
    assert match["matched_quantity"] == 100


def test_transferred_lot_without_a_purchase_is_none():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("L1", "2026-11-10", account_id="OTHER", acquisition_type="TRANSFER")],
    )
    assert _rows(result, "wash_sale_matches") == []


def test_rest_of_the_same_purchase_is_no_replacement():
    result = _reconcile(
        closed=[_loss(acquisition_date="2026-10-20", source_lot_id="A7")],
        lots=[_lot("L1", "2026-10-20", source_lot_id="A7")],
    )
    assert _rows(result, "wash_sale_matches") == []


def test_single_purchase_transaction_of_a_day_makes_its_parts_one_purchase():
    tables = {
        "closed": [_loss(acquisition_date="2026-10-20", quantity=60)],
        "lots": [_lot("L1", "2026-10-20", quantity=40)],
    }
    assert len(_rows(_reconcile(**tables), "wash_sale_matches")) == 1
    joined = _reconcile(**tables, moves=[_buy("2026-10-20")])
    assert _rows(joined, "wash_sale_matches") == []


# -- the custodians' own adjustments ---------------------------------------------------------------


def test_adjustment_that_the_custodian_made_is_not_made_twice():
    result = _reconcile(
        closed=[_loss(disallowed_loss=1000)],
        lots=[
            _lot(
                "L1",
                "2026-11-10",
                basis=10500,
                custodian_wash_sale_adjustment=1000,
                holding_period_start_date="2024-02-06",
            )
        ],
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["disallowed_loss"] == 1000
    (lot,) = _rows(result, "lot_adjustments")
    assert lot["wash_sale_adjustment"] == 0
    assert lot["holding_period_start_date"] == date(2024, 2, 6)
    assert _rules(result) == []


def test_adjusted_lot_beside_a_loss_without_a_stated_part_is_recognised_too():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("L1", "2026-11-10", basis=10500, custodian_wash_sale_adjustment=1000)],
    )
    assert [row["wash_sale_adjustment"] for row in _rows(result, "lot_adjustments")] == [0]


def test_custodian_adjustment_gives_way_to_an_earlier_purchase_in_the_ira():
    result = _reconcile(
        closed=[_loss(disallowed_loss=1000)],
        lots=[
            _lot("L1", "2026-11-10", basis=10500, custodian_wash_sale_adjustment=1000),
            _lot("R1", "2026-11-06", account_id="ROTH"),
        ],
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["replacement_lot_key"] == "R1"
    by_lot = {row["lot_id"]: row for row in _rows(result, "lot_adjustments")}
    assert by_lot["L1"]["wash_sale_adjustment"] == -1000
    assert by_lot["L1"]["holding_period_start_date"] == date(2026, 11, 10)
    assert _rules(result) == ["custodian_adjustment_replaced"]


def test_adjustment_inside_the_cost_of_shares_sold_since_is_taken_out_before_matching():
    first = _loss("2026-09-01", disallowed_loss=1000)
    second = _loss(
        "2026-10-20",
        proceeds=9000,
        basis=10200,
        closed_lot_key="C2",
        acquisition_date="2026-09-10",
    )
    result = _reconcile(closed=[first, second], lots=[_lot("L3", "2026-10-25", basis=9100)])
    by_loss = {row["loss_lot_key"]: row for row in _rows(result, "wash_sale_matches")}
    assert by_loss["C1"]["disallowed_loss"] == 1000
    assert by_loss["C2"]["disallowed_loss"] == 1200
    (lot,) = _rows(result, "lot_adjustments")
    assert lot["wash_sale_adjustment"] == 1200


def test_adjustment_of_an_unseen_loss_is_kept_and_its_shares_count_as_used():
    result = _reconcile(
        closed=[_loss(account_id="OTHER")],
        lots=[_lot("L1", "2026-11-10", basis=10500, custodian_wash_sale_adjustment=1000)],
    )
    assert _rows(result, "wash_sale_matches") == []
    assert [row["wash_sale_adjustment"] for row in _rows(result, "lot_adjustments")] == [0]
    assert _rules(result) == ["custodian_adjustment_without_loss"]


def test_disallowed_loss_without_a_lot_to_carry_it_is_told():
    result = _reconcile(closed=[_loss("2026-09-01", disallowed_loss=1000)])
    assert _rules(result) == ["custodian_adjustment_untraced"]


def test_adjustment_that_only_the_unadjusted_basis_betrays_is_not_made_twice():
    result = _reconcile(
        closed=[_loss(disallowed_loss=1000)],
        lots=[_lot("L1", "2026-11-10", basis=10500, custodian_cost_basis_unadjusted=9500)],
    )
    assert [row["wash_sale_adjustment"] for row in _rows(result, "lot_adjustments")] == [0]


def test_split_since_the_purchase_does_not_make_a_second_purchase():
    moves = [
        _buy("2026-11-10", 100),
        _buy("2026-11-12", -50, "T2", transaction_type="SPLIT"),
    ]
    result = _reconcile(
        closed=[_loss(quantity=200)], lots=[_lot("L1", "2026-11-10", quantity=50)], moves=moves
    )
    assert [row["matched_quantity"] for row in _rows(result, "wash_sale_matches")] == [50]


def test_part_of_a_purchase_without_a_lot_counts_beside_the_lot():
    result = _reconcile(
        closed=[_loss()],
        lots=[_lot("L1", "2026-11-10", quantity=30)],
        moves=[_buy("2026-11-10", 50)],
    )
    matched = {
        row["replacement_lot_key"]: row["matched_quantity"]
        for row in _rows(result, "wash_sale_matches")
    }
    assert matched == {"L1": 30, "T1": 20}


def test_loss_in_another_currency_is_of_unknown_result():
    tables = frames(closed=[_loss(proceeds=9000, basis=8000)])
    closed = tables["int_closed_lots__merged"]
    tables["int_closed_lots__merged"] = closed.append_column("currency", pa.array(["EUR"]))
    result = reconcile_book(tables, DEFAULT_POLICY, AS_OF, TRADE_DATE)
    assert _windows(result)["W1", "TOTAL"]["no_buy_until_date"] == date(2026, 12, 5)
    assert _rules(result) == ["sale_result_unknown"]


def test_option_arms_the_window_of_its_stock_and_is_not_matched_by_shares():
    securities = [
        {"security_id": "XOM", "ticker": "XOM", "identity_group_id": "XOM"},
        {
            "security_id": "XOM-C",
            "ticker": "XOM 270115C120",
            "identity_group_id": "XOM",
            "security_type": "OPTION",
        },
    ]
    result = _reconcile(
        securities=securities,
        closed=[_loss(security_id="XOM")],
        lots=[_lot("O", "2026-11-10", security_id="XOM-C", quantity=1)],
    )
    assert _rows(result, "wash_sale_matches") == []
    window = _windows(result)["W1", "XOM"]
    assert window["no_loss_sale_until_date"] == date(2026, 12, 10)


def test_same_day_purchase_in_another_account_is_flagged_with_its_names():
    result = _reconcile(closed=[_loss()], lots=[_lot("L1", "2026-11-05", account_id="OTHER")])
    (finding,) = _rows(result, "findings")
    assert finding["rule"] == "same_day_sale_and_purchase"
    assert (
        "in Joint brokerage met a purchase of the same day in Second brokerage"
        in (finding["message"])
    )


# -- windows ---------------------------------------------------------------------------------------


def _windows(result):
    return {
        (row["wash_sale_group_id"], row["identity_group_id"]): row
        for row in _rows(result, "wash_sale_windows")
    }


def test_window_of_a_group_is_told_to_each_of_its_households():
    accounts = [
        row | {"household_id": "H2"} if row["account_id"] == "OTHER" else row for row in ACCOUNTS
    ]
    result = _reconcile(accounts=accounts, closed=[_loss("2026-11-05")])
    told = [(row["household_id"], row["no_buy_until_date"]) for row in result_windows(result)]
    assert told == [("H1", date(2026, 12, 5)), ("H2", date(2026, 12, 5))]


def result_windows(result):
    return _rows(result, "wash_sale_windows")


def test_loss_sale_bars_buying_up_to_the_thirtieth_day():
    window = _windows(_reconcile(closed=[_loss("2026-11-05")]))["W1", "TOTAL"]
    assert window["no_buy_until_date"] == date(2026, 12, 5)
    assert window["no_loss_sale_until_date"] is None
    assert window["caused_by"] == "VTI was sold at a loss on 2026-11-05 in Joint brokerage."
    assert window["coverage"] == "known"


@pytest.mark.parametrize(("day", "is_open"), [("2026-10-21", True), ("2026-10-20", False)])
def test_window_is_judged_on_the_planned_trade_date(day, is_open):
    assert bool(_windows(_reconcile(closed=[_loss(day)]))) == is_open


def test_purchase_in_any_account_bars_loss_sales_of_the_group():
    result = _reconcile(
        moves=[
            _buy("2026-11-03", account_id="ROTH", security_id="VTSAX", transaction_type="REINVEST")
        ]
    )
    window = _windows(result)["W1", "TOTAL"]
    assert window["no_loss_sale_until_date"] == date(2026, 12, 3)
    assert window["no_buy_until_date"] is None
    assert window["caused_by"] == "Dividends of VTSAX were reinvested on 2026-11-03 in Roth IRA."


def test_newest_event_decides_the_window():
    result = _reconcile(
        closed=[_loss("2026-11-05"), _loss("2026-11-12", closed_lot_key="C2")],
        lots=[_lot("L1", "2026-10-25"), _lot("L2", "2026-11-18", account_id="OTHER")],
    )
    window = _windows(result)["W1", "TOTAL"]
    assert window["no_buy_until_date"] == date(2026, 12, 12)
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18)
    assert window["caused_by"] == (
        "VTI was sold at a loss on 2026-11-12 in Joint brokerage. "
        "VTI was bought on 2026-11-18 in Second brokerage."
    )


def test_gain_that_an_adjustment_turned_into_a_loss_bars_buying():
    result = _reconcile(
        closed=[
            _loss("2026-10-01"),
            _loss(
                "2026-11-10",
                proceeds=9400,
                basis=9300,
                closed_lot_key="C2",
                acquisition_date="2026-10-05",
                account_id="OTHER",
            ),
        ]
    )
    window = _windows(result)["W1", "TOTAL"]
    assert window["no_buy_until_date"] == date(2026, 12, 10)


def test_sale_without_a_closed_lot_is_treated_as_a_loss_and_told():
    result = _reconcile(moves=[_buy("2026-11-10", -30, transaction_type="SELL")])
    window = _windows(result)["W1", "TOTAL"]
    assert window["no_buy_until_date"] == date(2026, 12, 10)
    assert "result that is not known" in window["caused_by"]
    assert _rules(result) == ["sale_result_unknown"]


def test_sale_with_its_closed_lot_is_known():
    result = _reconcile(
        closed=[_loss("2026-11-10", proceeds=11000)],
        moves=[_buy("2026-11-10", -100, transaction_type="SELL")],
    )
    assert _windows(result) == {}
    assert _rules(result) == []


def test_sale_in_an_ira_bars_nothing():
    assert _windows(_reconcile(closed=[_loss(account_id="ROTH")])) == {}


def test_money_market_fund_has_no_window():
    assert _windows(_reconcile(lots=[_lot("M", "2026-11-18", security_id="SPAXX")])) == {}


def test_account_that_does_not_count_has_no_part():
    accounts = [dict(row) for row in ACCOUNTS]
    accounts[1]["counts_for_wash_sales"] = False
    result = _reconcile(
        accounts=accounts, closed=[_loss()], lots=[_lot("L1", "2026-11-10", account_id="OTHER")]
    )
    assert _rows(result, "wash_sale_matches") == []
    assert len(_rows(result, "lot_adjustments")) == 1


@pytest.mark.parametrize(
    ("known_from", "coverage"),
    [("2026-10-20", "known"), ("2026-10-21", "unknown"), (None, "unknown")],
)
def test_history_of_less_than_thirty_one_days_leaves_every_holding_unknown(known_from, coverage):
    rows = [
        {"account_id": row["account_id"], "history_from_date": "2025-01-01"} for row in ACCOUNTS
    ]
    rows[2]["history_from_date"] = known_from
    result = _reconcile(coverage=rows, lots=[_lot("L1", "2024-01-05", security_id="BND")])
    found = _windows(result).get(("W1", "BND"))
    if coverage == "known":
        assert found is None
    else:
        assert found["coverage"] == "unknown"
        assert found["no_buy_until_date"] is None
        assert "Roth IRA" in found["caused_by"]


def test_short_position_leaves_its_group_unknown():
    result = _reconcile(lots=[_lot("S", "2024-01-05", quantity=-10)])
    assert _windows(result)["W1", "TOTAL"]["coverage"] == "unknown"
    assert _rules(result) == ["short_position"]


def test_child_account_is_flagged_and_not_matched():
    result = _reconcile(closed=[_loss()], lots=[_lot("L1", "2026-11-10", account_id="CHILD")])
    assert _rows(result, "wash_sale_matches") == []
    (finding,) = _rows(result, "findings")
    assert finding["rule"] == "purchase_outside_wash_group"
    assert finding["subject"] == "VTI in Joint brokerage"
    assert finding["message"].startswith("UTMA, outside the wash-sale group, bought on 2026-11-10")


def test_fund_and_etf_of_one_portfolio_are_matched_by_exposure():
    lots = [_lot("F", "2026-11-10", security_id="VTSAX", account_id="OTHER", quantity=40)]
    (match,) = _rows(_reconcile(closed=[_loss()], lots=lots), "wash_sale_matches")
    assert match["matched_quantity"] == 20
    assert match["disallowed_loss"] == 200
    policy = WashSalePolicy(share_classes="share_for_share")
    (match,) = _rows(_reconcile(policy, closed=[_loss()], lots=lots), "wash_sale_matches")
    assert match["matched_quantity"] == 40


def test_terms_of_untouched_lots_follow_the_anniversary_and_the_custodian_where_no_date_is_known():
    result = _reconcile(
        lots=[
            _lot("A", "2025-11-20"),
            _lot("B", "2025-11-19"),
            _lot("C", None, custodian_term="LONG"),
            _lot("D", None),
            _lot("E", "2026-06-01", acquisition_type="INHERITED"),
            _lot("F", "2026-06-01", holding_period_start_date="2024-06-01"),
        ]
    )
    assert [row["term"] for row in _rows(result, "lot_adjustments")] == [
        "short",
        "long",
        "long",
        None,
        "long",
        "long",
    ]


def test_planned_trade_date_comes_after_the_night():
    with pytest.raises(ValueError, match="planned after"):
        reconcile_book(frames(), DEFAULT_POLICY, AS_OF, AS_OF)


def test_missing_column_is_named():
    tables = frames()
    tables["dim_accounts"] = tables["dim_accounts"].drop_columns(["wash_sale_group_id"])
    with pytest.raises(KeyError, match="dim_accounts lacks wash_sale_group_id"):
        reconcile_book(tables, DEFAULT_POLICY, AS_OF, TRADE_DATE)


# -- random books ----------------------------------------------------------------------------------


def _random_book(seed):
    random = Random(seed)  # noqa: S311 - a reproducible book, no secret
    accounts = [row["account_id"] for row in ACCOUNTS]
    lots, closed, moves = [], [], []
    for number in range(random.randint(1, 14)):
        place = {
            "account_id": random.choice(accounts),
            "security_id": random.choice(["VTI", "VTSAX", "BND"]),
        }
        quantity = random.randint(1, 50)
        bought = date.fromordinal(AS_OF.toordinal() - random.randint(0, 90)).isoformat()
        basis = random.randint(1000, 9000)
        if random.random() < 0.5:
            lots.append(_lot(f"L{number}", bought, basis, quantity=quantity, **place))
        else:
            sold = date.fromordinal(AS_OF.toordinal() - random.randint(0, 60)).isoformat()
            closed.append(
                _loss(
                    max(bought, sold),
                    proceeds=random.randint(1000, 9000),
                    basis=basis,
                    closed_lot_key=f"C{number}",
                    acquisition_date=bought,
                    quantity=quantity,
                    **place,
                )
            )
        if random.random() < 0.6:
            moves.append(_buy(bought, quantity + random.choice((0, 0, 5)), f"T{number}", **place))
    return {"lots": lots, "closed": closed, "moves": moves}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_result_does_not_depend_on_the_order_in_which_rows_and_files_arrive(seed):
    book = _random_book(seed)
    straight = _reconcile(**book)
    shuffled = frames(**book)
    random = Random(seed)  # noqa: S311 - a reproducible order, no secret
    for name, table in shuffled.items():
        order = list(range(len(table)))
        random.shuffle(order)
        rows = table.take(pa.array(order, pa.int64()))
        middle = len(rows) // 2
        shuffled[name] = pa.concat_tables([rows.slice(0, middle), rows.slice(middle)])
    again = reconcile_book(shuffled, DEFAULT_POLICY, AS_OF, TRADE_DATE)
    for name, table in straight.items():
        assert again[name].equals(table), name


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_every_open_lot_is_restated_once_and_every_deferred_loss_is_in_a_basis(seed):
    book = _random_book(seed)
    result = _reconcile(**book)
    quantities = {}
    for row in _rows(result, "lot_adjustments"):
        name = row["parent_lot_id"] or row["lot_id"]
        quantities[name] = quantities.get(name, Decimal(0)) + row["quantity"]
    assert quantities == {row["lot_id"]: row["quantity"] for row in book["lots"]}
    matches = _rows(result, "wash_sale_matches")
    held = {row["lot_id"] for row in book["lots"]}
    into_open_lots = sum(
        row["basis_added"] for row in matches if row["replacement_lot_key"] in held
    )
    adjustments = sum(row["wash_sale_adjustment"] for row in _rows(result, "lot_adjustments"))
    assert into_open_lots == adjustments
    assert len({row["match_id"] for row in matches}) == len(matches)


SPOUSES = [
    {"account_id": "HIS", "account_type": "taxable_individual", "owner_person_id": "P1"},
    {"account_id": "HERS", "account_type": "taxable_individual", "owner_person_id": "P2"},
    {"account_id": "HIS OTHER", "account_type": "trust", "owner_person_id": "P1"},
    {"account_id": "BOTH", "account_type": "trust", "is_jointly_owned": True},
    {"account_id": "NOBODY'S", "account_type": "trust"},
    {"account_id": "FILES APART", "account_type": "trust", "tax_unit_id": "U2"},
]


@pytest.mark.parametrize(
    ("bought_in", "is_permanent", "rules"),
    [
        ("HERS", True, []),
        ("HIS OTHER", False, []),
        ("BOTH", False, []),
        ("NOBODY'S", False, ["replacement_owner_unknown"]),
        ("FILES APART", True, []),
    ],
)
def test_spouses_of_one_return_are_told_apart_by_the_owners_of_their_accounts(
    bought_in, is_permanent, rules
):
    """The group knows no filing status; a joint return makes no purchase of hers one of his."""
    accounts = [{"account_name": row["account_id"]} | row for row in SPOUSES]
    result = reconcile_book(
        frames(
            closed=[_loss(account_id="HIS")],
            lots=[_lot("L1", "2026-11-10", account_id=bought_in)],
            accounts=accounts,
        ),
        replace(DEFAULT_POLICY, spouse_replacement="permanent"),
        AS_OF,
        TRADE_DATE,
    )
    (match,) = _rows(result, "wash_sale_matches")
    assert match["is_permanent"] == is_permanent
    assert (match["basis_added"] == 0) == is_permanent
    assert _rules(result) == rules


# -- whether what holds a window open can be sold --------------------------------------------------


def _exit(**tables):
    return _windows(_reconcile(**tables))["W1", "TOTAL"]["is_exit_possible"]


def test_an_open_taxable_lot_that_holds_a_window_open_can_be_sold():
    lot = _lot("L1", "2026-11-03")
    assert _exit(lots=[lot]) is True
    assert _exit(lots=[lot], moves=[_buy("2026-11-03")]) is True


@pytest.mark.parametrize(
    "more",
    [
        {"lots": [_lot("L2", "2026-11-04", account_id="ROTH")]},
        {"lots": [_lot("L2", None)]},
        {"moves": [_buy("2026-11-04")]},
        {"moves": [_buy("2026-11-03", 130)]},
        {"moves": [_buy("2026-11-03", account_id="ROTH")]},
        {"closed": [_loss("2026-11-10", proceeds=11000, acquisition_date="2026-11-02")]},
    ],
    ids=[
        "an IRA holds a recent lot",
        "a lot of unknown date",
        "a purchase whose lot nobody sends",
        "a purchase of which only a part is still held",
        "a purchase of an IRA without lots",
        "a recent lot sold since",
    ],
)
def test_a_purchase_that_is_no_open_taxable_lot_keeps_a_window_shut(more):
    lots = [_lot("L1", "2026-11-03"), *more.get("lots", [])]
    assert _exit(**{**more, "lots": lots}) is False


def test_what_another_household_of_the_group_holds_nobody_can_sell_here():
    accounts = [
        row | {"household_id": "H2"} if row["account_id"] == "OTHER" else row for row in ACCOUNTS
    ]
    mine, theirs = _lot("L1", "2026-11-03"), _lot("L2", "2026-11-04", account_id="OTHER")
    told = {
        row["household_id"]: row["is_exit_possible"]
        for row in result_windows(_reconcile(accounts=accounts, lots=[mine]))
    }
    assert told == {"H1": True, "H2": False}
    both = result_windows(
        _reconcile(accounts=accounts, lots=[mine, theirs | {"household_id": "H2"}])
    )
    assert [row["is_exit_possible"] for row in both] == [False, False]


def test_without_known_history_nothing_can_be_said_to_be_sold():
    coverage = [
        {"account_id": row["account_id"]} for row in ACCOUNTS if row["account_id"] != "ROTH"
    ]
    assert _exit(lots=[_lot("L1", "2026-11-03")], coverage=coverage) is False
