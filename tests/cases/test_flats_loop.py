"""A building whose flats heat each other, traded on the truth, on what meters have shown, and on nothing."""

from pathlib import Path

import numpy as np
import pytest

from rexnet_grid import Scenario, run
from rexnet_grid.errors import ScenarioError
from rexnet_grid.report import write_report
from rexnet_grid.report.comparison import run_names
from rexnet_grid.report.terminal import comparison_table

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


def test_what_was_learned_is_kept_beside_the_truth(runs):
    rows = runs["estimate"].estimates
    assert (rows["unit"] == 0).any()  # the days before the run are enough for a first estimate
    last = rows[rows["unit"] == rows["unit"].max()]
    assert len(last) == 7  # three floors of two flats: three walls and four ceilings
    known = last[last["std_error"] > 0.0]
    assert (np.abs(known["estimate"] - known["truth"]) < 2.5 * known["std_error"]).mean() >= 0.7
    present = last[last["state"] == "present"]
    assert (present["truth"] > 0.0).mean() >= 0.7
    assert runs["model"].estimates.empty


def test_a_report_shows_three_runs_and_what_was_learned(runs, tmp_path):
    others = [runs[name].folder for name in ("model", "none", "blind")]
    page = write_report(runs["estimate"].folder, against=others, out=tmp_path / "all.html").read_text()
    assert "Learned against true" in page
    assert "What not knowing costs" in page
    for name in ("estimate", "model", "none", "none, nobody cuts", "supply and cuts together"):
        assert name in page
    assert run_names([runs["estimate"], runs["model"]]) == ("estimate", "model")
    assert run_names([runs["model"], runs["none"]]) == ("with feedback", "without feedback")
    assert comparison_table(*runs.values()).row_count >= 8


def test_a_building_and_a_heat_network_are_one_too_many():
    data = {"scenario": {"name": "both", "start": "2026-01-20"}, "building": {}, "heat": {"network": "destest"}}
    data["scenario"] = {"name": "both", "start": Scenario.load(SCENARIO).start}
    with pytest.raises(ScenarioError, match="one of \\[heat\\] and \\[building\\]"):
        Scenario.from_dict(data)
    data.pop("heat")
    data["building"] = {"coldest_c": 22.0, "warmest_c": 22.5}
    with pytest.raises(ScenarioError, match="at least 1 K above"):
        Scenario.from_dict(data)
