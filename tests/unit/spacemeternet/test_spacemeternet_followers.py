"""Photovoltaics that absorb reactive power, by a fixed cos phi or by the voltage, are no fault of the readings."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.followers import followers
from rexnet_grid.spacemeternet.mending import mendings

N, DAYS = 8, 21
SOLAR = [1, 3, 4, 6, 7]
MAIN = np.minimum.outer(np.arange(1, N + 1), np.arange(1, N + 1))
R = 4e-4 * (MAIN + np.diag(np.linspace(0.5, 1.5, N)))
X = 0.3 * R + 3e-4  # a transformer is mostly reactance
NAMES = [f"m{k}" for k in range(N)]


def powers(seed):
    """Return active and reactive powers of loads and the active ones of photovoltaics under one sky, and the supply."""
    rng = np.random.default_rng(seed)
    steps = 96 * DAYS
    hour = np.arange(steps) % 96 / 4
    sky = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.beta(1.5, 1.2, DAYS).repeat(96)
    sky *= np.clip(1 + 0.2 * rng.normal(size=steps), 0.1, 1.3)
    appliance = rng.gamma(1.2, 0.2, (steps, N)) + 2.0 * (rng.random((steps, N)) < 0.04)
    load = 0.6 * appliance + 0.4 * np.roll(appliance, 1, axis=0)
    sun = np.zeros_like(load)
    sun[:, SOLAR] = sky[:, None] * rng.uniform(2, 4, len(SOLAR))
    wander = np.cumsum(rng.normal(0, 8e-4, steps))
    supply = 1.01 + wander - np.convolve(wander, np.ones(192) / 192, "same")
    return load, -load * rng.uniform(0.05, 0.4, N), sun, supply


def tables(p, q, v, noise=1e-3):
    rng = np.random.default_rng(9)
    return [pd.DataFrame(t * (1 + noise * rng.normal(size=t.shape)), columns=NAMES) for t in (p, q, v)]


def voltages(p, q, supply):
    return np.sqrt(supply[:, None] ** 2 + 2 * (p @ R + q @ X))


def on_a_curve(seed):
    """Return readings with inverters that absorb up to 2 kvar within 3 % above 1.01 p.u., and inject them below."""
    load, own_q, sun, supply = powers(seed)
    p, q = sun - load, own_q
    for _ in range(40):
        curve = -2.0 * np.clip((voltages(p, q, supply) - 1.01) / 0.03, -1, 1) * (sun > 0.05)
        q = 0.5 * q + 0.5 * (own_q * (sun <= 0) + curve)
    return tables(p, q, voltages(p, q, supply))


def at_a_fixed_angle(seed, tangent=0.33):
    load, own_q, sun, supply = powers(seed)
    p, q = sun - load, own_q - tangent * sun
    return tables(p, q, voltages(p, q, supply))


def inside(net):
    return np.mean(np.abs(net.vm_pu_per_kw_.to_numpy() - R) < 1.96 * net.std_error_.to_numpy())


@pytest.mark.parametrize("seed", range(3))
def test_inverters_on_a_curve_are_fitted_and_said(seed):
    readings = on_a_curve(seed)
    assert followers(*(t.to_numpy() for t in readings)).nonzero()[0].tolist() == SOLAR
    net = VoltageSpaceNet(n_trees=4).fit(*readings)
    assert "reactive powers of m1, m3, m4 and 2 more follow the voltage" in net.diagnostics_["warning"]
    assert "sign is turned" not in net.diagnostics_["warning"]
    assert inside(net) >= 0.9


def test_faults_are_named_beside_inverters_on_a_curve():
    p, q, v = on_a_curve(0)
    with pytest.raises(MeterDataError, match="m2 and m6: got each voltage answers"):
        VoltageSpaceNet(n_trees=2).fit(p, q, v.assign(m2=v["m6"], m6=v["m2"]))
    with pytest.raises(MeterDataError, match=r"multiply p_kw and q_kvar of m3 by 0\.25"):
        VoltageSpaceNet(n_trees=2).fit(p.assign(m3=4 * p["m3"]), q.assign(m3=4 * q["m3"]), v)


@pytest.mark.parametrize("seed", range(3))
def test_turned_reactive_powers_do_not_follow_the_voltage(seed):
    for make in (on_a_curve, at_a_fixed_angle):
        p, q, v = (t.to_numpy() for t in make(seed))
        assert not followers(p, -q, v).any()
    assert not followers(p, q, v).any()
    load, own_q, _, supply = powers(seed)
    steady = np.full_like(supply, 1.0)
    for quiet in (steady, supply):
        v = voltages(-load, own_q, quiet)
        assert not followers(-load, -own_q, v).any()
        assert not followers(load, own_q, v).any()


@pytest.mark.parametrize("seed", range(3))
def test_an_inverter_that_absorbs_what_a_load_withdraws_makes_no_reactive_power_late(seed):
    net = VoltageSpaceNet(n_trees=2).fit(*at_a_fixed_angle(seed))
    assert net.diagnostics_["warning"] == ""
    assert inside(net) >= 0.9


def test_a_reactive_power_that_is_late_is_named_beside_such_inverters():
    p, q, v = at_a_fixed_angle(0)
    with pytest.raises(MeterDataError, match=r"q_kvar: m2: got reactive powers .* 2 steps before"):
        VoltageSpaceNet(n_trees=2).fit(p, q.assign(m2=np.roll(q["m2"], 2)), v)


@pytest.mark.parametrize("seed", range(2))
def test_powers_that_are_all_turned_are_no_fault_of_one_meter(seed):
    p, q, v = (t.to_numpy() for t in at_a_fixed_angle(seed))
    assert [found.kind for found in mendings(-p, -q, v)] == ["all powers"]
    with pytest.raises(MeterDataError, match="p_kw: sign"):
        VoltageSpaceNet(n_trees=2).fit(-p, q, v)
