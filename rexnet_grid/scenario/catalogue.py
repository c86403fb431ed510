"""The built-in networks and scenarios, known without loading any of them."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rexnet_grid.errors import Issue, ScenarioError, did_you_mean
from rexnet_grid.resources import builtin_dir

if TYPE_CHECKING:
    from rexnet_grid.units import Carrier


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """A built-in network.

    Attributes
    ----------
    name
        What to write into a scenario.
    carrier
        What it delivers.
    size
        How large it is, in words.
    origin
        Where it comes from.
    coordinates
        Whether it can be drawn on a map.
    """

    name: str
    carrier: Carrier
    size: str
    origin: str
    coordinates: bool


@dataclass(frozen=True, slots=True)
class ScenarioEntry:
    """A built-in scenario or study.

    Attributes
    ----------
    name
        What ``rexnet new --from`` takes, and ``rexnet run`` or ``rexnet study``.
    title
        One line about it.
    path
        Its file.
    studied
        The scenario's file, if this is a study.
    """

    name: str
    title: str
    path: Path
    studied: Path | None = None


def electric_networks() -> tuple[NetworkEntry, ...]:
    """Return the built-in electric networks; their data come with pandapower."""
    path = builtin_dir("networks") / "electric" / "catalogue.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            NetworkEntry(
                row["name"],
                "electricity",
                f"{row['buses']:>3} buses, {row['lines']:>3} lines, {row['transformers']} trafos, "
                f"{row['loads']:>3} loads, {row['nominal_kv']} kV",
                row["origin"],
                row["coordinates"] == "yes",
            )
            for row in csv.DictReader(file)
        )


def heat_networks() -> tuple[NetworkEntry, ...]:
    """Return the built-in heat networks, the folders of ``networks/heat``."""
    folder = builtin_dir("networks") / "heat"
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return tuple(_heat_entry(path) for path in folders)


def networks(kind: Literal["electric", "heat"]) -> tuple[NetworkEntry, ...]:
    """Return the built-in networks of one kind."""
    return electric_networks() if kind == "electric" else heat_networks()


def scenarios() -> tuple[ScenarioEntry, ...]:
    """Return the built-in scenarios."""
    return tuple(entry for entry in _entries() if entry.studied is None)


def studies() -> tuple[ScenarioEntry, ...]:
    """Return the built-in studies."""
    return tuple(entry for entry in _entries() if entry.studied is not None)


def _entries() -> list[ScenarioEntry]:
    found = []
    for path in sorted(builtin_dir("scenarios").glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if isinstance(head := content.get("scenario"), dict):
            found.append(ScenarioEntry(path.stem, str(head.get("title", "")), path))
        elif isinstance(study := content.get("study"), dict):
            studied = path.with_name(f"{study['scenario']}.toml")
            found.append(ScenarioEntry(path.stem, f"a study of {study['scenario']}", path, studied))
    return found


def _heat_entry(folder: Path) -> NetworkEntry:
    tables = {path.stem: _rows(path) for path in sorted(folder.glob("*.csv"))}
    sizes = [f"{len(tables[name])} {name}" for name in ("pipes", "substations", "plants") if name in tables]
    nodes = tables.get("nodes", [])
    mapped = any(row.get("x_m") or row.get("longitude") or row.get("lon") for row in nodes)
    return NetworkEntry(folder.name, "heat", ", ".join(sizes), _origin(folder), mapped)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _origin(folder: Path) -> str:
    """Return the first line of prose in the folder's README or origin file."""
    for name in ("README.md", "origin.txt", "ORIGIN.md", "origin.md"):
        path = folder / name
        if path.is_file():
            lines = [line.strip("# ").strip() for line in path.read_text(encoding="utf-8").splitlines()]
            return next((line for line in lines if line), "")
    return ""


def builtin(name: str) -> ScenarioEntry:
    """Return the built-in scenario or study of this name.

    Raises
    ------
    ScenarioError
        When there is none.
    """
    known = {entry.name: entry for entry in _entries()}
    if name not in known:
        choice = ", ".join(known)
        raise ScenarioError([Issue(name, "scenario", "unknown", f"one of {choice}", did_you_mean(name, known))])
    return known[name]


def find_study(text: str | Path) -> Path:
    """Return the file that ``text`` names: a path, or the name of a built-in study."""
    known = {entry.name: entry.path for entry in studies()}
    return Path(text) if Path(text).exists() else known.get(str(text), Path(text))


def find_scenario(text: str | Path) -> Path:
    """Return the file that ``text`` names: a path, or the name of a built-in scenario.

    Raises
    ------
    ScenarioError
        When there is neither.
    """
    path = Path(text)
    if path.is_file():
        return path
    known = {entry.name: entry.path for entry in scenarios()}
    if path.exists() and str(text) not in known:
        return path
    if str(text) in known:
        return known[str(text)]
    near = path.stem if path.stem in known else ""
    hint = f"the built-in scenario is called {near}" if near else did_you_mean(path.stem, known)
    expected = "the path of a TOML file, or a built-in scenario: " + ", ".join(known)
    raise ScenarioError([Issue(str(text), "scenario", "no such file", expected, hint)])
