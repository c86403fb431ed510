"""Who takes part on a grid that marks its loads neither as households nor as heat pumps, and at which prices."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import ScenarioError
from rexnet_grid.scenario.connections import grid_generators, grid_loads, grid_storages
from rexnet_grid.scenario.opening import electric_delivery
from rexnet_grid.scenario.running import simulate

HIGHEST_H0_PER_YEAR = 2.7e-4
"""Highest quarter hour of the profile H0 over its yearly energy [1/h]: some 0.22 kW a 1,000 kWh in the table of VDEW
(1999) at a weekend in winter, times a dynamisation of 1.24."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    net = pp.create_empty_network()
    high, low = pp.create_bus(net, vn_kv=20.0), pp.create_bus(net, vn_kv=0.4)
    pp.create_ext_grid(net, high)
    pp.create_transformer(net, high, low, std_type="0.4 MVA 20/0.4 kV")
    pp.create_load(net, low, p_mw=0.006)
    pp.create_load(net, low, p_mw=0.08, scaling=0.5, name="school")
    pp.create_load(net, high, p_mw=0.009, name="pump")
    pp.create_load(net, low, p_mw=0.002, type="HH", name="house")
    pp.create_load(net, low, p_mw=0.002, in_service=False, name="empty")
    pp.create_asymmetric_load(net, low, p_a_mw=0.001, p_b_mw=0.002, name="school")
    pp.create_sgen(net, low, p_mw=0.03, scaling=0.0, type="PV", name="roof")
    pp.create_sgen(net, high, p_mw=0.2, type="CHP", name="engine")
    pp.to_json(net, str(folder / "net.json"))
    time = pd.date_range("2026-06-14T06:00", periods=16, freq="15min", tz="Europe/Berlin")
    pd.DataFrame({"time": time, "price": np.linspace(40.0, -35.0, 16)}).to_csv(folder / "prices.csv", index=False)
    return folder


def scenario(folder, **population):
    sections = {
        "scenario": {"name": "s", "start": datetime(2026, 6, 14, 6, tzinfo=ZoneInfo("Europe/Berlin")), "units": 16},
        "electric": {"network": "net.json"},
        "market": {"electricity": {"forward_units": 16}},
        "profiles": [{"name": "auction", "file": "prices.csv", "column": "price", "unit": "EUR/MWh"}],
        "population": {"pv_share": 0.0, "battery_share": 0.0, "ev_share": 0.0, **population},
    }
    return Scenario.from_dict(sections, source=folder / "s.toml")


def kinds(folder, **population):
    made = scenario(folder, **population)
    loads = grid_loads(made, electric_delivery(made))
    return dict(zip(loads["name"], loads["type"], strict=True))


def test_small_loads_of_the_low_voltage_are_households_and_others_crowds(folder):
    assert kinds(folder) == {
        "load 0": "HH", "school (1)": "aggregate", "pump": "aggregate", "house": "HH", "school (4)": "HH"
    }  # fmt: skip


@pytest.mark.parametrize(("wish", "type_"), [("household", "HH"), ("aggregate", "aggregate")])
def test_all_of_them_can_be_of_one_kind(folder, wish, type_):
    found = kinds(folder, other_loads=wish)
    assert len(found) == 5
    assert {kind for name, kind in found.items() if name != "house"} == {type_}


def test_storages_of_the_table_are_batteries_of_its_size(tmp_path):
    net = pp.create_empty_network()
    supply, bus = pp.create_bus(net, vn_kv=0.4), pp.create_bus(net, vn_kv=0.4)
    pp.create_ext_grid(net, supply)
    pp.create_line(net, supply, bus, length_km=0.1, std_type="NAYY 4x150 SE")
    pp.create_storage(
        net, bus, p_mw=0.002, max_e_mwh=0.02, min_e_mwh=0.004, soc_percent=60.0, sn_mva=0.005, name="cellar"
    )
    pp.create_storage(net, bus, p_mw=-0.003, max_e_mwh=0.01)
    pp.create_storage(net, bus, p_mw=0.0, max_e_mwh=0.01, name="no rate")
    pp.to_json(net, str(tmp_path / "net.json"))
    pd.DataFrame(
        {"time": pd.date_range("2026-06-14T06:00", periods=16, freq="15min", tz="Europe/Berlin"), "price": 1.0}
    ).to_csv(tmp_path / "prices.csv", index=False)
    made = scenario(tmp_path)
    found = grid_storages(made, electric_delivery(made)).set_index("name")
    assert found.loc["cellar", ["bus", "kw", "kwh"]].tolist() == ["bus 1", 5.0, pytest.approx(16.0)]
    assert found.loc["cellar", "share"] == pytest.approx(0.5)
    assert found.loc["storage 1", ["kw", "kwh"]].tolist() == [3.0, 10.0]
    assert list(found.index) == ["cellar", "storage 1"]
    results = simulate(made, out=tmp_path / "run")
    stored = results.table("devices").query("quantity == 'soc_kwh'")
    assert stored.groupby("participant", observed=True)["value"].max().le(16.0).all()
    assert set(stored["participant"].astype(str)) == {"cellar", "storage 1"}
    without = scenario(tmp_path, grid_storages=False)
    assert not len(grid_storages(without, electric_delivery(without)))


def test_only_marked_loads_take_part_when_asked(folder):
    assert kinds(folder, other_loads="none") == {"house": "HH"}


def test_a_crowd_reaches_its_table_in_the_highest_quarter_hour_of_the_year(folder):
    made = scenario(folder)
    loads = grid_loads(made, electric_delivery(made)).set_index("name")
    assert loads.loc["school (1)", "kw"] == 40.0
    assert 40.0 / loads.loc["school (1)", "kwh_per_year"] == pytest.approx(HIGHEST_H0_PER_YEAR, rel=0.05)


def test_generators_take_part_with_the_power_of_the_table_before_its_scaling(folder):
    made = scenario(folder)
    found = grid_generators(made, electric_delivery(made)).set_index("name")
    assert found["kw"].to_dict() == {"roof": 30.0, "engine": 200.0}
    silent = scenario(folder, grid_generators=False)
    assert len(grid_generators(silent, electric_delivery(silent))) == 0


def test_they_trade_and_deliver_at_the_prices_of_a_file(folder):
    results = simulate(scenario(folder, electricity_price_profile="auction"), out=folder / "run")
    service = results.service.groupby("participant")["delivered_kw"].mean()
    assert service["engine"] == pytest.approx(200.0)
    assert 1.0 < service["roof"] < 30.0
    assert -40.0 < service["school (1)"] < -5.0
    trades = results.trades.groupby("unit")["price_ticks"].mean()
    assert trades.loc[14] < 0.0 < trades.loc[1]
    assert results.summary.cash_sum_quanta == 0


def test_a_price_must_be_a_profile_of_prices_and_power_is_none(folder):
    sections = scenario(folder).model_dump(by_alias=True, exclude_none=True)
    sections["population"] = {"electricity_price_profile": "auktion"}
    with pytest.raises(ScenarioError, match='did you mean "auction"'):
        Scenario.from_dict(sections, source=folder / "s.toml")
    sections["population"] = {}
    sections["participants"] = [{"name": "x", "kind": "load", "bus": "bus 1", "profile": "auction"}]
    with pytest.raises(ScenarioError, match="a profile of power"):
        Scenario.from_dict(sections, source=folder / "s.toml")
