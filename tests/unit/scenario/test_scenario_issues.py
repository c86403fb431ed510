"""Bad input: everything that is wrong, at once, with file, key, value and a hint."""

from __future__ import annotations

import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import ScenarioError
from rexnet_grid.scenario.checking import check_scenario

HEAD = '[scenario]\nname = "s"\nstart = 2026-01-13\n'


def issues_of(tmp_path, text, overrides=None):
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(file, overrides)
    return {issue.key: issue for issue in caught.value.issues}


def test_everything_is_said_at_once(tmp_path):
    text = """
        colour = 3
        [marekt]
        lot_kw = 0.1
        [scenario]
        name = "a b"
        start = "2026-01-01"
        units = 0
        seed = true
        [electric]
        netwrk = "x"
        [[participants]]
        name = "x"
        kind = "laod"
    """
    found = issues_of(tmp_path, text)
    assert set(found) == {
        "colour", "marekt", "scenario.name", "scenario.start", "scenario.units", "scenario.seed", "electric.network",
        "electric.netwrk", "participants[0].kind",
    }  # fmt: skip
    assert found["marekt"].hint == 'did you mean "market"?'
    assert found["electric.netwrk"].hint == 'did you mean "network"?'
    assert found["participants[0].kind"].hint == 'did you mean "load"?'
    assert found["scenario.start"].hint == "write it without quotes"
    assert found["colour"].value == "a key outside any section"
    assert all(issue.where.endswith("s.toml") for issue in found.values())


@pytest.mark.parametrize(
    ("section", "line", "hint"),
    [
        ("heat", "return_temperature_c = 348", "looks like kelvin: 348 K = 74.85 degC"),
        ("heat", "ground_c = 283.15", "looks like kelvin: 283.15 K = 10.00 degC"),
        ("heat", "supply_temperature_c = 353", "looks like kelvin: 353 K = 79.85 degC"),
        ("feedback", "margin = 5", "looks like percent: 5 % = 0.05"),
        ("population", "pv_share = 25", "looks like percent: 25 % = 0.25"),
        ("electric", "voltage_min_pu = 95", "looks like percent: 95 % = 0.95 p.u."),
        ("electric", "voltage_max_pu = 253.0", "looks like volt; give it relative to the nominal voltage"),
        ("electric", "loading_max_percent = 0.9", "looks like a fraction: 0.9 = 90 %"),
        ("population", "boiler_kw = 500000", "looks like W: 500000 W = 500 kW"),
        ("population", "comfort_min_c = 293.15", "looks like kelvin: 293.15 K = 20.00 degC"),
    ],
)
def test_a_wrong_unit_is_recognised(tmp_path, section, line, hint):
    networks = {"electric": 'network = "cigre_lv"', "heat": 'network = "destest"'}
    blocks = {**networks, section: f"{networks.get(section, '')}\n{line}"}
    text = HEAD + "".join(f"[{name}]\n{body}\n" for name, body in blocks.items())
    found = issues_of(tmp_path, text)
    assert [issue.hint for issue in found.values()] == [hint]


def test_a_key_of_another_section_says_where_it_belongs(tmp_path):
    found = issues_of(tmp_path, HEAD + '[electric]\nnetwork = "cigre_lv"\n[weather]\nseed = 4\n')
    assert found["weather.seed"].hint == "there is a scenario.seed"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_no_number_is_no_number(tmp_path, value):
    found = issues_of(tmp_path, HEAD + f'[electric]\nnetwork = "cigre_lv"\nvoltage_min_pu = {value}\n')
    assert set(found) == {"electric.voltage_min_pu"}


def test_relations_between_sections(tmp_path):
    text = (
        HEAD
        + """
        units = 4
        [electric]
        network = "cigre_lv"
        [market.electricity]
        gate_closure_minutes = 20
        [[participants]]
        name = "one"
        kind = "load"
        node = "SD1"
        profile = "hous"
        [[participants]]
        name = "one"
        kind = "load"
        [[profiles]]
        name = "house"
        file = "h.csv"
        column = "kw"
        [[contingencies]]
        unit = 4
        element = "line 1"
        [[contingencies]]
        unit = 1
        carrier = "heat"
        element = "plant"
        """
    )
    found = issues_of(tmp_path, text)
    assert set(found) == {
        "market.electricity.gate_closure_minutes", "participants.name", "participants[0].node",
        "participants[0].profile", "participants[1].bus", "participants[1].rate_kw",
        "contingencies[0].unit", "contingencies[1].carrier",
    }  # fmt: skip
    assert found["participants[0].profile"].hint == 'did you mean "house"?'


def test_a_network_is_needed(tmp_path):
    assert set(issues_of(tmp_path, HEAD)) == {"electric"}


def test_a_slip_in_toml_is_found_by_its_line(tmp_path):
    found = issues_of(tmp_path, HEAD + "[electric\nnetwork = 3\n")
    assert set(found) == {"line 4"}
    assert found["line 4"].value == "[electric"


def test_a_file_that_ends_too_soon(tmp_path):
    assert set(issues_of(tmp_path, HEAD + 'title = "no end')) == {"line 4"}


def test_no_text_at_all(tmp_path):
    file = tmp_path / "s.toml"
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ScenarioError, match="UTF-8"):
        Scenario.load(file)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_no_such_file(tmp_path, name):
    with pytest.raises(ScenarioError, match="file"):
        Scenario.load(tmp_path / name)


def test_the_command_line_is_blamed_for_its_own_slips(tmp_path):
    text = HEAD + '[electric]\nnetwork = "cigre_lv"\n'
    overrides = {"scenario.sed": 3, "electric.voltage_min_pu": 95, "nonsense": 1, "scenario.name.x": 2}
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(file, overrides)
    assert {issue.where for issue in caught.value.issues} == {"--set"}
    assert len(caught.value.issues) == 4


def test_what_the_right_part_points_to_is_looked_up_beside_wrong_keys(tmp_path):
    text = """
        [electric]
        network = "lv_schutterwald:13"
        loading_max_percnt = 90.0
        [heat]
        network = "destst"
        return_temperature_c = 348
        [[participants]]
        name = "x"
        kind = "load"
        bus = "bus 9999"
        ratekw = 3.0
        rate_kw = 3.0
    """
    found = issues_of(tmp_path, HEAD + text)
    assert set(found) == {
        "electric.loading_max_percnt", "heat.network", "heat.return_temperature_c.return_c[0]", "participants[0].bus",
        "participants[0].ratekw",
    }  # fmt: skip
    assert found["heat.network"].hint == 'did you mean "destest"?'
    assert found["participants[0].ratekw"].hint == 'did you mean "rate_kw"?'
    assert {issue.where for issue in found.values()} == {str(tmp_path / "s.toml")}


def test_a_hint_is_one_line(tmp_path):
    found = issues_of(tmp_path, HEAD + '[electric]\nnetwork = "cigre_lv"\n[[contingencies]]\nunit = 1\n')
    hint = found["contingencies[0].element"].hint
    assert "of the heat network" in hint
    assert "\n" not in hint


def test_a_folder_names_the_scenario_inside(tmp_path):
    (tmp_path / "s.toml").write_text(HEAD)
    with pytest.raises(ScenarioError, match=r"got a folder; expected a TOML file.*s\.toml"):
        Scenario.load(tmp_path)


def test_hostile_names_are_only_text(tmp_path):
    found = issues_of(tmp_path, HEAD + '[electric]\nnetwork = "cigre_lv"\n"[red]<script>" = 1\n')
    assert set(found) == {'electric."[red]<script>"'}


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("load", {"rate_kw"}),
        ("generator", {"rate_kw", "price_eur_per_mwh"}),
        ("battery", {"rate_kw", "capacity_kwh"}),
        ("heat_pump", {"node", "rate_kw", "cop"}),
        ("boiler", {"node", "rate_kw", "bus"}),
        ("electric_boiler", {"node", "rate_kw"}),
        ("chp", {"node", "rate_kw", "power_to_heat"}),
        ("solar_thermal", {"node", "area_m2", "bus"}),
        ("waste_heat", {"node", "rate_kw", "bus"}),
        ("tank", {"node", "rate_kw", "volume_m3", "bus"}),
        ("building", {"node", "archetype", "floor_area_m2", "bus"}),
        ("supplier", {"rate_kw", "price_eur_per_mwh"}),
    ],
)
def test_what_each_kind_needs(tmp_path, kind, missing):
    text = HEAD + f'[electric]\nnetwork = "cigre_lv"\n[[participants]]\nname = "x"\nkind = "{kind}"\nbus = "bus 1"\n'
    assert set(issues_of(tmp_path, text)) == {f"participants[0].{key}" for key in missing}


PARK = """
    [heat]
    network = "destest"
    [electric]
    network = "cigre_lv"
    [[participants]]
    name = "engine"
    kind = "chp"
    bus = "bus 1"
    node = "i"
    rate_kw = 100
    power_to_heat = 0.6
    min_load_kw = 120
    condensing_kw = 50
    volume_m3 = 3
    [[participants]]
    name = "house"
    kind = "building"
    node = "i"
    archetype = "house_1960"
    floor_area_m2 = 120
    set_point_c = 19
    set_back_c = 21
    day_to_h = 3
    [[participants]]
    name = "boiler"
    kind = "boiler"
    node = "SD1"
    rate_kw = 100
    efficency = 0.9
"""


def test_a_plant_park_is_told_everything_that_cannot_be(tmp_path):
    found = issues_of(tmp_path, HEAD + PARK.replace("    efficency = 0.9\n", ""))
    assert set(found) == {
        "participants[0].min_load_kw", "participants[0].condensing_kw", "participants[0].volume_m3",
        "participants[1].archetype", "participants[1].set_back_c", "participants[1].day_to_h",
    }  # fmt: skip
    assert found["participants[1].archetype"].hint == 'did you mean "house_1960s"?'
    assert found["participants[0].volume_m3"].hint == "volume_m3 is for tank"
    assert issues_of(tmp_path, HEAD + PARK)["participants[2].efficency"].hint == 'did you mean "efficiency"?'


def test_plants_sit_at_plants_and_buildings_at_substations(tmp_path):
    text = """
        [heat]
        network = "destest"
        [[participants]]
        name = "boiler"
        kind = "boiler"
        node = "SD1"
        rate_kw = 100
        [[participants]]
        name = "house"
        kind = "building"
        node = "i"
        archetype = "office"
        floor_area_m2 = 120
    """
    file = tmp_path / "s.toml"
    file.write_text(HEAD + text)
    found = {issue.key: issue for issue in check_scenario(Scenario.load(file))}
    assert set(found) == {"participants[0].node", "participants[1].node"}
    assert "a plant" in found["participants[0].node"].expected
    assert "a substation" in found["participants[1].node"].expected


def test_exchangers_need_temperatures_that_fall(tmp_path):
    text = '[heat]\nnetwork = "destest"\nsupply_temperature_c = 60\n[heat.exchanger]\nheating_supply_c = 65\n'
    assert set(issues_of(tmp_path, HEAD + text)) == {"heat"}
    text = '[heat]\nnetwork = "destest"\n[heat.exchanger]\nheating_return_c = 15\n'
    assert set(issues_of(tmp_path, HEAD + text)) == {"heat.exchanger"}
