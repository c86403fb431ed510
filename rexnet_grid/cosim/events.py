"""What happens to the world between two boundaries: contingencies and news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """Something that happens at a known time.

    Attributes
    ----------
    time
        When, in units since the start of unit 0.
    name
        What is told of it in the results, such as ``"line 3 trips"``.
    happen
        Brings it about; a bound method or a partial of one, so that a run can be checkpointed.
    """

    time: float
    name: str
    happen: Callable[[], None]
