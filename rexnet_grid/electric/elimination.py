"""Factors of an admittance matrix that changes here and there: only the columns behind a change are made anew.

A column of the factors depends on those of its descendants in the elimination tree alone, so after a change of some
entries only the columns between them and the root have to be found again: partial refactorisation (Chan and Brandwajn,
"Partial matrix refactorization", IEEE Trans. Power Systems 1 (1986) 193 to 199). In a radial network that is the way
from the branch to its supply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.sparse import csc_matrix, eye
from scipy.sparse.linalg import splu

from rexnet_grid.electric.newton_plan import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, IntArray


class Elimination:
    """The factors L U of a matrix with a symmetric pattern, in an order chosen once.

    Rows and columns of nodes that are not in use are those of the unit matrix.

    Parameters
    ----------
    n
        How many nodes there are.
    rows, columns
        Places where an entry may stand.
    """

    def __init__(self, n: int, rows: IntArray, columns: IntArray) -> None:
        pattern = csc_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n))
        pattern = pattern + pattern.T
        pattern.data[:] = -1.0
        heavy = csc_matrix(pattern + 2.0 * n * eye(n))
        chosen = splu(heavy, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        self._n = n
        self._place = chosen.perm_c.astype(np.int64)
        node = np.argsort(self._place)
        moved = csc_matrix(heavy[node][:, node])
        self._start, self._row, self._diagonal = filled(
            moved.indptr.astype(np.int64), moved.indices.astype(np.int64), n
        )
        self._column = np.repeat(np.arange(n), np.diff(self._start))
        self._keys = self._column * n + self._row
        self._a = np.full(len(self._row), np.nan, dtype=complex)
        self._lu = np.zeros(len(self._row), dtype=complex)

    def move_to(self, rows: IntArray, columns: IntArray, values: ComplexArray, used: NDArray[np.bool_]) -> int:
        """Make the factors those of the matrix with these entries, added up where a place occurs twice.

        Parameters
        ----------
        rows, columns, values
            The entries.
        used
            (n,) nodes that the matrix has.

        Returns
        -------
        int
            How many columns were made anew.

        Raises
        ------
        KeyError
            An entry stands where none may; the factors stay as they were.
        ArithmeticError
            The matrix is singular.
        """
        keys = self._place[columns] * self._n + self._place[rows]
        at = np.searchsorted(self._keys, keys)
        if (self._keys[np.minimum(at, len(self._keys) - 1)] != keys).any():
            raise KeyError("an entry outside the pattern")
        many = len(self._keys)
        a = np.bincount(at, values.real, many) + 1j * np.bincount(at, values.imag, many)
        idle = np.ones(self._n, dtype=bool)
        idle[self._place[used]] = False
        a[self._diagonal[idle]] = 1.0
        stale = np.zeros(self._n, dtype=np.bool_)
        stale[self._column[a != self._a]] = True
        self._a = a
        count = int(refactored(self._start, self._row, self._diagonal, a, self._lu, stale))
        if count < 0:
            self._a = np.full(many, np.nan, dtype=complex)
            raise ArithmeticError("singular")
        return count

    def solve(self, rhs: ComplexArray) -> ComplexArray:
        """Return the solution (n,) for a right-hand side (n,), both by node."""
        x = np.empty(self._n, dtype=complex)
        x[self._place] = rhs
        substitute(self._start, self._row, self._diagonal, self._lu, x)
        return np.asarray(x[self._place])

    def factors(self, nodes: IntArray) -> tuple[tuple[IntArray, ...], ComplexArray]:
        """Return indices and values, as :class:`~rexnet_grid.electric.solver.Factor` keeps them, of these nodes."""
        place = self._place[nodes]
        number = np.full(self._n, -1, dtype=np.int64)
        number[np.sort(place)] = np.arange(len(place))
        row, column = number[self._row], number[self._column]
        held = (row >= 0) & (column >= 0) & (self._lu != 0.0)
        indices, values = [], []
        for part in (held & (row > column), held & (row < column)):
            counts = np.bincount(column[part], minlength=len(place))
            indices += [np.concatenate(([0], np.cumsum(counts))).astype(np.int64), row[part]]
            values.append(self._lu[part])
        order = number[place]
        diagonal = 1.0 / self._lu[self._diagonal[np.sort(place)]]
        return (*indices, order, order), np.concatenate((*values, diagonal))


@njit(cache=True, error_model="numpy")
def refactored(
    start: IntArray, row: IntArray, diagonal: IntArray, a: ComplexArray, lu: ComplexArray, stale: NDArray[np.bool_]
) -> int:
    """Bring the columns ``stale`` of ``lu`` up to ``a``, and all that follow from them.

    Both lie by column, rows ascending, the diagonal at ``diagonal``; L has a unit diagonal. Returns how many columns
    were made anew, -1 where the matrix is singular.
    """
    x = np.zeros(len(diagonal), dtype=np.complex128)
    count = 0
    for j in range(len(diagonal)):
        if not stale[j]:
            continue
        count += 1
        eliminate(start, row, diagonal, a, lu, j, x)
        pivot = x[j]
        if pivot == 0.0 or not np.isfinite(abs(pivot)):
            return -1
        changed = False
        for p in range(start[j], start[j + 1]):
            new = x[row[p]] / pivot if p > diagonal[j] else x[row[p]]
            changed |= new != lu[p]
            lu[p] = new
            x[row[p]] = 0.0
        if changed:
            for p in range(diagonal[j] + 1, start[j + 1]):
                stale[row[p]] = True
    return count


@njit(cache=True, error_model="numpy")
def eliminate(
    start: IntArray, row: IntArray, diagonal: IntArray, a: ComplexArray, lu: ComplexArray, j: int, x: ComplexArray
) -> None:
    """Fill ``x`` with column j of ``a`` less l_i u_ij of every column i < j that it reaches, from left to right."""
    for p in range(start[j], start[j + 1]):
        x[row[p]] = a[p]
    for p in range(start[j], diagonal[j]):
        i = row[p]
        u = x[i]
        if u != 0.0:
            for q in range(diagonal[i] + 1, start[i + 1]):
                x[row[q]] -= lu[q] * u


@njit(cache=True, error_model="numpy")
def substitute(start: IntArray, row: IntArray, diagonal: IntArray, lu: ComplexArray, x: ComplexArray) -> None:
    """Solve in place with the factors of :func:`refactored`."""
    n = len(diagonal)
    for j in range(n):
        for q in range(diagonal[j] + 1, start[j + 1]):
            x[row[q]] -= lu[q] * x[j]
    for j in range(n - 1, -1, -1):
        x[j] /= lu[diagonal[j]]
        for q in range(start[j], diagonal[j]):
            x[row[q]] -= lu[q] * x[j]


@njit(cache=True, error_model="numpy")
def connected(n: int, a: IntArray, b: IntArray) -> IntArray:
    """Return for every node the lowest of those that the pairs ``a``, ``b`` connect with it.

    Disjoint sets with paths halved (Tarjan and van Leeuwen, J. ACM 31 (1984) 245, doi:10.1145/62.2160).
    """
    parent = np.arange(n)
    for e in range(len(a)):
        i, j = a[e], b[e]
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        while parent[j] != j:
            parent[j] = parent[parent[j]]
            j = parent[j]
        if i != j:
            parent[max(i, j)] = min(i, j)
    for i in range(n):
        parent[i] = parent[parent[i]]
    return parent
