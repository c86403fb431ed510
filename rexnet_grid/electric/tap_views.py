"""The networks from which the rows of a network are made whose controllers act.

A tap changer keeps the voltage V of one bus inside its dead band but jumps inside it, so what a trade does to the
voltages behind it depends on where the dead band lets V end, and no slope tells that. It is honest to let V stand at
the end of the dead band that is worse: for undervoltage and for currents at the lower one, for overvoltage at the upper
one. Behind V the network is then one that V supplies, whatever the transformer does. Where taps end V falls out of the
dead band; that is told by the network with all taps at their ends. Everything else sees the network as its controllers
leave it. Inverters that follow Q(V) have rows with and without their answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE, PQ, SLACK
from rexnet_grid.electric.elimination import connected
from rexnet_grid.electric.solver import Solver
from rexnet_grid.electric.taps import tap_of
from rexnet_grid.electric.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from rexnet_grid.electric.case import FloatArray, GridCase, IntArray
    from rexnet_grid.electric.network import ElectricNetwork
    from rexnet_grid.electric.taps import TapHold

    BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A network, and what of it has its rows from it.

    Attributes
    ----------
    network
        The network.
    under, over
        (n_node,) whose lowest and highest voltage.
    loading
        (n_branch,) whose rating.
    whole
        Whether what concerns all of the network too: import, export, angles.
    supports
        Nodes whose inverters follow Q(V), and by how much [kvar/p.u.], where rows are made as if all of them did; none
        where rows are made as if none did.
    """

    network: ElectricNetwork
    under: BoolArray
    over: BoolArray
    loading: BoolArray
    whole: bool
    supports: tuple[IntArray, FloatArray] | None = None

    @classmethod
    def whole_of(cls, network: ElectricNetwork) -> View:
        """Return the view of all of a network."""
        node, branch = np.ones(network.case.n_node, dtype=bool), np.ones(len(network.case.branch_name), dtype=bool)
        return cls(network, node, node, branch, whole=True)

    @property
    def case(self) -> GridCase:
        """The arrays, in which no other branch has a rating."""
        case = self.network.case
        return case if self.loading.all() else replace(case, branch_idle=_only(case, self.loading))


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """What lies behind the buses ``held`` up to the next transformers that step; ``below`` is with what follows those.

    Masks (n_node,); ``last`` says that nothing follows.
    """

    inside: BoolArray
    below: BoolArray
    held: tuple[TapHold, ...]
    last: bool


def views_of(network: ElectricNetwork) -> list[View]:
    """Return the network as its controllers leave it, then what stands for the part behind tap changers."""
    case = network.case
    regions = _regions(case, network.tap_holds())
    behind = np.any([r.inside for r in regions], axis=0) if regions else np.zeros(case.n_node, dtype=bool)
    mine = np.zeros(len(case.branch_name), dtype=bool)
    views = []
    for last in (True, False):
        some = [r for r in regions if r.last == last]
        if some:
            inside = np.any([r.inside for r in some], axis=0)
            lines = _branches_in(case, inside)
            mine |= lines
            views += _held(network, some, inside, lines, last=last)
    if regions:
        views += _ended(network, [hold for r in regions for hold in r.held], behind)
    views.insert(0, View(network, ~behind, ~behind, ~mine, whole=True))
    views = _with_solution(views)
    return views + _followed(network, views)


def _with_solution(views: list[View]) -> list[View]:
    """Return the views without those that have no solution while nobody injects; the first has their rows as well.

    So it is where a generator behind the taps holds a voltage that it cannot hold at that end of a dead band.
    """
    first, *others = views
    solved = [view.network.power_flow(np.zeros(view.network.case.n_bus)).converged for view in others]
    for view in (view for view, fine in zip(others, solved, strict=True) if not fine):
        under, over, loading = first.under | view.under, first.over | view.over, first.loading | view.loading
        first = replace(first, under=under, over=over, loading=loading)
    return [first, *(view for view, fine in zip(others, solved, strict=True) if fine)]


def _followed(network: ElectricNetwork, views: list[View]) -> list[View]:
    """Return the views once more with the answers of inverters that follow Q(V).

    The curve is flat here and steep there, so what trades do to a voltage lies between the answers without and with it.
    """
    bus, slope = network.supports()
    node = network.case.bus_node[bus]
    some = (node != NOWHERE) & (slope > 0.0)
    if not some.any():
        return []
    total = np.bincount(node[some], slope[some], minlength=network.case.n_node).astype(np.float64)
    at = np.flatnonzero(total).astype(np.int64)
    return [replace(view, whole=False, supports=(at, total[at])) for view in views]


def _held(
    network: ElectricNetwork, regions: list[_Region], inside: BoolArray, lines: BoolArray, *, last: bool
) -> list[View]:
    """Return the regions as networks with the buses at the lower, then at the upper end of their dead bands."""
    case = network.case
    below = np.any([r.below for r in regions], axis=0)
    holds = [hold for r in regions for hold in r.held]
    others = {hold.element for hold in network.tap_holds()} - {hold.element for hold in holds}
    none = np.zeros(case.n_node, dtype=bool)
    views = []
    for lower in (True, False):
        kind, start = case.node_kind.copy(), network.solver.rest.copy()
        kind[~below] = SLACK
        for hold in holds:
            node = case.bus_node[hold.bus]
            kind[node] = SLACK
            start[node] *= (hold.lower_pu if lower else hold.upper_pu) / abs(start[node])
        held = replace(case, node_kind=kind, node_start=start, branch_idle=_only(case, _branches_in(case, below)))
        twin = network.with_taps_held(held, () if last else others)
        nothing = np.zeros(len(lines), dtype=bool)
        views.append(
            View(
                twin,
                inside if lower else none,
                none if lower else inside,
                lines if lower else nothing,
                whole=False,
            )
        )
    return views


def _ended(network: ElectricNetwork, holds: list[TapHold], behind: BoolArray) -> list[View]:
    """Return the network with taps at their ends: where voltages are highest, then where they are lowest."""
    case = network.case
    none, nothing = np.zeros(case.n_node, dtype=bool), np.zeros(len(case.branch_name), dtype=bool)
    wiring = Wiring(case, case)
    highest: dict[str, float] = {}
    lowest: dict[str, float] = {}
    for hold in holds:
        at = case.bus_node[hold.bus]
        ends = [float(end) for end in case.tap_range[tap_of(case, hold.element)]]
        size = [abs(Solver(*wiring.state((), (), {hold.element: end}, constant_power=True)).rest[at]) for end in ends]
        highest[hold.element], lowest[hold.element] = ends[int(np.argmax(size))], ends[int(np.argmin(size))]
    high, low = (
        network.with_taps_held(wiring.state((), (), taps, constant_power=True)[0]) for taps in (highest, lowest)
    )
    return [View(high, behind, none, nothing, whole=False), View(low, none, behind, nothing, whole=False)]


def _regions(case: GridCase, holds: Iterable[TapHold]) -> list[_Region]:
    """Return the parts that nothing but tap changers supply."""
    holds = [hold for hold in holds if case.bus_node[hold.bus] != NOWHERE]
    if not holds:
        return []
    names = np.array([str(name) for name in case.branch_name])
    steps = np.isin(case.edge_branch, np.flatnonzero(np.isin(names, [hold.element for hold in holds])))
    ends = np.stack((case.edge_from, case.edge_to))
    label = connected(case.n_node, *ends[:, ~steps])
    supplied = set(label[case.node_kind == SLACK].tolist())
    place = {hold: int(label[case.bus_node[hold.bus]]) for hold in holds}
    places = [p for p in dict.fromkeys(place.values()) if p not in supplied]
    feeds: dict[int, set[int]] = {p: set() for p in places}
    for hold, p in place.items():
        own = np.isin(case.edge_branch, np.flatnonzero(names == hold.element))
        for other in set(label[ends[:, own]].ravel().tolist()) & feeds.keys() - {p}:
            feeds[other].add(p)
    found = []
    for p in places:
        held = tuple(hold for hold in holds if place[hold] == p and case.node_kind[case.bus_node[hold.bus]] == PQ)
        below, more = {p}, feeds[p]
        while more - below:
            below |= more
            more = set().union(*(feeds.get(q, set()) for q in below))
        last = not feeds[p]
        if held and (last or all(not feeds.get(q) for q in feeds[p])):
            found.append(_Region(label == p, _joined(case, label, below, steps), held, last))
    return found


def _joined(case: GridCase, label: IntArray, below: set[int], steps: BoolArray) -> BoolArray:
    """Return the nodes of these parts, and those of transformers that lie between them."""
    inside = np.isin(label, list(below))
    if len(below) > 1:
        f, t = case.edge_from[steps], case.edge_to[steps]
        star = np.bincount(np.concatenate((f, t)), minlength=case.n_node) == np.bincount(
            np.concatenate((case.edge_from, case.edge_to)), minlength=case.n_node
        )
        beside = np.concatenate((t[inside[f]], f[inside[t]]))
        inside = inside.copy()
        inside[beside[star[beside]]] = True
    return inside


def _branches_in(case: GridCase, inside: BoolArray) -> BoolArray:
    """Return which branches have all their ends there."""
    out = np.zeros(len(case.branch_name), dtype=bool)
    own = case.edge_branch >= 0
    both = inside[case.edge_from] & inside[case.edge_to]
    out[case.edge_branch[own & both]] = True
    out[case.edge_branch[own & ~both]] = False
    return out


def _only(case: GridCase, branches: BoolArray) -> FloatArray:
    return np.where(branches, case.branch_idle, np.nan)
