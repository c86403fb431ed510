"""Closed switches that open: a line or transformer left hanging by one end, a node that falls into two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from rexnet_grid.electric.case import NOWHERE, PQ, SLACK, GridCase
from rexnet_grid.electric.edges import admittance_of, alive_part, two_ports
from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "switch "


def with_open_switches(case: GridCase, names: Sequence[str]) -> GridCase:
    """Return the network with these closed switches, such as ``"switch 3"``, open.

    Raises
    ------
    NetworkDataError
        There is no such closed switch, or the arrays do not tell what lies on which side of it.
    """
    for name in names:
        found = np.flatnonzero(case.switch_name == name)
        if not len(found):
            known = [str(n) for n in case.switch_name]
            raise NetworkDataError(
                [Issue(case.name, "switch", f'"{name}"', "a switch that is closed", did_you_mean(name, known))]
            )
        k = int(found[0])
        opened = _end_open(case, k) if case.switch_branch[k] >= 0 else _node_split(case, k)
        left = np.arange(len(case.switch_name)) != k
        fields = ("switch_name", "switch_branch", "switch_bus", "switch_other")
        case = replace(opened, **{key: getattr(case, key)[left] for key in fields})
    return case


def _end_open(case: GridCase, k: int) -> GridCase:
    """Return the network with one end of a line or transformer in the air.

    No current flows out of that end, so its voltage follows from the other's, and seen from there the two-port
    (y_ff, y_ft; y_tf, y_tt) is the admittance y_tt - y_tf y_ft / y_ff.
    """
    branch = int(case.switch_branch[k])
    edges = np.flatnonzero(case.edge_branch == branch)
    if not len(edges):
        return case
    if len(edges) > 1:
        raise _unclear(case, k, "a three-winding transformer")
    e = int(edges[0])
    at_from = bool(case.switch_bus[k] == case.branch_from[branch])
    own, far = (3, 0) if at_from else (0, 3)
    y = case.edge_y[e]
    through = y[1] * y[2]
    edge_y, edge_from, edge_to = case.edge_y.copy(), case.edge_from.copy(), case.edge_to.copy()
    edge_y[e] = 0.0
    edge_y[e, own] = y[own] - through / y[far] if through != 0.0 else y[own]
    edge_from[e] = edge_to[e] = edge_to[e] if at_from else edge_from[e]
    touched = np.arange(len(edge_from)) == e
    new = replace(case, edge_y=edge_y, edge_from=edge_from, edge_to=edge_to)
    matrix = admittance_of(case) - two_ports(case, touched) + two_ports(new, touched)
    return alive_part(new, matrix.tocsr(), ~touched & False)


def _node_split(case: GridCase, k: int) -> GridCase:
    """Return the network with the buses behind a bus-bus switch on a node of their own."""
    at = {int(b): i for i, b in enumerate(case.bus_id)}
    node = int(case.bus_node[at[int(case.switch_bus[k])]])
    if case.switch_branch[k] != NOWHERE:
        raise _unclear(case, k, "its own impedance")
    if node == NOWHERE or case.bus_node[at[int(case.switch_other[k])]] != node:
        return case
    moved = _behind(case, k, at)
    if int(case.switch_bus[k]) in moved:
        return case
    _refuse_what_has_no_place(case, k, node)
    supplies = {int(b) for b in case.supply_bus}
    here = {int(b) for b in case.bus_id[case.bus_node == node]} - moved
    new_node = case.n_node
    kind = np.append(case.node_kind, SLACK if moved & supplies else PQ)
    if case.node_kind[node] == SLACK and not here & supplies:
        kind[node] = PQ
    bus_node = case.bus_node.copy()
    bus_node[[at[b] for b in moved]] = new_node
    edge_from, edge_to = case.edge_from.copy(), case.edge_to.copy()
    for e in np.flatnonzero((edge_from == node) | (edge_to == node)):
        b = int(case.edge_branch[e])
        ends = (int(case.branch_from[b]), int(case.branch_to[b]))
        if edge_from[e] == edge_to[e]:
            ends = (ends[0],) * 2 if case.edge_y[e, 0] != 0.0 else (ends[1],) * 2
        if edge_from[e] == node and ends[0] in moved:
            edge_from[e] = new_node
        if edge_to[e] == node and ends[1] in moved:
            edge_to[e] = new_node
    touched = (edge_from != case.edge_from) | (edge_to != case.edge_to)
    old = coo_matrix(admittance_of(case) - two_ports(case, touched))
    new = replace(
        case,
        node_kind=kind,
        node_start=np.append(case.node_start, case.node_start[node]),
        node_fixed=np.append(case.node_fixed, 0.0),
        node_zip=np.vstack((case.node_zip, np.zeros((1, 4)))),
        node_unzipped_kw=np.append(case.node_unzipped_kw, 0.0),
        node_shunt=np.append(case.node_shunt, 0.0),
        bus_node=bus_node,
        edge_from=edge_from,
        edge_to=edge_to,
    )
    grown = csr_matrix((old.data, (old.row, old.col)), shape=(new_node + 1, new_node + 1))
    return alive_part(new, (grown + two_ports(new, touched)).tocsr(), ~touched & False)


def _behind(case: GridCase, k: int, at: dict[int, int]) -> set[int]:
    """Return the buses that stay joined to the far side of switch ``k`` when it opens."""
    joins = (case.switch_branch == NOWHERE) & (np.arange(len(case.switch_name)) != k)
    a = np.array([at[int(b)] for b in case.switch_bus[joins]], dtype=np.int64)
    b = np.array([at[int(b)] for b in case.switch_other[joins]], dtype=np.int64)
    graph = csr_matrix((np.ones(len(a)), (a, b)), shape=(case.n_bus, case.n_bus))
    group = connected_components(graph, directed=False)[1]
    return {int(bus) for bus in case.bus_id[group == group[at[int(case.switch_other[k])]]]}


def _refuse_what_has_no_place(case: GridCase, k: int, node: int) -> None:
    """Raise NetworkDataError where something on the node belongs to a bus that the arrays do not know."""
    touching = np.flatnonzero((case.edge_from == node) | (case.edge_to == node))
    owners = case.edge_branch[touching]
    reasons = {
        "a generator that holds its voltage": case.node_kind[node] not in {PQ, SLACK},
        "a shunt or ward": case.node_shunt[node] != 0.0 or case.node_fixed[node] != 0.0,
        "voltage-dependent loads": bool(case.node_zip[node].any()) or case.node_unzipped_kw[node] != 0.0,
        "a three-winding transformer or an element of another kind": bool((owners < 0).any())
        or bool((case.branch_kind[owners] == "trafo3w").any()),
    }
    for reason, applies in reasons.items():
        if applies:
            raise _unclear(case, k, reason)


def _unclear(case: GridCase, k: int, reason: str) -> NetworkDataError:
    name = str(case.switch_name[k])
    hint = "open it in the pandapower net"
    return NetworkDataError([Issue(case.name, name, f"a switch at {reason}", "one at lines and transformers", hint)])
