"""DESTEST CE_0: six programs and a closed form on the steady network of 16 buildings."""

import csv

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.rexdynnet import Fluid, HeatNetwork

WATER = Fluid(density=988.0, heat_capacity=4180.0, viscosity=5.434e-4, conductivity=0.64)
FLOW_KG_S = 553.0 / 3600.0
RANGES_C = {
    "h": (69.917, 69.94),
    "g": (69.845, 69.87),
    "f": (69.737, 69.77),
    "e": (69.567, 69.61),
    "SD1": (69.431, 69.48),
}


@pytest.fixture(scope="module")
def run(root):
    network = HeatNetwork.from_csv(root / "networks" / "heat" / "destest", WATER)
    return network.simulate(
        pd.Timestamp("2018-01-01"),
        pd.Timestamp("2018-01-01 06:00"),
        heat_demand_kw=FLOW_KG_S * WATER.heat_capacity * 30.0 / 1000.0,
        mass_flow_kg_s=FLOW_KG_S,
        supply_temperature_c=70.0,
        ground_c=10.0,
        initial_c=60.0,
    )


def test_temperatures_lie_within_the_six_programs(run):
    last = run.supply_c.iloc[-1]
    for node, (low, high) in RANGES_C.items():
        assert low <= last[node] <= high, node
    assert last["SD1"] == pytest.approx(69.451, abs=0.002)
    assert 39.46 <= run.return_c["i"].iloc[-1] <= 39.853
    assert run.return_c["i"].iloc[-1] == pytest.approx(39.478, abs=0.002)
    assert 308.2 <= run.plant_kw.iloc[-1] <= 314.3


def test_pressure_drop_lies_within_the_six_programs(run):
    drop = run.pressure_drop_pa[["i-h", "h-g", "g-f", "f-e"]].iloc[-1].sum()
    assert 22_400.0 <= drop <= 25_400.0


def test_supply_equals_the_closed_form(run, root):
    with (root / "networks" / "heat" / "destest" / "pipes.csv").open() as file:
        pipes = {(row["from_node"], row["to_node"]): row for row in csv.DictReader(file)}
    behind = {("i", "h"): 8, ("h", "g"): 6, ("g", "f"): 4, ("f", "e"): 2, ("e", "SD1"): 1}
    expected = 70.0
    for (a, b), buildings in behind.items():
        row = pipes[a, b]
        inner, wall, insulation = (
            float(row[k]) for k in ("inner_diameter_m", "wall_thickness_m", "insulation_thickness_m")
        )
        outer = inner + 2 * wall
        resistance = np.log(outer / inner) / (2 * np.pi * 0.35) + np.log(1 + 2 * insulation / outer) / (
            2 * np.pi * 0.026
        )
        reach = float(row["length_m"]) / (resistance * buildings * FLOW_KG_S * 4180.0)
        expected = 10.0 + (expected - 10.0) * np.exp(-reach)
        assert run.supply_c[b].iloc[-1] == pytest.approx(expected, abs=1e-6)


def test_energy_closes(run):
    assert run.balance_error.max() < 1e-9
