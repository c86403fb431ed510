"""What fails between two boundaries: a branch trips, a participant stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexnet_grid.electric import ElectricDelivery


def switch_branch(network: ElectricDelivery, branch: str, in_service: bool) -> None:
    """Take a branch out of service or put it back; what was out before stays out."""
    state = network.save()
    out = [name for name in state["out"] if name != branch]
    network.change(out if in_service else [*out, branch], state["taps"])


@dataclass(slots=True)
class Outages:
    """Participants that have stopped: they do not trade, and do nothing when their unit comes.

    Attributes
    ----------
    stopped
        Their indices in the population.
    """

    stopped: set[int] = field(default_factory=set)

    def switch(self, member: int, in_service: bool) -> None:
        """Stop participant ``member``, or let it go on."""
        if in_service:
            self.stopped.discard(member)
        else:
            self.stopped.add(member)
