"""The order entry of an exchange: what participants can ask for, one command at a time or a batch."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.reservex.batch import BatchReceipt, OrderBatch
from rexnet_grid.reservex.clearing import Clearing
from rexnet_grid.reservex.commands import could_trade_whole, run_batch, run_command
from rexnet_grid.reservex.layout import (
    BUY,
    E_UNIT,
    F_AON,
    F_FOK,
    F_GTT,
    F_IOC,
    F_MARKET,
    F_POST,
    H_DUE,
    H_LEGS,
    H_LOG,
    H_RING_MASK,
    NO_SIDE,
    NO_WORD,
    S_REJECTED,
    SELL,
    FloatArray,
    IntArray,
)
from rexnet_grid.reservex.linked import run_linked, run_waiting
from rexnet_grid.reservex.receipts import receipt_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.reservex.arena import Arena
    from rexnet_grid.reservex.messages import Receipt
    from rexnet_grid.reservex.rules import MarketRules

Side = Literal["buy", "sell"]
Kind = Literal["limit", "market"]
TimeInForce = Literal["gate", "ioc", "fok", "gtt", "aon"]
BlockLife = Literal["fok", "gate"]

_SIDES = {"buy": BUY, "sell": SELL}
_KINDS = {"limit": 0, "market": F_MARKET}
_TIMES = {"gate": 0, "ioc": F_IOC, "fok": F_FOK, "gtt": F_GTT, "aon": F_AON}
_LIVES = {"fok": False, "gate": True}
_BIG = 1 << 40


class OrderEntry(Clearing):
    """The trading half of an exchange.

    Parameters
    ----------
    arena
        The memory of the exchange.
    admission
        What the network can carry, ``None`` without a network.
    rules
        The market rules.
    """

    def __init__(self, arena: Arena, admission: LinearAdmission | None, rules: MarketRules) -> None:
        super().__init__(arena, admission, rules)
        self._until: dict[int, list[int]] = {}

    def submit(
        self,
        account: int,
        unit: int,
        side: Side,
        price: int = 0,
        lots: int = 0,
        kind: Kind = "limit",
        time_in_force: TimeInForce = "gate",
        post_only: bool = False,
        display_lots: int | None = None,
        expires_unit: int | None = None,
        all_or_none: bool = False,
    ) -> Receipt:
        """Submit one order; what is wrong with it is an answer, never an exception.

        Parameters
        ----------
        account
            Whose order it is.
        unit
            Delivery unit.
        side
            ``"buy"`` or ``"sell"``.
        price
            Limit [tick]; a market order has none.
        lots
            Quantity [lot].
        kind
            ``"limit"`` or ``"market"``; what a market order cannot trade at once is cancelled (in a call phase: at the
            uncross).
        time_in_force
            ``"gate"`` until the unit's gate, ``"ioc"`` now or never, ``"fok"`` all of it now or nothing, ``"gtt"``
            until the gate of ``expires_unit``.
        post_only
            Reject it rather than trade at once.
        display_lots
            Show only so much of it at a time (an iceberg); each clip has a new time.
        expires_unit
            Unit whose gate ends a ``"gtt"`` order.
        all_or_none
            Trade with one incoming order as a whole or not at all; see ``docs/reservex.md``.
        """
        side_code = _SIDES.get(side, NO_SIDE)
        flags = _KINDS.get(kind, -1) | _TIMES.get(time_in_force, -1)
        if flags < 0:
            flags, side_code = 0, NO_WORD
        if post_only:
            flags |= F_POST
        if all_or_none:
            flags |= F_AON
        display = 0 if display_lots is None else _bounded(display_lots) or -1
        expires = 0
        if flags & F_GTT:
            expires = unit if expires_unit is None else _bounded(expires_unit)
            unit = expires if expires in self._closed else unit  # rejected: that gate has closed
        code = self._command(0, account, unit, side_code, price, lots, flags, display, expires, 0)
        receipt = receipt_of(self._arena, code)
        if flags & F_GTT and receipt.status in {"resting", "partial"} and expires < unit:
            self._until.setdefault(expires, []).append(receipt.order_id)
        return receipt

    def cancel(self, order_id: int, account: int | None = None) -> Receipt:
        """Cancel what is left of an order; with ``account`` only if it is that account's."""
        owner = -1 if account is None else max(account, 0)
        return receipt_of(self._arena, self._command(1, owner, 0, 0, 0, 0, 0, 0, 0, order_id))

    def shrink(self, order_id: int, lots: int, account: int | None = None) -> Receipt:
        """Shrink an order to ``lots``, keeping its priority; nothing can grow."""
        owner = -1 if account is None else max(account, 0)
        return receipt_of(self._arena, self._command(2, owner, 0, 0, 0, lots, 0, 0, 0, order_id))

    def submit_block(
        self, account: int, units: Sequence[int], side: Side, price: int, lots: int, time_in_force: BlockLife = "fok"
    ) -> Receipt:
        """Trade the same lots in all units at once, each at ``price`` or better, or nothing at all.

        ``time_in_force`` is as for :meth:`submit_linked`.
        """
        n, code = len(units), _SIDES.get(side, -1)
        when = [_bounded(unit) for unit in units]
        legs = np.array([when, [code] * n, [_bounded(price)] * n, [_bounded(lots)] * n], dtype=np.int64)
        return self.submit_linked(account, legs, time_in_force)

    def submit_linked(self, account: int, legs: IntArray, time_in_force: BlockLife = "fok") -> Receipt:
        """Trade all legs completely or none.

        Parameters
        ----------
        account
            Whose order it is.
        legs
            (4, n) whole numbers: unit, side (0 buy, 1 sell), price [tick], lots; no unit twice.
        time_in_force
            ``"fok"`` now or never; ``"gate"`` waits until all legs can trade, or the first gate of one closes. A
            waiting block is seen by its owner alone (:meth:`blocks`), can be cancelled, and needs no unit to have left
            its call phase.

        Raises
        ------
        InputError
            When ``time_in_force`` is neither.
        ValueError
            When ``legs`` is no such array.
        """
        legs = np.asarray(legs)
        if legs.ndim != 2 or len(legs) != 4 or (legs.size and legs.dtype.kind not in "iu"):
            raise ValueError(f"legs must be whole numbers of shape (4, n), not {legs.dtype} of shape {legs.shape}")
        legs = np.ascontiguousarray(legs, dtype=np.int64)
        if time_in_force not in _LIVES:
            raise InputError([Issue("order", "time_in_force", repr(time_in_force), '"fok" or "gate"')])
        if legs.shape[1] == 0:
            legs = np.array([[-1], [0], [0], [0]], dtype=np.int64)
        code = -1
        while code < 0:
            code = run_linked(*self._state(), _bounded(account), legs, _LIVES[time_in_force])
            if code < 0:
                self._arena.make_room(2 * legs.shape[1], legs.shape[1] + 1)
        receipt = receipt_of(self._arena, code)
        if receipt.status == "filled":
            self._wake(legs[0])
        return receipt

    def submit_base(self, account: int, units: Sequence[int], side: Side, price: int, lots: int) -> BatchReceipt:
        """Submit a base contract: the same limit order in every unit, each trading on its own; one answer a unit."""
        given = (_bounded(account), _SIDES.get(side, -1), _bounded(price), _bounded(lots), 0)
        who, sides, prices, sizes, zeros = (np.full(len(units), value, dtype=np.int64) for value in given)
        when = np.array([_bounded(unit) for unit in units], dtype=np.int64)
        return self.submit_many(OrderBatch(who, when, sides, prices, sizes, zeros, zeros))

    def submit_many(self, batch: OrderBatch) -> BatchReceipt:
        """Carry out a batch strictly in order, as if one by one."""
        arena, rows, row = self._arena, batch.rows, 0
        n = len(rows)
        out = np.empty((3, n), dtype=np.int64)
        while row < n:
            row = run_batch(arena.M, arena.D, self._table(), arena.E, rows, out, row)
            if arena.M[H_DUE]:
                arena.M[H_DUE] = 0
                self._wake(arena.E[arena.M[H_LOG] - 1, E_UNIT])
            elif row < n:
                arena.make_room()
        return BatchReceipt(out)

    def _state(self) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
        arena = self._arena
        return arena.M, arena.D, self._table(), arena.E

    def _command(self, action: int, account: int, unit: int, side: int, price: int, lots: int, flags: int,
                 display: int, expires: int, order_id: int) -> int:  # fmt: skip
        given: tuple[int, ...] = (
            index(account), index(unit), side, index(price), index(lots), flags, display, expires, index(order_id),
        )  # fmt: skip
        code, before = -1, self._arena.M[H_LOG]
        while code < 0:
            try:
                M, D, F, E = self._state()
                whole = flags & (F_FOK | F_AON) and display == 0
                fits = not whole or could_trade_whole(M, D, F, *given[:6])
                code = run_command(M, D, F, E, action, *given, fits)  # type: ignore[call-arg, arg-type]
            except OverflowError:
                given = tuple(map(_bounded, given))
                continue
            if code < 0:
                self._arena.make_room()
        if self._arena.M[H_LEGS] and code & 7 != S_REJECTED and self._arena.M[H_LOG] > before:
            self._wake(self._arena.E[self._arena.M[H_LOG] - 1, E_UNIT])
        return code

    def _wake(self, units: IntArray | int) -> None:
        """Let waiting blocks trade that can after something changed in these units."""
        arena = self._arena
        if arena.M[H_LEGS]:
            due = np.zeros(int(arena.M[H_RING_MASK]) + 1, dtype=np.int64)
            due[units & arena.M[H_RING_MASK]] = 1
            while run_waiting(*self._state(), due):
                arena.make_room()


def _bounded(value: int) -> int:
    """Return a whole number clipped to what the compiled code can judge."""
    return min(max(index(value), -_BIG), _BIG)
