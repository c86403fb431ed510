"""From tables of readings to arrays on one regular grid, with every fault of the input named at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.plausibility import implausible
from rexnet_grid.spacemeternet.zonemodel import Circuit, ZoneData

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray

Table = Any

_KELVIN_ABOVE = 150.0
_FAHRENHEIT_ABOVE = 45.0
_WATT_ABOVE = 300.0
_LEAST_RISES = 24
_RISES_SHARE = 0.995
_SAME_SHARE = 0.9
_SAME_CIRCUIT = 1e-9
_LONGEST_FILL_HOURS = 3.0
_STUCK_HOURS = 48.0
_DAILY_FROM_HOURS = 72.0
_DAILY_UP_TO_STEP = 3.0


def zone_data(
    temperatures_c: Table,
    heat_kw: Table,
    outdoor_c: Table,
    solar_w_m2: Table = None,
    boundary_c: Table = None,
    circuits: Mapping[str, Sequence[str]] | None = None,
    *,
    daily: bool | Literal["auto"] = "auto",
) -> ZoneData:
    """Check a building's tables and return them as arrays.

    Parameters
    ----------
    temperatures_c
        (N, zones) DataFrame on a regular index; NaN where a reading is missing [degC].
    heat_kw
        DataFrame of heating powers, columns are zones (missing column = unheated) or, with ``circuits``, circuits; or
        None [kW].
    outdoor_c, solar_w_m2, boundary_c
        Series [degC], Series or None [W/m²], DataFrame of known neighbours or None [degC].
    circuits
        Zones that each column of ``heat_kw`` heats. Without it columns that are equal count as one circuit read twice.
    daily
        Whether unmetered gains may follow the time of day; ``"auto"`` for data of three days and more in steps of
        three hours and less.

    Raises
    ------
    MeterDataError
        With an :class:`Issue` for each fault: index, unit, missing or constant columns.
    """
    issues: list[Issue] = []
    temperatures = pd.DataFrame(temperatures_c)
    index = temperatures.index
    step = _step_hours(index, issues)
    zones = tuple(str(c) for c in temperatures.columns)
    readings = temperatures.to_numpy(dtype=float, na_value=np.nan)
    _check_temperatures("temperatures_c", zones, readings, step, issues)
    outdoor = _aligned("outdoor_c", pd.Series(outdoor_c, name="outdoor").to_frame("outdoor"), index, issues)
    names, known = ["outdoor"], [outdoor]
    if boundary_c is not None:
        table = pd.DataFrame(boundary_c)
        names += [str(c) for c in table.columns]
        known.append(_aligned("boundary_c", table, index, issues))
    boundary = np.hstack(known)
    _check_boundary(names, boundary, issues)
    heat, found = _heat(heat_kw, zones, circuits, index, issues)
    sun = None
    if solar_w_m2 is not None:
        sun = _aligned("solar_w_m2", pd.Series(solar_w_m2).to_frame("sun"), index, issues)[:, 0] / 1000.0
        if np.nanmax(sun, initial=0.0) > 2.0:
            issues.append(Issue("solar_w_m2", "sun", f"{np.nanmax(sun) * 1000:.0f}", "irradiance up to 1500 W/m2"))
    if issues:
        raise MeterDataError(issues)
    clock = hour_of_day(index) if _daily(daily, len(index), step) else None
    data = ZoneData(zones, found, tuple(names), readings, boundary, heat, sun, step, clock=clock)
    issues = implausible(data)
    if issues:
        raise MeterDataError(issues)
    return data


def _daily(daily: bool | Literal["auto"], rows: int, step: float) -> bool:
    return rows * step >= _DAILY_FROM_HOURS and step <= _DAILY_UP_TO_STEP if daily == "auto" else daily


def hour_of_day(index: pd.Index) -> FloatArray:
    """Return the hours since midnight UTC, or since a multiple of 24 for an index that counts hours (N,)."""
    if isinstance(index, pd.DatetimeIndex):
        utc = index if index.tz is None else index.tz_convert("UTC")
        return np.asarray((utc - utc.normalize()) / pd.Timedelta(hours=1), dtype=np.float64)
    return np.asarray(index, dtype=np.float64) % 24.0


def _step_hours(index: pd.Index, issues: list[Issue]) -> float:
    """Return the step of a regular index [h]."""
    if len(index) < 3:
        issues.append(Issue("temperatures_c", "index", f"{len(index)} rows", "at least one day of readings"))
        return 1.0
    if isinstance(index, pd.DatetimeIndex):
        steps = np.diff(index.as_unit("ns").asi8) / 3.6e12
    else:
        steps = np.diff(np.asarray(index, dtype=float))
    if np.any(steps <= 0) or np.ptp(steps) > 1e-6 * abs(float(steps[0])):
        issues.append(
            Issue(
                "temperatures_c",
                "index",
                f"steps from {steps.min():g} h to {steps.max():g} h",
                "a regular index",
                "MeterFrame brings irregular readings onto one grid",
            )
        )
    return float(np.median(steps))


def _check_temperatures(where: str, names: Sequence[str], values: FloatArray, step: float, issues: list[Issue]) -> None:
    for column, name in enumerate(names):
        known = values[np.isfinite(values[:, column]), column]
        if np.isinf(values[:, column]).any():
            issues.append(Issue(where, name, "an infinite reading", "finite readings, NaN where one is missing"))
        elif len(known) < 0.2 * len(values):
            issues.append(Issue(where, name, f"{len(known)} of {len(values)} readings", "at least a fifth of them"))
        elif np.median(known) > _KELVIN_ABOVE:
            issues.append(
                Issue(
                    where,
                    name,
                    f"a median of {np.median(known):.1f}",
                    "degC",
                    "this looks like kelvin: take off 273.15",
                )
            )
        elif np.median(known) > _FAHRENHEIT_ABOVE:
            hint = "degrees Fahrenheit? take off 32 and divide by 1.8"
            issues.append(Issue(where, name, f"a median of {np.median(known):.1f}", "degC of a room", hint))
        elif np.ptp(known) == 0.0:
            issues.append(Issue(where, name, f"always {known[0]:g}", "a reading that moves", "is the sensor stuck?"))
        elif (still := _longest_still(known)) * step >= _STUCK_HOURS:
            issues.append(
                Issue(
                    where,
                    name,
                    f"the same value for {still * step:.0f} h",
                    "a reading that moves",
                    "is the sensor stuck? leave those readings out (NaN)",
                )
            )


def _longest_still(values: FloatArray) -> int:
    """Return the most steps in a row without a change."""
    changes = np.r_[0, np.flatnonzero(np.diff(values)) + 1, len(values)]
    return int(np.diff(changes).max()) - 1


def _check_boundary(names: Sequence[str], values: FloatArray, issues: list[Issue]) -> None:
    for column, name in enumerate(names):
        if np.nanmedian(values[:, column]) > _KELVIN_ABOVE:
            issues.append(Issue("boundary", name, f"a median of {np.nanmedian(values[:, column]):.1f}", "degC",
                                "this looks like kelvin: take off 273.15"))  # fmt: skip


def stuck_weather(data: ZoneData) -> list[Issue]:
    """Return whether the outdoor sensor stands still for days: what a building loses to outdoors is not in its data."""
    outdoor = data.boundary[:, 0]
    still = _longest_still(outdoor)
    if still * data.step < _STUCK_HOURS and still + 1 < len(outdoor):
        return []
    value = f"{outdoor[0]:g} always" if np.ptp(outdoor) == 0.0 else f"the same value for {still * data.step:.0f} h"
    return [Issue("outdoor_c", "outdoor", value, "a reading that moves", "is the sensor stuck? bring another source")]


def _aligned(where: str, table: pd.DataFrame, index: pd.Index, issues: list[Issue]) -> FloatArray:
    """Return a table on ``index`` with short gaps filled, as inputs have to be known."""
    if not table.index.equals(index):
        missing = index.difference(table.index)
        if len(missing):
            issues.append(Issue(where, "index", f"{len(missing)} instants missing", "the index of the temperatures"))
            return np.zeros((len(index), table.shape[1]))
        table = table.reindex(index)
    values = table.astype(float)
    steps = max(int(_LONGEST_FILL_HOURS / _step_hours(index, [])), 1)
    filled = values.interpolate(limit=steps, limit_direction="both")
    for column in filled.columns:
        lost = int(filled[column].isna().sum())
        if lost:
            issues.append(Issue(where, str(column), f"{lost} readings missing in long gaps", "a known input",
                                "inputs cannot be missing for long: cut the data or bring another source"))  # fmt: skip
    return filled.to_numpy(dtype=float)


def _heat(
    heat_kw: Table,
    zones: tuple[str, ...],
    circuits: Mapping[str, Sequence[str]] | None,
    index: pd.Index,
    issues: list[Issue],
) -> tuple[FloatArray, tuple[Circuit, ...]]:
    """Return the heat of each circuit and the circuits."""
    if heat_kw is None:
        return np.zeros((len(index), 0)), ()
    table = pd.DataFrame(heat_kw)
    values = _aligned("heat_kw", table, index, issues)
    reached = circuits if circuits is not None else {str(c): [str(c)] for c in table.columns}
    out: list[Circuit] = []
    kept: list[int] = []
    for column, raw in enumerate(table.columns):
        name = str(raw)
        served = [str(z) for z in reached.get(name, [])]
        unknown = [z for z in served if z not in zones]
        if unknown or not served:
            issues.append(Issue("heat_kw", name, ", ".join(unknown) or "no zone", "a column of the temperatures"))
            continue
        usual = float(np.nanquantile(np.abs(values[:, column]), 0.99))
        if _counts(values[:, column]):
            hint = "a register that counts energy? MeterFrame turns registers into powers"
            value = f"readings that only rise, up to {usual:.4g}"
            issues.append(Issue("heat_kw", name, value, "mean powers [kW]", hint))
        elif usual > _WATT_ABOVE:
            hint = "this looks like W: divide by 1000; or like a register of kWh taken for GJ: divide by 277.8"
            issues.append(Issue("heat_kw", name, f"up to {usual:.0f}", "kW", hint))
        if not np.any(values[:, column]):
            continue
        members = tuple(zones.index(z) for z in served)
        twin = next((i for i, k in enumerate(kept) if _one_meter(values[:, k], values[:, column])), None)
        if twin is not None and np.ptp(values[:, column]) > 0.0:
            out[twin] = Circuit(out[twin].name, out[twin].zones + members)
            continue
        kept.append(column)
        out.append(Circuit(name, members))
    return values[:, kept], tuple(out)


def _counts(values: FloatArray) -> bool:
    """Tell whether readings only ever rise, and do so: a register."""
    steps = np.diff(values)
    moving = steps[steps != 0.0]
    return len(moving) >= _LEAST_RISES and bool(np.mean(moving > 0.0) >= _RISES_SHARE)


def _one_meter(first: FloatArray, second: FloatArray) -> bool:
    """Tell whether two columns are one circuit's: equal but for an offset, gaps that were filled in one left aside."""
    on = (first != 0.0) | (second != 0.0)
    if not on.any():
        return False
    apart = (first - second)[on]
    return bool(np.mean(np.abs(apart - np.median(apart)) < _SAME_CIRCUIT) >= _SAME_SHARE)
