"""Pipes that close, pumps that stop or are too weak, networks that fall in two."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import InputError, NetworkDataError
from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork, Pipe, Pump


def street(**main):
    """Two plants at the ends of a street of three houses."""
    graph = nx.Graph()
    graph.add_node("west", kind="plant", max_supply_c=90.0, **main)
    graph.add_node("east", kind="plant", max_supply_c=90.0)
    before = "west"
    for house in ("a", "b", "c"):
        graph.add_node(house, kind="substation", design_heat_kw=60.0)
        graph.add_edge(before, house, pipe=Pipe(80.0, 0.05), name=f"{before}-{house}")
        before = house
    graph.add_edge("c", "east", pipe=Pipe(80.0, 0.05), name="c-east")
    return HeatNetwork.from_graph(graph)


def run(sim, steps=8, kw=30.0):
    for _ in range(steps):
        step = sim.step(900.0, kw, 40.0, 75.0)
        assert np.isfinite(step.supply_c).all()
        assert np.isfinite(step.return_c).all()
        assert abs(step.residual_kw) < 1e-9 * max(step.plant_kw, step.loss_kw, 1.0)
        assert step.heat_kw + step.unserved_kw == pytest.approx(kw, rel=1e-9)
    return step


def test_a_split_network_is_two_with_a_plant_each():
    sim = street().start(60.0)
    assert run(sim).plants_kg_s[1] == 0.0
    sim.change(closed=["b-c"])
    split = run(sim)
    assert split.pipe_flow_kg_s[sim.network.pipes.index("b-c")] == 0.0
    assert (split.plants_kg_s > 0.0).all()
    assert split.unserved_kw == pytest.approx(0.0, abs=0.1)
    assert sum(split.plants_kg_s) == pytest.approx(sum(split.mass_flow_kg_s))
    sim.change()
    assert run(sim).plants_kg_s[1] == 0.0


def test_what_no_plant_reaches_stands_still_cools_and_is_unserved():
    sim = street().start(60.0)
    run(sim)
    sim.change(closed=["a-b"], stopped=["east"])
    dead = run(sim)
    assert dead.mass_flow_kg_s[1:] == pytest.approx([0.0, 0.0])
    assert dead.unserved_kw[1:] == pytest.approx([30.0, 30.0])
    assert dead.heat_kw[0] == pytest.approx(30.0)
    assert run(sim).supply_c[3] < dead.supply_c[3]


def test_with_every_pump_off_all_is_unserved():
    sim = street().start(60.0)
    sim.change(stopped=["west", "east"])
    off = run(sim)
    assert off.unserved_kw == pytest.approx(30.0)
    assert off.plant_kw == 0.0
    sim.change(stopped=["west"])
    assert run(sim).plants_kg_s[1] > 0.0


def test_a_saved_state_knows_what_was_shut():
    sim = street().start(60.0)
    sim.change(closed=["b-c"])
    run(sim)
    saved = sim.save()
    first = run(sim, 1)
    sim.change(stopped=["west"])
    run(sim, 1)
    sim.restore(saved)
    assert (sim.closed, sim.stopped) == (("b-c",), ())
    assert (run(sim, 1).supply_c == first.supply_c).all()


def test_unknown_names_are_refused_with_the_nearest_known_one():
    sim = street().start(60.0)
    with pytest.raises(NetworkDataError, match=r'b_c[\s\S]*"b-c"[\s\S]*wset'):
        sim.change(closed=["b_c"], stopped=["wset"])
    assert sim.closed == ()


def test_delivery_restores_what_was_shut():
    heat = HeatDelivery(street())
    rates = np.array([90.0, 0.0, -30.0, -30.0, -30.0, 0.0])
    heat.deliver(0, rates)
    saved = heat.save()
    heat.change(closed=["a-b"], stopped=["east"])
    cut = heat.deliver(1, rates)
    assert cut.unserved_kw[3:5] == pytest.approx([30.0, 30.0])
    assert heat.headroom([2], rates[None])[0].capacity_kw(0, 4) == pytest.approx(0.0, abs=1e-6)
    heat.restore(saved)
    assert heat.out_of_service == ((), ())
    assert heat.deliver(1, rates).unserved_kw.sum() == pytest.approx(0.0, abs=0.1)


def test_the_head_is_what_the_worst_substation_needs():
    network = street(pump=Pump(200_000.0, 1000.0, 0.7, 1.2))
    step = run(network.start(60.0))
    along = [network.pipes.index(name) for name in ("west-a", "a-b", "b-c")]
    drops = 2.0 * np.cumsum(step.pressure_drop_pa[along])
    assert step.pump_head_pa == pytest.approx(drops[-1])
    assert step.differential_pa == pytest.approx(drops[-1] - drops, abs=1e-6)
    flow = step.plants_kg_s[0]
    speed = np.sqrt((drops[-1] + 1000.0 * flow**2) / 200_000.0)
    x = flow / (1.2 * speed)
    power = flow * drops[-1] / (983.2 * 0.7 * max(x * (2.0 - x), 0.1))
    assert step.pumps_kw[0] == pytest.approx(power / 1000.0)


def test_a_fixed_pump_leaves_more_than_needed():
    pump = Pump(200_000.0, 1000.0, control="fixed")
    step = run(street(pump=pump).start(60.0))
    flow = step.plants_kg_s[0]
    assert step.plants_head_pa[0] == pytest.approx(200_000.0 - 1000.0 * flow**2)
    assert step.differential_pa[-1] == pytest.approx(step.plants_head_pa[0] - step.pump_head_pa)


def test_a_weak_pump_starves_the_end_of_the_street_and_says_so():
    strong = run(street().start(60.0))
    weak = run(street(pump=Pump(0.5 * strong.pump_head_pa)).start(60.0))
    assert weak.pump_head_pa <= 0.5 * strong.pump_head_pa * 1.002
    assert weak.unserved_kw[0] == pytest.approx(0.0, abs=0.1)
    assert weak.unserved_kw[2] > weak.unserved_kw[1] >= 0.0
    assert weak.unserved_kw[2] > 3.0


def test_a_pump_is_checked_all_at_once():
    with pytest.raises(InputError, match=r"shutoff_pa[\s\S]*efficiency[\s\S]*worst"):
        Pump(0.0, efficiency=1.5, control="wurst")


def test_a_run_with_changes_is_what_steps_with_changes_are():
    network, start = street(), pd.Timestamp("2026-01-13", tz="UTC")
    changes = {
        start + pd.Timedelta("2h"): {"closed": ["b-c"]},
        start + pd.Timedelta("3h"): {"closed": ["b-c"], "stopped": ["east"]},
        start + pd.Timedelta("4h"): {},
    }
    forcing = {"heat_demand_kw": 30.0, "return_temperature_c": 40.0, "supply_temperature_c": 75.0}
    found = network.simulate(start, start + pd.Timedelta("5h"), 1800.0, initial_c=60.0, changes=changes, **forcing)
    sim = network.start(60.0)
    for k in range(10):
        if k in (4, 6, 8):
            sim.change(**changes[start + k * pd.Timedelta("30min")])
        step = sim.step(1800.0, *forcing.values())
        assert found.supply_c.iloc[k].to_numpy() == pytest.approx(step.supply_c, abs=1e-9)
        assert found.unserved_kw.iloc[k].to_numpy() == pytest.approx(step.unserved_kw, abs=1e-9)
    assert (found.unserved_kw["c"] > 1.0).tolist() == [False] * 6 + [True] * 2 + [False] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"2026-01-13 02:00+00:00": {"closed": ["b-x"]}}, "b-x"),
        ({"2026-01-13 02:00+00:00": {"shut": ["b-c"]}}, "closed or stopped"),
        ({"2026-01-13 02:00": {"closed": ["b-c"]}}, "time zone"),
    ],
)
def test_changes_that_name_nothing_are_refused(changes, said):
    start = pd.Timestamp("2026-01-13", tz="UTC")
    with pytest.raises(NetworkDataError, match=said):
        street().simulate(start, start + pd.Timedelta("5h"), heat_demand_kw=30.0, changes=changes)
