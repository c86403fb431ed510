"""The reference of every key a scenario may hold, made from the models themselves."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic_core import PydanticUndefined

from rexnet_grid.scenario.hints import inner_model, unit_of
from rexnet_grid.scenario.models import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_NAMES = {bool: "true/false", int: "whole number", float: "number", str: "text"}
_HEAD = "| key | type | unit | default | range | meaning |\n| --- | --- | --- | --- | --- | --- |"


def json_schema() -> dict[str, Any]:
    """Return JSON Schema of a scenario file, for editors that complete and check TOML."""
    return Scenario.model_json_schema(by_alias=True)


def reference() -> str:
    """Return every key with type, unit, default, range and meaning, as Markdown; read by people and by the docs."""
    parts = []
    for title, model, text in _sections():
        rows = [_row(name, field) for name, field in _plain_fields(model)]
        parts.append("\n".join([f"## `{title}`", "", text, "", _HEAD, *rows]))
    return "\n\n".join(parts)


def _sections() -> Iterator[tuple[str, type[BaseModel], str]]:
    for name, field in Scenario.model_fields.items():
        model = inner_model(field.annotation)
        if model is None:
            continue
        key = field.alias or name
        several = get_origin(field.annotation) is tuple
        nested = [(inner, member) for inner, member in model.model_fields.items() if _is_section(member)]
        if len(nested) < len(model.model_fields):
            yield f"[[{key}]]" if several else f"[{key}]", model, _one_line(model.__doc__)
        for inner, member in nested:
            yield from _below(f"{key}.{inner}", member)


def _below(key: str, field: FieldInfo) -> Iterator[tuple[str, type[BaseModel], str]]:
    """Yield a section inside a section, and those inside it."""
    section = inner_model(field.annotation)
    if section is not None:
        yield f"[{key}]", section, _one_line(field.description)
        for inner, member in section.model_fields.items():
            if _is_section(member):
                yield from _below(f"{key}.{inner}", member)


def _is_section(field: FieldInfo) -> bool:
    """Whether a field is written as a section of its own rather than as a value."""
    model = inner_model(field.annotation)
    return model is not None and "_from_number" not in vars(model)


def _plain_fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    return ((name, field) for name, field in model.model_fields.items() if not _is_section(field))


def _row(name: str, field: FieldInfo) -> str:
    cells = (
        f"`{name}`",
        _type(field.annotation),
        unit_of(field),
        _default(field),
        _range(field),
        _one_line(field.description),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), [a for a in get_args(annotation) if a is not NoneType]
    if origin is Literal:
        return ", ".join(f"`{_toml(choice)}`" for choice in arguments)
    if origin is tuple:
        return f"array of {_type(arguments[0])}s"
    if inner_model(annotation) is not None:
        return "number or curve"
    if arguments:
        return _type(arguments[0])
    return _NAMES.get(annotation, "date or time")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    if field.default is None:
        return ""
    if hasattr(field.default, "model_dump"):
        pairs = ", ".join(f"{key} = {_toml(value)}" for key, value in field.default.model_dump().items())
        return f"`{{ {pairs} }}`"
    return f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    from rexnet_grid.scenario.toml import value_text

    return value_text(value)


def _range(field: FieldInfo) -> str:
    bounds = {name: getattr(item, name) for item in _metadata(field) for name in _SIGNS if hasattr(item, name)}
    low = next((f"{_SIGNS[name]} {bounds[name]:g}" for name in ("ge", "gt") if bounds.get(name) is not None), "")
    high = next((f"{_SIGNS[name]} {bounds[name]:g}" for name in ("le", "lt") if bounds.get(name) is not None), "")
    return ", ".join(part for part in (low, high) if part)


_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def _metadata(field: FieldInfo) -> list[Any]:
    found = list(field.metadata)
    for argument in get_args(field.annotation):
        for item in getattr(argument, "__metadata__", ()):
            found += list(getattr(item, "metadata", (item,)))
    return found


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("``", "`")
