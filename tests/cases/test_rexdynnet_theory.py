"""Closed forms: the exponential law, the wall of Anzelius and Schumann, pandapipes' analytic networks."""

import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import i0e
from scipy.stats import ncx2

from rexnet_grid.rexdynnet import Fluid, HeatNetwork, Pipe, simulate_pipe
from rexnet_grid.rexdynnet.correlations import nusselt

START = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.mark.parametrize("flow", [0.005, 0.05, 0.5, 3.0])
@pytest.mark.parametrize("wall_m", [0.0, 0.003])
def test_steady_outlet_is_the_exponential_law(flow, wall_m):
    pipe = Pipe(200.0, 0.05, wall_m, insulation_thickness_m=0.03)
    water = Fluid.water(60.0)
    time = np.linspace(0.0, 3e6, 4000)
    out = simulate_pipe(pipe, time, 80.0, flow, 8.0, 60.0, 60.0, fluid=water)
    exact = 8.0 + 72.0 * math.exp(-200.0 / (pipe.loss_resistance_mk_w * flow * water.heat_capacity))
    assert out[-1] == pytest.approx(exact, abs=1e-6)


def anzelius(transfer_units, since):
    """Outlet of a pipe with wall after a unit step, Schumann (1929)."""

    def kernel(s):
        return math.exp(-((math.sqrt(s) - math.sqrt(since)) ** 2)) * i0e(2.0 * math.sqrt(s * since))

    return 1.0 - quad(kernel, 0.0, transfer_units, limit=200)[0]


@pytest.mark.parametrize(
    ("length_m", "diameter_m", "wall_m", "velocity"),
    [(39.0, 0.05248, 0.0039, 0.3), (100.0, 0.05, 0.003, 0.5), (500.0, 0.1, 0.0036, 1.0), (40.0, 0.0217, 0.0026, 0.07)],
)
@pytest.mark.parametrize("step_k", [60.0, 0.4])
def test_step_through_a_pipe_with_wall_follows_anzelius(length_m, diameter_m, wall_m, velocity, step_k):
    """A step of 60 K is resolved in full, one of 0.4 K runs through three stretches; both within 0.05 K."""
    water = Fluid.water(50.0)
    pipe = Pipe(length_m, diameter_m, wall_m, insulation_conductivity=1e-9)
    flow = velocity * pipe.area_m2 * water.density
    reynolds = velocity * diameter_m * water.density / water.viscosity
    film = 1.0 / (nusselt(reynolds, water.prandtl) * water.conductivity * math.pi) + pipe.wall_resistance_mk_w
    units = length_m / (film * flow * water.heat_capacity)
    wall_s = pipe.wall_capacity_j_mk * film
    transit = length_m / velocity
    time = np.arange(0.0, transit + wall_s * (units + 6.0 * math.sqrt(2.0 * units) + 6.0))
    out = simulate_pipe(pipe, time, 20.0 + step_k, flow, 20.0, 20.0, 20.0, fluid=water)
    exact = np.array([20.0 + step_k * anzelius(units, (t - transit) / wall_s) if t > transit else 20.0 for t in time])
    away = np.abs(time - transit) > 1.5
    assert np.abs(out - exact)[away].max() < 0.05


# Any pipe and velocity: length, inner diameter, wall [m], plastic, velocity [m/s], step of the forcing [s].
PIPES = [
    (200.0, 0.2101, 0.0045, False, 0.1, 1.0),
    (1000.0, 0.3127, 0.0056, False, 1.0, 60.0),
    (50.0, 0.0273, 0.0032, False, 0.1, 10.0),
    (200.0, 0.0545, 0.0029, False, 0.3, 10.0),
    (10.0, 0.0161, 0.0026, False, 1.0, 1.0),
    (12.0, 0.0162, 0.0022, True, 0.1, 1.0),
    (10.0, 0.0514, 0.0058, True, 0.02, 60.0),
    (200.0, 0.090, 0.010, True, 0.3, 300.0),
    (1000.0, 0.1071, 0.0036, False, 0.3, 900.0),
    (200.0, 0.2101, 0.0045, False, 0.02, 3600.0),
]


@pytest.mark.parametrize(("length_m", "diameter_m", "wall_m", "plastic", "velocity", "dt_s"), PIPES)
def test_a_step_of_60_k_follows_anzelius_in_any_pipe_with_any_step(
    length_m, diameter_m, wall_m, plastic, velocity, dt_s
):
    """Means over each step of the network against the mean of the closed form (Marcum's Q function), within 0.05 K."""
    water = Fluid.water(60.0)
    kind = {"wall_density": 950.0, "wall_heat_capacity": 2300.0, "wall_conductivity": 0.38} if plastic else {}
    pipe = Pipe(length_m, diameter_m, wall_m, insulation_conductivity=1e-9, **kind)
    flow = velocity * pipe.area_m2 * water.density
    reynolds = velocity * diameter_m * water.density / water.viscosity
    film = 1.0 / (nusselt(reynolds, water.prandtl) * water.conductivity * math.pi) + pipe.wall_resistance_mk_w
    units = length_m / (film * flow * water.heat_capacity)
    wall_s, transit = pipe.wall_capacity_j_mk * film, length_m / velocity
    steps = math.ceil((transit + wall_s * (units + 8.0 * math.sqrt(units))) / dt_s) + 3
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", max_supply_c=120.0)
    graph.add_node("house", kind="substation")
    graph.add_edge("plant", "house", pipe=pipe)
    sim = HeatNetwork.from_graph(graph, water).start(20.0)
    found = np.array([sim.step(dt_s, None, 20.0, 80.0, 10.0, mass_flow_kg_s=flow).supply_c[1] for _ in range(steps)])
    edges = np.arange(steps + 1) * dt_s
    place, weight = np.polynomial.legendre.leggauss(16)
    begin, end = np.maximum(edges[:-1], transit), np.maximum(edges[1:], transit)
    late = (0.5 * (begin + end)[:, None] + 0.5 * (end - begin)[:, None] * place - transit) / wall_s
    exact = 20.0 + 60.0 * (ncx2.sf(2.0 * units, 2, 2.0 * late) @ weight) * 0.5 * (end - begin) / dt_s
    away = (edges[:-1] > transit + 1.5) | (edges[1:] < transit - 1.5)
    assert np.abs(found - exact)[away].max() < 0.05
    assert np.sqrt(np.mean((found - exact)[away] ** 2)) < 0.02


def test_plug_flow_without_wall_is_a_pure_delay():
    pipe = Pipe(100.0, 0.05, 0.0, insulation_conductivity=1e-9)
    water = Fluid.water(50.0)
    time = np.arange(0.0, 1200.0, 2.0)
    inlet = 60.0 + 10.0 * np.sin(time / 40.0)
    velocity = 0.4
    out = simulate_pipe(pipe, time, inlet, velocity * pipe.area_m2 * water.density, 10.0, 60.0, 60.0, fluid=water)
    late = time > 270.0
    exact = 60.0 + 10.0 * np.sin((time - 250.0) / 40.0)
    assert np.abs(out - exact)[late].max() < 0.05


KELVIN = 273.15
BARE = {"wall_thickness_m": 0.0, "insulation_thickness_m": 0.0, "outer_film": 5.0}


def steady_supply(edges, plants, draws):
    """Steady supply temperatures [K] of pipes of 75 mm losing 5 W/(m2 K) to 293 K, cp 4182 J/(kg K)."""
    graph = nx.Graph()
    for node, supply_k in plants.items():
        graph.add_node(node, kind="plant", supply_c=supply_k - KELVIN, max_supply_c=120.0)
    for node in draws:
        graph.add_node(node, kind="substation")
    for a, b in edges:
        graph.add_edge(a, b, pipe=Pipe(2500.0, 0.075, **BARE))
    heat = HeatNetwork.from_graph(graph, Fluid(998.0, 4182.0, 1e-3, 0.6))
    shares = dict.fromkeys(list(plants)[1:], sum(draws.values()) / len(plants))
    run = heat.simulate(
        START,
        START + pd.Timedelta(hours=30),
        mass_flow_kg_s=draws,
        return_temperature_c=20.0,
        ground_c=293.0 - KELVIN,
        plant_mass_flow_kg_s=shares or None,
    )
    return run.supply_c.iloc[-1] + KELVIN


def test_tee_with_two_outlets_matches_pandapipes_analytic(validation_dir):
    table = pd.read_csv(validation_dir / "heat" / "pandapipes" / "analytic" / "Temperature_tee_2ab_1zu_an.csv", sep=";")
    found = steady_supply([("p", "t"), ("t", "a"), ("t", "b")], {"p": 350.0}, {"a": 1.0, "b": 1.0})
    assert found["t"] == pytest.approx(table["T"][1], abs=1e-4)
    assert found["a"] == pytest.approx(table["T"][2], abs=1e-4)


def test_tee_with_two_inlets_matches_pandapipes_analytic(validation_dir):
    table = pd.read_csv(validation_dir / "heat" / "pandapipes" / "analytic" / "Temperature_tee_2zu_1ab_an.csv", sep=";")
    found = steady_supply([("p", "t"), ("q", "t"), ("t", "a")], {"p": 350.0, "q": 350.0}, {"a": 1.0})
    assert found["t"] == pytest.approx(table["T"][2], abs=1e-4)
    assert found["a"] == pytest.approx(table["T"][3], abs=1e-4)


def test_one_pipe_matches_pandapipes_analytic(validation_dir):
    table = pd.read_csv(validation_dir / "heat" / "pandapipes" / "analytic" / "Temperature_one_pipe_an.csv", sep=";")
    for length, expected in zip(table["l"][1:], table["T"][1:], strict=True):
        graph = nx.Graph()
        graph.add_node("p", kind="plant", supply_c=330.0 - KELVIN, max_supply_c=120.0)
        graph.add_node("s", kind="substation")
        graph.add_edge("p", "s", pipe=Pipe(float(length), 0.075, **BARE))
        heat = HeatNetwork.from_graph(graph, Fluid(998.0, 4182.0, 1e-3, 0.6))
        run = heat.simulate(
            START,
            START + pd.Timedelta(hours=30),
            mass_flow_kg_s=1.0,
            return_temperature_c=20.0,
            ground_c=293.0 - KELVIN,
        )
        assert run.supply_c["s"].iloc[-1] + KELVIN == pytest.approx(expected, abs=1e-4)


def test_two_inlets_and_two_outlets_match_pandapipes_analytic(validation_dir):
    table = pd.read_csv(validation_dir / "heat" / "pandapipes" / "analytic" / "Temperature_2zu_2ab_an.csv", sep=";")
    edges = [("q", "t"), ("p", "t"), ("t", "a"), ("t", "b")]
    found = steady_supply(edges, {"q": 350.0, "p": 300.0}, {"a": 1.0, "b": 1.0})
    assert found["t"] == pytest.approx(float(table["Tinit"][4]), abs=1e-4)
    assert found["a"] == pytest.approx(float(table["T"][4]), abs=1e-4)
