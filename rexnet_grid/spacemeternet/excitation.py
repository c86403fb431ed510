"""What the data can and cannot identify, said before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.plausibility import strangers
from rexnet_grid.spacemeternet.reach import Reach, reach

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.zonemodel import Pair, ZoneData

_ALIKE = 0.98
_COLLINEAR_SUN = 0.9
_LITTLE_HEAT = 0.2
_SMALL_DIFFERENCE_K = 0.3
_SHORT_DAYS = 7.0
_LITTLE_W_PER_K, _LITTLE_W = 9.0, 600.0
_MUCH_W_PER_K = 1500.0
_USUAL = 0.99


@dataclass(frozen=True, slots=True)
class Excitation:
    """Remarks on what a building's readings can tell.

    Attributes
    ----------
    remarks
        One sentence each; empty if nothing stands in the way.
    reach
        What the inputs and readings of the candidate model reach.
    """

    remarks: tuple[str, ...]
    reach: Reach

    def __str__(self) -> str:
        """Return the remarks, one below the other."""
        return "\n".join(self.remarks) or "nothing in the readings stands in the way of the estimate"


def excitation(data: ZoneData, pairs: tuple[Pair, ...] | None = None, states: int = 2) -> Excitation:
    """Examine a building's readings and the candidate model with ``pairs`` of zones (all if None) and ``states`` each.

    Reported are: zones without heat of their own (not reachable except through their neighbours), pairs of zones whose
    temperatures run alike (their conductance is not observable), heat that follows the reading (closed loop), circuits
    of several zones, sun that runs with the heat or the outdoor temperature, heat of an odd size for rooms (energies of
    a step taken for powers), and data too short for the masses. Of the
    candidate model: zones that metered heat cannot reach or hardly moves, and states that inputs do not reach or
    readings do not show.
    """
    out: list[str] = []
    days = len(data.temperature) * data.step / 24.0
    if days < _SHORT_DAYS:
        out.append(f"{days:.1f} days are short: heavy masses and edges between calm zones will stay undetermined")
    heated = {z for c in data.circuits for z in c.zones}
    if not data.circuits:
        out.append("no power is metered: conductances have no size, only their ratios are in the data")
    elif cold := [z for k, z in enumerate(data.zones) if k not in heated]:
        out.append(f"{', '.join(cold)}: no heat of their own; they are seen only through their neighbours")
    for circuit in data.circuits:
        if len(circuit.zones) > 1:
            names = ", ".join(data.zones[z] for z in circuit.zones)
            out.append(f"circuit {circuit.name}: one meter for {names}; the shares rest on a prior")
    within = tuple(combinations(range(len(data.zones)), 2)) if pairs is None else pairs
    found = reach(data, within, states)
    out += _out_of_reach(data, found)
    out += _odd_sizes(data)
    out += _of_other_circuits(data)
    out += _calm_pairs(data)
    out += _closed_loops(data)
    out += _collinear_sun(data)
    return Excitation(tuple(out), found)


def _out_of_reach(data: ZoneData, found: Reach) -> list[str]:
    out = []
    if data.circuits and found.cut_off:
        out.append(f"{', '.join(found.cut_off)}: no metered heat reaches them through the candidate edges")
    weak = [
        f"{zone} ({swing:.2f} K)"
        for zone, swing in zip(data.zones, found.swing_k, strict=True)
        if data.circuits and zone not in found.cut_off and swing < _SMALL_DIFFERENCE_K
    ]
    if weak:
        out.append(f"{', '.join(weak)}: the metered heat hardly moves them; their numbers rest on sun and weather")
    for kind, rank, what in (
        ("reachable", found.reachable, "no input moves the rest"),
        ("observable", found.observable, "no reading shows the rest"),
    ):
        if rank < found.states:
            out.append(f"{rank} of {found.states} states of the candidate model are {kind}: {what} on its own")
    return out


def _odd_sizes(data: ZoneData) -> list[str]:
    """Say where heat is of an odd size for rooms: energies of a step, or a register in another unit, taken for kW.

    Rooms and flats take some 14 to 140 W a zone for each kelvin above outdoors, and radiators give 800 W and more. Less
    than 9 W/K *and* less than 600 W in the middle zone speaks for kWh of a quarter hour, unless the house is a passive
    one; a well insulated flat whose kW are a quarter still looks like a room, and is not seen.
    """
    if not data.circuits:
        return []
    shared = np.array([c.shared_by for c in data.circuits])
    zones = [list(c.zones) for c in data.circuits]
    excess = np.array([np.nanmean(data.temperature[:, z]) for z in zones]) - data.boundary[:, 0].mean()
    if excess.min() <= 1.0:
        return []
    a_kelvin = float(np.median(1000.0 * data.heat.mean(axis=0) / shared / excess))
    most = float(np.median(1000.0 * np.quantile(data.heat, _USUAL, axis=0) / shared))
    size = f"heat of {a_kelvin:.2g} W a zone for each kelvin above outdoors"
    if 0.0 < a_kelvin < _LITTLE_W_PER_K and most < _LITTLE_W and data.step < 1.0:
        times = 1.0 / data.step
        looks = f"it looks like kWh of a step (kW are {times:.3g} times as much) or like a passive house"
        return [
            f"{size}, {most:.0f} W at most, is little for rooms: {looks}; conductances come out as many times too small"
        ]
    if a_kelvin > _MUCH_W_PER_K:
        return [
            f"{size} is much for rooms: it looks like W, or like a register of kWh taken for GJ (278 times too much)"
        ]
    return []


def _of_other_circuits(data: ZoneData) -> list[str]:
    strange = strangers(data)
    if not strange:
        return []
    said = "warm with another circuit's heat rather than with their own; are columns swapped? every edge is left open"
    return [f"{', '.join(strange)}: {said}"]


def _calm_pairs(data: ZoneData) -> list[str]:
    out = []
    for i in range(len(data.zones)):
        for j in range(i + 1, len(data.zones)):
            difference = data.temperature[:, i] - data.temperature[:, j]
            known = difference[np.isfinite(difference)]
            if len(known) and known.std() < _SMALL_DIFFERENCE_K and abs(known.mean()) < _SMALL_DIFFERENCE_K:
                out.append(
                    f"{data.zones[i]} and {data.zones[j]} are always equally warm: what flows between is not seen"
                )
    return out


def _closed_loops(data: ZoneData) -> list[str]:
    out = []
    for column, circuit in enumerate(data.circuits):
        heat = data.heat[:, column]
        if heat.std() < _LITTLE_HEAT * max(abs(float(heat.mean())), 1e-12):
            out.append(f"circuit {circuit.name}: the heat hardly changes; capacities will be uncertain")
        for zone in circuit.zones:
            reading = data.temperature[:, zone]
            known = np.isfinite(reading)
            if known.any() and reading[known].std() < _SMALL_DIFFERENCE_K:
                out.append(f"{data.zones[zone]}: a thermostat holds the temperature; heat and loss are confounded")
    return out


def _collinear_sun(data: ZoneData) -> list[str]:
    if data.sun is None or data.sun.std() == 0.0:
        return []
    out = []
    if abs(float(np.corrcoef(data.sun, data.boundary[:, 0])[0, 1])) > _COLLINEAR_SUN:
        out.append("sun and outdoor temperature run together: apertures and losses are confounded")
    for column, circuit in enumerate(data.circuits):
        heat = data.heat[:, column]
        if heat.std() > 0.0 and abs(float(np.corrcoef(data.sun, heat)[0, 1])) > _COLLINEAR_SUN:
            out.append(f"circuit {circuit.name}: sun and heat run together")
    for a in range(len(data.circuits)):
        for b in range(a + 1, len(data.circuits)):
            both = data.heat[:, [a, b]]
            if both.std(axis=0).min() > 0.0 and float(np.atleast_2d(np.corrcoef(both.T))[0, 1]) > _ALIKE:
                names = f"{data.circuits[a].name} and {data.circuits[b].name}"
                out.append(f"circuits {names} run alike: whose heat warms a zone is not seen")
    return out
