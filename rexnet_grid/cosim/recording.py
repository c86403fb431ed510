"""What a run writes down, unit by unit."""

from __future__ import annotations

import math
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.cosim.making import MAKER
from rexnet_grid.reservex.ledger import ENTRY_KINDS
from rexnet_grid.reservex.log import PHASES
from rexnet_grid.results.schema import network_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.congestion import Congestion
    from rexnet_grid.cosim.maps import NetworkMap
    from rexnet_grid.cosim.metering import Readings
    from rexnet_grid.cosim.oracles import Estimated
    from rexnet_grid.cosim.unit import UnitOnCarrier
    from rexnet_grid.prosumers.base import Prosumer
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.results.writer import RunWriter
    from rexnet_grid.units import Carrier, TimeGrid

RATION = ("ration",)
DISCARD = ("discard",)
EXERCISED = ("call", "put")
FUEL_COST = "fuel_cost_eur"


def record_service(writer: RunWriter, market: CarrierMarket, book: UnitOnCarrier, hours: float) -> None:
    """Write what became of every reservation, what was cut and why, and which limits broke."""
    seats = market.seats
    writer.append(
        "service",
        {
            "carrier": market.carrier,
            "unit": book.unit,
            "participant": list(seats.names),
            "reserved_kw": book.reserved_kw,
            "secured_kw": book.secured_kw,
            "realised_kw": book.realised_kw,
            "delivered_kw": book.delivered_kw,
            "rationed_kw": book.cut_kw(RATION),
            "unserved_kw": book.not_carried_kw(consumption=True),
            "discarded_kw": book.cut_kw(DISCARD) + book.not_carried_kw(consumption=False),
        },
    )
    if book.cuts:
        actions = [cut.action for cut in book.cuts]
        writer.append(
            "actions",
            {
                "carrier": market.carrier,
                "unit": book.unit,
                "stage": [cut.stage for cut in book.cuts],
                "participant": [seats.names[cut.account] for cut in book.cuts],
                "node": [market.network.nodes[seats.nodes[cut.account]] for cut in book.cuts],
                "kind": [action.kind for action in actions],
                "kw": [action.kw for action in actions],
                "limit": [action.limit for action in actions],
                "price_eur_per_mwh": [action.cost_eur_per_mwh for action in actions],
                "cost_eur": [action.cost_eur_per_mwh * action.kw * hours / 1000.0 for action in actions],
            },
        )


def record_network(writer: RunWriter, market: CarrierMarket, book: UnitOnCarrier) -> None:
    """Write the delivered state of the network."""
    state = book.state
    if state is None:
        return
    names = market.network.columns()
    for array, values in state.arrays.items():
        writer.append_array(network_table(market.carrier, array), book.unit, names[array], values)
    balance = state.balance
    supply = market.network.nodes.index(market.network.supply_node)
    electric = market.carrier == "electricity"
    given_kw = book.supplied_kw(state, supply, market.seats.nodes) if electric else float(state.injection_kw[supply])
    writer.append(
        network_table(market.carrier, "balance"),
        {
            "unit": [book.unit],
            "injected_kw": [balance.injected_kw],
            "withdrawn_kw": [balance.withdrawn_kw],
            "loss_kw": [balance.loss_kw],
            "stored_kw": [balance.stored_kw],
            "import_kw": [given_kw],
            "residual_relative": [balance.residual_relative],
        },
    )
    if state.violations:
        writer.append(
            "violations",
            {
                "carrier": market.carrier,
                "unit": book.unit,
                "element": [v.element for v in state.violations],
                "kind": [v.kind for v in state.violations],
                "limit": [v.limit for v in state.violations],
                "value": [v.value for v in state.violations],
                "bound": [v.bound for v in state.violations],
                "measure": [v.unit for v in state.violations],
            },
        )


def record_meters(writer: RunWriter, market: CarrierMarket, unit: int, readings: Readings) -> None:
    """Write what the meters show."""
    writer.append(
        "meters",
        {
            "unit": unit,
            "participant": list(market.seats.names),
            "carrier": market.carrier,
            "energy_kwh": readings.energy_kwh,
            "vm_pu": readings.vm_pu,
            "air_c": readings.air_c,
        },
    )


def record_estimates(writer: RunWriter, carrier: Carrier, unit: int, learned: Sequence[Estimated]) -> None:
    """Write what was estimated anew from the meters, beside the truth."""
    if learned:
        names = ("name", "estimate", "std_error", "truth", "state", "measure")
        columns = {name: [getattr(row, name) for row in learned] for name in names}
        writer.append("estimates", {"carrier": carrier, "unit": unit, **columns})


def record_devices(writer: RunWriter, unit: int, population: Sequence[Prosumer]) -> float:
    """Write the states of all participants' devices; return what the fuel of this unit cost [EUR]."""
    rows = [(member.name, key, value) for member in population for key, value in member.record().items()]
    if rows:
        names, quantities, values = zip(*rows, strict=True)
        writer.append(
            "devices",
            {"unit": unit, "participant": list(names), "quantity": list(quantities), "value": list(values)},
        )
    return float(sum(value for _, quantity, value in rows if quantity == FUEL_COST))


def record_prices(writer: RunWriter, market: CarrierMarket, unit: int) -> None:
    """Write what a unit was worth, just before its gate closes."""
    prices = market.tape.prices(unit)
    writer.append(
        "prices",
        {
            "carrier": market.carrier,
            "unit": [unit],
            "opening_ticks": [prices.opening],
            "vwap_ticks": [prices.vwap],
            "last_ticks": [prices.last],
            "traded_lots": [prices.lots],
            "bid_ticks": [market.exchange.best_bid(unit)],
            "ask_ticks": [market.exchange.best_ask(unit)],
        },
    )


def record_maker(writer: RunWriter, market: CarrierMarket, unit: int) -> None:
    """Write what the contract maker quotes and holds in a unit, just before its gate closes."""
    if market.maker is None:
        return
    exchange, account = market.exchange, market.maker.account
    writer.append(
        "maker",
        {
            "carrier": market.carrier,
            "unit": [unit],
            "bid_ticks": [exchange.best_bid(unit)],
            "ask_ticks": [exchange.best_ask(unit)],
            "inventory_lots": [exchange.ledger.position(account, unit)],
            "cash_quanta": [exchange.ledger.cash(account)],
        },
    )


def record_options(writer: RunWriter, market: CarrierMarket, unit: int, hours: float) -> None:
    """Write which options were sold for a unit and what was exercised of them."""
    sold = market.exchange.options_of(unit)
    if not sold:
        return
    lot_kw, eur = market.lot_kw, market.exchange.rules.quantum.eur
    writer.append(
        "options",
        {
            "carrier": market.carrier,
            "unit": unit,
            "participant": [market.seats.names[option.account] for option in sold],
            "node": [option.node for option in sold],
            "kind": [option.kind for option in sold],
            "sold_kw": [option.lots * lot_kw for option in sold],
            "exercised_kwh": [option.used * lot_kw * hours for option in sold],
            "option_fee_eur": [option.fee * option.lots * eur for option in sold],
            "exercise_fee_eur": [option.exercise * option.used * eur for option in sold],
        },
    )


def record_headroom(writer: RunWriter, market: CarrierMarket, unit: int, congestion: Congestion) -> None:
    """Write which limits stood between orders of a unit, just before its gate closes.

    A row that holds for several limits is told by the one that binds at the positions of the unit.
    """
    if market.admission is None:
        return
    bound = market.admission.bindings().get(unit, ())
    if bound:
        rows, position_kw = market.rows[unit], market.positions_kw([unit])[0]
        slack = market.admission.slack(unit)
        found: dict[str, list[float]] = {}
        for binding in bound:
            limit, unit_of_it = rows.limit_at(binding.row, position_kw)
            told = found.setdefault(limit, [math.inf, 0, 0.0, 0.0])
            told[0] = min(told[0], float(slack[binding.row]) * unit_of_it)
            told[1] += binding.times
            told[2] += binding.blocked_lots * market.lot_kw
            told[3] = max(told[3], float(congestion.steepest_eur_per_mwh[binding.row]))
        left, times, blocked_kw, prices = zip(*found.values(), strict=True)
        writer.append(
            "headroom",
            {
                "carrier": market.carrier,
                "unit": unit,
                "limit": list(found),
                "slack": list(left),
                "times_bound": list(times),
                "blocked_kw": list(blocked_kw),
                "shadow_eur_per_mwh": list(prices),
            },
        )


def record_congestion(writer: RunWriter, market: CarrierMarket, unit: int, congestion: Congestion) -> None:
    """Write what the limits of a unit are worth at the places where somebody sits, just before its gate closes."""
    prices = congestion.prices
    seated = np.unique(market.seats.nodes)
    told = seated[prices.limit[0, seated] != ""]
    if len(told):
        writer.append(
            "congestion",
            {
                "carrier": market.carrier,
                "unit": unit,
                "node": [market.network.nodes[node] for node in told],
                "limit": prices.limit[0, told].tolist(),
                "injecting_eur_per_mwh": prices.injecting_eur_per_mwh[0, told],
                "withdrawing_eur_per_mwh": prices.withdrawing_eur_per_mwh[0, told],
            },
        )


def record_prints(writer: RunWriter, market: CarrierMarket) -> None:
    """Write the fills of one exchange and the entries of its ledger since the last time."""
    prints = market.tape.advance()
    names = np.array([name for name, _ in market.exchange.names], dtype=object)
    trades, entries = prints.fills, prints.entries
    if len(prints.time_min):
        writer.append(
            "trades",
            {
                "carrier": market.carrier,
                "unit": trades["unit"],
                "price_ticks": trades["price"],
                "lots": trades["lots"],
                "buyer": names[trades["buyer"]].tolist(),
                "seller": names[trades["seller"]].tolist(),
                "phase": [PHASES[phase] for phase in trades["phase"].tolist()],
                "maker_order_id": trades["maker_order_id"],
                "buy_order_id": trades["buy_order_id"],
                "sell_order_id": trades["sell_order_id"],
                "time_min": prints.time_min,
            },
        )
    if len(entries["unit"]):
        writer.append(
            "settlement",
            {
                "carrier": market.carrier,
                "unit": entries["unit"],
                "kind": [ENTRY_KINDS[kind] for kind in entries["kind"].tolist()],
                "debit": names[entries["debit"]].tolist(),
                "credit": names[entries["credit"]].tolist(),
                "quanta": entries["quanta"],
            },
        )


def record_books(writer: RunWriter, moment: float, markets: Mapping[Carrier, CarrierMarket]) -> None:
    """Write a picture of all open books: the LOB-3D at one moment."""
    for carrier, market in markets.items():
        levels = market.exchange.lob3d()
        if len(levels):
            writer.append(
                "lob3d",
                {
                    "moment_unit": [moment] * len(levels),
                    "carrier": carrier,
                    "unit": levels["unit"].to_numpy(),
                    "side": levels["side"].tolist(),
                    "price_ticks": levels["price"].to_numpy(),
                    "lots": levels["lots"].to_numpy(),
                },
            )


def record_participants(
    writer: RunWriter, population: Sequence[Prosumer], markets: Mapping[Carrier, CarrierMarket]
) -> None:
    """Write who takes part, where, and on which account."""
    for carrier, market in markets.items():
        seats = market.seats
        writer.append(
            "participants",
            {
                "name": list(seats.names),
                "kind": [population[i].kind if i >= 0 else "operator" for i in seats.members],
                "carrier": carrier,
                "node": [market.network.nodes[node] for node in seats.nodes],
                "account": list(range(len(seats.names))),
            },
        )
        if market.maker is not None:
            maker = {"name": [MAKER], "kind": ["maker"], "node": [market.network.supply_node]}
            writer.append("participants", {**maker, "carrier": carrier, "account": [market.maker.account]})


def record_weather(writer: RunWriter, grid: TimeGrid, weather: Weather, units: int) -> None:
    """Write the weather of all units that are delivered."""
    writer.append(
        "weather",
        {
            "unit": np.arange(units),
            "time": [grid.time(unit).astimezone(UTC) for unit in range(units)],
            "outdoor_c": weather.outdoor_c[:units],
            "global_w_m2": weather.global_w_m2[:units],
        },
    )


def record_map(writer: RunWriter, carrier: Carrier, network_map: NetworkMap) -> None:
    """Write where nodes and branches of a network lie."""
    for table, columns in (("nodes", network_map.nodes), ("branches", network_map.branches)):
        writer.append(table, {"carrier": carrier, **columns})
