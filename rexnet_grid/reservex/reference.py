"""The rules of matching as a specification: plain Python, small, slow, and right by reading.

Every rule of :mod:`rexnet_grid.reservex` that decides who trades with whom is written here once more in the plainest
way; the compiled exchange is compared with it trade by trade and book by book.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUY, SELL = 0, 1


@dataclass(slots=True)
class Order:
    """One order; ``shown`` and ``hidden`` are what is left of it, ``time`` decides among equal prices."""

    id: int
    account: int
    unit: int
    side: int
    price: int
    shown: int
    hidden: int
    display: int
    whole: bool
    market: bool
    time: int

    @property
    def lots(self) -> int:
        """Everything that is left."""
        return self.shown + self.hidden


@dataclass(slots=True)
class ReferenceExchange:
    """The specification; ``capacity`` and ``take`` are the network's: (unit, seller, buyer[, lots]) in lots."""

    low: int
    high: int
    most: int
    policy: str = "cancel_newest"
    capacity: Callable[[int, int, int], int] = lambda _unit, _seller, _buyer: 1 << 40
    take: Callable[[int, int, int, int], None] = lambda _unit, _seller, _buyer, _lots: None
    phase: dict[int, str] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    sides: dict[tuple[int, int], dict[int, Order]] = field(default_factory=dict)
    trades: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # unit, price, lots, taker, maker
    next_id: int = 1
    clock: int = 0

    def queue(self, unit: int, side: int) -> list[Order]:
        """Return a side of a book in priority: best price, then time."""
        sign = 1 if side == SELL else -1
        return sorted(self.sides.get((unit, side), {}).values(), key=lambda o: (sign * o.price, o.time))

    def submit(
        self, account: int, unit: int, side: int, price: int, lots: int, *, market: bool = False, ioc: bool = False,
        fok: bool = False, post: bool = False, whole: bool = False, display: int = 0,
    ) -> tuple[int, str]:  # fmt: skip
        """Take a new order in; returns its id and status."""
        order_id, self.next_id = self.next_id, self.next_id + 1
        if market:
            price = self.low if side == SELL else self.high
        calling = self.phase.get(unit) == "call"
        if (
            unit not in self.phase or not 1 <= lots <= self.most or not self.low <= price <= self.high
            or not 0 <= display <= lots or (display and (market or ioc or fok or whole))
            or (calling and (ioc or fok or whole))
        ):  # fmt: skip
            return order_id, "rejected"
        order = Order(order_id, account, unit, side, price, lots, 0, display, whole, market, 0)
        if post and not calling and any(_crosses(order, other) for other in self.queue(unit, 1 - side)):
            return order_id, "rejected"
        if calling:
            return order_id, self._rest(order)
        if (fok or whole) and not self._could_fill(order):
            return order_id, "cancelled" if fok else self._rest(order)
        stopped = self._trade(order)
        if order.shown == 0 and not stopped:
            return order_id, "filled"
        if stopped or market or ioc:
            return order_id, "cancelled"
        self._rest(order)
        return order_id, "partial" if self.trades and self.trades[-1][3] == order_id else "resting"

    def cancel(self, order_id: int) -> str:
        """Cancel an order."""
        return "cancelled" if order_id in self.orders and self._drop(self.orders[order_id]) else "rejected"

    def shrink(self, order_id: int, lots: int) -> str:
        """Shrink an order to ``lots``: hidden ones go first, priority stays."""
        order = self.orders.get(order_id)
        if order is None or not 1 <= lots <= order.lots:
            return "rejected"
        self._cut(order, order.lots - lots)
        return "resting"

    def block(self, account: int, legs: list[tuple[int, int, int, int]]) -> tuple[int, str]:
        """Trade all legs (unit, side, price, lots) or none."""
        order_id, self.next_id = self.next_id, self.next_id + 1
        units = [leg[0] for leg in legs]
        bad = any(
            self.phase.get(unit) != "continuous" or not 1 <= lots <= self.most or not self.low <= price <= self.high
            for unit, _, price, lots in legs
        )
        if bad or len(set(units)) < len(units):
            return order_id, "rejected"
        orders = [Order(order_id, account, *leg, 0, 0, whole=False, market=False, time=0) for leg in legs]
        if not all(self._could_fill(order) for order in orders):
            return order_id, "cancelled"
        for order in orders:
            self._trade(order)
        return order_id, "filled"

    def close(self, unit: int) -> None:
        """Close a gate: the unit's orders expire."""
        del self.phase[unit]
        for order in self.queue(unit, BUY) + self.queue(unit, SELL):
            self._drop(order)

    def uncross(self, unit: int, reference: int | None = None) -> tuple[int | None, int]:
        """End the call phase at one price; returns price and lots."""
        self._end_self_crosses(unit)
        bids, asks = ([o for o in self.queue(unit, side) if not o.whole] for side in (BUY, SELL))
        price, lots = clearing_price(bids, asks, reference)
        left = {o.id: o.lots * (lots > 0 and o.price >= (price or 0)) for o in bids}
        left |= {o.id: o.lots * (lots > 0 and o.price <= (price or 0)) for o in asks}
        for bid in bids:
            for ask in asks:
                part = min(left[bid.id], left[ask.id])
                part = min(part, self.capacity(unit, ask.account, bid.account)) if part else 0
                if part:
                    self.take(unit, ask.account, bid.account, part)
                    self.trades.append((unit, price or 0, part, bid.id, ask.id))
                    for order in (bid, ask):
                        left[order.id] -= part
                        self._fill(order, part)
        self.phase[unit] = "continuous"
        for order in self.queue(unit, BUY) + self.queue(unit, SELL):
            if order.market:
                self._drop(order)
        return price, lots

    def _rest(self, order: Order) -> str:
        total = order.lots
        order.shown = min(total, order.display) if order.display else total
        order.hidden = total - order.shown
        order.display = min(order.display, total)
        self.clock += 1
        order.time = self.clock
        self.orders[order.id] = self.sides.setdefault((order.unit, order.side), {})[order.id] = order
        return "resting"

    def _drop(self, order: Order) -> bool:
        del self.orders[order.id], self.sides[order.unit, order.side][order.id]
        return True

    def _candidates(self, order: Order) -> Iterator[Order]:
        """Yield the orders that can trade with ``order`` now, own ones too, in priority."""
        for other in self.queue(order.unit, 1 - order.side):
            if not _crosses(order, other):
                return
            if other.whole and other.shown > order.shown:
                continue
            part = other.shown if other.whole else 1
            if other.account == order.account or self._fits(order, other) >= part:
                yield other

    def _fits(self, order: Order, other: Order) -> int:
        seller, buyer = _by_side(order, other)
        return self.capacity(order.unit, seller.account, buyer.account)

    def _trade(self, order: Order) -> bool:
        """Trade with the first order in priority that can trade, again and again; True when self-trade ended it."""
        while order.shown:
            other: Order | None = next(self._candidates(order), None)
            if other is None:
                return False
            if other.account == order.account:
                if self._own(order, other):
                    return True
                continue
            part = min(order.shown, other.shown, self._fits(order, other))
            seller, buyer = _by_side(order, other)
            self.take(order.unit, seller.account, buyer.account, part)
            self.trades.append((order.unit, other.price, part, order.id, other.id))
            order.shown -= part
            self._fill(other, part)
        return False

    def _own(self, order: Order, other: Order) -> bool:
        if self.policy == "cancel_newest":
            return True
        if self.policy == "decrement":
            both = min(order.shown, other.lots)
            order.shown -= both
            self._cut(other, both)
            return order.shown == 0
        self._drop(other)
        return self.policy == "cancel_both"

    def _fill(self, order: Order, lots: int) -> None:
        while lots:
            part = min(lots, order.shown)
            order.shown, lots = order.shown - part, lots - part
            if order.shown == 0 and order.hidden:
                order.shown = min(order.display, order.hidden)
                order.hidden -= order.shown
                self.clock += 1
                order.time = self.clock
        if order.shown == 0:
            self._drop(order)

    def _cut(self, order: Order, lots: int) -> None:
        hidden = min(lots, order.hidden)
        order.hidden, order.shown = order.hidden - hidden, order.shown - (lots - hidden)
        if order.shown == 0:
            self._drop(order)

    def _could_fill(self, order: Order) -> bool:
        (trial := ReferenceExchange(self.low, self.high, self.most, self.policy)).clock = self.clock
        trial.capacity, trial.take = deepcopy((self.capacity, self.take))
        for other in self.queue(order.unit, 1 - order.side):
            trial.orders[other.id] = trial.sides.setdefault((other.unit, other.side), {})[other.id] = replace(other)
        stopped = trial._trade(replace(order))
        return not stopped and sum(trade[2] for trade in trial.trades) == order.shown

    def _end_self_crosses(self, unit: int) -> None:
        for account in sorted({o.account for o in self.queue(unit, BUY)}):
            while True:
                own = [o for side in (BUY, SELL) for o in self.queue(unit, side) if o.account == account]
                bids, asks = ([o for o in own if o.side == side and not o.whole] for side in (BUY, SELL))
                if not bids or not asks or bids[0].price < asks[0].price:
                    break
                pair = [min((o for o in q if o.price == q[0].price), key=lambda o: o.id) for q in (bids, asks)]
                old, new = sorted(pair, key=lambda o: o.id)
                if self.policy == "decrement":
                    both = min(old.lots, new.lots)
                    self._cut(old, both)
                    self._cut(new, both)
                if self.policy in {"cancel_oldest", "cancel_both"}:
                    self._drop(old)
                if self.policy in {"cancel_newest", "cancel_both"}:
                    self._drop(new)


def clearing_price(bids: list[Order], asks: list[Order], reference: int | None) -> tuple[int | None, int]:
    """Return (price, lots): most volume, least surplus, nearest the reference or the middle, by trying them all."""
    if not bids or not asks or bids[0].price < asks[0].price:
        return None, 0
    ranks = {}
    for price in range(asks[0].price, bids[0].price + 1):
        demand = sum(o.lots for o in bids if o.price >= price)
        supply = sum(o.lots for o in asks if o.price <= price)
        ranks[price] = (-min(demand, supply), abs(demand - supply))
    best = min(ranks.values())
    prices = [price for price, rank in ranks.items() if rank == best]
    middle = (prices[0] + prices[-1]) // 2
    return (middle if reference is None else min(max(reference, prices[0]), prices[-1])), -best[0]


def _crosses(order: Order, other: Order) -> bool:
    return other.price <= order.price if order.side == BUY else other.price >= order.price


def _by_side(order: Order, other: Order) -> tuple[Order, Order]:
    return (order, other) if order.side == SELL else (other, order)
