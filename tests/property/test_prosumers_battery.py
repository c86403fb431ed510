"""A battery never loses by trading and never leaves its bounds, whatever prices do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosumers_market import HOURS, live
from prosumers_town import curve_prices, wild_prices

from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.participant import Identity

CELL = BatteryCell(capacity_kwh=8.0, rate_kw=4.0, efficiency=0.9, wear_eur_per_mwh=20.0)


def battery(seed, stored_kwh=0.0, cell=CELL):
    arrivals = np.random.default_rng(seed)
    identity = Identity("battery", "battery", {"electricity": "bus 1"}, {"electricity": 300.0}, 2.0, arrivals)
    return Battery(identity, cell, 400, HOURS, stored_kwh, 100.0)


def wear_eur(dealer):
    return CELL.wear_eur_per_mwh * sum(lots * 0.1 * HOURS / 1000.0 for *_, side, _, lots in dealer.fills if side == 1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 300.0), patchy=st.booleans())
def test_bounds_hold_and_stored_energy_is_worth_what_it_cost(seed, scale, patchy):
    member = battery(seed)
    luck = np.random.default_rng(seed + 1) if patchy else None
    dealer, history = live(member, wild_prices(seed, 400, scale), 64, luck=luck)
    soc = np.array([record["soc_kwh"] for record in history])
    assert soc.min() >= -1e-9
    assert soc.max() <= CELL.capacity_kwh + 1e-9
    for record in history:
        assert record["rates"]["electricity"] == pytest.approx(record["secured"]["electricity"], abs=1e-9)
        assert abs(record["rates"]["electricity"]) <= CELL.rate_kw + 1e-9
    # cash, plus the book value of what is still stored, less wear, is never negative: it pays back what was spent
    assert dealer.cash["electricity"] + member.inventory_eur - wear_eur(dealer) >= -1e-6


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(10.0, 300.0))
def test_when_everything_it_sells_clears_it_does_not_lose(seed, scale):
    member = battery(seed)
    wild = wild_prices(seed, 400, scale)

    def prices(now, carrier, units):
        ask, bid = wild(now, carrier, units)
        if now < 32:
            return ask, bid
        # later units are never delivered here: what is sold into them would still be stored at the end
        return np.full(len(units), np.nan), np.where(np.asarray(units) < 64, 3000.0, np.nan)

    dealer, _ = live(member, prices, 64)
    assert member.inventory_kwh < 0.2
    assert dealer.cash["electricity"] - wear_eur(dealer) >= -member.inventory_kwh


def test_it_buys_at_night_and_sells_in_the_evening():
    hour = np.arange(400) * HOURS % 24
    curve = 100.0 + 60.0 * np.sin((hour - 12.5) / 24 * 2 * np.pi)
    dealer, history = live(battery(1), curve_prices(curve), 96)
    rates = np.array([record["rates"]["electricity"] for record in history])
    assert rates[hour[:96] < 12].sum() < -10.0
    assert rates[hour[:96] >= 12].sum() > 10.0
    assert dealer.cash["electricity"] > 0.3


def test_a_flat_price_leaves_it_at_rest():
    dealer, _ = live(battery(1), curve_prices(np.full(400, 100.0)), 48)
    assert not dealer.fills


def test_energy_is_kept_through_its_efficiency():
    curve = np.where(np.arange(400) < 40, 20.0, 200.0)
    _, history = live(battery(3), curve_prices(curve), 96)
    rates = np.array([record["rates"]["electricity"] for record in history])
    charged, discharged = -rates[rates < 0].sum() * HOURS, rates[rates > 0].sum() * HOURS
    left = history[-1]["soc_kwh"]
    assert charged * CELL.one_way - discharged / CELL.one_way == pytest.approx(left, abs=1e-9)
