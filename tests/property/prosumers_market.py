"""A market of one: a dealer with deep pockets quotes both sides, a participant trades with him at his prices."""

from __future__ import annotations

import numpy as np

from rexnet_grid.prosumers.base import NO_PRICE, Delivered, MarketView

LOT_KW, TICK, HOURS, DEEP = 0.1, 0.1, 0.25, 1_000_000
MIN_PRICE, MAX_PRICE = -5000, 40000


class Dealer:
    """Fills whatever crosses its quotes, and keeps the participant's cash [EUR] and orders."""

    def __init__(self, carriers, units):
        self.position = {c: np.zeros(units, dtype=np.int64) for c in carriers}
        self.cash = dict.fromkeys(carriers, 0.0)
        self.fills = []
        self.quoted = []

    def view(self, carrier, units, ask, bid):
        """Return what the participant sees; NaN is no quote."""
        bid, ask = (
            np.where(np.isnan(p), NO_PRICE, np.rint(np.nan_to_num(p) / TICK)).astype(np.int64) for p in (bid, ask)
        )
        bid_lots, ask_lots = (np.where(p == NO_PRICE, 0, DEEP) for p in (bid, ask))
        position = self.position[carrier][units]
        zero = np.zeros(len(units))
        return MarketView(
            units, bid, ask, bid_lots, ask_lots, position, zero, LOT_KW, TICK, MIN_PRICE, MAX_PRICE
        )  # fmt: skip

    def fill(self, now, view, carrier, quotes, luck=None):
        """Fill crossing orders, last first; ``luck`` leaves some of them unfilled."""
        keys = list(zip(quotes.unit.tolist(), quotes.side.tolist(), quotes.price.tolist(), strict=True))
        assert len(set(keys)) == len(keys)
        assert (quotes.lots > 0).all()
        assert ((quotes.price >= MIN_PRICE) & (quotes.price <= MAX_PRICE)).all()
        first = int(view.units[0])
        for k in reversed(range(len(keys))):
            unit, side, price = keys[k]
            lots = int(quotes.lots[k])
            self.quoted.append((now, carrier, unit, side, price * TICK, lots))
            best = int(view.ask[unit - first] if side == 0 else view.bid[unit - first])
            crosses = best != NO_PRICE and (price >= best if side == 0 else price <= best)
            if not crosses or (luck is not None and luck.random() < 0.3):
                continue
            sign = -1 if side == 0 else 1
            self.position[carrier][unit] += sign * lots
            self.cash[carrier] += sign * lots * LOT_KW * HOURS * best * TICK / 1000.0
            self.fills.append((now, carrier, unit, side, best * TICK, lots))


def live(member, prices, units, horizon=96, luck=None):
    """Let ``member`` live through ``units`` as the unit cycle has it: the gate of a unit closes one unit before.

    ``prices(now, carrier, units)`` gives ask and bid [EUR/MWh].
    """
    dealer = Dealer(member.nodes, units)
    wake = member.next_wake(-8.0)
    history = []
    for unit in range(units):
        while wake < unit - 1:
            coming = np.arange(unit, min(unit + horizon, units))
            views = {c: dealer.view(c, coming, *prices(wake, c, coming)) for c in member.nodes}
            for carrier, quotes in member.trade(wake, views).items():
                dealer.fill(wake, views[carrier], carrier, quotes, luck)
            wake = member.next_wake(wake)
        secured = {c: float(dealer.position[c][unit] * LOT_KW) for c in member.nodes}
        realised = member.realise(unit, secured)
        rates = {c: realised[c].mean_kw if c in realised else 0.0 for c in member.nodes}
        member.conclude(unit, Delivered(rates))
        history.append({**member.record(), "rates": rates, "secured": secured})
    return dealer, history
