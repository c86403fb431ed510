"""What a population is made of: shares, sizes and prices, with defaults for a German town in winter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PopulationConfig:
    """How participants are made from the loads of a grid and the substations of a heat network.

    Sizes are means; each participant's own size is drawn around them from its own stream.

    Attributes
    ----------
    household_kwh_per_year, household_spread
        Mean electricity demand of a household in a year [kWh] and the standard deviation of its logarithm [-].
    heat_pump_share
        Part of the heat pumps drawn in the electric network that are in use [-].
    heat_pump_home_kw_per_k, heat_pump_home_kwh_per_k
        Mean heat loss coefficient [kW/K] and heat capacity [kWh/K] of a home with a heat pump: their ratio is the time
        constant [h].
    heat_pump_sizing
        Heat rating over the heat load at ``design_outdoor_c`` [-].
    design_outdoor_c
        Outdoor temperature for which heating is sized, DIN EN 12831 [degC].
    flow_c
        Flow temperature of heat pumps in homes at ``design_outdoor_c`` [degC]; falls with the load to ``comfort_max_c``
        + 5 K without load.
    comfort_min_c, comfort_max_c
        Band of room temperature of heated buildings [degC].
    hot_water_kwh_per_day
        Mean hot water of a home with a heat pump, and of each flat in a building on the heat network [kWh/d].
    pv_share, pv_kwp, pv_tilt_deg
        Part of the households with photovoltaics [-], mean size [kWp] and tilt [degree].
    battery_share, battery_kwh, battery_kw_per_kwh, battery_efficiency, battery_wear_eur_per_mwh
        Part of the households with a battery [-], mean capacity [kWh], rate over capacity [1/h], round-trip efficiency
        [-] and wear per energy taken out [EUR/MWh].
    ev_share, ev_kw, ev_kwh_per_day
        Part of the households with an electric vehicle [-], charging rate [kW] and mean energy of a charge [kWh].
    electricity_price_eur_per_mwh, electricity_price_swing, electricity_spread_eur_per_mwh
        Mean of the external supplier's price curve [EUR/MWh], its swing around the mean [-] (1: the plain winter
        weekday, 0: flat) and the spread between its ask and its bid [EUR/MWh].
    electricity_prices
        (n_units,) a given price curve instead of the synthetic one [EUR/MWh]; None for that.
    electricity_news_eur_per_mwh
        Standard deviation of the shift of the supplier's curve by the news [EUR/MWh].
    supplier_buys
        Whether the external supplier buys too; where one maker sells the energy from outside, it does not.
    retail_ceiling_eur_per_mwh, feed_in_floor_eur_per_mwh
        Most a consumer pays for electricity at gate closure, least a household sells for [EUR/MWh].
    gas_price_eur_per_mwh, boiler_efficiency
        Price of gas [EUR/MWh] and efficiency of the peak boiler on the heating value [-].
    heat_ceiling_eur_per_mwh
        Most a building pays for heat at gate closure [EUR/MWh].
    heat_margin_eur_per_mwh
        Margin of heat producers over their cost [EUR/MWh].
    central_heat_pump_kw, central_heat_pump_source_c, heat_supply_c
        Heat rating of the central heat pump [kW heat], temperature of its source (ground water) and of the water it
        supplies [degC].
    boiler_kw
        Rating of the peak boiler [kW heat]; it covers the whole network without the heat pump when larger than the
        peak.
    heat_building_kw, heat_building_hours
        Mean heat load of a building on the heat network at ``design_outdoor_c`` [kW] and its thermal time constant [h].
    forecast_hours
        Time constant over which a participant's forecast of its own load gains information [h]: the error before
        delivery grows like the square root of the lead.
    wake_minutes
        Mean time between two wake-ups of a participant [min].
    linepack_kwh
        Half the band of heat that the operator may hold in the pipes, before the network says better [kWh].
    curtail_firm_eur_per_mwh, curtail_flexible_eur_per_mwh
        What cutting an uncontrollable and a flexible participant costs [EUR/MWh not served].
    """

    household_kwh_per_year: float = 3200.0
    household_spread: float = 0.35
    heat_pump_share: float = 1.0
    heat_pump_home_kw_per_k: float = 0.20
    heat_pump_home_kwh_per_k: float = 12.0
    heat_pump_sizing: float = 1.15
    design_outdoor_c: float = -12.0
    flow_c: float = 45.0
    comfort_min_c: float = 20.0
    comfort_max_c: float = 22.5
    hot_water_kwh_per_day: float = 6.0
    pv_share: float = 0.25
    pv_kwp: float = 8.0
    pv_tilt_deg: float = 38.0
    battery_share: float = 0.10
    battery_kwh: float = 8.0
    battery_kw_per_kwh: float = 0.5
    battery_efficiency: float = 0.90
    battery_wear_eur_per_mwh: float = 20.0
    ev_share: float = 0.20
    ev_kw: float = 11.0
    ev_kwh_per_day: float = 10.0
    electricity_price_eur_per_mwh: float = 110.0
    electricity_price_swing: float = 1.0
    electricity_spread_eur_per_mwh: float = 6.0
    electricity_prices: tuple[float, ...] | None = None
    electricity_news_eur_per_mwh: float = 3.0
    supplier_buys: bool = True
    retail_ceiling_eur_per_mwh: float = 400.0
    feed_in_floor_eur_per_mwh: float = 20.0
    gas_price_eur_per_mwh: float = 75.0
    boiler_efficiency: float = 0.92
    heat_ceiling_eur_per_mwh: float = 200.0
    heat_margin_eur_per_mwh: float = 2.0
    central_heat_pump_kw: float = 250.0
    central_heat_pump_source_c: float = 10.0
    heat_supply_c: float = 70.0
    boiler_kw: float = 500.0
    heat_building_kw: float = 19.0
    heat_building_hours: float = 50.0
    forecast_hours: float = 4.0
    wake_minutes: float = 45.0
    linepack_kwh: float = 20.0
    curtail_firm_eur_per_mwh: float = 3000.0
    curtail_flexible_eur_per_mwh: float = 300.0
