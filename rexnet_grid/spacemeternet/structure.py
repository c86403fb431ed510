"""Which edges are there: present, absent, or undetermined.

After the joint fit with all candidates every edge has a conductance g >= 0, a standard error s and so the one-sided
probability that it is no edge. Tests at the bound follow the half-half mixture of χ²_0 and χ²_1 (Self and Liang 1987,
DOI 10.1080/01621459.1987.10478472), which for one edge is the one-sided normal test. False discoveries are held by
Benjamini and Hochberg (1995, DOI 10.1111/j.2517-6161.1995.tb02031.x), and an edge has to show in most halves of the
days (stability selection). An edge is *present* if it is discovered, stable and material, *absent* if even its upper
confidence bound is immaterial, and *undetermined* otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import norm

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray

_STABLE = 0.6

State = Literal["present", "absent", "undetermined"]


@dataclass(frozen=True, slots=True)
class EdgeVerdict:
    """What the data say about one candidate edge.

    Attributes
    ----------
    a, b
        The zones.
    state
        ``"present"``, ``"absent"`` or ``"undetermined"``.
    conductance_w_k, std_error
        Estimate and standard error [W/K]; of an undetermined edge whose interval reaches down to zero the error says
        how large it may be, see :mod:`.heavywalls`.
    z
        Estimate over standard error.
    probability
        Posterior probability that the conductance is material, under a normal likelihood and equal odds.
    stability
        Share of halves of the days in which the edge shows.
    also_as
        The pairs that the verdict may be about as well, as nothing tells the sensors' names apart.
    room_probability
        Probability for the *rooms* of these names: the mean of ``probability`` over the pair and all that it may stand
        for, as if whoever named the sensors that nothing tells apart had drawn lots.
    """

    a: str
    b: str
    state: State
    conductance_w_k: float
    std_error: float
    z: float
    probability: float
    stability: float
    also_as: str = ""
    room_probability: float = 0.0


def discoveries(p_values: FloatArray, rate: float) -> BoolArray:
    """Return which hypotheses Benjamini and Hochberg's procedure rejects at false-discovery ``rate``."""
    order = np.argsort(p_values, kind="stable")
    n = len(p_values)
    below = np.flatnonzero(p_values[order] <= rate * np.arange(1, n + 1) / max(n, 1))
    out = np.zeros(n, dtype=bool)
    if len(below):
        out[order[: below[-1] + 1]] = True
    return out


def judge(
    conductance: FloatArray,
    std_error: FloatArray,
    tested: FloatArray,
    stability: FloatArray,
    material: float,
    rate: float,
    confidence: float,
    slight: float | None = None,
) -> tuple[tuple[State, ...], FloatArray]:
    """Return the state of each edge and the probability that it is material.

    Parameters
    ----------
    conductance, std_error
        (edges,) [W/K]; an infinite standard error means that nothing is known.
    tested
        (edges,) standard normal statistic of each edge: its z, or the root of its likelihood ratio.
    stability
        (edges,) share of halves of the days in which each edge shows.
    material
        Conductance below which an edge does not matter [W/K].
    rate
        False-discovery rate.
    confidence
        One-sided confidence of an absence.
    slight
        Conductance that the upper bound of an absent edge has to stay below [W/K]; ``material`` if None.
    """
    least = material if slight is None else slight
    found = discoveries(norm.sf(tested), rate) & (conductance >= material) & (stability >= _STABLE)
    upper = conductance + norm.ppf(confidence) * std_error
    states: list[State] = []
    for is_found, top in zip(found, upper, strict=True):
        states.append("present" if is_found else "absent" if top < least else "undetermined")
    return tuple(states), material_probability(conductance, std_error, material)


def material_probability(conductance: FloatArray, std_error: FloatArray, material: float) -> FloatArray:
    """Return the probability (edges,) that each conductance is above ``material`` [W/K], normal about its estimate."""
    return np.asarray(norm.sf((material - conductance) / np.where(std_error > 0, std_error, 1e-12)))
