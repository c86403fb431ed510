"""Whether one network of positive resistances can be behind a feeder's voltages, or customers sit on different phases.

Where all customers are on one phase, or balanced, no voltage falls when another customer injects. On a four-wire feeder
one on another phase shifts the neutral and does just that: with the same impedance in both, minus half of what they
share. So effects are regressed without signs, e_ij and e_ji taken together, and what half of the readings calls
negative, pair by pair or between groups of customers who raise each other, is put to the test in the other half. Two
powers counted the wrong way round cancel, and where a customer's own power lowers its own voltage something else is
wrong: a sign, or a busbar that is raised with the load.

Where the neutral's impedance is low voltages do not fall but do not answer at all, which few readings show. But then
the phases' supplies move apart: what no metered power explains moves the customers in three groups. On one phase what
all share leaves nothing but white noise of each meter, and one direction for each customer without a meter. So the
second largest eigenvalue of the correlations of what is left is held against the largest that white noise has,
(1 + root(n/N))² (Marchenko and Pastur 1967, DOI 10.1070/SM1967v001n04ABEH001994).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from rexnet_grid.errors import Issue
from rexnet_grid.spacemeternet.belonging import Answers
from rexnet_grid.spacemeternet.moments import Moments, Sample
from rexnet_grid.spacemeternet.treesearch import filtered
from rexnet_grid.spacemeternet.voltagefit import REACTANCE_RATIO, NoiseModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray

_ROWS_A_CUSTOMER = 12
_SURE, _MAYBE, _NEGATIVE = -4.0, -1.5, -1.0
_OWN_TURNED = -3.0
_LEAST_TO_GROUP, _TIMES_WHITE = 4, 1.5
_REMARK = (
    "some voltages seem to fall when others inject, as where customers are on different phases; standard errors allow "
    "for it and no branch is called present, but fit each phase alone if they are"
)
_APART = (
    "voltages move in groups that no metered power explains, as where customers are on different phases; standard "
    "errors allow for it and no branch is called present, but fit each phase alone if they are (PhaseAssigner)"
)


@dataclass(frozen=True, slots=True)
class OnePhase:
    """What speaks against all customers being on one phase.

    Attributes
    ----------
    score
        Standard errors by which effects are negative in readings that did not choose them; 0 if none are.
    pair
        The two customers between whom it shows most.
    effect
        (n, n) effects of two customers on each other, without signs [p.u.² of the voltage per kW]: those below zero by
        more than a standard error, all if they say anything at all; NaN elsewhere.
    variance
        (n, n) of the effects if they say anything at all; zeros otherwise.
    apart
        Whether voltages move in groups that no metered power explains.
    """

    score: float
    pair: tuple[int, int]
    effect: FloatArray
    variance: FloatArray
    apart: bool = False

    @classmethod
    def of(cls, p_kw: FloatArray, q_kvar: FloatArray, vm_pu: FloatArray, unknown: Moments | None = None) -> OnePhase:
        """Look at readings (N, n) of P, Q and V; ``unknown`` is what is not known of those that were filled."""
        n = vm_pu.shape[1]
        if n < 2 or len(vm_pu) < _ROWS_A_CUSTOMER * n:
            return cls(0.0, (0, 0), np.full((n, n), np.nan), np.zeros((n, n)))
        x, y = np.hstack([p_kw, q_kvar]), vm_pu**2
        more = (Sample(unknown, unknown),) if unknown is not None else ()
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        apart = _in_groups(x, y)
        x, y = filtered(x, y, unknown=more)
        u, half = x[:, :n] + REACTANCE_RATIO * x[:, n:], len(y) // 2
        whole, first, second = (
            _both_ways(Answers.of(u[k], y[k])) for k in (slice(None), slice(half), slice(half, None))
        )
        t = _t(*whole)
        if np.diag(t).min() < _OWN_TURNED:
            return cls(0.0, (0, 0), np.full((n, n), np.nan), np.zeros((n, n)))
        halves = ((first, second), (second, first))
        score = min(sum(test(*h) for h in halves) / np.sqrt(2.0) for test in (_negative, _negative_between_groups))
        a, b = divmod(int(np.where(np.eye(n, dtype=bool), np.inf, t).argmin()), n)
        doubted = apart or score < _MAYBE
        effect = np.where((t < _NEGATIVE) | doubted, whole[0], np.nan)
        return cls(score, (a, b), effect, doubted * (whole[1] ** 2).sum(axis=0), apart)

    def off(self, c: FloatArray) -> FloatArray:
        """Return the variance (n, n) of sensitivities of the squared voltage that speaks from the effects."""
        return np.nan_to_num(self.effect - c) ** 2 + self.variance

    def issues(self, names: list[str]) -> list[Issue]:
        """Return that customers are on different phases if it is sure."""
        if self.score > _SURE:
            return []
        a, b = (names[k] for k in self.pair)
        value = f"voltages that fall when others inject, as of {a} and {b}"
        hint = (
            "are they on different phases? fit each phase alone, PhaseAssigner tells them apart; or is the busbar's "
            "voltage raised with the load?"
        )
        return [Issue("vm_pu", "phases", value, "customers on one phase, or on three alike", hint)]

    @property
    def doubted(self) -> bool:
        """Whether it seems that customers are on different phases."""
        return self.apart or self.score < _MAYBE

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know if it is not sure."""
        return tuple(told for told, holds in ((_REMARK, self.score < _MAYBE), (_APART, self.apart)) if holds)


def _in_groups(x: FloatArray, y: FloatArray) -> bool:
    """Return whether what injections (N, 2n) leave of squared voltages (N, n) moves in more than two groups."""
    n = y.shape[1]
    if n < _LEAST_TO_GROUP:
        return False
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    covariance = left.T @ left / len(left)
    left = left - (left @ NoiseModel.of(covariance, covariance).mean_weights)[:, None]
    second = float(np.linalg.eigvalsh(np.corrcoef(left.T))[-2])
    return bool(second > _TIMES_WHITE * (1.0 + np.sqrt(n / len(left))) ** 2)


def _both_ways(answers: Answers) -> tuple[FloatArray, FloatArray]:
    """Return the effects of each two customers on each other, their mean (n, n), and its scores (blocks, n, n)."""
    effect, scores = answers.effect, answers.scores
    return 0.5 * (effect + effect.T), 0.5 * (scores + np.swapaxes(scores, 1, 2))


def _t(effect: FloatArray, scores: FloatArray) -> FloatArray:
    return np.asarray(effect / np.sqrt(np.maximum((scores**2).sum(axis=0), 1e-300)))


def _negative(chosen: tuple[FloatArray, FloatArray], tested: tuple[FloatArray, FloatArray]) -> float:
    """Return by how many standard errors pairs negative in one part of the readings are above zero in another."""
    return _score(np.triu(_t(*chosen) < _NEGATIVE, 1), tested)


def _negative_between_groups(chosen: tuple[FloatArray, FloatArray], tested: tuple[FloatArray, FloatArray]) -> float:
    """Return the same of all pairs between groups of customers who raise each other most: phases, if there are any."""
    effect, n = chosen[0], len(chosen[0])
    if n < _LEAST_TO_GROUP:
        return 0.0
    apart = effect.max() - effect
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), "average")
    groups = [fcluster(tree, k, "maxclust") for k in (2, 3)]
    between = [np.triu(g[:, None] != g[None, :], 1) for g in groups]
    return _score(min(between, key=lambda pairs: _score(pairs, chosen)), tested)


def _score(pairs: NDArray[np.bool_], tested: tuple[FloatArray, FloatArray]) -> float:
    """Return by how many standard errors pairs (n, n) are above zero in all, 0 if there are none.

    Each pair counts by one over its standard error; errors are those of the sum, block by block.
    """
    weight = pairs / np.sqrt(np.maximum((tested[1] ** 2).sum(axis=0), 1e-300))
    if not weight.any():
        return 0.0
    return float((tested[0] * weight).sum() / np.sqrt(((tested[1] * weight).sum(axis=(1, 2)) ** 2).sum()))
