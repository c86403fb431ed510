"""A fault of one meter is named, or it is said and in the intervals: it never makes a confident wrong answer."""

import numpy as np
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import VoltageSpaceNet
from rexnet_grid.spacemeternet.feederreadings import Mending
from rexnet_grid.spacemeternet.possiblefaults import PossibleFaults


def readings(cable, seed, noise, days, customer, factor):
    """Return the readings of a cable where one customer's powers are on another scale, and dv/dp."""
    tables, truth = cable.metered(cable.lived(seed, days=days), (), seed, noise)
    for table in tables[:2]:
        table[customer] *= factor
    return tables, truth


@pytest.mark.parametrize(("seed", "noise", "days"), [(2, 0.01, 7), (3, 0.01, 7)])
def test_powers_counted_twice_are_said_beside_somebody_without_a_meter_who_explains_as_much(cable, seed, noise, days):
    tables, truth = readings(cable, seed, noise, days, "m8", 2.0)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert "without a meter near" in net.diagnostics_["warning"]
    assert "voltage meters that drift" in net.diagnostics_["warning"]
    assert "likelier with powers of m8 multiplied by 0.5: a fault" in net.diagnostics_["warning"]
    assert cable.inside(net, truth) >= 0.9


@pytest.mark.parametrize(("seed", "noise", "days"), [(0, 0.01, 7), (3, 0.005, 5)])
def test_a_quarter_of_the_power_that_voltages_hardly_tell_is_said_and_in_the_intervals(cable, seed, noise, days):
    tables, truth = readings(cable, seed, noise, days, "m4", 0.25)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert "powers of m4 multiplied by 4: a fault" in net.diagnostics_["warning"]
    assert cable.inside(net, truth) >= 0.9


def test_nothing_is_estimated_where_a_fault_explains_the_readings_clearly_better(cable):
    tables, _ = readings(cable, 2, 0.005, 5, "m8", 2.0)
    with pytest.raises(MeterDataError, match="p_kw: m8: got readings much likelier with powers of m8 multiplied"):
        VoltageSpaceNet(n_trees=2).fit(*tables)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("noise", "days"), [(0.002, 14), (0.005, 7)])
def test_nothing_is_said_where_all_meters_are_right(cable, seed, noise, days):
    tables, truth = readings(cable, seed, noise, days, "m8", 1.0)
    net = VoltageSpaceNet(n_trees=4).fit(*tables)
    assert net.diagnostics_["warning"] == ""
    assert cable.inside(net, truth) >= 0.85


def test_faults_are_told_by_customer_if_they_are_likely_and_matter():
    changes = (
        Mending("scale", 1, 1, factor=0.25, gain=3.0),
        Mending("late power", 1, 1, steps=2, gain=2.0),
        Mending("exchange", 0, 2, gain=-1.0),
        Mending("late voltage", 2, 2, steps=-1, gain=-3.0),
    )
    apart = np.stack([np.full((3, 3), size) for size in (4.0, 1.0, 4.0, 4.0)])
    faults = PossibleFaults(changes, np.array([0.3, 0.1, 0.4, 0.01]), apart)
    np.testing.assert_allclose(faults.spread, 0.3 * 4 + 0.1 * 1 + 0.4 * 4 + 0.01 * 4)
    told = faults.remark("abc", np.full((3, 3), 2.0))
    assert "likelier with the voltages of a and c exchanged, or powers of b multiplied by 0.25: a fault" in told
    assert faults.remark("abc", np.full((3, 3), 5.0)) == ""
    assert faults.issues("abc") == []
    sure = PossibleFaults(changes, np.array([0.7, 0.25, 0.0, 0.0]), apart)
    (issue,) = sure.issues("abc")
    assert str(issue).endswith("; expected readings that fit those of the others")
    assert "powers of b multiplied by 0.25 or powers of b moved 2 steps back" in str(issue)
