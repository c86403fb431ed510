"""Which single change to a feeder's readings would make them much likelier: what is wrong with them, if anything.

Candidates come from :mod:`rexnet_grid.spacemeternet.belonging` and :mod:`rexnet_grid.spacemeternet.timing`: two columns
of voltages exchanged, a power turned or on another scale, reactive powers turned or late, a voltage or a whole meter or
all voltages some steps late. For each the tree is
built anew and the likelihoods are compared; a fault is named only if mending it is worth more than ten units of
log-likelihood, odds of 22,000 to one, fourteen where a lag was chosen, and more where there are more pairs of customers
than a hundred (Bonferroni): each pair is a chance to be misled. After a mending the search goes on, as faults
come together. A fault has to be worth ten units beside customers without a meter as well: photovoltaics that nobody
meters look like reactive powers turned. Active and reactive powers that move in the same instant are not called late
against each other, whatever voltages say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.belonging import Answers, strange_pairs
from rexnet_grid.spacemeternet.feederreadings import Mending, Readings
from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.scales import off_scale, turned_reactive
from rexnet_grid.spacemeternet.timing import kept, lags, late, off_clock, shifted

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.moments import Moments

_WORTH = 10.0
_PAIRS = 100.0
_WORTH_OF_LAG = 14.0  # one of 26 lags
_TURNED = -4.0
_CANDIDATES = 5
_MOST_FAULTS = 4
MOST_CUSTOMERS = 120
_IN_TIME = 0.75
_LAGS_OF_POWER, _MORE, _ANSWERED = 4, 0.05, 1.0
_CLEARLY, _SURE = 1.5, 6.0


def mendings(
    p_kw: FloatArray,
    q_kvar: FloatArray,
    vm_pu: FloatArray,
    unknown: Moments | None = None,
    follows: BoolArray | None = None,
) -> list[Mending]:
    """Return what had to be changed for the readings (N, customers) to fit a radial feeder, the surest first.

    ``unknown`` are the moments of what is not known of readings that were filled, ``follows`` (customers,) whose
    reactive power follows the voltage (:mod:`rexnet_grid.spacemeternet.followers`): its sign is then known to be right,
    and so, as one file has one convention, is that of all.
    """
    if not 2 < vm_pu.shape[1] <= MOST_CUSTOMERS:
        return []
    readings = Readings.of(p_kw, q_kvar, vm_pu, unknown)
    follows = follows if follows is not None else np.zeros(vm_pu.shape[1], dtype=bool)
    readings = replace(readings, closed=bool(follows.any()))
    found = _one_by_one(readings, follows)
    turned = _all_turned(readings, follows) if found else None
    return [turned] if turned is not None else found


def _one_by_one(readings: Readings, follows: BoolArray) -> list[Mending]:
    out: list[Mending] = []
    while len(out) < _MOST_FAULTS:
        either = [_late(replace(readings, closed=False))]
        if either[0] is None:
            either = [_reactive(readings) if not follows.any() else None, _best(readings, follows)]
        found = [change for change in either if change is not None]
        chosen = max(found, key=lambda change: change.gain, default=None)
        if chosen is None or not _mends_more(chosen, readings):
            break
        out.append(chosen)
        readings = readings.mended(chosen)
    return out


def _all_turned(readings: Readings, follows: BoolArray) -> Mending | None:
    """Return that all powers are turned, or all active ones, if readings are then much likelier and right."""
    now = readings.fit().loglik
    either = (Mending("all powers", 0, 0), Mending("all active", 0, 0))
    tried = [replace(change, gain=readings.mended(change).fit().loglik - now) for change in either]
    best = max(tried, key=lambda change: change.gain)
    right = best.gain > _WORTH_OF_LAG and not _one_by_one(readings.mended(best), follows)
    return best if right else None


def _all_late(readings: Readings) -> Mending | None:
    """Return the delay of all voltages, if with it the readings say much and without it little."""
    tried = [Mending("late voltages", 0, 0, lag) for lag in lags(len(readings.y))]
    if not tried:
        return None
    quick = [delayed.told(delayed.fit(sweeps=0)) for delayed in map(readings.mended, tried)]
    found = tried[int(np.argmax(quick))]
    now = readings.told(readings.fit(sweeps=0))
    if max(quick) - now < _WORTH_OF_LAG or now > _IN_TIME * max(quick):
        return None
    with_it, without = readings.mended(found), readings.cut(found.steps)
    better = with_it.fit()
    told = with_it.told(better)
    before = max(without.told(without.fit(start)) for start in (None, better.tree))
    enough = told - before > _WORTH_OF_LAG and before < _IN_TIME * told
    return replace(found, gain=told - before) if enough else None


def _mends_more(change: Mending, readings: Readings) -> bool:
    """Return whether a change is worth it beside customers without a meter, who can look like one."""
    after = readings.mended(change).loglik_with_hidden()
    return after - readings.cut(-change.steps if change.moves_powers else change.steps).loglik_with_hidden() > _WORTH


def _late(readings: Readings) -> Mending | None:
    """Return the delay of all voltages or, if there is much more in it, of the active powers alone."""
    voltages, powers = _all_late(readings), _powers_late(readings)
    if voltages is None or powers is None:
        return voltages or powers
    told = [delayed.told(delayed.fit(sweeps=0)) for delayed in map(readings.mended, (voltages, powers))]
    return powers if told[1] > told[0] + _WORTH else voltages


def _reactive(readings: Readings) -> Mending | None:
    """Return that all reactive powers are turned, or late against the rest, if that says more."""
    n = readings.y.shape[1]
    if not readings.x[:, n:].any():
        return None
    delays = [lag for lag in lags(len(readings.y)) if abs(lag) <= _LAGS_OF_POWER and not in_step(readings)]
    best: Mending | None = None
    for change in (Mending("all reactive", 0, 0), *(Mending("late reactive", 0, 0, lag) for lag in delays)):
        without = readings.cut(-change.steps).fit()
        gain = readings.mended(change).fit(without.tree, sweeps=0).loglik - without.loglik
        if gain > max(_WORTH_OF_LAG, best.gain if best is not None else 0.0):
            best = replace(change, gain=gain)
    return best


def in_step(readings: Readings) -> bool:
    """Return whether most customers' active and reactive powers move in the same instant: then neither is late."""
    p, q = np.split(np.diff(readings.x, axis=0), 2, axis=1)
    p, q = (c / np.maximum(c.std(axis=0), 1e-300) for c in (p, q))
    now = np.abs((p * q).mean(axis=0))
    delays = [lag for lag in lags(len(p)) if abs(lag) <= _LAGS_OF_POWER]
    others = np.max([np.abs((kept(p, lag) * shifted(q, lag)).mean(axis=0)) for lag in delays] or [0.0 * now], axis=0)
    return bool(np.median(now - np.maximum(_CLEARLY * others, _SURE / np.sqrt(len(p)))) > 0.0)


def _powers_late(readings: Readings) -> Mending | None:
    """Return the delay of all active powers against the reactive ones and the voltages, if that says much more."""
    n = readings.y.shape[1]
    if not readings.x[:, n:].any() or in_step(readings):
        return None
    tried = [Mending("late powers", 0, 0, lag) for lag in lags(len(readings.y)) if abs(lag) <= _LAGS_OF_POWER]
    best: Mending | None = None
    for change in tried:
        found, without = readings.mended(change), readings.cut(-change.steps)
        if Answers.of(found.drive, found.y).own().mean() < _ANSWERED:
            continue
        told = found.told(found.fit(sweeps=0))
        gain = told - without.told(without.fit(sweeps=0))
        if gain > max(_WORTH_OF_LAG, _MORE * told, best.gain if best is not None else 0.0):
            best = replace(change, gain=gain)
    return best


def _best(readings: Readings, follows: BoolArray) -> Mending | None:
    tried, n = [], readings.y.shape[1]
    among = float(np.log(max(n * (n - 1) / 2 / _PAIRS, 1.0)))
    for change in _candidates(readings):
        if change.kind == "turn reactive" and follows[change.a]:
            continue
        found, without = (
            readings.mended(change).fit(),
            readings.cut(-change.steps if change.moves_powers else change.steps),
        )
        tried.append((found.loglik - without.fit(sweeps=0).loglik, change, found))
    best: Mending | None = None
    for most, change, found in sorted(tried, key=lambda trial: -trial[0]):
        if most <= (best.gain if best is not None else _WORTH + among):
            break
        without = readings.cut(-change.steps if change.moves_powers else change.steps)
        before = max(without.fit(start).loglik for start in (None, *_namesakes(change, found.tree)))
        gain = found.loglik - before
        worth = (_WORTH_OF_LAG if change.steps or change.kind == "scale" else _WORTH) + among
        if gain > max(worth, best.gain if best is not None else 0.0):
            best = replace(change, gain=gain)
    return best


def _candidates(readings: Readings) -> list[Mending]:
    u, y = readings.drive, readings.y
    answers = Answers.of(u, y)
    pairs = strange_pairs(answers, _CANDIDATES)
    own = answers.own()
    turned = {int(a) for a in np.argsort(own)[:_CANDIDATES] if own[a] < _TURNED} | {a for pair in pairs for a in pair}
    delayed, clocks = (found[:_CANDIDATES] for found in (late(u, y), off_clock(y)))
    fit, sample = readings.fit(sweeps=0), readings.sample
    scaled = off_scale(fit, sample, _CANDIDATES)
    reactive = turned_reactive(fit, sample, _CANDIDATES) if readings.x[:, y.shape[1] :].any() else []
    return [
        *(Mending("exchange", a, b) for a, b in pairs),
        *(Mending("turn", a, a) for a in sorted(turned)),
        *(Mending("scale", a, a, factor=factor) for a, factor in scaled),
        *(Mending("turn reactive", a, a) for a in reactive),
        *(Mending("late voltage", a, a, lag) for a, lag in delayed),
        *(Mending("late power", a, a, -lag) for a, lag in delayed),
        *(Mending("late meter", a, a, lag) for a, lag in clocks),
    ]


def _namesakes(change: Mending, tree: FeederTree) -> list[FeederTree]:
    """Return the tree found after a change, for the readings as they are: with the same names and the old ones."""
    order = np.arange(tree.below.shape[1])
    order[[change.a, change.b]] = order[[change.b, change.a]]
    return [tree, FeederTree(tree.below[:, order])]
