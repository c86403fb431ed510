"""A SimBench grid's own elements take part, each after its profile of the run's dates; no extra is needed here."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from rexnet_grid.electric.simbench_grids import SimbenchYear
from rexnet_grid.errors import NetworkDataError, ScenarioError
from rexnet_grid.scenario import Scenario
from rexnet_grid.scenario.opening import electric_delivery
from rexnet_grid.scenario.simbench_members import rates_of_run
from rexnet_grid.units import TimeGrid

BERLIN = ZoneInfo("Europe/Berlin")
QUARTERS = 366 * 96


def year() -> SimbenchYear:
    """Return a year whose value is the number of its quarter hour."""
    return SimbenchYear(("load 0",), ("load",), (3,), np.arange(QUARTERS, dtype=float)[:, None])


def number(month: int, day: int, hour: int, minute: int = 0) -> float:
    """Return the number of the quarter hour that begins then in winter time."""
    return (datetime(2016, month, day, hour, minute, tzinfo=UTC) - datetime(2016, 1, 1, tzinfo=UTC)) / timedelta(
        minutes=15
    )


@pytest.mark.parametrize("run_year", [2016, 2025, 2026])
def test_the_same_date_and_clock_time_of_2016(run_year):
    rates = rates_of_run(year(), TimeGrid(datetime(run_year, 1, 13, 6, tzinfo=BERLIN), 15), 4)
    np.testing.assert_allclose(rates[:, 0], number(1, 13, 6) + np.arange(4))


def test_summer_time_is_an_hour_ahead_of_the_profiles():
    rates = rates_of_run(year(), TimeGrid(datetime(2026, 7, 1, 12, tzinfo=BERLIN), 15), 1)
    assert rates[0, 0] == number(7, 1, 11)


@pytest.mark.parametrize(("minutes", "expected"), [(60, 1.5), (30, 0.5), (5, 0.0)])
def test_longer_units_average_and_shorter_ones_repeat(minutes, expected):
    rates = rates_of_run(year(), TimeGrid(datetime(2026, 3, 1, tzinfo=BERLIN), minutes), 2)
    assert rates[0, 0] == pytest.approx(number(3, 1, 0) + expected)


def test_the_year_begins_anew_after_its_end():
    rates = rates_of_run(year(), TimeGrid(datetime(2026, 12, 31, 23, 30, tzinfo=BERLIN), 15), 4)
    np.testing.assert_allclose(rates[:, 0], [QUARTERS - 2, QUARTERS - 1, 0, 1], atol=1e-6)


def scenario(**electric: object) -> dict[str, object]:
    return {"scenario": {"name": "x", "start": date(2026, 1, 13), "units": 4}, "electric": electric}


def test_profiles_are_those_of_simbench_grids_alone():
    with pytest.raises(ScenarioError, match="simbench_profiles"):
        Scenario.from_dict(scenario(network="cigre_lv", simbench_profiles=True))


def test_trading_can_be_secured_against_outages_and_unknown_branches_are_named():
    found = electric_delivery(Scenario.from_dict(scenario(network="cigre_mv", secured_against=["line 12"])))
    head = found.headroom([0], np.zeros((1, len(found.nodes))))[0]
    assert any(name.endswith("without line 12") for name in head.limits)
    with pytest.raises(NetworkDataError, match="line 12x"):
        electric_delivery(Scenario.from_dict(scenario(network="cigre_mv", secured_against=["line 12x"])))
