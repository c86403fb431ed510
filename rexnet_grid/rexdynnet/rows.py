r"""Headroom of a heat network: what each unit still carries about its reserved positions, as linear rows.

With Δ the change of injection at every node [kW] and :math:`I = \sum \Delta` over plants and substations (what the
operator's account at the linepack gives or takes), a unit's rows are

* *substation supply*: a valve yields at most :math:`\dot m_{max} c (\bar T - T_{ret})`, with :math:`\bar T` the mean of
  what arrives when it opens (:mod:`reach`). Heat put in beyond the demand warms the plant's water by
  :math:`I / (\dot m c (1 - \bar\kappa))` (see :class:`~rexnet_grid.rexdynnet.foresight.Foresight`), of which κ arrives
  within the unit, so :math:`-\Delta_s - \beta_s I \le b_s`, :math:`\beta_s = \kappa_s \dot m_{max,s} / (\dot m (1 -
  \bar\kappa))`. In the unit whose gate closes next, each withdrawal counts in I also with what the plant has to give
  beyond it: pipes that have cooled take heat before they hand any over. In later units that is bought by the operator.
  That unit has further rows for what arrives if others draw nothing or their usual flows, or side plants give more or
  nothing (:mod:`otherwise`).
  Behind exchangers the largest load and its slope come from :mod:`needs`, by one row for less and one for more heat.
* *substation warmth*: never binds a trade. A branch that has stood gives lukewarm water to a small draw and warm water
  to a larger one, so no row can say which draws are too cold; a safety maintainer cuts them by this row;
* *plant heat*, *plant off*: between nothing and the largest heat, which is nothing of a plant that is stopped or shut
  off; with several plants, the main one's flow stays positive. A plant that keeps the pressure of a part without the
  main one gives what that part takes: it can sell no more than that with what the pipes lose, and the part can take no
  more than it can give;
* *pipe velocity* [m/s]: :math:`\sum_s F_{ps} \Delta_s / (c \Delta T_s \rho A_p)`, F the flow factors, for every pipe
  that the valves behind it could break;
* *pump head* [Pa]: the drop to a consumer and back plus the differential pressure it needs, within the head that may be
  chosen and, of a pump with a curve, within what that gives at the flow of its plant. In meshes the margin m is one
  of flow, and the drop rises with its square: :math:`1 - (1 - m)^2` of the head is kept free. Drop and curve are
  convex in the flows. In the unit that begins each consumer counts with the chord to where it alone uses up the head of
  the way, whosever way it is, in meshes as the water runs then: the flows between these corners are all carried.
  A second row for each way counts what others sell with no more relief than there is (:mod:`resold`). In later units
  each pipe on the way gets the steeper of two chords: to its flow where the consumer at its end alone, and where all in
  proportion to their usual flows, ask for the whole head. Water counts as no warmer than it is where all draw their
  usual flows (:mod:`otherwise`), and imbalance with what it does to the flows at the limit;
* *plant pump* [kW of a side plant]: what its pump's curve lifts there, see :mod:`siderows`;
* *linepack full*, *linepack empty*: I within the band of :mod:`linepack`.

The margin of valves, velocity and head counts twice in meshes, where the way of the water changes with the load, and
three times where a booster stands in a ring, whose speed changes as well; half of the flow is always left. What
boosters add to a head counts with four margins of flow less, as the head that is chosen is a small difference there.
Where they stand in rings, velocities and heads are those of flows that hold at any speed; see :mod:`ringboost`.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery import Headroom
from rexnet_grid.rexdynnet.beside import ends_of, keepers
from rexnet_grid.rexdynnet.hydraulics import ALONG
from rexnet_grid.rexdynnet.piperows import (
    FAR,
    MESH_MARGINS,
    MOST_KEPT,
    RING_MARGINS,
    SMALLEST_FLOW,
    SMALLEST_SPREAD_K,
    WATT_PER_KILOWATT,
    PipeRows,
    drawn_kw,
    weights_of,
)
from rexnet_grid.rexdynnet.ringboost import Pattern
from rexnet_grid.rexdynnet.siderows import side_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.foresight import Foresight
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.limits import HeatLimits
    from rexnet_grid.rexdynnet.linepack import LinepackBand
    from rexnet_grid.rexdynnet.needs import Needs
    from rexnet_grid.rexdynnet.network import HeatNetwork


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
    patterns
        How the water may run at most where boosters stand in rings; see :func:`patterns`.

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
        patterns: Sequence[Pattern] = (),
    ) -> None:
        self.network, self.layout, self.limits, self.nodes = network, layout, limits, nodes
        self.usual_kg_s = usual_kg_s
        self.needs: Needs
        self.side_kg_s_kw = np.zeros(len(layout.plant_node))
        self.plants_kw: FloatArray
        ringed = (layout.drag[layout.loop_pipe, ALONG] != 0.0).any()
        meshed = MESH_MARGINS if len(layout.chord) else 1.0
        self.flow_kept = 1.0 - min(limits.margin * (RING_MARGINS if ringed else meshed), MOST_KEPT)
        self._pipes = [
            PipeRows(network, pattern, limits, usual_kg_s, len(nodes), self.flow_kept)
            for pattern in patterns or (Pattern.usual(layout),)
        ]
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
        blocks = [self._valves(seen), self._warmth(seen), self._plants(seen), self._linepack(band, seen.joined)]
        labels = self._fixed_labels
        along = [rows.make(seen, head_pa, self.needs, self.side_kg_s_kw, self.plants_kw) for rows in self._pipes]
        sides = [side_rows(rows, rows.sight) for rows in self._pipes if rows.pattern.drops.any()]
        for found, names in (self._flow(seen), self._keepers(seen), *chain.from_iterable((*along, *sides))):
            blocks.append(found)
            labels += names
        matrix = np.concatenate([block[0] for block in blocks], axis=1)
        slack = np.minimum(np.concatenate([block[1] for block in blocks], axis=1), FAR)
        sold = [found for rows in self._pipes for found in rows.resold]
        more = [(matrix[0], slack[0]), self._otherwise(seen), *sold]
        rows, room = (np.concatenate([found[i] for found in more]) for i in (0, 1))
        names = labels + self._fixed_labels[: self.subs] * len(seen.others.full_c)
        names += ("pump head",) * (len(room) - len(names))
        return (
            Headroom(seen.units[0], self.nodes, rows, room, names),
            *(
                Headroom(unit, self.nodes, matrix[k], np.ascontiguousarray(slack[k]), labels)
                for k, unit in enumerate(seen.units[1:], start=1)
            ),
        )

    def _empty(self, seen: Foresight, rows: int) -> FloatArray:
        return np.zeros((len(seen.units), rows, len(self.nodes)))

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
        matrix[:, :, : self.plants + self.subs] *= weights_of(seen)[:, None, :]
        matrix[:, np.arange(len(own)), self.plants + own] -= 1.0
        return matrix, (most - drawn_kw(seen, self.plants))[:, own]

    def _otherwise(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return rows of the unit that begins for what valves yield if others draw less or other plants give more.

        Who draws less frees no more heat than that here, as the plant cannot supply more than its highest temperature.
        """
        needs, kept, ends = self.needs, self.flow_kept, self.plants + self.subs
        most, plain = needs.most_kw(seen.others.full_c) * kept, needs.most_kw(seen.full_c)[0] * kept
        lost = np.maximum(plain - most, 0.0)
        per_kelvin = np.maximum(seen.kw_per_k[0], SMALLEST_FLOW)
        falls = needs.most_kw_per_k(seen.full_c, SMALLEST_SPREAD_K)[0][0] * kept
        slope = np.maximum(seen.others.share, seen.full_share[0]) / per_kelvin * falls
        cases = len(lost)
        slope = slope * seen.joined[self.plants :]
        block = -slope[:, :, None] * seen.joined + lost[:, :, None] * seen.others.part
        own = np.arange(self.subs)
        block[:, own, self.plants + own] -= 1.0
        matrix = np.zeros((cases * self.subs, len(self.nodes)))
        matrix[:, :ends] = block.reshape(-1, ends)
        room = np.where(seen.others.part.any(axis=2), plain, np.minimum(most, plain)) - drawn_kw(seen, self.plants)[0]
        return matrix, room.ravel()

    def _warmth(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        """Return rows that only a safety maintainer needs: what is drawn too cold is mended by drawing less there."""
        matrix = self._empty(seen, self.subs)
        own = np.arange(self.subs)
        matrix[:, own, self.plants + own] = -1.0
        return matrix, np.full((len(seen.units), self.subs), FAR)

    def _plants(self, seen: Foresight) -> tuple[FloatArray, FloatArray]:
        plants = self.plants
        matrix = self._empty(seen, 2 * plants)
        own = np.arange(plants)
        matrix[:, own, own] = 1.0
        matrix[:, plants + own, own] = -1.0
        given = seen.position_kw[:, :plants]
        return matrix, np.concatenate((self.plants_kw - given, given), axis=1)

    def _linepack(self, band: LinepackBand, joined: FloatArray) -> tuple[FloatArray, FloatArray]:
        matrix = np.zeros((len(band.units), 2, len(self.nodes)))
        matrix[:, 0, : self.plants + self.subs] = joined
        matrix[:, 1, : self.plants + self.subs] = -joined
        return matrix, np.stack((band.upper_kw, -band.lower_kw), axis=1)

    def _flow(self, seen: Foresight) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        """Return the row that keeps the main plant's flow positive where others give theirs."""
        if self.plants == 1:
            return (self._empty(seen, 0), np.zeros((len(seen.units), 0))), ()
        matrix = self._empty(seen, 1)
        spread = np.maximum(seen.supply_c - seen.return_c, SMALLEST_SPREAD_K)
        own = spread[:, None] / np.maximum(seen.part_c - self.return_c, SMALLEST_SPREAD_K)
        joined, drawn = seen.joined[1 : self.plants], seen.joined[self.plants :]
        matrix[:, 0, 1 : self.plants] = joined
        matrix[:, 0, self.plants : self.plants + self.subs] = own * drawn
        taken = seen.sub_flow @ drawn * self.kw_per_kg_k * spread
        others = np.clip(seen.position_kw[:, 1 : self.plants], 0.0, None) @ joined
        return (matrix, (taken - others)[:, None]), (f"plant {self.network.plants[0].node} flow",)

    def _keepers(self, seen: Foresight) -> tuple[tuple[FloatArray, FloatArray], tuple[str, ...]]:
        """Return rows of each part without the main plant: what its keeper can sell, and what it can give."""
        plants, layout, ends = keepers(self.layout), self.layout, self.plants + self.subs
        matrix, slack = self._empty(seen, 2 * len(plants)), np.zeros((len(seen.units), 2 * len(plants)))
        pipe_island, weights = layout.island[layout.pipe_from], np.ones((len(seen.units), ends))
        weights[0, self.plants :] = seen.warming[0]
        for k, g in enumerate(plants):
            inside = ends_of(layout, int(g))
            others = inside * (np.arange(ends) != g)
            share = layout.loss_w_k[pipe_island == g].sum() / layout.loss_w_k.sum()
            matrix[:, 2 * k, :ends] = inside
            matrix[:, 2 * k + 1, :ends] = -others * weights
            slack[:, 2 * k] = share * seen.loss_kw - seen.position_kw[:, :ends] @ inside
            given = share * np.maximum(seen.hold_kw, seen.loss_kw) - seen.position_kw[:, :ends] @ others
            slack[:, 2 * k + 1] = self.flow_kept * self.plants_kw[g] - given
        return (matrix, slack), tuple(f"plant {self.network.plants[g].node} heat" for g in plants for _ in range(2))
