"""Runs of the same day side by side: this one and those it is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.report.grids import loading_limit, voltage_limits
from rexnet_grid.report.headline import VIOLATION_NAMES
from rexnet_grid.report.section import (
    SERIES_COLOURS,
    Figure,
    Section,
    clock,
    escape,
    limit_line,
    line,
    number,
    plain,
    plot,
    plots,
    stride,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.results import Results, Summary

_PAIR = 2

Row = tuple[str, tuple[float, ...], str]


def compare(runs: Sequence[Results]) -> Section:
    """Return the table and the overlaid charts of two runs or more of the same day, the first being the page's."""
    names = run_names(runs)
    choices = [
        _violations(runs, names),
        _worst_loading(runs, names),
        _lowest_voltage(runs, names),
        _service_chart(runs, names, "rationed_kw", "Rationed"),
        _service_chart(runs, names, "unserved_kw", "Did not arrive"),
        _service_chart(runs, names, "discarded_kw", "Spilled"),
        _losses(runs, names),
    ]
    summaries = [run.summary for run in runs]
    figure = plots([choice for choice in choices if choice is not None])
    return Section("against", "Side by side", _sentence(summaries, names), figure, _table(summaries, names))


def run_names(runs: Sequence[Results]) -> tuple[str, ...]:
    """Return what to call runs: by what the market knew where that tells them apart, else by their folders."""
    feedback = [run.manifest.feedback for run in runs]
    learned = any(_knowledge(run).startswith("estimate") for run in runs)
    if len(runs) > _PAIR or learned:
        names = [_knowledge(run) for run in runs]
    else:
        names = [{True: "with feedback", False: "without feedback"}.get(bool(f), "") for f in feedback]
    known = None not in feedback and len(set(names)) == len(runs)
    return tuple(names) if known else tuple(run.folder.resolve().name for run in runs)


def _knowledge(run: Results) -> str:
    """Return whether the market knew the network, an estimate of it, or nothing."""
    section = run.manifest.scenario.get("feedback")
    section = section if isinstance(section, dict) else {}
    if not run.manifest.feedback:
        return "none" if run.manifest.content.get("safety_maintainer") else "none, nobody cuts"
    if section.get("model") != "spacemeternet":
        return "model"
    return "estimate, silent before" if section.get("before_estimate") == "silent" else "estimate"


def comparison_rows(summaries: Sequence[Summary]) -> list[Row]:
    """Return what is compared: name, figure of each run, unit."""
    rows = [("limits broken", tuple(float(s.violation_count) for s in summaries), "element-units")]
    rows += [
        (f"· {name}", tuple(float(s.violations[key]) for s in summaries), "")
        for key, name in VIOLATION_NAMES.items()
        if any(s.violations[key] for s in summaries)
    ]
    return [
        *rows,
        ("energy rationed", tuple(s.rationed_kwh for s in summaries), "kWh"),
        ("energy that did not arrive", tuple(s.unserved_kwh for s in summaries), "kWh"),
        ("generation spilled", tuple(s.discarded_kwh for s in summaries), "kWh"),
        ("losses", tuple(s.loss_kwh for s in summaries), "kWh"),
        ("cost of cuts", tuple(s.safety_cost_eur for s in summaries), "EUR"),
        ("paid to the supply", tuple(s.supply_eur for s in summaries), "EUR"),
        ("supply and cuts together", tuple(s.supply_eur + s.safety_cost_eur for s in summaries), "EUR"),
        ("cost to prosumers", tuple(s.cost_eur for s in summaries), "EUR"),
    ]


def _sentence(summaries: Sequence[Summary], names: Sequence[str]) -> str:
    told = [
        f"{escape(name)}: {number(s.violation_count, 0)} broken limits, {number(s.rationed_kwh)} kWh rationed, "
        f"{number(s.loss_kwh)} kWh lost"
        for s, name in zip(summaries, names, strict=True)
    ]
    sentence = f"The same day, {'; '.join(told)}."
    whole = {name: s.supply_eur + s.safety_cost_eur for name, s in zip(names, summaries, strict=True)}
    if "model" in whole:
        dearer = [f"{escape(name)} {cost - whole['model']:+.2f} EUR" for name, cost in whole.items() if name != "model"]
        sentence += f" What not knowing costs, supply and cuts together, against the model: {', '.join(dearer)}."
    return sentence


def _table(summaries: Sequence[Summary], names: Sequence[str]) -> str:
    lines = []
    for name, values, unit in comparison_rows(summaries):
        whole = 0 if all(float(v).is_integer() for v in values) else None
        label = f"{escape(name)} <span>{escape(unit)}</span>"
        cells = "".join(f'<td class="n">{number(v, whole)}</td>' for v in values)
        changes = "".join(_change(values[0], other, whole) for other in values[1:])
        lines.append(f"<tr><td>{label}</td>{cells}{changes}</tr>")
    gaps = ["difference"] if len(names) == _PAIR else [f"against {name}" for name in names[1:]]
    head = "".join(f'<th class="n">{escape(name)}</th>' for name in (*names, *gaps))
    return (
        f'<div class="scroll"><table class="compare"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _change(mine: float, other: float, whole: int | None) -> str:
    tone = ' class="better"' if mine < other else ' class="worse"' if mine > other else ""
    change = f"{mine - other:+,.{0 if whole == 0 else 2}f}".replace(",", "\u202f") if mine != other else "="
    return f'<td class="n"><b{tone}>{change}</b></td>'


def _violations(runs: Sequence[Results], names: Sequence[str]) -> Figure | None:
    if not any(run.summary.violation_count for run in runs):
        return None
    traces = []
    for run, name, colour in zip(runs, names, SERIES_COLOURS, strict=False):
        units = max(run.summary.units, 1)
        broken = run.violations.drop_duplicates(["kind", "element", "unit"])["unit"].to_numpy(dtype=np.int64)
        count = np.bincount(broken, minlength=units)[:units]
        step = stride(units)
        sums = np.add.reduceat(count, np.arange(0, units, step))
        grid = run.manifest.grid
        x = [f"{grid.time(u):%Y-%m-%d %H:%M}" for u in range(0, units, step)]
        bars = {"type": "bar", "x": x, "y": plain(sums, 0), "name": escape(name), "marker": {"color": colour}}
        traces.append({**bars, "hovertemplate": "%{y} broken"})
    layout = {"yaxis": {"title": {"text": "elements"}, "rangemode": "tozero"}, "barmode": "group", "bargap": 0.15}
    return plot(traces, layout, "Limits broken")


def _worst_loading(runs: Sequence[Results], names: Sequence[str]) -> Figure | None:
    if any("loading_percent" not in run.electric.arrays for run in runs):
        return None
    traces = []
    for run, name, colour in zip(runs, names, SERIES_COLOURS, strict=False):
        worst = run.electric.loading_percent.max(axis=1)
        worst = worst.iloc[:: stride(len(worst))]
        traces.append(line(clock(worst.index), worst, escape(name), colour, 1, hovertemplate="%{y:.1f} %"))
    limit = loading_limit(runs[0])
    shape, note = limit_line(limit, f"limit {limit:g} %")
    layout = {
        "yaxis": {"title": {"text": "loading [%]"}, "rangemode": "tozero"},
        "shapes": [shape],
        "annotations": [note],
    }
    return plot(traces, layout, "Worst loading")


def _lowest_voltage(runs: Sequence[Results], names: Sequence[str]) -> Figure | None:
    if any("vm_pu" not in run.electric.arrays for run in runs):
        return None
    traces = []
    for run, name, colour in zip(runs, names, SERIES_COLOURS, strict=False):
        lowest = run.electric.vm_pu.min(axis=1)
        lowest = lowest.iloc[:: stride(len(lowest))]
        traces.append(line(clock(lowest.index), lowest, escape(name), colour, 4, hovertemplate="%{y:.3f} p.u."))
    low, _ = voltage_limits(runs[0])
    shape, note = limit_line(low, f"limit {low:g} p.u.")
    layout = {"yaxis": {"title": {"text": "voltage [p.u.]"}}, "shapes": [shape], "annotations": [note]}
    return plot(traces, layout, "Lowest voltage")


def _service_chart(runs: Sequence[Results], names: Sequence[str], column: str, title: str) -> Figure | None:
    traces, anything = [], False
    for run, name, colour in zip(runs, names, SERIES_COLOURS, strict=False):
        rate = run.service.groupby(level=0)[column].sum()
        anything = anything or bool((rate > 0.0).any())
        rate = rate.iloc[:: stride(len(rate))]
        traces.append(line(clock(rate.index), rate, escape(name), colour, 2, hovertemplate="%{y:.2f} kW"))
    layout = {"yaxis": {"title": {"text": "rate [kW]"}, "rangemode": "tozero"}}
    return plot(traces, layout, title) if anything else None


def _losses(runs: Sequence[Results], names: Sequence[str]) -> Figure | None:
    traces = []
    for run, name, colour in zip(runs, names, SERIES_COLOURS, strict=False):
        rate = sum(network.balance["loss_kw"] for network in (run.electric, run.heat) if len(network.balance))
        if isinstance(rate, int):
            return None
        rate = rate.iloc[:: stride(len(rate))]
        traces.append(line(clock(rate.index), rate, escape(name), colour, 3, hovertemplate="%{y:.2f} kW"))
    return plot(traces, {"yaxis": {"title": {"text": "losses [kW]"}, "rangemode": "tozero"}}, "Losses")
