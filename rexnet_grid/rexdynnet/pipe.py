"""One pipe: geometry, layers and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from rexnet_grid.errors import InputError, Issue


@dataclass(frozen=True, slots=True)
class Pipe:
    """A round pipe with a wall, insulation and what lies outside; supply and return of a route are two of them.

    Attributes
    ----------
    length_m
        Length of the route [m].
    inner_diameter_m
        Diameter that the water sees [m].
    wall_thickness_m
        Thickness of the medium pipe's wall [m]; 0 for a pipe without heat capacity.
    wall_density
        [kg/m3].
    wall_heat_capacity
        [J/(kg K)].
    insulation_thickness_m
        [m]; 0 for a bare pipe.
    insulation_conductivity
        [W/(m K)].
    outer_film
        Heat transfer coefficient on the outer surface [W/(m2 K)]; ``None`` for a buried casing that has the
        temperature of the ground.
    wall_conductivity
        [W/(m K)].
    soil_resistance
        Further resistance per length between casing and ground [m K/W].
    roughness_m
        Sand roughness of the inner surface [m].
    minor_loss
        Sum of the loss coefficients of bends and fittings [-].
    coupling
        How much of the other pipe's temperature above ground this pipe sees as its surroundings [-], from 0 (none) to
        1; see :mod:`pairs`.
    """

    length_m: float
    inner_diameter_m: float
    wall_thickness_m: float = 0.0032
    wall_density: float = 7850.0
    wall_heat_capacity: float = 480.0
    insulation_thickness_m: float = 0.03
    insulation_conductivity: float = 0.027
    outer_film: float | None = None
    wall_conductivity: float = 50.0
    soil_resistance: float = 0.0
    roughness_m: float = 5e-5
    minor_loss: float = 0.0
    coupling: float = 0.0

    def __post_init__(self) -> None:
        issues = pipe_issues(self, "pipe")
        if issues:
            raise InputError(issues)

    @property
    def outer_diameter_m(self) -> float:
        """Outer diameter of the medium pipe [m]."""
        return self.inner_diameter_m + 2.0 * self.wall_thickness_m

    @property
    def casing_diameter_m(self) -> float:
        """Outer diameter of the insulation [m]."""
        return self.outer_diameter_m + 2.0 * self.insulation_thickness_m

    @property
    def area_m2(self) -> float:
        """Cross-section of the water [m2]."""
        return 0.25 * math.pi * self.inner_diameter_m**2

    @property
    def volume_m3(self) -> float:
        """Volume of water [m3]."""
        return self.area_m2 * self.length_m

    @property
    def wall_capacity_j_mk(self) -> float:
        """Heat capacity of the wall per length [J/(m K)]."""
        ring = 0.25 * math.pi * (self.outer_diameter_m**2 - self.inner_diameter_m**2)
        return ring * self.wall_density * self.wall_heat_capacity

    @property
    def loss_resistance_mk_w(self) -> float:
        """Resistance per length from the water to the surroundings, without the inner film [m K/W].

        Wall, insulation, outer film and soil in series: sum of ln(d_out/d_in)/(2 pi k) + 1/(h pi D) + R_soil.
        """
        wall = math.log(self.outer_diameter_m / self.inner_diameter_m) / (2.0 * math.pi * self.wall_conductivity)
        insulation = math.log(self.casing_diameter_m / self.outer_diameter_m) / (
            2.0 * math.pi * self.insulation_conductivity
        )
        film = 0.0 if self.outer_film is None else 1.0 / (self.outer_film * math.pi * self.casing_diameter_m)
        return wall + insulation + film + self.soil_resistance

    @property
    def wall_resistance_mk_w(self) -> float:
        """Resistance per length from the inner surface to the middle of the wall [m K/W]."""
        middle = self.inner_diameter_m + self.wall_thickness_m
        return math.log(middle / self.inner_diameter_m) / (2.0 * math.pi * self.wall_conductivity)


_POSITIVE = frozenset(
    {"length_m", "inner_diameter_m", "wall_density", "wall_heat_capacity", "insulation_conductivity",
     "wall_conductivity", "outer_film"}
)  # fmt: skip


def pipe_issues(pipe: Pipe, where: str) -> list[Issue]:
    """Return everything that makes a pipe impossible."""
    issues = []
    for item in fields(pipe):
        value = getattr(pipe, item.name)
        if item.name == "outer_film" and value is None:
            continue
        strict = item.name in _POSITIVE
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            issues.append(Issue(where, item.name, repr(value), "a number"))
            continue
        if not (math.isfinite(value) and (value > 0.0 if strict else value >= 0.0)):
            issues.append(
                Issue(where, item.name, str(value), "a number above zero" if strict else "a number, not negative")
            )
    if not issues and pipe.coupling >= 1.0:
        issues.append(Issue(where, "coupling", str(pipe.coupling), "a number from 0, below 1"))
    if not issues and pipe.loss_resistance_mk_w < MIN_RESISTANCE:
        issues.append(
            Issue(where, "insulation_thickness_m", str(pipe.insulation_thickness_m), "some resistance to the outside",
                  "give insulation, an outer_film or a soil_resistance")
        )  # fmt: skip
    return issues


MIN_RESISTANCE = 1e-6
