r"""The linepack: by how much heat put in may lead or lag heat taken out while supply temperatures hold.

The supply side holds :math:`E = \sum_p C_p T_p`. Water of the plant at :math:`T` keeps it at :math:`C (T - d)`, d being
the mean drop on the way. Two bounds follow from temperatures: the highest of the plant, and the lowest that still
serves every reservation of the unit, for which a substation with the valve :math:`\dot m_{max}` needs
:math:`T_{ret} + P / (\dot m_{max} c)`, and never less than its lowest supply temperature. Within one unit the plant's
heat moves with its supply temperature as :math:`\dot m c (1 - \kappa) \Delta T` (see :class:`Foresight`), so the band
of a unit is also bounded by the flow: water that is not pumped takes no heat. It is bounded, too, by how fast the
supply temperature may move.

A unit after the first is taken to begin as planned, because the operator will still buy its losses; the next one begins
as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.storage import side_capacity_kwh_k

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SMALLEST_SHARE = 1e-3
SMALLEST_SPREAD_K = 1.0
MOVES = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class LinepackBand:
    """By how much plants may lead or lag the demand; every array has one entry a unit.

    Attributes
    ----------
    units
        The units.
    stored_kwh
        Heat in the supply side at the start, above 0 degC [kWh].
    expected_kwh
        The same at the end of each unit, if positions stay as they are and nobody buys the losses [kWh].
    planned_kwh
        The same at the planned supply temperature [kWh].
    held_kwh
        What the operator plans to hold at least: the plan, never below ``lower_kwh`` [kWh].
    most_kwh
        What it may hold at most for trading [kWh].
    keep
        Part of the heat above the plan that is left after a unit [-].
    lower_kwh, upper_kwh
        The same at the lowest supply temperature that serves every reservation, and at the highest of the plant [kWh].
    lower_kw, upper_kw
        By how much the sum of all injections may fall and rise in the unit [kW]; lower is not positive.
    loss_kw
        Heat expected to be lost in the unit [kW].
    """

    units: tuple[int, ...]
    stored_kwh: float
    expected_kwh: FloatArray
    planned_kwh: FloatArray
    held_kwh: FloatArray
    most_kwh: FloatArray
    keep: float
    lower_kwh: FloatArray
    upper_kwh: FloatArray
    lower_kw: FloatArray
    upper_kw: FloatArray
    loss_kw: FloatArray


def needed_supply_c(seen: Foresight, network: HeatNetwork, limits: HeatLimits, needs: Needs) -> FloatArray:
    """Return the lowest supply temperature of the main plant that serves every reservation, (n_units,) [degC].

    The drop to each substation is the one foreseen, with the valve as open as the reservation asks; one that no
    plant reaches does not count.
    """
    plant, plants = network.plants[0], len(network.plants)
    drawn = np.clip(-seen.position_kw[:, plants : plants + len(network.substations)], 0.0, None)
    cut_off = needs.cap_kg_s <= 0.0
    wanted = needs.supply_c(drawn, limits.margin)
    arrives = np.where(drawn > 0.0, seen.arrive_c, seen.full_c)
    by_sub = wanted + np.maximum(seen.supply_c[:, None] - arrives, 0.0)
    needed = np.where(cut_off, plant.coldest_c, by_sub).max(axis=1)
    return np.asarray(np.clip(needed, plant.coldest_c, plant.hottest_c))


def moved_kw(
    seen: Foresight, needs: Needs, drawn_kw: FloatArray, arrive_c: FloatArray, share: FloatArray, move_k: FloatArray
) -> FloatArray:
    r"""Return by how much less or more heat may be put in while the supply temperature moves by no more, (n_units,).

    Colder water is drawn faster, and behind exchangers by more than in proportion: their flow grows without bound as
    the water comes near what the house wants. Of :math:`\Delta T` less at the plant

    .. math:: \dot m c (1 - \kappa) \Delta T - c \sum_s \kappa_s \big((\dot m_s(T_s - \Delta T) - \dot m_s(T_s))
              (T_s - T_{ret,s}) - \dot m_s(T_s) \Delta T\big)^+

    is withheld, s behind exchangers. Where that begins to fall a lower temperature withholds less: half of the move
    counts too.

    Parameters
    ----------
    seen, needs
        What is foreseen, and what loads need.
    drawn_kw, arrive_c, share
        (n_units, n_substations) loads [kW], what arrives there [degC] and the part of a kelvin that does [-].
    move_k
        (n_units,) by how much the supply temperature may rise, or, below zero, fall [K]. The answer is not negative
        [kW].
    """
    spread = np.maximum(arrive_c - needs.return_c, SMALLEST_SPREAD_K)
    before = needs.flow_kg_s(drawn_kw, arrive_c)
    most = np.zeros(len(move_k))
    for part in MOVES:
        move = part * move_k
        turned = np.abs(needs.flow_kg_s(drawn_kw, arrive_c + move[:, None]) - before)
        beyond = np.where(needs.behind, np.maximum(turned * spread - before * np.abs(move)[:, None], 0.0), 0.0)
        most = np.maximum(most, seen.kw_per_k * np.abs(move) - needs.kw_per_kg_k * (share * beyond).sum(axis=1))
    return most


def band_of(
    seen: Foresight,
    planned_c: FloatArray,
    network: HeatNetwork,
    layout: Layout,
    limits: HeatLimits,
    needs: Needs,
    band_k: float = float("inf"),
) -> LinepackBand:
    """Return the linepack band of the foreseen units.

    Parameters
    ----------
    seen
        What is foreseen.
    planned_c
        (n_units,) supply temperatures as planned [degC].
    network, layout, limits, needs
        The network, its limits, what the loads of its substations need.
    band_k
        By how much the operator may hold the supply temperature above the plan [K].
    """
    plant = network.plants[0]
    capacity = side_capacity_kwh_k(layout)
    needed = needed_supply_c(seen, network, limits, needs)
    drop = max(seen.supply_c[0] - seen.stored_kwh / capacity, 0.0)
    lower, upper = capacity * (needed - drop), capacity * (plant.hottest_c - drop)
    balance = seen.position_kw[:, : len(seen.joined)] @ seen.joined
    planned = capacity * (planned_c - drop)
    expected = seen.stored_kwh + np.cumsum(balance - seen.loss_kw) * seen.hours
    beyond = balance - np.clip(balance, 0.0, seen.loss_kw)
    end = planned + beyond * seen.hours
    end[0] = expected[0]
    plants = len(network.plants)
    drawn = np.clip(-seen.position_kw[:, plants : plants + len(network.substations)], 0.0, None)
    coldest = np.where(needs.behind, needs.supply_c(drawn, limits.margin), needs.lowest_c)
    arrives = np.where(seen.sub_flow > 0.0, seen.arrive_c, seen.full_c)
    share = np.maximum(np.where(seen.sub_flow > 0.0, seen.share, seen.full_share), SMALLEST_SHARE)
    by_warmth = np.maximum((arrives - coldest) / share, 0.0).min(axis=1)
    rise = np.clip(np.minimum(plant.hottest_c - seen.supply_c, limits.supply_ramp_k), 0.0, None)
    room_up = moved_kw(seen, needs, drawn, arrives, share, rise)
    coldest_plant = np.minimum(seen.supply_c - plant.coldest_c, limits.supply_ramp_k)
    room_down = moved_kw(seen, needs, drawn, arrives, share, -np.clip(np.minimum(by_warmth, coldest_plant), 0.0, None))
    return LinepackBand(
        units=seen.units,
        stored_kwh=seen.stored_kwh,
        expected_kwh=expected,
        planned_kwh=planned,
        held_kwh=np.maximum(lower, planned),
        most_kwh=np.minimum(upper, np.maximum(lower, planned) + capacity * band_k),
        keep=float(np.exp(-layout.loss_w_k.sum() / WATT_PER_KILOWATT * seen.hours / capacity)),
        lower_kwh=lower,
        upper_kwh=np.full(len(seen.units), upper),
        lower_kw=-np.clip(np.minimum((end - lower) / seen.hours, room_down), 0.0, None),
        upper_kw=np.clip(np.minimum((upper - end) / seen.hours, room_up), 0.0, None),
        loss_kw=seen.loss_kw,
    )
