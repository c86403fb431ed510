"""The stratified tank: stirred vessels in a row (Erlang), cooling, an integrator, and energy that adds up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import gammaincc

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import StratifiedTank
from rexnet_grid.rexdynnet.tank import WATER_KJ_KGK, settled

TIGHT = StratifiedTank(10.0, layers=12, insulation_w_m2k=0.0, conductivity_w_mk=0.0)


def test_charging_is_a_row_of_stirred_vessels():
    """Layer k after t turnovers of a layer: T_in - (T_in - T_0) Q(k, t), the Erlang distribution."""
    flow, hours = 0.8, 1.3
    move = TIGHT.step(np.full(12, 40.0), flow, 80.0, hours)
    turns = flow * WATER_KJ_KGK * hours / TIGHT.layer_kwh_k
    expected = 80.0 - 40.0 * gammaincc(np.arange(1, 13), turns)
    np.testing.assert_allclose(move.layers_c, expected, atol=1e-9)
    assert move.heat_kwh == pytest.approx(TIGHT.heat_kwh(move.layers_c, 40.0), rel=1e-11)


def test_discharging_mirrors_charging():
    up = TIGHT.step(np.full(12, 80.0), -0.8, 40.0, 1.3)
    down = TIGHT.step(np.full(12, 40.0), 0.8, 80.0, 1.3)
    np.testing.assert_allclose(up.layers_c[::-1] - 40.0, 80.0 - down.layers_c, atol=1e-9)
    assert up.heat_kwh == pytest.approx(-down.heat_kwh)


def test_a_resting_tank_cools_as_an_integrator_says():
    tank = StratifiedTank(5.0, layers=8, ambient_c=15.0)
    start = np.linspace(85.0, 40.0, 8)
    d = tank.diameter_m
    hull = np.full(8, math.pi * d * d * 2.5 / 8)
    hull[[0, -1]] += math.pi * d * d / 4.0
    hull *= 0.3e-3
    along = math.pi * d * d / 4.0 / (2.5 * d / 8) * 1e-3

    def slope(_, t):
        q = hull * (15.0 - t)
        q[:-1] += along * np.diff(t)
        q[1:] -= along * np.diff(t)
        return q / tank.layer_kwh_k

    reference = solve_ivp(slope, (0.0, 24.0), start, rtol=1e-11, atol=1e-11).y[:, -1]
    move = tank.step(start, 0.0, 50.0, 24.0)
    np.testing.assert_allclose(move.layers_c, reference, atol=1e-8)
    assert move.loss_kwh == pytest.approx(tank.heat_kwh(start) - tank.heat_kwh(move.layers_c), rel=1e-10)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    flow=st.floats(-6.0, 6.0),
    inlet=st.floats(20.0, 95.0),
    hours=st.floats(0.01, 3.0),
    layers=st.integers(2, 30),
)
def test_energy_adds_up_and_warm_water_lies_on_top(seed, flow, inlet, hours, layers):
    tank = StratifiedTank(8.0, layers=layers)
    start = np.random.default_rng(seed).uniform(30.0, 90.0, layers)
    move = tank.step(start, flow, inlet, hours)
    stored = tank.heat_kwh(move.layers_c) - tank.heat_kwh(start)
    assert move.heat_kwh - move.loss_kwh == pytest.approx(stored, abs=1e-9 * max(1.0, tank.heat_kwh(start)))
    assert (np.diff(move.layers_c) <= 1e-12).all()
    low, high = min(start.min(), inlet, 10.0), max(start.max(), inlet)
    assert low - 1e-9 <= move.layers_c.min()
    assert move.layers_c.max() <= high + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    volume_m3=st.sampled_from([0.1, 30.0, 3000.0, 30_000.0]),
    layers=st.integers(2, 60),
    start=st.floats(30.0, 90.0),
    apart=st.floats(0.0, 40.0),
    flows=st.lists(st.sampled_from([0.0, 0.01, -0.01, 1.0, -1.0, 30.0, -30.0]), min_size=1, max_size=8),
    seconds=st.sampled_from([1.0, 60.0, 3600.0]),
)
def test_a_second_of_a_large_tank_adds_up(volume_m3, layers, start, apart, flows, seconds):
    """A tank that holds a thousand million times what it loses in a second closes to 1e-9 of that."""
    tank = StratifiedTank(volume_m3, layers=layers)
    now = np.linspace(start, start - 0.5 * apart, layers)
    for flow in flows:
        move = tank.step(now, flow, 75.0, seconds / 3600.0)
        stored = math.fsum((*move.layers_c, *-now)) * tank.layer_kwh_k
        scale = max(abs(move.heat_kwh), abs(move.loss_kwh), abs(stored))
        assert abs(move.heat_kwh - move.loss_kwh - stored) <= 1e-9 * scale
        now = move.layers_c


@settings(max_examples=60, deadline=None)
@given(heat=st.floats(-400.0, 400.0), share=st.floats(0.0, 1.0))
def test_the_flow_is_found_or_the_tank_says_what_it_did(heat, share):
    tank = StratifiedTank(8.0)
    start = tank.filled(80.0, 45.0, share)
    move = tank.exchange(start, heat, 80.0 if heat > 0.0 else 45.0, 0.25, 10.0)
    if abs(move.heat_kwh - 0.25 * heat) > 1e-6:
        assert abs(move.heat_kwh) < 0.25 * abs(heat)
    assert move.heat_kwh * heat >= 0.0


def test_unstable_layers_join_with_their_heat():
    np.testing.assert_allclose(settled(np.array([50.0, 60.0, 40.0])), [55.0, 55.0, 40.0])
    np.testing.assert_allclose(settled(np.array([10.0, 20.0, 60.0])), [30.0, 30.0, 30.0])
    ordered = np.array([60.0, 50.0, 50.0])
    assert settled(ordered) is ordered


def test_content_and_room_are_what_layers_hold():
    tank = StratifiedTank(10.0)
    layers = tank.filled(80.0, 40.0, 0.35)
    whole = tank.heat_kwh(np.full(20, 80.0), 40.0)
    assert tank.usable_kwh(layers, 70.0, 40.0) == pytest.approx(0.35 * whole)
    assert tank.room_kwh(layers, 80.0) == pytest.approx(0.65 * whole)


def test_impossible_tanks_are_refused():
    with pytest.raises(InputError, match=r"volume_m3[\s\S]*insulation_w_m2k[\s\S]*layers"):
        StratifiedTank(-1.0, insulation_w_m2k=-1.0, layers=1)


def test_what_no_water_does_is_refused_and_no_nan_spreads():
    tank = StratifiedTank(volume_m3=12)
    layers = np.full(tank.layers, 45.0)
    with pytest.raises(InputError, match=r"heat_kw: got nan[\s\S]*hours: got -1[\s\S]*most_kg_s[\s\S]*inlet_c"):
        tank.exchange(layers, heat_kw=math.nan, inlet_c=math.nan, hours=-1.0, most_kg_s=-3.0)
    with pytest.raises(InputError, match=r"flow_kg_s: got inf[\s\S]*inlet_c: got 200[\s\S]*shape \(19,\)"):
        tank.step(layers[:-1], flow_kg_s=math.inf, inlet_c=200.0, hours=1.0)
    layers[3] = math.nan
    with pytest.raises(InputError, match="layers_c: got nan"):
        tank.step(layers, flow_kg_s=1.0, inlet_c=80.0, hours=1.0)
