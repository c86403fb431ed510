"""Friction and heat transfer in a straight round pipe, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import entry, inner

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

LAMINAR_REYNOLDS = 2300.0
TURBULENT_REYNOLDS = 4000.0
LAMINAR_NUSSELT = 3.66
LOG_10 = math.log(10.0)


def roughness_term(relative_roughness: FloatArray) -> FloatArray:
    """Return (k / 3.7 D)^1.11, the wall's part in Haaland's law of friction [-], for k / D."""
    term: FloatArray = (relative_roughness / 3.7) ** 1.11
    return term


@entry
def friction_and_slope(reynolds: float, rough: float) -> tuple[float, float]:
    """Return the Darcy friction factor [-] from laminar through transition to turbulent flow, and its slope by Re.

    ``rough`` is Haaland's term of the wall, :func:`roughness_term`.

    64/Re below Re 2300; Haaland's explicit form of Colebrook-White above Re 4000 (S. E. Haaland, J. Fluids Eng. 105
    (1983) 89, doi:10.1115/1.3240948; within 1.5 % of Colebrook); linear in Re between the two, so that pressure drop
    rises monotonically.
    """
    if reynolds < 1e-9:
        return 0.0, 0.0
    if reynolds <= LAMINAR_REYNOLDS:
        return 64.0 / reynolds, -64.0 / (reynolds * reynolds)
    high = max(TURBULENT_REYNOLDS, reynolds)
    inside = rough + 6.9 / high
    root = -1.8 * math.log10(inside)
    turbulent = 1.0 / (root * root)
    if reynolds >= TURBULENT_REYNOLDS:
        return turbulent, -2.0 * 1.8 * 6.9 / LOG_10 * turbulent / (root * inside * reynolds * reynolds)
    laminar = 64.0 / LAMINAR_REYNOLDS
    slope = (turbulent - laminar) / (TURBULENT_REYNOLDS - LAMINAR_REYNOLDS)
    return laminar + slope * (reynolds - LAMINAR_REYNOLDS), slope


@entry
def nusselt(reynolds: float, prandtl: float) -> float:
    """Return the Nusselt number of fully developed flow [-], see :func:`nusselt_at`."""
    return nusselt_at(reynolds, prandtl, prandtl ** (2.0 / 3.0))


@inner
def nusselt_at(reynolds: float, prandtl: float, power: float) -> float:
    """Return the Nusselt number [-]; ``power`` is the Prandtl number's power 2/3.

    3.66 laminar (constant wall temperature); Gnielinski (Forsch. Ingenieurwes. 41 (1975) 8, doi:10.1007/BF02559682)
    with the friction of a smooth pipe, (1.8 log Re - 1.5)^-2, above Re 4000; linear in Re between (VDI Heat Atlas,
    G1).
    """
    if reynolds <= LAMINAR_REYNOLDS:
        return LAMINAR_NUSSELT
    high = max(reynolds, TURBULENT_REYNOLDS)
    root = 1.8 * math.log10(high) - 1.5
    eighth = 0.125 / (root * root)
    gnielinski = eighth * (high - 1000.0) * prandtl / (1.0 + 12.7 * math.sqrt(eighth) * (power - 1.0))
    gnielinski = max(gnielinski, LAMINAR_NUSSELT)
    if reynolds >= TURBULENT_REYNOLDS:
        return float(gnielinski)
    share = (reynolds - LAMINAR_REYNOLDS) / (TURBULENT_REYNOLDS - LAMINAR_REYNOLDS)
    return float((1.0 - share) * LAMINAR_NUSSELT + share * gnielinski)
