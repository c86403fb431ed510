"""The estimate in the loop: voltage headroom learned from the meters of the run so far.

The map of the feeder is lost: nothing is known but which node each meter hangs on. Readings are appended unit by unit,
the sensitivities are estimated anew every so many units, and until there is enough to say, nothing is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet.cautious import CommonSlope
from rexnet_grid.spacemeternet.constraints import band_rows
from rexnet_grid.spacemeternet.voltage import VoltageSpaceNet
from rexnet_grid.spacemeternet.voltagerows import voltage_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.voltagemodel import OperatingModel

    IntArray = NDArray[np.int64]


class LearnedVoltageHeadroom:
    """Headroom rows of the metered nodes' voltages, from what the meters have shown so far.

    Parameters
    ----------
    meter_nodes
        Node of each meter, the order of the readings; several meters may share a node, their injections add up and
        their voltages are averaged.
    band_pu
        Lowest and highest voltage allowed [p.u.].
    warm_up_units
        Units to collect before the first estimate.
    refit_every
        Units between two estimates.
    window_units
        Units that an estimate looks back on.
    confidence
        One-sided confidence of each row.
    head_kw
        What the feeder's head carries either way [kW], such as its transformer's rating times the power factor: rows
        keep the sum of all injections inside it, from the first unit on. None says nothing of it.
    head_margin
        Part of ``head_kw`` that stays free, for losses and what is not metered [-].
    cautious
        Say what few readings allow (:mod:`rexnet_grid.spacemeternet.cautious`) until there is an estimate, rather than
        nothing.
    """

    def __init__(
        self,
        meter_nodes: Sequence[str],
        band_pu: tuple[float, float] = (0.9, 1.1),
        warm_up_units: int = 192,
        refit_every: int = 96,
        window_units: int = 96 * 28,
        confidence: float = 0.95,
        cautious: bool = False,
        head_kw: float | None = None,
        head_margin: float = 0.02,
    ) -> None:
        self.head_kw = head_kw
        self.head_margin = head_margin
        self.cautious = cautious
        self.fresh = False
        self.nodes = tuple(dict.fromkeys(meter_nodes))
        self._meter_of = np.array([self.nodes.index(node) for node in meter_nodes], dtype=np.int64)
        self.band_pu = band_pu
        self.warm_up_units = warm_up_units
        self.refit_every = refit_every
        self.window_units = window_units
        self.confidence = confidence
        self.estimate: OperatingModel | None = None
        self.refused = ""
        self._rows: list[FloatArray] = []
        self._count = 0

    def append(self, p_kw: FloatArray, q_kvar: FloatArray | None, vm_pu: FloatArray) -> None:
        """Take in one unit's readings and estimate anew when it is time.

        Parameters
        ----------
        p_kw, q_kvar, vm_pu
            (meters,) mean injections of the unit [kW, kvar] and voltages [p.u.]; NaN where a reading is lost;
            ``q_kvar`` may be None.
        """
        reactive = np.zeros_like(p_kw) if q_kvar is None else q_kvar
        row = np.stack([self._sum(p_kw), self._sum(reactive), self._mean(vm_pu)])
        self._rows.append(row)
        self._rows = self._rows[-self.window_units :]
        self._count += 1
        due = self._count >= self.warm_up_units and (self._count - self.warm_up_units) % self.refit_every == 0
        if due:
            self._fit()

    def headroom(self, units: Sequence[int], position_kw: FloatArray, nodes: Sequence[str]) -> tuple[Headroom, ...]:
        """Return for each open unit the rows about the positions: those of the head, and of voltages once known.

        Parameters
        ----------
        units
            The open units.
        position_kw
            (n_units, n_nodes) injections reserved so far [kW].
        nodes
            Names of the columns; those without a meter count as having no effect.
        """
        column = {node: i for i, node in enumerate(nodes)}
        at = np.array([column[node] for node in self.nodes], dtype=np.int64)
        positions = np.atleast_2d(position_kw)
        rows = self._voltages(units, positions, nodes, at)
        return tuple(self._with_head(row, position, at) for row, position in zip(rows, positions, strict=True))

    def _voltages(
        self, units: Sequence[int], positions: FloatArray, nodes: Sequence[str], at: IntArray
    ) -> tuple[Headroom, ...]:
        if self.estimate is None:
            return self._before(units, positions, nodes, at)
        rows = []
        for unit, position in zip(units, positions, strict=True):
            own = voltage_rows(unit, self.nodes, self.estimate, position[at], self.band_pu, self.confidence)
            coefficients = np.zeros((len(own.slack), len(nodes)))
            coefficients[:, at] = own.coefficients
            rows.append(replace(own, nodes=tuple(nodes), coefficients=coefficients))
        return tuple(rows)

    def _with_head(self, rows: Headroom, position_kw: FloatArray, at: IntArray) -> Headroom:
        """Return the rows with those of the feeder's head: the sum of what is metered flows through it."""
        if self.head_kw is None:
            return rows
        through = np.zeros((1, len(rows.nodes)))
        through[0, at] = 1.0
        total, free = float(position_kw[at].sum()), self.head_kw * (1.0 - self.head_margin)
        return Headroom(
            unit=rows.unit,
            nodes=rows.nodes,
            coefficients=np.vstack([rows.coefficients, through, -through]),
            slack=np.concatenate([rows.slack, [free - total, free + total]]),
            limits=(*rows.limits, "feeder head export", "feeder head import"),
        )

    def _before(
        self, units: Sequence[int], position_kw: FloatArray, nodes: Sequence[str], at: IntArray
    ) -> tuple[Headroom, ...]:
        """Return what is said before there is an estimate: nothing, or that every kilowatt counts alike."""
        line = None
        if self.cautious and self._rows:
            p, _, v = np.moveaxis(np.stack(self._rows), 1, 0)
            line = CommonSlope.of(p, v)
        if line is None:
            empty = np.zeros((0, len(nodes)))
            return tuple(Headroom(unit, tuple(nodes), empty, np.zeros(0), ()) for unit in units)
        rows = []
        for unit, position in zip(units, position_kw, strict=True):
            slope, expected, margin = line.rows(position[at], self.confidence)
            coefficients = np.zeros((len(self.nodes), len(nodes)))
            coefficients[:, at] = slope[:, None]
            rows.append(band_rows(unit, nodes, self.nodes, coefficients, expected, margin, self.band_pu, "voltage"))
        return tuple(rows)

    def save(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes back."""
        return {
            "rows": [row.copy() for row in self._rows],
            "count": self._count,
            "estimate": self.estimate,
            "fresh": self.fresh,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self._rows = [row.copy() for row in state["rows"]]
        self._count = state["count"]
        self.estimate = state["estimate"]
        self.fresh = state["fresh"]

    def _fit(self) -> None:
        p, q, v = np.moveaxis(np.stack(self._rows), 1, 0)
        try:
            net = VoltageSpaceNet(sure_of_units=True).fit(*(_named(t, self.nodes) for t in (p, q, v)))
            self.estimate = net.operating_model_
            self.refused = ""
            self.fresh = True
        except MeterDataError as error:
            self.refused = str(error)

    def _sum(self, values: FloatArray) -> FloatArray:
        out = np.zeros(len(self.nodes))
        np.add.at(out, self._meter_of, values)
        return out

    def _mean(self, values: FloatArray) -> FloatArray:
        return self._sum(values) / np.bincount(self._meter_of, minlength=len(self.nodes))


def _named(values: FloatArray, nodes: tuple[str, ...]) -> Any:
    from pandas import DataFrame

    return DataFrame(values, columns=list(nodes))
