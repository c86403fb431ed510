"""A made-up run to export; its maker lives with the tests of the results."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "results" / "results_synthetic.py"


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("results_synthetic_for_interop", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_run(tmp_path_factory.mktemp("runs") / "day")
