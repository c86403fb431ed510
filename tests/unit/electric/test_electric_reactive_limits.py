"""Generators let their voltage go at a reactive limit as in ``runpp``, many cases at once, without pandapower."""

from __future__ import annotations

import copy

import numpy as np
import pandapower as pp
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricNetwork, pandapower_runs
from rexnet_grid.electric.catalogue import builtin_pandapower_net


def limited(name):
    net = builtin_pandapower_net(name)
    net["user_pf_options"] = {"enforce_q_lims": True}
    return net


def grid():
    """Two generators and the end of a DC line on a meshed medium-voltage grid, each with little reactive power."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, 20.0) for _ in range(7)]
    pp.create_ext_grid(net, bus[0], 1.01)
    for a, b in ((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (6, 3)):
        pp.create_line(net, bus[a], bus[b], 2.5, "NA2XS2Y 1x150 RM/25 12/20 kV")
    for k in bus[1:]:
        pp.create_load(net, k, 0.4, 0.1)
    pp.create_gen(net, bus[2], 0.3, vm_pu=1.01, min_q_mvar=-0.2, max_q_mvar=0.1)
    pp.create_gen(net, bus[5], 0.5, vm_pu=1.0, min_q_mvar=-0.1, max_q_mvar=0.3)
    bounds = {f"{way}_q_{end}_mvar": sign * 0.1 for end in ("from", "to") for way, sign in (("min", -1), ("max", 1))}
    pp.create_dcline(net, bus[1], bus[6], 0.2, 1.0, 0.01, 1.005, 0.999, **bounds)
    net["user_pf_options"] = {"enforce_q_lims": True}
    return net


@pytest.mark.filterwarnings("ignore:tap_dependency_table")
@pytest.mark.parametrize("make", [grid, lambda: limited("case_ieee30"), lambda: limited("case57")])
def test_many_cases_are_those_of_runpp(make, monkeypatch):
    net = make()
    network = ElectricNetwork.from_pandapower(net)
    monkeypatch.setattr(pandapower_runs, "controlled_case", lambda *_: pytest.fail("pandapower solved"))
    rng = np.random.default_rng(0)
    works, asked = [], []
    for _ in range(4):
        work = copy.deepcopy(net)
        share = rng.uniform(0.5, 1.1, len(net.load))
        work.load["p_mw"] *= share
        work.load["q_mvar"] *= share
        asked.append(ElectricNetwork.from_pandapower(work).base_injection())
        pp.runpp(work, tolerance_mva=1e-9)
        works.append(work)
    flow = network.power_flow(*(np.array(part) for part in zip(*asked, strict=True)))
    assert flow.converged.all()
    freed = 0
    for k, work in enumerate(works):
        np.testing.assert_allclose(flow.vm_pu[k], work.res_bus.vm_pu, rtol=0, atol=1e-8)
        loading = np.concatenate([work[f"res_{t}"].loading_percent for t in ("line", "trafo")])
        np.testing.assert_allclose(flow.loading_percent[k], loading, rtol=0, atol=1e-4)
        assert flow.grid_import_kw[k] == pytest.approx(1e3 * work.res_ext_grid.p_mw.sum(), abs=1e-3)
        one = network.power_flow(*asked[k])
        np.testing.assert_allclose(one.vm_pu, flow.vm_pu[k], rtol=0, atol=1e-12)
        freed += int((network.case.node_kind == 1).sum() - (one.case.node_kind == 1).sum())
    assert freed > 0


def test_answers_are_those_of_the_network_in_which_generators_at_a_limit_hold_nothing():
    network = ElectricNetwork.from_pandapower(grid())
    kw, kvar = network.base_injection()
    flow = network.power_flow(kw, kvar)
    answers = network.sensitivities(flow)
    for at in range(1, 7):
        step = np.zeros(len(kw))
        step[at] = 1.0
        ahead, behind = network.power_flow(kw, kvar + step), network.power_flow(kw, kvar - step)
        found = (ahead.vm_pu - behind.vm_pu) / 2.0
        np.testing.assert_allclose(answers.vm_pu_per_kvar[:, at], found, rtol=1e-4, atol=1e-4 * np.abs(found).max())


def test_a_case_without_a_solution_has_none():
    network = ElectricNetwork.from_pandapower(grid())
    kw, kvar = network.base_injection()
    flow = network.power_flow(np.array([kw, 500.0 * kw, kw]), np.array([kvar, 500.0 * kvar, kvar]))
    assert flow.converged.tolist() == [True, False, True]
    assert np.isnan(flow.vm_pu[1]).all()
    assert not network.power_flow(500.0 * kw, 500.0 * kvar).converged


def change(name):
    net = grid()
    if name == "two at a bus":
        pp.create_gen(net, 2, 0.1, vm_pu=1.01, min_q_mvar=-0.1, max_q_mvar=0.1)
    elif name == "a load that depends on the voltage":
        pp.create_load(net, 5, 0.1, 0.1, const_z_p_percent=50.0, const_z_q_percent=50.0)
    else:
        pp.create_xward(net, 4, 0.1, 0.0, 0.0, 0.0, 0.1, 2.0, 1.0)
    return net


@pytest.mark.parametrize("name", ["two at a bus", "a load that depends on the voltage", "a ward"])
def test_what_is_not_clear_goes_to_pandapower(name):
    net = change(name)
    network = ElectricNetwork.from_pandapower(net)
    flow = network.power_flow(*network.base_injection())
    assert pandapower_runs.reactive_limits(net, network.case) is None
    pp.runpp(net, tolerance_mva=1e-9)
    np.testing.assert_allclose(flow.vm_pu, net.res_bus.vm_pu, rtol=0, atol=1e-8)


def test_what_is_traded_about_limits_keeps_the_others():
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(grid()))
    n = len(delivery.nodes)
    rows = delivery.headroom([0], np.zeros((1, n)))[0]
    injecting = rows.coefficients if rows.injecting is None else rows.injecting
    rng = np.random.default_rng(0)
    trades = rng.normal(size=(300, n)) * (rng.random((300, n)) < rng.uniform(0.2, 1.0, (300, 1)))
    trades[:, delivery.nodes.index(delivery.supply_node)] = 0.0
    used = np.minimum(trades, 0.0) @ rows.coefficients.T + np.maximum(trades, 0.0) @ injecting.T
    room = np.divide(rows.slack, used, out=np.full_like(used, np.inf), where=used > 0.0).min(axis=1)
    trades = trades[np.isfinite(room)] * room[np.isfinite(room), None]
    assert delivery.margins_used(trades).max() <= 2.0
