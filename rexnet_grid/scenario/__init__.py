"""Scenarios: what determines a run, read from TOML, and how a run is made of it.

The names below are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.cosim import Simulation
    from rexnet_grid.scenario.checking import check_scenario
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.scenario.running import run

__all__ = ["Scenario", "Simulation", "check_scenario", "run"]

_HOME = {
    "Scenario": "rexnet_grid.scenario.models",
    "Simulation": "rexnet_grid.cosim",
    "check_scenario": "rexnet_grid.scenario.checking",
    "run": "rexnet_grid.scenario.running",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
