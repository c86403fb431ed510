"""What rivals of a fit take away: radiators that hold heat back, doors that open and shut, rooms under wrong names."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.excitation import excitation
from rexnet_grid.spacemeternet.frame import zone_data
from rexnet_grid.spacemeternet.jointfit import fit_nodes
from rexnet_grid.spacemeternet.names import unchecked_names
from rexnet_grid.spacemeternet.plausibility import strangers
from rexnet_grid.spacemeternet.rivals import (
    IN_THE_DARK,
    WITH_PLAN,
    WITHOUT_PLAN,
    Doubts,
    doubts,
    part_of,
    restless_edges,
)
from rexnet_grid.spacemeternet.search import (
    SearchRules,
    _verdicts,
    candidate_pairs,
    in_triangles,
    metered_at_both_ends,
    says_nothing,
)
from rexnet_grid.spacemeternet.wholefit import fit_whole, scale_error

STEP_H, MINUTES = 0.25, 15
LOSS, AIR = np.array([0.02, 0.03, 0.025]), np.array([0.15, 0.2, 0.12])
MASS, FILM = np.array([2.0, 3.0, 2.5]), np.array([0.2, 0.15, 0.25])
WALLS = {("a", "b"): 0.04, ("b", "c"): 0.06}


def rooms(seed, days=10, radiator_kwh_k=0.0, door_kw_k=0.0, shared=False, outer=0.0, to_air=1.0):
    """Three rooms in a row under on-off heat; radiators, a door from b to c, one meter for two rooms, outer walls."""
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
            flow = to_air * given + into + LOSS * (outdoor[k] - air) + FILM * (mass - air)
            through = (1.0 - to_air) * given + outer * LOSS * (outdoor[k] - mass)
            mass = mass + h * (FILM * (air - mass) + through) / MASS
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
    nothing = doubts(restless, np.full(3, np.inf), IN_THE_DARK, 10.0)
    assert nothing.present[2]
    assert nothing.absent.all()


def test_an_edge_that_only_one_side_shows_is_doubted(restless):
    both = doubts(restless, np.full(3, np.inf), WITHOUT_PLAN, 10.0)
    one = doubts(restless, np.array([1.0, 1.0, 1.0]), WITHOUT_PLAN, 10.0)
    assert isinstance(both, Doubts)
    assert (one.present >= both.present).all()
    assert one.present[restless.z < 15.0].all()
    assert not one.absent.any()


def test_three_zones_that_touch_each_other_may_stand_about_a_hall():
    assert in_triangles(((0, 1), (0, 2), (1, 2), (2, 3))).tolist() == [True, True, True, False]
    assert not in_triangles(((0, 1), (1, 2), (2, 3), (0, 3))).any()


def test_an_edge_about_a_possible_hall_has_to_show_from_both_sides_with_a_plan_too(restless):
    plain = replace(restless, std_error=np.maximum(restless.std_error, restless.conductance / 10.0))
    one_side = np.array([1.0, 1.0, 1.0])
    usual = doubts(plain, one_side, WITH_PLAN, 10.0)
    by_edge = replace(WITH_PLAN, sides=np.array([WITHOUT_PLAN.sides, WITH_PLAN.sides, WITH_PLAN.sides]))
    hall = doubts(plain, one_side, by_edge, 10.0)
    assert not usual.present[0]
    assert hall.present.tolist() == [True, *usual.present[1:].tolist()]


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


def test_two_rooms_behind_an_open_door_under_each_others_names_are_said():
    temperatures, heat, outdoor = rooms(6, days=7, door_kw_k=0.5)
    assert strangers(zone_data(temperatures, heat, outdoor)) == []
    data = zone_data(temperatures.set_axis(["a", "c", "b"], axis=1)[list("abc")], heat, outdoor)
    assert strangers(data) == ["b (circuit c)", "c (circuit b)"]
    assert "swapped" in str(excitation(data))


def test_an_absence_counts_what_rivals_add_to_the_error(restless):
    edges, names = len(restless.conductance), unchecked_names(restless.data)
    open_spread = replace(Doubts.none(edges), spread=np.full(edges, 49.0))
    calm, wide = (
        _verdicts(restless, contested, names, 60.0, SearchRules(), dependent=True)
        for contested in (Doubts.none(edges), open_spread)
    )
    assert "absent" in {v.state for v in calm}
    assert "absent" not in {v.state for v in wide}
    for v in (*calm, *wide):
        assert v.probability == pytest.approx(norm.sf((60.0 - v.conductance_w_k) / v.std_error))


def test_a_floor_plan_of_all_pairs_is_judged_like_none():
    readings = rooms(3, days=4, door_kw_k=0.5)
    free = ThermalSpaceNet(states=2).fit(*readings)
    listed = ThermalSpaceNet([("a", "b"), ("b", "c"), ("c", "a")], states=2).fit(*readings)
    pd.testing.assert_frame_equal(free.edges_.drop(columns="also_as"), listed.edges_.drop(columns="also_as"))
    data = zone_data(*readings)
    assert says_nothing(data, candidate_pairs(data.zones, None))
    assert not says_nothing(data, candidate_pairs(data.zones, WALLS))


@pytest.fixture(scope="module")
def outer_walls():
    plan = tuple(WALLS)
    return ThermalSpaceNet(plan, states=2).fit(*rooms(5, outer=0.8, to_air=0.6))


def test_masses_that_lose_heat_to_outdoors_do_not_scale_the_conductances(outer_walls):
    """Masses without outer walls would push the share of heat to the air up, and all conductances with it."""
    assert outer_walls.fit_.model.envelope
    assert outer_walls.params_.loc["heat to air", "value"] == pytest.approx(0.6, abs=0.1)
    for r in outer_walls.edges_.itertuples():
        truth = 1000.0 * WALLS[r.a, r.b]
        assert abs(r.conductance_w_k - truth) < 2.0 * r.std_error
        assert r.conductance_w_k == pytest.approx(truth, rel=0.2)


def test_the_heat_loss_counts_what_goes_through_the_mass(outer_walls):
    """Two conductances in a row, film and outer wall, lie beside the air's own loss."""
    wall = 0.8 * LOSS
    truth = 1000.0 * (LOSS + FILM * wall / (FILM + wall))
    loss = outer_walls.heat_loss_
    np.testing.assert_allclose(loss["heat_loss_w_k"][:3], truth, rtol=0.15)
    assert loss["heat_loss_w_k"].iloc[3] == pytest.approx(truth.sum(), rel=0.1)
    assert (loss["std_error"] > 0.0).all()


def test_the_scale_of_all_conductances_widens_their_errors():
    data = zone_data(*rooms(2))
    pairs = candidate_pairs(data.zones, WALLS)
    whole = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 2))
    wider = scale_error(whole)
    assert (wider > 0.0).all()
    relative = wider / whole.conductance
    assert relative[0] == pytest.approx(relative[1], rel=0.5)
    flat = fit_whole(data, pairs, pairs, fit_nodes(data, pairs, 1))
    assert not scale_error(flat).any()


def test_zones_with_a_meter_each_are_known():
    """More is asked from either side where both zones have a heat meter of their own, not where a circuit is shared."""
    for shared, expected in ((False, [True, True, True]), (True, [False, False, False])):
        readings, heat, outdoor = rooms(0, days=1, shared=shared)
        if shared:
            heat = heat[["a", "c"]].set_axis(["a+b", "c"], axis=1)
            data = zone_data(readings, heat, outdoor, circuits={"a+b": ["a", "b"], "c": ["c"]})
        else:
            data = zone_data(readings, heat, outdoor)
        assert metered_at_both_ends(data, ((0, 1), (0, 2), (1, 2))).tolist() == expected
