"""Stochastic demand of one household: appliances switched on at random, hot water drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.units import MINUTES_PER_HOUR

if TYPE_CHECKING:
    from numpy.random import Generator

    from rexnet_grid.prosumers.base import FloatArray

STANDING_SHARE = 0.8
MARGIN_HOURS = 4.0


@dataclass(frozen=True, slots=True)
class Appliance:
    """A kind of appliance that runs at a fixed power for a while.

    Attributes
    ----------
    name
        What it is.
    power_kw
        Power while it runs [kW].
    minutes
        Mean duration of a run [min]; runs are gamma distributed around it with a coefficient of variation of 1/2.
    share
        Share of the switched energy of a household [-].
    """

    name: str
    power_kw: float
    minutes: float
    share: float


APPLIANCES = (
    Appliance("light and screens", 0.15, 120.0, 0.37),
    Appliance("small kitchen", 0.8, 10.0, 0.07),
    Appliance("kettle", 2.2, 4.0, 0.06),
    Appliance("hob", 2.2, 30.0, 0.16),
    Appliance("oven", 2.6, 45.0, 0.08),
    Appliance("dishwasher", 2.1, 25.0, 0.09),
    Appliance("washing machine", 2.1, 30.0, 0.07),
    Appliance("tumble dryer", 2.6, 55.0, 0.10),
)
"""Powers and durations are round figures of the kind in I. Richardson et al., "Domestic electricity use: a
high-resolution energy demand model", Energy and Buildings 42 (2010), doi:10.1016/j.enbuild.2010.05.023; the shares
follow the split of German household electricity by use (BDEW)."""

DRAW_OFFS = ((0.105, 0.55), (1.4, 0.35), (3.2, 0.10))
"""Energy of a small draw-off, a shower and a bath [kWh] and their share of the energy, after EN 16147 / EN 50440
profile M (5.845 kWh/d)."""

DRAW_OFF_CLOCK = (
    0.010, 0.005, 0.005, 0.005, 0.010, 0.030, 0.085, 0.110, 0.080, 0.055, 0.045, 0.045,
    0.050, 0.040, 0.030, 0.030, 0.035, 0.050, 0.075, 0.075, 0.055, 0.040, 0.025, 0.010,
)  # fmt: skip
"""Share of the day's hot water in each local hour [-]: a morning and an evening peak, as in U. Jordan and K. Vajen,
"Influence of the DHW load profile on the fractional energy savings", Solar Energy 69 (2001)."""


def household_load_kw(kwh_per_year: float, shape: FloatArray, unit_minutes: int, generator: Generator) -> FloatArray:
    r"""Return one household's mean load in every unit [kW].

    A standing load (80 % of the lowest value of the profile) runs always. Everything above it is energy of appliances:
    in unit u, runs of appliance a start as a Poisson process of the rate

    .. math:: \lambda_{a,u} = s_a\,\frac{E\,(p_u - p_0)}{P_a D_a}

    with the household's yearly energy E, the profile p per yearly energy, the standing part p0, and power P, mean
    duration D and share s of the appliance. So the expectation is the profile, smoothed over the run of an appliance,
    and the sum over many households approaches it, while a single household shows peaks of several kilowatts. Runs are
    centred on their unit and laid on the units exactly to energy; those of the hours before and after the series
    count where they reach into it.

    Parameters
    ----------
    kwh_per_year
        Yearly energy [kWh].
    shape
        (n_units,) expected load over yearly energy [1/h], such as the BDEW H0 profile.
    unit_minutes
        Length of a unit [min].
    generator
        The household's own stream.
    """
    hours = unit_minutes / MINUTES_PER_HOUR
    standing = STANDING_SHARE * float(shape.min())
    margin = min(round(MARGIN_HOURS / hours), len(shape))
    around = np.concatenate([shape[:margin][::-1], shape, shape[-margin:][::-1]])
    switched_kwh = kwh_per_year * (around - standing) * hours
    load = np.full(len(around), kwh_per_year * standing)
    for appliance in APPLIANCES:
        run_kwh = appliance.power_kw * appliance.minutes / MINUTES_PER_HOUR
        starts = generator.poisson(appliance.share * switched_kwh / run_kwh)
        centre = np.repeat(np.arange(len(around)), starts) + generator.random(int(starts.sum()))
        length = generator.gamma(4.0, appliance.minutes / 4.0, len(centre)) / unit_minutes
        begin = np.maximum(centre - 0.5 * length, 0.0)
        load += appliance.power_kw * _running_share(begin, length, len(around))
    return load[margin : margin + len(shape)]


def hot_water_kwh(kwh_per_day: float, hour: FloatArray, unit_minutes: int, generator: Generator) -> FloatArray:
    """Return the hot water drawn in every unit [kWh]: Poisson draw-offs of three sizes.

    Parameters
    ----------
    kwh_per_day
        Mean heat of the hot water [kWh/d].
    hour
        (n_units,) local clock time at the middle of each unit [h].
    unit_minutes
        Length of a unit [min].
    generator
        The building's own stream.
    """
    expected = mean_hot_water_kwh(kwh_per_day, hour, unit_minutes)
    drawn = np.zeros(len(hour))
    for size_kwh, share in DRAW_OFFS:
        drawn += size_kwh * generator.poisson(share * expected / size_kwh)
    return drawn


def mean_hot_water_kwh(kwh_per_day: float, hour: FloatArray, unit_minutes: int) -> FloatArray:
    """Return the expectation of :func:`hot_water_kwh` in every unit [kWh]."""
    clock = np.array(DRAW_OFF_CLOCK)
    share = (clock / clock.sum())[hour.astype(np.int64) % 24]
    return np.asarray(kwh_per_day * share * unit_minutes / MINUTES_PER_HOUR)


def _running_share(begin: FloatArray, length: FloatArray, units: int) -> FloatArray:
    """Return the running time in every unit, in units, summed over runs [begin, begin + length)."""
    slope, offset = np.zeros(units + 1), np.zeros(units + 1)
    for edge, sign in ((begin, 1.0), (begin + length, -1.0)):
        first = np.ceil(edge).astype(np.int64)
        inside = first <= units
        np.add.at(slope, first[inside], sign)
        np.add.at(offset, first[inside], -sign * edge[inside])
    edges = np.arange(units + 1)
    return np.diff(edges * np.cumsum(slope) + np.cumsum(offset))
