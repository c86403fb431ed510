"""Sections [electric], [heat], [weather] and [[contingencies]]: the networks and what happens to them."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rexnet_grid.scenario.fields import (
    Celsius,
    EurPerMWhPositive,
    Ground,
    Kilowatt,
    MetresPerSecond,
    Percent,
    PerUnit,
    Section,
    Share,
    Water,
)


def _bounded(unit: str, above: float, below: float) -> Any:
    """Return the field of a quantity strictly between two bounds."""
    return Field(gt=above, lt=below, json_schema_extra={"unit": unit})


class ElectricSection(Section):
    """The electric delivery network and its limits."""

    network: Annotated[str, Field(min_length=1)]
    """A built-in name (``rexnet networks list``), ``simbench:<code>``, or the path of a pandapower JSON or Excel."""
    supply_vm_pu: PerUnit | None = None
    """Voltage at the supply; by default what the network file says."""
    tap_pos: Annotated[int, Field(ge=-50, le=50)] | None = None
    """Tap position of the supply transformers; by default what the network file says."""
    voltage_min_pu: Annotated[float, _bounded("p.u.", 0.5, 1.0)] = 0.9
    """Lowest voltage allowed at a bus (EN 50160: 0.9)."""
    voltage_max_pu: Annotated[float, _bounded("p.u.", 1.0, 1.5)] = 1.1
    """Highest voltage allowed at a bus (EN 50160: 1.1)."""
    loading_max_percent: Percent = 100.0
    """Highest loading allowed of a line or a transformer."""
    import_max_kw: Kilowatt | None = None
    """Most that the supply may give; by default unlimited."""
    export_max_kw: Kilowatt | None = None
    """Most that the supply may take back; by default unlimited."""
    power_factor: Annotated[float, Field(gt=0.5, le=1.0, json_schema_extra={"unit": "-"})] = 0.97
    """cos φ of what participants withdraw, inductive; what they inject has 1."""
    secured_against: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Branches, such as ``"line 3"``, without any one of which the network must still carry what is traded (N-1)."""
    simbench_profiles: bool = False
    """Let the loads, generators and storages of a SimBench grid take part, each after its own profile of that date."""


class SupplyCurve(Section):
    """Supply temperature by outdoor temperature, straight between the points and constant beyond them."""

    outdoor_c: Annotated[tuple[Celsius, ...], Field(strict=False, min_length=1)] = (-15.0, 15.0)
    """Outdoor temperatures of the points, ascending."""
    supply_c: Annotated[tuple[Water, ...], Field(strict=False, min_length=1)] = (80.0, 65.0)
    """Supply temperatures at the points."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        """Take one number as a constant supply temperature."""
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"outdoor_c": (0.0,), "supply_c": (data,)}
        return data

    @model_validator(mode="after")
    def _points_match(self) -> SupplyCurve:
        if len(self.outdoor_c) != len(self.supply_c):
            raise ValueError("as many values in supply_c as in outdoor_c")
        if any(b <= a for a, b in pairwise(self.outdoor_c)):
            raise ValueError("outdoor_c in ascending order")
        return self


class ReturnCurve(Section):
    """Return temperature by outdoor temperature, straight between the points and constant beyond them."""

    outdoor_c: Annotated[tuple[Celsius, ...], Field(strict=False, min_length=1)] = (0.0,)
    """Outdoor temperatures of the points, ascending."""
    return_c: Annotated[tuple[Water, ...], Field(strict=False, min_length=1)] = (40.0,)
    """Return temperatures at the points."""

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, data: Any) -> Any:
        """Take one number as a constant return temperature."""
        if isinstance(data, int | float) and not isinstance(data, bool):
            return {"outdoor_c": (0.0,), "return_c": (data,)}
        return data

    @model_validator(mode="after")
    def _points_match(self) -> ReturnCurve:
        if len(self.outdoor_c) != len(self.return_c):
            raise ValueError("as many values in return_c as in outdoor_c")
        if any(b <= a for a, b in pairwise(self.outdoor_c)):
            raise ValueError("outdoor_c in ascending order")
        return self


class ExchangerSection(Section):
    """Heat exchangers between network and houses, sized for each substation's design load."""

    heating_supply_c: SupplyCurve = SupplyCurve(outdoor_c=(-15.0, 15.0), supply_c=(60.0, 40.0))
    """What heating behind the exchanger wants: one number, or a curve on outdoor temperature. Its coldest point is the
    design point."""
    heating_return_c: Water = 35.0
    """What heating gives back at the design point; at part load radiators or floor give back less."""
    approach_k: Annotated[float, _bounded("K", 0.1, 50.0)] = 5.0
    """By how much the network's return is warmer than the house's at the design point."""
    emitter: Literal["radiator", "floor", "none"] = "radiator"
    """What heats the rooms: exponent 1.3 (EN 442) or 1.1 (EN 1264); with ``none`` the house's return never moves."""
    room_c: Celsius = 20.0
    """Room temperature."""
    hot_water_share: Share = 0.0
    """Part of the heat demand that is hot water, made by an exchanger of its own, first at the valve."""
    hot_water_c: Water = 55.0
    """Temperature of hot water."""
    cold_water_c: Water = 10.0
    """Temperature of cold water."""

    @model_validator(mode="after")
    def _falls(self) -> ExchangerSection:
        if not self.heating_supply_c.supply_c[0] > self.heating_return_c > self.room_c:
            raise ValueError("heating_supply_c at its coldest point above heating_return_c above room_c")
        if self.hot_water_c <= self.cold_water_c:
            raise ValueError("hot_water_c above cold_water_c")
        return self


class BypassSection(Section):
    """A thermostatic bypass from supply to return in every substation, so that small draws find warm water."""

    supply_c: Water = 60.0
    """Supply temperature that it keeps: closed above, fully open 2 K below."""
    share: Annotated[float, Field(gt=0.0, le=1.0, json_schema_extra={"unit": "-"})] = 0.05
    """What it lets through when fully open, as a part of the flow of the substation's design heat."""


class HeatController(Section):
    """How the supply temperature and the pump of the heat network are chosen; the operator buys heat accordingly."""

    kind: Literal["curve", "horizon"] = "curve"
    """``curve`` follows ``heat.supply_temperature_c`` at a constant pump head; ``horizon`` looks ahead and serves what
    is reserved at least cost of loss and pumping."""
    horizon_units: Annotated[int, Field(ge=2, le=96)] = 16
    """How many units the horizon looks ahead."""
    ramp_k: Annotated[float, _bounded("K", 0.0, 100.0)] = 5.0
    """Largest change of the supply temperature from one unit to the next, planned or by trading with the linepack."""
    reserve_k: Annotated[float, Field(ge=0.0, le=30.0, json_schema_extra={"unit": "K"})] = 2.0
    """By how much the horizon gives every substation more than it needs, for what nobody foresees."""
    head_reserve: Annotated[float, Field(ge=0.0, le=5.0, json_schema_extra={"unit": "-"})] = 0.1
    """By how much the pump's head is above what the flows need, as a part of the head for the usual largest flows. The
    head that is chosen bounds what flows."""
    differential_pressure_min_pa: Annotated[float, Field(ge=0.0, le=1e6, json_schema_extra={"unit": "Pa"})] = 0.0
    """Differential pressure that every substation needs for itself; part of the pump's head."""
    pump_efficiency: Annotated[float, Field(gt=0.05, le=1.0, json_schema_extra={"unit": "-"})] = 0.6
    """Efficiency of the pump from wire to water."""
    heat_price_eur_per_mwh: EurPerMWhPositive = 60.0
    """What the horizon takes lost heat to cost."""
    power_price_eur_per_mwh: EurPerMWhPositive = 200.0
    """What the horizon takes pumping to cost."""
    band_k: Annotated[float, Field(ge=0.0, le=100.0, json_schema_extra={"unit": "K"})] = 20.0
    """By how much the operator may hold the supply temperature above the plan, to buy heat when it is cheap."""


class PressureSection(Section):
    """How the heat network's pressure is kept; nodes of its file may have a height."""

    kept_pa: Annotated[float, _bounded("Pa", 1e5, 1e7)] = 400_000.0
    """Absolute pressure kept at the return of the main plant."""
    margin_pa: Annotated[float, Field(ge=0.0, le=1e6, json_schema_extra={"unit": "Pa"})] = 50_000.0
    """What has to be left above the pressure at which the water boils; less is a violation of the node."""
    highest_pa: Annotated[float, _bounded("Pa", 1e5, 1e8)] = 1_700_000.0
    """Absolute pressure that pipes and substations bear (PN 16); more is a violation of the node."""

    @model_validator(mode="after")
    def _kept_below(self) -> PressureSection:
        if self.kept_pa >= self.highest_pa:
            raise ValueError(f"kept_pa below highest_pa, {self.highest_pa:g} Pa")
        return self


class HeatSection(Section):
    """The heat delivery network, its plant and its limits."""

    network: Annotated[str, Field(min_length=1)]
    """A built-in name (``rexnet networks list``), the folder of a CSV network, or the path of a pandapipes JSON."""
    supply_temperature_c: SupplyCurve = SupplyCurve()
    """One number, or a curve ``{ outdoor_c = [-15, 15], supply_c = [80, 65] }``."""
    return_temperature_c: ReturnCurve = ReturnCurve()
    """Temperature at which substations give the water back: one number, or a curve
    ``{ outdoor_c = [-15, 15], return_c = [45, 38] }``; with ``exchanger`` it follows from the houses instead."""
    exchanger: ExchangerSection | None = None
    """Heat exchangers in the substations; without it they give back ``return_temperature_c``."""
    ground_c: Ground = 8.0
    """Temperature around the pipes. Below 0 degC a run ends with an error where standing water comes to freeze."""
    supply_min_c: Water = 55.0
    """Lowest supply temperature allowed at a substation."""
    bypass: BypassSection | None = None
    """Thermostatic bypasses in all substations; without it those of the network's file."""
    velocity_max_m_s: MetresPerSecond = 2.5
    """Highest velocity of the water in a pipe."""
    pump_head_max_pa: Annotated[float, _bounded("Pa", 1e3, 1e7)] = 800_000.0
    """Highest pressure that the pump may need for the worst substation, there and back."""
    controller: HeatController = HeatController()
    """How supply temperature and pump are chosen."""
    pressure: PressureSection | None = None
    """How the pressure is kept: results then have ``lowest_pressure_pa``, ``highest_pressure_pa`` and
    ``above_boiling_pa`` of every unit, and nodes where water comes near boiling are violations."""
    plant_bus: Annotated[str, Field(min_length=1)] | None = None
    """Electric bus of the central heat pump, such as ``"bus 12"``; by default the low-voltage side of the supply."""

    @model_validator(mode="after")
    def _warm_enough(self) -> HeatSection:
        coldest = min(self.supply_temperature_c.supply_c)
        if max(self.return_temperature_c.return_c) >= coldest:
            raise ValueError(f"return_temperature_c below the coldest supply temperature, {coldest:g} degC")
        if self.bypass is not None and self.bypass.supply_c >= coldest:
            raise ValueError(f"bypass.supply_c below the coldest supply temperature, {coldest:g} degC")
        if self.exchanger is not None:
            import numpy as np

            curve, ends = self.supply_temperature_c, self.exchanger
            design = float(np.interp(ends.heating_supply_c.outdoor_c[0], curve.outdoor_c, curve.supply_c))
            wanted = ends.heating_supply_c.supply_c[0]
            if not design > max(wanted, ends.heating_return_c + ends.approach_k):
                raise ValueError(
                    f"exchanger.heating_supply_c and heating_return_c + approach_k below the supply temperature "
                    f"{design:g} degC at {ends.heating_supply_c.outdoor_c[0]:g} degC outdoors"
                )
            if ends.hot_water_share > 0.0 and ends.hot_water_c >= coldest:
                raise ValueError(f"exchanger.hot_water_c below the coldest supply temperature, {coldest:g} degC")
        return self


class WeatherSection(Section):
    """Outdoor temperature and irradiance."""

    source: Annotated[str, Field(min_length=1)] = "try2010:12"
    """``try2010:<1..15>``, the German test reference year of a region, or the path of a CSV file."""
    latitude: Annotated[float, Field(ge=-90.0, le=90.0, json_schema_extra={"unit": "degree"})] = 48.47
    """Latitude, for the position of the sun."""
    longitude: Annotated[float, Field(ge=-180.0, le=180.0, json_schema_extra={"unit": "degree"})] = 7.87
    """Longitude, for the position of the sun."""


class Contingency(Section):
    """Something that fails, or comes back, at the start of a unit."""

    unit: Annotated[int, Field(ge=0)]
    """The unit at whose start it happens."""
    carrier: Literal["electricity", "heat"] = "electricity"
    """In which network."""
    element: Annotated[str, Field(min_length=1)]
    """``"line 3"``, ``"trafo 0"`` or ``"switch 5"`` of the electric network, ``"pipe NAME"`` or ``"pump NODE"`` (that
    of a plant, or with its pipe's name a booster) of the heat network, or a participant's name."""
    action: Literal["trip", "restore"] = "trip"
    """What happens to it: ``trip`` takes it out, opens a switch; ``restore`` brings it back, closes a switch."""
