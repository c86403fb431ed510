"""The market in the report: prices, books, reservations against what really happened, and who paid whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.report.section import (
    CARRIER_NAMES,
    SERIES_COLOURS,
    Figure,
    Section,
    clock,
    label,
    line,
    plain,
    plot,
    plots,
    stride,
)
from rexnet_grid.results.money import kind_of_participant, payments_by_kind

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results import Results
    from rexnet_grid.units import Quantum

MOST_BARS = 7000
MOST_KINDS = 9


def prices(results: Results) -> Section | None:
    """Return opening, mean, last, bid and ask prices over the units."""
    choices = []
    for carrier, rules in results.manifest.rules.items():
        rows = results.prices[results.prices["carrier"] == carrier]
        if rows.empty:
            continue
        rows = rows.iloc[:: stride(len(rows))]
        x, tick = clock(rows.index), rules.tick_eur_per_mwh
        style: dict[str, Figure] = {
            "ask_ticks": {"name": "best ask at the gate", "colour": "$c2", "line": {"width": 1, "dash": "dot"}},
            "bid_ticks": {"name": "best bid at the gate", "colour": "$c3", "line": {"width": 1, "dash": "dot"}},
            "opening_ticks": {"name": "opening auction", "colour": "$c4", "line": {"width": 1.5, "shape": "hv"}},
            "last_ticks": {"name": "last trade", "colour": "$muted", "line": {"width": 1.2}},
            "vwap_ticks": {"name": "mean of all trades", "colour": "$c1", "line": {"width": 2.5}},
        }
        traces = []
        for column, look in style.items():
            ticks = rows[column].to_numpy(dtype=np.float64, na_value=np.nan)
            hover = "%{y:.1f} EUR/MWh"
            traces.append(
                line(x, ticks * tick, look["name"], look["colour"], 2, line=look["line"], hovertemplate=hover)
            )
        kwh = rows["traded_lots"].to_numpy(dtype=np.float64) * rules.lot_kw * rules.hours
        bars = {"type": "bar", "x": x, "y": plain(kwh, 2), "name": "traded energy", "yaxis": "y2"}
        traces.append({**bars, "marker": {"color": "$soft"}, "hovertemplate": "%{y:.1f} kWh"})
        layout = {
            "yaxis": {"title": {"text": "price [EUR/MWh]"}, "domain": [0.26, 1]},
            "yaxis2": {"title": {"text": "kWh"}, "domain": [0, 0.18]},
            "bargap": 0.1,
            "xaxis": {"anchor": "y2"},
        }
        choices.append(plot(traces, layout, CARRIER_NAMES[carrier], 400))
    sentence = (
        "What a unit of delivery cost: the opening auction, the mean and the last of its trades, and the best offers "
        "left when its gate closed; below, how much of it was traded."
    )
    figure = plots(choices)
    return Section("prices", "Prices over the units", sentence, figure) if figure else None


def books(results: Results) -> Section | None:
    """Return the LOB-3D: all open order books at some moments."""
    everything = results.lob3d
    choices = []
    for carrier, rules in results.manifest.rules.items():
        rows = everything[everything["carrier"] == carrier]
        moments = [_picture(results, picture, rules) for _, picture in rows.groupby("moment_unit")]
        if moments:
            choices.append({"name": CARRIER_NAMES[carrier], "moments": _most_telling(moments)})
    if not choices:
        return None
    sentence = (
        "Every bar is a price at which somebody offers to buy (blue) or to sell (red) in one coming unit, its height "
        "the rate on offer (logarithmic); choose the moment, drag to turn, and find the valley between bids and asks."
    )
    return Section("books", "The order books of all coming units", sentence, {"type": "book", "choices": choices})


def reservations(results: Results) -> Section | None:
    """Return reserved, realised and delivered rates by kind of participant."""
    kinds = kind_of_participant(results)
    choices = []
    for carrier in results.manifest.rules:
        rows = results.service[results.service["carrier"] == carrier]
        if rows.empty:
            continue
        named = rows["participant"].map(kinds).fillna("other")
        rates = rows.groupby([named, rows.index])[["reserved_kw", "realised_kw", "delivered_kw"]].sum()
        size = rates["delivered_kw"].abs().groupby(level=0).sum().sort_values(ascending=False)
        shown = [kind for kind in size.index if size[kind] > 0.0][:MOST_KINDS]
        if shown:
            choices.append(_small_multiples(rates, shown, CARRIER_NAMES[carrier]))
    sentence = (
        "For each kind of participant, what it had reserved when the gate closed (dashed), what it did (dotted) and "
        "what the network delivered (filled); positive feeds in, negative takes out, and the gap is paid for."
    )
    figure = plots(choices)
    return Section("reserved", "Reserved against realised", sentence, figure) if figure else None


def money(results: Results) -> Section | None:
    """Return who paid whom, by kind of participant."""
    flows = payments_by_kind(results)
    flows = flows[flows["eur"] >= 1e-3 * flows["eur"].max()] if len(flows) else flows
    if flows.empty:
        return None
    payers, payees = list(dict.fromkeys(flows["payer"])), list(dict.fromkeys(flows["payee"]))
    kinds = sorted({*payers, *payees})
    colour = {kind: SERIES_COLOURS[i % len(SERIES_COLOURS)] for i, kind in enumerate(kinds)}
    purposes = list(dict.fromkeys(flows["kind"]))
    shade = {kind: ("$flow1", "$flow2", "$flow3", "$flow4", "$flow5")[i % 5] for i, kind in enumerate(purposes)}
    source, target = {k: i for i, k in enumerate(payers)}, {k: i + len(payers) for i, k in enumerate(payees)}
    trace = {
        "type": "sankey",
        "valueformat": ",.2f",
        "valuesuffix": " EUR",
        "node": {
            "label": [label(kind) for kind in (*payers, *payees)],
            "color": [colour[kind] for kind in (*payers, *payees)],
            "pad": 14,
            "thickness": 14,
            "line": {"width": 0},
        },
        "link": {
            "source": [source[k] for k in flows["payer"]],
            "target": [target[k] for k in flows["payee"]],
            "value": plain(flows["eur"], 4),
            "label": [label(kind) for kind in flows["kind"]],
            "color": [shade[kind] for kind in flows["kind"]],
        },
    }
    sentence = (
        "Money flows from the payers on the left to those on the right who receive it, the wider the more; hover a "
        "band to read what it was paid for: " + ", ".join(label(kind) for kind in purposes) + "."
    )
    return Section(
        "money",
        "Who paid whom",
        sentence,
        plots([plot([trace], {"showlegend": False, "margin": {"l": 4, "r": 4, "t": 10, "b": 16}}, height=400)]),
    )


def _small_multiples(rates: pd.DataFrame, kinds: list[str], name: str) -> Figure:
    columns = min(3, len(kinds))
    lines = -(-len(kinds) // columns)
    traces: list[Figure] = []
    layout: Figure = {"annotations": [], "showlegend": False, "hovermode": "x"}
    for i, kind in enumerate(kinds):
        end = "" if i == 0 else str(i + 1)
        axes = {"xaxis": f"x{end}", "yaxis": f"y{end}"}
        of_kind = rates[rates.index.get_level_values(0) == kind].droplevel(0)
        traces += _three_rates(of_kind, SERIES_COLOURS[i % len(SERIES_COLOURS)], axes)
        column, row = i % columns, i // columns
        across = [column / columns + 0.025 * (column > 0), (column + 1) / columns - 0.025 * (column < columns - 1)]
        up = [1 - (row + 1) / lines + 0.12 / lines, 1 - row / lines - 0.14 / lines]
        layout[f"xaxis{end}"] = {"domain": across, "anchor": f"y{end}", "tickformat": "%H:%M", "nticks": 5}
        title = {"text": "kW" if column == 0 else ""}
        layout[f"yaxis{end}"] = {"domain": up, "anchor": f"x{end}", "title": title, "nticks": 5}
        heading = {"text": f"<b>{label(kind)}</b>", "xref": "paper", "yref": "paper", "x": across[0], "y": up[1]}
        layout["annotations"].append({**heading, "xanchor": "left", "yanchor": "bottom", "showarrow": False})
    return {**plot(traces, layout, name, 90 + 190 * lines), "least_width": 200 * columns}


def _three_rates(rates: pd.DataFrame, colour: str, axes: Figure) -> list[Figure]:
    """Return what was delivered (filled), done (dotted) and reserved (dashed)."""
    rows = rates.iloc[:: stride(len(rates), 1000)]
    x, hover = clock(rows.index), "%{y:.1f} kW"
    filled = {"fill": "tozeroy", "fillcolor": "$band"}
    dotted = {"width": 1.2, "dash": "dot", "color": "$muted"}
    dashed = {"width": 1.2, "dash": "dash"}
    return [
        line(x, rows["delivered_kw"], "delivered", colour, 2, **filled, **axes, hovertemplate=f"delivered {hover}"),
        line(x, rows["realised_kw"], "realised", "$muted", 2, line=dotted, **axes, hovertemplate=f"realised {hover}"),
        line(x, rows["reserved_kw"], "reserved", "$ink", 2, line=dashed, **axes, hovertemplate=f"reserved {hover}"),
    ]


def _picture(results: Results, rows: pd.DataFrame, rules: Quantum) -> Figure:
    """Return one moment of one carrier's books as columns of bars."""
    price = rows["price_ticks"].to_numpy(dtype=np.float64) * rules.tick_eur_per_mwh
    unit = rows["unit"].to_numpy(dtype=np.int64)
    rate = rows["lots"].to_numpy(dtype=np.float64) * rules.lot_kw
    sell = np.array([str(side).lower() in {"sell", "1"} for side in rows["side"]])
    low, high = _telling_range(price, rate)
    inside = (price >= low) & (price <= high)
    bin_width = _bin_width(low, high, len(np.unique(unit)))
    if bin_width > 0.0:
        price = np.floor(price / bin_width) * bin_width + bin_width / 2
    keys, place = np.unique(np.stack([unit[inside], price[inside], sell[inside]], axis=1), axis=0, return_inverse=True)
    height = np.bincount(place.reshape(-1), weights=rate[inside], minlength=len(keys))
    grid = results.manifest.grid
    first = int(unit.min())
    return {
        "name": grid.time(float(rows["moment_unit"].iloc[0])).strftime("%a %H:%M"),
        "first": first,
        "labels": [grid.time(u).strftime("%H:%M") for u in range(first, int(unit.max()) + 1)],
        "unit": [int(u) for u in keys[:, 0]],
        "price": plain(keys[:, 1], 2),
        "sell": [int(s) for s in keys[:, 2]],
        "kw": plain(height, 2),
        "hidden": int((~inside).sum()),
    }


def _telling_range(price: np.ndarray, rate: np.ndarray) -> tuple[float, float]:
    """Return the prices between which nearly all offers lie: the few far away would flatten the rest."""
    low, middle, high = np.quantile(price, [0.02, 0.5, 0.98])
    reach = max(high - middle, middle - low) * 1.5
    inside = price[(price >= middle - reach) & (price <= middle + reach) & (rate > 0.0)]
    return (float(inside.min()), float(inside.max())) if len(inside) else (float(low), float(high))


def _bin_width(low: float, high: float, units: int) -> float:
    """Return a width of price classes that keeps the bars countable; 0 when prices may stand as they are."""
    classes = max(12, MOST_BARS // max(units, 1) // 2)
    return (high - low) / min(classes, 60) if high > low else 0.0


def _most_telling(moments: list[Figure], most: int = 12) -> list[Figure]:
    step = stride(len(moments), most)
    return moments[::step]
