"""When to fill a leaking store most cheaply, and what each planned unit is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray

EPS = 1e-9


@njit(cache=True)
def plan_filling(
    held_price: FloatArray,
    held: FloatArray,
    new_price: FloatArray,
    new: FloatArray,
    need: FloatArray,
    keep: float,
    capacity: FloatArray,
    initial: float,
    final: float,
    ceiling: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    r"""Return what to put into a store in each slot so that it never runs empty, as cheaply as can be.

    The store obeys :math:`e_k = a\,e_{k-1} + x_k - d_k` and should stay in [0, capacity_k]. In each slot x can be taken
    from what is held already, at the price it could be sold for, and from what can be bought new. In the order of
    time, a level below its bound is raised from the cheapest slot so far that has something left and room in the store
    until then; an amount y put in at j is worth :math:`y\,a^{k-j}` at k. Where that is impossible the level is taken as
    empty and the plan goes on.

    Parameters
    ----------
    held_price, held
        (n,) price [EUR/kWh in the store] and amount [kWh] held in each slot.
    new_price, new
        (n,) price and largest amount of what can be bought.
    need
        (n,) what leaves the store besides the leak [kWh]; may be negative.
    keep
        a, part of the content that is left after a slot [-].
    capacity
        (n,) largest content at the end of each slot [kWh]; zero where the store is taken away.
    initial, final
        Content at the start and least content at the end [kWh].
    ceiling
        Worth of a kilowatt-hour that cannot be had in any other slot [EUR/kWh].

    Returns
    -------
    tuple
        (n,) amounts from what is held, (n,) amounts to buy, (n,) the replacement cost: the price at which the same
        could be had in the cheapest other slot [EUR/kWh], and (n,) the content at the end of each slot [kWh].
    """
    n = len(need)
    held_left, new_left, level = held.copy(), new.copy(), np.empty(n)
    content = initial
    for k in range(n):
        level[k] = min(keep * content - need[k], capacity[k])
        bound = final if k == n - 1 else 0.0
        while level[k] < bound - EPS:
            slot = _cheapest_slot(k, held_price, held_left, new_price, new_left, level, keep, capacity)
            if slot < 0:
                level[k] = max(level[k], 0.0)
                break
            held_is_cheaper = held_left[slot] > EPS and (new_left[slot] <= EPS or held_price[slot] <= new_price[slot])
            amount = min(
                (bound - level[k]) / keep ** (k - slot), held_left[slot] if held_is_cheaper else new_left[slot]
            )
            for i in range(slot, k):
                amount = min(amount, (capacity[i] - level[i]) / keep ** (i - slot))
            if held_is_cheaper:
                held_left[slot] -= amount
            else:
                new_left[slot] -= amount
            for i in range(slot, k + 1):
                level[i] += amount
                amount *= keep
        content = level[k]
    cost = _replacement_cost(held_price, held_left, new_price, new_left, level, keep, capacity, ceiling)
    return held - held_left, new - new_left, cost, level


@njit(cache=True)
def _cheapest_slot(
    k: int,
    held_price: FloatArray,
    held_left: FloatArray,
    new_price: FloatArray,
    new_left: FloatArray,
    level: FloatArray,
    keep: float,
    capacity: FloatArray,
) -> int:
    """Return the slot up to ``k`` from which content at ``k`` is cheapest, -1 when there is none."""
    best, best_price, fade = -1, np.inf, 1.0
    for j in range(k, -1, -1):
        if j < k:
            fade *= keep
            if capacity[j] - level[j] <= EPS:
                break
        if held_left[j] > EPS and held_price[j] / fade < best_price:
            best, best_price = j, held_price[j] / fade
        if new_left[j] > EPS and new_price[j] / fade < best_price:
            best, best_price = j, new_price[j] / fade
    return best


@njit(cache=True)
def _replacement_cost(
    held_price: FloatArray,
    held_left: FloatArray,
    new_price: FloatArray,
    new_left: FloatArray,
    level: FloatArray,
    keep: float,
    capacity: FloatArray,
    ceiling: float,
) -> FloatArray:
    """Return, for every slot, the price of the same in the cheapest other slot that the store can bridge to."""
    n = len(level)
    cheapest = np.full(n, np.inf)
    for j in range(n):
        if held_left[j] > EPS:
            cheapest[j] = held_price[j]
        if new_left[j] > EPS:
            cheapest[j] = min(cheapest[j], new_price[j])
    cost = np.empty(n)
    for j in range(n):
        best, fade = ceiling, 1.0
        for m in range(j - 1, -1, -1):
            if capacity[m] - level[m] <= EPS:
                break
            fade *= keep
            best = min(best, cheapest[m] / fade)
        fade = 1.0
        for m in range(j + 1, n):
            if level[m - 1] <= EPS:
                break
            fade *= keep
            best = min(best, cheapest[m] * fade)
        cost[j] = best
    return cost
