"""Options for security: what their sellers let the safety maintainer do, and how much of it can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery.headroom import FloatArray

OPTION_KINDS = frozenset({"call", "put"})


@dataclass(frozen=True, slots=True)
class Option:
    """A right to change a participant: ``"call"`` raises its generation, ``"put"`` cuts its consumption.

    Attributes
    ----------
    participant
        Index of the participant that sold it.
    kind
        ``"call"`` or ``"put"``; both raise the injection.
    kw
        Most that may be exercised [kW].
    cost_eur_per_mwh
        Exercise fee [EUR/MWh].
    """

    participant: int
    kind: Literal["call", "put"]
    kw: float
    cost_eur_per_mwh: float


def check_options(options: Sequence[Option], n: int) -> None:
    """Refuse options of unknown kind or seller and numbers that are not finite.

    Raises
    ------
    InputError
        Everything that is wrong with any of them.
    """
    issues = []
    for k, option in enumerate(options):
        if option.kind not in OPTION_KINDS:
            issues.append(Issue("safety maintainer", f"option {k} kind", f'"{option.kind}"', '"call" or "put"'))
        if not 0 <= option.participant < n:
            issues.append(
                Issue("safety maintainer", f"option {k}", f"participant {option.participant}", f"0 to {n - 1}")
            )
        if not np.isfinite([option.kw, option.cost_eur_per_mwh]).all():
            issues.append(
                Issue(
                    "safety maintainer", f"option {k}", f"{option.kw} kW at {option.cost_eur_per_mwh}", "finite numbers"
                )
            )
    if issues:
        raise InputError(issues)


def on_offer_kw(options: Sequence[Option], scheduled: FloatArray) -> FloatArray:
    """Return what each option can do [kW]: the puts of one participant cut its consumption once, the cheapest first."""
    kw = np.array([max(o.kw, 0.0) for o in options])
    consumption = np.maximum(-scheduled, 0.0)
    for k in sorted(range(len(options)), key=lambda k: options[k].cost_eur_per_mwh):
        if options[k].kind == "put":
            kw[k] = min(kw[k], float(consumption[options[k].participant]))
            consumption[options[k].participant] -= kw[k]
    return kw
