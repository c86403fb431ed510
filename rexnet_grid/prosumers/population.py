"""All participants of a scenario, made from the loads of a grid and the substations of a heat network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.prosumers.base import Population
from rexnet_grid.prosumers.central import CentralHeatPump, HeatPumpPlant
from rexnet_grid.prosumers.connections import make_aggregate, make_generator, make_steady, make_storage
from rexnet_grid.prosumers.heated import HeatedBuilding
from rexnet_grid.prosumers.heating import carnot_cop
from rexnet_grid.prosumers.makers import (
    Kit,
    make_battery,
    make_building,
    make_electric_vehicle,
    make_grid_operator,
    make_heat_operator,
    make_heat_pump_home,
    make_home_state,
    make_household,
    make_kit,
    make_need_forecast,
    make_supplier,
)
from rexnet_grid.prosumers.supply import FuelPlant

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.config import PopulationConfig
    from rexnet_grid.prosumers.surroundings import GridSeats, HeatSeats, Weather
    from rexnet_grid.randomness import Streams
    from rexnet_grid.units import Carrier

HOUSEHOLD, HEAT_PUMP, AGGREGATE = "HH", "HP", "aggregate"
SUPPLY_KW = 5000.0
SUPPLY_RESERVE = 2.0
PLANT_WAKE_MINUTES = 10.0
BUILDING_RATING = 1.3
GRID_LOSS_SHARE = 0.025
HEAT_PUMP_MEAN_KW = 1.0
HOURS_PER_YEAR = 8760.0
HEAT_LOSS_KW = 5.0


def build_population(
    config: PopulationConfig,
    loads: pd.DataFrame,
    streams: Streams,
    weather: Weather,
    household_shape: FloatArray,
    grid: GridSeats,
    heat: HeatSeats | None = None,
    generators: pd.DataFrame | None = None,
    storages: pd.DataFrame | None = None,
    steady: pd.DataFrame | None = None,
) -> Population:
    """Return all participants of a scenario, in a stated order.

    Whether a household has photovoltaics, a battery or a vehicle, and all its sizes, come from streams named after it,
    so that a change of one share or one load leaves everybody else as they were.

    Parameters
    ----------
    config
        Shares, sizes and prices.
    loads
        One row a load: ``name``, ``bus`` (the node's name), ``type`` (``"HH"``, ``"HP"`` or ``"aggregate"``), ``kw``,
        and where there are aggregates ``kwh_per_year``.
    streams
        The random streams of the run.
    weather
        Weather of all units that are delivered or traded, so of the run and of the horizon beyond its end.
    household_shape
        (n_units,) expected household load over yearly energy [1/h].
    grid
        Where supply and heat plant sit in the electric network.
    heat
        Where plant and buildings sit in the heat network; None without heat.
    generators
        One row a static generator of the grid: ``name``, ``bus``, ``type`` and ``kw``.
    storages
        One row a storage of the grid: ``name``, ``bus``, ``kw``, ``kwh`` and ``share``.
    steady
        One row for whoever else injects ``kw`` all the time: ``name``, ``bus`` and ``kw``, below zero what is drawn.
    """
    cop = carnot_cop(config.central_heat_pump_source_c, config.heat_supply_c)
    kit = make_kit(config, streams, weather, household_shape, cop)
    rows = list(zip(loads["name"], loads["bus"], loads["type"], strict=True))
    households = [(str(name), str(bus)) for name, bus, kind in rows if kind == HOUSEHOLD]
    pumps = [(str(name), str(bus)) for name, bus, kind in rows if kind == HEAT_PUMP]
    crowds = loads[loads["type"] == AGGREGATE]
    plants = loads.iloc[:0] if generators is None else generators
    others = loads.iloc[:0] if steady is None else steady
    drawn_kw, given_kw = -_total(others[others["kw"] < 0.0], "kw"), _total(others[others["kw"] > 0.0], "kw")
    yearly_kwh = len(households) * config.household_kwh_per_year + _total(crowds, "kwh_per_year")
    mean_kw = yearly_kwh / HOURS_PER_YEAR + len(pumps) * HEAT_PUMP_MEAN_KW + drawn_kw
    most_kw = max(_total(crowds, "kw") + drawn_kw, _total(plants, "kw") + given_kw)
    supply_kw = max(SUPPLY_KW, SUPPLY_RESERVE * most_kw)
    members: list[Prosumer] = [
        make_supplier(kit, "external supplier", grid.supply_node, supply_kw),
        make_grid_operator(kit, "grid operator", grid.supply_node, GRID_LOSS_SHARE * mean_kw),
    ]
    for name, bus in households:
        members += _household(kit, name, bus)
    members += [
        make_heat_pump_home(kit, name, bus) for name, bus in pumps if _has(kit, name, "in use", config.heat_pump_share)
    ]
    for name, bus, kwh in zip(*_columns(crowds, "name", "bus", "kwh_per_year"), strict=True):
        members.append(make_aggregate(kit, str(name), str(bus), float(kwh)))
    for name, bus, kind, kw in zip(*_columns(plants, "name", "bus", "type", "kw"), strict=True):
        members.append(make_generator(kit, str(name), str(bus), str(kind), float(kw)))
    stores = loads.iloc[:0] if storages is None else storages
    for name, bus, kw, kwh, share in zip(*_columns(stores, "name", "bus", "kw", "kwh", "share"), strict=True):
        members.append(make_storage(kit, str(name), str(bus), float(kw), float(kwh), float(share)))
    for name, bus, kw in zip(*_columns(others, "name", "bus", "kw"), strict=True):
        members.append(make_steady(kit, str(name), str(bus), float(kw)))
    if heat is not None:
        members += _heat_members(kit, grid, heat, cop)
    return Population(
        tuple(members), _notes(kit, len(households), len(pumps), len(crowds), len(plants), len(others), heat)
    )


def _columns(rows: pd.DataFrame, *names: str) -> list[list[Any]]:
    return [rows[name].tolist() if len(rows) else [] for name in names]


def _total(rows: pd.DataFrame, column: str) -> float:
    return float(rows[column].sum()) if len(rows) else 0.0


def _household(kit: Kit, name: str, bus: str) -> list[Prosumer]:
    config = kit.config
    spread = config.household_spread
    size = float(kit.streams.generator(name, "size").lognormal(-0.5 * spread**2, spread))
    kwp = 0.0
    if _has(kit, name, "photovoltaics", config.pv_share):
        kwp = config.pv_kwp * float(kit.streams.generator(name, "kwp").uniform(0.6, 1.4))
    members: list[Prosumer] = [make_household(kit, name, bus, config.household_kwh_per_year * size, kwp)]
    if _has(kit, name, "battery", config.battery_share):
        members.append(make_battery(kit, f"{name} battery", bus))
    if _has(kit, name, "vehicle", config.ev_share):
        members.append(make_electric_vehicle(kit, f"{name} vehicle", bus))
    return members


def _heat_members(kit: Kit, grid: GridSeats, heat: HeatSeats, cop: float) -> list[Prosumer]:
    config = kit.config
    members: list[Prosumer] = [
        make_heat_operator(kit, "heat operator", heat.operator_node or heat.plant_node, HEAT_LOSS_KW)
    ]
    if grid.heat_plant_node and config.central_heat_pump_kw > 0.0:
        nodes: dict[Carrier, str] = {"electricity": grid.heat_plant_node, "heat": heat.plant_node}
        identity = kit.identity(
            "central heat pump", "heat_pump_plant", nodes, config.curtail_flexible_eur_per_mwh, PLANT_WAKE_MINUTES
        )
        members.append(
            CentralHeatPump(
                identity,
                HeatPumpPlant(
                    heat_kw=config.central_heat_pump_kw,
                    cop=np.full(kit.units, cop),
                    margin_eur_per_mwh=config.heat_margin_eur_per_mwh,
                    last_resort_eur_per_mwh=config.heat_ceiling_eur_per_mwh,
                ),
            )
        )
    if config.boiler_kw > 0.0:
        identity = kit.identity(
            "peak boiler", "boiler", {"heat": heat.plant_node}, config.curtail_flexible_eur_per_mwh, PLANT_WAKE_MINUTES
        )
        cost = config.gas_price_eur_per_mwh / config.boiler_efficiency
        members.append(FuelPlant(identity, "heat", config.boiler_kw, cost, config.heat_margin_eur_per_mwh))
    for k, node in enumerate(heat.substations):
        peak = heat.peak_kw[k] if heat.peak_kw else config.heat_building_kw
        members.append(_heat_building(kit, f"building {node}", node, peak))
    return members


def _heat_building(kit: Kit, name: str, node: str, peak_kw: float) -> HeatedBuilding:
    config = kit.config
    loss = peak_kw / (config.comfort_min_c - config.design_outdoor_c)
    building = make_building(config, loss, config.heat_building_hours)
    flats = max(round(loss / config.heat_pump_home_kw_per_k), 1)
    state = make_home_state(kit, name, building, config.hot_water_kwh_per_day * flats)
    return HeatedBuilding(
        kit.identity(name, "heat_building", {"heat": node}, config.curtail_flexible_eur_per_mwh),
        "heat",
        kit.heat_price,
        kit.heat_terms(),
        state,
        make_need_forecast(kit, name, state),
        np.ones(kit.units),
        BUILDING_RATING * peak_kw,
    )


def _has(kit: Kit, name: str, what: str, share: float) -> bool:
    return bool(kit.streams.generator(name, what).random() < share)


def _notes(
    kit: Kit, households: int, pumps: int, crowds: int, plants: int, others: int, heat: HeatSeats | None
) -> tuple[str, ...]:
    buildings = 0 if heat is None else len(heat.substations)
    mean = kit.config.household_kwh_per_year
    return (
        f"{households} households with stochastic appliances about the BDEW H0 profile, {mean:.0f} kWh a year each",
        *([f"{crowds} loads of the grid's table that follow the standard profile"] if crowds else []),
        *([f"{plants} static generators of the grid's table"] if plants else []),
        *([f"{others} motors, wards, generators and the like at the power of the grid's tables"] if others else []),
        f"{pumps} homes drawn with an air-source heat pump and {buildings} buildings on the heat network",
        "the price curve of the external supplier is synthetic: a plain winter weekday with noise",
    )
