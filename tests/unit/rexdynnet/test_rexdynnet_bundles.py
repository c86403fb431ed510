"""Named tuples that compiled functions take by address: what is read, what is refused, what is kept alive."""

from __future__ import annotations

import pickle
import sys
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit, typeof
from numba.core.errors import TypingError

from rexnet_grid.rexdynnet.bundles import Bundle, by_address


@by_address
class Mixed(NamedTuple):
    """Parts of several kinds."""

    numbers: np.ndarray
    table: np.ndarray
    scale: float
    turns: int


@by_address
class Alike(NamedTuple):
    """Parts of one kind."""

    first: np.ndarray
    second: np.ndarray


@njit
def inside(mixed: Mixed, row: int) -> float:
    """Read all parts and write one."""
    mixed.numbers[row] += mixed.scale
    return mixed.numbers[row] * mixed.table[row, 1] + mixed.turns


@njit
def outside(mixed: Mixed, times: int) -> float:
    """Hand the tuple on in a loop that writes what it reads."""
    total = 0.0
    for _ in range(times):
        for row in range(len(mixed.numbers)):
            total += inside(mixed, row)
    return total


@njit
def sums(alike: Alike) -> np.ndarray:
    """Walk over the parts and make an array of them."""
    found = np.zeros(len(alike))
    for k in range(len(alike)):
        part = alike[k]
        for value in part:
            found[k] += value
    return found


@njit
def kept(mixed: Mixed) -> np.ndarray:
    """Give a part back."""
    return mixed.numbers


def mixed() -> Mixed:
    return Mixed(np.array([1.0, 2.0, 3.0]), np.arange(6.0).reshape(3, 2), 0.5, 2)


def test_parts_are_read_and_written_as_in_python() -> None:
    compiled, plain = mixed(), mixed()
    assert outside(compiled, 3) == pytest.approx(outside.py_func(plain, 3), rel=1e-15)
    assert np.array_equal(compiled.numbers, plain.numbers)
    assert np.array_equal(sums(Alike(np.ones(3), np.arange(4.0))), [3.0, 6.0])


def test_views_keep_their_strides() -> None:
    table = np.arange(24.0).reshape(3, 8)
    tuple_ = Mixed(np.arange(6.0)[::2], table[:, ::4], 0.0, 0)
    assert outside(tuple_, 1) == pytest.approx(float(np.arange(6.0)[::2] @ table[:, 4]))


def test_nothing_leaks_and_what_is_given_back_lives() -> None:
    tuple_ = mixed()
    before = sys.getrefcount(tuple_.numbers)
    for _ in range(100):
        outside(tuple_, 1)
        kept(tuple_)
    after = sys.getrefcount(tuple_.numbers)
    assert after == before
    given, numbers = kept(tuple_), tuple_.numbers.tolist()
    del tuple_
    assert given.tolist() == numbers


def test_unknown_parts_and_unlike_parts_are_refused() -> None:
    with pytest.raises(TypingError, match="missing"):
        njit(lambda t: t.missing)(mixed())
    with pytest.raises(TypingError, match="getitem"):
        njit(lambda t, k: t[k])(mixed(), 0)


def test_the_type_survives_the_cache() -> None:
    kind = typeof(mixed())
    assert isinstance(kind, Bundle)
    assert pickle.loads(pickle.dumps(kind)) == kind
    assert typeof(Mixed(np.zeros(1, dtype=np.int64), np.zeros((1, 2)), 0.5, 2)) != kind
