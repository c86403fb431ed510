"""Electric delivery network: power flow, sensitivities, headroom, on networks that pandapower holds."""

from rexnet_grid.electric.delivery import ElectricDelivery
from rexnet_grid.electric.flow import PowerFlow
from rexnet_grid.electric.limits import ElectricLimits
from rexnet_grid.electric.network import ElectricNetwork
from rexnet_grid.electric.sensitivity import Sensitivities

__all__ = ["ElectricDelivery", "ElectricLimits", "ElectricNetwork", "PowerFlow", "Sensitivities"]
