"""Time zones of meters: local stamps to UTC, and what the sun says about a clock.

The mean hour of a day's irradiance is noon by the sun. It says which meridian the clock keeps, and where the clock was
changed: summer time moves it by an hour from one day to the next, while the equation of time moves it by half a minute
a day at most (Spencer 1971, Fourier series representation of the position of the sun, Search 2(5), 172).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_DAYS_EACH_SIDE = 10
_JUMP_H = 0.6
_NOON_H = (8.5, 16.0)
_FEWEST_DAYS = 3


def localise(index: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Return naive local stamps in UTC; stamps in an hour that the change of clocks skips become NaT.

    In the hour that comes twice a stamp that is seen for the second time is winter time.
    """
    if index.tz is not None:
        return index.tz_convert("UTC")
    second = np.asarray(index.duplicated(keep="first"))
    return index.tz_localize(zone, ambiguous=~second, nonexistent="NaT").tz_convert("UTC")


def solar_noons(irradiance: pd.Series) -> pd.Series:
    """Return the mean hour [h UTC] of each day's irradiance, for days that have any; the series is in UTC.

    Days are counted from the sun's midnight, so that they hold together wherever the meter is.
    """
    clock = pd.DatetimeIndex(irradiance.index)
    hours = np.asarray((clock - clock.normalize()) / pd.Timedelta(hours=1), dtype=np.float64)
    values = np.clip(np.nan_to_num(irradiance.to_numpy(dtype=float)), 0.0, None)
    turn = values @ np.exp(2j * np.pi / 24.0 * hours)
    usual = float(np.angle(turn)) * 12.0 / np.pi % 24.0
    away = (hours - usual + 12.0) % 24.0 - 12.0
    day = (clock - pd.to_timedelta(away, unit="h")).normalize()
    table = pd.DataFrame({"weight": values, "moment": values * away}, day).groupby(level=0).sum()
    table = table[table["weight"] > 0.2 * table["weight"].median()]
    return usual + table["moment"] / table["weight"]


def clock_faults(name: str, irradiance: pd.Series, zone: str = "UTC") -> list[str]:
    """Return what the sun says against the clock of a series of irradiance in UTC; one sentence each.

    ``zone`` is where the meter is; with UTC, nothing is said about the hour of noon, as the meridian is not known.
    """
    noons = solar_noons(irradiance)
    if len(noons) < _FEWEST_DAYS:
        return []
    out = []
    start = pd.DatetimeIndex(irradiance.index)[0]
    offset = float((start.tz_convert(zone).tz_localize(None) - start.tz_localize(None)) / pd.Timedelta(hours=1))
    usual = (float(noons.median()) + offset) % 24.0
    if zone != "UTC" and not _NOON_H[0] < usual < _NOON_H[1]:
        out.append(f"{name}: the sun is highest at {usual:.1f} h in {zone}; is the time zone right?")
    if len(noons) >= 2 * _DAYS_EACH_SIDE:
        values = noons.to_numpy()
        both = range(_DAYS_EACH_SIDE, len(values) - _DAYS_EACH_SIDE + 1)
        jumps = np.array(
            [np.median(values[k : k + _DAYS_EACH_SIDE]) - np.median(values[k - _DAYS_EACH_SIDE : k]) for k in both]
        )
        at = int(np.abs(jumps).argmax())
        if abs(jumps[at]) > _JUMP_H:
            day = noons.index[both[at]].date()
            out.append(
                f"{name}: the sun comes {abs(jumps[at]):.1f} h {'later' if jumps[at] > 0 else 'earlier'} from about "
                f"{day}: the clock was changed; give the time zone of local stamps"
            )
    return out
