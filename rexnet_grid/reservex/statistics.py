"""What people expect to read of a market: prices, spreads, depth, by unit and by lead time; folds over the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.reservex.layout import E_KIND, E_LOTS, E_UNIT, K_CLOCK, K_FILL, FloatArray

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
    """Return by open unit: best bid and ask, spread [tick] and displayed lots of the best levels on each side.

    A unit in its call phase has no spread: its orders may cross.
    """
    import pandas as pd

    rows = []
    for unit in exchange.units.tolist():
        depth = exchange.depth(unit, levels)
        bid = depth.bids[0].price if depth.bids else None
        ask = depth.asks[0].price if depth.asks else None
        spread = None if bid is None or ask is None or exchange.calling(unit) else ask - bid
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


def _edges(bins: FloatArray) -> list[float]:
    """Return the edges of bins of lead time, or raise :class:`~rexnet_grid.errors.InputError`."""
    try:
        edges = np.asarray(bins)
    except ValueError:  # ragged
        edges = np.empty(0)
    if edges.ndim == 1 and len(edges) > 1 and edges.dtype.kind in "iuf" and (edges[1:] > edges[:-1]).all():
        return list(bins)
    expected = "at least two increasing numbers, the edges of the bins of lead time [min]"
    raise InputError([Issue("statistics", "bins", repr(bins), expected, "[0.0, 60.0, 120.0] makes two bins")])


def prices_by_lead(log: EventLog, bins: FloatArray) -> pd.DataFrame:
    """Return mean price [tick], lots and trades by lead time [min], in ``bins``: liquidity as the gate nears.

    Raises
    ------
    InputError
        When ``bins`` are not increasing edges.
    """
    import pandas as pd

    trades = lead_times(log)
    trades["bin"] = pd.cut(trades.lead_minutes.to_numpy(), _edges(bins))
    trades["turnover"] = trades.price * trades.lots
    groups = trades.groupby("bin", observed=True)
    out = groups[["lots", "turnover"]].sum().assign(trades=groups.size())
    return out.assign(vwap=out.turnover / out.lots).drop(columns="turnover")


def price_paths(log: EventLog, bins: FloatArray) -> pd.DataFrame:
    """Return the path of each unit's price from its opening to its gate: rows are units, prices in ticks.

    Columns: ``opening`` (first price), the volume-weighted price in each of the ``bins`` of lead time [min], the
    longest lead first and named by the end nearer to delivery, and ``last``. Empty where nothing was traded.

    Raises
    ------
    InputError
        When ``bins`` are not increasing edges.
    """
    import pandas as pd

    trades = lead_times(log)
    trades["turnover"] = trades["price"] * trades["lots"]
    edges = [float(edge) for edge in _edges(bins)]
    nearer = pd.cut(trades["lead_minutes"].to_numpy(), edges, labels=edges[:-1])
    groups = trades.groupby(["unit", pd.Series(nearer, index=trades.index, name="lead")], observed=True)
    sums = groups[["turnover", "lots"]].sum()
    paths = (sums["turnover"] / sums["lots"]).unstack("lead")
    paths = paths[sorted(paths.columns, reverse=True)]
    ends = trades.groupby("unit")["price"].agg(opening="first", last="last")
    out: pd.DataFrame = pd.concat(
        [ends["opening"], paths.set_axis(paths.columns.astype(float), axis=1), ends["last"]], axis=1
    )
    out.attrs.update(unit="tick")
    return out


def book_history(log: EventLog, every_minutes: float = 15.0, levels: int = 5) -> pd.DataFrame:
    """Return the spread and depth of every open unit at regular moments, from a replay of the log.

    Columns: ``minute`` (since unit 0 began), ``unit``, ``lead_minutes``, and those of :func:`spread_and_depth`.

    Raises
    ------
    ValueError
        When ``every_minutes`` is not positive.
    """
    import pandas as pd

    from rexnet_grid.reservex.exchange import Exchange

    if not every_minutes > 0.0:
        raise ValueError(f"every_minutes must be positive, not {every_minutes}")
    ticks = np.flatnonzero(log.rows[:, E_KIND] == K_CLOCK)
    minutes = log.rows[ticks, E_LOTS] / 60.0
    if not len(ticks):
        return spread_and_depth(Exchange(log.rules)).reset_index().assign(minute=0.0, lead_minutes=0.0)
    moments = np.arange(np.ceil(minutes[0] / every_minutes), np.floor(minutes[-1] / every_minutes) + 1) * every_minutes
    following, parts = Exchange(log.rules, carrier=log.carrier), []
    for moment in moments.tolist():
        later = int(np.searchsorted(minutes, moment, "right"))
        following.follow(log, int(ticks[later]) if later < len(ticks) else len(log))
        parts.append(spread_and_depth(following, levels).reset_index().assign(minute=moment))
    history: pd.DataFrame = pd.concat(parts, ignore_index=True)
    history["lead_minutes"] = history["unit"].astype(float) * log.rules.unit_minutes - history["minute"]
    return history.loc[:, ["minute", "unit", "lead_minutes", "bid", "ask", "spread", "bid_lots", "ask_lots"]]


def liquidity(log: EventLog, bins: FloatArray, every_minutes: float = 15.0, levels: int = 5) -> pd.DataFrame:
    """Return by lead time [min], in ``bins``, how liquid the market was: how that changes as the gate nears.

    Columns: lots, trades and vwap [tick] of what was traded, mean spread [tick] where both sides quoted, and mean lots
    offered on each side.

    Raises
    ------
    InputError
        When ``bins`` are not increasing edges.
    """
    import pandas as pd

    edges = _edges(bins)
    books = book_history(log, every_minutes, levels)
    books["bin"] = pd.cut(books["lead_minutes"].to_numpy(), edges)
    stood = books.groupby("bin", observed=True)[["spread", "bid_lots", "ask_lots"]].mean().astype(float)
    joined: pd.DataFrame = prices_by_lead(log, bins).join(stood, how="outer")
    return joined
