"""The way that one remedy goes, round after round, from a schedule that breaks limits to one that is clean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery.least import cheapest_about, given_back, least_part
from rexnet_grid.delivery.network import NO_SOLUTION
from rexnet_grid.delivery.programme import NoOptimumError
from rexnet_grid.delivery.question import Progress, Question, is_clean
from rexnet_grid.delivery.remedies import (
    SMALLEST_KW,
    Levers,
    RowSet,
    cheapest,
    explain,
    last_in_first_out,
    pro_rata,
)
from rexnet_grid.delivery.touching import cheapest_touching

if TYPE_CHECKING:
    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.delivery.network import NetworkState
    from rexnet_grid.delivery.offers import Option

Mode = Literal["cheapest", "pro_rata", "last_in_first_out"]

MOST_ROUNDS = 20
TIGHT = 0.97
REMEDIES = {"cheapest": cheapest, "pro_rata": pro_rata, "last_in_first_out": last_in_first_out}


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Where one remedy, round after round, has led.

    Attributes
    ----------
    used
        (n_levers,) how far each lever is used [kW].
    why
        The limit that each has to mend most.
    state
        The prediction.
    rounds, without_optimum
        As in the secured schedule.
    named
        Limits that were broken on the way.
    hindering
        Options exercised that hinder what is still broken.
    tight
        Whether the first mix was clean and hardly any of it could be given back.
    """

    used: FloatArray
    why: list[str]
    state: NetworkState
    rounds: int = 0
    without_optimum: int = 0
    named: frozenset[str] = frozenset()
    hindering: list[Option] = field(default_factory=list)
    tight: bool = False

    def beats(self, other: Way, question: Question) -> bool:
        """Return whether it is better: it leaves less broken, or is as clean, cheaper and cuts no more for that."""
        levers = question.levers
        mine, its = (float(levers.price @ way.used) for way in (self, other))
        if is_clean(self.state) and is_clean(other.state):
            cuts = [float(way.used[~levers.first].sum()) for way in (self, other)]
            return mine < its and (not levers.n_options or cuts[0] <= cuts[1])
        return (*how_broken(self.state), mine) < (*how_broken(other.state), its)

    def made_cheaper(self, question: Question) -> Way:
        """Return the cheapest clean way about this one.

        Itself where it is not clean, or is tight and the network does not tell slopes.
        """
        if not is_clean(self.state) or (self.tight and not question.knows_slopes):
            return self
        why = list(self.why)
        search = cheapest_touching if question.knows_slopes else cheapest_about
        used, state = search(question, self.used, self.state, self.named, why)
        used, state = given_back(question, used, state)
        return replace(self, used=used, state=state, why=why)

    def towards_all(self, question: Question) -> Way:
        """Return the least of what is clean on the way from here to no injection at all; itself where that is not."""
        levers = question.levers
        everything = np.where(np.arange(len(self.used)) < levers.n_options, 0.0, levers.kw)
        state = question.predict(everything)
        if not is_clean(state):
            return self
        used, state = least_part(question, self.used, everything, state)
        why = self.state.violations[0].limit if self.state.violations else NO_SOLUTION
        return replace(self, used=used, state=state, why=[w or why for w in self.why], rounds=self.rounds + 1)


def way_of(mode: Mode, question: Question, options: tuple[Option, ...], state: NetworkState) -> Way:
    """Return where one remedy leads, round after round, until it is clean or nothing is left that helps."""
    levers = question.levers
    used = np.zeros(len(levers.kw))
    why = [""] * len(used)
    progress = Progress()
    rounds = without_optimum = 0
    tight = False
    hindering: list[Option] = []
    while rounds < MOST_ROUNDS and not is_clean(state):
        rows = question.broken_rows(used, state, progress)
        left = levers.left(used)
        step = None
        if rows is not None:
            helpful = levers.helpful(rows)
            hindering = [o for k, o in enumerate(options) if used[k] > SMALLEST_KW and not helpful.kw[k]]
            step, failed = _step(mode, rows, left.helpful(rows))
            without_optimum += failed
        if step is None or float(step.max(initial=0.0)) < SMALLEST_KW:
            step = _shrink_all(left) if not state.converged else None
        if step is None or float(step.max(initial=0.0)) < SMALLEST_KW:
            break
        explain(why, rows, levers, step)
        before, used = used, np.minimum(used + step, levers.kw)
        rounds += 1
        state = question.predict(used)
        if is_clean(state):
            asked = float(used.sum())
            used, state = least_part(question, before, used, state)
            tight = mode == "cheapest" and rounds == 1 and float(used.sum()) >= TIGHT * asked
    return Way(used, why, state, rounds, without_optimum, frozenset(progress.excess), hindering, tight)


def _step(mode: Mode, rows: RowSet, levers: Levers) -> tuple[FloatArray, bool]:
    """Return how far to use each lever, and whether it is by equal shares because HiGHS found no optimum."""
    try:
        return REMEDIES[mode](rows, levers), False
    except NoOptimumError:
        return pro_rata(rows, levers), True


def _shrink_all(levers: Levers) -> FloatArray:
    """Return a third of everything: the way back when there is no solution to linearise about."""
    step = levers.kw / 3.0
    step[: levers.n_options] = 0.0
    return step


def how_broken(state: NetworkState) -> tuple[bool, bool, float]:
    """Return what is wrong with a prediction, the worst first: nothing, no solution, by how much it breaks limits."""
    if not state.converged:
        return True, True, 0.0
    excess = sum(abs(v.value - v.bound) / max(abs(v.bound), 1e-9) for v in state.violations)
    return not is_clean(state), False, excess
