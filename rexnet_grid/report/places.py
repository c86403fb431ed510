"""Where to draw nodes: at their coordinates, or as a tree where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

METRES_PER_DEGREE = 111_320.0


def place_nodes(
    count: int, known: Mapping[int, NDArray[np.float64]], edges: Sequence[tuple[int, int]]
) -> NDArray[np.float64] | None:
    """Return (count, 2) places in metres, east and north.

    Parameters
    ----------
    count
        Number of nodes.
    known
        Node number to its coordinates: longitude and latitude [degree], or east and north [m].
    edges
        Pairs of node numbers.

    Returns
    -------
    ndarray or None
        Nodes without coordinates lie in the middle of their placed neighbours; if most have none, all are drawn as a
        tree. None when there is nothing to draw.

    Notes
    -----
    Degrees become metres on the plane that touches the sphere at the mean latitude (equirectangular projection).
    """
    if count == 0 or not edges:
        return None
    place = np.full((count, 2), np.nan)
    for node, xy in known.items():
        place[node] = xy
    found = np.isfinite(place).all(axis=1)
    if found.sum() * 2 < count or np.ptp(place[found], axis=0).max() == 0.0:
        return _as_tree(count, edges)
    if np.abs(place[found, 0]).max() <= 180.0 and np.ptp(place[found], axis=0).max() < 5.0:
        scale = np.cos(np.radians(place[found, 1].mean()))
        place = place * METRES_PER_DEGREE * np.array([scale, 1.0])
    return _fill_gaps(place, edges)


def _fill_gaps(place: NDArray[np.float64], edges: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    missing: NDArray[np.bool_] = np.asarray(~np.isfinite(place).all(axis=1))
    for _ in range(len(place)):
        if not missing.any():
            return place
        before = missing.copy()
        for node in np.flatnonzero(missing):
            near = [b if a == node else a for a, b in edges if node in (a, b)]
            near = [other for other in near if not before[other]]
            if near:
                place[node] = place[near].mean(axis=0)
                missing[node] = False
        if (before == missing).all():
            break
    place[missing] = np.nanmean(place, axis=0)
    return place


def _as_tree(count: int, edges: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Lay the nodes out in layers from the node with the most branches at its end of the numbering."""
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        near[a].append(b)
        near[b].append(a)
    depth = np.full(count, -1, dtype=np.int64)
    order: list[int] = []
    for root in range(count):
        if depth[root] >= 0:
            continue
        depth[root] = 0
        queue = [root]
        while queue:
            node = queue.pop()
            order.append(node)
            for other in near[node]:
                if depth[other] < 0:
                    depth[other] = depth[node] + 1
                    queue.append(other)
    row = np.empty(count)
    row[order] = np.arange(count)
    return np.stack([depth * count / max(1, depth.max()) * 1.5, -row], axis=1)
