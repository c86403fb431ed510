"""Cliff, Minimal-intelligence agents for bargaining behaviors in market-based environments, HP Labs HPL-97-91 (1997).

Zero-intelligence-plus traders with flat supply: eleven sellers at 200, eleven buyers from 325 down to 75 by 25. Sellers
compete, so prices come down to 200: within 5 by day 4, in the mean over sessions.
"""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.reservex import Exchange, MarketRules

LIMITS = np.array([*range(325, 74, -25), *[200] * 11], dtype=float)
N, DAYS, SESSIONS = 22, 5, 15


class Zip:
    """All traders of one session; the first eleven buy. Section 4.3: Widrow-Hoff steps with momentum on the margin."""

    def __init__(self, rng):
        self.rng = rng
        self.sign = np.where(np.arange(N) < 11, -1.0, 1.0)  # +1 sells
        self.margin = self.sign * rng.uniform(0.05, 0.35, N)
        self.beta, self.gamma, self.momentum = rng.uniform(0.1, 0.5, N), rng.uniform(0.0, 0.1, N), np.zeros(N)

    @property
    def price(self):
        return LIMITS * (1.0 + self.margin)

    def learn(self, shout, by_seller, accepted, active):
        price, s = self.price, self.sign
        gains = s * (shout - price) >= 0.0  # the shout is at least as good for me as my own price
        greedier = accepted & gains
        rival = (s > 0) == by_seller
        humbler = active & ~gains & (~rival if accepted else rival)
        step = np.where(greedier, s, np.where(humbler, -s, 0.0))
        relative, absolute = self.rng.uniform(0.0, 0.05, N), self.rng.uniform(0.0, 0.05, N)
        target = shout * (1.0 + step * relative) + step * absolute
        moved = self.gamma * self.momentum + (1.0 - self.gamma) * self.beta * (target - price)
        self.momentum = np.where(step != 0.0, moved, self.momentum)
        margin = np.where(step != 0.0, (price + moved) / LIMITS - 1.0, self.margin)
        self.margin = self.sign * np.maximum(0.0, self.sign * margin)


def session(ex, first_unit, rng):
    """Mean trade price of each day, one unit a day."""
    traders, means = Zip(rng), []
    for unit in range(first_unit, first_unit + DAYS):
        ex.open_unit(unit)
        active, quiet = np.ones(N, dtype=bool), 0
        while quiet < 100 and active[:11].any() and active[11:].any():
            who = int(rng.choice(np.flatnonzero(active)))
            sells, shout = who >= 11, round(float(traders.price[who]))
            other = traders.sign == (-1.0 if sells else 1.0)
            willing = np.flatnonzero(active & other & (traders.sign * (shout - traders.price) >= 0.0))
            ex.submit(who, unit, "sell" if sells else "buy", shout, 1)
            quiet += 1
            if len(willing):
                taker = int(rng.choice(willing))
                assert ex.submit(taker, unit, "buy" if sells else "sell", shout, 1).fills[0].price == shout
                active[[who, taker]] = False
                quiet = 0
            else:
                ex.cancel(int(ex.log.rows[-1, 1]))
            traders.learn(shout, sells, bool(len(willing)), active)
        means.append(ex.figures(unit).mean)
        ex.close_gate(unit)
    return means


def test_flat_supply_brings_prices_to_its_level():
    ex = Exchange(MarketRules(opening_auction=False, min_price_ticks=0, max_price_ticks=1000))
    for i in range(N):
        ex.register(f"trader {i}", node="n")
    days = np.mean([session(ex, DAYS * i, np.random.default_rng(i)) for i in range(SESSIONS)], axis=0)
    assert days[3:] == pytest.approx(200.0, abs=5.0)
