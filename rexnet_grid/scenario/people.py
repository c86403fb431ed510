"""Sections [[participants]], [[profiles]], [meters], [results]: who takes part and what is kept."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rexnet_grid.scenario.fields import (
    Celsius,
    CountPositive,
    EurPerMWh,
    EurPerMWhPositive,
    Kilowatt,
    KilowattHour,
    Section,
    Share,
)

Efficiency = Annotated[float, Field(ge=0.1, le=1.1, json_schema_extra={"unit": "-"})]
PRICE = "EUR/MWh"
Kind = Literal[
    "load",
    "generator",
    "photovoltaics",
    "battery",
    "heat_pump",
    "boiler",
    "electric_boiler",
    "chp",
    "solar_thermal",
    "waste_heat",
    "tank",
    "building",
    "supplier",
]


class EfficiencyPoints(Section):
    """Efficiency over load, straight between the points and constant beyond them."""

    load: Annotated[tuple[Share, ...], Field(strict=False, min_length=1)]
    """Shares of the rating, ascending."""
    efficiency: Annotated[tuple[Efficiency, ...], Field(strict=False, min_length=1)]
    """Efficiencies at these shares, on the heating value of the fuel."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        """Take one number as an efficiency that never changes."""
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"load": (1.0,), "efficiency": (data,)}
        return data

    @model_validator(mode="after")
    def _points_match(self) -> EfficiencyPoints:
        if len(self.load) != len(self.efficiency):
            raise ValueError("as many values in efficiency as in load")
        if any(b <= a for a, b in pairwise(self.load)):
            raise ValueError("load in ascending order")
        return self


class Participant(Section):
    """One explicit participant."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Unique name."""
    kind: Kind
    """``load`` and ``generator`` follow a profile or run flat, on a bus or on a heat node, ``photovoltaics`` the sun; a
    ``generator`` with a price instead of a profile, a ``boiler`` and a ``supplier`` sell at that price; a ``battery``
    and a ``tank`` trade price differences; ``heat_pump`` and ``electric_boiler`` make heat of electricity, ``chp`` both
    of fuel, ``solar_thermal`` of sun, ``waste_heat`` of what a profile leaves; a ``building`` is heated."""
    bus: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the electric network, such as ``"bus 12"``."""
    node: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the heat network."""
    profile: Annotated[str, Field(min_length=1)] | None = None
    """Name of the ``[[profiles]]`` entry that a load or a generator follows, or that waste heat is available by;
    positive is its own direction."""
    rate_kw: Kilowatt | None = None
    """Rate of a flat load; rating of everything else, in heat for plants and tanks; what 1 is in a profile of unit
    ``share``."""
    capacity_kwh: KilowattHour | None = None
    """Capacity of a battery."""
    efficiency: Efficiency | None = None
    """Round-trip efficiency of a battery, by default ``population.battery_efficiency``; heat over fuel of a boiler, by
    default ``population.boiler_efficiency``; heat over electricity of an electric boiler (0.99); of a chp heat and
    power over fuel (0.88), or with ``condensing_kw`` power over fuel when it only condenses."""
    efficiency_curve: EfficiencyPoints | None = None
    """Efficiency of a boiler over its load, such as ``{ load = [0.3, 1.0], efficiency = [0.95, 0.90] }``."""
    cop: Annotated[float, Field(ge=1.0, le=15.0, json_schema_extra={"unit": "kW/kW"})] | None = None
    """Coefficient of performance of a heat pump that never changes; instead, ``source`` makes it follow the
    temperatures."""
    source: Literal["air", "ground", "water"] | None = None
    """What a heat pump draws from: outdoor air, or ground or water of ``source_c``."""
    source_c: Celsius = 10.0
    """Temperature of ground or water."""
    cop_model: Literal["carnot", "lorenz", "regression"] = "carnot"
    """Part ``cop_quality`` of Carnot's or of Lorenz's number between source and supply, or the field regression of
    small machines."""
    cop_quality: Annotated[float, Field(ge=0.1, le=0.9, json_schema_extra={"unit": "-"})] = 0.5
    """Part of the ideal coefficient of performance that a heat pump reaches."""
    min_load_kw: Kilowatt | None = None
    """Least heat of a plant while it runs."""
    ramp_kw_per_min: Annotated[float, Field(gt=0.0, le=1e5, json_schema_extra={"unit": "kW/min"})] | None = None
    """How fast a plant's heat moves; by default at once."""
    fuel_price_eur_per_mwh: EurPerMWhPositive | None = None
    """Price of the fuel of a boiler or chp on its heating value; by default ``population.gas_price_eur_per_mwh``."""
    power_to_heat: Annotated[float, Field(ge=0.05, le=3.0, json_schema_extra={"unit": "-"})] | None = None
    """Power over heat of a chp on its back-pressure line."""
    power_loss: Annotated[float, Field(ge=0.0, lt=0.9, json_schema_extra={"unit": "-"})] | None = None
    """Power that an extraction plant loses per heat extracted."""
    condensing_kw: Kilowatt | None = None
    """Power of an extraction plant without heat; a chp without it is a back-pressure plant."""
    min_condensing_kw: Kilowatt | None = None
    """Least power of an extraction plant without heat."""
    area_m2: Annotated[float, Field(gt=0.0, le=1e6, json_schema_extra={"unit": "m2"})] | None = None
    """Area of solar collectors."""
    tilt_deg: Annotated[float, Field(ge=0.0, le=90.0, json_schema_extra={"unit": "degree"})] = 45.0
    """Tilt of solar collectors and of photovoltaics."""
    azimuth_deg: Annotated[float, Field(ge=-180.0, le=180.0, json_schema_extra={"unit": "degree"})] = 0.0
    """Direction of solar collectors and of photovoltaics from south, west positive."""
    collector: Annotated[tuple[float, float, float], Field(strict=False)] = (0.75, 2.2, 0.008)
    """η0 [-], a1 [W/(m2 K)] and a2 [W/(m2 K2)] of solar collectors by ISO 9806; by default large flat plates."""
    volume_m3: Annotated[float, Field(gt=0.0, le=1e6, json_schema_extra={"unit": "m3"})] | None = None
    """Volume of a tank."""
    insulation_w_m2k: Annotated[float, Field(ge=0.0, le=10.0, json_schema_extra={"unit": "W/(m2 K)"})] = 0.3
    """Heat loss of a tank's hull."""
    layers: Annotated[int, Field(ge=2, le=100)] = 20
    """Layers of a tank."""
    archetype: Annotated[str, Field(min_length=1)] | None = None
    """Kind of a building, such as ``"house_1980s"``, ``"flats_2000s"`` or ``"office"``; with ``floor_area_m2``."""
    fitted: Annotated[str, Field(min_length=1)] | None = None
    """Instead of ``archetype``: what ``rexnet estimate thermal`` found from the meters of a building of one zone; its
    folder, or the ``state_space.json`` in it, relative to the scenario."""
    floor_area_m2: Annotated[float, Field(gt=0.0, le=1e6, json_schema_extra={"unit": "m2"})] | None = None
    """Heated floor of a building of an ``archetype``."""
    capacities: Annotated[int, Field(ge=1, le=3)] = 2
    """Heat capacities of a building's model: 1R1C, 2R2C (room and mass) or 3R3C (and heater)."""
    heater: Literal["radiator", "floor"] = "radiator"
    """What heats a building of three capacities."""
    set_point_c: Annotated[float, Field(ge=5.0, le=30.0, json_schema_extra={"unit": "degC"})] | None = None
    """Lowest room temperature of a building by day; by default ``population.comfort_min_c``."""
    set_back_c: Annotated[float, Field(ge=5.0, le=30.0, json_schema_extra={"unit": "degC"})] | None = None
    """The same at night; by default as by day."""
    day_from_h: Annotated[float, Field(ge=0.0, le=24.0, json_schema_extra={"unit": "h"})] = 6.0
    """Local hour at which a building's day begins."""
    day_to_h: Annotated[float, Field(ge=0.0, le=48.0, json_schema_extra={"unit": "h"})] = 22.0
    """Local hour at which it ends; past 24 on the next day."""
    hot_water_kwh_per_day: Annotated[float, Field(ge=0.0, le=1e5, json_schema_extra={"unit": "kWh/d"})] = 0.0
    """Mean hot water of a building."""
    price_eur_per_mwh: EurPerMWh | None = None
    """What it asks for when it sells, or pays at most when it buys; what waste heat costs its plant."""
    curtailment_price_eur_per_mwh: EurPerMWhPositive | None = None
    """What cutting it costs; by default that of the population's firm or flexible participants."""


class Profile(Section):
    """A time series from a file that participants follow."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Unique name."""
    file: Annotated[str, Field(min_length=1)]
    """Path of a CSV or Parquet file, relative to the scenario."""
    column: Annotated[str, Field(min_length=1)]
    """The column that holds the values."""
    time_column: str | None = None
    """The column that holds the time; by default the first."""
    timezone: str | None = None
    """Zone of times without offset; by default that of the scenario."""
    unit: Literal["kW", "W", "MW", "kWh", "share", "EUR/MWh"] = "kW"
    """Unit of the values; ``kWh`` is energy in each step, ``share`` a part of the participant's ``rate_kw``,
    ``EUR/MWh`` a price."""


class MetersSection(Section):
    """Accuracy of the meters: the standard deviation of a reading over the value, drawn once for each meter."""

    electricity_class: Share = 0.005
    """Energy meters of electricity."""
    voltage_class: Share = 0.001
    """Voltage in electricity meters."""
    heat_class: Share = 0.02
    """Heat meters."""
    temperature_k: Annotated[float, Field(ge=0.0, le=5.0, json_schema_extra={"unit": "K"})] = 0.1
    """Thermometers in the flats of a building: standard deviation of a reading."""


class ResultsSection(Section):
    """What a run keeps."""

    checkpoint_every: CountPositive = 96
    """Units between two checkpoints from which ``--resume`` goes on."""
    report: bool = True
    """Write ``report.html`` at the end."""
