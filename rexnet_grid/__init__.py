"""Co-simulation of reservation markets for energy and of the networks that deliver it.

The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.api import run
    from rexnet_grid.results import Results
    from rexnet_grid.scenario import Scenario, Simulation

__version__ = "0.1.0"
__all__ = ["Results", "Scenario", "Simulation", "__version__", "run"]

_HOME = {
    "Results": "rexnet_grid.results",
    "Scenario": "rexnet_grid.scenario",
    "Simulation": "rexnet_grid.scenario",
    "run": "rexnet_grid.api",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
