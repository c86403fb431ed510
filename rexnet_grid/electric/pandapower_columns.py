"""Tables and columns without which pandapower solves no net are named; what it can do without is filled in."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import pandapower as pp
import pandas as pd

from rexnet_grid.electric.pandapower_checks import TABLES, is_number, whole_index
from rexnet_grid.errors import Issue

# beside the buses and numbers of TABLES
NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(TABLES, ("in_service",)),
    "bus": ("in_service",),
    "line": ("max_i_ka", "g_us_per_km", "df", "parallel", "in_service"),
    "trafo": ("tap_neutral", "parallel", "df", "in_service"),
    "trafo3w": ("tap_side", "tap_at_star_point", "in_service"),
    "impedance": ("gf_pu", "bf_pu", "gt_pu", "bt_pu", "in_service"),
    "ext_grid": ("slack_weight", "in_service"),
    "load": (*(f"const_{what}_{way}_percent" for what in "zi" for way in "pq"), "scaling", "in_service"),
    **dict.fromkeys(("sgen", "storage", "motor", "asymmetric_load", "asymmetric_sgen"), ("scaling", "in_service")),
    "gen": ("scaling", "slack", "in_service"),
    "shunt": ("id_characteristic_table", "in_service"),
    "xward": ("slack_weight", "in_service"),
    "dcline": (
        "max_p_mw",
        *(f"{bound}_q_{side}_mvar" for bound in ("min", "max") for side in ("from", "to")),
        "in_service",
    ),
    "switch": ("bus", "element", "et", "closed", "z_ohm"),
}
GENERATOR_WEIGHTS = ("sn_mva", "slack_weight")
DIRECT_CURRENT = (
    "bus_dc",
    "line_dc",
    "load_dc",
    "source_dc",
    "ssc",
    "svc",
    "tcsc",
    "vsc",
    "vsc_bipolar",
    "vsc_stacked",
)
# what runpp does without
SPARED: dict[str, tuple[str, ...]] = {
    "bus": ("name",),
    "load": ("name", "type"),
    "sgen": ("name", "type"),
    "storage": ("name",),
    "asymmetric_load": ("name", "type"),
    "asymmetric_sgen": ("name", "type"),
    "trafo": ("tap_side", "tap_pos", "tap_min", "tap_max", "tap_step_percent", "tap_step_degree"),
    "trafo3w": ("tap_pos", "tap_neutral", "tap_min", "tap_max", "tap_step_percent", "tap_step_degree"),
}


@cache
def standard_tables() -> dict[str, pd.DataFrame]:
    """Return the empty tables of a net of the installed pandapower; not to be changed."""
    net = pp.create_empty_network(add_stdtypes=False)
    return {name: table for name, table in net.items() if isinstance(table, pd.DataFrame)}


def missing_issues(net: Any, name: str) -> list[Issue]:
    """Return the tables, and the columns of tables with rows, that the installed pandapower needs and the net lacks."""
    standard = standard_tables()
    hint = "pandapower's tables are there without rows, too"
    found = [
        Issue(name, table, "", f"a table of pandapower {pp.__version__}", hint)
        for table in ("bus", *TABLES, "switch", *DIRECT_CURRENT)
        if table in standard and net.get(table) is None
    ]
    for table, columns in NEEDED.items():
        rows = net.get(table)
        if not isinstance(rows, pd.DataFrame) or not len(rows):
            continue
        lines = net.get("dcline")
        weighs = table == "gen" and not (isinstance(lines, pd.DataFrame) and len(lines))
        found += [
            Issue(name, f"{table}.{column}", "no such column", "a column of the table")
            for column in (*columns, *(GENERATOR_WEIGHTS if weighs else ()))
            if column in standard[table].columns and column not in rows.columns
        ]
    return found


def completed(net: Any) -> Any:
    """Return the net with what ``runpp`` does without filled in, in a copy where anything is.

    Names, types and what tells how taps move stay blank; a table without rows gets its columns; a whole index that is
    held as decimals becomes one of integers.
    """
    changes: dict[str, Any] = {} if "user_pf_options" in net else {"user_pf_options": {}}
    for table, standard in standard_tables().items():
        rows = net.get(table)
        if not isinstance(rows, pd.DataFrame):
            continue
        if not len(rows):
            if len(standard.columns.difference(rows.columns)) and table in NEEDED:
                changes[table] = standard.copy()
            continue
        blank = [c for c in SPARED.get(table, ()) if c in standard.columns and c not in rows.columns]
        decimal = (
            isinstance(rows.index.dtype, np.dtype) and rows.index.dtype.kind == "f" and whole_index(rows.index).all()
        )
        more = {c: None if standard[c].dtype == object else np.nan for c in blank} | _numbers_of_objects(rows, table)
        if more or decimal:
            changes[table] = rows.assign(**more).set_axis(rows.index.astype(np.int64) if decimal else rows.index)
    if not changes:
        return net
    net = copy.deepcopy(net)
    net.update(changes)
    return net


def _numbers_of_objects(rows: pd.DataFrame, table: str) -> dict[str, Any]:
    """Return the columns that hold numbers or nothing as numbers, where ``None`` stands for nothing."""
    wanted = TABLES.get(table)
    columns = ("z_ohm",) if table == "switch" else () if wanted is None else (*wanted.blank, *wanted.given)
    found = {}
    for column in (c for c in columns if c in rows.columns and rows[c].dtype == object):
        given = rows[column].dropna()
        if len(given) < len(rows) and given.map(is_number).all():
            found[column] = rows[column].astype(float)
    return found
