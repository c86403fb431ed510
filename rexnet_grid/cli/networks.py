"""The commands ``rexnet networks list|show|import``."""

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
