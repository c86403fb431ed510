"""Trading rehearsed against AC power flow: what the rows do not foresee is found before anybody trades.

Rows are made by reasoning about radial networks with few kinds of injection. Generators that hold voltages, meshes,
transformers with three windings and whatever else a network may have bend the limits in ways that no row foresees. So
portfolios are traded from the published rows, from rest and then about the positions reached, and AC power flow judges
them: crowds of small trades (:mod:`rexnet_grid.electric.crowds`), then books of few large ones that are bred towards
the limits (:mod:`rexnet_grid.electric.books`). A row whose limit is broken charges what would have kept the portfolio
inside (:mod:`rexnet_grid.electric.charges`).

Rehearsals are repeated with other portfolios. What is learnt from samples holds for portfolios like them but for a
small probability, which falls with their number (Calafiore and Campi, IEEE Trans. Automatic Control 51 (2006) 742).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.books import STAGES as BOOK_STAGES
from rexnet_grid.electric.books import Books
from rexnet_grid.electric.charges import Broken, Charges, charges_of
from rexnet_grid.electric.crowds import STAGES as CROWD_STAGES
from rexnet_grid.electric.crowds import Crowds
from rexnet_grid.electric.limit_rows import AIM

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.crowds import Traded
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limit_rows import JoinedRows
    from rexnet_grid.electric.row_groups import RowGroups

SEED = 20260301
MOST_ROUNDS, MOST_BOOK_ROUNDS = 10, 64
FEW, FEW_ROUNDS = 16, 6
CALM, CALM_BOOKS = 2, 6
BRIEF, MOST_BRIEF, BRIEF_ROUNDS, BRIEF_WORK, BRIEF_CALM = 40, 400, 16, 320_000, 6
CROWDS, MOST_CROWDS, CROWD_WORK = 64, 256, 60_000
BOOKS, MOST_BOOKS, BOOK_WORK = 96, 512, 1_000_000
ALIKE = 8.0
WORTH = 1.4


@dataclass(frozen=True, eq=False)
class Stage:
    """Where trading happens.

    Attributes
    ----------
    rows
        All rows.
    solve
        Solves positions (n_cases, n_columns) [kW] in every topology.
    excess
        Returns of such solutions by how much the worst limit is broken (n_cases,), as a share of what the margin is a
        share of and infinite without a solution or nearly so, and which limit that is.
    margin
        The margin [-].
    near
        (n_columns, n_columns) how alike columns are to the network, 0 to 1; zero where a column does not count.
    depth
        (n_columns,) how much the network's voltages answer to a column.
    supply
        The column that balances.
    """

    rows: JoinedRows
    solve: Callable[[FloatArray], list[PowerFlow]]
    excess: Callable[[list[PowerFlow]], tuple[FloatArray, IntArray]]
    margin: float
    near: FloatArray
    depth: FloatArray
    supply: int

    @cached_property
    def alike(self) -> FloatArray:
        """(n_columns, n_columns) how much of what one column is charged another is charged too."""
        return self.near**ALIKE


def rehearsed(groups: RowGroups, stage: Stage, *, dear: bool = False) -> RowGroups:
    """Return the groups with what they have to charge so that the AC solutions of rehearsed portfolios keep all limits.

    Where power flows are ``dear`` few are rehearsed.
    """
    few = Effort((FEW, FEW_ROUNDS, CALM), (FEW, FEW_ROUNDS, CALM_BOOKS))
    return _rehearsed(groups, stage, few if dear else Effort.full(len(groups.first), len(stage.rows.names)))


def rehearsed_briefly(groups: RowGroups, stage: Stage) -> RowGroups:
    """Return groups that have rehearsals behind them after a few more: some 50 ms, whatever the size of the network."""
    return _rehearsed(groups, stage, Effort.brief(len(stage.rows.names)))


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is rehearsed: of crowds and of books, how many at a time, most rounds, rounds without a find to stop."""

    crowds: tuple[int, int, int]
    books: tuple[int, int, int]

    @classmethod
    def full(cls, n_groups: int, n_rows: int) -> Effort:
        """Return what a network gets before the first unit; the more rows there are, the fewer portfolios at a time."""
        crowds = int(np.clip(CROWD_WORK // max(n_groups, 1), CROWDS, MOST_CROWDS))
        books = int(np.clip(BOOK_WORK // max(n_rows, 1), BOOKS, MOST_BOOKS))
        return cls((crowds, MOST_ROUNDS, CALM), (books, MOST_BOOK_ROUNDS, CALM_BOOKS))

    @classmethod
    def brief(cls, n_rows: int) -> Effort:
        """Return what a network gets while a market waits; where rows are few, more portfolios and longer calm."""
        count = int(np.clip(BRIEF_WORK // max(n_rows, 1), BRIEF, MOST_BRIEF))
        calm = int(np.clip(BRIEF_CALM * count // MOST_BRIEF, 1, BRIEF_CALM))
        return cls((count, BRIEF_ROUNDS, 1), (count, BRIEF_ROUNDS, calm))


def _rehearsed(groups: RowGroups, stage: Stage, effort: Effort) -> RowGroups:
    rng = np.random.default_rng(SEED)
    trading = np.flatnonzero(stage.near.any(axis=0))
    if not len(groups.first) or not len(trading):
        return groups
    rest = _Rest.of(stage)
    count, rounds, enough = effort.crowds
    calm = 0
    for _ in range(rounds):
        crowds = Crowds.drawn(count, stage, trading, rng)
        played = _played(groups, stage, rest, partial(crowds.traded, stage.supply, rng), count, CROWD_STAGES)
        groups = groups.charged(played.charges)
        calm = 0 if played.charges.any() else calm + 1
        if calm == enough:
            break
    count, rounds, enough = effort.books
    books, calm = Books.drawn(count, stage, trading, rng), 0
    for _ in range(rounds):
        played = _played(groups, stage, rest, books.traded, len(books.sellers), BOOK_STAGES)
        groups = groups.charged(played.charges)
        calm = 0 if played.charges.any() else calm + 1
        if calm == enough:
            break
        books = books.bred(played.limit, played.excess, stage, trading, rng)
    return groups


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """What is left of all rows at rest, (n_rows, 1)."""

    left: FloatArray

    @classmethod
    def of(cls, stage: Stage) -> _Rest:
        nothing = np.zeros((1, len(stage.near)))
        return cls(stage.rows.slack(nothing, stage.solve(nothing)))


@dataclass(frozen=True, slots=True, eq=False)
class _Played:
    """What portfolios showed: charges; of each by how much it broke its worst limit, and which."""

    charges: Charges
    excess: FloatArray
    limit: IntArray


def _played(
    groups: RowGroups,
    stage: Stage,
    rest: _Rest,
    trade: Callable[[int, RowGroups, FloatArray], Traded],
    count: int,
    stages: int,
) -> _Played:
    """Trade ``count`` portfolios from rest, then about the positions reached, and let AC judge each time."""
    position = np.zeros((count, len(stage.near)))
    nothing = position[:1]
    at_rest = groups.slack(rest.left, nothing)
    left = np.repeat(at_rest, count, axis=1)
    room = np.maximum(at_rest[:, 0], 0.0)
    charges = Charges.none(len(groups.first))
    most, limit = np.full(count, -np.inf), np.zeros(count, dtype=np.int64)
    for number in range(stages):
        traded = trade(number, groups, left)
        before, position = position, position + traded.rises - traded.falls
        position[:, stage.supply] = 0.0
        flows = stage.solve(position)
        excess, which = stage.excess(flows)
        limit = np.where(excess > most, which, limit)
        most = np.maximum(most, excess)
        broken = np.flatnonzero(excess > WORTH * AIM * stage.margin)
        if len(broken):
            some = stage.solve(position[broken])
            lost = np.isinf(excess[broken])
            beyond = np.where(lost, -np.inf, stage.rows.beyond(some))
            found = Broken(traded.take(broken), before[broken], beyond, np.flatnonzero(lost))
            charges = charges.joined(charges_of(groups, stage.rows.names, room, found, stage.alike))
        if number + 1 < stages:
            left = groups.slack(stage.rows.slack(position, flows), position)
            left[:, broken], position[broken] = at_rest, 0.0
    return _Played(charges, most, limit)
