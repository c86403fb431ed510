"""Units whose headroom shares coefficients share them in the admission table too."""

from __future__ import annotations

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.delivery.admission import LinearAdmission

NODES = tuple(f"n{i}" for i in range(5))
LIMITS = tuple(f"row {i}" for i in range(40))


def rows(rng, count, *, two_sided):
    falling = rng.normal(size=(count, len(NODES)))
    return falling, falling + rng.random(falling.shape) if two_sided else None


def same(table, head):
    for source, a in enumerate(NODES):
        for sink, b in enumerate(NODES):
            kw = head.capacity_kw(source, sink)
            lots = 1 << 62 if np.isinf(kw) else int(np.floor(kw / 0.1 + 1e-9))
            assert table.capacity_lots(head.unit, a, b) == lots


def test_a_table_of_many_units_with_one_coefficient_array_holds_it_once():
    table, rng = LinearAdmission(NODES, lot_kw=0.1), np.random.default_rng(1)
    falling, rising = rows(rng, 40, two_sided=True)
    for unit in range(96):
        table.publish(Headroom(unit, NODES, falling, rng.random(40), LIMITS, rising))
    assert table.table.size < 2 * 128 * 5 * 40


def test_whatever_is_published_and_dropped_every_unit_keeps_its_own_rows():
    rng = np.random.default_rng(2)
    table = LinearAdmission(NODES, lot_kw=0.1)
    kept: dict[int, Headroom] = {}
    shared = [rows(rng, int(n), two_sided=bool(k % 2)) for k, n in enumerate((3, 7, 7, 12, 30, 40))]
    for step in range(300):
        unit = int(rng.integers(20))
        if rng.random() < 0.2:
            table.drop(unit)
            kept.pop(unit, None)
        else:
            falling, rising = (
                shared[rng.integers(1 + step // 60)] if rng.random() < 0.7 else rows(rng, 9, two_sided=True)
            )
            slack = rng.random(len(falling)) * 5.0
            kept[unit] = Headroom(unit, NODES, falling, slack, LIMITS[: len(falling)], rising)
            table.publish(kept[unit])
        if step % 10 == 0:
            for head in kept.values():
                same(table, head)
                assert table.slack(head.unit).tolist() == head.slack.tolist()
