"""What people expect to read of a market: folds over trades and the log, and the measures of experimental economics."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.reservex.layout import E_KIND, E_LOTS, E_UNIT, K_CLOCK, K_FILL, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.reservex.exchange import Exchange
    from rexnet_grid.reservex.log import EventLog


def unit_prices(trades: pd.DataFrame) -> pd.DataFrame:
    """Return by unit: opening (first), last, lowest, highest, volume-weighted mean price [tick], lots and trades."""
    turnover = trades.assign(turnover=trades.price * trades.lots).groupby("unit")
    prices = turnover["price"]
    out: pd.DataFrame = prices.agg(opening="first", last="last", low="min", high="max").assign(
        vwap=turnover["turnover"].sum() / turnover["lots"].sum(), lots=turnover["lots"].sum(), trades=prices.size()
    )
    out.attrs.update(opening="tick", last="tick", low="tick", high="tick", vwap="tick", lots="lot")
    return out


def spread_and_depth(exchange: Exchange, levels: int = 5) -> pd.DataFrame:
    """Return by open unit: best bid and ask, spread [tick] and displayed lots of the best levels on each side."""
    import pandas as pd

    rows = []
    for unit in exchange.units.tolist():
        depth = exchange.depth(unit, levels)
        bid = depth.bids[0].price if depth.bids else None
        ask = depth.asks[0].price if depth.asks else None
        spread = None if bid is None or ask is None else ask - bid
        lots = (sum(row.lots for row in side) for side in (depth.bids, depth.asks))
        rows.append((unit, bid, ask, spread, *lots))
    columns = ["unit", "bid", "ask", "spread", "bid_lots", "ask_lots"]
    return pd.DataFrame(rows, columns=columns).set_index("unit").astype("Int64")


def lead_times(log: EventLog) -> pd.DataFrame:
    """Return every trade with its lead time [min] between the trade and the start of its unit, as the clock told it."""
    import pandas as pd

    rows = log.rows
    clock = np.where(rows[:, E_KIND] == K_CLOCK, np.arange(len(rows)), -1)
    latest = np.maximum.accumulate(clock) if len(rows) else clock
    fills = np.flatnonzero(rows[:, E_KIND] == K_FILL)
    told = latest[fills]
    seconds = np.where(told >= 0, rows[told, E_LOTS], 0)
    trades = log.trades()
    start = rows[fills, E_UNIT] * log.rules.unit_minutes * 60
    frame = pd.DataFrame({"unit": trades["unit"], "price": trades["price"], "lots": trades["lots"]})
    frame["lead_minutes"] = (start - seconds) / 60.0
    return frame


def prices_by_lead(log: EventLog, bins: FloatArray) -> pd.DataFrame:
    """Return mean price [tick], lots and trades by lead time [min], in ``bins``: liquidity as the gate nears."""
    import pandas as pd

    trades = lead_times(log)
    trades["bin"] = pd.cut(trades.lead_minutes.to_numpy(), list(bins))
    trades["turnover"] = trades.price * trades.lots
    groups = trades.groupby("bin", observed=True)
    out = groups[["lots", "turnover"]].sum().assign(trades=groups.size())
    return out.assign(vwap=out.turnover / out.lots).drop(columns="turnover")


class Equilibrium(NamedTuple):
    """Competitive equilibrium of single-unit values and costs: price interval, quantity and surplus."""

    low: int
    high: int
    quantity: int
    surplus: int


def equilibrium(values: IntArray, costs: IntArray) -> Equilibrium:
    """Return the competitive equilibrium of buyers' values and sellers' costs, one unit each."""
    v, c = np.sort(np.asarray(values))[::-1], np.sort(np.asarray(costs))
    n = min(len(v), len(c))
    gains = v[:n] - c[:n]
    q = int((gains >= 0).sum())
    low = max(int(c[q - 1]) if q else int(v[0]), int(v[q]) if q < len(v) else -(2**62))
    high = min(int(v[q - 1]) if q else int(c[0]), int(c[q]) if q < len(c) else 2**62)
    return Equilibrium(low, high, q, int(gains[:q].sum()))


def allocative_efficiency(realised_surplus: float, values: IntArray, costs: IntArray) -> float:
    """Return realised over possible surplus [-] (Smith 1962; Gode and Sunder 1993)."""
    return realised_surplus / equilibrium(values, costs).surplus


def convergence_coefficient(prices: IntArray, equilibrium_price: float) -> float:
    """Return Smith's alpha [%]: root-mean-square deviation of prices from equilibrium over the equilibrium price."""
    deviation = np.asarray(prices, dtype=np.float64) - equilibrium_price
    return 100.0 * float(np.sqrt(np.mean(deviation**2))) / equilibrium_price


def profit_dispersion(profits: FloatArray, equilibrium_profits: FloatArray) -> float:
    """Return the root-mean-square gap between actual and equilibrium profits (Gode and Sunder 1993)."""
    gap = np.asarray(profits, dtype=np.float64) - np.asarray(equilibrium_profits, dtype=np.float64)
    return float(np.sqrt(np.mean(gap**2)))
