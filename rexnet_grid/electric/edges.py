"""The node admittance matrix of a network's arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from rexnet_grid.electric.case import GridCase


def admittance_of(case: GridCase) -> csr_matrix:
    """Return the node admittance matrix [p.u.]."""
    return csr_matrix((case.y_data, case.y_indices, case.y_indptr), shape=(case.n_node, case.n_node))
