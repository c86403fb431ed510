"""Meter tables in whatever unit and rhythm, brought to what ThermalSpaceNet takes.

The unit is the end of a quantity's name: ``temperature_k``, ``heat_w``, or ``heat_kwh`` for a register that counts.
What is regular and in the right units already is left as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.meterframe import MeterFrame
from rexnet_grid.spacemeternet.tables import MeterTables

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.meterframe import Unit

_UNITS: dict[str, dict[str, str]] = {
    "temperature_c": {"temperature_c": "degC", "temperature_k": "K"},
    "heat_kw": {
        "heat_kw": "kW",
        "heat_w": "W",
        "heat_mw": "MW",
        "heat_kwh": "kWh",
        "heat_wh": "Wh",
        "heat_mwh": "MWh",
        "heat_mj": "MJ",
        "heat_gj": "GJ",
    },
    "outdoor_c": {"outdoor_c": "degC", "outdoor_k": "K"},
    "solar_w_m2": {"solar_w_m2": "W/m2", "solar_kw_m2": "kW/m2"},
    "boundary_c": {"boundary_c": "degC", "boundary_k": "K"},
}
QUANTITIES = tuple(name for names in _UNITS.values() for name in names)
_STEPS_MIN = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180)


def regular(tables: MeterTables) -> tuple[MeterTables, tuple[str, ...]]:
    """Return the tables in the estimator's units on one regular grid, and what was found and mended on the way.

    Raises
    ------
    MeterDataError
        If readings are neither regular nor on an index of times, or cannot be in the unit they are said to be in.
    """
    given = tables.quantities
    if all(name in _UNITS for name in given) and all(_is_regular(t.index) for t in given.values()):
        return tables, ()
    first = next(iter(given.values()))
    if not isinstance(first.index, pd.DatetimeIndex):
        raise MeterDataError([Issue("time", "index", "irregular numbers", "times such as 2026-01-31T12:00Z")])
    frame = MeterFrame(_step(given.get("temperature_c", given.get("temperature_k", first))))
    issues: list[Issue] = []
    for target, accepted in _UNITS.items():
        for quantity, unit in accepted.items():
            for name, column in given.get(quantity, pd.DataFrame()).items():
                try:
                    frame.add(f"{target}:{name}", column, cast("Unit", unit))
                except MeterDataError as error:
                    issues += error.issues
    if issues:
        raise MeterDataError(issues)
    return _split(frame, tables)


def _is_regular(index: pd.Index) -> bool:
    values = index.as_unit("ns").asi8 if isinstance(index, pd.DatetimeIndex) else np.asarray(index, dtype=float)
    steps = np.diff(np.asarray(values, dtype=float))
    return len(steps) > 0 and bool(np.ptp(steps) <= 1e-6 * abs(float(steps[0])))


def _step(table: pd.DataFrame) -> str:
    """Return the grid's step: the usual time between readings of the slowest sensor, rounded to a usual step."""
    usual = 1e-9
    for column in table.columns:
        times = pd.DatetimeIndex(table[column].dropna().index).as_unit("ns").asi8
        usual = max(usual, float(np.median(np.diff(times))) / 6e10)
    return f"{_STEPS_MIN[int(np.abs(np.log(np.array(_STEPS_MIN) / usual)).argmin())]}min"


def _split(frame: MeterFrame, tables: MeterTables) -> tuple[MeterTables, tuple[str, ...]]:
    """Return the columns of a frame by quantity, on the stretch where every input is there."""
    table = frame.table()
    inputs = [c for c in table.columns if not c.startswith("temperature_c:")]
    known = table[inputs].notna()
    if inputs and known.any(axis=0).all():
        table = table.iloc[int(known.to_numpy().argmax(axis=0).max()) :]
        known = table[inputs].notna()
        table = table.iloc[: len(table) - int(known.to_numpy()[::-1].argmax(axis=0).max())]
    out: dict[str, pd.DataFrame] = {}
    for quantity in _UNITS:
        mine = [c for c in table.columns if c.startswith(f"{quantity}:")]
        if mine:
            out[quantity] = table[mine].set_axis([c.removeprefix(f"{quantity}:") for c in mine], axis=1)
    return MeterTables(out, tables.edges, tables.places), tuple(frame.notes)
