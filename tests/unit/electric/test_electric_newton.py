"""Compiled Newton: generators that hold voltages, loads beyond the fixed point, and the packed arrays it reads."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandapower as pp
import pytest
from scipy.sparse import random as random_sparse
from scipy.sparse.linalg import splu

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.catalogue import builtin_pandapower_net
from rexnet_grid.electric.newton_plan import filled
from rexnet_grid.electric.packing import MOST_PARTS, complexes, integers, numbers, pack


def test_parts_come_back_as_they_were_packed():
    parts = [np.array([3, -1, 1 << 60]), np.array([0.5, np.nan]), np.array([1 - 2j]), np.zeros((0, 4))]
    packed = pack(parts)
    assert packed.dtype == np.float64
    np.testing.assert_array_equal(integers(packed, 0), parts[0])
    np.testing.assert_array_equal(numbers(packed, 1), parts[1])
    np.testing.assert_array_equal(complexes(packed, 2), parts[2])
    assert len(numbers(packed, 3)) == 0


def test_what_does_not_fit_is_not_packed():
    with pytest.raises(ValueError, match="at most"):
        pack([np.zeros(1)] * MOST_PARTS)
    with pytest.raises(ValueError, match="int32"):
        pack([np.zeros(1, dtype=np.int32)])


@pytest.mark.parametrize("seed", range(4))
def test_the_fill_holds_every_entry_of_a_numeric_factor(seed):
    n = 25
    rng = np.random.default_rng(seed)
    half = random_sparse(n, n, 0.08, random_state=rng)
    matrix = (half + half.T).tolil()
    matrix.setdiag(10.0)
    matrix = matrix.tocsr()
    ptr, col, diagonal = filled(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), n)
    lu = splu(matrix.tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    for i in range(n):
        columns = col[ptr[i] : ptr[i + 1]]
        assert (np.diff(columns) > 0).all()
        assert col[diagonal[i]] == i
        needed = set(np.flatnonzero(lu.L.toarray()[i])) | set(np.flatnonzero(lu.U.toarray()[i]))
        assert needed <= set(columns.tolist())


@pytest.mark.parametrize("name", ["case9", "case30", "cigre_mv"])
def test_a_case_in_a_batch_is_the_case_alone(name):
    net = ElectricNetwork.from_builtin(name)
    kw, kvar = net.base_injection()
    share = np.array([1.0, 0.3, 1.2, -0.2, 1.0])[:, None]
    many = net.power_flow(share * kw, share * kvar)
    assert many.converged.all()
    for row, s in enumerate(share[:, 0]):
        one = net.power_flow(s * kw, s * kvar)
        np.testing.assert_array_equal(many.vm_pu[row], one.vm_pu)
        np.testing.assert_array_equal(many.loading_percent[row], one.loading_percent)
        assert many.grid_import_kw[row] == one.grid_import_kw
    np.testing.assert_array_equal(many.vm_pu[0], many.vm_pu[4])


def test_generators_hold_their_voltage_and_the_energy_closes():
    net = ElectricNetwork.from_builtin("case57")
    kw, kvar = net.base_injection()
    held = net.case.node_kind[net.case.bus_node] == 1
    at = np.abs(net.case.node_start[net.case.bus_node])
    for s in (0.2, 0.9, 1.15):
        flow = net.power_flow(s * kw, s * kvar)
        np.testing.assert_allclose(flow.vm_pu[held], at[held], rtol=0, atol=1e-14)
        residual = flow.grid_import_kw + s * kw.sum() - flow.loss_kw - flow.shunt_kw
        assert abs(residual) < 1e-9 * np.abs(kw).sum()


def test_beyond_the_fixed_point_newton_goes_on_to_the_end_of_what_can_be_carried():
    """A load R + jX behind a source is carried up to S = V^2 / (2 (Z + R cos + X sin)) (textbook maximum)."""
    pp = pytest.importorskip("pandapower")
    net = pp.create_empty_network()
    a, b = pp.create_bus(net, vn_kv=10.0), pp.create_bus(net, vn_kv=10.0)
    pp.create_ext_grid(net, a)
    pp.create_line_from_parameters(net, a, b, 1.0, r_ohm_per_km=0.6, x_ohm_per_km=0.8, c_nf_per_km=0.0, max_i_ka=1.0)
    pp.create_load(net, b, p_mw=1.0)
    grid = ElectricNetwork.from_pandapower(net)
    most_kw = 1e3 * 10.0**2 / (2.0 * (1.0 + 0.6))
    assert grid.power_flow([0.0, -0.9999 * most_kw]).converged
    beyond = grid.power_flow(np.array([[0.0, -1.0001 * most_kw], [0.0, -0.5 * most_kw]]))
    assert beyond.converged.tolist() == [False, True]
    assert np.isnan(beyond.vm_pu[0]).all()
    assert np.isnan(beyond.grid_import_kw[0])


@pytest.mark.parametrize("name", ["cigre_lv", "case14"])
def test_arrays_of_every_make_are_taken(name):
    import pandas as pd

    net = ElectricNetwork.from_builtin(name)
    kw, kvar = net.base_injection()
    expected = net.power_flow(kw, kvar).vm_pu
    frozen = kw.copy()
    frozen.flags.writeable = False
    strided = np.repeat(kw, 2)[::2]
    for given in (frozen, strided, kw.tolist(), pd.Series(kw, index=net.buses), kw.astype(np.float64, order="F")):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(net.power_flow(given, kvar).vm_pu, expected)
    many = np.asfortranarray(np.stack([kw, kw]))
    np.testing.assert_array_equal(net.power_flow(many, np.stack([kvar, kvar])).vm_pu[1], expected)
    assert net.power_flow(np.zeros((0, len(kw)))).vm_pu.shape == (0, len(kw))


def test_a_network_without_any_injection_has_the_solution_of_runpp():
    reference = builtin_pandapower_net("cigre_hv")
    for table in ("load", "sgen", "gen"):
        reference[table]["scaling"] = 0.0
    pp.runpp(reference, tolerance_mva=1e-9)
    net = ElectricNetwork.from_builtin("cigre_hv")
    flow = net.power_flow(np.zeros(len(net.buses)))
    assert flow.converged
    np.testing.assert_allclose(flow.vm_pu, reference.res_bus.vm_pu, rtol=0.0, atol=1e-8)


def test_a_solution_far_below_the_nose_is_left_for_the_one_above_it():
    net = pp.create_empty_network(sn_mva=1.0)
    buses = [pp.create_bus(net, 20.0) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for bus in buses[1:]:
        pp.create_line_from_parameters(net, buses[0], bus, 1.0, 1.0, 1.0, 0.0, 1.0)
    pp.create_gen(net, buses[1], p_mw=0.1, vm_pu=1.0)
    pp.create_load(net, buses[2], p_mw=20.0)
    grid = ElectricNetwork.from_pandapower(net)
    injection = grid.base_injection()
    high = grid.power_flow(*injection)
    # with z = (1 + j) / 400 and s = 20: V = |V|^2 + conj(z) s, so |V|^2 is a root of u^2 - 2 half u + |z s|^2
    drop = 20.0 * (1.0 - 1.0j) / 400.0
    half = 0.5 - drop.real
    low, above = half + np.array([-1.0, 1.0]) * np.sqrt(half**2 - abs(drop) ** 2)
    assert high.vm_pu[2] == pytest.approx(np.sqrt(above), abs=1e-9)
    assert np.sqrt(low) < 0.3
    start = grid.power_flow(*injection)
    start.node_voltage[grid.case.bus_node[2]] = low + drop.real + 1.0j * drop.imag
    again = grid.power_flow(*injection, start=start)
    assert bool(again.converged)
    np.testing.assert_allclose(again.vm_pu, high.vm_pu, atol=1e-9)


@pytest.mark.filterwarnings("ignore:tap_dependency_table")
@pytest.mark.parametrize(
    "asked",
    [
        {2: -50.0, 15: 11.2, 17: -23.5, 23: 6.05, 30: 34.1, 50: 39.2},
        {7: 48.2, 30: 31.8, 42: -23.5},
    ],
)
def test_the_solution_of_runpp_is_found_where_a_kept_factor_leads_past_it(asked):
    reference = builtin_pandapower_net("case57")
    network = ElectricNetwork.from_pandapower(reference)
    kw = np.zeros(len(network.buses))
    for bus, mw in asked.items():
        kw[bus] = 1e3 * mw
    kvar = np.where(kw < 0.0, 0.33 * kw, 0.0)
    for table in ("load", "sgen"):
        reference[table] = reference[table].iloc[:0]
    reference.gen["p_mw"] = 0.0
    for bus in asked:
        pp.create_load(reference, bus, p_mw=-kw[bus] / 1e3, q_mvar=-kvar[bus] / 1e3)
    pp.runpp(reference, calculate_voltage_angles=True, tolerance_mva=1e-9)
    flow = network.power_flow(kw, kvar)
    assert flow.converged
    np.testing.assert_allclose(flow.vm_pu, reference.res_bus.vm_pu, rtol=0.0, atol=1e-8)


def test_a_network_that_stands_low_is_solved_as_fast_as_others():
    """Bus 31 of ``case57`` has 0.72 p.u. in its base case, which is no sign of the solution of low voltage."""
    least = {}
    for name in ("case57", "case118"):
        net = ElectricNetwork.from_builtin(name)
        kw, kvar = net.base_injection()
        shares = np.random.default_rng(0).uniform(0.98, 1.02, (200, len(kw)))
        injections = shares * kw, shares * kvar
        assert net.power_flow(*injections).converged.all()
        times = []
        for _ in range(5):
            begun = time.process_time()
            net.power_flow(*injections)
            times.append(time.process_time() - begun)
        least[name] = min(times)
    assert least["case57"] < least["case118"]


@pytest.mark.parametrize("mw", [12.0, 20.0, 24.0])
def test_a_start_at_the_solution_of_low_voltage_still_ends_at_the_high_one(mw):
    net = pp.create_empty_network(sn_mva=1.0)
    buses = [pp.create_bus(net, 20.0) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for bus in buses[1:]:
        pp.create_line_from_parameters(net, buses[0], bus, 1.0, 0.0, 8.0, 0.0, 1.0)
    pp.create_gen(net, buses[1], p_mw=0.1, vm_pu=1.0)
    pp.create_load(net, buses[2], p_mw=mw)
    grid = ElectricNetwork.from_pandapower(net)
    injection = grid.base_injection()
    # of a load P behind a reactance x: u = |V|^2 is a root of u^2 - u + (x P)^2, and V = u - j x P
    reactive = mw * 8.0 / 400.0
    low, high = 0.5 + np.array([-1.0, 1.0]) * np.sqrt(0.25 - reactive**2)
    start = grid.power_flow(*injection)
    assert start.vm_pu[2] == pytest.approx(np.sqrt(high), abs=1e-9)
    start.node_voltage[grid.case.bus_node[2]] = low - 1j * reactive
    again = grid.power_flow(*injection, start=start)
    assert bool(again.converged)
    assert again.vm_pu[2] == pytest.approx(np.sqrt(high), abs=1e-9)
