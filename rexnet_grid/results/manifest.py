"""The manifest of a run, read back: what was run, when, by which rules, and how it balanced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rexnet_grid.errors import InputError
from rexnet_grid.results.schema import SCHEMA_VERSION
from rexnet_grid.units import CARRIERS, Carrier, Quantum, TimeGrid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``manifest.json`` of a run says.

    Attributes
    ----------
    content
        All of it, as parsed.
    grid
        The delivery units on the time axis, in the zone of the scenario.
    rules
        Lot, tick and quantum of each carrier's exchange.
    """

    content: Mapping[str, Any]
    grid: TimeGrid
    rules: Mapping[Carrier, Quantum]

    @property
    def complete(self) -> bool:
        """Whether the run reached its last unit."""
        return bool(self.content.get("complete", False))

    @property
    def name(self) -> str:
        """Short name of the scenario."""
        return str(self.scenario_info.get("name") or "run")

    @property
    def title(self) -> str:
        """One line that describes the scenario; its name when it has none."""
        return str(self.scenario_info.get("title") or self.name)

    @property
    def seed(self) -> int | None:
        """Seed of every random draw."""
        seed = self.content.get("seed", self.scenario_info.get("seed"))
        return None if seed is None else int(seed)

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as resolved."""
        return _mapping(self.content.get("scenario"))

    @property
    def scenario_info(self) -> Mapping[str, Any]:
        """The section ``[scenario]``."""
        return _mapping(self.scenario.get("scenario"))

    @property
    def feedback(self) -> bool | None:
        """Whether the networks fed constraints back to the market; None when the manifest does not say."""
        enabled = _mapping(self.scenario.get("feedback")).get("enabled")
        return None if enabled is None else bool(enabled)

    def number(self, *path: str) -> float | None:
        """Return the number at ``path``, or None when it is not there."""
        value: Any = self.content
        for key in path:
            value = _mapping(value).get(key)
        return float(value) if isinstance(value, int | float) else None

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of the run in ``folder``.

        Raises
        ------
        InputError
            When the folder is not there or holds no run that this version can read.
        """
        content = _parse(folder)
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{folder}: this run has schema version {version}; this version of rexnet_grid reads {SCHEMA_VERSION}"
            )
        info = _mapping(_mapping(content.get("scenario")).get("scenario"))
        try:
            zone = ZoneInfo(str(content.get("timezone") or info.get("timezone") or "UTC"))
            start = datetime.fromisoformat(str(content.get("start") or info["start"])).astimezone(zone)
            minutes = int(content.get("unit_minutes") or info["unit_minutes"])
        except (KeyError, ValueError) as error:
            raise InputError(f"{folder}: {MANIFEST} does not say when the run starts ({error})") from error
        return cls(content, TimeGrid(start, minutes), _rules(content, minutes))


def _parse(folder: Path) -> Mapping[str, Any]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such run folder")
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: this folder holds no run ({MANIFEST} is missing)")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise InputError(f"{path} is not the manifest of a run of rexnet_grid")
    return content


def _rules(content: Mapping[str, Any], unit_minutes: int) -> dict[Carrier, Quantum]:
    """Return the rules of each carrier that the manifest knows, from its own key or from the resolved scenario."""
    own = _mapping(content.get("rules"))
    market = _mapping(_mapping(content.get("scenario")).get("market"))
    rules: dict[Carrier, Quantum] = {}
    for carrier in CARRIERS:
        given = _mapping(own.get(carrier)) or _mapping(market.get(carrier))
        if given:
            rules[carrier] = Quantum(float(given["lot_kw"]), float(given["tick_eur_per_mwh"]), unit_minutes)
    return rules


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
