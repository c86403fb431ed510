"""A whole run of a heat network: from tables of what is given to tables of what comes of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue
from rexnet_grid.rexdynnet.ends import house_return_c
from rexnet_grid.rexdynnet.forcing import (
    LARGEST_KG_S,
    MAX_STEP_S,
    check_liquid,
    check_range,
    check_water,
    raise_if,
    table,
)
from rexnet_grid.rexdynnet.layout import Inputs, Outputs
from rexnet_grid.rexdynnet.results import HeatRun, Shut, over_steps, to_run
from rexnet_grid.rexdynnet.simulation import (
    WATT_PER_KILOWATT,
    HeatSimulation,
)
from rexnet_grid.rexdynnet.stepcheck import COLDEST_GROUND_C, HOTTEST_GROUND_C, LARGEST_KW

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import HeatNetwork

DAY_S = 86400.0
SETTLED_K = 1e-4
MAX_DAYS = 30


def simulate(
    network: HeatNetwork,
    start: pd.Timestamp,
    end: pd.Timestamp,
    dt_s: float = 900.0,
    heat_demand_kw: Any = None,
    return_temperature_c: Any = None,
    supply_temperature_c: Any = None,
    ground_c: Any = 10.0,
    initial_c: Any = 60.0,
    mass_flow_kg_s: Any = None,
    plant_mass_flow_kg_s: Any = None,
    secondary_supply_c: Any = None,
    hot_water_kw: Any = None,
    changes: Mapping[Any, Mapping[str, Collection[str]]] | None = None,
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
        Temperature of all water and walls at the start [degC], or a pair (supply, return), each a number or a mapping
        by node with straight lines between. ``"steady"``: what comes of holding the forcing of the first step with all
        pipes open, for a measurement that begins in such a state.
    mass_flow_kg_s
        Measured flow of each substation [kg/s], instead of the heat (which then follows from the return temperature)
        or beside it (the return temperature then follows).
    plant_mass_flow_kg_s
        Flow of the plants beside the main one [kg/s].
    secondary_supply_c
        What the heating behind each exchanger wants [degC]; its usual temperature when left out.
    hot_water_kw
        The part of each substation's heat that is hot water [kW], for its exchanger of hot water.
    changes
        What is shut from when on: ``{time: {"closed": [pipes], "stopped": [plants]}}``. Each entry holds until the
        next, from the step that begins then or first afterwards; what it does not name is open and pumps.

    Returns
    -------
    HeatRun
        Tables over time.

    Raises
    ------
    NetworkDataError
        With everything wrong in the forcing, or where water came to freeze.
    ConvergenceError
        When the flows of a mesh are not found.
    """
    issues: list[Issue] = []
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    if (start.tz is None) != (end.tz is None) or not (0.0 < dt_s < math.inf and end > start):
        raise_if(
            [
                Issue(
                    "simulate",
                    "start, end, dt_s",
                    f"{start}, {end}, {dt_s}",
                    "an end after the start in the same zone, a step > 0",
                )
            ]
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
        check_range("plant_mass_flow_kg_s", others, 0.0, LARGEST_KG_S, "kg/s", issues)
    secondary = _of_house("secondary_supply_c", secondary_supply_c, network, edges, issues)
    hot = _of_house("hot_water_kw", hot_water_kw, network, edges, issues)
    if (hot > heat * (1.0 + 1e-9) + 1e-9).any():
        issues.append(Issue("simulate", "hot_water_kw", "above heat_demand_kw", "a part of the heat demand"))
    check_range("heat_demand_kw", heat, 0.0, LARGEST_KW, "kW", issues)
    check_range("mass_flow_kg_s", flow, 0.0, LARGEST_KG_S, "kg/s", issues)
    check_water("return_temperature_c", back, issues)
    check_water("supply_temperature_c", supply, issues)
    check_range("ground_c", ground, COLDEST_GROUND_C, HOTTEST_GROUND_C, "degC", issues)
    raise_if(issues)
    parts = max(1, math.ceil(dt_s / MAX_STEP_S - 1e-9))
    if by_load:
        back = house_return_c(network.substations, back, heat * WATT_PER_KILOWATT, hot * WATT_PER_KILOWATT, secondary)
    arrays = (heat * WATT_PER_KILOWATT, flow, back, supply, others, ground, secondary, hot * WATT_PER_KILOWATT)
    rows = arrays if parts == 1 else tuple(np.repeat(array, parts, axis=0) for array in arrays)
    simulation = _begun(network, initial_c, Inputs(np.array([MAX_STEP_S]), *(array[:1] for array in arrays)))
    shut = _shut(changes, edges, network.name)
    outputs = _through(simulation, Inputs(np.array([dt_s / parts]), *rows), parts, shut)
    if parts > 1:
        outputs = over_steps(outputs, steps)
    check_liquid(network.name, outputs.supply_c, outputs.return_c, network.nodes, edges.tolist())
    return to_run(network, edges[:-1], outputs, shut)


def _begun(network: HeatNetwork, initial_c: Any, held: Inputs) -> HeatSimulation:
    """Return a network at its start; ``"steady"`` holds the first row of forcing until nothing changes any more.

    That is day by day, until no node changes by ``SETTLED_K`` within one, for ``MAX_DAYS`` at most.
    """
    if not isinstance(initial_c, str) or initial_c != "steady":
        return HeatSimulation(network, initial_c)
    simulation = HeatSimulation(network, (float(held.supply_c.mean()), float(held.return_c.mean())))
    day = math.ceil(DAY_S / float(held.dt_s[0]))
    forcing = Inputs(held.dt_s, *(np.repeat(array, day, axis=0) for array in held[1:]))
    for _ in range(MAX_DAYS):
        before = simulation.state.node_c.copy()
        simulation.advance(forcing)
        if np.abs(simulation.state.node_c - before).max() < SETTLED_K:
            break
    return simulation


def _through(simulation: HeatSimulation, inputs: Inputs, parts: int, shut: tuple[Shut, ...]) -> Outputs:
    """Go through all rows of the forcing, each step cut into ``parts``, with what is shut in between."""
    if shut == (Shut(),):
        return simulation.advance(inputs)
    pieces = []
    for k, stretch in enumerate(shut):
        simulation.change(stretch.closed, stretch.stopped)
        close = shut[k + 1].first * parts if k + 1 < len(shut) else None
        part = slice(stretch.first * parts, close)
        pieces.append(simulation.advance(Inputs(inputs.dt_s, *(array[part] for array in inputs[1:]))))
    return Outputs(*map(np.concatenate, zip(*pieces, strict=True)))


def _shut(
    changes: Mapping[Any, Mapping[str, Collection[str]]] | None, edges: pd.DatetimeIndex, where: str
) -> tuple[Shut, ...]:
    """Return what is shut from which step on."""
    steps = len(edges) - 1
    places = {0: Shut()}
    issues = []
    expected = '{"closed": [pipes], "stopped": [plants]}'
    for time, shut in sorted((changes or {}).items()):
        stamp = pd.Timestamp(time)
        if not isinstance(shut, dict):
            issues.append(Issue(where, f"changes, {time}", repr(shut), expected))
            continue
        if (stamp.tz is None) != (edges.tz is None):
            issues.append(Issue(where, f"changes, {time}", f"time zone {stamp.tz}", f"as the start has it, {edges.tz}"))
            continue
        issues += [
            Issue(where, f"changes, {time}", key, "closed or stopped")
            for key in shut
            if key not in ("closed", "stopped")
        ]
        place = int(edges.searchsorted(stamp, side="left"))
        if place < steps:
            places[place] = Shut(place, tuple(shut.get("closed", ())), tuple(shut.get("stopped", ())))
    raise_if(issues)
    return tuple(places[first] for first in sorted(places))


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
