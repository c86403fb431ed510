"""Values given on the command line."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from rexnet_grid.errors import Issue, ScenarioError

PATH_KEYS = re.compile(r"(electric|heat)\.network|weather\.source|profiles\.\d+\.file")
FILE_ENDINGS = (".json", ".xlsx", ".csv", ".parquet")


def overrides(settings: Sequence[str]) -> dict[str, object]:
    """Return ``["feedback.enabled=false", …]`` as a mapping of dotted keys to values typed as in TOML.

    What is no TOML value is taken as a text, so that quotes are not needed: ``electric.network=cigre_lv``. A relative
    path counts from the working directory, unlike one that a scenario's file holds.

    Raises
    ------
    ScenarioError
        When a setting has no ``=`` or no key.
    """
    issues, found = [], {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            issues.append(Issue("--set", setting or '""', "no key or no value", "key=value", "feedback.enabled=false"))
        else:
            found[key.strip()] = _from_here(key.strip(), toml_value(text.strip()))
    if issues:
        raise ScenarioError(issues)
    return found


def _from_here(key: str, value: object) -> object:
    """Return ``value`` with a path made absolute, where ``key`` takes a path and the value is one."""
    if not isinstance(value, str) or PATH_KEYS.fullmatch(key) is None:
        return value
    path = Path(value).expanduser()
    return str(path.absolute()) if path.exists() or path.suffix.lower() in FILE_ENDINGS else value


def toml_value(text: str) -> object:
    """Return the TOML value that ``text`` writes, or ``text`` itself when it writes none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if list(parsed) == ["value"] else text
