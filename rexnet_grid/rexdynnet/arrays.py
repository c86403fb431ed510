"""Array types of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def reals(values: Any) -> FloatArray:
    """Return an array of floats, also of whole numbers: an array of those would cut off what is written into it."""
    return np.array(values, dtype=np.float64)
