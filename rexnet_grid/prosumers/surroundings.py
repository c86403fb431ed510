"""What surrounds the participants: weather, the price everybody expects, and where things sit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.units import TimeGrid


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather on a time grid; entry u is the mean over unit u.

    Attributes
    ----------
    time_grid
        The units.
    outdoor_c
        (n_units,) outdoor temperature [degC].
    direct_w_m2, diffuse_w_m2
        (n_units,) direct and diffuse irradiance on the horizontal [W/m2].
    latitude, longitude
        Where it is [degree], north and east positive.
    """

    time_grid: TimeGrid
    outdoor_c: FloatArray
    direct_w_m2: FloatArray
    diffuse_w_m2: FloatArray
    latitude: float = 48.47
    longitude: float = 7.87

    def __post_init__(self) -> None:
        lengths = {len(self.outdoor_c), len(self.direct_w_m2), len(self.diffuse_w_m2)}
        if len(lengths) != 1:
            raise ValueError(f"weather series have different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.outdoor_c)

    @property
    def global_w_m2(self) -> FloatArray:
        """(n_units,) global irradiance on the horizontal [W/m2]."""
        return self.direct_w_m2 + self.diffuse_w_m2

    @property
    def index(self) -> pd.DatetimeIndex:
        """The start of every unit, UTC."""
        import pandas as pd

        return pd.date_range(
            self.time_grid.start.astimezone(UTC), periods=len(self), freq=f"{self.time_grid.unit_minutes}min"
        )


@dataclass(frozen=True, slots=True)
class GridSeats:
    """Where participants of the electric network sit.

    Attributes
    ----------
    supply_node
        The node of the external grid.
    heat_plant_node
        The node at which a central heat pump draws its electricity; empty when there is none.
    """

    supply_node: str
    heat_plant_node: str = ""


@dataclass(frozen=True, slots=True)
class HeatSeats:
    """Where participants of the heat network sit.

    Attributes
    ----------
    plant_node
        The node of the main heat plant.
    substations
        The nodes of buildings.
    peak_kw
        Heat load of each building at the design temperature [kW]; empty to draw it around the configured mean.
    operator_node
        The node at which the network's operator trades; the main plant's when empty.
    """

    plant_node: str
    substations: tuple[str, ...]
    peak_kw: tuple[float, ...] = ()
    operator_node: str = ""


def hour_of_day(time_grid: TimeGrid, units: int) -> FloatArray:
    """Return the local clock time at the middle of units 0 … ``units`` - 1 [h]."""
    moments: list[datetime] = [time_grid.time(unit + 0.5) for unit in range(units)]
    return np.array([moment.hour + moment.minute / 60.0 + moment.second / 3600.0 for moment in moments])


def price_curve(time_grid: TimeGrid, units: int, mean_eur_per_mwh: float, swing: float) -> FloatArray:
    """Return a day-ahead price curve of a plain winter weekday [EUR/MWh].

    A synthetic shape: a night valley near four o'clock, a morning peak at eight, a saddle at noon and an evening peak
    at half past six, as day-ahead auctions of the German zone show on winter weekdays. It is built of Gaussian bells
    on the 24 h clock and normalised to a daily mean of one, so it holds nobody's data.

    Parameters
    ----------
    time_grid, units
        The units to price.
    mean_eur_per_mwh
        Mean over a day [EUR/MWh].
    swing
        Scale of the deviation from the mean [-]; 0 is flat.
    """
    hour = hour_of_day(time_grid, units)
    day = np.arange(0.0, 24.0, 0.25)
    shape = _winter_weekday(hour) - float(_winter_weekday(day).mean())
    return np.asarray(mean_eur_per_mwh * np.maximum(1.0 + swing * shape, 0.05))


def _winter_weekday(hour: FloatArray) -> FloatArray:
    shape = np.zeros_like(hour)
    for centre, width, height in ((8.0, 1.8, 0.45), (18.5, 2.0, 0.60), (3.5, 3.0, -0.35), (13.0, 1.8, -0.05)):
        distance = np.abs(hour - centre)
        distance = np.minimum(distance, 24.0 - distance)
        shape += height * np.exp(-0.5 * (distance / width) ** 2)
    return shape
