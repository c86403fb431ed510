"""Infer the coupling of a delivery network from meters, with honest uncertainty.

The estimators follow scikit-learn's manners (parameters in the constructor, ``fit``, results with a trailing
underscore) without depending on it. Nothing is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.meterframe import MeterFrame
    from rexnet_grid.spacemeternet.phase import PhaseAssigner
    from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet
    from rexnet_grid.spacemeternet.voltage import VoltageSpaceNet

__all__ = ["MeterFrame", "PhaseAssigner", "ThermalSpaceNet", "VoltageSpaceNet"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "MeterFrame": "rexnet_grid.spacemeternet.meterframe",
        "PhaseAssigner": "rexnet_grid.spacemeternet.phase",
        "ThermalSpaceNet": "rexnet_grid.spacemeternet.thermal",
        "VoltageSpaceNet": "rexnet_grid.spacemeternet.voltage",
    },
)
