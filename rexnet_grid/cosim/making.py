"""The contract maker of a run: who quotes where nobody else's orders rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex.maker import ContractMaker

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import BoolArray, FloatArray, IntArray
    from rexnet_grid.reservex import Exchange
    from rexnet_grid.reservex.pricing import MakerTerms

MAKER = "contract maker"


@dataclass(frozen=True, slots=True)
class MakerDesk:
    """The maker of one exchange.

    Attributes
    ----------
    account
        Its account; its inventory in a unit is its position.
    high
        Whether the two-state world is in its high state, by unit; only the one-sided design looks at it.
    base
        Price about which it quotes each unit [tick]; ``None`` for the same price always.
    """

    account: int
    high: BoolArray
    base: IntArray | None

    def reference(self, unit: int) -> int | None:
        """Return the price about which it quotes a unit [tick], None where its terms have it."""
        return None if self.base is None else int(self.base[unit])

    def requote(self, exchange: Exchange, unit: int) -> None:
        """Set all forward prices anew, at the boundary before ``unit`` is delivered."""
        exchange.set_state(bool(self.high[min(unit, len(self.high) - 1)]))
        ContractMaker.of(exchange).requote()


def hire_maker(
    exchange: Exchange, node: str, units: int, rng: np.random.Generator, base_eur_per_mwh: FloatArray | None
) -> MakerDesk:
    """Open the maker's account at ``node`` and draw the path of the two-state world over the units of a run."""
    account = exchange.register(MAKER, node=node, secured=False)
    ContractMaker(exchange, account)
    tick = exchange.rules.tick_eur_per_mwh
    base = None if base_eur_per_mwh is None else np.rint(base_eur_per_mwh / tick).astype(np.int64)
    return MakerDesk(account, two_state_path(exchange.rules.maker, units, rng), base)


def two_state_path(terms: MakerTerms, units: int, rng: np.random.Generator) -> BoolArray:
    """Return whether a Markov chain with the anticipated switching probabilities is high, from low at the start."""
    draws, high = rng.random(units), np.zeros(units, dtype=np.bool_)
    for unit in range(1, units):
        switch = terms.to_low if high[unit - 1] else terms.to_high
        high[unit] = high[unit - 1] ^ bool(draws[unit] < switch)
    return high
