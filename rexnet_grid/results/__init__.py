"""Results of a run: writing them unit by unit, reading them back with units.

The names below are loaded on first use; pandas and pyarrow are loaded when a table is touched.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.results.reader import Results
    from rexnet_grid.results.summary import Summary
    from rexnet_grid.results.writer import RunWriter

__all__ = ["Results", "RunWriter", "Summary"]

_HOME = {
    "Results": "rexnet_grid.results.reader",
    "RunWriter": "rexnet_grid.results.writer",
    "Summary": "rexnet_grid.results.summary",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
