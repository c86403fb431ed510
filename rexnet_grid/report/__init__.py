"""The report of a run: one HTML file that opens offline, and a table for the terminal.

The name below is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.report.page import write_report

__all__ = ["write_report"]

__getattr__, __dir__ = on_first_use(__name__, {"write_report": "rexnet_grid.report.page"})
