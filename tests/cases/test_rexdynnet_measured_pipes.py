"""Measured pipes with book parameters; see docs/validation_heat.md for the figures."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.rexdynnet import HeatNetwork, Pipe, simulate_pipe

ULG = Pipe(
    length_m=39.0,
    inner_diameter_m=0.05248,
    wall_thickness_m=0.0039,
    wall_density=7850.0,
    wall_heat_capacity=480.0,
    insulation_thickness_m=0.013,
    insulation_conductivity=0.04,
    outer_film=5.0,
)


COPPER = Pipe(60.33, 0.020, 0.001, 8960.0, 385.0, 0.013, 0.0442, 9.35, wall_conductivity=390.0)
RUNS = pytest.mark.parametrize(
    ("run", "initial_inlet_c", "initial_outlet_c", "limit_k"),
    [
        ("150801", 16.6, 16.8, 0.45),
        ("151202", 18.8, 18.2, 0.45),
        ("151204_1", 14.0, 14.0, 0.35),
        ("160104_2", 17.9, 15.0, 0.12),
    ],
)


def through_a_network(pipe, time_s, inlet_c, flow_kg_s, ambient_c, first_c, last_c):
    """Return regular instants and the outlet of a network of one plant and one house, all else left to its defaults."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("house", kind="substation")
    graph.add_edge("plant", "house", pipe=pipe)
    step = float(np.median(np.diff(time_s)))
    grid = np.arange(time_s[0], time_s[-1], step)
    index = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(grid - grid[0], unit="s")
    flow, inlet, ambient = (
        pd.Series(np.interp(grid, time_s, np.broadcast_to(values, time_s.shape)), index)
        for values in (flow_kg_s, inlet_c, ambient_c)
    )
    run = HeatNetwork.from_graph(graph).simulate(
        index[0], index[-1], step, mass_flow_kg_s=flow, supply_temperature_c=inlet, return_temperature_c=20.0,
        ground_c=ambient, initial_c={"plant": first_c, "house": last_c},
    )  # fmt: skip
    assert run.balance_error.max() < 1e-9
    return grid[:-1], run.supply_c["house"].to_numpy()


@RUNS
def test_university_of_liege_outlet_water(validation_dir, run, initial_inlet_c, initial_outlet_c, limit_k):
    data = np.loadtxt(validation_dir / "heat" / "ulg" / f"PipeDataULg{run}.mos", skiprows=2, delimiter=",")
    outlet_c = simulate_pipe(ULG, data[:, 0], data[:, 5], data[:, 1], 18.0, initial_inlet_c, initial_outlet_c)
    assert np.sqrt(np.mean((outlet_c - data[:, 3]) ** 2)) < limit_k


def test_gershub_copper_pipe_outlet_water(validation_dir):
    data = np.genfromtxt(validation_dir / "heat" / "gershub" / "case1_inputs.csv", delimiter=",", skip_header=1)
    outlet_c = simulate_pipe(COPPER, data[:, 0], data[:, 1], data[:, 3] / 3600.0, data[:, 4], data[0, 1], data[0, 2])
    assert np.sqrt(np.mean((outlet_c - data[:, 2]) ** 2)) < 0.20


@RUNS
def test_university_of_liege_through_a_network(validation_dir, run, initial_inlet_c, initial_outlet_c, limit_k):
    data = np.loadtxt(validation_dir / "heat" / "ulg" / f"PipeDataULg{run}.mos", skiprows=2, delimiter=",")
    grid, outlet_c = through_a_network(ULG, data[:, 0], data[:, 5], data[:, 1], 18.0, initial_inlet_c, initial_outlet_c)
    assert np.sqrt(np.mean((outlet_c - np.interp(grid, data[:, 0], data[:, 3])) ** 2)) < limit_k


def test_gershub_copper_pipe_through_a_network(validation_dir):
    data = np.genfromtxt(validation_dir / "heat" / "gershub" / "case1_inputs.csv", delimiter=",", skip_header=1)
    grid, outlet_c = through_a_network(
        COPPER, data[:, 0], data[:, 1], data[:, 3] / 3600.0, data[:, 4], data[0, 1], data[0, 2]
    )
    assert np.sqrt(np.mean((outlet_c - np.interp(grid, data[:, 0], data[:, 2])) ** 2)) < 0.20
