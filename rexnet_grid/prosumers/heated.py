"""Heated buildings in the market: a home with its own heat pump, and a building on the heat network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.flexible import FlexibleConsumer, StoreOutlook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray
    from rexnet_grid.prosumers.flexible import FlexibleTerms
    from rexnet_grid.prosumers.forecast import BridgeForecast
    from rexnet_grid.prosumers.heating import HomeState
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

SAFETY_K = 0.2
FINAL_SHARE = 0.35


class HeatedBuilding(FlexibleConsumer):
    """A building that buys heat, or what makes heat, ahead of its need, inside its comfort band.

    Parameters
    ----------
    identity, carrier, expected_price, terms
        As in :class:`FlexibleConsumer`.
    state
        The building and its hot water.
    forecast
        What weather will take from the building, as it is forecast [kWh].
    heat_per_kw
        (n_units,) heat made of what is bought [-]: the coefficient of performance, or one.
    max_kw
        Largest rate that is bought [kW].
    """

    def __init__(
        self,
        identity: Identity,
        carrier: Carrier,
        expected_price: FloatArray,
        terms: FlexibleTerms,
        state: HomeState,
        forecast: BridgeForecast,
        heat_per_kw: FloatArray,
        max_kw: float,
    ) -> None:
        super().__init__(identity, carrier, expected_price, terms, state.home.hours)
        self.state = state
        self.forecast = forecast
        self.heat_per_kw = heat_per_kw
        self.max_kw = max_kw
        self._heat_kw = 0.0

    def outlook(self, first: int, slots: int) -> StoreOutlook:
        """Return the heat the building and its hot water will need by forecast, kept 0.2 K inside the comfort band."""
        home = self.state.home
        reserve = home.building.capacity_kwh_k * min(SAFETY_K, 0.25 * (home.highest_c - home.lowest_c))
        capacity = home.building.capacity_kwh_k * (home.highest_c - home.lowest_c) + 0.5 * home.tank_kwh - 2.0 * reserve
        units = np.arange(first, first + slots)
        need = self.forecast.at(first, units) + home.expected_drawn_kwh[units] + reserve * (1.0 - home.keep)
        return StoreOutlook(
            need=need,
            kwh_per_kw=self.heat_per_kw[first : first + slots] * home.hours * home.per_heat,
            max_kw=np.full(slots, self.max_kw),
            capacity=np.full(slots, capacity),
            keep=home.keep,
            initial=self.state.content_kwh - reserve,
            final=FINAL_SHARE * capacity,
        )

    def usable_kw(self, unit: int) -> float:
        """Return what can be taken without overheating the rooms [kW]."""
        return min(self.max_kw, self.state.usable_kw(unit) / float(self.heat_per_kw[unit]))

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Warm the rooms and the tank with what really came."""
        self._heat_kw = max(-delivered.rate_kw[self.carrier], 0.0) * float(self.heat_per_kw[unit])
        self.state.advance(unit, self._heat_kw)
        self._at = unit + 1

    def record(self) -> Mapping[str, float]:
        """Return room temperature, heat in the tank, heat taken and hot water missed so far."""
        return {
            "room_c": self.state.room_c,
            "tank_kwh": self.state.tank_kwh,
            "heat_kw": self._heat_kw,
            "unmet_hot_water_kwh": self.state.unmet_kwh,
        }
