"""What a substation draws: its exchangers side by side, hot water first, behind one valve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.exchanger import COLUMNS, RETURN, SECONDARY, SUPPLY, UA, exchanged_w, needed_flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import Substation

WATT_PER_KILOWATT = 1000.0
HEATING, HOT_WATER = 0, 1
SAME_HEAT = 1e-12


def exchanger_table(substations: Sequence[Substation]) -> FloatArray:
    """Return the exchangers as the kernels see them, (n_substations, 2, 6): heating, hot water; UA 0 where none."""
    table = np.zeros((len(substations), 2, COLUMNS))
    for s, substation in enumerate(substations):
        for place, exchanger in ((HEATING, substation.heating), (HOT_WATER, substation.hot_water)):
            if exchanger is not None:
                table[s, place] = exchanger.row()
    return table


@apart
def has_exchanger(pair: FloatArray) -> bool:
    """Return whether a substation's pair of exchangers holds any."""
    return bool(pair[HEATING, UA] > 0.0 or pair[HOT_WATER, UA] > 0.0)


@apart
def hot_part_w(pair: FloatArray, heat_w: float, hot_w: float) -> float:
    """Return the part of the heat that goes through the exchanger of hot water [W]."""
    if pair[HOT_WATER, UA] <= 0.0:
        return 0.0
    if pair[HEATING, UA] <= 0.0:
        return heat_w
    return 0.0 if np.isnan(hot_w) else min(max(hot_w, 0.0), heat_w)


@apart
def station_heat(
    pair: FloatArray,
    heat_w: float,
    hot_w: float,
    arrive_c: float,
    return_c: float,
    supply_c: float,
    flow_kg_s: float,
    heat_capacity: float,
) -> float:
    """Return the heat that the exchangers yield at a flow, more than what is asked for where it is ample [W].

    Arguments as for :func:`station_draw`.
    """
    hot = hot_part_w(pair, heat_w, hot_w)
    first, back = pair[HOT_WATER], pair[HOT_WATER, RETURN]
    if hot >= heat_w:
        house = hot / (heat_capacity * max(first[SUPPLY] - back, 1e-3))
        return exchanged_w(first, flow_kg_s, arrive_c, house, back, heat_capacity)
    hot_flow, given = needed_flow(first, hot, arrive_c, first[SUPPLY], back, flow_kg_s, heat_capacity)
    back = pair[HEATING, RETURN] if np.isnan(return_c) else return_c
    out = max(pair[HEATING, SUPPLY] if np.isnan(supply_c) else supply_c, back + 1.0)
    house = (heat_w - hot) / (heat_capacity * max(out - back, 1e-3))
    return given + exchanged_w(pair[HEATING], flow_kg_s - hot_flow, arrive_c, house, back, heat_capacity)


@apart
def design_heat(pair: FloatArray, heat_capacity: float) -> float:
    """Return the heat that the house's design flows carry between its usual temperatures [W]."""
    total = 0.0
    for place in range(pair.shape[0]):
        total += pair[place, SECONDARY] * heat_capacity * (pair[place, SUPPLY] - pair[place, RETURN])
    return total


@apart
def measured_heat(
    pair: FloatArray,
    hot_w: float,
    arrive_c: float,
    return_c: float,
    supply_c: float,
    flow_kg_s: float,
    heat_capacity: float,
) -> float:
    """Return the heat for which the control valve would let a measured flow through [W]; the house keeps its supply.

    Found by bisection: what the exchangers yield beyond what the house asks for falls with that. Where the water that
    arrives cannot keep the house's supply temperature at all, the house circulates its design flow. Arguments as for
    :func:`station_draw`.
    """
    low, high = 0.0, flow_kg_s * heat_capacity * arrive_c
    least = 1e-6 * high
    if high <= 0.0:
        return 0.0
    if station_heat(pair, least, hot_w, arrive_c, return_c, supply_c, flow_kg_s, heat_capacity) < least:
        asked = design_heat(pair, heat_capacity)
        given = station_heat(pair, asked, hot_w, arrive_c, return_c, supply_c, flow_kg_s, heat_capacity)
        return min(given, asked)
    while high - low > SAME_HEAT * high:
        heat = 0.5 * (low + high)
        if station_heat(pair, heat, hot_w, arrive_c, return_c, supply_c, flow_kg_s, heat_capacity) >= heat:
            low = heat
        else:
            high = heat
    return low


@apart
def station_draw(
    pair: FloatArray,
    heat_w: float,
    hot_w: float,
    arrive_c: float,
    return_c: float,
    supply_c: float,
    most_kg_s: float,
    heat_capacity: float,
) -> tuple[float, float]:
    """Return the flow of a substation [kg/s] and the mixed temperature it gives back [degC].

    Hot water has the valve first, heating what is left of it. Heat that has no exchanger of its own goes through the
    other one's. Without flow the temperature given back is the house's own.

    Parameters
    ----------
    pair
        (2, 6) exchangers of heating and hot water.
    heat_w, hot_w
        Heat wanted in all, and the part of it that is hot water [W].
    arrive_c
        Supply temperature that arrives [degC].
    return_c, supply_c
        Of the house's heating; NaN for what the exchanger is usually used with [degC].
    most_kg_s
        What the valve lets through [kg/s].
    heat_capacity
        Of water [J/(kg K)].
    """
    hot = hot_part_w(pair, heat_w, hot_w)
    back = pair[HEATING, RETURN] if np.isnan(return_c) else return_c
    out = pair[HEATING, SUPPLY] if np.isnan(supply_c) else supply_c
    hot_flow, hot_given = needed_flow(
        pair[HOT_WATER], hot, arrive_c, pair[HOT_WATER, SUPPLY], pair[HOT_WATER, RETURN], most_kg_s, heat_capacity
    )
    flow, given = needed_flow(
        pair[HEATING], heat_w - hot, arrive_c, max(out, back + 1.0), back, most_kg_s - hot_flow, heat_capacity
    )
    total = flow + hot_flow
    if total <= 0.0:
        return 0.0, back
    return total, arrive_c - (given + hot_given) / (total * heat_capacity)


def house_return_c(
    substations: Sequence[Substation],
    return_c: FloatArray,
    heat_w: FloatArray,
    hot_w: FloatArray,
    secondary_c: FloatArray,
) -> FloatArray:
    """Return the return temperature of each house (n_steps, n_substations) [degC]; emitters say theirs by their load.

    Parameters
    ----------
    substations
        The substations.
    return_c
        (n_steps, n_substations) what holds where there is no emitter [degC].
    heat_w, hot_w
        (n_steps, n_substations) heat in all and hot water, NaN where unknown [W].
    secondary_c
        (n_steps or 1, n_substations or 1) supply temperature of the heating, NaN for the exchanger's usual one [degC].
    """
    wanted = return_c.copy()
    warm = np.broadcast_to(secondary_c, wanted.shape)
    for s, substation in enumerate(substations):
        emitter, heating = substation.emitter, substation.heating
        if emitter is None or heating is None:
            continue
        usual = np.where(np.isnan(warm[:, s]), heating.secondary_supply_c, warm[:, s])
        hot = np.nan_to_num(np.broadcast_to(hot_w, wanted.shape)[:, s]) if substation.hot_water is not None else 0.0
        load = np.maximum(np.nan_to_num(heat_w[:, s]) - hot, 0.0) / WATT_PER_KILOWATT
        wanted[:, s] = emitter.return_from(load, usual)
    return wanted
