"""Rows that touch the limits at one schedule: their derivatives equal finite differences of AC power flow."""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork

LIMITS = ElectricLimits(import_kw=300.0, export_kw=200.0)
STEP_KW = 1e-3


def fed_twice():
    """Two external grids, a generator that holds a voltage, and a bus that has no supply."""
    net = pp.create_empty_network()
    b = [pp.create_bus(net, 0.4) for _ in range(6)]
    pp.create_ext_grid(net, b[0], 1.01)
    pp.create_ext_grid(net, b[4], 1.0)
    for k in range(4):
        pp.create_line(net, b[k], b[k + 1], 0.15, "NAYY 4x150 SE")
    pp.create_gen(net, b[2], 0.0, vm_pu=1.0)
    return net


@pytest.fixture(scope="module", params=["cigre_lv", "fed twice"])
def grid(request):
    name = request.param
    network = (
        ElectricNetwork.from_pandapower(fed_twice()) if name == "fed twice" else ElectricNetwork.from_builtin(name)
    )
    return ElectricDelivery(network, LIMITS)


def schedule(grid):
    rng = np.random.default_rng(5)
    kw = rng.uniform(-3.0, 3.0, len(grid.nodes))
    kw[grid.nodes.index(grid.supply_node)] = 0.0
    return kw


def limited(grid, kw):
    """Return every limited quantity by the name of its limit, above a bound as positive as below it negative."""
    arrays, columns = grid.predict(0, kw).arrays, grid.columns()
    out = {}
    for node, vm in zip(columns["vm_pu"], arrays["vm_pu"], strict=True):
        out[f"{node} undervoltage"], out[f"{node} overvoltage"] = LIMITS.vm_min_pu - vm, vm - LIMITS.vm_max_pu
    for branch, loading in zip(columns["loading_percent"], arrays["loading_percent"], strict=True):
        out[f"{branch} loading"] = loading - LIMITS.loading_percent
    supply = float(arrays["import_kw"][0])
    out["supply import"], out["supply export"] = supply - LIMITS.import_kw, -supply - LIMITS.export_kw
    return out


def test_they_leave_what_ac_leaves_and_answer_as_ac_answers(grid):
    kw = schedule(grid)
    some = np.arange(1, len(grid.nodes), 3)[::-1]
    rows = grid.slopes_at(7, kw, some)
    assert rows.unit == 7
    assert rows.nodes == tuple(grid.nodes[k] for k in some)
    here = limited(grid, kw)
    assert {name for name, value in here.items() if np.isfinite(value)} == set(rows.limits)
    np.testing.assert_allclose(rows.slack, [-here[name] for name in rows.limits], atol=1e-9)
    for column, node in enumerate(some):
        shift = np.zeros(len(kw))
        shift[node] = STEP_KW
        up, down = limited(grid, kw + shift), limited(grid, kw - shift)
        by_difference = np.array([up[name] - down[name] for name in rows.limits]) / (2.0 * STEP_KW)
        told = (rows.injecting if kw[node] > 0.0 else rows.coefficients)[:, column]
        for kind in ("voltage", "loading", "supply"):
            of_kind = np.array([kind in name for name in rows.limits])
            scale = 1e-4 * max(float(np.abs(by_difference[of_kind]).max()), 1e-9)
            np.testing.assert_allclose(told[of_kind], by_difference[of_kind], rtol=1e-4, atol=scale)


def test_what_is_asked_at_the_supply_counts_for_nothing(grid):
    supply = grid.nodes.index(grid.supply_node)
    rows = grid.slopes_at(0, schedule(grid), np.array([supply, supply + 1]))
    assert not rows.coefficients[:, 0].any()
    assert not rows.injecting[:, 0].any()
    assert rows.coefficients[:, 1].any()


def test_a_bus_that_has_lost_its_supply_moves_nothing_and_is_not_limited():
    grid = ElectricDelivery(ElectricNetwork.from_builtin("cigre_lv"), LIMITS)
    grid.change(out=["line 9"])
    dark = np.flatnonzero(np.isnan(grid.predict(0, schedule(grid)).arrays["vm_pu"]))
    assert len(dark)
    rows = grid.slopes_at(0, schedule(grid), dark)
    assert not rows.coefficients.any()
    assert not any(f"{grid.nodes[k]} undervoltage" in rows.limits for k in dark)
    assert np.isfinite(rows.slack).all()


def test_there_are_none_where_there_is_no_solution(grid):
    assert grid.slopes_at(0, np.full(len(grid.nodes), -1e5), np.array([1])) is None
