"""A generator of buildings whose coupling is known: what SpaceMeterNet is tried on.

Flats stand in floors and columns. Flats that touch may or may not exchange heat (a staircase, an insulated wall); air
and a hidden mass in each, gains that nobody meters, set-points that differ, night set-back at different hours, and
meters with noise. The physics and its sizes are in :mod:`rexnet_grid.spacemeternet.dwelling`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.dwelling import (
    draw_dwelling,
    draw_gains,
    draw_targets,
    draw_walls,
    live_with_thermostats,
)

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_STEP_H = 0.25
_STEPS_PER_DAY = 96


@dataclass(frozen=True, slots=True)
class BuildingPlan:
    """What a generated building looks like.

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
    walls = draw_walls(rng, plan.floors, plan.columns, plan.coupled_share)
    names, n, steps = list(walls.names), len(walls.names), plan.days * _STEPS_PER_DAY
    outdoor, sun = _weather(rng, steps)
    dwelling = draw_dwelling(rng, walls)
    hour: FloatArray = np.asarray(np.arange(steps) * _STEP_H % 24.0, dtype=np.float64)
    gains, target = draw_gains(rng, n, hour, _STEP_H), draw_targets(rng, n, hour, _STEP_H)
    largest = rng.uniform(3.5, 6.0, n)
    temperature, heat, _ = live_with_thermostats(dwelling, _STEP_H, outdoor, sun, gains, target, largest)
    readings = temperature + rng.normal(0.0, plan.meter_noise_k, temperature.shape)
    readings[rng.random(readings.shape) < plan.missing_share] = np.nan
    gap = int(plan.gap_days * _STEPS_PER_DAY)
    readings[steps // 2 : steps // 2 + gap] = np.nan
    truth: nx.Graph = nx.Graph()
    truth.add_nodes_from(names)
    for (i, j), g in zip(walls.pairs, walls.conductance_kw_k.tolist(), strict=True):
        if g > 0.0:
            truth.add_edge(names[i], names[j], conductance_w_k=1000.0 * g)
    index = pd.date_range("2026-01-05", periods=steps, freq="15min", tz="UTC")
    return GeneratedBuilding(
        pd.DataFrame(readings, index, names),
        pd.DataFrame(heat, index, names),
        pd.Series(outdoor, index, name="outdoor_c"),
        pd.Series(1000.0 * sun, index, name="solar_w_m2"),
        truth,
        walls.named_pairs,
        walls.places,
    )


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
