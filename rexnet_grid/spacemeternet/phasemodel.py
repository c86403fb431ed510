"""The likelihood of an assignment of customers to phases.

Every phase has one factor f_k that moves all voltages on it, the busbar's too; factors of different phases are
correlated (neutral, medium voltage). A customer's voltage is its loading times its phase's factor plus noise::

    v_i = λ_i f_{k(i)} + e_i,   corr(f_a, f_b) = R_ab,   cov(v) = λ R λ' + diag(ψ)

an exploratory factor model with known structure (Lawley and Maxwell 1971). A customer who loads all phases alike moves
with their sum instead, the last of the groups, which names no phase and shapes no factor. Loadings, correlations and
noises follow from the sample covariance for each assignment; no busbar reading is needed to tell groups apart, only to
name them.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray

    LabelArray = NDArray[np.int64]

_ROUNDS = 15
_SWEEPS = 20
_TEMPER_GROUP = 0.7
_TEMPER_NAME = 0.8
_LEAST = 0.05
_MOST_LOADING = 0.98


class PhaseLikelihood:
    """Log-likelihood of assignments for one set of voltages.

    Parameters
    ----------
    customers, busbar
        (N, customers) and (N, phases) centred voltages.
    phases
        How many there are, if more than ``busbar`` tells: groups beyond its columns have no name.
    """

    def __init__(self, customers: FloatArray, busbar: FloatArray, phases: int = 0) -> None:
        both = np.hstack([customers, busbar])
        self.scale = np.maximum(both.std(axis=0), 1e-12)
        both = both / self.scale
        self.covariance = both.T @ both / len(both)
        self.steps = effective_steps(customers)
        self.n_customers, self.n_phases = customers.shape[1], max(busbar.shape[1], phases)
        self._anchors = np.arange(busbar.shape[1])
        self._signature = np.vstack([np.eye(self.n_phases), np.ones(self.n_phases)])

    def value(self, labels: LabelArray) -> float:
        """Return the log-likelihood of ``labels`` (customers,), the number of phases standing for all of them."""
        group = np.concatenate([labels, self._anchors])
        loading = self._loadings(group)
        across = self._across(group, loading)
        signature, loading = self._with_all_phases(group, loading, across)
        # diag(psi) + member across member', by Woodbury's identity: three factors instead of n eigenvalues
        member = signature * loading[:, None]
        psi = 1.0 - loading**2
        weighted = member / psi[:, None]
        inner = np.linalg.inv(across) + member.T @ weighted
        log_det = float(np.log(psi).sum() + np.linalg.slogdet(inner)[1] + np.linalg.slogdet(across)[1])
        trace = float((np.diag(self.covariance) / psi).sum())
        trace -= float(np.trace(np.linalg.solve(inner, weighted.T @ self.covariance @ weighted)))
        return -0.5 * self.steps * (log_det + trace)

    def climb(self, labels: LabelArray) -> tuple[LabelArray, float]:
        """Return the labels after moving single customers, then whole groups, as long as the likelihood grows."""
        best, value = labels.copy(), self.value(labels)
        for _ in range(_SWEEPS):
            before = value
            for i in range(self.n_customers):
                for phase in range(self.n_phases + 1):
                    if phase != best[i]:
                        trial = best.copy()
                        trial[i] = phase
                        other = self.value(trial)
                        if other > value:
                            best, value = trial, other
            for order in self._namings():
                trial = order[best]
                other = self.value(trial)
                if other > value:
                    best, value = trial, other
            if value <= before + 1e-9:
                break
        return best, value

    def posterior(self, labels: LabelArray, names: bool = True) -> FloatArray:
        """Return (customers, phases + 1) probabilities about ``labels``: of customers' groups and the groups' names.

        Loadings fitted anew for each assignment flatter all of them, the naming most, as it hangs on three busbar
        readings; log-likelihoods are therefore tempered before they are compared. Without ``names`` those of
        ``labels`` are kept.
        """
        n, k = self.n_customers, self.n_phases
        group = np.empty((n, k + 1))
        for i in range(n):
            for phase in range(k + 1):
                trial = labels.copy()
                trial[i] = phase
                group[i, phase] = self.value(trial)
        group = _softmax(_TEMPER_GROUP * group)
        if not names:
            return group
        orders = self._namings()
        weights = _softmax(_TEMPER_NAME * np.array([[self.value(order[labels]) for order in orders]]))[0]
        out = np.zeros((n, k + 1))
        for weight, order in zip(weights, orders, strict=True):
            out[:, order] += weight * group
        return out

    def _namings(self) -> list[LabelArray]:
        """Return all namings of the groups; who loads all phases does so under any name."""
        return [np.array([*order, self.n_phases]) for order in permutations(range(self.n_phases))]

    def _with_all_phases(
        self, group: LabelArray, loading: FloatArray, across: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return how each meter follows the phases, at unit variance, and its loading.

        Those on all phases have theirs from the covariances with all others by least squares.
        """
        signature, every = self._signature[group], group == self.n_phases
        if not every.any():
            return signature, loading
        signature[every] /= np.sqrt(np.ones(self.n_phases) @ across @ np.ones(self.n_phases))
        expected = (signature[every] @ across @ signature[~every].T) * loading[~every]
        seen = self.covariance[np.ix_(every, ~every)]
        loading = loading.copy()
        loading[every] = np.clip((seen * expected).sum(axis=1) / (expected**2).sum(axis=1), 1e-3, _MOST_LOADING)
        return signature, loading

    def _loadings(self, group: LabelArray) -> FloatArray:
        """Return loadings by alternating least squares on the covariances within the groups."""
        same = ((group[:, None] == group[None, :]) & (group < self.n_phases)).astype(float)
        np.fill_diagonal(same, 0.0)
        loading = np.full(len(group), 0.7)
        for _ in range(_ROUNDS):
            fresh = (same * self.covariance) @ loading / np.maximum(same @ loading**2, 1e-9)
            loading = np.clip(0.5 * (loading + fresh), 0.0, _MOST_LOADING)  # all at once they would swing
            loading = np.where(same.sum(axis=1) > 0, np.maximum(loading, 1e-3), 0.7)
        return np.asarray(loading)

    def _across(self, group: LabelArray, loading: FloatArray) -> FloatArray:
        """Return the correlation of the phases' factors."""
        member = np.eye(self.n_phases + 1)[group, : self.n_phases] * loading[:, None]
        size = np.maximum((member**2).sum(axis=0), 1e-12)
        across = np.clip((member.T @ self.covariance @ member) / np.outer(size, size), -0.95, 0.95)
        np.fill_diagonal(across, 1.0)
        values, vectors = np.linalg.eigh(across)
        across = (vectors * np.maximum(values, _LEAST)) @ vectors.T
        scale = np.sqrt(np.diag(across))
        return np.asarray(across / np.outer(scale, scale))


def effective_steps(values: FloatArray) -> float:
    """Return the number of independent instants in (N, customers) series with their mean lag-one autocorrelation."""
    lag = (values[1:] * values[:-1]).mean(axis=0) / np.maximum((values**2).mean(axis=0), 1e-300)
    rho = float(np.clip(np.mean(lag), 0.0, 0.95))
    return len(values) * (1.0 - rho**2) / (1.0 + rho**2)


def _softmax(loglik: FloatArray) -> FloatArray:
    weight = np.exp(loglik - loglik.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))
