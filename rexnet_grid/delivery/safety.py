"""Who is cut when physics says no: the safety maintainer of both networks.

It asks the network what a schedule would do. Where a limit breaks, it takes the network's own linear rows about that
schedule, finds the cheapest change that mends them (or the fairest, or the most recent), asks the network again, and
goes on until the prediction is clean or nothing is left to cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery.network import KnowsEveryRow
from rexnet_grid.delivery.offers import OPTION_KINDS, check_options, on_offer_kw
from rexnet_grid.delivery.participants import Participants, checked_schedule
from rexnet_grid.delivery.remedies import Levers, RowSet, cheapest, last_in_first_out, pro_rata
from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray, Headroom
    from rexnet_grid.delivery.network import DeliveryNetwork, NetworkState
    from rexnet_grid.delivery.offers import Option

Mode = Literal["cheapest", "pro_rata", "last_in_first_out"]
ActionKind = Literal["ration", "discard", "call", "put"]

MOST_ROUNDS = 20
SMALLEST_KW = 1e-6
OVERSHOOT = 1e-3
MOST_GAIN = 3.0
BISECTIONS = 8
TRIFLE = 1e-3
_REMEDIES = {"cheapest": cheapest, "pro_rata": pro_rata, "last_in_first_out": last_in_first_out}


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
        How often the network was asked beyond the first time.
    """

    secured_kw: FloatArray
    actions: tuple[Action, ...]
    state: NetworkState
    clean: bool
    rounds: int

    def cost_eur(self, hours: float) -> float:
        """Return what the actions cost in a unit of ``hours`` [EUR]."""
        return sum(a.kw * a.cost_eur_per_mwh for a in self.actions) * hours / 1e3


@dataclass
class _Progress:
    """What the rounds so far have done to each limit: how much the linear rows must be stretched."""

    excess: dict[str, float] = field(default_factory=dict)
    gain: dict[str, float] = field(default_factory=dict)

    def stretch(self, limit: str, excess: float) -> float:
        """Return the reduction to ask for: the excess times how far the last reduction fell short."""
        before = self.excess.get(limit)
        if before is not None and excess > 0.0:
            achieved = max(before - excess, before / MOST_GAIN)
            wanted = before * self.gain.get(limit, 1.0)
            self.gain[limit] = min(max(wanted / achieved, 1.0), MOST_GAIN)
        self.excess[limit] = excess
        return excess * self.gain.get(limit, 1.0)


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
        if mode not in _REMEDIES:
            raise InputError([Issue("safety maintainer", "mode", str(mode), "one of " + ", ".join(_REMEDIES))])
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
        state = network.predict(unit, _by_node(network, participants.node, scheduled))
        if state.converged and not state.violations:
            return SecuredSchedule(scheduled, (), state, clean=True, rounds=0)
        offered = tuple(options)
        plan, hindering = self._plan(network, unit, participants, scheduled, offered, state)
        best = plan
        while offered and (not plan.clean or _cuts_beside_options(plan)):
            offered = tuple(o for o in offered if o not in hindering) if hindering else ()
            plan, hindering = self._plan(network, unit, participants, scheduled, offered, state)
            best = plan if _beats(plan, best) else best
        return best

    def _plan(
        self,
        network: DeliveryNetwork,
        unit: int,
        participants: Participants,
        scheduled: FloatArray,
        options: tuple[Option, ...],
        state: NetworkState,
    ) -> tuple[SecuredSchedule, list[Option]]:
        """Return what can be done with these options, and those exercised that hinder what is still broken."""
        levers = _levers(participants, scheduled, options)
        used = np.zeros(len(levers.kw))
        why = [""] * len(used)
        progress = _Progress()
        rounds = 0
        hindering: list[Option] = []
        while rounds < MOST_ROUNDS and (state.violations or not state.converged):
            now = scheduled + levers.effect(used, len(scheduled))
            rows = _broken_rows(network, unit, _by_node(network, participants.node, now), state, progress)
            left = levers.left(used)
            step = None
            if rows is not None:
                helpful = levers.helpful(rows)
                hindering = [o for k, o in enumerate(options) if used[k] > SMALLEST_KW and not helpful.kw[k]]
                step = _REMEDIES[self.mode](rows, left.helpful(rows))
            if step is None or float(step.max(initial=0.0)) < SMALLEST_KW:
                step = _shrink_all(left) if not state.converged else None
            if step is None or float(step.max(initial=0.0)) < SMALLEST_KW:
                break
            _explain(why, rows, levers, step)
            before, used = used, np.minimum(used + step, levers.kw)
            rounds += 1
            now = scheduled + levers.effect(used, len(scheduled))
            state = network.predict(unit, _by_node(network, participants.node, now))
            if state.converged and not state.violations:
                used, state = self._least(network, unit, participants, scheduled, levers, before, used, state)
        secured = scheduled + levers.effect(used, len(scheduled))
        clean = state.converged and not state.violations
        return SecuredSchedule(secured, _actions(levers, used, why), state, clean, rounds), hindering

    @staticmethod
    def _least(
        network: DeliveryNetwork,
        unit: int,
        participants: Participants,
        scheduled: FloatArray,
        levers: Levers,
        before: FloatArray,
        after: FloatArray,
        clean: NetworkState,
    ) -> tuple[FloatArray, NetworkState]:
        """Return the least part of the last step that is clean, trifles left out: rows may cut too much."""
        low, high = 0.0, 1.0
        best = after
        for _ in range(BISECTIONS):
            share = 0.5 * (low + high)
            used = before + share * (after - before)
            now = scheduled + levers.effect(used, len(scheduled))
            state = network.predict(unit, _by_node(network, participants.node, now))
            if state.converged and not state.violations:
                high, best, clean = share, used, state
            else:
                low = share
        trimmed = np.where(best < TRIFLE * float(best.max()), 0.0, best)
        if (trimmed < best).any():
            now = scheduled + levers.effect(trimmed, len(scheduled))
            state = network.predict(unit, _by_node(network, participants.node, now))
            if state.converged and not state.violations:
                best, clean = trimmed, state
        return best, clean


def _by_node(network: DeliveryNetwork, node: NDArray[np.int64], kw: FloatArray) -> FloatArray:
    return np.bincount(node, weights=kw, minlength=len(network.nodes)).astype(np.float64)


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
    excess = sum(abs(v.value - v.bound) / max(abs(v.bound), 1e-9) for v in plan.state.violations)
    return not plan.clean, not plan.state.converged, excess, plan.cost_eur(1.0)


def _broken_rows(
    network: DeliveryNetwork, unit: int, injection: FloatArray, state: NetworkState, progress: _Progress
) -> RowSet | None:
    """Return the network's rows with what is asked of each: mend the broken ones, break no other."""
    headroom: Headroom
    if isinstance(network, KnowsEveryRow):
        headroom = network.rows_at(unit, injection, frozenset(violation.limit for violation in state.violations))
    else:
        headroom = network.headroom([unit], injection[None, :])[0]
    if not len(headroom.limits):
        return None
    target = np.maximum(headroom.slack, 0.0)
    broken = np.zeros(len(target), dtype=bool)
    if not state.converged:
        broken = headroom.slack < 0.0
        target[broken] = headroom.slack[broken]
    for violation in state.violations:
        rows = [r for r, name in enumerate(headroom.limits) if name == violation.limit]
        if rows:
            row = min(rows, key=lambda r: float(headroom.slack[r]))
            excess = abs(violation.value - violation.bound)
            target[row] = -progress.stretch(violation.limit, excess + OVERSHOOT * abs(violation.bound) * 0.01)
            broken[row] = True
    if not broken.any():
        return None
    falling, rising = headroom.coefficients, headroom.injecting
    coefficients = falling if rising is None else np.where(injection > 0.0, rising, falling)
    return RowSet(coefficients, target, broken, headroom.limits)


def _shrink_all(levers: Levers) -> FloatArray:
    """Return a third of everything: the way back when there is no solution to linearise about."""
    step = levers.kw / 3.0
    step[: levers.n_options] = 0.0
    return step


def _explain(why: list[str], rows: RowSet | None, levers: Levers, step: FloatArray) -> None:
    """Note for every lever used the broken limit that it helps most."""
    if rows is None:
        for k in np.flatnonzero(step > SMALLEST_KW):
            why[k] = why[k] or "no power flow solution"
        return
    help_per_kw = -rows.per_lever(levers)[rows.broken] / np.maximum(-rows.target[rows.broken], 1e-12)[:, None]
    names = [name for name, broken in zip(rows.limits, rows.broken, strict=True) if broken]
    for k in np.flatnonzero(step > SMALLEST_KW):
        why[k] = why[k] or names[int(np.argmax(help_per_kw[:, k]))]


def _actions(levers: Levers, used: FloatArray, why: list[str]) -> tuple[Action, ...]:
    return tuple(
        Action(int(levers.owner[k]), levers.kind[k], float(used[k]), why[k], float(levers.cost[k]))  # type: ignore[arg-type]
        for k in np.flatnonzero(used > SMALLEST_KW)
    )
