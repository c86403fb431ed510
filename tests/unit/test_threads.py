"""One thread for the linear algebra, unless the user wants more."""

from __future__ import annotations

import os

from threadpoolctl import threadpool_info

from rexnet_grid.threads import SETTINGS, one_thread, one_thread_each, one_thread_unless_set


def test_processes_that_start_inside_use_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with one_thread_each():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    one_thread_unless_set()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert os.environ["MKL_NUM_THREADS"] == "1"


def _blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_what_runs_inside_uses_one_thread(monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    before = _blas_threads()
    with one_thread():
        assert set(_blas_threads()) == {1}
    assert _blas_threads() == before


def test_the_user_may_have_more_threads(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    before = _blas_threads()
    with one_thread():
        assert _blas_threads() == before
