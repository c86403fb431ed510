"""Explicit participants: from a section [[participants]] to somebody who trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.central import CentralHeatPump, HeatPumpPlant
from rexnet_grid.prosumers.forecast import BridgeForecast
from rexnet_grid.prosumers.household import Household
from rexnet_grid.prosumers.supply import FuelPlant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.makers import Kit
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.scenario.people import Participant
    from rexnet_grid.units import Carrier


def explicit_members(scenario: Scenario, kit: Kit) -> tuple[Prosumer, ...]:
    """Return the explicit participants of a scenario, in its order.

    Raises
    ------
    NetworkDataError
        With every issue of a profile.
    """
    return tuple(_member(scenario, kit, participant) for participant in scenario.participants)


def _member(scenario: Scenario, kit: Kit, section: Participant) -> Prosumer:
    maker = _Maker(kit, section)
    match section.kind:
        case "battery":
            return maker.battery()
        case "boiler":
            return maker.plant("heat")
        case "heat_pump":
            return maker.heat_pump()
        case "generator" if section.profile is None:
            return maker.plant("electricity")
        case "generator":
            return maker.follower(_rates(scenario, kit, section))
        case "load":
            return maker.follower(-_rates(scenario, kit, section))


@dataclass(frozen=True, slots=True)
class _Maker:
    kit: Kit
    section: Participant

    def follower(self, net_kw: FloatArray) -> Household:
        """Return somebody who does what a profile says, foresees it, and trades until the position equals it."""
        name, config = self.section.name, self.kit.config
        forecast = BridgeForecast(net_kw, net_kw, 1.0, self.kit.streams.generator(name, "forecast"))
        ceiling, floor = config.retail_ceiling_eur_per_mwh, config.feed_in_floor_eur_per_mwh
        if self.section.price_eur_per_mwh is not None:
            price = self.section.price_eur_per_mwh
            ceiling, floor = (price, floor) if self.section.kind == "load" else (ceiling, price)
        patience = self.kit.patience(ceiling, floor, self.kit.streams.generator(name, "patience"))
        firm = config.curtail_firm_eur_per_mwh
        return Household(self._identity(firm, "electricity"), forecast, self.kit.power_price[: len(net_kw)], patience)

    def battery(self) -> Battery:
        """Return a battery that starts a third full."""
        config, capacity = self.kit.config, _given(self.section.capacity_kwh)
        efficiency = config.battery_efficiency if self.section.efficiency is None else self.section.efficiency
        cell = BatteryCell(capacity, _given(self.section.rate_kw), efficiency, config.battery_wear_eur_per_mwh)
        identity = self._identity(config.curtail_flexible_eur_per_mwh, "electricity")
        worth = 0.75 * config.electricity_price_eur_per_mwh
        return Battery(identity, cell, self.kit.units, self.kit.hours, capacity / 3.0, worth)

    def plant(self, carrier: Carrier) -> FuelPlant:
        """Return a plant that sells at its price."""
        identity = self._identity(self.kit.config.curtail_flexible_eur_per_mwh, carrier)
        return FuelPlant(identity, carrier, _given(self.section.rate_kw), _given(self.section.price_eur_per_mwh), 0.0)

    def heat_pump(self) -> CentralHeatPump:
        """Return a heat pump that buys electricity for the heat it sells."""
        config = self.kit.config
        plant = HeatPumpPlant(
            heat_kw=_given(self.section.rate_kw),
            cop=np.full(self.kit.units, _given(self.section.cop)),
            margin_eur_per_mwh=config.heat_margin_eur_per_mwh,
            last_resort_eur_per_mwh=config.heat_ceiling_eur_per_mwh,
        )
        return CentralHeatPump(self._identity(config.curtail_flexible_eur_per_mwh, "electricity", "heat"), plant)

    def _identity(self, curtailment_price: float, *carriers: Carrier) -> Identity:
        seats: Mapping[Carrier, str | None] = {"electricity": self.section.bus, "heat": self.section.node}
        nodes = {carrier: seat for carrier in carriers if (seat := seats[carrier]) is not None}
        own = self.section.curtailment_price_eur_per_mwh
        return self.kit.identity(self.section.name, self.section.kind, nodes, curtailment_price if own is None else own)


def _rates(scenario: Scenario, kit: Kit, section: Participant) -> FloatArray:
    """Return what a load takes or a generator gives in every unit of the run [kW]."""
    if section.profile is None:
        return np.full(kit.units, _given(section.rate_kw))
    from rexnet_grid.scenario.series import profile_rates

    number, profile = next((n, p) for n, p in enumerate(scenario.profiles) if p.name == section.profile)
    rates = profile_rates(scenario, profile, f"profiles[{number}]")
    return rates * _given(section.rate_kw) if profile.unit == "share" else rates


def _given(value: float | None) -> float:
    """Return a value that the scenario's own checks have made sure of."""
    if value is None:
        raise ValueError("a participant was made without the checks of its scenario")
    return value
