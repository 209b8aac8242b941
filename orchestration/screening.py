"""May this order be given on this day? The published night's answer, for people at a telephone.

Belongs here: what the pre-trade screen needs of the snapshot, and the union of its verdict with the
night's standing windows, which also know purchases and sales that no lot shows. Does not belong
here: the law (python_steps.wash_sales.screen), rendering (the command line does it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from orchestration.questions import QuestionError, Row, Snapshot
from python_steps.sessions import is_session, next_session
from python_steps.wash_sales.book import NOT_PURCHASED, account_facts
from python_steps.wash_sales.policy import WashSalePolicy
from python_steps.wash_sales.screen import (
    Holding,
    PastPurchase,
    PastSale,
    Proposal,
    ScreenState,
    Verdict,
    screen_proposals,
)

Action = Literal["buy", "sell"]


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
    if question.day <= as_of_date:
        raise QuestionError(
            f"an order of {question.day} cannot be judged by the night of {as_of_date}; ask for a "
            f"later day, the next session is {next_session(as_of_date)}"
        )
    if not is_session(question.day):
        raise QuestionError(f"the exchange is closed on {question.day}")
    account = _account(snapshot, as_of_date, question.account, question.household_id)
    security = _security(snapshot, as_of_date, question.security)
    state, holdings = _state(snapshot, as_of_date, account, security, policy)
    own = [
        lot
        for lot in holdings
        if lot.account_id == account["account_id"] and lot.security_id == security["security_id"]
    ]
    proposal = _proposal(question, account, security, own)
    (verdict,) = screen_proposals(state, [proposal], policy)
    window = _window(snapshot, as_of_date, account, security)
    verdict = _with_window(verdict, window, proposal, own, account)
    unseen = _unseen_accounts(snapshot, as_of_date, account)
    verdict = _with_unseen_accounts(verdict, unseen, proposal, own, account)
    return {
        "account_id": account["account_id"],
        "account_name": account["account_name"],
        "household_id": account["household_id"],
        "security_id": security["security_id"],
        "ticker": security["ticker"],
        "action": question.action,
        "day": question.day,
        "quantity": proposal.quantity if question.quantity or question.action == "sell" else None,
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


def _state(
    snapshot: Snapshot, as_of_date: date, account: Row, security: Row, policy: WashSalePolicy
) -> tuple[ScreenState, list[Holding]]:
    """What the household's accounts hold, bought and sold of the identity group.

    Accounts of its other wash-sale groups (a minor's, a trust's) are outside: only a contested
    reading counts them.
    """
    accounts = [
        account_facts(row)
        for row in snapshot.query(
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
    ]
    identity = str(security["identity_group_id"] or security["security_id"])
    securities: dict[str, Decimal | None] = {
        str(row["security_id"]): row["price"]
        for row in snapshot.query(
            """
            select security_id, price from marts.dim_securities
            where as_of_date = $1 and coalesce(identity_group_id, security_id) = $2
            """,
            [as_of_date, identity],
        )
    }
    own_group = account["wash_sale_group_id"] or account["account_id"]
    names = [row.account_id for row in accounts]
    oldest = as_of_date - timedelta(days=policy.window_days + 1)
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
        [as_of_date, names, list(securities), oldest],
    )
    holdings = [_holding(row, securities[row["security_id"]], as_of_date) for row in lots]
    state = ScreenState(
        accounts=[
            row.as_wash_account(is_outside_group=row.wash_group_id != own_group) for row in accounts
        ],
        purchases=[
            PastPurchase(
                lot.acquired, lot.account_id, lot.security_id, lot.quantity, lot.lot_id, lot.origin
            )
            for lot in holdings
            if lot.acquired is not None and lot.acquired >= oldest
        ],
        sales=[
            PastSale(
                row["disposal_date"],
                row["account_id"],
                row["security_id"],
                row["quantity"],
                (row["proceeds"] - row["cost_basis"]) / row["quantity"],
                f"{row['closed_lot_key']}/{row['part']}",
            )
            for row in sales
            if row["quantity"]
        ],
        holdings=holdings,
        identity_groups=dict.fromkeys(securities, identity),
    )
    return state, holdings


def _holding(lot: Row, price: Decimal | None, as_of_date: date) -> Holding:
    if price is None:
        raise QuestionError(
            f"{lot['security_id']} has no price on {as_of_date}, so whether a sale is at a loss is "
            "not known"
        )
    is_bought = (lot["acquisition_type"] or "").upper() not in NOT_PURCHASED
    return Holding(
        account_id=lot["account_id"],
        security_id=lot["security_id"],
        lot_id=lot["lot_id"],
        quantity=lot["quantity"],
        acquired=lot["acquisition_date"],
        unit_cost=None if lot["cost_basis"] is None else lot["cost_basis"] / lot["quantity"],
        price=price,
        origin="purchase" if is_bought else "other",
    )


def _proposal(question: OrderQuestion, account: Row, security: Row, own: list[Holding]) -> Proposal:
    held = sum((lot.quantity for lot in own), Decimal(0))
    quantity = question.quantity
    if question.action == "sell":
        unknown = sorted(set(question.lot_ids) - {lot.lot_id for lot in own})
        if unknown:
            raise QuestionError(
                f"{account['account_name']} has no lot {', '.join(unknown)} of {security['ticker']}"
            )
        chosen = [lot for lot in own if not question.lot_ids or lot.lot_id in question.lot_ids]
        most = sum((lot.quantity for lot in chosen), Decimal(0))
        quantity = most if quantity is None else quantity
        if not held:
            raise QuestionError(
                f"the night knows of no {security['ticker']} in {account['account_name']}"
                + (
                    f", whose files of {account['custodian']} did not come"
                    if account["account_state"] == "waiting_for_feed"
                    else ""
                )
            )
        if quantity > most:
            raise QuestionError(
                f"{account['account_name']} holds {_shares(most)} {security['ticker']} "
                f"in these lots, not {_shares(quantity)}"
            )
    elif question.lot_ids:
        raise QuestionError("lots are named for a sale only")
    if quantity is not None and quantity <= 0:
        raise QuestionError(f"the quantity must be more than 0, not {_shares(quantity)}")
    return Proposal(
        day=question.day,
        action=question.action,
        account_id=account["account_id"],
        security_id=security["security_id"],
        # Any purchase at all: one share stands for it.
        quantity=Decimal(1) if quantity is None else quantity,
        lot_ids=question.lot_ids,
    )


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _window(snapshot: Snapshot, as_of_date: date, account: Row, security: Row) -> Row | None:
    found = snapshot.query(
        """
        select * from marts.fct_wash_sale_windows
        where as_of_date = $1 and wash_sale_group_id = $2 and identity_group_id = $3
        """,
        [
            as_of_date,
            account["wash_sale_group_id"],
            security["identity_group_id"] or security["security_id"],
        ],
    )
    return found[0] if found else None


def _with_window(
    verdict: Verdict,
    window: Row | None,
    proposal: Proposal,
    own: list[Holding],
    account: Row,
) -> Verdict:
    """The verdict, or a stricter one where the night's window bars the day."""
    if window is None or verdict.verdict == "block":
        return verdict
    if proposal.action == "buy":
        last_day = window["no_buy_until_date"]
        matters = True
    else:
        last_day = window["no_loss_sale_until_date"]
        matters = account["tax_treatment"] == "taxable" and _may_realise_a_loss(proposal, own)
    if not matters:
        return verdict
    if last_day is not None and proposal.day <= last_day:
        return Verdict(
            "block",
            f"Barred until {last_day}: {window['caused_by']}",
            clear_on_date=last_day + timedelta(days=1),
            consequence=verdict.consequence,
        )
    if proposal.action == "sell" and window["coverage"] not in (None, "known"):
        return Verdict("block", f"A loss may be washed without being seen: {window['caused_by']}")
    return verdict


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


def _with_unseen_accounts(
    verdict: Verdict, unseen: list[str], proposal: Proposal, own: list[Holding], account: Row
) -> Verdict:
    """Nothing known against an order is no clearance while an account is not seen."""
    if not unseen or verdict.verdict != "allow":
        return verdict
    named = ", ".join(unseen)
    if proposal.action == "buy":
        why = (
            f"No loss that is known would be washed, but the files of {named} did not come: "
            "a sale at a loss there would not be seen"
        )
        return Verdict("warn", why)
    if account["tax_treatment"] == "taxable" and _may_realise_a_loss(proposal, own):
        why = f"A loss may be washed without being seen: the files of {named} did not come"
        return Verdict("block", why)
    return verdict


def _may_realise_a_loss(proposal: Proposal, own: list[Holding]) -> bool:
    chosen = [lot for lot in own if not proposal.lot_ids or lot.lot_id in proposal.lot_ids]
    return any(lot.unit_cost is None or lot.price < lot.unit_cost for lot in chosen)
