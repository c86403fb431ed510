r"""Buildings as one resistance and one capacity, stepped exactly.

.. math:: C \frac{dT}{dt} = Q + Q_{int} + A_{sol} I - H (T - T_{out})

With rates held over a step the solution is exponential, so a step of any length is exact:
:math:`T(t) = T_\infty + (T_0 - T_\infty) e^{-t H / C}` with
:math:`T_\infty = T_{out} + (Q + Q_{int} + A_{sol} I) / H`.

The order of the model (1R1C) is the simplest of the grey-box family of P. Bacher and H. Madsen, "Identifying suitable
models for the heat dynamics of buildings", Energy and Buildings 43 (2011), doi:10.1016/j.enbuild.2011.02.005.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

WATT_PER_KILOWATT = 1000.0


@dataclass(frozen=True, slots=True)
class Archetype:
    """Properties of a kind of building per square metre of heated floor.

    Attributes
    ----------
    heat_loss_w_m2k
        Transmission and ventilation loss [W/(m2 K)].
    capacity_wh_m2k
        Effective heat capacity [Wh/(m2 K)].
    solar_aperture
        Effective solar collecting area per floor area [-].
    internal_gain_w_m2
        Mean gain of people and appliances [W/m2].
    """

    heat_loss_w_m2k: float
    capacity_wh_m2k: float
    solar_aperture: float
    internal_gain_w_m2: float


ARCHETYPES: Mapping[str, Archetype] = MappingProxyType(
    {
        "house_1960s": Archetype(2.9, 45.0, 0.040, 3.0),
        "house_1980s": Archetype(1.9, 45.0, 0.045, 3.0),
        "house_2000s": Archetype(1.2, 45.0, 0.050, 3.0),
        "house_efficient": Archetype(0.7, 45.0, 0.055, 3.0),
        "flats_1960s": Archetype(2.0, 45.0, 0.035, 3.0),
        "flats_2000s": Archetype(0.95, 45.0, 0.040, 3.0),
        "office": Archetype(1.3, 73.0, 0.060, 3.5),
    }
)
"""Heat loss: rounded from the German residential typology of TABULA (IWU, webtool.building-typology.eu), one class per
period of construction; capacity: 45 Wh/(m2 K) of TABULA's standard calculation (EN ISO 13790 class "heavy", 260
kJ/(m2 K), for the office); internal gain 3 W/m2 as in TABULA; aperture: window share 15-20 % x g 0.6 x frame and shade
0.4-0.5."""


@dataclass(frozen=True, slots=True)
class Building:
    """A building with one resistance and one capacity.

    Attributes
    ----------
    heat_loss_kw_k
        H, transmission and ventilation [kW/K].
    capacity_kwh_k
        C, effective heat capacity [kWh/K].
    solar_aperture_m2
        A_sol, area that turns global irradiance into heat inside [m2].
    internal_gain_kw
        Q_int, mean gain of people and appliances [kW].
    set_point_c
        Temperature wanted by day [degC].
    set_back_c
        Temperature allowed at night [degC].
    comfort_band_k
        Half-width of the band around the set-point inside which nobody complains [K].
    """

    heat_loss_kw_k: float
    capacity_kwh_k: float
    solar_aperture_m2: float = 0.0
    internal_gain_kw: float = 0.0
    set_point_c: float = 20.5
    set_back_c: float = 18.0
    comfort_band_k: float = 1.0

    def __post_init__(self) -> None:
        issues = [
            Issue("building", name, str(value), "a finite number above zero")
            for name, value in (("heat_loss_kw_k", self.heat_loss_kw_k), ("capacity_kwh_k", self.capacity_kwh_k))
            if not (np.isfinite(value) and value > 0.0)
        ]
        issues += [
            Issue("building", name, str(value), "a finite number, not negative")
            for name, value in (
                ("solar_aperture_m2", self.solar_aperture_m2),
                ("internal_gain_kw", self.internal_gain_kw),
                ("comfort_band_k", self.comfort_band_k),
            )
            if not (np.isfinite(value) and value >= 0.0)
        ]
        if issues:
            raise InputError(issues)

    @classmethod
    def archetype(cls, name: str, floor_area_m2: float) -> Building:
        """Return the building of a kind of :data:`ARCHETYPES` with a heated floor of ``floor_area_m2`` [m2].

        Raises
        ------
        InputError
            When the kind is unknown or the area is not positive.
        """
        if name not in ARCHETYPES:
            known = ", ".join(ARCHETYPES)
            raise InputError([Issue("building", "archetype", name, f"one of {known}", did_you_mean(name, ARCHETYPES))])
        if not floor_area_m2 > 0.0:
            raise InputError([Issue("building", "floor_area_m2", str(floor_area_m2), "an area above zero [m2]")])
        kind = ARCHETYPES[name]
        return cls(
            heat_loss_kw_k=kind.heat_loss_w_m2k * floor_area_m2 / WATT_PER_KILOWATT,
            capacity_kwh_k=kind.capacity_wh_m2k * floor_area_m2 / WATT_PER_KILOWATT,
            solar_aperture_m2=kind.solar_aperture * floor_area_m2,
            internal_gain_kw=kind.internal_gain_w_m2 * floor_area_m2 / WATT_PER_KILOWATT,
        )

    @property
    def time_constant_h(self) -> float:
        """C / H [h]."""
        return self.capacity_kwh_k / self.heat_loss_kw_k


def gains_kw(building: Building, irradiance_w_m2: float) -> float:
    """Return internal and solar gains [kW] at a global irradiance [W/m2]."""
    return building.internal_gain_kw + building.solar_aperture_m2 * irradiance_w_m2 / WATT_PER_KILOWATT


def advance(
    building: Building,
    temperature_c: float,
    heat_kw: float,
    outdoor_c: float,
    irradiance_w_m2: float,
    hours: float,
) -> float:
    """Return the room temperature after ``hours`` with everything else held.

    Parameters
    ----------
    building
        Parameters.
    temperature_c
        Room temperature at the start [degC].
    heat_kw
        Heat given to the room [kW].
    outdoor_c
        Outdoor temperature [degC].
    irradiance_w_m2
        Global irradiance [W/m2].
    hours
        Duration [h].

    Returns
    -------
    float
        Room temperature at the end [degC].
    """
    final = outdoor_c + (heat_kw + gains_kw(building, irradiance_w_m2)) / building.heat_loss_kw_k
    return final + (temperature_c - final) * float(np.exp(-hours / building.time_constant_h))


def mean_temperature(
    building: Building,
    temperature_c: float,
    heat_kw: float,
    outdoor_c: float,
    irradiance_w_m2: float,
    hours: float,
) -> float:
    """Return the mean room temperature over the step of :func:`advance` [degC]."""
    final = outdoor_c + (heat_kw + gains_kw(building, irradiance_w_m2)) / building.heat_loss_kw_k
    x = hours / building.time_constant_h
    return final + (temperature_c - final) * float(-np.expm1(-x)) / x


def heat_to_reach(
    building: Building,
    temperature_c: float,
    target_c: float,
    outdoor_c: float,
    irradiance_w_m2: float,
    hours: float,
) -> float:
    """Return the constant heat rate [kW] that brings the room from one temperature to another in ``hours``.

    The inverse of :func:`advance`; negative when the room would have to be cooled.

    Parameters
    ----------
    building
        Parameters.
    temperature_c
        Room temperature at the start [degC].
    target_c
        Room temperature wanted at the end [degC].
    outdoor_c
        Outdoor temperature [degC].
    irradiance_w_m2
        Global irradiance [W/m2].
    hours
        Duration [h], above zero.
    """
    fade = float(np.exp(-hours / building.time_constant_h))
    final = (target_c - temperature_c * fade) / (1.0 - fade)
    return building.heat_loss_kw_k * (final - outdoor_c) - gains_kw(building, irradiance_w_m2)


def discomfort_kh(room_c: NDArray[np.float64], set_point_c: NDArray[np.float64], band_k: float, hours: float) -> float:
    """Return by how much and how long a room was outside its band [K h].

    Parameters
    ----------
    room_c, set_point_c
        (n_steps,) room temperature and set-point [degC].
    band_k
        Half-width of the band [K].
    hours
        Length of a step [h].
    """
    return float(np.sum(np.clip(np.abs(room_c - set_point_c) - band_k, 0.0, None)) * hours)
