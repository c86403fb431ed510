"""A plant gives no more than its largest heat, and supplies only what it can."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import Emitter, Exchanger, HeatNetwork, Pump
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe
from rexnet_grid.rexdynnet.rating import BACK, TRIED

START = pd.Timestamp("2026-01-01")
TOLERANCE_KW = 0.01


def village(rng, rating_kw, plants=1):
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=rating_kw, pump=Pump(8e4, 500.0) if rng.random() < 0.5 else None)
    spots = ["p"]
    for k in range(int(rng.integers(2, 7))):
        coldest, widest = float(rng.choice([0.0, 50.0])), float(rng.choice([0.0, 0.3]))
        graph.add_node(f"h{k}", kind="substation", min_supply_c=coldest, max_mass_flow_kg_s=widest)
        pipe = catalogue_pipe(str(rng.choice(["DN25", "DN40", "DN50"])), float(rng.uniform(10.0, 300.0)))
        graph.add_edge(spots[int(rng.integers(len(spots)))], f"h{k}", pipe=pipe)
        spots.append(f"h{k}")
    if plants == 2:
        graph.add_node("q", kind="plant", max_heat_kw=0.3 * rating_kw)
        graph.add_edge("q", spots[-1], pipe=catalogue_pipe("DN32", 40.0))
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("seed", range(12))
def test_no_plant_gives_more_than_its_rating_whatever_comes_back(seed):
    """To 0.1 % or 10 W; and where heat is missing, the plant does give its rating."""
    rng = np.random.default_rng(seed)
    rating = float(rng.choice([0.0, 5.0, 30.0, 80.0]))
    network = village(rng, rating, plants=1 + seed % 2)
    ratings = np.array([p.max_heat_kw for p in network.plants])
    sim = network.start((70.0, float(rng.choice([30.0, 60.0]))))
    dt = float(rng.choice([10.0, 60.0, 300.0, 900.0, 3600.0]))
    for _ in range(25):
        houses = len(network.substations)
        wanted = np.where(rng.random(houses) < 0.3, 0.0, 10.0 ** rng.uniform(-1.0, 1.6, houses))
        step = sim.step(
            dt, heat_demand_kw=wanted, return_temperature_c=float(rng.choice([25.0, 45.0])), supply_temperature_c=80.0,
            plant_mass_flow_kg_s=None if len(ratings) == 1 else [0.0, 0.15],
        )  # fmt: skip
        close = np.maximum(1e-3 * ratings, TOLERANCE_KW)
        assert (step.plants_kw <= ratings + close + 1e-9).all()
        np.testing.assert_allclose(step.heat_kw + step.unserved_kw, wanted, rtol=1e-12)
        assert abs(step.residual_kw) <= 1e-9 * max(abs(step.plant_kw), step.delivered_kw, abs(step.loss_kw))
        if len(ratings) == 1 and dt <= 900.0 and step.plants_c[0] < 79.9:
            assert step.plant_kw >= rating - close[0]


@pytest.mark.parametrize("dt_s", [60.0, 900.0])
def test_a_swinging_return_does_not_lift_a_plant_above_its_rating(dt_s):
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=30.0)
    graph.add_node("h", kind="substation")
    graph.add_edge("p", "h", pipe=catalogue_pipe("DN32", 60.0))
    times = pd.date_range(START, periods=41, freq=pd.Timedelta(seconds=dt_s))
    back = pd.Series(np.where(np.arange(41) % 2, 45.0, 25.0), times)
    run = HeatNetwork.from_graph(graph).simulate(
        times[0], times[-1], dt_s, heat_demand_kw=40.0, return_temperature_c=back, supply_temperature_c=75.0
    )
    assert run.plant_kw.to_numpy().max() <= 30.0 * 1.001
    assert run.unserved_kw.to_numpy().max() > 5.0


def test_a_heat_pump_supplies_no_more_than_it_can_in_a_run_and_in_a_step():
    graph = nx.Graph()
    graph.add_node("p", kind="plant", supply_c=55.0, min_supply_c=40.0, max_supply_c=65.0)
    graph.add_node("h", kind="substation")
    graph.add_edge("p", "h", pipe=catalogue_pipe("DN32", 60.0))
    network = HeatNetwork.from_graph(graph)
    for asked, given in ((120.0, 65.0), (60.0, 60.0), (20.0, 40.0)):
        forced = {"heat_demand_kw": 5.0, "return_temperature_c": 30.0, "supply_temperature_c": asked}
        run = network.simulate(START, START + pd.Timedelta("1h"), **forced)
        assert run.supply_c["p"].iloc[-1] == pytest.approx(given)
        assert network.start(60.0).step(900.0, **forced).plants_c[0] == pytest.approx(given)
    graph.nodes["p"].pop("max_supply_c")
    free = HeatNetwork.from_graph(graph).start(60.0)
    assert free.step(900.0, heat_demand_kw=5.0, supply_temperature_c=120.0).plants_c[0] == pytest.approx(120.0)


def test_a_usual_temperature_outside_a_plants_limits_is_refused():
    graph = nx.Graph()
    graph.add_node("p", kind="plant", supply_c=75.0, max_supply_c=65.0)
    graph.add_node("h", kind="substation")
    graph.add_edge("p", "h", pipe=catalogue_pipe("DN32", 60.0))
    with pytest.raises(InputError, match=r"plant p, supply_c: got 75; .*55 to 65"):
        HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("dt_s", [300.0, 900.0, 3600.0])
def test_a_plant_asked_for_far_more_than_its_rating_gives_it_and_stays_warmer_than_what_comes_back(dt_s):
    """A house of 75 kW close behind a plant of 30 kW, with a return that swings: nothing gets colder than it was."""
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=30.0)
    graph.add_node("h", kind="substation")
    graph.add_edge("p", "h", pipe=catalogue_pipe("DN50", 9.0))
    sim = HeatNetwork.from_graph(graph).start((77.0, 29.0))
    for k in range(12):
        step = sim.step(
            dt_s, heat_demand_kw=75.0 if k % 4 else 3.0, return_temperature_c=(29.0, 44.0)[k % 2],
            supply_temperature_c=77.0, ground_c=10.0,
        )  # fmt: skip
        assert min(step.supply_c.min(), step.return_c.min()) >= 10.0
        assert 0.0 <= step.plant_kw <= 30.0 * 1.001
        assert abs(step.residual_kw) <= 1e-9 * max(step.plant_kw, step.delivered_kw, 1.0)
        if k % 4:
            assert step.plant_kw >= 30.0 * 0.999


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_plants_keep_their_ratings_together(seed):
    rng = np.random.default_rng(seed)
    graph = nx.Graph()
    for node, kind in (("p", "plant"), ("q", "plant"), ("a", "substation"), ("b", "substation")):
        graph.add_node(node, kind=kind, **({"max_heat_kw": 8.0} if kind == "plant" else {}))
    for ends in (("p", "a"), ("a", "b"), ("b", "q")):
        pipe = catalogue_pipe(str(rng.choice(["DN25", "DN40"])), float(round(10.0 ** rng.uniform(0.7, 2.3))))
        graph.add_edge(*ends, pipe=pipe)
    sim = HeatNetwork.from_graph(graph).start((75.0, 40.0))
    for _ in range(30):
        step = sim.step(
            float(rng.choice([300.0, 900.0, 3600.0])), heat_demand_kw=rng.choice([1.0, 6.0, 20.0], 2),
            return_temperature_c=float(rng.uniform(30.0, 45.0)), supply_temperature_c=75.0,
            plant_mass_flow_kg_s=[0.0, float(rng.choice([0.05, 0.2, 1.0]))],
        )  # fmt: skip
        assert step.plants_kw.max() <= 8.0 + TOLERANCE_KW + 1e-9
        assert min(step.supply_c.min(), step.return_c.min()) >= 9.0


def test_a_step_at_its_rating_takes_few_trials():
    """What comes back is expected as it came, not half-way to the coldest there is, and nothing is left unsettled."""
    rng = np.random.default_rng(3)
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=50.0)
    for k in range(8):
        graph.add_node(f"h{k}", kind="substation")
        graph.add_edge("p" if k == 0 else f"h{k - 1}", f"h{k}", pipe=catalogue_pipe("DN50", 60.0))
    sim = HeatNetwork.from_graph(graph).start((70.0, 40.0))
    retried = 0
    for _ in range(60):
        wanted = rng.uniform(4.0, 8.0, 8)
        sim._scratch.rating[:] = np.nan
        step = sim.step(900.0, heat_demand_kw=wanted, return_temperature_c=40.0, supply_temperature_c=75.0)
        back, tried = sim._scratch.rating[0, [BACK, TRIED]]
        if np.isfinite(tried):
            retried += 1
            assert abs(back - tried) < 1.0
        assert step.plant_kw <= 50.0 * 1.001 + 1e-9
        assert not step.unsettled
    assert retried >= 5


@pytest.mark.parametrize("seed", [1, 4, 7, 10])
def test_a_long_step_of_an_overload_serves_what_minutes_serve(seed):
    """Exchangers behind a plant at its rating: one step of 900 s finds the hours of each front as 15 of 60 s do."""
    rng = np.random.default_rng(seed)
    houses = int(rng.integers(4, 9))
    heating = Exchanger.design(heat_kw=20, supply_c=75, return_c=42, secondary_supply_c=58, secondary_return_c=38)
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat_kw=float(houses * 5.0 * rng.uniform(0.8, 1.2)))
    for k in range(houses):
        graph.add_node(f"h{k}", kind="substation", heating=heating, emitter=Emitter(20, 60, 38))
        pipe = catalogue_pipe(str(rng.choice(["DN32", "DN40", "DN50"])), float(rng.uniform(20.0, 120.0)))
        graph.add_edge("p" if k == 0 else f"h{int(rng.integers(k))}", f"h{k}", pipe=pipe)
    sim = HeatNetwork.from_graph(graph).start((70.0, 40.0))
    short = 0
    for wanted in np.repeat(rng.choice([0.3, 1, 4, 9, 14], (6, houses), p=[0.1, 0.2, 0.3, 0.2, 0.2]), 2, axis=0):
        before = sim.save()
        minutes = [sim.step(60.0, wanted, supply_temperature_c=75.0) for _ in range(15)]
        missing = np.mean([step.unserved_kw.sum() for step in minutes])
        sim.restore(before)
        step = sim.step(900.0, wanted, supply_temperature_c=75.0)
        short += missing > 0.01 * wanted.sum()
        assert abs(step.unserved_kw.sum() - missing) <= 0.05 * wanted.sum()
        assert abs(step.residual_kw) <= 1e-9 * max(step.plant_kw, step.delivered_kw)
    assert short >= 3
