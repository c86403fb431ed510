"""The lowest supply temperature and the thermostatic bypass, against closed forms and in any network."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.service import BYPASS_BAND_K

HEAT_CAPACITY = 4.185
START = pd.Timestamp("2026-01-13")


def street(**house):
    """Return a plant, a junction, and two houses; the first house as given."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=75.0)
    graph.add_node("j")
    graph.add_node("a", kind="substation", **house)
    graph.add_node("b", kind="substation")
    for ends, length, diameter in ((("plant", "j"), 300.0, 0.06), (("j", "a"), 60.0, 0.02), (("j", "b"), 40.0, 0.02)):
        pipe = Pipe(length, diameter, 0.003, insulation_thickness_m=0.03)
        graph.add_edge(*ends, pipe=pipe)
    return HeatNetwork.from_graph(graph)


def plain(**house):
    """Return a plant and a house behind a pipe without wall and without loss, 31.4 kg of water."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=70.0)
    graph.add_node("a", kind="substation", **house)
    pipe = Pipe(100.0, 0.02, 0.0, insulation_thickness_m=0.0, soil_resistance=1e9)
    graph.add_edge("plant", "a", pipe=pipe)
    return HeatNetwork.from_graph(graph)


def test_a_cold_plug_passes_first_and_gives_nothing():
    """The branch holds M at 45 degC, the plant gives 70: of a flow m the part after M / m is of use.

    Q = c (70 - 40) (m - M / dt), hence m = Q / (c 30) + M / dt; the plug comes back as it is.
    """
    network = plain(min_supply_c=60.0)
    held = network.layout().mass_kg[0]
    step = network.start((45.0, 40.0)).step(600.0, heat_demand_kw=3.0, return_temperature_c=40.0)
    c = network.fluid.heat_capacity / 1000.0
    flow = 3.0 / (c * 30.0) + held / 600.0
    assert step.heat_kw[0] == pytest.approx(3.0, rel=1e-9)
    assert step.unserved_kw[0] == 0.0
    assert step.mass_flow_kg_s[0] == pytest.approx(flow, rel=0.03)


def test_what_is_too_cold_for_the_whole_step_is_unserved():
    """A valve of 0.04 kg/s moves 24 kg of the 31 in ten minutes: nothing of use arrives, all of it in the next step."""
    network = plain(min_supply_c=60.0, max_mass_flow_kg_s=0.04)
    sim = network.start((45.0, 40.0))
    first = sim.step(600.0, heat_demand_kw=3.0, return_temperature_c=40.0)
    assert first.heat_kw[0] == 0.0
    assert first.unserved_kw[0] == pytest.approx(3.0)
    assert first.mass_flow_kg_s[0] == pytest.approx(0.04)
    second = sim.step(600.0, heat_demand_kw=3.0, return_temperature_c=40.0)
    assert second.unserved_kw[0] == 0.0
    assert abs(first.residual_kw) + abs(second.residual_kw) < 1e-9


def test_a_supply_below_the_minimum_serves_nobody_who_minds():
    run = street(min_supply_c=60.0).simulate(
        START, START + pd.Timedelta(hours=6), heat_demand_kw={"a": 3.0, "b": 8.0}, return_temperature_c=40.0,
        supply_temperature_c=58.0, initial_c=(58.0, 40.0),
    )  # fmt: skip
    assert (run.heat_kw["a"] == 0.0).all()
    assert np.allclose(run.unserved_kw["a"], 3.0)
    assert np.allclose(run.heat_kw["b"].iloc[4:], 8.0)
    assert run.balance_error.max() < 1e-9


def test_the_minimum_does_not_touch_a_measured_flow_nor_warm_water():
    measured = [
        street(min_supply_c=least).start((50.0, 30.0)).step(900.0, None, 40.0, 55.0, mass_flow_kg_s=[0.05, 0.1])
        for least in (0.0, 60.0)
    ]
    warm = [street(min_supply_c=least).start((75.0, 40.0)).step(900.0, [8.0, 8.0], 40.0, 75.0) for least in (0.0, 60.0)]
    for without, having in (measured, warm):
        assert np.array_equal(without.heat_kw, having.heat_kw)
        assert np.array_equal(without.supply_c, having.supply_c)


def test_an_exchanger_uses_only_what_is_warm_enough():
    """As long as the plug passes nothing is exchanged; the rest of the step yields ε C (T - T2) for its share."""
    heating = Exchanger.design(20.0, 70.0, 40.0, 60.0, 35.0)
    network = plain(min_supply_c=60.0, heating=heating, max_mass_flow_kg_s=0.1)
    sim = network.start((45.0, 40.0))
    step = sim.step(600.0, heat_demand_kw=20.0)
    held = sim.layout.mass_kg[0]
    share = 1.0 - held / (0.1 * 600.0)
    wide = plain(heating=heating, max_mass_flow_kg_s=0.1).start((70.0, 40.0)).step(600.0, heat_demand_kw=20.0 / share)
    assert step.mass_flow_kg_s[0] == pytest.approx(0.1)
    assert step.heat_kw[0] == pytest.approx(share * wide.heat_kw[0], rel=1e-6)
    assert step.heat_kw[0] + step.unserved_kw[0] == pytest.approx(20.0)


def test_a_market_takes_the_minimum_as_a_limit():
    network = street(min_supply_c=60.0)
    heat = HeatDelivery(network, supply_temperature=58.0, return_temperature_c=40.0)
    state = heat.deliver(0, np.array([12.0, -3.0, -8.0, 0.0]))
    assert state.injection_kw[1] == pytest.approx(-3.0)
    assert any(v.limit == "substation a warmth" for v in state.violations)


def test_a_bypass_keeps_a_dead_end_warm_and_costs_the_loss():
    """Without demand the supply stays within the valve's band; without it the branch cools to the ground."""
    end = START + pd.Timedelta(hours=24)
    forcing = {"heat_demand_kw": {"a": 0.0, "b": 10.0}, "return_temperature_c": 40.0, "initial_c": (70.0, 40.0)}
    houses = ({}, {"bypass_supply_c": 58.0, "bypass_kg_s": 0.05})
    runs = [street(**house).simulate(START, end, **forcing) for house in houses]
    assert runs[0].supply_c["a"].iloc[-1] < 20.0
    kept = runs[1].supply_c["a"].iloc[40:]
    assert kept.min() > 58.0 - BYPASS_BAND_K
    assert kept.max() < 58.5
    assert (runs[1].bypass_kg_s["a"].iloc[40:] < 0.04).all()
    assert (runs[1].bypass_kg_s["b"] == 0.0).all()
    assert np.allclose(runs[1].bypass_kg_s["a"], runs[1].mass_flow_kg_s["a"])
    assert runs[1].loss_kw.iloc[-1] > runs[0].loss_kw.iloc[-1] + 0.3
    assert (runs[1].heat_kw["a"] == 0.0).all()
    assert max(run.balance_error.max() for run in runs) < 1e-9


def test_the_valve_stands_where_its_band_says():
    sim = street(bypass_supply_c=60.0, bypass_kg_s=0.05).start((55.0, 40.0))
    for _ in range(20):
        step = sim.step(900.0, [0.0, 10.0], 40.0, 75.0)
        opening = np.clip((60.0 - step.supply_c[2]) / BYPASS_BAND_K, 0.0, 1.0)
        assert step.bypass_kg_s[0] == pytest.approx(0.05 * opening, abs=0.05 * 0.06)


def test_a_morning_draw_finds_warm_water_only_behind_a_bypass():
    night, least = [0.0, 10.0], {"min_supply_c": 55.0, "max_mass_flow_kg_s": 0.03}
    for house, served in ((least, False), (least | {"bypass_supply_c": 58.0, "bypass_kg_s": 0.02}, True)):
        sim = street(**house).start((70.0, 40.0))
        for _ in range(40):
            sim.step(900.0, night, 40.0, 75.0)
        morning = sim.step(300.0, [2.0, 10.0], 40.0, 75.0)
        assert bool(morning.unserved_kw[0] == 0.0) is served


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(1.0, 3600.0), st.floats(0.0, 25.0), st.floats(0.0, 25.0), st.floats(45.0, 90.0)),
        min_size=1, max_size=8,
    ),
    st.floats(0.0, 80.0), st.floats(0.0, 80.0), st.floats(0.0, 0.1),
)  # fmt: skip
def test_energy_closes_and_nothing_is_hidden(steps, least, kept, flow):
    network = street(min_supply_c=least, bypass_supply_c=kept, bypass_kg_s=flow)
    sim = network.start((60.0, 40.0))
    for dt, a, b, supply in steps:
        step = sim.step(dt, [a, b], 40.0, supply)
        assert np.allclose(step.heat_kw + step.unserved_kw, [a, b], atol=1e-9)
        assert (step.heat_kw >= 0.0).all()
        assert (step.bypass_kg_s <= step.mass_flow_kg_s + 1e-12).all()
        assert abs(step.residual_kw) <= 1e-9 * max(step.plant_kw, abs(step.stored_kw), 1e-3) + 1e-6 / dt


def test_columns_of_a_folder_and_what_is_no_number(tmp_path):
    (tmp_path / "nodes.csv").write_text("name,kind\np,plant\nh,substation\n")
    (tmp_path / "pipes.csv").write_text("name,from_node,to_node,length_m,catalogue\nx,p,h,50,DN25\n")
    (tmp_path / "plants.csv").write_text("node\np\n")
    file = tmp_path / "substations.csv"
    file.write_text("node,min_supply_c,bypass_supply_c,bypass_kg_s\nh,52.5,56,0.01\n")
    house = HeatNetwork.from_csv(tmp_path).substations[0]
    assert (house.min_supply_c, house.bypass_supply_c, house.bypass_kg_s) == (52.5, 56.0, 0.01)
    network = HeatNetwork.from_csv(tmp_path)
    with pytest.raises(InputError, match="bypass_kg_s"):
        replace(network, substations=(replace(house, bypass_kg_s=-0.1),))
