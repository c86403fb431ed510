"""What is wrong in the tables of a pandapower net, before anything is computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    import pandas as pd

# table: columns that name buses, columns that hold numbers
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "line": (
        ("from_bus", "to_bus"),
        ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"),
    ),
    "trafo": (
        ("hv_bus", "lv_bus"),
        ("sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent"),
    ),
    "ext_grid": (("bus",), ("vm_pu",)),
    "load": (("bus",), ("p_mw", "q_mvar")),
    "sgen": (("bus",), ("p_mw", "q_mvar")),
    "gen": (("bus",), ("p_mw", "vm_pu")),
    "storage": (("bus",), ("p_mw", "q_mvar")),
}


def table_issues(net: Any, name: str) -> list[Issue]:
    """Return missing tables and columns, rows at buses that do not exist, and values that are no finite numbers.

    Rows out of service may hold anything.
    """
    bus = net.get("bus")
    if bus is None or not len(bus):
        return [Issue(name, "bus", "no rows", "a table of buses", "is a sheet missing or misspelt?")]
    issues = _numbers(bus, "bus", ("vn_kv",), name)
    for table, (places, numbers) in TABLES.items():
        rows = net.get(table)
        if rows is None or not len(rows):
            continue
        active = rows[rows["in_service"].astype(bool)] if "in_service" in rows.columns else rows
        missing = [c for c in (*places, *numbers) if c not in rows.columns]
        issues += [Issue(name, f"{table}.{column}", "no such column", "a column of the table") for column in missing]
        for column in (c for c in places if c not in missing):
            issues += [
                Issue(name, f"{table} {row}", f"{column} {value}", "a bus of the table bus")
                for row, value in active[column].items()
                if value not in bus.index
            ]
        issues += _numbers(active, table, tuple(c for c in numbers if c not in missing), name)
    return issues


def _numbers(rows: pd.DataFrame, table: str, columns: tuple[str, ...], name: str) -> list[Issue]:
    found = []
    for column in columns:
        if column not in rows.columns:
            found.append(Issue(name, f"{table}.{column}", "no such column", "a column of the table"))
            continue
        for row, value in rows[column].items():
            if not _is_number(value):
                found.append(Issue(name, f"{table} {row}", f"{column} {value}", "a finite number"))
    return found


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except (TypeError, ValueError):
        return False
