"""The commands, put together."""

from typing import Annotated

import typer

from rexnet_grid.cli.analyses import estimate, export, report
from rexnet_grid.cli.material import new, schema, version
from rexnet_grid.cli.networks import networks
from rexnet_grid.cli.runs import run, study, validate

app = typer.Typer(
    name="rexnet",
    help="Trade, deliver, meter and settle energy on real electric and heat networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    _debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand after the command too.")] = False,
) -> None:
    """Trade, deliver, meter and settle energy on real electric and heat networks."""


for command in (run, validate, new, report, study, export, schema, version):
    app.command()(command)
app.add_typer(networks, name="networks")
app.add_typer(estimate, name="estimate")
