"""What a node without flow is said to have: the mean over the step of the water that stands there."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatNetwork, Pipe
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.storage import side_capacity_kwh_k, side_temperatures


def standing(pipe, initial_c=(80.0, 40.0)):
    graph = nx.Graph()
    graph.add_node("p", kind="plant")
    graph.add_node("a", kind="substation")
    graph.add_edge("p", "a", pipe=pipe)
    return HeatNetwork.from_graph(graph).start(initial_c)


def cooling(sim):
    """Return the rate of cooling of one pipe that stands [1/s]."""
    return float(sim.layout.loss_w_k[0]) / (side_capacity_kwh_k(sim.layout) * 3.6e6)


@pytest.mark.parametrize("dt", [1.0, 60.0, 900.0, 3600.0])
@pytest.mark.parametrize("wall_m", [0.0, 0.003])
def test_standing_water_is_told_as_the_mean_of_its_exponential(dt, wall_m):
    sim = standing(Pipe(100.0, 0.022, wall_m, insulation_thickness_m=0.02))
    rate, ground = cooling(sim), 5.0
    for k in range(6):
        step = sim.step(dt, 0.0, ground_c=ground)
        mean = (np.exp(-rate * k * dt) - np.exp(-rate * (k + 1) * dt)) / (rate * dt)
        assert step.supply_c == pytest.approx(ground + 75.0 * mean, abs=1e-6)
        assert step.return_c == pytest.approx(ground + 35.0 * mean, abs=1e-6)


@pytest.mark.parametrize("pipe", [catalogue_pipe("DN20", 300.0), Pipe(150.0, 0.04, 0.004, insulation_thickness_m=0.03)])
def test_a_long_step_tells_the_mean_of_short_ones_when_a_flow_has_stopped(pipe):
    """A profile along the pipe, fronts in it, a wall that lags: what stands at the ends settles in closed form."""
    fine, whole = standing(pipe, (60.0, 40.0)), standing(pipe, (60.0, 40.0))
    for sim in (fine, whole):
        for supply_c in (90.0, 70.0, 85.0):
            sim.step(400.0, None, 35.0, supply_c, 5.0, mass_flow_kg_s=0.05)
    for _ in range(3):
        short = [fine.step(10.0, None, 35.0, 90.0, 5.0, mass_flow_kg_s=0.0) for _ in range(90)]
        long = whole.step(900.0, None, 35.0, 90.0, 5.0, mass_flow_kg_s=0.0)
        assert long.supply_c == pytest.approx(np.mean([s.supply_c for s in short], axis=0), abs=0.02)
        assert long.return_c == pytest.approx(np.mean([s.return_c for s in short], axis=0), abs=0.02)


def test_what_stands_at_an_end_is_that_end():
    """Water came to rest with a profile of several kelvin along the pipe: its ends differ by that."""
    sim = standing(catalogue_pipe("DN20", 300.0), (60.0, 40.0))
    for _ in range(40):
        flowing = sim.step(900.0, None, 35.0, 90.0, 5.0, mass_flow_kg_s=0.02)
    still = sim.step(1.0, None, 35.0, 90.0, 5.0, mass_flow_kg_s=0.0)
    assert flowing.supply_c[0] - flowing.supply_c[1] > 3.0
    assert still.supply_c == pytest.approx(flowing.supply_c, abs=0.05)
    assert still.return_c == pytest.approx(flowing.return_c, abs=0.05)


@pytest.mark.parametrize("dt", [60.0, 900.0, 3600.0])
@pytest.mark.parametrize(("name", "length_m"), [("twin DN25", 200.0), ("twin DN50", 500.0)])
def test_standing_twins_follow_their_two_modes(name, length_m, dt):
    """Sum and difference of the two cool at U (1 - κ) / C and U (1 + κ) / C."""
    pipe = catalogue_pipe(name, length_m)
    sim = standing(pipe)
    rate = cooling(sim)
    for hour in range(1, 25):
        for _ in range(round(3600.0 / dt)):
            sim.step(dt, 0.0, ground_c=10.0)
        both, apart = (
            start * np.exp(-rate * (1.0 + sign * pipe.coupling) * hour * 3600.0)
            for start, sign in ((100.0, -1.0), (40.0, 1.0))
        )
        found = [float(side_temperatures(sim.layout, sim.state, side)[0]) for side in (0, 1)]
        assert found == pytest.approx([10.0 + 0.5 * (both + apart), 10.0 + 0.5 * (both - apart)], abs=0.06)
