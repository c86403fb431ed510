"""The building in a file that ``rexnet estimate thermal`` has written, as a grey box."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.archetypes import from_state_space

if TYPE_CHECKING:
    from pathlib import Path

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.greybox import GreyBox

STATE_SPACE_FILE = "state_space.json"
_LISTS = ("A", "B", "states", "inputs")


@dataclass(frozen=True, slots=True)
class _Space:
    """A state space as it was read."""

    A: FloatArray
    B: FloatArray
    states: tuple[str, ...]
    inputs: tuple[str, ...]


def read_fitted(path: Path) -> GreyBox:
    """Return the building of an estimate on disk.

    Parameters
    ----------
    path
        A JSON file with ``A`` (n, n) [1/h], ``B`` (n, inputs) with heat in kW, temperatures in degC and irradiance in
        kW/m2, and the names in ``states`` and ``inputs``, see
        :func:`~rexnet_grid.rexdynnet.archetypes.from_state_space`; or the folder that holds it as
        :data:`STATE_SPACE_FILE`.

    Raises
    ------
    InputError
        When there is no such file, or what it holds is not one building.
    """
    file = path / STATE_SPACE_FILE if path.is_dir() else path
    if not file.is_file():
        expected = f"{STATE_SPACE_FILE} of an estimate, or the folder that rexnet estimate thermal has written"
        raise InputError([Issue(str(file), "file", "no such file", expected)])
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        expected = f"JSON, as {STATE_SPACE_FILE} of an estimate is"
        raise InputError([Issue(str(file), "file", str(error), expected)]) from None
    space = _space(file, data)
    try:
        return from_state_space(space)
    except InputError as error:
        raise InputError([Issue(str(file), i.key, i.value, i.expected, i.hint) for i in error.issues]) from None


def _space(file: Path, data: Any) -> _Space:
    """Return the state space of parsed JSON, with matrices that fit its names."""
    absent = [key for key in _LISTS if not (isinstance(data, dict) and isinstance(data.get(key), list))]
    if absent:
        raise InputError([Issue(str(file), key, "", "a list, as in an estimate's file") for key in absent])
    states, inputs = (tuple(str(name) for name in data[key]) for key in ("states", "inputs"))
    matrices, issues = [], []
    for key, columns in (("A", len(states)), ("B", len(inputs))):
        expected = f"{len(states)} rows of {columns} finite numbers"
        try:
            matrix = np.array(data[key], dtype=np.float64)
        except (TypeError, ValueError):
            matrix = np.full(0, np.nan)
        if not states or matrix.shape != (len(states), columns) or not np.isfinite(matrix).all():
            issues.append(Issue(str(file), key, f"shape {matrix.shape}", expected))
        matrices.append(matrix)
    if issues:
        raise InputError(issues)
    return _Space(matrices[0], matrices[1], states, inputs)
