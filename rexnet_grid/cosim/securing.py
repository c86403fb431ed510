"""Steps 2 and 3b: what physics will not carry is cut, before realisation and again after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.cosim.unit import Cut, Stage, UnitOnCarrier
from rexnet_grid.delivery.safety import Schedule

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery.safety import SafetyMaintainer, SecuredSchedule
    from rexnet_grid.prosumers.base import FloatArray

UNRESERVED_PRICE = 1.0


def secure_reservations(market: CarrierMarket, maintainer: SafetyMaintainer, book: UnitOnCarrier) -> None:
    """Cut reservations until the predicted unit is clean; fills ``secured_kw`` and ``cuts`` of ``book``."""
    seats = market.seats
    accounts = np.flatnonzero(_cuttable(market))
    schedule = Schedule(
        node=seats.nodes[accounts],
        rate_kw=book.reserved_kw[accounts],
        price_eur_per_mwh=seats.curtailment_price[accounts],
        fixed_kw=_fixed_injection(market, book.reserved_kw),
    )
    answer = maintainer.secure(market.network, book.unit, schedule)
    book.secured_kw[accounts] = answer.rate_kw
    _note_cuts(book, "secure", accounts, answer)


def secure_realised(market: CarrierMarket, maintainer: SafetyMaintainer, book: UnitOnCarrier) -> None:
    """Cut what is really there until the unit can be delivered; what nobody reserved goes first.

    Every participant stands in the schedule twice: with what it reserved, at its own price, and with what it takes
    or gives beyond that, nearly for free (*no reservation, no service*).
    """
    seats = market.seats
    accounts = np.flatnonzero(_cuttable(market))
    realised, secured = book.realised_kw[accounts], book.secured_kw[accounts]
    entitled = np.where(realised * secured > 0.0, np.sign(realised) * np.minimum(abs(realised), abs(secured)), 0.0)
    schedule = Schedule(
        node=np.concatenate([seats.nodes[accounts], seats.nodes[accounts]]),
        rate_kw=np.concatenate([entitled, realised - entitled]),
        price_eur_per_mwh=np.concatenate(
            [seats.curtailment_price[accounts], np.full(len(accounts), UNRESERVED_PRICE)]
        ),
        fixed_kw=_fixed_injection(market, book.realised_kw),
    )
    answer = maintainer.secure(market.network, book.unit, schedule)
    both = answer.rate_kw.reshape(2, -1)
    book.realised_kw[accounts] = both.sum(axis=0)
    _note_cuts(book, "realtime", np.concatenate([accounts, accounts]), answer)


def _cuttable(market: CarrierMarket) -> np.ndarray:
    """Everybody but the two who balance: the network operator and the external supply."""
    free = np.ones(len(market.seats.names), dtype=bool)
    free[market.seats.operator] = False
    if market.seats.supplier >= 0:
        free[market.seats.supplier] = False
    return free


def _fixed_injection(market: CarrierMarket, rate_kw: FloatArray) -> FloatArray:
    supplier = market.seats.supplier
    alone = np.zeros_like(rate_kw)
    if supplier >= 0:
        alone[supplier] = rate_kw[supplier]
    return market.nodal(alone)


def _note_cuts(book: UnitOnCarrier, stage: Stage, accounts: np.ndarray, answer: SecuredSchedule) -> None:
    book.clean = book.clean and answer.clean
    book.cuts.extend(Cut(stage, int(accounts[action.participant]), action) for action in answer.actions)
