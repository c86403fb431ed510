"""A building of flats as a delivery network: physics, headroom, capacity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.errors import InputError
from rexnet_grid.spacemeternet.comfort import ComfortBand, Pipework
from rexnet_grid.spacemeternet.comfortloop import BuildingWeather, History, LearnedComfortHeadroom, LearningRules
from rexnet_grid.spacemeternet.dwelling import advance, draw_dwelling, draw_gains, draw_targets, draw_walls
from rexnet_grid.spacemeternet.dwelling import live_with_thermostats as live
from rexnet_grid.spacemeternet.dwelling_delivery import DwellingDelivery, DwellingForcing

HOURS, UNITS = 0.25, 48


def dwelling(seed=3, floors=2, columns=2):
    rng = np.random.default_rng(seed)
    return draw_dwelling(rng, draw_walls(rng, floors, columns, 0.8))


def building(supply_kw=50.0, riser_kw=30.0, seed=3, margin_k=0.0):
    d = dwelling(seed)
    n = len(d.loss_kw_k)
    band = ComfortBand(19.0, 22.5, np.full(n, 6.0), (0, 4))
    gains = np.full((UNITS, n), 0.2)
    weather = 3.0 * np.sin(np.arange(UNITS) / 10.0), np.clip(np.sin(np.arange(UNITS) / 8.0), 0.0, None) * 0.3
    pipework = Pipework("substation", d.walls.names, d.walls.risers, riser_kw, supply_kw)
    start = np.concatenate([np.full(n, 20.5), np.full(n, 20.2)])
    return DwellingDelivery(d, pipework, band, DwellingForcing(*weather, gains, gains), HOURS, start, margin_k)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 6.0))
def test_energy_into_a_building_is_lost_or_stored(seed, hours):
    """Σ C ΔT = q h - H (mean T - T_out) h; the mean of the airs comes from the same linear system."""
    rng = np.random.default_rng(seed)
    d = dwelling(seed % 1000)
    n = len(d.loss_kw_k)
    state, air_kw, mass_kw = rng.uniform(15, 25, 2 * n), rng.uniform(0, 5, n), rng.uniform(0, 1, n)
    fine = 64
    model, x, lost = d.model(hours / fine), state, 0.0
    for k in range(fine):
        before = x
        x = advance(model, x, 2.0, air_kw, mass_kw * (k == fine - 1) * fine)
        middle = 0.5 * (before[:n] + x[:n]) - 2.0
        lost += float(d.loss_kw_k @ middle) * hours / fine
    stored = float(d.capacity_kwh_k @ (x - state))
    given_kwh = float(air_kw.sum() + mass_kw.sum()) * hours
    assert stored == pytest.approx(given_kwh - lost, abs=2e-3 * (given_kwh + abs(lost)) + 1e-9)
    whole = advance(d.model(hours), state, 2.0, air_kw, mass_kw)
    np.testing.assert_allclose(whole, x, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_headroom_allows_overheats_nobody(seed):
    rng = np.random.default_rng(seed)
    net = building()
    units = range(12)
    position = np.zeros((12, 5))
    position[:, 1:] = -rng.uniform(0.0, 2.0, (12, 4))
    at = int(rng.integers(0, 12))
    rows = net.headroom(units, position)[at]
    flat = int(rng.integers(1, 5))
    more = min(rows.capacity_kw(0, flat), 60.0)
    position[at, flat] -= more
    for unit in range(at + 1):
        state = net.deliver(unit, position[unit])
        if unit < at:
            continue
        hot = [v for v in state.violations if v.limit.endswith("overheating") and v.value > v.bound + 1e-6]
        assert not hot or rows.slack[:4].min() < 0.0
        if 0.0 < more < 60.0:
            closest = min(22.5 - state.arrays["air_c"].max(), 30.0 + position[at, 1:].reshape(2, 2).sum(axis=0).min())
            assert closest < 0.8  # a row at the end of the unit, an hour on, or of a pipe binds


def test_prediction_is_delivery_and_state_comes_back():
    net = building()
    injection = np.array([8.0, -2.0, -2.0, -2.0, -2.0])
    saved = net.save()
    predicted = net.predict(0, injection)
    delivered = net.deliver(0, injection)
    np.testing.assert_array_equal(predicted.arrays["air_c"], delivered.arrays["air_c"])
    assert delivered.balance.residual_kw == 0.0
    net.restore(saved)
    np.testing.assert_array_equal(net.deliver(0, injection).arrays["air_c"], delivered.arrays["air_c"])
    with pytest.raises(InputError, match="not a state of this building"):
        net.restore({"state_c": np.zeros(3), "unit": 0})


def test_a_substation_gives_no_more_than_it_can_and_the_cold_is_named():
    net = building(supply_kw=4.0)
    injection = np.array([0.0, -2.0, -2.0, -2.0, -2.0])
    state = net.deliver(0, injection)
    np.testing.assert_allclose(state.injection_kw, [4.0, -1.0, -1.0, -1.0, -1.0])
    np.testing.assert_allclose(state.unserved_kw[1:], 1.0)
    for unit in range(1, 40):
        state = net.deliver(unit, np.zeros(5))
    assert {v.limit for v in state.violations} == {f"{flat} underheating" for flat in net.pipework.flats}
    assert net.predict(40, np.zeros(5)).violations == ()


def test_pipes_have_rows_and_violations_and_must_fit_a_radiator():
    net = building(riser_kw=7.0)
    position = np.array([[0.0, -5.0, -1.0, -1.0, -1.0]])
    rows = net.headroom([0], position)[0]
    left = dict(zip(rows.limits, rows.slack, strict=True))
    assert left["riser a capacity"] == pytest.approx(1.0)
    assert left["riser b capacity"] == pytest.approx(5.0)
    assert left["substation capacity"] == pytest.approx(42.0)
    broken = net.predict(0, np.array([0.0, -5.0, -1.0, -3.0, -1.0])).violations
    assert [v.limit for v in broken if v.unit == "kW"] == ["riser a capacity"]
    assert [i.key for i in building(riser_kw=5.0).check()] == ["riser_kw"]


@pytest.fixture(scope="module")
def learned():
    """A building lived in for nine days under thermostats, and what its meters make of it."""
    rng = np.random.default_rng(8)
    d = dwelling(8)
    n, days = len(d.loss_kw_k), 9
    hour = np.arange(days * 96) * HOURS % 24.0
    outdoor = 2.0 + 3.0 * np.sin(2 * np.pi * hour / 24.0 - 2.0) + np.cumsum(rng.normal(0, 0.1, len(hour)))
    sun = 0.4 * np.clip(np.sin(2 * np.pi * (hour / 24.0 - 0.25)), 0.0, None) * rng.random(days).repeat(96)
    gains, targets = draw_gains(rng, n, hour, HOURS), draw_targets(rng, n, hour, HOURS)
    air, heat, state = live(d, HOURS, outdoor, sun, gains, targets, np.full(n, 5.0))
    band = ComfortBand(19.0, 22.5, np.full(n, 5.0), (0, 4))
    pipework = Pipework("substation", d.walls.names, d.walls.risers, 20.0, 40.0)
    weather = BuildingWeather(np.full(200, float(outdoor[-1])), np.zeros(200))
    history = History(air + 0.05 * rng.normal(size=air.shape), heat, BuildingWeather(outdoor, sun))
    rules = LearningRules(warm_up_units=868, refit_every=1000, candidate_edges=d.walls.named_pairs)
    loop = LearnedComfortHeadroom(pipework, band, weather, HOURS, rules, history)
    forcing = DwellingForcing(weather.outdoor_c, weather.sun_kw_m2, np.full((200, n), 0.25), np.full((200, n), 0.25))
    return loop, DwellingDelivery(d, pipework, band, forcing, HOURS, state)


def test_a_building_is_silent_about_rooms_until_it_has_learned_then_knows_them(learned):
    loop, truth = learned
    position = np.zeros((24, 5))
    before = loop.headroom(range(24), position)
    assert {limit.split()[-1] for limit in before[0].limits} == {"capacity"}
    for unit in range(6):
        air = truth.deliver(unit, np.array([4.0, -1.0, -1.0, -1.0, -1.0])).arrays["air_c"]
        loop.append(air, np.ones(4))
    assert loop.estimate is not None
    assert loop.refused == ""
    position[:, 1:] = -1.5
    units = range(6, 30)
    mine, true = loop.headroom(units, position), truth.headroom(units, position)
    assert mine[0].limits == true[0].limits
    own = np.abs(np.diag(mine[0].coefficients[:4, 1:]) / np.diag(true[0].coefficients[:4, 1:]) - 1.0)
    assert own.max() < 0.4
    near = true[0].slack[:4] - mine[0].slack[:4]
    assert (near > 0.0).all()  # a margin is taken off
    assert (near < 1.0).all()
    further = true[20].slack[:4] - mine[20].slack[:4]
    assert further.mean() > near.mean()  # and more of it for what is further away


def test_what_a_building_has_learned_comes_back(learned):
    loop, _ = learned
    fresh = LearnedComfortHeadroom(loop.pipework, loop.band, loop.weather, HOURS, loop.rules)
    fresh.restore(loop.save())
    position = np.zeros((4, 5))
    first = loop._units
    for a, b in zip(
        loop.headroom(range(first, first + 4), position), fresh.headroom(range(first, first + 4), position), strict=True
    ):
        np.testing.assert_array_equal(a.slack, b.slack)
