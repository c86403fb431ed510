import pickle
import re
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.errors import InputError, NetworkDataError
from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatLimits, HeatNetwork, Pipe, SupplyCurve
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

UNITS = range(8)


@pytest.fixture(scope="module")
def network(root):
    return HeatNetwork.from_csv(root / "networks" / "heat" / "destest")


@pytest.fixture
def heat(network):
    limits = HeatLimits(margin=0.02)
    return HeatDelivery(network, ground_c=10.0, supply_temperature=70.0, return_temperature_c=40.0, limits=limits)


def rates(plant_kw, each_kw=6.0):
    return np.array([plant_kw, *[-each_kw] * 16, 0.0])


def test_nodes_start_at_the_supply_node_and_columns_fit(heat):
    assert heat.nodes[0] == heat.supply_node == "i"
    assert len(heat.nodes) == 18
    state = heat.deliver(0, rates(102.0))
    for name, columns in heat.columns().items():
        assert state.arrays[name].shape == (len(columns),), name


def test_scheduled_heat_goes_in_and_energy_closes(heat):
    for unit in UNITS:
        state = heat.deliver(unit, rates(104.0))
        assert state.injection_kw[0] == pytest.approx(104.0, rel=3e-4)
        assert state.injection_kw[1:-1] == pytest.approx(-6.0, rel=1e-9)
        assert state.balance.residual_relative < 1e-9
        assert not state.violations


def test_more_heat_warms_the_pipes_until_the_limit_and_the_rest_is_not_put_in(heat):
    before = heat.deliver(0, rates(102.0)).arrays["plant_supply_c"][0]
    states = [heat.deliver(unit, rates(125.0)) for unit in UNITS]
    assert states[0].balance.stored_kw > 5.0
    assert states[-1].arrays["plant_supply_c"][0] == pytest.approx(85.0)
    assert before < 85.0
    assert states[-1].injection_kw[0] < 110.0


def test_too_little_heat_is_unserved_or_too_cold_and_said_so(heat):
    states = [heat.deliver(unit, rates(30.0, 15.0)) for unit in UNITS]
    assert states[-1].balance.residual_relative < 1e-9
    assert states[-1].injection_kw[0] > 30.0
    assert {v.kind for v in states[-1].violations} == {"heat"}
    over = heat.deliver(9, rates(400.0, 40.0))
    assert over.unserved_kw.sum() > 1.0
    assert (over.unserved_kw >= 0.0).all()
    asked = 40.0 * 16
    assert -over.injection_kw[1:].sum() + over.unserved_kw.sum() == pytest.approx(asked, rel=1e-9)


def test_predict_changes_nothing_and_restore_is_exact(heat):
    heat.deliver(0, rates(104.0))
    saved = pickle.loads(pickle.dumps(heat.save()))
    seen = heat.predict(1, rates(110.0))
    first = heat.deliver(1, rates(110.0))
    heat.restore(saved)
    again = heat.deliver(1, rates(110.0))
    for name in first.arrays:
        assert (first.arrays[name] == again.arrays[name]).all(), name
        assert (first.arrays[name] == seen.arrays[name]).all(), name


def test_headroom_stops_at_the_valve(heat):
    heat.deliver(0, rates(104.0))
    position = np.tile(rates(104.0), (4, 1))
    room = heat.headroom([1, 2, 3, 4], position)[0]
    kw = room.capacity_kw(0, 1)
    assert 10.0 < kw < 40.0
    more = rates(104.0)
    more[1] -= kw
    more[0] += kw
    assert heat.predict(1, more).unserved_kw.sum() == pytest.approx(0.0, abs=0.05)
    more[1] -= 6.0
    assert heat.predict(1, more).unserved_kw[1] > 3.0


def test_a_unit_of_an_hour_tells_the_largest_head_of_its_quarters(network):
    """Cold water at first is drawn faster: what flows then is what the pump has to lift."""
    heads = []
    for minutes, units in ((15, 4), (60, 1)):
        heat = HeatDelivery(network, minutes, supply_temperature=55.0, return_temperature_c=40.0, ground_c=10.0)
        states = [
            heat.predict(0, rates(250.0, 12.0)),
            *(heat.deliver(unit, rates(250.0, 12.0)) for unit in range(units)),
        ]
        heads.append([state.arrays["pump_head_pa"][0] for state in states[1:]])
    assert heads[0][0] > 1.01 * np.mean(heads[0])
    assert heads[1][0] == pytest.approx(max(heads[0]), rel=0.02)
    forcing = {"heat_demand_kw": 12.0, "return_temperature_c": 40.0, "supply_temperature_c": 75.0, "initial_c": 55.0}
    run, quarters = (network.simulate("2026-01-13", "2026-01-13 01:00", dt_s, **forcing) for dt_s in (3600.0, 900.0))
    assert run.pump_head_pa.iloc[0] == pytest.approx(quarters.pump_head_pa.max())
    assert run.pump_head_pa.iloc[0] > 1.01 * quarters.pump_head_pa.mean()
    assert run.plants_head_pa.iloc[0, 0] == pytest.approx(quarters.plants_head_pa.max().iloc[0])
    assert (run.differential_pa.iloc[0] == quarters.differential_pa.min()).all()


def test_linepack_band_holds_what_it_promises(heat):
    for unit in UNITS:
        heat.deliver(unit, rates(104.0))
    band = heat.linepack([8], rates(102.0)[None])
    assert band.lower_kw[0] < 0.0 < band.upper_kw[0]
    loss = heat.expected_loss_kw([8])[0]
    assert loss == pytest.approx(heat.predict(8, rates(102.0)).balance.loss_kw, rel=0.1)
    drawn = rates(96.0 + loss + 0.9 * band.lower_kw[0])
    state = heat.predict(8, drawn)
    assert state.injection_kw[0] == pytest.approx(drawn[0], rel=1e-3)
    assert not state.violations


def test_far_nodes_cost_more_loss(heat):
    heat.deliver(0, rates(104.0))
    signal = heat.signal([1, 2], np.tile(rates(104.0), (2, 1)))
    loss = dict(zip(heat.nodes, signal.marginal_loss[0], strict=True))
    assert loss["i"] == 0.0
    assert loss["SD1"] < loss["SD13"] < 0.0


def test_a_network_without_flow_cools(heat):
    state = heat.deliver(0, np.zeros(18))
    assert state.injection_kw[0] == 0.0
    assert state.balance.stored_kw == pytest.approx(-state.balance.loss_kw)
    assert np.isfinite(state.arrays["supply_c"]).all()


def test_rates_that_are_no_rates_are_refused(heat):
    with pytest.raises(InputError, match="rate at i: got nan; expected a finite number"):
        heat.deliver(0, np.full(18, np.nan))
    with pytest.raises(InputError, match=r"got shape \(17,\); expected shape \(18,\)"):
        heat.predict(0, np.zeros(17))
    for ask in (heat.headroom, heat.signal, heat.linepack):
        with pytest.raises(InputError, match="got inf; expected a finite number"):
            ask([0, 1], np.array([np.zeros(18), np.full(18, np.inf)]))


def test_the_linepack_is_traded_inside_its_band(heat):
    """The operator sells heat from the pipes to a substation until the network says that it is too cold for that."""
    for unit in UNITS:
        heat.deliver(unit, rates(104.0))
    store, sub = heat.nodes.index(heat.operator_node), heat.nodes.index("SD5")
    position = rates(102.0)
    room = heat.headroom([8], position[None])[0]
    kw = room.capacity_kw(store, sub)
    assert 0.5 < kw < room.capacity_kw(0, sub)
    assert room.capacity_kw(0, store) == pytest.approx(heat.linepack([8], position[None]).upper_kw[0])
    position[sub] -= kw
    state = heat.predict(8, position)
    assert not state.violations
    assert state.balance.stored_kw < heat.predict(8, rates(102.0)).balance.stored_kw - 0.8 * kw
    assert state.injection_kw[store] == 0.0


def test_looking_ahead_changes_nothing(heat):
    """Headroom rehearses the coming units and puts every bit of the water back; only the plan is new."""
    for unit in UNITS:
        heat.deliver(unit, rates(104.0, 6.0 + unit % 3))
    before = pickle.dumps(heat.save()[:2])
    position = np.tile(rates(104.0), (12, 1))
    heat.headroom(range(8, 20), position)
    heat.linepack(range(8, 20), position)
    heat.signal(range(8, 20), position)
    assert pickle.dumps(heat.save()[:2]) == before


def test_a_return_that_falls_with_the_cold_is_followed(network):
    curve = SupplyCurve((-10.0, 10.0), (50.0, 35.0))
    outdoor = np.linspace(-10.0, 10.0, 8)
    heat = HeatDelivery(network, outdoor_c=outdoor, supply_temperature=75.0, return_temperature_c=curve)
    first = heat.deliver(0, rates(104.0)).arrays["return_c"]
    for unit in UNITS:
        last = heat.deliver(unit, rates(104.0)).arrays["return_c"]
    column = heat.columns()["return_c"].index("SD1")
    assert first[column] > 45.0
    assert last[column] == pytest.approx(35.0, abs=1.0)


def test_exchangers_work_in_the_market_too(network):
    part = Exchanger.design(20.0, 70.0, 42.0, 60.0, 37.0)
    houses = tuple(replace(s, heating=part) for s in network.substations)
    heat = HeatDelivery(replace(network, substations=houses), supply_temperature=72.0)
    for unit in UNITS:
        state = heat.deliver(unit, rates(172.0, 10.0))
        assert state.balance.residual_relative < 1e-9
    back = state.arrays["return_c"][heat.columns()["return_c"].index("SD1")]
    assert 37.0 < back < 42.5
    heat.headroom([8], rates(165.0, 10.0)[None])
    assert heat.return_c[0] == pytest.approx(back, abs=1.0)
    assert state.unserved_kw.max() < 1e-6
    saved = heat.save()
    one = heat.deliver(8, rates(160.0, 10.0))
    heat.restore(saved)
    again = heat.deliver(8, rates(160.0, 10.0))
    np.testing.assert_array_equal(one.injection_kw, again.injection_kw)


def test_a_store_at_the_plant_takes_no_more_than_the_plant_makes(heat):
    state = heat.deliver(0, rates(-25.0, 2.0))
    assert state.unserved_kw[0] == pytest.approx(25.0)
    assert state.balance.residual_relative < 1e-9


def test_marginal_losses_are_those_of_the_full_model(network):
    """A tenth more at one substation, both in steady state by the full model: within 6 % of the signal."""
    heat = HeatDelivery(network, ground_c=10.0, supply_temperature=70.0, return_temperature_c=40.0)
    heat.deliver(0, rates(101.5))
    base = np.full(16, 6.0)
    signal = heat.signal([1], np.concatenate(([96.0], -base, [0.0]))[None])
    supply_c = heat._plant_c
    for sub in (0, 12):
        lost = []
        for extra in (0.0, 0.6):
            sim = network.start((supply_c, 40.0))
            demand = base + extra * (np.arange(16) == sub)
            for _ in range(40):
                step = sim.step(900.0, demand, 40.0, supply_c, 10.0)
            lost.append(step.loss_kw)
        assert -signal.marginal_loss[0, 1 + sub] == pytest.approx((lost[1] - lost[0]) / 0.6, rel=0.06)


def test_the_marginal_loss_of_a_side_plant_is_that_of_the_full_model():
    """A plant at the far end of a long street: a kilowatt more there, both in steady state, within 10 %."""
    graph = nx.Graph()
    graph.add_node("west", kind="plant", supply_c=70.0)
    graph.add_node("east", kind="plant", supply_c=70.0)
    for house in ("a", "b"):
        graph.add_node(house, kind="substation", design_heat_kw=60.0)
    for a, b, length in (("west", "a", 300.0), ("a", "b", 300.0), ("b", "east", 40.0)):
        graph.add_edge(a, b, pipe=Pipe(length, 0.05, insulation_thickness_m=0.02))
    network = HeatNetwork.from_graph(graph)
    heat = HeatDelivery(network, ground_c=10.0, supply_temperature=70.0, return_temperature_c=40.0)
    position = np.array([65.0, 25.0, -40.0, -40.0, 0.0])
    for unit in range(30):
        heat.deliver(unit, position)
    signal = heat.signal([30], position[None])
    supply_c, water = heat._plant_c, network.fluid.heat_capacity / 1000.0
    lost = []
    for extra in (-1.0, 1.0):
        sim = network.start((supply_c, 40.0))
        back = 40.0
        for _ in range(80):
            flow = (25.0 + extra) / (water * (70.0 - back))
            step = sim.step(900.0, 40.0, 40.0, [supply_c, 70.0], 10.0, plant_mass_flow_kg_s=[np.nan, flow])
            back = step.return_c[network.nodes.index("east")]
        lost.append(step.loss_kw)
    assert signal.marginal_loss[0, 0] == 0.0
    assert abs(lost[1] - lost[0]) > 0.02
    assert signal.marginal_loss[0, 1] == pytest.approx((lost[1] - lost[0]) / 2.0, rel=0.1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ground_c": float("nan")}, "ground_c.*finite"),
        ({"ground_c": -300.0}, "ground_c.*-300"),
        ({"outdoor_c": [0.0, float("inf")]}, "outdoor_c.*finite"),
        ({"supply_temperature": 190.0}, "supply_temperature.*190"),
        ({"return_temperature_c": -2.0}, "return_temperature_c.*-2"),
    ],
)
def test_temperatures_that_cannot_be_are_named(network, given, said):
    with pytest.raises(NetworkDataError, match=said):
        HeatDelivery(network, **given)


def test_standing_water_that_freezes_is_named_and_a_forecast_of_it_changes_nothing(network):
    heat = HeatDelivery(network, ground_c=-20.0, return_temperature_c=2.0)
    still = np.zeros(18)
    first = heat.deliver(0, still)
    assert np.isfinite(first.arrays["return_c"]).all()
    raised = None
    for _ in range(40):
        saved = heat.save()
        try:
            heat.predict(7, still)
        except NetworkDataError as error:
            raised = error
            break
        heat.deliver(7, still)
    assert re.match(r"destest: return water at \w+, unit 7: got -.*at least 0 degC", str(raised))
    after = heat.save()
    assert all(np.array_equal(a, b) for a, b in zip(after[0], saved[0], strict=True))
    assert after[1:] == saved[1:]


def test_the_chosen_head_bounds_what_flows_and_the_rest_is_unserved(root):
    """With less head than the flows need, a prediction says so and a delivery cuts those it does not reach."""
    network = HeatNetwork.from_csv(root / "networks" / "heat" / "destest")
    asked = rates(270.0, 16.0)
    wide, tight = (
        HeatDelivery(network, supply_temperature=75.0, limits=HeatLimits(max_pump_head_pa=most, consumer_pa=5e3))
        for most in (8e5, 2e4)
    )
    free = wide.deliver(0, asked)
    assert free.unserved_kw.sum() == 0.0
    needed = float(free.arrays["pump_head_pa"][0]) + 5e3
    assert needed > 2e4
    head = next(v for v in tight.predict(0, asked).violations if v.limit == "pump head")
    assert (head.value, head.bound) == (pytest.approx(needed), 2e4)
    cut = tight.deliver(0, asked)
    assert cut.arrays["pump_head_pa"][0] + 5e3 <= 2e4 * 1.002
    assert cut.unserved_kw.sum() > 1.0
    assert -cut.injection_kw[1:].sum() + cut.unserved_kw.sum() == pytest.approx(16.0 * 16, rel=1e-9)
    assert {v.limit.split()[-1] for v in cut.violations} == {"supply"}
    assert cut.balance.residual_relative < 1e-9


def test_a_network_at_rest_still_has_headroom(root):
    """Nothing flows yet: the pump's head is no reason to admit nothing, and what is admitted is delivered."""
    network = HeatNetwork.from_csv(root / "networks" / "heat" / "destest")
    heat = HeatDelivery(network, supply_temperature=75.0, limits=HeatLimits(max_pump_head_pa=6e4, margin=0.02))
    rows = heat.headroom([0], np.zeros((1, len(heat.nodes))))[0]
    assert "pump head" in rows.limits
    trade = rates(160.0, 10.0)
    assert (rows.coefficients @ trade <= rows.slack).all()
    assert not heat.predict(0, trade).violations


def test_a_side_plant_without_a_pump_is_admitted_what_it_moves_and_more_breaks_a_limit():
    """At 5 m/s allowed, a DN20 that holds 3 m/s: what it cannot move the main plant would silently take over."""
    graph = nx.Graph()
    for name, kind in (("P", "plant"), ("Q", "plant"), ("a", "substation"), ("b", "substation")):
        graph.add_node(name, kind=kind, **({"design_heat_kw": 300.0} if kind == "substation" else {}))
    for a, b, name, length in (("P", "a", "DN80", 60.0), ("a", "b", "DN80", 60.0), ("b", "Q", "DN20", 40.0)):
        graph.add_edge(a, b, pipe=catalogue_pipe(name, length))
    limits = HeatLimits(max_velocity_m_s=5.0, max_pump_head_pa=5e6, margin=0.02)
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), supply_temperature=80.0, return_temperature_c=40.0, limits=limits
    )
    base = np.array([381.0, 30.0, -200.0, -200.0, 0.0])
    for unit in range(4):
        heat.deliver(unit, base)
    head = heat.headroom([4], base[None, :])[0]
    slope = head.coefficients[:, 1] - head.coefficients[:, 0]
    rising = slope > 1e-12
    more = float((head.slack[rising] / slope[rising]).min())
    carried = heat.predict(4, base + more * np.array([-1.0, 1.0, 0.0, 0.0, 0.0]))
    assert not carried.violations
    assert carried.injection_kw[1] == pytest.approx(30.0 + more, rel=0.02)
    broken = heat.predict(4, base + 1.1 * more * np.array([-1.0, 1.0, 0.0, 0.0, 0.0]))
    assert [v.limit for v in broken.violations] == ["plant Q heat"]
    assert broken.violations[0].bound == pytest.approx(broken.injection_kw[1], rel=0.02)
    assert "plant Q heat" in head.limits
