"""Where built-in networks and scenarios live: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def builtin_dir(kind: str) -> Path:
    """Return the folder of built-in data of ``kind``, ``"networks"`` or ``"scenarios"``."""
    packed = _PACKAGE / "data" / kind
    return packed if packed.is_dir() else _PACKAGE.parent / kind
