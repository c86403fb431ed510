"""The readings of a feeder, checked: units, signs, stuck, missing, doubled, exchanged and late meters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.belonging import Answers, over_others
from rexnet_grid.spacemeternet.drift import drifting, in_words
from rexnet_grid.spacemeternet.feedermeters import looks_like_energy, meter_issues
from rexnet_grid.spacemeternet.followers import followers
from rexnet_grid.spacemeternet.gaps import ROWS_A_CUSTOMER, fill
from rexnet_grid.spacemeternet.losses import lost_by_size
from rexnet_grid.spacemeternet.mending import mendings
from rexnet_grid.spacemeternet.onephase import OnePhase
from rexnet_grid.spacemeternet.repeats import repeated

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feederreadings import Mending
    from rexnet_grid.spacemeternet.gaps import Gaps
    from rexnet_grid.spacemeternet.kalman import BoolArray

_ROWS_PER_CUSTOMER = 4
_ROWS_TO_COMPARE = 6
_MOSTLY, _USEFUL_ROW, _MOST_LOST = 0.8, 0.5, 0.35
_SURE = 6.0
_SCALES = {
    1000.0: "MW or MWh",
    4.0: "kWh of a quarter hour",
    2.0: "kWh of half an hour",
    0.5: "counted twice",
    0.25: "a current transformer's ratio",
}
_LEAST_TO_COMPARE, _MOST_NAMED = 3, 3
_MEANS = "the mean of each of p_kw, q_kvar and vm_pu"
_BY_SIZE = (
    "readings of p_kw are lost where powers are {}: what is left is no fair sample, so signs, units, clocks and phases "
    "were not checked, no branch is called present, and sensitivities may be off by more than their standard errors; "
    "send small and large values too"
)
_FOLLOWS = (
    "reactive powers of {} follow the voltage (inverters on Q(V)?): what a kvar does to all voltages alike is taken "
    "from what transformers usually are"
)
_MOST_PER_KW, _MUCH_PER_KW, _TIMES_USUAL = 0.05, 0.005, 50.0


@dataclass(frozen=True, slots=True)
class FeederReadings:
    """Readings of a feeder's customers.

    Attributes
    ----------
    names
        (n,) of the customers.
    p, q, v
        (N, n) injections and voltages [kW, kvar, p.u.], without gaps.
    gaps
        What is not known of them if some had to be filled.
    remarks
        What a user should know of them.
    phases
        What speaks against all customers being on one phase.
    energies
        Whether the powers may be energies of a step.
    fair
        Whether it does not depend on their size that readings are lost.
    follows
        (n,) whose reactive power follows the voltage.
    """

    names: tuple[str, ...]
    p: FloatArray
    q: FloatArray
    v: FloatArray
    gaps: Gaps | None
    remarks: tuple[str, ...]
    phases: OnePhase
    energies: bool
    fair: bool
    follows: BoolArray


def voltage_arrays(p_kw: Any, q_kvar: Any, vm_pu: Any) -> FeederReadings:
    """Check the tables and return the customers' P, Q and V.

    Tables with times as index are brought together by their times, columns by their names. Where most rows are
    complete the others are left out; otherwise what is missing is filled (:mod:`rexnet_grid.spacemeternet.gaps`).

    Raises
    ------
    MeterDataError
        With an issue for each fault: columns that differ, volts, watts, registers, loads counted positive, meters that
        are stuck, doubled, exchanged or late, powers repeated over several steps, few rows.
    """
    p, v = pd.DataFrame(p_kw), pd.DataFrame(vm_pu)
    q = pd.DataFrame(q_kvar) if q_kvar is not None else p * 0.0
    names = [str(c) for c in v.columns]
    if not names:
        raise MeterDataError([Issue("vm_pu", "columns", "none", "one column a customer")])
    p, q, v = _together(p, q, v, names)
    arrays = [t.to_numpy(dtype=float, na_value=np.nan) for t in (p, q, v)]
    issues = meter_issues(names, *arrays) or _repeated(names, arrays, v.index)
    rows, gaps, remarks = _without_gaps(arrays) if not issues else (arrays, None, ())
    count = len(rows[0])
    if not issues and count < _ROWS_PER_CUSTOMER * len(names):
        least = (
            f"at least {_ROWS_PER_CUSTOMER * len(names)} complete rows, {_ROWS_PER_CUSTOMER} a customer, or "
            f"{ROWS_A_CUSTOMER * len(names)} of which at most {_MOST_LOST:.0%} is missing"
        )
        issues.append(Issue("vm_pu", "rows", str(count), least))
    if not issues and len(names) > 1 and _turned(rows[0], rows[2]):
        hint = "multiply p_kw by -1 if withdrawals are positive in your file"
        value = "voltages that fall where it rises"
        issues.append(Issue("p_kw", "sign", value, "injections, positive into the network", hint))
    if not issues and count >= _ROWS_TO_COMPARE * len(names):
        issues += _megawatts(names, rows[0], rows[2])
    unknown = gaps.unknown([np.arange(count)])[0] if gaps is not None else None
    phases = OnePhase.of(rows[0], rows[1], rows[2], unknown) if not issues else None
    by_size = lost_by_size(arrays[0]) if not issues else ""
    if phases is not None:
        issues += phases.issues(names) if not by_size else []
        remarks += phases.remarks
    if not issues:
        issues += [
            Issue(
                "vm_pu", names[a], in_words(first, last), "readings of the same instants", "set its clock; leave it out"
            )
            for a, first, last in drifting(rows[2])
        ]
    follows = followers(*rows)
    remarks += _following(names, follows)
    if by_size:
        remarks += (_BY_SIZE.format(by_size),)
    elif not issues and count >= _ROWS_TO_COMPARE * len(names):
        apart = phases is not None and phases.apart
        found = mendings(rows[0], rows[1], rows[2], unknown, follows)
        issues += [_told(m, names) for m in found if not (apart and m.kind == "scale")]
    if issues or phases is None:
        raise MeterDataError(issues)
    said = tuple(names), rows[0], rows[1], rows[2], gaps, remarks, phases
    return FeederReadings(*said, looks_like_energy(rows[0]), not by_size, follows)


def _following(names: list[str], follows: BoolArray) -> tuple[str, ...]:
    return (_FOLLOWS.format(some([names[a] for a in np.flatnonzero(follows)])),) if follows.any() else ()


def _repeated(names: list[str], arrays: list[FloatArray], index: pd.Index) -> list[Issue]:
    """Return which powers are means of several steps, given again at each of them."""
    powers = zip(("p_kw", "q_kvar"), arrays, strict=False)
    return [issue for where, table in powers for issue in repeated(where, names, table, arrays[2], index, _MEANS)]


def _without_gaps(arrays: list[FloatArray]) -> tuple[list[FloatArray], Gaps | None, tuple[str, ...]]:
    """Return the complete rows if they are most; otherwise the rows of which half is there, filled."""
    there = np.isfinite(np.hstack(arrays))
    complete, n = there.all(axis=1), arrays[0].shape[1]
    useful = there.mean(axis=1) >= _USEFUL_ROW
    lost = 1.0 - float(there[useful].mean()) if useful.any() else 1.0
    if complete.sum() >= _MOSTLY * useful.sum() or useful.sum() < ROWS_A_CUSTOMER * n or lost > _MOST_LOST:
        return [a[complete] for a in arrays], None, ()
    told = f"{lost:.0%} of the readings in {useful.sum()} rows are missing and were filled with what the others say"
    *rows, gaps = fill(*(a[useful] for a in arrays))
    return rows, gaps, (told,)


def in_order(where: str, table: Any, names: tuple[str, ...]) -> pd.DataFrame:
    """Return a table with the customers' columns in the order of ``names``; bare arrays are taken as they are.

    Raises
    ------
    MeterDataError
        If the columns are others, or one is given twice.
    """
    if not isinstance(table, pd.DataFrame):
        return pd.DataFrame(table, columns=list(names))
    columns = [str(c) for c in table.columns]
    if sorted(columns) != sorted(names):
        value = _differ(columns, list(names)) or "a name given twice"
        raise MeterDataError([Issue(where, "columns", value, "the customers of the fit")])
    return table.set_axis(columns, axis=1)[list(names)]


def _together(
    p: pd.DataFrame, q: pd.DataFrame, v: pd.DataFrame, names: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the tables with the customers of ``v`` in its order, on the times that all have."""
    tables = _by_name({"p_kw": p, "q_kvar": q, "vm_pu": v}, names)
    timed = [isinstance(t.index, pd.DatetimeIndex) for t in tables.values()]
    if all(timed) and not (p.index.equals(v.index) and q.index.equals(v.index)):
        zones = {str(pd.DatetimeIndex(t.index).tz) for t in tables.values()}
        if len(zones) > 1:
            value = ", ".join(sorted(zones))
            raise MeterDataError(
                [Issue("vm_pu", "time zone", value, "one time zone", "None is local time: localise it")]
            )
        times = v.index.intersection(p.index).intersection(q.index).sort_values()
        if len(times) == 0:
            span = f"{v.index[0]} to {v.index[-1]}" if len(v) else "no rows"
            raise MeterDataError([Issue("vm_pu", "times", span, "times that p_kw and q_kvar have too")])
        return tables["p_kw"].loc[times], tables["q_kvar"].loc[times], tables["vm_pu"].loc[times]
    lengths = [Issue(w, "rows", str(len(t)), f"{len(v)} as in vm_pu") for w, t in tables.items() if len(t) != len(v)]
    if lengths:
        raise MeterDataError(lengths)
    return tables["p_kw"], tables["q_kvar"], tables["vm_pu"]


def _by_name(tables: dict[str, pd.DataFrame], names: list[str]) -> dict[str, pd.DataFrame]:
    """Return the tables with the customers in the order of ``names``, each column and each instant there once."""
    issues: list[Issue] = []
    out = dict(tables)
    for where, table in tables.items():
        columns = [str(c) for c in table.columns]
        twice = sorted({c for c in columns if columns.count(c) > 1})
        if twice:
            issues.append(Issue(where, ", ".join(twice), "a name given twice", "one column a customer"))
        elif set(columns) != set(names):
            issues.append(Issue(where, "columns", _differ(columns, names), "the customers of vm_pu"))
        elif columns != names:
            out[where] = table.set_axis(columns, axis=1)[names]
        if isinstance(table.index, pd.DatetimeIndex) and not table.index.is_unique:
            value = f"{table.index[table.index.duplicated()][0]} given twice"
            hint = "local time where clocks change? localise it; or drop the rows that come again"
            issues.append(Issue(where, "times", value, "each instant once", hint))
    if issues:
        raise MeterDataError(issues)
    return out


def _told(found: Mending, names: list[str]) -> Issue:
    """Return a fault as a sentence."""
    a, b, late = names[found.a], names[found.b], found.steps
    steps = f"{abs(late)} step{'s' * (abs(late) != 1)} {'late' if late > 0 else 'early'}"
    again = "shift the rows; local time and UTC mixed, or stamps at the end of one table's steps?"
    if found.kind == "exchange":
        value = "each voltage answers to the other's power"
        hint = "are two columns swapped? neighbours cannot be told apart: it may be one next door"
        return Issue("vm_pu", f"{a} and {b}", value, "voltage and power of the same customer", hint)
    if found.kind == "turn":
        value = "its voltage falls when it injects"
        return Issue(
            "p_kw", a, value, "injections, positive into the network", f"multiply p_kw and q_kvar of {a} by -1"
        )
    if found.kind == "scale":
        value = f"powers that move voltages as if they were {found.factor:g} times as much"
        hint = f"multiply p_kw and q_kvar of {a} by {found.factor:g}: {_SCALES[found.factor]}?"
        return Issue("p_kw", a, value, "kW, as of the others", hint)
    if found.kind in {"turn reactive", "all reactive"}:
        who = a if found.kind == "turn reactive" else "all customers"
        value = "voltages that fall where it rises"
        hint = f"multiply q_kvar of {who} by -1: inductive loads withdraw, they are negative"
        return Issue("q_kvar", who, value, "injections, positive into the network", hint)
    if found.kind in {"all active", "all powers"}:
        tables = "p_kw" if found.kind == "all active" else "p_kw and q_kvar"
        hint = f"multiply {tables} by -1 if withdrawals are positive in your file"
        return Issue("p_kw", "sign", "voltages that fall where it rises", "injections, positive into the network", hint)
    if found.kind in {"late powers", "late reactive"}:
        where, others = ("p_kw", "q_kvar") if found.kind == "late powers" else ("q_kvar", "p_kw")
        value = f"powers {steps} against {others} and vm_pu"
        return Issue(where, "all customers", value, "readings of the same instants", again)
    if found.kind == "late power":
        hint = f"move p_kw and q_kvar of {a}, or is its voltage moved the other way?"
        return Issue("p_kw", a, f"powers {steps} against its voltage", "readings of the same instants", hint)
    who = {"late voltages": "all customers", "late voltage": a, "late meter": a}[found.kind]
    what = {
        "late voltages": f"voltages that answer {steps} to the powers",
        "late voltage": f"a voltage that answers {steps} to its own power",
        "late meter": f"a voltage {steps} against the others'",
    }[found.kind]
    return Issue("vm_pu", who, what, "readings of the same instants", again)


def _megawatts(names: list[str], p: FloatArray, v: FloatArray) -> list[Issue]:
    """Return the customers whose kilowatt moves their voltage more, against the others', than any cable lets it.

    On 400 V, five percent a kilowatt are 8 ohms; where not all powers are in megawatts, the usual kilowatt tells.
    """
    if len(names) < _LEAST_TO_COMPARE:
        return []
    answers = Answers.of(p - p.mean(axis=0), v**2 - (v**2).mean(axis=0))
    effect, t = 0.5 * over_others(answers.effect), answers.own()
    together = np.median(effect) > _MOST_PER_KW and t.sum() > _SURE * np.sqrt(len(t))
    usual = float(np.median(np.maximum(effect, 0.0)))
    absurd = np.full(len(t), together) | (t > _SURE) & (
        (effect > _MOST_PER_KW) | ((effect > _TIMES_USUAL * usual) & (effect > _MUCH_PER_KW))
    )
    expected = "at most a few percent a kW on a low-voltage feeder"
    hint = "looks like MW or MWh: kW are wanted; multiply by 1000"
    found = [
        (names[a], f"powers of which one kW moves the voltage by {max(effect[a], np.median(effect)):.0%}")
        for a in np.flatnonzero(absurd).tolist()
    ]
    if len(found) > _MOST_NAMED:
        found = [(f"{found[0][0]} and {len(found) - 1} more", found[0][1])]
    return [Issue("p_kw", who, value, expected, hint) for who, value in found]


def _turned(p: FloatArray, v: FloatArray) -> bool:
    """Return whether customers' voltages fall, against the others', when what they inject rises."""
    own_p, own_v = p - p.mean(axis=0), v - v.mean(axis=0)
    own_v = own_v - own_v.mean(axis=1, keepdims=True)
    products = (own_p / np.maximum(own_p.std(axis=0), 1e-12) * own_v / np.maximum(own_v.std(axis=0), 1e-12)).sum(axis=1)
    return bool(products.mean() < -_SURE * products.std() / np.sqrt(len(products)))


def some(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _differ(columns: list[str], names: list[str]) -> str:
    """Return which columns are missing or unknown."""
    missing, unknown = [c for c in names if c not in columns], [c for c in columns if c not in names]
    said = [f"without {', '.join(missing[:5])}"] if missing else []
    return "; ".join([*said, f"unknown {', '.join(unknown[:5])}"] if unknown else said)
