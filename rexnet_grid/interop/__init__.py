"""Results in other formats, and rexnet_grid as a part of other simulations.

The names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.interop.exporting import export_run

__all__ = ["export_run"]


def __getattr__(name: str) -> Any:
    if name == "export_run":
        from rexnet_grid.interop.exporting import export_run

        return export_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
