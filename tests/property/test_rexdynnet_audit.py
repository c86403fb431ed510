"""The audit of every step closes to 1e-9 of its throughput, however little that is beside what the pipes hold."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Emitter, Exchanger, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

SIZES = ("DN20", "DN50", "DN100", "DN200", "DN400", "DN600")
HOUSE = Exchanger.design(heat_kw=20, supply_c=75, return_c=42, secondary_supply_c=58, secondary_return_c=38)
ENDS = (
    {},
    {"heating": HOUSE, "emitter": Emitter(20, 60, 38)},
    {"min_supply_c": 55.0},
    {"bypass_supply_c": 58.0, "bypass_kg_s": 0.02},
)


def relative(step):
    parts = (step.plant_kw, step.delivered_kw, step.loss_kw, step.stored_kw)
    return abs(step.residual_kw) / max(*map(abs, parts), 1e-3)


def town(rng, ends, two, trunk):
    houses = int(rng.choice([1, 3, 10, 40]))
    graph = nx.Graph()
    graph.add_node("p", kind="plant", **({"max_heat_kw": 8.0 * houses} if rng.random() < 0.3 else {}))
    names, size, length = ["p"], str(rng.choice(SIZES)), float(10.0 ** rng.uniform(0.5, 3.3))
    for k in range(houses):
        graph.add_node(f"h{k}", kind="substation", **ENDS[ends])
        beside = names[-1] if trunk else names[int(rng.integers(len(names)))]
        pipe = catalogue_pipe(
            size if trunk else str(rng.choice(SIZES)), length if trunk else float(10.0 ** rng.uniform(0.3, 3.0))
        )
        graph.add_edge(beside, f"h{k}", pipe=pipe)
        names.append(f"h{k}")
    if two:
        graph.add_node("q", kind="plant")
        graph.add_edge("q", names[-1], pipe=catalogue_pipe(size, 100.0))
        if houses > 1:
            graph.add_edge("q", names[2], pipe=catalogue_pipe(size, 150.0))
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("seed", range(24))
def test_every_step_of_random_towns_adds_up(seed):
    """Steps of a second to an hour, idle, trickle or load, reversal, ground as warm as the water: 40 steps each."""
    rng = np.random.default_rng(seed)
    ends, two = seed % 4, seed % 3 == 0
    network = town(rng, ends, two, seed % 2 == 0)
    sim = network.start((float(rng.choice([30.0, 60.0, 75.0])), 40.0))
    ground = float(rng.choice([5.0, 12.3, 40.0, 60.0])) if seed % 5 else np.linspace(60.0, 10.0, len(network.pipes))
    demand, longest = np.zeros(len(network.substations)), rng.choice([1.0, 60.0, 3600.0])
    for k in range(40):
        if rng.random() < 0.3:
            demand = float(rng.choice([0.0, 0.0, 0.01, 1.0, 10.0, 40.0])) * rng.uniform(0.0, 1.0, len(demand))
        forced = {"return_temperature_c": 40.0} if ends != 1 else {}
        if two:
            forced["plant_mass_flow_kg_s"] = [0.0, float(rng.choice([0.0, 0.1, 2.0, 10.0]))]
        supply = float(rng.choice([60.0, 75.0, 90.0]))
        dt_s = min(float((1.0, 1.0, 60.0, 3600.0, 900.0)[k % 5]), longest)
        step = sim.step(dt_s, demand, supply_temperature_c=supply, ground_c=ground, **forced)
        assert relative(step) <= 1e-9


@pytest.mark.parametrize(
    ("size", "length_m", "pipes", "demand_kw"),
    [
        ("DN400", 500.0, 20, 0.0),
        ("DN400", 500.0, 20, 0.02),
        ("DN600", 2000.0, 20, 0.0),
        ("DN600", 2000.0, 20, 1.0),
        ("DN200", 427.0, 1, 0.003),
    ],
)
def test_idle_seconds_of_large_networks_add_up(size, length_m, pipes, demand_kw):
    """What water and walls hold is some ten thousand million times what they lose in a second."""
    graph = nx.Graph()
    graph.add_node(0, kind="plant")
    for k in range(1, pipes + 1):
        graph.add_node(k, kind="substation")
        graph.add_edge(k - 1, k, pipe=catalogue_pipe(size, length_m, series=3))
    sim = HeatNetwork.from_graph(graph).start((75.0, 40.0))
    for _ in range(30):
        assert relative(sim.step(1.0, demand_kw, 40.0, 75.0, 12.0)) <= 1e-9
    for _ in range(10):
        assert relative(sim.step(1.0, 20.0, 40.0, 75.0, 12.0)) <= 1e-9
    for _ in range(20):
        assert relative(sim.step(1.0, demand_kw, 40.0, 75.0, 12.0)) <= 1e-9
