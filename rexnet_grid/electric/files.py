"""Networks from files of strangers: read only after it is clear that nothing but data is in them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rexnet_grid.errors import Issue, MissingExtraError, NetworkDataError

TRUSTED = ("pandapower", "pandas", "numpy", "networkx", "shapely", "geopandas", "builtins")


def read_net(path: str | Path) -> Any:
    """Read a pandapower net from JSON or Excel.

    Raises
    ------
    NetworkDataError
        The file is missing, is neither kind, is broken, or names a module or class that a net does not need.
    """
    file = Path(path)
    if not file.is_file():
        raise NetworkDataError([Issue(str(path), "file", "", "a pandapower net as .json or .xlsx")])
    readers = {".json": _read_json, ".xlsx": _read_excel}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        pickled = file.suffix.lower() in {".p", ".pkl", ".pickle"}
        hint = "pickles can run code and are never read; save it with pandapower.to_json" if pickled else ""
        raise NetworkDataError([Issue(str(path), "file type", file.suffix or "no suffix", ".json or .xlsx", hint)])
    return reader(file)


def _read_json(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NetworkDataError([Issue(str(file), "file", str(error)[:120], "valid JSON")]) from error
    strangers = sorted(set(_foreign(data, depth=0)))
    if strangers:
        raise NetworkDataError(
            [
                Issue(str(file), "module or class", name, f"one of {', '.join(TRUSTED)}", "nothing was imported")
                for name in strangers
            ]
        )
    from rexnet_grid.electric.pandapower_nets import net_from_json

    return net_from_json(text, str(file))


def _foreign(data: Any, depth: int) -> list[str]:
    """Return every module outside the short list that ``data`` names, texts that hold JSON included."""
    if depth > 60:
        return ["nesting deeper than a network has"]
    found: list[str] = []
    if isinstance(data, dict):
        module = data.get("_module")
        if module is not None and (not isinstance(module, str) or module.split(".")[0] not in TRUSTED):
            found.append(str(module))
        for value in data.values():
            found += _foreign(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            found += _foreign(value, depth + 1)
    elif isinstance(data, str) and "_module" in data:
        try:
            inner = json.loads(data)
        except json.JSONDecodeError:
            return [f"a text that mentions _module: {data[:40]}"]
        found += _foreign(inner, depth + 1)
    return found


def _read_excel(file: Path) -> Any:
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "excel")
    from rexnet_grid.electric.pandapower_nets import net_from_excel

    return net_from_excel(file)
