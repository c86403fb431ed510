"""Whether anything in the readings ties the names of zones to their rooms.

The likelihood of a building does not change when two zones that the same circuits heat (or that none heats) exchange
their names: capacities, apertures and shares of the heat are free in either. So an estimate finds edges between
*sensors*, and whoever mixed up two sensors of one circuit gets the right graph under the wrong names. Only a floor plan
can tell, by being wrong under the wrong names. Two zones are *interchangeable* if neither does.

:mod:`rexnet_grid.spacemeternet.nametrials` asks the floor plan, where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData

_ALIKE = 0.98
_MOST_LISTED = 6


@dataclass(frozen=True, slots=True)
class Names:
    """What is known about the names of zones.

    Attributes
    ----------
    interchangeable
        Pairs of zones whose names nothing in the readings and the floor plan tells apart.
    mistaken
        Pairs of zones that fit the floor plan better under each other's names.
    equal
        Interchangeable pairs that were tried under each other's names and explain the readings as well, though other
        edges follow.
    warm_with_other
        Pairs of zones that both fit better with the other's metered heat.
    """

    interchangeable: tuple[Pair, ...] = ()
    mistaken: tuple[Pair, ...] = ()
    equal: tuple[Pair, ...] = ()
    warm_with_other: tuple[Pair, ...] = ()

    def also(self, more: Names) -> Names:
        """Return all that either knows."""
        return Names(
            tuple(sorted({*self.interchangeable, *more.interchangeable})),
            (*self.mistaken, *more.mistaken),
            (*self.equal, *more.equal),
            (*self.warm_with_other, *more.warm_with_other),
        )

    def others(self, pair: Pair) -> tuple[Pair, ...]:
        """Return the pairs that a verdict may be about as well, if interchangeable zones exchange their names."""
        return _reached(pair, self.interchangeable)

    def open(self, pair: Pair) -> bool:
        """Tell whether an edge cannot be stated for its names: another pair has it in a naming that fits as well."""
        return bool(self.warm_with_other) or self.touched(pair) or bool(_reached(pair, self.equal))

    def listed(self, pair: Pair, zones: tuple[str, ...]) -> str:
        """Return those pairs by name, or how many they are."""
        others = self.others(pair)
        if len(others) > _MOST_LISTED:
            return f"{len(others)} other pairs"
        return ", ".join(f"{zones[i]}-{zones[j]}" for i, j in others)

    def touched(self, pair: Pair) -> bool:
        """Tell whether an edge ends at a zone that may bear another's name."""
        return any(zone in pair for mistaken in self.mistaken for zone in mistaken)

    def remarks(self, zones: tuple[str, ...]) -> list[str]:
        """Return a sentence for each group of zones whose names are open, and for each pair under wrong ones."""
        out = [
            f"{zones[a]} and {zones[b]} fit the floor plan better under each other's names; are their sensors swapped? "
            "their edges are left undetermined"
            for a, b in self.mistaken
        ]
        out += [
            f"{zones[a]} and {zones[b]} fit better with each other's heat; are two columns of temperatures_c or "
            "heat_kw swapped? all edges are left undetermined"
            for a, b in self.warm_with_other
        ]
        return out + [
            f"{', '.join(zones[z] for z in group)}: neither heat meters nor a floor plan tell them apart; edges are "
            "between their sensors, and that each hangs in the room of its name is not checked"
            for group in _groups(self.interchangeable)
        ]


def unchecked_names(data: ZoneData) -> Names:
    """Return what is known about names without a floor plan: zones of the same circuits are interchangeable."""
    served = _served(data)
    pairs = combinations(range(len(data.zones)), 2)
    return Names(tuple((a, b) for a, b in pairs if served[a] == served[b]))


def _served(data: ZoneData) -> list[frozenset[int]]:
    """Return the circuits that serve each zone; circuits that run alike count as one."""
    first = list(range(len(data.circuits)))
    for a, b in combinations(range(len(data.circuits)), 2):
        both = data.heat[:, [a, b]]
        if both.std(axis=0).min() > 0.0 and float(np.atleast_2d(np.corrcoef(both.T))[0, 1]) > _ALIKE:
            first[b] = min(first[a], first[b])
    return [
        frozenset(first[k] for k, circuit in enumerate(data.circuits) if zone in circuit.zones)
        for zone in range(len(data.zones))
    ]


def ordered(i: int, j: int) -> Pair:
    """Return two zones as a pair."""
    return (min(i, j), max(i, j))


def _reached(pair: Pair, exchanges: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return the other pairs that exchanges of names turn a pair into."""
    found, new = {pair}, [pair]
    while new:
        i, j = new.pop()
        for a, b in exchanges:
            swap = {a: b, b: a}
            other = ordered(swap.get(i, i), swap.get(j, j))
            if other not in found:
                found.add(other)
                new.append(other)
    return tuple(sorted(found - {pair}))


def _groups(pairs: tuple[Pair, ...]) -> list[list[int]]:
    """Return the zones that are interchangeable with each other, in order."""
    groups: list[set[int]] = []
    for pair in pairs:
        touching = [g for g in groups if g & set(pair)]
        groups = [g for g in groups if not g & set(pair)] + [set(pair).union(*touching)]
    return sorted(sorted(g) for g in groups)
