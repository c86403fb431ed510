"""Who takes part in a scenario: the population made from the networks, and the explicit participants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from rexnet_grid.errors import Issue, ScenarioError
from rexnet_grid.prosumers.base import Population
from rexnet_grid.prosumers.heating import carnot_cop
from rexnet_grid.prosumers.makers import make_kit
from rexnet_grid.prosumers.population import build_population
from rexnet_grid.prosumers.surroundings import GridSeats, HeatSeats
from rexnet_grid.scenario.checking import where_of
from rexnet_grid.scenario.connections import grid_generators, grid_loads, grid_steady, grid_storages
from rexnet_grid.scenario.explicit import explicit_members
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.scenario.series import electricity_prices
from rexnet_grid.scenario.simbench_members import simbench_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.delivery import DeliveryNetwork
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.randomness import Streams
    from rexnet_grid.rexdynnet import HeatDelivery
    from rexnet_grid.scenario.housing import Housing
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.units import Carrier


def settle_population(
    scenario: Scenario,
    networks: Mapping[Carrier, DeliveryNetwork],
    weather: Weather,
    streams: Streams,
    housing: Housing | None = None,
) -> Population:
    """Return all participants of a scenario, in a stated order; flats of a building come last of the made ones."""
    shape = household_shape(scenario.time_grid, len(weather), scenario.info.timezone)
    config = scenario.population.config(_supply_c(scenario, weather))
    config = replace(
        config,
        electricity_prices=electricity_prices(scenario, len(weather)),
        supplier_buys=scenario.market.electricity.design != "one_sided",
    )
    electric = networks.get("electricity")
    loads, generators = grid_loads(scenario, electric), grid_generators(scenario, electric)
    storages = grid_storages(scenario, electric)
    heat = _heat_seats(networks) if housing is None else None
    if not scenario.population.enabled:
        config = replace(config, central_heat_pump_kw=0.0, boiler_kw=0.0)
        heat = None if heat is None else replace(heat, substations=(), peak_kw=())
    simbench = _simbench_code(scenario)
    if simbench is not None or not scenario.population.enabled:
        loads, generators, storages = loads.iloc[:0], generators.iloc[:0], storages.iloc[:0]
    steady = grid_steady(scenario, electric, {name for rows in (loads, generators, storages) for name in rows["name"]})
    steady = steady if scenario.population.enabled else steady.iloc[:0]
    seats = _grid_seats(scenario, electric)
    made = build_population(config, loads, streams, weather, shape, seats, heat, generators, storages, steady)
    kit = make_kit(config, streams, weather, shape, carnot_cop(config.central_heat_pump_source_c, config.heat_supply_c))
    living = housing.members(kit) if housing is not None and scenario.population.enabled else ()
    follow = (
        () if simbench is None else simbench_members(simbench, scenario.time_grid, kit, networks["electricity"].nodes)
    )
    placed = tuple(member for member in (*made.members, *living, *follow) if set(member.nodes) <= set(networks))
    expected: dict[Carrier, FloatArray] = {"electricity": kit.power_price, "heat": kit.heat_price}
    return _joined(scenario, Population(placed, made.notes, expected), explicit_members(scenario, kit))


def _simbench_code(scenario: Scenario) -> str | None:
    """Return the code of the SimBench grid whose own elements take part; None where they do not."""
    if scenario.electric is None or not scenario.electric.simbench_profiles:
        return None
    return scenario.electric.network.removeprefix("simbench:")


def _joined(scenario: Scenario, made: Population, explicit: tuple[Prosumer, ...]) -> Population:
    """Return both kinds of participant together; raises ScenarioError where a name is taken."""
    taken = {member.name for member in made.members}
    issues = [
        Issue(where_of(scenario), f"participants[{number}].name", f'"{member.name}"', "a name that nobody else has")
        for number, member in enumerate(explicit)
        if member.name in taken
    ]
    if issues:
        raise ScenarioError(issues)
    return replace(made, members=made.members + explicit)


def _grid_seats(scenario: Scenario, electric: DeliveryNetwork | None) -> GridSeats:
    if electric is None:
        return GridSeats("")
    if scenario.heat is None:
        return GridSeats(electric.supply_node)
    bus = scenario.heat.plant_bus
    return GridSeats(electric.supply_node, bus if bus is not None else _busbar(cast("ElectricDelivery", electric)))


def _busbar(electric: ElectricDelivery) -> str:
    """Return the low-voltage side of the first transformer, or the supply where there is none."""
    branches = electric.network.branch_table
    transformers = branches[branches["kind"] == "trafo"]
    return f"bus {transformers['to_bus'].iloc[0]}" if len(transformers) else electric.supply_node


def _heat_seats(networks: Mapping[Carrier, DeliveryNetwork]) -> HeatSeats | None:
    if "heat" not in networks:
        return None
    delivery = cast("HeatDelivery", networks["heat"])
    network = delivery.network
    peaks = tuple(substation.design_heat_kw for substation in network.substations)
    return HeatSeats(
        network.plants[0].node, network.substation_names, peaks if all(peaks) else (), delivery.operator_node
    )


def _supply_c(scenario: Scenario, weather: Weather) -> float:
    """Return the mean supply temperature of the heat network over the run [degC]."""
    if scenario.heat is None:
        return 70.0
    curve = scenario.heat.supply_temperature_c
    return float(np.interp(weather.outdoor_c[: scenario.units], curve.outdoor_c, curve.supply_c).mean())
