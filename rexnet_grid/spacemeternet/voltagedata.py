"""The readings of a feeder, checked: units, signs, stuck and missing meters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_LOWEST_PU, _HIGHEST_PU = 0.5, 1.5
_LEAST_VOLT = 50.0
_MOST_KW = 300.0
_ROWS_PER_CUSTOMER = 4
_SURE = 6.0
_MOST = 3


def voltage_arrays(p_kw: Any, q_kvar: Any, vm_pu: Any) -> tuple[tuple[str, ...], FloatArray, FloatArray, FloatArray]:
    """Check the tables and return the customers' names and the complete rows of P, Q and V.

    Raises
    ------
    MeterDataError
        With an issue for each fault: columns that differ, volts, watts, loads counted positive, stuck meters, few rows.
    """
    p, v = pd.DataFrame(p_kw), pd.DataFrame(vm_pu)
    q = pd.DataFrame(q_kvar) if q_kvar is not None else p * 0.0
    issues: list[Issue] = []
    names = [str(c) for c in v.columns]
    if not names:
        raise MeterDataError([Issue("vm_pu", "columns", "none", "one column a customer")])
    for where, table in (("p_kw", p), ("q_kvar", q)):
        if [str(c) for c in table.columns] != names:
            issues.append(Issue(where, "columns", _differ(table, names), "the customers of vm_pu, in the same order"))
        if len(table) != len(v):
            issues.append(Issue(where, "rows", str(len(table)), f"{len(v)} as in vm_pu"))
    if issues:
        raise MeterDataError(issues)
    arrays = [t.to_numpy(dtype=float) for t in (p, q, v)]
    issues += _meters(names, arrays[0], arrays[2])
    complete = np.isfinite(np.hstack(arrays)).all(axis=1)
    if not issues and complete.sum() < _ROWS_PER_CUSTOMER * len(names):
        least = f"at least {_ROWS_PER_CUSTOMER * len(names)} complete rows, {_ROWS_PER_CUSTOMER} a customer"
        issues.append(Issue("vm_pu", "rows", str(int(complete.sum())), least))
    rows = [a[complete] for a in arrays]
    if not issues and len(names) > 1 and _turned(rows[0], rows[2]):
        hint = "multiply p_kw by -1 if withdrawals are positive in your file"
        value = "voltages that fall where it rises"
        issues.append(Issue("p_kw", "sign", value, "injections, positive into the network", hint))
    if issues:
        raise MeterDataError(issues)
    return tuple(names), rows[0], rows[1], rows[2]


def _meters(names: list[str], p: FloatArray, v: FloatArray) -> list[Issue]:
    """Return what is wrong with single meters; the same fault of many is told once."""
    issues: list[Issue] = []
    middle = np.array([np.nanmedian(c) if np.isfinite(c).any() else np.nan for c in v.T])
    missing, volts = np.isnan(middle), middle > _LEAST_VOLT
    wrong = ~missing & ~volts & ~((middle > _LOWEST_PU) & (middle < _HIGHEST_PU))
    stuck = ~missing & (np.array([np.ptp(c[np.isfinite(c)]) if np.isfinite(c).any() else 1.0 for c in v.T]) == 0.0)
    large = np.array([np.nanquantile(np.abs(c), 0.95) if np.isfinite(c).any() else 0.0 for c in p.T])
    said = [
        ("vm_pu", missing, "no readings", "voltages; leave the customer out if there are none", ""),
        ("vm_pu", volts, "a median of {:.4g}", "per unit of the nominal voltage", "looks like volt: divide by 230"),
        ("vm_pu", wrong, "a median of {:.4g}", "per unit of the nominal voltage", ""),
        ("vm_pu", stuck, "always {:.4g}", "a reading that moves", "is the meter stuck? leave it out"),
    ]
    for where, at, value, expected, hint in said:
        issues += [Issue(where, who, value.format(middle[k]), expected, hint) for k, who in _some(names, at)]
    watts = large > _MOST_KW
    hint = "looks like watt: divide by 1000"
    issues += [
        Issue("p_kw", who, f"up to {large[k]:.4g}", "kW of a customer on a low-voltage feeder", hint)
        for k, who in _some(names, watts)
    ]
    return issues


def _some(names: list[str], at: Any) -> list[tuple[int, str]]:
    """Return index and name of those marked; beyond three, the first stands for all."""
    marked = np.flatnonzero(at).tolist()
    if len(marked) <= _MOST:
        return [(k, names[k]) for k in marked]
    return [(marked[0], f"{names[marked[0]]} and {len(marked) - 1} more")]


def _turned(p: FloatArray, v: FloatArray) -> bool:
    """Return whether customers' voltages fall, against the others', when what they inject rises."""
    own_p, own_v = p - p.mean(axis=0), v - v.mean(axis=0)
    own_v = own_v - own_v.mean(axis=1, keepdims=True)
    products = (own_p / np.maximum(own_p.std(axis=0), 1e-12) * own_v / np.maximum(own_v.std(axis=0), 1e-12)).sum(axis=1)
    return bool(products.mean() < -_SURE * products.std() / np.sqrt(len(products)))


def _differ(table: pd.DataFrame, names: list[str]) -> str:
    mine = [str(c) for c in table.columns]
    odd = [f"no {n}" for n in names if n not in mine] + [f"also {m}" for m in mine if m not in names]
    return ", ".join(odd[: 2 * _MOST]) or "another order"
