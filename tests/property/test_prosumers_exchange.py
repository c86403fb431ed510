"""A small town trades with itself on two real exchanges for a day, nobody's network in between."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from prosumers_town import town

from rexnet_grid.prosumers.base import Delivered, MarketView
from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

UNITS, LEAD_IN, HOURS, LOT_KW = 96, 12, 0.25, 0.1


class Bazaar:
    """Both exchanges and everybody's accounts."""

    def __init__(self, members):
        rules = MarketRules(
            unit_minutes=15, lot_kw=LOT_KW, tick_eur_per_mwh=0.1, forward_units=UNITS, gate_closure_minutes=15,
            min_price_ticks=-5000, max_price_ticks=40000, self_trade="cancel_newest", opening_auction=False,
        )  # fmt: skip
        self.rules = rules
        self.members = members
        self.exchange = {c: Exchange(rules, carrier=c, admission=None, seed=0) for c in ("electricity", "heat")}
        self.account = [{c: self.exchange[c].register(m.name, node=n) for c, n in m.nodes.items()} for m in members]
        for exchange in self.exchange.values():
            for unit in range(UNITS):
                exchange.open_unit(unit)

    def view(self, carrier, account):
        seen, rules = self.exchange[carrier].view(account), self.rules
        return MarketView(
            seen.units, seen.bid, seen.ask, seen.bid_lots, seen.ask_lots, seen.position, np.zeros(len(seen.units)),
            LOT_KW, 0.1, rules.min_price_ticks, rules.max_price_ticks,
        )  # fmt: skip

    def wake(self, k, now):
        views = {c: self.view(c, account) for c, account in self.account[k].items()}
        for carrier, wanted in self.members[k].trade(now, views).items():
            account, exchange = self.account[k][carrier], self.exchange[carrier]
            seen = exchange.view(account)
            old, new = len(seen.order_id), len(wanted.unit)
            exchange.submit_many(
                OrderBatch(
                    account=np.full(old + new, account),
                    unit=np.concatenate([seen.order_unit, wanted.unit]),
                    side=np.concatenate([seen.order_side, wanted.side]),
                    price=np.concatenate([seen.order_price, wanted.price]),
                    lots=np.concatenate([seen.order_lots, wanted.lots]),
                    action=np.repeat([1, 0], [old, new]),
                    order_id=np.concatenate([seen.order_id, np.zeros(new, dtype=np.int64)]),
                )
            )

    def live(self):
        """Run the day; return, for each unit and carrier, reserved and realised rates by account [kW]."""
        queue = [(m.next_wake(-1.0 - LEAD_IN), k) for k, m in enumerate(self.members)]
        heapq.heapify(queue)
        reserved = {c: np.zeros((UNITS, len(self.members))) for c in self.exchange}
        realised = {c: np.zeros((UNITS, len(self.members))) for c in self.exchange}
        records = []
        for unit in range(UNITS):
            while queue[0][0] < unit - 1:
                now, k = heapq.heappop(queue)
                self.wake(k, now)
                heapq.heappush(queue, (self.members[k].next_wake(now), k))
            lots = {c: np.asarray(e.close_gate(unit).lots) for c, e in self.exchange.items()}
            for k, member in enumerate(self.members):
                secured = {c: float(lots[c][account] * LOT_KW) for c, account in self.account[k].items()}
                done = {c: r.mean_kw for c, r in member.realise(unit, secured).items()}
                member.conclude(unit, Delivered(done))
                for c in secured:
                    reserved[c][unit, k], realised[c][unit, k] = secured[c], done.get(c, 0.0)
            records.append([dict(member.record()) for member in self.members])
        return reserved, realised, records


@pytest.fixture(scope="module")
def day():
    members = town(
        seed=5, households=16, pumps=10, buildings=6, ev_share=0.4, battery_share=0.4, central_heat_pump_kw=60.0
    ).members
    bazaar = Bazaar(members)
    return (members, bazaar, *bazaar.live())


def columns(members, kind):
    return [k for k, member in enumerate(members) if member.kind == kind]


def test_what_is_sold_is_bought_and_cash_closes(day):
    _, bazaar, reserved, _, _ = day
    for carrier, exchange in bazaar.exchange.items():
        assert reserved[carrier].sum(axis=1) == pytest.approx(np.zeros(UNITS), abs=1e-9)
        accounts = [account[carrier] for account in bazaar.account if carrier in account]
        assert sum(exchange.ledger.cash(account) for account in accounts) == 0


def test_everybody_gets_most_of_what_they_need(day):
    members, _, reserved, realised, records = day
    for kind in ("heat_pump", "heat_building"):
        for k in columns(members, kind):
            room = np.array([record[k]["room_c"] for record in records])
            assert room.min() > 19.8, members[k].name
            assert room.max() < 22.6
    for k in columns(members, "electric_vehicle"):
        assert records[-1][k]["missed_kwh"] < 0.3
    households = columns(members, "household")
    gap = np.abs(reserved["electricity"] - realised["electricity"])[:, households].sum()
    assert gap < 0.5 * np.abs(realised["electricity"][:, households]).sum()


def test_batteries_stay_in_bounds_and_do_what_they_reserved(day):
    members, _, reserved, realised, records = day
    batteries = columns(members, "battery")
    assert batteries
    for k in batteries:
        soc = np.array([record[k]["soc_kwh"] for record in records])
        assert soc.min() >= -1e-9
        assert soc.max() <= members[k].cell.capacity_kwh + 1e-9
        assert realised["electricity"][:, k] == pytest.approx(reserved["electricity"][:, k], abs=1e-6)


def test_the_heat_pump_covers_its_heat_and_the_boiler_takes_the_dear_hours(day):
    members, _, reserved, realised, _ = day
    pump, boiler = columns(members, "heat_pump_plant")[0], columns(members, "boiler")[0]
    sold, made = reserved["heat"][:, pump], realised["heat"][:, pump]
    assert made.sum() > 0.97 * sold.sum()
    assert made == pytest.approx(-realised["electricity"][:, pump] * members[pump].plant.cop[:UNITS])
    assert made.sum() > realised["heat"][:, boiler].sum() > 0.0


def test_the_heat_pump_earns_on_both_markets_together(day):
    members, bazaar, _, _, _ = day
    k = columns(members, "heat_pump_plant")[0]
    cash = sum(bazaar.exchange[c].ledger.cash(account) for c, account in bazaar.account[k].items())
    assert cash > 0


def test_the_herd_goes_to_the_cheap_hours(day):
    members, _, reserved, _, _ = day
    supplier = columns(members, "supplier")[0]
    pumps = columns(members, "heat_pump")
    rate = -reserved["electricity"][:, pumps].sum(axis=1)
    price = members[supplier].curve[:UNITS]
    cheap, dear = price < np.quantile(price, 0.3), price > np.quantile(price, 0.7)
    assert rate[cheap].mean() > 4.0 * rate[dear].mean()
    assert rate.max() > 0.8 * sum(members[k].max_kw for k in pumps)
