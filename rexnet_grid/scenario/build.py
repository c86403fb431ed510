"""From a scenario to a run that can be stepped through."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from rexnet_grid.cosim import recording
from rexnet_grid.cosim.carrier import CarrierMarket
from rexnet_grid.cosim.contingencies import Outages, switch_branch, switch_pipe, switch_pump
from rexnet_grid.cosim.events import ScheduledEvent
from rexnet_grid.cosim.feedback import Feedback
from rexnet_grid.cosim.linepack import LinepackNews
from rexnet_grid.cosim.making import MAKER, hire_maker
from rexnet_grid.cosim.maps import map_of
from rexnet_grid.cosim.metering import MeterAccuracy
from rexnet_grid.cosim.simulation import Setup, Simulation
from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.safety import SafetyMaintainer
from rexnet_grid.errors import Issue, ScenarioError, did_you_mean
from rexnet_grid.randomness import Streams
from rexnet_grid.reservex import Exchange, MarketRules
from rexnet_grid.reservex.pricing import MakerTerms
from rexnet_grid.reservex.rules import QUOTED
from rexnet_grid.scenario.checking import check_ends, check_places, seats_of, where_of
from rexnet_grid.scenario.knowing import oracle_for
from rexnet_grid.scenario.opening import electric_delivery, heat_delivery
from rexnet_grid.scenario.optioning import option_terms
from rexnet_grid.scenario.settlers import settle_population
from rexnet_grid.scenario.surroundings import weather_of
from rexnet_grid.scenario.warming import compile_side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rexnet_grid.delivery import DeliveryNetwork
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.prosumers.base import Population
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.results.writer import RunWriter
    from rexnet_grid.rexdynnet import HeatDelivery
    from rexnet_grid.scenario.housing import Housing
    from rexnet_grid.scenario.market import ExchangeSection
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.units import Carrier

LEAD_IN_MINUTES = 180
PICTURES = 7
ELEMENTS = {
    "electricity": "a line, transformer or switch of the electric network",
    "heat": 'a pipe ("pipe NAME") or a pump ("pump NODE" of a plant, "pump PIPE" of a booster) of the heat network',
}
JUST_BEFORE = 1e-3


def build_simulation(scenario: Scenario, writer: RunWriter, checkpoint: bytes | None = None) -> Simulation:
    """Return the run of a scenario, ready for its first unit, or for the one after its last checkpoint.

    Parameters
    ----------
    scenario
        The scenario.
    writer
        Where results go.
    checkpoint
        What :meth:`Simulation.checkpoint` gave.

    Raises
    ------
    InputError
        When a network is not fit for a run, or a participant sits where there is no node.
    """
    streams = Streams(scenario.seed)
    weather = weather_of(scenario)
    housing = _housing(scenario, weather)
    networks = _networks(scenario, weather, housing)
    population = settle_population(scenario, networks, weather, streams, housing)
    markets = {c: _market(scenario, c, network, population) for c, network in networks.items()}
    outages = Outages()
    setup = Setup(
        grid=scenario.time_grid,
        units=scenario.units,
        forward_units=max(m.exchange.rules.forward_units for m in markets.values()),
        gate_units=max(_gate_units(m.exchange.rules) for m in markets.values()),
        lead_in_units=max(2, math.ceil(LEAD_IN_MINUTES / scenario.info.unit_minutes)),
        population=population,
        markets=markets,
        feedbacks=_feedbacks(scenario, markets, housing),
        maintainer=SafetyMaintainer(scenario.safety.rule) if scenario.maintained else None,
        accuracy={c: _accuracy(scenario, c) for c in markets},
        streams=streams,
        events=_events(scenario, networks, population, outages),
        outages=outages,
        pictures=frozenset(np.linspace(0, scenario.units - 1, PICTURES).astype(int).tolist()),
    )
    if checkpoint is None:
        recording.record_participants(writer, population.members, markets)
        for carrier, network in networks.items():
            recording.record_map(writer, carrier, map_of(network))
        recording.record_weather(writer, scenario.time_grid, weather, scenario.units)
    return Simulation(setup, writer, checkpoint)


def _housing(scenario: Scenario, weather: Weather) -> Housing | None:
    if scenario.building is None:
        return None
    from rexnet_grid.scenario.housing import Housing

    return Housing(scenario, scenario.building, weather)


def _networks(scenario: Scenario, weather: Weather, housing: Housing | None) -> dict[Carrier, DeliveryNetwork]:
    """Return the delivery networks, electricity first; every issue of all of them at once."""
    networks: dict[Carrier, DeliveryNetwork] = {}
    issues: list[Issue] = []
    compile_side_by_side(part for part in ("electric", "heat") if getattr(scenario, part) is not None)
    if scenario.electric is not None:
        networks["electricity"] = electric_delivery(scenario)
        issues += networks["electricity"].check()
    if scenario.heat is not None:
        networks["heat"] = heat_delivery(scenario, weather.outdoor_c)
        issues += networks["heat"].check()
    if housing is not None:
        networks["heat"] = housing.delivery()
        issues += networks["heat"].check()
    for carrier, network in networks.items():
        issues += check_places(scenario, carrier, seats_of(network))
        if carrier == "heat" and scenario.heat is not None:
            issues += check_ends(scenario, cast("HeatDelivery", network).network.plant_names, seats_of(network))
    if issues:
        raise ScenarioError(issues)
    return networks


def market_rules(section: ExchangeSection, unit_minutes: int) -> MarketRules:
    """Return the rules of an exchange as the scenario has them."""
    return MarketRules(
        unit_minutes=unit_minutes,
        lot_kw=section.lot_kw,
        tick_eur_per_mwh=section.tick_eur_per_mwh,
        forward_units=section.forward_units,
        gate_closure_minutes=section.gate_closure_minutes,
        min_price_ticks=section.min_price_ticks,
        max_price_ticks=section.max_price_ticks,
        self_trade=section.self_trade,
        design=section.design,
        opening_auction=section.opening_auction and section.design not in QUOTED,
        maker=MakerTerms(**section.maker.model_dump(exclude_none=True)),
        auction_rationing=section.auction_rationing,
        collateral_eur=section.collateral_eur,
        unreserved_price_eur_per_mwh=section.unreserved_price_eur_per_mwh,
        floor_penalty_eur_per_mwh=section.floor_penalty_eur_per_mwh,
        imbalance=section.imbalance_rule,
        imbalance_spread_eur_per_mwh=section.imbalance_penalty_eur_per_mwh,
        penalty_eur_per_mwh=section.imbalance_penalty_eur_per_mwh,
        exchange_fee_eur_per_mwh=section.exchange_fee_eur_per_mwh,
        network_fee_eur_per_mwh=section.network_fee_eur_per_mwh,
    )


def _market(scenario: Scenario, carrier: Carrier, network: DeliveryNetwork, population: Population) -> CarrierMarket:
    section = scenario.market.electricity if carrier == "electricity" else scenario.market.heat
    rules = market_rules(section, scenario.info.unit_minutes)
    admission = LinearAdmission(network.nodes, rules.lot_kw) if scenario.feedback.enabled else None
    exchange = Exchange(rules, carrier=carrier, admission=admission, seed=scenario.seed)
    market = CarrierMarket(exchange, network, admission, population.members)
    if rules.design in QUOTED:
        states = Streams(scenario.seed).generator(MAKER, carrier)
        expected = population.expected_price[carrier] if section.maker.base_eur_per_mwh is None else None
        market.maker = hire_maker(exchange, network.supply_node, scenario.units, states, expected)
    market.options = option_terms(scenario, market, population)
    market.network_charge = scenario.feedback.network_charge if scenario.feedback.enabled else "none"
    return market


def _gate_units(rules: MarketRules) -> float:
    return rules.gate_closure_minutes / rules.unit_minutes


def _feedbacks(
    scenario: Scenario, markets: dict[Carrier, CarrierMarket], housing: Housing | None
) -> tuple[Feedback, ...]:
    if not scenario.feedback.enabled:
        return ()
    return tuple(
        Feedback(market, oracle_for(scenario, market, housing), _linepack_news(market)) for market in markets.values()
    )


def _linepack_news(market: CarrierMarket) -> LinepackNews | None:
    operator = int(market.seats.members[market.seats.operator])
    if market.carrier != "heat" or operator < 0:
        return None
    return LinepackNews(cast("HeatDelivery", market.network), operator)


def _accuracy(scenario: Scenario, carrier: Carrier) -> MeterAccuracy:
    meters = scenario.meters
    energy = meters.electricity_class if carrier == "electricity" else meters.heat_class
    return MeterAccuracy(energy, meters.voltage_class, meters.temperature_k)


def _switches(scenario: Scenario, carrier: Carrier, network: DeliveryNetwork) -> Mapping[str, Callable[[bool], None]]:
    """Return what puts each element of a network out of service or back, by its name."""
    if carrier == "electricity":
        grid = cast("ElectricDelivery", network)
        return {name: partial(switch_branch, grid, name) for name in grid.elements()}
    if scenario.heat is None:
        return {}
    heat = cast("HeatDelivery", network)
    pipes = {f"pipe {name}": partial(switch_pipe, heat, name) for name in heat.network.pipes}
    pumps = (*heat.network.plant_names, *heat.network.booster_names)
    return pipes | {f"pump {name}": partial(switch_pump, heat, name) for name in pumps}


def _events(
    scenario: Scenario, networks: dict[Carrier, DeliveryNetwork], population: Population, outages: Outages
) -> tuple[ScheduledEvent, ...]:
    """Return the contingencies, each just before its unit closes and is delivered: trading did not see it coming.

    Every element that is no part of its network and no participant is an issue.
    """
    switches = {carrier: _switches(scenario, carrier, network) for carrier, network in networks.items()}
    members = {member.name: partial(outages.switch, index) for index, member in enumerate(population.members)}
    gate_units = max(_gate_units(market_rules(scenario.market.of(c), scenario.info.unit_minutes)) for c in networks)
    events, issues = [], []
    for number, fault in enumerate(scenario.contingencies):
        back = fault.action == "restore"
        own = switches.get(fault.carrier, {})
        switch = own.get(fault.element) or members.get(fault.element)
        if switch is None:
            expected = f"{ELEMENTS[fault.carrier]}, or a participant"
            hint = did_you_mean(fault.element, [*sorted(own), *members])
            key = f"contingencies[{number}].element"
            issues.append(Issue(where_of(scenario), key, f'"{fault.element}"', expected, hint))
            continue
        events.append(
            ScheduledEvent(
                fault.unit - gate_units - JUST_BEFORE, f"{fault.element}: {fault.action}", partial(switch, back)
            )
        )
    if issues:
        raise ScenarioError(issues)
    return tuple(events)
