"""Grey-box buildings: against scipy's integrator, the closed form of 1R1C, their own energy audit, and a fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import Building, GreyBox, SetPoint, simulate_building
from rexnet_grid.rexdynnet.archetypes import from_archetype, from_building, from_state_space
from rexnet_grid.rexdynnet.buildings import ARCHETYPES, advance, heat_to_reach
from rexnet_grid.spacemeternet.buildingfit import StateSpace

WEATHER = (-4.0, 220.0)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("heater", ["radiator", "floor"])
def test_a_step_is_that_of_an_integrator(order, heater):
    house = from_archetype("house_1980s", 150.0, order, heater)
    start = np.linspace(20.0, 26.0, order)
    a, b = house.matrices()
    u = np.array([7.0, WEATHER[0], WEATHER[1] / 1000.0, house.internal_gain_kw])
    moved = house.advance(start, 7.0, *WEATHER, 3.0)

    def slope(_, z):
        return np.concatenate((a @ z[:order] + b @ u, z[:order]))

    z = solve_ivp(slope, (0.0, 3.0), np.concatenate((start, np.zeros(order))), rtol=1e-11, atol=1e-11, method="LSODA")
    np.testing.assert_allclose(moved.end_c, z.y[:order, -1], atol=2e-7)
    np.testing.assert_allclose(moved.mean_c, z.y[order:, -1] / 3.0, atol=2e-7)


def test_one_capacity_is_the_closed_form():
    simple = Building.archetype("flats_2000s", 90.0)
    house = from_building(simple)
    assert house.advance(np.array([19.0]), 2.0, *WEATHER, 5.0).end_c[0] == pytest.approx(
        advance(simple, 19.0, 2.0, *WEATHER, 5.0), abs=1e-11
    )
    assert house.heat_to_reach(np.array([19.0]), 21.0, *WEATHER, 0.5) == pytest.approx(
        heat_to_reach(simple, 19.0, 21.0, *WEATHER, 0.5), abs=1e-9
    )


@settings(max_examples=80, deadline=None)
@given(
    order=st.sampled_from([1, 2, 3]),
    kind=st.sampled_from(sorted(ARCHETYPES)),
    heat=st.floats(0.0, 40.0),
    outdoor=st.floats(-20.0, 35.0),
    sun=st.floats(0.0, 1000.0),
    hours=st.floats(1e-3, 48.0),
    seed=st.integers(0, 1000),
)
def test_energy_adds_up_and_steps_join(order, kind, heat, outdoor, sun, hours, seed):
    house = from_archetype(kind, 140.0, order)
    start = 20.0 + np.random.default_rng(seed).normal(0.0, 4.0, order)
    end, mean = house.advance(start, heat, outdoor, sun, hours)
    kept = (heat + house.gains_kw(sun) - house.loss_kw(mean, outdoor)) * hours
    assert house.stored_kwh(start, end) == pytest.approx(kept, abs=1e-8)
    half = house.advance(start, heat, outdoor, sun, hours / 2.0).end_c
    np.testing.assert_allclose(house.advance(half, heat, outdoor, sun, hours / 2.0).end_c, end, atol=1e-8)
    assert house.advance(start, house.heat_to_reach(start, 21.0, outdoor, sun, hours), outdoor, sun, hours).end_c[
        0
    ] == pytest.approx(21.0, abs=1e-6)


@pytest.mark.parametrize("kind", sorted(ARCHETYPES))
@pytest.mark.parametrize("order", [2, 3])
def test_more_capacities_lose_what_the_kind_loses(kind, order):
    house, simple = from_archetype(kind, 120.0, order), Building.archetype(kind, 120.0)
    assert house.steady_loss_kw_k == pytest.approx(simple.heat_loss_kw_k, rel=1e-12)
    assert sum(house.capacity_kwh_k[:2]) == pytest.approx(simple.capacity_kwh_k)
    assert sum(house.solar_m2) == pytest.approx(simple.solar_aperture_m2)
    state = house.steady(20.0, -10.0)
    assert state[0] == pytest.approx(20.0)
    heat = house.heat_to_reach(state, 20.0, -10.0, 0.0, 1.0)
    np.testing.assert_allclose(house.advance(state, heat, -10.0, 0.0, 50.0).end_c, state, atol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_fit_becomes_the_building_it_was_fitted_to(order):
    truth = from_archetype("house_2000s", 130.0, order)
    a, b = truth.matrices()
    b = b.copy()
    b[:, 3] *= truth.internal_gain_kw
    names = ("heat zone", "outdoor", "sun", "one")
    space = StateSpace(a, b, np.eye(1, order), truth.states, names, ("zone",), np.zeros(order), np.zeros(1))
    found = from_state_space(space)
    np.testing.assert_allclose(found.capacity_kwh_k, truth.capacity_kwh_k, rtol=1e-9)
    np.testing.assert_allclose(found.outdoor_kw_k, truth.outdoor_kw_k, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.solar_m2, truth.solar_m2, rtol=1e-9, atol=1e-15)
    assert found.internal_gain_kw == pytest.approx(truth.internal_gain_kw)
    start = np.full(order, 19.0)
    np.testing.assert_allclose(
        found.advance(start, 3.0, *WEATHER, 6.0).end_c, truth.advance(start, 3.0, *WEATHER, 6.0).end_c, atol=1e-9
    )
    with pytest.raises(InputError, match="one input of heat"):
        from_state_space(StateSpace(a, b, np.eye(1, order), truth.states, ("outdoor", "attic", "sun", "one"),
                                    ("zone",), np.zeros(order), np.zeros(1)))  # fmt: skip


def test_set_back_saves_heat_and_a_weak_heater_misses_the_morning():
    index = pd.date_range("2026-01-13", periods=4 * 72, freq="15min", tz="Europe/Berlin")
    outdoor = pd.Series(-5.0, index)
    house = from_archetype("house_1980s", 140.0, 2)
    steady = simulate_building(house, outdoor, set_point=SetPoint(20.5, 20.5))
    saved = simulate_building(house, outdoor, set_point=SetPoint(20.5, 17.0))
    assert steady.heat_kw.sum() > 1.02 * saved.heat_kw.sum()
    assert saved.discomfort_kh < 1e-9
    assert saved.balance_error.max() < 1e-9
    assert steady.heat_kw.iloc[-1] == pytest.approx(house.steady_loss_kw_k * 25.5 - house.internal_gain_kw, rel=0.03)
    weak = simulate_building(house, outdoor, set_point=SetPoint(20.5, 17.0), max_heat_kw=6.0)
    assert weak.heat_kw.max() == 6.0
    assert weak.discomfort_kh > 5.0
    night = saved.room_c[(saved.room_c.index.hour >= 2) & (saved.room_c.index.hour < 5)]
    assert night.min() >= 17.0 - 1e-9


def test_set_points_know_the_clock():
    point = SetPoint(21.0, 17.0, 6.0, 22.0)
    np.testing.assert_array_equal(point.at([5.9, 6.0, 21.9, 22.0]), [17.0, 21.0, 21.0, 17.0])
    late = SetPoint(21.0, 17.0, 8.0, 26.0)
    np.testing.assert_array_equal(late.at([1.5, 2.5, 8.0]), [21.0, 17.0, 21.0])
    with pytest.raises(InputError, match="rising"):
        SetPoint(18.0, 21.0)


def test_what_is_wrong_is_said_at_once():
    with pytest.raises(InputError, match=r"capacity_kwh_k[\s\S]*heat_share"):
        GreyBox(("a", "b"), (1.0, -1.0), ((0, 1, 1.0),), (0.1, 0.0), (0.5, 0.2), (1.0, 0.0), (0.0, 0.0))
    with pytest.raises(InputError, match="a way of links"):
        GreyBox(("a", "b"), (1.0, 1.0), (), (0.1, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0))
    with pytest.raises(InputError, match=r"house_1980s[\s\S]*order[\s\S]*radiator"):
        from_archetype("house_1980", 100.0, 4, "radiatr")
    index = pd.date_range("2026-01-13", periods=3, freq="h")
    with pytest.raises(InputError, match="a number at every stamp"):
        simulate_building(from_archetype("office", 100.0), pd.Series([1.0, np.nan, 2.0], index))
