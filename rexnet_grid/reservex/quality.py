"""How good a market was: the measures of experimental economics, on one's own numbers or as a fold over a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.reservex.layout import (
    E_ACCOUNT,
    E_AUX1,
    E_AUX2,
    E_KIND,
    E_LOTS,
    E_ORDER,
    E_PRICE,
    E_UNIT,
    F_MARKET,
    F_SIDE,
    K_NEW,
    K_REMOVE,
    R_GATE,
    SELL,
    FloatArray,
    IntArray,
)

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.reservex.log import EventLog

_FAR = 1 << 62


class Equilibrium(NamedTuple):
    """Competitive equilibrium of values and costs: price interval, quantity and surplus."""

    low: int
    high: int
    quantity: int
    surplus: int

    @property
    def price(self) -> float | None:
        """The middle of the interval, its finite end where it is open, None where there is no price at all."""
        ends = [end for end in (self.low, self.high) if abs(end) < _FAR]
        return sum(ends) / len(ends) if ends else None


def equilibrium(
    values: IntArray, costs: IntArray, value_lots: IntArray | None = None, cost_lots: IntArray | None = None
) -> Equilibrium:
    """Return the competitive equilibrium of buyers' values and sellers' costs, by default of one lot each."""
    v, v_end = _staircase(-np.asarray(values, dtype=np.int64), value_lots)
    c, c_end = _staircase(np.asarray(costs, dtype=np.int64), cost_lots)
    v = -v
    ends = np.union1d(v_end, c_end)
    ends = ends[ends <= min(v_end[-1] if len(v_end) else 0, c_end[-1] if len(c_end) else 0)]
    starts = np.concatenate(([0], ends[:-1])).astype(np.int64)[: len(ends)]
    gains = v[np.searchsorted(v_end, starts, "right")] - c[np.searchsorted(c_end, starts, "right")]
    traded = gains >= 0
    q = int(ends[traded][-1]) if traded.any() else 0
    surplus = int((gains * (ends - starts))[traded].sum())
    low = max(_lot(c, c_end, q - 1, -_FAR), _lot(v, v_end, q, -_FAR))
    high = min(_lot(v, v_end, q - 1, _FAR), _lot(c, c_end, q, _FAR))
    return Equilibrium(low, high, q, surplus)


def _staircase(price: IntArray, lots: IntArray | None) -> tuple[IntArray, IntArray]:
    """Return prices in ascending order and where the lots of each end."""
    order = np.argsort(price, kind="stable")
    each = np.ones(len(price), dtype=np.int64) if lots is None else np.asarray(lots, dtype=np.int64)
    return price[order], np.cumsum(each[order])


def _lot(price: IntArray, end: IntArray, number: int, otherwise: int) -> int:
    """Return the price of lot ``number``, counted from 0; ``otherwise`` when there is none."""
    if number < 0 or not len(end) or number >= end[-1]:
        return otherwise
    return int(price[np.searchsorted(end, number, "right")])


def allocative_efficiency(realised_surplus: float, values: IntArray, costs: IntArray) -> float:
    """Return realised over possible surplus [-] (Smith 1962; Gode and Sunder 1993)."""
    return realised_surplus / equilibrium(values, costs).surplus


def convergence_coefficient(prices: IntArray, equilibrium_price: float, lots: IntArray | None = None) -> float:
    """Return Smith's alpha [%]: root-mean-square deviation of prices from equilibrium over the equilibrium price."""
    deviation = np.asarray(prices, dtype=np.float64) - equilibrium_price
    return 100.0 * float(np.sqrt(np.average(deviation**2, weights=lots))) / abs(equilibrium_price)


def profit_dispersion(profits: FloatArray, equilibrium_profits: FloatArray) -> float:
    """Return the root-mean-square gap between actual and equilibrium profits (Gode and Sunder 1993)."""
    gap = np.asarray(profits, dtype=np.float64) - np.asarray(equilibrium_profits, dtype=np.float64)
    return float(np.sqrt(np.mean(gap**2)))


def submitted_values(log: EventLog) -> pd.DataFrame:
    """Return what was really wanted: one row an order and unit, with the lots that traded or still waited at the gate.

    Columns: unit, account, side (0 buy, 1 sell), limit [tick], lots, traded, turnover [tick x lot]. Lots that their
    owner took back are no longer wanted and left out, so an order that was replaced counts once. A market order names
    no value; its limit is the price it got.
    """
    import pandas as pd

    rows = log.rows
    new, gone = rows[rows[:, E_KIND] == K_NEW], rows[(rows[:, E_KIND] == K_REMOVE) & (rows[:, E_AUX2] == R_GATE)]
    key = ["order", "unit"]
    orders = pd.DataFrame(new[:, [E_ORDER, E_UNIT, E_ACCOUNT, E_PRICE]], columns=[*key, "account", "limit"])
    orders["side"] = new[:, E_AUX1] & F_SIDE
    trades = log.trades()
    sides = [
        pd.DataFrame({"order": trades[name], "unit": trades["unit"], "traded": trades["lots"]}).assign(
            turnover=trades["lots"] * trades["price"]
        )
        for name in ("buy_order_id", "sell_order_id")
    ]
    traded = pd.concat(sides).groupby(key)[["traded", "turnover"]].sum()
    waited = pd.DataFrame(gone[:, [E_ORDER, E_UNIT, E_LOTS]], columns=[*key, "waited"]).groupby(key)["waited"].sum()
    found = orders.set_index(key).join(traded).join(waited).fillna(0).astype(np.int64)
    found["lots"] = found["traded"] + found["waited"]
    found = found[found["lots"] > 0]
    market = ((new[:, E_AUX1] & F_MARKET) > 0).astype(bool)
    named = pd.MultiIndex.from_arrays([new[market, E_ORDER], new[market, E_UNIT]], names=key)
    priced = found.index.isin(named) & (found["traded"] > 0).to_numpy()
    found.loc[priced, "limit"] = (found["turnover"] // found["traded"].clip(lower=1))[priced]
    return found.reset_index()[["unit", "account", "side", "limit", "lots", "traded", "turnover"]]


QUALITY = (
    "lots", "vwap", "equilibrium_low", "equilibrium_high", "equilibrium_lots", "surplus", "possible_surplus",
    "efficiency", "alpha", "profit_dispersion",
)  # fmt: skip


def market_quality(log: EventLog) -> pd.DataFrame:
    """Return by unit how its trades compare with the competitive equilibrium of the submitted values.

    Columns: ``lots`` traded, ``vwap`` [tick], ``equilibrium_low`` and ``equilibrium_high`` [tick],
    ``equilibrium_lots``, ``surplus`` and ``possible_surplus`` [quanta], ``efficiency`` [-], ``alpha`` (convergence
    coefficient) [%] and ``profit_dispersion`` [quanta]. Empty where nothing could have been traded.
    """
    import pandas as pd

    trades, rows = pd.DataFrame(log.trades()), []
    by_unit = dict(tuple(trades.groupby("unit")))
    for unit, wanted in submitted_values(log).groupby("unit"):
        rows.append({"unit": unit, **_quality(wanted, by_unit.get(unit, trades.iloc[:0]))})
    return pd.DataFrame(rows, columns=["unit", *QUALITY]).set_index("unit")


def _quality(wanted: pd.DataFrame, trades: pd.DataFrame) -> dict[str, float | None]:
    sells = wanted["side"] == SELL
    bids, asks = wanted[~sells], wanted[sells]
    best = equilibrium(*(part["limit"].to_numpy() for part in (bids, asks)),
                       *(part["lots"].to_numpy() for part in (bids, asks)))  # fmt: skip
    sign = sells.map({True: -1, False: 1})
    profit: pd.Series = sign * (wanted["limit"] * wanted["traded"] - wanted["turnover"])
    lots, price = int(trades["lots"].sum()), best.price
    if price is None:
        return {"lots": lots}
    at_best = (sign * (wanted["limit"] - price)).clip(lower=0.0) * wanted["lots"]
    of_one = profit.groupby(wanted["account"]).sum(), at_best.groupby(wanted["account"]).sum()
    prices, sizes = trades["price"].to_numpy(), trades["lots"].to_numpy()
    turnover = int((sizes * prices).sum())
    return {
        "lots": lots,
        "vwap": turnover / lots if lots else None,
        "equilibrium_low": best.low if abs(best.low) < _FAR else None,
        "equilibrium_high": best.high if abs(best.high) < _FAR else None,
        "equilibrium_lots": best.quantity,
        "surplus": int(profit.sum()),
        "possible_surplus": best.surplus,
        "efficiency": float(profit.sum()) / best.surplus if best.surplus else None,
        "alpha": convergence_coefficient(prices, price, sizes) if lots and price else None,
        "profit_dispersion": profit_dispersion(*(of.to_numpy() for of in of_one)),
    }
