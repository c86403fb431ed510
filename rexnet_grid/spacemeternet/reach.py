"""What inputs can move and readings can show in a candidate model, before anything is fitted.

The model stands at its starting values. *Reachability* and *observability* are the ranks of its Gramians over the
length of the data (Kailath 1980, Linear Systems, sections 2.3 and 6.2); how far the metered heat really moves a zone is
its swing when the metered heat is the only input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.spacemeternet.discretise import discretise
from rexnet_grid.spacemeternet.zonemodel import build_zone_model

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData

_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Reach:
    """What a candidate model's inputs and readings reach.

    Attributes
    ----------
    cut_off
        Zones that no metered heat reaches, on any way through candidate edges.
    swing_k
        (zones,) standard deviation of the air temperature that the metered heat alone brings about [K].
    states, reachable, observable
        Number of states, and ranks of the two Gramians; inputs are metered heat, sun and known temperatures.
    """

    cut_off: tuple[str, ...]
    swing_k: FloatArray
    states: int
    reachable: int
    observable: int


def reach(data: ZoneData, pairs: tuple[Pair, ...], states: int) -> Reach:
    """Examine the candidate model of a building with ``states`` in each zone."""
    model = build_zone_model(data, pairs, states)
    network = model.network
    m = network.matrices(np.array([p.start for p in network.parameters]))
    d = discretise(m.capacity, m.conductance, m.power, m.diffusion, data.step)
    names = network.inputs
    driven = [k for k, name in enumerate(names) if name != "one" and "/day" not in name]
    u = data.inputs()
    scale = np.maximum(np.nanstd(u[:, driven], axis=0), 1e-9)
    steps = len(u)
    air = list(model.air)
    seen = np.zeros((len(air), len(d.phi)))
    seen[np.arange(len(air)), air] = 1.0
    into = d.gamma0[:, driven] * scale
    heat = [k for k in driven if names[k].startswith("heat ")]
    return Reach(
        _cut_off(data, pairs),
        _swing(d.phi, u[:, heat] @ d.gamma0[:, heat].T, air),
        len(d.phi),
        _rank(_gramian(d.phi, into @ into.T, steps)),
        _rank(_gramian(d.phi.T, seen.T @ seen, steps)),
    )


def _cut_off(data: ZoneData, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    graph: nx.Graph = nx.Graph(pairs)
    graph.add_nodes_from(range(len(data.zones)))
    heated = {zone for circuit in data.circuits for zone in circuit.zones}
    parts = nx.connected_components(graph)
    alone = sorted(zone for part in parts if not part & heated for zone in part)
    return tuple(data.zones[zone] for zone in alone)


def _swing(phi: FloatArray, push: FloatArray, air: list[int]) -> FloatArray:
    push = push - push.mean(axis=0)
    x, out = np.zeros(len(phi)), np.empty((len(push), len(air)))
    for k in range(len(push)):
        out[k] = x[air]
        x = phi @ x + push[k]
    return np.asarray(out.std(axis=0))


def _gramian(phi: FloatArray, source: FloatArray, steps: int) -> FloatArray:
    """Return Σ_k Φ^k source Φ'^k over at least ``steps`` steps, by doubling."""
    total, power = source.copy(), phi.copy()
    for _ in range(int(np.ceil(np.log2(max(steps, 2))))):
        total = total + power @ total @ power.T
        power = power @ power
    return total


def _rank(gramian: FloatArray) -> int:
    """Return the rank of a Gramian on the scale of its own diagonal."""
    diagonal = np.diag(gramian)
    kept = diagonal > 1e-16 * max(float(diagonal.max(initial=0.0)), 1e-300)
    scale = np.sqrt(diagonal[kept])
    values = np.linalg.eigvalsh(gramian[np.ix_(kept, kept)] / np.outer(scale, scale))
    return int((values > _RANK_TOLERANCE * max(float(values.max(initial=0.0)), 1e-300)).sum())
