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
