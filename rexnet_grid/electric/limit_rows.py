"""Linear rows of one kind of limit, and several kinds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rexnet_grid.electric.case import ComplexArray, FloatArray
    from rexnet_grid.electric.flow import PowerFlow

ACTIVITY = 0.015
GROSS = 2.25
KNEE = 1.0
OPPOSED_KNEE, OPPOSED_ROOM = 4.0, 3.0
KEPT = 0.5
AIM = 0.25
LEAST_BENT, BENT, LITTLE = 0.05, 4.0, 0.25
OPPOSED = np.linspace(0.2, GROSS - 1.0, 6)


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

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return (n_rows, n_units) by how much AC breaks the limit and ``AIM`` margins.

        Minus infinity in rows beside the one that says whether a limit is broken.
        """
        ...

    @property
    def kept_back(self) -> FloatArray | float | None:
        """(n_rows,) ``1 + AIM`` margins in the rows' unit; None where what is left is what AC leaves."""
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


def bent(beyond: FloatArray, load: FloatArray, most: FloatArray) -> FloatArray:
    """Return which share of a gross trade the rows may overlook about a position [-].

    Limits are of second order in the injections: where the positions take ``beyond`` more of a limit than their rows
    tell of ``load``, p'Hp/2, a trade d takes p'Hd more, twice that share of it were it alike and more where it is not.
    """
    return np.asarray(np.maximum(LEAST_BENT, BENT * np.abs(beyond) / np.maximum(load, LITTLE * most)))


def within(lift: ComplexArray, most: FloatArray | float) -> ComplexArray:
    """Return voltages' lifts made no larger than ``most``, in the direction that they have."""
    return np.asarray(lift * np.minimum(1.0, most / np.maximum(lift.real, 1e-300)))


def less_relief(
    taken: ComplexArray,
    size: FloatArray,
    lift: Callable[[float], ComplexArray],
    kept: float | FloatArray,
    besides: Callable[[float], FloatArray] | None = None,
) -> FloatArray:
    r"""Return by how much less [limit unit/kW] opposed injections relieve a limit because their voltages rise.

    What relieves a limit by the share r of it lets 1 + r of it be loaded, and lifts its own voltage by λ(r): it then
    loses :math:`e(r) = r\,\mathrm{Re}(\hat t (1/\overline{(1 + \lambda)} - 1))` of the limit, a convex function. The
    plain row holds while what it overlooks is less than what is kept and what activity costs; beyond it the line
    through ``-OPPOSED_KNEE / KEPT`` times what is kept that is nowhere below e less what is kept. Rows give
    ``OPPOSED_ROOM`` margins of this knee: e is that of one injection about rest, and some injections about positions
    lose a little more.

    Parameters
    ----------
    taken
        What an injection takes of the limit, before it is turned real [limit unit/kW].
    size
        By how much it relieves it at most [limit unit/kW], same shape.
    lift
        λ for a share r, same shape [-].
    kept
        How much of the limit such losses may take, as a share of it [-].
    besides
        What the plain row overlooks of the limit besides e, for a share r, same shape [-].
    """
    relief = np.abs(taken.real) / size
    knee = OPPOSED_KNEE / KEPT * kept
    slope = np.zeros(size.shape)
    for share in OPPOSED:
        lost = share * (taken * np.conj(1.0 / (1.0 + lift(float(share)))) - taken).real / size
        overlooked = lost if besides is None else lost + besides(float(share))
        found = overlooked > kept + ACTIVITY * (1.0 + 2.0 * share * relief)
        slope = np.maximum(slope, np.where(found, (lost - kept + knee) / share, 0.0))
    return np.asarray(slope * size)


def node_voltages(flow: PowerFlow) -> ComplexArray:
    """Return (n_units, n_node) complex voltages [p.u.]."""
    return np.atleast_2d(flow.node_voltage)


class JoinedRows:
    """The rows of several kinds, one after the other.

    Parameters
    ----------
    parts
        Each with the index of the topology whose AC solution it needs, and what its names end with; none where a
        network has nothing left that could be limited.
    n_columns
        How many columns they have.
    """

    def __init__(self, parts: list[tuple[LimitRows, int, str]], n_columns: int) -> None:
        nothing = np.zeros((0, n_columns))
        self._parts = [(rows, topology) for rows, topology, _ in parts]
        self.names = tuple(f"{name} {why}".rstrip() for rows, _, why in parts for name in rows.names)
        self.falling = np.vstack([nothing, *(rows.falling for rows, *_ in parts)])
        self.rising = np.vstack([nothing, *(rows.rising for rows, *_ in parts)])

    def slack(self, position: FloatArray, flows: list[PowerFlow]) -> FloatArray:
        """Return (n_rows, n_units) what is left; a unit without an AC solution has nothing left where rows still do."""
        none = np.zeros((0, len(position)))
        found = np.vstack([none, *(rows.slack(position, flows[topology]) for rows, topology in self._parts)])
        unsolved = np.isnan(found)
        if unsolved.any():
            used = self.falling @ np.minimum(position, 0.0).T + self.rising @ np.maximum(position, 0.0).T
            found = np.where(unsolved, np.minimum(self.at_rest()[:, None] - used, 0.0), found)
        return found

    def daring(self, position: FloatArray, flows: list[PowerFlow], share: float, real: Sequence[int]) -> FloatArray:
        """Return (n_rows, n_units) what is left, and a ``share`` of what is left at rest more, as far as AC leaves it.

        More than rows can promise. ``real`` tells, of every topology, which it stands for.
        """
        found = [np.zeros((0, len(position)))]
        for rows, topology in self._parts:
            left, kept = rows.slack(position, flows[topology]), rows.kept_back
            if kept is not None:
                more = np.maximum(left, 0.0) + share * np.maximum(rows.at_rest(), 0.0)[:, None]
                left = np.minimum(more, -rows.beyond(flows[real[topology]]) - np.reshape(kept, (-1, 1)))
            found.append(left)
        return np.nan_to_num(np.vstack(found), nan=0.0)

    def beyond(self, flows: list[PowerFlow]) -> FloatArray:
        """Return (n_rows, n_units) by how much AC breaks the limits and ``AIM`` margins [limit unit]."""
        none = np.zeros((0, len(np.atleast_1d(flows[0].converged))))
        found = np.vstack([none, *(rows.beyond(flows[topology]) for rows, topology in self._parts)])
        return np.where(np.isnan(found), -np.inf, found)

    def at_rest(self) -> FloatArray:
        """Return (n_rows,) what is left without any injection."""
        return np.concatenate([np.zeros(0), *(rows.at_rest() for rows, _ in self._parts)])
