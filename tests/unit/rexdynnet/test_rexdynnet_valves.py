"""Heat that water within the step can bring is brought, whatever the length of the step."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.rexdynnet import Emitter, Exchanger, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.ends import exchanger_table
from rexnet_grid.rexdynnet.exchanger import exchanged_w

HEATING = Exchanger.design(heat_kw=15, supply_c=75, return_c=42, secondary_supply_c=60, secondary_return_c=40)
KINDS = {
    "exchanger": {"heating": HEATING},
    "emitter": {"heating": HEATING, "emitter": Emitter(15, 60, 40)},
    "fixed return": {},
    "lowest supply": {"min_supply_c": 55.0},
}


def street(houses=5, max_heat_kw=np.inf, **substation):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", max_heat_kw=max_heat_kw)
    last = "plant"
    for k in range(houses):
        graph.add_node(f"house {k}", kind="substation", **substation)
        graph.add_edge(last, f"house {k}", pipe=catalogue_pipe("DN40", 40.0))
        last = f"house {k}"
    return HeatNetwork.from_graph(graph)


def woken(network, before_c):
    """Return a street that has drawn little at ``before_c`` for two hours."""
    sim = network.start((before_c, 35.0))
    for _ in range(8):
        sim.step(900.0, heat_demand_kw=2.0, supply_temperature_c=before_c)
    return sim


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before_c", [45.0, 55.0, 58.0])
@pytest.mark.parametrize("load_kw", [3.0, 10.0])
def test_warmer_water_serves_a_long_step(kind, before_c, load_kw):
    """A minute at a time little is missing until warm water has come, so hardly anything is in a quarter of an hour."""
    sim = woken(street(**KINDS[kind]), before_c)
    begin = sim.save()
    whole = sim.step(900.0, heat_demand_kw=load_kw, supply_temperature_c=75.0)
    sim.restore(begin)
    short = [sim.step(60.0, heat_demand_kw=load_kw, supply_temperature_c=75.0) for _ in range(15)]
    assert not whole.unsettled
    minutes_kw = np.mean([step.unserved_kw.sum() for step in short])
    assert whole.unserved_kw.sum() <= minutes_kw + 0.01 * 5 * load_kw
    assert minutes_kw < 0.08 * 5 * load_kw
    assert abs(whole.residual_kw) < 1e-9 * max(whole.plant_kw, 1.0)


def test_front_at_exchangers_is_gone_in_pieces():
    """The flow that would meet the mean need not be held for the whole step: in it valves close as the front passes."""
    sim = woken(street(**KINDS["exchanger"]), 45.0)
    begin = sim.save()
    whole = sim.step(900.0, heat_demand_kw=3.0, supply_temperature_c=75.0)
    after = sim.save()
    sim.restore(begin)
    short = [sim.step(60.0, heat_demand_kw=3.0, supply_temperature_c=75.0) for _ in range(15)]
    flow = np.mean([step.mass_flow_kg_s.sum() for step in short])
    assert whole.mass_flow_kg_s.sum() == pytest.approx(flow, rel=0.25)
    sim.restore(begin)
    again = sim.step(900.0, heat_demand_kw=3.0, supply_temperature_c=75.0)
    assert again.plant_kw == whole.plant_kw
    assert all(np.array_equal(a, b) for a, b in zip(after, sim.save(), strict=True))


@pytest.mark.parametrize("dt_s", [60.0, 300.0, 900.0, 3600.0])
def test_cool_night_is_served_in_steps_of_any_length(dt_s):
    """62 degC and 1 kW a house: the ends of the streets would fall below what their exchangers need."""
    network = street(houses=8, **KINDS["exchanger"])
    start = pd.Timestamp("2026-01-13 22:00")
    run = network.simulate(
        start,
        start + pd.Timedelta(hours=3),
        dt_s,
        heat_demand_kw=1.0,
        return_temperature_c=40.0,
        supply_temperature_c=62.0,
        initial_c=(75.0, 40.0),
    )
    assert run.unserved_kw.to_numpy().sum() * dt_s / 3600.0 < 0.01 * 24.0
    assert run.balance_error.abs().max() < 1e-9
    assert not run.unsettled.any()


def test_cold_network_wakes_up_in_one_step():
    """All is at 10 degC, below what is given back: more flow gives less until warm water has come."""
    sim = street().start(10.0)
    step = sim.step(900.0, heat_demand_kw=0.2, return_temperature_c=40.0, supply_temperature_c=75.0)
    assert step.unserved_kw.sum() < 0.01
    assert not step.unsettled


def test_heat_that_cannot_be_had_stays_unserved():
    """At 50 degC the house cannot be given 60: what is handed over is what the exchanger yields at the open valve."""
    network = street(houses=1, **KINDS["exchanger"])
    sim = network.start((50.0, 40.0))
    for _ in range(8):
        step = sim.step(900.0, heat_demand_kw=10.0, return_temperature_c=40.0, supply_temperature_c=50.0)
    house = 10e3 / (network.fluid.heat_capacity * 20.0)
    row = exchanger_table(network.substations)[0, 0]
    flow, at = step.mass_flow_kg_s[0], step.supply_c[1]
    yields = exchanged_w(row, flow, at, house, 40.0, network.fluid.heat_capacity) / 1000.0
    assert step.heat_kw[0] == pytest.approx(yields, rel=1e-2)
    assert step.heat_kw[0] + step.unserved_kw[0] == pytest.approx(10.0)
    assert step.unserved_kw[0] > 4.0


def test_overload_without_a_pump_stays_at_what_its_pipes_carry():
    """A rating of 30 kW, 33 kW asked for with a constant return: valves open, but the trunk does not run at 5 m/s."""
    network = street(max_heat_kw=30.0)
    sim = network.start((75.0, 40.0))
    for _ in range(40):
        step = sim.step(900.0, heat_demand_kw=6.6, return_temperature_c=40.0, supply_temperature_c=75.0)
    pipe = catalogue_pipe("DN40", 1.0)
    assert step.plants_kg_s[0] <= 3.0 * pipe.area_m2 * network.fluid.density * (1.0 + 1e-9)
    assert step.unserved_kw.sum() > 3.0
    assert step.plants_kw[0] == pytest.approx(30.0, rel=1e-3)
    assert step.pumps_kw[0] < 0.2 * step.delivered_kw
    assert abs(step.residual_kw) < 1e-9 * 30.0
    given = sim.step(900.0, mass_flow_kg_s=1.2, return_temperature_c=40.0, supply_temperature_c=75.0)
    assert given.mass_flow_kg_s == pytest.approx(1.2)


@pytest.mark.parametrize(("side_kg_s", "most_kg_s"), [(0.0, 0.0), (0.5, 0.5)])
def test_a_plant_that_gives_nothing_circulates_nothing_for_others(side_kg_s, most_kg_s):
    """The main plant's own pipe stays at 3 m/s whatever a side plant could circulate."""
    graph = nx.Graph()
    graph.add_nodes_from(["plant", "side"], kind="plant")
    graph.add_nodes_from(["a", "b"], kind="substation", max_mass_flow_kg_s=50.0)
    graph.add_edge("plant", "a", pipe=catalogue_pipe("DN40", 40.0))
    graph.add_edge("a", "b", pipe=catalogue_pipe("DN80", 40.0))
    graph.add_edge("b", "side", pipe=catalogue_pipe("DN80", 40.0))
    sim = HeatNetwork.from_graph(graph).start((75.0, 40.0))
    overload = {"heat_demand_kw": 2000.0, "return_temperature_c": 40.0, "plant_mass_flow_kg_s": [0.0, side_kg_s]}
    steps = [sim.step(900.0, **overload) for _ in range(8)]
    area = 0.25 * np.pi * sim.layout.diameter_m[0] ** 2
    for step in steps:
        assert step.pipe_flow_kg_s[0] / (sim.layout.fluid[0] * area) == pytest.approx(3.0, rel=1e-6)
        assert step.plants_kg_s[1] == pytest.approx(most_kg_s)
        assert step.unserved_kw.sum() > 3000.0


def test_a_side_plant_without_a_pump_is_held_to_what_it_circulates():
    """30 kg/s are asked of it, 17 m/s in its pipe."""
    graph = nx.Graph()
    graph.add_nodes_from(["plant", "side"], kind="plant")
    graph.add_node("a", kind="substation", max_mass_flow_kg_s=50.0)
    graph.add_edge("plant", "a", pipe=catalogue_pipe("DN80", 40.0))
    graph.add_edge("a", "side", pipe=catalogue_pipe("DN40", 40.0))
    sim = HeatNetwork.from_graph(graph).start((75.0, 40.0))
    overload = {"heat_demand_kw": 5000.0, "return_temperature_c": 40.0, "plant_mass_flow_kg_s": [0.0, 30.0]}
    steps = [sim.step(900.0, **overload) for _ in range(4)]
    velocity = np.abs(steps[-1].pipe_flow_kg_s) / (sim.layout.fluid[0] * 0.25 * np.pi * sim.layout.diameter_m**2)
    assert velocity == pytest.approx([3.0, 3.0], rel=1e-6)
    assert steps[-1].unserved_kw[0] > 0.0


@pytest.mark.parametrize("houses", [3, 7, 11, 23])
def test_cutting_flows_that_are_already_level_ends(houses):
    """In each round of an overload the flows come back at the level of the last one, to the last digit or beside it."""
    sim = street(houses, max_mass_flow_kg_s=5.0).start((75.0, 40.0))
    for k in range(12):
        step = sim.step(900.0, heat_demand_kw=(2000.0 + k / 7) / houses, return_temperature_c=40.0 - k / 9)
        assert abs(step.residual_kw) < 1e-9 * step.plant_kw
        assert step.unserved_kw.sum() > 0.0


def branched(seed):
    """Return houses behind exchangers on branches, their loads hour by hour and the supply, cool at night."""
    rng = np.random.default_rng(seed)
    houses = int(rng.integers(4, 10))
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    heating = Exchanger.design(heat_kw=20, supply_c=75, return_c=42, secondary_supply_c=58, secondary_return_c=38)
    names = ["plant"]
    for k in range(houses):
        graph.add_node(f"h{k}", kind="substation", heating=heating, emitter=Emitter(20, 60, 38))
        at = names[int(rng.integers(len(names)))] if k else "plant"
        size = str(rng.choice(["DN32", "DN40", "DN50"]))
        graph.add_edge(at, f"h{k}", pipe=catalogue_pipe(size, float(rng.uniform(20, 200))))
        names.append(f"h{k}")
    network = HeatNetwork.from_graph(graph)
    hours = pd.date_range("2026-01-13", periods=25, freq="h")
    loads = rng.choice([0.3, 1.0, 4.0, 9.0, 0.0], (25, houses), p=[0.2, 0.2, 0.3, 0.2, 0.1])
    supply = pd.Series(np.where((hours.hour >= 5) & (hours.hour < 22), 78.0, 66.0), hours)
    minutes = pd.date_range(hours[0], hours[-1], freq="min")
    loads = pd.DataFrame(loads, hours, list(network.substation_names)).reindex(minutes, method="ffill")
    return network, loads, supply.reindex(minutes, method="ffill")


@pytest.mark.parametrize("seed", [8, 12, 16])
def test_valves_behind_exchangers_do_not_stay_wide_open(seed):
    """66 degC at night, 58 wanted: exchangers take hardly more heat at a hundred times the flow, but pumps feel it."""
    network, loads, supply = branched(seed)
    asked, pumped = loads.iloc[:-1].to_numpy().sum() / 60.0, []
    for dt_s in (60.0, 300.0, 900.0):
        run = network.simulate(
            loads.index[0], loads.index[-1], dt_s,
            heat_demand_kw=loads, supply_temperature_c=supply, initial_c=(60.0, 40.0),
        )  # fmt: skip
        assert run.unserved_kw.to_numpy().sum() * dt_s / 3600.0 < 1e-3 * asked
        assert run.balance_error.max() < 1e-9
        pumped.append(run.pumps_kw.to_numpy().sum() * dt_s / 3600.0)
    assert max(pumped) < 3e-3 * asked
    assert max(pumped) - min(pumped) < 2e-3 * asked
