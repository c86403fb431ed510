"""MeterFrame and the excitation report."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import MeterFrame
from rexnet_grid.spacemeternet.excitation import excitation
from rexnet_grid.spacemeternet.frame import zone_data


def utc(*minutes):
    return pd.DatetimeIndex(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(list(minutes), unit="min"))


def test_a_register_becomes_mean_power_and_a_reset_a_gap():
    frame = MeterFrame("30min")
    frame.add("heat", pd.Series([1000.0, 1500.0, 2500.0, 100.0, 600.0], utc(0, 30, 60, 90, 120)), "Wh")
    np.testing.assert_allclose(frame.columns["heat"], [1.0, 2.0, np.nan, 1.0])
    assert "started anew 1 times" in frame.notes[0]


def test_a_register_that_rolls_over_loses_nothing():
    frame = MeterFrame("30min")
    frame.add("heat", pd.Series([998.0, 999.0, 0.5], utc(0, 30, 60)), "kWh", rollover=1000.0)
    np.testing.assert_allclose(frame.columns["heat"], [2.0, 3.0])


def test_temperatures_are_sampled_and_long_gaps_stay_gaps():
    frame = MeterFrame("15min")
    frame.add("room", pd.Series([293.15, 294.15, 295.15, 299.15], utc(0, 20, 40, 160)), "K")
    room = frame.columns["room"]
    np.testing.assert_allclose(room.iloc[:3], [20.0, 20.75, 21.5])
    assert room.iloc[4:10].isna().all()


def test_powers_are_averaged_over_the_step():
    frame = MeterFrame("30min")
    frame.add("heat", pd.Series([1000.0, 3000.0, 500.0], utc(0, 10, 30)), "W")
    np.testing.assert_allclose(frame.columns["heat"], [2.0, 0.5])


def test_an_outlier_is_left_out_and_noted():
    values = 20 + 0.01 * np.arange(200.0) + 0.01 * np.random.default_rng(0).normal(size=200)
    values[77] = 85.0
    frame = MeterFrame("15min")
    frame.add("room", pd.Series(values, pd.date_range("2026-01-01", periods=200, freq="15min", tz="UTC")), "degC")
    assert frame.columns["room"].max() < 23
    assert "1 outliers" in frame.notes[0]


def test_local_time_stamps_survive_the_change_of_clocks():
    true = pd.date_range("2026-10-24 20:00", periods=12, freq="h", tz="UTC")
    local = true.tz_convert("Europe/Berlin").tz_localize(None)
    frame = MeterFrame("1h", time_zone="Europe/Berlin")
    frame.add("room", pd.Series(np.arange(12.0), local), "degC")
    room = frame.columns["room"]
    assert room.index[0] == true[0]
    assert len(room) == 12
    np.testing.assert_allclose(room, np.arange(12.0))


def test_faults_are_named():
    frame = MeterFrame()
    with pytest.raises(MeterDataError, match="kelvin"):
        frame.add("room", pd.Series([293.0, 294.0], utc(0, 15)), "degC")
    with pytest.raises(MeterDataError, match="DatetimeIndex"):
        frame.add("room", pd.Series([20.0, 21.0]), "degC")
    with pytest.raises(MeterDataError, match="nothing but gaps"):
        frame.add("room", pd.Series([np.nan], utc(0)), "degC")


def test_excitation_says_what_stands_in_the_way():
    index = pd.date_range("2026-01-01", periods=96, freq="15min", tz="UTC")
    sun = np.clip(np.sin(np.arange(96) / 96 * 2 * np.pi), 0, None)
    rng = np.random.default_rng(0)
    warm = 20 + 0.05 * rng.normal(size=(96, 3))
    warm[:, 2] += np.linspace(0, 3, 96)
    rooms = pd.DataFrame(warm, index, ["a", "b", "c"])
    heat = pd.DataFrame({"a": 1 + sun}, index)
    said = str(excitation(zone_data(rooms, heat, pd.Series(5 + sun, index), pd.Series(500 * sun, index))))
    for words in (
        "days are short",
        "b, c: no heat",
        "a and b are always equally warm",
        "a thermostat",
        "sun and outdoor",
    ):
        assert words in said
