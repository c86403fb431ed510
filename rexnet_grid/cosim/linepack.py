"""What a heat network tells its operator at a boundary: the heat in its pipes, the band it may move in, the losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.prosumers.operator import NetworkOperator
    from rexnet_grid.rexdynnet import HeatDelivery


@dataclass(frozen=True, slots=True)
class LinepackNews:
    """The line from a heat network to its operator.

    Attributes
    ----------
    network
        The heat network.
    member
        Index of the operator in the population.
    """

    network: HeatDelivery
    member: int

    def tell(self, operator: NetworkOperator, units: Sequence[int], position_kw: FloatArray) -> None:
        """Tell the operator what the open units look like about the positions (n_units, n_nodes) [kW]."""
        band = self.network.linepack(units, position_kw)
        operator.observe(
            stored_kwh=band.stored_kwh,
            lowest_kwh=band.held_kwh,
            highest_kwh=band.most_kwh,
            units=np.asarray(units, dtype=np.int64),
            loss_kw=band.loss_kw,
            planned_kwh=band.held_kwh,
            keep=band.keep,
        )
