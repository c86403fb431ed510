"""What other explanations of the readings leave of an edge.

A conductance between two zones is believed only where rivals of the fit find it too: gains that do not follow the time
of day, one hidden neighbour more, either half of the days. Rivals start from the fit they contest, so that each costs a
few steps. Two more things are asked where there is no floor plan. A wall has two sides: what heat flows through it has
to show in either zone's own fit (the AND rule of Meinshausen and Bühlmann 2006, DOI 10.1214/009053606000000281), while
what moves two zones from elsewhere often shows in one. And a mass that wanders by itself by more than half a kelvin a
day is no mass: it stands for flows that come and go, such as doors that open and shut, of which a constant conductance
is the wrong picture. How strictly the rivals are heard depends on what is known, see :class:`Doubts`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.descent import descend
from rexnet_grid.spacemeternet.support import without
from rexnet_grid.spacemeternet.wholefit import ONE_SIDED, W_PER_KW, Whole, carried_hessian, refitted, remodelled

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.likelihood import Likelihood
    from rexnet_grid.spacemeternet.zonemodel import ZoneData

_MODELS = 2  # the first rivals differ in their model, the others in their readings
_ROUGH = 1e-2  # of the log-likelihood: a seventh of a standard error, where whole ones are asked
RESTLESS = 0.1  # K/√h, about half a kelvin a day


@dataclass(frozen=True, slots=True)
class Strictness:
    """How much is asked of an edge.

    Attributes
    ----------
    rivals, sides
        Standard errors it has to keep in every rival, and in the zones' own fits from either side (there each edge may
        have its own number).
    rest
        Whether masses have to be at rest at both ends (each edge may have its own answer).
    dark
        Whether no absence is stated.
    doubtless
        z from which an edge need not show from both sides: behind an open door two zones hardly differ in their own
        fits.
    """

    rivals: float
    sides: float | FloatArray
    rest: bool | BoolArray = False
    dark: bool = False
    doubtless: float = 15.0


WITH_PLAN = Strictness(rivals=1.0, sides=-np.inf)
FEW_WITH_PLAN = Strictness(rivals=1.0, sides=1.645, doubtless=5.0)
WITHOUT_PLAN = Strictness(rivals=0.5, sides=1.645)
OF_MANY_ZONES = Strictness(rivals=0.5, sides=0.5)
IN_THE_DARK = Strictness(rivals=3.0, sides=1.0, rest=True, dark=True)


@dataclass(frozen=True, slots=True)
class Doubts:
    """What rivals leave in doubt.

    Attributes
    ----------
    present, absent
        (edges,) which edges may not be called so.
    spread
        (edges,) root mean square by which the rivals' models differ from the fit [W/K]: what the choice of a model adds
        to the error (Buckland, Burnham and Augustin 1997, DOI 10.2307/2533961).
    """

    present: BoolArray
    absent: BoolArray
    spread: FloatArray

    @classmethod
    def none(cls, edges: int) -> Doubts:
        """Return that nothing is in doubt."""
        return cls(np.zeros(edges, dtype=bool), np.zeros(edges, dtype=bool), np.zeros(edges))


def doubts(whole: Whole, sides: FloatArray, strictness: Strictness, material: float) -> Doubts:
    """Return what the rivals of a fit leave in doubt.

    Parameters
    ----------
    whole
        The fit.
    sides
        (edges,) the smaller of the edge's two z in the zones' own fits; infinite where they did not look.
    strictness
        ``WITH_PLAN``, or ``FEW_WITH_PLAN``; without one ``WITHOUT_PLAN``, ``OF_MANY_ZONES`` where the readings of many
        zones leave white residuals, or ``IN_THE_DARK`` where a hidden neighbour was needed.
    material
        Conductance below which an edge does not matter [W/K]. Where residuals stray from white noise, an absence needs
        the rivals' agreement: none may insist on a material conductance.
    """
    error = np.maximum(whole.std_error, 1e-12)
    half = len(whole.data.temperature) // 2
    rivals = [with_constant_gains(whole), with_hidden(whole, whole.hidden + 1)]
    models = [_conductance(whole, rival.likelihood, rival.theta) for rival in rivals]
    parts = [on_part(whole, 0, half), on_part(whole, half, 2 * half)]
    found = np.stack([model / error for model in models] + [part / (np.sqrt(2.0) * error) for part in parts])
    nowhere = np.zeros(len(error), dtype=bool)
    restless = restless_edges(whole) & strictness.rest
    one_sided = (sides < strictness.sides) & (whole.z < strictness.doubtless)
    present = (found.min(axis=0) < strictness.rivals) | (whole.z < strictness.rivals) | one_sided | restless
    least = np.stack([_least(whole, *pair, material) for pair in zip(rivals, models, strict=True)])
    spread = np.sqrt(((least - whole.conductance) ** 2).mean(axis=0))
    absent = ~nowhere if strictness.dark else nowhere
    if not whole.white.passes:
        insisted = [*least, *(part - ONE_SIDED * np.sqrt(2.0) * error for part in parts)]
        absent = absent | (np.max(insisted, axis=0) >= material)
    return Doubts(present, absent, spread)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another explanation of the same readings: its likelihood and optimum, and a guess of the Hessian there.

    ``dropped`` are the parameters that it holds at zero.
    """

    likelihood: Likelihood
    theta: FloatArray
    hessian: FloatArray
    dropped: tuple[int, ...] = ()

    def root_ratio(self, edge: int, variance_ratio: float) -> float:
        """Return the root of the likelihood ratio of the rival to itself without an edge; see :mod:`.support`."""
        held = [*self.dropped, edge]
        theta, lower, upper = self.theta.copy(), self.likelihood.lower.copy(), self.likelihood.upper.copy()
        theta[held] = lower[held] = upper[held] = 0.0
        best = descend(self.likelihood, theta, self.hessian, bounds=(lower, upper)).objective
        lost = best - self.likelihood.value_and_gradient(self.theta)[0]
        return float(np.sqrt(2.0 * max(lost, 0.0) * variance_ratio))


def _least(whole: Whole, rival: Rival, conductance: FloatArray, material: float) -> FloatArray:
    """Return a rival's conductances (edges,) [W/K], and of edges that are zero in the fit the least it admits.

    The error of such an edge comes from how steeply the likelihood falls off from zero, and holds nothing of the
    rival's own. So what speaks against zero is the lower 95 % bound of the rival's likelihood ratio, not its optimum.
    """
    out = conductance.copy()
    names = [p.name for p in rival.likelihood.network.parameters]
    own = ONE_SIDED * whole.std_error < material
    far = np.hypot(whole.std_error, conductance / np.sqrt(_MODELS)) * ONE_SIDED >= material
    for number in np.flatnonzero((whole.conductance <= 0.0) & own & far):
        edge = names.index(whole.model.network.parameters[whole.model.edges[number]].name)
        root = rival.root_ratio(edge, min(float(whole.curvature_share[number]), 1.0))
        out[number] *= max(1.0 - ONE_SIDED / max(root, 1e-12), 0.0)
    return out


def restless_edges(whole: Whole) -> BoolArray:
    """Return which edges (edges,) end at a zone whose mass wanders by itself."""
    names = [p.name for p in whole.model.network.parameters]
    wander = dict(zip(names, whole.likelihood.values(whole.fit.theta).tolist(), strict=True))
    restless = [wander.get(f"mass noise {zone}", 0.0) > RESTLESS for zone in whole.data.zones]
    return np.array([restless[i] or restless[j] for i, j in whole.model.pairs], dtype=bool)


def with_constant_gains(whole: Whole) -> Rival:
    """Return the fit whose gains do not follow the time of day."""
    daily = [k for k, p in enumerate(whole.model.network.parameters) if p.name.endswith("/day")]
    fit = without(whole.likelihood, whole.fit, whole.curve, daily, _ROUGH) if daily else whole.fit
    return Rival(whole.likelihood, fit.theta, whole.curve.hessian, tuple(daily))


def with_hidden(whole: Whole, hidden: int) -> Rival:
    """Return the fit with ``hidden`` hidden neighbours."""
    likelihood, fit = refitted(whole, whole.data, remodelled(whole, whole.data, hidden=hidden), tolerance=_ROUGH)
    return Rival(likelihood, fit.theta, carried_hessian(whole, likelihood))


def on_part(whole: Whole, first: int, last: int) -> FloatArray:
    """Return the conductances (edges,) [W/K] that readings ``first`` to ``last`` show."""
    data = part_of(whole.data, slice(first, last))
    likelihood, fit = refitted(whole, data, remodelled(whole, data), tolerance=_ROUGH)
    return _conductance(whole, likelihood, fit.theta)


def _conductance(whole: Whole, likelihood: Likelihood, theta: FloatArray) -> FloatArray:
    names = [p.name for p in likelihood.network.parameters]
    edges = [names.index(whole.model.network.parameters[k].name) for k in whole.model.edges]
    return np.asarray(W_PER_KW * likelihood.values(theta)[edges])


def part_of(data: ZoneData, rows: slice) -> ZoneData:
    """Return some rows of a building's meters."""
    return replace(
        data,
        temperature=data.temperature[rows],
        boundary=data.boundary[rows],
        heat=data.heat[rows],
        sun=None if data.sun is None else data.sun[rows],
        clock=None if data.clock is None else data.clock[rows],
    )
