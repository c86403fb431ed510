"""How liquid a market was, and how good, in the report: a fold over the log of each exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError
from rexnet_grid.report.section import CARRIER_NAMES, Section, escape, number, table
from rexnet_grid.reservex.quality import market_quality
from rexnet_grid.reservex.statistics import liquidity

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.reservex import EventLog
    from rexnet_grid.results import Results
    from rexnet_grid.units import Carrier, Quantum

LEADS_MIN = np.array([0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1e6])
HEAD = ("before delivery", "traded [kWh]", "trades", "price [EUR/MWh]", "spread [EUR/MWh]", "bid [kW]", "asked [kW]")


def market(results: Results) -> Section | None:
    """Return liquidity by lead time and efficiency, by carrier; None where a run kept no log."""
    body = "".join(_carrier(results, carrier, rules) for carrier, rules in results.manifest.rules.items())
    sentence = (
        "What was traded and offered as delivery came nearer, on average over the units, and how the trades compare "
        "with the best that the submitted values allowed. A negative spread: orders cross, but the network keeps them "
        "apart."
    )
    return Section("liquidity", "How liquid the market was", sentence, body=body) if body else None


def _carrier(results: Results, carrier: Carrier, rules: Quantum) -> str:
    log = _log_of(results, carrier)
    if log is None or not len(log.trades()["lots"]):
        return ""
    by_lead = liquidity(log, LEADS_MIN, every_minutes=float(max(60, log.rules.unit_minutes)))
    tick, kw = rules.tick_eur_per_mwh, rules.lot_kw
    rows = [
        (
            _lead(by_lead.index[place]),
            number(row["lots"] * kw * rules.hours),
            number(row["trades"], 0),
            number(row["vwap"] * tick),
            number(row["spread"] * tick),
            number(row["bid_lots"] * kw),
            number(row["ask_lots"] * kw),
        )
        for place, (_, row) in reversed(list(enumerate(by_lead.iterrows())))
    ]
    name = escape(CARRIER_NAMES[carrier])
    return f"<h3>{name}</h3>{_verdict(market_quality(log))}" + table(HEAD, rows, numeric=(1, 2, 3, 4, 5, 6))


def _log_of(results: Results, carrier: Carrier) -> EventLog | None:
    try:
        return results.log(carrier)
    except InputError:
        return None


def _verdict(quality: pd.DataFrame) -> str:
    possible = float(quality["possible_surplus"].sum())
    if not possible:
        return ""
    efficiency, alpha = float(quality["surplus"].sum()) / possible, float(quality["alpha"].median())
    return (
        f"<p>The trades realised {efficiency:.1%} of the surplus that the submitted values allowed; in the median unit "
        f"prices were {number(alpha)} % off the competitive equilibrium (root mean square).</p>"
    )


def _lead(interval: pd.Interval[float]) -> str:
    ends = (interval.left, interval.right)
    low, high = (f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h" for minutes in ends)
    return f"over {low}" if interval.right >= LEADS_MIN[-1] else f"{low} to {high}"
