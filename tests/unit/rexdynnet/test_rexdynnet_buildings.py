import numpy as np
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet.buildings import Building, advance, discomfort_kh, heat_to_reach, mean_temperature


def test_a_step_is_the_same_as_many_small_ones():
    house = Building.archetype("house_1960s", 140.0)
    room = 20.0
    for _ in range(96):
        room = advance(house, room, 6.0, -5.0, 120.0, 0.25)
    assert room == pytest.approx(advance(house, 20.0, 6.0, -5.0, 120.0, 24.0), abs=1e-12)


def test_the_rate_ends_at_its_target():
    house = Building.archetype("house_2000s", 140.0)
    heat = heat_to_reach(house, 18.0, 20.5, 2.0, 50.0, 0.25)
    assert advance(house, 18.0, heat, 2.0, 50.0, 0.25) == pytest.approx(20.5, abs=1e-12)


def test_energy_adds_up_over_a_step():
    house = Building(0.2, 8.0, 5.0, 0.3)
    end = advance(house, 19.0, 4.0, -3.0, 200.0, 2.0)
    mean = mean_temperature(house, 19.0, 4.0, -3.0, 200.0, 2.0)
    stored = house.capacity_kwh_k * (end - 19.0)
    assert stored == pytest.approx((4.0 + 0.3 + 1.0 - 0.2 * (mean + 3.0)) * 2.0, abs=1e-12)


def test_discomfort_counts_only_outside_the_band():
    room = np.array([20.0, 18.0, 23.0])
    assert discomfort_kh(room, np.full(3, 20.0), 1.0, 0.5) == pytest.approx(0.5 * (1.0 + 2.0))


def test_unknown_kinds_and_impossible_numbers_are_named():
    with pytest.raises(InputError, match="house_1960s"):
        Building.archetype("house_1960", 100.0)
    with pytest.raises(InputError, match=r"heat_loss_kw_k[\s\S]*capacity_kwh_k"):
        Building(-1.0, 0.0)
    with pytest.raises(InputError, match="floor_area_m2"):
        Building.archetype("office", 0.0)
