"""The user's cache folder for what takes long to make of a network: arrays only, never a pickle."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from rexnet_grid.electric.case import CASE_FORMAT, GridCase

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cache_folder() -> Path:
    """Return the folder: ``REXNET_CACHE`` if set, else the platform's own for caches."""
    if chosen := os.environ.get("REXNET_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "rexnet_grid" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rexnet_grid"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "rexnet_grid"


def load_case(key: str, origin: str) -> GridCase | None:
    """Return the case stored under ``key``, or None when there is none, it is damaged, or its origin differs."""
    arrays = load_arrays("grid", key, _stamp(key, origin))
    try:
        return None if arrays is None else GridCase.from_arrays(arrays)
    except (KeyError, ValueError):
        return None


def store_case(key: str, origin: str, case: GridCase) -> None:
    """Store ``case``."""
    store_arrays("grid", key, _stamp(key, origin), case.to_arrays())


def load_arrays(kind: str, key: str, stamp: str) -> dict[str, NDArray[Any]] | None:
    """Return the arrays stored under ``key``, or None when there are none, they are damaged, or their stamp differs."""
    try:
        with np.load(_file(kind, key), allow_pickle=False) as stored:
            if str(stored["cache_stamp"]) != stamp:
                return None
            return {name: stored[name] for name in stored.files if name != "cache_stamp"}
    except (OSError, KeyError, ValueError, BadZipFile, EOFError):
        return None


def store_arrays(kind: str, key: str, stamp: str, arrays: dict[str, NDArray[Any]], most: int | None = None) -> None:
    """Store arrays, and forget the eldest of this kind beyond ``most``.

    A folder that cannot be written only costs time at the next start.
    """
    target = _file(kind, key)
    draft = target.with_name(f"{target.name}.{os.getpid()}.npz")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, allow_pickle=False, **arrays, cache_stamp=np.array(stamp))
        draft.replace(target)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    if most is not None:
        _forget(kind, most)


def _forget(kind: str, most: int) -> None:
    with suppress(OSError):
        files = sorted(cache_folder().glob(f"{kind}-*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[most:]:
            file.unlink(missing_ok=True)


def _stamp(key: str, origin: str) -> str:
    return f"{key} | {origin} | format {CASE_FORMAT}"


def _file(kind: str, key: str) -> Path:
    return cache_folder() / f"{kind}-{sha256(key.encode()).hexdigest()[:20]}.npz"
