"""What a heat network is asked by the market, and what it sees of the coming units then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.planning import FlowPlan


@dataclass(frozen=True, slots=True)
class Outlook:
    """The coming units as a network sees them; ``key`` says for which state, units and positions it holds."""

    key: tuple[int, tuple[int, ...], bytes]
    plan: FlowPlan
    seen: Foresight
    band: LinepackBand


def checked_rates(network: str, nodes: Sequence[str], rates_kw: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return rates by node [kW] as floats.

    Raises
    ------
    InputError
        When they have another shape, or one is not finite.
    """
    rates: FloatArray = np.array(rates_kw, dtype=np.float64)
    if rates.shape != shape:
        raise InputError([Issue(network, "rates", f"shape {rates.shape}", f"shape {shape}")])
    for at in np.argwhere(~np.isfinite(rates))[:1]:
        name, value = nodes[at[-1]], str(rates[tuple(at)])
        raise InputError([Issue(network, f"rate at {name}", value, "a finite number [kW]")])
    return rates
