"""How far a run is: a bar on a terminal, a plain line every tenth otherwise."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], None]


@contextmanager
def progress(label: str, quiet: bool, what: str = "units") -> Iterator[Report | None]:
    """Yield a function of (units done, units in all), or of whatever is counted; None when quiet, and no log then."""
    if quiet:
        log = logging.getLogger("rexnet_grid")
        level = log.level
        log.setLevel(logging.ERROR)
        try:
            yield None
        finally:
            log.setLevel(level)
    elif sys.stderr.isatty():
        with _bar(label) as report:
            yield report
    else:
        yield PlainProgress(label, what)


@contextmanager
def _bar(label: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


class PlainProgress:
    """Lines such as ``quickstart: 48 of 96 units, 12 s``, one for each tenth.

    Parameters
    ----------
    label
        What is running.
    what
        What is counted.
    """

    def __init__(self, label: str, what: str = "units") -> None:
        self.label = label
        self.what = what
        self._started = time.monotonic()
        self._told = -1

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is, if another tenth is done."""
        tenth = 10 * done // total if total else 10
        if tenth > self._told:
            self._told = tenth
            seconds = time.monotonic() - self._started
            sys.stderr.write(f"{self.label}: {done} of {total} {self.what}, {seconds:.0f} s\n")
            sys.stderr.flush()
