r"""The pipe wall's heat capacity, distributed along the pipe as a chain of exchangers between stretches of plug flow.

A wall that trades heat with the water beside it (Anzelius 1926; Schumann 1929, doi:10.1016/S0016-0032(29)91186-8) obeys
:math:`\dot m c\,\partial_x T = -h P (T - T_w)` and :math:`C'_w \dot T_w = h P (T - T_w)` along the path of a parcel.
One of N exchangers with n = h P L / (N ṁ c) transfer units takes up :math:`\dot m c\,\varepsilon (T - T_w)`. With
:math:`\varepsilon = n / (1 + n/2)` the chain has exactly the delay :math:`C_w / \dot m c` *and* the variance
:math:`2 (C_w / \dot m c)^2 / (N n)` of the continuous wall, for any N; only the third moment depends on N.

Wall and water cool at the same rate λ at rest. In flow, λ follows from the condition that the steady outlet be
:math:`e^{-L / (R' \dot m c)}` exactly: per stretch, with r the ratio of wall to water capacity, y = λ t_stretch and
u = L / (N R' ṁ c),

.. math:: y - \ln \frac{\varepsilon + r y - \varepsilon r y}{\varepsilon + r y} = u .
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import inner
from rexnet_grid.rexdynnet.parcels import emit, fade

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

RESOLVE_K = 0.02
RESOLVE_SHARE = 0.1
CUT = 2.0
CLOSE_ENOUGH = 1e-6


@inner
def effectiveness(units: float) -> float:
    """Return ε of one exchanger with ``units`` transfer units; 1 from two units on."""
    return units / (1.0 + 0.5 * units) if units < 2.0 else 1.0


@inner
def cooling_rate(u: float, ratio: float, eps: float, stretch_s: float) -> float:
    """Return λ [1/s] for which the steady outlet of a stretch obeys the exponential law; see the module.

    Newton from the first two terms of the series in u; a step below ``CLOSE_ENOUGH`` ends it: the next would be its
    square.
    """
    if ratio <= 0.0:
        return u / stretch_s
    bend = ratio / (1.0 + ratio)
    y = min(u / (1.0 + ratio) * (1.0 + bend * bend * u * (1.0 / eps - 0.5)), u)
    for _ in range(20):
        ry = ratio * y
        taken = eps * ry / (eps + ry)
        change = (y - math.log1p(-taken) - u) / (1.0 + ratio * eps * eps / ((eps + ry) * (eps + ry) * (1.0 - taken)))
        y = max(y - change, 0.1 * y)
        if abs(change) <= CLOSE_ENOUGH * y:
            break
    return y / stretch_s


@inner
def pass_wall(
    wall_c: float,
    capacity: float,
    flow_capacity: float,
    eps: float,
    rate: float,
    ground: float,
    piece: FloatArray,
    slot_in: int,
    n_in: int,
    slot_out: int,
    blur: float,
) -> tuple[float, int, float]:
    """Let water pass one exchanger; every piece is solved exactly and cut while the wall still moves.

    A cut is made where the water that leaves has changed by ``RESOLVE_K``, or by ``RESOLVE_SHARE`` of all it will, and
    the change times the cut's duration reaches ``CUT`` times ``blur``: pieces that differ less would be joined again.

    Parameters
    ----------
    wall_c, capacity
        Temperature [degC] and capacity [J/K] of this part of the wall.
    flow_capacity
        ṁ c [W/K].
    eps, rate, ground
        ε [-], λ [1/s], temperature of the surroundings [degC].
    piece, slot_in, n_in, slot_out
        Lists of pieces, the one that comes and the one to be filled.
    blur
        Differences below this are joined [K s].

    Returns
    -------
    wall_c, n_out, lost
        The wall's temperature [degC], the number of pieces that leave, the heat lost by the wall [J].
    """
    uptake = flow_capacity * eps / capacity
    relax = uptake + rate
    held = uptake / relax
    per_relax = 1.0 / relax
    coarse = CUT * blur * relax
    wall = wall_c - ground
    warmth = 0.0
    n_out = 0
    for j in range(n_in):
        above = piece[slot_in, j, 1] - ground
        final = held * above
        gap = wall - final
        swing = eps * abs(gap)
        step_k = max(RESOLVE_K, RESOLVE_SHARE * swing)
        x = relax * piece[slot_in, j, 0]
        while x > 0.0:
            part = x
            share = 1.0
            step = max(step_k, math.sqrt(coarse * swing))
            if step < swing and step < x * swing:
                share = step / swing
                part = -math.log(1.0 - share)
            if part >= x:
                part = x
                share = 1.0 - fade(x)
            mean = final + gap * (share / part if part > 1e-12 else 1.0)
            gap -= gap * share
            swing -= swing * share
            tau = part * per_relax
            warmth += mean * tau
            n_out = emit(piece, slot_out, n_out, tau, ground + above - eps * (above - mean), blur)
            x -= part
        wall = final + gap
    return wall + ground, n_out, rate * capacity * warmth


@inner
def settle(
    wall_c: float,
    capacity: float,
    per_capacity: float,
    water_mass: float,
    water_c: float,
    heat_capacity: float,
    dt: float,
) -> tuple[float, float]:
    """Let a wall and the water standing in it approach each other for ``dt`` seconds.

    ``per_capacity`` is h P L [W/K] of this part. Returns the wall's temperature and the change of the water's mean
    [degC, K]; energy is kept.
    """
    water = water_mass * heat_capacity
    rate = per_capacity * (1.0 / water + 1.0 / capacity)
    moved = (water_c - wall_c) * -math.expm1(-rate * dt) / (1.0 / water + 1.0 / capacity)
    return wall_c + moved / capacity, -moved / water
