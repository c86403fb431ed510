"""Who is cut when physics says no: the safety maintainer of both networks.

It asks the network what a schedule would do. Where a limit breaks, it takes the network's own linear rows about that
schedule, finds the cheapest change that mends them (or the fairest, or the most recent), asks the network again, and
goes on until the prediction is clean or nothing is left to cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery.offers import OPTION_KINDS, check_options, on_offer_kw
from rexnet_grid.delivery.participants import Participants, checked_schedule
from rexnet_grid.delivery.question import Question, is_clean
from rexnet_grid.delivery.remedies import SMALLEST_KW, Levers
from rexnet_grid.delivery.ways import REMEDIES, Mode, Way, how_broken, way_of
from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery.headroom import FloatArray
    from rexnet_grid.delivery.network import DeliveryNetwork, NetworkState
    from rexnet_grid.delivery.offers import Option

ActionKind = Literal["ration", "discard", "call", "put"]

_OTHERS: tuple[Mode, ...] = ("pro_rata", "last_in_first_out")


@dataclass(frozen=True, slots=True)
class Action:
    """One participant was changed.

    Attributes
    ----------
    participant
        Its index.
    kind
        ``"ration"`` cut consumption, ``"discard"`` cut generation, ``"call"`` or ``"put"`` an exercised option.
    kw
        By how much [kW], positive.
    limit
        The limit that it had to mend most.
    cost_eur_per_mwh
        What it costs [EUR/MWh].
    """

    participant: int
    kind: ActionKind
    kw: float
    limit: str
    cost_eur_per_mwh: float


@dataclass(frozen=True, slots=True)
class SecuredSchedule:
    """What may be done in a unit.

    Attributes
    ----------
    secured_kw
        (n_participants,) injections after all actions [kW].
    actions
        Who was changed, by how much and why; in the order of participants, options first.
    state
        The network's prediction for the secured schedule; holds the violations that nothing could mend.
    clean
        Whether that prediction breaks no limit.
    rounds
        How many steps were taken from the schedule to the first clean one, or to the last.
    without_optimum
        In how many rounds HiGHS found no optimum, so that everyone who contributes was cut by the same share instead.
    """

    secured_kw: FloatArray
    actions: tuple[Action, ...]
    state: NetworkState
    clean: bool
    rounds: int
    without_optimum: int = 0

    def cost_eur(self, hours: float) -> float:
        """Return what the actions cost in a unit of ``hours`` [EUR]."""
        return sum(a.kw * a.cost_eur_per_mwh for a in self.actions) * hours / 1e3


class SafetyMaintainer:
    """Finds what must be changed so that a network can carry a schedule.

    Parameters
    ----------
    mode
        ``"cheapest"``: least cost by a linear programme on the network's rows (HiGHS; Huangfu and Hall, Math. Prog.
        Comp. 10 (2018) 119, doi:10.1007/s12532-017-0130-5); options come before cuts. ``"pro_rata"``: everyone who
        contributes is cut by the same share. ``"last_in_first_out"``: the latest reservation that contributes first.
    """

    def __init__(self, mode: Mode = "cheapest") -> None:
        if mode not in REMEDIES:
            raise InputError([Issue("safety maintainer", "mode", str(mode), "one of " + ", ".join(REMEDIES))])
        self.mode: Mode = mode

    def secure(
        self, network: DeliveryNetwork, unit: int, participants: Participants, options: Sequence[Option] = ()
    ) -> SecuredSchedule:
        """Return a schedule that the network can carry, as near to the given one as the mode allows.

        Parameters
        ----------
        network
            The network; only its ``predict`` and ``headroom`` are asked, its state does not change.
        unit
            The unit.
        participants
            Who is scheduled.
        options
            Options that may be exercised, before anyone is cut.

        Raises
        ------
        InputError
            Arrays of different length, unknown nodes, unknown kinds of options, NaN.

        Notes
        -----
        Options that load the broken limits more than they relieve them are not exercised. Where a plan with options
        is not clean, or cuts too, it is made again without those that stand in its way, and without any. The cleanest
        is taken; where several are clean, the one with most options, unless these save no cut.
        """
        scheduled = checked_schedule(participants, len(network.nodes))
        check_options(options, len(scheduled))
        offered = tuple(options)
        question = Question(network, unit, participants.node, scheduled, _levers(participants, scheduled, offered))
        state = question.predict(np.zeros(len(question.levers.kw)))
        if is_clean(state):
            return SecuredSchedule(scheduled, (), state, clean=True, rounds=0)
        plan, hindering = self._plan(question, offered, state)
        best = plan
        while offered and (not plan.clean or _cuts_beside_options(plan)):
            offered = tuple(o for o in offered if o not in hindering) if hindering else ()
            question = replace(question, levers=_levers(participants, scheduled, offered))
            plan, hindering = self._plan(question, offered, state)
            best = plan if _beats(plan, best) else best
        return best if best.clean else self._last_resort(question, offered, state, best)

    def _plan(
        self, question: Question, options: tuple[Option, ...], state: NetworkState
    ) -> tuple[SecuredSchedule, list[Option]]:
        """Return what can be done with these options, and those exercised that hinder what is still broken.

        Rows far from the clean point lead to dear ones, or to none. So where another rule's plan is better than the
        cheapest mix it is made cheaper from its own end.
        """
        way = way_of(self.mode, question, options, state)
        if self.mode == "cheapest":
            way = way.made_cheaper(question)
            for rule in _OTHERS:
                other = way_of(rule, question, options, state)
                if other.beats(way, question):
                    failed = way.without_optimum + other.without_optimum
                    way = replace(other.made_cheaper(question), without_optimum=failed)
        return _schedule(question, way), way.hindering

    def _last_resort(
        self, question: Question, options: tuple[Option, ...], state: NetworkState, best: SecuredSchedule
    ) -> SecuredSchedule:
        """Return what is clean where rows lead nowhere: cuts that grow towards all; else ``best``."""
        way = way_of(self.mode, question, options, state).towards_all(question)
        if not is_clean(way.state):
            return best
        return _schedule(question, way.made_cheaper(question) if self.mode == "cheapest" else way)


def _levers(participants: Participants, scheduled: FloatArray, options: Sequence[Option]) -> Levers:
    n = len(scheduled)
    most = np.abs(scheduled)
    cut = most if participants.cuttable_kw is None else np.clip(participants.cuttable_kw, 0.0, most)
    who = np.array([o.participant for o in options], dtype=np.int64)
    since = np.arange(n, dtype=float) if participants.since is None else participants.since.astype(float)
    reserved = np.ones(n, dtype=bool) if participants.reserved is None else participants.reserved
    owner = np.concatenate((who, np.arange(n)))
    kinds = tuple([o.kind for o in options] + ["ration" if s < 0.0 else "discard" for s in scheduled])
    return Levers(
        owner,
        participants.node[owner],
        np.concatenate((np.ones(len(who)), -np.sign(scheduled))),
        np.concatenate((on_offer_kw(options, scheduled), cut)),
        np.concatenate((np.array([o.cost_eur_per_mwh for o in options]), participants.cost_eur_per_mwh)),
        since[owner],
        kinds,
        len(who),
        reserved[owner],
        np.array([kind != "call" for kind in kinds]),
        most,
    )


def _cuts_beside_options(plan: SecuredSchedule) -> bool:
    return len({action.kind in OPTION_KINDS for action in plan.actions}) > 1


def _beats(plan: SecuredSchedule, other: SecuredSchedule) -> bool:
    """Return whether a plan with fewer options is better than one with more.

    It leaves less broken at all; or both are clean, and the options save neither consumption nor generation.
    """
    if plan.clean and other.clean:
        return all(_cut_kw(plan, kind) <= _cut_kw(other, kind) for kind in ("ration", "discard"))
    return _badness(plan) < _badness(other)


def _cut_kw(plan: SecuredSchedule, kind: ActionKind) -> float:
    return sum(action.kw for action in plan.actions if action.kind == kind)


def _badness(plan: SecuredSchedule) -> tuple[bool, bool, float, float]:
    return (*how_broken(plan.state), plan.cost_eur(1.0))


def _schedule(question: Question, way: Way) -> SecuredSchedule:
    secured = question.scheduled + question.levers.effect(way.used, len(question.scheduled))
    actions = _actions(question.levers, way.used, way.why)
    clean = is_clean(way.state)
    return SecuredSchedule(secured, actions, way.state, clean, way.rounds, way.without_optimum)


def _actions(levers: Levers, used: FloatArray, why: list[str]) -> tuple[Action, ...]:
    return tuple(
        Action(int(levers.owner[k]), levers.kind[k], float(used[k]), why[k], float(levers.cost[k]))  # type: ignore[arg-type]
        for k in np.flatnonzero(used > SMALLEST_KW)
    )
