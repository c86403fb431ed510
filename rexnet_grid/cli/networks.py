"""The commands ``rexnet networks list|show|import|size``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rexnet_grid.cli.console import guarded, say

if TYPE_CHECKING:
    from rexnet_grid.scenario.catalogue import NetworkEntry

networks = typer.Typer(
    help="Built-in networks, and bringing your own.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@networks.command("list")
@guarded
def list_networks() -> None:
    """List the built-in networks with size and origin."""
    from rexnet_grid.scenario.catalogue import electric_networks, heat_networks

    for heading, entries in (("electricity", electric_networks()), ("heat", heat_networks())):
        widths = [max((len(text) for text in column), default=0) for column in _columns(entries)]
        say(heading)
        for row in zip(*_columns(entries), strict=True):
            say("  " + "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip())
    say('\nand SimBench codes as "simbench:<code>", with the extra simbench')


def _columns(entries: "tuple[NetworkEntry, ...]") -> tuple[list[str], list[str], list[str]]:
    return [e.name for e in entries], [e.size for e in entries], [e.origin for e in entries]


@networks.command()
@guarded
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a built-in network, or a file or folder.")],
) -> None:
    """Show one network: what it holds, and whether it is fit for a run."""
    from rexnet_grid.scenario.describing import describe_network

    say(describe_network(name))


@networks.command("import")
@guarded
def import_network(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="pandapower JSON or Excel, pandapipes JSON, or a folder of CSV files."),
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
) -> None:
    """Check a network file and bring it into a folder that scenarios can name."""
    from rexnet_grid.scenario.describing import import_network_file

    say(import_network_file(file, to))


@networks.command()
@guarded
def size(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A heat network as CSV files; its pipes need no diameters.")
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    gradient: Annotated[float, typer.Option(help="Largest pressure drop per length [Pa/m].")] = 150.0,
    velocity: Annotated[float, typer.Option(help="Largest velocity [m/s].")] = 2.0,
    supply: Annotated[float, typer.Option(help="Design supply temperature [degC].")] = 75.0,
    back: Annotated[float, typer.Option("--return", help="Design return temperature [degC].")] = 45.0,
    series: Annotated[int, typer.Option(help="Insulation series 1, 2 or 3.")] = 2,
    twin: Annotated[bool, typer.Option("--twin", help="Lay twin pipes of EN 15698-1, up to DN200.")] = False,
) -> None:
    """Choose EN 253 pipes for the design heats, write the sized network and the bill of pipes."""
    from rexnet_grid.rexdynnet.sizing import SizingRule
    from rexnet_grid.scenario.drawing import size_folder

    say(size_folder(folder, to, SizingRule(gradient, velocity, supply, back, series, twin)))
