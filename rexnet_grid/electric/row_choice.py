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


def choose_rows(rows: LimitRows, size_kw: float, most: int) -> NDArray[np.int64]:
    """Return the rows to keep, in their order.

    Every row is divided by what it has left at rest, so that 1 is its limit. With changes of at most ``size_kw`` at
    each node in the direction that the row fears, and a quarter of it against, a row whose left side stays below 1
    cannot bind and is left out; and of two rows, one stands for the other when the other can exceed it by no more than
    ``COVERED``. Farthest-point choice (Gonzalez, Theor. Comput. Sci. 38 (1985) 293) goes on until every row has its
    stand-in, or ``most`` rows are chosen: the ones left out then are those whose stand-ins fit best.
    """
    bound = np.maximum(rows.bound, 1e-9)[:, None]
    demand = rows.demand[:, None]
    fear = np.where(demand, -rows.consuming, rows.injecting) / bound * size_kw
    relief = np.where(demand, -rows.injecting, rows.consuming) / bound * size_kw * AGAINST
    can = np.flatnonzero(np.maximum(fear, 0.0).sum(axis=1) + np.maximum(-relief, 0.0).sum(axis=1) > 1.0)
    if not len(can):
        return can
    profile: FloatArray = np.hstack((fear[can], relief[can]))
    weight = np.maximum(profile[:, : fear.shape[1]], 0.0).sum(axis=1)
    chosen = [int(np.argmax(weight))]
    excess = _excess(profile, rows.demand[can], chosen[0])
    while len(chosen) < most:
        farthest = int(np.argmax(excess))
        if excess[farthest] <= COVERED:
            break
        chosen.append(farthest)
        excess = np.minimum(excess, _excess(profile, rows.demand[can], farthest))
    return np.sort(can[chosen])


def _excess(profile: FloatArray, demand: NDArray[np.bool_], stand_in: int) -> FloatArray:
    """Return by how much each row can exceed the stand-in inside the box of changes [of its limit]."""
    half = profile.shape[1] // 2
    ahead = np.maximum(profile[:, :half] - profile[stand_in, :half], 0.0).sum(axis=1)
    excess = ahead + np.maximum(profile[stand_in, half:] - profile[:, half:], 0.0).sum(axis=1)
    return np.where(demand == demand[stand_in], excess, np.inf)
