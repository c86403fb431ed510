"""After plants stop and pipes are shut nobody sells what cannot be given, and who did is named."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatDelivery, HeatLimits, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

BASE = np.array([45.0, 20.0, -30.0, -30.0, 0.0])


def two_plants(most_kw=80.0):
    """Return P, a, b and Q in a row, after two hours in which both plants give their part."""
    graph = nx.Graph()
    graph.add_node("P", kind="plant", max_heat_kw=200.0)
    graph.add_node("Q", kind="plant", max_heat_kw=most_kw)
    for house in "ab":
        graph.add_node(house, kind="substation", design_heat_kw=60.0)
    for name, size, length in (("Pa", "DN65", 100.0), ("ab", "DN65", 150.0), ("bQ", "DN65", 80.0)):
        graph.add_edge(*name, name=name, pipe=catalogue_pipe(size, length))
    limits = HeatLimits(margin=0.02)
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), supply_temperature=75.0, return_temperature_c=40.0, limits=limits
    )
    for unit in range(8):
        heat.deliver(unit, BASE)
    return heat


def broken(state):
    return {violation.limit for violation in state.violations}


@pytest.mark.parametrize(
    ("change", "plant"),
    [({"stopped": ["P"]}, 0), ({"closed": ["Pa"]}, 0), ({"stopped": ["Q"]}, 1), ({"closed": ["bQ"]}, 1)],
)
def test_a_plant_that_is_stopped_or_shut_off_sells_nothing_and_is_named(change, plant):
    heat = two_plants()
    heat.change(**change)
    name = f"plant {'PQ'[plant]} heat"
    for unit in range(8, 11):
        state = heat.deliver(unit, BASE)
        assert broken(state) == {name}
        assert state.injection_kw[plant] < 0.2
        assert -state.injection_kw[2:4] == pytest.approx([30.0, 30.0], abs=0.01)
    for room in heat.headroom([11, 12, 13], np.tile(BASE, (3, 1))):
        assert room.slack[list(room.limits).index(name)] == pytest.approx(-BASE[plant])
        assert room.capacity_kw(plant, 2) == 0.0
        assert room.slack[~room.coefficients.any(axis=1)].min(initial=0.0) >= 0.0
    given_back = BASE.copy()
    given_back[plant] = 0.0
    assert not broken(heat.predict(11, given_back))


def test_what_the_plant_left_can_sell_it_gives():
    """Its rating, less what the pipes lose, to the margin; and it sells no more than is drawn and lost."""
    heat = two_plants()
    heat.change(stopped=["P"])
    base = np.array([0.0, 65.0, -30.0, -30.0, 0.0])
    for unit in range(8, 14):
        heat.deliver(unit, base)
    room = heat.headroom([14], base[None])[0]
    admitted = room.capacity_kw(1, 2)
    assert 5.0 < admitted < 80.0 - 65.0
    moved = base + admitted * np.array([0.0, 1.0, -1.0, 0.0, 0.0])
    for unit in range(14, 18):
        state = heat.deliver(unit, moved)
        assert not state.violations
        assert state.injection_kw[1] == pytest.approx(moved[1], abs=1.5)
    alone = np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    uses = room.coefficients @ alone
    assert (room.slack[uses > 0.0] / uses[uses > 0.0]).min() < float(heat.expected_loss_kw([14])[0]) + 0.5


def test_each_part_of_a_network_that_was_cut_keeps_its_own_balance():
    """With the pipe between them shut, Q serves b: not beyond its rating, whatever P sells to a."""
    heat = two_plants(most_kw=50.0)
    heat.change(closed=["ab"])
    base = np.array([33.0, 33.0, -30.0, -30.0, 0.0])
    for unit in range(8, 14):
        heat.deliver(unit, base)
    room = heat.headroom([14], base[None])[0]
    for plant, house, least in ((0, 2, 30.0), (1, 3, 12.0)):
        kw = room.capacity_kw(plant, house)
        assert kw > least
        moved = base.copy()
        moved[plant] += kw
        moved[house] -= kw
        state = heat.predict(14, moved)
        assert not state.violations
        assert -state.injection_kw[house] == pytest.approx(-moved[house], rel=1e-3)
        assert state.injection_kw[plant] == pytest.approx(moved[plant], rel=0.05)
    assert room.capacity_kw(1, 3) < 50.0 - 30.0
    across = room.capacity_kw(0, 3)
    band = heat.linepack([14], base[None])
    assert across == pytest.approx(band.upper_kw[0], abs=1e-6)
