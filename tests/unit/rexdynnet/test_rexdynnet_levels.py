"""Pipes resolved in full and in three stretches: same heat, same answer."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.rexdynnet import Fluid, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.layout import copy_state, initial_state, new_scratch
from rexnet_grid.rexdynnet.levels import CALM, FINE, FULL, relevel
from rexnet_grid.rexdynnet.single import single_layout
from rexnet_grid.rexdynnet.storage import side_heat_kwh, side_temperatures
from rexnet_grid.rexdynnet.stored import stored_heat

LAYOUT = single_layout(Pipe(80.0, 0.05, 0.003), Fluid.water(60.0))
SCRATCH = new_scratch(LAYOUT)


@settings(max_examples=30, deadline=None)
@given(
    start=st.floats(20.0, 90.0),
    end=st.floats(20.0, 90.0),
    warmer=st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=5),
)
def test_changing_the_level_keeps_the_heat(start, end, warmer):
    state = initial_state(LAYOUT, np.array([start]), np.array([50.0]), np.array([end]))
    cells = int(LAYOUT.cells[0, 0])
    state.wall[:cells] += np.resize(warmer, (cells, 2))
    before = sum(stored_heat(LAYOUT, state))
    for level in (CALM, FULL, FINE, CALM):
        assert relevel(LAYOUT, state, SCRATCH, 0, 1, level, 10.0)
        assert relevel(LAYOUT, state, SCRATCH, 0, 0, level, 10.0)
        assert sum(stored_heat(LAYOUT, state)) == pytest.approx(before, rel=1e-12)


def test_a_uniform_pipe_stays_uniform():
    state = initial_state(LAYOUT, np.array([70.0]), np.array([40.0]), np.array([70.0]))
    fresh = copy_state(state)
    relevel(LAYOUT, state, SCRATCH, 0, 0, CALM, 10.0)
    relevel(LAYOUT, state, SCRATCH, 0, 0, FULL, 10.0)
    rows = int(LAYOUT.row_ptr[-1])
    assert state.wall[: rows - 1] == pytest.approx(fresh.wall[: rows - 1], abs=1e-12)
    assert state.parcel[:rows, 0] == pytest.approx(fresh.parcel[:rows, 0], abs=1e-9)


def test_the_heat_told_is_the_heat_held_after_steps_that_were_tried_twice(root):
    """Rounds of a step that are taken back may have resolved a pipe more finely; none of that may count."""
    sim = HeatNetwork.from_csv(root / "networks" / "heat" / "destest").start((70.0, 40.0))
    rng = np.random.default_rng(3)
    for _ in range(40):
        demand = np.where(rng.random(16) < 0.5, rng.uniform(1.0, 15.0, 16), 0.0)
        sim.step(900.0, demand, 40.0, float(rng.uniform(62.0, 85.0)), 10.0)
        told = sum(side_heat_kwh(sim.layout, sim.state, side) for side in (0, 1))
        assert told == pytest.approx(sum(stored_heat(sim.layout, sim.state)) * sim.layout.fluid[1] / 3.6e6, rel=1e-12)
        held = side_temperatures(sim.layout, sim.state, 0)
        assert held.max() <= 85.05


def test_a_second_in_a_large_network_adds_up():
    """400 pipes of 60 m, DN100, hold a million times what a second brings, and the account closes to 1e-9 of that."""
    graph = nx.Graph()
    graph.add_node(0, kind="plant")
    for k in range(1, 400):
        graph.add_node(k, kind="substation" if k % 3 == 0 else "junction")
        graph.add_edge(k - 1, k, pipe=catalogue_pipe("DN100", 60.0))
    network = HeatNetwork.from_graph(graph)
    times = pd.date_range("2026-07-01", periods=121, freq="1s")
    load = 8.0 * np.random.default_rng(0).uniform(0.0, 1.0, (121, len(network.substations)))
    load[60:] = 0.0
    results = network.simulate(
        times[0],
        times[-1],
        1.0,
        heat_demand_kw=pd.DataFrame(load, times, columns=network.substation_names),
        return_temperature_c=40.0,
        supply_temperature_c=75.0,
        initial_c=(75.0, 40.0),
    )
    assert results.balance_error.max() < 1e-9
