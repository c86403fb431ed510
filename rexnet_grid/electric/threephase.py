"""Unbalanced three-phase power flow for studies with participants on phases, through power-grid-model.

power-grid-model (Alliander, MPL-2.0) solves the full phase-coordinate equations; it comes with the extra
``threephase``. This module turns a pandapower net into its input and its output into arrays aligned as everywhere else.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE, FloatArray, GridCase
from rexnet_grid.electric.injections import as_numbers, in_phase_order
from rexnet_grid.electric.labels import Labelled
from rexnet_grid.electric.origin import Origin
from rexnet_grid.electric.pandapower_tables import base_by_phase, trafo_rating
from rexnet_grid.electric.threephase_checks import live_rows, phase_issues
from rexnet_grid.electric.threephase_input import input_of, load_shares
from rexnet_grid.electric.threephase_solver import PhaseSolver
from rexnet_grid.errors import InputError, Issue, MissingExtraError, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    origin
        That net before changes, and the changes.

    Raises
    ------
    MissingExtraError
        power-grid-model is not installed.
    NetworkDataError
        Zero-sequence data is missing, or rows hold what this path does not take; all of them at once.
    """

    def __init__(self, case: GridCase, net: Any, origin: Origin | None = None) -> None:
        try:
            import power_grid_model as pgm
        except ImportError as error:
            raise MissingExtraError("power_grid_model", "threephase") from error
        if issues := phase_issues(case, net):
            raise NetworkDataError(issues)
        self.case = case
        self._origin = Origin(case, lambda: net) if origin is None else origin
        self._base = base_by_phase(net, case.bus_id)
        self._alive = np.flatnonzero(case.bus_node != NOWHERE)
        made = input_of(pgm, case, net)
        self._made, self._solver = made, PhaseSolver(pgm, made, float(net.f_hz))
        self._trafo_nodes, self._percent_per_ka = np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2))
        if "transformer" in made.data:
            table = made.data["transformer"]
            self._trafo_nodes = np.column_stack([table[f"{end}_node"] for end in ("from", "to")])
            self._percent_per_ka = trafo_rating(live_rows(case, net, "trafo"))[1]
        share = load_shares(case)[:, case.bus_node[self._alive]]
        self._shares = share[..., 0, None], share[..., 1, None]

    @classmethod
    def from_pandapower(
        cls, net: Any, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ThreePhaseNetwork:
        """Take a pandapower net; it is copied, not changed. Options as of the balanced network."""
        from rexnet_grid.electric.pandapower_nets import build_case, with_options

        net = copy.deepcopy(with_options(net, supply_vm_pu, tap_pos))
        return cls(build_case(net), net)

    @classmethod
    def from_builtin(
        cls, name: str, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ThreePhaseNetwork:
        """Take a built-in network by name, such as ``"ieee_european_lv"``.

        Raises
        ------
        NetworkDataError
            There is no network of that name, or it lacks what a study by phase needs.
        """
        from rexnet_grid.electric.catalogue import builtin_pandapower_net

        return cls.from_pandapower(builtin_pandapower_net(name), supply_vm_pu=supply_vm_pu, tap_pos=tap_pos)

    @classmethod
    def from_file(
        cls, path: str | Path, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ThreePhaseNetwork:
        """Read a pandapower net from ``.json`` or ``.xlsx``, as the balanced network does."""
        from rexnet_grid.electric.files import read_net

        net = read_net(path)
        net["name"] = net.get("name") or Path(path).name
        return cls.from_pandapower(net, supply_vm_pu=supply_vm_pu, tap_pos=tap_pos)

    def changed(
        self, out: Sequence[str] = (), taps: Mapping[str, float] | None = None, closed: Sequence[str] = ()
    ) -> ThreePhaseNetwork:
        """Return the network with branches out, switches open or closed and taps moved, made anew from its tables.

        Parameters
        ----------
        out
            Names of branches to disconnect at both ends, such as ``"line 3"``, and of closed switches to open, such as
            ``"switch 5"``.
        taps
            Tap position by transformer name.
        closed
            Names of open switches to close, and of branches out of service, or out by an earlier change, to bring back.

        Raises
        ------
        InputError
            Names that are no list of names.
        NetworkDataError
            An unknown branch, switch or tap position, or what comes in is not taken by phase.
        """
        origin = self._origin.then(out, {} if taps is None else taps, closed)
        net = origin.net()
        return ThreePhaseNetwork(origin.converted(net), net, origin)

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
        p, q = (power if power.ndim == 3 else power[None] for power in (kw, kvar))
        step = self._solver.at_once
        parts = [self._solve(p[k : k + step], q[k : k + step]) for k in range(0, max(1, len(p)), step)]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        if kw.ndim == 3:
            return ThreePhaseFlow(*columns)
        vm, va, loading, loss, given, solved = (column[0] for column in columns)
        return ThreePhaseFlow(vm, va, loading, float(loss), float(given), converged=bool(solved))

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

    def _solve(self, kw: FloatArray, kvar: FloatArray) -> tuple[NDArray[Any], ...]:
        """Return what a flow holds, in its order, with a leading axis of cases."""
        n_cases, n_bus = len(kw), self.case.n_bus
        watt, var = (
            (share * (-1e3 * power[:, None, self._alive])).reshape(n_cases, len(share) * len(self._alive), PHASES)
            for power, share in zip((kw, kvar), self._shares, strict=True)
        )
        out, solved = self._solver.solve(watt, var)
        if not solved.all():
            out = {component: table[solved] for component, table in out.items()}
        node, at = out["node"], self.case.bus_node[self._alive]
        vm, va = (np.full((len(node), n_bus, PHASES), np.nan) for _ in range(2))
        vm[:, self._alive], va[:, self._alive] = node["u_pu"][:, at], np.degrees(node["u_angle"][:, at])
        loading = np.tile(self.case.branch_idle, (len(node), 1))
        for component, ids in self._made.branch_ids.items():
            loading[:, ids] = self._loading(component, out[component][:, : len(ids)], node)
        found = (vm, va, loading, *self._balance(out))
        if solved.all():
            return (*found, solved)
        whole = tuple(np.full((n_cases, *values.shape[1:]), np.nan) for values in found)
        for values, part in zip(whole, found, strict=True):
            values[solved] = part
        return (*whole, solved)

    def _balance(self, out: dict[str, NDArray[Any]]) -> tuple[FloatArray, FloatArray]:
        """Return losses, those of cores among them, and what the external grids give at their buses [kW]."""
        loss, feeding = np.zeros(len(out["node"])), self._made.feeding
        for component, rows in (("line", self._made.lossy_lines), ("transformer", None)):
            if component in out:
                loss += (out[component]["p_from"] + out[component]["p_to"])[:, :rows].sum(axis=(1, 2))
        if "shunt" in out:
            loss += out["shunt"]["p"].sum(axis=(1, 2))
        weak = feeding.line != NOWHERE
        given = out["source"]["p"][:, ~weak].sum(axis=(1, 2))
        if weak.any():
            given -= out["line"]["p_to"][:, feeding.line[weak]].sum(axis=(1, 2))
        return loss / 1e3, given / 1e3

    def _loading(self, component: str, flow: NDArray[Any], node: NDArray[Any]) -> FloatArray:
        """Return the loading by the largest current of a phase [%], of transformers at either side.

        A terminal carries what the magnetising branch at it takes, too: I = conj(S / U) + Y1 U + (Y0 - Y1) (Ua + Ub +
        Uc) / 3.
        """
        if component == "line":
            return np.asarray(100.0 * flow["loading"])
        ampere = np.empty((*flow.shape, 2))
        for side, end in enumerate(("from", "to")):
            at = node[:, self._trafo_nodes[:, side]]
            volt = at["u"] * np.exp(1j * at["u_angle"])
            power = flow[f"p_{end}"] + 1j * flow[f"q_{end}"]
            through = np.conj(np.divide(power, volt, out=np.zeros_like(power), where=volt != 0.0))
            along, zero = self._made.core_siemens[:, side].T
            iron = along[:, None] * volt + ((zero - along) * volt.mean(axis=-1))[..., None]
            ampere[..., side] = np.abs(through + iron).max(axis=-1)
        return np.asarray((ampere / 1e3 * self._percent_per_ka).max(axis=-1))
