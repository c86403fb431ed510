"""A building whose flats heat each other, traded on the truth, on what meters have shown, and on nothing."""

from pathlib import Path

import pytest

from rexnet_grid import Scenario, run
from rexnet_grid.errors import ScenarioError

SCENARIO = Path(__file__).parents[2] / "scenarios" / "flats.toml"
DAY = {"scenario.units": 96, "results.report": False}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flats")
    ways = {
        "model": {"feedback.model": "network"},
        "estimate": {},
        "none": {"feedback.enabled": False},
        "blind": {"feedback.enabled": False, "safety.mode": "off"},
    }
    return {name: run(SCENARIO, out=folder / name, overrides={**DAY, **way}) for name, way in ways.items()}


def test_who_knows_the_building_cuts_less(runs):
    cut = {name: results.summary.rationed_kwh for name, results in runs.items()}
    assert runs["blind"].summary.violations["heat_units"] > 20
    assert cut["none"] > 5.0
    assert cut["model"] < 0.6 * cut["none"]
    assert cut["estimate"] < 0.6 * cut["none"]
    for name in ("model", "estimate", "none"):
        hot = runs[name].violations
        assert not hot["limit"].str.endswith("overheating").any()


def test_books_and_energy_close(runs):
    for results in runs.values():
        assert results.manifest.content["cash_sum_quanta"] == 0
        assert results.manifest.content["energy_residual_relative"]["heat"] < 1e-9
    said = runs["estimate"].manifest.content["headroom_from"]["heat"]
    assert said == "learned from the readings of 6 flats"


def test_flats_are_read_and_recorded(runs):
    results = runs["model"]
    meters = results.table("meters")
    flats = meters[meters["participant"].str.startswith("flat")]
    air = results.table("heat/air_c")
    assert (flats["air_c"].to_numpy().reshape(96, 6) - air[flats["participant"].unique()].to_numpy()).std() == (
        pytest.approx(0.1, rel=0.15)
    )
    assert set(results.nodes["kind"]) == {"supply", "flat"}


def test_a_building_and_a_heat_network_are_one_too_many():
    data = {"scenario": {"name": "both", "start": "2026-01-20"}, "building": {}, "heat": {"network": "destest"}}
    data["scenario"] = {"name": "both", "start": Scenario.load(SCENARIO).start}
    with pytest.raises(ScenarioError, match="one of \\[heat\\] and \\[building\\]"):
        Scenario.from_dict(data)
    data.pop("heat")
    data["building"] = {"coldest_c": 22.0, "warmest_c": 22.5}
    with pytest.raises(ScenarioError, match="at least 1 K above"):
        Scenario.from_dict(data)
