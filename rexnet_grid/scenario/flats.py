"""Section [building]: a building of flats that heat each other, in the place of a heat network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rexnet_grid.scenario.fields import Celsius, EurPerMWhPositive, Kilowatt, Section, Share


class BuildingSection(Section):
    """A multi-dwelling building on one substation; its flats trade the heat, and heat each other through the walls."""

    floors: Annotated[int, Field(ge=1, le=20)] = 3
    """Floors of the building."""
    columns: Annotated[int, Field(ge=1, le=20)] = 2
    """Flats on a floor; each column hangs on a riser of its own."""
    coupled_share: Share = 0.7
    """Part of the touching pairs of flats that exchange heat; which ones, and how much, is drawn from the seed."""
    coldest_c: Celsius = 19.0
    """Air temperature below which a flat counts as too cold."""
    warmest_c: Celsius = 23.5
    """Air temperature above which a flat counts as overheated; headroom and safety maintainer keep it."""
    radiator_sizing: Annotated[float, Field(ge=0.5, le=10.0, json_schema_extra={"unit": "-"})] = 1.6
    """Rating of a flat's radiators over its heat load at ``population.design_outdoor_c``."""
    supply_kw: Kilowatt | None = None
    """Most that the substation can give; by default all radiators at once."""
    riser_kw: Kilowatt | None = None
    """Most that a riser can carry; by default all its radiators at once."""
    heat_price_eur_per_mwh: EurPerMWhPositive = 70.0
    """Mean of what the substation asks for heat."""
    heat_price_swing: Annotated[float, Field(ge=0.0, le=10.0, json_schema_extra={"unit": "-"})] = 1.0
    """Swing of that price around its mean: 1 as electricity on a winter weekday, behind a heat pump; 0 flat."""
    history_days: Annotated[int, Field(ge=0, le=60, json_schema_extra={"unit": "d"})] = 0
    """Days before the run, under plain thermostats, whose meter readings an estimate may use."""
    floor_plan: bool = True
    """Whether the estimate knows which flats touch; which of them exchange heat it has to find out."""

    @model_validator(mode="after")
    def _band(self) -> BuildingSection:
        if self.warmest_c < self.coldest_c + 1.0:
            raise ValueError("warmest_c at least 1 K above coldest_c")
        return self
