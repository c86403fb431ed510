"""What a pandapower net lacks: named where ``runpp`` needs it, filled in where ``runpp`` does without."""

from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.errors import NetworkDataError

pp = pytest.importorskip("pandapower")

SPARED = {
    *(f"{table}.name" for table in ("bus", "load", "sgen", "storage", "asymmetric_load")),
    *(f"{table}.type" for table in ("load", "sgen", "asymmetric_load")),
    *(f"trafo.{column}" for column in ("tap_side", "tap_min", "tap_max", "tap_pos", "tap_step_percent")),
}


@pytest.fixture(scope="module")
def every_table():
    """A net with rows in every table that takes part in a power flow of alternating current."""
    net = pp.create_empty_network()
    top, start, end, low, side, joined = (pp.create_bus(net, kv) for kv in (110.0, 20.0, 20.0, 0.4, 10.0, 20.0))
    pp.create_ext_grid(net, top)
    for km in (1.0, 2.0):
        pp.create_line(net, start, end, km, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_transformer(net, end, low, "0.4 MVA 20/0.4 kV")
    pp.create_transformer3w(net, top, start, side, "63/25/38 MVA 110/20/10 kV")
    pp.create_load(net, end, 0.1, 0.02)
    pp.create_sgen(net, low, 0.01)
    pp.create_storage(net, low, 0.001, 0.01)
    pp.create_switch(net, start, 0, "l")
    pp.create_switch(net, start, joined, "b")
    pp.create_shunt(net, end, 0.01)
    pp.create_gen(net, end, 0.01, vm_pu=1.0)
    pp.create_ward(net, end, 0.01, 0.0, 0.01, 0.0)
    pp.create_xward(net, joined, 0.01, 0.0, 0.01, 0.0, 0.1, 0.1, 1.0)
    pp.create_impedance(net, start, end, 0.01, 0.01, 1.0)
    pp.create_asymmetric_load(net, low, 0.001, 0.0, 0.0)
    pp.create_asymmetric_sgen(net, low, 0.001, 0.0, 0.0)
    pp.create_motor(net, end, 0.01, 0.9, 95.0, 90.0, 100.0)
    return net


def _without(net, columns):
    net = copy.copy(net)
    for table, column in columns:
        net[table] = net[table].drop(columns=[column])
    return net


def _named(net):
    try:
        ElectricNetwork.from_pandapower(net)
    except NetworkDataError as error:
        return {issue.key for issue in error.issues if issue.value == "no such column"}
    return set()


def test_what_runpp_needs_is_named_and_what_it_does_not_need_is_not_asked_for(every_table):
    """All columns dropped at once: those not named are left out of one net, which both solve to the same voltages."""
    tables = [t for t, rows in every_table.items() if isinstance(rows, pd.DataFrame) and len(rows) and t[:4] != "res_"]
    columns = [(table, column) for table in tables for column in every_table[table].columns]
    named = _named(_without(every_table, columns))
    spared = [(table, column) for table, column in columns if f"{table}.{column}" not in named]
    assert {f"{table}.{column}" for table, column in spared} >= SPARED
    bare = _without(every_table, spared)
    whole, read = ElectricNetwork.from_pandapower(every_table), ElectricNetwork.from_pandapower(bare)
    expected = whole.power_flow(*whole.base_injection()).vm_pu
    np.testing.assert_allclose(read.power_flow(*read.base_injection()).vm_pu, expected, atol=1e-9)
    solved = copy.deepcopy(bare)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(solved, tolerance_mva=1e-9)
    np.testing.assert_allclose(solved.res_bus.vm_pu, expected, atol=1e-8)


@pytest.mark.parametrize(
    "place",
    [
        "line.in_service",
        "line.df",
        "line.g_us_per_km",
        "load.scaling",
        "switch.closed",
        "trafo.tap_neutral",
        "gen.slack",
        "ext_grid.va_degree",
        "ext_grid.in_service",
        "motor.efficiency_percent",
        "xward.x_ohm",
        "shunt.step",
        "switch.element",
        "trafo3w.vkr_mv_percent",
        "impedance.bf_pu",
        "asymmetric_load.q_b_mvar",
        "bus.in_service",
    ],
)
def test_a_column_without_which_runpp_fails_is_named(every_table, place):
    table, _, column = place.partition(".")
    net = _without(every_table, [(table, column)])
    assert _named(net) == {place}
    with pytest.raises((LookupError, AttributeError, TypeError, ValueError, NameError)):
        pp.runpp(copy.deepcopy(net))


def test_every_missing_table_and_column_is_named_at_once_and_no_version_is_blamed(every_table):
    net = copy.copy(every_table)
    del net["motor"], net["dcline"]
    for table, column in (("line", "in_service"), ("load", "scaling"), ("switch", "et"), ("ext_grid", "va_degree")):
        net[table] = net[table].drop(columns=[column])
    with pytest.raises(NetworkDataError) as caught:
        ElectricNetwork.from_pandapower(net)
    missing = {issue.key for issue in caught.value.issues}
    assert missing == {"motor", "dcline", "line.in_service", "load.scaling", "switch.et", "ext_grid.va_degree"}
    assert "made" not in str(caught.value)


def test_names_and_types_that_are_not_there_stay_blank(every_table):
    net = copy.copy(every_table)
    net["bus"], net["load"] = net.bus.drop(columns=["name"]), net.load.drop(columns=["name", "type"])
    net["storage"] = pd.DataFrame()
    del net["user_pf_options"]
    read = ElectricNetwork.from_pandapower(net)
    assert read.loads.name[0] == "load 0"
    assert not read.case.bus_name.astype(bool).any()
    assert "name" not in net.bus


@pytest.mark.parametrize("label", ["b", 3.5, -1, np.nan])
@pytest.mark.parametrize("table", ["bus", "line"])
def test_an_index_that_is_no_whole_number_is_named(every_table, table, label):
    net = copy.copy(every_table)
    net[table] = net[table].rename(index={net[table].index[-1]: label})
    with pytest.raises(NetworkDataError, match=rf"{table} {label}: got index {label}; expected a whole number from 0"):
        ElectricNetwork.from_pandapower(net)


def test_a_whole_index_held_as_decimals_is_taken(every_table):
    net = copy.copy(every_table)
    net["bus"], net["line"] = (net[table].set_axis(net[table].index.astype(float)) for table in ("bus", "line"))
    read = ElectricNetwork.from_pandapower(net)
    assert read.buses.tolist() == every_table.bus.index.tolist()
    assert read.branches[:2].tolist() == ["line 0", "line 1"]


@pytest.mark.parametrize("key", ["sn_mva", "f_hz"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, "x", None])
def test_rated_power_and_frequency_are_numbers_above_zero(every_table, key, value):
    net = copy.copy(every_table)
    net[key] = value
    with pytest.raises(NetworkDataError, match=f"{key}: got {value}; expected a number above zero"):
        ElectricNetwork.from_pandapower(net)
    del net[key]
    with pytest.raises(NetworkDataError, match=f"{key}: it is missing"):
        ElectricNetwork.from_pandapower(net)


def test_circuits_in_parallel_are_counted(every_table):
    net = copy.copy(every_table)
    net["line"] = net.line.assign(parallel=[1.5, 2.0])
    with pytest.raises(NetworkDataError, match=r"line 0: got parallel 1\.5; expected a whole number"):
        ElectricNetwork.from_pandapower(net)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"format_version": "99.0"}, "format_version: got 99.0; expected at most"),
        ({"version": "99.0", "format_version": None}, "version: got 99.0; expected at most"),
        ({"format_version": "99.0", "version": "99.0"}, "format_version: got 99.0; expected at most"),
    ],
)
def test_the_version_that_is_too_late_is_told_as_it_stands(every_table, named, told):
    net = copy.copy(every_table)
    net.update({key: value for key, value in named.items() if value})
    for key in (key for key, value in named.items() if not value):
        del net[key]
    with pytest.raises(NetworkDataError, match=re.escape(told)):
        ElectricNetwork.from_pandapower(net)


def test_a_net_that_names_the_installed_pandapower_and_no_format_is_todays(every_table):
    net = copy.copy(every_table)
    del net["format_version"]
    assert ElectricNetwork.from_pandapower(net).case.n_bus == 6


NUMBERS = ["trafo.shift_degree", "trafo3w.vk_mv_percent", "ext_grid.va_degree", "load.const_i_q_percent", "gen.scaling"]
NUMBERS += [
    "motor.efficiency_percent",
    "shunt.vn_kv",
    "xward.x_ohm",
    "asymmetric_load.q_b_mvar",
    "line.g_us_per_km",
    "impedance.gf_pu",
]


@pytest.mark.parametrize("place", NUMBERS)
@pytest.mark.parametrize("value", ["x", None, np.nan, np.inf])
def test_every_number_that_a_power_flow_needs_is_named_where_it_is_none(every_table, place, value):
    """Before, a blank power of one phase left the whole network without a solution, and nobody told why."""
    table, _, column = place.partition(".")
    net = copy.copy(every_table)
    net[table] = net[table].astype({column: object})
    net[table][column] = [value] * len(net[table])
    with pytest.raises(NetworkDataError, match=rf"{table} 0: got {column} {value}; expected a finite number"):
        ElectricNetwork.from_pandapower(net)


@pytest.mark.parametrize("place", ["gen.slack", "switch.closed", "trafo3w.tap_at_star_point", "load.in_service"])
@pytest.mark.parametrize("value", ["x", None, np.nan, -1.0])
def test_what_is_neither_true_nor_false_is_named(every_table, place, value):
    table, _, column = place.partition(".")
    net = copy.copy(every_table)
    net[table] = net[table].assign(**{column: [value] * len(net[table])})
    with pytest.raises(NetworkDataError, match=rf"{table} 0: got {column} .*; expected true or false"):
        ElectricNetwork.from_pandapower(net)


@pytest.mark.parametrize(
    "place", ["trafo3w.tap_pos", "trafo.tap_pos", "switch.z_ohm", "trafo.tap_step_degree", "bus.geo"]
)
def test_nothing_may_be_none_and_a_place_any_text(every_table, place):
    table, _, column = place.partition(".")
    net = copy.copy(every_table)
    net[table] = net[table].assign(**{column: ["x" if column == "geo" else None] * len(net[table])})
    read = ElectricNetwork.from_pandapower(net)
    assert read.power_flow(*read.base_injection()).converged
