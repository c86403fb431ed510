"""Read a heat network from a pandapipes JSON file, without pandapipes.

Read are junctions with their heights, pipes, open valves, pumps, heat consumers, sinks, sources, circulation pumps
and external grids. A file with circulation pumps holds a supply and a return side; the supply side, what is reached
from their flow junctions without passing a consumer, is the drawing of the route, and the return follows from it.

External grids, circulation pumps and sources become plants, in this order; a source has the temperature of its junction
and, like a sink or a consumer of controlled flow, its mass flow in the node attribute ``mass_flow_kg_s``. Heat and
return of consumers are told in :mod:`pandapipes_consumers`. A pipe's ``alpha`` or ``u_w_per_m2k`` refers to its inner
surface and becomes the film of a bare pipe; of two pipes between the same junctions the second is drawn as two halves.
Pumps between junctions become boosters, see :mod:`pandapipes_pumps`.
Whatever is in service and has no place in the model is an error that names it: nothing is left out.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import networkx as nx

from rexnet_grid.errors import InputError, Issue, NetworkDataError
from rexnet_grid.rexdynnet.booster import ring_pipes
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C, Fluid
from rexnet_grid.rexdynnet.network import HeatNetwork
from rexnet_grid.rexdynnet.pandapipes_consumers import control, gas_name, heat_kw
from rexnet_grid.rexdynnet.pandapipes_pumps import pump_curves, serving, upstream
from rexnet_grid.rexdynnet.pipe import Pipe
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.rexdynnet.booster import Booster

Row = dict[str, Any]
ADIABATIC_MK_W = 1e6
USUAL_SUPPLY_K = 343.15
CIRCULATION = ("circ_pump_pressure", "circ_pump_mass")
CONSUMERS = ("heat_consumer", "heat_exchanger")
STAND_IN = Pipe(1.0, 0.1)
PUMP_LENGTH_M = 0.1
NO_LENGTH = "0 joins two junctions, as an open valve does"
READ = ("junction", "pipe", "valve", *CONSUMERS, "sink", "source", *CIRCULATION, "ext_grid", "pump")
HINTS = {
    "flow_control": "give its flow to the consumer behind it: a heat_consumer with controlled_mdot_kg_per_s",
    "press_control": "take it out of service: valves of consumers follow the heat they ask for",
    "compressor": "heat networks carry water: take it out of service",
}


@dataclass
class _File:
    """Tables in service of a file, the node of each junction, and what cannot be read."""

    where: str
    tables: dict[str, list[Row]]
    fluid: Fluid
    issues: list[Issue] = field(default_factory=list)
    alias: dict[int, str] = field(default_factory=dict)

    def rows(self, *names: str) -> list[tuple[str, Row]]:
        return [(name, row) for name in names for row in self.tables.get(name, [])]

    def refuse(self, table: str, row: Row, value: str, expected: str, hint: str = "") -> None:
        self.issues.append(Issue(self.where, f"{table} {row['index']}", value, expected, hint))


def read_pandapipes(path: str | Path, fluid: Fluid | None = None) -> HeatNetwork:
    """Return the heat network in a pandapipes JSON file.

    Raises
    ------
    NetworkDataError
        When the file is none, holds no plant or no consumer, or with every element that the model has no place for.
    """
    file = Path(path)
    fluid = fluid or Fluid.water(60.0, follows=True)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        tables = _tables(document)
        source = _File(str(file), {"junction": tables["junction"]} | tables, fluid)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkDataError([Issue(str(file), "file", type(error).__name__, "a pandapipes JSON file")]) from error
    gas = gas_name(document)
    if gas is not None:
        source.issues.append(Issue(source.where, "fluid", gas, "water", "a network of gas pipes carries no heat"))
    _refuse_foreign(source)
    _refuse_loose(source)
    source.alias = _nodes(source)
    curves = pump_curves(document, source.rows("pump"), fluid, source.refuse)
    plants = _plants(source)
    if not plants:
        expected = "one in service: it gives the water its temperature"
        source.issues.append(Issue(source.where, ", ".join((*CIRCULATION, "ext_grid")), "none", expected))
        raise NetworkDataError(source.issues)
    consumers = _consumers(source, plants)
    graph = _drawing(source)
    _draw_pumps(source, graph, curves)
    whole, graph = graph, _supply_side(source, graph, plants)
    _return_pumps(source, whole, graph, curves)
    _ring_pumps(source, graph)
    if source.issues:
        raise NetworkDataError(source.issues)
    for node, data in plants.items():
        graph.nodes[node].update(kind="plant", **data)
    for node, data in consumers.items():
        graph.nodes[node].update(kind="substation", **data)
    for _, _, data in graph.edges(data=True):
        del data["row"]
    return HeatNetwork.from_graph(graph, fluid, file.stem)


def _tables(document: Row) -> dict[str, list[Row]]:
    """Return the tables in service as lists of rows, each with its ``index``; what is no number is None."""
    found: dict[str, list[Row]] = {}
    for name, value in document["_object"].items():
        if not (isinstance(value, dict) and value.get("_class") == "DataFrame"):
            continue
        inside = value["_object"]
        table = json.loads(inside) if isinstance(inside, str) else inside
        rows = [
            {**dict(zip(table["columns"], map(_known, row), strict=True)), "index": index}
            for index, row in zip(table["index"], table["data"], strict=True)
        ]
        found[name] = [row for row in rows if row.get("in_service", True) is not False]
    return found


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _ends(row: Row) -> list[int]:
    ends = [row[key] for key in row if key == "junction" or key.endswith("_junction")]
    return [*ends, row["element"]] if row.get("et") == "ju" else ends


def _refuse_foreign(source: _File) -> None:
    """Name the elements of tables that the model knows nothing like."""
    for table, rows in source.tables.items():
        if table in READ or table.startswith("res_") or table.endswith("geodata"):
            continue
        for row in (row for row in rows if _ends(row)):
            between = "junction " + " to ".join(map(str, _ends(row)))
            source.refuse(table, row, between, "one of the tables " + ", ".join(READ), HINTS.get(table, ""))


def _refuse_loose(source: _File) -> None:
    """Name and set aside elements at junctions that are out of service."""
    present = {row["index"] for row in source.tables["junction"]}
    for table in READ[1:]:
        for row in source.tables.get(table, []):
            for end in (end for end in _ends(row) if end not in present):
                hint = "put the junction into service, or take the element out"
                source.refuse(table, row, f"junction {end}", "a junction in service", hint)
        source.tables[table] = [row for row in source.tables.get(table, []) if present.issuperset(_ends(row))]


def _nodes(source: _File) -> dict[int, str]:
    """Return each junction's node: both ends of an open valve are one, and those of a pipe of exactly no length."""
    joined: nx.Graph[int] = nx.Graph()
    joined.add_nodes_from(row["index"] for row in source.tables["junction"])
    for table, row in source.rows("valve"):
        ends, is_open = _ends(row), row.get("opened") is not False
        if len(ends) == 2 and is_open:
            joined.add_edge(ends[0], ends[1])
        elif len(ends) < 2 and not is_open:
            hint = "take the pipe out of service, or shut it in the run: simulate(changes=...)"
            source.refuse(table, row, f"closed on {row.get('et')} {row.get('element')}", "an open valve", hint)
    joined.add_edges_from((ends[0], ends[1]) for ends in (_ends(row) for _, row in source.rows("pipe") if _joins(row)))
    return {node: str(min(part)) for part in nx.connected_components(joined) for node in part}


def _joins(row: Row) -> bool:
    """Return whether a pipe has no length, as drawings have them where a service branches off."""
    return _is_number(row.get("length_km")) and row["length_km"] == 0.0


def _plants(source: _File) -> dict[str, Row]:
    found: dict[str, Row] = {}
    water_k = {row["index"]: row.get("tfluid_k") for row in source.tables["junction"]}
    for table, row in source.rows(*CIRCULATION, "ext_grid", "source"):
        junction = row["flow_junction" if table in CIRCULATION else "junction"]
        kelvin = {"ext_grid": row.get("t_k"), "source": water_k[junction]}.get(table, row.get("t_flow_k"))
        supply = _supply_c(source, table, row, kelvin)
        data = {"supply_c": supply}
        if table == "source" or (table == "circ_pump_mass" and found):
            data["mass_flow_kg_s"] = _flow(source, table, row)
        if found.setdefault(source.alias[junction], data) != data or (table == "source" and len(found) == 1):
            hint = "move it behind a short pipe" if len(found) > 1 else "add an external grid or a circulation pump"
            expected = "one plant at a junction, besides one that takes up the balance"
            source.refuse(table, row, f"junction {junction}", expected, hint)
    return found


def _supply_c(source: _File, table: str, row: Row, kelvin: Any) -> float:
    """Return the supply temperature of a plant; one that is missing or cannot be is named."""
    if _is_number(kelvin) and FREEZING_C <= kelvin - ZERO_CELSIUS_K <= BOILING_C:
        return float(kelvin) - ZERO_CELSIUS_K
    column = {"ext_grid": "t_k", "source": "tfluid_k of its junction"}.get(table, "t_flow_k")
    least, most = FREEZING_C + ZERO_CELSIUS_K, BOILING_C + ZERO_CELSIUS_K
    source.refuse(table, row, f"{column} {kelvin}", f"the temperature of its water, {least} to {most} K")
    return USUAL_SUPPLY_K - ZERO_CELSIUS_K


def _flow(source: _File, table: str, row: Row) -> float:
    column = "mdot_flow_kg_per_s" if table == "circ_pump_mass" else "mdot_kg_per_s"
    given, scaling = row.get(column), row.get("scaling")
    scaling = 1.0 if scaling is None else scaling
    if not (_is_number(given) and _is_number(scaling)):
        value = f"{column} {given}" if not _is_number(given) else f"scaling {scaling}"
        source.refuse(table, row, value, "a mass flow [kg/s]", "0 for none")
        return 0.0
    flow = float(given) * float(scaling)
    if flow < 0.0:
        hint = "a negative sink is a source, a negative source a sink"
        source.refuse(table, row, f"{flow} kg/s", "a mass flow that is not negative", hint)
    return flow


def _consumers(source: _File, plants: dict[str, Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    ruled: dict[str, bool] = {}
    supply_c = next(iter(plants.values()), {}).get("supply_c", USUAL_SUPPLY_K - ZERO_CELSIUS_K)
    for table, row in source.rows(*CONSUMERS, "sink"):
        node = source.alias[row["junction" if table == "sink" else "from_junction"]]
        if node in plants:
            hint = "put a pipe between plant and consumer"
            source.refuse(table, row, f"junction {_ends(row)[0]}", "a junction without a plant", hint)
        data = found.setdefault(node, {})
        if table == "sink":
            data["mass_flow_kg_s"] = data.get("mass_flow_kg_s", 0.0) + _flow(source, table, row)
            continue
        data["design_heat_kw"] = data.get("design_heat_kw", 0.0) + heat_kw(source, table, row, supply_c)
        if row.get("annual_consumption"):
            data["annual_kwh"] = data.get("annual_kwh", 0.0) + float(row["annual_consumption"]) / 1000.0
        if row.get("treturn_k"):
            data["return_c"] = float(row["treturn_k"]) - ZERO_CELSIUS_K
        elif row.get("deltat_k"):
            data["return_c"] = supply_c - float(row["deltat_k"])
        has_flow = row.get("controlled_mdot_kg_per_s") is not None
        if ruled.setdefault(node, has_flow) != has_flow:
            expected = "a controlled flow for all consumers of a junction, or for none"
            source.refuse(table, row, f"junction {_ends(row)[0]}", expected, "put a short pipe before one of them")
        elif has_flow:
            control(source, table, row, data, supply_c)
    return found


def _pipe(source: _File, row: Row) -> Pipe:
    """Return the pipe of a row; one that cannot be is named and drawn with a stand-in, so that its ends stay joined."""
    in_m = row.get("diameter_m")
    film = row.get("alpha_w_per_m2k") or row.get("u_w_per_m2k")
    given: Row = {
        "length_m": _times(1000.0, row.get("length_km")),
        "inner_diameter_m": _times(0.001, row.get("inner_diameter_mm")) if in_m is None else in_m,
        "outer_film": film or None,
        "roughness_m": _times(0.001, row.get("k_mm") or 0.0),
        "minor_loss": row.get("loss_coefficient") or 0.0,
    }
    try:
        return Pipe(
            wall_thickness_m=0.0, insulation_thickness_m=0.0, soil_resistance=0.0 if film else ADIABATIC_MK_W, **given
        )
    except InputError as error:
        for issue in error.issues:
            hint = NO_LENGTH if issue.key == "length_m" else ""
            key = f"pipe {row['index']}, {issue.key}"
            source.issues.append(Issue(source.where, key, issue.value, issue.expected, hint))
        return STAND_IN


def _times(factor: float, value: Any) -> Any:
    return factor * value if _is_number(value) else value


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _drawing(source: _File) -> nx.Graph[str]:
    """Return all junctions and pipes of the file, supply and return side; each edge knows its ``row``."""
    graph: nx.Graph[str] = nx.Graph()
    place = {row["index"]: row for row in source.tables.get("junction_geodata", [])}
    for row in source.tables["junction"]:
        node = source.alias[row["index"]]
        if node not in graph:
            height = {"height_m": float(row["height_m"])} if row.get("height_m") else {}
            graph.add_node(node, kind="junction", label=row.get("name") or node, **height)
        if row["index"] in place:
            graph.nodes[node].update(x_m=place[row["index"]]["x"], y_m=place[row["index"]]["y"])
    names: dict[str, int] = {}
    for table, row in source.rows("pipe"):
        if _joins(row):
            continue
        a, b = (source.alias[end] for end in _ends(row))
        if a == b:
            source.refuse(table, row, "both ends joined by open valves", "two different ends", "shut or remove a valve")
            continue
        name = str(row.get("name") or f"pipe {row['index']}")
        names[name] = names.get(name, 0) + 1
        _draw(graph, a, b, name if names[name] == 1 else f"{name} ({names[name]})", row, _pipe(source, row))
    return graph


def _draw(graph: nx.Graph[str], a: str, b: str, name: str, row: Row, pipe: Pipe) -> None:
    if not graph.has_edge(a, b):
        graph.add_edge(a, b, name=name, pipe=pipe, from_node=a, row=row)
        return
    half = replace(pipe, length_m=pipe.length_m / 2.0, minor_loss=pipe.minor_loss / 2.0)
    middle = f"middle of {name}"
    graph.add_node(middle, kind="junction", label=middle)
    graph.add_edge(a, middle, name=f"{name}, first half", pipe=half, from_node=a, row=row)
    graph.add_edge(middle, b, name=f"{name}, second half", pipe=half, from_node=middle, row=row)


def _draw_pumps(source: _File, graph: nx.Graph[str], curves: Mapping[int, Booster]) -> None:
    """Draw the pumps: each a short pipe as wide as the widest beside it, without loss."""
    for table, row in source.rows("pump"):
        a, b = (source.alias[end] for end in _ends(row))
        if a == b or graph.has_edge(a, b):
            expected = "two junctions that no valve or pipe joins beside it"
            source.refuse(table, row, f"junction {_ends(row)[0]} to {_ends(row)[1]}", expected, "close the valve")
            continue
        beside = [data["pipe"].inner_diameter_m for _, _, data in graph.edges([a, b], data=True)]
        pipe = Pipe(
            PUMP_LENGTH_M, max(beside, default=STAND_IN.inner_diameter_m), 0.0, insulation_thickness_m=0.0,
            soil_resistance=ADIABATIC_MK_W, roughness_m=0.0,
        )  # fmt: skip
        name = f"pump {row['index']}"
        graph.add_edge(a, b, name=name, pipe=pipe, from_node=a, row=row, booster=curves.get(row["index"]))


def _return_pumps(source: _File, whole: nx.Graph[str], supply: nx.Graph[str], curves: Mapping[int, Booster]) -> None:
    """Put each pump of the return side into the supply's pipe that serves the same consumers."""
    pairs = {(source.alias[row["from_junction"]], source.alias[row["to_junction"]])
             for _, row in source.rows(*CONSUMERS)}  # fmt: skip
    others = {s for s, _ in pairs} | {source.alias[row["junction"]] for _, row in source.rows("sink")}
    for table, row in source.rows("pump"):
        a, b = (source.alias[end] for end in _ends(row))
        if row["index"] not in curves or a in supply or not whole.has_edge(a, b):
            continue
        behind = upstream(whole, a, b)
        served = frozenset(s for s, r in pairs if r in behind)
        mixed = any((s in served) != (r in behind) for s, r in pairs)
        found = None if b in behind or mixed else serving(supply, next(iter(supply)), served, others - served)
        if found is None:
            expected = "a pump that lifts the return of some consumers towards the plant, outside of rings"
            hint = "turn it round, or put it beside a pipe whose supply serves the same consumers"
            source.refuse(table, row, f"junction {_ends(row)[0]} to {_ends(row)[1]}", expected, hint)
            continue
        supply.edges[found].update(booster=replace(curves[row["index"]], side="return"), from_node=found[0])


def _ring_pumps(source: _File, graph: nx.Graph[str]) -> None:
    """Let pumps in rings stand on both sides where the file holds the supply alone; the return mirrors it."""
    if source.rows(*CIRCULATION, *CONSUMERS):
        return
    for (_, _, data), ring in zip(graph.edges(data=True), ring_pipes(graph), strict=True):
        if ring and data.get("booster") is not None:
            data["booster"] = replace(data["booster"], side="both")


def _supply_side(source: _File, graph: nx.Graph[str], plants: dict[str, Row]) -> nx.Graph[str]:
    """Return what the main plant reaches; name what neither it nor the return side holds."""
    reached = set(nx.node_connected_component(graph, next(iter(plants))))
    held = set(reached)
    for table, row in source.rows(*CIRCULATION, *CONSUMERS):
        behind = source.alias[row["return_junction" if table in CIRCULATION else "to_junction"]]
        if table in CIRCULATION and behind in reached:
            hint = "supply and return may meet in consumers only: take the pipe or valve between them out of service"
            source.refuse(table, row, f"return junction {row['return_junction']}", "a return side of its own", hint)
        elif behind in reached and source.rows("pump"):
            hint = "a pump that drives a circuit by itself is a circulation pump: circ_pump_pressure"
            source.refuse(table, row, f"to_junction {row['to_junction']}", "a return side of its own", hint)
        held |= nx.node_connected_component(graph, behind)
    for table, row in source.rows(*CIRCULATION, "ext_grid", "source", *CONSUMERS, "sink"):
        junction = row[next(key for key in ("flow_junction", "from_junction", "junction") if key in row)]
        if source.alias[junction] not in reached:
            hint = "check pipes, valves and pumps on the way"
            source.refuse(table, row, f"junction {junction}", "a way of pipes to the main plant", hint)
    loose = {("booster" in data, data["row"]["index"]): data for a, _, data in graph.edges(data=True) if a not in held}
    for data in loose.values():
        row, table = data["row"], "pump" if "booster" in data else "pipe"
        between = "junction " + " to ".join(map(str, _ends(row)))
        source.refuse(table, row, between, "a way of pipes to the main plant", "check pipes, valves and pumps")
    ordered: nx.Graph[str] = nx.Graph()
    starts = (node for node in plants if node in reached)
    ordered.add_nodes_from((node, graph.nodes[node]) for node in (*starts, *graph) if node in reached)
    ordered.add_edges_from((a, b, data) for a, b, data in graph.edges(data=True) if a in reached)
    return ordered
