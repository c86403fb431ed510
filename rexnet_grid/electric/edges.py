"""The node admittance matrix of a network's arrays, and what its edges alone are of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, GridCase


def admittance_of(case: GridCase) -> csr_matrix:
    """Return the node admittance matrix [p.u.]."""
    return csr_matrix((case.y_data, case.y_indices, case.y_indptr), shape=(case.n_node, case.n_node))


def edge_admittance_of(case: GridCase) -> csr_matrix:
    """Return the admittance matrix of the edges alone, shunts left out [p.u.]."""
    return _matrix_of(case, case.edge_y)


def with_two_ports(case: GridCase, edge_y: ComplexArray) -> GridCase:
    """Return the network with other two-ports (n_edge, 4) of its edges [p.u.], as where taps have moved."""
    if edge_y is case.edge_y or np.array_equal(edge_y, case.edge_y):
        return case
    y = csr_matrix(admittance_of(case) + _matrix_of(case, edge_y - case.edge_y))
    y.sort_indices()
    indices, indptr = y.indices.astype(np.int64), y.indptr.astype(np.int64)
    return replace(case, edge_y=edge_y, y_data=y.data, y_indices=indices, y_indptr=indptr)


def _matrix_of(case: GridCase, edge_y: ComplexArray) -> csr_matrix:
    f, t = case.edge_from, case.edge_to
    rows, columns = np.concatenate((f, f, t, t)), np.concatenate((f, t, f, t))
    return csr_matrix((edge_y.T.ravel(), (rows, columns)), shape=(case.n_node, case.n_node))
