"""What a supply with a course of its own does to what all customers share."""

import numpy as np
import pytest

from rexnet_grid.spacemeternet.moments import lines_of, without_lines, without_wandering

DAYS, SLOPE, NOISE = 21, 2.0, 0.3
DAY = 2 * np.pi * np.arange(96 * DAYS) / 96


def lived(seed, course):
    """Return powers (N, 2) with a daily course and a voltage (N, 1) that follows them and a supply."""
    rng = np.random.default_rng(seed)
    p = -1.0 - np.cos(DAY - 0.3) - 0.5 * np.cos(2 * DAY) + 0.3 * rng.normal(size=len(DAY))
    x = np.column_stack([p, 0.2 * p])
    x -= x.mean(axis=0)
    return x, SLOPE * x[:, :1] + (course * np.cos(DAY) + NOISE * rng.normal(size=len(DAY)))[:, None]


def slope(x, y):
    return float(x[:, 0] @ y[:, 0] / (x[:, 0] @ x[:, 0]))


def found(x, y):
    lines = lines_of(x)
    first = slope(*without_lines(x, y, lines))
    return slope(*without_wandering(x, y, y[:, 0] - first * x[:, 0], lines, with_lines=True))


def test_the_lines_are_those_of_the_day():
    lines = lines_of(lived(0, 0.0)[0])
    assert lines[[DAYS, 2 * DAYS]].all()
    assert lines.mean() < 0.01


@pytest.mark.parametrize("course", [-3.0, 1.0, 3.0])
def test_a_course_of_the_supply_does_not_pass_for_resistance(course):
    x, y = lived(1, course)
    assert abs(slope(x, y) - SLOPE) > 0.3
    assert found(x, y) == pytest.approx(SLOPE, abs=4.0 * NOISE / 0.3 / np.sqrt(len(x)))


def test_with_a_steady_supply_the_lines_count():
    away = [[f(*lived(seed, 0.0)) - SLOPE for seed in range(60)] for f in (found, slope)]
    without = NOISE / 0.3 / np.sqrt(96 * DAYS)
    mended, plain = (np.sqrt(np.mean(np.square(a))) for a in away)
    assert plain < mended < 0.75 * without
