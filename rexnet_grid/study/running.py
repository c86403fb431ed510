"""Run a study: every variant in a process of its own choosing, all figures into one table."""

from __future__ import annotations

import json
import os
import shutil
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexnet_grid.errors import Issue, MissingExtraError, OutputError, RexnetError, ScenarioError
from rexnet_grid.results.parts import write_atomically
from rexnet_grid.study.designs import Variant, variants
from rexnet_grid.study.figures import aggregate, figures, write_table
from rexnet_grid.study.models import Study
from rexnet_grid.threads import one_thread_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

STUDY_FILE = "study.json"
RESULTS_FILE = "results.parquet"
POINTS_FILE = "points.parquet"
REPORT_FILE = "report.html"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a study left behind.

    Attributes
    ----------
    folder
        Its folder: ``results.parquet`` with a row for each run, ``points.parquet`` with mean and standard error over
        the seeds of each point, ``report.html`` that shows them, ``runs/`` with the runs themselves.
    runs
        How many runs it has.
    failed
        Names of the runs that failed; the column ``error`` says why.
    """

    folder: Path
    runs: int
    failed: tuple[str, ...]

    def __str__(self) -> str:
        """One sentence for the terminal."""
        note = f", {len(self.failed)} failed ({', '.join(self.failed[:3])})" if self.failed else ""
        return f"{self.runs} runs{note}; figures in {self.folder / RESULTS_FILE}, shown in {self.folder / REPORT_FILE}"


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker needs to know."""

    scenario: str
    variant: Variant
    folder: Path
    keep_tables: bool


def run_study(
    file: Path | str,
    workers: int | None = None,
    dask: str | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
    out: Path | str | None = None,
) -> StudyResult:
    """Run every variant of a study and put their figures into one table.

    Runs that fail are noted in the table and do not stop the others. What is done is on disk: an interrupted study
    goes on with ``resume``.

    Parameters
    ----------
    file
        The study's TOML file.
    workers
        Number of processes; by default one a core.
    dask
        Address of a Dask scheduler to send the runs to instead; it must see the same folders.
    resume
        Do only what is not done yet, and once more what failed.
    progress
        Called with (runs done, runs in all).
    out
        Folder for the results; by default the study's own, ``studies/<name>``.

    Raises
    ------
    ScenarioError
        With every issue of the study and of all its variants; nothing was run then.
    OutputError
        When the folder holds another study, or this one and ``resume`` is false.
    MissingExtraError
        When Dask is asked for and not installed.
    """
    path = Path(file)
    study = Study.load(path)
    runs = variants(study)
    scenario = study.scenario_path(path)
    _check(path, scenario, runs)
    folder = study.folder if out is None else Path(out)
    _claim(folder, study, resume)
    keep = study.study.keep == "all"
    tasks = [_Task(str(scenario), variant, folder.resolve(), keep) for variant in runs]
    rows = {row["run"]: row for row in _done(folder, runs)} if resume else {}
    left = [task for task in tasks if task.variant.name not in rows]
    tell = progress or _silent
    tell(len(rows), len(tasks))
    for row in _through_dask(left, dask) if dask is not None else _through_pool(left, workers):
        rows[row["run"]] = row
        tell(len(rows), len(tasks))
    ordered = [rows[task.variant.name] for task in tasks]
    write_table(folder / RESULTS_FILE, ordered)
    write_table(folder / POINTS_FILE, aggregate(ordered, list(study.vary)))
    _write_report(folder / REPORT_FILE, study, ordered)
    return StudyResult(folder, len(ordered), tuple(row["run"] for row in ordered if row["error"]))


def _write_report(path: Path, study: Study, rows: Sequence[Row]) -> None:
    from rexnet_grid.report.document import write_document
    from rexnet_grid.report.study_page import StudyTable, study_page

    info = study.study
    drawn = info.design != "grid"
    write_document(path, study_page(StudyTable(info.name, info.scenario, info.design, tuple(study.vary), drawn, rows)))


def _check(path: Path, scenario: Path, runs: Sequence[Variant]) -> None:
    """Validate every variant before any of them runs."""
    from rexnet_grid.scenario import Scenario
    from rexnet_grid.scenario.catalogue import find_scenario

    found: dict[str, Issue] = {}
    source = find_scenario(scenario)
    for variant in runs:
        try:
            Scenario.load(source, variant.overrides)
        except ScenarioError as error:
            found |= {str(issue): issue for issue in error.issues or (Issue(str(path), "vary", "", str(error)),)}
    if found:
        raise ScenarioError(list(found.values()))


def _claim(folder: Path, study: Study, resume: bool) -> None:
    """Make the folder of the study, or refuse one that holds something else."""
    described = study.model_dump(mode="json")
    path = folder / STUDY_FILE
    if path.is_file():
        if not resume:
            raise OutputError(f"{folder} holds a study; go on with --resume, or delete it first")
        if json.loads(path.read_text(encoding="utf-8")) != described:
            raise OutputError(f"{folder} holds another study than this file describes; delete it, or change its name")
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} holds files that no study wrote; choose another out")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(described, indent=2) + "\n").encode())


def _done(folder: Path, runs: Iterable[Variant]) -> Iterator[Row]:
    """Yield the rows of runs that ended well."""
    for variant in runs:
        path = _row_path(folder, variant)
        if path.is_file():
            row: Row = json.loads(path.read_text(encoding="utf-8"))
            if not row["error"]:
                yield row


def _through_pool(tasks: Sequence[_Task], workers: int | None) -> Iterator[Row]:
    """Yield rows as they are done, also for one worker in a process of its own: all runs compute alike."""
    if not tasks:
        return
    count = min(workers or os.cpu_count() or 1, len(tasks))
    with one_thread_each(), ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_run, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _through_dask(tasks: Sequence[_Task], address: str) -> Iterator[Row]:
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise MissingExtraError("dask.distributed", "study") from error
    with Client(address) as client:
        for future in as_completed(client.map(_run, tasks, pure=False)):
            yield future.result()


def _run(task: _Task) -> Row:
    """Run one variant and keep its figures beside it, whatever happens."""
    from rexnet_grid.scenario.running import load, simulate

    variant, out = task.variant, task.folder / "runs" / task.variant.name
    row: Row = {"run": variant.name, "point": variant.point, "seed": variant.seed, **variant.overrides, "error": ""}
    shutil.rmtree(out, ignore_errors=True)
    _row_path(task.folder, variant).parent.mkdir(parents=True, exist_ok=True)
    try:
        results = simulate(load(task.scenario, variant.seed, variant.overrides), out=out)
        row["seed"] = results.manifest.seed
        row |= figures(results)
    except RexnetError as error:
        row["error"] = str(error).splitlines()[0]
    except Exception as error:  # noqa: BLE001 a fault in one run must not cost the others
        row["error"] = (
            f"{type(error).__name__}: {error}; see {_trace_path(task.folder, variant).relative_to(task.folder)}"
        )
        write_atomically(_trace_path(task.folder, variant), traceback.format_exc().encode())
    if not task.keep_tables:
        shutil.rmtree(out, ignore_errors=True)
    write_atomically(_row_path(task.folder, variant), (json.dumps(row, allow_nan=False) + "\n").encode())
    return row


def _row_path(folder: Path, variant: Variant) -> Path:
    return folder / "rows" / f"{variant.name}.json"


def _trace_path(folder: Path, variant: Variant) -> Path:
    return folder / "rows" / f"{variant.name}.traceback.txt"


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""
