r"""What a market may still trade between two nodes: headroom in a table that compiled matching takes from.

A trade of q lots from the seller's node s to the buyer's node b moves the network by ``Δ = q · lot_kw`` at s and by
``-Δ`` at b, so every row r of the unit's headroom loses ``(A[r, s] - A[r, b]) · q · lot_kw`` of its slack. The most
that fits is

.. math:: q_{max} = \min_{r: A_{rs} - A_{rb} > 0} \lfloor slack_r / ((A_{rs} - A_{rb}) \cdot lot) \rfloor

and nothing where a row that is already broken would get worse; a trade that relieves a broken row is admitted. This is
the flow-based admission of Europe's coupled intraday market with nodes in the place of zones (SIDC, Commission
Regulation (EU) 2015/1222, Art. 51-58: orders are matched as long as the capacity between their areas lasts, and
matching and taking the capacity are one step).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexnet_grid.delivery.headroom import FloatArray, Headroom

# header of the table
T_NODES, T_ROWS, T_RING_MASK, T_LOT, T_STAMP, T_STAMPS, T_BLOCKS, T_BLOCK, T_ROW, T_RISE, T_TIGHT = range(11)
T_HEADER = 16
# block of one unit: header, then six vectors of T_ROWS (slack, tolerance, times bound, lots blocked, price gap
# blocked, most that one lot can take); K_BASE is the address of its coefficients, node by node, which units share;
# where rising injections have their own, these follow, T_RISE nodes further on
K_UNIT, K_ROWS, K_BASE = 0, 1, 2
K_HEADER = 8
VECTORS = 6

_SLOPE_TOLERANCE = 1e-9

_Coefficients = tuple["FloatArray", "FloatArray | None"]


@dataclass(frozen=True, slots=True)
class Binding:
    """How often one limit of one unit stood between two orders that wanted to trade.

    Attributes
    ----------
    row
        The row of the unit's headroom.
    limit
        Name of the row.
    times
        How often it capped or stopped a trade.
    blocked_lots
        Lots that would have traded without it.
    gap_tick_lots
        These lots times the gap between the two prices [tick x lot]; over ``blocked_lots`` it is the congestion price
        that the limit held open.
    """

    row: int
    limit: str
    times: int
    blocked_lots: int
    gap_tick_lots: int


class LinearAdmission:
    """Headroom of every open unit as one flat table.

    Parameters
    ----------
    nodes
        Names of all nodes, the columns of every headroom.
    lot_kw
        Size of a lot [kW].
    """

    def __init__(self, nodes: tuple[str, ...], lot_kw: float) -> None:
        if not nodes or len(set(nodes)) != len(nodes) or not lot_kw > 0.0:
            raise InputError("admission needs at least one node, no node twice, and a positive lot")
        self.nodes = tuple(nodes)
        self.lot_kw = float(lot_kw)
        self._index = {name: i for i, name in enumerate(self.nodes)}
        self._limits: dict[int, tuple[str, ...]] = {}
        self._places: dict[int, int] = {}
        self._free: list[int] = []
        self._bases: list[_Coefficients | None] = []
        self._base_of: dict[int, int] = {}
        self._capacity = 0
        self._two_sided = False
        self.table: FloatArray = np.zeros(T_HEADER)
        self._allocate(rows=8, blocks=8, bases=1)

    def index(self, node: str) -> int:
        """Return the column of a node.

        Raises
        ------
        InputError
            When there is no such node.
        """
        found = self._index.get(node)
        if found is None:
            expected = f"one of the {len(self.nodes)} nodes of the network"
            raise InputError([Issue("admission", "node", repr(node), expected, did_you_mean(node, self.nodes))])
        return found

    def publish(self, headroom: Headroom) -> None:
        """Replace the rows of one unit.

        Raises
        ------
        InputError
            When the headroom has other nodes, or numbers that are not finite.
        """
        if headroom.nodes != self.nodes:
            raise InputError(f"headroom of unit {headroom.unit} is for other nodes than the exchange's admission")
        if not (np.isfinite(headroom.slack).all() and (self._held(headroom) is not None or _is_finite(headroom))):
            raise InputError(f"headroom of unit {headroom.unit} holds numbers that are not finite")
        count = len(headroom.limits)
        self._make_room(headroom.unit, count, two_sided=headroom.injecting is not None)
        if headroom.unit not in self._places:
            self._places[headroom.unit] = self._free.pop()
            self._build_ring()
        place = self._places[headroom.unit]
        base = self._base(place, headroom)
        block, rows = self._block(place), self._rows
        block[K_UNIT], block[K_ROWS], block[K_BASE] = headroom.unit, count, self._base_address(base)
        vectors = block[K_HEADER:].reshape(VECTORS, rows)
        vectors[0, :count] = headroom.slack
        if self._base_of.get(place) != base:
            self._base_of[place] = base
            falling = headroom.coefficients
            rising = falling if headroom.injecting is None else headroom.injecting
            vectors[1, :count] = _SLOPE_TOLERANCE * np.abs(falling).max(axis=1, initial=0.0)
            vectors[5, :count] = self.lot_kw * (rising.max(axis=1) - falling.min(axis=1))
        vectors[2:5] = 0.0
        self._limits[headroom.unit] = headroom.limits

    def remember(self, units: Iterable[int]) -> dict[int, FloatArray]:
        """Return what is left of the rows of ``units``, and what bound there, for :meth:`go_back`."""
        return {unit: self._block(self._places[unit])[K_HEADER:].copy() for unit in units if unit in self._places}

    def go_back(self, memory: dict[int, FloatArray]) -> None:
        """Give back what was taken since :meth:`remember`; no headroom may have been published since."""
        for unit, vectors in memory.items():
            self._block(self._places[unit])[K_HEADER:] = vectors

    def drop(self, unit: int) -> None:
        """Forget a unit; nothing limits trades in it any more."""
        place = self._places.pop(unit, None)
        if place is not None:
            self._limits.pop(unit)
            self._base_of.pop(place, None)
            self._free.append(place)
            self._build_ring()

    def capacity_lots(self, unit: int, source: str, sink: str) -> int:
        """Return how many lots may still go from ``source`` to ``sink``; 2**62 when nothing limits them."""
        place = self._places.get(unit)
        if place is None:
            return 1 << 62
        block, rows = self._block(place), self._rows
        count = int(block[K_ROWS])
        vectors = block[K_HEADER:].reshape(VECTORS, rows)[:, :count]
        sides = self._sides(int(block[K_BASE]))[:, :, :count]
        slope = sides[-1, self.index(source)] - sides[0, self.index(sink)]
        rising = slope > vectors[1]
        if not rising.any():
            return 1 << 62
        lots = float(np.min(vectors[0, rising] / (slope[rising] * self.lot_kw)))
        return min(max(0, int(np.floor(lots + _SLOPE_TOLERANCE))), 1 << 62)

    def slack(self, unit: int) -> FloatArray:
        """Return a copy of what is left of every row of ``unit`` [limit unit], aligned to the published limits."""
        place = self._places.get(unit)
        if place is None:
            return np.zeros(0)
        block = self._block(place)
        return block[K_HEADER : K_HEADER + int(block[K_ROWS])].copy()

    def limits(self, unit: int) -> tuple[str, ...]:
        """Return the names of the rows published for ``unit``, the order of :meth:`slack`."""
        return self._limits.get(unit, ())

    def bindings(self) -> dict[int, tuple[Binding, ...]]:
        """Return, by unit, the limits that capped or stopped a trade since they were published."""
        found: dict[int, tuple[Binding, ...]] = {}
        for unit in sorted(self._places):
            vectors = self._block(self._places[unit])[K_HEADER:].reshape(VECTORS, self._rows)
            limits = self._limits[unit]
            bound = tuple(
                Binding(r, limits[r], int(vectors[2, r]), int(vectors[3, r]), int(vectors[4, r]))
                for r in np.flatnonzero(vectors[2, : len(limits)] > 0.0).tolist()
            )
            if bound:
                found[unit] = bound
        return found

    @property
    def _rows(self) -> int:
        return int(self.table[T_ROWS])

    def _block(self, place: int) -> FloatArray:
        size = int(self.table[T_BLOCK])
        start = int(self.table[T_BLOCKS]) + place * size
        return self.table[start : start + size]

    def _sides(self, address: int) -> FloatArray:
        """Return (sides, n_nodes, T_ROWS) the coefficients at an address of the table."""
        size = (2 if self._two_sided else 1) * len(self.nodes) * self._rows
        return self.table[address : address + size].reshape(-1, len(self.nodes), self._rows)

    def _base_address(self, base: int) -> int:
        blocks = int(self.table[T_BLOCKS]) + self._capacity * int(self.table[T_BLOCK])
        return blocks + base * (2 if self._two_sided else 1) * len(self.nodes) * self._rows

    def _base(self, place: int, headroom: Headroom) -> int:
        """Return where the headroom's coefficients are, written once for all units that share the arrays."""
        held = self._held(headroom)
        if held is not None:
            return held
        used = {base for at, base in self._base_of.items() if at != place}
        free = [base for base in range(len(self._bases)) if base not in used]
        if not free:
            free = [len(self._bases)]
            self._allocate(self._rows, self._capacity, 2 * len(self._bases))
        self._base_of.pop(place, None)
        self._bases[free[0]] = (headroom.coefficients, headroom.injecting)
        self._write(free[0])
        return free[0]

    def _held(self, headroom: Headroom) -> int | None:
        """Return the base that holds the headroom's coefficients already, None when none does."""
        for base, held in enumerate(self._bases):
            if held is not None and held[0] is headroom.coefficients and held[1] is headroom.injecting:
                return base
        return None

    def _write(self, base: int) -> None:
        held = self._bases[base]
        if held is not None:
            sides, count = self._sides(self._base_address(base)), len(held[0])
            sides[:, :, :count] = held[0].T
            if held[1] is not None:
                sides[1, :, :count] = held[1].T

    def _make_room(self, unit: int, rows: int, *, two_sided: bool) -> None:
        """Let the table have a free block, enough rows, and both sides where they differ."""
        full = unit not in self._places and not self._free
        if full or rows > self._rows or (two_sided and not self._two_sided):
            self._two_sided |= two_sided
            self._allocate(max(rows, self._rows), self._capacity * (2 if full else 1), len(self._bases))

    def _allocate(self, rows: int, blocks: int, bases: int) -> None:
        """Make a table of another shape and move what was published into it."""
        old, old_rows, n = self.table, self._rows, len(self.nodes)
        old_blocks = {place: self._block(place).copy() for place in self._places.values()} if self._capacity else {}
        ring = 1 << (4 * blocks - 1).bit_length()
        stamps = T_HEADER + 2 * ring
        size = K_HEADER + VECTORS * rows
        coefficients = bases * (2 if self._two_sided else 1) * n * rows
        self.table = np.zeros(stamps + n + rows + blocks * size + coefficients)
        self.table[T_NODES], self.table[T_ROWS], self.table[T_RING_MASK] = n, rows, ring - 1
        self.table[T_LOT], self.table[T_STAMP], self.table[T_STAMPS] = self.lot_kw, old[T_STAMP], stamps
        self.table[T_TIGHT] = stamps + n
        self.table[T_BLOCKS], self.table[T_BLOCK] = stamps + n + rows, size
        self.table[T_RISE] = n if self._two_sided else 0
        self._free.extend(range(blocks - 1, self._capacity - 1, -1))
        self._capacity = blocks
        self._bases.extend([None] * (bases - len(self._bases)))
        for base in range(bases):
            self._write(base)
        for place, block in old_blocks.items():
            fresh = self._block(place)
            fresh[:K_HEADER] = block[:K_HEADER]
            fresh[K_HEADER:].reshape(VECTORS, rows)[:, :old_rows] = block[K_HEADER:].reshape(VECTORS, old_rows)
            if place in self._base_of:
                fresh[K_BASE] = self._base_address(self._base_of[place])
        self._build_ring()

    def _build_ring(self) -> None:
        """File the places of the units by unit, open addressing: (unit + 1, place) pairs."""
        mask = int(self.table[T_RING_MASK])
        ring = self.table[T_HEADER : T_HEADER + 2 * (mask + 1)].reshape(-1, 2)
        ring[:] = 0.0
        for unit, place in self._places.items():
            at = unit & mask
            while ring[at, 0]:
                at = (at + 1) & mask
            ring[at] = unit + 1, place


def _is_finite(headroom: Headroom) -> bool:
    return all(np.isfinite(side).all() for side in (headroom.coefficients, headroom.injecting) if side is not None)
