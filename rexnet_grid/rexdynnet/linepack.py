r"""What the water in the pipes allows: headroom rows and the linepack band.

The supply side holds :math:`E = \sum_p C_p T_p`. Between the lowest and the highest supply temperature lies the
inventory that an operator may draw down or fill up. In one unit the plant's heat moves with its supply temperature as
:math:`\dot m c\,\Delta T`, so the band of a unit is also bounded by the flow: water that is not pumped takes no heat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.rexdynnet.limits import HeatLimits, max_pipe_flow
from rexnet_grid.rexdynnet.storage import side_capacity_kwh_k

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SMALLEST_SPREAD_K = 1.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """The coming units as one of :class:`HeatDelivery` sees them now; positions exclude the operator's account.

    ``position_kw`` (n_units, n_nodes); ``arrive_c``, ``return_c`` (n_substations,) temperatures at the substations
    [degC]; ``plant_return_c``, ``plant_supply_c`` at the main plant now; ``target_c``, ``loss_kw`` (n_units,);
    ``supply_heat_kwh`` heat in the supply side above 0 degC.
    """

    delivery_nodes: tuple[str, ...]
    network: HeatNetwork
    layout: Layout
    limits: HeatLimits
    factors: FloatArray
    units: tuple[int, ...]
    position_kw: FloatArray
    arrive_c: FloatArray
    return_c: FloatArray
    plant_return_c: float
    plant_supply_c: float
    target_c: FloatArray
    loss_kw: FloatArray
    supply_heat_kwh: float
    hours: float


@dataclass(frozen=True, slots=True)
class LinepackBand:
    """By how much plants may lead or lag the demand; every array has one entry a unit.

    Attributes
    ----------
    units
        The units.
    expected_kwh
        Inventory expected at the end of the unit if positions are carried out and nobody acts: heat in the supply
        side above its lowest admissible state [kWh].
    lower_kwh, upper_kwh
        Bounds of that inventory [kWh]; the lower one is 0.
    lower_kw, upper_kw
        Bounds of what the operator may add to the plants' heat in this unit (negative: discharge) such that the
        inventory stays in its bounds in this and all later units, and the plant in its limits [kW].
    loss_kw
        Heat expected to be lost in the unit [kW].
    """

    units: tuple[int, ...]
    expected_kwh: FloatArray
    lower_kwh: FloatArray
    upper_kwh: FloatArray
    lower_kw: FloatArray
    upper_kw: FloatArray
    loss_kw: FloatArray


def lowest_supply_c(outlook: Outlook) -> float:
    """Return the lowest supply temperature of the main plant that still serves every substation [degC].

    The drop to each substation is the one observed now.
    """
    plant = outlook.network.plants[0]
    needed = [
        s.min_supply_c + max(outlook.plant_supply_c - arrive, 0.0)
        for s, arrive in zip(outlook.network.substations, outlook.arrive_c, strict=True)
    ]
    return float(np.clip(max(needed), plant.min_supply_c, plant.max_supply_c))


def band(outlook: Outlook) -> LinepackBand:
    """Return the linepack band of the coming units."""
    plant = outlook.network.plants[0]
    plants = len(outlook.network.plants)
    count = len(outlook.units)
    capacity = side_capacity_kwh_k(outlook.layout)
    lowest = lowest_supply_c(outlook)
    mean_c = outlook.supply_heat_kwh / capacity
    drop = max(outlook.plant_supply_c - mean_c, 0.0)
    now = outlook.supply_heat_kwh - capacity * (lowest - drop)
    upper = np.full(count, max(capacity * (plant.max_supply_c - lowest), 0.0))
    lower = np.zeros(count)
    balance = outlook.position_kw.sum(axis=1) - outlook.loss_kw
    expected = now + np.cumsum(balance) * outlook.hours
    spread = np.maximum(outlook.arrive_c - outlook.return_c, SMALLEST_SPREAD_K)
    demand = np.clip(-outlook.position_kw[:, plants:], 0.0, None)
    flow_kw_k = (demand / spread).sum(axis=1)
    room_up = flow_kw_k * (plant.max_supply_c - outlook.plant_supply_c)
    room_down = flow_kw_k * (outlook.plant_supply_c - lowest)
    later_up = np.minimum.accumulate((upper - expected)[::-1])[::-1] / outlook.hours
    later_down = np.minimum.accumulate((expected - lower)[::-1])[::-1] / outlook.hours
    return LinepackBand(
        units=outlook.units,
        expected_kwh=expected,
        lower_kwh=lower,
        upper_kwh=upper,
        lower_kw=-np.clip(np.minimum(later_down, room_down), 0.0, None),
        upper_kw=np.clip(np.minimum(later_up, room_up), 0.0, None),
        loss_kw=outlook.loss_kw,
    )


def rows(outlook: Outlook) -> tuple[Headroom, ...]:
    """Return the headroom of each coming unit.

    Rows: what each substation's valve yields at the temperature that arrives; what each plant may add or take back;
    the velocity limit of every pipe that the valves downstream could break; the linepack band on the sum of all
    injections. Velocity rows are scaled by c ΔT to kW.
    """
    network, layout = outlook.network, outlook.layout
    plants, subs = len(network.plants), len(network.substations)
    heat_capacity = layout.fluid[1] / WATT_PER_KILOWATT
    spread = np.maximum(outlook.arrive_c - outlook.return_c, 0.0)
    most = layout.sub_max_kg_s * heat_capacity * spread
    position = outlook.position_kw
    per_kw = 1.0 / (heat_capacity * np.maximum(spread, SMALLEST_SPREAD_K))
    by_sub = outlook.factors[:, layout.sub_node] * per_kw
    usable = np.minimum(most, 1e9)
    limit = max_pipe_flow(layout, outlook.limits)
    forward = np.clip(by_sub, 0.0, None) @ usable > limit
    backward = np.clip(-by_sub, 0.0, None) @ usable > limit
    typical = 1.0 / float(per_kw.mean())
    pipe_rows = np.concatenate((by_sub[forward], -by_sub[backward])) * typical
    pipe_room = np.concatenate((limit[forward], limit[backward])) * typical
    pipes = network.pipes
    names = [pipes[p] for p in (*np.flatnonzero(forward), *np.flatnonzero(backward))]
    count = subs + 2 * plants + len(pipe_rows) + 2
    matrix = np.zeros((count, plants + subs))
    matrix[:subs, plants:] = -np.eye(subs)
    matrix[subs : subs + plants, :plants] = np.eye(plants)
    matrix[subs + plants : subs + 2 * plants, :plants] = -np.eye(plants)
    matrix[subs + 2 * plants : -2, plants:] = -pipe_rows
    matrix[-2] = 1.0
    matrix[-1] = -1.0
    labels = (
        *(f"substation {s.node} supply" for s in network.substations),
        *(f"plant {p.node} heat" for p in network.plants),
        *(f"plant {p.node} off" for p in network.plants),
        *(f"pipe {name} velocity" for name in names),
        "linepack full",
        "linepack empty",
    )
    pack = band(outlook)
    largest = np.array([p.max_heat_kw for p in network.plants])
    drawn = -position[:, plants:]
    slack = np.concatenate(
        (
            most - drawn,
            largest - position[:, :plants],
            position[:, :plants],
            pipe_room - drawn @ pipe_rows.T,
            pack.upper_kw[:, None],
            -pack.lower_kw[:, None],
        ),
        axis=1,
    )
    slack = np.minimum(slack, 1e12)
    return tuple(
        Headroom(unit, outlook.delivery_nodes, matrix, np.ascontiguousarray(slack[k]), labels)
        for k, unit in enumerate(outlook.units)
    )
