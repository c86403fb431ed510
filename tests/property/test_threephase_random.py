"""Whatever network ``runpp_3ph`` takes by the book has the same solution here."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.electric.threephase import ThreePhaseNetwork

pp = pytest.importorskip("pandapower")
pytest.importorskip("power_grid_model", reason="the extra threephase is not installed")

LONG = {"r_ohm_per_km": 0.3, "x_ohm_per_km": 0.35, "max_i_ka": 0.3, "r0_ohm_per_km": 0.6, "x0_ohm_per_km": 1.2}
SHORT = {"r_ohm_per_km": 0.206, "x_ohm_per_km": 0.08, "c_nf_per_km": 261.0, "max_i_ka": 0.27}
SHORT_ZERO = {"r0_ohm_per_km": 0.8, "x0_ohm_per_km": 0.3, "c0_nf_per_km": 100.0}


def supply(rng, net, bus, vm_pu, va_degree):
    between = {"rx_max": (0.05, 1.0), "x0x_max": (0.5, 4.0), "r0x0_max": (0.05, 1.0)}
    drawn = {key: float(rng.uniform(*bounds)) for key, bounds in between.items()}
    pp.create_ext_grid(net, bus, vm_pu, va_degree=va_degree, s_sc_max_mva=float(10 ** rng.uniform(0.5, 5.0)), **drawn)


def transformer(rng, net, high, low, group, shift):
    between = {"pfe_kw": (0.0, 2.0), "i0_percent": (0.0, 3.0), "mag0_rx": (0.0, 0.6), "df": (0.7, 1.0)}
    between |= {"vk0_percent": (3.0, 8.0), "vkr0_percent": (0.5, 2.0), "si0_hv_partial": (0.05, 0.95)}
    between |= {"vk_percent": (4.0, 8.0), "vkr_percent": (0.8, 1.6)}
    pp.create_transformer_from_parameters(
        net,
        high,
        low,
        sn_mva=float(rng.choice([0.1, 0.25, 0.4])),
        vn_hv_kv=float(rng.choice([20.0, 21.0])),
        vn_lv_kv=float(rng.choice([0.4, 0.42])),
        shift_degree=shift,
        vector_group=group,
        tap_side=str(rng.choice(["hv", "lv"])),
        tap_neutral=0,
        tap_min=-2,
        tap_max=2,
        tap_pos=int(rng.integers(-2, 3)),
        tap_step_percent=2.5,
        tap_changer_type="Ratio",
        mag0_percent=float(10 ** rng.uniform(1.0, 4.0)),
        parallel=int(rng.integers(1, 3)),
        **{key: float(rng.uniform(*bounds)) for key, bounds in between.items()},
    )


def feeder(rng, net, busbar):
    """Return the buses of a feeder with a ring now and then, everything that draws or gives by phase at them."""
    points = [busbar]
    for _ in range(rng.integers(2, 8)):
        start, end = int(rng.choice(points[-3:])), pp.create_bus(net, 0.4)
        pp.create_line_from_parameters(net, start, end, float(rng.uniform(0.02, 0.15)), **SHORT, **SHORT_ZERO)
        points.append(end)
        kw = rng.uniform(0.0, 0.006, 3) * (rng.random(3) < 0.8)
        pp.create_asymmetric_load(net, end, *kw, *(0.3 * kw), scaling=float(rng.uniform(0.5, 1.0)))
        if rng.random() < 0.4:
            pp.create_asymmetric_sgen(net, end, *rng.uniform(0.0, 0.006, 3), 0.0, 0.001, 0.0)
        if rng.random() < 0.3:
            pp.create_load(net, end, 0.004, 0.001, scaling=0.8)
            pp.create_sgen(net, end, 0.003, 0.001, type="wye")
    if rng.random() < 0.5:
        pp.create_line_from_parameters(net, points[-1], points[1], 0.1, **SHORT, **SHORT_ZERO)
    return points


def some_network(seed):
    rng = np.random.default_rng(seed)
    group, shift = [("Dyn", 150.0), ("Dyn", 330.0), ("YNyn", 0.0), ("YNyn", 180.0)][rng.integers(4)]
    net = pp.create_empty_network(sn_mva=1e-3, f_hz=float(rng.choice([50.0, 60.0])))
    high = [pp.create_bus(net, 20.0) for _ in range(rng.integers(2, 5))]
    vm_pu, va_degree = float(rng.uniform(0.97, 1.05)), float(rng.choice([0.0, 30.0, -70.0]))
    supply(rng, net, high[0], vm_pu, va_degree)
    for start, end in zip(high, [*high[1:], high[0]], strict=True):
        line = {
            "c_nf_per_km": float(rng.uniform(10.0, 300.0)),
            "c0_nf_per_km": 5.0,
            "parallel": int(rng.integers(1, 3)),
        }
        pp.create_line_from_parameters(net, start, end, float(rng.uniform(0.1, 5.0)), **LONG, **line)
    if rng.random() < 0.4:
        supply(rng, net, high[-1], vm_pu + float(rng.uniform(-0.002, 0.002)), va_degree)
    ends = []
    for bus in high:
        low = pp.create_bus(net, 0.4)
        for _ in range(1 + (rng.random() < 0.3)):
            transformer(rng, net, bus, low, group, shift)
        ends.append(feeder(rng, net, low)[-1])
    pp.create_switch(net, ends[0], ends[-1], "b", closed=bool(rng.random() < 0.5))
    for kind, table, sides in (("l", net.line, ["from_bus", "to_bus"]), ("t", net.trafo, ["hv_bus", "lv_bus"])):
        for row in table.index[rng.random(len(table)) < 0.15]:
            pp.create_switch(
                net, int(table.loc[row, rng.choice(sides)]), int(row), kind, closed=bool(rng.random() < 0.3)
            )
    net.line.loc[rng.random(len(net.line)) < 0.03, "in_service"] = False
    return net


@pytest.mark.parametrize("seed", range(12))
def test_voltages_and_loadings_are_those_of_runpp_3ph(seed):
    """Within 1e-8 p.u. and 1e-5 percent points, dark where it is dark; energy closes within 1e-4 kW."""
    net = some_network(seed)
    study = ThreePhaseNetwork.from_pandapower(net)
    kw, kvar = study.base_injection()
    flow = study.power_flow(kw, kvar)
    with np.errstate(invalid="ignore"):  # its unbalance of buses without supply
        pp.runpp_3ph(net, tolerance_mva=1e-9, max_iteration=100)
    solved = net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()
    np.testing.assert_allclose(flow.vm_pu, solved, rtol=0, atol=1e-8)
    loading = np.concatenate((net.res_line_3ph.loading_percent, net.res_trafo_3ph.loading_percent))
    carries = np.isfinite(loading)
    np.testing.assert_allclose(flow.loading_percent[carries], loading[carries], rtol=0, atol=1e-5)
    assert not np.nan_to_num(flow.loading_percent[~carries]).any()
    injected = kw[np.isfinite(flow.vm_pu).all(axis=1)].sum()
    assert flow.grid_import_kw + injected == pytest.approx(flow.loss_kw, abs=1e-4)
