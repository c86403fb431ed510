"""Plants: limits, the corners of the extraction region, ISO 9806 by hand, and published heat pump numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexnet_grid.errors import InputError
from rexnet_grid.rexdynnet import Chp, Collector, EfficiencyCurve, OperatingRange
from rexnet_grid.rexdynnet.plants import carnot_cop, lorenz_cop, regression_cop


@settings(max_examples=300, deadline=None)
@given(
    wanted=st.floats(-50.0, 400.0),
    before=st.floats(0.0, 200.0),
    least=st.floats(0.0, 100.0),
    ramp=st.floats(0.5, 50.0),
    available=st.floats(0.0, 300.0),
)
def test_output_stays_in_its_limits(wanted, before, least, ramp, available):
    plant = OperatingRange(200.0, least, ramp)
    output = plant.nearest(wanted, before, 15.0, available)
    assert output == 0.0 or least - 1e-9 <= output <= 200.0 + 1e-9
    assert output <= available + 1e-9
    if before <= available and (output > least or before - 15.0 * ramp > least):
        assert before - 15.0 * ramp - 1e-9 <= output <= max(before + 15.0 * ramp, least) + 1e-9
    if least <= wanted <= min(200.0, available) and abs(wanted - before) <= 15.0 * ramp:
        assert output == wanted


def test_a_running_plant_with_a_minimum_load_moves_by_its_ramp_only():
    plant = OperatingRange(100.0, min_kw=40.0, ramp_kw_per_min=1.0)
    assert plant.nearest(100.0, 50.0, 15.0) == 65.0
    assert plant.nearest(45.0, 100.0, 15.0) == plant.nearest(0.0, 100.0, 15.0) == 85.0
    assert plant.nearest(100.0, 0.0, 15.0) == 40.0
    assert plant.nearest(0.0, 55.0, 15.0) == 0.0
    np.testing.assert_array_equal(plant.reach_kw([0.0, 40.0, 90.0], 15.0), [40.0, 55.0, 100.0])
    with pytest.raises(InputError, match=r"wanted_kw[\s\S]*before_kw"):
        plant.nearest(math.nan, math.nan, 15.0)


def test_efficiency_follows_the_load():
    curve = EfficiencyCurve((0.2, 0.6, 1.0), (0.84, 0.92, 0.90))
    np.testing.assert_allclose(curve.at([0.1, 0.4, 1.0]), [0.84, 0.88, 0.90])
    np.testing.assert_allclose(curve.fuel_kw([0.0, 40.0, 100.0], 100.0), [0.0, 40.0 / 0.88, 100.0 / 0.9])


def test_back_pressure_power_follows_heat():
    plant = Chp(OperatingRange(100.0), power_to_heat=0.6, efficiency=0.88)
    assert plant.power_range(50.0) == (30.0, 30.0)
    assert plant.fuel_kw(50.0, 30.0) == pytest.approx(80.0 / 0.88)
    assert plant.fuel_per_heat == pytest.approx(1.6 / 0.88)


def test_extraction_has_the_corners_of_its_region():
    plant = Chp(OperatingRange(100.0), 0.6, 0.42, power_loss=0.15, condensing_kw=90.0, min_condensing_kw=30.0)
    assert plant.power_range(0.0) == (30.0, 90.0)
    low, high = plant.power_range(100.0)
    assert (low, high) == pytest.approx((60.0, 75.0))
    assert plant.power_range(40.0)[0] == pytest.approx(max(24.0, 24.0))
    assert plant.fuel_kw(100.0, 75.0) == pytest.approx(plant.fuel_kw(0.0, 90.0))
    with pytest.raises(InputError, match="condensing_kw"):
        Chp(OperatingRange(100.0), 0.6, 0.42, power_loss=0.15, condensing_kw=50.0)


def test_collectors_follow_iso_9806():
    field = Collector(100.0, 0.78, 3.0, 0.01)
    by_hand = (0.78 * 800.0 - 3.0 * 50.0 - 0.01 * 2500.0) * 0.1
    assert float(field.heat_kw(800.0, 60.0, 10.0)) == pytest.approx(by_hand)
    np.testing.assert_array_equal(field.heat_kw([0.0, 100.0], 70.0, 5.0), 0.0)
    assert float(field.heat_kw(1000.0, 10.0, 10.0)) == pytest.approx(78.0)


def test_heat_pumps_have_the_published_numbers():
    """Carnot by hand; the coefficients of the fit in Ruhnau et al. (2019), table 2, times the field correction."""
    assert float(carnot_cop(10.0, 70.0)) == pytest.approx(0.5 * 343.15 / 60.0)
    by_hand = {"air": 6.08 - 3.15 + 0.6125, "ground": 10.29 - 7.35 + 1.47, "water": 9.97 - 7.0 + 1.47}
    for source, cop in by_hand.items():
        assert float(regression_cop(source, 0.0, 35.0)) == pytest.approx(0.85 * cop)
        assert float(regression_cop(source, 0.0, 90.0)) == float(regression_cop(source, 0.0, 60.0))


def test_lorenz_gains_from_the_glide():
    assert float(lorenz_cop(10.0, 10.0, 70.0, 70.0)) == pytest.approx(float(carnot_cop(10.0, 70.0)))
    hot = 30.0 / math.log(343.15 / 313.15)
    assert float(lorenz_cop(10.0, 10.0, 40.0, 70.0)) == pytest.approx(0.5 * hot / (hot - 283.15))
    assert float(lorenz_cop(10.0, 5.0, 40.0, 70.0)) > float(carnot_cop(5.0, 70.0))


def test_impossible_plants_are_refused_with_every_reason():
    with pytest.raises(InputError, match=r"min_kw[\s\S]*ramp_kw_per_min"):
        OperatingRange(100.0, 120.0, 0.0)
    with pytest.raises(InputError, match=r"load[\s\S]*efficiency"):
        EfficiencyCurve((1.0, 0.5), (0.9, 3.0))
    with pytest.raises(InputError, match=r"area_m2[\s\S]*eta_0"):
        Collector(-1.0, 1.5)
    with pytest.raises(InputError, match=r"power_to_heat[\s\S]*power_loss"):
        Chp(OperatingRange(100.0), 0.0, 0.9, power_loss=1.0)


def test_what_is_no_finite_number_is_refused_where_a_plant_is_asked():
    chp = Chp(OperatingRange(100.0), power_to_heat=0.5, efficiency=0.9)
    for ask in (
        lambda: chp.power_range(math.nan),
        lambda: chp.fuel_kw(50.0, math.inf),
        lambda: chp.heat.reach_kw([10.0, math.nan], 15.0),
    ):
        with pytest.raises(InputError, match="finite numbers"):
            ask()
