r"""The pipe wall's heat capacity, distributed along the pipe as a chain of cells between stretches of plug flow.

A wall that trades heat with the water beside it (Anzelius 1926; Schumann 1929, doi:10.1016/S0016-0032(29)91186-8) obeys
:math:`\dot m c\,\partial_x T = -h P (T - w)` and :math:`C'_w \dot w = h P (T - w)` along the path of a parcel. Each of
N cells, n = h P L / (N ṁ c) transfer units long, holds the wall's temperature at the two places of Gauss's rule,
:math:`\tfrac12 \mp \tfrac16\sqrt 3` of its length, and the water's way through it is their collocation of fourth order
(Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I*, II.7):

.. math:: \tau \dot w = (1 + n A)^{-1} (T_{in} - w), \qquad T_{out} = R\, T_{in} + \sum_i c_i w_i, \qquad
          c_{1,2} = \frac{n}{2 D} \Big(1 \mp \frac{n}{\sqrt{12}}\Big), \quad R = 1 - c_1 - c_2, \quad
          D = 1 + \frac n2 + \frac{n^2}{12}

with :math:`\tau = C'_w / h P`. This is the Padé approximation of the exact answer :math:`e^{-n s \tau / (1 + s \tau)}`:
delay, spread, skew and kurtosis of a front are those of the continuous wall for any n, and the states are temperatures
of real places, so that flow may change or turn round at any time. Up to :math:`n = \sqrt{12}` no weight is negative.
Cells longer than ``LONGEST`` exchange as if they were that long, which keeps the delay and widens the spread.

In time a cell is solved exactly for pieces whose temperature is constant or rises linearly: its two rates are
:math:`\alpha \mp i \beta`, so what the outlet lacks to its final course, p, and its companion q turn and fade as one
complex number.

Wall and water cool at the same rate λ at rest. In flow, λ follows from the condition that the steady outlet be
:math:`e^{-L / (R' \dot m c)}` exactly: per cell, with r the ratio of wall to water capacity, y = λ t_cell and
u = L / (N R' ṁ c),

.. math:: y + 2\,\mathrm{artanh}\,\frac{z/2}{1 + z^2/12} = u, \qquad z = \frac{r y}{1 + r y / n} .
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.compiled import inner
from rexnet_grid.rexdynnet.parcels import emit, fade

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

RESOLVE_K = 0.1
CUT = 2.0
CLOSE_ENOUGH = 1e-6
LONGEST = 4.0
LONGEST_CALM = 10.0
SMALLEST_UNITS = 1e-9
LITTLE = 0.5
SHORT = 1e-3
RATE, RELAX, TURN, LESS, NEAR, FAR, STEADY_NEAR, STEADY_FAR, KEPT, P_JUMP, Q_JUMP, P_RAMP, Q_RAMP = range(13)
PROPERTIES = 13
PLACE = 0.5 - math.sqrt(3.0) / 6.0
STEEP, FLAT = 2.0 + math.sqrt(3.0), 2.0 - math.sqrt(3.0)
PER_TURN = 1.0 / math.sqrt(48.0)
PER_UNIT = 1.0 / math.sqrt(12.0)


@inner
def cooling_rate(u: float, ratio: float, units: float) -> float:
    """Return λ times the time a cell's water takes to pass [-], such that the steady law holds; see the module.

    The start solves the continuous wall's equation, where z itself stands for the artanh. The first of Newton's steps
    has the series of the difference, good to 1e-9 up to a z of 0.5; cells that cool more take further ones.
    """
    if ratio <= 0.0:
        return u
    bend = ratio / units
    half = 1.0 + ratio - u * bend
    y = 2.0 * u / (half + math.sqrt(half * half + 4.0 * bend * u))
    less = 1.0 / (1.0 + bend * y)
    z = ratio * y * less
    if z < LITTLE:
        square = z * z
        return y + z * square * square * (1.0 / 720.0 + square / 12096.0) / (1.0 + ratio * less * less)
    for _ in range(20):
        less = 1.0 / (1.0 + bend * y)
        z = ratio * y * less
        third = z * z / 12.0
        part = 0.5 * z / (1.0 + third)
        slope = ratio * less * less * (1.0 - third) / ((1.0 + third) * (1.0 + third) * (1.0 - part * part))
        change = (y + 2.0 * math.atanh(part) - u) / (1.0 + slope)
        y = max(y - change, 0.1 * y)
        if abs(change) <= CLOSE_ENOUGH * y:
            break
    return y


@inner
def set_cell(
    cell: FloatArray, p: int, units: float, longest: float, ratio: float, loss_units: float, cell_s: float
) -> None:
    """Fill what the cells of a pipe with flow do.

    Parameters
    ----------
    cell, p
        (P, ``PROPERTIES``): λ, α, β [1/s], 1 / (α² + β²); the weights of the near and the far wall in the outlet, their
        steady temperature and the outlet's over the inlet's [-]; how a jump of the inlet moves p and q [-], and a
        steeper rise [s]. And the pipe.
    units, longest
        Transfer units of a cell, and how many count at most [-].
    ratio
        Heat capacity of wall over water [-].
    loss_units
        L / (N R' ṁ c) [-].
    cell_s
        Time the water of a cell takes to pass [s].
    """
    n = max(min(units, longest), SMALLEST_UNITS)
    rate = cooling_rate(loss_units, ratio, n) / cell_s
    cell[p, RATE] = rate
    if ratio <= 0.0:
        cell[p, STEADY_NEAR], cell[p, STEADY_FAR] = 0.0, 0.0
        return
    whole = 1.0 + n * (0.5 + n / 12.0)
    per_tau = n / (ratio * cell_s * whole)
    own = (1.0 + 0.25 * n) * per_tau
    relax = own + rate
    turn = PER_TURN * n * per_tau
    near, far = FLAT * turn + own, own - STEEP * turn
    less = 1.0 / (relax * relax + turn * turn)
    cell[p, RELAX] = relax
    cell[p, TURN] = turn
    cell[p, LESS] = less
    c_near, c_far = 0.5 * n / whole * (1.0 - PER_UNIT * n), 0.5 * n / whole * (1.0 + PER_UNIT * n)
    s_near, s_far = less * (relax * near - FLAT * turn * far), less * (relax * far + STEEP * turn * near)
    cell[p, NEAR], cell[p, FAR] = c_near, c_far
    cell[p, STEADY_NEAR], cell[p, STEADY_FAR] = s_near, s_far
    cell[p, KEPT] = 1.0 - c_near * (1.0 - s_near) - c_far * (1.0 - s_far)
    p_jump, q_jump = c_near * s_near + c_far * s_far, FLAT * c_near * s_far - STEEP * c_far * s_near
    cell[p, P_JUMP], cell[p, Q_JUMP] = p_jump, q_jump
    cell[p, P_RAMP] = less * (relax * p_jump - turn * q_jump)
    cell[p, Q_RAMP] = less * (relax * q_jump + turn * p_jump)


@inner
def short_areas(x: float, angle: float, tau: float, p: float, q: float) -> tuple[float, float]:
    """Return the integrals of p and q over a time ``tau`` in which they fade by ``x`` and turn by ``angle`` [K s].

    The series of (1 - e^-z) / z, with z = x - i ``angle``; differences of what hardly changes would be all rounding.
    """
    square, twice = x * x - angle * angle, 2.0 * x * angle
    real = 1.0 - 0.5 * x + square / 6.0 - (x * square - angle * twice) / 24.0
    turned = 0.5 * angle - twice / 6.0 + (x * twice + angle * square) / 24.0
    return tau * (p * real - q * turned), tau * (q * real + p * turned)


@inner
def pass_wall(
    wall: FloatArray,
    at: int,
    from_a: bool,
    capacity: float,
    cell: FloatArray,
    p: int,
    ground: float,
    piece: FloatArray,
    slot_in: int,
    n_in: int,
    slot_out: int,
    blur: float,
) -> tuple[int, float]:
    r"""Let water pass one cell; every piece is solved exactly and cut while the wall still moves.

    Each part has the mean and the first moment of what leaves. A straight line over a change by d, where s is still to
    come, is off by d² / 12 s; so cuts are made every :math:`\sqrt{e s}`, with e ``RESOLVE_K``, or ``CUT`` times
    ``blur`` and α where that is more: pieces that differ less would be joined again.

    Parameters
    ----------
    wall, at, from_a
        (rows, 2) temperatures [degC], the row of this cell, and whether the water comes from end A.
    capacity
        Of the cell's wall [J/K].
    cell, p
        See :func:`set_cell`.
    ground
        Temperature of the surroundings [degC].
    piece, slot_in, n_in, slot_out
        Lists of pieces, the one that comes and the one to be filled.
    blur
        Differences below this are joined [K s].

    Returns
    -------
    n_out, lost
        Number of pieces that leave, and the heat lost by the wall [J].
    """
    relax, turn = cell[p, RELAX], cell[p, TURN]
    c_near, c_far = cell[p, NEAR], cell[p, FAR]
    s_near, s_far = cell[p, STEADY_NEAR], cell[p, STEADY_FAR]
    first = 0 if from_a else 1
    w_near, w_far = wall[at, first] - ground, wall[at, 1 - first] - ground
    kept = cell[p, KEPT]
    p_jump, q_jump, p_ramp, q_ramp = cell[p, P_JUMP], cell[p, Q_JUMP], cell[p, P_RAMP], cell[p, Q_RAMP]
    per_relax = 1.0 / relax
    bent = turn * per_relax
    less = cell[p, LESS]
    coarse = max(CUT * blur * relax, RESOLVE_K)
    p_now = c_near * w_near + c_far * w_far
    q_now = FLAT * c_near * w_far - STEEP * c_far * w_near
    p_area, q_area, heat = 0.0, 0.0, 0.0
    end, slope = 0.0, 0.0
    n_out = 0
    for j in range(n_in):
        lasts, rise = piece[slot_in, j, 0], piece[slot_in, j, 2]
        begin = piece[slot_in, j, 1] - 0.5 * rise - ground
        steeper = rise / lasts - slope
        p_now += p_jump * (end - begin) + p_ramp * steeper
        q_now += q_jump * (end - begin) + q_ramp * steeper
        slope += steeper
        end = begin + rise
        heat += (begin + 0.5 * rise) * lasts
        p_area -= p_ramp * rise
        q_area -= q_ramp * rise
        final = kept * begin - p_ramp * slope + ground
        climb = kept * slope
        swing = abs(p_now) + bent * abs(q_now)
        x = relax * lasts
        while x > 0.0:
            part = x
            left = 0.0
            if swing > coarse:
                step = math.sqrt(coarse * swing)
                if step < x * swing:
                    left = 1.0 - step / swing
                    part = -math.log(left)
            if part >= x:
                part = x
                left = fade(x)
            angle = bent * part
            if angle < 0.3:
                square = angle * angle
                cosine = left * (1.0 - square * (0.5 - square * (1.0 / 24.0 - square / 720.0)))
                sine = left * angle * (1.0 - square * (1.0 / 6.0 - square * (1.0 / 120.0 - square / 5040.0)))
            else:
                cosine, sine = left * math.cos(angle), left * math.sin(angle)
            p_next = p_now * cosine - q_now * sine
            q_next = q_now * cosine + p_now * sine
            tau = part * per_relax
            grown = climb * tau
            bow = p_next - p_now
            if part < SHORT:
                area, beside = short_areas(part, angle, tau, p_now, q_now)
            else:
                area = less * (relax * (p_now - p_next) - turn * (q_now - q_next))
                beside = less * (relax * (q_now - q_next) + turn * (p_now - p_next))
                moment = less * (relax * (area - tau * p_next) - turn * (beside - tau * q_next))
                bow = 12.0 * (moment - 0.5 * tau * area) / (tau * tau)
            p_area += area
            q_area += beside
            n_out = emit(piece, slot_out, n_out, tau, final + 0.5 * grown + area / tau, grown + bow, blur)
            final += grown
            p_now, q_now = p_next, q_next
            swing = abs(p_now) + bent * abs(q_now)
            x -= part
    p_now -= p_ramp * slope
    q_now -= q_ramp * slope
    per = 1.0 / (FLAT * c_near * c_near + STEEP * c_far * c_far)
    wall[at, first] = ground + s_near * end + per * (FLAT * c_near * p_now - c_far * q_now)
    wall[at, 1 - first] = ground + s_far * end + per * (STEEP * c_far * p_now + c_near * q_now)
    warmth = 0.5 * (
        (s_near + s_far) * heat + per * ((FLAT * c_near + STEEP * c_far) * p_area + (c_near - c_far) * q_area)
    )
    return n_out, cell[p, RATE] * capacity * warmth
