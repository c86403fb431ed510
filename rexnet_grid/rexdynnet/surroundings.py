"""What a delivery network is told of temperatures, checked before anything flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue
from rexnet_grid.rexdynnet.curves import SupplyCurve
from rexnet_grid.rexdynnet.forcing import check_range, check_water, raise_if
from rexnet_grid.rexdynnet.stepcheck import COLDEST_GROUND_C, HOTTEST_GROUND_C

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.rexdynnet.arrays import FloatArray

AIR_C = (-90.0, 70.0)


def check_temperatures(where: str, water: Mapping[str, Any], outdoor_c: Any, ground_c: Any) -> None:
    """Raise when something is no temperature of liquid water, of the air or of the ground.

    Parameters
    ----------
    where
        For the message.
    water
        By name: a number, numbers or a curve [degC]; what is ``None`` was not given.
    outdoor_c, ground_c
        A number or numbers [degC].

    Raises
    ------
    NetworkDataError
        With everything wrong.
    """
    issues: list[Issue] = []
    for name, given in {**water, "outdoor_c": outdoor_c, "ground_c": ground_c}.items():
        if given is None:
            continue
        try:
            values = np.asarray(given.supply_c if isinstance(given, SupplyCurve) else given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            issues.append(Issue(where, name, str(error), "a number or numbers [degC]"))
            continue
        if name not in water and (values.ndim > 1 or values.size == 0):
            issues.append(Issue(where, name, f"shape {values.shape}", "a number or one value a unit [degC]"))
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(np.ravel(values))))
            value = f"{np.ravel(values)[at]} in place {at}" if values.ndim else str(values)
            issues.append(Issue(where, name, value, "finite temperatures [degC]"))
        if name == "outdoor_c":
            check_range(name, values, *AIR_C, "degC", issues)
        if name in water:
            check_water(name, values, issues)
        if name == "ground_c":
            check_range(name, values, COLDEST_GROUND_C, HOTTEST_GROUND_C, "degC", issues)
    raise_if(issues)


def check_unit(where: str, unit: int, given: Mapping[str, FloatArray]) -> None:
    """Raise where something is given unit by unit and not for this one; a single value holds for all."""
    issues = [
        Issue(where, name, f"{len(values)} values", f"one for unit {unit} as well", "or one number")
        for name, values in given.items()
        if len(values) > 1 and not 0 <= unit < len(values)
    ]
    raise_if(issues)
