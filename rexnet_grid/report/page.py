"""The report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rexnet_grid.report import congestion, grids, headline, learning, liquidity, markets, warmth
from rexnet_grid.report.comparison import compare
from rexnet_grid.report.document import document, write_document
from rexnet_grid.results import Results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.report.section import Section

REPORT = "report.html"


def write_report(
    run_folder: Path | str, against: Path | str | Sequence[Path | str] | None = None, out: Path | str | None = None
) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    run_folder
        The run.
    against
        Another run of the same day to show beside it, or several.
    out
        Where to write; ``report.html`` in the run folder if not given.

    Returns
    -------
    Path
        The file: self-contained, nothing in it asks the network for anything.

    Raises
    ------
    InputError
        When a folder holds no run that can be read.
    OutputError
        When the file cannot be written.
    """
    results = Results.open(run_folder)
    others = [] if against is None else [against] if isinstance(against, str | Path) else list(against)
    sections = _sections(results, [Results.open(other) for other in others])
    path = Path(out) if out is not None else results.folder / REPORT
    write_document(path, document(results.manifest.title, "rexnet_grid · run report", _head(results), sections))
    return path


def _sections(results: Results, others: Sequence[Results]) -> list[Section]:
    found = [
        compare([results, *others]) if others else None,
        learning.learned(results),
        grids.grid_map(results),
        *grids.envelopes(results),
        markets.prices(results),
        markets.books(results),
        liquidity.market(results),
        congestion.prices_by_place(results),
        markets.reservations(results),
        headline.cuts(results),
        grids.heat_map(results),
        *warmth.temperatures(results),
        warmth.control(results),
        warmth.comfort(results),
        markets.money(results),
        headline.details(results),
    ]
    return [section for section in found if section is not None]


def _head(results: Results) -> str:
    cut_short = '<p class="banner">This run was interrupted; the report shows what was computed.</p>'
    state = "" if results.manifest.complete else cut_short
    return f'<p class="lead">{headline.lead(results)}</p>{state}{headline.cards(results.summary)}'
