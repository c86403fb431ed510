"""Measured pipes with book parameters; see docs/validation_heat.md for the figures."""

import numpy as np
import pytest

from rexnet_grid.rexdynnet import Pipe, simulate_pipe

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


@pytest.mark.parametrize(
    ("run", "initial_inlet_c", "initial_outlet_c", "limit_k"),
    [
        ("150801", 16.6, 16.8, 0.45),
        ("151202", 18.8, 18.2, 0.45),
        ("151204_1", 14.0, 14.0, 0.35),
        ("160104_2", 17.9, 15.0, 0.12),
    ],
)
def test_university_of_liege_outlet_water(validation_dir, run, initial_inlet_c, initial_outlet_c, limit_k):
    data = np.loadtxt(validation_dir / "heat" / "ulg" / f"PipeDataULg{run}.mos", skiprows=2, delimiter=",")
    outlet_c = simulate_pipe(ULG, data[:, 0], data[:, 5], data[:, 1], 18.0, initial_inlet_c, initial_outlet_c)
    assert np.sqrt(np.mean((outlet_c - data[:, 3]) ** 2)) < limit_k


def test_gershub_copper_pipe_outlet_water(validation_dir):
    data = np.genfromtxt(validation_dir / "heat" / "gershub" / "case1_inputs.csv", delimiter=",", skip_header=1)
    pipe = Pipe(60.33, 0.020, 0.001, 8960.0, 385.0, 0.013, 0.0442, 9.35, wall_conductivity=390.0)
    outlet_c = simulate_pipe(pipe, data[:, 0], data[:, 1], data[:, 3] / 3600.0, data[:, 4], data[0, 1], data[0, 2])
    assert np.sqrt(np.mean((outlet_c - data[:, 2]) ** 2)) < 0.20
