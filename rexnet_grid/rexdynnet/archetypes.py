"""Grey-box buildings from what is known of them: a kind and a floor area, a 1R1C building, or an estimator's fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.rexdynnet.buildings import WATT_PER_KILOWATT, Building
from rexnet_grid.rexdynnet.greybox import GreyBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.rexdynnet.arrays import FloatArray

Order = Literal[1, 2, 3]
Heater = Literal["radiator", "floor"]
ORDERS: tuple[Order, ...] = (1, 2, 3)
HEATERS: tuple[Heater, ...] = ("radiator", "floor")

VENTILATION_W_M2K = 0.51
"""TABULA: 0.6 air changes an hour, 2.5 m room height, 0.34 Wh/(m3 K)."""
LARGEST_VENTILATION_SHARE = 0.6
ROOM_CAPACITY_WH_M2K = 10.0 / 3.6
"""Air and furniture, 10 kJ/(m2 K): ISO 52016-1, 6.5.11."""
SURFACE_W_M2K = 1.0 / (1.0 / (3.45 * 4.5) + 1.0 / (9.1 * 2.5))
"""EN ISO 13790, 7.2.2.2: h_is 3.45 W/(m2 K) on 4.5 m2 of surface, in series with h_ms 9.1 W/(m2 K) on 2.5 m2 of
effective mass, a m2 of floor."""
SOLAR_TO_ROOM = 0.3
GAIN_TO_ROOM = 0.5
"""EN ISO 13790, C.2: half of internal gains reaches the air at once."""
RADIATOR_KWH_K_PER_KW = 0.0085
"""Panel radiators: about 5 kg of water and 20 kg of steel a kilowatt at 75/65/20."""
RADIATOR_EXCESS_K = 30.0
SCREED_WH_M2K = 36.0
"""65 mm of screed, 2000 kg/m3, 1000 J/(kg K)."""
FLOOR_FILM_W_M2K = 10.8
"""Heated floor to room, EN 1264-2 and EN 15377."""
DESIGN_SPREAD_K = 32.0


_BEGINNINGS = {
    "outdoor": ("outdoor", "ambient"),
    "sun": ("sun", "solar", "irradiance"),
    "heat": ("heat",),
    "gain": ("one", "gain"),
    "wave": ("cos ", "sin "),
}


class StateSpaceLike(Protocol):
    """A fitted building in continuous time, such as ``ThermalSpaceNet.state_space_``.

    ``A`` (n, n) [1/h] and ``B`` (n, inputs) with heat in kW, temperatures in degC, irradiance in kW/m2.
    """

    @property
    def A(self) -> FloatArray: ...  # noqa: D102, N802
    @property
    def B(self) -> FloatArray: ...  # noqa: D102, N802
    @property
    def states(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def inputs(self) -> tuple[str, ...]: ...  # noqa: D102


def from_building(building: Building) -> GreyBox:
    """Return a 1R1C building as a grey box."""
    return GreyBox(
        states=("room",),
        capacity_kwh_k=(building.capacity_kwh_k,),
        links=(),
        outdoor_kw_k=(building.heat_loss_kw_k,),
        heat_share=(1.0,),
        gain_share=(1.0,),
        solar_m2=(building.solar_aperture_m2,),
        internal_gain_kw=building.internal_gain_kw,
    )


def from_archetype(name: str, floor_area_m2: float, order: Order = 2, heater: Heater = "radiator") -> GreyBox:
    """Return the building of a kind of :data:`~rexnet_grid.rexdynnet.buildings.ARCHETYPES` as a grey box.

    Order 2 splits it into the room (air and furniture; ventilation leaves from here) and its mass, with the surfaces of
    EN ISO 13790 between them; order 3 adds the heater: radiators or the screed of a heated floor. The conductance of
    the mass to outdoors is such that the room loses in the steady state what the 1R1C building loses.

    Parameters
    ----------
    name
        The kind, such as ``"house_1980s"``.
    floor_area_m2
        Heated floor [m2].
    order
        Number of capacities.
    heater
        ``"radiator"`` or ``"floor"``; matters for order 3.

    Raises
    ------
    InputError
        With everything that is unknown or impossible.
    """
    issues = []
    if order not in ORDERS:
        issues.append(Issue("building", "order", str(order), "1, 2 or 3"))
    if heater not in HEATERS:
        issues.append(Issue("building", "heater", heater, "radiator or floor", did_you_mean(heater, HEATERS)))
    try:
        simple = Building.archetype(name, floor_area_m2)
    except InputError as error:
        raise InputError([*error.issues, *issues]) from None
    if issues:
        raise InputError(issues)
    if order == 1:
        return from_building(simple)
    per_k = floor_area_m2 / WATT_PER_KILOWATT
    ventilation = min(VENTILATION_W_M2K * per_k, LARGEST_VENTILATION_SHARE * simple.heat_loss_kw_k)
    surface, through = SURFACE_W_M2K * per_k, simple.heat_loss_kw_k - ventilation
    room = ROOM_CAPACITY_WH_M2K * per_k
    sun = simple.solar_aperture_m2
    capacity: tuple[float, ...] = (room, simple.capacity_kwh_k - room)
    links: tuple[tuple[int, int, float], ...] = ((0, 1, surface),)
    more: tuple[float, ...] = ()
    if order == 3:
        warm = _heater(heater, simple, floor_area_m2)
        capacity, links, more = (*capacity, warm[0]), (*links, (0, 2, warm[1])), (0.0,)
    return GreyBox(
        states=("room", "mass", "heater")[:order],
        capacity_kwh_k=capacity,
        links=links,
        outdoor_kw_k=(ventilation, 1.0 / (1.0 / through - 1.0 / surface), *more),
        heat_share=(0.0, 0.0, 1.0) if order == 3 else (1.0, 0.0),
        gain_share=(GAIN_TO_ROOM, 1.0 - GAIN_TO_ROOM, *more),
        solar_m2=(SOLAR_TO_ROOM * sun, (1.0 - SOLAR_TO_ROOM) * sun, *more),
        internal_gain_kw=simple.internal_gain_kw,
    )


def _heater(heater: Heater, building: Building, floor_area_m2: float) -> tuple[float, float]:
    """Return capacity [kWh/K] and conductance to the room [kW/K] of a heater sized for the building."""
    if heater == "floor":
        return SCREED_WH_M2K * floor_area_m2 / WATT_PER_KILOWATT, FLOOR_FILM_W_M2K * floor_area_m2 / WATT_PER_KILOWATT
    design_kw = building.heat_loss_kw_k * DESIGN_SPREAD_K
    return RADIATOR_KWH_K_PER_KW * design_kw, design_kw / RADIATOR_EXCESS_K


def from_state_space(space: StateSpaceLike) -> GreyBox:
    """Return the building that SpaceMeterNet (or anybody else) has estimated from meters.

    Capacities follow from the matrices alone: where the heat enters, C = 1 / B; from there over every link, because
    heat that leaves one state enters the other, :math:`C_i A_{ij} = C_j A_{ji}`.

    Parameters
    ----------
    space
        The state space, one heated zone; the first state is the room that is read. Inputs are told apart by how their
        names begin: ``outdoor`` or ``ambient``, ``sun`` or ``solar``, ``heat``, and ``one`` for a constant gain.
        Gains that follow the time of day as waves, ``cos 1/day`` and the like, add up to nothing over a day and are
        left out.

    Raises
    ------
    InputError
        When the state space is not that of one building.
    """
    a, b, names = np.asarray(space.A), np.asarray(space.B), list(space.inputs)
    kinds = [_kind(name) for name in names]
    columns = {kind: [k for k, found in enumerate(kinds) if found == kind] for kind in (*_BEGINNINGS, "")}
    counts = {kind: len(found) for kind, found in columns.items()}
    if counts["heat"] != 1 or counts["outdoor"] != 1 or counts["sun"] > 1 or counts["gain"] > 1 or counts[""]:
        expected = "one input of heat, one outdoor temperature and at most one irradiance"
        raise InputError([Issue("state space", "inputs", ", ".join(names), expected, "fit one zone at a time")])
    warm = b[:, columns["heat"][0]]
    capacity = _capacities(a, warm)
    if capacity is None:
        text = "heat that enters one state, and links that run both ways"
        raise InputError([Issue("state space", "A, B", f"{np.count_nonzero(warm)} heated states", text)])
    n = len(a)
    links = tuple(
        (i, j, float(capacity[i] * a[i, j])) for i in range(n) for j in range(i + 1, n) if capacity[i] * a[i, j] > 0.0
    )
    sun = b[:, columns["sun"][0]] * capacity if columns["sun"] else np.zeros(n)
    gain = b[:, columns["gain"][0]] * capacity if columns["gain"] else np.zeros(n)
    total = float(gain.sum())
    even = total != 0.0 and bool((gain / total >= 0.0).all())
    return GreyBox(
        states=tuple(space.states),
        capacity_kwh_k=tuple(capacity.tolist()),
        links=links,
        outdoor_kw_k=tuple(np.maximum(b[:, columns["outdoor"][0]] * capacity, 0.0).tolist()),
        heat_share=tuple((warm * capacity).tolist()),
        gain_share=tuple((gain / total).tolist()) if even else (1.0, *(0.0,) * (n - 1)),
        solar_m2=tuple(np.maximum(sun, 0.0).tolist()),
        internal_gain_kw=total,
    )


def _kind(name: str) -> str:
    low = name.lower()
    return next((kind for kind, words in _BEGINNINGS.items() if low.startswith(words)), "")


def _capacities(a: FloatArray, warm: FloatArray) -> FloatArray | None:
    """Return the heat capacities [kWh/K] that a state space implies; None where they do not follow."""
    heated = np.flatnonzero(warm > 0.0)
    if len(heated) != 1:
        return None
    capacity = np.full(len(a), np.nan)
    capacity[heated[0]] = 1.0 / warm[heated[0]]
    pending: Sequence[int] = heated.tolist()
    while pending:
        found = []
        for i in pending:
            for j in np.flatnonzero((a[i] > 0.0) & np.isnan(capacity)).tolist():
                if not a[j, i] > 0.0:
                    return None
                capacity[j] = capacity[i] * a[i, j] / a[j, i]
                found.append(j)
        pending = found
    return None if np.isnan(capacity).any() else capacity
