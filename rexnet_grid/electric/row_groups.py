"""Many rows as few: rows that seldom bind, or that bind together, share one row that is at least as strict as each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.charges import Charges

PORTFOLIOS = 256
NEAREST = 6
HARM = 1.05
SPARE = 0.02
FAR = 0.1
SEED = 20260113
SMALLEST = 1e-6
KINDS = ((1.0, 0.0), (0.0, 1.0), (1.0, 0.3), (1.0, 0.6), (1.0, 1.0))
SHARES = (0.0, 0.03, 0.1, 0.3, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class RowGroups:
    """Groups of rows, each with its envelope.

    A row says ``a z <= s`` for z = (falls, rises) >= 0. Divided by what it has left at rest, the elementwise largest
    coefficients of several rows and the smallest of what they have left make one row that holds only where all of them
    do, whatever the positions: leaving rows out that way never admits a trade that one of them would have stopped.

    Attributes
    ----------
    falling, rising
        (n_groups, n_columns) the envelopes [unit of the group's first row/kW].
    first
        (n_groups,) the row that the group is named after.
    order, starts
        Rows group by group, and where each group begins.
    scale
        (n_rows,) what turns the slack of a row, in this order, into the unit of its group's first row.
    hidden, carried
        (n_groups,) how much less is left per unit of relief and of load in the positions [-].
    """

    falling: FloatArray
    rising: FloatArray
    first: IntArray
    order: IntArray
    starts: IntArray
    scale: FloatArray
    hidden: FloatArray
    carried: FloatArray

    @classmethod
    def of(cls, falling: FloatArray, rising: FloatArray, rest: FloatArray, most: int) -> RowGroups:
        """Group rows so that sample portfolios are stopped hardly earlier than by all rows; at most ``most`` groups."""
        own, z = per_rest(falling, rising, rest)
        return cls.made(own, *grouped(z, most))

    @classmethod
    def made(cls, own: FloatArray, member: IntArray, first: IntArray, envelope: FloatArray) -> RowGroups:
        """Return groups without charges.

        Parameters
        ----------
        own
            (n_rows,) one over what each row has left at rest.
        member
            (n_rows,) the group of each row.
        first
            (n_groups,) the row that each group is named after.
        envelope
            (n_groups, 2 n_columns) the largest coefficients of falls and rises, as shares of what is left at rest.
        """
        n = envelope.shape[1] // 2
        order = np.argsort(member, kind="stable")
        starts = np.searchsorted(member[order], np.arange(len(first)))
        unit = own[first]
        return cls(
            -envelope[:, :n] / unit[:, None],
            envelope[:, n:] / unit[:, None],
            first,
            order,
            starts,
            (own / unit[member])[order],
            np.zeros(len(first)),
            np.zeros(len(first)),
        )

    def slack(self, slack: FloatArray, position: FloatArray) -> FloatArray:
        """Return (n_groups, n_units) the least of what the rows of each group have left about ``position`` [kW]."""
        if not len(self.first):
            return np.zeros((0, slack.shape[1]))
        left = self.least(slack)
        wary = np.flatnonzero(self.hidden)
        if len(wary):
            load, relief = self.used(position, wary)
            less = left[wary] - self.hidden[wary, None] * relief - self.carried[wary, None] * load
            left[wary] = np.where(left[wary] > 0.0, np.maximum(less, 0.0), left[wary])
        return np.asarray(left)

    def least(self, slack: FloatArray) -> FloatArray:
        """Return (n_groups, n_units) the least of what the rows of each group have left."""
        if not len(self.first):
            return np.zeros((0, slack.shape[1]))
        return np.asarray(np.minimum.reduceat(slack[self.order] * self.scale[:, None], self.starts, axis=0))

    def used(self, position: FloatArray, some: IntArray | slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Return (n_groups, n_units) how much positions (n_units, n_columns) [kW] load and relieve each group."""
        rises, falls = np.maximum(position, 0.0).T, np.maximum(-position, 0.0).T
        rising, falling = self.rising[some], -self.falling[some]
        load = np.maximum(rising, 0.0) @ rises + np.maximum(falling, 0.0) @ falls
        return load, load - rising @ rises - falling @ falls

    def charged(self, charges: Charges) -> RowGroups:
        """Return the groups with these charges on top of those that they have."""
        signed = (self.rising, -self.falling)
        loading, relief = charges.loading[:, None], charges.relief[:, None]
        rising, falling = (way * np.where(way > 0.0, 1.0 + loading, np.maximum(1.0 - relief, 0.0)) for way in signed)
        for group, (falls, rises) in charges.singled.items():
            falling[group] += falls
            rising[group] += rises
        return replace(
            self,
            falling=np.minimum(-falling, rising),
            rising=rising,
            hidden=self.hidden + charges.hidden,
            carried=self.carried + charges.carried,
        )

    def group_of_row(self) -> IntArray:
        """Return (n_rows,) the group of each row."""
        group = np.empty(len(self.order), dtype=np.int64)
        group[self.order] = np.repeat(np.arange(len(self.first)), np.diff(self.starts, append=len(self.order)))
        return group

    def members(self, group: int) -> tuple[IntArray, FloatArray]:
        """Return the rows of a group, and what turns their slacks into the unit of its first row."""
        end = self.starts[group + 1] if group + 1 < len(self.starts) else len(self.order)
        its = slice(self.starts[group], end)
        return self.order[its], self.scale[its]


def per_rest(falling: FloatArray, rising: FloatArray, rest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return one over what rows have left at rest, and their coefficients of falls and rises times that."""
    own = 1.0 / np.maximum(np.abs(rest), SMALLEST)
    return own, np.hstack((-falling, rising)) * own[:, None]


def grouped(z: FloatArray, most: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the group of each row, the first row of each group, and the envelopes."""
    sample = samples(z)
    use = np.einsum("rc,kc->rk", z, sample, optimize=False)
    order = np.argsort(-use.max(axis=1, initial=0.0), kind="stable")
    member, first, envelope = group_rows(
        np.ascontiguousarray(z), use, np.ascontiguousarray(sample.T), order, min(most, len(z)), SPARE, FAR
    )
    return member, first, envelope


@njit(cache=True)
def group_rows(
    z: FloatArray, use: FloatArray, sample: FloatArray, order: IntArray, most: int, spare: float, far: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """Group the rows ``z`` (n_rows, n) in the given order; ``use`` (n_rows, k) of the samples (n, k).

    A row joins, of the groups whose envelope then takes no portfolio much more strictly than its rows do, the one of
    least harm whose envelope uses no sample beyond what its own rows do by more than ``spare`` where they are full, up
    to ``far`` more where they are not. Else it founds a group, while there are fewer than ``most``; then it joins the
    group of least harm.
    """
    n, k = sample.shape
    member = np.full(len(z), -1, dtype=np.int64)
    first = np.zeros(most, dtype=np.int64)
    envelope = np.zeros((most, n))
    own, used = np.zeros((most, k)), np.zeros((most, k))
    harm, after, apart = np.ones(most), np.empty(most), np.empty(most)
    grown = np.empty(k)
    count = 0
    for row in order:
        enough = HARM if count < most else np.inf
        for g in range(count):
            after[g] = _harm(z[row], envelope[g], harm[g], enough)
            apart[g] = after[g] + _relief_lost(z[row], envelope[g]) if after[g] <= enough else np.inf
        best = -1
        for _ in range(min(NEAREST, count)):
            g = int(np.argmin(apart[:count]))
            if apart[g] == np.inf:
                break
            beyond = _beyond(z[row], use[row], envelope[g], own[g], used[g], sample, grown, spare, far)
            if beyond <= 0.0 or count == most:
                best = g
                break
            apart[g] = np.inf
        if best < 0:
            best = count
            first[best] = row
            envelope[best] = z[row]
            used[best] = use[row]
            own[best] = use[row]
            count += 1
        else:
            _beyond(z[row], use[row], envelope[best], own[best], used[best], sample, grown, spare, far)
            harm[best] = after[best]
            used[best] = grown
            envelope[best] = np.maximum(envelope[best], z[row])
            own[best] = np.maximum(own[best], use[row])
        member[row] = best
    return member, first[:count], envelope[:count]


@njit(cache=True)
def _harm(row: FloatArray, envelope: FloatArray, harm: float, enough: float) -> float:
    """Return how much of the envelope that two rows share portfolios can use which neither row finds full.

    With what each takes alone, ``row z <= 1`` and ``envelope z <= harm``, the larger of both coefficients is at most
    the envelope's and a share of the row's, or the row's and a share of the envelope's. Infinite above ``enough``.
    """
    more, less = 0.0, 0.0
    for c in range(len(row)):
        a, e = row[c], envelope[c]
        if a > e:
            if a > 0.0:
                more = max(more, (a - max(e, 0.0)) / a)
        elif e > 0.0:
            less = max(less, (e - max(a, 0.0)) / e)
        if min(harm + more, 1.0 + less * harm) > enough:
            return np.inf
    return min(harm + more, 1.0 + less * harm)


@njit(cache=True)
def _relief_lost(row: FloatArray, envelope: FloatArray) -> float:
    """Return which share of the relief that a row or the envelope knows the other does not."""
    lost, known = 0.0, 1e-300
    for c in range(len(row)):
        a, e = min(row[c], 0.0), min(envelope[c], 0.0)
        lost += abs(a - e)
        known -= min(a, e)
    return lost / known


@njit(cache=True)
def _beyond(
    row: FloatArray,
    row_use: FloatArray,
    envelope: FloatArray,
    own: FloatArray,
    used: FloatArray,
    sample: FloatArray,
    grown: FloatArray,
    spare: float,
    far: float,
) -> float:
    """Return how far an envelope with the row in it uses a sample beyond what is allowed; ``grown`` gets the use."""
    grown[:] = used
    for c in range(len(row)):
        more = row[c] - envelope[c]
        if more > 0.0:
            for i in range(len(grown)):
                grown[i] += more * sample[c, i]
    worst = -np.inf
    for i in range(len(grown)):
        shown = max(own[i], row_use[i])
        worst = max(worst, grown[i] - shown - spare - far * max(1.0 - shown, 0.0))
    return worst


def samples(z: FloatArray, count: int = PORTFOLIOS) -> FloatArray:
    """Return (count, 2 n_columns) portfolios of falls and rises, each scaled until a first row is full.

    Demand, infeed and both, spread over few or many columns; some in one column alone.
    """
    rng = np.random.default_rng(SEED)
    n = z.shape[1] // 2
    touched = np.flatnonzero(z.any(axis=0).reshape(2, n).any(axis=0))
    out = np.zeros((count, 2 * n))
    if not len(touched):
        return out
    for k in range(count):
        falls, rises = KINDS[k % len(KINDS)]
        for side, total in ((0, falls), (n, rises)):
            if total:
                some = touched[rng.random(len(touched)) < SHARES[rng.integers(len(SHARES))]]
                some = some if len(some) else touched[[rng.integers(len(touched))]]
                weight = rng.exponential(1.0, len(some))
                out[k, side + some] = weight / weight.sum() * total
    full = np.einsum("rc,kc->rk", z, out, optimize=False).max(axis=0, initial=0.0)
    return out / np.where(full > 0.0, full, 1.0)[:, None]
