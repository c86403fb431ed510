"""What a wall's own mass can hide, and what is no wall.

Masses belong to zones in the model, not to walls. A heavy wall lets through in hours little of what it conducts over
days, and passes for no wall with a small standard error. Heat from one room's air through such a wall to the other's
has to enter and to leave by surfaces that the zones' films f hold [W/K], so that no wall conducts more than the two in
series, f_i f_j / (f_i + f_j) (Incropera et al., Fundamentals of Heat and Mass Transfer, 6th ed., Wiley 2006,
section 3.1). Air that mixes through an open door is told by going beyond it. What is not known is bounded by two of the
largest film of the house in series, for films of zones among heavy walls come out too small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.wholefit import ONE_SIDED, W_PER_KW

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray
    from rexnet_grid.spacemeternet.wholefit import Whole
    from rexnet_grid.spacemeternet.zonemodel import Pair

SURE = 3.0


def films_in_series(whole: Whole) -> FloatArray:
    """Return what a wall between the zones of each pair may conduct (edges,) [W/K]; infinite without masses."""
    resistance = 1.0 / _films(whole)
    i, j = np.array(whole.model.pairs, dtype=int).reshape(-1, 2).T
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (resistance[i] + resistance[j]))


def most_of_walls(whole: Whole) -> float:
    """Return what any wall of the house may conduct [W/K]; infinite without masses."""
    return float(_films(whole).max()) / 2.0


def _films(whole: Whole) -> FloatArray:
    """Return the zones' films (zones,) [W/K], which are at least 1 % of their prior; infinite without masses."""
    zones = whole.data.zones
    if whole.model.order == 1:
        return np.full(len(zones), np.inf)
    names = [p.name for p in whole.model.network.parameters]
    values = whole.likelihood.values(whole.fit.theta)
    return np.asarray(W_PER_KW * values[[names.index(f"film {zone}") for zone in zones]])


def open_doors(conductance: FloatArray, std_error: FloatArray, most: FloatArray) -> BoolArray:
    """Return which edges (edges,) surely conduct something, and more than a wall can."""
    return np.asarray((conductance > SURE * std_error) & (conductance > most))


def beside(marked: BoolArray, pairs: tuple[Pair, ...]) -> BoolArray:
    """Return which pairs share a zone with a marked one (edges,); the marked themselves do."""
    zones = {zone for pair, yes in zip(pairs, marked.tolist(), strict=True) if yes for zone in pair}
    return np.array([i in zones or j in zones for i, j in pairs], dtype=bool)


def error_of_unknown(conductance: FloatArray, std_error: FloatArray, most: float) -> FloatArray:
    """Return standard errors (edges,) [W/K] that tell how large edges may be whose intervals reach down to zero.

    Their one-sided 95 % bound is at least ``most``, what a wall can conduct [W/K]; others keep their error.
    """
    near_zero = conductance < ONE_SIDED * std_error
    reach = np.where(near_zero & np.isfinite(most), most - conductance, 0.0) / ONE_SIDED
    return np.asarray(np.maximum(std_error, reach))
