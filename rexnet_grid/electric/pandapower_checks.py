"""What is wrong in the tables of a pandapower net, before anything is computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """What a table of a net has to hold: columns that name buses, finite numbers, of them positive, not all zero.

    Of columns where the table has them, every row of ``held`` ones is a finite number, of ``given`` ones above zero as
    well; ``blank`` ones hold numbers or nothing.
    """

    buses: tuple[str, ...]
    numbers: tuple[str, ...]
    positive: tuple[str, ...] = ()
    impedance: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()


TAPS = ("tap_pos", "tap_neutral", "tap_min", "tap_max", "tap_step_percent", "tap_step_degree")
SHARES = tuple(f"const_{what}_{way}percent" for what in "zi" for way in ("", "p_", "q_"))
SIDES = {"trafo": ("hv", "lv"), "trafo3w": ("hv", "mv", "lv")}
PHASES = tuple(f"{quantity}_{phase}_{unit}" for quantity, unit in (("p", "mw"), ("q", "mvar")) for phase in "abc")
RATED = tuple(f"{what}_{side}_{unit}" for what, unit in (("vn", "kv"), ("sn", "mva")) for side in ("hv", "mv", "lv"))
WINDINGS = tuple(f"{what}_{side}_percent" for what in ("vk", "vkr") for side in ("hv", "mv", "lv"))
LIMITS = ("min_p_mw", "max_p_mw", "min_q_mvar", "max_q_mvar")
TABLES: dict[str, Table] = {
    "line": Table(
        ("from_bus", "to_bus"),
        ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"),
        ("length_km",),
        ("r_ohm_per_km", "x_ohm_per_km"),
        given=("parallel", "df"),
        held=("g_us_per_km",),
        blank=("max_i_ka",),
    ),
    "trafo": Table(
        ("hv_bus", "lv_bus"),
        ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree"),
        ("sn_mva", "vn_hv_kv", "vn_lv_kv"),
        ("vk_percent",),
        given=("parallel", "df"),
        blank=TAPS,
    ),
    "trafo3w": Table(
        ("hv_bus", "mv_bus", "lv_bus"),
        (*RATED, *WINDINGS, "pfe_kw", "i0_percent", "shift_mv_degree", "shift_lv_degree"),
        RATED,
        blank=TAPS,
    ),
    "impedance": Table(
        ("from_bus", "to_bus"),
        ("rft_pu", "xft_pu", "rtf_pu", "xtf_pu", "sn_mva"),
        ("sn_mva",),
        ("rft_pu", "xft_pu"),
        held=("gf_pu", "bf_pu", "gt_pu", "bt_pu"),
    ),
    "ext_grid": Table(("bus",), ("vm_pu", "va_degree"), ("vm_pu",), blank=("slack_weight",)),
    "load": Table(("bus",), ("p_mw", "q_mvar"), held=("scaling", *SHARES)),
    "sgen": Table(("bus",), ("p_mw", "q_mvar"), held=("scaling",)),
    "gen": Table(("bus",), ("p_mw", "vm_pu"), ("vm_pu",), held=("scaling",), blank=("sn_mva", "slack_weight", *LIMITS)),
    "storage": Table(
        ("bus",),
        ("p_mw", "q_mvar"),
        held=("scaling",),
        blank=("sn_mva", "soc_percent", "min_e_mwh", "max_e_mwh", "min_p_mw", "max_p_mw"),
    ),
    "motor": Table(
        ("bus",),
        ("pn_mech_mw", "cos_phi", "efficiency_percent", "loading_percent"),
        ("cos_phi", "efficiency_percent"),
        held=("scaling",),
    ),
    "shunt": Table(("bus",), ("p_mw", "q_mvar", "vn_kv", "step"), ("vn_kv",)),
    "ward": Table(("bus",), ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar")),
    "xward": Table(
        ("bus",),
        ("ps_mw", "qs_mvar", "pz_mw", "qz_mvar", "vm_pu", "r_ohm", "x_ohm"),
        ("vm_pu",),
        ("r_ohm", "x_ohm"),
        blank=("slack_weight",),
    ),
    "asymmetric_load": Table(("bus",), PHASES, held=("scaling",)),
    "asymmetric_sgen": Table(("bus",), PHASES, held=("scaling",)),
    "dcline": Table(
        ("from_bus", "to_bus"),
        ("p_mw", "vm_from_pu", "vm_to_pu", "loss_percent", "loss_mw"),
        ("vm_from_pu", "vm_to_pu"),
        blank=("max_p_mw", *(f"{bound}_q_{side}_mvar" for bound in ("min", "max") for side in ("from", "to"))),
    ),
}
FLAGS = {"gen": ("slack",), "trafo3w": ("tap_at_star_point",), "switch": ("closed",)}
COUNTED = {"bus", "line", "trafo", "trafo3w", "impedance"}
SWITCHED = {"l": "line", "t": "trafo", "t3": "trafo3w", "b": "bus"}


def fit_rows(rows: pd.DataFrame, table: str) -> NDArray[np.bool_]:
    """Return which rows, out of service ones too, hold the numbers that their table needs."""
    wanted = TABLES[table]
    fit = np.isfinite(rows[list(wanted.numbers)].to_numpy(float)).all(axis=1)
    fit &= (rows[list(wanted.positive)].to_numpy(float) > 0.0).all(axis=1)
    if wanted.impedance:
        fit &= (rows[list(wanted.impedance)].to_numpy(float) != 0.0).any(axis=1)
    return np.asarray(fit, dtype=np.bool_)


def table_issues(net: Any, name: str) -> list[Issue]:
    """Return everything in the tables that no calculation can use, by row and column.

    That is missing tables and columns, indices that appear twice, rows at buses that do not exist, values that are no
    finite numbers, branches without length, rating or impedance, switches at nothing. Rows out of service may hold any
    number, or nothing, but no text where a number belongs.
    """
    strange = {table: net.get(table) for table in ("bus", *TABLES, "switch")}
    strange = {table: rows for table, rows in strange.items() if rows is not None and not hasattr(rows, "columns")}
    if strange:
        return [Issue(name, table, type(rows).__name__, "a table") for table, rows in strange.items()]
    bus = net.get("bus")
    if bus is None or not len(bus):
        return [Issue(name, "bus", "no rows", "a table of buses", "is a sheet missing or misspelt?")]
    issues = _numbers(bus, "bus", ("vn_kv",), name) or _not_positive(bus, "bus", ("vn_kv",), name)
    issues += _index(bus, "bus", name) + _in_service(bus, "bus", name)
    for table, wanted in TABLES.items():
        rows = net.get(table)
        if rows is not None and len(rows):
            issues += _rows_of(rows, table, wanted, bus, name)
    if not any("bus" in issue.key for issue in issues):
        issues += _switches(net, name)
    return issues


def number_issues(net: Any, name: str) -> list[Issue]:
    """Return which of the net's rated power and frequency is no number above zero."""
    return [
        Issue(name, key, str(net.get(key, "")), f"a number above zero, such as {usual}")
        for key, usual in (("sn_mva", "1.0 [MVA]"), ("f_hz", "50.0 [Hz]"))
        if not is_number(net.get(key)) or not float(net[key]) > 0.0
    ]


def supply_issues(net: Any, name: str) -> list[Issue]:
    """Return that nothing in service holds the voltage: neither an external grid nor a generator with ``slack``."""
    grids, generators = net["ext_grid"], net["gen"]
    held = len(generators) and (generators["in_service"] & generators["slack"]).any()
    if held or (len(grids) and grids["in_service"].any()):
        return []
    got = f"{len(grids)} of {len(grids)} out of service" if len(grids) else "no rows"
    return [Issue(name, "ext_grid", got, "one in service, or a generator with slack", "the supply of the network")]


def _rows_of(rows: pd.DataFrame, table: str, wanted: Table, bus: pd.DataFrame, name: str) -> list[Issue]:
    needed = (*wanted.buses, *wanted.numbers)
    missing = [column for column in needed if column not in rows.columns]
    issues = [Issue(name, f"{table}.{column}", "no such column", "a column of the table") for column in missing]
    issues += _index(rows, table, name)
    issues += _in_service(rows, table, name)
    active = rows
    if "in_service" in rows.columns:
        unknown = ~rows["in_service"].isin((True, False))
        active = rows[unknown | rows["in_service"].isin((True,))]
    issues += [
        Issue(name, f"{table} {row}", f"{column} {value}", "a bus of the table bus")
        for column in wanted.buses
        if column not in missing
        for row, value in active[column].items()
        if value not in bus.index
    ]
    held = tuple(c for c in wanted.held if c in rows.columns)
    usable = tuple(c for c in (*wanted.numbers, *held) if c not in missing)
    odd = _numbers(active, table, usable, name)
    if not odd and not missing:
        odd = _not_positive(active, table, wanted.positive, name) + _useless(active, table, wanted, name)
    given = tuple(c for c in wanted.given if c in rows.columns)
    unfit = _numbers(active, table, given, name) or _not_positive(active, table, given, name)
    unfit = unfit or _not_whole(active, table, name)
    idle = rows.drop(index=active.index)
    columns = tuple(c for c in (*usable, *given) if c not in wanted.blank)
    at_rest = _texts(idle, table, (*columns, *wanted.blank), name)
    return issues + odd + unfit + at_rest + _texts(active, table, wanted.blank, name) + _sides(active, table, name)


def _in_service(rows: pd.DataFrame, table: str, name: str) -> list[Issue]:
    """Return what is neither true nor false of a table's column ``in_service`` and others of its kind."""
    return [
        Issue(name, f"{table} {row}", f"{column} {'nan' if value is None else value}", "true or false")
        for column in ("in_service", *FLAGS.get(table, ()))
        if column in rows.columns
        for row, value in rows[column][~rows[column].isin((True, False))].items()
    ]


def _texts(rows: pd.DataFrame, table: str, columns: tuple[str, ...], name: str) -> list[Issue]:
    """Return what stands where a number or nothing belongs."""
    return [
        Issue(name, f"{table} {row}", f"{column} {value}", "a finite number, or nothing")
        for column in columns
        if column in rows.columns
        for row, value in rows[column][rows[column].notna()].items()
        if not is_number(value) and not (column[:4] in {"min_", "max_"} and isinstance(value, float))
    ]


def _sides(rows: pd.DataFrame, table: str, name: str) -> list[Issue]:
    """Return sides of tap changers that a transformer does not have."""
    sides = SIDES.get(table, ())
    if not sides or "tap_side" not in rows.columns:
        return []
    given = rows["tap_side"][rows["tap_side"].notna()]
    return [
        Issue(name, f"{table} {row}", f"tap_side {side}", f"{', '.join(sides)} or nothing")
        for row, side in given.items()
        if side not in (*sides, "")
    ]


def _useless(rows: pd.DataFrame, table: str, wanted: Table, name: str) -> list[Issue]:
    """Return branches without impedance, and those that lead from a bus to itself."""
    found = []
    if wanted.impedance:
        nothing = (rows[list(wanted.impedance)].astype(float) == 0.0).all(axis=1)
        found += [
            Issue(name, f"{table} {row}", f"{' and '.join(wanted.impedance)} 0", "an impedance", "a switch joins buses")
            for row in rows.index[nothing.to_numpy()]
        ]
    if len(wanted.buses) == 2:
        loop = rows[wanted.buses[0]] == rows[wanted.buses[1]]
        found += [
            Issue(name, f"{table} {row}", f"both ends at bus {rows[wanted.buses[0]][row]}", "two buses")
            for row in rows.index[loop.to_numpy()]
        ]
    return found


def _switches(net: Any, name: str) -> list[Issue]:
    rows = net.get("switch")
    if rows is None or not len(rows) or not {"bus", "element", "et"} <= {*rows.columns}:
        return []
    found = _in_service(rows, "switch", name) + _texts(rows, "switch", ("z_ohm",), name)
    for row, bus, element, kind in zip(rows.index, rows["bus"], rows["element"], rows["et"], strict=True):
        if bus not in net["bus"].index:
            found.append(Issue(name, f"switch {row}", f"bus {bus}", "a bus of the table bus"))
        table = SWITCHED.get(str(kind))
        if table is None:
            found.append(Issue(name, f"switch {row}", f"et {kind}", "one of " + ", ".join(SWITCHED)))
        elif (known := net.get(table)) is None or element not in known.index:
            found.append(Issue(name, f"switch {row}", f"element {element}", f"a row of the table {table}"))
    return found


def whole_index(index: pd.Index) -> NDArray[np.bool_]:
    """Return which labels are whole numbers from 0 on: pandapower looks rows up by them."""
    if index.dtype.kind in "iu":
        return np.asarray(index >= 0)
    return np.array([is_number(label) and float(label) >= 0.0 and float(label) % 1.0 == 0.0 for label in index])


def _index(rows: pd.DataFrame, table: str, name: str) -> list[Issue]:
    """Return what is used twice of an index and, where others or branch names refer to it, what is no whole number."""
    again = rows.index[rows.index.duplicated()].unique()
    found = [Issue(name, f"{table} {row}", "index used twice", "one row an index") for row in again]
    if table in COUNTED:
        odd = rows.index[~whole_index(rows.index)]
        found += [Issue(name, f"{table} {row}", f"index {row}", "a whole number from 0 on") for row in odd]
    return found


def _not_whole(rows: pd.DataFrame, table: str, name: str) -> list[Issue]:
    if "parallel" not in TABLES[table].given or "parallel" not in rows.columns:
        return []
    return [
        Issue(name, f"{table} {row}", f"parallel {value:g}", "a whole number, for they are counted")
        for row, value in rows["parallel"].astype(float).items()
        if value % 1.0
    ]


def _not_positive(rows: pd.DataFrame, table: str, columns: tuple[str, ...], name: str) -> list[Issue]:
    return [
        Issue(name, f"{table} {row}", f"{column} {float(value):g}", "above zero")
        for column in columns
        for row, value in rows[column].items()
        if not float(value) > 0.0
    ]


def _numbers(rows: pd.DataFrame, table: str, columns: tuple[str, ...], name: str) -> list[Issue]:
    found = []
    for column in columns:
        if column not in rows.columns:
            found.append(Issue(name, f"{table}.{column}", "no such column", "a column of the table"))
            continue
        for row, value in rows[column].items():
            if not is_number(value):
                found.append(Issue(name, f"{table} {row}", f"{column} {value}", "a finite number"))
    return found


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, or a text that is one."""
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False
