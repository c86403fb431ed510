"""Ways to mend broken linear rows: cheapest, everyone by the same share, or the latest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.network import NO_SOLUTION
from rexnet_grid.delivery.programme import least_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray

TIE_EUR_PER_MWH = 1e-3
MENDED = 1e-12
SMALLEST_KW = 1e-6
FULL = 1e-6
DOUBTFUL = 1e-3
LEAST_HELP = 1e-3


@dataclass(frozen=True, slots=True)
class Levers:
    """What may be changed: options first, then one cut for each participant.

    Attributes
    ----------
    owner, node
        Participant and its node.
    direction
        Sign of the change of injection when it is used.
    kw
        Most that may be used [kW].
    cost
        [EUR/MWh].
    since
        When the participant's reservation was made.
    kind
        ``"call"``, ``"put"``, ``"ration"`` or ``"discard"``.
    n_options
        How many of them are options.
    reserved
        False where a cut touches what nobody reserved.
    takes
        True where it takes away what was scheduled: everything but a call.
    scheduled
        (n_participants,) what puts and the cut of one participant can take together [kW].
    """

    owner: NDArray[np.int64]
    node: NDArray[np.int64]
    direction: FloatArray
    kw: FloatArray
    cost: FloatArray
    since: FloatArray
    kind: tuple[str, ...]
    n_options: int
    reserved: NDArray[np.bool_]
    takes: NDArray[np.bool_]
    scheduled: FloatArray

    @property
    def first(self) -> NDArray[np.bool_]:
        """Which come before all others: options, and what nobody reserved."""
        return (np.arange(len(self.kw)) < self.n_options) | ~self.reserved

    @property
    def price(self) -> FloatArray:
        """What using them counts [EUR/MWh]; never quite nothing."""
        return np.maximum(self.cost, 0.0) + TIE_EUR_PER_MWH

    def left(self, used: FloatArray) -> Levers:
        """Return the levers with what has been used taken off; nobody loses more than was scheduled."""
        scheduled = np.maximum(self.scheduled - self._taken(used), 0.0)
        left = np.maximum(self.kw - used, 0.0)
        return replace(
            self, kw=np.where(self.takes, np.minimum(left, scheduled[self.owner]), left), scheduled=scheduled
        )

    def helpful(self, rows: RowSet) -> Levers:
        """Return the levers without the options that load the broken limits more than they relieve them."""
        effect = rows.per_lever(self)[rows.broken]
        size = np.maximum(np.abs(effect).max(axis=1, keepdims=True, initial=0.0), 1e-300)
        harmful = (effect / size).sum(axis=0) >= 0.0
        harmful[self.n_options :] = False
        return replace(self, kw=np.where(harmful, 0.0, self.kw))

    def _taken(self, used: FloatArray) -> FloatArray:
        taken = np.where(self.takes, used, 0.0)
        return np.bincount(self.owner, weights=taken, minlength=len(self.scheduled)).astype(np.float64)

    def effect(self, used: FloatArray, n_participants: int) -> FloatArray:
        """Return the change of every participant's injection [kW]."""
        return np.bincount(self.owner, weights=self.direction * used, minlength=n_participants).astype(np.float64)


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows ``coefficients @ delta <= target``; a broken row has a negative target."""

    coefficients: FloatArray
    target: FloatArray
    broken: NDArray[np.bool_]
    limits: tuple[str, ...]

    def per_lever(self, levers: Levers) -> FloatArray:
        """Return (n_rows, n_levers) change of each limited quantity per use of a lever."""
        return self.coefficients[:, levers.node] * levers.direction

    def binding(self, levers: Levers, step: FloatArray) -> RowSet | None:
        """Return the rows that ``step`` leaves full, as if all were broken alike; None where there are none."""
        effect = self.per_lever(levers)
        reach = np.maximum(np.abs(effect) @ levers.kw, 1e-300)
        full = (self.target - effect @ step <= FULL * reach) & (effect < 0.0).any(axis=1)
        return replace(self, target=np.full(len(full), -1.0), broken=full) if full.any() else None


def cheapest(rows: RowSet, levers: Levers) -> FloatArray:
    """Return how far to use each lever [kW] so that the rows hold at least cost.

    Options, and what nobody reserved, mend what they can; then comes the cheapest mix of the cuts. Raises
    NoOptimumError where HiGHS fails.
    """
    step = np.zeros(len(levers.kw))
    if levers.n_options:
        step = _least_cost(rows, levers, levers.first)
        rows = replace(rows, target=rows.target - rows.per_lever(levers) @ step)
        levers = levers.left(step)
    return step + _least_cost(rows, levers, np.ones(len(step), dtype=bool))


def cheaper(rows: RowSet, levers: Levers, used: FloatArray, reach_kw: FloatArray | float = np.inf) -> FloatArray:
    """Return the cheapest use of the levers that the rows about ``used`` allow: cuts grow and are given back.

    No lever moves by more than ``reach_kw``.

    Where options are offered, what comes first stays as it is once anything else is cut. Raises NoOptimumError.
    """
    free = np.ones(len(used), dtype=bool)
    if levers.n_options:
        later = (used[~levers.first] > 0.0).any()
        free = ~levers.first if later else levers.first
    fixed = np.where(free, np.maximum(used - reach_kw, 0.0), used)
    rows = replace(rows, target=rows.target + rows.per_lever(levers) @ (used - fixed))
    left = levers.left(fixed)
    return fixed + _programme(rows, replace(left, kw=np.minimum(left.kw, used + reach_kw - fixed)), free)


def _least_cost(rows: RowSet, levers: Levers, allowed: NDArray[np.bool_]) -> FloatArray:
    if not (rows.target[rows.broken] < -MENDED).any():
        return np.zeros(len(levers.kw))
    return _programme(rows, levers, allowed)


def _programme(rows: RowSet, levers: Levers, allowed: NDArray[np.bool_]) -> FloatArray:
    """Return how far to use each allowed lever [kW].

    min c x subject to A x <= b, 0 <= x <= x_max; what cannot be mended is broken as little as can be. A row that
    claims to be full while the network breaks no limit there claims too much, and gives way to those that are broken.
    """
    step = np.zeros(len(levers.kw))
    useful = np.flatnonzero(allowed & (levers.kw > 0.0))
    if not len(useful):
        return step
    a = rows.per_lever(levers)[:, useful]
    touched = np.flatnonzero((a != 0.0).any(axis=1))
    doubtful = (rows.target[touched] <= 0.0) & ~rows.broken[touched]
    sharing = _sharing(levers, useful)
    shared = (levers.owner[useful] == sharing[:, None]) & levers.takes[useful]
    step[useful] = least_cost(
        levers.price[useful],
        np.vstack((a[touched], shared)),
        np.concatenate((rows.target[touched], levers.scheduled[sharing])),
        levers.kw[useful],
        np.concatenate((np.where(doubtful, DOUBTFUL, 1.0), np.full(len(sharing), np.inf))),
    )
    return step


def _sharing(levers: Levers, useful: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the participants of which more than one of the ``useful`` levers takes."""
    taking = np.bincount(levers.owner[useful], weights=levers.takes[useful], minlength=len(levers.scheduled))
    return np.flatnonzero(taking > 1.0)


def pro_rata(rows: RowSet, levers: Levers) -> FloatArray:
    """Return the use of each lever [kW]: all options that help, then the same share of all cuts that help."""
    step = np.zeros(len(levers.kw))
    effect = rows.per_lever(levers)
    for row in _worst_first(rows):
        missing = effect[row] @ step - rows.target[row]
        helps = -effect[row] >= LEAST_HELP * max(float(-effect[row].min()), 1e-15)
        for group in (np.arange(len(step)) < levers.n_options, np.arange(len(step)) >= levers.n_options):
            usable = np.where(group & helps, levers.left(step).kw, 0.0)
            power = float(-effect[row] @ usable)
            if missing > 0.0 and power > 0.0:
                share = min(1.0, missing / power)
                step += share * usable
                missing -= share * power
    return step


def last_in_first_out(rows: RowSet, levers: Levers) -> FloatArray:
    """Return the use of each lever [kW]: options first, then the latest reservations that contribute."""
    step = np.zeros(len(levers.kw))
    effect = rows.per_lever(levers)
    scheduled = levers.scheduled.copy()
    is_cut = np.arange(len(step)) >= levers.n_options
    order = np.lexsort((np.arange(len(step)), -levers.since, is_cut))
    for row in _worst_first(rows):
        missing = float(effect[row] @ step - rows.target[row])
        floor = LEAST_HELP * max(float(-effect[row].min()), 1e-15)
        for k in order:
            if missing <= 0.0:
                break
            per_kw = float(-effect[row, k])
            if per_kw >= floor:
                room = levers.kw[k] - step[k]
                if levers.takes[k]:
                    room = min(room, scheduled[levers.owner[k]])
                use = max(min(room, missing / per_kw), 0.0)
                step[k] += use
                scheduled[levers.owner[k]] -= use * levers.takes[k]
                missing -= use * per_kw
    return step


def _worst_first(rows: RowSet) -> NDArray[np.int64]:
    broken = np.flatnonzero(rows.broken)
    steepest = np.maximum(np.abs(rows.coefficients[broken]).max(axis=1, initial=0.0), 1e-15)
    return broken[np.argsort(rows.target[broken] / steepest, kind="stable")]


def explain(why: list[str], rows: RowSet | None, levers: Levers, step: FloatArray) -> None:
    """Note for every lever used the broken limit that it helps most."""
    if rows is None:
        for k in np.flatnonzero(step > SMALLEST_KW):
            why[k] = why[k] or NO_SOLUTION
        return
    help_per_kw = -rows.per_lever(levers)[rows.broken] / np.maximum(-rows.target[rows.broken], 1e-12)[:, None]
    names = [name for name, broken in zip(rows.limits, rows.broken, strict=True) if broken]
    for k in np.flatnonzero(step > SMALLEST_KW):
        why[k] = why[k] or names[int(np.argmax(help_per_kw[:, k]))]
