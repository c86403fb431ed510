"""Results of a run: writing them unit by unit, reading them back with units.

The names below are loaded on first use; pandas and pyarrow are loaded when a table is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.results.reader import Results
    from rexnet_grid.results.summary import Summary
    from rexnet_grid.results.writer import RunWriter

__all__ = ["Results", "RunWriter", "Summary"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "Results": "rexnet_grid.results.reader",
        "RunWriter": "rexnet_grid.results.writer",
        "Summary": "rexnet_grid.results.summary",
    },
)
