"""Who says what still fits: the network itself, or an estimate learned from the meters of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rexnet_grid.delivery import LocationalSignal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rexnet_grid.cosim.metering import Readings
    from rexnet_grid.delivery import DeliveryNetwork, Headroom
    from rexnet_grid.prosumers.base import FloatArray, IntArray
    from rexnet_grid.spacemeternet.comfortloop import LearnedComfortHeadroom
    from rexnet_grid.spacemeternet.loop import LearnedVoltageHeadroom


PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Estimated:
    """One number learned from meters, beside what it is in truth; all three in ``measure``."""

    name: str
    estimate: float
    std_error: float
    truth: float
    state: str
    measure: str


class Oracle(Protocol):
    """Whoever says what still fits."""

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the headroom of each open unit about the positions (n_units, n_nodes) [kW]."""
        ...

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the locational signal about the same positions."""
        ...

    def learn(self, readings: Readings, hours: float) -> tuple[Estimated, ...]:
        """Take in the meters' readings of a delivered unit of ``hours`` [h]; return what was estimated anew."""
        ...

    def status(self) -> str:
        """Return in one sentence where its knowledge comes from."""
        ...

    def save(self) -> Any:
        """Return what it has learned, for a checkpoint."""
        ...

    def restore(self, state: Any) -> None:
        """Take back what :meth:`save` gave."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkOracle:
    """The network itself: it knows its own map and needs no meters.

    Attributes
    ----------
    network
        The delivery network.
    """

    network: DeliveryNetwork

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the network's own headroom."""
        return self.network.headroom(units, position_kw)

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the network's own signal."""
        return self.network.signal(units, position_kw)

    def learn(self, readings: Readings, hours: float) -> tuple[Estimated, ...]:  # noqa: ARG002
        """Learn nothing: the map is known."""
        return ()

    def status(self) -> str:
        """Return in one sentence where its knowledge comes from."""
        return "the network itself"

    def save(self) -> Any:
        """Return nothing: the network keeps its own state."""
        return None

    def restore(self, state: Any) -> None:
        """Take back nothing."""


@dataclass(frozen=True, slots=True)
class LearnedOracle:
    """An electric network whose map is lost: voltage headroom from what its meters have shown so far.

    Thermal limits of unmapped branches cannot be told from meters at the customers, so nothing is said of them, and
    there is no locational signal.

    Attributes
    ----------
    nodes
        Nodes of the network, the columns of headroom.
    accounts
        Accounts that have a meter, in the order of the learner's meters.
    learner
        What is learned.
    truth
        The true sensitivities of the metered nodes [p.u./kW] at injections of all nodes (n_nodes,) [kW].
    """

    nodes: tuple[str, ...]
    accounts: IntArray
    learner: LearnedVoltageHeadroom
    truth: Callable[[FloatArray], FloatArray]

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the estimated voltage rows; none before the warm-up is over."""
        return self.learner.headroom(units, position_kw, self.nodes)

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:  # noqa: ARG002
        """Return a signal that says nothing."""
        return LocationalSignal.none(units, self.nodes)

    def learn(self, readings: Readings, hours: float) -> tuple[Estimated, ...]:
        """Hand the readings of the metered accounts to the learner."""
        power_kw = readings.energy_kwh[self.accounts] / hours
        self.learner.append(power_kw, None, np.asarray(readings.vm_pu[self.accounts]))
        found = self.learner.estimate
        if not self.learner.fresh or found is None:
            return ()
        self.learner.fresh = False
        injection = np.zeros(len(self.nodes))
        injection[[self.nodes.index(node) for node in self.learner.nodes]] = found.mean_kw
        truth = np.diag(self.truth(injection)) * PERCENT
        slope = np.diag(found.per_kw) * PERCENT
        error = np.diag(found.per_kw_error) * PERCENT
        rows = zip(self.learner.nodes, slope.tolist(), error.tolist(), truth.tolist(), strict=True)
        return tuple(Estimated(*row, "", "%/kW") for row in rows)

    def status(self) -> str:
        """Return in one sentence where its knowledge comes from."""
        if self.learner.estimate is not None:
            return f"learned from the readings of {len(self.accounts)} meters"
        return "nothing learned yet" + (f": {self.learner.refused}" if self.learner.refused else "")

    def save(self) -> Any:
        """Return what was learned."""
        return self.learner.save()

    def restore(self, state: Any) -> None:
        """Take back what was learned."""
        self.learner.restore(state)


@dataclass(frozen=True, slots=True)
class LearnedBuildingOracle:
    """A building of which only the pipes are known: who heats whom, from what the flats' meters have shown so far.

    Attributes
    ----------
    nodes
        Nodes of the building, the columns of headroom.
    flats
        Index of each flat among the nodes, in the order of the learner.
    seats
        Node of each account.
    learner
        What is learned.
    truth
        The true conductance of every pair of flats that touch [W/K].
    """

    nodes: tuple[str, ...]
    flats: IntArray
    seats: IntArray
    learner: LearnedComfortHeadroom
    truth: Mapping[frozenset[str], float]

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the estimated rows; those of the pipes alone before the warm-up is over."""
        return self.learner.headroom(units, position_kw)

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:  # noqa: ARG002
        """Return a signal that says nothing."""
        return LocationalSignal.none(units, self.nodes)

    def learn(self, readings: Readings, hours: float) -> tuple[Estimated, ...]:
        """Hand heat and temperatures of the flats to the learner; several accounts in a flat share its thermometer."""
        count = len(self.nodes)
        heat = np.bincount(self.seats, weights=-readings.energy_kwh / hours, minlength=count)[self.flats]
        seen = np.isfinite(readings.air_c)
        sums = np.bincount(self.seats[seen], weights=readings.air_c[seen], minlength=count)
        meters = np.bincount(self.seats[seen], minlength=count)
        air = np.divide(sums, meters, out=np.full(count, np.nan), where=meters > 0)[self.flats]
        self.learner.append(air, np.maximum(heat, 0.0))
        found = self.learner.estimate
        if not self.learner.fresh or found is None:
            return ()
        self.learner.fresh = False
        return tuple(
            Estimated(
                f"{edge.a} - {edge.b}",
                edge.conductance_w_k,
                edge.std_error,
                self.truth.get(frozenset((edge.a, edge.b)), 0.0),
                edge.state,
                "W/K",
            )
            for edge in found.fit_.verdicts
        )

    def status(self) -> str:
        """Return in one sentence where its knowledge comes from."""
        if self.learner.knows:
            return f"learned from the readings of {len(self.flats)} flats"
        return "nothing learned yet" + (f": {self.learner.refused}" if self.learner.refused else "")

    def save(self) -> Any:
        """Return what was learned."""
        return self.learner.save()

    def restore(self, state: Any) -> None:
        """Take back what was learned."""
        self.learner.restore(state)
