"""What is wrong with the voltages that phases are told from is named."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import PhaseAssigner


def voltages(steps=480, noise=3e-4, seed=0):
    rng = np.random.default_rng(seed)
    busbar = 1.0 + 2e-3 * rng.normal(size=(steps, 3))
    customers = busbar[:, [0, 1, 2, 0, 1, 2]] - 2e-3 * rng.gamma(1.0, 1.0, (steps, 6))
    customers += noise * rng.normal(size=customers.shape)
    return pd.DataFrame(customers, columns=list("abcdef")), pd.DataFrame(busbar, columns=["L1", "L2", "L3"])


def changed(table, column, change):
    return table.assign(**{column: change(table[column].to_numpy())})


FAULTS = {
    "one late": (lambda v, b: (changed(v, "e", lambda c: np.roll(c, 3)), b), "e: got a voltage 3 steps late"),
    "busbar early": (lambda v, b: (v, b.apply(np.roll, shift=-2)), "v_busbar: all phases: got voltages 2 steps early"),
    "between lines": (lambda v, b: (changed(v, "b", lambda c: 400 * c), 230 * b), "b: got 1.74 times .*between lines"),
    "all between lines": (lambda v, b: (400.0 * v, 230.0 * b), "a: got 1.7. times .*between lines"),
    "one phase twice": (lambda v, b: (v, b.assign(L3=b["L2"])), "v_busbar: L2 and L3: got the same readings"),
    "few rows": (lambda v, b: (v[:9], b[:9]), "ten at least"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(fault):
    change, said = FAULTS[fault]
    v, b = voltages()
    if fault == "between lines":
        v = v.assign(**{c: 230.0 * v[c] for c in "acdef"})
    with pytest.raises(MeterDataError, match=said):
        PhaseAssigner(starts=1).fit(*change(v, b))


def test_good_meters_pass_and_a_doubled_one_is_remarked():
    for seed in range(4):
        v, b = voltages(seed=seed)
        assert PhaseAssigner(starts=1).fit(v, b).remarks_ == ()
    found = PhaseAssigner(starts=1).fit(v.assign(f=v["c"]), b)
    assert found.remarks_ == ("c and f read the same: one meter given twice, or two customers on one pole",)
    np.testing.assert_array_equal(found.labels_, [0, 1, 2, 0, 1, 2])


def test_tables_are_brought_together_by_time():
    v, b = (t.set_axis(pd.date_range("2026-01-01", periods=480, freq="30min", tz="UTC")) for t in voltages())
    found = PhaseAssigner(starts=1).fit(v.iloc[20:], b.iloc[:-30])
    np.testing.assert_array_equal(found.labels_, [0, 1, 2, 0, 1, 2])


def test_a_customer_of_another_transformer_gets_no_phase():
    v, b = voltages()
    elsewhere = 1.0 + 2e-3 * np.random.default_rng(9).normal(size=len(v))
    labels = PhaseAssigner(starts=1).fit(v.assign(g=elsewhere), b).labels_
    np.testing.assert_array_equal(labels, [0, 1, 2, 0, 1, 2, -1])


@pytest.mark.parametrize("seed", range(3))
def test_three_phase_customers_abstain_and_leave_the_others_their_phases(seed):
    rng = np.random.default_rng(seed)
    load = 2e-3 * rng.normal(size=(960, 3)) + 1e-3 * rng.normal(size=(960, 1))
    busbar = 1.0 + 1e-3 * rng.normal(size=(960, 3))
    phase = np.array([-1, 0, 1, 2, -1, 2, 0, 1, -1, 0, 1, 2])
    share = np.where(phase[:, None] < 0, 1.0 / 3.0, np.eye(3)[phase])
    v = busbar @ share.T + (load @ share.T) * np.linspace(0.3, 1.0, 12)
    v += 8e-4 * rng.gamma(1.0, 1.0, v.shape) + 3e-4 * rng.normal(size=v.shape)
    found = PhaseAssigner(starts=2).fit(v, busbar + 3e-4 * rng.normal(size=busbar.shape))
    np.testing.assert_array_equal(found.labels_, phase)
    assert found.remarks_[0].startswith("0, 4, 8: voltages that follow all phases alike")
    assert (found.groups_[phase < 0] == 3).all()


def test_a_long_cable_of_one_phase_is_not_named_after_another():
    """Fourteen of twenty customers at the end of one cable move together more than with the busbar."""
    rng = np.random.default_rng(0)
    steps = 96 * 14
    walk = np.cumsum(rng.normal(size=(steps, 4)), axis=0) * 2e-4
    busbar = walk[:, :1] + 0.5 * walk[:, 1:] + 2e-4 * rng.normal(size=(steps, 3))
    drop = 3e-3 * np.convolve(rng.gamma(1.0, 1.0, steps), np.exp(-np.arange(8) / 3), "same")
    phase = np.r_[np.zeros(17, dtype=int), 1, 1, 2]
    v = busbar[:, phase] - np.outer(drop, np.r_[np.full(14, 1.0), np.full(6, 0.0)])
    v -= 1e-3 * rng.gamma(1.0, 1.0, v.shape)
    found = PhaseAssigner().fit(pd.DataFrame(1.0 + v), pd.DataFrame(1.0 + busbar, columns=list("ABC")))
    sure = found.labels_ >= 0
    assert (found.labels_ == phase)[sure].all()
    assert sure.all() or "follow another phase of the busbar" in " ".join(found.remarks_)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("given", ["AB", "BC", "C"])
def test_customers_of_a_phase_that_the_busbar_lacks_get_no_label(seed, given):
    rng = np.random.default_rng(seed)
    steps = 96 * 10
    walk = np.cumsum(rng.normal(size=(steps, 4)), axis=0) * 2e-4
    busbar = walk[:, :1] + 0.6 * walk[:, 1:]
    phase = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
    drops = 1e-3 * rng.gamma(1.0, 1.0, (steps, 3))
    v = busbar[:, phase] - drops[:, phase] * rng.uniform(0.5, 1.5, 12) - 5e-4 * rng.gamma(1.0, 1.0, (steps, 12))
    columns = ["ABC".index(c) for c in given]
    read = pd.DataFrame(1.0 + busbar + 3e-4 * rng.normal(size=busbar.shape), columns=list("ABC"))[list(given)]
    found = PhaseAssigner(starts=2).fit(pd.DataFrame(1.0 + v), read)
    sure = found.labels_ >= 0
    assert (np.array(columns)[found.labels_[sure]] == phase[sure]).all()
    assert sure.sum() >= (3 if len(given) == 2 else 0)
    assert any("customers form more groups than the busbar has phases" in told for told in found.remarks_)
    assert (found.probability_.to_numpy()[~np.isin(phase, columns)] < 0.9).all()


def test_customers_of_one_phase_are_not_named_after_the_other_if_theirs_is_missing():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(960, 4)), axis=0) * 2e-4
    busbar = walk[:, :1] + 0.6 * walk[:, 1:]
    phase = np.array([0, 0, 0, 0, 2, 2, 2, 2])
    v = busbar[:, phase] - 1e-3 * rng.gamma(1.0, 1.0, (960, 8))
    labels = PhaseAssigner(starts=2).fit(pd.DataFrame(1.0 + v), pd.DataFrame(1.0 + busbar[:, :2])).labels_
    assert set(labels[:4]) <= {0, -1}
    assert (labels[4:] == -1).all()
