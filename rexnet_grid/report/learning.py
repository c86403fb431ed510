"""What the market learned of the networks from its meters, beside what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.report.section import SERIES_COLOURS, Figure, Section, clock, escape, line, number, plain, plot, plots

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results import Results

TWO_SIDED = 1.96
MOST_LINES = 6
KIND = {"electricity": "own voltage of a node by its injection", "heat": "conductance between two flats"}


def learned(results: Results) -> Section | None:
    """Return estimates against the truth: the last ones with their intervals, and how they moved over the run."""
    rows = results.estimates
    if rows.empty:
        return None
    figures, told = [], []
    for carrier, mine in rows.groupby("carrier"):
        last = mine[mine["unit"] == mine["unit"].max()]
        figures += [_against_truth(str(carrier), last), *_over_time(str(carrier), mine)]
        told.append(_told(str(carrier), mine, last))
    sentence = (
        "Each number that the market learned from its own meters, with its 95 % interval, beside what it is in the "
        f"network that delivers, which the market never saw. {' '.join(told)}"
    )
    return Section("learned", "Learned against true", sentence, plots(figures))


def _told(carrier: str, rows: pd.DataFrame, last: pd.DataFrame) -> str:
    known = last[np.isfinite(last["std_error"]) & (last["std_error"] > 0.0)]
    error = float(np.median(np.abs(known["estimate"] - known["truth"])))
    largest, measure = float(last["truth"].max()), escape(str(last["measure"].iloc[0]))
    inside = (np.abs(known["estimate"] - known["truth"]) <= TWO_SIDED * known["std_error"]).mean()
    return (
        f"{escape(carrier.capitalize())}: estimated {rows['unit'].nunique()} times; at the last one the median error "
        f"is {error:.2g}, the largest true number {largest:.2g} {measure}; {inside:.0%} of the intervals hold it."
    )


def _against_truth(carrier: str, last: pd.DataFrame) -> Figure:
    ordered = last.sort_values("truth", ascending=False, kind="stable")
    names = [escape(name) for name in ordered["name"]]
    half = TWO_SIDED * ordered["std_error"].where(np.isfinite(ordered["std_error"]), 0.0)
    measure = escape(str(ordered["measure"].iloc[0]))
    hover = f"%{{y:.3g}} {measure}"
    marks = {"type": "scatter", "mode": "markers", "x": names, "hovertemplate": hover}
    estimate = {
        **marks,
        "y": plain(ordered["estimate"], 5),
        "name": "learned, 95 %",
        "marker": {"color": SERIES_COLOURS[0], "size": 8},
        "error_y": {"type": "data", "array": plain(half, 5), "color": SERIES_COLOURS[0], "thickness": 1.5},
    }
    truth = {
        **marks,
        "y": plain(ordered["truth"], 5),
        "name": "true",
        "marker": {"color": SERIES_COLOURS[1], "symbol": "line-ew-open", "size": 14, "line": {"width": 3}},
    }
    layout = {
        "yaxis": {"title": {"text": f"{KIND[carrier]} [{measure}]"}, "rangemode": "tozero"},
        "xaxis": {"type": "category", "tickangle": -45, "automargin": True},
    }
    return plot([estimate, truth], layout, f"Last estimate, {carrier}", height=380)


def _over_time(carrier: str, rows: pd.DataFrame) -> list[Figure]:
    """Return how the largest of the numbers moved from estimate to estimate; nothing where there was only one."""
    if rows["unit"].nunique() == 1:
        return []
    largest = rows.groupby("name")["truth"].max().sort_values(ascending=False, kind="stable").index[:MOST_LINES]
    traces = []
    for name, colour in zip(largest, SERIES_COLOURS, strict=False):
        mine = rows[rows["name"] == name]
        half = TWO_SIDED * mine["std_error"].where(np.isfinite(mine["std_error"]), 0.0)
        bars = {"type": "data", "array": plain(half, 5), "color": colour, "thickness": 1}
        x = clock(mine.index)
        traces.append(line(x, mine["estimate"], escape(name), colour, 5, mode="lines+markers", error_y=bars))
        label = f"{escape(name)}, true: {number(float(mine['truth'].iloc[-1]))}"
        dots = {"width": 1, "dash": "dot"}
        traces.append(line(x, mine["truth"], label, colour, 5, showlegend=False, line=dots))
    measure = escape(str(rows["measure"].iloc[0]))
    layout = {"yaxis": {"title": {"text": f"[{measure}]"}, "rangemode": "tozero"}}
    return [plot(traces, layout, f"Over the run, {carrier}", height=380)]
