"""Generated buildings whose walls are known: what is found, how well, and how sure it is of itself."""

import numpy as np
import pytest

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.buildings import BuildingPlan, generate_building


def judged(seed, plan, *, floor_plan=True, states=2):
    b = generate_building(np.random.default_rng(seed), plan)
    net = ThermalSpaceNet(b.candidates if floor_plan else None, states=states)
    net.fit(b.temperatures_c, b.heat_kw, b.outdoor_c, b.solar_w_m2)
    true = {frozenset(e): d["conductance_w_k"] for *e, d in b.truth.edges(data=True)}
    rows = [(frozenset((r.a, r.b)), r.state, r.conductance_w_k, r.std_error) for r in net.edges_.itertuples()]
    present = {pair for pair, state, *_ in rows if state == "present"}
    hit = len(present & set(true))
    walls = [(g, s, true[pair]) for pair, _, g, s in rows if pair in true]
    return {
        "f1": 2 * hit / (len(present) + len(true)),
        "precision": hit / max(len(present), 1),
        "error": float(np.median([abs(g / t - 1) for g, _, t in walls])),
        "coverage": float(np.mean([abs(g - t) < 1.96 * s for g, s, t in walls])),
    }


def test_the_same_seed_gives_the_same_building():
    one, two = (generate_building(np.random.default_rng(5), BuildingPlan(2, 2, 3)) for _ in range(2))
    assert one.temperatures_c.equals(two.temperatures_c)
    assert one.temperatures_c.to_numpy().min() > 10
    assert one.heat_kw.to_numpy().min() >= 0


@pytest.fixture(scope="module")
def six_flats():
    return judged(4, BuildingPlan(3, 2, 14))


def test_six_flats(six_flats):
    assert six_flats["precision"] == 1.0
    assert six_flats["f1"] >= 0.75


def test_lost_readings_cost_little(six_flats):
    """Issue 6: 20 % of the readings and two whole days lost cost at most 0.05 of F1."""
    lost = judged(4, BuildingPlan(3, 2, 14, missing_share=0.2, gap_days=2.0))
    assert lost["precision"] == 1.0
    assert lost["f1"] >= six_flats["f1"] - 0.05


@pytest.mark.slow
def test_twenty_flats_with_a_floor_plan():
    """Issue 6: edge F1 at least 0.90 at 28 days, median conductance error at most 0.22, intervals that cover."""
    found = judged(401, BuildingPlan())
    assert found["f1"] >= 0.9
    assert found["error"] <= 0.22
    assert found["coverage"] >= 0.9


@pytest.mark.slow
def test_twenty_flats_at_two_weeks():
    """Issue 6: edge F1 at least 0.80 at 14 days, median conductance error at most 0.30."""
    found = judged(401, BuildingPlan(days=14))
    assert found["f1"] >= 0.8
    assert found["error"] <= 0.3
    assert found["coverage"] >= 0.85


@pytest.mark.slow
def test_twenty_flats_without_a_floor_plan():
    """Issue 6: edge F1 at least 0.72 at 28 days although any two flats may touch."""
    found = judged(401, BuildingPlan(), floor_plan=False)
    assert found["f1"] >= 0.72
    assert found["precision"] >= 0.95
