"""A made-up run to draw; its maker lives with the tests of the results."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "results" / "results_synthetic.py"


@pytest.fixture(scope="session")
def synthetic():
    spec = importlib.util.spec_from_file_location("results_synthetic_for_report", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def run_folder(synthetic, tmp_path_factory):
    return synthetic.make_run(tmp_path_factory.mktemp("runs") / "with", hostile=synthetic.HOSTILE)


@pytest.fixture(scope="session")
def other_folder(synthetic, tmp_path_factory):
    return synthetic.make_run(tmp_path_factory.mktemp("runs") / "without", feedback=False)
