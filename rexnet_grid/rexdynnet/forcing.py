"""From what a user hands in (numbers, Series, DataFrames) to arrays on the steps of a simulation, checked."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray

MAX_STEP_S = 900.0
LARGEST_KG_S = 1e5


def seconds_since(start: pd.Timestamp, index: pd.DatetimeIndex) -> FloatArray:
    """Return the seconds from ``start`` to each stamp."""
    return np.asarray((index - start).total_seconds(), dtype=np.float64)


def step_means(values: pd.DataFrame | pd.Series, edges: pd.DatetimeIndex) -> FloatArray:
    """Return the mean over each step of values that hold from their stamp to the next, (n_steps, n_columns).

    The first value holds before its stamp, the last one for ever: whether they cover the steps is asked before.
    """
    table = values.to_frame() if isinstance(values, pd.Series) else values
    data = table.to_numpy(dtype=np.float64)
    known = seconds_since(edges[0], pd.DatetimeIndex(table.index))
    edge = seconds_since(edges[0], edges)
    integral = np.vstack([np.zeros(data.shape[1]), np.cumsum(data[:-1] * np.diff(known)[:, None], axis=0)])
    place = np.clip(np.searchsorted(known, edge, side="right") - 1, 0, len(known) - 1)
    total = integral[place] + data[place] * (edge - known[place])[:, None]
    means: FloatArray = np.diff(total, axis=0) / np.diff(edge)[:, None]
    same = (place[1:] == place[:-1]) | ((place[1:] == place[:-1] + 1) & (known[place[1:]] == edge[1:]))
    means[same] = data[place[:-1][same]]
    return means


def table(name: str, given: Any, columns: Sequence[str], edges: pd.DatetimeIndex, issues: list[Issue]) -> FloatArray:
    """Return forcing as an array (n_steps, n_columns).

    Parameters
    ----------
    name
        Argument's name, for messages.
    given
        A number, a Series over time or over ``columns``, a mapping by column, or a DataFrame over time.
    columns
        Wanted columns.
    edges
        (n_steps + 1,) edges of the steps.
    issues
        Everything wrong is appended here.
    """
    steps = len(edges) - 1
    wrong = _unreadable(name, given, columns, edges)
    if wrong is not None:
        issues.append(wrong)
        return np.zeros((steps, len(columns)))
    if isinstance(given, pd.DataFrame):
        missing = [column for column in columns if column not in given.columns]
        if missing:
            issues.append(Issue(name, "columns", "missing " + ", ".join(missing[:5]), "a column for each of them"))
            return np.zeros((steps, len(columns)))
        values = step_means(given[list(columns)], edges)
    elif isinstance(given, pd.Series) and isinstance(given.index, pd.DatetimeIndex):
        values = np.repeat(step_means(given, edges), len(columns), axis=1)
    elif isinstance(given, (pd.Series, dict)):
        missing = [column for column in columns if column not in given]
        if missing:
            issues.append(Issue(name, "entries", "missing " + ", ".join(missing[:5]), "an entry for each of them"))
            return np.zeros((steps, len(columns)))
        values = np.tile(np.array([float(given[column]) for column in columns]), (steps, 1))
    else:
        array = np.asarray(given, dtype=np.float64)
        values = np.broadcast_to(array[:, None] if array.shape == (steps,) != (len(columns),) else array,
                                 (steps, len(columns))).copy()  # fmt: skip
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        issues.append(
            Issue(name, f"{columns[column]} at {edges[row]}", str(values[row, column]), "finite numbers everywhere",
                  f"{int(bad.sum())} values are not; fill them first")
        )  # fmt: skip
    return np.ascontiguousarray(values)


def _unreadable(name: str, given: Any, columns: Sequence[str], edges: pd.DatetimeIndex) -> Issue | None:
    """Return what keeps a value from being a table of numbers over time: text, stamps without order, another zone."""
    steps = len(edges) - 1
    index = given.index if isinstance(given, (pd.DataFrame, pd.Series)) else None
    over_time = isinstance(given, pd.DataFrame) or (
        index is not None and any(isinstance(i, datetime) for i in index[:1])
    )
    if over_time and not isinstance(index, pd.DatetimeIndex):
        hint = "stamps of several time zones or as text: pd.to_datetime(..., utc=True) makes one of them"
        return Issue(name, "index", type(given.index).__name__, "a DatetimeIndex", hint)
    if isinstance(index, pd.DatetimeIndex):
        wrong = _wrong_stamps(name, index, edges)
        if wrong is not None:
            return wrong
    try:
        if isinstance(given, pd.DataFrame):
            given[[c for c in columns if c in given.columns]].to_numpy(dtype=np.float64)
        elif isinstance(given, dict):
            [float(value) for value in given.values()]
        else:
            shape = np.asarray(given, dtype=np.float64).shape
            if index is None and shape not in ((), (1,), (len(columns),), (steps,), (steps, len(columns))):
                return Issue(name, "shape", str(shape), f"a number, {len(columns)} values or ({steps}, {len(columns)})")
    except (TypeError, ValueError) as error:
        return Issue(name, "values", str(error), "numbers")
    return None


def _wrong_stamps(name: str, index: pd.DatetimeIndex, edges: pd.DatetimeIndex) -> Issue | None:
    """Return what keeps stamps from covering a run: no order, another zone, a beginning or an end within it.

    The last value holds as long as the one before it, or as most do if that is longer; a single one for ever.
    """
    if len(index) == 0 or index.hasnans:
        return Issue(
            name, "index", f"{len(index)} stamps, {np.count_nonzero(index.isna())} of them NaT", "a time in each row"
        )
    falls = np.flatnonzero(index[1:] <= index[:-1])
    if len(falls):
        row = int(falls[0]) + 1
        value, expected = f"{index[row]} after {index[row - 1]}, row {row}", "stamps that rise"
        return Issue(name, "index", value, expected, "sort them and drop repeated ones")
    if (index.tz is None) != (edges.tz is None):
        hint = "tz_localize gives it one, tz_localize(None) takes it away"
        return Issue(name, "index", f"time zone {index.tz}", f"as start and end have it, {edges.tz}", hint)
    gaps = np.diff(index.to_numpy(dtype="datetime64[ns]").astype(np.int64))
    end = index[-1] + pd.Timedelta(int(max(gaps[-1], np.median(gaps)))) if len(gaps) else edges[-1]
    missing = edges[0] if index[0] > edges[0] else end if end < edges[-1] else None
    if missing is None:
        return None
    covered = f"{index[0]} to {end}; the first time without a value is {missing}"
    expected = f"a value for all of the run's time, {edges[0]} to {edges[-1]}"
    return Issue(name, "index", covered, expected, "a number holds for all time; a table ends with a row at the end")


def check_liquid(
    where: str, supply_c: FloatArray, return_c: FloatArray, nodes: Sequence[str], stamps: Sequence[object]
) -> None:
    """Raise where water came to freeze, which the model does not know.

    Parameters
    ----------
    where
        For the message.
    supply_c, return_c
        (n_steps, n_nodes) [degC].
    nodes, stamps
        Names of nodes and steps.

    Raises
    ------
    NetworkDataError
        With the first node and step on each side.
    """
    if supply_c.min() >= FREEZING_C and return_c.min() >= FREEZING_C:
        return
    issues = []
    for side, values in (("supply", supply_c), ("return", return_c)):
        below = np.argwhere(~(values >= FREEZING_C))
        if len(below):
            step, node = below[0]
            issues.append(
                Issue(where, f"{side} water at {nodes[node]}, {stamps[step]}", f"{values[step, node]:.1f} degC",
                      f"at least {FREEZING_C:g} degC",
                      "standing pipes cool to the ground; heat and flow handed in together give the return temperature")
            )  # fmt: skip
    raise NetworkDataError(issues)


def check_range(name: str, values: FloatArray, low: float, high: float, unit: str, issues: list[Issue]) -> None:
    """Append an issue when a value lies outside ``low`` to ``high``."""
    finite = values[np.isfinite(values)]
    outside = finite[(finite < low) | (finite > high)]
    if outside.size:
        issues.append(Issue(name, "values", f"{outside[0]:g} {unit}", f"{low:g} to {high:g} {unit}"))


def check_water(name: str, values: FloatArray, issues: list[Issue]) -> None:
    """Append an issue when water would freeze or boil."""
    check_range(name, values, FREEZING_C, BOILING_C, "degC", issues)


def raise_if(issues: list[Issue]) -> None:
    """Raise everything found.

    Raises
    ------
    NetworkDataError
        When there is any issue.
    """
    if issues:
        raise NetworkDataError(issues)
