"""Twin pipes and pairs in a trench: their losses against formulas, their temperatures against an own solution."""

import math

import networkx as nx
import numpy as np
import pytest
from scipy.integrate import solve_bvp

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.catalogue import EN15698, catalogue_pipe
from rexnet_grid.rexdynnet.layout import pair_loss_w_k
from rexnet_grid.rexdynnet.pairs import conductances, side_by_side, twin
from rexnet_grid.rexdynnet.sizing import SizingRule, size_network


def wallenten_symmetric(insulation, soil, depth, casing, radius, half):
    """First-order formula of Wallentén (1991) for two pipes in one insulation, both at one temperature."""
    sigma = (insulation - soil) / (insulation + soil)
    first = 2.0 * insulation / soil * math.log(2.0 * depth / casing) + math.log(casing**2 / (2.0 * half * radius))
    first += sigma * math.log(casing**4 / (casing**4 - half**4))
    upper = radius / (2.0 * half) - sigma * 2.0 * radius * half**3 / (casing**4 - half**4)
    lower = 1.0 + (radius / (2.0 * half)) ** 2 + sigma * (2.0 * radius * casing**2 * half / (casing**4 - half**4)) ** 2
    return 2.0 * math.pi * insulation / (first - upper**2 / lower)


@pytest.mark.parametrize("sizes", [(0.0695, 0.01345, 0.02295), (0.097, 0.03015, 0.04015), (0.247, 0.08415, 0.10415)])
def test_the_common_loss_of_a_twin_pipe_is_wallentens(sizes):
    together, apart = conductances(0.027, 1.5, 0.9, *sizes)
    assert together == pytest.approx(wallenten_symmetric(0.027, 1.5, 0.9, *sizes), rel=2e-3)
    assert apart > together


def test_thin_pipes_in_plain_soil_are_line_sources():
    soil, depth, radius, half = 1.2, 1.0, 0.004, 0.05
    together, apart = conductances(soil, soil, depth, 0.2, radius, half)
    own, mutual = math.log(2.0 * depth / radius), math.log(math.hypot(2.0 * depth, 2.0 * half) / (2.0 * half))
    assert together == pytest.approx(2.0 * math.pi * soil / (own + mutual), rel=2e-3)
    assert apart == pytest.approx(2.0 * math.pi * soil / (own - mutual), rel=3e-3)


def test_a_twin_pipe_loses_less_than_two_single_ones():
    for name in EN15698:
        single = side_by_side(catalogue_pipe(name.removeprefix("twin "), 1.0, 2), 1.0)
        pair = catalogue_pipe(name, 1.0, 2)
        common = [(1.0 - p.coupling) / p.loss_resistance_mk_w for p in (pair, single)]
        assert 0.45 < common[0] / common[1] < 1.0, name


def test_pairs_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="spacing_m"):
        side_by_side(Pipe(10.0, 0.1), 0.05)
    with pytest.raises(InputError, match="room for two"):
        twin(Pipe(10.0, 0.1), 0.2, 0.02)
    with pytest.raises(InputError, match="twin DN20 to twin DN200"):
        catalogue_pipe("twin DN51", 10.0)


def test_supply_and_return_of_a_pair_warm_each_other():
    pipe = side_by_side(Pipe(800.0, 0.05, insulation_thickness_m=0.02), 0.15)
    graph = nx.Graph()
    graph.add_node("p", kind="plant")
    graph.add_node("j", kind="junction")
    graph.add_node("s", kind="substation")
    graph.add_edge("p", "j", pipe=pipe)
    graph.add_edge("j", "s", pipe=pipe)
    network = HeatNetwork.from_graph(graph)
    sim = network.start(60.0)
    for _ in range(200):
        step = sim.step(900.0, None, 40.0, 80.0, 8.0, mass_flow_kg_s=0.3)
    flow_capacity = 0.3 * network.fluid.heat_capacity
    own = 1.0 / pipe.loss_resistance_mk_w

    def slopes(_, t):
        supply, back = t - 8.0
        kappa = pipe.coupling
        return np.array([-own * (supply - kappa * back), own * (back - kappa * supply)]) / flow_capacity

    exact = solve_bvp(
        slopes, lambda a, b: np.array([a[0] - 80.0, b[1] - 40.0]), np.linspace(0, 1600, 50), np.full((2, 50), 60.0)
    )
    assert step.supply_c[2] == pytest.approx(exact.y[0, -1], abs=0.02)
    assert step.return_c[0] == pytest.approx(exact.y[1, 0], abs=0.02)
    assert step.loss_kw == pytest.approx(step.plant_kw - step.delivered_kw, abs=1e-6)


def test_a_network_can_be_sized_with_twin_pipes(root):
    heat = HeatNetwork.from_csv(root / "networks" / "heat" / "schutterwald")
    sized, bill = size_network(heat, SizingRule(twin=True))
    assert set(bill.index) <= set(EN15698)
    assert bill["pipe_m"].equals(bill["route_m"].rename("pipe_m"))
    assert bill["route_m"].sum() == pytest.approx(2626.1, abs=1.0)
    assert all(data["pipe"].coupling > 0.0 for *_, data in sized.graph.edges(data=True))


def test_losses_ahead_count_what_twin_pipes_give_each_other():
    """What the market expects to lose, and what the controller takes a kelvin to cost, are those of the full model."""
    graph = nx.Graph()
    graph.add_node("p", kind="plant")
    graph.add_node("a", kind="substation", design_heat_kw=60.0)
    graph.add_edge("p", "a", pipe=catalogue_pipe("twin DN50", 600.0))
    network = HeatNetwork.from_graph(graph)

    def lost_kw(supply_c):
        sim = network.start((supply_c, 40.0))
        for _ in range(60):
            step = sim.step(900.0, 40.0, 40.0, supply_c, 10.0)
        return step.loss_kw, step.plant_kw

    plant = lost_kw(75.0)[1]
    heat = HeatDelivery(network, supply_temperature=75.0, return_temperature_c=40.0, ground_c=10.0)
    position = np.array([plant, -40.0, 0.0])
    for unit in range(30):
        last = heat.deliver(unit, position)
    assert heat.expected_loss_kw([30])[0] == pytest.approx(last.balance.loss_kw, rel=0.01)
    per_kelvin = (lost_kw(77.0)[0] - lost_kw(73.0)[0]) / 4.0
    assert pair_loss_w_k(network.layout()).sum() / 1000.0 == pytest.approx(per_kelvin, rel=0.1)
