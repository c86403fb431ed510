"""From a scenario to a folder of results, with a stand-in for the physics."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import date
from types import ModuleType

import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import NetworkDataError, OutputError, RunInterruptedError, ScenarioError
from rexnet_grid.scenario.running import simulate

SCENARIO = Scenario.from_dict(
    {
        "scenario": {"name": "s", "start": date(2026, 1, 13), "units": 10},
        "electric": {"network": "cigre_lv"},
        "results": {"checkpoint_every": 4},
    }
)


class Units:
    """Counts units; at ``stop_at`` the user presses Ctrl-C, at ``break_at`` something fails."""

    stop_at = break_at = None

    def __init__(self, scenario, writer, checkpoint):
        self.total, self.writer = scenario.units, writer
        self.unit = int(checkpoint) if checkpoint else 0

    def units(self):
        while self.unit < self.total:
            unit = self.unit
            if unit == self.break_at:
                raise ArithmeticError("no")
            self.writer.append_array("electric/vm_pu", unit, ["bus 0"], [unit])
            if unit == self.stop_at:
                os.kill(os.getpid(), signal.SIGINT)
            self.unit += 1
            yield unit

    def checkpoint(self):
        return str(self.unit).encode()

    def manifest(self):
        return {"trades": self.unit}

    def write_logs(self):
        pass


@pytest.fixture
def units(monkeypatch):
    class Case(Units):
        pass

    module = ModuleType("rexnet_grid.scenario.build")
    module.build_simulation = Case
    monkeypatch.setitem(sys.modules, "rexnet_grid.scenario.build", module)
    return Case


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


@pytest.mark.usefixtures("units")
def test_a_run_tells_how_far_it_is_and_writes_what_was_run(tmp_path):
    told = []
    results = simulate(
        SCENARIO.with_({"scenario.seed": 3}),
        out=tmp_path / "r",
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(unit, 10) for unit in range(11)]
    content = manifest(tmp_path / "r")
    assert content["complete"]
    assert (content["seed"], content["trades"]) == (3, 10)
    assert content["scenario"]["scenario"]["seed"] == 3
    assert content["versions"]["pandapower"] != "unknown"
    assert results.folder == tmp_path / "r"


@pytest.mark.usefixtures("units")
def test_results_go_to_runs_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    simulate(SCENARIO)
    assert manifest(tmp_path / "runs" / "s")["complete"]


def test_ctrl_c_leaves_a_readable_run_that_can_go_on(tmp_path, units):
    units.stop_at = 5
    with pytest.raises(RunInterruptedError, match="stopped after 6 of 10 units"):
        simulate(SCENARIO, out=tmp_path / "r")
    assert not manifest(tmp_path / "r")["complete"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(OutputError, match="go on with it by --resume"):
        simulate(SCENARIO, out=tmp_path / "r")
    units.stop_at = None
    told = []
    results = simulate(SCENARIO, out=tmp_path / "r", resume=True, progress=lambda done, total: told.append(done))
    assert told[0] == 6
    assert manifest(tmp_path / "r")["complete"]
    assert results.electric.vm_pu["bus 0"].tolist() == list(range(10))


def test_only_the_same_run_can_go_on(tmp_path, units):
    units.stop_at = 5
    with pytest.raises(RunInterruptedError):
        simulate(SCENARIO, out=tmp_path / "r")
    with pytest.raises(OutputError, match=r"scenario\.seed, market\.heat\.lot_kw"):
        simulate(SCENARIO.with_({"market.heat.lot_kw": 1.0, "scenario.seed": 9}), out=tmp_path / "r", resume=True)


def test_a_fault_in_the_middle_leaves_a_readable_run(tmp_path, units):
    units.break_at = 5
    with pytest.raises(ArithmeticError):
        simulate(SCENARIO, out=tmp_path / "r")
    content = manifest(tmp_path / "r")
    assert not content["complete"]
    assert content["trades"] == 5


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path, units):
    def refuse(*args):
        raise NetworkDataError("no network")

    units.__init__ = refuse
    with pytest.raises(NetworkDataError):
        simulate(SCENARIO, out=tmp_path / "a" / "r")
    assert not (tmp_path / "a" / "r").exists()


@pytest.mark.usefixtures("units")
def test_what_is_there_is_never_touched(tmp_path):
    out = tmp_path / "r"
    simulate(SCENARIO, out=out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="another run"):
        simulate(SCENARIO.with_({"scenario.seed": 5}), out=out)
    with pytest.raises(OutputError, match="complete"):
        simulate(SCENARIO, out=out, resume=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        simulate(SCENARIO, out=tmp_path / "file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match="other files"):
        simulate(SCENARIO, out=tmp_path / "mine")


@pytest.mark.usefixtures("units")
def test_files_are_looked_for_before_anything_is_written(tmp_path):
    scenario = SCENARIO.with_({"electric.network": "none.json"})
    with pytest.raises(ScenarioError, match="looked for"):
        simulate(scenario, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()
