"""Sections [[participants]], [[profiles]], [meters], [results]: who takes part and what is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rexnet_grid.scenario.fields import (
    CountPositive,
    EurPerMWh,
    EurPerMWhPositive,
    Kilowatt,
    KilowattHour,
    Section,
    Share,
)


class Participant(Section):
    """One explicit participant."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Unique name."""
    kind: Literal["load", "generator", "battery", "heat_pump", "boiler"]
    """``load`` and ``generator`` follow a profile or run flat; a ``generator`` with a price instead of a profile and a
    ``boiler`` sell at that price; a ``battery`` trades price differences; a ``heat_pump`` makes heat of electricity."""
    bus: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the electric network, such as ``"bus 12"``."""
    node: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the heat network."""
    profile: Annotated[str, Field(min_length=1)] | None = None
    """Name of the ``[[profiles]]`` entry that a load or a generator follows; positive is its own direction."""
    rate_kw: Kilowatt | None = None
    """Rate of a flat load; rating of everything else, in heat for a heat pump or boiler; what 1 is in a profile of
    unit ``share``."""
    capacity_kwh: KilowattHour | None = None
    """Capacity of a battery."""
    efficiency: Annotated[float, Field(ge=0.1, le=1.0, json_schema_extra={"unit": "-"})] | None = None
    """Round-trip efficiency of a battery; by default ``population.battery_efficiency``."""
    cop: Annotated[float, Field(ge=1.0, le=15.0, json_schema_extra={"unit": "kW/kW"})] | None = None
    """Coefficient of performance of a heat pump."""
    price_eur_per_mwh: EurPerMWh | None = None
    """What it asks for when it sells, or pays at most when it buys."""
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
    unit: Literal["kW", "W", "MW", "kWh", "share"] = "kW"
    """Unit of the values; ``kWh`` is energy in each step, ``share`` a part of the participant's ``rate_kw``."""


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
