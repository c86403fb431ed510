"""Steps 3 and 4: what participants really do, and what the networks really carry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.remedies import SMALLEST_KW
from rexnet_grid.prosumers.base import Delivered, Realised

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.unit import UnitOnCarrier
    from rexnet_grid.delivery import NetworkState
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.units import Carrier


def realise(
    unit: int,
    population: Sequence[Prosumer],
    markets: Mapping[Carrier, CarrierMarket],
    books: Mapping[Carrier, UnitOnCarrier],
    stopped: Collection[int] = (),
) -> None:
    """Ask every participant what it does in ``unit`` with its secured reservation; fills ``realised_kw``.

    Participants that have stopped do nothing. The external supply is taken at its word: what the network draws beyond
    it is balancing energy of the operator.
    """
    for index, member in enumerate(population):
        accounts = {c: int(m.account_of[index]) for c, m in markets.items() if m.account_of[index] >= 0}
        if member.kind in {"supplier", "operator"}:
            continue
        secured = {c: float(books[c].secured_kw[account]) for c, account in accounts.items()}
        answer = {} if index in stopped else member.realise(unit, secured)
        for carrier, account in accounts.items():
            done = answer.get(carrier, Realised.steady(0.0))
            books[carrier].realised_kw[account] = done.mean_kw
            books[carrier].lowest_kw[account] = done.lowest_kw


def deliver(market: CarrierMarket, book: UnitOnCarrier, stopped: Collection[int] = ()) -> NetworkState:
    """Carry the realised rates through the network and share what it could not carry among those at the node.

    Fills ``delivered_kw``, ``beyond_kw``, ``withheld_kw`` and ``state`` of ``book``. Demand not served at a node is
    borne in proportion to withdrawal, generation not taken in proportion to injection, and so is heat that a plant had
    to put in beyond what it was to; participants that have ``stopped`` bear none. In a unit without a power flow
    solution the network collapses: nothing is served and nothing is taken. The operator's rate is minus the sum
    of all others': losses, storage in the network and balancing energy.
    """
    seats = market.seats
    operator = seats.operator
    asked = book.realised_kw.copy()
    asked[operator] = 0.0
    state = market.network.deliver(book.unit, market.nodal(asked))
    book.beyond_kw[:] = _beyond(market, state, asked, stopped)
    delivered = asked - _shortfall(market, state, asked) + book.beyond_kw
    if seats.supplier >= 0:
        delivered[seats.supplier] = book.reserved_kw[seats.supplier]
    delivered[operator] = 0.0
    delivered[operator] = -delivered.sum()
    book.delivered_kw[:] = delivered
    book.state = state
    due = book.reserved_kw + book.cut_kw(("call", "put"))
    kept = np.where(np.sign(delivered) == np.sign(due), np.abs(delivered), 0.0)
    cut = book.cut_kw(("ration", "discard")) + np.abs(asked + book.beyond_kw - delivered)
    book.withheld_kw[:] = np.minimum(cut, np.maximum(np.abs(due) - kept, 0.0))
    book.withheld_kw[book.balances] = 0.0
    return state


def conclude(
    unit: int,
    population: Sequence[Prosumer],
    markets: Mapping[Carrier, CarrierMarket],
    books: Mapping[Carrier, UnitOnCarrier],
) -> None:
    """Let every participant move its devices through ``unit`` with what was really delivered."""
    at_node_c = _temperature_at_node(markets, books)
    for index, member in enumerate(population):
        accounts = {c: int(m.account_of[index]) for c, m in markets.items() if m.account_of[index] >= 0}
        rates = {c: float(books[c].delivered_kw[account]) for c, account in accounts.items()}
        node = member.nodes.get("heat")
        delivered = Delivered(rates, at_node_c.get(node) if node is not None else None)
        if member.kind == "operator":
            delivered = _seen_by_operator(delivered, [books[c] for c in accounts])
        member.conclude(unit, delivered)


def _seen_by_operator(delivered: Delivered, books: Sequence[UnitOnCarrier]) -> Delivered:
    """Return the same with what the operator's networks lost and stored."""
    balances = [book.state.balance for book in books if book.state is not None]
    return replace(delivered, loss_kw=sum(b.loss_kw for b in balances), stored_kw=sum(b.stored_kw for b in balances))


def _shortfall(market: CarrierMarket, state: NetworkState, asked: FloatArray) -> FloatArray:
    """Return what each account asked for and the network did not carry [kW, signed like the rate].

    That is everything where the network found no solution.
    """
    if not state.converged:
        return asked.copy()
    seats = market.seats
    nodes = seats.nodes
    short = np.zeros_like(asked)
    unserved = state.unserved_kw
    drawn = market.nodal(np.minimum(asked, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(drawn < 0.0, np.minimum(unserved / -drawn, 1.0), 0.0)
    short += np.minimum(asked, 0.0) * share[nodes]
    given = market.nodal(np.maximum(asked, 0.0))
    spilled = np.maximum(given + drawn + unserved - state.injection_kw, 0.0)
    if market.carrier == "electricity":
        spilled[(spilled < SMALLEST_KW) | (np.arange(len(spilled)) == seats.nodes[seats.operator])] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(given > 0.0, np.minimum(spilled / given, 1.0), 0.0)
    return np.asarray(short + np.maximum(asked, 0.0) * share[nodes])


def _beyond(market: CarrierMarket, state: NetworkState, asked: FloatArray, stopped: Collection[int]) -> FloatArray:
    """Return what the plants of a heat network put in beyond what they were to, by account [kW].

    A plant that keeps the pressure heats whatever water is drawn, and none supplies less than its lowest temperature.
    Who put heat in at the node bears it in proportion; where nobody was to, who could. Less than a lot does not count,
    nor does what flows at an external supply, which is balancing energy.
    """
    seats, beyond = market.seats, np.zeros_like(asked)
    if market.carrier != "heat":
        return beyond
    injecting, drawn = np.maximum(asked, 0.0), market.nodal(np.minimum(asked, 0.0))
    excess = state.injection_kw - market.nodal(injecting) - drawn - state.unserved_kw
    idle = seats.balances | np.isin(seats.members, np.array(list(stopped), dtype=np.int64))
    able = np.where(idle, 0.0, np.where(np.isfinite(seats.output_kw[:, 1]), seats.output_kw[:, 1], 1.0))
    weight = np.where(market.nodal(injecting)[seats.nodes] > 0.0, injecting, able)
    if seats.supplier >= 0:
        weight[seats.nodes == seats.nodes[seats.supplier]] = 0.0
    total = market.nodal(weight)
    share = np.divide(excess, total, out=np.zeros_like(total), where=(excess > market.lot_kw) & (total > 0.0))
    return np.asarray(weight * share[seats.nodes])


def _temperature_at_node(
    markets: Mapping[Carrier, CarrierMarket], books: Mapping[Carrier, UnitOnCarrier]
) -> dict[str, float]:
    if "heat" not in markets:
        return {}
    state = books["heat"].state
    if state is None:
        return {}
    columns = markets["heat"].network.columns()
    array = next((name for name in ("supply_c", "air_c") if name in state.arrays), None)
    return {} if array is None else dict(zip(columns[array], state.arrays[array].tolist(), strict=True))
