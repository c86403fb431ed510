"""Double-entry books in integer quanta: a face on the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.reservex.layout import (
    A_CASH,
    B_POS,
    E_ACCOUNT,
    E_KIND,
    E_LOTS,
    E_ORDER,
    E_PRICE,
    E_UNIT,
    K_BOOK,
    IntArray,
)
from rexnet_grid.reservex.log import trade_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rexnet_grid.reservex.arena import Arena

ENTRY_KINDS: tuple[str, ...] = (
    "trade", "imbalance", "exchange fee", "network fee", "unreserved", "floor", "compensation", "option fee",
    "exercise fee", "maker", "penalty", "balancing", "loss charge", "congestion charge",
    "other",
)  # fmt: skip
ENTRY_COLUMNS = ("unit", "kind", "debit", "credit", "quanta")


class Ledger:
    """Cash and positions of every account, and the entries they come from.

    Parameters
    ----------
    arena
        The memory of the exchange.
    closed
        Reservations of the units whose gate has closed.
    """

    __slots__ = ("_arena", "_closed")

    def __init__(self, arena: Arena, closed: Mapping[int, IntArray]) -> None:
        self._arena = arena
        self._closed = closed

    def cash(self, account: int) -> int:
        """Return what came in minus what went out [quanta]."""
        self._check(account)
        return self._arena.account(account, A_CASH)

    def position(self, account: int, unit: int) -> int:
        """Return lots sold minus lots bought in a unit, open or closed; 0 where it never traded."""
        self._check(account)
        book = self._arena.book(unit)
        if book:
            M = self._arena.M
            return int(M[M[book + B_POS] + account])
        lots = self._closed.get(unit)
        return int(lots[account]) if lots is not None and account < len(lots) else 0

    def positions(self, unit: int) -> IntArray:
        """Return the positions of all accounts in a unit [lot]."""
        book, n = self._arena.book(unit), self._arena.accounts
        out = np.zeros(n, dtype=np.int64)
        if book:
            start = int(self._arena.M[book + B_POS])
            out[:] = self._arena.M[start : start + n]
        elif unit in self._closed:
            lots = self._closed[unit]
            out[: len(lots)] = lots
        return out

    def balances(self) -> IntArray:
        """Return the cash of all accounts [quanta]; it sums to zero."""
        return np.array([self._arena.account(a, A_CASH) for a in range(self._arena.accounts)], dtype=np.int64)

    def entries(self) -> pd.DataFrame:
        """Return every entry: unit, kind, the account that pays, the account that receives, and the amount [quanta]."""
        import pandas as pd

        columns = entry_columns(self._arena.events)
        frame = pd.DataFrame({name: columns[name] for name in ENTRY_COLUMNS})
        frame["kind"] = pd.Categorical.from_codes(columns["kind"], categories=pd.Index(ENTRY_KINDS))
        frame.attrs.update(quanta="quanta")
        return frame

    def statement(self, account: int) -> pd.DataFrame:
        """Return the entries of one account with its counterparty, the signed amount and the running balance."""
        self._check(account)
        entries = self.entries()
        mine = entries[(entries.debit == account) | (entries.credit == account)].reset_index(drop=True)
        paid = mine.debit == account
        out = mine[["unit", "kind"]].copy()
        out["counterparty"] = mine.credit.where(paid, mine.debit)
        out["quanta"] = np.where(paid, -mine.quanta, mine.quanta)
        out["balance"] = out.quanta.cumsum()
        return out

    def _check(self, account: int) -> None:
        if not 0 <= account < self._arena.accounts:
            raise KeyError(f"there is no account {account}")


def entry_columns(rows: IntArray) -> dict[str, IntArray]:
    """Return the entries that log rows hold as columns named like ``ENTRY_COLUMNS``; ``kind`` is a number."""
    trades = trade_columns(rows)
    booked = rows[rows[:, E_KIND] == K_BOOK]
    amount = trades["price"] * trades["lots"]
    turned = amount < 0  # at a negative price the seller pays
    debit = np.where(turned, trades["seller"], trades["buyer"])
    credit = np.where(turned, trades["buyer"], trades["seller"])
    where = np.flatnonzero(np.isin(rows[:, E_KIND], (3, K_BOOK)))
    order = np.argsort(np.concatenate((where[rows[where, E_KIND] == 3], where[rows[where, E_KIND] == K_BOOK])))
    both = {
        "unit": (trades["unit"], booked[:, E_UNIT]),
        "kind": (np.zeros(len(amount), dtype=np.int64), booked[:, E_ORDER]),
        "debit": (debit, booked[:, E_ACCOUNT]),
        "credit": (credit, booked[:, E_PRICE]),
        "quanta": (np.abs(amount), booked[:, E_LOTS]),
    }
    return {name: np.concatenate(parts)[order] for name, parts in both.items()}
