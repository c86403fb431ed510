"""From a section [building] to the true building, to who lives in it, and to what its meters showed before the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.makers import Kit, make_flat
from rexnet_grid.prosumers.supply import CurvePlant
from rexnet_grid.prosumers.surroundings import hour_of_day, price_curve
from rexnet_grid.randomness import Streams
from rexnet_grid.rexdynnet.buildings import Building
from rexnet_grid.scenario.surroundings import weather_of
from rexnet_grid.spacemeternet.comfort import ComfortBand, Pipework
from rexnet_grid.spacemeternet.comfortloop import BuildingWeather, History
from rexnet_grid.spacemeternet.dwelling import (
    Dwelling,
    draw_dwelling,
    draw_gains,
    draw_targets,
    draw_walls,
    live_with_thermostats,
)
from rexnet_grid.spacemeternet.dwelling_delivery import DwellingDelivery, DwellingForcing

if TYPE_CHECKING:
    from rexnet_grid.prosumers.base import FloatArray, Prosumer
    from rexnet_grid.prosumers.surroundings import Weather
    from rexnet_grid.scenario.flats import BuildingSection
    from rexnet_grid.scenario.models import Scenario
    from rexnet_grid.units import Carrier

SUBSTATION = "substation"
LAG_HOURS = (0.0, 1.0, 3.0)
EXPECTED_GAIN_KW = 0.25
PLANT_WAKE_MINUTES = 10.0
PLANNED_MASS_SHARE = 0.5
SETTLING_DAYS = 3


@dataclass(frozen=True)
class Housing:
    """A building of a scenario: its physics, who lives in it and what surrounds it, all from streams of their own."""

    scenario: Scenario
    section: BuildingSection
    weather: Weather

    @cached_property
    def dwelling(self) -> Dwelling:
        """The true building."""
        s = self.section
        walls = draw_walls(self._stream("walls"), s.floors, s.columns, s.coupled_share)
        return draw_dwelling(self._stream("flats"), walls)

    @cached_property
    def rating_kw(self) -> FloatArray:
        """(n,) rating of the radiators [kW]."""
        population = self.scenario.population
        lift = population.comfort_min_c - population.design_outdoor_c
        return np.asarray(self.section.radiator_sizing * self.dwelling.loss_kw_k * lift)

    @cached_property
    def pipework(self) -> Pipework:
        """Risers and substation."""
        s, walls, rating = self.section, self.dwelling.walls, self.rating_kw
        riser = np.bincount(np.array(walls.risers), weights=rating).max()
        riser_kw = float(riser) if s.riser_kw is None else s.riser_kw
        supply_kw = float(rating.sum()) if s.supply_kw is None else s.supply_kw
        return Pipework(SUBSTATION, walls.names, walls.risers, riser_kw, supply_kw)

    @cached_property
    def band(self) -> ComfortBand:
        """The band of the flats' air."""
        lags = tuple(sorted({round(hours / self.scenario.time_grid.hours) for hours in LAG_HOURS}))
        return ComfortBand(self.section.coldest_c, self.section.warmest_c, self.rating_kw, lags)

    @cached_property
    def _past(self) -> tuple[FloatArray, FloatArray, BuildingWeather, FloatArray]:
        """Airs, heat and weather of the days before the run under thermostats, and the state they leave."""
        grid, days = self.scenario.time_grid, max(self.section.history_days, SETTLING_DAYS)
        steps = days * round(24.0 / grid.hours)
        start = self.scenario.start - timedelta(days=days)
        before = self.scenario.with_({"scenario.start": start, "scenario.units": steps, "contingencies": []})
        weather = weather_of(before)
        hour = hour_of_day(before.time_grid, steps)
        n = len(self.rating_kw)
        outdoor, sun = weather.outdoor_c[:steps], weather.global_w_m2[:steps] / 1000.0
        gains = draw_gains(self._stream("past gains"), n, hour, grid.hours)
        targets = draw_targets(self._stream("past targets"), n, hour, grid.hours)
        lived = live_with_thermostats(self.dwelling, grid.hours, outdoor, sun, gains, targets, self.rating_kw)
        return lived[0], lived[1], BuildingWeather(outdoor, sun), lived[2]

    def history(self) -> History:
        """Return what the meters showed before the run, with their errors."""
        air, heat, weather, _ = self._past
        steps = self.section.history_days * round(24.0 / self.scenario.time_grid.hours)
        keep = slice(len(air) - steps, None)
        rng, meters = self._stream("past meters"), self.scenario.meters
        air = air + meters.temperature_k * rng.standard_normal(air.shape)
        heat = heat * (1.0 + meters.heat_class * rng.standard_normal(heat.shape))
        return History(air[keep], heat[keep], BuildingWeather(weather.outdoor_c[keep], weather.sun_kw_m2[keep]))

    def station(self) -> BuildingWeather:
        """Return the weather of the run."""
        start = self.scenario.start.astimezone(UTC)
        hour = start.hour + start.minute / 60.0
        return BuildingWeather(self.weather.outdoor_c, self.weather.global_w_m2 / 1000.0, hour)

    def delivery(self) -> DwellingDelivery:
        """Return the building as a delivery network."""
        station, grid = self.station(), self.scenario.time_grid
        n, steps = len(self.rating_kw), len(self.weather)
        gains = draw_gains(self._stream("gains"), n, hour_of_day(grid, steps), grid.hours)
        forcing = DwellingForcing(
            station.outdoor_c, station.sun_kw_m2, gains, np.full((steps, n), float(EXPECTED_GAIN_KW))
        )
        margin_k = self.scenario.feedback.margin * (self.section.warmest_c - self.section.coldest_c)
        state = self._past[3]
        return DwellingDelivery(self.dwelling, self.pipework, self.band, forcing, grid.hours, state, margin_k)

    def members(self, kit: Kit) -> tuple[Prosumer, ...]:
        """Return the substation's plant and the flats."""
        section, config = self.section, kit.config
        curve = price_curve(
            self.scenario.time_grid, kit.units, section.heat_price_eur_per_mwh, section.heat_price_swing
        )
        heat_kit = replace(kit, heat_price=curve + config.heat_margin_eur_per_mwh)
        nodes: dict[Carrier, str] = {"heat": SUBSTATION}
        identity = kit.identity(
            "cellar heat pump", "supplier", nodes, config.curtail_flexible_eur_per_mwh, PLANT_WAKE_MINUTES
        )
        rating = self.pipework.supply_kw
        plant = CurvePlant(identity, "heat", rating, curve, config.heat_margin_eur_per_mwh)
        return (plant, *(self._flat(heat_kit, k) for k in range(len(self.rating_kw))))

    def _flat(self, kit: Kit, k: int) -> Prosumer:
        d, n = self.dwelling, len(self.rating_kw)
        config, name = kit.config, self.dwelling.walls.names[k]
        seen = Building(
            heat_loss_kw_k=float(d.loss_kw_k[k]),
            capacity_kwh_k=float(d.capacity_kwh_k[k] + PLANNED_MASS_SHARE * d.capacity_kwh_k[n + k]),
            solar_aperture_m2=float(d.aperture_m2[k]),
            internal_gain_kw=EXPECTED_GAIN_KW,
            set_point_c=0.5 * (config.comfort_min_c + config.comfort_max_c),
            comfort_band_k=0.5 * (config.comfort_max_c - config.comfort_min_c),
        )
        return make_flat(kit, name, name, seen, float(self.rating_kw[k]), float(self._past[3][k]))

    def _stream(self, purpose: str) -> np.random.Generator:
        return Streams(self.scenario.seed).generator("building", purpose)
