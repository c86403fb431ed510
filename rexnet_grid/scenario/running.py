"""From a scenario to results on disk."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any

from rexnet_grid.errors import OutputError, RunInterruptedError, ScenarioError
from rexnet_grid.scenario.catalogue import find_scenario
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.models import Scenario
from rexnet_grid.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from rexnet_grid.cosim import Simulation
    from rexnet_grid.results import Results, RunWriter

PACKAGES = (
    "rexnet_grid",
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "pandapower",
    "networkx",
    "simpy",
    "demandlib",
    "pyarrow",
)


@one_thread()
def simulate(
    scenario: Scenario,
    out: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
) -> Results:
    """Run a scenario and write its tables; arguments and errors are those of :func:`rexnet_grid.api.run`."""
    folder = Path(out) if out is not None else Path("runs") / scenario.name
    if not resume:
        refuse_taken(folder)
    if check_scenario(scenario, deep=False):
        raise ScenarioError(check_scenario(scenario))
    return _drive(scenario, folder, progress, resume)


def load(scenario: str | Path | Scenario, seed: int | None, overrides: Mapping[str, object]) -> Scenario:
    """Return the scenario with another seed and other values."""
    changes = dict(overrides) if seed is None else {**overrides, "scenario.seed": seed}
    if isinstance(scenario, Scenario):
        return scenario.with_(changes) if changes else scenario
    return Scenario.load(find_scenario(scenario), changes)


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that holds anything, before time is spent on a run.

    Raises
    ------
    OutputError
        When it is a file, or is not empty.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder; choose another --out")
    if folder.is_dir() and any(folder.iterdir()):
        what = "another run" if (folder / "manifest.json").is_file() else "other files"
        or_else = ", go on with it by --resume" if (folder / "checkpoint.bin").is_file() else ""
        raise OutputError(f"{folder} holds {what}; choose another --out, or delete it first{or_else}")


def _drive(scenario: Scenario, folder: Path, progress: Callable[[int, int], None] | None, resume: bool) -> Results:
    """Build the run, take it through its units and close its folder, whatever happens."""
    from rexnet_grid.results import Results, RunWriter

    checkpoint: bytes | None = None
    if resume:
        _refuse_another(scenario, folder)
        writer, checkpoint = RunWriter.resume(folder)
    else:
        writer = RunWriter(folder, header=header(scenario))
    try:
        from rexnet_grid.scenario.build import build_simulation

        simulation = build_simulation(scenario, writer, checkpoint)
    except BaseException:
        if not resume:
            _forget(folder)
        raise
    try:
        with _interrupts() as asked_to_stop:
            _step_through(simulation, scenario, writer, progress, asked_to_stop)
    except BaseException:
        writer.interrupt(simulation.manifest())
        raise
    simulation.write_logs()
    writer.finish(simulation.manifest())
    return Results.open(folder)


def _step_through(
    simulation: Simulation,
    scenario: Scenario,
    writer: RunWriter,
    progress: Callable[[int, int], None] | None,
    asked_to_stop: Callable[[], bool],
) -> None:
    every = scenario.results.checkpoint_every
    tell = progress or _silent
    tell(simulation.unit, scenario.units)
    for unit in simulation.units():
        done = unit + 1
        tell(done, scenario.units)
        if done == scenario.units:
            return
        stop = asked_to_stop()
        if stop or done % every == 0:
            writer.write_checkpoint(simulation.checkpoint())
        if stop:
            raise RunInterruptedError(
                f"stopped after {done} of {scenario.units} units; {writer.folder} holds what was computed, "
                "--resume goes on from there"
            )


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


def header(scenario: Scenario) -> dict[str, Any]:
    """Return what a manifest says from the beginning."""
    return {
        "versions": versions(),
        "seed": scenario.seed,
        "scenario": scenario.resolved(),
        "start": scenario.start.isoformat(),
        "timezone": scenario.info.timezone,
        "unit_minutes": scenario.info.unit_minutes,
        "units": scenario.units,
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a run depends on."""
    found = {"python": python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def _refuse_another(scenario: Scenario, folder: Path) -> None:
    """Refuse to go on with a run of another scenario.

    Raises
    ------
    OutputError
        Naming the keys that differ.
    """
    from rexnet_grid.results.manifest import Manifest

    before, now = _flat(Manifest.read(folder).scenario), _flat(scenario.resolved())
    different = [key for key in {**now, **before} if before.get(key) != now.get(key)]
    if different:
        raise OutputError(f"{folder} holds a run of another scenario; these differ: {', '.join(different)}")


def _flat(data: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by dotted key."""
    if not isinstance(data, dict):
        return {prefix: data}
    return {k: v for name, value in data.items() for k, v in _flat(value, f"{prefix}.{name}".lstrip(".")).items()}


def _forget(folder: Path) -> None:
    """Remove the folder of a run that never began, and the default parent of runs where nothing else is in it."""
    (folder / "manifest.json").unlink(missing_ok=True)
    for empty in (folder, folder.parent) if folder.parent == Path("runs") else (folder,):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C finish the current unit; the second one stops at once."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
