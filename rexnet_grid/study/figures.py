"""The figures of a study: one row a run, and their means over the seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError
from rexnet_grid.results.parts import write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rexnet_grid.results import Results
    from rexnet_grid.units import Carrier

Row = Mapping[str, Any]

BOOKKEEPING = ("run", "point", "seed", "error")


def figures(results: Results) -> dict[str, float | int | None]:
    """Return the figures of a run as columns: those of :class:`rexnet_grid.results.Summary`, by carrier."""
    summary = results.summary
    row: dict[str, float | int | None] = dict(summary.violations)
    row["violations"] = summary.violation_count
    row["cost_eur"] = summary.cost_eur
    for carrier, part in summary.carriers.items():
        row |= {
            f"{carrier}_trades": part.trades,
            f"{carrier}_traded_kwh": part.traded_kwh,
            f"{carrier}_mean_price_eur_per_mwh": part.mean_price_eur_per_mwh,
            f"{carrier}_import_kwh": part.import_kwh,
            f"{carrier}_withdrawn_kwh": part.withdrawn_kwh,
            f"{carrier}_loss_kwh": part.loss_kwh,
            f"{carrier}_rationed_kwh": part.rationed_kwh,
            f"{carrier}_unserved_kwh": part.unserved_kwh,
            f"{carrier}_discarded_kwh": part.discarded_kwh,
            f"{carrier}_safety_cost_eur": part.safety_cost_eur,
            f"{carrier}_exercised_kwh": part.exercised_kwh,
            f"{carrier}_option_cost_eur": part.option_fees_eur + part.exercise_fees_eur,
            f"{carrier}_maker_profit_eur": part.maker_profit_eur,
            f"{carrier}_maker_inventory_kwh": part.maker_inventory_kwh,
            **{f"{carrier}_{name}": value for name, value in _quality(results, carrier).items()},
        }
    return row


def _quality(results: Results, carrier: Carrier) -> dict[str, float | None]:
    """Return how much of the possible surplus was realised, and how far prices were from equilibrium in the median.

    Nothing for a run that kept no log.
    """
    from rexnet_grid.reservex.quality import market_quality

    try:
        quality = market_quality(results.log(carrier))
    except InputError:
        return {}
    possible = float(quality["possible_surplus"].sum())
    efficiency = float(quality["surplus"].sum()) / possible if possible else None
    alpha = quality["alpha"].astype(float).median()
    return {"efficiency": efficiency, "convergence_percent": None if math.isnan(alpha) else float(alpha)}


def aggregate(rows: Sequence[Row], varied: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row a point of the design: what was varied, how many runs, mean and standard error of each figure.

    The standard error of a mean over n seeds is s / sqrt(n), with s the sample standard deviation; it is empty for one
    run. Failed runs are left out.
    """
    points: dict[int, list[Row]] = {}
    done = [row for row in rows if not row["error"]]
    for row in done:
        points.setdefault(row["point"], []).append(row)
    names = [
        name for name in dict.fromkeys(name for row in done for name in row) if name not in {*BOOKKEEPING, *varied}
    ]
    found = []
    for point, members in points.items():
        line: dict[str, Any] = {"point": point, **{key: members[0][key] for key in varied}, "runs": len(members)}
        for name in names:
            given = [row.get(name) for row in members]
            values = np.array([math.nan if value is None else value for value in given], dtype=np.float64)
            spread = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None
            line |= {f"{name}_mean": float(values.mean()), f"{name}_std_error": spread}
        found.append(line)
    return found


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as one Parquet file, the same bytes for the same rows; a column is empty where a row has no value."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_rows(path, {name: [_plain(row.get(name)) for row in rows] for name in names})


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
