"""An estimated network as rows of headroom, with margins that come from its covariance.

A row says how far an estimated quantity may still move before its limit: the estimate's own standard error at the
point in question, and the scatter of what was measured about it, are taken off first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from rexnet_grid.delivery.headroom import Headroom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray


def margin_factor(confidence: float) -> float:
    """Return the one-sided normal quantile of ``confidence``."""
    if not 0.5 <= confidence < 1.0:
        raise ValueError(f"confidence is {confidence}; it must lie in [0.5, 1)")
    return float(norm.ppf(confidence))


def band_rows(
    unit: int,
    nodes: Sequence[str],
    names: Sequence[str],
    coefficients: FloatArray,
    expected: FloatArray,
    margin: FloatArray,
    band: tuple[float, float],
    kind: str,
) -> Headroom:
    """Return the rows that keep estimated quantities inside a band.

    Parameters
    ----------
    unit
        The open unit.
    nodes
        Names of the columns.
    names
        Names of the quantities (rows), such as ``"bus 12"``.
    coefficients
        (quantities, nodes) change per injection [1/kW].
    expected, margin
        (quantities,) value at the positions and what is taken off for not knowing it better.
    band
        Lowest and highest value allowed.
    kind
        ``"voltage"`` or ``"heating"``: ends the limits' names, as in ``"bus 12 undervoltage"``.
    """
    low, high = band
    return Headroom(
        unit=unit,
        nodes=tuple(nodes),
        coefficients=np.vstack([coefficients, -coefficients]),
        slack=np.concatenate([high - expected - margin, expected - low - margin]),
        limits=tuple([f"{n} over{kind}" for n in names] + [f"{n} under{kind}" for n in names]),
    )
