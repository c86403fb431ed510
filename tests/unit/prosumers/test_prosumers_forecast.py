"""The forecast: an unbiased martingale whose error grows like the square root of the lead."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.prosumers.forecast import BridgeForecast


def many(n=20000, tau=16.0):
    rng = np.random.default_rng(3)
    return BridgeForecast(rng.normal(0.0, 1.0, n) + 5.0, np.full(n, 5.0), tau, np.random.default_rng(4))


def test_error_follows_the_square_root_law():
    units = np.arange(20000)
    for lead in (64.0, 16.0, 4.0, 1.0):
        forecast = many()
        error = [forecast.actual - forecast.expected - (_at_lead(forecast, lead, units) - forecast.expected)]
        assert np.std(error) == pytest.approx(np.sqrt(1.0 - np.exp(-lead / 16.0)), rel=0.03)
        assert np.mean(error) == pytest.approx(0.0, abs=0.02)


def _at_lead(forecast, lead, units):
    """Let all units stand at the same lead, first far away and then near."""
    forecast.information = lambda now, chosen: np.full(len(chosen), np.exp(-now / forecast.time_constant))
    for earlier in (96.0, 32.0):
        if earlier > lead:
            forecast.at(earlier, units)
    return forecast.at(lead, units)


def test_changes_cannot_be_foreseen():
    forecast, units = many(), np.arange(20000)
    early = _at_lead(forecast, 24.0, units)
    late = forecast.at(6.0, units)
    assert abs(np.corrcoef(early - 5.0, late - early)[0, 1]) < 0.03


def test_at_delivery_the_forecast_is_the_truth():
    forecast = many(100)
    units = np.arange(10, 20)
    forecast.at(0.0, units)
    assert forecast.at(20.0, units) == pytest.approx(forecast.actual[units], abs=1e-5)


def test_the_same_moment_gives_the_same_forecast():
    forecast = many(100)
    first = forecast.at(3.0, np.arange(10, 20))
    assert forecast.at(3.0, np.arange(10, 20)) == pytest.approx(first, abs=1e-12)


def test_with_a_window_nothing_is_foreseen_wrongly_where_nothing_can_deviate():
    actual = np.array([0.0, 0.0, 0.0, 0.0, 4.0, 1.0, 5.0, 0.0, 0.0, 0.0, 0.0])
    expected = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 0.0, 0.0])
    units = np.arange(11)
    forecast = BridgeForecast(actual, expected, 4.0, np.random.default_rng(1), window=2)
    seen = np.array([forecast.at(now, units) for now in (-5.0, -3.0, -1.0)])
    assert (seen[:, [0, 1, 9, 10]] == 0.0).all()
    assert (np.abs(seen[:, 4:7] - expected[4:7]) > 0.0).all()
    assert (forecast.error_std(-1.0, units)[4:7] > 0.5).all()
