"""Supply temperature by outdoor temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C


@dataclass(frozen=True, slots=True)
class SupplyCurve:
    """Straight lines between points of outdoor and supply temperature; constant outside.

    It serves for what comes back and for the heating of houses as well.

    Attributes
    ----------
    outdoor_c, supply_c
        Points, outdoor temperature increasing [degC].
    """

    outdoor_c: tuple[float, ...] = (-12.0, 3.0, 15.0)
    supply_c: tuple[float, ...] = (85.0, 75.0, 70.0)

    def __post_init__(self) -> None:
        issues = []
        rising = bool(np.isfinite(self.outdoor_c).all() and np.all(np.diff(self.outdoor_c) > 0.0))
        if not (len(self.outdoor_c) == len(self.supply_c) > 0 and rising):
            expected = "as many increasing points as supply_c has"
            issues.append(Issue("supply curve", "outdoor_c", str(self.outdoor_c), expected))
        issues += [
            Issue("supply curve", "supply_c", str(value), f"water from {FREEZING_C:g} to {BOILING_C:g} degC")
            for value in self.supply_c
            if not FREEZING_C <= value <= BOILING_C
        ]
        if issues:
            raise InputError(issues)

    @classmethod
    def constant(cls, supply_c: float) -> SupplyCurve:
        """Return a supply temperature that never changes."""
        return cls((0.0,), (supply_c,))

    def __call__(self, outdoor_c: float) -> float:
        """Return the supply temperature [degC] at an outdoor temperature [degC], which has to be finite."""
        if not math.isfinite(outdoor_c):
            raise InputError([Issue("supply curve", "outdoor_c", str(outdoor_c), "a finite temperature [degC]")])
        return float(np.interp(outdoor_c, self.outdoor_c, self.supply_c))
