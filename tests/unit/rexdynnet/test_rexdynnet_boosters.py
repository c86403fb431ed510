"""Booster pumps: closed forms on a line, a ring against its own hand solution, trips, pressures, files, the market."""

import csv
import json
import math
import shutil

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from rexnet_grid.errors import InputError, NetworkDataError
from rexnet_grid.resources import builtin_dir
from rexnet_grid.rexdynnet import Booster, HeatDelivery, HeatLimits, HeatNetwork, Pipe, Pump, absolute_pressures
from rexnet_grid.rexdynnet.pressure import KeptPressure

START = pd.Timestamp("2026-01-01", tz="UTC")
PIPE = Pipe(500.0, 0.08, minor_loss=3.0)
FLAT = Booster(Pump(50_000.0))
CURVED = Booster(Pump(50_000.0, 300.0, 0.7, 5.0), "supply", 100.0)


def lift(booster, m):
    """The head at full speed, as documented."""
    m = max(m, 0.0)
    return max(booster.pump.shutoff_pa - booster.fall_pa_s_kg * m - booster.pump.fall_pa_s2_kg2 * m * m, 0.0)


def friction(pipe, m, fluid):
    """Darcy-Weisbach with 64/Re, Haaland above Re 4000 and a straight line between, by hand [Pa]."""
    reynolds = abs(m) * pipe.inner_diameter_m / (pipe.area_m2 * fluid.viscosity)

    def haaland(re):
        return (-1.8 * math.log10((pipe.roughness_m / pipe.inner_diameter_m / 3.7) ** 1.11 + 6.9 / re)) ** -2

    if reynolds < 1e-6:
        return 0.0
    low, high = 64.0 / 2300.0, haaland(4000.0)
    f = 64.0 / reynolds if reynolds < 2300.0 else haaland(reynolds)
    if 2300.0 <= reynolds < 4000.0:
        f = low + (high - low) * (reynolds - 2300.0) / 1700.0
    loss = f * pipe.length_m / pipe.inner_diameter_m + pipe.minor_loss
    return loss * m * abs(m) / (2.0 * fluid.density * pipe.area_m2**2)


def line(booster, pump=None, **house):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", pump=pump)
    graph.add_node("middle", height_m=5.0)
    graph.add_node("house", kind="substation", **house)
    graph.add_edge("plant", "middle", pipe=PIPE, name="first")
    graph.add_edge("middle", "house", pipe=PIPE, name="second", booster=booster, from_node="middle")
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("flow", [0.5, 4.0, 12.5, 14.0])
@pytest.mark.parametrize("side", ["supply", "return", "both"])
def test_a_line_has_the_head_of_its_booster_less_to_lift(side, flow):
    """dp = R m|m| - h(m) on each side it stands on; at 12.5 kg/s the curve has ended, and water passes."""
    booster = Booster(CURVED.pump, side, CURVED.fall_pa_s_kg)
    network = line(booster)
    sim = network.start((80.0, 40.0))
    step = sim.step(900.0, None, 40.0, 80.0, mass_flow_kg_s=flow)
    drop, head = friction(PIPE, flow, network.fluid), lift(booster, flow)
    pumps = 2.0 if side == "both" else 1.0
    circuit = max(4.0 * drop - pumps * head, 0.0)
    assert step.pump_head_pa == pytest.approx(circuit, rel=1e-9)
    assert step.plants_head_pa[0] == pytest.approx(circuit, rel=1e-9)
    x = flow / (math.sqrt(1.0) * booster.pump.best_kg_s)
    efficiency = 0.7 * max(x * (2.0 - x), 0.1)
    wanted = pumps * flow * head / (network.fluid.density * efficiency) / 1000.0
    assert step.boosters_kw == pytest.approx([wanted], rel=1e-6, abs=1e-9)
    assert abs(step.residual_kw) <= 1e-9 * max(step.delivered_kw, 1.0)


@pytest.mark.parametrize("side", ["supply", "return"])
def test_the_pressure_rises_on_the_side_that_is_lifted(side):
    network = line(Booster(FLAT.pump, side))
    end = START + pd.Timedelta(hours=1)
    run = network.simulate(START, end, mass_flow_kg_s=4.0, heat_demand_kw=100.0, initial_c=70.0)
    drop = friction(PIPE, 4.0, network.fluid)
    static = network.fluid.density * 9.80665 * 5.0
    found = absolute_pressures(network, run, 400_000.0)
    head = 4.0 * drop - 50_000.0
    supply, back = found.supply_pa.iloc[-1], found.return_pa.iloc[-1]
    assert supply["middle"] == pytest.approx(400_000.0 + head - drop - static)
    assert back["middle"] == pytest.approx(400_000.0 + drop - static)
    at_supply, at_return = (50_000.0, 0.0) if side == "supply" else (0.0, 50_000.0)
    assert supply["house"] == pytest.approx(400_000.0 + head - 2.0 * drop + at_supply)
    assert back["house"] == pytest.approx(400_000.0 + 2.0 * drop - at_return)
    assert run.boosters_kw["second"].iloc[-1] == pytest.approx(4.0 * 50.0 / network.fluid.density / 0.6)
    assert run.balance_error.max() < 1e-9


def test_a_booster_serves_a_house_that_the_plants_pump_does_not_reach_until_it_trips():
    pump = Pump(60_000.0, 1_000.0)
    unserved = {}
    for name, booster in (("none", None), ("flat", FLAT)):
        sim = line(booster, pump, max_mass_flow_kg_s=6.0).start((80.0, 40.0))
        for _ in range(4):
            step = sim.step(900.0, 480.0, 40.0, 80.0)
        unserved[name] = step.unserved_kw[0]
    assert unserved["none"] > 100.0
    assert unserved["flat"] == pytest.approx(0.0, abs=1e-6)
    saved = sim.save()
    running = sim.step(900.0, 480.0, 40.0, 80.0)
    sim.change(stopped=["second"])
    assert sim.stopped == ("second",)
    for _ in range(4):
        off = sim.step(900.0, 480.0, 40.0, 80.0)
    assert off.mass_flow_kg_s[0] > 1.0
    assert off.unserved_kw[0] == pytest.approx(unserved["none"], rel=1e-3)
    assert off.boosters_kw == pytest.approx([0.0])
    sim.restore(saved)
    again = sim.step(900.0, 480.0, 40.0, 80.0)
    np.testing.assert_array_equal(again.supply_c, running.supply_c)
    assert again.boosters_kw == running.boosters_kw


def ring(booster):
    """A booster on the short way of a ring, the house in it, and one behind."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("house", kind="substation")
    graph.add_node("far", kind="substation")
    graph.add_edge("plant", "fork", pipe=PIPE, name="trunk")
    graph.add_edge("fork", "house", pipe=Pipe(300.0, 0.06), name="short", booster=booster, from_node="fork")
    graph.add_edge("fork", "corner", pipe=Pipe(200.0, 0.08), name="long 1", from_node="fork")
    graph.add_edge("corner", "house", pipe=Pipe(250.0, 0.08), name="long 2", from_node="corner")
    graph.add_edge("house", "far", pipe=Pipe(100.0, 0.05), name="end")
    return HeatNetwork.from_graph(graph)


@pytest.mark.parametrize("curve", [(15_000.0, 0.0, 0.0), (40_000.0, 900.0, 500.0)])
def test_a_ring_shares_the_flow_as_the_hand_solution_has_it(curve):
    booster = Booster(Pump(curve[0], curve[1]), "both", curve[2])
    network = ring(booster)
    pipe = {data["name"]: data["pipe"] for _, _, data in network.graph.edges(data=True)}
    total, fluid = 9.0, network.fluid

    def around(m):
        other = friction(pipe["long 1"], total - m, fluid) + friction(pipe["long 2"], total - m, fluid)
        return friction(pipe["short"], m, fluid) - lift(booster, m) - other

    by_hand = brentq(around, 0.0, total, xtol=1e-13)
    step = network.start((80.0, 40.0)).step(900.0, None, 40.0, 80.0, mass_flow_kg_s=[6.0, 3.0])
    flow = dict(zip(network.pipes, step.pipe_flow_kg_s, strict=True))
    drop = dict(zip(network.pipes, step.pressure_drop_pa, strict=True))
    assert flow["short"] == pytest.approx(by_hand, rel=1e-7)
    assert flow["long 1"] == pytest.approx(total - by_hand, rel=1e-7)
    assert drop["short"] == pytest.approx(drop["long 1"] + drop["long 2"], abs=1e-3)
    assert step.boosters_kw[0] == pytest.approx(2.0 * by_hand * lift(booster, by_hand) / fluid.density / 600.0)
    assert abs(step.residual_kw) <= 1e-9 * step.delivered_kw


def test_a_booster_in_a_ring_drives_no_water_in_a_circle():
    """At small draws full speed would short-circuit; it slows down until the long way just stands still."""
    booster = Booster(Pump(40_000.0, 900.0), "both")
    network = ring(booster)
    sim = network.start((80.0, 40.0))
    for total in (9.0, 1.5, 0.0, 0.3, 9.0):
        step = sim.step(900.0, None, 40.0, 80.0, mass_flow_kg_s=[total, 0.0])
        flow = dict(zip(network.pipes, step.pipe_flow_kg_s, strict=True))
        drop = dict(zip(network.pipes, step.pressure_drop_pa, strict=True))
        assert flow["long 1"] > -1e-5
        assert flow["short"] + flow["long 1"] == pytest.approx(total, abs=1e-9)
        assert drop["short"] == pytest.approx(drop["long 1"] + drop["long 2"], abs=1.0)
        assert abs(step.residual_kw) <= 1e-9 * max(abs(step.delivered_kw), abs(step.stored_kw), 1.0)
        if 0.0 < total < 2.0:
            assert flow["short"] == pytest.approx(total, rel=1e-3)
            assert 0.0 < step.boosters_kw[0] < 0.1
    assert flow["long 1"] > 0.5


def test_a_booster_that_cannot_be_is_named_with_everything_else():
    for given in ({"side": "left"}, {"fall_pa_s_kg": -1.0}, {"fall_pa_s_kg": math.nan}):
        with pytest.raises(InputError) as error:
            Booster(Pump(1e5), **given)
        assert error.value.issues[0].key == next(iter(given))
    with pytest.raises(NetworkDataError) as error:
        ring(FLAT)
    assert [(i.key, i.value) for i in error.value.issues] == [("pipe short, booster, side", "supply")]
    with pytest.raises(NetworkDataError, match=r"rexdynnet.Booster"):
        line(Pump(1e5))
    graph = nx.Graph(line(FLAT).graph)
    del graph.edges["middle", "house"]["from_node"]
    with pytest.raises(NetworkDataError, match="from_node"):
        HeatNetwork.from_graph(graph)
    with pytest.raises(NetworkDataError, match="plant or booster"):
        line(FLAT).start().change(stopped=["first"])


def test_boosters_come_from_csv(tmp_path):
    folder = tmp_path / "net"
    shutil.copytree(builtin_dir("networks") / "heat" / "destest", folder)
    with (folder / "pipes.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("booster_shutoff_pa", "booster_fall_pa_s2_kg2", "booster_fall_pa_s_kg", "booster_side")
    given = ("30000", "50", "10", "return")

    def write(values):
        made = [{**row, **dict.fromkeys(names, "")} for row in rows]
        made[1] |= dict(zip(names, values, strict=True))
        with (folder / "pipes.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, made[0].keys())
            writer.writeheader()
            writer.writerows(made)

    write(given)
    network = HeatNetwork.from_csv(folder)
    name = rows[1]["name"]
    assert network.booster_names == (name,)
    a, b = rows[1]["from_node"], rows[1]["to_node"]
    assert network.graph.edges[a, b]["booster"] == Booster(Pump(30_000.0, 50.0), "return", 10.0)
    write(("", "50", "10", "up"))
    with pytest.raises(NetworkDataError, match="booster_shutoff_pa"):
        HeatNetwork.from_csv(folder)
    write(("-5", "50", "10", "return"))
    with pytest.raises(NetworkDataError, match="booster_shutoff_pa"):
        HeatNetwork.from_csv(folder)


def pandapipes_pumps(path, *, turned=False):
    """Two consumers, a pump to the far one in the supply and one in its return; the figures are of pandapipes 0.16."""
    row = {"k_mm": 0.1, "u_w_per_m2k": 1.0}
    ways = [(0, 1, 0.8, 100.0), (2, 3, 0.6, 80.0), (4, 5, 0.6, 80.0), (6, 7, 0.8, 100.0)]
    types = {"P1": [-1.4862079898541393e-4, -0.012965678503487791, 6.1], "flat": [-2e-4, -1e-2, 1.5]}
    tables = {
        "junction": [{"tfluid_k": 350.0} for _ in range(8)],
        "pipe": [
            {"from_junction": a, "to_junction": b, "length_km": length, "inner_diameter_mm": wide} | row
            for a, b, length, wide in ways
        ],
        "circ_pump_pressure": [{"return_junction": 7, "flow_junction": 0, "t_flow_k": 353.15}],
        "pump": [
            {"from_junction": 1, "to_junction": 2, "std_type": "P1"},
            dict(
                zip(
                    ("to_junction", "from_junction") if turned else ("from_junction", "to_junction"),
                    (5, 6),
                    strict=True,
                )
            )
            | {"std_type": "flat"},
        ],
        "heat_consumer": [
            {"from_junction": a, "to_junction": b, "controlled_mdot_kg_per_s": m, "qext_w": q}
            for a, b, m, q in ((1, 6, 2.0, 250e3), (3, 4, 3.0, 400e3))
        ],
    }
    return pandapipes_file(path, types, tables)


def pandapipes_file(path, types, tables):
    held = {"std_types": {"pump": {k: {"_object": json.dumps({"reg_par": {"_object": v}})} for k, v in types.items()}}}
    for name, rows in tables.items():
        columns = sorted(rows[0])
        data = [[row.get(key) for key in columns] for row in rows]
        inside = json.dumps({"columns": columns, "index": list(range(len(rows))), "data": data})
        held[name] = {"_class": "DataFrame", "_object": inside}
    path.write_text(json.dumps({"_object": held}))
    return path


def test_pumps_of_a_pandapipes_file_lift_as_in_pandapipes(tmp_path):
    """Pressures of ``pipeflow`` (Colebrook, bidirectional) at the consumers and pumps, within 1 %."""
    network = HeatNetwork.from_pandapipes(pandapipes_pumps(tmp_path / "pumps.json"))
    assert network.booster_names == ("pump 0", "pipe 1")
    run = network.simulate(
        START, START + pd.Timedelta(hours=1), mass_flow_kg_s={"1": 2.0, "3": 3.0},
        heat_demand_kw={"1": 250.0, "3": 400.0}, initial_c="steady",
    )  # fmt: skip
    found = absolute_pressures(network, run, 400_000.0)
    supply, back = found.supply_pa.iloc[-1], found.return_pa.iloc[-1]
    assert supply["2"] - supply["1"] == pytest.approx(594_261.5, rel=0.01)
    far = (13.280734 - 3.306713) - (7.646959 - 4.359782)
    assert (supply["3"] - back["3"]) - (supply["1"] - back["1"]) == pytest.approx(far * 1e5, rel=0.01)
    assert back["3"] - back["1"] == pytest.approx((3.306713 - 4.359782) * 1e5, rel=0.01)
    hydraulic = run.boosters_kw.iloc[-1].to_numpy() * 0.6
    assert hydraulic == pytest.approx([1.834, 0.415], rel=0.03)


def test_a_pump_in_a_ring_of_a_pandapipes_file_shares_the_flow_as_in_pandapipes(tmp_path):
    """``pipeflow`` (Colebrook, hydraulics) sends 3.52608 kg/s through the pump, which lifts 15,507 Pa; within 1 %."""
    ways = [(0, 1, 0.5, 100.0), (2, 3, 0.3, 60.0), (1, 4, 0.2, 80.0), (4, 3, 0.25, 80.0), (3, 5, 0.1, 60.0)]
    tables = {
        "junction": [{"tfluid_k": 333.15} for _ in range(6)],
        "pipe": [
            {"from_junction": a, "to_junction": b, "length_km": length, "inner_diameter_mm": wide, "k_mm": 0.05}
            for a, b, length, wide in ways
        ],
        "ext_grid": [{"junction": 0, "t_k": 333.15}],
        "pump": [{"from_junction": 1, "to_junction": 2, "std_type": "small"}],
        "sink": [{"junction": 3, "mdot_kg_per_s": 6.0}, {"junction": 5, "mdot_kg_per_s": 3.0}],
    }
    path = pandapipes_file(tmp_path / "ring.json", {"small": [-2e-4, -1e-3, 0.2]}, tables)
    network = HeatNetwork.from_pandapipes(path)
    assert network.substation_names == ("3", "5")
    step = network.start(60.0).step(900.0, mass_flow_kg_s=[6.0, 3.0], supply_temperature_c=60.0)
    at = network.pipes.index("pump 0")
    assert step.pipe_flow_kg_s[at] == pytest.approx(3.52608, rel=0.01)
    assert -step.pressure_drop_pa[at] == pytest.approx(15_507.0, rel=0.01)
    for values in ([2e-4, -1e-3, 0.2], [1e-3, 0.0, -1e-3, 0.2], [0.0], ["much"]):
        with pytest.raises(NetworkDataError, match="std_type small"):
            HeatNetwork.from_pandapipes(pandapipes_file(tmp_path / "bad.json", {"small": values}, tables))


def test_pumps_of_a_pandapipes_file_that_have_no_place_are_named(tmp_path):
    with pytest.raises(NetworkDataError) as error:
        HeatNetwork.from_pandapipes(pandapipes_pumps(tmp_path / "turned.json", turned=True))
    assert [issue.key for issue in error.value.issues] == ["pump 1"]


def admitted(heat, unit, base):
    """Take from headroom all that the house may draw more, published three times."""
    position = base.copy()
    for _ in range(3):
        head = heat.headroom([unit], position[None, :])[0]
        slope = head.coefficients[:, 0] - head.coefficients[:, 1]
        rising = slope > 1e-12
        kw = max(0.0, float(np.min(head.slack[rising] / slope[rising])))
        position[0] += kw
        position[1] -= kw
    return position


def test_headroom_counts_on_boosters_and_what_it_admits_is_delivered():
    """The rows end where the model does: within the 2 % that are kept free, and not below nine tenths."""
    most = {}
    for name, booster in (("none", None), ("off", FLAT), ("flat", FLAT), ("curved", CURVED)):
        network = line(booster, Pump(60_000.0, 500.0), max_mass_flow_kg_s=9.0, design_heat_kw=500.0)
        limits = HeatLimits(max_velocity_m_s=2.0, margin=0.02)
        heat = HeatDelivery(network, supply_temperature=80.0, return_temperature_c=40.0, limits=limits)
        heat.change(stopped=["second"] if name == "off" else [])
        base = np.array([210.0, -200.0, 0.0])
        for unit in range(4):
            state = heat.deliver(unit, base)
            assert not state.violations
        position = admitted(heat, 4, base)
        for v in heat.predict(4, position).violations:
            assert v.value <= 1.02 * v.bound
        beyond = base + (position - base) * (1.0 / 0.9)
        assert heat.predict(4, beyond).violations, name
        most[name] = -position[1]
    assert most["none"] == pytest.approx(most["off"], rel=1e-6)
    assert most["curved"] > 1.15 * most["none"]
    assert most["flat"] >= most["curved"]


def test_a_market_counts_the_power_and_pressure_of_boosters():
    network = line(FLAT, max_mass_flow_kg_s=9.0, design_heat_kw=500.0)
    found = {}
    for stopped in ((), ("second",)):
        heat = HeatDelivery(network, supply_temperature=80.0, return_temperature_c=40.0, pressure=KeptPressure())
        heat.change(stopped=stopped)
        state = heat.deliver(0, np.array([410.0, -400.0, 0.0]))
        flow = float(state.arrays["mass_flow_kg_s"][1])
        assert state.balance.residual_relative < 1e-9
        found[stopped] = flow, float(state.arrays["pump_kw"][0]), float(state.arrays["pump_head_pa"][0])
    (flow, power, head), (_, power_off, head_off) = found.values()
    assert head_off - head == pytest.approx(50_000.0, rel=1e-3)
    assert power == pytest.approx(power_off, rel=1e-3)
    assert power > flow * 50_000.0 / network.fluid.density / 600.0


def test_power_over_a_long_step_is_the_mean_of_powers():
    """An hour in which cold pipes warm up: flows fall from quarter to quarter, the power of their mean is another."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("house", kind="substation")
    booster = Booster(Pump(4e4, 2e3, best_kg_s=0.5))
    graph.add_edge("plant", "house", pipe=Pipe(400.0, 0.04), booster=booster, from_node="plant")
    network = HeatNetwork.from_graph(graph)
    start = pd.Timestamp("2026-01-01")
    forcing = {"heat_demand_kw": 25.0, "return_temperature_c": 40.0, "initial_c": (50.0, 40.0)}
    hour, quarters = (
        network.simulate(start, start + pd.Timedelta(hours=1), dt_s, supply_temperature_c=75.0, **forcing)
        for dt_s in (3600.0, 900.0)
    )
    assert quarters.mass_flow_kg_s.to_numpy().std() > 0.05 * quarters.mass_flow_kg_s.to_numpy().mean()
    assert hour.boosters_kw.iloc[0, 0] == pytest.approx(quarters.boosters_kw.iloc[:, 0].mean(), rel=1e-12)
    assert hour.boosters_kw.iloc[0, 0] > 0.0
