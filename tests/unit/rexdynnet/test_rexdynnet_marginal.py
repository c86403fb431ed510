"""Marginal losses by node against finite differences of the full model in steady state: trees, meshes, two plants."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

DRAWN = np.array([20.0, 15.0, 10.0, 12.0])
SIDE = 20.0
STEP = 0.02
TREE = (("main", "a", "DN65", 150.0), ("a", "b", "DN50", 300.0), ("b", "c", "DN32", 250.0), ("a", "d", "DN25", 400.0))
MESH = (*TREE, ("d", "c", "DN32", 200.0), ("main", "d", "DN20", 500.0))


def town(pipes, plants, **ends):
    graph = nx.Graph()
    graph.add_node("main", kind="plant")
    if plants == 2:
        graph.add_node("side", kind="plant", max_heat_kw=200.0)
        pipes = (*pipes, ("side", "c", "DN40", 100.0))
    for house in "abcd":
        graph.add_node(house, kind="substation", design_heat_kw=60.0, **ends)
    for a, b, size, length in pipes:
        graph.add_edge(a, b, pipe=catalogue_pipe(size, length))
    return HeatNetwork.from_graph(graph)


def steady_loss(network, supply_c, drawn, side):
    sim = network.start((supply_c[0], 40.0))
    step = None
    for _ in range(110):
        flow = [np.nan] * len(supply_c)
        if side is not None:
            back = sim.state.node_c[1, sim.layout.plant_node[1]]
            flow[1] = side * 1000.0 / (sim.layout.fluid[1] * (supply_c[1] - back))
        step = sim.step(900.0, drawn, 40.0, supply_c, 10.0, plant_mass_flow_kg_s=flow)
    return step.loss_kw


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("plants", [1, 2])
@pytest.mark.parametrize("pipes", [TREE, MESH])
def test_signal_is_the_change_of_the_full_models_loss(pipes, plants, begun):
    """Within 1 % of each difference, or 0.2 % of the largest; before the first unit as after many."""
    network = town(pipes, plants)
    heat = HeatDelivery(network, ground_c=10.0, supply_temperature=75.0, return_temperature_c=40.0)
    side = SIDE if plants == 2 else None
    given = [DRAWN.sum() + 8.0 - (side or 0.0)] + ([side] if plants == 2 else [])
    position = np.concatenate((given, -DRAWN, [0.0]))
    for unit in range(24 if begun else 0):
        heat.deliver(unit, position)
    found = heat.signal([24], position[None])
    signal = dict(zip(heat.nodes, found.marginal_loss[0], strict=True))
    supply = [heat.save()[1], 75.0][:plants]

    def loss(drawn, side):
        return steady_loss(network, supply, drawn, side)

    differences = {}
    for k, house in enumerate("abcd"):
        more = STEP * (np.arange(4) == k)
        differences[house] = -(loss(DRAWN + more, side) - loss(DRAWN - more, side)) / (2.0 * STEP)
    if plants == 2:
        differences["side"] = (loss(DRAWN, side + STEP) - loss(DRAWN, side - STEP)) / (2.0 * STEP)
    largest = max(abs(d) for d in differences.values())
    assert signal["main"] == 0.0
    for node, difference in differences.items():
        assert signal[node] == pytest.approx(difference, rel=0.01, abs=0.002 * largest), node


@pytest.mark.parametrize("plants", [1, 2])
@pytest.mark.parametrize("pipes", [TREE, MESH])
def test_behind_exchangers_the_signal_is_that_change_too(pipes, plants):
    """What they give back follows load and supply temperature. Within 1 %, or 0.2 % of the largest; asked twice."""
    exchanger = Exchanger.design(60.0, 75.0, 45.0, 60.0, 40.0)
    network = town(pipes, plants, heating=exchanger)
    heat = HeatDelivery(network, ground_c=10.0, supply_temperature=80.0, return_temperature_c=40.0)
    side = SIDE if plants == 2 else None
    position = np.concatenate(([50.0], [SIDE] if plants == 2 else [], -DRAWN, [0.0]))
    signal = heat.signal([0], position[None]).marginal_loss[0]

    def loss(drawn, side):
        return steady_loss(network, [80.0] * plants, drawn, side)

    found = []
    for k in range(4):
        more = STEP * (np.arange(4) == k)
        found.append(-(loss(DRAWN + more, side) - loss(DRAWN - more, side)) / (2.0 * STEP))
    assert signal[plants : plants + 4] == pytest.approx(np.array(found), rel=0.01, abs=0.002 * np.abs(found).max())
    heat.headroom([0], 0.5 * position[None])
    assert np.array_equal(heat.signal([0], position[None]).marginal_loss[0], signal)


def test_a_plant_beside_gives_no_more_than_is_drawn_and_a_part_without_a_plant_counts_nothing():
    network = town(TREE, 2)
    heat = HeatDelivery(network, ground_c=10.0, supply_temperature=75.0, return_temperature_c=40.0)
    position = np.array([0.0, 500.0, *-DRAWN, 0.0])
    assert np.isfinite(heat.signal([0], position[None]).marginal_loss).all()
    name = {frozenset(ends[:2]): data["name"] for *ends, data in network.graph.edges(data=True)}
    heat.change(closed=[name[frozenset("ad")]])
    signal = dict(zip(heat.nodes, heat.signal([0], position[None]).marginal_loss[0], strict=True))
    assert signal["d"] == 0.0
    assert signal["b"] != 0.0
