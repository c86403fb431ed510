"""Headroom of an electric network: every limit as rows, and of all open units at once what is left of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.electric.angle_rows import AngleRows
from rexnet_grid.electric.case import NOWHERE, PQ, PV
from rexnet_grid.electric.followed_groups import Guide
from rexnet_grid.electric.kept_groups import groups_kept
from rexnet_grid.electric.limit_rows import JoinedRows, LimitRows
from rexnet_grid.electric.loading_rows import LoadingRows
from rexnet_grid.electric.node_model import NodeModel, fill
from rexnet_grid.electric.rehearsal import Stage, rehearsed, rehearsed_briefly
from rexnet_grid.electric.row_groups import RowGroups
from rexnet_grid.electric.sensitivity import node_responses
from rexnet_grid.electric.supply_rows import SupplyRows
from rexnet_grid.electric.voltage_rows import OvervoltageRows, UndervoltageRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.electric.case import FloatArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork

SHRINKINGS = 24
SHRINK = 0.9
TANGENT = 0.6
FACING = 0.6
HALF = 0.5
DARK = "buses without supply"


class HeadroomRows:
    """The rows of one network, of which the headroom of every unit is made.

    Parameters
    ----------
    topologies
        The network, then the same without each branch whose outage trading has to survive.
    outages
        Names of these branches.
    limits
        What has to be kept.
    buses
        (n_columns,) place of each column in the network's buses.
    nodes
        Names of the columns.
    supply
        The column that balances.
    most
        Most rows to publish.
    before
        The rows before the network changed, whose groups and charges these take over; without them rows are grouped and
        rehearsed anew.
    """

    def __init__(
        self,
        topologies: Sequence[ElectricNetwork],
        outages: Sequence[str],
        limits: ElectricLimits,
        buses: IntArray,
        nodes: tuple[str, ...],
        supply: int,
        most: int,
        before: HeadroomRows | None = None,
    ) -> None:
        self._nodes = nodes
        parts: list[tuple[LimitRows, int, str]] = []
        for topology, network in enumerate(topologies):
            why = f"without {outages[topology - 1]}" if topology else ""
            parts += [(rows, topology, why) for rows in _rows_of(network, limits, buses, nodes, supply)]
        self.all = JoinedRows(parts, len(buses))
        case = topologies[0].case

        def made() -> RowGroups:
            groups = RowGroups.of(self.all.falling, self.all.rising, self.all.at_rest(), most)
            return rehearsed(groups, self._stage(topologies, limits, buses, supply), dear=bool(case.controlled))

        if before is None:
            rows = (self.all.falling, self.all.rising, self.all.at_rest())
            self.groups = groups_kept(made, topologies, *rows, buses, f"{limits} {supply} {most}")
        else:
            groups = before.guide.followed(self.all, most)
            stage = self._stage(topologies, limits, buses, supply)
            self.groups = groups if case.controlled else rehearsed_briefly(groups, stage)
        self._names = tuple(self.all.names[i] for i in self.groups.first)
        self._dark = _dark(topologies, buses)
        self._falling = np.vstack((self.groups.falling, -self._dark))
        self._rising = np.vstack((self.groups.rising, self._dark))
        self._dark_names = (DARK,) * len(self._dark)

    @cached_property
    def guide(self) -> Guide:
        """What these groups tell those after a change of the network."""
        return Guide.of(self.groups, self.all)

    def _stage(
        self, topologies: Sequence[ElectricNetwork], limits: ElectricLimits, buses: IntArray, supply: int
    ) -> Stage:
        """Return where portfolios are rehearsed."""
        case = topologies[0].case

        def solve(position: FloatArray) -> list[PowerFlow]:
            return [flow_of(network, limits, buses, position) for network in topologies]

        answer = NodeModel.of(case, topologies[0].solver).response(0.0, case.bus_node[buses])
        size = np.sqrt((np.abs(answer) ** 2).sum(axis=0))
        near = np.abs(np.conj(answer.T) @ answer) / np.maximum(np.outer(size, size), 1e-300)
        near = np.where(np.outer(size, size) > 0.0, near, 0.0)
        judge = _Judge(tuple(topologies), limits, buses)
        return Stage(self.all, solve, judge.excess, limits.margin, near, size, supply)

    def of_units(self, units: Sequence[int], position: FloatArray, flows: list[PowerFlow]) -> tuple[Headroom, ...]:
        """Return the headroom of every unit; all share one coefficient array, only what is left differs."""
        every, groups = self.all.slack(position, flows), self.groups
        full = np.zeros((len(self._dark), len(units)))
        left = np.ascontiguousarray(np.vstack((groups.slack(every, position), full)).T)
        return tuple(
            Headroom(
                int(unit),
                self._nodes,
                self._falling,
                left[k],
                self._names + self._dark_names,
                self._rising,
                _MembersAt(self, every[:, k], position[k]),
            )
            for k, unit in enumerate(units)
        )

    def with_broken(self, unit: int, position: FloatArray, flows: list[PowerFlow], broken: frozenset[str]) -> Headroom:
        """Return the headroom of one unit with the rows of the limits named ``broken`` on top, each on its own.

        The groups below them are named as such, so that nobody takes one for the limit that names it.
        """
        left = self.all.slack(position, flows)
        own = np.array([i for i, name in enumerate(self.all.names) if name in broken], dtype=np.int64)
        return Headroom(
            unit,
            self._nodes,
            np.vstack((self.all.falling[own], self._falling)),
            np.concatenate((left[own, 0], self.groups.slack(left, position)[:, 0], np.zeros(len(self._dark)))),
            (
                *(self.all.names[i] for i in own),
                *(f"{name} and others" for name in self._names),
                *self._dark_names,
            ),
            np.vstack((self.all.rising[own], self._rising)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _MembersAt:
    """The limits behind the groups' rows, in one unit whose headroom was made about one position.

    Attributes
    ----------
    rows
        All rows and their groups.
    left
        (n_rows,) what was left of every row.
    position
        (n_columns,) the position [kW].
    """

    rows: HeadroomRows
    left: FloatArray
    position: FloatArray

    def limit_at(self, row: int, position_kw: FloatArray) -> tuple[str, float]:
        """Return the member that has least left at ``position_kw``, as a share of what it has at rest, and its unit."""
        if row >= len(self.rows.groups.first):
            return DARK, 1.0
        member, scale = self.rows.groups.members(row)
        change = position_kw - self.position
        used = self.rows.all.rising[member] @ np.maximum(change, 0.0)
        used += self.rows.all.falling[member] @ np.minimum(change, 0.0)
        least = int(np.argmin((self.left[member] - used) * scale))
        return self.rows.all.names[member[least]], 1.0 / float(scale[least])


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Says by how much solutions break limits."""

    topologies: tuple[ElectricNetwork, ...]
    limits: ElectricLimits
    buses: IntArray

    def excess(self, flows: list[PowerFlow]) -> tuple[FloatArray, IntArray]:
        """Return (n_cases,) the worst excess, as a share of what the margin is a share of, and which limit it is."""
        limits = self.limits
        found = []
        for network, flow in zip(self.topologies, flows, strict=True):
            case = network.case
            node = np.unique(case.bus_node[self.buses])
            vm = np.abs(flow.node_voltage[:, node[(node != NOWHERE) & (case.node_kind[node] == PQ)]])
            supply = np.atleast_1d(flow.grid_import_kw)[:, None]
            found += [
                (limits.vm_min_pu - vm) / (1.0 - limits.vm_min_pu),
                (vm - limits.vm_max_pu) / (limits.vm_max_pu - 1.0),
                np.nan_to_num(flow.loading_percent, nan=-np.inf) / limits.loading_percent - 1.0,
                supply / limits.import_kw - 1.0,
                -supply / limits.export_kw - 1.0,
                np.where(np.atleast_1d(flow.converged), -np.inf, np.inf)[:, None],
            ]
        every = np.nan_to_num(np.hstack(found), nan=-np.inf, posinf=np.inf)
        worst = np.argmax(every, axis=1)
        return every[np.arange(len(every)), worst], worst


def _dark(topologies: Sequence[ElectricNetwork], buses: IntArray) -> FloatArray:
    """Return one row that is full, with 1 in the columns of buses without supply; no row where all are supplied.

    An outage that headroom has to survive counts where nothing is left of the network; where it cuts off a part, what
    is traded there ends with it and loads nothing.
    """
    gone = [network for network in topologies[1:] if not network.case.carries_anything]
    dark = np.any([network.case.bus_node[buses] == NOWHERE for network in (topologies[0], *gone)], axis=0)
    return np.where(dark, 1.0, 0.0)[None, :][: int(dark.any())]


def _rows_of(
    network: ElectricNetwork, limits: ElectricLimits, buses: IntArray, nodes: tuple[str, ...], supply: int
) -> list[LimitRows]:
    """Return the rows of one topology."""
    case = network.case
    columns = case.bus_node[buses].copy()
    columns[supply] = NOWHERE
    model = NodeModel.of(case, network.solver)
    limited, names = _named(case, buses, nodes, PQ)
    full = _Filled(network, limits, buses, columns, model, limited)
    demand, infeed = full.states(thermal=True)
    if (case.node_kind == PV).any():
        halves = (full.flow(HALF * state.kw[None, :]) for state in (demand, infeed))
        chords = [np.vstack((flow.node_voltage, flow.node_power)) for flow in halves]
        model = model.secant(case, network.solver, *chords)
    loaded = (demand.flow.node_voltage[0], infeed.flow.node_voltage[0])
    low, high = full.states(thermal=False)
    reach = (low.flow.node_voltage[0], high.flow.node_voltage[0])
    half = full.flow(TANGENT * infeed.kw[None, :])
    per_kw = 1.0 / (1e3 * case.base_mva)
    by_p, by_q = (per_kw * d for d in node_responses(case, network.solver, half.node_voltage[0], half.node_power[0]))
    steep = None
    if not (case.node_kind == PV).any():
        answer = node_responses(case, network.solver, demand.flow.node_voltage[0], demand.flow.node_power[0])[0]
        steep = (demand.flow.node_voltage[0], np.asarray(per_kw * answer))
    tangent = (TANGENT * infeed.kw, half.node_voltage[0], by_p, by_q)
    counts = np.where(columns == NOWHERE, 0.0, 1.0)
    idle = full.flow(np.zeros((1, len(columns))))
    rows: list[LimitRows] = [
        UndervoltageRows.of(model, limits, columns, limited, names, tangent),
        OvervoltageRows.of(model, limits, columns, limited, names, tangent, steep),
        LoadingRows.of(case, model, limits, columns, loaded),
        LoadingRows.of(case, model, limits, columns, loaded, reach),
        SupplyRows.of(limits, counts, idle, -demand.kw, demand.flow),
    ]
    if (case.node_kind == PV).any():
        free = (_named(case, buses, nodes, kind) for kind in (PQ, PV))
        rows += [AngleRows.of(model, limits, columns, *some) for some in free]
    return [part for part in rows if len(part.names)]


def _named(case: GridCase, buses: IntArray, nodes: tuple[str, ...], kind: int) -> tuple[IntArray, tuple[str, ...]]:
    """Return the supplied nodes of one kind, and the name of the first bus of each."""
    named: dict[int, str] = {}
    for node, name in zip(case.bus_node[buses], nodes, strict=True):
        if node != NOWHERE and case.node_kind[node] == kind:
            named.setdefault(int(node), name)
    return np.array(sorted(named), dtype=np.int64), tuple(named[n] for n in sorted(named))


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A full network: injections of the columns [kW] and their AC solution."""

    kw: FloatArray
    flow: PowerFlow


class _Filled:
    """Finds the states in which a network is full of demand and of infeed, by rows about its idle voltages."""

    def __init__(
        self,
        network: ElectricNetwork,
        limits: ElectricLimits,
        buses: IntArray,
        columns: IntArray,
        model: NodeModel,
        limited: IntArray,
    ) -> None:
        self._network, self._limits, self._buses, self._columns = network, limits, buses, columns
        self._idle, idle = model.idle, (model.idle, model.idle)
        self._under = UndervoltageRows.of(model, limits, columns, limited, ("",) * len(limited))
        self._loading = LoadingRows.of(network.case, model, limits, columns, idle)

    def flow(self, kw: FloatArray) -> PowerFlow:
        """Solve for injections (n_cases, n_columns) [kW]."""
        return flow_of(self._network, self._limits, self._buses, kw)

    def states(self, *, thermal: bool) -> tuple[_State, _State]:
        """Return the network full of demand and full of infeed; without ``thermal`` only voltages are limited."""
        under, loading, limits = self._under, self._loading, self._limits
        n = len(under.node)
        over = (limits.vm_max_pu**2 - under.idle**2) / (2.0 * under.idle)
        carried = slice(None) if thermal else slice(0)
        rest = loading.at_rest()[carried]
        return (
            self._full(
                -np.vstack((under.falling[:n], loading.falling[carried])),
                np.append(under.at_rest()[:n], rest),
                -1.0,
                thermal=thermal,
            ),
            self._full(
                np.vstack((-under.rising[:n], loading.rising[carried])), np.append(over, rest), 1.0, thermal=thermal
            ),
        )

    def _full(self, use: FloatArray, room: FloatArray, sign: float, *, thermal: bool) -> _State:
        """Return the state in which the rows are full, or one with less where AC says that it is too much."""
        supplied = self._columns != NOWHERE
        kw = sign * np.where(supplied, fill(np.where(supplied, use, 0.0), room), 0.0)
        for _ in range(SHRINKINGS):
            flow = self.flow(kw[None, :])
            if bool(np.all(flow.converged)) and self._kept(flow, thermal=thermal):
                return _State(kw, flow)
            kw = SHRINK * kw
        return _State(np.zeros_like(kw), self.flow(np.zeros((1, len(kw)))))

    def _kept(self, flow: PowerFlow, *, thermal: bool) -> bool:
        vm = flow.vm_pu[0, self._buses]
        loading = flow.loading_percent[0]
        limits = self._limits
        turned = np.nanmin((flow.node_voltage[0] * np.conj(self._idle)).real / np.abs(self._idle) ** 2)
        return bool(
            turned >= FACING
            and np.nanmin(vm) >= limits.vm_min_pu
            and np.nanmax(vm) <= limits.vm_max_pu
            and (not thermal or np.nanmax(loading, initial=0.0) <= limits.loading_percent)
        )


def flow_of(network: ElectricNetwork, limits: ElectricLimits, buses: IntArray, kw: FloatArray) -> PowerFlow:
    """Solve AC power flow for injections (…, n_columns) [kW] at ``buses``, demand with its power factor."""
    whole = np.zeros((*kw.shape[:-1], network.case.n_bus))
    whole[..., buses] = kw
    return network.power_flow(whole, np.minimum(whole, 0.0) * limits.tan_phi)
