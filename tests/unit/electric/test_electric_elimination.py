"""Factors that follow a matrix from one state to the next equal those made anew, and renew no more than they must."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.electric.elimination import Elimination, connected

N = 12


def tree(rng):
    """Return places and values of a random radial network's admittances with a shunt at every node."""
    up = np.array([rng.integers(0, i) for i in range(1, N)])
    down = np.arange(1, N)
    y = rng.normal(size=N - 1) + 1j * rng.normal(size=N - 1)
    rows, columns = np.concatenate((up, down, up, down)), np.concatenate((up, down, down, up))
    own = np.arange(N)
    return up, np.concatenate((rows, own)), np.concatenate((columns, own)), y


def entries(y, shunt):
    return np.concatenate((y, y, -y, -y, shunt))


def dense(rows, columns, values, used):
    matrix = np.zeros((N, N), dtype=complex)
    np.add.at(matrix, (rows, columns), values)
    return matrix[np.ix_(used, used)]


@pytest.mark.parametrize("seed", range(5))
def test_every_state_is_solved_as_by_a_dense_matrix(seed):
    rng = np.random.default_rng(seed)
    _, rows, columns, y = tree(rng)
    elimination, shunt = Elimination(N, rows, columns), np.full(N, 0.1 + 3.0j)
    for _ in range(10):
        used = rng.random(N) < 0.8
        held = used[rows] & used[columns]
        y[rng.integers(0, N - 1)] = rng.normal() + 1j * rng.normal()
        values = entries(y, shunt)
        elimination.move_to(rows[held], columns[held], values[held], used)
        rhs = np.where(used, rng.normal(size=N), 0.0).astype(complex)
        solved = elimination.solve(rhs)
        expected = np.linalg.solve(dense(rows[held], columns[held], values[held], used), rhs[used])
        np.testing.assert_allclose(solved[used], expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(solved[~used], 0.0)


def test_a_change_at_one_node_renews_its_way_to_the_root_alone():
    rows = columns = np.arange(N)
    chain = np.arange(N - 1)
    rows, columns = np.concatenate((rows, chain, chain + 1)), np.concatenate((columns, chain + 1, chain))
    values = np.concatenate((np.full(N, 4.0), np.full(2 * N - 2, -1.0))).astype(complex)
    elimination, all_of_it = Elimination(N, rows, columns), np.ones(N, dtype=bool)
    assert elimination.move_to(rows, columns, values, all_of_it) == N
    assert elimination.move_to(rows, columns, values, all_of_it) == 0
    renewed = []
    for node in range(N):
        values[node] = 5.0
        renewed.append(elimination.move_to(rows, columns, values, all_of_it))
    assert min(renewed) == 1
    assert max(renewed) < N


def test_what_the_pattern_does_not_hold_and_what_is_singular_is_said_and_forgotten():
    nodes, used = np.arange(3), np.ones(3, dtype=bool)
    elimination = Elimination(3, nodes, nodes)
    elimination.move_to(nodes, nodes, np.full(3, 2.0 + 0j), used)
    with pytest.raises(KeyError):
        elimination.move_to(np.array([0]), np.array([1]), np.ones(1, dtype=complex), used)
    with pytest.raises(ArithmeticError):
        elimination.move_to(nodes, nodes, np.array([1.0, 0.0, 1.0], dtype=complex), used)
    elimination.move_to(nodes, nodes, np.full(3, 4.0 + 0j), used)
    np.testing.assert_array_equal(elimination.solve(np.ones(3, dtype=complex)), 0.25)


def test_what_is_connected_has_one_name():
    found = connected(7, np.array([5, 4, 3, 6]), np.array([4, 2, 5, 6]))
    np.testing.assert_array_equal(found, [0, 1, 2, 2, 2, 2, 6])
