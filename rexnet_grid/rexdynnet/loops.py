"""The drawing as the hydraulics need it: a forest from the plants, short loops, the pattern of their equations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes from the roots outwards.

    Attributes
    ----------
    node, parent, pipe
        Node, its parent and the pipe between; -1 at a root.
    island
        (n_nodes,) number of the plant that keeps the pressure where a node lies; -1 where there is none.
    """

    node: IntArray
    parent: IntArray
    pipe: IntArray
    island: IntArray


@dataclass(frozen=True, slots=True)
class Loops:
    """Independent loops, one a chord, and where their equations meet.

    Attributes
    ----------
    chord
        (n_loops,) the pipe that a loop has for its own.
    pointer, pipe, sign
        Pipes of each loop and whether they run along it.
    row_start
        (n_loops + 1,) where the rows of the envelope of the symmetric matrix begin; each ends at its diagonal.
    pair_at, pair_pipe, pair_sign
        To which entry of the envelope the slope of which pipe is added, with which sign.
    """

    chord: IntArray
    pointer: IntArray
    pipe: IntArray
    sign: FloatArray
    row_start: IntArray
    pair_at: IntArray
    pair_pipe: IntArray
    pair_sign: FloatArray


def whole(values: Sequence[int]) -> IntArray:
    """Return integers as an array."""
    return np.array(values, dtype=np.int64)


def spanning_forest(graph: nx.Graph[int], roots: Sequence[int], nodes: int) -> Forest:
    """Return the forest of shortest ways (in pipes) from the first root of each part of the graph.

    Parameters
    ----------
    graph
        Node numbers; edges with ``pipe``, open ones only.
    roots
        Nodes of the plants that may keep the pressure, the first come first served; -1 for one that may not.
    nodes
        Number of nodes.
    """
    order: list[int] = []
    parents: list[int] = []
    pipes: list[int] = []
    island = np.full(nodes, -1, dtype=np.int64)
    for plant, root in enumerate(roots):
        if root < 0 or island[root] >= 0:
            continue
        order.append(root)
        parents.append(-1)
        pipes.append(-1)
        island[root] = plant
        for parent, child in nx.bfs_edges(graph, root):
            order.append(child)
            parents.append(parent)
            pipes.append(graph.edges[parent, child]["pipe"])
            island[child] = plant
    return Forest(whole(order), whole(parents), whole(pipes), island)


def short_loops(graph: nx.Graph[int], forest: Forest, ends: Sequence[tuple[int, int]]) -> Loops:
    """Return a loop for every pipe outside the forest: the shortest way back through the forest and earlier such pipes.

    Each loop has a pipe that none before it has, so they are independent; short loops have few pipes in common, which
    keeps the equations sparse. They are numbered so that the envelope is narrow (Cuthill and McKee 1969,
    doi:10.1145/800195.805928).
    """
    drawn: nx.Graph[int] = nx.Graph()
    drawn.add_nodes_from(int(n) for n in forest.node)
    for node, parent, pipe in zip(forest.node.tolist(), forest.parent.tolist(), forest.pipe.tolist(), strict=True):
        if parent >= 0:
            drawn.add_edge(parent, node, pipe=pipe)
    chords = [(a, b, data["pipe"]) for a, b, data in graph.edges(data=True) if a in drawn and not drawn.has_edge(a, b)]
    found: list[tuple[list[int], list[float]]] = []
    for _, _, pipe in chords:
        a, b = ends[pipe]
        way = nx.bidirectional_shortest_path(drawn, b, a)
        pipes, signs = [pipe], [1.0]
        for start, end in itertools.pairwise(way):
            p = drawn.edges[start, end]["pipe"]
            pipes.append(p)
            signs.append(1.0 if ends[p] == (start, end) else -1.0)
        found.append((pipes, signs))
        drawn.add_edge(a, b, pipe=pipe)
    return _numbered(found)


def _numbered(found: list[tuple[list[int], list[float]]]) -> Loops:
    """Return loops in an order that keeps the envelope narrow, and its pattern."""
    count = len(found)
    touching: dict[int, list[int]] = {}
    for loop, (pipes, _) in enumerate(found):
        for p in pipes:
            touching.setdefault(p, []).append(loop)
    if count:
        pairs = [(a, b) for loops in touching.values() for a in loops for b in loops]
        rows, columns = (np.array(side) for side in zip(*pairs, strict=True))
        pattern = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
        found = [found[k] for k in reverse_cuthill_mckee(pattern, symmetric_mode=True)]
    at_pipe: dict[int, list[tuple[int, float]]] = {}
    for loop, (pipes, signs) in enumerate(found):
        for p, sign in zip(pipes, signs, strict=True):
            at_pipe.setdefault(p, []).append((loop, sign))
    first = list(range(count))
    for loops in at_pipe.values():
        least = min(loop for loop, _ in loops)
        for loop, _ in loops:
            first[loop] = min(first[loop], least)
    start = np.concatenate(([0], np.cumsum([k - first[k] + 1 for k in range(count)]))).astype(np.int64)
    entries = [
        (int(start[a + 1]) - 1 - (a - b), p, sign_a * sign_b)
        for p, loops in at_pipe.items()
        for a, sign_a in loops
        for b, sign_b in loops
        if b <= a
    ]
    return Loops(
        chord=whole([pipes[0] for pipes, _ in found]),
        pointer=whole(np.concatenate(([0], np.cumsum([len(pipes) for pipes, _ in found]))).astype(int).tolist()),
        pipe=whole([p for pipes, _ in found for p in pipes]),
        sign=np.array([sign for _, signs in found for sign in signs], dtype=np.float64),
        row_start=start,
        pair_at=whole([at for at, _, _ in entries]),
        pair_pipe=whole([p for _, p, _ in entries]),
        pair_sign=np.array([sign for *_, sign in entries], dtype=np.float64),
    )
