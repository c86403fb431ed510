"""What a building wants: set-points with a night set-back, the heat that keeps them, and comfort that was missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.buildings import discomfort_kh
from rexnet_grid.rexdynnet.surroundings import AIR_C

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.greybox import GreyBox

HOURS_PER_DAY = 24.0
SECONDS_PER_HOUR = 3600.0
SUN_W_M2 = (-20.0, 2000.0)
"""What weather can be; pyranometers read a few watts below zero at night."""


@dataclass(frozen=True, slots=True)
class SetPoint:
    """The room temperature wanted over the day.

    Attributes
    ----------
    day_c, night_c
        By day, and allowed at night [degC].
    day_from_h, day_to_h
        Local clock hours between which it is day [h]; a day past midnight is written 6 to 26.
    """

    day_c: float = 20.5
    night_c: float = 18.0
    day_from_h: float = 6.0
    day_to_h: float = 22.0

    def __post_init__(self) -> None:
        issues = []
        if not 5.0 <= self.night_c <= self.day_c <= 35.0:
            issues.append(Issue("set-point", "night_c, day_c", f"{self.night_c:g}, {self.day_c:g}", "5 to 35, rising"))
        if not (0.0 <= self.day_from_h <= HOURS_PER_DAY and 0.0 <= self.day_to_h - self.day_from_h <= HOURS_PER_DAY):
            hours = f"{self.day_from_h:g}, {self.day_to_h:g}"
            issues.append(
                Issue("set-point", "day_from_h, day_to_h", hours, "clock hours in order, a day apart at most")
            )
        if issues:
            raise InputError(issues)

    def at(self, hour: ArrayLike) -> FloatArray:
        """Return the temperature wanted at local clock hours [degC]."""
        since = (np.asarray(hour, dtype=np.float64) - self.day_from_h) % HOURS_PER_DAY
        return np.asarray(np.where(since < self.day_to_h - self.day_from_h, self.day_c, self.night_c))


@dataclass(frozen=True)
class BuildingRun:
    """A building through time; tables have one row a step, states and comfort in ``attrs`` units.

    Attributes
    ----------
    heat_kw
        Mean heat given [kW].
    room_c
        Room temperature at the end of each step [degC].
    states_c
        All states at the end of each step [degC].
    discomfort_kh
        By how much and how long the room was colder than wanted, beyond the band [K h].
    overheating_kh
        The same for warmer than wanted [K h]; nothing cools.
    balance_error
        |heat + gains - loss - stored| over the throughput, each step [-].
    """

    heat_kw: pd.Series
    room_c: pd.Series
    states_c: pd.DataFrame
    discomfort_kh: float
    overheating_kh: float
    balance_error: pd.Series


def simulate_building(
    model: GreyBox,
    outdoor_c: pd.Series,
    irradiance_w_m2: pd.Series | float = 0.0,
    set_point: SetPoint | None = None,
    max_heat_kw: pd.Series | float = np.inf,
    band_k: float = 0.5,
    initial_c: FloatArray | float | None = None,
) -> BuildingRun:
    """Heat a building so that its room follows a set-point, as far as the heater goes.

    In each step the heat is the one that brings the room to what is wanted at the end of it, between nothing and
    ``max_heat_kw``. The result is the demand to hand to :meth:`HeatNetwork.simulate`.

    Parameters
    ----------
    model
        The building.
    outdoor_c
        Outdoor temperature on a regular index with a clock [degC].
    irradiance_w_m2
        Global irradiance [W/m2].
    set_point
        What is wanted; 20.5 degC from 6 to 22 and 18 degC at night by default.
    max_heat_kw
        What the heater can give [kW], for example what :meth:`Emitter.heat_kw` says.
    band_k
        Deviation from the set-point nobody minds [K].
    initial_c
        States, or one temperature for all, at the start [degC]; at rest at the first set-point by default.

    Returns
    -------
    BuildingRun
        Heat, temperatures, discomfort and the energy audit.

    Raises
    ------
    InputError
        When the weather has gaps or no regular index, or a value that cannot be.
    """
    index = _regular(outdoor_c)
    hours = (index[1] - index[0]).total_seconds() / SECONDS_PER_HOUR
    wanted = (set_point or SetPoint()).at(_clock(index, hours))
    outdoor, sun, most = (
        _aligned(name, value, index, *limits)
        for name, value, limits in (
            ("outdoor_c", outdoor_c, AIR_C),
            ("irradiance_w_m2", irradiance_w_m2, SUN_W_M2),
            ("max_heat_kw", max_heat_kw, (0.0, np.inf)),
        )
    )
    state = (
        model.steady(float(wanted[0]), float(outdoor[0]), float(sun[0]))
        if initial_c is None
        else np.full(len(model.states), 1.0) * initial_c
    )
    if not np.isfinite(state).all():
        raise InputError([Issue("simulate_building", "initial_c", str(initial_c), "finite temperatures [degC]")])
    states, heat, error = np.empty((len(index), len(state))), np.empty(len(index)), np.empty(len(index))
    for k in range(len(index)):
        weather = float(outdoor[k]), float(sun[k])
        need = model.heat_to_reach(state, float(wanted[k]), *weather, hours)
        heat[k] = min(max(need, 0.0), float(most[k]))
        end, mean = model.advance(state, float(heat[k]), *weather, hours)
        flows = (
            heat[k],
            model.gains_kw(weather[1]),
            model.loss_kw(mean, weather[0]),
            model.stored_kwh(state, end) / hours,
        )
        error[k] = abs(flows[0] + flows[1] - flows[2] - flows[3]) / max(*map(abs, flows), 1e-3)
        states[k] = state = end
    room = states[:, 0]
    return BuildingRun(
        heat_kw=_series(heat, index, "heat_kw", "kW"),
        room_c=_series(room, index, "room_c", "degC"),
        states_c=pd.DataFrame(states, index, list(model.states)),
        discomfort_kh=discomfort_kh(np.minimum(room, wanted), wanted, band_k, hours),
        overheating_kh=discomfort_kh(np.maximum(room, wanted), wanted, band_k, hours),
        balance_error=_series(error, index, "balance_error", "1"),
    )


def _regular(series: pd.Series) -> pd.DatetimeIndex:
    if not isinstance(series, pd.Series) or not isinstance(series.index, pd.DatetimeIndex):
        given = type(series.index if isinstance(series, pd.Series) else series).__name__
        raise InputError([Issue("simulate_building", "outdoor_c", given, "a Series over time")])
    index = series.index
    steps = np.diff(index.asi8)
    if len(index) < 2 or not (steps > 0).all() or (steps != steps[0]).any():
        raise InputError([Issue("simulate_building", "outdoor_c", f"{len(index)} stamps", "regular stamps in order")])
    return index


def _clock(index: pd.DatetimeIndex, hours: float) -> FloatArray:
    """Return the local clock time at the end of each step [h], when its target is to be met."""
    hour: FloatArray = np.asarray(index.hour + index.minute / 60.0 + index.second / SECONDS_PER_HOUR, dtype=np.float64)
    return np.asarray((hour + hours) % HOURS_PER_DAY)


def _aligned(name: str, value: pd.Series | float, index: pd.DatetimeIndex, low: float, high: float) -> FloatArray:
    if isinstance(value, pd.Series) and not value.index.is_unique:
        twice = value.index[value.index.duplicated()][0]
        raise InputError([Issue("simulate_building", name, f"{twice} twice", "one value at every stamp of outdoor_c")])
    try:
        series = value.reindex(index) if isinstance(value, pd.Series) else pd.Series(float(value), index)
        array: FloatArray = np.asarray(series, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError([Issue("simulate_building", name, str(error), "a number or a Series of numbers")]) from error
    if np.isnan(array).any():
        at = index[int(np.argmax(np.isnan(array)))]
        raise InputError([Issue("simulate_building", name, f"nothing at {at}", "a number at every stamp of outdoor_c")])
    outside = (array < low) | (array > high)
    if outside.any():
        first = int(np.argmax(outside))
        expected = f"{low:g} to {high:g}" if high < np.inf else "not negative"
        raise InputError([Issue("simulate_building", name, f"{array[first]:g} at {index[first]}", expected)])
    return array


def _series(values: FloatArray, index: pd.DatetimeIndex, name: str, unit: str) -> pd.Series:
    series = pd.Series(values, index=index, name=name)
    series.attrs["unit"] = unit
    return series
