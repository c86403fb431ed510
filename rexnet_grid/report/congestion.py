"""What congestion was worth, by unit and by place, in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.report.section import CARRIER_NAMES, Figure, Section, clock, line, number, plot, plots, table

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results import Results
    from rexnet_grid.units import Carrier

MOST_PLACES = 12
HEAD = ("network", "place", "limit that costs most there", "in units", "buying, mean", "buying, most", "selling, most")


def prices_by_place(results: Results) -> Section | None:
    """Return what one more kilowatt cost where limits bound; None where none did."""
    rows = results.congestion
    if rows.empty:
        return None
    rows = rows.assign(buying=-rows["withdrawing_eur_per_mwh"], selling=rows["injecting_eur_per_mwh"])
    parts = {carrier: rows[rows["carrier"] == carrier] for carrier in results.manifest.rules}
    parts = {carrier: part for carrier, part in parts.items() if len(part)}
    sentence = (
        "What the limits that kept orders apart added to the price of one more megawatt-hour, at the place where they "
        "added most; below, the places at which buying cost most. A negative price is earned: it relieves the limit."
    )
    body = table(HEAD, [row for carrier, part in parts.items() for row in _places(carrier, part)], (3, 4, 5, 6))
    figure = plots([_over_units(results, carrier, part) for carrier, part in parts.items()])
    return Section("congestion", "What congestion was worth", sentence, figure, body)


def _over_units(results: Results, carrier: Carrier, rows: pd.DataFrame) -> Figure:
    when = results.prices[results.prices["carrier"] == carrier].index.unique()
    most = rows.groupby(level=0)[["buying", "selling"]].max().reindex(when, fill_value=0.0)
    x = clock(when)
    traces = [
        line(x, most[side], name, colour, 1, line={"shape": "hv"}, hovertemplate="%{y:.1f} EUR/MWh")
        for side, name, colour in (("buying", "buying, dearest place", "$c1"), ("selling", "selling", "$c2"))
    ]
    return plot(traces, {"yaxis": {"title": {"text": "price of congestion [EUR/MWh]"}}}, CARRIER_NAMES[carrier])


def _places(carrier: Carrier, rows: pd.DataFrame) -> list[tuple[str, ...]]:
    found = rows.groupby("node", observed=True).agg(
        units=("unit", "nunique"), mean=("buying", "mean"), most=("buying", "max"), selling=("selling", "max")
    )
    ordered = found.sort_values(["most", "mean"], ascending=False, kind="stable").head(MOST_PLACES)
    return [
        (
            CARRIER_NAMES[carrier],
            str(node),
            _costliest(rows[rows["node"] == node]),
            number(row["units"], 0),
            number(row["mean"]),
            number(row["most"]),
            number(row["selling"]),
        )
        for node, row in ordered.iterrows()
    ]


def _costliest(rows: pd.DataFrame) -> str:
    return str(rows["limit"].iloc[int(rows["buying"].to_numpy().argmax())])
