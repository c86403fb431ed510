"""Another topology of the same network without going back to its tables: a branch trips, a tap moves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.edges import admittance_of, alive_part, part_of, two_ports
from rexnet_grid.electric.switching import PREFIX, with_open_switches
from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.electric.case import GridCase, IntArray

MOVABLE = (
    "a transformer with two windings, in service, whose tap changer has a position, neutral, step_percent, min and max "
    "and neither step_degree nor a dependency table"
)


def changed_case(case: GridCase, out: Sequence[str] = (), taps: Mapping[str, float] | None = None) -> GridCase:
    """Return the network with transformers at other taps, switches open, branches disconnected at both ends.

    ``out`` names branches such as ``"line 3"`` and closed switches such as ``"switch 5"``.

    Buses that lose every path to a supply become unsupplied, as pandapower's connectivity check makes them.

    Raises
    ------
    NetworkDataError
        An unknown branch, a transformer without that tap position.
    """
    switches = [name for name in out if name.startswith(PREFIX)]
    branches = [name for name in out if not name.startswith(PREFIX)]
    return without_branches(with_open_switches(with_taps(case, taps or {}), switches), branches)


def without_branches(case: GridCase, names: Sequence[str]) -> GridCase:
    """Return the network with these branches disconnected at both ends."""
    if not names:
        return case
    gone = np.isin(case.edge_branch, [_branch(case, name) for name in names])
    return alive_part(case, (admittance_of(case) - two_ports(case, gone)).tocsr(), gone)


def with_taps(case: GridCase, taps: Mapping[str, float]) -> GridCase:
    """Return the network with transformers at other tap positions.

    A longitudinal tap multiplies the turns of one side by 1 + (pos - neutral) step, so the admittance of that end is
    divided by the square of the ratio of new to old turns and the coupling by the ratio itself.
    """
    if not taps:
        return case
    edge_y = case.edge_y.copy()
    position = case.tap_position.copy()
    touched = np.zeros(len(case.edge_from), dtype=bool)
    for name, pos in taps.items():
        edge = np.flatnonzero(case.edge_branch == _branch(case, name))
        at = np.flatnonzero(np.isin(case.tap_edge, edge))
        _check_tap(case, name, pos, at)
        k, e = int(at[0]), int(case.tap_edge[at[0]])
        step, neutral = case.tap_step[k], case.tap_neutral[k]
        ratio = (1.0 + (pos - neutral) * step) / (1.0 + (position[k] - neutral) * step)
        own, other = (0, 3) if case.tap_side[k] == 0 else (3, 0)
        edge_y[e, own] /= ratio**2
        edge_y[e, [1, 2]] /= ratio
        edge_y[e, other] = case.edge_y[e, other]
        position[k] = pos
        touched[e] = True
    new = replace(case, edge_y=edge_y, tap_position=position)
    admittance = (admittance_of(case) - two_ports(case, touched) + two_ports(new, touched)).tocsr()
    everything = np.ones(case.n_node, dtype=bool)
    return part_of(new, admittance, everything, np.ones(len(edge_y), dtype=bool))


def _check_tap(case: GridCase, name: str, pos: Any, at: IntArray) -> None:
    """Raise NetworkDataError unless the transformer's tap changer, the row ``at`` of the table, can stand there."""
    issue = partial(Issue, case.name, f"tap of {name}", f"{pos}")
    if len(at) != 1:
        raise NetworkDataError(
            [issue(MOVABLE, "set other tap changers in the pandapower net: they stay where it has them")]
        )
    low, high = case.tap_range[at[0]]
    if isinstance(pos, (bool, np.bool_)) or not isinstance(pos, Real) or not low <= float(pos) <= high:
        raise NetworkDataError([issue(f"a number from {low:g} to {high:g}")])


def _branch(case: GridCase, name: str) -> int:
    found = np.flatnonzero(case.branch_name == name)
    if not len(found):
        known = [str(n) for n in case.branch_name]
        hint = did_you_mean(name, known)
        raise NetworkDataError([Issue(case.name, "branch", f'"{name}"', 'a branch such as "line 3"', hint)])
    return int(found[0])
