"""Headroom is honest against an opponent who knows the rows and the network: a linear program instead of a sample.

For one limit, what loads it most by the sensitivities of AC power flow is sought among all portfolios that the
published rows admit, then again with the sensitivities of the state found, as long as that loads it more (successive
linear programming; Griffith and Stewart, Management Science 7 (1961) 379). AC power flow judges every state: neither
this limit nor another is broken by more than the margin. Then the headroom is refreshed about the worst state and
another limit is attacked.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog
from test_electric_headroom_concentrated import delivery

LINEARISATIONS = 3
REFRESHES = 2


class Opponent:
    """Looks for the admitted portfolio that loads one limit most."""

    def __init__(self, grid, seed: int) -> None:
        self.grid, self.rng = grid, np.random.default_rng(seed)
        self.network, self.limits = grid.network, grid.limits
        names = list(self.network.buses)
        self.buses = np.array([names.index(int(name.removeprefix("bus "))) for name in grid.nodes])
        self.supply = grid.nodes.index(grid.supply_node)
        loading = self.flow(np.zeros(len(grid.nodes))).loading_percent
        self.branches = np.flatnonzero(~np.isnan(loading))
        self.targets = [("loading", b) for b in self.branches]
        self.targets += [(kind, k) for kind in ("under", "over") for k in range(len(self.buses)) if k != self.supply]
        self.states = 0

    def flow(self, position: np.ndarray):
        """Solve one position (n_nodes,) [kW]."""
        whole = np.zeros(len(self.network.buses))
        whole[self.buses] = np.where(np.arange(len(position)) == self.supply, 0.0, position)
        return self.network.power_flow(whole, np.minimum(whole, 0.0) * self.limits.tan_phi)

    def excess(self, flow) -> float:
        """Return by how much the worst limit is broken, as the margin counts it; infinite without a solution."""
        if not flow.converged:
            return np.inf
        vm, limits = np.delete(flow.vm_pu[self.buses], self.supply), self.limits
        parts = (
            (limits.vm_min_pu - vm) / (1.0 - limits.vm_min_pu),
            (vm - limits.vm_max_pu) / (limits.vm_max_pu - 1.0),
            flow.loading_percent[self.branches] / limits.loading_percent - 1.0,
        )
        return float(max(np.nanmax(part) for part in parts))

    def gradient(self, target: tuple[str, int], flow) -> np.ndarray:
        """Return (2 n_nodes,) what a rise, then a fall, adds to what is attacked."""
        kind, k = target
        answers = self.network.sensitivities(flow)
        if kind == "loading":
            by_p, by_q = answers.loading_percent_per_kw[k], answers.loading_percent_per_kvar[k]
        else:
            sign = 1.0 if kind == "over" else -1.0
            by_p, by_q = (sign * d[self.buses[k]] for d in (answers.vm_pu_per_kw, answers.vm_pu_per_kvar))
        by_p, by_q = np.nan_to_num(by_p[self.buses]), np.nan_to_num(by_q[self.buses])
        return np.concatenate((by_p, -(by_p + self.limits.tan_phi * by_q)))

    def attack(self, position: np.ndarray, target: tuple[str, int]) -> tuple[float, np.ndarray]:
        """Return the worst excess found on one headroom about ``position``, and the state that has it."""
        n = len(position)
        head = self.grid.headroom([0], position[None, :])[0]
        rows, room = np.hstack((head.injecting, -head.coefficients)), np.maximum(head.slack, 0.0)
        most = [head.capacity_kw(*pair) for i in range(n) for pair in ((self.supply, i), (i, self.supply))]
        size = max(kw for kw in most if np.isfinite(kw))
        scale = np.maximum(np.abs(rows).max(axis=1), 1e-12)
        bounds = [(0.0, 0.0 if k % n == self.supply else 20.0 * size) for k in range(2 * n)]
        at = position + self.rng.uniform(-0.2, 0.2, n) * size / n
        worst, found = -np.inf, position
        for _ in range(LINEARISATIONS):
            flow = self.flow(at)
            if not flow.converged:
                break
            best = linprog(
                -self.gradient(target, flow) * size, A_ub=rows / scale[:, None], b_ub=room / scale, bounds=bounds
            )
            if best.status != 0:
                break
            at = position + best.x[:n] - best.x[n:]
            at[self.supply] = 0.0
            excess = self.excess(self.flow(at))
            self.states += 1
            if excess <= worst:
                break
            worst, found = excess, at
        return worst, found


def attacks(name: str, count: int, seed: int) -> tuple[np.ndarray, int]:
    """Return (count, REFRESHES) the worst excess of each attack, and how many states AC judged."""
    opponent = Opponent(delivery(name), seed)
    out = np.full((count, REFRESHES), -np.inf)
    for k in range(count):
        position = np.zeros(len(opponent.buses))
        for stage in range(REFRESHES):
            target = opponent.targets[opponent.rng.integers(len(opponent.targets))]
            out[k, stage], position = opponent.attack(position, target)
    return out, opponent.states


@pytest.mark.parametrize("name", ["cigre_mv", "cigre_lv", "long feeders", "long feeders, reactive"])
def test_no_portfolio_found_by_linear_programs_breaks_a_limit_by_more_than_the_margin(name):
    excess, states = attacks(name, 8, 5)
    assert states >= 16
    assert excess.max() <= delivery(name).limits.margin


def test_the_opponent_gets_near_to_the_limits():
    """Else it would prove nothing: most of its states use up all but a few percent of some limit."""
    excess, _ = attacks("long feeders", 8, 5)
    assert np.median(excess[:, 0]) > -0.1
