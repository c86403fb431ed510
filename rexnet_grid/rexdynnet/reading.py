"""Read a network from a folder of CSV files.

======================  ============================================================================================
file                    columns (those in brackets may be missing or empty)
======================  ============================================================================================
``nodes.csv``           name, kind (plant, substation, junction), [x_m, y_m, lon_deg, lat_deg, height_m]
``pipes.csv``           name, from_node, to_node, length_m, and either catalogue, series or inner_diameter_m;
                        [wall_thickness_m, wall_conductivity_w_mk, wall_density_kg_m3, wall_heat_capacity_j_kgk,
                        insulation_thickness_m, insulation_conductivity_w_mk, outer_film_w_m2k, soil_resistance_mk_w,
                        roughness_m, minor_loss, coupling, booster_shutoff_pa, booster_fall_pa_s_kg,
                        booster_fall_pa_s2_kg2, booster_efficiency, booster_best_kg_s, booster_side (supply, return or
                        both)]; a booster lifts supply water from ``from_node`` to ``to_node``
``substations.csv``     node, [design_heat_kw, return_c, max_mass_flow_kg_s, min_supply_c, min_differential_pa,
                        bypass_supply_c, bypass_kg_s, annual_kwh]
``plants.csv``          node, [max_heat_kw, min_supply_c, max_supply_c, supply_c, pump_shutoff_pa, pump_fall_pa_s2_kg2,
                        pump_efficiency, pump_best_kg_s]; the first plant is the main one
======================  ============================================================================================

Any file may have columns ``label``, ``comment``, ``x``, ``y``, ``pos`` and ``geometry``, which nothing reads; other
columns are refused. Lengths are those of the route; supply and return pipe both follow from it. Read with a sizing
rule, pipes need no diameter: all are then chosen for the design heats.
"""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx

from rexnet_grid.errors import InputError, Issue, NetworkDataError, did_you_mean
from rexnet_grid.rexdynnet.booster import Booster
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.fitness import FREE_ATTRIBUTES, KINDS, PLACE
from rexnet_grid.rexdynnet.network import HeatNetwork
from rexnet_grid.rexdynnet.pipe import Pipe
from rexnet_grid.rexdynnet.pump import Pump

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.sizing import SizingRule

PIPE_COLUMNS = {
    "inner_diameter_m": "inner_diameter_m",
    "wall_thickness_m": "wall_thickness_m",
    "wall_conductivity_w_mk": "wall_conductivity",
    "wall_density_kg_m3": "wall_density",
    "wall_heat_capacity_j_kgk": "wall_heat_capacity",
    "insulation_thickness_m": "insulation_thickness_m",
    "insulation_conductivity_w_mk": "insulation_conductivity",
    "outer_film_w_m2k": "outer_film",
    "soil_resistance_mk_w": "soil_resistance",
    "roughness_m": "roughness_m",
    "minor_loss": "minor_loss",
    "coupling": "coupling",
}
SUBSTATION_COLUMNS = (
    "design_heat_kw",
    "return_c",
    "max_mass_flow_kg_s",
    "min_supply_c",
    "min_differential_pa",
    "bypass_supply_c",
    "bypass_kg_s",
    "annual_kwh",
)
PUMP_COLUMNS = {
    "pump_shutoff_pa": "shutoff_pa",
    "pump_fall_pa_s2_kg2": "fall_pa_s2_kg2",
    "pump_efficiency": "efficiency",
    "pump_best_kg_s": "best_kg_s",
}
PLANT_COLUMNS = ("max_heat_kw", "min_supply_c", "max_supply_c", "supply_c", *PUMP_COLUMNS)
BOOSTER_COLUMNS = {column.replace("pump", "booster"): field for column, field in PUMP_COLUMNS.items()}
BOOSTER_EXTRA = ("booster_fall_pa_s_kg", "booster_side")
STAND_IN = Pipe(1.0, 0.1)
_REQUIRED = {
    "nodes.csv": ("name", "kind"),
    "pipes.csv": ("name", "from_node", "to_node", "length_m"),
    "substations.csv": ("node",),
    "plants.csv": ("node",),
}
_KNOWN = {
    "nodes.csv": (*_REQUIRED["nodes.csv"], *PLACE, *FREE_ATTRIBUTES),
    "pipes.csv": (
        *_REQUIRED["pipes.csv"],
        "catalogue",
        "series",
        *PIPE_COLUMNS,
        *BOOSTER_COLUMNS,
        *BOOSTER_EXTRA,
        *FREE_ATTRIBUTES,
    ),
    "substations.csv": ("node", *SUBSTATION_COLUMNS, "name", *FREE_ATTRIBUTES),
    "plants.csv": ("node", *PLANT_COLUMNS, "name", *FREE_ATTRIBUTES),
}


def read_folder(path: str | Path, fluid: Fluid | None = None, sizing: SizingRule | None = None) -> HeatNetwork:
    """Return the network in a folder; with a ``sizing`` all pipes are chosen by it, and diameters may be missing.

    Raises
    ------
    NetworkDataError
        With everything that is wrong: missing files and columns, numbers that are none, unknown nodes and catalogue
        entries, duplicate names, disconnected nodes, no plant.
    """
    folder = Path(path)
    issues: list[Issue] = []
    rows = {name: _rows(folder / name, issues) for name in _REQUIRED}
    if issues:
        raise NetworkDataError(issues)
    graph: nx.Graph[str] = nx.Graph()
    for number, row in enumerate(rows["nodes.csv"], start=2):
        where = f"nodes.csv row {number}"
        if row["name"] in graph:
            issues.append(Issue(str(folder), f"{where}, name", row["name"], "a name used once"))
        if row["kind"] not in KINDS:
            hint = did_you_mean(row["kind"], KINDS)
            issues.append(Issue(str(folder), f"{where}, kind", row["kind"], "one of " + ", ".join(KINDS), hint))
        found = {key: _number(folder, where, key, row, issues) for key in PLACE if row.get(key)}
        place = {key: value for key, value in found.items() if not math.isnan(value)}
        graph.add_node(row["name"], kind=row["kind"] if row["kind"] in KINDS else "junction", **place)
    _add_pipes(folder, rows["pipes.csv"], graph, issues, drawn_only=sizing is not None)
    ordered: nx.Graph[str] = nx.Graph()
    for file, kind, columns in (
        ("plants.csv", "plant", PLANT_COLUMNS),
        ("substations.csv", "substation", SUBSTATION_COLUMNS),
    ):
        _add_ends(folder, file, kind, columns, rows[file], graph, ordered, issues)
    ordered.add_nodes_from(graph.nodes(data=True))
    ordered.add_edges_from(graph.edges(data=True))
    try:
        network = HeatNetwork.from_graph(ordered, fluid, folder.name, None if issues else sizing)
    except NetworkDataError as error:
        raise NetworkDataError([*issues, *error.issues]) from None
    if issues:
        raise NetworkDataError(issues)
    return network


def _rows(path: Path, issues: list[Issue]) -> list[dict[str, str]]:
    required, known = _REQUIRED[path.name], _KNOWN[path.name]
    if not path.is_file():
        issues.append(Issue(str(path.parent), path.name, "", "a CSV file", f"with columns {', '.join(required)}"))
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        present = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = present
        missing = [name for name in required if name not in present]
        issues += [
            Issue(str(path.parent), f"{path.name}, column {name}", "", f"a column {name}", did_you_mean(name, present))
            for name in missing
        ]
        issues += [
            Issue(str(path.parent), f"{path.name}, column {name}", name, "a column that is read: " + ", ".join(known),
                  did_you_mean(name, known))
            for name in present
            if name and name not in known
        ]  # fmt: skip
        rows = list(reader)
    issues += [
        Issue(str(path.parent), f"{path.name} row {number}", ",".join(row[None]), "no more cells than columns")
        for number, row in enumerate(rows, start=2)
        if None in row
    ]
    return [{key: (value or "").strip() for key, value in row.items() if key} for row in rows]


def _number(folder: Path, where: str, key: str, row: dict[str, str], issues: list[Issue]) -> float:
    try:
        value = float(row[key])
    except ValueError:
        value = math.nan
    if math.isnan(value):
        issues.append(Issue(str(folder), f"{where}, {key}", row[key], "a number"))
        return math.nan
    return value


def _add_pipes(
    folder: Path, rows: list[dict[str, str]], graph: nx.Graph, issues: list[Issue], *, drawn_only: bool
) -> None:
    """Draw the pipes; one that cannot be read is drawn with a stand-in, for islands are looked for all the same."""
    names: set[str] = set()
    for number, row in enumerate(rows, start=2):
        where = f"pipes.csv row {number}"
        name = row["name"]
        if name in names:
            name = f"{name} ({where})"
            issues.append(Issue(str(folder), f"{where}, name", row["name"], "a name used once"))
        names.add(row["name"])
        for key in ("from_node", "to_node"):
            if row[key] not in graph:
                hint = did_you_mean(row[key], graph.nodes)
                issues.append(Issue(str(folder), f"{where}, {key}", row[key], "a node of nodes.csv", hint))
        if graph.has_edge(row["from_node"], row["to_node"]):
            ends = f"{row['from_node']} to {row['to_node']}"
            issues.append(Issue(str(folder), where, ends, "one route between two nodes", "put a junction into one"))
        pipe = _pipe(folder, where, row, issues, drawn_only=drawn_only)
        if row["from_node"] in graph and row["to_node"] in graph:
            drawn = pipe or STAND_IN
            graph.add_edge(row["from_node"], row["to_node"], name=name, pipe=drawn, from_node=row["from_node"])
            booster = _booster(folder, where, row, issues)
            if booster is not None:
                graph.edges[row["from_node"], row["to_node"]]["booster"] = booster


def _booster(folder: Path, where: str, row: dict[str, str], issues: list[Issue]) -> Booster | None:
    """Return the booster of a pipe from its columns, if it has any."""
    columns = (*BOOSTER_COLUMNS, *BOOSTER_EXTRA)
    given: dict[str, Any] = {key: _number(folder, where, key, row, issues) for key in columns[:-1] if row.get(key)}
    if not (given or row.get("booster_side")) or any(math.isnan(value) for value in given.values()):
        return None
    if "booster_shutoff_pa" not in given:
        issues.append(Issue(str(folder), f"{where}, booster_shutoff_pa", "", "the head without flow [Pa]"))
        return None
    fall = given.pop("booster_fall_pa_s_kg", 0.0)
    try:
        pump = Pump(**{BOOSTER_COLUMNS[column]: value for column, value in given.items()})
        return Booster(pump, row.get("booster_side") or "supply", fall)
    except InputError as error:
        issues += [Issue(str(folder), f"{where}, booster_{i.key}", i.value, i.expected, i.hint) for i in error.issues]
        return None


def _pipe(folder: Path, where: str, row: dict[str, str], issues: list[Issue], *, drawn_only: bool) -> Pipe | None:
    before = len(issues)
    length = _number(folder, where, "length_m", row, issues)
    given: dict[str, Any] = {
        field: _number(folder, where, column, row, issues) for column, field in PIPE_COLUMNS.items() if row.get(column)
    }
    if len(issues) > before:
        return None
    try:
        if row.get("catalogue"):
            return catalogue_pipe(row["catalogue"], length, int(row.get("series") or 2), **given)
        if drawn_only and "inner_diameter_m" not in given:
            kept = {field: given[field] for field in ("minor_loss", "soil_resistance") if field in given}
            return replace(STAND_IN, length_m=length, **kept)
        if "inner_diameter_m" not in given:
            issues.append(
                Issue(str(folder), f"{where}, inner_diameter_m", "", "a diameter or a catalogue entry such as DN50",
                      "or let it be chosen: rexnet networks size, or HeatNetwork.from_csv(folder, sizing=SizingRule())")
            )  # fmt: skip
            return None
        return Pipe(length_m=length, **given)
    except InputError as error:
        issues += [Issue(str(folder), f"{where}, {i.key}", i.value, i.expected, i.hint) for i in error.issues]
        return None


def _add_pump(folder: Path, where: str, node: str, graph: nx.Graph, issues: list[Issue]) -> None:
    """Make the pump of a plant from its columns, if it has any."""
    data = graph.nodes[node]
    given = {field: data.pop(column) for column, field in PUMP_COLUMNS.items() if column in data}
    if not given:
        return
    if "shutoff_pa" not in given:
        issues.append(Issue(str(folder), f"{where}, pump_shutoff_pa", "", "the head without flow [Pa]"))
        return
    try:
        data["pump"] = Pump(**given)
    except InputError as error:
        issues += [Issue(str(folder), f"{where}, pump_{i.key}", i.value, i.expected, i.hint) for i in error.issues]


def _add_ends(
    folder: Path,
    file: str,
    kind: str,
    columns: tuple[str, ...],
    rows: list[dict[str, str]],
    graph: nx.Graph,
    ordered: nx.Graph,
    issues: list[Issue],
) -> None:
    listed: set[str] = set()
    for number, row in enumerate(rows, start=2):
        where = f"{file} row {number}"
        node = row["node"]
        if node not in graph or graph.nodes[node].get("kind") != kind:
            hint = did_you_mean(node, [n for n, data in graph.nodes(data=True) if data.get("kind") == kind])
            issues.append(Issue(str(folder), f"{where}, node", node, f"a node of kind {kind}", hint))
            continue
        if node in listed:
            issues.append(Issue(str(folder), f"{where}, node", node, "a node listed once"))
        listed.add(node)
        values = {key: _number(folder, where, key, row, issues) for key in columns if row.get(key)}
        graph.nodes[node].update({key: value for key, value in values.items() if not math.isnan(value)})
        _add_pump(folder, where, node, graph, issues)
        ordered.add_node(node)
    issues += [
        Issue(str(folder), f"{file}, node", "", f"a row for {node}, which nodes.csv calls a {kind}")
        for node, data in graph.nodes(data=True)
        if data.get("kind") == kind and node not in listed
    ]
