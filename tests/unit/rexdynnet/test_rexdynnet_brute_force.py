"""The horizon's plan against every plan of a grid, each run by the full model."""

from itertools import product

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.controller import ControlSettings

UNITS = 8
LEVELS = (55.0, 60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0)
NEED_C = 55.0
HOURS = 0.25


def two_houses():
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=300.0, min_supply_c=50.0, max_supply_c=90.0)
    graph.add_node("j", kind="junction")
    graph.add_edge("p", "j", pipe=catalogue_pipe("DN50", 250.0))
    for name, length in (("a", 40.0), ("b", 120.0)):
        graph.add_node(name, kind="substation", design_heat_kw=60.0, min_supply_c=NEED_C, max_mass_flow_kg_s=0.6)
        graph.add_edge("j", name, pipe=catalogue_pipe("DN32", length))
    return HeatNetwork.from_graph(graph)


class Judge:
    """A network in use, its demand of the coming units, and what a plan costs in the full model."""

    def __init__(self, power_price, load):
        self.settings = ControlSettings(
            "horizon", UNITS, ramp_k=10.0, reserve_k=2.0, power_price_eur_per_mwh=power_price
        )
        self.network = two_houses()
        self.heat = HeatDelivery(
            self.network, supply_temperature=75.0, return_temperature_c=40.0, control=self.settings
        )
        noise = np.random.default_rng(1).standard_normal((UNITS, 2))
        self.demand = np.clip(60.0 * load * (1.0 + 0.3 * noise), 5.0, None)
        for unit in range(UNITS):
            self.heat.deliver(unit, np.array([120.0 * load + 8.0, -60.0 * load, -60.0 * load, 0.0]))
        self.state, self.before_c = self.heat.save()[:2]

    def plan(self):
        position = np.zeros((UNITS, 4))
        position[:, 0], position[:, 1:3] = self.demand.sum(axis=1) + 8.0, -self.demand
        return self.heat.outlook(range(UNITS, 2 * UNITS), position).plan.supply_c

    def cost(self, supply_c):
        """Return the cost [EUR], by how much the coldest house is above its need [K], and what was unserved [kW]."""
        sim = self.network.start(75.0)
        sim.restore(self.state)
        total, spare, unserved = 0.0, np.inf, 0.0
        for demand, at in zip(self.demand, supply_c, strict=True):
            step = sim.step(900.0, demand, return_temperature_c=40.0, supply_temperature_c=float(at), ground_c=10.0)
            flow = step.mass_flow_kg_s.sum() / self.network.fluid.density
            pump = flow * step.pump_head_pa / self.settings.pump_efficiency / 1000.0
            prices = self.settings.heat_price_eur_per_mwh, self.settings.power_price_eur_per_mwh
            total += HOURS * (prices[0] * step.loss_kw + prices[1] * pump) / 1000.0
            spare = min(spare, step.supply_c[[self.network.nodes.index(s) for s in "ab"]].min() - NEED_C)
            unserved += step.unserved_kw.sum()
        return total, spare, unserved


@pytest.mark.parametrize(("power_price", "load"), [(200.0, 0.3), (200.0, 0.9), (2000.0, 0.3), (2000.0, 0.9)])
def test_a_plan_is_as_good_as_the_best_of_all_plans_of_a_grid(power_price, load):
    """At most 6 % dearer than the best that keeps the reserve; everything is served, and warmer than it has to be."""
    judge = Judge(power_price, load)
    found, spare, unserved = judge.cost(judge.plan())
    best = np.inf
    for levels in product(LEVELS, repeat=4):
        steps = np.diff((judge.before_c, *levels))
        if np.abs(steps).max() <= judge.settings.ramp_k:
            cost, kept, missing = judge.cost(np.repeat(levels, 2))
            if kept >= judge.settings.reserve_k - 0.3 and missing < 1e-6:
                best = min(best, cost)
    assert np.isfinite(best)
    assert found <= 1.06 * best
    assert unserved < 1e-6
    assert spare > 0.5
