"""Customers on different phases, and readings lost by their size, are told and lead to no accusations."""

import numpy as np
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.losses import lost_by_size
from rexnet_grid.spacemeternet.onephase import OnePhase

N = 6
SHARED = 2.5e-4 * np.minimum.outer(np.arange(1, N + 1), np.arange(1, N + 1))


def feeder(phase, seed=0, days=14, noise=1e-3):
    """Live along one cable of four equal wires, whose neutral couples phases by minus half of what they share."""
    rng = np.random.default_rng(seed)
    load = 0.3 * rng.gamma(1.2, 1.0, (96 * days, N)) + 2.0 * (rng.random((96 * days, N)) < 0.1)
    p = -0.6 * load - 0.4 * np.roll(load, 1, axis=0)
    q = 0.25 * p * rng.uniform(0.7, 1.3, p.shape)
    same = np.equal.outer(phase, phase)
    r = np.where(same, 2.0, -0.5) * SHARED
    x = 0.35 * np.where(same, 2.0, -0.5) * SHARED
    v = np.sqrt(1.0 + 2.0 * (p @ r + q @ x) + 4e-4 * np.cumsum(rng.normal(size=len(p)))[:, None] / 5)
    return p, q, v + noise * rng.normal(size=p.shape)


@pytest.mark.parametrize("seed", range(3))
def test_customers_on_different_phases_are_told_and_nothing_else_is(seed):
    with pytest.raises(MeterDataError, match=r"^vm_pu: phases: .*fit each phase alone") as told:
        VoltageSpaceNet().fit(*feeder(np.array([0, 1, 2, 0, 1, 2]), seed))
    assert "multiply" not in str(told.value)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [1e-3, 5e-3])
def test_customers_on_one_phase_are_not_doubted(seed, noise):
    found = OnePhase.of(*feeder(np.zeros(N, int), seed, noise=noise))
    assert not found.doubted
    assert found.issues(list("abcdef")) == []


def test_where_few_readings_hint_at_other_phases_no_branch_is_called_present():
    readings = feeder(np.array([0, 1, 2, 0, 1, 2]), 1, days=4, noise=4e-3)
    found = OnePhase.of(*readings)
    assert found.doubted
    assert found.issues(list("abcdef")) == []
    net = VoltageSpaceNet().fit(*readings)
    assert "different phases" in net.diagnostics_["warning"]
    assert (net.edge_table()["state"] == "undetermined").all()


def phases_apart(phase, seed, wander=1.5e-3):
    """Live on cables of one phase each with a supply of its own, without a neutral that couples them."""
    n, rng = len(phase), np.random.default_rng(seed)
    p = -0.3 * rng.gamma(1.2, 1.0, (48 * 10, n)) - 1.5 * (rng.random((48 * 10, n)) < 0.1)
    at = np.arange(1, n + 1)
    truth = np.equal.outer(phase, phase) * 6e-5 * np.minimum.outer(at, at)
    supply = wander * np.cumsum(rng.normal(size=(len(p), 3)), axis=0) / 5
    v = np.sqrt(1.0 + 2.0 * p @ truth + supply[:, phase])
    return p, v + 3e-4 * rng.normal(size=v.shape), truth


@pytest.mark.parametrize("seed", range(3))
def test_phases_that_do_not_feel_each_other_are_told_by_their_supplies(seed):
    phase = np.arange(15) % 3
    p, v, truth = phases_apart(phase, seed)
    net = VoltageSpaceNet(n_trees=6).fit(p, None, v)
    assert "different phases" in net.diagnostics_["warning"]
    assert (net.edge_table()["state"] == "undetermined").all()
    others = ~np.equal.outer(phase, phase)
    away = np.abs(net.vm_pu_per_kw_.to_numpy() - truth)
    assert (away < 1.96 * net.std_error_.to_numpy())[others].mean() >= 0.9


@pytest.mark.parametrize("seed", range(3))
def test_two_customers_without_a_meter_are_no_phases(seed):
    p, v, _ = phases_apart(np.zeros(15, int), seed)
    kept = [k for k in range(15) if k not in {4, 11}]
    assert not OnePhase.of(p[:, kept], 0.0 * p[:, kept], v[:, kept]).apart


def lost(p, where):
    return np.where(where, np.nan, p)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_told_whether_readings_are_lost_by_their_size(seed):
    p, rng = feeder(np.zeros(N, int), seed)[0], np.random.default_rng(seed)
    assert lost_by_size(p) == ""
    assert lost_by_size(lost(p, rng.random(p.shape) < 0.2)) == ""
    assert lost_by_size(lost(p, rng.random((len(p) // 16, N)).repeat(16, axis=0) < 0.2)) == ""
    assert lost_by_size(lost(p, np.abs(p) < 0.12)) == "small"
    assert lost_by_size(lost(p, rng.random(p.shape) < 0.3 * np.abs(p))) == "large"


def test_small_readings_that_are_not_sent_lead_to_no_accusation():
    p, q, v = feeder(np.zeros(N, int))
    small = np.abs(p) < 0.15
    net = VoltageSpaceNet().fit(lost(p, small), lost(-q, small), v)
    assert "are lost where powers are small" in net.diagnostics_["warning"]


@pytest.mark.parametrize("seed", range(3))
def test_two_groups_that_lower_each_other_a_little_are_doubted_together(seed):
    """No pair alone is negative beyond doubt; all pairs between the groups are."""
    readings = feeder(np.array([0, 1, 1, 0, 1, 0]), seed, days=7, noise=4e-3)
    assert OnePhase.of(*readings).doubted
