"""Random linear models shaped like households, and tiny ones: what the solver's tests are run on.

Belongs here: seeded models with wash-sale switches, the two tax switches, cash per account and
class bands, and their trades. Does not belong here: a household (`core_model` builds those).
Amounts are thousand dollars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from python_steps.optimizer.linear_model import (
    LinearModel,
    ModelBuilder,
    Side,
    Switch,
    side_of,
)

SHORT_RATE, LONG_RATE, ORDINARY_RATE, CARRY_VALUE, BASIS_VALUE = 0.40, 0.238, 0.37, 0.14, 0.08
SPREAD = 0.0005


@dataclass(frozen=True)
class Shape:
    """How large a random household is."""

    accounts: int = 4
    securities: int = 34
    positions: int = 44
    lots_per_position: int = 6
    buys_per_account: int = 18
    classes: int = 9


TYPICAL = Shape()
SMALL = Shape(accounts=2, securities=6, positions=6, lots_per_position=3, buys_per_account=4)


@dataclass(frozen=True)
class RandomTrade:
    """The columns of one sale or purchase."""

    key: str
    account: int
    is_sale: bool
    columns: tuple[int, ...]
    whole: float


@dataclass(frozen=True)
class RandomHousehold:
    """A model with its trades and the accounts that must raise cash."""

    model: LinearModel
    trades: tuple[RandomTrade, ...]
    must_raise: frozenset[int]


@dataclass(frozen=True)
class _Lot:
    column: int
    account: int
    security: int
    value: float
    gain: float
    is_long: bool


class _Draw:
    """One household being drawn."""

    def __init__(self, seed: int, shape: Shape) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = shape
        self.build = ModelBuilder()
        self.is_taxable = [account % 2 == 0 for account in range(shape.accounts)]
        self.class_of = self.random.integers(0, shape.classes - 1, shape.securities)
        self.lots: list[_Lot] = []
        self.buys: list[tuple[int, int, int]] = []
        self.trades: list[RandomTrade] = []

    def household(self) -> RandomHousehold:
        self._lots()
        self.cash = self.random.uniform(0.0, 40.0, self.shape.accounts)
        self.flow = self.random.choice([0.0, 30.0, -60.0, -10.0], self.shape.accounts)
        self.total = sum(lot.value for lot in self.lots) + float(np.sum(self.cash + self.flow))
        self._buys()
        self._cash_rows()
        self._class_rows()
        self._tax_rows()
        self._wash_rows()
        needs = self.cash + self.flow < 2.0
        must_raise = frozenset(int(account) for account in np.flatnonzero(needs))
        return RandomHousehold(self.build.model(), tuple(self.trades), must_raise)

    def _lots(self) -> None:
        shape = self.shape
        pairs = [(a, s) for a in range(shape.accounts) for s in range(shape.securities)]
        chosen = self.random.choice(len(pairs), min(shape.positions, len(pairs)), replace=False)
        for number in sorted(int(c) for c in chosen):
            account, security = pairs[number]
            count = shape.lots_per_position if self.is_taxable[account] else 1
            columns = []
            values = self.random.lognormal(2.0, 0.8, count)
            for value in values:
                gain = float(self.random.normal(0.1, 0.25)) if self.is_taxable[account] else 0.0
                is_long = bool(self.random.random() < 0.6)
                cost = SPREAD - (BASIS_VALUE * gain)
                sellable = value if self.random.random() > 0.05 else 0.0
                column = self.build.column(
                    f"sell:{account}:{security}:{len(columns)}", upper=float(sellable), cost=cost
                )
                columns.append(column)
                self.lots.append(_Lot(column, account, security, float(value), gain, is_long))
            self.trades.append(
                RandomTrade(
                    f"sell:{account}:{security}",
                    account,
                    True,
                    tuple(columns),
                    float(sum(self.build.upper_of(column) for column in columns)),
                )
            )

    def _buys(self) -> None:
        shape = self.shape
        count = min(shape.buys_per_account, shape.securities)
        for account in range(shape.accounts):
            chosen = sorted(self.random.choice(shape.securities, count, replace=False))
            for security in chosen:
                column = self.build.column(
                    f"buy:{account}:{security}",
                    upper=self.total,
                    cost=SPREAD + float(self.random.uniform(-0.001, 0.004)),
                )
                self.buys.append((column, account, int(security)))
                self.trades.append(
                    RandomTrade(
                        f"buy:{account}:{security}", account, False, (column,), float("inf")
                    )
                )

    def _cash_rows(self) -> None:
        self.cash_columns = []
        for account in range(self.shape.accounts):
            minimum = min(2.0, max(0.0, float(self.total)))
            cash = self.build.column(f"cash:{account}", lower=minimum, upper=2 * self.total)
            short = self.build.column(f"short:{account}", upper=2 * self.total, cost=2.0)
            self.cash_columns.append(cash)
            entries = [(cash, 1.0), (short, -1.0)]
            entries += [(t.column, -(1 - SPREAD)) for t in self.lots if t.account == account]
            entries += [(column, 1 + SPREAD) for column, a, _ in self.buys if a == account]
            held = float(self.cash[account] + self.flow[account])
            self.build.row(f"cash:{account}", entries, lower=held, upper=held)

    def _class_rows(self) -> None:
        targets = self.random.dirichlet(np.ones(self.shape.classes) * 3)
        for number in range(self.shape.classes):
            entries: list[tuple[int, float]] = []
            held = 0.0
            for lot in self.lots:
                if self.class_of[lot.security] == number:
                    entries.append((lot.column, -1.0))
                    held += lot.value
            for column, _, security in self.buys:
                if self.class_of[security] == number:
                    entries.append((column, 1.0))
            if number == self.shape.classes - 1:
                entries += [(column, 1.0) for column in self.cash_columns]
            band = max(0.01, 0.2 * targets[number]) * self.total
            for sign, side in ((-1.0, "over"), (1.0, "under")):
                widths = (band / 2, band / 2, band / 2, 2 * self.total)
                for segment, (width, slope) in enumerate(
                    zip(widths, (0.0, 0.01, 0.12, 0.4), strict=True)
                ):
                    column = self.build.column(
                        f"{side}:{number}:{segment}", upper=float(width), cost=slope
                    )
                    entries.append((column, sign))
            wanted = float(targets[number] * self.total - held)
            self.build.row(f"class:{number}", entries, lower=wanted, upper=wanted)

    def _tax_rows(self) -> None:
        build = self.build
        short0, long0 = (float(v) for v in self.random.normal(0.0, 15.0, 2))
        taxed = [lot for lot in self.lots if self.is_taxable[lot.account]]
        upper = {lot.column: build.upper_of(lot.column) for lot in taxed}
        reach = 1.0 + abs(short0) + abs(long0) + sum(abs(t.gain) * upper[t.column] for t in taxed)
        gain = build.column("long_gain", upper=reach)
        loss = build.column("long_loss", upper=reach)
        taxed_short = build.column("taxed_short", upper=reach, cost=SHORT_RATE)
        taxed_long = build.column("taxed_long", upper=reach, cost=LONG_RATE)
        deducted = build.column("deducted", upper=3.0, cost=-ORDINARY_RATE)
        carried = build.column("carried", upper=reach, cost=-CARRY_VALUE)
        long_sign = build.column("long_sign", upper=1.0)
        net_sign = build.column("net_sign", upper=1.0)
        longs = [(t.column, t.gain) for t in taxed if t.is_long]
        every = [(t.column, t.gain) for t in taxed]
        minus = [(c, -g) for c, g in longs]
        build.row("net_long", [*minus, (gain, 1.0), (loss, -1.0)], lower=long0, upper=long0)
        build.row(
            "net",
            [
                *[(c, -g) for c, g in every],
                (taxed_short, 1.0),
                (taxed_long, 1.0),
                (deducted, -1.0),
                (carried, -1.0),
            ],
            lower=short0 + long0,
            upper=short0 + long0,
        )
        build.row("long_first", [(taxed_long, 1.0), (gain, -1.0)], upper=0.0)
        build.row("long_gain_side", [(gain, 1.0), (long_sign, -reach)], upper=0.0)
        build.row("long_loss_side", [(loss, 1.0), (long_sign, reach)], upper=reach)
        build.row(
            "net_gain_side",
            [(taxed_short, 1.0), (taxed_long, 1.0), (net_sign, -reach)],
            upper=0.0,
        )
        build.row(
            "net_loss_side", [(deducted, 1.0), (carried, 1.0), (net_sign, reach)], upper=reach
        )
        build.switch(
            Switch("long_sign", long_sign, side_of([loss]), side_of([gain]), 1e-4, SHORT_RATE)
        )
        build.switch(
            Switch(
                "net_sign",
                net_sign,
                side_of([deducted, carried]),
                side_of([taxed_short, taxed_long]),
                1e-4,
                SHORT_RATE,
            )
        )

    def _wash_rows(self) -> None:
        build = self.build
        for security in range(self.shape.securities):
            losses = [
                lot
                for lot in self.lots
                if lot.security == security and lot.gain < 0 and build.upper_of(lot.column) > 0
            ]
            buys = [column for column, _, s in self.buys if s == security]
            if not losses or not buys:
                continue
            buying = build.column(f"buying:{security}", upper=1.0)
            for account in sorted({lot.account for lot in losses}):
                columns = [lot.column for lot in losses if lot.account == account]
                most = sum(build.upper_of(column) for column in columns)
                entries = [(column, 1.0) for column in columns]
                build.row(f"wash_sale:{security}:{account}", [*entries, (buying, most)], upper=most)
            for column in buys:
                upper = build.upper_of(column)
                build.row(f"wash_buy:{column}", [(column, 1.0), (buying, -upper)], upper=0.0)
            sold = Side(
                tuple(lot.column for lot in losses),
                tuple(-lot.gain * SHORT_RATE for lot in losses),
            )
            build.switch(
                Switch(
                    f"buying:{security}",
                    buying,
                    sold,
                    Side(tuple(buys), (0.02,) * len(buys)),
                    1e-5 * 0.02,
                    1.0,
                )
            )


def random_household(seed: int, shape: Shape = TYPICAL) -> RandomHousehold:
    """The household of a seed."""
    return _Draw(seed, shape).household()
