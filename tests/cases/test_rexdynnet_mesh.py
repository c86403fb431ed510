"""A ring with two plants and a reversal against a fine finite-volume solution of the same equations."""

import itertools
import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.rexdynnet import Fluid, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.correlations import nusselt

WATER = Fluid.water(60.0)
GROUND_C = 8.0
STEP_S = 300.0
STEPS = 48
CELLS = 240


@pytest.fixture(scope="module")
def ring():
    graph = nx.Graph()
    graph.add_node("west", kind="plant", max_supply_c=120.0)
    graph.add_node("east", kind="plant", max_supply_c=120.0)
    graph.add_node("north", kind="substation")
    graph.add_node("south", kind="substation")
    for a, b, length in (
        ("west", "north", 60.0),
        ("north", "east", 50.0),
        ("east", "south", 40.0),
        ("south", "west", 70.0),
    ):
        graph.add_edge(a, b, pipe=Pipe(length, 0.05, 0.0029, insulation_thickness_m=0.02))
    return HeatNetwork.from_graph(graph, WATER)


@pytest.fixture(scope="module")
def run(ring):
    index = pd.date_range("2026-01-01", periods=STEPS + 1, freq=pd.Timedelta(seconds=STEP_S), tz="UTC")
    k = np.arange(STEPS + 1)
    flow = pd.DataFrame({"north": 0.9 - 0.5 * (k > 20), "south": 0.3 + 0.7 * (k > 20)}, index=index)
    supply = pd.DataFrame({"west": 80.0 - 10.0 * (k > 10), "east": 70.0 + 12.0 * (k > 30)}, index=index)
    return ring.simulate(
        index[0], index[-1], STEP_S, mass_flow_kg_s=flow, return_temperature_c=40.0, supply_temperature_c=supply,
        ground_c=GROUND_C, initial_c=60.0, plant_mass_flow_kg_s=pd.Series(0.15 + 0.6 * (k > 20), index=index),
    ), supply  # fmt: skip


def finite_volumes(ring, flows, supply):
    """Upwind water and wall cells with the flows given; returns node means of each step [degC]."""
    edges = [(d["from_node"], b if d["from_node"] == a else a, d["pipe"]) for a, b, d in ring.graph.edges(data=True)]
    water = np.full((len(edges), CELLS), 60.0)
    wall = water.copy()
    pipes = [pipe for *_, pipe in edges]
    mass = np.array([p.volume_m3 for p in pipes]) * WATER.density / CELLS
    steel = np.array([p.wall_capacity_j_mk * p.length_m for p in pipes])[:, None] / CELLS
    loss = np.array([p.length_m / p.loss_resistance_mk_w for p in pipes])[:, None] / CELLS
    nodes = list(ring.graph)
    plants = {name: k for k, name in enumerate(ring.plant_names)}
    means = np.zeros((STEPS, len(nodes)))
    for step in range(STEPS):
        flow = flows[step]
        film = []
        for q, p in zip(np.abs(flow), pipes, strict=True):
            reynolds = 4.0 * q / (math.pi * p.inner_diameter_m * WATER.viscosity)
            per_m = 1.0 / (nusselt(reynolds, WATER.prandtl) * WATER.conductivity * math.pi) + p.wall_resistance_mk_w
            film.append(p.length_m / per_m / CELLS)
        film = np.array(film)[:, None]
        parts = math.ceil(STEP_S / (0.9 * np.min(mass / np.maximum(np.abs(flow), 1e-9))))
        dt = STEP_S / parts
        ahead = (flow > 0)[:, None]
        last = dict.fromkeys(nodes, 0.0)
        for _ in range(parts):
            ends = np.where(flow > 0, water[:, -1], water[:, 0])
            for n in nodes:
                heat = total = 0.0
                for k, (a, b, _) in enumerate(edges):
                    if (flow[k] > 0 and b == n) or (flow[k] < 0 and a == n):
                        heat += abs(flow[k]) * ends[k]
                        total += abs(flow[k])
                if n in plants:
                    out = sum(abs(flow[k]) for k, (a, b, _) in enumerate(edges) if (a if flow[k] > 0 else b) == n)
                    heat += (out - total) * supply[step, plants[n]]
                    total = out
                last[n] = heat / total
                means[step, nodes.index(n)] += last[n] / parts
            inlet = np.array([last[a] if flow[k] > 0 else last[b] for k, (a, b, _) in enumerate(edges)])[:, None]
            before = np.where(ahead, np.hstack((inlet, water[:, :-1])), np.hstack((water[:, 1:], inlet)))
            exchange = film * (water - wall)
            gain = np.abs(flow)[:, None] * WATER.heat_capacity * (before - water)
            water = water + dt * (gain - exchange) / (mass[:, None] * WATER.heat_capacity)
            wall = wall + dt * (exchange - loss * (wall - GROUND_C)) / steel
    return means


def test_the_flow_reverses_and_loops_close(ring, run):
    flows, drops = run[0].pipe_flow_kg_s, run[0].pressure_drop_pa
    assert ((flows.iloc[10] > 0) != (flows.iloc[40] > 0)).any()
    walk = ["west", "north", "east", "south", "west"]
    total = np.zeros(len(drops))
    for a, b in itertools.pairwise(walk):
        data = ring.graph.edges[a, b]
        total += drops[data["name"]].to_numpy() * (1.0 if data["from_node"] == a else -1.0)
    assert np.abs(total).max() < 1e-3


def test_temperatures_match_finite_volumes(ring, run):
    heat, supply = run
    means = finite_volumes(ring, heat.pipe_flow_kg_s.to_numpy(), supply.to_numpy())
    error = np.abs(heat.supply_c.to_numpy() - means)
    assert error.mean() < 0.05
    assert error.max() < 0.6


def test_energy_closes_through_the_reversal(run):
    assert run[0].balance_error.max() < 1e-9
