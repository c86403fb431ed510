"""Rooms behind heavy walls, with people who come and go and thermostats that answer them."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet.buildings import BuildingPlan, generate_building
from rexnet_grid.spacemeternet.frame import zone_data
from rexnet_grid.spacemeternet.jointfit import fit_nodes
from rexnet_grid.spacemeternet.livedin import lacks_something, lived_in
from rexnet_grid.spacemeternet.search import candidate_pairs
from rexnet_grid.spacemeternet.wholefit import fit_whole, with_outer_walls

LOSS, OUTER = np.array([0.02, 0.03, 0.025]), np.array([0.008, 0.012, 0.01])
AIR, MASS, FILM = np.array([0.12, 0.18, 0.1]), np.array([1.8, 2.6, 1.4]), np.array([0.2, 0.25, 0.15])
WALLS, OF_WALL = np.array([0.04, 0.06]), np.array([0.35, 0.4])
LARGEST, BAND, MINUTES = np.array([0.9, 1.2, 0.9]), 0.2, 15
PAIRS = [("a", "b"), ("b", "c"), ("a", "c")]
TRUTH = np.array([40.0, 0.0, 60.0])  # W/K of a-b, a-c, b-c


def house(seed, *, days=14, people_kw=0.25, heavy=True):
    """Three rooms in a row under thermostats; walls with a mass, people who stay for three quarters of an hour."""
    rng = np.random.default_rng(seed)
    minutes, h = days * 1440, 1.0 / 60.0
    hour = np.arange(minutes) * h
    weather = np.interp(hour, np.arange(0.0, days * 24 + 6.0, 6.0), rng.normal(0.0, 2.0, days * 4 + 1))
    outdoor = 4.0 + 3.0 * np.sin(2.0 * np.pi * (hour - 9.0) / 24.0) + weather
    stays = minutes // 45 + 1
    people = np.repeat(people_kw * rng.random((stays, 3)) * (rng.random((stays, 3)) < 0.3), 45, axis=0)
    wished, by_night = np.array([21.0, 20.0, 22.0]), np.array([2.5, 1.5, 3.0])
    starts = np.repeat(rng.uniform(5.0, 9.0, (days, 3)), 1440, axis=0)
    goal = np.where((hour[:, None] % 24 > starts) & (hour[:, None] % 24 < 22.0), wished, wished - by_night)
    air, mass, wall, on = wished.copy(), wished - 0.5, np.full(2, 20.5), np.zeros(3)
    readings, heat = np.empty((minutes, 3)), np.empty((minutes, 3))
    for k in range(minutes):
        if k % MINUTES == 0:
            on = np.where(air < goal[k] - BAND, 1.0, np.where(air > goal[k] + BAND, 0.0, on))
        readings[k], heat[k] = air, on * LARGEST
        left, right = (wall, wall) if heavy else (air[1:], air[:2])
        times = 2.0 if heavy else 1.0
        into = np.zeros(3)
        into[:2] += times * WALLS * (left - air[:2])
        into[1:] += times * WALLS * (right - air[1:])
        wall = wall + h * 2.0 * WALLS * (air[:2] + air[1:] - 2.0 * wall) / OF_WALL
        flow = heat[k] + people[k] + into + LOSS * (outdoor[k] - air) + FILM * (mass - air)
        mass = mass + h * (FILM * (air - mass) + OUTER * (outdoor[k] - mass)) / MASS
        air = air + h * flow / AIR
    index = pd.date_range("2026-01-05", periods=minutes // MINUTES, freq="15min", tz="UTC")
    noisy = readings[::MINUTES] + rng.normal(0.0, 0.04, (len(index), 3))
    given = heat.reshape(-1, MINUTES, 3).mean(axis=1)
    names = list("abc")
    return pd.DataFrame(noisy, index, names), pd.DataFrame(given, index, names), pd.Series(outdoor[::MINUTES], index)


def fitted(seed, **how):
    data = zone_data(*house(seed, **how))
    pairs = candidate_pairs(data.zones, PAIRS)
    simple = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 2))
    return with_outer_walls(simple)[0], *lived_in(simple)


@pytest.fixture(scope="module")
def quiet():
    return fitted(4, people_kw=0.0)


@pytest.fixture(scope="module")
def peopled():
    return fitted(1)


def test_heavy_walls_are_found_with_what_they_conduct_in_the_end(quiet):
    simple, better, spread = quiet
    assert better.model.lived_in
    assert better.conductance == pytest.approx(TRUTH, abs=3.0)
    assert simple.conductance[[0, 2]].max() < 15.0
    assert spread.max() < 1e-6


def test_the_simple_model_is_too_sure_of_heavy_walls(quiet, peopled):
    for simple, better, _ in (quiet, peopled):
        assert (np.abs(simple.conductance - TRUTH) / simple.std_error).max() > 4.0
        assert (np.abs(better.conductance - TRUTH) / better.std_error).max() < 2.5


def test_the_rooms_masses_are_not_taken_for_furniture(quiet, peopled):
    for _, better, _ in (quiet, peopled):
        found = better.likelihood.values(better.fit.theta)
        names = [p.name for p in better.model.network.parameters]
        masses = np.array([found[names.index(f"mass capacity {zone}")] for zone in "abc"])
        assert masses == pytest.approx(MASS, rel=0.4)


def test_white_residuals_do_not_hide_heavy_walls():
    data = zone_data(*house(1, people_kw=0.0, days=7))
    pairs = candidate_pairs(data.zones, PAIRS)
    simple = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 2))
    assert not simple.white.suspicious
    assert lacks_something(simple)


@pytest.mark.parametrize("seed", [7317, 109])
def test_where_nothing_is_lacking_nothing_wider_is_fitted(seed):
    b = generate_building(np.random.default_rng(seed), BuildingPlan(2, 2, 14))
    data = zone_data(b.temperatures_c, b.heat_kw, b.outdoor_c, b.solar_w_m2)
    pairs = candidate_pairs(data.zones, b.candidates)
    simple = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 2))
    assert not lacks_something(simple)
    assert lived_in(simple)[0] is simple


def test_one_state_a_room_has_no_walls_to_try():
    data = zone_data(*house(2, days=3))
    pairs = candidate_pairs(data.zones, PAIRS)
    simple = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 1))
    better, spread = lived_in(simple)
    assert better is simple
    assert not spread.any()
