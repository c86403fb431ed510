"""What headroom admits, any network delivers: random networks, pumps, valves, states, one plant or two.

Trees and meshes of catalogue pipes, with pumps that have a curve, substations that need a pressure of their own, small
valves and a rating of the plant. Portfolios of up to four times the load are taken from headroom row by row, many of
them moved to one place by others who sell what they reserved, and judged by the full model: what is unserved and what
exceeds a velocity or a head stays within the 2 % that headroom kept free. And it is not timid: with headroom published
three times, at least nine tenths of the largest load are admitted that the full model carries.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Booster, HeatDelivery, HeatLimits, HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.hydraulics import ALONG

MARGIN = 0.02
UNIT = 4
SIZES = ("DN25", "DN32", "DN40", "DN50", "DN65")


def town(rng: np.random.Generator, plants: int, rings: int = 0) -> HeatNetwork:
    """Return a random network whose pump carries one to three times the load of the day; ``rings`` more where drawn."""
    graph: nx.Graph = nx.Graph()
    houses = int(rng.integers(3, 9))
    curve = Pump(float(rng.uniform(2e4, 1.5e5)), float(rng.choice([0.0, 500.0, 4000.0])),
                 control=str(rng.choice(["worst", "fixed"])))  # fmt: skip
    rated = {"max_heat_kw": float(rng.uniform(60.0, 400.0))} if rng.random() < 0.5 else {}
    graph.add_node("main", kind="plant", max_supply_c=90.0, pump=curve if rng.random() < 0.8 else None, **rated)
    spots = ["main"]
    for k in range(houses):
        graph.add_node(
            f"h{k}", kind="substation", design_heat_kw=20.0,
            min_differential_pa=float(rng.choice([0.0, 5e3])), max_mass_flow_kg_s=float(rng.choice([0.0, 0.25])),
        )  # fmt: skip
        pipe = catalogue_pipe(str(rng.choice(SIZES)), float(rng.uniform(20.0, 120.0)))
        graph.add_edge(spots[int(rng.integers(len(spots)))], f"h{k}", pipe=pipe)
        spots.append(f"h{k}")
    if rng.random() < 0.5 and not graph.has_edge("main", spots[-1]):
        graph.add_edge("main", spots[-1], pipe=catalogue_pipe("DN32", 150.0))
    for _ in range(rings):
        a, b = (spots[k] for k in rng.choice(len(spots), 2, replace=False))
        if not graph.has_edge(a, b):
            graph.add_edge(a, b, pipe=catalogue_pipe("DN32", float(rng.uniform(50.0, 200.0))))
    if plants == 2:
        graph.add_node("side", kind="plant", max_heat_kw=float(rng.uniform(20.0, 60.0)), max_supply_c=90.0)
        at = spots[1 + int(rng.integers(houses))]
        graph.add_edge(at, "side", pipe=catalogue_pipe(str(rng.choice(SIZES[:3])), 50.0))
    return HeatNetwork.from_graph(graph)


def boosted(network: HeatNetwork, rng: np.random.Generator) -> HeatNetwork:
    """Return the town with a booster in four of ten pipes, lifting away from the main plant; in rings on both sides."""
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(network.graph.nodes(data=True))
    bridges = {frozenset(ends) for ends in nx.bridges(network.graph)}
    away = nx.bfs_tree(network.graph, "main")
    for a, b, data in network.graph.edges(data=True):
        side = str(rng.choice(["supply", "return", "both"]))
        side = side if frozenset((a, b)) in bridges else "both"
        pump = Pump(float(rng.uniform(5e3, 4e4)), float(rng.choice([0.0, 2e3])))
        booster = Booster(pump, side, float(rng.choice([0.0, 500.0]))) if rng.random() < 0.4 else None
        graph.add_edge(a, b, **{**data, "booster": booster, "from_node": a if away.has_edge(a, b) else b})
    return HeatNetwork(graph, network.substations, network.plants, network.fluid, network.name)


class Market:
    """A town after four units of random demand, and a trader of its fifth."""

    def __init__(self, seed: int, plants: int, *, boosters: bool = False, rings: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.plants = plants
        network = town(self.rng, plants, rings)
        if boosters:
            network = boosted(network, np.random.default_rng(seed))
        self.houses = len(network.substations)
        limits = HeatLimits(max_velocity_m_s=1.5, margin=MARGIN)
        self.heat = HeatDelivery(network, supply_temperature=80.0, return_temperature_c=40.0, limits=limits)
        for unit in range(UNIT):
            self.heat.deliver(unit, self.reserved(unit))
        self.base = self.reserved(UNIT)
        self.position = self.base.copy()
        self.favourite = int(self.rng.integers(self.houses))

    def reserved(self, unit: int) -> np.ndarray:
        drawn = self.rng.uniform(1.0, 10.0, self.houses)
        side = [0.3 * drawn.sum()] if self.plants == 2 else []
        lost = float(self.heat.expected_loss_kw([unit])[0])
        return np.concatenate(([drawn.sum() + lost - sum(side)], side, -drawn, [0.0]))

    def trade(self, back: float) -> None:
        head = self.heat.headroom([UNIT], self.position[None, :])[0]
        slack = head.slack.copy()
        missed = 0
        while missed < 40:
            sink, source = self.plants + int(self.rng.integers(self.houses)), int(self.rng.integers(self.plants))
            if self.rng.random() < back:
                source, sink = sink, source
            slope = head.coefficients[:, source] - head.coefficients[:, sink]
            rising = slope > 1e-12
            kw = min(float(self.rng.exponential(8.0)), max(0.0, float(np.min(slack[rising] / slope[rising]))))
            if source >= self.plants:
                kw = min(kw, -float(self.position[source]))
            missed = missed + 1 if kw < 0.1 else 0
            slack -= slope * kw
            self.position[source] += kw
            self.position[sink] -= kw

    def concentrate(self) -> None:
        """Let the plant and all others sell to one house, or to a few where the dice say so, in small pieces."""
        head = self.heat.headroom([UNIT], self.position[None, :])[0]
        slack = head.slack.copy()
        missed = 0
        while missed < 40:
            elsewhere = self.rng.random() < 0.1
            sink = self.plants + (int(self.rng.integers(self.houses)) if elsewhere else self.favourite)
            source = 0 if self.rng.random() < 0.6 else self.plants + int(self.rng.integers(self.houses))
            slope = head.coefficients[:, source] - head.coefficients[:, sink]
            rising = slope > 1e-12
            room = np.min(slack[rising] / slope[rising], initial=np.inf)
            kw = min(float(self.rng.exponential(3.0)), max(0.0, float(room)))
            if source >= self.plants:
                kw = min(kw, -float(self.position[source]))
            if source == sink or kw < 0.05:
                missed += 1
                continue
            missed = 0
            slack -= slope * kw
            self.position[source] += kw
            self.position[sink] -= kw

    def excess(self, position: np.ndarray) -> float:
        """Return by how much the worst limit is broken, as a part of it."""
        worst = 0.0
        for v in self.heat.predict(UNIT, position).violations:
            if v.limit.endswith("supply"):
                bound = -float(position[self.heat.nodes.index(v.element.removeprefix("substation "))])
                worst = max(worst, v.value / bound)
            else:
                worst = max(worst, (v.value - v.bound) / v.bound)
        return worst

    def carries(self, more: float) -> bool:
        """Tell whether the full model carries the trades scaled so that ``more`` times as much is drawn."""
        traded = self.position - self.base
        houses = slice(self.plants, -1)
        part = (more - 1.0) * self.position[houses].sum() / traded[houses].sum()
        return not self.heat.predict(UNIT, self.position + part * traded).violations


@pytest.mark.parametrize("plants", [1, 2])
def test_what_was_admitted_is_delivered_by_any_network(plants):
    excesses = []
    for seed in range(12):
        market = Market(seed, plants)
        if market.excess(market.base) == 0.0:
            market.trade(0.3 * (seed % 2))
            excesses.append(market.excess(market.position))
    assert len(excesses) >= 9
    assert max(excesses) <= MARGIN


def test_what_a_network_can_carry_is_admitted():
    carried = []
    for seed in range(10):
        market = Market(seed, 1)
        if market.excess(market.base) > 0.0:
            continue
        for _ in range(3):
            market.trade(0.0)
        assert market.excess(market.position) <= MARGIN
        carried.append(market.carries(1.0 / 0.9))
    assert len(carried) >= 8
    assert not any(carried)


def test_meshes_deliver_what_was_admitted_at_many_times_the_load():
    """Two rings more; these portfolios broke a head or valve by up to 4 % while the margin was the one of trees."""
    for seed in (9, 22, 36, 39):
        market = Market(seed, 1, rings=2)
        for _ in range(3):
            market.trade(0.0)
        assert -market.position[1:-1].sum() > -2.0 * market.base[1:-1].sum()
        assert market.excess(market.position) <= MARGIN
        assert not market.carries(1.0 / 0.9)


@pytest.mark.parametrize(
    ("seed", "plants", "rings"), [(101, 1, 0), (45, 1, 2), (52, 1, 2), (53, 1, 2), (150, 1, 2), (4, 2, 2)]
)
def test_one_house_draws_what_others_sell_and_no_more(seed, plants, rings):
    """Heads were broken by 34, 16, 14, 8, 14 and 171 %.

    Water in rings turns to other ways with the load, others' selling relieves a convex drop by less than its chord,
    and the plant's water cools where much more is drawn.
    """
    market = Market(seed, plants, rings=rings)
    for _ in range(3):
        market.concentrate()
    assert market.position[market.plants + market.favourite] < 2.0 * market.base[market.plants : -1].sum()
    assert market.excess(market.position) <= MARGIN


def test_headroom_of_networks_with_boosters_holds_and_is_timid_only_in_rings():
    excesses, timid = [], []
    for seed in (*range(9), 39):
        market = Market(seed, 1, boosters=True)
        if market.excess(market.base) > 0.0:
            continue
        for _ in range(3):
            market.trade(0.0)
        excess = market.excess(market.position)
        excesses.append(excess)
        stuck = np.array_equal(market.position, market.base)
        ringed = bool((market.heat._sim.layout.drag[market.heat._sim.layout.loop_pipe, ALONG] != 0.0).any())
        timid.append(stuck or (not ringed and market.carries(1.0 / 0.9)))
        assert market.heat.deliver(UNIT, market.position).balance.residual_relative < 1e-9
    assert len(excesses) >= 8
    assert max(excesses) <= MARGIN
    assert not any(timid)
