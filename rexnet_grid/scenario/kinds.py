"""Which keys each kind of explicit participant needs, may have, and what must hold between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.scenario.people import Participant

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexnet_grid.scenario.models import Scenario

ALWAYS = ("name", "kind", "curtailment_price_eur_per_mwh")
SEATS = ("bus", "node")
OF_ARCHETYPE = ("floor_area_m2", "capacities", "heater")
MOVES = ("min_load_kw", "ramp_kw_per_min")


@dataclass(frozen=True, slots=True)
class KindRules:
    """Keys of a kind: needed, possible, and of which groups exactly one is needed."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that mean something for the kind."""
        return (*self.needs, *(key for group in self.one_of for key in group), *self.may)


RULES = {
    "load": KindRules((), ("profile", "rate_kw", "price_eur_per_mwh"), (SEATS,)),
    "generator": KindRules((), ("profile", "rate_kw", "price_eur_per_mwh"), (SEATS,)),
    "photovoltaics": KindRules(("bus", "rate_kw"), ("tilt_deg", "azimuth_deg", "price_eur_per_mwh")),
    "battery": KindRules(("bus", "rate_kw", "capacity_kwh"), ("efficiency",)),
    "heat_pump": KindRules(
        ("bus", "node", "rate_kw"), ("source_c", "cop_model", "cop_quality", *MOVES), (("cop", "source"),)
    ),
    "electric_boiler": KindRules(("bus", "node", "rate_kw"), ("efficiency", *MOVES)),
    "boiler": KindRules(
        ("node", "rate_kw"),
        ("efficiency", "efficiency_curve", *MOVES),
        (("price_eur_per_mwh", "fuel_price_eur_per_mwh"),),
    ),
    "chp": KindRules(
        ("bus", "node", "rate_kw", "power_to_heat"),
        ("efficiency", "power_loss", "condensing_kw", "min_condensing_kw", "fuel_price_eur_per_mwh", *MOVES),
    ),
    "solar_thermal": KindRules(("node", "area_m2"), ("tilt_deg", "azimuth_deg", "collector")),
    "waste_heat": KindRules(("node", "rate_kw"), ("profile", "price_eur_per_mwh", *MOVES)),
    "tank": KindRules(("node", "rate_kw", "volume_m3"), ("insulation_w_m2k", "layers")),
    "building": KindRules(
        ("node",),
        (
            "floor_area_m2",
            "rate_kw",
            "capacities",
            "heater",
            "set_point_c",
            "set_back_c",
            "day_from_h",
            "day_to_h",
            "hot_water_kwh_per_day",
        ),
        (("archetype", "fitted"),),
    ),
    "supplier": KindRules(("rate_kw", "price_eur_per_mwh"), (), (SEATS,)),
}
AT_PLANT = {
    "boiler",
    "electric_boiler",
    "heat_pump",
    "chp",
    "solar_thermal",
    "waste_heat",
    "tank",
    "supplier",
    "generator",
}


def participant_issues(scenario: Scenario, participant: Participant, key: str, where: str) -> list[Issue]:
    """Return what is missing, what means nothing for the kind, and what contradicts itself."""
    issues = [
        Issue(where, f"{key}.{name}", "", f"a value, because its kind is {participant.kind}")
        for name in (*RULES[participant.kind].needs, *_rate_and_price(scenario, participant))
        if getattr(participant, name) is None
    ]
    return [
        *issues,
        *_choices(participant, key, where),
        *_idle(participant, key, where),
        *_seats(scenario, participant, key, where),
        *([] if issues else _physics(scenario, participant, key, where)),
    ]


def given(participant: Participant) -> list[str]:
    """Return the keys whose value is not the default."""
    fields = Participant.model_fields
    return [name for name, field in fields.items() if getattr(participant, name) != field.default]


def _rate_and_price(scenario: Scenario, participant: Participant) -> tuple[str, ...]:
    """Return what a load or generator needs beside its seat, and the floor of a building that was not fitted."""
    if participant.kind == "building" and participant.fitted is None:
        return ("floor_area_m2",)
    if participant.kind not in {"load", "generator"}:
        return ()
    if participant.profile is None:
        return ("rate_kw",) if participant.kind == "load" else ("rate_kw", "price_eur_per_mwh")
    shares = {profile.name for profile in scenario.profiles if profile.unit == "share"}
    return ("rate_kw",) if participant.profile in shares else ()


def _choices(participant: Participant, key: str, where: str) -> list[Issue]:
    issues = []
    for group in RULES[participant.kind].one_of:
        have = [name for name in group if getattr(participant, name) is not None]
        if len(have) == 1:
            continue
        if participant.kind == "boiler" and len(have) == 0:
            continue
        expected = f"{' or '.join(group)}, because its kind is {participant.kind}"
        value = "both" if have else ""
        issues.append(Issue(where, f"{key}.{group[0]}", value, expected))
    return issues


def _idle(participant: Participant, key: str, where: str) -> list[Issue]:
    known = (*ALWAYS, *RULES[participant.kind].keys)
    return [
        Issue(
            where,
            f"{key}.{name}",
            str(getattr(participant, name)),
            f"no such key for a {participant.kind}",
            _home(name, known),
        )
        for name in given(participant)
        if name not in known
    ]


def _home(name: str, known: Collection[str]) -> str:
    """Return the nearest key of this kind, or the kinds that have the key."""
    kinds = [kind for kind, rules in RULES.items() if name in rules.keys]
    return did_you_mean(name, known) or (f"{name} is for {', '.join(kinds)}" if kinds else "")


def _seats(scenario: Scenario, participant: Participant, key: str, where: str) -> list[Issue]:
    issues = []
    for name, seat, network in (
        ("bus", participant.bus, scenario.electric),
        ("node", participant.node, scenario.heat if scenario.heat is not None else scenario.building),
    ):
        if seat is not None and network is None:
            section = "electric" if name == "bus" else "heat"
            issues.append(Issue(where, f"{key}.{name}", f'"{seat}"', f"a section [{section}] that has it"))
    return issues


def _physics(scenario: Scenario, participant: Participant, key: str, where: str) -> list[Issue]:
    """Return what no such device could be."""
    issues = []
    least, rate = participant.min_load_kw, participant.rate_kw
    if least is not None and rate is not None and least > rate:
        issues.append(Issue(where, f"{key}.min_load_kw", f"{least:g}", f"at most rate_kw = {rate:g} [kW]"))
    if participant.kind == "chp":
        issues += _chp(participant, key, where)
    if participant.kind == "building":
        issues += _building(scenario, participant, key, where)
    if participant.kind == "boiler" and participant.price_eur_per_mwh is not None:
        for name in ("efficiency", "efficiency_curve"):
            if getattr(participant, name) is not None:
                expected = "fuel_price_eur_per_mwh instead of price_eur_per_mwh"
                issues.append(Issue(where, f"{key}.{name}", str(getattr(participant, name)), expected))
    return issues


def _chp(participant: Participant, key: str, where: str) -> list[Issue]:
    condensing = participant.condensing_kw
    if not condensing:
        return [
            Issue(where, f"{key}.{name}", str(getattr(participant, name)), "a condensing_kw above 0 beside it")
            for name in ("power_loss", "min_condensing_kw")
            if getattr(participant, name)
        ]
    issues = []
    lost = (participant.power_to_heat or 0.0) + (participant.power_loss or 0.0)
    needed = lost * (participant.rate_kw or 0.0)
    if condensing < needed:
        expected = f"at least (power_to_heat + power_loss) x rate_kw = {needed:g} [kW]"
        issues.append(Issue(where, f"{key}.condensing_kw", f"{condensing:g}", expected))
    if (participant.min_condensing_kw or 0.0) > condensing:
        least = f"{participant.min_condensing_kw:g}"
        issues.append(Issue(where, f"{key}.min_condensing_kw", least, f"at most condensing_kw = {condensing:g} [kW]"))
    return issues


def _building(scenario: Scenario, participant: Participant, key: str, where: str) -> list[Issue]:
    from rexnet_grid.rexdynnet.buildings import Building

    issues = []
    if participant.fitted is not None:
        idle = [name for name in OF_ARCHETYPE if name in given(participant)]
        issues += [
            Issue(where, f"{key}.{name}", str(getattr(participant, name)), "no such key beside fitted") for name in idle
        ]
    elif participant.archetype is not None:
        try:
            Building.archetype(participant.archetype, participant.floor_area_m2 or 0.0)
        except InputError as error:
            issues += [Issue(where, f"{key}.{i.key}", f'"{i.value}"', i.expected, i.hint) for i in error.issues]
    warmest = scenario.population.comfort_max_c
    day = scenario.population.comfort_min_c if participant.set_point_c is None else participant.set_point_c
    night = day if participant.set_back_c is None else participant.set_back_c
    if day >= warmest:
        issues.append(
            Issue(where, f"{key}.set_point_c", f"{day:g}", f"below population.comfort_max_c = {warmest:g} [degC]")
        )
    if night > day:
        issues.append(Issue(where, f"{key}.set_back_c", f"{night:g}", f"at most set_point_c = {day:g} [degC]"))
    length = participant.day_to_h - participant.day_from_h
    if not 0.0 <= length <= 24.0:
        expected = f"between day_from_h = {participant.day_from_h:g} and 24 h later"
        issues.append(Issue(where, f"{key}.day_to_h", f"{participant.day_to_h:g}", expected))
    return issues
