"""The electric network as the unit cycle sees it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.errors import InputError


@pytest.fixture(scope="module")
def delivery() -> ElectricDelivery:
    return ElectricDelivery(ElectricNetwork.from_builtin("lv_schutterwald:0", supply_vm_pu=1.0, tap_pos=0.0))


def test_the_supply_balances_to_rounding(delivery):
    injection = np.full(len(delivery.nodes), -1.0)
    state = delivery.deliver(3, injection)
    assert state.converged
    assert state.violations == ()
    assert state.balance.residual_relative < 1e-9
    at = delivery.nodes.index(delivery.supply_node)
    assert state.injection_kw[at] == pytest.approx(state.arrays["import_kw"][0])
    assert state.injection_kw[at] == pytest.approx(len(injection) - 1 + state.arrays["loss_kw"][0], rel=1e-9)
    for name, columns in delivery.columns().items():
        assert state.arrays[name].shape == (len(columns),)


def test_what_is_asked_of_the_supply_is_ignored(delivery):
    injection = np.full(len(delivery.nodes), -1.0)
    other = injection.copy()
    other[delivery.nodes.index(delivery.supply_node)] = 500.0
    assert delivery.predict(0, injection).arrays["import_kw"] == delivery.predict(0, other).arrays["import_kw"]


def test_violations_are_named_by_kind(delivery):
    state = delivery.predict(0, np.full(len(delivery.nodes), -6.0))
    kinds = {v.kind for v in state.violations}
    assert kinds == {"voltage_bus", "line", "trafo"}
    worst = max((v for v in state.violations if v.kind == "trafo"), key=lambda v: v.value)
    assert worst.limit == f"{worst.element} loading"
    assert worst.value > worst.bound == 100.0


def test_no_solution_has_no_numbers(delivery):
    state = delivery.predict(0, np.full(len(delivery.nodes), -1e4))
    assert not state.converged
    assert np.isnan(state.arrays["vm_pu"]).all()
    assert [violation.kind for violation in state.violations] == ["power_flow"]


def test_supply_limits_are_kept():
    net = ElectricNetwork.from_builtin("lv_schutterwald:0", supply_vm_pu=1.0)
    delivery = ElectricDelivery(net, ElectricLimits(import_kw=20.0, export_kw=5.0))
    assert any(v.limit == "supply import" for v in delivery.predict(0, np.full(len(delivery.nodes), -1.0)).violations)
    assert any(v.limit == "supply export" for v in delivery.predict(0, np.full(len(delivery.nodes), 1.0)).violations)
    head = delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0]
    assert {"supply import", "supply export"} <= set(head.limits)
    at = delivery.nodes.index(delivery.supply_node)
    assert head.capacity_kw(at, (at + 5) % len(delivery.nodes)) == pytest.approx(18.5, abs=1.5)


def test_headroom_shrinks_as_positions_grow_and_all_units_share_one_coefficient_array(delivery):
    n = len(delivery.nodes)
    position = np.stack([np.zeros(n), np.full(n, -1.0), np.full(n, -2.0)])
    rows = delivery.headroom([4, 5, 6], position)
    assert [h.unit for h in rows] == [4, 5, 6]
    assert rows[0].coefficients is rows[1].coefficients is rows[2].coefficients
    supply, far = delivery.nodes.index(delivery.supply_node), n - 1
    capacity = [h.capacity_kw(supply, far) for h in rows]
    assert capacity[0] > capacity[1] > capacity[2] >= 0.0


def test_headroom_about_a_broken_position_admits_only_relief(delivery):
    n = len(delivery.nodes)
    head = delivery.headroom([0], np.full((1, n), -6.0))[0]
    supply = delivery.nodes.index(delivery.supply_node)
    assert head.slack.min() < 0.0
    assert head.capacity_kw(supply, n - 1) == 0.0
    assert head.capacity_kw(n - 1, supply) > 0.0


def test_marginal_losses_equal_finite_differences(delivery):
    n = len(delivery.nodes)
    position = np.full((1, n), -1.5)
    signal = delivery.signal([7], position)
    assert signal.units == (7,)
    for node in (n // 3, n // 2, n - 2):
        up, down = position[0].copy(), position[0].copy()
        up[node] += 0.01
        down[node] -= 0.01
        losses = [float(delivery.predict(0, p).arrays["loss_kw"][0]) for p in (up, down)]
        assert signal.marginal_loss[0, node] == pytest.approx((losses[0] - losses[1]) / 0.02, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", ["case14", "cigre_mv_pv_wind"])
def test_marginal_losses_and_energy_hold_where_generators_hold_voltages(name):
    import pandapower as pp
    import pandapower.networks as nw

    if name == "case14":
        net = nw.case14()
    else:
        net = nw.create_cigre_network_mv(with_der="pv_wind")
        net.load["const_z_p_percent"] = 40.0
        pp.create_gen(net, 6, p_mw=0.2, vm_pu=1.0)
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(net))
    n = len(delivery.nodes)
    position = -np.random.default_rng(0).uniform(10.0, 300.0, n)
    assert delivery.predict(0, position).balance.residual_relative < 1e-9
    signal = delivery.signal([0], position[None, :])
    for node in range(0, n, 3):
        step = np.where(np.arange(n) == node, 0.5, 0.0)
        losses = [float(delivery.predict(0, position + s * step).arrays["loss_kw"][0]) for s in (1.0, -1.0)]
        assert signal.marginal_loss[0, node] == pytest.approx(losses[0] - losses[1], rel=1e-4, abs=1e-6)


def test_state_can_be_saved_and_restored(delivery):
    delivery.restore(copy.deepcopy(delivery.save()))
    with pytest.raises(InputError):
        delivery.restore({"something": "else"})


def test_bad_injections_are_refused(delivery):
    n = len(delivery.nodes)
    for bad in (np.zeros(n - 1), np.full(n, np.nan), np.zeros((2, n))):
        with pytest.raises(InputError):
            delivery.predict(0, bad)
    with pytest.raises(InputError):
        delivery.headroom([0, 1], np.zeros((1, n)))


def test_limits_name_everything_wrong_at_once():
    with pytest.raises(InputError) as caught:
        ElectricLimits(vm_min_pu=1.2, loading_percent=-1.0, cos_phi=0.0)
    assert {issue.key for issue in caught.value.issues} == {"vm_min_pu", "loading_percent", "cos_phi"}


def test_a_sound_network_passes_and_an_unsound_one_is_told_by_element():
    import pandapower as pp
    import pandapower.networks as nw

    assert ElectricDelivery(ElectricNetwork.from_builtin("lv_schutterwald:0")).check() == []
    net = nw.create_cigre_network_lv()
    pp.create_bus(net, vn_kv=0.4)
    net.line.loc[4, "max_i_ka"] = 0.0
    keys = [issue.key for issue in ElectricDelivery(ElectricNetwork.from_pandapower(net)).check()]
    assert f"bus {net.bus.index[-1]}" in keys
    assert "line 4" in keys
    heavy = ElectricDelivery(ElectricNetwork.from_builtin("lv_schutterwald:2")).check()
    assert [issue.key for issue in heavy] == ["trafo 3"]


def test_without_supply_there_is_no_delivery():
    import pandapower.networks as nw

    net = nw.create_cigre_network_lv()
    net.ext_grid["in_service"] = False
    with pytest.raises(InputError):
        ElectricDelivery(ElectricNetwork.from_pandapower(net))


def test_every_broken_limit_has_rows_of_its_own_for_the_safety_maintainer(delivery):
    position = np.full(len(delivery.nodes), -6.0)
    broken = frozenset(v.limit for v in delivery.predict(0, position).violations)
    rows = delivery.rows_at(0, position, broken)
    assert broken <= set(rows.limits)
    for name in broken:
        assert min(s for s, limit in zip(rows.slack, rows.limits, strict=True) if limit == name) < 0.0


def test_fewer_rows_are_more_timid_and_no_less_honest():
    net = ElectricNetwork.from_builtin("cigre_lv")
    many, few = ElectricDelivery(net), ElectricDelivery(net, most_rows=12)
    nothing = np.zeros((1, len(many.nodes)))
    loose, tight = many.headroom([0], nothing)[0], few.headroom([0], nothing)[0]
    assert len(tight.limits) == 12 < len(loose.limits)
    supply = many.nodes.index(many.supply_node)
    others = [node for node in range(len(many.nodes)) if np.isfinite(loose.capacity_kw(supply, node))]
    rng = np.random.default_rng(5)
    for _ in range(20):
        position = np.zeros(len(many.nodes))
        position[rng.choice(others, 8)] = -rng.exponential(1.0, 8)
        most = [float(np.min(head.slack / np.maximum(head.coefficients @ position, 1e-12))) for head in (tight, loose)]
        assert 0.0 < most[0] <= 1.01 * most[1]
        assert not few.predict(0, most[0] * position).violations


def test_a_rise_gives_back_no_more_than_the_fall_before_it_took(delivery):
    head = delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0]
    assert (head.injecting >= head.coefficients).all()


@pytest.mark.parametrize("name", ["cigre_lv", "lv_schutterwald:0"])
def test_a_grouped_row_tells_the_limit_that_ac_meets_first(name):
    grid = ElectricDelivery(ElectricNetwork.from_builtin(name), most_rows=12)
    n = len(grid.nodes)
    head = grid.headroom([0], np.zeros((1, n)))[0]
    supply = grid.nodes.index(grid.supply_node)
    right, asked = 0, 0
    for node in range(n):
        most = head.capacity_kw(supply, node)
        if np.isfinite(most):
            slope = head.injecting[:, supply] - head.coefficients[:, node]
            row = int(np.argmin(np.where(slope > 0.0, head.slack / np.maximum(slope, 1e-12), np.inf)))
            position = np.zeros(n)
            position[node] = -most
            limit, _ = head.limit_at(row, position)
            share = 1.0
            while not grid.predict(0, share * position).violations:
                share += 0.02
            asked += 1
            right += limit in {v.limit for v in grid.predict(0, share * position).violations}
    assert asked > 35
    assert right >= 0.9 * asked


def test_headroom_of_a_three_winding_transformer_keeps_every_winding():
    import pandapower as pp

    net = pp.create_empty_network()
    high, middle, low = (pp.create_bus(net, kv) for kv in (110.0, 20.0, 10.0))
    pp.create_ext_grid(net, high)
    pp.create_transformer3w(net, high, middle, low, std_type="63/25/38 MVA 110/20/10 kV")
    grid = ElectricDelivery(ElectricNetwork.from_pandapower(net))
    head = grid.headroom([0], np.zeros((1, 3)))[0]
    names = [f"bus {b}" for b in (high, middle, low)]
    at, one, other = (grid.nodes.index(name) for name in names)
    for node in (one, other):
        position = np.zeros(3)
        position[node] = -head.capacity_kw(at, node)
        assert 93.0 < grid.predict(0, position).arrays["loading_percent"].max() < 100.0
    both = np.zeros(3)
    both[[one, other]] = -head.capacity_kw(at, one), -head.capacity_kw(at, other)
    assert grid.predict(0, both).violations == ()


def test_an_idle_network_outside_its_band_and_an_overload_name_the_key_to_change():
    high = ElectricDelivery(ElectricNetwork.from_builtin("mv_oberrhein", supply_vm_pu=1.05))
    [issue] = high.check()
    assert issue.key == "bus 147"
    assert issue.value.startswith("1.1155 p.u. while nobody injects")
    assert "electric.supply_vm_pu" in issue.hint
    assert "electric.voltage_max_pu" in issue.hint
    [issue] = ElectricDelivery(ElectricNetwork.from_builtin("cigre_mv")).check()
    assert issue.key == "trafo 0"
    assert "electric.loading_max_percent = 102" in issue.hint


@pytest.mark.parametrize(
    "options",
    [{"most_rows": 0}, {"most_rows": -3}, {"most_rows": 2.5}, {"most_rows": True}, {"secured_against": "line 3"}],
)
def test_options_that_no_kernel_could_take_are_refused_at_once(delivery, options):
    with pytest.raises(InputError, match=next(iter(options))):
        ElectricDelivery(delivery.network, **options)


def test_no_open_unit_has_no_headroom_and_no_signal(delivery):
    nothing = np.zeros((0, len(delivery.nodes)))
    assert delivery.headroom([], nothing) == ()
    assert delivery.signal([], nothing).marginal_loss.shape == nothing.shape


@pytest.mark.parametrize("name", ["lv_schutterwald:0", "case9"])
def test_marginal_losses_are_unknown_where_there_is_no_solution(name):
    delivery = ElectricDelivery(ElectricNetwork.from_builtin(name))
    n = len(delivery.nodes)
    signal = delivery.signal([4, 5], np.stack([np.full(n, -1.0), np.full(n, -1e7)]))
    assert np.isfinite(signal.marginal_loss[0]).all()
    assert np.isnan(signal.marginal_loss[1]).all()


def test_an_outage_that_takes_the_whole_supply_leaves_nothing_to_limit():
    grid = ElectricNetwork.from_builtin("lv_schutterwald:0")
    feeder = [name for name in grid.branches if name.startswith("trafo")]
    delivery = ElectricDelivery(grid, secured_against=feeder)
    head = delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0]
    assert np.isfinite(head.slack).all()


@pytest.mark.parametrize("value", ["a", None, [0.9], True])
def test_limits_that_are_no_numbers_are_named(value):
    with pytest.raises(InputError, match=r"vm_min_pu: got .*expected a number"):
        ElectricLimits(vm_min_pu=value)
