"""Compiled Newton-Raphson for one topology and many injections, its Jacobian factored by blocks of two by two.

A node has two unknowns, its angle and the logarithm of its magnitude, and two equations, P and Q; the blocks have the
pattern of the node admittances and are eliminated in the order that suits those, so the fill is found once a topology.
A factor is kept as long as it contracts: where the mismatch falls by less than ``KEEP`` in a round, it is made anew.

Tinney and Hart, "Power flow solution by Newton's method", IEEE Trans. PAS-86 (1967), doi:10.1109/TPAS.1967.291823; to
keep the factor for several rounds is Shamanskii's method (Ukrainian Math. J. 19 (1967) 133).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.electric.kernels import BUS_NODE, NOT_FINITE, fill, flows, inject, zipped
from rexnet_grid.electric.packing import complexes, integers, numbers

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray

# parts of a packed plan; a place is a node in the order of elimination, slack nodes behind the others
ORDER, HOLDS, Y_PTR, Y_COL, Y_VAL, F_PTR, F_COL, F_DIAG = range(8)
HELD, PLACE_ZIP, PLACE_UNZIPPED, REST, USUAL, BASE, BASE_FACTOR = range(8, 15)

MISMATCH = 1e-11
STALLED = 1e-9
LEAST_SCALE = 1e-3
ROUNDING = 1e-14
KEEP = 0.1
SUNK = 0.3
DEEP = 0.5
UNUSUAL = 0.75
FAR_BELOW_BASE = 0.9
MOST_STEPS = 40


@njit(cache=True, error_model="numpy")
def newton_flows(
    packed: FloatArray,
    plan: FloatArray,
    base_mva: float,
    kw: FloatArray,
    kvar: FloatArray,
    first: ComplexArray,
    out: FloatArray,
    only_lost: bool,
) -> int:
    """Fill ``out`` as :func:`kernels.power_flows` does; with ``only_lost`` just the cases left unsolved there.

    The first guess is ``first`` (n_node,), or the base solution of the plan with its factor; where neither leads
    anywhere, the plan's state at rest. A case whose only solution found lies below the nose counts as unsolved, see
    :func:`lifted`.
    """
    order = integers(plan, ORDER)
    n, n_free = len(order), len(integers(plan, HOLDS))
    cases = len(kw) // len(integers(packed, BUS_NODE))
    voltage = out[: 2 * n * cases].view(np.complex128).reshape(cases, n)
    power = out[2 * n * cases : 4 * n * cases].view(np.complex128).reshape(cases, n)
    if not only_lost and not inject(packed, base_mva, kw, kvar, power):
        return NOT_FINITE
    rest, base, kept = complexes(plan, REST), complexes(plan, BASE), numbers(plan, BASE_FACTOR)
    own = np.empty(4 * len(integers(plan, F_COL)))
    v = np.empty(n, dtype=np.complex128)
    s = np.empty(n_free, dtype=np.complex128)
    lost = 0
    for case in range(cases):
        if only_lost and out[len(out) - cases + case] >= 0.0:
            continue
        for i in range(n_free):
            s[i] = power[case, order[i]]
        rounds = -1
        if len(first) > 0 or len(base) > 0:
            fill(v, rest)
            for i in range(n_free):
                v[i] = first[order[i]] if len(first) > 0 else base[i]
            rounds = settle(plan, s, v, kept, own, KEEP)
        if rounds < 0:
            fill(v, rest)
            rounds = settle(plan, s, v, kept[:0], own, KEEP)
        rounds = lifted(plan, s, v, own, rounds)
        lost += rounds < 0
        for i in range(n):
            voltage[case, order[i]] = v[i]
        flows(packed, base_mva, case, cases, rounds, out)
    return lost


@njit(cache=True, error_model="numpy")
def lifted(plan: FloatArray, s: ComplexArray, v: ComplexArray, own: FloatArray, rounds: int) -> int:
    """Return ``rounds``, or where the solution may be one of low voltage those of plain Newton from rest.

    The factor that is kept for several rounds can lead past the solution of high voltage, plain Newton seldom does.
    Of a load behind a reactance the solution of low voltage is below 0.71 of the voltage at rest, and the determinant
    of the Jacobian has changed its sign, which it does where the two solutions meet (Venikov et al., IEEE Trans.
    PAS-94 (1975) 1034, doi:10.1109/T-PAS.1975.31937). So a solution with a voltage that is not usual is kept where the
    determinant is positive and no voltage below half of that at rest. Returns -1 where what is left has a voltage so
    low that it is a solution below the nose, not to be had.
    """
    if rounds < 0 or not below(v, numbers(plan, USUAL), 1.0):
        return rounds
    rest = complexes(plan, REST)
    at_rest = np.abs(rest[: len(integers(plan, HOLDS))])
    if not below(v, at_rest, DEEP) and upright(plan, s, v, own):
        return rounds
    found = v.copy()
    fill(v, rest)
    again = settle(plan, s, v, own[:0], own, 0.0)
    if again < 0:
        fill(v, found)
    else:
        rounds = again
    return -1 if below(v, at_rest, SUNK) else rounds


@njit(cache=True, error_model="numpy")
def below(v: ComplexArray, usual: FloatArray, share: float) -> bool:
    """Return whether a voltage is less than this share of the usual one; both by place, as many as ``usual`` has."""
    low = 0
    for i in range(len(usual)):
        low += abs(v[i]) < share * usual[i]
    return low > 0


@njit(cache=True, error_model="numpy")
def upright(plan: FloatArray, s: ComplexArray, v: ComplexArray, own: FloatArray) -> bool:
    """Return whether the determinant of the Jacobian at ``v`` is positive; ``own`` takes its factor."""
    f_diag = integers(plan, F_DIAG)
    n = len(f_diag)
    calculated, f = np.empty(n, dtype=np.complex128), np.empty(2 * n)
    mismatch(plan, s, v, calculated, f)
    if not factor_jacobian(plan, s, v, calculated, own):
        return False
    turned = 0
    for i in range(n):
        d = 4 * f_diag[i]
        turned += own[d] * own[d + 3] < own[d + 1] * own[d + 2]
    return turned % 2 == 0


@njit(cache=True, error_model="numpy")
def settle(plan: FloatArray, s: ComplexArray, v: ComplexArray, kept: FloatArray, own: FloatArray, keep: float) -> int:
    """Move ``v`` (by place) to where the injections ``s`` [p.u.] are met; return the rounds, -1 without a solution.

    ``kept`` is a factor to begin with, or empty; ``own`` takes the factors that are made, the last one to stay.
    A factor is made anew where a round leaves more than the share ``keep`` of the mismatch; 0 is plain Newton. The last
    step, whose mismatch nobody looks at, takes off what the scale of large injections leaves of small ones.
    """
    holds, held = integers(plan, HOLDS), numbers(plan, HELD)
    n = len(holds)
    scale = LEAST_SCALE
    for i in range(n):
        scale = max(scale, abs(s[i]))
        if holds[i]:
            v[i] *= held[i] / abs(v[i])
    f = np.empty(2 * n)
    calculated = np.empty(n, dtype=np.complex128)
    factor, fresh = kept, False
    last = np.inf
    for k in range(MOST_STEPS):
        worst = mismatch(plan, s, v, calculated, f)
        if not np.isfinite(worst):
            return -1
        stuck = fresh and worst > 0.5 * last
        met = worst < MISMATCH * scale or (stuck and worst < max(STALLED * scale, rounding(plan)))
        if met and len(factor) == 0:
            return k + 1
        fresh = not met and (len(factor) == 0 or worst > keep * last)
        if fresh:
            if not factor_jacobian(plan, s, v, calculated, own):
                return -1
            factor = own
        last = worst
        solve_blocks(plan, factor, f)
        step(holds, held, f, v)
        if met:
            return k + 1
    return -1


@njit(cache=True, error_model="numpy")
def step(holds: IntArray, held: FloatArray, f: FloatArray, v: ComplexArray) -> None:
    """Take the corrections ``f`` of angles and log-magnitudes off ``v``; held magnitudes stay."""
    for i in range(len(holds)):
        angle, shrink = f[2 * i], 1.0 - f[2 * i + 1]
        turned = v[i] * complex(1.0, -angle)
        if holds[i]:
            v[i] = turned * (held[i] / abs(turned))
        else:
            v[i] = turned * (shrink / np.sqrt(1.0 + angle * angle))


@njit(cache=True, error_model="numpy")
def rounding(plan: FloatArray) -> float:
    """Return the mismatch that rounding alone may leave [p.u.]: a node's flows cancel to it from |Y| |V|^2."""
    largest = 0.0
    for y in complexes(plan, Y_VAL):
        largest = max(largest, abs(y))
    return ROUNDING * largest


@njit(cache=True, error_model="numpy")
def mismatch(plan: FloatArray, s: ComplexArray, v: ComplexArray, calculated: ComplexArray, f: FloatArray) -> float:
    """Fill ``calculated`` (injections at ``v``) and ``f`` (P, Q of what they exceed ``s`` by); return the largest."""
    ptr, col, val = integers(plan, Y_PTR), integers(plan, Y_COL), complexes(plan, Y_VAL)
    holds, zip_share, unzipped = integers(plan, HOLDS), numbers(plan, PLACE_ZIP), numbers(plan, PLACE_UNZIPPED)
    worst = 0.0
    for i in range(len(holds)):
        current = 0j
        for e in range(ptr[i], ptr[i + 1]):
            current += val[e] * v[col[e]]
        w = v[i]
        p = w.real * current.real + w.imag * current.imag
        q = w.imag * current.real - w.real * current.imag
        calculated[i] = complex(p, q)
        given = s[i]
        if len(zip_share) > 0:
            given = zipped(zip_share, unzipped, i, given, abs(w))
        f[2 * i] = p - given.real
        f[2 * i + 1] = 0.0 if holds[i] else q - given.imag
        size = max(abs(f[2 * i]), abs(f[2 * i + 1]))
        if not (size <= worst):
            worst = size
    return worst


@njit(cache=True, error_model="numpy")
def factor_jacobian(
    plan: FloatArray, s: ComplexArray, v: ComplexArray, calculated: ComplexArray, factor: FloatArray
) -> bool:
    """Fill ``factor`` with L (unit diagonal) and U of the Jacobian, diagonal blocks inverted; False when singular."""
    f_ptr, f_col, f_diag = integers(plan, F_PTR), integers(plan, F_COL), integers(plan, F_DIAG)
    w = np.zeros(4 * len(f_diag))
    for i in range(len(f_diag)):
        jacobian_row(plan, s, v, calculated, i, w)
        for e in range(f_ptr[i], f_diag[i]):
            k = f_col[e]
            d = 4 * f_diag[k]
            w0, w1, w2, w3 = w[4 * k], w[4 * k + 1], w[4 * k + 2], w[4 * k + 3]
            l0 = w0 * factor[d] + w1 * factor[d + 2]
            l1 = w0 * factor[d + 1] + w1 * factor[d + 3]
            l2 = w2 * factor[d] + w3 * factor[d + 2]
            l3 = w2 * factor[d + 1] + w3 * factor[d + 3]
            w[4 * k], w[4 * k + 1], w[4 * k + 2], w[4 * k + 3] = l0, l1, l2, l3
            for t in range(f_diag[k] + 1, f_ptr[k + 1]):
                j = 4 * f_col[t]
                u = 4 * t
                w[j] -= l0 * factor[u] + l1 * factor[u + 2]
                w[j + 1] -= l0 * factor[u + 1] + l1 * factor[u + 3]
                w[j + 2] -= l2 * factor[u] + l3 * factor[u + 2]
                w[j + 3] -= l2 * factor[u + 1] + l3 * factor[u + 3]
        w0, w1, w2, w3 = w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]
        determinant = w0 * w3 - w1 * w2
        if determinant == 0.0 or not np.isfinite(determinant):
            return False
        w[4 * i], w[4 * i + 1] = w3 / determinant, -w1 / determinant
        w[4 * i + 2], w[4 * i + 3] = -w2 / determinant, w0 / determinant
        for e in range(f_ptr[i], f_ptr[i + 1]):
            for c in range(4):
                factor[4 * e + c] = w[4 * f_col[e] + c]
                w[4 * f_col[e] + c] = 0.0
    return True


@njit(cache=True, error_model="numpy")
def jacobian_row(
    plan: FloatArray, s: ComplexArray, v: ComplexArray, calculated: ComplexArray, i: int, w: FloatArray
) -> None:
    """Fill the zeros of ``w`` (4 a place) with the blocks of row ``i``.

    With A_ij = V_i conj(Y_ij V_j) = a + jb the block of P_i, Q_i by angle and log-magnitude of j is (b, a; -a, b); the
    diagonal has (-Q, P; P, Q) of the injection more, and the slope of voltage-dependent shares less.
    """
    ptr, col, val = integers(plan, Y_PTR), integers(plan, Y_COL), complexes(plan, Y_VAL)
    holds, zip_share, unzipped = integers(plan, HOLDS), numbers(plan, PLACE_ZIP), numbers(plan, PLACE_UNZIPPED)
    n = len(holds)
    for e in range(ptr[i], ptr[i + 1]):
        j = 4 * col[e]
        if col[e] < n:
            a = v[i] * np.conj(val[e] * v[col[e]])
            w[j], w[j + 1] = a.imag, a.real
            if not holds[i]:
                w[j + 2], w[j + 3] = -a.real, a.imag
    w[4 * i] -= calculated[i].imag
    w[4 * i + 1] += calculated[i].real
    w[4 * i + 2] += calculated[i].real
    w[4 * i + 3] += calculated[i].imag
    if len(zip_share) > 0:
        m = abs(v[i])
        ci, cz, di, dz = zip_share[4 * i], zip_share[4 * i + 1], zip_share[4 * i + 2], zip_share[4 * i + 3]
        w[4 * i + 1] -= m * (s[i].real - unzipped[i]) * (ci + 2.0 * cz * m)
        w[4 * i + 3] -= m * s[i].imag * (di + 2.0 * dz * m)
    if holds[i]:
        w[4 * i + 2], w[4 * i + 3] = 0.0, 1.0


@njit(cache=True, error_model="numpy")
def solve_blocks(plan: FloatArray, factor: FloatArray, f: FloatArray) -> None:
    """Solve in place with the factors of :func:`factor_jacobian`; ``f`` (2 n,) has two entries a place."""
    f_ptr, f_col, f_diag = integers(plan, F_PTR), integers(plan, F_COL), integers(plan, F_DIAG)
    n = len(f_diag)
    for i in range(n):
        p, q = f[2 * i], f[2 * i + 1]
        for e in range(f_ptr[i], f_diag[i]):
            k, t = 2 * f_col[e], 4 * e
            p -= factor[t] * f[k] + factor[t + 1] * f[k + 1]
            q -= factor[t + 2] * f[k] + factor[t + 3] * f[k + 1]
        f[2 * i], f[2 * i + 1] = p, q
    for i in range(n - 1, -1, -1):
        p, q = f[2 * i], f[2 * i + 1]
        for e in range(f_diag[i] + 1, f_ptr[i + 1]):
            k, t = 2 * f_col[e], 4 * e
            p -= factor[t] * f[k] + factor[t + 1] * f[k + 1]
            q -= factor[t + 2] * f[k] + factor[t + 3] * f[k + 1]
        d = 4 * f_diag[i]
        f[2 * i], f[2 * i + 1] = factor[d] * p + factor[d + 1] * q, factor[d + 2] * p + factor[d + 3] * q


@njit(cache=True, error_model="numpy")
def injection_slopes(
    plan: FloatArray, voltage: ComplexArray, power: ComplexArray, gradient: ComplexArray
) -> ComplexArray:
    """Return (n_case, n_node) how a quantity answers to P (real part) and Q (imaginary part) injected at each node.

    ``gradient`` (n_case, n_node) is g of its change Re(g dV) with the voltages. With dV = V (j d(angle) + d(log |V|))
    that is a row c of the unknowns, and the slopes are J^-T c: one transposed solve for all nodes. Zero at slack nodes,
    for Q also where a generator holds the voltage.
    """
    order, holds = integers(plan, ORDER), integers(plan, HOLDS)
    n = len(holds)
    slopes = np.zeros(voltage.shape, dtype=np.complex128)
    v, s = np.empty(len(order), dtype=np.complex128), np.empty(n, dtype=np.complex128)
    calculated, f = np.empty(n, dtype=np.complex128), np.empty(2 * n)
    factor = np.empty(4 * len(integers(plan, F_COL)))
    for case in range(len(voltage)):
        for i in range(len(order)):
            v[i] = voltage[case, order[i]]
        for i in range(n):
            s[i] = power[case, order[i]]
        mismatch(plan, s, v, calculated, f)
        if not factor_jacobian(plan, s, v, calculated, factor):
            slopes[case] = np.nan
            continue
        for i in range(n):
            turned = gradient[case, order[i]] * v[i]
            f[2 * i] = -turned.imag
            f[2 * i + 1] = 0.0 if holds[i] else turned.real
        solve_transposed(plan, factor, f)
        for i in range(n):
            slopes[case, order[i]] = complex(f[2 * i], 0.0 if holds[i] else f[2 * i + 1])
    return slopes


@njit(cache=True, error_model="numpy")
def solve_transposed(plan: FloatArray, factor: FloatArray, f: FloatArray) -> None:
    """Solve with the transpose of the factored matrix, in place."""
    f_ptr, f_col, f_diag = integers(plan, F_PTR), integers(plan, F_COL), integers(plan, F_DIAG)
    n = len(f_diag)
    for i in range(n):
        d = 4 * f_diag[i]
        p, q = f[2 * i], f[2 * i + 1]
        p, q = factor[d] * p + factor[d + 2] * q, factor[d + 1] * p + factor[d + 3] * q
        f[2 * i], f[2 * i + 1] = p, q
        for e in range(f_diag[i] + 1, f_ptr[i + 1]):
            k, t = 2 * f_col[e], 4 * e
            f[k] -= factor[t] * p + factor[t + 2] * q
            f[k + 1] -= factor[t + 1] * p + factor[t + 3] * q
    for i in range(n - 1, -1, -1):
        p, q = f[2 * i], f[2 * i + 1]
        for e in range(f_ptr[i], f_diag[i]):
            k, t = 2 * f_col[e], 4 * e
            f[k] -= factor[t] * p + factor[t + 2] * q
            f[k + 1] -= factor[t + 1] * p + factor[t + 3] * q
