"""The page that shows who is on which phase, and who is left open."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.spacemeternet.page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.spacemeternet.phase import PhaseAssigner

_COLOURS = ("#3b6ea5", "#c8553d", "#4c956c", "#8d6a9f")


def phase_page(net: PhaseAssigner, lines: Sequence[str]) -> Page:
    """Return the page of a fitted assignment."""
    page = Page("Phases of the customers").text(lines)
    page.table("Customers on each phase", counts_table(net))
    page.drawing("How likely each phase is for each customer", bars_svg(net))
    note = (
        "A bar shows how the probability of a customer is shared among the phases. A customer is left open where no "
        "phase reaches the confidence asked for, or where halves of the readings disagree. Customers of one group "
        "share a phase even where the group cannot be named: what names it are the busbar's readings, which may be "
        "too noisy."
    )
    page.text([note])
    return page.table("Assignment", assignment_table(net))


def counts_table(net: PhaseAssigner) -> pd.DataFrame:
    """Return how many customers are on each phase."""
    rows = [(phase, int((net.labels_ == k).sum())) for k, phase in enumerate(net.phase_names_)]
    return pd.DataFrame([*rows, ("left open", int((net.labels_ < 0).sum()))], columns=["phase", "customers"])


def assignment_table(net: PhaseAssigner) -> pd.DataFrame:
    """Return phase, probability of each phase and group of every customer, those left open first."""
    order = np.lexsort((np.arange(len(net.labels_)), net.labels_))
    shares = {f"phase {p}": [f"{v:.1%}" for v in net.probability_[p]] for p in net.phase_names_}
    table = pd.DataFrame(
        {
            "customer": list(net.customers_),
            "phase": [net.phases_[c] or "left open" for c in net.customers_],
            **shares,
            "group": [f"group {g + 1}" if g < len(net.phase_names_) else "all phases" for g in net.groups_],
        }
    )
    return table.iloc[order]


def bars_svg(net: PhaseAssigner) -> str:
    """Return one bar for each customer, divided by the probabilities of the phases."""
    order = np.lexsort((np.arange(len(net.labels_)), net.labels_))
    parts = []
    for number, phase in enumerate(net.phase_names_):
        colour, x = _COLOURS[number % len(_COLOURS)], 180 + 90 * number
        parts.append(f'<rect x="{x}" y="4" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="13" font-size="11">phase {escape(phase)}</text>')
    for row, k in enumerate(order):
        y, left = 24 + 15 * row, 180.0
        mark = "" if net.labels_[k] >= 0 else "  (left open)"
        parts.append(f'<text x="4" y="{y + 9}" font-size="11">{escape(net.customers_[k] + mark)}</text>')
        for number, share in enumerate(net.probability_.to_numpy()[k]):
            width = 440.0 * float(share)
            fill = _COLOURS[number % len(_COLOURS)]
            parts.append(f'<rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="11" fill="{fill}"/>')
            left += width
    return f'<svg viewBox="0 0 640 {30 + 15 * len(order)}" role="img">{"".join(parts)}</svg>'
