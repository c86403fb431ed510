"""Options for security in a run: sold when a unit opens, exercised before anybody is cut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.offers import Option
from rexnet_grid.reservex.options import OptionBook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery.safety import Action
    from rexnet_grid.prosumers.base import FloatArray, IntArray
    from rexnet_grid.reservex.options import OptionKind

ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class OptionTerms:
    """What some participants sell to the operator in every unit.

    Attributes
    ----------
    accounts
        Who sells.
    kind
        ``"call"`` or ``"put"``.
    lots
        How much each sells in a unit [lot].
    fee, exercise
        Option fee and exercise fee [tick].
    first, last
        First and last unit.
    """

    accounts: tuple[int, ...]
    kind: OptionKind
    lots: int
    fee: int
    exercise: int
    first: int
    last: int


def sell_options(market: CarrierMarket, unit: int) -> None:
    """Let participants sell their options for a unit that has just opened."""
    book = OptionBook(market.exchange, market.seats.operator)
    for terms in market.options:
        if terms.first <= unit <= terms.last:
            for account in terms.accounts:
                book.sell(account, unit, terms.kind, terms.lots, terms.fee, terms.exercise)


def on_offer(
    market: CarrierMarket, unit: int, scheduled_kw: FloatArray, kinds: Sequence[OptionKind]
) -> tuple[Option, ...]:
    """Return what may be exercised in a unit.

    A put cuts what its seller is scheduled to consume and no more, whatever was sold; a call raises its seller to its
    rating and no further.
    """
    if not market.options:
        return ()
    offers = []
    consumption = np.maximum(-scheduled_kw, 0.0)
    callable_kw = np.maximum(market.seats.output_kw[:, 1] - np.maximum(scheduled_kw, 0.0), 0.0)
    tick = market.exchange.rules.tick_eur_per_mwh
    for option in OptionBook(market.exchange, market.seats.operator).offers(unit):
        if option.kind not in kinds:
            continue
        kw = (option.lots - option.used) * market.lot_kw
        if option.kind == "put":
            kw = min(kw, float(consumption[option.account]))
            consumption[option.account] -= kw
        else:
            kw = min(kw, float(callable_kw[option.account]))
            callable_kw[option.account] -= kw
        if kw > 0.0:
            offers.append(Option(option.account, option.kind, kw, option.exercise * tick))
    return tuple(offers)


def exercise(market: CarrierMarket, unit: int, actions: Sequence[Action]) -> None:
    """Exercise what the maintainer chose, in whole lots and cheapest first; ``actions`` name accounts."""
    book = OptionBook(market.exchange, market.seats.operator)
    for action in actions:
        if action.kind not in {"call", "put"}:
            continue
        lots = math.ceil(action.kw / market.lot_kw - ROUNDING)
        for option in book.offers(unit):
            part = min(lots, option.lots - option.used)
            if part > 0 and (option.account, option.kind) == (action.participant, action.kind):
                book.exercise(option.number, part)
                lots -= part


def run_at_least(market: CarrierMarket, unit: int, secured_kw: FloatArray, actions: Sequence[Action]) -> FloatArray:
    """Return the schedule (n_accounts,) [kW] with every plant that was called running at its minimum load or above.

    A plant that stands cannot give less; what is missing to its minimum is exercised as far as it sold calls.
    """
    raised = secured_kw.copy()
    book = OptionBook(market.exchange, market.seats.operator)
    for account in sorted({action.participant for action in actions if action.kind == "call"}):
        missing = market.seats.output_kw[account, 0] - raised[account]
        for option in book.offers(unit):
            if missing > ROUNDING and (option.account, option.kind) == (account, "call"):
                lots = min(math.ceil(missing / market.lot_kw - ROUNDING), option.lots - option.used)
                book.exercise(option.number, lots)
                raised[account] += lots * market.lot_kw
                missing -= lots * market.lot_kw
    return raised


def instructed_lots(market: CarrierMarket, unit: int) -> IntArray:
    """Return by how much exercised options moved the reservation of each account [lot], positive for injection."""
    moved = np.zeros(len(market.seats.names), dtype=np.int64)
    for option in market.exchange.options_of(unit):
        moved[option.account] += option.used
    return moved
