"""The operators of networks in the market: they buy what their networks lose, early where the pipes can hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from rexnet_grid.prosumers.flexible import FlexibleConsumer, StoreOutlook
from rexnet_grid.prosumers.participant import Participant, make_quotes, within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray, IntArray, MarketView, Quotes
    from rexnet_grid.prosumers.flexible import FlexibleTerms
    from rexnet_grid.prosumers.household import Patience
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.units import Carrier

MEMORY = 0.9
HOURS_TO_FILL = 2.0


class NetworkOperator(Protocol):
    """An operator that a network tells what it can hold."""

    def observe(
        self,
        stored_kwh: float,
        lowest_kwh: float | FloatArray,
        highest_kwh: float | FloatArray,
        units: IntArray | None = None,
        loss_kw: FloatArray | None = None,
        planned_kwh: FloatArray | None = None,
        keep: float = 1.0,
    ) -> None:
        """Take the linepack, its band and the losses to come, as :meth:`HeatOperator.observe` has them."""
        ...


class LossForecast:
    """What a network is going to lose: an exponential mean of what it lost, or what the network says itself.

    Parameters
    ----------
    loss_kw
        The loss expected before any is metered [kW].
    units
        Number of units.
    """

    def __init__(self, loss_kw: float, units: int) -> None:
        self.loss_kw = np.full(units, loss_kw)
        self._told_until = 0

    def learn(self, unit: int, lost_kw: float | None) -> None:
        """Move what is expected after ``unit`` a tenth of the way to what was lost in it, where that was metered."""
        if lost_kw is not None:
            coming = slice(max(unit + 1, self._told_until), None)
            self.loss_kw[coming] += (1.0 - MEMORY) * (lost_kw - self.loss_kw[coming])

    def tell(self, units: IntArray, loss_kw: FloatArray) -> None:
        """Take the loss [kW] that the network expects in each of the coming ``units``."""
        self.loss_kw[units] = loss_kw
        self._told_until = max(self._told_until, int(units.max(initial=-1)) + 1)


class GridOperator(Participant):
    """The participant of kind ``"operator"`` that stands for the electric network and buys its losses.

    Its rate is not put into the network: what it did in a unit is minus the sum of everybody else.

    Parameters
    ----------
    identity
        Who it is, of kind ``"operator"``, at the supply node.
    expected_price
        (n_units,) the price it expects [EUR/MWh].
    patience
        How its limits move.
    losses
        What it expects to be lost.
    """

    def __init__(
        self, identity: Identity, expected_price: FloatArray, patience: Patience, losses: LossForecast
    ) -> None:
        super().__init__(identity)
        self.expected_price = expected_price
        self.patience = patience
        self.losses = losses
        self._at = 0

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return orders that bring the position to the loss expected."""
        view = within(views["electricity"], len(self.expected_price))
        lead: FloatArray = np.asarray(view.units - now, dtype=np.float64)
        buy, sell = self.patience.limits(lead, self.expected_price[view.units])
        short = np.rint(self.losses.loss_kw[view.units] / view.lot_kw).astype(np.int64) + view.position
        return {"electricity": make_quotes(view, np.maximum(short, 0), buy, np.maximum(-short, 0), sell)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Learn from what the network lost."""
        self._at = unit + 1
        self.losses.learn(unit, delivered.loss_kw)

    def record(self) -> Mapping[str, float]:
        """Return the loss expected next."""
        return {"expected_loss_kw": _next(self.losses.loss_kw, self._at)}


class HeatOperator(FlexibleConsumer):
    """The participant of kind ``"operator"`` that stands for the heat network and holds the heat in its pipes.

    It buys the losses, and it buys them when heat is cheap: the pipes are a store with a band that the network tells
    it (its *linepack*), so that the exchange can clear a unit out of balance inside this band. As any flexible
    consumer it sells what it holds to whoever pays more than replacing it costs. Its rate is not put into the network:
    what it did in a unit is minus the sum of everybody else.

    Parameters
    ----------
    identity
        Who it is, of kind ``"operator"``, at the plant.
    expected_price, terms, hours
        As in :class:`FlexibleConsumer`.
    losses
        What it expects to be lost.
    band_kwh
        Half the band that it uses until :meth:`observe` says better [kWh].
    """

    def __init__(
        self,
        identity: Identity,
        expected_price: FloatArray,
        terms: FlexibleTerms,
        hours: float,
        losses: LossForecast,
        band_kwh: float,
    ) -> None:
        super().__init__(identity, "heat", expected_price, terms, hours)
        self.losses = losses
        self.stored_kwh, self.keep = 0.0, 1.0
        units = len(expected_price)
        self.lowest_kwh, self.highest_kwh = np.full(units, -band_kwh), np.full(units, band_kwh)
        self.planned_kwh = np.zeros(units)

    def observe(
        self,
        stored_kwh: float,
        lowest_kwh: float | FloatArray,
        highest_kwh: float | FloatArray,
        units: IntArray | None = None,
        loss_kw: FloatArray | None = None,
        planned_kwh: FloatArray | None = None,
        keep: float = 1.0,
    ) -> None:
        """Take what the network says at a boundary: its linepack and, if it knows, its losses to come.

        Parameters
        ----------
        stored_kwh
            Heat in the pipes above the reference state [kWh].
        lowest_kwh, highest_kwh
            The band in which it is to be held, one number or one for each of ``units`` [kWh].
        units, loss_kw
            Open units and the loss expected in each [kW].
        planned_kwh
            What is to be held at the end of each of ``units``; by default the middle of the band [kWh].
        keep
            Part of what is held above the lower end of the band that is left after a unit [-].
        """
        self.stored_kwh, self.keep = stored_kwh, keep
        middle = 0.5 * (np.asarray(lowest_kwh) + np.asarray(highest_kwh))
        told = (lowest_kwh, highest_kwh, middle if planned_kwh is None else planned_kwh)
        for into, values in zip((self.lowest_kwh, self.highest_kwh, self.planned_kwh), told, strict=True):
            given = np.atleast_1d(np.asarray(values, dtype=np.float64))
            first = 0 if units is None or not len(units) else int(units[0])
            into[first : first + len(given)] = given[: len(into) - first]
            into[first + len(given) :] = given[-1]
        if units is not None and loss_kw is not None:
            self.losses.tell(units, loss_kw)

    def outlook(self, first: int, slots: int) -> StoreOutlook:
        """Return the losses to be covered and the band in the pipes, which may be filled in two hours.

        The store counts from the lower end of the band, so where that end rises it takes heat like a loss.
        """
        coming = slice(first, first + slots)
        lowest = self.lowest_kwh[coming]
        band = np.maximum(self.highest_kwh[coming] - lowest, 0.0)
        loss_kw = self.losses.loss_kw[coming]
        rise_kwh = np.diff(lowest, prepend=lowest[:1])
        missing_kwh = max(float(lowest[0]) - self.stored_kwh, 0.0)
        return StoreOutlook(
            need=loss_kw * self.hours + rise_kwh,
            kwh_per_kw=np.full(slots, self.hours),
            max_kw=loss_kw + (np.maximum(rise_kwh, 0.0) + missing_kwh) / self.hours + band / HOURS_TO_FILL,
            capacity=band,
            keep=self.keep,
            initial=self.stored_kwh - float(lowest[0]),
            final=float(np.clip(self.planned_kwh[first + slots - 1] - lowest[-1], 0.0, band[-1])),
        )

    def usable_kw(self, unit: int) -> float:
        """Return the loss and what the band can still take [kW]."""
        room = max(float(self.highest_kwh[unit]) - self.stored_kwh, 0.0)
        return float(self.losses.loss_kw[unit]) + room / self.hours

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Count what the pipes hold, by default what was bought beyond the loss, and learn from what was lost."""
        surplus_kw = self._bought_kw[unit] - self.losses.loss_kw[unit]
        self.stored_kwh += float(surplus_kw if delivered.stored_kw is None else delivered.stored_kw) * self.hours
        self.losses.learn(unit, delivered.loss_kw)
        self._at = unit + 1

    def record(self) -> Mapping[str, float]:
        """Return the heat held and the loss expected next."""
        return {"stored_kwh": self.stored_kwh, "expected_loss_kw": _next(self.losses.loss_kw, self._at)}


def _next(series: FloatArray, unit: int) -> float:
    return float(series[min(unit, len(series) - 1)])
