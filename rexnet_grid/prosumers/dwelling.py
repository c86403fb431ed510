"""A building of several heat capacities in the market: set-points, night set-back, comfort that is counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.flexible import StoreOutlook
from rexnet_grid.prosumers.heated import FINAL_SHARE, SAFETY_K, HeatedBuilding
from rexnet_grid.prosumers.heating import HeatedHome, HomeState
from rexnet_grid.rexdynnet.buildings import Building

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, MarketView
    from rexnet_grid.prosumers.flexible import FlexibleTerms
    from rexnet_grid.prosumers.forecast import BridgeForecast
    from rexnet_grid.prosumers.participant import Identity, Prices
    from rexnet_grid.rexdynnet.greybox import GreyBox

FIRM_HOURS = 4.0


def planning_building(model: GreyBox) -> Building:
    """Return the 1R1C building a dweller plans with: the steady loss and the slowest time constant of the model."""
    loss = model.steady_loss_kw_k
    return Building(
        heat_loss_kw_k=loss,
        capacity_kwh_k=loss * float(model.time_constants_h[0]),
        solar_aperture_m2=sum(model.solar_m2),
        internal_gain_kw=max(model.internal_gain_kw, 0.0),
    )


class GreyHomeState(HomeState):
    """A home whose rooms, mass and heater move as a :class:`GreyBox`.

    Parameters
    ----------
    home
        What the dweller plans with, see :func:`planning_building`.
    model
        What the building is.
    room_c, tank_kwh
        At the start [degC], [kWh]; the building is at rest then.
    """

    def __init__(self, home: HeatedHome, model: GreyBox, room_c: float, tank_kwh: float) -> None:
        super().__init__(home, room_c, tank_kwh)
        self.model = model
        self.states_c = model.steady(room_c, float(home.outdoor_c[0]), float(home.irradiance_w_m2[0]))

    def content_above(self, lowest_c: float, unit: int) -> float:
        """Return the heat above what the building holds at rest with its room at ``lowest_c``, and half a tank [kWh].

        Capacities count by their part of the whole, so the content is that of the planning building.
        """
        home, weight = self.home, np.array(self.model.capacity_kwh_k)
        rest = self.model.steady(lowest_c, float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit]))
        excess_k = float(weight @ (self.states_c - rest)) / float(weight.sum())
        return home.building.capacity_kwh_k * excess_k + self.tank_kwh - 0.5 * home.tank_kwh

    def room_kw(self, unit: int) -> float:
        """Return the heat that brings the room to the top of the comfort band in ``unit`` [kW]."""
        home = self.home
        weather = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        return max(self.model.heat_to_reach(self.states_c, home.highest_c, *weather, home.hours), 0.0)

    def warm(self, unit: int, heat_kw: float) -> None:
        """Move the building through ``unit`` with the heat it gets [kW]."""
        home = self.home
        weather = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        self.states_c = self.model.advance(self.states_c, heat_kw, *weather, home.hours).end_c
        self.room_c = float(self.states_c[0])


@dataclass(frozen=True, slots=True)
class Comfort:
    """What the dwellers want.

    Attributes
    ----------
    lowest_c
        (n_units,) lowest room temperature they accept at the end of each unit [degC].
    band_k
        What they do not mind below it [K].
    """

    lowest_c: FloatArray
    band_k: float = 0.2


class GreyBuilding(HeatedBuilding):
    """A building that buys heat for a day with a set-back at night, and counts the comfort it missed.

    It plans with one capacity and lives with several: what it can take in a unit is what brings the room to the top of
    its band, by the model. When the set-point rises in the morning, the heat for that is need like any other, so it
    warms up ahead of time when heat is cheap, or when the heater could not do it in one unit. Its air cools faster
    than its walls, so the heat without which the room would fall below what is wanted is not put off.

    Parameters
    ----------
    identity, expected_price, terms, forecast, max_kw
        As in :class:`HeatedBuilding`; the forecast is of what weather takes at each unit's lowest temperature.
    state
        The building and its hot water.
    comfort
        What is wanted.
    """

    state: GreyHomeState

    def __init__(
        self,
        identity: Identity,
        expected_price: FloatArray,
        terms: FlexibleTerms,
        state: GreyHomeState,
        forecast: BridgeForecast,
        comfort: Comfort,
        max_kw: float,
    ) -> None:
        ones = np.ones(len(expected_price))
        super().__init__(identity, "heat", expected_price, terms, state, forecast, ones, max_kw)
        self.comfort = comfort
        self.discomfort_kh = 0.0
        self._usable_kw = at_rest(state.model, state.home, comfort.lowest_c)[1]

    def outlook(self, first: int, slots: int) -> StoreOutlook:
        """Return the heat needed, the heat that lifts the room in the morning included, and the band above it."""
        home, units = self.state.home, np.arange(first, first + slots)
        lowest = self.comfort.lowest_c
        band = np.maximum(home.highest_c - lowest[units], 0.0)
        reserve = home.building.capacity_kwh_k * np.minimum(SAFETY_K, 0.25 * band)
        capacity = home.building.capacity_kwh_k * band + 0.5 * home.tank_kwh - 2.0 * reserve
        rise = np.diff(lowest[units], prepend=lowest[first])
        need = self.forecast.at(first, units) + home.expected_drawn_kwh[units] + reserve * (1.0 - home.keep)
        return StoreOutlook(
            need=need + home.building.capacity_kwh_k * rise,
            kwh_per_kw=np.full(slots, home.hours * home.per_heat),
            max_kw=np.minimum(self._usable_kw[units], self.max_kw),
            capacity=np.maximum(capacity, 0.0),
            keep=home.keep,
            initial=self.state.content_above(float(lowest[first]), first) - float(reserve[0]),
            final=FINAL_SHARE * max(float(capacity[-1]), 0.0),
        )

    def firm_kw(self, first: int, slots: int) -> FloatArray:
        """Return the heat that cannot be put off in units ``first`` … ``first + slots - 1`` [kW].

        In the next four hours it is the least with which the model stays at its lowest temperature; what is needed
        later can still be had earlier.
        """
        home, model, state = self.state.home, self.state.model, self.state.states_c
        firm = np.zeros(slots)
        for k in range(min(slots, max(round(FIRM_HOURS / home.hours), 1))):
            unit = first + k
            weather = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
            least = model.heat_to_reach(state, float(self.comfort.lowest_c[unit]), *weather, home.hours)
            firm[k] = min(max(least, 0.0), self.max_kw)
            state = model.advance(state, float(firm[k]), *weather, home.hours).end_c
        return firm

    def _plan(
        self, view: MarketView, prices: Prices, outlook: StoreOutlook
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Plan what can be put off, and add what cannot at the most that is paid."""
        n, at = len(outlook.need), self._at
        slots, held = view.units - at, self._bought_kw[at : at + n].copy()
        firm = self.firm_kw(at, n)
        self._bought_kw[at : at + n] = np.maximum(held - firm, 0.0)
        rest = replace(
            outlook,
            need=outlook.need - firm * outlook.kwh_per_kw,
            max_kw=np.maximum(outlook.max_kw - firm, 0.0),
        )
        unused, buy, worth = super()._plan(view, prices, rest)
        self._bought_kw[at : at + n] = held
        lacking = np.maximum(firm - np.maximum(held, 0.0), 0.0)[slots]
        needed = (firm[slots] > 0.0) & (held[slots] <= firm[slots] + view.lot_kw)
        return unused, buy + lacking, np.where(needed, self.terms.ceiling, worth)

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Warm the building with what really came and count by how much its room is too cold."""
        super().conclude(unit, delivered)
        missed = float(self.comfort.lowest_c[unit]) - self.comfort.band_k - self.state.room_c
        self.discomfort_kh += max(missed, 0.0) * self.state.home.hours

    def record(self) -> Mapping[str, float]:
        """Return what a building records, and the discomfort so far [K h]."""
        return {**super().record(), "discomfort_kh": self.discomfort_kh}


def at_rest(model: GreyBox, home: HeatedHome, lowest_c: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what weather takes in every unit from a building at rest at that unit's lowest temperature [kWh].

    And the most that such a building takes in one unit up to the top of its band, with a quarter of its tank [kW].
    """
    need, most = np.empty(len(lowest_c)), np.empty(len(lowest_c))
    for unit, lowest in enumerate(lowest_c.tolist()):
        outdoor, sun = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        rest = model.steady(lowest, outdoor, sun)
        need[unit] = model.loss_kw(rest, outdoor) - model.gains_kw(sun)
        most[unit] = model.heat_to_reach(rest, home.highest_c, outdoor, sun, home.hours)
    tank_kw = 0.25 * home.tank_kwh / home.hours
    return need * home.hours * home.per_heat, np.maximum(most, 0.0) + tank_kw
