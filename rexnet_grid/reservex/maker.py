"""The contract maker: a quote-driven exchange that is everybody's counterparty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError
from rexnet_grid.reservex.batch import OrderBatch
from rexnet_grid.reservex.layout import NO_PRICE

if TYPE_CHECKING:
    from rexnet_grid.reservex.exchange import Exchange
    from rexnet_grid.reservex.layout import IntArray
    from rexnet_grid.reservex.pricing import PricingFunction


@dataclass(frozen=True, slots=True)
class MakerBooks:
    """Where the maker stands: cash [quanta] and inventory by open unit, sold minus bought [lot]."""

    cash: int
    units: IntArray
    inventory: IntArray


class ContractMaker:
    """Quote every open unit at each boundary by a pricing function of the inventory.

    Nobody else's orders rest, so every trade is with the maker, at its price; what it earns and holds is on the ledger
    like anybody's. All it knows is in the rules and the log of the exchange: :meth:`of` takes it up again on a replay.

    Parameters
    ----------
    exchange
        The exchange it makes; continuous from the opening.
    account
        The maker's account.
    pricing
        What to quote; by default as the rules say.
    lots
        Size of each quote [lot]; by default as the rules say.
    """

    def __init__(
        self, exchange: Exchange, account: int, pricing: PricingFunction | None = None, lots: int | None = None
    ) -> None:
        terms, quantum = exchange.rules.maker, exchange.rules.quantum
        self.exchange = exchange
        self.account = account
        self.lots = max(1, round(terms.quote_kw / quantum.lot_kw)) if lots is None else lots
        self._given = pricing
        exchange.set_quoter(account)

    @classmethod
    def of(cls, exchange: Exchange) -> ContractMaker:
        """Return the maker of an exchange that has one, such as a replayed one.

        Raises
        ------
        InputError
            When nobody makes it.
        """
        if exchange.quoter is None:
            raise InputError("nobody makes this exchange: no account was set as its quoter")
        return cls(exchange, exchange.quoter)

    @property
    def pricing(self) -> PricingFunction:
        """What it quotes by now."""
        rules = self.exchange.rules
        if self._given is not None:
            return self._given
        told = self.exchange.references()
        base = np.where(told == NO_PRICE, rules.maker.base_eur_per_mwh / rules.tick_eur_per_mwh, told)
        one_sided = rules.design == "one_sided"
        return rules.maker.function(rules.quantum, base, one_sided=one_sided, is_high=self.exchange.is_high)

    def requote(self) -> MakerBooks:
        """Replace all quotes; call it at every boundary. Returns where the maker stands."""
        ex, rules = self.exchange, self.exchange.rules
        view = ex.view(self.account)
        lead = np.arange(len(view.units), dtype=np.int64) + 1
        bid, ask = self.pricing.quotes(view.position, lead)
        units, sides, prices = [], [], []
        for side, quote, rounded in ((0, bid, np.floor(bid)), (1, ask, np.ceil(ask))):
            told = ~np.isnan(quote)
            units.append(view.units[told])
            sides.append(np.full(int(told.sum()), side, dtype=np.int64))
            limited = np.clip(rounded[told], rules.min_price_ticks, rules.max_price_ticks)
            prices.append(limited.astype(np.int64))
        unit, side_of, price = (np.concatenate(parts) for parts in (units, sides, prices))
        fresh = OrderBatch.new(self.account, unit, side_of, price, np.full(len(unit), self.lots, dtype=np.int64))
        ex.submit_many(OrderBatch.cancel(self.account, view.order_id).then(fresh))
        return MakerBooks(ex.ledger.cash(self.account), view.units, view.position)
