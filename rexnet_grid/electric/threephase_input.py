"""A pandapower net as the input arrays of power-grid-model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.threephase_checks import live_rows
from rexnet_grid.electric.threephase_nodes import PhaseNodes
from rexnet_grid.electric.threephase_trafos import core_siemens, cores, transformers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray

STIFF_VA = 1e20
STIFF_MVA = 1e9
SMALLEST_FARAD = 1e-18
SWITCH_RX = 2.0
VOLTAGE_FACTOR = 1.1
POWER, IMPEDANCE, CURRENT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Feeding:
    """How external grids feed: a stiff source, behind the impedance of the short circuit where that is given.

    Attributes
    ----------
    node
        (n_source,) node of the external grid's bus.
    line
        (n_source,) row of the line between source and bus, ``NOWHERE`` where it is stiff.
    held_pu
        (n_source,) positive-sequence voltage that the bus is to have.
    impedance_ohm, volt
        (n_source,) positive-sequence impedance and rated voltage between phases [V].
    """

    node: IntArray
    line: IntArray
    held_pu: ComplexArray
    impedance_ohm: ComplexArray
    volt: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PhaseInput:
    """A net as power-grid-model takes it.

    Attributes
    ----------
    data
        Input arrays by component; among the lines, first those of the net, then switches, then feeding impedances.
    branch_ids
        By component, the branch of its first rows.
    lossy_lines
        Number of lines and switches, whose losses are the network's.
    core_siemens
        (n_transformer, 2, 2) of magnetising branches to ground at either side, for the positive, as the negative, and
        the zero sequence; power-grid-model has them as shunts.
    feeding
        The external grids, in the order of the sources.
    """

    data: dict[str, NDArray[Any]]
    branch_ids: dict[str, NDArray[np.int64]]
    lossy_lines: int
    core_siemens: ComplexArray
    feeding: Feeding


def load_shares(case: GridCase) -> FloatArray:
    """Return the shares (n_kind, n_node, 2) of active and reactive power by how they follow the voltage.

    The kinds are constant power, impedance and current; only the first where nothing depends on the voltage.
    """
    current, impedance = case.node_zip[:, [0, 2]], case.node_zip[:, [1, 3]]
    if not case.node_zip.any():
        return np.ones((1, case.n_node, 2))
    return np.stack((1.0 - current - impedance, impedance, current))


def input_of(pgm: Any, case: GridCase, net: Any) -> PhaseInput:
    """Return power-grid-model's input for a net, with loads of no power at every bus with supply."""
    nodes = PhaseNodes(case, net)
    line, trafo, grid = (live_rows(case, net, table) for table in ("line", "trafo", "ext_grid"))
    own, joints = _lines(pgm, line, float(net.f_hz), nodes), _switches(pgm, net, nodes)
    star = (net.get("user_pf_options") or {}).get("trafo_model", "t") == "t"
    trafos = transformers(pgm, trafo, nodes, star=star)
    siemens = core_siemens(trafo, trafos, star=star)
    sources, ways, feeding = _sources(pgm, grid, nodes, len(own) + len(joints))
    data = {
        "node": _nodes(pgm, nodes),
        "line": np.concatenate((own, joints, ways)),
        "transformer": trafos,
        "source": sources,
        "shunt": cores(pgm, trafos, siemens),
        "asym_load": _loads(pgm, case),
    }
    first = 0
    for table in data.values():
        table["id"] = first + np.arange(len(table))
        first += len(table)
    known = {str(name): k for k, name in enumerate(case.branch_name)}
    ids = {
        "line": np.array([known[f"line {i}"] for i in line.index], dtype=np.int64),
        "transformer": np.array([known[f"trafo {i}"] for i in trafo.index], dtype=np.int64),
    }
    filled = {key: table for key, table in data.items() if len(table)}
    branch_ids = {key: branch for key, branch in ids.items() if key in filled}
    return PhaseInput(filled, branch_ids, len(own) + len(joints), siemens, feeding)


def _nodes(pgm: Any, nodes: PhaseNodes) -> NDArray[Any]:
    table: NDArray[Any] = pgm.initialize_array("input", "node", len(nodes.kv))
    table["u_rated"] = 1e3 * np.array(nodes.kv)
    return table


def _loads(pgm: Any, case: GridCase) -> NDArray[Any]:
    alive = np.flatnonzero(case.bus_node != NOWHERE)
    kinds = (POWER, IMPEDANCE, CURRENT)[: len(load_shares(case))]
    table: NDArray[Any] = pgm.initialize_array("input", "asym_load", len(kinds) * len(alive))
    table["node"], table["status"] = np.tile(case.bus_node[alive], len(kinds)), 1
    table["type"] = np.repeat(kinds, len(alive))
    table["p_specified"] = table["q_specified"] = 0.0
    return table


def _lines(pgm: Any, frame: pd.DataFrame, hertz: float, nodes: PhaseNodes) -> NDArray[Any]:
    table: NDArray[Any] = pgm.initialize_array("input", "line", len(frame))
    if not len(frame):
        return table
    km, parallel = frame.length_km.to_numpy(float), frame.parallel.to_numpy(float)
    for end in ("from", "to"):
        table[f"{end}_node"], table[f"{end}_status"] = nodes.ends("l", frame, f"{end}_bus")
    for way, zero in (("1", ""), ("0", "0")):
        table[f"r{way}"] = frame[f"r{zero}_ohm_per_km"].to_numpy(float) * km / parallel
        table[f"x{way}"] = frame[f"x{zero}_ohm_per_km"].to_numpy(float) * km / parallel
        farad = np.maximum(1e-9 * frame[f"c{zero}_nf_per_km"].to_numpy(float) * km * parallel, SMALLEST_FARAD)
        column = f"g{zero}_us_per_km"
        siemens = 1e-6 * np.nan_to_num(frame[column].to_numpy(float)) * km * parallel if column in frame else 0.0
        table[f"c{way}"], table[f"tan{way}"] = farad, siemens / (2.0 * np.pi * hertz * farad)
    table["i_n"] = 1e3 * frame.max_i_ka.to_numpy(float) * frame.df.to_numpy(float) * parallel
    return table


def _switches(pgm: Any, net: Any, nodes: PhaseNodes) -> NDArray[Any]:
    """Return the closed switches between buses that have an impedance, the same in each phase and in none coupled."""
    rows = [
        (nodes.at[int(s.bus)], nodes.at[int(s.element)], float(s.z_ohm))
        for s in net.switch.itertuples()
        if s.closed
        and s.et == "b"
        and s.z_ohm > 0.0
        and NOWHERE not in {nodes.at[int(s.bus)], nodes.at[int(s.element)]}
    ]
    ratio = float((net.get("user_pf_options") or {}).get("switch_rx_ratio", SWITCH_RX))
    ohm = np.array([z for _, _, z in rows]) / np.hypot(1.0, ratio) * (ratio + 1j)
    return _between(pgm, [(start, end) for start, end, _ in rows], ohm, ohm)


def _between(pgm: Any, ends: list[tuple[int, int]], ohm: ComplexArray, zero_ohm: ComplexArray) -> NDArray[Any]:
    """Return lines of an impedance and nothing else."""
    table: NDArray[Any] = pgm.initialize_array("input", "line", len(ends))
    if ends:
        table["from_node"], table["to_node"] = np.array(ends).T
        table["from_status"] = table["to_status"] = 1
        table["r1"], table["x1"], table["r0"], table["x0"] = ohm.real, ohm.imag, zero_ohm.real, zero_ohm.imag
        table["c1"] = table["c0"] = SMALLEST_FARAD
        table["tan1"] = table["tan0"] = 0.0
    return table


def _sources(
    pgm: Any, frame: pd.DataFrame, nodes: PhaseNodes, first: int
) -> tuple[NDArray[Any], NDArray[Any], Feeding]:
    """Return stiff sources, the lines from them to their buses, the first of which is row ``first``, and both in short.

    The impedance is that of IEC 60909, Z = c U^2 / S with c = 1.1, R / X, X0 / X and R0 / X0 as the net gives them.
    """
    given = {
        column: frame[column].to_numpy(float) if column in frame else np.full(len(frame), np.nan)
        for column in ("s_sc_max_mva", "rx_max", "x0x_max", "r0x0_max")
    }
    mva = given["s_sc_max_mva"]
    weak = (mva > 0.0) & (mva < STIFF_MVA)
    rx = np.where(np.isfinite(given["rx_max"]), given["rx_max"], 0.1)
    x0x = np.where(np.isfinite(given["x0x_max"]), given["x0x_max"], 1.0)
    r0x0 = np.where(np.isfinite(given["r0x0_max"]), given["r0x0_max"], rx)
    at = np.array([nodes.at[int(bus)] for bus in frame.bus], dtype=np.int64)
    kv = np.array([nodes.kv[node] for node in at])
    reactance = VOLTAGE_FACTOR * kv**2 / np.where(weak, mva, np.inf) / np.hypot(rx, 1.0)
    table: NDArray[Any] = pgm.initialize_array("input", "source", len(frame))
    table["node"] = [nodes.add(volt) if behind else node for node, volt, behind in zip(at, kv, weak, strict=True)]
    table["status"] = 1
    table["u_ref"], table["u_ref_angle"] = frame.vm_pu.to_numpy(float), np.radians(frame.va_degree.to_numpy(float))
    table["sk"], table["rx_ratio"], table["z01_ratio"] = STIFF_VA, 0.1, 1.0
    ohm, zero = reactance * (rx + 1j), x0x * reactance * (r0x0 + 1j)
    ends = list(zip(table["node"][weak].tolist(), at[weak].tolist(), strict=True))
    line = np.where(weak, first + np.cumsum(weak) - 1, NOWHERE)
    held = table["u_ref"] * np.exp(1j * table["u_ref_angle"])
    return table, _between(pgm, ends, ohm[weak], zero[weak]), Feeding(at, line, held, ohm, 1e3 * kv)
