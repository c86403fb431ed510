"""Controllers that pandapower has to let act, a user's own among them: they switch, and restore tables at the end."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork, pandapower_runs
from rexnet_grid.electric.full_states import flow_of
from rexnet_grid.errors import NetworkDataError

pp = pytest.importorskip("pandapower")

CABLE = "NA2XS2Y 1x150 RM/25 12/20 kV"


def relay(net, switch, line, most):
    """Open a switch for good where a line is loaded above its setting."""
    from pandapower.control.basic_controller import Controller

    class Relay(Controller):
        def is_converged(self, net):
            return not net.switch.closed.at[switch] or net.res_line.loading_percent.at[line] <= most

        def control_step(self, net):
            net.switch.loc[switch, "closed"] = False

    return Relay(net)


def star(et="l"):
    """A feeder of three cables and one beside it, with a relay at that one's load or at its cable."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, 20.0) for _ in range(4)]
    pp.create_ext_grid(net, bus[0], va_degree=10.0)
    for a, b in ((0, 1), (1, 2), (2, 3), (0, 3)):
        pp.create_line(net, bus[a], bus[b], 2.0, CABLE)
    for at in bus[1:]:
        pp.create_load(net, at, 1.0, 0.2)
    if et == "l":
        relay(net, pp.create_switch(net, bus[3], 3, "l"), 3, 5.0)
    else:
        net.line.loc[2, "in_service"] = False
        behind = pp.create_bus(net, 20.0)
        pp.create_load(net, behind, 0.3, 0.1)
        switch = pp.create_switch(net, bus[3], behind, "b")
        relay(net, switch, 3, 9.0)
    return net


def solved(net, share):
    work = copy.deepcopy(net)
    work.load["scaling"] = share
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(work, run_control=True, tolerance_mva=1e-9)
    return work


@pytest.mark.parametrize("et", ["l", "b"])
def test_of_many_cases_each_has_what_its_switches_left(et):
    net = star(et)
    network = ElectricNetwork.from_pandapower(net)
    kw, kvar = network.base_injection()
    shares = np.array([0.01, 1.0, 1.5, 300.0, 0.5])
    flow = network.power_flow(shares[:, None] * kw, shares[:, None] * kvar)
    assert flow.converged.tolist() == [True, True, True, False, True]
    nodes = np.isfinite(flow.node_voltage).all(axis=1)
    for k in np.flatnonzero(flow.converged):
        work = solved(net, shares[k])
        assert nodes[k] == bool(work.switch.closed.all())
        np.testing.assert_allclose(flow.vm_pu[k], work.res_bus.vm_pu, rtol=0, atol=1e-8)
        np.testing.assert_allclose(flow.va_degree[k], work.res_bus.va_degree, rtol=0, atol=1e-6)
        on = work.line.in_service.to_numpy()
        np.testing.assert_allclose(flow.loading_percent[k][on], work.res_line.loading_percent[on], rtol=0, atol=1e-4)
        assert flow.loss_kw[k] == pytest.approx(1e3 * work.res_line.pl_mw.sum(), abs=1e-3)
        assert flow.grid_import_kw[k] == pytest.approx(1e3 * work.res_ext_grid.p_mw.sum(), abs=1e-3)
        one = network.power_flow(shares[k] * kw, shares[k] * kvar)
        np.testing.assert_array_equal(flow.vm_pu[k], one.vm_pu)
        np.testing.assert_array_equal(flow.va_degree[k], one.va_degree)
    assert 0 < nodes.sum() < 4
    assert np.isnan(flow.vm_pu[3]).all()
    assert np.isnan(flow.va_degree[3]).all()


def test_where_a_relay_has_opened_rows_see_no_solution_and_the_rest_is_delivered():
    net = star("b")
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(net))
    calm, tripped = -np.full(5, 50.0), -np.full(5, 900.0)
    state = delivery.predict(0, tripped)
    assert state.converged
    assert np.isnan(state.arrays["vm_pu"]).tolist() == [False, False, False, False, True]
    signal = delivery.signal([0, 1], np.array([calm, tripped])).marginal_loss
    assert np.isfinite(signal[0]).all()
    assert np.isnan(signal[1]).all()
    solved_for_rows = flow_of(delivery.network, ElectricLimits(), np.arange(5), np.array([calm, tripped]))
    assert solved_for_rows.converged.tolist() == [True, False]
    assert np.isnan(solved_for_rows.vm_pu[1]).all()


def dc_feeder(most, **gen):
    """Three buses of 110 kV in a row, and a DC line beside them whose ends give no more than ``most`` Mvar."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, 110.0) for _ in range(4)]
    pp.create_ext_grid(net, bus[0])
    for a, b in ((0, 1), (1, 2), (1, 3)):
        pp.create_line(net, bus[a], bus[b], 30.0, "149-AL1/24-ST1A 110.0")
    pp.create_load(net, bus[2], 20.0, 5.0)
    limits = {f"{way}_q_{end}_mvar": s * most[end] for end in most for way, s in (("min", -1.0), ("max", 1.0))}
    pp.create_dcline(net, bus[1], bus[2], 5.0, 1.0, 0.01, 0.998, 1.02, **limits)
    if gen:
        pp.create_gen(net, bus[3], **gen)
    net["user_pf_options"] = {"enforce_q_lims": True}
    return net


@pytest.mark.parametrize("natively", [True, False])
@pytest.mark.parametrize(
    "net",
    [
        dc_feeder({"from": 1.0, "to": 1.0}),
        dc_feeder({"from": 90.0, "to": 1.0}),
        dc_feeder({"from": 0.1, "to": 90.0}),
        dc_feeder({"from": 90.0, "to": 90.0}),
        dc_feeder({"from": 1.0, "to": 1.0}, p_mw=3.0, vm_pu=1.0, min_q_mvar=-0.2, max_q_mvar=0.2),
    ],
)
def test_ends_of_dc_lines_keep_their_reactive_limits(net, natively, monkeypatch):
    if natively:
        monkeypatch.setattr(pandapower_runs, "controlled_case", lambda *_: pytest.fail("pandapower solved"))
    else:
        monkeypatch.setattr(pandapower_runs, "reactive_limits", lambda *_: None)
    network = ElectricNetwork.from_pandapower(net)
    kw, kvar = network.base_injection()
    load_kw = np.array([0.0, 0.0, -20e3, 0.0])
    for share in (1.0, 0.3):
        work = solved(net, share)
        flow = network.power_flow(kw - (1.0 - share) * load_kw, share * kvar)
        assert flow.converged
        np.testing.assert_allclose(flow.vm_pu, work.res_bus.vm_pu, rtol=0, atol=1e-8)
        np.testing.assert_allclose(flow.loading_percent, work.res_line.loading_percent, rtol=0, atol=1e-4)
        assert flow.grid_import_kw == pytest.approx(1e3 * work.res_ext_grid.p_mw.sum(), abs=1e-3)


@pytest.mark.parametrize("restore", [True, False])
def test_what_a_controller_restores_at_the_end_was_solved_with(restore):
    from pandapower.control import Characteristic, DiscreteTapControl, TapDependentImpedance

    net = pp.create_empty_network()
    bus = [pp.create_bus(net, kv) for kv in (110.0, 20.0, 20.0)]
    pp.create_ext_grid(net, bus[0], 0.95)
    pp.create_transformer(net, bus[0], bus[1], "25 MVA 110/20 kV")
    pp.create_line(net, bus[1], bus[2], 5.0, CABLE)
    pp.create_load(net, bus[2], 8.0, 3.0)
    DiscreteTapControl(net, 0, 0.99, 1.01)
    curve = Characteristic(net, [-9, 0, 9], [8, 12, 18]).index
    TapDependentImpedance(net, 0, curve, output_variable="vk_percent", restore=restore)
    network = ElectricNetwork.from_pandapower(net)
    kw, kvar = network.base_injection()
    for share in (1.0, 0.2):
        work = solved(net, share)
        flow = network.power_flow(share * kw, share * kvar)
        np.testing.assert_allclose(flow.vm_pu, work.res_bus.vm_pu, rtol=0, atol=1e-8)
        loading = [work.res_line.loading_percent[0], work.res_trafo.loading_percent[0]]
        np.testing.assert_allclose(flow.loading_percent, loading, rtol=0, atol=1e-4)


@pytest.mark.parametrize("options", [{"init_vm_pu": 1.0}, {"init_va_degree": "flat"}, {"init": "dc"}])
def test_where_pandapower_starts_changes_nothing(options):
    net = star()
    net.controller = net.controller.iloc[:0]
    expected = ElectricNetwork.from_pandapower(net).power_flow(-np.ones(4)).vm_pu
    net["user_pf_options"] = options
    np.testing.assert_array_equal(ElectricNetwork.from_pandapower(net).power_flow(-np.ones(4)).vm_pu, expected)


def test_a_net_whose_options_ask_for_no_ac_power_flow_is_refused():
    net = star()
    net["user_pf_options"] = {"ac": False}
    with pytest.raises(NetworkDataError, match="user_pf_options ac: got False; expected True"):
        ElectricNetwork.from_pandapower(net)
