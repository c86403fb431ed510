"""What the command ``rexnet networks size`` does: a heat network drawn without diameters becomes one with pipes."""

from __future__ import annotations

import csv
import shutil
from typing import TYPE_CHECKING

from rexnet_grid.errors import Issue, NetworkDataError, OutputError
from rexnet_grid.rexdynnet.network import HeatNetwork
from rexnet_grid.rexdynnet.reading import PIPE_COLUMNS
from rexnet_grid.rexdynnet.sizing import KEPT, bill_of_pipes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rexnet_grid.rexdynnet.sizing import SizingRule

BILL = "bill_of_pipes.csv"
REPLACED = {"catalogue", "series", *(column for column, field in PIPE_COLUMNS.items() if field not in KEPT)}


def size_folder(folder: Path, to: Path, rule: SizingRule) -> str:
    """Size the network in a folder of CSV files and write it to another one; return the bill of pipes as text.

    All files are copied but for ``pipes.csv``, whose rows get the chosen catalogue entry and series in place of the
    diameters, walls and insulation that were there, and ``bill_of_pipes.csv``, which is written.

    Raises
    ------
    NetworkDataError
        When the folder holds no network that can be sized.
    OutputError
        When ``to`` holds something already, or cannot be written.
    """
    if not folder.is_dir():
        expected = "a folder with nodes.csv, pipes.csv, substations.csv, plants.csv"
        value = "a file" if folder.exists() else "no such folder"
        raise NetworkDataError([Issue(str(folder), "network", value, expected)])
    network = HeatNetwork.from_csv(folder, sizing=rule)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise OutputError(f"{to} is there already and not empty; choose another --to")
    bill = bill_of_pipes(network)
    try:
        shutil.copytree(folder, to, dirs_exist_ok=True)
        _write_pipes(folder / "pipes.csv", to / "pipes.csv", network, rule)
        bill.to_csv(to / BILL)
    except OSError as error:
        raise OutputError(f"{to} cannot be written: {error.strerror}") from error
    section = f'in a scenario: [heat] network = "{to.as_posix()}"'
    return "\n".join((*_lines(bill), "", section))


def _write_pipes(source: Path, target: Path, network: HeatNetwork, rule: SizingRule) -> None:
    """Write the pipes as they were drawn, with what was chosen for each."""
    chosen = {data["name"]: data["catalogue"] for *_, data in network.graph.edges(data=True)}
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        rows = list(reader)
        kept = [name for name in reader.fieldnames if name and name not in REPLACED]
    at = kept.index("length_m") + 1
    columns = [*kept[:at], "catalogue", "series", *kept[at:]]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "catalogue": chosen[row["name"].strip()], "series": rule.series})


def _lines(bill: pd.DataFrame) -> list[str]:
    """Return the bill of pipes as lines."""
    rows = [(str(name), f"{route:,.1f}", f"{pipe:,.1f}") for name, route, pipe in bill.itertuples()]
    rows = [("pipe", "route [m]", "pipe [m]"), *rows]
    rows.append(("all", f"{bill['route_m'].sum():,.1f}", f"{bill['pipe_m'].sum():,.1f}"))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return [f"{name:{widths[0]}}  {route:>{widths[1]}}  {pipe:>{widths[2]}}" for name, route, pipe in rows]
