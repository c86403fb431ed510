"""MeterFrame: irregular readings in whatever unit, brought onto one regular grid, with every repair reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

Unit = Literal["degC", "K", "kW", "W", "kWh", "Wh", "W/m2", "pu"]

_SCALE: dict[str, tuple[str, float, float]] = {
    "degC": ("degC", 1.0, 0.0),
    "K": ("degC", 1.0, -ZERO_CELSIUS_K),
    "kW": ("kW", 1.0, 0.0),
    "W": ("kW", 1e-3, 0.0),
    "kWh": ("kWh", 1.0, 0.0),
    "Wh": ("kWh", 1e-3, 0.0),
    "W/m2": ("W/m2", 1.0, 0.0),
    "pu": ("pu", 1.0, 0.0),
}
_OUTLIER_SCALES = 8.0
_LONGEST_BRIDGE_STEPS = 1.5
_HOURS_PER_NS = 1.0 / 3.6e12


@dataclass(slots=True)
class MeterFrame:
    """Readings on one regular grid, and what was done to get there.

    Attributes
    ----------
    step
        Step of the grid, such as ``"15min"``.
    time_zone
        Zone of naive time stamps; the grid is in UTC.
    columns
        Series on the grid by name.
    notes
        What was found and mended: gaps, outliers, resets, repeated or missing hours.
    """

    step: str = "15min"
    time_zone: str = "UTC"
    columns: dict[str, pd.Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, readings: pd.Series, unit: Unit, rollover: float | None = None) -> None:
        """Bring one meter onto the grid.

        Temperatures, irradiances and voltages are interpolated linearly between readings no further apart than one and
        a half steps (first-order hold). Powers are averaged over the step that starts at the grid's instant (zero-order
        hold). Registers (kWh, Wh) become the mean power of each step; a register that falls starts anew, or rolled over
        where ``rollover`` is given.

        Parameters
        ----------
        name
            Column of the result.
        readings
            Series on a DatetimeIndex, in any order.
        unit
            What the readings are in.
        rollover
            Capacity of a register [its unit].

        Raises
        ------
        MeterDataError
            If the index is not one of times or nothing readable is left.
        """
        if not isinstance(readings.index, pd.DatetimeIndex):
            raise MeterDataError([Issue(name, "index", type(readings.index).__name__, "a DatetimeIndex")])
        if unit not in _SCALE:
            raise MeterDataError([Issue(name, "unit", str(unit), ", ".join(_SCALE))])
        clean = self._clean(name, readings, unit)
        kind, factor, offset = _SCALE[unit]
        clean = clean * factor + offset
        if kind == "kWh":
            self.columns[name] = self._register(name, clean, None if rollover is None else rollover * factor)
            return
        kept = self._without_outliers(name, clean) if kind != "kW" else clean
        self.columns[name] = self._mean(kept) if kind == "kW" else self._sampled(kept)

    def table(self) -> pd.DataFrame:
        """Return all columns on their common stretch of the grid."""
        table = pd.DataFrame(self.columns)
        for name in table.columns:
            lost = int(table[name].isna().sum())
            if lost:
                self.notes.append(f"{name}: {lost} of {len(table)} steps without a reading")
        return table

    def _clean(self, name: str, readings: pd.Series, unit: str) -> pd.Series:
        series = readings.dropna().astype(float)
        if series.empty:
            raise MeterDataError([Issue(name, "readings", "nothing but gaps", "numbers")])
        index = pd.DatetimeIndex(series.index)
        if index.tz is None and self.time_zone != "UTC":
            before = len(series)
            ambiguous = np.asarray(index.duplicated(keep="first"))
            index = index.tz_localize(self.time_zone, ambiguous=~ambiguous, nonexistent="NaT")
            series.index = index
            series = series[series.index.notna()]
            if len(series) < before:
                self.notes.append(f"{name}: {before - len(series)} readings in an hour that the change of clocks skips")
        elif index.tz is None:
            series.index = index.tz_localize("UTC")
        series.index = pd.DatetimeIndex(series.index).tz_convert("UTC")
        series = series.sort_index()
        twice = int(series.index.duplicated().sum())
        if twice:
            self.notes.append(f"{name}: {twice} instants read twice, the last reading counts")
            series = series[~series.index.duplicated(keep="last")]
        if unit == "degC" and float(series.median()) > 150.0:
            raise MeterDataError(
                [Issue(name, "unit", f"a median of {series.median():.1f}", "degC", "this looks like kelvin: unit='K'")]
            )
        return series

    def _without_outliers(self, name: str, series: pd.Series) -> pd.Series:
        """Drop single readings that jump away and back, judged by a running median."""
        middle = series.rolling(5, center=True, min_periods=1).median()
        away = (series - middle).abs()
        scale = 1.4826 * float(away[away > 0].median()) if (away > 0).any() else 0.0
        wild = away > max(_OUTLIER_SCALES * scale, 1e-9)
        if wild.any() and wild.mean() < 0.02:
            self.notes.append(f"{name}: {int(wild.sum())} outliers left out, the first at {series.index[wild][0]}")
            return series[~wild]
        return series

    def _grid(self, series: pd.Series) -> pd.DatetimeIndex:
        return pd.date_range(series.index[0].ceil(self.step), series.index[-1].floor(self.step), freq=self.step)

    def _sampled(self, series: pd.Series) -> pd.Series:
        grid = self._grid(series)
        at, known = _hours(grid), _hours(pd.DatetimeIndex(series.index))
        values = np.interp(at, known, series.to_numpy())
        after = np.clip(np.searchsorted(known, at), 1, len(known) - 1)
        apart = known[after] - known[after - 1]
        usual = max(float(np.median(np.diff(known))), pd.Timedelta(self.step).total_seconds() / 3600.0)
        exact = np.isin(at, known)
        values[(apart > _LONGEST_BRIDGE_STEPS * usual) & ~exact] = np.nan
        return pd.Series(values, grid)

    def _mean(self, series: pd.Series) -> pd.Series:
        return series.resample(self.step).mean()

    def _register(self, name: str, series: pd.Series, rollover: float | None) -> pd.Series:
        """Return the mean power of each step from a register [kWh]."""
        energy = series.diff().to_numpy().copy()
        falls = np.flatnonzero(energy < 0.0)
        for k in falls:
            energy[k] = energy[k] + rollover if rollover is not None else np.nan
        if len(falls):
            what = "rolled over" if rollover is not None else "started anew"
            self.notes.append(f"{name}: the register {what} {len(falls)} times, first at {series.index[falls[0]]}")
        energy[0] = 0.0
        known = np.isfinite(energy)
        total = pd.Series(np.cumsum(np.where(known, energy, 0.0)), series.index)
        grid = self._grid(series)
        at, times = _hours(grid), _hours(pd.DatetimeIndex(series.index))
        level = np.interp(at, times, total.to_numpy())
        power = np.diff(level) / np.diff(at)
        for k in np.flatnonzero(~known):
            power[(at[1:] > times[k - 1]) & (at[:-1] < times[k])] = np.nan
        return pd.Series(power, grid[:-1])


def _hours(index: pd.DatetimeIndex) -> FloatArray:
    return np.asarray(index.as_unit("ns").asi8, dtype=np.float64) * _HOURS_PER_NS
