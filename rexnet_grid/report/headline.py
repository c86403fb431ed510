"""The head of the report: a few figures, what was cut and why, and what the run was made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rexnet_grid.report.section import Section, escape, number, table
from rexnet_grid.results.money import kind_of_participant

if TYPE_CHECKING:
    from rexnet_grid.results import Results, Summary

VIOLATION_NAMES = {
    "voltage_bus_units": "bus voltages",
    "line_units": "cables",
    "trafo_units": "transformers",
    "heat_units": "heat supply",
    "power_flow_units": "units without a power flow solution",
}
STAGES = {"secure": "before delivery", "realtime": "during delivery"}
CLOSES = 1e-9
MOST_ROWS = 12


def cards(summary: Summary) -> str:
    """Return the headline figures as HTML."""
    traded = sum(carrier.traded_kwh for carrier in summary.carriers.values())
    trades = sum(carrier.trades for carrier in summary.carriers.values())
    imported = sum(carrier.import_kwh for carrier in summary.carriers.values())
    broken = [f"{count} {VIOLATION_NAMES[key]}" for key, count in summary.violations.items() if count]
    shown = [
        _card(
            "Limits broken",
            number(summary.violation_count, 0),
            "times",
            ", ".join(broken) or "every bus, branch and substation stayed inside in every unit",
            "bad" if summary.violation_count else "good",
        ),
        _card(
            "Energy rationed",
            number(summary.rationed_kwh),
            "kWh",
            f"cuts worth {number(summary.safety_cost_eur)} EUR; {number(summary.unserved_kwh)} kWh uncut did not "
            f"arrive, {number(summary.discarded_kwh)} kWh generation spilled",
            "warn" if summary.rationed_kwh + summary.unserved_kwh > 0.005 else "good",
        ),
        _card("Losses", number(summary.loss_kwh), "kWh", _loss_note(summary, imported)),
        _card("Traded", number(traded / 1000.0), "MWh", f"{number(trades, 0)} trades"),
        _price(summary),
        *_options(summary),
        *_maker(summary),
        _closing(summary),
    ]
    return f'<div class="cards">{"".join(shown)}</div>'


def cuts(results: Results) -> Section:
    """Return what the safety maintainer cut and which limits bound trades."""
    body, hours = "", results.manifest.grid.hours
    rows = results.actions
    if len(rows):
        who = rows["participant"].map(kind_of_participant(results)).fillna("other")
        told = rows.assign(who=who, kwh=rows["kw"] * hours, what=rows["limit"].map(_kind_of_limit))
        cut = told.groupby(["what", "kind", "stage", "who"]).agg(
            places=("limit", "nunique"), units=("unit", "nunique"), kwh=("kwh", "sum"), cost=("cost_eur", "sum")
        )
        ordered = cut.reset_index().sort_values("kwh", ascending=False, kind="stable").to_dict("records")
        figures = [(r["places"], r["units"], number(r["kwh"]), number(r["cost"])) for r in ordered]
        lines = [
            (r["what"], r["kind"], STAGES.get(r["stage"], r["stage"]), _words(r["who"]), *figure)
            for r, figure in zip(ordered, figures, strict=True)
        ]
        head = ("limit", "cut", "when", "whom", "places", "in units", "kWh", "EUR")
        body += table(head, lines[:MOST_ROWS], numeric=(4, 5, 6, 7)) + _more(len(lines))
    else:
        body += '<p class="quiet">Nothing was cut.</p>'
    body += _binding(results)
    sentence = (
        "Which limits would have broken, who was cut for them and what that cost; below, the limits that stopped "
        "trades before any cut was needed."
    )
    return Section("cuts", "What was cut and why", sentence, body=body)


def details(results: Results) -> Section:
    """Return what the run was made of, from its manifest."""
    manifest = results.manifest
    timings = manifest.content.get("timings_s")
    body = ""
    if isinstance(timings, dict) and timings:
        total = sum(float(seconds) for seconds in timings.values()) or 1.0
        rows = [(_words(k), number(float(s)), f"{float(s) / total:.0%}") for k, s in timings.items()]
        body += "<h3>Time by step</h3>" + table(("step", "s", "share"), rows, numeric=(1, 2))
    versions = manifest.content.get("versions")
    if isinstance(versions, dict) and versions:
        body += "<h3>Versions</h3>" + table(("package", "version"), list(versions.items()))
    scenario = json.dumps(manifest.scenario, indent=2, ensure_ascii=False)
    body += f"<details><summary>The scenario as resolved</summary><pre>{escape(scenario)}</pre></details>"
    return Section("details", "What this run was made of", "Everything needed to repeat it.", body=body)


def lead(results: Results) -> str:
    """Return one line that says what was run."""
    manifest, grid = results.manifest, results.manifest.grid
    parts = [
        f"{results.summary.units} units of {grid.unit_minutes} minutes from {grid.start:%A %d %B %Y, %H:%M %Z}",
        {True: "networks feed back to the market", False: "no feedback from the networks", None: ""}[manifest.feedback],
        f"seed {manifest.seed}" if manifest.seed is not None else "",
    ]
    return " · ".join(escape(part) for part in parts if part)


def _loss_note(summary: Summary, imported: float) -> str:
    notes = [f"{number(carrier.loss_kwh)} {name}" for name, carrier in summary.carriers.items()]
    share = f", {summary.loss_kwh / imported:.1%} of what was supplied" if imported > 0.0 else ""
    return " + ".join(notes) + share


def _price(summary: Summary) -> str:
    means: list[tuple[str, float | None]] = [
        (name, carrier.mean_price_eur_per_mwh) for name, carrier in summary.carriers.items()
    ]
    first, rest = (means or [("", None)])[0], means[1:]
    note = "; ".join([f"{first[0]}, mean of all trades", *(f"{name} {number(mean)} EUR/MWh" for name, mean in rest)])
    return _card("Mean price", number(first[1]), "EUR/MWh", note)


def _options(summary: Summary) -> list[str]:
    fees = sum(carrier.option_fees_eur for carrier in summary.carriers.values())
    exercised = sum(carrier.exercised_kwh for carrier in summary.carriers.values())
    paid = sum(carrier.exercise_fees_eur for carrier in summary.carriers.values())
    if not fees and not paid:
        return []
    note = f"{number(fees)} EUR paid to have them, {number(paid)} EUR for using them, before anybody was cut"
    return [_card("Options exercised", number(exercised), "kWh", note)]


def _maker(summary: Summary) -> list[str]:
    cards = []
    for name, carrier in summary.carriers.items():
        if carrier.maker_profit_eur is not None:
            note = f"{name}; left with {number(carrier.maker_inventory_kwh or 0.0)} kWh at the gates, settled"
            cards.append(_card("Contract maker's profit", number(carrier.maker_profit_eur), "EUR", note))
    return cards


def _closing(summary: Summary) -> str:
    residual = max((carrier.energy_residual_relative for carrier in summary.carriers.values()), default=0.0)
    energy = residual < CLOSES
    cash = summary.cash_sum_quanta in {0, None}
    note = f"energy to {residual:.0e} of the throughput, cash to {summary.cash_sum_quanta or 0} quanta"
    return _card(
        "The books", "close" if energy and cash else "do not close", "", note, "good" if energy and cash else "bad"
    )


def _card(title: str, value: str, unit: str, note: str, tone: str = "") -> str:
    return (
        f'<div class="figure {tone}"><div class="name">{escape(title)}</div>'
        f'<div class="value">{escape(value)} <span>{escape(unit)}</span></div>'
        f'<div class="note">{escape(note)}</div></div>'
    )


def _binding(results: Results) -> str:
    rows = results.headroom[results.headroom["times_bound"] > 0]
    if rows.empty:
        return ""
    told = rows.assign(what=rows["limit"].map(_kind_of_limit))
    first = told.loc[told.groupby(["carrier", "what"])["times_bound"].transform("max") == told["times_bound"]]
    tightest = first.groupby(["carrier", "what"])["limit"].first()
    bound = told.groupby(["carrier", "what"]).agg(
        places=("limit", "nunique"),
        times=("times_bound", "sum"),
        units=("unit", "nunique"),
        blocked=("blocked_kw", "max"),
    )
    ordered = bound.join(tightest).reset_index().sort_values("times", ascending=False, kind="stable")
    lines = [
        (r["what"], r["limit"], r["places"], r["units"], number(r["times"], 0), number(r["blocked"]))
        for r in ordered.to_dict("records")
    ]
    head = ("limit", "most of all", "places", "in units", "trades capped", "largest block [kW]")
    return (
        "<h3>Limits that stopped trades</h3>" + table(head, lines[:MOST_ROWS], numeric=(2, 3, 4, 5)) + _more(len(lines))
    )


def _kind_of_limit(limit: str) -> str:
    """Return ``"bus 12 undervoltage"`` as ``"bus undervoltage"``: the limit without the place."""
    words = str(limit).split(" ")
    return " ".join([words[0], *words[2:]]) if len(words) > 2 else str(limit)


def _more(rows: int) -> str:
    return f'<p class="quiet">and {rows - MOST_ROWS} more</p>' if rows > MOST_ROWS else ""


def _words(name: object) -> str:
    return str(name).replace("_", " ")
