"""Any state of a network's switches, branches and taps, from arrays in which every bus is a node of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix

from rexnet_grid.electric.case import NOWHERE, PV, SLACK, GridCase
from rexnet_grid.electric.dc_start import dc_start, series_admittances
from rexnet_grid.electric.elimination import Elimination, connected
from rexnet_grid.electric.solver import Factor
from rexnet_grid.electric.taps import tapped

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray

    Mask = NDArray[np.bool_]

SAME_PU = 1e-12
TAP_FIELDS = ("tap_side", "tap_inverse", "tap_neutral", "tap_step", "tap_turn", "tap_range")


class UnclearStateError(Exception):
    """The arrays do not say what becomes of the network, so pandapower has to be asked."""


@dataclass(frozen=True, slots=True)
class Links:
    """What connects nodes in one state: which edges are kept, the nodes at their ends, admittances, tap positions."""

    kept: Mask
    start: IntArray
    end: IntArray
    y: ComplexArray
    tap_position: FloatArray


class Wiring:
    """A network of which every switch can open and close and every branch leave and come back, without its tables.

    The factor of the admittances is kept from one state to the next; what both have in common is not made anew.

    Parameters
    ----------
    apart
        The network with every bus a node of its own and every branch connected at both ends. One in which buses share
        nodes does as well, but cannot separate them.
    whole
        The network as it was cut: which switches are open, which branches out of service.

    Attributes
    ----------
    columns
        How many columns the factor has.
    renewed
        How many of them the last state needed anew.
    """

    def __init__(self, apart: GridCase, whole: GridCase) -> None:
        self.case = apart
        self.columns = self.renewed = apart.n_node
        self._on = whole.branch_in_service.astype(bool)
        self._shut = ~np.isin(apart.switch_name, whole.switch_open)
        at = {int(b): i for i, b in enumerate(apart.bus_id)}
        sides = [apart.bus_node[[at[int(b)] for b in buses]] for buses in (apart.switch_bus, apart.switch_other)]
        self._joins = (apart.switch_branch == NOWHERE) & (sides[0] >= 0) & (sides[1] >= 0)
        self._sides = sides[0], sides[1]
        self._fused = self._joins & (sides[0] == sides[1])
        self._hangs = np.array(
            [_end_of(apart, k, int(node)) for k, node in enumerate(sides[0])], dtype=np.int64
        ).reshape(-1, 2)
        self._supply = np.array([at[int(b)] for b in apart.supply_bus], dtype=np.int64)
        self._ends = [
            np.array([at[int(b)] for b in ends], dtype=np.int64) for ends in (apart.branch_from, apart.branch_to)
        ]
        self._number = {str(name): i for i, name in enumerate((*apart.branch_name, *apart.switch_name))}
        carries = {str(apart.branch_name[b]) for b in set(apart.edge_branch) if b >= 0}
        self._known = carries.union(str(name) for name in apart.switch_name)
        groups = np.arange(apart.n_node), self._groups(self._shut), self._groups(self._shut | True)
        pairs = [(f[apart.edge_from], t[apart.edge_to]) for f in groups for t in groups]
        rows, columns = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
        self._series = series_admittances(apart)
        self._elimination = Elimination(apart.n_node, rows, columns)

    def state(
        self, out: Collection[str], closed: Collection[str], taps: Mapping[str, float], *, constant_power: bool
    ) -> tuple[GridCase, Factor | None]:
        """Return the network in one state, and its factor unless that has to be found anew.

        Parameters
        ----------
        out, closed
            Names of branches and switches that are out, and in, against the network as it was cut.
        taps
            Where taps stand that have moved.
        constant_power
            Whether loads depend on no voltage.

        Raises
        ------
        UnclearStateError
            Buses part that share a node, or voltage-dependent loads, or supplies of different voltages, share one.
        """
        case = self.case
        on, shut = self._switched(out, closed)
        group = self._groups(shut)
        kind, start = self._held(group)
        links = self._links(on, shut, group, taps)
        used, alive, links = _supplied(links, group, kind)
        number = np.full(case.n_node, NOWHERE, dtype=np.int64)
        number[used] = np.arange(int(used.sum()))
        shunt = _together(case.node_shunt, group)
        fixed = _together(case.node_fixed, group)
        fixed[kind == SLACK] = 0.0
        fixed[kind == PV] = fixed[kind == PV].real
        rows, columns, values = _entries(links, used, shunt)
        n = int(used.sum())
        y = csr_matrix((values, (number[rows], number[columns])), shape=(n, n))
        y.eliminate_zeros()
        y.sort_indices()
        new = replace(
            case,
            y_data=y.data,
            y_indices=y.indices.astype(np.int64),
            y_indptr=y.indptr.astype(np.int64),
            node_kind=kind[used],
            node_start=start[used],
            node_fixed=fixed[used],
            node_zip=self._zip(group, constant_power)[used],
            node_unzipped_kw=_together(case.node_unzipped_kw, group)[used],
            node_shunt=shunt[used],
            edge_from=number[links.start[links.kept]],
            edge_to=number[links.end[links.kept]],
            edge_y=links.y[links.kept],
            edge_scale=case.edge_scale[links.kept],
            edge_branch=case.edge_branch[links.kept],
            **self._bus_tables(np.where(alive, number[group], NOWHERE), kind[group] == SLACK),
            **self._tap_tables(links),
            **self._switch_tables(shut, links.kept),
            branch_in_service=on.astype(np.int64),
        )
        new = replace(new, branch_idle=self._idle(new))
        if (new.node_kind == PV).any():
            new = replace(new, node_start=dc_start(new, self._series[links.kept]))
        free = used & (kind != SLACK)
        inner = free[rows] & free[columns]
        try:
            self.renewed = self._elimination.move_to(rows[inner], columns[inner], values[inner], free)
        except (KeyError, ArithmeticError):
            self.renewed = self.columns
            return new, None
        return new, self._factor(new, y, np.flatnonzero(used))

    def _switched(self, out: Collection[str], closed: Collection[str]) -> tuple[Mask, Mask]:
        """Return which branches are in service, which switches closed."""
        both = np.concatenate((self._on, self._shut))
        if not self._known.issuperset(closed):
            raise UnclearStateError
        both[[self._number[name] for name in closed]] = True
        both[[self._number[name] for name in out]] = False
        on, shut = both[: len(self._on)], both[len(self._on) :]
        if (self._fused & ~shut).any():
            raise UnclearStateError
        return on, shut

    def _groups(self, shut: Mask) -> IntArray:
        """Return for every node the first of those that closed switches between buses make one with it."""
        n = self.case.n_node
        which = self._joins & shut
        if not which.any():
            return np.arange(n)
        return connected(n, self._sides[0][which], self._sides[1][which])

    def _held(self, group: IntArray) -> tuple[IntArray, ComplexArray]:
        """Return kinds and start voltages of the nodes, those of a group at its first."""
        case = self.case
        kind, start = case.node_kind.copy(), case.node_start.copy()
        np.maximum.at(kind, group, case.node_kind)
        holders = np.flatnonzero((case.node_kind > 0) & (case.node_kind == kind[group]))
        start[group[holders]] = case.node_start[holders]
        apart = start[group[holders]] - case.node_start[holders]
        sizes = np.abs(start[group[holders]]) - np.abs(case.node_start[holders])
        if (np.where(kind[group[holders]] == PV, np.abs(sizes), np.abs(apart)) > SAME_PU).any():
            raise UnclearStateError
        return kind, start

    def _zip(self, group: IntArray, constant_power: bool) -> FloatArray:
        zip_share = self.case.node_zip
        if constant_power or not zip_share.any():
            return np.zeros_like(zip_share)
        shared = np.bincount(group, minlength=len(group))[group] > 1
        if zip_share[shared].any():
            raise UnclearStateError
        return zip_share

    def _links(self, on: Mask, shut: Mask, group: IntArray, taps: Mapping[str, float]) -> Links:
        """Return the edges of one state.

        No current flows out of an end in the air, so its voltage follows from the other's, and seen from there the
        two-port (y_ff, y_ft; y_tf, y_tt) is the admittance y_tt - y_tf y_ft / y_ff.
        """
        case = self.case
        y, position = tapped(case, taps)
        kept = y.any(axis=1) & np.append(on, True)[case.edge_branch]
        kept[2 * NOWHERE - case.switch_branch[(case.switch_branch < NOWHERE) & ~shut]] = False
        start, end = group[case.edge_from], group[case.edge_to]
        air = np.zeros((len(kept), 2), dtype=bool)
        hanging = self._hangs[~shut & (self._hangs[:, 0] >= 0)]
        air[hanging[:, 0], hanging[:, 1]] = True
        kept &= ~air.all(axis=1)
        one = np.flatnonzero(kept & air.any(axis=1))
        if len(one):
            y, at_start = y.copy(), air[one, 0]
            y_far = np.where(at_start, y[one, 0], y[one, 3])
            y_own = np.where(at_start, y[one, 3], y[one, 0])
            through = y[one, 1] * y[one, 2]
            seen = y_own - np.divide(through, y_far, out=np.zeros_like(through), where=through != 0.0)
            y[one] = 0.0
            y[one, np.where(at_start, 3, 0)] = seen
            start[one] = end[one] = np.where(at_start, end[one], start[one])
        return Links(kept, start, end, y, position)

    def _bus_tables(self, place: IntArray, holds: Mask) -> dict[str, Any]:
        """Return what depends on the buses' nodes; ``place`` is the new number of every node of the arrays."""
        case = self.case
        node = np.where(case.bus_node == NOWHERE, NOWHERE, place[case.bus_node])
        balances = (node[self._supply] >= 0) & holds[case.bus_node[self._supply]]
        lit = node != NOWHERE
        return {
            "bus_node": node,
            "supply_bus": case.supply_bus[balances],
            "base_kw": np.where(lit, case.base_kw, 0.0),
            "base_kvar": np.where(lit, case.base_kvar, 0.0),
        }

    def _tap_tables(self, links: Links) -> dict[str, Any]:
        case = self.case
        held = links.kept[case.tap_edge]
        tables = {key: getattr(case, key)[held] for key in TAP_FIELDS}
        edge = np.cumsum(links.kept) - 1
        return tables | {"tap_edge": edge[case.tap_edge[held]], "tap_position": links.tap_position[held]}

    def _switch_tables(self, shut: Mask, kept: Mask) -> dict[str, Any]:
        case = self.case
        tables = {key: getattr(case, key)[shut] for key in ("switch_name", "switch_bus", "switch_other")}
        edge = np.cumsum(kept) - 1
        branch = case.switch_branch[shut]
        through = branch < NOWHERE
        branch[through] = 2 * NOWHERE - edge[2 * NOWHERE - branch[through]]
        return tables | {"switch_branch": branch, "switch_open": case.switch_name[~shut]}

    def _idle(self, new: GridCase) -> FloatArray:
        """Return the loading of the branches while they carry nothing: NaN without a rating or without supply."""
        carries = np.zeros(len(new.branch_name), dtype=bool)
        carries[new.edge_branch[new.edge_branch >= 0]] = True
        lit = new.bus_node != NOWHERE
        return np.where(
            (carries | (lit[self._ends[0]] & lit[self._ends[1]])) & ~np.isnan(new.branch_rating), 0.0, np.nan
        )

    def _factor(self, new: GridCase, y: csr_matrix, nodes: IntArray) -> Factor:
        """Return the factor of the new case, whose nodes these are among those of the arrays."""
        free = np.flatnonzero(new.node_kind != SLACK)
        slack = np.flatnonzero(new.node_kind == SLACK)
        indices, value = self._elimination.factors(nodes[free])
        given = np.where(new.node_kind == SLACK, new.node_start, 0.0)
        rhs = np.zeros(self.columns, dtype=complex)
        rhs[nodes[free]] = -(y @ given)[free]
        return Factor(free, slack, indices, value, self._elimination.solve(rhs)[nodes[free]])


def _end_of(case: GridCase, k: int, node: int) -> tuple[int, int]:
    """Return the edge and the end of it that switch ``k`` connects; -1 where it is at none."""
    branch = int(case.switch_branch[k])
    edges = np.flatnonzero((case.edge_branch == branch) & (branch >= 0))
    if not len(edges):
        return NOWHERE, 0
    if len(edges) == 1:
        return int(edges[0]), int(case.switch_bus[k] != case.branch_from[branch])
    for e in edges:
        for end, ends in enumerate((case.edge_from, case.edge_to)):
            if ends[e] == node:
                return int(e), end
    return NOWHERE, 0


def _together(values: Any, group: IntArray) -> Any:
    """Return values by node, those of a group added up at its first."""
    total = np.zeros_like(values)
    np.add.at(total, group, values)
    return total


def _supplied(links: Links, group: IntArray, kind: IntArray) -> tuple[Mask, Mask, Links]:
    """Return the nodes that the state has, which of all nodes have supply, and the edges between those."""
    n = len(group)
    label = connected(n, links.start[links.kept], links.end[links.kept])
    first = group == np.arange(n)
    lit = np.zeros(n, dtype=bool)
    lit[label[first & (kind == SLACK)]] = True
    alive = lit[label[group]]
    return first & alive, alive, replace(links, kept=links.kept & alive[links.start])


def _entries(links: Links, used: Mask, shunt: ComplexArray) -> tuple[IntArray, IntArray, ComplexArray]:
    """Return rows, columns and values of the admittances, some places several times."""
    f, t, y = links.start[links.kept], links.end[links.kept], links.y[links.kept]
    own = np.flatnonzero(used)
    rows, columns = np.concatenate((f, f, t, t, own)), np.concatenate((f, t, f, t, own))
    return rows, columns, np.concatenate((y.T.ravel(), shunt[own]))
