"""Networks from files of strangers: read only after it is clear that nothing but data is in them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rexnet_grid.electric.vetting import PACKAGES, Vetting, fault_of_table
from rexnet_grid.errors import Issue, MissingExtraError, NetworkDataError

A_TABLE = "a table as pandapower.to_json writes it"


def read_net(path: str | Path) -> Any:
    """Read a pandapower net from JSON or Excel.

    Raises
    ------
    NetworkDataError
        The file is missing, is neither kind, is broken, names a module or class that a net does not need, or has for a
        table what is none.
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
    vetting = Vetting()
    try:
        data = vetting.read(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NetworkDataError([Issue(str(file), "file", str(error)[:120], "valid JSON")]) from error
    _refuse(file, vetting, _broken_tables(data, str(file)))
    if not isinstance(data, dict):
        raise NetworkDataError([Issue(str(file), "file", f"a JSON {type(data).__name__}", "a pandapower net")])
    from rexnet_grid.electric.pandapower_files import net_from_json

    return net_from_json(json.dumps(data), str(file))


def _read_excel(file: Path) -> Any:
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "excel")
    from rexnet_grid.electric.pandapower_files import net_from_excel, sheets_of

    sheets = sheets_of(file)
    vetting = Vetting()
    for frame in sheets.values():
        for column in frame.select_dtypes(exclude=["number", "bool", "datetime"]):
            for text in {cell for cell in frame[column] if isinstance(cell, str)}:
                vetting.look_into(text)
        for text in {str(label) for label in (*frame.index, *frame.columns)}:
            vetting.look_into(text)
    _refuse(file, vetting, [])
    return net_from_excel(file, sheets)


def _broken_tables(data: Any, where: str) -> list[Issue]:
    """Return the tables of a net whose own JSON cannot be read."""
    held = data.get("_object") if isinstance(data, dict) else None
    tables = held.items() if isinstance(held, dict) else ()
    faults = {
        table: fault_of_table(entry.get("_object"))
        for table, entry in tables
        if isinstance(entry, dict) and entry.get("_class") == "DataFrame"
    }
    return [Issue(where, table, fault, A_TABLE) for table, fault in faults.items() if fault]


def _refuse(file: Path, vetting: Vetting, broken: list[Issue]) -> None:
    """Raise NetworkDataError for what was named and what stands for tables, these by name where they have one."""
    expected, hint = f"data of {', '.join(PACKAGES)}", "nothing was imported"
    issues = [Issue(str(file), "module or class", name, expected, hint) for name in sorted(vetting.strangers)]
    issues += broken or [Issue(str(file), "table", text, A_TABLE, hint) for text in sorted(vetting.no_tables)]
    if issues:
        raise NetworkDataError(issues)
