"""The exchange without any network: a call auction, continuous trading, a gate, a settlement.

Run it with ``python scenarios/exchange_alone.py``.
"""

from __future__ import annotations

import numpy as np

from rexnet_grid.reservex import Exchange, MarketRules

UNIT = 40


def main() -> None:
    """Trade one quarter of an hour from its opening to its settlement."""
    exchange = Exchange(MarketRules(unit_minutes=15, lot_kw=0.1, tick_eur_per_mwh=0.1), carrier="electricity")
    names = ("solar park", "household", "bakery", "operator")
    park, household, bakery, operator = (exchange.register(name, node="bus 1") for name in names)

    exchange.open_unit(UNIT)
    exchange.submit(park, unit=UNIT, side="sell", price=600, lots=50)
    exchange.submit(household, unit=UNIT, side="buy", price=900, lots=20)
    auction = exchange.uncross(UNIT)
    print(f"auction: {auction.lots} lots at {auction.price} ticks")

    bought = exchange.submit(bakery, unit=UNIT, side="buy", price=650, lots=40)
    print(f"bakery: {bought.status}, fills (price, lots, maker's order) {bought.fills}")
    print(f"best bid {exchange.best_bid(UNIT)}, best ask {exchange.best_ask(UNIT)} ticks")

    reserved = exchange.close_gate(UNIT)
    print("reserved lots:", dict(zip(names, reserved.lots.tolist(), strict=False)))

    realised = np.array([45, -20, -30, 5])
    receipt = exchange.settle(UNIT, realised, operator_account=operator)
    print(f"settled at a reference price of {receipt.reference_price} ticks")
    cash = {name: exchange.ledger.cash(account) for account, name in enumerate(names)}
    print("cash [quanta]:", cash, "sum", sum(cash.values()))


if __name__ == "__main__":
    main()
