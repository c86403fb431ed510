"""Whatever is asked of a network, energy closes, nothing is NaN, and temperatures stay between their sources."""

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.rexdynnet import HeatNetwork, Pipe


def ring(wall_m):
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_supply_c=120.0)
    for s in "abc":
        graph.add_node(s, kind="substation")
    for a, b, length in (("p", "a", 40.0), ("a", "b", 25.0), ("b", "c", 60.0), ("c", "p", 30.0)):
        graph.add_edge(a, b, pipe=Pipe(length, 0.03, wall_m))
    return HeatNetwork.from_graph(graph)


NETWORKS = {wall: ring(wall) for wall in (0.0, 0.003)}
STEP = st.tuples(
    st.sampled_from([1.0, 7.5, 60.0, 300.0, 900.0, 3600.0]),
    st.lists(st.sampled_from([0.0, 0.001, 0.5, 5.0, 20.0, 500.0]), min_size=3, max_size=3),
    st.floats(20.0, 95.0),
)


@settings(max_examples=40, deadline=None)
@given(wall=st.sampled_from([0.0, 0.003]), steps=st.lists(STEP, min_size=1, max_size=12))
def test_energy_closes_whatever_is_asked(wall, steps):
    sim = NETWORKS[wall].start(60.0)
    lowest, highest = 10.0, 60.0
    for dt_s, heat, supply in steps:
        highest = max(highest, supply)
        step = sim.step(dt_s, np.array(heat), 40.0, supply, 10.0)
        scale = max(abs(step.plant_kw), step.delivered_kw, step.loss_kw, abs(step.stored_kw), 1e-3)
        assert abs(step.residual_kw) <= 1e-9 * scale
        assert np.isfinite(step.supply_c).all()
        assert np.isfinite(step.return_c).all()
        assert (step.supply_c <= highest + 1e-9).all()
        assert (step.supply_c >= lowest - 1e-9).all()
        assert (step.unserved_kw >= 0.0).all()
        assert np.allclose(step.heat_kw + step.unserved_kw, heat, rtol=1e-8, atol=1e-8)
