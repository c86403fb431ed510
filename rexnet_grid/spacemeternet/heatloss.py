"""The heat-loss coefficients of a fitted building, and how sure they are.

The heat-loss coefficient (transmission and ventilation, as in ISO 13789) of a zone to a known temperature is the
conductance between the two, directly from the air and, where the mass loses heat itself, through it; that of the
building is the sum over its zones, its variance that of the sum, as the zones' errors are correlated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.zonemodel import HIDDEN

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.buildingfit import BuildingFit
    from rexnet_grid.spacemeternet.discretise import FloatArray

_W_PER_KW = 1000.0
BUILDING = "building"


def heat_loss(found: BuildingFit) -> pd.DataFrame:
    """Return the heat-loss coefficients: columns zone, to, heat_loss_w_k, std_error [W/K].

    One row for each zone and known temperature, and for each known temperature one called ``"building"``. Where a
    hidden neighbour was needed, its rows count towards outdoors, about whose temperature it wanders.
    """
    covariance = _W_PER_KW**2 * found.covariance
    rows = []
    hidden = tuple(name for name in found.model.network.states if name.startswith(HIDDEN))
    for boundary in (*found.data.boundaries, *hidden):
        values, slopes = _losses(found, boundary)
        variance = np.einsum("zi,ij,zj->z", slopes, covariance, slopes)
        known = (np.abs(slopes) @ found.curve.free) > 0.0
        errors = np.where(known, np.sqrt(np.maximum(variance, 0.0)), np.nan)
        rows += list(zip(found.data.zones, [boundary] * len(values), values.tolist(), errors.tolist(), strict=True))
        total = slopes.sum(axis=0)
        rows.append((BUILDING, boundary, float(values.sum()), float(np.sqrt(max(total @ covariance @ total, 0.0)))))
    return pd.DataFrame(rows, columns=["zone", "to", "heat_loss_w_k", "std_error"])


def _losses(found: BuildingFit, boundary: str) -> tuple[FloatArray, FloatArray]:
    """Return the zones' heat-loss coefficients (zones,) [W/K] and their slopes (zones, p) by the parameters.

    Air that loses g, and a mass behind a film f that loses e: g + e f / (e + f) when the mass is at rest.
    """
    names = [p.name for p in found.model.network.parameters]
    values, zones = found.values, found.data.zones
    slopes = np.zeros((len(zones), len(names)))
    rows = np.arange(len(zones))
    direct = [names.index(f"loss {zone} to {boundary}") for zone in zones]
    slopes[rows, direct] = 1.0
    loss = values[direct]
    if found.model.envelope and boundary == found.data.boundaries[0]:
        wall, film = ([names.index(f"{what} {zone}") for zone in zones] for what in ("envelope", "film"))
        e, f = values[wall], values[film]
        loss = loss + e * f / (e + f)
        slopes[rows, wall], slopes[rows, film] = (f / (e + f)) ** 2, (e / (e + f)) ** 2
    return _W_PER_KW * loss, slopes
