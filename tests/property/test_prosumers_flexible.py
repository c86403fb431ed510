"""Heated buildings, vehicles, households and plants in markets of all weathers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosumers_market import HOURS, live
from prosumers_town import curve_prices, kit, town, wild_prices

from rexnet_grid.prosumers.makers import make_electric_vehicle, make_heat_pump_home, make_household
from rexnet_grid.prosumers.surroundings import price_curve
from rexnet_grid.rexdynnet.buildings import mean_temperature


def usual(kit_):
    return curve_prices(kit_.power_price)


@pytest.mark.parametrize("seed", range(4))
def test_comfort_is_kept_when_the_market_is_liquid(seed):
    k = kit(seed)
    member = make_heat_pump_home(k, "home", "bus 1")
    _, history = live(member, usual(k), 96)
    room = np.array([record["room_c"] for record in history])
    assert room.min() > k.config.comfort_min_c - 0.1
    assert room.max() < k.config.comfort_max_c + 0.05
    assert history[-1]["unmet_hot_water_kwh"] < 1.0


def test_heat_follows_the_price_and_costs_less_than_heating_evenly():
    k = kit(2)
    member = make_heat_pump_home(k, "home", "bus 1")
    dealer, history = live(member, usual(k), 96)
    bought = np.array([-record["rates"]["electricity"] for record in history])
    price = k.power_price[:96]
    paid = -dealer.cash["electricity"] / (bought.sum() * HOURS) * 1000.0
    assert paid < 0.85 * price.mean()
    assert bought[price < np.quantile(price, 0.3)].sum() > 3.0 * bought[price > np.quantile(price, 0.7)].sum()


def test_a_building_keeps_energy_exactly():
    k = kit(1)
    member = make_heat_pump_home(k, "home", "bus 1")
    home, state = member.state.home, member.state
    before_c, before_kwh = state.room_c, state.tank_kwh
    for unit in range(60):
        start_c, start_kwh, unmet = state.room_c, state.tank_kwh, state.unmet_kwh
        heat_kw = float(np.random.default_rng(unit).uniform(0.0, 8.0))
        state.advance(unit, heat_kw)
        b = home.building
        hot = float(home.drawn_kwh[unit]) - (state.unmet_kwh - unmet)
        into_room = heat_kw * HOURS - (state.tank_kwh - start_kwh) - hot
        outdoor, sun = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        mean_c = mean_temperature(b, start_c, into_room / HOURS, outdoor, sun, HOURS)
        gains = b.internal_gain_kw + b.solar_aperture_m2 * sun / 1000.0
        stored = into_room + HOURS * (gains - b.heat_loss_kw_k * (mean_c - outdoor))
        assert b.capacity_kwh_k * (state.room_c - start_c) == pytest.approx(stored, abs=1e-9)
    assert (state.room_c, state.tank_kwh) != (before_c, before_kwh)


def test_a_unit_the_network_closes_is_avoided_when_there_is_a_choice():
    k = kit(2)
    closed = np.argsort(k.power_price[:96])[:8]

    def prices(now, carrier, units):
        ask, bid = usual(k)(now, carrier, units)
        ask[np.isin(units, closed)] = np.nan
        return ask, bid

    member = make_heat_pump_home(k, "home", "bus 1")
    dealer, history = live(member, prices, 96)
    assert min(record["room_c"] for record in history) > k.config.comfort_min_c - 0.2
    assert not set(closed.tolist()) & {unit for _, _, unit, side, _, _ in dealer.fills if side == 0}


def test_a_reservation_somebody_needs_more_is_sold_back():
    k = kit(2)
    needed = 40

    def prices(now, carrier, units):
        ask, bid = usual(k)(now, carrier, units)
        if now > 10:
            bid[units == needed], ask[units == needed] = 380.0, np.nan
        return ask, bid

    k.power_price[needed] = 10.0
    member = make_heat_pump_home(k, "home", "bus 1")
    dealer, history = live(member, prices, 96)
    traded = [(side, price) for _, _, unit, side, price, _ in dealer.fills if unit == needed]
    assert any(side == 0 and price < 20.0 for side, price in traded)
    assert any(side == 1 and price == 380.0 for side, price in traded)
    assert min(record["room_c"] for record in history) > k.config.comfort_min_c - 0.1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_flexible_consumers_respect_their_ceiling_and_their_device(seed):
    k = kit(seed % 7)
    for member in (make_heat_pump_home(k, "home", "bus 1"), make_electric_vehicle(k, "car", "bus 1")):
        largest = member.max_kw if hasattr(member, "max_kw") else member.rate_kw
        dealer, history = live(member, wild_prices(seed, 300), 48, luck=np.random.default_rng(seed))
        ceiling = k.config.retail_ceiling_eur_per_mwh
        assert all(price <= ceiling + 1e-9 for *_, side, price, _ in dealer.quoted if side == 0)
        assert all(dealer.position["electricity"] <= 0)
        for record in history:
            assert -largest - 1e-9 <= record["rates"]["electricity"] <= 1e-9


def test_vehicles_leave_with_what_they_need():
    k = kit(3, ev_kwh_per_day=20.0)
    for number in range(6):
        member = make_electric_vehicle(k, f"car {number}", "bus 1")
        _, history = live(member, usual(k), 96)
        assert history[-1]["missed_kwh"] < 0.05
        assert [r["rates"]["electricity"] for r in history] == pytest.approx(
            [r["secured"]["electricity"] for r in history], abs=0.11
        )
        charged = np.array([-record["rates"]["electricity"] for record in history])
        home = np.zeros(96, dtype=bool)
        for arrival, departure in zip(member.stays.arrival, member.stays.departure, strict=True):
            home[arrival:departure] = True
        assert (charged[~home] == 0.0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_households_pay_no_more_than_the_ceiling_and_sell_for_no_less_than_the_floor(seed):
    k = kit(seed % 5)
    member = make_household(k, "household", "bus 1", 3500.0, 8.0)
    dealer, history = live(member, wild_prices(seed, 300), 48)
    for *_, side, price, _ in dealer.quoted:
        assert price <= k.config.retail_ceiling_eur_per_mwh + 1e-9 if side == 0 else price >= 19.999
    actual = [record["rates"]["electricity"] for record in history]
    assert actual == pytest.approx(member.forecast.actual[:48].tolist())


def test_a_household_reserves_nearly_what_it_needs():
    k = kit(4)
    errors, loads = [], []
    for number in range(30):
        member = make_household(k, f"household {number}", "bus 1", 3500.0, 0.0)
        _, history = live(member, usual(k), 96)
        errors += [record["rates"]["electricity"] - record["secured"]["electricity"] for record in history[8:]]
        loads += [-record["rates"]["electricity"] for record in history[8:]]
    assert abs(np.mean(errors)) < 0.1 * np.mean(loads)
    assert np.std(errors) < 0.8 * np.std(loads)


def test_the_central_heat_pump_ties_both_markets_without_loss():
    pump = next(m for m in town().members if m.kind == "heat_pump_plant")
    power = price_curve(pump_grid(), 192, 110.0, 1.0)

    def prices(now, carrier, units):
        if carrier == "electricity":
            return power[units] + 3.0, power[units] - 3.0
        return np.full(len(units), 83.5), np.full(len(units), 48.0)

    dealer, history = live(pump, prices, 96)
    heat = np.array([record["rates"]["heat"] for record in history])
    electric = np.array([-record["rates"]["electricity"] for record in history])
    cop = pump.plant.cop[:96]
    assert heat == pytest.approx(electric * cop)
    assert heat.max() <= pump.plant.heat_kw + 1e-9
    running = heat > 0.0
    assert 20 < running.sum() < 90
    assert (power[:96][running] + 3.0 <= 46.0 * cop[running] + 0.2).all()
    secured = np.array([record["secured"]["heat"] for record in history])
    assert heat[2:] == pytest.approx(secured[2:], abs=0.3)
    assert dealer.cash["heat"] + dealer.cash["electricity"] > 0.0


def test_heat_it_cannot_make_is_bought_from_others():
    pump = next(m for m in town().members if m.kind == "heat_pump_plant")
    power = price_curve(pump_grid(), 192, 110.0, 1.0)

    def prices(now, carrier, units):
        blocked = (units >= 30) & (units < 34) & (now > 4.0)
        if carrier == "heat":
            return np.full(len(units), 83.5), np.full(len(units), 60.0)
        return np.where(blocked, np.nan, power[units] + 3.0), np.where(blocked, 390.0, power[units] - 3.0)

    dealer, history = live(pump, prices, 48)
    bought_back = [unit for _, carrier, unit, side, _, _ in dealer.fills if carrier == "heat" and side == 0]
    uncovered = [max(r["secured"]["heat"] - r["rates"]["heat"], 0.0) for r in history]
    assert max(uncovered[2:]) < 0.5
    assert set(bought_back) <= {30, 31, 32, 33}


def pump_grid():
    return kit().weather.time_grid
