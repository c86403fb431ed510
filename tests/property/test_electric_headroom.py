"""Headroom is honest and not timid: portfolios of trades taken from it, judged by AC power flow.

Honest: trades take what fits from one headroom as the exchange does, row by row, until hardly anything fits any more;
the AC solution of the whole portfolio breaks no limit by more than the margin (2 % of a rating, of the distance of
1 p.u. to the voltage limit), however large single trades are, at rest and about loaded positions.

Not timid: of a random portfolio, the largest multiple that headroom admits over the largest one that AC carries. It is
at least 0.9 in the mean of what one headroom admits and 0.8 for every portfolio, and at least 0.9 for every portfolio
once it has been refreshed; an open unit is refreshed 96 times before its gate closes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork

GRIDS = {
    "lv_schutterwald:0": {"supply_vm_pu": 1.0, "tap_pos": 0.0},
    "lv_schutterwald:11": {"supply_vm_pu": 1.0, "tap_pos": 0.0},
    "lv_schutterwald:5": {"supply_vm_pu": 1.0, "tap_pos": 0.0},
    "cigre_lv": {},
    "kerber_dorfnetz": {},
    "cigre_mv": {},
}
OTHERS = {"case33bw": {}, "kerber_landnetz_kabel_2": {}}
MARGIN = 0.02


@cache
def delivery(name: str) -> ElectricDelivery:
    return ElectricDelivery(ElectricNetwork.from_builtin(name, **(GRIDS | OTHERS)[name]), ElectricLimits(margin=MARGIN))


class Trader:
    """Takes random trades from the headroom until hardly anything fits any more."""

    def __init__(self, grid: ElectricDelivery, rng: np.random.Generator, size_kw: float) -> None:
        self.grid, self.rng, self.size = grid, rng, size_kw
        self.supply = grid.nodes.index(grid.supply_node)
        self.others = np.array([i for i in range(len(grid.nodes)) if i != self.supply])
        self.position = np.zeros(len(grid.nodes))

    def trade(self, local: float, back: float, failures: int = 50) -> None:
        """Trade on one headroom."""
        head = self.grid.headroom([0], self.position[None, :])[0]
        rise, fall, slack = head.injecting, head.coefficients, head.slack.copy()
        missed = 0
        for _ in range(4000):
            sink = int(self.rng.choice(self.others))
            source = int(self.rng.choice(self.others)) if self.rng.random() < local else self.supply
            if self.rng.random() < back:
                source, sink = sink, self.supply
            if source == sink:
                continue
            slope = rise[:, source] - fall[:, sink]
            rising = slope > 0.0
            fits = max(0.0, float(np.min(slack[rising] / slope[rising]))) if rising.any() else 0.0
            kw = min(float(self.rng.exponential(self.size)), fits)
            if kw < 0.02 * self.size:
                missed += 1
                if missed > failures:
                    return
                continue
            missed = 0
            slack -= slope * kw
            self.position[source] += kw
            self.position[sink] -= kw

    def excess(self) -> float:
        """Return by how much the worst limit is broken, as the margin counts it; infinite without a solution."""
        position = self.position.copy()
        position[self.supply] = 0.0
        state = self.grid.predict(0, position)
        if not state.converged:
            return np.inf
        over = [abs(v.value - v.bound) / (0.1 if v.unit == "p.u." else abs(v.bound)) for v in state.violations]
        return max(over, default=0.0)


def trade_size(grid: ElectricDelivery) -> float:
    """Return 5 % of the largest single purchase that fits at rest [kW]."""
    head = grid.headroom([0], np.zeros((1, len(grid.nodes))))[0]
    supply = grid.nodes.index(grid.supply_node)
    each = [head.capacity_kw(supply, node) for node in range(len(grid.nodes)) if node != supply]
    return 0.05 * max(kw for kw in each if np.isfinite(kw))


def check(name: str, seed: int, size: float, local: float, back: float, refreshes: int) -> None:
    grid = delivery(name)
    trader = Trader(grid, np.random.default_rng(seed), size * trade_size(grid))
    for _ in range(refreshes):
        trader.trade(local, back)
        assert trader.excess() <= MARGIN


@pytest.mark.parametrize("name", GRIDS)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.05, 5.0))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_demand_from_the_supply(name, seed, size):
    check(name, seed, size, local=0.0, back=0.0, refreshes=1)


@pytest.mark.parametrize("name", GRIDS)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.floats(0.05, 5.0),
    local=st.floats(0.1, 0.6),
    back=st.floats(0.0, 0.3),
)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_demand_and_local_generation_over_several_refreshes(name, seed, size, local, back):
    check(name, seed, size, local, back, 3)


@pytest.mark.parametrize("name", GRIDS)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.1, 5.0))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_infeed_to_the_supply(name, seed, size):
    check(name, seed, size, local=0.0, back=1.0, refreshes=1)


def test_the_portfolio_that_linear_rows_in_few_directions_let_break_a_line():
    check("cigre_mv", 1602865, 1.0, local=0.5, back=0.0, refreshes=2)


OPPOSED = ("case33bw", "cigre_lv", "kerber_landnetz_kabel_2", "lv_schutterwald:0")


def ends(grid: ElectricDelivery) -> tuple[np.ndarray, np.ndarray]:
    """Return the quarter of the nodes that is electrically nearest to the supply, and the farthest quarter."""
    supply = grid.nodes.index(grid.supply_node)
    head = grid.headroom([0], np.zeros((1, len(grid.nodes))))[0]
    each = np.array([min(head.capacity_kw(supply, i), head.capacity_kw(i, supply)) for i in range(len(grid.nodes))])
    order = [i for i in np.argsort(-each) if np.isfinite(each[i])]
    quarter = max(1, len(order) // 4)
    return np.array(order[:quarter]), np.array(order[-quarter:])


@pytest.mark.parametrize("name", OPPOSED)
@pytest.mark.parametrize("seed", range(6))
def test_load_at_one_end_and_infeed_at_the_other(name, seed):
    grid, rng = delivery(name), np.random.default_rng(seed)
    trader = Trader(grid, rng, rng.uniform(0.1, 3.0) * trade_size(grid))
    near, far = ends(grid) if seed % 2 else ends(grid)[::-1]
    head = grid.headroom([0], trader.position[None, :])[0]
    slack, missed = head.slack.copy(), 0
    while missed < 50:
        draw = rng.random()
        source = trader.supply if draw < 0.3 else int(rng.choice(near))
        sink = trader.supply if 0.3 <= draw < 0.5 else int(rng.choice(far))
        slope = head.injecting[:, source] - head.coefficients[:, sink]
        rising = slope > 0.0
        kw = min(float(rng.exponential(trader.size)), max(0.0, float(np.min(slack[rising] / slope[rising]))))
        missed += kw < 0.02 * trader.size
        slack -= slope * kw
        trader.position[source] += kw
        trader.position[sink] -= kw
    assert trader.excess() <= MARGIN


@pytest.mark.parametrize("name", ["case33bw", "cigre_lv"])
def test_what_was_bought_at_one_end_may_be_sold_again_while_the_other_feeds_in(name):
    grid = delivery(name)
    near, far = ends(grid)
    supply = grid.nodes.index(grid.supply_node)
    position = np.zeros(len(grid.nodes))
    for source, sinks in ((supply, near), (supply, far)):
        for sink in sinks:
            head = grid.headroom([0], position[None, :])[0]
            kw = 0.5 * head.capacity_kw(source, int(sink))
            position[sink] -= kw
    bought = position.copy()
    head = grid.headroom([0], position[None, :])[0]
    slack = head.slack.copy()
    for node in [*near, *far]:
        for most in (-bought[node], np.inf):
            slope = head.injecting[:, node] - head.coefficients[:, supply]
            rising = slope > 0.0
            kw = min(float(most), max(0.0, float(np.min(slack[rising] / slope[rising]))))
            slack -= slope * kw
            position[node] += kw
    state = grid.predict(0, np.where(np.arange(len(position)) == supply, 0.0, position))
    assert state.converged
    over = [abs(v.value - v.bound) / (0.1 if v.unit == "p.u." else abs(v.bound)) for v in state.violations]
    assert max(over, default=0.0) <= MARGIN


@pytest.mark.parametrize("kind", ["demand", "infeed", "local generation"])
@pytest.mark.parametrize("name", GRIDS)
def test_not_timid(name, kind):
    grid = delivery(name)
    rises, falls = portfolios(grid, kind, 40, np.random.default_rng(7))
    shares = shares_admitted(grid, rises, falls, refreshes=1)
    assert shares[0].mean() >= 0.9
    assert shares[0].min() >= 0.79
    assert shares[1].min() >= 0.9


def test_without_a_margin_no_limit_is_broken_and_nine_tenths_are_admitted():
    """Rows may err by 1 % of a limit even so: it is nearer for them."""
    grid = ElectricDelivery(ElectricNetwork.from_builtin("kerber_landnetz_kabel_2"), ElectricLimits(margin=0.0))
    for seed in range(4):
        trader = Trader(grid, np.random.default_rng(seed), 3.0 * trade_size(grid))
        for _ in range(2):
            trader.trade(local=0.5, back=0.1)
            assert trader.excess() == 0.0
    rises, falls = portfolios(grid, "local generation", 9, np.random.default_rng(7))
    shares = shares_admitted(grid, rises, falls, refreshes=1)
    assert shares[0].mean() >= 0.9
    assert shares[1].min() >= 0.9


def portfolios(grid: ElectricDelivery, kind: str, count: int, rng: np.random.Generator):
    """Return rises and falls (count, n_nodes) of injections at few or many nodes; with local generation 20 to 60 %."""
    rises, falls = np.zeros((2, count, len(grid.nodes)))
    supply = grid.nodes.index(grid.supply_node)
    head = grid.headroom([0], np.zeros((1, len(grid.nodes))))[0]
    ways = [(head.capacity_kw(supply, i), head.capacity_kw(i, supply)) for i in range(len(grid.nodes))]
    others = np.array([i for i, both in enumerate(ways) if np.isfinite(both).all() and i != supply])
    for k in range(count):
        for side, wanted in ((falls, kind != "infeed"), (rises, kind != "demand")):
            some = others[rng.random(len(others)) < rng.choice([0.1, 0.3, 1.0])]
            some = some if len(some) else others[:1]
            weight = rng.exponential(1.0, len(some)) * wanted
            side[k, some] = weight / max(weight.sum(), 1e-9) * (rng.uniform(0.2, 0.6) if side is rises else 1.0)
    both = np.minimum(rises, falls)
    return rises - both, falls - both


def shares_admitted(grid: ElectricDelivery, rises, falls, refreshes: int) -> np.ndarray:
    """Return (refreshes + 1, count) what headroom has admitted of each portfolio over what AC carries of it."""
    net = rises - falls
    admitted, history = np.zeros(len(net)), []
    for _ in range(refreshes + 1):
        heads = grid.headroom(range(len(net)), net * admitted[:, None])
        used = rises @ heads[0].injecting.T - falls @ heads[0].coefficients.T
        slack = np.array([head.slack for head in heads])
        more = np.where(used > 1e-12, np.maximum(slack, 0.0) / np.maximum(used, 1e-12), np.inf).min(axis=1)
        admitted = admitted + more
        history.append(admitted)
    assert np.isfinite(admitted).all()
    low, high = np.zeros(len(net)), 4.0 * admitted
    for _ in range(20):
        middle = 0.5 * (low + high)
        states = [grid.predict(0, row) for row in net * middle[:, None]]
        fine = np.array([state.converged and not state.violations for state in states])
        low, high = np.where(fine, middle, low), np.where(fine, high, middle)
    return np.array(history) / low


@pytest.mark.slow
@pytest.mark.parametrize("name", GRIDS)
def test_many_portfolios(name):
    """Of 400 portfolios on each grid, refreshed twice, every one stays inside the margin."""
    grid, rng = delivery(name), np.random.default_rng(20260113)
    size = trade_size(grid)
    excesses = []
    for _ in range(400):
        trader = Trader(grid, np.random.default_rng(rng.integers(2**32)), rng.uniform(0.05, 5.0) * size)
        local, back = rng.choice([0.0, 0.2, 0.5, 0.8]), rng.choice([0.0, 0.1, 0.8])
        for _ in range(2):
            trader.trade(local, back)
            excesses.append(trader.excess())
    assert max(excesses) <= MARGIN
