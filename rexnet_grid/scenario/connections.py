"""What a grid's own tables say of who is connected: households, heat pumps, crowds, generators, storages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import numpy as np

from rexnet_grid.prosumers.population import AGGREGATE, HEAT_PUMP, HOUSEHOLD
from rexnet_grid.scenario.profiles import household_shape
from rexnet_grid.units import TimeGrid

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from rexnet_grid.delivery import DeliveryNetwork
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.scenario.models import Scenario

HOUSEHOLD_MAX_KW = 15.0
LOW_VOLTAGE_KV = 1.0
QUARTER_HOURS_PER_YEAR = 365 * 96


def grid_loads(scenario: Scenario, electric: DeliveryNetwork | None) -> pd.DataFrame:
    """Return one row a load that takes part, ``bus`` being the node's name; none without a grid.

    Loads marked ``"HH"`` and ``"HP"`` stay what they are; ``population.other_loads`` says what all others are.
    Aggregates have the yearly energy that makes the highest quarter hour of the standard profile their consumption in
    the table.
    """
    rows = _connected(electric, "loads")
    rows = rows[rows["kw"] >= 0.0].reset_index(drop=True)
    plain = ~rows["type"].isin((HOUSEHOLD, HEAT_PUMP)).to_numpy()
    wanted = scenario.population.other_loads
    if wanted == "none" or not plain.any():
        return rows[~plain].reset_index(drop=True)
    small = np.full(len(rows), wanted == "household")
    if wanted == "auto":
        small = ((rows["kv"] < LOW_VOLTAGE_KV) & (rows["kw"] <= HOUSEHOLD_MAX_KW)).to_numpy()
    kind = np.where(plain, np.where(small, HOUSEHOLD, AGGREGATE), rows["type"].to_numpy())
    rows = rows.assign(type=kind)
    rows = rows[(rows["type"] != AGGREGATE) | (rows["kw"] > 0.0)].reset_index(drop=True)
    if (rows["type"] == AGGREGATE).any():
        rows["kwh_per_year"] = rows["kw"] / _highest_per_year(scenario.info.start.year, scenario.info.timezone)
    return rows


def grid_generators(scenario: Scenario, electric: DeliveryNetwork | None) -> pd.DataFrame:
    """Return one row a static generator that takes part, ``bus`` being the node's name."""
    rows = _connected(electric, "generators")
    if not scenario.population.grid_generators:
        return rows.iloc[:0]
    return rows[rows["kw"] > 0.0].reset_index(drop=True)


def grid_storages(scenario: Scenario, electric: DeliveryNetwork | None) -> pd.DataFrame:
    """Return one row a storage that takes part, ``bus`` being the node's name."""
    rows = _connected(electric, "storages")
    return rows if scenario.population.grid_storages else rows.iloc[:0]


def grid_steady(scenario: Scenario, electric: DeliveryNetwork | None, taken: Collection[str] = ()) -> pd.DataFrame:
    """Return one row a motor, ward, generator, end of a DC line or the like that takes part at its power, by name.

    One whose name is ``taken`` has its element added. Where a SimBench grid follows
    its own profiles, loads, static generators and storages are among those.
    """
    rows = _connected(electric, "steady")
    if electric is None or not scenario.population.grid_steady:
        return rows.iloc[:0]
    if scenario.electric is not None and scenario.electric.simbench_profiles:
        rows = rows[~rows["element"].str.split().str[0].isin(("load", "sgen", "storage"))].reset_index(drop=True)
    named = zip(rows["name"], rows["element"], strict=True)
    return rows.assign(name=[f"{name} ({element})" if name in taken else name for name, element in named])


def _connected(electric: DeliveryNetwork | None, table: str) -> pd.DataFrame:
    """Return the rows of a table whose bus is supplied, each with a name of its own and its voltage ``kv`` [kV]."""
    import pandas as pd

    if electric is None:
        return pd.DataFrame({"name": [], "bus": [], "type": [], "kw": [], "kv": []})
    network = cast("ElectricDelivery", electric).network
    rows: pd.DataFrame = getattr(network, table)
    voltage = dict(zip(network.case.bus_id.tolist(), network.case.bus_kv.tolist(), strict=True))
    twin = rows["name"].duplicated(keep=False)
    names = [f"{n} ({k})" if again else n for k, (n, again) in enumerate(zip(rows["name"], twin, strict=True))]
    rows = rows.assign(name=names, kv=rows["bus"].map(voltage), bus=["bus " + str(bus) for bus in rows["bus"]])
    return rows[rows["bus"].isin(electric.nodes)].reset_index(drop=True)


def _highest_per_year(year: int, timezone: str) -> float:
    """Return the highest quarter hour of the standard household profile over its yearly energy [1/h]."""
    year_start = TimeGrid(datetime(year, 1, 1, tzinfo=UTC), unit_minutes=15)
    return float(household_shape(year_start, QUARTER_HOURS_PER_YEAR, timezone).max())
