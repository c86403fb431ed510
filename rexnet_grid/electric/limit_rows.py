"""Linear rows of one kind of limit, and several kinds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray
    from rexnet_grid.electric.flow import PowerFlow

ACTIVITY = 0.015
GROSS = 2.25
KNEE = 1.0


class LimitRows(Protocol):
    """Rows ``rising @ x - falling @ y <= slack`` for rises x and falls y of the injections [kW], both positive.

    Attributes
    ----------
    names
        (n_rows,) such as ``"bus 12 undervoltage"``, ``"trafo 0 loading"``.
    falling, rising
        (n_rows, n_columns) coefficients of a falling and a rising injection [limit unit/kW]; ``falling <= rising``
        everywhere, so that a fall and an equal rise at one node never win room.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """(n_rows,) names of the limits."""
        ...

    @property
    def falling(self) -> FloatArray:
        """(n_rows, n_columns) coefficients of falling injections."""
        ...

    @property
    def rising(self) -> FloatArray:
        """(n_rows, n_columns) coefficients of rising injections."""
        ...

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return (n_rows, n_units) what is left about ``position`` (n_units, n_columns) [kW] with its AC solution.

        NaN where the unit has none.
        """
        ...

    def at_rest(self) -> FloatArray:
        """Return (n_rows,) what is left without any injection."""
        ...


def one_way(falling: FloatArray, rising: FloatArray, activity: float = ACTIVITY) -> tuple[FloatArray, FloatArray]:
    """Return coefficients that charge all trading a little, and give back for a rise no more than a fall took.

    What loads a limit counts ``activity`` more and what relieves it as much less: the losses and voltages that a pair
    of opposite injections leaves behind grow with what is traded, not with its sum.
    """
    falling = falling - activity * np.abs(falling)
    rising = rising + activity * np.abs(rising)
    return np.minimum(falling, rising), rising


def gross(falling: FloatArray, rising: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients in which nothing relieves a limit.

    With ``GROSS`` times the limit as room they bound how much of what loads a limit can be taken before the next
    refresh, whatever relieves it meanwhile.
    """
    return np.minimum(falling, 0.0), np.maximum(rising, 0.0)


def node_voltages(flow: PowerFlow) -> ComplexArray:
    """Return (n_units, n_node) complex voltages [p.u.]."""
    return np.atleast_2d(flow.node_voltage)


class JoinedRows:
    """The rows of several kinds, one after the other.

    Parameters
    ----------
    parts
        Each with the index of the topology whose AC solution it needs, and what its names end with.
    """

    def __init__(self, parts: list[tuple[LimitRows, int, str]]) -> None:
        self._parts = [(rows, topology) for rows, topology, _ in parts]
        self.names = tuple(f"{name} {why}".rstrip() for rows, _, why in parts for name in rows.names)
        self.falling = np.vstack([rows.falling for rows, *_ in parts])
        self.rising = np.vstack([rows.rising for rows, *_ in parts])

    def slack(self, position: FloatArray, flows: list[PowerFlow]) -> FloatArray:
        """Return (n_rows, n_units) what is left; a unit without an AC solution has nothing left where rows still do."""
        found = np.vstack([rows.slack(position, flows[topology]) for rows, topology in self._parts])
        unsolved = np.isnan(found)
        if unsolved.any():
            used = self.falling @ np.minimum(position, 0.0).T + self.rising @ np.maximum(position, 0.0).T
            found = np.where(unsolved, np.minimum(self.at_rest()[:, None] - used, 0.0), found)
        return found

    def at_rest(self) -> FloatArray:
        """Return (n_rows,) what is left without any injection."""
        return np.concatenate([rows.at_rest() for rows, _ in self._parts])
