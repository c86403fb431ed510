"""Checks that look beyond the scenario's own text: its files, its profiles, and whether its networks are fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.scenario.catalogue import networks
from rexnet_grid.scenario.kinds import AT_PLANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery import DeliveryNetwork
    from rexnet_grid.scenario.flats import BuildingSection
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.units import Carrier

TRY_REGIONS = range(1, 16)
_ELEMENTS: dict[Carrier, tuple[re.Pattern[str], str]] = {
    "electricity": (
        re.compile(r"(line|trafo|trafo3w|impedance|switch) \d+"),
        "a line, transformer or switch of the electric network",
    ),
    "heat": (re.compile(r"(pipe|pump) .+"), "a pipe, or the pump of a plant or in a pipe, of the heat network"),
}
_FILE_ENDINGS = (".json", ".xlsx", ".csv", ".parquet", ".toml", ".p", ".pkl")


def check_scenario(scenario: Scenario, deep: bool = True) -> list[Issue]:
    """Return everything that is wrong with what a scenario points to.

    Parameters
    ----------
    scenario
        A scenario whose text is right.
    deep
        Load the networks too, solve their base case and look up every participant's place; takes seconds. Not done
        for a network that is not there, nor for heat without weather.
    """
    weather = _weather(scenario)
    issues = [*weather, *_profiles(scenario), *_fitted(scenario)]
    for carrier in scenario.carriers:
        missing = _network_name(scenario, carrier)
        issues += missing
        if deep and not missing and not (carrier == "heat" and weather):
            issues += _network(scenario, carrier)
    return issues


def where_of(scenario: Scenario) -> str:
    """Return the scenario's file as messages name it."""
    return str(scenario.source) if scenario.source is not None else "scenario"


def is_path(text: str) -> bool:
    """Return whether a network or source is written as a path rather than as a built-in name."""
    return "/" in text or "\\" in text or text.lower().endswith(_FILE_ENDINGS)


def _network_name(scenario: Scenario, carrier: Carrier) -> list[Issue]:
    section: Literal["electric", "heat"] = "electric" if carrier == "electricity" else "heat"
    if section == "heat" and scenario.heat is None:
        return []
    key, where, text = f"{section}.network", where_of(scenario), getattr(scenario, section).network
    if section == "electric" and text.startswith("simbench:"):
        return []
    names = [entry.name for entry in networks(section)]
    if text in names or scenario.path_of(text).exists():
        return []
    if is_path(text):
        return [Issue(where, key, f'"{text}"', "an existing file or folder", f"looked for {scenario.path_of(text)}")]
    stem = text.partition(":")[0]
    family = [name for name in names if name.partition(":")[0] == stem]
    if stem != text and family:
        return [Issue(where, key, f'"{text}"', f"{family[0]} to {family[-1]}")]
    hint = did_you_mean(text, names) or f"{family[0]} to {family[-1]}" if family else did_you_mean(text, names)
    expected = "a built-in network (rexnet networks list) or a path"
    return [Issue(where, key, f'"{text}"', expected, hint)]


def _weather(scenario: Scenario) -> list[Issue]:
    source, key = scenario.weather.source, "weather.source"
    if source.startswith("try2010:"):
        region = source.removeprefix("try2010:")
        if region.isdecimal() and int(region) in TRY_REGIONS:
            return []
        return [Issue(where_of(scenario), key, f'"{source}"', "try2010:1 to try2010:15")]
    if scenario.path_of(source).is_file():
        return _weather_file(scenario)
    hint = f"looked for {scenario.path_of(source)}" if is_path(source) else did_you_mean(source, ["try2010:12"])
    expected = "try2010:<1 to 15> or the path of a CSV file"
    return [Issue(where_of(scenario), key, f'"{source}"', expected, hint)]


def _weather_file(scenario: Scenario) -> list[Issue]:
    from rexnet_grid.scenario.surroundings import weather_of

    try:
        weather_of(scenario)
    except InputError as error:
        return list(error.issues)
    return []


def _profiles(scenario: Scenario) -> list[Issue]:
    issues: list[Issue] = []
    if scenario.profiles:
        from rexnet_grid.scenario.series import check_profile

        for number, profile in enumerate(scenario.profiles):
            issues += check_profile(scenario, profile, f"profiles[{number}]")
    return issues


def _fitted(scenario: Scenario) -> list[Issue]:
    """Return what keeps an estimate on disk from being a building of the scenario."""
    issues: list[Issue] = []
    for number, participant in enumerate(scenario.participants):
        if participant.fitted is None:
            continue
        from rexnet_grid.rexdynnet.fitted import read_fitted

        try:
            read_fitted(scenario.path_of(participant.fitted))
        except InputError as error:
            key = f"participants[{number}].fitted"
            issues += [Issue(i.where, f"{key}, {i.key}", i.value, i.expected, i.hint) for i in error.issues]
    return issues


def _network(scenario: Scenario, carrier: Carrier) -> list[Issue]:
    """Load a network, take what it says of itself, and look up the places that the scenario names."""
    try:
        return _electric(scenario) if carrier == "electricity" else _heat(scenario)
    except InputError as error:
        return list(error.issues) or [Issue(where_of(scenario), carrier, str(error), "a usable network")]


def _electric(scenario: Scenario) -> list[Issue]:
    from rexnet_grid.scenario.opening import electric_delivery

    network = electric_delivery(scenario)
    places = check_places(scenario, "electricity", network.nodes)
    return [*network.check(), *places, *_elements(scenario, "electricity", network.elements())]


def _elements(scenario: Scenario, carrier: Carrier, known: Sequence[str]) -> list[Issue]:
    """Return the contingencies of elements that a network does not have; ``known`` are those that it has."""
    pattern, expected = _ELEMENTS[carrier]
    people = {participant.name for participant in scenario.participants}
    issues = []
    for number, fault in enumerate(scenario.contingencies):
        name = fault.element
        meant = next((element for element in known if element.partition(" ")[2] == name), "")
        if fault.carrier == carrier and (pattern.fullmatch(name) or meant) and name not in {*known, *people}:
            hint, key = did_you_mean(meant or name, known), f"contingencies[{number}].element"
            issues.append(Issue(where_of(scenario), key, f'"{name}"', expected, hint))
    return issues


def _heat(scenario: Scenario) -> list[Issue]:
    if scenario.building is not None:
        return _building(scenario, scenario.building)
    from rexnet_grid.scenario.opening import heat_delivery
    from rexnet_grid.scenario.surroundings import weather_of

    network = heat_delivery(scenario, weather_of(scenario).outdoor_c)
    seats = seats_of(network)
    places = check_places(scenario, "heat", seats)
    grid = network.network
    known = [
        *(f"pipe {name}" for name in grid.pipes),
        *(f"pump {name}" for name in (*grid.plant_names, *grid.booster_names)),
    ]
    elements = _elements(scenario, "heat", known)
    return [*network.check(), *places, *check_ends(scenario, grid.plant_names, seats), *elements]


def seats_of(network: DeliveryNetwork) -> tuple[str, ...]:
    """Return the nodes where a participant may sit: all but one that is the operator's own."""
    own = network.operator_node if network.operator_node != network.supply_node else None
    return tuple(node for node in network.nodes if node != own)


def _building(scenario: Scenario, section: BuildingSection) -> list[Issue]:
    from rexnet_grid.scenario.housing import Housing
    from rexnet_grid.scenario.surroundings import weather_of

    building = Housing(scenario, section, weather_of(scenario)).delivery()
    return [*building.check(), *check_places(scenario, "heat", building.nodes)]


def check_places(scenario: Scenario, carrier: Carrier, nodes: Sequence[str]) -> list[Issue]:
    """Return an issue for each participant or plant on a node that the network does not have."""
    attribute = "bus" if carrier == "electricity" else "node"
    places = [
        (f"participants[{number}].{attribute}", getattr(participant, attribute))
        for number, participant in enumerate(scenario.participants)
    ]
    if carrier == "electricity" and scenario.heat is not None:
        places.append(("heat.plant_bus", scenario.heat.plant_bus))
    known = set(nodes)
    return [
        Issue(where_of(scenario), key, f'"{place}"', _some(nodes), did_you_mean(place, nodes))
        for key, place in places
        if place is not None and place not in known
    ]


def check_ends(scenario: Scenario, plants: Sequence[str], nodes: Sequence[str]) -> list[Issue]:
    """Return an issue for whoever makes heat elsewhere than at a plant, or is a building at one."""
    substations = [node for node in nodes if node not in plants]
    issues = []
    for number, participant in enumerate(scenario.participants):
        node, kind = participant.node, participant.kind
        key, text = f"participants[{number}].node", f'"{node}"'
        if node in substations and kind in AT_PLANT:
            expected = f"a plant of the network, because its kind is {kind}: {', '.join(plants)}"
            issues.append(Issue(where_of(scenario), key, text, expected))
        if node in plants and kind == "building":
            expected = f"a substation of the network, such as {', '.join(substations[:3])}"
            issues.append(Issue(where_of(scenario), key, text, expected))
    return issues


def _some(nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:3])
    return f"one of the {len(nodes)} nodes of the network, such as {shown}"
