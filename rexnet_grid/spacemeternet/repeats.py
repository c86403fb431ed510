"""Powers that stand still and change only at every m-th step: means of longer steps, repeated.

A fit on quarter hours would take each hour's mean for the power of every quarter of it: what happened within the hour
is then laid to other meters. A thermostat's or a timer's heat also stands still, but has few levels; a load that
follows a schedule of hours cannot be told from repeated means, and loses nothing by longer steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray

_LEAST_CHANGES, _LEAST_LEVELS = 24, 10
_IN_PHASE, _OFTEN = 0.98, 0.3
_ENDINGS = {2: "nd", 3: "rd", 22: "nd", 23: "rd"}
_SAME = 1e-9
_MOSTLY, _MOST_NAMED = 0.5, 3


def held_steps(values: FloatArray) -> tuple[int, int]:
    """Return the m of readings (N,) that change only at every m-th step, and the first row of the first whole m.

    NaN are left aside; m is 1 for readings that do not stand still, or have few changes or levels.
    """
    move = np.diff(values)
    size = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    at = np.flatnonzero(np.abs(np.nan_to_num(move)) > _SAME * size)
    if len(at) < _LEAST_CHANGES or len(np.unique(np.round(values[at] / size, 9))) < _LEAST_LEVELS:
        return 1, 0
    gaps = np.diff(at)
    m = int(np.bincount(gaps).argmax())
    phases = np.bincount((at + 1) % m)
    stands = m > 1 and phases.max() >= _IN_PHASE * len(at) and np.mean(gaps == m) >= _OFTEN
    return (m, int(phases.argmax())) if stands else (1, 0)


def repeated(
    where: str, names: Sequence[str], powers: FloatArray, beside: FloatArray, index: pd.Index, how: str
) -> list[Issue]:
    """Name powers (N, columns) that are repeated while what they are to explain, ``beside`` (N, columns), moves on.

    Parameters
    ----------
    where, names
        Table and columns of the powers.
    index
        Of the rows; times tell how long the means are.
    how
        What to take of the longer steps.
    """
    steady = np.array([held_steps(column)[0] for column in beside.T])
    found: dict[tuple[int, int], list[str]] = {}
    for name, column in zip(names, powers.T, strict=True):
        m, first = held_steps(column)
        if m > 1 and np.mean(steady == m) < _MOSTLY:
            found.setdefault((m, first), []).append(name)
    out = []
    for (m, first), who in found.items():
        longer, call = _longer(index, m, first)
        more = f" and {len(who) - _MOST_NAMED} more" if len(who) > _MOST_NAMED else ""
        value = f"powers that change only every {m}{_ENDINGS.get(m, 'th')} step"
        hint = f"means of {longer} repeated? aggregate everything to {longer}: {call}, {how}"
        out.append(Issue(where, ", ".join(who[:_MOST_NAMED]) + more, value, "the mean power of each step", hint))
    return out


def _longer(index: pd.Index, m: int, first: int) -> tuple[str, str]:
    """Return how long m steps are and the call that makes them of a table, whole ones beginning at row ``first``."""
    if not isinstance(index, pd.DatetimeIndex):
        return f"{m} steps", f"groupby((np.arange(len(table)) - {first}) // {m})"
    minutes = pd.Series(index).diff().median().total_seconds() / 60.0 * m
    start = index[first]
    after = (start.hour * 60 + start.minute) % minutes
    offset = f', offset="{after:g}min"' if after else ""
    return f"{minutes:g} min", f'resample("{minutes:g}min"{offset})'
