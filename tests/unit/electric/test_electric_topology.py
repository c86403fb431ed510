"""Branches trip, taps move, controllers act: always what pandapower says of the changed net."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from rexnet_grid.cosim.contingencies import switch_branch
from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.electric.delivery import CutOffWarning
from rexnet_grid.errors import InputError, NetworkDataError

pp = pytest.importorskip("pandapower")


def cigre_mv():
    import pandapower.networks as nw

    net = nw.create_cigre_network_mv()
    net.switch["closed"] = True
    return net


def agree(flow, pp_net):
    pp.runpp(pp_net, tolerance_mva=1e-10)
    vm = pp_net.res_bus.vm_pu.to_numpy()
    assert (np.isnan(vm) == np.isnan(flow.vm_pu)).all()
    np.testing.assert_allclose(flow.vm_pu, vm, rtol=0, atol=1e-8)
    loading = np.concatenate([pp_net.res_line.loading_percent, pp_net.res_trafo.loading_percent])
    np.testing.assert_allclose(flow.loading_percent, loading, rtol=0, atol=1e-4)


@pytest.mark.parametrize("line", [0, 3, 6, 11])
def test_a_line_trips(line):
    pp_net = cigre_mv()
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(out=[f"line {line}"])
    pp_net.line.loc[line, "in_service"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)


@pytest.mark.parametrize(("position", "side"), [(-3, "hv"), (5, "hv"), (-2, "lv"), (4, "lv")])
def test_a_tap_moves(position, side):
    pp_net = cigre_mv()
    pp_net.trafo["tap_side"] = side
    pp_net.trafo["tap_changer_type"] = "Ratio"
    for column, value in (
        ("tap_min", -9),
        ("tap_max", 9),
        ("tap_pos", 1),
        ("tap_neutral", 0),
        ("tap_step_percent", 1.5),
    ):
        pp_net.trafo[column] = value
    pp_net.trafo["tap_step_degree"] = 0.0
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(taps={"trafo 0": position, "trafo 1": 0})
    pp_net.trafo["tap_pos"] = [position, 0]
    agree(changed.power_flow(*net.base_injection()), pp_net)


def test_what_loses_its_supply_is_not_served():
    net = ElectricNetwork.from_builtin("lv_schutterwald:13", supply_vm_pu=1.0)
    delivery = ElectricDelivery(net)
    injection = np.full(len(delivery.nodes), -1.0)
    before = delivery.predict(0, injection)
    saved = delivery.save()
    delivery.change(out=["line 1050"] if "line 1050" in net.branches else [str(net.branches[0])])
    after = delivery.predict(0, injection)
    assert after.converged
    assert after.unserved_kw.sum() >= 1.0
    assert after.arrays["import_kw"][0] < before.arrays["import_kw"][0]
    assert after.balance.residual_relative < 1e-9
    dark = np.isnan(after.arrays["vm_pu"])
    np.testing.assert_array_equal(dark, after.unserved_kw > 0.0)
    assert delivery.headroom([1], injection[None, :])[0].nodes == delivery.nodes
    tripped = delivery.save()
    delivery.restore(saved)
    np.testing.assert_array_equal(delivery.predict(0, injection).arrays["vm_pu"], before.arrays["vm_pu"])
    delivery.restore(tripped)
    np.testing.assert_array_equal(delivery.predict(0, injection).arrays["vm_pu"], after.arrays["vm_pu"])


def test_nothing_is_traded_with_a_bus_without_supply():
    delivery = ElectricDelivery(ElectricNetwork.from_builtin("cigre_mv"))
    supply, nothing = delivery.nodes.index(delivery.supply_node), np.zeros((1, len(delivery.nodes)))
    delivery.change(out=["line 4"])
    headroom = delivery.headroom([0], nothing)[0]
    dark = np.isnan(delivery.predict(0, nothing[0]).arrays["vm_pu"])
    assert 0 < dark.sum() < len(dark) - 1
    for node in np.flatnonzero(np.arange(len(dark)) != supply):
        for pair in ((supply, node), (node, supply), (node, node)):
            assert dark[node] == (headroom.capacity_kw(*pair) == 0.0)
    row = headroom.limits.index("buses without supply")
    assert headroom.limit_at(row, nothing[0]) == ("buses without supply", 1.0)
    delivery.change()
    assert "buses without supply" not in delivery.headroom([0], nothing)[0].limits


def test_a_trip_that_leaves_nothing_but_the_supply_leaves_no_headroom():
    net = ElectricNetwork.from_builtin("kerber_landnetz_kabel_1")
    delivery = ElectricDelivery(net)
    supply, nothing = delivery.nodes.index(delivery.supply_node), np.zeros((2, len(delivery.nodes)))
    others = [node for node in range(len(delivery.nodes)) if node != supply]
    delivery.change(out=["trafo 0"])
    for headroom in delivery.headroom([0, 1], nothing):
        assert max(headroom.capacity_kw(supply, node) for node in others) == 0.0
    assert delivery.signal([0, 1], nothing).marginal_loss.shape == nothing.shape
    secured = ElectricDelivery(net, secured_against=["line 0", "trafo 0"])
    with pytest.warns(CutOffWarning, match=r"outage of line 0 leaves bus \d+.* without supply: trades") as told:
        head = secured.headroom([0], nothing[:1])[0]
    assert {warning.filename for warning in told} == {__file__}
    assert max(head.capacity_kw(supply, node) for node in others) == 0.0
    assert [(issue.key, issue.value) for issue in secured.check()] == [("secured_against", '"trafo 0"')]


def test_unknown_changes_are_refused_and_change_nothing():
    delivery = ElectricDelivery(ElectricNetwork.from_builtin("lv_schutterwald:13"))
    for out, taps in ((["line 0"], {}), ([], {"trafo 99": 0.0}), ([], {"trafo 37": 9.0}), (["trafo 37x"], {})):
        with pytest.raises(NetworkDataError):
            delivery.change(out=out, taps=taps)
    assert delivery.save() == {"out": [], "taps": {}, "closed": []}


def test_headroom_survives_the_outages_it_is_secured_against():
    net = ElectricNetwork.from_pandapower(cigre_mv())
    plain = ElectricDelivery(net, ElectricLimits(loading_percent=120.0))
    secured = ElectricDelivery(net, ElectricLimits(loading_percent=120.0), secured_against=["line 0"])
    n = len(plain.nodes)
    supply = plain.nodes.index(plain.supply_node)
    nothing = np.zeros((1, n))
    loose, tight = plain.headroom([0], nothing)[0], secured.headroom([0], nothing)[0]
    assert any(name.endswith("without line 0") for name in tight.limits)
    capacity = [h.capacity_kw(supply, 4) for h in (loose, tight)]
    assert capacity[1] < 0.9 * capacity[0]
    position = np.zeros(n)
    position[4] = -capacity[1]
    secured.change(out=["line 0"])
    assert secured.predict(0, position).violations == ()


def test_tap_controllers_act_in_every_case():
    pp_net = cigre_mv()
    pp_net.trafo["tap_changer_type"] = "Ratio"
    for column, value in (("tap_side", "hv"), ("tap_min", -9), ("tap_max", 9), ("tap_pos", 0), ("tap_neutral", 0)):
        pp_net.trafo[column] = value
    pp_net.trafo["tap_step_percent"], pp_net.trafo["tap_step_degree"] = 1.5, 0.0
    for trafo in pp_net.trafo.index:
        pp.control.DiscreteTapControl(pp_net, trafo, vm_lower_pu=0.99, vm_upper_pu=1.02)
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    flows = net.power_flow(np.stack([kw, 0.2 * kw]), np.stack([kvar, 0.2 * kvar]))
    assert flows.converged.all()
    for row, share in enumerate((1.0, 0.2)):
        work = copy.deepcopy(pp_net)
        work.load["scaling"] = share
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pp.runpp(work, run_control=True, tolerance_mva=1e-9)
        np.testing.assert_allclose(flows.vm_pu[row], work.res_bus.vm_pu, rtol=0, atol=1e-8)
    one = net.power_flow(kw, kvar)
    assert np.isfinite(net.sensitivities(one).loss_kw_per_kw).all()
    pp_net.line.loc[3, "in_service"] = False
    pp.runpp(pp_net, run_control=True, tolerance_mva=1e-9)
    tripped = net.changed(out=["line 3"])
    np.testing.assert_allclose(tripped.power_flow(kw, kvar).vm_pu, pp_net.res_bus.vm_pu, rtol=0, atol=1e-8)
    again = tripped.changed(closed=["line 3"]).at_constant_power()
    np.testing.assert_allclose(again.power_flow(kw, kvar).vm_pu, one.vm_pu, rtol=0, atol=1e-12)


def test_elements_that_nobody_honours_are_refused_by_name():
    pp_net = cigre_mv()
    pp.create_svc(pp_net, 3, x_l_ohm=1.0, x_cvar_ohm=-10.0, set_vm_pu=1.0, thyristor_firing_angle_degree=90.0)
    with pytest.raises(NetworkDataError, match="svc"):
        ElectricNetwork.from_pandapower(pp_net)
    pp_net = cigre_mv()
    pp.set_user_pf_options(pp_net, distributed_slack=True)
    with pytest.raises(InputError, match="distributed_slack"):
        ElectricNetwork.from_pandapower(pp_net)


@pytest.mark.parametrize("switch", [0, 3, 5])
def test_a_switch_at_a_line_or_transformer_opens(switch):
    pp_net = cigre_mv()
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(out=[f"switch {switch}"])
    pp_net.switch.loc[switch, "closed"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)


def busbars():
    """Return a feeder with a ring that leads over two joined busbars and back."""
    net = pp.create_empty_network()
    b = [pp.create_bus(net, vn_kv=v) for v in (20.0, 0.4, 0.4, 0.4, 0.4)]
    pp.create_ext_grid(net, b[0], vm_pu=1.01)
    pp.create_transformer(net, b[0], b[1], std_type="0.4 MVA 20/0.4 kV")
    for f, t in ((1, 2), (3, 1)):
        pp.create_line(net, b[f], b[t], length_km=0.2, std_type="NAYY 4x150 SE")
    for f, t in ((2, 3), (3, 4)):
        pp.create_switch(net, b[f], b[t], et="b", closed=True)
    for bus in b[2:]:
        pp.create_load(net, bus, p_mw=0.02, q_mvar=0.005)
    return net


@pytest.mark.parametrize("switch", [0, 1])
@pytest.mark.parametrize("twice", [False, True])
def test_a_switch_between_busbars_opens(switch, twice):
    pp_net = busbars()
    if twice:
        pp.create_switch(pp_net, 2, 4, et="b", closed=True)
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(out=[f"switch {switch}"])
    pp_net.switch.loc[switch, "closed"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)


def test_several_changes_at_once_and_a_delivery_that_goes_back():
    pp_net = busbars()
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(pp_net))
    position = np.full(len(delivery.nodes), -5.0)
    before = delivery.predict(0, position)
    delivery.change(out=["switch 0", "line 1", "switch 1"])
    dark = delivery.predict(0, position)
    assert dark.unserved_kw.tolist() == [0.0, 0.0, 0.0, 5.0, 5.0]
    delivery.restore({"out": [], "taps": {}, "closed": []})
    np.testing.assert_array_equal(delivery.predict(0, position).arrays["vm_pu"], before.arrays["vm_pu"])


@pytest.mark.parametrize("closed", [["switch 4"], ["switch 4", "switch 1"]])
def test_an_open_line_switch_closes(closed):
    import pandapower.networks as nw

    pp_net = nw.create_cigre_network_mv()
    assert not pp_net.switch.closed[[1, 4]].any()
    net = ElectricNetwork.from_builtin("cigre_mv")
    changed = net.changed(closed=closed, out=["line 3"])
    pp_net.switch.loc[[int(name.split()[1]) for name in closed], "closed"] = True
    pp_net.line.loc[3, "in_service"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)
    again = changed.changed(out=closed, closed=["line 3"])
    np.testing.assert_array_equal(
        again.power_flow(*net.base_injection()).vm_pu, net.power_flow(*net.base_injection()).vm_pu
    )


def test_a_switch_between_busbars_closes_and_lights_what_was_dark():
    pp_net = busbars()
    pp_net.switch.loc[1, "closed"] = False
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(pp_net))
    net = delivery.network
    kw, kvar = net.base_injection()
    assert np.isnan(net.power_flow(kw, kvar).vm_pu[4])
    changed = net.changed(closed=["switch 1"])
    pp_net.switch.loc[1, "closed"] = True
    kw[4], kvar[4] = -20.0, -5.0
    agree(changed.power_flow(kw, kvar), pp_net)
    delivery.change(closed=["switch 1"])
    assert delivery.predict(0, np.full(len(delivery.nodes), -5.0)).converged
    state = delivery.save()
    delivery.restore({"out": [], "taps": {}, "closed": []})
    delivery.restore(state)
    assert np.isfinite(delivery.network.power_flow(kw, kvar).vm_pu[4])


def test_a_switch_that_closes_in_a_run_opens_again():
    delivery = ElectricDelivery(ElectricNetwork.from_builtin("cigre_mv"))
    switch_branch(delivery, "switch 4", True)
    assert delivery.save() == {"out": [], "taps": {}, "closed": ["switch 4"]}
    switch_branch(delivery, "switch 4", False)
    switch_branch(delivery, "switch 0", False)
    assert delivery.save() == {"out": ["switch 0"], "taps": {}, "closed": []}


def test_switches_that_cannot_close_are_named():
    net = ElectricNetwork.from_builtin("cigre_mv")
    with pytest.raises(NetworkDataError, match="a switch that is open"):
        net.changed(closed=["switch 0"])
    with pytest.raises(NetworkDataError, match="opens or closes"):
        net.changed(out=["switch 4"], closed=["switch 4"])
    with pytest.raises(NetworkDataError, match="pandapower net"):
        ElectricNetwork(net.case).changed(closed=["switch 4"])


def test_a_trip_does_not_go_back_to_the_tables(monkeypatch):
    from rexnet_grid.electric import pandapower_nets

    pp_net = busbars()
    net = ElectricNetwork.from_pandapower(pp_net)
    monkeypatch.setattr(pandapower_nets, "_pd2ppc", lambda *_: pytest.fail("a trip went back to pandapower's tables"))
    assert net.changed(out=["line 1", "switch 1"]).power_flow(*net.base_injection()).converged


def test_what_sits_on_a_busbar_stays_with_its_bus_when_a_switch_opens():
    pp_net = busbars()
    pp.create_shunt(pp_net, 3, q_mvar=0.01)
    pp.create_ward(pp_net, 2, ps_mw=0.002, qs_mvar=0.0, pz_mw=0.003, qz_mvar=0.001)
    pp.create_gen(pp_net, 4, p_mw=0.01, vm_pu=1.0)
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(out=["switch 0"])
    pp_net.switch.loc[0, "closed"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)


def test_pandapower_is_asked_what_becomes_of_voltage_dependent_loads(monkeypatch):
    from rexnet_grid.electric import pandapower_nets

    pp_net = busbars()
    pp_net.load["const_i_p_percent"] = [10.0, 40.0, 20.0]
    net = ElectricNetwork.from_pandapower(pp_net)
    changed = net.changed(out=["switch 0"])
    pp_net.switch.loc[0, "closed"] = False
    agree(changed.power_flow(*net.base_injection()), pp_net)
    monkeypatch.setattr(pandapower_nets, "_pd2ppc", lambda *_: pytest.fail("back to pandapower's tables"))
    assert net.at_constant_power().changed(out=["switch 0"]).power_flow(*net.base_injection()).converged


def test_switches_that_are_none_are_named():
    net = ElectricNetwork.from_pandapower(busbars())
    with pytest.raises(NetworkDataError, match="a switch that is closed"):
        net.changed(out=["switch 7"])
    with pytest.raises(NetworkDataError, match="a branch out of service"):
        net.changed(closed=["line 0"])
    with pytest.raises(NetworkDataError, match="pandapower net"):
        ElectricNetwork(net.case).changed(out=["switch 0"])
    for names in ({"out": "line 1"}, {"closed": "switch 1"}, {"out": [1]}, {"out": None}, {"taps": ["trafo 0"]}):
        with pytest.raises(InputError, match=r"a list of names such as|positions by name such as"):
            net.changed(**names)


def test_a_branch_out_of_service_comes_in():
    pp_net = busbars()
    pp_net.line.loc[1, "in_service"] = False
    pp_net.switch.loc[0, "closed"] = False
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = ElectricNetwork.from_pandapower(busbars()).base_injection()
    pp_net.line.loc[1, "in_service"] = True
    agree(net.changed(closed=["line 1"]).power_flow(kw, kvar), pp_net)


@pytest.mark.parametrize("most_mvar", [0.002, 5.0])
def test_reactive_limits_of_generators_act_where_the_net_enforces_them(most_mvar):
    pp_net = busbars()
    pp.create_gen(pp_net, 3, p_mw=0.03, vm_pu=1.01, min_q_mvar=-most_mvar, max_q_mvar=most_mvar)
    pp.set_user_pf_options(pp_net, enforce_q_lims=True)
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    flow = net.power_flow(np.stack([kw, 0.5 * kw]), np.stack([kvar, 0.5 * kvar]))
    for row, share in enumerate((1.0, 0.5)):
        work = copy.deepcopy(pp_net)
        work.load[["p_mw", "q_mvar"]] *= share
        work.gen["p_mw"] *= share
        pp.runpp(work, tolerance_mva=1e-10)
        np.testing.assert_allclose(flow.vm_pu[row], work.res_bus.vm_pu, rtol=0, atol=1e-8)
        assert (abs(work.res_bus.vm_pu[3] - 1.01) > 1e-4) == (most_mvar < 1.0)


def test_taps_that_cannot_move_here_say_what_could():
    from pandapower.networks import example_multivoltage

    net = ElectricNetwork.from_pandapower(example_multivoltage())
    with pytest.raises(NetworkDataError, match=r"a transformer in service.*in the pandapower net"):
        net.changed(taps={"line 0": 1})
    grid = ElectricNetwork.from_builtin("lv_schutterwald:0")
    (trafo,) = (name for name in grid.branches if name.startswith("trafo"))
    for position in ("x", np.nan, None, 50, True):
        with pytest.raises(NetworkDataError, match="a number from -2 to 2"):
            grid.changed(taps={trafo: position})


TAPS = {"tap_neutral": 1.0, "tap_min": -9.0, "tap_max": 9.0, "tap_pos": 2.0, "tap_step_percent": 1.3}


@pytest.mark.parametrize(
    ("table", "side", "kind", "degree", "star"),
    [
        ("trafo3w", "hv", "Ratio", 0.0, False),
        ("trafo3w", "mv", "Ratio", 0.0, False),
        ("trafo3w", "lv", "Symmetrical", 30.0, False),
        ("trafo3w", "hv", "Ratio", 0.0, True),
        ("trafo3w", "lv", "Ratio", 20.0, True),
        ("trafo3w", "mv", "Ratio", np.nan, True),
        ("trafo", "hv", "Ratio", 60.0, False),
        ("trafo", "lv", "Symmetrical", 90.0, False),
        ("trafo", "hv", "Ideal", 1.5, False),
        ("trafo", "lv", "Ideal", 1.5, False),
    ],
)
def test_every_kind_of_tap_moves_as_pandapower_moves_it(table, side, kind, degree, star):
    from pandapower.networks import example_multivoltage

    pp_net = example_multivoltage()
    pp_net.gen["in_service"] = False
    for column, value in TAPS.items():
        pp_net[table][column] = value
    pp_net[table]["tap_side"], pp_net[table]["tap_changer_type"] = side, kind
    pp_net[table]["tap_step_degree"], pp_net[table]["tap_step_percent"] = degree, np.nan if kind == "Ideal" else 1.3
    if star:
        pp_net[table]["tap_at_star_point"] = True
    net = ElectricNetwork.from_pandapower(pp_net)
    injection = net.base_injection()
    for position in (-4, 5):
        changed = net.changed(taps={f"{table} 0": position})
        pp_net[table].loc[0, "tap_pos"] = position
        anew = ElectricNetwork.from_pandapower(pp_net).power_flow(*injection)
        flow = changed.power_flow(*injection)
        np.testing.assert_allclose(flow.vm_pu, anew.vm_pu, rtol=0, atol=1e-10)
        np.testing.assert_allclose(flow.va_degree, anew.va_degree, rtol=0, atol=1e-8)
        np.testing.assert_allclose(flow.loading_percent, anew.loading_percent, rtol=0, atol=1e-7)


def shifting(seed):
    """A mesh over two voltages, with three phase shifters and two generators that hold voltages."""
    rng = np.random.default_rng(seed)
    net = pp.create_empty_network()
    high, low = [pp.create_bus(net, 110.0) for _ in range(6)], [pp.create_bus(net, 20.0) for _ in range(4)]
    pp.create_ext_grid(net, high[0])
    for i in range(1, 6):
        pp.create_line(net, high[rng.integers(i)], high[i], rng.uniform(5, 30), "149-AL1/24-ST1A 110.0")
    pp.create_line(net, high[5], high[0], 20.0, "149-AL1/24-ST1A 110.0")
    for k in range(3):
        trafo = pp.create_transformer(
            net, high[rng.integers(6)], low[k], "40 MVA 110/20 kV", tap_pos=rng.integers(-2, 3)
        )
        net.trafo.loc[trafo, "tap_step_degree"] = rng.choice([1.0, 5.0, 20.0, 60.0])
        net.trafo.loc[trafo, "tap_side"] = rng.choice(["hv", "lv"])
        pp.create_line(net, low[k], low[k + 1], rng.uniform(1, 6), "NA2XS2Y 1x240 RM/25 12/20 kV")
    net.trafo["tap_changer_type"], net.trafo["tap_step_percent"], net.trafo["shift_degree"] = "Ideal", 0.0, 0.0
    for bus in high[1:] + low:
        pp.create_load(net, bus, rng.uniform(0, 3), rng.uniform(0, 1))
    pp.create_gen(net, high[3], 5.0, vm_pu=1.01)
    pp.create_gen(net, low[2], 1.0, vm_pu=1.0)
    return net


@pytest.mark.parametrize("seed", [0, 8, 16, 21, 31])
def test_phase_shifters_in_meshes_turn_as_in_a_net_that_has_them_there(seed):
    """Some of these states have several solutions, others none: the changed network finds the same."""
    pp_net = shifting(seed)
    net, injection = ElectricNetwork.from_pandapower(pp_net), None
    for trafo, position in ((0, -3), (0, 3), (1, -2), (1, 3), (2, 1)):
        moved = copy.deepcopy(pp_net)
        moved.trafo.loc[trafo, "tap_pos"] = position
        anew = ElectricNetwork.from_pandapower(moved)
        injection = anew.base_injection()
        flow, other = net.changed(taps={f"trafo {trafo}": position}).power_flow(*injection), anew.power_flow(*injection)
        assert flow.converged == other.converged
        np.testing.assert_allclose(flow.vm_pu, other.vm_pu, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["case145", "case300", "case89pegase", "case24_ieee_rts"])
def test_start_angles_of_the_arrays_are_those_of_pandapowers_dc_power_flow(name):
    from rexnet_grid.electric.dc_start import dc_start, series_admittances

    case = ElectricNetwork.from_builtin(name).case
    np.testing.assert_allclose(dc_start(case, series_admittances(case)), case.node_start, rtol=0, atol=1e-11)


def test_an_ideal_tap_at_a_star_point_stays_where_it_is():
    """pandapower turns its step by half a circle, so the net has to say where it stands."""
    from pandapower.networks import example_multivoltage

    pp_net = example_multivoltage()
    for column, value in {**TAPS, "tap_side": "hv", "tap_changer_type": "Ideal", "tap_step_percent": 0.0}.items():
        pp_net.trafo3w[column] = value
    pp_net.trafo3w["tap_step_degree"], pp_net.trafo3w["tap_at_star_point"] = 1.5, True
    with pytest.raises(NetworkDataError, match="tap changer"):
        ElectricNetwork.from_pandapower(pp_net).changed(taps={"trafo3w 0": 3})
    pp_net.trafo3w["tap_step_degree"] = np.nan
    with pytest.raises(NetworkDataError, match="a net that pandapower can solve"):
        ElectricNetwork.from_pandapower(pp_net)


CHANGING = (
    "cigre_mv",
    "mv_oberrhein",
    "example_multivoltage",
    "example_simple",
    "case33bw",
    "lv_schutterwald:1",
    "case118",
)


@pytest.mark.parametrize("name", CHANGING)
def test_any_sequence_of_changes_equals_conversion_anew(name):
    from rexnet_grid.electric.catalogue import builtin_pandapower_net

    pp_net = builtin_pandapower_net(name)
    start = net = ElectricNetwork.from_builtin(name)
    injection = net.base_injection()
    rng = np.random.default_rng(7)
    opened: set[str] = set()
    for _ in range(8):
        shut, openable = [*opened, *map(str, start.case.switch_open)], [*map(str, start.case.switch_name)]
        lines = [n for n in start.branches if n.startswith("line")]
        out = [str(n) for n in {*rng.choice(lines, 1), *rng.choice(openable or lines, 1)} if n not in opened]
        closed = [str(n) for n in {*rng.choice(shut, 1)} if n not in out] if shut else []
        net = net.changed(out=out, closed=[n for n in closed if n in opened or not pp_closed(pp_net, n)])
        for names, state in ((out, False), (closed, True)):
            for table, _, index in (n.partition(" ") for n in names):
                pp_net[table].loc[int(index), "closed" if table == "switch" else "in_service"] = state
        opened = (opened | set(out)) - set(closed)
        same_as_anew(net, pp_net, injection)


def pp_closed(pp_net, name):
    table, _, index = name.partition(" ")
    return bool(pp_net[table].loc[int(index), "closed" if table == "switch" else "in_service"])


def same_as_anew(net, pp_net, injection):
    anew = ElectricNetwork.from_pandapower(pp_net)
    kw = np.where(anew.case.bus_node >= 0, injection[0], 0.0)
    a, b = net.power_flow(kw, injection[1]), anew.power_flow(kw, injection[1])
    assert a.converged == b.converged
    np.testing.assert_allclose(a.vm_pu, b.vm_pu, rtol=0, atol=1e-10)
    np.testing.assert_allclose(a.loading_percent, b.loading_percent, rtol=0, atol=1e-7)
    np.testing.assert_allclose(a.loss_kw, b.loss_kw, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(a.grid_import_kw, b.grid_import_kw, rtol=1e-9, atol=1e-7)
    np.testing.assert_array_equal(net.case.supply_bus, anew.case.supply_bus)


def test_only_what_lies_between_a_change_and_the_supply_is_factored_again():
    net = ElectricNetwork.from_builtin("lv_schutterwald:1")
    net.changed(out=["line 0"] if "line 0" in net.branches else [str(net.branches[0])])
    renewed = []
    for name in [str(n) for n in net.branches if n.startswith("line")][::9]:
        changed = net.changed(out=[name])
        renewed.append(net.wiring.renewed)
        anew = ElectricNetwork(changed.case).power_flow(*net.base_injection())
        flow = changed.power_flow(*net.base_injection())
        np.testing.assert_allclose(flow.vm_pu, anew.vm_pu, rtol=0, atol=1e-12)
    fresh = ElectricNetwork.from_builtin("lv_schutterwald:1").changed(out=[name])
    np.testing.assert_array_equal(fresh.power_flow(*net.base_injection()).results, flow.results)
    assert max(renewed) < net.wiring.columns
    assert np.median(renewed) < 0.3 * net.wiring.columns


def test_a_network_of_switches_alone():
    pp_net = pp.create_empty_network()
    buses = [pp.create_bus(pp_net, 0.4) for _ in range(3)]
    pp.create_ext_grid(pp_net, buses[0])
    for f, t in ((0, 1), (1, 2)):
        pp.create_switch(pp_net, f, t, et="b")
    net = ElectricNetwork.from_pandapower(pp_net)
    flow = net.changed(out=["switch 1"]).power_flow([0.0, -1.0, -1.0])
    assert flow.converged
    assert np.isnan(flow.vm_pu).tolist() == [False, False, True]
    delivery = ElectricDelivery(net)
    assert delivery.headroom([0], np.zeros((1, 3)))[0].capacity_kw(0, 2) == np.inf
    delivery.change(out=["switch 0"])
    assert delivery.headroom([0], np.zeros((1, 3)))[0].capacity_kw(0, 2) == 0.0
