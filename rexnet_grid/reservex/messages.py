"""What goes into an exchange and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rexnet_grid.reservex.layout import IntArray


class Fill(NamedTuple):
    """One trade of an order."""

    price: int
    lots: int
    maker_order_id: int


class Receipt(NamedTuple):
    """The answer to one command.

    Attributes
    ----------
    order_id
        The order; new orders are numbered 1, 2, 3 … over the whole exchange, rejected ones too.
    status
        ``"resting"`` (nothing traded, all of it rests), ``"partial"`` (some traded, the rest rests), ``"filled"``,
        ``"cancelled"`` (what did not trade was cancelled; see ``fills`` for what did) or ``"rejected"``.
    fills
        Trades as (price [tick], lots, maker's order id).
    reason
        Why it was rejected or cancelled; empty otherwise.
    """

    order_id: int
    status: str
    fills: tuple[Fill, ...] = ()
    reason: str = ""


class AuctionResult(NamedTuple):
    """The outcome of a call auction: price [tick] (``None`` without a trade), lots, demand minus supply [lot]."""

    price: int | None
    lots: int
    surplus_lots: int


class Reservations(NamedTuple):
    """Positions when a gate closed: ``lots[account]``, sold minus bought, so positive is an injection [lot]."""

    unit: int
    lots: IntArray


class DepthRow(NamedTuple):
    """One price level: price [tick], displayed lots, number of orders."""

    price: int
    lots: int
    orders: int


class Depth(NamedTuple):
    """The best levels of a unit's book, best first."""

    bids: tuple[DepthRow, ...]
    asks: tuple[DepthRow, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    """What one account sees of the open units, and its own resting orders.

    Attributes
    ----------
    units
        Open units, ascending; the next six are aligned to it.
    bid, ask
        Best prices of the others that the account's node can trade against [tick], ``NO_PRICE`` (int64's least) where
        there is none.
    bid_lots, ask_lots
        Displayed quantity at these prices [lot].
    position
        Own position, sold minus bought [lot].
    order_id, order_unit, order_side, order_price, order_lots
        Own resting orders, eldest first; side 0 buy, 1 sell; lots with hidden ones.
    """

    units: IntArray
    bid: IntArray
    ask: IntArray
    bid_lots: IntArray
    ask_lots: IntArray
    position: IntArray
    order_id: IntArray
    order_unit: IntArray
    order_side: IntArray
    order_price: IntArray
    order_lots: IntArray
