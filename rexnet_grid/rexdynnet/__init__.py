"""District heating with real thermal inertia: plug flow, pipe walls, meshes, substations, buildings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.booster import Booster
    from rexnet_grid.rexdynnet.buildings import Building
    from rexnet_grid.rexdynnet.controller import ControlSettings
    from rexnet_grid.rexdynnet.curves import SupplyCurve
    from rexnet_grid.rexdynnet.delivery import HeatDelivery
    from rexnet_grid.rexdynnet.emitters import Emitter
    from rexnet_grid.rexdynnet.exchanger import Exchanger
    from rexnet_grid.rexdynnet.fluid import Fluid
    from rexnet_grid.rexdynnet.greybox import GreyBox
    from rexnet_grid.rexdynnet.heating import BuildingRun, SetPoint, simulate_building
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.network import HeatNetwork, Plant, Substation
    from rexnet_grid.rexdynnet.pipe import Pipe
    from rexnet_grid.rexdynnet.plants import Chp, Collector, EfficiencyCurve, OperatingRange
    from rexnet_grid.rexdynnet.pressure import Pressures, absolute_pressures, pressure_issues
    from rexnet_grid.rexdynnet.pump import Pump
    from rexnet_grid.rexdynnet.simulation import HeatSimulation
    from rexnet_grid.rexdynnet.single import simulate_pipe
    from rexnet_grid.rexdynnet.tank import StratifiedTank

__all__ = [
    "Booster",
    "Building",
    "BuildingRun",
    "Chp",
    "Collector",
    "ControlSettings",
    "EfficiencyCurve",
    "Emitter",
    "Exchanger",
    "Fluid",
    "GreyBox",
    "HeatDelivery",
    "HeatLimits",
    "HeatNetwork",
    "HeatSimulation",
    "LinepackBand",
    "OperatingRange",
    "Pipe",
    "Plant",
    "Pressures",
    "Pump",
    "SetPoint",
    "StratifiedTank",
    "Substation",
    "SupplyCurve",
    "absolute_pressures",
    "pressure_issues",
    "simulate_building",
    "simulate_pipe",
]

_HOME = {
    "Booster": "booster",
    "Building": "buildings",
    "BuildingRun": "heating",
    "Chp": "plants",
    "Collector": "plants",
    "ControlSettings": "controller",
    "EfficiencyCurve": "plants",
    "Emitter": "emitters",
    "Exchanger": "exchanger",
    "Fluid": "fluid",
    "GreyBox": "greybox",
    "HeatDelivery": "delivery",
    "HeatLimits": "limits",
    "HeatNetwork": "network",
    "HeatSimulation": "simulation",
    "LinepackBand": "linepack",
    "OperatingRange": "plants",
    "Pipe": "pipe",
    "Plant": "network",
    "Pressures": "pressure",
    "Pump": "pump",
    "SetPoint": "heating",
    "StratifiedTank": "tank",
    "Substation": "network",
    "SupplyCurve": "curves",
    "absolute_pressures": "pressure",
    "pressure_issues": "pressure",
    "simulate_building": "heating",
    "simulate_pipe": "single",
}

__getattr__, __dir__ = on_first_use(__name__, {name: f"{__name__}.{module}" for name, module in _HOME.items()})
