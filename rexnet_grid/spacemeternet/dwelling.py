"""The physics of a building of flats that heat each other: what generated buildings and true buildings are made of.

Every flat has the air in it and a mass behind a film; flats that touch may share a conductance::

    C_a dT_a/dt = H (T_out - T_a) + f (T_m - T_a) + Σ_j g_j (T_a,j - T_a) + q_a
    C_m dT_m/dt = f (T_a - T_m) + q_m

the two-state grey-box flat of Bacher and Madsen (2011), DOI 10.1016/j.enbuild.2011.02.005, with walls in between.
Capacities and heat losses are of the size of those in Germany's residential building typology (TABULA, DOI
10.1016/j.enpol.2014.01.009): 60 to 90 m², 45 to 90 W/K to outdoors, 35 to 80 Wh/(m² K) effective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.discretise import Discrete, discretise

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

AIR_SHARE_OF_SUN = 0.6
BURST_HOURS = 0.75


@dataclass(frozen=True, slots=True)
class Walls:
    """How flats touch.

    Attributes
    ----------
    names
        Of the flats, floor by floor.
    pairs
        Flats that touch on the floor plan.
    conductance_kw_k
        (pairs,) zero where nothing is exchanged.
    risers
        Riser (column) of each flat.
    places
        Position of each flat, for drawings.
    """

    names: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    conductance_kw_k: FloatArray
    risers: tuple[int, ...]
    places: dict[str, tuple[float, float]]

    @property
    def named_pairs(self) -> tuple[tuple[str, str], ...]:
        """The flats that touch, by name."""
        return tuple((self.names[i], self.names[j]) for i, j in self.pairs)


@dataclass(frozen=True, slots=True)
class Dwelling:
    """A building of n flats.

    Attributes
    ----------
    walls
        How they touch.
    loss_kw_k, film_kw_k
        (n,) to outdoors, and between air and mass [kW/K].
    capacity_kwh_k
        (2 n,) of airs, then of masses [kWh/K].
    aperture_m2
        (n,) area that turns irradiance on the façade into heat [m²].
    """

    walls: Walls
    loss_kw_k: FloatArray
    film_kw_k: FloatArray
    capacity_kwh_k: FloatArray
    aperture_m2: FloatArray

    def model(self, hours: float) -> Discrete:
        """Return the building over a step of ``hours`` [h]; inputs are the outdoor air and the power to each air."""
        n = len(self.loss_kw_k)
        network = np.zeros((2 * n, 2 * n))
        air = np.arange(n)
        joints = [*self.walls.pairs, *((k, n + k) for k in range(n))]
        conductances = [*self.walls.conductance_kw_k.tolist(), *self.film_kw_k.tolist()]
        for (a, b), g in zip(joints, conductances, strict=True):
            network[[a, b], [a, b]] += g
            network[[a, b], [b, a]] -= g
        network[air, air] += self.loss_kw_k
        power = np.zeros((2 * n, n + 1))
        power[air, 0] = self.loss_kw_k
        power[air, 1 + air] = 1.0
        return discretise(self.capacity_kwh_k, network, power, np.zeros((2 * n, 2 * n)), hours)

    def sun_kw(self, sun_kw_m2: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sun's heat to airs and to masses (N, n) [kW] at irradiances (N,) [kW/m²]."""
        whole = self.aperture_m2 * sun_kw_m2[:, None]
        return AIR_SHARE_OF_SUN * whole, (1.0 - AIR_SHARE_OF_SUN) * whole


def advance(
    model: Discrete, state: FloatArray, outdoor_c: float, air_kw: FloatArray, mass_kw: FloatArray
) -> FloatArray:
    """Return the temperatures (2 n,) after a step; what the masses take is added at its end, so energy is kept."""
    n = len(air_kw)
    after = model.phi @ state + model.gamma0 @ np.concatenate([[outdoor_c], air_kw])
    after[n:] += mass_kw * model.step / model.capacity[n:]
    return np.asarray(after)


def draw_walls(rng: np.random.Generator, floors: int, columns: int, coupled_share: float) -> Walls:
    """Draw which flats of a grid of floors and columns exchange heat, and how much.

    Walls between flats conduct 15 to 50 W/K (20 m² of brick or concrete), floors 40 to 120 W/K (75 m²).
    """
    names = tuple(f"flat {floor}{chr(97 + column)}" for floor in range(floors) for column in range(columns))
    pairs = []
    for floor in range(floors):
        for column in range(columns):
            k = floor * columns + column
            if column + 1 < columns:
                pairs.append((k, k + 1))
            if floor + 1 < floors:
                pairs.append((k, k + columns))
    coupled = rng.random(len(pairs)) < coupled_share
    upright = np.array([j - i == 1 for i, j in pairs], dtype=bool)
    lowest, highest = np.where(upright, 0.015, 0.04), np.where(upright, 0.05, 0.12)
    conductance = np.where(coupled, np.exp(rng.uniform(np.log(lowest), np.log(highest))), 0.0)
    places = {name: (float(k % columns), float(k // columns)) for k, name in enumerate(names)}
    return Walls(names, tuple(pairs), conductance, tuple(k % columns for k in range(len(names))), places)


def draw_dwelling(rng: np.random.Generator, walls: Walls) -> Dwelling:
    """Draw the flats between given walls."""
    n = len(walls.names)
    area = rng.uniform(60.0, 90.0, n)
    loss = rng.uniform(0.045, 0.09, n)
    capacity = np.concatenate([area * rng.uniform(0.006, 0.012, n), area * rng.uniform(0.03, 0.07, n)])
    film = area * rng.uniform(0.006, 0.012, n)
    return Dwelling(walls, loss, film, capacity, rng.uniform(0.5, 3.0, n))


def draw_gains(rng: np.random.Generator, n: int, hour: FloatArray, step_h: float) -> FloatArray:
    """Draw unmetered gains [kW] (N, n): a base, people at home, and short bursts of cooking.

    Parameters
    ----------
    rng
        Source of everything random.
    n
        Number of flats.
    hour
        (N,) time of day [h].
    step_h
        Length of a step [h].
    """
    steps, burst = len(hour), max(round(BURST_HOURS / step_h), 1)
    out = np.empty((steps, n))
    for flat in range(n):
        home = (hour < rng.uniform(7.0, 9.0)) | (hour > rng.uniform(15.0, 19.0))
        cooking = np.repeat(rng.random(steps // burst + 1) < 0.04, burst)[:steps]
        out[:, flat] = rng.uniform(0.05, 0.15) + home * rng.uniform(0.1, 0.3) + cooking * home * rng.uniform(0.3, 1.0)
    return out


def draw_targets(rng: np.random.Generator, n: int, hour: FloatArray, step_h: float) -> FloatArray:
    """Draw set-points [degC] (N, n): by night set back at an hour of the flat's own, changed now and then."""
    steps = len(hour)
    day = np.arange(steps) // max(round(24.0 / step_h), 1)
    out = np.empty((steps, n))
    for flat in range(n):
        comfort = rng.uniform(19.5, 22.5) + rng.normal(0.0, 0.4, day[-1] + 1)[day]
        start, end = rng.uniform(21.0, 24.0), rng.uniform(4.5, 7.5)
        out[:, flat] = comfort - rng.uniform(1.5, 4.0) * ((hour >= start) | (hour < end))
    return out


def live_with_thermostats(
    dwelling: Dwelling,
    step_h: float,
    outdoor_c: FloatArray,
    sun_kw_m2: FloatArray,
    gains_kw: FloatArray,
    targets_c: FloatArray,
    largest_kw: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return air temperatures at the start of each step [degC], heat over it [kW], (N, n), and the state at the end.

    Parameters
    ----------
    dwelling
        The building.
    step_h
        Length of a step [h].
    outdoor_c, sun_kw_m2
        (N,) weather.
    gains_kw, targets_c
        (N, n) of :func:`draw_gains` and :func:`draw_targets`.
    largest_kw
        (n,) rating of the radiators [kW].
    """
    n, steps = len(largest_kw), len(outdoor_c)
    model = dwelling.model(step_h)
    to_air, into_mass = dwelling.sun_kw(sun_kw_m2)
    state = np.concatenate([targets_c[0], targets_c[0] - 0.5])
    temperature, heat = np.empty((steps, n)), np.empty((steps, n))
    integral = np.zeros(n)
    for k in range(steps):
        temperature[k] = state[:n]
        error = targets_c[k] - state[:n]
        integral = np.clip(integral + 0.08 * step_h * error, 0.0, 1.0)
        heat[k] = largest_kw * np.clip(0.6 * error + integral, 0.0, 1.0)
        state = advance(model, state, float(outdoor_c[k]), heat[k] + gains_kw[k] + to_air[k], into_mass[k])
    return temperature, heat, state
