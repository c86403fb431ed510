"""Random portfolios of many small trades, taken from rows until hardly any fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.rehearsal import Stage
    from rexnet_grid.electric.row_groups import RowGroups

STAGES = 2
TRADES = 400
MISSED = 25
SMALLEST = 0.02
ENDS = ((0.9, 1.0), (0.75, 1.0), (0.0, 0.25))


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """What was traded: falls and rises (n_portfolios, n_columns) [kW], what was left before and after of each group."""

    falls: FloatArray
    rises: FloatArray
    left: FloatArray
    after: FloatArray

    def take(self, which: IntArray) -> Traded:
        """Return some of the portfolios."""
        return Traded(self.falls[which], self.rises[which], self.left[:, which], self.after[:, which])


@dataclass(frozen=True, slots=True, eq=False)
class Crowds:
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
    def drawn(cls, count: int, stage: Stage, trading: IntArray, rng: np.random.Generator) -> Crowds:
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

    def turned(self) -> Crowds:
        """Return the plans where, in every second, those who bought sell, and what the supply gave goes back."""
        turns = np.arange(len(self.local)) % 2 == 1
        buyers, sellers = (
            np.where(turns[:, None], other, same)
            for same, other in ((self.buyers, self.sellers), (self.sellers, self.buyers))
        )
        return replace(self, buyers=buyers, sellers=sellers, back=np.where(turns, 1.0 - self.back, self.back))

    def traded(
        self, supply: int, rng: np.random.Generator, stage_number: int, groups: RowGroups, left: FloatArray
    ) -> Traded:
        """Trade from rows that have ``left`` (n_groups, n_portfolios); in the second stage half of them turn."""
        if stage_number:
            return self.turned().traded(supply, rng, 0, groups, left)
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
        return Traded(falls, rises, left, after.T)


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
        fits = fitting(falling[buyer], rising[seller], slack)
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
def fitting(fall: FloatArray, rise: FloatArray, slack: FloatArray) -> float:
    """Return how much [kW] may fall at one column and rise at another."""
    fits = np.inf
    for r in range(len(slack)):
        slope = rise[r] - fall[r]
        if slope > 0.0 and slack[r] < fits * slope:
            fits = max(slack[r], 0.0) / slope
    return fits
