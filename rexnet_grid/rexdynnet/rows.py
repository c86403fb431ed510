r"""Headroom of a heat network: what each unit still carries about its reserved positions, as linear rows.

With Δ the change of injection at every node [kW] and :math:`I = \sum \Delta` over plants and substations (what the
operator's account at the linepack gives or takes), a unit's rows are

* *substation supply*: a valve yields at most :math:`\dot m_{max} c (\bar T - T_{ret})`, with :math:`\bar T` the mean of
  what arrives when it opens (:mod:`reach`). Heat put in beyond the demand warms the plant's water by
  :math:`I / (\dot m c (1 - \bar\kappa))` (see :class:`~rexnet_grid.rexdynnet.foresight.Foresight`), of which κ arrives
  within the unit, so :math:`-\Delta_s - \beta_s I \le b_s`, :math:`\beta_s = \kappa_s \dot m_{max,s} / (\dot m (1 -
  \bar\kappa))`. In the unit whose gate closes next, each withdrawal counts in I also with what the plant has to give
  beyond it: pipes that have cooled take heat before they hand any over. In later units that is bought by the operator.
  Behind exchangers the largest load and its slope come from :mod:`needs`, by one row for less and one for more heat;
* *substation warmth*: never binds a trade. A branch that has stood gives lukewarm water to a small draw and warm water
  to a larger one, so no row can say which draws are too cold; a safety maintainer cuts them by this row;
* *plant heat*, *plant off*: between nothing and the largest heat; with several plants, the main one's flow
  stays positive;
* *pipe velocity* [m/s]: :math:`\sum_s F_{ps} \Delta_s / (c \Delta T_s \rho A_p)`, F the flow factors, for every pipe
  that the valves behind it could break;
* *pump head* [Pa]: the drop to a consumer and back plus the differential pressure it needs. The drop is convex in the
  flows, so each pipe on the way gets the steeper of two chords from its reserved flow: to its flow where this consumer
  alone, and where all in proportion to their usual flows, ask for the whole head. For less they are on the safe side;
* *linepack full*, *linepack empty*: I within the band of :mod:`linepack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.rexdynnet.chords import steepest_chords
from rexnet_grid.rexdynnet.hydraulics import drops
from rexnet_grid.rexdynnet.limits import max_pipe_flow

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SMALLEST_SPREAD_K = 1.0
SMALLEST_FACTOR = 1e-9
SMALLEST_FLOW = 1e-6
SMALLEST_HEAD_PA = 1.0
FAR = 1e12


class HeadroomRows:
    """Makes the rows of a network.

    Parameters
    ----------
    network, layout
        The network.
    factors
        (n_pipes, n_nodes) change of flow by draw.
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
    """

    def __init__(
        self,
        network: HeatNetwork,
        layout: Layout,
        factors: FloatArray,
        limits: HeatLimits,
        usual_kg_s: FloatArray,
        nodes: tuple[str, ...],
    ) -> None:
        self.network, self.layout, self.limits, self.nodes = network, layout, limits, nodes
        self.usual_kg_s = usual_kg_s
        self.needs: Needs
        self.by_sub = factors[:, layout.sub_node]
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
        blocks = [self._valves(seen), self._warmth(seen), self._plants(seen), self._linepack(band)]
        labels = self._fixed_labels
        for found, names in (self._flow(seen), self._velocities(seen), self._heads(seen, head_pa)):
            blocks.append(found)
            labels += names
        matrix = np.concatenate([block[0] for block in blocks], axis=1)
        slack = np.minimum(np.concatenate([block[1] for block in blocks], axis=1), FAR)
        return tuple(
            Headroom(unit, self.nodes, matrix[k], np.ascontiguousarray(slack[k]), labels)
            for k, unit in enumerate(seen.units)
        )

    def _empty(self, seen: Foresight, rows: int) -> FloatArray:
        return np.zeros((len(seen.units), rows, len(self.nodes)))

    def _drawn(self, seen: Foresight) -> FloatArray:
        drawn: FloatArray = -seen.position_kw[:, self.plants : self.plants + self.subs]
        return drawn

    def _valves(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return what valves and exchangers yield; behind an exchanger two rows: it loses faster than it gains."""
        needs, kept = self.needs, 1.0 - self.limits.margin
        most = needs.most_kw(seen.full_c) * kept
        flow = seen.sub_flow.sum(axis=1, keepdims=True)
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
        """Return how the pipes' flows follow the imbalance, (n_units, n_pipes) [kg/s/kW], of a network in use.

        Colder water is drawn faster: Δm / ΔT = -m / (T - ΔT - T_ret) of what arrives within the unit, the chord over
        the fall that is allowed.
        """
        flow = seen.sub_flow + 0.5 * np.maximum(self.usual_kg_s - seen.sub_flow, 0.0)
        spread = np.maximum(seen.part_c - self.return_c - self.limits.supply_ramp_k, SMALLEST_SPREAD_K)
        per_kelvin = -(flow * seen.full_share / spread) @ self.by_sub.T
        kw_per_k = flow.sum(axis=1) * self.kw_per_kg_k * seen.silence
        return np.asarray(per_kelvin / np.maximum(kw_per_k, SMALLEST_FLOW)[:, None])

    def _plants(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        plants = self.plants
        matrix = self._empty(seen, 2 * plants)
        own = np.arange(plants)
        matrix[:, own, own] = 1.0
        matrix[:, plants + own, own] = -1.0
        given = seen.position_kw[:, :plants]
        largest = np.array([p.max_heat_kw for p in self.network.plants])
        return matrix, np.concatenate((largest - given, given), axis=1)

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

    def _per_kw(self, seen: Foresight) -> FloatArray:
        """Return the flow that a kilowatt more takes at each substation, (n_units, n_substations) [kg/s/kW]."""
        arrives = np.minimum(seen.part_c, seen.full_c)
        return self.needs.flow_per_kw(arrives, np.maximum(self._drawn(seen), 0.0), seen.sub_flow)

    def _velocities(self, seen: Foresight) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        layout = self.layout
        limit = max_pipe_flow(layout, self.limits)
        room = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0)
        forward = (seen.pipe_flow + room @ np.clip(self.by_sub, 0.0, None).T > limit).any(axis=0)
        backward = (-seen.pipe_flow + room @ np.clip(-self.by_sub, 0.0, None).T > limit).any(axis=0)
        chosen = np.concatenate((np.flatnonzero(forward), np.flatnonzero(backward)))
        sign = np.repeat([1.0, -1.0], [forward.sum(), backward.sum()])
        speed = self.limits.max_velocity_m_s / limit[chosen]
        matrix = self._empty(seen, len(chosen))
        share = (sign * speed)[:, None] * self.by_sub[chosen]
        matrix[:, :, self.plants : self.plants + self.subs] = -share * self._per_kw(seen)[:, None, :]
        faster = sign * speed * self._cooling(seen)[:, chosen]
        matrix[:, :, : self.plants + self.subs] += faster[:, :, None] * self._weights(seen)[:, None, :]
        allowed = self.limits.max_velocity_m_s * (1.0 - self.limits.margin)
        slack = allowed - sign * speed * seen.pipe_flow[:, chosen]
        names = self.network.pipes
        return (matrix, slack), tuple(f"pipe {names[p]} velocity" for p in chosen)

    def _heads(self, seen: Foresight, head_pa: FloatArray) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        """Return a row for each substation whose valve, with all others, could ask for too much head in some unit."""
        layout, limit = self.layout, head_pa * (1.0 - self.limits.margin)
        open_wide = np.maximum(self.needs.cap_kg_s - seen.sub_flow, 0.0) @ self.by_sub.T
        ways = (np.sign(self.by_sub) * (np.abs(self.by_sub) > SMALLEST_FACTOR)).T
        wide = drops(layout, seen.pipe_flow + open_wide)
        risky = np.flatnonzero((2.0 * wide @ ways.T + self.limits.consumer_pa > limit[:, None]).any(axis=0))
        matrix, slack = self._empty(seen, len(risky)), np.full((len(seen.units), len(risky)), FAR)
        now = drops(layout, seen.pipe_flow)
        per_kw, cooling, weights = self._per_kw(seen), self._cooling(seen), self._weights(seen)
        alone = self.usual_kg_s[risky, None] * self.by_sub[:, risky].T
        rays = np.stack((alone, np.broadcast_to(self.by_sub @ self.usual_kg_s, alone.shape)))
        far = np.ones(rays.shape[:2])
        way_pipe = np.nonzero(ways[risky])[1]
        pointer = np.concatenate(([0], np.cumsum((ways[risky] != 0.0).sum(axis=1))))
        head = 0.5 * np.maximum(limit - self.limits.consumer_pa, SMALLEST_HEAD_PA)
        for k in range(len(seen.units) if len(risky) else 0):
            steep = steepest_chords(layout, seen.pipe_flow[k], rays, pointer, way_pipe, head[k], far)
            steep *= 2.0 * ways[risky]
            matrix[k, :, self.plants : self.plants + self.subs] = -(steep @ self.by_sub) * per_kw[k]
            matrix[k, :, : self.plants + self.subs] += (steep @ cooling[k])[:, None] * weights[k]
            slack[k] = 2.0 * (head[k] - ways[risky] @ now[k])
        return (matrix, slack), ("pump head",) * len(risky)
