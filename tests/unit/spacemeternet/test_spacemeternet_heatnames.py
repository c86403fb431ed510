"""Two rooms whose floors hold heat back for hours: whether their heat meters tell them apart."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet.frame import zone_data
from rexnet_grid.spacemeternet.heatnames import names_by_heat, slow_emitters
from rexnet_grid.spacemeternet.jointfit import fit_nodes
from rexnet_grid.spacemeternet.names import Names

HOUR_STEPS, LAG_H = 4, 2.5


def floor_heated(days=3):
    """Rooms a and b with a wall; heat on and off, each by its own meter, through a floor of 2.5 h."""
    rng = np.random.default_rng(4)
    n = 24 * HOUR_STEPS * days
    index = pd.date_range("2026-01-05", periods=n, freq="15min", tz="UTC")
    outdoor = 5.0 + 4.0 * np.sin(2 * np.pi * np.arange(n) / 96)
    heat = 1.5 * (np.cumsum(rng.random((n, 2)) < 0.05, axis=0) % 2)
    air, floor, out = np.array([20.0, 20.5]), np.array([21.0, 21.0]), np.empty((n, 2))
    for k in range(n):
        out[k] = air
        given = 0.1 * (floor - air)
        floor = floor + 0.25 * (heat[k] - given) / (0.1 * LAG_H)
        air = air + 0.25 / np.array([0.8, 1.1]) * (given + 0.04 * (outdoor[k] - air) + 0.03 * (air[::-1] - air))
    readings = pd.DataFrame(out + rng.normal(0, 0.03, out.shape), index, list("ab"))
    return readings, pd.DataFrame(heat, index, list("ab")), pd.Series(outdoor, index)


@pytest.mark.parametrize("swapped", [False, True])
def test_rooms_under_each_others_names_are_found_behind_slow_emitters(swapped):
    readings, heat, outdoor = floor_heated()
    data = zone_data(readings, heat, outdoor)
    if swapped:
        data = replace(data, temperature=data.temperature[:, ::-1].copy())
    nodes = fit_nodes(data, ((0, 1),), 3, fit_nodes(data, ((0, 1),), 2))
    assert any(slow_emitters(node) for node in nodes)
    names = names_by_heat(data, nodes)
    assert names.warm_with_other == (((0, 1),) if swapped else ())
    assert names.open((0, 1)) is swapped
    assert names.interchangeable == ()


def test_an_edge_that_another_naming_has_elsewhere_is_open():
    """Four rooms in a row, 1 and 2 on one circuit: 2-3 may as well be 1-3, while 1-2 stays and 3-4 is not concerned."""
    names = Names(((0, 1),), equal=((0, 1),))
    assert [names.open(pair) for pair in ((0, 1), (1, 2), (2, 3))] == [False, True, False]
    assert not Names(((0, 1),)).open((1, 2))
    assert names.also(Names(warm_with_other=((2, 3),))).open((0, 1))
    assert "swapped" in Names(warm_with_other=((0, 1),)).remarks(("a", "b"))[0]
