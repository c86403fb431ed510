"""Headroom beside boosters whose speed, or whose part of the head, changes with what is drawn."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Booster, HeatDelivery, HeatLimits, HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe


def rings(first, second, turned=False, chord=False):
    """A ring P-h1-h4-h5-h7 with boosters on h1-h4 and h5-h7, the second turned round, or a chord across it."""
    graph = nx.Graph()
    graph.add_node("P", kind="plant", max_supply_c=95.0)
    for k in (1, 4, 5, 7):
        graph.add_node(f"h{k}", kind="substation", design_heat_kw=20.0)
    drawn = [("P", "h1", "DN40", 115.0, 0.0), ("P", "h7", "DN50", 77.0, 0.0), ("h1", "h4", "DN50", 55.0, first)]
    drawn += [("h4", "h5", "DN50", 120.0, 0.0), ("h5", "h7", "DN32", 50.0, second)]
    for a, b, dimension, length, head in drawn + [("P", "h4", "DN32", 90.0, 0.0)] * chord:
        booster = {"booster": Booster(Pump(head, 2e3), side="both")} if head else {}
        start = b if turned and head == second else a
        graph.add_edge(a, b, from_node=start, pipe=catalogue_pipe(dimension, length), **booster)
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize(
    ("drawn", "more"),
    [
        ({"first": 14_800.0, "second": 0.0}, 1.5),
        ({"first": 14_800.0, "second": 11_200.0}, 2.0),
        ({"first": 14_800.0, "second": 11_200.0, "turned": True}, 0.5),
        ({"first": 14_800.0, "second": 11_200.0, "chord": True}, 0.5),
    ],
)
@pytest.mark.parametrize("house", [1, 3, 4])
def test_what_is_admitted_to_one_house_of_a_ring_with_boosters_is_delivered(drawn, more, house):
    """Their speed falls as one house draws all: what they lift now must not be counted on."""
    found = []
    for network in (rings(**drawn), rings(**{**drawn, "first": 0.0, "second": 0.0})):
        limits = HeatLimits(max_velocity_m_s=2.5, margin=0.02)
        heat = HeatDelivery(network, supply_temperature=80.0, return_temperature_c=40.0, limits=limits)
        base = np.array([28.0, -5.0, -5.0, -5.0, -5.0, 0.0])
        for unit in range(3):
            heat.deliver(unit, base)
        head = heat.headroom([3], base[None, :])[0]
        slope = head.coefficients[:, 0] - head.coefficients[:, house]
        rising = slope > 1e-12
        kw = float((head.slack[rising] / slope[rising]).min())
        assert kw > 10.0
        taken = base.copy()
        taken[[0, house]] += (kw, -kw)
        state = heat.deliver(3, taken)
        assert not [v for v in state.violations if v.value > 0.02 * kw + v.bound * 1.02]
        found.append(kw)
    assert house != 1 or found[0] > more * found[1]


def test_a_head_that_boosters_leave_small_is_kept_with_a_margin_of_theirs():
    graph = nx.Graph()
    graph.add_node("P", kind="plant", max_supply_c=95.0)
    for name in ("h1", "h2"):
        graph.add_node(name, kind="substation", design_heat_kw=20.0)
    lifted = Booster(Pump(26_000.0, 2e3), side="both")
    graph.add_edge("P", "h1", from_node="P", pipe=catalogue_pipe("DN40", 83.0), booster=lifted)
    graph.add_edge("h1", "h2", pipe=catalogue_pipe("DN50", 130.0))
    limits = HeatLimits(max_velocity_m_s=2.5, margin=0.02)
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), supply_temperature=80.0, return_temperature_c=40.0, limits=limits
    )
    position = np.array([17.0, -7.0, -7.0, 0.0])
    for unit in range(3):
        heat.deliver(unit, position)
    for _ in range(3):
        head = heat.headroom([3], position[None, :])[0]
        slope = head.coefficients[:, 0] - head.coefficients[:, 2]
        rising = slope > 1e-12
        kw = max(0.0, float((head.slack[rising] / slope[rising]).min()))
        position += kw * np.array([1.0, 0.0, -1.0, 0.0])
    assert -position[2] > 100.0
    for v in heat.predict(3, position).violations:
        assert v.value <= 1.02 * v.bound
