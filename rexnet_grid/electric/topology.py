"""Another topology of the same network without going back to its tables: a branch trips, a tap moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from rexnet_grid.electric.case import NOWHERE, SLACK, GridCase
from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

NODE_FIELDS = ("node_kind", "node_start", "node_fixed", "node_zip", "node_unzipped_kw", "node_shunt")
TAP_FIELDS = ("tap_side", "tap_position", "tap_neutral", "tap_step", "tap_range")


def changed_case(case: GridCase, out: Sequence[str] = (), taps: Mapping[str, float] | None = None) -> GridCase:
    """Return the network with the branches ``out`` disconnected at both ends and transformers at other taps.

    Buses that lose every path to a supply become unsupplied, as pandapower's connectivity check makes them.

    Raises
    ------
    NetworkDataError
        An unknown branch, a transformer without that tap position.
    """
    return without_branches(with_taps(case, taps or {}), out)


def without_branches(case: GridCase, names: Sequence[str]) -> GridCase:
    """Return the network with these branches disconnected at both ends."""
    if not names:
        return case
    gone = np.isin(case.edge_branch, [_branch(case, name) for name in names])
    f, t = case.edge_from, case.edge_to
    kept = csr_matrix((np.ones((~gone).sum()), (f[~gone], t[~gone])), shape=(case.n_node, case.n_node))
    island = connected_components(kept, directed=False)[1]
    alive = np.isin(island, island[case.node_kind == SLACK])
    admittance = _admittance(case) - _two_ports(case, gone)
    return _part(case, admittance.tocsr(), alive, ~gone & alive[f] & alive[t])


def with_taps(case: GridCase, taps: Mapping[str, float]) -> GridCase:
    """Return the network with transformers at other tap positions.

    A longitudinal tap multiplies the turns of one side by 1 + (pos - neutral) step, so the admittance of that end is
    divided by the square of the ratio of new to old turns and the coupling by the ratio itself.
    """
    if not taps:
        return case
    edge_y = case.edge_y.copy()
    position = case.tap_position.copy()
    touched = np.zeros(len(case.edge_from), dtype=bool)
    for name, pos in taps.items():
        edge = np.flatnonzero(case.edge_branch == _branch(case, name))
        at = np.flatnonzero(np.isin(case.tap_edge, edge))
        if len(at) != 1 or not case.tap_range[at[0], 0] <= pos <= case.tap_range[at[0], 1]:
            ranges = "no tap changer of its own" if len(at) != 1 else "{:g} to {:g}".format(*case.tap_range[at[0]])
            raise NetworkDataError([Issue(case.name, f"tap of {name}", f"{pos:g}", ranges)])
        k, e = int(at[0]), int(case.tap_edge[at[0]])
        step, neutral = case.tap_step[k], case.tap_neutral[k]
        ratio = (1.0 + (pos - neutral) * step) / (1.0 + (position[k] - neutral) * step)
        own, other = (0, 3) if case.tap_side[k] == 0 else (3, 0)
        edge_y[e, own] /= ratio**2
        edge_y[e, [1, 2]] /= ratio
        edge_y[e, other] = case.edge_y[e, other]
        position[k] = pos
        touched[e] = True
    new = replace(case, edge_y=edge_y, tap_position=position)
    admittance = (_admittance(case) - _two_ports(case, touched) + _two_ports(new, touched)).tocsr()
    everything = np.ones(case.n_node, dtype=bool)
    return _part(new, admittance, everything, np.ones(len(edge_y), dtype=bool))


def _branch(case: GridCase, name: str) -> int:
    found = np.flatnonzero(case.branch_name == name)
    if not len(found):
        known = [str(n) for n in case.branch_name]
        hint = did_you_mean(name, known)
        raise NetworkDataError([Issue(case.name, "branch", f'"{name}"', 'a branch such as "line 3"', hint)])
    return int(found[0])


def _admittance(case: GridCase) -> csr_matrix:
    return csr_matrix((case.y_data, case.y_indices, case.y_indptr), shape=(case.n_node, case.n_node))


def _two_ports(case: GridCase, which: NDArray[np.bool_]) -> csr_matrix:
    f, t, y = case.edge_from[which], case.edge_to[which], case.edge_y[which]
    rows, columns = np.concatenate((f, f, t, t)), np.concatenate((f, t, f, t))
    return csr_matrix((y.T.ravel(), (rows, columns)), shape=(case.n_node, case.n_node))


def _part(case: GridCase, admittance: csr_matrix, alive: NDArray[np.bool_], edge: NDArray[np.bool_]) -> GridCase:
    """Return the case reduced to the nodes ``alive`` and the edges ``edge``."""
    number = np.full(case.n_node + 1, NOWHERE, dtype=np.int64)
    number[:-1][alive] = np.arange(int(alive.sum()))
    bus_node = number[case.bus_node]
    y = csr_matrix(admittance[alive][:, alive])
    y.eliminate_zeros()
    y.sort_indices()
    edge_number = np.cumsum(edge) - 1
    taps = edge[case.tap_edge]
    at = {int(b): i for i, b in enumerate(case.bus_id)}
    supplied = np.array([bus_node[at[int(b)]] != NOWHERE for b in case.supply_bus], dtype=bool)
    live = {int(b) for b, n in zip(case.bus_id, bus_node, strict=True) if n != NOWHERE}
    idle = [b not in live and c not in live for b, c in zip(case.branch_from, case.branch_to, strict=True)]
    arrays = case.to_arrays()
    arrays |= {key: np.ascontiguousarray(arrays[key][alive]) for key in NODE_FIELDS}
    arrays |= {key: np.ascontiguousarray(arrays[key][edge]) for key in ("edge_y", "edge_scale", "edge_branch")}
    arrays |= {key: arrays[key][taps] for key in TAP_FIELDS}
    arrays |= {
        "bus_node": bus_node,
        "y_data": np.ascontiguousarray(y.data),
        "y_indices": y.indices.astype(np.int64),
        "y_indptr": y.indptr.astype(np.int64),
        "edge_from": number[case.edge_from[edge]],
        "edge_to": number[case.edge_to[edge]],
        "branch_idle": np.where(idle, np.nan, case.branch_idle),
        "supply_bus": case.supply_bus[supplied],
        "tap_edge": edge_number[case.tap_edge[taps]],
    }
    return GridCase.from_arrays(arrays)
