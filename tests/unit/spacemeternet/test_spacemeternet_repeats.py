"""Means of longer steps that are repeated are named, and what stands still by itself is not."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import MeterFrame, ThermalSpaceNet, VoltageSpaceNet
from rexnet_grid.spacemeternet.repeats import held_steps

STEPS = 96 * 20
INDEX = pd.date_range("2026-01-05", periods=STEPS, freq="15min", tz="UTC")
SHARED = 2e-4 * np.minimum.outer(np.arange(1, 6), np.arange(1, 6))


def feeder(seed=0):
    rng = np.random.default_rng(seed)
    p = -rng.gamma(1.2, 0.6, (STEPS, 5))
    q = 0.3 * p * rng.uniform(0.7, 1.3, p.shape)
    v = np.sqrt(1.0 + 2.0 * (p @ SHARED + 0.35 * q @ SHARED)) + 1e-3 * rng.normal(size=p.shape)
    return [pd.DataFrame(t, INDEX, list("abcde")) for t in (p, q, v)]


def held(table, first=0):
    return table.groupby((np.arange(len(table)) - first) // 4).transform("mean")


def test_hourly_powers_beside_quarter_hours_of_voltage_are_refused_and_hours_are_not():
    p, q, v = feeder()
    with pytest.raises(MeterDataError) as told:
        VoltageSpaceNet(n_trees=2).fit(held(p), held(q), v)
    assert "p_kw: a, b, c and 2 more: got powers that change only every 4th step" in str(told.value)
    assert 'aggregate everything to 60 min: resample("60min"), the mean of each' in str(told.value)
    hours = [t.resample("60min").mean() for t in (held(p), held(q), v)]
    net = VoltageSpaceNet(n_trees=2).fit(*hours)
    away = np.abs(net.vm_pu_per_kw_.to_numpy() - SHARED) / net.std_error_.to_numpy()
    assert np.mean(away < 1.96) >= 0.88


def test_one_meter_and_other_stamps_are_named_with_the_offset():
    p, q, v = feeder()
    p["b"] = held(p[["b"]], first=1)["b"]
    with pytest.raises(MeterDataError, match=r'p_kw: b: .*resample\("60min", offset="15min"\)'):
        VoltageSpaceNet(n_trees=2).fit(p, q, v)


def test_hourly_heat_beside_quarter_hours_of_temperature_is_refused():
    rng = np.random.default_rng(1)
    rooms = pd.DataFrame(20.0 + 0.05 * rng.normal(size=(STEPS, 2)).cumsum(axis=0), INDEX, ["a", "b"])
    heat = pd.DataFrame(np.clip(rng.normal(0.5, 0.5, (STEPS, 2)), 0.0, None), INDEX, ["a", "b"])
    outdoor = pd.Series(5.0 + 0.1 * rng.normal(size=STEPS).cumsum(), INDEX)
    with pytest.raises(MeterDataError, match="heat_kw: a, b: got powers that change only every 4th step"):
        ThermalSpaceNet(states=1).fit(rooms, held(heat), outdoor)


def test_a_register_read_hourly_is_noted_on_a_grid_of_quarters():
    energy = pd.Series(np.random.default_rng(2).gamma(1.0, 1.0, STEPS).cumsum(), INDEX)[::4]
    frame = MeterFrame(step="15min")
    frame.add("heat", energy, "kWh")
    assert any(
        'changes only once in 4 steps: means of 60min repeated? MeterFrame(step="60min")' in n for n in frame.notes
    )
    frame = MeterFrame(step="60min")
    frame.add("heat", energy, "kWh")
    assert not any("repeated" in n for n in frame.notes)


def test_what_stands_still_by_itself_is_left_alone():
    rng = np.random.default_rng(3)
    hour = np.arange(STEPS) % 96 / 4.0
    sun = np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0, None)
    series = {
        "zero": np.zeros(STEPS),
        "gaps": np.full(STEPS, np.nan),
        "night and day": np.where((hour >= 6.0) & (hour < 22.0), 1.5, 0.4),
        "timer": np.where(rng.random(STEPS // 4) < 0.4, 2.0, 0.0).repeat(4),
        "photovoltaics": sun * rng.random(STEPS),
        "on and off": 1.2 * (np.convolve(rng.normal(size=STEPS), np.ones(8), "same") > 0.0),
        "pulses of a register": np.floor(rng.gamma(0.1, 1.0, STEPS).cumsum() + 0.3),
    }
    assert {name: held_steps(column)[0] for name, column in series.items()} == dict.fromkeys(series, 1)
    hourly = (sun * rng.random(STEPS // 4).repeat(4)).reshape(-1, 4).mean(axis=1).repeat(4)
    hourly[rng.random(STEPS) < 0.1] = np.nan
    assert held_steps(hourly) == (4, 0)
