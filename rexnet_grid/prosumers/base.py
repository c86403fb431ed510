"""What a participant is to the unit cycle: it trades when it wakes and acts when its unit comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.units import Carrier

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NetworkCharge = Literal["none", "losses", "losses_and_congestion"]

NO_PRICE = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class PlacePrices:
    """What limits of the network are worth at the own node (:class:`~rexnet_grid.delivery.CongestionPrices`).

    Attributes
    ----------
    injecting_eur_per_mwh, withdrawing_eur_per_mwh
        Price of an injection for who injects and for who withdraws: a rate r is worth r times it, so the second is
        negative where withdrawing strains a limit [EUR/MWh].
    limit
        The limit that adds most, empty where none does.
    """

    injecting_eur_per_mwh: FloatArray
    withdrawing_eur_per_mwh: FloatArray
    limit: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class MarketView:
    """What one participant sees of one carrier's exchange when it wakes; arrays are aligned to ``units``.

    Attributes
    ----------
    units
        The open units in ascending order.
    bid, ask
        Best prices of the others that this node can trade against [ticks]; ``NO_PRICE`` where there is none.
    bid_lots, ask_lots
        Quantity at these prices [lots].
    position
        Own position, sold minus bought [lots].
    loss_factor
        Marginal loss of the network per injection at the own node [kW/kW].
    lot_kw, tick_eur_per_mwh
        The rules' lot [kW] and tick [EUR/MWh].
    min_price, max_price
        Price limits of the exchange [ticks].
    congestion
        What limits that keep orders apart are worth here; None where none does.
    network_charge
        What the operator charges by place.
    """

    units: IntArray
    bid: IntArray
    ask: IntArray
    bid_lots: IntArray
    ask_lots: IntArray
    position: IntArray
    loss_factor: FloatArray
    lot_kw: float
    tick_eur_per_mwh: float
    min_price: int
    max_price: int
    congestion: PlacePrices | None = None
    network_charge: NetworkCharge = "none"


@dataclass(frozen=True, slots=True)
class Quotes:
    """All the limit orders a participant wants to have on one carrier's exchange; the cycle replaces what it had.

    Attributes
    ----------
    unit, side, price, lots
        Equal-length arrays: unit number, 0 buy or 1 sell, price [ticks], quantity [lots, positive].
    """

    unit: IntArray
    side: IntArray
    price: IntArray
    lots: IntArray

    @classmethod
    def none(cls) -> Quotes:
        """Return no orders at all."""
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty, empty)


@dataclass(frozen=True, slots=True)
class Realised:
    """What a participant really did on one carrier in one unit.

    Attributes
    ----------
    mean_kw
        Mean injection over the unit [kW].
    lowest_kw, highest_kw
        Lowest and highest injection inside the unit [kW], for the floor constraint.
    """

    mean_kw: float
    lowest_kw: float
    highest_kw: float

    @classmethod
    def steady(cls, rate_kw: float) -> Realised:
        """Return a rate that did not move inside the unit."""
        return cls(rate_kw, rate_kw, rate_kw)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the networks let a participant have after its realisation.

    Attributes
    ----------
    rate_kw
        Injection that was really carried, by carrier [kW].
    temperature_c
        Supply temperature at the participant's heat node, or the air of its flat, if it has one [degC].
    loss_kw, stored_kw
        For the network's operator: what its network lost and stored in the unit, where that is metered [kW].
    """

    rate_kw: Mapping[Carrier, float]
    temperature_c: float | None = None
    loss_kw: float | None = None
    stored_kw: float | None = None


class Prosumer(Protocol):
    """One participant, on one carrier or on both."""

    @property
    def name(self) -> str:
        """Unique name."""
        ...

    @property
    def kind(self) -> str:
        """Kind as reported, such as ``"household"``, ``"heat_pump"``, ``"battery"``, ``"supplier"``."""
        ...

    @property
    def nodes(self) -> Mapping[Carrier, str]:
        """The node where it sits, for each carrier it trades."""
        ...

    @property
    def curtailment_price(self) -> Mapping[Carrier, float]:
        """What cutting it costs [EUR/MWh not served]: the safety maintainer's merit order and the compensation."""
        ...

    def next_wake(self, now: float) -> float:
        """Return the time of the next wake-up, drawn from its own stream; both in units of ε since unit 0's start."""
        ...

    def trade(self, now: float, views: Mapping[Carrier, MarketView]) -> Mapping[Carrier, Quotes]:
        """Return the orders it wants on each carrier; a carrier left out keeps the orders it has."""
        ...

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:
        """Return what it does in ``unit`` given the secured reservation [kW injection] on each carrier."""
        ...

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Move its devices through ``unit`` with what the networks really carried."""
        ...

    def record(self) -> Mapping[str, float]:
        """Return device states worth a column in the results, with the unit in the name, such as ``"room_c"``."""
        ...


@runtime_checkable
class Dispatchable(Protocol):
    """A participant whose generation can be called, within limits."""

    def output_range_kw(self, carrier: Carrier) -> tuple[float, float]:
        """Return its least output when it runs, and its largest [kW]."""
        ...


@dataclass(frozen=True, slots=True)
class Population:
    """All participants of a scenario, in a stated order.

    Attributes
    ----------
    members
        The participants.
    notes
        What a reader of the results should know about where they came from.
    expected_price
        (n_units,) what everybody expects each unit to cost, by carrier [EUR/MWh].
    """

    members: tuple[Prosumer, ...]
    notes: tuple[str, ...] = field(default=())
    expected_price: Mapping[Carrier, FloatArray] = field(default_factory=dict)
