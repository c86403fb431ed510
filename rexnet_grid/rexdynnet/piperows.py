"""The rows of headroom for what pipes and pumps carry: velocities and heads, as :mod:`rows` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.booster import falling, still_head_pa, surely_lifting
from rexnet_grid.rexdynnet.chords import LONGEST_RAY, slopes_to_limit, steepest_chords
from rexnet_grid.rexdynnet.hydraulics import drops, slopes
from rexnet_grid.rexdynnet.layout import new_scratch
from rexnet_grid.rexdynnet.limits import max_pipe_flow, max_velocity_m_s
from rexnet_grid.rexdynnet.pump import FALL, SHUTOFF, UNLIMITED_PA
from rexnet_grid.rexdynnet.resold import TURNS, alone_kg_s, relief_kept
from rexnet_grid.rexdynnet.sensitivity import flows_for, tree_ways

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.network import HeatNetwork
    from rexnet_grid.rexdynnet.ringboost import Pattern

    Rows = tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]
    Ways = tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray]

WATT_PER_KILOWATT = 1000.0
SMALLEST_SPREAD_K = 1.0
SMALLEST_FLOW = 1e-6
SMALLEST_HEAD_PA = 1.0
FAR = 1e12
MESH_MARGINS, RING_MARGINS, BOOSTED_MARGINS = 2.0, 3.0, 4.0
MOST_KEPT = 0.5
LEAST_SILENCE = 0.05
NEAREST_RAY = 0.1


def drawn_kw(seen: Foresight, plants: int) -> FloatArray:
    """Return what substations draw, (n_units, n_substations) [kW], in a network of so many plants."""
    return np.asarray(-seen.position_kw[:, plants : plants + seen.sub_flow.shape[1]])


def weights_of(seen: Foresight) -> FloatArray:
    """Return with what each injection counts in the imbalance that moves supply temperatures, (n_units, G + S) [-]."""
    subs = seen.sub_flow.shape[1]
    weights = np.ones((len(seen.units), seen.position_kw.shape[1] - 1))
    weights[0, -subs:] = seen.warming[0]
    return weights * seen.joined


class PipeRows:
    """Makes the rows of one pattern of the water.

    Parameters
    ----------
    network, pattern, limits
        The network, how its water may run, and its limits.
    usual_kg_s
        (n_substations,) usual largest flow of each [kg/s].
    columns
        Number of nodes.
    flow_kept
        Part of a flow at its limit that is counted on [-].
    """

    def __init__(
        self,
        network: HeatNetwork,
        pattern: Pattern,
        limits: HeatLimits,
        usual_kg_s: FloatArray,
        columns: int,
        flow_kept: float,
    ) -> None:
        layout = pattern.layout
        self.network, self.pattern, self.layout, self.limits = network, pattern, layout, limits
        self.usual_kg_s, self.columns, self.flow_kept = usual_kg_s, columns, flow_kept
        self.needs: Needs
        self.by_sub: FloatArray
        self.by_plant: FloatArray
        self.side_kg_s_kw: FloatArray
        self.plants_kw: FloatArray
        self.sight: Foresight
        self.resold: list[tuple[FloatArray, FloatArray]] = []
        self.ways, self.scratch = tree_ways(layout), new_scratch(layout)
        self.root = layout.island[layout.sub_node]
        self.has_curve = (self.root >= 0) & (layout.pump[self.root, SHUTOFF] < UNLIMITED_PA)
        self.together = ((self.root[:, None] == self.root) & (self.root >= 0)).astype(np.float64)
        self.with_plant = (self.root[:, None] == layout.island[layout.plant_node]).astype(np.float64)
        self.plants, self.subs = len(network.plants), len(network.substations)
        self.kw_per_kg_k = layout.fluid[1] / WATT_PER_KILOWATT

    def make(
        self, seen: Foresight, head_pa: FloatArray, needs: Needs, side_kg_s_kw: FloatArray, plants_kw: FloatArray
    ) -> list[Rows]:
        """Return rows and slack, (n_units, n_rows, n_nodes) and (n_units, n_rows), with names, of velocities and heads.

        Arguments as :class:`HeadroomRows` has them.
        """
        self.needs, self.side_kg_s_kw, self.plants_kw = needs, side_kg_s_kw, plants_kw
        self.sight = sight = self.pattern.of(seen, self._side_flow(seen))
        self.by_sub, self.by_plant = sight.factors[:, self.layout.sub_node], sight.factors[:, self.layout.plant_node]
        found = [self._velocities(sight)]
        self.resold = []
        return [*found, self._heads(sight, head_pa)] if self.pattern.drops.any() else found

    def _empty(self, seen: Foresight, rows: int) -> FloatArray:
        return np.zeros((len(seen.units), rows, self.columns))

    def cooling(self, seen: Foresight) -> FloatArray:
        """Return how the pipes' flows follow the imbalance, (n_units, n_pipes) [kg/s/kW], of a network in use."""
        return self._cooling_of(seen, self.by_sub.T)

    def _cooling_of(self, seen: Foresight, by_sub: FloatArray) -> FloatArray:
        """Return how flows follow the imbalance that are made up of the draws by ``by_sub`` (S, n) [kg/s/kW].

        Colder water is drawn faster: Δm / ΔT = -m / (T - ΔT - T_ret) of what arrives within the unit, the chord over
        the fall that is allowed.
        """
        flow = seen.sub_flow + 0.5 * np.maximum(self.usual_kg_s - seen.sub_flow, 0.0)
        spread = np.maximum(seen.part_c - self.needs.return_c - self.limits.supply_ramp_k, SMALLEST_SPREAD_K)
        per_kelvin = -(flow * seen.full_share / spread) @ by_sub
        kw_per_k = flow.sum(axis=1) * self.kw_per_kg_k * seen.silence
        return np.asarray(per_kelvin / np.maximum(kw_per_k, SMALLEST_FLOW)[:, None])

    def _cooling_at_limit(self, seen: Foresight, chord: FloatArray, own: IntArray, room_pa: FloatArray) -> FloatArray:
        """Return how the head of each way follows the imbalance in the unit that begins, (n_ways,) [Pa/kW].

        As :meth:`_cooling_of`, where the substation at its end draws all that the head drives.
        """
        flow = seen.sub_flow[0] + 0.5 * np.maximum(self.usual_kg_s - seen.sub_flow[0], 0.0)
        spread = np.maximum(seen.part_c[0] - self.needs.return_c - self.limits.supply_ramp_k, SMALLEST_SPREAD_K)
        each, share = np.arange(len(own)), seen.full_share[0]
        by_flow = chord * share / spread
        most = seen.sub_flow[0, own] + np.maximum(room_pa, 0.0) / np.maximum(chord[each, own], SMALLEST_FLOW)
        more = np.maximum(most - flow[own], 0.0)
        total = np.maximum(flow.sum() + more, SMALLEST_FLOW)
        arriving = ((1.0 - seen.silence[0]) * flow.sum() + share[own] * more) / total
        per_k = total * self.kw_per_kg_k * np.maximum(1.0 - arriving, LEAST_SILENCE)
        return np.asarray(-(by_flow @ flow + by_flow[each, own] * more) / per_k)

    def flow_per_kw(self, seen: Foresight, colder_k: float = 0.0) -> FloatArray:
        """Return the flow that a kilowatt more takes at each substation, (n_units, n_substations) [kg/s/kW].

        With water colder than foreseen by ``colder_k``.
        """
        arrives = np.minimum(seen.part_c, seen.full_c) - colder_k
        arrives[0] = np.minimum(arrives[0], seen.others.busy_c)
        return self.needs.flow_per_kw(arrives, np.maximum(drawn_kw(seen, self.plants), 0.0), seen.sub_flow)

    def _per_kw_up_to(self, seen: Foresight, more_kg_s: FloatArray, colder_k: float = 0.0) -> FloatArray:
        """Return the same in the unit that begins until the flows have grown by so much, (n_cases, S) [kg/s/kW]."""
        arrives = np.minimum(np.minimum(seen.part_c, seen.full_c)[0] - colder_k, seen.others.busy_c)
        load = np.maximum(drawn_kw(seen, self.plants)[0], 0.0)
        return self.needs.flow_per_kw_up_to(arrives, load, seen.sub_flow[0], more_kg_s)

    def _side_flow(self, seen: Foresight) -> FloatArray:
        """Return the flow of the plants beside the main one as reserved, (n_units, n_plants) [kg/s]; 0 of the main."""
        flow = np.clip(seen.position_kw[:, : self.plants], 0.0, None) * self.side_kg_s_kw
        return np.asarray(np.minimum(flow, self.layout.plant_most_kg_s))

    def _by_plant(self) -> FloatArray:
        """Return the change of the pipes' flow by the heat of each plant beside the main one, (P, G) [kg/s/kW]."""
        return -self.by_plant * self.side_kg_s_kw

    def side_room(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return by how much the flow of each side plant may rise and fall, (n_units, n_plants) each [kg/s]."""
        now = self._side_flow(seen)
        largest = np.minimum(self.plants_kw, FAR)
        return np.maximum(largest * self.side_kg_s_kw - now, 0.0), now

    def _velocities(self, seen: Foresight) -> Rows:
        layout = self.layout
        velocity = max_velocity_m_s(layout, self.limits)
        limit = max_pipe_flow(layout, self.limits) * velocity / self.limits.max_velocity_m_s
        room = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0)
        up, down = self.side_room(seen)
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
        matrix[:, :, self.plants : self.plants + self.subs] = -share * self.flow_per_kw(seen)[:, None, :]
        room = (limit[chosen] * self.flow_kept - sign * seen.pipe_flow[0, chosen])[:, None]
        more = np.maximum(room, 0.0) / np.maximum(sign[:, None] * self.by_sub[chosen], SMALLEST_FLOW)
        matrix[:1, :, self.plants : self.plants + self.subs] = -share * self._per_kw_up_to(seen, more)
        faster = sign * speed * self.cooling(seen)[:, chosen]
        matrix[:, :, : self.plants + self.subs] += faster[:, :, None] * weights_of(seen)[:, None, :]
        slack = velocity[chosen] * self.flow_kept - sign * speed * seen.pipe_flow[:, chosen]
        names = self.network.pipes
        return (matrix, slack), tuple(f"pipe {names[p]} velocity" for p in chosen)

    def _heads(self, seen: Foresight, head_pa: FloatArray) -> Rows:
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
        return np.asarray(2.0 * (along - np.clip(-ways, 0.0, None) @ against) - self.pattern.held_pa), falling(sure)

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
        free = 1.0 - (1.0 - min(self.limits.margin * BOOSTED_MARGINS, MOST_KEPT)) ** 2
        kept = whole - self.limits.margin * head_pa - free * np.maximum(boosted, 0.0)
        kept = np.minimum(kept, whole * self.flow_kept**2) if len(layout.chord) else kept
        limit = np.maximum(kept, SMALLEST_HEAD_PA)
        opened = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0)
        side, (up, down) = self._side_flow(seen), self.side_room(seen)
        given = np.maximum(seen.sub_flow @ self.together - side @ self.with_plant.T, 0.0)
        wide = np.abs(seen.pipe_flow + opened @ self.by_sub.T) + (up + down) @ np.abs(self.by_plant).T
        most = given + opened @ self.together + down @ self.with_plant.T
        dropped = 2.0 * drops(layout, wide) @ np.abs(ways).T + fall * most**2
        risky = np.flatnonzero((dropped > limit).any(axis=0) & self.pattern.drops)
        matrix, slack = self._empty(seen, len(risky)), np.full((len(seen.units), len(risky)), FAR)
        now = 2.0 * drops(layout, seen.pipe_flow) @ ways[risky].T + fall[risky] * given[:, risky] ** 2
        per_kw, cooling, weights = self.flow_per_kw(seen, colder), self.cooling(seen), weights_of(seen)
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
            room, kept = limit[k, risky] - now[k], np.ones(len(risky))
            if k == 0:
                along = (risky, pointer, way_pipe, room, limit[k, risky])
                by_sub = self._to_limit(layout, seen, along, curve[0])
                kept = self._relief_kept(layout, seen, along, curve[0], by_sub)
            matrix[k, :, :plants] = steep @ by_plant - bend * self.with_plant[risky] * self.side_kg_s_kw
            far = np.maximum(room, 0.0)[:, None] / np.maximum(by_sub, SMALLEST_FLOW)
            each_kw = per_kw[k] if k else self._per_kw_up_to(seen, far, colder)
            matrix[k, :, plants : plants + self.subs] = -by_sub * each_kw
            cooled = steep @ cooling[k] + bend[:, 0] * slower[k]
            if k == 0:
                cooled = np.minimum(cooled, self._cooling_at_limit(seen, by_sub, risky, room))
            turned = np.zeros((len(risky), self.columns))
            turned[:, : plants + self.subs] = cooled[:, None] * weights[k]
            if k == 0:
                sold = matrix[k] * kept[:, None]
                sold[:, :plants] = np.maximum(sold[:, :plants], matrix[k, :, :plants])
                each = np.arange(len(risky))
                sold[each, plants + risky] = matrix[k, each, plants + risky]
                self.resold.append((sold + turned, room))
            matrix[k] += turned
            slack[k] = room
        return matrix, slack

    def _relief_kept(
        self, layout: Layout, seen: Foresight, ways: Ways, curve: FloatArray, chord: FloatArray
    ) -> FloatArray:
        """Return the part of the others' chords that is relief when they sell, (n_ways,) [-]; see :mod:`resold`."""
        own, pointer, way_pipe, room_pa, limit_pa = ways
        curve = curve.copy()
        curve[:, 1] = seen.sub_flow[0, own] - self.with_plant[own] @ self._side_flow(seen)[0]
        curve[:, 2] = self.usual_kg_s[own]
        alone = alone_kg_s(
            layout, self.scratch, seen.factors, own, seen.sub_flow[0], self._side_flow(seen)[0], self.usual_kg_s,
            pointer, way_pipe, 0.5 * limit_pa, curve,
        )  # fmt: skip
        return relief_kept(chord, own, seen.sub_flow[0], room_pa, alone)

    def _to_limit(
        self,
        layout: Layout,
        seen: Foresight,
        ways: Ways,
        curve: FloatArray,
    ) -> FloatArray:
        """Return how the head needed on each way rises with each draw up to the limit, (n_ways, S) [Pa s/kg].

        At least by what it rises now. In meshes the water turns to other ways with the draw: the chord is the one to
        the flows themselves where that draw alone uses up the first head.
        """
        risky, pointer, way_pipe, room_pa, limit_pa = ways
        flow, usual = seen.pipe_flow[0], np.maximum(self.usual_kg_s, SMALLEST_FLOW)
        rays = np.ascontiguousarray(self.by_sub.T * usual[:, None])
        bends = np.repeat(curve[None], len(usual), axis=0)
        bends[:, :, 2] = (self.together[risky] * usual).T
        for _ in range(TURNS if len(layout.chord) else 0):
            steep = slopes_to_limit(layout, flow, rays, pointer, way_pipe, 0.5 * limit_pa, room_pa, bends)
            far = (np.maximum(room_pa, SMALLEST_HEAD_PA)[:, None] / np.maximum(steep, SMALLEST_FLOW)).min(axis=0)
            far = np.clip(far, NEAREST_RAY, LONGEST_RAY)
            draws = seen.sub_flow[0] + np.vstack((0.0 * usual, np.diag(far * usual)))
            given = np.tile(self._side_flow(seen)[0], (len(draws), 1))
            found = flows_for(layout, self.scratch, seen.factors, draws, given)
            rays = np.where(self.pattern.whole.any(axis=1), rays, (found[1:] - found[0]) / far[:, None])
        chord = slopes_to_limit(layout, flow, rays, pointer, way_pipe, 0.5 * limit_pa, room_pa, bends) / usual
        now = 2.0 * (slopes(layout, flow) * self.ways[risky]) @ self.by_sub
        now += 4.0 * (curve[:, 0] * curve[:, 1])[:, None] * self.together[risky]
        return np.maximum(chord, now)
