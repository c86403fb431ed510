"""How steeply the drop on each way may rise until it needs all the head: chords of the pipes' pressure drops.

A way is a path of pipes from the plant to a substation. Along a ray of flows, what is added in proportion, its drop
reaches the head somewhere; the mean slope of each pipe's drop up to there bounds the drop for any flow before, since
the drop is convex. Of two rays each pipe keeps the steeper chord. What a pump's curve falls by when the plant gives
more is one more convex drop on each way, the curve's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.compiled import apart
from rexnet_grid.rexdynnet.hydraulics import drop_and_slope, pipe_drop

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Layout

LONGEST_RAY = 100.0
MAX_TRIALS = 40
HEAD_ACCURACY = 1e-3


@apart
def length_of_ray(
    layout: Layout,
    flow: FloatArray,
    ray: FloatArray,
    way_pipe: IntArray,
    begin: int,
    end: int,
    head: float,
    curve: FloatArray,
    guess: float,
) -> float:
    """Return how far along a ray a way's drop and the curve's reach the head, at most ``LONGEST_RAY`` [-].

    ``curve`` holds half the fall of the pump's curve, the plant's flow, and what the ray adds to it.

    Newton inside a bracket, to 1e-3 of the head and from above, where the chord is the steeper one.
    """
    low, high = 0.0, LONGEST_RAY
    at = guess
    for _ in range(MAX_TRIALS):
        given = curve[1] + at * curve[2]
        total, slope = curve[0] * given * abs(given), 2.0 * curve[0] * abs(given) * curve[2]
        for k in range(begin, end):
            p = way_pipe[k]
            drop, rise = drop_and_slope(layout, p, flow[p] + at * ray[p])
            total += abs(drop)
            slope += rise * ray[p] if drop >= 0.0 else -rise * ray[p]
        miss = total - head
        if 0.0 <= miss <= HEAD_ACCURACY * head:
            return at
        if miss > 0.0:
            high = at
        else:
            low = at
        if high - low <= HEAD_ACCURACY * high or high <= HEAD_ACCURACY:
            return high
        at = at - (miss - 0.5 * HEAD_ACCURACY * head) / slope if slope > 0.0 else high
        if not low < at < high:
            at = 0.5 * (low + high)
    return high


@njit(cache=True, error_model="numpy")
def steepest_chords(
    layout: Layout,
    flow: FloatArray,
    rays: FloatArray,
    way_ptr: IntArray,
    way_pipe: IntArray,
    head_pa: FloatArray,
    curve: FloatArray,
    guess: FloatArray,
) -> FloatArray:
    """Return the steepest mean slope of each pipe's drop on each way over some rays, (n_ways, n_pipes + 1) [Pa s/kg].

    The last column is the curve's.

    Parameters
    ----------
    layout
        The network.
    flow
        (n_pipes,) where the rays begin [kg/s].
    rays
        (n_rays, n_ways, n_pipes) what is added in proportion [kg/s].
    way_ptr, way_pipe
        Pipes of each way, those of way w from ``way_ptr[w]`` to ``way_ptr[w + 1]``.
    head_pa
        (n_ways,) sum of the drops along a way that is reached [Pa].
    curve
        (n_rays, n_ways, 3) half the fall of the pump's curve [Pa s2/kg2], the plant's flow, what is added to it [kg/s].
    guess
        (n_rays, n_ways) about how far it is, replaced by how far it was [-].
    """
    pipes = rays.shape[2]
    found = np.zeros((rays.shape[1], pipes + 1))
    for r in range(rays.shape[0]):
        for w in range(rays.shape[1]):
            begin, end = way_ptr[w], way_ptr[w + 1]
            far = length_of_ray(layout, flow, rays[r, w], way_pipe, begin, end, head_pa[w], curve[r, w], guess[r, w])
            guess[r, w] = far
            for k in range(begin, end):
                p = way_pipe[k]
                step = far * rays[r, w, p]
                least = 1e-6 * max(abs(flow[p]), 1e-3)
                if abs(step) < least:
                    step = least if step >= 0.0 else -least
                slope = (pipe_drop(layout, p, flow[p] + step) - pipe_drop(layout, p, flow[p])) / step
                found[w, p] = max(found[w, p], slope)
            fall, given, step = curve[r, w, 0], curve[r, w, 1], far * curve[r, w, 2]
            found[w, pipes] = max(found[w, pipes], fall * (2.0 * given + step))
    return found


@njit(cache=True, error_model="numpy")
def slopes_to_limit(
    layout: Layout,
    flow: FloatArray,
    rays: FloatArray,
    way_ptr: IntArray,
    way_pipe: IntArray,
    head_pa: FloatArray,
    room_pa: FloatArray,
    curve: FloatArray,
) -> FloatArray:
    """Return how steeply the drop on each way rises on each ray until it reaches the head, (n_ways, n_rays) [Pa].

    That is by length of the ray. Arguments as for :func:`steepest_chords`, but one ray for all ways, (n_rays, n_pipes);
    ``curve`` (n_rays, n_ways, 3); ``room_pa`` (n_ways,) is what is left to the head at the beginning.
    """
    ways, count = head_pa.shape[0], rays.shape[0]
    found = np.zeros((ways, count))
    for w in range(ways):
        begin, end, far = way_ptr[w], way_ptr[w + 1], 1.0
        for r in range(count):
            touches = curve[r, w, 0] * curve[r, w, 2] > 0.0
            for k in range(begin, end):
                touches = touches or rays[r, way_pipe[k]] != 0.0
            if touches:
                far = length_of_ray(layout, flow, rays[r], way_pipe, begin, end, head_pa[w], curve[r, w], far)
                found[w, r] = max(room_pa[w], 0.0) / far
    return found


@njit(cache=True, error_model="numpy")
def lengths_of_rays(
    layout: Layout,
    flow: FloatArray,
    rays: FloatArray,
    way_ptr: IntArray,
    way_pipe: IntArray,
    head_pa: FloatArray,
    curve: FloatArray,
) -> FloatArray:
    """Return how far along a ray of its own each way reaches the head, (n_ways,) [-].

    Arguments as for :func:`steepest_chords`, but ``flow`` and ``rays`` (n_ways, n_pipes), ``curve`` (n_ways, 3).
    """
    found = np.zeros(head_pa.shape[0])
    for w in range(head_pa.shape[0]):
        found[w] = length_of_ray(
            layout, flow[w], rays[w], way_pipe, way_ptr[w], way_ptr[w + 1], head_pa[w], curve[w], 1.0
        )
    return found
