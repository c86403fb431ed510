"""One HTML file that shows an estimate: opens offline, holds its own drawings as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Self

import networkx as nx
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from rexnet_grid.spacemeternet.discretise import FloatArray

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;font-size:13px}
td,th{padding:.2rem .6rem;border-bottom:1px solid #dde3ea;text-align:right}
td:first-child,th:first-child{text-align:left}
.scroll{overflow:auto;max-height:32rem}svg{max-width:100%;height:auto}
"""
_ONE_SIDED = 1.645
_LABEL_AT = 0.4  # along an edge: at the middle the labels of two that cross would lie on each other
_DASHES = {"": "", "undetermined": ' stroke-dasharray="5 5"', "other rooms": ' stroke-dasharray="1 4"'}
_HALO = 'stroke="#fff" stroke-width="3" paint-order="stroke"'


class Page:
    """A page that is put together piece by piece.

    Parameters
    ----------
    title
        Shown at the top.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []

    def text(self, lines: Sequence[str]) -> Self:
        """Add paragraphs."""
        self._parts += [f"<p>{escape(line)}</p>" for line in lines]
        return self

    def table(self, heading: str, table: pd.DataFrame) -> Self:
        """Add a table; numbers are shown to four digits."""
        head = "".join(f"<th>{escape(str(c))}</th>" for c in table.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_shown(v))}</td>" for v in row) + "</tr>"
            for row in table.itertuples(index=False)
        )
        self._parts.append(f"<h2>{escape(heading)}</h2><div class=scroll><table><tr>{head}</tr>{body}</table></div>")
        return self

    def graph(self, heading: str, graph: nx.Graph, places: Mapping[str, tuple[float, float]] | None = None) -> Self:
        """Add a drawing of a graph: width of a line by conductance, dashed where undetermined.

        Edges with ``also_as`` are dotted, and labelled with the pairs that they may stand for.
        """
        self._parts.append(f"<h2>{escape(heading)}</h2>{_graph_svg(graph, places)}")
        return self

    def drawing(self, heading: str, svg: str) -> Self:
        """Add a drawing of its own; names in ``svg`` are escaped already."""
        self._parts.append(f"<h2>{escape(heading)}</h2>{svg}")
        return self

    def lines(
        self,
        heading: str,
        series: Mapping[str, FloatArray],
        bands: Sequence[float] = (),
        label: str = "",
        ends: tuple[str, str] | None = None,
    ) -> Self:
        """Add a line plot of arrays over their index, with horizontal dashed lines at ``bands``.

        ``ends`` says what the first and the last index mean.
        """
        self._parts.append(f"<h2>{escape(heading)}</h2>{_line_svg(series, bands, label, ends)}")
        return self

    def html(self) -> str:
        """Return the file's text."""
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f"<style>{_STYLE}</style><h1>{escape(self.title)}</h1>{''.join(self._parts)}</html>\n"
        )


def _shown(value: object) -> str:
    if not isinstance(value, float | np.floating):
        return str(value)
    number = float(value)
    return f"{number:,.1f}" if 1e3 <= abs(number) < 1e9 else f"{number:.4g}"


def _graph_svg(graph: nx.Graph, places: Mapping[str, tuple[float, float]] | None) -> str:
    if graph.number_of_nodes() == 0:
        return ""
    layout = places or {n: (float(x), float(y)) for n, (x, y) in nx.circular_layout(graph).items()}
    xy = np.array([layout[n] for n in graph.nodes], dtype=float)
    span = np.maximum(np.ptp(xy, axis=0), 1e-9)
    scaled = np.array([50.0, 350.0]) + (xy - xy.min(axis=0)) / span * np.array([500.0, -300.0])
    at = dict(zip(graph.nodes, scaled.tolist(), strict=True))
    strongest = max((d.get("conductance_w_k", 1.0) for _, _, d in graph.edges(data=True)), default=1.0) or 1.0
    parts = []
    for a, b, d in graph.edges(data=True):
        (x1, y1), (x2, y2) = at[a], at[b]
        g = d.get("conductance_w_k", 1.0)
        dash = _DASHES[
            "undetermined" if d.get("state") == "undetermined" else "other rooms" if d.get("also_as") else ""
        ]
        parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#3b6ea5" '
            f'stroke-width="{1 + 6 * g / strongest:.1f}"{dash}/>'
        )
        if "conductance_w_k" in d:
            label = _size(g, d.get("std_error", float("nan")), undetermined=d.get("state") == "undetermined")
            label += f", or {escape(str(d['also_as']))}" if d.get("also_as") else ""
            where = f'x="{x1 + _LABEL_AT * (x2 - x1):.1f}" y="{y1 + _LABEL_AT * (y2 - y1) + 4:.1f}"'
            parts.append(f'<text {where} font-size="11" text-anchor="middle" {_HALO}>{label}</text>')
    for name, (x, y) in at.items():
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#1d2733"/>')
        parts.append(f'<text x="{x + 9:.1f}" y="{y - 8:.1f}" font-size="13" {_HALO}>{escape(str(name))}</text>')
    return f'<svg viewBox="0 0 640 400" role="img">{"".join(parts)}</svg>'


def _size(g: float, std_error: float, *, undetermined: bool) -> str:
    """Return a conductance as it is drawn; of one that may be none only how large it may be."""
    if undetermined and g < _ONE_SIDED * std_error:
        return f"up to {g + _ONE_SIDED * std_error:.0f} W/K" if np.isfinite(std_error) else "size not known"
    return f"{g:.0f} ± {std_error:.0f} W/K"


def _line_svg(
    series: Mapping[str, FloatArray], bands: Sequence[float], label: str, ends: tuple[str, str] | None = None
) -> str:
    colours = ("#3b6ea5", "#c8553d", "#4c956c", "#8d6a9f", "#b08900", "#5c6b73", "#1d7874", "#a3333d", "#6a994e")
    arrays = [np.asarray(v, dtype=float) for v in series.values()]
    flat = np.concatenate([*arrays, np.asarray(bands, dtype=float)]) if arrays else np.zeros(1)
    low, high = float(np.nanmin(flat)), float(np.nanmax(flat))
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return 230.0 - 210.0 * (value - low) / span

    parts = [f'<text x="4" y="16" font-size="11">{escape(label)} {high:.3g}</text>',
             f'<text x="4" y="240" font-size="11">{low:.3g}</text>']  # fmt: skip
    parts += [
        f'<line x1="50" x2="630" y1="{y(b):.1f}" y2="{y(b):.1f}" stroke="#999" stroke-dasharray="4 4"/>' for b in bands
    ]
    left, top = 50.0, 272.0 if ends else 256.0
    if ends:
        parts.append(f'<text x="50" y="250" font-size="11">{escape(ends[0])}</text>')
        parts.append(f'<text x="630" y="250" font-size="11" text-anchor="end">{escape(ends[1])}</text>')
    for number, (name, values) in enumerate(zip(series, arrays, strict=True)):
        step = max(len(values) // 1500, 1)
        x = np.linspace(50.0, 630.0, len(values))
        points = " ".join(
            f"{a:.1f},{y(b):.1f}" for a, b in zip(x[::step], values[::step], strict=True) if np.isfinite(b)
        )
        colour = colours[number % len(colours)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        width = 20 + 6.5 * len(str(name))
        if left + width > 640.0:
            left, top = 50.0, top + 14.0
        parts.append(f'<text x="{left:.0f}" y="{top:.0f}" font-size="11" fill="{colour}">{escape(str(name))}</text>')
        left += width
    height = top + 8
    return f'<svg viewBox="0 0 640 {height:.0f}" role="img">{"".join(parts)}</svg>'
