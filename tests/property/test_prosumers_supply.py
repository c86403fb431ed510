"""Suppliers, plants and operators: who quotes what, and within which bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosumers_market import LOT_KW, Dealer, live
from prosumers_town import curve_prices, kit, town, wild_prices

from rexnet_grid.prosumers.base import Delivered
from rexnet_grid.prosumers.heating import air_source_cop, carnot_cop, heating_curve_c
from rexnet_grid.prosumers.makers import make_grid_operator, make_heat_operator, make_supplier
from rexnet_grid.prosumers.surroundings import price_curve


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_supplier_earns_its_spread_and_keeps_its_capacity(seed):
    member = make_supplier(kit(seed), "supplier", "bus 0", 5000.0)
    dealer, _ = live(member, wild_prices(seed, 200), 24)
    limit = round(member.capacity_kw / LOT_KW)
    assert (np.abs(dealer.position["electricity"]) <= limit).all()
    by_wake = {}
    for now, _, unit, side, price, _ in dealer.quoted:
        by_wake.setdefault((now, unit), {})[side] = price
    assert all(quote[1] - quote[0] >= member.spread - 1e-6 for quote in by_wake.values() if len(quote) == 2)


def test_the_supplier_leaves_most_quotes_standing():
    member = make_supplier(kit(1), "supplier", "bus 0", 5000.0)
    dealer = Dealer(member.nodes, 192)
    units = np.arange(96)
    nothing = np.full(96, np.nan)
    before, same = None, []
    for now in np.arange(0.0, 24.0):
        quotes = member.trade(now, {"electricity": dealer.view("electricity", units, nothing, nothing)})["electricity"]
        assert len(quotes.unit) == 192
        if before is not None:
            same.append(np.mean(quotes.price == before))
        before = quotes.price
    assert np.mean(same) > 0.3


def test_a_boiler_sells_at_cost_and_buys_back_what_others_make_cheaper():
    boiler = next(member for member in town().members if member.kind == "boiler")
    prices = np.where(np.arange(192) < 20, 120.0, 40.0)
    dealer, history = live(boiler, curve_prices(prices), 40)
    output = np.array([record["output_kw"] for record in history])
    assert output[:20] == pytest.approx(np.full(20, boiler.rating_kw), abs=LOT_KW)
    assert output[20:] == pytest.approx(np.zeros(20))
    assert all(price >= boiler.cost for *_, side, price, _ in dealer.fills if side == 1)


def test_the_operator_buys_the_loss_it_expects_and_learns_it():
    k = kit(1)
    operator = make_grid_operator(k, "grid operator", "bus 0", 4.0)
    dealer, _ = live(operator, curve_prices(k.power_price), 40)
    assert dealer.position["electricity"][5:40] == pytest.approx(np.full(35, -40))
    for unit in range(40, 80):
        operator.conclude(unit, Delivered({"electricity": -20.0}, loss_kw=8.0))
    assert operator.losses.loss_kw[90] == pytest.approx(8.0, abs=0.2)


def test_the_heat_operator_keeps_inventory_inside_its_band():
    k = kit(1)
    operator = make_heat_operator(k, "heat operator", "plant", 5.0)
    swing = 50.0 + 30.0 * np.sin(np.arange(192) / 8.0)
    dealer, history = live(operator, curve_prices(swing), 96)
    bought = -dealer.position["heat"][:96]
    assert bought[swing[:96] < 40.0].sum() > 3.0 * bought[swing[:96] > 60.0].sum()
    stored = np.array([record["stored_kwh"] for record in history])
    assert stored.min() > -20.0 - 1.0
    assert stored.max() < 20.0 + 1.0
    assert stored.max() - stored.min() > 25.0


def test_what_the_network_says_of_its_linepack_counts():
    k = kit(1)
    operator = make_heat_operator(k, "heat operator", "plant", 5.0)
    operator.observe(3.0, -8.0, 9.0, np.arange(4), np.full(4, 7.0))
    assert operator.record() == {"stored_kwh": 3.0, "expected_loss_kw": 7.0}


def test_coefficients_of_performance():
    """Ruhnau et al. 2019, table of regressions: air source at a lift of 35 K is 0.85 x 3.5425."""
    assert air_source_cop(np.array([0.0]), np.array([35.0]))[0] == pytest.approx(0.85 * 3.5425)
    flow = heating_curve_c(np.array([-12.0, 4.0, 30.0]), -12.0, 45.0, 21.0)
    assert flow[0] == pytest.approx(45.0)
    assert flow[2] == pytest.approx(26.0)
    assert (np.diff(flow) < 0.0).all()
    assert carnot_cop(10.0, 70.0) == pytest.approx(0.5 * 343.15 / 60.0)


def test_the_price_curve_is_a_winter_weekday():
    grid = kit().weather.time_grid
    curve = price_curve(grid, 96, 110.0, 1.0)
    assert curve.mean() == pytest.approx(110.0, rel=0.01)
    assert 17 <= np.argmax(curve) / 4 <= 20
    assert 2 <= np.argmin(curve) / 4 <= 5
    assert curve[30:36].mean() > 1.2 * curve[50:54].mean()
    assert price_curve(grid, 96, 110.0, 0.0) == pytest.approx(np.full(96, 110.0))
