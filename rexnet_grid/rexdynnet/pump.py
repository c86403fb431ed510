"""Circulation pumps: what head they can give and what power they take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean

CONTROLS = ("worst", "fixed")
SHUTOFF, FALL, EFFICIENCY, BEST, FIXED = range(5)
COLUMNS = 5
UNLIMITED_PA = 1e12
USUAL_EFFICIENCY = 0.6


@dataclass(frozen=True, slots=True)
class Pump:
    r"""A centrifugal pump, with speed control unless it is ``"fixed"``.

    Notes
    -----
    At relative speed n the head is :math:`\Delta p = n^2 H_0 - k \dot m^2` (affinity laws; quadratic fit of the maker's
    curve, as in EN 13941-1 and any maker's sheet) and the efficiency from wire to water
    :math:`\eta = \eta_b (2 x - x^2)` with :math:`x = \dot m / (n \dot m_b)`, at least a tenth of the best one. Electric
    power is :math:`P = \dot m \Delta p / (\rho \eta)`.

    Attributes
    ----------
    shutoff_pa
        Head without flow at full speed, H0 [Pa].
    fall_pa_s2_kg2
        How the head falls with the flow squared, k [Pa s2/kg2].
    efficiency
        Best efficiency from wire to water [-].
    best_kg_s
        Flow of best efficiency at full speed [kg/s]; 0 for an efficiency that never changes.
    control
        ``"worst"``: as slow as the worst substation allows; ``"fixed"``: full speed, valves throttle the rest.
    """

    shutoff_pa: float
    fall_pa_s2_kg2: float = 0.0
    efficiency: float = USUAL_EFFICIENCY
    best_kg_s: float = 0.0
    control: str = "worst"

    def __post_init__(self) -> None:
        issues = [
            Issue("pump", name, str(value), expected)
            for name, value, above_zero, most, expected in (
                ("shutoff_pa", self.shutoff_pa, True, math.inf, "a pressure above zero [Pa]"),
                ("fall_pa_s2_kg2", self.fall_pa_s2_kg2, False, math.inf, "a number, not negative"),
                ("efficiency", self.efficiency, True, 1.0, "above 0, at most 1"),
                ("best_kg_s", self.best_kg_s, False, math.inf, "a flow, not negative [kg/s]"),
            )
            if isinstance(value, bool)
            or not isinstance(value, (int, float, np.number))
            or not (math.isfinite(value) and 0.0 <= value <= most and (value > 0.0 or not above_zero))
        ]
        if self.control not in CONTROLS:
            expected = "one of " + ", ".join(CONTROLS)
            issues.append(
                Issue("pump", "control", str(self.control), expected, did_you_mean(str(self.control), CONTROLS))
            )
        if issues:
            raise InputError(issues)

    @property
    def row(self) -> tuple[float, ...]:
        """The numbers as the kernels see them."""
        return (
            self.shutoff_pa, self.fall_pa_s2_kg2, self.efficiency, self.best_kg_s, float(self.control == "fixed"),
        )  # fmt: skip


NO_CURVE = (UNLIMITED_PA, 0.0, USUAL_EFFICIENCY, 0.0, 0.0)
"""A plant without a curve: any head, efficiency 0.6."""
