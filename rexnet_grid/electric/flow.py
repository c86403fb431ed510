"""What a power flow says."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase

PARTS = ("node_voltage", "node_power", "loading_percent", "vm_pu", "loss_kw", "shunt_kw", "grid_import_kw", "rounds")
BY_NODE = 2


def cuts_of(case: GridCase, cases: int) -> tuple[int, ...]:
    """Return where each of ``PARTS`` begins in the results of ``cases`` cases, and where the last one ends."""
    lengths = (2 * case.n_node, 2 * case.n_node, len(case.branch_name), case.n_bus, 1, 1, 1, 1)
    return (0, *(int(end) for end in np.cumsum(lengths) * cases))


@dataclass(frozen=True, slots=True, eq=False)
class PowerFlow:
    """One power flow, or many: every array has a leading axis of cases when many were asked for.

    Attributes
    ----------
    case
        The network that was solved.
    results
        All numbers one after the other, ``PARTS`` between ``cuts``; the properties are views of it.
    cuts
        Where each part begins.
    converged
        Whether a solution was found, (n_cases,) for many; everything else is NaN where not.
    edge_y
        (n_cases, n_edge, 4) two-ports of the edges in each of many cases, where controllers moved taps; None where all
        cases have those of ``case``.
    """

    case: GridCase = field(repr=False)
    results: FloatArray = field(repr=False)
    cuts: tuple[int, ...] = field(repr=False)
    converged: NDArray[np.bool_] | bool
    edge_y: ComplexArray | None = field(default=None, repr=False)
    bus_angle: FloatArray | None = field(default=None, repr=False)

    @property
    def vm_pu(self) -> FloatArray:
        """Voltage magnitude at every bus (…, n_bus) [p.u.]; NaN where it is not supplied."""
        return self._part(3)

    @property
    def va_degree(self) -> FloatArray:
        """Voltage angle at every bus (…, n_bus) [deg]; NaN where it is not supplied."""
        if self.bus_angle is not None:
            return self.bus_angle.copy()
        node = self.case.bus_node
        angle = np.asarray(np.degrees(np.angle(self.node_voltage))[..., node])
        angle[..., node < 0] = np.nan
        return angle

    @property
    def loading_percent(self) -> FloatArray:
        """Larger of both ends (…, n_branch), of the rated current [%]; NaN where it has no rating or no supply."""
        return self._part(2)

    @property
    def loss_kw(self) -> FloatArray | float:
        """Losses in lines and transformers, iron losses included, summed from the branches [kW]."""
        return self._number(4)

    @property
    def shunt_kw(self) -> FloatArray | float:
        """Active power of shunts and wards' impedances [kW]."""
        return self._number(5)

    @property
    def grid_import_kw(self) -> FloatArray | float:
        """What the external grids give, all together [kW]."""
        return self._number(6)

    @property
    def node_voltage(self) -> ComplexArray:
        """Complex voltages (…, n_node) of the calculation's nodes [p.u.]."""
        return self._part(0).view(np.complex128)

    @property
    def node_power(self) -> ComplexArray:
        """Complex injections (…, n_node) at nominal voltage that were asked for [p.u.]."""
        return self._part(1).view(np.complex128)

    @classmethod
    def stacked(cls, case: GridCase, flows: Sequence[PowerFlow]) -> PowerFlow:
        """Return single flows, each of the network as its controllers left it, as one result of many cases."""
        switched = [not case.has_nodes_of(f.case) for f in flows]
        parts = [
            np.full(b - a, np.nan) if other and k < BY_NODE else f.results[f.cuts[k] : f.cuts[k + 1]]
            for k, (a, b) in enumerate(pairwise(cuts_of(case, 1)))
            for f, other in zip(flows, switched, strict=True)
        ]
        converged = np.array([bool(f.converged) for f in flows])
        two_ports = [case.edge_y if other else f.case.edge_y for f, other in zip(flows, switched, strict=True)]
        edge_y = np.array(two_ports) if any(y is not case.edge_y for y in two_ports) else None
        angle = np.array([f.va_degree for f in flows]) if any(switched) else None
        return cls(case, np.concatenate(parts), cuts_of(case, len(flows)), converged, edge_y, angle)

    def about_own_nodes(self) -> PowerFlow:
        """Return the result without the cases in which controllers opened or closed switches: as if not converged."""
        if self.bus_angle is None:
            return self
        solved: NDArray[np.bool_] = np.asarray(np.isfinite(self.node_voltage).all(axis=1))
        results = self.results.copy()
        for a, b in pairwise(self.cuts):
            results[a:b].reshape(len(solved), -1)[~solved] = np.nan
        return PowerFlow(self.case, results, self.cuts, solved, self.edge_y)

    def _part(self, k: int) -> FloatArray:
        part = self.results[self.cuts[k] : self.cuts[k + 1]]
        converged = self.converged
        if converged is True or converged is False:
            return part
        case = self.case
        width = (2 * case.n_node, 2 * case.n_node, len(case.branch_name), case.n_bus)[k]
        return part.reshape(len(converged), width)

    def _number(self, k: int) -> FloatArray | float:
        converged = self.converged
        if converged is True or converged is False:
            return float(self.results[self.cuts[k]])
        return self.results[self.cuts[k] : self.cuts[k + 1]]
