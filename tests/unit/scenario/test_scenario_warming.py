"""Compiling ahead calls what a run calls, and is left out where it has been done."""

from __future__ import annotations

import logging
import subprocess

from rexnet_grid.cli.progress import progress
from rexnet_grid.scenario import warming


def test_each_part_can_be_compiled_alone():
    warming.warm_exchange()
    warming.warm_electric()
    warming.warm_heat()


def test_nothing_is_started_when_the_kernels_are_there(monkeypatch, tmp_path, caplog):
    for kernel in ("kernel.advance", "kernels.power_flows"):
        (tmp_path / f"{kernel}-1.py311.nbi").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: (_ for _ in ()).throw(AssertionError("started")))
    warming.compile_side_by_side(("electric", "heat"))
    assert not caplog.records


def test_who_waits_is_told_why_unless_he_wants_quiet(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(warming, "_WARM", "")
    with progress("a run", quiet=True):
        warming.compile_side_by_side(("heat",))
    assert not caplog.records
    with progress("a run", quiet=False):
        warming.compile_side_by_side(("heat",))
    assert "compiling" in caplog.text
    assert logging.getLogger("rexnet_grid").level == logging.NOTSET


def test_only_what_is_missing_is_compiled(monkeypatch, tmp_path):
    (tmp_path / "kernel.advance-1.py311.nbi").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    started = []
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda args, **how: started.append(args) or real([*args[:-1], ""], **how))
    warming.compile_side_by_side(("electric", "heat"))
    assert [args[-1].endswith("warm_electric()") for args in started] == [True]


def test_a_process_that_fails_costs_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(warming, "_WARM", "raise SystemExit(3)")
    warming.compile_side_by_side(("heat",))
