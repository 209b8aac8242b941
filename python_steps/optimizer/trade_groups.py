"""A household's trades as groups of a model's columns, with the rules that a program cannot hold.

Belongs here: what a group is, its least size, and sizes and tickets of all groups at once. Does not
belong here: making solutions keep to the rules (`repair`, `reference`). Thousand dollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from python_steps.optimizer.linear_model import Floats, LinearModel

Mask = npt.NDArray[np.bool_]

# A trade of less than a cent is none.
NEGLIGIBLE = 1e-5
# What a solution may miss a minimum by: a tenth of a cent, above the solver's own tolerance.
SIZE_TOLERANCE = 1e-6
# A solver's zero.
SOLVER_NOISE = 1e-9


class TradeGroup(NamedTuple):
    """The columns of one sale or purchase, and its rules.

    Attributes:
        key: name of the trade, unique in a household.
        columns: its columns; a column belongs to one group at most.
        minimum: smallest trade allowed.
        whole: value of selling the whole position, allowed even below the minimum; infinite for
            purchases.
        ticket: fixed cost of trading at all.
        must_grow: a sale in an account that must raise cash. Of those below their minimum the
            largest in the account is enlarged, never dropped.
        account: where it trades. Without one, a sale that must grow has an account of its own.
        unit: price of a share where only whole ones trade; added to the minimum, so that
            rounding cannot undercut it.
        fee: commission, taken from the account's cash; what the trade must earn is its ticket.
        cash_rows: rows of the model that hold the account's cash.
    """

    key: str
    columns: tuple[int, ...]
    minimum: float
    whole: float
    ticket: float
    must_grow: bool
    account: str = ""
    unit: float = 0.0
    fee: float = 0.0
    cash_rows: tuple[int, ...] = ()

    @property
    def least(self) -> float:
        """The smallest size the trade can have, other than none."""
        return min(self.minimum + self.unit, self.whole)


class TradeSizes:
    """All groups of a model as flat arrays."""

    def __init__(self, model: LinearModel, groups: Sequence[TradeGroup]) -> None:
        self.groups = tuple(groups)
        counts = [len(group.columns) for group in groups]
        self._group_of_entry = np.repeat(np.arange(len(groups)), counts)
        self._columns = np.asarray(
            [column for group in groups for column in group.columns], dtype=np.intp
        )
        self.tickets = np.asarray([group.ticket for group in groups], dtype=np.float64)
        self.least = np.asarray([group.least for group in groups], dtype=np.float64)
        self.most = self.sizes(model.upper)
        self.must_grow: Mask = np.asarray([group.must_grow for group in groups], dtype=bool)
        self.accounts = tuple(group.account or f"of {group.key}" for group in groups)
        self.is_forced: Mask = self.sizes(model.lower) > 0.0

    def sizes(self, values: Floats) -> Floats:
        """Size of every group in a solution (or of its columns' bounds)."""
        sizes: Floats = np.bincount(
            self._group_of_entry, values[self._columns], len(self.groups)
        ).astype(np.float64)
        return sizes

    def spread(self, per_group: Floats, column_count: int) -> Floats:
        """A number per group as a number per column, 0 for columns of no group."""
        per_column: Floats = np.zeros(column_count)
        per_column[self._columns] = per_group[self._group_of_entry]
        return per_column

    def ticket_costs(self, sizes: Floats) -> float:
        """Tickets of all groups that trade."""
        return float(self.tickets[sizes > NEGLIGIBLE].sum())

    def beside(self, chosen: Mask) -> Mask:
        """Sales that may raise cash in the accounts of the chosen trades."""
        accounts = {self.accounts[number] for number in np.flatnonzero(chosen).tolist()}
        in_them = [account in accounts for account in self.accounts]
        beside: Mask = self.must_grow & np.asarray(in_them, dtype=bool)
        return beside

    def columns_of(self, chosen: Mask) -> npt.NDArray[np.intp]:
        """Columns of the groups of a mask."""
        return self._columns[chosen[self._group_of_entry]]

    def can_reach_least(self) -> Mask:
        """Groups whose bounds allow their least size."""
        reaches: Mask = self.most >= self.least - SIZE_TOLERANCE
        return reaches
