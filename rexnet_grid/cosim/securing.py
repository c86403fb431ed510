"""Steps 2 and 3b: what physics will not carry is cut, before realisation and again after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.cosim.options import exercise, on_offer, run_at_least
from rexnet_grid.cosim.unit import Cut, Stage, UnitOnCarrier
from rexnet_grid.delivery.participants import Participants

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.delivery.safety import SafetyMaintainer, SecuredSchedule
    from rexnet_grid.prosumers.base import FloatArray, IntArray

UNRESERVED_PRICE = 10.0


def secure_reservations(market: CarrierMarket, maintainer: SafetyMaintainer, book: UnitOnCarrier) -> None:
    """Cut reservations until the predicted unit is clean; fills ``secured_kw`` and ``cuts`` of ``book``."""
    seats = market.seats
    scheduled = _without_operator(market, book.reserved_kw)
    options = on_offer(market, book.unit, scheduled, ("call", "put"))
    cuttable = _cuttable(market, scheduled)
    schedule = Participants(seats.nodes, scheduled, seats.curtailment_price, cuttable)
    answer = maintainer.secure(market.network, book.unit, schedule, options)
    exercise(market, book.unit, answer.actions)
    operated = book.reserved_kw[seats.operator]
    book.secured_kw[:] = run_at_least(market, book.unit, answer.secured_kw, answer.actions)
    book.secured_kw[seats.operator] = operated
    _note_cuts(book, "secure", np.arange(len(seats.names)), answer)


def secure_realised(market: CarrierMarket, maintainer: SafetyMaintainer, book: UnitOnCarrier) -> None:
    """Cut what is really there until the unit can be delivered; what nobody reserved goes first.

    Every participant stands in the schedule twice: with what it reserved, at its own price, and with what it takes
    or gives beyond that, for next to nothing (*no reservation, no service*). Of the options only puts can still be
    exercised: what is realised is there already.
    """
    seats = market.seats
    realised = _without_operator(market, book.realised_kw)
    secured = book.secured_kw
    entitled = np.where(realised * secured > 0.0, np.sign(realised) * np.minimum(abs(realised), abs(secured)), 0.0)
    scheduled = np.concatenate([entitled, realised - entitled])
    options = on_offer(market, book.unit, entitled, ("put",))
    cuttable = np.minimum(np.tile(_cuttable(market, np.full(len(realised), np.inf)), 2), abs(scheduled))
    schedule = Participants(
        np.tile(seats.nodes, 2),
        scheduled,
        np.concatenate([seats.curtailment_price, np.full(len(realised), UNRESERVED_PRICE)]),
        cuttable,
        reserved=np.repeat((True, False), len(realised)),
    )
    answer = maintainer.secure(market.network, book.unit, schedule, options)
    exercise(market, book.unit, answer.actions)
    operated = book.realised_kw[seats.operator]
    book.realised_kw[:] = answer.secured_kw.reshape(2, -1).sum(axis=0)
    book.realised_kw[seats.operator] = operated
    _note_cuts(book, "realtime", np.tile(np.arange(len(seats.names)), 2), answer)


def _without_operator(market: CarrierMarket, rate_kw: FloatArray) -> FloatArray:
    """Return the rates with nothing at the operator: what it trades is what the network itself loses and stores."""
    rates = rate_kw.copy()
    rates[market.seats.operator] = 0.0
    return rates


def _cuttable(market: CarrierMarket, rate_kw: FloatArray) -> FloatArray:
    """Return how much of each rate may be cut [kW]: all of it, but nothing of the external supply's."""
    most = np.abs(rate_kw)
    if market.seats.supplier >= 0:
        most[market.seats.supplier] = 0.0
    return most


def _note_cuts(book: UnitOnCarrier, stage: Stage, accounts: IntArray, answer: SecuredSchedule) -> None:
    book.clean = book.clean and answer.clean
    book.cuts.extend(Cut(stage, int(accounts[action.participant]), action) for action in answer.actions)
