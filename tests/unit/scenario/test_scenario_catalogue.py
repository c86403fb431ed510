"""Built-in networks and scenarios: the list is the truth."""

from __future__ import annotations

import pytest

from rexnet_grid.electric.catalogue import BUILTIN
from rexnet_grid.errors import ScenarioError
from rexnet_grid.scenario.catalogue import (
    builtin,
    electric_networks,
    find_scenario,
    heat_networks,
    scenarios,
    studies,
)
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.describing import describe_network
from rexnet_grid.scenario.models import Scenario
from rexnet_grid.study.designs import variants
from rexnet_grid.study.models import Study


def test_every_electric_network_is_listed():
    assert sorted(entry.name for entry in electric_networks()) == sorted(BUILTIN)


def test_every_network_says_where_it_comes_from():
    assert all(entry.origin and entry.size for entry in (*electric_networks(), *heat_networks()))


@pytest.mark.parametrize("name", [entry.name for entry in scenarios()])
def test_nothing_is_wrong_with_a_built_in_scenario(name):
    if name.startswith("simbench"):
        pytest.importorskip("simbench", reason="the scenario's grid comes with the extra 'simbench'")
    assert check_scenario(Scenario.load(builtin(name).path)) == []


def test_the_listed_size_is_the_size():
    text = describe_network("case9")
    assert "9 buses" in text.splitlines()[1]
    assert "9 buses" in text.splitlines()[3]


def test_a_file_goes_before_a_built_in_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_scenario("quickstart") == builtin("quickstart").path
    (tmp_path / "quickstart").write_text("")
    assert find_scenario("quickstart").resolve() == tmp_path / "quickstart"


def test_an_unknown_name():
    with pytest.raises(ScenarioError, match="quickstart"):
        find_scenario("quickstrat")


@pytest.mark.parametrize("entry", studies(), ids=lambda entry: entry.name)
def test_every_study_is_one_of_a_built_in_scenario(entry):
    study = Study.load(entry.path)
    assert study.scenario_path(entry.path) == entry.studied
    for variant in variants(study):
        Scenario.load(entry.studied, variant.overrides)
