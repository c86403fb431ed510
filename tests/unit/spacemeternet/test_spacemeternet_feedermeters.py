"""What is wrong with a feeder's readings is named, and nothing is where nothing is wrong."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.feederreadings import Readings
from rexnet_grid.spacemeternet.mending import in_step, mendings
from rexnet_grid.spacemeternet.voltagedata import voltage_arrays

NAMES = list("abcdef")
#         busbar - a - b - c, with d and e - f on a branch behind a
PATHS = [{1}, {1, 2}, {1, 2, 3}, {1, 4}, {1, 4, 5}, {1, 4, 5, 6}]
OHMS = np.array([0, 2.0, 1.5, 1.5, 2.0, 1.5, 1.5]) * 2e-4
SHARED = np.array([[sum(OHMS[e] for e in one & other) for other in PATHS] for one in PATHS])


def feeder(seed=0, noise=1e-3, days=14, wander=0.0):
    rng = np.random.default_rng(seed)
    steps = 96 * days
    p = -rng.gamma(1.2, 0.6, (steps, 6))
    p[:, 2] += 4.0 * np.clip(np.sin(2 * np.pi * np.arange(steps) / 96 - 1.5), 0, None) * rng.random(days).repeat(96)
    q = 0.25 * p * rng.uniform(0.7, 1.3, p.shape)
    supply = wander * np.cumsum(rng.normal(size=steps))[:, None] / np.sqrt(steps)
    v = np.sqrt(1.0 + 2.0 * (p @ SHARED + 0.35 * q @ SHARED)) + supply + noise * rng.normal(size=p.shape)
    return p, q, v


def changed(table, column, change):
    table = table.copy()
    table[:, column] = change(table[:, column])
    return table


def roll(table, columns, steps):
    table = table.copy()
    table[:, columns] = np.roll(table[:, columns], steps, axis=0)
    return table


def stand_still(values):
    return np.r_[values[:300], [values[300]] * 192, values[492:]]


def go_silent(values):
    return np.r_[values[:300], np.full(len(values) - 300, np.nan)]


FAULTS = {
    "exchanged": (lambda p, q, v: (p, q, v[:, [0, 1, 5, 3, 4, 2]]), "c and f: got each voltage answers to"),
    "exchanged powers": (lambda p, q, v: (p[:, [0, 1, 5, 3, 4, 2]], q, v), "c and f: got each voltage"),
    "one turned": (lambda p, q, v: (changed(p, 4, np.negative), changed(q, 4, np.negative), v), "p_kw: e: got its"),
    "all late": (lambda p, q, v: (p, q, roll(v, slice(None), 1)), "all customers: .*1 step late"),
    "all early": (lambda p, q, v: (p, q, roll(v, slice(None), -4)), "all customers: .*4 steps early"),
    "megawatt": (lambda p, q, v: (p / 1000, q / 1000, v), "p_kw: a and 5 more: .*looks like MW"),
    "one in megawatt": (lambda p, q, v: (changed(p, 4, lambda c: c / 1000), q, v), "p_kw: e: .*looks like MW"),
    "one late": (lambda p, q, v: (p, q, roll(v, 5, 2)), "vm_pu: f: got a voltage that answers 2 steps late"),
    "one's powers late": (lambda p, q, v: (roll(p, 4, 2), roll(q, 4, 2), v), "p_kw: e: got powers 2 steps late"),
    "one clock": (lambda p, q, v: (roll(p, 5, 4), roll(q, 5, 4), roll(v, 5, 4)), "f: got .* 4 steps late against"),
    "quarter hours": (lambda p, q, v: (changed(p, 4, lambda c: c / 4), changed(q, 4, lambda c: c / 4), v), "by 4: kWh"),
    "counted twice": (lambda p, q, v: (changed(p, 1, lambda c: 2 * c), changed(q, 1, lambda c: 2 * c), v), "by 0.5"),
    "reactive late": (lambda p, q, v: (p, roll(q, slice(None), 1), v), "q_kvar: a and 5 more: .*1 step before"),
    "one reactive early": (lambda p, q, v: (p, roll(q, 3, -2), v), "q_kvar: d: .*2 steps after"),
    "register": (lambda p, q, v: (changed(p, 1, lambda c: np.cumsum(-c) / 4), q, v), "b: got readings that only rise"),
    "registers": (lambda p, q, v: (np.cumsum(-p, 0) / 4, q, v), "a and 4 more: got readings that only rise"),
    "watt": (lambda p, q, v: (changed(p, 1, lambda c: 1000 * c), q, v), "b: got up to .*looks like watt"),
    "volt": (lambda p, q, v: (p, q, changed(v, 3, lambda c: 230 * c)), "d: got a median of .*looks like volt"),
    "between lines": (lambda p, q, v: (p, q, v * 3**0.5), "a and 5 more: .*1.732"),
    "one between lines": (lambda p, q, v: (p, q, changed(v, 3, lambda c: c / 3**0.5)), "d: got a median of 0.57"),
    "stuck power": (lambda p, q, v: (changed(p, 3, lambda c: 0 * c - 0.4), q, v), "p_kw: d: got always"),
    "stuck for two days": (lambda p, q, v: (p, q, changed(v, 3, stand_still)), "d: got the same for 191 steps"),
    "voltage twice": (lambda p, q, v: (p, q, v[:, [0, 1, 2, 3, 4, 4]]), "vm_pu: e and f: got the same readings"),
    "power twice": (lambda p, q, v: (p[:, [0, 1, 2, 3, 4, 4]], q, v), "p_kw: e and f: got the same readings"),
    "hardly read": (lambda p, q, v: (p, q, changed(v, 3, go_silent)), "d: got readings in less than half"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(fault):
    change, said = FAULTS[fault]
    tables = [pd.DataFrame(t, columns=NAMES) for t in change(*feeder())]
    with pytest.raises(MeterDataError, match=said):
        VoltageSpaceNet(n_trees=2).fit(*tables)


def test_active_powers_late_against_reactive_ones_and_voltages_are_named():
    p, q, v = feeder()
    more = np.random.default_rng(5).gamma(1.2, 0.6, p.shape)
    v = np.sqrt(v**2 - 0.7 * more @ SHARED)
    (found,) = mendings(np.roll(p, 1, axis=0), q - more, v)
    assert (found.kind, found.steps) == ("late powers", 1)
    assert mendings(p, q - more, v) == []
    assert mendings(p, q - more, np.roll(v, 4, axis=0))[0].kind == "late voltages"
    assert all(found.kind != "late powers" for found in mendings(-p, more - q, v))


def test_powers_that_move_in_the_same_instant_are_not_late_against_each_other():
    p, q, v = feeder()
    assert in_step(Readings.of(p, q, v))
    assert not in_step(Readings.of(p, np.roll(q, 2, axis=0), v))
    assert not in_step(Readings.of(p, np.random.default_rng(3).normal(size=q.shape), v))


def test_three_faults_at_once_are_told_at_once():
    p, q, v = feeder(noise=3e-4)
    tables = [pd.DataFrame(t, columns=NAMES) for t in (p, q, roll(v[:, [0, 1, 5, 3, 4, 2]], 1, 3))]
    with pytest.raises(MeterDataError) as error:
        VoltageSpaceNet(n_trees=2).fit(*tables)
    assert "c and f" in str(error.value)
    assert "b: got a voltage that answers 3 steps late" in str(error.value)


@pytest.mark.parametrize("noise", [1e-4, 1e-3, 5e-3])
def test_nothing_is_named_where_nothing_is_wrong(noise):
    for seed in range(8):
        assert mendings(*feeder(seed + 1, noise, days=3 + 2 * seed, wander=0.01 * (seed % 3))) == []


def test_customers_on_one_pole_may_read_the_same_without_noise():
    p, q, v = feeder(noise=0.0)
    v[:, 5] = v[:, 4]
    voltage_arrays(*(pd.DataFrame(t, columns=NAMES) for t in (p, q, v)))


def test_tables_are_brought_together_by_time_and_name():
    times = pd.date_range("2026-01-01", periods=96 * 14, freq="15min", tz="UTC")
    p, q, v = (pd.DataFrame(t, times, NAMES) for t in feeder())
    found = voltage_arrays(p.iloc[5:, ::-1], q, v.iloc[:-7])
    assert found.names == tuple(NAMES)
    np.testing.assert_array_equal(found.p, p.to_numpy()[5:-7])
    np.testing.assert_array_equal(found.v, v.to_numpy()[5:-7])
    with pytest.raises(MeterDataError, match="times that p_kw and q_kvar have too"):
        voltage_arrays(p, q, v.set_axis(times + pd.Timedelta("400D")))
    with pytest.raises(MeterDataError, match="one time zone"):
        voltage_arrays(p, q, v.tz_localize(None))
    with pytest.raises(MeterDataError, match=r"vm_pu: times: got 2026-01-01 00:00:00.* given twice"):
        voltage_arrays(p, q, pd.concat([v, v[:1]]))
    with pytest.raises(MeterDataError, match="f: got a name given twice"):
        voltage_arrays(p.assign(f=0).set_axis([*NAMES[:-2], "f", "f"], axis=1), q, v)


def test_predict_tells_columns_by_name():
    p, q, v = (pd.DataFrame(t, columns=NAMES) for t in feeder())
    net = VoltageSpaceNet(n_trees=2).fit(p, q, v)
    as_fitted = net.predict(p, q, v)
    other = NAMES[::-1]
    pd.testing.assert_frame_equal(net.predict(p[other], q[other], v[[*other[2:], *other[:2]]]), as_fitted)
    pd.testing.assert_frame_equal(net.predict(p.to_numpy(), q.to_numpy(), v.to_numpy()), as_fitted)
    with pytest.raises(MeterDataError, match="p_kw: columns: got without f"):
        net.predict(p[NAMES[:-1]], q, v)


@pytest.mark.parametrize("who", ["all customers", "f"])
def test_reactive_powers_with_the_wrong_sign_are_named(who):
    p, q, v = feeder(noise=1e-4)
    q = -q if who == "all customers" else changed(q, 5, np.negative)
    with pytest.raises(MeterDataError, match=f"q_kvar: {who}: got voltages that fall"):
        VoltageSpaceNet(n_trees=2).fit(*(pd.DataFrame(t, columns=NAMES) for t in (p, q, v)))


def test_a_sign_that_voltages_do_not_tell_widens_the_intervals():
    """At 1 % noise nobody can say whether reactive power is turned: the errors hold both ways, and it is said."""
    p, q, v = feeder(3, noise=1e-2)
    right, turned = (VoltageSpaceNet(n_trees=4).fit(p, s * q, v) for s in (1.0, -1.0))
    assert right.diagnostics_["warning"] == ""
    assert "whether its sign is turned" in turned.diagnostics_["warning"]
    apart = np.abs(turned.vm_pu_per_kw_ - right.vm_pu_per_kw_).to_numpy()
    assert (apart < 1.96 * turned.std_error_.to_numpy()).all()
    assert np.mean(turned.std_error_.to_numpy()) > 1.2 * np.mean(right.std_error_.to_numpy())


def test_energies_of_a_step_are_suspected_and_allowed_for():
    """With every power a quarter, sensitivities four times as large are as likely: only how much people use tells."""
    p, q, v = feeder(4)
    p, q = 0.5 * p, 0.5 * q
    v = np.sqrt(1.0 + 2.0 * (p @ SHARED + 0.35 * q @ SHARED)) + 1e-3 * np.random.default_rng(1).normal(size=v.shape)
    quarter = VoltageSpaceNet(n_trees=4).fit(p / 4, q / 4, v)
    assert "kWh of a step" in quarter.diagnostics_["warning"]
    assert (np.abs(quarter.vm_pu_per_kw_.to_numpy() - SHARED) < 1.96 * quarter.std_error_.to_numpy()).mean() > 0.8
    sure = VoltageSpaceNet(n_trees=4, sure_of_units=True).fit(p / 4, q / 4, v)
    assert sure.diagnostics_["warning"] == ""
    assert VoltageSpaceNet(n_trees=4).fit(p, q, v).diagnostics_["warning"] == ""


def test_without_reactive_powers_the_errors_hold_what_goes_along():
    p, _, v = feeder(5, noise=5e-4)
    net = VoltageSpaceNet(n_trees=4).fit(p, None, v)
    assert "without q_kvar" in net.diagnostics_["warning"]
    away = np.abs(net.vm_pu_per_kw_.to_numpy() - SHARED)
    assert (away < 1.96 * net.std_error_.to_numpy()).all()
    assert (away > 1.96 * net.operating_model_.per_kw_error).any()
