"""Under mosaik the run is the run: the same tables, read unit by unit."""

from __future__ import annotations

import sys

import pytest

from rexnet_grid.errors import InputError, MissingExtraError
from rexnet_grid.results import Results

SCENARIO = """
[scenario]
name = "small"
start = 2026-01-13
units = 2

[electric]
network = "lv_schutterwald:9"

[market.electricity]
forward_units = 4
"""


def test_mosaik_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mosaik_api_v3", None)
    monkeypatch.delitem(sys.modules, "rexnet_grid.interop.mosaik", raising=False)
    with pytest.raises(MissingExtraError, match=r"rexnet_grid\[mosaik\]"):
        __import__("rexnet_grid.interop.mosaik")


@pytest.mark.slow
def test_elements_show_what_the_run_records(tmp_path):
    pytest.importorskip("mosaik_api_v3", reason="mosaik_api_v3 of the extra mosaik is not installed")
    from rexnet_grid.interop.mosaik import RexnetSimulator

    (tmp_path / "small.toml").write_text(SCENARIO)
    simulator = RexnetSimulator()
    meta = simulator.init("R-0", 60.0, scenario=str(tmp_path / "small.toml"), out=str(tmp_path / "run"))
    assert {"vm_pu", "loading_percent"} <= set(meta["models"]["ElectricElement"]["attrs"])
    with pytest.raises(InputError, match="exactly one"):
        simulator.create(2, "Grid")
    (grid,) = simulator.create(1, "Grid")
    bus = next(child["eid"] for child in grid["children"] if "/bus" in child["eid"])
    seen = []
    for time in (0, 15):
        assert simulator.step(time, {}, 30) == time + 15
        seen.append(simulator.get_data({bus: ["vm_pu", "supply_c"]})[bus])
    simulator.step(30, {}, 45)
    assert simulator.get_data({bus: ["vm_pu"]}) == {bus: {"vm_pu": None}}
    simulator.finalize()
    run = Results.open(tmp_path / "run")
    assert run.manifest.complete
    assert [answer["vm_pu"] for answer in seen] == run.electric.vm_pu[bus.partition("/")[2]].tolist()
    assert seen[0]["supply_c"] is None


def test_units_must_fit_the_time_step(tmp_path):
    pytest.importorskip("mosaik_api_v3", reason="mosaik_api_v3 of the extra mosaik is not installed")
    from rexnet_grid.interop.mosaik import RexnetSimulator

    (tmp_path / "small.toml").write_text(SCENARIO)
    with pytest.raises(InputError, match="no multiple"):
        RexnetSimulator().init("R-0", 7.0, scenario=str(tmp_path / "small.toml"), out=str(tmp_path / "run"))
