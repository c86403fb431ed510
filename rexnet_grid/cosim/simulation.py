"""The unit cycle."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.cosim import checkpoint as checkpointing
from rexnet_grid.cosim import recording
from rexnet_grid.cosim.congestion import congestion_of
from rexnet_grid.cosim.contingencies import Outages
from rexnet_grid.cosim.delivering import conclude, deliver, realise
from rexnet_grid.cosim.manifest import manifest_of
from rexnet_grid.cosim.metering import MeterAccuracy, Readings, read_meters
from rexnet_grid.cosim.securing import secure_realised, secure_reservations
from rexnet_grid.cosim.settling import settle
from rexnet_grid.cosim.tally import Tally
from rexnet_grid.cosim.trading import TradingFloor
from rexnet_grid.cosim.unit import UnitOnCarrier
from rexnet_grid.reservex.rules import PERIODIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.events import ScheduledEvent
    from rexnet_grid.cosim.feedback import Feedback
    from rexnet_grid.delivery.safety import SafetyMaintainer
    from rexnet_grid.prosumers.base import Population
    from rexnet_grid.randomness import Streams
    from rexnet_grid.results.writer import RunWriter
    from rexnet_grid.units import Carrier, TimeGrid

STEPS = ("trade", "close", "secure", "realise", "deliver", "meter", "settle", "feed_back", "open", "record")


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything a run is made of.

    Attributes
    ----------
    grid
        Units on the time axis.
    units
        How many units are delivered.
    forward_units
        κ, how many units ahead a unit opens.
    gate_units
        How long before its start a unit's gate closes [units].
    lead_in_units
        How long trading goes on before the first gate closes [units]; its first half is the call phase.
    population
        The participants.
    markets
        Exchange and network, by carrier; electricity first.
    feedbacks
        The channels from the networks to the exchanges; none when the networks tell the market nothing.
    maintainer
        Who cuts what physics will not carry; None when nobody does.
    accuracy
        How good the meters are, by carrier.
    streams
        Seeded random streams.
    events
        Contingencies and news.
    pictures
        Units before whose gate closure all books are recorded.
    outages
        Who has stopped; contingencies change it.
    """

    grid: TimeGrid
    units: int
    forward_units: int
    gate_units: float
    lead_in_units: int
    population: Population
    markets: Mapping[Carrier, CarrierMarket]
    feedbacks: tuple[Feedback, ...]
    maintainer: SafetyMaintainer | None
    accuracy: Mapping[Carrier, MeterAccuracy]
    streams: Streams
    events: tuple[ScheduledEvent, ...] = ()
    pictures: frozenset[int] = field(default=frozenset())
    outages: Outages = field(default_factory=Outages)


class Simulation:
    """A run, unit by unit.

    Parameters
    ----------
    setup
        What it is made of.
    writer
        Where its results go.
    checkpoint
        Where to go on from; by default the run starts with its lead-in.
    """

    def __init__(self, setup: Setup, writer: RunWriter, checkpoint: bytes | None = None) -> None:
        self.setup = setup
        self.writer = writer
        self.unit = 0
        self.timings_s = dict.fromkeys(STEPS, 0.0)
        self.tally = Tally(tuple(setup.markets))
        self.meter_errors = {c: setup.streams.generator("meters", c) for c in setup.markets}
        start = self._gate(0) - setup.lead_in_units
        self.floor = TradingFloor(
            start, setup.grid.seconds, setup.population.members, setup.markets, setup.events, setup.outages
        )
        self.calls: list[int] = []
        if checkpoint is None:
            self._lead_in()
        else:
            checkpointing.restore(self, checkpoint)

    def checkpoint(self) -> bytes:
        """Return the state between two units, from which a run built from the same scenario goes on exactly."""
        return checkpointing.save(self)

    def manifest(self) -> dict[str, Any]:
        """Return what the manifest says of the run so far."""
        return manifest_of(self)

    def write_logs(self) -> None:
        """Write the event log of every exchange beside the tables: from it the exchange can be replayed."""
        folder = self.writer.folder / "log"
        folder.mkdir(exist_ok=True)
        for carrier, market in self.setup.markets.items():
            market.exchange.log.to_parquet(folder / f"{carrier}.parquet")

    def step(self) -> int:
        """Take the next unit through the eight steps of the cycle and return its number."""
        u, members, markets = self.unit, self.setup.population.members, self.setup.markets
        with self._timed("trade"):
            self.floor.run_until(self._gate(u))
        with self._timed("close"):
            books = {c: self._close_gate(m, u) for c, m in markets.items()}
        with self._timed("secure"):
            if self.setup.maintainer is not None:
                for c, m in markets.items():
                    secure_reservations(m, self.setup.maintainer, books[c])
        with self._timed("realise"):
            realise(u, members, markets, books, self.setup.outages.stopped)
            if self.setup.maintainer is not None:
                for c, m in markets.items():
                    secure_realised(m, self.setup.maintainer, books[c])
        with self._timed("deliver"):
            for c, m in markets.items():
                deliver(m, books[c], self.setup.outages.stopped)
            conclude(u, members, markets, books)
        with self._timed("meter"):
            readings = {c: self._read(m, books[c]) for c, m in markets.items()}
        with self._timed("settle"):
            for c, m in markets.items():
                settle(m, books[c])
        with self._timed("feed_back"):
            for feedback in self.setup.feedbacks:
                carrier = feedback.market.carrier
                learned = feedback.learn(readings[carrier], self.setup.grid.hours)
                recording.record_estimates(self.writer, carrier, u, learned)
            self._feed_back()
        with self._timed("open"):
            self._open(u + self.setup.forward_units)
        with self._timed("record"):
            self._record(u, books, readings)
        self.unit += 1
        return u

    def units(self) -> Iterator[int]:
        """Step through all units that are left, yielding each when it is done."""
        while self.unit < self.setup.units:
            yield self.step()

    def _gate(self, unit: int) -> float:
        return unit - self.setup.gate_units

    def _close_gate(self, market: CarrierMarket, unit: int) -> UnitOnCarrier:
        if market.exchange.rules.design in PERIODIC:
            market.clear(market.exchange.units.tolist())
        if unit in self.setup.pictures:
            recording.record_books(self.writer, self.floor.now, {market.carrier: market})
        recording.record_prints(self.writer, market)
        recording.record_prices(self.writer, market, unit)
        recording.record_maker(self.writer, market, unit)
        congestion = congestion_of(market, unit)
        recording.record_headroom(self.writer, market, unit, congestion)
        recording.record_congestion(self.writer, market, unit, congestion)
        lots = np.asarray(market.exchange.close_gate(unit).lots, dtype=np.int64)[: len(market.seats.names)]
        return UnitOnCarrier(
            unit, lots, np.asarray(lots * market.lot_kw, dtype=np.float64), market.seats.balances, congestion
        )

    def _read(self, market: CarrierMarket, book: UnitOnCarrier) -> Readings:
        rng = self.meter_errors[market.carrier]
        return read_meters(market, book, self.setup.grid.hours, self.setup.accuracy[market.carrier], rng)

    def _feed_back(self) -> None:
        for feedback in self.setup.feedbacks:
            feedback.publish(self.setup.population.members)

    def _open(self, unit: int) -> None:
        """Uncross the units that are in their call phase, then open the next one if the run delivers it."""
        for market in self.setup.markets.values():
            market.clear(self.calls)
            if unit < self.setup.units:
                market.open_unit(unit)
            market.requote(self.unit)
        self.calls = [unit] if unit < self.setup.units else []

    def _lead_in(self) -> None:
        """Open the first units and let participants trade before the first gate closes."""
        start, length = self.floor.now, self.setup.lead_in_units
        first = range(min(self.setup.forward_units, self.setup.units))
        for market in self.setup.markets.values():
            for unit in first:
                market.open_unit(unit)
            market.requote(0)
        self.calls = list(first)
        self._feed_back()
        for hour in range(1, length):
            self.floor.run_until(start + hour)
            if hour == (length + 1) // 2:
                self._open(self.setup.units)
            self._feed_back()
            for market in self.setup.markets.values():
                market.requote(0)
        if self.calls:
            self._open(self.setup.units)

    def _record(self, unit: int, books: Mapping[Carrier, UnitOnCarrier], readings: Mapping[Carrier, Readings]) -> None:
        for c, m in self.setup.markets.items():
            recording.record_service(self.writer, m, books[c], self.setup.grid.hours)
            recording.record_options(self.writer, m, unit, self.setup.grid.hours)
            recording.record_network(self.writer, m, books[c])
            recording.record_meters(self.writer, m, unit, readings[c])
            recording.record_prints(self.writer, m)
            self.tally.add(m, books[c], self.setup.grid.hours)
        self.tally.fuel_cost_eur += recording.record_devices(self.writer, unit, self.setup.population.members)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings_s[step] += time.perf_counter() - start
