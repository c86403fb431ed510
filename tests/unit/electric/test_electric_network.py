"""What an electric network answers, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.errors import InputError, NetworkDataError


@pytest.fixture(scope="module")
def cigre() -> ElectricNetwork:
    return ElectricNetwork.from_builtin("cigre_lv")


def test_one_case_and_many_agree(cigre):
    kw, kvar = cigre.base_injection()
    one = cigre.power_flow(kw, kvar)
    many = cigre.power_flow(np.stack([kw, 0.5 * kw]), np.stack([kvar, 0.5 * kvar]))
    assert one.converged is True
    assert many.vm_pu.shape == (2, len(cigre.buses))
    np.testing.assert_allclose(many.vm_pu[0], one.vm_pu, rtol=0, atol=1e-13)
    np.testing.assert_allclose(many.loading_percent[0], one.loading_percent, rtol=0, atol=1e-9)
    assert many.loss_kw[1] < many.loss_kw[0] == pytest.approx(one.loss_kw, rel=1e-12)


def test_energy_closes_with_losses_summed_from_the_branches(cigre):
    kw, kvar = cigre.base_injection()
    flow = cigre.power_flow(kw, kvar)
    assert flow.grid_import_kw + kw.sum() - flow.loss_kw - flow.shunt_kw == pytest.approx(0.0, abs=1e-9 * abs(kw.sum()))


def test_a_warm_start_leads_to_the_same_place(cigre):
    kw, kvar = cigre.base_injection()
    flow = cigre.power_flow(kw, kvar)
    warm = cigre.power_flow(1.05 * kw, 1.05 * kvar, start=flow)
    cold = cigre.power_flow(1.05 * kw, 1.05 * kvar)
    np.testing.assert_allclose(warm.vm_pu, cold.vm_pu, rtol=0, atol=1e-12)


def test_no_solution_is_said_and_nothing_stale_returned(cigre):
    kw, kvar = cigre.base_injection()
    flow = cigre.power_flow(np.stack([kw, 100.0 * kw]), np.stack([kvar, 100.0 * kvar]))
    assert flow.converged.tolist() == [True, False]
    assert np.isfinite(flow.vm_pu[0]).all()
    assert np.isnan(flow.vm_pu[1]).all()
    assert np.isnan(flow.loading_percent[1]).all()
    assert np.isnan(flow.loss_kw[1])
    assert np.isnan(flow.grid_import_kw[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_injections_that_are_no_numbers_are_refused_by_bus(cigre, value):
    kw = cigre.base_injection()[0]
    kw[3] = value
    with pytest.raises(InputError, match=f"bus {cigre.buses[3]}"):
        cigre.power_flow(kw)


def test_wrong_lengths_are_refused(cigre):
    kw = cigre.base_injection()[0]
    for bad in (kw[:-1], np.zeros((2, 3)), np.zeros((1, 1, len(kw))), "many", 5.0, kw + 1j, [None, *kw[1:]]):
        with pytest.raises(InputError):
            cigre.power_flow(bad)
    with pytest.raises(InputError, match="as injection_kw"):
        cigre.power_flow(kw, np.zeros((2, len(kw))))


def test_sensitivities_need_one_converged_flow(cigre):
    kw, kvar = cigre.base_injection()
    many = cigre.power_flow(np.stack([kw, kw]))
    lost = cigre.power_flow(100.0 * kw, 100.0 * kvar)
    for flow in (many, lost):
        with pytest.raises(InputError):
            cigre.sensitivities(flow)


@pytest.mark.parametrize("name", ["cigre_lv", "case9", "cigre_mv"])
def test_sensitivities_equal_finite_differences(name):
    net = ElectricNetwork.from_builtin(name)
    kw, kvar = net.base_injection()
    s = net.sensitivities(net.power_flow(kw, kvar))
    step = 1e-3 * max(1.0, float(np.abs(kw).max()) * 1e-2)
    for bus in range(0, len(kw), max(1, len(kw) // 8)):
        shift = np.zeros(len(kw))
        shift[bus] = step
        for dp, dq, vm, loading, loss in (
            (shift, 0.0, s.vm_pu_per_kw, s.loading_percent_per_kw, s.loss_kw_per_kw),
            (0.0, shift, s.vm_pu_per_kvar, s.loading_percent_per_kvar, s.loss_kw_per_kvar),
        ):
            up, down = net.power_flow(kw + dp, kvar + dq), net.power_flow(kw - dp, kvar - dq)
            by_difference = (up.vm_pu - down.vm_pu) / (2 * step)
            scale = np.nanmax(np.abs(vm)) * 1e-4
            np.testing.assert_allclose(vm[:, bus], by_difference, rtol=1e-4, atol=scale)
            by_difference = (up.loading_percent - down.loading_percent) / (2 * step)
            scale = np.nanmax(np.abs(loading)) * 1e-4
            np.testing.assert_allclose(loading[:, bus], by_difference, rtol=1e-4, atol=scale)
            assert loss[bus] == pytest.approx((up.loss_kw - down.loss_kw) / (2 * step), rel=1e-4, abs=1e-6)


def test_tables_say_what_is_where():
    net = ElectricNetwork.from_builtin("lv_schutterwald:0", supply_vm_pu=1.0, tap_pos=0.0)
    assert set(net.loads.columns) == {"name", "bus", "type", "kw", "kvar"}
    assert set(net.loads["type"]) == {"HH", "HP"}
    assert net.loads["bus"].isin(net.buses).all()
    assert np.isfinite(net.bus_xy()).all()
    assert "trafo" in set(net.branch_table["kind"])
    assert str(net.branches[0]).startswith("line ")


def test_supply_voltage_and_tap_move_the_voltages():
    base = ElectricNetwork.from_builtin("lv_schutterwald:13")
    kw, kvar = base.base_injection()
    low = base.power_flow(kw, kvar).vm_pu
    high = ElectricNetwork.from_builtin("lv_schutterwald:13", supply_vm_pu=1.0).power_flow(kw, kvar).vm_pu
    tapped = (
        ElectricNetwork.from_builtin("lv_schutterwald:13", supply_vm_pu=1.0, tap_pos=-1.0).power_flow(kw, kvar).vm_pu
    )
    assert low.min() < high.min() < tapped.min()
    with pytest.raises(NetworkDataError, match="tap_pos"):
        ElectricNetwork.from_builtin("lv_schutterwald:13", tap_pos=7.0)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(NetworkDataError, match="cigre_mv"):
        ElectricNetwork.from_builtin("cigre_mw")
    with pytest.raises(NetworkDataError):
        ElectricNetwork.from_builtin("lv_schutterwald:14")
    with pytest.raises(NetworkDataError, match="pandapower net"):
        ElectricNetwork.from_pandapower({"bus": []})


def test_labelled_injections_may_name_the_buses_in_any_order():
    net = ElectricNetwork.from_builtin("cigre_lv")
    kw, kvar = net.base_injection()
    shuffled = pd.Series(kw, index=net.buses).iloc[::-1]
    expected = net.power_flow(kw, kvar).vm_pu
    np.testing.assert_array_equal(net.power_flow(shuffled, pd.Series(kvar, index=net.buses)).vm_pu, expected)
    np.testing.assert_array_equal(net.power_flow(pd.DataFrame([shuffled]), kvar[None]).vm_pu[0], expected)


def test_a_network_of_one_busbar_takes_batches():
    net = pp.create_empty_network()
    pp.create_ext_grid(net, pp.create_bus(net, vn_kv=0.4), vm_pu=1.02)
    flow = ElectricNetwork.from_pandapower(net).power_flow(np.array([[-5.0], [3.0], [0.0]]))
    assert flow.loading_percent.shape == (3, 0)
    np.testing.assert_allclose(flow.grid_import_kw, [5.0, -3.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(flow.vm_pu, 1.02)


@pytest.mark.parametrize(("grids", "told"), [(0, "no rows"), (2, "2 of 2 out of service")])
def test_a_network_without_supply_is_told_so_and_no_version_is_blamed(grids, told):
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 0.4) for _ in range(2)]
    pp.create_line(net, *buses, 0.1, "NAYY 4x150 SE")
    for _ in range(grids):
        pp.create_ext_grid(net, buses[0], in_service=False)
    pp.create_gen(net, buses[1], p_mw=0.01)
    with pytest.raises(NetworkDataError, match=f"ext_grid: got {told}; expected one in service") as refused:
        ElectricNetwork.from_pandapower(net)
    assert "made for" not in str(refused.value)
    pp.create_gen(net, buses[1], p_mw=0.01, slack=True)
    assert ElectricNetwork.from_pandapower(net).power_flow(np.zeros(2)).converged


@pytest.mark.parametrize("as_frame", [False, True])
def test_labels_that_are_not_the_buses_are_named(cigre, as_frame):
    kw = cigre.base_injection()[0]
    *others, last = cigre.buses
    for labels, told in (
        ([*others, 999], f"does not have: 999; buses without a value: {last}"),
        ([*others, others[0]], f"without a value: {last}; buses named twice: {others[0]}"),
        (others, f"without a value: {last}"),
        ([str(bus) for bus in cigre.buses], "does not have"),
    ):
        values = pd.Series(kw[: len(labels)], index=labels)
        with pytest.raises(InputError, match=told):
            cigre.power_flow(values.to_frame().T if as_frame else values)
        with pytest.raises(InputError, match="injection_kvar by bus"):
            cigre.power_flow(kw, values)


def test_a_series_without_labels_is_taken_only_where_the_buses_are_numbered_alike():
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 0.4, index=i) for i in (5, 6)]
    pp.create_ext_grid(net, buses[0])
    pp.create_line(net, *buses, 0.1, "NAYY 4x150 SE")
    with pytest.raises(InputError, match="to_numpy"):
        ElectricNetwork.from_pandapower(net).power_flow(pd.Series([0.0, -5.0]))


def test_ragged_injections_are_refused(cigre):
    with pytest.raises(InputError, match="an array of numbers"):
        cigre.power_flow([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kw: np.zeros(len(kw), "M8[s]"), "injection_kw: got dates; expected an array of numbers"),
        (lambda kw: np.zeros(len(kw), "m8[s]"), "got durations"),
        (lambda kw: ["1.0"] * len(kw), "got texts"),
        (lambda kw: np.ma.masked_array(kw, mask=np.arange(len(kw)) < 2), "got 2 masked values; .*fill them first"),
        (lambda kw: kw + 1j, "got complex numbers; .*reactive power goes into injection_kvar"),
    ],
)
def test_what_is_no_number_is_refused_and_masks_are_not_lost(cigre, change, told):
    kw, _ = cigre.base_injection()
    with pytest.raises(InputError, match=told):
        cigre.power_flow(change(kw))
    unmasked = np.ma.masked_array(kw, mask=False)
    np.testing.assert_array_equal(cigre.power_flow(unmasked).vm_pu, cigre.power_flow(kw).vm_pu)


def test_a_start_is_one_power_flow_of_the_same_network(cigre):
    kw, kvar = cigre.base_injection()
    flow, many = cigre.power_flow(kw, kvar), cigre.power_flow(np.stack([kw, kw]), np.stack([kvar, kvar]))
    other = ElectricNetwork.from_builtin("case9")
    for start, told in ((3, "start: got int; expected an earlier"), (many, "start: got 2 cases"), ("x", "got str")):
        with pytest.raises(InputError, match=told):
            cigre.power_flow(kw, kvar, start=start)
    with pytest.raises(InputError, match=r"start: got a power flow of .* nodes; expected one of this network, 9 nodes"):
        other.power_flow(*other.base_injection(), start=flow)
    lost = cigre.power_flow(1e5 * kw, kvar)
    assert not lost.converged
    assert cigre.power_flow(kw, kvar, start=lost).converged


@pytest.mark.parametrize("name", [None, 3, ["cigre_mv"]])
def test_a_builtin_name_is_a_text(name):
    with pytest.raises(NetworkDataError, match=f"name: got {type(name).__name__}; expected a name such as"):
        ElectricNetwork.from_builtin(name)


def test_the_consistency_check_names_lines_that_cannot_be():
    from rexnet_grid.electric import ElectricDelivery

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, kv) for kv in (20.0, 20.0, 0.4, 21.0)]
    pp.create_ext_grid(net, buses[0])
    for other in buses[1:]:
        pp.create_line(net, buses[0], other, 1.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    net.line.loc[0, "r_ohm_per_km"] = -0.2
    told = {issue.key: str(issue) for issue in ElectricDelivery(ElectricNetwork.from_pandapower(net)).check()}
    assert told.keys() == {"line 0", "line 1"}
    assert "got a resistance below zero; expected r_ohm_per_km of 0 or more" in told["line 0"]
    assert "got 20 kV at bus 0 and 0.4 kV at bus 2; expected one voltage" in told["line 1"]


def with_a_dark_end(element):
    """Four buses in a row whose last has lost its line; a generator or the end of a DC line sits there."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, 20.0) for _ in range(5)]
    pp.create_ext_grid(net, bus[0])
    for a, b in ((0, 1), (1, 2), (2, 3), (0, 4)):
        pp.create_line(net, bus[a], bus[b], 2.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_load(net, bus[2], 1.0, 0.1)
    pp.create_load(net, bus[3], 0.1)
    if element == "gen":
        pp.create_gen(net, bus[3], 0.3, vm_pu=1.0)
    else:
        pp.create_dcline(net, bus[4], bus[3], 0.3, 1.0, 0.001, 1.0, 1.0)
    return net


@pytest.mark.parametrize("element", ["gen", "dcline"])
def test_what_sits_in_the_dark_injects_nothing_however_it_got_dark(element):
    net = with_a_dark_end(element)
    tripped = ElectricNetwork.from_pandapower(net).changed(out=["line 2"])
    net.line.loc[2, "in_service"] = False
    fresh = ElectricNetwork.from_pandapower(net)
    kw, kvar = fresh.base_injection()
    np.testing.assert_allclose(kw, tripped.base_injection()[0], rtol=0, atol=1e-9)
    assert kw[3] == 0.0
    flow = fresh.power_flow(kw, kvar)
    assert abs(flow.grid_import_kw + kw.sum() - flow.loss_kw - flow.shunt_kw) < 1e-6
    back = fresh.changed(closed=["line 2"])
    whole = ElectricNetwork.from_pandapower(with_a_dark_end(element))
    np.testing.assert_allclose(back.base_injection()[0], whole.base_injection()[0], rtol=0, atol=1e-9)


def test_an_injection_in_the_dark_moves_no_voltage():
    net = with_a_dark_end("gen")
    net.line.loc[2, "in_service"] = False
    network = ElectricNetwork.from_pandapower(net)
    answers = network.sensitivities(network.power_flow(*network.base_injection()))
    for answer in (answers.vm_pu_per_kw, answers.vm_pu_per_kvar):
        assert answer[[0, 1, 2, 4], 3].tolist() == [0.0] * 4
        assert np.isnan(answer[3]).all()
        assert (answer[1:3, 1:3] > 0.0).all()
