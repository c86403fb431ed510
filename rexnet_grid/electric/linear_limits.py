"""The limits of a network as linear rows in the injections, conservative on the way to the limit.

With the slack voltages given, node voltages are linear in node currents, V = W + Z I, and so are the currents in the
branches. The only nonlinear step is I = conj(S / V). The rows use the voltage that holds when the limit is reached
instead of V, so that they are exact there for a load at the limiting bus and conservative before: the lower the
voltage, the more current a given power draws. See ``docs/electric-headroom.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import PQ, ComplexArray, FloatArray, GridCase

if TYPE_CHECKING:
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.solver import Solver


JOINED = ("consuming", "injecting", "bound", "column", "index", "sense")


@dataclass(frozen=True, slots=True, eq=False)
class NodeModel:
    """V = W + Z I about held slack and generator voltages.

    Attributes
    ----------
    idle
        (n_node,) W, voltages without injections [p.u.].
    z
        (n_node, n_node) Z; zero rows and columns at held nodes [p.u.].
    """

    idle: ComplexArray
    z: ComplexArray

    @classmethod
    def of(cls, case: GridCase, solver: Solver) -> NodeModel:
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
        return cls(idle, z)


@dataclass(frozen=True, slots=True, eq=False)
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
        1 loading of branch ``index``, 2 import (+1) or export (-1).
    group
        (n_rows,) rows of the same limit in different directions share a number.
    """

    names: tuple[str, ...]
    consuming: FloatArray
    injecting: FloatArray
    bound: FloatArray
    column: np.ndarray
    index: np.ndarray
    sense: np.ndarray
    group: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


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
    names = tuple(name for part in parts for name in part.names)
    group = np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
    joined = {key: np.concatenate([getattr(part, key) for part in parts]) for key in JOINED}
    return LimitRows(names, **joined, group=group)


def _per_kw(
    case: GridCase, response: ComplexArray, tan_phi: float, volt: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return response @ d(conj(S/V))/dP for consumption with its reactive power and for injection without [1/kW]."""
    unit = np.conj(1.0 / volt) / (1e3 * case.base_mva)
    return response * (unit * (1.0 - 1j * tan_phi)), response * unit


def _voltage_rows(
    case: GridCase,
    model: NodeModel,
    limits: ElectricLimits,
    columns: np.ndarray,
    bus_of_row: dict[int, int],
    *,
    lower: bool,
) -> LimitRows:
    nodes = np.array(sorted(n for n in bus_of_row if case.node_kind[n] == PQ), dtype=np.int64)
    angle = model.idle / np.abs(model.idle)
    size = np.minimum(np.abs(model.idle), limits.vm_min_pu if lower else 1.0)
    consuming, injecting = _per_kw(case, model.z[np.ix_(nodes, columns)], limits.tan_phi, (angle * size)[columns])
    sense = -1.0 if lower else 1.0
    toward = sense * np.conj(angle[nodes])[:, None]
    limit = limits.vm_min_pu if lower else limits.vm_max_pu
    held_back = limits.margin * abs(1.0 - limit)
    bound = sense * (limit - np.abs(model.idle[nodes])) - held_back
    name = "undervoltage" if lower else "overvoltage"
    return LimitRows(
        tuple(f"bus {bus_of_row[int(n)]} {name}" for n in nodes),
        (toward * consuming).real,
        (toward * injecting).real,
        bound,
        np.zeros(len(nodes), dtype=np.int64),
        nodes,
        np.full(len(nodes), sense),
    )


def _loading_rows(case: GridCase, model: NodeModel, limits: ElectricLimits, columns: np.ndarray) -> LimitRows:
    """Return rows for the current at the heavier end of each rated edge, toward demand, and toward infeed."""
    rated = (
        (case.edge_branch >= 0)
        & ~np.isnan(case.branch_idle[case.edge_branch])
        & np.isfinite(case.edge_scale).all(axis=1)
    )
    edge = np.flatnonzero(rated & (case.edge_scale.max(axis=1) > 0.0))
    end = np.argmax(case.edge_scale[edge], axis=1)
    scale = case.edge_scale[edge, end]
    f, t = case.edge_from[edge], case.edge_to[edge]
    a = np.where(end == 0, case.edge_y[edge, 0], case.edge_y[edge, 2])[:, None]
    b = np.where(end == 0, case.edge_y[edge, 1], case.edge_y[edge, 3])[:, None]
    angle = model.idle / np.abs(model.idle)
    size = np.minimum(np.abs(model.idle), 0.5 * (np.abs(model.idle) + limits.vm_min_pu))
    response = (a * model.z[np.ix_(f, columns)] + b * model.z[np.ix_(t, columns)]) * scale[:, None]
    consuming, injecting = _per_kw(case, response, limits.tan_phi, (angle * size)[columns])
    at_rest = (a[:, 0] * model.idle[f] + b[:, 0] * model.idle[t]) * scale
    names, rows_c, rows_i, bounds = [], [], [], []
    top = limits.loading_percent * (1.0 - limits.margin)
    heaviest = np.argmax(np.abs(injecting), axis=1)
    seen = injecting[np.arange(len(edge)), heaviest]
    reference = np.where(np.abs(seen) > 0.0, seen / np.where(np.abs(seen) > 0.0, np.abs(seen), 1.0), 1.0)
    lag = np.exp(-1j * np.arctan(limits.tan_phi))
    for toward in (-reference * lag, -reference * lag**2, reference * lag**-0.5):
        turn = np.conj(toward)
        rows_c.append((turn[:, None] * consuming).real)
        rows_i.append((turn[:, None] * injecting).real)
        bounds.append(top - (turn * at_rest).real)
        names += [f"{case.branch_name[case.edge_branch[e]]} loading" for e in edge]
    return LimitRows(
        tuple(names),
        np.concatenate(rows_c),
        np.concatenate(rows_i),
        np.concatenate(bounds),
        np.ones(3 * len(edge), dtype=np.int64),
        np.tile(case.edge_branch[edge], 3),
        np.ones(3 * len(edge)),
    )


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
    size = np.minimum(np.abs(model.idle), 0.5 * (np.abs(model.idle) + limits.vm_min_pu))
    to_kw = 1e3 * case.base_mva
    response = np.conj(volt) @ (y @ model.z[:, columns]) * to_kw
    consuming, injecting = _per_kw(case, response[None, :], limits.tan_phi, (angle * size)[columns])
    direct = np.isin(columns, held)
    at_rest = float((np.conj(volt) @ (y @ model.idle)).real * to_kw)
    flow = [np.where(direct, -1.0, part.real[0]) for part in (consuming, injecting)]
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
    )
