r"""Buildings as a few heat capacities joined by conductances, stepped exactly: 1R1C to 3R3C and beyond.

.. math:: C_i \frac{dT_i}{dt} = \sum_j H_{ij} (T_j - T_i) + H_{i,out} (T_{out} - T_i)
          + s_i Q + g_i Q_{int} + A_i I

State 0 is the room. With rates held over a step the solution is a matrix exponential, and so is the mean over the step
(C. F. Van Loan, "Computing integrals involving the matrix exponential", IEEE Trans. Automatic Control 23 (1978)); steps
of any length are exact, and heat given = heat lost + heat stored to rounding. The models are the grey-box family of
P. Bacher and H. Madsen, Energy and Buildings 43 (2011), doi:10.1016/j.enbuild.2011.02.005: room; room and mass (2R2C);
room, mass and heater (3R3C).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import expm

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

WATT_PER_KILOWATT = 1000.0
HEAT, OUTDOOR, SUN, GAIN = range(4)
INPUTS = 4
SUM_TOLERANCE = 1e-9


class Moved(NamedTuple):
    """The states at the end of a step and their means over it, (n_states,) each [degC]."""

    end_c: FloatArray
    mean_c: FloatArray


class _Step(NamedTuple):
    """x1 = phi x0 + gamma u and mean = phi_mean x0 + gamma_mean u."""

    phi: FloatArray
    gamma: FloatArray
    phi_mean: FloatArray
    gamma_mean: FloatArray


@dataclass(frozen=True)
class GreyBox:
    """A building of n heat capacities; the first is the room.

    Attributes
    ----------
    states
        Names of the states.
    capacity_kwh_k
        (n,) heat capacities [kWh/K].
    links
        (i, j, H) conductance between two states [kW/K].
    outdoor_kw_k
        (n,) conductance to outdoors [kW/K].
    heat_share, gain_share
        (n,) where heating and internal gains go, each adding up to one [-].
    solar_m2
        (n,) area that turns global irradiance into heat in each state [m2].
    internal_gain_kw
        Mean gain of people and appliances [kW]; a fit may find it negative.
    """

    states: tuple[str, ...]
    capacity_kwh_k: tuple[float, ...]
    links: tuple[tuple[int, int, float], ...]
    outdoor_kw_k: tuple[float, ...]
    heat_share: tuple[float, ...]
    gain_share: tuple[float, ...]
    solar_m2: tuple[float, ...]
    internal_gain_kw: float = 0.0

    def __post_init__(self) -> None:
        issues = _issues(self)
        if issues:
            raise InputError(issues)

    @property
    def heat_loss_kw_k(self) -> float:
        """Loss of the evenly warm building per kelvin to outdoors [kW/K]."""
        return float(sum(self.outdoor_kw_k))

    @property
    def steady_loss_kw_k(self) -> float:
        """Heat per kelvin of the room above outdoors that keeps it there without gains [kW/K]."""
        unit = np.linalg.solve(self._conductance(), np.array(self.heat_share))
        return float(1.0 / unit[0])

    @property
    def time_constants_h(self) -> FloatArray:
        """Time constants of the free response [h], longest first."""
        a, _ = self.matrices()
        return np.asarray(np.sort(-1.0 / np.linalg.eigvals(a).real)[::-1])

    def matrices(self) -> tuple[FloatArray, FloatArray]:
        """Return A (n, n) [1/h] and B (n, 4) of dT/dt = A T + B u.

        u is heat [kW], outdoor temperature [degC], irradiance [kW/m2], internal gain [kW].
        """
        capacity = np.array(self.capacity_kwh_k)
        inputs = np.column_stack((self.heat_share, self.outdoor_kw_k, self.solar_m2, self.gain_share))
        return -self._conductance() / capacity[:, None], np.asarray(inputs / capacity[:, None])

    def advance(
        self, state_c: FloatArray, heat_kw: float, outdoor_c: float, irradiance_w_m2: float, hours: float
    ) -> Moved:
        """Return the states after ``hours`` with everything else held, and their means.

        Parameters
        ----------
        state_c
            (n,) temperatures at the start [degC].
        heat_kw
            Heat given [kW].
        outdoor_c
            Outdoor temperature [degC].
        irradiance_w_m2
            Global irradiance [W/m2].
        hours
            Duration [h], above zero.
        """
        step, u = _step(self, hours), self._inputs(heat_kw, outdoor_c, irradiance_w_m2)
        return Moved(step.phi @ state_c + step.gamma @ u, step.phi_mean @ state_c + step.gamma_mean @ u)

    def heat_to_reach(
        self, state_c: FloatArray, target_c: float, outdoor_c: float, irradiance_w_m2: float, hours: float
    ) -> float:
        """Return the heat [kW] that brings the room to ``target_c`` in ``hours``; negative where it would be cooled."""
        step, u = _step(self, hours), self._inputs(0.0, outdoor_c, irradiance_w_m2)
        free = float(step.phi[0] @ state_c + step.gamma[0] @ u)
        return (target_c - free) / float(step.gamma[0, HEAT])

    def loss_kw(self, state_c: FloatArray, outdoor_c: float) -> float:
        """Return what flows outdoors at these temperatures [kW]."""
        return float(np.array(self.outdoor_kw_k) @ (np.asarray(state_c) - outdoor_c))

    def gains_kw(self, irradiance_w_m2: float) -> float:
        """Return internal and solar gains [kW]."""
        return self.internal_gain_kw + sum(self.solar_m2) * irradiance_w_m2 / WATT_PER_KILOWATT

    def stored_kwh(self, before_c: FloatArray, after_c: FloatArray) -> float:
        """Return the heat taken up between two states [kWh]."""
        return float(np.array(self.capacity_kwh_k) @ (np.asarray(after_c) - before_c))

    def steady(self, room_c: float, outdoor_c: float, irradiance_w_m2: float = 0.0) -> FloatArray:
        """Return the states (n,) [degC] in which the heat needed keeps the room at ``room_c`` for ever."""
        conductance, out = self._conductance(), np.array(self.outdoor_kw_k)
        sun = np.array(self.solar_m2) * irradiance_w_m2 / WATT_PER_KILOWATT
        fixed = out * outdoor_c + sun + np.array(self.gain_share) * self.internal_gain_kw
        free, per_kw = np.linalg.solve(conductance, np.column_stack((fixed, self.heat_share))).T
        return np.asarray(free + per_kw * (room_c - free[0]) / per_kw[0])

    def _conductance(self) -> FloatArray:
        matrix = np.diag(self.outdoor_kw_k).astype(np.float64)
        for i, j, value in self.links:
            matrix[i, i] += value
            matrix[j, j] += value
            matrix[i, j] -= value
            matrix[j, i] -= value
        return matrix

    def _inputs(self, heat_kw: float, outdoor_c: float, irradiance_w_m2: float) -> FloatArray:
        return np.array([heat_kw, outdoor_c, irradiance_w_m2 / WATT_PER_KILOWATT, self.internal_gain_kw])


@lru_cache(maxsize=4096)
def _step(model: GreyBox, hours: float) -> _Step:
    """Return the exact step of a model; the integral of the augmented system gives the means."""
    a, b = model.matrices()
    n, size = len(a), len(a) + INPUTS
    whole = np.zeros((2 * size, 2 * size))
    whole[:n, :n], whole[:n, n:size] = a, b
    whole[:size, size:] = np.eye(size)
    power = expm(whole * hours)
    end, integral = power[:n, :size], power[:n, size:] / hours
    return _Step(end[:, :n], end[:, n:], integral[:, :n], integral[:, n:])


def _issues(model: GreyBox) -> list[Issue]:
    n = len(model.states)
    issues = []
    rows = ("capacity_kwh_k", "outdoor_kw_k", "heat_share", "gain_share", "solar_m2")
    for name in rows:
        values = getattr(model, name)
        if len(values) != n:
            issues.append(Issue("grey box", name, f"{len(values)} values", f"one for each of the {n} states"))
        elif not all(np.isfinite(v) and (v > 0.0 if name == "capacity_kwh_k" else v >= 0.0) for v in values):
            sign = "above zero" if name == "capacity_kwh_k" else "not negative"
            issues.append(Issue("grey box", name, str(values), f"finite numbers, {sign}"))
    for name in ("heat_share", "gain_share"):
        total = sum(getattr(model, name))
        if abs(total - 1.0) > SUM_TOLERANCE:
            issues.append(Issue("grey box", name, f"sum {total:g}", "shares that add up to 1"))
    for i, j, value in model.links:
        if not (0 <= i < n and 0 <= j < n and i != j and np.isfinite(value) and value > 0.0):
            issues.append(
                Issue("grey box", "links", str((i, j, value)), f"two of the states 0 to {n - 1}, kW/K above 0")
            )
    if not np.isfinite(model.internal_gain_kw):
        issues.append(Issue("grey box", "internal_gain_kw", str(model.internal_gain_kw), "a finite number [kW]"))
    if not issues and _apart(model):
        issues.append(Issue("grey box", "links", ", ".join(_apart(model)), "a way of links to outdoors and the room"))
    return issues


def _apart(model: GreyBox) -> list[str]:
    """Return the states without a way to the room, and the room when nothing leads outdoors."""
    reached = {0}
    for _ in model.states:
        reached |= {k for i, j, _ in model.links for k in (i, j) if i in reached or j in reached}
    apart = [name for k, name in enumerate(model.states) if k not in reached]
    return apart or ([] if any(model.outdoor_kw_k) else [model.states[0]])
