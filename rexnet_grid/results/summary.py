"""The few figures that describe a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rexnet_grid.results.money import bookings, net_cost_of_prosumers, paid_to_supply
from rexnet_grid.results.schema import network_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.results.reader import Results
    from rexnet_grid.units import Carrier

VIOLATION_KINDS = ("voltage_bus", "line", "trafo", "heat", "power_flow")


@dataclass(frozen=True, slots=True)
class CarrierSummary:
    """One carrier of a run.

    Attributes
    ----------
    trades
        Number of fills [-].
    traded_kwh
        Energy traded [kWh].
    mean_price_eur_per_mwh
        Mean price weighted by quantity [EUR/MWh]; None when nothing was traded.
    import_kwh
        Energy that the supply node put in [kWh].
    withdrawn_kwh
        Energy that the nodes took out [kWh].
    loss_kwh
        Energy lost on the way [kWh].
    rationed_kwh, unserved_kwh, discarded_kwh
        Consumption cut by the safety maintainer, consumption that nobody cut and that did not arrive, and generation
        spilled [kWh].
    safety_cost_eur
        What the cuts of the safety maintainer cost [EUR].
    energy_residual_relative
        Largest energy imbalance of a unit over its throughput [-].
    exercised_kwh
        Energy called or put by exercised options [kWh].
    option_fees_eur, exercise_fees_eur
        What the operator paid for options and for exercising them [EUR].
    maker_profit_eur
        What the contract maker earned, its inventory settled [EUR]; None where nobody makes the market.
    maker_inventory_kwh
        What it was left with at the gates, as a magnitude [kWh]; None likewise.
    """

    trades: int
    traded_kwh: float
    mean_price_eur_per_mwh: float | None
    import_kwh: float
    withdrawn_kwh: float
    loss_kwh: float
    rationed_kwh: float
    unserved_kwh: float
    discarded_kwh: float
    safety_cost_eur: float
    energy_residual_relative: float
    exercised_kwh: float = 0.0
    option_fees_eur: float = 0.0
    exercise_fees_eur: float = 0.0
    maker_profit_eur: float | None = None
    maker_inventory_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """One run.

    Attributes
    ----------
    name, title
        Of the scenario.
    complete
        Whether the run reached its last unit.
    units
        Delivered units [-].
    violations
        Element-units that broke a limit in the delivered state, by ``voltage_bus_units``, ``line_units``,
        ``trafo_units``, ``heat_units``, ``power_flow_units`` [-].
    carriers
        Figures of each carrier.
    cost_eur
        What prosumers paid to the external supply and the network operator, all carriers [EUR].
    supply_eur
        What the external supply received, all carriers [EUR].
    fuel_cost_eur
        What plants paid for fuel [EUR].
    cash_sum_quanta
        Sum of all cash, zero when the books close [quantum]; None when the manifest does not say.
    """

    name: str
    title: str
    complete: bool
    units: int
    violations: Mapping[str, int]
    carriers: Mapping[Carrier, CarrierSummary]
    cost_eur: float
    supply_eur: float
    fuel_cost_eur: float
    cash_sum_quanta: int | None

    @property
    def violation_count(self) -> int:
        """All element-units that broke a limit [-]."""
        return sum(self.violations.values())

    @property
    def rationed_kwh(self) -> float:
        """Consumption cut by the safety maintainer, all carriers [kWh]."""
        return sum(carrier.rationed_kwh for carrier in self.carriers.values())

    @property
    def unserved_kwh(self) -> float:
        """Consumption that nobody cut and that did not arrive, all carriers [kWh]."""
        return sum(carrier.unserved_kwh for carrier in self.carriers.values())

    @property
    def discarded_kwh(self) -> float:
        """Generation spilled, all carriers [kWh]."""
        return sum(carrier.discarded_kwh for carrier in self.carriers.values())

    @property
    def loss_kwh(self) -> float:
        """Energy lost on the way, all carriers [kWh]."""
        return sum(carrier.loss_kwh for carrier in self.carriers.values())

    @property
    def safety_cost_eur(self) -> float:
        """What the cuts of the safety maintainer cost, all carriers [EUR]."""
        return sum(carrier.safety_cost_eur for carrier in self.carriers.values())


def summarise(results: Results) -> Summary:
    """Return the figures of a run, from its tables; what was cut and what did not arrive as its manifest counted it."""
    manifest = results.manifest
    cash = manifest.number("cash_sum_quanta")
    return Summary(
        name=manifest.name,
        title=manifest.title,
        complete=manifest.complete,
        units=_units(results),
        violations=_violations(results),
        carriers={carrier: _carrier(results, carrier) for carrier in manifest.rules if _took_part(results, carrier)},
        cost_eur=net_cost_of_prosumers(results),
        supply_eur=paid_to_supply(results),
        fuel_cost_eur=manifest.number("fuel_cost_eur") or 0.0,
        cash_sum_quanta=None if cash is None else int(cash),
    )


def _took_part(results: Results, carrier: Carrier) -> bool:
    return network_table(carrier, "balance") in results.tables or carrier in set(results.participants["carrier"])


def _units(results: Results) -> int:
    """Return how many units were delivered."""
    delivered = [int(results.table(t)["unit"].max()) + 1 for t in results.tables if t.endswith("/balance")]
    return max(delivered, default=0)


def _violations(results: Results) -> dict[str, int]:
    """Count element-units by kind; an element that breaks two limits of a kind in a unit counts once."""
    rows = results.violations.drop_duplicates(["kind", "element", "unit"])
    counts = rows["kind"].value_counts()
    return {f"{kind}_units": int(counts.get(kind, 0)) for kind in VIOLATION_KINDS}


def _carrier(results: Results, carrier: Carrier) -> CarrierSummary:
    manifest = results.manifest
    rules, hours = manifest.rules[carrier], manifest.grid.hours
    trades = results.trades
    trades = trades[trades["carrier"] == carrier]
    lots = int(trades["lots"].sum())
    mean = float((trades["price_ticks"] * trades["lots"]).sum()) / lots * rules.tick_eur_per_mwh if lots else None
    balance = results.table(network_table(carrier, "balance"))
    service = results.service[results.service["carrier"] == carrier]
    actions = results.actions[results.actions["carrier"] == carrier]
    rationed = manifest.number("rationed_kwh", carrier)
    missing = float(service["unserved_kw"].sum()) if "unserved_kw" in service else 0.0
    unserved = manifest.number("unserved_kwh", carrier)
    discarded = manifest.number("discarded_kwh", carrier)
    return CarrierSummary(
        trades=len(trades),
        traded_kwh=lots * rules.lot_kw * hours,
        mean_price_eur_per_mwh=mean,
        import_kwh=float(balance["import_kw"].sum()) * hours,
        withdrawn_kwh=float(balance["withdrawn_kw"].sum()) * hours,
        loss_kwh=float(balance["loss_kw"].sum()) * hours,
        rationed_kwh=float(service["rationed_kw"].sum()) * hours if rationed is None else rationed,
        unserved_kwh=missing * hours if unserved is None else unserved,
        discarded_kwh=float(service["discarded_kw"].sum()) * hours if discarded is None else discarded,
        safety_cost_eur=float(actions["cost_eur"].sum()),
        energy_residual_relative=float(balance["residual_relative"].max()) if len(balance) else 0.0,
        **_options(results, carrier),
        **_maker(results, carrier),
    )


def _options(results: Results, carrier: Carrier) -> dict[str, float]:
    sold = results.options[results.options["carrier"] == carrier]
    return {
        "exercised_kwh": float(sold["exercised_kwh"].sum()),
        "option_fees_eur": float(sold["option_fee_eur"].sum()),
        "exercise_fees_eur": float(sold["exercise_fee_eur"].sum()),
    }


def _maker(results: Results, carrier: Carrier) -> dict[str, float]:
    people, stood = results.participants, results.maker[results.maker["carrier"] == carrier]
    names = people.loc[(people["kind"] == "maker") & (people["carrier"] == carrier), "name"]
    if names.empty:
        return {}
    paid = bookings(results)
    mine = paid[paid["carrier"] == carrier]
    profit = mine.loc[mine["credit"].isin(names), "eur"].sum() - mine.loc[mine["debit"].isin(names), "eur"].sum()
    lots = float(stood["inventory_lots"].abs().sum())
    inventory = lots * results.manifest.rules[carrier].lot_kw * results.manifest.grid.hours
    return {"maker_profit_eur": float(profit), "maker_inventory_kwh": inventory}
