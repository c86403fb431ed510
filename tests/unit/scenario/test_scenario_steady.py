"""Motors, wards, generators, DC lines and the like of a grid's tables take part at the power that they have there."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandapower as pp
import pytest

from rexnet_grid import Scenario
from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.scenario.connections import grid_steady
from rexnet_grid.scenario.opening import electric_delivery
from rexnet_grid.scenario.running import simulate


@pytest.fixture(scope="module")
def net():
    """Four buses at 20 kV with everything that has a power of its own, twice where one of the two is out of service."""
    net = pp.create_empty_network()
    b = [pp.create_bus(net, 20.0) for _ in range(4)]
    pp.create_ext_grid(net, b[0])
    for k in range(3):
        pp.create_line(net, b[k], b[k + 1], 2.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_motor(net, b[2], 0.5, 0.9, efficiency_percent=80.0, loading_percent=50.0, name="saw")
    pp.create_motor(net, b[2], 0.5, 0.9, in_service=False)
    pp.create_ward(net, b[2], 0.4, 0.1, 0.02, 0.0)
    pp.create_xward(net, b[1], 0.07, 0.0, 0.0, 0.0, 0.1, 0.1, 1.0)
    pp.create_gen(net, b[3], 0.3, vm_pu=1.0, scaling=0.5)
    pp.create_dcline(net, b[1], b[3], 0.2, 1.0, 0.001, 1.0, 1.0, name="link")
    pp.create_dcline(net, b[1], b[3], 0.2, 1.0, 0.001, 1.0, 1.0, in_service=False)
    pp.create_storage(net, b[2], 0.05, max_e_mwh=np.nan)
    pp.create_load(net, b[1], -0.03, name="saw")
    pp.create_sgen(net, b[1], -0.04, scaling=0.5)
    return net


EXPECTED = {
    "saw (0)": ("bus 2", -0.5 / 0.8 * 0.5e3),
    "ward 0": ("bus 2", -400.0),
    "xward 0": ("bus 1", -70.0),
    "gen 0": ("bus 3", 150.0),
    "link to": ("bus 3", 197.0),
    "link from": ("bus 1", -200.0),
    "storage 0": ("bus 2", -50.0),
    "saw (7)": ("bus 1", 30.0),
    "sgen 0": ("bus 1", -20.0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, net):
    folder = tmp_path_factory.mktemp("steady")
    pp.to_json(net, str(folder / "net.json"))
    return folder


def scenario(folder, units=4, **population):
    sections = {
        "scenario": {"name": "s", "start": datetime(2026, 6, 14, 6, tzinfo=UTC), "units": units},
        "electric": {"network": "net.json", "power_factor": 1.0},
        "market": {"electricity": {"forward_units": 4}},
        "population": population,
    }
    return Scenario.from_dict(sections, source=folder / "s.toml")


def test_each_stands_at_its_bus_with_the_power_of_its_table(folder):
    made = scenario(folder)
    rows = grid_steady(made, electric_delivery(made)).set_index("name")
    assert {name: bus for name, (bus, _) in EXPECTED.items()} == rows["bus"].to_dict()
    assert rows["kw"].to_dict() == pytest.approx({name: kw for name, (_, kw) in EXPECTED.items()})
    assert "ward 0 (ward 0)" in set(grid_steady(made, electric_delivery(made), {"ward 0"})["name"])
    assert not len(grid_steady(scenario(folder, grid_steady=False), electric_delivery(made)))


def test_together_with_the_other_tables_nothing_of_the_nets_own_power_is_left_out(net):
    network = ElectricNetwork.from_pandapower(net)
    named = network.steady.groupby("bus")["kw"].sum().reindex(network.buses, fill_value=0.0)
    np.testing.assert_allclose(named, network.base_injection()[0], atol=1e-9)


def test_a_run_delivers_what_a_power_flow_of_the_file_delivers(folder, net):
    results = simulate(scenario(folder), out=folder / "run")
    service = results.service[results.service["unit"] == 3]
    delivered = dict(zip(service["participant"].astype(str), service["delivered_kw"], strict=True))
    assert {name: delivered[name] for name in EXPECTED} == pytest.approx({n: kw for n, (_, kw) in EXPECTED.items()})
    pp.runpp(net)
    drawn = float(results.table("electric/balance")["import_kw"].iloc[3])
    # what remains are losses of the reactive power of motor, ward and load, which a participant has not
    assert drawn == pytest.approx(1e3 * float(net.res_ext_grid.p_mw.iloc[0]), abs=3.0)
    assert any("9 motors, wards, generators" in note for note in results.manifest.content["notes"])


def test_the_supply_is_paid_for_what_others_at_its_own_bus_draw(tmp_path):
    """What flows into the lines is not all that the supply gives: a motor beside it draws from it too."""
    net = pp.create_empty_network()
    b = [pp.create_bus(net, 20.0) for _ in range(2)]
    pp.create_ext_grid(net, b[0])
    pp.create_line(net, b[0], b[1], 2.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_motor(net, b[0], 0.5, 1.0, name="beside")
    pp.create_motor(net, b[1], 0.2, 1.0, name="behind")
    pp.to_json(net, str(tmp_path / "net.json"))
    results = simulate(scenario(tmp_path), out=tmp_path / "run")
    balance = results.table("electric/balance")
    np.testing.assert_allclose(balance["import_kw"], 700.0 + balance["loss_kw"], rtol=1e-9)
    rows = results.settlement
    supply = rows[(rows["kind"].astype(str) == "balancing") & (rows["debit"].astype(str) == "external supplier")]
    # the operator bought 17 kW too much of losses for an hour; the motor's 500 kW would be some 50 EUR
    assert supply["quanta"].sum() * results.manifest.rules["electricity"].eur < 5.0
