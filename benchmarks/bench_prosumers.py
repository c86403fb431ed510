"""Time one look of everybody at an open day, by kind of participant; ``--smoke`` runs once on a small town."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from rexnet_grid.prosumers.base import MarketView
from rexnet_grid.prosumers.config import PopulationConfig
from rexnet_grid.prosumers.population import build_population
from rexnet_grid.prosumers.surroundings import GridSeats, HeatSeats, price_curve
from rexnet_grid.randomness import Streams
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.scenario.weather import reference_weather
from rexnet_grid.units import TimeGrid

OPEN, LOT_KW, TICK = 96, 0.1, 0.1


def make_town(households, pumps, buildings):
    grid = TimeGrid(datetime(2026, 1, 13, tzinfo=ZoneInfo("Europe/Berlin")), 15)
    weather, shape = reference_weather(12, grid, 2 * OPEN), household_shape(grid, 2 * OPEN)
    rows = [(f"HH {k}", f"bus {k}", "HH", 2.1) for k in range(households)]
    rows += [(f"HP {k}", f"bus {k}", "HP", 1.0) for k in range(pumps)]
    loads = pd.DataFrame(rows, columns=["name", "bus", "type", "kw"])
    seats = HeatSeats("plant", tuple(f"SD{k}" for k in range(buildings)))
    members = build_population(
        PopulationConfig(), loads, Streams(1), weather, shape, GridSeats("bus 0", "bus 1"), seats
    ).members
    return members, price_curve(grid, 2 * OPEN, 110.0, 1.0)[:OPEN]


def view_of(price):
    units = np.arange(OPEN)
    bid, ask = (np.rint((price + side) / TICK).astype(np.int64) for side in (-3.0, 3.0))
    deep, nothing = np.full(OPEN, 100000), np.zeros(OPEN, dtype=np.int64)
    return MarketView(units, bid, ask, deep, deep, nothing, np.zeros(OPEN), LOT_KW, TICK, -5000, 40000)


def main():
    smoke = "--smoke" in sys.argv
    begin = time.perf_counter()
    members, price = make_town(10, 5, 2) if smoke else make_town(110, 80, 16)
    print(f"{len(members)} participants made in {time.perf_counter() - begin:.2f} s")
    view = view_of(price)
    spent = defaultdict(list)
    for k in range(2 if smoke else 12):
        for member in members:
            views = dict.fromkeys(member.nodes, view)
            begin = time.perf_counter()
            member.trade(-3.0 + 0.01 * k, views)
            if k:
                spent[member.kind].append(time.perf_counter() - begin)
    rounds = 1 if smoke else 11
    print(f"{'kind':20s} {'number':>7s} {'median us':>10s} {'share %':>8s}")
    total = sum(sum(times) for times in spent.values())
    for kind, times in sorted(spent.items()):
        print(f"{kind:20s} {len(times) // rounds:7d} {np.median(times) * 1e6:10.0f} {100 * sum(times) / total:8.1f}")
    print(f"one look of everybody at {OPEN} units: {1000 * total / rounds:.1f} ms")


if __name__ == "__main__":
    main()
