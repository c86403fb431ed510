"""The built-in plant park: a morning of it runs, adds up, and every plant does what it can."""

from __future__ import annotations

from datetime import datetime

import pytest

from rexnet_grid import run
from rexnet_grid.results.money import bookings

UNITS = 24
PLANTS = ("gas engine", "river heat pump", "collectors", "bakery", "tank", "peak boiler", "electric boiler")


@pytest.fixture(scope="module")
def morning(tmp_path_factory):
    folder = tmp_path_factory.mktemp("park") / "run"
    forward = {f"market.{carrier}.forward_units": UNITS for carrier in ("heat", "electricity")}
    start = datetime.fromisoformat("2026-02-24T06:00")
    return run("plant_park", out=folder, overrides={"scenario.units": UNITS, "scenario.start": start, **forward})


def devices(results, name):
    rows = results.table("devices")
    rows = rows[rows["participant"] == name]
    return rows.pivot_table(index="unit", columns="quantity", values="value")


def test_cash_sums_to_zero_and_energy_closes(morning):
    content = morning.manifest.content
    assert content["cash_sum_quanta"] == 0
    assert max(content["energy_residual_relative"].values()) < 1e-9
    assert morning.summary.complete


def test_every_plant_is_there_and_stays_in_its_limits(morning):
    kinds = morning.participants.set_index("name")["kind"]
    assert set(PLANTS) <= set(kinds.index)
    engine = devices(morning, "gas engine")
    running = engine["heat_kw"] > 0.0
    assert running.any()
    assert engine["heat_kw"].max() <= 60.0 + 1e-6
    assert (engine["power_kw"] - 0.6 * engine["heat_kw"]).abs().max() < 1.0
    pump = devices(morning, "river heat pump")
    assert pump["heat_kw"].max() <= 90.0 + 1e-6
    lift = pump["heat_kw"].sum() / pump["electric_kw"].sum()
    assert 2.0 < lift < 3.5
    assert devices(morning, "collectors")["output_kw"].sum() > 0.0
    tank = devices(morning, "tank")
    assert (tank["top_c"] >= tank["bottom_c"]).all()
    assert tank["tank_loss_kwh"].min() > 0.0


def test_fuel_is_paid_for_and_counted(morning):
    burnt = sum(devices(morning, name)["fuel_cost_eur"].sum() for name in ("gas engine", "bakery", "peak boiler"))
    assert burnt > 2.0
    assert morning.summary.fuel_cost_eur == pytest.approx(burnt, rel=1e-9)
    paid = bookings(morning)
    sold = paid[(paid["credit"] == "gas engine") & (paid["kind"] == "trade")]["eur"].sum()
    assert sold > devices(morning, "gas engine")["fuel_cost_eur"].sum()


def test_what_was_cut_is_told_and_what_was_delivered_is_clean(morning):
    heat, service = morning.summary.carriers["heat"], morning.service
    service = service[service["carrier"] == "heat"]
    assert heat.rationed_kwh == pytest.approx(float(service["rationed_kw"].sum()) / 4.0)
    assert heat.withdrawn_kwh > heat.rationed_kwh
    assert morning.summary.violations["heat_units"] <= 2
