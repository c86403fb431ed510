"""Rows that keep flats from being overheated: one way of making them, for the true building and for an estimate.

Both are a step ``x' = Φ x + B h + w`` over a unit, with h the heat to each flat and w what weather and people bring. A
kilowatt bought in unit u warms its flat and, through the walls, the neighbours, at the end of that unit and later; the
rows of a unit hold at its end and a few units on. Units that have not been traded yet are taken to be heated just
enough to stay at the lower end of comfort, as somebody will buy that much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.delivery.headroom import Headroom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.discretise import FloatArray

    IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pipework:
    """What is known of a building without measuring it: its risers and its substation.

    Attributes
    ----------
    substation
        Node of the supply.
    flats
        The flats.
    risers
        Riser of each flat.
    riser_kw, supply_kw
        Most that a riser, and the substation, can carry [kW].
    """

    substation: str
    flats: tuple[str, ...]
    risers: tuple[int, ...]
    riser_kw: float
    supply_kw: float

    @property
    def nodes(self) -> tuple[str, ...]:
        """The substation, then the flats."""
        return (self.substation, *self.flats)

    def loads(self, heat_kw: FloatArray) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
        """Return the load of each riser and the substation [kW], its bound, and the names of the limits."""
        member = self.membership()
        names = tuple(f"riser {chr(97 + r)} capacity" for r in range(len(member) - 1))
        bounds = np.append(np.full(len(member) - 1, self.riser_kw), self.supply_kw)
        return member @ heat_kw, bounds, (*names, f"{self.substation} capacity")

    def membership(self) -> FloatArray:
        """Return (risers + 1, flats) ones where a riser, or the substation, serves a flat."""
        riser = np.array(self.risers)
        member = (riser[None, :] == np.arange(riser.max() + 1)[:, None]).astype(float)
        return np.vstack([member, np.ones(len(riser))])


@dataclass(frozen=True, slots=True)
class RoomModel:
    """A building over one unit.

    Attributes
    ----------
    phi
        (m, m) Φ.
    heat
        (m, n) B, effect of a kilowatt to each flat [K/kW].
    air
        (n,) index of each flat's air among the states.
    """

    phi: FloatArray
    heat: FloatArray
    air: IntArray

    def responses(self, lags: Sequence[int]) -> FloatArray:
        """Return (lags, n, n) the change of the airs that many units after the end of the unit of the heat [K/kW]."""
        out, after, lag = [], self.heat, 0
        for wanted in lags:
            while lag < wanted:
                after, lag = self.phi @ after, lag + 1
            out.append(after[self.air])
        return np.array(out)


@dataclass(frozen=True, slots=True)
class ComfortBand:
    """What temperatures flats are held in.

    Attributes
    ----------
    coldest_c, warmest_c
        Band of the air [degC].
    rating_kw
        (n,) rating of the radiators [kW].
    lags
        Units after the end of a unit at which its rows hold too.
    """

    coldest_c: float
    warmest_c: float
    rating_kw: FloatArray
    lags: tuple[int, ...]


def outlook(
    model: RoomModel, band: ComfortBand, state: FloatArray, drive: FloatArray, heat_kw: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the airs (H, n) at the end of each unit with what is reserved, and with what will still be bought.

    Parameters
    ----------
    model, band
        The building and its band.
    state
        (m,) temperatures at the start of the first unit.
    drive
        (H, m) what weather and people bring in each unit.
    heat_kw
        (H, n) heat reserved [kW].
    """
    reserved, expected = np.empty_like(heat_kw), np.empty_like(heat_kw)
    gain = np.linalg.inv(model.heat[model.air])
    for k in range(len(heat_kw)):
        state = model.phi @ state + model.heat @ heat_kw[k] + drive[k]
        reserved[k] = state[model.air]
        wanted = gain @ (np.maximum(band.coldest_c, reserved[k]) - reserved[k])
        extra = np.clip(wanted, 0.0, np.maximum(band.rating_kw - heat_kw[k], 0.0))
        state = state + model.heat @ extra
        expected[k] = state[model.air]
    return reserved, expected


def comfort_headroom(
    units: Sequence[int],
    pipework: Pipework,
    band: ComfortBand,
    response: FloatArray,
    airs: tuple[FloatArray, FloatArray],
    margin: FloatArray,
    heat_kw: FloatArray,
) -> tuple[Headroom, ...]:
    """Return the rows of each unit: no flat overheated at its end or a few units on, no pipe beyond its capacity.

    Parameters
    ----------
    units
        The open units, one after the other.
    pipework, band
        What is known without measuring, and the band.
    response
        (lags, n, n) of :meth:`RoomModel.responses`.
    airs
        (H, n) of :func:`outlook`, for the open units.
    margin
        (H, n) what is taken off for not knowing better [K].
    heat_kw
        (H, n) heat reserved [kW].
    """
    n, reserved, expected = len(pipework.flats), *airs
    member, last = pipework.membership(), len(units) - 1
    slopes = np.zeros((len(band.lags) * n + len(member), n + 1))
    slopes[: len(band.lags) * n, 1:] = -response.reshape(-1, n)
    slopes[len(band.lags) * n :, 1:] = -member
    names = tuple(
        f"{flat} overheating" if lag == 0 else f"{flat} overheating {lag} units on"
        for lag in band.lags
        for flat in pipework.flats
    )
    out = []
    for k, unit in enumerate(units):
        slack = [
            band.warmest_c - (reserved[k] if lag == 0 else expected[min(k + lag, last)]) - margin[min(k + lag, last)]
            for lag in band.lags
        ]
        load, bound, pipes = pipework.loads(heat_kw[k])
        out.append(Headroom(unit, pipework.nodes, slopes, np.concatenate([*slack, bound - load]), (*names, *pipes)))
    return tuple(out)


def pipe_headroom(units: Sequence[int], pipework: Pipework, heat_kw: FloatArray) -> tuple[Headroom, ...]:
    """Return the rows of the pipes alone, about the heat reserved (H, n) [kW]: all that is known before an estimate."""
    slopes = np.hstack([np.zeros((len(pipework.membership()), 1)), -pipework.membership()])
    out = []
    for k, unit in enumerate(units):
        load, bound, pipes = pipework.loads(heat_kw[k])
        out.append(Headroom(unit, pipework.nodes, slopes, bound - load, pipes))
    return tuple(out)
