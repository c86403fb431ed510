"""Random meshes of two or three plants whose pipes turn round and stand, against fine finite volumes of our own.

Draws, plants' flows and all temperatures change in plateaus, drawn at random, fronts of up to 70 K; the flows in the
pipes are those of the run. Supply and return are solved in 160 to 600 cells a pipe, upwind with van Leer's limiter
(doi:10.1016/0021-9991(74)90019-9) and two stages of Runge and Kutta. So fronts are a little wider there than they are:
what half as many cells change tells by how much, and that is left out of account. Walls and water lose heat at one
rate, as in the model.
"""

import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from numba import njit

from rexnet_grid.rexdynnet import Fluid, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.correlations import nusselt

WATER = Fluid.water(60.0)
GROUND_C, START_C = 8.0, 55.0
CELLS = {60.0: 600, 300.0: 200, 900.0: 160}
SIZES = ((0.0372, 0.0026), (0.0431, 0.0026), (0.0545, 0.0029), (0.0703, 0.0029), (0.0825, 0.0032), (0.1071, 0.0036))


@njit
def limited(behind, ahead):
    """Van Leer's mean of two differences."""
    return 2.0 * behind * ahead / (behind + ahead) if behind * ahead > 0.0 else 0.0


@njit
def rates(water, wall, flow, enters, enters_c, ends, mass, steel, film, fade, heat_capacity, node_c, d_water, d_wall):
    """Fill the rates of change [K/s] and what flows through each node has in the mean; return the loss [W]."""
    pipes, cells = water.shape
    total = enters.copy()
    node_c[:] = enters * enters_c
    for p in range(pipes):
        last, before, to = (cells - 1, cells - 2, ends[p, 1]) if flow[p] > 0.0 else (0, 1, ends[p, 0])
        node_c[to] += abs(flow[p]) * (1.5 * water[p, last] - 0.5 * water[p, before])
        total[to] += abs(flow[p])
    for n in range(len(node_c)):
        node_c[n] = node_c[n] / total[n] if total[n] > 1e-9 else np.nan
    lost = 0.0
    for p in range(pipes):
        way, first = (1, 0) if flow[p] > 0.0 else (-1, cells - 1)
        came = node_c[ends[p, 0] if way > 0 else ends[p, 1]] if flow[p] != 0.0 else 0.0
        behind = 2.0 * (water[p, first] - came)
        for k in range(cells):
            i = first + way * k
            here = water[p, i]
            ahead = water[p, i + way] - here if k < cells - 1 else behind
            goes = here + 0.5 * limited(behind, ahead)
            exchange = film[p] * (here - wall[p, i])
            carried = abs(flow[p]) * heat_capacity * (came - goes) if flow[p] != 0.0 else 0.0
            d_water[p, i] = (carried - exchange) / (mass[p] * heat_capacity) - fade[p] * (here - GROUND_C)
            d_wall[p, i] = exchange / steel[p] - fade[p] * (wall[p, i] - GROUND_C)
            lost += fade[p] * (mass[p] * heat_capacity * (here - GROUND_C) + steel[p] * (wall[p, i] - GROUND_C))
            came, behind = goes, ahead
    return lost


@njit
def one_step(water, wall, flow, enters, enters_c, ends, mass, steel, film, fade, heat_capacity, dt, parts):
    """Advance by ``parts`` times ``dt``; return the mean temperature at each node [degC] and the mean loss [W]."""
    of_water, of_wall, mean, lost = np.empty_like(water), np.empty_like(wall), np.zeros(len(enters)), 0.0
    node_c = np.empty(len(enters))
    for _ in range(parts):
        water_0, wall_0 = water.copy(), wall.copy()
        for _ in range(2):
            lost += 0.5 / parts * rates(
                water, wall, flow, enters, enters_c, ends, mass, steel, film, fade, heat_capacity,
                node_c, of_water, of_wall,
            )  # fmt: skip
            mean += 0.5 / parts * node_c
            water += dt * of_water
            wall += dt * of_wall
        water[:] = 0.5 * (water_0 + water)
        wall[:] = 0.5 * (wall_0 + wall)
    return mean, lost


def finite_volumes(network, dt_s, flows, enters, enters_c, cells):
    """Return the nodes' means of each step (steps, nodes) [degC], NaN where nothing flows, and the loss [kW]."""
    nodes = list(network.graph)
    edges = [(d["from_node"], b if d["from_node"] == a else a, d["pipe"]) for a, b, d in network.graph.edges(data=True)]
    ends = np.array([(nodes.index(a), nodes.index(b)) for a, b, _ in edges])
    mass = np.array([p.volume_m3 for *_, p in edges]) * WATER.density / cells
    steel = np.array([p.wall_capacity_j_mk * p.length_m for *_, p in edges]) / cells
    loss = np.array([p.length_m / p.loss_resistance_mk_w for *_, p in edges]) / cells
    water = np.full((len(edges), cells), START_C)
    wall, means, losses = water.copy(), [], []
    for flow, source, source_c in zip(flows, enters, enters_c, strict=True):
        film = np.zeros(len(edges))
        for k, (*_, p) in enumerate(edges):
            reynolds = 4.0 * abs(flow[k]) / (math.pi * p.inner_diameter_m * WATER.viscosity)
            per_m = 1.0 / (nusselt(reynolds, WATER.prandtl) * WATER.conductivity * math.pi) + p.wall_resistance_mk_w
            film[k] = p.length_m / per_m / cells
        heat = mass * WATER.heat_capacity
        longest = min(
            (0.45 * mass / np.maximum(np.abs(flow), 1e-9)).min(), (0.5 * np.minimum(heat, steel) / film).min()
        )
        parts = math.ceil(dt_s / longest)
        mean, lost = one_step(
            water, wall, flow, source, source_c, ends, mass, steel, film, loss / (heat + steel), WATER.heat_capacity,
            dt_s / parts, parts,
        )  # fmt: skip
        means.append(mean)
        losses.append(1e-3 * lost)
    return np.array(means), np.array(losses)


class RandomMesh:
    """A mesh and its forcing."""

    def __init__(self, seed, dt_s, steps=24):
        self.rng, self.dt_s, self.steps = np.random.default_rng(seed), dt_s, steps
        self.network = self.drawn()
        houses, plants = self.network.substation_names, self.network.plant_names
        self.index = pd.date_range("2026-01-01", periods=steps + 1, freq=pd.Timedelta(seconds=dt_s), tz="UTC")
        self.draw = self.table(houses, 0.02, 0.4, idle=0.15)
        self.supply = self.table(plants, 60.0, 95.0)
        self.back = self.table(houses, 25.0, 50.0)
        share = self.draw.sum(axis=1).to_numpy()[:, None] / (len(plants) - 1)
        self.beside = self.table(plants[1:], 0.0, 0.8, idle=0.2) * share

    def drawn(self):
        graph, rng = nx.Graph(), self.rng
        kinds = [
            "plant",
            *rng.permutation(["plant"] * int(rng.integers(1, 3)) + ["substation"] * int(rng.integers(4, 8))),
        ]
        names = [f"{kind} {k}" for k, kind in enumerate(kinds)]

        def pipe():
            bore, wall = SIZES[rng.integers(len(SIZES))]
            insulation = float(rng.uniform(0.02, 0.05))
            return Pipe(float(rng.uniform(30.0, 250.0)), bore, wall, insulation_thickness_m=insulation)

        for k, (name, kind) in enumerate(zip(names, kinds, strict=True)):
            graph.add_node(name, kind=kind, **({"max_supply_c": 120.0} if kind == "plant" else {}))
            if k:
                graph.add_edge(names[int(rng.integers(max(0, k - 4), k))], name, pipe=pipe())
        for _ in range(int(rng.integers(1, 4))):
            a, b = rng.choice(names, 2, replace=False)
            if not graph.has_edge(a, b):
                graph.add_edge(str(a), str(b), pipe=pipe())
        return HeatNetwork.from_graph(graph, WATER)

    def table(self, columns, low, high, idle=0.0):
        """Plateaus of two steps to a quarter of the run."""
        made = {}
        for name in columns:
            values = []
            while len(values) <= self.steps:
                level = 0.0 if self.rng.random() < idle else float(self.rng.uniform(low, high))
                values += [level] * int(self.rng.integers(2, self.steps // 4))
            made[name] = values[: self.steps + 1]
        return pd.DataFrame(made, index=self.index)

    def run(self):
        return self.network.simulate(
            self.index[0], self.index[-1], self.dt_s, mass_flow_kg_s=self.draw, return_temperature_c=self.back,
            supply_temperature_c=self.supply, ground_c=GROUND_C, initial_c=START_C, plant_mass_flow_kg_s=self.beside,
        )  # fmt: skip

    def at_nodes(self, table):
        """Spread a table over all nodes, (steps, nodes); 0 elsewhere."""
        return table.iloc[: self.steps].reindex(columns=list(self.network.graph), fill_value=0.0).to_numpy()

    def fine(self, run, cells):
        """Return temperatures of supply and return nodes, and the loss [degC, kW], with the run's flows."""
        flows, draw = run.pipe_flow_kg_s.to_numpy(), self.at_nodes(self.draw)
        given, nodes = draw.copy(), list(self.network.graph)
        for k, (a, b, d) in enumerate(self.network.graph.edges(data=True)):
            start = d["from_node"]
            given[:, nodes.index(start)] += flows[:, k]
            given[:, nodes.index(b if start == a else a)] -= flows[:, k]
        given = np.maximum(given, 0.0)
        supply = finite_volumes(self.network, self.dt_s, flows, given, self.at_nodes(self.supply), cells)
        back = finite_volumes(self.network, self.dt_s, -flows, draw, self.at_nodes(self.back), cells)
        return np.stack((supply[0], back[0])), supply[1] + back[1]


@pytest.mark.parametrize("seed", range(1, 11))
def test_a_random_mesh_with_reversals_follows_finite_volumes(seed):
    mesh = RandomMesh(seed, (60.0, 300.0, 900.0)[seed % 3])
    run = mesh.run()
    flows = run.pipe_flow_kg_s.to_numpy()
    assert (flows[1:] * flows[:-1] < 0.0).any()
    fine, loss_kw = mesh.fine(run, CELLS[mesh.dt_s])
    coarse, _ = mesh.fine(run, CELLS[mesh.dt_s] // 2)
    ours = np.stack((run.supply_c.to_numpy(), run.return_c.to_numpy()))
    off, unsure = np.abs(ours - fine), np.abs(fine - coarse)
    beyond = np.maximum(off - unsure, 0.0)
    assert np.nanmax(off - 2.0 * unsure) < 0.8
    assert np.sqrt(np.nanmean(beyond**2)) < 0.08
    assert run.loss_kw.sum() == pytest.approx(loss_kw.sum(), rel=5e-4)
    assert run.balance_error.max() < 1e-9
