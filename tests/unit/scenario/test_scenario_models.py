"""Scenarios: frozen, typed, copied to be changed, written as they are read."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from rexnet_grid import Scenario
from rexnet_grid.errors import ScenarioError
from rexnet_grid.prosumers.config import PopulationConfig
from rexnet_grid.scenario.catalogue import scenarios
from rexnet_grid.scenario.population import SCENARIO_ALONE

SMALL = {
    "scenario": {"name": "small", "start": date(2026, 1, 13)},
    "electric": {"network": "cigre_lv"},
}


@pytest.fixture
def small():
    return Scenario.from_dict(SMALL)


def test_the_start_is_midnight_in_the_zone(small):
    assert small.start.isoformat() == "2026-01-13T00:00:00+01:00"
    assert small.time_grid.time(0).astimezone(UTC).hour == 23


def test_a_start_with_offset_is_shown_in_the_zone():
    scenario = Scenario.from_dict(
        {**SMALL, "scenario": {"name": "a", "start": datetime(2026, 7, 1, tzinfo=UTC), "timezone": "Europe/Berlin"}}
    )
    assert scenario.start.isoformat() == "2026-07-01T02:00:00+02:00"


def test_nothing_can_be_changed(small):
    with pytest.raises(ValidationError):
        small.feedback.enabled = False


def test_with_gives_a_changed_copy(small):
    other = small.with_({"feedback.enabled": False, "scenario.seed": 7, "market.heat.lot_kw": 1})
    assert (other.feedback.enabled, other.seed, other.market.heat.lot_kw) == (False, 7, 1.0)
    assert small.feedback.enabled
    assert small.seed == 0


def test_with_reaches_members_of_arrays():
    day = Scenario.from_dict(
        {
            "scenario": {"name": "s", "start": date(2026, 1, 13)},
            "electric": {"network": "cigre_lv"},
            "participants": [{"name": "shop", "kind": "load", "bus": "bus 1", "rate_kw": 2.0}],
        }
    )
    changed = day.with_({"participants.0.rate_kw": 5.0})
    assert (day.participants[0].rate_kw, changed.participants[0].rate_kw) == (2.0, 5.0)
    assert day.with_({"participants.shop.rate_kw": 5.0}) == changed
    with pytest.raises(ScenarioError, match="participants"):
        day.with_({"participants.7.rate_kw": 5.0})


def test_with_names_what_is_wrong(small):
    with pytest.raises(ScenarioError) as caught:
        small.with_({"feedback.enabeld": False})
    issue = caught.value.issues[0]
    assert issue.where == "--set"
    assert issue.hint == 'did you mean "enabled"?'


@pytest.mark.parametrize("entry", scenarios(), ids=lambda entry: entry.name)
def test_every_built_in_scenario_survives_writing_and_reading(entry):
    scenario = Scenario.load(entry.path)
    again = Scenario.from_dict(tomllib.loads(scenario.to_toml()))
    assert again.resolved() == scenario.resolved()
    assert entry.title


def test_a_scenario_can_be_sent_to_another_process(small):
    again = pickle.loads(pickle.dumps(small))
    assert again.resolved() == small.resolved()


def test_the_maintainer_follows_feedback(small):
    assert small.maintained
    assert not small.with_({"feedback.enabled": False}).maintained
    assert small.with_({"feedback.enabled": False, "safety.mode": "on"}).maintained


def test_one_carrier_is_enough(small):
    assert small.carriers == ("electricity",)


def test_a_supply_temperature_may_be_one_number():
    scenario = Scenario.from_dict({**SMALL, "heat": {"network": "destest", "supply_temperature_c": 70}})
    assert scenario.heat.supply_temperature_c.supply_c == (70.0,)


def test_prices_become_ticks(small):
    rules = small.market.electricity
    assert (rules.min_price_ticks, rules.max_price_ticks) == (-5000, 40000)


def test_the_population_mirrors_what_prosumers_know(small):
    config = small.population.config(heat_supply_c=PopulationConfig().heat_supply_c)
    assert config == PopulationConfig()
    named = set(type(small.population).model_fields) - SCENARIO_ALONE
    known = {field.name for field in dataclasses.fields(PopulationConfig)}
    assert named == known - {"heat_supply_c", "electricity_prices", "supplier_buys"}


def test_paths_count_from_the_scenarios_folder(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('[scenario]\nname = "s"\nstart = 2026-01-01\n[electric]\nnetwork = "nets/mine.json"\n')
    scenario = Scenario.load(file)
    assert scenario.path_of(scenario.electric.network) == tmp_path / "nets" / "mine.json"
