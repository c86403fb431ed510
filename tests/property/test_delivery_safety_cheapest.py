"""The cheapest mix on real grids: clean wherever no injection at all is, and never dearer than the other rules.

Random schedules of twenty participants, from slightly too much to several times what a grid carries, of demand, of
generation and of both; a third of them have no power flow solution. AC power flow judges what is left.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pandapower as pp
import pytest

from rexnet_grid.delivery import Participants, SafetyMaintainer
from rexnet_grid.electric import ElectricDelivery, ElectricNetwork

PARTICIPANTS = 20
STATES = 24
SIGNS = {"demand": (-1.0,), "generation": (1.0,), "both": (-1.0, 1.0)}
DEARER = 1.001


def ring():
    """A medium-voltage ring with two branches and a generator that holds a voltage."""
    net = pp.create_empty_network()
    high = pp.create_bus(net, 110.0)
    buses = [pp.create_bus(net, 20.0) for _ in range(12)]
    pp.create_ext_grid(net, high)
    pp.create_transformer(net, high, buses[0], "25 MVA 110/20 kV")
    for start, end in [*pairwise(buses), (buses[9], buses[0])]:
        pp.create_line(net, start, end, 2.5, "NA2XS2Y 1x185 RM/25 12/20 kV")
    pp.create_gen(net, buses[6], 0.0, vm_pu=1.0)
    return net


GRIDS = {
    "case33bw": {},
    "cigre_mv": {},
    "cigre_lv": {},
    "lv_schutterwald:0": {"supply_vm_pu": 1.0, "tap_pos": 0.0},
    "ring": None,
}


@cache
def delivery(name: str) -> ElectricDelivery:
    kinds = GRIDS[name]
    network = ElectricNetwork.from_pandapower(ring()) if kinds is None else ElectricNetwork.from_builtin(name, **kinds)
    return ElectricDelivery(network)


def overloads(grid: ElectricDelivery, rng: np.random.Generator):
    """Yield schedules that break a limit or have no solution."""
    supply = grid.nodes.index(grid.supply_node)
    head = grid.headroom([0], np.zeros((1, len(grid.nodes))))[0]
    fits = np.array([head.capacity_kw(supply, node) for node in range(len(grid.nodes))])
    others = np.flatnonzero(np.isfinite(fits) & (fits > 0.0))
    others = others[others != supply]
    while True:
        size = np.median(fits[others]) * rng.choice([0.1, 0.25, 0.5, 1.0])
        node = rng.choice(others, PARTICIPANTS)
        sign = rng.choice(SIGNS[str(rng.choice(list(SIGNS)))], PARTICIPANTS)
        kw = sign * rng.exponential(size, PARTICIPANTS)
        state = grid.predict(0, np.bincount(node, weights=kw, minlength=len(grid.nodes)))
        if not state.converged or state.violations:
            yield Participants(node, kw, rng.uniform(20.0, 500.0, PARTICIPANTS))


@pytest.mark.parametrize("name", GRIDS)
def test_it_ends_clean_and_no_other_rule_is_cheaper(name):
    grid = delivery(name)
    nothing = grid.predict(0, np.zeros(len(grid.nodes)))
    assert nothing.converged
    assert not nothing.violations
    found = overloads(grid, np.random.default_rng(20261128))
    for _ in range(STATES):
        schedule = next(found)
        cheapest = SafetyMaintainer("cheapest").secure(grid, 0, schedule)
        after = np.bincount(schedule.node, weights=cheapest.secured_kw, minlength=len(grid.nodes))
        assert cheapest.clean
        assert not grid.predict(0, after).violations
        for rule in ("pro_rata", "last_in_first_out"):
            other = SafetyMaintainer(rule).secure(grid, 0, schedule)
            assert other.clean
            assert cheapest.cost_eur(1.0) <= DEARER * other.cost_eur(1.0)


def test_where_rows_lead_nowhere_cuts_grow_towards_all(monkeypatch):
    grid = delivery("cigre_lv")
    schedule = next(overloads(grid, np.random.default_rng(1)))
    monkeypatch.setattr("rexnet_grid.delivery.ways.MOST_ROUNDS", 0)
    for rule in ("cheapest", "pro_rata", "last_in_first_out"):
        secured = SafetyMaintainer(rule).secure(grid, 0, schedule)
        assert secured.clean
        assert all(action.limit for action in secured.actions)
        assert 0.0 < sum(action.kw for action in secured.actions) < np.abs(schedule.scheduled_kw).sum()
