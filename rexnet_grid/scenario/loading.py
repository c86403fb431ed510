"""From a TOML file to a scenario, with everything that is wrong said at once."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rexnet_grid.errors import Issue, ScenarioError
from rexnet_grid.scenario.hints import issue_of
from rexnet_grid.scenario.models import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

_POSITION = re.compile(r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


def load_scenario(path: Path, overrides: Mapping[str, object]) -> Scenario:
    """Read a scenario from a TOML file; see :meth:`Scenario.load`."""
    return validate(override(read_toml(path), overrides), path.resolve(), tuple(overrides), str(path))


def read_toml(path: Path) -> dict[str, object]:
    """Read a TOML file.

    Raises
    ------
    ScenarioError
        When it cannot be read or is not TOML; the issue names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ScenarioError([Issue(str(path), "file", "", "a TOML file", "check the path")]) from None
    except IsADirectoryError:
        inside = next(iter(sorted(path.glob("*.toml"))), None)
        hint = f"did you mean {inside}?" if inside else ""
        raise ScenarioError([Issue(str(path), "file", "a folder", "a TOML file", hint)]) from None
    except UnicodeDecodeError as error:
        raise ScenarioError([Issue(str(path), f"byte {error.start}", "no UTF-8", "a text file in UTF-8")]) from None
    except OSError as error:
        raise ScenarioError([Issue(str(path), "file", error.strerror or "an error", "a readable TOML file")]) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([_syntax_issue(path, text, str(error))]) from None


def override(data: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """Return a copy of ``data`` with the values at dotted keys replaced.

    Members of arrays go by their number or name. A key that does not fit the data is left for validation to name.
    """
    changed: dict[str, object] = {key: _editable(value) for key, value in data.items()}
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        place: object = changed
        for name in parents:
            place = _step(place, name)
        if isinstance(place, list) and (index := _index(place, last)) is not None:
            place[index] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            changed[dotted] = value
    return changed


def validate(
    data: Mapping[str, object], source: Path | None, overridden: Sequence[str] = (), where: str = ""
) -> Scenario:
    """Return the scenario that ``data`` describes.

    Parameters
    ----------
    data
        The parsed TOML.
    source
        Its file, to which paths in it are relative.
    overridden
        Dotted keys that came from the command line, so that issues name that instead of the file.
    where
        The name of the file in messages.

    Raises
    ------
    ScenarioError
        With every issue.
    """
    where = where or (str(source) if source is not None else "scenario")
    issues: list[Issue] = []
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(dict(data), context={"source": source})
    except ValidationError as error:
        details = error.errors(include_url=False)
        wrong = {detail["loc"][:-1] for detail in details if detail["loc"]}
        told = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in wrong]
        issues = [issue_of(detail, where, overridden) for detail in told]
        issues += _of_the_rest(data, details, source, where)
    issues += _across(data, where)
    if scenario is not None:
        issues += _relations(scenario, where)
    if issues or scenario is None:
        raise ScenarioError(issues)
    return scenario


def _editable(value: object) -> object:
    """Return a copy of tables and arrays that can be written to, those of a frozen scenario being tuples."""
    if isinstance(value, Mapping):
        return {key: _editable(inner) for key, inner in value.items()}
    return [_editable(inner) for inner in value] if isinstance(value, list | tuple) else value


def _step(place: object, name: str) -> object:
    if isinstance(place, list):
        index = _index(place, name)
        return None if index is None else place[index]
    return place.setdefault(name, {}) if isinstance(place, dict) else None


def _index(place: Sequence[object], name: str) -> int | None:
    """Return which member of an array is meant: by its number, else by its name; None when there is no such."""
    if name.isdecimal() and int(name) < len(place):
        return int(name)
    names = [member.get("name") if isinstance(member, dict) else None for member in place]
    return names.index(name) if name in names else None


def _syntax_issue(path: Path, text: str, message: str) -> Issue:
    found = _POSITION.match(message)
    what = found["what"] if found else message
    number = int(found["line"]) if found and found["line"] else len(text.splitlines())
    lines = text.splitlines()
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return Issue(str(path), f"line {number}", line[:80] or "the end of the file", "valid TOML", _plain(what))


def _plain(what: str) -> str:
    return what[:1].lower() + what[1:]


def _across(data: Mapping[str, object], where: str) -> list[Issue]:
    """Return what can be said of the whole even when parts of it are wrong."""
    if {"electric", "heat", "building"} & set(data):
        return []
    return [
        Issue(
            where, "electric", "", "a section [electric], [heat] or [building]", "a scenario needs a delivery network"
        )
    ]


def _of_the_rest(
    data: Mapping[str, object], details: Sequence[ErrorDetails], source: Path | None, where: str
) -> list[Issue]:
    """Return what is wrong with the files, networks and places that are named where the text is right.

    Wrong values are left out and their defaults taken; where something cannot be left out, nothing more is said.
    """
    from rexnet_grid.scenario.checking import check_scenario

    rest = copy.deepcopy(dict(data))
    for detail in details:
        place, last = _innermost(rest, detail["loc"])
        if not isinstance(place, dict) or detail["type"] == "missing":
            return []
        place.pop(last, None)
    try:
        scenario = Scenario.model_validate(rest, context={"source": source})
    except ValidationError:
        return []
    return [replace(issue, where=where) if issue.where == str(source) else issue for issue in check_scenario(scenario)]


def _innermost(data: Any, location: tuple[int | str, ...]) -> tuple[Any, int | str]:
    """Return the innermost table or array on the way to a value, and the next key: a number may stand for a curve."""
    place: Any = data
    for name, following in pairwise(location):
        inner = place[int(name)] if isinstance(place, list) else place.get(name)
        if not isinstance(inner, dict | list) or isinstance(following, int) is isinstance(inner, dict):
            return place, name
        place = inner
    return place, location[-1]


def _relations(scenario: Scenario, where: str) -> list[Issue]:
    """Return what is wrong between sections that are each right."""
    from rexnet_grid.scenario.relations import relations

    return relations(scenario, where)
