"""Running a study: one table, no run twice, no run lost, nothing run when a variant is wrong."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from rexnet_grid.errors import ConvergenceError, MissingExtraError, OutputError, ScenarioError
from rexnet_grid.results import Results, RunWriter
from rexnet_grid.study import run_study, running
from rexnet_grid.study.figures import aggregate, write_table

STUDY = """
[study]
name = "demo"
scenario = "quickstart"
seeds = [1, 2]

[vary]
"feedback.enabled" = [true, false]
"""


@pytest.fixture
def ran(monkeypatch):
    """Replace the run of a scenario by one that writes next to nothing, and the pool by this process."""
    calls = []

    def fake(scenario, out):
        seed, enabled = scenario.seed, scenario.feedback.enabled
        calls.append((seed, enabled))
        loss = 1.0 + seed + 10 * enabled
        if seed == 13:
            raise ConvergenceError("no solution in unit 3")
        if seed == 14:
            raise ZeroDivisionError("a fault of the program")
        header = {"start": "2026-01-05T00:00+00:00", "unit_minutes": 60, "seed": seed}
        rules = {"electricity": {"lot_kw": 0.1, "tick_eur_per_mwh": 0.1}}
        writer = RunWriter(out, header={**header, "rules": rules})
        balance = {"injected_kw": loss, "withdrawn_kw": 0.0, "loss_kw": loss, "stored_kw": 0.0, "import_kw": loss}
        writer.append("electric/balance", {"unit": [0], **balance, "residual_relative": 0.0})
        writer.finish({})
        return Results.open(out)

    monkeypatch.setattr("rexnet_grid.scenario.running.simulate", fake)
    monkeypatch.setattr(running, "_through_pool", lambda tasks, workers: map(running._run, tasks))
    return calls


@pytest.fixture
def study_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_every_run_is_a_row(study_file, ran, tmp_path):
    told = []
    result = run_study(study_file, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert str(result).startswith("4 runs; ")
    table = pd.read_parquet(result.folder / "results.parquet")
    assert list(table["run"]) == ["p0-s1", "p0-s2", "p1-s1", "p1-s2"]
    assert list(table["feedback.enabled"]) == [True, True, False, False]
    assert list(table["electricity_loss_kwh"]) == [12.0, 13.0, 2.0, 3.0]
    points = pd.read_parquet(result.folder / "points.parquet")
    assert list(points["electricity_loss_kwh_mean"]) == [12.5, 2.5]
    assert list(points["electricity_loss_kwh_std_error"]) == pytest.approx([0.5, 0.5])
    assert (tmp_path / "studies/demo/runs/p1-s2/manifest.json").exists()


def test_resume_does_only_what_is_left_and_gives_the_same_bytes(study_file, ran, tmp_path):
    run_study(study_file)
    folder = tmp_path / "studies/demo"
    whole = [(folder / name).read_bytes() for name in ("results.parquet", "points.parquet")]
    (folder / "rows/p1-s1.json").unlink()
    (folder / "results.parquet").unlink()
    ran.clear()
    run_study(study_file, resume=True)
    assert ran == [(1, False)]
    assert whole == [(folder / name).read_bytes() for name in ("results.parquet", "points.parquet")]


def test_a_failed_run_is_noted_and_tried_again(study_file, ran, tmp_path):
    study_file.write_text(STUDY.replace("[1, 2]", "[1, 13]"))
    result = run_study(study_file)
    assert result.failed == ("p0-s13", "p1-s13")
    assert "2 failed" in str(result)
    table = pd.read_parquet(result.folder / "results.parquet")
    assert table.loc[1, "error"] == "no solution in unit 3"
    assert pd.isna(table.loc[1, "electricity_loss_kwh"])
    ran.clear()
    run_study(study_file, resume=True)
    assert [seed for seed, _ in ran] == [13, 13]


def test_a_fault_of_the_program_costs_only_its_own_run(study_file, ran, tmp_path):
    study_file.write_text(STUDY.replace("[1, 2]", "[1, 14]"))
    result = run_study(study_file)
    assert result.failed == ("p0-s14", "p1-s14")
    error = pd.read_parquet(result.folder / "results.parquet").loc[1, "error"]
    assert error == "ZeroDivisionError: a fault of the program; see rows/p0-s14.traceback.txt"
    assert "Traceback" in (result.folder / "rows/p0-s14.traceback.txt").read_text()


def test_figures_only_keeps_no_tables(study_file, ran, tmp_path):
    study_file.write_text(STUDY.replace('name = "demo"', 'name = "demo"\nkeep = "figures"\nout = "elsewhere"'))
    result = run_study(study_file)
    assert result.folder.name == "elsewhere"
    assert not list((tmp_path / "elsewhere" / "runs").iterdir())
    assert len(pd.read_parquet(result.folder / "results.parquet")) == 4
    assert run_study(study_file, out=tmp_path / "third").folder == tmp_path / "third"
    assert len(pd.read_parquet(tmp_path / "third" / "points.parquet")) == 2


def test_nothing_runs_when_a_variant_is_wrong(study_file, ran, tmp_path):
    study_file.write_text(STUDY + '"market.heat.lot_kw" = [0.1, -1.0]\n"feedbak.margin" = [0.1]\n')
    with pytest.raises(ScenarioError) as error:
        run_study(study_file)
    assert "lot_kw" in str(error.value)
    assert "feedbak" in str(error.value)
    assert ran == []
    assert not (tmp_path / "studies").exists()


def test_folders_of_others_are_left_alone(study_file, ran, tmp_path):
    run_study(study_file)
    with pytest.raises(OutputError, match="--resume"):
        run_study(study_file)
    study_file.write_text(STUDY.replace("[1, 2]", "[1, 2, 3]"))
    with pytest.raises(OutputError, match="another study"):
        run_study(study_file, resume=True)
    study_file.write_text(STUDY.replace('"demo"', '"other"'))
    (tmp_path / "studies/other").mkdir()
    (tmp_path / "studies/other/notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="no study wrote"):
        run_study(study_file)


def test_dask_is_an_extra(study_file, ran, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"rexnet_grid\[study\]"):
        run_study(study_file, dask="tcp://127.0.0.1:1")


def test_mean_and_standard_error_leave_gaps_where_there_is_nothing(tmp_path):
    rows = [
        {"run": "a", "point": 0, "seed": 1, "k": 1, "error": "", "x": 1.0},
        {"run": "b", "point": 0, "seed": 2, "k": 1, "error": "bad"},
        {"run": "c", "point": 1, "seed": 1, "k": "two", "error": "", "x": None},
    ]
    points = aggregate(rows, ["k"])
    assert points[0] == {"point": 0, "k": 1, "runs": 1, "x_mean": 1.0, "x_std_error": None}
    write_table(tmp_path / "t.parquet", points)
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert list(table["k"]) == ["1", "two"]
    assert pd.isna(table.loc[1, "x_mean"])
    assert json.loads(table[["runs"]].to_json()) == {"runs": {"0": 1, "1": 1}}


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


@pytest.mark.slow
def test_processes_give_the_bytes_of_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SCENARIO)
    tables = []
    for workers in (1, 2):
        head = f'name = "by-{workers}"\nscenario = "small.toml"\nseeds = [1, 2]\nkeep = "figures"'
        (tmp_path / "study.toml").write_text(f"[study]\n{head}\n")
        result = run_study("study.toml", workers=workers)
        assert not result.failed
        tables.append((result.folder / "results.parquet").read_bytes())
    assert tables[0] == tables[1]
    assert len(pd.read_parquet(tmp_path / "studies/by-2/results.parquet")["cost_eur"].unique()) == 2
