"""Who is cut, how much, why, at what cost: on a small network of rows that can be checked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandapower
import pytest
import scipy.optimize

from rexnet_grid.delivery import (
    EnergyBalance,
    Headroom,
    NetworkState,
    Option,
    Participants,
    SafetyMaintainer,
    Violation,
)
from rexnet_grid.delivery.programme import least_cost
from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.errors import InputError

NOTHING = EnergyBalance(0.0, 0.0, 0.0, 0.0)


class Cables:
    """A supply and two cables: nodes 1 and 2 behind the first [10 kW], node 2 also behind the second [6 kW]."""

    nodes = ("supply", "near", "far")
    capacity = np.array([10.0, 6.0])
    names = ("first loading", "second loading")
    demand = np.array([[0.0, -1.0, -1.0], [0.0, 0.0, -1.0]])

    def __init__(self, bend: float = 0.0, broken_for_ever: float = 0.0) -> None:
        self.bend = bend
        self.offset = np.array([0.0, broken_for_ever])
        self.asked = 0

    def flow(self, kw):
        straight = self.demand @ kw + self.offset
        return straight + self.bend * np.maximum(straight, 0.0) ** 2

    def predict(self, unit, kw):
        self.asked += 1
        flow = self.flow(kw)
        broken = tuple(
            Violation(name.split()[0], "line", name, float(f), float(c), "kW")
            for name, f, c in zip(self.names, flow, self.capacity, strict=True)
            if f > c + 1e-9
        )
        return NetworkState(np.array(kw), np.zeros(3), NOTHING, broken)

    def headroom(self, units, kw):
        rows = []
        for unit, at in zip(units, kw, strict=True):
            slope = 1.0 + 2.0 * self.bend * np.maximum(self.demand @ at + self.offset, 0.0)
            rows.append(
                Headroom(unit, self.nodes, slope[:, None] * self.demand, self.capacity - self.flow(at), self.names)
            )
        return tuple(rows)


def schedule(kw, cost, **more):
    node = np.array([1, 1, 2, 2])[: len(kw)]
    return Participants(node, np.array(kw, dtype=float), np.array(cost, dtype=float), **more)


def test_a_clean_schedule_costs_one_question():
    network = Cables()
    secured = SafetyMaintainer().secure(network, 0, schedule([-2, -2, -2, -2], [1, 1, 1, 1]))
    assert secured.clean
    assert secured.actions == ()
    assert secured.rounds == 0
    assert network.asked == 1
    np.testing.assert_array_equal(secured.secured_kw, [-2, -2, -2, -2])


def test_the_cheapest_helpful_one_is_cut_and_only_as_much_as_needed():
    secured = SafetyMaintainer().secure(Cables(), 0, schedule([-4, -4, -2, -2], [300, 100, 200, 50]))
    assert secured.clean
    assert [(a.participant, a.kind, a.limit) for a in secured.actions] == [(3, "ration", "first loading")]
    assert secured.actions[0].kw == pytest.approx(2.0, abs=0.02)
    assert secured.cost_eur(0.25) == pytest.approx(2.0 * 50 * 0.25 / 1e3, rel=0.02)


def test_one_cut_that_mends_two_limits_beats_two_cheap_ones():
    secured = SafetyMaintainer().secure(Cables(), 0, schedule([-3, -1, -4, -4], [10, 10, 15, 15]))
    assert secured.clean
    assert {a.participant for a in secured.actions} <= {2, 3}
    assert sum(a.kw for a in secured.actions) == pytest.approx(2.0, abs=0.03)


def test_generation_is_discarded_when_it_is_the_cause():
    class Infeed(Cables):
        demand = -Cables.demand

    secured = SafetyMaintainer().secure(Infeed(), 0, schedule([6, 6, 1, 1], [20, 10, 30, 30]))
    assert secured.clean
    assert [(a.participant, a.kind) for a in secured.actions] == [(1, "discard")]
    assert secured.secured_kw[1] == pytest.approx(2.0, abs=0.05)


def test_options_come_before_cuts():
    options = [Option(0, "put", 1.0, 900.0), Option(2, "call", 5.0, 800.0)]
    secured = SafetyMaintainer().secure(Cables(), 0, schedule([-4, -4, -2, -2], [1, 1, 1, 1]), options)
    assert secured.clean
    assert [(a.participant, a.kind) for a in secured.actions] == [(2, "call")]
    assert secured.actions[0].cost_eur_per_mwh == 800.0
    assert secured.secured_kw[2] == pytest.approx(0.0, abs=0.02)


def test_between_two_cuts_price_over_effect_decides_even_when_the_dearer_one_helps_more():
    class Shared(Cables):
        demand = np.array([[0.0, -0.2, -1.0], [0.0, 0.0, -1.0]])
        capacity = np.array([5.0, 99.0])

    secured = SafetyMaintainer().secure(Shared(), 0, schedule([-6, 0, -4, 0], [10, 1, 300, 1]))
    assert secured.clean
    assert [(a.participant, a.kind) for a in secured.actions] == [(0, "ration")]
    assert secured.actions[0].kw == pytest.approx(1.0, abs=0.01)


def test_what_nobody_reserved_goes_before_an_option_is_exercised_for_it():
    options = [Option(2, "put", 2.0, 50.0)]
    reserved = np.array([True, False, True, True])
    secured = SafetyMaintainer().secure(
        Cables(), 0, schedule([-4, -4, -2, -2], [9, 90, 9, 9], reserved=reserved), options
    )
    assert secured.clean
    assert secured.actions[0].kind == "put"
    cheap = SafetyMaintainer().secure(
        Cables(), 0, schedule([-4, -4, -2, -2], [9, 10, 9, 9], reserved=reserved), options
    )
    assert cheap.clean
    assert [(a.participant, a.kind) for a in cheap.actions] == [(1, "ration")]


def test_options_that_do_not_suffice_are_helped_by_cuts():
    secured = SafetyMaintainer().secure(
        Cables(), 0, schedule([-5, -5, -2, -2], [9, 5, 7, 8]), [Option(0, "put", 1.0, 10.0)]
    )
    assert secured.clean
    kinds = [(a.participant, a.kind) for a in secured.actions]
    assert kinds[0] == (0, "put")
    assert (1, "ration") in kinds


@pytest.mark.parametrize("mode", ["cheapest", "pro_rata", "last_in_first_out"])
def test_a_call_is_not_exercised_where_infeed_is_the_cause(mode):
    class Infeed(Cables):
        demand = -Cables.demand

    at = schedule([6, 6, 4, 4], [20, 10, 30, 30])
    without = SafetyMaintainer(mode).secure(Infeed(), 0, at)
    secured = SafetyMaintainer(mode).secure(Infeed(), 0, at, [Option(k, "call", 9.0, 1.0) for k in range(4)])
    assert secured.clean
    assert secured.actions == without.actions


@pytest.mark.parametrize("mode", ["cheapest", "pro_rata", "last_in_first_out"])
def test_a_call_that_breaks_another_limit_is_given_back(mode):
    class Opposed(Cables):
        """A rise at node 2 relieves the first limit and, unseen by the rows, breaks one that no cut mends."""

        def predict(self, unit, kw):
            state = super().predict(unit, kw)
            if kw[2] <= 0.5:
                return state
            more = Violation("third", "line", "third loading", float(kw[2]), 0.5, "kW")
            return NetworkState(state.injection_kw, state.unserved_kw, NOTHING, (*state.violations, more))

    at = Participants(np.array([1, 1, 2]), np.array([-8.0, -8.0, 0.0]), np.array([100.0, 200.0, 50.0]))
    secured = SafetyMaintainer(mode).secure(Opposed(), 0, at, [Option(2, "call", 9.0, 5.0)])
    assert secured.clean
    assert {a.kind for a in secured.actions} == {"ration"}


@pytest.mark.parametrize("mode", ["cheapest", "pro_rata", "last_in_first_out"])
def test_a_put_and_a_ration_never_take_more_than_is_consumed(mode):
    options = [Option(0, "put", 3.0, 5.0), Option(0, "put", 2.5, 4.0), Option(2, "put", 9.0, 5.0)]
    at = schedule([-4, -13, 1], [300, 100, 9], cuttable_kw=np.array([4.0, 1.0, 0.0]))
    secured = SafetyMaintainer(mode).secure(Cables(), 0, at, options)
    assert not secured.clean
    np.testing.assert_allclose(secured.secured_kw, [0.0, -12.0, 1.0], atol=1e-9)
    assert sum(a.kw for a in secured.actions if a.participant == 0) == pytest.approx(4.0)


@pytest.mark.parametrize("mode", ["cheapest", "pro_rata", "last_in_first_out"])
def test_what_may_not_be_cut_is_not_cut_and_the_rest_is_said(mode):
    cuttable = np.array([0.0, 1.0, 0.0, 0.0])
    secured = SafetyMaintainer(mode).secure(Cables(), 0, schedule([-4, -4, -2, -2], [1, 1, 1, 1], cuttable_kw=cuttable))
    assert not secured.clean
    assert secured.state.violations[0].limit == "first loading"
    assert sum(a.kw for a in secured.actions) == pytest.approx(1.0)


def test_what_nobody_caused_is_recorded_and_nobody_is_cut_for_nothing():
    secured = SafetyMaintainer("pro_rata").secure(Cables(broken_for_ever=50.0), 0, schedule([-1, -1], [1, 1]))
    assert not secured.clean
    assert secured.state.violations[0].limit == "second loading"
    np.testing.assert_array_equal(secured.secured_kw, [-1, -1])


def test_pro_rata_cuts_everyone_who_contributes_by_the_same_share():
    secured = SafetyMaintainer("pro_rata").secure(Cables(), 0, schedule([-1, -1, -4, -4], [1, 2, 3, 4]))
    assert secured.clean
    np.testing.assert_allclose(secured.secured_kw, [-1, -1, -3, -3], atol=0.03)


def test_last_in_first_out_cuts_the_latest_that_contributes():
    since = np.array([4.0, 3.0, 2.0, 1.0])
    secured = SafetyMaintainer("last_in_first_out").secure(
        Cables(), 0, schedule([-1, -1, -4, -4], [1, 2, 3, 4], since=since)
    )
    assert secured.clean
    np.testing.assert_allclose(secured.secured_kw, [-1, -1, -2, -4], atol=0.03)


@pytest.mark.parametrize("mode", ["cheapest", "pro_rata", "last_in_first_out"])
@pytest.mark.parametrize("bend", [0.02, 0.08, -0.02])
def test_curved_networks_are_asked_again_until_clean(mode, bend):
    network = Cables(bend=bend)
    secured = SafetyMaintainer(mode).secure(network, 0, schedule([-4, -5, -4, -3], [1, 2, 3, 4]))
    assert secured.clean
    flow = network.flow(np.bincount([1, 1, 2, 2], weights=secured.secured_kw, minlength=3))
    assert (flow <= network.capacity + 1e-9).all()
    assert (flow / network.capacity).max() > 0.97


def test_a_row_that_claims_too_much_gives_way_to_a_limit_that_is_broken():
    class Timid(Cables):
        """Its third row says that relief of the first cable fills what in truth is empty."""

        def headroom(self, units, kw):
            return tuple(
                Headroom(
                    h.unit,
                    self.nodes,
                    np.vstack((h.coefficients, [[0.0, 1.0, 1.0]])),
                    np.append(h.slack, -3.0),
                    (*h.limits, "third loading"),
                )
                for h in super().headroom(units, kw)
            )

    secured = SafetyMaintainer().secure(Timid(), 0, schedule([-4, -4, -2, -2], [300, 100, 200, 50]))
    assert secured.clean
    assert sum(a.kw for a in secured.actions) == pytest.approx(2.0, abs=0.03)


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="mode"):
        SafetyMaintainer("by_lot")  # type: ignore[arg-type]
    for bad in (
        schedule([np.nan, 1], [1, 1]),
        schedule([1, 1], [1, 1, 1]),
        Participants(np.array([7]), np.ones(1), np.ones(1)),
    ):
        with pytest.raises(InputError):
            SafetyMaintainer().secure(Cables(), 0, bad)
    with pytest.raises(InputError, match="option"):
        SafetyMaintainer().secure(Cables(), 0, schedule([-20], [1]), [Option(3, "put", 1.0, 1.0)])
    with pytest.raises(InputError, match=r'"foo".*"call" or "put"'):
        SafetyMaintainer().secure(Cables(), 0, schedule([-20], [1]), [Option(0, "foo", 1.0, 1.0)])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="finite"):
        SafetyMaintainer().secure(Cables(), 0, schedule([-20], [1]), [Option(0, "put", np.nan, 1.0)])


def test_participants_may_be_lists_and_what_is_no_row_is_named():
    listed = Participants([1, 2], [-1.0, 2], [5.0, 6.0], reserved=[True, False])
    assert listed.node.dtype == np.int64
    assert listed.scheduled_kw.tolist() == [-1.0, 2.0]
    with pytest.raises(InputError, match=r"node: got .*whole numbers\n.*scheduled_kw: got .*\n.*reserved: got"):
        Participants([0.5], ["a"], [1.0], reserved=[3])
    with pytest.raises(InputError, match="cost_eur_per_mwh"):
        Participants([0, 1], [1.0, 1.0], [[1.0], [1.0, 2.0]])


def fail(monkeypatch, methods):
    solve = scipy.optimize.linprog

    def linprog(*arguments, method, **more):
        if method in methods:
            return scipy.optimize.OptimizeResult(status=4, x=None, message="HiGHS Status 0: Not Set")
        return solve(*arguments, method=method, **more)

    monkeypatch.setattr(scipy.optimize, "linprog", linprog)


def test_where_the_solver_fails_the_cheaper_of_the_other_rules_is_taken_and_it_is_said(monkeypatch):
    who = schedule([-4, -4, -2, -2], [300, 100, 200, 50])
    others = [SafetyMaintainer(rule).secure(Cables(), 0, who) for rule in ("pro_rata", "last_in_first_out")]
    assert not any(other.without_optimum for other in others)
    fail(monkeypatch, {"highs", "highs-ds", "highs-ipm"})
    secured = SafetyMaintainer().secure(Cables(), 0, who)
    assert secured.clean
    assert secured.without_optimum == secured.rounds == 1
    assert secured.cost_eur(1.0) <= 1.001 * min(other.cost_eur(1.0) for other in others)


def test_where_one_way_of_solving_fails_another_is_taken(monkeypatch):
    fail(monkeypatch, {"highs", "highs-ds"})
    secured = SafetyMaintainer().secure(Cables(), 0, schedule([-4, -4, -2, -2], [300, 100, 200, 50]))
    assert secured.clean
    assert secured.without_optimum == 0
    assert [(a.participant, a.kind) for a in secured.actions] == [(3, "ration")]
    assert secured.actions[0].kw == pytest.approx(2.0, abs=0.02)


def test_rows_of_very_different_size_and_one_that_cannot_hold_are_solved_exactly():
    cost, most = np.array([5.0, 1.0, 2.0]), np.array([1e4, 3e3, 1e4])
    rows = np.array([[-2e-6, -2e-6, 0.0], [0.0, -3e2, -6e2], [0.0, 0.0, -1e-3], [1.0, 1.0, 1.0]])
    bound = np.array([-8e-3, -9e5, -12.0, 4.5e5])
    x = least_cost(cost, rows, bound, most, np.ones(4))
    np.testing.assert_allclose(x, [1e3, 3e3, 1e4], rtol=1e-6)
    held = least_cost(cost, rows[[0, 1, 3]], bound[[0, 1, 3]], most, np.ones(3))
    np.testing.assert_allclose(held, [1e3, 3e3, 0.0], atol=1e-3)


def long_line() -> ElectricDelivery:
    """A 20 kV line of 24 km with a branch after a third: far from its limits the rows mislead."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 20.0) for _ in range(5)]
    pandapower.create_ext_grid(net, buses[0])
    for a, b in ((0, 1), (1, 2), (2, 3), (1, 4)):
        pandapower.create_line(net, buses[a], buses[b], 8.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    return ElectricDelivery(ElectricNetwork.from_pandapower(net), ElectricLimits(vm_min_pu=0.95, vm_max_pu=1.05))


def cheapest_share(grid, who, steps) -> float:
    """Return the cost [EUR/h] of the cheapest clean schedule when each may keep 0, 1/(steps-1) ... all of its own."""
    shares = np.array(list(itertools.product(np.linspace(0.0, 1.0, steps), repeat=len(who.scheduled_kw))))
    cost = (1.0 - shares) @ (np.abs(who.scheduled_kw) * who.cost_eur_per_mwh) / 1e3
    for k in np.argsort(cost):
        kw = who.scheduled_kw * shares[k]
        state = grid.predict(0, np.bincount(who.node, weights=kw, minlength=len(grid.nodes)))
        if state.converged and not state.violations:
            return float(cost[k])
    raise AssertionError("nothing is clean, not even no one")


@pytest.mark.parametrize(
    ("kw", "solved"),
    [((-5e3, -5e3, -5e3, -5e3), True), ((-9e3, -9e3, -9e3, -9e3), False), ((3e4, 2e4, 2e4, 3e4), True)],
)
def test_no_grid_of_shares_is_cheaper_than_the_cheapest_mix(kw, solved):
    grid = long_line()
    who = Participants(
        np.array([grid.nodes.index(f"bus {b}") for b in (1, 2, 3, 4)]),
        np.array(kw),
        np.array([40.0, 90.0, 400.0, 150.0]),
    )
    start = grid.predict(0, np.bincount(who.node, weights=who.scheduled_kw, minlength=len(grid.nodes)))
    assert start.converged is solved
    secured = SafetyMaintainer().secure(grid, 0, who)
    assert secured.clean
    assert secured.cost_eur(1.0) <= 1.005 * cheapest_share(grid, who, 7)
    assert secured.cost_eur(1.0) <= SafetyMaintainer("pro_rata").secure(grid, 0, who).cost_eur(1.0)


@pytest.mark.parametrize("cuttable", [0.0, 10.0])
def test_what_has_no_solution_after_all_cuts_is_recorded_as_a_violation(cuttable):
    grid = ElectricDelivery(ElectricNetwork.from_builtin("cigre_lv"))
    schedule = Participants(
        np.array([9, 12]), np.array([-900.0, 5.0]), np.array([300.0, 100.0]), cuttable_kw=np.full(2, cuttable)
    )
    secured = SafetyMaintainer().secure(grid, 0, schedule)
    assert not secured.clean
    assert not secured.state.converged
    assert [(v.element, v.kind, v.limit) for v in secured.state.violations] == [
        ("network", "power_flow", "no power flow solution")
    ]
