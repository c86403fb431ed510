"""A storage tank in the market: it buys heat for which somebody bids more later, and its layers say what it can do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.prosumers.base import Realised
from rexnet_grid.prosumers.battery import EPS, Battery, BatteryCell
from rexnet_grid.rexdynnet.tank import WATER_KJ_KGK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.prosumers.base import Delivered, FloatArray
    from rexnet_grid.prosumers.participant import Identity
    from rexnet_grid.rexdynnet.tank import StratifiedTank, TankMove
    from rexnet_grid.units import Carrier

PASSES_PER_HOUR = 4.0
NOTHING_KW = 1e-6


@dataclass(frozen=True, slots=True)
class TankSite:
    """A tank and the temperatures it works between.

    Attributes
    ----------
    tank
        The tank.
    rate_kw
        Largest rate in and out [kW].
    hot_c
        (n_units,) temperature at which the plant charges it [degC].
    lowest_c
        Lowest temperature the network takes from it [degC].
    return_c
        Of the network's return, which enters at the bottom [degC].
    wear_eur_per_mwh
        Pumping and wear per energy taken out [EUR/MWh].
    """

    tank: StratifiedTank
    rate_kw: float
    hot_c: FloatArray
    lowest_c: float
    return_c: float
    wear_eur_per_mwh: float = 1.0

    @property
    def flow_kg_s(self) -> float:
        """The most water that its pump moves [kg/s]: the tank a few times an hour."""
        return self.tank.layer_kwh_k * self.tank.layers * PASSES_PER_HOUR / WATER_KJ_KGK


class HeatStore(Battery):
    """A stratified tank that trades heat as a battery trades electricity.

    What it may sell is the heat above the return in layers warm enough for the network; what it may buy is what water
    of the plant's temperature still finds room for. Both are read from the layers after every unit, so what the tank
    loses through its hull, and what mixing makes useless, is gone from its books too: the cost of what is left rises.

    Parameters
    ----------
    identity
        Who it is.
    site
        Tank and temperatures.
    hours
        Length of a unit [h].
    hot_share
        Part of the volume that is hot at the start [-].
    worth_eur_per_mwh
        What the heat in it is worth at the start [EUR/MWh].
    """

    def __init__(
        self, identity: Identity, site: TankSite, hours: float, hot_share: float, worth_eur_per_mwh: float
    ) -> None:
        self.site = site
        self.layers_c = site.tank.filled(float(site.hot_c[0]), site.return_c, hot_share)
        cell = BatteryCell(1.0, site.rate_kw, 1.0, site.wear_eur_per_mwh)
        usable = site.tank.usable_kwh(self.layers_c, site.lowest_c, site.return_c)
        super().__init__(identity, cell, len(site.hot_c), hours, usable, worth_eur_per_mwh, "heat")
        self._loss_kwh = 0.0
        self._look(0)

    def realise(self, unit: int, secured_kw: Mapping[Carrier, float]) -> Mapping[Carrier, Realised]:
        """Return the secured reservation, as far as the layers allow."""
        rate = min(max(secured_kw.get("heat", 0.0), -self.site.rate_kw), self.site.rate_kw)
        move = self._try(unit, rate)
        return {"heat": Realised.steady(-move.heat_kwh / self.hours if abs(rate) > NOTHING_KW else 0.0)}

    def conclude(self, unit: int, delivered: Delivered) -> None:
        """Move the layers with what was really delivered, and write off what was lost."""
        rate = delivered.rate_kw["heat"]
        move = self._try(unit, rate)
        self.layers_c, self._loss_kwh = move.layers_c, move.loss_kwh
        self._book(np.array([unit]), np.array([rate]))
        self._at = unit + 1
        self._look(min(unit + 1, len(self.site.hot_c) - 1))
        reserved = float(self._stored(self._position_kw[self._at :]).sum())
        self.inventory_kwh = max(self.soc_kwh + reserved, 0.0)

    def record(self) -> Mapping[str, float]:
        """Return usable heat, its cost, temperatures at top and bottom, and the heat lost through the hull."""
        return {
            "soc_kwh": self.soc_kwh,
            "stored_cost_eur_per_mwh": self._cost_eur_per_mwh(),
            "top_c": float(self.layers_c[0]),
            "bottom_c": float(self.layers_c[-1]),
            "tank_loss_kwh": self._loss_kwh,
        }

    def _try(self, unit: int, rate_kw: float) -> TankMove:
        """Return what the tank does at a rate of injection [kW]."""
        site = self.site
        inlet = site.return_c if rate_kw > 0.0 else float(site.hot_c[unit])
        heat = -rate_kw if abs(rate_kw) > NOTHING_KW else 0.0
        return site.tank.exchange(self.layers_c, heat, inlet, self.hours, site.flow_kg_s)

    def _look(self, unit: int) -> None:
        """Read content and capacity from the layers."""
        site = self.site
        self.soc_kwh = site.tank.usable_kwh(self.layers_c, site.lowest_c, site.return_c)
        room = site.tank.room_kwh(self.layers_c, float(site.hot_c[unit]))
        self.cell = replace(self.cell, capacity_kwh=max(self.soc_kwh + room, EPS))
