"""Groups of rows after a change of the network: those that stood before it, made of the rows as they are now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.row_groups import FAR, SPARE, RowGroups, grouped, per_rest, samples

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.limit_rows import JoinedRows

FEW = 64
SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """The groups of a network before it changes, and what they tell those after any change.

    Attributes
    ----------
    place
        Where each row is: by its name, and which of those with that name it is.
    group
        (n_rows,) its group.
    charged
        (n_groups, 2 n_columns) what rehearsals charge falls and rises, as a share of what is left at rest [1/kW].
    hidden, carried
        (n_groups,) as of the groups [-].
    sample
        (2 n_columns, FEW) portfolios of falls and rises.
    lost
        (n_groups,) how far the envelope of each group takes a sample beyond what its rows do and what is allowed [-].
    """

    place: dict[tuple[str, int], int]
    group: IntArray
    charged: FloatArray
    hidden: FloatArray
    carried: FloatArray
    sample: FloatArray
    lost: FloatArray

    @classmethod
    def of(cls, groups: RowGroups, rows: JoinedRows) -> Guide:
        """Return what ``groups`` of ``rows`` tell."""
        own, z = per_rest(rows.falling, rows.rising, rows.at_rest())
        group, sample = groups.group_of_row(), np.ascontiguousarray(samples(z, FEW).T)
        envelope = np.maximum.reduceat(z[groups.order], groups.starts, axis=0) if len(z) else z
        charged = np.hstack((-groups.falling, groups.rising)) * own[groups.first][:, None] - envelope
        lost = _lost(z @ sample, envelope @ sample, groups.order, groups.starts)
        place = {key: row for row, key in enumerate(_numbered(rows.names))}
        return cls(place, group, np.maximum(charged, 0.0), groups.hidden, groups.carried, sample, lost)

    def followed(self, rows: JoinedRows, most: int) -> RowGroups:
        """Return groups of the ``rows`` after a change, at most ``most``.

        A row keeps its group, and a group its charges. Envelopes are made of the rows as they are now, so whatever has
        changed a group holds only where all of them do. A group that takes more of a sample portfolio than any of its
        rows, and did not so before, is dissolved: its rows and those that are new are grouped anew.
        """
        own, z = per_rest(rows.falling, rows.rising, rows.at_rest())
        row = np.array([self.place.get(key, NOWHERE) for key in _numbered(rows.names)], dtype=np.int64)
        came = np.append(self.group, NOWHERE)[row]
        order = np.argsort(came, kind="stable")[int((came == NOWHERE).sum()) :]
        starts = np.flatnonzero(np.diff(came[order], prepend=NOWHERE))
        envelope = np.maximum.reduceat(z[order], starts, axis=0) if len(order) else z[:0]
        kept = came[order[starts]]
        lost = _lost(z @ self.sample, envelope @ self.sample, order, starts)
        stays = lost <= np.maximum(self.lost[kept], 0.0) + SAME
        if stays.sum() >= most and not (stays.all() and len(order) == len(z)):
            stays[np.flatnonzero(stays)[most - 1 :]] = False
        number = np.full(len(self.lost) + 1, NOWHERE)
        number[kept[stays]] = np.arange(int(stays.sum()))
        member, new = number[came], np.flatnonzero(number[came] == NOWHERE)
        found, named, shared = grouped(z[new], most - int(stays.sum()))
        member[new] = found + int(stays.sum())
        charged, hidden, carried = (
            np.concatenate((values[kept[stays]], _largest(values, came[new], found, len(named))))
            for values in (self.charged, self.hidden, self.carried)
        )
        first = np.concatenate((order[starts[stays]], new[named]))
        groups = RowGroups.made(own, member, first, np.concatenate((envelope[stays], shared)) + charged)
        return replace(groups, hidden=hidden, carried=carried)


def _numbered(names: tuple[str, ...]) -> list[tuple[str, int]]:
    """Return each name with how many of the same stand before it."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        numbered.append((name, seen[name]))
        seen[name] += 1
    return numbered


def _lost(use: FloatArray, taken: FloatArray, order: IntArray, starts: IntArray) -> FloatArray:
    """Return how far groups take a sample beyond what their rows do and what is allowed, where a first row is full.

    ``use`` (n_rows, FEW) of the samples by the rows, ``taken`` (n_groups, FEW) by the envelopes.
    """
    if not len(starts):
        return np.zeros(0)
    full = use.max(axis=0)
    full = np.where(full > 0.0, full, np.inf)
    shown = np.maximum.reduceat(use[order], starts, axis=0) / full
    return np.asarray((taken / full - shown - SPARE - FAR * np.maximum(1.0 - shown, 0.0)).max(axis=1))


def _largest(values: FloatArray, came: IntArray, group: IntArray, n: int) -> FloatArray:
    """Return (n, …) the largest of ``values`` of the groups from which the rows of each new ``group`` came."""
    largest = np.zeros((n, *values.shape[1:]))
    there = came != NOWHERE
    np.maximum.at(largest, group[there], values[came[there]])
    return largest
