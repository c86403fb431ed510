"""pandapower's rounds of controllers for many cases at once, where all that acts are stepping taps and curves Q(V).

A round of :func:`pandapower.control.run_control` asks every controller of a level, in their order, whether the voltages
of the last power flow leave it at rest; those that are not move their tap by a step, or half the way (their damping) to
what their curve asks for, and the network is solved again. Here the rounds of all cases run side by side: each rule is
arithmetic on arrays, and the cases that still move are solved in one call for every state of the taps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pandapower.control import DiscreteTapControl
from pandapower.control.controller.DERController import DERController, QModelQVCurve
from pandapower.control.controller.DERController.DERBasics import QVCurve

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.flow import PowerFlow, cuts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.solver import Solver

    BoolArray = NDArray[np.bool_]

MOST_ROUNDS = 30
RELATIVE = 1e-5
NO_START: ComplexArray = np.zeros(0, dtype=np.complex128)


@dataclass(frozen=True, slots=True, eq=False)
class _Taps:
    """One ``DiscreteTapControl``: columns of its taps, the bus of each, its dead band, ends, the way up in voltage."""

    column: IntArray
    bus: IntArray
    lower: float
    upper: float
    ends: FloatArray
    raises: FloatArray

    def act(self, vm: FloatArray, tap: FloatArray, kvar: FloatArray, rows: IntArray) -> BoolArray:  # noqa: ARG002
        """Step the taps (n_cases, n_taps) of the ``rows`` that are not at rest at ``vm`` (n_rows, n_bus)."""
        here, at = vm[:, self.bus], tap[np.ix_(rows, self.column)]
        step = np.where(here < self.lower, self.raises, np.where(here > self.upper, -self.raises, 0.0))
        inside = (self.lower < here) & (here < self.upper)
        ended = (step != 0.0) & (at == np.where(step > 0.0, self.ends[1], self.ends[0]))
        moves = ~(inside | ended | np.isnan(here)).all(axis=1)
        free = np.where(step > 0.0, at < self.ends[1], at > self.ends[0])
        tap[np.ix_(rows[moves], self.column)] += np.where(free, step, 0.0)[moves]
        return np.asarray(moves, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """One ``DERController`` with a curve Q(V): columns of what it gives, buses that it looks at, ratings, damping."""

    column: IntArray
    bus: IntArray
    kvar: FloatArray
    curve: tuple[FloatArray, FloatArray]
    damping: float
    least: float

    def act(self, vm: FloatArray, tap: FloatArray, kvar: FloatArray, rows: IntArray) -> BoolArray:  # noqa: ARG002
        """Move what inverters give, ``kvar`` (n_cases, n_inverters), towards their curves where it is not there yet."""
        at = kvar[np.ix_(rows, self.column)]
        target = at + (np.interp(vm[:, self.bus], *self.curve) * self.kvar - at) / self.damping
        moves = ~(np.abs(target - at) <= self.least + RELATIVE * np.abs(at)).all(axis=1)
        kvar[np.ix_(rows[moves], self.column)] = target[moves]
        return np.asarray(moves, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """The controllers of a net as rules on arrays.

    Attributes
    ----------
    case
        The network.
    levels
        The rules of each level, in their order.
    taps
        Names of the transformers whose taps move.
    tap
        (n_taps,) where the net has them.
    kvar
        (n_inverters,) what the net's tables say that inverters give [kvar], unscaled.
    bus, share
        (n_inverters,) positions of their buses, and what of a kvar they inject.
    """

    case: GridCase
    levels: tuple[tuple[_Taps | _Curves, ...], ...]
    taps: tuple[str, ...]
    tap: FloatArray
    kvar: FloatArray
    bus: IntArray
    share: FloatArray

    @classmethod
    def of(cls, net: Any, case: GridCase, order: Sequence[Any], share: Mapping[str, FloatArray]) -> Rounds | None:
        """Return the rules of ``net``, its controllers in ``order`` by level; None where one is of another kind.

        ``share`` (n_rows, 1) is what each row of a table injects of a MW [kW].
        """
        controls = [control for level in order for control, _ in level]
        if not all(_is_tap(c) or _is_curve(c) for c in controls):
            return None
        place = {int(b): i for i, b in enumerate(case.bus_id)}
        tap_at: dict[tuple[str, int], int] = {}
        given_at: dict[tuple[str, int], int] = {}
        for control in controls:
            known = tap_at if _is_tap(control) else given_at
            for row in np.atleast_1d(control.element_index):
                key = (str(control.element), int(row))
                if key in known and known is given_at:
                    return None
                known.setdefault(key, len(known))
        tap = np.array([float(net[table].tap_pos[row]) for table, row in tap_at])
        rows = [(table, row, int(net[table].index.get_loc(row))) for table, row in given_at]
        kvar = np.array([1e3 * float(net[table].q_mvar[row]) for table, row, _ in rows])
        watched = [int(b) for c in controls if _is_curve(c) for b in c.bus]
        drawing = any(float(net[table].p_mw[row]) < 0.0 for table, row, _ in rows)
        if (
            drawing
            or any(case.bus_node[place[b]] == NOWHERE for b in watched)
            or np.isnan(tap).any()
            or np.isnan(kvar).any()
        ):
            return None
        rules: dict[int, _Taps | _Curves] = {
            id(c): _taps_of(net, c, place, tap_at) if _is_tap(c) else _curves_of(c, place, given_at) for c in controls
        }
        return cls(
            case,
            tuple(tuple(rules[id(control)] for control, _ in level if _acts(net, control)) for level in order),
            tuple(f"{table} {row}" for table, row in tap_at),
            tap,
            kvar,
            np.array([place[int(net[table].bus[row])] for table, row, _ in rows], dtype=np.int64),
            np.array([1e-3 * float(share[table][k, 0]) for table, _, k in rows]),
        )

    def settled(
        self, kw: FloatArray, kvar: FloatArray, solver: Callable[[tuple[tuple[str, float], ...]], Solver]
    ) -> PowerFlow:
        """Return what the controllers leave of injections (n_cases, n_bus), each the whole one before they act.

        Cases in which they, or the power flow, come to no end have not converged. ``solver`` gives that of taps moved.
        """
        n = len(kw)
        found = _Found.empty(self, n, kw, kvar, solver)
        found.solve(np.arange(n))
        for level in self.levels:
            rows = np.flatnonzero(found.converged)
            for k in range(MOST_ROUNDS + 1):
                if not len(rows):
                    break
                vm = found.vm_pu()[rows]
                moves = np.zeros(len(rows), dtype=bool)
                for rule in level:
                    moves |= rule.act(vm, found.tap, found.given, rows)
                rows = rows[moves]
                found.solve(rows)
                if k == MOST_ROUNDS:
                    found.converged[rows] = False
                rows = rows[found.converged[rows]]
        return found.flow()


@dataclass(slots=True, eq=False)
class _Found:
    """Where the cases stand: taps (n_cases, n_taps), reactive power given (n_cases, n_inverters) [kvar], results."""

    rounds: Rounds
    kw: FloatArray
    kvar: FloatArray
    solver: Callable[[tuple[tuple[str, float], ...]], Solver]
    tap: FloatArray
    given: FloatArray
    results: FloatArray
    cuts: tuple[int, ...]
    converged: BoolArray
    edge_y: ComplexArray | None

    @classmethod
    def empty(cls, rounds: Rounds, n: int, kw: FloatArray, kvar: FloatArray, solver: Any) -> _Found:
        cuts = cuts_of(rounds.case, n)
        tap, given = np.tile(rounds.tap, (n, 1)), np.tile(rounds.kvar, (n, 1))
        results = np.full(cuts[-1], np.nan)
        return cls(rounds, kw, kvar, solver, tap, given, results, cuts, np.zeros(n, dtype=bool), None)

    def solve(self, rows: IntArray) -> None:
        """Solve these cases anew as the controllers have left them."""
        if not len(rows):
            return
        rounds = self.rounds
        kw, kvar = self.kw[rows], self.kvar[rows]
        np.add.at(kvar.T, rounds.bus, ((self.given[rows] - rounds.kvar) * rounds.share).T)
        states, which = np.unique(self.tap[rows], axis=0, return_inverse=True)
        for k, state in enumerate(states):
            some = np.flatnonzero(which.ravel() == k)
            moved = np.flatnonzero(state != rounds.tap)
            solver = self.solver(tuple((rounds.taps[i], float(state[i])) for i in moved))
            results, _ = solver.run(kw[some].ravel(), kvar[some].ravel(), NO_START, len(some))
            self._keep(rows[some], results)
            if len(moved) and self.edge_y is None:
                self.edge_y = np.repeat(rounds.case.edge_y[None], len(self.tap), axis=0)
            if self.edge_y is not None:
                self.edge_y[rows[some]] = solver.case.edge_y

    def _keep(self, rows: IntArray, results: FloatArray) -> None:
        cuts, n = cuts_of(self.rounds.case, len(rows)), len(self.tap)
        for k in range(len(cuts) - 1):
            part = self.results[self.cuts[k] : self.cuts[k + 1]].reshape(n, -1)
            part[rows] = results[cuts[k] : cuts[k + 1]].reshape(len(rows), -1)
        self.converged[rows] = results[len(results) - len(rows) :] >= 0.0

    def vm_pu(self) -> FloatArray:
        """Return (n_cases, n_bus) voltage magnitudes [p.u.]."""
        return self.results[self.cuts[3] : self.cuts[4]].reshape(len(self.tap), -1)

    def flow(self) -> PowerFlow:
        """Return the results; NaN where a case has none."""
        lost = ~self.converged
        if lost.any():
            for a, b in zip(self.cuts[:-2], self.cuts[1:-1], strict=True):
                self.results[a:b].reshape(len(self.tap), -1)[lost] = np.nan
            self.results[self.cuts[-2] :][lost] = -1.0
            if self.edge_y is not None:
                self.edge_y[lost] = self.rounds.case.edge_y
        return PowerFlow(self.rounds.case, self.results, self.cuts, self.converged, self.edge_y)


def _is_tap(control: Any) -> bool:
    return type(control) is DiscreteTapControl


def _is_curve(control: Any) -> bool:
    """Return whether an inverter follows Q(V) and nothing else: no area, no limit, no profile."""
    return bool(
        type(control) is DERController
        and type(control.q_model) is QModelQVCurve
        and type(control.q_model.qv_curve) is QVCurve
        and control.pqv_area is None
        and "p_series_mw" not in vars(control)
        and np.isnan(np.asarray(control.saturate_sn_mva, dtype=float)).all()
        and (np.asarray(control.sn_mva, dtype=float) > 0.0).all()
    )


def _acts(net: Any, control: Any) -> bool:
    """Return whether a controller has anything to do."""
    if not _is_tap(control):
        return True
    control.initialize_control(net)
    return not control.nothing_to_do(net)


def _taps_of(net: Any, control: Any, place: Mapping[int, int], at: Mapping[tuple[str, int], int]) -> _Taps:
    """Return the rule of a ``DiscreteTapControl``: a tap goes down to raise the voltage, or up, as its side has it."""
    control.initialize_control(net)
    rows = [int(row) for row in np.atleast_1d(control.element_index)]
    table = net[control.element]
    down = np.atleast_1d(control.tap_side_coeff * control.tap_sign == 1)
    return _Taps(
        np.array([at[control.element, row] for row in rows], dtype=np.int64),
        np.array([place[int(table[f"{control.side}_bus"][row])] for row in rows], dtype=np.int64),
        float(control.vm_lower_pu),
        float(control.vm_upper_pu),
        np.array([[float(table[end][row]) for row in rows] for end in ("tap_min", "tap_max")]),
        np.where(np.broadcast_to(down, len(rows)), -1.0, 1.0),
    )


def _curves_of(control: Any, place: Mapping[int, int], at: Mapping[tuple[str, int], int]) -> _Curves:
    rows = [int(row) for row in np.atleast_1d(control.element_index)]
    curve = control.q_model.qv_curve
    return _Curves(
        np.array([at[str(control.element), row] for row in rows], dtype=np.int64),
        np.array([place[int(bus)] for bus in np.atleast_1d(control.bus)], dtype=np.int64),
        1e3 * np.broadcast_to(np.asarray(control.sn_mva, dtype=float), (len(rows),)),
        (np.asarray(curve.vm_points_pu, dtype=float), np.asarray(curve.q_points_pu, dtype=float)),
        float(control.damping_coef),
        1e3 * float(control.max_q_error),
    )
