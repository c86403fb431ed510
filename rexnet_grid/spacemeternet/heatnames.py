"""Zones that fit better with each other's heat: swapped columns behind emitters that hold heat back.

A zone with a quick radiator answers to its own heat first, and :mod:`rexnet_grid.spacemeternet.plausibility` asks for
that. Where floors or heavy radiators hold heat back for hours the first answer tells nothing. There each zone is fitted
anew with the heat of every other zone in place of its own, the emitter's lag free; what BIC says is taken as very
strong from ten on (Kass and Raftery 1995, DOI 10.1080/01621459.1995.10476572).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.names import Names
from rexnet_grid.spacemeternet.nodewise import fit_node, smoothed
from rexnet_grid.spacemeternet.zonemodel import SPLIT

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.nodewise import NodeFit
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData

_VERY_STRONG = 10.0
_SLOW_HOURS = 0.75
_LITTLE_TO_AIR = 0.45
_MOST_ZONES = 12


def slow_emitters(node: NodeFit) -> bool:
    """Tell whether a zone's own fit speaks for heat that is held back: a lag of hours, or little of it to the air."""
    values = dict(
        zip(
            (p.name for p in node.model.network.parameters),
            node.likelihood.values(node.fit.theta).tolist(),
            strict=True,
        )
    )
    zone = node.model.network.states[node.model.air[0]]
    release = values.get(f"radiator {zone}")
    lag = 0.0 if release is None else values[f"radiator capacity {zone}"] / release
    return lag > _SLOW_HOURS or values.get(SPLIT, 1.0) < _LITTLE_TO_AIR


def names_by_heat(data: ZoneData, nodes: list[NodeFit]) -> Names:
    """Return what slow emitters leave open of the names of zones with a heat meter each; nothing where none is slow.

    Two zones are *mistaken* if both fit better with the other's heat, and their names are not told apart if neither the
    one nor the other is very strong. Of more than twelve zones none is tried, and all count as not told apart if
    most emitters are slow.
    """
    meters = {c.zones[0]: k for k, c in enumerate(data.circuits) if len(c.zones) == 1}
    served = [zone for c in data.circuits for zone in c.zones]
    zones = sorted(zone for zone in meters if served.count(zone) == 1)
    slow = sum(slow_emitters(nodes[zone]) for zone in zones)
    if len(zones) < 2 or not slow:
        return Names()
    pairs = list(combinations(zones, 2))
    if len(zones) > _MOST_ZONES:
        return Names(tuple(pairs) if 2 * slow > len(zones) else ())
    smooth = smoothed(data.temperature, data.step)

    def gain(zone: int, other: int) -> float:
        columns = list(range(len(data.circuits)))
        columns[meters[zone]], columns[meters[other]] = meters[other], meters[zone]
        swapped = replace(data, heat=data.heat[:, columns])
        node = nodes[zone]
        return node.bic - fit_node(swapped, zone, node.neighbours, smooth, node.states, start=node).bic

    gains = {pair: np.array([gain(*pair), gain(*pair[::-1])]) for pair in pairs}
    mistaken: list[Pair] = [pair for pair, both in gains.items() if both.min() > _VERY_STRONG]
    open_ = tuple(pair for pair, both in gains.items() if both.sum() > -_VERY_STRONG and pair not in mistaken)
    return Names(open_, equal=open_, warm_with_other=tuple(mistaken))
