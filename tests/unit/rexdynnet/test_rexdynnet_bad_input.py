"""What a stranger may hand in: each ends in an error that names it, or in a quantity that is recorded as unserved."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import (
    Collector,
    EfficiencyCurve,
    HeatDelivery,
    HeatLimits,
    HeatNetwork,
    Pipe,
    Pump,
    StratifiedTank,
    SupplyCurve,
    simulate_building,
    simulate_pipe,
)
from rexnet_grid.rexdynnet.archetypes import from_archetype
from rexnet_grid.rexdynnet.network import Plant
from rexnet_grid.rexdynnet.plants import carnot_cop, lorenz_cop, regression_cop

START = pd.Timestamp("2026-01-13")
END = START + pd.Timedelta(hours=2)
DEMAND = pd.DataFrame(5.0, pd.date_range(START, END, freq="15min"), ["a", "b"])


def street(plant=None, **house):
    graph = nx.Graph()
    graph.add_node("plant", kind="plant", supply_c=75.0, **(plant or {}))
    graph.add_node("j")
    graph.add_node("a", kind="substation", **house)
    graph.add_node("b", kind="substation")
    for ends, length, diameter in ((("plant", "j"), 300.0, 0.06), (("j", "a"), 60.0, 0.02), (("j", "b"), 40.0, 0.02)):
        graph.add_edge(*ends, pipe=Pipe(length, diameter, 0.003, insulation_thickness_m=0.03))
    return HeatNetwork.from_graph(graph)


def holes():
    table = DEMAND.copy()
    table.iloc[3, 0] = np.nan
    return table


def mixed(series):
    """Return a series whose stamps change their zone half-way."""
    stamps = [t.tz_localize("UTC" if k % 2 else "Europe/Berlin") for k, t in enumerate(series.index)]
    return series.set_axis(pd.Index(stamps, dtype=object))


def test_a_table_holds_until_its_last_interval_ends_and_a_single_row_for_ever():
    network = street()
    run = network.simulate(START, END, heat_demand_kw=DEMAND[:-1], ground_c=pd.Series(8.0, [START]))
    assert len(run.heat_kw) == 8
    until = network.simulate(START, END, heat_demand_kw=DEMAND.iloc[[0, 4]])
    assert np.allclose(until.heat_kw + until.unserved_kw, 5.0)


@pytest.mark.parametrize(
    ("forcing", "said"),
    [
        ({"heat_demand_kw": holes()}, "a at 2026-01-13 00:45:00"),
        ({"heat_demand_kw": -1.0}, "heat_demand_kw"),
        ({"heat_demand_kw": np.inf}, "heat_demand_kw"),
        ({"heat_demand_kw": 1e9}, "heat_demand_kw"),
        ({"heat_demand_kw": DEMAND[["a"]]}, "missing b"),
        ({"heat_demand_kw": DEMAND.shift(freq="10D")}, "the first time without a value is 2026-01-13 00:00:00"),
        ({"heat_demand_kw": DEMAND.shift(freq="-10D")}, "the first time without a value is 2026-01-03 02:15:00"),
        ({"heat_demand_kw": DEMAND[:4]}, "heat_demand_kw.*the first time without a value is 2026-01-13 01:00:00"),
        ({"heat_demand_kw": DEMAND[1:]}, "heat_demand_kw.*the first time without a value is 2026-01-13 00:00:00"),
        ({"heat_demand_kw": DEMAND, "supply_temperature_c": 15.0 * DEMAND["a"][:4]}, "supply_temperature_c.*01:00:00"),
        ({"heat_demand_kw": DEMAND, "return_temperature_c": 8.0 * DEMAND[:4]}, "return_temperature_c.*01:00:00"),
        ({"heat_demand_kw": DEMAND, "ground_c": DEMAND["a"][:4]}, "ground_c.*01:00:00"),
        ({"heat_demand_kw": DEMAND.iloc[[0, 2, 1, 3]]}, "2026-01-13 00:15:00 after 2026-01-13 00:30:00, row 2"),
        ({"heat_demand_kw": DEMAND.iloc[[0, 1, 1, 2]]}, "2026-01-13 00:15:00 after 2026-01-13 00:15:00, row 2"),
        ({"heat_demand_kw": DEMAND.tz_localize("UTC")}, "time zone UTC.*tz_localize"),
        ({"heat_demand_kw": DEMAND, "ground_c": mixed(DEMAND["a"])}, "ground_c.*several time zones"),
        ({"heat_demand_kw": DEMAND.set_axis(["x"] * len(DEMAND))}, "DatetimeIndex"),
        ({"heat_demand_kw": DEMAND.set_axis(DEMAND.index.where(DEMAND.index != START))}, "1 of them NaT"),
        ({"mass_flow_kg_s": -0.1}, "mass_flow_kg_s"),
        ({"mass_flow_kg_s": 1e6}, "mass_flow_kg_s"),
        ({"heat_demand_kw": DEMAND, "supply_temperature_c": -5.0}, "supply_temperature_c"),
        ({"heat_demand_kw": DEMAND, "initial_c": (60.0, 40.0, 20.0)}, "initial_c"),
        ({"heat_demand_kw": DEMAND, "initial_c": "hot"}, "initial_c"),
        ({"heat_demand_kw": DEMAND, "dt_s": np.inf}, "dt_s"),
        ({"heat_demand_kw": DEMAND, "changes": {START: ["j-a"]}}, "changes"),
        ({"heat_demand_kw": 100.0, "mass_flow_kg_s": 0.1}, "return water"),
        ({"heat_demand_kw": 0.0, "ground_c": -20.0, "initial_c": 5.0}, "supply water"),
    ],
)
def test_a_run_names_what_cannot_be(forcing, said):
    with pytest.raises(InputError, match=said):
        street().simulate(START, END + pd.Timedelta(days=0 if "ground_c" not in forcing else 3), **forcing)


@pytest.mark.parametrize(
    ("forcing", "said"),
    [
        ({"heat_demand_kw": [np.nan, 1.0]}, "heat_demand_kw"),
        ({"heat_demand_kw": -1.0}, "-1 kW"),
        ({"heat_demand_kw": 1e12}, "heat_demand_kw"),
        ({"heat_demand_kw": [1.0, 2.0, 3.0]}, "2 of them"),
        ({"heat_demand_kw": 1.0, "ground_c": np.nan}, "ground_c"),
        ({"heat_demand_kw": 1.0, "ground_c": [1.0, 2.0]}, "3 of them"),
        ({"mass_flow_kg_s": -1.0}, "mass_flow_kg_s"),
        ({"mass_flow_kg_s": 1e9}, "mass_flow_kg_s"),
        ({"heat_demand_kw": 5.0, "supply_temperature_c": -3.0}, "supply_temperature_c"),
        ({"heat_demand_kw": 5.0, "dt_s": "15min"}, "dt_s"),
        ({"heat_demand_kw": 5.0, "dt_s": np.nan}, "dt_s"),
        ({}, "heat_demand_kw or mass_flow_kg_s"),
    ],
)
def test_a_step_names_what_cannot_be(forcing, said):
    with pytest.raises(InputError, match=said):
        street().start(60.0).step(**{"dt_s": 900.0, **forcing})


@pytest.mark.parametrize(
    ("network", "forcing"),
    [
        (street(), {"heat_demand_kw": 9e6}),
        (street(), {"supply_temperature_c": 35.0, "return_temperature_c": 45.0, "initial_c": 35.0}),
        (street(), {"supply_temperature_c": 45.0, "return_temperature_c": 45.0, "initial_c": 45.0}),
        (street(), {"changes": {START: {"stopped": ["plant"]}}}),
        (street(), {"changes": {START: {"closed": ["plant-j"]}}}),
        (street({"pump": Pump(500.0, 100.0)}), {"heat_demand_kw": 50.0}),
        (street({"max_heat_kw": 2.0}), {"initial_c": 42.0}),
        (street(min_supply_c=120.0), {}),
    ],
)
def test_what_cannot_be_delivered_is_unserved_and_nothing_spreads(network, forcing):
    given = {"heat_demand_kw": DEMAND, **forcing}
    run = network.simulate(START, END, **given)
    for table in (run.supply_c, run.return_c, run.heat_kw, run.unserved_kw, run.differential_pa, run.loss_kw):
        assert np.isfinite(table.to_numpy()).all()
    asked = given["heat_demand_kw"] if np.isscalar(given["heat_demand_kw"]) else 5.0
    assert np.allclose(run.heat_kw + run.unserved_kw, asked)
    assert (run.unserved_kw.iloc[-1] > 0.0).any()
    assert run.balance_error.max() < 1e-9


@pytest.mark.parametrize("key", ["min_supply_c", "bypass_kg_s", "max_mass_flow_kg_s"])
@pytest.mark.parametrize("value", [np.nan, -1.0, "warm"])
def test_a_substation_names_what_is_no_number(key, value):
    with pytest.raises(InputError, match=f"substation a, {key}"):
        street(**{key: value})


def test_every_attribute_that_cannot_be_is_named_at_once():
    wrong = {"bypass_kg_s": np.inf, "min_supply_c": np.inf, "return_c": "x", "design_heat_kw": None, "heating": 3.0}
    plant = {"pump": "x", "max_supply_c": np.nan, "max_heat_kw": -1.0, "height_m": np.nan}
    with pytest.raises(InputError) as caught:
        street(plant, **wrong)
    keys = {f"substation a, {key}" for key in wrong} | {f"plant plant, {key}" for key in plant if key != "height_m"}
    assert {issue.key for issue in caught.value.issues} == keys | {"node plant, height_m"}


def test_a_pump_names_what_is_no_number():
    with pytest.raises(InputError) as caught:
        Pump("x", -1.0, np.nan, True, 5)
    expected = ["shutoff_pa", "fall_pa_s2_kg2", "efficiency", "best_kg_s", "control"]
    assert [issue.key for issue in caught.value.issues] == expected


def test_attributes_and_columns_that_nothing_reads_are_named(tmp_path):
    graph = nx.Graph()
    graph.add_node("p", kind="plant", max_heat=30.0, geometry="POINT (0 0)")
    graph.add_node("s", kind="substation", min_supply=50.0, max_heat_kw=3.0, comment="school")
    graph.add_edge("p", "s", pipe=Pipe(100.0, 0.04), lenght_m=100.0, label="street")
    with pytest.raises(InputError) as told:
        HeatNetwork.from_graph(graph)
    said = str(told.value)
    for wrong in ("node p, max_heat: ", "node s, min_supply: ", "node s, max_heat_kw: ", "edge p-s, lenght_m: "):
        assert wrong in said
    assert "max_heat_kw belongs to a plant" in said
    assert "geometry" not in said.split("edge")[0]
    files = {
        "nodes": "name,kind,height_m,comment\np,plant,abc,\ns,substation,3,old\n",
        "pipes": "name,from_node,to_node,length_m,inner_diameter_m,lenght\na,p,s,100,0.04,3\n",
        "substations": "node,return\ns,45\n",
        "plants": "node\np,400\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(InputError) as told:
        HeatNetwork.from_csv(tmp_path)
    said = str(told.value)
    assert "pipes.csv, column lenght: " in said
    assert 'did you mean "return_c"' in said
    assert "plants.csv row 2: got 400; expected no more cells than columns" in said
    for name, text in {
        "pipes": "name,from_node,to_node,length_m,inner_diameter_m\na,p,s,100,0.04\n",
        "substations": "node\ns\n",
        "plants": "node\np\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(InputError) as told:
        HeatNetwork.from_csv(tmp_path)
    assert str(told.value).count("height_m") == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SupplyCurve((0.0, 10.0), (np.nan, 70.0)), "supply_c.*nan"),
        (lambda: SupplyCurve((0.0, 10.0), (500.0, 70.0)), "supply_c.*500.*180"),
        (lambda: SupplyCurve((0.0, np.nan), (80.0, 70.0)), "outdoor_c.*nan"),
        (lambda: HeatLimits(max_velocity_m_s=np.nan, margin=2.0), r"max_velocity_m_s.*nan[\s\S]*margin.*2"),
        (lambda: HeatLimits(consumer_pa=-1.0), "consumer_pa.*-1"),
        (lambda: HeatDelivery(street(), hot_water_share=3.0), "hot_water_share.*3.0.*0 to 1"),
        (lambda: EfficiencyCurve((0.0, np.nan, 1.0), (0.8, 0.9, 0.9)), "load.*nan"),
        (lambda: Collector(100.0).heat_kw(np.nan, 50.0, 10.0), "irradiance_w_m2.*nan"),
    ],
)
def test_what_cannot_be_is_named_where_it_is_given(make, said):
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outdoor_c": np.inf}, "outdoor_c.*inf at 2026-01-13"),
        ({"max_heat_kw": -3.0}, "max_heat_kw.*-3 at.*not negative"),
        ({"irradiance_w_m2": -500.0}, "irradiance_w_m2.*-500"),
        ({"initial_c": np.nan}, "initial_c.*nan"),
    ],
)
def test_weather_and_heaters_that_cannot_be_are_named(given, said):
    outdoor = pd.Series(given.pop("outdoor_c", -5.0), DEMAND.index)
    with pytest.raises(InputError, match=said):
        simulate_building(from_archetype("house_1980s", 150.0), outdoor, **given)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: StratifiedTank(12.0).step(np.full(20, 45.0), 1e9, 80.0, 1.0), "flow_kg_s: got 1e\\+09 for 1 h"),
        (lambda: StratifiedTank(12.0).step(np.full(20, 4.5e4), 1.0, 80.0, 1.0), "layers_c: got 45000"),
        (lambda: simulate_building(from_archetype("house_1980s", 150.0), [1.0, 2.0]), "a Series over time"),
        (
            lambda: simulate_building(from_archetype("house_1980s", 150.0), pd.Series(["x"] * 9, DEMAND.index)),
            "outdoor_c",
        ),
        (lambda: SupplyCurve()(np.nan), "outdoor_c: got nan"),
        (lambda: carnot_cop(np.nan, 70.0), "source_c: got nan"),
        (lambda: lorenz_cop(5.0, 2.0, 40.0, np.inf), "supply_c: got inf"),
        (lambda: regression_cop("airy", 0.0, 50.0), "source: got airy"),
        (lambda: regression_cop("air", np.nan, 50.0), "source_c: got nan"),
        (lambda: EfficiencyCurve().fuel_kw(np.nan, 100.0), "output_kw: got nan"),
    ],
)
def test_nothing_spreads_a_number_that_is_none(call, said):
    with pytest.raises(InputError, match=said):
        call()


DAY = np.arange(0.0, 3.0 * 86400.0, 600.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mass_flow_kg_s": 0.0, "ambient_c": -20.0}, "outlet at .* at least 0 degC"),
        ({"ambient_c": 1e6}, "ambient_c: values: got 1e\\+06 degC; expected -60 to 120"),
        ({"ambient_c": -300.0}, "ambient_c"),
        ({"time_s": np.r_[DAY[:-1], np.inf]}, "time_s\\[431\\]: got inf"),
        ({"time_s": np.r_[0.0, np.nan, DAY[2:]]}, "time_s\\[1\\]: got nan"),
        ({"time_s": np.r_[0.0, 0.0, DAY[2:]]}, "time_s\\[1\\]: got 0 after 0; expected instants that increase"),
        ({"mass_flow_kg_s": 1e9}, "mass_flow_kg_s"),
    ],
)
def test_one_pipe_alone_refuses_what_a_network_refuses(given, message):
    whole = {"time_s": DAY, "inlet_c": 50.0, "mass_flow_kg_s": 0.1, "ambient_c": 10.0, **given}
    with pytest.raises(InputError, match=message):
        simulate_pipe(Pipe(100.0, 0.05), **whole)


@pytest.mark.parametrize(
    ("limits", "usual"),
    [({"max_supply_c": 65.0}, 65.0), ({"min_supply_c": 80.0}, 80.0), ({"max_supply_c": 90.0}, 75.0)],
)
def test_a_plant_that_names_only_a_limit_supplies_the_nearest_to_the_usual(limits, usual):
    graph = street().graph.copy()
    del graph.nodes["plant"]["supply_c"]
    graph.nodes["plant"].update(limits)
    network = HeatNetwork.from_graph(graph)
    assert network.plants[0].supply_c == usual
    with pytest.raises(InputError, match=r"supply_c: got 75; .*75 degC where left out"):
        HeatNetwork(network.graph, network.substations, (Plant("plant", max_supply_c=65.0),))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"outdoor_c": [-5.0, np.nan, 3.0]}, "outdoor_c: got nan in place 1"),
        ({"outdoor_c": [-5.0, 300.0]}, "outdoor_c.*300 degC"),
        ({"outdoor_c": "cold"}, "outdoor_c.*a number or numbers"),
        ({"outdoor_c": []}, r"outdoor_c: got shape \(0,\)"),
        ({"ground_c": [8.0, np.inf]}, "ground_c: got inf in place 1"),
        ({"ground_c": [[8.0], [9.0]]}, r"ground_c: got shape \(2, 1\)"),
    ],
)
def test_weather_of_a_market_names_what_cannot_be(given, said):
    with pytest.raises(InputError, match=said):
        HeatDelivery(street(), **given)


def test_no_unit_is_carried_beyond_the_weather_that_is_given():
    heat = HeatDelivery(street(), outdoor_c=[-5.0, -4.0], ground_c=[8.0, 8.0, 8.0])
    rates = np.array([11.0, -5.0, -5.0, 0.0])
    heat.deliver(1, rates)
    assert len(heat.headroom([1, 2, 3], np.tile(rates, (3, 1)))) == 3
    with pytest.raises(InputError) as told:
        heat.deliver(3, rates)
    assert [issue.key for issue in told.value.issues] == ["outdoor_c", "ground_c"]
    with pytest.raises(InputError, match="outdoor_c: got 2 values"):
        heat.predict(2, rates)


def test_a_building_names_a_stamp_that_comes_twice():
    hours = pd.date_range(START, periods=6, freq="h")
    sun = pd.Series(0.0, hours.append(hours[2:3]))
    with pytest.raises(InputError, match=r"irradiance_w_m2.*2026-01-13 02:00:00 twice"):
        simulate_building(from_archetype("house_1980s", 150.0), pd.Series(0.0, hours), irradiance_w_m2=sun)
