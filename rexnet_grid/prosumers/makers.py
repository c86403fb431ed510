"""What every participant is made with, and the participants of the electric network made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.demand import hot_water_kwh, household_load_kw, mean_hot_water_kwh
from rexnet_grid.prosumers.flat import Flat
from rexnet_grid.prosumers.flexible import FlexibleTerms
from rexnet_grid.prosumers.forecast import BridgeForecast, smooth
from rexnet_grid.prosumers.heated import HeatedBuilding
from rexnet_grid.prosumers.heating import HeatedHome, HomeState, air_source_cop, heating_curve_c
from rexnet_grid.prosumers.household import Household, Patience
from rexnet_grid.prosumers.operator import GridOperator, HeatOperator, LossForecast
from rexnet_grid.prosumers.participant import Identity
from rexnet_grid.prosumers.solar import photovoltaic_kw
from rexnet_grid.prosumers.supply import ExternalSupplier
from rexnet_grid.prosumers.surroundings import hour_of_day, price_curve
from rexnet_grid.prosumers.vehicle import ElectricVehicle, draw_stays
from rexnet_grid.rexdynnet.buildings import Building
from rexnet_grid.units import MINUTES_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.prosumers.config import PopulationConfig
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.randomness import Streams
    from rexnet_grid.units import Carrier

SIZE_SPREAD = 0.25
PV_MEAN_HOURS = 3.0
WEATHER_MEAN_HOURS = 12.0
WEATHER_FORECAST_HOURS = 12.0
INTERNAL_GAIN_KW_PER_KW_K = 1.8
SOLAR_APERTURE_M2_PER_KW_K = 30.0
HOT_WATER_TANK_SHARE = 1.6
SUPPLIER_WAKE_MINUTES = 20.0
HEAT_OPERATOR_WAKE_MINUTES = 5.0
CURVE_NOISE_EUR_PER_MWH = 5.0
CURVE_NOISE_MEMORY = 0.9


@dataclass(frozen=True, slots=True)
class Kit:
    """What participants are made with.

    Attributes
    ----------
    config
        Shares, sizes and prices.
    streams
        The random streams of the run.
    weather
        Weather of all units.
    household_shape
        (n_units,) expected household load over yearly energy [1/h].
    hour
        (n_units,) local clock time at the middle of each unit [h].
    power_price, heat_price
        (n_units,) the prices everybody expects [EUR/MWh].
    """

    config: PopulationConfig
    streams: Streams
    weather: Weather
    household_shape: FloatArray
    hour: FloatArray
    power_price: FloatArray
    heat_price: FloatArray

    @property
    def unit_minutes(self) -> int:
        """Length of a unit [min]."""
        return self.weather.time_grid.unit_minutes

    @property
    def hours(self) -> float:
        """Length of a unit [h]."""
        return self.unit_minutes / MINUTES_PER_HOUR

    @property
    def units(self) -> int:
        """Number of units with weather."""
        return len(self.weather)

    def identity(
        self,
        name: str,
        kind: str,
        nodes: Mapping[Carrier, str],
        curtailment_price: float,
        wake_minutes: float | None = None,
    ) -> Identity:
        """Return who a participant is, with its own stream of wake-ups, as often as configured by default."""
        return Identity(
            name=name,
            kind=kind,
            nodes=dict(nodes),
            curtailment_price=dict.fromkeys(nodes, curtailment_price),
            wake_units=(wake_minutes or self.config.wake_minutes) / self.unit_minutes,
            arrivals=self.streams.generator(name, "arrivals"),
        )

    def patience(self, ceiling: float, floor: float, generator: Generator) -> Patience:
        """Return how a participant's limits move, its opening drawn around the market price."""
        return Patience(
            ceiling=ceiling,
            floor=floor,
            opening=float(generator.normal(0.0, self.config.electricity_spread_eur_per_mwh)),
            horizon=24.0 / self.hours,
        )

    def heat_terms(self) -> FlexibleTerms:
        """Return the prices by which participants on the heat network decide."""
        return FlexibleTerms(ceiling=self.config.heat_ceiling_eur_per_mwh, scarcity=20.0, margin=2.0)


def make_kit(
    config: PopulationConfig, streams: Streams, weather: Weather, household_shape: FloatArray, cop: float
) -> Kit:
    """Return what participants are made with; heat is expected to cost what the cheaper of both plants asks."""
    units = len(weather)
    power = np.array(config.electricity_prices)
    if config.electricity_prices is None:
        power = price_curve(
            weather.time_grid, units, config.electricity_price_eur_per_mwh, config.electricity_price_swing
        )
    boiler = config.gas_price_eur_per_mwh / config.boiler_efficiency
    heat = np.minimum(power / cop, boiler) + config.heat_margin_eur_per_mwh
    return Kit(config, streams, weather, household_shape, hour_of_day(weather.time_grid, units), power, heat)


def make_household(kit: Kit, name: str, node: str, kwh_per_year: float, kwp: float) -> Household:
    """Return a household with a stochastic load and, where ``kwp`` is positive, photovoltaics."""
    config, generator = kit.config, kit.streams.generator(name, "load")
    load = household_load_kw(kwh_per_year, kit.household_shape, kit.unit_minutes, generator)
    actual, expected = -load, -kwh_per_year * kit.household_shape
    if kwp > 0.0:
        azimuth = float(kit.streams.generator(name, "roof").normal(0.0, 40.0))
        generated = photovoltaic_kw(kit.weather, kwp, config.pv_tilt_deg, azimuth)
        actual, expected = actual + generated, expected + smooth(generated, round(PV_MEAN_HOURS / kit.hours))
    forecast = BridgeForecast(
        actual, expected, config.forecast_hours / kit.hours, kit.streams.generator(name, "forecast")
    )
    patience = kit.patience(
        config.retail_ceiling_eur_per_mwh, config.feed_in_floor_eur_per_mwh, kit.streams.generator(name, "patience")
    )
    identity = kit.identity(name, "household", {"electricity": node}, config.curtail_firm_eur_per_mwh)
    return Household(identity, forecast, kit.power_price, patience)


def make_battery(kit: Kit, name: str, node: str) -> Battery:
    """Return a home battery, drawn around the configured size, a third full at a quarter below the mean price."""
    config, generator = kit.config, kit.streams.generator(name, "size")
    capacity = config.battery_kwh * float(generator.lognormal(-0.5 * SIZE_SPREAD**2, SIZE_SPREAD))
    cell = BatteryCell(
        capacity, capacity * config.battery_kw_per_kwh, config.battery_efficiency, config.battery_wear_eur_per_mwh
    )
    identity = kit.identity(name, "battery", {"electricity": node}, config.curtail_flexible_eur_per_mwh)
    return Battery(identity, cell, kit.units, kit.hours, capacity / 3.0, 0.75 * config.electricity_price_eur_per_mwh)


def make_electric_vehicle(kit: Kit, name: str, node: str) -> ElectricVehicle:
    """Return a vehicle with its stays drawn from its own stream."""
    config = kit.config
    stays = draw_stays(
        config.ev_kwh_per_day, config.ev_kw, kit.hour, kit.unit_minutes, kit.streams.generator(name, "stays")
    )
    identity = kit.identity(name, "electric_vehicle", {"electricity": node}, config.curtail_flexible_eur_per_mwh)
    terms = FlexibleTerms(ceiling=config.retail_ceiling_eur_per_mwh)
    return ElectricVehicle(identity, kit.power_price, terms, kit.hours, stays, config.ev_kw)


def make_heat_pump_home(kit: Kit, name: str, node: str) -> HeatedBuilding:
    """Return a home heated by its own air-source heat pump, sized for the design temperature."""
    config, weather = kit.config, kit.weather
    size = float(kit.streams.generator(name, "size").lognormal(-0.5 * SIZE_SPREAD**2, SIZE_SPREAD))
    loss = config.heat_pump_home_kw_per_k * size
    building = make_building(config, loss, config.heat_pump_home_kwh_per_k / config.heat_pump_home_kw_per_k)
    state = make_home_state(kit, name, building, config.hot_water_kwh_per_day)
    flow = heating_curve_c(weather.outdoor_c, config.design_outdoor_c, config.flow_c, config.comfort_max_c)
    coldest = np.array([config.design_outdoor_c])
    design_cop = float(air_source_cop(coldest, np.array([config.flow_c]))[0])
    design_heat = loss * (config.comfort_min_c - config.design_outdoor_c)
    identity = kit.identity(name, "heat_pump", {"electricity": node}, config.curtail_flexible_eur_per_mwh)
    return HeatedBuilding(
        identity,
        "electricity",
        kit.power_price,
        FlexibleTerms(ceiling=config.retail_ceiling_eur_per_mwh),
        state,
        make_need_forecast(kit, name, state),
        air_source_cop(weather.outdoor_c, flow),
        config.heat_pump_sizing * design_heat / design_cop,
    )


def make_flat(kit: Kit, name: str, node: str, building: Building, max_kw: float, room_c: float) -> Flat:
    """Return a flat that plans with ``building``, its radiators rated ``max_kw`` [kW], now at ``room_c`` [degC]."""
    state = make_home_state(kit, name, building, 0.0)
    state.room_c = room_c
    return Flat(
        kit.identity(name, "flat", {"heat": node}, kit.config.curtail_flexible_eur_per_mwh),
        "heat",
        kit.heat_price,
        kit.heat_terms(),
        state,
        make_need_forecast(kit, name, state),
        np.ones(kit.units),
        max_kw,
    )


def make_building(config: PopulationConfig, loss_kw_k: float, time_constant_h: float) -> Building:
    """Return a building with gains and glazing in proportion to its heat loss."""
    return Building(
        heat_loss_kw_k=loss_kw_k,
        capacity_kwh_k=loss_kw_k * time_constant_h,
        solar_aperture_m2=SOLAR_APERTURE_M2_PER_KW_K * loss_kw_k,
        internal_gain_kw=INTERNAL_GAIN_KW_PER_KW_K * loss_kw_k,
        set_point_c=0.5 * (config.comfort_min_c + config.comfort_max_c),
        comfort_band_k=0.5 * (config.comfort_max_c - config.comfort_min_c),
    )


def make_home_state(kit: Kit, name: str, building: Building, hot_water_kwh_per_day: float) -> HomeState:
    """Return a home somewhere inside its comfort band, with its own draw-offs and a tank of about a day's hot water."""
    config, weather = kit.config, kit.weather
    drawn = hot_water_kwh(hot_water_kwh_per_day, kit.hour, kit.unit_minutes, kit.streams.generator(name, "hot water"))
    home = HeatedHome(
        building=building,
        lowest_c=config.comfort_min_c,
        highest_c=config.comfort_max_c,
        tank_kwh=HOT_WATER_TANK_SHARE * hot_water_kwh_per_day,
        outdoor_c=weather.outdoor_c,
        irradiance_w_m2=weather.global_w_m2,
        drawn_kwh=drawn,
        expected_drawn_kwh=mean_hot_water_kwh(hot_water_kwh_per_day, kit.hour, kit.unit_minutes),
        hours=kit.hours,
    )
    start = kit.streams.generator(name, "start").uniform(0.3, 0.7, 2)
    room_c = config.comfort_min_c + float(start[0]) * (config.comfort_max_c - config.comfort_min_c)
    return HomeState(home, room_c, home.tank_kwh * float(start[1]))


def make_need_forecast(kit: Kit, name: str, state: HomeState) -> BridgeForecast:
    """Return how a building's heat need is forecast: known in its mean over half a day, its hours better in time."""
    need = state.home.weather_need_kwh()
    expected = smooth(need, round(WEATHER_MEAN_HOURS / kit.hours))
    return BridgeForecast(need, expected, WEATHER_FORECAST_HOURS / kit.hours, kit.streams.generator(name, "weather"))


def make_supplier(kit: Kit, name: str, node: str, capacity_kw: float) -> ExternalSupplier:
    """Return the external supplier; its curve is the expected one, a synthetic one with noise as of wind and sun."""
    config, generator = kit.config, kit.streams.generator(name, "curve")
    noise, level = np.empty(kit.units), 0.0
    scale = CURVE_NOISE_EUR_PER_MWH if config.electricity_prices is None else 0.0
    fresh = scale * np.sqrt(1.0 - CURVE_NOISE_MEMORY**2) * generator.standard_normal(kit.units)
    for unit in range(kit.units):
        level = CURVE_NOISE_MEMORY * level + float(fresh[unit])
        noise[unit] = level
    identity = kit.identity(
        name, "supplier", {"electricity": node}, config.curtail_firm_eur_per_mwh, SUPPLIER_WAKE_MINUTES
    )
    return ExternalSupplier(
        identity,
        kit.power_price + noise,
        config.electricity_spread_eur_per_mwh,
        capacity_kw,
        config.electricity_news_eur_per_mwh,
        kit.streams.generator(name, "news"),
        buys=config.supplier_buys,
    )


def make_grid_operator(kit: Kit, name: str, node: str, loss_kw: float) -> GridOperator:
    """Return the operator of the electric network, the buyer of its losses."""
    config = kit.config
    patience = kit.patience(config.retail_ceiling_eur_per_mwh, 0.0, kit.streams.generator(name, "patience"))
    identity = kit.identity(name, "operator", {"electricity": node}, config.curtail_firm_eur_per_mwh)
    return GridOperator(identity, kit.power_price, patience, LossForecast(loss_kw, kit.units))


def make_heat_operator(kit: Kit, name: str, node: str, loss_kw: float) -> HeatOperator:
    """Return the operator of the heat network, the buyer of its losses and holder of its linepack."""
    config = kit.config
    identity = kit.identity(
        name, "operator", {"heat": node}, config.curtail_firm_eur_per_mwh, HEAT_OPERATOR_WAKE_MINUTES
    )
    losses = LossForecast(loss_kw, kit.units)
    return HeatOperator(identity, kit.heat_price, kit.heat_terms(), kit.hours, losses, config.linepack_kwh)
