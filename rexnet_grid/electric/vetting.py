"""Which modules and classes a text names, and whether a network needs them; nothing of it is imported."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 60
GEOMETRIES = "Point|LineString|LinearRing|Polygon|MultiPoint|MultiLineString|MultiPolygon|GeometryCollection"
# module: class; functions are never needed
ALLOWED = {
    r"pandapower(\.auxiliary)?": r"pandapowerNet",
    r"pandapower\.(control|protection|timeseries)(\.\w+)*": r"[A-Z]\w*",
    r"pandas|pandas\.core\.(frame|series|indexes\.\w+)": r"DataFrame|Series|\w*Index",
    r"numpy": r"array|ndarray|bool_?|(int|uint|float|complex)\d*",
    r"networkx(\.classes\.(multi)?(di)?graph)?": r"(Multi)?(Di)?Graph",
    r"shapely(\.geometry(\.\w+)?)?": GEOMETRIES,
    r"geopandas(\.geodataframe|\.geoseries)?": r"GeoDataFrame|GeoSeries",
    r"builtins": r"complex|tuple|set|frozenset|list|dict|str|int|float|bool|NoneType",
}
PACKAGES = ("pandapower", "pandas", "numpy", "networkx", "shapely", "geopandas", "plain builtins")
TABLES = {"DataFrame", "Series", "GeoDataFrame", "GeoSeries"}
INDEX_KEYS = ("is_multiindex", "is_multicolumn", "index_name", "index_names", "column_name", "column_names")
TABLE_KEYS = {"_module", "_class", "_object", "orient", "typ", "dtype", "crs", "columns", *INDEX_KEYS}


class Vetting:
    """What the JSON texts that were read name and hold beyond what a network needs.

    Attributes
    ----------
    strangers
        Modules and classes outside the short list.
    no_tables
        What stands for a table and is none: a text that strict JSON does not read, the path of another file.
    """

    def __init__(self) -> None:
        self.strangers: set[str] = set()
        self.no_tables: set[str] = set()
        self._seen: set[str] = set()

    def read(self, text: str, depth: int = 0) -> Any:
        """Return what a JSON text holds, with the text of each table and object in it written anew.

        So every later reader, strict or not, reads what was vetted here. Names count wherever they stand: in every
        object, also under a key that appears twice, and in every text or key that is JSON itself.

        Raises
        ------
        ValueError, RecursionError
            The text is no JSON, or nested too deeply to be read.
        """

        def vet(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            modules = [value for key, value in pairs if key == "_module"]
            classes = [value for key, value in pairs if key == "_class"]
            if not modules and not classes:
                return dict(pairs)
            self.strangers |= _unneeded(modules, classes)
            if any(isinstance(kind, str) and kind in TABLES for kind in classes):
                self.no_tables |= _no_tables(pairs)
            return {key: self._written_anew(value, depth) if key == "_object" else value for key, value in pairs}

        data = json.loads(text, object_pairs_hook=vet)
        for inner in _texts(data):
            self.look_into(inner, depth)
        return data

    def look_into(self, text: str, depth: int = 0) -> None:
        """Vet a text that may be JSON; what is not is no more than a text."""
        if text in self._seen or not _may_be_json(text, '{["'):
            return
        self._seen.add(text)
        try:
            self._read_inside(text, depth)
        except ValueError:
            if "_module" in text:
                self.strangers.add(f"a text that mentions _module: {text[:40]}")

    def _written_anew(self, value: Any, depth: int) -> Any:
        """Return the text of a table or an object in plain characters, each key once; all else as it is."""
        if not isinstance(value, str) or not _may_be_json(value, "{["):
            return value
        try:
            text = json.dumps(self._read_inside(value, depth))
        except ValueError:
            return value
        self._seen.add(text)
        return text

    def _read_inside(self, text: str, depth: int) -> Any:
        try:
            if depth < DEEPEST:
                return self.read(text, depth + 1)
        except RecursionError:
            pass
        self.strangers.add(f"nesting deeper than a network has: {text[:40]}")
        return None


def _may_be_json(text: str, starts: str) -> bool:
    first = text.lstrip()[:1]
    return first != "" and first in starts


def _texts(data: Any) -> list[str]:
    """Return the texts and keys in what a JSON text holds, except the names of modules.

    Raises
    ------
    RecursionError
        It is nested more deeply than any network, and than every later reader can be trusted to follow.
    """
    found: list[str] = []
    level = [data]
    for _ in range(DEEPEST):
        found += [value for value in level if isinstance(value, str)]
        inside = [value for held in level if isinstance(held, list) for value in held]
        for held in (value for value in level if isinstance(value, dict)):
            inside += [key for key in held if key != "_module"] + list(held.values())
        if not inside:
            return found
        level = inside
    raise RecursionError(f"nested more than {DEEPEST} levels deep")


def _no_tables(pairs: list[tuple[str, Any]]) -> set[str]:
    """Return what an object that names a table gives beside one: other content, and options of a reader."""
    found = {f"{key} of a table" for key, _ in pairs if key not in TABLE_KEYS}
    found |= {f"dtype {value} of a table"[:60] for key, value in pairs if key == "dtype" and "arrow" in str(value)}
    return found | {str(value)[:60] or "nothing" for key, value in pairs if key == "_object" and fault_of_table(value)}


def fault_of_table(value: Any) -> str:
    """Return why the content of a table is none that strict JSON reads; nothing where it is."""
    if not isinstance(value, str):
        return f"a JSON {type(value).__name__}"
    try:
        held = json.loads(value)
    except (ValueError, RecursionError) as error:
        return str(error)[:120] if _may_be_json(value, "{[") else f"{value[:60]!r}"
    return "" if isinstance(held, (dict, list)) else f"a JSON {type(held).__name__}"


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
