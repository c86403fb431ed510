"""What the manifest of a run says of its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.simulation import Simulation

COUPLING = {
    "scheme": "staggered",
    "order": ["electricity", "heat"],
    "note": "both carriers are secured on reservations, coupled devices act, then each network is solved once a unit",
}


def manifest_of(simulation: Simulation) -> dict[str, Any]:
    """Return the outcome so far, as ``manifest.json`` names it; see ``docs/results.md``."""
    setup, markets = simulation.setup, simulation.setup.markets
    return {
        "coupling": COUPLING,
        "units_done": simulation.unit,
        "feedback": bool(setup.feedbacks),
        "headroom_from": {f.market.carrier: f.oracle.status() for f in setup.feedbacks},
        "safety_maintainer": setup.maintainer is not None,
        "timings_s": dict(simulation.timings_s),
        "cash_sum_quanta": sum(int(m.exchange.ledger.balances().sum()) for m in markets.values()),
        **simulation.tally.manifest(),
        "trades": {c: m.tape.trades for c, m in markets.items()},
        "traded_kwh": {c: m.tape.traded_lots * m.lot_kw * setup.grid.hours for c, m in markets.items()},
        "rules": {c: _rules(m) for c, m in markets.items()},
        "participants": {c: len(m.seats.names) for c, m in markets.items()},
        "wakes": simulation.floor.wakes,
        "state_hash": {c: m.exchange.state_hash() for c, m in markets.items()},
        "notes": list(setup.population.notes),
    }


def _rules(market: CarrierMarket) -> dict[str, Any]:
    return {**market.exchange.rules.as_dict(), "quantum_eur": market.exchange.rules.quantum.eur}
