"""What a pump cannot give: its curve carries what it can, the end of the street starves first, no head lies idle."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe


def street(pump, *houses, needs_pa=0.0):
    """Return houses one behind the other, each with the pipe that leads to it: (catalogue name, length [m])."""
    graph = nx.Graph()
    graph.add_node(0, kind="plant", pump=pump)
    for k, pipe in enumerate(houses):
        graph.add_node(k + 1, kind="substation", min_differential_pa=needs_pa, max_mass_flow_kg_s=3.0)
        graph.add_edge(k, k + 1, pipe=catalogue_pipe(*pipe))
    return HeatNetwork.from_graph(graph)


def after(network, steps, demand_kw, initial_c=(75.0, 40.0)):
    sim = network.start(initial_c)
    for _ in range(steps):
        step = sim.step(900.0, heat_demand_kw=demand_kw, return_temperature_c=40.0, supply_temperature_c=75.0)
    return step


@pytest.mark.parametrize("far_kw", [420.0, 520.0])
def test_valves_that_ask_for_more_than_the_run_out_flow_get_what_the_curve_carries(far_kw):
    """420 kW lie inside the curve's end of 3.2 kg/s, 520 kW beyond it; the pump meets the network at the same point."""
    pump = Pump(shutoff_pa=100_000.0, fall_pa_s2_kg2=9_800.0)
    step = after(street(pump, ("DN80", 50.0), ("DN50", 50.0)), 3, [30.0, far_kw])
    near, far = step.unserved_kw
    assert near == 0.0
    assert far > 0.0
    curve = pump.shutoff_pa - pump.fall_pa_s2_kg2 * step.plants_kg_s[0] ** 2
    assert 2.0 * step.pressure_drop_pa.sum() == pytest.approx(curve, rel=0.005)
    assert step.plants_head_pa[0] == pytest.approx(curve, rel=0.005)


def test_a_cold_network_warms_up_behind_a_pump_whose_run_out_flow_the_open_valves_exceed():
    pump = Pump(shutoff_pa=150_000.0, fall_pa_s2_kg2=8_000.0)
    network = street(pump, *[("DN80", 30.0)] * 5)
    assert after(network, 1, 20.0, initial_c=42.0).heat_kw.sum() > 50.0
    assert after(network, 24, 20.0, initial_c=42.0).unserved_kw.max() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("fall", [0.0, 1000.0])
def test_each_house_has_all_it_asks_for_or_all_the_head_or_is_closed(fall):
    """Of houses one behind the other the first are served, one has its needed head exactly, those behind are closed."""
    network = street(Pump(60_000.0, fall), *[("DN32", 60.0)] * 3, *[("DN25", 60.0)] * 3, needs_pa=10_000.0)
    step = after(network, 4, [60.0, 40.0, 5.0, 30.0, 20.0, 10.0])
    head = 60_000.0 - fall * step.plants_kg_s[0] ** 2
    over = head - 10_000.0 - 2.0 * np.cumsum(np.abs(step.pressure_drop_pa))
    starved, drawing = step.unserved_kw > 0.01, step.mass_flow_kg_s > 0.0
    assert starved.any()
    assert np.all(np.diff(starved.astype(int)) >= 0)
    assert np.abs(over[starved & drawing]).max(initial=0.0) < 0.01 * head
    assert over[drawing].min() > -0.01 * head
    assert over[starved].max() < 0.01 * head
