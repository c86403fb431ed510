"""What stands behind the substations of a network in the market: return, wanted heating temperature, hot water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.curves import SupplyCurve
from rexnet_grid.rexdynnet.ends import house_return_c

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, State
    from rexnet_grid.rexdynnet.network import Substation

SMALLEST_SPREAD_K = 2.0


class HouseRow(NamedTuple):
    """One step of the houses, (n_substations,) each; NaN where the exchanger's usual temperature holds.

    ``return_c`` wanted, behind an exchanger the house's own; ``secondary_c`` wanted by the heating [degC]; ``hot_w``
    hot water [W]; ``expected_c`` what comes back to the network, as far as can be said before [degC].
    """

    return_c: FloatArray
    secondary_c: FloatArray
    hot_w: FloatArray
    expected_c: FloatArray


@dataclass(frozen=True)
class Houses:
    """The houses of a network.

    Attributes
    ----------
    substations
        In the network's order.
    return_temperature
        (n_substations,) [degC], or a curve on outdoor temperature; None for the substations' usual one.
    heating_curve
        Supply temperature of the heating behind exchangers by outdoor temperature; None for their usual one.
    hot_water_share
        Part of the heat that is hot water [-].
    """

    substations: tuple[Substation, ...]
    return_temperature: FloatArray | SupplyCurve | None = None
    heating_curve: SupplyCurve | None = None
    hot_water_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.hot_water_share <= 1.0:
            share = str(self.hot_water_share)
            raise InputError([Issue("houses", "hot_water_share", share, "a part of the heat demand, 0 to 1")])

    def given_c(self, outdoor_c: float) -> FloatArray:
        """Return the return temperature that is handed in or usual, (n_substations,) [degC]."""
        usual = np.array([s.usual_return_c for s in self.substations])
        if self.return_temperature is None:
            return usual
        if isinstance(self.return_temperature, SupplyCurve):
            return np.full(len(usual), self.return_temperature(outdoor_c))
        return np.asarray(np.broadcast_to(self.return_temperature, usual.shape), dtype=np.float64)

    def rows(self, outdoor_c: float, heat_w: FloatArray) -> HouseRow:
        """Return the houses for many loads (n_loads, n_substations) [W]; all arrays have that shape."""
        warm = np.nan if self.heating_curve is None else self.heating_curve(outdoor_c)
        secondary = np.full(heat_w.shape, warm)
        hot = self.hot_water_share * heat_w
        wanted = np.tile(self.given_c(outdoor_c), (len(heat_w), 1))
        if self.return_temperature is None:
            wanted = house_return_c(self.substations, wanted, heat_w, hot, secondary)
        return HouseRow(wanted, secondary, hot, wanted)

    def at(self, outdoor_c: float, heat_w: FloatArray, layout: Layout, state: State) -> HouseRow:
        """Return the houses for a step.

        Parameters
        ----------
        outdoor_c
            Outdoor temperature [degC].
        heat_w
            (n_substations,) heat wanted [W].
        layout, state
            The network, whose return side knows what exchangers gave back last.
        """
        rows = self.rows(outdoor_c, heat_w[None])
        wanted, secondary, hot = rows.return_c[0], rows.secondary_c[0], rows.hot_w[0]
        behind = np.array([s.heating is not None or s.hot_water is not None for s in self.substations])
        highest = state.arrive_c - SMALLEST_SPREAD_K
        seen = np.minimum(np.maximum(state.node_c[1, layout.sub_node], wanted), np.maximum(highest, wanted))
        return HouseRow(wanted, secondary, hot, np.where(behind, seen, wanted))
