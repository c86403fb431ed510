"""The heat-loss coefficients of a fitted building, and how sure they are.

The heat-loss coefficient (transmission and ventilation, as in ISO 13789) of a zone to a known temperature is the
conductance between the two; that of the building to outdoors is the sum over its zones, its variance the sum over the
whole block of the covariance, as the zones' errors are correlated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.zonemodel import HIDDEN

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.buildingfit import BuildingFit

_W_PER_KW = 1000.0
BUILDING = "building"


def heat_loss(found: BuildingFit) -> pd.DataFrame:
    """Return the heat-loss coefficients: columns zone, to, heat_loss_w_k, std_error [W/K].

    One row for each zone and known temperature, and for each known temperature one called ``"building"``. Where a
    hidden neighbour was needed, its rows count towards outdoors, about whose temperature it wanders.
    """
    names = [p.name for p in found.model.network.parameters]
    values, covariance = _W_PER_KW * found.values, _W_PER_KW**2 * found.covariance
    rows = []
    hidden = tuple(name for name in found.model.network.states if name.startswith(HIDDEN))
    for boundary in (*found.data.boundaries, *hidden):
        at = [names.index(f"loss {zone} to {boundary}") for zone in found.data.zones]
        errors = np.sqrt(np.maximum(np.diag(covariance)[at], 0.0))
        errors = np.where(found.curve.free[at], errors, np.nan)
        rows += list(zip(found.data.zones, [boundary] * len(at), values[at].tolist(), errors.tolist(), strict=True))
        whole = float(np.sqrt(max(covariance[np.ix_(at, at)].sum(), 0.0)))
        rows.append((BUILDING, boundary, float(values[at].sum()), whole))
    return pd.DataFrame(rows, columns=["zone", "to", "heat_loss_w_k", "std_error"])
