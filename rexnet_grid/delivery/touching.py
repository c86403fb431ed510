"""The cheapest mix near a clean one, by rows that touch the limits there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.least import without_trifles
from rexnet_grid.delivery.network import NO_SOLUTION
from rexnet_grid.delivery.programme import NoOptimumError
from rexnet_grid.delivery.question import Question, is_clean
from rexnet_grid.delivery.remedies import SMALLEST_KW, RowSet, cheaper, explain

if TYPE_CHECKING:
    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.delivery.network import NetworkState

MOST_STEPS = 20
MOST_MENDINGS = 3
MENDING = 1.05
PULLS = (0.03, 0.15, 0.5)
WORTH_A_STEP = 5e-4
SHORTER, LONGER = 0.35, 2.0


def cheapest_touching(
    question: Question, used: FloatArray, clean: NetworkState, named: frozenset[str], why: list[str]
) -> tuple[FloatArray, NetworkState]:
    """Return the cheapest clean use that steps along the limits lead to, and its prediction; notes ``why``.

    Sequential linear programming with a trust region (Fletcher and Sainz de la Maza, Math. Program. 43 (1989) 235,
    doi:10.1007/BF01582292): each programme takes the derivatives at the best clean use so far. What its mix turns out
    to break is taken off and the programme solved again; a mix that still breaks something is pulled back towards the
    clean one. Where that is of no use the next steps are shorter, else longer. The steps end where the programme
    promises less than half a per mille. ``named`` are limits that were broken before.
    """
    levers = question.levers
    reach = most = float(levers.kw.max(initial=0.0))
    for _ in range(MOST_STEPS):
        rows = question.slopes_at(used)
        step = None if rows is None else _step(question, rows, used, reach, why)
        if step is None:
            break
        aim, state = step
        if is_clean(state):
            used, clean, reach = aim, state, min(LONGER * reach, most)
        else:
            reach = SHORTER * float(np.abs(aim - used).max())
    for k in np.flatnonzero(used > SMALLEST_KW):
        why[k] = why[k] or min(named, default=NO_SOLUTION)
    return without_trifles(question, used, clean)


def _step(
    question: Question, rows: RowSet, used: FloatArray, reach: float, why: list[str]
) -> tuple[FloatArray, NetworkState] | None:
    """Return the mix that rows promise, mended or pulled back, and its prediction; None where it is not worth it."""
    price, found = question.levers.price, None
    for _ in range(MOST_MENDINGS):
        try:
            aim = cheaper(rows, question.levers, used, reach)
        except NoOptimumError:
            break
        if float(price @ aim) > (1.0 - WORTH_A_STEP) * float(price @ used):
            break
        state = question.predict(aim)
        found = aim, state
        if is_clean(state) or not state.converged:
            break
        rows = _tightened(rows, state)
    if found is None:
        return None
    aim, state = found
    if (binding := rows.binding(question.levers, aim - used)) is not None:
        explain(why, binding, question.levers, aim)
    for share in PULLS:
        if is_clean(state):
            break
        nearer = found[0] + share * (used - found[0])
        state = question.predict(nearer)
        aim = nearer if is_clean(state) else found[0]
    return aim, state


def _tightened(rows: RowSet, state: NetworkState) -> RowSet:
    """Return the rows with what a mix turned out to break taken off."""
    target = rows.target.copy()
    place = {name: k for k, name in enumerate(rows.limits)}
    for violation in state.violations:
        if violation.limit in place:
            target[place[violation.limit]] -= MENDING * abs(violation.value - violation.bound)
    return replace(rows, target=target)
