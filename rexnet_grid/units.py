"""Quantities and time: the conversions every layer agrees on.

A *rate* is a power in kW, an *injection* is a rate that is positive into the network, energy is rate times the length
of the time unit. Orders, positions and prices are integers of lots and ticks; cash is an integer of *quanta*, one
quantum being tick x lot x unit length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Carrier = Literal["electricity", "heat"]

CARRIERS: tuple[Carrier, Carrier] = ("electricity", "heat")
ZERO_CELSIUS_K = 273.15
MINUTES_PER_HOUR = 60.0
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Quantum:
    """The smallest tradable rate, price step and amount of money of an exchange.

    Attributes
    ----------
    lot_kw
        Smallest rate [kW].
    tick_eur_per_mwh
        Smallest price step [EUR/MWh].
    unit_minutes
        Length of a time unit [min].
    """

    lot_kw: float
    tick_eur_per_mwh: float
    unit_minutes: int

    @property
    def hours(self) -> float:
        """Length of a time unit [h]."""
        return self.unit_minutes / MINUTES_PER_HOUR

    @property
    def eur(self) -> float:
        """Value of one quantum of cash [EUR]: tick [EUR/MWh] x lot [kW] x unit [h] / 1000 [kW/MW]."""
        return self.tick_eur_per_mwh * self.lot_kw * self.hours / 1000.0

    def lots(self, rate_kw: float) -> int:
        """Return the nearest whole number of lots to ``rate_kw`` [kW]."""
        return round(rate_kw / self.lot_kw)

    def ticks(self, price_eur_per_mwh: float) -> int:
        """Return the nearest whole number of ticks to a price [EUR/MWh]."""
        return round(price_eur_per_mwh / self.tick_eur_per_mwh)


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Delivery units 0, 1, 2 … on the time axis; unit u is [start + u·ε, start + (u+1)·ε).

    Attributes
    ----------
    start
        Start of unit 0, time-zone aware. Arithmetic is done in UTC, so a change of clocks neither repeats nor skips a
        unit.
    unit_minutes
        ε [min].
    """

    start: datetime
    unit_minutes: int

    def __post_init__(self) -> None:
        if self.start.tzinfo is None:
            raise ValueError("the start of a time grid needs a time zone")

    @property
    def seconds(self) -> float:
        """Length of a unit [s]."""
        return self.unit_minutes * 60.0

    @property
    def hours(self) -> float:
        """Length of a unit [h]."""
        return self.unit_minutes / MINUTES_PER_HOUR

    def time(self, unit: float) -> datetime:
        """Return the instant at which ``unit`` starts, in the zone of ``start``."""
        instant = self.start.astimezone(UTC) + timedelta(minutes=unit * self.unit_minutes)
        return instant.astimezone(self.start.tzinfo)
