"""Trading as far as the network itself says that it carries it, tried before it counts.

Published headroom has to hold for whatever is traded on it until the next refresh, so it is timid for most of it. Where
it keeps orders apart they trade on more than it can promise, on trial: the network judges where that leads, and what it
does not prove right is undone and tried once more with less. Then the rows are made anew about the positions reached,
until nothing trades any more. So what is admitted comes as near to what the network carries as the margin lets it, in
whatever direction trading goes, and no trial that comes too near to a limit counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.delivery.network import CanBeTried

MOST_ROUNDS = 10
# what is tried: a share of each limit more than rows can promise, and which part of all that
LADDER = ((0.5, 1.0), (0.15, 1.0), (0.05, 1.0), (0.015, 1.0), (0.0, 0.5), (0.0, 0.2), (0.0, 0.05))
PROVED = 0.5
SAME = 1e-6


@dataclass(frozen=True, slots=True)
class _Where:
    """Positions by unit (n_nodes,) [kW], and how much of the margin they use up."""

    position_kw: dict[int, FloatArray]
    used: dict[int, float]


@dataclass(frozen=True, slots=True)
class Closer:
    """Lets orders of some units trade close to the network's limits.

    Attributes
    ----------
    market
        The carrier it serves.
    network
        The network, which judges.
    """

    market: CarrierMarket
    network: CanBeTried

    def trade(self, units: Sequence[int]) -> list[int]:
        """Let orders of these units trade until nothing more is proved to fit.

        First on what is published; where that keeps orders apart or leads too near to a limit, on more and on less.
        Where a limit is broken already nothing is tried. Returned are the units whose headroom holds no longer.
        """
        changed, unproved, sound = self._on_published(units)
        bound = {} if self.market.admission is None else self.market.admission.bindings()
        active = [unit for unit in units if (unit in bound or unit in unproved) and unit in sound]
        changed.update(active)
        rungs = dict.fromkeys(active, 0)
        for _ in range(MOST_ROUNDS):
            if not active:
                break
            active = self._round(active, rungs)
        return sorted(changed)

    def _on_published(self, units: Sequence[int]) -> tuple[set[int], set[int], set[int]]:
        """Trade on what is published.

        Returned are the units where orders did, those where nothing counts, being unproved, and those where no limit
        was too near before.
        """
        pending, before = list(units), self._where(units)
        unproved: set[int] = set()
        sound = {unit for unit, used in before.used.items() if used <= PROVED}
        while pending:
            traded, wrong = self._trial(pending, before)
            if not wrong:
                return set(traded), unproved, sound
            unproved.update(wrong)
            pending = [unit for unit in pending if unit not in unproved]
        return set(), unproved, sound

    def _round(self, units: Sequence[int], rungs: dict[int, int]) -> list[int]:
        """Trade once about the positions, a rung lower wherever that is not proved; return the units that did."""
        pending, before = list(units), self._where(units)
        while pending:
            for rung in sorted({rungs[unit] for unit in pending}):
                self._tell([unit for unit in pending if rungs[unit] == rung], *LADDER[rung])
            traded, wrong = self._trial(pending, before)
            if not wrong:
                return traded
            for unit in wrong:
                rungs[unit] += 1
            pending = [unit for unit in pending if rungs[unit] < len(LADDER)]
        return []

    def _trial(self, units: Sequence[int], before: _Where) -> tuple[list[int], list[int]]:
        """Let orders trade; return the units whose positions moved, and those where that led too near to a limit.

        If there are any of these nothing has traded. Waiting blocks may have moved a unit whose own orders did not.
        """
        exchange = self.market.exchange
        memory = exchange.remember(units)
        for unit in units:
            exchange.rematch(unit)
        position_kw = self.market.positions_kw(units)
        moved = [k for k, unit in enumerate(units) if not np.array_equal(position_kw[k], before.position_kw[unit])]
        used = self.network.margins_used(position_kw[moved]) if moved else ()
        wrong = [units[k] for k, u in zip(moved, used, strict=True) if u > max(PROVED, before.used[units[k]] + SAME)]
        if wrong:
            exchange.go_back(memory)
        return [units[k] for k in moved], wrong

    def _where(self, units: Sequence[int]) -> _Where:
        """Return where these units are."""
        position_kw = self.market.positions_kw(units)
        used = self.network.margins_used(position_kw).tolist()
        return _Where(dict(zip(units, position_kw, strict=True)), dict(zip(units, used, strict=True)))

    def _tell(self, units: Sequence[int], share: float, part: float) -> None:
        """Publish a ``part`` of headroom that leaves a ``share`` of each limit more than can be promised."""
        for headroom in self.network.daring(units, self.market.positions_kw(units), share):
            if self.market.admission is not None:
                less = np.minimum(headroom.slack, part * headroom.slack)
                self.market.admission.publish(replace(headroom, slack=less))
