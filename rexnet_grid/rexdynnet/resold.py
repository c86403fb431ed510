r"""What others free on a way to a substation when they sell what they had reserved.

The drop on a way is convex in the flows, so a row that has the chord of each draw up to the limit counts a draw that
*falls* with more relief than there is. A second row for each way has the relief that is: with :math:`t` what its own
substation draws more and :math:`x` the part of their draws that all others sell, the limit is reached at :math:`(T, 0)`
and at :math:`(T', 1)`, and convexity carries all that lies between. The others' chords :math:`c_o` are thus scaled by

.. math:: \varphi = \min\Big(1, \frac{c\,(T' - T)}{\sum_o c_o \dot m_o}\Big).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.chords import lengths_of_rays
from rexnet_grid.rexdynnet.sensitivity import flows_for

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout, Scratch

TURNS = 2
SMALLEST_FLOW = 1e-9


def alone_kg_s(
    layout: Layout,
    scratch: Scratch,
    factors: FloatArray,
    own: IntArray,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    usual_kg_s: FloatArray,
    way_ptr: IntArray,
    way_pipe: IntArray,
    head_pa: FloatArray,
    curve: FloatArray,
) -> FloatArray:
    """Return by how much each own substation may draw more where no other draws, (n_ways,) [kg/s].

    Parameters
    ----------
    layout, scratch, factors
        The network, working memory, its :func:`flow_factors`.
    own
        (n_ways,) substation at the end of each way.
    sub_kg_s, plant_kg_s
        (S,) and (G,) flows as reserved; of plants that keep the pressure nothing [kg/s].
    usual_kg_s
        (S,) usual largest flows, in which rays are measured [kg/s].
    way_ptr, way_pipe, head_pa, curve
        Ways, their head and the pump's curve as :func:`steepest_chords` has them; the plant's flow with no other's.
    """
    ways = np.arange(len(own))
    draws = np.zeros((len(own), len(sub_kg_s)))
    draws[ways, own] = sub_kg_s[own]
    gives = np.tile(plant_kg_s, (len(own), 1))
    flow = flows_for(layout, scratch, factors, draws, gives)
    rays = np.ascontiguousarray(factors[:, layout.sub_node[own]].T * usual_kg_s[own, None])
    far = lengths_of_rays(layout, flow, rays, way_ptr, way_pipe, head_pa, curve)
    for _ in range(TURNS if len(layout.chord) else 0):
        draws[ways, own] = sub_kg_s[own] + far * usual_kg_s[own]
        step = np.maximum(far, SMALLEST_FLOW)[:, None]
        rays = (flows_for(layout, scratch, factors, draws, gives) - flow) / step
        far = lengths_of_rays(layout, flow, rays, way_ptr, way_pipe, head_pa, curve)
    return np.asarray(far * usual_kg_s[own])


def relief_kept(
    chord: FloatArray, own: IntArray, sub_kg_s: FloatArray, room_pa: FloatArray, alone: FloatArray
) -> FloatArray:
    """Return the part of the others' chords that is relief when they sell, (n_ways,) [-].

    ``chord`` (n_ways, S) [Pa s/kg] up to a limit that is ``room_pa`` (n_ways,) away, ``alone`` from
    :func:`alone_kg_s`.
    """
    each = np.arange(len(own))
    others = chord @ sub_kg_s - chord[each, own] * sub_kg_s[own]
    gained = chord[each, own] * alone - room_pa
    return np.asarray(np.clip(gained / np.maximum(others, SMALLEST_FLOW), 0.0, 1.0))
