"""Houses as people live in them: walls with a mass of their own, gains that come and go, outer walls.

A wall between rooms holds back for hours what it conducts in the end; without a mass of its own a heavy one passes for
none. People, cookers and doors to elsewhere add heat that nobody meters, for an hour or so each time, and thermostats
answer it by giving less. Taken for white noise it makes metered heat look too weak, so that capacities and with them
all conductances come out too large, by a third and more (the bias of closed loops: Forssell and Ljung 1999, DOI
10.1016/S0005-1098(99)00022-9). A model with all of these has several optima, and where the simple model ends is a poor
start: there furniture has become the rooms' mass. So it is fitted from rough numbers of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from rexnet_grid.spacemeternet.descent import descend
from rexnet_grid.spacemeternet.wholefit import Whole, judged, likelihood_of, remodelled

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

VISITS_SEEN = 0.5  # longest step [h] that tells what comes and goes for an hour from white noise
_SIGNIFICANT = 3.84
_RESTARTS = 2


def lived_in(whole: Whole) -> tuple[Whole, FloatArray]:
    """Try the model of a house that is lived in; return the better model and what the choice adds to the errors.

    It is tried without a hidden neighbour and with one, which has to lower BIC. The models are weighed by their
    posteriors, each further parameter charged with half of 3.84 (significant at 5 %): what it adds is the rule in
    houses, and need not earn its place by BIC. The variance (edges,) [W/K]² of a choice of one of two is the product of
    the weights times the squared difference (Buckland, Burnham and Augustin 1997, DOI 10.2307/2533961).
    """
    none = np.zeros(len(whole.model.edges))
    if whole.model.order == 1 or not len(none):
        return whole, none
    trials = [_from_rough_numbers(whole, hidden) for hidden in (0, 1)]
    best = min(trials, key=lambda trial: trial.bic)
    more = int(best.curve.free.sum()) - int(whole.curve.free.sum())
    gained = whole.fit.objective - best.fit.objective - 0.5 * _SIGNIFICANT * more
    weight = float(expit(gained))
    spread = np.sqrt(weight * (1.0 - weight)) * np.abs(best.conductance - whole.conductance)
    return (best if gained > 0.0 else whole), spread


def _from_rough_numbers(whole: Whole, hidden: int) -> Whole:
    model = remodelled(whole, whole.data, hidden=hidden, envelope=True, lived_in=True)
    likelihood = likelihood_of(model, whole.data)
    fit = descend(likelihood, likelihood.start, likelihood.information(likelihood.start))
    for _ in range(_RESTARTS):
        if fit.converged:
            break
        fit = descend(likelihood, fit.theta, likelihood.information(fit.theta))
    return judged(whole.data, model, likelihood, fit)
