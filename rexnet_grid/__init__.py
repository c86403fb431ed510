"""Co-simulation of reservation markets for energy and of the networks that deliver it.

The names below are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.api import run
    from rexnet_grid.results import Results
    from rexnet_grid.scenario import Scenario, Simulation

__version__ = "0.1.0"
__all__ = ["Results", "Scenario", "Simulation", "__version__", "run"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "Results": "rexnet_grid.results",
        "Scenario": "rexnet_grid.scenario",
        "Simulation": "rexnet_grid.scenario",
        "run": "rexnet_grid.api",
    },
    "__version__",
)
