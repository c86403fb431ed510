"""Two runs side by side: this one and the one it is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.report.grids import loading_limit, voltage_limits
from rexnet_grid.report.headline import VIOLATION_NAMES
from rexnet_grid.report.section import (
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
    from rexnet_grid.results import Results, Summary

COLOURS = ("$c1", "$c2")


def compare(results: Results, other: Results) -> Section:
    """Return the table and the overlaid charts of two runs of the same day."""
    names = run_names(results, other)
    choices = [
        _violations(results, other, names),
        _worst_loading(results, other, names),
        _lowest_voltage(results, other, names),
        _service_chart(results, other, names, "rationed_kw", "Rationed"),
        _service_chart(results, other, names, "unserved_kw", "Did not arrive"),
        _service_chart(results, other, names, "discarded_kw", "Spilled"),
        _losses(results, other, names),
    ]
    mine, theirs = results.summary, other.summary
    sentence = (
        f"The same day {escape(names[0])} and {escape(names[1])}: {number(mine.violation_count, 0)} against "
        f"{number(theirs.violation_count, 0)} broken limits, {number(mine.rationed_kwh)} against "
        f"{number(theirs.rationed_kwh)} kWh rationed, {number(mine.loss_kwh)} against {number(theirs.loss_kwh)} kWh "
        "lost."
    )
    figure = plots([choice for choice in choices if choice is not None])
    return Section("against", "Side by side", sentence, figure, _table(mine, theirs, names))


def run_names(results: Results, other: Results) -> tuple[str, str]:
    """Return what to call two runs: by their feedback where that tells them apart, else by their folders."""
    calls = {True: "with feedback", False: "without feedback"}
    mine, theirs = results.manifest.feedback, other.manifest.feedback
    if mine is not None and theirs is not None and mine != theirs:
        return calls[mine], calls[theirs]
    return results.folder.resolve().name, other.folder.resolve().name


def comparison_rows(mine: Summary, theirs: Summary) -> list[tuple[str, float, float, str]]:
    """Return what is compared: name, figure of either run, unit."""
    rows = [("limits broken", float(mine.violation_count), float(theirs.violation_count), "element-units")]
    rows += [
        (f"· {name}", float(mine.violations[key]), float(theirs.violations[key]), "")
        for key, name in VIOLATION_NAMES.items()
        if mine.violations[key] or theirs.violations[key]
    ]
    return [
        *rows,
        ("energy rationed", mine.rationed_kwh, theirs.rationed_kwh, "kWh"),
        ("energy that did not arrive", mine.unserved_kwh, theirs.unserved_kwh, "kWh"),
        ("generation spilled", mine.discarded_kwh, theirs.discarded_kwh, "kWh"),
        ("losses", mine.loss_kwh, theirs.loss_kwh, "kWh"),
        ("cost of cuts", mine.safety_cost_eur, theirs.safety_cost_eur, "EUR"),
        ("cost to prosumers", mine.cost_eur, theirs.cost_eur, "EUR"),
    ]


def _table(mine: Summary, theirs: Summary, names: tuple[str, str]) -> str:
    lines = []
    for name, a, b, unit in comparison_rows(mine, theirs):
        whole = 0 if float(a).is_integer() and float(b).is_integer() else None
        tone = ' class="better"' if a < b else ' class="worse"' if a > b else ""
        change = f"{a - b:+,.{0 if whole == 0 else 2}f}".replace(",", "\u202f") if a != b else "="
        label = f"{escape(name)} <span>{escape(unit)}</span>"
        lines.append(
            f'<tr><td>{label}</td><td class="n">{number(a, whole)}</td><td class="n">{number(b, whole)}</td>'
            f'<td class="n"><b{tone}>{change}</b></td></tr>'
        )
    head = "".join(f'<th class="n">{escape(name)}</th>' for name in (*names, "difference"))
    return (
        f'<div class="scroll"><table class="compare"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _violations(results: Results, other: Results, names: tuple[str, str]) -> Figure | None:
    traces = []
    for run, name, colour in zip((results, other), names, COLOURS, strict=True):
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


def _worst_loading(results: Results, other: Results, names: tuple[str, str]) -> Figure | None:
    if any("loading_percent" not in run.electric.arrays for run in (results, other)):
        return None
    traces = []
    for run, name, colour in zip((results, other), names, COLOURS, strict=True):
        worst = run.electric.loading_percent.max(axis=1)
        worst = worst.iloc[:: stride(len(worst))]
        traces.append(line(clock(worst.index), worst, escape(name), colour, 1, hovertemplate="%{y:.1f} %"))
    limit = loading_limit(results)
    shape, note = limit_line(limit, f"limit {limit:g} %")
    layout = {
        "yaxis": {"title": {"text": "loading [%]"}, "rangemode": "tozero"},
        "shapes": [shape],
        "annotations": [note],
    }
    return plot(traces, layout, "Worst loading")


def _lowest_voltage(results: Results, other: Results, names: tuple[str, str]) -> Figure | None:
    if any("vm_pu" not in run.electric.arrays for run in (results, other)):
        return None
    traces = []
    for run, name, colour in zip((results, other), names, COLOURS, strict=True):
        lowest = run.electric.vm_pu.min(axis=1)
        lowest = lowest.iloc[:: stride(len(lowest))]
        traces.append(line(clock(lowest.index), lowest, escape(name), colour, 4, hovertemplate="%{y:.3f} p.u."))
    low, _ = voltage_limits(results)
    shape, note = limit_line(low, f"limit {low:g} p.u.")
    layout = {"yaxis": {"title": {"text": "voltage [p.u.]"}}, "shapes": [shape], "annotations": [note]}
    return plot(traces, layout, "Lowest voltage")


def _service_chart(results: Results, other: Results, names: tuple[str, str], column: str, title: str) -> Figure | None:
    traces, anything = [], False
    for run, name, colour in zip((results, other), names, COLOURS, strict=True):
        rate = run.service.groupby(level=0)[column].sum()
        anything = anything or bool((rate > 0.0).any())
        rate = rate.iloc[:: stride(len(rate))]
        traces.append(line(clock(rate.index), rate, escape(name), colour, 2, hovertemplate="%{y:.2f} kW"))
    layout = {"yaxis": {"title": {"text": "rate [kW]"}, "rangemode": "tozero"}}
    return plot(traces, layout, title) if anything else None


def _losses(results: Results, other: Results, names: tuple[str, str]) -> Figure | None:
    traces = []
    for run, name, colour in zip((results, other), names, COLOURS, strict=True):
        rate = sum(network.balance["loss_kw"] for network in (run.electric, run.heat) if len(network.balance))
        if isinstance(rate, int):
            return None
        rate = rate.iloc[:: stride(len(rate))]
        traces.append(line(clock(rate.index), rate, escape(name), colour, 3, hovertemplate="%{y:.2f} kW"))
    return plot(traces, {"yaxis": {"title": {"text": "losses [kW]"}, "rangemode": "tozero"}}, "Losses")
