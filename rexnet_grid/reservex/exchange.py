"""The exchange: a thin face on the compiled book."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.reservex.arena import Arena
from rexnet_grid.reservex.boundary import CLOSE, EXPIRE, OPEN, REMATCH, UNCROSS, run_boundary
from rexnet_grid.reservex.fold import fold_events
from rexnet_grid.reservex.layout import (
    B_LAST,
    B_VOLUME,
    CALL,
    CONTINUOUS,
    E_KIND,
    E_PRICE,
    E_UNIT,
    F_GTT,
    H_LEGS,
    H_LIVE,
    H_NEXT_ID,
    H_QUOTER,
    H_STATE,
    K_ACCOUNT,
    K_CLOCK,
    K_CLOSE,
    K_EXERCISE,
    K_OPEN,
    K_OPTION,
    K_QUOTER,
    K_SETTLE,
    K_STATE,
    NO_PRICE,
    OPTION_KINDS,
    IntArray,
)
from rexnet_grid.reservex.log import EventLog
from rexnet_grid.reservex.messages import AuctionResult, Reservations
from rexnet_grid.reservex.options import SecurityOption
from rexnet_grid.reservex.order_entry import OrderEntry
from rexnet_grid.reservex.rules import PERIODIC, QUOTED
from rexnet_grid.reservex.state import hash_state
from rexnet_grid.reservex.views import crossing_pairs, dump_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.reservex.rules import MarketRules
    from rexnet_grid.units import Carrier

_NO_LIMIT = 1 << 61
_NOTHING = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """An exchange before trades that may be undone.

    Attributes
    ----------
    state
        Its orders and positions.
    capacity
        What was left of the headroom of some units.
    pairs
        How many pairs of orders look at each other when these units are matched again.
    """

    state: tuple[IntArray, IntArray, IntArray]
    capacity: dict[int, FloatArray] | None
    pairs: int


class Exchange(OrderEntry):
    """A reservation exchange for one carrier: a book for every open unit.

    Parameters
    ----------
    rules
        What is traded and how.
    carrier
        What it trades.
    admission
        What the network can carry between two nodes, taken by every trade; ``None`` trades without a network.
    seed
        Kept for market designs that draw lots; the book itself draws none.
    """

    def __init__(
        self,
        rules: MarketRules,
        carrier: Carrier = "electricity",
        admission: LinearAdmission | None = None,
        seed: int = 0,
    ) -> None:
        if admission is not None and admission.lot_kw != rules.lot_kw:
            raise InputError(f"the admission counts lots of {admission.lot_kw} kW, the rules lots of {rules.lot_kw} kW")
        super().__init__(Arena(rules), admission, rules)
        self.carrier = carrier
        self.seed = seed

    # --- participants -------------------------------------------------------------------------------------------------

    def register(self, name: str, node: str, *, secured: bool = True) -> int:
        """Open an account at a node and return its number.

        An account that is not ``secured``, such as a network operator's, needs no collateral.

        Raises
        ------
        InputError
            When the name is taken, or the node is not one of the admission's.
        """
        if name in self._accounts:
            raise InputError([Issue("exchange", "account", repr(name), "a name that is not registered yet")])
        column = self.admission.index(node) if self.admission is not None else 0
        collateral = self.rules.collateral_eur
        limit = 0 if collateral is None else round(collateral / self.rules.quantum.eur)
        limit = limit if secured else _NO_LIMIT
        return self._add_account(name, node, column, limit)

    def account(self, name: str) -> int:
        """Return the number of a registered name; ``KeyError`` when there is none."""
        return self._accounts[name]

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """(name, node) of every account, in order."""
        return tuple(self._names)

    # --- the life of a unit -------------------------------------------------------------------------------------------

    def open_unit(self, unit: int, reference: int | None = None) -> None:
        """Open a unit: into its call phase, or at once into continuous trading, as the rules say.

        ``reference`` [tick] decides between equally good prices of the call auction; by default the last price of the
        unit before it, if it had one. Where a contract maker quotes, it is the price about which it does so, by default
        the base price of its terms.

        Raises
        ------
        InputError
            When the unit is open already or was closed, or is negative.
        """
        unit = index(unit)
        if unit < 0 or unit in self._closed or self._arena.book(unit):
            raise InputError(f"unit {unit} cannot be opened: it is negative, open already, or closed")
        if reference is None and self.rules.design in QUOTED:
            reference = NO_PRICE
        if reference is None:
            before = self._arena.book(unit - 1) if unit else 0
            traded = before and self._arena.M[before + B_VOLUME] > 0
            reference = int(self._arena.M[before + B_LAST]) if traded else NO_PRICE
        calling = self.rules.opening_auction or self.rules.design in PERIODIC
        self._open(unit, CALL if calling else CONTINUOUS, reference)

    def uncross(self, unit: int) -> AuctionResult:
        """End the call phase of a unit: one price, then continuous trading.

        The price gives the largest volume, then the smallest surplus, then is nearest the reference price (without one,
        the middle, rounded down). Price, then time decide who trades, or at the marginal price pro rata. In a periodic
        design the unit stays in its call phase and is uncrossed again; paid as bid, each pair trades at the price of
        its elder order, so that what the buyer pays is what the seller receives.

        Raises
        ------
        InputError
            When the unit is not open.
        """
        out = np.zeros(3, dtype=np.int64)
        phase = CALL if self.rules.design in PERIODIC else CONTINUOUS
        self._boundary(UNCROSS, unit, out, phase, int(self.rules.design == "periodic_pay_as_bid"))
        self._wake(unit)
        price = None if out[0] == NO_PRICE else int(out[0])
        return AuctionResult(price, int(out[1]), int(out[2]))

    def rematch(self, unit: int) -> int:
        """Let orders kept apart by the network trade after new headroom, not in a call phase; returns the lots."""
        out = np.zeros(1, dtype=np.int64)
        self._boundary(REMATCH, unit, out)
        self._wake(unit)
        return int(out[0])

    def remember(self, units: Sequence[int]) -> Memory:
        """Return what :meth:`go_back` needs to undo how orders of ``units`` trade with each other from here on."""
        M = self._arena.M
        some = np.array(units, dtype=np.int64)
        orders = dump_units(M, some, int(M[H_LIVE]))
        ids = np.arange(M[H_NEXT_ID]) if M[H_LEGS] else orders[:, 3]
        touched = self._units if M[H_LEGS] else some
        held = None if self.admission is None else self.admission.remember(touched.tolist())
        return Memory(self._arena.remember(ids), held, crossing_pairs(orders))

    def go_back(self, memory: Memory) -> None:
        """Undo every trade since :meth:`remember`; since then nothing but :meth:`rematch` may have been called."""
        self._arena.go_back(memory.state)
        if self.admission is not None and memory.capacity is not None:
            self.admission.go_back(memory.capacity)

    def close_gate(self, unit: int) -> Reservations:
        """Close a unit: its orders expire and positions become reservations.

        Orders of other units that were good until this one expire too.

        Raises
        ------
        InputError
            When the unit is not open.
        """
        ending = np.array(self._until.pop(unit, []), dtype=np.int64)
        if len(ending):
            self._arena.make_room(len(ending))
            run_boundary(*self._state(), EXPIRE, unit, 0, 0, ending)
        lots = self._close(unit)
        self._wake(self._units)
        if self.admission is not None:
            self.admission.drop(unit)
        return Reservations(unit, lots.copy())

    def set_quoter(self, account: int | None) -> None:
        """Let only one account rest orders in continuous trading, as a contract maker's exchange does."""
        code = 0 if account is None else index(account) + 1
        if code != self._arena.M[H_QUOTER]:
            self._arena.M[H_QUOTER] = code
            self._append(np.array([[K_QUOTER, 0, code, 0, 0, 0, 0, 0]], dtype=np.int64))

    @property
    def quoter(self) -> int | None:
        """The account that alone may rest orders, ``None`` when everybody may."""
        code = int(self._arena.M[H_QUOTER])
        return code - 1 if code else None

    def set_state(self, is_high: bool) -> None:
        """Say which state the world of the two-state price is in."""
        if is_high != self.is_high:
            self._arena.M[H_STATE] = int(is_high)
            self._append(np.array([[K_STATE, 0, 0, 0, 0, int(is_high), 0, 0]], dtype=np.int64))

    @property
    def is_high(self) -> bool:
        """Whether the world of the two-state price is in its high state."""
        return bool(self._arena.M[H_STATE])

    def set_clock(self, seconds: int) -> None:
        """Write the time since unit 0 began [s] into the log, so that statistics can tell lead times."""
        self._append(np.array([[K_CLOCK, 0, 0, 0, 0, index(seconds), 0, 0]], dtype=np.int64))

    @property
    def log(self) -> EventLog:
        """Everything that happened so far."""
        return EventLog(self._arena.events, tuple(self._names), self.rules, self.carrier)

    def state_hash(self) -> str:
        """Return a fingerprint of the state: equal histories have equal fingerprints."""
        return hash_state(self._arena, self._closed, self.options)

    @classmethod
    def replay(cls, log: EventLog) -> Exchange:
        """Return an exchange in the state at the end of a log, by folding its events; nothing is matched again."""
        ex = cls(log.rules, carrier=log.carrier)
        ex.follow(log, len(log))
        return ex

    def follow(self, log: EventLog, events: int) -> None:
        """Fold a log, of which this exchange holds the beginning already, up to the first ``events`` events."""
        arena, row = self._arena, 0
        source = np.ascontiguousarray(log.rows[len(arena.events) : events])
        while row < len(source):
            arena.make_room(len(source) - row)
            row = fold_events(arena.M, arena.D, arena.E, source, row)
            if row < len(source) and self._fold_one(source[row], log):
                row += 1
        ended = source[source[:, E_KIND] == K_SETTLE]
        self._settled.update(zip(ended[:, E_UNIT].tolist(), ended[:, E_PRICE].tolist(), strict=True))
        self._until.clear()
        orders = self.orders()
        for order in orders[(orders[:, 8] & F_GTT > 0) & (orders[:, 9] < orders[:, 0])]:
            self._until.setdefault(int(order[9]), []).append(int(order[3]))

    # --- private ------------------------------------------------------------------------------------------------------

    def _close(self, unit: int) -> IntArray:
        lots = np.zeros(self._arena.accounts, dtype=np.int64)
        self._figures[unit] = self._read_figures(unit)
        self._boundary(CLOSE, unit, lots)
        self._closed[unit] = lots
        self._units = self._units[self._units != unit]
        return lots

    def _open(self, unit: int, phase: int, reference: int) -> None:
        self._arena.room_for_unit(unit)
        run_boundary(*self._state(), OPEN, unit, phase, reference, _NOTHING)
        self._units = np.insert(self._units, np.searchsorted(self._units, unit), unit)

    def _boundary(self, what: int, unit: int, out: IntArray, phase: int = 0, how: int = 0) -> None:
        arena = self._arena
        arena.make_room(int(arena.M[H_LIVE] + arena.M[H_LEGS]) + 8)
        if not run_boundary(*self._state(), what, index(unit), phase, how, out):
            raise InputError(f"unit {unit} is not open")

    def _fold_one(self, event: IntArray, log: EventLog) -> bool:
        """Fold an event that the compiled fold leaves to us; False when it only needed room."""
        kind, order, account, unit, price, lots, phase, last = event.tolist()
        if kind == K_ACCOUNT:
            name, node = log.names[account]
            self._add_account(name, node, 0, lots)
        elif kind == K_OPEN:
            self._open(unit, phase, price)
        elif kind == K_CLOSE:
            self._close(unit)
        elif kind == K_OPTION:
            node = log.names[account][1]
            self.add_option(SecurityOption(order, account, node, unit, OPTION_KINDS[phase], lots, price, last))
        elif kind == K_EXERCISE:
            self.use_option(order, lots)
        return kind in {K_ACCOUNT, K_OPEN, K_CLOSE, K_OPTION, K_EXERCISE}
