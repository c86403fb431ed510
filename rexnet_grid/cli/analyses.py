"""Commands that look at results and meter readings: report, export, estimate."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rexnet_grid.cli.console import guarded, say
from rexnet_grid.errors import OutputError

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
DataArgument = Annotated[list[Path], typer.Argument(metavar="DATA", help="CSV or Parquet files of meter readings.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the result; by default beside the first file.")]
ZoneOption = Annotated[str, typer.Option(help="Zone of time stamps that have no offset, such as Europe/Berlin.")]

estimate = typer.Typer(
    help="Infer a network from meter readings.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """What a run can be exported to."""

    CSV = "csv"
    NETCDF = "netcdf"


@guarded
def report(
    run: RunArgument,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="RUN2", help="Show another run beside it; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The HTML file; by default report.html in the run.")] = None,
) -> None:
    """Write a run's report as one HTML file that opens offline."""
    from rexnet_grid.report import write_report

    for folder in (run, *(against or ())):
        if not folder.is_dir():
            raise OutputError(f"{folder}: there is no such folder")
    say(str(write_report(run, against=against, out=out)))


@guarded
def export(
    run: RunArgument,
    to: Annotated[Format, typer.Option(help="The format.")],
    out: Annotated[Path | None, typer.Option(help="Where to; by default beside the run.")] = None,
) -> None:
    """Write a run's tables in another format."""
    from rexnet_grid.interop import export_run

    say(str(export_run(run, to=to.value, out=out)))


@estimate.command()
@guarded
def thermal(data: DataArgument, out: OutOption = None, time_zone: ZoneOption = "UTC") -> None:
    """Infer how zones of a building heat each other."""
    from rexnet_grid.spacemeternet.estimate import run_thermal

    say(str(run_thermal(data, out, time_zone)))


@estimate.command()
@guarded
def voltage(
    data: DataArgument,
    out: OutOption = None,
    gain_std: Annotated[
        float, typer.Option(min=0.0, max=0.19, help="Constant gain error of the voltage meters, such as 0.003.")
    ] = 0.0,
    free: Annotated[
        bool, typer.Option("--free", help="Regress without signs and symmetry, for comparison; warns.")
    ] = False,
) -> None:
    """Infer how loads of a feeder move its voltages; a file with columns a and b is its map."""
    from rexnet_grid.spacemeternet.estimate import run_voltage

    say(str(run_voltage(data, out, gain_std, free)))


@estimate.command()
@guarded
def phase(data: DataArgument, out: OutOption = None) -> None:
    """Infer which phase each customer is connected to."""
    from rexnet_grid.spacemeternet.estimate import run_phase

    say(str(run_phase(data, out)))
