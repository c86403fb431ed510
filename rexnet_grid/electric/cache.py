"""The user's cache folder for networks that take long to cut: arrays only, never a pickle."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from rexnet_grid.electric.case import CASE_FORMAT, GridCase


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
    try:
        with np.load(_file(key), allow_pickle=False) as stored:
            if str(stored["cache_stamp"]) != _stamp(key, origin):
                return None
            return GridCase.from_arrays({name: stored[name] for name in stored.files})
    except (OSError, KeyError, ValueError, BadZipFile, EOFError):
        return None


def store_case(key: str, origin: str, case: GridCase) -> None:
    """Store ``case``; a folder that cannot be written only costs time at the next start."""
    target = _file(key)
    draft = target.with_name(f"{target.name}.{os.getpid()}.npz")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, allow_pickle=False, **case.to_arrays(), cache_stamp=np.array(_stamp(key, origin)))
        draft.replace(target)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _stamp(key: str, origin: str) -> str:
    return f"{key} | {origin} | format {CASE_FORMAT}"


def _file(key: str) -> Path:
    return cache_folder() / f"grid-{sha256(key.encode()).hexdigest()[:20]}.npz"
