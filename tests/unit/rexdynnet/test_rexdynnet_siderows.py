"""What headroom says of the pump of a side plant, against what the full model lifts."""

import itertools

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatDelivery, HeatLimits, HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

MARGIN = 0.02
UNIT = 4


def market(side, base, houses=2, main=None):
    """Return a street between a main and a side plant after four units, and its positions."""
    graph = nx.Graph()
    graph.add_node("main", kind="plant", pump=main)
    graph.add_node("side", kind="plant", pump=side, max_heat_kw=400.0)
    spots = ["main", *(f"h{k}" for k in range(houses)), "side"]
    for spot in spots[1:-1]:
        graph.add_node(spot, kind="substation", design_heat_kw=150.0, min_differential_pa=20_000.0)
    for a, b in itertools.pairwise(spots):
        graph.add_edge(a, b, pipe=catalogue_pipe("DN50", 300.0))
    limits = HeatLimits(margin=MARGIN)
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), supply_temperature=75.0, return_temperature_c=40.0, limits=limits
    )
    position = np.array(base)
    for unit in range(UNIT):
        state = heat.deliver(unit, position)
    return heat, position, state


def broken(heat, position):
    return {v.limit: v for v in heat.predict(UNIT, position).violations}


def swap(kw):
    """Let the side plant take over from the main one."""
    return np.array([-kw, kw, 0.0, 0.0, 0.0])


def room_kw(head, step):
    slope = head.coefficients @ step
    rising = slope > 1e-12
    return float((head.slack[rising] / slope[rising]).min())


def test_what_a_pump_does_not_lift_breaks_a_limit_and_headroom_sells_no_more():
    heat, position, state = market(Pump(5_000.0), [110.0, 100.0, -100.0, -100.0, 0.0])
    (found,) = (v for v in state.violations if v.limit == "plant side pump")
    assert (found.value, found.bound, found.unit) == (100.0, 0.0, "kW")
    assert state.injection_kw[1] == 0.0
    head = heat.headroom([UNIT], position[None])[0]
    assert room_kw(head, swap(1.0)) <= -90.0
    assert "plant side pump" in head.limits
    fine = market(Pump(400_000.0), [110.0, 100.0, -100.0, -100.0, 0.0])
    assert not fine[2].violations


@pytest.mark.parametrize("curve", [(40_000.0, 5_000.0), (50_000.0, 20_000.0), (32_000.0, 0.0)])
@pytest.mark.parametrize("main", [None, Pump(120_000.0, 1_000.0)])
def test_headroom_lets_a_side_plant_sell_what_its_pump_lifts(curve, main):
    heat, position, _ = market(Pump(*curve), [180.0, 30.0, -100.0, -100.0, 0.0], main=main)
    room = room_kw(heat.headroom([UNIT], position[None])[0], swap(1.0))
    assert room > 10.0
    assert not broken(heat, position + swap(room))
    low, high = 0.0, 170.0
    for _ in range(12):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if "plant side pump" in broken(heat, position + swap(middle)) else (middle, high)
    assert 0.6 * low <= room <= 1.02 * low


def test_a_plant_that_gives_nothing_binds_nobody_by_its_pump():
    heat, position, state = market(Pump(5_000.0), [210.0, 0.0, -100.0, -100.0, 0.0])
    assert not state.violations
    head = heat.headroom([UNIT], position[None])[0]
    rows = np.array([limit == "plant side pump" for limit in head.limits])
    assert rows.any()
    assert (head.slack[rows] >= 0.0).all()
    others = np.delete(head.coefficients[rows], 1, axis=1)
    assert not others.any()


def test_portfolios_beside_a_side_plant_are_lifted_by_its_pump():
    """Random streets and trades: what headroom admits is given, but for the margin."""
    tried = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pump = Pump(float(rng.uniform(4e4, 1.5e5)), float(rng.choice([0.0, 2e3, 2e4])))
        drawn = rng.uniform(20.0, 60.0, 3)
        given = 0.3 * drawn.sum()
        heat, position, state = market(pump, [drawn.sum() + 10.0 - given, given, *-drawn, 0.0], houses=3)
        if state.violations:
            continue
        head = heat.headroom([UNIT], position[None])[0]
        slack = head.slack.copy()
        for _ in range(40):
            source, sink = int(rng.integers(2)), 2 + int(rng.integers(3))
            if rng.random() < 0.3:
                source, sink = sink, source
            slope = head.coefficients[:, source] - head.coefficients[:, sink]
            kw = min(float(rng.exponential(10.0)), max(float((slack[slope > 1e-12] / slope[slope > 1e-12]).min()), 0.0))
            kw = min(kw, -float(position[source])) if source >= 2 else kw
            slack -= kw * slope
            position[source] += kw
            position[sink] -= kw
        found = broken(heat, position).get("plant side pump")
        tried += 1
        assert found is None or found.value - found.bound <= MARGIN * found.value
    assert tried > 12
