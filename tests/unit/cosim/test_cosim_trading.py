"""The floor wakes participants at their own times, lets events happen in order, and survives a checkpoint."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from rexnet_grid.cosim.events import ScheduledEvent
from rexnet_grid.cosim.trading import TradingFloor
from rexnet_grid.prosumers.base import Quotes


@dataclass
class Sleeper:
    """Wakes at random and notes when."""

    rng: np.random.Generator
    seen: list[float] = field(default_factory=list)

    def next_wake(self, now):
        return now + self.rng.exponential(0.7)

    def trade(self, now, views):
        self.seen.append(now)
        return dict.fromkeys(views, Quotes.none())


def sleepers(count, seed=0):
    return [Sleeper(np.random.default_rng([seed, i])) for i in range(count)]


def test_nothing_happens_at_or_after_the_horizon():
    members = sleepers(3)
    floor = TradingFloor(-2.0, 900.0, members, {})
    floor.run_until(5.0)
    times = [t for member in members for t in member.seen]
    assert times
    assert all(-2.0 <= t < 5.0 for t in times)
    assert floor.wakes == len(times)


def test_waking_in_one_go_or_in_steps_is_the_same():
    one, many = sleepers(4), sleepers(4)
    TradingFloor(0.0, 900.0, one, {}).run_until(9.0)
    floor = TradingFloor(0.0, 900.0, many, {})
    for boundary in range(1, 10):
        floor.run_until(float(boundary))
    assert [m.seen for m in one] == [m.seen for m in many]


def test_adding_a_participant_does_not_change_anothers_times():
    few, more = sleepers(2), sleepers(3)
    TradingFloor(0.0, 900.0, few, {}).run_until(9.0)
    TradingFloor(0.0, 900.0, more, {}).run_until(9.0)
    assert [m.seen for m in few] == [m.seen for m in more[:2]]


def test_events_happen_once_and_in_order_of_time():
    told: list[str] = []
    events = [
        ScheduledEvent(t, name, partial(told.append, name))
        for t, name in ((3.0, "late"), (1.0, "early"), (8.0, "never"))
    ]
    floor = TradingFloor(0.0, 900.0, sleepers(1), {}, events)
    floor.run_until(5.0)
    assert told == ["early", "late"]
    assert [event.name for event in floor.pending] == ["never"]


def test_a_floor_taken_up_again_goes_on_as_if_nothing_had_happened():
    straight = TradingFloor(0.0, 900.0, sleepers(3), {})
    straight.run_until(8.0)
    broken = TradingFloor(0.0, 900.0, sleepers(3), {})
    broken.run_until(3.5)
    members, wakes = pickle.loads(pickle.dumps((broken.population, broken.next_wake)))
    again = TradingFloor(0.0, 900.0, sleepers(3, seed=9), {})
    again.resume(3.5, members, wakes, broken.wakes, [])
    again.run_until(8.0)
    assert [m.seen for m in members] == [m.seen for m in straight.population]
    assert again.wakes == straight.wakes
