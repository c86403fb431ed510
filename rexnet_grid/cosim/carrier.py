"""One carrier of a run: its exchange, its delivery network and who sits where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.cosim.options import sell_options
from rexnet_grid.cosim.quoting import requote
from rexnet_grid.cosim.tape import Tape
from rexnet_grid.prosumers.base import Dispatchable, MarketView, PlacePrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.making import MakerDesk
    from rexnet_grid.cosim.options import OptionTerms
    from rexnet_grid.delivery import DeliveryNetwork, Headroom, LocationalSignal
    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.prosumers.base import BoolArray, FloatArray, IntArray, NetworkCharge, Prosumer, Quotes
    from rexnet_grid.reservex import AccountView, Exchange
    from rexnet_grid.units import Carrier

OPERATOR = "network operator"
UNBOUNDED_KW = (0.0, np.inf)


@dataclass(frozen=True, slots=True)
class Seats:
    """Who trades on a carrier and at which node; arrays are aligned to each other, the operator comes last.

    Attributes
    ----------
    names
        Account names.
    members
        Index of each account's participant in the population; -1 for the operator.
    nodes
        Node index of each account in the network.
    curtailment_price
        What cutting it costs [EUR/MWh].
    output_kw
        (n_accounts, 2) least output when it runs and the largest, which bound what can be called [kW].
    operator, supplier
        Account numbers of the network operator, and of the external supply (-1 where there is none).
    """

    names: tuple[str, ...]
    members: IntArray
    nodes: IntArray
    curtailment_price: FloatArray
    output_kw: FloatArray
    operator: int
    supplier: int

    @property
    def balances(self) -> BoolArray:
        """Whether an account balances (operator, external supply) instead of taking part."""
        accounts = np.arange(len(self.names))
        return np.asarray((accounts == self.operator) | (accounts == self.supplier), dtype=np.bool_)


class CarrierMarket:
    """The exchange of one carrier joined to the network that delivers it.

    Parameters
    ----------
    exchange
        The exchange, with no accounts yet.
    network
        The delivery network.
    admission
        What matching asks for room; None when the networks tell the market nothing.
    population
        All participants; those with a node on this carrier get an account, in order.
    """

    def __init__(
        self,
        exchange: Exchange,
        network: DeliveryNetwork,
        admission: LinearAdmission | None,
        population: Sequence[Prosumer],
    ) -> None:
        self.exchange = exchange
        self.network = network
        self.admission = admission
        self.seats = _take_seats(exchange, network, population)
        self.account_of = np.full(len(population), -1, dtype=np.int64)
        seated = self.seats.members >= 0
        self.account_of[self.seats.members[seated]] = np.flatnonzero(seated)
        self.signal: LocationalSignal | None = None
        self.rows: dict[int, Headroom] = {}
        self.tape = Tape(exchange)
        self.maker: MakerDesk | None = None
        self.options: tuple[OptionTerms, ...] = ()
        self.network_charge: NetworkCharge = "none"

    @property
    def carrier(self) -> Carrier:
        """Which carrier it is."""
        return self.network.carrier

    @property
    def lot_kw(self) -> float:
        """The lot of its exchange [kW]."""
        return self.exchange.rules.lot_kw

    def take_over(self, exchange: Exchange, tape: Tape) -> None:
        """Go on with an exchange in the middle of its life, as a checkpoint kept it."""
        self.exchange, self.tape = exchange, tape
        self.admission = exchange.admission

    def clear(self, units: Sequence[int]) -> None:
        """Uncross the call phase of these units and remember at which price each opened."""
        for unit in units:
            self.tape.note_opening(unit, self.exchange.uncross(unit).price)

    def open_unit(self, unit: int) -> None:
        """Open a unit and let participants sell their options for it."""
        self.exchange.open_unit(unit, None if self.maker is None else self.maker.reference(unit))
        sell_options(self, unit)

    def requote(self, unit: int) -> None:
        """Let the contract maker, where there is one, set its prices at the boundary before ``unit``."""
        if self.maker is not None:
            self.maker.requote(self.exchange, unit)

    def look(self, member: int) -> AccountView:
        """Return the open units and the own orders as participant ``member`` sees them now."""
        return self.exchange.view(int(self.account_of[member]))

    def view(self, member: int, seen: AccountView) -> MarketView:
        """Return what participant ``member`` decides on."""
        rules, account = self.exchange.rules, int(self.account_of[member])
        return MarketView(
            units=seen.units,
            bid=seen.bid,
            ask=seen.ask,
            bid_lots=seen.bid_lots,
            ask_lots=seen.ask_lots,
            position=seen.position,
            loss_factor=self._loss_factor(seen.units, int(self.seats.nodes[account])),
            lot_kw=rules.lot_kw,
            tick_eur_per_mwh=rules.tick_eur_per_mwh,
            min_price=rules.min_price_ticks,
            max_price=rules.max_price_ticks,
            congestion=self._congestion(seen.units, int(self.seats.nodes[account])),
            network_charge="none" if self.seats.balances[account] else self.network_charge,
        )

    def replace_orders(self, member: int, seen: AccountView, wanted: Quotes) -> None:
        """Bring the resting orders of participant ``member`` to what it wants, in one batch."""
        batch = requote(int(self.account_of[member]), seen, wanted)
        if batch is not None:
            self.exchange.submit_many(batch)

    def positions_kw(self, units: Sequence[int]) -> FloatArray:
        """Return the reserved injection (n_units, n_nodes) [kW]; the operator's trades are no physical injection."""
        lots = np.stack([self.exchange.ledger.positions(unit)[: len(self.seats.names)] for unit in units])
        lots[:, self.seats.operator] = 0
        return self.nodal(np.asarray(lots * self.lot_kw, dtype=np.float64))

    def nodal(self, account_kw: FloatArray) -> FloatArray:
        """Return the injection at every node [kW] of rates given by account [kW]; any leading axes stay."""
        count = len(self.network.nodes)
        rows = account_kw.reshape(-1, account_kw.shape[-1])
        summed = [np.bincount(self.seats.nodes, weights=row, minlength=count) for row in rows]
        return np.array(summed, dtype=np.float64).reshape(*account_kw.shape[:-1], count)

    def nodes_of(self, accounts: IntArray) -> IntArray:
        """Return the node of each account; one without a seat, such as the contract maker's, is at the supply."""
        seats, supply = self.seats.nodes, self.network.nodes.index(self.network.supply_node)
        return np.append(seats, supply)[np.minimum(accounts, len(seats))]

    def loss_factors(self, unit: int) -> FloatArray:
        """Return the marginal loss per injection of every account [kW/kW], as published last for ``unit``.

        It is zero where nothing is known: before the first signal, and in a unit whose positions have no solution.
        """
        if self.signal is None or not self.signal.units:
            return np.zeros(len(self.seats.names))
        row = self._signal_rows(self.signal, np.array([unit]))[0]
        return np.asarray(np.nan_to_num(self.signal.marginal_loss[row, self.seats.nodes]), dtype=np.float64)

    def _loss_factor(self, units: IntArray, node: int) -> FloatArray:
        if self.signal is None:
            return np.zeros(len(units))
        rows = self._signal_rows(self.signal, units)
        return np.asarray(np.nan_to_num(self.signal.marginal_loss[rows, node]), dtype=np.float64)

    def _congestion(self, units: IntArray, node: int) -> PlacePrices | None:
        prices = None if self.signal is None else self.signal.congestion
        if self.signal is None or prices is None:
            return None
        rows = self._signal_rows(self.signal, units)
        told = units <= self.signal.units[-1]
        return PlacePrices(
            np.where(told, prices.injecting_eur_per_mwh[rows, node], 0.0),
            np.where(told, prices.withdrawing_eur_per_mwh[rows, node], 0.0),
            np.where(told, prices.limit[rows, node], ""),
        )

    @staticmethod
    def _signal_rows(signal: LocationalSignal, units: IntArray) -> IntArray:
        """Return the row that speaks for each unit: its own, or that of the nearest unit that was open."""
        first = signal.units[0] if signal.units else 0
        return np.clip(units - first, 0, max(len(signal.units) - 1, 0))


def _take_seats(exchange: Exchange, network: DeliveryNetwork, population: Sequence[Prosumer]) -> Seats:
    carrier = network.carrier
    place = {name: index for index, name in enumerate(network.nodes)}
    names, members, nodes, prices, outputs = [], [], [], [], []
    operator = supplier = -1
    for index, member in enumerate(population):
        node = member.nodes.get(carrier)
        if node is None:
            continue
        account = exchange.register(member.name, node=node, secured=member.kind not in {"operator", "supplier"})
        operator = account if member.kind == "operator" else operator
        supplier = account if member.kind == "supplier" else supplier
        names.append(member.name)
        members.append(index)
        nodes.append(place[node])
        prices.append(member.curtailment_price.get(carrier, 0.0))
        outputs.append(member.output_range_kw(carrier) if isinstance(member, Dispatchable) else UNBOUNDED_KW)
    if operator < 0:
        operator = exchange.register(OPERATOR, node=network.operator_node, secured=False)
        names.append(OPERATOR)
        members.append(-1)
        nodes.append(place[network.operator_node])
        prices.append(0.0)
        outputs.append(UNBOUNDED_KW)
    return Seats(
        tuple(names),
        np.array(members, dtype=np.int64),
        np.array(nodes, dtype=np.int64),
        np.array(prices, dtype=np.float64),
        np.array(outputs, dtype=np.float64),
        operator,
        supplier,
    )
