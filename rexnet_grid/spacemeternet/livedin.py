"""Houses as people live in them: walls with a mass of their own, gains that come and go, outer walls.

A wall between rooms holds back for hours what it conducts in the end; without a mass of its own a heavy one passes for
none. People, cookers and doors to elsewhere add heat that nobody meters, for an hour or so each time, and thermostats
answer it by giving less. Taken for white noise it makes metered heat look too weak, so that capacities and with them
all conductances come out too large, by a third and more (the bias of closed loops: Forssell and Ljung 1999, DOI
10.1016/S0005-1098(99)00022-9). A model with all of these has several optima, and where the simple model ends is a poor
start: there furniture has become the rooms' mass. So it is fitted from rough numbers of its own, which takes many times
as long as the simple model; a few steps from there tell first whether that lacks anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from rexnet_grid.spacemeternet.descent import descend
from rexnet_grid.spacemeternet.nodewise import carried_over
from rexnet_grid.spacemeternet.wholefit import Whole, judged, likelihood_of, remodelled

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

VISITS_SEEN = 0.5  # longest step [h] that tells what comes and goes for an hour from white noise
_SIGNIFICANT = 3.84
_RESTARTS = 2
_FIRST_STEPS = 24
_SLIGHT = 0.3  # of their usual start, what a few steps from the simple model begin with
_NOT_IN_SIMPLE = ("envelope ", "wall capacity ", "what comes and goes ")


def lived_in(whole: Whole) -> tuple[Whole, FloatArray]:
    """Try the model of a house that is lived in; return the better model and what the choice adds to the errors.

    It is tried where a few steps towards it help, without a hidden neighbour and with one, which has to lower BIC;
    without one only where that is worse than the simple model and leaves white residuals. The models are weighed by
    their posteriors, each further parameter charged with half of 3.84 (significant at 5 %): what it adds is the rule in
    houses, and need not earn its place by BIC. The variance (edges,) [W/K]² of a choice of one of two is the product of
    the weights times the squared difference (Buckland, Burnham and Augustin 1997, DOI 10.2307/2533961).
    """
    none = np.zeros(len(whole.model.edges))
    if whole.model.order == 1 or not len(none) or not lacks_something(whole):
        return whole, none
    best = _from_rough_numbers(whole, 0)
    if _gained(whole, best) > 0.0 or best.white.suspicious:
        best = min(best, _from_rough_numbers(whole, 1), key=lambda trial: trial.bic)
    gained = _gained(whole, best)
    weight = float(expit(gained))
    spread = np.sqrt(weight * (1.0 - weight)) * np.abs(best.conductance - whole.conductance)
    return (best if gained > 0.0 else whole), spread


def lacks_something(whole: Whole) -> bool:
    """Tell whether a few steps from the simple fit, with slight masses in walls and slight visits, better it.

    Where residuals stray from white noise any gain in the posterior will do. White ones prove nothing, for a simple
    model of rooms behind heavy walls has them too, though the wider one is better by hundreds; then outer walls, masses
    and visits have to gain half of what they are charged. Walls that the simple fit has at zero are left out, which
    takes nothing from it; where the steps to come promise too little, they end early.
    """
    there = tuple(pair for pair, g in zip(whole.model.pairs, whole.conductance.tolist(), strict=True) if g > 0.0)
    model = remodelled(whole, whole.data, there, envelope=True, lived_in=True)
    likelihood = likelihood_of(model, whole.data)
    values = likelihood.values(carried_over(whole.likelihood, whole.fit.theta, likelihood))
    further = [parameter.name.startswith(_NOT_IN_SIMPLE) for parameter in model.network.parameters]
    start = likelihood.theta(np.where(further, _SLIGHT * values, values))
    needed = 0.0 if whole.white.suspicious else 0.5 * 0.5 * _SIGNIFICANT * sum(further)
    goal = whole.fit.objective - needed
    return descend(likelihood, start, likelihood.information(start), _FIRST_STEPS, target=goal).objective < goal


def _gained(whole: Whole, wider: Whole) -> float:
    """Return by how much the wider model's posterior is better, its further parameters charged."""
    more = int(wider.curve.free.sum()) - int(whole.curve.free.sum())
    return whole.fit.objective - wider.fit.objective - 0.5 * _SIGNIFICANT * more


def _from_rough_numbers(whole: Whole, hidden: int) -> Whole:
    model = remodelled(whole, whole.data, hidden=hidden, envelope=True, lived_in=True)
    likelihood = likelihood_of(model, whole.data)
    fit = descend(likelihood, likelihood.start, likelihood.information(likelihood.start))
    for _ in range(_RESTARTS):
        if fit.converged:
            break
        fit = descend(likelihood, fit.theta, likelihood.information(fit.theta))
    return judged(whole.data, model, likelihood, fit)
