"""Headroom is honest where a large position is undone: all that fits is bought, sold again and bought at another bus.

Between two external grids, each behind its own transformer, demand at one bus draws current through lines that demand
at another one turns round. Such lines begin with up to twice their limit left, and what the large position bends of the
rows ends with it. The second grid's own bus takes part: what it sells needs no import.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandapower as pp
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork

BUSES = 22
FAR = 1e9
CABLE = {"r_ohm_per_km": 0.3, "x_ohm_per_km": 0.12, "c_nf_per_km": 250, "max_i_ka": 0.26, "type": "cs"}
OVERHEAD = {"r_ohm_per_km": 0.6, "x_ohm_per_km": 0.37, "c_nf_per_km": 9, "max_i_ka": 0.21, "type": "ol"}
TRANSFORMER = "25 MVA 110/20 kV"


def feeder(seed: int, *, rings: int = 1, held: bool = False, coil: bool = False, second: bool = False):
    """A medium-voltage feeder of cables and overhead lines with rings.

    With a generator that holds a voltage, a coil, or with a second external grid at its last bus.
    """
    rng = np.random.default_rng(seed)
    net = pp.create_empty_network()
    pp.create_std_type(net, CABLE, "cable")
    pp.create_std_type(net, OVERHEAD, "overhead")
    high, first = pp.create_bus(net, 110.0), pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, high, 1.01)
    pp.create_transformer(net, high, first, TRANSFORMER)
    buses = [first]
    for _ in range(BUSES):
        near = int(rng.choice(buses[-4:])) if rng.random() < 0.85 else first
        buses.append(pp.create_bus(net, 20.0))
        pp.create_line(net, near, buses[-1], rng.uniform(0.6, 4.5), str(rng.choice(["cable", "overhead"])))
    for _ in range(rings):
        one, other = rng.choice(buses[3:], 2, replace=False)
        pp.create_line(net, int(one), int(other), rng.uniform(1.0, 5.0), "cable")
    if held:
        pp.create_gen(net, int(rng.choice(buses[5:])), 0.0, vm_pu=float(rng.choice([1.0, 1.01, 1.02])))
    if coil:
        pp.create_shunt(net, buses[10], q_mvar=-4.0)
    if second:
        other = pp.create_bus(net, 110.0)
        pp.create_ext_grid(net, other, float(rng.choice([1.0, 1.015])))
        pp.create_transformer(net, other, buses[-1], TRANSFORMER)
    return net


@cache
def delivery(seed: int, **limits: float) -> ElectricDelivery:
    return ElectricDelivery(ElectricNetwork.from_pandapower(feeder(seed, second=True)), ElectricLimits(**limits))


@cache
def one_grid(name: str) -> ElectricDelivery:
    kinds = {"held": (203, {"rings": 2, "held": True}, 0.06), "coil": (206, {"coil": True}, 0.05)}
    seed, kind, band = kinds[name]
    limits = ElectricLimits(vm_min_pu=1.0 - band, vm_max_pu=1.0 + band)
    return ElectricDelivery(ElectricNetwork.from_pandapower(feeder(seed, **kind)), limits)


def excess(grid: ElectricDelivery, position: np.ndarray) -> float:
    """Return by how much the worst limit of any position (n_cases, n_nodes) is broken, as the margin counts it."""
    limits, network = grid.limits, grid.network
    whole = np.where(np.arange(len(grid.nodes)) == grid.nodes.index(grid.supply_node), 0.0, position)
    flow = network.power_flow(whole, np.minimum(whole, 0.0) * limits.tan_phi)
    assert flow.converged.all()
    parts = (
        (limits.vm_min_pu - flow.vm_pu) / (1.0 - limits.vm_min_pu),
        (flow.vm_pu - limits.vm_max_pu) / (limits.vm_max_pu - 1.0),
        flow.loading_percent / limits.loading_percent - 1.0,
    )
    return max(float(part.max()) for part in parts)


def fits(slope: np.ndarray, slack: np.ndarray) -> float:
    """Return the rate [kW] of a trade that takes ``slope`` of rows with ``slack`` left."""
    takes = slope > 0.0
    return max(0.0, float((slack[takes] / slope[takes]).min())) if takes.any() else 0.0


@pytest.mark.parametrize("seed", [522, 525])
@pytest.mark.parametrize("sense", [1.0, -1.0], ids=["demand", "infeed"])
def test_what_fits_at_one_bus_is_undone_and_taken_at_another(seed, sense):
    grid = delivery(seed, import_kw=FAR, export_kw=FAR)
    supply, n = grid.nodes.index(grid.supply_node), len(grid.nodes)
    others = [k for k in range(n) if k != supply]
    head = grid.headroom([0], np.zeros((1, n)))[0]

    def slope(node: int, way: float) -> np.ndarray:
        """Return what demand (1) or infeed (-1) at a node takes of all rows."""
        seller, buyer = (supply, node) if way > 0.0 else (node, supply)
        return head.injecting[:, seller] - head.coefficients[:, buyer]

    first = np.zeros((len(others), n))
    first[np.arange(len(others)), others] = [-sense * fits(slope(k, sense), head.slack) for k in others]
    states = [first]
    for start, node in zip(first, others, strict=True):
        about = grid.headroom([0], start[None])[0]
        undone = fits(slope(node, -sense), about.slack)
        left = about.slack - undone * slope(node, -sense)
        for other in others:
            states.append(start.copy()[None])
            states[-1][0, node] += sense * undone
            states[-1][0, other] -= sense * fits(slope(other, sense), left)
    assert excess(grid, np.concatenate(states)) <= grid.limits.margin


def test_what_the_second_grid_sells_is_not_bound_by_import():
    grid = delivery(521, import_kw=9000.0, export_kw=7000.0)
    at, n = {name: k for k, name in enumerate(grid.nodes)}, len(grid.nodes)
    head = grid.headroom([0], np.zeros((1, n)))[0]
    position, slack = np.zeros(n), head.slack.copy()
    for seller, buyer, most in (("bus 0", "bus 5", 3097.0), ("bus 24", "bus 23", np.inf)):
        slope = head.injecting[:, at[seller]] - head.coefficients[:, at[buyer]]
        kw = min(fits(slope, slack), most)
        slack -= kw * slope
        position[[at[seller], at[buyer]]] += (kw, -kw)
    assert position[at["bus 24"]] > 20_000.0
    assert excess(grid, position[None]) <= grid.limits.margin


@pytest.mark.parametrize("name", ["held", "coil"])
def test_demand_that_lets_infeed_in_elsewhere_is_sold_again(name):
    """All that fits is bought at a bus, all infeed that then fits is sold at another; the first sells all it can.

    Near the supply the active power of the first hardly moves the second one's voltage, but its reactive power does.
    """
    grid = one_grid(name)
    supply, n = grid.nodes.index(grid.supply_node), len(grid.nodes)
    others = [k for k in range(n) if k != supply]
    head, nothing = grid.headroom([0], np.zeros((1, n)))[0], np.zeros(n)

    def sold(position: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
        """Return the positions after each bus of ``pairs`` has sold all that fits to the supply."""
        heads, after = grid.headroom(range(len(pairs)), position), position.copy()
        for k, (bus, _) in enumerate(pairs):
            slope = heads[k].injecting[:, bus] - heads[k].coefficients[:, supply]
            after[k, bus] += fits(slope, heads[k].slack)
        return after

    states = []
    for first in others:
        start = nothing.copy()
        start[first] = -fits(head.injecting[:, supply] - head.coefficients[:, first], head.slack)
        pairs = [(other, first) for other in others if other != first]
        position = sold(sold(np.tile(start, (len(pairs), 1)), pairs), pairs)
        states.append(sold(position, [(first, other) for other, _ in pairs]))
    assert excess(grid, np.concatenate(states)) <= grid.limits.margin


@pytest.mark.parametrize(
    ("before", "traded"),
    [
        ({4: -8143.6}, {2: -2686.3, 3: -2426.3, 15: 2686.3, 17: -1217.6, 18: -11065.0}),
        (
            {1: 733.5, 2: 6986.8, 7: -11832.4, 10: 8380.4, 11: 461.5, 12: 2990.5, 21: -733.5, 22: 3166.4},
            {18: 13351.2, 12: 238.5, 23: -238.5},
        ),
    ],
    ids=["demand", "infeed"],
)
def test_what_a_held_voltage_asks_of_its_generator_grows_faster_than_the_flows(before, traded):
    """Far trades, more than half of what the network carries, load lines to the generator with its reactive power."""
    grid = one_grid("held")
    supply, n = grid.nodes.index(grid.supply_node), len(grid.nodes)
    start, trade = np.zeros(n), np.zeros(n)
    start[list(before)], trade[list(traded)] = list(before.values()), list(traded.values())
    assert excess(grid, (start + trade)[None]) > grid.limits.margin
    trade[supply] = -trade.sum()
    head = grid.headroom([0], start[None])[0]
    use = head.injecting @ np.maximum(trade, 0.0) + head.coefficients @ np.minimum(trade, 0.0)
    assert ((use > 0.0) & (use > head.slack)).any()
