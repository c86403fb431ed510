"""Values given on the command line."""

import tomllib
from collections.abc import Sequence

from rexnet_grid.errors import Issue, ScenarioError


def overrides(settings: Sequence[str]) -> dict[str, object]:
    """Return ``["feedback.enabled=false", …]`` as a mapping of dotted keys to values typed as in TOML.

    What is no TOML value is taken as a text, so that quotes are not needed: ``electric.network=cigre_lv``.

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
            found[key.strip()] = toml_value(text.strip())
    if issues:
        raise ScenarioError(issues)
    return found


def toml_value(text: str) -> object:
    """Return the TOML value that ``text`` writes, or ``text`` itself when it writes none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if list(parsed) == ["value"] else text
