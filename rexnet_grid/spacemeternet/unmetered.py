"""Customers without a meter: what no metered power explains, and the place of the tree it comes from.

A customer h without a meter moves all voltages by what they share with its place, c_ih, which is known up to the place
once there is a tree. Its power goes along with the others' (photovoltaics under one sky), so it is no mere noise::

    p_h = Σ_j β_j p_j + γ_j q_j + w,   w with a variance of its own

Left out it would put c_ih β_j into c_ij (the bias of an omitted variable, Wooldridge, Introductory Econometrics, 7th
ed., Cengage 2020, section 3.3). What it does is told from what the others do, as c is a tree and c_ih β_j is none. The
prior of (β, γ) has the covariance of the regressions of each metered customer on the others, times the square of a size
that is not known beforehand, one, a half or a quarter (a mixture of normals: West 1987, DOI 10.1093/biomet/74.3.646):
with the whole size alone a small system under the same sky would never be worth its prior's price, and what it does to
all sensitivities be kept silent.

The end of each edge is tried as the place, and a share of every customer's place for several at once. Their
likelihoods, with (β, γ) integrated out (Laplace), are weighed against nobody being without a meter: even odds before
the readings, each place as likely as another, several at once a seventh of that. What the other answers say of the
sensitivities, and by how much less it knows them, is added to their variance by its probability (Bayesian model
averaging: Hoeting et al. 1999, DOI 10.1214/ss/1009212519). As likelihoods of readings that are no white noise
say too much, and the tree that places stand on is an estimate itself, half of their logarithms counts there; places are
told apart by less if the best one gains much: a tenth of its gain is taken for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp

from rexnet_grid.spacemeternet.voltagefit import TreeFit, Unmetered, fit_tree

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import BoolArray
    from rexnet_grid.spacemeternet.moments import Sample

_MOST, _MOST_PLACES = 2, 40
_LEAST_METERS = 4
_ROUNDS_OF_TRIAL, _ROUNDS = 3, 3
_SIZES = (1.0, 0.5, 0.25)
_RIDGE, _OWN = 1e-3, 0.1
_SAME_FOR_ALL = 0.03
_SEVERAL, _BLUR, _TEMPER = 2.0, 0.1, 0.5
_SURE = 0.95
_VOLT = 115.0  # by which half a squared p.u. voltage moves at 230 V
_TOLD = (
    "the meters share a disturbance of {:.2g} V that no metered power explains: a customer or generator without a "
    "meter near {} (standard errors allow for it), voltage meters that drift, reactive power that follows the voltage, "
    "or three-phase customers among single-phase ones?"
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """Who is without a meter.

    Attributes
    ----------
    places
        The customers (n,) below the end of an edge at which one is; all of them stand for several spread over them.
    sizes
        How much each goes along with the others, in parts of what these do with each other.
    precision
        (2n, 2n) of the prior for a size of one.
    gain
        Log-likelihood that not knowing whether there is anybody gains over nobody, the answers averaged.
    spread
        (n, n) variance of c by the answers that were not taken.
    """

    places: tuple[BoolArray, ...]
    sizes: tuple[float, ...]
    precision: FloatArray
    gain: float
    spread: FloatArray

    @property
    def probability(self) -> float:
        """Of there being anybody."""
        return float(1.0 - np.exp(-self.gain))

    def at(self, fit: TreeFit) -> Unmetered | None:
        """Return them at their places of a fitted tree; None if there is nobody."""
        if not self.places:
            return None
        precision = np.array([self.precision / size**2 for size in self.sizes])
        return Unmetered(np.array([reach(fit, place) for place in self.places]), precision)

    def refitted(self, fit: TreeFit, sample: Sample) -> TreeFit:
        """Return the fit of the same tree with them where its edges now put them."""
        for _ in range(_ROUNDS if self.places else 0):
            fit = fit_tree(fit.tree, sample, fit.noise, 3, self.at(fit))
        return fit

    def remark(self, fit: TreeFit, sample: Sample, names: tuple[str, ...]) -> str:
        """Return what a user should know; empty if it is not sure that there is anybody."""
        if self.probability < _SURE or not self.places:
            return ""
        moved = float(np.sqrt(disturbance(fit, sample).max()))
        near = np.logical_or.reduce([p for p in self.places if not p.all()] or [np.zeros(len(names), dtype=bool)])
        who = [n for n, is_near in zip(names, near, strict=True) if is_near]
        return _TOLD.format(_VOLT * moved, ", ".join(who[:3]) if who else "several of them")


def disturbance(fit: TreeFit, sample: Sample) -> FloatArray:
    """Return the variance (n,) of the squared voltages by customers without a meter."""
    power = fit.follow @ (sample.own.xx / sample.own.steps) @ fit.follow.T + np.diag(fit.noise.power)
    return np.asarray(np.diag(fit.noise.reach.T @ power @ fit.noise.reach))


def reach(fit: TreeFit, place: BoolArray) -> FloatArray:
    """Return what somebody at a place shares with the customers (n,); with all of them marked, at everyone's place."""
    if place.all():
        return np.asarray(fit.tree.matrix(fit.r).mean(axis=0))
    below = fit.tree.below
    above = ~(place & ~below).any(axis=1)
    return np.asarray((fit.r * above) @ below.astype(float))


def likeness(sample: Sample) -> FloatArray:
    """Return the inverse covariance (2n, 2n) of how one customer's power goes along with others' p and q."""
    xx, n = sample.own.xx, len(sample.own.yy)
    found = np.zeros((n, 2 * n))
    for j in range(n):
        others = np.setdiff1d(np.arange(2 * n), [j, n + j])
        gram = xx[np.ix_(others, others)]
        gram = gram + np.diag(_RIDGE * np.diag(gram) + 1e-9 * np.trace(xx))
        found[j, others] = np.linalg.solve(gram, xx[others, j])
    covariance = found.T @ found / n
    own = np.repeat([np.diag(covariance)[:n].mean(), np.diag(covariance)[n:].mean()], n)
    return np.asarray(np.linalg.inv(covariance + np.diag(_OWN * own + 1e-9)))


def hidden(fit: TreeFit, sample: Sample) -> Hidden:
    """Return who is without a meter, if anybody, on a fitted tree."""
    n = fit.tree.below.shape[1]
    if sample.closed:
        sample = sample.apart
        fit = fit_tree(fit.tree, sample, fit.noise)
    found = Hidden((), (), likeness(sample), 0.0, np.zeros((n, n)))
    while len(found.places) < _MOST and n >= _LEAST_METERS:
        more = _one_more(found, fit, sample)
        if len(more.places) == len(found.places):
            return more
        found, fit = more, more.refitted(fit, sample)
    return found


def _one_more(found: Hidden, fit: TreeFit, sample: Sample) -> Hidden:
    """Return with one more if that is likelier than not, and in any case what the other answers say."""
    places = _places(fit)
    trials = [
        replace(found, places=(*found.places, place), sizes=(*found.sizes, size)) for size in _SIZES for place in places
    ]
    fits: list[TreeFit] = []
    for k, trial in enumerate(trials):
        noise, rounds = (fit.noise, _ROUNDS_OF_TRIAL) if k < len(places) else (fits[k - len(places)].noise, 2)
        fits.append(fit_tree(fit.tree, sample, noise, rounds, trial.at(fit)))
    gain = np.array([other.loglik - fit.loglik for other in fits])
    gain[len(places) - 1 :: len(places)] -= max(_SEVERAL, _BLUR * float(gain.max()))
    odds = float(logsumexp(gain)) - np.log(len(gain))
    somebody = float(expit(_TEMPER * odds))
    blurred = np.exp((gain - gain.max()) / max(1.0 / _TEMPER, _BLUR * float(gain.max())))
    share = np.r_[somebody * blurred / blurred.sum(), 1.0 - somebody]
    best = int(gain.argmax()) if odds > 0.0 else -1
    spread = found.spread + np.tensordot(share, _apart([*fits, fit], best), 1)
    if found.places:
        odds = np.logaddexp(0.0, odds) + found.gain + np.log(found.probability)
    return replace(found if best < 0 else trials[best], gain=float(np.logaddexp(0.0, odds)), spread=spread)


def _apart(fits: list[TreeFit], best: int) -> FloatArray:
    """Return by how much the mean square error of c (k, n, n) about one of some fits is larger if another is true."""
    c, variance = np.array([f.tree.matrix(f.r) for f in fits]), np.array([f.variance() for f in fits])
    return np.asarray((c - c[best]) ** 2 + np.maximum(variance - variance[best], 0.0))


def _places(fit: TreeFit) -> list[BoolArray]:
    """Return the ends of edges that tell customers apart, up to forty, and last everyone's place."""
    below = fit.tree.below
    told = {reach(fit, place).round(12).tobytes(): place for place in below[np.argsort(below.sum(axis=1))]}
    found = [p for p in told.values() if not p.all() and _contrast(reach(fit, p)) > _SAME_FOR_ALL]
    evenly = np.linspace(0, max(len(found) - 1, 0), min(len(found), _MOST_PLACES))
    return [*(found[int(k)] for k in evenly), np.ones(below.shape[1], dtype=bool)]


def _contrast(values: FloatArray) -> float:
    return float(values.std() / max(float(values.mean()), 1e-300))
