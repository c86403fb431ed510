"""What an estimated feeder admits at 95 % has to hold on the true one, whatever portfolio fills it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.voltagerows import admitted

NOISE = 0.002
BANDS = [(0.95, 1.05), (0.92, 1.08)]


@pytest.fixture(scope="module")
def learned():
    """Three weeks of Kerber's overhead-line net with 13 loads, as its meters saw them, and the net itself."""
    networks = pytest.importorskip("pandapower.networks")
    grid = networks.create_kerber_landnetz_freileitung_1()
    net = ElectricNetwork.from_pandapower(grid)
    bus = [list(net.buses).index(b) for b in grid.load.bus]
    rng = np.random.default_rng(8)
    p = -rng.gamma(1.2, 0.5, (96 * 21, len(bus)))
    q = 0.25 * p * rng.uniform(0.8, 1.2, p.shape)
    v = solved(net, bus, p, q)
    metered = (pd.DataFrame(t * (1 + NOISE * rng.normal(size=t.shape))) for t in (p, q, v))
    return net, bus, VoltageSpaceNet(n_trees=8).fit(*metered)


def solved(net, bus, p, q):
    kw, kvar = np.zeros((2, len(p), len(net.buses)))
    kw[:, bus], kvar[:, bus] = p, q
    return np.asarray(net.power_flow(kw, kvar).vm_pu)[:, bus]


@pytest.mark.parametrize("band", BANDS)
def test_portfolios_up_to_the_rows_stay_inside_the_band(learned, band):
    """Random withdrawals, injections and both mixed, and each customer alone, grown until the first row binds."""
    net, bus, estimate = learned
    rng, n = np.random.default_rng(1), len(bus)
    rows = estimate.to_constraints("voltage", 0.95, band_pu=band)
    shapes = [rng.normal(size=(200, n)), -np.abs(rng.normal(size=(200, n))), np.abs(rng.normal(size=(100, n)))]
    ways = np.vstack([*shapes, np.eye(n), -np.eye(n)])
    use = (ways @ rows.coefficients.T / rows.slack).max(axis=1)
    moved = ways / use[:, None]
    q = np.broadcast_to(estimate.mean_kvar_, moved.shape)
    v = solved(net, bus, estimate.mean_kw_ + moved, q)
    beyond = ((v < band[0]) | (v > band[1])).any(axis=1)
    assert beyond.mean() <= 0.05
    used = np.maximum((1.0 - v.min(axis=1)) / (1.0 - band[0]), (v.max(axis=1) - 1.0) / (band[1] - 1.0))
    assert np.median(used[np.isfinite(used)]) >= 0.6  # and it is not timid


@settings(max_examples=100, deadline=None)
@given(st.floats(-0.1, 0.2), st.floats(0.0, 0.1), st.floats(0.0, 2.9))
def test_what_a_row_admits_leaves_its_own_margin(room, margin, relative):
    one = np.ones(1)
    s = float(admitted(room * one, margin * one, relative * one)[0])
    if room - margin > 1e-9:
        assert s >= 0.0
        assert s + np.hypot(margin, relative * s) == pytest.approx(room, abs=1e-9)
    else:
        assert s == pytest.approx(room - margin)
