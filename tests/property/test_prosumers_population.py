"""Populations: the same seed gives the same people, and nobody's luck depends on the neighbours."""

from __future__ import annotations

import pickle
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from prosumers_market import Dealer, live
from prosumers_town import curve_prices, kit, surroundings, town

from rexnet_grid.prosumers.config import PopulationConfig
from rexnet_grid.prosumers.population import build_population
from rexnet_grid.prosumers.surroundings import GridSeats, HeatSeats, price_curve
from rexnet_grid.randomness import Streams
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.scenario.weather import reference_weather
from rexnet_grid.units import TimeGrid


def fingerprint(member, units=6):
    """Return everything a participant does in its first hours against a dealer."""
    prices = curve_prices(kit().power_price)
    dealer, history = live(member, prices, units)
    return dealer.quoted, [sorted(record.items(), key=str) for record in history]


def by_name(population):
    return {member.name: member for member in population.members}


def test_the_same_seed_gives_the_same_lives_and_another_does_not():
    first, second, other = (by_name(town(seed)) for seed in (1, 1, 2))
    differs = 0
    for name, member in first.items():
        mark = repr(fingerprint(member))
        assert mark == repr(fingerprint(second[name]))
        differs += name in other and mark != repr(fingerprint(other[name]))
    assert differs > 0.8 * len(first)


def test_more_neighbours_change_nobody():
    few, many = by_name(town(households=5, pumps=3)), by_name(town(households=9, pumps=6, buildings=6, boiler_kw=0.0))
    shared = [name for name in few if name in many and "operator" not in name]
    assert len(shared) > 9
    for name in shared:
        assert repr(fingerprint(few[name])) == repr(fingerprint(many[name]))


def test_more_photovoltaics_leave_vehicles_and_loads_alone():
    few, many = by_name(town(pv_share=0.0)), by_name(town(pv_share=1.0))
    assert few.keys() == many.keys()
    for name, member in few.items():
        if member.kind == "household":
            net, load = many[name].forecast.actual, member.forecast.actual
            assert (net >= load - 1e-12).all()
        elif member.kind == "electric_vehicle":
            assert np.array_equal(member.stays.need_kwh, many[name].stays.need_kwh)


def test_shares_are_met_and_names_are_unique():
    members = town(households=300, pumps=10, buildings=0, battery_share=0.2, ev_share=0.5).members
    kinds = [member.kind for member in members]
    assert len({member.name for member in members}) == len(members)
    assert kinds.count("household") == 300
    assert kinds.count("battery") == pytest.approx(60, abs=25)
    assert kinds.count("electric_vehicle") == pytest.approx(150, abs=35)
    assert kinds[0] == "supplier"
    assert {"operator", "heat_pump_plant", "boiler"} <= set(kinds)


def test_participants_can_be_saved_and_go_on_as_before():
    for member in town().members:
        copy = pickle.loads(pickle.dumps(member))
        assert repr(fingerprint(member)) == repr(fingerprint(copy))


def test_streams_do_not_depend_on_order():
    streams = Streams(1)
    late = streams.generator("b", "load").random()
    assert Streams(1).generator("b", "load").random() == late


def test_two_hundred_participants_look_at_a_day_in_a_tenth_of_a_second():
    members = town(households=110, pumps=80, buildings=16, pv_share=0.3).members
    price = kit().power_price
    units = np.arange(96)

    def look(now):
        spent = 0.0
        for member in members:
            dealer = Dealer(member.nodes, 192)
            views = {c: dealer.view(c, units, price[units] + 3.0, price[units] - 3.0) for c in member.nodes}
            begin = time.perf_counter()
            member.trade(now, views)
            spent += time.perf_counter() - begin
        return spent

    look(-2.0)
    assert len(members) > 200
    assert min(look(-2.0 + 0.01 * k) for k in range(5)) < 0.1


@pytest.mark.parametrize("unit_minutes", [5, 30, 60])
def test_other_lengths_of_a_unit_work_as_well(unit_minutes):
    day = 24 * 60 // unit_minutes
    grid = TimeGrid(datetime(2026, 1, 13, tzinfo=ZoneInfo("Europe/Berlin")), unit_minutes)
    weather, shape = reference_weather(12, grid, 2 * day), household_shape(grid, 2 * day)
    rows = [("HH_0", "bus 1", "HH", 2.1), ("HP_0", "bus 1", "HP", 1.0)]
    loads = pd.DataFrame(rows, columns=["name", "bus", "type", "kw"])
    config = PopulationConfig(pv_share=1.0, battery_share=1.0, ev_share=1.0)
    members = build_population(
        config, loads, Streams(3), weather, shape, GridSeats("bus 0", "bus 1"), HeatSeats("plant", ("SD1",))
    ).members
    assert len(members) == 10
    prices = curve_prices(price_curve(grid, 2 * day, 110.0, 1.0))
    for member in members:
        _, history = live(member, prices, day, horizon=day)
        if "room_c" in history[-1]:
            assert min(record["room_c"] for record in history) > 19.7
        if "missed_kwh" in history[-1]:
            assert history[-1]["missed_kwh"] < 0.3


def test_a_town_of_nothing_and_a_town_without_heat_can_be_made():
    weather, shape = surroundings()
    nobody = pd.DataFrame({"name": [], "bus": [], "type": [], "kw": []})
    members = build_population(PopulationConfig(), nobody, Streams(1), weather, shape, GridSeats("bus 0")).members
    assert [member.kind for member in members] == ["supplier", "operator"]


def test_extreme_wishes_do_not_break_anybody():
    members = town(
        households=3, pumps=2, buildings=1, hot_water_kwh_per_day=0.0, ev_kwh_per_day=0.0, ev_share=1.0,
        battery_share=1.0, battery_efficiency=1.0, electricity_price_swing=0.0, electricity_spread_eur_per_mwh=0.0,
        linepack_kwh=0.0, forecast_hours=0.1,
    ).members  # fmt: skip
    for member in members:
        live(member, curve_prices(kit().power_price), 24)
