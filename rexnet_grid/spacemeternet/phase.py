"""PhaseAssigner: the phase of each single-phase customer from voltages, abstaining where the meters do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.manners import Estimator

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

ABSTAINS = -1


class PhaseAssigner(Estimator):
    """Assign customers to phases by a mixture of one voltage factor a phase.

    Each customer's voltage deviates as ``v_i = l_i f_k + e_i`` with the factor f_k of its phase k; factors start from
    the busbar's voltages, are re-estimated from the customers assigned to them, and a customer's posterior over the
    phases follows from the residual variances. Below ``confidence`` it abstains.

    Parameters
    ----------
    confidence
        Posterior probability needed for a label.
    rounds
        Passes of re-estimation.
    """

    def __init__(self, confidence: float = 0.9, rounds: int = 30) -> None:
        self.confidence = confidence
        self.rounds = rounds

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
            abstains; ``phases_`` the names; ``probability_`` (customers, phases).

        Raises
        ------
        MeterDataError
            If the tables do not fit each other.
        """
        customers, busbar = pd.DataFrame(v_customers), pd.DataFrame(v_busbar)
        if len(customers) != len(busbar) or len(customers) < 10:
            raise MeterDataError(
                [
                    Issue(
                        "v_busbar", "rows", str(len(busbar)), f"as many as v_customers ({len(customers)}), ten at least"
                    )
                ]
            )
        v = _standardised(customers.to_numpy(dtype=float))
        factors = _standardised(busbar.to_numpy(dtype=float))
        probability = _posterior(v, factors)
        for _ in range(self.rounds):
            updated = _factors(v, factors, probability)
            after = _posterior(v, updated)
            moved = np.max(np.abs(after - probability))
            probability = after
            if moved < 1e-6:
                break
        best = probability.argmax(axis=1)
        sure = probability.max(axis=1) >= self.confidence
        self.customers_ = tuple(str(c) for c in customers.columns)
        self.phase_names_ = tuple(str(c) for c in busbar.columns)
        self.probability_ = pd.DataFrame(probability, list(self.customers_), list(self.phase_names_))
        self.labels_ = np.where(sure, best, ABSTAINS)
        self.phases_ = {
            c: self.phase_names_[k] if k >= 0 else "" for c, k in zip(self.customers_, self.labels_, strict=True)
        }
        return self


def _standardised(v: FloatArray) -> FloatArray:
    centred = v - np.nanmean(v, axis=0)
    scale = np.nanstd(centred, axis=0)
    return np.asarray(np.nan_to_num(centred / np.where(scale > 0, scale, 1.0)))


def _posterior(v: FloatArray, factors: FloatArray) -> FloatArray:
    """Return (customers, phases) posterior from the residual variance on each factor."""
    n = len(v)
    correlation = np.clip(v.T @ factors / n, 0.0, 1.0 - 1e-9)
    loglik = -0.5 * n * np.log1p(-(correlation**2))
    weight = np.exp(loglik - loglik.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _factors(v: FloatArray, busbar: FloatArray, probability: FloatArray) -> FloatArray:
    """Return each phase's factor: the mean of its customers and its busbar, standardised."""
    return _standardised(busbar + v @ probability)
