"""What a study is: a scenario, what is varied, and how; read from TOML, frozen."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rexnet_grid.errors import Issue, ScenarioError, did_you_mean

Value = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]

_BY_DESIGN = {
    "grid": 'lists of values; ranges need the design "latin_hypercube" or "monte_carlo"',
}


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Range(_Part):
    """Values between two ends, drawn uniformly or uniformly in their logarithm."""

    low: float
    """Lower end."""
    high: float
    """Upper end, not reached unless ``integer``."""
    log: bool = False
    """Draw uniformly in the logarithm; both ends positive."""
    integer: bool = False
    """Whole numbers from ``low`` to ``high``, both included."""

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high:
            raise ValueError("low below high")
        if self.log and self.low <= 0.0:
            raise ValueError("positive ends for a logarithmic range")
        return self


class StudyInfo(_Part):
    """Section ``[study]``."""

    name: Name
    """Short name; results go to ``studies/<name>`` unless ``out`` says otherwise."""
    scenario: str
    """A scenario's TOML file, relative to the study file and with or without its ending, or the name of a built-in
    scenario."""
    design: Literal["grid", "latin_hypercube", "monte_carlo"] = "grid"
    """``grid`` runs every combination of the lists, the other two draw ``samples`` points."""
    samples: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many points to draw; for ``latin_hypercube`` and ``monte_carlo``."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Seed of the design, not of the runs."""
    seeds: (
        Annotated[tuple[Annotated[int, Field(ge=0, le=2**63 - 1)], ...], Field(strict=False, min_length=1)] | None
    ) = None
    """Seeds of the runs. Every point is run with each of them, so that points are compared under the same luck. When
    absent: the scenario's own seed; for ``monte_carlo`` a seed of its own for each sample, 0, 1, 2 …"""
    out: str | None = None
    """Folder of the study, relative to where the command runs."""
    keep: Literal["all", "figures"] = "all"
    """``all`` keeps the tables of every run; ``figures`` deletes them once their figures are in the study's table."""

    @model_validator(mode="after")
    def _drawn(self) -> StudyInfo:
        if (self.samples is None) != (self.design == "grid"):
            raise ValueError('samples for "latin_hypercube" and "monte_carlo", and none for "grid"')
        return self


class Study(_Part):
    """A study file.

    Made by :meth:`load` from TOML::

        [study]
        name = "feedback"
        scenario = "quickstart"
        seeds = [1, 2, 3]

        [vary]
        "feedback.enabled" = [true, false]
    """

    study: StudyInfo
    """What is run."""
    vary: dict[str, Annotated[tuple[Value, ...], Field(strict=False, min_length=1)] | Range] = {}
    """Scenario keys as for ``--set``, each with a list of values or a range ``{ low = …, high = … }``."""

    @model_validator(mode="after")
    def _listed(self) -> Study:
        ranges = [key for key, choice in self.vary.items() if isinstance(choice, Range)]
        if self.study.design == "grid" and ranges:
            raise ValueError(_BY_DESIGN["grid"])
        return self

    @classmethod
    def load(cls, path: Path) -> Study:
        """Read a study file.

        Raises
        ------
        ScenarioError
            With every issue, when the file cannot be read or describes no study.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise ScenarioError([Issue(str(path), "file", "", "a TOML file", "check the path")]) from None
        except (OSError, ValueError) as error:
            raise ScenarioError([Issue(str(path), "file", str(error), "a study in TOML")]) from None
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ScenarioError([_issue(path, detail) for detail in error.errors(include_url=False)]) from None

    def scenario_path(self, path: Path) -> Path:
        """Return the scenario's file or built-in name for a study that was read from ``path``."""
        named = path.parent / self.study.scenario
        beside = (named, named.with_name(f"{named.name}.toml"))
        return next((found for found in beside if found.is_file()), Path(self.study.scenario))

    @property
    def folder(self) -> Path:
        """Where the study's results go."""
        return Path(self.study.out) if self.study.out is not None else Path("studies") / self.study.name


def _issue(path: Path, detail: Any) -> Issue:
    """Return the issue that an error of pydantic stands for."""
    location = [str(part) for part in detail["loc"]]
    key, kind = ".".join(location) or "study file", detail["type"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = list(StudyInfo.model_fields if location[0] == "study" else Study.model_fields)
        return Issue(str(path), key, "an unknown key", f"one of {', '.join(known)}", did_you_mean(location[-1], known))
    if kind == "missing":
        return Issue(str(path), key, "", "a value")
    expected = str(context.get("error") or context.get("expected") or detail["msg"].removeprefix("Input should be "))
    return Issue(str(path), key, "" if detail["input"] is None else repr(detail["input"])[:80], expected)
