"""The settlement of one unit: integer amounts from facts and rules.

With reserved r, realised x (lots, positive = injection), reference price p (the unit's volume-weighted mean, or the
rules' default where nothing was traded), half-spread s and imbalance d = x - r, an account receives

* ``single_price``: d · (p - s·sign(Σd)), one price for all, the sum without the operator who closes the balance: the
  system's own direction sets it;
* ``two_price``: d · (p - s) for a surplus, d · (p + s) for a shortfall;
* ``fixed_penalty``: d · p - penalty · |d|.

An exercised option moves the reservation: r becomes r + i, and the i that was instructed is settled at p.

What the safety maintainer cut is not the account's doing: that part of d is settled at p, without spread or penalty,
and compensated on top.

These are the single, dual and penalty designs of balancing settlement (Commission Regulation (EU) 2017/2195, Art. 52
and 55; van der Veen and Hakvoort, Energy Policy 2016). Consumption by an account that reserved none is priced at the
unreserved price instead, where there is one ("no reservation, no service"). All prices are whole ticks, so every amount
is a whole number of quanta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.reservex.layout import IntArray
    from rexnet_grid.reservex.rules import MarketRules


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """What happened in one unit, aligned to the accounts.

    Attributes
    ----------
    reserved, realised, lowest
        Reserved and mean realised injection, and the lowest inside the unit [lot].
    curtailed
        Magnitude cut by the safety maintainer [lot].
    compensation
        What that is compensated with [tick].
    instructed
        By how much exercised options moved the reservation [lot].
    traded
        Lots bought plus lots sold [lot].
    mean_price
        Volume-weighted mean price [tick]; ``None`` without a trade.
    operator
        Account that closes the balance; its own deviation is no part of the system's.
    """

    reserved: IntArray
    realised: IntArray
    lowest: IntArray
    curtailed: IntArray
    compensation: IntArray
    instructed: IntArray
    traded: IntArray
    mean_price: float | None
    operator: int


class Entries(NamedTuple):
    """Amounts of one kind that each account pays [quanta]; negative ones it receives."""

    kind: str
    quanta: IntArray


def unit_entries(rules: MarketRules, facts: UnitFacts) -> tuple[int, tuple[Entries, ...]]:
    """Return the reference price [tick] and what every account pays, by kind."""
    default = rules.ticks(rules.reference_price_eur_per_mwh)
    reference = default if facts.mean_price is None else round(facts.mean_price)
    due = facts.reserved + facts.instructed
    imbalance = facts.realised - due
    unreserved = np.zeros_like(imbalance)
    parts = []
    if rules.unreserved_price_eur_per_mwh is not None:
        without = (due >= 0) & (facts.realised < 0)
        unreserved = np.where(without, facts.realised, 0)
        imbalance = imbalance - unreserved
        parts.append(Entries("unreserved", -unreserved * rules.ticks(rules.unreserved_price_eur_per_mwh)))
    side = np.sign(due)
    own = imbalance + side * np.minimum(facts.curtailed, np.maximum(-side * imbalance, 0))
    system = int(imbalance.sum() - imbalance[facts.operator])
    received = own * imbalance_prices(rules, reference, imbalance, system)
    received += (imbalance - own + facts.instructed) * reference
    parts.append(Entries("imbalance", -received))
    if rules.imbalance == "fixed_penalty":
        parts.append(Entries("penalty", np.abs(own) * rules.ticks(rules.penalty_eur_per_mwh)))
    if rules.floor_penalty_eur_per_mwh:
        below = np.where(due > 0, np.maximum(0, due - facts.lowest), 0)
        parts.append(Entries("floor", below * rules.ticks(rules.floor_penalty_eur_per_mwh)))
    if rules.network_fee_eur_per_mwh:
        parts.append(Entries("network fee", np.abs(facts.realised) * rules.ticks(rules.network_fee_eur_per_mwh)))
    if rules.exchange_fee_eur_per_mwh:
        parts.append(Entries("exchange fee", facts.traded * rules.ticks(rules.exchange_fee_eur_per_mwh)))
    if facts.curtailed.any():
        parts.append(Entries("compensation", -facts.curtailed * facts.compensation))
    return reference, tuple(parts)


def imbalance_prices(rules: MarketRules, reference: int, imbalance: IntArray, system: int) -> IntArray:
    """Return the price of each account's imbalance [tick]; ``system`` is the sum of all but the operator's [lot]."""
    relative = rules.imbalance_spread_relative * abs(reference)
    spread = rules.ticks(rules.imbalance_spread_eur_per_mwh) + round(relative)
    if rules.imbalance == "single_price":
        return np.full_like(imbalance, reference - spread * int(np.sign(system)))
    if rules.imbalance == "two_price":
        return np.where(imbalance > 0, reference - spread, reference + spread)
    return np.full_like(imbalance, reference)
