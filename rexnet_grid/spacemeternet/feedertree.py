"""Radial feeders as sets of descendants, and the linear model of their voltages.

In the linearised DistFlow equations (Baran and Wu 1989, DOI 10.1109/61.25627) the squared voltage of customer i is::

    v_i² = v_0² + Σ_j c_ij p_j + d_ij q_j,   c_ij = Σ_e r_e [i below e][j below e],   d_ij likewise with x_e

so that a tree is no more than the sets D_e of the customers below each of its edges, and c and d are linear in the
non-negative edge values r_e and x_e.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rexnet_grid.errors import Issue, MeterDataError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FeederTree:
    """Which customers lie below each edge.

    Attributes
    ----------
    below
        (edges, customers), no two rows alike and none empty.
    """

    below: BoolArray

    @classmethod
    def from_graph(cls, graph: nx.Graph, root: Hashable, customers: Sequence[str]) -> FeederTree:
        """Return the tree of a radial graph; edges with the same customers below act as one.

        Raises
        ------
        MeterDataError
            If the graph is no tree or a customer is not in it.
        """
        names = {str(node): node for node in graph.nodes}
        issues = [Issue("tree", c, "", "a node of the tree") for c in customers if c not in names]
        if str(root) not in names:
            issues.append(Issue("tree", str(root), "", "the root to be a node of the tree"))
        if not nx.is_tree(nx.Graph(graph)):
            issues.append(Issue("tree", "graph", "a graph with loops or parts", "one tree"))
        if issues:
            raise MeterDataError(issues)
        directed = nx.bfs_tree(nx.Graph(graph), names[str(root)])
        column = {names[c]: i for i, c in enumerate(customers)}
        rows: dict[bytes, BoolArray] = {}
        for node in nx.dfs_postorder_nodes(directed, names[str(root)]):
            below = np.zeros(len(customers), dtype=bool)
            for other in (node, *nx.descendants(directed, node)):
                if other in column:
                    below[column[other]] = True
            if node != names[str(root)] and below.any():
                rows[below.tobytes()] = below
        rows.setdefault(np.ones(len(customers), dtype=bool).tobytes(), np.ones(len(customers), dtype=bool))
        return cls(np.array([rows[key] for key in sorted(rows)]))

    @classmethod
    def from_shared(cls, shared: FloatArray) -> FeederTree:
        """Return the tree that joins customers in the order of the resistance they share, by average linkage.

        The shared resistance is the depth of the lowest common ancestor, so joining the pair that shares most, again
        and again, rebuilds the tree from its leaves.

        Parameters
        ----------
        shared
            (customers, customers) symmetric estimate of c.
        """
        n = len(shared)
        groups = [np.eye(n, dtype=bool)[i] for i in range(n)]
        rows = list(groups)
        similarity = shared.astype(float).copy()
        np.fill_diagonal(similarity, -np.inf)
        alive = list(range(n))
        while len(alive) > 1:
            block = similarity[np.ix_(alive, alive)]
            a, b = np.unravel_index(int(np.argmax(block)), block.shape)
            i, j = alive[min(a, b)], alive[max(a, b)]
            wi, wj = groups[i].sum(), groups[j].sum()
            merged = (wi * similarity[i] + wj * similarity[j]) / (wi + wj)
            similarity[i], similarity[:, i] = merged, merged
            similarity[i, i] = -np.inf
            groups[i] = groups[i] | groups[j]
            rows.append(groups[i])
            alive.remove(j)
        return cls(np.array(rows))

    def key(self) -> bytes:
        """Return what tells trees apart, whatever the order of their edges."""
        return b"|".join(sorted(row.tobytes() for row in self.below))

    def swaps(self, row: int) -> list[FeederTree]:
        """Return the trees in which the branch below edge ``row`` trades one of its parts for its neighbour.

        An edge over two parts A and B, beside a neighbour C under the same parent, may as well be one over A and C or
        over B and C.
        """
        inside = self.below[row]
        sizes = self.below.sum(axis=1)
        above = [k for k in range(len(self.below)) if sizes[k] > sizes[row] and not (inside & ~self.below[k]).any()]
        parts = [k for k in range(len(self.below)) if sizes[k] < sizes[row] and not (self.below[k] & ~inside).any()]
        if not above or not parts:
            return []
        neighbour = self.below[min(above, key=lambda k: (sizes[k], k))] & ~inside
        part = self.below[max(parts, key=lambda k: (sizes[k], -k))]
        out = []
        for kept in (part, inside & ~part):
            below = self.below.copy()
            below[row] = kept | neighbour
            out.append(FeederTree(below))
        return out

    def matrix(self, edge_values: FloatArray) -> FloatArray:
        """Return (customers, customers) Σ_e value_e [i below e][j below e]."""
        rows = self.below.astype(float)
        return np.asarray((rows.T * edge_values) @ rows)
