"""What lies beyond each rated edge: the columns that load it, and the voltages that stand for theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.limit_rows import within

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.loading_rows import RatedEdges
    from rexnet_grid.electric.node_model import NodeModel

BEYOND = 0.5
AROUND = 0.1
LEAST_OWN = 0.5


@dataclass(frozen=True, eq=False)
class Beyond:
    """What lies beyond each edge.

    Attributes
    ----------
    weight
        (n_edges, n_columns) share of each column in what loads the edge; a row's sum is 1.
    close
        (n_edges,) the node of the edge that is nearer to these columns.
    """

    weight: FloatArray
    close: IntArray

    @classmethod
    def of(cls, model: NodeModel, columns: IntArray, edges: RatedEdges, size: FloatArray) -> Beyond:
        """Weigh the columns by what they load of each edge, ``size`` (n_edges, n_columns)."""
        weight = np.where(size > AROUND * size.max(axis=1, keepdims=True, initial=0.0), size, 0.0)
        weight /= weight.sum(axis=1, keepdims=True)
        row = np.arange(len(weight))
        answered = np.abs(model.response(0.0, columns) @ weight.T)
        return cls(weight, np.where(answered[edges.far, row] >= answered[edges.near, row], edges.far, edges.near))

    def take(self, which: IntArray) -> Beyond:
        """Return what lies beyond some of the edges."""
        return Beyond(self.weight[which], self.close[which])

    def centre(
        self, model: NodeModel, columns: IntArray, voltage: ComplexArray, apart: float
    ) -> tuple[ComplexArray, ComplexArray]:
        """Return U over the idle voltage (n_edges, n_columns), and (n_edges, n_node) what makes ν of voltages.

        Nodes take the share ``apart`` of what they differ from the near end; with none of it ν is the near end's.
        """
        ratio = voltage / model.idle
        near = ratio[self.close][:, None]
        u = near + apart * (ratio[columns][None, :] - near)
        around = np.zeros((len(self.close), len(model.idle)), dtype=complex)
        if apart == 0.0:
            around[np.arange(len(self.close)), self.close] = 1.0 / voltage[self.close]
            return np.broadcast_to(u, self.weight.shape), around
        supplied = columns != NOWHERE
        share = self.weight / (u * model.idle[columns][None, :])
        np.add.at(around.T, columns[supplied], share[:, supplied].T)
        return u, around

    def shares(
        self, model: NodeModel, columns: IntArray, reach: tuple[ComplexArray, ComplexArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return by which share a current can be larger and smaller than at the near end's voltage."""
        low, high = (_beyond(voltage / model.idle, columns, self.close) for voltage in reach)
        counts = self.weight > 0.0
        return (
            np.where(counts, 1.0 / np.minimum(low, 1.0) - 1.0, 0.0),
            np.where(counts, 1.0 - 1.0 / np.maximum(high, 1.0), 0.0),
        )

    def lone(
        self,
        model: NodeModel,
        columns: IntArray,
        answer: ComplexArray,
        centre: tuple[ComplexArray, ComplexArray],
        limit: FloatArray,
        limits: ElectricLimits,
    ) -> FloatArray:
        """Return by which share (n_edges, n_columns) demand at one column alone draws more than rows about ν tell.

        Its own voltage falls further than those of all that ν stands for. What the margin covers does not count, nor
        what the column cannot draw at the lowest voltage.
        """
        u, around = centre
        own = answer[columns, np.arange(len(columns))]
        idle = model.idle[columns]
        drop = np.maximum((own * np.conj(idle)).real / np.abs(idle), 1e-300)
        kw = np.minimum(limit, (np.maximum(np.abs(idle) - limits.vm_min_pu, 0.0) / drop)[None, :])
        at_own = np.abs((idle - own * kw) / (u * idle))
        at_all = (around @ model.idle)[:, None].real - (around @ answer).real * kw
        share = np.maximum(kw / limit, 1e-9)
        found = at_all / np.maximum(at_own, LEAST_OWN) - 1.0 - limits.margin / share
        return np.where((self.weight > 0.0) & (columns != NOWHERE), np.maximum(found, 0.0), 0.0)

    def lifted(
        self, model: NodeModel, columns: IntArray, full: ComplexArray, limit: FloatArray, vm_max: float
    ) -> tuple[Callable[[float], ComplexArray], Callable[[FloatArray, float], FloatArray]]:
        """Return what tells by which share (n_edges, n_columns) rises lift their voltages above the near end's.

        And what tells by which share of the limit that makes the plain rows give too much where the demand is at the
        near end: its ν is that of all nodes beyond, and they credit relief at the voltages of the full network.

        ``limit`` (n_edges, n_columns) is the rate [kW] at each column that takes the whole limit of the edge.
        """
        plain = model.response(0.0, columns)
        near = np.abs(full[self.close])[:, None]
        own = (plain[columns, np.arange(len(columns))][None, :] - plain[self.close]) / model.idle[columns][None, :]
        own *= limit / near
        most = np.maximum(vm_max / near - 1.0, 1e-9)
        u, around = self.centre(model, columns, full, BEYOND)
        start = full[self.close][:, None]
        raised = ((around @ plain - around.sum(axis=1)[:, None] * plain[self.close]) * limit * start / near).real
        fallen = np.maximum(1.0 - np.abs(u * model.idle[self.close][:, None] / start), 0.0)

        def relaxed(credit: FloatArray, share: float) -> FloatArray:
            less = np.minimum(1.0, most / np.maximum(share * own.real, 1e-300))
            return np.asarray(share * (np.maximum(raised, 0.0) * less + credit * fallen))

        return lambda share: within(share * own, most), relaxed

    def spread(self, model: NodeModel, columns: IntArray, reach: tuple[ComplexArray, ComplexArray]) -> FloatArray:
        """Return (n_edges,) the largest share by which a current can differ."""
        return np.asarray(np.maximum(*self.shares(model, columns, reach)).max(axis=1, initial=0.0))


def _beyond(ratio: ComplexArray, columns: IntArray, close: IntArray) -> FloatArray:
    """Return (n_edges, n_columns) how far voltages can part from those at the near end of each edge [-].

    ``ratio`` (n_node,) are voltages over the idle ones in a state where the ends of the network have moved by what the
    band allows; what the way to the edge took of that is there for the ways beyond it when the edge is idle.
    """
    moved, common = 1.0 - np.abs(ratio), 1.0 - np.abs(ratio[close])
    most = float(np.max(np.abs(moved), initial=0.0))
    stretch = most / np.maximum(most - np.abs(common), 0.25 * max(most, 1e-9))
    return np.asarray(1.0 - (moved[columns][None, :] - common[:, None]) * stretch[:, None])
