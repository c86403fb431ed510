"""Clocks that drift are told from those that are off by as much all the time."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import PhaseAssigner
from rexnet_grid.spacemeternet.drift import drifting

ROWS, N = 96 * 14, 8


def voltages(seed, noise=1e-3):
    rng = np.random.default_rng(seed)
    supply = 3e-3 * np.convolve(rng.normal(size=ROWS), np.exp(-np.arange(20) / 5), "same")
    return 1.0 + supply[:, None] * rng.uniform(0.8, 1.2, N) + noise * rng.normal(size=(ROWS, N))


def late(values, first, last):
    lag = np.rint(np.linspace(first, last, len(values))).astype(int)
    return values[np.clip(np.arange(len(values)) - lag, 0, len(values) - 1)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("first", "last"), [(0, 3), (0, -8), (-2, 4)])
def test_a_clock_that_drifts_is_found_with_its_ends(seed, first, last):
    v = voltages(seed)
    v[:, 3] = late(v[:, 3], first, last)
    ((who, at_first, at_last),) = drifting(v)
    assert who == 3
    assert abs(at_first - first) <= 1
    assert abs(at_last - last) <= 1


@pytest.mark.parametrize("seed", range(10))
def test_clocks_in_time_and_one_that_is_off_all_the_time_do_not_drift(seed):
    v = voltages(seed)
    assert drifting(v) == []
    v[:, 3] = late(v[:, 3], 4, 4)
    assert drifting(v) == []
    assert drifting(np.random.default_rng(seed).normal(size=(ROWS, N))) == []


def test_a_customer_whose_clock_drifts_is_named_before_phases_are_assigned():
    v = np.hstack([voltages(1), voltages(2)[:, :4], voltages(3)[:, :4]])
    busbar = pd.DataFrame({c: v[:, k] for c, k in (("A", 0), ("B", 8), ("C", 12))})
    customers = pd.DataFrame(np.delete(v, [0, 8, 12], axis=1)).add_prefix("c")
    customers["c2"] = late(customers["c2"].to_numpy(), 0, 5)
    with pytest.raises(MeterDataError, match=r"c2: got a clock that drifts from .* to \d steps late"):
        PhaseAssigner().fit(customers, busbar)
