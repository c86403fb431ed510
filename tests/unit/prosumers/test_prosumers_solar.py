"""Sun and photovoltaics."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from rexnet_grid.prosumers.solar import photovoltaic_kw, plane_of_array, sun_position
from rexnet_grid.prosumers.surroundings import Weather
from rexnet_grid.scenario.weather import reference_weather
from rexnet_grid.units import TimeGrid


@pytest.mark.parametrize(
    ("day", "hour", "latitude", "longitude", "elevation"),
    [
        (172, 12.03, 48.47, 0.0, 90.0 - 48.47 + 23.44),  # noon of the summer solstice
        (355, 11.97, 48.47, 0.0, 90.0 - 48.47 - 23.44),  # noon of the winter solstice
        (80, 12.12, 0.0, 0.0, 90.0),  # equinox at the equator
    ],
)
def test_the_sun_culminates_where_geometry_says(day, hour, latitude, longitude, elevation):
    sine, azimuth = sun_position(np.array([float(day)]), np.array([hour]), latitude, longitude)
    assert np.degrees(np.arcsin(sine[0])) == pytest.approx(elevation, abs=0.6)
    if latitude > 0.0:
        assert np.degrees(azimuth[0]) == pytest.approx(0.0, abs=2.0)


def test_the_sun_of_the_solar_position_algorithm():
    """17 October 2003, 19:30:30 UTC, 39.742476 N, 105.1786 W: zenith 50.11 deg, azimuth 194.34 deg from north.

    The worked example of I. Reda and A. Andreas, NREL/TP-560-34302.
    """
    sine, azimuth = sun_position(np.array([290.0]), np.array([19.0 + 30.5 / 60.0]), 39.742476, -105.1786)
    assert 90.0 - np.degrees(np.arcsin(sine[0])) == pytest.approx(50.11, abs=0.3)
    assert np.degrees(azimuth[0]) + 180.0 == pytest.approx(194.34, abs=0.3)


def test_a_horizontal_plane_sees_global_irradiance():
    weather = reference_weather(12, TimeGrid(datetime(2026, 5, 2, tzinfo=UTC), 15), 96)
    assert plane_of_array(weather, 0.0, 0.0) == pytest.approx(weather.global_w_m2, abs=1.0)


def test_tilted_to_the_south_pays_in_winter_and_east_comes_before_west():
    weather = reference_weather(12, TimeGrid(datetime(2026, 1, 13, tzinfo=UTC), 15), 96)
    south = plane_of_array(weather, 40.0, 0.0)
    east, west = plane_of_array(weather, 40.0, -90.0), plane_of_array(weather, 40.0, 90.0)
    assert south.sum() > 1.3 * weather.global_w_m2.sum()
    hours = np.arange(96)
    assert (east * hours).sum() / east.sum() < (west * hours).sum() / west.sum()


def test_a_year_of_photovoltaics_yields_what_it_does_in_baden():
    weather = reference_weather(12, TimeGrid(datetime(2026, 1, 1, tzinfo=UTC), 60), 8760)
    power = photovoltaic_kw(weather, 1.0, 35.0, 0.0)
    assert 950.0 < power.sum() < 1200.0
    assert power.max() <= 1.0
    assert power.min() >= 0.0


def test_heat_costs_yield():
    grid = TimeGrid(datetime(2026, 6, 1, 11, tzinfo=UTC), 60)
    cold, hot = (
        photovoltaic_kw(Weather(grid, np.array([t]), np.array([600.0]), np.array([150.0])), 1.0, 30.0, 0.0)[0]
        for t in (0.0, 30.0)
    )
    assert hot / cold == pytest.approx(1.0 - 0.0037 * 30.0, abs=0.02)
