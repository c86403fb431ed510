"""The admittance matrix and its edges: what every change of topology works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from rexnet_grid.electric.case import NOWHERE, SLACK, GridCase

if TYPE_CHECKING:
    from numpy.typing import NDArray

NODE_FIELDS = ("node_kind", "node_start", "node_fixed", "node_zip", "node_unzipped_kw", "node_shunt")
TAP_FIELDS = ("tap_side", "tap_position", "tap_neutral", "tap_step", "tap_range")


def admittance_of(case: GridCase) -> csr_matrix:
    """Return the node admittance matrix [p.u.]."""
    return csr_matrix((case.y_data, case.y_indices, case.y_indptr), shape=(case.n_node, case.n_node))


def two_ports(case: GridCase, which: NDArray[np.bool_]) -> csr_matrix:
    """Return what the edges ``which`` (n_edge,) add to the node admittance matrix [p.u.]."""
    f, t, y = case.edge_from[which], case.edge_to[which], case.edge_y[which]
    rows, columns = np.concatenate((f, f, t, t)), np.concatenate((f, t, f, t))
    return csr_matrix((y.T.ravel(), (rows, columns)), shape=(case.n_node, case.n_node))


def alive_part(case: GridCase, admittance: csr_matrix, gone: NDArray[np.bool_]) -> GridCase:
    """Return the case without the edges ``gone`` and without what then has no path to a supply.

    ``admittance`` is the matrix of what stays, dead nodes included.
    """
    f, t = case.edge_from, case.edge_to
    kept = csr_matrix((np.ones((~gone).sum()), (f[~gone], t[~gone])), shape=(case.n_node, case.n_node))
    island = connected_components(kept, directed=False)[1]
    alive = np.isin(island, island[case.node_kind == SLACK])
    return part_of(case, admittance, alive, ~gone & alive[f] & alive[t])


def part_of(case: GridCase, admittance: csr_matrix, alive: NDArray[np.bool_], edge: NDArray[np.bool_]) -> GridCase:
    """Return the case reduced to the nodes ``alive`` and the edges ``edge``."""
    number = np.full(case.n_node + 1, NOWHERE, dtype=np.int64)
    number[:-1][alive] = np.arange(int(alive.sum()))
    bus_node = number[case.bus_node]
    y = csr_matrix(admittance[alive][:, alive])
    y.eliminate_zeros()
    y.sort_indices()
    edge_number = np.cumsum(edge) - 1
    taps = edge[case.tap_edge]
    at = {int(b): i for i, b in enumerate(case.bus_id)}
    supplied = np.array([bus_node[at[int(b)]] != NOWHERE for b in case.supply_bus], dtype=bool)
    live = {int(b) for b, n in zip(case.bus_id, bus_node, strict=True) if n != NOWHERE}
    dark = [b not in live or c not in live for b, c in zip(case.branch_from, case.branch_to, strict=True)]
    carries = np.isin(np.arange(len(case.branch_name)), case.edge_branch[edge])
    arrays = case.to_arrays()
    arrays |= {key: np.ascontiguousarray(arrays[key][alive]) for key in NODE_FIELDS}
    arrays |= {key: np.ascontiguousarray(arrays[key][edge]) for key in ("edge_y", "edge_scale", "edge_branch")}
    arrays |= {key: arrays[key][taps] for key in TAP_FIELDS}
    arrays |= {
        "bus_node": bus_node,
        "y_data": np.ascontiguousarray(y.data),
        "y_indices": y.indices.astype(np.int64),
        "y_indptr": y.indptr.astype(np.int64),
        "edge_from": number[case.edge_from[edge]],
        "edge_to": number[case.edge_to[edge]],
        "branch_idle": np.where(np.array(dark, dtype=bool) & ~carries, np.nan, case.branch_idle),
        "supply_bus": case.supply_bus[supplied],
        "tap_edge": edge_number[case.tap_edge[taps]],
    }
    return GridCase.from_arrays(arrays)
