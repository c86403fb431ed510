"""Short runs through the command: Ctrl-C in the middle, going on, and another seed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from rexnet_grid.results import Results

pytestmark = pytest.mark.slow

REXNET = Path(sys.executable).with_name("rexnet")
UNITS = 12
SHORT = ("run", "quickstart", "--set", f"scenario.units={UNITS}", "--set", "results.report=false")
PATIENCE_S = 300.0


def rexnet(*words):
    return subprocess.run([REXNET, *map(str, words)], capture_output=True, text=True, check=False)


def tables(folder):
    results = Results.open(folder)
    return {name: results.table(name) for name in results.tables}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short") / "whole"
    done = rexnet(*SHORT, "--quiet", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Return a run that was interrupted after a few units, and what it said."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    heard = folder.with_suffix(".txt")
    with heard.open("w") as err:
        child = subprocess.Popen([REXNET, *SHORT, "--out", folder], stdout=subprocess.DEVNULL, stderr=err)
        until = time.monotonic() + PATIENCE_S
        while f" of {UNITS} units" not in "".join(heard.read_text().splitlines(keepends=True)[1:]):
            assert child.poll() is None, heard.read_text()
            assert time.monotonic() < until
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        code = child.wait(PATIENCE_S)
    return folder, code, heard.read_text()


def test_ctrl_c_leaves_a_readable_run_that_goes_on_to_the_same_tables(stopped, whole):
    folder, code, said = stopped
    assert code == 130
    assert "Traceback" not in said
    assert f"of {UNITS} units; {folder} holds what was computed, --resume goes on from there" in said
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert 0 < manifest["units_done"] < UNITS
    assert manifest["cash_sum_quanta"] == 0
    half = Results.open(folder)
    assert len(half.electric.vm_pu) == manifest["units_done"]
    assert not half.summary.complete
    assert rexnet("report", folder, "--out", folder.with_suffix(".html")).returncode == 0

    done = rexnet(*SHORT, "--quiet", "--out", folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "manifest.json").read_text())["complete"]
    assert not (folder / "checkpoint.bin").exists()
    resumed, straight = tables(folder), tables(whole)
    assert list(resumed) == list(straight)
    for name, expected in straight.items():
        pd.testing.assert_frame_equal(resumed[name], expected, check_exact=True, obj=name)


def test_another_seed_gives_another_day(whole, tmp_path):
    done = rexnet(*SHORT, "--quiet", "--seed", "2", "--out", tmp_path / "other")
    assert done.returncode == 0, done.stderr
    for table in ("trades", "settlement", "service", "electric/vm_pu", "heat/supply_c"):
        part = Path(table) / "part-000000.parquet"
        assert (whole / part).read_bytes() != (tmp_path / "other" / part).read_bytes()


def test_only_the_same_scenario_goes_on(whole):
    done = rexnet(*SHORT, "--out", whole, "--resume", "--set", "feedback.enabled=false")
    assert done.returncode == 2
    assert "feedback.enabled" in done.stderr
