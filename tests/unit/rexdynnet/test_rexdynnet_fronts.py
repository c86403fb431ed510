"""A front that comes to rest or turns round: water and wall only mix, so nothing passes what was put in."""

from __future__ import annotations

import networkx as nx
import pytest

from rexnet_grid.rexdynnet import HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, START, TEMP

COLD_C, HOT_C = 50.0, 90.0
PIPES = [("DN150", 800.0, 1.0), ("DN50", 116.0, 1.0), ("DN32", 300.0, 0.24)]
BEYOND_K = (
    0.2  # what an exponential profile within a parcel and the film of the moment leave; 20 K where a front is turned
)


def between_two_plants(size: str, length_m: float) -> HeatNetwork:
    """A pipe between two plants, a consumer at each of its ends."""
    graph = nx.Graph()
    for name, kind in (("P", "plant"), ("Q", "plant"), ("h", "substation"), ("a", "substation")):
        graph.add_node(name, kind=kind)
    for start, end, length in (("P", "h", 1.0), ("h", "a", length_m), ("a", "Q", 1.0)):
        graph.add_edge(start, end, from_node=start, pipe=catalogue_pipe(size, length))
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9], ids="filled {}".format)
@pytest.mark.parametrize(
    ("size", "length_m", "kg_s"), [("DN150", 800.0, 1.0), ("DN50", 116.0, 1.0), ("DN32", 300.0, 0.24)]
)
def test_nothing_is_hotter_or_colder_than_what_was_put_in(
    size: str, length_m: float, kg_s: float, share: float
) -> None:
    network = between_two_plants(size, length_m)
    pipe, house = list(network.pipes).index("h-a"), list(network.nodes).index("h")
    for rests in (False, True):
        simulation = network.start((COLD_C, COLD_C))
        ground = {"return_temperature_c": COLD_C, "ground_c": COLD_C}
        there = {"mass_flow_kg_s": [0.0, kg_s], "plant_mass_flow_kg_s": [0.0, 0.0]}
        back = {"mass_flow_kg_s": [kg_s, 0.0], "plant_mass_flow_kg_s": [0.0, kg_s]}
        still = {"mass_flow_kg_s": [0.0, 0.0], "plant_mass_flow_kg_s": [0.0, 0.0]}
        fill_s = share * simulation.layout.mass_kg[pipe] / kg_s
        simulation.step(fill_s, supply_temperature_c=[HOT_C, COLD_C], **there, **ground)
        for _ in range(20):
            if rests:
                simulation.step(1.0, supply_temperature_c=[COLD_C, COLD_C], **still, **ground)
            step = simulation.step(0.1 * fill_s, supply_temperature_c=[COLD_C, COLD_C], **back, **ground)
            assert COLD_C - BEYOND_K < step.supply_c[house] < HOT_C + BEYOND_K
            state, first = simulation.state, int(simulation.layout.row_ptr[pipe])
            rows = range(first, first + int(simulation.layout.cells[state.level[0, pipe], pipe]) + 1)
            held = [
                state.parcel[row, (state.ring[row, START] + k) & LAST, TEMP]
                for row in rows
                for k in range(state.ring[row, COUNT])
            ]
            assert min(held) > COLD_C - BEYOND_K
            assert max(held) < HOT_C + BEYOND_K
