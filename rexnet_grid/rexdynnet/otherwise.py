r"""What would reach a substation within a unit if others drew nothing or more, or plants beside gave more or less.

Headroom asks what a valve yields that opens by itself. Where the others sell what they had reserved, the water on the
way moves more slowly, each counting by the pipes that it shares; where a plant beside the main one gives more or
nothing, water may come from the other end. Each such case is a corner, and headroom goes down in a straight line from
what was reserved to it.

Where all others draw their usual largest flow, fresh water comes sooner, and it is another one: what the main plant
gives beyond the demand, above all for losses, warms more water by less. With :math:`P` its reserved heat,
:math:`\Delta\dot m_s` what each draws more and :math:`T_s = a_s + \kappa_s (T' - T)` what arrives there, it supplies

.. math:: T' = T_{ret} + \frac{P + c \sum_s \Delta\dot m_s (T_s - T_{ret,s})}{c\, \dot m'}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.reach import Water, arrivals_each, ways_of
from rexnet_grid.rexdynnet.sensitivity import flows_for, tree_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

WATT_PER_KILOWATT = 1000.0
SMALLEST_KW = 0.1
SMALLEST_KG_S = 1e-6


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Cases of the unit that begins, K of them, with S substations and G plants.

    Attributes
    ----------
    full_c
        (K, S) mean supply temperature at each substation when its valve alone opens fully [degC]; first the case that
        all others do as reserved, then that they draw nothing.
    share
        (K, S) part of a kelvin at the main plant that arrives within the unit then [-].
    part
        (K, S, G + S) part of the way to the case that a kilowatt more of injection makes [1/kW].
    busy_c
        (S,) mean supply temperature at each substation when all draw their usual largest flow [degC].
    """

    full_c: FloatArray
    share: FloatArray
    part: FloatArray
    busy_c: FloatArray


@dataclass(frozen=True, slots=True)
class Reserved:
    """The unit that begins as it is reserved; S substations, G plants.

    Attributes
    ----------
    water
        What is in the pipes and at the plants.
    sub_kg_s, plant_kg_s
        (S,) and (G,) flows; of plants that keep the pressure nothing [kg/s].
    drawn_kw, given_kw
        (S,) heat of the substations, (G,) of the plants [kW].
    supply_c, back_c, main_kw
        What leaves the main plant and comes back to it [degC], and its heat [kW].
    """

    water: Water
    sub_kg_s: FloatArray
    plant_kg_s: FloatArray
    drawn_kw: FloatArray
    given_kw: FloatArray
    supply_c: float
    back_c: float
    main_kw: float


@dataclass(frozen=True, slots=True)
class Most:
    """What may be at most: a valve's full flow and its usual largest one (S,) [kg/s], plants' heat (G,) [kW].

    ``hottest_c`` is the main plant's highest supply temperature [degC].
    """

    cap_kg_s: FloatArray
    usual_kg_s: FloatArray
    heat_kw: FloatArray
    hottest_c: float


def otherwise(
    layout: Layout,
    scratch: Scratch,
    factors: FloatArray,
    parent_pipe: IntArray,
    now: Reserved,
    most: Most,
) -> Otherwise:
    """Return the cases of a unit.

    Parameters
    ----------
    layout, scratch, factors, parent_pipe
        The network, working memory, its :func:`flow_factors`, the pipes towards the main plant.
    now, most
        What is reserved and what may be.
    """
    ways = ways_of(layout, factors, parent_pipe)
    sub_kg_s, plant_kg_s, drawn_kw, given_kw = now.sub_kg_s, now.plant_kg_s, now.drawn_kw, now.given_kw
    plants, subs = len(plant_kg_s), len(sub_kg_s)
    one_way = not len(layout.chord) and plants == 1

    def arriving(draws: FloatArray, gives: FloatArray, water: Water) -> FloatArray:
        flow = flows_for(layout, scratch, factors, draws, gives)
        return arrivals_each(ways, flow, water, layout.sub_node, one_way)

    opened = sub_kg_s + np.diag(np.maximum(most.cap_kg_s - sub_kg_s, 0.0))
    alone = np.diag(np.maximum(most.cap_kg_s, sub_kg_s))
    gives = np.broadcast_to(plant_kg_s, (subs, plants))
    common = np.clip((tree_ways(layout) * ways.body_kg) @ factors[:, layout.sub_node], 0.0, None)
    np.fill_diagonal(common, 0.0)
    less = np.zeros((subs, plants + subs))
    less[:, plants:] = common / np.maximum(common @ drawn_kw, SMALLEST_KW * common.max(axis=1, initial=1e-9))[:, None]
    found, part = [arriving(opened, gives, now.water), arriving(alone, gives, now.water)], [0.0 * less, less]
    for g in np.flatnonzero(plant_kg_s > SMALLEST_KG_S):
        per_kw = plant_kg_s[g] / given_kw[g]
        for draws, share, other in ((opened, 1.0, 0.0 * less), (alone, 0.5, 0.5 * less)):
            left = np.maximum(draws.sum(axis=1) - plant_kg_s.sum(), 0.0)
            more = np.minimum(most.heat_kw[g] - given_kw[g], left / per_kw)
            for kw in (np.maximum(more, 0.0), np.full(subs, -given_kw[g])):
                give, way = gives.copy(), other.copy()
                give[:, g] += kw * per_kw
                way[:, g] = np.where(np.abs(kw) > SMALLEST_KW, share / np.where(kw == 0.0, 1.0, kw), 0.0)
                found.append(arriving(draws, give, now.water))
                part.append(way)
    wide = np.maximum(most.usual_kg_s, sub_kg_s)
    busy = np.tile(wide, (subs, 1))
    held = arriving(busy, gives, now.water)
    water = _busier(layout, now, most, wide, held)
    busy_c = held[0] + held[1] * (water.source_c - now.water.source_c)[layout.plant_node[0]]
    np.fill_diagonal(busy, np.maximum(wide, most.cap_kg_s))
    fresh = arriving(busy, gives, water)
    found.append(fresh)
    part.append(0.0 * less)
    return Otherwise(np.array(found)[:, 0], np.array(found)[:, 1], np.array(part), busy_c)


def unasked(full_c: FloatArray, share: FloatArray, arrive_c: FloatArray, plants: int) -> Otherwise:
    """Return the case that all others do as reserved and no other; what arrives there and its share, (S,) each."""
    return Otherwise(full_c[None], share[None], np.zeros((1, len(full_c), plants + len(full_c))), arrive_c)


def _busier(layout: Layout, now: Reserved, most: Most, wide_kg_s: FloatArray, held: FloatArray) -> Water:
    """Return the water where all draw ``wide_kg_s`` (S,) [kg/s].

    ``held`` (2, S) is what arrives then at the supply temperature that is reserved.
    """
    kilo = layout.fluid[1] / WATT_PER_KILOWATT
    more = wide_kg_s - now.sub_kg_s
    flow = max(float(wide_kg_s.sum() - now.plant_kg_s.sum()), SMALLEST_KG_S)
    fixed = now.main_kw + kilo * (flow * now.back_c + more @ (held[0] - held[1] * now.supply_c - now.water.return_c))
    per_kelvin = kilo * max(flow - float(more @ held[1]), SMALLEST_KG_S)
    supply_c = min(max(fixed / per_kelvin, now.back_c), most.hottest_c)
    source = now.water.source_c.copy()
    source[layout.plant_node[0]] = supply_c
    return now.water._replace(source_c=source)
