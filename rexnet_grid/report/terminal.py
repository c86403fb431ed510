"""The few figures of a run for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.report.comparison import comparison_rows, run_names
from rexnet_grid.report.headline import CLOSES, VIOLATION_NAMES
from rexnet_grid.report.section import number

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from rexnet_grid.results import Results, Summary

# shown where there are any
EXTRAS = [
    ("options exercised", "exercised_kwh", "kWh"),
    ("paid for options", "option_fees_eur", "EUR"),
    ("paid for exercising", "exercise_fees_eur", "EUR"),
    ("maker's profit", "maker_profit_eur", "EUR"),
    ("maker's inventory", "maker_inventory_kwh", "kWh"),
]


def summary_table(results: Results) -> Group:
    """Return the summary of a run for rich to print: a column for each carrier, below it what broke and closes."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    summary = results.summary
    state = "" if summary.complete else " (interrupted)"
    table = Table(box=None)
    table.add_column("")
    for carrier in summary.carriers:
        table.add_column(carrier, justify="right")
    table.add_column("", style="dim")
    rows = [
        ("traded", "traded_kwh", "kWh"),
        ("mean price", "mean_price_eur_per_mwh", "EUR/MWh"),
        ("supplied", "import_kwh", "kWh"),
        ("losses", "loss_kwh", "kWh"),
        ("rationed", "rationed_kwh", "kWh"),
        ("did not arrive", "unserved_kwh", "kWh"),
        ("spilled", "discarded_kwh", "kWh"),
        ("cost of cuts", "safety_cost_eur", "EUR"),
    ]
    rows += [row for row in EXTRAS if any(getattr(part, row[1]) for part in summary.carriers.values())]
    for name, attribute, unit in rows:
        table.add_row(name, *(number(getattr(part, attribute)) for part in summary.carriers.values()), unit)
    table.add_row("trades", *(number(part.trades, 0) for part in summary.carriers.values()), "")
    table.add_row("energy closes to", *(f"{p.energy_residual_relative:.0e}" for p in summary.carriers.values()), "")
    title = f"[bold]{escape(summary.title)}[/bold]: {summary.units} units{state}"
    return Group(title, table, f" {_verdict(summary)}")


def comparison_table(*runs: Results) -> Table:
    """Return runs side by side as a table that rich prints."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None)
    table.add_column("")
    for name in run_names(runs):
        table.add_column(escape(name), justify="right")
    table.add_column("", style="dim")
    for name, values, unit in comparison_rows([run.summary for run in runs]):
        table.add_row(name, *(number(value) for value in values), unit)
    return table


def _verdict(summary: Summary) -> str:
    broken = ", ".join(f"{count} {VIOLATION_NAMES[key]}" for key, count in summary.violations.items() if count)
    limits = f"limits broken: {broken} (element-units)" if broken else "every limit held"
    closes = all(part.energy_residual_relative < CLOSES for part in summary.carriers.values())
    cash = {None: "", 0: "cash sums to zero"}.get(summary.cash_sum_quanta, "cash does NOT sum to zero")
    return " · ".join(text for text in (limits, cash, "energy closes" if closes else "energy does NOT close") if text)
