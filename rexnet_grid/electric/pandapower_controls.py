"""pandapower's own controllers, each in its order and with its own dead band, about our power flow.

A controller of pandapower reads voltages and writes tap positions or powers into the net's tables; between two rounds
of them pandapower converts the net and solves it. Where all that the controllers read is the voltage at buses, and all
that they write is in arrays, the rounds are pandapower's and the power flow between them is ours.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandapower.auxiliary import ControllerNotConverged, LoadflowNotConverged
from pandapower.control import ContinuousTapControl, DiscreteTapControl, run_control
from pandapower.control.controller.DERController import DERController, QModelQVCurve
from pandapower.control.run_control import ctrl_variables_default

from rexnet_grid.electric.case import NOWHERE, PV
from rexnet_grid.electric.edges import with_two_ports
from rexnet_grid.electric.pandapower_control_checks import controller_label, raise_as_issue
from rexnet_grid.electric.pandapower_inverters import Inverters
from rexnet_grid.electric.pandapower_rounds import Rounds
from rexnet_grid.electric.pandapower_tables import POWER_TABLES
from rexnet_grid.electric.solver import Solver
from rexnet_grid.electric.taps import TapHold
from rexnet_grid.electric.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow

TAP_CONTROLS = (DiscreteTapControl, ContinuousTapControl)
MOST_SOLVERS = 256
ROUNDS_WATCHED = 4


class Controls:
    """The controllers of one net.

    Parameters
    ----------
    net
        The pandapower net; it is copied.
    case
        The same as arrays.
    """

    def __init__(self, net: Any, case: GridCase) -> None:
        self._case = case
        self._net = copy.deepcopy(net)
        self._wiring = Wiring(case, case)
        self._solvers: dict[tuple[tuple[str, float], ...], Solver] = {}
        self._objects = list(self._net.controller.object[self._net.controller.in_service.astype(bool)])
        self._states = [dict(vars(control)) for control in self._objects]
        self._order = ctrl_variables_default(self._net)
        written = {control.element for control in self._objects}
        self._taps = {t: self._net[t].tap_pos.copy() for t in written - set(POWER_TABLES)}
        self._powers = {t: self._net[t][["p_mw", "q_mvar"]].astype(float) for t in written & set(POWER_TABLES)}
        at = {int(b): i for i, b in enumerate(case.bus_id)}
        self._bus = {t: np.array([at[int(b)] for b in self._net[t].bus], dtype=np.int64) for t in self._powers}
        on = {t: self._net[t].scaling * self._net[t].in_service * 1e3 * POWER_TABLES[t] for t in self._powers}
        self._to_kw = {t: factor.to_numpy(float)[:, None] for t, factor in on.items()}
        self._inverters = Inverters.of(self._net, case)
        self._given = self._powers

    @staticmethod
    def can(net: Any, case: GridCase) -> bool:
        """Return whether everything that the net's controllers read and write is in the arrays."""
        if (net.get("user_pf_options") or {}).get("enforce_q_lims") and (case.node_kind == PV).any():
            return False
        rows = net.controller[net.controller.in_service.astype(bool)]
        if not rows.initial_run.astype(bool).any():
            return False
        movable = {str(case.branch_name[case.edge_branch[edge]]) for edge in case.tap_edge}
        for control in rows.object:
            if type(control) in TAP_CONTROLS:
                names = {f"{control.element} {index}" for index in np.atleast_1d(control.element_index)}
                if not names <= movable:
                    return False
            elif type(control) is not DERController or control.element not in POWER_TABLES:
                return False
        return True

    def tap_holds(self) -> tuple[TapHold, ...]:
        """Return what the controllers of tap changers keep; one that steers to a value rests within its tolerance."""
        at = {int(b): i for i, b in enumerate(self._case.bus_id)}
        found = []
        for control in self._objects:
            if type(control) not in TAP_CONTROLS:
                continue
            if type(control) is DiscreteTapControl:
                band = (control.vm_lower_pu, control.vm_upper_pu)
            else:
                band = (control.vm_set_pu / (1.0 + control.tol), control.vm_set_pu / (1.0 - control.tol))
            for index in np.atleast_1d(control.element_index):
                bus = int(self._net[control.element].at[index, f"{control.side}_bus"])
                found.append(TapHold(f"{control.element} {index}", at[bus], float(band[0]), float(band[1])))
        return tuple(found)

    def supports(self) -> tuple[IntArray, FloatArray]:
        """Return where inverters follow Q(V), positions of buses, and the most that they give for it [kvar/p.u.]."""
        bus, slope = [], []
        for control in self._objects:
            if type(control) is not DERController or type(control.q_model) is not QModelQVCurve:
                continue
            curve = control.q_model.qv_curve
            step = -np.diff(curve.q_points_pu) / np.maximum(np.diff(curve.vm_points_pu), 1e-9)
            rows = np.atleast_1d(control.element_index)
            place = [int(self._net[control.element].index.get_loc(row)) for row in rows]
            rating = np.broadcast_to(np.asarray(control.sn_mva, dtype=float), (len(rows),))
            bus += [int(b) for b in self._bus[control.element][place]]
            slope += list(float(step.max(initial=0.0)) * rating * self._to_kw[control.element][place, 0])
        return np.array(bus, dtype=np.int64), np.abs(np.array(slope, dtype=np.float64))

    def settle_all(self, kw: FloatArray, kvar: FloatArray) -> PowerFlow | None:
        """Return what the controllers leave of many cases, ``kw`` and ``kvar`` (n_cases, n_bus); None if one by one."""
        return None if self._rounds is None else self._rounds.settled(kw, kvar, self._solver)

    def settle(self, kw: FloatArray, kvar: FloatArray) -> tuple[GridCase, FloatArray] | None:
        """Return the network and the results, as :mod:`kernels` lays them out, that the controllers leave.

        ``kw`` and ``kvar`` (n_bus,) are the whole injection before they act. None where they, or the power flow, come
        to no end.

        Raises
        ------
        InputError
            The injection changes at a bus where it is not clear which inverter gives what of it, or a controller fails,
            as where an inverter's areas of active power and of voltage do not overlap.
        """
        if self._rounds is not None:
            flow = self._rounds.settled(kw[None, :], kvar[None, :], self._solver)
            case = self._case if flow.edge_y is None else with_two_ports(self._case, flow.edge_y[0])
            return (case, flow.results) if np.all(flow.converged) else None
        return self._by_pandapower(kw, kvar)

    def _by_pandapower(self, kw: FloatArray, kvar: FloatArray) -> tuple[GridCase, FloatArray] | None:
        """Return the same by pandapower's own rounds, with tables and controllers as they were left."""
        self._reset(self._inverters.powers(kw - self._case.base_kw, self._case.bus_id))
        found: list[tuple[GridCase, FloatArray]] = []

        def solve(net: Any, **_: Any) -> None:
            case, results = self._solve(kw, kvar, found[-1][1] if found else None)
            found.append((case, results))
            net["res_bus"] = pd.DataFrame({"vm_pu": self._vm_pu(results)}, index=self._case.bus_id)
            net["converged"] = True

        try:
            run_control(self._net, self._order | {"run": solve})
        except (LoadflowNotConverged, ControllerNotConverged):
            return None
        except Exception as error:
            raise_as_issue(self._net, self._case.name, error)
            raise
        return found[-1]

    def unsettled(self, kw: FloatArray, kvar: FloatArray) -> tuple[str, ...]:
        """Return the controllers that go on acting at an injection for which :meth:`settle` finds no end.

        None where they do come to an end, or where it is the power flow that has no solution.
        """
        if self._by_pandapower(kw, kvar) is not None:
            return ()
        acting: set[int] = set()
        try:
            for _ in range(ROUNDS_WATCHED):
                case, results = self._solve(kw, kvar, None)
                self._net["res_bus"] = pd.DataFrame({"vm_pu": self._vm_pu(results)}, index=case.bus_id)
                for k, control in enumerate(self._objects):
                    if not control.is_converged(self._net):
                        acting.add(k)
                        control.control_step(self._net)
        except LoadflowNotConverged:
            return ()
        rows = self._net.controller.index[self._net.controller.in_service.astype(bool)]
        return tuple(controller_label(rows[k], self._objects[k]) for k in sorted(acting))

    def _reset(self, inverter_mw: FloatArray) -> None:
        """Bring tables and controllers back to where the net has them, with what this injection's inverters give."""
        for table, positions in self._taps.items():
            self._net[table]["tap_pos"] = positions
        self._given = {table: powers.copy() for table, powers in self._powers.items()}
        if len(inverter_mw):
            self._given["sgen"].loc[self._inverters.row, "p_mw"] = inverter_mw
        for table, powers in self._given.items():
            self._net[table][["p_mw", "q_mvar"]] = powers
        for control, state in zip(self._objects, self._states, strict=True):
            vars(control).clear()
            vars(control).update({key: copy.copy(value) for key, value in state.items()})

    def _solve(self, kw: FloatArray, kvar: FloatArray, before: FloatArray | None) -> tuple[GridCase, FloatArray]:
        """Solve with the tables as they are now; ``before`` are results to start from."""
        solver = self._solver(self._moved())
        kw, kvar = kw.copy(), kvar.copy()
        for table, before_they_act in self._given.items():
            power = self._net[table][["p_mw", "q_mvar"]].to_numpy(float)
            change = (power - before_they_act.to_numpy(float)) * self._to_kw[table]
            np.add.at(kw, self._bus[table], change[:, 0])
            np.add.at(kvar, self._bus[table], change[:, 1])
        first: ComplexArray = np.zeros(0, dtype=np.complex128)
        if before is not None:
            first = before[: 2 * self._case.n_node].view(np.complex128)
        results, lost = solver.run(kw, kvar, first, 1)
        if lost:
            raise LoadflowNotConverged
        return solver.case, results

    @cached_property
    def _rounds(self) -> Rounds | None:
        """The controllers as rules on arrays; None where pandapower's own have to act case by case."""
        if len(self._inverters.row) or len(self._inverters.unclear):
            return None
        self._reset(np.zeros(0))
        return Rounds.of(self._net, self._case, self._order["controller_order"], self._to_kw)

    def _moved(self) -> tuple[tuple[str, float], ...]:
        """Return the taps that stand elsewhere than the net has them."""
        return tuple(
            (f"{table} {index}", float(position))
            for table, positions in self._taps.items()
            for index, position in self._net[table].tap_pos[self._net[table].tap_pos != positions].items()
        )

    def _solver(self, moved: tuple[tuple[str, float], ...]) -> Solver:
        """Return the solver for taps moved there."""
        if moved not in self._solvers:
            if len(self._solvers) >= MOST_SOLVERS:
                self._solvers.clear()
            self._solvers[moved] = Solver(*self._wiring.state((), (), dict(moved), constant_power=False))
        return self._solvers[moved]

    def _vm_pu(self, results: FloatArray) -> FloatArray:
        node = self._case.bus_node
        voltage = np.abs(results[: 2 * self._case.n_node].view(np.complex128))
        return np.where(node == NOWHERE, np.nan, voltage[node])


def with_tap_controls(net: Any, elements: Collection[str]) -> Any:
    """Return the net with no other controllers than those of these transformers' taps."""
    left = copy.deepcopy(net)
    kept = [
        index
        for index, control in left.controller.object.items()
        if type(control) in TAP_CONTROLS
        and {f"{control.element} {i}" for i in np.atleast_1d(control.element_index)} <= set(elements)
    ]
    left.controller = left.controller.loc[kept]
    return left
