"""Stochastic households: the profile in the sum, peaks in the single, less coincidence the more there are."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from rexnet_grid.prosumers.demand import (
    APPLIANCES,
    DRAW_OFFS,
    _running_share,
    hot_water_kwh,
    household_load_kw,
    mean_hot_water_kwh,
)
from rexnet_grid.prosumers.surroundings import hour_of_day
from rexnet_grid.randomness import Streams
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.units import TimeGrid

GRID = TimeGrid(datetime(2026, 1, 13, tzinfo=ZoneInfo("Europe/Berlin")), 15)
KWH = 3200.0


@pytest.fixture(scope="module")
def shape():
    return household_shape(GRID, 96)


@pytest.fixture(scope="module")
def loads(shape):
    streams = Streams(1)
    return np.array([household_load_kw(KWH, shape, 15, streams.generator(f"h{k}", "load")) for k in range(1500)])


def test_shares_are_shares():
    assert sum(appliance.share for appliance in APPLIANCES) == pytest.approx(1.0)
    assert sum(share for _, share in DRAW_OFFS) == pytest.approx(1.0)


def test_the_sum_approaches_the_standard_profile(loads, shape):
    expected = KWH * shape
    mean = loads.mean(axis=0)
    assert mean.sum() == pytest.approx(expected.sum(), rel=0.02)
    assert np.corrcoef(mean, expected)[0, 1] > 0.98
    assert np.sqrt(np.mean((mean - expected) ** 2)) / expected.mean() < 0.08


def test_one_household_peaks_at_several_kilowatts(loads):
    peaks = loads.max(axis=1)
    assert 2.0 < np.median(peaks) < 6.0
    assert np.quantile(peaks, 0.95) < 10.0
    assert loads.min() > 0.0


def test_coincidence_falls_with_the_number_of_households_as_rusck_has_it(loads):
    """g(n) = g_inf + (1 - g_inf)/sqrt(n): S. Rusck, 'The simultaneous demand in distribution networks', 1956."""
    rng = np.random.default_rng(0)
    single = loads.max(axis=1).mean()

    def coincidence(n):
        groups = [rng.choice(len(loads), n, replace=False) for _ in range(100)]
        return np.mean([loads[group].sum(axis=0).max() for group in groups]) / (n * single)

    numbers = [1, 2, 5, 10, 30, 100, 300]
    factors = [coincidence(n) for n in numbers]
    assert all(a > b for a, b in pairwise(factors))
    limit = loads.mean(axis=0).max() / single
    assert 0.1 < limit < 0.3
    for n, factor in zip(numbers, factors, strict=True):
        assert factor == pytest.approx(limit + (1.0 - limit) / np.sqrt(n), abs=0.12)


def test_runs_are_laid_on_units_exactly():
    begin, length = np.array([0.25, 1.5, 3.9]), np.array([0.5, 2.0, 5.0])
    assert _running_share(begin, length, 4) == pytest.approx([0.5, 0.5, 1.0, 0.5 + 0.1])


def test_hot_water_is_drawn_in_lumps_and_right_in_the_mean():
    hour = hour_of_day(GRID, 96)
    drawn = np.array([hot_water_kwh(6.0, hour, 15, np.random.default_rng(k)) for k in range(400)])
    assert drawn.sum(axis=1).mean() == pytest.approx(6.0, rel=0.05)
    assert mean_hot_water_kwh(6.0, hour, 15).sum() == pytest.approx(6.0)
    assert (drawn == 0.0).mean() > 0.7
    assert drawn[drawn > 0.0].min() > 0.1
    assert drawn.max() > 3.0
