"""Networks from files of strangers: read only after it is clear that nothing but data is in them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rexnet_grid.electric.vetting import PACKAGES, names_in_json, names_in_text
from rexnet_grid.errors import Issue, MissingExtraError, NetworkDataError


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
        text = file.read_text(encoding="utf-8-sig")
        strangers, outermost = names_in_json(text)
    except (ValueError, RecursionError) as error:
        raise NetworkDataError([Issue(str(file), "file", str(error)[:120], "valid JSON")]) from error
    _refuse(file, strangers)
    if outermost is not dict:
        raise NetworkDataError([Issue(str(file), "file", f"a JSON {outermost.__name__}", "a pandapower net")])
    from rexnet_grid.electric.pandapower_files import net_from_json

    return net_from_json(text, str(file))


def _read_excel(file: Path) -> Any:
    if find_spec("openpyxl") is None:
        raise MissingExtraError("openpyxl", "excel")
    from rexnet_grid.electric.pandapower_files import net_from_excel, sheets_of

    sheets = sheets_of(file)
    strangers: set[str] = set()
    for frame in sheets.values():
        for column in frame.select_dtypes(exclude=["number", "bool", "datetime"]):
            for text in {cell for cell in frame[column] if isinstance(cell, str)}:
                strangers |= names_in_text(text)
    _refuse(file, strangers)
    return net_from_excel(file, sheets)


def _refuse(file: Path, strangers: set[str]) -> None:
    if strangers:
        expected = f"data of {', '.join(PACKAGES)}"
        raise NetworkDataError(
            [Issue(str(file), "module or class", name, expected, "nothing was imported") for name in sorted(strangers)]
        )
