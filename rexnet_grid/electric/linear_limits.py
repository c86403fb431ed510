"""The limits of a network as linear rows in the injections, conservative on the way to the limit.

With the slack voltages given, node voltages are linear in node currents, V = W + Z I, and so are the currents in the
branches. The only nonlinear step is I = conj(S / V). The rows use the voltage that holds when the limit is reached
instead of V, so that they are exact there for a load at the limiting bus and conservative before: the lower the
voltage, the more current a given power draws. See ``docs/electric-headroom.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import PQ, ComplexArray, FloatArray, GridCase

if TYPE_CHECKING:
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.solver import Solver


UNMEASURED = 3
JOINED = ("consuming", "injecting", "bound", "column", "index", "sense", "demand")


@dataclass(frozen=True, slots=True, eq=False)
class NodeModel:
    """V = W + Z I about held slack and generator voltages.

    Attributes
    ----------
    idle
        (n_node,) W, voltages without injections [p.u.].
    z
        (n_node, n_node) Z; zero rows and columns at held nodes [p.u.].
    loaded_angle
        (n_node,) unit phasors of the voltages when demand everywhere has brought the network to its limit.
    """

    idle: ComplexArray
    z: ComplexArray
    loaded_angle: ComplexArray

    @classmethod
    def of(cls, case: GridCase, solver: Solver, limits: ElectricLimits) -> NodeModel:
        """Invert the reduced admittances of ``case``."""
        free = np.flatnonzero(case.node_kind == PQ)
        held = np.flatnonzero(case.node_kind != PQ)
        idle = case.node_start.copy()
        z = np.zeros((case.n_node, case.n_node), dtype=complex)
        if len(free):
            y = solver.admittance
            factor = splu(csc_matrix(y[free][:, free]))
            z[np.ix_(free, free)] = factor.solve(np.eye(len(free), dtype=complex))
            idle[free] = factor.solve(np.asarray(-y[free][:, held] @ case.node_start[held]).ravel())
            idle[free] += z[np.ix_(free, free)] @ np.conj(case.node_fixed[free] / idle[free])
        return cls(idle, z, _loaded_angle(case, solver, limits, idle))


def _loaded_angle(case: GridCase, solver: Solver, limits: ElectricLimits, idle: ComplexArray) -> ComplexArray:
    """Return the phasors of the voltages where uniform demand first meets the lower voltage or a thermal limit."""
    node = np.unique(case.bus_node[case.bus_node >= 0])
    pattern = np.zeros(case.n_node, dtype=complex)
    pattern[node] = -(1.0 + 1j * limits.tan_phi)
    pattern[case.node_kind != PQ] = 0.0
    kw = max(float(np.abs(case.base_kw).sum()), 1.0) / len(node)
    angle = idle / np.abs(idle)
    low, high = 0.0, 64.0
    for _ in range(12):
        share = 0.5 * (low + high) if low > 0.0 else high / 4.0
        voltage, converged = solver.solve((pattern * share * kw / (1e3 * case.base_mva) + case.node_fixed)[None, :])
        if converged[0] and _within(case, limits, voltage[0]):
            low, angle = share, voltage[0] / np.abs(voltage[0])
        else:
            high = share
    return angle


def _within(case: GridCase, limits: ElectricLimits, v: ComplexArray) -> bool:
    if float(np.abs(v[case.node_kind == PQ]).min(initial=1.0)) < limits.vm_min_pu:
        return False
    y, f, t = case.edge_y, case.edge_from, case.edge_to
    percent = np.abs(y[:, 0] * v[f] + y[:, 1] * v[t]) * case.edge_scale[:, 0]
    return bool(np.max(percent[np.isfinite(percent)], initial=0.0) <= limits.loading_percent)


@dataclass(frozen=True, eq=False)
class LimitRows:
    """Rows ``used(injections) <= bound``, where used = consuming @ min(p, 0) + injecting @ max(p, 0) [per kW].

    Attributes
    ----------
    names
        (n_rows,) such as ``"bus 12 undervoltage"``, ``"trafo 0 loading"``.
    consuming, injecting
        (n_rows, n_columns) change of the limited quantity per injection below and above zero.
    bound
        (n_rows,) what is left of the limit without injections, margin taken off.
    column, index, sense
        (n_rows,) which measured quantity a row limits: 0 voltage of node ``index`` (sense -1 lower, +1 upper bound),
        1 loading of branch ``index``, 2 import (+1) or export (-1), 3 nothing measured.
    demand
        (n_rows,) whether consumption brings it nearer to its bound.
    """

    names: tuple[str, ...]
    consuming: FloatArray
    injecting: FloatArray
    bound: FloatArray
    column: np.ndarray
    index: np.ndarray
    sense: np.ndarray
    demand: np.ndarray

    @cached_property
    def group(self) -> np.ndarray:
        """(n_rows,) a number that rows of the same limit in different directions share."""
        return np.unique(np.array(self.names), return_inverse=True)[1].astype(np.int64)

    def take(self, which: np.ndarray) -> LimitRows:
        """Return some of the rows."""
        return LimitRows(tuple(self.names[i] for i in which), **{key: getattr(self, key)[which] for key in JOINED})

    def without_measure(self, why: str) -> LimitRows:
        """Return the rows under names that end with ``why``, for a topology of which no AC solution is at hand."""
        return replace(self, names=tuple(f"{n} {why}" for n in self.names), column=np.full(len(self.names), UNMEASURED))


def limit_rows(
    case: GridCase, model: NodeModel, limits: ElectricLimits, node_of_column: np.ndarray, bus_of_row: dict[int, int]
) -> LimitRows:
    """Return every limit of the network as rows; ``bus_of_row`` names one bus for each limited node."""
    parts = [
        _voltage_rows(case, model, limits, node_of_column, bus_of_row, lower=True),
        _voltage_rows(case, model, limits, node_of_column, bus_of_row, lower=False),
        _loading_rows(case, model, limits, node_of_column),
        _supply_rows(case, model, limits, node_of_column),
    ]
    return join_rows(parts)


def join_rows(parts: list[LimitRows]) -> LimitRows:
    """Return the rows of all parts, one after the other."""
    joined = {key: np.concatenate([getattr(part, key) for part in parts]) for key in JOINED}
    return LimitRows(tuple(name for part in parts for name in part.names), **joined)


def _current(case: GridCase, tan_phi: float, angle: ComplexArray, size: FloatArray) -> ComplexArray:
    """Return d(conj(S/V))/dP of a node whose reactive power is ``tan_phi`` times its active power [p.u./kW]."""
    return np.asarray(np.conj(1.0 / (angle * size)) * (1.0 - 1j * tan_phi) / (1e3 * case.base_mva))


def _voltage_rows(
    case: GridCase,
    model: NodeModel,
    limits: ElectricLimits,
    columns: np.ndarray,
    bus_of_row: dict[int, int],
    *,
    lower: bool,
) -> LimitRows:
    """Return the rows of one side of the voltage band.

    Undervoltage: consumption draws its current at the lower limit, injection relieves with the current it has at the
    idle voltage. Overvoltage: injection acts at the idle voltage, consumption relieves without its reactive power and
    at the upper limit.
    """
    nodes = np.array(sorted(n for n in bus_of_row if case.node_kind[n] == PQ), dtype=np.int64)
    idle = np.abs(model.idle)
    angle = model.idle / idle
    z = model.z[np.ix_(nodes, columns)]
    if lower:
        limit, sense, name, tan_phi, size = limits.vm_min_pu, -1.0, "undervoltage", limits.tan_phi, limits.vm_min_pu
    else:
        limit, sense, name, tan_phi, size = limits.vm_max_pu, 1.0, "overvoltage", 0.0, limits.vm_max_pu
    toward = sense * np.conj(angle[nodes])[:, None]
    drawn = np.full(case.n_node, size) if not lower else np.minimum(idle, size)
    turned = model.loaded_angle if lower else angle
    consuming = (toward * z * _current(case, tan_phi, turned, drawn)[columns]).real
    injecting = (toward * z * _current(case, 0.0, angle, idle)[columns]).real
    return LimitRows(
        tuple(f"bus {bus_of_row[int(n)]} {name}" for n in nodes),
        consuming,
        injecting,
        sense * (limit - idle[nodes]) - limits.margin * abs(1.0 - limit),
        np.zeros(len(nodes), dtype=np.int64),
        nodes,
        np.full(len(nodes), sense),
        np.full(len(nodes), lower),
    )


def _loading_rows(case: GridCase, model: NodeModel, limits: ElectricLimits, columns: np.ndarray) -> LimitRows:
    """Return rows for the current at the heavier end of each rated edge.

    A bound on a magnitude is a bound on its projection in every direction; :func:`directions` says in which. What
    loads the edge has its current at a voltage on the way to the lower limit (80 % for consumption, 30 % for
    injection), what relieves it at the idle voltage.
    """
    edge = _rated_edges(case)
    end = np.argmax(case.edge_scale[edge], axis=1)
    scale = case.edge_scale[edge, end]
    f, t = case.edge_from[edge], case.edge_to[edge]
    a = np.where(end == 0, case.edge_y[edge, 0], case.edge_y[edge, 2])
    b = np.where(end == 0, case.edge_y[edge, 1], case.edge_y[edge, 3])
    idle = np.abs(model.idle)
    angle = model.idle / idle
    low = np.minimum(idle, limits.vm_min_pu)
    response = (a[:, None] * model.z[np.ix_(f, columns)] + b[:, None] * model.z[np.ix_(t, columns)]) * scale[:, None]
    by_demand = response * _current(case, limits.tan_phi, model.loaded_angle, 0.2 * idle + 0.8 * low)[columns]
    by_infeed = response * _current(case, 0.0, angle, 0.7 * idle + 0.3 * low)[columns]
    demand_relief = response * _current(case, limits.tan_phi, angle, idle)[columns]
    infeed_relief = response * _current(case, 0.0, angle, idle)[columns]
    at_rest = (a * model.idle[f] + b * model.idle[t]) * scale
    heaviest = by_infeed[np.arange(len(edge)), np.argmax(np.abs(by_infeed), axis=1)]
    reference = np.where(np.abs(heaviest) > 0.0, heaviest / np.maximum(np.abs(heaviest), 1e-300), 1.0)
    phi = np.arctan(limits.tan_phi)
    top = limits.loading_percent * (1.0 - limits.margin)
    parts = []
    for turned, demand in directions(phi):
        turn = np.conj(-reference * np.exp(-1j * turned))
        parts.append(
            LimitRows(
                tuple(f"{case.branch_name[case.edge_branch[e]]} loading" for e in edge),
                (turn[:, None] * (by_demand if demand else demand_relief)).real,
                (turn[:, None] * (infeed_relief if demand else by_infeed)).real,
                top - (turn * at_rest).real,
                np.ones(len(edge), dtype=np.int64),
                case.edge_branch[edge],
                np.ones(len(edge)),
                np.full(len(edge), demand),
            )
        )
    return join_rows(parts)


def directions(phi: float) -> list[tuple[float, bool]]:
    """Return the directions of current that loading rows look in: angle [rad], and whether consumption drives it.

    Demand with its own power factor lies at ``phi``, infeed alone at pi; demand that local infeed covers in part lies
    between, for its reactive power stays. Neighbours are at most 32 degrees apart at the default power factor, where
    currents between two directions are underestimated by at most 1 - cos 16 deg = 4 %.
    """
    return [
        (phi, True),
        (2.0 * phi, True),
        (0.5 * np.pi - 1.45 * phi, True),
        (0.5 * np.pi + 0.3 * phi, True),
        (np.pi - 3.0 * phi, False),
        (np.pi - 1.5 * phi, False),
        (np.pi - 0.5 * phi, False),
    ]


def _rated_edges(case: GridCase) -> np.ndarray:
    rated = (case.edge_branch >= 0) & ~np.isnan(case.branch_idle[case.edge_branch])
    return np.flatnonzero(rated & np.isfinite(case.edge_scale).all(axis=1) & (case.edge_scale.max(axis=1) > 0.0))


def _supply_rows(case: GridCase, model: NodeModel, limits: ElectricLimits, columns: np.ndarray) -> LimitRows:
    """Return the import and export rows, where the user set such a limit."""
    wanted = [(s, kw) for s, kw in ((1.0, limits.import_kw), (-1.0, limits.export_kw)) if np.isfinite(kw)]
    held = np.flatnonzero(case.node_kind == 2)
    y = np.zeros((len(held), case.n_node), dtype=complex)
    for row, node in enumerate(held):
        begin, stop = case.y_indptr[node], case.y_indptr[node + 1]
        y[row, case.y_indices[begin:stop]] = case.y_data[begin:stop]
    volt = case.node_start[held]
    angle = model.idle / np.abs(model.idle)
    idle = np.abs(model.idle)
    drawn = np.minimum(idle, 0.5 * (idle + limits.vm_min_pu))
    to_kw = 1e3 * case.base_mva
    response = np.conj(volt) @ (y @ model.z[:, columns]) * to_kw
    consuming = response * _current(case, limits.tan_phi, angle, drawn)[columns]
    injecting = response * _current(case, 0.0, angle, idle)[columns]
    direct = np.isin(columns, held)
    at_rest = float((np.conj(volt) @ (y @ model.idle)).real * to_kw)
    flow = [np.where(direct, -1.0, part.real) for part in (consuming, injecting)]
    n = len(wanted)
    sense = np.array([s for s, _ in wanted])
    return LimitRows(
        tuple("supply import" if s > 0 else "supply export" for s, _ in wanted),
        sense.reshape(-1, 1) * flow[0],
        sense.reshape(-1, 1) * flow[1],
        np.array([kw * (1.0 - limits.margin) - s * at_rest for s, kw in wanted]),
        np.full(n, 2, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        sense,
        sense > 0.0,
    )
