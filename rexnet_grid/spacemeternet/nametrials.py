"""Zones of one circuit tried under each other's names on the floor plan.

Twice: the whole building is fitted anew on the plan with the two zones exchanged, and so is every single zone whose
neighbours change. What BIC says (Kass and Raftery 1995, DOI 10.1080/01621459.1995.10476572; a difference of ten is
"very strong") counts only if both looks agree, for either alone is easily led astray by what the model misses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.names import Names, ordered, unchecked_names
from rexnet_grid.spacemeternet.nodewise import fit_node, smoothed
from rexnet_grid.spacemeternet.wholefit import refitted, remodelled

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.nodewise import NodeFit
    from rexnet_grid.spacemeternet.wholefit import Whole
    from rexnet_grid.spacemeternet.zonemodel import Pair

_VERY_STRONG = 10.0
_MOST_TRIALS = 15


def names_on_plan(whole: Whole, nodes: list[NodeFit]) -> Names:
    """Return what is known about the names of zones with a floor plan, from the fit with its pairs.

    Parameters
    ----------
    whole
        The building, fitted with the pairs of the floor plan.
    nodes
        The zones' own fits, with their neighbours on it.

    Of more than 15 pairs of zones on the same circuits none is tried, and all stay interchangeable.
    """
    doubtful = unchecked_names(whole.data).interchangeable
    if not doubtful or len(doubtful) > _MOST_TRIALS:
        return Names(doubtful)
    zones = _ZoneTrials(whole, nodes)
    looks = {pair: (_whole_gain(whole, pair), zones.gain(pair)) for pair in doubtful}
    wrong = [pair for pair, gains in looks.items() if min(gains) > _VERY_STRONG]
    mistaken = tuple(sorted(wrong, key=lambda pair: -min(looks[pair]))[:1])
    open_ = tuple(pair for pair, gains in looks.items() if max(gains) >= -_VERY_STRONG and pair not in mistaken)
    plan = whole.model.pairs
    return Names(open_, mistaken, equal=tuple(pair for pair in open_ if exchanged(plan, pair) != plan))


def exchanged(plan: tuple[Pair, ...], names: Pair) -> tuple[Pair, ...]:
    """Return the pairs of a floor plan on which two zones have exchanged their names."""
    swap = {names[0]: names[1], names[1]: names[0]}
    return tuple(sorted(ordered(swap.get(i, i), swap.get(j, j)) for i, j in plan))


def _whole_gain(whole: Whole, names: Pair) -> float:
    """Return by how much the BIC of the whole building falls if two zones exchange their names."""
    plan = exchanged(whole.model.pairs, names)
    if plan == whole.model.pairs:
        return 0.0
    likelihood, fit = refitted(whole, whole.data, remodelled(whole, whole.data, plan))
    return 2.0 * (likelihood.loglik(fit.theta) - whole.likelihood.loglik(whole.fit.theta))


class _ZoneTrials:
    """Fits of single zones with other neighbours than the floor plan's, each made once."""

    def __init__(self, whole: Whole, nodes: list[NodeFit]) -> None:
        self._whole = whole
        self._nodes = nodes
        self._smooth = smoothed(whole.data.temperature, whole.data.step)
        self._bic = {(node.zone, frozenset(node.neighbours)): node.bic for node in nodes}

    def gain(self, names: Pair) -> float:
        """Return by how much the sum of the zones' BIC falls if two of them exchange their names."""
        plan = exchanged(self._whole.model.pairs, names)
        beside = [frozenset(sum(pair) - node.zone for pair in plan if node.zone in pair) for node in self._nodes]
        return float(np.sum([node.bic - self._price(node, n) for node, n in zip(self._nodes, beside, strict=True)]))

    def _price(self, node: NodeFit, neighbours: frozenset[int]) -> float:
        key = (node.zone, neighbours)
        if key not in self._bic:
            data = self._whole.data
            fit = fit_node(data, node.zone, sorted(neighbours), self._smooth, node.states, start=node)
            self._bic[key] = fit.bic
        return self._bic[key]
