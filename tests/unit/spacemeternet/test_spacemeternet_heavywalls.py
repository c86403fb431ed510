"""Walls with a mass of their own, open doors beside walls, late sensors: no absence, and errors that admit the wall."""

from itertools import pairwise
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.heavywalls import beside, error_of_unknown, open_doors
from rexnet_grid.spacemeternet.page import Page
from rexnet_grid.spacemeternet.search import SearchRules, _immaterial
from rexnet_grid.spacemeternet.structure import judge
from rexnet_grid.spacemeternet.wholefit import ONE_SIDED

PLAN = (("a", "b"), ("b", "c"), ("c", "d"), ("a", "d"))
WALLS, SLICES = np.array([35.0, 25.0, 40.0, 30.0]), 3


def house(seed=7, days=8, doors=()):
    """Four rooms in a ring under thermostats; each wall [W/K] has a mass in three slices; doors [W/K] stand open."""
    rng = np.random.default_rng(seed)
    n, walls = 4, len(PLAN)
    nodes = 2 * n + SLICES * walls
    capacity = np.r_[[120, 150, 100, 140], [1500, 2000, 1200, 1800], np.full(SLICES * walls, 100.0)]
    flow = np.zeros((nodes, nodes))

    def link(i, j, g):
        flow[[i, j], [j, i]] += g
        flow[[i, j], [i, j]] -= g

    for zone in range(n):
        link(zone, n + zone, 150.0)
    for k, (a, b) in enumerate(PLAN):
        ends = ["abcd".index(a), *range(2 * n + SLICES * k, 2 * n + SLICES * (k + 1)), "abcd".index(b)]
        for i, j in pairwise(ends):
            link(i, j, WALLS[k] * (SLICES + 1))
    for a, b, g in doors:
        link("abcd".index(a), "abcd".index(b), g)
    loss = np.r_[[15, 20, 12, 18], [5, 8, 6, 7], np.zeros(SLICES * walls)]
    minutes, h = days * 1440, 1.0 / 60.0
    clock = np.arange(minutes) / 60.0
    outdoor = 3.0 + 4.0 * np.sin(2 * np.pi * (clock - 9.0) / 24) + np.cumsum(rng.normal(0, 0.01, minutes))
    day, night, low = rng.uniform(5, 8, n), rng.uniform(20, 24, n), rng.uniform(0, 3, n)
    on, x = np.zeros(n, dtype=bool), np.full(nodes, 20.0)
    readings, heat = np.empty((minutes, n)), np.empty((minutes, n))
    for t in range(minutes):
        wanted = 20.5 - low * ~((clock[t] % 24 > day) & (clock[t] % 24 < night))
        on = np.where(x[:n] < wanted - 0.3, True, np.where(x[:n] > wanted + 0.3, False, on))
        given = np.r_[1400.0 * on, np.zeros(nodes - n)]
        x = x + h * (flow @ x + loss * (outdoor[t] - x) + given) / capacity
        readings[t], heat[t] = x[:n], 1.4 * on
    index = pd.date_range("2026-01-05", periods=minutes // 15, freq="15min", tz="UTC")
    seen = np.round(readings[::15] + rng.normal(0, 0.05, (minutes // 15, n)), 1)
    table = pd.DataFrame(seen, index, list("abcd"))
    return (
        table,
        pd.DataFrame(heat.reshape(-1, 15, n).mean(axis=1), index, list("abcd")),
        pd.Series(outdoor[::15], index),
    )


def covered(net):
    return [
        abs(r.conductance_w_k - g) < 1.96 * r.std_error
        for r, g in zip(net.edges_.itertuples(), by_edge(net), strict=True)
    ]


def by_edge(net):
    walls = {frozenset(pair): g for pair, g in zip(PLAN, WALLS, strict=True)}
    return [walls[frozenset((r.a, r.b))] for r in net.edges_.itertuples()]


@pytest.fixture(scope="module")
def readings():
    return house()


def test_what_a_heavy_wall_hides_is_in_the_error(readings):
    """Four walls of 25 to 40 W/K that look like none within hours: none is absent, and the interval holds each."""
    net = ThermalSpaceNet(PLAN, states=2).fit(*readings)
    assert "absent" not in set(net.edges_["state"])
    assert np.mean(covered(net)) >= 0.75
    films = net.params_.loc[[f"film {zone}" for zone in "abcd"], "value"]
    for r in net.edges_.itertuples():
        if r.state == "undetermined" and r.conductance_w_k == 0.0:
            assert ONE_SIDED * r.std_error >= 500.0 * films.max() - 1e-9


def test_a_late_sensor_leaves_no_absence(readings):
    temperatures, heat, outdoor = readings
    late = temperatures.assign(b=temperatures["b"].shift(8).bfill())
    net = ThermalSpaceNet(PLAN, states=2).fit(late, heat, outdoor)
    assert not net.diagnostics_["white"]
    assert "absent" not in set(net.edges_["state"])


def test_a_wall_beside_open_doors_is_not_absent():
    net = ThermalSpaceNet(PLAN, states=2).fit(*house(doors=(("a", "b", 150.0), ("b", "c", 200.0))))
    state = {r.a + r.b: r.state for r in net.edges_.itertuples()}
    assert state["ab"] == state["bc"] == "present"
    assert "absent" not in state.values()


def test_doors_are_what_conducts_more_than_two_films():
    g, most = np.array([155.0, 30.0, 0.0, 200.0]), np.array([115.0, 115.0, 115.0, 130.0])
    doors = open_doors(g, np.array([10.0, 5.0, 5.0, 90.0]), most)
    assert doors.tolist() == [True, False, False, False]
    assert beside(doors, ((0, 1), (1, 2), (2, 3), (3, 4))).tolist() == [True, True, False, False]
    assert not open_doors(g, np.ones(4), np.full(4, np.inf)).any()


def test_what_is_immaterial_is_measured_by_walls(monkeypatch):
    monkeypatch.setattr("rexnet_grid.spacemeternet.search.films_in_series", lambda whole: np.full(3, 100.0))
    doors = SimpleNamespace(conductance=np.array([150.0, 200.0, 30.0]), std_error=np.array([5.0, 5.0, 2.0]))
    assert _immaterial(doors, 30.0, SearchRules()) == pytest.approx(6.0)
    assert _immaterial(doors, 30.0, SearchRules(material_w_k=30.0)) == 30.0
    only = SimpleNamespace(conductance=doors.conductance, std_error=np.array([5.0, 5.0, 20.0]))
    assert _immaterial(only, 30.0, SearchRules()) == 0.0
    g, s = np.array([0.0]), np.array([4.7])
    states = [judge(g, s, g, np.ones(1), 30.0, 0.05, 0.95, least)[0][0] for least in (None, 6.0, 0.0)]
    assert states == ["absent", "undetermined", "undetermined"]


def test_only_intervals_that_reach_down_to_zero_are_widened():
    wider = error_of_unknown(np.array([0.0, 20.0, 5.0]), np.array([0.1, 4.0, 90.0]), 80.0)
    np.testing.assert_allclose(wider, [80.0 / ONE_SIDED, 4.0, 90.0])
    np.testing.assert_allclose(error_of_unknown(np.zeros(2), np.array([0.1, np.inf]), np.inf), [0.1, np.inf])


def test_the_page_says_how_large_an_undetermined_edge_may_be():
    graph = nx.Graph()
    graph.add_edge("a", "b", state="undetermined", conductance_w_k=0.0, std_error=20.0)
    graph.add_edge("b", "c", state="present", conductance_w_k=30.0, std_error=4.0)
    html = Page("rooms").graph("edges", graph).html()
    assert "up to 33 W/K" in html
    assert "30 ± 4 W/K" in html
    graph.edges["a", "b"]["std_error"] = np.inf
    assert "size not known" in Page("rooms").graph("edges", graph).html()
