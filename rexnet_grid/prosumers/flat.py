"""A flat in a building whose flats heat each other: it buys heat from the building's substation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.heated import HeatedBuilding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered


class Flat(HeatedBuilding):
    """A flat that plans as if it stood alone and feels what its neighbours do.

    Its plan is that of :class:`HeatedBuilding`, one store that leaks to outdoors; what its air really does is told by
    the building. It takes the heat it reserved, whatever its thermometer says: the valve follows the reservation.
    """

    def usable_kw(self, unit: int) -> float:  # noqa: ARG002
        """Return the rating of the radiators [kW]."""
        return self.max_kw

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Read the thermometer."""
        self._heat_kw = max(-delivered.rate_kw[self.carrier], 0.0)
        if delivered.temperature_c is not None and np.isfinite(delivered.temperature_c):
            self.state.room_c = delivered.temperature_c
        self._at = unit + 1

    def record(self) -> Mapping[str, float]:
        """Return room temperature and heat taken."""
        return {"room_c": self.state.room_c, "heat_kw": self._heat_kw}
