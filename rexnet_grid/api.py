"""What the command ``rexnet run`` does, for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rexnet_grid.results import Results
    from rexnet_grid.scenario import Scenario


def run(
    scenario: str | Path | Scenario,
    out: str | Path | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
) -> Results:
    """Run a scenario, write its results and its report.

    Parameters
    ----------
    scenario
        A TOML file, the name of a built-in scenario such as ``"quickstart"``, or a :class:`rexnet_grid.Scenario`.
    out
        Folder for the results; by default ``runs/<name>``.
    seed
        Replaces the scenario's seed.
    overrides
        Values that replace those of the scenario, by dotted key, such as ``{"feedback.enabled": False}``.
    progress
        Called with (units done, units in all) whenever a unit is done.
    resume
        Go on from the last checkpoint in the folder.

    Returns
    -------
    Results
        The results, read from the folder when touched.

    Raises
    ------
    InputError
        With every issue of the scenario, its files and its networks; nothing was written then.
    OutputError
        When the folder cannot be written or holds another run; nothing was changed then.
    RunInterruptedError
        When the user stopped the run; what was computed is on disk.
    """
    from rexnet_grid.scenario.running import load, simulate

    loaded = load(scenario, seed, overrides or {})
    results = simulate(loaded, out=out, progress=progress, resume=resume)
    if loaded.results.report:
        from rexnet_grid.report import write_report

        write_report(results.folder)
    return results
