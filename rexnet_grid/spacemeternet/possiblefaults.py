"""What a fault of one meter would explain as well as what has been taken for the answer.

A fault worth ten units of log-likelihood beside customers without a meter is named and nothing is estimated
(:mod:`rexnet_grid.spacemeternet.mending`). One that is worth less may be there all the same, and somebody without a
meter be an invention: whose powers are four times too large puts a disturbance into all voltages too. So each change of
one meter is an answer beside the one taken, weighed by its likelihood (Bayesian model averaging: Hoeting et al. 1999,
DOI 10.1214/ss/1009212519): even odds for a fault, for somebody without a meter and for neither, each customer and kind
of fault as likely as another. As likelihoods of readings that are no white noise say too much, half of their logarithms
counts. How far each answer's sensitivities are from those taken, and by how much less they are known, is added to
their variance by its probability. From a probability of nine tenths on that one customer's meter is wrong nothing is
estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import Issue
from rexnet_grid.spacemeternet.belonging import Answers, strange_pairs
from rexnet_grid.spacemeternet.feederreadings import SWEEPS, SWEEPS_UP_TO, Mending
from rexnet_grid.spacemeternet.scales import FACTORS, scores, suspected
from rexnet_grid.spacemeternet.timing import late
from rexnet_grid.spacemeternet.treesearch import improve, rebuilt
from rexnet_grid.spacemeternet.unmetered import hidden
from rexnet_grid.spacemeternet.voltagefit import fit_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feederreadings import Readings
    from rexnet_grid.spacemeternet.feedertree import FeederTree
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.unmetered import Hidden
    from rexnet_grid.spacemeternet.voltagefit import TreeFit

_TEMPER = 0.5
_PAIRS, _LOOKED_AT = 5, 5
_SCREEN, _FAR = 1.0, 15.0
_LEAST_METERS, _MOST_METERS = 4, 40
_SAID, _SURE, _COUNTS = 0.35, 0.9, 0.1
_TOLD = "readings are {} with {}: a fault of the meter? standard errors allow for it"
_EXPECTED = "readings that fit those of the others"


@dataclass(frozen=True, slots=True)
class PossibleFaults:
    """Changes of one meter that may be due.

    Attributes
    ----------
    changes
        The changes.
    probability
        (k,) of each.
    apart
        (k, n, n) by how much the mean square error of c is larger if it is true.
    """

    changes: tuple[Mending, ...]
    probability: FloatArray
    apart: FloatArray

    @property
    def spread(self) -> FloatArray:
        """Variance (n, n) of c by them."""
        return np.tensordot(self.probability, self.apart, 1)

    def remark(self, names: Sequence[str], variance: FloatArray) -> str:
        """Return what a user should know; empty if no fault is likely that moves c by its standard errors.

        ``variance`` (n, n) is that of c without these faults.
        """
        matters = dict(zip(self.changes, self.apart.mean(axis=(1, 2)) > variance.mean(), strict=True))
        said = [changes for changes, probability in self._by_customer() if probability >= _SAID]
        said = [changes for changes in said if any(matters[change] for change in changes)]
        likely = "likelier" if any(changes[0].gain > 0.0 for changes in said) else "nearly as likely"
        return _TOLD.format(likely, ", or ".join(in_words(changes[:1], names) for changes in said)) if said else ""

    def issues(self, names: Sequence[str]) -> list[Issue]:
        """Return whose meter is wrong if that is sure, and what may be."""
        return [
            Issue("p_kw", names[changes[0].a], f"readings much likelier with {in_words(changes, names)}", _EXPECTED)
            for changes, probability in self._by_customer()
            if probability >= _SURE
        ]

    def _by_customer(self) -> list[tuple[list[Mending], float]]:
        """Return the changes of each customer that count, likeliest first, and the probability of any of them."""
        order = [int(k) for k in np.argsort(-self.probability)]
        customers = dict.fromkeys(self.changes[k].a for k in order)
        of = [[k for k in order if self.changes[k].a == a] for a in customers]
        return [
            ([self.changes[k] for k in ks if self.probability[k] > _COUNTS * self.probability[ks[0]]],
             float(self.probability[ks].sum()))
            for ks in of
        ]  # fmt: skip


def in_words(changes: Sequence[Mending], names: Sequence[str]) -> str:
    """Return changes of one meter as a user would say them."""
    return " or ".join(_in_words(change, names) for change in changes)


def _in_words(change: Mending, names: Sequence[str]) -> str:
    a, late = names[change.a], change.steps
    if change.kind == "exchange":
        return f"the voltages of {a} and {names[change.b]} exchanged"
    if change.steps:
        what = "powers" if change.moves_powers else "voltage"
        return f"{what} of {a} moved {abs(late)} step{'s' * (abs(late) > 1)} {'back' if late > 0 else 'on'}"
    if change.kind == "turn reactive":
        return f"reactive powers of {a} multiplied by -1 (or do they follow the voltage?)"
    return f"powers of {a} multiplied by {change.factor:g}"


def possible_faults(
    readings: Readings, fit: TreeFit, missed: Hidden, known: FeederTree | None, follows: BoolArray | None = None
) -> PossibleFaults:
    """Return the faults of one meter that explain readings about as well as a fit; none for more than 40 customers.

    Parameters
    ----------
    readings
        What was fitted.
    fit, missed
        The likeliest tree, and who is without a meter in it.
    known
        The tree if the map is given.
    follows
        (n,) whose reactive power follows the voltage, and has the right sign.
    """
    n = readings.y.shape[1]
    none = PossibleFaults((), np.zeros(0), np.zeros((0, n, n)))
    if not _LEAST_METERS <= n <= _MOST_METERS:
        return none
    tried = [c for c in _changes(readings, fit) if c.kind != "turn reactive" or follows is None or not follows[c.a]]
    prior = -np.log(len(tried))
    whole, readings, given = readings, replace(readings, closed=follows is not None and bool(follows.any())), fit
    if readings.closed:
        fit = improve(fit_tree(fit.tree, readings.sample), readings.sample, _sweeps(readings, known))
        missed = hidden(fit, readings.sample)
    found: list[tuple[Mending, TreeFit]] = []
    for change in _promising(readings, fit, tried):
        other, gain = _explained(readings, change, fit, missed, known)
        if gain + prior > -_FAR:
            other = fit_tree(other.tree, whole.mended(change).sample) if readings.closed else other
            found.append((Mending(change.kind, change.a, change.b, change.steps, gain, change.factor), other))
    if not found:
        return none
    odds = np.exp(_TEMPER * (np.array([change.gain for change, _ in found]) + prior))
    share = odds / (1.0 + odds.sum())
    c, variance = given.tree.matrix(given.r), given.variance()
    apart = [(o.tree.matrix(o.r) - c) ** 2 + np.maximum(o.variance() - variance, 0.0) for _, o in found]
    return PossibleFaults(tuple(change for change, _ in found), share, np.array(apart))


def _changes(readings: Readings, fit: TreeFit) -> list[Mending]:
    """Return the changes to try: of every customer's powers, and of times and pairs that look strange."""
    powers, reactive = scores(fit, readings.sample)
    some = suspected(-np.abs(powers))
    pairs = strange_pairs(Answers.of(readings.drive, readings.y), _PAIRS)
    delayed = late(readings.drive, readings.y)[:_PAIRS]
    turned = suspected(reactive) if readings.x[:, readings.y.shape[1] :].any() else []
    return [
        *(Mending("scale", a, a, factor=factor) for a in some for factor in (*FACTORS, -1.0)),
        *(Mending("turn reactive", a, a) for a in turned),
        *(Mending("exchange", a, b) for a, b in pairs),
        *(Mending("late power", a, a, -lag) for a, lag in delayed),
        *(Mending("late voltage", a, a, lag) for a, lag in delayed),
    ]


def _promising(readings: Readings, fit: TreeFit, changes: list[Mending]) -> list[Mending]:
    """Return the changes that help most on the tree as it is, nobody being without a meter, the best one first."""
    before: dict[int, float] = {}
    gain = []
    for change in changes:
        steps = -change.steps if change.moves_powers else change.steps
        if steps not in before:
            before[steps] = fit_tree(fit.tree, readings.cut(steps).sample, rounds=3).loglik
        gain.append(fit_tree(fit.tree, readings.mended(change).sample, rounds=3).loglik - before[steps])
    order = np.argsort(gain)[::-1][:_LOOKED_AT]
    return [changes[k] for k in order if gain[k] > _SCREEN]


def _explained(
    readings: Readings, change: Mending, fit: TreeFit, missed: Hidden, known: FeederTree | None
) -> tuple[TreeFit, float]:
    """Return the fit after a change, and by how much the readings are then likelier than they are with the old one."""
    steps = -change.steps if change.moves_powers else change.steps
    before, after = readings.cut(steps).sample, readings.mended(change).sample
    starts = [fit.tree] if known is not None else [fit.tree, rebuilt(after)]
    sweeps = _sweeps(readings, known)
    best = max((improve(fit_tree(tree, after), after, sweeps) for tree in starts), key=lambda f: f.loglik)
    beside = hidden(best, after)
    gain = best.loglik + beside.gain - fit_tree(fit.tree, before).loglik - missed.gain
    return beside.refitted(best, after), gain


def _sweeps(readings: Readings, known: FeederTree | None) -> int:
    return SWEEPS if known is None and readings.y.shape[1] <= SWEEPS_UP_TO else 0
