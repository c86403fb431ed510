"""Profiles of demand: the BDEW standard profiles that travel with demandlib, and time series of the user."""

from __future__ import annotations

import warnings
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.units import TimeGrid

__all__ = ["heat_reference", "household_shape"]

QUARTER_MINUTES = 15


def household_shape(time_grid: TimeGrid, units: int, timezone: str = "Europe/Berlin") -> FloatArray:
    """Return the BDEW H0 profile with its dynamisation, mean power over yearly energy in every unit [1/h].

    The profile is demandlib's ("Repräsentative VDEW-Lastprofile", 1999, made dynamic over the year): its quarter hours
    are local clock time. Units shorter than a quarter hour are joined linearly, longer ones averaged.

    Parameters
    ----------
    time_grid, units
        The units to cover.
    timezone
        Zone of the local clock.
    """
    shape = _per_year(_quarter_hours(time_grid, units, timezone))
    minutes = np.arange(len(shape)) * QUARTER_MINUTES + QUARTER_MINUTES / 2
    step = min(time_grid.unit_minutes, QUARTER_MINUTES)
    fine = (np.arange(units * time_grid.unit_minutes // step) + 0.5) * step
    values = np.interp(fine, minutes, shape) if step < QUARTER_MINUTES else shape[: len(fine)]
    return np.asarray(values.reshape(units, -1).mean(axis=1))


def heat_reference(outdoor_c: pd.Series, kwh_per_year: float, building_type: str = "EFH") -> pd.Series:
    """Return the BDEW heat profile of a whole year [kW], the reference that heat demand is compared with.

    Parameters
    ----------
    outdoor_c
        Hourly outdoor temperature of a whole year [degC].
    kwh_per_year
        Heat in the year [kWh].
    building_type
        ``"EFH"`` or ``"MFH"``, houses and flats.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from demandlib.bdew import HeatBuilding

        profile: pd.Series = HeatBuilding(
            outdoor_c.index,
            temperature=outdoor_c,
            shlp_type=building_type,
            building_class=5,
            wind_class=0,
            annual_heat_demand=kwh_per_year,
        ).get_bdew_profile()
    profile.attrs["unit"] = "kW"
    return profile


def _quarter_hours(time_grid: TimeGrid, units: int, timezone: str) -> pd.DatetimeIndex:
    import pandas as pd

    start = time_grid.start.astimezone(UTC)
    end = start + timedelta(minutes=units * time_grid.unit_minutes)
    index = pd.date_range(start, end, freq=f"{QUARTER_MINUTES}min", inclusive="left")
    return index.tz_convert(timezone).tz_localize(None)


def _per_year(local: pd.DatetimeIndex) -> FloatArray:
    """Return the H0 profile over yearly energy at local quarter hours [1/h]."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from demandlib.bdew import ElecSlp

        years: Sequence[int] = sorted({int(year) for year in local.year})
        frames = [ElecSlp(year).get_profiles("h0_dyn")["h0_dyn"] for year in years]
    yearly = pd.concat([frame / frame.sum() * 4.0 for frame in frames])
    return np.asarray(yearly.reindex(local.floor(f"{QUARTER_MINUTES}min")).to_numpy(dtype=np.float64))
