"""What all participants share: who they are, when they wake, and how they see prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, MarketView, PlacePrices, Quotes, Realised
from rexnet_grid.prosumers.place import congestion_of_buying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from rexnet_grid.prosumers.base import BoolArray, Delivered, FloatArray, IntArray
    from rexnet_grid.units import Carrier

BUY, SELL = 0, 1
SIDES = np.array([BUY, SELL])
KWH_PER_MWH = 1000.0
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a participant is.

    Attributes
    ----------
    name, kind
        Unique name and kind, as :class:`~rexnet_grid.prosumers.base.Prosumer` has them.
    nodes
        Where it sits on each carrier it trades.
    curtailment_price
        What cutting it costs [EUR/MWh not served].
    wake_units
        Mean time between two wake-ups [units].
    arrivals
        Its own stream of wake-up times.
    """

    name: str
    kind: str
    nodes: Mapping[Carrier, str]
    curtailment_price: Mapping[Carrier, float]
    wake_units: float
    arrivals: Generator


class Participant:
    """A participant that wakes as a Poisson process and does what it reserved.

    Parameters
    ----------
    identity
        Who it is.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    @property
    def name(self) -> str:
        """Unique name."""
        return self._identity.name

    @property
    def kind(self) -> str:
        """Kind as reported."""
        return self._identity.kind

    @property
    def nodes(self) -> Mapping[Carrier, str]:
        """The node where it sits, for each carrier it trades."""
        return self._identity.nodes

    @property
    def curtailment_price(self) -> Mapping[Carrier, float]:
        """What cutting it costs [EUR/MWh not served]."""
        return self._identity.curtailment_price

    def next_wake(self, now: float) -> float:
        """Return the time of the next wake-up [units]: exponential waiting, so nobody wakes in step with others."""
        return now + float(self._identity.arrivals.exponential(self._identity.wake_units))

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:  # noqa: ARG002
        """Return no orders."""
        return {carrier: Quotes.none() for carrier in views}

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:  # noqa: ARG002
        """Return the secured reservation."""
        return {carrier: Realised.steady(rate) for carrier, rate in secured_kw.items()}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Take note of what was delivered; a participant without devices has nothing to move."""

    def record(self) -> Mapping[str, float]:
        """Return device states; none here."""
        return {}


@dataclass(frozen=True, slots=True)
class Prices:
    """Best prices as a participant reads them.

    Attributes
    ----------
    buy, sell
        What one more lot would cost and bring now [EUR/MWh]; where nobody quotes, the expected price with a premium
        for scarcity added or taken off.
    can_buy, can_sell
        Whether somebody quotes that this node can trade with.
    """

    buy: FloatArray
    sell: FloatArray
    can_buy: BoolArray
    can_sell: BoolArray


def read_prices(view: MarketView, expected: FloatArray, scarcity: float) -> Prices:
    """Return the prices in ``view``, with ``expected`` ± ``scarcity`` [EUR/MWh] where the market is silent.

    Where the network has no room left at a node, its view of the book is empty: scarcity, or the price of congestion
    there where it is higher, makes the participant look at other units first and pay more only where it has to.
    """
    can_buy, can_sell = view.ask != NO_PRICE, view.bid != NO_PRICE
    tick = view.tick_eur_per_mwh
    return Prices(
        buy=np.where(can_buy, view.ask * tick, expected + np.maximum(scarcity, congestion_of_buying(view))),
        sell=np.where(can_sell, view.bid * tick, expected - scarcity),
        can_buy=can_buy,
        can_sell=can_sell,
    )


def make_quotes(
    view: MarketView,
    buy_lots: IntArray,
    buy_price: FloatArray,
    sell_lots: IntArray,
    sell_price: FloatArray,
) -> Quotes:
    """Return the orders with positive lots; prices [EUR/MWh] are rounded in the participant's favour and bounded.

    All arrays are aligned to the units of ``view``. A buy limit is rounded down and a sell limit up to whole ticks, so
    rounding never turns a gain into a loss. Limits outside the exchange's bounds are moved onto them when that is in
    the participant's favour and dropped otherwise.
    """
    low, high = buy_price / view.tick_eur_per_mwh + ROUNDING, sell_price / view.tick_eur_per_mwh - ROUNDING
    buys = np.flatnonzero((buy_lots > 0) & (low >= view.min_price))
    sells = np.flatnonzero((sell_lots > 0) & (high <= view.max_price))
    price = np.concatenate(
        [np.floor(np.minimum(low[buys], view.max_price)), np.ceil(np.maximum(high[sells], view.min_price))]
    )
    return Quotes(
        unit=np.concatenate([view.units[buys], view.units[sells]]),
        side=np.repeat(SIDES, [len(buys), len(sells)]),
        price=price.astype(np.int64),
        lots=np.concatenate([buy_lots[buys], sell_lots[sells]]),
    )


def within(view: MarketView, units: int) -> MarketView:
    """Return the part of ``view`` before unit ``units``: nobody trades beyond what it has a forecast for."""
    if len(view.units) == 0 or view.units[-1] < units:
        return view
    return select(view, np.arange(np.searchsorted(view.units, units), dtype=np.int64))


def select(view: MarketView, rows: IntArray) -> MarketView:
    """Return the given rows of ``view``."""
    return MarketView(
        units=view.units[rows],
        bid=view.bid[rows],
        ask=view.ask[rows],
        bid_lots=view.bid_lots[rows],
        ask_lots=view.ask_lots[rows],
        position=view.position[rows],
        loss_factor=view.loss_factor[rows],
        congestion=None if view.congestion is None else _congestion_in(view.congestion, rows),
        network_charge=view.network_charge,
        lot_kw=view.lot_kw,
        tick_eur_per_mwh=view.tick_eur_per_mwh,
        min_price=view.min_price,
        max_price=view.max_price,
    )


def _congestion_in(prices: PlacePrices, rows: IntArray) -> PlacePrices:
    return PlacePrices(prices.injecting_eur_per_mwh[rows], prices.withdrawing_eur_per_mwh[rows], prices.limit[rows])
