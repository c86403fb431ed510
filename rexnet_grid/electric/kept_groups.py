"""Groups of rows in the user's cache folder: to group and to rehearse takes seconds, and depends on arrays alone."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.cache import load_arrays, store_arrays
from rexnet_grid.electric.row_groups import RowGroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rexnet_grid.electric.network import ElectricNetwork

MOST_KEPT = 48


def groups_kept(
    make: Callable[[], RowGroups], networks: Iterable[ElectricNetwork], *contents: np.ndarray | str
) -> RowGroups:
    """Return the groups that ``make`` makes of these networks and further contents, from the cache where it has them.

    Networks have no controllers, for what those do to a network is not told by its arrays.
    """
    arrays = [array for network in networks for array in network.case.to_arrays().values()]
    key = _digest([*arrays, *contents])
    names = [field.name for field in fields(RowGroups)]
    kept = load_arrays("headroom", key, _code())
    if kept is not None and kept.keys() >= set(names):
        return RowGroups(**{name: kept[name] for name in names})
    groups = make()
    store_arrays("headroom", key, _code(), {name: getattr(groups, name) for name in names}, MOST_KEPT)
    return groups


def _digest(contents: Iterable[np.ndarray | str]) -> str:
    digest = sha256()
    for content in contents:
        array = np.asarray(content)
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@cache
def _code() -> str:
    """Return what names the code that makes groups, so that none outlives it."""
    digest = sha256(np.__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
