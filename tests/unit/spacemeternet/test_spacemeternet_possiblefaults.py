"""A fault of one meter is named, or it is said and in the intervals: it never makes a confident wrong answer."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.feederreadings import Mending
from rexnet_grid.spacemeternet.possiblefaults import PossibleFaults

N = 10
SOLAR = (2, 5, 7, 9)
MAIN = np.minimum.outer(np.arange(1, N + 1), np.arange(1, N + 1))
C = 4e-4 * (MAIN + np.diag(np.linspace(0.5, 1.5, N)))
NAMES = [f"m{k}" for k in range(N)]


def readings(seed, noise, days, customer, factor):
    """One cable with a service line each, behind a supply that wanders; one customer's powers on another scale."""
    rng = np.random.default_rng(seed)
    steps = 96 * days
    hour = np.arange(steps) % 96 / 4
    sky = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.beta(1.5, 1.2, days).repeat(96)
    sky *= np.clip(1 + 0.3 * rng.normal(size=steps), 0.1, 1.5)
    appliance = rng.gamma(1.2, 0.25, (steps, N)) + 2.0 * (rng.random((steps, N)) < 0.05)
    load = 0.6 * appliance + 0.4 * np.roll(appliance, 1, axis=0)
    p = -load
    p[:, list(SOLAR)] += sky[:, None] * rng.uniform(2, 4, len(SOLAR))
    q = -load * rng.uniform(0.1, 0.4, N) * rng.uniform(0.9, 1.1, load.shape)
    supply = np.cumsum(rng.normal(0, 8e-4, steps))
    supply -= pd.Series(supply).rolling(192, min_periods=1).mean().to_numpy()
    v = np.sqrt(1.02 + 2 * supply[:, None] + 2 * (p @ C + 0.3 * q @ C))
    rng = np.random.default_rng(seed + 100)
    tables = [pd.DataFrame(t * (1 + noise * rng.normal(size=t.shape)), columns=NAMES) for t in (p, q, v)]
    for table in tables[:2]:
        table[customer] *= factor
    return tables, C / v.mean(axis=0)[:, None]


def inside(net, truth):
    return (np.abs(net.vm_pu_per_kw_.to_numpy() - truth) < 1.96 * net.std_error_.to_numpy()).mean()


@pytest.mark.parametrize(("seed", "noise", "days"), [(2, 0.01, 7), (3, 0.01, 7)])
def test_powers_counted_twice_are_said_beside_somebody_without_a_meter_who_explains_them_as_well(seed, noise, days):
    tables, truth = readings(seed, noise, days, "m8", 2.0)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert "without a meter near" in net.diagnostics_["warning"]
    assert "voltage meters that drift" in net.diagnostics_["warning"]
    assert "likelier with powers of m8 multiplied by 0.5: a fault" in net.diagnostics_["warning"]
    assert inside(net, truth) >= 0.9


@pytest.mark.parametrize(("seed", "noise", "days"), [(0, 0.01, 7), (3, 0.005, 5)])
def test_a_quarter_of_the_power_that_voltages_hardly_tell_is_said_and_in_the_intervals(seed, noise, days):
    tables, truth = readings(seed, noise, days, "m4", 0.25)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert "powers of m4 multiplied by 4: a fault" in net.diagnostics_["warning"]
    assert inside(net, truth) >= 0.9


def test_nothing_is_estimated_where_a_fault_explains_the_readings_clearly_better():
    tables, _ = readings(2, 0.005, 5, "m8", 2.0)
    with pytest.raises(MeterDataError, match="p_kw: m8: got readings much likelier with powers of m8 multiplied"):
        VoltageSpaceNet(n_trees=2).fit(*tables)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("noise", "days"), [(0.002, 14), (0.005, 7)])
def test_nothing_is_said_where_all_meters_are_right(seed, noise, days):
    tables, truth = readings(seed, noise, days, "m8", 1.0)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert net.diagnostics_["warning"] == ""
    assert inside(net, truth) >= 0.85


def test_faults_are_told_by_customer_if_they_are_likely_and_matter():
    changes = (
        Mending("scale", 1, 1, factor=0.25, gain=3.0),
        Mending("late power", 1, 1, steps=2, gain=2.0),
        Mending("exchange", 0, 2, gain=-1.0),
        Mending("late voltage", 2, 2, steps=-1, gain=-3.0),
    )
    apart = np.stack([np.full((3, 3), size) for size in (4.0, 1.0, 4.0, 4.0)])
    faults = PossibleFaults(changes, np.array([0.3, 0.1, 0.4, 0.01]), apart)
    np.testing.assert_allclose(faults.spread, 0.3 * 4 + 0.1 * 1 + 0.4 * 4 + 0.01 * 4)
    told = faults.remark("abc", np.full((3, 3), 2.0))
    assert "likelier with the voltages of a and c exchanged, or powers of b multiplied by 0.25: a fault" in told
    assert faults.remark("abc", np.full((3, 3), 5.0)) == ""
    assert faults.issues("abc") == []
    sure = PossibleFaults(changes, np.array([0.7, 0.25, 0.0, 0.0]), apart)
    (issue,) = sure.issues("abc")
    assert str(issue).endswith("; expected readings that fit those of the others")
    assert "powers of b multiplied by 0.25 or powers of b moved 2 steps back" in str(issue)
