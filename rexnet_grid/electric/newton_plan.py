"""What compiled Newton needs to know of one topology: order of elimination, fill, and a solved base case."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import PV, ComplexArray, FloatArray, GridCase, IntArray
from rexnet_grid.electric.packing import pack

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def newton_plan(case: GridCase, y: csr_matrix, order: IntArray, rest: ComplexArray) -> FloatArray:
    """Return the packed plan of :mod:`newton_kernels`.

    Parameters
    ----------
    case
        The network.
    y
        Its node admittance matrix [p.u.].
    order
        Nodes in the order of elimination, slack nodes last.
    rest
        (n_node,) voltages to start from when nothing better is known [p.u.].

    Notes
    -----
    Where generators hold voltages, the case that the network's own tables hold is solved once, and every later case
    starts from it and its factor. Usual are voltages above a share of those at rest, or a little below those of this
    case: networks that stand low are no suspects for that.
    """
    from rexnet_grid.electric.newton_kernels import FAR_BELOW_BASE, KEEP, UNUSUAL, lifted, settle, upright

    n = int((case.node_kind[order] <= PV).sum())
    moved = y[order][:, order].tocsr()
    moved.sort_indices()
    ptr = moved.indptr[: n + 1].astype(np.int64)
    col, val = moved.indices[: ptr[-1]].astype(np.int64), moved.data[: ptr[-1]].astype(np.complex128)
    f_ptr, f_col, f_diag = filled(ptr, col, n)
    free = order[:n]
    zip_share = case.node_zip[free] if case.node_zip.any() else np.zeros((0, 4))
    per_kw = 1.0 / (1e3 * case.base_mva)
    parts = [
        order.astype(np.int64),
        (case.node_kind[free] == PV).astype(np.int64),
        ptr,
        col,
        val,
        f_ptr,
        f_col,
        f_diag,
        np.abs(case.node_start[free]),
        zip_share,
        case.node_unzipped_kw[free] * per_kw,
        rest[order].astype(np.complex128),
    ]
    usual = UNUSUAL * np.abs(rest[free])
    plan = pack([*parts, usual, np.zeros(0, dtype=np.complex128), np.zeros(0)])
    if not (case.node_kind == PV).any():
        return plan
    power = case.node_fixed.copy()
    alive = case.bus_node >= 0
    np.add.at(power, case.bus_node[alive], (case.base_kw + 1j * case.base_kvar)[alive] * per_kw)
    s, v, factor = power[free], rest[order].astype(np.complex128), np.empty(4 * len(f_col))
    if lifted(plan, s, v, factor, settle(plan, s, v, np.zeros(0), factor, KEEP)) < 0:
        return plan
    if not upright(plan, s, v, factor):
        return plan
    return pack([*parts, np.minimum(usual, FAR_BELOW_BASE * np.abs(v[:n])), v, factor])


def filled(ptr: IntArray, col: IntArray, n: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return the pattern of L and U together by rows, fill included: pointers, columns, places of the diagonal.

    Row i takes over the columns right of k of every row k < i that it reaches (George and Liu, Computer Solution of
    Large Sparse Positive Definite Systems, 1981, chapter 5).
    """
    rows: list[list[int]] = []
    right: list[set[int]] = []
    for i in range(n):
        reached = {int(c) for c in col[ptr[i] : ptr[i + 1]] if c < n} | {i}
        waiting = [c for c in reached if c < i]
        heapify(waiting)
        while waiting:
            new = right[heappop(waiting)] - reached
            reached |= new
            for c in new:
                if c < i:
                    heappush(waiting, c)
        rows.append(sorted(reached))
        right.append({c for c in reached if c > i})
    f_ptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    f_col = np.array([c for row in rows for c in row], dtype=np.int64)
    f_diag = np.array([f_ptr[i] + row.index(i) for i, row in enumerate(rows)], dtype=np.int64)
    return f_ptr, f_col, f_diag
