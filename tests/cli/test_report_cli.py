"""What a user types to look at a run: rexnet report, rexnet export."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "unit" / "results" / "results_synthetic.py"
REXNET = Path(sys.executable).with_name("rexnet")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("results_synthetic_for_cli", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("runs")
    module.make_run(folder / "a", units=8)
    module.make_run(folder / "b", units=8, feedback=False)
    return folder


def rexnet(*words, cwd):
    return subprocess.run([REXNET, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)


def test_report_against_another_run(runs):
    done = rexnet("report", "a", "--against", "b", cwd=runs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(Path("a") / "report.html")
    assert "without feedback" in (runs / "a" / "report.html").read_text(encoding="utf-8")


def test_export_to_csv(runs, tmp_path):
    done = rexnet("export", runs / "a", "--to", "csv", "--out", tmp_path / "csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "csv" / "electric_vm_pu.csv").exists()


@pytest.mark.parametrize("words", [("report", "nowhere"), ("report", "."), ("export", ".", "--to", "csv")])
def test_folders_without_a_run_are_bad_input(words, tmp_path):
    done = rexnet(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_report_loads_no_solver_and_no_drawing_library(runs):
    code = (
        "import sys; from rexnet_grid.report import write_report; write_report('b');"
        "print([m for m in ('pandapower', 'numba', 'plotly', 'simpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=runs, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
