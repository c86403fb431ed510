"""Any step from a second to an hour, any pipe, standstill and restart: finite, bounded, balanced."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import HeatNetwork, Pipe, simulate_pipe
from rexnet_grid.rexdynnet.kernel import advance

PIPES = {
    "steel": Pipe(60.0, 0.0545, 0.0029),
    "thick plastic": Pipe(60.0, 0.026, 0.0099, 950.0, 2300.0, 0.02, 0.035, wall_conductivity=0.38),
    "no wall": Pipe(60.0, 0.04, 0.0),
    "very long": Pipe(4000.0, 0.1, 0.0036),
}


def loop(pipe):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", max_supply_c=120.0)
    for name in "abc":
        graph.add_node(name, kind="substation")
    for a, b in (("plant", "a"), ("a", "b"), ("b", "c"), ("c", "plant")):
        graph.add_edge(a, b, pipe=pipe)
    return HeatNetwork.from_graph(graph)


NETWORKS = {name: loop(pipe) for name, pipe in PIPES.items()}
STEP = st.tuples(
    st.floats(1.0, 3600.0),
    st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 1.5)), min_size=3, max_size=3),
    st.floats(40.0, 95.0),
)


@pytest.mark.parametrize("name", PIPES)
@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=12))
def test_temperatures_stay_between_what_came_in_and_the_ground(name, steps):
    sim = NETWORKS[name].start((70.0, 45.0))
    highest = 70.0
    for dt, flow, supply in steps:
        highest = max(highest, supply)
        step = sim.step(dt, None, 38.0, supply, 8.0, mass_flow_kg_s=flow)
        assert np.isfinite(step.supply_c).all()
        assert step.supply_c.max() <= highest + 0.05
        assert step.supply_c.min() >= 8.0 - 0.05
        assert step.return_c.max() <= 45.0 + 0.05
        scale = max(abs(step.plant_kw), abs(step.loss_kw), abs(step.stored_kw), 1e-3)
        assert abs(step.residual_kw) <= 1e-9 * scale


@pytest.mark.parametrize("name", ["steel", "thick plastic", "no wall"])
def test_irregular_samples_give_what_regular_ones_give(name):
    rng = np.random.default_rng(4)
    regular = np.arange(0.0, 3000.0, 1.0)
    irregular = np.unique(np.concatenate(([0.0], np.cumsum(rng.uniform(0.5, 12.0, 500)))))
    irregular = irregular[irregular < 2999.0]

    def inlet(t):
        return 60.0 + 15.0 * np.sin(t / 180.0)

    def flow(t):
        return np.where((t > 1200.0) & (t < 1500.0), 0.0, 0.5)

    def outlet(t):
        return simulate_pipe(PIPES[name], t, inlet(t), flow(t), 10.0, 60.0, 60.0)

    dense = np.interp(irregular, regular, outlet(regular))
    away = (np.abs(irregular - 1200.0) > 15.0) & ((irregular < 1500.0) | (irregular > 1700.0))
    assert np.abs(outlet(irregular) - dense)[away].max() < 0.4


@pytest.mark.parametrize(
    ("forced", "said"),
    [
        ({"mass_flow_kg_s": np.inf}, "mass_flow_kg_s"),
        ({"heat_demand_kw": np.inf}, "heat_demand_kw"),
        ({"heat_demand_kw": 16.0, "hot_water_kw": -3.0}, "hot_water_kw"),
        ({"heat_demand_kw": 16.0, "hot_water_kw": 50.0}, "a part of the heat demand"),
        ({"heat_demand_kw": 16.0, "hot_water_kw": np.nan}, "hot_water_kw"),
        ({"heat_demand_kw": 16.0, "secondary_supply_c": -300.0}, "secondary_supply_c"),
        ({"heat_demand_kw": 16.0, "dt_s": np.nan}, "dt_s"),
        ({"heat_demand_kw": 16.0, "dt_s": np.inf}, "dt_s"),
    ],
)
def test_forcing_that_no_water_can_follow_is_refused_and_leaves_the_state_alone(forced, said):
    sim = NETWORKS["steel"].start((70.0, 45.0))
    before = sim.save()
    with pytest.raises(InputError, match=said):
        sim.step(
            **{"dt_s": 900.0, "return_temperature_c": 40.0, "supply_temperature_c": 70.0, "ground_c": 8.0, **forced}
        )
    for kept, now in zip(before, sim.save(), strict=True):
        np.testing.assert_array_equal(kept, now)


def test_a_step_takes_any_array_of_ground_temperatures_without_compiling_again():
    sim, pipes = NETWORKS["steel"].start(70.0), len(NETWORKS["steel"].pipes)
    strided, fixed = np.repeat(np.linspace(5.0, 12.0, pipes), 2)[::2], np.linspace(5.0, 12.0, pipes)
    fixed.flags.writeable = False
    sim.step(60.0, mass_flow_kg_s=0.3, ground_c=8.0)
    before = len(advance.signatures)
    for ground_c in (strided, fixed, np.broadcast_to(8.0, pipes), np.full(pipes, 8, dtype=np.int32), pd.Series(fixed)):
        sim.step(60.0, mass_flow_kg_s=0.3, ground_c=ground_c)
    assert len(advance.signatures) == before
