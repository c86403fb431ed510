"""Where a network came from, so that a switch which was open when it was cut can close."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.switching import PREFIX
from rexnet_grid.electric.topology import changed_case
from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rexnet_grid.electric.case import GridCase


@dataclass(frozen=True, slots=True)
class Origin:
    """A network as it was cut, and what has changed since.

    Attributes
    ----------
    case
        The network as it was cut.
    read
        Gives the pandapower net it was cut from; None where nobody has kept it.
    out, taps, closed
        Branches and switches out, taps moved, switches closed since.
    constant_power
        Whether its loads depend on no voltage.
    cuts
        Cases by the switches that were closed for them; filled as they are asked for.
    """

    case: GridCase
    read: Callable[[], Any] | None = None
    out: tuple[str, ...] = ()
    taps: Mapping[str, float] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    constant_power: bool = False
    cuts: dict[frozenset[str], GridCase] = field(default_factory=dict)

    def then(self, out: Sequence[str], taps: Mapping[str, float], closed: Sequence[str]) -> Origin:
        """Return the same after further changes; what closes is not out any more, what opens is not closed."""
        opens, closes = set(out), set(closed)
        if both := opens & closes:
            raise NetworkDataError([Issue(self.case.name, "switch", f'"{min(both)}"', "one that opens or closes")])
        gone = [name for name in self.out if name not in closes] + [name for name in out if name not in self.closed]
        shut = (self.closed - opens) | (closes - set(self.out))
        return replace(self, out=tuple(dict.fromkeys(gone)), taps={**self.taps, **taps}, closed=frozenset(shut))

    def at_constant_power(self) -> Origin:
        """Return the same without voltage-dependent loads."""
        return replace(self, case=_at_constant_power(self.case), constant_power=True, cuts={})

    def changed(self) -> GridCase:
        """Return the network as it is after the changes.

        A branch or switch that opens and a tap that moves are a change of the arrays. A switch that closes may join
        what the arrays do not hold (a dark part, an end in the air), so the net itself is cut once more for it.

        Raises
        ------
        NetworkDataError
            An unknown branch, switch or tap position.
        """
        return changed_case(self._cut(), self.out, self.taps)

    def _cut(self) -> GridCase:
        if not self.closed:
            return self.case
        if self.closed not in self.cuts:
            self._check()
            from rexnet_grid.electric.pandapower_nets import build_case, with_switches_closed

            numbers = [int(name.removeprefix(PREFIX)) for name in self.closed]
            case = build_case(with_switches_closed(self.read() if self.read is not None else None, numbers))
            self.cuts[self.closed] = _at_constant_power(case) if self.constant_power else case
        return self.cuts[self.closed]

    def _check(self) -> None:
        known = [str(name) for name in self.case.switch_open]
        issues = [
            Issue(self.case.name, "switch", f'"{name}"', "a switch that is open", did_you_mean(name, known))
            for name in sorted(self.closed - set(known))
        ]
        if not issues and self.read is None:
            hint = "close it in the pandapower net"
            issues = [Issue(self.case.name, min(self.closed), "closes", "a network with its pandapower net", hint)]
        if issues:
            raise NetworkDataError(issues)


def _at_constant_power(case: GridCase) -> GridCase:
    return replace(case, node_zip=np.zeros_like(case.node_zip)) if case.node_zip.any() else case
