"""Absolute pressures: what heights add, what friction takes, and where water boils."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork, Pipe, absolute_pressures, pressure_issues
from rexnet_grid.rexdynnet.pressure import GRAVITY_M_S2, KeptPressure, vapour_pressure_pa

START = pd.Timestamp("2026-01-13")


def hill(top_m):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=90.0)
    graph.add_node("valley", kind="junction", height_m=-12.0)
    graph.add_node("top", kind="substation", height_m=top_m, min_differential_pa=20_000.0)
    graph.add_edge("plant", "valley", pipe=Pipe(300.0, 0.05), name="down")
    graph.add_edge("top", "valley", pipe=Pipe(200.0, 0.04), name="up")
    return HeatNetwork.from_graph(graph)


def run_of(network, **forcing):
    given = {"heat_demand_kw": 60.0, "return_temperature_c": 45.0, "initial_c": (90.0, 45.0), **forcing}
    return network.simulate(START, START + pd.Timedelta(hours=1), **given)


def test_pressures_are_the_kept_one_with_friction_head_and_height():
    network = hill(25.0)
    run = run_of(network)
    found = absolute_pressures(network, run, 3e5)
    static = network.fluid.density * GRAVITY_M_S2 * np.array([0.0, -12.0, 25.0])
    down, up = run.pressure_drop_pa["down"].iloc[-1], -run.pressure_drop_pa["up"].iloc[-1]
    way = np.array([0.0, down, down + abs(up)])
    head = run.plants_head_pa["plant"].iloc[-1]
    assert np.allclose(found.return_pa.iloc[-1], 3e5 + way - static)
    assert np.allclose(found.supply_pa.iloc[-1], 3e5 + head - way - static)
    left = found.supply_pa["top"] - found.return_pa["top"]
    assert np.allclose(left, run.differential_pa["top"])
    assert found.supply_pa.attrs["unit"] == "Pa"


def test_water_boils_on_a_hill_that_is_too_high():
    """40 m of water take 3.9 bar: of 4 bar little is left at the top, and the water of 90 degC boils there."""
    flat, high = hill(0.0), hill(40.0)
    assert not pressure_issues(flat, absolute_pressures(flat, run_of(flat), 4e5))
    issues = pressure_issues(high, absolute_pressures(high, run_of(high), 4e5))
    assert any("return pressure at top" in issue.key for issue in issues)
    assert any("water at top" in issue.key for issue in issues)
    pressed = pressure_issues(flat, absolute_pressures(flat, run_of(flat), 4e5), highest_pa=4.5e5)
    assert {issue.key.split(" at ")[0] for issue in pressed} >= {"supply pressure"}


def ring():
    graph = nx.Graph()
    graph.add_node("p", kind="plant")
    graph.add_node("q", kind="plant")
    for node in ("a", "b"):
        graph.add_node(node, kind="substation", min_differential_pa=10_000.0)
    for a, b, long in (("p", "a", 400.0), ("p", "b", 300.0), ("a", "b", 400.0), ("b", "q", 50.0)):
        graph.add_edge(a, b, name=a + b, pipe=Pipe(long, 0.05))
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("shut", [{"closed": ["pa"]}, {"closed": ["pb"]}, {"closed": ["ab"]}, {"stopped": ["p"]}])
def test_pressures_go_the_ways_that_are_open(shut):
    network = ring()
    run = run_of(network, changes={START + pd.Timedelta(minutes=30): shut})
    found = absolute_pressures(network, run, 4e5)
    left = (found.supply_pa - found.return_pa)[list(network.substation_names)]
    assert np.allclose(left, run.differential_pa)
    assert np.allclose(found.return_pa["p"], 4e5)
    running = "q" if "stopped" in shut else "p"
    head = found.supply_pa[running] - found.return_pa[running]
    assert np.allclose(head.iloc[2:], run.plants_head_pa[running].iloc[2:])


def test_no_pressure_is_known_behind_a_shut_pipe():
    network = hill(5.0)
    found = absolute_pressures(network, run_of(network, changes={START: {"closed": ["up"]}}), 3e5)
    assert found.supply_pa["top"].isna().all()
    assert np.isfinite(found.supply_pa["valley"]).all()


def test_a_market_knows_the_pressure_beside_a_main_plant_that_stands():
    heat = HeatDelivery(ring(), supply_temperature=80.0, return_temperature_c=45.0, pressure=KeptPressure())
    heat.change(stopped=["p"])
    for unit in range(3):
        state = heat.deliver(unit, np.array([0.0, 100.0, -50.0, -50.0, 0.0]))
    lowest, highest = (state.arrays[f"{name}_pressure_pa"][0] for name in ("lowest", "highest"))
    assert 3.9e5 < lowest < 4e5 < 4.1e5 < highest  # the return runs from p to q, where it is lifted


def test_what_is_cut_off_has_no_pressure_of_the_plant():
    network = hill(5.0)
    run = run_of(network, changes={START: {"stopped": ["plant"]}})
    assert np.isfinite(absolute_pressures(network, run, 3e5).return_pa.to_numpy()).all()
    with pytest.raises(InputError, match="kept_pa"):
        absolute_pressures(network, run, -1.0)


@pytest.mark.parametrize(
    ("water_c", "pascal"), [(0.01, 611.66), (20.0, 2339.3), (60.0, 19946.0), (100.0, 101418.0), (150.0, 476160.0)]
)
def test_vapour_pressure_is_that_of_the_steam_tables(water_c, pascal):
    """IAPWS-95 saturation, as tabulated by the NIST Chemistry WebBook."""
    assert vapour_pressure_pa(water_c) == pytest.approx(pascal, rel=5e-4)


def test_heights_come_from_a_folder(tmp_path):
    (tmp_path / "nodes.csv").write_text("name,kind,height_m\np,plant,100\nh,substation,112.5\n")
    (tmp_path / "pipes.csv").write_text("name,from_node,to_node,length_m,catalogue\nx,p,h,50,DN25\n")
    (tmp_path / "plants.csv").write_text("node\np\n")
    (tmp_path / "substations.csv").write_text("node\nh\n")
    network = HeatNetwork.from_csv(tmp_path)
    run = run_of(network, heat_demand_kw=0.0)
    rise = absolute_pressures(network, run, 3e5).return_pa.iloc[-1]
    assert rise["p"] - rise["h"] == pytest.approx(network.fluid.density * GRAVITY_M_S2 * 12.5)


def test_a_market_tells_its_pressures_and_where_water_comes_near_boiling():
    """As for a run: what is kept, the chosen head, friction and height; a hill of 40 m leaves too little at its top."""
    for top_m, fine in ((5.0, True), (40.0, False)):
        network = hill(top_m)
        heat = HeatDelivery(
            network, supply_temperature=90.0, return_temperature_c=45.0, pressure=KeptPressure(kept_pa=4e5)
        )
        state = heat.deliver(0, np.array([60.0, -60.0, 0.0]))
        assert set(heat.columns()) == set(state.arrays)
        low, high, left = (
            float(state.arrays[name][0]) for name in ("lowest_pressure_pa", "highest_pressure_pa", "above_boiling_pa")
        )
        static = network.fluid.density * GRAVITY_M_S2 * np.array([-12.0, top_m])
        way = float(np.abs(state.arrays["pressure_drop_pa"]).sum())
        assert low == pytest.approx(4e5 + way - static[1], rel=1e-6)
        assert high > 4e5 - static[0]
        boiling = [v for v in state.violations if v.limit == "node top boiling"]
        assert bool(boiling) is not fine
        assert (left < 50_000.0) is not fine
        assert not heat.predict(1, np.array([60.0, -60.0, 0.0])).violations
    assert "above_boiling_pa" not in HeatDelivery(hill(0.0)).columns()
