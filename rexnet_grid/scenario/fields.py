"""The physical types of a scenario: a number with its unit and the range in which it makes sense."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Base of every section of a scenario: frozen, strict about types, and unknown keys are errors.

    The docstring under each field is its documentation; :mod:`rexnet_grid.scenario.reference` makes the reference
    page and ``rexnet schema`` of it.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def _quantity(unit: str, lowest: float | None, highest: float | None) -> Any:
    return Field(ge=lowest, le=highest, json_schema_extra={"unit": unit})


Celsius = Annotated[float, _quantity("degC", -60.0, 200.0)]
Water = Annotated[float, _quantity("degC", 0.0, 180.0)]
"""Temperature at which water is liquid, as :mod:`rexnet_grid.rexdynnet.fluid` knows it."""
Ground = Annotated[float, _quantity("degC", -60.0, 120.0)]
Share = Annotated[float, _quantity("-", 0.0, 1.0)]
PerUnit = Annotated[float, _quantity("p.u.", 0.5, 1.5)]
Percent = Annotated[float, _quantity("%", 2.0, 1000.0)]
Kilowatt = Annotated[float, _quantity("kW", 0.0, 1e5)]
KilowattHour = Annotated[float, _quantity("kWh", 0.0, 1e6)]
EurPerMWh = Annotated[float, _quantity("EUR/MWh", -10000.0, 10000.0)]
EurPerMWhPositive = Annotated[float, _quantity("EUR/MWh", 0.0, 10000.0)]
Minutes = Annotated[int, _quantity("min", 0, 10080)]
MetresPerSecond = Annotated[float, _quantity("m/s", 0.01, 20.0)]
Count = Annotated[int, _quantity("", 0, 1000000)]
CountPositive = Annotated[int, _quantity("", 1, 1000000)]
