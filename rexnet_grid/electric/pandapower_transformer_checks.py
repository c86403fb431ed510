"""What of transformers pandapower cannot make a two-port of; it says so without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rexnet_grid.electric.pandapower_checks import SIDES, is_number
from rexnet_grid.electric.pandapower_tables import is_missing
from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Iterator

CHARACTERISTICS = "trafo_characteristic_table"
RATIO = ("voltage_ratio", "angle_deg")
PAIRS = {
    "trafo": (("vk_percent", "vkr_percent"),),
    "trafo3w": tuple((f"vk_{side}_percent", f"vkr_{side}_percent") for side in SIDES["trafo3w"]),
}


def transformer_issues(net: Any, name: str) -> list[Issue]:
    """Return transformers in service whose resistance exceeds their impedance, or whose tap stands on a broken row.

    Those that follow a table have their impedance, ratio and angle from its row for their tap position.
    """
    return [
        Issue(name, key, got, expected, hint)
        for table in PAIRS
        for row, transformer in net[table][net[table].in_service.astype(bool)].iterrows()
        for key, got, expected, hint in _of(net, table, f"{table} {row}", transformer)
    ]


def _of(net: Any, table: str, label: str, transformer: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, what is wrong, what was expected and a hint of one transformer."""
    follows = transformer.get("tap_dependency_table", False)
    if is_missing(follows) or not follows:
        yield from _resistances(label, transformer, table, "")
        return
    rows = net.get(CHARACTERISTICS)
    if not hasattr(rows, "columns"):
        yield label, f"tap_dependency_table without {CHARACTERISTICS}", "the table that it follows", ""
        return
    number, position = transformer.get("id_characteristic_table"), transformer.get("tap_pos")
    if is_missing(number):
        yield label, f"id_characteristic_table {number}", f"an id of {CHARACTERISTICS}", ""
        return
    there = f"{label} stands at step {position}"
    for index, step in rows[(rows.get("id_characteristic") == number) & (rows.get("step") == position)].iterrows():
        key = f"{CHARACTERISTICS} {index}"
        needed = (*RATIO, *(column for pair in PAIRS[table] for column in pair))
        blank = [column for column in needed if not is_number(step.get(column))]
        for column in blank:
            yield key, f"{column} {step.get(column)}", "a finite number", there
        if not blank:
            yield from _resistances(key, step, table, there)


def _resistances(key: str, row: Any, table: str, hint: str) -> Iterator[tuple[str, str, str, str]]:
    for impedance, resistance in PAIRS[table]:
        z, r = float(row[impedance]), float(row[resistance])
        if abs(r) > abs(z):
            yield key, f"{resistance} {r:g} beside {impedance} {z:g}", "a resistance within the impedance", hint
