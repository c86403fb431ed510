"""From a validation failure to an issue a person can act on: what was expected and the most likely slip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel

from rexnet_grid.errors import Issue, did_you_mean
from rexnet_grid.scenario.models import Scenario
from rexnet_grid.scenario.toml import key_text, value_text
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_ARTICLES = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text in quotes"}
MOST_KEYS_LISTED = 12
_COLDEST_AS_KELVIN, _HOTTEST_AS_KELVIN = 213.0, 473.5


def issue_of(detail: ErrorDetails, where: str, overridden: Sequence[str] = ()) -> Issue:
    """Return the issue that pydantic's ``detail`` stands for.

    Parameters
    ----------
    detail
        One error of a ``ValidationError``.
    where
        The name of the file.
    overridden
        Dotted keys that came from the command line.
    """
    location = detail["loc"]
    key = dotted(location)
    plain = ".".join(map(str, location))
    source = "--set" if any(plain == name or plain.startswith(f"{name}.") for name in overridden) else where
    if detail["type"] == "extra_forbidden":
        return _unknown_key(source, location, detail["input"])
    field = field_at(location)
    expected = _expected(detail, field)
    if detail["type"] == "missing":
        return Issue(source, key, "", expected, _first_sentence(field))
    hint = _hint(detail, field)
    return Issue(source, key or "scenario", _shown(detail["input"]), expected, hint)


def dotted(location: Sequence[int | str]) -> str:
    """Return ``("participants", 2, "bus")`` as ``"participants[2].bus"``."""
    text = ""
    for part in location:
        name = f"[{part}]" if isinstance(part, int) else key_text(part)
        text += f".{name}" if text and isinstance(part, str) else name
    return text


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys that a section may hold, as written in TOML."""
    return [field.alias or name for name, field in model.model_fields.items()]


def model_at(location: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the section at a place in a scenario, None where there is a plain value or nothing."""
    model: type[BaseModel] | None = Scenario
    for part in location:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        field = _field(model, part)
        model = inner_model(field.annotation) if field is not None else None
    return model


def field_at(location: Sequence[int | str]) -> FieldInfo | None:
    """Return the field at a place in a scenario."""
    names = [part for part in location if isinstance(part, str)]
    model = model_at(names[:-1])
    return _field(model, names[-1]) if model is not None and names else None


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the section inside an annotation such as ``Section | None`` or ``tuple[Section, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(inner_model, get_args(annotation)) if found is not None), None)


def unit_of(field: FieldInfo | None) -> str:
    """Return the physical unit of a field, empty when it has none."""
    if field is None:
        return ""
    extras = [field.json_schema_extra, *(getattr(item, "json_schema_extra", None) for item in _arguments(field))]
    return next((str(extra["unit"]) for extra in extras if isinstance(extra, dict) and "unit" in extra), "")


def _arguments(field: FieldInfo) -> list[Any]:
    """Return the metadata of a field's members, where it is optional or a tuple."""
    found: list[Any] = []
    pending = [field.annotation]
    while pending:
        annotation = pending.pop()
        found += list(getattr(annotation, "__metadata__", ()))
        pending += [argument for argument in get_args(annotation) if get_origin(argument) or argument not in found]
        pending = [item for item in pending if isinstance(item, type) or get_args(item)]
    return found


def _field(model: type[BaseModel], key: str) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if key == (field.alias or name)), None)


def _unknown_key(source: str, location: tuple[int | str, ...], value: object) -> Issue:
    last = str(location[-1])
    model = model_at(location[:-1]) or Scenario
    known = keys_of(model)
    near = did_you_mean(last, known)
    if len(location) == 1:
        kind = "an unknown section" if isinstance(value, dict | list) else "a key outside any section"
        return Issue(source, key_text(last), kind, "one of the sections " + ", ".join(known), near)
    elsewhere = "" if near else _home_of(last)
    expected = "one of " + ", ".join(known) if len(known) <= MOST_KEYS_LISTED or not near else "a key of this section"
    return Issue(source, dotted(location), "an unknown key", expected, near or elsewhere)


def _home_of(key: str) -> str:
    """Return where else a key of this name lives."""
    for name, field in Scenario.model_fields.items():
        model = inner_model(field.annotation)
        if model is not None and key in keys_of(model):
            return f"there is a {field.alias or name}.{key}"
    return ""


def _expected(detail: ErrorDetails, field: FieldInfo | None) -> str:
    context = detail.get("ctx", {})
    unit = unit_of(field)
    with_unit = f" [{unit}]" if unit not in {"", "-"} else ""
    kind = detail["type"]
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind == "literal_error":
        return str(context.get("expected", detail["msg"])).replace("'", '"')
    if kind == "string_pattern_mismatch":
        return "letters, digits, '.', '_' and '-', beginning with a letter or digit"
    if kind in {"model_type", "model_attributes_type"}:
        return "a section"
    if kind == "missing":
        return _type_name(field) + with_unit
    bounds = {"greater_than_equal": "ge", "less_than_equal": "le", "greater_than": "gt", "less_than": "lt"}
    if kind in bounds:
        words = {"ge": "at least", "le": "at most", "gt": "more than", "lt": "less than"}[bounds[kind]]
        return f"{words} {context[bounds[kind]]:g}{with_unit}"
    return (_type_name(field) if kind.endswith("_type") else detail["msg"].removeprefix("Input should be ")) + with_unit


def _type_name(field: FieldInfo | None) -> str:
    if field is None:
        return "a value"
    model = inner_model(field.annotation)
    if model is not None:
        return "sections [[...]]" if get_origin(field.annotation) is tuple else "a section"
    text = str(field.annotation)
    if "datetime" in text:
        return "a date or a time, such as 2026-01-13 (no quotes)"
    if "tuple" in text:
        return "an array"
    return next((words for name, words in _ARTICLES.items() if name in text), "a value")


def _hint(detail: ErrorDetails, field: FieldInfo | None) -> str:
    value = detail["input"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _hint_for_other(value, detail, field)
    unit = unit_of(field)
    if unit == "degC" and _COLDEST_AS_KELVIN <= value <= _HOTTEST_AS_KELVIN:
        return f"looks like kelvin: {value:g} K = {value - ZERO_CELSIUS_K:.2f} degC"
    if unit == "-" and 1.0 < value <= 100.0:
        return f"looks like percent: {value:g} % = {value / 100.0:g}"
    if unit == "%" and 0.0 < value < 2.0:
        return f"looks like a fraction: {value:g} = {value * 100.0:g} %"
    if unit == "p.u." and 1.5 < value <= 150.0 and value > 50.0:
        return f"looks like percent: {value:g} % = {value / 100.0:g} p.u."
    if unit == "p.u." and value > 150.0:
        return "looks like volt; give it relative to the nominal voltage"
    if unit in {"kW", "kWh"} and value >= 1e5:
        return f"looks like {unit[1:]}: {value:g} {unit[1:]} = {value / 1000.0:g} {unit}"
    if unit == "EUR/MWh" and 0.0 < abs(value) < 1.0:
        return f"looks like EUR/kWh: {value:g} EUR/kWh = {value * 1000.0:g} EUR/MWh"
    return _first_sentence(field)


def _hint_for_other(value: object, detail: ErrorDetails, field: FieldInfo | None) -> str:
    if detail["type"] == "literal_error" and isinstance(value, str):
        choices = [str(choice) for choice in _choices(field)]
        return did_you_mean(value, choices)
    if isinstance(value, str) and detail["type"] in {"float_type", "int_type", "bool_type", "datetime_type"}:
        return "write it without quotes"
    return _first_sentence(field)


def _choices(field: FieldInfo | None) -> list[object]:
    if field is None:
        return []
    annotation = field.annotation
    members = get_args(annotation)
    if get_origin(annotation) is Union:
        members = tuple(choice for member in members for choice in get_args(member))
    return list(members)


def _first_sentence(field: FieldInfo | None) -> str:
    text = (field.description or "") if field is not None else ""
    plain = " ".join(text.split()).split("; ")[0].split(". ")[0].rstrip(".")
    return plain.replace('``"', '"').replace('"``', '"').replace("``", '"')


def _shown(value: object) -> str:
    text = value_text(value) if isinstance(value, str | bool) else str(value)
    if isinstance(value, dict):
        text = "{ " + ", ".join(map(key_text, value)) + " }"
    return text if len(text) <= 80 else text[:77] + "..."
