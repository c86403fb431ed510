"""A pandapower net as the input arrays of power-grid-model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.threephase_checks import (
    STEP_DEGREE,
    WINDINGS,
    live_rows,
    magnetising_zero,
    windings,
    zero_sequence_percent,
)
from rexnet_grid.electric.transformer_turns import turns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase

STIFF_VA = 1e20
SMALLEST_FARAD = 1e-18
SWITCH_RX = 2.0
POWER, IMPEDANCE, CURRENT = 0, 1, 2
ZIGZAG = 0.1
GROUNDED_BELOW = {("D", "YN"), ("YN", "YN"), ("Y", "ZN"), ("YN", "ZN"), ("D", "ZN")}


@dataclass(frozen=True, slots=True, eq=False)
class PhaseInput:
    """A net as power-grid-model takes it.

    Attributes
    ----------
    data
        Input arrays by component.
    branch_ids
        By component, the branch of its rows; rows of switches come last and have none.
    core_siemens
        (n_transformer, 2, 2) of magnetising branches to ground at either side, for the positive, as the negative, and
        the zero sequence; power-grid-model has them as shunts.
    """

    data: dict[str, NDArray[Any]]
    branch_ids: dict[str, NDArray[np.int64]]
    core_siemens: ComplexArray


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
    at = dict(zip(case.bus_id.tolist(), case.bus_node.tolist(), strict=True))
    alive = np.flatnonzero(case.bus_node != NOWHERE)
    node = pgm.initialize_array("input", "node", case.n_node)
    node["id"] = np.arange(case.n_node)
    node["u_rated"] = 400.0
    node["u_rated"][case.bus_node[alive]] = 1e3 * case.bus_kv[alive]
    opened = {(str(s.et), int(s.element), int(s.bus)) for s in net.switch.itertuples() if not s.closed}
    line, trafo = live_rows(case, net, "line"), live_rows(case, net, "trafo")
    lines = np.concatenate((_lines(pgm, line, float(net.f_hz), at, opened), _switches(pgm, net, at)))
    star = (net.get("user_pf_options") or {}).get("trafo_model", "t") == "t"
    trafos = _trafos(pgm, trafo, at, opened, star=star)
    sources = _sources(pgm, live_rows(case, net, "ext_grid"), at)
    siemens = _core_siemens(trafo, trafos, star=star)
    cores = _cores(pgm, trafos, siemens)
    kinds = (POWER, IMPEDANCE, CURRENT)[: len(load_shares(case))]
    load = pgm.initialize_array("input", "asym_load", len(kinds) * len(alive))
    load["node"], load["status"] = np.tile(case.bus_node[alive], len(kinds)), 1
    load["type"] = np.repeat(kinds, len(alive))
    load["p_specified"] = load["q_specified"] = 0.0
    first = case.n_node
    for table in (lines, trafos, sources, cores, load):
        table["id"] = first + np.arange(len(table))
        first += len(table)
    data = {"node": node, "line": lines, "transformer": trafos, "source": sources, "shunt": cores, "asym_load": load}
    known = {str(name): k for k, name in enumerate(case.branch_name)}
    ids = {
        "line": np.array([known[f"line {i}"] for i in line.index], dtype=np.int64),
        "transformer": np.array([known[f"trafo {i}"] for i in trafo.index], dtype=np.int64),
    }
    filled = {key: table for key, table in data.items() if len(table)}
    return PhaseInput(filled, {key: branch for key, branch in ids.items() if key in filled}, siemens)


def _lines(
    pgm: Any, frame: pd.DataFrame, hertz: float, at: dict[int, int], opened: set[tuple[str, int, int]]
) -> NDArray[Any]:
    table: NDArray[Any] = pgm.initialize_array("input", "line", len(frame))
    if not len(frame):
        return table
    km, parallel = frame.length_km.to_numpy(float), frame.parallel.to_numpy(float)
    for end in ("from", "to"):
        buses = frame[f"{end}_bus"]
        table[f"{end}_node"] = [at[int(b)] for b in buses]
        table[f"{end}_status"] = [("l", int(i), int(b)) not in opened for i, b in zip(frame.index, buses, strict=True)]
    for way, zero in (("1", ""), ("0", "0")):
        table[f"r{way}"] = frame[f"r{zero}_ohm_per_km"].to_numpy(float) * km / parallel
        table[f"x{way}"] = frame[f"x{zero}_ohm_per_km"].to_numpy(float) * km / parallel
        farad = np.maximum(1e-9 * frame[f"c{zero}_nf_per_km"].to_numpy(float) * km * parallel, SMALLEST_FARAD)
        column = f"g{zero}_us_per_km"
        siemens = 1e-6 * np.nan_to_num(frame[column].to_numpy(float)) * km * parallel if column in frame else 0.0
        table[f"c{way}"], table[f"tan{way}"] = farad, siemens / (2.0 * np.pi * hertz * farad)
    table["i_n"] = 1e3 * frame.max_i_ka.to_numpy(float) * frame.df.to_numpy(float) * parallel
    return table


def _switches(pgm: Any, net: Any, at: dict[int, int]) -> NDArray[Any]:
    """Return the closed switches between buses that have an impedance, the same in each phase and in none coupled."""
    rows = [
        (at[int(s.bus)], at[int(s.element)], float(s.z_ohm))
        for s in net.switch.itertuples()
        if s.closed and s.et == "b" and s.z_ohm > 0.0 and NOWHERE not in {at[int(s.bus)], at[int(s.element)]}
    ]
    table: NDArray[Any] = pgm.initialize_array("input", "line", len(rows))
    if not rows:
        return table
    table["from_node"], table["to_node"], ohm = zip(*rows, strict=True)
    ratio = float((net.get("user_pf_options") or {}).get("switch_rx_ratio", SWITCH_RX))
    table["x1"] = table["x0"] = np.array(ohm) / np.hypot(1.0, ratio)
    table["r1"] = table["r0"] = ratio * table["x1"]
    table["from_status"] = table["to_status"] = 1
    table["c1"] = table["c0"] = SMALLEST_FARAD
    table["tan1"] = table["tan0"] = 0.0
    return table


def _trafos(
    pgm: Any, frame: pd.DataFrame, at: dict[int, int], opened: set[tuple[str, int, int]], *, star: bool
) -> NDArray[Any]:
    table: NDArray[Any] = pgm.initialize_array("input", "transformer", len(frame))
    if not len(frame):
        return table
    va = 1e6 * frame.sn_mva.to_numpy(float) * frame.parallel.to_numpy(float)
    pairs = [windings(group) or ("", "") for group in frame.vector_group]
    for k, (end, side) in enumerate((("from", "hv"), ("to", "lv"))):
        buses = frame[f"{side}_bus"]
        table[f"{end}_node"] = [at[int(b)] for b in buses]
        table[f"{end}_status"] = [("t", int(i), int(b)) not in opened for i, b in zip(frame.index, buses, strict=True)]
        table[f"winding_{end}"] = [WINDINGS[pair[k]] for pair in pairs]
    hv_kv, lv_kv, degree = np.array([turns(trafo) for _, trafo in frame.iterrows()]).T
    table["u1"], table["u2"] = 1e3 * hv_kv, 1e3 * lv_kv
    table["sn"] = va
    series, _ = _pi(frame, star=star)
    table["uk"], table["pk"] = np.abs(series), series.real * va
    table["i0"] = table["p0"] = 0.0
    table["clock"] = np.round(degree / STEP_DEGREE).astype(int) % 12
    for key in ("tap_side", "tap_pos", "tap_min", "tap_max", "tap_nom", "tap_size"):
        table[key] = 0
    zero = np.array([_zero_sequence(row, pair)[0] for (_, row), pair in zip(frame.iterrows(), pairs, strict=True)])
    _ground(table, pairs, zero - np.where(np.isin([pair[1] for pair in pairs], "ZN"), ZIGZAG, 1.0) * series)
    return table


def _pi(frame: pd.DataFrame, *, star: bool) -> tuple[ComplexArray, ComplexArray]:
    """Return leakage and magnetising admittance of the positive sequence [p.u.] in a pi circuit.

    The T of two halves of the leakage z with the branch y between is a pi of z (1 + z y / 4), and at either side half
    of y / (1 + z y / 4).
    """
    leakage = _percent(frame.vk_percent.to_numpy(float), frame.vkr_percent.to_numpy(float))
    iron = 1e-3 * frame.pfe_kw.to_numpy(float) / frame.sn_mva.to_numpy(float)
    idle = np.maximum(frame.i0_percent.to_numpy(float) / 100.0, iron)
    branch = iron - 1j * np.sqrt(idle**2 - iron**2)
    more = 1.0 + leakage * branch / 4.0 if star else 1.0
    return leakage * more, branch / more


def _percent(impedance: Any, resistance: Any) -> Any:
    return (resistance + 1j * np.sqrt(impedance**2 - resistance**2)) / 100.0


def _zero_sequence(trafo: pd.Series, pair: tuple[str, str]) -> tuple[complex, complex, complex]:
    """Return what the zero sequence meets between the sides, and to ground at the high- and the low-voltage one [p.u.].

    The T of both leakages z1, z2 and the magnetising branch zm, of which a winding in delta shortens its side, one
    without a neutral leaves it open, and two with neutrals make a pi. A zigzag winding lets the zero sequence through
    its own leakage alone, ``vk0_percent`` or, where that is blank, a tenth of that of the positive sequence.
    """
    whole = complex(_percent(*zero_sequence_percent(trafo)))
    if pair[1] == "ZN" and not float(trafo.get("vk0_percent", np.nan)) > 0.0:
        return ZIGZAG * complex(_percent(float(trafo.vk_percent), float(trafo.vkr_percent))), 0.0, 0.0
    core = magnetising_zero(trafo)
    if core is None or "ZN" in pair:
        return whole, 0.0, 0.0
    zm, z1, z2 = abs(whole) * core[0], core[1] * whole, (1.0 - core[1]) * whole
    all_three = z1 * z2 + z2 * zm + z1 * zm
    return {
        ("D", "YN"): (z2 + z1 * zm / (z1 + zm), 0.0, 0.0),
        ("YN", "D"): (z1 + z2 * zm / (z2 + zm), 0.0, 0.0),
        ("YN", "YN"): (all_three / zm, z2 / all_three, z1 / all_three),
        ("Y", "YN"): (whole, 0.0, 1.0 / (z2 + zm)),
        ("YN", "Y"): (whole, 1.0 / (z1 + zm), 0.0),
    }.get(pair, (whole, 0.0, 0.0))


def _core_siemens(frame: pd.DataFrame, trafos: NDArray[Any], *, star: bool) -> ComplexArray:
    """Return what stands to ground (n, 2, 2) at either side for the positive, as the negative, and the zero sequence.

    With one end open the other meets through the leakage what stands there.
    """
    series, idle = _pi(frame, star=star)
    siemens = np.zeros((len(frame), 2, 2), dtype=complex)
    for k, ((_, trafo), row) in enumerate(zip(frame.iterrows(), trafos, strict=True)):
        pair = windings(trafo.vector_group) or ("", "")
        between, *sides = _zero_sequence(trafo, pair)
        here = np.array([[idle[k] / 2.0] * 2, sides]).T
        closed = np.array([bool(row["from_status"]), bool(row["to_status"])])
        if closed[0] != closed[1]:
            there = here[~closed][0]
            here += there / (1.0 + np.array([series[k], between]) * there) * [1.0, pair == ("YN", "YN")]
        per_volt = row["sn"] / np.array([row["u1"], row["u2"]]) ** 2
        siemens[k] = np.where(closed[:, None], here * per_volt[:, None], 0.0)
    return siemens


def _cores(pgm: Any, trafos: NDArray[Any], siemens: ComplexArray) -> NDArray[Any]:
    """Return the shunts that stand for the magnetising branches of transformers, at either side."""
    row, side = np.nonzero(siemens.any(axis=2))
    table: NDArray[Any] = pgm.initialize_array("input", "shunt", len(row))
    if len(row):
        table["node"] = np.column_stack((trafos["from_node"], trafos["to_node"]))[row, side]
        table["status"] = 1
        for k, way in enumerate("10"):
            table[f"g{way}"], table[f"b{way}"] = siemens[row, side, k].real, siemens[row, side, k].imag
    return table


def _ground(table: NDArray[Any], pairs: list[tuple[str, str]], more: ComplexArray) -> None:
    """Give the zero sequence its own impedance: a third of what it has ``more`` [p.u.] stands at a grounded neutral.

    power-grid-model takes none for transformers, but a current of the zero sequence meets an impedance at the neutral
    three times, so there it adds to the leakage exactly as it should; it may be negative.
    """
    for end, volt in (("from", "u1"), ("to", "u2")):
        here = [pair == ("YN", "D") if end == "from" else pair in GROUNDED_BELOW for pair in pairs]
        ohm = np.where(here, more, 0.0) / 3.0 * table[volt] ** 2 / table["sn"]
        table[f"r_grounding_{end}"], table[f"x_grounding_{end}"] = ohm.real, ohm.imag


def _sources(pgm: Any, frame: pd.DataFrame, at: dict[int, int]) -> NDArray[Any]:
    table: NDArray[Any] = pgm.initialize_array("input", "source", len(frame))
    table["status"] = 1
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
