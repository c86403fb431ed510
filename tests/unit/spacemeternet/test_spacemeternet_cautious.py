"""What few readings allow to say of a feeder."""

import numpy as np
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.cautious import CommonSlope
from rexnet_grid.spacemeternet.loop import LearnedVoltageHeadroom

NODES = ["a", "b", "c"]
SHARED = np.array([[4, 2, 2], [2, 5, 3], [2, 3, 6]]) * 1e-3


def readings(steps, seed=1, noise=1e-3):
    rng = np.random.default_rng(seed)
    p = -rng.gamma(2.0, 1.0, (steps, 3))
    return p, 1.0 + p @ SHARED + noise * rng.normal(size=(steps, 3))


def test_a_line_over_the_sum_covers_what_comes():
    p, v = readings(20)
    line = CommonSlope.of(p, v)
    later, truth = readings(2000, seed=2)
    hits = []
    for row, seen in zip(later, truth, strict=True):
        _, expected, margin = line.rows(row, 0.95)
        hits.append(seen > expected - margin)
    assert 0.92 <= np.mean(hits) <= 0.995
    assert CommonSlope.of(p[:7], v[:7]) is None
    assert CommonSlope.of(np.ones((20, 3)), v) is None


def test_margins_widen_away_from_what_was_seen_and_with_confidence():
    line = CommonSlope.of(*readings(12))
    near, far = line.rows(np.full(3, -2.0), 0.9)[2], line.rows(np.full(3, -9.0), 0.9)[2]
    assert (far > near).all()
    assert (line.rows(np.full(3, -2.0), 0.99)[2] > near).all()


def test_a_cautious_loop_speaks_before_it_has_an_estimate():
    p, v = readings(10)
    loops = [LearnedVoltageHeadroom(NODES, (0.95, 1.05), warm_up_units=500, cautious=c) for c in (False, True)]
    for loop in loops:
        for k in range(10):
            loop.append(p[k], None, v[k])
    silent, cautious = (loop.headroom([3], np.full((1, 4), -2.0), [*NODES, "supply"])[0] for loop in loops)
    assert silent.limits == ()
    assert len(cautious.limits) == 6
    assert (cautious.coefficients[:, 3] == 0.0).all()
    low = cautious.slack[3:]
    assert (low < 0.05 - 2.0 * SHARED.sum(axis=0)).all()  # less than there really is
    assert (low > 0.0).all()


def test_no_meters_at_all_are_named():
    with pytest.raises(MeterDataError, match="one column a customer"):
        VoltageSpaceNet().fit(*(np.empty((50, 0)) for _ in range(3)))


def test_the_feeders_head_is_kept_from_the_first_unit_on():
    """The sum of what is metered flows through the head; a rating is all that is needed to say so."""
    p, v = readings(10)
    loop = LearnedVoltageHeadroom(NODES, warm_up_units=500, head_kw=20.0, head_margin=0.1)
    for k in range(10):
        loop.append(p[k], None, v[k])
    rows = loop.headroom([3], np.array([[-4.0, -3.0, 1.0, 9.0]]), [*NODES, "supply"])[0]
    assert rows.limits == ("feeder head export", "feeder head import")
    np.testing.assert_allclose(rows.coefficients, [[1, 1, 1, 0], [-1, -1, -1, 0]])
    np.testing.assert_allclose(rows.slack, [18.0 + 6.0, 18.0 - 6.0])
