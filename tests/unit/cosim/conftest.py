"""A small town for runs that take a second."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rexnet_grid.results import RunWriter
from rexnet_grid.scenario.build import build_simulation
from rexnet_grid.scenario.models import Scenario
from rexnet_grid.scenario.running import header


@pytest.fixture
def scenario():
    """Grid 13 of Schutterwald, the smallest, for two hours of a winter evening."""
    return Scenario.from_dict(
        {
            "scenario": {"name": "small", "start": datetime(2026, 1, 13, 16, tzinfo=UTC), "units": 8, "seed": 3},
            "electric": {"network": "lv_schutterwald:13", "supply_vm_pu": 1.0, "tap_pos": 0},
            "market": {"electricity": {"forward_units": 8}},
            "population": {"battery_share": 0.5, "ev_share": 0.5},
        }
    )


@pytest.fixture
def build(tmp_path):
    """Build a run in a folder of its own; ``build(scenario, name)``."""

    def make(scenario, name="run", checkpoint=None):
        writer = RunWriter(tmp_path / name, header=header(scenario))
        return build_simulation(scenario, writer, checkpoint)

    return make
