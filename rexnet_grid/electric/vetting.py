"""Which modules and classes a text names, and whether a network needs them; nothing of it is imported."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 60
GEOMETRIES = "Point|LineString|LinearRing|Polygon|MultiPoint|MultiLineString|MultiPolygon|GeometryCollection"
# module: class; functions are never needed
ALLOWED = {
    r"pandapower(\.\w+)*": r"pandapowerNet|[A-Z]\w*",
    r"pandas|pandas\.core\.(frame|series|indexes\.\w+)": r"DataFrame|Series|\w*Index",
    r"numpy": r"array|ndarray|bool_?|(int|uint|float|complex)\d*",
    r"networkx(\.classes\.\w+)?": r"(Multi)?(Di)?Graph",
    r"shapely(\.geometry(\.\w+)?)?": GEOMETRIES,
    r"geopandas(\.geodataframe|\.geoseries)?": r"GeoDataFrame|GeoSeries",
    r"builtins": r"complex|tuple|set|frozenset|list|dict|str|int|float|bool|NoneType",
}
PACKAGES = ("pandapower", "pandas", "numpy", "networkx", "shapely", "geopandas", "plain builtins")


def names_in_json(text: str, depth: int = 0) -> tuple[set[str], type]:
    """Return what a JSON text names and a network does not need, and the type of its outermost value.

    Names count wherever they stand: in every object, also under a key that appears twice, and in every text or key
    that is JSON itself.

    Raises
    ------
    ValueError, RecursionError
        The text is no JSON, or nested too deeply to be read.
    """
    found: set[str] = set()

    def vet(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        modules = [value for key, value in pairs if key == "_module"]
        classes = [value for key, value in pairs if key == "_class"]
        if modules or classes:
            found.update(_unneeded(modules, classes))
        return dict(pairs)

    data = json.loads(text, object_pairs_hook=vet)
    found |= _names_inside(data, depth)
    return found, type(data)


def names_in_text(text: str, depth: int = 0) -> set[str]:
    """Return what a text names and a network does not need, if the text is JSON; else nothing."""
    start = text.lstrip()[:1]
    if not start or start not in '{["':
        return {f"a text that mentions _module: {text[:40]}"} if "_module" in text else set()
    if depth > DEEPEST:
        return {"nesting deeper than a network has"}
    try:
        return names_in_json(text, depth + 1)[0]
    except (ValueError, RecursionError):
        return {f"a text that mentions _module: {text[:40]}"} if "_module" in text else set()


def _names_inside(data: Any, depth: int) -> set[str]:
    found: set[str] = set()
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found |= names_in_text(value, depth)
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [key for key in value if key != "_module"] + list(value.values())
    return found


def _unneeded(modules: list[Any], classes: list[Any]) -> set[str]:
    """Return the names of one object that are outside the short list; one with half a name is outside as well."""
    found = set()
    for module in modules or [""]:
        for kind in classes or [""]:
            fine = isinstance(module, str) and isinstance(kind, str)
            if not fine or not any(
                re.fullmatch(a, module, re.ASCII) and re.fullmatch(b, kind, re.ASCII) for a, b in ALLOWED.items()
            ):
                found.add(f"{module}.{kind}")
    return found
