r"""Trading rehearsed against AC power flow: what the rows do not foresee is found before anybody trades.

Rows are made by reasoning about radial networks with few kinds of injection. Generators that hold voltages, meshes,
transformers with three windings and whatever else a network may have bend the limits in ways that no row foresees. So
random portfolios are traded from the published rows until hardly anything fits, once from rest and once more about the
positions then reached, and AC power flow judges them. A row whose limit is broken charges all trading a share κ more,

.. math:: \sum_n (a^+_n + κ |a^+_n|) x_n - (a^-_n - κ |a^-_n|) y_n \le b , \qquad
          κ = \frac{left + beyond}{\sum_n |a^+_n| x_n + |a^-_n| y_n} ,

the least that would have kept this portfolio inside: what is wrong grows with the rises x and falls y that were traded.
Rehearsals are repeated with other portfolios. What is learnt from samples holds for portfolios like them but for a
small probability, which falls with their number (Calafiore and Campi, IEEE Trans. Automatic Control 51 (2006) 742).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limit_rows import JoinedRows
    from rexnet_grid.electric.row_groups import RowGroups

SEED = 20260301
MOST_ROUNDS = 10
FEW, FEW_ROUNDS = 6, 3
CALM = 2
STAGES = 2
PORTFOLIOS = 64
MOST_PORTFOLIOS = 256
WORK = 60_000
TRADES = 400
MISSED = 25
SMALLEST = 0.02
CAREFUL = 1.1
COLLAPSE = 0.1
SLIGHT = 0.1
OPPOSED_BY = 0.3
ENDS = ((0.9, 1.0), (0.75, 1.0), (0.0, 0.25))
MOST_CHARGE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Where trading happens.

    Attributes
    ----------
    rows
        All rows.
    solve
        Solves positions (n_cases, n_columns) [kW] in every topology.
    near
        (n_columns, n_columns) how alike columns are to the network, 0 to 1; zero where a column does not count.
    depth
        (n_columns,) how much the network's voltages answer to a column.
    supply
        The column that balances.
    """

    rows: JoinedRows
    solve: Callable[[FloatArray], list[PowerFlow]]
    near: FloatArray
    depth: FloatArray
    supply: int


def rehearsed(groups: RowGroups, stage: Stage, *, dear: bool = False) -> RowGroups:
    """Return the groups with what they have to charge so that the AC solutions of rehearsed portfolios keep all limits.

    Where power flows are ``dear`` few are rehearsed.
    """
    rng = np.random.default_rng(SEED)
    trading = np.flatnonzero(stage.near.any(axis=0))
    if not len(groups.first) or not len(trading):
        return groups
    portfolios = FEW if dear else int(np.clip(WORK // len(groups.first), PORTFOLIOS, MOST_PORTFOLIOS))
    room = groups.slack(stage.rows.at_rest()[:, None])[:, 0]
    calm = 0
    for _ in range(FEW_ROUNDS if dear else MOST_ROUNDS):
        position = np.zeros((portfolios, len(stage.near)))
        plan = _Plan.drawn(portfolios, stage, trading, rng)
        charge = np.zeros((2, len(groups.first)))
        for _ in range(STAGES):
            left = groups.slack(stage.rows.slack(position, stage.solve(position)))
            traded = plan.traded(groups, left, stage.supply, rng)
            position += traded.rises - traded.falls
            position[:, stage.supply] = 0.0
            flows = stage.solve(position)
            beyond = stage.rows.beyond(flows)
            unsolved = ~np.all([np.atleast_1d(flow.converged) for flow in flows], axis=0)
            found = _charges(groups, stage.rows.names, room, traded, beyond, np.flatnonzero(unsolved))
            charge = np.maximum(charge, found)
            position[unsolved | (beyond > 0.0).any(axis=0)] = 0.0
            plan = plan.turned()
        groups = groups.charged(*(CAREFUL * np.minimum(charge, MOST_CHARGE)))
        calm = 0 if charge.any() else calm + 1
        if calm == CALM:
            break
    return groups


def _charges(
    groups: RowGroups,
    names: tuple[str, ...],
    room: FloatArray,
    traded: _Traded,
    beyond: FloatArray,
    unsolved: IntArray,
) -> FloatArray:
    """Return (2, n_groups) what each group has to charge what loads it, and what relieves it, to stop the portfolios.

    Of the rows that hold for a broken limit the one that has to charge least does so, and only for relief where there
    was much; where AC has no solution, the row that was used most keeps a tenth of what it had.
    """
    left, after = traded.left, traded.after
    use = np.maximum(groups.rising, 0.0) @ traded.rises.T + np.maximum(-groups.falling, 0.0) @ traded.falls.T
    relief = np.maximum(-groups.rising, 0.0) @ traded.rises.T + np.maximum(groups.falling, 0.0) @ traded.falls.T
    missing: list[tuple[str, int, int, float]] = []
    place = np.argsort(groups.order)
    for row, k in np.argwhere(beyond > 0.0):
        group = int(np.searchsorted(groups.starts, place[row], side="right")) - 1
        lacks = max(after[group, k], 0.0) + beyond[row, k] * groups.scale[place[row]]
        missing.append((names[row], int(k), group, float(lacks)))
    for k in unsolved:
        used = np.where(left[:, k] > 0.0, (left[:, k] - after[:, k]) / np.maximum(left[:, k], 1e-12), -np.inf)
        group = int(np.argmax(used))
        missing.append(("", int(k), group, float(max(after[group, k], 0.0) + COLLAPSE * max(left[group, k], 0.0))))
    least: dict[tuple[str, int], tuple[float, int]] = {}
    for name, k, group, lacks in missing:
        share = lacks / max(use[group, k] + relief[group, k], SLIGHT * room[group], 1e-9)
        least[name, k] = min(least.get((name, k), (np.inf, 0)), (share, group))
    charge = np.zeros((2, len(groups.first)))
    for (_, k), (share, group) in least.items():
        if relief[group, k] >= OPPOSED_BY * use[group, k]:
            share *= 1.0 + use[group, k] / relief[group, k]
            charge[1, group] = max(charge[1, group], share)
        else:
            charge[:, group] = np.maximum(charge[:, group], share)
    return charge


@dataclass(frozen=True, slots=True, eq=False)
class _Traded:
    """What was traded: falls and rises (n_portfolios, n_columns) [kW], what was left before and after of each group."""

    falls: FloatArray
    rises: FloatArray
    left: FloatArray
    after: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Who trades with whom: of each portfolio, weights of the columns as buyers and sellers, and how much is local.

    Attributes
    ----------
    buyers, sellers
        (n_portfolios, n_columns) cumulated weights, up to 1.
    local, back
        (n_portfolios,) share of trades between two columns, and to the supply; the others come from it.
    size
        (n_portfolios,) mean size of a trade over the largest that fits at rest.
    """

    buyers: FloatArray
    sellers: FloatArray
    local: FloatArray
    back: FloatArray
    size: FloatArray

    @classmethod
    def drawn(cls, count: int, stage: Stage, trading: IntArray, rng: np.random.Generator) -> _Plan:
        """Draw plans: everybody, some, one column, those around one or one end of the network buy; so do sellers."""
        sides: list[FloatArray] = []
        for side in range(2):
            weight = np.zeros((count, len(stage.near)))
            for k in range(count):
                centre = int(rng.choice(trading))
                kind = rng.integers(5 + side)
                if kind == 0:
                    weight[k, trading] = rng.random(len(trading)) < rng.choice((0.1, 0.3, 0.6))
                elif kind == 1:
                    weight[k] = stage.near[centre] >= rng.choice((0.5, 0.8, 0.95))
                elif kind == 2:
                    weight[k, centre] = 1.0
                elif kind == 3:
                    weight[k, trading] = 1.0
                elif kind == 4:
                    low, high = np.quantile(stage.depth[trading], ENDS[rng.integers(len(ENDS))])
                    weight[k, trading] = (stage.depth[trading] >= low) & (stage.depth[trading] <= high)
                else:
                    weight[k, trading] = np.diff(sides[0][k], prepend=0.0)[trading] == 0.0
                weight[k, stage.supply] = 0.0
                weight[k, centre] = max(weight[k, centre], 1e-3)
            sides.append(np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True))
        local = rng.choice((0.0, 0.2, 0.5, 0.8, 1.0), count)
        back = rng.choice((0.0, 0.1, 0.5, 1.0), count, p=(0.4, 0.3, 0.15, 0.15))
        return cls(sides[0], sides[1], local, back, rng.choice((0.01, 0.05, 0.25, 1.0), count))

    def turned(self) -> _Plan:
        """Return the plans where, in every second, those who bought sell, and what the supply gave goes back."""
        turns = np.arange(len(self.local)) % 2 == 1
        buyers, sellers = (
            np.where(turns[:, None], other, same)
            for same, other in ((self.buyers, self.sellers), (self.sellers, self.buyers))
        )
        return replace(self, buyers=buyers, sellers=sellers, back=np.where(turns, 1.0 - self.back, self.back))

    def traded(self, groups: RowGroups, left: FloatArray, supply: int, rng: np.random.Generator) -> _Traded:
        """Trade from rows that have ``left`` (n_groups, n_portfolios)."""
        falling, rising = np.ascontiguousarray(groups.falling.T), np.ascontiguousarray(groups.rising.T)
        after = np.ascontiguousarray(left.T)
        falls, rises = np.zeros((2, *self.buyers.shape))
        for k in range(len(self.buyers)):
            take_trades(
                falling,
                rising,
                after[k],
                (self.buyers[k], self.sellers[k]),
                (float(self.local[k]), float(self.back[k]), float(self.size[k])),
                supply,
                rng.random((TRADES, 5)),
                falls[k],
                rises[k],
            )
        return _Traded(falls, rises, left, after.T)


@njit(cache=True)
def take_trades(
    falling: FloatArray,
    rising: FloatArray,
    slack: FloatArray,
    who: tuple[FloatArray, FloatArray],
    how: tuple[float, float, float],
    supply: int,
    draws: FloatArray,
    falls: FloatArray,
    rises: FloatArray,
) -> None:
    """Take random trades from the rows until hardly any fits; ``falling``, ``rising`` (n_columns, n_rows)."""
    local, back, share = how
    size, missed = 0.0, 0
    for draw in draws:
        buyer = min(np.searchsorted(who[0], draw[0]), len(falls) - 1)
        seller = min(np.searchsorted(who[1], draw[1]), len(falls) - 1)
        if draw[2] >= local:
            if draw[3] < back:
                buyer = supply
            else:
                seller = supply
        if buyer == seller:
            continue
        fits = _fits(falling[buyer], rising[seller], slack)
        if not np.isfinite(fits):
            continue
        size = max(size, fits)
        kw = min(fits, -np.log(1.0 - draw[4]) * share * size)
        if kw < SMALLEST * share * size:
            missed += 1
            if missed > MISSED:
                return
            continue
        missed = 0
        for r in range(len(slack)):
            slack[r] -= (rising[seller, r] - falling[buyer, r]) * kw
        falls[buyer] += kw
        rises[seller] += kw


@njit(cache=True)
def _fits(fall: FloatArray, rise: FloatArray, slack: FloatArray) -> float:
    """Return how much [kW] may fall at one column and rise at another."""
    fits = np.inf
    for r in range(len(slack)):
        slope = rise[r] - fall[r]
        if slope > 0.0 and slack[r] < fits * slope:
            fits = max(slack[r], 0.0) / slope
    return fits
