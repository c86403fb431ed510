"""A generator of buildings whose coupling is known: what SpaceMeterNet is tried on.

Flats stand in floors and columns. Flats that touch may or may not exchange heat (a staircase, an insulated wall); air
and a hidden mass in each, gains that nobody meters, set-points that differ, night set-back at different hours, and
meters with noise. Capacities and heat losses are of the size of those in Germany's residential building typology
(TABULA, DOI 10.1016/j.enpol.2014.01.009): 60 to 90 m², 45 to 90 W/K to outdoors, 35 to 80 Wh/(m² K) effective.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.discretise import discretise

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_STEP_H = 0.25
_STEPS_PER_DAY = 96


@dataclass(frozen=True, slots=True)
class BuildingPlan:
    """What a generated building looks like.

    Walls between flats conduct 15 to 50 W/K (20 m² of brick or concrete), floors 40 to 120 W/K (75 m²).

    Attributes
    ----------
    floors, columns
        Flats stand in a grid of this size.
    days
        Length of the readings [d].
    coupled_share
        Share of touching pairs that exchange heat.
    meter_noise_k
        Standard deviation of a reading [K].
    missing_share
        Share of readings lost at random.
    gap_days
        Length of one gap in all temperatures in the middle [d].
    """

    floors: int = 5
    columns: int = 4
    days: int = 28
    coupled_share: float = 0.7
    meter_noise_k: float = 0.1
    missing_share: float = 0.0
    gap_days: float = 0.0


@dataclass(frozen=True, slots=True)
class GeneratedBuilding:
    """Readings of a generated building and the truth about it.

    Attributes
    ----------
    temperatures_c, heat_kw, outdoor_c, solar_w_m2
        As :class:`rexnet_grid.spacemeternet.ThermalSpaceNet` takes them.
    truth
        Graph of the flats, edges with ``conductance_w_k``.
    candidates
        Pairs that touch on the floor plan.
    places
        Position of each flat, for drawings.
    """

    temperatures_c: pd.DataFrame
    heat_kw: pd.DataFrame
    outdoor_c: pd.Series
    solar_w_m2: pd.Series
    truth: nx.Graph
    candidates: tuple[tuple[str, str], ...]
    places: dict[str, tuple[float, float]]


def generate_building(rng: np.random.Generator, plan: BuildingPlan | None = None) -> GeneratedBuilding:
    """Draw a building, live in it, and read its meters.

    Parameters
    ----------
    rng
        Source of everything random.
    plan
        Size and faults; 20 flats over 28 days by default.
    """
    plan = plan or BuildingPlan()
    n = plan.floors * plan.columns
    names = [f"flat {floor}{chr(97 + column)}" for floor in range(plan.floors) for column in range(plan.columns)]
    candidates = _touching(plan)
    coupled = rng.random(len(candidates)) < plan.coupled_share
    upright = np.array([j - i == 1 for i, j in candidates])
    lowest, highest = np.where(upright, 0.015, 0.04), np.where(upright, 0.05, 0.12)
    conductance = np.where(coupled, np.exp(rng.uniform(np.log(lowest), np.log(highest))), 0.0)
    steps = plan.days * _STEPS_PER_DAY
    outdoor, sun = _weather(rng, steps)
    temperature, heat = _live(rng, n, candidates, conductance, outdoor, sun)
    readings = temperature + rng.normal(0.0, plan.meter_noise_k, temperature.shape)
    readings[rng.random(readings.shape) < plan.missing_share] = np.nan
    gap = int(plan.gap_days * _STEPS_PER_DAY)
    readings[steps // 2 : steps // 2 + gap] = np.nan
    truth: nx.Graph = nx.Graph()
    truth.add_nodes_from(names)
    for (i, j), g in zip(candidates, conductance.tolist(), strict=True):
        if g > 0.0:
            truth.add_edge(names[i], names[j], conductance_w_k=1000.0 * g)
    index = pd.date_range("2026-01-05", periods=steps, freq="15min", tz="UTC")
    return GeneratedBuilding(
        pd.DataFrame(readings, index, names),
        pd.DataFrame(heat, index, names),
        pd.Series(outdoor, index, name="outdoor_c"),
        pd.Series(1000.0 * sun, index, name="solar_w_m2"),
        truth,
        tuple((names[i], names[j]) for i, j in candidates),
        {name: (float(k % plan.columns), -float(k // plan.columns)) for k, name in enumerate(names)},
    )


def _touching(plan: BuildingPlan) -> list[tuple[int, int]]:
    pairs = []
    for floor in range(plan.floors):
        for column in range(plan.columns):
            k = floor * plan.columns + column
            if column + 1 < plan.columns:
                pairs.append((k, k + 1))
            if floor + 1 < plan.floors:
                pairs.append((k, k + plan.columns))
    return pairs


def _weather(rng: np.random.Generator, steps: int) -> tuple[FloatArray, FloatArray]:
    """Return outdoor temperature [degC] and irradiance on a vertical surface [kW/m²] of a winter."""
    hour = np.arange(steps) * _STEP_H
    slow = np.zeros(steps)
    for k in range(1, steps):
        slow[k] = 0.997 * slow[k - 1] + rng.normal(0.0, 0.25)
    height = np.clip(np.sin(2 * np.pi * (hour / 24.0 - 0.25)), 0.0, None)
    clear = rng.beta(0.8, 1.2, steps // _STEPS_PER_DAY + 1).repeat(_STEPS_PER_DAY)[:steps]
    sun = 0.6 * height * np.clip(clear * rng.uniform(0.7, 1.3, steps), 0.0, 1.0)
    return 2.0 + slow + 2.5 * np.sin(2 * np.pi * (hour / 24.0 - 0.4)), sun


def _live(
    rng: np.random.Generator,
    n: int,
    pairs: list[tuple[int, int]],
    conductance: FloatArray,
    outdoor: FloatArray,
    sun: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return air temperatures [degC] and metered heat [kW] (N, n) under thermostats."""
    area = rng.uniform(60.0, 90.0, n)
    loss = rng.uniform(0.045, 0.09, n)
    capacity = np.concatenate([area * rng.uniform(0.006, 0.012, n), area * rng.uniform(0.03, 0.07, n)])
    film = area * rng.uniform(0.006, 0.012, n)
    network = np.zeros((2 * n, 2 * n))
    air, mass = np.arange(n), np.arange(n, 2 * n)
    joints = [*pairs, *((k, n + k) for k in range(n))]
    for (a, b), g in zip(joints, [*conductance.tolist(), *film.tolist()], strict=True):
        network[[a, b], [a, b]] += g
        network[[a, b], [b, a]] -= g
    network[air, air] += loss
    aperture = rng.uniform(0.5, 3.0, n)
    power = np.zeros((2 * n, n + 1))
    power[air, 0] = loss
    power[air, 1 + air] = 1.0
    model = discretise(capacity, network, power, np.zeros((2 * n, 2 * n)), _STEP_H)
    gains = _gains(rng, n, len(outdoor)) + 0.6 * aperture * sun[:, None]
    into_mass = 0.4 * aperture * sun[:, None]
    target = _targets(rng, n, len(outdoor))
    largest = rng.uniform(3.5, 6.0, n)
    x = np.concatenate([target[0], target[0] - 0.5])
    temperature, heat = np.empty((len(outdoor), n)), np.empty((len(outdoor), n))
    integral = np.zeros(n)
    for k in range(len(outdoor)):
        temperature[k] = x[:n]
        error = target[k] - x[:n]
        integral = np.clip(integral + 0.02 * error, 0.0, 1.0)
        heat[k] = largest * np.clip(0.6 * error + integral, 0.0, 1.0)
        x = model.phi @ x + model.gamma0 @ np.concatenate([outdoor[k : k + 1], heat[k] + gains[k]])
        x[mass] += into_mass[k] * _STEP_H / capacity[mass]
    return temperature, heat


def _gains(rng: np.random.Generator, n: int, steps: int) -> FloatArray:
    """Return unmetered gains [kW] (N, n): a base, people at home, and short bursts of cooking."""
    hour = np.arange(steps) * _STEP_H % 24.0
    out = np.empty((steps, n))
    for flat in range(n):
        home = (hour < rng.uniform(7.0, 9.0)) | (hour > rng.uniform(15.0, 19.0))
        cooking = np.repeat(rng.random(steps // 3 + 1) < 0.04, 3)[:steps]
        out[:, flat] = rng.uniform(0.05, 0.15) + home * rng.uniform(0.1, 0.3) + cooking * home * rng.uniform(0.3, 1.0)
    return out


def _targets(rng: np.random.Generator, n: int, steps: int) -> FloatArray:
    """Return set-points [degC] (N, n): by night set back at an hour of the flat's own, changed now and then."""
    hour = np.arange(steps) * _STEP_H % 24.0
    day = np.arange(steps) // _STEPS_PER_DAY
    out = np.empty((steps, n))
    for flat in range(n):
        comfort = rng.uniform(19.5, 22.5) + rng.normal(0.0, 0.4, day[-1] + 1)[day]
        start, end = rng.uniform(21.0, 24.0), rng.uniform(4.5, 7.5)
        out[:, flat] = comfort - rng.uniform(1.5, 4.0) * ((hour >= start) | (hour < end))
    return out
