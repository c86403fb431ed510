"""Newton-Raphson in polar coordinates, for networks with voltage-controlled nodes and for hard cases.

Tinney and Hart, "Power flow solution by Newton's method", IEEE Trans. PAS-86 (1967), doi:10.1109/TPAS.1967.291823;
derivatives in the matrix form of Zimmerman, MATPOWER Technical Note 2 (2010).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import bmat, csc_matrix, diags
from scipy.sparse.linalg import splu

from rexnet_grid.electric.case import PQ, SLACK, ComplexArray, FloatArray, GridCase

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MISMATCH = 1e-11
MOST_STEPS = 30


def newton(case: GridCase, y: csr_matrix, power: ComplexArray, start: ComplexArray) -> tuple[ComplexArray, bool]:
    """Return node voltages [p.u.] and whether the mismatch fell below ``MISMATCH`` (relative to the largest power).

    Parameters
    ----------
    case
        The network; slack nodes keep their voltage, PV nodes their magnitude.
    y
        Its node admittance matrix [p.u.].
    power
        (n_node,) injections at nominal voltage [p.u.]; the reactive part at PV nodes is ignored.
    start
        (n_node,) first guess [p.u.].
    """
    angle_at = np.flatnonzero(case.node_kind != SLACK)
    size_at = np.flatnonzero(case.node_kind == PQ)
    v = start.copy()
    scale = max(1e-3, float(np.max(np.abs(power), initial=0.0)))
    last = np.inf
    for _ in range(MOST_STEPS):
        off = v * np.conj(y @ v) - power_at(case, power, np.abs(v))
        f = np.concatenate((off.real[angle_at], off.imag[size_at]))
        worst = float(np.max(np.abs(f), initial=0.0))
        if not np.isfinite(worst):
            return v, False
        if worst < MISMATCH * scale or (worst < 1e-9 * scale and worst > 0.5 * last):
            return v, True
        last = worst
        try:
            step = splu(jacobian(case, y, v, power)).solve(f)
        except RuntimeError:
            return v, False
        angle, size = np.angle(v), np.abs(v)
        angle[angle_at] -= step[: len(angle_at)]
        size[size_at] -= step[len(angle_at) :]
        v = size * np.exp(1j * angle)
    return v, False


def power_at(case: GridCase, power: ComplexArray, size: FloatArray) -> ComplexArray:
    """Return the injections at voltage magnitudes ``size`` [p.u.], with constant-current and -impedance shares."""
    ci, cz, di, dz = case.node_zip.T
    own = case.node_unzipped_kw / (1e3 * case.base_mva)
    p = own + (power.real - own) * (1.0 - ci - cz + ci * size + cz * size**2)
    q = power.imag * (1.0 - di - dz + di * size + dz * size**2)
    return np.asarray(p + 1j * q)


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
