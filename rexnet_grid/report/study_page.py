"""The report of a study: its figures against what was varied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rexnet_grid.report.document import document
from rexnet_grid.report.section import SERIES_COLOURS, Figure, Section, escape, number, plot, plots, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Column of the study's tables, its name and its unit; by carrier where the carrier's figures are added up.
TOTALS = {
    "violations": ("Limits broken", "element-units"),
    "rationed_kwh": ("Rationed", "kWh"),
    "unserved_kwh": ("Did not arrive", "kWh"),
    "discarded_kwh": ("Spilled", "kWh"),
    "loss_kwh": ("Losses", "kWh"),
    "cost_eur": ("Cost to prosumers", "EUR"),
    "traded_kwh": ("Traded", "kWh"),
    "electricity_mean_price_eur_per_mwh": ("Electricity price", "EUR/MWh"),
    "electricity_efficiency": ("Efficiency of the electricity market", "of the possible surplus"),
    "electricity_maker_profit_eur": ("Profit of the contract maker", "EUR"),
    "heat_mean_price_eur_per_mwh": ("Heat price", "EUR/MWh"),
}
CARRIERS = ("electricity", "heat")
# A numeric axis, although the page's default is one of time.
PLAIN_AXIS: Figure = {"tickformat": "", "hoverformat": "", "nticks": 0}


@dataclass(frozen=True, slots=True)
class StudyTable:
    """What the page shows.

    Attributes
    ----------
    name, scenario, design
        Of the study file.
    varied
        The keys that were varied.
    drawn
        Whether points were drawn from ranges rather than combined from lists.
    runs
        One row a run, failed ones with their ``error``.
    """

    name: str
    scenario: str
    design: str
    varied: tuple[str, ...]
    drawn: bool
    runs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Point:
    """The runs of one point: what was varied, and mean and standard error of each total over the seeds."""

    values: Mapping[str, Any]
    runs: int
    mean: Mapping[str, float]
    std_error: Mapping[str, float]


def study_page(study: StudyTable) -> str:
    """Return the report of a study as HTML, self-contained."""
    points = _points(study)
    fixed = [key for key in study.varied if len({row[key] for row in study.runs}) == 1]
    study = replace(study, varied=tuple(key for key in study.varied if key not in fixed))
    failed = [row for row in study.runs if row["error"]]
    shown = [key for key in TOTALS if any(math.isfinite(point.mean[key]) for point in points)]
    found = [_charts(study, points, shown), _table(study, points, shown), _failed(failed)]
    sections = [section for section in found if section is not None]
    design = escape(study.design.replace("_", " "))
    counted = (
        f"{len(study.runs)} runs of {escape(study.scenario)} at {len({row['point'] for row in study.runs})} points"
    )
    always = "".join(f", {escape(key)} = {escape(_shown(study.runs[0][key]))}" for key in fixed)
    lead = f"{counted}, design: {design}{always}; {len(failed)} failed"
    return document(study.name, "rexnet_grid · study", f'<p class="lead">{lead}</p>', sections)


def _points(study: StudyTable) -> list[_Point]:
    members: dict[int, list[Mapping[str, Any]]] = {}
    for row in study.runs:
        if not row["error"]:
            members.setdefault(row["point"], []).append(row)
    return [_point(study, rows) for _, rows in sorted(members.items())]


def _point(study: StudyTable, rows: Sequence[Mapping[str, Any]]) -> _Point:
    mean, std_error, n = {}, {}, len(rows)
    for key in TOTALS:
        values = [_total(row, key) for row in rows]
        mean[key] = sum(values) / n
        spread = math.sqrt(sum((value - mean[key]) ** 2 for value in values) / (n - 1)) if n > 1 else 0.0
        std_error[key] = spread / math.sqrt(n)
    return _Point({key: rows[0][key] for key in study.varied}, n, mean, std_error)


def _total(row: Mapping[str, Any], key: str) -> float:
    """Return a figure of a run, added up over the carriers where each has its own; nan where the run has none."""
    own = row.get(key)
    if own is not None:
        return float(own)
    parts = [row[f"{carrier}_{key}"] for carrier in CARRIERS if row.get(f"{carrier}_{key}") is not None]
    return float(sum(parts)) if parts else math.nan


def _charts(study: StudyTable, points: Sequence[_Point], shown: Sequence[str]) -> Section | None:
    draw = _scatters if study.drawn else _curves
    choices = [draw(study, points, key) for key in shown if len({point.mean[key] for point in points}) > 1]
    if not study.varied or not choices:
        return None
    sentence = (
        "Each dot is a run."
        if study.drawn
        else "Each dot is a point of the design, its bar the standard error over seeds."
    )
    return Section("curves", "What the figures depend on", sentence, plots(choices))


def _curves(study: StudyTable, points: Sequence[_Point], key: str) -> Figure:
    """Return a figure against the key with the most values, a curve for each combination of the other keys."""
    across = max(study.varied, key=lambda name: (_numeric(points, name), len({point.values[name] for point in points})))
    others = [name for name in study.varied if name != across]
    curves: dict[str, list[_Point]] = {}
    for point in points:
        curves.setdefault(", ".join(f"{name} = {_shown(point.values[name])}" for name in others), []).append(point)
    traces = []
    for number_, (name, members) in enumerate(curves.items()):
        ordered = sorted(members, key=lambda point: point.values[across]) if _numeric(points, across) else members
        colour = SERIES_COLOURS[number_ % len(SERIES_COLOURS)]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [_coordinate(point.values[across]) for point in ordered],
                "y": [_finite(point.mean[key]) for point in ordered],
                "error_y": {
                    "type": "data",
                    "array": [_finite(point.std_error[key]) for point in ordered],
                    "visible": any(point.runs > 1 for point in ordered),
                    "thickness": 1.2,
                },
                "name": escape(name or TOTALS[key][0]),
                "line": {"color": colour, "width": 2},
                "marker": {"color": colour, "size": 7},
            }
        )
    return plot(traces, _layout(key, across, len(traces) > 1), TOTALS[key][0], 380)


def _scatters(study: StudyTable, points: Sequence[_Point], key: str) -> Figure:
    """Return a figure against every key, side by side."""
    traces, layout, gap = [], _layout(key, "", False), 0.04
    width = (1.0 + gap) / len(study.varied)
    for k, name in enumerate(study.varied):
        axis = "" if k == 0 else str(k + 1)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [_coordinate(point.values[name]) for point in points],
                "y": [_finite(point.mean[key]) for point in points],
                "xaxis": f"x{axis}",
                "name": escape(name),
                "marker": {"color": SERIES_COLOURS[k % len(SERIES_COLOURS)], "size": 7, "opacity": 0.75},
            }
        )
        domain = [k * width, (k + 1) * width - gap]
        layout[f"xaxis{axis}"] = {**PLAIN_AXIS, "domain": domain, "anchor": "y", "title": {"text": escape(name)}}
    return plot(traces, {**layout, "hovermode": "closest"}, TOTALS[key][0], 380)


def _layout(key: str, across: str, legend: bool) -> Figure:
    name, unit = TOTALS[key]
    return {
        "xaxis": {**PLAIN_AXIS, "title": {"text": escape(across)}},
        "yaxis": {"title": {"text": f"{name.lower()} [{unit}]"}},
        "showlegend": legend,
        "margin": {"l": 56, "r": 12, "t": 14, "b": 84 if legend else 48},
    }


def _table(study: StudyTable, points: Sequence[_Point], shown: Sequence[str]) -> Section | None:
    if not points:
        return None
    header = [*study.varied, "runs", *(f"{TOTALS[key][0]} [{TOTALS[key][1]}]" for key in shown)]
    rows = [
        [
            *(_shown(point.values[name]) for name in study.varied),
            str(point.runs),
            *(_with_error(point.mean[key], point.std_error[key], point.runs) for key in shown),
        ]
        for point in points
    ]
    numeric = range(len(study.varied), len(header))
    sentence = "Means over the seeds of each point, ± the standard error of the mean."
    return Section("points", "Every point", sentence, None, table(header, rows, tuple(numeric)))


def _failed(failed: Sequence[Mapping[str, Any]]) -> Section | None:
    if not failed:
        return None
    rows = [(row["run"], row["error"]) for row in failed]
    sentence = "They are left out above; <code>--resume</code> tries them once more."
    return Section("failed", "Runs that failed", sentence, None, table(["run", "why"], rows))


def _with_error(mean: float, std_error: float, runs: int) -> str:
    return f"{number(mean)} ± {number(std_error)}" if runs > 1 else number(mean)


def _numeric(points: Sequence[_Point], name: str) -> bool:
    return all(isinstance(point.values[name], int | float) for point in points) and not any(
        isinstance(point.values[name], bool) for point in points
    )


def _coordinate(value: object) -> object:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else escape(_shown(value))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
