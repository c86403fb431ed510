"""The page that shows a feeder's estimate: the tree drawn by what it shares, sensitivities, and what is left over."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.diagnostics import autocorrelation
from rexnet_grid.spacemeternet.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import BoolArray
    from rexnet_grid.spacemeternet.voltage import VoltageSpaceNet

_PERCENT = 100.0
_MOST_IN_MATRIX = 25
_SHOWN = 3
_NOMINAL_V = 230.0
_TWO_SIDED = 1.96
_STEPS_PER_DAY = 96


def voltage_page(net: VoltageSpaceNet, residual_v: pd.DataFrame, lines: Sequence[str]) -> Page:
    """Return the page of a fitted feeder.

    Parameters
    ----------
    net
        The fitted estimator.
    residual_v
        (N, customers) reading minus model, the busbar's level taken from the other customers [V at 230 V].
    lines
        What to say first.
    """
    page = Page("Voltage sensitivities of a feeder").text(lines)
    if net.trees_:
        best = net.trees_[int(np.argmax(net.weights_))]
        sure = (net.edge_table()["state"] == "present").to_numpy()
        page.drawing("The likeliest tree: how far a customer is from the busbar, and what it shares with whom",
                     tree_svg(best.tree.below, _PERCENT * 0.5 * best.r, net.customers_, sure))  # fmt: skip
        note = (
            "A branch is as long as its part of the sensitivity [% of the voltage per kW]: two customers move each "
            "other by the length of the way that they share. Only voltages are seen, not the street: customers on one "
            "pole are one point. Solid branches are found in nine trees of ten and longer than three standard errors; "
            "dashed ones are undetermined: the customers behind them are somewhere near, in an order that is not known."
        )
        page.text([note])
    page.table("What a customer does to its own voltage", own_table(net))
    if len(net.customers_) <= _MOST_IN_MATRIX:
        matrix = (_PERCENT * net.vm_pu_per_kw_).round(5).reset_index(names="voltage at \\ injection at")
        page.table("What everybody does to everybody [% per kW]", matrix)
    if net.trees_:
        page.table("Branches", branch_table(net))
    return _residuals(page, residual_v)


def own_table(net: VoltageSpaceNet) -> pd.DataFrame:
    """Return for each customer what a kilowatt does to its own voltage, and how many move it by one percent."""
    own = _PERCENT * np.diag(net.vm_pu_per_kw_.to_numpy())
    error = _PERCENT * _TWO_SIDED * np.diag(net.std_error_.to_numpy())
    table = pd.DataFrame(
        {
            "customer": list(net.customers_),
            "mean voltage [p.u.]": net.mean_pu_,
            "own sensitivity [% per kW]": own,
            "± 95 %": error,
            "kW for 1 %": np.divide(1.0, own, out=np.full_like(own, np.inf), where=own > 0.0),
        }
    )
    if net.gain_std > 0.0:
        table["gain"] = net.gain_["gain"].to_numpy()
        table["gain ± 95 %"] = _TWO_SIDED * net.gain_["std_error"].to_numpy()
    return table


def branch_table(net: VoltageSpaceNet) -> pd.DataFrame:
    """Return the branches of the likeliest tree that have a resistance, and how sure each is."""
    edges = net.edge_table()
    edges = edges[edges["r_pu_per_kw"] > 0.0].sort_values("r_pu_per_kw", ascending=False, ignore_index=True)
    return pd.DataFrame(
        {
            "customers below": [below.replace(" ", ", ") for below in edges["customers_below"]],
            "r [% per kW]": _PERCENT * edges["r_pu_per_kw"],
            "± 95 %": _PERCENT * _TWO_SIDED * edges["std_error"],
            "x [% per kvar]": _PERCENT * edges["x_pu_per_kvar"],
            "in how many trees": [f"{share:.0%}" for share in edges["probability"]],
            "verdict": edges["state"],
        }
    )


def tree_svg(below: BoolArray, length: FloatArray, names: Sequence[str], sure: BoolArray | None = None) -> str:
    """Return a drawing of a tree: branches to the right as long as ``length``, customers in the order of the tree.

    Parameters
    ----------
    below
        (edges, customers) who is below each edge.
    length
        (edges,) of each edge.
    names
        Of the customers.
    sure
        (edges,) which branches are certain; the others are dashed.
    """
    n = len(names)
    depth = (below * length[:, None]).sum(axis=0)
    order = sorted(range(n), key=lambda k: tuple(-int(b) for b in below[np.argsort(-below.sum(axis=1)), k]))
    row = {k: 24.0 + 20.0 * place for place, k in enumerate(order)}
    far = float(depth.max()) or 1.0

    def x(value: float) -> float:
        return 60.0 + 430.0 * value / far

    parts = []
    for edge in np.argsort(-below.sum(axis=1), kind="stable"):
        if length[edge] <= 0.0:
            continue
        inside = np.flatnonzero(below[edge])
        above = [k for k in range(len(below)) if k != edge and (below[k] | ~below[edge]).all()]
        above = [k for k in above if below[k].sum() > below[edge].sum()]
        start = float(length[above].sum())
        y = float(np.mean([row[int(k)] for k in inside]))
        end = start + float(length[edge])
        parent = min((k for k in above if length[k] > 0.0), key=lambda k: int(below[k].sum()), default=None)
        group = np.flatnonzero(below[parent]) if parent is not None else np.arange(n)
        joint = float(np.mean([row[int(k)] for k in group]))
        parts.append(
            _line(x(start), joint, x(start), y)
            + _line(x(start), y, x(end), y, 2.5, dashed=sure is not None and not sure[edge])
        )
    for k in range(n):
        mine = [e for e in range(len(below)) if below[e, k] and length[e] > 0.0]
        last = min(mine, key=lambda e: int(below[e].sum()), default=None)
        group = np.flatnonzero(below[last]) if last is not None else np.arange(n)
        joint = float(np.mean([row[int(i)] for i in group]))
        parts.append(_line(x(float(depth[k])), joint, x(float(depth[k])), row[k]))
        at = f'x="{x(float(depth[k])) + 8:.1f}" y="{row[k] + 4:.1f}"'
        parts.append(f'<circle cx="{x(float(depth[k])):.1f}" cy="{row[k]:.1f}" r="3.5" fill="#1d2733"/>')
        parts.append(f'<text {at} font-size="12">{escape(str(names[k]))}</text>')
    middle = float(np.mean(list(row.values())))
    bottom = 24.0 + 20.0 * n
    parts.append(f'<circle cx="60" cy="{middle:.1f}" r="6" fill="#c8553d"/>')
    parts.append(f'<text x="8" y="{middle + 4:.1f}" font-size="12">busbar</text>')
    parts += [
        f'<text x="{x(s * far):.1f}" y="{bottom + 14:.0f}" font-size="11" fill="#5c6b73">{s * far:.3g} %/kW</text>'
        for s in (0.0, 0.5, 1.0)
    ]
    return f'<svg viewBox="0 0 640 {bottom + 24:.0f}" role="img">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, width: float = 1.0, dashed: bool = False) -> str:
    at = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line {at} stroke="#3b6ea5" stroke-width="{width}"{dash}/>'


def _residuals(page: Page, residual_v: pd.DataFrame) -> Page:
    rms = np.sqrt((residual_v**2).mean())
    lags = min(2 * _STEPS_PER_DAY, len(residual_v) // 2)
    filled = residual_v.fillna(0.0).to_numpy()
    band = _TWO_SIDED / np.sqrt(len(filled))
    next_step = [float(autocorrelation(c, 1)[1]) for c in filled.T]
    table = pd.DataFrame(
        {"customer": list(residual_v.columns), "left over, RMS [V]": rms.to_numpy(), "autocorrelation": next_step}
    )
    page.table("What the model leaves over", table.sort_values("left over, RMS [V]", ascending=False))
    note = (
        "What is left over should be the meters' noise alone: about as much for everybody, an autocorrelation from one "
        "step to the next near zero, and few lags outside the dashed band. One customer with far more has a poor meter "
        "or neighbours that are not metered; a slow course in all is a load or a supply that is not in the data."
    )
    page.text([note])
    worst = [str(c) for c in rms.sort_values(ascending=False).index[:_SHOWN]]
    ends = str(residual_v.index[0]), str(residual_v.index[-1])
    page.lines(
        "Reading minus model, the customers with the most [V]",
        {name: residual_v[name].to_numpy() for name in worst},
        label="V",
        ends=ends,
    )
    return page.lines(
        "Autocorrelation of the same, with the 95 % band of white noise",
        {name: autocorrelation(residual_v[name].fillna(0.0).to_numpy(), lags)[1:] for name in worst},
        (-band, band),
        ends=("1 step", f"{lags} steps"),
    )
