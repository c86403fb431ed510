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


def feeder_behind(group, seed=0, **trafo):
    """Five low-voltage buses with uneven loads behind a line of 5 km and a transformer of one vector group."""
    rng = np.random.default_rng(seed)
    net = pp.create_empty_network()
    first, high, last = pp.create_bus(net, 20.0), pp.create_bus(net, 20.0), pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, first, s_sc_max_mva=1e6, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    long = {"r_ohm_per_km": 0.3, "x_ohm_per_km": 0.35, "c_nf_per_km": 10.0, "max_i_ka": 0.3}
    zero = {"r0_ohm_per_km": 0.6, "x0_ohm_per_km": 1.2, "c0_nf_per_km": 5.0}
    pp.create_line_from_parameters(net, first, high, 5.0, **long, **zero)
    data = {"vk0_percent": 5.0, "vkr0_percent": 1.2, "mag0_percent": 40.0, "mag0_rx": 0.3, "si0_hv_partial": 0.7}
    pp.create_transformer_from_parameters(
        net, high, last, 0.4, 20.0, 0.4, 1.4, 6.0, 1.0, 0.3, 150.0 if group in {"Dyn", "Yzn"} else 0.0, **(data | trafo)
    )
    net.trafo["vector_group"] = group
    short = {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.08, "c_nf_per_km": 300.0, "max_i_ka": 0.3}
    for _ in range(5):
        bus = pp.create_bus(net, 0.4)
        zero = {"r0_ohm_per_km": 0.8, "x0_ohm_per_km": 0.3, "c0_nf_per_km": 200.0}
        pp.create_line_from_parameters(net, last, bus, rng.uniform(0.02, 0.1), **short, **zero)
        p = dict(zip(("p_a_mw", "p_b_mw", "p_c_mw"), rng.uniform(0.0, 0.04, 3) * (rng.random(3) < 0.7), strict=True))
        pp.create_asymmetric_load(net, bus, **p, **{f"q{k[1:3]}_mvar": 0.2 * mw for k, mw in p.items()})
        last = bus
    return net


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("magnetising", [(10.0, 0.0, 0.9), (40.0, 0.3, 0.7), (1e4, 0.5, 0.5)])
@pytest.mark.parametrize("group", ["Dyn", "YNyn"])
def test_the_zero_sequence_of_transformers_is_that_of_runpp_3ph(group, magnetising, parallel):
    """Leakage and magnetising branch as a T, behind a line, with more than 2 % between phases; within 1e-8 p.u.

    What the core takes counts as current of its winding: up to 3 percent points of YNyn. ``runpp_3ph`` stops at a
    mismatch of 3e-8 times ``sn_mva``, whatever ``tolerance_mva`` says.
    """
    data = dict(zip(("mag0_percent", "mag0_rx", "si0_hv_partial"), magnetising, strict=True))
    pp_net = feeder_behind(group, 7, parallel=parallel, **data)
    pp_net.sn_mva = 1e-3
    net = ThreePhaseNetwork.from_pandapower(pp_net)
    injection = net.base_injection()
    flow = net.power_flow(*injection)
    pp.runpp_3ph(pp_net, tolerance_mva=1e-9, max_iteration=100)
    solved = pp_net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()
    assert np.ptp(solved, axis=1).max() > 0.02
    np.testing.assert_allclose(flow.vm_pu, solved, rtol=0, atol=1e-8)
    expected = np.concatenate((pp_net.res_line_3ph.loading_percent, pp_net.res_trafo_3ph.loading_percent))
    np.testing.assert_allclose(flow.loading_percent, expected, rtol=0, atol=1e-5)
    assert flow.grid_import_kw + injection[0].sum() == pytest.approx(flow.loss_kw, abs=1e-6)


def weaker(net):
    net.ext_grid = net.ext_grid.assign(s_sc_max_mva=20.0, rx_max=0.5, x0x_max=3.0, r0x0_max=0.2)


def at_the_busbar(net):
    """The low-voltage busbar is fed directly, and what returns to earth meets the zero sequence of the grid alone."""
    net.trafo["in_service"] = False
    net.ext_grid = net.ext_grid.assign(bus=2, s_sc_max_mva=5.0, rx_max=0.5, x0x_max=3.0, r0x0_max=1.0, va_degree=25.0)


def second_grid(net):
    weaker(net)
    far = pp.create_bus(net, 20.0)
    pp.create_ext_grid(net, far, 1.003, va_degree=0.2, s_sc_max_mva=40.0, rx_max=0.1, x0x_max=1.0, r0x0_max=0.1)
    long = {"r_ohm_per_km": 0.3, "x_ohm_per_km": 0.35, "c_nf_per_km": 10.0, "max_i_ka": 0.3}
    zero = {"r0_ohm_per_km": 0.6, "x0_ohm_per_km": 1.2, "c0_nf_per_km": 5.0}
    pp.create_line_from_parameters(net, far, 1, 0.5, **long, **zero)


def open_transformer(net):
    """Its iron draws what it does, by phase; 3 % of its rating."""
    data = net.trafo.loc[0].drop("name").to_dict() | {"i0_percent": 3.0}
    net.trafo.loc[1] = data
    net.trafo = net.trafo.astype({"hv_bus": int, "lv_bus": int, "parallel": int, "in_service": bool})
    pp.create_switch(net, 2, 1, "t", closed=False)


def open_cable(net):
    short = {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.08, "c_nf_per_km": 3e5, "max_i_ka": 0.3}
    zero = {"r0_ohm_per_km": 0.8, "x0_ohm_per_km": 0.3, "c0_nf_per_km": 2e5}
    line = pp.create_line_from_parameters(net, pp.create_bus(net, 0.4), 4, 1.0, **short, **zero)
    pp.create_switch(net, int(net.line.from_bus[line]), line, "l", closed=False)


@pytest.mark.parametrize("change", [weaker, at_the_busbar, second_grid, open_transformer, open_cable])
@pytest.mark.parametrize("group", ["Dyn", "YNyn"])
def test_feeding_grids_and_open_ends_are_those_of_runpp_3ph(group, change):
    """External grids hold the positive sequence and give way to the others; within 1e-8 p.u., 1e-5 percent points."""
    pp_net = feeder_behind(group, 7, mag0_percent=20.0)
    change(pp_net)
    pp_net.sn_mva = 1e-3
    net = ThreePhaseNetwork.from_pandapower(pp_net)
    injection = net.base_injection()
    flow = net.power_flow(*injection)
    with np.errstate(invalid="ignore"):  # its unbalance of buses without supply
        pp.runpp_3ph(pp_net, tolerance_mva=1e-9, max_iteration=100)
    solved = pp_net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()
    assert np.nanmax(np.ptp(solved, axis=1)) > 0.02
    np.testing.assert_allclose(flow.vm_pu, solved, rtol=0, atol=1e-8)
    expected = np.concatenate((pp_net.res_line_3ph.loading_percent, pp_net.res_trafo_3ph.loading_percent))
    carries = np.isfinite(expected)
    assert (flow.loading_percent[~carries] == 0.0).all() or np.isnan(flow.loading_percent[~carries]).all()
    np.testing.assert_allclose(flow.loading_percent[carries], expected[carries], rtol=0, atol=1e-5)
    lost = [pp_net[f"res_{table}_3ph"][["pl_a_mw", "pl_b_mw", "pl_c_mw"]].sum().sum() for table in ("line", "trafo")]
    assert flow.loss_kw == pytest.approx(1e3 * sum(lost), abs=1e-4)
    assert flow.grid_import_kw + injection[0].sum() == pytest.approx(flow.loss_kw, abs=1e-5)


def test_load_that_grows_has_the_solution_of_high_voltage_or_none():
    """Lowest voltages fall with load down to the last that has a solution, and there is none beyond.

    Newton's method finds two beyond, at 0.02 p.u.
    """
    net = ThreePhaseNetwork.from_pandapower(feeder_behind("Dyn", 3))
    kw, kvar = net.base_injection()
    factors = np.linspace(0.1, 12.0, 240)[:, None, None]
    flow = net.power_flow(factors * kw, factors * kvar)
    last = int(flow.converged.sum())
    assert 10 < last < 200
    assert flow.converged[:last].all()
    lowest = flow.vm_pu[:last].min(axis=(1, 2))
    assert (np.diff(lowest) < 0.0).all()
    assert 0.4 < lowest[-1] < 0.8


@pytest.mark.parametrize(
    ("group", "given", "expected", "neutral"),
    [
        ("Yzn", 2.0, 1.0, 0.0),
        ("Dzn", 2.0, 1.0, 0.05),
        ("Yzn", np.nan, 0.1, 0.05j),
        ("Yyn", 5.0, 0.3 + 0.4 * (0.3 + 1j) / np.hypot(0.3, 1.0) / (0.2 + 1j * np.sqrt(0.96)), 0.03 + 0.04j),
    ],
)
def test_what_returns_through_a_neutral_meets_the_zero_sequence_of_its_winding(group, given, expected, neutral):
    """U0 = -z0 I0: the leakage of a zigzag, a tenth of vk_percent where that is blank; leakage and core.

    What stands between neutral and ground, ``rn_ohm`` and ``xn_ohm``, counts three times.
    """
    pp_net = feeder_behind(group, vk0_percent=given, vkr0_percent=given / 5.0)
    pp_net.trafo = pp_net.trafo.assign(rn_ohm=np.real(neutral), xn_ohm=np.imag(neutral))
    pp_net.asymmetric_load["in_service"] = False
    net = ThreePhaseNetwork.from_pandapower(pp_net)
    kw = np.zeros((len(net.buses), 3))
    kw[2, 0] = -1.0
    flow = net.power_flow(kw)
    volts = 400.0 / np.sqrt(3.0) * flow.vm_pu[2] * np.exp(1j * np.radians(flow.va_degree[2]))
    ampere = np.conj(1e3 / volts[0]) / 3.0
    percent = 1.4 + 1j * np.sqrt(6.0**2 - 1.4**2) if np.isnan(given) else given * (0.2 + 1j * np.sqrt(0.96))
    assert -volts.mean() / ampere == pytest.approx(expected * percent / 100.0 * 0.4 + 3.0 * neutral, rel=1e-3)


@pytest.mark.parametrize(
    ("group", "column", "value", "told"),
    [
        ("Yyn", "mag0_percent", np.nan, "vector_group Yyn without mag0_percent"),
        ("Dyn", "si0_hv_partial", 1.2, r"si0_hv_partial 1.2; expected 0 to 1"),
    ],
)
def test_a_zero_sequence_without_a_way_or_with_an_impossible_share_is_refused(group, column, value, told):
    pp_net = feeder_behind(group)
    pp_net.trafo[column] = value
    with pytest.raises(NetworkDataError, match=told):
        ThreePhaseNetwork.from_pandapower(pp_net)
