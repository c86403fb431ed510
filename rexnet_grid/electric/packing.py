"""Many arrays in one: a compiled call of microseconds should take few arguments, for each costs time.

The words of the packed array are 64 bits. The first ``MOST_PARTS`` of them are integers and say where each part begins,
in words; a part is read as integers, as floats, or as complex numbers of two words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray

MOST_PARTS = 24
KINDS = {np.dtype(kind).char for kind in (np.int64, np.float64, np.complex128)}


def pack(parts: Sequence[NDArray[Any]]) -> FloatArray:
    """Return ``parts``, each int64, float64 or complex128, one after the other behind their table of contents.

    Raises
    ------
    ValueError
        More parts than the table of contents holds, or a part of another kind.
    """
    if len(parts) >= MOST_PARTS:
        raise ValueError(f"{len(parts)} parts, at most {MOST_PARTS - 1}")
    words = [np.ascontiguousarray(part).ravel() for part in parts]
    if odd := {part.dtype.char for part in words} - KINDS:
        raise ValueError(f"parts of {', '.join(str(np.dtype(char)) for char in sorted(odd))}")
    ends = np.cumsum([MOST_PARTS] + [part.nbytes // 8 for part in words])
    head = np.full(MOST_PARTS, ends[-1], dtype=np.int64)
    head[: len(ends)] = ends
    return np.concatenate([head.view(np.float64), *(part.view(np.float64) for part in words)])


@njit(cache=True, inline="always")
def integers(packed: FloatArray, part: int) -> IntArray:
    """Return a part of a packed array as integers, without a copy."""
    words = packed.view(np.int64)
    return words[words[part] : words[part + 1]]


@njit(cache=True, inline="always")
def numbers(packed: FloatArray, part: int) -> FloatArray:
    """Return a part of a packed array as floats, without a copy."""
    words = packed.view(np.int64)
    return packed[words[part] : words[part + 1]]


@njit(cache=True, inline="always")
def complexes(packed: FloatArray, part: int) -> ComplexArray:
    """Return a part of a packed array as complex numbers, without a copy."""
    words = packed.view(np.int64)
    return packed[words[part] : words[part + 1]].view(np.complex128)
