"""Many commands in one array, and many answers in another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from rexnet_grid.reservex.compiled import entry
from rexnet_grid.reservex.layout import (
    C_ACCOUNT,
    C_ACTION,
    C_LOTS,
    C_ORDER,
    C_PRICE,
    C_SIDE,
    C_UNIT,
    COMMAND,
    REASONS,
    STATUSES,
    IntArray,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STATUS_NAMES = np.array(STATUSES)
_REASON_NAMES = np.array(REASONS, dtype=object)
_COLUMNS = ("account", "unit", "side", "price", "lots", "action", "order_id")


class OrderBatch:
    """Commands, carried out strictly in order; a copy of what it is made of.

    Parameters
    ----------
    account, unit, side, price, lots, action, order_id
        Equal-length arrays of whole numbers: side 0 buy, 1 sell; price [tick]; lots; action 0 new limit order good till
        gate, 1 cancel, 2 shrink to ``lots``; ``order_id`` is read for actions 1 and 2.

    Attributes
    ----------
    rows
        (n, 8) int64: a command a row, its numbers in the order of the parameters. A row is as long as a cache line, so
        that the matcher reads memory straight through.

    Raises
    ------
    ValueError
        When the arrays differ in length or do not hold whole numbers.
    """

    __slots__ = ("rows",)

    def __init__(
        self,
        account: IntArray,
        unit: IntArray,
        side: IntArray,
        price: IntArray,
        lots: IntArray,
        action: IntArray,
        order_id: IntArray,
    ) -> None:
        try:
            self.rows: IntArray = np.empty((len(account), COMMAND), dtype=np.int64)
            if _packing()(account, unit, side, price, lots, action, order_id, self.rows):
                return
        except TypeError:
            pass  # lists, other types of number, or every other element of an array
        columns = _whole_columns((account, unit, side, price, lots, action, order_id))
        self.rows = np.empty((len(columns[0]), COMMAND), dtype=np.int64)
        _packing()(*columns, self.rows)

    def __len__(self) -> int:
        return int(self.rows.shape[0])

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
        both = OrderBatch.__new__(OrderBatch)
        both.rows = np.concatenate((self.rows, other.rows))
        return both


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


@entry
def _pack(
    account: IntArray, unit: IntArray, side: IntArray, price: IntArray, lots: IntArray, action: IntArray,
    order_id: IntArray, rows: IntArray,
) -> bool:  # fmt: skip
    """Write columns into the rows of a batch; False when a column has another length."""
    n = rows.shape[0]
    if unit.shape[0] != n or side.shape[0] != n or price.shape[0] != n or lots.shape[0] != n:
        return False
    if action.shape[0] != n or order_id.shape[0] != n:
        return False
    for i in range(n):
        rows[i, C_ACCOUNT] = account[i]
        rows[i, C_UNIT] = unit[i]
        rows[i, C_SIDE] = side[i]
        rows[i, C_PRICE] = price[i]
        rows[i, C_LOTS] = lots[i]
        rows[i, C_ACTION] = action[i]
        rows[i, C_ORDER] = order_id[i]
    return True


@cache
def _packing() -> Any:
    """Return the packing for int64 columns; other types are a TypeError instead of a compilation of their own."""
    kernel: Any = _pack
    kernel.compile((types.int64[::1],) * len(_COLUMNS) + (types.int64[:, ::1],))
    kernel.disable_compile()
    return kernel


def _whole_columns(given: tuple[IntArray, ...]) -> list[IntArray]:
    """Return equally long int64 columns, or raise ``ValueError``."""
    columns: list[IntArray] = []
    for name, values in zip(_COLUMNS, given, strict=True):
        column = np.asarray(values)
        if column.dtype.kind not in "iu" and column.size:
            raise ValueError(f"{name} must hold whole numbers, not {column.dtype}")
        if column.ndim != 1 or (columns and len(column) != len(columns[0])):
            raise ValueError(f"the arrays of a batch must be one-dimensional and equally long; {name} is not")
        columns.append(np.array(column, dtype=np.int64))
    return columns
