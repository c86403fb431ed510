"""The planner against a linear program on random stores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from rexnet_grid.prosumers.planner import plan_filling


def random_store(rng, n=24):
    need = rng.uniform(0.2, 1.2, n)
    return {
        "held_price": rng.uniform(0.0, 0.3, n),
        "held": np.where(rng.random(n) < 0.2, rng.uniform(0.0, 1.5, n), 0.0),
        "new_price": rng.uniform(0.05, 0.4, n),
        "new": rng.uniform(1.0, 3.0, n),
        "need": need,
        "keep": float(rng.uniform(0.95, 1.0)),
        "capacity": np.full(n, rng.uniform(2.0, 8.0)),
        "initial": 1.5,
        "final": 1.0,
        "ceiling": 0.5,
    }


def cost_of_program(s):
    """Solve the same by linear programming: x = (held, new), levels as cumulative sums."""
    n = len(s["need"])
    effect = np.tril(s["keep"] ** np.maximum(np.subtract.outer(np.arange(n), np.arange(n)), 0.0))
    free = s["initial"] * s["keep"] ** np.arange(1, n + 1) - effect @ s["need"]
    lower = np.zeros(n)
    lower[-1] = s["final"]
    both = np.hstack([effect, effect])
    result = linprog(
        np.concatenate([s["held_price"], s["new_price"]]),
        A_ub=np.vstack([-both, both]),
        b_ub=np.concatenate([free - lower, s["capacity"] - free]),
        bounds=list(zip(np.zeros(2 * n), np.concatenate([s["held"], s["new"]]), strict=True)),
    )
    return result.fun if result.status == 0 else None


def test_the_plan_costs_what_a_linear_program_costs():
    rng = np.random.default_rng(5)
    compared, excess = 0, []
    for _ in range(60):
        s = random_store(rng)
        best = cost_of_program(s)
        if best is None:
            continue
        from_held, from_new, _, level = plan_filling(**s)
        assert level.min() > -1e-6
        assert level[-1] >= s["final"] - 1e-6
        assert (level < s["capacity"] + 1e-6).all()
        cost = from_held @ s["held_price"] + from_new @ s["new_price"]
        assert cost >= best - 1e-6
        excess.append(cost / best - 1.0)
        compared += 1
    assert compared > 40
    assert np.mean(excess) < 1e-3
    assert np.max(excess) < 0.02


def test_levels_follow_from_amounts():
    s = random_store(np.random.default_rng(1))
    from_held, from_new, _, level = plan_filling(**s)
    content = s["initial"]
    for k in range(len(level)):
        content = s["keep"] * content + from_held[k] + from_new[k] - s["need"][k]
        assert content == pytest.approx(level[k], abs=1e-9)
    assert (from_held <= s["held"] + 1e-9).all()
    assert (from_new <= s["new"] + 1e-9).all()


def plan(price, new, need, capacity=5.0):
    """Plan without anything held or stored, in a store that does not leak."""
    n = len(price)
    price, room = np.array(price), np.broadcast_to(np.array(capacity), n).copy()
    return plan_filling(
        price, np.zeros(n), price, np.array(new), np.array(need), 1.0, room, 0.0, 0.0, 2.0
    )  # fmt: skip


def test_replacement_is_the_next_best_unit_the_store_can_bridge_to():
    _, bought, worth, _ = plan([0.3, 0.1, 0.2, 0.9], [1.0] * 4, [0.0, 0.0, 0.0, 1.0])
    assert bought.tolist() == [0.0, 1.0, 0.0, 0.0]
    assert worth[1] == pytest.approx(0.2)


def test_what_cannot_be_moved_is_worth_the_ceiling():
    _, bought, worth, _ = plan([0.1, 0.9], [1.0, 1.0], [0.0, 2.0])
    assert bought.tolist() == [1.0, 1.0]
    assert worth.tolist() == [2.0, 2.0]


def test_a_need_that_cannot_be_met_does_not_stop_the_plan():
    _, bought, _, level = plan([0.1, 0.2, 0.3], [0.5, 0.0, 1.0], [1.0, 0.0, 1.0])
    assert bought.tolist() == [0.5, 0.0, 1.0]
    assert level.tolist() == [0.0, 0.0, 0.0]


def test_nothing_is_stored_over_a_slot_in_which_the_store_is_away():
    _, bought, _, _ = plan([0.1, 0.5, 0.4], [2.0] * 3, [0.0, 1.0, 1.0], [5.0, 0.0, 5.0])
    assert bought.tolist() == [1.0, 0.0, 1.0]
