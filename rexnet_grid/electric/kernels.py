"""Compiled loops: the fixed point on the factorised node admittances, and what flows in the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray


@njit(cache=True, error_model="numpy")
def solve_factored(
    l_ptr: IntArray,
    l_row: IntArray,
    l_val: ComplexArray,
    u_ptr: IntArray,
    u_row: IntArray,
    u_val: ComplexArray,
    u_diag: ComplexArray,
    perm_r: IntArray,
    perm_c: IntArray,
    right: ComplexArray,
    work: ComplexArray,
    out: ComplexArray,
) -> None:
    """Solve L U x = right (rows permuted by ``perm_r``, columns by ``perm_c``), both factors by column, in place."""
    n = len(right)
    for i in range(n):
        work[perm_r[i]] = right[i]
    for j in range(n):
        x = work[j]
        if x != 0.0:
            for k in range(l_ptr[j], l_ptr[j + 1]):
                work[l_row[k]] -= l_val[k] * x
    for j in range(n - 1, -1, -1):
        x = work[j] * u_diag[j]
        work[j] = x
        for k in range(u_ptr[j], u_ptr[j + 1]):
            work[u_row[k]] -= u_val[k] * x
    for i in range(n):
        out[i] = work[perm_c[i]]


@njit(cache=True, error_model="numpy")
def fixed_point(
    factor_int: IntArray,
    factor_val: ComplexArray,
    sizes: IntArray,
    idle: ComplexArray,
    power: ComplexArray,
    zip_share: FloatArray,
    unzipped: FloatArray,
    start: ComplexArray,
    tolerance: float,
    most: int,
) -> tuple[ComplexArray, IntArray]:
    """Iterate V = W + Z conj(S(|V|) / V) for every case.

    Parameters are packed: ``factor_int`` holds the index arrays of both factors one after the other, ``sizes`` where
    each begins; ``idle`` (n,) is W; ``power`` (n_case, n) S at nominal voltage; ``start`` (n,) the first guess.
    Returns the voltages (n_case, n), and the iterations of each case, -1 where none was found.
    """
    n = len(idle)
    cases = len(power)
    l_ptr, l_row = factor_int[: sizes[0]], factor_int[sizes[0] : sizes[1]]
    u_ptr, u_row = factor_int[sizes[1] : sizes[2]], factor_int[sizes[2] : sizes[3]]
    perm_r, perm_c = factor_int[sizes[3] : sizes[4]], factor_int[sizes[4] : sizes[5]]
    n_l, n_u = sizes[1] - sizes[0], sizes[3] - sizes[2]
    l_val, u_val, u_diag = factor_val[:n_l], factor_val[n_l : n_l + n_u], factor_val[n_l + n_u :]
    voltage = np.empty((cases, n), dtype=np.complex128)
    rounds = np.empty(cases, dtype=np.int64)
    current = np.empty(n, dtype=np.complex128)
    work = np.empty(n, dtype=np.complex128)
    drop = np.empty(n, dtype=np.complex128)
    has_zip = len(zip_share) > 0
    for case in range(cases):
        v = voltage[case]
        v[:] = start
        rounds[case] = -1
        before = np.inf
        worse = 0
        for k in range(most):
            for i in range(n):
                s = power[case, i]
                if has_zip:
                    m = abs(v[i])
                    p = unzipped[i] + (s.real - unzipped[i]) * (
                        1.0 - zip_share[i, 0] - zip_share[i, 1] + zip_share[i, 0] * m + zip_share[i, 1] * m * m
                    )
                    q = s.imag * (
                        1.0 - zip_share[i, 2] - zip_share[i, 3] + zip_share[i, 2] * m + zip_share[i, 3] * m * m
                    )
                    s = complex(p, q)
                w = v[i]
                inverse = 1.0 / (w.real * w.real + w.imag * w.imag)
                a = (s.real * w.real + s.imag * w.imag) * inverse
                b = (s.real * w.imag - s.imag * w.real) * inverse
                current[i] = complex(a, b)
            solve_factored(l_ptr, l_row, l_val, u_ptr, u_row, u_val, u_diag, perm_r, perm_c, current, work, drop)
            change = 0.0
            for i in range(n):
                new = idle[i] + drop[i]
                step = new - v[i]
                size = step.real * step.real + step.imag * step.imag
                if not (size <= change):
                    change = size
                v[i] = new
            if not np.isfinite(change):
                break
            if change < tolerance * tolerance:
                rounds[case] = k + 1
                break
            worse = worse + 1 if change >= before else 0
            before = change
            if worse >= 5:
                break
    return voltage, rounds


@njit(cache=True, error_model="numpy")
def edge_flows(
    voltage: ComplexArray,
    edge_from: IntArray,
    edge_to: IntArray,
    edge_y: ComplexArray,
    edge_scale: FloatArray,
    edge_branch: IntArray,
    branch_idle: FloatArray,
    conductance: FloatArray,
    slack: IntArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return loading (n_case, n_branch) [%], loss in edges, power in shunts and power out of ``slack`` [p.u.]."""
    cases = len(voltage)
    loading = np.empty((cases, len(branch_idle)))
    loss = np.zeros(cases)
    shunt = np.zeros(cases)
    given = np.zeros(cases)
    is_slack = np.zeros(len(conductance), dtype=np.bool_)
    is_slack[slack] = True
    for case in range(cases):
        v = voltage[case]
        row = loading[case]
        row[:] = branch_idle
        for e in range(len(edge_from)):
            f, t = edge_from[e], edge_to[e]
            vf, vt = v[f], v[t]
            i_f = edge_y[e, 0] * vf + edge_y[e, 1] * vt
            i_t = edge_y[e, 2] * vf + edge_y[e, 3] * vt
            p_f = vf.real * i_f.real + vf.imag * i_f.imag
            p_t = vt.real * i_t.real + vt.imag * i_t.imag
            loss[case] += p_f + p_t
            if is_slack[f]:
                given[case] += p_f
            if is_slack[t]:
                given[case] += p_t
            b = edge_branch[e]
            if b >= 0:
                at_f = np.sqrt(i_f.real * i_f.real + i_f.imag * i_f.imag) * edge_scale[e, 0]
                at_t = np.sqrt(i_t.real * i_t.real + i_t.imag * i_t.imag) * edge_scale[e, 1]
                x = max(at_f, at_t)
                if not (x <= row[b]) and not np.isnan(branch_idle[b]):
                    row[b] = x
        for i in range(len(conductance)):
            if conductance[i] != 0.0:
                p = conductance[i] * (v[i].real * v[i].real + v[i].imag * v[i].imag)
                shunt[case] += p
                if is_slack[i]:
                    given[case] += p
    return loading, loss, shunt, given
