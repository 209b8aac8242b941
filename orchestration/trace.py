"""The way back from a number of a workbook to the files and rows it came from.

Belongs here: what the words of `evenkeel trace` mean, and the steps from a trade, lot, position,
class, tax return or cash to its source rows. Does not belong here: rendering (the command line).
Reads the published snapshot and the archived files, never the working database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from data_contracts.contract import load_contracts
from orchestration.masking import with_masked_numbers
from orchestration.questions import QuestionError, Row, Snapshot

# What a source row may have been read as, per kind of fact: one physical line can state several.
_ENTITIES: dict[str, tuple[str, ...]] = {
    "position": ("positions",),
    "lot": ("tax_lots",),
    "closed_lot": ("closed_lots",),
    "price": ("prices", "positions"),
    "cash": ("cash_balances",),
    "account": ("accounts",),
    "account_settings": ("account_settings",),
    "household": ("households",),
    "ips_target": ("ips_targets",),
    "allocation_group": ("allocation_groups",),
    "tax_profile": ("tax_profiles",),
    "cash_flow": ("cash_flows",),
}

_OF_PEOPLE = ("accounts", "account_settings")


@dataclass
class Step:
    """One thing on the way back: what it is, what is known of it, where that came from."""

    what: str
    facts: Row = field(default_factory=dict)
    back: list[Step] = field(default_factory=list)

    def as_mapping(self) -> Row:
        """The step and all behind it, for JSON."""
        return {
            "what": self.what,
            "facts": self.facts,
            "back": [step.as_mapping() for step in self.back],
        }


def trace(snapshot: Snapshot, archive: Path, as_of_date: date, words: Sequence[str]) -> Step:
    """Find what the words mean and follow it back.

    Args:
        snapshot: the published one.
        archive: folder of the received files, by sha256.
        as_of_date: the session.
        words: an id, or a household or account and what of it.

    Raises:
        QuestionError: the words fit nothing, or too much; the message says what to write.
    """
    with snapshot.held_open():
        return _Tracer(snapshot, archive, as_of_date).found([word.strip() for word in words])


@dataclass(frozen=True)
class _Owner:
    """Whose numbers are meant: a household, or one of its accounts."""

    household_id: str
    name: str
    account_ids: tuple[str, ...]


class _Tracer:
    """Questions about one session, each answered once."""

    def __init__(self, snapshot: Snapshot, archive: Path, as_of_date: date) -> None:
        self._snapshot = snapshot
        self._day = as_of_date
        self._files = _Files(snapshot, archive, as_of_date)

    def found(self, words: Sequence[str]) -> Step:
        """The step that the words mean."""
        text = " ".join(words).strip()
        if not text:
            raise QuestionError("say what: an id, or a household and a ticker, class or number")
        by_id = self._by_id(text)
        if by_id is not None:
            return by_id
        refused: QuestionError | None = None
        for cut in range(len(words) - 1, 0, -1):
            try:
                owner = self._owner(words[:cut])
            except QuestionError as error:
                refused = refused or error
                continue
            step = self._of_owner(owner, " ".join(words[cut:]))
            if step is not None:
                return step
            refused = QuestionError(
                f"{owner.name} has no {' '.join(words[cut:])!r}: give the number of a trade, a "
                "ticker, CUSIP, asset class, account, tax return, `cash` or a lot id"
            )
        try:
            return self._overview(self._owner(words))
        except QuestionError as error:
            raise refused or error from error

    # What the words mean.

    def _by_id(self, text: str) -> Step | None:
        for table, column, follow in (
            ("fct_recommended_trades", "trade_id", self._trade),
            ("fct_tax_lots", "lot_id", self._lot),
            ("fct_tax_lots", "parent_lot_id", self._lot),
            ("fct_wash_sale_matches", "match_id", self._match),
            ("fct_rebalance_plans", "plan_id", self._plan),
            ("fct_tax_lots", "source_lot_id", self._lot),
        ):
            rows = self._rows(
                f"select * from marts.{table} "
                f"where as_of_date = $1 and lower({column}) = lower($2) order by all",
                text,
            )
            if rows:
                return _one_of(f"{len(rows)} rows with {column} {text}", rows, follow)
        return None

    def _owner(self, words: Sequence[str]) -> _Owner:
        text = " ".join(words)
        accounts = self._rows(
            "select account_id, household_id, account_name from marts.dim_accounts "
            "where as_of_date = $1 and lower(account_id) = lower($2)",
            text,
        )
        if accounts and accounts[0]["household_id"]:
            return _Owner(
                accounts[0]["household_id"],
                f"{accounts[0]['account_name']} ({accounts[0]['account_id']})",
                (accounts[0]["account_id"],),
            )
        try:
            household = self._snapshot.household(text, self._day)
        except QuestionError:
            for cut in range(len(words) - 1, 0, -1):
                owner = self._account_of_household(words[:cut], " ".join(words[cut:]))
                if owner is not None:
                    return owner
            raise
        rows = self._rows(
            "select account_id from marts.dim_accounts "
            "where as_of_date = $1 and household_id = $2 order by account_id",
            household["household_id"],
        )
        return _Owner(
            household["household_id"],
            household["household_name"],
            tuple(row["account_id"] for row in rows),
        )

    def _account_of_household(self, words: Sequence[str], account: str) -> _Owner | None:
        try:
            household = self._snapshot.household(" ".join(words), self._day)
        except QuestionError:
            return None
        rows = self._rows(
            """
            select account_id, account_name from marts.dim_accounts
            where as_of_date = $1 and household_id = $2 and lower($3) in (
                lower(account_id), lower(account_name), lower(account_type),
                lower(account_number_masked),
                lower(account_name || ' (' || account_number_masked || ')')
            )
            order by account_id
            """,
            household["household_id"],
            account,
        )
        if not rows:
            return None
        name = f"{household['household_name']}, {', '.join(row['account_name'] for row in rows)}"
        return _Owner(household["household_id"], name, tuple(row["account_id"] for row in rows))

    def _of_owner(self, owner: _Owner, thing: str) -> Step | None:
        for look in (
            self._trade_number,
            self._security,
            self._cash_of,
            self._class_of,
            self._tax_return,
            self._lot_of,
        ):
            step = look(owner, thing)
            if step is not None:
                return step
        account = self._account_named(owner, thing)
        return None if account is None else self._overview(account)

    def _account_named(self, owner: _Owner, thing: str) -> _Owner | None:
        return self._account_of_household([owner.household_id], thing)

    # Steps of an owner.

    def _trade_number(self, owner: _Owner, thing: str) -> Step | None:
        if not thing.isdecimal():
            return None
        rows = self._rows(
            "select * from marts.fct_recommended_trades "
            "where as_of_date = $1 and household_id = $2 and trade_sequence = $3",
            owner.household_id,
            int(thing),
        )
        return self._trade(rows[0]) if rows else None

    def _security(self, owner: _Owner, thing: str) -> Step | None:
        securities = self._rows(
            """
            select security_id, coalesce(ticker, cusip, security_name, security_id) as name
            from marts.dim_securities
            where as_of_date = $1 and lower($2) in (
                lower(security_id), lower(ticker), lower(cusip), lower(isin), lower(security_name)
            )
            order by security_id
            """,
            thing,
        )
        if not securities:
            return None
        wanted = [row["security_id"] for row in securities]
        positions = self._rows(
            "select * from marts.fct_positions where as_of_date = $1 and account_id in (select "
            "unnest($2::varchar[])) and security_id in (select unnest($3::varchar[])) order by all",
            list(owner.account_ids),
            wanted,
        )
        trades = self._rows(
            "select * from marts.fct_recommended_trades where as_of_date = $1 and account_id in "
            "(select unnest($2::varchar[])) and security_id in (select unnest($3::varchar[])) "
            "order by trade_sequence",
            list(owner.account_ids),
            wanted,
        )
        steps = [self._position(row) for row in positions] + [self._trade(row) for row in trades]
        if not steps:
            return None
        windows = self._windows(owner.household_id, wanted)
        if len(steps) == 1 and not windows:
            return steps[0]
        return Step(f"{securities[0]['name']} of {owner.name}", {}, steps + windows)

    def _cash_of(self, owner: _Owner, thing: str) -> Step | None:
        if thing.lower() != "cash":
            return None
        return Step(f"Cash of {owner.name}", {}, [self._cash(one) for one in owner.account_ids])

    def _class_of(self, owner: _Owner, thing: str) -> Step | None:
        rows = self._rows(
            """
            select 'class' as target_level, asset_class as target_key, * exclude (asset_class),
                asset_class
            from marts.fct_household_drift
            where as_of_date = $1 and household_id = $2 and lower(asset_class) = lower($3)
            order by allocation_group_id
            """,
            owner.household_id,
            thing,
        ) or self._rows(
            """
            select * from marts.fct_target_drift
            where as_of_date = $1 and household_id = $2 and target_level <> 'class'
                and lower(target_key) = lower($3)
            order by allocation_group_id
            """,
            owner.household_id,
            thing,
        )
        if not rows:
            return None
        steps = [self._drift(row) for row in rows]
        held = self._rows(
            """
            select p.*, c.weight as share_in_class from marts.fct_positions as p
            inner join marts.dim_security_asset_classes as c using (as_of_date, security_id)
            where p.as_of_date = $1 and p.account_id in (select unnest($2::varchar[]))
                and (
                    c.asset_class = $3 or c.sub_class = $3
                    or p.security_id in (
                        select s.security_id from marts.dim_securities as s
                        where s.as_of_date = $1 and s.ticker = $3
                    )
                )
            order by p.market_value desc nulls last, p.account_id, p.security_id
            """,
            list(owner.account_ids),
            rows[0]["target_key"],
        )
        steps += [self._position(row, with_lots=False) for row in held]
        return Step(f"{rows[0]['target_key']} of {owner.name}", {}, steps)

    def _tax_return(self, owner: _Owner, thing: str) -> Step | None:
        rows = self._rows(
            "select * from marts.fct_tax_impact where as_of_date = $1 and household_id = $2 "
            "and lower(tax_unit_id) = lower($3) order by tax_year",
            owner.household_id,
            thing,
        )
        if not rows:
            return None
        trades = self._rows(
            """
            select t.* from marts.fct_recommended_trades as t
            inner join marts.dim_accounts as a using (as_of_date, account_id)
            where t.as_of_date = $1 and a.tax_unit_id = $2 and t.action = 'sell'
            order by t.trade_sequence
            """,
            rows[0]["tax_unit_id"],
        )
        steps = [Step(f"Tax of {row['tax_year']}", _facts(row)) for row in rows]
        steps += [self._trade(row) for row in trades]
        steps += self._facts_of(
            "tax_profile", rows[0]["tax_unit_id"], "What the return is taxed by"
        )
        return Step(f"Tax return {rows[0]['tax_unit_id']} of {owner.name}", {}, steps)

    def _lot_of(self, owner: _Owner, thing: str) -> Step | None:
        rows = self._rows(
            "select * from marts.fct_tax_lots where as_of_date = $1 and account_id in (select "
            "unnest($2::varchar[])) and lower($3) in (lower(lot_id), lower(source_lot_id)) "
            "order by all",
            list(owner.account_ids),
            thing,
        )
        return _one_of(f"Lots {thing} of {owner.name}", rows, self._lot) if rows else None

    def _overview(self, owner: _Owner) -> Step:
        household = self._snapshot.household(owner.household_id, self._day)
        step = Step(owner.name, _facts(household))
        step.back += self._facts_of("household", owner.household_id, "The household as stated")
        for account_id in owner.account_ids:
            step.back.append(self._account(account_id))
        return step

    def _account(self, account_id: str) -> Step:
        (row,) = self._rows(
            "select * from marts.dim_accounts where as_of_date = $1 and account_id = $2", account_id
        )
        step = Step(f"Account {row['account_name']} ({row['account_number_masked']})", _facts(row))
        step.back += self._facts_of("account", account_id, "As the custodian states it")
        step.back += self._facts_of("account_settings", account_id, "As the firm states it")
        step.back.append(self._cash(account_id))
        positions = self._rows(
            "select * from marts.fct_positions where as_of_date = $1 and account_id = $2 "
            "order by market_value desc nulls last, security_id",
            account_id,
        )
        step.back += [self._position(one, with_lots=False) for one in positions]
        return step

    # Single things.

    def _trade(self, row: Row) -> Step:
        step = Step(
            f"Trade {row['trade_sequence']}: {row['action']} {_number(row['quantity'])} "
            f"{row['ticker'] or row['security_id']} in {row['account_name']}",
            _facts(row),
        )
        plans = self._rows(
            "select * from marts.fct_rebalance_plans where as_of_date = $1 and plan_id = $2",
            row["plan_id"],
        )
        step.back += [Step(f"Plan {one['plan_id']}", _facts(one)) for one in plans]
        step.back += self._lots_sold(row)
        step.back += self._price(row["security_id"])
        step.back += self._drift_behind(row)
        return step

    def _lots_sold(self, trade: Row) -> list[Step]:
        sold = self._rows(
            "select * from marts.fct_trade_lots where as_of_date = $1 and trade_id = $2 "
            "order by lot_id",
            trade["trade_id"],
        )
        steps = []
        for row in sold:
            step = Step(f"Sells {_number(row['quantity'])} of lot {row['lot_id']}", _facts(row))
            lots = self._rows(
                "select * from marts.fct_tax_lots where as_of_date = $1 and lot_id = $2",
                row["lot_id"],
            )
            step.back += [self._lot(lot, with_price=False) for lot in lots]
            steps.append(step)
        if not sold:
            held = self._rows(
                "select * from marts.fct_positions where as_of_date = $1 and account_id = $2 "
                "and security_id = $3",
                trade["account_id"],
                trade["security_id"],
            )
            steps += [self._position(one, with_lots=False) for one in held]
        return steps

    def _drift_behind(self, trade: Row) -> list[Step]:
        rows = self._rows(
            """
            select 'class' as target_level, d.asset_class as target_key, d.*
            from marts.fct_household_drift as d
            inner join marts.dim_accounts as a using (as_of_date, allocation_group_id)
            where d.as_of_date = $1 and a.account_id = $2 and d.asset_class = $3
            """,
            trade["account_id"],
            trade["asset_class"],
        )
        rows += self._rows(
            """
            select d.* from marts.fct_target_drift as d
            inner join marts.dim_accounts as a using (as_of_date, allocation_group_id)
            where d.as_of_date = $1 and a.account_id = $2 and d.target_level <> 'class'
                and (d.security_id = $3 or d.asset_class = $4)
            order by d.target_level, d.target_key
            """,
            trade["account_id"],
            trade["security_id"],
            trade["asset_class"],
        )
        return [self._drift(row) for row in rows]

    def _drift(self, row: Row) -> Step:
        step = Step(
            f"Drift of {row['target_key']} ({row['target_level'].replace('_', ' ')}) in "
            f"{row['allocation_group_id']}",
            _facts(row),
        )
        group = row["allocation_group_id"]
        own = f"{group}:{row['target_level']}:{row['target_key']}"
        step.back += self._facts_of("ips_target", own, "Target of the IPS")
        if not step.back and row["target_level"] == "class":
            # No target of its own: it is the sum of the targets beneath it.
            for beneath in self._rows(
                "select target_level, target_key from marts.fct_target_drift where as_of_date = $1 "
                "and allocation_group_id = $2 and asset_class = $3 and target_level <> 'class' "
                "order by all",
                group,
                row["target_key"],
            ):
                fact = f"{group}:{beneath['target_level']}:{beneath['target_key']}"
                words = f"Target of the IPS beneath it: {beneath['target_key']}"
                step.back += self._facts_of("ips_target", fact, words)
        step.back += self._facts_of("allocation_group", group, "The group as stated")
        return step

    def _lot(self, row: Row, *, with_price: bool = True) -> Step:
        step = Step(f"Lot {row['lot_id']} of {self._label(row)}", _facts(row))
        step.back += self._files.rows(
            "lot", [(row["source_file_id"], row["source_row_number"])], "As the custodian states it"
        )
        keys = [row["lot_id"], *([row["parent_lot_id"]] if row["parent_lot_id"] else [])]
        matches = self._rows(
            """
            select * from marts.fct_wash_sale_matches
            where as_of_date = $1 and (
                (replacement_account_id = $2 and list_contains($3::varchar[], replacement_lot_key))
                or (loss_account_id = $2 and list_contains($3::varchar[], loss_lot_key))
            )
            order by match_id
            """,
            row["account_id"],
            keys,
        )
        step.back += [self._match(match) for match in matches]
        if with_price:
            step.back += self._price(row["security_id"])
        return step

    def _match(self, row: Row) -> Step:
        step = Step(
            f"Wash sale {row['match_id']}: loss of {row['loss_sale_date']}, replaced on "
            f"{row['replacement_date']}",
            _facts(row),
        )
        for side, words in (
            ("loss", "The lot sold at a loss"),
            ("replacement", "What replaced it"),
        ):
            fact = f"{row[f'{side}_account_id']}:{row[f'{side}_lot_key']}"
            step.back += self._facts_of("closed_lot", fact, words)
            open_lots = self._rows(
                "select source_file_id, source_row_number from marts.fct_tax_lots "
                "where as_of_date = $1 and account_id = $2 and $3 in (lot_id, parent_lot_id) "
                "order by all limit 1",
                row[f"{side}_account_id"],
                row[f"{side}_lot_key"],
            )
            places = [(one["source_file_id"], one["source_row_number"]) for one in open_lots]
            step.back += self._files.rows("lot", places, words)
        return step

    def _plan(self, row: Row) -> Step:
        trades = self._rows(
            "select * from marts.fct_recommended_trades where as_of_date = $1 and plan_id = $2 "
            "order by trade_sequence",
            row["plan_id"],
        )
        return Step(f"Plan {row['plan_id']}", _facts(row), [self._trade(one) for one in trades])

    def _position(self, row: Row, *, with_lots: bool = True) -> Step:
        step = Step(f"Position {self._label(row)}", _facts(row))
        sources = self._rows(
            "select source_file_id, source_row_number from marts.fct_position_sources "
            "where as_of_date = $1 and account_id = $2 and security_id = $3 order by all",
            row["account_id"],
            row["security_id"],
        )
        places = [(one["source_file_id"], one["source_row_number"]) for one in sources]
        step.back += self._files.rows("position", places, "As the custodian states it")
        step.back += self._price(row["security_id"])
        if with_lots:
            lots = self._rows(
                "select * from marts.fct_tax_lots where as_of_date = $1 and account_id = $2 "
                "and security_id = $3 order by acquisition_date nulls last, lot_id",
                row["account_id"],
                row["security_id"],
            )
            step.back += [self._lot(lot, with_price=False) for lot in lots]
        return step

    def _price(self, security_id: str) -> list[Step]:
        return self._facts_of("price", security_id, "Price of the night")

    def _cash(self, account_id: str) -> Step:
        rows = self._rows(
            "select * from marts.fct_account_cash where as_of_date = $1 and account_id = $2",
            account_id,
        )
        step = Step(f"Cash of account {account_id}", _facts(rows[0]) if rows else {})
        step.back += self._facts_of("cash", account_id, "As the custodian states it")
        flows = self._rows(
            "select * from marts.fct_cash_flows "
            "where as_of_date = $1 and account_id = $2 and is_open order by cash_flow_id",
            account_id,
        )
        for flow in flows:
            stated = self._facts_of("cash_flow", flow["cash_flow_id"], "As the firm states it")
            step.back.append(Step(f"Flow {flow['cash_flow_id']}", _facts(flow), stated))
        return step

    def _windows(self, household_id: str, security_ids: list[str]) -> list[Step]:
        rows = self._rows(
            """
            select distinct w.* from marts.fct_wash_sale_windows as w
            inner join marts.dim_securities as s using (as_of_date, identity_group_id)
            where w.as_of_date = $1 and w.household_id = $2
                and s.security_id in (select unnest($3::varchar[]))
            order by all
            """,
            household_id,
            security_ids,
        )
        return [Step("Wash-sale window", _facts(row)) for row in rows]

    def _facts_of(self, fact_type: str, fact_id: str, words: str) -> list[Step]:
        rows = self._rows(
            "select source_file_id, source_row_number from marts.fct_fact_sources "
            "where as_of_date = $1 and fact_type = $2 and fact_id = $3 order by all",
            fact_type,
            fact_id,
        )
        places = [(row["source_file_id"], row["source_row_number"]) for row in rows]
        return self._files.rows(fact_type, places, words)

    def _label(self, row: Row) -> str:
        (found,) = self._rows(
            """
            select
                coalesce(s.ticker, s.cusip, s.security_name, s.security_id) || ' in '
                || coalesce(a.account_name, a.custodian) || ' (' || a.account_number_masked || ')'
                as label
            from marts.dim_accounts as a, marts.dim_securities as s
            where a.as_of_date = $1 and s.as_of_date = $1
                and a.account_id = $2 and s.security_id = $3
            """,
            row["account_id"],
            row["security_id"],
        ) or [{"label": f"{row['security_id']} in {row['account_id']}"}]
        return str(found["label"])

    def _rows(self, query: str, *parameters: Any) -> list[Row]:
        return self._snapshot.query(query, [self._day, *parameters])


class _Files:
    """Received files: what is known of them, and their rows as received."""

    def __init__(self, snapshot: Snapshot, archive: Path, as_of_date: date) -> None:
        self._snapshot = snapshot
        self._archive = archive
        self._day = as_of_date
        self._known: dict[str, Row] = {}
        self._readings: dict[str, Any] = {}

    def rows(self, fact: str, places: Sequence[tuple[str, int]], words: str) -> list[Step]:
        """One step per source row; no step where nothing is known of the source."""
        return [self._row(fact, file_id, row, words) for file_id, row in places if file_id]

    def _row(self, fact: str, file_id: str, row: int, words: str) -> Step:
        known = self._file(file_id)
        text = self._text(fact, known, row)
        return Step(
            f"{words}: {known['file_name']}, row {row}",
            {
                "custodian": known["custodian"],
                "feed": known["feed"],
                "file_name": known["file_name"],
                "sha256": file_id,
                "received_at": known["received_at"],
                "landed_for": known["as_of_date"],
                "row_number": row,
                "row_as_received": text,
            },
        )

    def _file(self, file_id: str) -> Row:
        if file_id not in self._known:
            rows = self._snapshot.query(
                """
                select as_of_date, custodian, feed, file_name, received_at from ops.source_files
                where source_file_id = $1 and as_of_date <= $2
                order by as_of_date desc, status = 'LOADED' desc, custodian, file_name limit 1
                """,
                [file_id, self._day],
            )
            if not rows:
                raise QuestionError(f"the snapshot does not know the file {file_id}")
            self._known[file_id] = {"source_file_id": file_id, **rows[0]}
        return self._known[file_id]

    def _text(self, fact: str, known: Row, row: int) -> str:
        """The row as received, account numbers masked; or why it cannot be shown."""
        import pyarrow.compute as pc

        reading = self._reading(known)
        if isinstance(reading, str):
            return reading
        entities = [name for name in _ENTITIES[fact] if name in reading.tables]
        for entity in entities or list(reading.tables):
            table = reading.tables[entity]
            found = table.filter(pc.equal(table["source_row_number"], row))["row_as_received"]
            texts = list(dict.fromkeys(found.to_pylist()))
            if len(texts) > 1:
                return f"(line {row} holds {len(texts)} rows)"
            if texts and entity in _OF_PEOPLE:
                # What else such a row says of people is nobody's business here.
                return _cells_read(table.filter(pc.equal(table["source_row_number"], row)), reading)
            if texts:
                return with_masked_numbers(texts[0], reading.covered_accounts)
        return f"(no row was read from line {row})"

    def _reading(self, known: Row) -> Any:
        """What the feed's reader makes of the archived bytes; a sentence where that fails."""
        from python_steps.feeds.reading import reader_of
        from python_steps.feeds.received import ReceivedFile

        file_id = known["source_file_id"]
        if file_id not in self._readings:
            path = self._archive / file_id[:2] / file_id
            if not path.exists():
                self._readings[file_id] = "(the archive does not hold the file)"
                return self._readings[file_id]
            file = ReceivedFile(
                custodian=known["custodian"],
                file_name=known["file_name"],
                content=path.read_bytes(),
            )
            if file.source_file_id != file_id:
                self._readings[file_id] = "(the archived bytes are not those that were received)"
                return self._readings[file_id]
            # Not recognised anew: an account number in the file's name is masked in the snapshot.
            contract = load_contracts().get(known["feed"])
            if contract is None:
                self._readings[file_id] = f"(not shown: there is no feed {known['feed']} any more)"
                return self._readings[file_id]
            try:
                reading = reader_of(contract)(file, contract)
            except ValueError as error:
                self._readings[file_id] = f"(not shown: {error})"
                return self._readings[file_id]
            # A file that is refused today is not shown: nobody knows its account numbers.
            self._readings[file_id] = (
                reading
                if reading.status == "LOADED"
                else "(not shown: the file is refused by today's reader)"
            )
        return self._readings[file_id]


def _cells_read(rows: Any, reading: Any) -> str:
    """The columns that the contract knows, each by its name."""
    (row,) = rows.slice(0, 1).to_pylist()
    told = ", ".join(
        f"{name}={value}"
        for name, value in row.items()
        if value and name not in ("source_row_number", "row_as_received")
    )
    return with_masked_numbers(f"(columns read) {told}", reading.covered_accounts)


def _one_of(what: str, rows: Sequence[Row], follow: Callable[[Row], Step]) -> Step:
    steps = [follow(row) for row in rows]
    return steps[0] if len(steps) == 1 else Step(what, {}, steps)


def _facts(row: Row) -> Row:
    """What is known: columns that hold something; where it came from stands in its own step."""
    hidden = ("as_of_date", "source_file_id", "source_row_number")
    return {name: value for name, value in row.items() if value is not None and name not in hidden}


def _number(value: Any) -> str:
    return f"{value.normalize():f}" if value is not None else "an unknown quantity"
