r"""Radiators and heated floors: what they give at which temperatures (EN 442, EN 1264).

.. math:: \frac{Q}{Q_N} = \Big(\frac{\Delta T_{lm}}{\Delta T_{lm,N}}\Big)^n, \qquad
          \Delta T_{lm} = \frac{T_s - T_r}{\ln\frac{T_s - T_i}{T_r - T_i}}

with n = 1.3 for radiators (EN 442-2 finds 1.2 to 1.4) and 1.1 for heated floors (EN 1264-2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rexnet_grid.rexdynnet.arrays import FloatArray

RADIATOR, FLOOR = 1.3, 1.1
NEWTON_STEPS = 60
CLOSE_ENOUGH = 1e-12


@dataclass(frozen=True, slots=True)
class Emitter:
    """The radiators or the heated floor of a building, by their design point.

    Attributes
    ----------
    design_heat_kw
        Heat at the design temperatures [kW].
    supply_c, return_c, room_c
        Design temperatures: entering, leaving, of the room [degC].
    exponent
        n [-].
    """

    design_heat_kw: float
    supply_c: float = 70.0
    return_c: float = 50.0
    room_c: float = 20.0
    exponent: float = RADIATOR

    def __post_init__(self) -> None:
        issues = []
        if not (np.isfinite(self.design_heat_kw) and self.design_heat_kw > 0.0):
            issues.append(Issue("emitter", "design_heat_kw", str(self.design_heat_kw), "a number above zero [kW]"))
        if not self.supply_c > self.return_c > self.room_c:
            order = f"{self.supply_c:g}, {self.return_c:g}, {self.room_c:g}"
            issues.append(Issue("emitter", "supply_c, return_c, room_c", order, "falling temperatures [degC]"))
        if not 1.0 <= self.exponent <= 2.0:
            issues.append(Issue("emitter", "exponent", str(self.exponent), "1 to 2, such as 1.3 or 1.1 (floor)"))
        if issues:
            raise InputError(issues)

    @property
    def mean_excess_k(self) -> float:
        """Logarithmic mean temperature difference to the room at the design point [K]."""
        return float(log_mean(self.supply_c - self.room_c, self.return_c - self.room_c))

    def return_from(self, heat_kw: ArrayLike, supply_c: ArrayLike, room_c: ArrayLike | None = None) -> FloatArray:
        """Return the temperature that leaves [degC] when ``heat_kw`` is given at ``supply_c``.

        The valve in front of the emitter throttles until the mean excess is the one the heat needs. What the emitter
        cannot give at this supply temperature however much flows leaves with the supply temperature itself.

        Parameters
        ----------
        heat_kw
            Heat given [kW], scalar or array.
        supply_c
            Entering [degC].
        room_c
            Of the room [degC]; the design one when left out.
        """
        room = self.room_c if room_c is None else np.asarray(room_c, dtype=np.float64)
        load = np.maximum(np.asarray(heat_kw, dtype=np.float64), 0.0) / self.design_heat_kw
        hot = np.asarray(supply_c, dtype=np.float64) - room
        wanted = self.mean_excess_k * load ** (1.0 / self.exponent)
        return np.asarray(room + _cold_end(hot, wanted))

    def heat_kw(self, supply_c: ArrayLike, return_c: ArrayLike, room_c: ArrayLike | None = None) -> FloatArray:
        """Return the heat given between these temperatures [kW]; none to a room that is warmer than the return."""
        room = self.room_c if room_c is None else np.asarray(room_c, dtype=np.float64)
        hot, cold = np.asarray(supply_c) - room, np.asarray(return_c) - room
        usable = np.minimum(hot, cold) > 0.0
        mean = np.where(usable, log_mean(np.maximum(hot, 1e-9), np.maximum(cold, 1e-9)), 0.0)
        return np.asarray(self.design_heat_kw * (mean / self.mean_excess_k) ** self.exponent)


def log_mean(hot_k: ArrayLike, cold_k: ArrayLike) -> FloatArray:
    """Return the logarithmic mean of two positive temperature differences [K]."""
    hot, cold = np.broadcast_arrays(np.asarray(hot_k, dtype=np.float64), np.asarray(cold_k, dtype=np.float64))
    x = np.log(hot / cold)
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    return np.asarray(np.where(small, np.sqrt(hot * cold) * (1.0 + x * x / 24.0), (hot - cold) / safe))


def _cold_end(hot_k: FloatArray, mean_k: FloatArray) -> FloatArray:
    """Return the difference at the cold end for a logarithmic mean [K]: Newton on the ratio u = ln(hot / cold).

    (1 - exp(-u)) / u = mean / hot falls in u, so Newton from below converges without swinging.
    """
    hot = np.maximum(np.asarray(hot_k, dtype=np.float64), 1e-9)
    share = np.clip(mean_k / hot, 1e-3, 1.0)
    u = np.zeros(np.broadcast(hot, share).shape)
    for _ in range(NEWTON_STEPS):
        fade = np.exp(-u)
        small = u < 1e-6
        safe = np.where(small, 1.0, u)
        value = np.where(small, 1.0 - u / 2.0, -np.expm1(-u) / safe)
        slope = np.where(small, -0.5 + u / 3.0, (fade * (1.0 + u) - 1.0) / safe**2)
        step = (value - share) / slope
        u = np.maximum(u - step, 0.0)
        if np.max(np.abs(step), initial=0.0) <= CLOSE_ENOUGH:
            break
    return np.asarray(hot * np.exp(-u))
