"""The least that must be used: from a use of the levers that is clean to the cheapest one near it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.programme import NoOptimumError
from rexnet_grid.delivery.question import Question, is_clean
from rexnet_grid.delivery.remedies import cheaper, explain

if TYPE_CHECKING:
    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.delivery.network import NetworkState

BISECTIONS = 8
TRIFLE = 1e-3
LEAST_SAVING = 5e-3
MOST_ROUNDS = 6
GIVERS = 8
FIRST_GIFT = 0.05


def least_part(
    question: Question, before: FloatArray, after: FloatArray, clean: NetworkState
) -> tuple[FloatArray, NetworkState]:
    """Return the least part of a step that is clean, trifles left out: rows may cut too much."""
    best, clean = _nearest(question, before, after, clean)
    return without_trifles(question, best, clean)


def without_trifles(question: Question, best: FloatArray, clean: NetworkState) -> tuple[FloatArray, NetworkState]:
    """Return the same without what is below a thousandth of the largest, where that is clean too."""
    trimmed = np.where(best < TRIFLE * float(best.max(initial=0.0)), 0.0, best)
    if (trimmed < best).any():
        state = question.predict(trimmed)
        if is_clean(state):
            return trimmed, state
    return best, clean


def cheapest_about(
    question: Question, used: FloatArray, clean: NetworkState, named: frozenset[str], why: list[str]
) -> tuple[FloatArray, NetworkState]:
    """Return the cheapest clean use that new rows about clean points lead to, and its prediction.

    Each round the programme is solved about the best clean use so far, cuts growing and given back: sequential linear
    programming (Griffith and Stewart, Management Sci. 7 (1961) 379, doi:10.1287/mnsc.7.4.379). A mix that turns out
    unclean is mended by rows of its own, or gone back from towards the clean one. The rounds end where they promise or
    save less than half a percent.
    """
    price = question.levers.price
    for _ in range(MOST_ROUNDS):
        cost = float(price @ used)
        aim = _mix(question, used, clean, named, why)
        if cost - float(price @ aim) < LEAST_SAVING * cost:
            break
        state = question.predict(aim)
        if state.converged and state.violations:
            mended = _mix(question, aim, state, named, why)
            if float(price @ mended) < cost:
                aim, state = mended, question.predict(mended)
        used, clean = (aim, state) if is_clean(state) else _nearest(question, aim, used, clean)
        if cost - float(price @ used) < LEAST_SAVING * cost:
            break
    return used, clean


def _mix(
    question: Question, used: FloatArray, state: NetworkState, named: frozenset[str], why: list[str]
) -> FloatArray:
    """Return the cheapest use that the rows about ``used`` allow; itself where no optimum is found."""
    rows = question.rows_about(used, state, named)
    try:
        mix = cheaper(rows, question.levers, used)
    except NoOptimumError:
        return used
    explain(why, rows.binding(question.levers, mix - used), question.levers, mix)
    return mix


def given_back(question: Question, used: FloatArray, clean: NetworkState) -> tuple[FloatArray, NetworkState]:
    """Return what is left once each of the dearest, cuts before options, has been given back as far as can be.

    It finds what a network that jumps, as one that taps does, hides from its rows.
    """
    levers = question.levers
    worth = levers.price * used
    dearest = np.lexsort((-worth, levers.first & (levers.n_options > 0)))[:GIVERS]
    for k in dearest[used[dearest] > 0.0]:
        less = used.copy()
        less[k] *= 1.0 - FIRST_GIFT
        state = question.predict(less)
        if is_clean(state):
            none = less.copy()
            none[k] = 0.0
            used, clean = _nearest(question, none, less, state)
    return used, clean


def _nearest(
    question: Question, wanted: FloatArray, used: FloatArray, clean: NetworkState
) -> tuple[FloatArray, NetworkState]:
    """Return the clean use nearest to ``wanted`` on the way from it to ``used``, by bisection."""
    low, high, best = 0.0, 1.0, used
    for _ in range(BISECTIONS):
        share = 0.5 * (low + high)
        between = wanted + share * (used - wanted)
        state = question.predict(between)
        if is_clean(state):
            high, best, clean = share, between, state
        else:
            low = share
    return best, clean
