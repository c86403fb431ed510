"""Whether a feeder's meters keep the same time: whose voltage answers steps later than it should.

A voltage moves in the same instant as the power behind it. Two screens find whose does not, both by what is delayed
being significant and a multiple of what is not: the delayed power of a customer in the regression of its voltage on all
powers, and the correlation of a voltage's steps with those of the others. What they find is put to the test of the
tree's likelihood in :mod:`rexnet_grid.spacemeternet.mending`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.belonging import Answers, block_starts, over_others, t_statistic

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_LAGS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 24)
SCREEN = 4.0
_DOMINATES = 3.0
_LARGE = 0.2
_SHARE_OF_ROWS = 10
_LAGS_OF_ONE = 3


def lags(rows: int) -> list[int]:
    """Return the delays to try, in steps, either way."""
    return [sign * k for k in _LAGS if k < rows // _SHARE_OF_ROWS for sign in (1, -1)]


def shifted(values: FloatArray, lag: int) -> FloatArray:
    """Return the rows (N - abs(lag), …) that come ``lag`` steps before those of :func:`kept`."""
    return values[:-lag] if lag > 0 else values[-lag:]


def kept(values: FloatArray, lag: int) -> FloatArray:
    """Return the rows that have one ``lag`` steps before them."""
    return values[lag:] if lag > 0 else values[:lag]


def late(u: FloatArray, y: FloatArray) -> list[tuple[int, int]]:
    """Return customers whose voltage answers to their own power so many steps later than it should, surest first.

    Parameters
    ----------
    u, y
        (N, n) centred powers and squared voltages.
    """
    out: list[tuple[float, int, int]] = []
    usual = float(np.median(np.abs(over_others(Answers.of(u, y).effect))))
    for lag in lags(len(y)):
        t, effect, now = _delayed(kept(u, lag), shifted(u, lag), kept(y - y.mean(axis=1, keepdims=True), lag))
        wins = (effect > _DOMINATES * np.maximum(now, 0.0)) & (effect > _LARGE * usual) & (t > SCREEN)
        out += [(float(t[a]), a, lag) for a in np.flatnonzero(wins).tolist()]
    return _surest(out)


def off_clock(y: FloatArray, least: float = SCREEN) -> list[tuple[int, int]]:
    """Return customers whose voltage moves with the others' so many steps later, surest first.

    Parameters
    ----------
    y
        (N, n) squared voltages, or any that move together.
    least
        Score of the correlation from which a customer counts.
    """
    n = y.shape[1]
    step = np.diff(y, axis=0)
    step = (step - step.mean(axis=0)) / np.maximum(step.std(axis=0), 1e-300)
    out: list[tuple[float, int, int]] = []
    middle = (step.sum(axis=1, keepdims=True) - step) / max(n - 1, 1)
    now = (step * middle).mean(axis=0) / np.maximum(middle.std(axis=0), 1e-300)
    for lag in lags(len(step)):
        before, after = shifted(middle, lag), kept(step, lag)
        r = (before * after).mean(axis=0) / np.maximum(before.std(axis=0), 1e-300)
        wins = (r * np.sqrt(len(after)) > least) & (r > _DOMINATES * np.abs(now))
        out += [(float(r[a]), a, lag) for a in np.flatnonzero(wins).tolist()]
    return _surest(out)


def _delayed(u: FloatArray, before: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return t (n,) of each delayed power on its own voltage, its effect, and that of the power not delayed."""
    n = u.shape[1]
    gram = u.T @ u + 1e-9 * max(float((u**2).sum(axis=0).max()), 1e-12) * np.eye(n)
    onto = np.linalg.solve(gram, u.T @ np.hstack([before, y]))
    fresh, residual = before - u @ onto[:, :n], y - u @ onto[:, n:]
    size = np.maximum((fresh**2).sum(axis=0), 1e-300)
    effect = (fresh * residual).sum(axis=0) / size
    scores = np.add.reduceat(fresh * (residual - fresh * effect) / size, block_starts(len(y)), axis=0)
    now = np.diag(onto[:, n:]) - effect * np.diag(onto[:, :n])
    seen = size > 1e-6 * np.maximum((before**2).sum(axis=0), 1e-300)
    return np.where(seen, t_statistic(effect, scores), 0.0), effect, now


def _surest(found: list[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Return customers and lags by falling evidence, up to three lags of each."""
    out: list[tuple[int, int]] = []
    for _, a, lag in sorted(found, reverse=True):
        if sum(other == a for other, _ in out) < _LAGS_OF_ONE:
            out.append((a, lag))
    return out
