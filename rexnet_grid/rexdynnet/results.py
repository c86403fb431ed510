"""What a simulation of a heat network gives back: tables over time with their units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.rexdynnet.layout import DELIVERED, LOSS, PLANT, RESIDUAL, STORED, Outputs

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SMALLEST_W = 1.0
LARGEST, LEAST = ("head_pa", "plant_head_pa"), ("differential_pa",)


@dataclass(frozen=True, slots=True)
class Shut:
    """Names of pipes that are shut, and of plants and boosters that stand, from the step with number ``first`` on."""

    first: int = 0
    closed: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatRun:
    """Means over each step, indexed by its start; ``attrs["unit"]`` holds the unit of each table.

    Steps above a quarter of an hour are cut into equal parts: of their heads the largest is told, of differential
    pressures the least.

    Attributes
    ----------
    supply_c, return_c
        Temperature at each node [degC]; where nothing flows that of the standing water.
    mass_flow_kg_s, bypass_kg_s
        Flow through each substation, and the part of it that its bypass lets through [kg/s].
    heat_kw, unserved_kw
        Heat delivered to each substation, and asked for but not delivered [kW].
    pipe_flow_kg_s, pressure_drop_pa
        Flow and pressure drop along each supply pipe, positive from its first to its second node [kg/s, Pa]; the drop
        less the head of a booster, the mean of supply and return where it lifts one of them.
    pump_head_pa
        Pressure drop to the worst substation and back [Pa].
    plants_head_pa, pumps_kw
        Head and electric power of each plant's circulation pump [Pa, kW].
    boosters_kw
        Electric power of the booster in each pipe that has one [kW].
    differential_pa
        Pressure between supply and return at each substation [Pa]; the least of them in ``worst_differential_pa``.
    plant_kw
        Heat of the main plant [kW]; of all plants in ``plants_kw``.
    loss_kw, stored_kw
        Lost to the ground, and taken up by water and walls [kW].
    unsettled
        Part of each step in which sharing the pumps' head, finding the valves' flows, or keeping a plant to its rating,
        was ended by the number of iterations [-]; 0 is usual.
    balance_error
        |in - out - loss - stored| over the throughput, each step [-].
    shut
        What was shut from which step on.
    """

    supply_c: pd.DataFrame
    return_c: pd.DataFrame
    mass_flow_kg_s: pd.DataFrame
    heat_kw: pd.DataFrame
    unserved_kw: pd.DataFrame
    pipe_flow_kg_s: pd.DataFrame
    pressure_drop_pa: pd.DataFrame
    pump_head_pa: pd.Series
    plants_head_pa: pd.DataFrame
    pumps_kw: pd.DataFrame
    boosters_kw: pd.DataFrame
    differential_pa: pd.DataFrame
    bypass_kg_s: pd.DataFrame
    plant_kw: pd.Series
    plants_kw: pd.DataFrame
    loss_kw: pd.Series
    stored_kw: pd.Series
    balance_error: pd.Series
    unsettled: pd.Series
    shut: tuple[Shut, ...] = (Shut(),)

    @property
    def worst_differential_pa(self) -> pd.Series:
        """Pressure between supply and return at the worst substation of each step [Pa]."""
        worst = self.differential_pa.min(axis=1).rename("worst_differential_pa")
        worst.attrs["unit"] = "Pa"
        return worst


def relative_error(ledger: FloatArray) -> FloatArray:
    """Return the residual over the throughput (at least 1 W) of each step [-]."""
    scale = np.maximum(np.abs(ledger[:, [PLANT, DELIVERED, LOSS, STORED]]).max(axis=1), SMALLEST_W)
    relative: FloatArray = np.abs(ledger[:, RESIDUAL]) / scale
    return relative


def over_steps(outputs: Outputs, steps: int = 1) -> Outputs:
    """Return outputs of fewer steps, each of as many rows: means, of heads the largest, of differentials the least."""
    found = {}
    for name, array in outputs._asdict().items():
        parts = array.reshape(steps, len(array) // steps, array.shape[1])
        found[name] = (
            parts.max(axis=1) if name in LARGEST else parts.min(axis=1) if name in LEAST else parts.mean(axis=1)
        )
    return Outputs(**found)


def to_run(
    network: HeatNetwork, index: pd.DatetimeIndex, outputs: Outputs, shut: tuple[Shut, ...] = (Shut(),)
) -> HeatRun:
    """Return the tables of a simulation."""

    def frame(values: FloatArray, columns: tuple[str, ...], unit: str) -> pd.DataFrame:
        made = pd.DataFrame(values, index=index, columns=list(columns), copy=False)
        made.attrs["unit"] = unit
        return made

    def series(values: FloatArray, name: str, unit: str) -> pd.Series:
        made = pd.Series(values, index=index, name=name)
        made.attrs["unit"] = unit
        return made

    subs, ledger = network.substation_names, outputs.ledger
    return HeatRun(
        supply_c=frame(outputs.supply_c, network.nodes, "degC"),
        return_c=frame(outputs.return_c, network.nodes, "degC"),
        mass_flow_kg_s=frame(outputs.sub_kg_s, subs, "kg/s"),
        heat_kw=frame(outputs.delivered_w / WATT_PER_KILOWATT, subs, "kW"),
        unserved_kw=frame(outputs.unserved_w / WATT_PER_KILOWATT, subs, "kW"),
        pipe_flow_kg_s=frame(outputs.pipe_kg_s, network.pipes, "kg/s"),
        pressure_drop_pa=frame(outputs.dp_pa, network.pipes, "Pa"),
        pump_head_pa=series(outputs.head_pa[:, 0], "pump_head_pa", "Pa"),
        plants_head_pa=frame(outputs.plant_head_pa, network.plant_names, "Pa"),
        pumps_kw=frame(outputs.pump_w / WATT_PER_KILOWATT, network.plant_names, "kW"),
        boosters_kw=frame(outputs.boost_w / WATT_PER_KILOWATT, network.booster_names, "kW"),
        differential_pa=frame(outputs.differential_pa, subs, "Pa"),
        bypass_kg_s=frame(outputs.bypass_kg_s, subs, "kg/s"),
        plant_kw=series(ledger[:, PLANT] / WATT_PER_KILOWATT, "plant_kw", "kW"),
        plants_kw=frame(outputs.plant_w / WATT_PER_KILOWATT, network.plant_names, "kW"),
        loss_kw=series(ledger[:, LOSS] / WATT_PER_KILOWATT, "loss_kw", "kW"),
        stored_kw=series(ledger[:, STORED] / WATT_PER_KILOWATT, "stored_kw", "kW"),
        balance_error=series(relative_error(ledger), "balance_error", "1"),
        unsettled=series(outputs.unsettled[:, 0], "unsettled", "1"),
        shut=shut,
    )
