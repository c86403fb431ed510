"""The sun's position, irradiance on a tilted plane, and what photovoltaics make of it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.units import TimeGrid

STEPS_PER_UNIT = 3
LOWEST_SUN = 0.05
ALBEDO = 0.2
STC_IRRADIANCE_W_M2 = 1000.0
STC_CELL_C = 25.0
TEMPERATURE_COEFFICIENT_PER_K = -0.0037
NOCT_RISE_K_M2_PER_W = 25.0 / 800.0
SYSTEM_EFFICIENCY = 0.86


def sun_position(
    day_of_year: FloatArray, utc_hour: FloatArray, latitude: float, longitude: float
) -> tuple[FloatArray, FloatArray]:
    """Return the sine of the sun's elevation and its azimuth from south, west positive [rad].

    Declination and equation of time are the Fourier series of J. W. Spencer, "Fourier series representation of the
    position of the sun", Search 2 (1971) 172, as NOAA's solar calculator uses them; good to about 0.1 degree, without
    refraction.

    Parameters
    ----------
    day_of_year
        Day of the year, 1 on 1 January.
    utc_hour
        Hour of the day in UTC [h].
    latitude, longitude
        Place [degree], north and east positive.
    """
    x = 2.0 * np.pi * (day_of_year - 1.0 + (utc_hour - 12.0) / 24.0) / 365.0
    declination = (
        0.006918
        - 0.399912 * np.cos(x)
        + 0.070257 * np.sin(x)
        - 0.006758 * np.cos(2 * x)
        + 0.000907 * np.sin(2 * x)
        - 0.002697 * np.cos(3 * x)
        + 0.00148 * np.sin(3 * x)
    )
    equation_min = 229.18 * (
        0.000075 + 0.001868 * np.cos(x) - 0.032077 * np.sin(x) - 0.014615 * np.cos(2 * x) - 0.040849 * np.sin(2 * x)
    )
    hour_angle = np.radians(15.0 * (utc_hour - 12.0) + longitude + equation_min / 4.0)
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    azimuth = np.arctan2(np.sin(hour_angle), np.cos(hour_angle) * np.sin(phi) - np.tan(declination) * np.cos(phi))
    return sine, azimuth


def sun_over(
    time_grid: TimeGrid, units: int, steps: int, latitude: float, longitude: float
) -> tuple[FloatArray, FloatArray]:
    """Return (units, steps) sine of elevation and azimuth [rad] at the middles of the steps of each unit."""
    start = time_grid.start.astimezone(UTC)
    offset = (np.arange(units * steps) + 0.5) / steps * time_grid.hours
    hour = start.hour + start.minute / 60.0 + offset
    day = start.timetuple().tm_yday + np.floor(hour / 24.0)
    sine, azimuth = sun_position(day, hour % 24.0, latitude, longitude)
    return sine.reshape(units, steps), azimuth.reshape(units, steps)


def plane_of_array(weather: Weather, tilt_deg: float, azimuth_deg: float) -> FloatArray:
    """Return (n_units,) irradiance on a tilted plane [W/m2].

    The isotropic sky of B. Liu and R. Jordan, "The interrelationship and characteristic distribution of direct,
    diffuse and total solar radiation", Solar Energy 4 (1960): beam by the ratio of the cosines of incidence, diffuse
    times (1 + cos tilt)/2, ground reflection of the albedo 0.2 times (1 - cos tilt)/2. The beam ratio is held where
    the sun stands lower than three degrees, where hourly data make it arbitrary.

    Parameters
    ----------
    weather
        Irradiance on the horizontal.
    tilt_deg
        Tilt from the horizontal [degree].
    azimuth_deg
        Direction from south, west positive [degree].
    """
    sine, azimuth = sun_over(weather.time_grid, len(weather), STEPS_PER_UNIT, weather.latitude, weather.longitude)
    tilt, facing = np.radians(tilt_deg), np.radians(azimuth_deg)
    cosine = np.sqrt(np.maximum(1.0 - sine**2, 0.0))
    incidence = sine * np.cos(tilt) + cosine * np.sin(tilt) * np.cos(azimuth - facing)
    up = sine > 0.0
    ratio = np.where(up, np.maximum(incidence, 0.0) / np.maximum(sine, LOWEST_SUN), 0.0)
    lit = up.sum(axis=1)
    beam = weather.direct_w_m2 * np.where(lit > 0, ratio.sum(axis=1) / np.maximum(lit, 1), 1.0)
    diffuse = weather.diffuse_w_m2 * 0.5 * (1.0 + np.cos(tilt))
    ground = weather.global_w_m2 * ALBEDO * 0.5 * (1.0 - np.cos(tilt))
    return np.asarray(beam + diffuse + ground)


def photovoltaic_kw(weather: Weather, kwp: float, tilt_deg: float, azimuth_deg: float) -> FloatArray:
    r"""Return (n_units,) AC power of a photovoltaic plant [kW].

    .. math:: P = P_{STC}\,\frac{G}{1000}\,(1 + \gamma (T_{cell} - 25))\,\eta,\qquad
              T_{cell} = T_{out} + G\,\frac{NOCT - 20}{800}

    with :math:`\gamma` = -0.37 %/K (crystalline silicon), NOCT 45 degC (R. G. Ross, 1980) and :math:`\eta` = 0.86
    for inverter, cables, soiling and mismatch.

    Parameters
    ----------
    weather
        Weather on the unit grid.
    kwp
        Rating at standard test conditions [kW].
    tilt_deg, azimuth_deg
        Orientation as in :func:`plane_of_array`.
    """
    irradiance = plane_of_array(weather, tilt_deg, azimuth_deg)
    cell_c = weather.outdoor_c + irradiance * NOCT_RISE_K_M2_PER_W
    derating = 1.0 + TEMPERATURE_COEFFICIENT_PER_K * (cell_c - STC_CELL_C)
    power = kwp * irradiance / STC_IRRADIANCE_W_M2 * derating * SYSTEM_EFFICIENCY
    return np.asarray(np.minimum(power, kwp))
