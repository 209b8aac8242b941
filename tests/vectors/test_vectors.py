"""Every case under EVENKEEL_VECTORS against the tax rules; a case it cannot interpret fails."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
import yaml

from python_steps.lot_selection.methods import METHODS, SelectableLot, order_lots
from python_steps.taxes import retirement, special_basis
from python_steps.taxes.holding_period import is_long_term, term_of
from python_steps.taxes.netting import net_capital_gains
from python_steps.taxes.rates import RateTables, collectibles_rate
from python_steps.wash_sales.engine import reconcile_group
from python_steps.wash_sales.events import Acquisition, Sale, SoldLot, WashAccount, allocate
from python_steps.wash_sales.policy import DEFAULT_POLICY
from python_steps.wash_sales.screen import (
    Holding,
    PastPurchase,
    PastSale,
    Proposal,
    ScheduledPurchase,
    ScreenState,
    screen_proposals,
)

FOLDER = Path(os.environ.get("EVENKEEL_VECTORS", Path(__file__).parent))
CENT = Decimal("0.01")
# Words for the reader of a case; they state nothing that could be right or wrong.
ANNOTATIONS = {"title", "note", "notes", "source", "confidence", "tags", "alternate_policies"}

Case = Mapping[str, Any]


class Loaded(NamedTuple):
    document: Mapping[str, Any]
    case: Case


def _load() -> Iterable[Any]:
    files = sorted(FOLDER.rglob("*.yaml"))
    if not files:
        raise FileNotFoundError(f"no test cases under {FOLDER.resolve()}")
    for file in files:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        for case in document["vectors"]:
            yield pytest.param(Loaded(document, case), id=f"{file.stem}:{case['id']}")


@pytest.mark.parametrize("loaded", _load())
def test_vectors(loaded: Loaded) -> None:
    schema = loaded.document["schema"].rsplit("/", 1)[0]
    if schema not in INTERPRETERS:
        pytest.fail(f"no interpreter for cases of schema {loaded.document['schema']}")
    INTERPRETERS[schema](loaded.case, loaded.document)


def test_every_file_of_vectors_holds_the_number_of_cases_it_states() -> None:
    for file in sorted(FOLDER.rglob("*.yaml")):
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        stated = document.get("count", len(document["vectors"]))
        assert len(document["vectors"]) == stated, file.name


# -- helpers ---------------------------------------------------------------------------------------


def _only(record: Mapping[str, Any], *known: str) -> None:
    """Fail on a field that nobody reads: a case must not pass by being half understood."""
    unknown = sorted(set(record) - set(known) - ANNOTATIONS)
    if unknown:
        pytest.fail(f"fields that cannot be interpreted: {unknown} in {dict(record)}")


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _close(actual: Decimal | None, expected: Any, what: str, tolerance: Decimal = CENT) -> None:
    if expected is None or actual is None:
        assert actual is None, f"{what}: {actual} where nothing is expected"
        assert expected is None, f"{what}: nothing where {expected} is expected"
        return
    # Half a unit in the last printed digit; "less than a cent" for printed cents.
    assert abs(actual - _number(expected)) < tolerance, f"{what}: {actual}, expected {expected}"


# -- wash sales ------------------------------------------------------------------------------------

ACCOUNT_KINDS = {
    "taxable": "taxable",
    "joint": "taxable",
    "trust": "taxable",
    "utma": "taxable",
    "ira": "ira",
    "traditional_ira": "ira",
    "roth": "ira",
    "roth_ira": "ira",
    "sep": "ira",
    "sep_ira": "ira",
    "simple": "ira",
    "simple_ira": "ira",
    "401k": "employer_plan",
    "403b": "employer_plan",
    "457": "employer_plan",
    "457b": "employer_plan",
    "roth_401k": "employer_plan",
    "solo_401k": "employer_plan",
    "tsp": "employer_plan",
    "hsa": "health_savings",
    "529": "ira",
    "inherited_ira": "ira",
    "individual": "taxable",
    "revocable_trust": "taxable",
}
# Not the taxpayer's unless a case says so.
USUALLY_OUTSIDE = {"utma", "529"}
PURCHASES = {"buy", "drip", "vest"}
OTHER_ARRIVALS = {"opening", "gift_in", "inherit", "transfer_in"}


def _accounts(rows: Iterable[Mapping[str, Any]]) -> list[WashAccount]:
    accounts = []
    for row in rows:
        _only(row, "id", "type", "owner", "in_scope")
        account_type = str(row["type"]).lower()
        if account_type not in ACCOUNT_KINDS:
            pytest.fail(f"account type {row['type']!r} cannot be interpreted")
        accounts.append(
            WashAccount(
                account_id=row["id"],
                kind=ACCOUNT_KINDS[account_type],
                owner=row.get("owner", ""),
                is_outside_group=not row.get("in_scope", account_type not in USUALLY_OUTSIDE),
            )
        )
    return accounts


def _acquisition(row: Mapping[str, Any], sequence: int) -> Acquisition:
    _only(
        row,
        *("id", "date", "time", "action", "security", "qty", "amount", "account"),
        *("order", "holding_start", "acquired"),
    )
    if row["action"] not in PURCHASES | OTHER_ARRIVALS:
        pytest.fail(f"action {row['action']!r} cannot be interpreted")
    day = _day(row.get("acquired", row["date"]))
    return Acquisition(
        lot_id=row["id"],
        account_id=row["account"],
        security_id=row["security"],
        acquired=day,
        quantity=_number(row["qty"]),
        basis=_number(row["amount"]),
        origin="purchase" if row["action"] in PURCHASES else "other",
        purchase_id=row.get("order", row["id"]),
        holding_start=_day(row.get("holding_start", day)),
        time=str(row.get("time", "")),
        sequence=sequence,
        is_always_long=row["action"] == "inherit",
    )


def _sale(row: Mapping[str, Any], sequence: int) -> Sale:
    _only(
        row,
        *("id", "date", "time", "action", "security", "qty", "amount", "account"),
        *("lots", "order"),
    )
    left, shares_left, lines = _number(row["amount"]), _number(row["qty"]), []
    for line in row["lots"]:
        _only(line, "lot", "qty")
        quantity = _number(line["qty"])
        proceeds = allocate(left, quantity, shares_left)
        lines.append(SoldLot(line["lot"], quantity, proceeds))
        left, shares_left = left - proceeds, shares_left - quantity
    assert shares_left == 0, "the lots of a sale must add up to its quantity"
    time = str(row.get("time", ""))
    return Sale(row["id"], row["account"], _day(row["date"]), tuple(lines), time, sequence)


def _wash_sales(case: Case, document: Mapping[str, Any]) -> None:
    _only(
        case,
        *("id", "source", "confidence", "tags", "accounts", "transactions", "expected"),
        *("alternate_policies", "identity_groups"),
    )
    _only(case["expected"], "sales", "matches", "open_lots")
    group_of = {
        security: group[0] for group in case.get("identity_groups", ()) for security in group
    }
    by_group: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for sequence, row in enumerate(case["transactions"]):
        group = group_of.get(row["security"], row["security"])
        by_group.setdefault(group, []).append((sequence, row))
    ledgers = [
        reconcile_group(
            _accounts(case["accounts"]),
            [_acquisition(row, at) for at, row in rows if row["action"] != "sell"],
            [_sale(row, at) for at, row in rows if row["action"] == "sell"],
            DEFAULT_POLICY,
        )
        for rows in by_group.values()
    ]
    _compare_sales([row for ledger in ledgers for row in ledger.sales], case["expected"]["sales"])
    _compare_matches(
        [row for ledger in ledgers for row in ledger.matches], case["expected"]["matches"]
    )
    _compare_open_lots(
        [row for ledger in ledgers for row in ledger.open_lots], case["expected"]["open_lots"]
    )


def _summed(
    rows: Iterable[tuple[tuple[Any, ...], tuple[Decimal, ...]]],
) -> dict[Any, list[Decimal]]:
    sums: dict[Any, list[Decimal]] = {}
    for key, amounts in rows:
        so_far = sums.setdefault(key, [Decimal(0)] * len(amounts))
        sums[key] = [one + other for one, other in zip(so_far, amounts, strict=True)]
    return sums


def _compare_sums(actual: dict[Any, list[Decimal]], expected: dict[Any, list[Decimal]]) -> None:
    assert set(actual) == set(expected)
    for key, amounts in expected.items():
        for position, (one, other) in enumerate(zip(actual[key], amounts, strict=True)):
            _close(one, other, f"{key}, amount {position}")


def _compare_sales(actual: Iterable[Any], expected: Iterable[Mapping[str, Any]]) -> None:
    amounts = ("realized", "disallowed_deferred", "disallowed_permanent", "recognized")
    expected = list(expected)
    for row in expected:
        _only(row, "sale", "lot", "qty", "term", "taxable", *amounts)
    _compare_sums(
        _summed(
            (
                (row.sale_id, row.lot_id, row.term, row.is_taxable),
                (row.quantity, *(getattr(row, name) for name in amounts)),
            )
            for row in actual
        ),
        _summed(
            (
                (row["sale"], row["lot"], row["term"], row.get("taxable", True)),
                (_number(row["qty"]), *(_number(row[name]) for name in amounts)),
            )
            for row in expected
        ),
    )


def _compare_matches(actual: Iterable[Any], expected: Iterable[Mapping[str, Any]]) -> None:
    expected = list(expected)
    for row in expected:
        _only(row, "sale", "sold_lot", "replacement_lot", "qty", "disallowed", "permanent")
    _compare_sums(
        _summed(
            (
                (row.sale_id, row.sold_lot_id, row.replacement_lot_id, row.is_permanent),
                (row.quantity, row.disallowed),
            )
            for row in actual
        ),
        _summed(
            (
                (row["sale"], row["sold_lot"], row["replacement_lot"], row["permanent"]),
                (_number(row["qty"]), _number(row["disallowed"])),
            )
            for row in expected
        ),
    )


def _compare_open_lots(actual: Iterable[Any], expected: Iterable[Mapping[str, Any]]) -> None:
    expected = list(expected)
    for row in expected:
        _only(row, "lot", "qty", "basis", "acquired", "holding_start", "wash_adjusted")
    ours = [
        ((row.lot_id, row.acquired, row.holding_start, row.is_adjusted), row.quantity, row.basis)
        for row in actual
    ]
    theirs = [
        (
            (
                row["lot"],
                _day(row["acquired"]),
                _holding_start(row["holding_start"]),
                row.get("wash_adjusted", False),
            ),
            _number(row["qty"]),
            _number(row["basis"]),
        )
        for row in expected
    ]
    ours, theirs = _alike_merged(ours), _alike_merged(theirs)
    assert [(key, quantity) for key, quantity, _ in ours] == [
        (key, quantity) for key, quantity, _ in theirs
    ]
    for (key, _, basis), (_, _, expected_basis) in zip(ours, theirs, strict=True):
        _close(basis, expected_basis, f"basis of {key}")


def _holding_start(value: Any) -> date:
    if isinstance(value, Mapping):
        _only(value, "no_overlap", "tack", "holding_date")
        return _day(value[DEFAULT_POLICY.holding_method])
    return _day(value)


def _alike_merged(rows: list[tuple[Any, Decimal, Decimal]]) -> list[tuple[Any, Decimal, Decimal]]:
    """Rows in order, joined where key and basis per share agree to the printed cent."""
    merged: list[tuple[Any, Decimal, Decimal]] = []
    for key, quantity, basis in sorted(rows, key=lambda row: (row[0], row[2] / row[1])):
        if merged and merged[-1][0] == key:
            _, last_quantity, last_basis = merged[-1]
            gap = abs(last_basis / last_quantity - basis / quantity)
            if gap * min(quantity, last_quantity) <= CENT:
                merged[-1] = (key, last_quantity + quantity, last_basis + basis)
                continue
        merged.append((key, quantity, basis))
    return sorted(merged)


# -- pre-trade screen ------------------------------------------------------------------------------


def _screen(case: Case, document: Mapping[str, Any]) -> None:
    _only(
        case,
        *("id", "accounts", "events", "holdings", "scheduled", "proposals", "expected"),
        *("identity_groups", "source"),
    )
    events = case.get("events") or []
    for row in events:
        _only(
            row,
            *("date", "action", "account", "security", "quantity", "realized_gain", "lot"),
            "order",
        )
        if row["action"] not in {"sell"} | PURCHASES | OTHER_ARRIVALS:
            pytest.fail(f"event {row['action']!r} cannot be interpreted")
    state = ScreenState(
        accounts=_accounts(case["accounts"]),
        purchases=[
            PastPurchase(
                day=_day(row["date"]),
                account_id=row["account"],
                security_id=row["security"],
                quantity=_number(row["quantity"]),
                lot_id=row["lot"],
                origin="purchase" if row["action"] in PURCHASES else "other",
                order_id=row.get("order", ""),
            )
            for row in events
            if row["action"] != "sell"
        ],
        sales=[
            PastSale(
                day=_day(row["date"]),
                account_id=row["account"],
                security_id=row["security"],
                quantity=_number(row["quantity"]),
                realized_gain_per_share=_number(row["realized_gain"]),
                lot_id=row.get("lot", ""),
            )
            for row in events
            if row["action"] == "sell"
        ],
        holdings=[_holding(row) for row in case.get("holdings") or []],
        scheduled=[_scheduled(row) for row in case.get("scheduled") or []],
        identity_groups={
            security: group[0] for group in case.get("identity_groups", ()) for security in group
        },
    )
    verdicts = screen_proposals(state, [_proposal(row) for row in case["proposals"]])
    assert len(verdicts) == len(case["expected"])
    for number, (verdict, expected) in enumerate(zip(verdicts, case["expected"], strict=True)):
        what = f"proposal {number} ({verdict.why})"
        _only(
            expected,
            *("verdict", "clear_on_date", "consequence", "max_clean_quantity", "washed_quantity"),
        )
        assert verdict.verdict == expected["verdict"], what
        assert verdict.why
        if "clear_on_date" in expected:
            assert verdict.clear_on_date == _day(expected["clear_on_date"]), what
        elif expected["verdict"] in ("allow", "block"):
            assert verdict.clear_on_date is None, what
        assert verdict.consequence == expected.get("consequence"), what
        for name in ("max_clean_quantity", "washed_quantity"):
            if name in expected:
                _close(getattr(verdict, name), expected[name], f"{name} of {what}")


def _holding(row: Mapping[str, Any]) -> Holding:
    _only(
        row,
        *("account", "security", "lot", "quantity", "acquisition_date", "unit_cost", "price"),
        "order",
    )
    unit_cost = row["unit_cost"]
    return Holding(
        account_id=row["account"],
        security_id=row["security"],
        lot_id=row["lot"],
        quantity=_number(row["quantity"]),
        acquired=_day(row["acquisition_date"]),
        unit_cost=None if unit_cost is None else _number(unit_cost),
        price=_number(row["price"]),
        order_id=row.get("order", ""),
    )


def _scheduled(row: Mapping[str, Any]) -> ScheduledPurchase:
    _only(row, "date", "action", "kind", "type", "account", "security", "quantity")
    quantity = row.get("quantity")
    return ScheduledPurchase(
        day=_day(row["date"]),
        account_id=row["account"],
        security_id=row["security"],
        quantity=None if quantity is None else _number(quantity),
    )


def _proposal(row: Mapping[str, Any]) -> Proposal:
    _only(row, "date", "action", "account", "security", "quantity", "lots")
    if row["action"] not in ("buy", "sell"):
        pytest.fail(f"proposal {row['action']!r} cannot be interpreted")
    return Proposal(
        day=_day(row["date"]),
        action=row["action"],
        account_id=row["account"],
        security_id=row["security"],
        quantity=_number(row["quantity"]),
        lot_ids=tuple(row.get("lots", ())),
    )


# -- holding period, netting, brackets -------------------------------------------------------------


def _holding_period(case: Case, document: Mapping[str, Any]) -> None:
    _only(case, "id", "acquired", "sold", "term", "days", "naive_366_day_rule")
    acquired, sold = _day(case["acquired"]), _day(case["sold"])
    assert term_of(acquired, sold) == case["term"]
    if "days" in case:
        assert (sold - acquired).days == case["days"]
    if "naive_366_day_rule" in case:
        is_long_by_days = (sold - acquired).days >= 366
        assert is_long_by_days != is_long_term(acquired, sold)


# IRC 1211(b)(1): the netting cases state the filing status, not the limit that follows from it.
ANNUAL_DEDUCTION = {"single": 3000, "MFJ": 3000, "HoH": 3000, "MFS": 1500}


def _netting(case: Case, document: Mapping[str, Any]) -> None:
    _only(case, "id", "input", "expected")
    given = case["input"]
    _only(
        given,
        *("short_gains", "short_losses", "long_gains", "long_losses"),
        *("carryover_short", "carryover_long", "status"),
    )
    year = net_capital_gains(
        short_term=_number(given["short_gains"]) - _number(given["short_losses"]),
        long_term=_number(given["long_gains"]) - _number(given["long_losses"]),
        short_term_carryforward=_number(given["carryover_short"]),
        long_term_carryforward=_number(given["carryover_long"]),
        annual_deduction=_number(ANNUAL_DEDUCTION[given["status"]]),
    )
    _compare_fields(year._asdict(), case["expected"])


def _compare_fields(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    _only(expected, *actual)
    for name, value in expected.items():
        _close(actual[name], value, name)


FEDERAL_RATES = ("0.10", "0.12", "0.22", "0.24", "0.32", "0.35", "0.37")
GAINS_RATES = ("0", "0.15", "0.20")


def _tables(document: Mapping[str, Any]) -> RateTables:
    def brackets(name: str, rates: tuple[str, ...]) -> pa.Table:
        return pa.Table.from_pylist(
            [
                {
                    "tax_year": year,
                    "filing_status": status,
                    "lower_bound": str(bound),
                    "rate": rate,
                }
                for year, by_status in document[name].items()
                for status, uppers in by_status.items()
                for bound, rate in zip([0, *uppers], rates, strict=True)
            ]
        )

    thresholds = document["niit_threshold"]
    return RateTables.from_frames(
        brackets("ordinary_upper_bounds", FEDERAL_RATES),
        brackets("ltcg_breakpoints", GAINS_RATES),
        pa.Table.from_pylist(
            [
                {"filing_status": status, "threshold": str(value), "rate": "0.038"}
                for status, value in thresholds.items()
            ]
        ),
        pa.Table.from_pylist(
            [
                {"filing_status": status, "annual_deduction": str(ANNUAL_DEDUCTION[status])}
                for status in thresholds
            ]
        ),
    )


def _brackets(case: Case, document: Mapping[str, Any]) -> None:
    _only(
        case,
        *("id", "year", "status", "ordinary_taxable_income"),
        *("net_ltcg_plus_qualified_dividends", "magi", "net_investment_income"),
        "expected",
    )
    rates = _tables(document).require(case["year"], case["status"])
    ordinary = _number(case["ordinary_taxable_income"])
    stack = rates.long_term_gains_tax(ordinary, _number(case["net_ltcg_plus_qualified_dividends"]))
    expected = dict(case["expected"])
    if "ltcg" in expected:
        gains = {
            "at_0": stack.amount_at(Decimal(GAINS_RATES[0])),
            "at_15": stack.amount_at(Decimal(GAINS_RATES[1])),
            "at_20": stack.amount_at(Decimal(GAINS_RATES[2])),
            "tax": stack.tax,
        }
        _compare_fields(gains, expected.pop("ltcg"))
    results = {
        "ordinary_tax": rates.ordinary_tax(ordinary),
        "niit": rates.net_investment_income_tax(
            _number(case["net_investment_income"]), _number(case["magi"])
        ),
    }
    _compare_fields(results, expected)


# -- distributions, special basis, lot methods -----------------------------------------------------


def _distributions(case: Case, document: Mapping[str, Any]) -> None:
    _only(case, "id", "born", "year", "prior_dec31_balance", "expected")
    _only(case["expected"], "age_in_year", "applicable_age", "divisor", "rmd", "due")
    table = document["uniform_lifetime_table"]
    assert {age: _number(x) for age, x in table.items()} == retirement.UNIFORM_LIFETIME_TABLE
    result = retirement.minimum_distribution(
        _day(case["born"]), case["year"], _number(case["prior_dec31_balance"])
    )
    actual = {**result._asdict(), "rmd": result.amount}
    for name, value in case["expected"].items():
        if name == "due":
            assert result.due == (None if value is None else _day(value))
        else:
            _close(
                None if actual[name] is None else _number(actual[name]),
                value,
                name,
                Decimal("0.005"),
            )


def _special_basis(case: Case, document: Mapping[str, Any]) -> None:
    if case["kind"] not in SPECIAL:
        pytest.fail(f"special basis of kind {case['kind']!r} cannot be interpreted")
    actual = SPECIAL[case["kind"]](case)
    _only(case["expected"], *actual)
    for name, value in case["expected"].items():
        if isinstance(value, str | bool):
            assert actual[name] == value, name
        elif name == "disallowed_loss":
            # An amount of which the word already says the sign.
            _close(abs(actual[name]), abs(_number(value)), name)
        else:
            _close(actual[name], value, name)


def _gift(case: Case) -> dict[str, Any]:
    _only(case, "id", "kind", "donor_basis", "fmv_at_gift", "sale", "expected")
    return special_basis.gift_sale(
        donor_basis=_number(case["donor_basis"]),
        fair_value_at_gift=_number(case["fmv_at_gift"]),
        proceeds=_number(case["sale"]),
    )._asdict()


def _inherit(case: Case) -> dict[str, Any]:
    _only(
        case,
        *("id", "kind", "date_of_death", "fmv_at_death", "sold", "sale"),
        "expected",
    )
    return special_basis.inherited_sale(
        fair_value_at_death=_number(case["fmv_at_death"]), proceeds=_number(case["sale"])
    )._asdict()


EXEMPT_INTEREST = ("exempt_interest_dividends", "exempt_interest_dividend", "exempt_interest")


def _six_months(case: Case) -> dict[str, Any]:
    _only(
        case,
        *("id", "kind", "held_months", "cost", "proceeds", "expected"),
        *("ltcg_distribution", *EXEMPT_INTEREST),
    )
    exempt_interest = [case[name] for name in EXEMPT_INTEREST if name in case]
    assert len(exempt_interest) <= 1, "exempt interest is stated twice"
    loss = special_basis.six_month_fund_loss(
        loss=_number(case["proceeds"]) - _number(case["cost"]),
        is_held_six_months_or_less=_number(case["held_months"]) <= 6,
        is_long_term=_number(case["held_months"]) > 12,
        long_term_distribution=_number(case.get("ltcg_distribution", 0)),
        exempt_interest_dividend=_number(exempt_interest[0] if exempt_interest else 0),
    )
    allowed = loss.short_loss + loss.long_loss
    return {**loss._asdict(), "disallowed": -loss.disallowed_loss, "allowed_loss": allowed}


def _collectibles(case: Case) -> dict[str, Any]:
    _only(case, "id", "kind", "asset", "gain", "term", "ordinary_rate", "expected")
    rate = collectibles_rate(_number(case["ordinary_rate"]), case["term"])
    return {"rate": rate, "tax": rate * _number(case["gain"])}


SPECIAL: dict[str, Callable[[Case], dict[str, Any]]] = {
    "gift": _gift,
    "inherit": _inherit,
    "ric_six_month_ltcg": _six_months,
    "ric_six_month_exempt": _six_months,
    "ric_six_month_exempt_interest": _six_months,
    "collectibles": _collectibles,
}


# The same methods as custodians call them.
METHODS_BY_OTHER_NAMES = {
    "TAXLOTOPTIMIZER": "MIN_TAX",
    "TLO": "MIN_TAX",
    "HIGHESTCOST": "HIFO",
    "LOWESTCOST": "LOFO",
    "SPECIFICID": "SPEC_ID",
    "SPECIFICIDENTIFICATION": "SPEC_ID",
    "AVERAGECOST": "AVERAGE",
}


class _FlatRates(NamedTuple):
    short_term: Decimal
    long_term: Decimal


def _lot_selection(case: Case, document: Mapping[str, Any]) -> None:
    _only(
        case,
        *("id", "method", "price", "as_of", "lots", "expected_order"),
        *("short_rate", "long_rate"),
    )
    methods = {name.replace("_", ""): name for name in METHODS} | METHODS_BY_OTHER_NAMES
    method = re.sub(r"[^A-Z]", "", case["method"].upper())
    if method not in methods:
        pytest.fail(f"lot method {case['method']!r} cannot be interpreted")
    lots = []
    for row in case["lots"]:
        _only(row, "lot", "acquired", "qty", "cost_per_share")
        cost = row["cost_per_share"]
        lots.append(
            SelectableLot(
                lot_id=row["lot"],
                acquisition_date=_day(row["acquired"]),
                quantity=_number(row["qty"]),
                unit_cost=None if cost is None else _number(cost),
                price=_number(case["price"]),
                is_long_term=is_long_term(_day(row["acquired"]), _day(case["as_of"])),
            )
        )
    rates = (
        _FlatRates(_number(case["short_rate"]), _number(case["long_rate"]))
        if "short_rate" in case
        else None
    )
    ordered = order_lots(methods[method], lots, rates)
    assert [lot.lot_id for lot in ordered] == case["expected_order"]


INTERPRETERS: dict[str, Callable[[Case, Mapping[str, Any]], None]] = {
    "washsale-vectors": _wash_sales,
    "tax-vectors/pretrade_screen": _screen,
    "tax-vectors/holding_period": _holding_period,
    "tax-vectors/netting": _netting,
    "tax-vectors/brackets": _brackets,
    "tax-vectors/rmd": _distributions,
    "tax-vectors/special_basis": _special_basis,
    "tax-vectors/lot_selection": _lot_selection,
}
