"""Step 5: readings with the meters' accuracy, SpaceMeterNet's food."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.unit import UnitOnCarrier
    from rexnet_grid.prosumers.base import FloatArray


@dataclass(frozen=True, slots=True)
class MeterAccuracy:
    """How good the meters are: standard deviations of independent normal errors, relative to the value.

    Attributes
    ----------
    energy
        Of an energy reading [-].
    voltage
        Of a voltage reading [-].
    temperature_k
        Of a temperature reading, in itself [K].
    """

    energy: float = 0.005
    voltage: float = 0.001
    temperature_k: float = 0.1


@dataclass(frozen=True, slots=True)
class Readings:
    """What the meters of one carrier show for one unit, by account.

    Attributes
    ----------
    energy_kwh
        Injected energy [kWh].
    vm_pu
        Voltage magnitude at the account's node [p.u.]; NaN for heat.
    air_c
        Air temperature at the account's node at the end of the unit [degC]; NaN where there is no thermometer.
    """

    energy_kwh: FloatArray
    vm_pu: FloatArray
    air_c: FloatArray


def read_meters(
    market: CarrierMarket, book: UnitOnCarrier, hours: float, accuracy: MeterAccuracy, rng: np.random.Generator
) -> Readings:
    """Return what the meters show for a delivered unit of ``hours`` [h]."""
    count = len(book.delivered_kw)
    errors = rng.standard_normal((2, count))
    energy = book.delivered_kw * hours * (1.0 + accuracy.energy * errors[0])
    voltage = np.full(count, np.nan)
    if book.state is not None and "vm_pu" in book.state.arrays:
        at_node = _aligned_to_nodes(market, "vm_pu", book.state.arrays["vm_pu"])
        voltage = at_node[market.seats.nodes] * (1.0 + accuracy.voltage * errors[1])
    air = np.full(count, np.nan)
    if book.state is not None and "air_c" in book.state.arrays:
        at_node = _aligned_to_nodes(market, "air_c", book.state.arrays["air_c"])
        air = at_node[market.seats.nodes] + accuracy.temperature_k * rng.standard_normal(count)
    return Readings(energy, voltage, air)


def _aligned_to_nodes(market: CarrierMarket, array: str, values: FloatArray) -> FloatArray:
    value = dict(zip(market.network.columns()[array], values.tolist(), strict=True))
    return np.array([value.get(node, np.nan) for node in market.network.nodes])
