"""What a run leaves on disk, whole or killed in the middle."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest

from rexnet_grid.errors import OutputError
from rexnet_grid.results import RunWriter
from rexnet_grid.results.parts import read_parts
from rexnet_grid.results.schema import TABLES, network_table, unit_of
from rexnet_grid.results.writer import table_folders


def write_units(writer, units, checkpoint_at=None):
    for unit in units:
        writer.append_array("electric/vm_pu", unit, ["bus 0", "bus 1"], np.array([1.0, 0.9 + unit / 100]))
        writer.append(
            "settlement",
            {
                "carrier": "heat",
                "unit": unit,
                "kind": "trade",
                "debit": ["a", "b"],
                "credit": ["b", "c"],
                "quanta": [unit, -7],
            },
        )
        if (unit + 1) % 3 == 0:
            writer.flush()
        if unit == checkpoint_at:
            writer.write_checkpoint(f"state after {unit}".encode())


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def test_same_rows_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        writer = RunWriter(tmp_path / name)
        write_units(writer, range(8))
        writer.finish({"units": 8})
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(digests(tmp_path / "one")) == 6


def test_columns_carry_their_units(tmp_path):
    writer = RunWriter(tmp_path)
    write_units(writer, range(2))
    writer.finish({})
    vm = pq.read_schema(next((tmp_path / "electric/vm_pu").iterdir()))
    assert vm.field("bus 1").metadata[b"unit"] == b"p.u."
    assert vm.field("unit").type == "int64"
    assert pq.read_schema(next((tmp_path / "settlement").iterdir())).field("quanta").metadata[b"unit"] == b"quantum"


def test_empty_values_and_moments(tmp_path):
    writer = RunWriter(tmp_path)
    prices = {"carrier": "heat", "unit": [0, 1], "opening_ticks": [None, 5], "vwap_ticks": [np.nan, 5.5]}
    writer.append(
        "prices",
        {**prices, "last_ticks": np.array([np.nan, 6.0]), "traded_lots": 0, "bid_ticks": [None] * 2, "ask_ticks": None},
    )
    writer.append(
        "weather", {"unit": 0, "time": [datetime(2026, 1, 5, tzinfo=UTC)], "outdoor_c": 1.0, "global_w_m2": 0.0}
    )
    writer.append("weather", {"unit": 1, "time": [datetime(2026, 1, 6, tzinfo=UTC)], "outdoor_c": 1, "global_w_m2": 0})
    writer.flush()
    assert read_parts(tmp_path / "prices").column("last_ticks").to_pylist() == [None, 6]
    assert read_parts(tmp_path / "prices").column("ask_ticks").to_pylist() == [None, None]
    assert read_parts(tmp_path / "weather").column("time").to_pylist()[1] == datetime(2026, 1, 6, tzinfo=UTC)


def test_refuses_a_folder_with_another_run_or_foreign_files(tmp_path):
    run, foreign = tmp_path / "run", tmp_path / "foreign"
    RunWriter(run).finish({"units": 1})
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    for folder in (run, foreign):
        before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        with pytest.raises(OutputError):
            RunWriter(folder)
        assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(OutputError, match="no run wrote"):
        RunWriter(foreign, overwrite=True)
    with pytest.raises(OutputError, match="file"):
        RunWriter(foreign / "thesis.tex")


def test_overwrite_deletes_a_run_but_not_what_lies_beside_it(tmp_path):
    first = RunWriter(tmp_path)
    write_units(first, range(3))
    first.finish({})
    RunWriter(tmp_path, overwrite=True).finish({"seed": 2})
    assert not table_folders(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        RunWriter(tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").exists()


def test_a_killed_run_leaves_readable_parts(tmp_path):
    writer = RunWriter(tmp_path, header={"start": "2026-01-05T00:00:00+01:00", "unit_minutes": 15})
    write_units(writer, range(8))
    del writer
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert manifest["unit_minutes"] == 15
    assert read_parts(tmp_path / "electric/vm_pu").column("unit").to_pylist() == list(range(6))


def test_interrupt_keeps_everything(tmp_path):
    writer = RunWriter(tmp_path)
    write_units(writer, range(8))
    writer.interrupt({"units": 8})
    assert read_parts(tmp_path / "settlement").num_rows == 16
    assert json.loads((tmp_path / "manifest.json").read_text())["complete"] is False


@pytest.mark.parametrize("killed", [False, True])
def test_resumed_equals_uninterrupted(tmp_path, killed):
    whole = RunWriter(tmp_path / "whole")
    write_units(whole, range(12), checkpoint_at=4)
    whole.finish({})
    broken = RunWriter(tmp_path / "broken", header={"seed": 3})
    write_units(broken, range(8), checkpoint_at=4)
    if not killed:
        broken.interrupt()
    writer, state = RunWriter.resume(tmp_path / "broken")
    assert state == b"state after 4" == writer.read_checkpoint()
    write_units(writer, range(5, 12))
    writer.finish({})
    assert digests(tmp_path / "whole") == digests(tmp_path / "broken")
    assert not (tmp_path / "broken" / "checkpoint.bin").exists()
    assert json.loads((tmp_path / "broken" / "manifest.json").read_text())["seed"] == 3


def test_resume_refuses_what_cannot_go_on(tmp_path):
    with pytest.raises(OutputError, match="no run"):
        RunWriter.resume(tmp_path)
    RunWriter(tmp_path / "fresh")
    with pytest.raises(OutputError, match="checkpoint"):
        RunWriter.resume(tmp_path / "fresh")
    RunWriter(tmp_path / "done").finish({})
    with pytest.raises(OutputError, match="complete"):
        RunWriter.resume(tmp_path / "done")
    (tmp_path / "fresh" / "checkpoint.bin").write_bytes(b"something else")
    with pytest.raises(OutputError, match="version"):
        RunWriter.resume(tmp_path / "fresh")


def test_mistakes_of_the_caller_are_found(tmp_path):
    writer = RunWriter(tmp_path)
    with pytest.raises(ValueError, match="trades"):
        writer.append("trade", {"unit": [1]})
    with pytest.raises(ValueError, match="unknown"):
        writer.append("settlement", {"carrier": ["heat"], "unit": [0], "cost": [1]})
    with pytest.raises(ValueError, match="different lengths"):
        writer.append("weather", {"unit": [0, 1], "time": [None], "outdoor_c": 0.0, "global_w_m2": 0.0})
    with pytest.raises(ValueError, match="unit"):
        writer.append_array("electric/voltage", 0, ["bus 0"], [1.0])
    writer.append_array("heat/supply_c", 0, ["a"], [1.0])
    with pytest.raises(ValueError, match="fixed by its first row"):
        writer.append_array("heat/supply_c", 1, ["b"], [1.0])
    with pytest.raises(ValueError, match="not a table of a network array"):
        writer.append_array("trades", 1, ["b"], [1.0])
    with pytest.raises(ValueError, match="JSON"):
        writer.finish({"loss": float("nan")})


def test_manifest_takes_numpy_and_paths(tmp_path):
    RunWriter(tmp_path / "a").finish(
        {
            "n": np.int64(3),
            "x": np.float64(0.5),
            "v": np.arange(2),
            "p": tmp_path,
            "t": datetime(2026, 1, 5, tzinfo=UTC),
        }
    )
    content = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert (content["n"], content["x"], content["v"]) == (3, 0.5, [0, 1])
    with pytest.raises(TypeError):
        RunWriter(tmp_path / "b").finish({"o": object()})


def test_schema_is_sound():
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names))
        assert table.description
        assert all(column.description and column.unit for column in table.columns)
    assert network_table("electricity", "vm_pu") == "electric/vm_pu"
    assert unit_of("mass_flow_kg_s") == "kg/s"
