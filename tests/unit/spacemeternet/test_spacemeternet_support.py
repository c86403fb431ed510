"""What supports an edge: halves of the days, and likelihood ratios."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2

from rexnet_grid.spacemeternet.diagnostics import cross_correlation, strongest_correlation
from rexnet_grid.spacemeternet.search import _most
from rexnet_grid.spacemeternet.structure import judge
from rexnet_grid.spacemeternet.support import edge_test, stability
from rexnet_grid.spacemeternet.wholefit import error_at_zero


def test_an_edge_that_one_day_makes_is_not_stable():
    rng = np.random.default_rng(0)
    even = rng.normal(0.0, 1.0, 28)
    single = 0.1 * rng.normal(0.0, 1.0, 28)
    single[5] = 25.0
    daily = np.column_stack([even - even.mean(), single - single.mean()])
    both = stability(np.array([25.0, 25.0]), np.array([5.0, 5.0]), daily)
    assert both[0] > 0.95
    assert both[1] <= 0.6


def test_edges_without_stability_stay_undetermined():
    g, s = np.array([30.0, 30.0]), np.array([5.0, 5.0])
    states, _ = judge(g, s, g / s, np.array([0.9, 0.3]), 5.0, 0.05, 0.95)
    assert states == ("present", "undetermined")


def test_the_ratio_at_the_bound_is_half_a_chi_square():
    assert edge_test(2.706, 1) == pytest.approx(0.05, rel=1e-3)
    assert edge_test(5.138, 2) == pytest.approx(0.5 * chi2.sf(5.138, 1) + 0.5 * chi2.sf(5.138, 2))
    assert edge_test(0.0, 3) == 1.0


def test_the_strongest_correlation_equals_the_largest_of_all_lags():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(400, 2))
    residuals = np.column_stack([np.r_[np.zeros(7), inputs[:-7, 0]], rng.normal(size=400)])
    found = strongest_correlation(residuals, inputs, 20)
    for zone in range(2):
        for k in range(2):
            direct = cross_correlation(residuals[:, zone], inputs[:, k], 20)
            assert found[zone, k] == pytest.approx(direct[np.abs(direct).argmax()], abs=1e-12)
    assert found[0, 0] > 0.95


def test_an_edge_that_would_be_negative_is_no_proof_of_absence():
    """Steep at zero: the bound of the likelihood ratio, g t + b t²/2 = χ²/2. Two errors below it: a model astray."""
    bend = 1.0 / 2.5**2
    assert error_at_zero(2.5, 0.0, bend) == pytest.approx(2.5)
    at = 1.645 * error_at_zero(2.5, 4.0 * bend, bend)
    assert 4.0 * bend * at + 0.5 * bend * at**2 == pytest.approx(0.5 * 1.645**2)
    assert error_at_zero(2.5, 8.6 * bend, bend) == pytest.approx(8.6)
    assert error_at_zero(np.inf, 2.0, 0.0) == pytest.approx(0.25 * 1.645)


def test_either_zone_may_object_to_an_absence():
    nodes = [
        SimpleNamespace(neighbours=(1,), conductance=np.array([0.001]), std_error=np.array([0.002])),
        SimpleNamespace(neighbours=(0, 2), conductance=np.array([0.004, 0.0]), std_error=np.array([0.01, 0.01])),
        SimpleNamespace(neighbours=(1,), conductance=np.array([0.0]), std_error=np.array([0.01])),
    ]
    assert _most(((0, 1),), ((0, 1), (1, 2)), nodes) == pytest.approx([4.0 + 16.45, -np.inf])
