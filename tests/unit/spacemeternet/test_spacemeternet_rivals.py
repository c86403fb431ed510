"""What rivals of a fit take away: radiators that hold heat back, doors that open and shut, rooms under wrong names."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.excitation import excitation
from rexnet_grid.spacemeternet.frame import zone_data
from rexnet_grid.spacemeternet.jointfit import fit_nodes
from rexnet_grid.spacemeternet.plausibility import strangers
from rexnet_grid.spacemeternet.rivals import IN_THE_DARK, WITHOUT_PLAN, Doubts, doubts, part_of, restless_edges
from rexnet_grid.spacemeternet.search import candidate_pairs
from rexnet_grid.spacemeternet.wholefit import fit_whole

STEP_H, MINUTES = 0.25, 15
LOSS, AIR = np.array([0.02, 0.03, 0.025]), np.array([0.15, 0.2, 0.12])
MASS, FILM = np.array([2.0, 3.0, 2.5]), np.array([0.2, 0.15, 0.25])
WALLS = {("a", "b"): 0.04, ("b", "c"): 0.06}


def rooms(seed, days=10, radiator_kwh_k=0.0, door_kw_k=0.0, shared=False):
    """Three rooms in a row under on-off heat; radiators, a door between b and c, one meter for two rooms."""
    rng = np.random.default_rng(seed)
    steps, h = int(days * 24 / STEP_H), STEP_H / MINUTES
    hour = np.arange(steps) * STEP_H % 24
    outdoor = 4.0 + 3.0 * np.sin(2 * np.pi * hour / 24) + np.cumsum(rng.normal(0, 0.08, steps))
    switch = rng.random((steps, 3)) < 0.04
    heat = 1.2 * (np.cumsum(switch, axis=0) % 2)
    if shared:
        heat[:, 1] = heat[:, 0]
    air, mass, radiator = (np.full(3, t) for t in (20.0, 19.5, 20.0))
    readings, is_open = np.empty((steps, 3)), False
    for k in range(steps):
        readings[k] = air
        if rng.random() < 0.08:
            is_open = rng.random() < 0.5
        g = [WALLS["a", "b"], WALLS["b", "c"] + door_kw_k * is_open]
        for _ in range(MINUTES):
            given = heat[k] if radiator_kwh_k == 0.0 else 0.06 * (radiator - air)
            if radiator_kwh_k > 0.0:
                radiator = radiator + h * (heat[k] - given) / radiator_kwh_k
            across = np.array([g[0] * (air[1] - air[0]), g[1] * (air[2] - air[1])])
            into = np.array([across[0], across[1] - across[0], -across[1]])
            flow = given + into + LOSS * (outdoor[k] - air) + FILM * (mass - air)
            mass = mass + h * FILM * (air - mass) / MASS
            air = air + h * flow / AIR
    index = pd.date_range("2026-01-05", periods=steps, freq="15min", tz="UTC")
    readings = readings + rng.normal(0, 0.03, readings.shape)
    names = list("abc")
    return pd.DataFrame(readings, index, names), pd.DataFrame(heat, index, names), pd.Series(outdoor, index)


def present(net):
    return {(r.a, r.b) for r in net.edges_.itertuples() if r.state == "present"}


def test_radiators_that_hold_heat_back_are_found_and_do_not_pass_for_walls():
    net = ThermalSpaceNet().fit(*rooms(1, radiator_kwh_k=0.03))
    assert net.diagnostics_["states_per_zone"] == 3
    assert present(net) == set(WALLS)
    for r in net.edges_.itertuples():
        truth = 1000.0 * WALLS.get((r.a, r.b), 0.0)
        assert abs(r.conductance_w_k - truth) < 4.0 * r.std_error
    assert net.params_.loc["radiator capacity a", "value"] == pytest.approx(0.03, rel=0.3)


def test_without_radiators_the_third_state_does_not_earn_its_place():
    net = ThermalSpaceNet().fit(*rooms(2))
    assert net.diagnostics_["states_per_zone"] == 2
    assert present(net) == set(WALLS)


@pytest.fixture(scope="module")
def restless():
    data = zone_data(*rooms(3, door_kw_k=0.5))
    pairs = candidate_pairs(data.zones, None)
    return fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 2))


def test_a_door_that_opens_and_shuts_makes_the_masses_beside_it_wander(restless):
    assert restless.model.pairs == ((0, 1), (0, 2), (1, 2))
    assert restless_edges(restless)[2]
    nothing = doubts(restless, np.full(3, np.inf), IN_THE_DARK)
    assert nothing.present[2]
    assert nothing.absent.all()


def test_an_edge_that_only_one_side_shows_is_doubted(restless):
    both = doubts(restless, np.full(3, np.inf), WITHOUT_PLAN)
    one = doubts(restless, np.array([1.0, 1.0, 1.0]), WITHOUT_PLAN)
    assert isinstance(both, Doubts)
    assert (one.present >= both.present).all()
    assert one.present[restless.z < 15.0].all()
    assert not one.absent.any()


def test_a_part_of_the_meters_keeps_every_column():
    data = zone_data(*rooms(2, days=4), solar_w_m2=None)
    part = part_of(data, slice(10, 60))
    assert len(part.temperature) == len(part.heat) == len(part.boundary) == len(part.clock) == 50
    assert part.zones == data.zones


def test_rooms_that_warm_with_another_circuit_are_said_and_nothing_is_claimed():
    temperatures, heat, outdoor = rooms(4, shared=True)
    assert strangers(zone_data(temperatures, heat, outdoor)) == []
    swapped = temperatures.set_axis(["a", "c", "b"], axis=1)
    data = zone_data(swapped, heat, outdoor)
    assert "b (circuit c)" in strangers(data)
    assert "swapped" in str(excitation(data))
    found = ThermalSpaceNet(states=2).fit(swapped, heat, outdoor)
    assert set(found.edges_["state"]) == {"undetermined"}
