"""Whether anything ties the names of zones to rooms: circuits shared, a floor plan, and what is said."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.estimate import _thermal_lines
from rexnet_grid.spacemeternet.frame import zone_data
from rexnet_grid.spacemeternet.names import Names, unchecked_names
from rexnet_grid.spacemeternet.nametrials import exchanged
from rexnet_grid.spacemeternet.thermalpage import thermal_page

WALL, LOSS, CAPACITY = 0.08, np.array([0.05, 0.04, 0.06]), np.array([1.4, 1.1, 1.7])


def row_on_one_circuit(days=5):
    """Rooms a, b, c in a row; a and b on one circuit that gives both the same, c with a heat meter of its own."""
    rng = np.random.default_rng(8)
    n = 96 * days
    index = pd.date_range("2026-01-01", periods=n, freq="15min", tz="UTC")
    outdoor = 5 + 4 * np.sin(2 * np.pi * np.arange(n) / 96) + 0.05 * rng.normal(size=n).cumsum()
    heat = rng.integers(0, 2, (n // 8 + 1, 2)).repeat(8, axis=0)[:n] * 2.0
    heat = heat[:, [0, 0, 1]]
    t = np.full((n, 3), 20.0)
    wall = WALL * (np.eye(3, k=1) + np.eye(3, k=-1))
    for k in range(n - 1):
        x = t[k].copy()
        for _ in range(5):
            x = x + 0.05 / CAPACITY * (heat[k] + LOSS * (outdoor[k] - x) + wall @ x - wall.sum(axis=1) * x)
        t[k + 1] = x + rng.normal(0, 0.005, 3)
    readings = pd.DataFrame(t + rng.normal(0, 0.05, t.shape), index, list("abc"))
    return readings, pd.DataFrame(heat, index, list("abc")), pd.Series(outdoor, index)


def swapped(readings):
    return readings.set_axis(["b", "a", "c"], axis=1)[["a", "b", "c"]]


def states(net):
    return {r.a + r.b: (r.state, r.also_as) for r in net.edges_.itertuples()}


def test_zones_of_the_same_circuits_are_interchangeable():
    readings, heat, outdoor = row_on_one_circuit(3)
    assert unchecked_names(zone_data(readings, heat, outdoor)).interchangeable == ((0, 1),)
    assert unchecked_names(zone_data(readings, heat[["c"]], outdoor)).interchangeable == ((0, 1),)
    assert unchecked_names(zone_data(readings, None, outdoor)).interchangeable == ((0, 1), (0, 2), (1, 2))
    louder = heat.assign(b=1.7 * heat["a"])
    assert unchecked_names(zone_data(readings, louder, outdoor)).interchangeable == ((0, 1),)
    own = heat.assign(b=np.roll(heat["a"], 50))
    assert unchecked_names(zone_data(readings, own, outdoor)).interchangeable == ()


def test_a_verdict_may_be_about_every_pair_that_exchanges_lead_to():
    names = Names(((0, 1), (2, 3)))
    assert names.others((1, 2)) == ((0, 2), (0, 3), (1, 3))
    assert names.others((0, 1)) == ()
    assert names.listed((1, 2), tuple("1234")) == "1-3, 1-4, 2-4"
    many = Names(tuple((a, b) for a in range(5) for b in range(a + 1, 5)))
    assert names.listed((0, 1), tuple("1234")) == ""
    assert many.listed((0, 1), tuple("abcde")) == "9 other pairs"
    assert names.remarks(tuple("1234"))[0].startswith("1, 2: neither heat meters nor a floor plan")


def test_an_exchange_on_the_plan_keeps_pairs_in_order():
    assert exchanged(((0, 1), (1, 2), (2, 3)), (0, 1)) == ((0, 1), (0, 2), (2, 3))


@pytest.fixture(scope="module")
def without_plan():
    readings, heat, outdoor = row_on_one_circuit()
    return [ThermalSpaceNet(states=1).fit(r, heat, outdoor) for r in (readings, swapped(readings))]


def test_names_on_one_circuit_are_said_to_be_unchecked(without_plan):
    """The likelihood cannot tell a from b: the same graph comes out under exchanged names, and is marked as such."""
    right, wrong = (states(net) for net in without_plan)
    assert right == {"ab": ("present", ""), "bc": ("present", "a-c"), "ac": ("absent", "b-c")}
    assert wrong == {"ab": ("present", ""), "ac": ("present", "b-c"), "bc": ("absent", "a-c")}
    assert without_plan[0].loglik_ == pytest.approx(without_plan[1].loglik_, abs=0.1)
    for net in without_plan:
        assert "a, b" in net.diagnostics_["names"][0]
        assert net.graph_.edges["a", "b"]["also_as"] == ""


def test_a_floor_plan_ties_the_names_or_names_the_swap():
    readings, heat, outdoor = row_on_one_circuit()
    plan = (("a", "b"), ("b", "c"))
    right = ThermalSpaceNet(plan, states=1).fit(readings, heat, outdoor)
    assert states(right) == {"ab": ("present", ""), "bc": ("present", "")}
    assert right.diagnostics_["names"] == []
    wrong = ThermalSpaceNet(plan, states=1).fit(swapped(readings), heat, outdoor)
    assert set(wrong.edges_["state"]) == {"undetermined"}
    assert "swapped" in wrong.diagnostics_["names"][0]


def test_rooms_are_as_sure_as_their_names(without_plan):
    """An edge that may be another pair's under other names leaves its rooms half of the probability, or less."""
    table = {r.a + r.b: r for r in without_plan[0].edges_.itertuples()}
    assert table["ab"].room_probability == table["ab"].probability > 0.99
    half = 0.5 * (table["bc"].probability + table["ac"].probability)
    assert table["bc"].room_probability == table["ac"].room_probability == pytest.approx(half)
    assert half < 0.6 < 0.99 < table["bc"].probability


def test_text_and_page_say_that_rooms_are_open(without_plan):
    lines = "\n".join(_thermal_lines(without_plan[0]))
    assert "sensors b - c, or a-c: " in lines
    assert "  a - b: " in lines
    assert "1 of those present may lie between other rooms" in lines
    page = thermal_page(without_plan[0], []).html()
    assert "dotted is present between two sensors that may hang in other rooms" in page
    assert "W/K, or a-c<" in page
    assert page.count('stroke-dasharray="1 4"') == 1
