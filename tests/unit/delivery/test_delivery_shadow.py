"""Shadow prices of limits, against a case solved by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.delivery import Headroom
from rexnet_grid.delivery.shadow import RestingOrders, congestion_charge, shadow_prices

NODES = ("supply", "house")


def line(slack):
    """One line from the supply to the house: withdrawing 1 kW at the house takes 2 % of it."""
    return Headroom(0, NODES, np.array([[0.0, -2.0]]), np.array([slack]), ("line 0 loading",))


def orders(bid, ask, lots=50.0):
    return RestingOrders(np.array([1, 0]), np.array([False, True]), np.array([bid, ask]), np.array([lots, lots]))


def test_a_line_that_binds_is_worth_the_gap_it_holds_open():
    # buyer pays 200 at the house, supply asks 80: 120 EUR/MWh of gain per kW, 2 % of the line per kW
    prices = shadow_prices(line(10.0), np.array([10.0]), orders(200.0, 80.0))
    assert prices == pytest.approx([60.0])
    assert congestion_charge(line(10.0), prices, injects=False) == pytest.approx([0.0, -120.0])


def test_a_line_with_room_for_everything_is_worth_nothing():
    assert shadow_prices(line(200.0), np.array([200.0]), orders(200.0, 80.0)) == pytest.approx([0.0])


def test_orders_that_do_not_cross_leave_every_limit_worthless():
    assert shadow_prices(line(10.0), np.array([10.0]), orders(70.0, 80.0)) == pytest.approx([0.0])


def test_one_side_alone_has_no_gains_from_trade():
    only = RestingOrders(np.array([1]), np.array([False]), np.array([200.0]), np.array([5.0]))
    assert shadow_prices(line(0.0), np.array([0.0]), only) == pytest.approx([0.0])


def test_infeed_that_a_line_keeps_apart_is_priced_by_what_a_rise_takes():
    # the house sells at 20 and the supply pays 80; a rise there takes 1.5 % of the line per kW, a fall would take 2 %
    rows = Headroom(
        0,
        NODES,
        np.array([[0.0, -2.0], [0.0, 1.0]]),
        np.array([np.inf, 15.0]),
        ("line 0 loading", "line 0 loading"),
        np.array([[0.0, -1.0], [0.0, 1.5]]),
    )
    resting = RestingOrders(np.array([0, 1]), np.array([False, True]), np.array([80.0, 20.0]), np.array([50.0, 50.0]))
    prices = shadow_prices(rows, np.array([1e9, 15.0]), resting)
    assert prices == pytest.approx([0.0, 40.0])
    assert congestion_charge(rows, prices, injects=True) == pytest.approx([0.0, 60.0])
    # with the charge, seller and buyer are both just content: 80 - 20 is what the trade pays for the limit


def test_a_trade_pays_what_it_takes_of_the_limits():
    # both directions bind at once: seller at the house of a shared line, buyer next door, other coefficients each way
    rows = Headroom(
        0,
        ("supply", "seller", "buyer"),
        np.array([[0.0, -2.0, -2.0]]),
        np.array([6.0]),
        ("line 0 loading",),
        np.array([[0.0, -1.4, -1.4]]),
    )
    resting = RestingOrders(np.array([1, 2]), np.array([True, False]), np.array([50.0, 110.0]), np.array([40.0, 40.0]))
    prices = shadow_prices(rows, np.array([6.0]), resting)
    seller = congestion_charge(rows, prices, injects=True)[1]
    buyer = congestion_charge(rows, prices, injects=False)[2]
    assert prices == pytest.approx([60.0 / 0.6])
    assert seller - buyer == pytest.approx(110.0 - 50.0)
