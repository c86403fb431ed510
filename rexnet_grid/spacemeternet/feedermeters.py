"""What is wrong with single meters of a feeder: units, registers, readings that stand still or come twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_LOWEST_PU, _HIGHEST_PU = 0.7, 1.4
_LEAST_VOLT = 50.0
_MOST_KW, _LEAST_KW = 300.0, 0.02
_STANDBY_KW = 0.08
_MOST = 3
_STILL_STEPS = 96
_STILL_TIMES = 8.0
_TWIN_SHARE = 0.98
_RISES_SHARE = 0.995
_LEAST_STEPS = 24
_AWAY_PU = 0.15
_LAGS, _MEMORY = (1, 2, 3, 4), 5
_SURE, _DOMINATES, _MOST_OF_IT, _AGAINST = 6.0, 3.0, 0.5, 3.0
_EXACT, _EXACT_SHARE = 1e-4, 0.1
_LINE_TO_LINE = "a voltage between lines over that of one line, or the other way round? divide or multiply by 1.732"
_VOLT = "looks like volt: divide by 230"
_REGISTER = "a register that counts energy? take differences over the length of a step; MeterFrame does"
_STUCK = "is the meter stuck? leave it out, or those readings (NaN)"


def meter_issues(names: list[str], p: FloatArray, q: FloatArray, v: FloatArray) -> list[Issue]:
    """Return what is wrong with meters one by one; the same fault of many is told once.

    Parameters
    ----------
    names
        Of the customers.
    p, q, v
        (N, customers) readings as given [kW, kvar, p.u.], NaN where missing.
    """
    found = _voltages(names, v)
    for where, table in (("p_kw", p), ("q_kvar", q)):
        found += _powers(names, where, table)
    return found or [*_twins(names, p, v), *_reactive_late(names, p, q, v)]


def looks_like_energy(p: FloatArray) -> bool:
    """Return whether powers (N, customers) [kW] may be kilowatt-hours of a step.

    Half of the customers then withdraw less than a refrigerator and a few appliances on standby most of the time. That
    is not impossible, and voltages cannot tell: with sensitivities as many times as large the physics are the same.
    """
    usual = [float(np.median(-column[column < 0.0])) for column in p.T if (column < 0.0).any()]
    return bool(usual) and float(np.median(usual)) < _STANDBY_KW


def _voltages(names: list[str], v: FloatArray) -> list[Issue]:
    middle = np.array([_median(c) for c in v.T])
    seen = np.isfinite(middle)
    volts = seen & (middle > _LEAST_VOLT)
    band = seen & (middle > _LOWEST_PU) & (middle < _HIGHEST_PU)
    usual = float(np.median(middle[band])) if band.any() else 1.0
    phase = seen & ~volts & (~band | (np.abs(middle - usual) > _AWAY_PU)) & _by_root_three(middle)
    wrong = seen & ~volts & ~band & ~phase
    away = band & ~phase & (np.abs(middle - usual) > _AWAY_PU)
    still = np.array([_longest_still(c) for c in v.T])
    constant = seen & np.array([_constant(c) for c in v.T])
    few = np.isfinite(v).mean(axis=0) < 0.5
    said: list[tuple[Any, str, str, str]] = [
        (~seen, "no readings", "voltages; leave the customer out if there are none", ""),
        (seen & few, "readings in less than half of the rows", "voltages; leave the customer out", ""),
        (volts, "a median of {:.4g}", "per unit of the nominal voltage", _VOLT),
        (phase, "a median of {:.4g}", "per unit of the nominal voltage", _LINE_TO_LINE),
        (wrong, "a median of {:.4g}", "per unit of the nominal voltage", ""),
        (away, "a median of {:.4g}", f"about {usual:.3g} as of the others", "another nominal voltage?"),
        (constant, "always {:.4g}", "a reading that moves", _STUCK),
    ]
    found = [
        Issue("vm_pu", who, value.format(middle[k]), expected, hint)
        for at, value, expected, hint in said
        for k, who in _some(names, at)
    ]
    stuck = seen & ~constant & (still >= _STILL_STEPS) & (still > _STILL_TIMES * max(float(np.median(still)), 1.0))
    return found + [
        Issue("vm_pu", who, f"the same for {still[k]} steps", "a reading that moves", _STUCK)
        for k, who in _some(names, stuck)
    ]


def _powers(names: list[str], where: str, table: FloatArray) -> list[Issue]:
    large = np.array([_quantile(np.abs(c), 0.95) for c in table.T])
    usual = float(np.median(large[large > 0.0])) if (large > 0.0).any() else 0.0
    registers = np.array([_counts(c) for c in table.T])
    watts = ~registers & ((large > _MOST_KW) | (large > 300.0 * max(usual, 0.1)))
    constant = ~registers & np.array([_constant(c) and _median(c) != 0.0 for c in table.T])
    silent = np.array([not np.isfinite(c).any() for c in table.T])
    unit = "kW" if where == "p_kw" else "kvar"
    tiny = np.full(len(large), where == "p_kw" and 0.0 < usual < _LEAST_KW)
    said: list[tuple[Any, str, str, str]] = [
        (tiny, "up to {:.2g}", "kW of a customer on a low-voltage feeder", "looks like MW: multiply by 1000"),
        (silent, "no readings", "powers; leave the customer out if there are none", ""),
        (
            registers,
            "readings that only rise or only fall, up to {:.4g}",
            f"mean powers of the steps [{unit}]",
            _REGISTER,
        ),
        (watts, "up to {:.4g}", f"{unit} of a customer on a low-voltage feeder", "looks like watt: divide by 1000"),
        (constant, "always {:.4g}", "a reading that moves, or zero", _STUCK),
    ]
    return [
        Issue(where, who, value.format(large[k]), expected, hint)
        for at, value, expected, hint in said
        for k, who in _some(names, at)
    ]


def _twins(names: list[str], p: FloatArray, v: FloatArray) -> list[Issue]:
    """Find one meter given twice: equal powers, or equal voltages although meters are noisy."""
    out: list[Issue] = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            powers, voltages = _same(p[:, a], p[:, b]), _same(v[:, a], v[:, b])
            if powers or (voltages and _noisy(p, v, a, b)):
                where = "p_kw" if powers else "vm_pu"
                hint = "is one meter given twice?"
                out.append(Issue(where, f"{names[a]} and {names[b]}", "the same readings", "a meter for each", hint))
    return out


def _reactive_late(names: list[str], p: FloatArray, q: FloatArray, v: FloatArray) -> list[Issue]:
    """Find meters whose reactive power moves with the active one of other steps: both come from one appliance."""
    late = [_steps_late(own_p, own_q) for own_p, own_q in zip(p.T, q.T, strict=True)] if len(p) > _LEAST_STEPS else []
    late = [lag if lag and not _in_time(p, q, v, a, lag) else 0 for a, lag in enumerate(late)]
    out = []
    for lag in sorted({k for k in late if k}):
        steps = f"{abs(lag)} step{'s' * (abs(lag) > 1)} {'before' if lag > 0 else 'after'}"
        value = f"reactive powers that move with the active ones {steps}"
        hint = "shift the rows; stamps at the start of one table's steps and at the end of the other's?"
        out += [
            Issue("q_kvar", who, value, "readings of the same instants", hint)
            for _, who in _some(names, np.array(late) == lag)
        ]
    return out


def _steps_late(p: FloatArray, q: FloatArray) -> int:
    """Return how many steps q comes after p; 0 where p does not explain most of what is new in q at one lag.

    Each series passes the filter that makes it white, or its own memory would be taken for an answer (Haugh 1976,
    DOI 10.1080/01621459.1976.10480353). That a lagged correlation is many times the one in time is not enough: where
    an inverter absorbs reactive power while a load withdraws it, the latter cancels.
    """
    if not np.isfinite(p).any() or not np.isfinite(q).any():
        return 0
    white_p, white_q = _white(p), _white(q)
    found = {0: _correlation(white_p, white_q)}
    for lag in _LAGS:
        found[lag] = _correlation(white_p[:-lag], white_q[lag:])
        found[-lag] = _correlation(white_p[lag:], white_q[:-lag])
    best = max(found, key=lambda lag: abs(found[lag]))
    clear = abs(found[best]) * np.sqrt(len(white_p)) > _SURE and abs(found[best]) > _DOMINATES * abs(found[0])
    return best if clear and found[best] ** 2 > _MOST_OF_IT else 0


def _white(values: FloatArray) -> FloatArray:
    """Return what the last steps do not tell of a series."""
    centred = np.nan_to_num(values - np.nanmean(values))
    past = np.column_stack([centred[_MEMORY - k : -k or None] for k in range(_MEMORY + 1)])
    memory = np.linalg.lstsq(past[:, 1:], past[:, 0], rcond=None)[0]
    return np.convolve(centred, np.r_[1.0, -memory], "valid")


def _in_time(p: FloatArray, q: FloatArray, v: FloatArray, a: int, lag: int) -> bool:
    """Return whether the voltage of a, against the others', speaks for its p and q as they are, not for one moved."""
    others = np.delete(v, a, axis=1)
    y = v[:, a] - others.mean(axis=1) if others.size else v[:, a]
    others = np.hstack([np.delete(p, a, axis=1), np.delete(q, a, axis=1)])
    trials = [(p[:, a], q[:, a]), (p[:, a], _moved(q[:, a], lag)), (_moved(p[:, a], -lag), q[:, a])]
    known = np.isfinite(np.column_stack([y, others, *(c for trial in trials for c in trial)])).all(axis=1)
    if known.sum() < 2 * (others.shape[1] + 3):
        return False
    y, fixed = y[known], np.column_stack([np.ones(int(known.sum())), others[known]])
    left = []
    for trial in trials:
        x = np.column_stack([fixed, *(c[known] for c in trial)])
        left.append(float(((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum()))
    return bool(0.5 * len(y) * np.log(max(min(left[1:]), 1e-300) / max(left[0], 1e-300)) > _AGAINST)


def _moved(values: FloatArray, lag: int) -> FloatArray:
    """Return a series ``lag`` steps earlier, NaN where it has not begun or is over."""
    out = np.full(len(values), np.nan)
    if lag > 0:
        out[:-lag] = values[lag:]
    else:
        out[-lag:] = values[:lag]
    return out


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if len(first) < _LEAST_STEPS or first.std() == 0.0 or second.std() == 0.0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _same(first: FloatArray, second: FloatArray) -> bool:
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < _LEAST_STEPS or np.ptp(first[known]) == 0.0:
        return False
    moves = known & (first != np.nanmedian(first))
    return bool(np.mean(first[moves] == second[moves]) >= _TWIN_SHARE)


def _noisy(p: FloatArray, v: FloatArray, a: int, b: int) -> bool:
    """Return whether the voltage of a against a third customer's is more than all powers explain: meters have noise.

    Without noise, as in a simulation, two customers on one pole do read the same.
    """
    third = next((k for k in range(v.shape[1]) if k not in {a, b} and not _same(v[:, a], v[:, k])), None)
    whole = np.isfinite(p).all(axis=1) & np.isfinite(v).all(axis=1)
    if third is None or whole.sum() < 2 * p.shape[1]:
        return True
    x = np.column_stack([p[whole], np.ones(int(whole.sum()))])
    apart = v[whole, a] ** 2 - v[whole, third] ** 2
    away = apart - x @ np.linalg.lstsq(x, apart, rcond=None)[0]
    return bool(away.std() > max(_EXACT, _EXACT_SHARE * apart.std()))


def _counts(values: FloatArray) -> bool:
    """Return whether readings only ever rise, or only ever fall, and do so: a register."""
    known = values[np.isfinite(values)]
    steps = np.diff(known)
    moving = steps[steps != 0.0]
    if len(moving) < _LEAST_STEPS or len(moving) < 0.2 * len(steps):
        return False
    return bool(max(np.mean(moving > 0.0), np.mean(moving < 0.0)) >= _RISES_SHARE)


def _by_root_three(middle: FloatArray) -> Any:
    ratio = np.sqrt(3.0)
    with np.errstate(invalid="ignore"):
        return (np.abs(middle - ratio) < 0.15) | (np.abs(middle - 1.0 / ratio) < 0.06)


def _longest_still(values: FloatArray) -> int:
    """Return the most steps in a row without a change among the readings that are there."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return 0
    changes = np.r_[0, np.flatnonzero(np.diff(known)) + 1, len(known)]
    return int(np.diff(changes).max()) - 1


def _constant(values: FloatArray) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 0 and float(np.ptp(known)) == 0.0


def _median(values: FloatArray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _quantile(values: FloatArray, share: float) -> float:
    return float(np.nanquantile(values, share)) if np.isfinite(values).any() else 0.0


def _some(names: list[str], at: Any) -> list[tuple[int, str]]:
    """Return index and name of those marked; beyond three, the first stands for all."""
    marked = np.flatnonzero(at).tolist()
    if len(marked) <= _MOST:
        return [(k, names[k]) for k in marked]
    return [(marked[0], f"{names[marked[0]]} and {len(marked) - 1} more")]
