"""Explicit participants really trade and deliver; one carrier is enough for a run."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import ScenarioError
from rexnet_grid.scenario.running import simulate

PEOPLE = [
    {"name": "bakery", "kind": "load", "bus": "bus 2", "profile": "oven"},
    {"name": "shop", "kind": "load", "bus": "bus 1", "rate_kw": 2},
    {"name": "weir", "kind": "generator", "bus": "bus 1", "rate_kw": 8, "profile": "flow"},
    {"name": "mill", "kind": "generator", "bus": "bus 2", "rate_kw": 6, "price_eur_per_mwh": 50},
    {"name": "roof", "kind": "photovoltaics", "bus": "bus 2", "rate_kw": 4, "tilt_deg": 30, "azimuth_deg": -90},
    {"name": "store", "kind": "battery", "bus": "bus 1", "rate_kw": 5, "capacity_kwh": 10},
]
SCENARIO = {
    "scenario": {"name": "s", "start": date(2026, 1, 13), "units": 4},
    "electric": {"network": "net.json"},
    "population": {"enabled": False},
    "market": {"electricity": {"forward_units": 4}},
    "profiles": [
        {"name": "oven", "file": "p.csv", "column": "kw"},
        {"name": "flow", "file": "p.csv", "column": "flow", "unit": "share"},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feeder")
    net = pp.create_empty_network(name="feeder")
    buses = [pp.create_bus(net, vn_kv=0.4) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    pp.create_line(net, buses[0], buses[1], length_km=0.1, std_type="NAYY 4x150 SE")
    pp.create_line(net, buses[1], buses[2], length_km=0.1, std_type="NAYY 4x150 SE")
    pp.to_json(net, str(folder / "net.json"))
    time = pd.date_range("2026-01-13", periods=8, freq="15min", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": time, "kw": 5.0 + np.arange(8.0), "flow": 0.25})
    frame.to_csv(folder / "p.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    scenario = Scenario.from_dict({**SCENARIO, "participants": PEOPLE}, source=folder / "s.toml")
    return simulate(scenario, out=folder / "run")


def delivered(results, name):
    service = results.service
    return service.loc[service["participant"] == name, "delivered_kw"].to_numpy()


def test_loads_and_generators_follow_their_profiles(results):
    np.testing.assert_allclose(delivered(results, "bakery"), [-5.0, -6.0, -7.0, -8.0])
    np.testing.assert_allclose(delivered(results, "shop"), -2.0)
    np.testing.assert_allclose(delivered(results, "weir"), 2.0)


def test_a_generator_with_a_price_sells_when_the_market_pays_more(results):
    np.testing.assert_allclose(delivered(results, "mill"), 6.0)


def test_nobody_else_takes_part(results):
    kinds = results.participants.set_index("name")["kind"]
    assert kinds.drop([person["name"] for person in PEOPLE]).to_list() == ["supplier", "operator"]
    assert kinds["store"] == "battery"


def test_a_name_is_nobody_elses(folder):
    people = [{**PEOPLE[1], "name": "grid operator"}]
    scenario = Scenario.from_dict({**SCENARIO, "participants": people}, source=folder / "s.toml")
    with pytest.raises(ScenarioError, match="a name that nobody else has"):
        simulate(scenario, out=folder / "refused")
    assert not (folder / "refused").exists()


def test_heat_alone_is_enough(tmp_path):
    scenario = Scenario.from_dict(
        {
            "scenario": {"name": "h", "start": date(2026, 1, 13), "units": 2},
            "heat": {"network": "destest"},
            "market": {"heat": {"forward_units": 4}},
        }
    )
    results = simulate(scenario, out=tmp_path / "h")
    assert set(results.participants["carrier"]) == {"heat"}
    assert results.manifest.content["cash_sum_quanta"] == 0


def test_loads_generators_and_suppliers_trade_heat_too(folder):
    people = [
        {"name": "baths", "kind": "load", "node": "SD1", "profile": "oven"},
        {"name": "shop", "kind": "load", "node": "SD2", "rate_kw": 3},
        {"name": "geothermal", "kind": "generator", "node": "i", "rate_kw": 4, "profile": "flow"},
        {"name": "neighbour", "kind": "supplier", "node": "i", "rate_kw": 40, "price_eur_per_mwh": 60},
        {"name": "gas", "kind": "boiler", "node": "i", "rate_kw": 40, "fuel_price_eur_per_mwh": 80, "efficiency": 0.9},
    ]
    scenario = Scenario.from_dict(
        {
            "scenario": {"name": "w", "start": date(2026, 1, 13), "units": 4},
            "heat": {"network": "destest"},
            "population": {"enabled": False},
            "market": {"heat": {"forward_units": 4}},
            "profiles": SCENARIO["profiles"],
            "participants": people,
        },
        source=folder / "w.toml",
    )
    results = simulate(scenario, out=folder / "warm")
    np.testing.assert_allclose(delivered(results, "geothermal"), 1.0, rtol=2e-4)  # the network meets a schedule so
    sold = delivered(results, "neighbour")
    wanted = -delivered(results, "baths") - delivered(results, "shop")
    assert wanted.sum() > 0.8 * (4 * 3.0 + 5.0 + 6.0 + 7.0 + 8.0)
    assert sold.sum() > 10.0
    assert delivered(results, "gas").sum() < sold.sum()
    assert results.manifest.content["cash_sum_quanta"] == 0
    kinds = results.participants.set_index("name")["kind"]
    assert kinds["neighbour"] == "contract"
