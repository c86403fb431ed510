"""Scenarios: what determines a run, read from TOML, and how a run is made of it.

The names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.cosim import Simulation
    from rexnet_grid.scenario.checking import check_scenario
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.scenario.running import simulate

__all__ = ["Scenario", "Simulation", "check_scenario", "simulate"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "Scenario": "rexnet_grid.scenario.models",
        "Simulation": "rexnet_grid.cosim",
        "check_scenario": "rexnet_grid.scenario.checking",
        "simulate": "rexnet_grid.scenario.running",
    },
)
