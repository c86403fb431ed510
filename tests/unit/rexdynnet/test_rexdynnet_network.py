import itertools
import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import InputError, NetworkDataError
from rexnet_grid.rexdynnet import HeatNetwork, Pipe, simulate_pipe
from rexnet_grid.rexdynnet.catalogue import EN253, EN15698, TWIN_GAP_MM, catalogue_pipe
from rexnet_grid.rexdynnet.layout import Layout
from rexnet_grid.rexdynnet.sizing import SizingRule, size_network

START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta(hours=3)


def line():
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("house", kind="substation", design_heat_kw=20.0)
    graph.add_edge("plant", "house", pipe=Pipe(100.0, 0.03))
    return HeatNetwork.from_graph(graph)


def write(folder, **files):
    texts = {
        "nodes": "name,kind\np,plant\na,junction\ns,substation\n",
        "pipes": "name,from_node,to_node,length_m,catalogue\n1,p,a,50,DN25\n2,a,s,20,DN20\n",
        "substations": "node,return_c\ns,40\n",
        "plants": "node\np\n",
    }
    for name, text in (texts | files).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_a_folder_is_a_network(tmp_path):
    heat = HeatNetwork.from_csv(write(tmp_path))
    assert heat.substation_names == ("s",)
    assert heat.pipes == ("1", "2")


def test_everything_wrong_in_a_folder_is_said_at_once(tmp_path):
    bad = write(
        tmp_path,
        nodes="name,kind\np,junction\na,junktion\ns,substation\ns,substation\nlone,junction\n",
        pipes="name,from_node,to_node,length_m,catalogue\n1,p,a,0,DN25\n1,a,x,20,DN22\n2,a,s,20,DN20\n",
    )
    with pytest.raises(NetworkDataError) as error:
        HeatNetwork.from_csv(bad)
    text = str(error.value)
    for word in ("junktion", "row 5", "length_m", '"junction"', "x", "DN22", "a name used once"):
        assert word in text
    keys = [issue.key for issue in error.value.issues]
    assert len(set(keys)) == len(keys)
    assert {"plants", "node lone"} <= set(keys)
    assert not {"node p", "node a", "node s"} & set(keys)
    with pytest.raises(NetworkDataError, match=r"plants\.csv"):
        HeatNetwork.from_csv(tmp_path / "nowhere")


def test_islands_and_missing_plants_are_refused():
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    graph.add_node("house", kind="substation")
    with pytest.raises(NetworkDataError, match="house"):
        HeatNetwork.from_graph(graph)
    with pytest.raises(NetworkDataError, match="at least one plant"):
        HeatNetwork.from_graph(nx.Graph())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("heat_demand_kw", -1.0, "heat_demand_kw"),
        ("heat_demand_kw", float("nan"), "heat_demand_kw"),
        ("return_temperature_c", -5.0, "return_temperature_c"),
        ("supply_temperature_c", 400.0, "supply_temperature_c"),
        ("ground_c", float("inf"), "ground_c"),
        ("mass_flow_kg_s", -0.1, "mass_flow_kg_s"),
    ],
)
def test_impossible_forcing_is_refused_by_name(key, value, said):
    forcing = {"heat_demand_kw": 5.0} | {key: value}
    with pytest.raises(NetworkDataError, match=said):
        line().simulate(START, END, **forcing)
    with pytest.raises(NetworkDataError, match=said):
        line().start().step(60.0, **forcing)


@pytest.mark.parametrize(
    ("forcing", "said"),
    [
        ({"heat_demand_kw": "ten"}, "heat_demand_kw"),
        ({"heat_demand_kw": [1.0, 2.0, 3.0]}, r"shape.*\(3,\)"),
        ({"heat_demand_kw": pd.Series([1.0, 2.0], [END, START])}, "stamps that rise"),
        ({"heat_demand_kw": pd.Series([1.0], pd.DatetimeIndex(["2026-01-01 00:00-05:00"])), "zoned": False}, "zone"),
        ({"heat_demand_kw": 5.0, "mass_flow_kg_s": 0.01}, "return water at house"),
        ({"heat_demand_kw": 0.0, "ground_c": -25.0, "initial_c": 1.0}, "at least 0 degC"),
    ],
)
def test_unreadable_forcing_and_freezing_water_are_named(forcing, said):
    zoned = forcing.get("zoned", True)
    start, end = (START, END) if zoned else (START.tz_localize(None), END.tz_localize(None))
    given = {key: value for key, value in forcing.items() if key != "zoned"}
    with pytest.raises(NetworkDataError, match=said):
        line().simulate(start, end, **given)


def test_a_step_names_shapes_and_freezing_water():
    with pytest.raises(NetworkDataError, match="forcing"):
        line().start().step(60.0, heat_demand_kw=[1.0, 2.0, 3.0])
    with pytest.raises(NetworkDataError, match="ground_c"):
        line().start().step(60.0, heat_demand_kw=0.0, ground_c=-300.0)
    sim = line().start(1.0)
    with pytest.raises(NetworkDataError, match="at least 0 degC"):
        [sim.step(3600.0, heat_demand_kw=0.0, ground_c=-25.0) for _ in range(50)]


def test_demand_beyond_delivery_is_unserved_not_hidden():
    run = line().simulate(START, END, heat_demand_kw=5000.0, supply_temperature_c=75.0)
    assert (run.unserved_kw["house"] > 1000.0).all()
    assert (run.unserved_kw["house"] + run.heat_kw["house"]).to_numpy() == pytest.approx(5000.0)
    assert run.balance_error.max() < 1e-9


def test_supply_below_return_delivers_nothing_and_stays_finite():
    run = line().simulate(
        START, END, heat_demand_kw=5.0, supply_temperature_c=30.0, return_temperature_c=40.0, initial_c=30.0
    )
    assert run.unserved_kw["house"].iloc[-1] == pytest.approx(5.0)
    assert np.isfinite(run.supply_c.to_numpy()).all()


def test_standing_water_cools_towards_the_ground():
    run = line().simulate(
        START, START + pd.Timedelta(days=60), 3600.0, heat_demand_kw=0.0, initial_c=70.0, ground_c=8.0
    )
    assert run.supply_c["house"].is_monotonic_decreasing
    assert run.supply_c["house"].iloc[-1] == pytest.approx(8.0, abs=0.01)
    assert run.balance_error.max() < 1e-9


def test_a_step_can_be_taken_back_exactly():
    sim = line().start(60.0)
    sim.step(900.0, 10.0)
    saved = sim.save()
    first = sim.step(900.0, 12.0, supply_temperature_c=80.0)
    sim.restore(saved)
    again = sim.step(900.0, 12.0, supply_temperature_c=80.0)
    assert (first.supply_c == again.supply_c).all()
    assert first.plant_kw == again.plant_kw


def test_long_steps_equal_short_ones():
    one = line().simulate(START, END, 3600.0, heat_demand_kw=10.0)
    many = line().simulate(START, END, 900.0, heat_demand_kw=10.0)
    assert one.plant_kw.to_numpy() == pytest.approx(many.plant_kw.to_numpy().reshape(3, 4).mean(axis=1))


def test_pipe_input_is_checked_all_at_once():
    with pytest.raises(InputError, match=r"length_m[\s\S]*inner_diameter_m"):
        Pipe(0.0, -1.0)
    with pytest.raises(InputError, match="inlet_c"):
        simulate_pipe(Pipe(10.0, 0.05), [0.0, 1.0, 2.0], [20.0, np.nan, 20.0], 1.0, 10.0)
    with pytest.raises(InputError, match="mass_flow"):
        simulate_pipe(Pipe(10.0, 0.05), [0.0, 1.0, 2.0], [20.0, 20.0, 20.0], -1.0, 10.0)


def test_the_catalogue_grows_with_its_number():
    pipes = [catalogue_pipe(name, 1.0) for name in EN253]
    assert all(a.inner_diameter_m < b.inner_diameter_m for a, b in itertools.pairwise(pipes))
    assert catalogue_pipe("DN50", 1.0, 3).loss_resistance_mk_w > catalogue_pipe("DN50", 1.0, 1).loss_resistance_mk_w
    with pytest.raises(InputError, match="DN51"):
        catalogue_pipe("DN51", 1.0)


def test_schutterwald_is_sized_within_its_rule(root):
    heat = HeatNetwork.from_csv(root / "networks" / "heat" / "schutterwald")
    assert (len(heat.substations), len(heat.pipes)) == (44, 207)
    sized, bill = size_network(heat, SizingRule(max_gradient_pa_m=150.0))
    assert bill["route_m"].sum() == pytest.approx(2626.1, abs=1.0)
    assert sized.graph.edges["plant", "K1290"]["catalogue"] == heat_name(heat, "plant", "K1290")


def test_a_mesh_drawn_without_diameters_keeps_its_rule_in_the_full_model():
    graph = nx.Graph()
    graph.add_node("P", kind="plant")
    for k, kw in enumerate((80.0, 40.0, 150.0, 60.0, 110.0, 30.0)):
        graph.add_node(f"h{k}", kind="substation", design_heat_kw=kw)
    ways = ("P", "h0", 90.0), ("h0", "h1", 60.0), ("P", "h2", 240.0), ("h2", "h3", 40.0), ("h3", "h4", 170.0)
    for a, b, length in (*ways, ("h4", "h5", 280.0), ("h1", "h4", 130.0), ("h0", "h3", 210.0)):
        graph.add_edge(a, b, length_m=length)
    rule = SizingRule()
    heat = HeatNetwork.from_graph(graph, sizing=rule)
    demand = {s.node: s.design_heat_kw for s in heat.substations}
    held = {"heat_demand_kw": demand, "return_temperature_c": rule.return_c, "supply_temperature_c": rule.supply_c}
    run = heat.simulate(START, START + pd.Timedelta(hours=1), initial_c="steady", **held)
    pipes = [data["pipe"] for *_, data in heat.graph.edges(data=True)]
    gradient = run.pressure_drop_pa.abs().to_numpy()[-1] / [pipe.length_m for pipe in pipes]
    assert 0.5 * rule.max_gradient_pa_m < gradient.max() <= rule.max_gradient_pa_m * 1.001
    again, _ = size_network(heat, rule)
    assert [d["catalogue"] for *_, d in again.graph.edges(data=True)] == [
        d["catalogue"] for *_, d in heat.graph.edges(data=True)
    ]


def test_a_folder_without_diameters_is_read_by_a_sizing_rule(tmp_path):
    files = {
        "nodes": "name,kind\nP,plant\na,substation\n",
        "pipes": "name,from_node,to_node,length_m\np,P,a,100\n",
        "substations": "node,design_heat_kw\na,30\n",
        "plants": "node\nP\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(NetworkDataError, match=r"inner_diameter_m.*from_csv\(folder, sizing=SizingRule\(\)\)"):
        HeatNetwork.from_csv(tmp_path)
    heat = HeatNetwork.from_csv(tmp_path, sizing=SizingRule())
    assert heat.graph.edges["P", "a"]["catalogue"] == "DN25"
    assert heat.graph.edges["P", "a"]["pipe"].length_m == 100.0


def heat_name(heat, a, b):
    inner = heat.graph.edges[a, b]["pipe"].inner_diameter_m
    return next(name for name in EN253 if abs(catalogue_pipe(name, 1.0).inner_diameter_m - inner) < 1e-9)


def test_pandapipes_open_network_is_read(validation_dir):
    folder = validation_dir / "heat" / "pandapipes" / "openmodelica_heat_cases"
    heat = HeatNetwork.from_pandapipes(folder / "two_pipes.json")
    assert heat.plants
    assert heat.substations
    with pytest.raises(NetworkDataError, match="pandapipes"):
        HeatNetwork.from_pandapipes(folder / "missing.json")


def test_another_json_is_no_network(tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"a": 1}))
    with pytest.raises(NetworkDataError, match="pandapipes"):
        HeatNetwork.from_pandapipes(file)


def pandapipes_file(path, junctions, pipes, **tables):
    """Write rows of (from, to) as pipes of 100 m, and each table as rows of named values, the way pandapipes does."""
    row = {"length_km": 0.1, "inner_diameter_mm": 50.0, "k_mm": 0.1, "u_w_per_m2k": 5.0}
    tables |= {
        "junction": [{"tfluid_k": 343.15, "in_service": True} for _ in range(junctions)],
        "pipe": [{"from_junction": a, "to_junction": b} | row for a, b in pipes],
    }
    held = {}
    for name, rows in tables.items():
        columns = sorted({key for row in rows for key in row})
        data = [[row.get(key) for key in columns] for row in rows]
        inside = json.dumps({"columns": columns, "index": list(range(len(rows))), "data": data})
        held[name] = {"_class": "DataFrame", "_object": inside}
    path.write_text(json.dumps({"_object": held}))
    return path


def consumer(a, b, **values):
    return {"from_junction": a, "to_junction": b} | values


def test_pandapipes_sources_parallel_pipes_and_flows_are_carried(tmp_path, validation_dir):
    file = pandapipes_file(
        tmp_path / "ring.json",
        7,
        [(0, 1), (0, 1), (1, 2), (3, 4), (4, 5)],
        circ_pump_pressure=[{"return_junction": 5, "flow_junction": 0, "t_flow_k": 353.15}],
        heat_consumer=[
            consumer(2, 3, controlled_mdot_kg_per_s=0.2, deltat_k=30.0),
            consumer(1, 4, controlled_mdot_kg_per_s=0.1, treturn_k=313.15),
        ],
        sink=[{"junction": 2, "mdot_kg_per_s": 0.3, "scaling": 0.5}],
        valve=[{"from_junction": 5, "to_junction": 6, "opened": True}],
    )
    heat = HeatNetwork.from_pandapipes(file)
    cp = heat.fluid.heat_capacity / 1000.0
    found = {s.node: (s.design_heat_kw, s.return_c) for s in heat.substations}
    assert found["2"] == pytest.approx((0.2 * cp * 30.0, 50.0))
    assert found["1"] == pytest.approx((0.1 * cp * 40.0, 40.0))
    assert heat.graph.nodes["1"]["mass_flow_kg_s"] == pytest.approx(0.1)
    assert heat.graph.nodes["2"]["mass_flow_kg_s"] == pytest.approx(0.2 + 0.15)
    twin = [heat.graph.edges[a, b]["pipe"].length_m for a, b in (("0", "1"), ("0", "middle of pipe 1"))]
    assert twin == [100.0, 50.0]
    run = heat.simulate(START, END, mass_flow_kg_s={"1": 0.5, "2": 0.5}, return_temperature_c=40.0)
    flows = run.pipe_flow_kg_s.iloc[-1]
    assert flows["pipe 0"] == pytest.approx(flows["pipe 1, first half"], rel=1e-6)
    cases = validation_dir / "heat" / "pandapipes" / "openmodelica_heat_cases"
    fed = HeatNetwork.from_pandapipes(cases / "one_source.json")
    assert fed.plant_names == ("0", "2")
    assert fed.plants[1].supply_c == pytest.approx(20.0)
    assert fed.graph.nodes["2"]["mass_flow_kg_s"] == 1.0
    for name in ("one_pipe", "two_pipes", "t_cross", "delta", "delta_2sinks", "section_variation", "heights"):
        assert HeatNetwork.from_pandapipes(cases / f"{name}.json").substations


def test_a_second_circulation_pump_keeps_the_flow_it_is_given(tmp_path):
    pump = {"return_junction": 5, "flow_junction": 0, "t_flow_k": 353.15}
    beside = {"return_junction": 3, "flow_junction": 2, "t_flow_k": 343.15, "mdot_flow_kg_per_s": 0.3}
    house = [consumer(1, 4, qext_w=2e4, deltat_k=20.0)]
    tables = {"circ_pump_pressure": [pump], "circ_pump_mass": [beside], "heat_consumer": house}
    heat = HeatNetwork.from_pandapipes(
        pandapipes_file(tmp_path / "two.json", 6, [(0, 1), (1, 2), (3, 4), (4, 5)], **tables)
    )
    assert heat.plant_names == ("0", "2")
    assert heat.graph.nodes["2"]["mass_flow_kg_s"] == 0.3
    alone = tables | {"circ_pump_pressure": [], "circ_pump_mass": [pump | {"mdot_flow_kg_per_s": 0.9}]}
    heat = HeatNetwork.from_pandapipes(
        pandapipes_file(tmp_path / "one.json", 6, [(0, 1), (1, 2), (3, 4), (4, 5)], **alone)
    )
    assert "mass_flow_kg_s" not in heat.graph.nodes["0"]


def test_a_pandapipes_file_that_carries_no_heat_says_why(tmp_path):
    ring = 4, [(0, 1), (2, 3)]
    house = [consumer(1, 2, qext_w=2e4, deltat_k=20.0)]
    with pytest.raises(NetworkDataError) as told:
        HeatNetwork.from_pandapipes(pandapipes_file(tmp_path / "cold.json", *ring, heat_consumer=house))
    assert [issue.key for issue in told.value.issues] == ["circ_pump_pressure, circ_pump_mass, ext_grid"]
    pump = [{"return_junction": 3, "flow_junction": 0, "t_flow_k": 353.15}]
    file = pandapipes_file(tmp_path / "gas.json", *ring, heat_consumer=house, circ_pump_pressure=pump)
    document = json.loads(file.read_text())
    document["_object"]["fluid"] = {"_class": "Fluid", "_object": json.dumps({"name": "hgas", "is_gas": True})}
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkDataError, match="fluid: got hgas; expected water"):
        HeatNetwork.from_pandapipes(file)
    document["_object"]["fluid"]["_object"] = json.dumps({"name": "my water", "is_gas": False})
    file.write_text(json.dumps(document))
    assert HeatNetwork.from_pandapipes(file).substation_names == ("1",)
    between = [{"from_junction": 1, "to_junction": 2, "controlled_mdot_kg_per_s": 0.3}]
    tables = {"heat_consumer": house, "circ_pump_pressure": pump, "flow_control": between}
    with pytest.raises(NetworkDataError, match=r"flow_control 0.*controlled_mdot_kg_per_s"):
        HeatNetwork.from_pandapipes(pandapipes_file(tmp_path / "valve.json", *ring, **tables))


@pytest.mark.parametrize("diameter_m", [50.0, 5e-5])
def test_metres_and_millimetres_that_are_mixed_up_are_named(diameter_m):
    graph = nx.Graph()
    graph.add_node("p", kind="plant")
    graph.add_node("s", kind="substation")
    graph.add_edge("p", "s", pipe=Pipe(100.0, diameter_m))
    with pytest.raises(NetworkDataError, match=r"pipe p-s, inner diameter.*millimetres"):
        HeatNetwork.from_graph(graph)


def test_a_pandapipes_consumer_keeps_its_flow_and_its_return_follows_from_its_heat(tmp_path):
    def network(*consumers):
        pump = [{"return_junction": 3, "flow_junction": 0, "t_flow_k": 353.15}]
        file = tmp_path / "flow.json"
        pandapipes_file(file, 4, [(0, 1), (2, 3)], circ_pump_pressure=pump, heat_consumer=list(consumers))
        return HeatNetwork.from_pandapipes(file)

    heat = network(consumer(1, 2, controlled_mdot_kg_per_s=0.5, qext_w=60000.0))
    flow = heat.graph.nodes["1"]["mass_flow_kg_s"]
    assert flow == 0.5
    assert heat.substations[0].return_c == pytest.approx(80.0 - 60.0 / (0.5 * heat.fluid.heat_capacity / 1000.0))
    run = heat.simulate(START, END, heat_demand_kw=60.0, mass_flow_kg_s=flow, initial_c="steady")
    assert run.mass_flow_kg_s.iloc[-1, 0] == pytest.approx(0.5)
    assert run.heat_kw.iloc[-1, 0] == pytest.approx(60.0)
    with pytest.raises(NetworkDataError, match=r"heat_consumer 0.*0.1 for 60 kW at 80 degC"):
        network(consumer(1, 2, controlled_mdot_kg_per_s=0.1, qext_w=60000.0))
    with pytest.raises(NetworkDataError, match=r"heat_consumer 1.*for all consumers"):
        network(consumer(1, 2, controlled_mdot_kg_per_s=0.5, qext_w=60000.0), consumer(1, 2, qext_w=1000.0))


def test_what_pandapipes_holds_beyond_the_model_is_named_at_once(tmp_path):
    file = pandapipes_file(
        tmp_path / "open.json",
        8,
        [(0, 1), (2, 3), (5, 6)],
        ext_grid=[{"junction": 0, "t_k": 353.15}],
        pump=[{"from_junction": 1, "to_junction": 2, "std_type": "P1"}],
        sink=[
            {"junction": 1, "mdot_kg_per_s": 0.1},
            {"junction": 3, "mdot_kg_per_s": 0.3},
            {"junction": 0, "mdot_kg_per_s": 0.3},
            {"junction": 9, "mdot_kg_per_s": 0.3},
            {"junction": 1, "mdot_kg_per_s": -0.1},
        ],
        source=[{"junction": 4, "mdot_kg_per_s": 0.2}],
        heat_consumer=[consumer(1, 7, deltat_k=30.0), consumer(5, 7, qext_w=1000.0)],
    )
    with pytest.raises(NetworkDataError) as error:
        HeatNetwork.from_pandapipes(file)
    named = {issue.key for issue in error.value.issues}
    assert named == {
        *("pump 0", "sink 2", "sink 3", "sink 4", "source 0", "pipe 2"),
        *("heat_consumer 0", "heat_consumer 1"),
    }
    assert all(issue.expected for issue in error.value.issues)


def test_numbers_of_a_pandapipes_file_that_cannot_be_are_named_at_once(tmp_path):
    file = pandapipes_file(
        tmp_path / "bad.json",
        5,
        [(0, 1), (1, 2), (2, 3), (3, 4)],
        ext_grid=[{"junction": 0, "t_k": 0.0}],
        sink=[{"junction": 1, "mdot_kg_per_s": None}, {"junction": 3, "mdot_kg_per_s": 0.3}],
        source=[{"junction": 4, "mdot_kg_per_s": 0.2}],
    )
    document = json.loads(file.read_text())
    pipes = json.loads(document["_object"]["pipe"]["_object"])
    for row, column, value in (
        (0, "length_km", None), (1, "length_km", -1.0), (2, "inner_diameter_mm", None), (3, "inner_diameter_mm", 0),
        (3, "k_mm", -1.0),
    ):  # fmt: skip
        pipes["data"][row][pipes["columns"].index(column)] = value
    document["_object"]["pipe"]["_object"] = json.dumps(pipes)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkDataError, match=r"bad\.json") as error:
        HeatNetwork.from_pandapipes(file)
    assert {issue.key for issue in error.value.issues} == {
        *("pipe 0, length_m", "pipe 1, length_m", "pipe 2, inner_diameter_m", "pipe 3, inner_diameter_m"),
        *("pipe 3, roughness_m", "ext_grid 0", "sink 0"),
    }


def test_a_pandapipes_pipe_without_length_joins_its_ends(tmp_path):
    """As in the heat network of Schutterwald that pandapipes brings along, which must load."""
    file = pandapipes_file(
        tmp_path / "joined.json", 4, [(0, 1), (1, 2), (2, 3)], ext_grid=[{"junction": 0, "t_k": 350.0}],
        sink=[{"junction": 3, "mdot_kg_per_s": 0.3}],
    )  # fmt: skip
    document = json.loads(file.read_text())
    pipes = json.loads(document["_object"]["pipe"]["_object"])
    pipes["data"][1][pipes["columns"].index("length_km")] = 0.0
    document["_object"]["pipe"]["_object"] = json.dumps(pipes)
    file.write_text(json.dumps(document))
    network = HeatNetwork.from_pandapipes(file)
    assert (len(network.pipes), len(network.nodes)) == (2, 3)


def test_casings_are_those_that_makers_list():
    """Single: MoSDH's records by casing (github.com/MoSDH/MoSDH); twin: isoplus double pipes, standard and reinforced.

    The latter as listed by modesto (github.com/energyville/modesto, IsoPlusDoubleStandard and -Reinforced) [mm].
    """
    single = {
        "DN65": (140, 160, 180), "DN80": (160, 180, 200), "DN100": (200, 225, 250), "DN150": (250, 280, 315),
        "DN200": (315, 355, 400), "DN250": (400, 450, 500),
    }  # fmt: skip
    assert {name: EN253[name].casing_mm for name in single} == single
    names = ("DN20", "DN25", "DN32", "DN40", "DN50", "DN65", "DN80", "DN100", "DN125", "DN150", "DN200")
    standard = (125, 140, 160, 160, 200, 225, 250, 315, 400, 450, 560)
    reinforced = (140, 160, 180, 180, 225, 250, 280, 355, 450, 500, 630)
    gap = (19, 19, 19, 19, 20, 20, 25, 25, 30, 40, 45)
    for name, first, second, between in zip(names, standard, reinforced, gap, strict=True):
        assert EN15698[f"twin {name}"].casing_mm[:2] == (first, second)
        assert TWIN_GAP_MM[name] == between
    outer = (26.9, 33.7, 42.4, 48.3, 60.3, 76.1, 88.9, 114.3, 139.7, 168.3, 219.1)
    assert [EN253[name].outer_mm for name in names] == list(outer)


def test_sizing_rules_that_cannot_be_are_named(root):
    heat = HeatNetwork.from_csv(root / "networks" / "heat" / "schutterwald")
    with pytest.raises(InputError, match=r"gradient_pa_m: got nan[\s\S]*velocity_m_s: got 0[\s\S]*series: got 4"):
        SizingRule(max_gradient_pa_m=float("nan"), max_velocity_m_s=0.0, series=4)
    with pytest.raises(InputError, match="supply_c: got 40; expected at least 1 K above return_c 45"):
        SizingRule(supply_c=40.0)
    with pytest.raises(InputError, match="twin: got 'no'; expected true or false"):
        SizingRule(twin="no")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"kg/s; expected a flow that DN\d+ carries \(at 1e-06 Pa/m"):
        size_network(heat, SizingRule(max_gradient_pa_m=1e-6))


def test_a_run_that_starts_steady_stays_where_it_is():
    """Held forcing changes nothing any more: the exponential law from the first step on, no heat stored."""
    run = line().simulate(
        START, START + pd.Timedelta(hours=2), 300.0, heat_demand_kw=8.0, supply_temperature_c=71.0, initial_c="steady"
    )
    assert np.ptp(run.supply_c.to_numpy(), axis=0).max() < 1e-3
    assert np.ptp(run.return_c.to_numpy(), axis=0).max() < 1e-3
    assert np.abs(run.stored_kw).max() < 0.01


def test_whole_numbers_in_a_graph_are_numbers_like_others():
    """Temperatures between two degrees stay what they are, and no kernel is compiled for arrays of integers."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=75, max_heat_kw=500)
    graph.add_node("house", kind="substation", return_c=40, max_mass_flow_kg_s=3)
    graph.add_edge("plant", "house", pipe=Pipe(length_m=40, inner_diameter_m=1, wall_thickness_m=0))
    sim = HeatNetwork.from_graph(graph).start((66, 44))
    step = sim.step(900, heat_demand_kw=20, return_temperature_c=44.75, supply_temperature_c=66.25)
    assert step.plants_c[0] == 66.25
    assert step.return_c[1] == pytest.approx(44.75, abs=0.1)
    floats = {name for name, kind in Layout.__annotations__.items() if kind == "FloatArray"}
    assert all(getattr(sim.layout, name).dtype == np.float64 for name in floats)
