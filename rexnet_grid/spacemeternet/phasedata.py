"""The voltages that phases are told from, checked: stuck, silent and doubled meters, units, clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.drift import drifting, in_words
from rexnet_grid.spacemeternet.timing import off_clock

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_LEAST_SHARE = 0.5
_FEWEST_ROWS = 10
_TWIN_SHARE = 0.98
_ROOT_THREE = 1.7320508
_NEAR = 0.06
_SURE = 6.0


def phase_tables(customers: pd.DataFrame, busbar: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the two tables on the same instants.

    Raises
    ------
    MeterDataError
        With an issue for each fault: rows that differ, meters that are stuck, silent, doubled or late.
    """
    timed = [isinstance(t.index, pd.DatetimeIndex) and t.index.is_unique for t in (customers, busbar)]
    if all(timed) and not customers.index.equals(busbar.index):
        times = customers.index.intersection(busbar.index)
        customers, busbar = customers.loc[times], busbar.loc[times]
    if len(customers) != len(busbar) or len(customers) < _FEWEST_ROWS:
        expected = f"as many as v_customers ({len(customers)}), ten at least"
        raise MeterDataError([Issue("v_busbar", "rows", str(len(busbar)), expected)])
    issues = _silent("v_customers", customers) + _silent("v_busbar", busbar)
    if not issues:
        issues = [
            *_same_phases(busbar),
            *_levels(customers, busbar),
            *_late(customers, busbar),
        ]
    if issues:
        raise MeterDataError(issues)
    return customers, busbar


def _silent(where: str, table: pd.DataFrame) -> list[Issue]:
    """Name every meter that shows nothing, or always the same."""
    issues = []
    for name, column in table.items():
        known = column.to_numpy(dtype=float)
        known = known[np.isfinite(known)]
        if len(known) < _LEAST_SHARE * len(table):
            value = f"{len(known)} of {len(table)} readings"
            issues.append(Issue(where, str(name), value, "at least half of them; leave it out otherwise"))
        elif where == "v_customers" and np.ptp(known) == 0.0:
            hint = "is the meter stuck?"
            issues.append(Issue(where, str(name), f"always {known[0]:g}", "a reading that moves", hint))
    return issues


def doubled(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the columns that read the same: one meter given twice or, without noise, customers on one pole."""
    values, names = table.to_numpy(dtype=float), [str(c) for c in table.columns]
    out = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            moves = np.isfinite(values[:, a]) & (values[:, a] != np.nanmedian(values[:, a]))
            if moves.sum() >= _FEWEST_ROWS and np.mean(values[moves, a] == values[moves, b]) >= _TWIN_SHARE:
                out.append((names[a], names[b]))
    return out


def _same_phases(busbar: pd.DataFrame) -> list[Issue]:
    """Name two phases of the busbar that are one: nothing could tell them apart."""
    hint = "is one phase given twice?"
    return [
        Issue("v_busbar", f"{a} and {b}", "the same readings", "a meter for each phase", hint)
        for a, b in doubled(busbar)
    ]


def _levels(customers: pd.DataFrame, busbar: pd.DataFrame) -> list[Issue]:
    """Name voltages between two lines beside voltages of one: each of them follows two phases."""
    level = float(np.nanmedian(busbar.to_numpy(dtype=float)))
    out = []
    for name, column in customers.items():
        ratio = float(np.nanmedian(column.to_numpy(dtype=float))) / level if level else 1.0
        if min(abs(ratio * _ROOT_THREE - 1.0), abs(ratio / _ROOT_THREE - 1.0)) < _NEAR:
            value = f"{ratio:.2f} times the busbar's voltage"
            hint = "voltages between lines and to neutral mixed? phases need those to neutral"
            out.append(Issue("v_customers", str(name), value, "the same kind of voltage", hint))
    return out[:1] if len(out) == len(customers.columns) else out


def _late(customers: pd.DataFrame, busbar: pd.DataFrame) -> list[Issue]:
    """Name all meters if late against the busbar's, else each whose voltage moves with the others' some steps later."""
    own, phases = _filled(customers), _filled(busbar)
    hint = "is its clock wrong, or in another time zone? shift the rows"
    means = np.column_stack([phases.mean(axis=1), *[own.mean(axis=1)] * 2])
    found = [steps for column, steps in off_clock(means, _SURE) if column == 0]
    if found:
        value = f"voltages {abs(found[0])} steps {'late' if found[0] > 0 else 'early'} against the customers'"
        return [Issue("v_busbar", "all phases", value, "readings of the same instants", hint)]
    out = [
        Issue("v_customers", str(customers.columns[a]), in_words(first, last), "readings of the same instants", hint)
        for a, first, last in drifting(np.hstack([own, phases]))
        if a < own.shape[1]
    ]
    if out:
        return out
    for a, steps in dict(reversed(off_clock(np.hstack([own, phases]), _SURE))).items():
        if a < own.shape[1]:
            value = f"a voltage {abs(steps)} steps {'late' if steps > 0 else 'early'} against the others'"
            out.append(Issue("v_customers", str(customers.columns[a]), value, "readings of the same instants", hint))
    return out


def _filled(table: pd.DataFrame) -> FloatArray:
    values = table.to_numpy(dtype=float)
    return np.asarray(np.nan_to_num(values - np.nanmean(values, axis=0)))
