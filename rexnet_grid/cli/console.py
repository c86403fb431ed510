"""What the command line says when something goes wrong, and with which exit code it ends."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import groupby
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer

from rexnet_grid.errors import (
    ConvergenceError,
    InputError,
    Issue,
    MissingExtraError,
    OutputError,
    RexnetError,
    RunInterruptedError,
)

if TYPE_CHECKING:
    from rich.text import Text

OK, INTERNAL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

P = ParamSpec("P")
T = TypeVar("T")

_debug = False


def without_debug(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without ``--debug``, which may stand anywhere, and remember whether it was there."""
    global _debug
    _debug = "--debug" in arguments
    return [argument for argument in arguments if argument != "--debug"]


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn what a command raises into a message and an exit code; with ``--debug`` into a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            _raise_in_debug()
            fail("stopped")
            raise typer.Exit(INTERRUPTED) from None
        except RexnetError as error:
            _raise_in_debug()
            show_error(error)
            raise typer.Exit(exit_code(error)) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:  # noqa: BLE001 the last resort of the command line
            _raise_in_debug()
            fail(f"internal error: {type(error).__name__}: {error}")
            fail("this is a fault of rexnet_grid; run again with --debug to see where", dim=True)
            raise typer.Exit(INTERNAL) from None

    return run


def exit_code(error: RexnetError) -> int:
    """Return the exit code of an error of ours."""
    if isinstance(error, RunInterruptedError):
        return INTERRUPTED
    if isinstance(error, InputError | OutputError | MissingExtraError | ConvergenceError):
        return BAD_INPUT
    return INTERNAL


def show_error(error: RexnetError) -> None:
    """Say what an error says, one line for each issue."""
    issues = error.issues if isinstance(error, InputError) else ()
    if issues:
        show_issues(issues)
    else:
        fail(str(error))


def show_issues(issues: Sequence[Issue]) -> None:
    """Write issues to standard error, one line each, grouped by the file they are in."""
    for where, members in groupby(sorted(issues, key=lambda issue: issue.where), key=lambda issue: issue.where):
        group = list(members)
        count = "1 problem" if len(group) == 1 else f"{len(group)} problems"
        fail(f"{count} in {where}")
        for issue in group:
            _write_error(_line(issue))


def fail(text: str, dim: bool = False) -> None:
    """Write one line to standard error."""
    from rich.text import Text

    _write_error(Text(text, style="dim" if dim else "bold red"))


def say(text: str) -> None:
    """Write one line to standard output."""
    typer.echo(text)


def _line(issue: Issue) -> "Text":
    from rich.text import Text

    got = f"got {issue.value}" if issue.value else "missing"
    line = Text("  ")
    line.append(issue.key, style="bold")
    line.append(f": {got}; expected {issue.expected}")
    if issue.hint:
        line.append(f"  ({issue.hint})", style="dim")
    return line


def _write_error(text: "Text") -> None:
    from rich.console import Console

    Console(stderr=True, highlight=False, soft_wrap=True).print(text)


def _raise_in_debug() -> None:
    if _debug:
        raise sys.exc_info()[1] or RuntimeError("no error")
