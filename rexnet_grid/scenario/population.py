"""Section [population]: the participants that are made from the networks themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from rexnet_grid.scenario.fields import Celsius, EurPerMWhPositive, Kilowatt, KilowattHour, Section, Share

if TYPE_CHECKING:
    from rexnet_grid.prosumers.config import PopulationConfig


SCENARIO_ALONE = {
    "enabled",
    "other_loads",
    "grid_generators",
    "grid_storages",
    "grid_steady",
    "electricity_price_profile",
}


def _number(unit: str, lowest: float, highest: float) -> Any:
    return Field(ge=lowest, le=highest, json_schema_extra={"unit": unit})


class PopulationSection(Section):
    """Participants made from the loads of the grid and the substations of the heat network.

    Sizes are means; each participant's own size is drawn around them from its own random stream.
    """

    enabled: bool = True
    """Make a population; false leaves only the explicit ``[[participants]]``."""
    other_loads: Literal["auto", "household", "aggregate", "none"] = "auto"
    """What those loads of the grid's table are that it marks neither ``HH`` nor ``HP``: households like the marked
    ones; aggregates, many customers who follow the standard profile, in the highest quarter hour of a year with the
    consumption of the table; nobody; or, automatically, households up to 15 kW below 1 kV and aggregates otherwise."""
    grid_generators: bool = True
    """Let the static generators of the grid's table take part: photovoltaics, and those without a telling type, with
    the sun, all others at the power of the table."""
    grid_storages: bool = True
    """Let the storages of the grid's table take part as batteries, with its capacity, rate and content."""
    grid_steady: bool = True
    """Let all others of the grid's tables that have a power of their own take part at it: motors, wards' constant
    power, generators that hold a voltage, both ends of DC lines, storages without a capacity, loads and static
    generators below zero."""
    household_kwh_per_year: KilowattHour = 3200.0
    """Mean electricity demand of a household in a year."""
    household_spread: Annotated[float, _number("-", 0.0, 2.0)] = 0.35
    """Standard deviation of the logarithm of a household's yearly demand."""
    heat_pump_share: Share = 1.0
    """Part of the heat pumps drawn in the electric network that are in use."""
    heat_pump_home_kw_per_k: Annotated[float, _number("kW/K", 0.01, 5.0)] = 0.20
    """Mean heat loss coefficient of a home with a heat pump."""
    heat_pump_home_kwh_per_k: Annotated[float, _number("kWh/K", 0.1, 500.0)] = 12.0
    """Mean heat capacity of a home with a heat pump; over the loss coefficient it is the time constant in hours."""
    heat_pump_sizing: Annotated[float, _number("-", 0.1, 5.0)] = 1.15
    """Heat rating over the heat load at ``design_outdoor_c``."""
    design_outdoor_c: Celsius = -12.0
    """Outdoor temperature for which heating is sized (DIN EN 12831)."""
    flow_c: Celsius = 45.0
    """Flow temperature of heat pumps in homes at ``design_outdoor_c``; it falls with the load."""
    comfort_min_c: Annotated[float, _number("degC", 5.0, 35.0)] = 20.0
    """Lowest room temperature a heated building accepts."""
    comfort_max_c: Annotated[float, _number("degC", 5.0, 35.0)] = 22.5
    """Highest room temperature heating may lead to."""
    hot_water_kwh_per_day: Annotated[float, _number("kWh/d", 0.0, 1000.0)] = 6.0
    """Mean hot water of a home with a heat pump, and of each flat in a building on the heat network."""
    pv_share: Share = 0.25
    """Part of the households with photovoltaics."""
    pv_kwp: Kilowatt = 8.0
    """Mean size of a photovoltaic plant (peak)."""
    pv_tilt_deg: Annotated[float, _number("degree", 0.0, 90.0)] = 38.0
    """Tilt of photovoltaics."""
    battery_share: Share = 0.10
    """Part of the households with a battery."""
    battery_kwh: KilowattHour = 8.0
    """Mean capacity of a battery."""
    battery_kw_per_kwh: Annotated[float, _number("1/h", 0.01, 10.0)] = 0.5
    """Rate of a battery over its capacity."""
    battery_efficiency: Annotated[float, _number("-", 0.1, 1.0)] = 0.90
    """Round-trip efficiency of a battery."""
    battery_wear_eur_per_mwh: EurPerMWhPositive = 20.0
    """Wear of a battery per energy taken out."""
    ev_share: Share = 0.20
    """Part of the households with an electric vehicle."""
    ev_kw: Kilowatt = 11.0
    """Charging rate of an electric vehicle."""
    ev_kwh_per_day: Annotated[float, _number("kWh", 0.0, 1000.0)] = 10.0
    """Mean energy of a charge."""
    electricity_price_eur_per_mwh: EurPerMWhPositive = 110.0
    """Mean of the external supplier's price curve."""
    electricity_price_swing: Annotated[float, _number("-", 0.0, 10.0)] = 1.0
    """Swing of the supplier's price around its mean: 1 the plain winter weekday, 0 flat."""
    electricity_price_profile: Annotated[str, Field(min_length=1)] | None = None
    """Name of a ``[[profiles]]`` entry of unit ``EUR/MWh`` that everybody expects and the external supplier follows,
    such as the prices of a day-ahead auction, instead of the synthetic curve."""
    electricity_news_eur_per_mwh: EurPerMWhPositive = 3.0
    """Standard deviation by which the supplier's curve drifts with the news of the day."""
    electricity_spread_eur_per_mwh: EurPerMWhPositive = 6.0
    """Spread between the supplier's ask and its bid."""
    retail_ceiling_eur_per_mwh: EurPerMWhPositive = 400.0
    """Most a consumer pays for electricity at gate closure."""
    feed_in_floor_eur_per_mwh: EurPerMWhPositive = 20.0
    """Least a household sells electricity for at gate closure."""
    gas_price_eur_per_mwh: EurPerMWhPositive = 75.0
    """Price of gas on its heating value."""
    boiler_efficiency: Annotated[float, _number("-", 0.1, 1.1)] = 0.92
    """Efficiency of the peak boiler on the heating value of gas."""
    heat_ceiling_eur_per_mwh: EurPerMWhPositive = 200.0
    """Most a building pays for heat at gate closure."""
    heat_margin_eur_per_mwh: EurPerMWhPositive = 2.0
    """Margin of heat producers over their cost."""
    central_heat_pump_kw: Kilowatt = 250.0
    """Heat rating of the central heat pump, which couples the two carriers."""
    central_heat_pump_source_c: Celsius = 10.0
    """Temperature of the central heat pump's source (ground water)."""
    boiler_kw: Kilowatt = 500.0
    """Heat rating of the peak boiler."""
    heat_building_kw: Kilowatt = 19.0
    """Mean heat load of a building on the heat network at ``design_outdoor_c``."""
    heat_building_hours: Annotated[float, _number("h", 1.0, 1000.0)] = 50.0
    """Thermal time constant of a building on the heat network."""
    forecast_hours: Annotated[float, _number("h", 0.01, 240.0)] = 4.0
    """Time constant over which a participant's forecast of its own load gains information."""
    wake_minutes: Annotated[float, _number("min", 1.0, 10080.0)] = 45.0
    """Mean time between two wake-ups of a participant."""
    linepack_kwh: KilowattHour = 20.0
    """Half the band of heat that the operator may hold in the pipes before the network says better."""
    curtail_firm_eur_per_mwh: EurPerMWhPositive = 3000.0
    """What cutting an uncontrollable participant costs, per energy not served."""
    curtail_flexible_eur_per_mwh: EurPerMWhPositive = 300.0
    """What cutting a flexible participant costs, per energy not served."""

    def config(self, heat_supply_c: float) -> PopulationConfig:
        """Return the same for :mod:`rexnet_grid.prosumers`.

        Parameters
        ----------
        heat_supply_c
            Temperature that the central heat pump supplies [degC]; it belongs to the section [heat].
        """
        from rexnet_grid.prosumers.config import PopulationConfig

        return PopulationConfig(heat_supply_c=heat_supply_c, **self.model_dump(exclude=SCENARIO_ALONE))
