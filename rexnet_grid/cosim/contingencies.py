"""What fails between two boundaries: a branch or pipe trips, a pump or participant stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.rexdynnet import HeatDelivery


def switch_branch(network: ElectricDelivery, branch: str, in_service: bool) -> None:
    """Take a branch or switch out of service or put it back; what was out before stays out.

    A switch that the network holds open closes when it is put in service.
    """
    state = network.save()
    out, closed = ([name for name in state[key] if name != branch] for key in ("out", "closed"))
    opens_again = network.opens(branch)
    if in_service and opens_again:
        closed = [*closed, branch]
    if not in_service and not opens_again:
        out = [*out, branch]
    network.change(out, state["taps"], closed)


def switch_pipe(network: HeatDelivery, pipe: str, in_service: bool) -> None:
    """Shut the valves of a pipe, supply and return, or open them; what else is shut stays shut."""
    closed, stopped = network.out_of_service
    others = [name for name in closed if name != pipe]
    network.change(others if in_service else [*others, pipe], stopped)


def switch_pump(network: HeatDelivery, plant: str, in_service: bool) -> None:
    """Stop the circulation pump of a plant, or start it; what else is out stays out."""
    closed, stopped = network.out_of_service
    others = [name for name in stopped if name != plant]
    network.change(closed, others if in_service else [*others, plant])


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
