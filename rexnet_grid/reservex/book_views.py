"""What can be seen of an exchange: the public's anonymous depth and prints, and one participant's own view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.admission import T_HEADER
from rexnet_grid.reservex.layout import (
    B_BEST,
    B_PHASE,
    B_REFERENCE,
    BUY,
    CALL,
    H_LIVE,
    L_PRICE,
    SELL,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.log import trade_frame
from rexnet_grid.reservex.messages import AccountView, Depth, DepthRow
from rexnet_grid.reservex.views import depth_of, dump_units, view_units
from rexnet_grid.reservex.waiting import dump_legs

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.reservex.arena import Arena

_NO_TABLE = np.zeros(T_HEADER)


IDS = ("buy_order_id", "sell_order_id", "maker_order_id")


class BookViews:
    """The reading half of an exchange.

    Parameters
    ----------
    arena
        Its memory.
    admission
        What the network can carry, ``None`` without a network.
    """

    def __init__(self, arena: Arena, admission: LinearAdmission | None) -> None:
        self._arena = arena
        self._units: IntArray = np.zeros(0, dtype=np.int64)
        self.admission = admission

    @property
    def units(self) -> IntArray:
        """The open units, ascending."""
        return self._units

    @property
    def state_bytes(self) -> int:
        """Memory of the state, without the log [byte]."""
        return self._arena.state_bytes

    def references(self) -> IntArray:
        """Return the reference price of every open unit [tick], ``NO_PRICE`` where it has none."""
        books = [self._arena.book(unit) for unit in self._units.tolist()]
        return np.array([self._arena.M[book + B_REFERENCE] for book in books], dtype=np.int64)

    def calling(self, unit: int) -> bool:
        """Return whether a unit is in its call phase, in which orders gather and may cross."""
        book = self._arena.book(unit)
        return bool(book and self._arena.M[book + B_PHASE] == CALL)

    def best_bid(self, unit: int) -> int | None:
        """Return the highest buy price [tick], ``None`` when there is none."""
        return self._best(unit, BUY)

    def best_ask(self, unit: int) -> int | None:
        """Return the lowest sell price [tick], ``None`` when there is none."""
        return self._best(unit, SELL)

    def depth(self, unit: int, levels: int = 5) -> Depth:
        """Return the best price levels as the public sees them: displayed lots, no names."""
        book = self._arena.book(unit)
        if not book:
            return Depth((), ())
        sides = (depth_of(self._arena.M, book, side, levels).tolist() for side in (BUY, SELL))
        return Depth(*(tuple(DepthRow(*row) for row in rows) for rows in sides))

    def view(self, account: int) -> AccountView:
        """Return what one account sees of the open units and its own orders; one compiled call.

        Raises
        ------
        KeyError
            When there is no such account.
        """
        self._known(account)
        quotes, own = view_units(self._arena.M, self._table(), account, self._units)
        return AccountView(self._units, *quotes, *own)

    def lob3d(self) -> pd.DataFrame:
        """Return all displayed price levels: unit, side, price [tick], lots; by unit, side, best first."""
        import pandas as pd

        rows = self.orders()
        frame = pd.DataFrame(
            {
                "unit": rows[:, 0],
                "side": np.where(rows[:, 1] == BUY, "buy", "sell"),
                "price": rows[:, 2],
                "lots": rows[:, 5],
            }
        )
        return frame.groupby(["unit", "side", "price"], sort=False, as_index=False).sum()

    def orders(self) -> IntArray:
        """Return every resting order in priority.

        Columns: unit, side, price, id, account, lots, hidden, display, flags, expires.
        """
        return dump_units(self._arena.M, self._units, int(self._arena.M[H_LIVE]))

    def blocks(self, account: int) -> IntArray:
        """Return the waiting legs of an account's blocks and linked orders; nobody else sees them.

        Columns: unit, side, price, id, account, lots; by unit, side, price from the best, and time.
        """
        legs: IntArray = dump_legs(self._arena.M, self._units)
        return np.asarray(legs[legs[:, 4] == account])

    def trades(self) -> pd.DataFrame:
        """Return all trades in order, with names and order ids, as the exchange's operator sees them."""
        return trade_frame(self._arena.events)

    def prints(self) -> pd.DataFrame:
        """Return all trades in order as the public sees them: unit, price [tick], lots, phase; no names."""
        return self.trades().drop(columns=["buyer", "seller", *IDS])

    def own_trades(self, account: int) -> pd.DataFrame:
        """Return the trades of one account in order: its side and its own order, never the other side's name.

        Raises
        ------
        KeyError
            When there is no such account.
        """
        self._known(account)
        trades = self.trades()
        mine = trades[(trades["buyer"] == account) | (trades["seller"] == account)]
        bought = (mine["buyer"] == account).to_numpy()
        order = np.where(bought, mine["buy_order_id"], mine["sell_order_id"])
        public = mine.drop(columns=["buyer", "seller", *IDS])
        return public.assign(side=np.where(bought, "buy", "sell"), order_id=order).reset_index(drop=True)

    def _known(self, account: int) -> None:
        if not 0 <= account < self._arena.accounts:
            raise KeyError(f"there is no account {account}")

    def _table(self) -> FloatArray:
        return _NO_TABLE if self.admission is None else self.admission.table

    def _best(self, unit: int, side: int) -> int | None:
        M, book = self._arena.M, self._arena.book(unit)
        level = book and M[book + B_BEST + side]
        return int(M.view(np.int32)[2 * level + L_PRICE]) if level else None
