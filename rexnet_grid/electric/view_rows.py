"""The rows that come from one view of a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.angle_rows import AngleRows
from rexnet_grid.electric.case import NOWHERE, PQ, PV
from rexnet_grid.electric.chord_rows import Chord, ChordLoading, Chords, ChordUndervoltage
from rexnet_grid.electric.full_states import FullState, FullStates
from rexnet_grid.electric.loading_rows import LoadingRows
from rexnet_grid.electric.node_model import NodeModel, supported
from rexnet_grid.electric.sensitivity import node_responses
from rexnet_grid.electric.supply_rows import SupplyRows
from rexnet_grid.electric.voltage_rows import OvervoltageRows, UndervoltageRows

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limit_rows import LimitRows
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.tap_views import BoolArray, View
    from rexnet_grid.electric.voltage_rows import Touching

    Some = tuple[IntArray, tuple[str, ...]]

TANGENTS = (0.6, 0.3, 0.15, 0.0)
HALF = 0.5


def rows_of(
    view: View, limits: ElectricLimits, buses: IntArray, nodes: tuple[str, ...], supply: int
) -> list[LimitRows]:
    """Return the rows that come from one view.

    Parameters
    ----------
    view
        A network, and what of it has its rows from it.
    limits
        What has to be kept.
    buses
        (n_columns,) place of each column in the network's buses.
    nodes
        Names of the columns.
    supply
        The column that balances.
    """
    case = view.case
    columns = case.bus_node[buses].copy()
    columns[supply] = NOWHERE
    model = NodeModel.of(case, view.network.solver)
    limited, names = _named(case, buses, nodes, PQ)
    full = FullStates(view.network, limits, buses, columns, model, limited)
    states = full.states(thermal=True)
    maker = _Maker(view, limits, columns, model, full, *states)
    under, over = (_some(limited, names, mask) for mask in (view.under, view.over))
    idle = full.flow(np.zeros((1, len(columns))))
    rows: list[LimitRows]
    if (case.node_kind == PV).any():
        chords = Chords(maker.chord(idle, states[0], -1.0), maker.chord(idle, states[1], 1.0))
        rows = [
            ChordUndervoltage.of(chords, limits, *under),
            maker.overvoltage(*over, grows=False),
            ChordLoading.of(case, chords, limits),
        ]
        if view.whole:
            rows += [AngleRows.of(chords, limits, *_named(case, buses, nodes, kind)) for kind in (PQ, PV)]
    else:
        rows = maker.radial(under, over)
    if view.whole:
        counts = np.where(columns == NOWHERE, 0.0, 1.0)
        rows.append(SupplyRows.of(limits, counts, idle, -states[0].kw, states[0].flow))
    return [part for part in rows if len(part.names)]


@dataclass(frozen=True, slots=True, eq=False)
class _Maker:
    """What rows of one view are made of; ``demand`` and ``infeed`` are the states in which these fill the network."""

    view: View
    limits: ElectricLimits
    columns: IntArray
    model: NodeModel
    full: FullStates
    demand: FullState
    infeed: FullState

    def radial(self, under: Some, over: Some) -> list[LimitRows]:
        """Return rows about idle voltages, for networks in which nothing but the supply holds voltages."""
        view, limits, columns = self.view, self.limits, self.columns
        model = self.model if view.supports is None else self.model.supported(*view.supports)
        loaded, reach = (
            (drawn.flow.node_voltage[0], given.flow.node_voltage[0])
            for drawn, given in ((self.demand, self.infeed), self.full.states(thermal=False))
        )
        return [
            UndervoltageRows.of(model, limits, columns, *under, self._touching(TANGENTS[0])),
            self.overvoltage(*over, grows=True),
            LoadingRows.of(view.case, model, limits, columns, loaded),
            LoadingRows.of(view.case, model, limits, columns, loaded, reach),
        ]

    def overvoltage(self, nodes: IntArray, names: tuple[str, ...], *, grows: bool) -> OvervoltageRows:
        """Return tangents of squared voltages; ``grows`` says whether answers grow with demand."""
        tangents = [self._touching(share) for share in TANGENTS]
        steep = (self.demand.flow.node_voltage[0], self._answers(self.demand.flow)[0]) if grows else None
        return OvervoltageRows.of(self.model, self.limits, self.columns, nodes, names, tangents, steep)

    def chord(self, idle: PowerFlow, state: FullState, sign: float) -> Chord:
        """Return the chord of infeed, or with -1.0 of demand."""
        half, lone = self.full.part(state, HALF)[1], self.full.lone(sign)
        by_p, by_q = self._answers(half)
        answer = by_p + self.limits.tan_phi * by_q if sign < 0.0 else by_p
        answer = np.where(self.columns == NOWHERE, 0.0, answer[:, self.columns])
        voltages = idle.node_voltage[0], half.node_voltage[0]
        return Chord(*voltages, answer, lone.flow.node_voltage.T, np.diag(lone.kw))

    def _touching(self, share: float) -> Touching:
        kw, flow = self.full.part(self.infeed, share)
        return (kw, flow.node_voltage[0], *self._answers(flow))

    def _answers(self, flow: PowerFlow) -> tuple[ComplexArray, ComplexArray]:
        """Return dV/dP and dV/dQ (n_node, n_node) [p.u./kW], [p.u./kvar] in an AC solution."""
        voltage, case, supports = flow.node_voltage[0], self.view.case, self.view.supports
        per_kw = 1.0 / (1e3 * case.base_mva)
        both = node_responses(case, self.view.network.solver, voltage, flow.node_power[0])
        by_p, by_q = (np.asarray(per_kw * d) for d in both)
        return (by_p, by_q) if supports is None else supported(by_p, by_q, voltage, *supports)


def _some(nodes: IntArray, names: tuple[str, ...], mask: BoolArray) -> Some:
    """Return the nodes in the mask (n_node,), and their names."""
    return nodes[mask[nodes]], tuple(name for node, name in zip(nodes, names, strict=True) if mask[node])


def _named(case: GridCase, buses: IntArray, nodes: tuple[str, ...], kind: int) -> Some:
    """Return the supplied nodes of one kind, and the name of the first bus of each."""
    named: dict[int, str] = {}
    for node, name in zip(case.bus_node[buses], nodes, strict=True):
        if node != NOWHERE and case.node_kind[node] == kind:
            named.setdefault(int(node), name)
    return np.array(sorted(named), dtype=np.int64), tuple(named[n] for n in sorted(named))
