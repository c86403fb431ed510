"""PhaseAssigner: the phase of each single-phase customer from voltages, abstaining where the meters do not tell."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from rexnet_grid.spacemeternet.manners import Estimator
from rexnet_grid.spacemeternet.phasedata import doubled, phase_tables
from rexnet_grid.spacemeternet.phasemodel import PhaseLikelihood
from rexnet_grid.spacemeternet.phasenames import anchored, of_another
from rexnet_grid.threads import one_thread

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.phasemodel import LabelArray

ABSTAINS = -1
_MOST_REMARKS = 5
_LEAST_SUPPORT = 0.6
_LIKELY = 0.5
_PAIRS_OF_HALVES = 4
_BLOCKS = 20
_ON_ALL = "voltages that follow all phases alike: three-phase, or close to the busbar; no phase is given"
_MORE_GROUPS = (
    "customers form more groups than the busbar has phases: readings of one phase of the busbar are missing? no phase "
    "is given to a group that follows none of them"
)
_PHASES = 3
_ELSEWHERE = (
    "voltages that follow another phase of the busbar than the customers they move with are given: most customers on "
    "one phase? no phase is given"
)


class PhaseAssigner(Estimator):
    """Assign customers to phases by the likeliest grouping of their voltages.

    The model is in :mod:`rexnet_grid.spacemeternet.phasemodel`. A customer abstains where another phase, or another
    naming of the groups by the busbar's readings, is not unlikely enough, where halves of the readings disagree, where
    its voltage follows another phase of the busbar more, or where it follows all phases alike, as that of a
    three-phase customer does. The latter two are told in ``remarks_``, as are customers on a phase that a busbar of
    less than three columns lacks.

    Parameters
    ----------
    confidence
        Posterior probability needed for a label.
    starts, seed
        Random assignments tried besides two good ones, and their seed.
    """

    def __init__(self, confidence: float = 0.9, starts: int = 8, seed: int = 0) -> None:
        self.confidence = confidence
        self.starts = starts
        self.seed = seed

    @one_thread()
    def fit(self, v_customers: Any, v_busbar: Any) -> Self:
        """Assign phases.

        Parameters
        ----------
        v_customers
            (N, customers) DataFrame of voltages, any unit.
        v_busbar
            (N, phases) DataFrame of the busbar's voltages in the same instants.

        Returns
        -------
        PhaseAssigner
            Itself, with ``labels_`` (customers,): position of the phase among the columns of ``v_busbar``, -1 where it
            abstains; ``phases_`` the names; ``probability_`` (customers, phases), which sums to one but for the
            probability of all phases; ``groups_`` (customers,), the number of phases for those; ``remarks_``.

        Raises
        ------
        MeterDataError
            If the tables do not fit each other, meters are stuck, silent or late, two phases of the busbar read the
            same, or voltages between lines are mixed with those to neutral.
        """
        customers, busbar = pd.DataFrame(v_customers), pd.DataFrame(v_busbar)
        customers, busbar = phase_tables(customers, busbar)
        self.remarks_ = tuple(
            f"{a} and {b} read the same: one meter given twice, or two customers on one pole"
            for a, b in doubled(customers)[:_MOST_REMARKS]
        )
        v, anchors = _centred(customers.to_numpy(dtype=float)), _centred(busbar.to_numpy(dtype=float))
        named, phases = anchors.shape[1], max(anchors.shape[1], _PHASES)
        likelihood = PhaseLikelihood(v, anchors, phases)
        starts = _starts(likelihood, self.starts, np.random.default_rng(self.seed))
        labels, self.loglik_ = max((likelihood.climb(start) for start in starts), key=lambda found: found[1])
        both, labels = _probabilities(likelihood, labels, v, anchors)
        probability, on_all = both[:, :-1], both[:, -1] >= _LIKELY
        self.groups_ = labels
        self._remark(customers.columns[on_all], _ON_ALL)
        best = probability.argmax(axis=1)
        self._remark(customers.columns[~on_all & (best >= named)], _MORE_GROUPS)
        sure = (probability.max(axis=1) >= self.confidence) & (best < named)
        if sure.any():
            tables = customers.to_numpy(dtype=float), busbar.to_numpy(dtype=float)
            sure &= _support(*tables, best, phases, self.seed) >= _LEAST_SUPPORT
            elsewhere = sure & of_another(v, anchors, np.minimum(best, named - 1))
            sure &= ~elsewhere
            self._remark(customers.columns[elsewhere], _ELSEWHERE)
        self.customers_ = tuple(str(c) for c in customers.columns)
        self.phase_names_ = tuple(str(c) for c in busbar.columns)
        self.probability_ = pd.DataFrame(probability[:, :named], list(self.customers_), list(self.phase_names_))
        self.labels_ = np.where(sure, best, ABSTAINS)
        self.phases_ = {
            c: self.phase_names_[k] if k >= 0 else "" for c, k in zip(self.customers_, self.labels_, strict=True)
        }
        return self

    def _remark(self, columns: pd.Index, told: str) -> None:
        if len(columns):
            who = ", ".join(str(c) for c in columns[:_MOST_REMARKS])
            more = f" and {len(columns) - _MOST_REMARKS} more" if len(columns) > _MOST_REMARKS else ""
            self.remarks_ += (f"{who}{more}: {told}",)


def _probabilities(
    likelihood: PhaseLikelihood, labels: LabelArray, v: FloatArray, busbar: FloatArray
) -> tuple[FloatArray, LabelArray]:
    """Return the probabilities (customers, phases + 1) of groups and names, and the labels by these names."""
    if busbar.shape[1] >= _PHASES:
        return likelihood.posterior(labels), labels
    labels, sure = _named(likelihood, labels, v, busbar)
    both = likelihood.posterior(labels, names=False)
    both[:, : busbar.shape[1]] *= sure[: busbar.shape[1]]
    return both, labels


def _named(
    likelihood: PhaseLikelihood, labels: LabelArray, v: FloatArray, busbar: FloatArray
) -> tuple[LabelArray, FloatArray]:
    """Return labels by the columns that their groups follow, if the busbar may lack a phase, and how sure names are.

    A name is not sure if likelihood would rather leave the group without it.
    """
    phases = likelihood.n_phases
    if busbar.shape[1] >= _PHASES:
        return labels, np.ones(phases)
    names, sure = anchored(v, busbar, labels, phases)
    labels, sure = np.append(names, phases)[labels], sure[np.argsort(names)]
    value = likelihood.value(labels)
    for column in range(busbar.shape[1]):
        for free in range(busbar.shape[1], phases):
            order = np.arange(phases + 1)
            order[[column, free]] = free, column
            if likelihood.value(order[labels]) > value:
                sure[column] = 0.0
    return labels, sure


def _support(v: FloatArray, busbar: FloatArray, labels: LabelArray, phases: int, seed: int) -> FloatArray:
    """Return in how many halves of the instants, found anew in each, every customer (customers,) has its label.

    Complementary halves of blocks of time (Shah and Samworth 2013, DOI 10.1111/j.1467-9868.2011.01034.x): what noise
    brings about in one half it does not in the other.
    """
    rng = np.random.default_rng(seed)
    blocks = np.array_split(np.arange(len(v)), min(_BLOCKS, len(v)))
    hits, drawn = np.zeros(len(labels)), 0
    for _ in range(_PAIRS_OF_HALVES):
        order = rng.permutation(len(blocks))
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            rows = np.concatenate([blocks[k] for k in sorted(half)])
            own, anchors = _centred(v[rows]), _centred(busbar[rows])
            likelihood = PhaseLikelihood(own, anchors, phases)
            climbs = [likelihood.climb(start) for start in _starts(likelihood, 2, rng)]
            hits += _named(likelihood, max(climbs, key=lambda found: found[1])[0], own, anchors)[0] == labels
            drawn += 1
    return hits / drawn


def _centred(v: FloatArray) -> FloatArray:
    return np.asarray(np.nan_to_num(v - np.nanmean(v, axis=0)))


def _starts(likelihood: PhaseLikelihood, count: int, rng: np.random.Generator) -> list[LabelArray]:
    """Return assignments to start from: by the busbar, by linkage of the correlations, and at random.

    Linkage is cut into as many groups as phases, and into one more, the one that then does best taken as on all.
    """
    correlation, n, k = likelihood.covariance, likelihood.n_customers, likelihood.n_phases
    out = [correlation[:n, n:].argmax(axis=1)]
    if n > k:
        distance = 1.0 - correlation[:n, :n]
        tree = linkage(squareform(np.maximum(0.5 * (distance + distance.T), 0.0), checks=False), "average")
        groups, more = (fcluster(tree, m, "maxclust").astype(np.int64) - 1 for m in (k, k + 1))
        orders = [np.array(order) for order in permutations(range(k + 1))]
        out += [groups, max((order[more] for order in orders), key=likelihood.value)]
    return out + [rng.integers(0, k, n) for _ in range(count)]
