r"""Rows of networks in which generators hold voltages: chords of what AC says between rest and a full network.

Where generators hold voltages, what a trade does to the others is of second order to a large part: power through
reactances turns voltages, and reactive power flows with the square of the angles. Idle voltages tell little of that. So
every quantity q that is limited has the row of its chord: the derivative in the network half full of demand for falling
injections, half full of infeed for rising ones, which is the slope of the chord of a parabola,

.. math:: q(x) = a^T x + x^T H x / 2, \qquad q(x_f) = (a + H x_f / 2)^T x_f .

Voltages count by their size. Currents count by their projections in sixteen directions that turn with the voltage at
their end, for a network whose voltages all turn alike carries what it carried before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rexnet_grid.electric.limit_rows import AIM, GROSS, bent, gross, node_voltages, one_way
from rexnet_grid.electric.loading_rows import ANGLE, DIRECTIONS, NOTHING, RatedEdges

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits

    BoolArray = NDArray[np.bool_]
    Array = TypeVar("Array", FloatArray, ComplexArray)

SMALL = 1e-4
LONG = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Chord:
    """How one kind of injection, demand or infeed, fills a network.

    Attributes
    ----------
    idle
        (n_node,) voltages without injections [p.u.].
    half, answer
        Voltages (n_node,) half way to full [p.u.], and how they answer to injections there (n_node, n_columns)
        [p.u./kW].
    lone, lone_kw
        (n_node, n_columns) voltages where one column alone has filled the network [p.u.], and its injection
        (n_columns,) [kW].
    """

    idle: ComplexArray
    half: ComplexArray
    answer: ComplexArray
    lone: ComplexArray
    lone_kw: FloatArray

    def slopes(self, quantity: Callable[[ComplexArray], Array]) -> tuple[Array, Array]:
        """Return (n_rows, n_columns) slopes of a quantity of voltages (n_node, n_cases): of all, of each alone."""
        step = SMALL / max(float(np.abs(self.answer).max(initial=0.0)), 1e-300)
        ahead, behind = (quantity(self.half[:, None] + sign * step * self.answer) for sign in (1.0, -1.0))
        kw = np.where(self.lone_kw == 0.0, np.inf, self.lone_kw)
        return (ahead - behind) / (2.0 * step), (quantity(self.lone) - quantity(self.idle[:, None])) / kw


@dataclass(frozen=True, slots=True, eq=False)
class Chords:
    """The chords of demand and of infeed."""

    demand: Chord
    infeed: Chord

    @property
    def idle(self) -> ComplexArray:
        """(n_node,) voltages without injections [p.u.]."""
        return self.demand.idle

    def rows(self, quantity: Callable[[ComplexArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Return what falls and rises take of a quantity that must not grow: the more of both chords."""
        falling, rising = self.demand.slopes(quantity), self.infeed.slopes(quantity)
        return one_way(np.minimum(*falling), np.maximum(*rising))


@dataclass(frozen=True, eq=False)
class ChordUndervoltage:
    """Rows in the size of the voltage [p.u.]: one a node, once more with no relief."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    rest: FloatArray
    least: float
    limit: float
    margin: float

    @classmethod
    def of(cls, chords: Chords, limits: ElectricLimits, nodes: IntArray, names: tuple[str, ...]) -> ChordUndervoltage:
        """Return the rows of ``nodes``."""
        plain = chords.rows(lambda voltage: -np.abs(voltage[nodes]))
        rows = [plain, gross(*plain)]
        band = 1.0 - limits.vm_min_pu
        least = limits.vm_min_pu + limits.margin * band
        return cls(
            tuple(f"{n} undervoltage" for n in names) * 2,
            np.concatenate([row[0] for row in rows]),
            np.concatenate([row[1] for row in rows]),
            nodes,
            np.abs(chords.idle)[nodes] - least,
            least,
            limits.vm_min_pu - AIM * limits.margin * band,
            limits.margin * band,
        )

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what AC leaves, less where the positions show that the voltage is bent."""
        n = len(self.node)
        left = np.abs(node_voltages(flow))[:, self.node].T - self.least
        load, relief = used(self.falling[:n], self.rising[:n], position)
        left = wary(left, self.rest[:, None], load, relief, self.margin)
        return np.concatenate((left, np.maximum(left, 0.0) + (GROSS - 1.0) * self.rest[:, None]))

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much the voltage is below the limit."""
        under = self.limit - np.abs(node_voltages(flow))[:, self.node].T
        return np.concatenate((under, np.full_like(under, -np.inf)))

    @property
    def kept_back(self) -> float:
        """``1 + AIM`` margins in the unit of the rows."""
        return self.least - self.limit

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return np.concatenate((self.rest, GROSS * self.rest))


@dataclass(frozen=True, eq=False)
class ChordLoading:
    """Rows in percent of the rating: sixteen directions, in each all ends, then two of all that is drawn or given.

    Every edge has rows of its near end. Those of an edge without charging current hold for its far end too, others have
    rows of both: ``end`` (n_ends,) are places among the near ends of all edges and their far ones, ``both`` (n_edges,)
    says where one row holds for two.

    Of ``unmetered`` (16 n_ends, n_columns) a fall gives more than a rise takes: demand that is sold again takes its
    reactive power along, and what generators give for it. Where the positions' demand relieves a direction by much of
    that, the rises' own row leaves what AC does there and a margin.
    """

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    unmetered: FloatArray
    edges: RatedEdges
    end: IntArray
    both: BoolArray
    turn: ComplexArray
    idle: ComplexArray
    top: float
    limit: float

    @classmethod
    def of(cls, case: GridCase, chords: Chords, limits: ElectricLimits) -> ChordLoading:
        """Return the rows."""
        edges = RatedEdges.of(case, chords.idle)
        sizes = np.abs(edges.at_near(chords.demand.answer))
        edges = edges.take(np.flatnonzero(sizes.max(axis=1, initial=0.0) > NOTHING))
        n = len(edges.branch)
        at_rest = _currents(edges, chords.idle, chords.idle[:, None])[:, 0]
        both = np.abs(at_rest[:n] - at_rest[n:]) <= LONG * limits.loading_percent
        end = np.concatenate((np.arange(n), n + np.flatnonzero(~both)))
        slopes = [chord.slopes(partial(_currents, edges, chords.idle)) for chord in (chords.demand, chords.infeed)]
        drawn = slopes[0][0][end]
        heaviest = drawn[np.arange(len(end)), np.argmax(np.abs(drawn), axis=1)]
        turn = np.exp(1j * ANGLE)[:, None] * np.conj(-heaviest / np.abs(heaviest))[None, :]
        ways = [[np.concatenate([(d[:, None] * a[end]).real for d in turn]) for a in some] for some in slopes]
        given, taken = np.minimum(*ways[0]), np.maximum(*ways[1])
        falling, rising = one_way(given, taken)
        whole = [np.abs(some).max(axis=0)[:n] for some in slopes]
        nothing = np.zeros_like(whole[0])
        branches = np.concatenate((*(np.tile(edges.branch, 2)[end] for _ in ANGLE), edges.branch, edges.branch))
        return cls(
            tuple(f"{case.branch_name[b]} loading" for b in branches),
            np.concatenate((falling, -whole[0], nothing)),
            np.concatenate((rising, nothing, np.maximum(*whole))),
            np.maximum(given - taken, 0.0),
            edges,
            end,
            both,
            turn,
            chords.idle,
            limits.loading_percent * (1.0 - limits.margin),
            limits.loading_percent * (1.0 + AIM * limits.margin),
        )

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what AC leaves in each direction, less where the positions show that currents are bent."""
        currents = _currents(self.edges.of_flow(flow), self.idle, node_voltages(flow).T)
        n = DIRECTIONS * len(self.end)
        margin = (self.limit - self.top) / (1.0 + AIM)
        load, relief = used(self.falling[:n], self.rising[:n], position)
        left = wary(self._left(currents), self._rest[:, None], load, relief, margin)
        drawn, given = self._gross_left(currents)
        resold = self.unmetered @ np.maximum(-position, 0.0).T > AIM * margin
        least = (
            np.where(resold, np.maximum(left, 0.0) + margin, np.inf).reshape(DIRECTIONS, len(self.end), -1).min(axis=0)
        )
        np.minimum.at(given, self.end % len(self.edges.branch), least)
        return np.concatenate((left, drawn, given))

    @property
    def kept_back(self) -> float:
        """``1 + AIM`` margins in the unit of the rows."""
        return self.limit - self.top

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        currents = _currents(self.edges, self.idle, self.idle[:, None])
        return np.concatenate((self._rest, *(left[:, 0] for left in self._gross_left(currents))))

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much the current is beyond the rating, in the direction that is nearest to it."""
        currents = _currents(self.edges.of_flow(flow), self.idle, node_voltages(flow).T)
        n = len(self.edges.branch)
        over = np.full((DIRECTIONS, len(self.end), currents.shape[1]), -np.inf)
        for which, current in ((slice(0, n), currents[:n]), (slice(0, n), currents[n:]), (slice(n, None), None)):
            seen = currents[self.end[n:]] if current is None else current
            phase = np.angle(self.turn[0][which][:, None] * seen)
            nearest = np.rint(np.nan_to_num(-phase) * DIRECTIONS / (2.0 * np.pi)).astype(np.int64) % DIRECTIONS
            most = np.maximum(np.take_along_axis(over[:, which], nearest[None], axis=0), np.abs(seen) - self.limit)
            np.put_along_axis(over[:, which], nearest[None], most, axis=0)
        rows = over.reshape(-1, currents.shape[1])
        return np.concatenate((rows, np.full((2 * n, currents.shape[1]), -np.inf)))

    @cached_property
    def _rest(self) -> FloatArray:
        return self._left(_currents(self.edges, self.idle, self.idle[:, None]))[:, 0]

    def _left(self, currents: ComplexArray) -> FloatArray:
        """Return (16 n_ends, n_cases) what is left in each direction."""
        n = len(self.edges.branch)
        left = self.top - (self.turn[:, :, None] * currents[self.end]).real
        far = self.top - (self.turn[:, :n, None] * currents[n:]).real
        left[:, :n] = np.where(self.both[:, None], np.minimum(left[:, :n], far), left[:, :n])
        return np.asarray(left.reshape(-1, currents.shape[1]))

    def _gross_left(self, currents: ComplexArray) -> tuple[FloatArray, FloatArray]:
        n = len(self.edges.branch)
        left = GROSS * self.top - np.minimum(np.maximum(np.abs(currents[:n]), np.abs(currents[n:])), self.top)
        return left, left.copy()


def _currents(edges: RatedEdges, idle: ComplexArray, voltage: ComplexArray) -> ComplexArray:
    """Return (2 n_edges, n_cases) currents at near, then far ends, each as seen from the voltage there [%]."""
    with np.errstate(invalid="ignore"):
        back = np.conj(voltage / np.abs(voltage)) * (idle / np.abs(idle))[:, None]
    return np.concatenate((edges.at_near(voltage) * back[edges.near], edges.at_far(voltage) * back[edges.far]))


def used(falling: FloatArray, rising: FloatArray, position: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (n_rows, n_units) how much positions (n_units, n_columns) [kW] load and relieve rows."""
    rises, falls = np.maximum(position, 0.0).T, np.maximum(-position, 0.0).T
    load = np.maximum(rising, 0.0) @ rises + np.maximum(-falling, 0.0) @ falls
    return load, load - rising @ rises + falling @ falls


def wary(left: FloatArray, rest: FloatArray, load: FloatArray, relief: FloatArray, margin: float) -> FloatArray:
    """Return what is left where AC leaves ``left`` and the rows tell of ``load`` and ``relief``.

    Both differ by p'Hp/2 of the positions p, and a further trade d takes p'Hd more than its row tells.
    """
    told = rest - load + relief
    hidden = left - told
    about = (left + margin) / (1.0 + bent(hidden, np.maximum(load, relief), rest))
    less = np.minimum(left, np.maximum(told, about))
    return np.asarray(np.where((left > 0.0) & (np.abs(hidden) > AIM * margin), less, left))
