"""What must hold between the sections of a scenario, each of which is right by itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rexnet_grid.errors import Issue, did_you_mean
from rexnet_grid.scenario.kinds import participant_issues
from rexnet_grid.scenario.people import PRICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rexnet_grid.scenario.models import Scenario


def relations(scenario: Scenario, where: str) -> list[Issue]:
    """Return every contradiction between sections."""
    return [
        *_heat_once(scenario, where),
        *_simbench(scenario, where),
        *_market(scenario, where),
        *_duplicates((p.name for p in scenario.participants), "participants", where),
        *_duplicates((p.name for p in scenario.profiles), "profiles", where),
        *_participants(scenario, where),
        *_prices(scenario, where),
        *_contingencies(scenario, where),
        *_options(scenario, where),
    ]


def _heat_once(scenario: Scenario, where: str) -> list[Issue]:
    if scenario.heat is None or scenario.building is None:
        return []
    return [Issue(where, "building", "beside [heat]", "one of [heat] and [building], as heat has one network")]


def _simbench(scenario: Scenario, where: str) -> list[Issue]:
    electric = scenario.electric
    if electric is None or not electric.simbench_profiles or electric.network.startswith("simbench:"):
        return []
    expected = 'a SimBench grid, such as network = "simbench:1-LV-rural1--0-sw"'
    return [Issue(where, "electric.simbench_profiles", f'true with network = "{electric.network}"', expected)]


def _market(scenario: Scenario, where: str) -> list[Issue]:
    issues = []
    minutes = scenario.info.unit_minutes
    for carrier in scenario.carriers:
        rules = scenario.market.of(carrier)
        if rules.gate_closure_minutes % minutes:
            issues.append(
                Issue(
                    where,
                    f"market.{carrier}.gate_closure_minutes",
                    str(rules.gate_closure_minutes),
                    f"a multiple of scenario.unit_minutes = {minutes} [min]",
                )
            )
        if rules.gate_closure_minutes >= rules.forward_units * minutes:
            issues.append(
                Issue(
                    where,
                    f"market.{carrier}.gate_closure_minutes",
                    str(rules.gate_closure_minutes),
                    f"less than the horizon of {rules.forward_units} units = {rules.forward_units * minutes} min",
                    "otherwise no unit ever trades",
                )
            )
    return issues


def _duplicates(names: Iterable[str], section: str, where: str) -> list[Issue]:
    return [
        Issue(where, f"{section}.name", f'"{name}" {count} times', "unique names")
        for name, count in Counter(names).items()
        if count > 1
    ]


def _participants(scenario: Scenario, where: str) -> list[Issue]:
    issues = []
    profiles = [profile.name for profile in scenario.profiles]
    for number, participant in enumerate(scenario.participants):
        key = f"participants[{number}]"
        issues += participant_issues(scenario, participant, key, where)
        if participant.profile is not None and participant.profile not in profiles:
            hint = did_you_mean(participant.profile, profiles)
            issues.append(Issue(where, f"{key}.profile", f'"{participant.profile}"', _known(profiles), hint))
        if participant.profile in {profile.name for profile in scenario.profiles if profile.unit == PRICE}:
            issues.append(Issue(where, f"{key}.profile", f"in {PRICE}", "a profile of power, energy or a share"))
    return issues


def _prices(scenario: Scenario, where: str) -> list[Issue]:
    name = scenario.population.electricity_price_profile
    if name is None:
        return []
    key, profiles = "population.electricity_price_profile", {p.name: p.unit for p in scenario.profiles}
    if name not in profiles:
        return [Issue(where, key, f'"{name}"', _known(list(profiles)), did_you_mean(name, list(profiles)))]
    return [] if profiles[name] == PRICE else [Issue(where, key, f"in {profiles[name]}", f'unit = "{PRICE}"')]


def _known(profiles: Sequence[str]) -> str:
    return "the name of a [[profiles]] entry" + (": " + ", ".join(profiles) if profiles else "; there is none")


def _contingencies(scenario: Scenario, where: str) -> list[Issue]:
    issues = []
    for number, event in enumerate(scenario.contingencies):
        if event.unit >= scenario.units:
            last = scenario.units - 1
            issues.append(
                Issue(where, f"contingencies[{number}].unit", str(event.unit), f"at most {last}, the last unit")
            )
        if event.carrier not in scenario.carriers:
            issues.append(
                Issue(where, f"contingencies[{number}].carrier", f'"{event.carrier}"', "a carrier with a network")
            )
    return issues


def _options(scenario: Scenario, where: str) -> list[Issue]:
    issues = []
    for number, option in enumerate(scenario.options):
        if option.carrier not in scenario.carriers:
            issues.append(Issue(where, f"options[{number}].carrier", f'"{option.carrier}"', "a carrier with a network"))
        if option.last_unit is not None and option.last_unit < option.first_unit:
            expected = f"at least first_unit = {option.first_unit}"
            issues.append(Issue(where, f"options[{number}].last_unit", str(option.last_unit), expected))
    return issues
