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
    assert pair.woken() > 50
    check_books(pair)


@pytest.mark.slow
def test_same_trades_and_same_book_over_a_million_operations():
    for policy in POLICIES:
        pair = run(225_000, seed=100 + POLICIES.index(policy), policy=policy, check_every=5_000)
        check_books(pair)
        pair = run_admission(25_000, seed=100 + POLICIES.index(policy), policy=policy)
        assert pair.rematched > 100
        check_books(pair)


@pytest.mark.parametrize("policy", POLICIES)
def test_same_trades_and_same_book_under_admission(policy):
    pair = run_admission(5_000, seed=POLICIES.index(policy), policy=policy)
    assert pair.rematched > 10
    assert pair.woken() > 5
    check_books(pair)
    for unit, (_, slack) in pair.network.rows.items():
        assert np.allclose(slack, pair.admission.slack(unit), atol=1e-9)


def test_any_prefix_of_a_log_replays_to_the_state_of_that_moment():
    told = {}
    pair = run(3_000, seed=5, policy="cancel_oldest", notice=lambda ex: told.update({len(ex.log): ex.state_hash()}))
    log = pair.real.log
    assert len(told) > 500
    for cut, state in list(told.items())[::40]:
        replayed = Exchange.replay(log.prefix(cut))
        assert replayed.state_hash() == state
        assert np.array_equal(replayed.log.rows, log.rows[:cut])


def test_same_seed_same_bytes():
    first, second = (run(2_000, seed=9, policy="cancel_both").real for _ in range(2))
    assert first.log.rows.tobytes() == second.log.rows.tobytes()
