"""District heating with real thermal inertia: plug flow, pipe walls, meshes, substations, buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.buildings import Building
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.network import HeatNetwork, Plant, Substation
    from rexnet_grid.rexdynnet.pipe import Pipe
    from rexnet_grid.rexdynnet.simulation import HeatSimulation
    from rexnet_grid.rexdynnet.single import simulate_pipe

__all__ = [
    "Building",
    "Fluid",
    "HeatNetwork",
    "HeatSimulation",
    "Pipe",
    "Plant",
    "Substation",
    "simulate_pipe",
]

_HOME = {
    "Building": "buildings",
    "Fluid": "fluid",
    "HeatNetwork": "network",
    "HeatSimulation": "simulation",
    "Pipe": "pipe",
    "Plant": "network",
    "Substation": "network",
    "simulate_pipe": "single",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
