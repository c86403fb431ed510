"""Where a network lies: nodes and branches as the results keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rexnet_grid.spacemeternet.dwelling_delivery import DwellingDelivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.delivery import DeliveryNetwork
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.rexdynnet import HeatDelivery


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """The columns of the tables ``nodes`` and ``branches``, but the carrier."""

    nodes: Mapping[str, Any]
    branches: Mapping[str, Any]


def map_of(network: DeliveryNetwork) -> NetworkMap:
    """Return where a delivery network lies."""
    if network.carrier == "electricity":
        return electric_map(cast("ElectricDelivery", network))
    if isinstance(network, DwellingDelivery):
        return building_map(network)
    return heat_map(cast("HeatDelivery", network))


def electric_map(delivery: ElectricDelivery) -> NetworkMap:
    """Return where an electric network lies [degree]."""
    network = delivery.network
    place = {f"bus {bus}": at for at, bus in enumerate(network.buses)}
    xy = network.bus_xy()[[place[node] for node in delivery.nodes]]
    table = network.branch_table
    nodes = {
        "node": list(delivery.nodes),
        "x": xy[:, 0],
        "y": xy[:, 1],
        "kind": ["supply" if node == delivery.supply_node else "bus" for node in delivery.nodes],
    }
    ampere = [1e3 * r if kind == "line" else r for r, kind in zip(table["rating"], table["kind"], strict=True)]
    branches = {
        "branch": table.index.tolist(),
        "from_node": [f"bus {bus}" for bus in table["from_bus"]],
        "to_node": [f"bus {bus}" for bus in table["to_bus"]],
        "length_m": np.full(len(table), np.nan),
        "rating": ampere,
    }
    return NetworkMap(nodes, branches)


def building_map(delivery: DwellingDelivery) -> NetworkMap:
    """Return where the flats of a building are [column, floor], and which of them exchange heat."""
    walls = delivery.dwelling.walls
    middle = float(np.mean([x for x, _ in walls.places.values()]))
    lowest = min(y for _, y in walls.places.values())
    at = {delivery.supply_node: (middle, lowest - 1.0), **walls.places}
    nodes = {
        "node": list(delivery.nodes),
        "x": [at[node][0] for node in delivery.nodes],
        "y": [at[node][1] for node in delivery.nodes],
        "kind": ["supply" if node == delivery.supply_node else "flat" for node in delivery.nodes],
    }
    joined = [pair for pair, g in zip(walls.named_pairs, walls.conductance_kw_k, strict=True) if g > 0.0]
    branches = {
        "branch": [f"{a} - {b}" for a, b in joined],
        "from_node": [a for a, _ in joined],
        "to_node": [b for _, b in joined],
        "length_m": np.full(len(joined), np.nan),
        "rating": np.full(len(joined), np.nan),
    }
    return NetworkMap(nodes, branches)


def heat_map(delivery: HeatDelivery) -> NetworkMap:
    """Return where a heat network lies: longitude and latitude [degree] where its files have them, else metres."""
    graph = delivery.network.graph
    known = all("lon_deg" in data and "lat_deg" in data for _, data in graph.nodes(data=True))
    east, north = ("lon_deg", "lat_deg") if known else ("x_m", "y_m")
    edges = [(data["from_node"], b if data["from_node"] == a else a, data) for a, b, data in graph.edges(data=True)]
    nodes = {
        "node": [str(node) for node in graph],
        "x": [float(data.get(east, np.nan)) for _, data in graph.nodes(data=True)],
        "y": [float(data.get(north, np.nan)) for _, data in graph.nodes(data=True)],
        "kind": [str(data["kind"]) for _, data in graph.nodes(data=True)],
    }
    branches = {
        "branch": [data["name"] for _, _, data in edges],
        "from_node": [str(start) for start, _, _ in edges],
        "to_node": [str(end) for _, end, _ in edges],
        "length_m": [data["pipe"].length_m for _, _, data in edges],
        "rating": [data["pipe"].inner_diameter_m for _, _, data in edges],
    }
    return NetworkMap(nodes, branches)
