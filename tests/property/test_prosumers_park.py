"""Plants, tanks and buildings of several capacities in markets of all weathers: limits hold, and nobody loses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prosumers_market import HOURS, live
from prosumers_town import UNITS, curve_prices, kit, wild_prices

from rexnet_grid.rexdynnet.archetypes import ORDERS, from_archetype
from rexnet_grid.rexdynnet.plants import Chp, OperatingRange
from rexnet_grid.scenario.park import HeatTemperatures, ParkMaker
from rexnet_grid.scenario.people import Participant

STEP_MINUTES = 15.0


def make(kind, kit_=None, **keys):
    """Return a participant as a scenario makes it."""
    town = kit_ or kit(1)
    warm = HeatTemperatures(np.full(town.units, 75.0), np.full(town.units, 42.0), 55.0)
    seats = {"bus": "bus 1"} if kind in {"chp", "heat_pump", "electric_boiler"} else {}
    section = Participant(name=kind, kind=kind, node="i", **seats, **keys)
    maker = ParkMaker(town, section, warm)
    if kind == "building":
        order = ORDERS[section.capacities - 1]
        return maker.building(from_archetype(section.archetype, section.floor_area_m2, order, section.heater))
    return {"solar_thermal": maker.solar, "waste_heat": lambda: maker.waste_heat(None)}.get(
        kind, getattr(maker, kind, None)
    )()


def fuel_eur(history):
    return sum(record["fuel_cost_eur"] for record in history)


def keeps_ramps(output, least, step):
    """Check that each output is one ramp from the one before, or a start to the minimum, or a stop from near it."""
    before = np.concatenate(([0.0], output[:-1]))
    assert (output <= np.maximum(before + step, least) + 1e-9).all()
    assert (output >= np.where(before - step > least, before - step, 0.0) - 1e-9).all()


def outputs(history, key):
    return np.array([record[key] for record in history])


CURVE = {"load": (0.1, 0.5, 1.0), "efficiency": (0.98, 0.94, 0.88)}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 200.0), patchy=st.booleans())
def test_a_boiler_never_sells_below_its_fuel(seed, scale, patchy):
    member = make("boiler", rate_kw=100.0, efficiency_curve=CURVE)
    luck = np.random.default_rng(seed + 1) if patchy else None
    dealer, history = live(member, wild_prices(seed, UNITS, scale), 48, luck=luck)
    assert dealer.cash["heat"] - fuel_eur(history) >= -1e-6
    for record in history:
        assert record["rates"]["heat"] == pytest.approx(record["secured"]["heat"], abs=1e-9)
        assert 0.0 <= record["rates"]["heat"] <= 100.0 + 1e-9


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 150.0), least=st.floats(5.0, 40.0), ramp=st.floats(0.5, 4.0))
def test_minimum_load_and_ramps_hold_whatever_was_sold(seed, scale, least, ramp):
    member = make("boiler", rate_kw=100.0, efficiency=0.9, min_load_kw=least, ramp_kw_per_min=ramp)
    _, history = live(member, wild_prices(seed, UNITS, scale), 48, luck=np.random.default_rng(seed))
    output = outputs(history, "output_kw")
    running = output > 0.0
    assert (output[running] >= least - 1e-9).all()
    assert output.max() <= 100.0 + 1e-9
    keeps_ramps(output, least, ramp * STEP_MINUTES)


def test_in_a_deep_market_a_boiler_delivers_what_it_sold_and_earns():
    price = np.where(np.arange(UNITS) % 32 < 16, 60.0, 140.0)
    member = make("boiler", rate_kw=100.0, efficiency=0.9, min_load_kw=30.0)
    dealer, history = live(member, curve_prices(price), 96)
    output = outputs(history, "output_kw")
    assert set(np.round(output, 6)) == {0.0, 100.0}
    np.testing.assert_allclose(output, [max(record["secured"]["heat"], 0.0) for record in history], atol=1e-9)
    assert dealer.cash["heat"] - fuel_eur(history) > 20.0
    assert fuel_eur(history) == pytest.approx(output.sum() / 0.9 * HOURS * 75.0 / 1000.0)


def region_holds(plant, heat, power):
    low, high = plant.power_range(heat)
    return low - 1e-9 <= power <= high + 1e-9 or (heat == 0.0 and power == 0.0)


CHP = {"rate_kw": 80.0, "power_to_heat": 0.6, "min_load_kw": 20.0}
EXTRACTION = {**CHP, "efficiency": 0.42, "power_loss": 0.15, "condensing_kw": 65.0, "min_condensing_kw": 20.0}


@pytest.mark.parametrize("keys", [CHP, EXTRACTION], ids=["back-pressure", "extraction"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 150.0))
def test_heat_and_power_stay_in_their_region(keys, seed, scale):
    member = make("chp", **keys)
    _, history = live(member, wild_prices(seed, UNITS, scale), 40, luck=np.random.default_rng(seed))
    for record in history:
        heat, power = record["rates"]["heat"], record["rates"]["electricity"]
        assert region_holds(member.plant, heat, power)
        assert record["fuel_kw"] == pytest.approx(member.plant.fuel_kw(heat, power))
        assert heat == 0.0 or 20.0 - 1e-9 <= heat <= 80.0 + 1e-9


@pytest.mark.parametrize("keys", [CHP, EXTRACTION], ids=["back-pressure", "extraction"])
def test_a_combined_plant_pays_in_a_liquid_market(keys):
    k = kit(3)
    member = make("chp", k, **keys)
    price = {"heat": np.full(UNITS, 70.0), "electricity": k.power_price}

    def prices(now, carrier, units):
        return price[carrier][units] + 3.0, price[carrier][units] - 3.0

    dealer, history = live(member, prices, 96)
    heat, power = outputs(history, "heat_kw"), outputs(history, "power_kw")
    sold = np.array([record["secured"]["electricity"] for record in history])
    assert dealer.cash["heat"] + dealer.cash["electricity"] - fuel_eur(history) > 0.5
    assert np.abs(power - sold).max() < 1.0
    dear = k.power_price[:96] > np.quantile(k.power_price[:96], 0.7)
    assert heat[dear].mean() > heat[~dear].mean()


def test_a_combined_plant_offers_no_heat_where_nobody_takes_its_power():
    member = make("chp", **CHP)

    def prices(now, carrier, units):
        nobody = np.full(len(units), np.nan)
        return (nobody, nobody) if carrier == "electricity" else (np.full(len(units), 90.0), np.full(len(units), 85.0))

    dealer, _ = live(member, prices, 24)
    assert not dealer.fills


@pytest.mark.parametrize("kind", ["heat_pump", "electric_boiler"])
def test_electric_heat_keeps_its_minimum_and_ramp(kind):
    keys = {"source": "air"} if kind == "heat_pump" else {}
    k = kit(2)
    member = make(kind, k, rate_kw=60.0, min_load_kw=15.0, ramp_kw_per_min=2.0, **keys)
    _, history = live(member, wild_prices(4, UNITS, 60.0), 60)
    heat, power = outputs(history, "heat_kw"), outputs(history, "electric_kw")
    np.testing.assert_allclose(heat, power * member.plant.cop[:60], rtol=1e-9, atol=1e-9)
    assert (heat[heat > 0.0] >= 15.0 - 1e-9).all()
    keeps_ramps(heat, 15.0, 30.0)


def test_heat_pumps_follow_source_and_supply():
    k = kit(2)
    air, water, machine = (
        make("heat_pump", k, rate_kw=60.0, **keys).plant.cop
        for keys in (
            {"source": "air"},
            {"source": "water", "source_c": 8.0},
            {"source": "air", "cop_model": "regression"},
        )
    )
    assert np.corrcoef(air, k.weather.outdoor_c)[0, 1] > 0.99
    np.testing.assert_allclose(water, 0.5 * 348.15 / 67.0)
    assert (machine < air + 1.0).all()
    lorenz = make("heat_pump", k, rate_kw=60.0, source="water", source_c=8.0, cop_model="lorenz").plant.cop
    assert (lorenz > water).all()


def test_the_sun_is_sold_as_far_as_it_shines():
    k = kit(5)
    member = make("solar_thermal", k, area_m2=400.0)
    dealer, history = live(member, curve_prices(np.full(UNITS, 60.0)), 96)
    output, there = outputs(history, "output_kw"), member.available.actual[:96]
    assert (output <= there + 1e-9).all()
    assert there.sum() > 0.0
    assert output.sum() > 0.6 * there.sum()
    assert dealer.cash["heat"] > 0.0
    assert fuel_eur(history) == 0.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.0, 120.0), patchy=st.booleans())
def test_a_tank_keeps_its_energy_and_its_books(seed, scale, patchy):
    member = make("tank", rate_kw=80.0, volume_m3=8.0)
    tank, before = member.site.tank, member.layers_c
    luck = np.random.default_rng(seed + 1) if patchy else None
    start_eur = member.inventory_eur
    dealer, history = live(member, wild_prices(seed, UNITS, scale), 32, luck=luck)
    rates = np.array([record["rates"]["heat"] for record in history])
    stored = tank.heat_kwh(member.layers_c) - tank.heat_kwh(before)
    assert stored == pytest.approx(-rates.sum() * HOURS - outputs(history, "tank_loss_kwh").sum(), abs=1e-6)
    assert np.abs(rates).max() <= 80.0 * (1.0 + 1e-9)
    wear = member.site.wear_eur_per_mwh * sum(n * 0.1 * HOURS / 1000.0 for *_, side, _, n in dealer.fills if side == 1)
    assert dealer.cash["heat"] + member.inventory_eur - start_eur - wear >= -0.05


def test_a_tank_buys_cheap_heat_and_sells_it_dear():
    price = np.where((np.arange(UNITS) // 16) % 2 == 0, 30.0, 110.0)
    member = make("tank", rate_kw=80.0, volume_m3=8.0)
    dealer, history = live(member, curve_prices(price), 64)
    rates = np.array([record["rates"]["heat"] for record in history])
    assert rates[price[:64] < 60.0].sum() < -100.0
    assert rates[price[:64] > 60.0].sum() > 100.0
    assert dealer.cash["heat"] > 5.0
    secured = np.array([record["secured"]["heat"] for record in history])
    assert np.abs(rates - secured).sum() < 0.05 * np.abs(secured).sum()


HOUSE = {"archetype": "house_1980s", "floor_area_m2": 160.0, "set_point_c": 20.0}


@pytest.mark.parametrize("capacities", [1, 2, 3])
def test_comfort_is_kept_with_a_set_back(capacities):
    k = kit(1)
    member = make("building", k, **HOUSE, capacities=capacities, set_back_c=18.0, hot_water_kwh_per_day=8.0)
    _, history = live(member, curve_prices(k.heat_price), 96)
    room, lowest = outputs(history, "room_c"), member.comfort.lowest_c[:96]
    assert (room - lowest).min() > -0.8
    assert room.max() < k.config.comfort_max_c + 0.1
    assert history[-1]["discomfort_kh"] < 1.0
    assert history[-1]["unmet_hot_water_kwh"] < 1.0
    assert {"room_c", "heat_kw", "discomfort_kh"} <= set(history[0])


def test_without_heat_the_discomfort_is_counted():
    member = make("building", **HOUSE, capacities=2)

    def prices(now, carrier, units):
        return np.full(len(units), np.nan), np.full(len(units), np.nan)

    _, history = live(member, prices, 96)
    room, lowest = outputs(history, "room_c"), member.comfort.lowest_c[:96]
    assert room[-1] < 17.0
    by_hand = np.maximum(lowest - member.comfort.band_k - room, 0.0).sum() * HOURS
    assert history[-1]["discomfort_kh"] == pytest.approx(by_hand)


def test_ranges_and_plants_are_what_the_scenario_says():
    member = make("chp", **EXTRACTION)
    assert isinstance(member.plant, Chp)
    assert member.plant.heat == OperatingRange(80.0, 20.0)
    assert dict(member.nodes) == {"electricity": "bus 1", "heat": "i"}
