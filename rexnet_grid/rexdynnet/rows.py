r"""Headroom of a heat network: what each unit still carries about its reserved positions, as linear rows.

With Δ the change of injection at every node [kW] and :math:`I = \sum \Delta` over plants and substations (what the
operator's account at the linepack gives or takes), a unit's rows are

* *substation supply*: a valve yields at most :math:`\dot m_{max} c (\bar T - T_{ret})`, with :math:`\bar T` the mean of
  what arrives when it opens (:mod:`reach`). Heat put in beyond the demand warms the plant's water by
  :math:`I / (\dot m c (1 - \bar\kappa))` (see :class:`~rexnet_grid.rexdynnet.foresight.Foresight`), of which κ arrives
  within the unit, so :math:`-\Delta_s - \beta_s I \le b_s`, :math:`\beta_s = \kappa_s \dot m_{max,s} / (\dot m (1 -
  \bar\kappa))`. In the unit whose gate closes next, each withdrawal counts in I also with what the plant has to give
  beyond it: pipes that have cooled take heat before they hand any over. In later units that is bought by the operator.
  Behind exchangers the largest load and its slope come from :mod:`needs`, by one row for less and one for more heat.
* *substation warmth*: never binds a trade. A branch that has stood gives lukewarm water to a small draw and warm water
  to a larger one, so no row can say which draws are too cold; a safety maintainer cuts them by this row;
* *plant heat*, *plant off*: between nothing and the largest heat; with several plants, the main one's flow
  stays positive;
* *pipe velocity* [m/s]: :math:`\sum_s F_{ps} \Delta_s / (c \Delta T_s \rho A_p)`, F the flow factors, for every pipe
  that the valves behind it could break;
* *pump head* [Pa]: the drop to a consumer and back plus the differential pressure it needs, within the head that may be
  chosen and, of a pump with a curve, within what that gives at the flow of its plant. In meshes the margin m is one
  of flow, and the drop rises with its square: :math:`1 - (1 - m)^2` of the head is kept free. Drop and curve are
  convex in the flows. In the unit that begins each consumer counts with the chord to where it alone uses up the head of
  the way, whosever way it is: the flows between these corners are all carried. In later units each pipe on the way gets
  the steeper of two chords: to its flow where the consumer at its end alone, and where all in proportion to their usual
  flows, ask for the whole head;
* *linepack full*, *linepack empty*: I within the band of :mod:`linepack`.

The margin of valves, velocity and head counts twice in meshes, where the way of the water changes with the load, and
three times where a booster stands in a ring, whose speed changes as well; half of the flow is always left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.rexdynnet.booster import falling, still_head_pa, surely_lifting
from rexnet_grid.rexdynnet.chords import slopes_to_limit, steepest_chords
from rexnet_grid.rexdynnet.hydraulics import ALONG, drops, slopes
from rexnet_grid.rexdynnet.limits import max_pipe_flow, max_velocity_m_s
from rexnet_grid.rexdynnet.pump import FALL, SHUTOFF, UNLIMITED_PA
from rexnet_grid.rexdynnet.sensitivity import tree_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SMALLEST_SPREAD_K = 1.0
SMALLEST_FLOW = 1e-6
SMALLEST_HEAD_PA = 1.0
FAR = 1e12
MESH_MARGINS, RING_MARGINS = 2.0, 3.0
MOST_KEPT = 0.5


class HeadroomRows:
    """Makes the rows of a network.

    Parameters
    ----------
    network, layout
        The network.
    limits
        Its limits.
    usual_kg_s
        (n_substations,) usual largest flow of each [kg/s].
    nodes
        Columns: plants, substations, the linepack.

    Attributes
    ----------
    needs
        What loads need in the weather of the units; to be set before.
    side_kg_s_kw
        (n_plants,) flow for a kilowatt of each plant beside the main one, 0 of the main [kg/s/kW]; to be set before.
    plants_kw
        (n_plants,) what is counted on of each plant at most, see :func:`largest_kw` [kW]; to be set before.
    flow_kept
        Part of a flow at its limit that is counted on [-].
    """

    def __init__(
        self,
        network: HeatNetwork,
        layout: Layout,
        limits: HeatLimits,
        usual_kg_s: FloatArray,
        nodes: tuple[str, ...],
    ) -> None:
        self.network, self.layout, self.limits, self.nodes = network, layout, limits, nodes
        self.usual_kg_s = usual_kg_s
        self.needs: Needs
        self.by_sub: FloatArray
        self.by_plant: FloatArray
        self.ways = tree_ways(layout)
        self.root = layout.island[layout.sub_node]
        self.has_curve = (self.root >= 0) & (layout.pump[self.root, SHUTOFF] < UNLIMITED_PA)
        self.together = ((self.root[:, None] == self.root) & (self.root >= 0)).astype(np.float64)
        self.with_plant = (self.root[:, None] == layout.island[layout.plant_node]).astype(np.float64)
        self.side_kg_s_kw = np.zeros(len(layout.plant_node))
        self.plants_kw: FloatArray
        ringed = (layout.drag[layout.loop_pipe, ALONG] != 0.0).any()
        meshed = MESH_MARGINS if len(layout.chord) else 1.0
        self.flow_kept = 1.0 - min(limits.margin * (RING_MARGINS if ringed else meshed), MOST_KEPT)
        self.plants, self.subs = len(network.plants), len(network.substations)
        self.kw_per_kg_k = layout.fluid[1] / WATT_PER_KILOWATT
        self._fixed_labels = (
            *(f"substation {s.node} supply" for s in network.substations),
            *(f"substation {s.node} supply" for s in network.substations if s.heating or s.hot_water),
            *(f"substation {s.node} warmth" for s in network.substations),
            *(f"plant {p.node} heat" for p in network.plants),
            *(f"plant {p.node} off" for p in network.plants),
            "linepack full",
            "linepack empty",
        )

    @property
    def return_c(self) -> FloatArray:
        """Return temperature of the substations, (n_substations,) [degC]."""
        return self.needs.return_c

    def make(self, seen: Foresight, band: LinepackBand, head_pa: FloatArray) -> tuple[Headroom, ...]:
        """Return the headroom of each foreseen unit; ``head_pa`` (n_units,) is the pump's head that it may ask for."""
        self.by_sub, self.by_plant = seen.factors[:, self.layout.sub_node], seen.factors[:, self.layout.plant_node]
        blocks = [self._valves(seen), self._warmth(seen), self._plants(seen), self._linepack(band)]
        labels = self._fixed_labels
        for found, names in (self._flow(seen), self._velocities(seen), self._heads(seen, head_pa)):
            blocks.append(found)
            labels += names
        matrix = np.concatenate([block[0] for block in blocks], axis=1)
        slack = np.minimum(np.concatenate([block[1] for block in blocks], axis=1), FAR)
        rows, room = self._otherwise(seen)
        rows, room = np.concatenate((matrix[0], rows)), np.concatenate((slack[0], room))
        names = labels + self._fixed_labels[: self.subs] * len(seen.others.full_c)
        return (
            Headroom(seen.units[0], self.nodes, rows, room, names),
            *(
                Headroom(unit, self.nodes, matrix[k], np.ascontiguousarray(slack[k]), labels)
                for k, unit in enumerate(seen.units[1:], start=1)
            ),
        )

    def _empty(self, seen: Foresight, rows: int) -> FloatArray:
        return np.zeros((len(seen.units), rows, len(self.nodes)))

    def _drawn(self, seen: Foresight) -> FloatArray:
        drawn: FloatArray = -seen.position_kw[:, self.plants : self.plants + self.subs]
        return drawn

    def _valves(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return what valves and exchangers yield; behind an exchanger two rows: it loses faster than it gains."""
        needs, kept = self.needs, self.flow_kept
        most = needs.most_kw(seen.full_c) * kept
        flow = seen.main_kg_s[:, None]
        wider = (flow + np.maximum(needs.cap_kg_s - seen.sub_flow, 0.0)) / np.maximum(flow, SMALLEST_FLOW)
        per_kelvin = np.maximum(np.maximum(seen.kw_per_k[:, None], SMALLEST_FLOW) * wider, SMALLEST_FLOW**2)
        falls, rises = needs.most_kw_per_k(seen.full_c, max(self.limits.supply_ramp_k, SMALLEST_SPREAD_K))
        behind = np.flatnonzero(needs.behind)
        own = np.concatenate((np.arange(self.subs), behind))
        slopes = np.concatenate((falls, rises[:, behind]), axis=1) * kept
        matrix = self._empty(seen, len(own))
        matrix[:, :, : self.plants + self.subs] = -((seen.full_share / per_kelvin)[:, own] * slopes)[:, :, None]
        matrix[:, :, : self.plants + self.subs] *= self._weights(seen)[:, None, :]
        matrix[:, np.arange(len(own)), self.plants + own] -= 1.0
        return matrix, (most - self._drawn(seen))[:, own]

    def _otherwise(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return rows of the unit that begins for what valves yield if others draw less or other plants give more.

        Who draws less frees no more heat than that here, as the plant cannot supply more than its highest temperature.
        """
        needs, kept, ends = self.needs, self.flow_kept, self.plants + self.subs
        most, plain = needs.most_kw(seen.others.full_c) * kept, needs.most_kw(seen.full_c)[0] * kept
        lost = np.maximum(plain - most, 0.0)
        per_kelvin = np.maximum(seen.kw_per_k[0], SMALLEST_FLOW)
        slope = seen.full_share[0] / per_kelvin * needs.most_kw_per_k(seen.full_c, SMALLEST_SPREAD_K)[0][0] * kept
        cases = len(lost)
        block = -np.broadcast_to(slope[None, :, None], (cases, self.subs, ends)) + lost[:, :, None] * seen.others.part
        own = np.arange(self.subs)
        block[:, own, self.plants + own] -= 1.0
        matrix = np.zeros((cases * self.subs, len(self.nodes)))
        matrix[:, :ends] = block.reshape(-1, ends)
        return matrix, np.tile(plain - self._drawn(seen)[0], cases)

    def _warmth(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return rows that only a safety maintainer needs: what is drawn too cold is mended by drawing less there."""
        matrix = self._empty(seen, self.subs)
        own = np.arange(self.subs)
        matrix[:, own, self.plants + own] = -1.0
        return matrix, np.full((len(seen.units), self.subs), FAR)

    def _weights(self, seen: Foresight) -> FloatArray:
        """Return with what each injection counts in the imbalance that moves the supply temperature."""
        weights = np.ones((len(seen.units), self.plants + self.subs))
        weights[0, self.plants :] = seen.warming[0]
        return weights

    def _cooling(self, seen: Foresight) -> FloatArray:
        """Return how the pipes' flows follow the imbalance, (n_units, n_pipes) [kg/s/kW], of a network in use."""
        return self._cooling_of(seen, self.by_sub.T)

    def _cooling_of(self, seen: Foresight, by_sub: FloatArray) -> FloatArray:
        """Return how flows follow the imbalance that are made up of the draws by ``by_sub`` (S, n) [kg/s/kW].

        Colder water is drawn faster: Δm / ΔT = -m / (T - ΔT - T_ret) of what arrives within the unit, the chord over
        the fall that is allowed.
        """
        flow = seen.sub_flow + 0.5 * np.maximum(self.usual_kg_s - seen.sub_flow, 0.0)
        spread = np.maximum(seen.part_c - self.return_c - self.limits.supply_ramp_k, SMALLEST_SPREAD_K)
        per_kelvin = -(flow * seen.full_share / spread) @ by_sub
        kw_per_k = flow.sum(axis=1) * self.kw_per_kg_k * seen.silence
        return np.asarray(per_kelvin / np.maximum(kw_per_k, SMALLEST_FLOW)[:, None])

    def _plants(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        plants = self.plants
        matrix = self._empty(seen, 2 * plants)
        own = np.arange(plants)
        matrix[:, own, own] = 1.0
        matrix[:, plants + own, own] = -1.0
        given = seen.position_kw[:, :plants]
        return matrix, np.concatenate((self.plants_kw - given, given), axis=1)

    def _linepack(self, band: LinepackBand) -> tuple[FloatArray, FloatArray]:
        matrix = np.zeros((len(band.units), 2, len(self.nodes)))
        matrix[:, 0, : self.plants + self.subs] = 1.0
        matrix[:, 1, : self.plants + self.subs] = -1.0
        return matrix, np.stack((band.upper_kw, -band.lower_kw), axis=1)

    def _flow(self, seen: Foresight) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        """Return the row that keeps the main plant's flow positive where others give theirs."""
        if self.plants == 1:
            return (self._empty(seen, 0), np.zeros((len(seen.units), 0))), ()
        matrix = self._empty(seen, 1)
        spread = np.maximum(seen.supply_c - seen.return_c, SMALLEST_SPREAD_K)
        own = spread[:, None] / np.maximum(seen.part_c - self.return_c, SMALLEST_SPREAD_K)
        matrix[:, 0, 1 : self.plants] = 1.0
        matrix[:, 0, self.plants : self.plants + self.subs] = own
        taken = seen.sub_flow.sum(axis=1) * self.kw_per_kg_k * spread
        others = np.clip(seen.position_kw[:, 1 : self.plants], 0.0, None).sum(axis=1)
        return (matrix, (taken - others)[:, None]), (f"plant {self.network.plants[0].node} flow",)

    def _per_kw(self, seen: Foresight, colder_k: float = 0.0) -> FloatArray:
        """Return the flow that a kilowatt more takes at each substation, (n_units, n_substations) [kg/s/kW].

        With water colder than foreseen by ``colder_k``.
        """
        arrives = np.minimum(seen.part_c, seen.full_c) - colder_k
        return self.needs.flow_per_kw(arrives, np.maximum(self._drawn(seen), 0.0), seen.sub_flow)

    def _side_flow(self, seen: Foresight) -> FloatArray:
        """Return the flow of the plants beside the main one as reserved, (n_units, n_plants) [kg/s]; 0 of the main."""
        flow = np.clip(seen.position_kw[:, : self.plants], 0.0, None) * self.side_kg_s_kw
        return np.asarray(np.minimum(flow, self.layout.plant_most_kg_s))

    def _by_plant(self) -> FloatArray:
        """Return the change of the pipes' flow by the heat of each plant beside the main one, (P, G) [kg/s/kW]."""
        return -self.by_plant * self.side_kg_s_kw

    def _side_room(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return by how much the flow of each side plant may rise and fall, (n_units, n_plants) each [kg/s]."""
        now = self._side_flow(seen)
        largest = np.minimum(self.plants_kw, FAR)
        return np.maximum(largest * self.side_kg_s_kw - now, 0.0), now

    def _velocities(self, seen: Foresight) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        layout = self.layout
        velocity = max_velocity_m_s(layout, self.limits)
        limit = max_pipe_flow(layout, self.limits) * velocity / self.limits.max_velocity_m_s
        room = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0)
        up, down = self._side_room(seen)
        along, against = np.clip(self.by_plant, 0.0, None).T, np.clip(-self.by_plant, 0.0, None).T
        forward = seen.pipe_flow + room @ np.clip(self.by_sub, 0.0, None).T + down @ along + up @ against > limit
        backward = -seen.pipe_flow + room @ np.clip(-self.by_sub, 0.0, None).T + down @ against + up @ along > limit
        fast, slow = forward.any(axis=0), backward.any(axis=0)
        chosen = np.concatenate((np.flatnonzero(fast), np.flatnonzero(slow)))
        sign = np.repeat([1.0, -1.0], [fast.sum(), slow.sum()])
        speed = velocity[chosen] / limit[chosen]
        matrix = self._empty(seen, len(chosen))
        share = (sign * speed)[:, None] * self.by_sub[chosen]
        matrix[:, :, : self.plants] = (sign * speed)[:, None] * self._by_plant()[chosen]
        matrix[:, :, self.plants : self.plants + self.subs] = -share * self._per_kw(seen)[:, None, :]
        faster = sign * speed * self._cooling(seen)[:, chosen]
        matrix[:, :, : self.plants + self.subs] += faster[:, :, None] * self._weights(seen)[:, None, :]
        slack = velocity[chosen] * self.flow_kept - sign * speed * seen.pipe_flow[:, chosen]
        names = self.network.pipes
        return (matrix, slack), tuple(f"pipe {names[p]} velocity" for p in chosen)

    def _heads(self, seen: Foresight, head_pa: FloatArray) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        """Return rows for the head that may be chosen, and for what the curves of the plants' own pumps carry."""
        chosen = np.broadcast_to(head_pa[:, None], (len(seen.units), self.subs))
        blocks = [self._ways(seen, chosen, np.zeros(self.subs))]
        if self.has_curve.any():
            most = np.where(self.has_curve, self.layout.pump[self.root, SHUTOFF], FAR)
            fall = np.where(self.has_curve, self.layout.pump[self.root, FALL], 0.0)
            blocks.append(self._ways(seen, np.broadcast_to(most, chosen.shape), fall))
        matrix, slack = (np.concatenate([block[i] for block in blocks], axis=1) for i in (0, 1))
        return (matrix, slack), ("pump head",) * matrix.shape[1]

    def _boosted(self, seen: Foresight, ways: FloatArray) -> tuple[FloatArray, Layout]:
        """Return what boosters surely add to the head of each way, (n_substations,) [Pa], and convex drops for it.

        Added is what they lift without flow, less what any holds against water from the other end; how their heads
        fall with the flow is part of the drops.
        """
        layout = self.layout
        sure = surely_lifting(layout, seen.pipe_flow)
        against = still_head_pa(layout)
        against[layout.loop_pipe] *= (seen.pipe_flow[:, layout.loop_pipe] < 0.0).any(axis=0)
        along = np.clip(ways, 0.0, None) @ still_head_pa(sure)
        return np.asarray(2.0 * (along - np.clip(-ways, 0.0, None) @ against)), falling(sure)

    def _ways(self, seen: Foresight, head_pa: FloatArray, fall: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return a row for each substation whose valve, with all others, could ask for too much head in some unit.

        Where what flows lowers the head of a pump with a curve as well, and where water may come from another plant,
        it counts as colder by half of what trades may move it. ``head_pa`` (n_units, n_substations) is the head
        without flow, ``fall`` (n_substations,) how it falls with the square of what the plant gives that keeps the
        pressure [Pa, Pa s2/kg2].
        """
        plants, ways = self.plants, self.ways
        colder = 0.5 * self.limits.supply_ramp_k if fall.any() or self.plants > 1 else 0.0
        boosted, layout = self._boosted(seen, ways)
        whole = head_pa - layout.sub_needs_pa + boosted
        kept = whole - self.limits.margin * head_pa
        kept = np.minimum(kept, whole * self.flow_kept**2) if len(layout.chord) else kept
        limit = np.maximum(kept, SMALLEST_HEAD_PA)
        opened = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0)
        side, (up, down) = self._side_flow(seen), self._side_room(seen)
        given = np.maximum(seen.sub_flow @ self.together - side @ self.with_plant.T, 0.0)
        wide = np.abs(seen.pipe_flow + opened @ self.by_sub.T) + (up + down) @ np.abs(self.by_plant).T
        most = given + opened @ self.together + down @ self.with_plant.T
        risky = np.flatnonzero((2.0 * drops(layout, wide) @ np.abs(ways).T + fall * most**2 > limit).any(axis=0))
        matrix, slack = self._empty(seen, len(risky)), np.full((len(seen.units), len(risky)), FAR)
        now = 2.0 * drops(layout, seen.pipe_flow) @ ways[risky].T + fall[risky] * given[:, risky] ** 2
        per_kw, cooling, weights = self._per_kw(seen, colder), self._cooling(seen), self._weights(seen)
        slower = self._cooling_of(seen, self.together[risky].T)
        alone = self.usual_kg_s[risky, None] * self.by_sub[:, risky].T
        rays = np.stack((alone, np.broadcast_to(self.by_sub @ self.usual_kg_s, alone.shape)))
        far = np.ones(rays.shape[:2])
        way_pipe = np.nonzero(ways[risky])[1]
        pointer = np.concatenate(([0], np.cumsum((ways[risky] != 0.0).sum(axis=1))))
        by_plant, curve = self._by_plant(), np.zeros((*rays.shape[:2], 3))
        curve[:, :, 0] = 0.5 * fall[risky]
        curve[:, :, 2] = np.stack((self.usual_kg_s[risky], self.together[risky] @ self.usual_kg_s))
        for k in range(len(seen.units) if len(risky) else 0):
            curve[:, :, 1] = given[k, risky]
            steep = steepest_chords(
                layout, seen.pipe_flow[k], rays, pointer, way_pipe, 0.5 * limit[k, risky], curve, far
            )
            bend, steep = 2.0 * steep[:, -1:], 2.0 * steep[:, :-1] * ways[risky]
            by_sub = steep @ self.by_sub + bend * self.together[risky]
            if k == 0:
                room = limit[k, risky] - now[k]
                by_sub = self._to_limit(layout, seen.pipe_flow[k], risky, pointer, way_pipe, room, curve[0], limit[k])
            matrix[k, :, :plants] = steep @ by_plant - bend * self.with_plant[risky] * self.side_kg_s_kw
            matrix[k, :, plants : plants + self.subs] = -by_sub * per_kw[k]
            turned = steep @ cooling[k] + bend[:, 0] * slower[k]
            matrix[k, :, : plants + self.subs] += turned[:, None] * weights[k]
            slack[k] = limit[k, risky] - now[k]
        return matrix, slack

    def _to_limit(
        self,
        layout: Layout,
        flow: FloatArray,
        risky: IntArray,
        pointer: IntArray,
        way_pipe: IntArray,
        room_pa: FloatArray,
        curve: FloatArray,
        limit_pa: FloatArray,
    ) -> FloatArray:
        """Return how the head needed on each way rises with each draw up to the limit, (n_ways, S) [Pa s/kg].

        At least by what it rises now.
        """
        usual = np.maximum(self.usual_kg_s, SMALLEST_FLOW)
        rays = np.ascontiguousarray(self.by_sub.T * usual[:, None])
        bends = np.repeat(curve[None], len(usual), axis=0)
        bends[:, :, 2] = (self.together[risky] * usual).T
        chord = slopes_to_limit(layout, flow, rays, pointer, way_pipe, 0.5 * limit_pa[risky], room_pa, bends) / usual
        now = 2.0 * (slopes(layout, flow) * self.ways[risky]) @ self.by_sub
        now += 4.0 * (curve[:, 0] * curve[:, 1])[:, None] * self.together[risky]
        return np.maximum(chord, now)
