"""Supply temperature by outdoor temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rexnet_grid.errors import InputError, Issue


@dataclass(frozen=True, slots=True)
class SupplyCurve:
    """Straight lines between points of outdoor and supply temperature; constant outside.

    Attributes
    ----------
    outdoor_c, supply_c
        Points, outdoor temperature increasing [degC].
    """

    outdoor_c: tuple[float, ...] = (-12.0, 3.0, 15.0)
    supply_c: tuple[float, ...] = (85.0, 75.0, 70.0)

    def __post_init__(self) -> None:
        fine = len(self.outdoor_c) == len(self.supply_c) > 0 and bool(np.all(np.diff(self.outdoor_c) > 0.0))
        if not fine:
            raise InputError(
                [Issue("supply curve", "outdoor_c", str(self.outdoor_c), "as many increasing points as supply_c has")]
            )

    @classmethod
    def constant(cls, supply_c: float) -> SupplyCurve:
        """Return a supply temperature that never changes."""
        return cls((0.0,), (supply_c,))

    def __call__(self, outdoor_c: float) -> float:
        """Return the supply temperature [degC] at an outdoor temperature [degC]."""
        return float(np.interp(outdoor_c, self.outdoor_c, self.supply_c))
