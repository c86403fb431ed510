"""Studies: many variants of a scenario, their figures in one table.

The names below are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.study.models import Study
    from rexnet_grid.study.running import StudyResult, run_study

__all__ = ["Study", "StudyResult", "run_study"]

_HOME = {
    "Study": "rexnet_grid.study.models",
    "StudyResult": "rexnet_grid.study.running",
    "run_study": "rexnet_grid.study.running",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
