"""Standard profiles on the unit grid."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.prosumers.config import PopulationConfig
from rexnet_grid.prosumers.makers import make_building
from rexnet_grid.rexdynnet.buildings import advance, heat_to_reach
from rexnet_grid.scenario.profiles import heat_reference, household_shape
from rexnet_grid.scenario.weather import reference_year
from rexnet_grid.units import TimeGrid

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_year_of_the_household_profile_is_one():
    grid = TimeGrid(datetime(2026, 1, 1, tzinfo=BERLIN), 60)
    shape = household_shape(grid, 8760)
    assert shape.sum() == pytest.approx(1.0, rel=1e-3)
    winter, summer = shape[:24].mean(), shape[24 * 180 : 24 * 181].mean()
    assert winter > 1.3 * summer


def test_finer_and_coarser_units_hold_the_same_energy():
    start = datetime(2026, 1, 13, tzinfo=BERLIN)
    quarter = household_shape(TimeGrid(start, 15), 96)
    assert household_shape(TimeGrid(start, 60), 24) == pytest.approx(quarter.reshape(24, 4).mean(axis=1))
    assert household_shape(TimeGrid(start, 5), 288).mean() == pytest.approx(quarter.mean(), rel=2e-3)


def test_the_evening_peak_is_on_the_local_clock_in_summer_and_winter():
    for month in (1, 7):
        shape = household_shape(TimeGrid(datetime(2026, month, 14, tzinfo=BERLIN), 15), 96)
        assert 17 <= (int(np.argmax(shape[64:])) + 64) / 4 <= 21


def test_days_across_the_turn_of_the_year_are_found():
    shape = household_shape(TimeGrid(datetime(2026, 12, 31, tzinfo=BERLIN), 15), 192)
    assert (shape > 0.0).all()


def test_the_heat_reference_needs_more_when_it_is_cold():
    index = pd.date_range("2026-01-01", periods=8760, freq="h")
    outdoor = pd.Series(reference_year(12)[0], index)
    heat = heat_reference(outdoor, 15000.0)
    assert heat.sum() == pytest.approx(15000.0, rel=1e-4)
    daily = heat.resample("D").sum()
    assert daily.corr(outdoor.resample("D").mean()) < -0.9


def test_the_building_model_needs_heat_when_the_standard_profile_says_so():
    """Daily heat of a single-family house over the reference year against BDEW's EFH profile of the same energy."""
    outdoor, direct, diffuse = reference_year(12)
    config = PopulationConfig()
    building = make_building(config, 0.2, 60.0)
    room, heat = 20.0, np.zeros(8760)
    for hour in range(8760):
        sun = float(direct[hour] + diffuse[hour])
        wanted = heat_to_reach(building, room, 20.0, float(outdoor[hour]), sun, 1.0)
        heat[hour] = max(wanted, 0.0)
        room = advance(building, room, heat[hour], float(outdoor[hour]), sun, 1.0)
    heat += config.hot_water_kwh_per_day / 24.0
    index = pd.date_range("2026-01-01", periods=8760, freq="h")
    reference = heat_reference(pd.Series(outdoor, index), float(heat.sum()))
    model, standard = (pd.Series(series, index).resample("D").sum() for series in (heat, reference))
    assert 9_000.0 < heat.sum() < 18_000.0
    assert model.corr(standard) > 0.97
    assert float((model - standard).abs().mean() / standard.mean()) < 0.25
