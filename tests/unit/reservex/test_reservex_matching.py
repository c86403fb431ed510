"""The compiled exchange against the specification, and its log against itself."""

from __future__ import annotations

import numpy as np
import pytest
from reservex_differential import run, run_admission

from rexnet_grid.reservex import Exchange

POLICIES = ("cancel_newest", "cancel_oldest", "cancel_both", "decrement")


def check_books(pair):
    real = pair.real
    replayed = Exchange.replay(real.log)
    assert np.array_equal(replayed.log.rows, real.log.rows)
    assert replayed.state_hash() == real.state_hash()
    assert real.ledger.balances().sum() == 0
    assert all(real.ledger.positions(int(unit)).sum() == 0 for unit in real.units)
    trades = real.trades()
    assert (trades.buyer != trades.seller).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_same_trades_and_same_book_as_the_specification(policy):
    pair = run(25_000, seed=POLICIES.index(policy), policy=policy)
    assert len(pair.spec.trades) > 5_000
    check_books(pair)


@pytest.mark.slow
def test_same_trades_and_same_book_over_a_million_operations():
    for policy in POLICIES:
        pair = run(250_000, seed=100 + POLICIES.index(policy), policy=policy, check_every=5_000)
        check_books(pair)


@pytest.mark.parametrize("policy", POLICIES)
def test_same_trades_and_same_book_under_admission(policy):
    pair = run_admission(5_000, seed=POLICIES.index(policy), policy=policy)
    check_books(pair)
    for unit, (_, slack) in pair.network.rows.items():
        assert np.allclose(slack, pair.admission.slack(unit), atol=1e-9)


def test_any_prefix_of_a_log_is_a_state_and_continues_alike():
    pair = run(3_000, seed=5, policy="decrement")
    log = pair.real.log
    for cut in (0, 7, len(log) // 3, len(log) // 2, len(log)):
        one, two = Exchange.replay(log.prefix(cut)), Exchange.replay(log.prefix(cut))
        assert one.state_hash() == two.state_hash()
        assert np.array_equal(one.log.rows, log.rows[:cut])


def test_same_seed_same_bytes():
    first, second = (run(2_000, seed=9, policy="cancel_both").real for _ in range(2))
    assert first.log.rows.tobytes() == second.log.rows.tobytes()
