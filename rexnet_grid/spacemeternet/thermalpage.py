"""The page that shows a building's estimate: graph, tables, and the residuals that say how far to trust it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.diagnostics import autocorrelation, cross_correlation, cumulated_periodogram
from rexnet_grid.spacemeternet.page import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet

_SHOWN_INPUTS = 3


def thermal_page(
    net: ThermalSpaceNet, lines: Sequence[str], places: Mapping[str, tuple[float, float]] | None = None
) -> Page:
    """Return the page of a fitted building.

    Parameters
    ----------
    net
        The fitted estimator.
    lines
        What to say first.
    places
        Position of each zone on the floor plan; in a ring if None.
    """
    page = Page("Heat between the zones of a building").text(lines)
    heading = "Conductances: solid is present, dashed undetermined, absent ones are left out"
    if any(net.graph_.edges[pair].get("also_as") for pair in net.graph_.edges):
        heading += "; dotted is present between two sensors that may hang in other rooms, as nothing ties their names"
    page.graph(heading, net.graph_, places)
    page.text(["What the readings can tell:", *str(net.excitation_).splitlines()])
    page.table("Edges [W/K]", net.edges_)
    page.table("Heat-loss coefficients [W/K]", net.heat_loss_)
    page.table("Nested models", net.compare().reset_index())
    _residuals(page, net)
    _checks(page, net)
    return page.table("Parameters", net.params_.reset_index(names="parameter"))


def _residuals(page: Page, net: ThermalSpaceNet) -> None:
    step, zones = net.data_.step, net.data_.zones
    innovations = net.fit_.likelihood.innovations(net.fit_.fit.theta)
    day = max(round(24.0 / step), 1)
    settled = innovations[min(day, len(innovations) // 4) :]
    filled = np.nan_to_num(settled - np.nanmean(settled, axis=0))
    rows = dict(zip(zones, filled.T, strict=True))
    lags = min(2 * day, len(filled) - 1)
    band = 1.96 / np.sqrt(len(filled))
    hours = f"{lags * step:g} h"
    start, end = (str(net.index_[len(innovations) - len(filled)]), str(net.index_[-1]))
    page.lines("One-step residuals after the first day", rows, label="K", ends=(start, end))
    page.lines(
        "Autocorrelation over two days, with the 95 % band of white noise",
        {z: autocorrelation(v, lags)[1:] for z, v in rows.items()},
        (-band, band),
        ends=(f"lag {step:g} h", hours),
    )
    page.lines(
        "Cross-correlation of residuals with the input of the day before that shows most, with the 95 % band",
        _with_inputs(net, filled, min(day, len(filled) - 1)),
        (-band, band),
        ends=("the same step", "24 h before"),
    )
    distance, limit, spectrum = {}, 0.0, ("slow", f"{0.5 / step:g} cycles an hour")
    for zone, values in rows.items():
        total, _ = cumulated_periodogram(values)
        distance[zone] = total - np.arange(1, len(total) + 1) / max(len(total), 1)
        limit = 1.358 / np.sqrt(max(len(total) - 1, 1))
    page.lines(
        "Cumulated periodogram minus that of white noise, with its 95 % band", distance, (-limit, limit), ends=spectrum
    )


def _with_inputs(net: ThermalSpaceNet, filled: FloatArray, lags: int) -> dict[str, FloatArray]:
    """Return the cross-correlations of the zones whose residuals answer most to an input."""
    table = net.diagnostics_["input_correlation"].stack()
    inputs, names = net.data_.inputs()[-len(filled) :], net.data_.input_names()
    out = {}
    for zone, name in table.abs().sort_values(ascending=False).index[:_SHOWN_INPUTS]:
        values = filled[:, net.data_.zones.index(zone)]
        out[f"{zone}, {name}"] = cross_correlation(values, inputs[:, names.index(name)], lags)
    return out


def _checks(page: Page, net: ThermalSpaceNet) -> None:
    d = net.diagnostics_
    zones = pd.DataFrame(
        {
            "autocorrelation, next step": d["autocorrelation_next_step"],
            "next day": d["autocorrelation_next_day"],
            "cumulated periodogram": d["cumulated_periodogram"],
            "its band": d["cumulated_periodogram_band"],
        }
    )
    page.table("Residuals of each zone", zones.reset_index(names="zone"))
    page.table("Strongest correlation of residuals with inputs", d["input_correlation"].reset_index(names="zone"))
    rows = [(key.replace("_", " "), _listed(v)) for key, v in d.items() if not isinstance(v, dict | pd.DataFrame)]
    page.table("Checks", pd.DataFrame(rows, columns=["check", "result"]))


def _listed(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in value) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
