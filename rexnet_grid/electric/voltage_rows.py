r"""The voltage band as linear rows in the injections.

In squared magnitudes a radial network obeys, with the complex currents :math:`I_b` of the branches to node i,

.. math:: |V_i|^2 = W_i^2 + 2\,\mathrm{Re}\,(\bar W_i \Delta V_i) - \textstyle\sum_b |z_b|^2 |I_b|^2 - 2 \cdot losses ,

where ΔV is linear in the powers with their currents taken at the idle voltages W (Baran and Wu, IEEE Trans. Power
Delivery 4 (1989) 725, eq. 5; Farivar and Low, IEEE Trans. Power Syst. 28 (2013) 2554). The parts left out are never
positive: |V|^2 is a concave function of the powers, so a tangent plane of it anywhere lies above it. Overvoltage takes
the tangent half way to where infeed fills the network. Undervoltage takes the powers at W and reserves what a load at
the end of the feeder needs, V (W - V) = x W with x the linear drop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.limit_rows import (
    AIM,
    GROSS,
    KEPT,
    OPPOSED_ROOM,
    bent,
    gross,
    less_relief,
    node_voltages,
    one_way,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.node_model import NodeModel

    BoolArray = NDArray[np.bool_]
    Touching = tuple[FloatArray, ComplexArray, ComplexArray, ComplexArray]

TURNED = 0.05
DEAR = 0.25
MOST_STEEPER = 4.0
MEASURED = 0.85
AROUND = 0.1
AGAIN = 0.5
STEEPEST = 0.25
BELOW = 0.1


@dataclass(frozen=True, eq=False)
class UndervoltageRows:
    """Rows in linear voltage drop [p.u.]: one a node, once more with less credit for far infeed, then with none.

    Where infeed turns voltages so much that they fall, once more with the answers of the network full of infeed.
    """

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    idle: FloatArray
    least: float
    limit: float
    knee: float
    kept: float

    @classmethod
    def of(
        cls,
        model: NodeModel,
        limits: ElectricLimits,
        columns: IntArray,
        nodes: IntArray,
        names: tuple[str, ...],
        touching: Touching | None = None,
    ) -> UndervoltageRows:
        """Return the rows of ``nodes``; ``touching`` is the network on the way to full of infeed."""
        toward = -np.conj(model.idle / np.abs(model.idle))[nodes][:, None]
        plain = model.response(0.0, columns)
        falling = (toward * model.response(limits.tan_phi, columns)[nodes]).real
        taken = toward * plain[nodes]
        rising = taken.real
        half_band = 1.0 - limits.vm_min_pu
        least = limits.vm_min_pu + limits.margin * half_band
        most = least * (1.0 - least / np.abs(model.idle))[nodes][:, None]
        size = np.maximum(-rising, 1e-300)
        own = -toward * (plain[columns, np.arange(len(columns))][None, :] - plain[nodes]) / size
        apart = 1.0 - np.minimum(size / np.maximum(size.max(axis=1, keepdims=True, initial=0.0), 1e-300), 1.0)

        def lift(share: float) -> ComplexArray:
            """Return how far a rise is above the node: by its own power, and by the demand between both."""
            return within(most * (share * own + (1.0 + share) * apart), limits.vm_max_pu - least) / least

        kept = KEPT * limits.margin * half_band / np.maximum(most, 1e-9)
        far = np.where(columns != NOWHERE, rising + less_relief(taken, size, lift, kept), 0.0)
        rows = [one_way(falling, rising), one_way(falling, far), gross(falling, rising)]
        if touching is not None:
            given = _given(columns, nodes, touching, np.abs(model.idle)[nodes])
            if np.any(given - rising > TURNED * np.abs(rising).max(axis=1, keepdims=True, initial=0.0)):
                rows.append(one_way(falling, np.maximum(given, rising)))
        return cls(
            tuple(f"{n} undervoltage" for n in names) * len(rows),
            np.concatenate([row[0] for row in rows]),
            np.concatenate([row[1] for row in rows]),
            nodes,
            np.abs(model.idle)[nodes],
            least,
            limits.vm_min_pu - AIM * limits.margin * half_band,
            OPPOSED_ROOM * limits.margin * half_band,
            KEPT * limits.margin * half_band,
        )

    @property
    def _kinds(self) -> int:
        """How many rows each node has."""
        return len(self.names) // len(self.node) if len(self.node) else 1

    def _drop(self, vm: FloatArray) -> FloatArray:
        """Return the linear drop that a load at the end needs to bring the idle voltage to ``vm`` (…, n_nodes)."""
        return np.asarray(vm * (self.idle - vm) / self.idle)

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        r"""Return what is left of the drop.

        Infeed that hides a drop x of the positions' demand hides less of it as voltages part. While the voltage V falls
        by what is left, down to the least one V_l, that demand draws more, and while the voltage of the infeed rises by
        as much as a trade of the size t lowers V, the infeed gives less: each x κ of it, with

        .. math:: \kappa = \frac{1}{V}\,\frac{W}{V + V_l - W}, \qquad left = t + \kappa x\,left + \kappa x\,t ,

        where one over V is what a current changes with its voltage, at most, and the other factor what V falls for what
        is taken of V (W - V) / W. So (1 - κx) / (1 + κx) of what is left is told, and gross trades may take as much as
        makes 2κx of them, beyond what is left, the margin.
        """
        vm = np.abs(node_voltages(flow))[:, self.node]
        n = len(self.node)
        alone = np.minimum(position, 0.0) @ self.falling[:n].T
        relief = -np.maximum(position, 0.0) @ self.rising[:n].T
        drop, most, margin = self._drop(vm), self._drop(np.full(n, self.least)), self.kept / KEPT
        reached = np.maximum(vm, self.least)
        per_drop = self.idle / np.maximum(reached + self.least - self.idle, STEEPEST * self.idle) / reached
        hidden = per_drop * np.maximum(np.minimum(alone - drop, relief), 0.0)
        left = self._left(vm)
        share = np.maximum(1.0 - hidden, 0.0) / (1.0 + hidden)
        left = np.where(left > 0.0, left * np.tile(share, self._kinds), left)
        room = np.maximum(left[:, :n], 0.0)
        again = (margin * AGAIN + room) / bent(drop - alone + relief, alone, most)
        again = np.minimum(again, room + margin / np.maximum(2.0 * hidden, 1e-9))
        left[:, 2 * n : 3 * n] = np.minimum(left[:, 2 * n : 3 * n], again)
        return np.asarray(left.T)

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return self._left(self.idle)

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much the drop is beyond the one that brings a node to the voltage limit."""
        n = len(self.node)
        limit = self._drop(np.full(n, self.limit))
        over = (self._drop(np.abs(node_voltages(flow))[:, self.node]) - limit).T
        plain = np.concatenate((over, over, np.full_like(over, -np.inf)))
        return np.concatenate((plain, over[: len(self.names) - len(plain)]))

    @property
    def kept_back(self) -> FloatArray:
        """``1 + AIM`` margins in the unit of the rows."""
        n = len(self.node)
        return np.tile(self._drop(np.full(n, self.limit)) - self._drop(np.full(n, self.least)), self._kinds)

    def _left(self, vm: FloatArray) -> FloatArray:
        most = self._drop(np.full(len(self.node), self.least))
        left = most - self._drop(vm)
        rows = (left, left + self.knee, np.maximum(left, 0.0) + (GROSS - 1.0) * most, left)
        return np.concatenate(rows[: self._kinds], axis=-1)


def _given(columns: IntArray, nodes: IntArray, touching: Touching, idle: FloatArray) -> FloatArray:
    """Return what a rising injection takes of the drop V (W - V) / W in the state ``touching`` [p.u./kW]."""
    _, voltage, active, _ = touching
    at = voltage[nodes]
    toward = -np.conj(at) / np.abs(at) * (2.0 * np.abs(at) - idle) / idle
    return np.where(columns != NOWHERE, (toward[:, None] * active[nodes][:, columns]).real, 0.0)


def _tangent(
    touching: Touching, nodes: IntArray, idle: FloatArray, supplied: BoolArray, columns: IntArray, tan_phi: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what the tangent in a state says at rest, and its slopes by active power and by demand (n_nodes, …)."""
    kw, voltage, active, reactive = touching
    toward = (np.conj(voltage[nodes]) / idle)[:, None]
    by_p, by_q = (np.where(supplied, (toward * by[nodes][:, columns]).real, 0.0) for by in (active, reactive))
    return np.abs(voltage[nodes]) ** 2 / (2.0 * idle) - by_p @ kw, by_p, by_p + tan_phi * by_q


@dataclass(frozen=True, eq=False)
class OvervoltageRows:
    """Rows in half the squared voltage over the idle one [p.u.]: one a node, once more with no relief."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    idle: FloatArray
    most: float
    rest: FloatArray
    tangent: FloatArray
    steeper: FloatArray
    dearest: FloatArray
    unmetered: FloatArray
    kept: float
    limit: float

    @classmethod
    def of(
        cls,
        model: NodeModel,
        limits: ElectricLimits,
        columns: IntArray,
        nodes: IntArray,
        names: tuple[str, ...],
        touching: Sequence[Touching],
        loaded: tuple[ComplexArray, ComplexArray] | None,
    ) -> OvervoltageRows:
        """Return the rows of ``nodes``.

        ``touching`` holds states on the way to full of infeed, the farthest first: their injections (n_columns,) [kW],
        voltages, and dV/dP and dV/dQ there [p.u./kW], [p.u./kvar]. Each node takes the farthest whose tangent leaves
        about what AC leaves at rest, or else the nearest. ``loaded`` are the voltages of the network full of demand
        and dV/dP, None where generators hold voltages and answers do not grow with demand.

        Where generators hold voltages active power of demand may raise others, and its reactive power lower them more:
        neither counts then, and of demand that raises one all the same a rise gives back no more than that. So a fall
        and an equal rise win no room.
        """
        idle = np.abs(model.idle)[nodes]
        supplied = columns != NOWHERE
        most = limits.vm_max_pu - limits.margin * (limits.vm_max_pu - 1.0)
        room = (most**2 - idle**2) / (2.0 * idle)
        start, by_p, tangent = _tangent(touching[0], nodes, idle, supplied, columns, limits.tan_phi)
        for state in touching[1:]:
            other = _tangent(state, nodes, idle, supplied, columns, limits.tan_phi)
            nearer = start - 0.5 * idle > BELOW * np.maximum(room, 0.0)
            start = np.where(nearer, other[0], start)
            by_p, tangent = (np.where(nearer[:, None], *two) for two in ((other[1], by_p), (other[2], tangent)))
        if loaded is None:
            by_p = np.maximum(by_p, np.minimum(tangent, 0.0))
        falling, rising = one_way(tangent, by_p, 0.0)
        counts = by_p > DEAR * by_p.max(axis=1, keepdims=True, initial=0.0)
        alone = gross(falling, np.where(counts, rising, np.maximum(rising, tangent)))
        steeper = np.full(len(nodes), 1.0 / MEASURED)
        if loaded is not None:
            above = (np.conj(loaded[0][nodes]) / idle)[:, None]
            steep = np.where(supplied, (above * loaded[1][nodes][:, columns]).real, 0.0)
            around = steep > AROUND * steep.max(axis=1, keepdims=True, initial=0.0)
            steeper = np.where(around, steep / np.maximum(rising, 1e-300), 1.0).max(axis=1, initial=1.0)
        dearer = np.maximum(tangent / np.maximum(by_p, 1e-300) - 1.0, 0.0)
        return cls(
            tuple(f"{n} overvoltage" for n in names) * 2,
            np.concatenate((falling, alone[0])),
            np.concatenate((rising, alone[1])),
            nodes,
            idle,
            most,
            most**2 / (2.0 * idle) - start,
            tangent,
            np.minimum(steeper, MOST_STEEPER),
            np.where(counts, dearer, 0.0).max(axis=1, initial=0.0),
            np.where(counts, 0.0, np.maximum(tangent - rising, 0.0)),
            0.5 * limits.margin * (limits.vm_max_pu - 1.0),
            limits.vm_max_pu + AIM * limits.margin * (limits.vm_max_pu - 1.0),
        )

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what the tangent leaves, or what AC leaves if that is more though the answers were those under demand.

        The tangent holds whatever is traded; about AC the gross rows keep trades small where it bends.
        Selling what was bought counts as infeed, though it takes the demand's reactive power away too: what that adds
        is kept back, as far as it can matter with what is left and half the margin does not cover it. Columns whose
        infeed hardly counts, such as those at the supply, could sell all that they bought: then the gross rows, in
        which they count with that reactive power, leave what AC does and the margin.
        """
        vm = np.abs(node_voltages(flow))[:, self.node]
        n = len(self.node)
        demand, infeed = np.minimum(position, 0.0), np.maximum(position, 0.0) @ self.rising[:n].T
        relief = -demand @ self.tangent.T
        told = self.rest - infeed + relief
        measured = (self.most**2 - vm**2) / (2.0 * self.idle)
        margin, room = self.kept / KEPT, np.maximum(measured, 0.0)
        reactive = demand @ (self.rising[:n] - self.tangent).T
        counted = np.minimum(reactive, self.dearest * room)
        resold = np.maximum(counted - self.kept, 0.0)
        holds = np.clip(told - resold, 0.0, room)
        about = (measured + margin) / (1.0 + bent(np.maximum(measured - told, 0.0), relief, self.rest))
        known = np.minimum(measured / self.steeper, about) - resold
        left = np.where(measured > 0.0, np.maximum(holds, np.minimum(known, measured)), measured)
        again = np.where(reactive - counted > margin, holds + margin / np.maximum(self.dearest, 1e-9), np.inf)
        wide = self.gross_rest / np.maximum(self.rest, 1e-9) * holds
        gross_left = np.where(known > holds, np.minimum(about, GROSS * self.rest), np.minimum(wide, again))
        unmetered = -demand @ self.unmetered.T > self.kept
        gross_left = np.where(unmetered, np.minimum(gross_left, room + margin), gross_left)
        both = np.concatenate((left, gross_left), axis=1)
        return np.asarray(np.where(np.isnan(np.concatenate((vm, vm), axis=1)), np.nan, both).T)

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much the voltage is above the limit."""
        vm = np.abs(node_voltages(flow))[:, self.node]
        over = ((vm**2 - self.limit**2) / (2.0 * self.idle)).T
        return np.concatenate((over, np.full_like(over, -np.inf)))

    @property
    def kept_back(self) -> FloatArray:
        """``1 + AIM`` margins in the unit of the rows."""
        return np.tile((self.limit**2 - self.most**2) / (2.0 * self.idle), 2)

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return np.concatenate((self.rest, self.gross_rest))

    @property
    def gross_rest(self) -> FloatArray:
        """(n_nodes,) what may be taken at rest, whatever relieves: of the band or of what is left, if that is more."""
        return GROSS * np.maximum(self.rest, np.where(self.rest > 0.0, self.most - 1.0, 0.0))
