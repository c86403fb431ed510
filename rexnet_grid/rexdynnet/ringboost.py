r"""What headroom counts on where boosters stand in rings: flows that hold at every speed they may take.

Boosters in rings run as fast as no water goes round in a circle, so their speed, and with it the way of the water,
changes with each draw. Whatever it is, there is no circle:

* in a ring alone whose boosters all lift the same way round, water runs at least as it does with them at rest, and at
  most so far that nothing flows in the last pipe that leads back to the way in: as if that were shut. Along that tree
  each drop is at least the real one, boosters at rest. Where they lift against each other either end may be that pipe,
  and those against a way count in full; for each substation the way counts that drops less;
* in rings that share pipes or have a plant inside, no pipe carries more than all that is drawn behind them and that
  plants there give. Ways go round boosters that lift against them where they can.

The rows are taken with these flows, which is timid where boosters are too weak to come that far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.rexdynnet.booster import outside_rings, still_head_pa
from rexnet_grid.rexdynnet.hydraulics import ALONG, drops
from rexnet_grid.rexdynnet.layout import new_scratch
from rexnet_grid.rexdynnet.sensitivity import flow_factors, flows_for, tree_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork

AGAINST = 1e9


@dataclass(frozen=True)
class Pattern:
    """One way in which the water may run at most.

    Attributes
    ----------
    layout
        The network so, with the boosters in rings at rest.
    held_pa
        (n_substations,) what boosters may hold against the water on each way, of both sides [Pa].
    whole
        (n_pipes, n_nodes) of pipes that may carry all that is drawn behind them 1 or -1 by the direction of their way
        at who draws or gives it, 0 elsewhere.
    drops
        (n_substations,) whose ways it is that bound the real drops best.
    plain
        Whether it is what is foreseen anyway.
    """

    layout: Layout
    held_pa: FloatArray
    whole: FloatArray
    drops: BoolArray
    plain: bool = False

    @classmethod
    def usual(cls, layout: Layout) -> Pattern:
        """Return the pattern of a network without boosters in rings: what is foreseen."""
        none = np.zeros((len(layout.pipe_from), len(layout.node_ptr) - 1))
        return cls(
            layout, np.zeros(len(layout.sub_node)), none, np.ones(len(layout.sub_node), dtype=np.bool_), plain=True
        )

    def of(self, seen: Foresight, side_kg_s: FloatArray) -> Foresight:
        """Return what is foreseen with the water running so; plants beside the main one give ``side_kg_s``."""
        if self.plain:
            return seen
        layout, scratch = self.layout, new_scratch(self.layout)
        factors = flow_factors(layout)
        flow = flows_for(layout, scratch, factors, seen.sub_flow, side_kg_s)
        if len(layout.chord):
            factors = flow_factors(layout, flow[0])
        bound = self.whole.any(axis=1)
        factors, flow = factors.copy(), flow.copy()
        factors[bound] = self.whole[bound]
        factors[np.ix_(bound, layout.plant_node)] *= -1.0
        given = seen.sub_flow @ self.whole[:, layout.sub_node].T + side_kg_s @ self.whole[:, layout.plant_node].T
        flow[:, bound] = given[:, bound]
        return replace(seen, factors=factors, pipe_flow=flow)


def patterns(
    network: HeatNetwork, layout: Layout, closed: tuple[str, ...], stopped: tuple[str, ...], usual_kg_s: FloatArray
) -> list[Pattern]:
    """Return how the water may run at most in a network with boosters in rings, nothing in one without."""
    ringed = np.unique(layout.loop_pipe)
    lifting = ringed[layout.drag[ringed, ALONG] != 0.0]
    if not len(lifting):
        return []
    place = np.argsort(layout.tree_node)
    graph: nx.Graph[int] = nx.Graph()
    for p, name in enumerate(network.pipes):
        if name not in closed:
            graph.add_edge(int(layout.pipe_from[p]), int(layout.pipe_to[p]), pipe=p)
    shut: tuple[list[int], list[int]] = ([], [])
    whole = np.zeros((len(network.pipes), len(layout.node_ptr) - 1))
    for edges in nx.biconnected_component_edges(graph):
        block = graph.edge_subgraph(edges)
        pipes = [block.edges[e]["pipe"] for e in block.edges]
        if not np.isin(pipes, lifting).any():
            continue
        root = min(block, key=lambda node: int(place[node]))
        behind = _behind(graph, block, root)
        cuts = None if any(int(g) in behind for g in layout.plant_node) else _last_pipes(layout, block, root)
        if cuts is None:
            found = _tree(layout, block, root)
            for p in pipes:
                whole[p, behind] = found.get(p, 1.0)
        for k, cut in enumerate(shut):
            cut += [p for p in pipes if p not in found] if cuts is None else [cuts[k]]
    off = (*stopped, *(network.pipes[p] for p in lifting))
    still = np.zeros(len(network.pipes))
    still[lifting] = still_head_pa(layout)[lifting]
    trees, held, most = [], [], []
    for cut in shut if shut[0] != shut[1] else shut[:1]:
        tree = network.layout((*closed, *(network.pipes[p] for p in cut)), off)
        trees.append(tree._replace(sub_needs_pa=layout.sub_needs_pa))
        ways = tree_ways(tree)
        held.append(2.0 * (ways * layout.drag[:, ALONG] < 0.0) @ still)
        flow = flow_factors(tree)[:, layout.sub_node] @ usual_kg_s
        most.append(held[-1] + 2.0 * ways @ drops(tree, flow[None])[0])
    least = np.argmin(most, axis=0)
    rest = Pattern(outside_rings(layout), 0.0 * held[0], 0.0 * whole, np.zeros(len(least), dtype=np.bool_))
    return [*(Pattern(tree, held[k], whole, least == k) for k, tree in enumerate(trees)), rest]


def _behind(graph: nx.Graph[int], block: nx.Graph[int], root: int) -> list[int]:
    """Return the nodes that water reaches through a block from its root, those of the block among them."""
    beyond = graph.subgraph(set(graph) - {root})
    some = next(node for node in block if node != root)
    return sorted(nx.node_connected_component(beyond, some))


def _last_pipes(layout: Layout, block: nx.Graph[int], root: int) -> tuple[int, int] | None:
    """Return the pipes by which a ring's boosters could drive water back to its root, twice the same if of one sense.

    None of what is not a single ring.
    """
    if block.number_of_edges() != block.number_of_nodes():
        return None
    nodes = [a for a, _ in nx.find_cycle(block, root)]
    nodes = nodes[nodes.index(root) :] + nodes[: nodes.index(root)] + [root]
    pipes = [block.edges[a, b]["pipe"] for a, b in pairwise(nodes)]
    turn = [
        layout.drag[p, ALONG] * (1.0 if layout.pipe_to[p] == b else -1.0) for p, b in zip(pipes, nodes[1:], strict=True)
    ]
    senses = {float(np.sign(t)) for t in turn} - {0.0}
    last = {1.0: int(pipes[-1]), -1.0: int(pipes[0])}
    return last[max(senses)], last[min(senses)]


def _tree(layout: Layout, block: nx.Graph[int], root: int) -> dict[int, float]:
    """Return the pipes of the ways through a block that go against as few boosters as can be, and their direction."""

    def drag(_: int, b: int, data: dict[str, int]) -> float:
        p = data["pipe"]
        lifts = layout.drag[p, ALONG] * (1.0 if layout.pipe_to[p] == b else -1.0)
        return float(layout.length_m[p] / layout.diameter_m[p] ** 5) * (AGAINST if lifts < 0.0 else 1.0)

    before = nx.dijkstra_predecessor_and_distance(block, root, weight=drag)[0]
    ways = [(found[0], node) for node, found in before.items() if found]
    return {block.edges[a, b]["pipe"]: 1.0 if layout.pipe_to[block.edges[a, b]["pipe"]] == b else -1.0 for a, b in ways}
