"""Headroom between two nodes."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.delivery import Headroom


def test_capacity_is_the_first_row_that_binds():
    rows = Headroom(0, ("a", "b"), np.array([[0.0, -1.0], [0.0, -2.0]]), np.array([5.0, 8.0]), ("x", "y"))
    assert rows.capacity_kw(0, 1) == pytest.approx(4.0)
    assert rows.capacity_kw(1, 0) == float("inf")


def test_a_broken_row_admits_only_relief():
    rows = Headroom(0, ("a", "b"), np.array([[0.0, -1.0]]), np.array([-2.0]), ("x",))
    assert rows.capacity_kw(0, 1) == 0.0
    assert rows.capacity_kw(1, 0) == float("inf")


def test_injection_may_have_coefficients_of_its_own():
    both = np.array([[-1.0, -1.0]])
    assert Headroom(0, ("a", "b"), both, np.array([2.0]), ("x",)).capacity_kw(0, 1) == float("inf")
    apart = Headroom(0, ("a", "b"), both, np.array([2.0]), ("x",), np.array([[-0.5, -0.5]]))
    assert apart.capacity_kw(0, 1) == pytest.approx(4.0)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="headroom of unit 3"):
        Headroom(3, ("a", "b"), np.zeros((1, 3)), np.zeros(1), ("x",))
