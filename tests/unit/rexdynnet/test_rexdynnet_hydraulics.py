"""Loops: independent, solved to the flows of a dense reference, in parts that stand alone."""

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import root

from rexnet_grid.rexdynnet import HeatNetwork, Pipe
from rexnet_grid.rexdynnet.hydraulics import drop_and_slope, factorise, pipe_drop, solve_flows, substitute
from rexnet_grid.rexdynnet.layout import new_scratch
from rexnet_grid.rexdynnet.topology import build_layout


def street_grid(side=5):
    rng = np.random.default_rng(3)
    graph = nx.Graph()
    for x in range(side):
        for y in range(side):
            graph.add_node(f"{x},{y}", kind="substation")
    graph.nodes["0,0"]["kind"] = "plant"
    for x in range(side):
        for y in range(side):
            for a, b in ((x + 1, y), (x, y + 1)):
                if a < side and b < side:
                    pipe = Pipe(float(rng.uniform(20, 90)), float(rng.choice([0.04, 0.06, 0.1])))
                    graph.add_edge(f"{x},{y}", f"{a},{b}", pipe=pipe)
    return HeatNetwork.from_graph(graph)


@pytest.fixture(scope="module")
def layout():
    return build_layout(street_grid())


def balance(layout, flow):
    net = np.zeros(len(layout.node_ptr) - 1)
    np.add.at(net, layout.pipe_to, flow)
    np.add.at(net, layout.pipe_from, -flow)
    return net


def test_every_face_of_a_street_grid_is_a_loop_of_four(layout):
    assert len(layout.chord) == 16
    assert set(np.diff(layout.loop_ptr)) == {4}


def test_flows_balance_and_equal_those_of_a_general_solver(layout):
    draw = np.random.default_rng(1).uniform(0.0, 0.6, 25)
    draw[0] = -draw[1:].sum()
    flow = np.zeros(40)
    scratch = new_scratch(layout)
    scratch.draw[:] = draw
    assert solve_flows(layout, scratch, flow)
    assert balance(layout, flow) == pytest.approx(draw, abs=1e-12)

    def equations(flow):
        drop = np.array([pipe_drop(layout, p, m) for p, m in enumerate(flow)])
        spans = [slice(a, b) for a, b in zip(layout.loop_ptr[:-1], layout.loop_ptr[1:], strict=True)]
        loops = [layout.loop_sign[k] @ drop[layout.loop_pipe[k]] for k in spans]
        return np.concatenate(((balance(layout, flow) - draw)[1:] * 1e4, loops))

    found = root(equations, flow + 0.01, method="hybr", options={"xtol": 1e-12})
    assert found.success
    assert flow == pytest.approx(found.x, abs=1e-7)


@pytest.mark.parametrize("flow", [1e-6, 0.01, 0.09, 0.12, 0.3, 4.0, -0.2])
def test_the_slope_is_that_of_the_drop(layout, flow):
    width = 1e-5 * abs(flow)
    numeric = (pipe_drop(layout, 0, flow + width) - pipe_drop(layout, 0, flow - width)) / (2.0 * width)
    assert drop_and_slope(layout, 0, flow)[1] == pytest.approx(numeric, rel=1e-6)


def test_the_envelope_is_factorised_like_a_dense_matrix():
    rng = np.random.default_rng(0)
    dense = np.tril(rng.normal(size=(6, 6)))
    dense[3, :2] = dense[5, :3] = 0.0
    matrix = dense @ dense.T + 6.0 * np.eye(6)
    first = [int(np.flatnonzero(row)[0]) for row in np.tril(matrix)]
    start = np.concatenate(([0], np.cumsum([k - f + 1 for k, f in enumerate(first)])))
    envelope = np.concatenate([matrix[k, f : k + 1] for k, f in enumerate(first)])
    values = rng.normal(size=6)
    solved = values.copy()
    factorise(start, envelope)
    substitute(start, envelope, solved)
    assert matrix @ solved == pytest.approx(values, abs=1e-12)
