"""A scenario: everything that determines a run, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr

from rexnet_grid.scenario.fields import Section
from rexnet_grid.scenario.flats import BuildingSection
from rexnet_grid.scenario.grids import Contingency, ElectricSection, HeatSection, WeatherSection
from rexnet_grid.scenario.market import FeedbackSection, MarketSection, OptionSection, SafetySection, ScenarioInfo
from rexnet_grid.scenario.people import MetersSection, Participant, Profile, ResultsSection
from rexnet_grid.scenario.population import PopulationSection

if TYPE_CHECKING:
    from datetime import datetime

    from rexnet_grid.units import Carrier, TimeGrid


class Scenario(Section):
    """Everything that determines a run.

    Made by :meth:`load` from a TOML file, or in Python by :meth:`from_dict` with the same keys. Nothing can be
    changed; :meth:`with_` gives a changed copy. One of ``[electric]``, ``[heat]`` and ``[building]`` must be there;
    heat comes from a network or from a building, not from both.
    """

    model_config = ConfigDict(title="Scenario")

    info: Annotated[ScenarioInfo, Field(alias="scenario")]
    """What is run, from when, for how long, with which seed."""
    market: MarketSection = MarketSection()
    """One exchange for each carrier."""
    electric: ElectricSection | None = None
    """The electric network; absent in a study of heat alone."""
    heat: HeatSection | None = None
    """The heat network; absent in a study of electricity alone."""
    building: BuildingSection | None = None
    """A building of flats on the heat carrier, in the place of a heat network."""
    weather: WeatherSection = WeatherSection()
    """Outdoor temperature and irradiance."""
    population: PopulationSection = PopulationSection()
    """Participants made from the networks."""
    participants: Annotated[tuple[Participant, ...], Field(strict=False)] = ()
    """Explicit participants."""
    profiles: Annotated[tuple[Profile, ...], Field(strict=False)] = ()
    """Time series from files."""
    feedback: FeedbackSection = FeedbackSection()
    """What the networks tell the market."""
    safety: SafetySection = SafetySection()
    """Who is cut when the network cannot carry what was reserved."""
    options: Annotated[tuple[OptionSection, ...], Field(strict=False)] = ()
    """Options for security that participants sell."""
    contingencies: Annotated[tuple[Contingency, ...], Field(strict=False)] = ()
    """What fails, and when."""
    meters: MetersSection = MetersSection()
    """Accuracy of the meters."""
    results: ResultsSection = ResultsSection()
    """What a run keeps."""

    _source: Path | None = PrivateAttr(default=None)

    def model_post_init(self, context: Any) -> None:
        """Remember the file the scenario came from, to which its paths are relative."""
        if isinstance(context, Mapping) and context.get("source") is not None:
            self._source = Path(context["source"])

    @classmethod
    def load(cls, path: str | Path, overrides: Mapping[str, object] | None = None) -> Scenario:
        """Read a scenario from a TOML file.

        Parameters
        ----------
        path
            The file.
        overrides
            Values that replace those of the file, by dotted key, such as ``{"feedback.enabled": False}``.

        Raises
        ------
        ScenarioError
            With every issue of the file and the overrides.
        """
        from rexnet_grid.scenario.loading import load_scenario

        return load_scenario(Path(path), overrides or {})

    @classmethod
    def from_dict(cls, data: Mapping[str, object], source: str | Path | None = None) -> Scenario:
        """Make a scenario from the dictionary that its TOML would parse to.

        Raises
        ------
        ScenarioError
            With every issue.
        """
        from rexnet_grid.scenario.loading import validate

        return validate(data, Path(source) if source is not None else None)

    def with_(self, overrides: Mapping[str, object]) -> Scenario:
        """Return a copy in which values at dotted keys are replaced; raises ScenarioError like :meth:`load`."""
        from rexnet_grid.scenario.loading import override, validate

        data: dict[str, object] = self.model_dump(by_alias=True, exclude_none=True)
        return validate(override(data, overrides), self._source, tuple(overrides))

    def resolved(self) -> dict[str, Any]:
        """Return the scenario with every default filled in, of JSON's own types."""
        return self.model_dump(mode="json", by_alias=True)

    def to_toml(self) -> str:
        """Return the scenario with every default filled in, as TOML."""
        from rexnet_grid.scenario.toml import dumps

        return dumps(self.model_dump(by_alias=True, exclude_none=True))

    def path_of(self, text: str) -> Path:
        """Return a path written in the scenario; relative ones count from the scenario's own folder."""
        path = Path(text).expanduser()
        return path if path.is_absolute() or self._source is None else self._source.parent / path

    @property
    def source(self) -> Path | None:
        """The file it came from."""
        return self._source

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The carriers that have a network."""
        present: tuple[tuple[Carrier, object], ...] = (
            ("electricity", self.electric),
            ("heat", self.heat if self.heat is not None else self.building),
        )
        return tuple(carrier for carrier, section in present if section is not None)

    @property
    def name(self) -> str:
        """Short name."""
        return self.info.name

    @property
    def seed(self) -> int:
        """Seed of every random draw."""
        return self.info.seed

    @property
    def units(self) -> int:
        """How many time units are delivered."""
        return self.info.units

    @property
    def start(self) -> datetime:
        """Start of unit 0, in the scenario's zone."""
        return self.info.time_grid.start

    @property
    def time_grid(self) -> TimeGrid:
        """The delivery units on the time axis."""
        return self.info.time_grid

    @property
    def maintained(self) -> bool:
        """Whether the safety maintainer works: ``safety.mode``, where ``auto`` follows ``feedback.enabled``."""
        return self.safety.mode == "on" or (self.safety.mode == "auto" and self.feedback.enabled)
