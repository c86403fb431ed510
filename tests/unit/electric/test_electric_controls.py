"""Controllers of the net act as pandapower lets them act, whoever solves in between."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork

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
    "curve of a saturated inverter": lambda: with_inverters(feeder(), saturate_sn_mva=0.02, q_prio=False),
    "inverters, then taps": lambda: with_inverters(with_taps(feeder(), level=1), level=0),
    "all at once": lambda: with_inverters(with_taps(feeder(), order=1), order=0),
    "three windings": three_windings,
}


@pytest.mark.parametrize("name", NETS)
def test_controllers_act_as_in_pandapower(name, monkeypatch):
    from rexnet_grid.electric import pandapower_nets

    pp_net = NETS[name]()
    net = ElectricNetwork.from_pandapower(pp_net)
    base = net.base_injection()
    monkeypatch.setattr(pandapower_nets, "controlled_case", lambda *_: pytest.fail("pandapower solved"))
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


def test_a_controller_of_another_kind_goes_to_pandapower(monkeypatch):
    from rexnet_grid.electric import pandapower_nets

    class Cautious(pp.control.DiscreteTapControl):
        pass

    pp_net = feeder()
    Cautious(pp_net, 0, vm_lower_pu=0.99, vm_upper_pu=1.02)
    net = ElectricNetwork.from_pandapower(pp_net)
    asked = []
    monkeypatch.setattr(pandapower_nets, "controlled_case", lambda *_: asked.append(1))
    assert not net.power_flow(*net.base_injection()).converged
    assert asked == [1]


def test_what_controllers_cannot_settle_is_said():
    net = ElectricNetwork.from_pandapower(with_taps(feeder()))
    kw, kvar = net.base_injection()
    flows = net.power_flow(np.array([kw, 1000.0 * kw]), np.array([kvar, 1000.0 * kvar]))
    assert flows.converged.tolist() == [True, False]
    assert np.isnan(flows.vm_pu[1]).all()
    assert np.isfinite(net.sensitivities(net.power_flow(kw, kvar)).loss_kw_per_kw).all()
