"""Which single change to a feeder's readings would make them much likelier: what is wrong with them, if anything.

Candidates come from :mod:`rexnet_grid.spacemeternet.belonging` and :mod:`rexnet_grid.spacemeternet.timing`: two columns
of voltages exchanged, a power turned or on another scale, reactive powers turned or late, a voltage or a whole meter or
all voltages some steps late. For each the tree is
built anew and the likelihoods are compared; a fault is named only if mending it is worth more than ten units of
log-likelihood, odds of 22,000 to one, fourteen where a lag was chosen, and more where there are more pairs of customers
than a hundred (Bonferroni): each pair is a chance to be misled. After a mending the search goes on, as faults
come together. A fault has to be worth ten units beside customers without a meter as well: photovoltaics that nobody
meters look like reactive powers turned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.spacemeternet.belonging import Answers, strange_pairs
from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.moments import Moments, Sample
from rexnet_grid.spacemeternet.scales import exchanged, multiplied, off_scale, turned_reactive
from rexnet_grid.spacemeternet.timing import kept, lags, late, off_clock, shifted
from rexnet_grid.spacemeternet.treesearch import filtered, grown, improve, rebuilt
from rexnet_grid.spacemeternet.voltagefit import REACTANCE_RATIO, NoiseModel, fit_tree

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.voltagefit import TreeFit

Kind = Literal[
    "exchange", "turn", "scale", "turn reactive", "all reactive",
    "late voltage", "late meter", "late voltages", "late powers", "late reactive",
]  # fmt: skip

_WORTH = 10.0
_PAIRS = 100.0
_WORTH_OF_LAG = 14.0  # one of 26 lags
_TURNED = -4.0
_CANDIDATES = 5
_MOST_FAULTS = 4
MOST_CUSTOMERS = 120
_SWEEPS_UP_TO = 25
_SWEEPS = 6
_IN_TIME = 0.75
_LAGS_OF_POWER, _MORE, _ANSWERED = 4, 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Mending:
    """A change that makes the readings likelier.

    Attributes
    ----------
    kind
        ``"exchange"`` of the voltages of a and b, ``"turn"`` of the power of a, which has to be multiplied by
        ``factor`` for ``"scale"``, ``"turn reactive"`` of its reactive power alone or ``"all reactive"`` of all; the
        voltage of a, its voltage and power, all voltages, or all active powers (but not the reactive ones) or all
        reactive ones ``steps`` late.
    a, b
        Customers; equal where one is meant.
    steps
        How late.
    gain
        In log-likelihood.
    factor
        Of the powers.
    """

    kind: Kind
    a: int
    b: int
    steps: int = 0
    gain: float = 0.0
    factor: float = 1.0


def mendings(p_kw: FloatArray, q_kvar: FloatArray, vm_pu: FloatArray, unknown: Moments | None = None) -> list[Mending]:
    """Return what had to be changed for the readings (N, customers) to fit a radial feeder, the surest first.

    ``unknown`` are the moments of what is not known of readings that were filled.
    """
    if not 2 < vm_pu.shape[1] <= MOST_CUSTOMERS:
        return []
    readings = _Readings.of(p_kw, q_kvar, vm_pu, unknown)
    out: list[Mending] = []
    while len(out) < _MOST_FAULTS:
        either = [_late(readings)]
        if either[0] is None:
            either = [_reactive(readings), _best(readings)]
        found = [change for change in either if change is not None]
        chosen = max(found, key=lambda change: change.gain, default=None)
        if chosen is None or not _mends_more(chosen, readings):
            break
        out.append(chosen)
        readings = readings.mended(chosen)
    return out


@dataclass(frozen=True, slots=True)
class _Readings:
    """Centred injections (N, 2n) and squared voltages (N, n), plain and with the supply's wandering filtered out.

    ``unknown`` is what is not known of filled ones; delays leave it as it is.
    """

    x: FloatArray
    y: FloatArray
    calm_x: FloatArray
    calm_y: FloatArray
    unknown: tuple[Sample, ...]

    @classmethod
    def of(cls, p_kw: FloatArray, q_kvar: FloatArray, vm_pu: FloatArray, unknown: Moments | None = None) -> _Readings:
        x, y = np.hstack([p_kw, q_kvar]), vm_pu**2
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        more = (Sample(unknown, unknown),) if unknown is not None else ()
        calm_x, calm_y = filtered(x, y, unknown=more)
        return cls(x, y, calm_x, calm_y, more)

    @property
    def drive(self) -> FloatArray:
        """Powers (N, n) with the reactive power that does as much as a kilowatt on a cable."""
        n = self.y.shape[1]
        return self.x[:, :n] + REACTANCE_RATIO * self.x[:, n:]

    def mended(self, change: Mending) -> _Readings:
        """Return the readings after a change."""
        n = self.y.shape[1]
        if change.kind == "exchange":
            order = np.arange(n)
            order[[change.a, change.b]] = order[[change.b, change.a]]
            more = tuple(exchanged(part, order) for part in self.unknown)
            return _Readings(self.x, self.y[:, order], self.calm_x, self.calm_y[:, order], more)
        if change.steps == 0:
            factor = _factors(change, n)
            more = tuple(multiplied(part, factor) for part in self.unknown)
            return _Readings(self.x * factor, self.y, self.calm_x * factor, self.calm_y, more)
        voltages = np.full(n, change.kind == "late voltages")
        voltages[change.a] = True
        powers = np.zeros(2 * n, dtype=bool)
        powers[[change.a, n + change.a]] = change.kind == "late meter"
        if change.kind in {"late powers", "late reactive"}:
            voltages[:] = False
            powers[:] = np.repeat([change.kind == "late powers", change.kind == "late reactive"], n)
        x, y, calm_x, calm_y = (
            np.where(moved, kept(series, change.steps), shifted(series, change.steps))
            for series, moved in (
                (self.x, powers), (self.y, voltages), (self.calm_x, powers), (self.calm_y, voltages)
            )
        )  # fmt: skip
        return _Readings(x, y, calm_x, calm_y, self.unknown)

    def cut(self, steps: int) -> _Readings:
        """Return the instants that are left when something is delayed by ``steps``, as those moved keep theirs."""
        if steps == 0:
            return self
        x, y, calm_x, calm_y = (kept(values, steps) for values in (self.x, self.y, self.calm_x, self.calm_y))
        return _Readings(x, y, calm_x, calm_y, self.unknown)

    @property
    def sample(self) -> Sample:
        """The moments of the readings."""
        return Sample.total([Sample.both((self.x, self.y), (self.calm_x, self.calm_y)), *self.unknown])

    def fit(self, start: FeederTree | None = None, sweeps: int = _SWEEPS) -> TreeFit:
        """Return the likeliest tree found from a start, or from the shared resistances."""
        sample = self.sample
        fit = fit_tree(start if start is not None else rebuilt(sample), sample)
        return improve(fit, sample, sweeps if self.y.shape[1] <= _SWEEPS_UP_TO else 0)

    def loglik_with_hidden(self) -> float:
        """Return the log-likelihood of the likeliest tree, with customers without a meter if there seem to be any."""
        return grown(self.sample, _SWEEPS if self.y.shape[1] <= _SWEEPS_UP_TO else 0)[0].loglik

    def told(self, fit: TreeFit) -> float:
        """Return by how much a fit is likelier than no effect at all."""
        sample = self.sample
        own, common = sample.own.yy / len(self.y), sample.common.yy / len(self.y)
        return fit.loglik - NoiseModel.of(own, common).loglik(own, common, len(self.y))


def _all_late(readings: _Readings) -> Mending | None:
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


def _mends_more(change: Mending, readings: _Readings) -> bool:
    """Return whether a change is worth it beside customers without a meter, who can look like one."""
    after = readings.mended(change).loglik_with_hidden()
    return after - readings.cut(-change.steps if _moves_powers(change) else change.steps).loglik_with_hidden() > _WORTH


def _moves_powers(change: Mending) -> bool:
    return change.kind in {"late powers", "late reactive"}


def _late(readings: _Readings) -> Mending | None:
    """Return the delay of all voltages or, if there is much more in it, of the active powers alone."""
    voltages, powers = _all_late(readings), _powers_late(readings)
    if voltages is None or powers is None:
        return voltages or powers
    told = [delayed.told(delayed.fit(sweeps=0)) for delayed in map(readings.mended, (voltages, powers))]
    return powers if told[1] > told[0] + _WORTH else voltages


def _factors(change: Mending, n: int) -> FloatArray:
    """Return what a change multiplies the powers (2n,) by."""
    out, of = np.ones(2 * n), {"turn": [change.a, n + change.a], "scale": [change.a, n + change.a]}
    of |= {"turn reactive": [n + change.a], "all reactive": list(range(n, 2 * n))}
    out[of[change.kind]] = change.factor if change.kind == "scale" else -1.0
    return out


def _reactive(readings: _Readings) -> Mending | None:
    """Return that all reactive powers are turned, or late against the rest, if that says more."""
    n = readings.y.shape[1]
    if not readings.x[:, n:].any():
        return None
    delays = [lag for lag in lags(len(readings.y)) if abs(lag) <= _LAGS_OF_POWER]
    best: Mending | None = None
    for change in (Mending("all reactive", 0, 0), *(Mending("late reactive", 0, 0, lag) for lag in delays)):
        without = readings.cut(-change.steps).fit()
        gain = readings.mended(change).fit(without.tree, sweeps=0).loglik - without.loglik
        if gain > max(_WORTH_OF_LAG, best.gain if best is not None else 0.0):
            best = replace(change, gain=gain)
    return best


def _powers_late(readings: _Readings) -> Mending | None:
    """Return the delay of all active powers against the reactive ones and the voltages, if that says much more."""
    n = readings.y.shape[1]
    if not readings.x[:, n:].any():
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


def _best(readings: _Readings) -> Mending | None:
    tried, n = [], readings.y.shape[1]
    among = float(np.log(max(n * (n - 1) / 2 / _PAIRS, 1.0)))
    for change in _candidates(readings):
        found, without = readings.mended(change).fit(), readings.cut(change.steps)
        tried.append((found.loglik - without.fit(sweeps=0).loglik, change, found))
    best: Mending | None = None
    for most, change, found in sorted(tried, key=lambda trial: -trial[0]):
        if most <= (best.gain if best is not None else _WORTH + among):
            break
        without = readings.cut(change.steps)
        before = max(without.fit(start).loglik for start in (None, *_namesakes(change, found.tree)))
        gain = found.loglik - before
        worth = (_WORTH_OF_LAG if change.steps or change.kind == "scale" else _WORTH) + among
        if gain > max(worth, best.gain if best is not None else 0.0):
            best = replace(change, gain=gain)
    return best


def _candidates(readings: _Readings) -> list[Mending]:
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
        *(Mending("late meter", a, a, lag) for a, lag in clocks),
    ]


def _namesakes(change: Mending, tree: FeederTree) -> list[FeederTree]:
    """Return the tree found after a change, for the readings as they are: with the same names and the old ones."""
    order = np.arange(tree.below.shape[1])
    order[[change.a, change.b]] = order[[change.b, change.a]]
    return [tree, FeederTree(tree.below[:, order])]
