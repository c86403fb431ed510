"""Checks beyond the text: files, profiles, networks and places."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from rexnet_grid import Scenario
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.series import profile_rates

PROFILE = {"name": "house", "file": "house.csv", "column": "kw"}


def a_scenario(folder, **sections):
    data = {
        "scenario": {"name": "s", "start": date(2026, 1, 13), "units": 8},
        "electric": {"network": "cigre_lv"},
        "population": {"enabled": False},
        **sections,
    }
    return Scenario.from_dict(data, source=folder / "s.toml")


def with_profile(folder, frame, **changes):
    frame.to_csv(folder / "house.csv", index=False)
    return a_scenario(folder, profiles=[{**PROFILE, **changes}])


def a_day(freq="15min", periods=96, zone="Europe/Berlin", start="2026-01-13"):
    return pd.date_range(start, periods=periods, freq=freq, tz=zone)


def only_issue(scenario):
    issues = check_scenario(scenario, deep=False)
    assert len(issues) == 1, [str(issue) for issue in issues]
    return issues[0]


# --- profiles ---------------------------------------------------------------------------------------------------------


def test_a_profile_comes_onto_the_units(tmp_path):
    scenario = with_profile(tmp_path, pd.DataFrame({"time": a_day("5min", 288), "kw": np.arange(288.0)}))
    assert check_scenario(scenario, deep=False) == []
    rates = profile_rates(scenario, scenario.profiles[0])
    np.testing.assert_allclose(rates, 1.0 + 3.0 * np.arange(8))


def test_a_coarse_profile_is_repeated_and_watts_become_kilowatts(tmp_path):
    frame = pd.DataFrame({"time": a_day("60min", 24), "kw": 1000.0 * np.arange(24.0)})
    scenario = with_profile(tmp_path, frame, unit="W")
    np.testing.assert_allclose(profile_rates(scenario, scenario.profiles[0]), np.repeat([0.0, 1.0], 4))


def test_energy_in_each_step_becomes_a_rate(tmp_path):
    scenario = with_profile(tmp_path, pd.DataFrame({"time": a_day("30min", 48), "kw": 0.5}), unit="kWh")
    np.testing.assert_allclose(profile_rates(scenario, scenario.profiles[0]), 1.0)


def test_times_without_offset_are_of_the_scenarios_zone(tmp_path):
    local = a_day().tz_localize(None)
    scenario = with_profile(tmp_path, pd.DataFrame({"time": local, "kw": np.arange(96.0)}))
    np.testing.assert_allclose(profile_rates(scenario, scenario.profiles[0]), np.arange(8.0))


def test_parquet_is_read_too(tmp_path):
    pd.DataFrame({"time": a_day(), "kw": np.arange(96.0)}).to_parquet(tmp_path / "house.parquet")
    scenario = a_scenario(tmp_path, profiles=[{**PROFILE, "file": "house.parquet"}])
    np.testing.assert_allclose(profile_rates(scenario, scenario.profiles[0]), np.arange(8.0))


def test_a_gap_is_named(tmp_path):
    frame = pd.DataFrame({"time": a_day(), "kw": 1.0}).drop(index=range(10, 14))
    issue = only_issue(with_profile(tmp_path, frame))
    assert "a gap, the first from 2026-01-13 01:15" in issue.value
    assert issue.expected == "a value every 15 min"
    assert issue.where == str(tmp_path / "house.csv")


def test_a_profile_too_short(tmp_path):
    issue = only_issue(with_profile(tmp_path, pd.DataFrame({"time": a_day(periods=7), "kw": 1.0})))
    assert issue.value.startswith("covers")


def test_values_that_are_no_numbers(tmp_path):
    frame = pd.DataFrame({"time": a_day(), "kw": [*(["1.0"] * 5), "n/a", "", *(["2"] * 89)]})
    issue = only_issue(with_profile(tmp_path, frame))
    assert issue.value.startswith("2 values that are no numbers")
    assert issue.key == "kw, row 7"


def test_watts_given_as_kilowatts(tmp_path):
    issue = only_issue(with_profile(tmp_path, pd.DataFrame({"time": a_day(), "kw": 250_000.0})))
    assert issue.hint.startswith('looks like W: set unit = "W"')


def test_percent_given_as_share(tmp_path):
    issue = only_issue(with_profile(tmp_path, pd.DataFrame({"time": a_day(), "kw": 80.0}), unit="share"))
    assert issue.hint == "looks like percent or kW"


def test_rows_out_of_order(tmp_path):
    frame = pd.DataFrame({"time": a_day(), "kw": 1.0}).iloc[[0, 2, 1, *range(3, 96)]]
    assert only_issue(with_profile(tmp_path, frame)).expected == "times in ascending order"


def test_local_times_over_a_change_of_clocks(tmp_path):
    local = pd.date_range("2026-03-29", periods=96, freq="15min")
    frame = pd.DataFrame({"time": local, "kw": 1.0})
    issue = only_issue(with_profile(tmp_path, frame))
    assert issue.value == "2026-03-29 02:00:00, which Europe/Berlin has twice or not at all"
    assert issue.key == "column time, row 10"


def test_wrong_columns(tmp_path):
    issue = only_issue(with_profile(tmp_path, pd.DataFrame({"time": a_day(), "kW": 1.0})))
    assert issue.hint == 'did you mean "kW"?'


def test_times_that_are_none(tmp_path):
    issue = only_issue(with_profile(tmp_path, pd.DataFrame({"time": ["early", "late"], "kw": 1.0})))
    assert issue.key == "column time"


def test_a_missing_file(tmp_path):
    issue = only_issue(a_scenario(tmp_path, profiles=[PROFILE]))
    assert (issue.value, issue.where) == ("no such file", str(tmp_path / "house.csv"))


# --- networks ---------------------------------------------------------------------------------------------------------


def a_feeder():
    net = pp.create_empty_network(name="feeder")
    buses = [pp.create_bus(net, vn_kv=0.4) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for a, b in pairwise(buses):
        pp.create_line(net, a, b, length_km=0.1, std_type="NAYY 4x150 SE")
    pp.create_load(net, buses[2], p_mw=0.01)
    return net


def stored(net, folder):
    pp.to_json(net, str(folder / "net.json"))
    return {"network": "net.json"}


def test_a_network_from_a_file(tmp_path):
    assert check_scenario(a_scenario(tmp_path, electric=stored(a_feeder(), tmp_path))) == []


def test_participants_on_missing_buses_are_all_named(tmp_path):
    people = [
        {"name": "a", "kind": "load", "bus": "bus 2", "rate_kw": 1},
        {"name": "b", "kind": "load", "bus": "bus 7", "rate_kw": 1},
        {"name": "c", "kind": "load", "bus": "Bus 1", "rate_kw": 1},
    ]
    scenario = a_scenario(tmp_path, electric=stored(a_feeder(), tmp_path), participants=people)
    issues = check_scenario(scenario)
    assert [issue.key for issue in issues] == ["participants[1].bus", "participants[2].bus"]
    assert issues[1].hint == 'did you mean "bus 1"?'
    assert "one of the 3 nodes" in issues[0].expected


def test_an_island_is_named(tmp_path):
    net = a_feeder()
    net.line.loc[1, "in_service"] = False
    issues = check_scenario(a_scenario(tmp_path, electric=stored(net, tmp_path)))
    assert [issue.key for issue in issues] == ["bus 2"]


def test_a_base_case_without_solution_is_said(tmp_path):
    net = a_feeder()
    net.load.loc[0, "p_mw"] = 50.0
    issues = check_scenario(a_scenario(tmp_path, electric=stored(net, tmp_path)))
    assert [issue.key for issue in issues] == ["base case"]


@pytest.mark.parametrize("text", ["{}", "no json", '{"_module": "os", "_class": "system", "_object": "{}"}'])
def test_a_file_that_is_no_network(tmp_path, text):
    (tmp_path / "net.json").write_text(text)
    issues = check_scenario(a_scenario(tmp_path, electric={"network": "net.json"}))
    assert issues
    assert all("net.json" in issue.where for issue in issues)


@pytest.mark.parametrize(("element", "wrong"), [("switch 1", False), ("line 0", False), ("line 999", True)])
def test_contingencies_of_elements_that_are_not_there_are_named(tmp_path, element, wrong):
    faults = [{"unit": 1, "element": element}]
    issues = check_scenario(a_scenario(tmp_path, contingencies=faults))
    assert [issue.key for issue in issues if "contingencies" in issue.key] == ["contingencies[0].element"] * wrong


def test_heat_contingencies_of_elements_that_are_not_there_are_named(tmp_path):
    names = ("pipe K1269-K1268", "pipe K1269-K9999", "pump nobody", "somebody", "K1269-K1268")
    faults = [{"unit": 1, "carrier": "heat", "element": name} for name in names]
    sections = {"heat": {"network": "schutterwald"}, "weather": {"source": "try2010:12"}}
    issues = check_scenario(a_scenario(tmp_path, contingencies=faults, **sections))
    found = {issue.key: issue.hint for issue in issues if "contingencies" in issue.key}
    assert sorted(found) == [f"contingencies[{number}].element" for number in (1, 2, 4)]
    assert 'did you mean "pipe K1269-K' in found["contingencies[1].element"]
    assert 'did you mean "pipe K1269-K1268"' in found["contingencies[4].element"]
