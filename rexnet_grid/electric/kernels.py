"""Compiled loops: injections at buses in, voltages and loadings out, by the fixed point on the factorised admittances.

One call takes the topology as one packed array (:mod:`rexnet_grid.electric.packing`) and writes all its results into
one array, section by section, each section with all cases behind one another:

===== ==================== =============================================================
part  length a case        content
===== ==================== =============================================================
0     2 x n_node           complex node voltages [p.u.]
1     2 x n_node           complex node injections at nominal voltage [p.u.]
2     n_branch             loading [%]
3     n_bus                voltage magnitude [p.u.], NaN without supply
4-6   1                    losses in edges, power of shunts, what the supply gives [kW]
7     1                    iterations; -1 without a solution, and all else is NaN
===== ==================== =============================================================

Arrays are copied entry by entry: an assignment of whole arrays would bring numba's code for the text of an error about
their shapes, which takes as long to compile as all of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit

from rexnet_grid.compiled import compiled_inside
from rexnet_grid.electric.packing import complexes, integers, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.electric.case import ComplexArray, FloatArray

    Function = TypeVar("Function", bound=Callable[..., Any])

# parts of a packed topology
L_PTR, L_ROW, U_PTR, U_ROW, PERM_R, PERM_C = range(6)
FACTOR, FREE, SLACK, BUS_NODE, EDGE_FROM, EDGE_TO, EDGE_BRANCH, EDGE_SLACK = range(6, 14)
IDLE, START, FIXED, EDGE_Y, EDGE_SCALE, BRANCH_IDLE, SHUNT, ZIP, UNZIPPED = range(14, 23)

TO_KW = 1e3
TOLERANCE = 5e-13
LAST_CHANGE = 2e-10
MOST_ITERATIONS = 80
NOT_FINITE = -1


def inner(function: Function) -> Function:
    """Compile a function that only the loops of this package call: it becomes part of each of them."""
    return compiled_inside(function, _nrt=False, forceinline=True)


def part(function: Function) -> Function:
    """Splice a function that one loop calls in one place into that loop, before it is compiled."""
    return compiled_inside(function, _nrt=False, inline="always")


@njit(cache=True, error_model="numpy")
def power_flows(
    packed: FloatArray, base_mva: float, kw: FloatArray, kvar: FloatArray, first: ComplexArray, out: FloatArray
) -> int:
    """Fill ``out`` and return how many cases the fixed point did not solve, -1 when an injection is not finite.

    ``kw`` and ``kvar`` hold the injections of all cases by bus, one case after the other [kW], [kvar]; no kvar means
    zero. ``first`` (n_node,) is the first guess, empty for the idle voltages.
    """
    n, n_bus = len(complexes(packed, START)), len(integers(packed, BUS_NODE))
    cases = len(kw) // n_bus
    voltage = out[: 2 * n * cases].view(np.complex128).reshape(cases, n)
    power = out[2 * n * cases : 4 * n * cases].view(np.complex128).reshape(cases, n)
    if not inject(packed, base_mva, kw, kvar, power):
        return NOT_FINITE
    free, idle = integers(packed, FREE), complexes(packed, IDLE)
    slack, start = integers(packed, SLACK), complexes(packed, START)
    current = np.empty(len(free), dtype=np.complex128)
    lost = 0
    for case in range(cases):
        v = voltage[case]
        for k in range(len(free)):
            v[free[k]] = first[free[k]] if len(first) > 0 else idle[k]
        for k in range(len(slack)):
            v[slack[k]] = start[slack[k]]
        rounds = fixed_point(packed, power[case], v, current)
        lost += rounds < 0
        flows(packed, base_mva, case, cases, rounds, out)
    return lost


@inner
def inject(packed: FloatArray, base_mva: float, kw: FloatArray, kvar: FloatArray, power: ComplexArray) -> bool:
    """Fill ``power`` (n_case, n_node) [p.u.], buses on one node added up; return whether all injections are finite."""
    node, fixed = integers(packed, BUS_NODE), complexes(packed, FIXED)
    per_kw = 1.0 / (TO_KW * base_mva)
    n_bus = len(node)
    check = 0.0
    for case in range(len(power)):
        row = power[case]
        fill(row, fixed)
        for bus in range(n_bus):
            at = case * n_bus + bus
            p = kw[at]
            q = kvar[at] if len(kvar) > 0 else 0.0
            check += 0.0 * p + 0.0 * q
            if node[bus] >= 0:
                row[node[bus]] += complex(p * per_kw, q * per_kw)
    return check == 0.0


@inner
def fill(target: ComplexArray, source: ComplexArray) -> None:
    """Copy ``source`` into ``target``."""
    for i in range(len(source)):
        target[i] = source[i]


@inner
def zipped(zip_share: FloatArray, unzipped: FloatArray, i: int, s: complex, m: float) -> complex:
    """Return the injection of node ``i`` at voltage magnitude ``m``: constant-current and -impedance shares applied."""
    ci, cz, di, dz = zip_share[4 * i], zip_share[4 * i + 1], zip_share[4 * i + 2], zip_share[4 * i + 3]
    own = unzipped[i]
    p = own + (s.real - own) * (1.0 - ci - cz + ci * m + cz * m * m)
    return complex(p, s.imag * (1.0 - di - dz + di * m + dz * m * m))


@inner
def fixed_point(packed: FloatArray, power: ComplexArray, v: ComplexArray, work: ComplexArray) -> int:
    """Iterate V = W + Z conj(S(|V|) / V) from ``v`` (n_node,) in place; return the rounds, -1 without a solution.

    Changes shrink by a ratio r a round, so what is left after a change c is about c r / (1 - r): the rounds end when
    that is below ``TOLERANCE`` and the change itself, which is the relative mismatch of powers, below ``LAST_CHANGE``.
    """
    free, idle, perm_c = integers(packed, FREE), complexes(packed, IDLE), integers(packed, PERM_C)
    before = np.inf
    worse = 0
    for k in range(MOST_ITERATIONS):
        currents(packed, power, v, work)
        solve_factored(packed, work)
        change = 0.0
        for i in range(len(free)):
            new = idle[i] + work[perm_c[i]]
            step = new - v[free[i]]
            size = step.real * step.real + step.imag * step.imag
            if not (size <= change):
                change = size
            v[free[i]] = new
        change = np.sqrt(change)
        if not np.isfinite(change):
            return -1
        ratio = min(change / before, 0.5) if k > 1 else 0.5
        if change <= LAST_CHANGE and change * ratio <= TOLERANCE * (1.0 - ratio):
            return k + 1
        worse = worse + 1 if change >= before else 0
        before = change
        if worse >= 5:
            return -1
    return -1


@part
def currents(packed: FloatArray, power: ComplexArray, v: ComplexArray, work: ComplexArray) -> None:
    """Fill ``work`` with conj(S(|V|) / V) of the free nodes, in the order of the factor's rows."""
    free, perm_r = integers(packed, FREE), integers(packed, PERM_R)
    zip_share, unzipped = numbers(packed, ZIP), numbers(packed, UNZIPPED)
    for i in range(len(free)):
        w = v[free[i]]
        s = power[free[i]]
        if len(zip_share) > 0:
            s = zipped(zip_share, unzipped, free[i], s, abs(w))
        inverse = 1.0 / (w.real * w.real + w.imag * w.imag)
        a = (s.real * w.real + s.imag * w.imag) * inverse
        b = (s.real * w.imag - s.imag * w.real) * inverse
        work[perm_r[i]] = complex(a, b)


@part
def solve_factored(packed: FloatArray, work: ComplexArray) -> None:
    """Solve L U x = ``work`` in place, both factors by column."""
    l_ptr, l_row = integers(packed, L_PTR), integers(packed, L_ROW)
    u_ptr, u_row = integers(packed, U_PTR), integers(packed, U_ROW)
    factor = complexes(packed, FACTOR)
    n, n_l, n_u = len(work), len(l_row), len(u_row)
    l_val, u_val, u_diag = factor[:n_l], factor[n_l : n_l + n_u], factor[n_l + n_u :]
    for j in range(n):
        x = work[j]
        if x != 0.0:
            for e in range(l_ptr[j], l_ptr[j + 1]):
                work[l_row[e]] -= l_val[e] * x
    for j in range(n - 1, -1, -1):
        x = work[j] * u_diag[j]
        work[j] = x
        for e in range(u_ptr[j], u_ptr[j + 1]):
            work[u_row[e]] -= u_val[e] * x


@inner
def flows(packed: FloatArray, base_mva: float, case: int, cases: int, rounds: int, out: FloatArray) -> None:
    """Fill the sections of ``out`` that follow from node voltages: loadings, magnitudes, powers."""
    node, start = integers(packed, BUS_NODE), complexes(packed, START)
    branch_idle = numbers(packed, BRANCH_IDLE)
    n, n_bus, n_branch = len(start), len(node), len(branch_idle)
    v = out[2 * n * case : 2 * n * (case + 1)].view(np.complex128)
    s = out[2 * n * (cases + case) : 2 * n * (cases + case + 1)].view(np.complex128)
    at = 4 * n * cases
    loading = out[at + n_branch * case : at + n_branch * (case + 1)]
    at += n_branch * cases
    vm = out[at + n_bus * case : at + n_bus * (case + 1)]
    at += n_bus * cases + case
    for b in range(n_branch):
        loading[b] = branch_idle[b] if rounds >= 0 else np.nan
    if rounds < 0:
        v[:] = np.nan
    for bus in range(n_bus):
        if node[bus] < 0:
            vm[bus] = np.nan
        else:
            w = v[node[bus]]
            vm[bus] = np.sqrt(w.real * w.real + w.imag * w.imag)
    loss, shunt, given = edge_flows(packed, v, loading)
    zip_share, unzipped, slack = numbers(packed, ZIP), numbers(packed, UNZIPPED), integers(packed, SLACK)
    for k in range(len(slack)):
        own = s[slack[k]]
        if len(zip_share) > 0:
            own = zipped(zip_share, unzipped, slack[k], own, abs(v[slack[k]]))
        given -= own.real
    to_kw = TO_KW * base_mva
    out[at], out[at + cases], out[at + 2 * cases], out[at + 3 * cases] = (
        loss * to_kw,
        shunt * to_kw,
        given * to_kw,
        rounds,
    )


@part
def edge_flows(packed: FloatArray, v: ComplexArray, loading: FloatArray) -> tuple[float, float, float]:
    """Raise ``loading`` [%] to what flows in the edges; return losses in them, in shunts, and power out of slack nodes.

    The powers are in p.u.; what the shunts at slack nodes take is in the last as well.
    """
    edge_from, edge_to = integers(packed, EDGE_FROM), integers(packed, EDGE_TO)
    edge_branch, edge_slack = integers(packed, EDGE_BRANCH), integers(packed, EDGE_SLACK)
    y, scale, shunts = complexes(packed, EDGE_Y), numbers(packed, EDGE_SCALE), numbers(packed, SHUNT)
    loss = shunt = given = 0.0
    for e in range(len(edge_from)):
        vf, vt = v[edge_from[e]], v[edge_to[e]]
        i_f = y[4 * e] * vf + y[4 * e + 1] * vt
        i_t = y[4 * e + 2] * vf + y[4 * e + 3] * vt
        p_f = vf.real * i_f.real + vf.imag * i_f.imag
        p_t = vt.real * i_t.real + vt.imag * i_t.imag
        loss += p_f + p_t
        if edge_slack[e] & 1:
            given += p_f
        if edge_slack[e] & 2:
            given += p_t
        b = edge_branch[e]
        if b >= 0 and not np.isnan(loading[b]):
            at_f = (i_f.real * i_f.real + i_f.imag * i_f.imag) * (scale[2 * e] * scale[2 * e])
            at_t = (i_t.real * i_t.real + i_t.imag * i_t.imag) * (scale[2 * e + 1] * scale[2 * e + 1])
            x = np.sqrt(max(at_f, at_t))
            if x > loading[b]:
                loading[b] = x
    for k in range(len(shunts) // 3):
        w = v[int(shunts[3 * k])]
        p = shunts[3 * k + 1] * (w.real * w.real + w.imag * w.imag)
        shunt += p
        given += p * shunts[3 * k + 2]
    return loss, shunt, given
