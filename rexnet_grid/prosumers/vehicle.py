"""An electric vehicle: it comes home, needs its energy by departure, and charges when it is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.flexible import FlexibleConsumer, StoreOutlook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from rexnet_grid.prosumers.base import Delivered, FloatArray, IntArray
    from rexnet_grid.prosumers.flexible import FlexibleTerms
    from rexnet_grid.prosumers.participant import Identity

ARRIVAL_H, ARRIVAL_SPREAD_H = 17.5, 1.5
DEPARTURE_H, DEPARTURE_SPREAD_H = 7.2, 0.8
LEAST_CHARGE_KWH = 2.0


@dataclass(frozen=True, slots=True)
class Stays:
    """When a vehicle is at home and what it needs before it leaves.

    Attributes
    ----------
    arrival, departure
        (n_stays,) first unit at home and first unit away again, in order and apart.
    need_kwh
        (n_stays,) energy to be charged in each stay, at the plug [kWh].
    """

    arrival: IntArray
    departure: IntArray
    need_kwh: FloatArray


def draw_stays(kwh_per_day: float, rate_kw: float, hour: FloatArray, unit_minutes: int, generator: Generator) -> Stays:
    """Return a night at home for every day: arrival about half past five, departure about seven in the morning.

    Times are normal, energies exponential around their mean (many short trips, few long ones; the shape of the German
    mobility survey MiD 2017), cut at what the stay can charge.

    Parameters
    ----------
    kwh_per_day
        Mean energy [kWh].
    rate_kw
        Charging rate [kW].
    hour
        (n_units,) local clock time at the middle of each unit [h].
    unit_minutes
        Length of a unit [min].
    generator
        The vehicle's own stream.
    """
    hours = unit_minutes / 60.0
    first = -float(hour[0])
    days = int(np.ceil((len(hour) * hours - first) / 24.0)) + 1
    arrival_h = 24.0 * np.arange(-1, days) + first + ARRIVAL_H + ARRIVAL_SPREAD_H * generator.standard_normal(days + 1)
    departure_h = (
        24.0 * np.arange(days + 1) + first + DEPARTURE_H + DEPARTURE_SPREAD_H * generator.standard_normal(days + 1)
    )
    need = LEAST_CHARGE_KWH + generator.exponential(max(kwh_per_day - LEAST_CHARGE_KWH, 0.1), days + 1)
    whole = np.maximum((departure_h - arrival_h) / hours, 1.0)
    arrival = np.clip(np.rint(arrival_h / hours), 0, None).astype(np.int64)
    departure = np.rint(departure_h / hours).astype(np.int64)
    left = (departure - arrival) / whole
    at_home = (departure > arrival) & (arrival < len(hour))
    need = np.minimum(need * np.clip(left, 0.0, 1.0), 0.9 * rate_kw * hours * (departure - arrival))
    return Stays(arrival[at_home], departure[at_home], need[at_home])


class ElectricVehicle(FlexibleConsumer):
    """A vehicle whose stays are known to its owner a day ahead.

    Energy missing at departure is worth the ceiling, so that it pays more and more the fewer units are left.

    Parameters
    ----------
    identity, expected_price, terms, hours
        As in :class:`FlexibleConsumer`.
    stays
        When it is at home.
    rate_kw
        Largest charging rate [kW].
    """

    def __init__(
        self,
        identity: Identity,
        expected_price: FloatArray,
        terms: FlexibleTerms,
        hours: float,
        stays: Stays,
        rate_kw: float,
    ) -> None:
        super().__init__(identity, "electricity", expected_price, terms, hours)
        self.stays = stays
        self.rate_kw = rate_kw
        self.charged_kwh = 0.0
        self.missed_kwh = 0.0

    def stay(self, unit: int) -> int:
        """Return the number of the stay that has not ended before ``unit``."""
        return int(np.searchsorted(self.stays.departure, unit, side="right"))

    def outlook(self, first: int, slots: int) -> StoreOutlook:
        """Return the energy still needed before each departure.

        The store is what was charged in this stay: it is gone at departure, so nothing is charged ahead for the next.
        """
        need, rate, capacity = np.zeros(slots), np.zeros(slots), np.zeros(slots)
        beyond, stays = 0.0, self.stays
        for k in range(self.stay(first), len(stays.need_kwh)):
            begin, end = max(int(stays.arrival[k]) - first, 0), int(stays.departure[k]) - first
            if begin >= slots:
                break
            rate[begin:end] = self.rate_kw
            capacity[begin : end - 1] = stays.need_kwh[k]
            if end <= slots:
                need[end - 1] = stays.need_kwh[k]
            else:
                beyond = float(stays.need_kwh[k]) * (slots - begin) / (end - begin)
        return StoreOutlook(
            need=need,
            kwh_per_kw=np.full(slots, self.hours),
            max_kw=rate,
            capacity=capacity,
            keep=1.0,
            initial=self.charged_kwh,
            final=beyond,
        )

    def usable_kw(self, unit: int) -> float:
        """Return the charging rate while it is plugged in and not full [kW]."""
        k = self.stay(unit)
        if k >= len(self.stays.need_kwh) or unit < self.stays.arrival[k]:
            return 0.0
        return min(self.rate_kw, max(float(self.stays.need_kwh[k]) - self.charged_kwh, 0.0) / self.hours)

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Charge with what really came; at departure start anew and remember what was missed."""
        self.charged_kwh += max(-delivered.rate_kw["electricity"], 0.0) * self.hours
        self._at = unit + 1
        k = self.stay(unit)
        if k < len(self.stays.need_kwh) and self.stays.departure[k] == self._at:
            self.missed_kwh += max(float(self.stays.need_kwh[k]) - self.charged_kwh, 0.0)
            self.charged_kwh = 0.0

    def record(self) -> Mapping[str, float]:
        """Return energy charged in this stay and missed at departures so far."""
        return {"charged_kwh": self.charged_kwh, "missed_kwh": self.missed_kwh}
