"""What must hold whatever the numbers: of discretisation, of trees, of verdicts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.spacemeternet.discretise import discretise
from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.nodewise import combine
from rexnet_grid.spacemeternet.structure import discoveries, judge

SEEDS = st.integers(0, 2**32 - 1)


def network(rng, n):
    capacity = 10.0 ** rng.uniform(-4, 3, n)
    walls = np.triu(10.0 ** rng.uniform(-4, 2, (n, n)) * (rng.random((n, n)) < 0.5), 1)
    walls = walls + walls.T
    outside = 10.0 ** rng.uniform(-3, 0, n)
    return capacity, np.diag(walls.sum(axis=1) + outside) - walls, outside


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 6), st.floats(0.01, 48.0))
def test_two_half_steps_are_a_step(seed, n, hours):
    rng = np.random.default_rng(seed)
    capacity, conductance, outside = network(rng, n)
    diffusion = np.diag(rng.random(n))
    whole = discretise(capacity, conductance, outside[:, None], diffusion, hours)
    half = discretise(capacity, conductance, outside[:, None], diffusion, hours / 2)
    np.testing.assert_allclose(half.phi @ half.phi, whole.phi, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(half.phi @ half.gamma0 + half.gamma0, whole.gamma0, rtol=1e-6, atol=1e-9)
    size = np.sqrt(np.outer(np.diag(whole.q), np.diag(whole.q)))
    assert (np.abs(half.phi @ half.q @ half.phi.T + half.q - whole.q) <= 1e-6 * size + 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_a_building_as_warm_as_outdoors_stays_so(seed, n):
    capacity, conductance, outside = network(np.random.default_rng(seed), n)
    d = discretise(capacity, conductance, outside[:, None], np.eye(n), 0.25)
    np.testing.assert_allclose(d.phi @ np.full(n, 7.0) + d.gamma0[:, 0] * 7.0, 7.0, rtol=1e-7)
    assert (d.phi > -1e-9).all()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 12))
def test_shared_resistances_rebuild_their_tree(seed, n):
    rng = np.random.default_rng(seed)
    tree = FeederTree.from_shared(rng.random((n, n)))
    values = rng.uniform(0.1, 1.0, len(tree.below))
    again = FeederTree.from_shared(tree.matrix(values))
    assert again.key() == tree.key()
    for row in range(len(tree.below)):
        for swapped in tree.swaps(row):
            assert swapped.below.shape == tree.below.shape
            assert swapped.key() != tree.key()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_a_stricter_rate_discovers_less(p_values):
    p = np.array(p_values)
    assert (discoveries(p, 0.01) <= discoveries(p, 0.1)).all()


@given(st.floats(0.1, 200.0), st.floats(0.1, 100.0), st.floats(1.0, 20.0))
def test_an_edge_is_never_present_and_absent_and_less_certain_is_less_said(conductance, error, material):
    def state_of(std_error, stability=1.0):
        one = np.array([conductance])
        (state,), _ = judge(one, one * 0.0 + std_error, one / std_error, one * 0.0 + stability, material, 0.05, 0.95)
        return state

    assert state_of(1e6) == "undetermined"
    if state_of(error) == "absent":
        assert conductance < material
    assert state_of(error, stability=0.0) != "present"


@given(st.floats(-50, 50), st.floats(0.1, 50), st.floats(-50, 50), st.floats(0.1, 50))
def test_two_sides_of_a_wall_meet_between_them(a, sa, b, sb):
    mean, error = combine((a, sa), (b, sb))
    assert min(a, b) - 1e-9 <= mean <= max(a, b) + 1e-9
    assert error >= 1.0 / np.hypot(1 / sa, 1 / sb) - 1e-9
