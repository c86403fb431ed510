"""Sections [[participants]], [[profiles]], [meters], [results]: who takes part and what is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

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
    kind: Literal["load", "generator", "supplier", "battery", "heat_pump", "building", "boiler", "chp"]
    """What it is."""
    bus: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the electric network, such as ``"bus 12"``."""
    node: Annotated[str, Field(min_length=1)] | None = None
    """Where it sits in the heat network."""
    profile: Annotated[str, Field(min_length=1)] | None = None
    """Name of the [[profiles]] entry that it follows."""
    rate_kw: Kilowatt | None = None
    """Largest rate; with a profile, the rate that the value 1 stands for."""
    capacity_kwh: KilowattHour | None = None
    """Storage capacity, of a battery."""
    efficiency: Share | None = None
    """Round-trip efficiency of a battery, or output over input of a converter."""
    price_eur_per_mwh: EurPerMWh | None = None
    """What it asks for when it sells, or pays at most when it buys."""
    curtailment_price_eur_per_mwh: EurPerMWhPositive | None = None
    """What cutting it costs; by default what its kind costs."""


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
    temperature_error_k: Annotated[float, Field(ge=0.0, le=5.0, json_schema_extra={"unit": "K"})] = 0.1
    """Standard deviation of a temperature reading."""


class ResultsSection(Section):
    """What a run keeps."""

    keep: Annotated[tuple[str, ...], Field(strict=False)] = ("all",)
    """Tables to keep, such as ``["trades", "settlement", "electric", "heat"]``, or ``["all"]``."""
    checkpoint_every: CountPositive = 96
    """Units between two checkpoints from which ``--resume`` goes on."""
    report: bool = True
    """Write ``report.html`` at the end."""

    @field_validator("keep")
    @classmethod
    def _known_tables(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in KEEPABLE]
        if unknown:
            raise ValueError("names out of " + ", ".join(KEEPABLE))
        return value


KEEPABLE = ("all", "trades", "reservations", "settlement", "electric", "heat", "meters", "devices", "log")
