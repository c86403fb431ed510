"""Buildings of a scenario as an estimate found them, and water that freezes in its pipes."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import NetworkDataError, ScenarioError
from rexnet_grid.rexdynnet.archetypes import from_archetype
from rexnet_grid.rexdynnet.fitted import STATE_SPACE_FILE, read_fitted
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.running import simulate

TRUTH = from_archetype("house_1980s", 150.0)
HOUSE = {"name": "house", "kind": "building", "node": "SD1"}
BOILER = {"name": "gas", "kind": "boiler", "node": "i", "rate_kw": 60, "fuel_price_eur_per_mwh": 50}
KIND = {"archetype": "house_1980s", "floor_area_m2": 150.0}


def state_space(model):
    a, b = model.matrices()
    b = np.column_stack((b[:, :3], b[:, 3] * model.internal_gain_kw, np.full(len(a), 0.02)))
    inputs = ["heat house", "outdoor", "sun", "one", "cos 1/day"]
    return {"A": a.tolist(), "B": b.tolist(), "states": list(model.states), "inputs": inputs}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / STATE_SPACE_FILE).write_text(json.dumps(state_space(TRUTH)), encoding="utf-8")
    return tmp_path


def scenario(folder, *people, **heat):
    return Scenario.from_dict(
        {
            "scenario": {"name": "s", "start": date(2026, 1, 13), "units": 4},
            "heat": {"network": "destest", **heat},
            "population": {"enabled": False},
            "market": {"heat": {"forward_units": 4}},
            "participants": [BOILER, *({**HOUSE, **person} for person in people)],
        },
        source=folder / "s.toml",
    )


def test_a_fit_on_disk_is_the_building_it_was_made_of(folder):
    for path in (folder / "fit", folder / "fit" / STATE_SPACE_FILE):
        found = read_fitted(path)
        assert found.steady_loss_kw_k == pytest.approx(TRUTH.steady_loss_kw_k)
        assert found.capacity_kwh_k == pytest.approx(TRUTH.capacity_kwh_k)
        assert found.internal_gain_kw == pytest.approx(TRUTH.internal_gain_kw)


def test_a_fitted_building_is_heated_as_that_of_a_kind(folder):
    heat = []
    for name, ways in (("kind", KIND), ("fitted", {"fitted": "fit"})):
        run = scenario(folder, ways)
        assert check_scenario(run) == []
        service = simulate(run, out=folder / name).service
        heat.append(service.loc[service["participant"] == "house", "delivered_kw"].to_numpy())
    assert heat[0].sum() < -1.0
    np.testing.assert_allclose(heat[1], heat[0], atol=0.11)  # rounded to lots of 0.1 kW


@pytest.mark.parametrize(
    ("ways", "keys"),
    [
        ({}, {"archetype", "floor_area_m2"}),
        ({"archetype": "office"}, {"floor_area_m2"}),
        ({"floor_area_m2": 100.0}, {"archetype"}),
        ({**KIND, "fitted": "fit"}, {"archetype", "floor_area_m2"}),
        ({"fitted": "fit", "capacities": 3, "heater": "floor"}, {"capacities", "heater"}),
    ],
)
def test_one_way_to_say_what_a_building_is(folder, ways, keys):
    with pytest.raises(ScenarioError) as caught:
        scenario(folder, ways)
    assert {issue.key for issue in caught.value.issues} == {f"participants[1].{key}" for key in keys}


TWO_ZONES = ["heat a", "heat b", "outdoor", "sun", "one"]
BROKEN = {
    "not JSON": ("{", "file"),
    "a list": ("[1]", "A"),
    "two zones": (
        json.dumps({**state_space(TRUTH), "inputs": TWO_ZONES}),
        "inputs",
    ),
    "ragged": (json.dumps({**state_space(TRUTH), "A": [[-1.0], [1.0, 2.0]]}), "A"),
    "NaN": (json.dumps({**state_space(TRUTH), "B": [[float("nan")] * 5] * 2}), "B"),
    "gone": (None, "file"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_an_unusable_fit_is_named_with_its_file(folder, text):
    file = folder / "fit" / STATE_SPACE_FILE
    content, key = BROKEN[text]
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    found = check_scenario(scenario(folder, {"fitted": "fit"}), deep=False)
    assert found[0].key == f"participants[1].fitted, {key}"
    assert found[0].where == str(file)


def test_temperatures_that_no_water_has_are_refused_with_their_keys(folder):
    with pytest.raises(ScenarioError) as caught:
        scenario(folder, supply_temperature_c=190.0, return_temperature_c=-5.0, ground_c=-70.0)
    keys = {issue.key for issue in caught.value.issues}
    assert keys == {f"heat.{key}" for key in ("supply_temperature_c.supply_c[0]", "return_temperature_c.return_c[0]",
                                              "ground_c")}  # fmt: skip


def test_water_that_freezes_in_a_run_ends_it_with_node_and_unit(folder):
    run = scenario(folder, return_temperature_c=1.0, ground_c=-40.0)
    with pytest.raises(NetworkDataError, match=r"return water at \w+, unit \d: got -"):
        simulate(run, out=folder / "frozen")
