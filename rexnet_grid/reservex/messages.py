"""What goes into an exchange and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.reservex.layout import REASONS, STATUSES, IntArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INT64 = np.dtype(np.int64)
_STATUS_NAMES = np.array(STATUSES)
_REASON_NAMES = np.array(REASONS, dtype=object)


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
class OrderBatch:
    """Commands in columns, carried out strictly in order.

    Attributes
    ----------
    account, unit, side, price, lots, action, order_id
        Equal-length arrays of whole numbers: side 0 buy, 1 sell; price [tick]; lots; action 0 new limit order good till
        gate, 1 cancel, 2 shrink to ``lots``; ``order_id`` is read for actions 1 and 2.

    Raises
    ------
    ValueError
        When the arrays differ in length or do not hold whole numbers.
    """

    account: IntArray
    unit: IntArray
    side: IntArray
    price: IntArray
    lots: IntArray
    action: IntArray
    order_id: IntArray

    def __post_init__(self) -> None:
        arrays = (self.account, self.unit, self.side, self.price, self.lots, self.action, self.order_id)
        shape = getattr(self.account, "shape", None)
        for array in arrays:
            if not (type(array) is np.ndarray and array.dtype is _INT64 and array.flags.c_contiguous):
                break
            if array.shape != shape:
                break
        else:
            if len(self.account.shape) == 1:
                return
        self._convert()

    def _convert(self) -> None:
        size = -1
        for field in fields(self):
            given = np.asarray(getattr(self, field.name))
            if given.dtype.kind not in "iu" and given.size:
                raise ValueError(f"{field.name} must hold whole numbers, not {given.dtype}")
            if given.ndim != 1 or size not in (-1, given.shape[0]):
                raise ValueError(f"the arrays of a batch must be one-dimensional and equally long; {field.name} is not")
            size = given.shape[0]
            object.__setattr__(self, field.name, np.ascontiguousarray(given, dtype=np.int64))

    def __len__(self) -> int:
        return int(self.account.shape[0])

    @classmethod
    def new(cls, account: int, unit: IntArray, side: IntArray, price: IntArray, lots: IntArray) -> OrderBatch:
        """Return a batch of new orders of one account."""
        zeros = np.zeros(len(unit), dtype=np.int64)
        return cls(np.full(len(unit), account, dtype=np.int64), unit, side, price, lots, zeros, zeros)

    @classmethod
    def cancel(cls, account: int, order_id: IntArray) -> OrderBatch:
        """Return a batch that cancels orders of one account."""
        zeros = np.zeros(len(order_id), dtype=np.int64)
        who = np.full(len(order_id), account, dtype=np.int64)
        return cls(who, zeros, zeros, zeros, zeros, np.ones(len(order_id), dtype=np.int64), order_id)

    def then(self, other: OrderBatch) -> OrderBatch:
        """Return this batch followed by another."""
        return OrderBatch(*(np.concatenate((getattr(self, f.name), getattr(other, f.name))) for f in fields(self)))


@dataclass
class BatchReceipt:
    """Answers aligned to the rows of a batch.

    Attributes
    ----------
    rows
        Rows of the three next columns, (3, n).
    """

    rows: IntArray

    @property
    def order_id(self) -> IntArray:
        """Id given to a new order, or the one a cancel or shrink named."""
        row: IntArray = self.rows[0]
        return row

    @property
    def code(self) -> IntArray:
        """Status and reason as numbers: status | reason << 3."""
        row: IntArray = self.rows[1]
        return row

    @property
    def filled_lots(self) -> IntArray:
        """Lots traded at once."""
        row: IntArray = self.rows[2]
        return row

    @cached_property
    def status(self) -> NDArray[np.str_]:
        """Status of each row, as in :class:`Receipt`."""
        names: NDArray[np.str_] = _STATUS_NAMES[self.code & 7]
        return names

    @cached_property
    def reason(self) -> NDArray[np.object_]:
        """Reason of each row, as in :class:`Receipt`."""
        names: NDArray[np.object_] = _REASON_NAMES[self.code >> 3]
        return names


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
