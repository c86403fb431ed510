"""From a controller's settings to a plan: supply temperature and pump head of every coming unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.rexdynnet.booster import outside_rings, unboosted
from rexnet_grid.rexdynnet.controller import ControlProblem, ControlSettings, forecast_eur, solve
from rexnet_grid.rexdynnet.layout import pair_loss_w_k
from rexnet_grid.rexdynnet.limits import max_pipe_flow
from rexnet_grid.rexdynnet.pumping import worst_head_pa
from rexnet_grid.rexdynnet.response import calm_state, response_kernels
from rexnet_grid.rexdynnet.sensitivity import flows_for, tree_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.foresight import Foreseer, Foresight
    from rexnet_grid.rexdynnet.limits import HeatLimits

WATT_PER_KILOWATT = 1000.0
PASSES = 3
NEAR = 1.02
SMALLEST_SPREAD_K = 1.0


@dataclass(frozen=True, slots=True)
class FlowPlan:
    """What the controller wants; every array has one entry a unit.

    Attributes
    ----------
    supply_c
        Supply temperature of the main plant [degC].
    able_c
        The highest one that the plan could still be raised to from the second unit on, which is what headroom counts
        on [degC].
    head_pa
        Head of the pump, with what a substation needs itself [Pa].
    """

    supply_c: FloatArray
    able_c: FloatArray
    head_pa: FloatArray

    def of(self, k: int) -> FlowPlan:
        """Return the plan of one of its units."""
        return FlowPlan(*(values[k : k + 1].copy() for values in (self.supply_c, self.able_c, self.head_pa)))


class Rehearsal(NamedTuple):
    """Supply temperatures (n_units,) [degC] as they were rehearsed, what they cost [EUR], the programme about them."""

    cost_eur: float
    supply_c: FloatArray
    seen: Foresight
    problem: ControlProblem


class FlowPlanner:
    """Plans a network's supply temperature and pump head.

    Parameters
    ----------
    foreseer
        Looks ahead in the network.
    limits
        Its limits.
    settings
        How it is run.
    """

    def __init__(self, foreseer: Foreseer, limits: HeatLimits, settings: ControlSettings) -> None:
        self.foreseer, self.limits, self.settings = foreseer, limits, settings
        self.layout, self.network = foreseer.sim.layout, foreseer.sim.network
        usual = foreseer.usual_kg_s[None, :]
        self.ways = tree_ways(self.layout)
        beside = np.zeros((1, len(self.layout.plant_node)))
        flows = flows_for(self.layout, foreseer.sim._scratch, foreseer.factors, usual, beside)  # noqa: SLF001
        drop = worst_head_pa(unboosted(self.layout), self.ways, flows, usual)
        need = worst_head_pa(outside_rings(self.layout), self.ways, flows, usual, self.layout.sub_needs_pa)
        self.reserve_pa = settings.head_reserve * float(drop[0])
        self.calm = calm_state(self.layout) if settings.kind == "horizon" else None
        self.constant_pa = min(float(need[0]) + self.reserve_pa, limits.max_pump_head_pa)

    @property
    def return_c(self) -> FloatArray:
        """Return temperature of the substations as the foreseer has it, (n_substations,) [degC]."""
        return self.foreseer.return_c

    def plan(
        self,
        units: tuple[int, ...],
        position_kw: FloatArray,
        curve_c: FloatArray,
        plant_c: float,
        ground_c: FloatArray,
        hours: float,
        before_c: FloatArray,
    ) -> FlowPlan:
        """Return the plan of the coming units.

        Parameters
        ----------
        units, position_kw, plant_c, ground_c, hours
            As :meth:`Foreseer.look` has them.
        curve_c
            (n_units,) what the curve says [degC].
        before_c
            What was planned for them before, of as many as there is one in a row (no more than n_units) [degC].
        """
        heads = np.full(len(units), self.constant_pa)
        if self.settings.kind == "curve":
            return FlowPlan(curve_c, curve_c, heads)
        n = min(self.settings.horizon_units, len(units))
        begun = before_c[:n]
        supply = np.concatenate((begun, np.full(n - len(begun), begun[-1]))) if len(begun) else curve_c[:n]
        response: FloatArray | None = None

        def rehearse(supply: FloatArray) -> Rehearsal:
            nonlocal response
            seen = self.foreseer.look(
                units[:n], position_kw[:n], supply, plant_c, ground_c[:n], hours, rehearsed=n, scheduled=False
            )
            if response is None:
                response = self._response(units[:n], position_kw[:n], seen)
            problem = self._problem(seen, response, plant_c, hours)
            return Rehearsal(forecast_eur(problem, self.settings), supply, seen, problem)

        first = answer = rehearse(supply)
        for _ in range(1 if len(begun) else PASSES):
            answer = rehearse(solve(answer.problem, self.settings))
        near = forecast_eur(answer.problem, self.settings, curve_c[:n]) < NEAR * answer.cost_eur
        curve = first if not len(begun) else rehearse(curve_c[:n]) if near else answer
        _, supply, seen, _ = min(answer, curve, key=lambda tried: tried.cost_eur)
        heads[:n] = self.heads_for(seen)
        whole = np.concatenate((supply, np.full(len(units) - n, supply[-1])))
        reach = supply[0] + self.settings.ramp_k * np.arange(len(units))
        return FlowPlan(whole, np.maximum(whole, np.minimum(curve_c, reach)), heads)

    def heads_for(self, seen: Foresight) -> FloatArray:
        """Return the head for the flows that are foreseen, with the reserve, (n_units,) [Pa].

        The reserve is a part of the head for the usual largest flows, as small flows may double without notice.
        """
        needs = self.layout.sub_needs_pa
        sure = outside_rings(self.layout)
        need = worst_head_pa(sure, self.ways, seen.pipe_flow, seen.sub_flow, needs)
        return np.asarray(np.minimum(need + self.reserve_pa, self.limits.max_pump_head_pa))

    def settle(self, plan: FlowPlan, seen: Foresight) -> FlowPlan:
        """Return a plan whose head suffices for its first unit as it is rehearsed, with the water that is there."""
        if self.settings.kind == "curve":
            return plan
        heads = plan.head_pa.copy()
        heads[0] = max(heads[0], self.heads_for(seen)[0])
        return FlowPlan(plan.supply_c, plan.able_c, heads)

    def reachable_pa(self, plan: FlowPlan) -> FloatArray:
        """Return the head that each unit may count on, (n_units,) [Pa]: chosen for the first, later ones may change."""
        most = np.full(len(plan.head_pa), self.limits.max_pump_head_pa)
        fixed = slice(None) if self.settings.kind == "curve" else slice(0, 1)
        most[fixed] = plan.head_pa[fixed]
        return most

    def _response(self, units: tuple[int, ...], position_kw: FloatArray, seen: Foresight) -> FloatArray:
        plants, subs = len(self.network.plants), len(self.return_c)
        demand = np.clip(-position_kw[:, plants : plants + subs], 0.0, None)
        wanted = np.clip(position_kw[:, :plants], 0.0, None)
        inputs = [self.foreseer.inputs_of(unit, demand[k], wanted[k]) for k, unit in enumerate(units)]
        given = np.stack([i.plant_kg_s[0] for i in inputs])
        kernels = response_kernels(
            self.foreseer.sim, self.foreseer.outputs, inputs[0].dt_s, seen.sub_flow, given, len(units), self.calm
        )
        return kernels.supply_k_per_k

    def _problem(self, seen: Foresight, response: FloatArray, plant_c: float, hours: float) -> ControlProblem:
        layout, plant, settings = self.layout, self.network.plants[0], self.settings
        plants, subs = len(self.network.plants), len(self.return_c)
        heat_capacity = layout.fluid[1] / WATT_PER_KILOWATT
        drawn = np.clip(-seen.position_kw[:, plants : plants + subs], 0.0, None)
        coldest = np.array([s.min_supply_c for s in self.network.substations])
        needed = self.foreseer.needs.supply_c(drawn, self.limits.margin) + settings.reserve_k
        idle = (coldest + np.maximum(seen.supply_c[:, None] - seen.full_c, 0.0)).max(axis=1) + settings.reserve_k
        reach = plant_c + settings.ramp_k * np.arange(1, len(idle) + 1)
        low = np.clip(np.minimum(idle, reach), plant.coldest_c, plant.hottest_c)
        flow = seen.sub_flow.sum(axis=1)
        spread = np.maximum(seen.arrive_c - self.return_c, SMALLEST_SPREAD_K)
        lift = heat_capacity * np.maximum(seen.supply_c - seen.return_c, 0.0)
        drop = worst_head_pa(unboosted(layout), self.ways, seen.pipe_flow, seen.sub_flow)
        need = worst_head_pa(outside_rings(layout), self.ways, seen.pipe_flow, seen.sub_flow, layout.sub_needs_pa)
        per_flow = layout.fluid[0] * settings.pump_efficiency * WATT_PER_KILOWATT
        speed = (np.abs(seen.pipe_flow) / max_pipe_flow(layout, self.limits)).max(axis=1)
        most_drop = np.maximum(self.limits.max_pump_head_pa - (need - drop), 1.0)
        with np.errstate(divide="ignore"):
            wider = np.minimum(np.sqrt(most_drop / drop), 1.0 / speed) - 1.0
        return ControlProblem(
            reference_c=seen.supply_c,
            before_c=plant_c,
            lowest_c=low,
            highest_c=np.full(len(low), plant.hottest_c),
            response=response,
            arrive_c=seen.arrive_c,
            needed_c=np.where(drawn > 0.0, needed, np.nan),
            flow_per_k=-seen.sub_flow / spread,
            heat_kw=flow * lift,
            heat_kw_per_k=flow * heat_capacity,
            most_heat_kw=plant.max_heat_kw,
            lift_kj_kg=lift,
            room_kg_s=np.where(flow > 0.0, flow * np.minimum(wider, 1e3), 1e3),
            loss_kw=seen.loss_kw,
            pump_kw=flow * need / per_flow,
            loss_kw_k=float(pair_loss_w_k(layout).sum()) / WATT_PER_KILOWATT,
            pump_kw_s_kg=(2.0 * drop + need) / per_flow,
            hours=hours,
        )
