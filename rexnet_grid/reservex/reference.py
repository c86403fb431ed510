"""The rules of matching as a specification, right by reading; the compiled exchange is compared with it throughout."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - to keep it short
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import product

BUY, SELL = 0, 1


@dataclass(slots=True)
class Order:
    """One order, or one leg of a block; ``shown`` and ``hidden`` are what is left, ``time`` is 0 until it rests."""

    account: int
    unit: int
    side: int
    price: int
    shown: int
    display: int = 0
    whole: bool = False  # all or none
    market: bool = False
    until: int | None = None  # an earlier unit whose gate ends it
    id: int = 0
    hidden: int = 0
    time: int = 0

    @property
    def lots(self) -> int:
        """Everything that is left."""
        return self.shown + self.hidden

    def suits(self, price: int) -> bool:
        """Tell whether the order would trade at this price."""
        return price <= self.price if self.side == BUY else price >= self.price


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
    waiting: dict[int, list[Order]] = field(default_factory=dict)  # legs of resting blocks and linked orders
    trades: list[tuple[int, int, int, int, int]] = field(default_factory=list)  # unit, price, lots, taker, maker
    next_id: int = 1
    clock: int = 0

    def queue(self, unit: int, side: int, legs: list[Order] | None = None) -> list[Order]:
        """Return a side of a book (or these legs) in priority: best price, then time."""
        orders = self.sides.get((unit, side), {}).values() if legs is None else legs
        return sorted(orders, key=lambda o: (o.price if side == SELL else -o.price, o.time, o.id))

    def submit(self, order: Order, *, ioc: bool = False, fok: bool = False, post: bool = False) -> str:
        """Take a new order in; returns its status."""
        order.price = (self.low if order.side == SELL else self.high) if order.market else order.price
        calling, once = self.phase.get(order.unit) == "call", ioc or fok
        if (
            not self._accepts([order]) or not 0 <= order.display <= order.shown
            or (order.display and (order.market or once or order.whole)) or (calling and (once or order.whole))
            or (post and not calling and any(order.suits(o.price) for o in self.queue(order.unit, 1 - order.side)))
        ):  # fmt: skip
            return "rejected"
        trades = not calling and (not (fok or order.whole) or self._able([order]))
        ended = trades and self.trade(order)
        rests = calling or not (once or order.market)
        status = "cancelled" if ended or (order.shown and not rests) else "resting" if order.shown else "filled"
        if status == "resting":
            order.time = self.clock = self.clock + 1
            order.hidden = max(0, order.shown - order.display) if order.display else 0
            order.shown -= order.hidden
            self.orders[order.id] = self.sides.setdefault((order.unit, order.side), {})[order.id] = order
            status = "partial" if self.trades and self.trades[-1][3] == order.id else status
        self._wake(order.unit)
        return status

    def link(self, legs: list[Order], *, wait: bool = False) -> str:
        """Trade all legs completely or none; ``wait`` lets them rest until all can."""
        units = {leg.unit for leg in legs}
        if not self._accepts(legs) or len(units) < len(legs) or ("call" in map(self.phase.get, units) and not wait):
            return "rejected"
        if self._able(legs):
            for leg in legs:
                self.trade(leg)
            self._wake(*units)
            return "filled"
        self.waiting |= {legs[0].id: legs} if wait else {}
        return "resting" if wait else "cancelled"

    def change(self, order_id: int, lots: int = 0) -> str:
        """Shrink an order to ``lots`` (hidden ones go first, priority stays), or cancel it when that is 0."""
        order = self.orders.get(order_id)
        if order is None or lots > order.lots:
            return "cancelled" if not lots and self.waiting.pop(order_id, []) else "rejected"
        if lots < order.lots:
            self._cut(order, order.lots - lots)
            self._wake(order.unit)
        return "resting" if lots else "cancelled"

    def close(self, unit: int) -> None:
        """Close a gate: the unit's orders expire, others that were good until then, and blocks with a leg in it."""
        del self.phase[unit]
        for order in [o for o in self.orders.values() if unit in (o.unit, o.until)]:
            self._cut(order, order.lots)
        self.waiting = {i: legs for i, legs in self.waiting.items() if all(leg.unit != unit for leg in legs)}
        self._wake(*self.phase)

    def uncross(self, unit: int, reference: int | None = None) -> tuple[int | None, int]:
        """End the call phase at one price; returns price and lots."""
        self._end_self_crosses(unit)
        bids, asks = ([o for o in self.queue(unit, side) if not o.whole] for side in (BUY, SELL))
        price, lots = clearing_price(bids, asks, reference)
        left = {o.id: o.lots if price is not None and o.suits(price) else 0 for o in bids + asks}
        for bid, ask in product(bids, asks):
            part = min(left[bid.id], left[ask.id])
            if part and (part := min(part, self.capacity(unit, ask.account, bid.account))):
                left[bid.id], left[ask.id] = left[bid.id] - part, left[ask.id] - part
                self._deal(bid, ask, part, price or 0)
        self.phase[unit] = "continuous"
        for order in [o for o in self.orders.values() if o.unit == unit and o.market]:
            self._cut(order, order.lots)
        self._wake(unit)
        return price, lots

    def rematch(self, unit: int) -> int:
        """Let a crossed book trade again: in order of age, each against its elders at their price; returns the lots."""
        before, sides = len(self.trades), [self.queue(unit, side) for side in (BUY, SELL)]
        pairs = product(*sides) if self.phase[unit] == "continuous" else ()
        crossing = {o.id: o for pair in pairs if pair[0].suits(pair[1].price) for o in pair}.values()
        for order in sorted(crossing, key=lambda o: o.id):
            while order.id in self.orders and (found := self._partner(order, elder=True)):
                self._deal(order, *found, found[0].price)
        lots = sum(trade[2] for trade in self.trades[before:])
        self._wake(unit)
        return lots

    def _accepts(self, orders: list[Order]) -> bool:
        for order in orders:
            order.id = self.next_id
        self.next_id += 1
        sane = all(1 <= o.shown <= self.most and self.low <= o.price <= self.high for o in orders)
        return sane and all(o.unit in self.phase for o in orders)

    def _wake(self, *units: int) -> None:
        """Let waiting blocks trade after a change in these units: by unit, price, time; of two sides the elder."""
        due = set(units) if self.waiting else set()
        while due:
            unit, able = min(due), []
            for side in (BUY, SELL):
                legs = [o for block in self.waiting.values() for o in block if (o.unit, o.side) == (unit, side)]
                able += [o.id for o in self.queue(unit, side, legs) if self._able(self.waiting[o.id])][:1]
            due = due if able else due - {unit}
            for leg in self.waiting.pop(min(able)) if able else ():
                self.trade(leg)
                due.add(leg.unit)

    def _able(self, orders: list[Order]) -> bool:
        """Tell whether all could trade completely now, by trying it on copies of the books."""
        for order in orders:
            trial = replace(self, orders={}, sides={}, trades=[], waiting={})
            trial.capacity, trial.take = deepcopy((self.capacity, self.take))
            for other in self.queue(order.unit, 1 - order.side) if self.phase[order.unit] == "continuous" else ():
                trial.orders[other.id] = trial.sides.setdefault((other.unit, other.side), {})[other.id] = replace(other)
            if trial.trade(replace(order)) or sum(trade[2] for trade in trial.trades) < order.shown:
                return False
        return True

    def _partner(self, order: Order, *, elder: bool = False) -> tuple[Order, int] | None:
        """Return the first order that can trade with ``order`` now (or its first elder, not its own) and the lots."""
        for other in self.queue(order.unit, 1 - order.side):
            passed = elder and (other.id > order.id or other.account == order.account)
            if order.suits(other.price) and not passed:
                part = min(order.shown, other.shown, self.capacity(order.unit, *_seller_first(order, other)))
                if part and all(part == o.shown for o in (order, other) if o.whole and o.time):
                    return other, part
        return None

    def trade(self, order: Order) -> bool:
        """Trade with the first order that can trade, again and again; True when self-trade prevention ended it."""
        while order.shown and (found := self._partner(order)):
            other, both = found[0], min(order.shown, found[0].lots)
            if other.account != order.account:
                self._deal(order, *found, other.price)
                continue
            order.shown -= both if self.policy == "decrement" else 0
            if self.policy != "cancel_newest":
                self._cut(other, both if self.policy == "decrement" else other.lots)
            if order.shown == 0 or self.policy in {"cancel_newest", "cancel_both"}:
                return True
        return False

    def _deal(self, order: Order, other: Order, lots: int, price: int) -> None:
        self.take(order.unit, *_seller_first(order, other), lots)
        self.trades.append((order.unit, price, lots, order.id, other.id))
        for each in (order, other):
            each.shown -= lots
            while each.shown <= 0 < each.hidden:  # a new clip of an iceberg goes to the end of the queue
                each.time = self.clock = self.clock + 1
                clip = min(each.display, each.hidden)
                each.shown, each.hidden = each.shown + clip, each.hidden - clip
            self._cut(each, 0)

    def _cut(self, order: Order, lots: int) -> None:
        hidden = min(lots, order.hidden)
        order.hidden, order.shown = order.hidden - hidden, order.shown - (lots - hidden)
        if order.shown == 0 and order.id in self.orders:
            del self.orders[order.id], self.sides[order.unit, order.side][order.id]

    def _end_self_crosses(self, unit: int) -> None:
        for account in sorted({o.account for o in self.queue(unit, BUY)}):
            while True:
                own = [[o for o in self.queue(unit, s) if o.account == account and not o.whole] for s in (BUY, SELL)]
                if not all(own) or own[0][0].price < own[1][0].price:
                    break
                best = (min((o for o in q if o.price == q[0].price), key=lambda o: o.id) for q in own)
                old, new = sorted(best, key=lambda o: o.id)
                both = min(old.lots, new.lots) if self.policy == "decrement" else 0
                self._cut(old, old.lots if self.policy in {"cancel_oldest", "cancel_both"} else both)
                self._cut(new, new.lots if self.policy in {"cancel_newest", "cancel_both"} else both)


def clearing_price(bids: list[Order], asks: list[Order], reference: int | None) -> tuple[int | None, int]:
    """Return (price, lots): most volume, least surplus, nearest the reference or the middle, by trying them all."""
    ranks = {}
    for price in range(asks[0].price, bids[0].price + 1) if bids and asks else ():
        demand, supply = (sum(o.lots for o in side if o.suits(price)) for side in (bids, asks))
        ranks[price] = (-min(demand, supply), abs(demand - supply))
    prices = [price for price, rank in ranks.items() if rank == min(ranks.values())]
    if not prices:
        return None, 0
    if reference is None:  # the middle of what lies between the limits of those that have one
        limits = [o.price for o in bids + asks if not o.market] or prices
        reference = sum(min(max(price, min(limits)), max(limits)) for price in (prices[0], prices[-1])) // 2
    return min(max(reference, prices[0]), prices[-1]), -ranks[prices[0]][0]


def _seller_first(order: Order, other: Order) -> tuple[int, int]:
    return (order.account, other.account) if order.side == SELL else (other.account, order.account)
