"""What makes a network unfit to be simulated: its numbers, its names, nodes that nothing reaches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from rexnet_grid.errors import Issue, did_you_mean
from rexnet_grid.rexdynnet.booster import booster_issues
from rexnet_grid.rexdynnet.emitters import Emitter
from rexnet_grid.rexdynnet.exchanger import Exchanger
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C
from rexnet_grid.rexdynnet.pump import Pump

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rexnet_grid.rexdynnet.network import HeatNetwork, Plant, Substation

KINDS = ("plant", "substation", "junction")
MAY_BE_UNLIMITED = frozenset({"max_heat_kw", "max_mass_flow_kg_s"})
MAY_BE_LEFT_OUT = frozenset({"min_supply_c", "max_supply_c"})
WATER = frozenset({"return_c", "supply_c"})
SUBSTATION_NUMBERS = (
    "design_heat_kw",
    "return_c",
    "max_mass_flow_kg_s",
    "min_supply_c",
    "min_differential_pa",
    "bypass_supply_c",
    "bypass_kg_s",
)
PLANT_NUMBERS = ("max_heat_kw", "min_supply_c", "max_supply_c", "supply_c")
FREE_ATTRIBUTES = ("label", "comment", "x", "y", "pos", "geometry")
PLAUSIBLE_DIAMETER_M = (0.002, 4.0)
PLACE = ("x_m", "y_m", "lon_deg", "lat_deg", "height_m")
NODE_ATTRIBUTES = ("kind", "name", *PLACE, *FREE_ATTRIBUTES)
END_ATTRIBUTES = ("annual_kwh", "mass_flow_kg_s")
EDGE_ATTRIBUTES = ("pipe", "booster", "name", "from_node", "catalogue", "series", *FREE_ATTRIBUTES)
EQUIPMENT: dict[str, type] = {"heating": Exchanger, "hot_water": Exchanger, "emitter": Emitter, "pump": Pump}


def network_issues(network: HeatNetwork) -> list[Issue]:
    """Return everything that makes a network unfit: plants, reachability, names, kinds, impossible numbers."""
    where = network.name
    graph = network.graph
    issues = [
        Issue(where, f"node {node}, kind", repr(data.get("kind")), "one of " + ", ".join(KINDS),
              did_you_mean(str(data.get("kind")), KINDS))
        for node, data in graph.nodes(data=True)
        if data.get("kind") not in KINDS
    ]  # fmt: skip
    issues += [
        Issue(where, f"node {node}, height_m", repr(data["height_m"]), "a finite number [m]")
        for node, data in graph.nodes(data=True)
        if "height_m" in data and not (_is_number(data["height_m"]) and math.isfinite(data["height_m"]))
    ]
    if not network.plants:
        issues.append(Issue(where, "plants", "", "at least one plant", "give a node the kind plant"))
    if not network.substations:
        issues.append(Issue(where, "substations", "", "at least one substation"))
    names: dict[str, int] = {}
    for name in network.pipes:
        names[name] = names.get(name, 0) + 1
    issues += [
        Issue(where, f"pipe {name}", f"{count} times", "a name used once") for name, count in names.items() if count > 1
    ]
    issues += [
        Issue(where, f"pipe {data['name']}", f"{a} to {b}", "two different ends")
        for a, b, data in graph.edges(data=True)
        if a == b
    ]
    narrow, wide = PLAUSIBLE_DIAMETER_M
    issues += [
        Issue(where, f"pipe {data['name']}, inner diameter", f"{data['pipe'].inner_diameter_m:g} m",
              f"{narrow:g} to {wide:g} m", "metres and millimetres may be mixed up")
        for _, _, data in graph.edges(data=True)
        if not narrow <= data["pipe"].inner_diameter_m <= wide
    ]  # fmt: skip
    issues += booster_issues(network)
    return [*issues, *_island_issues(network), *end_issues(where, network.substations, network.plants)]


def attribute_issues(where: str, graph: nx.Graph, own: Mapping[str, Iterable[str]]) -> list[Issue]:
    """Return every attribute of a drawn graph that nothing reads.

    Parameters
    ----------
    where
        What the graph is called in messages.
    graph
        The graph.
    own
        By kind of node, the attributes that only nodes of this kind have.
    """
    issues = []
    for node, data in graph.nodes(data=True):
        kind = data.get("kind", "junction")
        known = (*NODE_ATTRIBUTES, *((*own[kind], *END_ATTRIBUTES) if kind in own else ()))
        others = {name: other for other, names in own.items() if other != kind for name in names}
        issues += [
            Issue(where, f"node {node}, {key}", repr(value), f"an attribute of a {kind}",
                  f"{key} belongs to a {others[key]}" if key in others else did_you_mean(str(key), known))
            for key, value in data.items()
            if key not in known
        ]  # fmt: skip
    for a, b, data in graph.edges(data=True):
        issues += [
            Issue(where, f"edge {a}-{b}, {key}", repr(value), "an attribute of a route: " + ", ".join(EDGE_ATTRIBUTES),
                  did_you_mean(str(key), EDGE_ATTRIBUTES))
            for key, value in data.items()
            if key not in EDGE_ATTRIBUTES
        ]  # fmt: skip
    return issues


def end_issues(where: str, substations: Iterable[Substation], plants: Iterable[Plant]) -> list[Issue]:
    """Return every attribute of substations and plants that cannot be."""
    issues: list[Issue] = []
    for s in substations:
        key = f"substation {s.node}"
        issues += _number_issues(where, key, s, SUBSTATION_NUMBERS)
        issues += _equipment_issues(where, key, s, ("heating", "hot_water", "emitter"))
    for p in plants:
        key = f"plant {p.node}"
        wrong = _number_issues(where, key, p, PLANT_NUMBERS)
        issues += [*wrong, *_equipment_issues(where, key, p, ("pump",))]
        if wrong:
            continue
        if p.coldest_c > p.hottest_c:
            expected = f"at most max_supply_c {p.hottest_c:g}"
            issues.append(Issue(where, f"{key}, min_supply_c", f"{p.coldest_c:g}", expected))
        elif not p.coldest_c <= p.supply_c <= p.hottest_c:
            expected = f"inside min_supply_c and max_supply_c, {p.coldest_c:g} to {p.hottest_c:g}"
            hint = "its usual supply temperature, 75 degC where left out"
            issues.append(Issue(where, f"{key}, supply_c", f"{p.supply_c:g}", expected, hint))
    return issues


def _island_issues(network: HeatNetwork) -> list[Issue]:
    """Return the nodes without a way to the main plant or, without a plant, to the largest part of the network."""
    graph = network.graph
    main = next((plant.node for plant in network.plants[:1] if plant.node in graph), None)
    if main is not None:
        reached, goal = nx.node_connected_component(graph, main), "the main plant"
    else:
        reached, goal = max(nx.connected_components(graph), key=len, default=set()), "the rest of the network"
    return [
        Issue(network.name, f"node {node}", "disconnected", f"a way of pipes to {goal}", "check the pipes' ends")
        for node in graph
        if node not in reached
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _number_issues(where: str, key: str, item: Any, names: tuple[str, ...]) -> list[Issue]:
    issues = []
    for name in names:
        value = getattr(item, name)
        least, most = (FREEZING_C, BOILING_C) if name in WATER else (0.0, math.inf)
        open_end = name in MAY_BE_UNLIMITED
        if value is None and name in MAY_BE_LEFT_OUT:
            continue
        if _is_number(value) and least <= value <= most and (open_end or math.isfinite(value)):
            continue
        expected = f"water from {least:g} to {most:g} degC" if name in WATER else "a number, not negative"
        if not (open_end or name in WATER):
            expected = "a finite number, not negative"
        issues.append(Issue(where, f"{key}, {name}", repr(value) if isinstance(value, str) else str(value), expected))
    return issues


def _equipment_issues(where: str, key: str, item: Any, names: tuple[str, ...]) -> list[Issue]:
    return [
        Issue(where, f"{key}, {name}", repr(getattr(item, name)), f"a rexdynnet.{EQUIPMENT[name].__name__} or None")
        for name in names
        if getattr(item, name) is not None and not isinstance(getattr(item, name), EQUIPMENT[name])
    ]
