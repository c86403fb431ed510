"""What a three-phase study makes of a pandapower net: all of it as ``runpp`` does, or the row is refused by name."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.electric.threephase import ThreePhaseNetwork
from rexnet_grid.electric.transformer_turns import turns
from rexnet_grid.errors import InputError, NetworkDataError

pp = pytest.importorskip("pandapower")
pytest.importorskip("power_grid_model", reason="the extra threephase is not installed")


@pytest.fixture(scope="module")
def plain():
    """20 kV, a Dyn5 transformer one step off neutral, three cables with a load at the end of each."""
    net = pp.create_empty_network()
    source, *buses = [pp.create_bus(net, kv) for kv in (20.0, 0.4, 0.4, 0.4, 0.4)]
    pp.create_ext_grid(net, source, 1.02)
    pp.create_transformer(net, source, buses[0], "0.4 MVA 20/0.4 kV", tap_pos=-1)
    for start, end in pairwise(buses):
        pp.create_line(net, start, end, 0.2, "NAYY 4x150 SE")
        pp.create_load(net, end, 0.03, 0.01)
    net.line = net.line.assign(r0_ohm_per_km=0.8, x0_ohm_per_km=0.3, c0_nf_per_km=200.0)
    return net


def nothing(net):
    assert len(net.load) == 3


def impedance_switch(net):
    far = pp.create_bus(net, 0.4)
    pp.create_switch(net, 4, far, "b", closed=True, z_ohm=0.05)
    pp.create_load(net, far, 0.02, 0.01)


def fused_switch(net):
    far = pp.create_bus(net, 0.4)
    pp.create_switch(net, 4, far, "b", closed=True)
    pp.create_load(net, far, 0.02, 0.01)


def second_tap_changer(net):
    given = {"side": "lv", "neutral": 0, "min": -2, "max": 2, "pos": 2, "step_percent": 2.5, "changer_type": "Ratio"}
    net.trafo = net.trafo.assign(**{f"tap2_{key}": value for key, value in given.items()})


def no_tap_changer(net):
    net.trafo["tap_changer_type"] = None


def half_a_step(net):
    net.trafo["tap_pos"] = -1.5


def low_voltage_side(net):
    net.trafo["tap_side"] = "lv"


def voltage_dependent(net):
    net.load["const_z_p_percent"], net.load["const_i_q_percent"] = 60.0, 40.0


def conducting_lines(net):
    net.line["g_us_per_km"] = 5000.0
    net.line["c_nf_per_km"] = 0.0


def without_supply(net):
    pp.create_transformer(net, pp.create_bus(net, 20.0), pp.create_bus(net, 0.4), "0.4 MVA 20/0.4 kV")


def transformer_with_an_open_end(net):
    end = pp.create_bus(net, 0.4)
    trafo = pp.create_transformer(net, 0, end, "0.4 MVA 20/0.4 kV")
    pp.create_switch(net, end, trafo, "t", closed=False)


def cable_with_an_open_end(net):
    end = pp.create_bus(net, 0.4)
    line = pp.create_line(net, end, 3, 5.0, "NAYY 4x150 SE")
    pp.create_switch(net, end, line, "l", closed=False)


def cable_to_a_bus_out_of_service(net):
    pp.create_line(net, 3, pp.create_bus(net, 0.4, in_service=False), 5.0, "NAYY 4x150 SE")


def behind_a_weak_grid(net):
    net.ext_grid = net.ext_grid.assign(s_sc_max_mva=5.0, rx_max=0.4, x0x_max=2.0, r0x0_max=0.3)


def ring_between_two_weak_grids(net):
    behind_a_weak_grid(net)
    far = pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, far, 1.021, va_degree=0.1, s_sc_max_mva=50.0, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    pp.create_line(net, 0, far, 0.5, "NA2XS2Y 1x240 RM/25 12/20 kV")


def transformer_as_pi(net):
    net.user_pf_options = {"trafo_model": "pi"}


def out_of_service(net):
    pp.create_gen(net, 3, 0.01, vm_pu=1.0, in_service=False)
    pp.create_shunt(net, 3, 0.01, in_service=False)
    pp.create_asymmetric_load(net, 3, 0.01, type="delta", in_service=False)


HONOURED = (
    nothing,
    impedance_switch,
    fused_switch,
    second_tap_changer,
    no_tap_changer,
    half_a_step,
    low_voltage_side,
    voltage_dependent,
    conducting_lines,
    without_supply,
    transformer_with_an_open_end,
    cable_with_an_open_end,
    cable_to_a_bus_out_of_service,
    behind_a_weak_grid,
    ring_between_two_weak_grids,
    transformer_as_pi,
    out_of_service,
)


@pytest.mark.parametrize("change", HONOURED)
def test_balanced_injections_give_what_runpp_gives(plain, change):
    """Voltages within 1e-8 p.u., loadings within 1e-5 percent points, losses and import within 1e-4 kW."""
    net = copy.deepcopy(plain)
    change(net)
    net.line = net.line.fillna({"r0_ohm_per_km": 0.8, "x0_ohm_per_km": 0.3, "c0_nf_per_km": 200.0})
    study = ThreePhaseNetwork.from_pandapower(net)
    flow = study.power_flow(*study.base_injection())
    pp.runpp(net, tolerance_mva=1e-10, calculate_voltage_angles=True)
    assert flow.converged
    expected = net.res_bus.vm_pu.to_numpy()
    for phase, turn in enumerate((0.0, -120.0, 120.0)):
        np.testing.assert_allclose(flow.vm_pu[:, phase], expected, rtol=0, atol=1e-8)
        beside = np.exp(1j * np.radians(flow.va_degree[:, phase] - turn - net.res_bus.va_degree.to_numpy()))
        np.testing.assert_allclose(beside[np.isfinite(expected)], 1.0, rtol=0, atol=1e-7)
    loading = np.concatenate((net.res_line.loading_percent, net.res_trafo.loading_percent))
    np.testing.assert_allclose(flow.loading_percent, loading, rtol=0, atol=1e-5)
    given = 1e3 * net.res_ext_grid.p_mw.sum()
    assert flow.grid_import_kw == pytest.approx(given, abs=1e-4)
    assert flow.loss_kw == pytest.approx(given - 1e3 * net.res_load.p_mw.sum(), abs=1e-4)


CHANGES = (
    {"out": ["line 1"]},
    {"out": ["switch 0"]},
    {"closed": ["switch 1", "line 3"]},
    {"taps": {"trafo 0": 2}},
)


@pytest.mark.parametrize("changes", CHANGES)
def test_changes_give_what_the_changed_tables_give_and_are_undone(plain, changes):
    """Within 1e-8 p.u. and 1e-5 percent points of ``runpp``; out and back in again is as before."""
    net = copy.deepcopy(plain)
    pp.create_line(net, 1, 4, 0.3, "NAYY 4x150 SE", in_service=False)
    net.line = net.line.fillna({"r0_ohm_per_km": 0.8, "x0_ohm_per_km": 0.3, "c0_nf_per_km": 200.0})
    pp.create_switch(net, 4, 2, "l", closed=True)
    pp.create_switch(net, 1, 3, "l", closed=False)
    study = ThreePhaseNetwork.from_pandapower(net)
    before = study.power_flow(*study.base_injection())
    after = study.changed(**changes)
    flow = after.power_flow(*after.base_injection())
    for key, state in (("out", False), ("closed", True)):
        for table, row in (name.split() for name in changes.get(key, ())):
            net[table].loc[int(row), "closed" if table == "switch" else "in_service"] = state
    net.trafo["tap_pos"] = changes.get("taps", {}).get("trafo 0", net.trafo.tap_pos)
    pp.runpp(net, tolerance_mva=1e-10)
    np.testing.assert_allclose(flow.vm_pu[:, 0], net.res_bus.vm_pu, rtol=0, atol=1e-8)
    assert not np.allclose(before.vm_pu, flow.vm_pu, rtol=0, atol=1e-4)
    loading = np.concatenate((net.res_line.loading_percent, net.res_trafo.loading_percent))
    carries = np.isfinite(loading) & (loading > 0.0)
    np.testing.assert_allclose(flow.loading_percent[carries], loading[carries], rtol=0, atol=1e-5)
    back = {"out": changes.get("closed", ()), "closed": changes.get("out", ())}
    again = after.changed(**back, taps={"trafo 0": -1})
    np.testing.assert_allclose(again.power_flow(*study.base_injection()).vm_pu, before.vm_pu, rtol=0, atol=1e-12)


def test_a_change_of_what_is_not_there_is_refused_as_by_the_balanced_network(plain):
    study = ThreePhaseNetwork.from_pandapower(plain)
    with pytest.raises(NetworkDataError, match="line 77"):
        study.changed(out=["line 77"])
    with pytest.raises(InputError, match="a list of names"):
        study.changed(out="line 1")


def test_everything_it_does_not_take_is_told_at_once_by_row(plain):
    from pandapower.control import DiscreteTapControl

    net = copy.deepcopy(plain)
    pp.create_asymmetric_load(net, 3, 0.01, type="delta")
    pp.create_gen(net, 2, 0.01, vm_pu=1.0)
    DiscreteTapControl(net, element_index=0, vm_lower_pu=0.99, vm_upper_pu=1.02)
    net.trafo["leakage_reactance_ratio_hv"] = 0.3
    net.trafo["tap_step_degree"] = 60.0
    net.line.loc[1, "r0_ohm_per_km"] = np.nan
    with pytest.raises(NetworkDataError) as refused:
        ThreePhaseNetwork.from_pandapower(net)
    found = {(issue.key, issue.value.split(" ")[0]) for issue in refused.value.issues}
    assert found == {
        ("asymmetric_load 0", "type"),
        ("gen 0", "in_service"),
        ("controller 0", "object"),
        ("trafo 0", "leakage_reactance_ratio_hv"),
        ("trafo 0", "shift_degree"),
        ("line 1", "r0_ohm_per_km"),
    }
    assert all(issue.expected for issue in refused.value.issues)


def test_what_stands_at_one_supplied_bus_is_refused_too(plain):
    net = copy.deepcopy(plain)
    high, dark = pp.create_bus(net, 110.0), pp.create_bus(net, 10.0)
    net.ext_grid.loc[0, "bus"] = high
    pp.create_transformer3w(net, high, 0, dark, "63/25/38 MVA 110/20/10 kV")
    net.bus.loc[dark, "in_service"] = False
    with pytest.raises(NetworkDataError, match="trafo3w 0: got in_service True; expected no trafo3w"):
        ThreePhaseNetwork.from_pandapower(net)


@pytest.mark.parametrize("kind", ["delta", "Delta", "D", " d ", "3PH-'D'"])
@pytest.mark.parametrize("table", ["load", "sgen", "asymmetric_load", "asymmetric_sgen"])
def test_what_is_connected_between_phases_is_refused_by_row(plain, table, kind):
    net = copy.deepcopy(plain)
    kw = {"p_mw": 0.01} if table in {"load", "sgen"} else {"p_a_mw": 0.01}
    row = getattr(pp, f"create_{table}")(net, 3, **kw, type=kind)
    with pytest.raises(NetworkDataError, match=f"{table} {row}: got type {kind}; expected wye"):
        ThreePhaseNetwork.from_pandapower(net)


@pytest.mark.parametrize("kind", ["wye", None, np.nan, "", "HH", "PV", "3PH PH-E"])
def test_every_other_type_or_none_is_from_each_phase_to_ground(plain, kind):
    """All of them draw; ``runpp_3ph`` leaves out what is neither wye nor delta by that very word."""
    net = copy.deepcopy(plain)
    pp.create_asymmetric_load(net, 3, 0.02, 0.001, 0.005, 0.004, 0.0, 0.002, type=kind)
    pp.create_sgen(net, 2, 0.01, 0.003, type=kind)
    study = ThreePhaseNetwork.from_pandapower(net)
    kw, kvar = study.base_injection()
    np.testing.assert_allclose(kw[3], [-30.0, -11.0, -15.0])
    np.testing.assert_allclose(kvar[2], [-7.0 / 3.0] * 3)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("shift_degree", 20.0, "multiples of 30 deg"),
        ("shift_degree", 0.0, "an odd multiple of 30 deg"),
        ("vector_group", "Dxn", "a vector group such as Dyn"),
        ("vector_group", "ZNyn", "a zigzag winding with neutral on the low-voltage side"),
        ("tap_pos", np.nan, "a finite number"),
    ],
)
def test_transformers_that_no_clock_number_describes(plain, column, value, told):
    net = copy.deepcopy(plain)
    net.trafo[column] = value
    if column == "tap_pos":
        net.trafo["tap_neutral"] = 0.0
    with pytest.raises(NetworkDataError, match=told):
        ThreePhaseNetwork.from_pandapower(net)


def test_an_ideal_tap_changer_turns_by_its_steps(plain):
    trafo = plain.trafo.loc[0].copy()
    trafo["tap_changer_type"], trafo["tap_step_percent"], trafo["tap_step_degree"] = "Ideal", 0.0, 30.0
    assert turns(trafo) == pytest.approx((20.0, 0.4, 120.0))


@pytest.mark.parametrize(("group", "shift"), [("Dyn", 150.0), ("YNyn", 0.0)])
@pytest.mark.parametrize("vk0_percent", [2.0, 9.0])
def test_the_zero_sequence_of_a_transformer_is_that_of_runpp_3ph(plain, group, shift, vk0_percent):
    """One phase loaded; magnetising in the zero sequence is as good as absent in both; within 1e-8 p.u."""
    net = copy.deepcopy(plain)
    net.trafo = net.trafo.assign(vector_group=group, shift_degree=shift, vk0_percent=vk0_percent, vkr0_percent=1.0)
    net.trafo = net.trafo.assign(mag0_percent=1e6, mag0_rx=0.0, si0_hv_partial=0.9, pfe_kw=1.0)
    net.ext_grid = net.ext_grid.assign(s_sc_max_mva=1e6, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    pp.create_asymmetric_load(net, 4, 0.02, 0.0, 0.0, 0.01, 0.0, 0.0)
    study = ThreePhaseNetwork.from_pandapower(net)
    flow = study.power_flow(*study.base_injection())
    net.sn_mva = 1e-3
    pp.runpp_3ph(net, tolerance_mva=1e-9, max_iteration=100)
    np.testing.assert_allclose(flow.vm_pu, net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]], rtol=0, atol=1e-8)


@pytest.mark.parametrize("column", ["df", "parallel", "max_i_ka", "tap_pos"])
def test_the_loading_is_that_of_runpp_3ph_and_balanced_of_runpp(plain, column):
    """By the largest current of a phase, of the rating that ``df`` and ``parallel`` leave, away from rated voltage."""
    net = copy.deepcopy(plain)
    net.ext_grid = net.ext_grid.assign(vm_pu=1.06, s_sc_max_mva=1e8, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    net.trafo = net.trafo.assign(vector_group="Dyn", vk0_percent=6.0, vkr0_percent=1.4)
    net.trafo = net.trafo.assign(mag0_percent=100.0, mag0_rx=0.0, si0_hv_partial=0.9)
    net.load["p_mw"] *= 2.5
    value = {"df": 0.7, "parallel": 2, "max_i_ka": 0.1, "tap_pos": -2}[column]
    for table in ("line", "trafo"):
        if column in net[table]:
            net[table][column] = value
    study = ThreePhaseNetwork.from_pandapower(net)
    flow = study.power_flow(*study.base_injection())
    pp.runpp(net, tolerance_mva=1e-9)
    expected = np.concatenate((net.res_line.loading_percent, net.res_trafo.loading_percent))
    np.testing.assert_allclose(flow.loading_percent, expected, rtol=0, atol=1e-5)
    pp.create_asymmetric_load(net, 4, 0.02, 0.0, 0.0, 0.01, 0.0, 0.0)
    study = ThreePhaseNetwork.from_pandapower(net)
    flow = study.power_flow(*study.base_injection())
    net.sn_mva = 1e-3
    pp.runpp_3ph(net, tolerance_mva=1e-9, max_iteration=100)
    expected = np.concatenate((net.res_line_3ph.loading_percent, net.res_trafo_3ph.loading_percent))
    np.testing.assert_allclose(flow.loading_percent, expected, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def study(plain):
    net = copy.deepcopy(plain)
    pp.create_asymmetric_load(net, 3, 0.02, 0.001, 0.005, 0.004, 0.0, 0.002)
    return ThreePhaseNetwork.from_pandapower(net)


def test_labelled_injections_are_taken_by_bus_and_phase(study):
    kw, kvar = study.base_injection()
    expected = study.power_flow(kw, kvar).vm_pu
    p, q = (pd.DataFrame(values, index=study.buses, columns=list("abc")) for values in (kw, kvar))
    turned = study.power_flow(p.iloc[::-1][["c", "b", "a"]], q[["b", "a", "c"]])
    np.testing.assert_array_equal(turned.vm_pu, expected)
    np.testing.assert_array_equal(study.power_flow([p.iloc[::-1], p], [q, q.iloc[::-1]]).vm_pu, [expected, expected])
    unnamed = pd.DataFrame(kw, index=study.buses)
    np.testing.assert_array_equal(study.power_flow(unnamed.iloc[::-1], kvar).vm_pu, expected)


def test_many_cases_are_each_what_they_are_alone_and_one_without_a_solution_is_told(study):
    kw, kvar = study.base_injection()
    factors = np.array([1.0, 0.0, 500.0, 2.0])[:, None, None]
    flow = study.power_flow(factors * kw, factors * kvar)
    np.testing.assert_array_equal(flow.converged, [True, True, False, True])
    for values in (flow.vm_pu, flow.va_degree, flow.loading_percent, flow.loss_kw, flow.grid_import_kw):
        assert np.isnan(values[2]).all()
        assert np.isfinite(values[[0, 1, 3]]).all()
    alone = study.power_flow(2.0 * kw, 2.0 * kvar)
    np.testing.assert_allclose(flow.vm_pu[3], alone.vm_pu, rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow.loading_percent[3], alone.loading_percent, rtol=0, atol=1e-9)
    assert flow.loss_kw[3] == pytest.approx(alone.loss_kw)


def test_cases_beyond_what_is_solved_at_once_are_solved_in_turn(study, monkeypatch):
    kw, kvar = study.base_injection()
    factors = np.linspace(0.0, 2.0, 5)[:, None, None]
    expected = study.power_flow(factors * kw, factors * kvar)
    monkeypatch.setattr("rexnet_grid.electric.threephase_solver.NODES_AT_ONCE", 10)
    np.testing.assert_allclose(study.power_flow(factors * kw, factors * kvar).vm_pu, expected.vm_pu, rtol=0, atol=1e-12)


def test_no_case_at_all_has_no_flow(study):
    flow = study.power_flow(np.zeros((0, len(study.buses), 3)))
    assert flow.vm_pu.shape == (0, len(study.buses), 3)
    assert flow.loading_percent.shape == (0, len(study.branches))
    assert flow.converged.shape == flow.loss_kw.shape == (0,)


BUSES = list(range(5))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kw: pd.DataFrame(kw, [*BUSES[:-1], 99], list("abc")), "injection_kw by bus: got buses that .*: 99;"),
        (lambda kw: pd.DataFrame(kw, [0, 0, 1, 2, 3], list("abc")), "buses named twice: 0"),
        (lambda kw: pd.DataFrame(kw, BUSES, ["a", "b", "n"]), "injection_kw by phase: got columns a, b, n; expected"),
        (lambda kw: pd.DataFrame(kw, BUSES, [2, 1, 0]), "got columns 2, 1, 0; expected columns a, b and c"),
        (lambda kw: kw + 1j, "injection_kw: got complex numbers;"),
        (lambda kw: np.full(kw.shape, "x"), "injection_kw: got texts; expected an array of numbers"),
        (lambda kw: np.zeros(kw.shape, "M8[s]"), "injection_kw: got dates;"),
        (lambda kw: np.ma.masked_less(kw, -5.0), "masked values; expected a number for every bus"),
        (lambda kw: np.where(np.arange(kw.size).reshape(kw.shape) == 7, np.nan, kw), "at bus 2, phase b: got nan;"),
        (lambda kw: kw[:-1], r"injection_kw: got shape \(4, 3\)"),
        (lambda kw: [list(kw[0]), [1.0]], "injection_kw: got list; expected an array of numbers"),
    ],
)
def test_odd_injections_are_refused_as_by_the_balanced_network(study, change, told):
    kw, _ = study.base_injection()
    with pytest.raises(InputError, match=told):
        study.power_flow(change(kw))
