"""Compiling ahead calls what a run calls, and is left out where it has been done."""

from __future__ import annotations

import subprocess

from rexnet_grid.scenario import warming


def test_both_halves_can_be_compiled_alone():
    warming.warm_exchange()
    warming.warm_heat()


def test_nothing_is_started_when_the_kernels_are_there(monkeypatch, tmp_path):
    (tmp_path / "kernel.advance-1.py311.nbi").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: (_ for _ in ()).throw(AssertionError("started")))
    with warming.compiled_side_by_side():
        pass


def test_a_process_that_fails_costs_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(warming, "_HEAT", "raise SystemExit(3)")
    with warming.compiled_side_by_side():
        reached = True
    assert reached
