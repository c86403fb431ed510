"""The whole run: units a second, the share of each step of the cycle, cold and warm start, memory.

Every run is a process of its own, as a user starts it. ``--cold`` adds one run with an empty compile cache.
``--smoke`` runs four units once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

REXNET = Path(sys.executable).with_name("rexnet")
SILENT = ("--set", "feedback.enabled=false")


class Measured(NamedTuple):
    """One run."""

    wall_s: float
    cpu_s: float
    largest_gb: float
    units: int
    steps_s: dict[str, float]

    @property
    def cycle_s(self) -> float:
        return sum(self.steps_s.values())


def measure(folder, *words, cache=None):
    """Run the quickstart once in a process of its own."""
    environment = dict(os.environ) if cache is None else {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    began = time.perf_counter()
    child = subprocess.Popen([REXNET, "run", "quickstart", "--quiet", "--out", folder, *words], env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("the run failed")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    largest = usage.ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    return Measured(wall, usage.ru_utime + usage.ru_stime, largest, manifest["units"], manifest["timings_s"])


def median(runs, figure):
    return statistics.median(figure(run) for run in runs)


def table(named):
    """Print one column for each kind of run."""
    print(f"{'':28}" + "".join(f"{name:>18}" for name in named))
    rows = {
        "wall [s]": lambda run: run.wall_s,
        "processor [s]": lambda run: run.cpu_s,
        "start, report, imports [s]": lambda run: run.wall_s - run.cycle_s,
        "units a second": lambda run: run.units / run.cycle_s,
        "memory [GB]": lambda run: run.largest_gb,
    }
    for label, figure in rows.items():
        print(f"{label:28}" + "".join(f"{median(runs, figure):18.2f}" for runs in named.values()))
    print("share of the cycle [%]")
    for step in next(iter(named.values()))[0].steps_s:
        shares = (
            median(runs, lambda run, step=step: 100.0 * run.steps_s[step] / run.cycle_s) for runs in named.values()
        )
        print(f"  {step:26}" + "".join(f"{share:18.1f}" for share in shares))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    few = ("--set", "scenario.units=4") if options.smoke else ()
    repeat = 1 if options.smoke else options.repeat
    named = {"feedback": [], "no feedback": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if options.cold:
            named["feedback, cold"] = [measure(folder / "cold", *few, cache=folder / "cache")]
        for turn in range(repeat):
            named["feedback"].append(measure(folder / f"open{turn}", *few))
            named["no feedback"].append(measure(folder / f"silent{turn}", *few, *SILENT))
    print(f"{named['feedback'][0].units} units, medians of {repeat}, {os.cpu_count()} cores\n")
    table(named)


if __name__ == "__main__":
    main()
