"""Rehearsals: rows that turn out wrong charge what stops the portfolio, and books are bred towards limits."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.electric.books import STAGES, TRADES, Books, take_shares
from rexnet_grid.electric.charges import MOST_SHARE, Broken, charges_of
from rexnet_grid.electric.crowds import Traded
from rexnet_grid.electric.rehearsal import Stage
from rexnet_grid.electric.row_groups import RowGroups

COLUMNS = 4
NAMES = ("line loading", "bus undervoltage")


def groups() -> RowGroups:
    """Two rows of demand from the supply, column 0; the second knows column 3 only."""
    falling = -np.array([[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 2.0]])
    return RowGroups.of(falling, falling.copy(), np.array([100.0, 50.0]), 2)


def broken(before: np.ndarray, rises: np.ndarray, falls: np.ndarray, beyond: float, left: float) -> Broken:
    rows = groups()
    used = rows.rising @ rises - rows.falling @ falls
    full = np.full(2, left)
    traded = Traded(falls[None], rises[None], full[:, None], (full - used)[:, None])
    member = np.array([[beyond], [-np.inf]])
    return Broken(traded, before[None], member, np.zeros(0, dtype=np.int64))


def left_after(rows: RowGroups, case: Broken) -> float:
    """Return what the first row would have left after the portfolio, positions before it included."""
    first = int(np.flatnonzero(rows.first == 0)[0])
    slack = np.full((2, 1), case.traded.left[first, 0])
    left = rows.slack(slack, case.before)[first, 0]
    return float(left - rows.rising[first] @ case.traded.rises[0] + rows.falling[first] @ case.traded.falls[0])


@pytest.mark.parametrize(
    ("before", "rises", "falls", "beyond"),
    [
        ((0, 0, 0, 0), (100, 0, 0, 0), (0, 100, 0, 0), 1.0),
        ((0, 0, 0, 0), (0, 50, 0, 0), (0, 0, 150, 0), 1.5),
        ((0, 0, 0, 0), (100, 0, 0, 0), (0, 0, 100, 0), 20.0),
        ((0, 90, -90, 0), (100, 0, 0, 0), (0, 0, 100, 0), 4.0),
        ((0, 0, -60, 0), (100, 0, 0, 0), (0, 100, 0, 0), 4.0),
    ],
)
def test_what_is_charged_stops_the_portfolio_that_broke_a_limit(before, rises, falls, beyond):
    case = broken(*(np.array(part, dtype=float) for part in (before, rises, falls)), beyond, 100.0)
    rows = groups()
    assert left_after(rows, case) == pytest.approx(0.0, abs=1e-9)
    charges = charges_of(rows, NAMES, np.array([100.0, 50.0]), case, np.eye(COLUMNS))
    assert charges.any()
    assert left_after(rows.charged(charges), case) <= -beyond


def test_a_little_is_charged_to_all_and_much_to_those_who_traded():
    rows, room = groups(), np.array([100.0, 50.0])
    supplied, bought = np.array([100.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 100.0, 0.0])
    little = charges_of(rows, NAMES, room, broken(np.zeros(4), supplied, bought, 1.0, 100.0), np.eye(COLUMNS))
    assert 0.0 < little.loading.max() <= 1.1 * MOST_SHARE
    assert not little.singled
    much = charges_of(rows, NAMES, room, broken(np.zeros(4), supplied, bought, 20.0, 100.0), np.eye(COLUMNS))
    charged, first = rows.charged(much), int(np.flatnonzero(rows.first == 0)[0])
    assert charged.falling[first, 2] < rows.falling[first, 2]
    np.testing.assert_array_equal(charged.falling[:, [1, 3]], rows.falling[:, [1, 3]])


def test_what_is_kept_back_about_positions_leaves_rest_as_it_was_and_never_turns_negative():
    rows, rest = groups(), np.zeros((1, COLUMNS))
    about = np.array([0.0, 90.0, -90.0, 0.0])
    case = broken(about, np.array([100.0, 0, 0, 0]), np.array([0, 0, 100.0, 0]), 4.0, 100.0)
    charged = rows.charged(charges_of(rows, NAMES, np.array([100.0, 50.0]), case, np.eye(COLUMNS)))
    slack = np.array([[100.0], [50.0]])
    np.testing.assert_array_equal(charged.slack(slack, rest), rows.slack(slack, rest))
    np.testing.assert_array_equal(charged.falling, rows.falling)
    assert (charged.slack(slack * 0.01, about[None]) >= 0.0).all()
    assert (charged.slack(slack, about[None]) < rows.slack(slack, about[None])).any()


def test_books_take_shares_of_what_fits_one_after_the_other():
    falling, rising = np.zeros((3, 1)), np.zeros((3, 1))
    falling[:, 0], rising[:, 0] = (0.0, -1.0, -2.0), (0.0, -1.0, -2.0)
    slack, falls, rises = np.array([[100.0]]), np.zeros((1, 3)), np.zeros((1, 3))
    sellers, buyers = np.array([[0, 1, 0, 2]]), np.array([[1, 1, 2, 2]])
    take_shares(falling, rising, slack, sellers, buyers, np.array([[0.5, 1.0, 1.0, 1.0]]), falls, rises)
    np.testing.assert_allclose(falls, [[0.0, 50.0, 25.0]])
    np.testing.assert_allclose(rises, [[75.0, 0.0, 0.0]])
    np.testing.assert_allclose(slack, [[0.0]])


def test_the_next_generation_keeps_the_nearest_book_of_every_limit():
    rng = np.random.default_rng(0)
    near = np.ones((5, 5)) * 0.5 + 0.5 * np.eye(5)
    stage = Stage(None, None, None, 0.02, near, np.ones(5), 0)  # type: ignore[arg-type]
    trading = np.arange(1, 5)
    books = Books.drawn(64, stage, trading, rng)
    assert books.sellers.shape == books.buyers.shape == books.shares.shape == (64, STAGES, TRADES)
    limit, fitness = np.arange(64) % 4, -np.arange(64.0)
    bred = books.bred(limit, fitness, stage, trading, rng)
    assert len(bred.sellers) == 64
    for k in range(4):
        np.testing.assert_array_equal(bred.sellers[k], books.sellers[k])
    for array in (bred.sellers, bred.buyers):
        assert ((array >= 0) & (array < 5)).all()
    assert ((bred.shares >= 0.0) & (bred.shares <= 1.0)).all()
