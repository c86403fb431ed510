"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from rexnet_grid.threads import one_thread_unless_set

one_thread_unless_set()
settings.register_profile("ci", derandomize=True)  # a change is judged by what it does, not by today's draw
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def validation_dir() -> Path:
    folder = Path(os.environ.get("REXNET_VALIDATION_DATA", ROOT.parent / "shared" / "validation"))
    if not folder.is_dir():
        pytest.skip(f"no validation data in {folder}; set REXNET_VALIDATION_DATA to the folder that holds it")
    return folder
