"""From the zones' own fits to the fit of the whole building."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.nodewise import NodeFit, combine, fit_node, smoothed

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.likelihood import Likelihood
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData, ZoneModel

_UNSEEN = 10.0  # curvature of what no zone alone can see, so that first steps stay small


def fit_nodes(
    data: ZoneData, pairs: tuple[Pair, ...], states: int, smaller: list[NodeFit] | None = None
) -> list[NodeFit]:
    """Fit every zone with the zones it may touch as inputs, from the fits of a smaller model if they are there."""
    smooth = smoothed(data.temperature, data.step)
    neighbours: list[list[int]] = [[] for _ in data.zones]
    for i, j in pairs:
        neighbours[i].append(j)
        neighbours[j].append(i)
    starts: list[NodeFit | None] = [None] * len(data.zones) if smaller is None else [*smaller]
    return [fit_node(data, z, neighbours[z], smooth, states, start=start) for z, start in enumerate(starts)]


def edge_estimates(nodes: list[NodeFit], pairs: tuple[Pair, ...]) -> tuple[FloatArray, FloatArray]:
    """Return each candidate edge's estimate from both sides and its standard error [kW/K]."""
    sides = {
        (node.zone, j): (g, s)
        for node in nodes
        for j, g, s in zip(node.neighbours, node.conductance.tolist(), node.std_error.tolist(), strict=True)
    }
    both = np.array([combine(sides[i, j], sides[j, i]) for i, j in pairs]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def assemble(
    data: ZoneData, model: ZoneModel, likelihood: Likelihood, nodes: list[NodeFit], start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return start and approximate Hessian of the whole from the zones' optima and Hessians."""
    parameters = model.network.parameters
    position = {p.name: k for k, p in enumerate(parameters)}
    edge_at = dict(zip(model.pairs, model.edges, strict=True))
    values = np.array([p.start for p in parameters])
    hessian = np.diag(likelihood.prior_precision + 1e-6)
    shared: dict[int, list[float]] = {}
    for node in nodes:
        own = node.likelihood.values(node.fit.theta)
        slope = node.likelihood.slope(node.fit.theta)
        where = np.full(len(own), -1)
        for k, parameter in enumerate(node.model.network.parameters):
            where[k] = position.get(parameter.name, -1)
            if where[k] >= 0:
                shared.setdefault(int(where[k]), []).append(float(own[k]))
        for j in node.neighbours:
            pair = (min(node.zone, j), max(node.zone, j))
            wall = f"loss {data.zones[node.zone]} to {data.zones[j]}"
            k = next(k for k, p in enumerate(node.model.network.parameters) if p.name == wall)
            where[k] = edge_at.get(pair, -1)
        kept = where >= 0
        bare = node.curve.hessian - np.diag(node.likelihood.prior_precision)
        scale = likelihood.slope(likelihood.start)[where[kept]] / slope[kept]
        linear = ~likelihood.is_log[where[kept]]
        scale = np.where(linear, scale, 1.0)
        hessian[np.ix_(where[kept], where[kept])] += bare[np.ix_(kept, kept)] * np.outer(scale, scale)
    for k, seen in shared.items():
        values[k] = float(np.median(seen))
    alone = np.setdiff1d(np.arange(len(values)), list(shared) + list(model.edges))
    hessian[alone, alone] += _UNSEEN
    _common_start(data, nodes, position, values, hessian)
    values[list(model.edges)] = np.maximum(start, 0.0)
    return likelihood.theta(values), hessian


def _common_start(
    data: ZoneData, nodes: list[NodeFit], position: dict[str, int], values: FloatArray, hessian: FloatArray
) -> None:
    """Split the zones' process noise into own and common by the mean correlation of their innovations."""
    at = [position.get(f"common noise {zone}", -1) for zone in data.zones]
    if min(at) < 0:
        return
    innovations = np.hstack([node.likelihood.innovations(node.fit.theta) for node in nodes])
    whole = innovations[np.isfinite(innovations).all(axis=1)]
    if len(whole) < 3 * len(nodes):
        return
    correlation = np.atleast_2d(np.corrcoef(whole.T))
    mean = float(np.clip(correlation[np.triu_indices(len(nodes), 1)].mean(), 0.01, 0.9))
    own = [position[f"process noise {zone}"] for zone in data.zones]
    values[at] = values[own] * np.sqrt(mean)
    values[own] *= np.sqrt(1.0 - mean)
    hessian[at, at] += hessian[own, own] * mean
