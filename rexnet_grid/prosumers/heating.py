"""Heat pumps' coefficient of performance, and a building with a hot water tank as one store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet import plants
from rexnet_grid.rexdynnet.buildings import advance, heat_to_reach
from rexnet_grid.rexdynnet.plants import regression_cop

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.rexdynnet.buildings import Building

ROOM_MARGIN_K = 5.0


def air_source_cop(outdoor_c: FloatArray, flow_c: FloatArray) -> FloatArray:
    """Return the coefficient of performance of an air-source heat pump [-]; see :func:`regression_cop`."""
    return regression_cop("air", outdoor_c, flow_c)


def carnot_cop(source_c: float, supply_c: float, quality: float = 0.5) -> float:
    """Return the coefficient of performance of a large heat pump [-]: a part ``quality`` of Carnot's."""
    return float(plants.carnot_cop(source_c, supply_c, quality))


def heating_curve_c(outdoor_c: FloatArray, design_outdoor_c: float, design_flow_c: float, room_c: float) -> FloatArray:
    """Return the flow temperature [degC]: linear in the outdoor temperature from the design point to room + 5 K."""
    load = np.clip((room_c - outdoor_c) / (room_c - design_outdoor_c), 0.0, 1.0)
    lowest = room_c + ROOM_MARGIN_K
    return np.asarray(lowest + load * (design_flow_c - lowest))


@dataclass(frozen=True, slots=True)
class HeatedHome:
    """A building, its hot water and the band in which its occupants are content.

    Attributes
    ----------
    building
        Thermal parameters.
    lowest_c, highest_c
        Comfort band of the room [degC].
    tank_kwh
        Usable heat of the hot water tank [kWh].
    outdoor_c, irradiance_w_m2
        (n_units,) outdoor temperature [degC] and global irradiance [W/m2].
    drawn_kwh, expected_drawn_kwh
        (n_units,) hot water that is drawn, and its expectation [kWh].
    hours
        Length of a unit [h].
    """

    building: Building
    lowest_c: float
    highest_c: float
    tank_kwh: float
    outdoor_c: FloatArray
    irradiance_w_m2: FloatArray
    drawn_kwh: FloatArray
    expected_drawn_kwh: FloatArray
    hours: float

    @property
    def keep(self) -> float:
        """Part of the heat above the lowest temperature that is left after a unit [-]."""
        return float(np.exp(-self.hours / self.building.time_constant_h))

    @property
    def per_heat(self) -> float:
        """Content added at the end of a unit for heat given over it [-]: (1 - a) / (h / τ)."""
        return (1.0 - self.keep) * self.building.time_constant_h / self.hours

    def weather_need_kwh(self) -> FloatArray:
        r"""Return what weather takes from the store in every unit besides the leak [kWh].

        With the content :math:`e = C (T - T_{min})` the exact step of the building is
        :math:`e' = a\,e + C (1 - a) / H \cdot (q + g - H (T_{min} - T_{out}))`.
        """
        building = self.building
        gains = building.internal_gain_kw + building.solar_aperture_m2 * self.irradiance_w_m2 / 1000.0
        loss_kw = building.heat_loss_kw_k * (self.lowest_c - self.outdoor_c) - gains
        return np.asarray(loss_kw * self.hours * self.per_heat)


class HomeState:
    """Room temperature and hot water of a :class:`HeatedHome` as they move.

    Parameters
    ----------
    home
        Parameters.
    room_c
        Room temperature at the start [degC].
    tank_kwh
        Heat in the tank at the start [kWh].
    """

    def __init__(self, home: HeatedHome, room_c: float, tank_kwh: float) -> None:
        self.home = home
        self.room_c = room_c
        self.tank_kwh = tank_kwh
        self.unmet_kwh = 0.0

    @property
    def content_kwh(self) -> float:
        """Heat above the lowest room temperature, and in the tank above half of it [kWh]."""
        home = self.home
        return home.building.capacity_kwh_k * (self.room_c - home.lowest_c) + self.tank_kwh - 0.5 * home.tank_kwh

    def room_kw(self, unit: int) -> float:
        """Return the heat that brings the room to the top of the comfort band in ``unit`` [kW]."""
        home = self.home
        outdoor, sun = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        return max(heat_to_reach(home.building, self.room_c, home.highest_c, outdoor, sun, home.hours), 0.0)

    def usable_kw(self, unit: int) -> float:
        """Return the heat that can be taken in ``unit`` without leaving the comfort band at the top [kW]."""
        home = self.home
        tank_kw = (home.tank_kwh - self.tank_kwh + float(home.drawn_kwh[unit])) / home.hours
        return self.room_kw(unit) + max(tank_kw, 0.0)

    def advance(self, unit: int, heat_kw: float) -> None:
        """Move through ``unit`` with ``heat_kw``: the tank to half first, then the room, then the tank, then the room.

        Energy is kept exactly: heat given equals heat into the room plus the change of the tank plus hot water served.
        """
        home, heat = self.home, heat_kw * self.home.hours
        after = self.tank_kwh - float(home.drawn_kwh[unit])
        first = min(max(0.5 * home.tank_kwh - after, 0.0), heat)
        room = min(self.room_kw(unit) * home.hours, heat - first)
        second = min(max(home.tank_kwh - after - first, 0.0), heat - first - room)
        room = heat - first - second
        after += first + second
        self.unmet_kwh += max(-after, 0.0)
        self.tank_kwh = max(after, 0.0)
        self.warm(unit, room / home.hours)

    def warm(self, unit: int, heat_kw: float) -> None:
        """Move the room through ``unit`` with the heat it gets [kW]."""
        home = self.home
        outdoor, sun = float(home.outdoor_c[unit]), float(home.irradiance_w_m2[unit])
        self.room_c = advance(home.building, self.room_c, heat_kw, outdoor, sun, home.hours)
