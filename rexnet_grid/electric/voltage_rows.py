r"""The voltage band as linear rows in the injections.

In squared magnitudes a radial network obeys, with the complex currents :math:`I_b` of the branches to node i,

.. math:: |V_i|^2 = W_i^2 + 2\,\mathrm{Re}\,(\bar W_i \Delta V_i) - \textstyle\sum_b |z_b|^2 |I_b|^2 - 2 \cdot losses ,

where ΔV is linear in the powers with their currents taken at the idle voltages W (Baran and Wu, IEEE Trans. Power
Delivery 4 (1989) 725, eq. 5; Farivar and Low, IEEE Trans. Power Syst. 28 (2013) 2554). The parts left out are never
positive: |V|^2 is a concave function of the powers, so a tangent plane of it anywhere lies above it. Overvoltage takes
the tangent half way to where infeed fills the network. Undervoltage takes the powers at W and reserves what a load at
the end of the feeder needs, V (W - V) = x W with x the linear drop, or more where the loaded network shows more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.limit_rows import GROSS, KNEE, gross, node_voltages, one_way

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.node_model import NodeModel

MOST_RESERVE = 0.3


@dataclass(frozen=True, eq=False)
class UndervoltageRows:
    """Rows in linear voltage drop [p.u.]: one a node, once more with less credit for far infeed, then with none."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    idle: FloatArray
    least: float
    reserve: FloatArray
    knee: float

    @classmethod
    def of(
        cls,
        model: NodeModel,
        limits: ElectricLimits,
        columns: IntArray,
        nodes: IntArray,
        names: tuple[str, ...],
        highest: ComplexArray,
    ) -> UndervoltageRows:
        """Return the rows of ``nodes``, without a reserve; ``highest`` (n_node,) are voltages that infeed can reach."""
        toward = -np.conj(model.idle / np.abs(model.idle))[nodes][:, None]
        falling = (toward * model.response(limits.tan_phi, columns)[nodes]).real
        rising = (toward * model.response(0.0, columns)[nodes]).real
        least = limits.vm_min_pu + limits.margin * (1.0 - limits.vm_min_pu)
        apart = 1.0 - np.clip(rising / np.minimum(rising.min(axis=1, keepdims=True, initial=0.0), -1e-300), 0.0, 1.0)
        above = np.where(columns != NOWHERE, 1.0 - least / np.maximum(np.abs(highest[columns]), least), 0.0)
        far = rising + np.abs(rising) * np.minimum(1.5 * apart, 1.0) * above
        rows = (one_way(falling, rising), one_way(falling, far, 0.0), gross(falling, rising))
        return cls(
            tuple(f"{n} undervoltage" for n in names) * 3,
            np.concatenate([row[0] for row in rows]),
            np.concatenate([row[1] for row in rows]),
            nodes,
            np.abs(model.idle)[nodes],
            least,
            np.zeros(len(nodes)),
            KNEE * limits.margin * (1.0 - limits.vm_min_pu),
        )

    def with_reserve(self, loads_kw: FloatArray, loaded: ComplexArray) -> UndervoltageRows:
        """Return the rows with what the loaded network shows beyond the load at the end of the feeder.

        The excess grows with the square of the drop, from the state ``loaded`` (n_node,) that ``loads_kw`` (n_columns,)
        cause to the limit.
        """
        drop = self.falling[: len(self.node)] @ -loads_kw
        shown = self._drop(np.abs(loaded)[self.node])
        most = self._drop(np.full(len(self.node), self.least))
        grown = np.where(shown > 0.0, (shown - drop) * (most / np.maximum(shown, 1e-12)) ** 2, 0.0)
        return replace(self, reserve=np.clip(grown, 0.0, MOST_RESERVE * np.maximum(most, 0.0)))

    def _drop(self, vm: FloatArray) -> FloatArray:
        """Return the linear drop that a load at the end needs to bring the idle voltage to ``vm`` (…, n_nodes)."""
        return np.asarray(vm * (self.idle - vm) / self.idle)

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what is left of the drop; the reserve shrinks as the limit comes nearer.

        Demand that local infeed hides draws more current too when the voltage falls: where demand alone would drop
        more than AC shows, by x, what is left counts 1/(1 + 2x).
        """
        vm = np.abs(node_voltages(flow))[:, self.node]
        alone = np.minimum(position, 0.0) @ self.falling[: len(self.node)].T
        hidden = np.tile(np.maximum(alone - self._drop(vm), 0.0), 3)
        left = self._left(vm)
        return np.asarray(np.where(left > 0.0, left / (1.0 + 2.0 * hidden), left).T)

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return self._left(self.idle)

    def _left(self, vm: FloatArray) -> FloatArray:
        near = np.clip((vm - self.least) / np.maximum(self.idle - self.least, 1e-9), 0.0, 1.0)
        most = self._drop(np.full(len(self.node), self.least))
        left = most - self._drop(vm) - self.reserve * near * (2.0 - near)
        return np.concatenate((left, left + self.knee, np.maximum(left, 0.0) + (GROSS - 1.0) * most), axis=-1)


@dataclass(frozen=True, eq=False)
class OvervoltageRows:
    """Rows in half the squared voltage over the idle one [p.u.], one a node."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    idle: FloatArray
    most: float
    rest: FloatArray
    turning: FloatArray
    tangent: FloatArray

    @classmethod
    def of(
        cls,
        model: NodeModel,
        limits: ElectricLimits,
        columns: IntArray,
        nodes: IntArray,
        names: tuple[str, ...],
        tangent: tuple[FloatArray, ComplexArray, ComplexArray, ComplexArray],
    ) -> OvervoltageRows:
        """Return the rows of ``nodes``.

        ``tangent`` holds the injections (n_columns,) [kW] of the state half way to full of infeed, its voltages, and
        dV/dP and dV/dQ there [p.u./kW], [p.u./kvar].
        """
        kw, voltage, active, reactive = tangent
        idle, at = np.abs(model.idle)[nodes], voltage[nodes]
        toward = (np.conj(at) / idle)[:, None]
        supplied = columns != NOWHERE
        by_p = np.where(supplied, (toward * active[nodes][:, columns]).real, 0.0)
        by_q = np.where(supplied, (toward * reactive[nodes][:, columns]).real, 0.0)
        most = limits.vm_max_pu - limits.margin * (limits.vm_max_pu - 1.0)
        start = np.abs(at) ** 2 / (2.0 * idle) - by_p @ kw
        falling, rising = one_way(by_p + limits.tan_phi * by_q, by_p, 0.0)
        return cls(
            tuple(f"{n} overvoltage" for n in names),
            falling,
            rising,
            nodes,
            idle,
            most,
            most**2 / (2.0 * idle) - start,
            np.abs(at),
            by_p + limits.tan_phi * by_q,
        )

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:
        """Return what AC leaves beyond the point where the tangent touches, and what the tangent leaves below it."""
        vm = np.abs(node_voltages(flow))[:, self.node]
        used = np.minimum(position, 0.0) @ self.tangent.T + np.maximum(position, 0.0) @ self.rising.T
        hidden = np.maximum(np.maximum(position, 0.0) @ self.rising.T - (vm**2 - self.idle**2) / (2.0 * self.idle), 0.0)
        measured = (self.most**2 - vm**2) / (2.0 * self.idle)
        measured = np.where(measured > 0.0, measured / (1.0 + 2.0 * hidden), measured)
        below = np.where(np.isnan(vm), np.nan, np.minimum(measured, self.rest - used))
        return np.asarray(np.where(vm >= self.turning, measured, below).T)

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return self.rest
