"""What would reach a substation within a unit if others drew nothing, or plants beside gave more or less.

Headroom asks what a valve yields that opens by itself. Where the others sell what they had reserved, the water on the
way moves more slowly, each counting by the pipes that it shares; where a plant beside the main one gives more or
nothing, water may come from the other end. Each such case is a corner, and headroom goes down in a straight line from
what was reserved to it.
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
    part
        (K, S, G + S) part of the way to the case that a kilowatt more of injection makes [1/kW].
    """

    full_c: FloatArray
    part: FloatArray


def otherwise(
    layout: Layout,
    scratch: Scratch,
    factors: FloatArray,
    parent_pipe: IntArray,
    water: Water,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    cap_kg_s: FloatArray,
    drawn_kw: FloatArray,
    given_kw: FloatArray,
    most_kw: FloatArray,
) -> Otherwise:
    """Return the cases of a unit.

    Parameters
    ----------
    layout, scratch, factors, parent_pipe
        The network, working memory, its :func:`flow_factors`, the pipes towards the main plant.
    water
        What is in the pipes and at the plants.
    sub_kg_s, plant_kg_s
        (S,) and (G,) as reserved; of plants that keep the pressure nothing [kg/s].
    cap_kg_s
        (S,) flow of a valve that opens fully [kg/s].
    drawn_kw, given_kw, most_kw
        (S,) heat of the substations, (G,) of the plants, and their largest [kW].
    """
    ways = ways_of(layout, factors, parent_pipe)
    plants, subs = len(plant_kg_s), len(sub_kg_s)
    one_way = not len(layout.chord) and plants == 1

    def arriving(draws: FloatArray, gives: FloatArray) -> FloatArray:
        flow = flows_for(layout, scratch, factors, draws, gives)
        return arrivals_each(ways, flow, water, layout.sub_node, one_way)

    opened = sub_kg_s + np.diag(np.maximum(cap_kg_s - sub_kg_s, 0.0))
    alone = np.diag(np.maximum(cap_kg_s, sub_kg_s))
    now = np.broadcast_to(plant_kg_s, (subs, plants))
    common = np.clip((tree_ways(layout) * ways.body_kg) @ factors[:, layout.sub_node], 0.0, None)
    np.fill_diagonal(common, 0.0)
    less = np.zeros((subs, plants + subs))
    less[:, plants:] = common / np.maximum(common @ drawn_kw, SMALLEST_KW * common.max(axis=1, initial=1e-9))[:, None]
    full_c, part = [arriving(opened, now), arriving(alone, now)], [0.0 * less, less]
    for g in np.flatnonzero(plant_kg_s > SMALLEST_KG_S):
        per_kw = plant_kg_s[g] / given_kw[g]
        for draws, share, other in ((opened, 1.0, 0.0 * less), (alone, 0.5, 0.5 * less)):
            left = np.maximum(draws.sum(axis=1) - plant_kg_s.sum(), 0.0)
            more = np.minimum(most_kw[g] - given_kw[g], left / per_kw)
            for kw in (np.maximum(more, 0.0), np.full(subs, -given_kw[g])):
                gives, way = now.copy(), other.copy()
                gives[:, g] += kw * per_kw
                way[:, g] = np.where(np.abs(kw) > SMALLEST_KW, share / np.where(kw == 0.0, 1.0, kw), 0.0)
                full_c.append(arriving(draws, gives))
                part.append(way)
    return Otherwise(np.array(full_c), np.array(part))
