"""Unbalanced three-phase power flow for studies with participants on phases, through power-grid-model.

power-grid-model (Alliander, MPL-2.0) solves the full phase-coordinate equations; it comes with the extra
``threephase``. This module turns a pandapower net into its input and its output into arrays aligned as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE, FloatArray, GridCase
from rexnet_grid.electric.injections import as_numbers, in_phase_order
from rexnet_grid.electric.labels import Labelled
from rexnet_grid.electric.pandapower_tables import base_by_phase, trafo_rating
from rexnet_grid.electric.threephase_checks import live_rows, phase_issues
from rexnet_grid.electric.threephase_input import input_of, load_shares
from rexnet_grid.errors import InputError, Issue, MissingExtraError, NetworkDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PHASES = 3


@dataclass(frozen=True, slots=True, eq=False)
class ThreePhaseFlow:
    """One three-phase power flow, or many with a leading axis of cases; NaN in every case without a solution.

    Attributes
    ----------
    vm_pu, va_degree
        (…, n_bus, 3) phase-to-ground voltages, of the rated phase voltage [p.u.], and their angles [deg].
    loading_percent
        (…, n_branch) of the phase that carries most [%].
    loss_kw
        Losses in lines, transformers and switches with an impedance [kW].
    grid_import_kw
        What the external grids give [kW].
    converged
        Whether a solution was found.
    """

    vm_pu: FloatArray
    va_degree: FloatArray
    loading_percent: FloatArray
    loss_kw: FloatArray | float
    grid_import_kw: FloatArray | float
    converged: NDArray[np.bool_] | bool


class ThreePhaseNetwork(Labelled):
    """An electric network solved by phase; lines need their zero-sequence data.

    Balanced injections give the balanced solution. What the equations by phase cannot hold is refused by row.

    Parameters
    ----------
    case
        The network as arrays, for the order of buses and branches and for joined buses.
    net
        The pandapower net it was made from.

    Raises
    ------
    MissingExtraError
        power-grid-model is not installed.
    NetworkDataError
        Zero-sequence data is missing, or rows hold what this path does not take; all of them at once.
    """

    def __init__(self, case: GridCase, net: Any) -> None:
        try:
            import power_grid_model as pgm
        except ImportError as error:
            raise MissingExtraError("power_grid_model", "threephase") from error
        if issues := phase_issues(case, net):
            raise NetworkDataError(issues)
        self.case = case
        self._base = base_by_phase(net, case.bus_id)
        self._pgm = pgm
        self._alive = np.flatnonzero(case.bus_node != NOWHERE)
        made = input_of(pgm, case, net)
        data, self._branch_ids, self._core_siemens = made.data, made.branch_ids, made.core_siemens
        self._trafo_nodes = np.zeros((0, 2), dtype=np.int64)
        if "transformer" in data:
            self._trafo_nodes = np.column_stack([data["transformer"][f"{end}_node"] for end in ("from", "to")])
        self._percent_per_ka = (
            trafo_rating(live_rows(case, net, "trafo"))[1] if "transformer" in data else np.zeros((0, 2))
        )
        self._load_ids = data["asym_load"]["id"]
        share = load_shares(case)[:, case.bus_node[self._alive]]
        self._shares = share[..., 0].reshape(-1, 1), share[..., 1].reshape(-1, 1)
        self._model = pgm.PowerGridModel(data, system_frequency=float(net.f_hz))

    @classmethod
    def from_pandapower(cls, net: Any) -> ThreePhaseNetwork:
        """Take a pandapower net; it is not changed."""
        from rexnet_grid.electric.pandapower_nets import build_case, with_options

        net = with_options(net, None, None)
        return cls(build_case(net), net)

    @classmethod
    def from_builtin(cls, name: str) -> ThreePhaseNetwork:
        """Take a built-in network by name, such as ``"ieee_european_lv"``.

        Raises
        ------
        NetworkDataError
            There is no network of that name, or it lacks what a study by phase needs.
        """
        from rexnet_grid.electric.catalogue import builtin_pandapower_net

        return cls.from_pandapower(builtin_pandapower_net(name))

    @classmethod
    def from_file(cls, path: str | Path) -> ThreePhaseNetwork:
        """Read a pandapower net from ``.json`` or ``.xlsx``, as the balanced network does."""
        from rexnet_grid.electric.files import read_net

        net = read_net(path)
        net["name"] = net.get("name") or Path(path).name
        return cls.from_pandapower(net)

    def base_injection(self) -> tuple[FloatArray, FloatArray]:
        """Return the injection (n_bus, 3) [kW], [kvar] by phase that the net's tables hold."""
        return self._base[0].copy(), self._base[1].copy()

    def power_flow(self, injection_kw: Any, injection_kvar: Any = None) -> ThreePhaseFlow:
        """Solve for injections by phase.

        Parameters
        ----------
        injection_kw, injection_kvar
            (n_bus, 3) or (n_cases, n_bus, 3) the whole injection by phase, positive into the network. The rows of a
            DataFrame name every bus once and its columns the phases a, b and c, both in any order; a list holds one a
            case.

        Raises
        ------
        InputError
            NaN, infinite or misshapen injections, labels that are not the buses or the phases.
        """
        kw = self._checked(injection_kw, "injection_kw")
        kvar = np.zeros(kw.shape) if injection_kvar is None else self._checked(injection_kvar, "injection_kvar")
        if kvar.shape != kw.shape:
            raise InputError([Issue(self.case.name, "injection_kvar", f"shape {kvar.shape}", f"shape {kw.shape}")])
        shape = (-1, self.case.n_bus, PHASES)
        flows = [self._solve(p, q) for p, q in zip(kw.reshape(shape), kvar.reshape(shape), strict=True)]
        if kw.ndim == 2:
            return flows[0]
        keys = ("vm_pu", "va_degree", "loading_percent", "loss_kw", "grid_import_kw", "converged")
        return ThreePhaseFlow(*(np.array([getattr(flow, key) for flow in flows]) for key in keys))

    def _checked(self, values: Any, key: str) -> FloatArray:
        array = as_numbers(self.name, in_phase_order(self.name, values, key, self.buses), key)
        if array.ndim not in {2, 3} or array.shape[-2:] != (self.case.n_bus, PHASES):
            wanted = f"shape ({self.case.n_bus}, 3) or (n_cases, {self.case.n_bus}, 3)"
            raise InputError([Issue(self.name, key, f"shape {array.shape}", wanted)])
        odd = np.argwhere(~np.isfinite(array))
        if len(odd):
            where = f"{key} at bus {self.case.bus_id[odd[0][-2]]}, phase {'abc'[odd[0][-1]]}"
            got = str(array[tuple(odd[0])])
            raise InputError([Issue(self.name, where, got, "finite numbers", f"{len(odd)} such")])
        return array

    def _solve(self, kw: FloatArray, kvar: FloatArray) -> ThreePhaseFlow:
        update = self._pgm.initialize_array("update", "asym_load", len(self._load_ids))
        update["id"] = self._load_ids
        for key, power, share in zip(("p_specified", "q_specified"), (kw, kvar), self._shares, strict=True):
            update[key] = share * np.tile(-1e3 * power[self._alive], (len(share) // len(self._alive), 1))
        n_bus, n_branch = self.case.n_bus, len(self.case.branch_name)
        try:
            self._model.update(update_data={"asym_load": update})
            out = self._model.calculate_power_flow(symmetric=False, error_tolerance=1e-9, max_iterations=50)
        except self._errors() as _:
            nothing = np.full((n_bus, PHASES), np.nan)
            return ThreePhaseFlow(nothing, nothing.copy(), np.full(n_branch, np.nan), np.nan, np.nan, converged=False)
        vm, va = np.full((n_bus, PHASES), np.nan), np.full((n_bus, PHASES), np.nan)
        node = self.case.bus_node[self._alive]
        vm[self._alive], va[self._alive] = out["node"]["u_pu"][node], np.degrees(out["node"]["u_angle"][node])
        loading, loss = self.case.branch_idle.copy(), 0.0
        for component, ids in self._branch_ids.items():
            loading[ids] = self._loading(component, out[component][: len(ids)], out["node"])
            loss += float((out[component]["p_from"] + out[component]["p_to"]).sum()) / 1e3
        if "shunt" in out:
            loss += float(out["shunt"]["p"].sum()) / 1e3
        given = float(out["source"]["p"].sum()) / 1e3
        return ThreePhaseFlow(vm, va, loading, loss, given, converged=True)

    def _loading(self, component: str, flow: Any, node: Any) -> FloatArray:
        """Return the loading by the largest current of a phase [%], of transformers at either side.

        A terminal carries what the magnetising branch at it takes, too: I = conj(S / U) + Y1 U + (Y0 - Y1) (Ua + Ub +
        Uc) / 3.
        """
        if component == "line":
            return np.asarray(100.0 * flow["loading"])
        ampere = np.empty((len(flow), 2))
        for side, end in enumerate(("from", "to")):
            at = node[self._trafo_nodes[:, side]]
            volt = at["u"] * np.exp(1j * at["u_angle"])
            through = np.conj((flow[f"p_{end}"] + 1j * flow[f"q_{end}"]) / volt)
            along, zero = self._core_siemens[:, side].T
            iron = along[:, None] * volt + ((zero - along) * volt.mean(axis=1))[:, None]
            ampere[:, side] = np.abs(through + iron).max(axis=1)
        return np.asarray((ampere / 1e3 * self._percent_per_ka).max(axis=1))

    def _errors(self) -> tuple[type[Exception], ...]:
        from power_grid_model.errors import PowerGridError

        return (PowerGridError,)
