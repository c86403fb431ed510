"""Weather of a scenario: the German test reference year that travels with demandlib, or a file of the user."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from math import ceil, gcd
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean
from rexnet_grid.prosumers.solar import sun_over
from rexnet_grid.prosumers.surroundings import Weather
from rexnet_grid.units import TimeGrid

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.prosumers.base import FloatArray, IntArray

__all__ = ["TRY_REGIONS", "Weather", "reference_weather", "reference_year", "weather_from_file", "weather_from_hours"]

TRY_REGIONS = 15
MEZ = timedelta(hours=1)
MINUTES = 60
FINEST_MINUTES = 5
COLUMN = {"month": 2, "day": 3, "hour": 4, "outdoor_c": 8, "direct_w_m2": 13, "diffuse_w_m2": 14}
LEAP_DAY = (2, 29)
PLAUSIBLE = {"outdoor_c": (-60.0, 60.0), "direct_w_m2": (0.0, 1400.0), "diffuse_w_m2": (0.0, 1000.0)}
KELVIN = 200.0


def reference_weather(
    region: int, time_grid: TimeGrid, units: int, latitude: float = 48.47, longitude: float = 7.87
) -> Weather:
    """Return the test reference year of a German region on a time grid.

    The file is demandlib's (Deutscher Wetterdienst, TRY 2010), read where it is installed. Its hours 1 … 24 are in
    central European time without summer time and stand for the hour that ends; whatever the calendar year, month, day
    and hour pick the row (29 February takes the 28th).

    Parameters
    ----------
    region
        1 … 15; 12 is the Upper Rhine.
    time_grid, units
        The units to cover.
    latitude, longitude
        Place [degree], for the position of the sun.

    Raises
    ------
    NetworkDataError
        When there is no such region.
    """
    year = reference_year(region)
    first, hours = _whole_hours(time_grid, units)
    rows = _rows(first - timedelta(hours=1), hours + 2)
    return weather_from_hours(time_grid, units, year[:, rows], latitude, longitude)


def weather_from_hours(
    time_grid: TimeGrid, units: int, hourly: FloatArray, latitude: float, longitude: float
) -> Weather:
    """Return hourly weather on a time grid.

    Temperatures are joined linearly between the middles of the hours. Irradiance is spread over its hour in proportion
    to the sine of the sun's elevation, so that every hour keeps its energy exactly.

    Parameters
    ----------
    time_grid, units
        The units to cover.
    hourly
        (3, hours + 2) outdoor temperature [degC], direct and diffuse irradiance on the horizontal [W/m2] of all whole
        hours that the units touch, and of one hour before and after.
    latitude, longitude
        Place [degree].
    """
    first, hours = _whole_hours(time_grid, units)
    skipped = int((time_grid.start.astimezone(UTC) - first).total_seconds() // 60)
    step = gcd(gcd(MINUTES, time_grid.unit_minutes), gcd(skipped or MINUTES, FINEST_MINUTES))
    steps = MINUTES // step
    middle = (np.arange(hours * steps) + 0.5) / steps
    outdoor_c = np.interp(middle, np.arange(-1, hours + 1) + 0.5, hourly[0])
    sine, _ = sun_over(TimeGrid(first, step), hours * steps, 1, latitude, longitude)
    height = np.maximum(sine, 0.0).reshape(hours, steps)
    total = height.sum(axis=1, keepdims=True)
    weight = np.where(total > 0.0, steps * height / np.where(total > 0.0, total, 1.0), 1.0)
    direct, diffuse = ((values[1:-1, np.newaxis] * weight).ravel() for values in hourly[1:])
    length = time_grid.unit_minutes // step
    part = slice(skipped // step, skipped // step + units * length)
    means = [series[part].reshape(units, length).mean(axis=1) for series in (outdoor_c, direct, diffuse)]
    return Weather(time_grid, means[0], means[1], means[2], latitude, longitude)


def weather_from_file(
    path: Path, time_grid: TimeGrid, units: int, latitude: float = 48.47, longitude: float = 7.87
) -> Weather:
    """Return the weather in a CSV or Parquet file of the user on a time grid.

    The first column is the time with its offset (without one it is UTC), further columns are ``outdoor_c``,
    ``direct_w_m2`` and ``diffuse_w_m2`` (on the horizontal). A value holds from its time to the next; units take the
    mean, exact to energy.

    Parameters
    ----------
    path
        The file.
    time_grid, units
        The units that the file must cover.
    latitude, longitude
        Place [degree].

    Raises
    ------
    NetworkDataError
        With everything that is wrong with the file.
    """
    frame = _read_table(path)
    start = np.datetime64(time_grid.start.astimezone(UTC).replace(tzinfo=None), "s")
    seconds = (frame.index.to_numpy().astype("datetime64[s]") - start) / np.timedelta64(1, "s")
    issues = [*_time_issues(path, np.asarray(seconds), units * time_grid.seconds), *_value_issues(path, frame)]
    if issues:
        raise NetworkDataError(issues)
    step = float(np.median(np.diff(seconds)))
    knots = np.append(seconds, seconds[-1] + step)
    edges = np.arange(units + 1) * time_grid.seconds
    means = []
    for name in PLAUSIBLE:
        integral = np.concatenate([[0.0], np.cumsum(frame[name].to_numpy(dtype=np.float64) * np.diff(knots))])
        means.append(np.diff(np.interp(edges, knots, integral)) / time_grid.seconds)
    return Weather(time_grid, means[0], means[1], means[2], latitude, longitude)


@cache
def reference_year(region: int) -> FloatArray:
    """Return (3, 8760) outdoor temperature [degC], direct and diffuse irradiance [W/m2], hour by hour from 1 January.

    Raises
    ------
    NetworkDataError
        When there is no such region, or the file is not as its own header says.
    """
    if not 1 <= region <= TRY_REGIONS:
        raise NetworkDataError(
            [Issue("weather", "source", str(region), f"a region 1 … {TRY_REGIONS}", "12 is the Upper Rhine")]
        )
    path = _demandlib_folder() / "vdi" / "resources_weather" / f"TRY2010_{region:02d}_Jahr.dat"
    lines = path.read_text(encoding="latin-1").splitlines()
    header = next((k for k, line in enumerate(lines) if line.startswith("***")), None)
    if header is None:
        raise NetworkDataError([Issue(path.name, "header", "", 'a line "***" before the data')])
    table = np.array([line.split() for line in lines[header + 1 :] if line.strip()], dtype=np.float64)
    clock = table[:, [COLUMN["month"], COLUMN["day"], COLUMN["hour"]]]
    if len(table) != len(_calendar()) or not np.array_equal(clock, np.array(_calendar())):
        raise NetworkDataError(
            [Issue(path.name, "rows", str(len(table)), "every hour of a year of 365 days, in order")]
        )
    values = table[:, [COLUMN["outdoor_c"], COLUMN["direct_w_m2"], COLUMN["diffuse_w_m2"]]]
    return np.ascontiguousarray(values.T)


def _demandlib_folder() -> Path:
    spec = find_spec("demandlib")
    if spec is None or spec.origin is None:
        raise NetworkDataError(
            [Issue("weather", "source", "", "demandlib installed", "python -m pip install demandlib")]
        )
    return Path(spec.origin).parent


@cache
def _calendar() -> tuple[tuple[int, int, int], ...]:
    begin = datetime(2010, 1, 1, tzinfo=UTC)
    moments = (begin + timedelta(hours=k) for k in range(8760))
    return tuple((moment.month, moment.day, moment.hour + 1) for moment in moments)


@cache
def _row_of() -> dict[tuple[int, int, int], int]:
    return {clock: row for row, clock in enumerate(_calendar())}


def _rows(first: datetime, hours: int) -> IntArray:
    row_of, rows = _row_of(), []
    for k in range(hours):
        moment = first + MEZ + timedelta(hours=k)
        day = moment.day - 1 if (moment.month, moment.day) == LEAP_DAY else moment.day
        rows.append(row_of[moment.month, day, moment.hour + 1])
    return np.array(rows, dtype=np.int64)


def _whole_hours(time_grid: TimeGrid, units: int) -> tuple[datetime, int]:
    start = time_grid.start.astimezone(UTC)
    first = start.replace(minute=0, second=0, microsecond=0)
    minutes = (start - first).total_seconds() / 60.0 + units * time_grid.unit_minutes
    return first, ceil(minutes / MINUTES - 1e-9)


def _read_table(path: Path) -> pd.DataFrame:
    """Return the table with its time as index, in UTC without zone; missing columns are issues, all at once."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, comment="#")
        times = pd.DatetimeIndex(pd.to_datetime(frame.iloc[:, 0], utc=True))
    except (OSError, ValueError, TypeError, IndexError) as error:
        message = str(error).splitlines()[0][:100]
        expected = "a CSV or Parquet file, times in its first column"
        raise NetworkDataError([Issue(str(path), "file", message, expected)]) from None
    columns = [str(name) for name in frame.columns]
    missing = [name for name in PLAUSIBLE if name not in columns]
    if missing:
        raise NetworkDataError(
            [Issue(str(path), name, "", f"a column {name}", did_you_mean(name, columns)) for name in missing]
        )
    values = {name: pd.to_numeric(frame[name], errors="coerce").to_numpy() for name in PLAUSIBLE}
    return pd.DataFrame(values, index=times.tz_localize(None))


def _time_issues(path: Path, seconds: FloatArray, length: float) -> list[Issue]:
    if len(seconds) < 2:
        return [Issue(str(path), "rows", str(len(seconds)), "a series over the whole run")]
    steps = np.diff(seconds)
    if (steps <= 0.0).any():
        row = int(np.argmax(steps <= 0.0)) + 3
        return [Issue(str(path), f"row {row}", "a time not after the one before", "times in ascending order")]
    step = float(np.median(steps))
    issues = [
        Issue(str(path), f"row {row + 3}", f"a gap of {steps[row] / 60.0:g} min", f"a value every {step / 60.0:g} min")
        for row in np.flatnonzero(steps > 1.5 * step)[:5]
    ]
    if seconds[0] > 0.0 or seconds[-1] + step < length:
        covered = f"from {seconds[0] / 3600.0:g} h to {(seconds[-1] + step) / 3600.0:g} h after the start"
        wanted = f"0 h to {length / 3600.0:g} h"
        issues.append(Issue(str(path), "time", covered, wanted, "too short, of another year or of another zone"))
    return issues


def _value_issues(path: Path, frame: pd.DataFrame) -> list[Issue]:
    issues = []
    for name, (lowest, highest) in PLAUSIBLE.items():
        values = frame[name].to_numpy(dtype=np.float64)
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            value = f"{len(missing)} values that are no numbers"
            issues.append(Issue(str(path), f"{name}, row {int(missing[0]) + 2}", value, "a number in every row"))
        wrong = np.flatnonzero((values < lowest) | (values > highest))
        if len(wrong):
            row = int(wrong[0])
            hint = "looks like kelvin" if name == "outdoor_c" and values[row] > KELVIN else ""
            issues.append(
                Issue(str(path), f"{name}, row {row + 2}", f"{values[row]:g}", f"{lowest:g} … {highest:g}", hint)
            )
    return issues
