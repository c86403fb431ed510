"""The coming units as reserved: the nearest rehearsed by the full model, the others as a warm network would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.beside import ends_of
from rexnet_grid.rexdynnet.booster import at_speed
from rexnet_grid.rexdynnet.dispatch import meet, run_at, supplied_c
from rexnet_grid.rexdynnet.hydraulics import SPEED
from rexnet_grid.rexdynnet.layout import (
    DELIVERED,
    LOSS,
    PLANT,
    SUPPLY,
    copy_state,
    overwrite_state,
    pair_loss_w_k,
)
from rexnet_grid.rexdynnet.otherwise import Most, Otherwise, Reserved, otherwise, unasked
from rexnet_grid.rexdynnet.reach import Water, arrivals_by_unit
from rexnet_grid.rexdynnet.sensitivity import flow_factors, flows_for
from rexnet_grid.rexdynnet.storage import SECTIONS, section_temperatures, side_heat_kwh, side_temperatures

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.layout import Inputs, Outputs
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.simulation import HeatSimulation

WATT_PER_KILOWATT = 1000.0
SECONDS_AN_HOUR = 3600.0
REHEARSED = 8
PART_OPEN = 0.25
OVER_DESIGN = 4.0 / 3.0
MOST_WARMING = 3.0
LEAST_SILENCE = 0.05
SMALLEST_FLOW = 1e-6
SMALLEST_SPREAD_K = 1.0


@dataclass(frozen=True)
class Foresight:
    """What is foreseen; N units, S substations, P pipes. Positions exclude the operator's account.

    Attributes
    ----------
    units, hours
        The units and the length of one [h].
    position_kw
        (N, n_nodes) reserved injections [kW].
    supply_c, return_c
        (N,) at the main plant [degC]: for the first unit as its reserved heat has it, then as planned.
    sub_flow, pipe_flow
        (N, S), (N, P) as reserved [kg/s].
    arrive_c, part_c, full_c
        (N, S) mean supply temperature at each substation in the unit's coldest step, as reserved, when it alone draws
        a quarter of what is left of its usual flow, and when its valve alone opens fully [degC].
    share, full_share
        (N, S) part of a kelvin at the main plant that arrives in the step of the unit in which that is most, as
        reserved and with a full valve [-].
    warming
        (N, S) with what a kilowatt drawn counts in that imbalance [-]: the plant heats its water from what comes back
        to what leaves, which is more than the substation takes of it, above all while pipes are cold. That part cools
        the plant's water by m c, not m c (1 - κ).
    silence
        (N,) part of a kelvin at the main plant that does not arrive within the unit, 1 - κ, as reserved or when all
        draw a quarter of what is left of their usual flow, whichever is less [-].
    main_kg_s
        (N,) flow that the plants beside the main one leave to it [kg/s].
    kw_per_k
        (N,) heat beyond the demand that warms the main plant's water by a kelvin [kW/K]. Water that arrives warmer
        within the unit is drawn more slowly, which warms it further: m c (1 - κ), κ the mean part of a kelvin that
        arrives.
    hold_kw
        (N,) what the plants have to give beyond the demand so that supply temperatures are as planned [kW].
    loss_kw
        (N,) heat lost to the ground [kW].
    stored_kwh
        Heat in the supply side at the start, above 0 degC [kWh].
    factors
        (P, n_nodes) change of flow by draw about the flows of the first unit [-].
    others
        What would reach the substations in the first unit if others did otherwise.
    joined
        (n_plants + n_substations,) 1 where an end is in the main plant's part of the network, else 0: only there do
        imbalances move the main plant's water.
    """

    units: tuple[int, ...]
    hours: float
    position_kw: FloatArray
    supply_c: FloatArray
    return_c: FloatArray
    sub_flow: FloatArray
    pipe_flow: FloatArray
    arrive_c: FloatArray
    part_c: FloatArray
    full_c: FloatArray
    share: FloatArray
    full_share: FloatArray
    warming: FloatArray
    silence: FloatArray
    main_kg_s: FloatArray
    kw_per_k: FloatArray
    hold_kw: FloatArray
    loss_kw: FloatArray
    stored_kwh: float
    factors: FloatArray
    others: Otherwise
    joined: FloatArray


class Foreseer:
    """Looks ahead in a network, whose state it leaves as it was.

    Parameters
    ----------
    sim, outputs
        The simulation and room for the results of one unit.
    factors
        (n_pipes, n_nodes) change of flow by draw; see :func:`flow_factors`. In meshes where nothing better is known.
    inputs_of
        Makes the inputs of a unit from demand (S,) and heat of the plants (G,) [kW].
    return_c
        (S,) return temperature of the substations [degC], from which the usual flows follow.

    Attributes
    ----------
    needs
        What loads need in the weather of the units looked at; to be set before.
    """

    def __init__(
        self,
        sim: HeatSimulation,
        outputs: Outputs,
        factors: FloatArray,
        inputs_of: Callable[[int, FloatArray, FloatArray], Inputs],
        return_c: FloatArray,
    ) -> None:
        self.sim, self.outputs, self.factors, self.inputs_of = sim, outputs, factors, inputs_of
        self.needs: Needs
        self._held = copy_state(sim.state)
        self.parent_pipe = _parent_pipes(sim)
        self.usual_kg_s = usual_flow(sim, return_c)

    @property
    def return_c(self) -> FloatArray:
        """Return temperature of the substations, (S,) [degC]."""
        return self.needs.return_c

    def look(
        self,
        units: tuple[int, ...],
        position_kw: FloatArray,
        planned_c: FloatArray,
        plant_c: float,
        ground_c: FloatArray,
        hours: float,
        rehearsed: int = REHEARSED,
        scheduled: bool = True,
    ) -> Foresight:
        """Return what is foreseen for ``units`` with supply temperatures as planned, (n_units,) [degC].

        The first unit is rehearsed with the heat that is reserved, so ``plant_c`` [degC] is only where the search for
        its supply temperature begins. The following ones, up to the eighth, are rehearsed at the planned temperature,
        and beyond that positions are too incomplete for a rehearsal: every pipe counts as warm. ``rehearsed`` says how
        many are; where ``scheduled`` is false, for a plan, the first is rehearsed like the following, and no cases of
        others are looked at.
        """
        layout, plants = self.sim.layout, len(self.sim.network.plants)
        count, subs, pipes = len(units), len(layout.sub_node), len(layout.pipe_from)
        demand = np.clip(-position_kw[:, plants : plants + subs], 0.0, None)
        wanted = np.clip(position_kw[:, :plants], 0.0, None)
        supply = planned_c.copy()
        sub_flow, pipe_flow = np.zeros((count, subs)), np.zeros((count, pipes))
        hold = np.zeros(count)
        back, loss = np.full(count, float(self.sim.state.node_c[1, layout.plant_node[0]])), np.zeros(count)
        held, behind = np.full((count, pipes, SECTIONS), np.nan), np.full((count, pipes), np.nan)
        near = min(count, rehearsed)
        joined = ends_of(layout, 0)
        largest = np.where(layout.plant_live > 0, [p.max_heat_kw for p in self.sim.network.plants], 0.0)
        plant_flow = np.zeros((count, plants))
        speed: FloatArray = np.ones(pipes)
        overwrite_state(self._held, self.sim.state)
        stored = side_heat_kwh(layout, self.sim.state, 0)
        sources = np.zeros((count, len(layout.node_ptr) - 1))
        for k in range(near):
            held[k] = section_temperatures(layout, self.sim.state, SUPPLY)
            behind[k] = side_temperatures(layout, self.sim.state, 1)
            inputs = self.inputs_of(units[k], demand[k], wanted[k])
            if k == 0 and scheduled:
                most = min(float(wanted[0, 0]), largest[0])
                supply[0] = meet(self.sim, inputs, self.outputs, most, plant_c)
            else:
                run_at(self.sim, inputs, self.outputs, supply[k])
                supply[k] = supplied_c(inputs, self.outputs)
            o = self.outputs
            sub_flow[k], pipe_flow[k] = o.sub_kg_s.mean(axis=0), o.pipe_kg_s.mean(axis=0)
            back[k] = o.return_c[:, layout.plant_node[0]].mean()
            loss[k] = o.ledger[:, LOSS].mean() / WATT_PER_KILOWATT
            hold[k] = (o.ledger[:, PLANT] - o.ledger[:, DELIVERED]).mean() / WATT_PER_KILOWATT
            sources[k, layout.plant_node] = o.plant_c.mean(axis=0)
            plant_flow[k] = o.plant_kg_s.mean(axis=0)
            if k == 0:
                speed = layout.drag[:, SPEED].copy()
        overwrite_state(self.sim.state, self._held)
        back[near:], loss[near:] = back[near - 1], loss[near - 1]
        layout = at_speed(layout, speed)
        factors = flow_factors(layout, pipe_flow[0]) if len(layout.chord) else self.factors
        self._warm(slice(near, count), units, demand, wanted, supply, sub_flow, pipe_flow, sources, plant_flow)
        loss[near:] += float(pair_loss_w_k(layout).sum()) / WATT_PER_KILOWATT * (supply[near:] - supply[near - 1])
        hold[near:] = loss[near:]
        running = np.zeros_like(sources, dtype=np.bool_)
        keeps = layout.island[layout.plant_node] == np.arange(plants)
        running[:, layout.plant_node] = ((wanted > 0.0) | keeps) & (layout.plant_live > 0)
        length_s, parts = hours * SECONDS_AN_HOUR, self.outputs.supply_c.shape[0]
        waters = [
            Water(sources[k], running[k], held[k], behind[k], self.return_c, float(ground_c[k]), length_s, parts)
            for k in range(count)
        ]
        extra = np.stack((0.0 * sub_flow, PART_OPEN * self._usual_room(sub_flow), self.needs.cap_kg_s - sub_flow))
        found = arrivals_by_unit(layout, factors, self.parent_pipe, pipe_flow, np.maximum(extra, 0.0), waters)
        beside = np.where(np.arange(plants) == layout.island[layout.plant_node], 0.0, plant_flow)
        kilo = layout.fluid[1] / WATT_PER_KILOWATT
        main = np.maximum(sub_flow @ joined[plants:] - beside @ joined[:plants], 0.0)
        if scheduled:
            others = otherwise(
                layout, self.sim._scratch, factors, self.parent_pipe,  # noqa: SLF001
                Reserved(
                    waters[0], sub_flow[0], beside[0], demand[0], wanted[0], float(supply[0]), float(back[0]),
                    float(min(wanted[0, 0], largest[0])),
                ),
                Most(self.needs.cap_kg_s, self.usual_kg_s, largest, self.sim.network.plants[0].hottest_c),
            )  # fmt: skip
        else:
            others = unasked(found[2, 3, 0], found[2, 4, 0], found[0, 3, 0], plants)
        found[2, 3, 0] = others.full_c[0]
        found[:, [[1], [4]]] *= joined[plants:]
        flows = np.stack((sub_flow, sub_flow + PART_OPEN * self._usual_room(sub_flow))) * joined[plants:]
        arriving = ((found[:2, 1] * flows).sum(axis=2) / np.maximum(flows.sum(axis=2), SMALLEST_FLOW)).max(axis=0)
        silence = np.maximum(1.0 - arriving, LEAST_SILENCE)
        return Foresight(
            units=units,
            hours=hours,
            position_kw=position_kw,
            supply_c=supply,
            return_c=back,
            sub_flow=sub_flow,
            pipe_flow=pipe_flow,
            arrive_c=found[0, 3],
            part_c=found[1, 3],
            full_c=found[2, 3],
            share=found[0, 4],
            full_share=found[2, 4],
            warming=1.0
            + (np.clip(self._needed(supply, found[1], demand, sub_flow), 1.0, MOST_WARMING) - 1.0) * silence[:, None],
            silence=silence,
            main_kg_s=main,
            kw_per_k=main * kilo * silence,
            hold_kw=hold,
            loss_kw=np.maximum(loss, 0.0),
            stored_kwh=stored,
            factors=factors,
            others=others,
            joined=joined,
        )

    def _usual_room(self, sub_flow: FloatArray) -> FloatArray:
        """Return the flow that is left of each substation's usual largest one, (n_units, n_substations) [kg/s]."""
        return np.maximum(self.usual_kg_s - sub_flow, 0.0)

    def _needed(
        self, supply_c: FloatArray, found: FloatArray, demand_kw: FloatArray, sub_flow: FloatArray
    ) -> FloatArray:
        """Return the heat of the plant for each kilowatt that is drawn, from what :func:`arrivals` found [-]."""
        lift = np.maximum(supply_c[:, None] - found[2], SMALLEST_SPREAD_K) * self.needs.kw_per_kg_k
        return np.asarray(lift * self.needs.flow_per_kw(found[0], demand_kw, sub_flow))

    def _warm(
        self,
        far: slice,
        units: tuple[int, ...],
        demand: FloatArray,
        wanted: FloatArray,
        supply: FloatArray,
        sub_flow: FloatArray,
        pipe_flow: FloatArray,
        sources: FloatArray,
        plant_flow: FloatArray,
    ) -> None:
        """Fill the flows of the far units, at the temperature that leaves the plant."""
        layout = self.sim.layout
        if not units[far]:
            return
        spread = np.maximum(supply[far, None] - self.return_c, SMALLEST_SPREAD_K) * layout.fluid[1] / WATT_PER_KILOWATT
        sub_flow[far] = np.minimum(demand[far] / spread, layout.sub_max_kg_s)
        given = plant_flow[far]
        sources[far, layout.plant_node[0]] = supply[far]
        for g in range(1, len(layout.plant_node)):
            inputs = [self.inputs_of(units[k], demand[0], wanted[k]) for k in range(len(units))[far]]
            sources[far, layout.plant_node[g]] = [float(i.supply_c[0, g]) for i in inputs]
            given[:, g] = [float(i.plant_kg_s[0, g]) for i in inputs]
        pipe_flow[far] = flows_for(layout, self.sim._scratch, self.factors, sub_flow[far], given)  # noqa: SLF001


def usual_flow(sim: HeatSimulation, return_c: FloatArray) -> FloatArray:
    """Return the flow of each substation a third above its design heat, or of its valve if that is less [kg/s]."""
    design = np.array([s.design_heat_kw for s in sim.network.substations]) * OVER_DESIGN
    spread = np.maximum(sim.network.plants[0].supply_c - return_c, SMALLEST_SPREAD_K)
    flow = design * WATT_PER_KILOWATT / (sim.layout.fluid[1] * spread)
    return np.asarray(np.where(design > 0.0, np.minimum(flow, sim.layout.sub_max_kg_s), sim.layout.sub_max_kg_s))


def _parent_pipes(sim: HeatSimulation) -> IntArray:
    """Return the pipe towards the main plant at each node of the spanning tree, -1 at its root."""
    layout = sim.layout
    pipe = np.full(len(layout.node_ptr) - 1, -1, dtype=np.int64)
    pipe[layout.tree_node[1:]] = layout.tree_pipe[1:]
    return pipe
