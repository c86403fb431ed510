"""Which rows of a network headroom needs: those that could bind, without those that another one stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import FloatArray, GridCase
    from rexnet_grid.electric.linear_limits import LimitRows

NODE_SHARE = 0.05
AGAINST = 0.25
COVERED = 0.03
NEARER = 0.05


def node_size_kw(case: GridCase) -> float:
    """Return the change of one node [kW] up to which the choice of rows is honest: 5 % of what the supply can give.

    The supply's size is the rating of the branches at its nodes; without any, the net's own total injection.
    """
    at_supply = np.isin(case.branch_from, case.supply_bus) | np.isin(case.branch_to, case.supply_bus)
    ends = np.where(np.isin(case.branch_from, case.supply_bus), case.branch_from, case.branch_to)
    position = {int(b): i for i, b in enumerate(case.bus_id)}
    rating = 0.0
    for k in np.flatnonzero(at_supply & np.isfinite(case.branch_rating)):
        if case.branch_kind[k] == "line":
            rating += np.sqrt(3.0) * case.bus_kv[position[int(ends[k])]] * case.branch_rating[k] * 1e3
        else:
            rating += float(case.branch_rating[k])
    most = float(np.abs(case.base_kw).sum())
    return NODE_SHARE * (min(rating, 20.0 * most) if rating > 0.0 and most > 0.0 else max(rating, most, 1.0))


class RowChoice:
    """The rows that headroom publishes; grows when positions bring further limits within reach.

    Every row is divided by what it has left at rest, so that 1 is its limit. With changes of at most ``size_kw`` at
    each node in the direction that the row fears, and a quarter of it against, a row whose left side stays below 1
    cannot bind and is left out; and of two rows, one stands for the other when the other can exceed it by no more than
    ``COVERED``. Farthest-point choice (Gonzalez, Theor. Comput. Sci. 38 (1985) 293) goes on until every row has its
    stand-in, or ``most`` rows are chosen: the ones left out then are those whose stand-ins fit best.

    Parameters
    ----------
    rows
        All limits of the network.
    size_kw
        Change of one node between two refreshes [kW].
    most
        Most rows to publish.
    """

    def __init__(self, rows: LimitRows, size_kw: float, most: int) -> None:
        self._rows, self._most = rows, most
        self._profile, self._reach = _profiles(rows, size_kw)
        self._seen = np.where(self._reach > 1.0, 0.0, -np.inf)
        self._chosen: list[int] = []
        self._extend(np.flatnonzero(self._reach > 1.0), np.zeros(len(self._reach)))
        self.published = rows.take(np.sort(np.array(self._chosen, dtype=np.int64)))

    def update(self, used: FloatArray) -> LimitRows:
        """Return the rows to publish when the share ``used`` (n_rows,) of what each had at rest is used up.

        The same object as before unless rows had to be added.
        """
        nearer = (used + self._reach > 1.0) & (used > self._seen + NEARER)
        nearer[self._chosen] = False
        fresh = np.flatnonzero(nearer)
        if len(fresh):
            self._seen[fresh] = used[fresh]
            before = len(self._chosen)
            self._extend(fresh, used)
            if len(self._chosen) > before:
                self.published = self._rows.take(np.sort(np.array(self._chosen, dtype=np.int64)))
        return self.published

    def _extend(self, candidates: NDArray[np.int64], used: FloatArray) -> None:
        """Add candidates, the one that exceeds its stand-in most first, until all are covered."""
        excess = np.full(len(candidates), np.inf)
        for stand_in in self._chosen:
            excess = np.minimum(excess, self._excess(candidates, stand_in, used))
        weight = used[candidates] + self._reach[candidates]
        while len(candidates) and len(self._chosen) < self._most:
            best = int(np.lexsort((-weight, -excess))[0])
            if excess[best] <= COVERED:
                break
            self._chosen.append(int(candidates[best]))
            excess = np.minimum(excess, self._excess(candidates, self._chosen[-1], used))

    def _excess(self, candidates: NDArray[np.int64], stand_in: int, used: FloatArray) -> FloatArray:
        """Return by how much each candidate can exceed the stand-in inside the box of changes [of its limit]."""
        half = self._profile.shape[1] // 2
        own, other = self._profile[candidates], self._profile[stand_in]
        excess = np.maximum(own[:, :half] - other[:half], 0.0).sum(axis=1)
        excess += np.maximum(other[half:] - own[:, half:], 0.0).sum(axis=1)
        excess += np.maximum(used[candidates] - used[stand_in], 0.0)
        demand = self._rows.demand
        return np.where(demand[candidates] == demand[stand_in], excess, np.inf)


def _profiles(rows: LimitRows, size_kw: float) -> tuple[FloatArray, FloatArray]:
    """Return (n_rows, 2 n_nodes) what nodes can load and relieve [of the limit], and (n_rows,) all loads together."""
    bound = np.maximum(rows.bound, 1e-9)[:, None]
    demand = rows.demand[:, None]
    load = np.where(demand, -rows.consuming, rows.injecting) / bound * size_kw
    relief = np.where(demand, -rows.injecting, rows.consuming) / bound * size_kw * AGAINST
    reach = np.maximum(load, 0.0).sum(axis=1) + np.maximum(-relief, 0.0).sum(axis=1)
    return np.hstack((load, relief)), reach
