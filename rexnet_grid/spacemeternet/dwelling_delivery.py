"""A true building of flats as a delivery network: heat in at the substation, temperatures out at the flats.

Flats are nodes of the heat carrier; what they take is an injection below zero. The building carries what its risers
and its substation can; its violations are flats overheated or too cold, and pipes beyond their capacity. Cutting can
mend all but the cold, so :meth:`DwellingDelivery.predict` leaves the cold out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rexnet_grid.delivery import EnergyBalance, LocationalSignal, NetworkState, Violation
from rexnet_grid.errors import InputError, Issue
from rexnet_grid.spacemeternet.comfort import ComfortBand, Pipework, RoomModel, comfort_headroom, outlook
from rexnet_grid.spacemeternet.dwelling import Dwelling, advance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.delivery import Headroom
    from rexnet_grid.spacemeternet.discretise import FloatArray

_TRIFLE_K, _TRIFLE_KW = 1e-6, 1e-6


@dataclass(frozen=True, slots=True)
class DwellingForcing:
    """What acts on a building beside its heating; row u holds over unit u.

    Attributes
    ----------
    outdoor_c
        (N,) outdoor temperature [degC].
    sun_kw_m2
        (N,) irradiance on the façade [kW/m²].
    gains_kw
        (N, flats) of people and appliances [kW].
    expected_gains_kw
        (N, flats) what is expected of them before the unit [kW].
    """

    outdoor_c: FloatArray
    sun_kw_m2: FloatArray
    gains_kw: FloatArray
    expected_gains_kw: FloatArray


class DwellingDelivery:
    """A building of flats that heat each other, as the unit cycle sees it.

    Parameters
    ----------
    dwelling
        The building.
    pipework
        Its risers and its substation.
    band
        The temperatures flats are held in.
    forcing
        Weather and people of all units.
    hours
        Length of a unit [h].
    state_c
        (2 flats,) airs and masses at the start [degC].
    margin_k
        What headroom keeps free of the band [K].
    """

    def __init__(
        self,
        dwelling: Dwelling,
        pipework: Pipework,
        band: ComfortBand,
        forcing: DwellingForcing,
        hours: float,
        state_c: FloatArray,
        margin_k: float = 0.0,
    ) -> None:
        self.dwelling = dwelling
        self.pipework = pipework
        self.band = band
        self.forcing = forcing
        self.hours = hours
        self.margin_k = margin_k
        self._model = dwelling.model(hours)
        self._sun = dwelling.sun_kw(forcing.sun_kw_m2)
        n = len(pipework.flats)
        self._rooms = RoomModel(self._model.phi, np.ascontiguousarray(self._model.gamma0[:, 1:]), np.arange(n))
        self._response = self._rooms.responses(band.lags)
        self._state = state_c.copy()
        self._unit = 0

    @property
    def carrier(self) -> Literal["heat"]:
        """Heat."""
        return "heat"

    @property
    def nodes(self) -> tuple[str, ...]:
        """The substation, then the flats."""
        return self.pipework.nodes

    @property
    def supply_node(self) -> str:
        """The substation."""
        return self.pipework.substation

    @property
    def operator_node(self) -> str:
        """The supply node."""
        return self.supply_node

    @property
    def air_c(self) -> FloatArray:
        """Air of the flats now [degC]."""
        return self._state[: len(self.pipework.flats)].copy()

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return what the recorded arrays are aligned to."""
        return {"air_c": self.pipework.flats, "mass_c": self.pipework.flats}

    def check(self) -> list[Issue]:
        """Return everything that makes the building unfit for a run."""
        rating = self.band.rating_kw
        issues = []
        if self.pipework.riser_kw < rating.max():
            value, expected = f"{self.pipework.riser_kw:g}", f"at least {rating.max():.1f}, the largest radiator [kW]"
            issues.append(Issue("building", "riser_kw", value, expected))
        return issues

    def predict(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Return what these rates [kW] would do in ``unit``; flats that would be too cold are no violation here."""
        return self._carry(unit, injection_kw)[0]

    def deliver(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Carry these rates [kW] through ``unit``; the substation gives what is drawn, up to its capacity."""
        state, self._state = self._carry(unit, injection_kw, cold=True)
        self._unit = unit + 1
        return state

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return what still fits in each open unit about ``position_kw`` (n_units, n_nodes) [kW]."""
        heat = np.maximum(-np.asarray(position_kw, dtype=np.float64)[:, 1:], 0.0)
        before = units[0] - self._unit
        lead = np.zeros((before, heat.shape[1]))
        airs = outlook(
            self._rooms, self.band, self._state, self._drive(self._unit, units[-1] + 1), np.vstack([lead, heat])
        )
        margin = np.full(heat.shape, self.margin_k)
        ahead = airs[0][before:], airs[1][before:]
        return comfort_headroom(units, self.pipework, self.band, self._response, ahead, margin, heat)

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:  # noqa: ARG002
        """Return a signal that says nothing: risers lose nothing here."""
        return LocationalSignal.none(units, self.nodes)

    def save(self) -> Any:
        """Return the temperatures and the unit they hold at the start of."""
        return {"state_c": self._state.copy(), "unit": self._unit}

    def restore(self, state: Any) -> None:
        """Go back to a saved state; raises InputError if it is none of this building."""
        temperatures = np.asarray(state["state_c"]) if isinstance(state, dict) and "state_c" in state else np.empty(0)
        if temperatures.shape != self._state.shape:
            raise InputError("building: this is not a state of this building")
        self._state, self._unit = temperatures.copy(), int(state["unit"])

    def _drive(self, first: int, end: int) -> FloatArray:
        """Return (units, states) what weather and people, as expected, bring in units ``first`` to ``end`` - 1."""
        rows = np.minimum(np.arange(first, end), len(self.forcing.outdoor_c) - 1)
        n = len(self.pipework.flats)
        power = self.forcing.expected_gains_kw[rows] + self._sun[0][rows]
        drive = np.outer(self.forcing.outdoor_c[rows], self._model.gamma0[:, 0]) + power @ self._rooms.heat.T
        drive[:, n:] += self._sun[1][rows] * self.hours / self._model.capacity[n:]
        return np.asarray(drive)

    def _carry(self, unit: int, injection_kw: FloatArray, cold: bool = False) -> tuple[NetworkState, FloatArray]:
        asked = np.maximum(-injection_kw[1:], 0.0)
        whole = float(asked.sum())
        share = min(1.0, self.pipework.supply_kw / whole) if cold and whole > 0.0 else 1.0
        heat = asked * share
        gains = self.forcing.gains_kw[unit] + self._sun[0][unit]
        after = advance(self._model, self._state, float(self.forcing.outdoor_c[unit]), heat + gains, self._sun[1][unit])
        n = len(heat)
        carried = np.concatenate([[heat.sum()], -heat])
        balance = EnergyBalance(float(heat.sum()), float(heat.sum()), 0.0, 0.0)
        unserved = np.concatenate([[0.0], asked - heat])
        arrays = {"air_c": after[:n], "mass_c": after[n:]}
        return NetworkState(carried, unserved, balance, self._broken(after[:n], heat, cold), arrays), after

    def _broken(self, air: FloatArray, heat: FloatArray, cold: bool) -> tuple[Violation, ...]:
        found = [
            Violation(flat, "heat", f"{flat} overheating", float(t), self.band.warmest_c, "degC")
            for flat, t in zip(self.pipework.flats, air, strict=True)
            if t > self.band.warmest_c + _TRIFLE_K
        ]
        load, bound, names = self.pipework.loads(heat)
        found += [
            Violation(name.removesuffix(" capacity"), "heat", name, float(value), float(most), "kW")
            for name, value, most in zip(names, load, bound, strict=True)
            if value > most + _TRIFLE_KW
        ]
        if cold:
            found += [
                Violation(flat, "heat", f"{flat} underheating", float(t), self.band.coldest_c, "degC")
                for flat, t in zip(self.pipework.flats, air, strict=True)
                if t < self.band.coldest_c - _TRIFLE_K
            ]
        return tuple(found)
