"""Substations with exchangers: against closed forms, scipy, and the balance of the network they hang on."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_bvp
from scipy.optimize import brentq

from rexnet_grid.errors import InputError, NetworkDataError
from rexnet_grid.rexdynnet import Emitter, Exchanger, HeatNetwork, Pipe
from rexnet_grid.rexdynnet.emitters import FLOOR, log_mean
from rexnet_grid.rexdynnet.exchanger import WATER_J_KGK, effectiveness, exchanged_w, needed_flow
from rexnet_grid.rexdynnet.hotwater import stored_hot_water

HEATING = Exchanger.design(20.0, 75.0, 45.0, 60.0, 40.0)
HOT_WATER = Exchanger.design(35.0, 65.0, 25.0, 55.0, 10.0)


def test_the_design_point_is_met():
    flow, heat = needed_flow(HEATING.row(), 20e3, 75.0, 60.0, 40.0, 10.0, WATER_J_KGK)
    assert heat == pytest.approx(20e3)
    assert flow == pytest.approx(HEATING.primary_kg_s, rel=1e-9)
    assert 75.0 - heat / flow / WATER_J_KGK == pytest.approx(45.0, abs=1e-6)


def test_effectiveness_is_that_of_the_differential_equations():
    """Two streams in counter-flow, integrated as a boundary value problem."""
    units, ratio = 2.3, 0.6
    result = solve_bvp(
        lambda _, t: np.vstack((-units * (t[0] - t[1]), -units * ratio * (t[0] - t[1]))),
        lambda a, b: np.array([a[0] - 1.0, b[1]]),
        np.linspace(0.0, 1.0, 11),
        np.vstack((np.linspace(1.0, 0.2, 11), np.linspace(0.6, 0.0, 11))),
        tol=1e-10,
    )
    assert effectiveness(units, ratio) == pytest.approx(1.0 - result.y[0, -1], abs=1e-8)
    assert effectiveness(units, 1.0) == pytest.approx(units / (1.0 + units))
    assert effectiveness(units, 0.0) == pytest.approx(1.0 - np.exp(-units))


@settings(max_examples=200, deadline=None)
@given(
    heat=st.floats(100.0, 60e3),
    primary=st.floats(30.0, 110.0),
    back=st.floats(15.0, 45.0),
    spread=st.floats(3.0, 30.0),
    most=st.floats(0.02, 3.0),
)
def test_the_valve_finds_the_flow_or_opens(heat, primary, back, spread, most):
    row = HEATING.row()
    flow, given = needed_flow(row, heat, primary, back + spread, back, most, WATER_J_KGK)
    assert 0.0 <= flow <= most
    secondary = heat / (WATER_J_KGK * spread)
    assert exchanged_w(row, flow, primary, secondary, back, WATER_J_KGK) == pytest.approx(given, rel=1e-8, abs=1e-6)
    if flow < most:
        assert given == heat
    else:
        assert given <= heat
    if given > 0.0:
        assert primary - given / (flow * WATER_J_KGK) >= back - 1e-6


def test_impossible_exchangers_are_refused_with_every_reason():
    with pytest.raises(InputError, match=r"ua_kw_k[\s\S]*secondary_return_c"):
        Exchanger(-1.0, 1.0, 1.0, 40.0, 50.0)
    with pytest.raises(InputError, match=r"supply_c - secondary_supply_c"):
        Exchanger.design(10.0, 60.0, 40.0, 65.0, 35.0)


@pytest.mark.parametrize("exponent", [1.3, FLOOR])
def test_an_emitter_gives_back_what_its_load_needs(exponent):
    emitter = Emitter(10.0, 55.0, 45.0, 20.0, exponent)
    assert float(emitter.return_from(10.0, 55.0)) == pytest.approx(45.0, abs=1e-9)
    load = np.array([0.0, 0.5, 2.0, 5.0, 9.0])
    back = emitter.return_from(load, 55.0)
    np.testing.assert_allclose(emitter.heat_kw(55.0, back)[1:], load[1:], rtol=1e-9)
    by_hand = brentq(
        lambda t: 10.0 * (float(log_mean(35.0, t - 20.0)) / float(log_mean(35.0, 25.0))) ** exponent - 5.0, 20.01, 54.9
    )
    assert back[3] == pytest.approx(by_hand, abs=1e-8)
    assert (np.diff(back) > 0.0).all()
    assert float(emitter.return_from(40.0, 55.0)) == pytest.approx(55.0)


def street(**ends):
    pipe = Pipe(length_m=40.0, inner_diameter_m=0.025, wall_thickness_m=0.002, insulation_thickness_m=0.03)
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("corner", kind="junction")
    graph.add_edge("plant", "corner", pipe=pipe)
    for house in ("a", "b"):
        graph.add_node(house, kind="substation", max_mass_flow_kg_s=0.6, **(ends if house == "a" else {}))
        graph.add_edge("corner", house, pipe=pipe)
    return HeatNetwork.from_graph(graph)


def simulate(network, **forcing):
    return network.simulate(
        pd.Timestamp("2026-01-13"), pd.Timestamp("2026-01-13 06:00"), dt_s=900,
        **{"supply_temperature_c": 75.0, "initial_c": (75.0, 45.0), **forcing},
    )  # fmt: skip


def test_the_return_of_an_exchanger_follows_supply_and_load():
    network = street(heating=HEATING)
    full, part = (simulate(network, heat_demand_kw={"a": q, "b": 10.0}) for q in (20.0, 6.0))
    for run, heat in ((full, 20e3), (part, 6e3)):
        arrived = run.supply_c["a"].iloc[-1]
        flow, _ = needed_flow(HEATING.row(), heat, arrived, 60.0, 40.0, 0.6, network.fluid.heat_capacity)
        assert run.mass_flow_kg_s["a"].iloc[-1] == pytest.approx(flow, rel=5e-3)
        np.testing.assert_allclose(run.heat_kw["a"], heat / 1e3, rtol=1e-9)
        assert run.unserved_kw.to_numpy().max() == 0.0
        assert run.balance_error.max() < 1e-9
    assert part.return_c["a"].iloc[-1] < full.return_c["a"].iloc[-1] - 1.0


def test_too_cold_a_supply_is_said_as_unserved_heat():
    network = street(heating=HEATING)
    run = simulate(network, heat_demand_kw=20.0, supply_temperature_c=50.0, initial_c=(50.0, 40.0))
    unserved, heat = run.unserved_kw["a"].iloc[-1], run.heat_kw["a"].iloc[-1]
    assert unserved > 5.0
    assert unserved + heat == pytest.approx(20.0)
    most = exchanged_w(
        HEATING.row(), 0.6, run.supply_c["a"].iloc[-1], 20e3 / (network.fluid.heat_capacity * 20.0), 40.0,
        network.fluid.heat_capacity,
    )  # fmt: skip
    assert heat * 1e3 == pytest.approx(most, rel=1e-6)
    assert run.balance_error.max() < 1e-9


def test_hot_water_goes_first_and_cools_the_return():
    network = street(heating=HEATING, hot_water=HOT_WATER)
    demand = {"a": 20.0, "b": 10.0}
    dry = simulate(network, heat_demand_kw=demand)
    wet = simulate(network, heat_demand_kw=demand, hot_water_kw={"a": 12.0, "b": 0.0})
    assert wet.return_c["a"].iloc[-1] < dry.return_c["a"].iloc[-1] - 5.0
    np.testing.assert_allclose(wet.heat_kw["a"], 20.0, rtol=1e-9)
    with pytest.raises(NetworkDataError, match="hot_water_kw"):
        simulate(network, heat_demand_kw=5.0, hot_water_kw=6.0)


def test_radiators_lower_the_return_at_part_load():
    emitter = Emitter(20.0, 60.0, 40.0, 20.0)
    network = street(heating=HEATING, emitter=emitter)
    by_load = simulate(network, heat_demand_kw={"a": 8.0, "b": 5.0})
    fixed = simulate(street(heating=HEATING), heat_demand_kw={"a": 8.0, "b": 5.0})
    assert by_load.return_c["a"].iloc[-1] < fixed.return_c["a"].iloc[-1] - 5.0
    sim = network.start(initial_c=(75.0, 45.0))
    for _ in range(24):
        step = sim.step(900.0, heat_demand_kw=[8.0, 5.0], supply_temperature_c=75.0)
    a = network.nodes.index("a")
    assert step.return_c[a] == pytest.approx(by_load.return_c["a"].iloc[-1], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), capacity=st.floats(1.0, 50.0), charge=st.floats(1.0, 40.0))
def test_a_hot_water_store_keeps_its_energy(seed, capacity, charge):
    drawn = np.random.default_rng(seed).exponential(0.5, 96)
    store = stored_hot_water(drawn, capacity, charge, 0.25)
    before = np.concatenate(([capacity], store.stored_kwh[:-1]))
    np.testing.assert_allclose(0.25 * store.load_kw, drawn - store.unmet_kwh + store.stored_kwh - before, atol=1e-9)
    assert store.load_kw.max() <= charge + 1e-9
    assert (store.stored_kwh >= 0.0).all()
    assert store.stored_kwh.max() <= capacity + 1e-9
    assert ((store.unmet_kwh == 0.0) | (store.stored_kwh == 0.0)).all()


def test_a_store_takes_the_peak_off_and_refuses_nonsense():
    drawn = np.zeros(96)
    drawn[30] = 5.0
    store = stored_hot_water(drawn, 8.0, 4.0, 0.25)
    assert store.load_kw.max() == 4.0
    assert store.load_kw.sum() * 0.25 == pytest.approx(5.0)
    assert store.unmet_kwh.sum() == 0.0
    with pytest.raises(InputError, match=r"capacity_kwh[\s\S]*drawn_kwh"):
        stored_hot_water([1.0, -1.0], 0.0, 4.0, 0.25)


def measured_at(station, flow, heat=None, supply_c=75.0, **hot):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=75.0)
    graph.add_node("house", kind="substation", **station)
    graph.add_edge("plant", "house", pipe=Pipe(10.0, 0.05))
    sim = HeatNetwork.from_graph(graph).start((75.0, 45.0))
    for _ in range(6):
        step = sim.step(900.0, heat, None, supply_c, mass_flow_kg_s=flow, **hot)
    return step


@pytest.mark.parametrize(
    ("station", "hot"),
    [
        ({"heating": HEATING}, {}),
        ({"hot_water": HOT_WATER}, {}),
        ({"heating": HEATING, "hot_water": HOT_WATER}, {"hot_water_kw": 8.0}),
    ],
)
@pytest.mark.parametrize("heat", [10.0, 20.0])
def test_a_measured_flow_brings_the_heat_for_which_the_valve_would_let_it_through(station, hot, heat):
    asked = measured_at(station, None, heat, **hot)
    again = measured_at(station, asked.mass_flow_kg_s, **hot)
    assert again.heat_kw[0] == pytest.approx(heat, rel=1e-4)
    assert again.return_c[1] == pytest.approx(asked.return_c[1], abs=0.01)


def test_an_exchanger_bounds_what_a_measured_flow_hands_over():
    """Two kg/s through an exchanger for 0.16 come back hot; the house's own 40 degC would be 293 kW."""
    station = {"heating": HEATING}
    flows = [measured_at(station, flow) for flow in (0.05, 0.16, 0.5, 2.0)]
    assert np.all(np.diff([step.heat_kw[0] for step in flows]) > 0.0)
    assert np.all(np.diff([step.return_c[1] for step in flows]) > 0.0)
    given = measured_at(station, 2.0, 20.0)
    assert given.heat_kw[0] == pytest.approx(20.0)
    assert given.return_c[1] > 70.0
    short = measured_at(station, 0.05, 20.0)
    assert short.heat_kw[0] + short.unserved_kw[0] == pytest.approx(20.0)
    assert short.return_c[1] > 40.0
    assert short.unserved_kw[0] > 12.0
    cool = measured_at(station, 0.16, supply_c=55.0)
    assert 0.0 < cool.heat_kw[0] < 20.0
    assert 40.0 < cool.return_c[1] < 55.0
    assert measured_at(station, 0.16, supply_c=35.0).heat_kw[0] == 0.0
