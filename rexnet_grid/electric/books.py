"""Concentrated books: few large trades between few columns, bred towards those that come nearest to breaking a limit.

What linear rows overlook is of second order in what is traded, so it is largest at the corners of what they admit: one
or a few columns sell all that fits to one or a few others, then others do about the positions reached, or the same
sell back. Random samples seldom stand in such corners. So books are bred: of every generation those that came
nearest to a limit, a few for each limit, stay, others are bred from them by changes of a trade or two, the rest are
new (evolution strategies; Beyer and Schwefel, Natural Computing 1 (2002) 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.electric.crowds import Traded, fitting

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.rehearsal import Stage
    from rexnet_grid.electric.row_groups import RowGroups

STAGES = 3
TRADES = 8
MOST_SIDES = 4
WHOLE = 0.5
SUPPLIED = (0.0, 0.2, 0.5)
NEAREST = 8
TOGETHER = (0.3, 0.5)
HOW_MANY = (0.4, 0.3, 0.15, 0.15)
CHANGES = 3
KEPT, BRED = 0.25, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Books:
    """Trades one after the other, about rest and about the positions then reached.

    Attributes
    ----------
    sellers, buyers
        (n_books, STAGES, TRADES) columns.
    shares
        (n_books, STAGES, TRADES) how much of what fits is traded [-].
    """

    sellers: IntArray
    buyers: IntArray
    shares: FloatArray

    @classmethod
    def drawn(cls, count: int, stage: Stage, trading: IntArray, rng: np.random.Generator) -> Books:
        """Draw books in which up to ``MOST_SIDES`` columns sell to as many, or the supply trades with them.

        In each stage the sides are the ones before, or change places, or are new.
        """
        shape = (count, STAGES, TRADES)
        pools = np.stack([_sides(count, stage, trading, rng) for _ in range(STAGES)])
        for k in range(1, STAGES):
            way = rng.integers(3, size=count)
            pools[k] = np.where((way == 0)[:, None], pools[k - 1], pools[k])
            pools[k] = np.where((way == 1)[:, None], pools[k - 1, ::-1], pools[k])
        sides = []
        for side in range(2):
            among = rng.integers(pools.shape[-1], size=shape)
            drawn = np.take_along_axis(np.moveaxis(pools[:, side], 0, 1), among, axis=2)
            ours = rng.random(shape) < rng.choice(SUPPLIED, (count, STAGES, 1))
            sides.append(np.where(ours, stage.supply, drawn))
        return cls(sides[0], sides[1], _shares(shape, rng))

    def bred(
        self, worst: IntArray, fitness: FloatArray, stage: Stage, trading: IntArray, rng: np.random.Generator
    ) -> Books:
        """Return the next generation; book k came nearest, by ``fitness`` (n_books,), to the limit ``worst[k]``."""
        count = len(fitness)
        best = np.argsort(-fitness, kind="stable")
        place = np.empty(count, dtype=np.int64)
        seen: dict[int, int] = {}
        for k in best:
            place[k] = seen[int(worst[k])] = seen.get(int(worst[k]), -1) + 1
        best = best[np.argsort(place[best], kind="stable")][: max(1, int(KEPT * count))]
        kept = self.take(best)
        children = self.take(best[rng.integers(len(best), size=int(BRED * count))]).changed(stage, trading, rng)
        new = Books.drawn(max(1, count - len(kept.sellers) - len(children.sellers)), stage, trading, rng)
        return Books(
            np.concatenate((kept.sellers, children.sellers, new.sellers)),
            np.concatenate((kept.buyers, children.buyers, new.buyers)),
            np.concatenate((kept.shares, children.shares, new.shares)),
        )

    def traded(self, number: int, groups: RowGroups, left: FloatArray) -> Traded:
        """Make the trades of stage ``number`` from rows that have ``left`` (n_groups, n_books)."""
        falling, rising = np.ascontiguousarray(groups.falling.T), np.ascontiguousarray(groups.rising.T)
        after = np.ascontiguousarray(left.T)
        falls, rises = np.zeros((2, len(after), len(falling)))
        take_shares(
            falling,
            rising,
            after,
            np.ascontiguousarray(self.sellers[:, number]),
            np.ascontiguousarray(self.buyers[:, number]),
            np.ascontiguousarray(self.shares[:, number]),
            falls,
            rises,
        )
        return Traded(falls, rises, left, after.T)

    def take(self, which: IntArray) -> Books:
        """Return some of the books."""
        return Books(self.sellers[which], self.buyers[which], self.shares[which])

    def changed(self, stage: Stage, trading: IntArray, rng: np.random.Generator) -> Books:
        """Return the books with a few trades changed: another column, mostly a near one, other sizes, sides swapped."""
        sellers, buyers, shares = self.sellers.copy(), self.buyers.copy(), self.shares.copy()
        nearest = np.argsort(-stage.near, axis=1)[:, :NEAREST]
        books = np.arange(len(sellers))
        for _ in range(CHANGES):
            at = (books, rng.integers(STAGES, size=len(books)), rng.integers(TRADES, size=len(books)))
            way = rng.integers(8, size=len(books))
            for side, which in ((sellers, (0, 1, 2)), (buyers, (3, 4, 5))):
                near = nearest[side[at], rng.integers(nearest.shape[1], size=len(books))]
                any_ = np.where(rng.random(len(books)) < SUPPLIED[1], stage.supply, rng.choice(trading, len(books)))
                side[at] = np.where(np.isin(way, which[:2]), near, np.where(way == which[2], any_, side[at]))
            shares[at] = np.where(way == 6, _shares((len(books),), rng), shares[at])
            swap = way == 7
            sellers[at], buyers[at] = np.where(swap, buyers[at], sellers[at]), np.where(swap, sellers[at], buyers[at])
        return replace(self, sellers=sellers, buyers=buyers, shares=shares)


def _sides(count: int, stage: Stage, trading: IntArray, rng: np.random.Generator) -> IntArray:
    """Return (2, count, MOST_SIDES) columns of which sellers and buyers are drawn: one or a few, near or apart.

    In half of the books those who sell sit near those who buy, where little tells the network that they trade.
    """
    nearest = np.argsort(-stage.near, axis=1)[:, :NEAREST]
    sides = rng.choice(trading, (2, count, MOST_SIDES))
    around = nearest[sides[0][:, :1], rng.integers(nearest.shape[1], size=sides.shape)]
    sides[0] = np.where((rng.random(count) < TOGETHER[0])[:, None], around[0], sides[0])
    sides[1] = np.where((rng.random(count) < TOGETHER[1])[:, None], around[1], sides[1])
    few = rng.choice(np.arange(1, MOST_SIDES + 1), (2, count), p=HOW_MANY)
    return np.take_along_axis(sides, np.arange(MOST_SIDES) % few[..., None], axis=2)


def _shares(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    return np.where(rng.random(shape) < WHOLE, 1.0, rng.random(shape))


@njit(cache=True)
def take_shares(
    falling: FloatArray,
    rising: FloatArray,
    slack: FloatArray,
    sellers: IntArray,
    buyers: IntArray,
    shares: FloatArray,
    falls: FloatArray,
    rises: FloatArray,
) -> None:
    """Make the trades (n_books, n_trades) of every book, each of a share of what then fits."""
    for k in range(len(slack)):
        for t in range(sellers.shape[1]):
            seller, buyer = sellers[k, t], buyers[k, t]
            if seller == buyer:
                continue
            fits = fitting(falling[buyer], rising[seller], slack[k])
            if fits == 0.0 or not np.isfinite(fits):
                continue
            kw = fits * shares[k, t]
            for r in range(slack.shape[1]):
                slack[k, r] -= (rising[seller, r] - falling[buyer, r]) * kw
            falls[k, buyer] += kw
            rises[k, seller] += kw
