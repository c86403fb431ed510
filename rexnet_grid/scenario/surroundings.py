"""The weather of a scenario: a test reference year, or the user's own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.scenario.weather import reference_weather, weather_from_file

if TYPE_CHECKING:
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.scenario.models import Scenario


def weather_of(scenario: Scenario) -> Weather:
    """Return the weather of all units that are delivered.

    Raises
    ------
    NetworkDataError
        When the file has a gap, is too short or holds something else than weather.
    """
    section, grid = scenario.weather, scenario.time_grid
    if section.source.startswith("try2010:"):
        region = int(section.source.removeprefix("try2010:"))
        return reference_weather(region, grid, scenario.units, section.latitude, section.longitude)
    path = scenario.path_of(section.source)
    return weather_from_file(path, grid, scenario.units, section.latitude, section.longitude)
