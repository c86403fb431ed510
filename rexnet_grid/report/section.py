"""What a section of the report is, and the small helpers every section uses."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

Figure = dict[str, Any]

CARRIER_NAMES = {"electricity": "Electricity", "heat": "Heat"}
SERIES_COLOURS = ("$c1", "$c2", "$c3", "$c4", "$c5", "$c6", "$c7", "$c8")
MOST_POINTS = 3000


@dataclass(frozen=True, slots=True)
class Section:
    """One card of the report.

    Attributes
    ----------
    key
        Its anchor in the page.
    title
        Its heading.
    sentence
        One sentence that says what to see.
    figure
        What the page draws: ``{"type": "plot" | "map" | "book", ...}``; None for a section of text only. Names in it
        are escaped; colours are names of CSS variables with a leading ``$``.
    body
        HTML below the figure; everything from files in it is escaped.
    half
        Whether two such cards may stand side by side.
    """

    key: str
    title: str
    sentence: str
    figure: Figure | None = None
    body: str = ""
    half: bool = False


def escape(text: object) -> str:
    """Return text that is safe in HTML, and in the labels of plotly, which reads them as HTML."""
    return html.escape(str(text), quote=True)


def label(name: object) -> str:
    """Return a kind or name as people write it, escaped."""
    return escape(str(name).replace("_", " "))


def plain(values: ArrayLike, decimals: int = 3) -> list[Any]:
    """Return numbers as nested lists for JSON, rounded; what is not finite becomes null."""
    array = np.round(np.asarray(values, dtype=np.float64), decimals)
    finite = np.isfinite(array)
    if finite.all():
        return list(array.tolist())
    holes = array.astype(object)
    holes[~finite] = None
    return list(holes.tolist())


def clock(index: pd.Index) -> list[str]:
    """Return moments as plotly reads them, at the UTC offset of the first one, so that time never runs backwards."""
    if not len(index):
        return []
    offset = index[0].utcoffset()
    return [f"{moment + offset:%Y-%m-%d %H:%M}" for moment in index.to_series().dt.tz_convert("UTC")]


def stride(rows: int, most: int = MOST_POINTS) -> int:
    """Return the step that brings ``rows`` down to at most ``most``."""
    return max(1, -(-rows // most))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[int] = ()) -> str:
    """Return an HTML table; every cell is escaped, columns ``numeric`` stand to the right."""
    side = [' class="n"' if i in numeric else "" for i in range(len(header))]
    head = "".join(f"<th{side[i]}>{escape(text)}</th>" for i, text in enumerate(header))
    lines = ["".join(f"<td{side[i]}>{escape(cell)}</td>" for i, cell in enumerate(row)) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: float | None, decimals: int | None = None) -> str:
    """Return a number for people: about three digits, narrow spaces between thousands, a dash when there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    if decimals is None:
        size = abs(value)
        decimals = 0 if size >= 100 or size == 0 else 1 if size >= 10 else 2
    return f"{value:,.{decimals}f}".replace(",", "\u202f")


def plot(traces: list[Figure], layout: Figure | None = None, name: str = "", height: int = 320) -> Figure:
    """Return one choice of a plotted figure."""
    return {"name": name, "traces": traces, "layout": layout or {}, "height": height}


def plots(choices: Sequence[Figure]) -> Figure | None:
    """Return a figure that offers each of ``choices``; None when there is none."""
    return {"type": "plot", "choices": list(choices)} if choices else None


def line(x: list[str], y: ArrayLike, name: str, colour: str, decimals: int = 3, **more: Any) -> Figure:
    """Return a line on the time axis."""
    style: Figure = {"color": colour, "width": 2, **more.pop("line", {})}
    return {"type": "scatter", "mode": "lines", "x": x, "y": plain(y, decimals), "name": name, "line": style, **more}


def limit_line(value: float, text: str, axis: str = "y") -> tuple[Figure, Figure]:
    """Return the shape and the annotation of a horizontal limit."""
    colour = "$bad"
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": value, "y1": value}
    note = {"xref": "paper", "x": 1, "xanchor": "right", "yref": axis, "y": value, "yanchor": "bottom", "text": text}
    return (
        {**shape, "line": {"color": colour, "width": 1.2, "dash": "dash"}},
        {**note, "showarrow": False, "font": {"color": colour, "size": 11}},
    )
