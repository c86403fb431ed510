"""Controllers of the net act as pandapower lets them act, whoever solves in between."""

from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.taps import tapped
from rexnet_grid.errors import InputError, NetworkDataError

pp = pytest.importorskip("pandapower")

TAPS = {"tap_min": -9, "tap_max": 9, "tap_pos": 0, "tap_neutral": 0, "tap_step_percent": 1.5, "tap_step_degree": 0.0}


def feeder(side="hv"):
    import pandapower.networks as nw

    net = nw.create_cigre_network_mv(with_der="pv_wind")
    net.switch["closed"] = True
    net.trafo["tap_side"], net.trafo["tap_changer_type"] = side, "Ratio"
    for column, value in TAPS.items():
        net.trafo[column] = value
    return net


def with_taps(net, kind="DiscreteTapControl", **options):
    band = {"vm_lower_pu": 0.99, "vm_upper_pu": 1.02} if kind == "DiscreteTapControl" else {"vm_set_pu": 1.005}
    for trafo in net.trafo.index:
        getattr(pp.control, kind)(net, trafo, **band, **options)
    return net


def with_inverters(net, **options):
    from pandapower.control.controller.DERController import DERController, QModelQVCurve

    curve = {"vm_points_pu": [0.0, 0.93, 0.97, 1.03, 1.07, 2.0], "q_points_pu": [0.4, 0.4, 0.0, 0.0, -0.4, -0.4]}
    net.sgen["sn_mva"] = 1.2 * net.sgen.p_mw
    DERController(net, net.sgen.index, q_model=QModelQVCurve(curve), **options)
    return net


def three_windings():
    from pandapower.networks import example_multivoltage

    net = example_multivoltage()
    net.trafo3w["tap_changer_type"], net.trafo3w["tap_side"] = "Ratio", "hv"
    for column, value in TAPS.items():
        net.trafo3w[column] = value
    pp.control.DiscreteTapControl(net, 0, vm_lower_pu=1.0, vm_upper_pu=1.04, side="mv", element="trafo3w")
    return net


def by_pandapower(net, kw, kvar, base):
    work = copy.deepcopy(net)
    change = (kw - base[0]) / 1e3, (kvar - base[1]) / 1e3
    pp.create_loads(work, work.bus.index, p_mw=-change[0], q_mvar=-change[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.runpp(work, run_control=True, tolerance_mva=1e-9)
    return work


NETS = {
    "discrete": lambda: with_taps(feeder()),
    "discrete at the other side": lambda: with_taps(feeder("lv"), tol=0.01),
    "continuous": lambda: with_taps(feeder(), "ContinuousTapControl", tol=1e-6),
    "curve": lambda: with_inverters(feeder()),
    "inverters, then taps": lambda: with_inverters(with_taps(feeder(), level=1), level=0),
    "all at once": lambda: with_inverters(with_taps(feeder(), order=1), order=0),
    "three windings": three_windings,
}


@pytest.mark.parametrize("name", NETS)
def test_controllers_act_as_in_pandapower(name, monkeypatch):
    from rexnet_grid.electric import pandapower_runs

    pp_net = NETS[name]()
    net = ElectricNetwork.from_pandapower(pp_net)
    base = net.base_injection()
    monkeypatch.setattr(pandapower_runs, "controlled_case", lambda *_: pytest.fail("pandapower solved"))
    cases = [(share * base[0], share * base[1]) for share in (1.0, 0.2, 1.3, 1.0)]
    flows = net.power_flow(*(np.array(part) for part in zip(*cases, strict=True)))
    assert flows.converged.all()
    tapped = set()
    for row, case in enumerate(cases):
        work = by_pandapower(pp_net, *case, base)
        np.testing.assert_allclose(flows.vm_pu[row], work.res_bus.vm_pu, rtol=0, atol=1e-8)
        loading = np.concatenate(
            [work[f"res_{t}"].loading_percent for t in ("line", "trafo", "trafo3w") if len(work[t])]
        )
        np.testing.assert_allclose(flows.loading_percent[row][: len(loading)], loading, rtol=0, atol=1e-4)
        tapped.add((*work.trafo.tap_pos, *work.trafo3w.tap_pos, *np.round(work.sgen.q_mvar, 6)))
    assert len(tapped) > 1
    np.testing.assert_array_equal(flows.vm_pu[0], flows.vm_pu[3])


def test_many_cases_at_once_are_what_each_is_alone():
    """Where no tap would step all are solved at once; the others are settled one by one."""
    net = ElectricNetwork.from_pandapower(with_taps(feeder()))
    kw, kvar = net.base_injection()
    shares = np.array([0.0, 1.0, 1.4, 0.2, 1000.0])[:, None]
    many = net.power_flow(shares * kw, shares * kvar)
    assert many.converged.tolist() == [True, True, True, True, False]
    tapped = 0
    for row, share in enumerate(shares):
        one = net.power_flow(share * kw, share * kvar)
        np.testing.assert_array_equal(many.vm_pu[row], one.vm_pu)
        np.testing.assert_array_equal(many.loading_percent[row], one.loading_percent)
        assert one.grid_import_kw == pytest.approx(many.grid_import_kw[row], nan_ok=True)
        np.testing.assert_array_equal(many.edge_y[row], one.case.edge_y)
        tapped += not np.array_equal(one.case.edge_y, net.case.edge_y)
    assert 0 < tapped < 4


def levels_and_ends(net):
    """Taps in two levels, one of them soon at its end, inverters in between with another damping."""
    from pandapower.control.controller.DERController import DERController, QModelQVCurve

    curve = {"vm_points_pu": [0.0, 0.95, 0.99, 1.0, 1.02, 2.0], "q_points_pu": [0.5, 0.5, 0.0, 0.0, -0.5, -0.5]}
    net.trafo.loc[0, "tap_min"] = -1
    pp.control.DiscreteTapControl(net, [0], vm_lower_pu=0.985, vm_upper_pu=1.005, level=1)
    pp.control.DiscreteTapControl(net, 1, vm_lower_pu=1.0, vm_upper_pu=1.025, level=0, order=1)
    net.sgen["sn_mva"] = 1.5
    DERController(net, net.sgen.index[:3], q_model=QModelQVCurve(curve), level=0, order=2, max_q_error=1e-5)
    DERController(net, net.sgen.index[3:], q_model=QModelQVCurve(curve), level=1, damping_coef=3.0)
    return net


@pytest.mark.parametrize(
    "make", [with_taps, with_inverters, levels_and_ends, lambda net: with_taps(with_inverters(net))]
)
def test_rounds_of_many_cases_are_those_of_pandapower(make, monkeypatch):
    from rexnet_grid.electric.pandapower_controls import Controls

    pp_net = make(feeder())
    kw, kvar = ElectricNetwork.from_pandapower(pp_net).base_injection()
    rng = np.random.default_rng(8)
    shares = np.concatenate(
        (rng.uniform(-0.7, 1.4, (8, 1)) * rng.uniform(0.5, 1.5, (8, len(kw))), [[1000.0] * len(kw)])
    )
    fast = ElectricNetwork.from_pandapower(pp_net).power_flow(shares * kw, shares * kvar)
    monkeypatch.setattr(Controls, "_rounds", None)
    slow = ElectricNetwork.from_pandapower(pp_net).power_flow(shares * kw, shares * kvar)
    np.testing.assert_array_equal(fast.converged, slow.converged)
    assert fast.converged.any()
    np.testing.assert_allclose(fast.vm_pu, slow.vm_pu, rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(fast.loading_percent, slow.loading_percent, rtol=0.0, atol=1e-7)
    np.testing.assert_allclose(fast.grid_import_kw, slow.grid_import_kw, rtol=0.0, atol=1e-6)
    stood = [flow.case.edge_y[None] if flow.edge_y is None else flow.edge_y for flow in (fast, slow)]
    np.testing.assert_allclose(*np.broadcast_arrays(*stood), rtol=0.0, atol=1e-9)


def one_inverter(p_mw=3.0, **how):
    from pandapower.control.controller.DERController import DERController, QModelCosphiP

    net = pp.create_empty_network()
    supply, bus = pp.create_bus(net, 20.0), pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, supply)
    pp.create_line(net, supply, bus, 15.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_load(net, bus, 4.0, 1.5)
    sgen = int(pp.create_sgen(net, bus, p_mw, 0.0, sn_mva=3.3, scaling=0.8))
    how = {"q_model": QModelCosphiP(-0.9), **how}
    DERController(net, sgen, **how)
    return net


def grid_code():
    from pandapower.control.controller.DERController import PQVArea4120V2, QModelConstQ

    return {"q_model": QModelConstQ(0.3), "pqv_area": PQVArea4120V2()}


FOLLOWING = {
    "cos phi": dict,
    "an area": grid_code,
    "a limit of apparent power": lambda: {"saturate_sn_mva": 2.0},
    "power before reactive power": lambda: {"saturate_sn_mva": 2.0, "q_prio": False},
}


@pytest.mark.parametrize(
    ("name", "powers"),
    [*((name, (3.0, 1.0, 0.2, 0.0, 3.0)) for name in FOLLOWING), ("beside another controller", (1.0,))],
)
def test_an_inverter_follows_what_is_injected_at_its_bus(name, powers):
    pp_net = one_inverter(**FOLLOWING.get(name, dict)())
    if name not in FOLLOWING:
        pp.control.ConstControl(pp_net, "load", "q_mvar", 0)
    net = ElectricNetwork.from_pandapower(pp_net)
    assert (net._controls is not None) == (name in FOLLOWING)
    kw, kvar = net.base_injection()
    for p_mw in powers:
        work = copy.deepcopy(pp_net)
        work.sgen["p_mw"] = p_mw
        pp.runpp(work, run_control=True, tolerance_mva=1e-9)
        flow = net.power_flow(kw - np.array([0.0, 800.0 * (3.0 - p_mw)]), kvar)
        np.testing.assert_allclose(flow.vm_pu, work.res_bus.vm_pu, rtol=0, atol=1e-8)


def test_what_an_inverter_cannot_give_or_take_is_the_loads():
    pp_net = one_inverter()
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    for p_mw, load_mw in ((0.0, 5.0), (3.3, 2.0)):
        work = copy.deepcopy(pp_net)
        work.sgen["p_mw"], work.load["p_mw"] = p_mw, load_mw
        pp.runpp(work, run_control=True, tolerance_mva=1e-9)
        flow = net.power_flow(np.array([kw[0], 1e3 * (0.8 * p_mw - load_mw)]), kvar)
        np.testing.assert_allclose(flow.vm_pu, work.res_bus.vm_pu, rtol=0, atol=1e-8)


def test_whose_change_it_is_has_to_be_clear():
    pp_net = one_inverter()
    pp.create_sgen(pp_net, 1, 0.5, name="beside")
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    pp.runpp(pp_net, run_control=True, tolerance_mva=1e-9)
    np.testing.assert_allclose(net.power_flow(kw, kvar).vm_pu, pp_net.res_bus.vm_pu, rtol=0, atol=1e-8)
    with pytest.raises(InputError, match=r"controller of sgen 0.*bus 1.*only generator at its bus"):
        net.power_flow(0.5 * kw, kvar)


def test_a_curve_over_voltage_asks_for_no_power():
    pp_net = with_inverters(feeder())
    pp.create_sgen(pp_net, int(pp_net.sgen.bus.iloc[0]), 0.01)
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    work = by_pandapower(pp_net, 0.5 * kw, 0.5 * kvar, (kw, kvar))
    np.testing.assert_allclose(net.power_flow(0.5 * kw, 0.5 * kvar).vm_pu, work.res_bus.vm_pu, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("table", "column", "value", "said"),
    [
        ("controller", "object", "x", "controller 0: got object 'x'; expected a controller"),
        ("controller", "in_service", None, "controller 0: got in_service None; expected true or false"),
        ("trafo", "tap_pos", np.nan, "controller 0: got trafo 0 with tap_pos nan; expected a number"),
        ("trafo", "tap_side", None, "controller 1: got trafo 1 without tap_side"),
    ],
)
def test_tables_that_no_controller_can_act_by_are_refused(table, column, value, said):
    pp_net = with_taps(feeder())
    rows = pp_net[table]
    rows[column] = value
    with pytest.raises(NetworkDataError, match=re.escape(said)):
        ElectricNetwork.from_pandapower(pp_net)
    if column == "tap_pos":
        pp_net.controller["in_service"] = False
        ElectricNetwork.from_pandapower(pp_net)


def test_controllers_of_what_is_not_there_are_refused():
    pp_net = with_taps(feeder())
    first, second = pp_net.controller.object
    first.element_index, second.element = 7, "trafos"
    with pytest.raises(
        NetworkDataError, match=r"(?s)element_index 7; expected a row.*element trafos; expected a table"
    ):
        ElectricNetwork.from_pandapower(pp_net)
    del pp_net.controller["order"]
    with pytest.raises(NetworkDataError, match=r"controller\.order: got no such column"):
        ElectricNetwork.from_pandapower(pp_net)
    pp_net["controller"] = "x"
    with pytest.raises(NetworkDataError, match="controller: got str; expected a table"):
        ElectricNetwork.from_pandapower(pp_net)


def test_an_inverter_needs_a_rating():
    pp_net = one_inverter()
    pp_net.controller.object[0].sn_mva[0] = np.nan
    with pytest.raises(NetworkDataError, match="sgen 0 with sn_mva nan; expected a rating above zero"):
        ElectricNetwork.from_pandapower(pp_net)


def test_a_q_model_that_a_file_has_lost_is_named(tmp_path):
    pp.to_json(one_inverter(), str(tmp_path / "net.json"))
    with pytest.raises(
        NetworkDataError, match=r"q_model .*expected a Q model of pandapower, which its files do not keep"
    ):
        ElectricNetwork.from_file(tmp_path / "net.json")


def test_a_controller_that_fails_says_why(monkeypatch):
    from pandapower.control.controller.DERController import QModelCosphiP

    def step(*_, **__):
        raise ValueError("areas do not overlap")

    net = ElectricNetwork.from_pandapower(one_inverter())
    monkeypatch.setattr(QModelCosphiP, "step", step)
    with pytest.raises(InputError, match=r"controller 0 \(DERController\): got ValueError: areas do not overlap"):
        net.power_flow(*net.base_injection())


def test_a_controller_of_another_kind_goes_to_pandapower(monkeypatch):
    from rexnet_grid.electric import pandapower_runs

    class Cautious(pp.control.DiscreteTapControl):
        pass

    pp_net = feeder()
    Cautious(pp_net, 0, vm_lower_pu=0.99, vm_upper_pu=1.02)
    net = ElectricNetwork.from_pandapower(pp_net)
    asked = []
    monkeypatch.setattr(pandapower_runs, "controlled_case", lambda *_: asked.append(1))
    assert not net.power_flow(*net.base_injection()).converged
    assert asked == [1]


@pytest.mark.parametrize("error", [KeyError("vm"), ZeroDivisionError("x"), RuntimeError("oh"), UserWarning("no")])
@pytest.mark.parametrize("where", ["initialize_control", "is_converged", "control_step"])
def test_a_controller_of_ones_own_that_fails_is_named(where, error):
    def fails(*_):
        raise error

    pp_net = feeder()
    pp.control.DiscreteTapControl(pp_net, 1, vm_lower_pu=0.9, vm_upper_pu=1.1)
    mine = type("Mine", (pp.control.DiscreteTapControl,), {where: fails})
    mine(pp_net, 0, vm_lower_pu=1.05, vm_upper_pu=1.06)
    net = ElectricNetwork.from_pandapower(pp_net)
    with pytest.raises(InputError, match=rf"controller 1 \(Mine\): got {type(error).__name__}: {error}"):
        net.power_flow(*net.base_injection())


@pytest.mark.parametrize(("column", "value"), [("level", "first"), ("level", None), ("order", "x")])
def test_orders_and_levels_are_numbers(column, value):
    pp_net = with_taps(feeder())
    pp_net.controller[column] = pp_net.controller[column].astype(object)
    pp_net.controller.at[1, column] = value
    with pytest.raises(NetworkDataError, match=f"controller 1: got {column} {value!r}; expected a number"):
        ElectricNetwork.from_pandapower(pp_net)


def test_what_controllers_cannot_settle_is_said():
    net = ElectricNetwork.from_pandapower(with_taps(feeder()))
    kw, kvar = net.base_injection()
    flows = net.power_flow(np.array([kw, 1000.0 * kw]), np.array([kvar, 1000.0 * kvar]))
    assert flows.converged.tolist() == [True, False]
    assert np.isnan(flows.vm_pu[1]).all()
    assert np.isfinite(net.sensitivities(net.power_flow(kw, kvar)).loss_kw_per_kw).all()


@pytest.mark.parametrize(
    ("bands", "named"),
    [
        (((0.985, 0.995), (1.02, 1.03)), ("controller 0 (DiscreteTapControl of trafo 0)", "controller 1 (Discrete")),
        (((0.9999, 1.0001),), ("controller 0 (DiscreteTapControl of trafo 0)",)),
    ],
)
@pytest.mark.parametrize("by_pandapower", [False, True])
def test_controllers_that_never_rest_are_named(bands, named, by_pandapower):
    from rexnet_grid.electric.check import check_network
    from rexnet_grid.electric.limits import ElectricLimits

    net = feeder()
    for low, high in bands:
        pp.control.DiscreteTapControl(net, 0, vm_lower_pu=low, vm_upper_pu=high)
    if by_pandapower:
        net["user_pf_options"] = {"enforce_q_lims": True}
        bus = int(net.bus.index[net.bus.vn_kv < 100.0][0])
        pp.create_gen(net, bus + 8, p_mw=0.1, vm_pu=1.0, min_q_mvar=-0.1, max_q_mvar=0.1)
    (issue,) = check_network(ElectricNetwork.from_pandapower(net), ElectricLimits())
    assert "loads too large" not in issue.hint
    assert any(name in issue.value for name in named) if by_pandapower else all(name in issue.value for name in named)


@pytest.mark.parametrize(("base", "scale"), [(-6, 1.0), (7, 2.0)])
def test_answers_are_those_of_the_network_with_taps_where_controllers_left_them(base, scale):
    from rexnet_grid.electric import ElectricDelivery

    controlled = feeder("hv")
    controlled.trafo["tap_pos"] = base
    network = ElectricNetwork.from_pandapower(with_taps(controlled))
    kw, kvar = network.base_injection()
    flow = network.power_flow(scale * kw, scale * kvar)
    by_hand = copy.deepcopy(controlled)
    by_hand.controller = by_hand.controller.iloc[:0]
    by_hand["trafo"]["tap_pos"] = [left_tap(network, flow, trafo) for trafo in by_hand.trafo.index]
    assert (by_hand.trafo.tap_pos != base).any()
    other = ElectricNetwork.from_pandapower(by_hand)
    same = other.power_flow(scale * kw, scale * kvar)
    assert np.nanmax(np.abs(same.vm_pu - flow.vm_pu)) < 1e-10
    got, right = network.sensitivities(flow), other.sensitivities(same)
    for name in type(got).__slots__:
        a, b = getattr(got, name), getattr(right, name)
        assert np.nanmax(np.abs(a - b)) < 1e-9 * np.nanmax(np.abs(b)), name
    here, there = ElectricDelivery(network), ElectricDelivery(other)
    asked = kw[here._bus]
    position = np.stack([scale * asked, 0.5 * asked - 5.0, np.full(len(asked), -20.0)])
    published = here.signal([0, 1, 2], position).marginal_loss
    right_loss = there.signal([0, 1, 2], position).marginal_loss
    flows = here._flow(position)
    at_these_taps = [np.allclose(y, same.case.edge_y, atol=1e-12) for y in flows.edge_y]
    assert np.allclose(published[at_these_taps], right_loss[at_these_taps], atol=1e-7)
    for k in (0, 1, 2):
        for node in range(1, len(here.nodes), 4):
            step = np.where(np.arange(len(here.nodes)) == node, 0.05, 0.0)
            lost = [float(here.predict(0, position[k] + s * step).arrays["loss_kw"][0]) for s in (1.0, -1.0)]
            assert published[k, node] == pytest.approx((lost[0] - lost[1]) / 0.1, rel=2e-3, abs=2e-6)


def left_tap(network, flow, trafo):
    """Where a controller has left the tap: the position whose two-port the solved network has."""
    case = network.case
    edge = int(np.flatnonzero(case.edge_branch == np.flatnonzero(case.branch_name == f"trafo {trafo}")[0])[0])
    for position in range(-9, 10):
        if np.allclose(tapped(case, {f"trafo {trafo}": position})[0][edge], flow.case.edge_y[edge], atol=1e-12):
            return position
    raise AssertionError("no position of the tap has this two-port")


def test_a_tap_behind_an_open_switch_can_move_and_come_back_though_others_are_controlled():
    net = with_taps(feeder("hv"))
    net.controller = net.controller.iloc[:1]
    pp.create_switch(net, int(net.trafo.hv_bus[1]), 1, "t", closed=False)
    ends = net.trafo.lv_bus[1]
    network = ElectricNetwork.from_pandapower(net)
    name = f"switch {net.switch.index[-1]}"
    moved = network.changed(taps={"trafo 1": 2}, closed=[name])
    right = copy.deepcopy(net)
    right.trafo["tap_pos"] = right.trafo.tap_pos.astype(float)
    right.trafo.loc[1, "tap_pos"], right.switch.loc[right.switch.index[-1], "closed"] = 2.0, True
    pp.runpp(right, run_control=True, calculate_voltage_angles=True, tolerance_mva=1e-9)
    vm = moved.power_flow(*moved.base_injection()).vm_pu
    assert np.nanmax(np.abs(vm - right.res_bus.vm_pu.to_numpy())) < 1e-8
    assert vm[list(right.bus.index).index(ends)] > 0.5
