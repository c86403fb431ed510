"""The figures of a run that its manifest holds, added up unit by unit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rexnet_grid.cosim.recording import DISCARD, EXERCISED, RATION

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.unit import UnitOnCarrier
    from rexnet_grid.units import Carrier

VIOLATION_COUNTERS = {
    "voltage_bus": "voltage_bus_units",
    "line": "line_units",
    "trafo": "trafo_units",
    "heat": "heat_units",
    "power_flow": "power_flow_units",
}


class Tally:
    """Running sums of a run.

    Parameters
    ----------
    carriers
        The carriers of the run.
    """

    def __init__(self, carriers: tuple[Carrier, ...]) -> None:
        self.energy_residual: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.rationed_kwh: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.unserved_kwh: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.discarded_kwh: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.exercised_kwh: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.loss_kwh: dict[Carrier, float] = dict.fromkeys(carriers, 0.0)
        self.fuel_cost_eur = 0.0
        self.violations: Counter[str] = Counter()
        self.unclean_units: Counter[str] = Counter()

    def add(self, market: CarrierMarket, book: UnitOnCarrier, hours: float) -> None:
        """Add one delivered unit of ``hours`` [h]."""
        carrier, state = market.carrier, book.state
        if state is None:
            raise ValueError(f"unit {book.unit} has not been delivered")
        self.energy_residual[carrier] = max(self.energy_residual[carrier], state.balance.residual_relative)
        self.loss_kwh[carrier] += state.balance.loss_kw * hours
        short, spilled = book.not_carried_kw(consumption=True), book.not_carried_kw(consumption=False)
        self.rationed_kwh[carrier] += float(book.cut_kw(RATION).sum()) * hours
        self.unserved_kwh[carrier] += float(short.sum()) * hours
        self.discarded_kwh[carrier] += float((book.cut_kw(DISCARD) + spilled).sum()) * hours
        self.exercised_kwh[carrier] += float(book.cut_kw(EXERCISED).sum()) * hours
        self.unclean_units[carrier] += not book.clean
        for kind, element in {(v.kind, v.element) for v in state.violations}:
            self.violations[VIOLATION_COUNTERS[kind]] += bool(element)

    def manifest(self) -> dict[str, object]:
        """Return the figures as the manifest names them."""
        return {
            "energy_residual_relative": dict(self.energy_residual),
            "violations": {name: self.violations[name] for name in VIOLATION_COUNTERS.values()},
            "rationed_kwh": dict(self.rationed_kwh),
            "unserved_kwh": dict(self.unserved_kwh),
            "discarded_kwh": dict(self.discarded_kwh),
            "exercised_kwh": dict(self.exercised_kwh),
            "loss_kwh": dict(self.loss_kwh),
            "fuel_cost_eur": self.fuel_cost_eur,
            "units_not_clean": {carrier: self.unclean_units[carrier] for carrier in self.energy_residual},
        }
