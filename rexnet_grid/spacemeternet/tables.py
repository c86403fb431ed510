"""Meter tables from CSV and Parquet files.

Columns are called ``quantity:name``, as in ``temperature_c:kitchen`` or ``vm_pu:bus 12``; quantities without a name
stand alone (``outdoor_c``). The first column, or one called ``time``, is the index. A file with the columns ``a`` and
``b`` lists candidate edges, one with ``zone``, ``x`` and ``y`` places on the floor plan. Several files are joined on
their index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError, did_you_mean
from rexnet_grid.spacemeternet.clock import localise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class MeterTables:
    """Tables by quantity.

    Attributes
    ----------
    quantities
        Quantity to table, columns without the quantity's prefix.
    edges
        Candidate edges, or None.
    places
        Position of each zone, or None.
    """

    quantities: dict[str, pd.DataFrame]
    edges: tuple[tuple[str, str], ...] | None = None
    places: dict[str, tuple[float, float]] | None = None

    def get(self, quantity: str) -> pd.DataFrame | None:
        """Return the table of a quantity, or None."""
        return self.quantities.get(quantity)

    def series(self, quantity: str) -> pd.Series | None:
        """Return the single column of a quantity, or None."""
        table = self.get(quantity)
        return None if table is None else table.iloc[:, 0]


def read_tables(
    paths: Sequence[Path], known: Sequence[str], required: Sequence[str], time_zone: str = "UTC"
) -> MeterTables:
    """Read files and sort their columns by quantity.

    Parameters
    ----------
    paths
        CSV (comma or semicolon) or Parquet files.
    known, required
        Quantities understood, and those that have to be there.
    time_zone
        Zone of time stamps without an offset of their own.

    Raises
    ------
    MeterDataError
        With an issue for each unreadable file, unknown column and missing quantity.
    """
    issues: list[Issue] = []
    frames: list[pd.DataFrame] = []
    edges = places = None
    for path in paths:
        table = _read(path, issues)
        if table is None:
            continue
        if set(table.columns) == {"a", "b"}:
            edges = tuple((str(a), str(b)) for a, b in zip(table["a"], table["b"], strict=True))
        elif set(table.columns) == {"zone", "x", "y"}:
            places = {str(z): (float(x), float(y)) for z, x, y in table[["zone", "x", "y"]].itertuples(index=False)}
        else:
            frames.append(_indexed(path, table, time_zone, issues))
    quantities: dict[str, pd.DataFrame] = {}
    if frames and not issues:
        joined = frames[0] if len(frames) == 1 else pd.concat(frames, axis=1, join="outer").sort_index()
        quantities = _sorted(paths[0], joined, known, issues)
    for quantity in required:
        if quantity not in quantities and not issues:
            issues.append(Issue(str(paths[0]), f"{quantity}:…", "", f"at least one column called {quantity}:<name>"))
    if issues:
        raise MeterDataError(issues)
    return MeterTables(quantities, edges, places)


def _read(path: Path, issues: list[Issue]) -> pd.DataFrame | None:
    if not path.is_file():
        issues.append(Issue(str(path), "file", "", "a CSV or Parquet file"))
        return None
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(path)
            return table.reset_index() if table.index.name else table
        return pd.read_csv(path, sep=None, engine="python")
    except (ValueError, OSError, pd.errors.ParserError) as error:
        issues.append(Issue(str(path), "file", type(error).__name__, "a readable CSV or Parquet file", str(error)))
        return None


def _indexed(path: Path, table: pd.DataFrame, time_zone: str, issues: list[Issue]) -> pd.DataFrame:
    """Return the table with its time column as index."""
    column = next((c for c in table.columns if str(c).lower() in {"time", "timestamp", "date"}), table.columns[0])
    raw = table.pop(column)
    if not pd.api.types.is_numeric_dtype(raw):
        parsed = pd.to_datetime(raw, utc=True, errors="coerce")
        if parsed.isna().any():
            bad = str(raw[parsed.isna()].iloc[0])
            issues.append(Issue(str(path), str(column), bad, "a time such as 2026-01-31T12:00:00+01:00"))
        elif time_zone != "UTC" and not _has_offset(raw):
            parsed = pd.Series(localise(pd.DatetimeIndex(parsed).tz_localize(None), time_zone), raw.index)
            table, parsed = table[parsed.notna()], parsed[parsed.notna()]
        raw = parsed
    table.index = pd.Index(raw, name="time")
    return table


def _has_offset(raw: pd.Series) -> bool:
    """Return whether time stamps say their offset from UTC themselves."""
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return True
    return bool(raw.astype(str).str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$").any())


def _sorted(path: Path, table: pd.DataFrame, known: Sequence[str], issues: list[Issue]) -> dict[str, pd.DataFrame]:
    out: dict[str, dict[str, pd.Series]] = {}
    strange: list[str] = []
    for column in table.columns:
        quantity, _, name = str(column).partition(":")
        if quantity not in known:
            hint = did_you_mean(quantity, known)
            if hint:
                issues.append(Issue(str(path), str(column), "a column of an unknown quantity", "a known one", hint))
            else:
                strange.append(str(column))
        elif not pd.api.types.is_numeric_dtype(table[column]):
            issues.append(Issue(str(path), str(column), str(table[column].dropna().iloc[0]), "numbers"))
        else:
            out.setdefault(quantity, {})[name.strip() or quantity] = table[column]
    if strange:
        hint = f"columns are called quantity:name, such as {known[0]}:kitchen"
        issues.append(Issue(str(path), ", ".join(strange), "of unknown quantity", ", ".join(known), hint))
    return {quantity: pd.DataFrame(columns) for quantity, columns in out.items()}
