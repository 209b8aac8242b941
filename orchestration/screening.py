"""May this order be given on this day? The published night's answer, for people at a telephone.

Belongs here: finding the account and security that are meant, and reading what the screen needs of
the snapshot. Does not belong here: any verdict (python_steps.wash_sales.order_screen), rendering
(the command line does it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestration.questions import QuestionError, Row, Snapshot
from python_steps.wash_sales.order_screen import (
    Action,
    NightFacts,
    Order,
    OrderError,
    check_day,
    first_day_that_matters,
    identity_of,
    judge_order,
)
from python_steps.wash_sales.policy import WashSalePolicy


@dataclass(frozen=True)
class OrderQuestion:
    """One order that somebody thinks of giving.

    `quantity` None asks for all shares of a sale, and for any purchase at all.
    """

    account: str
    action: Action
    security: str
    day: date
    quantity: Decimal | None = None
    lot_ids: tuple[str, ...] = ()
    household_id: str | None = None


def screen_order(
    snapshot: Snapshot, as_of_date: date, question: OrderQuestion, policy: WashSalePolicy
) -> Row:
    """The verdict on one order.

    Returns:
        account_id, account_name, household_id, security_id, ticker, action, day, quantity, verdict
        (allow, warn, resize, block), why, clear_on_date, consequence, washed_quantity,
        max_clean_quantity. Money is dollars, quantities are shares.

    Raises:
        QuestionError: the account, security, lots or day cannot be meant; the message says why.
    """
    order = Order(question.action, question.day, question.quantity, question.lot_ids)
    try:
        check_day(question.day, as_of_date)
        account = _account(snapshot, as_of_date, question.account, question.household_id)
        security = _security(snapshot, as_of_date, question.security)
        facts = night_facts(snapshot, as_of_date, account, security, policy)
        verdict, quantity = judge_order(order, facts, policy)
    except OrderError as error:
        raise QuestionError(str(error)) from error
    return {
        "account_id": account["account_id"],
        "account_name": account["account_name"],
        "household_id": account["household_id"],
        "security_id": security["security_id"],
        "ticker": security["ticker"],
        "action": question.action,
        "day": question.day,
        "quantity": quantity,
        **verdict._asdict(),
    }


def _account(snapshot: Snapshot, as_of_date: date, words: str, household_id: str | None) -> Row:
    for condition in (
        "lower(account_id) = lower($2)",
        "lower(account_name) = lower($2)",
        "contains(lower(account_name), lower($2))",
    ):
        found = snapshot.query(
            f"select * from marts.dim_accounts where as_of_date = $1 and {condition} "
            "and coalesce(household_id = $3, $3 is null) order by account_id",
            [as_of_date, words, household_id],
        )
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(f"{row['account_id']} ({row['account_name']})" for row in found[:10])
            more = f" and {len(found) - 10} more" if len(found) > 10 else ""
            raise QuestionError(f"{words!r} fits several accounts: {named}{more}; give the id")
    raise QuestionError(f"no account of {as_of_date} is called {words!r}")


def _security(snapshot: Snapshot, as_of_date: date, words: str) -> Row:
    found = snapshot.query(
        """
        select * from marts.dim_securities
        where
            as_of_date = $1
            and lower($2) in (lower(ticker), lower(cusip), lower(security_id))
        order by security_id
        """,
        [as_of_date, words],
    )
    if len(found) != 1:
        number = "several securities are" if found else "no security is"
        raise QuestionError(f"{number} called {words!r} on {as_of_date}; give the CUSIP or the id")
    return found[0]


def night_facts(
    snapshot: Snapshot, as_of_date: date, account: Row, security: Row, policy: WashSalePolicy
) -> NightFacts:
    """The rows of the household's accounts and of the security's identity group."""
    accounts = snapshot.query(
        """
        select * from marts.dim_accounts
        where
            as_of_date = $1
            and (
                account_id = $2
                or (counts_for_wash_sales and (wash_sale_group_id = $3 or household_id = $4))
            )
        order by account_id
        """,
        [
            as_of_date,
            account["account_id"],
            account["wash_sale_group_id"],
            account["household_id"],
        ],
    )
    securities: dict[str, Decimal | None] = {
        str(row["security_id"]): row["price"]
        for row in snapshot.query(
            """
            select security_id, price from marts.dim_securities
            where as_of_date = $1 and coalesce(identity_group_id, security_id) = $2
            """,
            [as_of_date, identity_of(security)],
        )
    }
    names = [row["account_id"] for row in accounts]
    lots = snapshot.query(
        """
        select * from marts.fct_tax_lots
        where
            as_of_date = $1 and list_contains($2, account_id) and list_contains($3, security_id)
            and quantity > 0
        order by account_id, lot_id
        """,
        [as_of_date, names, list(securities)],
    )
    sales = snapshot.query(
        """
        select * from marts.fct_realized_gains
        where
            as_of_date = $1 and list_contains($2, account_id) and list_contains($3, security_id)
            and disposal_date >= $4 and proceeds is not null and cost_basis is not null
        order by account_id, closed_lot_key, part
        """,
        [as_of_date, names, list(securities), first_day_that_matters(as_of_date, policy)],
    )
    return NightFacts(
        as_of_date=as_of_date,
        account=account,
        security=security,
        accounts=accounts,
        securities=securities,
        lots=lots,
        sales=sales,
        planned=_planned(snapshot, as_of_date, names, list(securities)),
        window=_window(snapshot, as_of_date, account, security),
        unseen=_unseen_accounts(snapshot, as_of_date, account),
    )


def _planned(
    snapshot: Snapshot, as_of_date: date, accounts: list[str], securities: list[str]
) -> list[Row]:
    """What the night itself proposes to trade there; nothing of a withheld plan."""
    return snapshot.query(
        """
        select trades.*, plans.planned_trade_date
        from marts.fct_recommended_trades as trades
        inner join marts.fct_rebalance_plans as plans
            on
                trades.as_of_date = plans.as_of_date
                and trades.plan_id = plans.plan_id
                and trades.household_id = plans.household_id
        where
            trades.as_of_date = $1
            and list_contains($2, trades.account_id)
            and list_contains($3, trades.security_id)
        order by plans.planned_trade_date, trades.trade_id
        """,
        [as_of_date, accounts, securities],
    )


def _window(snapshot: Snapshot, as_of_date: date, account: Row, security: Row) -> Row | None:
    found = snapshot.query(
        """
        select * from marts.fct_wash_sale_windows
        where as_of_date = $1 and wash_sale_group_id = $2 and identity_group_id = $3
        """,
        [
            as_of_date,
            account["wash_sale_group_id"],
            identity_of(security),
        ],
    )
    return found[0] if found else None


def _unseen_accounts(snapshot: Snapshot, as_of_date: date, account: Row) -> list[str]:
    """Accounts that count with this one and whose files did not come."""
    found = snapshot.query(
        """
        select account_name, custodian from marts.dim_accounts
        where
            as_of_date = $1
            and wash_sale_group_id = $2
            and counts_for_wash_sales
            and account_state = 'waiting_for_feed'
        order by account_id
        """,
        [as_of_date, account["wash_sale_group_id"]],
    )
    return [f"{row['account_name']} at {row['custodian']}" for row in found]
