"""Results in other formats, and rexnet_grid as a part of other simulations.

The names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.interop.exporting import export_run

__all__ = ["export_run"]

__getattr__, __dir__ = on_first_use(__name__, {"export_run": "rexnet_grid.interop.exporting"})
