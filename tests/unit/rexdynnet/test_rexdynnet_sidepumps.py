"""A plant beside the main one gives what its own pump lifts against what the network asks for at its node."""

import itertools

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

SIZES = ("DN32", "DN40", "DN50", "DN65")


def between(side, main=None):
    """Return two houses between a main plant and a side plant."""
    graph = nx.Graph()
    graph.add_node("main", kind="plant", pump=Pump(400_000.0, 1000.0) if main is None else main)
    graph.add_node("side", kind="plant", pump=side)
    for house in "ab":
        graph.add_node(house, kind="substation", min_differential_pa=50_000.0)
    graph.add_edge("main", "a", pipe=catalogue_pipe("DN65", 500.0))
    graph.add_edge("a", "b", pipe=catalogue_pipe("DN65", 500.0))
    graph.add_edge("b", "side", pipe=catalogue_pipe("DN50", 100.0))
    return HeatNetwork.from_graph(graph)


def after(network, flow, demand=150.0, **given):
    sim = network.start((75.0, 40.0))
    for _ in range(6):
        step = sim.step(900.0, demand, 40.0, 75.0, plant_mass_flow_kg_s=flow, **given)
    return step


def asked_pa(network, step, g):
    """Return what the network asks of a side plant's pump, from the heads and drops of the step."""
    drops = dict(zip(network.pipes, step.pressure_drop_pa, strict=True))
    way = nx.shortest_path(network.graph, network.plant_names[0], network.plant_names[g])
    total = step.plants_head_pa[0]
    for here, there in itertools.pairwise(way):
        data = network.graph.edges[here, there]
        total -= 2.0 * drops[data["name"]] * (1.0 if data["from_node"] == here else -1.0)
    return max(total, 0.0)


def test_a_weak_pump_gives_nothing_and_a_strong_one_all():
    free = after(between(None), [0.0, 1.5])
    strong = after(between(Pump(400_000.0)), [0.0, 1.5])
    assert np.allclose(strong.plants_kg_s, free.plants_kg_s)
    assert np.allclose(strong.plants_head_pa, free.plants_head_pa)
    weak = after(between(Pump(5_000.0)), [0.0, 1.5])
    assert weak.plants_kg_s[1] == weak.plants_head_pa[1] == weak.pumps_kw[1] == 0.0
    assert weak.plants_kg_s[0] == pytest.approx(weak.mass_flow_kg_s.sum())
    assert not weak.unserved_kw.any()
    assert after(between(Pump(5_000.0)), [0.0, 20.0], 300.0).plants_kg_s[1] == 0.0


@pytest.mark.parametrize("control", ["worst", "fixed"])
def test_a_side_plant_gives_the_flow_at_which_its_curve_meets_the_network(control):
    network = between(Pump(60_000.0, 20_000.0, 0.7, 0.8, control))
    step = after(network, [0.0, 1.5])
    flow, head = step.plants_kg_s[1], step.plants_head_pa[1]
    assert 0.3 < flow < 1.0
    assert head == pytest.approx(60_000.0 - 20_000.0 * flow**2, rel=2e-3)
    assert asked_pa(network, step, 1) == pytest.approx(head, rel=2e-3)
    speed = np.sqrt((head + 20_000.0 * flow**2) / 60_000.0)
    x = flow / (speed * 0.8)
    assert step.pumps_kw[1] == pytest.approx(flow * head / (network.fluid.density * 0.7 * x * (2 - x)) / 1000.0)
    less = after(network, [0.0, 0.9 * flow])
    assert less.plants_kg_s[1] == pytest.approx(0.9 * flow)
    assert (less.plants_head_pa[1] < head) == (control == "worst")


def test_a_pump_that_may_give_more_again_does():
    network = between(Pump(60_000.0, 20_000.0))
    sim = network.start((75.0, 40.0))
    sim.step(900.0, [0.0, 150.0], 40.0, 75.0, plant_mass_flow_kg_s=[0.0, 1.5])
    for _ in range(6):
        step = sim.step(900.0, 150.0, 40.0, 75.0, plant_mass_flow_kg_s=[0.0, 1.5])
    assert step.plants_kg_s[1] == pytest.approx(after(network, [0.0, 1.5]).plants_kg_s[1], rel=2e-3)


def test_measured_flows_are_taken_as_they_are():
    step = after(between(Pump(5_000.0)), [0.0, 0.5], None, mass_flow_kg_s=[0.6, 0.6])
    assert step.plants_kg_s[1] == 0.5
    assert step.plants_head_pa[1] == 5_000.0


def test_a_main_plant_without_a_pump_circulates_no_more_for_what_the_other_cannot_lift():
    graph = nx.Graph()
    graph.add_node("main", kind="plant")
    graph.add_node("side", kind="plant", pump=Pump(20_000.0, 3_000.0))
    graph.add_node("a", kind="substation", min_differential_pa=5_000.0, max_mass_flow_kg_s=9.0)
    graph.add_edge("main", "a", pipe=catalogue_pipe("DN32", 30.0))
    graph.add_edge("a", "side", pipe=catalogue_pipe("DN32", 300.0))
    step = after(HeatNetwork.from_graph(graph), [0.0, 3.0], 900.0)
    most = 3.0 * catalogue_pipe("DN32", 1.0).area_m2 * HeatNetwork.from_graph(graph).fluid.density
    assert 0.0 < step.plants_kg_s[1] < 1.0
    assert step.plants_kg_s[0] == pytest.approx(most, rel=1e-3)
    assert step.unserved_kw[0] > 100.0


def anywhere(rng):
    graph = nx.Graph()
    houses = int(rng.integers(3, 8))
    pumps = [
        Pump(float(rng.uniform(2e4, 1e5)), float(rng.choice([0.0, 1e3, 8e3])), control=control)
        for control in rng.choice(["worst", "fixed"], 3)
    ]
    graph.add_node("main", kind="plant", pump=pumps[0] if rng.random() < 0.7 else None)
    spots = ["main"]
    for k in range(houses):
        graph.add_node(f"h{k}", kind="substation", min_differential_pa=float(rng.choice([0.0, 5e3, 2e4])))
        pipe = catalogue_pipe(str(rng.choice(SIZES)), float(rng.uniform(20.0, 200.0)))
        graph.add_edge(spots[int(rng.integers(len(spots)))], f"h{k}", pipe=pipe)
        spots.append(f"h{k}")
    for _ in range(int(rng.integers(0, 3))):
        a, b = (spots[k] for k in rng.choice(len(spots), 2, replace=False))
        if not graph.has_edge(a, b):
            graph.add_edge(a, b, pipe=catalogue_pipe("DN40", float(rng.uniform(50.0, 300.0))))
    for k in range(int(rng.integers(1, 3))):
        graph.add_node(f"side{k}", kind="plant", pump=pumps[1 + k])
        graph.add_edge(spots[1 + int(rng.integers(houses))], f"side{k}", pipe=catalogue_pipe("DN40", 50.0))
    return HeatNetwork.from_graph(graph), houses


def test_no_side_plant_anywhere_lifts_more_than_its_curve_or_gives_less_than_it_could():
    held = short = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network, houses = anywhere(rng)
        sim = network.start((75.0, 40.0))
        for _ in range(3):
            wanted = np.concatenate(([0.0], rng.choice([0.1, 0.5, 2.0], len(network.plants) - 1)))
            demand = rng.uniform(5.0, 80.0, houses)
            step = sim.step(900.0, demand, 40.0, 75.0, plant_mass_flow_kg_s=wanted)
            assert not step.unsettled
            assert abs(step.residual_kw) <= 1e-9 * max(step.plant_kw, 1.0)
            short += step.unserved_kw.any()
            drawn = step.mass_flow_kg_s.sum()
            for g, plant in list(enumerate(network.plants))[1:]:
                flow, head = step.plants_kg_s[g], plant.pump.shutoff_pa
                most = head - plant.pump.fall_pa_s2_kg2 * flow**2
                asked = asked_pa(network, step, g)
                close = 3e-3 * plant.pump.shutoff_pa
                if flow > 0.0:
                    assert asked <= most + close
                    assert step.plants_head_pa[g] <= most * (1.0 + 1e-12)
                rest = drawn - step.plants_kg_s[1:].sum()
                if flow < wanted[g] * (1.0 - 1e-6) and rest > 1e-6:
                    held += 1
                    assert asked >= most - close
    assert held > 30
    assert short > 10
