r"""The thermal limits of lines and transformers as linear rows in the injections.

The current of a branch is linear in the nodes' currents conj(S/V). A bound on its size is a bound on its projection in
every direction of the complex plane; sixteen of them enclose the circle within 1/cos(pi/16) = 1.02, the margin.

The voltage V in conj(S/V) falls as the network fills. Powers therefore draw their currents at the voltages U of the
full network, and the limit is relaxed by what the voltages around the powers that load the branch are above U now,

.. math:: \mathrm{Re}\,(e^{-j\theta} \hat I) \le I_{max}\,\mathrm{Re}\,\nu, \qquad
          \hat I = \sum_n b_n \overline{S_n / U_n}, \qquad \nu = \sum_n \omega_n V_n / U_n,

so that equal powers drawn and injected cancel wherever they sit. Between the near end of the branch and the nodes
beyond it U takes half of the difference.

That is exact while voltages beyond the branch are alike. Where injections far apart oppose each other they are not, and
a wide edge, with nodes of unlike voltage beyond it, has every row twice: once more with each current at the voltage, of
those that the band allows, that loads the edge most. These have one margin as further room, three where it is demand
that loads the edge, so that little trading never meets them. Two gross rows bound how much may be taken beyond it
before the next refresh, whatever relieves it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.beyond_edges import BEYOND, Beyond
from rexnet_grid.electric.limit_rows import (
    AIM,
    GROSS,
    KEPT,
    KNEE,
    OPPOSED_ROOM,
    bent,
    less_relief,
    node_voltages,
    one_way,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.node_model import NodeModel

    BoolArray = NDArray[np.bool_]

DIRECTIONS = 16
ANGLE = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
BY_DEMAND = np.cos(ANGLE) > 0.0
WIDE = 0.015
NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class RatedEdges:
    """Currents through every edge with a rating, at both ends, in percent of the rating.

    Attributes
    ----------
    branch
        (n_rated,) the branch of each edge.
    near, far
        (n_rated,) its nodes; the rating counts more at the near one.
    near_y, far_y
        (n_rated, 2) what the voltages at near and far make of the current there [% per p.u.]; the far current has its
        sign and its phase as at the near end, across a transformer of any vector group. At the star point of a
        three-winding transformer, which has no rating, it is the near one. With an axis of cases in front where
        controllers have moved taps.
    edge, turned, scale, shift
        (n_rated,) place among the network's edges, whether near is its end, (n_rated, 2) percent of the rating per
        current at near and far [%/p.u.], (n_rated,) phase of near over far.
    """

    branch: IntArray
    near: IntArray
    far: IntArray
    near_y: ComplexArray
    far_y: ComplexArray
    edge: IntArray
    turned: BoolArray
    scale: FloatArray
    shift: ComplexArray

    @classmethod
    def of(cls, case: GridCase, idle: ComplexArray) -> RatedEdges:
        """Return the edges whose branch has a rating; ``idle`` (n_node,) tells the phase across transformers."""
        rated = (case.edge_branch >= 0) & ~np.isnan(case.branch_idle[case.edge_branch])
        edge = np.flatnonzero(rated & np.isfinite(case.edge_scale).all(axis=1) & (case.edge_scale.max(axis=1) > 0.0))
        y, scale = case.edge_y[edge], case.edge_scale[edge]
        f, t = case.edge_from[edge], case.edge_to[edge]
        turned = np.abs(y[:, 2]) * scale[:, 1] > np.abs(y[:, 1]) * scale[:, 0]
        scale = np.where(turned[:, None], scale[:, ::-1], scale)
        near, far = np.where(turned, t, f), np.where(turned, f, t)
        into, out = np.where(turned, y[:, [2, 1]].T, y[:, [1, 2]].T)
        shift = np.sqrt(np.divide(into, out, out=np.ones_like(into), where=out != 0.0))
        shift *= np.where((shift * np.conj(idle[near] * np.conj(idle[far]))).real < 0.0, -1.0, 1.0)
        shift = np.asarray(shift / np.abs(shift), dtype=complex)
        return cls(case.edge_branch[edge], near, far, *_ends(y, turned, scale, shift), edge, turned, scale, shift)

    def take(self, which: IntArray) -> RatedEdges:
        """Return some of the edges."""
        return RatedEdges(*(getattr(self, f.name)[which] for f in fields(self)))

    def of_flow(self, flow: PowerFlow) -> RatedEdges:
        """Return the edges as controllers left them, in every case of ``flow``."""
        if flow.edge_y is None:
            return self
        near_y, far_y = _ends(flow.edge_y[:, self.edge], self.turned, self.scale, self.shift)
        return replace(self, near_y=near_y, far_y=far_y)

    def at_near(self, voltage: ComplexArray) -> ComplexArray:
        """Return (n_rated, …) currents at the near end for voltages (n_node, …) [% of the rating]."""
        return _two_port(self.near_y, voltage[self.near], voltage[self.far])

    def at_far(self, voltage: ComplexArray) -> ComplexArray:
        """Return (n_rated, …) currents at the far end, in the sign and phase of the near one [% of the rating]."""
        return _two_port(self.far_y, voltage[self.near], voltage[self.far])


def _ends(
    y: ComplexArray, turned: BoolArray, scale: FloatArray, shift: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return what the voltages at near and far make of the currents at both, of two-ports (…, n_rated, 4)."""
    near_y = np.where(turned[:, None], y[..., [3, 2]], y[..., [0, 1]]) * scale[:, :1]
    far_y = np.where(turned[:, None], y[..., [1, 0]], y[..., [2, 3]]) * scale[:, 1:]
    return np.asarray(near_y, complex), np.where(scale[:, 1:] > 0.0, -far_y * shift[:, None], near_y)


def _two_port(y: ComplexArray, near: ComplexArray, far: ComplexArray) -> ComplexArray:
    return np.asarray((y[..., 0] * near.T + y[..., 1] * far.T).T)


@dataclass(frozen=True, eq=False)
class LoadingRows:
    """Rows in percent of the rating: sixteen directions, in each all edges; wide edges end with gross rows."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    edges: RatedEdges
    turn: ComplexArray
    around: tuple[ComplexArray, ComplexArray]
    idle: ComplexArray
    top: float
    limit: float
    knee: tuple[float, float]
    wide: bool

    @classmethod
    def of(
        cls,
        case: GridCase,
        model: NodeModel,
        limits: ElectricLimits,
        columns: IntArray,
        full: tuple[ComplexArray, ComplexArray],
        reach: tuple[ComplexArray, ComplexArray] | None = None,
    ) -> LoadingRows:
        """Return the rows.

        ``full`` are the voltages (n_node,) of the network full of demand and full of infeed. With ``reach``, the same
        where only voltages are limited, these are the rows of wide edges at the currents that load them most.
        """
        edges = RatedEdges.of(case, model.idle)
        plain = edges.at_near(model.response(0.0, columns))
        used = np.flatnonzero(np.abs(plain).max(axis=1, initial=0.0) > NOTHING)
        beyond = Beyond.of(model, columns, edges.take(used), np.abs(plain[used]))
        if reach is not None:
            wide = np.flatnonzero(beyond.spread(model, columns, reach) > WIDE)
            used, beyond = used[wide], beyond.take(wide)
        edges, plain = edges.take(used), plain[used]
        heaviest = plain[np.arange(len(plain)), np.argmax(np.abs(plain), axis=1, keepdims=False)]
        turn = np.exp(1j * ANGLE)[:, None] * np.conj(-heaviest / np.abs(heaviest))[None, :]
        top = limits.loading_percent * (1.0 - limits.margin)
        names = tuple(f"{case.branch_name[b]} loading" for b in edges.branch) * DIRECTIONS
        answers = [model.response(limits.tan_phi, columns), model.response(0.0, columns)]
        ways: list[list[FloatArray]] = [[], []]
        around = []
        size = np.maximum(np.abs(plain), 1e-12)
        lift, relaxed = beyond.lifted(model, columns, full[0], top / size, limits.vm_max_pu)
        knee = (0.0, 0.0)
        if reach is not None:
            knee = (
                OPPOSED_ROOM * limits.margin * limits.loading_percent,
                KNEE * limits.margin * limits.loading_percent,
            )
        for voltage, by_demand in zip(full, (True, False), strict=True):
            u, weights = beyond.centre(model, columns, voltage, apart=0.0 if reach else BEYOND)
            around.append(weights)
            more, less = (0.0, 0.0) if reach is None else beyond.shares(model, columns, reach)
            more = more if by_demand else 0.5 * more
            lone = beyond.lone(model, columns, answers[0], (u, weights), top / size, limits)
            for way, answer, sense in ((0, answers[0], -1.0), (1, answers[1], 1.0)):
                current = edges.at_near(answer) * np.conj(1.0 / u)
                room = top * ((weights @ answer) * np.conj(1.0 / u)).real
                for direction in turn[by_demand == BY_DEMAND]:
                    turned = direction[:, None] * current
                    taken = turned.real.copy()
                    if way and by_demand and reach is not None:
                        credit = np.maximum(-taken, 0.0) / size
                        taken += less_relief(turned, size, lift, KEPT * limits.margin, partial(relaxed, credit))
                    elif by_demand and not way and reach is None:
                        taken -= lone * np.maximum(-taken, 0.0)
                    else:
                        taken += sense * np.abs(taken) * np.where(sense * taken > 0.0, more, less)
                    ways[way].append(taken - room)
        order = np.argsort(np.concatenate((np.flatnonzero(BY_DEMAND), np.flatnonzero(~BY_DEMAND))))
        falling, rising = (np.concatenate([way[k] for k in order]) for way in ways)
        coefficients = one_way(falling, rising) if reach is None else one_way(falling, rising, 0.0)
        ends, limit = (around[0], around[1]), limits.loading_percent * (1.0 + AIM * limits.margin)
        if reach is None:
            return cls(names, *coefficients, edges, turn, ends, model.idle, top, limit, knee, wide=False)
        whole = [np.abs(edges.at_near(answer)) for answer in answers]
        nothing = np.zeros_like(whole[0])
        names += tuple(f"{case.branch_name[b]} loading" for b in edges.branch) * 2
        coefficients = (
            np.concatenate((coefficients[0], -whole[0], nothing)),
            np.concatenate((coefficients[1], nothing, whole[1])),
        )
        return cls(names, *coefficients, edges, turn, ends, model.idle, top, limit, knee, wide=True)

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what AC leaves in each direction, at the end that has less left.

        The more demand local infeed hides already, the less of the knee is left.
        """
        left = self._left(self.edges.of_flow(flow), node_voltages(flow).T)
        if not self.wide:
            return self._wary(left, position)
        n = len(self.edges.branch)
        alone = -self.falling[DIRECTIONS * n : (DIRECTIONS + 1) * n] @ -np.minimum(position, 0.0).T
        spent = np.clip((alone + left[-n:] - GROSS * self.top) / self.top, 0.0, 1.0)
        for k in range(DIRECTIONS):
            left[k * n : (k + 1) * n] -= self.knee[0 if BY_DEMAND[k] else 1] * spent
        return left

    def _wary(self, left: FloatArray, position: FloatArray) -> FloatArray:
        """Return less where AC leaves more than the rows tell, for trades that undo relief may end that.

        How much is left does not matter: who undoes a large position may begin with twice the limit.
        """
        rest, margin = self.at_rest()[:, None], (self.limit - self.top) / (1.0 + AIM)
        traded = np.concatenate((np.maximum(-position, 0.0), np.maximum(position, 0.0)), axis=1).T.astype(np.float32)
        used = self._both @ traded
        hidden = left - rest + used
        more = np.flatnonzero((hidden > AIM * margin).any(axis=1))
        some, hidden, rest, used = left[more], hidden[more], rest[more], used[more]
        relief = 0.5 * (np.abs(self._both[more]) @ traded - used)
        about = (some + margin) / (1.0 + bent(np.maximum(hidden, 0.0), relief, rest))
        less = np.minimum(some, np.maximum(rest - used, about))
        left[more] = np.where((some > 0.0) & (hidden > AIM * margin), less, some)
        return left

    @cached_property
    def _both(self) -> NDArray[np.float32]:
        """(n_rows, 2 n_columns) what falls and rises take, in as many digits as tell what a margin's share is."""
        return np.hstack((-self.falling, self.rising)).astype(np.float32)

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return self._left(self.edges, self.idle[:, None])[:, 0]

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much the current is beyond the rating, in the direction that is nearest to it."""
        voltage, edges = node_voltages(flow).T, self.edges.of_flow(flow)
        over = np.full((len(self.names) // len(self.edges.branch), len(self.edges.branch), voltage.shape[1]), -np.inf)
        for current in (edges.at_near(voltage), edges.at_far(voltage)):
            phase = np.angle(self.turn[0][:, None] * current * np.conj(self.around[0] @ voltage))
            nearest = np.rint(np.nan_to_num(-phase) * DIRECTIONS / (2.0 * np.pi)).astype(np.int64) % DIRECTIONS
            most = np.maximum(np.take_along_axis(over, nearest[None], axis=0), (np.abs(current) - self.limit)[None])
            np.put_along_axis(over, nearest[None], most, axis=0)
        return over.reshape(-1, voltage.shape[1])

    @property
    def kept_back(self) -> float:
        """``1 + AIM`` margins in the unit of the rows."""
        return self.limit - self.top

    def _left(self, edges: RatedEdges, voltage: ComplexArray) -> FloatArray:
        near, far = edges.at_near(voltage), edges.at_far(voltage)
        left = np.empty((DIRECTIONS, len(edges.branch), voltage.shape[1]))
        for around, side, knee in zip(self.around, (BY_DEMAND, ~BY_DEMAND), self.knee, strict=True):
            nu = around @ voltage
            f, t = near * np.conj(nu), far * np.conj(nu)
            room = self.top * nu.real + knee
            for k in np.flatnonzero(side):
                c, s = self.turn[k].real[:, None], self.turn[k].imag[:, None]
                left[k] = room - np.maximum(c * f.real - s * f.imag, c * t.real - s * t.imag)
        rows = left.reshape(-1, voltage.shape[1])
        if not self.wide:
            return rows
        gross = GROSS * self.top - np.minimum(np.maximum(np.abs(near), np.abs(far)), self.top)
        return np.concatenate((rows, gross, gross))
