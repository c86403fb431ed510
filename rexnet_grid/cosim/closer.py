"""Trading as far as the network itself says that it carries it, tried before it counts.

Published headroom has to hold for whatever is traded on it until the next refresh, so it is timid for most of it. Where
it keeps orders apart they trade on more than it can promise, on trial: the network judges where that leads, and what it
does not prove right is undone and tried once more with less. Then the rows are made anew about the positions reached,
until nothing trades any more. So what is admitted comes as near to what the network carries as the margin lets it, in
whatever direction trading goes, and no trial that comes too near to a limit counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery.network import CanBeTried

MOST_ROUNDS = 16
MOST_PAIRS = 2_000_000
# what is tried: a share of each limit more than rows can promise, and which part of all that
LADDER = ((0.5, 1.0), (0.15, 1.0), (0.05, 1.0), (0.015, 1.0), (0.0, 0.5), (0.0, 0.2), (0.0, 0.05))
PROVED = 0.5
SAME = 1e-6


class Closer:
    """Lets orders trade close to the network's limits, at one boundary.

    Parameters
    ----------
    market
        The carrier it serves.
    network
        The network, which judges.
    units
        All open units.
    """

    def __init__(self, market: CarrierMarket, network: CanBeTried, units: Sequence[int]) -> None:
        self._market, self._network = market, network
        self._units = list(units)
        self._place = {unit: k for k, unit in enumerate(self._units)}
        self._position_kw = market.positions_kw(self._units)
        self._used = network.margins_used(self._position_kw)
        self._pairs = 0

    def trade(self) -> list[int]:
        """Let orders trade until nothing more is proved to fit.

        First on what is published; where that keeps orders apart or leads too near to a limit, on more and on less,
        while there are not too many orders to look at. Where a limit is broken already nothing is tried. Returned are
        the units whose headroom holds no longer.
        """
        sound = {unit for unit in self._units if self._used[self._place[unit]] <= PROVED}
        moved, unproved = self.rematch(self._units)
        bound = {} if self._market.admission is None else self._market.admission.bindings()
        active = [unit for unit in self._units if (unit in bound or unit in unproved) and unit in sound]
        changed = moved.union(active)
        rungs = dict.fromkeys(active, 0)
        for _ in range(MOST_ROUNDS):
            if not active or self._pairs > MOST_PAIRS:
                break
            for rung in sorted({rungs[unit] for unit in active}):
                self._tell([unit for unit in active if rungs[unit] == rung], *LADDER[rung])
            moved, wrong = self.rematch(active)
            changed |= moved
            for unit in wrong:
                rungs[unit] += 1
            active = [unit for unit in active if (unit in moved or unit in wrong) and rungs[unit] < len(LADDER)]
        return sorted(changed)

    def rematch(self, units: Sequence[int]) -> tuple[set[int], set[int]]:
        """Let orders of these units trade on what is published, but where that is not proved.

        Returned are the units whose positions moved, and those where nothing counts. Waiting blocks may move a unit
        that is not asked for; where that is not proved nothing counts at all.
        """
        pending, unproved = list(units), set[int]()
        while pending:
            memory = self._market.exchange.remember(pending)
            self._pairs += memory.pairs
            for unit in pending:
                self._market.exchange.rematch(unit)
            position_kw = self._market.positions_kw(self._units)
            moved = np.flatnonzero((position_kw != self._position_kw).any(axis=1))
            used = self._network.margins_used(position_kw[moved]) if len(moved) else np.zeros(0)
            wrong = moved[used > np.maximum(PROVED, self._used[moved] + SAME)]
            if not len(wrong):
                self._position_kw[moved], self._used[moved] = position_kw[moved], used
                return {self._units[k] for k in moved}, unproved
            self._market.exchange.go_back(memory)
            named = {self._units[k] for k in wrong}
            unproved |= named if named.issubset(pending) else set(pending)
            pending = [unit for unit in pending if unit not in unproved]
        return set(), unproved

    def _tell(self, units: Sequence[int], share: float, part: float) -> None:
        """Publish a ``part`` of headroom that leaves a ``share`` of each limit more than can be promised."""
        position_kw = self._position_kw[[self._place[unit] for unit in units]]
        for headroom in self._network.daring(units, position_kw, share):
            if self._market.admission is not None:
                less = np.minimum(headroom.slack, part * headroom.slack)
                self._market.admission.publish(replace(headroom, slack=less))
