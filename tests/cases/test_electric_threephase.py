"""Unbalanced power flow: the IEEE European LV feeder as OpenDSS solved it, and agreement with the balanced path."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.threephase import ThreePhaseNetwork
from rexnet_grid.errors import InputError, NetworkDataError

pp = pytest.importorskip("pandapower")
pytest.importorskip("power_grid_model", reason="the extra threephase is not installed")


@pytest.fixture(scope="module")
def feeder():
    import pandapower.networks as nw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nw.ieee_european_lv_asymmetric("off_peak_1")


def injections(net, pp_net):
    kw, kvar = np.zeros((len(net.case.bus_id), 3)), np.zeros((len(net.case.bus_id), 3))
    row = {int(b): i for i, b in enumerate(net.case.bus_id)}
    at = [row[int(b)] for b in pp_net.asymmetric_load.bus]
    for phase, letter in enumerate("abc"):
        np.add.at(kw[:, phase], at, -1e3 * pp_net.asymmetric_load[f"p_{letter}_mw"].to_numpy())
        np.add.at(
            kvar[:, phase], at, -1e3 * pp_net.asymmetric_load[f"p_{letter}_mw"].to_numpy() * np.tan(np.arccos(0.95))
        )
    return kw, kvar


def test_european_lv_feeder_as_opendss(feeder, validation_dir):
    """OpenDSS snapshot at t = 1 min, 907 buses by three phases, within 2.5e-3 p.u.

    The loads' power factor is 0.95 in all phases as in the feeder's own files; pandapower's copy of them has 0.0003
    for the reactive share of phases B and C.
    """
    net = ThreePhaseNetwork.from_pandapower(feeder)
    flow = net.power_flow(*injections(net, feeder))
    assert flow.converged
    opendss = pd.read_csv(validation_dir / "electric" / "ieee_eu_lv_opendss_t1.csv")
    expected = opendss[["v1_pu", "v2_pu", "v3_pu"]].to_numpy()
    assert expected.shape == flow.vm_pu.shape
    assert np.abs(flow.vm_pu - expected).max() < 2.5e-3


def test_a_balanced_load_gives_the_balanced_solution(feeder):
    net = ThreePhaseNetwork.from_pandapower(feeder)
    kw, _ = injections(net, feeder)
    even = np.repeat(kw.sum(axis=1, keepdims=True) / 3.0, 3, axis=1) * 20.0
    flow = net.power_flow(np.stack([even, 0.5 * even]))
    assert flow.converged.all()
    stiff = ElectricNetwork.from_pandapower(feeder).power_flow(even.sum(axis=1))
    assert np.ptp(flow.vm_pu[0], axis=1).max() < 1e-8
    np.testing.assert_allclose(flow.vm_pu[0][:, 0], stiff.vm_pu, atol=2e-4)
    assert flow.loss_kw[0] == pytest.approx(stiff.loss_kw, rel=0.02)


def test_what_it_cannot_take_is_named(feeder):
    import pandapower.networks as nw

    with pytest.raises(NetworkDataError, match="zero-sequence"):
        ThreePhaseNetwork.from_pandapower(nw.create_cigre_network_lv())
    net = ThreePhaseNetwork.from_pandapower(feeder)
    for bad in (np.zeros(5), np.full((net.case.n_bus, 3), np.nan)):
        with pytest.raises(InputError):
            net.power_flow(bad)
    nothing = net.power_flow(np.full((net.case.n_bus, 3), -1e4))
    assert nothing.converged is False
    assert np.isnan(nothing.vm_pu).all()


def test_the_interface_is_that_of_the_balanced_network(feeder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = ThreePhaseNetwork.from_builtin("ieee_european_lv")
    kw, kvar = net.base_injection()
    assert kw.shape == kvar.shape == (len(net.buses), 3)
    whole = ElectricNetwork.from_builtin("ieee_european_lv").base_injection()
    np.testing.assert_allclose(kw.sum(axis=1), whole[0], atol=1e-9)
    np.testing.assert_allclose(kvar.sum(axis=1), whole[1], atol=1e-9)
    flow = net.power_flow(kw, kvar)
    assert flow.loading_percent.shape == (len(net.branches),)
    kw[net.buses.get_loc(614), 0] += 5.0
    rise = net.power_flow(kw, kvar).vm_pu[net.buses.get_loc(614)] - flow.vm_pu[net.buses.get_loc(614)]
    assert rise[0] > 0.005
    assert (rise[1:] < 0.0).all()
