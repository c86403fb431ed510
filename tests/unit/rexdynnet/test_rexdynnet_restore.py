"""A saved state is all that a step depends on: nothing else is carried over, and no other network's is taken."""

import pickle

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatNetwork, Pipe, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

BYPASS = {"bypass_supply_c": 58.0, "bypass_kg_s": 0.05}
LEAST = {"min_supply_c": 55.0}
EXCHANGER = {"heating": Exchanger.design(20.0, 75.0, 45.0, 60.0, 40.0)}


def network(seed, plants=2):
    """Return six houses in a mesh with rated plants, a pump, every kind of house, and one pipe without a wall."""
    rng, graph = np.random.default_rng(seed), nx.Graph()
    pump = Pump(shutoff_pa=60000.0, fall_pa_s2_kg2=5000.0)
    graph.add_node(0, kind="plant", max_heat_kw=60.0, **({"pump": pump} if seed % 2 else {}))
    for k in range(1, plants):
        graph.add_node(k, kind="plant", max_heat_kw=30.0)
    for k, house in enumerate(({}, BYPASS, LEAST, {**BYPASS, **LEAST}, {**EXCHANGER, **LEAST}, EXCHANGER)):
        graph.add_node(plants + k, kind="substation", **house)
    for k in range(1, plants + 6):
        pipe = catalogue_pipe(str(rng.choice(["DN20", "DN32", "DN50"])), float(10.0 ** rng.uniform(0.5, 2.5)))
        graph.add_edge(int(rng.integers(0, k)), k, pipe=Pipe(60.0, 0.03, wall_thickness_m=0.0) if k == 5 else pipe)
    last = plants + 5
    if not graph.has_edge(0, last):
        graph.add_edge(0, last, pipe=catalogue_pipe("DN25", 80.0))
    return HeatNetwork.from_graph(graph)


def steps(sim, rng, count):
    """Yield how a simulation is forced, step by step, valves shut in between."""
    for k in range(count):
        if k % 4 == 3:
            sim.change(closed=[name for name in sim.network.pipes if rng.random() < 0.2])
        yield {
            "dt_s": float(rng.choice([60.0, 900.0, 3600.0])),
            "heat_demand_kw": np.where(rng.random(6) < 0.3, 0.0, 10.0 ** rng.uniform(-1.0, 1.2, 6)),
            "return_temperature_c": 40.0,
            "supply_temperature_c": rng.uniform(60.0, 90.0, 2),
            "plant_mass_flow_kg_s": np.array([0.0, rng.choice([0.0, 0.1])]),
        }


def poison(sim, value):
    """Fill whatever a simulation holds beside its state."""
    outputs = [array for each in sim._outputs.values() for array in each]
    for array in (*sim._scratch, *sim._backup, *outputs):
        array[...] = value if array.dtype.kind == "f" else 1


def assert_same(step, again):
    for name in type(step).__slots__:
        np.testing.assert_array_equal(getattr(again, name), getattr(step, name), err_msg=name)


@pytest.mark.parametrize("seed", range(4))
def test_a_step_depends_on_nothing_but_the_state(seed):
    """Before, how far a bypass had missed its opening was taken from the step before: steps differed by up to a kW."""
    net = network(seed)
    sim = net.start(50.0)
    for forcing in steps(sim, np.random.default_rng(seed), 24):
        saved = pickle.loads(pickle.dumps(sim.save()))
        first, after = sim.step(**forcing), sim.save()
        for value in (np.nan, 1e3):
            poison(sim, value)
            sim.restore(saved)
            assert_same(first, sim.step(**forcing))
            for name, kept, now in zip(after._fields, after, sim.save(), strict=True):
                np.testing.assert_array_equal(now, kept, err_msg=name)


def test_a_state_goes_on_in_a_simulation_that_began_at_another_temperature():
    """Water fills pipes with the density at the start; before, the density of the other start was kept."""
    net, rng = network(2), np.random.default_rng(7)
    sim = net.start(80.0)
    for forcing in steps(sim, rng, 8):
        other = net.start(20.0)
        other.restore(sim.save())
        assert_same(sim.step(**forcing), other.step(**forcing))
    assert net.start(80.0).state.water_kg.sum() < 0.99 * net.start(20.0).state.water_kg.sum()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (network(0, 1).start().save(), "state, .*7 nodes.*expected.*8 nodes.*another network"),
        (network(3).start().save(), "kg; expected"),
        (None, "state: got NoneType; expected what save"),
        (tuple(network(0).start().save()), "state: got tuple"),
    ],
)
def test_another_networks_state_is_refused_and_changes_nothing(state, said):
    sim = network(0).start(70.0)
    before = sim.save()
    with pytest.raises(InputError, match=said):
        sim.restore(state)
    for kept, now in zip(before, sim.save(), strict=True):
        np.testing.assert_array_equal(now, kept)
    heat = HeatDelivery(network(0), supply_temperature=75.0, return_temperature_c=40.0)
    plan = heat.save()[1:]
    with pytest.raises(InputError, match=said):
        heat.restore((state, *plan))
