"""The plants, tanks and buildings that a scenario names: from a section [[participants]] to somebody who trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rexnet_grid.prosumers.central import CentralHeatPump, HeatPumpPlant
from rexnet_grid.prosumers.cogeneration import ChpPlant, ChpTerms
from rexnet_grid.prosumers.demand import hot_water_kwh, mean_hot_water_kwh
from rexnet_grid.prosumers.dwelling import Comfort, GreyBuilding, GreyHomeState, at_rest, planning_building
from rexnet_grid.prosumers.forecast import BridgeForecast, smooth
from rexnet_grid.prosumers.heating import HeatedHome
from rexnet_grid.prosumers.heatplant import HeatPlant, HeatSource
from rexnet_grid.prosumers.heatstore import HeatStore, TankSite
from rexnet_grid.prosumers.makers import HOT_WATER_TANK_SHARE, WEATHER_FORECAST_HOURS, WEATHER_MEAN_HOURS
from rexnet_grid.prosumers.population import BUILDING_RATING, PLANT_WAKE_MINUTES
from rexnet_grid.prosumers.solar import plane_of_array
from rexnet_grid.prosumers.supply import FuelPlant
from rexnet_grid.rexdynnet.heating import SetPoint
from rexnet_grid.rexdynnet.plants import (
    Chp,
    Collector,
    EfficiencyCurve,
    OperatingRange,
    carnot_cop,
    lorenz_cop,
    regression_cop,
)
from rexnet_grid.rexdynnet.tank import StratifiedTank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.prosumers.household import Patience
    from rexnet_grid.prosumers.makers import Kit
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.greybox import GreyBox
    from rexnet_grid.scenario.people import Participant
    from rexnet_grid.units import Carrier

T = TypeVar("T")
SOLAR_FORECAST_HOURS = 3.0
ELECTRIC_EFFICIENCY, CHP_EFFICIENCY = 0.99, 0.88
TANK_START, TANK_WORTH = 0.4, 0.75
TANK_DROP_K = 10.0
SOURCE_GLIDE_K = 5.0


@dataclass(frozen=True, slots=True)
class HeatTemperatures:
    """What a heat network runs at.

    Attributes
    ----------
    supply_c, return_c
        (n_units,) [degC].
    supply_min_c
        Lowest supply temperature of a substation [degC].
    """

    supply_c: FloatArray
    return_c: FloatArray
    supply_min_c: float


@dataclass(frozen=True, slots=True)
class ParkMaker:
    """Makes the participants of one section."""

    kit: Kit
    section: Participant
    network: HeatTemperatures

    def boiler(self) -> HeatPlant | FuelPlant:
        """Return a boiler: at its price, or at the cost of its fuel by load."""
        section, config = self.section, self.kit.config
        if section.price_eur_per_mwh is not None and section.min_load_kw is None and section.ramp_kw_per_min is None:
            return FuelPlant(self._identity("heat"), "heat", needed(section.rate_kw), section.price_eur_per_mwh, 0.0)
        curve: EfficiencyCurve | None = None
        price = section.price_eur_per_mwh
        if price is None:
            price = (
                config.gas_price_eur_per_mwh
                if section.fuel_price_eur_per_mwh is None
                else section.fuel_price_eur_per_mwh
            )
            curve = self._curve(config.boiler_efficiency)
        return self._plant(self._range(), curve, price, None, None)

    def solar(self) -> HeatPlant:
        """Return a field of collectors that knows tomorrow's sun in its mean and the next hours better."""
        section, kit = self.section, self.kit
        field = Collector(needed(section.area_m2), *section.collector)
        mean_c = 0.5 * (self.network.supply_c + self.network.return_c)
        sun = plane_of_array(kit.weather, section.tilt_deg, section.azimuth_deg)
        made = field.heat_kw(sun, mean_c, kit.weather.outdoor_c)
        window = round(SOLAR_FORECAST_HOURS / kit.hours)
        stream = kit.streams.generator(section.name, "forecast")
        forecast = BridgeForecast(made, smooth(made, window), kit.config.forecast_hours / kit.hours, stream, window)
        rating = float(field.heat_kw(1100.0, 20.0, 20.0))
        return self._plant(OperatingRange(rating), None, 0.0, forecast, self._patience())

    def waste_heat(self, available_kw: FloatArray | None) -> HeatPlant:
        """Return a source of waste heat, as far as its profile has any."""
        section = self.section
        forecast = None
        if available_kw is not None:
            padded = np.concatenate((available_kw, np.zeros(max(self.kit.units - len(available_kw), 0))))
            stream = self.kit.streams.generator(section.name, "forecast")
            forecast = BridgeForecast(padded, padded, 1.0, stream)
        return self._plant(self._range(), None, section.price_eur_per_mwh or 0.0, forecast, self._patience())

    def heat_pump(self) -> CentralHeatPump:
        """Return a heat pump whose coefficient of performance follows source and supply, or is given."""
        section, network, outdoor = self.section, self.network, self.kit.weather.outdoor_c
        if section.cop is not None or section.source is None:
            return self._electric(np.full(self.kit.units, needed(section.cop)))
        source = outdoor if section.source == "air" else np.full(self.kit.units, section.source_c)
        quality = section.cop_quality
        if section.cop_model == "regression":
            cop = regression_cop(section.source, source, network.supply_c)
        elif section.cop_model == "lorenz":
            cop = lorenz_cop(source, source - SOURCE_GLIDE_K, network.return_c, network.supply_c, quality)
        else:
            cop = carnot_cop(source, network.supply_c, quality)
        return self._electric(np.maximum(cop, 1.0))

    def electric_boiler(self) -> CentralHeatPump:
        """Return an electric boiler: heat of electricity, a hundredth lost."""
        efficiency = self.section.efficiency or ELECTRIC_EFFICIENCY
        return self._electric(np.full(self.kit.units, efficiency))

    def chp(self) -> ChpPlant:
        """Return a combined heat and power plant."""
        section, config = self.section, self.kit.config
        plant = Chp(
            heat=self._range(),
            power_to_heat=needed(section.power_to_heat),
            efficiency=section.efficiency or CHP_EFFICIENCY,
            power_loss=section.power_loss or 0.0,
            condensing_kw=section.condensing_kw or 0.0,
            min_condensing_kw=section.min_condensing_kw or 0.0,
        )
        fuel = (
            config.gas_price_eur_per_mwh if section.fuel_price_eur_per_mwh is None else section.fuel_price_eur_per_mwh
        )
        terms = ChpTerms(fuel, config.heat_margin_eur_per_mwh)
        identity = self._identity("heat", "electricity")
        kit = self.kit
        return ChpPlant(identity, plant, terms, kit.heat_price, kit.power_price, kit.unit_minutes, self._patience())

    def tank(self) -> HeatStore:
        """Return a tank that starts two fifths full of hot water."""
        section, network = self.section, self.network
        outside = float(self.kit.weather.outdoor_c.mean())
        tank = StratifiedTank(
            needed(section.volume_m3),
            layers=section.layers,
            insulation_w_m2k=section.insulation_w_m2k,
            ambient_c=outside,
        )
        lowest = max(network.supply_min_c, float(network.supply_c.min()) - TANK_DROP_K)
        site = TankSite(tank, needed(section.rate_kw), network.supply_c, lowest, float(network.return_c.mean()))
        worth = TANK_WORTH * float(self.kit.heat_price.mean())
        return HeatStore(self._identity("heat"), site, self.kit.hours, TANK_START, worth)

    def building(self, model: GreyBox) -> GreyBuilding:
        """Return a building that moves as ``model``, with its set-points and hot water."""
        section, kit, config = self.section, self.kit, self.kit.config
        day = config.comfort_min_c if section.set_point_c is None else section.set_point_c
        night = day if section.set_back_c is None else section.set_back_c
        point = SetPoint(day, night, section.day_from_h, section.day_to_h)
        lowest = point.at(kit.hour + 0.5 * kit.hours)
        water, stream = section.hot_water_kwh_per_day, kit.streams.generator(section.name, "hot water")
        home = HeatedHome(
            building=planning_building(model),
            lowest_c=night,
            highest_c=config.comfort_max_c,
            tank_kwh=HOT_WATER_TANK_SHARE * water,
            outdoor_c=kit.weather.outdoor_c,
            irradiance_w_m2=kit.weather.global_w_m2,
            drawn_kwh=hot_water_kwh(water, kit.hour, kit.unit_minutes, stream),
            expected_drawn_kwh=mean_hot_water_kwh(water, kit.hour, kit.unit_minutes),
            hours=kit.hours,
        )
        start = 0.6 * float(lowest[0]) + 0.4 * home.highest_c
        state = GreyHomeState(home, model, start, 0.6 * home.tank_kwh)
        need, _ = at_rest(model, home, lowest)
        expected = smooth(need, round(WEATHER_MEAN_HOURS / kit.hours))
        forecast = BridgeForecast(
            need, expected, WEATHER_FORECAST_HOURS / kit.hours, kit.streams.generator(section.name, "weather")
        )
        design = model.steady_loss_kw_k * (day - config.design_outdoor_c) + water / 24.0
        rating = BUILDING_RATING * design if section.rate_kw is None else section.rate_kw
        identity = self._identity("heat", wake_minutes=config.wake_minutes)
        return GreyBuilding(identity, kit.heat_price, kit.heat_terms(), state, forecast, Comfort(lowest), rating)

    def _plant(
        self,
        limits: OperatingRange,
        curve: EfficiencyCurve | None,
        price: float,
        available: BridgeForecast | None,
        patience: Patience | None,
    ) -> HeatPlant:
        config = self.kit.config
        source = HeatSource(limits, curve, price, config.heat_margin_eur_per_mwh, config.heat_ceiling_eur_per_mwh)
        identity = self._identity("heat")
        return HeatPlant(identity, source, self.kit.heat_price, self.kit.unit_minutes, available, patience)

    def _electric(self, cop: FloatArray) -> CentralHeatPump:
        config = self.kit.config
        plant = HeatPumpPlant(
            heat_kw=needed(self.section.rate_kw),
            cop=cop,
            margin_eur_per_mwh=config.heat_margin_eur_per_mwh,
            last_resort_eur_per_mwh=config.heat_ceiling_eur_per_mwh,
            range=self._range(),
            minutes=self.kit.unit_minutes,
        )
        return CentralHeatPump(self._identity("electricity", "heat"), plant)

    def _range(self) -> OperatingRange:
        section = self.section
        ramp = np.inf if section.ramp_kw_per_min is None else section.ramp_kw_per_min
        return OperatingRange(needed(section.rate_kw), section.min_load_kw or 0.0, ramp)

    def _curve(self, usual: float) -> EfficiencyCurve:
        section = self.section
        if section.efficiency_curve is not None:
            return EfficiencyCurve(section.efficiency_curve.load, section.efficiency_curve.efficiency)
        return EfficiencyCurve((1.0,), (section.efficiency or usual,))

    def _patience(self) -> Patience:
        """Return how a plant's ask comes down from the price everybody expects."""
        config = self.kit.config
        stream = self.kit.streams.generator(self.section.name, "patience")
        return self.kit.patience(config.heat_ceiling_eur_per_mwh, 0.0, stream)

    def _identity(self, *carriers: Carrier, wake_minutes: float = PLANT_WAKE_MINUTES) -> Identity:
        section = self.section
        seats: Mapping[Carrier, str | None] = {"electricity": section.bus, "heat": section.node}
        nodes = {carrier: seat for carrier in carriers if (seat := seats[carrier]) is not None}
        own = section.curtailment_price_eur_per_mwh
        price = self.kit.config.curtail_flexible_eur_per_mwh if own is None else own
        return self.kit.identity(section.name, section.kind, nodes, price, wake_minutes)


def needed(value: T | None) -> T:
    """Return a value that the scenario's own checks have made sure of."""
    if value is None:
        raise ValueError("a participant was made without the checks of its scenario")
    return value
