"""Charges by place in the prices on which a participant decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexnet_grid.prosumers.base import NO_PRICE, MarketView, PlacePrices, Quotes
from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.participant import Identity, read_prices, select
from rexnet_grid.prosumers.place import at_place, charge, congestion_of_buying, to_exchange


def view(charge="losses_and_congestion", position=(0, 0, 0)):
    return MarketView(
        units=np.array([4, 5, 6]),
        bid=np.array([400, 400, NO_PRICE]),
        ask=np.array([600, 600, NO_PRICE]),
        bid_lots=np.array([10, 10, 0]),
        ask_lots=np.array([10, 10, 0]),
        position=np.array(position),
        loss_factor=np.array([-0.1, -0.1, -0.1]),
        lot_kw=0.1,
        tick_eur_per_mwh=0.1,
        min_price=-5000,
        max_price=4000,
        congestion=PlacePrices(
            np.array([0.0, -20.0, -90.0]),
            np.array([0.0, -30.0, -95.0]),
            np.array(["", "line 1", "line 1"], dtype=object),
        ),
        network_charge=charge,
    )


def test_buying_behind_a_limit_costs_its_price_and_the_losses():
    bought, sold = charge(view())
    assert bought == pytest.approx([5.0, 35.0, 95.0])  # 0.1 of the middle price of 50 EUR/MWh, and 30 for the limit
    assert sold == pytest.approx([-5.0, -25.0, -90.0])  # injecting there relieves the limit and is paid for it


def test_buying_back_what_was_sold_forgoes_the_reward_of_an_injection():
    assert charge(view(position=(0, 7, 0)))[0][1] == pytest.approx(25.0)
    assert charge(view(position=(0, -7, 0)))[1][1] == pytest.approx(-35.0)


def test_losses_alone_are_charged_where_the_user_says_so():
    assert charge(view("losses"))[0] == pytest.approx([5.0, 5.0, 0.0])
    assert not charge(view("none"))[0].any()


def test_best_prices_hold_the_charge_and_orders_go_back_without_it():
    seen = at_place(view())
    assert seen.ask.tolist() == [650, 950, NO_PRICE]
    assert seen.bid.tolist() == [450, 650, NO_PRICE]
    wanted = Quotes(np.array([4, 5, 5]), np.array([0, 0, 1]), np.array([650, 950, 650]), np.array([1, 2, 3]))
    sent = to_exchange(view(), wanted)
    assert sent.price.tolist() == [600, 600, 400]
    assert sent.lots.tolist() == [1, 2, 3]


def test_orders_beyond_the_bounds_are_moved_onto_them_or_dropped():
    wanted = Quotes(np.array([5, 5, 5]), np.array([0, 1, 1]), np.array([-4900, -4900, 4000]), np.array([1, 2, 3]))
    sent = to_exchange(view(), wanted)
    assert sent.side.tolist() == [1, 1]
    assert sent.price.tolist() == [-5000, 3750]


def test_without_a_charge_nothing_changes_but_what_an_empty_book_is_expected_to_cost():
    free = view("none")
    assert at_place(free) is free
    expected = np.full(3, 50.0)
    assert read_prices(free, expected, 60.0).buy == pytest.approx([60.0, 60.0, 145.0])
    assert read_prices(replace(free, congestion=None), expected, 60.0).buy == pytest.approx([60.0, 60.0, 110.0])


def test_congestion_of_buying_is_never_negative_and_follows_the_rows_chosen():
    assert congestion_of_buying(select(view(), np.array([1, 2]))) == pytest.approx([30.0, 95.0])
    assert congestion_of_buying(view(position=(0, 1, 0)))[1] == pytest.approx(20.0)


@pytest.mark.parametrize(("charge", "buys"), [("none", [0, 1]), ("losses_and_congestion", [0])])
def test_a_battery_shifts_away_from_a_unit_that_congestion_makes_dear(charge, buys):
    cell = BatteryCell(capacity_kwh=10.0, rate_kw=4.0, efficiency=0.9, wear_eur_per_mwh=10.0)
    identity = Identity("b", "battery", {"electricity": "bus 1"}, {}, 2.0, np.random.default_rng(0))
    cheap = replace(view(charge), loss_factor=np.zeros(3), ask=np.array([200, 200, 900]), bid=np.array([100, 100, 600]))
    congestion = PlacePrices(np.zeros(3), np.array([0.0, -30.0, 0.0]), np.array(["", "line 1", ""], dtype=object))
    quotes = Battery(identity, cell, 10, 0.25).trade(3.0, {"electricity": replace(cheap, congestion=congestion)})
    bought = quotes["electricity"].unit[quotes["electricity"].side == 0] - 4
    assert bought.tolist() == buys
