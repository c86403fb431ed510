"""Feeders of many customers: sensitivities and their intervals."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet, mending, voltage
from rexnet_grid.spacemeternet.voltagedata import voltage_arrays

CABLES, ON_EACH, DAYS, STEPS = 5, 9, 21, 96 * 21


def feeder(seed, wander):
    """Return P, Q, V of cables of nine customers behind a transformer, and the sensitivities of the squared voltage."""
    rng = np.random.default_rng(seed)
    n = CABLES * ON_EACH
    at = np.arange(n) % ON_EACH + 1.0
    same = np.arange(n)[:, None] // ON_EACH == np.arange(n) // ON_EACH
    way = np.where(same, np.minimum.outer(at, at), 0.0) + np.diag(rng.uniform(0.3, 1.5, n))
    c = 1e-4 * way + 4e-5
    d = 0.35e-4 * way + 1e-4
    p = -rng.gamma(0.8, 0.6, (STEPS, n))
    sun = np.clip(np.sin(2 * np.pi * np.arange(STEPS) / 96 - 1.5), 0, None) * rng.random(DAYS).repeat(96)
    p[:, ::4] += 4.0 * sun[:, None] * rng.uniform(0.5, 1.5, len(p[0, ::4])) * rng.uniform(0.7, 1.0, (STEPS, 1))
    q = -0.3 * np.abs(p) * (1.0 + 0.15 * rng.normal(size=p.shape))
    supply = wander * np.sin(2 * np.pi * np.arange(STEPS) / 96) + wander / 10 * np.cumsum(rng.normal(size=STEPS)) / 3
    v = np.sqrt(1.0 + supply[:, None] + p @ c + q @ d) + 1e-3 * rng.normal(size=p.shape)
    return *(pd.DataFrame(t, columns=[f"c{k}" for k in range(n)]) for t in (p, q, v)), c


@pytest.mark.parametrize(("seed", "wander"), [(1, 0.0), (2, 0.01)])
def test_forty_five_customers_are_told_apart_with_honest_intervals(seed, wander):
    p, q, v, c = feeder(seed, wander)
    net = VoltageSpaceNet(n_trees=6).fit(p, q, v)
    truth = 0.5 * c / net.mean_pu_[:, None]
    away = net.vm_pu_per_kw_.to_numpy() - truth
    assert np.linalg.norm(away) < 0.15 * np.linalg.norm(truth)
    assert np.mean(np.abs(away) < 1.96 * net.std_error_.to_numpy()) > 0.85


def test_what_is_not_looked_for_is_said(monkeypatch):
    monkeypatch.setattr(mending, "MOST_CUSTOMERS", 8)
    monkeypatch.setattr(voltage, "MOST_CUSTOMERS", 8)
    p, q, v, _ = feeder(3, 0.0)
    nine = [t[t.columns[:9]] for t in (p, q, v)]
    assert VoltageSpaceNet(n_trees=2).fit(*nine).diagnostics_["warning"].startswith("with more than 8 customers")
    monkeypatch.setattr(voltage, "MOST_CUSTOMERS", 9)
    assert VoltageSpaceNet(n_trees=2).fit(*nine).diagnostics_["warning"] == ""


FAULTS = {
    "late": lambda p, q, v: (p, q, v.assign(c17=np.roll(v["c17"], 3))),
    "exchanged": lambda p, q, v: (p, q, v.assign(c8=v["c25"], c25=v["c8"])),
    "a quarter": lambda p, q, v: (p.assign(c8=0.25 * p["c8"]), q.assign(c8=0.25 * q["c8"]), v),
}
TOLD = {
    "late": "vm_pu: c17: .*3 steps late",
    "exchanged": "vm_pu: c8 and c25: ",
    "a quarter": "p_kw: c8: .*4 times as much",
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_one_faulty_meter_among_many_is_named(fault):
    with pytest.raises(MeterDataError, match=TOLD[fault]):
        voltage_arrays(*FAULTS[fault](*feeder(3, 0.0)[:3]))


def test_nothing_is_named_where_many_customers_are_well():
    p, q, v, _ = feeder(3, 0.0)
    names = voltage_arrays(p, q, v).names
    assert len(names) == CABLES * ON_EACH
