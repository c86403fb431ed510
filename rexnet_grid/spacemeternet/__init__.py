"""Infer the coupling of a delivery network from meters, with honest uncertainty.

The estimators follow scikit-learn's manners (parameters in the constructor, ``fit``, results with a trailing
underscore) without depending on it. Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.meterframe import MeterFrame
    from rexnet_grid.spacemeternet.phase import PhaseAssigner
    from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet
    from rexnet_grid.spacemeternet.voltage import VoltageSpaceNet

__all__ = ["MeterFrame", "PhaseAssigner", "ThermalSpaceNet", "VoltageSpaceNet"]

_HOME = {
    "MeterFrame": "rexnet_grid.spacemeternet.meterframe",
    "PhaseAssigner": "rexnet_grid.spacemeternet.phase",
    "ThermalSpaceNet": "rexnet_grid.spacemeternet.thermal",
    "VoltageSpaceNet": "rexnet_grid.spacemeternet.voltage",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
