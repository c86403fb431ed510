"""Tap changers of the arrays: where each stands, and the two-ports of its transformer there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase

MOVABLE = (
    "a transformer in service whose tap changer has a position, neutral, min and max, and steps that follow no table"
)


@dataclass(frozen=True, slots=True)
class TapHold:
    """What a tap changer's control keeps: the voltage of a bus inside a dead band.

    Attributes
    ----------
    element
        The transformer, such as ``"trafo 0"``.
    bus
        Position of the bus.
    lower_pu, upper_pu
        The dead band [p.u.].
    """

    element: str
    bus: int
    lower_pu: float
    upper_pu: float


def tapped(case: GridCase, taps: Mapping[str, float]) -> tuple[ComplexArray, FloatArray]:
    """Return two-ports (n_edge, 4) and positions (n_tap,) with the taps named at these positions.

    Turns of one side are c(pos) = (1 + (pos - neutral) step) exp(j (pos - neutral) turn) times the rated ones, one over
    that at a star point. With r the ratio of new to old turns the admittance of that end is divided by |r|^2, the
    coupling out of it by r and the one into it by the conjugate of r; the other end keeps its own.
    """
    if not taps:
        return case.edge_y, case.tap_position
    edge_y, position = case.edge_y.copy(), case.tap_position.copy()
    for name, pos in taps.items():
        k = tap_of(case, name)
        e = int(case.tap_edge[k])
        ratio = _turns(case, k, float(pos)) / _turns(case, k, float(position[k]))
        own, out, into = (0, 2, 1) if case.tap_side[k] == 0 else (3, 1, 2)
        edge_y[e, own] /= abs(ratio) ** 2
        edge_y[e, out] /= ratio
        edge_y[e, into] /= np.conj(ratio)
        position[k] = pos
    return edge_y, position


def tap_of(case: GridCase, name: str) -> int:
    """Return the row of a transformer's tap changer; raises NetworkDataError where it has none that can move here."""
    edges = np.flatnonzero(np.isin(case.edge_branch, np.flatnonzero(case.branch_name == name)))
    rows = np.flatnonzero(np.isin(case.tap_edge, edges))
    if len(rows) != 1:
        hint = "set other tap changers in the pandapower net: they stay where it has them"
        raise NetworkDataError([Issue(case.name, "taps", f'"{name}"', MOVABLE, hint)])
    return int(rows[0])


def check_tap(case: GridCase, name: str, pos: Any) -> None:
    """Raise NetworkDataError unless the transformer's tap changer can stand there."""
    low, high = case.tap_range[tap_of(case, name)]
    issue = partial(Issue, case.name, f"tap of {name}", f"{pos}")
    if isinstance(pos, (bool, np.bool_)) or not isinstance(pos, Real) or not low <= float(pos) <= high:
        raise NetworkDataError([issue(f"a number from {low:g} to {high:g}")])


def _turns(case: GridCase, k: int, position: float) -> complex:
    steps = position - float(case.tap_neutral[k])
    turns = (1.0 + steps * complex(case.tap_step[k])) * np.exp(1j * steps * float(case.tap_turn[k]))
    return complex(1.0 / turns if case.tap_inverse[k] else turns)
