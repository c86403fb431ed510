"""The command ``rexnet``: it translates to the Python API and says what happened.

Exit codes: 0 success, 1 an internal error, 2 bad input, 130 stopped by Ctrl-C. Everything heavy is imported inside
the commands, so that ``rexnet --help`` is quick.
"""

import sys

from rexnet_grid.cli.app import app
from rexnet_grid.cli.console import without_debug
from rexnet_grid.threads import one_thread_unless_set

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line."""
    one_thread_unless_set()
    app(args=without_debug(sys.argv[1:]), prog_name="rexnet")
