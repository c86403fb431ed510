"""Booster pumps inside a route: what they lift, what power they take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.rexdynnet.arrays import reals
from rexnet_grid.rexdynnet.hydraulics import ALONG, BOOST, BOW, LEAST, SAG, SHARE, SPEED, drops
from rexnet_grid.rexdynnet.pump import Pump

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork

SIDES = ("supply", "return", "both")


@dataclass(frozen=True, slots=True)
class Booster:
    r"""A pump in the middle of a route that lifts supply water from the first to the second node, return water back.

    Notes
    -----
    At relative speed n it gives :math:`h = \max(0, n^2 H_0 - n a \dot m - k \dot m^2)` (affinity laws, as
    :class:`Pump`), water that comes the other way meets :math:`n^2 H_0`. The head falls with the flow, so the pressure
    drop of its pipe, :math:`\Delta p = R \dot m |\dot m| - h(\dot m)`, rises with it and flows stay unique. It runs at
    full speed; in a ring all such run only as fast as no water is driven round in a circle, as their controls do.
    When stopped, and where its curve ends, water passes its bypass freely.

    Attributes
    ----------
    pump
        Its curve; the ``control`` is a plant's and has no meaning here.
    side
        ``"supply"``, ``"return"``, or ``"both"`` for one such pump on each; in a ring ``"both"``, as one side alone
        would part the flows of supply and return.
    fall_pa_s_kg
        How the head falls with the flow itself, a [Pa s/kg], beside the pump's ``fall_pa_s2_kg2``.
    """

    pump: Pump
    side: str = "supply"
    fall_pa_s_kg: float = 0.0

    def __post_init__(self) -> None:
        issues = []
        given: object = self.pump
        if not isinstance(given, Pump):
            issues.append(Issue("booster", "pump", repr(self.pump), "a rexdynnet.Pump"))
        if self.side not in SIDES:
            hint = did_you_mean(str(self.side), SIDES)
            issues.append(Issue("booster", "side", str(self.side), "one of " + ", ".join(SIDES), hint))
        fall = self.fall_pa_s_kg
        if (
            isinstance(fall, bool)
            or not isinstance(fall, (int, float, np.number))
            or not (math.isfinite(fall) and fall >= 0.0)
        ):
            issues.append(Issue("booster", "fall_pa_s_kg", str(fall), "a number, not negative"))
        if issues:
            raise InputError(issues)

    @property
    def row(self) -> tuple[float, ...]:
        """The numbers as the kernels see them: direction, part of both sides, curve, speed and least head."""
        share = 1.0 if self.side == "both" else 0.5
        return (1.0, share, self.pump.shutoff_pa, self.fall_pa_s_kg, self.pump.fall_pa_s2_kg2, 1.0, 0.0)


def boosters_of(network: HeatNetwork) -> dict[int, Booster]:
    """Return the boosters of a network by the number of their pipe."""
    drawn = (data.get("booster") for _, _, data in network.graph.edges(data=True))
    return {p: booster for p, booster in enumerate(drawn) if booster is not None}


def ring_pipes(graph: nx.Graph) -> list[bool]:
    """Return of each edge whether it lies in a ring."""
    bridges = {frozenset(ends) for ends in nx.bridges(graph)} if graph.number_of_edges() else set()
    return [frozenset(ends) not in bridges for ends in graph.edges]


def booster_issues(network: HeatNetwork) -> list[Issue]:
    """Return every booster that cannot be."""
    issues = []
    rings = ring_pipes(network.graph)
    for p, (_, _, data) in enumerate(network.graph.edges(data=True)):
        booster, where = data.get("booster"), f"pipe {data['name']}, booster"
        if booster is None:
            continue
        if not isinstance(booster, Booster):
            issues.append(Issue(network.name, where, repr(booster), "a rexdynnet.Booster or None"))
        elif rings[p] and booster.side != "both":
            hint = "on one side alone it would part the flows of supply and return: give it the side both"
            issues.append(Issue(network.name, f"{where}, side", booster.side, "both, as the pipe lies in a ring", hint))
        if data["name"] in network.plant_names:
            hint = "stopped=[...] tells them apart by name"
            issues.append(Issue(network.name, where, data["name"], "a pipe that has not the name of a plant", hint))
    return issues


def boost_table(network: HeatNetwork, stopped: Collection[str] = ()) -> FloatArray:
    """Return the columns of :attr:`Layout.drag` from ``ALONG`` on, (n_pipes, 7)."""
    table = np.zeros((len(network.pipes), 7))
    for p, booster in boosters_of(network).items():
        if network.pipes[p] not in stopped:
            table[p] = booster.row
    return table


def boost_pumps(network: HeatNetwork) -> FloatArray:
    """Return best efficiency, its flow [kg/s] and number of pumps of each booster, (n_boosters, 3)."""
    rows = [
        (b.pump.efficiency, b.pump.best_kg_s, 2.0 if b.side == "both" else 1.0) for b in boosters_of(network).values()
    ]
    return reals(rows).reshape(-1, 3)


def unboosted(layout: Layout) -> Layout:
    """Return a layout whose boosters are off."""
    if not layout.drag[:, ALONG].any():
        return layout
    drag = layout.drag.copy()
    drag[:, ALONG] = 0.0
    return layout._replace(drag=drag)


def outside_rings(layout: Layout) -> Layout:
    """Return a layout whose boosters in rings, which may run slowly, are off."""
    inside = np.unique(layout.loop_pipe)
    if not layout.drag[inside, ALONG].any():
        return layout
    drag = layout.drag.copy()
    drag[inside, ALONG] = 0.0
    return layout._replace(drag=drag)


def boosters_head_pa(layout: Layout, flow_kg_s: FloatArray, drop_pa: FloatArray) -> FloatArray:
    """Return the head of each pipe's booster, (n_cases, n_pipes), from flows and net drops of that shape [Pa].

    Of a pair, one on each side, what each of them gives.
    """
    if not layout.drag[:, ALONG].any():
        return np.zeros_like(drop_pa)
    along, share = layout.drag[:, ALONG], np.maximum(layout.drag[:, SHARE], 0.5)
    return np.asarray(np.maximum(along * (drops(unboosted(layout), flow_kg_s) - drop_pa) / share, 0.0))


def lopsided_pa(network: HeatNetwork, layout: Layout, flow_kg_s: FloatArray, drop_pa: FloatArray) -> FloatArray:
    """Return by how much the return of each pipe drops more than the mean of both sides, (n_cases, n_pipes) [Pa].

    Counted from end A to end B like the drop of the supply, which drops as much less.
    """
    found = np.zeros_like(drop_pa)
    side = {p: booster.side for p, booster in boosters_of(network).items()}
    if any(s != "both" for s in side.values()):
        half = 0.5 * boosters_head_pa(layout, flow_kg_s, drop_pa)
        for p, s in side.items():
            found[:, p] = {"supply": 1.0, "return": -1.0, "both": 0.0}[s] * half[:, p]
    return found


def at_speed(layout: Layout, speed: FloatArray) -> Layout:
    """Return a layout whose boosters run at parts of their full speed, (n_pipes,) [-]."""
    if not layout.drag[:, ALONG].any():
        return layout
    drag = layout.drag.copy()
    drag[:, SPEED] = speed
    return layout._replace(drag=drag)


def surely_lifting(layout: Layout, flow_kg_s: FloatArray) -> Layout:
    """Return a layout without the boosters that cannot be counted on at the flows foreseen, (n_cases, n_pipes) [kg/s].

    Those in rings, which may run slowly, and those whose curve has ended, past which water passes freely.
    """
    sure = outside_rings(layout)
    drag = sure.drag
    if not drag[:, ALONG].any():
        return sure
    most = np.maximum(flow_kg_s, 0.0).max(axis=0)
    ended = drag[:, BOOST] <= (drag[:, SAG] + drag[:, BOW] * most) * most
    drag = drag.copy()
    drag[ended, ALONG] = 0.0
    return sure._replace(drag=drag)


def falling(layout: Layout) -> Layout:
    """Return a layout of convex drops: what boosters lift without flow is left out, all their fall is in.

    Their curves go on below nothing there, so that the drop is at least the real one with that head added to it.
    """
    if not layout.drag[:, ALONG].any():
        return layout
    drag = layout.drag.copy()
    drag[:, BOOST], drag[:, LEAST] = 0.0, -np.inf
    return layout._replace(drag=drag)


def still_head_pa(layout: Layout) -> FloatArray:
    """Return what each pipe's booster lifts without flow, (n_pipes,) [Pa]; of one half of the circuit."""
    drag = layout.drag
    head: FloatArray = np.abs(drag[:, ALONG]) * drag[:, SHARE] * drag[:, BOOST]
    return head
