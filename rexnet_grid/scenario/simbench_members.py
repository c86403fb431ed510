"""The loads, generators and storages of a SimBench grid as participants that follow its year of profiles."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.forecast import BridgeForecast
from rexnet_grid.prosumers.household import Household

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.electric.simbench_grids import SimbenchYear
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.makers import Kit
    from rexnet_grid.units import TimeGrid

QUARTER_SECONDS = 900
PROFILE_YEAR = 2016
CET = timezone(timedelta(hours=1))


def simbench_members(code: str, time_grid: TimeGrid, kit: Kit, nodes: Sequence[str]) -> tuple[Prosumer, ...]:
    """Return one participant for each element of the grid ``code`` whose bus is among ``nodes``.

    Each follows its profile at the dates of the run, foresees it as explicit participants do, and trades until its
    position equals it.

    Raises
    ------
    MissingExtraError, NetworkDataError
        When simbench is not installed, or there is no such grid.
    """
    from rexnet_grid.electric.simbench_grids import simbench_year

    year = simbench_year(code)
    rates = rates_of_run(year, time_grid, kit.units)
    known = set(nodes)
    return tuple(
        _follower(kit, name, kind, f"bus {bus}", np.ascontiguousarray(rates[:, k]))
        for k, (name, kind, bus) in enumerate(zip(year.name, year.kind, year.bus, strict=True))
        if f"bus {bus}" in known
    )


def rates_of_run(year: SimbenchYear, time_grid: TimeGrid, units: int) -> FloatArray:
    """Return (units, n_elements) mean injections [kW] of a run: those of the same dates and clock times in 2016.

    The profiles are in Central European Time without summer time. They are a step function of quarter hours, averaged
    over longer units and repeated in shorter ones; after 31 December comes 1 January.
    """
    start = time_grid.time(0).astimezone(CET)
    day = start.replace(year=PROFILE_YEAR)
    begin = (day - datetime(PROFILE_YEAR, 1, 1, tzinfo=CET)) / timedelta(seconds=1)
    steps = len(year.injection_kw)
    edges = begin + np.arange(units + 1) * float(time_grid.seconds)
    first, last = int(edges[0] // QUARTER_SECONDS), int(-(-edges[-1] // QUARTER_SECONDS))
    quarter = np.arange(first, last + 1)
    integral = np.vstack(
        (np.zeros(year.injection_kw.shape[1]), np.cumsum(year.injection_kw[quarter[:-1] % steps], axis=0))
    )
    at = edges / QUARTER_SECONDS - first
    low = np.minimum(at.astype(np.int64), len(integral) - 1)
    high = np.minimum(low + 1, len(integral) - 1)
    reached = integral[low] + (at - low)[:, None] * (integral[high] - integral[low])
    means: FloatArray = np.diff(reached, axis=0) * QUARTER_SECONDS / time_grid.seconds
    return means


def _follower(kit: Kit, name: str, kind: str, node: str, net_kw: FloatArray) -> Household:
    config, streams = kit.config, kit.streams
    forecast = BridgeForecast(net_kw, net_kw, 1.0, streams.generator(name, "forecast"))
    patience = kit.patience(
        config.retail_ceiling_eur_per_mwh, config.feed_in_floor_eur_per_mwh, streams.generator(name, "patience")
    )
    price = config.curtail_flexible_eur_per_mwh if kind == "storage" else config.curtail_firm_eur_per_mwh
    identity = kit.identity(name, kind, {"electricity": node}, price)
    return Household(identity, forecast, kit.power_price[: len(net_kw)], patience, "electricity")
