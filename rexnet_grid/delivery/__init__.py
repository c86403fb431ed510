"""What a delivery network is, what it can still carry, and who is cut when physics says no."""

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.delivery.network import (
    CongestionPrices,
    DeliveryNetwork,
    EnergyBalance,
    LocationalSignal,
    NetworkState,
    Violation,
)
from rexnet_grid.delivery.offers import Option
from rexnet_grid.delivery.participants import Participants
from rexnet_grid.delivery.safety import Action, SafetyMaintainer, SecuredSchedule

__all__ = [
    "Action",
    "CongestionPrices",
    "DeliveryNetwork",
    "EnergyBalance",
    "Headroom",
    "LocationalSignal",
    "NetworkState",
    "Option",
    "Participants",
    "SafetyMaintainer",
    "SecuredSchedule",
    "Violation",
]
