"""The liquid in the pipes: density and specific heat are constant, the film between water and wall may follow.

A constant specific heat makes the energy of a parcel linear in its temperature, so that every balance closes exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

FREEZING_C = 0.0
BOILING_C = 180.0

_TABLE_C = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 120.0, 140.0, 160.0, 180.0)
_DENSITY = (999.8, 999.7, 998.2, 995.7, 992.2, 988.0, 983.2, 977.8, 971.8, 965.3, 958.4, 943.1, 926.1, 907.5, 887.0)
_HEAT_CAPACITY = (4217.6, 4192.1, 4181.8, 4178.4, 4178.5, 4180.6, 4184.3, 4189.5, 4196.3, 4205.0, 4215.9)
_HEAT_CAPACITY_HOT = (4243.5, 4283.0, 4337.0, 4405.0)
_VISCOSITY_MPA_S = (1.791, 1.306, 1.002, 0.7975, 0.6527, 0.5465, 0.4660, 0.4035, 0.3540, 0.3142, 0.2816)
_VISCOSITY_HOT_MPA_S = (0.2321, 0.1965, 0.1704, 0.1505)
_CONDUCTIVITY = (0.5610, 0.5800, 0.5984, 0.6154, 0.6305, 0.6435, 0.6543, 0.6631, 0.6700, 0.6753, 0.6791)
_CONDUCTIVITY_HOT = (0.6832, 0.6833, 0.6797, 0.6728)


@dataclass(frozen=True, slots=True)
class Fluid:
    """A liquid with constant properties.

    Attributes
    ----------
    density
        [kg/m3].
    heat_capacity
        [J/(kg K)].
    viscosity
        Dynamic viscosity [Pa s].
    conductivity
        [W/(m K)].
    follows
        Whether the film between water and wall has water's properties at its own temperature instead.
    """

    density: float = 983.2
    heat_capacity: float = 4184.3
    viscosity: float = 4.66e-4
    conductivity: float = 0.6543
    follows: bool = False

    def __post_init__(self) -> None:
        issues = [
            Issue("fluid", name, str(value), "a finite number above zero")
            for name, value in (
                ("density", self.density),
                ("heat_capacity", self.heat_capacity),
                ("viscosity", self.viscosity),
                ("conductivity", self.conductivity),
            )
            if not (np.isfinite(value) and value > 0.0)
        ]
        if issues:
            raise InputError(issues)

    @classmethod
    def water(cls, temperature_c: float = 60.0, *, follows: bool = False) -> Fluid:
        """Return water at a temperature [degC], interpolated in the table of liquid water near saturation.

        With ``follows`` the properties of the film follow its temperature; those of the water itself stay.

        Density, specific heat, viscosity and conductivity rounded from the CRC Handbook of Chemistry and Physics,
        "Properties of water in the range 0-100 degC" (97th ed., 6-7) and, above, IAPWS-IF97 saturated liquid.

        Raises
        ------
        InputError
            Below freezing or above 180 degC.
        """
        if not FREEZING_C <= temperature_c <= BOILING_C:
            raise InputError(
                [Issue("fluid", "temperature_c", str(temperature_c), f"{FREEZING_C:g} to {BOILING_C:g} degC")]
            )
        return cls(
            density=float(np.interp(temperature_c, _TABLE_C, _DENSITY)),
            heat_capacity=float(np.interp(temperature_c, _TABLE_C, _HEAT_CAPACITY + _HEAT_CAPACITY_HOT)),
            viscosity=1e-3 * float(np.interp(temperature_c, _TABLE_C, _VISCOSITY_MPA_S + _VISCOSITY_HOT_MPA_S)),
            conductivity=float(np.interp(temperature_c, _TABLE_C, _CONDUCTIVITY + _CONDUCTIVITY_HOT)),
            follows=follows,
        )

    @property
    def prandtl(self) -> float:
        """Prandtl number [-]."""
        return self.viscosity * self.heat_capacity / self.conductivity


def film_table(fluid: Fluid) -> FloatArray:
    """Return what the film between water and wall depends on at 0, 1 … 180 degC, (181, 4).

    Columns: viscosity of the fluid over that at the film's temperature, π times conductivity [W/(m K)], Prandtl number
    and its power 2/3. Constant but for water that ``follows`` its temperature.
    """
    at = np.arange(FREEZING_C, BOILING_C + 1.0)
    films = [Fluid.water(float(c)) for c in at] if fluid.follows else [fluid] * len(at)
    return np.array(
        [(fluid.viscosity / f.viscosity, np.pi * f.conductivity, f.prandtl, f.prandtl ** (2.0 / 3.0)) for f in films]
    )
