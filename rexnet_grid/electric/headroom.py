"""Headroom of an electric network: every limit as rows, and of all open units at once what is left of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.followed_groups import Guide
from rexnet_grid.electric.full_states import flow_of, given_by_controls
from rexnet_grid.electric.judge import Judge
from rexnet_grid.electric.kept_groups import groups_kept
from rexnet_grid.electric.limit_rows import JoinedRows, LimitRows
from rexnet_grid.electric.limits import with_room_to_err
from rexnet_grid.electric.node_model import NodeModel
from rexnet_grid.electric.rehearsal import Stage, rehearsed, rehearsed_briefly
from rexnet_grid.electric.row_groups import RowGroups
from rexnet_grid.electric.tap_views import View, views_of
from rexnet_grid.electric.view_rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork

DARK, RESTLESS = "buses without supply", "no power flow without injections"


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
        limits = with_room_to_err(limits)
        self._nodes, self._limits, self._buses = nodes, limits, buses
        self._networks: list[ElectricNetwork] = []
        self._topology: list[int] = []
        parts: list[tuple[LimitRows, int, str]] = []
        seen: list[tuple[int, View]] = []
        rests = [network.rests() for network in topologies]
        for topology, network in enumerate(topologies):
            why = f"without {outages[topology - 1]}" if topology else ""
            first, views = len(self._networks), views_of(network) if rests[topology] else []
            self._networks += dict.fromkeys(view.network for view in views) or [network]
            self._topology += [first] * (len(self._networks) - first)
            for view in views:
                at = self._networks.index(view.network, first)
                seen.append((at, view))
                parts += [(rows, at, why) for rows in rows_of(view, limits, buses, nodes, supply)]
        self.all = JoinedRows(parts, len(buses))
        whole = sorted(set(self._topology))
        self._real = [self._networks[at] for at in whole]
        self._judge = Judge([(k, View.whole_of(network)) for k, network in enumerate(self._real)], limits, buses)
        plain = [network.uncontrolled() for network in self._networks]
        stage = self._stage(plain, Judge(seen, limits, buses), supply)

        def made() -> RowGroups:
            return rehearsed(RowGroups.of(self.all.falling, self.all.rising, self.all.at_rest(), most), stage)

        if before is None:
            rows = (self.all.falling, self.all.rising, self.all.at_rest())
            self.groups = groups_kept(made, plain, *rows, buses, f"{limits} {supply} {most}")
            if any(network.case.controlled for network in topologies):
                wholes = [(at, View.whole_of(self._networks[at])) for at in whole]
                acting = self._stage(self._networks, Judge(wholes, limits, buses), supply)
                self.groups = rehearsed(self.groups, acting, dear=any(network.acts_slowly for network in topologies))
        else:
            self.groups = rehearsed_briefly(before.guide.followed(self.all, most), stage)
        self._names = tuple(self.all.names[i] for i in self.groups.first)
        self._dark = _dark(topologies, buses) if all(rests) else np.ones((1, len(buses)))
        self.dark_name = DARK if all(rests) else RESTLESS
        self._falling = np.vstack((self.groups.falling, -self._dark))
        self._rising = np.vstack((self.groups.rising, self._dark))
        self._dark_names = (self.dark_name,) * len(self._dark)

    @cached_property
    def guide(self) -> Guide:
        """What these groups tell those after a change of the network."""
        return Guide.of(self.groups, self.all)

    def flows(self, position: FloatArray, networks: Sequence[ElectricNetwork] | None = None) -> list[PowerFlow]:
        """Solve positions (n_units, n_columns) [kW] in every network that rows are made from.

        What inverters give in a topology they give in the networks that stand for parts of it.
        """
        flows: list[PowerFlow] = []
        for network, topology in zip(self._networks if networks is None else networks, self._topology, strict=True):
            known = topology < len(flows)
            given = given_by_controls(flows[topology], self._limits, self._buses, position) if known else 0.0
            flows.append(flow_of(network, self._limits, self._buses, position, given))
        return flows

    def _stage(self, networks: Sequence[ElectricNetwork], judge: Judge, supply: int) -> Stage:
        """Return where portfolios are rehearsed: networks that stand for those that rows are made from."""
        case, buses = networks[0].case, self._buses
        answer = NodeModel.of(case, networks[0].solver).response(0.0, case.bus_node[buses])
        size = np.sqrt((np.abs(answer) ** 2).sum(axis=0))
        near = np.abs(np.conj(answer.T) @ answer) / np.maximum(np.outer(size, size), 1e-300)
        near = np.where(np.outer(size, size) > 0.0, near, 0.0)
        held = np.flatnonzero((size == 0.0) & (case.bus_node[buses] != NOWHERE))
        near[held, held] = np.where(held == supply, 0.0, 1.0)

        def solve(position: FloatArray) -> list[PowerFlow]:
            return self.flows(position, networks)

        return Stage(self.all, solve, judge.excess, self._limits.margin, near, size, supply)

    def of_units(self, units: Sequence[int], position: FloatArray, flows: list[PowerFlow]) -> tuple[Headroom, ...]:
        """Return the headroom of every unit; all share one coefficient array, only what is left differs."""
        every, groups = self.all.slack(position, flows), self.groups
        full = np.zeros((len(self._dark), len(units)))
        left = np.ascontiguousarray(np.vstack((groups.slack(every, position), full)).T)
        return self._published(units, position, every, left)

    def _published(
        self, units: Sequence[int], position: FloatArray, every: FloatArray, left: FloatArray
    ) -> tuple[Headroom, ...]:
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

    def daring(
        self, units: Sequence[int], position: FloatArray, flows: list[PowerFlow], share: float
    ) -> tuple[Headroom, ...]:
        """Return the headroom of every unit with a ``share`` of each limit more than can be promised."""
        every = self.all.daring(position, flows, share, self._topology)
        full = np.zeros((len(self._dark), len(units)))
        left = np.ascontiguousarray(np.vstack((self.groups.least(every), full)).T)
        return self._published(units, position, every, left)

    def margins_used(self, position: FloatArray) -> FloatArray:
        """Return (n_cases,) how much of the margin positions (n_cases, n_columns) [kW] use up in any topology."""
        flows = [flow_of(network, self._limits, self._buses, position) for network in self._real]
        return np.asarray(self._judge.excess(flows)[0] / self._limits.margin + 1.0)

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
            return self.rows.dark_name, 1.0
        member, scale = self.rows.groups.members(row)
        change = position_kw - self.position
        used = self.rows.all.rising[member] @ np.maximum(change, 0.0)
        used += self.rows.all.falling[member] @ np.minimum(change, 0.0)
        least = int(np.argmin((self.left[member] - used) * scale))
        return self.rows.all.names[member[least]], 1.0 / float(scale[least])


def _dark(topologies: Sequence[ElectricNetwork], buses: IntArray) -> FloatArray:
    """Return one row that is full, with 1 in the columns of buses without supply; no row where all are supplied.

    An outage that headroom has to survive counts where nothing is left of the network; where it cuts off a part, what
    is traded there ends with it and loads nothing.
    """
    gone = [network for network in topologies[1:] if not network.case.carries_anything]
    dark = np.any([network.case.bus_node[buses] == NOWHERE for network in (topologies[0], *gone)], axis=0)
    return np.where(dark, 1.0, 0.0)[None, :][: int(dark.any())]
