"""Groups of rows come from the cache when nothing that they depend on has changed."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from rexnet_grid.electric import headroom, kept_groups
from rexnet_grid.electric.headroom import HeadroomRows
from rexnet_grid.electric.limits import ElectricLimits
from rexnet_grid.electric.network import ElectricNetwork


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Return how often groups were made, without a rehearsal; the cache is empty."""
    monkeypatch.setenv("REXNET_CACHE", str(tmp_path))
    count = []
    monkeypatch.setattr(headroom, "rehearsed", lambda groups, *_, **__: count.append(1) or groups)
    return count


def rows_of(network, **limits):
    buses = np.flatnonzero(network.case.bus_node >= 0)
    nodes = tuple(f"bus {i}" for i in buses)
    return HeadroomRows([network], [], ElectricLimits(**limits), buses, nodes, 0, 64)


def test_the_second_time_they_are_read_and_equal(made):
    network = ElectricNetwork.from_builtin("case9")
    first, second = rows_of(network).groups, rows_of(network).groups
    assert len(made) == 1
    for field in fields(first):
        assert getattr(first, field.name).tobytes() == getattr(second, field.name).tobytes()


def test_other_limits_another_network_and_other_code_make_them_anew(made, monkeypatch):
    network = ElectricNetwork.from_builtin("case9")
    rows_of(network)
    rows_of(network, margin=0.05)
    assert len(made) == 2
    rows_of(network.changed(out=["line 3"]))
    assert len(made) == 3
    monkeypatch.setattr(kept_groups, "_code", lambda: "another")
    rows_of(network)
    assert len(made) == 4


def test_a_damaged_file_is_made_anew_and_the_eldest_are_forgotten(made, monkeypatch, tmp_path):
    network = ElectricNetwork.from_builtin("case9")
    rows_of(network)
    (file,) = tmp_path.glob("headroom-*.npz")
    file.write_bytes(b"PK damaged")
    rows_of(network)
    assert len(made) == 2
    monkeypatch.setattr(kept_groups, "MOST_KEPT", 2)
    for margin in (0.01, 0.03, 0.04):
        rows_of(network, margin=margin)
    assert len(list(tmp_path.glob("headroom-*.npz"))) == 2
