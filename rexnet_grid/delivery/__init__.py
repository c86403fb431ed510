"""What a delivery network is, what it can still carry, and who is cut when physics says no."""

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.delivery.network import DeliveryNetwork, EnergyBalance, LocationalSignal, NetworkState, Violation

__all__ = ["DeliveryNetwork", "EnergyBalance", "Headroom", "LocationalSignal", "NetworkState", "Violation"]
