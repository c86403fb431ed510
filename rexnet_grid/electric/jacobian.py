"""The Jacobian of the power flow in polar coordinates, for sensitivities.

Tinney and Hart, "Power flow solution by Newton's method", IEEE Trans. PAS-86 (1967), doi:10.1109/TPAS.1967.291823;
derivatives in the matrix form of Zimmerman, MATPOWER Technical Note 2 (2010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import bmat, csc_matrix, diags

from rexnet_grid.electric.case import PQ, SLACK, ComplexArray, GridCase

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def jacobian(case: GridCase, y: csr_matrix, v: ComplexArray, power: ComplexArray) -> csc_matrix:
    """Return d(P at non-slack, Q at PQ) / d(angle at non-slack, magnitude at PQ) of the mismatch."""
    angle_at = np.flatnonzero(case.node_kind != SLACK)
    size_at = np.flatnonzero(case.node_kind == PQ)
    size = np.abs(v)
    current = y @ v
    d_v, d_i, d_unit = diags(v), diags(current), diags(v / size)
    by_size = d_v @ (y @ d_unit).conj() + d_i.conj() @ d_unit
    by_angle = 1j * d_v @ (d_i - y @ d_v).conj()
    ci, cz, di, dz = case.node_zip.T
    own = case.node_unzipped_kw / (1e3 * case.base_mva)
    slope = (power.real - own) * (ci + 2.0 * cz * size) + 1j * power.imag * (di + 2.0 * dz * size)
    by_size = (by_size - diags(slope)).tocsr()
    by_angle = by_angle.tocsr()
    return csc_matrix(
        bmat(
            [
                [by_angle.real[angle_at][:, angle_at], by_size.real[angle_at][:, size_at]],
                [by_angle.imag[size_at][:, angle_at], by_size.imag[size_at][:, size_at]],
            ]
        )
    )
