"""The estimate in the loop, for a building: which flats heat each other, learned from the meters of the run so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet.comfort import ComfortBand, Pipework, comfort_headroom, outlook, pipe_headroom
from rexnet_grid.spacemeternet.constraints import margin_factor
from rexnet_grid.spacemeternet.roomoutlook import FittedRooms
from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import Headroom
    from rexnet_grid.spacemeternet.discretise import FloatArray

    IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LearningRules:
    """When a building is estimated, from what, and how cautiously it is used.

    Attributes
    ----------
    warm_up_units, refit_every, window_units
        Readings before the first estimate, between two, and at most looked back on.
    confidence
        One-sided confidence of each row.
    candidate_edges
        Flats that touch on the floor plan; None if there is no plan.
    """

    warm_up_units: int = 288
    refit_every: int = 96
    window_units: int = 96 * 28
    confidence: float = 0.95
    candidate_edges: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class BuildingWeather:
    """The weather station of a building, by unit; the last entry goes on.

    Attributes
    ----------
    outdoor_c, sun_kw_m2
        (N,) outdoor temperature [degC] and irradiance [kW/m²].
    first_hour
        Hour of the day at which the first entry begins, UTC [h].
    """

    outdoor_c: FloatArray
    sun_kw_m2: FloatArray
    first_hour: float = 0.0

    def at(self, units: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return both in ``units``."""
        rows = np.clip(units, 0, len(self.outdoor_c) - 1)
        return self.outdoor_c[rows], self.sun_kw_m2[rows]


@dataclass(frozen=True, slots=True)
class History:
    """Readings from before the run: airs at the start of each step [degC], heat over it [kW], and the weather."""

    air_c: FloatArray
    heat_kw: FloatArray
    weather: BuildingWeather


class LearnedComfortHeadroom:
    """Headroom rows of flats' temperatures, from what their meters have shown so far.

    Parameters
    ----------
    pipework, band
        What is known without measuring, and the band to keep.
    weather
        The weather station.
    hours
        Length of a unit [h].
    rules
        When to estimate.
    history
        Readings from before the run.
    """

    def __init__(
        self,
        pipework: Pipework,
        band: ComfortBand,
        weather: BuildingWeather,
        hours: float,
        rules: LearningRules,
        history: History | None = None,
    ) -> None:
        self.pipework, self.band, self.weather, self.hours, self.rules = pipework, band, weather, hours, rules
        n = len(pipework.flats)
        before = history or History(np.empty((0, n)), np.empty((0, n)), BuildingWeather(np.empty(0), np.empty(0)))
        outdoor, sun = before.weather.outdoor_c, before.weather.sun_kw_m2
        self._heat, self._outdoor, self._sun = list(before.heat_kw), list(outdoor), list(sun)
        self._air: list[FloatArray] = list(before.air_c)
        self._open: FloatArray | None = None
        self._units = 0
        self._before = len(self._air)
        self._since_fit = 0
        self._rooms: FittedRooms | None = None
        self._state = np.zeros(0)
        self.estimate: ThermalSpaceNet | None = None
        self.refused = ""
        self.fresh = False

    @property
    def knows(self) -> bool:
        """Whether there is an estimate to act on."""
        return self._rooms is not None

    def append(self, air_c: FloatArray, heat_kw: FloatArray) -> bool:
        """Take in the airs at a unit's end [degC] and its heat [kW], (n,); return whether it estimated anew."""
        outdoor, sun = self.weather.at(np.array([self._units, self._units + 1]))
        if self._open is None and self._before:
            self._open = np.full(len(air_c), np.nan)  # the run goes on where the history ends, unread
        if self._open is not None:
            self._air.append(self._open)
            self._heat.append(heat_kw)
            self._outdoor.append(float(outdoor[0]))
            self._sun.append(float(sun[0]))
        if self._rooms is not None:
            drive = self._rooms.drive(outdoor, sun[:1], self._clock(self._units, 1))[0]
            ahead = self._rooms.rooms.phi @ self._state + self._rooms.rooms.heat @ heat_kw + drive
            self._state = self._rooms.correct(ahead, air_c)
        self._open = air_c
        self._units += 1
        self._since_fit += 1
        ready = len(self._air) >= self.rules.warm_up_units
        if ready and (not self.knows or self._since_fit >= self.rules.refit_every):
            return self._fit()
        return False

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return the rows of each open unit about the positions (n_units, nodes) [kW]; at first the pipes' only."""
        heat = np.maximum(-np.asarray(position_kw, dtype=np.float64)[:, 1:], 0.0)
        if self._rooms is None and not self._units and len(self._air) >= self.rules.warm_up_units and not self.refused:
            self._fit()
        if self._rooms is None:
            return pipe_headroom(units, self.pipework, heat)
        first = self._units
        before, horizon = units[0] - first, units[-1] + 1 - first
        outdoor, sun = self.weather.at(np.arange(first, first + horizon + 1))
        drive = self._rooms.drive(outdoor, sun[:-1], self._clock(first, horizon))
        whole = np.vstack([np.zeros((before, heat.shape[1])), heat])
        airs = outlook(self._rooms.rooms, self.band, self._state, drive, whole)
        spread = self._rooms.spread_k[np.minimum(np.arange(before, horizon), len(self._rooms.spread_k) - 1)]
        margin = margin_factor(self.rules.confidence) * spread
        response = self._rooms.rooms.responses(self.band.lags)
        ahead = airs[0][before:], airs[1][before:]
        return comfort_headroom(units, self.pipework, self.band, response, ahead, margin, heat)

    def save(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes back: all that is acted on, not how it was found."""
        names = ("_air", "_heat", "_outdoor", "_sun", "_open", "_units", "_before", "_since_fit", "_rooms", "_state")
        return {**{name: getattr(self, name) for name in names}, "refused": self.refused}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)

    def _row(self, rows: int) -> int:
        """Return the unit of the first of the last ``rows`` rows; negative before the run."""
        return len(self._air) - rows - self._before + (0 if self._before else 1)

    def _clock(self, first: int, units: int) -> FloatArray:
        """Return the hour of the day, UTC, at which units from ``first`` on begin."""
        return np.asarray((self.weather.first_hour + self.hours * np.arange(first, first + units)) % 24.0)

    def _fit(self) -> bool:
        import pandas as pd

        window = slice(-self.rules.window_units, None)
        air, heat = np.array(self._air[window]), np.array(self._heat[window])
        begin = pd.Timestamp("2000-01-01", tz="UTC") + pd.Timedelta(hours=float(self._clock(self._row(len(air)), 1)[0]))
        index = pd.date_range(begin, periods=len(air), freq=pd.Timedelta(hours=self.hours))
        names = list(self.pipework.flats)
        outdoor_c = pd.Series(self._outdoor[window], index)
        sun_w_m2 = pd.Series(1000.0 * np.array(self._sun[window]), index)
        tables = pd.DataFrame(air, index, names), pd.DataFrame(heat, index, names)
        self._since_fit = 0
        try:
            net = ThermalSpaceNet(self.rules.candidate_edges, states=2, lived_in=False)
            net.fit(*tables, outdoor_c, sun_w_m2)
        except MeterDataError as error:
            self.refused = str(error)
            return False
        self.estimate, self.refused, self.fresh = net, "", True
        self._rooms = FittedRooms.of(net.fit_, 2 * round(24.0 / self.hours))
        last = self._rooms.first_state(net.fit_)
        outdoor = np.array([self._outdoor[-1], self.weather.at(np.array([self._units]))[0][0]])
        ahead = self._rooms.rooms.phi @ last + self._rooms.rooms.heat @ self._heat[-1]
        ahead = ahead + self._rooms.drive(outdoor, np.array(self._sun[-1:]), self._clock(self._row(1), 1))[0]
        self._state = self._rooms.correct(ahead, self._open if self._open is not None else np.full(len(names), np.nan))
        return True
