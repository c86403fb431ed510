"""Weather: the reference year, its interpolation, and files of the user."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import NetworkDataError
from rexnet_grid.scenario.weather import reference_weather, reference_year, weather_from_file
from rexnet_grid.units import TimeGrid

BERLIN = ZoneInfo("Europe/Berlin")


def test_the_reference_year_of_the_upper_rhine_is_read_as_its_header_says():
    outdoor, direct, diffuse = reference_year(12)
    assert outdoor[:3].tolist() == [6.5, 5.2, 4.4]
    assert (direct[8], diffuse[8], direct[11], diffuse[11]) == (3.0, 28.0, 8.0, 108.0)
    assert 10.0 < outdoor.mean() < 12.0
    assert 1000.0 < (direct + diffuse).sum() / 1000.0 < 1200.0


@pytest.mark.parametrize("unit_minutes", [5, 15, 30, 60, 120])
def test_every_hour_keeps_its_irradiation(unit_minutes):
    grid = TimeGrid(datetime(2026, 6, 20, tzinfo=UTC), unit_minutes)
    units = 48 * 60 // unit_minutes
    weather = reference_weather(12, grid, units)
    _, direct, diffuse = reference_year(12)
    first = 24 * (datetime(2026, 6, 20, tzinfo=UTC).timetuple().tm_yday - 1) + 1
    hours = 48 * min(60, unit_minutes) // unit_minutes if unit_minutes > 60 else 48
    for series, source in ((weather.direct_w_m2, direct), (weather.diffuse_w_m2, diffuse)):
        assert series.reshape(hours, -1).mean(axis=1) == pytest.approx(
            source[first : first + 48].reshape(hours, -1).mean(axis=1), rel=1e-12, abs=1e-9
        )


def test_units_that_start_inside_an_hour_are_cut_from_the_same_curve():
    whole = reference_weather(12, TimeGrid(datetime(2026, 3, 1, 10, tzinfo=UTC), 15), 16)
    late = reference_weather(12, TimeGrid(datetime(2026, 3, 1, 10, 30, tzinfo=UTC), 15), 14)
    assert late.outdoor_c == pytest.approx(whole.outdoor_c[2:])
    assert late.direct_w_m2 == pytest.approx(whole.direct_w_m2[2:])


def test_the_change_of_clocks_neither_repeats_nor_skips_an_hour():
    grid = TimeGrid(datetime(2026, 3, 29, tzinfo=BERLIN), 60)
    outdoor = reference_weather(12, grid, 23).outdoor_c
    plain = reference_weather(12, TimeGrid(datetime(2026, 3, 28, 23, tzinfo=UTC), 60), 23).outdoor_c
    assert outdoor == pytest.approx(plain)


def test_the_leap_day_takes_the_day_before():
    leap = reference_weather(12, TimeGrid(datetime(2028, 2, 29, 11, tzinfo=UTC), 60), 1)
    before = reference_weather(12, TimeGrid(datetime(2027, 2, 28, 11, tzinfo=UTC), 60), 1)
    assert leap.outdoor_c == pytest.approx(before.outdoor_c)


def test_a_region_that_does_not_exist_is_named():
    with pytest.raises(NetworkDataError, match="region 1 … 15"):
        reference_weather(16, TimeGrid(datetime(2026, 1, 1, tzinfo=UTC), 15), 4)


def table(rows=48):
    index = pd.date_range("2026-01-13", periods=rows, freq="h", tz="UTC")
    clock = np.arange(rows)
    return pd.DataFrame(
        {"time": index, "outdoor_c": -1.0 + 0.1 * clock, "direct_w_m2": 10.0 * clock, "diffuse_w_m2": 5.0 * clock}
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_averaged_onto_the_units(tmp_path, suffix):
    path = tmp_path / f"weather{suffix}"
    frame = table()
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    weather = weather_from_file(path, TimeGrid(datetime(2026, 1, 13, tzinfo=UTC), 15), 192)
    assert weather.direct_w_m2.reshape(48, 4).mean(axis=1) == pytest.approx(frame["direct_w_m2"].to_numpy())


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path):
    path = tmp_path / "weather.csv"
    frame = table().drop(index=[10, 11])
    frame["outdoor_c"] += 273.15
    frame.loc[20, "direct_w_m2"] = np.nan
    frame.loc[21, "diffuse_w_m2"] = -5.0
    frame.to_csv(path, index=False)
    with pytest.raises(NetworkDataError) as caught:
        weather_from_file(path, TimeGrid(datetime(2026, 1, 13, tzinfo=UTC), 15), 400)
    said = str(caught.value)
    for word in ("gap", "after the start", "kelvin", "no numbers", "diffuse_w_m2"):
        assert word in said


@pytest.mark.parametrize("text", ["", "time\n", "a,b\n1,2\n", "time,outdoor_c\n2026-01-13T00:00Z,1\n"])
def test_a_file_that_is_no_weather_is_refused(tmp_path, text):
    path = tmp_path / "weather.csv"
    path.write_text(text)
    with pytest.raises(NetworkDataError):
        weather_from_file(path, TimeGrid(datetime(2026, 1, 13, tzinfo=UTC), 15), 4)
    with pytest.raises(NetworkDataError):
        weather_from_file(tmp_path / "absent.csv", TimeGrid(datetime(2026, 1, 13, tzinfo=UTC), 15), 4)
