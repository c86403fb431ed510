"""Rated voltages and angle of a two-winding transformer at the positions of its tap changers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

TAP_KINDS = ("Ratio", "Symmetrical", "Ideal")


def tap_column(trafo: pd.Series, changer: str, column: str) -> Any:
    """Return what a row holds for its first (``""``) or second (``"2"``) tap changer; NaN where there is none."""
    value = trafo.get(f"tap{changer}_{column}", np.nan)
    return np.nan if value is None else value


def turns(trafo: pd.Series) -> tuple[float, float, float]:
    """Return both rated voltages [kV] and the angle [deg] of a row of the table ``trafo``.

    A tap changer of the kind Ratio or Symmetrical, d steps of s at the angle a from neutral, multiplies the voltage of
    its side by abs(z) and adds arg(z), z = 1 + d s exp(j a), to the angle, at the low-voltage side with the other
    sign. An Ideal one adds d times its angle, or 2 arcsin(d s / 2) where only s is given. Any other kind does not act,
    as in pandapower.
    """
    kv = {"hv": float(trafo.vn_hv_kv), "lv": float(trafo.vn_lv_kv)}
    degree = float(np.nan_to_num(trafo.get("shift_degree", 0.0)))
    for changer in ("", "2"):
        kind, side = tap_column(trafo, changer, "changer_type"), tap_column(trafo, changer, "side")
        if kind not in TAP_KINDS or side not in kv:
            continue
        steps = float(tap_column(trafo, changer, "pos")) - float(tap_column(trafo, changer, "neutral"))
        step, angle = (float(np.nan_to_num(tap_column(trafo, changer, f"step_{u}"))) for u in ("percent", "degree"))
        sign = 1.0 if side == "hv" else -1.0
        if kind == "Ideal":
            turned = steps * angle if angle else np.degrees(2.0 * np.arcsin(steps * step / 200.0))
            degree += sign * turned
            continue
        z = 1.0 + steps * step / 100.0 * np.exp(1j * np.radians(angle))
        kv[side] *= float(np.abs(z))
        degree += sign * float(np.degrees(np.angle(z)))
    return kv["hv"], kv["lv"], degree
