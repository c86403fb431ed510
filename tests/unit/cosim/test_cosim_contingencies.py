"""Branches trip and come back, participants stop and go on."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.errors import ScenarioError
from rexnet_grid.results import Results


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
