"""What a network remembers does not grow with the time it has run."""

import tracemalloc

import numpy as np
import pytest

from rexnet_grid.rexdynnet import HeatNetwork


@pytest.fixture(scope="module")
def network(root):
    return HeatNetwork.from_csv(root / "networks" / "heat" / "destest")


def days(sim, count, rng):
    """Step through days of low, noisy demand that send fronts through slow pipes."""
    for _ in range(96 * count):
        sim.step(900.0, rng.uniform(0.3, 1.5, 16), 40.0, 75.0 + 5.0 * rng.integers(0, 2), 10.0)


def test_neither_parcels_nor_memory_grow_with_time(network):
    """Measured after three weeks: Python keeps up to 2000 tuples of a step's length for reuse."""
    sim, rng = network.start(60.0), np.random.default_rng(7)
    days(sim, 4, rng)
    early, size = sim.parcels, sum(array.nbytes for array in sim.save())
    assert early > 100
    tracemalloc.start()
    try:
        days(sim, 22, rng)
        before, _ = tracemalloc.get_traced_memory()
        days(sim, 8, rng)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sim.parcels < 2 * early
    assert sum(array.nbytes for array in sim.save()) == size
    assert after - before < 20_000
