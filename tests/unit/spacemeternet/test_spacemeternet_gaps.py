"""Readings lost here and there: filled, without bias and without more confidence than the rest allows."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.gaps import fill

ON_EACH, CABLES = 3, 3
PATHS = [{(cable, k) for k in range(place + 1)} | {"trunk"} for cable in range(CABLES) for place in range(ON_EACH)]
SHARED = np.array([[3e-4 * len(one & other) for other in PATHS] for one in PATHS])
STEPS, N = 96 * 10, ON_EACH * CABLES


@pytest.fixture(scope="module")
def feeder():
    rng = np.random.default_rng(8)
    p = -rng.gamma(0.8, 0.7, (STEPS + 1, N))
    p = 0.6 * p[1:] + 0.4 * p[:-1]
    p[:, ::3] += 4.0 * np.clip(np.sin(2 * np.pi * np.arange(STEPS) / 96 - 1.5), 0, None)[:, None]
    q = 0.3 * np.minimum(p, 0.0) * rng.uniform(0.7, 1.3, p.shape)
    supply = 0.004 * np.sin(2 * np.pi * np.arange(STEPS) / 96) + 5e-4 * np.cumsum(rng.normal(size=STEPS))
    v = np.sqrt(1.0 + supply[:, None] + 2.0 * (p @ SHARED + 0.35 * q @ SHARED)) + 1e-3 * rng.normal(size=p.shape)
    return p, q, v


def lost(tables, share, seed=1):
    rng = np.random.default_rng(seed)
    return [pd.DataFrame(np.where(rng.random(t.shape) < share, np.nan, t)) for t in tables]


@pytest.mark.parametrize("tree", ["lost", "known"])
def test_a_fifth_of_the_readings_may_be_lost(feeder, tree):
    """Not one row in a thousand is complete then; the answer stays, its error grows, and it is told."""
    below = [("busbar", "t"), *(("t" if c % ON_EACH == 0 else str(c - 1), str(c)) for c in range(N))]
    graph = nx.Graph(below) if tree == "known" else None
    tables = lost(feeder, 0.2)
    assert np.isfinite(np.hstack(tables)).all(axis=1).sum() < 5
    nets = [VoltageSpaceNet(graph, n_trees=6).fit(*t) for t in (map(pd.DataFrame, feeder), tables)]
    away = [np.abs(net.vm_pu_per_kw_.to_numpy() - SHARED) for net in nets]
    errors = [net.std_error_.to_numpy() for net in nets]
    assert np.linalg.norm(away[1]) / np.linalg.norm(SHARED) < 0.12
    assert (away[1] < 1.96 * errors[1]).mean() > 0.9
    assert errors[1].mean() > 1.1 * errors[0].mean()
    assert "20% of the readings" in nets[1].diagnostics_["warning"]
    assert nets[0].diagnostics_["warning"] == ""


def test_expected_moments_are_those_of_the_whole(feeder):
    whole = [t - t.mean(axis=0) for t in (*feeder[:2], feeder[2] ** 2)]
    p, q, _, gaps = fill(*(t.to_numpy() for t in lost(feeder, 0.2)))
    x = np.hstack([p, q]) - np.hstack([p, q]).mean(axis=0)
    known = x.T @ x
    unknown = sum(m.xx for m in gaps.unknown(np.array_split(np.arange(STEPS), 5)))
    true = np.hstack(whole[:2]).T @ np.hstack(whole[:2])
    with_it, without = (np.abs(np.diag(m) / np.diag(true) - 1.0).mean() for m in (known + unknown, known))
    assert with_it < 0.5 * without
    there = np.isfinite(lost(feeder, 0.2)[0].to_numpy())
    np.testing.assert_allclose(p[there], feeder[0][there], rtol=0, atol=1e-12)


def test_more_lost_than_there_is_to_fill_from_is_refused(feeder):
    with pytest.raises(MeterDataError, match="complete rows"):
        VoltageSpaceNet().fit(*lost(feeder, 0.45))
    with pytest.raises(MeterDataError, match="complete rows"):
        VoltageSpaceNet().fit(*lost([t[:72] for t in feeder], 0.2))
