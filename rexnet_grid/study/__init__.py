"""Studies: many variants of a scenario, their figures in one table.

The names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.study.models import Study
    from rexnet_grid.study.running import StudyResult, run_study

__all__ = ["Study", "StudyResult", "run_study"]

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "Study": "rexnet_grid.study.models",
        "StudyResult": "rexnet_grid.study.running",
        "run_study": "rexnet_grid.study.running",
    },
)
