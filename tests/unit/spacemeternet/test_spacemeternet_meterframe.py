"""MeterFrame and the excitation report."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import MeterFrame
from rexnet_grid.spacemeternet.clock import clock_faults
from rexnet_grid.spacemeternet.excitation import excitation
from rexnet_grid.spacemeternet.frame import zone_data


def utc(*minutes):
    return pd.DatetimeIndex(pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(list(minutes), unit="min"))


def test_a_register_becomes_mean_power_and_a_reset_a_gap():
    frame = MeterFrame("30min")
    frame.add("heat", pd.Series([1000.0, 1500.0, 2500.0, 100.0, 600.0], utc(0, 30, 60, 90, 120)), "Wh")
    np.testing.assert_allclose(frame.columns["heat"], [1.0, 2.0, np.nan, 1.0])
    assert "started anew once" in frame.notes[0]


def test_a_register_that_runs_backwards_for_a_while_did_not_start_anew():
    frame = MeterFrame("15min")
    frame.add("heat", pd.Series([100.0, 101.0, 100.5, 102.0], utc(0, 15, 30, 45)), "kWh")
    assert frame.columns["heat"].tolist() == pytest.approx([4.0, -2.0, 6.0])
    assert frame.notes == ["heat: the register runs backwards once"]


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


def test_heat_meters_count_in_joules_too():
    frame = MeterFrame("30min")
    frame.add("heat", pd.Series([10.0, 10.0036, 10.0054], utc(0, 30, 60)), "GJ")
    np.testing.assert_allclose(frame.columns["heat"], [2.0, 1.0], rtol=1e-6)


def test_spikes_stuck_sensors_and_gaps_are_noted():
    index = pd.date_range("2026-01-01", periods=300, freq="15min", tz="UTC")
    frame = MeterFrame("15min")
    power = pd.Series(np.where(np.arange(300) % 2, 1.0, 2.0), index)
    power.iloc[40] = 900.0
    frame.add("heat", power, "kW")
    room = pd.Series(20 + 0.01 * np.arange(300.0), index)
    room.iloc[50:200] = 20.5
    room.iloc[220:230] = np.nan
    frame.add("room", room, "degC")
    said = "\n".join(frame.notes)
    assert frame.columns["heat"].max() == 2.0
    for words in ("heat: 1 spikes", "stands still for 37 h", "room: 10 of 300 steps", "longest gap 2.5 h"):
        assert words in said


def test_units_that_cannot_be_are_refused():
    index = utc(*range(0, 600, 15))
    for values, unit, said in (
        (1500.0, "kW", "looks like W"),
        (293.0, "degC", "looks like kelvin"),
        (21.0, "K", "these are degC already"),
        (400_000.0, "W/m2", "irradiance"),
    ):
        with pytest.raises(MeterDataError, match=said):
            MeterFrame().add("meter", pd.Series(values + np.arange(40.0), index), unit)


def sunny(days=60):
    index = pd.date_range("2026-03-01", periods=24 * days, freq="h", tz="UTC")
    clouds = np.repeat(np.random.default_rng(0).uniform(0.3, 1.0, days), 24)
    return pd.Series(800 * clouds * np.clip(np.cos((index.hour - 11.3) / 24 * 2 * np.pi), 0, None), index)


def test_the_sun_tells_where_the_clock_was_changed():
    true = sunny()
    assert clock_faults("sun", true) == []
    local = true.tz_convert("Europe/Berlin").tz_localize(None).tz_localize("UTC")
    said = clock_faults("sun", local)
    assert len(said) == 1
    assert "1.0 h later from about 2026-03-" in said[0]


def test_the_sun_tells_a_wrong_time_zone():
    assert clock_faults("sun", sunny(), "Europe/Berlin") == []
    assert "is the time zone right" in clock_faults("sun", sunny(), "Asia/Tokyo")[0]


def test_the_sun_may_shine_across_midnight_utc():
    far_west = sunny().shift(9)
    assert clock_faults("sun", far_west, "America/Anchorage") == []


def test_an_hour_read_twice_asks_for_the_time_zone():
    true = pd.date_range("2026-10-24 20:00", periods=48, freq="15min", tz="UTC")
    local = pd.Series(np.arange(48.0) / 10, true.tz_convert("Europe/Berlin").tz_localize(None))
    frame = MeterFrame()
    frame.add("room", local, "degC")
    assert "4 instants read twice" in frame.notes[0]
    assert "give time_zone" in frame.notes[0]


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


def cold_room():
    """Return three rooms, two of them heated by fits and starts."""
    rng = np.random.default_rng(0)
    index = pd.date_range("2026-01-01", periods=800, freq="15min", tz="UTC")
    rooms = pd.DataFrame(20 + rng.normal(size=(800, 3)), index, ["a", "b", "c"])
    heat = pd.DataFrame(rng.integers(0, 2, (100, 2)).repeat(8, axis=0) * 2.0, index, ["a", "b"])
    return zone_data(rooms, heat, pd.Series(5 + rng.normal(size=800), index))


def test_excitation_says_which_zones_no_heat_reaches():
    data = cold_room()
    apart = excitation(data, ((0, 1),))
    assert apart.reach.cut_off == ("c",)
    assert "c: no metered heat reaches them through the candidate edges" in str(apart)
    joined = excitation(data, ((0, 1), (1, 2)))
    assert joined.reach.cut_off == ()
    assert joined.reach.observable == joined.reach.states == 6
    assert joined.reach.swing_k[0] > joined.reach.swing_k[2] > 0


def test_two_zones_that_nothing_tells_apart_are_not_reachable_on_their_own():
    data = cold_room()
    alike = replace(data, circuits=(), heat=np.zeros((800, 0)), temperature=data.temperature[:, [0, 0, 0]])
    found = excitation(alike, ()).reach
    assert found.reachable == 2
    assert found.states == 6


def test_one_circuit_stays_one_where_a_reading_is_missing_in_one_of_its_columns():
    rng = np.random.default_rng(5)
    index = pd.date_range("2026-01-01", periods=960, freq="15min", tz="UTC")
    rooms = pd.DataFrame(20.0 + rng.normal(0.0, 0.5, (960, 3)).cumsum(axis=0) * 0.05, index, ["a", "b", "c"])
    shared = np.round(np.maximum(rng.normal(1.0, 0.5, 960), 0.0), 3)
    heat = pd.DataFrame({"a": shared, "b": shared, "c": np.maximum(rng.normal(1.0, 0.5, 960), 0.0)}, index)
    heat.loc[index[100], "a"] = np.nan
    data = zone_data(rooms, heat, pd.Series(5.0 + rng.normal(0.0, 1.0, 960), index))
    assert [circuit.zones for circuit in data.circuits] == [(0, 1), (2,)]


def test_an_infinite_reading_is_named():
    index = pd.date_range("2026-01-01", periods=960, freq="15min", tz="UTC")
    rooms = pd.DataFrame({"a": 20.0 + np.sin(np.arange(960) / 20.0)}, index)
    rooms.iloc[7, 0] = np.inf
    with pytest.raises(MeterDataError, match="an infinite reading"):
        zone_data(rooms, None, pd.Series(5.0, index))


def test_one_sensor_given_twice_is_named():
    rng = np.random.default_rng(6)
    index = pd.date_range("2026-01-01", periods=960, freq="15min", tz="UTC")
    room = 20.0 + rng.normal(0.0, 0.1, 960).cumsum() * 0.05
    rooms = pd.DataFrame({"a": room, "b": room, "c": room + rng.normal(0.0, 0.1, 960)}, index)
    with pytest.raises(MeterDataError, match=r"a and b.*the same readings"):
        zone_data(rooms, None, pd.Series(5.0 + rng.normal(0.0, 1.0, 960), index))


def test_heat_of_an_odd_size_for_rooms_is_remarked():
    """Two rooms of 20 W/K, heated by 1.2 kW: a quarter (kWh of a step) or a hundred times as much is an odd size."""
    index = pd.date_range("2026-01-01", periods=800, freq="15min", tz="UTC")
    on = np.repeat(np.random.default_rng(0).random((100, 2)) < 0.3, 8, axis=0)
    heat = pd.DataFrame(1.2 * on, index, ["a", "b"])
    excess = 1000.0 * heat.mean().mean() / 20.0
    rooms = pd.DataFrame(20.0 + on, index, ["a", "b"])
    outdoor = pd.Series(20.0 + on.mean() - excess, index)

    def said(factor):
        return str(excitation(zone_data(rooms, factor * heat, outdoor), ((0, 1),)))

    assert "for each kelvin" not in said(1.0)
    assert "looks like kWh of a step (kW are 4 times as much)" in said(0.25)
    assert "register of kWh taken for GJ" in said(100.0)
