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


def between_two_grids(seed: int):
    """A medium-voltage feeder of cables and overhead lines with a ring; its last bus has a second external grid."""
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
    one, other = rng.choice(buses[3:], 2, replace=False)
    pp.create_line(net, int(one), int(other), rng.uniform(1.0, 5.0), "cable")
    second = pp.create_bus(net, 110.0)
    pp.create_ext_grid(net, second, float(rng.choice([1.0, 1.015])))
    pp.create_transformer(net, second, buses[-1], TRANSFORMER)
    return net


@cache
def delivery(seed: int, **limits: float) -> ElectricDelivery:
    return ElectricDelivery(ElectricNetwork.from_pandapower(between_two_grids(seed)), ElectricLimits(**limits))


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
