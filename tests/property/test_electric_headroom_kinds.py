"""Headroom is honest on every kind of network, and after the loss of each branch that trading has to survive.

Trades of many kinds take what fits, about rest and once more about the positions then reached; the AC solution of the
whole breaks no limit by more than the margin: three-winding transformers, generators that hold voltages with and
without limits of their reactive power, meshes, several external grids, transmission networks without ratings.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.electric.case import PQ
from rexnet_grid.electric.delivery import CutOffWarning

MARGIN = 0.02


def three_windings():
    net = pp.create_empty_network()
    high, medium, low = (pp.create_bus(net, kv) for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, high)
    pp.create_transformer3w(net, high, medium, low, std_type="63/25/38 MVA 110/20/10 kV")
    for kv, base, cable in (
        (20.0, medium, "NA2XS2Y 1x185 RM/25 12/20 kV"),
        (10.0, low, "NA2XS2Y 1x185 RM/25 6/10 kV"),
    ):
        for _ in range(2):
            last = base
            for _ in range(6):
                bus = pp.create_bus(net, kv)
                pp.create_line(net, last, bus, 3.0, cable)
                last = bus
    return net


def medium_voltage(*, held: bool = False, limited: bool = False, meshed: bool = False, twice: bool = False):
    net = nw.create_cigre_network_mv()
    if held:
        pp.create_gen(net, 8, p_mw=0.0, vm_pu=1.0)
    if limited:
        net.gen["min_q_mvar"], net.gen["max_q_mvar"] = -2.0, 2.0
        pp.set_user_pf_options(net, enforce_q_lims=True)
    if meshed:
        net.switch["closed"] = True
    if twice:
        net.load.drop(net.load.index, inplace=True)
        pp.runpp(net)
        pp.create_ext_grid(net, 8, vm_pu=1.0, va_degree=net.res_bus.va_degree[8])
    return net


def two_substations():
    """A feeder between two substations, and two long branches where the first of them is."""
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 20.0) for _ in range(9)]
    for end in (buses[0], buses[-1]):
        high = pp.create_bus(net, 110.0)
        pp.create_ext_grid(net, high, vm_pu=1.01)
        pp.create_transformer(net, high, end, "25 MVA 110/20 kV")
    for start, end in pairwise(buses):
        pp.create_line(net, start, end, 3.0, "48-AL1/8-ST1A 20.0")
    for _ in range(2):
        pp.create_line(net, buses[0], pp.create_bus(net, 20.0), 12.0, "48-AL1/8-ST1A 20.0")
    return net


NETS = {
    "three windings": three_windings,
    "held voltage": lambda: medium_voltage(held=True),
    "held while it lasts": lambda: medium_voltage(held=True, limited=True),
    "meshed": lambda: medium_voltage(meshed=True),
    "two external grids": lambda: medium_voltage(twice=True),
    "two substations": two_substations,
    "case9": nw.case9,
    "case14": nw.case14,
    "case30": nw.case30,
    "several voltages": nw.example_multivoltage,
    "voltage control": lambda: nw.create_synthetic_voltage_control_lv_network("rural_1"),
}
QUICK = [name for name in NETS if name != "held while it lasts"]


@cache
def delivery(name: str, secured: tuple[str, ...] = ()) -> ElectricDelivery:
    limits = ElectricLimits(margin=MARGIN)
    return ElectricDelivery(ElectricNetwork.from_pandapower(NETS[name]()), limits, secured_against=secured)


def excess(grid: ElectricDelivery, position: np.ndarray) -> float:
    """Return by how much the worst limit is broken, as the margin counts it; infinite without a solution."""
    state = grid.predict(0, position)
    if not state.converged:
        return np.inf
    over = [abs(v.value - v.bound) / (0.1 if v.unit == "p.u." else abs(v.bound)) for v in state.violations]
    return max(over, default=0.0)


def pairs(kind: str, supply: int, others: np.ndarray, rng: np.random.Generator):
    """Yield seller and buyer of one kind of trading."""
    few = rng.choice(others, max(1, len(others) // 4), replace=False)
    rest = np.setdiff1d(others, few)
    rest = rest if len(rest) else others
    while True:
        if kind == "demand":
            yield supply, int(rng.choice(few))
        elif kind == "one bus":
            yield supply, int(few[0])
        elif kind == "infeed":
            yield int(rng.choice(few)), supply
        elif kind == "local":
            yield int(rng.choice(others)), int(rng.choice(others))
        else:
            draw = rng.random()
            yield (supply if draw < 0.3 else int(rng.choice(few))), (supply if draw > 0.8 else int(rng.choice(rest)))


def traded(grid: ElectricDelivery, kind: str, seed: int, refreshes: int = 2):
    """Yield positions after trading on each of several headrooms."""
    rng = np.random.default_rng(seed)
    n, supply = len(grid.nodes), grid.nodes.index(grid.supply_node)
    head = grid.headroom([0], np.zeros((1, n)))[0]
    both = [(head.capacity_kw(supply, i), head.capacity_kw(i, supply)) for i in range(n)]
    others = np.array([i for i in range(n) if i != supply and np.isfinite(both[i]).all()])
    size = 0.05 * rng.uniform(0.1, 5.0) * max(both[i][0] for i in others)
    position, who = np.zeros(n), pairs(kind, supply, others, rng)
    for _ in range(refreshes):
        head = grid.headroom([0], position[None, :])[0]
        slack, missed = head.slack.copy(), 0
        for _ in range(1500):
            source, sink = next(who)
            slope = head.injecting[:, source] - head.coefficients[:, sink]
            rising = slope > 0.0
            if source == sink or not rising.any():
                continue
            kw = min(float(rng.exponential(size)), max(0.0, float(np.min(slack[rising] / slope[rising]))))
            missed = missed + 1 if kw < 0.02 * size else 0
            if missed > 40:
                break
            slack -= slope * kw
            position[source] += kw
            position[sink] -= kw
        position[supply] = 0.0
        yield position


@pytest.mark.parametrize("kind", ["demand", "one bus", "infeed", "local", "opposed"])
@pytest.mark.parametrize("name", QUICK)
def test_no_limit_is_broken_by_more_than_the_margin(name, kind):
    grid = delivery(name)
    for seed in range(3):
        for position in traded(grid, kind, seed):
            assert excess(grid, position) <= MARGIN


def carried(grid: ElectricDelivery, net: np.ndarray, admitted: np.ndarray) -> np.ndarray:
    """Return (n,) the largest multiples of portfolios (n, n_nodes) [kW] that AC carries with the margin kept."""
    low, high = np.zeros(len(net)), 4.0 * admitted
    kind = grid.network.case.node_kind[grid.network.case.bus_node]
    for _ in range(16):
        kw = (0.5 * (low + high))[:, None] * net
        flow = grid.network.power_flow(kw, np.minimum(kw, 0.0) * grid.limits.tan_phi)
        size, kept = np.abs(flow.vm_pu[:, kind == PQ] - 1.0), 1.0 - MARGIN
        fine = flow.converged & (size.max(axis=1) <= 0.1 * kept)
        fine &= flow.loading_percent.max(axis=1) <= 100.0 * kept
        low, high = np.where(fine, 0.5 * (low + high), low), np.where(fine, high, 0.5 * (low + high))
    return low


@pytest.mark.parametrize(
    ("name", "kind", "least"),
    [(name, kind, 0.9) for name in ("case9", "case30") for kind in ("demand", "infeed")]
    + [("case9", "local", 0.82), ("case30", "local", 0.9)],
)
def test_where_generators_hold_voltages_most_of_what_ac_carries_is_admitted(name, kind, least):
    grid, rng = delivery(name), np.random.default_rng(7)
    n, supply = len(grid.nodes), grid.nodes.index(grid.supply_node)
    weights = rng.exponential(1.0, (2, 24, n)) * (rng.random((2, 24, n)) < rng.choice([0.1, 0.3, 1.0], (2, 24, 1)))
    weights[:, np.arange(24), rng.choice(np.delete(np.arange(n), supply), 24)] += 0.1
    weights[..., supply] = 0.0
    falls, rises = weights / weights.sum(axis=2, keepdims=True)
    share = {"demand": (1.0, 0.0), "infeed": (0.0, 1.0), "local": (1.0, 0.5)}[kind]
    net = share[1] * rises - share[0] * falls
    head = grid.headroom([0], np.zeros((1, n)))[0]
    used = np.maximum(net, 0.0) @ head.injecting.T + np.minimum(net, 0.0) @ head.coefficients.T
    admitted = np.where(used > 1e-12, head.slack / np.maximum(used, 1e-12), np.inf).min(axis=1)
    assert np.mean(admitted / carried(grid, net, admitted)) >= least


@pytest.mark.slow
def test_demand_at_one_bus_between_two_substations_is_not_timid():
    """Demand at the second substation raises voltages at the first a little, which must not cost others anything."""
    grid = delivery("two substations")
    n, supply = len(grid.nodes), grid.nodes.index(grid.supply_node)
    head = grid.headroom([0], np.zeros((1, n)))[0]
    for bus in (i for i in range(n) if i != supply and np.isfinite(head.capacity_kw(supply, i))):
        demand = -np.eye(n)[bus]
        most = head.capacity_kw(supply, bus)
        carried, broken = 0.0, 4.0 * most
        for _ in range(12):
            kw = 0.5 * (carried + broken)
            carried, broken = (kw, broken) if excess(grid, kw * demand) == 0.0 else (carried, kw)
        assert 0.9 * carried <= most <= (1.0 + MARGIN) * carried, grid.nodes[bus]


def test_a_generator_that_runs_out_of_reactive_power_lets_go_of_its_voltage():
    grid = delivery("held while it lasts")
    for position in traded(grid, "opposed", 1):
        assert excess(grid, position) <= MARGIN


@pytest.mark.parametrize("kind", ["demand", "infeed", "opposed"])
@pytest.mark.parametrize(
    ("name", "out"), [("meshed", ("line 0", "line 6", "line 12")), ("case9", ("line 1", "line 4"))]
)
def test_every_outage_that_was_named_is_survived(name, out, kind):
    grid = delivery(name, out)
    without = [ElectricDelivery(grid.network.changed([branch]), grid.limits) for branch in out]
    for seed in range(2):
        for position in traded(grid, kind, seed):
            assert max(excess(other, position) for other in (grid, *without)) <= MARGIN


def feeder():
    """A feeder of eight buses; those beyond its line 3 are an island once that line is out."""
    net = pp.create_empty_network()
    high, last = pp.create_bus(net, 110.0), pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, high)
    pp.create_transformer(net, high, last, "25 MVA 110/20 kV")
    for _ in range(8):
        bus = pp.create_bus(net, 20.0)
        pp.create_line(net, last, bus, 2.0, "NA2XS2Y 1x185 RM/25 12/20 kV")
        last = bus
    return net


def across(grid: ElectricDelivery, island: range, rest: range, seed: int):
    """Yield positions after trading between both sides of a cut, one way or both, some of it with the supply."""
    rng = np.random.default_rng(seed)
    position, supply = np.zeros(len(grid.nodes)), 0
    for _ in range(3):
        head = grid.headroom([0], position[None, :])[0]
        slack = head.slack.copy()
        for _ in range(60):
            sides = (island, rest) if seed % 3 == 0 or (seed % 3 == 2 and rng.random() < 0.5) else (rest, island)
            source, sink = (int(rng.choice(side)) for side in sides)
            source = supply if rng.random() < 0.2 else source
            slope = head.injecting[:, source] - head.coefficients[:, sink]
            rising = slope > 0.0
            kw = max(0.0, float(np.min(slack[rising] / slope[rising]))) * rng.choice([1.0, rng.random()])
            slack -= slope * kw
            position[source] += kw
            position[sink] -= kw
        position[supply] = 0.0
        yield position


def test_of_trades_across_a_cut_the_side_that_stays_is_carried_alone():
    """What an island bought or sold ends with the outage; its counterparts stay, and the supply balances them."""
    net, limits, island, rest = ElectricNetwork.from_pandapower(feeder()), ElectricLimits(), range(5, 10), range(1, 5)
    secured, plain = (ElectricDelivery(net, limits, secured_against=out) for out in (["line 3"], []))
    with pytest.warns(CutOffWarning, match="outage of line 3 leaves bus 5, bus 6, bus 7, bus 8, bus 9 without supply"):
        secured.check()
    after = ElectricDelivery(net, limits)
    after.change(["line 3"])
    lost = np.isnan(after.predict(0, np.zeros(10)).arrays["vm_pu"])
    assert np.flatnonzero(lost).tolist() == list(island)
    for seed in range(9):
        for position in across(secured, island, rest, seed):
            assert max(excess(secured, position), excess(after, position)) <= limits.margin
    assert max(excess(after, position) for seed in range(9) for position in across(plain, island, rest, seed)) > 0.5
    heads = [grid.headroom([0], np.zeros((1, 10)))[0] for grid in (secured, after, plain)]
    assert heads[0].capacity_kw(5, 4) == pytest.approx(heads[1].capacity_kw(0, 4), rel=1e-9)
    assert heads[0].capacity_kw(5, 4) < 0.95 * heads[2].capacity_kw(5, 4)
    assert heads[0].capacity_kw(5, 9) == pytest.approx(heads[2].capacity_kw(5, 9), rel=1e-9)
