"""Read a heat network from a pandapipes JSON file, without pandapipes.

Read are junctions, pipes, open valves, heat consumers or sinks, circulation pumps or external grids. A file with
circulation pumps holds a supply and a return side; the supply side, what is reached from the pumps' flow junctions
without passing a consumer, is the drawing of the route, and the return follows from it. Sinks become substations with
their mass flow in the node attribute ``mass_flow_kg_s``, external grids and pumps become plants. A pipe's ``alpha`` or
``u_w_per_m2k`` refers to its inner surface and becomes the film of a bare pipe.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx

from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.network import HeatNetwork
from rexnet_grid.rexdynnet.pipe import Pipe
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.fluid import Fluid

Row = dict[str, Any]
ADIABATIC_MK_W = 1e6
MAX_SUPPLY_C = 130.0


def read_pandapipes(path: str | Path, fluid: Fluid | None = None) -> HeatNetwork:
    """Return the heat network in a pandapipes JSON file.

    Raises
    ------
    NetworkDataError
        When the file is none, or holds no plant or no consumer.
    """
    file = Path(path)
    try:
        tables = _tables(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkDataError([Issue(str(file), "file", type(error).__name__, "a pandapipes JSON file")]) from error
    alias = _valves(tables)
    plants = _plants(tables, alias)
    consumers = _consumers(tables, alias)
    graph = _supply_side(tables, alias, plants, consumers)
    for node, data in plants.items():
        if node in graph:
            graph.nodes[node].update(kind="plant", **data)
    for node, data in consumers.items():
        if node in graph and graph.nodes[node]["kind"] != "plant":
            graph.nodes[node].update(kind="substation", **data)
    return HeatNetwork.from_graph(graph, fluid, file.stem)


def _tables(document: Row) -> dict[str, list[Row]]:
    """Return the tables in service as lists of rows, each with its ``index``."""
    found: dict[str, list[Row]] = {}
    for name, value in document["_object"].items():
        if not (isinstance(value, dict) and value.get("_class") == "DataFrame"):
            continue
        inside = value["_object"]
        table = json.loads(inside) if isinstance(inside, str) else inside
        rows = [
            {**dict(zip(table["columns"], row, strict=True)), "index": index}
            for index, row in zip(table["index"], table["data"], strict=True)
        ]
        found[name] = [row for row in rows if row.get("in_service", True) is not False]
    return found


def _valves(tables: dict[str, list[Row]]) -> dict[int, int]:
    """Return each junction's representative: both ends of an open valve or of a pipe without length are one node."""
    joined: nx.Graph[int] = nx.Graph()
    joined.add_nodes_from(row["index"] for row in tables["junction"])
    joined.add_edges_from(
        (row["from_junction"], row["to_junction"]) for row in tables.get("valve", []) if row.get("opened", True)
    )
    joined.add_edges_from(
        (row["from_junction"], row["to_junction"]) for row in tables.get("pipe", []) if not row["length_km"]
    )
    return {node: min(part) for part in nx.connected_components(joined) for node in part}


def _plants(tables: dict[str, list[Row]], alias: dict[int, int]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for table, junction, key in (
        ("circ_pump_pressure", "flow_junction", "t_flow_k"),
        ("circ_pump_mass", "flow_junction", "t_flow_k"),
        ("ext_grid", "junction", "t_k"),
    ):
        for row in tables.get(table, []):
            supply = float(row.get(key) or 343.15) - ZERO_CELSIUS_K
            found[str(alias[row[junction]])] = {"supply_c": supply, "max_supply_c": max(supply, MAX_SUPPLY_C)}
    return found


def _consumers(tables: dict[str, list[Row]], alias: dict[int, int]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for table in ("heat_consumer", "heat_exchanger"):
        for row in tables.get(table, []):
            data = found.setdefault(str(alias[row["from_junction"]]), {"design_heat_kw": 0.0})
            data["design_heat_kw"] += float(row.get("qext_w") or 0.0) / 1000.0
            if row.get("annual_consumption"):
                data["annual_kwh"] = data.get("annual_kwh", 0.0) + float(row["annual_consumption"]) / 1000.0
            if row.get("treturn_k"):
                data["return_c"] = float(row["treturn_k"]) - ZERO_CELSIUS_K
    for row in tables.get("sink", []):
        data = found.setdefault(str(alias[row["junction"]]), {"mass_flow_kg_s": 0.0})
        data["mass_flow_kg_s"] = data.get("mass_flow_kg_s", 0.0) + float(row["mdot_kg_per_s"])
    return found


def _pipe(row: Row) -> Pipe:
    diameter = row.get("diameter_m") or float(row.get("inner_diameter_mm") or 0.0) / 1000.0
    film = row.get("alpha_w_per_m2k") or row.get("u_w_per_m2k")
    return Pipe(
        length_m=1000.0 * float(row["length_km"]),
        inner_diameter_m=float(diameter),
        wall_thickness_m=0.0,
        insulation_thickness_m=0.0,
        outer_film=float(film) if film else None,
        soil_resistance=0.0 if film else ADIABATIC_MK_W,
        roughness_m=float(row.get("k_mm") or 0.0) / 1000.0,
        minor_loss=float(row.get("loss_coefficient") or 0.0),
    )


def _supply_side(
    tables: dict[str, list[Row]], alias: dict[int, int], plants: dict[str, Row], consumers: dict[str, Row]
) -> nx.Graph[str]:
    graph: nx.Graph[str] = nx.Graph()
    place = {row["index"]: row for row in tables.get("junction_geodata", [])}
    for row in tables["junction"]:
        node = str(alias[row["index"]])
        if node not in graph:
            graph.add_node(node, kind="junction", label=row.get("name") or node)
        if row["index"] in place:
            graph.nodes[node].update(x_m=place[row["index"]]["x"], y_m=place[row["index"]]["y"])
    names: dict[str, int] = {}
    for row in tables.get("pipe", []):
        a, b = (str(alias[row[end]]) for end in ("from_junction", "to_junction"))
        if a == b or graph.has_edge(a, b):
            continue
        name = str(row.get("name") or f"pipe {row['index']}")
        names[name] = names.get(name, 0) + 1
        graph.add_edge(a, b, name=name if names[name] == 1 else f"{name} ({names[name]})", pipe=_pipe(row), from_node=a)
    starts = [node for node in plants if node in graph]
    if not starts or not consumers:
        return graph
    reached: set[str] = set()
    for start in starts:
        reached |= set(nx.node_connected_component(graph, start))
    ordered: nx.Graph[str] = nx.Graph()
    ordered.add_nodes_from((node, graph.nodes[node]) for node in (*starts, *graph) if node in reached)
    ordered.add_edges_from((a, b, data) for a, b, data in graph.edges(data=True) if a in reached)
    return ordered
