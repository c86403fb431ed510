"""Controllers that pandapower has to let act, a user's own among them: they switch, and restore tables at the end."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.electric.full_states import flow_of

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
