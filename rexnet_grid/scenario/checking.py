"""Checks that look beyond the scenario's own text: its files, its profiles, and whether its networks are fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.scenario.catalogue import networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.units import Carrier

TRY_REGIONS = range(1, 16)
_FILE_ENDINGS = (".json", ".xlsx", ".csv", ".parquet", ".toml", ".p", ".pkl")


def check_scenario(scenario: Scenario, deep: bool = True) -> list[Issue]:
    """Return everything that is wrong with what a scenario points to.

    Parameters
    ----------
    scenario
        A scenario whose text is right.
    deep
        Load the networks too, solve their base case and look up every participant's place; takes seconds. Not done
        when a network or the weather is not there.
    """
    missing = [*_network_names(scenario), *_weather(scenario)]
    issues = [*missing, *_profiles(scenario)]
    if deep and not missing:
        issues += _networks(scenario)
    return issues


def where_of(scenario: Scenario) -> str:
    """Return the scenario's file as messages name it."""
    return str(scenario.source) if scenario.source is not None else "scenario"


def is_path(text: str) -> bool:
    """Return whether a network or source is written as a path rather than as a built-in name."""
    return "/" in text or "\\" in text or text.lower().endswith(_FILE_ENDINGS)


def _network_names(scenario: Scenario) -> list[Issue]:
    issues: list[Issue] = []
    if scenario.electric is not None:
        issues += _network(scenario, "electric", scenario.electric.network)
    if scenario.heat is not None:
        issues += _network(scenario, "heat", scenario.heat.network)
    return issues


def _network(scenario: Scenario, section: str, text: str) -> list[Issue]:
    key, where = f"{section}.network", where_of(scenario)
    if section == "electric" and text.startswith("simbench:"):
        return []
    names = [entry.name for entry in networks("electric" if section == "electric" else "heat")]
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


def _networks(scenario: Scenario) -> list[Issue]:
    """Load each network, take what it says of itself, and look up the places that the scenario names."""
    issues: list[Issue] = []
    for carrier in scenario.carriers:
        try:
            issues += _electric(scenario) if carrier == "electricity" else _heat(scenario)
        except InputError as error:
            issues += error.issues or [Issue(where_of(scenario), carrier, str(error), "a usable network")]
    return issues


def _electric(scenario: Scenario) -> list[Issue]:
    from rexnet_grid.scenario.opening import electric_delivery

    network = electric_delivery(scenario)
    return [*network.check(), *check_places(scenario, "electricity", network.nodes)]


def _heat(scenario: Scenario) -> list[Issue]:
    from rexnet_grid.scenario.opening import heat_delivery
    from rexnet_grid.scenario.surroundings import weather_of

    network = heat_delivery(scenario, weather_of(scenario).outdoor_c)
    return [*network.check(), *check_places(scenario, "heat", network.nodes)]


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


def _some(nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:3])
    return f"one of the {len(nodes)} nodes of the network, such as {shown}"
