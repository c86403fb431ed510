"""What the safety maintainer asks of a network: what a use of the levers leads to, and the rows about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.network import KnowsEveryRow, KnowsSlopes
from rexnet_grid.delivery.remedies import Levers, RowSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray, Headroom
    from rexnet_grid.delivery.network import DeliveryNetwork, NetworkState, Violation

OVERSHOOT = 1e-3
MOST_GAIN = 3.0


@dataclass
class Progress:
    """What the rounds so far have done to each limit: how much the linear rows must be stretched."""

    excess: dict[str, float] = field(default_factory=dict)
    gain: dict[str, float] = field(default_factory=dict)

    def stretch(self, limit: str, excess: float) -> float:
        """Return the reduction to ask for: the excess times how far the last reduction fell short."""
        before = self.excess.get(limit)
        if before is not None and excess > 0.0:
            achieved = max(before - excess, before / MOST_GAIN)
            wanted = before * self.gain.get(limit, 1.0)
            self.gain[limit] = min(max(wanted / achieved, 1.0), MOST_GAIN)
        self.excess[limit] = excess
        return excess * self.gain.get(limit, 1.0)


@dataclass(frozen=True, slots=True)
class Question:
    """A schedule of one unit, and what may be changed of it.

    Attributes
    ----------
    network, unit
        Who is asked, and about when.
    node
        (n_participants,) where they are.
    scheduled
        (n_participants,) what they want to inject [kW].
    levers
        What may be changed.
    """

    network: DeliveryNetwork
    unit: int
    node: NDArray[np.int64]
    scheduled: FloatArray
    levers: Levers

    def injection(self, used: FloatArray) -> FloatArray:
        """Return (n_nodes,) what is injected once the levers are used [kW]."""
        kw = self.scheduled + self.levers.effect(used, len(self.scheduled))
        return np.bincount(self.node, weights=kw, minlength=len(self.network.nodes)).astype(np.float64)

    def predict(self, used: FloatArray) -> NetworkState:
        """Return what the network makes of it."""
        return self.network.predict(self.unit, self.injection(used))

    def broken_rows(self, used: FloatArray, state: NetworkState, progress: Progress) -> RowSet | None:
        """Return the rows with what is asked of each: mend the broken ones, break no other; None if none is broken."""
        injection = self.injection(used)
        headroom = self._headroom(injection, frozenset(violation.limit for violation in state.violations))
        target = np.maximum(headroom.slack, 0.0)
        broken = np.zeros(len(target), dtype=bool)
        if not state.converged:
            broken = headroom.slack < 0.0
            target[broken] = headroom.slack[broken]
        for row, violation, excess in _violated(headroom, state):
            target[row] = -progress.stretch(violation.limit, excess)
            broken[row] = True
        return _row_set(headroom, injection, target, broken) if broken.any() else None

    def rows_about(self, used: FloatArray, state: NetworkState, named: frozenset[str]) -> RowSet:
        """Return the rows about a use that is clean, or nearly, with what is left of each; ``named`` are single."""
        injection = self.injection(used)
        headroom = self._headroom(injection, named | {violation.limit for violation in state.violations})
        target = np.maximum(headroom.slack, 0.0)
        broken = np.zeros(len(target), dtype=bool)
        for row, _, excess in _violated(headroom, state):
            target[row] = -excess
            broken[row] = True
        return _row_set(headroom, injection, target, broken)

    @property
    def knows_slopes(self) -> bool:
        """Whether the network tells how its limits answer to small changes."""
        return isinstance(self.network, KnowsSlopes)

    def slopes_at(self, used: FloatArray) -> RowSet | None:
        """Return the rows that touch the limits at a use of the levers, but those that no lever can reach.

        None where the network cannot tell them.
        """
        if not isinstance(self.network, KnowsSlopes):
            return None
        injection, at = self.injection(used), np.unique(self.levers.node)
        rows = self.network.slopes_at(self.unit, injection, at)
        if rows is None:
            return None
        rising = rows.coefficients if rows.injecting is None else rows.injecting
        known = np.where(injection[at] > 0.0, rising, rows.coefficients)
        most = np.bincount(self.levers.node, weights=self.levers.kw, minlength=len(injection))[at]
        near = np.flatnonzero(rows.slack <= np.abs(known) @ most)
        coefficients = np.zeros((len(near), len(injection)))
        coefficients[:, at] = known[near]
        target = np.maximum(rows.slack[near], 0.0)
        return RowSet(coefficients, target, np.zeros(len(near), dtype=bool), tuple(rows.limits[r] for r in near))

    def _headroom(self, injection: FloatArray, named: frozenset[str]) -> Headroom:
        if isinstance(self.network, KnowsEveryRow):
            return self.network.rows_at(self.unit, injection, named)
        return self.network.headroom([self.unit], injection[None, :])[0]


def is_clean(state: NetworkState) -> bool:
    """Return whether it is a solution that breaks no limit."""
    return state.converged and not state.violations


def _violated(headroom: Headroom, state: NetworkState) -> Iterator[tuple[int, Violation, float]]:
    """Yield the row of every violation that has one, with what to take off it."""
    for violation in state.violations:
        rows = [r for r, name in enumerate(headroom.limits) if name == violation.limit]
        if rows:
            row = min(rows, key=lambda r: float(headroom.slack[r]))
            excess = abs(violation.value - violation.bound)
            yield row, violation, excess + OVERSHOOT * abs(violation.bound) * 0.01


def _row_set(headroom: Headroom, injection: FloatArray, target: FloatArray, broken: NDArray[np.bool_]) -> RowSet:
    falling, rising = headroom.coefficients, headroom.injecting
    coefficients = falling if rising is None else np.where(injection > 0.0, rising, falling)
    return RowSet(coefficients, target, broken, headroom.limits)
