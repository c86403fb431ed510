"""Time series from files that participants follow: read, checked, brought onto the delivery units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean
from rexnet_grid.scenario.people import PRICE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.scenario.people import Profile

_TO_KW = {"kW": 1.0, "W": 1e-3, "MW": 1e3, "share": 1.0, PRICE: 1.0}
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_LARGE_KW = 1e5
_MOST_SHARE = 1.5


def check_profile(scenario: Scenario, profile: Profile, key: str) -> list[Issue]:
    """Return everything that is wrong with a profile: file, columns, times, gaps, length, values, unit."""
    try:
        profile_rates(scenario, profile, key)
    except NetworkDataError as error:
        return list(error.issues)
    return []


def profile_rates(scenario: Scenario, profile: Profile, key: str = "profiles") -> NDArray[np.float64]:
    """Return the mean rate of a profile in every delivery unit [kW; - for ``unit = "share"``, EUR/MWh for prices].

    A value holds from its own time to the next one; finer values are averaged, coarser ones repeated.

    Raises
    ------
    NetworkDataError
        With every issue of the profile.
    """
    series = _read(scenario, profile, key)
    where = str(scenario.path_of(profile.file))
    issues = [*_time_issues(scenario, series, where, profile), *_value_issues(series, where, profile)]
    if issues:
        raise NetworkDataError(issues)
    return _on_units(scenario, _in_kw(series, profile))


def electricity_prices(scenario: Scenario, units: int) -> tuple[float, ...] | None:
    """Return the electricity price in ``units`` units [EUR/MWh] when the scenario gives a profile of it.

    Units that are traded but not delivered, beyond the end of the run, repeat the prices of a day before.

    Raises
    ------
    NetworkDataError
        With every issue of the profile.
    """
    name = scenario.population.electricity_price_profile
    if name is None:
        return None
    number, profile = next((n, p) for n, p in enumerate(scenario.profiles) if p.name == name)
    prices = profile_rates(scenario, profile, f"profiles[{number}]").tolist()
    day = min(round(24.0 / scenario.time_grid.hours), len(prices))
    while len(prices) < units:
        prices.append(prices[-day])
    return tuple(prices[:units])


def _read(scenario: Scenario, profile: Profile, key: str) -> pd.Series:
    path = scenario.path_of(profile.file)
    frame = _frame(path, key)
    columns = [str(name) for name in frame.columns]
    time_column = profile.time_column or columns[0]
    issues = [
        Issue(str(path), f"{key}.{name}", f'"{column}"', "one of the columns " + ", ".join(columns[:12]), hint)
        for name, column in (("column", profile.column), ("time_column", time_column))
        if column not in columns
        for hint in [did_you_mean(column, columns)]
    ]
    if issues:
        raise NetworkDataError(issues)
    times = _times(frame[time_column], profile.timezone or scenario.info.timezone, path, time_column)
    values = pd.to_numeric(frame[profile.column], errors="coerce").to_numpy(dtype=np.float64)
    return pd.Series(values, index=times)


def _frame(path: Path, key: str) -> pd.DataFrame:
    if not path.is_file():
        raise NetworkDataError([Issue(str(path), f"{key}.file", "no such file", "a CSV or Parquet file")])
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, comment="#")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NetworkDataError([Issue(str(path), f"{key}.file", message, "a CSV or Parquet file")]) from None
    if len(frame.columns) < 2 or frame.empty:
        expected = "a header, a column of times and a column of values"
        raise NetworkDataError([Issue(str(path), f"{key}.file", f"{frame.shape[0]} rows", expected)])
    return frame


def _times(column: pd.Series, zone: str, path: Path, name: str) -> pd.DatetimeIndex:
    """Return the times in UTC; times without offset are of ``zone``."""
    expected = "times such as 2026-01-13T00:00 or with an offset, ascending"
    with_offset = isinstance(column.dtype, pd.DatetimeTZDtype) or bool(_OFFSET.search(str(column.iloc[0])))
    try:
        parsed = pd.DatetimeIndex(pd.to_datetime(column, format="ISO8601", utc=with_offset))
    except (ValueError, TypeError) as error:
        message = str(error).splitlines()[0][:90]
        raise NetworkDataError([Issue(str(path), f"column {name}", message, expected)]) from None
    if with_offset:
        return parsed.tz_convert("UTC")
    placed = parsed.tz_localize(ZoneInfo(zone), ambiguous="NaT", nonexistent="NaT")
    if placed.isna().any():
        row = int(np.argmax(placed.isna()))
        value = f"{column.iloc[row]}, which {zone} has twice or not at all"
        hint = 'write times with their offset, or in UTC with timezone = "UTC"'
        raise NetworkDataError([Issue(str(path), f"column {name}, row {row + 2}", value, expected, hint)])
    return placed.tz_convert("UTC")


def _time_issues(scenario: Scenario, series: pd.Series, where: str, profile: Profile) -> list[Issue]:
    index = pd.DatetimeIndex(series.index)
    steps = np.diff(index.asi8) / _per_second(index)
    if len(steps) == 0:
        return [Issue(where, profile.name, "one row", "a series over the whole run")]
    issues = []
    if (steps <= 0.0).any():
        row = int(np.argmax(steps <= 0.0)) + 1
        hint = "a repeated hour when clocks change, or rows out of order"
        issues.append(Issue(where, f"row {row + 2}", str(index[row]), "times in ascending order", hint))
        return issues
    step = float(np.median(steps))
    gaps = np.flatnonzero(steps > 1.5 * step)
    if len(gaps):
        first = int(gaps[0])
        value = f"{len(gaps)} gaps" if len(gaps) > 1 else "a gap"
        span = f"the first from {index[first]} to {index[first + 1]}"
        issues.append(Issue(where, profile.name, f"{value}, {span}", f"a value every {step / 60.0:g} min"))
    start, end = pd.Timestamp(scenario.time_grid.time(0)), pd.Timestamp(scenario.time_grid.time(scenario.units))
    if index[0] > start or index[-1] + pd.Timedelta(seconds=step) < end:
        covered = f"{index[0]} to {index[-1] + pd.Timedelta(seconds=step)}"
        wanted = f"the whole run, {start.tz_convert('UTC')} to {end.tz_convert('UTC')}"
        issues.append(Issue(where, profile.name, f"covers {covered}", wanted, "too short, or of another year"))
    return issues


def _value_issues(series: pd.Series, where: str, profile: Profile) -> list[Issue]:
    values = series.to_numpy()
    bad = np.flatnonzero(~np.isfinite(values))
    issues = []
    if len(bad):
        value = f"{len(bad)} values that are no numbers, the first at {series.index[bad[0]]}"
        issues.append(Issue(where, f"{profile.column}, row {int(bad[0]) + 2}", value, "a finite number in every row"))
    largest = float(np.nanmax(np.abs(values))) if len(bad) < len(values) else 0.0
    if profile.unit in {"kW", "kWh"} and largest > _LARGE_KW:
        hint = f'looks like W: set unit = "W"; {largest:g} W = {largest / 1000.0:g} kW'
        issues.append(Issue(where, profile.column, f"up to {largest:g}", f"{profile.unit} below {_LARGE_KW:g}", hint))
    if profile.unit == "share" and largest > _MOST_SHARE:
        hint = "looks like percent or kW"
        issues.append(Issue(where, profile.column, f"up to {largest:g}", "shares between -1 and 1", hint))
    return issues


def _in_kw(series: pd.Series, profile: Profile) -> pd.Series:
    if profile.unit != "kWh":
        return series * _TO_KW[profile.unit]
    index = pd.DatetimeIndex(series.index)
    hours = np.diff(index.asi8) / _per_second(index) / 3600.0
    return pd.Series(series.to_numpy() / np.append(hours, hours[-1]), index=index)


def _on_units(scenario: Scenario, series: pd.Series) -> NDArray[np.float64]:
    """Average a step function over each unit, exactly, by differences of its integral."""
    index = pd.DatetimeIndex(series.index)
    zero = pd.Timestamp(scenario.time_grid.time(0))
    knots = np.asarray((index - zero) / pd.Timedelta(seconds=1), dtype=np.float64)
    knots = np.append(knots, knots[-1] + float(np.median(np.diff(knots))))
    integral = np.concatenate([[0.0], np.cumsum(series.to_numpy() * np.diff(knots))])
    edges = np.arange(scenario.units + 1) * scenario.time_grid.seconds
    means: NDArray[np.float64] = np.diff(np.interp(edges, knots, integral)) / scenario.time_grid.seconds
    return means


def _per_second(index: pd.DatetimeIndex) -> float:
    return {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[index.unit]
