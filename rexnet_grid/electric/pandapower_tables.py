"""Plain columns of pandapower's tables as arrays; reads attributes only, imports nothing of pandapower."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.case import NOWHERE, FloatArray, IntArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

SQRT3 = np.sqrt(3.0)
POWER_TABLES = {"load": -1.0, "sgen": 1.0, "storage": -1.0}
RESTING = {
    **dict.fromkeys(POWER_TABLES, ("p_mw", "q_mvar", "scaling")),
    "ward": ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar"),
    "shunt": ("p_mw", "q_mvar"),
    **{
        f"asymmetric_{t}": tuple(f"{q}_{f}_{u}" for q, u in (("p", "mw"), ("q", "mvar")) for f in "abc")
        for t in ("load", "sgen")
    },
}
BUS_TYPE_COLUMN, NONE_TYPE = 1, 4


@dataclass(frozen=True, slots=True)
class OwnedEdges:
    """Edges of one table: which branch owns each, and loading per current at both ends [%/kA]."""

    edge: IntArray
    branch: IntArray
    percent_per_ka: FloatArray


def bus_tables(net: Any) -> dict[str, Any]:
    """Return ids, names, rated voltages and coordinates of all buses."""
    frame = net.bus
    lon, lat = _coordinates(net)
    return {
        "bus_id": frame.index.to_numpy(np.int64),
        "bus_name": np.array(["" if is_missing(n) else str(n) for n in frame.name], dtype=np.str_),
        "bus_kv": frame.vn_kv.to_numpy(float),
        "bus_lon": lon,
        "bus_lat": lat,
        "bus_in_service": frame.in_service.to_numpy(bool).astype(np.int64),
    }


def base_injection(net: Any, bus_id: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the net's own injection by bus and its generators' part [kW], [kvar], [kW]; load sign turned here."""
    position = {int(b): i for i, b in enumerate(bus_id)}
    kw, kvar, gen_kw = np.zeros(len(bus_id)), np.zeros(len(bus_id)), np.zeros(len(bus_id))
    active = net["_is_elements"]

    def add(table: str, p_mw: FloatArray, q_mvar: FloatArray, sign: float) -> None:
        at = np.array([position[int(b)] for b in net[table].bus], dtype=np.int64)
        on = np.asarray(active[table], dtype=float) if table in active else net[table].in_service.to_numpy(float)
        np.add.at(kw, at, np.nan_to_num(sign * 1e3 * p_mw * on))
        np.add.at(kvar, at, np.nan_to_num(sign * 1e3 * q_mvar * on))

    for table, sign in POWER_TABLES.items():
        frame = net[table]
        if len(frame):
            scaling = frame.scaling.to_numpy(float)
            add(table, frame.p_mw.to_numpy(float) * scaling, frame.q_mvar.to_numpy(float) * scaling, sign)
    for table in ("ward", "xward"):
        if len(net[table]):
            add(table, net[table].ps_mw.to_numpy(float), net[table].qs_mvar.to_numpy(float), -1.0)
    for table, sign in (("asymmetric_load", -1.0), ("asymmetric_sgen", 1.0)):
        frame = net[table]
        if len(frame):
            scaling = frame.scaling.to_numpy(float)
            p = frame[["p_a_mw", "p_b_mw", "p_c_mw"]].to_numpy(float).sum(axis=1)
            q = frame[["q_a_mvar", "q_b_mvar", "q_c_mvar"]].to_numpy(float).sum(axis=1)
            add(table, p * scaling, q * scaling, sign)
    if len(net.motor):
        p, q = motor_power(net.motor)
        add("motor", p, q, -1.0)
    if len(net.gen):
        on = net.gen.in_service.to_numpy(bool) & ~net.gen.get("slack", net.gen.in_service & False).to_numpy(bool)
        at = np.array([position[int(b)] for b in net.gen.bus], dtype=np.int64)
        np.add.at(gen_kw, at, 1e3 * net.gen.p_mw.to_numpy(float) * net.gen.scaling.to_numpy(float) * on)
    return kw + gen_kw, kvar, gen_kw


def motor_power(motor: Any) -> tuple[FloatArray, FloatArray]:
    """Return what motors draw [MW], [Mvar]."""
    scale = motor.loading_percent.to_numpy(float) / 100.0 * motor.scaling.to_numpy(float)
    p = motor.pn_mech_mw.to_numpy(float) / motor.efficiency_percent.to_numpy(float) * 100.0 * scale
    return p, np.sqrt((p / motor.cos_phi.to_numpy(float)) ** 2 - p**2)


def base_by_phase(net: Any, bus_id: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the injection (n_bus, 3) [kW], [kvar] that a net holds; what is balanced lies on all phases alike."""
    position = {int(b): i for i, b in enumerate(bus_id)}
    total = np.zeros((2, len(bus_id), 3))
    for prefix in ("", "asymmetric_"):
        for table, sign in POWER_TABLES.items():
            frame = net.get(prefix + table)
            if frame is None or not len(frame):
                continue
            frame = frame[frame.in_service.astype(bool)]
            at = np.array([position[int(b)] for b in frame.bus], dtype=np.int64)
            scale = sign * 1e3 * frame.scaling.to_numpy(float)[:, None]
            for k, (quantity, unit) in enumerate((("p", "mw"), ("q", "mvar"))):
                phases = [f"{quantity}_{phase}_{unit}" for phase in "abc"]
                whole = frame[phases] if prefix else frame[[f"{quantity}_{unit}"] * 3] / 3.0
                np.add.at(total[k], at, np.nan_to_num(scale * whole.to_numpy(float)))
    return total[0], total[1]


def silence_what_rests(net: Any) -> None:
    """Give elements out of service no power: pandapower multiplies by nought what may be no number."""
    for table, columns in RESTING.items():
        frame = net.get(table)
        if frame is not None and len(frame):
            frame.loc[~frame["in_service"].astype(bool), [c for c in columns if c in frame.columns]] = 0.0


def without_voltage_dependence(net: Any) -> Any:
    """Return a copy of the net whose loads draw constant power."""
    net = copy.deepcopy(net)
    for column in (c for c in net.load.columns if str(c).startswith(("const_z_", "const_i_"))):
        net.load[column] = 0.0
    return net


def load_table(net: Any) -> dict[str, Any]:
    """Return the loads in service, also those drawn by phase: name, type, bus and consumption."""
    columns = _power_columns(net, "load", "asymmetric_load")
    return {f"load_{column}": values for column, values in columns.items()}


def generator_table(net: Any, *, scaled: bool = False) -> dict[str, Any]:
    """Return the static generators in service, also those drawn by phase: name, type, bus and active power."""
    columns = _power_columns(net, "sgen", "asymmetric_sgen", scaled=scaled)
    return {f"sgen_{column}": values for column, values in columns.items() if column != "kvar"}


def storage_table(net: Any) -> dict[str, Any]:
    """Return the storages in service that have a capacity: name, bus, largest rate, usable capacity, content.

    The rate is the largest that the table allows, else the rated power, else the momentary one.
    """
    frame = net.storage[net.storage.in_service.astype(bool)]

    def column(name: str, missing: float) -> FloatArray:
        values = frame[name].to_numpy(float) if name in frame.columns else np.full(len(frame), np.nan)
        return np.where(np.isfinite(values), values, missing)

    rates = (np.maximum(column("max_p_mw", 0.0), -column("min_p_mw", 0.0)), column("sn_mva", 0.0))
    kw = 1e3 * np.where(rates[0] > 0.0, rates[0], np.where(rates[1] > 0.0, rates[1], np.abs(column("p_mw", 0.0))))
    lowest, highest = 1e3 * column("min_e_mwh", 0.0), 1e3 * column("max_e_mwh", 0.0)
    usable = (kw > 0.0) & has_capacity(frame)
    content = column("soc_percent", np.nan) / 100.0 * highest
    share = np.clip((content - lowest) / np.where(usable, highest - lowest, 1.0), 0.0, 1.0)
    names = [f"storage {i}" if is_missing(name) else str(name) for i, name in frame.name.items()]
    return {
        "storage_name": np.array(names, dtype=np.str_)[usable],
        "storage_bus": frame.bus.to_numpy(np.int64)[usable],
        "storage_kw": kw[usable],
        "storage_kwh": (highest - lowest)[usable],
        "storage_share": share[usable],
    }


def has_capacity(storage: Any) -> NDArray[np.bool_]:
    """Return for rows of the table of storages whether they say how much they hold."""
    none = np.full(len(storage), np.nan)
    low, high = (storage[c].to_numpy(float) if c in storage.columns else none for c in ("min_e_mwh", "max_e_mwh"))
    return np.asarray(np.nan_to_num(high) > np.nan_to_num(low))


def _power_columns(net: Any, table: str, by_phase: str, *, scaled: bool = True) -> dict[str, Any]:
    """Return name, type, bus and power of what two tables hold in service, with the table's own sign."""
    frames = [net[table][net[table].in_service.astype(bool)], net[by_phase][net[by_phase].in_service.astype(bool)]]
    phases = {"p_mw": ("p_a_mw", "p_b_mw", "p_c_mw"), "q_mvar": ("q_a_mvar", "q_b_mvar", "q_c_mvar")}
    powers = [
        [frames[0][total].to_numpy(float), frames[1][list(parts)].to_numpy(float).sum(axis=1)]
        for total, parts in phases.items()
    ]
    scaling = [frame.scaling.to_numpy(float) if scaled else 1.0 for frame in frames]
    words = [table, by_phase.replace("_", " ")]
    names = [
        f"{word} {i}" if is_missing(name) else str(name)
        for word, frame in zip(words, frames, strict=True)
        for i, name in frame.name.items()
    ]
    kinds = ["" if is_missing(kind) else str(kind) for frame in frames for kind in frame.type]
    kw, kvar = (1e3 * np.concatenate([p * s for p, s in zip(power, scaling, strict=True)]) for power in powers)
    return {
        "name": np.array(names, dtype=np.str_),
        "kind": np.array(kinds, dtype=np.str_),
        "bus": np.concatenate([frame.bus.to_numpy(np.int64) for frame in frames]),
        "kw": kw,
        "kvar": kvar,
    }


def branch_tables(net: Any, place: IntArray) -> dict[str, Any]:
    """Return the branch arrays and, under ``"owned"``, the edges of each table.

    ``place`` tells at which edge a row of the full internal branch table ended up, ``NOWHERE`` when out of service.
    """
    names: list[str] = []
    kinds: list[str] = []
    ends: list[Any] = []
    ratings: list[Any] = []
    on: list[Any] = []
    owned: list[OwnedEdges] = []
    for table, from_column, to_column, read in (
        ("line", "from_bus", "to_bus", _line_rating),
        ("trafo", "hv_bus", "lv_bus", trafo_rating),
        ("trafo3w", "hv_bus", "lv_bus", _trafo3w_rating),
        ("impedance", "from_bus", "to_bus", _no_rating),
    ):
        frame = net[table]
        if not len(frame):
            continue
        rating, percent_per_ka = read(frame)
        first = len(names)
        names += [f"{table} {index}" for index in frame.index]
        kinds += [table] * len(frame)
        ends.append(frame[[from_column, to_column]].to_numpy(np.int64))
        ratings.append(rating)
        on.append(frame.in_service.to_numpy(bool).astype(np.int64))
        start, stop = net["_pd2ppc_lookups"]["branch"][table]
        edge = place[start:stop]
        branch = first + np.arange(stop - start) % len(frame)
        held = edge != NOWHERE
        owned.append(OwnedEdges(edge[held], branch[held], percent_per_ka[held]))
    joined = np.concatenate(ends) if ends else np.zeros((0, 2), dtype=np.int64)
    carries = np.zeros(len(names), dtype=bool)
    for table_edges in owned:
        carries[table_edges.branch] = True
    return {
        "branch_name": np.array(names, dtype=np.str_),
        "branch_kind": np.array(kinds, dtype=np.str_),
        "branch_from": np.ascontiguousarray(joined[:, 0]),
        "branch_to": np.ascontiguousarray(joined[:, 1]),
        "branch_rating": np.concatenate(ratings) if ratings else np.zeros(0),
        "branch_idle": _idle_loading(net, joined, carries, np.concatenate(ratings) if ratings else np.zeros(0)),
        "branch_in_service": np.concatenate(on) if on else np.zeros(0, dtype=np.int64),
        "owned": owned,
    }


def trafo_rating(frame: Any) -> tuple[FloatArray, FloatArray]:
    """Return the rating of two-winding transformers [kVA] and their loading per current at both sides (n, 2) [%/kA]."""
    mva = frame.sn_mva.to_numpy(float) * frame.parallel.to_numpy(float) * frame.df.to_numpy(float)
    kv = frame[["vn_hv_kv", "vn_lv_kv"]].to_numpy(float)
    return 1e3 * mva, 100.0 * SQRT3 * kv / mva[:, None]


def tap_table(net: Any, place: IntArray) -> dict[str, Any]:
    """Return the tap changers of transformers in service whose steps follow no table; ``place`` as above.

    A changer of the kind Ratio or Symmetrical adds complex turns, an Ideal one turns the angle alone. Those of
    three-winding transformers act on one winding, at its terminal or, seen from its other end, at the star point. There
    pandapower wants percent and degree of the step: without one of them the tap changes nothing.
    """
    taps: list[tuple[complex, ...]] = []
    for table, sides in (("trafo", ("hv", "lv")), ("trafo3w", ("hv", "mv", "lv"))):
        frame = net[table]
        start = net["_pd2ppc_lookups"]["branch"][table][0] if len(frame) else 0
        for row, (_, t) in enumerate(frame.iterrows()):
            star = table == "trafo3w" and bool(t.get("tap_at_star_point", False))
            step = _tap_step(t, star=star)
            if step is None or t.tap_side not in sides:
                continue
            winding = sides.index(t.tap_side) if table == "trafo3w" else 0
            edge = int(place[start + winding * len(frame) + row])
            if edge != NOWHERE:
                taps.append((edge, int((t.tap_side == "hv") == star), int(star), *step))
    rows = np.array(taps, dtype=complex).reshape(-1, 9)
    return {
        "tap_edge": rows[:, 0].real.astype(np.int64),
        "tap_side": rows[:, 1].real.astype(np.int64),
        "tap_inverse": rows[:, 2].real.astype(np.int64),
        "tap_position": rows[:, 3].real.copy(),
        "tap_neutral": rows[:, 4].real.copy(),
        "tap_step": rows[:, 5].copy(),
        "tap_turn": rows[:, 6].real.copy(),
        "tap_range": rows[:, 7:].real.copy(),
    }


def _tap_step(t: Any, *, star: bool) -> tuple[complex, ...] | None:
    """Return position, neutral, complex step, ideal turn, lowest and highest position; None where it has no such."""
    kind = t.get("tap_changer_type", "Ratio")
    depends = t.get("tap_dependency_table", False)
    if kind not in {"Ratio", "Symmetrical", "Ideal"} or (not is_missing(depends) and bool(depends)):
        return None
    stands = (t.get(c) for c in ("tap_pos", "tap_neutral", "tap_min", "tap_max"))
    position, neutral, low, high = (np.nan if is_missing(value) else float(value) for value in stands)
    percent, degree = (0.0 if is_missing(t.get(c)) else float(t[c]) for c in ("tap_step_percent", "tap_step_degree"))
    if np.isnan([position, neutral, low, high]).any() or (kind == "Ideal" and (percent != 0.0 or star)):
        return None
    if star and any(is_missing(t.get(c)) for c in ("tap_step_percent", "tap_step_degree")):
        percent = 0.0
    turn = np.radians(degree)
    step = 0j if kind == "Ideal" else percent / 100.0 * np.exp(1j * turn)
    return position, neutral, step, turn if kind == "Ideal" else 0.0, low, high


def switch_table(net: Any, branch_name: Any, place: IntArray) -> dict[str, Any]:
    """Return the closed switches and what each connects, and the names of the open ones; ``place`` as above."""
    on = net.switch.closed.to_numpy(bool)
    frame = net.switch[on]
    at = {str(name): i for i, name in enumerate(branch_name)}
    through = np.full(len(net.switch), NOWHERE, dtype=np.int64)
    start, stop = net["_pd2ppc_lookups"]["branch"].get("switch", (0, 0))
    through[np.flatnonzero(net["_impedance_bb_switches"])] = place[start:stop]
    tables = {"l": "line", "t": "trafo", "t3": "trafo3w"}
    branch, other = [], []
    for bus, element, kind, edge in zip(frame.bus, frame.element, frame.et, through[on], strict=True):
        joins = kind not in tables
        joined = NOWHERE if edge == NOWHERE else 2 * NOWHERE - int(edge)
        branch.append(joined if joins else at[f"{tables[kind]} {element}"])
        other.append(int(element) if joins else int(bus))
    return {
        "switch_name": np.array([f"switch {i}" for i in frame.index], dtype=np.str_),
        "switch_branch": np.array(branch, dtype=np.int64),
        "switch_bus": frame.bus.to_numpy(np.int64),
        "switch_other": np.array(other, dtype=np.int64),
        "switch_open": np.array([f"switch {i}" for i in net.switch.index[~on]], dtype=np.str_),
    }


def _idle_loading(net: Any, ends: IntArray, carries: NDArray[np.bool_], rating: FloatArray) -> FloatArray:
    """Return 0, or NaN where nothing is rated, or nothing can flow and a bus at an end has no supply."""
    lookup = np.asarray(net["_pd2ppc_lookups"]["bus"])
    alive = (
        net["_ppc"]["bus"][lookup[ends], BUS_TYPE_COLUMN] != NONE_TYPE if len(ends) else np.zeros((0, 2), dtype=bool)
    )
    return np.where((carries | alive.all(axis=1)) & ~np.isnan(rating), 0.0, np.nan)


def _line_rating(frame: Any) -> tuple[FloatArray, FloatArray]:
    rating = frame.max_i_ka.to_numpy(float) * frame.df.to_numpy(float) * frame.parallel.to_numpy(float)
    with np.errstate(divide="ignore"):
        return rating, np.repeat((100.0 / rating)[:, None], 2, axis=1)


def _trafo3w_rating(frame: Any) -> tuple[FloatArray, FloatArray]:
    """Return the rating of the high-voltage winding and the three windings' outer ends, one block a winding."""
    percent = np.zeros((3 * len(frame), 2))
    for block, (side, end) in enumerate((("hv", 0), ("mv", 1), ("lv", 1))):
        factor = 100.0 * SQRT3 * frame[f"vn_{side}_kv"].to_numpy(float) / frame[f"sn_{side}_mva"].to_numpy(float)
        percent[block * len(frame) : (block + 1) * len(frame), end] = factor
    return 1e3 * frame.sn_hv_mva.to_numpy(float), percent


def _no_rating(frame: Any) -> tuple[FloatArray, FloatArray]:
    return np.full(len(frame), np.nan), np.zeros((len(frame), 2))


def is_missing(value: Any) -> bool:
    """Return whether a cell of a table says nothing."""
    return value is None or str(value) in {"", "None", "nan", "NaN", "<NA>", "NaT"}


def _coordinates(net: Any) -> tuple[FloatArray, FloatArray]:
    lon, lat = np.full(len(net.bus), np.nan), np.full(len(net.bus), np.nan)
    if "geo" in net.bus:
        for row, text in enumerate(net.bus.geo):
            point = None if is_missing(text) else _coordinates_of(text)
            if point is not None and abs(point[0]) <= 180.0 and abs(point[1]) <= 90.0:
                lon[row], lat[row] = point
    return lon, lat


def _coordinates_of(text: Any) -> tuple[float, float] | None:
    """Return the longitude and latitude of a GeoJSON point; None where the text is none."""
    try:
        longitude, latitude = json.loads(text)["coordinates"][:2]
        return float(longitude), float(latitude)
    except (ValueError, TypeError, LookupError):
        return None
