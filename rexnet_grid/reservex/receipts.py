"""Answers, read off the tail of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.reservex.layout import F_BLOCK, H_LOG, K_FILL, K_NEW, K_REJECT, REASONS, STATUSES
from rexnet_grid.reservex.messages import Fill, Receipt

if TYPE_CHECKING:
    from rexnet_grid.reservex.arena import Arena

_WITHOUT_FILLS = frozenset((STATUSES.index("resting"), STATUSES.index("rejected")))


def receipt_of(arena: Arena, code: int) -> Receipt:
    """Return the answer to the command just carried out; ``code`` is order id << 8 | reason << 3 | status."""
    status, reason, order_id = code & 7, REASONS[code >> 3 & 31], code >> 8
    if status in _WITHOUT_FILLS:
        return Receipt(order_id, STATUSES[status], (), reason)
    fills, row = [], int(arena.M[H_LOG]) - 1
    while row >= 0:
        kind, order, _, _, price, lots, aux, _ = arena.E[row].tolist()
        if kind == K_FILL and order == order_id:
            fills.append(Fill(price, lots, aux))
        elif kind == K_REJECT or (kind == K_NEW and not (aux & F_BLOCK and order == order_id)):
            break
        row -= 1
    return Receipt(order_id, STATUSES[status], tuple(reversed(fills)), reason)
