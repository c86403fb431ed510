"""Our numbers are pandapower's: every built-in network, the town's fourteen grids, random injections, special elements.

Tolerances of the purpose: voltages within 1e-8 p.u. and loadings within 1e-4 percent points of ``runpp``. The reference
is run with a mismatch tolerance of 1e-11 MVA: at the default, Newton itself is farther from the solution than 1e-8 p.u.
on low-voltage networks of many nodes.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.catalogue import BUILTIN

pp = pytest.importorskip("pandapower")

CASES = tuple(n for n in BUILTIN if not n.startswith("lv_schutterwald"))
REFERENCE_MVA = 1e-11
VM_TOLERANCE = 1e-8
LOADING_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def town():
    import pandapower.networks as nw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nw.lv_schutterwald(separation_by_sub=True, include_heat_pumps=True)


def pandapower_net(name):
    from rexnet_grid.electric.pandapower_builtin import builtin_net

    return builtin_net(name)


def agree(pp_net, injections: int, seed: int = 0, spread: float = 0.3) -> None:
    """Compare base case and random injections, which the reference gets as further loads."""
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    work = copy.deepcopy(pp_net)
    added = pp.create_loads(work, work.bus.index, p_mw=0.0, q_mvar=0.0)
    rng = np.random.default_rng(seed)
    held = np.isin(net.buses, work.gen.bus) if len(work.gen) else np.zeros(len(kw), dtype=bool)
    for case in range(injections + 1):
        noise = rng.normal(0.0, spread if case else 0.0, (2, len(kw)))
        dp, dq = noise[0] * np.abs(kw), np.where(held, 0.0, noise[1] * np.abs(kvar))
        work.load.loc[added, "p_mw"], work.load.loc[added, "q_mvar"] = -dp / 1e3, -dq / 1e3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pp.runpp(work, tolerance_mva=REFERENCE_MVA * max(1.0, float(np.abs(kw).max()) / 1e4))
        flow = net.power_flow(kw + dp, kvar + dq)
        assert flow.converged
        compare(flow, work)


def compare(flow, work) -> None:
    vm = work.res_bus.vm_pu.to_numpy()
    assert (np.isnan(flow.vm_pu) == np.isnan(vm)).all()
    np.testing.assert_allclose(flow.vm_pu, vm, rtol=0, atol=VM_TOLERANCE)
    tables = [t for t in ("line", "trafo", "trafo3w") if len(work[t])]
    loading = np.concatenate([work[f"res_{t}"].loading_percent.to_numpy(float) for t in tables])
    ours = flow.loading_percent[: len(loading)]
    known = np.isfinite(loading)
    np.testing.assert_allclose(ours[known], loading[known], rtol=0, atol=LOADING_TOLERANCE)
    if len(work.xward):
        return
    loss = 1e3 * sum(work[f"res_{t}"].pl_mw.sum() for t in [*tables, "impedance"] if len(work[t]))
    assert flow.loss_kw == pytest.approx(loss, rel=1e-6, abs=1e-6)


QUICK = (
    "cigre_mv_pv_wind",
    "cigre_lv",
    "cigre_hv",
    "kerber_dorfnetz",
    "kb_extrem_landnetz_kabel_trafo",
    "case9",
    "case39",
    "case118",
    "example_multivoltage",
)


@pytest.mark.parametrize("name", QUICK)
def test_builtin_networks(name):
    agree(pandapower_net(name), injections=1, spread=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in CASES if n not in QUICK])
def test_further_builtin_networks(name):
    agree(pandapower_net(name), injections=2, spread=0.02)


@pytest.mark.parametrize("station", range(14))
def test_schutterwald(town, station):
    agree(town[station], injections=1)


@pytest.mark.slow
@pytest.mark.parametrize("station", range(14))
def test_schutterwald_hundred_injections(town, station):
    agree(town[station], injections=100, seed=station, spread=0.5)


def feeder():
    """Return 20 kV, a transformer, and four low-voltage buses with a spare line between two of them."""
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=v) for v in (20.0, 0.4, 0.4, 0.4, 0.4)]
    pp.create_ext_grid(net, buses[0], vm_pu=1.01)
    pp.create_transformer(net, buses[0], buses[1], std_type="0.4 MVA 20/0.4 kV")
    for a, b in ((1, 2), (2, 3), (3, 4)):
        pp.create_line(net, buses[a], buses[b], length_km=0.2, std_type="NAYY 4x150 SE")
    for bus in buses[2:]:
        pp.create_load(net, bus, p_mw=0.02, q_mvar=0.005)
    return net, buses


def with_zip_loads(net, buses):
    net.load["const_z_p_percent"] = [30.0, 0.0, 100.0]
    net.load["const_i_p_percent"] = [20.0, 50.0, 0.0]
    net.load["const_z_q_percent"] = [10.0, 60.0, 0.0]
    net.load["const_i_q_percent"] = [0.0, 40.0, 100.0]


def with_generator(net, buses):
    pp.create_gen(net, buses[3], p_mw=0.03, vm_pu=1.0)


def with_generator_and_zip(net, buses):
    with_zip_loads(net, buses)
    with_generator(net, buses)


def with_second_supply(net, buses):
    pp.create_ext_grid(net, buses[4], vm_pu=1.0, va_degree=-150.0)


def with_shunt_and_wards(net, buses):
    pp.create_shunt(net, buses[2], q_mvar=-0.01, p_mw=0.001)
    pp.create_ward(net, buses[3], ps_mw=0.002, qs_mvar=0.001, pz_mw=0.003, qz_mvar=0.001)
    pp.create_xward(net, buses[4], 0.002, 0.001, 0.001, 0.001, r_ohm=0.1, x_ohm=0.2, vm_pu=0.98)


def with_open_line_switch(net, buses):
    pp.create_switch(net, buses[4], 2, et="l", closed=False)
    pp.create_line(net, buses[1], buses[4], length_km=0.1, std_type="NAYY 4x50 SE")


def with_fused_buses(net, buses):
    extra = pp.create_bus(net, vn_kv=0.4)
    pp.create_switch(net, buses[4], extra, et="b", closed=True)
    pp.create_load(net, extra, p_mw=0.01, q_mvar=0.002)


def with_bus_out_of_service(net, buses):
    net.bus.loc[buses[4], "in_service"] = False


def with_three_windings(net, buses):
    more = [pp.create_bus(net, vn_kv=10.0), pp.create_bus(net, vn_kv=110.0)]
    pp.create_transformer3w(net, more[1], buses[0], more[0], std_type="63/25/38 MVA 110/20/10 kV")
    net.ext_grid["bus"] = more[1]
    pp.create_load(net, more[0], p_mw=5.0, q_mvar=1.0)


def with_motor_storage_asymmetry(net, buses):
    pp.create_motor(net, buses[3], pn_mech_mw=0.01, cos_phi=0.9, efficiency_percent=92.0, loading_percent=80.0)
    pp.create_storage(net, buses[2], p_mw=0.005, max_e_mwh=0.01)
    pp.create_asymmetric_load(net, buses[4], p_a_mw=0.002, p_b_mw=0.001, q_a_mvar=0.0005)
    pp.create_sgen(net, buses[4], p_mw=0.01, q_mvar=-0.001, scaling=0.8)


def with_moved_tap(net, buses):
    net.trafo["tap_pos"] = -2


def with_two_parallel_and_derated(net, buses):
    net.line.loc[0, "parallel"] = 2
    net.line.loc[1, "df"] = 0.7
    net.trafo["parallel"] = 2


@pytest.mark.parametrize(
    "change",
    [
        with_zip_loads,
        with_generator,
        with_generator_and_zip,
        with_second_supply,
        with_shunt_and_wards,
        with_open_line_switch,
        with_fused_buses,
        with_bus_out_of_service,
        with_three_windings,
        with_motor_storage_asymmetry,
        with_moved_tap,
        with_two_parallel_and_derated,
    ],
)
def test_special_elements(change):
    pp_net, buses = feeder()
    change(pp_net, buses)
    net = ElectricNetwork.from_pandapower(pp_net)
    kw, kvar = net.base_injection()
    pp.runpp(pp_net, tolerance_mva=REFERENCE_MVA)
    flow = net.power_flow(kw, kvar)
    compare(flow, pp_net)
    given = 1e3 * pp_net.res_ext_grid.p_mw.sum()
    assert flow.grid_import_kw == pytest.approx(given, rel=1e-9, abs=1e-7)


def test_case33bw_as_published():
    """MATPOWER case33bw (Baran and Wu 1989): losses 202.677 kW, lowest voltage 0.91309 p.u. at bus 18."""
    net = ElectricNetwork.from_builtin("case33bw")
    flow = net.power_flow(*net.base_injection())
    assert flow.loss_kw == pytest.approx(202.677, abs=0.01)
    assert flow.vm_pu.min() == pytest.approx(0.91309, abs=5e-6)
    assert net.buses[int(np.argmin(flow.vm_pu))] == 17
