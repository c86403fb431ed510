"""District heating with real thermal inertia: plug flow, pipe walls, meshes, substations, buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.buildings import Building
    from rexnet_grid.rexdynnet.curves import SupplyCurve
    from rexnet_grid.rexdynnet.delivery import HeatDelivery
    from rexnet_grid.rexdynnet.emitters import Emitter
    from rexnet_grid.rexdynnet.exchanger import Exchanger
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.network import HeatNetwork, Plant, Substation
    from rexnet_grid.rexdynnet.pipe import Pipe
    from rexnet_grid.rexdynnet.simulation import HeatSimulation
    from rexnet_grid.rexdynnet.single import simulate_pipe

__all__ = [
    "Building",
    "Emitter",
    "Exchanger",
    "Fluid",
    "HeatDelivery",
    "HeatLimits",
    "HeatNetwork",
    "HeatSimulation",
    "LinepackBand",
    "Pipe",
    "Plant",
    "Substation",
    "SupplyCurve",
    "simulate_pipe",
]

_HOME = {
    "Building": "buildings",
    "Emitter": "emitters",
    "Exchanger": "exchanger",
    "Fluid": "fluid",
    "HeatDelivery": "delivery",
    "HeatLimits": "limits",
    "HeatNetwork": "network",
    "HeatSimulation": "simulation",
    "LinepackBand": "linepack",
    "Pipe": "pipe",
    "Plant": "network",
    "Substation": "network",
    "SupplyCurve": "curves",
    "simulate_pipe": "single",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
