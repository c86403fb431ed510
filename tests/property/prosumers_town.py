"""A small town for tests: weather, profiles, and makers of single participants."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from rexnet_grid.prosumers.config import PopulationConfig
from rexnet_grid.prosumers.heating import carnot_cop
from rexnet_grid.prosumers.makers import make_kit
from rexnet_grid.prosumers.population import build_population
from rexnet_grid.prosumers.surroundings import GridSeats, HeatSeats
from rexnet_grid.randomness import Streams
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.scenario.weather import reference_weather
from rexnet_grid.units import TimeGrid

UNITS = 192
GRID = TimeGrid(datetime(2026, 1, 13, tzinfo=ZoneInfo("Europe/Berlin")), 15)


@cache
def surroundings():
    return reference_weather(12, GRID, UNITS), household_shape(GRID, UNITS)


def kit(seed=1, **changes):
    config = PopulationConfig(**changes)
    cop = carnot_cop(config.central_heat_pump_source_c, config.heat_supply_c)
    return make_kit(config, Streams(seed), *surroundings(), cop)


def town(seed=1, households=12, pumps=8, buildings=4, **changes):
    rows = [(f"HH_{k}", f"bus {k}", "HH", 2.1) for k in range(households)]
    rows += [(f"HP_{k}", f"bus {k}", "HP", 1.0) for k in range(pumps)]
    loads = pd.DataFrame(rows, columns=["name", "bus", "type", "kw"])
    heat = HeatSeats("plant", tuple(f"SD{k}" for k in range(buildings)))
    weather, shape = surroundings()
    seats = GridSeats("bus 100", "bus 101")
    return build_population(PopulationConfig(**changes), loads, Streams(seed), weather, shape, seats, heat)


def curve_prices(curve, spread=6.0):
    """Return quotes around a price curve for every carrier."""

    def prices(now, carrier, units):
        return curve[units] + 0.5 * spread, curve[units] - 0.5 * spread

    return prices


def wild_prices(seed, units, scale=80.0, gaps=0.2):
    """Return quotes that jump at every look and are often absent; asks stay above bids."""
    rng = np.random.default_rng(seed)

    def prices(now, carrier, open_units):
        middle = rng.normal(100.0, scale, units)[open_units]
        half = rng.exponential(8.0, len(open_units))
        ask, bid = middle + half, middle - half
        ask[rng.random(len(ask)) < gaps] = np.nan
        bid[rng.random(len(bid)) < gaps] = np.nan
        return ask, bid

    return prices
