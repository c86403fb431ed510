"""A whole run of a heat network: from tables of what is given to tables of what comes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue
from rexnet_grid.rexdynnet.ends import house_return_c
from rexnet_grid.rexdynnet.forcing import MAX_STEP_S, check_range, check_water, raise_if, table
from rexnet_grid.rexdynnet.layout import Inputs, Outputs
from rexnet_grid.rexdynnet.results import HeatRun, to_run
from rexnet_grid.rexdynnet.simulation import LARGEST_KW, WATT_PER_KILOWATT, HeatSimulation

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import HeatNetwork


def simulate(
    network: HeatNetwork,
    start: pd.Timestamp,
    end: pd.Timestamp,
    dt_s: float = 900.0,
    heat_demand_kw: Any = None,
    return_temperature_c: Any = None,
    supply_temperature_c: Any = None,
    ground_c: Any = 10.0,
    initial_c: float | tuple[float, float] = 60.0,
    mass_flow_kg_s: Any = None,
    plant_mass_flow_kg_s: Any = None,
    secondary_supply_c: Any = None,
    hot_water_kw: Any = None,
) -> HeatRun:
    """Simulate a network from ``start`` to ``end``.

    Parameters
    ----------
    network
        The network.
    start, end
        First instant and the end of the last step.
    dt_s
        Step [s]; results are means over it. Steps above 900 s are cut into equal sub-steps inside.
    heat_demand_kw
        Heat wanted by each substation [kW]: number, mapping, Series over time, or DataFrame over time.
    return_temperature_c
        Return temperature of each substation [degC]; its usual one when left out, behind an emitter the one its load
        brings about. With an exchanger it is the house's own return.
    supply_temperature_c
        At each plant [degC]; its usual one when left out.
    ground_c
        Number or Series over time [degC].
    initial_c
        Temperature of all water and walls at the start [degC], or a pair (supply, return).
    mass_flow_kg_s
        Measured flow of each substation [kg/s], instead of the heat (which then follows from the return temperature)
        or beside it (the return temperature then follows).
    plant_mass_flow_kg_s
        Flow of the plants beside the main one [kg/s].
    secondary_supply_c
        What the heating behind each exchanger wants [degC]; its usual temperature when left out.
    hot_water_kw
        The part of each substation's heat that is hot water [kW], for its exchanger of hot water.

    Returns
    -------
    HeatRun
        Tables over time.

    Raises
    ------
    NetworkDataError
        With everything wrong in the forcing.
    ConvergenceError
        When the flows of a mesh are not found.
    """
    issues: list[Issue] = []
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    if not (dt_s > 0.0 and end > start):
        raise_if(
            [Issue("simulate", "start, end, dt_s", f"{start}, {end}, {dt_s}", "an end after the start, a step > 0")]
        )
    edges = pd.date_range(start, end, freq=pd.Timedelta(seconds=dt_s))
    if len(edges) < 2:
        raise_if([Issue("simulate", "dt_s", str(dt_s), "at least one whole step between start and end")])
    subs, plants = network.substation_names, network.plant_names
    steps = len(edges) - 1
    none_subs = np.full((steps, len(subs)), np.nan)
    if heat_demand_kw is None and mass_flow_kg_s is None:
        issues.append(Issue("simulate", "heat_demand_kw", "", "heat_demand_kw or mass_flow_kg_s"))
    heat = none_subs if heat_demand_kw is None else table("heat_demand_kw", heat_demand_kw, subs, edges, issues)
    flow = none_subs if mass_flow_kg_s is None else table("mass_flow_kg_s", mass_flow_kg_s, subs, edges, issues)
    by_load = return_temperature_c is None
    if return_temperature_c is None:
        return_temperature_c = {s.node: s.usual_return_c for s in network.substations}
    if supply_temperature_c is None:
        supply_temperature_c = {p.node: p.supply_c for p in network.plants}
    back = table("return_temperature_c", return_temperature_c, subs, edges, issues)
    supply = table("supply_temperature_c", supply_temperature_c, plants, edges, issues)
    ground = table("ground_c", ground_c, ("ground",), edges, issues)
    others = np.full((steps, len(plants)), np.nan)
    if plant_mass_flow_kg_s is not None:
        others[:, 1:] = table("plant_mass_flow_kg_s", plant_mass_flow_kg_s, plants[1:], edges, issues)
        check_range("plant_mass_flow_kg_s", others, 0.0, np.inf, "kg/s", issues)
    secondary = _of_house("secondary_supply_c", secondary_supply_c, network, edges, issues)
    hot = _of_house("hot_water_kw", hot_water_kw, network, edges, issues)
    if (hot > heat * (1.0 + 1e-9) + 1e-9).any():
        issues.append(Issue("simulate", "hot_water_kw", "above heat_demand_kw", "a part of the heat demand"))
    check_range("heat_demand_kw", heat, 0.0, LARGEST_KW, "kW", issues)
    check_range("mass_flow_kg_s", flow, 0.0, np.inf, "kg/s", issues)
    check_water("return_temperature_c", back, issues)
    check_water("supply_temperature_c", supply, issues)
    check_range("ground_c", ground, -60.0, 120.0, "degC", issues)
    raise_if(issues)
    simulation = HeatSimulation(network, initial_c)
    parts = max(1, math.ceil(dt_s / MAX_STEP_S - 1e-9))
    if by_load:
        back = house_return_c(network.substations, back, heat * WATT_PER_KILOWATT, hot * WATT_PER_KILOWATT, secondary)
    arrays = (heat * WATT_PER_KILOWATT, flow, back, supply, others, ground, secondary, hot * WATT_PER_KILOWATT)
    rows = arrays if parts == 1 else tuple(np.repeat(array, parts, axis=0) for array in arrays)
    outputs = simulation.advance(Inputs(np.array([dt_s / parts]), *rows))
    if parts > 1:
        outputs = Outputs(*(array.reshape(steps, parts, -1).mean(axis=1) for array in outputs))
    return to_run(network, edges[:-1], outputs)


def _of_house(name: str, given: Any, network: HeatNetwork, edges: pd.DatetimeIndex, issues: list[Issue]) -> FloatArray:
    """Return forcing of the houses' side (n_steps, n_substations), NaN where nothing is given."""
    if given is None:
        return np.full((len(edges) - 1, len(network.substations)), np.nan)
    values = table(name, given, network.substation_names, edges, issues)
    if name.endswith("_c"):
        check_water(name, values, issues)
    else:
        check_range(name, values, 0.0, LARGEST_KW, "kW", issues)
    return values
