"""Commands about what comes with the package: new, schema, version."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rexnet_grid.cli.console import guarded, say
from rexnet_grid.errors import OutputError


@guarded
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")],
    source: Annotated[
        str, typer.Option("--from", metavar="NAME", help="The built-in scenario or study to copy.")
    ] = "quickstart",
) -> None:
    """Make a folder with a scenario to begin with."""
    from rexnet_grid.scenario.catalogue import builtin

    entry = builtin(source)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is there already and not empty; choose another name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in filter(None, (entry.path, entry.studied)):
            (folder / path.name).write_bytes(path.read_bytes())
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
    command = "run" if entry.studied is None else "study"
    say(f"{folder / entry.path.name} written; run it with: rexnet {command} {folder / entry.path.name}")


@guarded
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Schema, for editors.")] = False,
) -> None:
    """Print every key a scenario may hold."""
    from rexnet_grid.scenario.reference import json_schema, reference

    if as_json:
        say(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    else:
        say(reference())


@guarded
def version() -> None:
    """Print the version."""
    from rexnet_grid import __version__

    say(__version__)
