"""What a grid's own tables hold besides households and heat pumps: loads of many customers, and generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.battery import Battery, BatteryCell
from rexnet_grid.prosumers.forecast import BridgeForecast, smooth
from rexnet_grid.prosumers.household import Household
from rexnet_grid.prosumers.makers import PV_MEAN_HOURS
from rexnet_grid.prosumers.solar import photovoltaic_kw

if TYPE_CHECKING:
    from rexnet_grid.prosumers.makers import Kit

SUN_TYPES = frozenset({"", "pv", "solar", "wye", "delta"})
"""Types of static generators, in lower case, that follow the sun: photovoltaics, and where the type says nothing."""
HOUSEHOLD_DEVIATION = 1.47
MEMORY_HOURS = 0.5
STORED_PRICE = 0.75
"""What is stored at the start is worth, over the mean price [-]."""


def make_aggregate(kit: Kit, name: str, node: str, kwh_per_year: float) -> Household:
    r"""Return the customers behind one connection: the standard profile, and a deviation that many of them share.

    The deviation is an AR(1) process with the standard deviation :math:`1.47\,\bar p/\sqrt n` of n households of the
    configured yearly energy, which is what the households of this package deviate in sum (docs/inputs.md), and a
    memory of half an hour.

    Parameters
    ----------
    kit, name, node
        What it is made with, who it is, where it sits.
    kwh_per_year
        Energy of a year [kWh].
    """
    config = kit.config
    customers = max(kwh_per_year / config.household_kwh_per_year, 1.0)
    expected = kwh_per_year * kit.household_shape
    memory = float(np.exp(-kit.hours / MEMORY_HOURS))
    fresh = kit.streams.generator(name, "load").standard_normal(kit.units)
    deviation, level = np.empty(kit.units), 0.0
    for unit in range(kit.units):
        level = memory * level + float(np.sqrt(1.0 - memory**2) * fresh[unit])
        deviation[unit] = level
    load = np.maximum(expected * (1.0 + HOUSEHOLD_DEVIATION / np.sqrt(customers) * deviation), 0.0)
    stream = kit.streams.generator(name, "forecast")
    forecast = BridgeForecast(-load, -expected, config.forecast_hours / kit.hours, stream)
    return _follower(kit, name, "load", node, forecast, config.curtail_firm_eur_per_mwh)


def make_generator(kit: Kit, name: str, node: str, kind: str, kw: float) -> Household:
    """Return a static generator: one of the sun with ``kw`` peak, or of another ``kind`` that runs at ``kw`` [kW]."""
    if kind.lower() in SUN_TYPES:
        forecast = sun_forecast(kit, name, kw, kit.config.pv_tilt_deg, 0.0)
    else:
        forecast = _constant(kit, name, kw)
    return _follower(kit, name, "generator", node, forecast, kit.config.curtail_flexible_eur_per_mwh)


def make_steady(kit: Kit, name: str, node: str, kw: float) -> Household:
    """Return whoever injects ``kw`` [kW] all the time, or draws it where it is below zero."""
    kind = "load" if kw < 0.0 else "generator"
    price = kit.config.curtail_firm_eur_per_mwh if kw < 0.0 else kit.config.curtail_flexible_eur_per_mwh
    return _follower(kit, name, kind, node, _constant(kit, name, kw), price)


def make_storage(kit: Kit, name: str, node: str, kw: float, kwh: float, share: float) -> Battery:
    """Return a storage of ``kw`` [kW] and ``kwh`` [kWh] as a battery, ``share`` full; a third where that is NaN."""
    config = kit.config
    cell = BatteryCell(kwh, kw, config.battery_efficiency, config.battery_wear_eur_per_mwh)
    identity = kit.identity(name, "battery", {"electricity": node}, config.curtail_flexible_eur_per_mwh)
    stored = kwh * (share if np.isfinite(share) else 1.0 / 3.0)
    return Battery(identity, cell, kit.units, kit.hours, stored, STORED_PRICE * config.electricity_price_eur_per_mwh)


def sun_forecast(kit: Kit, name: str, kwp: float, tilt_deg: float, azimuth_deg: float) -> BridgeForecast:
    """Return what the owner of photovoltaics of ``kwp`` [kW] foresees: their mean at first, nothing wrong at night."""
    actual = photovoltaic_kw(kit.weather, kwp, tilt_deg, azimuth_deg)
    window = round(PV_MEAN_HOURS / kit.hours)
    stream = kit.streams.generator(name, "forecast")
    return BridgeForecast(actual, smooth(actual, window), kit.config.forecast_hours / kit.hours, stream, window)


def _constant(kit: Kit, name: str, kw: float) -> BridgeForecast:
    """Return what somebody foresees whose injection never changes."""
    steady = np.full(kit.units, kw)
    return BridgeForecast(steady, steady, 1.0, kit.streams.generator(name, "forecast"))


def _follower(
    kit: Kit, name: str, kind: str, node: str, forecast: BridgeForecast, curtailment_price: float
) -> Household:
    """Return somebody who trades until the position equals the forecast."""
    config = kit.config
    patience = kit.patience(
        config.retail_ceiling_eur_per_mwh, config.feed_in_floor_eur_per_mwh, kit.streams.generator(name, "patience")
    )
    identity = kit.identity(name, kind, {"electricity": node}, curtailment_price)
    return Household(identity, forecast, kit.power_price, patience)
