"""Published results of others: the ERIGrid benchmark's series, and MATPOWER's printed solution from its own files."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import PchipInterpolator

from rexnet_grid.electric import ElectricNetwork

pp = pytest.importorskip("pandapower")


def test_erigrid_voltages_and_loadings(validation_dir):
    """ERIGrid 2.0 multi-energy benchmark, doi:10.5281/zenodo.5735005, BSD-3-Clause: five days of minutes.

    Published with three decimals. Profiles are interpolated to minutes by PCHIP and the grid sees the heat pump's power
    one step late, as in the published co-simulation. Tolerance: the rounding of the files, 0.0005 p.u. and 0.0005 %,
    and what the interpolated inputs' own rounding adds to the loading.
    """
    folder = validation_dir / "erigrid"
    net = ElectricNetwork.from_file(folder / "network" / "power_grid_model.json")
    read = {
        name: pd.read_csv(folder / where, index_col=0, parse_dates=True)
        for name, where in (
            ("load", "profiles/power_demand_profiles.csv"),
            ("pv", "profiles/pv_generation_profiles.csv"),
            ("pump", "reference_results/heat_pump.csv"),
            ("vm", "reference_results/busses.csv"),
            ("line", "reference_results/lines.csv"),
        )
    }
    index = read["vm"].index
    minute = {key: at_minutes(read[key], index) for key in ("load", "pv")}
    pump = read["pump"]["P_effective_W"].reindex(index).shift(1).bfill() / 1e3
    kw, kvar = np.zeros((len(index), 3)), np.zeros((len(index), 3))
    kw[:, 1] = 1e3 * (1.2 * minute["pv"]["PV_1"] - minute["load"]["Load_1"]) - pump
    kw[:, 2] = 1e3 * (minute["pv"]["PV_2"] - minute["load"]["Load_2"])
    kvar[:, 1], kvar[:, 2] = -29.172589874744, -10.939721203029
    flow = net.power_flow(kw, kvar)
    assert flow.converged.all()
    vm = read["vm"][["bus_1_voltage_pu", "bus_2_voltage_pu"]].to_numpy()
    loading = read["line"][["line_1_loading", "line_2_loading"]].to_numpy()
    assert np.abs(flow.vm_pu[1:, 1:] - vm[1:]).max() <= 0.0005 + 1e-6
    assert np.abs(flow.loading_percent[1:] - loading[1:]).max() <= 0.001


def at_minutes(frame, index):
    """Return a quarter-hour profile interpolated to ``index``."""
    seconds = (frame.index - frame.index[0]).total_seconds().to_numpy()
    wanted = (index - frame.index[0]).total_seconds().to_numpy()
    return {c: PchipInterpolator(seconds, frame[c].to_numpy())(wanted) for c in frame.columns}


def matrix(text: str, name: str) -> np.ndarray:
    """Return one matrix of a MATPOWER case file."""
    body = re.search(rf"(?:mpc\.)?{name}\s*=\s*\[(.*?)\];", text, re.DOTALL)
    assert body is not None
    rows = [re.sub(r"%.*", "", line).strip().rstrip(";") for line in body[1].splitlines()]
    return np.array([[float(x) for x in row.split()] for row in rows if row])


def test_matpower_case9_as_printed(validation_dir):
    """MATPOWER t_case9_pf and its stored solution soln9_pf (three voltage-held generators, BSD-3-Clause)."""
    from scipy.io import loadmat

    folder = validation_dir / "electric" / "matpower"
    text = (folder / "t_case9_pf.m").read_text()
    bus, gen, branch = (matrix(text, key) for key in ("bus", "gen", "branch"))
    solution = loadmat(folder / "soln9_pf.mat")
    solved = solution["bus_soln"]
    net = ElectricNetwork.from_pandapower(from_matpower(bus, gen, branch))
    flow = net.power_flow(*net.base_injection())
    order = [list(net.buses).index(int(b)) for b in solved[:, 0]]
    np.testing.assert_allclose(flow.vm_pu[order], solved[:, 7], rtol=0, atol=1e-6)
    np.testing.assert_allclose(flow.va_degree[order], solved[:, 8], rtol=0, atol=1e-4)


def from_matpower(bus, gen, branch):
    """Return a pandapower net of a MATPOWER case without transformer ratios."""
    net = pp.create_empty_network(sn_mva=100.0)
    kv = dict(zip(bus[:, 0].astype(int), bus[:, 9], strict=True))
    for row in bus:
        pp.create_bus(net, vn_kv=row[9], index=int(row[0]))
        if row[2] or row[3]:
            pp.create_load(net, int(row[0]), p_mw=row[2], q_mvar=row[3])
    kind = dict(zip(bus[:, 0].astype(int), bus[:, 1], strict=True))
    for row in gen:
        if row[7] <= 0:
            continue
        if kind[int(row[0])] == 3:
            pp.create_ext_grid(net, int(row[0]), vm_pu=row[5])
        else:
            pp.create_gen(net, int(row[0]), p_mw=row[1], vm_pu=row[5])
    for row in branch:
        if row[10] <= 0:
            continue
        ohm = kv[int(row[0])] ** 2 / 100.0
        pp.create_line_from_parameters(
            net,
            int(row[0]),
            int(row[1]),
            1.0,
            row[2] * ohm,
            row[3] * ohm,
            row[4] / ohm / (2e-9 * np.pi * net.f_hz),
            99.0,
        )
    return net
