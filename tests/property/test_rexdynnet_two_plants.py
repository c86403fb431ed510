"""A mesh fed by two plants, any demand, any share of the second plant, any step: mass, pressure and heat add up."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.rexdynnet import HeatNetwork, Pipe

HOUSES = ("a", "b", "c", "d")


def network():
    graph = nx.Graph()
    graph.add_node("west", kind="plant", max_supply_c=110.0)
    graph.add_node("east", kind="plant", max_supply_c=110.0)
    for house in HOUSES:
        graph.add_node(house, kind="substation", max_mass_flow_kg_s=1.2)
    ring = ("west", "a", "b", "east", "c", "d", "west")
    for k, (a, b) in enumerate(itertools.pairwise(ring)):
        graph.add_edge(a, b, pipe=Pipe(60.0 + 20.0 * k, 0.04 if k % 2 else 0.065, 0.0029), name=f"{a}-{b}")
    graph.add_edge("a", "d", pipe=Pipe(45.0, 0.03), name="a-d")
    return HeatNetwork.from_graph(graph)


NETWORK = network()
EDGES = [(data["name"], data["from_node"], b if data["from_node"] == a else a)
         for a, b, data in NETWORK.graph.edges(data=True)]  # fmt: skip
LOOPS = [["west", "a", "d", "west"], ["a", "b", "east", "c", "d", "a"]]
STEP = st.tuples(
    st.floats(1.0, 3600.0),
    st.lists(st.one_of(st.just(0.0), st.floats(0.5, 60.0)), min_size=4, max_size=4),
    st.floats(0.0, 1.5),
    st.floats(60.0, 95.0),
    st.floats(60.0, 95.0),
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=8))
def test_mass_pressure_and_heat_add_up(steps):
    sim = NETWORK.start((75.0, 45.0))
    highest = 75.0
    for dt, demand, side, west, east in steps:
        highest = max(highest, west, east)
        step = sim.step(dt, demand, 40.0, [west, east], 8.0, plant_mass_flow_kg_s=[np.nan, side])
        flow = dict(zip(NETWORK.pipes, step.pipe_flow_kg_s, strict=True))
        net = dict.fromkeys(NETWORK.nodes, 0.0)
        for name, start, end in EDGES:
            net[start] -= flow[name]
            net[end] += flow[name]
        for house, draw in zip(NETWORK.substation_names, step.mass_flow_kg_s, strict=True):
            net[house] -= draw
        for plant, gives in zip(NETWORK.plant_names, step.plants_kg_s, strict=True):
            net[plant] += gives
            assert gives >= 0.0
        assert np.abs(list(net.values())).max() < 1e-9
        drop = dict(zip(NETWORK.pipes, step.pressure_drop_pa, strict=True))
        if dt <= 900.0 and max(demand) > 0.0:
            for loop in LOOPS:
                total = sum(_along(drop, a, b) for a, b in itertools.pairwise(loop))
                assert abs(total) < 1e-4 * max(np.abs(step.pressure_drop_pa).max(), 1.0)
        assert step.heat_kw + step.unserved_kw == pytest.approx(np.array(demand), rel=1e-9, abs=1e-9)
        assert (step.unserved_kw >= 0.0).all()
        assert step.supply_c.max() <= highest + 0.05
        assert step.supply_c.min() >= 8.0 - 0.05
        assert step.return_c.min() >= 8.0 - 0.05
        scale = max(abs(step.plant_kw), abs(step.loss_kw), abs(step.stored_kw), 1e-3)
        assert abs(step.residual_kw) <= 1e-9 * scale + 1e-9 / dt


def _along(drop, a, b):
    for name, start, end in EDGES:
        if (start, end) == (a, b):
            return drop[name]
        if (end, start) == (a, b):
            return -drop[name]
    raise KeyError((a, b))


def test_the_second_plant_turns_the_flow_round():
    sim = NETWORK.start((75.0, 45.0))
    place = NETWORK.pipes.index("b-east")
    alone = sim.step(900.0, 20.0, 40.0, 80.0, 8.0, plant_mass_flow_kg_s=[np.nan, 0.0]).pipe_flow_kg_s[place]
    both = sim.step(900.0, 20.0, 40.0, 80.0, 8.0, plant_mass_flow_kg_s=[np.nan, 0.5]).pipe_flow_kg_s[place]
    assert alone < 0.0 < both
