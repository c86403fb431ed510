"""Where a network came from and what has changed since, so that every change can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.taps import check_tap
from rexnet_grid.errors import InputError, Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rexnet_grid.electric.case import GridCase
    from rexnet_grid.electric.solver import Factor
    from rexnet_grid.electric.wiring import Wiring

PREFIX = "switch "


@dataclass(frozen=True, slots=True)
class Origin:
    """A network as it was cut, and what has changed since.

    Attributes
    ----------
    case
        The network as it was cut.
    read
        Gives the pandapower net it was cut from; None where nobody has kept it.
    apart
        Gives the same network with every bus a node of its own, or None where there is none.
    out, taps, closed
        Branches and switches out, taps moved, switches and branches in that were not.
    constant_power
        Whether its loads depend on no voltage.
    made
        The wiring, once it has been asked for.
    """

    case: GridCase
    read: Callable[[], Any] | None = None
    apart: Callable[[], GridCase | None] | None = None
    out: tuple[str, ...] = ()
    taps: Mapping[str, float] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    constant_power: bool = False
    made: list[Wiring] = field(default_factory=list)

    def then(self, out: Sequence[str], taps: Mapping[str, float], closed: Sequence[str]) -> Origin:
        """Return the same after further changes; what closes is not out any more, what opens is not closed.

        Raises
        ------
        InputError
            Names that are no list of names, an unknown branch, switch or tap position.
        """
        self._refuse_what_is_no_list(out, taps, closed)
        if both := set(out) & set(closed):
            raise NetworkDataError([Issue(self.case.name, "switch", f'"{min(both)}"', "one that opens or closes")])
        off = set(self.case.branch_name[self.case.branch_in_service == 0].tolist())
        gone = [*(n for n in self.out if n not in closed), *(n for n in out if n not in self.closed and n not in off)]
        shut = (self.closed - set(out)) | (set(closed) - set(self.out))
        new = replace(self, out=tuple(dict.fromkeys(gone)), taps={**self.taps, **taps}, closed=frozenset(shut))
        return new.checked()

    def at_constant_power(self) -> Origin:
        """Return the same without voltage-dependent loads."""
        return replace(self, case=_at_constant_power(self.case), constant_power=True)

    def changed(self) -> tuple[GridCase, Factor | None]:
        """Return the network as it is after the changes, and its factor where that was found from another's.

        Raises
        ------
        NetworkDataError
            pandapower has to be asked what becomes of the network, and nobody has kept its net.
        """
        if not (self.out or self.closed or self.taps):
            return self.case, None
        from rexnet_grid.electric.wiring import UnclearStateError

        try:
            return self.wiring.state(self.out, self.closed, self.taps, constant_power=self.constant_power)
        except UnclearStateError as error:
            if self.read is None:
                hint = "keep its pandapower net, ElectricNetwork.from_pandapower(net), or change it there"
                names = ", ".join(sorted({*self.out, *self.closed}))
                raise NetworkDataError(
                    [Issue(self.case.name, "changes", names, "branches, switches at them", hint)]
                ) from error
        return self.converted(self.net()), None

    def net(self) -> Any:
        """Return the pandapower net after the changes."""
        from rexnet_grid.electric.pandapower_nets import with_changes
        from rexnet_grid.electric.pandapower_tables import without_voltage_dependence

        net = with_changes(self.read() if self.read is not None else None, self.out, self.taps, sorted(self.closed))
        return without_voltage_dependence(net) if self.constant_power else net

    def converted(self, net: Any) -> GridCase:
        """Return a pandapower net as arrays."""
        from rexnet_grid.electric.pandapower_nets import build_case

        case = build_case(net)
        return _at_constant_power(case) if self.constant_power else case

    @property
    def wiring(self) -> Wiring:
        """What makes any state of the network from arrays."""
        if not self.made:
            from rexnet_grid.electric.wiring import Wiring

            apart = self.apart() if self.apart is not None else None
            self.made.append(Wiring(self.case if apart is None else apart, self.case))
        return self.made[0]

    def _refuse_what_is_no_list(self, out: Any, taps: Any, closed: Any) -> None:
        issues = [
            Issue(self.case.name, key, repr(names)[:60], 'a list of names such as ["line 3"]')
            for key, names in (("out", out), ("closed", closed))
            if isinstance(names, str) or not hasattr(names, "__iter__") or not all(isinstance(n, str) for n in names)
        ]
        if not isinstance(taps, Mapping):
            issues.append(Issue(self.case.name, "taps", repr(taps)[:60], 'positions by name such as {"trafo 0": -1}'))
        if issues:
            raise InputError(issues)

    def checked(self) -> Origin:
        """Return the same; raise NetworkDataError where something named is not there or not in the state it leaves."""
        case = self.case
        on = case.branch_in_service.astype(bool)
        known = (
            ("switch", "a switch that is open", [n for n in self.closed if n.startswith(PREFIX)], case.switch_open),
            ("switch", "a switch that is closed", [n for n in self.out if n.startswith(PREFIX)], case.switch_name),
            ("branch", "a branch out of service", _branches(self.closed), case.branch_name[~on]),
            ("branch", 'a branch such as "line 3"', _branches(self.out), case.branch_name),
        )
        issues = [
            Issue(case.name, key, f'"{name}"', expected, did_you_mean(name, [str(n) for n in names]))
            for key, expected, asked, names in known
            for name in sorted(asked)
            if not (names == name).any()
        ]
        if issues:
            raise NetworkDataError(issues)
        for name, position in self.taps.items():
            check_tap(self.wiring.case, name, position)
        return self


def _branches(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith(PREFIX)]


def _at_constant_power(case: GridCase) -> GridCase:
    return replace(case, node_zip=np.zeros_like(case.node_zip)) if case.node_zip.any() else case
