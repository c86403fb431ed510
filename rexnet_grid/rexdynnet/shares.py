r"""How much of a wall trades heat with the water, and how much simply moves with it.

A wall of n transfer units cut into N exchangers (see :mod:`walls`) delays a change as the real one does and spreads it
as much. Its skew differs. So a share :math:`\varphi` of the wall trades heat and the rest moves with the water, as if
it were water: with the total delay :math:`C_w / \dot m c = \tau`, the outlet's cumulants are

.. math:: \kappa_2 = \frac{\varphi^2 \tau^2}{N} \Big(\frac{2}{\varepsilon} - 1\Big), \qquad
          \kappa_3 = \frac{\varphi^3 \tau^3}{N^2} \Big(\frac{6}{\varepsilon^2} - \frac{6}{\varepsilon} + 2\Big),

those of the real wall :math:`2 \tau^2 / n` and :math:`6 \tau^3 / n^2` (compound Poisson: Goldstein, Proc. R. Soc. A 219
(1953) 151, doi:10.1098/rspa.1953.0137). Both agree for
:math:`\varphi \approx 1 + 0.0857 \nu^2 / (1 - 0.4 \nu^4)`, :math:`\nu = n / N \le 1.1`, which is above one: less than
the water moves. Coarser chains keep delay and spread by :math:`\varphi = \sqrt{2 / \nu}`. Below five transfer units the
first arrival is seen, so there :math:`\varphi` is at most 1.

A step of 60 K leaves a chain of n or more (at least 12) exchangers within 0.1 K of the real wall's response.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import apart, entry, inner
from rexnet_grid.rexdynnet.parcels import COUNT, LAST, MASS, START, TEMP, edge_c

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

ARRIVAL_SEEN, ARRIVAL_HIDDEN = 5.0, 8.0
MOST_HELD_BACK = 0.5


@inner
def most_share(units: float, exchangers: int) -> float:
    """Return the largest φ that spreads a change no more than a wall of ``units`` transfer units does [-]."""
    return math.sqrt(2.0 * exchangers / units)


@inner
def wanted_share(units: float, exchangers: int, ratio: float) -> float:
    """Return φ for a wall of ``units`` transfer units [-]; ``ratio`` is its heat capacity over the water's."""
    if units <= 0.0 or ratio <= 0.0:
        return 1.0
    per_part = units / exchangers
    most = most_share(units, exchangers)
    if most <= 1.0:
        return most
    squared = per_part * per_part
    skewed = 0.0857 * squared / (1.0 - 0.4 * squared * squared) if per_part < 1.1 else most - 1.0
    seen = min(max((units - ARRIVAL_SEEN) / (ARRIVAL_HIDDEN - ARRIVAL_SEEN), 0.0), 1.0)
    return 1.0 + min(seen * min(skewed, most - 1.0), MOST_HELD_BACK / ratio)


@inner
def beside(parcel: FloatArray, ring: IntArray, row: int, first: int, last: int) -> tuple[float, float]:
    """Return mass and mean temperature of the water beside an exchanger, half of the stretches between two [kg, degC].

    ``first`` and ``last`` are the pipe's outer rows.
    """
    mass = 0.0
    heat = 0.0
    for near in (row, row + 1):
        weight = 1.0 if near in (first, last) else 0.5
        for k in range(ring[near, COUNT]):
            i = (ring[near, START] + k) & LAST
            mass += weight * parcel[near, i, MASS]
            heat += weight * parcel[near, i, MASS] * parcel[near, i, TEMP]
    return mass, heat / mass


@inner
def warm_beside(parcel: FloatArray, ring: IntArray, row: int, first: int, last: int, change_k: float) -> None:
    """Warm the water beside an exchanger by ``change_k``, that of stretches it shares by half."""
    for near in (row, row + 1):
        weight = 1.0 if near in (first, last) else 0.5
        for k in range(ring[near, COUNT]):
            parcel[near, (ring[near, START] + k) & LAST, TEMP] += weight * change_k


@inner
def share_fits(share: float, wanted: float, units: float, exchangers: int, slack: float) -> bool:
    """Return whether a share is near enough to the wanted one: within ``slack``, and not so large that it spreads."""
    return (
        (1.0 - slack) * wanted
        <= share
        <= min((1.0 + slack) * wanted, (1.0 + 0.25 * slack) * most_share(units, exchangers))
    )


@apart
def pipe_heat(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    exchangers: int,
    wall_j_k: float,
    heat_capacity: float,
) -> float:
    """Return the heat in water and wall of one pipe above 0 degC [J]."""
    water = 0.0
    walls = 0.0
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            i = (ring[row, START] + j) & LAST
            water += parcel[row, i, MASS] * parcel[row, i, TEMP]
        if row < first + exchangers:
            walls += wall[row]
    return water * heat_capacity + walls * wall_j_k / exchangers


@apart
def shift(parcel: FloatArray, ring: IntArray, wall: FloatArray, first: int, exchangers: int, change_k: float) -> None:
    """Warm all water and wall of a pipe by ``change_k``."""
    for row in range(first, first + exchangers + 1):
        for j in range(ring[row, COUNT]):
            parcel[row, (ring[row, START] + j) & LAST, TEMP] += change_k
        wall[row] += change_k


@entry
def share_again(
    parcel: FloatArray,
    ring: IntArray,
    wall: FloatArray,
    first: int,
    exchangers: int,
    mass_kg: float,
    wall_j_k: float,
    heat_capacity: float,
    ground: float,
    old: float,
    new: float,
) -> None:
    """Let the share ``new`` of a pipe's wall trade heat instead of ``old``; the heat is kept.

    What starts or stops moving has the temperature of the water beside it, and the wall that stays keeps what it lags
    behind: φ (T - T_w) is the same before and after, as far as no temperature leaves the range of those in the pipe.
    """
    last = first + exchangers
    low, high = math.inf, -math.inf
    heat = pipe_heat(parcel, ring, wall, first, exchangers, old * wall_j_k, heat_capacity)
    factor = (mass_kg * heat_capacity + (1.0 - new) * wall_j_k) / (mass_kg * heat_capacity + (1.0 - old) * wall_j_k)
    for row in range(first, last + 1):
        for k in range(ring[row, COUNT]):
            i = (ring[row, START] + k) & LAST
            low, high = min(low, parcel[row, i, TEMP]), max(high, parcel[row, i, TEMP])
            parcel[row, i, MASS] *= factor
        if row < last:
            low, high = min(low, wall[row]), max(high, wall[row])
    per_part = wall_j_k / exchangers
    for row in range(first, last):
        mass, water_c = beside(parcel, ring, row, first, last)
        here = 0.5 * (edge_c(parcel, ring, row, ground, False) + edge_c(parcel, ring, row + 1, ground, True))
        moved = min(max(here + (wall[row] - here) * old / new, low), high)
        left = per_part * (old * wall[row] - (old - new) * water_c - new * moved)
        wall[row] = moved
        warm_beside(parcel, ring, row, first, last, left / (mass * heat_capacity))
    now = pipe_heat(parcel, ring, wall, first, exchangers, new * wall_j_k, heat_capacity)
    capacity = mass_kg * heat_capacity + wall_j_k
    shift(parcel, ring, wall, first, exchangers, (heat - now) / capacity)
