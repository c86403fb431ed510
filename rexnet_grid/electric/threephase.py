"""Unbalanced three-phase power flow for studies with participants on phases, through power-grid-model.

power-grid-model (Alliander, MPL-2.0) solves the full phase-coordinate equations; it comes with the extra
``threephase``. This module turns a pandapower net into its input and its output into arrays aligned as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE, FloatArray, GridCase
from rexnet_grid.electric.labels import Labelled
from rexnet_grid.electric.pandapower_tables import base_by_phase
from rexnet_grid.errors import InputError, Issue, MissingExtraError, NetworkDataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PHASES = 3
STIFF_VA = 1e20
WINDINGS = {"Y": 0, "YN": 1, "D": 2, "Z": 3, "ZN": 4}
UNSUPPORTED = ("gen", "shunt", "ward", "xward", "trafo3w", "impedance", "dcline", "motor")


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
        Losses in lines and transformers [kW].
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
        Zero-sequence data is missing, or the net has elements that this path does not take.
    """

    def __init__(self, case: GridCase, net: Any) -> None:
        try:
            import power_grid_model as pgm
        except ImportError as error:
            raise MissingExtraError("power_grid_model", "threephase") from error
        _check(case, net)
        self.case = case
        self._base = base_by_phase(net, case.bus_id)
        self._pgm = pgm
        self._alive = np.flatnonzero(case.bus_node != NOWHERE)
        data, self._branch_ids = _input_of(pgm, case, net)
        self._load_ids = data["asym_load"]["id"]
        self._model = pgm.PowerGridModel(data, system_frequency=float(net.f_hz))

    @classmethod
    def from_pandapower(cls, net: Any) -> ThreePhaseNetwork:
        """Take a pandapower net; it is not changed."""
        from rexnet_grid.electric.pandapower_nets import build_case

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

        return cls.from_pandapower(read_net(path))

    def base_injection(self) -> tuple[FloatArray, FloatArray]:
        """Return the injection (n_bus, 3) [kW], [kvar] by phase that the net's tables hold."""
        return self._base[0].copy(), self._base[1].copy()

    def power_flow(self, injection_kw: Any, injection_kvar: Any = None) -> ThreePhaseFlow:
        """Solve for injections by phase.

        Parameters
        ----------
        injection_kw, injection_kvar
            (n_bus, 3) or (n_cases, n_bus, 3) the whole injection by phase, positive into the network.

        Raises
        ------
        InputError
            NaN, infinite or misshapen injections.
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
        array = np.asarray(values, dtype=np.float64)
        if array.ndim not in {2, 3} or array.shape[-2:] != (self.case.n_bus, PHASES):
            wanted = f"shape ({self.case.n_bus}, 3) or (n_cases, {self.case.n_bus}, 3)"
            raise InputError([Issue(self.case.name, key, f"shape {array.shape}", wanted)])
        if not np.isfinite(array).all():
            raise InputError([Issue(self.case.name, key, "NaN or infinite", "finite numbers")])
        return array

    def _solve(self, kw: FloatArray, kvar: FloatArray) -> ThreePhaseFlow:
        update = self._pgm.initialize_array("update", "asym_load", len(self._load_ids))
        update["id"] = self._load_ids
        update["p_specified"], update["q_specified"] = -1e3 * kw[self._alive], -1e3 * kvar[self._alive]
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
        loading, loss = np.zeros(n_branch), 0.0
        for component, ids in self._branch_ids.items():
            loading[ids] = 100.0 * out[component]["loading"]
            loss += float((out[component]["p_from"] + out[component]["p_to"]).sum()) / 1e3
        given = float(out["source"]["p"].sum()) / 1e3
        return ThreePhaseFlow(vm, va, loading, loss, given, converged=True)

    def _errors(self) -> tuple[type[Exception], ...]:
        from power_grid_model.errors import PowerGridError

        return (PowerGridError,)


def _check(case: GridCase, net: Any) -> None:
    issues = [
        Issue(case.name, "line", f"column {column} missing", "zero-sequence data of every line")
        for column in ("r0_ohm_per_km", "x0_ohm_per_km", "c0_nf_per_km")
        if len(net.line) and (column not in net.line or bool(net.line[column].isna().any()))
    ]
    issues += [
        Issue(case.name, table, f"{len(net[table])} rows", "none in a three-phase study")
        for table in UNSUPPORTED
        if len(net[table])
    ]
    if len(net.trafo) and ("vector_group" not in net.trafo or bool(net.trafo.vector_group.isna().any())):
        issues.append(Issue(case.name, "trafo", "column vector_group missing", "a vector group such as Dyn"))
    if issues:
        raise NetworkDataError(issues)


def _input_of(pgm: Any, case: GridCase, net: Any) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]:
    """Return power-grid-model's input and, by component, the branch of each of its rows."""
    at = dict(zip(case.bus_id.tolist(), case.bus_node.tolist(), strict=True))
    alive = np.flatnonzero(case.bus_node != NOWHERE)
    node = pgm.initialize_array("input", "node", case.n_node)
    node["id"] = np.arange(case.n_node)
    node["u_rated"] = 400.0
    node["u_rated"][case.bus_node[alive]] = 1e3 * case.bus_kv[alive]
    opened = {(str(s.et), int(s.element), int(s.bus)) for s in net.switch.itertuples() if not s.closed}
    lines, line_branch = _lines(pgm, net, at, opened, case.n_node)
    trafos, trafo_branch = _trafos(pgm, net, at, opened, case.n_node + len(lines))
    sources = _sources(pgm, net, at, case.n_node + len(lines) + len(trafos))
    load = pgm.initialize_array("input", "asym_load", len(alive))
    load["id"] = case.n_node + len(lines) + len(trafos) + len(sources) + np.arange(len(alive))
    load["node"], load["status"], load["type"] = case.bus_node[alive], 1, 0
    load["p_specified"] = load["q_specified"] = 0.0
    data = {"node": node, "line": lines, "transformer": trafos, "source": sources, "asym_load": load}
    known = {str(name): k for k, name in enumerate(case.branch_name)}
    ids = {
        "line": np.array([known[f"line {i}"] for i in line_branch], dtype=np.int64),
        "transformer": np.array([known[f"trafo {i}"] for i in trafo_branch], dtype=np.int64),
    }
    return {k: v for k, v in data.items() if len(v)}, {k: v for k, v in ids.items() if len(v)}


def _lines(
    pgm: Any, net: Any, at: dict[int, int], opened: set[tuple[str, int, int]], first: int
) -> tuple[Any, list[int]]:
    frame = net.line[net.line.in_service.astype(bool)]
    frame = frame[
        [at[int(f)] != NOWHERE and at[int(t)] != NOWHERE for f, t in zip(frame.from_bus, frame.to_bus, strict=True)]
    ]
    table = pgm.initialize_array("input", "line", len(frame))
    km, parallel = frame.length_km.to_numpy(float), frame.parallel.to_numpy(float)
    table["id"] = first + np.arange(len(frame))
    for end in ("from", "to"):
        buses = frame[f"{end}_bus"]
        table[f"{end}_node"] = [at[int(b)] for b in buses]
        table[f"{end}_status"] = [("l", int(i), int(b)) not in opened for i, b in buses.items()]
    for key, column in (
        ("r1", "r_ohm_per_km"),
        ("x1", "x_ohm_per_km"),
        ("r0", "r0_ohm_per_km"),
        ("x0", "x0_ohm_per_km"),
    ):
        table[key] = frame[column].to_numpy(float) * km / parallel
    for key, column in (("c1", "c_nf_per_km"), ("c0", "c0_nf_per_km")):
        table[key] = 1e-9 * frame[column].to_numpy(float) * km * parallel
    table["tan1"] = table["tan0"] = 0.0
    table["i_n"] = 1e3 * frame.max_i_ka.to_numpy(float) * frame.df.to_numpy(float) * parallel
    return table, [int(i) for i in frame.index]


def _trafos(
    pgm: Any, net: Any, at: dict[int, int], opened: set[tuple[str, int, int]], first: int
) -> tuple[Any, list[int]]:
    frame = net.trafo[net.trafo.in_service.astype(bool)]
    table = pgm.initialize_array("input", "transformer", len(frame))
    table["id"] = first + np.arange(len(frame))
    va = 1e6 * frame.sn_mva.to_numpy(float) * frame.parallel.to_numpy(float)
    for end, side, letter in (("from", "hv", 0), ("to", "lv", 1)):
        buses = frame[f"{side}_bus"]
        table[f"{end}_node"] = [at[int(b)] for b in buses]
        table[f"{end}_status"] = [("t", int(i), int(b)) not in opened for i, b in buses.items()]
        table[f"winding_{end}"] = [WINDINGS[_split(str(group))[letter]] for group in frame.vector_group]
        table[f"u{1 + letter}"] = 1e3 * frame[f"vn_{side}_kv"].to_numpy(float)
    table["sn"] = va
    table["uk"] = frame.vk_percent.to_numpy(float) / 100.0
    table["pk"] = frame.vkr_percent.to_numpy(float) / 100.0 * va
    table["p0"] = 1e3 * frame.pfe_kw.to_numpy(float) * frame.parallel.to_numpy(float)
    table["i0"] = np.maximum(frame.i0_percent.to_numpy(float) / 100.0, table["p0"] / va)
    table["clock"] = np.round(frame.shift_degree.to_numpy(float) / 30.0).astype(int) % 12
    table["tap_side"] = np.where(frame.tap_side.to_numpy() == "lv", 1, 0)
    for key, column in (
        ("tap_pos", "tap_pos"),
        ("tap_min", "tap_min"),
        ("tap_max", "tap_max"),
        ("tap_nom", "tap_neutral"),
    ):
        table[key] = np.nan_to_num(frame[column].to_numpy(float)).astype(int)
    rated = np.where(frame.tap_side.to_numpy() == "lv", table["u2"], table["u1"])
    table["tap_size"] = np.nan_to_num(frame.tap_step_percent.to_numpy(float)) / 100.0 * rated
    return table, [int(i) for i in frame.index]


def _sources(pgm: Any, net: Any, at: dict[int, int], first: int) -> Any:
    frame = net.ext_grid[net.ext_grid.in_service.astype(bool)]
    table = pgm.initialize_array("input", "source", len(frame))
    table["id"], table["status"] = first + np.arange(len(frame)), 1
    table["node"] = [at[int(b)] for b in frame.bus]
    table["u_ref"] = frame.vm_pu.to_numpy(float)
    table["u_ref_angle"] = np.radians(frame.va_degree.to_numpy(float))
    for key, column, scale, default in (
        ("sk", "s_sc_max_mva", 1e6, STIFF_VA),
        ("rx_ratio", "rx_max", 1.0, 0.1),
        ("z01_ratio", "x0x_max", 1.0, 1.0),
    ):
        given = frame[column].to_numpy(float) * scale if column in frame else np.full(len(frame), default)
        table[key] = np.where(np.isfinite(given), given, default)
    return table


def _split(group: str) -> tuple[str, str]:
    """Return both windings of a vector group: ``"Dyn"`` and ``"Dyn5"`` are ("D", "YN")."""
    letters = group.strip().rstrip("0123456789")
    cut = 2 if letters[1:2] in {"N", "n"} and letters[:2].isupper() else 1
    pair = letters[:cut].upper(), letters[cut:].upper()
    if pair[0] not in WINDINGS or pair[1] not in WINDINGS:
        raise NetworkDataError([Issue("trafo", "vector_group", group, "a vector group such as Dyn or YNyn")])
    return pair
