"""Which limits an electric network has to keep."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import acos, inf, isfinite, tan
from numbers import Real

import numpy as np

from rexnet_grid.errors import InputError, Issue

DEFAULT_COS_PHI = 0.95
LEAST_ERR = 0.01


@dataclass(frozen=True, slots=True)
class ElectricLimits:
    """Limits of an electric network and how demand draws reactive power.

    Attributes
    ----------
    vm_min_pu, vm_max_pu
        Voltage band [p.u.]; the default is ±10 % of EN 50160:2010, 4.2.2.
    loading_percent
        Thermal limit of lines and transformers [% of the rating].
    import_kw, export_kw
        Most that the supply may give and take back [kW].
    margin
        Share of every limit that headroom keeps back [-]: of the rating, of the distance between 1 p.u. and the
        voltage limit, of import and export.
    cos_phi
        Power factor of demand, inductive: an injection p < 0 has q = p tan(acos(cos_phi)), an injection p > 0 none.
    """

    vm_min_pu: float = 0.90
    vm_max_pu: float = 1.10
    loading_percent: float = 100.0
    import_kw: float = inf
    export_kw: float = inf
    margin: float = 0.02
    cos_phi: float = DEFAULT_COS_PHI

    def __post_init__(self) -> None:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if odd := [k for k, v in values.items() if isinstance(v, (bool, np.bool_)) or not isinstance(v, Real)]:
            raise InputError([Issue("electric limits", key, repr(values[key]), "a number") for key in odd])
        checks = (
            ("vm_min_pu", 0.0 < self.vm_min_pu < 1.0, "between 0 and 1 p.u."),
            ("vm_max_pu", 1.0 < self.vm_max_pu < 2.0, "between 1 and 2 p.u."),
            ("loading_percent", self.loading_percent > 0.0 and isfinite(self.loading_percent), "above 0 %"),
            ("import_kw", self.import_kw >= 0.0, "zero or more"),
            ("export_kw", self.export_kw >= 0.0, "zero or more"),
            ("margin", 0.0 <= self.margin < 0.5, "from 0 to below 0.5"),
            ("cos_phi", 0.0 < self.cos_phi <= 1.0, "above 0, at most 1"),
        )
        wrong = [
            Issue("electric limits", key, str(getattr(self, key)), expected)
            for key, fine, expected in checks
            if not fine
        ]
        if wrong:
            raise InputError(wrong)

    @property
    def tan_phi(self) -> float:
        """Reactive over active power of demand [-]."""
        return tan(acos(self.cos_phi))


def with_room_to_err(limits: ElectricLimits) -> ElectricLimits:
    """Return limits for headroom rows: nearer ones where the margin would leave rows less than 1 % to err by.

    Rows keep the margin back and may err by as much beyond the limit. With a smaller one nearly all that they err by
    would have to be charged, which makes trading more timid than a limit that is nearer by the difference.
    """
    if limits.margin >= LEAST_ERR:
        return limits
    share = (1.0 + limits.margin) / (1.0 + LEAST_ERR)
    return replace(
        limits,
        vm_min_pu=1.0 - share * (1.0 - limits.vm_min_pu),
        vm_max_pu=1.0 + share * (limits.vm_max_pu - 1.0),
        loading_percent=share * limits.loading_percent,
        import_kw=share * limits.import_kw,
        export_kw=share * limits.export_kw,
        margin=LEAST_ERR,
    )
