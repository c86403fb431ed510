"""MeterFrame: irregular readings in whatever unit, brought onto one regular grid, with every repair reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.clock import clock_faults, localise
from rexnet_grid.spacemeternet.repeats import held_steps
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

Unit = Literal["degC", "K", "kW", "W", "MW", "kWh", "Wh", "MWh", "MJ", "GJ", "W/m2", "kW/m2", "pu"]

_SCALE: dict[str, tuple[str, float, float]] = {
    "degC": ("degC", 1.0, 0.0),
    "K": ("degC", 1.0, -ZERO_CELSIUS_K),
    "kW": ("kW", 1.0, 0.0),
    "W": ("kW", 1e-3, 0.0),
    "kWh": ("kWh", 1.0, 0.0),
    "Wh": ("kWh", 1e-3, 0.0),
    "MW": ("kW", 1e3, 0.0),
    "MWh": ("kWh", 1e3, 0.0),
    "MJ": ("kWh", 1.0 / 3.6, 0.0),
    "GJ": ("kWh", 1e3 / 3.6, 0.0),
    "W/m2": ("W/m2", 1.0, 0.0),
    "kW/m2": ("W/m2", 1e3, 0.0),
    "pu": ("pu", 1.0, 0.0),
}
_OUTLIER_SCALES = 8.0
_LONGEST_BRIDGE_STEPS = 1.5
_STUCK_HOURS = 24.0
_KELVIN_ABOVE = 150.0
_WATT_ABOVE = 300.0
_IRRADIANCE_UP_TO = 2000.0
_SPIKE = 20.0
_CRUMBS = 1e-9  # of a register's level: what subtracting floats leaves behind
_ANEW = 0.5  # of its level before: a register that started anew is below
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
        What was found and mended: gaps, outliers, stuck sensors, resets, repeated or missing hours, a clock that the
        sun contradicts.
    """

    step: str = "15min"
    time_zone: str = "UTC"
    columns: dict[str, pd.Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, readings: pd.Series, unit: Unit, rollover: float | None = None) -> None:
        """Bring one meter onto the grid.

        Temperatures, irradiances and voltages are interpolated linearly between readings no further apart than one and
        a half steps (first-order hold). Powers are averaged over the step that starts at the grid's instant (zero-order
        hold). Registers (kWh, Wh, MWh, MJ, GJ) become the mean power of each step; a register that falls
        below half of what it showed starts anew, or rolled over where ``rollover`` is given; smaller falls are power
        that flowed back.

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
        clean = self._clean(name, readings)
        kind, factor, offset = _SCALE[unit]
        clean = clean * factor + offset
        _check_unit(name, clean, unit, kind)
        self._note_stuck(name, clean, kind)
        if kind == "kWh":
            self.columns[name] = self._register(name, clean, None if rollover is None else rollover * factor)
            self._note_gaps(name)
            self._note_repeats(name)
            return
        if kind == "kW":
            self.columns[name] = self._mean(self._without_spikes(name, clean))
            self._note_repeats(name)
        elif kind == "W/m2":
            self.notes += clock_faults(name, clean, self.time_zone)
            self.columns[name] = self._sampled(clean)
        else:
            self.columns[name] = self._sampled(self._without_outliers(name, clean, 1.0 if kind == "degC" else 0.0))
        self._note_gaps(name)

    def table(self) -> pd.DataFrame:
        """Return all columns on their common stretch of the grid."""
        return pd.DataFrame(self.columns)

    def _note_gaps(self, name: str) -> None:
        column = self.columns[name]
        lost = int(column.isna().sum())
        if lost:
            edges = np.flatnonzero(np.diff(np.r_[False, column.isna().to_numpy(), False].astype(np.int8))).reshape(
                -1, 2
            )
            first, last = max(edges.tolist(), key=lambda gap: gap[1] - gap[0])
            hours = (last - first) * pd.Timedelta(self.step).total_seconds() / 3600.0
            self.notes.append(
                f"{name}: {lost} of {len(column)} steps without a reading, the longest gap {hours:g} h from "
                f"{column.index[first]}"
            )

    def _note_repeats(self, name: str) -> None:
        """Note a power that changes only every so many steps: readings come less often than the frame's steps."""
        steps, _ = held_steps(self.columns[name].to_numpy(dtype=float))
        if steps > 1:
            longer = f"{(steps * pd.Timedelta(self.step)).total_seconds() / 60.0:g}min"
            self.notes.append(
                f"{name}: changes only once in {steps} steps: means of {longer} repeated? "
                f'MeterFrame(step="{longer}") for all meters'
            )

    def _note_stuck(self, name: str, series: pd.Series, kind: str) -> None:
        """Note a temperature that stands still for longer than a room can."""
        if kind != "degC" or len(series) < 2:
            return
        hours = _hours(pd.DatetimeIndex(series.index))
        changes = np.flatnonzero(np.diff(series.to_numpy()))
        first, last = np.r_[0, changes + 1], np.r_[changes, len(series) - 1]
        still = hours[last] - hours[first]
        at = int(still.argmax())
        if still[at] >= _STUCK_HOURS:
            self.notes.append(
                f"{name}: stands still for {still[at]:.0f} h from {series.index[first[at]]}; is the sensor stuck?"
            )

    def _clean(self, name: str, readings: pd.Series) -> pd.Series:
        """Return what is there of a series, in UTC, in order, each instant once."""
        series = readings.dropna().astype(float)
        if series.empty:
            raise MeterDataError([Issue(name, "readings", "nothing but gaps", "numbers")])
        naive = pd.DatetimeIndex(series.index).tz is None
        series.index = localise(pd.DatetimeIndex(series.index), self.time_zone)
        skipped = int(np.asarray(series.index.isna()).sum())
        if skipped:
            self.notes.append(f"{name}: {skipped} readings in an hour that the change of clocks skips")
            series = series[series.index.notna()]
        series = series.sort_index()
        twice = int(series.index.duplicated().sum())
        if twice:
            hint = "; local time? give time_zone" if naive and self.time_zone == "UTC" and _one_hour(series) else ""
            self.notes.append(f"{name}: {twice} instants read twice, the last reading counts{hint}")
            series = series[~series.index.duplicated(keep="last")]
        return series

    def _without_spikes(self, name: str, series: pd.Series) -> pd.Series:
        """Drop powers that no load of this size can have: far above the usual ones, or rarely and far below zero."""
        usual = float(series.abs().quantile(0.99))
        wild = series.abs() > _SPIKE * usual
        if (series < 0.0).mean() < 0.01:
            wild |= series < -0.5 * usual
        if usual > 0.0 and wild.any():
            self.notes.append(f"{name}: {int(wild.sum())} spikes left out, the first at {series.index[wild][0]}")
            return series[~wild]
        return series

    def _without_outliers(self, name: str, series: pd.Series, least: float) -> pd.Series:
        """Drop single readings that jump by ``least`` and more away and back, judged by a running median."""
        middle = series.rolling(5, center=True, min_periods=1).median()
        away = (series - middle).abs()
        scale = 1.4826 * float(away[away > 0].median()) if (away > 0).any() else 0.0
        wild = away > max(_OUTLIER_SCALES * scale, least, 1e-9)
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
        level = series.to_numpy()
        down = np.flatnonzero(energy < -_CRUMBS * np.abs(level).max())
        falls = down[level[down] < _ANEW * level[down - 1]]
        if len(down) > len(falls):
            self.notes.append(f"{name}: the register runs backwards {_times(len(down) - len(falls))}")
        for k in falls:
            energy[k] = energy[k] + rollover if rollover is not None else np.nan
        if len(falls):
            what = "rolled over" if rollover is not None else "started anew"
            self.notes.append(f"{name}: the register {what} {_times(len(falls))}, first at {series.index[falls[0]]}")
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


def _check_unit(name: str, series: pd.Series, unit: str, kind: str) -> None:
    """Refuse readings that cannot be in the unit they are said to be in; ``series`` is converted already."""
    middle, top = float(series.median()), float(series.abs().quantile(0.99))
    faults = {
        "degC": (middle > _KELVIN_ABOVE, f"a median of {middle:.1f}", "this looks like kelvin: unit='K'"),
        "kW": (unit == "kW" and top > _WATT_ABOVE, f"up to {top:.0f}", "this looks like W: unit='W'"),
        "W/m2": (top > _IRRADIANCE_UP_TO, f"up to {top:.0f} W/m2", "irradiance reaches some 1,300 W/m2"),
    }
    wrong, said, hint = faults.get(kind, (False, "", ""))
    if kind == "degC" and middle < -_KELVIN_ABOVE:
        wrong, said, hint = True, f"a median of {middle:.1f} degC", "these are degC already: unit='degC'"
    if wrong:
        raise MeterDataError([Issue(name, "unit", said, unit if kind != "degC" else "degC", hint)])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _one_hour(series: pd.Series) -> bool:
    """Return whether all instants that come twice lie within one hour, as when clocks are put back."""
    twice = series.index[series.index.duplicated()]
    return bool(twice[-1] - twice[0] <= pd.Timedelta(hours=1))


def _hours(index: pd.DatetimeIndex) -> FloatArray:
    return np.asarray(index.as_unit("ns").asi8, dtype=np.float64) * _HOURS_PER_NS
