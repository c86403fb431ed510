"""Limits of a heat network and the ones that a unit broke."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import Violation
from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.heads import HEAD_TOLERANCE
from rexnet_grid.rexdynnet.pump import SHUTOFF, UNLIMITED_PA
from rexnet_grid.rexdynnet.pumping import needed_head_pa
from rexnet_grid.rexdynnet.topology import VALVE_VELOCITY_M_S

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Outputs
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
FLOW_TOLERANCE = 2e-3


@dataclass(frozen=True, slots=True)
class HeatLimits:
    """At what a violation is counted.

    Attributes
    ----------
    max_velocity_m_s
        Water velocity in any pipe [m/s].
    max_pump_head_pa
        Pressure that the pump gives at most: to the worst substation and back, and what that needs itself [Pa].
    temperature_tolerance_k
        Below a substation's lowest supply temperature by less than this is not counted [K].
    power_tolerance_kw
        Heat unserved below this is not counted [kW].
    consumer_pa
        Differential pressure that every substation needs for itself [Pa]; part of the pump head.
    supply_ramp_k
        By how much trades with the linepack may move the supply temperature within a unit [K]; pipes suffer from more.
    margin
        Part of each limit of valves, velocity and pump head that headroom keeps free [-].
    """

    max_velocity_m_s: float = 2.5
    max_pump_head_pa: float = 8e5
    temperature_tolerance_k: float = 0.05
    power_tolerance_kw: float = 1e-3
    consumer_pa: float = 0.0
    supply_ramp_k: float = 5.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        issues = [
            Issue("heat limits", name, str(getattr(self, name)), f"above zero [{unit}]")
            for name, unit in (("max_velocity_m_s", "m/s"), ("max_pump_head_pa", "Pa"), ("supply_ramp_k", "K"))
            if not getattr(self, name) > 0.0
        ]
        issues += [
            Issue("heat limits", name, str(getattr(self, name)), f"a finite number, not negative [{unit}]")
            for name, unit in (
                ("temperature_tolerance_k", "K"), ("power_tolerance_kw", "kW"), ("consumer_pa", "Pa"),
            )
            if not 0.0 <= getattr(self, name) < math.inf
        ]  # fmt: skip
        if not 0.0 <= self.margin < 1.0:
            issues.append(Issue("heat limits", "margin", str(self.margin), "a part from 0 to less than 1"))
        if issues:
            raise InputError(issues)


def max_pipe_flow(layout: Layout, limits: HeatLimits) -> FloatArray:
    """Return the flow at the velocity limit of each pipe, (n_pipes,) [kg/s]."""
    flow: FloatArray = limits.max_velocity_m_s * layout.fluid[0] * 0.25 * math.pi * layout.diameter_m**2
    return flow


def max_velocity_m_s(layout: Layout, limits: HeatLimits) -> FloatArray:
    """Return what each pipe may count on, (n_pipes,) [m/s]: no more than plants that keep the pressure circulate.

    Those without a pump's curve.
    """
    speed = np.full(len(layout.pipe_from), limits.max_velocity_m_s)
    keeps = layout.island[layout.plant_node] == np.arange(len(layout.plant_node))
    for node in layout.plant_node[keeps & np.isfinite(layout.plant_most_kg_s)]:
        at = layout.node_pipe[layout.node_ptr[node] : layout.node_ptr[node + 1]]
        speed[at] = np.minimum(speed[at], VALVE_VELOCITY_M_S)
    return speed


def held_by_pump(layout: Layout, mean: Outputs, g: int, asked_kg_s: float) -> bool:
    """Return whether a side plant gave less than it was asked for as its pump's curve lifts no more there.

    Where the main plant gives nothing, it is the demand that is too small.
    """
    root = int(layout.island[layout.plant_node[g]])
    beside = bool(layout.plant_live[g]) and root not in (-1, g) and bool(layout.pump[g, SHUTOFF] < UNLIMITED_PA)
    return beside and mean.plant_kg_s[g] < asked_kg_s * (1.0 - FLOW_TOLERANCE) and mean.plant_kg_s[root] > 0.0


def violations(
    network: HeatNetwork,
    layout: Layout,
    limits: HeatLimits,
    mean: Outputs,
    parts: Outputs,
    injection_kw: FloatArray,
    demand_kw: FloatArray,
    head_pa: float,
    plants_kw: FloatArray,
    asked_kg_s: FloatArray,
) -> tuple[Violation, ...]:
    """Return the limits broken in a unit, named like the headroom rows that hold them.

    Heat that a plant was scheduled to put in beyond what the supply temperature admits is spilled, no broken limit.

    Parameters
    ----------
    network, layout, limits
        The network and its limits.
    mean
        Means over the unit, one-dimensional arrays.
    parts
        Means over its parts of at most a quarter of an hour, of which the fastest and the highest head count.
    injection_kw
        (n_plants + n_substations,) what was asked for [kW].
    demand_kw
        (n_substations,) heat asked for [kW].
    head_pa
        Head that was chosen for the pump [Pa].
    plants_kw
        (n_plants,) what each plant can give at most [kW].
    asked_kg_s
        (n_plants,) flow asked of the plants beside the main one, NaN of others [kg/s].
    """
    found = []
    unserved = mean.unserved_w / WATT_PER_KILOWATT
    for k, s in enumerate(network.substations):
        arrived = float(mean.supply_c[layout.sub_node[k]])
        element = f"substation {s.node}"
        if demand_kw[k] > limits.power_tolerance_kw and arrived < s.min_supply_c - limits.temperature_tolerance_k:
            found.append(Violation(element, "heat", f"{element} warmth", arrived, s.min_supply_c, "degC"))
        if unserved[k] > limits.power_tolerance_kw:
            found.append(Violation(element, "heat", f"{element} supply", float(unserved[k]), 0.0, "kW"))
    for g, plant in enumerate(network.plants):
        wanted = float(injection_kw[g])
        element = f"plant {plant.node}"
        most_kw = float(plants_kw[g])
        if wanted > most_kw + limits.power_tolerance_kw:
            found.append(Violation(element, "heat", f"{element} heat", wanted, most_kw, "kW"))
        elif held_by_pump(layout, mean, g, float(asked_kg_s[g])):
            lifted_kw = wanted * float(mean.plant_kg_s[g] / asked_kg_s[g])
            found.append(Violation(element, "heat", f"{element} pump", wanted, lifted_kw, "kW"))
    most = max_pipe_flow(layout, limits)
    fastest = np.abs(parts.pipe_kg_s).max(axis=0)
    for p in np.flatnonzero(fastest > most * (1.0 + 1e-9)):
        velocity = float(fastest[p] / most[p]) * limits.max_velocity_m_s
        element = f"pipe {network.pipes[p]}"
        found.append(Violation(element, "heat", f"{element} velocity", velocity, limits.max_velocity_m_s, "m/s"))
    head = max(needed_head_pa(layout, *part) for part in zip(parts.dp_pa, parts.sub_kg_s, strict=True))
    most_pa = min(limits.max_pump_head_pa, head_pa)
    if head > most_pa * (1.0 + HEAD_TOLERANCE):
        found.append(Violation(network.name, "heat", "pump head", head, most_pa, "Pa"))
    return tuple(found)
