"""Writing TOML: enough of it for a scenario. Reading is the standard library's tomllib."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date

_CONTROL = re.compile("[\x7f-\x9f]")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(data: Mapping[str, object]) -> str:
    """Return ``data`` as TOML; tables come after the plain values of their parent, None is left out.

    Raises
    ------
    TypeError
        When a value is of no type that TOML has.
    """
    return "\n".join(_table(data, ())).lstrip("\n") + "\n"


def _table(data: Mapping[str, object], path: tuple[str, ...]) -> list[str]:
    lines = [
        f"{key_text(key)} = {value_text(value)}"
        for key, value in data.items()
        if value is not None and not _deep(value)
    ]
    if path and (lines or not data):
        lines = ["", f"[{'.'.join(map(key_text, path))}]", *lines]
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += _table(value, (*path, key))
        elif _deep(value) and isinstance(value, Sequence):
            for member in value:
                lines += ["", f"[[{'.'.join(map(key_text, (*path, key)))}]]"]
                lines += [
                    f"{key_text(name)} = {value_text(field)}" for name, field in member.items() if field is not None
                ]
    return lines


def _deep(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(member, Mapping) for member in value)


def key_text(key: str) -> str:
    """Return a key as TOML writes it, in quotes where it has to be."""
    return key if _BARE.fullmatch(key) else _text(key)


def value_text(value: object) -> str:
    """Return one value as TOML writes it; raises TypeError like :func:`dumps`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(value_text(member) for member in value)}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(key)} = {value_text(member)}" for key, member in value.items()) + " }"
    raise TypeError(f"TOML has no type for {type(value).__name__}")


def _text(text: str) -> str:
    """Return a basic string; JSON writes the same escapes, but leaves DEL and the upper control characters alone."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
