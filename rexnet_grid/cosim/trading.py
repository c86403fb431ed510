"""Between two boundaries: prosumers wake at random times and trade, news and faults arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simpy

from rexnet_grid.cosim.contingencies import Outages
from rexnet_grid.prosumers.base import Quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.events import ScheduledEvent
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.units import Carrier


class TradingFloor:
    """The simpy world in which participants trade; time is measured in units since the start of unit 0.

    Parameters
    ----------
    start
        Time at which it opens.
    unit_seconds
        Length of a unit [s].
    population
        The participants, each with its own stream of wake-up times.
    markets
        The exchanges, by carrier.
    events
        What else happens between boundaries, in any order.
    outages
        Who has stopped.
    """

    def __init__(
        self,
        start: float,
        unit_seconds: float,
        population: Sequence[Prosumer],
        markets: Mapping[Carrier, CarrierMarket],
        events: Sequence[ScheduledEvent] = (),
        outages: Outages | None = None,
    ) -> None:
        self.outages = outages if outages is not None else Outages()
        self.unit_seconds = unit_seconds
        self.population = population
        self.markets = markets
        self.pending = sorted(events, key=lambda event: event.time)
        self.next_wake: FloatArray = np.array([member.next_wake(start) for member in population])
        self.wakes = 0
        self._open(start)

    def run_until(self, time: float) -> None:
        """Let everything happen up to, but not including, ``time``."""
        if time > self._world.now:
            self._world.run(until=time)

    @property
    def now(self) -> float:
        """The present time in units."""
        return float(self._world.now)

    def wake(self, member: int) -> None:
        """Let participant ``member`` look at its markets and replace its orders."""
        markets = {c: m for c, m in self.markets.items() if m.account_of[member] >= 0}
        for market in markets.values():
            market.exchange.set_clock(round(self.now * self.unit_seconds))
        seen = {c: m.look(member) for c, m in markets.items()}
        if member in self.outages.stopped:
            quotes: Mapping[Carrier, Quotes] = dict.fromkeys(markets, Quotes.none())
        else:
            quotes = self.population[member].trade(self.now, {c: m.view(member, seen[c]) for c, m in markets.items()})
        for carrier, wanted in quotes.items():
            markets[carrier].replace_orders(member, seen[carrier], wanted)
        self.wakes += 1

    def resume(
        self,
        now: float,
        population: Sequence[Prosumer],
        next_wake: FloatArray,
        wakes: int,
        events: Sequence[ScheduledEvent],
    ) -> None:
        """Go on at ``now`` with these participants, their next wake-ups and the events to come."""
        self.population, self.next_wake, self.wakes = population, next_wake, wakes
        self.pending = list(events)
        self._open(now)

    def _open(self, start: float) -> None:
        self._world = simpy.Environment(initial_time=start)
        for event in self.pending:
            self._world.process(self._happen(event.time, event.happen))
        for member in range(len(self.population)):
            self._world.process(self._live(member))

    def _live(self, member: int) -> Generator[simpy.Event, None, None]:
        while True:
            yield self._world.timeout(max(0.0, self.next_wake[member] - self._world.now))
            self.wake(member)
            self.next_wake[member] = self.population[member].next_wake(self.now)

    def _happen(self, time: float, happen: Callable[[], None]) -> Generator[simpy.Event, None, None]:
        yield self._world.timeout(max(0.0, time - self._world.now))
        happen()
        self.pending.pop(0)
