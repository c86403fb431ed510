"""Commands that run something: run, validate, study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rexnet_grid.cli.console import BAD_INPUT, guarded, say, show_issues
from rexnet_grid.cli.progress import progress
from rexnet_grid.cli.values import overrides

if TYPE_CHECKING:
    from rexnet_grid.results import Results

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario's TOML file, or the name of a built-in scenario.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a value, e.g. feedback.enabled=false; repeatable."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@guarded
def run(
    scenario: ScenarioArgument,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; by default runs/<name>.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replace the scenario's seed.")] = None,
    settings: SetOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Run a scenario and write results and a report."""
    from rexnet_grid.api import run as run_scenario

    changes = overrides(settings or [])
    with progress(Path(scenario).stem, quiet) as tell:
        results = run_scenario(scenario, out=out, seed=seed, overrides=changes, progress=tell, resume=resume)
    if not quiet:
        _summarise(results)


@guarded
def validate(
    scenario: ScenarioArgument,
    settings: SetOption = None,
    deep: Annotated[bool, typer.Option("--deep/--shallow", help="Load the networks and solve their base case.")] = True,
    quiet: QuietOption = False,
) -> None:
    """Check a scenario and name everything that is wrong with it."""
    from rexnet_grid.scenario.catalogue import find_scenario
    from rexnet_grid.scenario.checking import check_scenario
    from rexnet_grid.scenario.models import Scenario

    loaded = Scenario.load(find_scenario(scenario), overrides(settings or []))
    issues = check_scenario(loaded, deep=deep)
    if issues:
        show_issues(issues)
        raise typer.Exit(BAD_INPUT)
    if not quiet:
        say(f"{scenario}: no problem found" + ("" if deep else " (networks not loaded)"))


@guarded
def study(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A study's TOML file, or the name of a built-in study.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results; by default studies/<name>.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes; by default one a core.")] = None,
    dask: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address of a Dask scheduler.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Do only what is not done yet.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Run many variants of a scenario and put their figures into one table."""
    from rexnet_grid.scenario.catalogue import find_study
    from rexnet_grid.study import run_study

    if workers is not None and dask is not None:
        raise typer.BadParameter("give --workers or --dask, not both")
    with progress(file.stem, quiet, "runs") as tell:
        result = run_study(find_study(file), workers=workers, dask=dask, resume=resume, progress=tell, out=out)
    if not quiet:
        say(str(result))


def _summarise(results: "Results") -> None:
    from rich.console import Console

    from rexnet_grid.report.terminal import summary_table

    console = Console(highlight=False)
    console.print(summary_table(results))
    console.print(f"results in {results.folder}", soft_wrap=True, markup=False)
    if (results.folder / "report.html").exists():
        console.print(f"report in {results.folder / 'report.html'}", soft_wrap=True, markup=False)
