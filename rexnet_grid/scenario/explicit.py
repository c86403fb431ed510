"""Explicit participants: from a section [[participants]] to somebody who trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.connections import sun_forecast
from rexnet_grid.prosumers.forecast import BridgeForecast
from rexnet_grid.prosumers.household import Household
from rexnet_grid.prosumers.supply import FuelPlant
from rexnet_grid.scenario.park import HeatTemperatures, ParkMaker, needed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.makers import Kit
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.greybox import GreyBox
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.scenario.people import Participant
    from rexnet_grid.units import Carrier


SELLER = "contract"
"""Kind as reported of an explicit supplier: a supplier proper is the external grid, which balances."""


def explicit_members(scenario: Scenario, kit: Kit) -> tuple[Prosumer, ...]:
    """Return the explicit participants of a scenario, in its order.

    Raises
    ------
    NetworkDataError
        With every issue of a profile.
    """
    return tuple(_member(scenario, kit, participant) for participant in scenario.participants)


def _member(scenario: Scenario, kit: Kit, section: Participant) -> Prosumer:
    if section.kind in PARK:
        return _park(scenario, kit, section)
    maker = _Maker(kit, section)
    if section.kind == "battery":
        return maker.battery()
    if section.kind == "supplier" or (section.kind == "generator" and section.profile is None):
        return maker.plant()
    if section.kind == "photovoltaics":
        return maker.photovoltaics()
    sign = -1.0 if section.kind == "load" else 1.0
    return maker.follower(sign * _rates(scenario, kit, section))


PARK = {"boiler", "electric_boiler", "heat_pump", "chp", "solar_thermal", "waste_heat", "tank", "building"}


def _park(scenario: Scenario, kit: Kit, section: Participant) -> Prosumer:
    maker = ParkMaker(kit, section, _temperatures(scenario, kit))
    match section.kind:
        case "boiler":
            return maker.boiler()
        case "electric_boiler":
            return maker.electric_boiler()
        case "heat_pump":
            return maker.heat_pump()
        case "chp":
            return maker.chp()
        case "solar_thermal":
            return maker.solar()
        case "waste_heat":
            return maker.waste_heat(None if section.profile is None else _rates(scenario, kit, section))
        case "tank":
            return maker.tank()
        case _:
            return maker.building(_grey_box(scenario, section))


def _grey_box(scenario: Scenario, section: Participant) -> GreyBox:
    """Return the building as it was fitted to meters, or that of a kind."""
    from rexnet_grid.rexdynnet.archetypes import ORDERS, from_archetype
    from rexnet_grid.rexdynnet.fitted import read_fitted

    if section.fitted is not None:
        return read_fitted(scenario.path_of(section.fitted))
    order = ORDERS[section.capacities - 1]
    return from_archetype(needed(section.archetype), needed(section.floor_area_m2), order, section.heater)


def _temperatures(scenario: Scenario, kit: Kit) -> HeatTemperatures:
    """Return what the heat network runs at in every unit; of a scenario without heat, ordinary numbers."""
    outdoor, heat = kit.weather.outdoor_c, scenario.heat
    if heat is None:
        return HeatTemperatures(np.full(len(outdoor), 70.0), np.full(len(outdoor), 40.0), 55.0)
    supply, back = heat.supply_temperature_c, heat.return_temperature_c
    return HeatTemperatures(
        np.interp(outdoor, supply.outdoor_c, supply.supply_c),
        np.interp(outdoor, back.outdoor_c, back.return_c),
        heat.supply_min_c,
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    kit: Kit
    section: Participant

    def follower(self, net_kw: FloatArray) -> Household:
        """Return somebody who does what a profile says, foresees it, and trades until the position equals it."""
        stream = self.kit.streams.generator(self.section.name, "forecast")
        return self._follower(BridgeForecast(net_kw, net_kw, 1.0, stream))

    def photovoltaics(self) -> Household:
        """Return photovoltaics that foresee the sun as the households' do."""
        section, kit = self.section, self.kit
        rate, tilt, azimuth = needed(section.rate_kw), section.tilt_deg, section.azimuth_deg
        return self._follower(sun_forecast(kit, section.name, rate, tilt, azimuth))

    def _follower(self, forecast: BridgeForecast) -> Household:
        name, config = self.section.name, self.kit.config
        carrier = self._carrier()
        ceiling, floor = config.retail_ceiling_eur_per_mwh, config.feed_in_floor_eur_per_mwh
        expected = self.kit.power_price[: len(forecast.actual)]
        if carrier == "heat":
            ceiling, floor, expected = config.heat_ceiling_eur_per_mwh, 0.0, self.kit.heat_price[: len(forecast.actual)]
        if self.section.price_eur_per_mwh is not None:
            price = self.section.price_eur_per_mwh
            ceiling, floor = (price, floor) if self.section.kind == "load" else (ceiling, price)
        patience = self.kit.patience(ceiling, floor, self.kit.streams.generator(name, "patience"))
        sun = self.section.kind == "photovoltaics"
        cut = config.curtail_flexible_eur_per_mwh if sun else config.curtail_firm_eur_per_mwh
        return Household(self._identity(cut, carrier), forecast, expected, patience, carrier)

    def battery(self) -> Battery:
        """Return a battery that starts a third full."""
        config, capacity = self.kit.config, needed(self.section.capacity_kwh)
        efficiency = config.battery_efficiency if self.section.efficiency is None else self.section.efficiency
        cell = BatteryCell(capacity, needed(self.section.rate_kw), efficiency, config.battery_wear_eur_per_mwh)
        identity = self._identity(config.curtail_flexible_eur_per_mwh, "electricity")
        worth = 0.75 * config.electricity_price_eur_per_mwh
        return Battery(identity, cell, self.kit.units, self.kit.hours, capacity / 3.0, worth)

    def plant(self) -> FuelPlant:
        """Return somebody who sells at a price, on the network where the seat is."""
        carrier = self._carrier()
        identity = self._identity(self.kit.config.curtail_flexible_eur_per_mwh, carrier)
        return FuelPlant(identity, carrier, needed(self.section.rate_kw), needed(self.section.price_eur_per_mwh), 0.0)

    def _carrier(self) -> Carrier:
        return "heat" if self.section.bus is None else "electricity"

    def _identity(self, curtailment_price: float, *carriers: Carrier) -> Identity:
        seats: Mapping[Carrier, str | None] = {"electricity": self.section.bus, "heat": self.section.node}
        nodes = {carrier: seat for carrier in carriers if (seat := seats[carrier]) is not None}
        own = self.section.curtailment_price_eur_per_mwh
        kind = SELLER if self.section.kind == "supplier" else self.section.kind
        return self.kit.identity(self.section.name, kind, nodes, curtailment_price if own is None else own)


def _rates(scenario: Scenario, kit: Kit, section: Participant) -> FloatArray:
    """Return what a load takes or a generator gives in every unit of the run [kW]."""
    if section.profile is None:
        return np.full(kit.units, needed(section.rate_kw))
    from rexnet_grid.scenario.series import profile_rates

    number, profile = next((n, p) for n, p in enumerate(scenario.profiles) if p.name == section.profile)
    rates = profile_rates(scenario, profile, f"profiles[{number}]")
    return rates * needed(section.rate_kw) if profile.unit == "share" else rates
