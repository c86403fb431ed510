"""Branches trip and come back, participants stop and go on."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import ScenarioError
from rexnet_grid.resources import builtin_dir
from rexnet_grid.results import Results
from rexnet_grid.rexdynnet import HeatNetwork
from rexnet_grid.rexdynnet.booster import unboosted
from rexnet_grid.rexdynnet.hydraulics import drops
from rexnet_grid.rexdynnet.topology import build_layout
from rexnet_grid.scenario.checking import check_scenario


def finished(sim):
    for _ in sim.units():
        pass
    sim.writer.finish(sim.manifest())
    return Results.open(sim.writer.folder)


def test_a_line_that_trips_carries_nothing_until_it_is_restored(scenario, build):
    before = finished(build(scenario, "whole"))
    loading = before.electric.loading_percent
    line = str(loading.filter(like="line").mean().idxmax())
    faults = [{"unit": 3, "element": line}, {"unit": 6, "element": line, "action": "restore"}]
    after = finished(build(scenario.with_({"contingencies": faults}), "faulty")).electric.loading_percent[line]
    out = np.asarray(np.nan_to_num(after.to_numpy()) == 0.0)
    assert (loading[line] > 0).all()
    assert out.tolist() == [False] * 3 + [True] * 3 + [False] * 2


def test_a_stopped_participant_neither_trades_nor_draws(scenario, build):
    name = next(m.name for m in build(scenario, "who").setup.population.members if m.kind == "household")
    stopped = scenario.with_({"contingencies": [{"unit": 0, "element": name}]})
    service = finished(build(stopped, "stopped")).service
    rows = service[service["participant"].astype(str) == name]
    assert (rows["delivered_kw"].to_numpy() == 0.0).all()


def test_an_unknown_element_is_named_with_the_nearest_known_one(scenario, build):
    with pytest.raises(ScenarioError, match=r"contingencies\[0\].element.*tarfo"):
        build(scenario.with_({"contingencies": [{"unit": 0, "element": "tarfo 3"}]}))


def with_heat(scenario, *faults):
    heat = {"network": "destest", "supply_temperature_c": 70.0}
    rules = scenario.market.model_dump() | {"heat": {"forward_units": 8}}
    return scenario.with_({"heat": heat, "market": rules, "contingencies": list(faults)})


def test_a_pipe_that_closes_leaves_what_is_behind_it_unserved(scenario, build):
    faults = [
        {"unit": 2, "carrier": "heat", "element": "pipe h-g"},
        {"unit": 5, "carrier": "heat", "element": "pipe h-g", "action": "restore"},
        {"unit": 6, "carrier": "heat", "element": "pump i"},
    ]
    run = finished(build(with_heat(scenario, *faults), "cut")).heat
    behind = np.abs(run.mass_flow_kg_s["g-f"].to_numpy()) > 1e-6
    assert behind.tolist() == [True, True, False, False, False, True, False, False]
    main = np.abs(run.mass_flow_kg_s["i-h"].to_numpy()) > 1e-6
    assert main[:2].all()
    assert not main[6:].any()
    assert np.isfinite(run.supply_c.to_numpy()).all()


def test_an_unknown_pipe_is_named_with_the_nearest_known_one(scenario, build):
    with pytest.raises(ScenarioError, match=r'contingencies\[0\].element.*"pipe hg"[\s\S]*"pipe h-g"'):
        build(with_heat(scenario, {"unit": 0, "carrier": "heat", "element": "pipe hg"}))


def boosted_destest(folder, **columns):
    """Copy the network with a booster in the pipe h-g."""
    shutil.copytree(builtin_dir("networks") / "heat" / "destest", folder)
    pipes = pd.read_csv(folder / "pipes.csv", dtype=str, keep_default_na=False)
    for name, value in columns.items():
        pipes[name] = np.where(pipes["name"] == "h-g", value, "")
    pipes.to_csv(folder / "pipes.csv", index=False)
    return folder.as_posix()


def test_a_booster_that_stops_lifts_nothing_until_it_runs_again(scenario, build, tmp_path):
    network = boosted_destest(tmp_path / "hilly", booster_shutoff_pa="30000", booster_fall_pa_s2_kg2="100")
    faults = [
        {"unit": 2, "carrier": "heat", "element": "pump h-g"},
        {"unit": 5, "carrier": "heat", "element": "pump h-g", "action": "restore"},
    ]
    case = with_heat(scenario, *faults)
    case = case.with_({"heat": case.heat.model_dump() | {"network": network}})
    assert check_scenario(case) == []
    run = finished(build(case, "lifted"))
    drop, flow = run.heat["pressure_drop_pa"]["h-g"].to_numpy(), run.heat.mass_flow_kg_s["h-g"].to_numpy()
    stopped = np.isin(np.arange(len(drop)), (2, 3, 4))
    assert (flow > 1e-6).all()
    assert (drop[stopped] > 0.0).all()
    friction = drops(unboosted(build_layout(HeatNetwork.from_csv(network))), run.heat.mass_flow_kg_s.to_numpy())
    friction = friction[:, run.heat.mass_flow_kg_s.columns.get_loc("h-g")]
    lift = np.where(stopped, 0.0, 30_000.0 - 100.0 * flow**2)
    assert drop == pytest.approx(friction - 0.5 * lift, rel=1e-6, abs=0.1)


def test_a_pump_in_no_pipe_is_named_with_the_nearest_booster(scenario, build, tmp_path):
    network = boosted_destest(tmp_path / "hilly", booster_shutoff_pa="30000")
    case = with_heat(scenario, {"unit": 0, "carrier": "heat", "element": "pump h-q"})
    with pytest.raises(ScenarioError, match=r'contingencies\[0\].element.*"pump h-q"[\s\S]*"pump h-g"'):
        build(case.with_({"heat": case.heat.model_dump() | {"network": network}}))


def test_heat_that_a_plant_had_to_put_in_is_delivered_and_paid_as_balancing_energy(scenario, build, tmp_path):
    """The heat pump stops and its reservation is missing; water is drawn on, and the network supplies none below 68.

    So the boiler beside it heats that water. What the participants at the plant deliver is what the plant puts in.
    """
    folder = tmp_path / "warm"
    shutil.copytree(builtin_dir("networks") / "heat" / "destest", folder)
    plants = pd.read_csv(folder / "plants.csv")
    plants["min_supply_c"] = 68.0
    plants.to_csv(folder / "plants.csv", index=False)
    fault = {"unit": 4, "element": "central heat pump"}
    town = with_heat(scenario, fault)
    run = finished(build(town.with_({"heat": town.heat.model_dump() | {"network": str(folder)}}), "forced"))
    service = run.service[run.service["carrier"] == "heat"].set_index(["unit", "participant"])
    given = service["delivered_kw"].clip(lower=0.0).groupby("unit").sum().to_numpy()
    plant = run.table("heat/plant_kw")["i"].to_numpy()
    assert given == pytest.approx(plant, abs=0.11)
    beyond = run.table("heat/off_schedule_kw")["i"].to_numpy()
    assert np.abs(beyond[:4]).max() < 1.0
    assert beyond[4] > 20.0
    boiler = service.xs("peak boiler", level="participant")
    assert boiler["delivered_kw"].iloc[4] - boiler["realised_kw"].iloc[4] == pytest.approx(beyond[4], abs=0.11)
    heat_pump = service.xs("central heat pump", level="participant")
    assert (heat_pump["delivered_kw"].iloc[4:] == 0.0).all()
    paid = run.settlement
    paid = paid[(paid["kind"] == "balancing") & (paid["carrier"] == "heat") & (paid["unit"] == 4)]
    assert paid["credit"].astype(str).tolist() == ["peak boiler"]
    assert paid["quanta"].tolist()[0] > 0
    assert run.summary.cash_sum_quanta == 0
